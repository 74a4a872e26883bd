"""Whether where customers go next depends on where they came from, and not on the stage alone.

A chain of stages looks at the stage alone, so what it foretells is approximate where this is so.
The test holds fixed what each customer did, from where to where and how often, and draws anew the
order in which they did it: customers who differ from one another raise no alarm. Not for counting
moves; see `flows`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.flows import name_states, walk_journeys
from journeylib.log import first_of, last_of, position_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.log import Floats, Integers, Log, Part, Truths

FEWEST = 50
MOST_EVENTS, MOST_MOVES, LONGEST = 300_000, 40_000, 200
DRAWS, TRIES = 199, 60
MIXED = 2_654_435_761  # Knuth's multiplier: neighbouring codes fall far apart


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a dependence on where customers came from.

    Attributes:
        statistic: G² of the second order against the first, over all stages.
        p: Share of orders drawn anew, each customer's own moves kept, that depend as much; missing
            where nobody's moves could have come in another order.
        p_alike: The same where customers are taken to be all alike: small, too, where they differ.
        n: Customers.
        moves: Moves that had a stage before and an end that was seen.
        right: Share of moves guessed rightly by who knows the stage alone.
        right_before: The same for who also knows where they came from, less what chance adds.
    """

    statistic: float
    p: float
    p_alike: float
    n: int
    moves: int
    right: float
    right_before: float


@dataclass(frozen=True, slots=True)
class Trails:
    """All that each customer did as one sequence of stages, with starts and ends of journeys."""

    size: int
    state: Integers
    customer: Integers

    def __add__(self, other: Trails) -> Trails:
        both = (self.state, other.state), (self.customer, other.customer)
        return Trails(self.size, *(np.concatenate(pair) for pair in both))


def test_memory(log: Log, *, silence: int, seed: int) -> Memory | Refusal:
    """Test whether where customers go next depends on where they came from as well.

    Args:
        log: The event log; of a large one, a fixed sample of whole customers is used.
        silence: From ``passages.find_silence``.
        seed: Seed of the draws.

    Returns:
        The test over stages, or a refusal below 50 moves. The start of a journey is somewhere to
        come from, its end somewhere to go; journeys that are still open end nowhere.

    References:
        Anderson and Goodman (1957), Ann. Math. Stat. 28:89-110 (G² of the orders of a chain);
        Diaconis and Freedman (1980), Ann. Probab. 8:115-130: given its start and its moves, every
        order of a chain is as likely; Altschul and Erickson (1985), Mol. Biol. Evol. 2:526-538
        (drawing such an order).
    """
    share = min(1.0, MOST_EVENTS / max(len(log), 1))
    pass_over = functools.partial(summarise_trails, silence=silence, share=share)
    trails = summarise(pass_over, log.readable)
    if trails is None:
        return _too_few(0)
    return compare_orders(trails, rng=np.random.default_rng(seed))


def summarise_trails(part: Part, *, silence: int, share: float = 1.0) -> Trails:
    """Write all stages of each customer of a partition in a row, journey after journey.

    Args:
        part: A partition.
        silence: Microseconds after which a customer counts as gone.
        share: Share of customers to take.
    """
    log = part.load()
    size = len(name_states(log.codes, "stage"))
    walk = walk_journeys(log, "stage", silence=silence)
    taken = (walk.customer * MIXED) % 2**32 < share * 2**32
    state, journey, customer = walk.state[taken], walk.journey[taken], walk.customer[taken]
    if not len(state):
        return Trails(size, state, customer)
    opens, closes = np.flatnonzero(first_of(journey)), np.flatnonzero(last_of(journey))
    # Each journey gets a start before it and an end, or an open one, behind it.
    shift = 2 * (np.cumsum(first_of(journey)) - 1) + 1
    found = np.empty(len(state) + 2 * len(opens), dtype=np.int64)
    found[np.arange(len(state)) + shift] = state
    found[opens + shift[opens] - 1] = size - 3
    found[closes + shift[closes] + 1] = np.where(walk.closed[taken][closes], size - 2, size - 1)
    added = np.ones(len(state), dtype=np.int64)
    np.add.at(added, opens, 1)
    np.add.at(added, closes, 1)
    owner = np.repeat(customer, added)
    kept = position_in(owner) < LONGEST
    return Trails(size, found[kept], owner[kept])


