"""Charts of interventions and of metrics against their targets: a frame in, Axes out.

Not for estimating an effect: the frames come from `impact` and carry their own intervals.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes


def plot_arms(arms: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the outcome of each arm of a test with its interval; the first row is the control.

    Args:
        arms: Columns ``arm, value, low, high, n, unit``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if arms.empty:
        return None
    unit = parts.only_unit(arms)
    hues = [theme.OTHER, *[parts.accent()] * (len(arms) - 1)]
    rows = arms.assign(label=arms["arm"])
    ax = parts.interval_rows(rows, unit=unit, colours=hues, ax=ax, what=_metric(arms, "Outcome"))
    told = [
        f"{parts.words(name, 24)} {labels.plot_label(labels.value_text(value, unit), 40)}"
        for name, value in zip(arms["arm"], arms["value"], strict=True)
    ]
    parts.set_finding(ax, f"{_metric(arms, 'Outcome')}: {', '.join(told)}")
    return ax


def _metric(frame: pd.DataFrame, default: str) -> str:
    found = set(frame["metric"].dropna()) if "metric" in frame else set()
    return labels.metric_name(found.pop()) if len(found) == 1 else default


def plot_event_study(effects: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the difference between treated and other units, period by period around the start.

    Args:
        effects: Columns ``time, value, low, high``; time in periods from the start, those
            before it negative.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if effects.empty:
        return None
    rows = effects.sort_values("time")
    time, value, low, high = (parts.numbers(rows, c) for c in ("time", "value", "low", "high"))
    ax = parts.new_axes(ax)
    ax.axhline(0, color="#9aa7b1", linewidth=1)
    ax.axvline(-0.5, color=theme.BAD, linewidth=1.4, linestyle="--")
    for after, hue in ((False, theme.OTHER), (True, parts.accent())):
        here = (time >= 0) == after
        ax.vlines(time[here], low[here], high[here], color=hue, linewidth=4, alpha=0.35)
        ax.scatter(time[here], value[here], color=hue, s=42, zorder=3)
    unit = parts.only_unit(rows)
    parts.number_axis(ax.yaxis, unit)
    ax.set_xlabel("Periods from the start (dashed line)")
    ax.set_ylabel("Difference to other units, less that before")
    ax.grid(axis="y")
    before = (time < 0) & np.isfinite(low) & np.isfinite(high)
    clear = int(((low > 0) | (high < 0))[before].sum())
    later = (time >= 0) & np.isfinite(low) & np.isfinite(high)
    apart = int(((low > 0) | (high < 0))[later].sum())
    told = f"{clear} of {int(before.sum())} periods before the start lie apart from zero"
    parts.set_finding(ax, f"{told}, {apart} of {int(later.sum())} after it")
    return ax


def plot_group_series(
    series: pd.DataFrame, *, start: object | None = None, ax: Axes | None = None
) -> Axes | None:
    """Draw the mean over time of treated and other units, with the start of the intervention.

    Args:
        series: Columns ``time, value`` and ``treated`` (flag) or ``group`` (name).
        start: When the intervention started, of the same kind as ``time``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if series.empty:
        return None
    rows = series.sort_values("time", kind="stable")
    if "group" not in rows:
        flags = rows["treated"].astype(bool)
        rows = rows.assign(group=np.where(flags, "treated units", "other units"))
    ax = parts.new_axes(ax)
    names, ends, hues = [], [], []
    for slot, (name, part) in enumerate(rows.groupby("group", sort=True)):
        hue = parts.accent() if str(name).startswith("treated") else theme.CATEGORIES[slot % 6]
        hue = theme.OTHER if str(name) == "other units" else hue
        ax.plot(part["time"], part["value"], color=hue, linestyle="-" if slot else "--")
        names.append(parts.words(name, 20))
        ends.append(float(part["value"].iloc[-1]))
        hues.append(hue)
    _finish_series(ax, rows, start)
    parts.end_labels(ax, names, ends, hues)
    parts.set_finding(ax, _groups_title(rows, start))
    return ax


def _finish_series(ax: Axes, rows: pd.DataFrame, start: object | None) -> None:
    unit = parts.only_unit(rows)
    parts.number_axis(ax.yaxis, unit)
    ax.set_ylabel(parts.axis_name(unit) or "Value (metric unit)")
    ax.grid(axis="y")
    if start is not None:
        ax.axvline(_moment(start), color=theme.BAD, linewidth=1.4, linestyle="--")
    ax.set_xlabel(
        "Time" + (" (dashed line: start of the intervention)" if start is not None else "")
    )
    if pd.api.types.is_datetime64_any_dtype(rows["time"]):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(maxticks=9)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))


def _moment(start: object) -> Any:
    return pd.Timestamp(start) if isinstance(start, str | dt.date) else start


