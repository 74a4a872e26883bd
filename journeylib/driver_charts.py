"""Charts of key drivers and of how firm the ranking of the pains stands.

A frame in, Axes out; every title is the finding, computed from the frame that is drawn. Not for
estimating anything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from journeylib import chart_parts as parts
from journeylib import labels, theme
from journeylib.robustness import BASE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_DRIVERS = 12
UP, DOWN, OPEN = "▲", "▼", "○"
WAYS = {
    UP: (theme.GOOD, "more of it goes with a better answer"),
    DOWN: (theme.BAD, "more of it goes with a worse answer"),
    OPEN: (theme.OTHER, "direction not sure"),
}
NOT_LISTED, NOT_COMPARED = "–", "·"


def plot_drivers(
    drivers: pd.DataFrame, *, outcome: str = "", ax: Axes | None = None
) -> Axes | None:
    """Draw each driver's share of what all of them explain, with its interval and direction.

    Args:
        drivers: From ``drivers.find_drivers``.
        outcome: Outcome to draw; by default the first that could be analysed.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where no outcome could be analysed.
    """
    known = drivers.dropna(subset=["driver"]) if len(drivers) else drivers
    if outcome and len(known):
        known = known[known["outcome"] == outcome]
    if known.empty:
        return None
    first = known.iloc[0]
    same = (known["asked"] == first["asked"]) & (known["outcome"] == first["outcome"])
    rows, others = parts.head_rows(known[same], MOST_DRIVERS)
    ways = [_way(row) for _, row in rows.iterrows()]
    ax = parts.new_axes(ax, width=8.8, height=parts.row_height(len(rows), frame=2.0))
    names = [f"{parts.words(name, 30)}  {way}" for name, way in
             zip(rows["driver"], ways, strict=True)]  # fmt: skip
    places = parts.list_rows(ax, names)
    hues = [WAYS[way][0] for way in ways]
    value, low, high = (parts.numbers(rows, name) for name in ("value", "low", "high"))
    ax.barh(places, value, height=0.56, color=hues, alpha=0.85)
    ax.hlines(places, low, high, color=theme.INK, linewidth=1.4)
    ax.scatter(np.concatenate([low, high]), np.tile(places, 2), marker="|", s=46, color=theme.INK)
    notes = [_note(row) for _, row in rows.iterrows()]
    parts.side_notes(ax, notes, places)
    ax.set_xlim(0, 1.06 * float(np.nanmax(high)))
    parts.number_axis(ax.xaxis, "share")
    told = "; ".join(f"{way} {WAYS[way][1]}" for way in WAYS if way in ways)
    name = f"Share of what the {int(same.sum())} ratings explain together, with interval"
    ax.set_xlabel("\n".join(filter(None, [name, told, others])))
    parts.set_finding(ax, _drivers_title(first))
    return ax


def _way(row: pd.Series) -> str:
    if row["effect_low"] > 0:
        return UP
    return DOWN if row["effect_high"] < 0 else OPEN


def _note(row: pd.Series) -> str:
    share = labels.estimate_text(row["value"], row["low"], row["high"], "share")
    chance = "McFadden" in str(row["source"])
    effect = f"{100 * row['effect']:+.1f} pp" if chance else f"{row['effect']:+.2f}"
    effect = effect.replace("-", "−")
    return f"{share}; {effect} per point"


def _drivers_title(row: pd.Series) -> str:
    sure = labels.interval_text(row["low"], row["high"], "share")
    driver, outcome = (parts.words(row[name], 40) for name in ("driver", "outcome"))
    return (
        f"{labels.sentence_case(driver)} counts most for {outcome}: "
        f"{labels.share_text(row['value'])} ({sure}) of the {labels.share_text(row['r_squared'])} "
        f"that the ratings explain ({parts.n_text(row['n'])})"
    )


def plot_robustness(checked: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the rank of each leading pain under every choice.

    Args:
        checked: From ``robustness.check_robustness``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where nothing hurts. A dash says that the pain is not listed under that
        choice, a dot that it could not be compared.
    """
    if checked.empty:
        return None
    choices = list(dict.fromkeys(checked["choice"]))
    pains = checked.drop_duplicates("base_rank").sort_values("base_rank")
    top = len(pains)
    ax = parts.new_axes(ax, width=9.6, height=2.2 + 0.27 * len(choices))
    cells = checked.set_index(["choice", "base_rank"])
    for line, choice in enumerate(choices):
        for column, base in enumerate(pains["base_rank"]):
            _cell(ax, cells.loc[(choice, base)], (column, line), top)
    ax.set_yticks(np.arange(len(choices)), [labels.plot_label(name, 52) for name in choices])
    ax.set_xticks(np.arange(top), [_pain_name(row) for _, row in pains.iterrows()])
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, labelsize=8.5)
    ax.set(xlim=(-0.5, top - 0.5), ylim=(len(choices) - 0.5, -0.5))
    for side in ("left", "bottom", "top"):
        ax.spines[side].set_visible(False)
    _part_groups(ax, checked, choices)
    ax.set_xlabel(
        f"Rank among the pains of each choice; filled: among the first {top}; "
        f"{NOT_LISTED} not listed; {NOT_COMPARED} not to be compared"
    )
    parts.set_finding(ax, _robust_title(checked, top))
    ax.title.set_y(1.0)
    return ax


def _cell(ax: Axes, row: pd.Series, place: tuple[int, int], top: int) -> None:
    column, line = place
    rank = float(row["rank"])
    leads = rank <= top
    colour = parts.accent() if leads else "#e3eaee"
    if math.isnan(rank):
        colour = theme.PAPER
    fade = 1.0 - 0.55 * (rank - 1) / max(top - 1, 1) if leads else 1.0
    ax.add_patch(
        Rectangle((column - 0.46, line - 0.42), 0.92, 0.84, facecolor=colour, alpha=fade,
                  edgecolor="none")
    )  # fmt: skip
    missing = NOT_COMPARED if labels.is_missing(row["value"]) else NOT_LISTED
    ax.text(
        column, line, missing if math.isnan(rank) else f"{rank:.0f}", ha="center", va="center",
        fontsize=9, color=theme.PAPER if leads and fade > 0.6 else theme.INK,
    )  # fmt: skip


def _pain_name(row: pd.Series) -> str:
    channel = labels.clean_label(row["channel"])
    name = parts.words(row["touchpoint"], 22)
    return "\n".join(filter(None, [name, parts.words(channel, 18), str(row["kind"])]))


def _part_groups(ax: Axes, checked: pd.DataFrame, choices: list[str]) -> None:
    about = dict(zip(checked["choice"], checked["about"], strict=True))
    for line in range(1, len(choices)):
        if about[choices[line]] != about[choices[line - 1]]:
            ax.axhline(line - 0.5, color=theme.LINE, linewidth=0.8)


def _robust_title(checked: pd.DataFrame, top: int) -> str:
    others = checked[checked["choice"] != BASE]
    leads = (others["rank"] <= top).groupby(others["base_rank"]).all()
    count, firm = others["choice"].nunique(), int(leads.sum())
    verb = "stays" if firm == 1 else "stay"
    return f"{firm} of the first {top} pains {verb} among them under each of {count} other choices"
