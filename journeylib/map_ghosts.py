"""Second lines of the emotion curve: how it felt in the previous period, and what is expected.

Not for comparing them: whether a difference is more than chance is `drift`'s to say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib import labels
from journeylib.map_lanes import Grid, JourneyMap, expected, number, plain, stage_before
from journeylib.svg_parts import paint, path, runs, smooth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Ghost:
    """A second line.

    Attributes:
        name: What it is called at its end and in the legend.
        tones: Tone by stage, NaN where it is not known.
        ink: Name of its colour.
        dash: Its dash pattern.
        shape: Shape of its points: ``ring`` or ``diamond``.
    """

    name: str
    tones: tuple[float, ...]
    ink: str
    dash: str
    shape: str


def ghosts_of(map_: JourneyMap, stages: Sequence[str]) -> list[Ghost]:
    """Give the second lines of a map: previous period first, then the future state."""
    before = tuple(_told_before(map_, stage) for stage in stages)
    after = tuple(number(expected(map_, "sentiment", stage), "value") for stage in stages)
    found = [
        Ghost("Previous period", before, "muted", "2 4", "ring"),
        Ghost(_scenario(map_), after, "good", "10 4", "diamond"),
    ]
    return [ghost for ghost in found if any(map(math.isfinite, ghost.tones))]


def _scenario(map_: JourneyMap) -> str:
    name = plain(map_.outlook["scenario"].iloc[0]) if len(map_.outlook) else ""
    return f"Expected: {name}" if name else "Expected"


def _told_before(map_: JourneyMap, stage: str) -> float:
    row = stage_before(map_, stage)
    n = number(row, "n")
    return math.nan if n < map_.min_cell else number(row, "value")


def ghost_line(ghost: Ghost, grid: Grid, place_y: Callable[[float], float]) -> list[str]:
    """Draw a second line, broken where nothing is known, with an open mark at each stage."""
    shapes = []
    style = f'stroke-width="2" stroke-dasharray="{ghost.dash}" stroke-linecap="round"'
    for run in runs(ghost.tones):
        xs = [grid.middle(place) for place in run]
        ys = [place_y(ghost.tones[place]) for place in run]
        if len(run) > 1:
            shapes.append(path(f"M{smooth(xs, ys)}", edge=ghost.ink, style=style))
        shapes += [_point(ghost, x, y) for x, y in zip(xs, ys, strict=True)]
    return shapes


def _point(ghost: Ghost, x: float, y: float) -> str:
    if ghost.shape == "ring":
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{paint("paper")}" '
            f'stroke="{paint(ghost.ink)}" stroke-width="1.8"/>'
        )
    way = f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6Z"
    return path(way, fill="paper", edge=ghost.ink, style='stroke-width="1.8"')


def ghost_text(ghost: Ghost, place: int) -> str:
    """Write the value of a second line at one stage."""
    value = ghost.tones[place]
    told = labels.value_text(value, "sentiment") if math.isfinite(value) else "no scores"
    return f"{ghost.name}: {told}"
