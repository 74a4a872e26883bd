"""Pieces of a drawing in SVG: text with a known box, and shapes. Not for deciding what to draw."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from journeylib import labels, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

LEADING = 1.28


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, y downwards.

    Attributes:
        left: Left edge.
        top: Upper edge.
        right: Right edge.
        bottom: Lower edge.
    """

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box, slack: float = 0.01) -> bool:
        """Tell whether two boxes share more than an edge."""
        return (
            self.left < other.right - slack
            and other.left < self.right - slack
            and self.top < other.bottom - slack
            and other.top < self.bottom - slack
        )


@dataclass(frozen=True, slots=True)
class Label:
    """Text at a place; its lines are final, so its box is known before it is drawn.

    Attributes:
        lines: Cleaned text, line by line, not escaped.
        x: Anchor, in pixels.
        top: Upper edge of the first line, in pixels.
        size: Font size in pixels.
        anchor: ``start``, ``middle`` or ``end``.
        bold: Whether it is set in bold.
        ink: Name of a colour of `theme.LIGHT`, or a colour.
        tip: Text shown while the pointer rests on it.
        halo: Whether lines behind it are kept away from its letters.
    """

    lines: tuple[str, ...]
    x: float
    top: float
    size: float = 12
    anchor: str = "start"
    bold: bool = False
    ink: str = "ink"
    tip: str = ""
    halo: bool = False

    @property
    def height(self) -> float:
        """Height of all lines, in pixels."""
        return len(self.lines) * self.size * LEADING

    @property
    def box(self) -> Box:
        """Room that the text takes, on the safe side."""
        width = max(labels.text_width(line, self.size, bold=self.bold) for line in self.lines)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return Box(left, self.top, left + width, self.top + self.height)

    def svg(self) -> str:
        """Write the text, escaped, with its direction taken from its own letters."""
        weight = ' font-weight="700"' if self.bold else ""
        if self.halo:
            weight += f' stroke="{paint("wash")}" stroke-width="4" paint-order="stroke"'
        anchor = "" if self.anchor == "start" else f' text-anchor="{self.anchor}"'
        rows = "".join(
            f'<tspan x="{self.x:.1f}" y="{self.top + self.size * (0.98 + LEADING * row):.1f}">'
            f"{labels.escape_label(line)}</tspan>"
            for row, line in enumerate(self.lines)
        )
        return (
            f'<text font-size="{self.size:g}"{weight}{anchor} fill="{paint(self.ink)}" '
            f'unicode-bidi="plaintext">{_tip(self.tip)}{rows}</text>'
        )

    def moved(self, down: float) -> Label:
        """Give the same text further down."""
        return replace(self, top=self.top + down)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the map that tells more when it is pointed at or focused.

    Attributes:
        box: The place, in pixels.
        lines: What it tells, line by line, not escaped.
    """

    box: Box
    lines: tuple[str, ...]


def wrapped(text: str, x: float, top: float, *, width: float, like: Label) -> Label:
    """Set a text into a column: at most two lines, styled like another label."""
    lines = labels.wrap_label(text, width, like.size, bold=like.bold)
    return Label(lines, x, top, like.size, like.anchor, like.bold, like.ink, like.tip)


def paint(name: str) -> str:
    """Write a colour so that a report's palette can replace it."""
    known = {**theme.LIGHT, "accent": theme.ACCENT}
    return f"var(--jm-{name},{known[name]})" if name in known else name


def _tip(text: str) -> str:
    return f"<title>{labels.escape_label(text)}</title>" if text else ""


def rect(box: Box, ink: str, *, radius: float = 0, edge: str = "", tip: str = "") -> str:
    """Draw a rectangle."""
    line = f' stroke="{paint(edge)}"' if edge else ""
    return (
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.right - box.left:.1f}" '
        f'height="{box.bottom - box.top:.1f}" rx="{radius:g}" fill="{paint(ink)}"{line}>'
        f"{_tip(tip)}</rect>"
    )


def line(ends: Box, ink: str, *, width: float = 1, dash: str = "", style: str = "") -> str:
    """Draw a straight line from the upper left to the lower right of a box."""
    broken = f' stroke-dasharray="{dash}"' if dash else ""
    broken += f" {style}" if style else ""
    return (
        f'<path d="M{ends.left:.1f} {ends.top:.1f}L{ends.right:.1f} {ends.bottom:.1f}" '
        f'stroke="{paint(ink)}" stroke-width="{width:g}"{broken} fill="none"/>'
    )


def path(
    way: str, *, fill: str = "none", edge: str = "none", style: str = "", tip: str = ""
) -> str:
    """Draw a path; ``style`` holds further attributes, written by this library only."""
    ink = fill if fill == "none" else paint(fill)
    stroke = edge if edge == "none" else paint(edge)
    return f'<path d="{way}" fill="{ink}" stroke="{stroke}" {style}>{_tip(tip)}</path>'


