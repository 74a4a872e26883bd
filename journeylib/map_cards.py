"""The cards of a journey map: what hurts, what delights and what could be done, stage by stage.

Not for ranking or pricing them: rank and money come with the frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from journeylib import labels
from journeylib.map_dots import starred_names
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
from journeylib.svg_parts import Box, Label, Spot, path, rect, star, wrapped

KIND_WORDS = {
    "loss": "lost",
    "delay": "come late",
    "repeat": "come back",
    "inconsistency": "worse than in other channels",
    "sentiment": "feel worse",
}


@dataclass(frozen=True, slots=True)
class Deck:
    """One kind of card.

    Attributes:
        kind: ``pain``, ``delight`` or ``opportunity``.
        ink: Name of the colour of its edge and symbol.
        most: Cards shown in a stage; the rest is counted.
        name: Name of the lane.
        hint: How to read it.
    """

    kind: str
    ink: str
    most: int
    name: str
    hint: str


NARROWEST_CARD = 200.0  # room that a card needs beside another one
PAINS = Deck("pain", "bad", 3, "What hurts", "Worst first; money at risk where known")
DELIGHTS = Deck("delight", "good", 2, "What delights", "Better than the average")
OPPORTUNITIES = Deck("opportunity", "accent", 2, "What to try", "Worth a test, best first")


def pain_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw what hurts as cards, worst first, with the money at risk where it is known."""
    return _cards(map_, map_.pains, PAINS, grid=grid, top=top)


