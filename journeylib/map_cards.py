"""The cards of a journey map: what hurts and what delights, stage by stage.

Not for ranking or pricing them: rank and money come with the frames.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeylib import labels
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
)
from journeylib.svg_parts import Box, Label, path, rect, wrapped

if TYPE_CHECKING:
    import pandas as pd

MOST_PAINS = 3
MOST_DELIGHTS = 2
KIND_WORDS = {
    "loss": "customers lost",
    "delay": "late",
    "repeat": "repeat contact",
    "sentiment": "feels worse",
}


def pain_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw what hurts as cards, worst first, with the money at risk where it is known."""
    return _cards(map_, grid, top, good=False)


def delight_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw what delights as cards, best first."""
    return _cards(map_, grid, top, good=True)


def _cards(map_: JourneyMap, grid: Grid, top: float, *, good: bool) -> Lane:
    frame, most = (map_.delights, MOST_DELIGHTS) if good else (map_.pains, MOST_PAINS)
    shapes: list[str] = []
    texts: list[Label] = []
    bottom = top
    for place, stage in enumerate(grid.stages):
        rows = of_stage(frame, stage)
        rows = rows.sort_values("rank", kind="stable") if "rank" in rows else rows
        mark = top
        for _, row in rows.head(most).iterrows():
            card = _card(
                row, map_, Box(grid.left(place) + 6, mark, grid.left(place + 1) - 8, 0), good=good
            )
            shapes += card.shapes
            texts += card.texts
            mark = card.bottom + 8
        rest = len(rows) - most
        note = f"+ {rest} more" if rest > 0 else "none found" if rows.empty else ""
        if note:
            text = Label((note,), grid.left(place) + PAD, mark + 1, 11.5, ink="muted")
            texts.append(text)
            mark = text.box.bottom + 4
        bottom = max(bottom, mark)
    named = ("What delights", "Better than the average") if good else (
        "What hurts", "Worst first")  # fmt: skip
    texts += lane_name(*named, top + 2)
    return Lane(max(bottom, texts[-1].box.bottom), shapes, texts)


def _card(row: pd.Series, map_: JourneyMap, room: Box, *, good: bool) -> Lane:
    """Draw one card: symbol, touchpoint, what happens to how many, money with its interval."""
    ink = "good" if good else "bad"
    x, width = room.left + 30, room.right - room.left - 38
    told = _card_texts(row, map_, good=good)
    texts: list[Label] = []
    mark = room.top + 7
    for text, size, bold, hue in told:
        like = Label(("",), 0, 0, size, bold=bold, ink=hue)
        placed = wrapped(text, x, mark, width=width, like=like)
        if hue == "muted" and len(texts) == 3 and len(placed.lines) == 1:
            placed = _beside(placed, texts[-1], room.right - 8)
        texts.append(placed)
        mark = placed.box.bottom + 1
    bottom = max(text.box.bottom for text in texts) + 7
    y, turn = room.top + 15, 1 if good else -1
    arrow = f"M{room.left + 11:.1f} {y + 4.5 * turn:.1f}h12l-6 {-9 * turn}Z"
    tip = "; ".join(part[0] for part in told)
    shapes = [
        rect(Box(room.left, room.top, room.right, bottom), "paper", radius=5, edge="line", tip=tip),
        rect(Box(room.left, room.top, room.left + 4, bottom), ink, radius=2),
        path(arrow, fill=ink),
    ]
    return Lane(bottom, shapes, texts)


def _beside(text: Label, before: Label, right: float) -> Label:
    """Move a short line up to the right of the one before it, if there is room."""
    left = before.box.right + 8
    if left + text.box.right - text.box.left > right:
        return text
    return Label(text.lines, left, before.top + 2, text.size, ink=text.ink)


def _card_texts(
    row: pd.Series, map_: JourneyMap, *, good: bool
) -> list[tuple[str, float, bool, str]]:
    channel = plain(row.get("channel"))
    name = labels.sentence_case(row["touchpoint"])
    if channel and channel != "all":
        name += f" ({channel})"
    kind = "feels better" if good else KIND_WORDS.get(str(row.get("kind")), "")
    customers = number(row, "customers")
    count = labels.count_text(customers, map_.min_cell)
    told = ", ".join(filter(None, [kind, "" if math.isnan(customers) else f"{count} customers"]))
    parts = [(name, 12.5, True, "ink")]
    if told:
        parts.append((told[:1].upper() + told[1:], 11.0, False, "muted"))
    money, between = _money(row, map_)
    if money and not is_small(customers, map_):
        parts.append((money, 12.5, True, "good" if good else "bad-text"))
        parts += [(between, 10.5, False, "muted")] * bool(between)
    return parts


def _money(row: pd.Series, map_: JourneyMap) -> tuple[str, str]:
    value, low, high = (number(row, f"money_{end}") for end in ("value", "low", "high"))
    if math.isnan(value):
        return "", ""
    money = labels.money_text(value, map_.currency)
    if math.isnan(low) or math.isnan(high):
        return money, ""
    ends = (labels.money_text(end, map_.currency) for end in (low, high))
    return money, " to ".join(ends)
