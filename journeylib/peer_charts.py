"""Clients side by side in one metric, as SVG: each one's own figure, and drawn towards the others.

Not for computing either; see `peers`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeylib.labels import ellipsise, estimate_text, metric_name, value_text
from journeylib.svg_parts import Box, Label, line, path, rect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import pandas as pd

WIDTH, NAMES, WORDS, ROW, HEAD, FOOT = 900.0, 190.0, 224.0, 30.0, 12.0, 46.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
SPANS = ["plain_low", "plain_high", "low", "high", "usual_low", "usual_high"]


def draw_peers(rows: pd.DataFrame, *, names: Mapping[str, str], own: str = "") -> str:
    """Draw one metric of many clients, the highest first.

    Args:
        rows: Rows of one metric, from `peers.compare_peers`.
        names: What each client is called on the page.
        own: The client whom the page is for: of the others only a dot is drawn, without interval
            and figure; empty draws everything.

    Returns:
        An ``<svg>`` whose title and text say what a table beside it says too.
    """
    rows = rows.sort_values(["place", "client"], kind="stable").reset_index(drop=True)
    seen = rows if not own else rows.assign(**_only(rows, own))
    ticks = nice_ticks(float(seen[SPANS].min().min()), float(seen[SPANS].max().max()))
    scale = _Scale(ticks[0], ticks[-1])
    bottom = HEAD + ROW * len(rows)
    parts = [_ground(rows.iloc[0], scale, ticks, bottom)]
    for number, row in enumerate(rows.to_dict("records")):
        row["name"] = names[str(row["client"])]
        shown = "all" if not own else "own" if row["client"] == own else "dot"
        parts.append(_row(row, scale, HEAD + ROW * (number + 0.5), shown))
    title = f"{metric_name(rows['metric'].iloc[0])} of {len(rows)} clients"
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {bottom + FOOT:g}" role="img" aria-label="{title}" '
        f'font-family="inherit">{"".join(parts)}</svg>'
    )


def _only(rows: pd.DataFrame, own: str) -> dict[str, pd.Series]:
    """Take the other clients' intervals away, so that not even the axis tells of them."""
    mine = rows["client"] == own
    ends = ["plain_low", "plain_high", "low", "high"]
    return {end: rows[end].where(mine, rows["value"]) for end in ends}


class _Scale:
    """Turns values into pixels."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, value: float) -> float:
        room = WIDTH - NAMES - WORDS
        return NAMES + room * (value - self.low) / ((self.high - self.low) or 1.0)


def nice_ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Choose round values that hold a range between them.

    Args:
        low: Smallest value.
        high: Largest value.
        most: Most values wanted, the outer ones included.

    Returns:
        At least two values, evenly spaced.

    Example:
        >>> nice_ticks(0.23, 0.61)
        [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    """
    span = (high - low) or max(abs(high), 1.0)
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in [size * power * ten for ten in (1, 10) for size in _STEPS]:
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first + 1 <= most:
            return [round(step * place, 12) for place in range(first, max(last, first + 1) + 1)]
    return [low, low + span]


def _ground(row: pd.Series, scale: _Scale, ticks: list[float], bottom: float) -> str:
    """Draw what is usual, the centre, and the axis."""
    usual = Box(scale(row["usual_low"]), HEAD, scale(row["usual_high"]), bottom)
    usual = Box(min(usual.left, usual.right - 2), usual.top, usual.right, usual.bottom)
    centre = scale(row["centre"])
    parts = [rect(usual, "wash")]
    for tick in ticks:
        x, text = scale(tick), value_text(tick, str(row["unit"]))
        parts.append(line(Box(x, HEAD, x, bottom), "line"))
        parts.append(Label((text,), x, bottom + 6, 12, "middle", ink="muted").svg())
    parts.append(line(Box(centre, HEAD - 6, centre, bottom), "muted", width=1.5, dash="4 3"))
    middle = f"middle of all: {value_text(row['centre'], str(row['unit']))}"
    parts.append(Label((middle,), centre, bottom + 24, 12, "middle", ink="muted").svg())
    return "".join(parts)


def _row(row: Mapping[Any, Any], scale: _Scale, y: float, shown: str) -> str:
    """Draw one client: own figure as a thin line and ring, the pooled one as a bar and dot."""
    name = ellipsise(str(row["name"]), NAMES - 22, 13, bold=shown == "own")
    parts = [Label((name,), NAMES - 14, y - 9, 13, "end", bold=shown == "own").svg()]
    x = scale(row["value"])
    if shown == "dot":
        return "".join([*parts, path(_circle(x, y, 5), fill="other")])
    ends = Box(scale(row["plain_low"]), y - 6, scale(row["plain_high"]), y - 6)
    parts.append(line(ends, "muted", width=1.2))
    parts.append(path(_circle(scale(row["plain"]), y - 6, 3.4), fill="paper", edge="muted"))
    parts.append(line(Box(scale(row["low"]), y + 5, scale(row["high"]), y + 5), "accent", width=3))
    parts.append(path(_circle(x, y + 5, 5), fill="accent", edge="paper"))
    said = estimate_text(row["value"], row["low"], row["high"], str(row["unit"]))
    parts.append(Label((said,), WIDTH - WORDS + 14, y - 8, 12).svg())
    return "".join(parts)


def _circle(x: float, y: float, radius: float) -> str:
    return (
        f"M{x - radius:.1f} {y:.1f}a{radius:g} {radius:g} 0 1 0 {2 * radius:g} 0"
        f"a{radius:g} {radius:g} 0 1 0 {-2 * radius:g} 0z"
    )
