"""The journey map: one picture of the stages, what customers do, feel, suffer and enjoy in them.

It is HTML with inline SVG and real text, no script and nothing loaded from elsewhere, and the same
data give the same bytes. Not for computing anything that it shows.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from journeylib import labels, theme
from journeylib.emotion_lane import emotion_lane, personas_of
from journeylib.errors import DataError
from journeylib.map_cards import delight_lane, opportunity_lane, pain_lane
from journeylib.map_dots import touchpoint_lane
from journeylib.map_ghosts import ghost_text, ghosts_of
from journeylib.map_key import figures, head, headline, key, note, said
from journeylib.map_lanes import (
    GUTTER,
    Grid,
    JourneyMap,
    Lane,
    action_lane,
    figure_lane,
    number,
    plain,
    stage_lane,
)
from journeylib.map_style import MAP_CSS, pick_css
from journeylib.map_twin import twin
from journeylib.svg_parts import Box, Label, Spot, line, rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["MAP_CSS", "JourneyMap", "Layout", "draw_journey_map", "layout_journey_map"]

PAGE = 1440.0
NARROWEST = 160.0
# Widths tried for paper, and how much of an A3 page is left for the drawing, in millimetres.
SHEETS = (1560.0, 1760.0, 1960.0, 2240.0, 2560.0)
PAPER_WIDTH, PAPER_HEIGHT = 396.0, 212.0
LEGIBLE = 0.178  # millimetres a pixel: names of touchpoints are then set in 6.3 points
MOST_THRIFT = 2
ASIDE = "<g aria-hidden"  # the faces beside the scale belong to the lanes' names
LANES = (
    stage_lane, action_lane, touchpoint_lane, emotion_lane, pain_lane, delight_lane,
    opportunity_lane, figure_lane,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in the drawing of a map, placed.

    Attributes:
        width: Width of the drawing in pixels.
        height: Height of the drawing in pixels.
        shapes: SVG of everything that is not text, in drawing order.
        texts: Every text with its place.
        spots: Places that tell more.
        grounds: SVG of the lanes' grounds, behind everything.
    """

    width: float
    height: float
    shapes: tuple[str, ...]
    texts: tuple[Label, ...]
    spots: tuple[Spot, ...] = ()
    grounds: tuple[str, ...] = ()

    @property
    def boxes(self) -> list[Box]:
        """Room that each text takes; no two of them overlap."""
        return [text.box for text in self.texts]


def layout_journey_map(map_: JourneyMap, *, page: float = PAGE, thrift: int = 0) -> Layout:
    """Place everything on a journey map without drawing it.

    Args:
        map_: Frames of the map.
        page: Width wanted, in pixels; many stages take more.
        thrift: 0 to 2, how many rows of circles and cards are left to the table.

    Returns:
        Shapes and texts; texts do not overlap and lie within the map.

    Raises:
        DataError: There is no stage, or a stage comes twice.
    """
    _check_stages(map_.stages)
    grid = _grid(map_, page, thrift)
    grounds: list[str] = []
    drawn = Lane(0, [], [])
    mark = 2.0
    for place, draw in enumerate(LANES):
        lane = draw(map_, grid, mark + (0 if place == 0 else 16))
        if not lane.texts:
            continue
        ground = Box(0, mark, grid.width, lane.bottom + 16)
        if place:
            grounds.append(rect(ground, "wash" if len(grounds) % 2 == 0 else "paper"))
            drawn.shapes.extend(_columns(grid, ground))
        drawn.shapes.extend(lane.shapes)
        drawn.texts.extend(lane.texts)
        drawn.spots.extend(lane.spots)
        if draw is emotion_lane:
            drawn.spots.extend(_feeling_spots(map_, grid, ground))
        mark = lane.bottom + (0 if place == 0 else 16)
    return Layout(
        grid.width, mark, tuple(drawn.shapes), tuple(drawn.texts), tuple(drawn.spots),
        tuple(grounds),
    )  # fmt: skip


