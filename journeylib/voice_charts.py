"""Charts of what customers talk about: size and tone of themes, their changes, their places.

A frame in, Axes out; every title is the finding. Not for estimating anything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

MOST_THEMES, MOST_LINES, FEWEST_POINTS = 16, 4, 3
NEUTRAL = 0.05
MOVED = ("rising", "falling")


def plot_themes(themes: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how many customers speak of each theme, and how it felt beside it.

    Args:
        themes: The result table ``themes`` with ``sentiment_low, sentiment_high``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes; None where there is no theme.
    """
    known = themes.dropna(subset=["value"]) if len(themes) else themes
    if known.empty:
        return None
    shown, others = parts.head_rows(known, MOST_THEMES)
    ax = parts.new_axes(ax, width=9.6, height=parts.row_height(len(shown), each=0.36, frame=1.7))
    places = parts.list_rows(ax, [parts.words(name, 34) for name in shown["theme"]])
    parts.draw_intervals(ax, shown, colours=parts.accent(), places=places)
    parts.number_axis(ax.xaxis, "share")
    ax.set_xlim(0, parts.share_limits([*shown["high"], 0.0])[1])
    n = labels.count_text(float(shown["n"].max()))
    share = f"Customers who speak of it, share of the {n} who commented"
    ax.set_xlabel("\n".join(filter(None, [share, others])))
    felt = parts.numbers(shown, "sentiment")
    if np.isfinite(felt).any():
        _draw_tone(ax, shown, places)
    parts.set_finding(ax, _themes_title(known))
    return ax


def _draw_tone(ax: Axes, shown: pd.DataFrame, places: np.ndarray) -> None:
    """Draw mean tone in a panel at the right; what nobody rated says so."""
    panel = ax.inset_axes((1.06, 0, 0.42, 1))
    felt = pd.DataFrame(
        {name: parts.numbers(shown, f"sentiment{end}")
         for name, end in (("value", ""), ("low", "_low"), ("high", "_high"))}
    )  # fmt: skip
    hues = [_hue(value) for value in felt["value"]]
    parts.draw_intervals(panel, felt, colours=hues, places=places)
    for place, value in zip(places, felt["value"], strict=True):
        note = "not rated" if math.isnan(value) else labels.value_text(value, "sentiment")
        panel.annotate(
            note, xy=(1.03, place), xycoords=("axes fraction", "data"), va="center", fontsize=9,
            color=theme.MUTED, annotation_clip=False,
        )  # fmt: skip
    panel.axvline(0, color=theme.LINE, linewidth=1, zorder=1)
    panel.set(xlim=(-1, 1), ylim=ax.get_ylim(), yticks=[], xticks=[-1, 0, 1])
    panel.set_xticklabels(["−1", "0", "1"])
    panel.set_xlabel("How it felt, −1 to 1")
    for side in ("left", "right", "top"):
        panel.spines[side].set_visible(False)
    panel.grid(axis="x")


def _hue(value: float) -> str:
    if math.isnan(value) or abs(value) <= NEUTRAL:
        return theme.OTHER
    return theme.GOOD if value > 0 else theme.BAD


def _themes_title(known: pd.DataFrame) -> str:
    first = known.iloc[0]
    text = (
        f"{_share(first['value'])} of the customers who commented speak of {_name(first['theme'])}"
    )
    rated = known.dropna(subset=["sentiment"])
    if rated.empty:
        return text
    worst = rated.iloc[int(rated["sentiment"].to_numpy().argmin())]
    tone = labels.value_text(worst["sentiment"], "sentiment")
    if worst["theme"] == first["theme"]:
        return f"{text}, and nothing feels worse ({tone})"
    return f"{text}; {_name(worst['theme'])} feels worst ({tone})"


