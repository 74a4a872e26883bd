"""The frame of a journey map and its plainest lanes: stages, what customers do, key figures.

Every text knows its box before it is drawn, and a lane grows until nothing in it collides. Not for
the page around the map (`journey_map`) and not for any statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from journeylib import labels, theme
from journeylib.svg_parts import Box, Label, Spot, line, path, wrapped

GUTTER = 136.0
PAD = 12.0
MOST_FIGURES = 3


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """What a journey map shows; every frame but the first may be empty.

    Attributes:
        title: Heading of the map.
        stages: In journey order: ``stage, reached, share, to_next, median_days, sentiment`` and,
            if known, ``low, high`` of the share that goes on.
        curve: ``stage, persona, value, low, high, n``; persona "all" is drawn with its interval,
            the others as lines beside it.
        touchpoints: ``touchpoint, channel, stage, customers, events, sentiment, support``.
        pains: ``touchpoint, stage, channel, kind, rank, customers, effect, low, high,
            money_value, money_low, money_high``.
        delights: As pains.
        metrics: ``metric, value, low, high, unit`` and, if set, ``target`` and ``segment``; a
            segment that is a stage stands with that stage.
        actions: ``stage, action``, what customers typically do; their most used touchpoints if
            empty.
        opportunities: ``rank, pain, action, reach, effort, money_value, money_low, money_high``;
            ``pain`` is the rank or the touchpoint of a pain, which tells the stage.
        moments: ``touchpoint``: moments of truth, starred.
        before: The previous period: ``stage, reached, share, to_next, value, low, high, n``, the
            value being the tone.
        outlook: The future state: ``scenario, metric, stage, value, low, high``; the metrics
            ``sentiment`` and ``to_next`` by stage, others without one.
        currency: ISO code of the money columns, or empty.
        min_cell: Counts below it are written as ``<10`` and their scores are not drawn.
        accent: Brand colour, ``#rrggbb``.
        group: Whose map it is; empty for all customers.
        customers: How many they are, or NaN.
        period: The days looked at, as text.
        period_before: The days of the previous period, as text.
        pains_of: Whose pains and delights are shown where they are not the group's own.
    """

    title: str
    stages: pd.DataFrame
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    touchpoints: pd.DataFrame = field(default_factory=pd.DataFrame)
    pains: pd.DataFrame = field(default_factory=pd.DataFrame)
    delights: pd.DataFrame = field(default_factory=pd.DataFrame)
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame)
    actions: pd.DataFrame = field(default_factory=pd.DataFrame)
    opportunities: pd.DataFrame = field(default_factory=pd.DataFrame)
    moments: pd.DataFrame = field(default_factory=pd.DataFrame)
    before: pd.DataFrame = field(default_factory=pd.DataFrame)
    outlook: pd.DataFrame = field(default_factory=pd.DataFrame)
    currency: str = ""
    min_cell: int = 10
    accent: str = theme.ACCENT
    group: str = ""
    customers: float = math.nan
    period: str = ""
    period_before: str = ""
    pains_of: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """The columns of a map.

    Attributes:
        stages: Stage names in journey order.
        column: Width of a column in pixels.
        margin: Room to the right of the last column, for the names of lines.
        thrift: How many rows of circles and cards are given up to keep a sheet of paper legible;
            what is left out is counted on the map and stands in its table.
    """

    stages: tuple[str, ...]
    column: float
    margin: float
    thrift: int = 0

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
        spots: Places that tell more when pointed at or focused.
    """

    bottom: float
    shapes: list[str]
    texts: list[Label]
    spots: list[Spot] = field(default_factory=list)


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


def is_small(count: float, map_: JourneyMap) -> bool:
    """Tell whether a count is too small to be told."""
    return 0 < count < map_.min_cell


def lane_name(name: str, hint: str, top: float) -> list[Label]:
    """Name a lane in the left margin, with one line on how to read it."""
    room = GUTTER - 2 * PAD
    first = wrapped(name, PAD, top, width=room, like=Label(("",), 0, 0, 13.5, bold=True))
    lines = labels.wrap_label(hint, room, 11, lines=4)
    return [first, Label(lines, PAD, first.box.bottom + 2, 11, ink="muted")] if hint else [first]


def stage_before(map_: JourneyMap, stage: str) -> pd.Series:
    """Give a stage's row of the previous period; an empty one where there is none."""
    rows = of_stage(map_.before, stage)
    return rows.iloc[0] if len(rows) else pd.Series(dtype=float)


