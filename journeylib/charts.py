"""Charts of stages, moves, emotions and pains, and the one door to all charts of the kit.

A frame in, Axes out; every title is the finding, computed from the frame that is drawn. Not for
estimating anything. Sources and personas are drawn in `source_charts`, effects in `impact_charts`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib import chart_parts as parts
from journeylib import labels, theme
from journeylib.impact_charts import (
    plot_arms,
    plot_event_study,
    plot_group_series,
    plot_impacts,
    plot_metrics,
    plot_series,
)
from journeylib.losses import find_largest_loss
from journeylib.source_charts import (
    plot_activity,
    plot_events_over_time,
    plot_persona_profile,
    plot_personas,
    plot_silhouette,
    plot_sources,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_activity",
    "plot_arms",
    "plot_emotion_curve",
    "plot_event_study",
    "plot_events_over_time",
    "plot_funnel",
    "plot_group_series",
    "plot_impacts",
    "plot_metrics",
    "plot_pains",
    "plot_persona_profile",
    "plot_personas",
    "plot_series",
    "plot_silhouette",
    "plot_sources",
    "plot_touchpoint_sentiment",
    "plot_transitions",
]

MOST_CELLS = 12
PAIN_WORDS = {
    "loss": "customers are lost",
    "delay": "customers come late",
    "repeat": "customers come back",
    "sentiment": "customers feel worse",
    "inconsistency": "it goes worse than in the other channels",
}


def plot_funnel(stages: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how many customers reach each stage and how many go on, in journey order.

    Args:
        stages: One persona's rows: ``stage, reached, share``, and ``value, low, high`` of the
            share that goes on to the next stage.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if stages.empty:
        return None
    ax = parts.new_axes(ax, width=8.4, height=parts.row_height(len(stages), each=0.62))
    places = parts.list_rows(ax, [labels.sentence_case(name) for name in stages["stage"]])
    ax.set_yticklabels([parts.words(labels.sentence_case(name)) for name in stages["stage"]])
    share = parts.numbers(stages, "share")
    ax.barh(places, np.ones(len(stages)), height=0.5, color=theme.WASH)
    ax.barh(places, share, height=0.5, color=parts.accent())
    reached = parts.numbers(stages, "reached")
    notes = [
        f"{labels.count_text(count)} customers, {labels.share_text(part)}"
        for count, part in zip(reached, share, strict=True)
    ]
    parts.side_notes(ax, notes, places)
    last = int((reached > 0).nonzero()[0].max(initial=0))
    for place, (_, row) in zip(places[:last], stages.iloc[:last].iterrows(), strict=True):
        _between_stages(ax, row, place)
    ax.set_xlim(0, 1)
    parts.number_axis(ax.xaxis, "share")
    ax.set_xlabel("Share of customers who reach the stage; between bars, share that goes on")
    parts.set_finding(ax, _funnel_title(stages))
    return ax


def _between_stages(ax: Axes, row: pd.Series, place: float) -> None:
    between = labels.interval_text(row.get("low", math.nan), row.get("high", math.nan), "share")
    text = f"↓ {labels.share_text(row.get('value', math.nan))} go on"
    text += f" ({between})" if between else ""
    if labels.is_missing(row.get("value", math.nan)):
        # Nobody or nearly all: the few who are left would be told.
        text = "↓ share withheld, too few on one side" if row["reached"] > 0 else "↓"
    ax.annotate(
        text, xy=(0.005, place + 0.5), va="center", fontsize=8.5, color=theme.MUTED, zorder=5
    )


def _funnel_title(stages: pd.DataFrame) -> str:
    loss = find_largest_loss(stages)
    if loss is None:
        reached = labels.count_text(parts.numbers(stages, "reached")[0])
        return f"{reached} customers reach {parts.words(stages['stage'].iloc[0])}"
    here, there = parts.words(loss.stage), parts.words(loss.following)
    share, n = labels.share_text(loss.share), parts.n_text(loss.reached)
    if loss.is_last:
        return f"{share} go on from {here} to {there} ({n})"
    return f"Most customers are lost between {here} and {there} ({share} go on, {n})"


def plot_transitions(transitions: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw where customers go next, for the touchpoints that are met most.

    Args:
        transitions: Columns ``from, to, share, count``; share of all transitions out of ``from``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if transitions.empty:
        return None
    both = pd.concat([transitions["from"], transitions["to"]])
    weight = pd.concat([transitions["count"], transitions["count"]]).groupby(both).sum()
    ranked = weight.sort_values(ascending=False, kind="stable").index
    keep = list(ranked[:MOST_CELLS])
    rows = transitions[transitions["from"].isin(keep) & transitions["to"].isin(keep)]
    table = rows.pivot_table(index="from", columns="to", values="share", aggfunc="sum")
    table = table.reindex(index=keep, columns=keep)
    side = 2.6 + 0.52 * len(keep)
    ax = parts.new_axes(ax, width=max(7.6, side + 1), height=max(3.6, side))
    top = float(np.nanmax(table.to_numpy(dtype=float))) if table.notna().any(axis=None) else 1.0
    parts.heat_map(ax, table, limits=(0.0, top or 1.0), text=lambda share: f"{100 * share:.0f}")
    left = len(ranked) - len(keep)
    note = "Next touchpoint (% of transitions out of the row)"
    ax.set_xlabel(note + (f"\n{left:,} other touchpoints not shown" if left > 0 else ""))
    ax.set_ylabel("Touchpoint")
    parts.set_finding(ax, _transitions_title(transitions))
    return ax


def _transitions_title(transitions: pd.DataFrame) -> str:
    moved = transitions[transitions["from"] != transitions["to"]]
    rows = moved if len(moved) else transitions
    top = rows.sort_values("count", ascending=False, kind="stable").iloc[0]
    return (
        f"The most common move is from {parts.words(top['from'])} to {parts.words(top['to'])} "
        f"({labels.share_text(top['share'])} of moves out, {labels.count_text(top['count'])} times)"
    )


def plot_emotion_curve(stages: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw mean sentiment by stage with its interval, in journey order; gaps stay gaps.

    Args:
        stages: One persona's rows: ``stage, value, low, high, n``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if stages.empty:
        return None
    value, low, high, n = (parts.numbers(stages, name) for name in ("value", "low", "high", "n"))
    ax = parts.new_axes(ax, width=max(7.6, 1.1 * len(stages)))
    places = np.arange(len(stages))
    ax.axhline(0, color="#9aa7b1", linewidth=1)
    ax.fill_between(places, low, high, color=parts.accent(), alpha=0.16, linewidth=0)
    ax.errorbar(
        places, value, yerr=np.abs(np.vstack([value - low, high - value])), fmt="none",
        ecolor=parts.accent(), alpha=0.5, elinewidth=1.2,
    )  # fmt: skip
    ax.plot(places, value, color=parts.accent(), marker="o", markersize=7)
    names = [parts.words(labels.sentence_case(name), 16) for name in stages["stage"]]
    under = [
        parts.n_text(count) if np.isfinite(mean) else "no scores"
        for mean, count in zip(value, n, strict=True)
    ]
    ax.set_xticks(places, [f"{a}\n{b}" for a, b in zip(names, under, strict=True)])
    ax.set(ylabel="Mean sentiment, −1 to 1", ylim=(-1, 1), xlim=(-0.4, len(stages) - 0.6))
    ax.grid(axis="y")
    parts.set_finding(ax, _emotion_title(stages, value, n))
    return ax


def _emotion_title(stages: pd.DataFrame, value: np.ndarray, n: np.ndarray) -> str:
    if not np.isfinite(value).any():
        return "No stage has scores, so there is no emotion curve"
    lowest = int(np.nanargmin(value))
    name = parts.words(stages["stage"].iloc[lowest])
    if np.isfinite(value).sum() == 1:
        return f"Only {name} has scores (mean {value[lowest]:+.2f}, {parts.n_text(n[lowest])})"
    return f"Customers feel worst in {name} ({parts.n_text(n[lowest])})"


def plot_pains(pains: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the pain points in the order of their rank, each with its interval.

    Args:
        pains: Columns ``rank, touchpoint, channel, kind, value, low, high, customers,
            p_adjusted``; one unit.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if pains.empty:
        return None
    rows = pains.sort_values("rank", kind="stable")
    label = [_place(row) for _, row in rows.iterrows()]
    unit = parts.only_unit(rows)
    count = rows["customers"] if "customers" in rows else rows.get("n", math.nan)
    ax = parts.interval_rows(
        rows.assign(label=label, n=count), unit=unit, colours=theme.BAD, ax=ax,
        what="" if unit in parts.AXIS_NAMES else "Size of the pain point",
    )  # fmt: skip
    ax.axvline(0, color="#9aa7b1", linewidth=1, zorder=1)
    top = rows.iloc[0]
    kind = PAIN_WORDS.get(str(top.get("kind", "")), "it goes badly")
    where = parts.words(_place(top), 60)
    sure = _how_sure(top.get("p_adjusted", math.nan))
    number = labels.count_text(top.get("customers", math.nan))
    parts.set_finding(
        ax, f"The first pain point is {where}: {kind} ({number} customers concerned{sure})"
    )
    return ax


def _how_sure(p_adjusted: float) -> str:
    if labels.is_missing(p_adjusted):
        return ""
    return ", adjusted p < 0.001" if p_adjusted < 0.001 else f", adjusted p = {p_adjusted:.3f}"


def _place(row: pd.Series) -> str:
    return labels.place_text(row.get("touchpoint"), row.get("channel"))


def plot_touchpoint_sentiment(touchpoints: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw mean sentiment per touchpoint, worst first; blue above zero, orange below.

    Args:
        touchpoints: Columns ``touchpoint, channel, value, low, high, n``; rows without a value
            are left out. ``sentiment`` stands in for an absent ``value``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None when no touchpoint has a value.
    """
    column = "value" if "value" in touchpoints else "sentiment"
    if touchpoints.empty or column not in touchpoints:
        return None
    rows = touchpoints.assign(value=parts.numbers(touchpoints, column)).dropna(subset=["value"])
    if rows.empty:
        return None
    rows = rows.sort_values("value", kind="stable")
    rows = rows.assign(label=[_place(row) for _, row in rows.iterrows()])
    hues = [theme.BAD if value < 0 else theme.GOOD for value in rows["value"]]
    ax = parts.interval_rows(rows, unit="sentiment", colours=hues, ax=ax)
    ax.axvline(0, color="#9aa7b1", linewidth=1, zorder=1)
    worst = rows.iloc[0]
    n = worst.get("n", worst.get("customers", math.nan))
    parts.set_finding(
        ax,
        f"Customers are least happy with {parts.words(worst['label'], 60)} "
        f"({labels.value_text(worst['value'], 'sentiment')}, {parts.n_text(n)})",
    )
    return ax
