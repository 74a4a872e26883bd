"""The emotion curve of a journey map: mean sentiment by stage, with its interval, and per persona.

Gaps in the data stay gaps. Not for computing a mean or an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib import labels, theme
from journeylib.map_ghosts import ghost_line, ghosts_of
from journeylib.map_lanes import GUTTER, PAD, Grid, JourneyMap, Lane, lane_name, plain
from journeylib.svg_parts import Box, Label, face, line, paint, path, runs, smooth

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 190.0
BESIDE = 36.0  # so near above a point, another one would be covered by its value
LINE = 33.0  # room that the name of a line takes at the right edge, in two rows
ALL = "all"


def personas_of(map_: JourneyMap) -> list[str]:
    """List the personas that have a line of their own, in the order of the frame."""
    if not len(map_.curve):
        return []
    names = dict.fromkeys(str(name) for name in map_.curve["persona"])
    return [name for name in names if name != ALL]


def lines_of(map_: JourneyMap, stages: Sequence[str]) -> int:
    """Count the lines that are named at the right edge."""
    return len(personas_of(map_)) + len(ghosts_of(map_, stages)) + 1


def emotion_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw the curve of all customers with its band, and a thin line per persona."""
    floor = top + 22
    base = max(HEIGHT, LINE * lines_of(map_, grid.stages))
    scale = _Scale(floor, base, _reach(map_, grid))
    shapes = _frame(grid, scale)
    texts = _axis_texts(scale)
    values, n = _course(map_, grid, ALL)[0], _counts(map_, grid)
    shapes += _band(map_, grid, scale)
    lines, ends = _persona_lines(map_, grid, scale)
    for ghost in ghosts_of(map_, grid.stages):
        lines += ghost_line(ghost, grid, scale.y)
        ends += _end_of(ghost.name, ghost.tones, scale, (ghost.ink, ghost.dash, 2.0))
    ends += _end_of(plain(map_.group) or "All customers", values, scale, ("accent", "", 3.2))
    samples, named = _named_ends(ends, grid, scale)
    shapes += lines + samples
    supports = _supports(map_, grid)
    shapes += _main_line(values, grid, scale, supports)
    texts += named + _value_texts(values, _tops(map_, grid, values, scale), grid, scale)
    texts += _count_texts(values, n, map_=map_, grid=grid, top=floor + base + 10)
    texts += lane_name("How they feel", "", top - 4)
    return Lane(max(text.box.bottom for text in texts), shapes, texts)


@dataclass(frozen=True, slots=True)
class _End:
    """Where a line ends at the right, and how it looks."""

    name: str
    y: float
    ink: str
    dash: str
    width: float


class _Scale:
    """Places sentiment on the page; the reach is the same above and below zero."""

    def __init__(self, top: float, height: float, reach: float) -> None:
        self.top, self.height, self.reach = top, height, reach

    def y(self, value: float) -> float:
        held = max(-self.reach, min(self.reach, value))
        return self.top + self.height * (1 - held / self.reach) / 2


def _reach(map_: JourneyMap, grid: Grid) -> float:
    columns = [c for c in ("value", "low", "high") if c in map_.curve]
    cells = [
        abs(float(cell))
        for column in columns
        for cell in map_.curve[column]
        if not labels.is_missing(cell)
    ]
    for ghost in ghosts_of(map_, grid.stages):
        cells += [abs(value) for value in ghost.tones if math.isfinite(value)]
    return min(1.0, max(0.25, math.ceil(max(cells, default=1.0) * 4) / 4))


def _course(map_: JourneyMap, grid: Grid, persona: str) -> list[list[float]]:
    """Return value, low and high of one persona, stage by stage; thin cells count as missing."""
    out = [[math.nan] * len(grid.stages) for _ in range(3)]
    rows = (
        map_.curve[map_.curve["persona"].astype(str) == persona] if len(map_.curve) else map_.curve
    )
    for _, row in rows.iterrows():
        n = row.get("n")
        thin = not labels.is_missing(n) and float(n) < map_.min_cell  # type: ignore[arg-type]
        thin |= str(row.get("support")) == "none"
        if str(row["stage"]) not in grid.stages or thin:
            continue
        place = grid.stages.index(str(row["stage"]))
        for held, column in zip(out, ("value", "low", "high"), strict=True):
            cell = row.get(column)
            held[place] = math.nan if labels.is_missing(cell) else float(cell)  # type: ignore[arg-type]
    return out