def expected(map_: JourneyMap, metric: str, stage: str = "") -> pd.Series:
    """Give a forecast's row; an empty one where there is none."""
    rows = map_.outlook
    if len(rows):
        rows = rows[(rows["metric"] == metric) & (rows["stage"].fillna("") == stage)]
    return rows.iloc[0] if len(rows) else pd.Series(dtype=float)


def stage_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw the stages as chevrons with the customers who reach them, and a bar of their share."""
    drawn = Lane(top, [], [])
    inner = grid.column - 46
    heads = [
        labels.wrap_label(labels.sentence_case(name), inner, 16, bold=True, lines=3)
        for name in grid.stages
    ]
    height = max(len(head) for head in heads) * 16 * 1.28 + 56
    for place, head in enumerate(heads):
        row, left = map_.stages.iloc[place], grid.left(place)
        room = Box(left, top, left + grid.column, top + height)
        drawn.shapes.append(path(_chevron(left, top, grid.column, height), fill="accent"))
        title = Label(head, left + 30, top + 10, 16, bold=True, ink="#ffffff")
        reach = labels.ellipsise(_reach_text(row, map_), inner, 12.5)
        under = Label((reach,), left + 30, title.box.bottom + 2, 12.5, ink="#ffffff")
        drawn.texts.extend([title, under])
        drawn.shapes.extend(
            _reach_bar(
                row,
                map_,
                Box(left + 30, top + height - 15, left + grid.column - 26, top + height - 11),
            )
        )
        drawn.spots.append(Spot(room, _stage_tip(row, map_)))
    named = lane_name("Stage", "Customers who reach it, and their share", top + 8)
    bottom = max(top + height, named[-1].box.bottom) + 10
    return Lane(bottom, drawn.shapes, drawn.texts + named, drawn.spots)


def _chevron(left: float, top: float, width: float, height: float) -> str:
    tip, gap = 14.0, 3.0
    right = left + width - gap
    return (
        f"M{left:.1f} {top:.1f}H{right - tip:.1f}L{right + tip - gap:.1f} {top + height / 2:.1f}"
        f"L{right - tip:.1f} {top + height:.1f}H{left:.1f}L{left + 2 * tip - gap:.1f} "
        f"{top + height / 2:.1f}Z"
    )


def _reach_bar(row: pd.Series, map_: JourneyMap, room: Box) -> list[str]:
    """Draw the share that reaches a stage, and a tick where it was in the previous period."""
    share, before = number(row, "share"), number(stage_before(map_, str(row["stage"])), "share")
    if math.isnan(share) or is_small(number(row, "reached"), map_):
        return []
    y = (room.top + room.bottom) / 2
    shapes = [
        line(Box(room.left, y, room.right, y), "#ffffff", width=4, style='stroke-opacity="0.35"'),
        line(Box(room.left, y, _along(room, share), y), "#ffffff", width=4),
    ]
    if not math.isnan(before):
        x = _along(room, before)
        shapes.append(line(Box(x, y - 6, x, y + 6), "#ffffff", width=2))
    return shapes


def _along(room: Box, share: float) -> float:
    return room.left + (room.right - room.left) * min(max(share, 0.0), 1.0)


def _reach_text(row: pd.Series, map_: JourneyMap) -> str:
    reached, share = number(row, "reached"), number(row, "share")
    if math.isnan(reached):
        return "withheld"
    text = labels.count_text(reached, map_.min_cell)
    if math.isnan(share) or is_small(reached, map_):
        return text
    return f"{text} · {labels.share_text(share)}"


def _stage_tip(row: pd.Series, map_: JourneyMap) -> tuple[str, ...]:
    before = stage_before(map_, str(row["stage"]))
    told = [plain(row["stage"]), f"Customers who reach it: {_reach_text(row, map_)}"]
    if not math.isnan(number(before, "share")):
        told.append(f"Previous period: {_reach_text(before, map_)}")
    return tuple(told)


def action_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Write what customers typically do: given phrases, else their most used touchpoints."""
    texts: list[Label] = []
    bottom = top
    for place, stage in enumerate(grid.stages):
        mark = top
        for phrase in _phrases(map_, stage):
            like = Label(("",), 0, 0, 12.5)
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
    rows = ranked(of_stage(map_.touchpoints, stage))
    if rows.empty:
        return ["–"]
    first = rows.drop_duplicates("touchpoint")["touchpoint"].head(3)
    return [labels.sentence_case(", ".join(plain(name) for name in first))]


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Order touchpoints by customers, then by events."""
    by = [column for column in ("customers", "events") if column in rows]
    return rows.sort_values(by, ascending=False, kind="stable") if by else rows


def figure_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Write which share goes on from each stage, how long it takes, and the stage's own metrics."""
    drawn = Lane(top, [], [])
    reached = map_.stages["reached"].fillna(1).to_numpy(float)
    bottom, last = top, int(reached.nonzero()[0].max(initial=0))
    for place, stage in enumerate(grid.stages):
        row = map_.stages.iloc[place]
        left, room = grid.left(place) + PAD, grid.column - 2 * PAD
        big, small = _onward_texts(row, map_, end=place >= last)
        head = labels.ellipsise(big, room, 20, bold=True)
        drawn.texts.append(Label((head,), left, top + 8, 20, bold=True))
        mark = drawn.texts[-1].box.bottom
        for text in [*small, *_own_metrics(map_, stage)]:
            like = Label(("",), 0, 0, 11.5, ink="muted")
            drawn.texts.append(wrapped(text, left, mark, width=room, like=like))
            mark = drawn.texts[-1].box.bottom + 1
        if big.endswith("%"):
            drawn.shapes.extend(_onward_bar(row, map_, Box(left, top, left + room, top)))
        bottom = max(bottom, mark)
        tip = (f"From {plain(stage)} onwards", ". ".join([big, *small]))
        drawn.spots.append(Spot(Box(left - 6, top - 8, left + room + 4, mark + 2), tip))
    named = lane_name("Key figures", "Share that goes on, and time to the next stage", top)
    bottom = max(bottom, named[-1].box.bottom)
    return Lane(bottom, drawn.shapes, drawn.texts + named, drawn.spots)