def compare_orders(
    trails: Trails, *, rng: np.random.Generator, draws: int = DRAWS
) -> Memory | Refusal:
    """Hold the second order against the first, over trails.

    Args:
        trails: From `summarise_trails`, customers one after the other.
        rng: Source of the draws.
        draws: How many times the order is drawn anew.
    """
    trails = _sampled(trails, rng)
    counts = _triples(trails.state, trails.customer, trails.size)
    moves = int(counts.sum())
    if moves < FEWEST:
        return _too_few(moves)
    seen = _g_square(counts)
    by_chance = [_g_square(made) for made in _shuffled_counts(trails, counts, rng, draws)]
    alike = _tables_by_chance(counts, rng, draws)
    right = float(counts.sum(axis=0).max(axis=-1).sum()) / moves
    right_before = float(counts.max(axis=-1).sum() - alike[1].mean()) / moves + right
    return Memory(
        statistic=seen,
        p=_share_as_large(seen, np.array(by_chance)) if by_chance else math.nan,
        p_alike=_share_as_large(seen, alike[0]),
        n=len(np.unique(trails.customer)),
        moves=moves,
        right=right,
        right_before=max(right, right_before),
    )


def _too_few(moves: int) -> Refusal:
    reason = f"{moves} moves from a stage were seen to their end; {FEWEST} are needed."
    return Refusal(reason, "more journeys, or a longer period")


def _share_as_large(seen: float, drawn: Floats) -> float:
    return float((1 + (drawn >= seen - 1e-9).sum()) / (len(drawn) + 1))


def _sampled(trails: Trails, rng: np.random.Generator) -> Trails:
    """Keep so many customers that the moves to be drawn anew stay within bounds."""
    free = _is_free(trails)
    share = MOST_MOVES / max(int(free.sum()), 1)
    if share >= 1:
        return trails
    row = np.cumsum(first_of(trails.customer)) - 1
    kept = (rng.random(int(row[-1]) + 1) < share)[row]
    return Trails(trails.size, trails.state[kept], trails.customer[kept])