def _groups_title(rows: pd.DataFrame, start: object | None) -> str:
    """Say how each group moved from before the start to after it."""
    unit = parts.only_unit(rows)
    groups = rows["group"].drop_duplicates().sort_values(ascending=False, ignore_index=True)
    if not 1 <= len(groups) <= 3 or start is None:
        return f"{len(groups)} groups over {rows['time'].nunique():,} periods"
    after = rows["time"] >= _moment(start)
    told = []
    for name in groups:
        own = rows["group"] == name
        ends = [rows.loc[own & side, "value"].mean() for side in (~after, after)]
        before, since = (labels.plot_label(labels.value_text(end, unit), 40) for end in ends)
        told.append(f"{parts.words(name, 24)} {before} → {since}")
    return f"Mean before and after the start: {', '.join(told)}"


def plot_series(
    series: pd.DataFrame, *, start: object | None = None, ax: Axes | None = None
) -> Axes | None:
    """Draw one series, the model fitted to it, and where it would have gone without the change.

    Args:
        series: Columns ``time, value`` and, if known, ``fitted, counterfactual``.
        start: When the intervention started; read from a column ``start`` if not given.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if series.empty:
        return None
    rows = series.sort_values("time", kind="stable")
    if start is None and "start" in rows:
        start = rows["start"].iloc[0]
    ax = parts.new_axes(ax, width=8.4)
    ax.scatter(rows["time"], rows["value"], color=theme.OTHER, s=20, zorder=3)
    names, ends, hues = ["measured"], [_last(rows, "value")], [theme.OTHER]
    after = rows["time"] >= _moment(start) if start is not None else rows["time"].notna()
    for column, name, hue, dash in (
        ("counterfactual", "without the change", theme.BAD, "--"),
        ("fitted", "fitted", parts.accent(), "-"),
        ("mean", "mean of each side", parts.accent(), "-"),
    ):
        if column in rows and rows[column].notna().any():
            for side in (~after, after):  # a step is no slope: nothing is drawn across the start
                ax.plot(rows["time"][side], rows[column][side], color=hue, linestyle=dash)
            names.append(name)
            ends.append(_last(rows, column))
            hues.append(hue)
    _finish_series(ax, rows, start)
    parts.end_labels(ax, names, ends, hues)
    parts.set_finding(ax, _series_title(rows, after))
    return ax


def _last(rows: pd.DataFrame, column: str) -> float:
    known = rows[column].dropna()
    return float(known.iloc[-1]) if len(known) else 0.0


def _series_title(rows: pd.DataFrame, after: pd.Series) -> str:
    """Say how far the fit lies from where the series was heading, first and last."""
    unit = parts.only_unit(rows)
    both = {"fitted", "counterfactual"} <= set(rows.columns)
    known = rows[after].dropna(subset=["fitted", "counterfactual"]) if both else rows.head(0)
    if known.empty:
        return f"{int((~after).sum()):,} periods before the start, {int(after.sum()):,} after it"
    gaps = (known["fitted"] - known["counterfactual"]).iloc[[0, -1]]
    first, last = (
        labels.plot_label(labels.estimate_text(gap, math.nan, math.nan, unit, difference=True), 40)
        for gap in gaps
    )
    return f"Against where it was heading: {first} at the start, {last} at the end"


def plot_impacts(impacts: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw every intervention with interval and verdict; a tick marks the worthwhile effect.

    Rows of different units are each drawn on their own scale, which leaves the zero line, the
    interval and the worthwhile effect comparable and nothing else; the axis then has no numbers.

    Args:
        impacts: Columns ``intervention, metric, value, low, high, n, unit, verdict`` and, if
            declared, ``worthwhile`` (in the metric's unit) and ``segment`` (only "all" is drawn).
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    rows = impacts[impacts["segment"] == "all"] if "segment" in impacts else impacts
    if rows.empty:
        return None
    shown, others = parts.head_rows(rows, parts.MOST_ROWS)
    unit = parts.only_unit(shown)
    scaled = _scaled(shown, by_row=not unit and "unit" in shown)
    ax = parts.new_axes(ax, width=9.6, height=parts.row_height(len(shown), each=0.52))
    names = [_impact_name(row) for _, row in shown.iterrows()]
    places = parts.list_rows(ax, names)
    hues = [_verdict_colour(verdict) for verdict in shown["verdict"]]
    parts.draw_intervals(ax, scaled, colours=hues, places=places)
    ax.axvline(0, color=theme.INK, linewidth=1, zorder=1)
    goal = parts.numbers(scaled, "worthwhile")
    ax.vlines(goal, places - 0.3, places + 0.3, color=theme.INK, linewidth=1.4, linestyle=":")
    notes = [f"{parts.words(row['verdict'])}\n{_difference(row)}" for _, row in shown.iterrows()]
    parts.side_notes(ax, notes, places)
    _impact_axis(ax, scaled, unit=unit, notes=[others, "dotted: smallest worthwhile effect"
                                               * bool(np.isfinite(goal).any())])  # fmt: skip
    parts.set_finding(ax, _impacts_title(rows))
    return ax


def _difference(row: pd.Series) -> str:
    if row.get("verdict") == "not interpretable":
        return "figure withheld"
    return parts.estimate_note(row, str(row.get("unit", "")), difference=True)


def _scaled(rows: pd.DataFrame, *, by_row: bool) -> pd.DataFrame:
    columns = [c for c in ("value", "low", "high", "worthwhile") if c in rows]
    table = rows[columns].astype(float)
    if by_row:
        table = table.div(table.abs().max(axis=1).replace(0, 1.0), axis=0)
    return table


def _impact_name(row: pd.Series) -> str:
    name = parts.words(row["intervention"], 32)
    return f"{name}\n{parts.words(labels.metric_name(row['metric']), 32)}"


def _verdict_colour(verdict: object) -> str:
    text = str(verdict)
    if text.startswith("works"):
        return theme.GOOD
    return theme.BAD if text == "harms" else theme.OTHER


def _impact_axis(ax: Axes, rows: pd.DataFrame, *, unit: str, notes: Sequence[str]) -> None:
    ends = np.concatenate([parts.numbers(rows, c) for c in ("value", "low", "high", "worthwhile")])
    ax.set_xlim(parts.share_limits([*ends, 0.0]))
    name = f"Change in the metric ({unit})"
    if unit:
        parts.number_axis(ax.xaxis, unit)
    else:
        ax.set_xticks([])
        name = "Change in the metric, each row on its own scale; the line is no change"
    ax.set_xlabel("\n".join(filter(None, [labels.plot_label(name, 90), *notes])))


def _impacts_title(rows: pd.DataFrame) -> str:
    verdicts = rows["verdict"].astype(str)
    good = rows[verdicts.str.startswith("works")]
    told = f"{len(good)} of {len(rows)} measured effects point to something that works"
    harms = int((verdicts == "harms").sum())
    if harms:
        return f"{told}; {harms} {'harms' if harms == 1 else 'harm'}"
    if len(good):
        return f"{told}, first {parts.words(good['intervention'].iloc[0], 40)}"
    return told


def plot_metrics(metrics: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw each metric with its interval against its target, each row on its own scale.

    Args:
        metrics: Columns ``metric, value, low, high, n, unit`` and, if set, ``target``. Where
            there is a ``segment`` only "all" is drawn.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    rows = metrics[metrics["segment"] == "all"] if "segment" in metrics else metrics
    if rows.empty:
        return None
    shown, others = parts.head_rows(rows, parts.MOST_ROWS)
    ax = parts.new_axes(ax, width=8.4, height=parts.row_height(len(shown), each=0.5))
    places = parts.list_rows(ax, [parts.words(labels.metric_name(m)) for m in shown["metric"]])
    scaled = pd.DataFrame([_on_own_scale(row) for _, row in shown.iterrows()])
    ax.hlines(places, 0, 1, color=theme.LINE, linewidth=1.2, zorder=1)
    parts.draw_intervals(ax, scaled, colours=parts.accent(), places=places)
    goal = parts.numbers(scaled, "target")
    ax.vlines(goal, places - 0.26, places + 0.26, color=theme.BAD, linewidth=2.4, zorder=4)
    parts.side_notes(ax, [_metric_note(row) for _, row in shown.iterrows()], places)
    ax.set(xlim=(-0.03, 1.03), xticks=[])
    scale = "Each row on its own scale (shares 0 to 100 %, NPS −100 to 100)"
    mark = "upright mark: target" if np.isfinite(goal).any() else ""
    ax.set_xlabel("\n".join(filter(None, ["; ".join(filter(None, [scale, mark])), others])))
    ax.grid(visible=False)
    parts.set_finding(ax, _metrics_title(rows))
    return ax


def _on_own_scale(row: pd.Series) -> dict[str, float]:
    ends = [float(row.get(c, math.nan)) for c in ("value", "low", "high", "target")]
    known = [end for end in ends if math.isfinite(end)]
    low, high = {"share": (0.0, 1.0), "points": (-100.0, 100.0)}.get(
        str(row.get("unit", "")), (0.0, 1.15 * max([abs(v) for v in known] or [1.0]))
    )
    if known and min(known) < low:
        low = 1.15 * min(known)
    span = (high - low) or 1.0
    names = ("value", "low", "high", "target")
    return {name: (end - low) / span for name, end in zip(names, ends, strict=True)}


def _metric_note(row: pd.Series) -> str:
    unit = str(row.get("unit", ""))
    target = row.get("target", math.nan)
    text = parts.estimate_note(row, unit)
    if labels.is_missing(target):
        return text
    return f"{text}\ntarget {labels.plot_label(labels.value_text(float(target), unit))}"


def _metrics_title(rows: pd.DataFrame) -> str:
    target = parts.numbers(rows, "target")
    known = np.isfinite(target)
    if not known.any():
        first = rows.iloc[0]
        told = parts.estimate_note(first, str(first.get("unit", "")))
        return f"{parts.words(labels.metric_name(first['metric']))} is {told}"
    met = int((parts.numbers(rows, "value") >= target)[known].sum())
    below = rows[known & (parts.numbers(rows, "value") < target)]
    told = f"{met} of {int(known.sum())} metrics with a target reach it"
    if below.empty:
        return told
    return f"{told}; {labels.metric_name(below['metric'].iloc[0])} lies below"
