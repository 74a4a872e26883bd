"""The lanes of a journey map, one function each: frames in, placed shapes and texts out.

Every text knows its box before it is drawn, and a lane grows until nothing in it collides. Not for
the page around the map (`journey_map`) and not for any statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from journeylib import labels, theme
from journeylib.svg_parts import Box, Label, channel_dot, line, path, wrapped

GUTTER = 132.0
PAD = 12.0
MOST_DOTS = 6


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """What a journey map shows; every frame but the first may be empty.

    Attributes:
        title: Heading of the map.
        stages: In journey order: ``stage, reached, share, to_next, median_days, sentiment``.
        curve: ``stage, persona, value, low, high, n``; persona "all" is drawn with its interval.
        touchpoints: ``touchpoint, channel, stage, customers, events, sentiment, support``.
        pains: ``touchpoint, stage, channel, kind, rank, customers, effect, low, high,
            money_value, money_low, money_high``.
        delights: As pains.
        metrics: ``metric, value, low, high, unit`` and, if set, ``target`` and ``segment``.
        actions: ``stage, action``, what customers typically do; their most used touchpoints if
            empty.
        currency: ISO code of the money columns, or empty.
        min_cell: Counts below it are written as ``<10`` and their scores are not drawn.
        accent: Brand colour, ``#rrggbb``.
    """

    title: str
    stages: pd.DataFrame
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    touchpoints: pd.DataFrame = field(default_factory=pd.DataFrame)
    pains: pd.DataFrame = field(default_factory=pd.DataFrame)
    delights: pd.DataFrame = field(default_factory=pd.DataFrame)
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame)
    actions: pd.DataFrame = field(default_factory=pd.DataFrame)
    currency: str = ""
    min_cell: int = 10
    accent: str = theme.ACCENT


@dataclass(frozen=True, slots=True)
class Grid:
    """The columns of a map.

    Attributes:
        stages: Stage names in journey order.
        column: Width of a column in pixels.
        margin: Room to the right of the last column, for the names of lines.
    """

    stages: tuple[str, ...]
    column: float
    margin: float

    def left(self, place: int) -> float:
        """Left edge of a column."""
        return GUTTER + place * self.column

    def middle(self, place: int) -> float:
        """Middle of a column."""
        return self.left(place) + self.column / 2

    @property
    def right(self) -> float:
        """Right edge of the last column."""
        return self.left(len(self.stages))

    @property
    def width(self) -> float:
        """Width of the whole map."""
        return self.right + self.margin


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane, drawn.

    Attributes:
        bottom: Where the next lane may begin.
        shapes: SVG of everything that is not text.
        texts: Every text with its place.
    """

    bottom: float
    shapes: list[str]
    texts: list[Label]


def number(row: pd.Series, column: str) -> float:
    """Return a cell as a float; absent and empty cells are NaN."""
    value = row.get(column)
    return math.nan if labels.is_missing(value) else float(value)  # type: ignore[arg-type]


def plain(value: object) -> str:
    """Write a client's name as words."""
    return labels.clean_label(value).replace("_", " ")


