"""Chains that foretell the next touchpoint, and the passes over the log that they are made from.

Each pass reads a partition once; what comes back adds up. Not for judging chains; see
`continuations`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY, first_of, last_of
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeylib.log import Codes, Floats, Integers, Log, Part, Partition

CHAIN_ORDERS = (0, 1, 2)
BACK_OFF, UNSEEN, HITS = 5.0, 0.5, (1, 3)
LEARN_MOVES = 500
SILENCES = (0, 7 * DAY, 30 * DAY, 90 * DAY)


@dataclass(frozen=True, slots=True)
class Moved:
    """Moves of a partition: the touchpoint before, the present one, the next; whose and when.

    ``before`` is the number of touchpoints where a customer had no earlier one; ``gap`` is the time
    since the present one, both times in microseconds.
    """

    before: Integers
    here: Integers
    goal: Integers
    customer: Integers
    time: Integers
    gap: Integers


@dataclass(frozen=True, slots=True)
class Contexts:
    """Moves by what came before them (key = (before × size + here) × size + goal)."""

    triples: Tally

    def __add__(self, other: Contexts) -> Contexts:
        return Contexts(self.triples + other.triples)


@dataclass(frozen=True, slots=True)
class Losses:
    """One row per customer with moves to test on: ``moves`` and sums of losses and hits."""

    rows: pd.DataFrame

    def __add__(self, other: Losses) -> Losses:
        return Losses(pd.concat([self.rows, other.rows], ignore_index=True))


@dataclass(frozen=True, slots=True)
class Places:
    """One row per customer: ``customer, before, here`` at the end, ``last`` (microsecond)."""

    rows: pd.DataFrame

    def __add__(self, other: Places) -> Places:
        return Places(pd.concat([self.rows, other.rows], ignore_index=True))


class Chain:
    """Chances of the next touchpoint after none, one or two before it."""

    def __init__(self, triples: Tally, codes: Codes) -> None:
        self.names = len(codes.touchpoints)
        self.size = self.names + 1  # the last code stands for nothing before
        key, count = triples.key, triples.sums[:, 0] if len(triples.key) else np.zeros(0)
        goal, context = key % self.size, key // self.size
        every = np.bincount(goal, weights=count, minlength=self.size)
        self.zero: Floats = every[: self.names].astype(np.float64)
        self.one = np.zeros((self.size, self.names))
        np.add.at(self.one, (context % self.size, goal), count)
        self.contexts, place = np.unique(context, return_inverse=True)
        self.two = np.zeros((len(self.contexts), self.names))
        np.add.at(self.two, (place, goal), count)

    def tell(self, before: Integers, here: Integers, order: int) -> Floats:
        """Give the chance of each touchpoint (column) after each context (row).

        Args:
            before: Touchpoint before the present one.
            here: The present touchpoint.
            order: How many of the two are looked at.
        """
        base: Floats = np.asarray(self.zero + UNSEEN, dtype=np.float64)
        told: Floats = np.repeat((base / base.sum())[None, :], len(here), axis=0)
        if order >= 1:
            told = _leaning(self.one[here], told)
        if order >= 2:
            wanted = before * self.size + here
            place = np.minimum(np.searchsorted(self.contexts, wanted), len(self.contexts) - 1)
            seen = (self.contexts[place] == wanted)[:, None] if len(self.contexts) else False
            own = self.two[place] if len(self.contexts) else np.zeros_like(told)
            told = _leaning(np.where(seen, own, 0.0), told)
        return told


def _leaning(counts: Floats, below: Floats) -> Floats:
    told: Floats = (counts + BACK_OFF * below) / (counts.sum(axis=1, keepdims=True) + BACK_OFF)
    return told


def read_moves(log: Partition) -> Moved:
    """Give every move of a customer from one event to the next, repeats included.

    Args:
        log: A partition.
    """
    first = first_of(log.customer) if len(log) else np.zeros(0, dtype=bool)
    before = np.full(len(log), len(log.codes.touchpoints), dtype=np.int64)
    known = np.flatnonzero(~first[1:-1] & ~first[2:]) + 2
    before[known] = log.touchpoint[known - 2]
    # Nothing is known of a customer before the first event, so nothing is foretold of it.
    at = np.flatnonzero(~first)
    return Moved(before[at], log.touchpoint[at - 1], log.touchpoint[at], log.customer[at],
                 log.time[at], log.time[at] - log.time[at - 1])  # fmt: skip


def summarise_contexts(part: Part, *, end: int, least: int = 0) -> Contexts:
    """Count the moves before a moment by what came before them.

    Args:
        part: A partition.
        end: The moment.
        least: Microseconds of silence that a move must have ended.
    """
    log = part.load()
    moved, size = read_moves(log), len(log.codes.touchpoints) + 1
    kept = (moved.time < end) & (moved.gap >= least)
    key = ((moved.before * size + moved.here) * size + moved.goal)[kept]
    return Contexts(Tally.of(key, np.ones(len(key))))


def learn_chains(log: Log, end: int) -> dict[int, Chain]:
    """Learn a chain from all moves before a moment, and from those that ended a silence.

    Args:
        log: The event log.
        end: The moment.

    Returns:
        Chains by the least silence (microseconds): who has been silent for long goes on elsewhere.
        The first is of all moves; others are there where 500 moves or more ended such a silence.
    """
    chains: dict[int, Chain] = {}
    for least in SILENCES:
        found = summarise(functools.partial(summarise_contexts, end=end, least=least), log.readable)
        triples = found.triples if found else Tally.of(np.zeros(0, np.int64), np.zeros(0))
        if least and triples.sums.sum() < LEARN_MOVES:
            break
        chains[least] = Chain(triples, log.codes)
    return chains


def summarise_losses(
    part: Part, *, chains: Mapping[int, Chain], start: int, standing: bool
) -> Losses:
    """Hold chains against the moves from a moment on.

    Args:
        part: A partition.
        chains: From `learn_chains`, learnt before that moment.
        start: The moment.
        standing: Whether each customer's next move is foretold at that moment, by how long the
            customer has been silent; else every move, right after the touchpoint before it.
    """
    moved = read_moves(part.load())
    kept = moved.time >= start
    silent = np.zeros(len(kept), dtype=np.int64)
    if standing:
        silent = start - (moved.time - moved.gap)
        kept &= silent > 0
    people, owner = np.unique(moved.customer[kept], return_inverse=True)
    table: dict[str, object] = {
        "customer": people, "moves": np.bincount(owner, minlength=len(people)),
    }  # fmt: skip
    where = moved.before[kept], moved.here[kept]
    for order in CHAIN_ORDERS:
        own, ranks = _held(chains, silent[kept], where, moved.goal[kept], order)
        scores = {f"log_loss_{order}": -np.log2(own)}
        scores |= {f"top_{hit}_{order}": (ranks < hit).astype(float) for hit in HITS}
        for name, score in scores.items():
            table[name] = np.bincount(owner, weights=score, minlength=len(people))
    return Losses(pd.DataFrame(table))


def _held(
    chains: Mapping[int, Chain],
    silent: Integers,
    where: tuple[Integers, Integers],
    goal: Integers,
    order: int,
) -> tuple[Floats, Integers]:
    """Give the chance of each goal, and how many touchpoints were guessed before it."""
    own, ranks = np.ones(len(goal)), np.zeros(len(goal), dtype=np.int64)
    for least, rows in deal_by_silence(chains, silent):
        chain = chains[least if order else 0]
        context = where[0][rows] * chain.size + where[1][rows]
        kinds, place = np.unique(context, return_inverse=True)
        told = chain.tell(kinds // chain.size, kinds % chain.size, order)
        own[rows] = told[place, goal[rows]]
        # Ties go to the lower code.
        guesses = np.argsort(np.argsort(-told, axis=1, kind="stable"), axis=1, kind="stable")
        ranks[rows] = guesses[place, goal[rows]]
    return own, ranks


def deal_by_silence(
    chains: Mapping[int, Chain], silent: Integers
) -> Iterator[tuple[int, Integers]]:
    """Deal rows out to the chain of the longest silence that they have reached."""
    bounds = np.array(sorted(chains), dtype=np.int64)
    place = np.searchsorted(bounds, silent, side="right") - 1
    for at, least in enumerate(bounds.tolist()):
        rows = np.flatnonzero(place == at)
        if len(rows):
            yield least, rows


def summarise_places(part: Part) -> Places:
    """Note where each customer stands when the period ends.

    Args:
        part: A partition.
    """
    log = part.load()
    start = len(log.codes.touchpoints)
    ends = np.flatnonzero(last_of(log.customer)) if len(log) else np.zeros(0, dtype=np.int64)
    alone = first_of(log.customer)[ends] if len(log) else np.zeros(0, dtype=bool)
    columns = {
        "customer": log.customer[ends],
        "before": np.where(alone, start, log.touchpoint[np.maximum(ends - 1, 0)]),
        "here": log.touchpoint[ends],
        "last": log.time[ends],
    }
    return Places(pd.DataFrame(columns))
