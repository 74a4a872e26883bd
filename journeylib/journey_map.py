"""The journey map: one picture of the stages, what customers do, feel, suffer and enjoy in them.

It is inline SVG with real text, no script and nothing loaded from elsewhere, and the same data give
the same bytes. Not for computing anything that it shows.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib import labels, theme
from journeylib.emotion_lane import emotion_lane, personas_of
from journeylib.errors import DataError
from journeylib.map_cards import delight_lane, pain_lane
from journeylib.map_lanes import (
    GUTTER,
    PAD,
    Grid,
    JourneyMap,
    Lane,
    action_lane,
    number,
    of_stage,
    onward_lane,
    plain,
    stage_lane,
    touchpoint_lane,
)
from journeylib.svg_parts import Box, Label, channel_dot, line, rect

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MAP_CSS", "JourneyMap", "Layout", "draw_journey_map", "layout_journey_map"]

PAGE = 1500.0
NARROWEST = 178.0
TABLE_HEADS = (
    "Stage", "Customers", "Share", "Go on", "Median days", "Sentiment", "Touchpoints",
    "Pain points", "Delights",
)  # fmt: skip
MAP_CSS = (
    ".journey-map{margin:0;page:jm-poster;break-inside:avoid}"
    ".jm-scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}"
    ".jm-scroll:focus-visible{outline:3px solid var(--jm-accent,#0b6e99);outline-offset:2px}"
    ".jm-svg{display:block;width:100%;height:auto}"
    ".jm-details{margin-top:.75rem}.jm-details summary{cursor:pointer}"
    ".jm-table{border-collapse:collapse;font-size:.85rem;width:100%}"
    ".jm-table caption{text-align:left;padding:.5rem 0}"
    ".jm-table th,.jm-table td{border-bottom:1px solid var(--jm-line,#d5dce1);"
    "padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "@page jm-poster{size:A3 landscape;margin:10mm}"
    "@media print{.jm-scroll{overflow:visible}.jm-details{display:none}"
    ".jm-svg{min-width:0!important;max-height:270mm;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}}"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything on a map, placed.

    Attributes:
        width: Width of the map in pixels.
        height: Height of the map in pixels.
        shapes: SVG of everything that is not text, in drawing order.
        texts: Every text with its place.
    """

    width: float
    height: float
    shapes: tuple[str, ...]
    texts: tuple[Label, ...]

    @property
    def boxes(self) -> list[Box]:
        """Room that each text takes; no two of them overlap."""
        return [text.box for text in self.texts]


def layout_journey_map(map_: JourneyMap) -> Layout:
    """Place everything on a journey map without drawing it.

    Args:
        map_: Frames of the map.

    Returns:
        Shapes and texts; texts do not overlap and lie within the map.

    Raises:
        DataError: There is no stage, or a stage comes twice.
    """
    _check_stages(map_.stages)
    grid = _grid(map_)
    head = _heading(map_, grid)
    shapes, texts = list(head.shapes), list(head.texts)
    mark = head.bottom
    lanes = (
        stage_lane,
        action_lane,
        touchpoint_lane,
        emotion_lane,
        pain_lane,
        delight_lane,
        onward_lane,
    )
    for place, draw in enumerate(lanes):
        lane = draw(map_, grid, mark + (0 if place == 0 else 16))
        ground = Box(0, mark, grid.width, lane.bottom + 16)
        if place:
            shapes.append(rect(ground, "wash" if place % 2 else "paper"))
            shapes += _columns(grid, ground)
        shapes += lane.shapes
        texts += lane.texts
        mark = lane.bottom + (0 if place == 0 else 16)
    foot = _metric_strip(map_, grid, mark + 14)
    note = _foot_note(map_, grid, foot.bottom + 10)
    return Layout(
        grid.width, note.bottom + 8, (*shapes, *foot.shapes), (*texts, *foot.texts, *note.texts)
    )


def draw_journey_map(map_: JourneyMap) -> str:
    """Draw a journey map as one piece of HTML with inline SVG and a table of the same content.

    Args:
        map_: Frames of the map. Names may hold anything; they are cleaned and escaped.

    Returns:
        ``<figure class="journey-map">`` with the map, its styles (all classes start with ``jm-``)
        and, folded, the map as a table.

    Raises:
        DataError: There is no stage, or a stage comes twice.
        ParamsError: The accent is not written as ``#rrggbb``.
    """
    layout = layout_journey_map(map_)
    name = _slug(map_.title)
    title = labels.escape_label(map_.title)
    accent = theme.readable_accent(map_.accent)
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    picture = "".join(layout.shapes) + "".join(text.svg() for text in layout.texts)
    return (
        f'<figure class="journey-map" id="{name}" style="--jm-accent:{accent}">'
        f"<style>{MAP_CSS}</style>"
        f'<div class="jm-scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<svg xmlns="http://www.w3.org/2000/svg" class="jm-svg" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {width} {height}" '
        f'style="min-width:{0.8 * layout.width:.0f}px" font-family="{theme.CSS_FONT}">'
        f'<title id="{name}-title">{title}</title>'
        f'<desc id="{name}-desc">{labels.escape_label(_headline(map_))}</desc>'
        f'<rect width="{width}" height="{height}" fill="var(--jm-paper,{theme.PAPER})"/>'
        f"{picture}</svg></div>{_table(map_)}</figure>"
    )


