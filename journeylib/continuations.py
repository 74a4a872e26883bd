"""Which touchpoint a customer meets next, foretold from none, one or two touchpoints before it.

Chains of order 0, 1 and 2 are learnt before a cut and tested on the moves after it; each leans on
the one below where it has seen little. Says what comes next if something comes, not whether it
does. Not for chains of stages and what would change them; see `simulate`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.calibration import DRAWN, draw_customers
from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.log import DAY, decode, first_of, last_of
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeylib.log import Codes, Floats, Integers, Log, Part, Partition

ORDERS = (0, 1, 2)
BACK_OFF, UNSEEN, HITS = 5.0, 0.5, (1, 3)
SHARE_LEARNT = 0.75
LEARN_MOVES, TEST_MOVES, TEST_CUSTOMERS = 500, 200, 50
BACKED = "back-off chain of order {} (Jelinek and Mercer 1980, weight 5)"
MEASURES = ("log_loss", "top_1", "top_3")
RIGHT_AFTER, STANDING = "right after a touchpoint", "on a given day"
SILENCES = (0, 7 * DAY, 30 * DAY, 90 * DAY)
COLUMNS = ["order", "measure", "value", "low", "high", "n", "moves", "unit", "source"]


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


@dataclass(frozen=True, slots=True)
class Onward:
    """How well the next touchpoint can be foretold.

    Attributes:
        measures: One row per order and measure (``log_loss`` in bits a move, ``top_1`` and
            ``top_3``, shares of moves foretold by the first, or the first three, guesses):
            ``order, measure, value, low, high, n`` (customers), ``moves, unit, source, asked``:
            every move right after a touchpoint, or each customer's next one on the day of the cut.
        gains: How much smaller the log-loss is than that of a lower order: ``order, against,
            value, low, high, n, unit, source, asked``.
        chosen: Order that does best right after a touchpoint: a higher one only where it is
            clearly better.
        used: The same on a given day, which is when customers' next touchpoints are told.
        cut: Microsecond from which moves are tested on.
        chains: From `learn_chains`, of all moves.
    """

    measures: pd.DataFrame
    gains: pd.DataFrame
    chosen: int
    used: int
    cut: int
    chains: Mapping[int, Chain]


class Chain:
    """Chances of the next touchpoint after none, one or two before it."""

    def __init__(self, triples: Tally, codes: Codes) -> None:
        self.names = len(codes.touchpoints)
        self.size = self.names + 1  # the last code stands for nothing before
        key, count = triples.key, triples.sums[:, 0] if len(triples.key) else np.zeros(0)
        goal, context = key % self.size, key // self.size
        self.zero = np.bincount(goal, weights=count, minlength=self.size)[: self.names]
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
        told = self.zero + UNSEEN
        told = np.repeat((told / told.sum())[None, :], len(here), axis=0)
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
        found = summarise(
            functools.partial(summarise_contexts, end=end, least=least), log.readable
        )
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
    for order in ORDERS:
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
    for least, rows in _by_silence(chains, silent):
        chain = chains[least if order else 0]
        context = where[0][rows] * chain.size + where[1][rows]
        kinds, place = np.unique(context, return_inverse=True)
        told = chain.tell(kinds // chain.size, kinds % chain.size, order)
        own[rows] = told[place, goal[rows]]
        # Ties go to the lower code.
        guesses = np.argsort(np.argsort(-told, axis=1, kind="stable"), axis=1, kind="stable")
        ranks[rows] = guesses[place, goal[rows]]
    return own, ranks


def _by_silence(chains: Mapping[int, Chain], silent: Integers) -> Iterator[tuple[int, Integers]]:
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


# ---------------------------------------------------------------- the test


def compare_chains(log: Log, *, seed: int = 7, confidence: float = 0.95) -> Onward | Refusal:
    """Learn chains of order 0, 1 and 2 from earlier moves and test them on later ones.

    Args:
        log: The event log.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        How well each order does, order 0 (always guess what is most frequent) among them; or a
        refusal with fewer than two touchpoints, 500 moves to learn from, or 200 moves of 50
        customers to test on.
    """
    cut = _place_cut(log)
    chains = learn_chains(log, cut)
    refused = _check_learnt(chains[0].zero)
    if refused is not None:
        return refused
    tables, rises = [], []
    for standing in (False, True):
        pass_over = functools.partial(summarise_losses, chains=chains, start=cut,
                                      standing=standing)  # fmt: skip
        tested = summarise(pass_over, log.readable)
        rows = tested.rows if tested else pd.DataFrame({"moves": []})
        if rows["moves"].sum() < (TEST_CUSTOMERS if standing else TEST_MOVES) or (
            len(rows) < TEST_CUSTOMERS
        ):
            if standing:
                continue
            return Refusal(
                f"{int(rows['moves'].sum()):,} moves of {len(rows):,} customers came in the last "
                "quarter of the time.",
                f"{TEST_MOVES} moves of {TEST_CUSTOMERS} customers.",
            )
        for table, found in zip((tables, rises), _judge(rows, seed=seed, confidence=confidence),
                                strict=True):  # fmt: skip
            table.append(found.assign(asked=STANDING if standing else RIGHT_AFTER))
    measures, gains = (pd.concat(parts, ignore_index=True) for parts in (tables, rises))
    chosen = _choose(gains[gains["asked"] == RIGHT_AFTER])
    day = gains[gains["asked"] == STANDING]
    used = _choose(day) if len(day) else chosen
    return Onward(measures, gains, chosen, used, cut, learn_chains(log, log.codes.end))


def _check_learnt(moves: Floats) -> Refusal | None:
    total, kinds = int(moves.sum()), int((moves > 0).sum())
    if total < LEARN_MOVES:
        return Refusal(
            f"{total:,} moves from one touchpoint to the next were seen in the time to learn from.",
            f"{LEARN_MOVES} moves.",
        )
    if kinds < 2:
        return Refusal("Customers meet one touchpoint only.", "events of two touchpoints or more.")
    return None


def _place_cut(log: Log) -> int:
    """Part the time that the data covers: three quarters to learn from, the last to test on."""
    found = summarise(summarise_places, log.readable)
    last = int(found.rows["last"].max()) if found is not None and len(found.rows) else 0
    end = min(log.codes.end, last + 1)
    whole = max(end - log.codes.start, 0)
    cut = log.codes.start + int(whole * SHARE_LEARNT)
    return cut - cut % DAY if whole > 8 * DAY else cut


def _judge(
    rows: pd.DataFrame, *, seed: int, confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [f"{measure}_{order}" for order in ORDERS for measure in MEASURES]
    sums, moves = rows[names].to_numpy(float), rows["moves"].to_numpy(float)
    drawn = np.concatenate(
        [(w @ sums) / (w @ moves)[:, None] for w in draw_customers(len(rows), seed=seed)]
    )
    value = sums.sum(axis=0) / moves.sum()
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    facts = {"n": len(rows), "moves": int(moves.sum())}
    table = [
        {"order": order, "measure": measure, "value": value[at], "low": low[at], "high": high[at],
         **facts, "unit": "bits" if measure == "log_loss" else "share",
         "source": f"{BACKED.format(order)}; {DRAWN}"}
        for at, (order, measure) in enumerate((o, m) for o in ORDERS for m in MEASURES)
    ]  # fmt: skip
    gains = []
    for order, against in ((1, 0), (2, 1), (2, 0)):
        one, other = (names.index(f"log_loss_{which}") for which in (order, against))
        ends = np.quantile(drawn[:, other] - drawn[:, one], [tail, 1 - tail])
        gains.append({"order": order, "against": against, "value": value[other] - value[one],
                      "low": ends[0], "high": ends[1], "n": len(rows), "unit": "bits",
                      "source": f"difference of mean log-loss a move; {DRAWN}"})  # fmt: skip
    return pd.DataFrame(table)[COLUMNS], pd.DataFrame(gains)


def _choose(gains: pd.DataFrame) -> int:
    low = gains.set_index(["order", "against"])["low"]
    chosen = 0
    for order in ORDERS[1:]:
        if float(low[(order, chosen)]) > 0:
            chosen = order
    return chosen


def foretell_next(log: Log, onward: Onward) -> pd.DataFrame:
    """Name the likeliest next touchpoint of each customer, from where they stand at the end.

    Args:
        log: The event log.
        onward: From `compare_chains`.

    Returns:
        One row per customer with events: ``customer, next_touchpoint, next_probability`` (chance
        that it is this one, if something comes).
    """
    found = summarise(summarise_places, log.readable)
    places = found.rows if found else pd.DataFrame(dict.fromkeys(("customer", "last"), []))
    if places.empty:
        return pd.DataFrame(columns=["customer", "next_touchpoint", "next_probability"])
    # The data may end before the period does, and that is no silence.
    silent = (places["last"].max() - places["last"]).to_numpy(np.int64)
    best, top = np.zeros(len(places), dtype=np.int64), np.zeros(len(places))
    before, here = (places[name].to_numpy(np.int64) for name in ("before", "here"))
    for least, rows in _by_silence(onward.chains, silent):
        chain = onward.chains[least]
        kinds, place = np.unique(before[rows] * chain.size + here[rows], return_inverse=True)
        told = chain.tell(kinds // chain.size, kinds % chain.size, onward.used)
        best[rows], top[rows] = told.argmax(axis=1)[place], told.max(axis=1)[place]
    names = decode(log.codes.touchpoints, best)
    return pd.DataFrame(
        {"customer": places["customer"], "next_touchpoint": names, "next_probability": top}
    )
