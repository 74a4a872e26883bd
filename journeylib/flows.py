"""Where customers go next, with where journeys start, end, and are still open.

A journey ends when the customer cancels, is cut off by the next journey, or falls silent; where
watching stopped before that it is open, and an open journey is no exit. Every count carries its
sums over customers, so the customer is the unit of every interval.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import first_of, last_of, position_in
from journeylib.ratios import clustered_shares
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Codes, Integers, Log, Part, Partition, Truths

START, END, STILL_OPEN = "start", "end", "open"
LEVELS = ("touchpoint", "stage", "channel")
LONGEST = 10
SUMS = ("count", "left", "square", "cross", "left_square", "left_customers")


@dataclass(frozen=True, slots=True)
class Walk:
    """The states of a partition's journeys in order.

    Attributes:
        state: Code of each state: a touchpoint, a stage or a channel.
        journey: Journey of each entry.
        customer: Customer of each entry.
        closed: Whether the journey of each entry has ended.
    """

    state: Integers
    journey: Integers
    customer: Integers
    closed: Truths


@dataclass(frozen=True, slots=True)
class Flows:
    """Counts between states (key = from × size + to), with their sums over customers."""

    names: tuple[str, ...]
    pairs: Tally
    rows: Tally

    def __add__(self, other: Flows) -> Flows:
        return replace(self, pairs=self.pairs + other.pairs, rows=self.rows + other.rows)

    def frame(self) -> pd.DataFrame:
        """One row per pair: ``from, to, customers`` and the sums behind the interval."""
        size = len(self.names)
        key = self.pairs.key
        left = self.rows.at(key // size) if len(key) else np.zeros((0, 3))
        columns = {
            "from": np.array(self.names, dtype=object)[key // size],
            "to": np.array(self.names, dtype=object)[key % size],
            "customers": self.pairs.sums[:, 1].astype(np.int64),
            "count": self.pairs.sums[:, 0].astype(np.int64),
            "square": self.pairs.sums[:, 2], "cross": self.pairs.sums[:, 3],
            "left": left[:, 0], "left_square": left[:, 1], "left_customers": left[:, 2],
        }  # fmt: skip
        return pd.DataFrame(columns).astype({"from": "str", "to": "str"})


def name_states(codes: Codes, level: str) -> tuple[str, ...]:
    """Name the states of a level: those of the log, then start, end and open.

    Args:
        codes: What the integers of the log stand for.
        level: One of ``LEVELS``.
    """
    own = {"touchpoint": codes.touchpoints, "stage": codes.stages, "channel": codes.channels}
    return (*own[level], START, END, STILL_OPEN)


def walk_journeys(log: Partition, level: str, *, silence: int) -> Walk:
    """Lay out each journey as a sequence of states.

    Args:
        log: A partition.
        level: ``touchpoint`` (every event), ``stage`` (events without one are passed over, a stay
            counts once) or ``channel`` (events without one are passed over).
        silence: Microseconds after which a customer counts as gone; 0 for never.
    """
    closed = _closed(log, silence)
    state = getattr(log, level)
    kept = np.ones(len(log), dtype=bool)
    if level == "stage":
        kept = state >= 0
    elif level == "channel":
        kept = np.array([name != "" for name in log.codes.channels] or [True])[state]
    at = np.flatnonzero(kept)
    if level == "stage" and len(at):
        at = at[first_of(log.journey[at]) | first_of(state[at])]
    return Walk(state[at], log.journey[at], log.customer[at], closed[log.journey[at]])


def _closed(log: Partition, silence: int) -> Truths:
    """Tell which journeys have ended by the end of the period."""
    last = np.flatnonzero(last_of(log.journey))
    final = last_of(log.customer)[last]
    ended = ~final | log.is_bad[last]
    if log.codes.cut == "outcome":
        ended |= log.is_good[last]
    if silence:
        ended |= log.codes.end - log.time[last] > silence
    return ended


def summarise_flows(part: Part, *, level: str, silence: int) -> Flows:
    """Count what follows what, from the start of each journey to its end.

    Args:
        part: A partition.
        level: One of ``LEVELS``.
        silence: Microseconds after which a customer counts as gone.
    """
    log = part.load()
    names = name_states(log.codes, level)
    walk, size = walk_journeys(log, level, silence=silence), len(names)
    start, end, still = size - 3, size - 2, size - 1
    opens = np.flatnonzero(first_of(walk.journey)) if len(walk.state) else np.zeros(0, np.int64)
    closes = np.flatnonzero(last_of(walk.journey)) if len(walk.state) else opens
    inside = np.flatnonzero(~first_of(walk.journey)) if len(walk.state) else opens
    origin = np.concatenate([np.full(len(opens), start), walk.state[inside - 1],
                             walk.state[closes]])  # fmt: skip
    outcome = np.where(walk.closed[closes], end, still)
    goal = np.concatenate([walk.state[opens], walk.state[inside], outcome])
    owner = walk.customer[np.concatenate([opens, inside, closes])]
    return Flows(names, *_clustered(origin, goal, owner, size, still))


def _clustered(
    origin: Integers, goal: Integers, owner: Integers, size: int, still: int
) -> tuple[Tally, Tally]:
    """Add up pairs and rows over customers; what is open leaves no state."""
    pairs, made = np.unique(owner * size * size + origin * size + goal, return_counts=True)
    gone = goal != still
    rows, left = np.unique(owner[gone] * size + origin[gone], return_counts=True)
    at = np.searchsorted(rows, pairs // size)
    own = np.append(left, 0)[at]
    own[np.append(rows, -1)[at] != pairs // size] = 0
    return (
        Tally.of(pairs % (size * size), made, np.ones(len(made)), made**2, made * own),
        _with_all(Tally.of(rows % size, left, left**2, np.ones(len(left))), size),
    )


def _with_all(rows: Tally, size: int) -> Tally:
    """Give every state a row, so that sums can be looked up."""
    return rows + Tally(np.arange(size), np.zeros((size, 3)))


def count_flows(
    log: Log, *, silence: int, level: str = "stage", confidence: float = 0.95
) -> pd.DataFrame:
    """Count where customers go next, with starts, ends and journeys that are still open.

    Args:
        log: The event log.
        silence: From `passages.find_silence`.
        level: ``touchpoint``, ``stage`` or ``channel``; touchpoints and channels count repeats.
        confidence: Coverage of the intervals.

    Returns:
        One row per pair, most frequent first: ``from`` (or ``start``), ``to`` (or ``end``,
        ``open``), ``customers, count, share`` and ``value, low, high, n, unit, source``. Shares are
        of all that left ``from``; what is open has a count and no share.
    """
    table = _frame_of(functools.partial(summarise_flows, level=level, silence=silence), log)
    gone = table[table["to"] != STILL_OPEN]
    table = table.join(clustered_shares(gone, confidence=confidence))
    table["n"] = table["left_customers"]
    table["share"] = table["value"]
    columns = ["from", "to", "customers", "count", "share", "value", "low", "high", "n", "unit",
               "source"]  # fmt: skip
    order = ["count", "from", "to"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)[columns]


def _frame_of(function: object, log: Log) -> pd.DataFrame:
    summary = summarise(function, log.readable)  # type: ignore[arg-type]
    return pd.DataFrame() if summary is None else summary.frame()


# ---------------------------------------------------------------- by place in the journey


@dataclass(frozen=True, slots=True)
class Places:
    """Journeys by their state at each place (key = place × size + state), with sums."""

    names: tuple[str, ...]
    cells: Tally
    whole: Tally

    def __add__(self, other: Places) -> Places:
        return replace(self, cells=self.cells + other.cells, whole=self.whole + other.whole)

    def frame(self) -> pd.DataFrame:
        """One row per place and state: ``place`` (from 1), ``state`` and the sums."""
        size, key = len(self.names), self.cells.key
        total = self.whole.sums[0] if len(self.whole.key) else np.zeros(3)
        columns = {
            "place": key // size + 1, "state": np.array(self.names, dtype=object)[key % size],
            "customers": self.cells.sums[:, 1].astype(np.int64),
            "count": self.cells.sums[:, 0].astype(np.int64),
            "square": self.cells.sums[:, 2], "cross": self.cells.sums[:, 3],
            "left": total[0], "left_square": total[1], "left_customers": total[2],
        }  # fmt: skip
        return pd.DataFrame(columns).astype({"state": "str"})


def summarise_places(part: Part, *, level: str, silence: int, longest: int = LONGEST) -> Places:
    """Count the state of every journey at each place, ended and open ones as such.

    Args:
        part: A partition.
        level: One of ``LEVELS``.
        silence: Microseconds after which a customer counts as gone.
        longest: Last place that is looked at.
    """
    log = part.load()
    names = name_states(log.codes, level)
    state, customer = _table_of(walk_journeys(log, level, silence=silence), longest, len(names))
    keys = (np.arange(longest) * len(names) + state).ravel()
    owner = np.repeat(customer, longest)
    journeys, own = np.unique(customer, return_counts=True)
    pairs, made = np.unique(owner * len(names) * longest + keys, return_counts=True)
    whole = own[np.searchsorted(journeys, pairs // (len(names) * longest))]
    cells = Tally.of(
        pairs % (len(names) * longest), made, np.ones(len(made)), made**2, made * whole
    )
    return Places(
        names, cells, Tally.of(np.zeros(len(own), np.int64), own, own**2, np.ones(len(own)))
    )


def _table_of(walk: Walk, longest: int, size: int) -> tuple[Integers, Integers]:
    """Lay journeys out as rows of states, and give the customer of each."""
    if not len(walk.state):
        return np.zeros((0, longest), np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(first_of(walk.journey))
    rank = position_in(walk.journey)
    row = np.cumsum(first_of(walk.journey)) - 1
    table = np.repeat(np.where(walk.closed[starts], size - 2, size - 1)[:, None], longest, axis=1)
    early = rank < longest
    table[row[early], rank[early]] = walk.state[early]
    return table, walk.customer[starts]


def count_places(
    log: Log,
    *,
    silence: int,
    level: str = "touchpoint",
    longest: int = LONGEST,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say where journeys stand at their first, second, third … event.

    Args:
        log: The event log.
        silence: From `passages.find_silence`.
        level: ``touchpoint``, ``stage`` or ``channel``.
        longest: Last place that is looked at.
        confidence: Coverage of the intervals.

    Returns:
        One row per ``place`` (from 1) and ``state`` (``end`` for journeys that have ended before,
        ``open`` for those that watching stopped): ``customers, count`` (journeys), ``share`` of all
        journeys, and ``value, low, high, n, unit, source``. Shares of a place add up to 1.
    """
    pass_over = functools.partial(summarise_places, level=level, silence=silence, longest=longest)
    table = _frame_of(pass_over, log)
    table = pd.concat([table, clustered_shares(table, confidence=confidence)], axis=1)
    table["share"] = table["value"]
    columns = ["place", "state", "customers", "count", "share", "value", "low", "high", "n", "unit",
               "source"]  # fmt: skip
    return table[columns]


