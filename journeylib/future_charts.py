"""Charts of scenarios and of credit. Not for working either out.

A frame in, Axes out; every title is the finding, computed from the frame that is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_NAMES = 10
# The first that a client has says most: money, then the outcome, then the first purchase.
TOLD_BY = ("money_per_year", "money_per_1000_journeys", "reaches_outcome")
AXES = {
    "money_per_year": "Change in money a year",
    "money_per_1000_journeys": "Change in money of 1,000 journeys",
    "reaches_outcome": "Change in the share with the outcome",
}
RULES = {
    "first": "First", "last": "Last", "linear": "Equal parts", "position": "First and last",
    "time_decay": "Time decay", "markov": "Markov removal",
    "shapley": "Shapley",
}  # fmt: skip


def plot_scenarios(forecasts: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw what would follow from each scenario, with its interval.

    Args:
        forecasts: The result table ``forecasts``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None without a scenario. A square stands for a measured effect, a dot for a
        guess.
    """
    rows = _told_rows(forecasts)
    if rows.empty:
        return None
    unit, metric = str(rows["unit"].iloc[0]), str(rows["metric"].iloc[0])
    measured = rows["source"].astype(str).str.contains("measured").to_numpy(dtype=bool)
    ax = parts.new_axes(ax, width=8.8, height=parts.row_height(len(rows), each=0.55, frame=1.9))
    names = ["\n".join(labels.wrap_label(str(name), 250, 11)) for name in rows["scenario"]]
    places = parts.list_rows(ax, [labels.plot_label(name, 200) for name in names])
    ax.set_yticks(places, [name.replace("$", r"\$") for name in names])
    hues = np.where(measured, theme.GOOD, theme.OTHER)
    for place, row, hue, is_measured in zip(
        places, rows.to_dict("records"), hues, measured, strict=True
    ):
        ends = [float(row["low"]), float(row["high"])]
        ax.plot(ends, [place, place], color=hue, linewidth=5, alpha=0.35, zorder=2)
        ax.scatter([float(row["value"])], [place], marker="s" if is_measured else "o", s=52,
                   color=hue, edgecolor=theme.PAPER, zorder=3)  # fmt: skip
    parts.side_notes(
        ax, [parts.estimate_note(row, unit, difference=True) for _, row in rows.iterrows()], places
    )
    ax.axvline(0, color=theme.INK, linewidth=0.9, zorder=1)
    ax.set_xlim(
        parts.share_limits([0.0, *parts.numbers(rows, "low"), *parts.numbers(rows, "high")])
    )
    parts.number_axis(ax.xaxis, unit)
    told = "■ rests on a measured effect; ● on a guess" if measured.any() else "all rest on guesses"
    ax.set_xlabel(f"{AXES[metric]}, with interval\n{told}; a scenario is not a forecast")
    parts.set_finding(ax, _scenario_title(rows.iloc[0], metric, unit))
    return ax


def _told_rows(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Keep the one measure that all scenarios are told by."""
    known = forecasts.dropna(subset=["value", "low", "high"]) if len(forecasts) else forecasts
    for metric in TOLD_BY:
        rows = known[known["metric"] == metric] if len(known) else known
        if len(rows):
            return rows.head(parts.MOST_ROWS)
    return known.head(0)


def _scenario_title(row: pd.Series, metric: str, unit: str) -> str:
    told = labels.estimate_text(row["value"], row["low"], row["high"], unit, difference=True)
    per = {"money_per_year": " a year", "money_per_1000_journeys": " for 1,000 journeys"}
    what = per.get(metric, " with the outcome")
    name = labels.clean_label(row["scenario"])
    return labels.plot_label(f"{name}: {told}{what}, if it came true", 200)


def plot_credit(credit: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the share of credit of each channel under each rule, side by side.

    Args:
        credit: From ``attribution.share_credit``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None without credit.
    """
    known = credit.dropna(subset=["value"]) if len(credit) else credit
    if known.empty:
        return None
    table = known.pivot_table(index="name", columns="rule", values="value", aggfunc="first")
    if len(known) == len(credit):  # nothing is withheld: what has no row has no credit
        table = table.fillna(0.0)
    rules = [rule for rule in RULES if rule in table]
    order = table.mean(axis=1).sort_values(ascending=False, kind="stable").index
    shown = table.loc[order[:MOST_NAMES], rules]
    others = len(table) - len(shown)
    ax = parts.new_axes(ax, width=8.8, height=parts.row_height(len(shown), each=0.48, frame=2.6))
    largest = float(np.nanmax(shown.to_numpy(dtype=float)))
    parts.heat_map(ax, shown.rename(columns=RULES), limits=(0.0, max(largest, 1e-9)),
                   text=labels.share_text)  # fmt: skip
    left = f"; {others} more not shown" if others > 0 else ""
    ax.set_xlabel(f"Share of all credit for the outcome, by the rule that shares it out{left}")
    parts.set_finding(ax, _credit_title(shown, known))
    return ax


def _credit_title(shown: pd.DataFrame, known: pd.DataFrame) -> str:
    spread = (shown.max(axis=1) - shown.min(axis=1)).to_numpy(dtype=float)
    own = shown.iloc[int(np.argmax(spread))].dropna()
    name = labels.clean_label(own.name).replace("_", " ")
    n = parts.n_text(float(known["n"].iloc[0]))
    between = labels.interval_text(float(own.min()), float(own.max()), "share")
    text = f"Credit, not effect: {name} gets anything from {between} of it, by the rule ({n})"
    return labels.plot_label(text, 160)