def of_stage(frame: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Return the rows of one stage."""
    return frame[frame["stage"] == stage] if len(frame) and "stage" in frame else frame.head(0)


def lane_name(name: str, hint: str, top: float) -> list[Label]:
    """Name a lane in the left margin, with one line on how to read it."""
    room = GUTTER - 2 * PAD
    first = wrapped(name, PAD, top, width=room, like=Label(("",), 0, 0, 13, bold=True))
    lines = labels.wrap_label(hint, room, 10.5, lines=4)
    return [first, Label(lines, PAD, first.box.bottom + 2, 10.5, ink="muted")] if hint else [first]


def stage_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw the stages as chevrons with the customers who reach them."""
    shapes, texts = [], []
    inner = grid.column - 44
    heads = [
        labels.wrap_label(labels.sentence_case(name), inner, 15, bold=True, lines=3)
        for name in grid.stages
    ]
    height = max(len(head) for head in heads) * 15 * 1.28 + 40
    for place, head in enumerate(heads):
        row = map_.stages.iloc[place]
        left = grid.left(place)
        shapes.append(path(_chevron(left, top, grid.column, height), fill="accent",
                           tip=_stage_tip(row, map_)))  # fmt: skip
        title = Label(head, left + 28, top + 9, 15, bold=True, ink="#ffffff")
        reach = labels.ellipsise(_reach_text(row, map_), inner, 11.5)
        texts += [title, Label((reach,), left + 28, title.box.bottom + 2, 11.5, ink="#ffffff")]
    texts += lane_name("Stage", "Customers who reach it, and their share", top + 8)
    return Lane(max(top + height, texts[-1].box.bottom) + 10, shapes, texts)


def _chevron(left: float, top: float, width: float, height: float) -> str:
    tip, gap = 14.0, 3.0
    right = left + width - gap
    return (
        f"M{left:.1f} {top:.1f}H{right - tip:.1f}L{right + tip - gap:.1f} {top + height / 2:.1f}"
        f"L{right - tip:.1f} {top + height:.1f}H{left:.1f}L{left + 2 * tip - gap:.1f} "
        f"{top + height / 2:.1f}Z"
    )


def is_small(count: float, map_: JourneyMap) -> bool:
    """Tell whether a count is too small to be told."""
    return 0 < count < map_.min_cell


def _reach_text(row: pd.Series, map_: JourneyMap) -> str:
    reached, share = number(row, "reached"), number(row, "share")
    text = labels.count_text(reached, map_.min_cell)
    return (
        text
        if math.isnan(share) or is_small(reached, map_)
        else f"{text} · {labels.share_text(share)}"
    )


def _stage_tip(row: pd.Series, map_: JourneyMap) -> str:
    return (
        f"{labels.clean_label(row['stage'])}: {_reach_text(row, map_)} customers reach this stage"
    )


def action_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Write what customers typically do: given phrases, else their most used touchpoints."""
    texts: list[Label] = []
    bottom = top
    for place, stage in enumerate(grid.stages):
        mark = top
        for phrase in _phrases(map_, stage):
            like = Label(("",), 0, 0, 12)
            text = wrapped(phrase, grid.left(place) + PAD, mark, width=grid.column - 26, like=like)
            texts.append(text)
            mark = text.box.bottom + 4
        bottom = max(bottom, mark)
    texts += lane_name("What they do", "", top)
    return Lane(max(bottom, texts[-1].box.bottom), [], texts)


def _phrases(map_: JourneyMap, stage: str) -> list[str]:
    given = of_stage(map_.actions, stage)
    if len(given):
        return [plain(phrase) for phrase in given["action"].head(3)]
    rows = _ranked(of_stage(map_.touchpoints, stage))
    if rows.empty:
        return ["–"]
    first = rows.drop_duplicates("touchpoint")["touchpoint"].head(3)
    return [labels.sentence_case(", ".join(plain(name) for name in first))]


def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
    by = [column for column in ("customers", "events") if column in rows]
    return rows.sort_values(by, ascending=False, kind="stable") if by else rows


def touchpoint_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw touchpoints as circles, area by customers, colour and cut-out shape by channel."""
    marks = theme.channel_marks(map_.touchpoints["channel"]) if len(map_.touchpoints) else {}
    counts = list(map_.touchpoints.get("customers", []))
    most = max([float(c) for c in counts if not labels.is_missing(c)], default=1.0) or 1.0
    shapes: list[str] = []
    texts: list[Label] = []
    bottom = top
    for place, stage in enumerate(grid.stages):
        rows = _ranked(of_stage(map_.touchpoints, stage))
        split = max(1, int(grid.column // 200))
        mark = [top] * split
        for count, (_, row) in enumerate(rows.head(MOST_DOTS * split).iterrows()):
            side = count % split
            left = grid.left(place) + PAD + side * (grid.column - PAD) / split
            room = (grid.column - PAD) / split - 8
            drawn = _dot(row, map_, Box(left, mark[side], left + room, 0), marks=marks, most=most)
            shapes += drawn.shapes
            texts += drawn.texts
            mark[side] = drawn.bottom
            if side == split - 1:
                mark = [max(mark)] * split
        bottom = max(bottom, *mark)
        rest = len(rows) - MOST_DOTS * split
        note = f"+ {rest} more" if rest > 0 else "no touchpoints" if rows.empty else ""
        if note:
            text = Label((note,), grid.left(place) + PAD, max(mark) + 2, 11.5, ink="muted")
            texts.append(text)
            bottom = max(bottom, text.box.bottom)
    texts += lane_name("Touchpoints", "Area: customers. Colour and symbol: channel", top)
    return Lane(max(bottom, texts[-1].box.bottom), shapes, texts)


def _dot(
    row: pd.Series, map_: JourneyMap, room: Box, *, marks: dict[str, theme.Mark], most: float
) -> Lane:
    """Draw one touchpoint with its name and customers to the right of its circle."""
    customers = number(row, "customers")
    known = 0.0 if math.isnan(customers) else customers
    radius = max(6.5, 17.0 * math.sqrt(max(known, 0.0) / most))
    if is_small(customers, map_):
        radius = 6.5
    x = room.left + 42
    name = labels.sentence_case(row["touchpoint"])
    like = Label(("",), 0, 0, 12, tip=labels.clean_label(row["touchpoint"]))
    title = wrapped(name, x, room.top + 2, width=room.right - x, like=like)
    told = labels.ellipsise(
        " · ".join(
            filter(None, [labels.count_text(customers, map_.min_cell), plain(row["channel"])])
        ),
        room.right - x,
        10.5,
    )
    under = Label((told,), x, title.box.bottom, 10.5, ink="muted")
    height = max(2 * radius + 4, under.box.bottom - room.top + 6)
    mark = marks.get(str(row["channel"]), theme.Mark("other", theme.OTHER, "ring", "", "o"))
    tip = _dot_tip(row, map_)
    dot = channel_dot(room.left + 17, room.top + height / 2, radius, mark=mark, tip=tip)
    shift = max(0.0, (height - (under.box.bottom - room.top + 6)) / 2)
    texts = [
        Label(t.lines, t.x, t.top + shift, t.size, ink=t.ink, tip=t.tip) for t in (title, under)
    ]
    return Lane(room.top + height, [dot], texts)


def _dot_tip(row: pd.Series, map_: JourneyMap) -> str:
    customers, feeling = number(row, "customers"), number(row, "sentiment")
    count = labels.count_text(customers, map_.min_cell)
    told = f"{plain(row['touchpoint'])}, {plain(row['channel'])}: {count} customers"
    if math.isnan(feeling) or is_small(customers, map_):
        return told
    return f"{told}, sentiment {labels.value_text(feeling, 'sentiment')}"


def onward_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Write which share goes on from each stage and how many days it takes."""
    shapes, texts = [], []
    last = len(grid.stages) - 1
    for place in range(len(grid.stages)):
        row = map_.stages.iloc[place]
        big, small = _onward_texts(row, map_, end=place == last)
        room = grid.column - 2 * PAD
        head = Label(
            (labels.ellipsise(big, room, 20, bold=True),),
            grid.left(place) + PAD,
            top,
            20,
            bold=True,
        )
        lines = labels.wrap_label(small, room, 11)
        texts += [head, Label(lines, head.x, head.box.bottom, 11, ink="muted")]
        share = number(row, "to_next")
        if big.endswith("%"):
            y = top - 6
            full = Box(head.x, y, grid.left(place + 1) - PAD, y)
            part = Box(head.x, y, head.x + (full.right - head.x) * min(max(share, 0), 1), y)
            shapes += [line(full, "line", width=3), line(part, "accent", width=3)]
    texts += lane_name("Moving on", "Share that reaches the next stage", top)
    return Lane(max(text.box.bottom for text in texts), shapes, texts)


def _onward_texts(row: pd.Series, map_: JourneyMap, *, end: bool) -> tuple[str, str]:
    share, days = number(row, "to_next"), number(row, "median_days")
    if is_small(number(row, "reached"), map_):
        return "–", "too few customers"
    time = "" if math.isnan(days) else f"median {labels.value_text(days, 'days')}"
    if math.isnan(share):
        return "–", time or ("last stage" if end else "withheld")
    return labels.share_text(share), ", ".join(filter(None, ["go on", time]))