def draw_journey_map(map_: JourneyMap, *, groups: Sequence[JourneyMap] = ()) -> str:
    """Draw a journey map as one piece of HTML with inline SVG and a table of the same content.

    Args:
        map_: Frames of the map of all customers. Names may hold anything; they are cleaned and
            escaped.
        groups: Maps of single personas; a row of buttons, without a script, chooses which map is
            shown. In print the chosen one fills one page, A3 landscape.

    Returns:
        ``<figure class="journey-map">`` with the map, its styles (all classes start with ``jm-``)
        and, folded, the map as a table.

    Raises:
        DataError: There is no stage, or a stage comes twice.
        ParamsError: The accent is not written as ``#rrggbb``.
    """
    name = _slug(map_.title)
    views = [_plain_frames(view) for view in (map_, *groups)]
    accent = theme.readable_accent(map_.accent)
    sheet = fit_sheet(views[0])
    drawn = "".join(
        _view(view, f"{name}-v{place}", sheet=sheet) for place, view in enumerate(views)
    )
    picks = _picks(views, name) if groups else ""
    chosen = pick_css(name, len(views)) if groups else ""
    return (
        f'<figure class="journey-map" id="{name}" style="--jm-accent:{accent}" '
        f'aria-labelledby="{name}-name"><style>{MAP_CSS}{chosen}</style>'
        f'{head(map_, ids=name)}{picks}<div class="jm-views">{drawn}</div></figure>'
    )


def _plain_frames(map_: JourneyMap) -> JourneyMap:
    """Hold the cells as plain objects: rows are read one by one and many times over."""
    held = {one.name: getattr(map_, one.name) for one in fields(map_)}
    frames = {
        name: part.astype(object).where(part.notna(), math.nan)
        for name, part in held.items()
        if hasattr(part, "astype")
    }
    return replace(map_, **frames)


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


def fit_sheet(map_: JourneyMap) -> tuple[float, int]:
    """Choose the width, in pixels, and the thrift at which one A3 page can be read best.

    Rows are given up only where letters would be smaller than they should be.
    """
    found: dict[tuple[float, int], float] = {}
    for thrift in range(MOST_THRIFT + 1):
        for page in SHEETS:
            drawn = layout_journey_map(map_, page=page, thrift=thrift)
            scale = min(PAPER_WIDTH / drawn.width, PAPER_HEIGHT / drawn.height)
            found[page, thrift] = scale
        best = max(found, key=lambda one: found[one])
        if found[best] >= LEGIBLE:
            return best
    return best


def _grid(map_: JourneyMap, page: float, thrift: int) -> Grid:
    stages = tuple(str(stage) for stage in map_.stages["stage"])
    several = bool(personas_of(map_) or ghosts_of(map_, stages))
    margin = 206.0 if several else 20.0
    column = max(NARROWEST, (page - GUTTER - margin) / len(stages))
    return Grid(stages, column, margin, thrift)


def _columns(grid: Grid, ground: Box) -> list[str]:
    edges = [grid.left(place) for place in range(1, len(grid.stages))]
    return [
        line(Box(x - 1, ground.top + 6, x - 1, ground.bottom - 6), "line", dash="1 4")
        for x in edges
    ]


def _feeling_spots(map_: JourneyMap, grid: Grid, ground: Box) -> list[Spot]:
    """Tell at each stage how every line stands, with interval and n."""
    ghosts = ghosts_of(map_, grid.stages)
    out = []
    for place, stage in enumerate(grid.stages):
        told = [f"How they feel in {plain(stage)}"]
        if len(map_.curve):
            rows = map_.curve[map_.curve["stage"].astype(str) == stage]
            told += [_feeling(row, map_) for _, row in rows.iterrows()]
        told += [ghost_text(ghost, place) for ghost in ghosts]
        left, right = grid.left(place) + 3, grid.left(place + 1) - 5
        out.append(Spot(Box(left, ground.top + 6, right, ground.bottom - 6), tuple(told)))
    return out


def _feeling(row: pd.Series, map_: JourneyMap) -> str:
    whole = str(row["persona"]) == "all"
    name = (plain(map_.group) or "All customers") if whole else plain(row["persona"])
    value, n = number(row, "value"), number(row, "n")
    if n < map_.min_cell:
        return f"{name}: too few scores"
    text = labels.value_text(value, "sentiment")
    between = labels.interval_text(number(row, "low"), number(row, "high"), "sentiment")
    more = [between, f"n = {labels.count_text(n)}" if n == n else ""]  # noqa: PLR0124
    return f"{name}: {text} ({', '.join(filter(None, more))})".replace(" ()", "")


