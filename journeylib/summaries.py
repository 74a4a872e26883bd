"""Passes over one partition of the log that add up to passes over all of it.

Each ``summarise_`` reads a sorted partition once with NumPy; each summary can be added to another
and gives a frame. The unit of every count of customers is the customer, never the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY, HOUR, decode, first_of, last_of
from journeylib.quantiles import Durations

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Part, Partition

NEVER = np.iinfo(np.int64).max
LONGEST_PATH = 12


def _customers_by(keys: Integers, customer: Integers, size: int) -> Integers:
    """Count the distinct customers of each key."""
    pairs = np.unique(customer * size + keys)
    return np.bincount(pairs % size, minlength=size)


def _total(keys: Integers, amounts: Floats, size: int) -> Floats:
    """Add up amounts by key; a missing amount counts as none."""
    weights = np.nan_to_num(amounts)
    return np.bincount(keys, weights=weights, minlength=size).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Touches:
    """Events, customers and money by touchpoint and channel (flat index touchpoint × channel)."""

    codes: Codes
    events: Integers
    customers: Integers
    value: Floats

    def __add__(self, other: Touches) -> Touches:
        return Touches(
            self.codes, self.events + other.events, self.customers + other.customers,
            self.value + other.value,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """One row per touchpoint and channel met: ``events, customers, value`` (money)."""
        met = np.flatnonzero(self.events)
        channels = len(self.codes.channels)
        stages = [*self.codes.stages, "unmapped"]
        touchpoint = met // channels
        return pd.DataFrame(
            {
                "touchpoint": decode(self.codes.touchpoints, touchpoint),
                "channel": decode(self.codes.channels, met % channels),
                "stage": decode(stages, np.array(self.codes.stage_of, dtype=np.int64)[touchpoint]),
                "timing": decode(self.codes.timing, touchpoint),
                "customers": self.customers[met],
                "events": self.events[met],
                "value": self.value[met],
            }
        )


def summarise_touches(part: Part) -> Touches:
    """Count events and customers by touchpoint and channel."""
    log = part.load()
    channels = len(log.codes.channels)
    size = max(1, len(log.codes.touchpoints) * channels)
    key = log.touchpoint * channels + log.channel
    events = np.bincount(key, minlength=size)
    return Touches(
        log.codes, events, _customers_by(key, log.customer, size), _total(key, log.value, size)
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums by key, for keys too many to lay out in full; adding merges the keys."""

    key: Integers
    sums: Floats

    @classmethod
    def of(cls, key: Integers, *columns: Floats | Integers) -> Tally:
        """Add up columns by key."""
        unique, inverse = np.unique(key, return_inverse=True)
        sums = [np.bincount(inverse, weights=column, minlength=len(unique)) for column in columns]
        return cls(unique, np.stack(sums, axis=1) if len(unique) else np.zeros((0, len(columns))))

    def __add__(self, other: Tally) -> Tally:
        columns = np.concatenate([self.sums, other.sums]).T
        return Tally.of(np.concatenate([self.key, other.key]), *columns)

    def at(self, key: Integers) -> Floats:
        """Give the sums of keys that are there."""
        return self.sums[np.searchsorted(self.key, key)]


