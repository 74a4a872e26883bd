"""Who gets the credit for an outcome: seven rules beside one another. Credit, not effect.

No rule of credit says what would be lost without a channel: what stands on every road gets credit
whether or not it does anything. Not for money spent or returned; only an experiment answers that.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.flows import walk_journeys
from journeylib.footprints import count_before, draw_weights, is_sampled, sample_share
from journeylib.log import DAY, first_of, last_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeylib.log import Floats, Integers, Log, Part, Truths

TITLE = "Credit, not effect"
RULES = ("first", "last", "linear", "position", "time_decay", "markov", "shapley")
NOTHING_BEFORE, OTHERS = "nothing before", "others"
FEWEST, DRAWS = 30, 200
ENTRIES = ("state", "journey", "customer", "days", "won", "closed")
ENDS_SHARE, HALF_LIFE_DAYS = 0.4, 7.0
SOURCES = {
    "first": "all to the first",
    "last": "all to the last",
    "linear": "in equal parts",
    "position": "40% first, 40% last, the rest between",
    "time_decay": "half for every 7 days before the outcome",
    "markov": "first-order removal, exact (Anderl et al. 2016)",
    "shapley": "Shapley value of the journeys won (Zhao et al. 2018)",
}


@dataclass(frozen=True, slots=True)
class Approaches:
    """What journeys met on their way to the outcome, or to their end without it.

    Attributes:
        names: States; the last one stands for journeys that met nothing before.
        state: State of each entry, in order of journey and time.
        journey: Journey of each entry.
        customer: Customer of each entry.
        days: Days from each entry to the outcome; 0 where there was none.
        won: Whether the journey of each entry reached the outcome.
        closed: Whether the journey of each entry has ended.
    """

    names: tuple[str, ...]
    state: Integers
    journey: Integers
    customer: Integers
    days: Floats
    won: Truths
    closed: Truths

    def __add__(self, other: Approaches) -> Approaches:
        shift = int(self.journey[-1]) + 1 if len(self.journey) else 0
        moved = replace(other, journey=other.journey + shift)
        both = [np.concatenate([getattr(self, name), getattr(moved, name)]) for name in ENTRIES]
        return Approaches(self.names, *both)


def credit_outcome(
    log: Log,
    *,
    silence: int,
    seed: int,
    level: str = "channel",
    min_cell: int = 1,
    confidence: float = 0.95,
) -> pd.DataFrame | Refusal:
    """Share the credit for the outcome out among channels or touchpoints, by seven rules.

    Args:
        log: The event log; of a large one, a fixed sample of whole customers is used.
        silence: From ``passages.find_silence``.
        seed: Seed of the draws of customers.
        level: ``channel`` or ``touchpoint``.
        min_cell: Names met by fewer winning customers are taken together as ``others``.
        confidence: Coverage of the intervals.

    Returns:
        As `share_credit`; each journey counts up to its first outcome, which itself gets no
        credit, and neither do surveys and refunds.
    """
    if not log.codes.good:
        return Refusal("No touchpoint is the outcome.", "an outcome in the client file")
    share = sample_share(log)
    pass_over = functools.partial(summarise_approaches, level=level, silence=silence, share=share)
    found = summarise(pass_over, log.readable)
    if found is None:
        return _too_few(0)
    return share_credit(join_small(found, min_cell), seed=seed, confidence=confidence)


def summarise_approaches(part: Part, *, level: str, silence: int, share: float = 1.0) -> Approaches:
    """Lay out what the journeys of a partition met before their first outcome.

    Args:
        part: A partition.
        level: ``channel`` or ``touchpoint``.
        silence: Microseconds after which a customer counts as gone.
        share: Share of customers to take.
    """
    log = part.load()
    own = {"channel": log.codes.channels, "touchpoint": log.codes.touchpoints}[level]
    names = (*own, NOTHING_BEFORE)
    closed = walk_journeys(log, "touchpoint", silence=silence).closed
    taken = is_sampled(log.customer, share) & (count_before(log.is_good, log.journey) == 0)
    at = np.flatnonzero(taken)
    state, journey = getattr(log, level)[at], log.journey[at]
    if not len(at):
        none = np.zeros(0, bool)
        return Approaches(names, state, journey, state, np.zeros(0), none, none)
    good = log.is_good[at]
    last = np.flatnonzero(last_of(journey))
    lengths = np.diff(np.append(-1, last))
    won, until = np.repeat(good[last], lengths), np.repeat(log.time[at][last], lengths)
    counts = ~good & ~np.isin(log.touchpoint[at], log.codes.aside)
    counts &= np.array([name != "" for name in own])[state]
    met = np.bincount(journey[counts], minlength=int(journey.max()) + 1)
    # A journey that met nothing is kept as one entry of its own.
    bare = last_of(journey) & (met[journey] == 0)
    state = np.where(bare, len(names) - 1, state)
    kept = counts | bare
    days = np.where(won, (until - log.time[at]) / DAY, 0.0)
    return Approaches(
        names, state[kept], journey[kept], log.customer[at][kept], days[kept], won[kept],
        closed[at][kept],
    )  # fmt: skip


def share_credit(
    roads: Approaches, *, seed: int, confidence: float = 0.95, draws: int = DRAWS
) -> pd.DataFrame | Refusal:
    """Share the credit for the journeys won, with intervals from draws of whole customers.

    Args:
        roads: From `summarise_approaches`.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.
        draws: How many times customers are drawn anew.

    Returns:
        One row per rule and name, the largest credit first: ``title, rule, name,
        customers`` (those who met it before they won), ``credit`` (journeys won; they sum to all
        that were), and ``value`` (share of all credit), ``low, high, n, unit, source``; ``n`` is
        the customers who won. A refusal below 30 of them.

    References:
        Anderl, Becker, von Wangenheim & Schumann (2016), Int. J. Research in Marketing 33:457-474;
        Zhao, Mahboobi & Bagheri (2018), arXiv 1804.05327, for the closed form of Shapley's value.
    """
    people = np.unique(roads.customer)
    winners = len(np.unique(roads.customer[roads.won]))
    if winners < FEWEST:
        return _too_few(winners)
    weights = draw_weights(len(people), draws=draws, rng=np.random.default_rng(seed))
    frames = []
    for rule, credit in _credits(roads, people, weights):
        total = credit.sum(axis=1, keepdims=True)
        shares = np.divide(credit, total, out=np.zeros_like(credit), where=total > 0)
        frames.append(_frame(roads.names, rule, credit[0], shares, confidence).assign(n=winners))
    table = pd.concat(frames, ignore_index=True)
    table["customers"] = _winners_of(roads).reindex(table["name"]).to_numpy()
    columns = ["title", "rule", "name", "customers", "credit", "value", "low", "high", "n", "unit",
               "source"]  # fmt: skip
    return table[columns]


def join_small(roads: Approaches, min_cell: int) -> Approaches:
    """Take together the names that too few customers met on a road that they won.

    Args:
        roads: From `summarise_approaches`.
        min_cell: Fewest customers of a name of its own; together they are as many at least, so
            that no share can be worked out from the others.
    """
    met = _winners_of(roads).sort_values(kind="stable")
    met = met[met > 0]
    few = int((met < min_cell).sum())
    while 0 < few < len(met) and (few < 2 or met.iloc[:few].sum() < min_cell):
        few += 1
    if not few:
        return roads
    small = set(met.index[:few]) | (set(roads.names) - set(met.index))
    names = [name for name in roads.names if name not in small]
    place = {name: at for at, name in enumerate(names)}
    code = np.array([place.get(name, len(names)) for name in roads.names], dtype=np.int64)
    return replace(roads, names=(*names, OTHERS), state=code[roads.state])


def _winners_of(roads: Approaches) -> pd.Series[int]:
    """Count the customers who met each name on a road that they won."""
    names = np.array(roads.names, dtype=object)[roads.state[roads.won]]
    met = pd.DataFrame({"name": names, "customer": roads.customer[roads.won]}).drop_duplicates()
    return met["name"].value_counts().reindex(list(roads.names), fill_value=0)


def _too_few(winners: int) -> Refusal:
    reason = f"{winners} customers reached the outcome; {FEWEST} are needed."
    return Refusal(reason, "more journeys, or a longer period")


def _credits(roads: Approaches, people: Integers, weights: Floats) -> Iterator[tuple[str, Floats]]:
    """Give the credit of each name under each rule, one row per draw."""
    won = _only(roads, roads.won)
    row = np.searchsorted(people, won.customer)
    size = len(roads.names)
    for rule, part in _parts(won).items():
        own = np.bincount(row * size + won.state, weights=part, minlength=len(people) * size)
        yield rule, weights @ own.reshape(len(people), size)
    total = weights @ np.bincount(row[first_of(won.journey)], minlength=len(people))
    effects = _removals(roads, people, weights)
    yield "markov", effects / effects.sum(axis=1, keepdims=True).clip(1e-300) * total[:, None]
    yield "shapley", weights @ _equal_parts(won, row, len(people))


def _only(roads: Approaches, kept: Truths) -> Approaches:
    return Approaches(roads.names, *(getattr(roads, name)[kept] for name in ENTRIES))


def _parts(won: Approaches) -> dict[str, Floats]:
    """Divide one outcome among the entries of its journey, by each plain rule."""
    first, last = first_of(won.journey), last_of(won.journey)
    lengths = np.diff(np.append(np.flatnonzero(first), len(first)))
    length = np.repeat(lengths, lengths)
    between = (1 - 2 * ENDS_SHARE) / np.maximum(length - 2, 1)
    position = np.where(first | last, ENDS_SHARE, between)
    position = np.where(length == 2, 0.5, np.where(length == 1, 1.0, position))
    # From the latest entry on, so that nothing vanishes where all lie far back.
    latest = np.repeat(won.days[last], lengths)
    fresh = 0.5 ** ((won.days - latest) / HALF_LIFE_DAYS)
    whole = np.add.reduceat(fresh, np.flatnonzero(first)) if len(first) else fresh
    return {
        "first": first.astype(float),
        "last": last.astype(float),
        "linear": 1 / length,
        "position": position,
        "time_decay": fresh / np.repeat(whole, lengths),
    }


def _equal_parts(won: Approaches, row: Integers, people: int) -> Floats:
    """Shapley's value where a group wins the journeys that met nobody outside it."""
    size = len(won.names)
    number = np.cumsum(first_of(won.journey)) - 1
    pairs, entry = np.unique(number * size + won.state, return_index=True)
    kinds = np.bincount(pairs // size)
    part = 1 / kinds[pairs // size]
    key = row[entry] * size + pairs % size
    whole = np.bincount(key, weights=part, minlength=people * size)
    return whole.astype(np.float64).reshape(people, size)


def _removals(roads: Approaches, people: Integers, weights: Floats) -> Floats:
    """Give the outcomes lost when a state leads nowhere, for each draw of customers."""
    from scipy import sparse

    size = len(roads.names)
    side = size + 3  # then start, won, lost
    first, last = first_of(roads.journey), last_of(roads.journey)
    ended = last & (roads.won | roads.closed)
    inside = np.flatnonzero(~first)
    origin = np.concatenate(
        [np.full(int(first.sum()), size), roads.state[inside - 1], roads.state[ended]]
    )
    goes = np.where(roads.won[ended], size + 1, size + 2)
    goal = np.concatenate([roads.state[first], roads.state[inside], goes])
    owner = np.concatenate([roads.customer[first], roads.customer[inside], roads.customer[ended]])
    row = np.searchsorted(people, owner)
    shape = (len(people), side * side)
    moves = sparse.csr_array((np.ones(len(row)), (row, origin * side + goal)), shape=shape)
    sums = weights @ moves
    return np.array([remove_each(own.reshape(side, side)) for own in sums])


def remove_each(counts: Floats) -> Floats:
    """Give the share of outcomes that a chain loses without each of its states, exactly.

    Args:
        counts: Moves from and to; the last three states are the start, the outcome and the end
            without it. A state that was never left leads to the end without it.

    Returns:
        One share of all outcomes per state: chance to pass it, times the chance to win from it,
        by the chance to win from the start.
    """
    size = len(counts) - 3
    left = counts[: size + 1].copy()
    left[left.sum(axis=1) == 0, size + 2] = 1.0
    left[:, size + 2] += 1e-9 * left.sum(axis=1)  # a closed loop ends, too
    shares = left / left.sum(axis=1, keepdims=True)
    visits = np.linalg.inv(np.eye(size + 1) - shares[:, : size + 1])
    wins = visits @ shares[:, size + 1]
    passed = visits[size, :size] / np.diag(visits)[:size]
    if wins[size] <= 0:
        return np.zeros(size)
    lost: Floats = passed * wins[:size] / wins[size]
    return lost


def _frame(
    names: tuple[str, ...], rule: str, credit: Floats, shares: Floats, confidence: float
) -> pd.DataFrame:
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(shares[1:], tails, axis=0)
    columns = {
        "title": TITLE, "rule": rule, "name": np.array(names, dtype=object), "credit": credit,
        "value": shares[0], "low": np.minimum(low, shares[0]),
        "high": np.maximum(high, shares[0]), "unit": "share",
        "source": f"{SOURCES[rule]}; customer bootstrap",
    }  # fmt: skip
    table = pd.DataFrame(columns).astype({"name": "str"})
    met = table[(table["credit"] > 0) | (table["high"] > 0)]
    return met.sort_values(["credit", "name"], ascending=[False, True])