def _picks(views: list[JourneyMap], name: str) -> str:
    """Write one button per map; the browser keeps exactly one of them pressed."""
    buttons = "".join(
        f'<label><input type="radio" name="{name}-pick" id="{name}-r{place}"'
        f"{' checked' if not place else ''}>"
        f"<span>{labels.escape_label(plain(view.group) or 'All customers')}</span></label>"
        for place, view in enumerate(views)
    )
    return f'<fieldset class="jm-picks"><legend>Show the map of</legend>{buttons}</fieldset>'


def _view(map_: JourneyMap, ids: str, *, sheet: tuple[float, int]) -> str:
    """Draw one map with the words around it."""
    return (
        f'<div class="jm-view" id="{ids}">{said(map_)}{key(map_)}'
        f'<a class="jm-skip" href="#{ids}-table">Skip the drawing, go to the table</a>'
        f"{_frame(map_, ids, sheet)}{figures(map_)}{note(map_)}{twin(map_, ids=ids)}</div>"
    )


def _frame(map_: JourneyMap, ids: str, sheet: tuple[float, int]) -> str:
    """Draw the map for screens, lane names kept in sight where it must scroll, and for paper."""
    layout = layout_journey_map(map_)
    paper = layout_journey_map(map_, page=sheet[0], thrift=sheet[1])
    who = labels.escape_label(plain(map_.group) or "all customers")
    height = f"{layout.height:.0f}"
    return (
        f'<div class="jm-scroll" tabindex="0" role="region" aria-label="Drawing of the map: {who}">'
        f'<div class="jm-frame" style="--jm-w:{layout.width:.0f}px;'
        f'--jm-names:{100 * GUTTER / layout.width:.2f}%">'
        f"{_svg(map_, layout, ids)}"
        f'<svg class="jm-names" aria-hidden="true" viewBox="0 0 {GUTTER:.0f} {height}" '
        f'font-family="{theme.CSS_FONT}">{_paper(GUTTER, layout.height)}'
        f'<use href="#{ids}-grounds"/><use href="#{ids}-names"/></svg>{_spots(layout)}'
        f"</div></div>{_svg(map_, paper, f'{ids}-paper', kind='jm-sheet')}"
    )


def _svg(map_: JourneyMap, layout: Layout, ids: str, *, kind: str = "jm-svg") -> str:
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    aside = [shape for shape in layout.shapes if shape.startswith(ASIDE)]
    inside = [shape for shape in layout.shapes if not shape.startswith(ASIDE)]
    names = "".join([*aside, *(t.svg() for t in layout.texts if t.box.right <= GUTTER)])
    rest = "".join(text.svg() for text in layout.texts if text.box.right > GUTTER)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img" '
        f'aria-labelledby="{ids}-title {ids}-desc" viewBox="0 0 {width} {height}" '
        f'font-family="{theme.CSS_FONT}"><title id="{ids}-title">'
        f'{labels.escape_label(map_.title)}</title><desc id="{ids}-desc">'
        f"{labels.escape_label(headline(map_))} Everything drawn stands in the table below.</desc>"
        f'{_paper(layout.width, layout.height)}<g id="{ids}-grounds">{"".join(layout.grounds)}</g>'
        f'{"".join(inside)}<g id="{ids}-names">{names}</g>{rest}</svg>'
    )


def _paper(width: float, height: float) -> str:
    return f'<rect width="{width:.0f}" height="{height:.0f}" fill="var(--jm-paper,{theme.PAPER})"/>'


def _spots(layout: Layout) -> str:
    """Lay what can be pointed at or focused over the drawing; the style shows its text."""
    told = []
    for spot in layout.spots:
        box = spot.box
        side = " end" if (box.left + box.right) / 2 > 0.6 * layout.width else ""
        side += " up" if (box.top + box.bottom) / 2 > 0.5 * layout.height else ""
        place = (
            f"left:{100 * box.left / layout.width:.2f}%;top:{100 * box.top / layout.height:.2f}%;"
            f"width:{100 * (box.right - box.left) / layout.width:.2f}%;"
            f"height:{100 * (box.bottom - box.top) / layout.height:.2f}%"
        )
        text = "&#10;".join(labels.escape_label(line_) for line_ in spot.lines)
        told.append(
            f'<div class="jm-spot{side}" role="img" tabindex="0" style="{place}" '
            f'aria-label="{text}"></div>'
        )
    return f'<div class="jm-spots">{"".join(told)}</div>'