def _counts(map_: JourneyMap, grid: Grid) -> list[float]:
    out = [math.nan] * len(grid.stages)
    rows = map_.curve[map_.curve["persona"].astype(str) == ALL] if len(map_.curve) else map_.curve
    for _, row in rows.iterrows():
        if str(row["stage"]) in grid.stages and not labels.is_missing(row.get("n")):
            out[grid.stages.index(str(row["stage"]))] = float(row["n"])
    return out


def _supports(map_: JourneyMap, grid: Grid) -> list[str]:
    """Give the support of each stage's mean, empty where the curve does not know it."""
    out = [""] * len(grid.stages)
    if not len(map_.curve) or "support" not in map_.curve:
        return out
    rows = map_.curve[map_.curve["persona"].astype(str) == ALL]
    for stage, support in zip(rows["stage"].astype(str), rows["support"], strict=True):
        if stage in grid.stages and not labels.is_missing(support):
            out[grid.stages.index(stage)] = labels.clean_label(support)
    return out


def _frame(grid: Grid, scale: _Scale) -> list[str]:
    right = grid.right - 4
    ends = (scale.top, scale.top + scale.height)
    lines = [line(Box(GUTTER, y, right, y), "line", dash="2 4") for y in ends]
    zero = scale.y(0)
    lines.append(line(Box(GUTTER, zero, right, zero), "muted", width=1))
    places = (
        (ends[0] + 2, 1, "good"),
        (zero, 0, "muted"),
        (ends[1] - 2, -1, "bad"),
    )
    faces = [face(GUTTER - 22, y, mood, ink=ink) for y, mood, ink in places]
    return lines + faces


def _axis_texts(scale: _Scale) -> list[Label]:
    places = (
        (scale.reach, scale.top + 2),
        (0.0, scale.y(0)),
        (-scale.reach, scale.top + scale.height - 2),
    )
    return [
        Label(("0" if not at else labels.value_text(at, "sentiment"),), GUTTER - 36, y - 7, 10.5,
              "end", ink="muted")
        for at, y in places
    ]  # fmt: skip


def _band(map_: JourneyMap, grid: Grid, scale: _Scale) -> list[str]:
    _, low, high = _course(map_, grid, ALL)
    both = [a + b for a, b in zip(low, high, strict=True)]
    out = []
    for run in runs(both):
        xs = [grid.middle(place) for place in run]
        upper, lower = ([scale.y(held[place]) for place in run] for held in (high, low))
        if len(run) == 1:
            out.append(line(Box(xs[0], upper[0], xs[0], lower[0]), "accent", width=3))
            continue
        back = smooth([-x for x in reversed(xs)], list(reversed(lower)))
        way = f"M{smooth(xs, upper)}L{_mirrored(back)}Z"
        out.append(path(way, fill="accent", style='fill-opacity="0.15"'))
    return out


def _mirrored(way: str) -> str:
    """Turn a curve that was drawn along negative x into one that runs from right to left."""
    parts = way.split("C")
    return "C".join(
        " ".join(
            f"{-float(cell):.1f}" if place % 2 == 0 else cell
            for place, cell in enumerate(part.split())
        )
        for part in parts
    )


def _main_line(
    values: Sequence[float], grid: Grid, scale: _Scale, supports: Sequence[str]
) -> list[str]:
    """Draw the curve and its points; a point of thin support is hollow."""
    out = []
    for run in runs(values):
        xs, ys = [grid.middle(p) for p in run], [scale.y(values[p]) for p in run]
        if len(run) > 1:
            out.append(
                path(
                    f"M{smooth(xs, ys)}",
                    edge="accent",
                    style='stroke-width="3.2" stroke-linecap="round"',
                )
            )
    known = [value for value in values if math.isfinite(value)]
    for place, value in enumerate(values):
        if math.isfinite(value):
            ink = "accent"
            if len(known) > 1:
                ink = "bad" if value == min(known) else "good" if value == max(known) else "accent"
            thin = supports[place] == "thin"
            fill, edge = ("paper", ink) if thin else (ink, "paper")
            out.append(
                f'<circle cx="{grid.middle(place):.1f}" cy="{scale.y(value):.1f}" r="6" '
                f'fill="{paint(fill)}" stroke="{paint(edge)}" stroke-width="2"/>'
            )
    return out