def _is_free(trails: Trails) -> Truths:
    """Tell which customers could have made their moves in another order: some exits differ."""
    if not len(trails.state):
        return np.zeros(0, dtype=bool)
    row, origin, goal = _moves_of(trails)
    pairs = np.unique((row * trails.size + origin) * trails.size + goal)
    exits, kinds = np.unique(pairs // trails.size, return_counts=True)
    open_to = np.zeros(int(row.max(initial=0)) + 2, dtype=bool)
    open_to[exits[kinds > 1] // trails.size] = True
    found: Truths = open_to[np.cumsum(first_of(trails.customer)) - 1]
    return found


def _moves_of(trails: Trails) -> tuple[Integers, Integers, Integers]:
    """Give row, origin and goal of every move; rows are customers, numbered from 0."""
    row = np.cumsum(first_of(trails.customer)) - 1
    inside = np.flatnonzero(~first_of(trails.customer))
    return row[inside], trails.state[inside - 1], trails.state[inside]


def _triples(state: Integers, owner: Integers, size: int) -> Integers:
    """Count where customers came from, stood and went: an array by from, stage, to."""
    stages = size - 3
    at = np.flatnonzero(owner[2:] == owner[:-2]) if len(state) > 2 else np.zeros(0, np.int64)
    before, here, after = state[at], state[at + 1], state[at + 2]
    told = (here < stages) & (after != size - 1)
    key = (before * size + here) * size + after
    return np.bincount(key[told], minlength=size**3).reshape(size, size, size)


def _g_square(counts: Integers) -> float:
    """Twice the log of the likelihood ratio of the second order to the first."""
    sums = (counts, counts.sum(axis=0), counts.sum(axis=2), counts.sum(axis=(0, 2)))
    whole, onward, came, stood = (_log_sum(one) for one in sums)
    return max(2 * (whole - onward - came + stood), 0.0)


def _log_sum(counts: NDArray[np.int64]) -> float:
    some = counts[counts > 0].astype(np.float64)
    return float((some * np.log(some)).sum())


def _tables_by_chance(
    counts: Integers, rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """Draw tables of from × to for each stage, margins kept: their G² and their best guesses."""
    square, best = np.zeros(draws), np.zeros(draws)
    for stage in np.flatnonzero(counts.sum(axis=(0, 2))):
        table = counts[:, stage, :]
        came, went = table.sum(axis=1), table.sum(axis=0)
        came, went = came[came > 0], went[went > 0]
        if min(len(came), len(went)) < 2:
            best += table.max(axis=1).sum()  # nothing is left to chance; SciPy would give noise
            continue
        made = stats.random_table(came, went, seed=rng).rvs(draws).reshape(draws, -1, len(went))
        best += made.max(axis=2).sum(axis=1)
        fixed = _log_sum(came) + _log_sum(went) - _log_sum(came.sum(keepdims=True))
        square += 2 * ((made * np.log(np.maximum(made, 1))).sum(axis=(1, 2)) - fixed)
    return np.maximum(square, 0), best


# ---------------------------------------------------------------- orders drawn anew


def _shuffled_counts(
    trails: Trails, counts: Integers, rng: np.random.Generator, draws: int
) -> list[Integers]:
    """Count triples again, with each customer's moves kept and their order drawn."""
    free = _is_free(trails)
    state, owner = trails.state[free], trails.customer[free]
    if not len(state):
        return []
    fixed = counts - _triples(state, owner, trails.size)
    deck = _Deck(Trails(trails.size, state, owner))
    return [fixed + _triples(deck.deal(rng), owner, trails.size) for _ in range(draws)]


class _Deck:
    """The exits of each customer from each stage, to be dealt in any order that makes a trail.

    Orders of the exits are drawn until the last ones lead from every stage to where the trail
    ends: then, and only then, all moves are used up (Altschul and Erickson 1985).
    """

    def __init__(self, trails: Trails) -> None:
        self.size = trails.size
        self.state = trails.state
        first = first_of(trails.customer)
        self.opens = np.flatnonzero(first)
        self.root = trails.state[last_of(trails.customer)]
        self.lengths = np.diff(np.append(self.opens, len(first)))
        row, origin, goal = _moves_of(trails)
        self.key = row * self.size + origin
        by_exit = np.argsort(self.key, kind="stable")
        self.key, self.goal = self.key[by_exit], goal[by_exit]
        self.row = self.key // self.size
        place = np.arange(len(self.opens) * self.size)
        self.starts = np.searchsorted(self.key, place).reshape(-1, self.size)
        self.last = last_of(self.key)

    def deal(self, rng: np.random.Generator) -> Integers:
        """Give the states of all trails in a new order."""
        goal, wrong = self.goal.copy(), np.ones(len(self.opens), dtype=bool)
        for _ in range(TRIES):
            at = np.flatnonzero(wrong[self.row])
            mixed = np.argsort(self.key[at] + rng.random(len(at)))
            goal[at] = self.goal[at[mixed]]
            wrong[wrong] = self._dead_ends(goal, at, np.flatnonzero(wrong))
            if not wrong.any():
                break
        made = self._walk(goal)
        # Who was never dealt a trail keeps the own one: that can hide memory, never feign it.
        kept = np.repeat(wrong, self.lengths)
        made[kept] = self.state[kept]
        return made

    def _dead_ends(self, goal: Integers, moves: Integers, rows: Integers) -> Truths:
        """Tell of some trails, given their moves, which last exits do not lead to their end."""
        key = (np.searchsorted(rows, self.row[moves]) * self.size) + self.key[moves] % self.size
        leads = np.tile(np.arange(self.size), (len(rows), 1))
        last = self.last[moves]
        leads.ravel()[key[last]] = goal[moves[last]]
        place, root = np.arange(len(rows))[:, None], self.root[rows]
        leads[place[:, 0], root] = root
        used = np.zeros(leads.shape, dtype=bool)
        used.ravel()[key] = True
        for _ in range(self.size.bit_length()):
            leads = leads[place, leads]
        return np.asarray((used & (leads != root[:, None])).any(axis=1))

    def _walk(self, goal: Integers) -> Integers:
        """Follow the exits from the start of each trail."""
        made, taken = self.state.copy(), self.starts.copy()
        here = self.state[self.opens].copy()
        for step in range(1, int(self.lengths.max())):
            on = np.flatnonzero(self.lengths > step)
            exits = np.minimum(taken[on, here[on]], len(goal) - 1)
            taken[on, here[on]] += 1
            here[on] = goal[exits]
            made[self.opens[on] + step] = here[on]
        return made
