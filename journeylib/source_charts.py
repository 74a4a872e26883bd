"""Charts of what was collected and of the personas found in it: a frame in, Axes out.

Not for the journey itself (`charts`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_sources(sources: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw rows used and rows set aside per source.

    Args:
        sources: Columns ``source, rows_used, rows_dropped``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if sources.empty:
        return None
    shown, others = parts.head_rows(sources, parts.MOST_ROWS)
    used, dropped = parts.numbers(shown, "rows_used"), parts.numbers(shown, "rows_dropped")
    ax = parts.new_axes(ax, height=parts.row_height(len(shown)))
    places = parts.list_rows(ax, [parts.words(name) for name in shown["source"]])
    ax.barh(places, used, height=0.56, color=parts.accent())
    ax.barh(places, dropped, left=used, height=0.56, color=theme.BAD, hatch="////", linewidth=0)
    notes = [
        f"{labels.count_text(kept)} used"
        + (f", {labels.count_text(lost)} set aside" if lost > 0 else "")
        for kept, lost in zip(used, dropped, strict=True)
    ]
    parts.side_notes(ax, notes, places)
    parts.number_axis(ax.xaxis, "count")
    ax.set_xlabel("\n".join(filter(None, ["Rows (hatched: set aside)", others])))
    parts.set_finding(ax, _sources_title(sources))
    return ax


def _sources_title(sources: pd.DataFrame) -> str:
    used = float(np.nansum(parts.numbers(sources, "rows_used")))
    lost = np.nan_to_num(parts.numbers(sources, "rows_dropped"))
    total = used + lost.sum()
    if lost.sum() == 0:
        return f"All {labels.count_text(total)} rows could be used"
    most = int(lost.argmax())
    named = parts.words(sources["source"].iloc[most])
    return (
        f"{labels.share_text(lost.sum() / total)} of {labels.count_text(total)} rows were set "
        f"aside, most of them in {named} ({labels.count_text(lost[most])})"
    )


def plot_events_over_time(monthly: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw events per month, stacked by source; months the data cover only in part are hatched.

    Args:
        monthly: Columns ``month, source, events`` and, if known, ``partial``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if monthly.empty:
        return None
    table, partial = _by_month(monthly)
    ax = parts.new_axes(ax, width=8.4)
    hues = [parts.accent(), *theme.CATEGORIES][: table.shape[1]]
    floor = np.zeros(len(table))
    for source, hue in zip(table.columns, hues, strict=True):
        bars = ax.bar(range(len(table)), table[source], bottom=floor, color=hue, width=0.78)
        for bar, cut in zip(bars, partial, strict=True):
            bar.set_hatch("////" if cut else "")
        floor = floor + table[source].to_numpy(dtype=float)
    _month_ticks(ax, table.index)
    parts.number_axis(ax.yaxis, "count")
    ax.set(ylabel="Events a month", xlabel="Hatched: month not fully covered" * bool(any(partial)))
    ax.grid(axis="y")
    middle = (table.iloc[-1].cumsum() - table.iloc[-1] / 2).tolist()
    parts.end_labels(ax, [parts.words(name, 20) for name in table.columns], middle, hues)
    parts.set_finding(ax, _months_title(table, partial))
    return ax


def _by_month(monthly: pd.DataFrame) -> tuple[pd.DataFrame, list[bool]]:
    """Spread sources into columns, the biggest first, those beyond five together."""
    rows = monthly.assign(source=monthly["source"].map(labels.clean_label))
    order = rows.groupby("source")["events"].sum().sort_values(ascending=False, kind="stable")
    keep = list(order.index[:5])
    rows["source"] = rows["source"].where(rows["source"].isin(keep), "other sources")
    table = rows.pivot_table(
        index="month", columns="source", values="events", aggfunc="sum", fill_value=0
    ).sort_index()
    table = table[[*keep, *(["other sources"] if len(order) > 5 else [])]]
    if "partial" not in rows:
        return table, [False] * len(table)
    cut = rows.groupby("month")["partial"].any().reindex(table.index)
    return table, [bool(flag) for flag in cut]


def _month_ticks(ax: Axes, months: pd.Index) -> None:
    every = max(1, math.ceil(len(months) / 9))
    shown = list(range(0, len(months), every))
    ax.set_xticks(shown, [_month_name(months[place]) for place in shown])


def _month_name(month: object) -> str:
    if isinstance(month, str):
        return parts.words(month, 10)
    return f"{month:%b %Y}" if hasattr(month, "strftime") else parts.words(month, 10)


def _months_title(table: pd.DataFrame, partial: list[bool]) -> str:
    totals = table.sum(axis=1)
    whole = totals[[not cut for cut in partial]]
    if whole.empty:
        return f"{labels.count_text(totals.sum())} events, no month of them complete"
    return (
        f"{labels.count_text(totals.sum())} events; the busiest whole month is "
        f"{_month_name(whole.idxmax())} with {labels.count_text(whole.max())}"
    )


def plot_personas(personas: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw the share of customers in each persona with its interval.

    Args:
        personas: Columns ``name`` (or ``persona``), ``share`` (or ``value``), ``low, high,
            customers``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if personas.empty:
        return None
    rows = personas.assign(
        value=personas["share"] if "share" in personas else personas["value"],
        label=personas["name"] if "name" in personas else personas["persona"],
    ).sort_values("value", ascending=False, kind="stable")
    rows["n"] = rows["customers"] if "customers" in rows else rows.get("n", math.nan)
    top = rows.iloc[0]
    title = (
        f"{parts.words(top['label'])} is the largest persona "
        f"({labels.share_text(top['value'])} of customers, {parts.n_text(top['n'])})"
    )
    ax = parts.interval_rows(rows, unit="share", ax=ax)
    parts.set_finding(ax, title)
    ax.set_xlim(left=0)
    return ax


def plot_persona_profile(profile: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how far each persona lies from the average customer, feature by feature.

    Args:
        profile: Columns ``persona, feature, value``, value in standard deviations from the mean.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if profile.empty:
        return None
    table = profile.pivot_table(index="feature", columns="persona", values="value", sort=False)
    table = table.reindex(columns=profile["persona"].drop_duplicates())
    far = table.abs().max(axis=1).sort_values(ascending=False, kind="stable")
    table = table.loc[far.index].rename(index=_feature_name)
    others = max(0, len(table) - parts.MOST_ROWS)
    shown = table.head(parts.MOST_ROWS)
    ax = parts.new_axes(ax, width=8.4, height=parts.row_height(len(shown), frame=1.7))
    most = max(1.0, float(np.nanmax(np.abs(shown.to_numpy(dtype=float)))))
    parts.heat_map(
        ax, shown, limits=(-most, most), text=lambda v: labels.value_text(v, "sentiment")
    )
    note = "Standard deviations from the average customer (blue above, orange below)"
    ax.set_xlabel("\n".join([note, *([f"{others} others not shown"] if others else [])]))
    parts.set_finding(ax, _profile_title(shown))
    return ax


def _feature_name(feature: object) -> str:
    """Write a feature as a reader says it: a channel's share, or an attribute and its level."""
    text = str(feature)
    if text.startswith("channel:"):
        return f"share of {text.removeprefix('channel:')}"
    return text.replace("=", ": ")