def channel_dot(x: float, y: float, radius: float, *, mark: theme.Mark, tip: str = "") -> str:
    """Draw a circle in a channel's colour with the channel's shape cut out of it."""
    inner = max(2.2, radius * 0.42)
    ring = mark.shape == "ring"
    return (
        f'<g>{_tip(tip)}<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" '
        f'fill="{paint(mark.name)}"/>'
        + (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{inner:.1f}" fill="{paint("paper")}"/>'
            if ring
            else path(_shape(mark.shape, x, y, inner), fill="paper")
        )
        + "</g>"
    )


def _shape(shape: str, x: float, y: float, r: float) -> str:
    """Outline of a second cue; the plain circle keeps its disc whole."""
    corners: Sequence[tuple[float, float]] = {
        "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
        "triangle": ((0, -1.05), (1, 0.8), (-1, 0.8)),
        "diamond": ((0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)),
        "cross": (
            (-0.32, -1.1), (0.32, -1.1), (0.32, -0.32), (1.1, -0.32), (1.1, 0.32), (0.32, 0.32),
            (0.32, 1.1), (-0.32, 1.1), (-0.32, 0.32), (-1.1, 0.32), (-1.1, -0.32), (-0.32, -0.32),
        ),
        "bar": ((-1.15, -0.36), (1.15, -0.36), (1.15, 0.36), (-1.15, 0.36)),
    }.get(shape, ())  # fmt: skip
    return (
        "M" + "L".join(f"{x + a * r:.1f} {y + b * r:.1f}" for a, b in corners) + "Z"
        if corners
        else "M0 0"
    )


def star(x: float, y: float, r: float, *, ink: str = "ink") -> str:
    """Draw a star with five points: a moment of truth."""
    turns = [math.pi * (place / 5 - 0.5) for place in range(10)]
    reach = [r if place % 2 == 0 else 0.42 * r for place in range(10)]
    way = "L".join(
        f"{x + far * math.cos(turn):.1f} {y + far * math.sin(turn):.1f}"
        for turn, far in zip(turns, reach, strict=True)
    )
    return path(f"M{way}Z", fill=ink)


def bars(x: float, y: float, level: int, *, of: int = 3) -> str:
    """Draw how well a figure is backed: rising bars from a base line, as many filled as levels."""
    way = {True: "", False: ""}
    for place in range(of):
        way[place < level] += f"M{x + 4.5 * place:.1f} {y:.1f}v{-3 - 2.6 * place:.1f}"
    style = 'stroke-width="3"'
    return "".join(
        path(one, edge="muted" if filled else "line", style=style)
        for filled, one in way.items()
        if one
    )


def face(x: float, y: float, mood: int, *, ink: str) -> str:
    """Draw a face: mood 1 smiles, 0 is level, −1 frowns."""
    bend = 3.2 * mood
    return (
        f'<g aria-hidden="true"><circle cx="{x:.1f}" cy="{y:.1f}" r="8.5" fill="none" '
        f'stroke="{paint(ink)}" stroke-width="1.5"/>'
        f'<circle cx="{x - 3:.1f}" cy="{y - 2.4:.1f}" r="1.15" fill="{paint(ink)}"/>'
        f'<circle cx="{x + 3:.1f}" cy="{y - 2.4:.1f}" r="1.15" fill="{paint(ink)}"/>'
        + path(
            f"M{x - 4:.1f} {y + 3 - bend / 3:.1f}Q{x:.1f} {y + 3 + bend:.1f} "
            f"{x + 4:.1f} {y + 3 - bend / 3:.1f}",
            edge=ink,
            style='stroke-width="1.5" stroke-linecap="round"',
        )
        + "</g>"
    )


def smooth(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Join points by a curve that never rises above or falls below its neighbours.

    Source: Fritsch and Butland (1984), SIAM J. Sci. Stat. Comput. 5(2):300-304, harmonic slopes.
    """
    slopes = [(b - a) / (d - c) for a, b, c, d in zip(ys, ys[1:], xs, xs[1:], strict=False)]
    inner = [
        0.0 if one * two <= 0 else 2 * one * two / (one + two)
        for one, two in itertools.pairwise(slopes)
    ]
    tangents = [slopes[0], *inner, slopes[-1]] if slopes else []
    out = f"{xs[0]:.1f} {ys[0]:.1f}"
    for k in range(len(slopes)):
        third = (xs[k + 1] - xs[k]) / 3
        out += (
            f"C{xs[k] + third:.1f} {ys[k] + third * tangents[k]:.1f} "
            f"{xs[k + 1] - third:.1f} {ys[k + 1] - third * tangents[k + 1]:.1f} "
            f"{xs[k + 1]:.1f} {ys[k + 1]:.1f}"
        )
    return out


def runs(values: Sequence[float]) -> list[list[int]]:
    """Split positions into runs without a missing value between them."""
    out: list[list[int]] = [[]]
    for place, value in enumerate(values):
        if math.isfinite(value):
            out[-1].append(place)
        elif out[-1]:
            out.append([])
    return [run for run in out if run]
