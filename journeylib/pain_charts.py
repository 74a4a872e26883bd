"""Charts of what hurts: what matters and goes badly, what it costs, what chance made of a rate.

A frame in, Axes out. Not for estimating anything. Pains in their own unit are drawn by `charts`.
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

MOST_NAMED = 8
MOST_BARS = 12
_PAINS = {
    "loss": "lost", "delay": "late", "repeat": "back again", "sentiment": "bad feeling",
    "inconsistency": "worse channel",
}  # fmt: skip


def _place(row: pd.Series, width: int = 34) -> str:
    return parts.words(labels.place_text(row["touchpoint"], row.get("channel")), width)


def plot_quadrant(places: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how well touchpoints go against how much they matter; lines stand at the medians.

    Args:
        places: Columns ``touchpoint, channel, importance`` (difference in the share with the
            outcome between those for whom it went well and badly), ``performance`` (share for whom
            it went well) and ``n``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where no touchpoint has both numbers.
    """
    rows = places.dropna(subset=["importance", "performance"]) if len(places) else places
    if rows.empty:
        return None
    ax = parts.new_axes(ax, width=8.4, height=5.4)
    x, y = parts.numbers(rows, "performance"), parts.numbers(rows, "importance")
    middle = float(np.median(x)), float(np.median(y))
    worst = (x <= middle[0]) & (y >= middle[1]) & (y > 0)
    hues = np.where(worst, theme.BAD, theme.OTHER)
    low, high = parts.share_limits(x)
    ax.set_xlim(low - 0.15 * (high - low), high + 0.15 * (high - low))
    ax.set_ylim(parts.share_limits([*y, 0.0]))
    ax.axvspan(ax.get_xlim()[0], middle[0], color=theme.WASH, linewidth=0, zorder=0)
    ax.axvline(middle[0], color=theme.LINE, linewidth=1.2, zorder=1)
    ax.axhline(middle[1], color=theme.LINE, linewidth=1.2, zorder=1)
    ax.axhline(0, color="#9aa7b1", linewidth=1, zorder=1)
    size = 40 + 200 * parts.numbers(rows, "n") / max(float(np.nanmax(rows["n"].astype(float))), 1)
    ax.scatter(x, y, s=size, color=hues, alpha=0.85, edgecolor=theme.PAPER, linewidth=1, zorder=3)
    _name_points(ax, rows, np.stack([x, y, size]), hues)
    parts.number_axis(ax.xaxis, "share")
    parts.number_axis(ax.yaxis, "share")
    ax.set(xlabel="Performance (share of customers for whom it goes well)",
           ylabel="Importance (share with the outcome, well less badly)")  # fmt: skip
    parts.set_finding(ax, _quadrant_title(rows.assign(worst=worst)))
    return ax


def _name_points(ax: Axes, rows: pd.DataFrame, points: np.ndarray, hues: np.ndarray) -> None:
    """Name the weightiest points, each on the side where no other point lies."""
    order = np.argsort(-np.abs(points[1]), kind="stable")[:MOST_NAMED]
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    near, long = 0.05 * (high - low), 0.32 * (right - left)
    for at in order:
        x, y, size = points[:, at]
        level = (np.abs(points[1] - y) < near) & (np.arange(points.shape[1]) != at)
        ahead = level & (points[0] >= x) & (points[0] < x + long)
        turned = x + long > right or bool(ahead.any())
        reach = (4 + math.sqrt(size) / 2) * (-1 if turned else 1)
        ax.annotate(
            f"{_place(rows.iloc[at])}, {parts.n_text(rows['n'].iloc[at])}", xy=(x, y),
            xytext=(reach, 0), textcoords="offset points", va="center",
            ha="right" if turned else "left", fontsize=9, zorder=4,
            color=theme.BAD_TEXT if hues[at] == theme.BAD else theme.MUTED,
        )  # fmt: skip


def _quadrant_title(rows: pd.DataFrame) -> str:
    bad = rows[rows["worst"]].sort_values("importance", ascending=False, kind="stable")
    if bad.empty:
        first = rows.sort_values("importance", ascending=False, kind="stable").iloc[0]
        return (
            f"No touchpoint both matters and goes badly; {_place(first)} matters most "
            f"({parts.n_text(first['n'])})"
        )
    first = bad.iloc[0]
    share = labels.share_text(first["performance"])
    return (
        f"{_place(first)} matters and goes badly: well for {share} of customers, who have the "
        f"outcome {100 * first['importance']:.1f} points more often ({parts.n_text(first['n'])})"
    )


def plot_money(pains: pd.DataFrame, *, currency: str = "", ax: Axes | None = None) -> Axes | None:
    """Draw what each pain costs, the dearest first, with its 80 and 95 % intervals.

    Args:
        pains: Columns ``touchpoint, channel, kind, money_value, money_low, money_high`` (95 %) and
            ``money_low80, money_high80``; rows without a value are left out. ``customers`` is told
            where it is there.
        currency: Code of the currency; without one money has no sign.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where no pain has a price.
    """
    value = parts.numbers(pains, "money_value")
    rows = pains[np.isfinite(value)].assign(money=value[np.isfinite(value)])
    if rows.empty:
        return None
    rows = rows.sort_values("money", ascending=False, kind="stable")
    shown, others = parts.head_rows(rows, MOST_BARS)
    ax = parts.new_axes(ax, width=8.8, height=parts.row_height(len(shown), each=0.48))
    places = parts.list_rows(ax, [_pain_name(row) for _, row in shown.iterrows()])
    ax.barh(places, shown["money"], height=0.5, color=theme.BAD, alpha=0.32, zorder=2)
    _draw_ends(ax, shown, ("money_low", "money_high"), places, 1.4)
    _draw_ends(ax, shown, ("money_low80", "money_high80"), places, 4.6)
    ax.scatter(shown["money"], places, s=42, color=theme.BAD, zorder=5, edgecolor=theme.PAPER)
    parts.side_notes(ax, [_money_note(row, currency) for _, row in shown.iterrows()], places)
    ax.axvline(0, color="#9aa7b1", linewidth=1, zorder=1)
    ends = [parts.numbers(shown, name) for name in ("money", "money_low", "money_high")]
    ax.set_xlim(parts.share_limits([*np.concatenate(ends), 0.0]))
    parts.number_axis(ax.xaxis, currency or "count")
    name = f"Money at risk a year{f' ({currency})' if currency else ''}"
    ax.set_xlabel("\n".join(filter(None, [f"{name}; thick 80 %, thin 95 % interval", others])))
    parts.set_finding(ax, _money_title(rows, currency))
    return ax