def plot_theme_changes(changes: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how each theme's share changed over the period.

    Args:
        changes: From ``trends.follow_themes``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes; None where nothing could be followed.
    """
    if changes.empty:
        return None
    order = changes.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    moved = {"rising": parts.accent(), "falling": theme.CATEGORIES[3]}
    rows = order.assign(
        label=[f"{_arrow(row)}{labels.clean_label(row['theme'])}"
               for row in order.to_dict("records")],
        effect=order["value"],
    )  # fmt: skip
    hues = [moved.get(str(verdict), theme.OTHER) for verdict in order["verdict"]]
    ax = parts.interval_rows(rows, unit="share", colours=hues, ax=ax)
    _, others = parts.head_rows(rows, parts.MOST_ROWS)
    name = "Change of the share of comments from the first day to the last, with interval"
    ax.set_xlabel("\n".join(filter(None, [name, others])))
    ax.axvline(0, color=theme.MUTED, linewidth=1, zorder=1)
    parts.set_finding(ax, _changes_title(changes))
    return ax


def _arrow(row: Any) -> str:
    return {"rising": "▲ ", "falling": "▼ "}.get(str(row["verdict"]), "")


def _changes_title(changes: pd.DataFrame) -> str:
    told = []
    for verdict, words in zip(MOVED, ("more", "less"), strict=True):
        names = changes.loc[changes["verdict"] == verdict, "theme"].tolist()
        if names:
            told.append(f"{words} of {_listed(names)}")
    if not told:
        return "No theme clearly rises or falls"
    return f"Customers speak {' and '.join(told)}"


def plot_theme_periods(
    periods: pd.DataFrame, changes: pd.DataFrame, *, ax: Axes | None = None
) -> Axes | None:
    """Draw the shares of the themes that moved, else of the most frequent, by month or quarter.

    Args:
        periods: ``periods`` of ``trends.follow_themes``.
        changes: Its ``changes``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes; None where no period holds enough comments.
    """
    if periods.empty:
        return None
    known = periods.dropna(subset=["value"]).groupby("theme", sort=True)["mentions"]
    lasting = known.sum()[known.size() >= FEWEST_POINTS]
    moved = changes.loc[changes["verdict"].isin(MOVED), "theme"]
    names = [name for name in moved if name in lasting.index][:MOST_LINES]
    title = _changes_title(changes)
    if not names:
        names = lasting.sort_values(ascending=False, kind="stable").index[:MOST_LINES].tolist()
        title = f"{_name(names[0])} over time".capitalize() if names else ""
    if not names:
        return None
    ax = parts.new_axes(ax, width=8.6, height=4.2)
    ends = []
    for place, name in enumerate(names):
        rows = periods[periods["theme"] == name].sort_values("start")
        hue = theme.CATEGORIES[place % len(theme.CATEGORIES)]
        at = pd.to_datetime(rows["start"]).to_numpy()
        ax.fill_between(at, rows["low"], rows["high"], color=hue, alpha=0.12, linewidth=0)
        ax.plot(at, rows["value"], color=hue, marker=theme.MARKERS[place], markersize=5)
        known = rows["value"].dropna()
        ends.append(float(known.iloc[-1]) if len(known) else 0.0)
    ax.set_ylim(bottom=0)
    parts.number_axis(ax.yaxis, "share")
    ax.set_ylabel("Share of the customers\nwho commented")
    hues = [theme.CATEGORIES[place % len(theme.CATEGORIES)] for place in range(len(names))]
    parts.end_labels(ax, [parts.words(name, 26) for name in names], ends, hues)
    ax.grid(axis="y")
    parts.set_finding(ax, title)
    return ax


def plot_theme_stages(
    cells: pd.DataFrame, stages: Sequence[str], *, ax: Axes | None = None
) -> Axes | None:
    """Draw where customers speak of each theme.

    Args:
        cells: ``by_stage`` or ``by_persona`` of the themes.
        stages: Stages in journey order, or personas; those where nobody commented are left out.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes; None where no comment has a place.
    """
    column = "stage" if len(cells) and (cells["persona"] == "all").all() else "persona"
    known = cells[cells[column].isin(list(stages))] if len(cells) else cells
    if known.empty:
        return None
    order = known.groupby("theme", sort=True)["mentions"].sum()
    order = order.sort_values(ascending=False, kind="stable").head(MOST_THEMES)
    table = known.pivot_table(index="theme", columns=column, values="value", aggfunc="first")
    table = table.reindex(index=order.index, columns=[s for s in stages if s in table.columns])
    wide, high = max(7.6, 3.4 + 1.1 * table.shape[1]), 1.8 + 0.36 * len(table)
    ax = parts.new_axes(ax, width=wide, height=high)
    named = table.rename(columns=labels.sentence_case)
    parts.heat_map(ax, named, limits=(0.0, 1.0), text=lambda share: f"{100 * share:.0f}")
    ax.set_xlabel(f"% of the customers who commented in the {column}; blank: withheld, too few")
    ax.set_ylabel("")
    top = known.iloc[int(known["value"].fillna(-1).to_numpy(float).argmax())]
    where = labels.sentence_case(top[column]).lower() if column == "stage" else top[column]
    parts.set_finding(
        ax, f"Of those who commented in {where}, {_share(top['value'])} speak of "
        f"{_name(top['theme'])} ({parts.n_text(top['n'])})"
    )  # fmt: skip
    return ax


def _share(value: float) -> str:
    return labels.share_text(value)


def _name(name: object) -> str:
    text = labels.plot_label(name, 40)
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _listed(names: Sequence[str]) -> str:
    told = [_name(name) for name in names[:3]]
    if len(names) > 3:
        told = [*told, f"{len(names) - 3} more"]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