def _check_stages(stages: pd.DataFrame) -> None:
    if stages.empty:
        raise DataError("A journey map needs at least one stage.", ["run stage mapping first"])
    twice = stages["stage"][stages["stage"].duplicated()].tolist()
    if twice:
        raise DataError(
            f'The stage "{twice[0]}" comes twice in the map.', ["pass the rows of one persona only"]
        )


def _slug(title: str) -> str:
    """Name the map; the digest keeps titles apart that have no Latin letters."""
    plain_part = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40]
    digest = hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:6]
    return f"jm-{plain_part or 'map'}-{digest}"


def _grid(map_: JourneyMap) -> Grid:
    stages = tuple(str(stage) for stage in map_.stages["stage"])
    margin = 168.0 if personas_of(map_) else 20.0
    column = max(NARROWEST, (PAGE - GUTTER - margin) / len(stages))
    return Grid(stages, column, margin)


def _columns(grid: Grid, ground: Box) -> list[str]:
    edges = [grid.left(place) for place in range(1, len(grid.stages))]
    return [
        line(Box(x - 1, ground.top + 6, x - 1, ground.bottom - 6), "line", dash="1 4")
        for x in edges
    ]


def _heading(map_: JourneyMap, grid: Grid) -> Lane:
    """Write title and finding, and explain the channels."""
    room = grid.width - 2 * PAD
    named = labels.wrap_label(labels.clean_label(map_.title) or "Journey map", room, 26, bold=True)
    title = Label(named, PAD, 14, 26, bold=True)
    finding = Label(
        labels.wrap_label(_headline(map_), room, 15), PAD, title.box.bottom + 2, 15, ink="muted"
    )
    return _channel_key(map_, grid, Lane(finding.box.bottom + 12, [], [title, finding]))


def _channel_key(map_: JourneyMap, grid: Grid, above: Lane) -> Lane:
    if not len(map_.touchpoints):
        return above
    x, y = PAD, above.bottom
    shapes, texts = list(above.shapes), list(above.texts)
    for name, mark in theme.channel_marks(map_.touchpoints["channel"]).items():
        told = labels.ellipsise(plain(name), 200, 12)
        wide = 24 + labels.text_width(told, 12) + 22
        if x + wide > grid.width - PAD:
            x, y = PAD, y + 22
        shapes.append(channel_dot(x + 8, y + 8, 7.5, mark=mark))
        texts.append(Label((told,), x + 22, y, 12))
        x += wide
    return Lane(y + 30, shapes, texts)


def _headline(map_: JourneyMap) -> str:
    """Say the two findings of the map: where customers feel worst and where most are lost."""
    told = []
    curve = map_.curve
    if len(curve):
        rows = curve[curve["persona"].astype(str) == "all"]
        enough = (
            rows["n"].isna() | (rows["n"] >= map_.min_cell)
            if "n" in rows
            else rows["value"].notna()
        )
        rows = rows[enough & rows["value"].notna()].sort_values("value", kind="stable")
        if len(rows) > 1:
            low = rows.iloc[0]
            n = f", n = {labels.count_text(number(low, 'n'))}" if "n" in rows else ""
            told.append(
                f"Customers feel worst in {plain(low['stage'])} "
                f"({labels.value_text(float(low['value']), 'sentiment')}{n})"
            )
    told += _loss_finding(map_)
    reached = labels.count_text(number(map_.stages.iloc[0], "reached"), map_.min_cell)
    name = plain(map_.stages["stage"].iloc[0])
    told = told or [f"{len(map_.stages)} stages; {reached} customers reach {name}"]
    return ". ".join(told) + "."


