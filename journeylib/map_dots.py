"""The touchpoints of a journey map: circles sized by customers, coloured and marked by channel.

Not for counting customers or averaging tone.
"""

from __future__ import annotations

import math

import pandas as pd

from journeylib import labels, theme
from journeylib.map_lanes import (
    PAD,
    Grid,
    JourneyMap,
    Lane,
    is_small,
    lane_name,
    number,
    of_stage,
    plain,
    ranked,
)
from journeylib.svg_parts import Box, Label, Spot, bars, channel_dot, star, wrapped

ROWS = {1: 6, 2: 4, 3: 3}  # rows of circles by how many stand side by side
NARROWEST_DOT = 160.0
MOST_NAMED = 12
LARGEST, SMALLEST = 17.0, 6.5
LEVELS = ("none", "thin", "fair", "strong")
BAR_WIDTH = 13.0
OTHER = theme.Mark("other", theme.OTHER, "ring", "", "o")


def touchpoint_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw touchpoints as circles, area by customers, colour and cut-out shape by channel."""
    marks = theme.channel_marks(map_.touchpoints["channel"]) if len(map_.touchpoints) else {}
    counts = list(map_.touchpoints.get("customers", []))
    most = max([float(c) for c in counts if not labels.is_missing(c)], default=1.0) or 1.0
    drawn = Lane(top, [], [])
    bottom = top
    for place, stage in enumerate(grid.stages):
        rows = _starred_first(of_stage(map_.touchpoints, stage), map_)
        split = min(max(1, int(grid.column // NARROWEST_DOT)), len(ROWS))
        shown = max(2, ROWS[split] - 2 * grid.thrift) * split
        mark = [top] * split
        for count, (_, row) in enumerate(rows.head(shown).iterrows()):
            side = count % split
            left = grid.left(place) + PAD + side * (grid.column - PAD) / split
            right = left + (grid.column - PAD) / split - 8
            dot = _dot(row, map_, Box(left, mark[side], right, 0), marks=marks, most=most)
            drawn.shapes.extend(dot.shapes)
            drawn.texts.extend(dot.texts)
            drawn.spots.extend(dot.spots)
            mark[side] = dot.bottom
            if side == split - 1:
                mark = [max(mark)] * split
        tail = _tail(rows, shown, map_, Box(grid.left(place), max(mark), grid.left(place + 1), 0))
        drawn.texts.extend(tail.texts)
        drawn.spots.extend(tail.spots)
        bottom = max(bottom, tail.bottom)
    named = lane_name("Touchpoints", "Area: customers. Colour and symbol: channel", top)
    bottom = max(bottom, named[-1].box.bottom)
    return Lane(bottom, drawn.shapes, drawn.texts + named, drawn.spots)


def _starred_first(rows: pd.DataFrame, map_: JourneyMap) -> pd.DataFrame:
    """Order by customers, moments of truth first, so that none is hidden in the tail."""
    rows = ranked(rows)
    starred = rows["touchpoint"].isin(starred_names(map_)) if len(rows) else pd.Series(dtype=bool)
    return pd.concat([rows[starred], rows[~starred]]) if starred.any() else rows


def starred_names(map_: JourneyMap) -> list[str]:
    """Name the touchpoints that are moments of truth."""
    return list(map_.moments["touchpoint"]) if len(map_.moments) else []


def _tail(rows: pd.DataFrame, shown: int, map_: JourneyMap, room: Box) -> Lane:
    """Group the touchpoints that find no room, and name them where the group is pointed at."""
    rest = rows.iloc[shown:]
    if rest.empty and len(rows):
        return Lane(room.top, [], [])
    note = f"+ {len(rest)} more" if len(rest) else "no touchpoints"
    text = Label((note,), room.left + PAD, room.top + 2, 11.5, ink="muted")
    if rest.empty:
        return Lane(text.box.bottom, [], [text])
    told = [_brief(row, map_) for _, row in rest.head(MOST_NAMED).iterrows()]
    if len(rest) > len(told):
        told.append(f"and {len(rest) - len(told)} more, in the table below")
    place = Box(text.x - 6, text.top - 1, room.right - PAD, text.box.bottom + 1)
    spot = Spot(place, (f"{len(rest)} more", *told))
    return Lane(text.box.bottom, [], [text], [spot])


def _brief(row: pd.Series, map_: JourneyMap) -> str:
    count = labels.count_text(number(row, "customers"), map_.min_cell)
    return ", ".join(filter(None, [plain(row["touchpoint"]), plain(row["channel"]), count]))


def _dot(
    row: pd.Series, map_: JourneyMap, room: Box, *, marks: dict[str, theme.Mark], most: float
) -> Lane:
    """Draw one touchpoint with its name and figures to the right of its circle."""
    x = room.left + 42
    name = labels.sentence_case(row["touchpoint"])
    starred = str(row["touchpoint"]) in starred_names(map_)
    inset = 17.0 if starred else 0.0
    like = Label(("",), 0, 0, 12.5, bold=starred)
    title = wrapped(name, x + inset, room.top + 3, width=room.right - x - inset, like=like)
    told, level = _figures(row, map_, room.right - x)
    under = Label((told,), x, title.box.bottom + 1, 11, ink="muted")
    radius = _radius(row, map_, most)
    height = max(2 * radius + 5, under.box.bottom - room.top + 6)
    shift = max(0.0, (height - (under.box.bottom - room.top + 6)) / 2)
    title, under = title.moved(shift), under.moved(shift)
    mark = marks.get(str(row["channel"]), OTHER)
    shapes = [channel_dot(room.left + 17, room.top + height / 2, radius, mark=mark)]
    if starred:
        shapes.append(star(x + 7, title.top + 8.4, 7.5))
    if level is not None:
        shapes.append(bars(under.box.right + 5, under.top + 11.2, level))
    spot = Spot(Box(room.left - 4, room.top, room.right + 2, room.top + height),
                _dot_tip(row, map_, starred=starred))  # fmt: skip
    return Lane(room.top + height, shapes, [title, under], [spot])


def _radius(row: pd.Series, map_: JourneyMap, most: float) -> float:
    customers = number(row, "customers")
    if math.isnan(customers) or is_small(customers, map_):
        return SMALLEST
    return max(SMALLEST, LARGEST * math.sqrt(max(customers, 0.0) / most))


def _tone(row: pd.Series, map_: JourneyMap) -> str:
    feeling = number(row, "sentiment")
    if math.isnan(feeling) or is_small(number(row, "customers"), map_):
        return ""
    return labels.value_text(feeling, "sentiment")


def _figures(row: pd.Series, map_: JourneyMap, width: float) -> tuple[str, int | None]:
    """Write customers, channel and tone as far as there is room, and say how well it is backed."""
    count = labels.count_text(number(row, "customers"), map_.min_cell)
    channel, tone = plain(row["channel"]), _tone(row, map_)
    level = LEVELS.index(str(row.get("support"))) if str(row.get("support")) in LEVELS else None
    if not tone or not level:
        level = None
    free = width - (BAR_WIDTH + 6 if level is not None else 0)
    for parts in ((count, channel, tone), (count, tone)) if tone else ((count, channel),):
        told = " · ".join(filter(None, parts))
        if labels.text_width(told, 11) <= free:
            return told, level
    return labels.ellipsise(" · ".join(filter(None, [count, channel])), width, 11), None


def _dot_tip(row: pd.Series, map_: JourneyMap, *, starred: bool) -> tuple[str, ...]:
    count, tone = labels.count_text(number(row, "customers"), map_.min_cell), _tone(row, map_)
    told = [
        ", ".join(filter(None, [labels.sentence_case(row["touchpoint"]), plain(row["channel"])])),
        f"{count} customers",
    ]
    if tone:
        support = labels.clean_label(row.get("support"))
        told.append(f"Tone {tone}" + f", support {support}" * bool(support))
    if starred:
        told.append("Moment of truth")
    return tuple(told)
