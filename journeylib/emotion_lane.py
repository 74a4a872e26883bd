"""The emotion curve of a journey map: mean sentiment by stage, with its interval, and per persona.

Gaps in the data stay gaps. Not for computing a mean or an interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeylib import labels, theme
from journeylib.map_lanes import GUTTER, PAD, Grid, JourneyMap, Lane, lane_name, plain
from journeylib.svg_parts import Box, Label, face, line, paint, path, runs, smooth

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 170.0
ALL = "all"


def personas_of(map_: JourneyMap) -> list[str]:
    """List the personas that have a line of their own, in the order of the frame."""
    if not len(map_.curve):
        return []
    names = dict.fromkeys(str(name) for name in map_.curve["persona"])
    return [name for name in names if name != ALL]


def emotion_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw the curve of all customers with its band, and a thin line per persona."""
    floor = top + 22
    base = max(HEIGHT, 17.0 * (len(personas_of(map_)) + 1))
    scale = _Scale(floor, base, _reach(map_))
    shapes = _frame(grid, scale)
    texts = _axis_texts(scale)
    values, n = _course(map_, grid, ALL)[0], _counts(map_, grid)
    shapes += _band(map_, grid, scale)
    lines, named = _persona_lines(map_, grid, scale)
    shapes += lines
    shapes += _main_line(values, grid, scale)
    texts += named + _value_texts(values, grid, scale)
    texts += _count_texts(values, n, map_=map_, grid=grid, top=floor + base + 10)
    texts += lane_name("How they feel", "", top - 4)
    return Lane(max(text.box.bottom for text in texts), shapes, texts)


class _Scale:
    """Places sentiment on the page; the reach is the same above and below zero."""

    def __init__(self, top: float, height: float, reach: float) -> None:
        self.top, self.height, self.reach = top, height, reach

    def y(self, value: float) -> float:
        held = max(-self.reach, min(self.reach, value))
        return self.top + self.height * (1 - held / self.reach) / 2


def _reach(map_: JourneyMap) -> float:
    columns = [c for c in ("value", "low", "high") if c in map_.curve]
    cells = [
        abs(float(cell))
        for column in columns
        for cell in map_.curve[column]
        if not labels.is_missing(cell)
    ]
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


def _main_line(values: Sequence[float], grid: Grid, scale: _Scale) -> list[str]:
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
            out.append(
                f'<circle cx="{grid.middle(place):.1f}" cy="{scale.y(value):.1f}" r="6" '
                f'fill="{paint(ink)}" stroke="{paint("paper")}" stroke-width="2"/>'
            )
    return out


def _value_texts(values: Sequence[float], grid: Grid, scale: _Scale) -> list[Label]:
    out = []
    for place, value in enumerate(values):
        if not math.isfinite(value):
            continue
        y = scale.y(value) - 26
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
    """Write under each stage how many scores there are, or that there are none."""
    out = []
    for place, (value, count) in enumerate(zip(values, n, strict=True)):
        text = f"n = {labels.count_text(count, map_.min_cell)}"
        if not math.isfinite(value):
            few = 0 < count < map_.min_cell
            text = "too few scores" if few else "no scores for this stage"
        elif math.isnan(count):
            continue
        lines = labels.wrap_label(text, grid.column - 2 * PAD, 11)
        out.append(Label(lines, grid.middle(place), top, 11, "middle", ink="muted"))
    return out


def _persona_lines(map_: JourneyMap, grid: Grid, scale: _Scale) -> tuple[list[str], list[Label]]:
    """Draw a dashed line per persona and name it at the right edge, names moved apart."""
    shapes: list[str] = []
    names = personas_of(map_)
    marks = theme.persona_marks(names)
    ends: list[tuple[str, float]] = []
    for name in names:
        values = _course(map_, grid, name)[0]
        ink = marks[name].name
        style = f'stroke-width="1.8" stroke-dasharray="{marks[name].dash}" stroke-linecap="round"'
        for run in runs(values):
            xs, ys = [grid.middle(p) for p in run], [scale.y(values[p]) for p in run]
            if len(run) > 1:
                shapes.append(path(f"M{smooth(xs, ys)}", edge=ink, style=style, tip=plain(name)))
            else:
                shapes.append(
                    f'<circle cx="{xs[0]:.1f}" cy="{ys[0]:.1f}" r="3.5" fill="{paint(ink)}"/>'
                )
        known = [value for value in values if math.isfinite(value)]
        if known:
            ends.append((name, scale.y(known[-1])))
    if not ends:
        return shapes, []
    main = [value for value in _course(map_, grid, ALL)[0] if math.isfinite(value)]
    if main:
        ends.append((ALL, scale.y(main[-1])))
    return _named_ends(shapes, ends, grid=grid, scale=scale, marks=marks)


def _named_ends(
    shapes: list[str],
    ends: list[tuple[str, float]],
    *,
    grid: Grid,
    scale: _Scale,
    marks: dict[str, theme.Mark],
) -> tuple[list[str], list[Label]]:
    gap, texts = 16.0, []
    order = sorted(ends, key=lambda end: end[1])
    mark = scale.top - gap
    tops = []
    for _, wish in order:
        mark = max(mark + gap, wish - 8)
        tops.append(mark)
    most = scale.top + scale.height - gap
    for place in reversed(range(len(tops))):
        tops[place] = min(tops[place], most)
        most = tops[place] - gap
    for (name, _), top in zip(order, tops, strict=True):
        left = grid.right + 6
        whole = name == ALL
        ink, dash = ("accent", "") if whole else (marks[name].name, marks[name].dash)
        sample = Box(left, top + 8, left + 30, top + 8)
        shapes.append(line(sample, ink, width=3.2 if whole else 1.8, dash=dash))
        told = labels.ellipsise("All customers" if whole else plain(name), grid.margin - 46, 11)
        texts.append(Label((told,), left + 36, top, 11, tip=labels.clean_label(name)))
    return shapes, texts