def _loss_finding(map_: JourneyMap) -> list[str]:
    rows = map_.stages
    lost = []
    for place in range(len(rows) - 1):
        share, reached = number(rows.iloc[place], "to_next"), number(rows.iloc[place], "reached")
        if not math.isnan(share) and reached >= map_.min_cell:
            lost.append(((1 - share) * reached, -place))
    if not lost:
        return []
    # The last move, to praise, is rare in every business: others that lose anybody come first.
    early = [one for one in lost if -one[1] < len(rows) - 2]
    shares = [number(rows.iloc[-place], "to_next") for _, place in early]
    place = -max(early if any(share < 0.95 for share in shares) else lost)[1]
    here, there = plain(rows["stage"].iloc[place]), plain(rows["stage"].iloc[place + 1])
    going = labels.share_text(number(rows.iloc[place], "to_next"))
    n = labels.count_text(number(rows.iloc[place], "reached"))
    if place == len(rows) - 2 and len(rows) > 2:
        return [f"{going} go on from {here} to {there} (n = {n})"]
    return [f"Most customers are lost between {here} and {there} ({going} go on, n = {n})"]


def _metric_strip(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Write the client's metrics as a row of tiles, with interval and target."""
    rows = map_.metrics
    if len(rows) and "segment" in rows:
        rows = rows[rows["segment"].astype(str) == "all"]
    shapes: list[str] = []
    texts: list[Label] = []
    wide, gap = 200.0, 10.0
    each = max(1, int((grid.width - 2 * PAD + gap) // (wide + gap)))
    bottom = mark = top
    for place, (_, row) in enumerate(rows.iterrows()):
        if place and place % each == 0:
            mark = bottom + gap
        left = PAD + (place % each) * (wide + gap)
        tile = _tile(row, Box(left, mark, left + wide, 0))
        shapes += tile.shapes
        texts += tile.texts
        bottom = max(bottom, tile.bottom)
    return Lane(bottom, shapes, texts)


def _tile(row: pd.Series, room: Box) -> Lane:
    unit = labels.clean_label(row.get("unit"))
    inner = room.right - room.left - 24
    x, mark = room.left + 12, room.top + 8
    target = number(row, "target")
    brief = "" if unit == "points" else unit  # the value above has said it
    between = labels.interval_text(number(row, "low"), number(row, "high"), brief)
    goal = "" if math.isnan(target) else f"target {labels.value_text(target, brief)}"
    told = (
        (labels.metric_name(row["metric"]), 11.5, False),
        (labels.value_text(number(row, "value"), unit), 19.0, True),
        (" · ".join(filter(None, [between, goal])) or "no interval", 10.5, False),
    )
    texts = []
    for text, size, bold in told:
        fit = labels.ellipsise(text, inner, size, bold=bold)
        texts.append(Label((fit,), x, mark, size, bold=bold, ink="ink" if bold else "muted"))
        mark = texts[-1].box.bottom
    box = Box(room.left, room.top, room.right, mark + 8)
    return Lane(box.bottom, [rect(box, "wash", radius=6)], texts)


def _foot_note(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    note = "Band: confidence interval of all customers. A gap in a line: no scores."
    if map_.min_cell > 1:
        note += (
            f" Counts below {map_.min_cell} are written as <{map_.min_cell}, and shares that "
            "would tell of so few are withheld."
        )
    if len(map_.touchpoints):
        placed = map_.touchpoints["stage"].astype(str).isin(grid.stages)
        if not placed.all():
            note += f" {int((~placed).sum())} touchpoints belong to no stage and are not drawn."
    text = Label(
        labels.wrap_label(note, grid.width - 2 * PAD, 10.5, lines=3), PAD, top, 10.5, ink="muted"
    )
    return Lane(text.box.bottom, [], [text])


def _table(map_: JourneyMap) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in TABLE_HEADS)
    body = "".join(_table_row(map_, row) for _, row in map_.stages.iterrows())
    return (
        '<details class="jm-details"><summary>The map as a table</summary>'
        f'<table class="jm-table"><caption>{labels.escape_label(map_.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _table_row(map_: JourneyMap, row: pd.Series) -> str:
    stage = str(row["stage"])
    reached = number(row, "reached")
    small = 0 < reached < map_.min_cell
    hidden = math.nan
    cells = [
        labels.count_text(reached, map_.min_cell),
        labels.share_text(hidden if small else number(row, "share")),
        labels.share_text(hidden if small else number(row, "to_next")),
        labels.value_text(hidden if small else number(row, "median_days")),
        labels.value_text(hidden if small else number(row, "sentiment"), "sentiment"),
        *(
            _names(of_stage(frame, stage))
            for frame in (map_.touchpoints, map_.pains, map_.delights)
        ),
    ]
    told = "".join(f"<td>{labels.escape_label(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{labels.escape_label(stage)}</th>{told}</tr>'


def _names(rows: pd.DataFrame) -> str:
    told = []
    for _, row in rows.iterrows():
        channel = labels.clean_label(row.get("channel"))
        told.append(labels.clean_label(row["touchpoint"]) + (f" ({channel})" if channel else ""))
    return "; ".join(told) or "–"