@dataclass(frozen=True, slots=True)
class Moves:
    """Transitions between consecutive events of one journey (key = from × touchpoints + to).

    ``pairs`` holds count, customers and the sums over customers of count² and count × row total;
    ``rows`` the row totals and their squares: all that a customer-clustered interval of a ratio
    needs (Cochran 1977, Sampling Techniques, eq. 6.13).
    """

    codes: Codes
    pairs: Tally
    rows: Tally
    hours: Durations

    def __add__(self, other: Moves) -> Moves:
        return Moves(
            self.codes, self.pairs + other.pairs, self.rows + other.rows, self.hours + other.hours
        )

    def frame(self) -> pd.DataFrame:
        """One row per transition: counts, ``median_hours`` and the sums behind its interval."""
        size = max(1, len(self.codes.touchpoints))
        names = self.codes.touchpoints
        key = self.pairs.key
        medians = self.hours.quantiles(0.5)
        left = self.rows.at(key // size)
        return pd.DataFrame(
            {
                "from": decode(names, key // size),
                "to": decode(names, key % size),
                "customers": self.pairs.sums[:, 1].astype(np.int64),
                "count": self.pairs.sums[:, 0].astype(np.int64),
                "median_hours": [medians[int(one)] for one in key],
                "square": self.pairs.sums[:, 2],
                "cross": self.pairs.sums[:, 3],
                "left": left[:, 0],
                "left_square": left[:, 1],
                "left_customers": left[:, 2],
            }
        )


def summarise_moves(part: Part) -> Moves:
    """Count the transitions between consecutive events, repeats included."""
    log = part.load()
    size = max(1, len(log.codes.touchpoints))
    inside = np.flatnonzero(~log.starts)
    origin, goal, customer = (
        log.touchpoint[inside - 1],
        log.touchpoint[inside],
        log.customer[inside],
    )
    key = origin * size + goal
    pairs, made = np.unique(customer * size * size + key, return_counts=True)
    rows, left = np.unique(customer * size + origin, return_counts=True)
    own_left = left[np.searchsorted(rows, pairs // size)]
    hours = (log.time[inside] - log.time[inside - 1]) / HOUR
    return Moves(
        log.codes,
        Tally.of(pairs % (size * size), made, np.ones(len(made)), made**2, made * own_left),
        Tally.of(rows % size, left, left**2, np.ones(len(left))),
        Durations.of(key, hours),
    )


@dataclass(frozen=True, slots=True)
class Customers:
    """One row per customer; columns as in ``frame``."""

    rows: pd.DataFrame

    def __add__(self, other: Customers) -> Customers:
        return Customers(pd.concat([self.rows, other.rows], ignore_index=True))

    def frame(self) -> pd.DataFrame:
        """One row per customer.

        Columns ``customer, events, first, last, orders, value, spent, cancelled, touchpoints``,
        ``first_order, last_order, longest_gap`` (days between two orders), ``channel:NAME``
        (events), ``stage:NAME`` (first time there) and ``next:NAME`` (first time in a later stage
        after that). Times are microseconds; NEVER or -1 where there is none.
        """
        return self.rows


def summarise_customers(part: Part) -> Customers:
    """Describe each customer by what they did in the period."""
    log = part.load()
    return Customers(_customer_columns(log, np.flatnonzero(first_of(log.customer))))


def _customer_columns(log: Partition, starts: Integers) -> pd.DataFrame:
    ends = np.append(starts[1:], len(log))[: len(starts)]  # nothing ends where nothing starts
    group = np.repeat(np.arange(len(starts)), ends - starts)
    good, size = log.is_good, len(starts)
    orders = good & ~(log.value < 0)
    pairs = np.unique(group * max(1, len(log.codes.touchpoints)) + log.touchpoint)
    columns = {
        "customer": log.customer[starts],
        "events": ends - starts,
        "first": log.time[starts],
        "last": log.time[ends - 1],
        "orders": np.bincount(group[orders], minlength=size),
        "value": _total(group, log.value, size),
        "spent": _total(group[orders], log.value[orders], size),
        "cancelled": np.bincount(group[log.is_bad], minlength=size) > 0,
        "touchpoints": np.bincount(pairs // max(1, len(log.codes.touchpoints)), minlength=size),
    }
    for code, name in enumerate(log.codes.channels):
        columns[f"channel:{name}"] = np.bincount(group[log.channel == code], minlength=size)
    for code, name in enumerate(log.codes.stages):
        columns[f"stage:{name}"], columns[f"next:{name}"] = _stage_times(log, group, code, size)
    return pd.DataFrame({**columns, **_order_times(log.time[orders], group[orders], size)})


def _order_times(time: Integers, group: Integers, size: int) -> dict[str, Integers | Floats]:
    """Time of each customer's first and last order, and the longest gap between two."""
    first, last = np.full(size, NEVER, dtype=np.int64), np.full(size, -1, dtype=np.int64)
    longest = np.full(size, np.nan)
    opens, closes = first_of(group), last_of(group)
    first[group[opens]], last[group[closes]] = time[opens], time[closes]
    np.fmax.at(longest, group[1:][~opens[1:]], np.diff(time)[~opens[1:]] / DAY)
    return {"last_order": last, "first_order": first, "longest_gap": longest}


def _stage_times(
    log: Partition, group: Integers, stage: int, size: int
) -> tuple[Integers, Integers]:
    """Time of each customer's first event in a stage, and of the first in a later stage after it.

    "After" goes by the order of events, because the clocks of exports are coarse.
    """
    reached, went = np.full((2, size), NEVER, dtype=np.int64)
    there = np.flatnonzero(log.stage == stage)
    first = there[first_of(group[there])]
    reached[group[first]] = log.time[first]
    position = np.full(size, len(log))
    position[group[first]] = first
    later = np.flatnonzero((log.stage > stage) & (np.arange(len(log)) > position[group]))
    onward = later[first_of(group[later])]
    went[group[onward]] = log.time[onward]
    return reached, went


@dataclass(frozen=True, slots=True)
class Paths:
    """Journeys by the sequence of their touchpoints or stages, repeats in a row taken as one.

    ``found`` maps a sequence (at most 12 states; code -1 closes a longer one) to journeys, journeys
    that held the outcome, and the sums over customers of journeys² and journeys × all their own;
    ``whole`` holds all journeys, their squares over customers, and the customers.
    """

    names: tuple[str, ...]
    found: dict[tuple[int, ...], tuple[int, ...]]
    whole: tuple[int, ...]

    def __add__(self, other: Paths) -> Paths:
        merged = dict(self.found)
        for path, counts in other.found.items():
            merged[path] = _both(merged.get(path, (0,) * len(counts)), counts)
        return Paths(self.names, merged, _both(self.whole, other.whole))

    def frame(self) -> pd.DataFrame:
        """One row per variant, the most frequent first.

        Columns ``path`` (names joined by arrows), ``journeys, good, square, cross, left,
        left_square, left_customers``.
        """
        names = [*self.names, "…"]
        rows = [
            (" → ".join(names[code] for code in path), *counts, *self.whole)
            for path, counts in self.found.items()
        ]
        sums = ["journeys", "good", "square", "cross", "left", "left_square", "left_customers"]
        table = pd.DataFrame(rows, columns=["path", *sums])
        table = table.astype({"path": "str", **dict.fromkeys(sums, "int64")})
        return table.sort_values(["journeys", "path"], ascending=[False, True], ignore_index=True)


def _both(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def summarise_paths(part: Part, *, level: str = "touchpoint") -> Paths:
    """Count journeys by their sequence of touchpoints, or of stages.

    Args:
        part: A partition.
        level: ``touchpoint`` or ``stage``; events without a stage are then passed over.
    """
    log = part.load()
    names = log.codes.touchpoints if level == "touchpoint" else log.codes.stages
    state = log.touchpoint if level == "touchpoint" else log.stage
    at = np.flatnonzero(state >= 0)
    at = at[first_of(log.journey[at]) | first_of(state[at])]
    if not len(at):
        return Paths(names, {}, (0, 0, 0))
    starts = np.flatnonzero(first_of(log.journey[at]))
    lengths = np.diff(np.append(starts, len(at)))
    table = np.full((len(starts), LONGEST_PATH + 1), -2, dtype=np.int32)
    rank = np.arange(len(at)) - np.repeat(starts, lengths)
    short = rank < LONGEST_PATH
    row = np.repeat(np.arange(len(starts)), lengths)
    table[row[short], rank[short]] = state[at][short]
    table[lengths > LONGEST_PATH, LONGEST_PATH] = -1
    packed = np.ascontiguousarray(table).view([("", table.dtype)] * table.shape[1]).ravel()
    _, index, inverse = np.unique(packed, return_index=True, return_inverse=True)
    held = np.bincount(log.journey[log.is_good], minlength=int(log.journey[-1]) + 1) > 0
    counts = _by_customer(inverse.ravel(), log.customer[at[starts]])
    good = np.bincount(inverse.ravel(), weights=held[log.journey[at[starts]]]).astype(np.int64)
    sums = np.stack([counts[0], good, *counts[1:]], axis=1)
    paths = [tuple(int(code) for code in table[i] if code != -2) for i in index]
    _, own = np.unique(log.customer[at[starts]], return_counts=True)
    whole = (len(starts), int((own**2).sum()), len(own))
    return Paths(names, dict(zip(paths, map(tuple, sums.tolist()), strict=True)), whole)


def _by_customer(variant: Integers, customer: Integers) -> list[Integers]:
    """Count journeys by variant, with the sums over customers of squares and of products."""
    size = int(variant.max()) + 1
    pairs, made = np.unique(customer * size + variant, return_counts=True)
    people, own = np.unique(customer, return_counts=True)
    whole = own[np.searchsorted(people, pairs // size)]
    weights = (made, made**2, made * whole)
    return [np.bincount(pairs % size, weights=one).astype(np.int64) for one in weights]


@dataclass(frozen=True, slots=True)
class Loops:
    """Returns to a touchpoint within one journey, after something else came in between."""

    codes: Codes
    returns: Integers
    customers: Integers
    visitors: Integers
    days: Floats

    def __add__(self, other: Loops) -> Loops:
        return Loops(
            self.codes, self.returns + other.returns, self.customers + other.customers,
            self.visitors + other.visitors, self.days + other.days,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """One row per touchpoint with returns: ``repeats, customers, visitors, extra_days``."""
        met = np.flatnonzero(self.returns)
        return pd.DataFrame(
            {
                "touchpoint": decode(self.codes.touchpoints, met),
                "repeats": self.returns[met],
                "customers": self.customers[met],
                "visitors": self.visitors[met],
                "extra_days": self.days[met] / self.customers[met],
            }
        )


def summarise_loops(part: Part) -> Loops:
    """Count the returns to each touchpoint within a journey and the days they span."""
    log = part.load()
    size = max(1, len(log.codes.touchpoints))
    order = np.lexsort((np.arange(len(log)), log.touchpoint, log.journey))
    key = log.journey[order] * size + log.touchpoint[order]
    again = ~first_of(key)
    apart = np.zeros(len(log), dtype=bool)
    apart[1:] = np.diff(order) > 1
    loop = again & apart
    at = order[loop]
    touchpoint, customer = log.touchpoint[at], log.customer[at]
    first, last = first_of(key), last_of(key)
    looped = np.bincount(np.cumsum(first)[loop] - 1, minlength=int(first.sum())) > 0
    span = (log.time[order[last]] - log.time[order[first]]) / DAY
    days = _total(log.touchpoint[order[first]][looped], span[looped], size)
    return Loops(
        log.codes,
        np.bincount(touchpoint, minlength=size),
        _customers_by(touchpoint, customer, size),
        _customers_by(log.touchpoint, log.customer, size),
        days,
    )