def _tops(map_: JourneyMap, grid: Grid, values: Sequence[float], scale: _Scale) -> list[float]:
    """Give the height above which a value is written: above the points beside a point alone."""
    tops = [scale.y(value) for value in values]
    alone = [run[0] for run in runs(values) if len(run) == 1]
    for persona in personas_of(map_):
        own = _course(map_, grid, persona)[0]
        for place in alone:
            high = scale.y(own[place]) if math.isfinite(own[place]) else math.inf
            if scale.y(values[place]) - BESIDE < high < tops[place]:
                tops[place] = high
    return tops


def _value_texts(
    values: Sequence[float], tops: Sequence[float], grid: Grid, scale: _Scale
) -> list[Label]:
    out = []
    for place, value in enumerate(values):
        if not math.isfinite(value):
            continue
        y = tops[place] - 26
        if y < scale.top - 16:
            y = scale.y(value) + 10
        out.append(
            Label(
                (labels.value_text(value, "sentiment"),),
                grid.middle(place),
                y,
                13,
                "middle",
                bold=True,
                halo=True,
            )
        )
    return out


def _count_texts(
    values: Sequence[float], n: Sequence[float], *, map_: JourneyMap, grid: Grid, top: float
) -> list[Label]:
    """Write under each stage how many scores there are and how far they carry, or none."""
    out, supports = [], _supports(map_, grid)
    for place, (value, count) in enumerate(zip(values, n, strict=True)):
        text = f"n = {labels.count_text(count, map_.min_cell)}"
        if not math.isfinite(value):
            few = 0 < count < map_.min_cell or supports[place] == "none"
            text = "too few scores" if few else "no scores for this stage"
        elif math.isnan(count):
            continue
        elif supports[place]:
            text += f" · {supports[place]} support"
        lines = labels.wrap_label(text, grid.column - 2 * PAD, 11)
        out.append(Label(lines, grid.middle(place), top, 11, "middle", ink="muted"))
    return out


def _persona_lines(map_: JourneyMap, grid: Grid, scale: _Scale) -> tuple[list[str], list[_End]]:
    """Draw a dashed line per persona."""
    shapes: list[str] = []
    names = personas_of(map_)
    marks = theme.persona_marks(names)
    ends = []
    for place, name in enumerate(names):
        values = _course(map_, grid, name)[0]
        ink = marks[name].name
        style = f'stroke-width="1.8" stroke-dasharray="{marks[name].dash}" stroke-linecap="round"'
        for run in runs(values):
            xs, ys = [grid.middle(p) for p in run], [scale.y(values[p]) for p in run]
            if len(run) > 1:
                shapes.append(path(f"M{smooth(xs, ys)}", edge=ink, style=style))
            else:
                # A stage between two gaps has points only: they stand beside each other.
                x = xs[0] + 11 * (place // 2 + 1) * (1 if place % 2 else -1)
                shapes.append(
                    f'<circle cx="{x:.1f}" cy="{ys[0]:.1f}" r="3.5" fill="{paint(ink)}"/>'
                )
        ends += _end_of(plain(name), values, scale, (ink, marks[name].dash, 1.8))
    return shapes, ends


def _end_of(
    name: str, values: Sequence[float], scale: _Scale, look: tuple[str, str, float]
) -> list[_End]:
    known = [value for value in values if math.isfinite(value)]
    return [_End(name, scale.y(known[-1]), *look)] if known else []


def _named_ends(ends: list[_End], grid: Grid, scale: _Scale) -> tuple[list[str], list[Label]]:
    """Name the lines at the right edge, beside where they end; names are moved apart."""
    if len(ends) < 2:
        return [], []
    order = sorted(ends, key=lambda end: end.y)
    width = grid.margin - 52
    texts = [Label(labels.wrap_label(end.name, width, 11.5), grid.right + 42, 0, 11.5)
             for end in order]  # fmt: skip
    tops, mark = [], scale.top - 12
    for end, text in zip(order, texts, strict=True):
        mark = max(mark, end.y - text.height / 2)
        tops.append(mark)
        mark += text.height + 3
    floor = scale.top + scale.height + 12
    for place in reversed(range(len(tops))):
        tops[place] = min(tops[place], floor - texts[place].height)
        floor = tops[place] - 3
    shapes = []
    for place, end in enumerate(order):
        y = tops[place] + 0.62 * texts[place].size
        sample = Box(grid.right + 6, y, grid.right + 36, y)
        shapes.append(line(sample, end.ink, width=end.width, dash=end.dash))
    return shapes, [text.moved(top) for text, top in zip(texts, tops, strict=True)]