def delight_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw what delights as cards, best first."""
    return _cards(map_, map_.delights, DELIGHTS, grid=grid, top=top)


def opportunity_lane(map_: JourneyMap, grid: Grid, top: float) -> Lane:
    """Draw what could be done as cards, best first; no lane where nothing was drawn up."""
    if map_.opportunities.empty:
        return Lane(top, [], [])
    rows = place_opportunities(map_)
    return _cards(map_, rows, OPPORTUNITIES, grid=grid, top=top)


def place_opportunities(map_: JourneyMap) -> pd.DataFrame:
    """Give each opportunity the stage and the touchpoint of the pain that it answers."""
    rows = map_.opportunities
    if rows.empty or "stage" in rows:
        return rows
    at: dict[str, tuple[str, str]] = {}
    for _, pain in map_.pains.iterrows():
        place = (str(pain["stage"]), str(pain["touchpoint"]))
        rank = number(pain, "rank")
        for key in (str(pain["touchpoint"]), "" if math.isnan(rank) else f"{rank:.0f}"):
            at.setdefault(key, place)
    found = [at.get(_key_of(pain), ("", "")) for pain in rows["pain"]]
    return rows.assign(stage=[stage for stage, _ in found], touchpoint=[name for _, name in found])


def _key_of(pain: object) -> str:
    """Write the rank of a pain as it is looked up, whatever kind of number its column holds."""
    text = labels.clean_label(pain)
    return text.removesuffix(".0")


def _cards(map_: JourneyMap, frame: pd.DataFrame, deck: Deck, *, grid: Grid, top: float) -> Lane:
    drawn = Lane(top, [], [])
    bottom = top
    for place, stage in enumerate(grid.stages):
        rows = of_stage(frame, stage)
        rows = rows.sort_values("rank", kind="stable") if "rank" in rows else rows
        held = _pile(_stacks(rows, deck), map_, deck, grid=grid, at=(place, top))
        drawn.shapes.extend(held.shapes)
        drawn.texts.extend(held.texts)
        drawn.spots.extend(held.spots)
        bottom = max(bottom, held.bottom)
    hint = deck.hint
    if map_.pains_of and deck.kind != "opportunity":
        hint += f"; {map_.pains_of}"
    named = lane_name(deck.name, hint, top + 2)
    return Lane(max(bottom, named[-1].box.bottom), drawn.shapes, drawn.texts + named, drawn.spots)


def _pile(
    stacks: list[pd.DataFrame], map_: JourneyMap, deck: Deck, *, grid: Grid, at: tuple[int, float]
) -> Lane:
    """Draw the cards of one stage, side by side where there is room; the rest is counted."""
    place, top = at
    split = max(1, int(grid.column // NARROWEST_CARD))
    wide = (grid.column - 4) / split
    shapes: list[str] = []
    texts: list[Label] = []
    spots: list[Spot] = []
    mark = bottom = top
    most = max(1, deck.most - grid.thrift)
    for count, stack in enumerate(stacks[:most]):
        if count % split == 0:
            mark = bottom
        left = grid.left(place) + 5 + count % split * wide
        card = _card(stack, map_, Box(left, mark, left + wide - 8, 0), deck=deck)
        shapes += card.shapes
        texts += card.texts
        spots += card.spots
        bottom = max(bottom, card.bottom + 8)
    rest = stacks[most:]
    if rest or not stacks:
        note = f"+ {len(rest)} more" if rest else "–"
        text = Label((note,), grid.left(place) + PAD, bottom + 1, 11.5, ink="muted")
        texts.append(text)
        bottom = text.box.bottom + 4
    if rest:
        told = (f"{len(rest)} more", *(_brief(stack, map_, deck) for stack in rest[:10]))
        room = Box(text.x - 6, text.top - 1, grid.left(place + 1) - 7, text.box.bottom + 1)
        spots.append(Spot(room, told))
    return Lane(bottom, shapes, texts, spots)


def _stacks(rows: pd.DataFrame, deck: Deck) -> list[pd.DataFrame]:
    """Put what is said of one touchpoint in one channel onto one card, in the order given."""
    if rows.empty or deck.kind == "opportunity":
        return [rows.iloc[[place]] for place in range(len(rows))]
    channel = rows["channel"] if "channel" in rows else pd.Series("", index=rows.index)
    keys = rows["touchpoint"].astype(str) + "\n" + channel.fillna("").astype(str)
    return [rows[keys == key] for key in dict.fromkeys(keys)]


def _brief(stack: pd.DataFrame, map_: JourneyMap, deck: Deck) -> str:
    first, *rest = (text for text, _, _, _ in card_texts(stack, map_, deck=deck))
    return ": ".join([first, ", ".join(rest)]) if rest else first


def _card(stack: pd.DataFrame, map_: JourneyMap, room: Box, *, deck: Deck) -> Lane:
    """Draw one card: symbol, touchpoint, what happens to how many, money with its interval."""
    name = str(stack["touchpoint"].iloc[0]) if "touchpoint" in stack else ""
    starred = deck.kind == "pain" and name in starred_names(map_)
    x, width = room.left + 30, room.right - room.left - 38
    told = card_texts(stack, map_, deck=deck)
    texts: list[Label] = []
    mark = room.top + 7
    for place, (text, size, bold, hue) in enumerate(told):
        like = Label(("",), 0, 0, size, bold=bold, ink=hue)
        inner = width - 18 if starred and not place else width
        placed = wrapped(text, x, mark, width=inner, like=like)
        if size == BETWEEN and len(placed.lines) == 1:
            placed = _beside(placed, texts[-1], room.right - 8)
        texts.append(placed)
        mark = placed.box.bottom + 1
    bottom = max(text.box.bottom for text in texts) + 7
    shapes = [
        rect(Box(room.left, room.top, room.right, bottom), "paper", radius=5, edge="line"),
        rect(Box(room.left, room.top, room.left + 4, bottom), deck.ink, radius=2),
        _symbol(deck, room.left + 17, room.top + 15),
    ]
    if starred:
        shapes.append(star(room.right - 15, room.top + 15, 7.5))
    tip = [text for text, _, _, _ in told]
    tip += ["Moment of truth"] * starred
    spot = Spot(Box(room.left, room.top, room.right, bottom), tuple(tip))
    return Lane(bottom, shapes, texts, [spot])


BETWEEN = 10.9  # size that marks the interval of a sum: it stands beside it if there is room


def _symbol(deck: Deck, x: float, y: float) -> str:
    if deck.kind == "opportunity":
        style = 'stroke-width="2.4" stroke-linecap="round"'
        return path(f"M{x - 5:.1f} {y:.1f}h10M{x:.1f} {y - 5:.1f}v10", edge=deck.ink, style=style)
    turn = 1 if deck.kind == "delight" else -1
    return path(f"M{x - 6:.1f} {y + 4.5 * turn:.1f}h12l-6 {-9 * turn}Z", fill=deck.ink)


def _beside(text: Label, before: Label, right: float) -> Label:
    """Move a short line up to the right of the one before it, if there is room."""
    left = before.box.right + 8
    if len(before.lines) > 1 or left + text.box.right - text.box.left > right:
        return text
    return Label(text.lines, left, before.top + 2, text.size, ink=text.ink)


def card_texts(
    stack: pd.DataFrame, map_: JourneyMap, *, deck: Deck
) -> list[tuple[str, float, bool, str]]:
    """Write a card: text, size, boldness and colour of each line.

    What is said of one touchpoint may overlap, so money is never added up: the first sum stands.
    """
    parts = [(_heading(stack.iloc[0], deck), 12.5, True, "ink")]
    money: list[tuple[str, float, bool, str]] = []
    for _, row in stack.iterrows():
        people = number(row, "reach" if deck.kind == "opportunity" else "customers")
        counted = "" if math.isnan(people) else labels.count_text(people, map_.min_cell)
        told = _told(row, deck, f"{counted} customers" if counted else "")
        parts += [(told, 11.0, False, "muted")] * bool(told)
        if not money and not is_small(people, map_):
            money = _money(row, map_, deck)
    return parts + money


def _heading(row: pd.Series, deck: Deck) -> str:
    if deck.kind == "opportunity":
        return labels.sentence_case(row["action"])
    return labels.place_text(labels.sentence_case(row["touchpoint"]), row.get("channel"))


def _told(row: pd.Series, deck: Deck, people: str) -> str:
    """Say what happens to how many; for an opportunity where, for how many, and at what effort."""
    if deck.kind == "opportunity":
        place, effort = plain(row.get("touchpoint")), plain(row.get("effort"))
        parts = [f"at {place}" * bool(place), people, f"effort {effort}" * bool(effort)]
        return labels.sentence_case(", ".join(filter(None, parts)))
    words = "feel better" if deck.kind == "delight" else KIND_WORDS.get(str(row.get("kind")), "")
    return labels.sentence_case(" ".join(filter(None, [people, words])))


def _money(row: pd.Series, map_: JourneyMap, deck: Deck) -> list[tuple[str, float, bool, str]]:
    value, low, high = (number(row, f"money_{end}") for end in ("value", "low", "high"))
    if math.isnan(value):
        return []
    ink = "bad-text" if deck.kind == "pain" else "good"
    told = [(labels.money_text(value, map_.currency), 12.5, True, ink)]
    if not math.isnan(low) and not math.isnan(high):
        ends = " to ".join(labels.money_text(end, map_.currency) for end in (low, high))
        told.append((ends, BETWEEN, False, "muted"))
    return told
