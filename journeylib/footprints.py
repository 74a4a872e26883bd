"""What each customer did, as counts of moves by customer, so that customers can be drawn anew.

Not for showing where customers go; see `flows`, which keeps sums only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from journeylib.engine import summarise
from journeylib.flows import Walk, name_states, walk_journeys
from journeylib.log import first_of, last_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from journeylib.log import Floats, Integers, Log, Part, Truths

MOST_EVENTS = 300_000
MIXED = 2_654_435_761  # Knuth's multiplier: neighbouring codes fall far apart


@dataclass(frozen=True, slots=True)
class Footprints:
    """Moves of each customer between states (key = from × states + to).

    Attributes:
        names: States; the last three are start, end and open. Where laps are told apart, the
            others stand there once for each lap.
        customer: Customer of each entry.
        key: Move of each entry.
        count: How often the customer made it.
    """

    names: tuple[str, ...]
    customer: Integers
    key: Integers
    count: Integers

    def __add__(self, other: Footprints) -> Footprints:
        return Footprints(
            self.names,
            np.concatenate([self.customer, other.customer]),
            np.concatenate([self.key, other.key]),
            np.concatenate([self.count, other.count]),
        )

    @property
    def customers(self) -> Integers:
        """Customers with a move, in order."""
        found: Integers = np.unique(self.customer)
        return found

    def closed(self) -> Footprints:
        """Leave out what is still open: it went nowhere yet."""
        kept = self.key % len(self.names) != len(self.names) - 1
        return Footprints(self.names, self.customer[kept], self.key[kept], self.count[kept])

    def settled(self) -> Footprints:
        """Let what is open end where watching stopped: for those who stay unless they leave."""
        size = len(self.names)
        still = self.key % size == size - 1
        return Footprints(self.names, self.customer, self.key - still, self.count)

    def table(self, customers: Integers) -> Any:
        """Lay the moves out as a sparse matrix, one row per customer, one column per move.

        Args:
            customers: Codes of the rows, sorted; all that have a move must be among them.
        """
        from scipy import sparse

        row = np.searchsorted(customers, self.customer)
        shape = (len(customers), len(self.names) ** 2)
        return sparse.csr_array((self.count.astype(float), (row, self.key)), shape=shape)

    def counts(self) -> Floats:
        """Add up all customers: an array by from and to."""
        size = len(self.names)
        whole = np.bincount(self.key, weights=self.count, minlength=size * size)
        return whole.astype(np.float64).reshape(size, size)


def summarise_footprints(
    part: Part,
    *,
    level: str,
    silence: int,
    goals: tuple[int, ...] = (),
    laps: int = 0,
    share: float = 1.0,
) -> Footprints:
    """Count the moves of each customer of a partition.

    Args:
        part: A partition.
        level: ``touchpoint``, ``stage`` or ``channel``.
        silence: Microseconds after which a customer counts as gone.
        goals: Codes of states at which a journey is complete: what follows is left out.
        laps: How many goals are told apart: after each the states are those of the next lap, and
            nothing is left out; 0 for a journey that ends at its first goal.
        share: Share of customers to take.
    """
    log = part.load()
    names = name_states(log.codes, level)
    walk = _sampled(walk_journeys(log, level, silence=silence), share)
    walk = _by_lap(walk, goals, laps, len(names) - 3) if laps else _cut_short(walk, goals)
    names = (*names[:-3] * (laps + 1), *names[-3:])
    goals = () if laps else goals
    size = len(names)
    if not len(walk.state):
        return Footprints(names, walk.customer, walk.state, walk.state)
    opens, closes = np.flatnonzero(first_of(walk.journey)), np.flatnonzero(last_of(walk.journey))
    inside = np.flatnonzero(~first_of(walk.journey))
    closes = closes[~np.isin(walk.state[closes], goals)]
    leaves = np.where(walk.closed[closes], size - 2, size - 1)
    start = np.full(len(opens), size - 3)
    origin = np.concatenate([start, walk.state[inside - 1], walk.state[closes]])
    goal = np.concatenate([walk.state[opens], walk.state[inside], leaves])
    owner = walk.customer[np.concatenate([opens, inside, closes])]
    made, count = np.unique(owner * size * size + origin * size + goal, return_counts=True)
    return Footprints(names, made // (size * size), made % (size * size), count)


def is_sampled(customer: Integers, share: float) -> Truths:
    """Tell which customers belong to a fixed sample of whole customers."""
    kept: Truths = (customer * MIXED) % 2**32 < share * 2**32
    return kept


def sample_share(log: Log) -> float:
    """Give the share of customers that keeps a log within 300,000 events."""
    return min(1.0, MOST_EVENTS / max(len(log), 1))


def _sampled(walk: Walk, share: float) -> Walk:
    kept = is_sampled(walk.customer, share)
    return Walk(walk.state[kept], walk.journey[kept], walk.customer[kept], walk.closed[kept])


def _cut_short(walk: Walk, goals: tuple[int, ...]) -> Walk:
    """Leave out what comes after the first goal of each journey."""
    if not goals or not len(walk.state):
        return walk
    kept = count_before(np.isin(walk.state, goals), walk.journey) == 0
    return Walk(walk.state[kept], walk.journey[kept], walk.customer[kept], walk.closed[kept])


def _by_lap(walk: Walk, goals: tuple[int, ...], laps: int, size: int) -> Walk:
    """Number the states anew after each goal of a journey, up to so many."""
    if not len(walk.state):
        return walk
    lap = np.minimum(count_before(np.isin(walk.state, goals), walk.journey), laps)
    return Walk(walk.state + lap * size, walk.journey, walk.customer, walk.closed)


def count_before(met: Truths, journey: Integers) -> Integers:
    """Count before each entry the ones that were met in its journey.

    Args:
        met: Which entries count.
        journey: Journey of each entry, sorted.
    """
    before: Integers = np.cumsum(met) - met
    starts = np.flatnonzero(first_of(journey))
    lengths = np.diff(np.append(starts, len(met)))
    found: Integers = before - np.repeat(before[starts], lengths)
    return found


def count_footprints(
    log: Log,
    *,
    silence: int,
    level: str = "touchpoint",
    goals: tuple[int, ...] = (),
    laps: int = 0,
) -> Footprints:
    """Count the moves of each customer; of a large log, of a fixed sample of whole customers.

    Args:
        log: The event log.
        silence: From ``passages.find_silence``.
        level: ``touchpoint``, ``stage`` or ``channel``.
        goals: Codes of states at which a journey is complete.
        laps: As for `summarise_footprints`.
    """
    pass_over = functools.partial(
        summarise_footprints, level=level, silence=silence, goals=goals, laps=laps,
        share=sample_share(log),
    )  # fmt: skip
    found = summarise(pass_over, log.readable)
    nobody = np.zeros(0, np.int64)
    none = Footprints(name_states(log.codes, level), nobody, nobody, nobody)
    return none if found is None else found


def lump_states(prints: Footprints, kept: Collection[str], groups: Mapping[str, str]) -> Footprints:
    """Join states that need no row of their own, so that a chain stays small.

    Args:
        prints: The moves.
        kept: Names of states that stay.
        groups: Name of the group that any other state joins.

    Returns:
        The same moves between fewer states; a chain of them reaches its ends as often.
    """
    size = len(prints.names)
    named = [name if name in kept else groups[name] for name in prints.names[:-3]]
    lap = _laps_of(prints.names)
    pairs = [*zip(lap, named, strict=True), *((-1, name) for name in prints.names[-3:])]
    once = list(dict.fromkeys(named))
    laps = range(max(lap, default=0) + 1)
    order = [*((at, name) for at in laps for name in once), *pairs[-3:]]
    place = np.array([order.index(pair) for pair in pairs])
    key = place[prints.key // size] * len(order) + place[prints.key % size]
    names = tuple(name for _, name in order)
    return Footprints(names, prints.customer, key, prints.count)


def _laps_of(names: tuple[str, ...]) -> list[int]:
    """Tell the lap of each state from how often its name stood before."""
    seen: dict[str, int] = {}
    laps = []
    for name in names[:-3]:
        seen[name] = seen.get(name, -1) + 1
        laps.append(seen[name])
    return laps


def draw_weights(customers: int, *, draws: int, rng: np.random.Generator) -> Floats:
    """Draw whole customers with replacement: how often each is drawn, one row per draw.

    The first row is the data itself.
    """
    drawn = rng.multinomial(customers, np.full(customers, 1 / max(customers, 1)), size=draws)
    return np.vstack([np.ones(customers), drawn]).astype(np.float64)