def _profile_title(table: pd.DataFrame) -> str:
    cells = np.nan_to_num(table.to_numpy(dtype=float))
    row, column = np.unravel_index(int(np.abs(cells).argmax()), cells.shape)
    value = float(cells[row, column])
    persona, feature = list(table.columns)[int(column)], list(table.index)[int(row)]
    return (
        f"{parts.words(persona)} stands apart most in {parts.words(feature)} "
        f"({abs(value):.1f} standard deviations {'above' if value > 0 else 'below'} average)"
    )


def plot_silhouette(choices: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how well each number of personas separates customers, the chosen one marked.

    Args:
        choices: Columns ``k, value, chosen``; value is the mean silhouette, −1 to 1.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if choices.empty:
        return None
    rows = choices.sort_values("k")
    ax = parts.new_axes(ax, height=3.4)
    ax.plot(rows["k"], rows["value"], color=theme.OTHER, marker="o", markersize=5)
    best = rows.sort_values("value", ascending=False, kind="stable").iloc[0]
    picked = rows[rows["chosen"].astype(bool)]
    ax.scatter(picked["k"], picked["value"], s=110, color=parts.accent(), zorder=4)
    ax.set(xlabel="Number of personas", ylabel="Mean silhouette, −1 to 1")
    ax.set_xticks(rows["k"])
    ax.set_ylim(parts.share_limits(rows["value"]))
    ax.grid(axis="y")
    chosen = picked.iloc[0] if len(picked) else best
    title = (
        f"{int(chosen['k'])} personas separate customers best (silhouette {chosen['value']:.2f})"
    )
    if int(chosen["k"]) != int(best["k"]):
        title = (
            f"{int(chosen['k'])} personas are kept (silhouette {chosen['value']:.2f}); "
            f"{int(best['k'])} would separate best ({best['value']:.2f})"
        )
    parts.set_finding(ax, title)
    return ax


def plot_activity(counts: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how many customers did how much.

    Args:
        counts: From ``activity.count_activity``: ``events, customers``, the last taken together.
        ax: Axes to draw on; new ones if not given.

    Returns:
        The chart, or None where no customer did anything.
    """
    import seaborn as sns

    total = int(counts["customers"].sum()) if len(counts) else 0
    if total == 0:
        return None
    ax = parts.new_axes(ax)
    sns.barplot(counts, x="events", y="customers", color=parts.accent(), ax=ax)
    busiest = int(counts["events"].max())
    few = counts[counts["customers"].cumsum() * 2 >= total]
    ax.set_xticks(range(0, busiest, 3), [str(place + 1) for place in range(0, busiest, 3)])
    ax.set(xlabel=f"Events in the period ({busiest} and more taken together)", ylabel="Customers")
    half = int(few["events"].iloc[0])
    text = f"Half of the customers have {half} events or fewer (n = {total:,})"
    parts.set_finding(
        ax,
        text
        if half < busiest
        else f"Half of the customers have {half} events or more (n = {total:,})",
    )
    return ax
