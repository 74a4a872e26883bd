"""Charts of staying: the cohort triangle, and how long customers remain. A frame in, Axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_MONTHS = 18


def plot_cohorts(cohorts: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the cohort triangle: who comes back in each month after their first.

    Args:
        cohorts: Columns ``cohort, age, customers, active, value, partial``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where no cohort has a later month.
    """
    known = cohorts.dropna(subset=["value"]) if len(cohorts) else cohorts
    if known.empty or not (known["age"] > 0).any():
        return None
    names = sorted(known["cohort"].unique())[-MOST_MONTHS:]
    later = known[known["cohort"].isin(names) & known["age"].between(1, MOST_MONTHS)]
    table = later.pivot_table(index="cohort", columns="age", values="value", aggfunc="sum")
    table = table.reindex(names).dropna(how="all")
    marks = later.pivot_table(index="cohort", columns="age", values="partial", aggfunc="max")
    marks = marks.reindex(index=table.index, columns=table.columns)
    sizes = known.drop_duplicates("cohort").set_index("cohort")["customers"]
    wide, high = max(7.6, 2.6 + 0.55 * table.shape[1]), 1.9 + 0.38 * len(table)
    ax = parts.new_axes(ax, width=wide, height=high)
    shown = table.rename(index=lambda name: f"{name} ({labels.count_text(sizes[name])})")
    parts.heat_map(ax, shown, limits=(0.0, float(np.nanmax(table)) or 1.0),
                   text=lambda share: f"{100 * share:.0f}")  # fmt: skip
    _mark_partial(ax, marks)
    ax.tick_params(axis="x", rotation=0)
    note = (
        "\nHatched cells: the data covers that month only in part" if later["partial"].any() else ""
    )
    ax.set(
        xlabel=f"Months after the first (% of the cohort){note}", ylabel="First seen (customers)"
    )
    parts.set_finding(ax, _cohorts_title(later))
    return ax


def _mark_partial(ax: Axes, marks: pd.DataFrame) -> None:
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(marks.fillna(value=False).to_numpy(dtype=bool)):
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor="none", edgecolor=theme.MUTED,
                               hatch="///", linewidth=0, alpha=0.55))  # fmt: skip


def _cohorts_title(later: pd.DataFrame) -> str:
    whole = later[~later["partial"].astype(bool) & (later["age"] == later["age"].min())]
    rows = whole if len(whole) else later
    active, customers = rows["active"].sum(), rows["customers"].sum()
    share = labels.share_text(active / customers)
    months = int(rows["age"].min())
    when = "in the month after their first" if months == 1 else f"{months} months after their first"
    return f"{share} of customers are back {when} ({parts.n_text(customers)})"


def plot_tenure(curves: pd.DataFrame, *, by: str = "", ax: Axes | None = None) -> Axes | None:
    """Draw the share of customers who are still there, one curve for each group.

    Args:
        curves: Columns ``group, months, value, low, high, customers``.
        by: What forms the groups, for the title; empty where there is one.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None without a value.
    """
    known = curves.dropna(subset=["value"]) if len(curves) else curves
    if known.empty:
        return None
    ax = parts.new_axes(ax, width=8.4, height=4.4)
    groups = list(known["group"].drop_duplicates())
    marks = theme.persona_marks(groups)
    ends, hues = [], []
    for group in groups:
        rows = known[known["group"] == group]
        hue = parts.accent() if len(groups) == 1 else marks[group].colour
        dash = [float(part) / 2 for part in marks[group].dash.split()] if len(groups) > 1 else []
        ax.fill_between(
            rows["months"], rows["low"], rows["high"], color=hue, alpha=0.16, linewidth=0
        )
        ax.plot(rows["months"], rows["value"], color=hue, linestyle=(0, dash) if dash else "-")
        ends.append(float(rows["value"].iloc[-1]))
        hues.append(hue)
    ax.set(xlim=(0, float(known["months"].max())), ylim=(0, 1.02))
    sizes = known.groupby("group", sort=False)["customers"].max()
    names = [
        f"{parts.words(g, 20) if by else 'All'} ({labels.count_text(sizes[g])})" for g in groups
    ]
    parts.end_labels(ax, names, ends, hues)
    parts.number_axis(ax.yaxis, "share")
    ax.set(xlabel="Months as a customer", ylabel="Still a customer")
    ax.grid(axis="y")
    parts.set_finding(ax, _tenure_title(known, by))
    return ax


def _tenure_title(known: pd.DataFrame, by: str) -> str:
    until = min(12.0, float(known.groupby("group")["months"].max().min()))
    at = known[known["months"] >= until - 1e-9].groupby("group", sort=False).head(1)
    at = at.sort_values("value", kind="stable")
    told = [
        f"{labels.share_text(row['value'])} ({parts.n_text(row['customers'])})"
        for row in at.to_dict("records")
    ]
    when = f"after {labels.count_text(until)} months"
    if not by or len(at) == 1:
        return f"{told[0]} are still customers {when}"
    low, high = (parts.words(at["group"].iloc[place]) for place in (0, -1))
    name = parts.words(by)
    return f"Still customers {when}, by {name}: {told[-1]} in {high}, {told[0]} in {low}"