def _pain_name(row: pd.Series) -> str:
    kind = str(row.get("kind", ""))
    return "\n".join(filter(None, [_place(row, 32), _PAINS.get(kind, parts.words(kind, 20))]))


def _draw_ends(
    ax: Axes, rows: pd.DataFrame, names: tuple[str, str], places: np.ndarray, width: float
) -> None:
    low, high = (parts.numbers(rows, name) for name in names)
    known = np.isfinite(low) & np.isfinite(high)
    ax.hlines(places[known], low[known], high[known], color=theme.BAD, linewidth=width, zorder=4)


def _money(value: float, currency: str) -> str:
    return labels.plot_label(labels.money_text(value, currency), 30)


def _money_note(row: pd.Series, currency: str) -> str:
    value, low, high = (row.get(name, math.nan) for name in ("money", "money_low", "money_high"))
    text = _money(float(value), currency)
    if not (labels.is_missing(low) or labels.is_missing(high)):
        text += f" ({_money(float(low), currency)} to {_money(float(high), currency)})"
    count = row.get("customers", math.nan)
    return text if labels.is_missing(count) else f"{text}\n{parts.n_text(count)}"


def _money_title(rows: pd.DataFrame, currency: str) -> str:
    first = rows.iloc[0]
    told = f"{_place(first, 60)} costs most: {_money_note(first, currency)}"
    told = told.replace("\n", ", ")
    low = first.get("money_low", math.nan)
    if not labels.is_missing(low) and float(low) <= 0:
        told += "; it may cost nothing"
    return told


def plot_shrunken(rates: pd.DataFrame, *, what: str = "", ax: Axes | None = None) -> Axes | None:
    """Draw rates as they were counted (rings) beside what is left without chance (bars).

    Args:
        rates: Columns ``touchpoint, channel, raw, value, low, high, n, unit`` and perhaps
            ``expected`` (a count) and ``top_probability``, in the order in which they are drawn.
        what: What the rate is, for the axis, such as "Share that leaves".
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    rows = rates.dropna(subset=["value"]) if len(rates) else rates
    if rows.empty:
        return None
    shown, others = parts.head_rows(rows, parts.MOST_ROWS)
    ax = parts.new_axes(ax, width=8.8, height=parts.row_height(len(shown)))
    unit = parts.only_unit(shown, "share")
    places = parts.list_rows(ax, [_place(row) for _, row in shown.iterrows()])
    low, value, high, raw = (parts.numbers(shown, c) for c in ("low", "value", "high", "raw"))
    hue = parts.accent()
    ax.barh(places, high - low, left=low, height=0.42, color=hue, alpha=0.3, zorder=2)
    ax.vlines(value, places - 0.21, places + 0.21, color=hue, linewidth=2.4, zorder=3)
    ax.scatter(raw, places, s=40, facecolor=theme.PAPER, edgecolor=theme.INK, linewidth=1.4,
               zorder=4)  # fmt: skip
    if "expected" in shown:
        usual = parts.numbers(shown, "expected") / np.maximum(parts.numbers(shown, "n"), 1)
        ax.scatter(usual, places, s=60, marker="|", color=theme.MUTED, linewidth=1.6, zorder=5)
    parts.side_notes(ax, [_rate_note(row, unit) for _, row in shown.iterrows()], places)
    parts.number_axis(ax.xaxis, unit)
    ends = np.concatenate([low, high, raw])
    ax.set_xlim(parts.share_limits([*ends, 0.0]))
    key = "ring: as counted; bar and line: without chance, with 95 % interval"
    key += "; small tick: expected" if "expected" in shown else ""
    ax.set_xlabel("\n".join(filter(None, [parts.axis_name(unit, what), key, others])))
    parts.set_finding(ax, _rate_title(rows, unit))
    return ax


def _rate_note(row: pd.Series, unit: str) -> str:
    text = parts.estimate_note(row, unit)
    chance = row.get("top_probability", math.nan)
    if labels.is_missing(chance):
        return text
    return f"{text}\namong the five highest: {labels.share_text(chance)}"


def _rate_title(rows: pd.DataFrame, unit: str) -> str:
    gap = (parts.numbers(rows, "raw") - parts.numbers(rows, "value")) if "raw" in rows else []
    top = rows.sort_values("value", ascending=False, kind="stable").iloc[0]
    told = f"{_place(top, 60)} stands highest at {parts.estimate_note(top, unit)}"
    if len(gap) and np.isfinite(gap).any():
        at = int(np.nanargmax(np.abs(gap)))
        moved = rows.iloc[at]
        if abs(float(gap[at])) >= 0.01:
            sizes = [labels.value_text(float(moved[name]), unit) for name in ("raw", "value")]
            told += f"; {_place(moved, 40)} moves most, from {sizes[0]} to {sizes[1]}"
    return labels.plot_label(told, 220)