# ---------------------------------------------------------------- ribbons


def count_ribbons(log: Log, *, silence: int, longest: int = 5) -> pd.DataFrame:
    """Count journeys between the stages at one place and the next, for an alluvial figure.

    Args:
        log: The event log.
        silence: From `passages.find_silence`.
        longest: Last place that is looked at.

    Returns:
        ``place`` (of ``from``, from 1), ``from, to, customers, count``; ``end`` and ``open`` stay
        where they are and are counted once, at the place after the last stage.
    """
    pass_over = functools.partial(_summarise_ribbons, silence=silence, longest=longest)
    return _frame_of(pass_over, log)


@dataclass(frozen=True, slots=True)
class Ribbons:
    """Journeys by place and pair of states (key = (place × size + from) × size + to)."""

    names: Sequence[str]
    pairs: Tally

    def __add__(self, other: Ribbons) -> Ribbons:
        return Ribbons(self.names, self.pairs + other.pairs)

    def frame(self) -> pd.DataFrame:
        """One row per ribbon, ``place, from, to, customers, count``."""
        size, key = len(self.names), self.pairs.key
        names = np.array(self.names, dtype=object)
        columns = {
            "place": key // size // size + 1, "from": names[key // size % size],
            "to": names[key % size], "customers": self.pairs.sums[:, 1].astype(np.int64),
            "count": self.pairs.sums[:, 0].astype(np.int64),
        }  # fmt: skip
        return pd.DataFrame(columns).astype({"from": "str", "to": "str"})


def _summarise_ribbons(part: Part, *, silence: int, longest: int) -> Ribbons:
    log = part.load()
    names = name_states(log.codes, "stage")
    size = len(names)
    table, customer = _table_of(walk_journeys(log, "stage", silence=silence), longest, size)
    place = np.broadcast_to(np.arange(longest - 1), (len(table), longest - 1))
    key = (place * size + table[:, :-1]) * size + table[:, 1:]
    moved = table[:, :-1] < size - 3
    owner = np.broadcast_to(customer[:, None], key.shape)[moved]
    pairs, made = np.unique(owner * longest * size * size + key[moved], return_counts=True)
    return Ribbons(names, Tally.of(pairs % (longest * size * size), made, np.ones(len(made))))