def _onward_bar(row: pd.Series, map_: JourneyMap, room: Box) -> list[str]:
    """Draw the share that goes on; a tick for the previous period, a diamond for the future."""
    stage, y = str(row["stage"]), room.top
    x = _along(room, number(row, "to_next"))
    shapes = [line(room, "line", width=4), line(Box(room.left, y, x, y), "accent", width=4)]
    before = number(stage_before(map_, stage), "to_next")
    if not math.isnan(before):
        x = _along(room, before)
        shapes.append(line(Box(x, y - 6, x, y + 6), "ink", width=2))
    after = number(expected(map_, "to_next", stage), "value")
    if not math.isnan(after):
        x = _along(room, after)
        way = f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6Z"
        shapes.append(path(way, fill="paper", edge="good", style='stroke-width="2"'))
    return shapes


def _onward_texts(row: pd.Series, map_: JourneyMap, *, end: bool) -> tuple[str, list[str]]:
    """Write the share that goes on, and its interval, time, previous and expected value."""
    share, days = number(row, "to_next"), number(row, "median_days")
    if number(row, "reached") == 0:
        return "–", ["nobody was seen here"]
    if is_small(number(row, "reached"), map_):
        return "–", ["too few customers"]
    time = "" if math.isnan(days) else f"median {labels.value_text(days, 'days')}"
    if math.isnan(share):
        return "–", [time or ("last stage" if end else "withheld")]
    between = labels.interval_text(number(row, "low"), number(row, "high"), "share")
    told = ["go on" + f" ({between})" * bool(between), time]
    before = number(stage_before(map_, str(row["stage"])), "to_next")
    if not math.isnan(before):
        told.append(f"before: {labels.share_text(before)}")
    after = number(expected(map_, "to_next", str(row["stage"])), "value")
    if not math.isnan(after):
        told.append(f"imagined: {labels.share_text(after)}")
    return labels.share_text(share), [text for text in told if text]


def _own_metrics(map_: JourneyMap, stage: str) -> list[str]:
    rows = map_.metrics
    if rows.empty or "segment" not in rows:
        return []
    told = []
    for _, row in rows[rows["segment"].astype(str) == stage].head(MOST_FIGURES).iterrows():
        unit = labels.clean_label(row.get("unit"))
        between = labels.interval_text(number(row, "low"), number(row, "high"), unit)
        name, value = labels.metric_name(row["metric"]), labels.value_text(row["value"], unit)
        told.append(f"{name} {value}" + f" ({between})" * bool(between))
    return told
