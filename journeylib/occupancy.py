"""In which stage customers stand so many days after their first event, loops allowed.

A multi-state Aalen-Johansen estimate on a grid of days: the share in each stage is carried from one
day to the next by the moves of all who were watched on both. Customers seen for a short time count
for as long as that. Without censoring it equals the shares counted (Datta and Satten 2001).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY, first_of
from journeylib.ratios import wilson

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from journeylib.log import Integers, Log, Part, Partition

    Floats = NDArray[np.float64]

POINTS = 60
DAYS = (0, 1, 7, 30, 90, 180)
GONE = "left"
SOURCE = "multi-state Aalen-Johansen, Wilson interval at its effective n"


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Moves between states from one point of the grid to the next.

    Attributes:
        states: Names of the states, the last one for customers who have left.
        days: The grid, from 0.
        first: Customers by state at the first point.
        moves: Customers by point, state there and state at the next point.
    """

    states: tuple[str, ...]
    days: tuple[float, ...]
    first: Integers
    moves: Integers

    def __add__(self, other: Occupancy) -> Occupancy:
        return Occupancy(self.states, self.days, self.first + other.first, self.moves + other.moves)

    def shares(self) -> Floats:
        """Share of customers in each state at each point of the grid, censoring allowed for."""
        found = [self.first / max(self.first.sum(), 1)]
        for chances in self.chances():
            found.append(found[-1] @ chances)
        return np.array(found)

    def chances(self) -> Floats:
        """Chance to be in each state at the next point, by point and state there.

        Where nobody is watched any more, nobody is known to move.
        """
        at_risk = self.moves.sum(axis=2, keepdims=True)
        stay = np.broadcast_to(np.eye(len(self.states)), self.moves.shape).copy()
        chances: Floats = np.divide(self.moves, at_risk, out=stay, where=at_risk > 0)
        return chances

    def variance(self, point: int) -> Floats:
        """Variance of the share in each state at one point, by the delta method.

        The chances of each point and state are independent multinomial shares of those at risk.
        """
        shares, chances = self.shares(), self.chances()
        at_risk = np.maximum(self.moves.sum(axis=2), 1)
        ahead, total = np.eye(len(self.states)), np.zeros(len(self.states))
        for k in range(point - 1, -1, -1):
            spread = chances[k] @ ahead**2 - (chances[k] @ ahead) ** 2
            total += (shares[k] ** 2 / at_risk[k]) @ spread
            ahead = chances[k] @ ahead
        first = shares[0] @ ahead**2 - (shares[0] @ ahead) ** 2
        whole: Floats = total + first / max(self.first.sum(), 1)
        return whole

    def frame(
        self, days: Collection[float] | None = None, *, confidence: float = 0.95
    ) -> pd.DataFrame:
        """One row per point and state: ``days, state, value, low, high, n, unit, source``.

        Args:
            days: Points of the grid to give; all by default.
            confidence: Coverage of the intervals.
        """
        at = [place for place, day in enumerate(self.days) if days is None or day in days]
        value = np.clip(self.shares()[at], 0, 1)
        watched = np.append(self.first.sum(), self.moves.sum(axis=(1, 2)))[at]
        n, flat = np.repeat(watched, len(self.states)), value.ravel()
        variance = np.concatenate([self.variance(point) for point in at])
        plain = flat * (1 - flat)
        known = (variance > 1e-15) & (plain > 0)
        # Shares of nobody, or of all, rest on those who were watched that long.
        effective = np.divide(plain, variance, out=n.astype(float), where=known)
        effective = np.clip(effective, 1, max(int(self.first.sum()), 1))
        low, high = wilson(flat, effective, confidence=confidence)
        columns = {
            "days": np.repeat(np.array(self.days)[at], len(self.states)),
            "state": np.tile(np.array(self.states, dtype=object), len(at)),
            "value": flat, "low": low, "high": high, "n": n, "unit": "share", "source": SOURCE,
        }  # fmt: skip
        return pd.DataFrame(columns).astype({"state": "str"})


def summarise_occupancy(part: Part, *, silence: int, days: tuple[float, ...]) -> Occupancy:
    """Follow each customer of a partition from their first event in a stage.

    Args:
        part: A partition.
        silence: Microseconds without an event after which a customer counts as gone until they
            come back; 0 for never.
        days: Points at which to look, from 0, ascending.
    """
    log = part.load()
    states = (*log.codes.stages, GONE)
    size = len(states)
    moves = np.zeros((len(days) - 1, size, size), dtype=np.int64)
    at = np.flatnonzero(log.stage >= 0)
    opens = at[first_of(log.customer[at])] if len(at) else at
    before = _states_at(log, opens, days[0], silence)
    first = np.bincount(before[before >= 0], minlength=size)
    for point, day in enumerate(days[1:]):
        after = _states_at(log, opens, day, silence)
        known = after >= 0
        pairs = before[known] * size + after[known]
        moves[point] = np.bincount(pairs, minlength=size * size).reshape(size, size)
        before = after
    return Occupancy(states, days, first, moves)


def _states_at(log: Partition, opens: Integers, day: float, silence: int) -> Integers:
    """Give each customer's state a number of days after an event; -1 once watching has stopped."""
    if not len(opens):
        return np.zeros(0, dtype=np.int64)
    when = log.time[opens] + round(day * DAY)
    # Events are sorted by customer and time, so one search finds the last one before a moment.
    number = np.cumsum(first_of(log.customer)) - 1
    span = log.codes.end - log.codes.start + 1
    key = number.astype(np.float64) * span + (log.time - log.codes.start)
    wanted = number[opens].astype(np.float64) * span + (
        np.minimum(when, log.codes.end) - log.codes.start
    )
    last = np.searchsorted(key, wanted, side="right") - 1
    mapped = np.maximum.accumulate(np.where(log.stage >= 0, np.arange(len(log)), -1))
    state = log.stage[mapped[last]]
    gone = log.is_bad[last]
    if silence:
        gone |= when - log.time[last] > silence
    state = np.where(gone, len(log.codes.stages), state)
    return np.where(when < log.codes.end, state, -1)


def measure_occupancy(
    log: Log, *, silence: int, days: tuple[float, ...] = DAYS, confidence: float = 0.95
) -> pd.DataFrame:
    """Say in which stage customers stand so many days after their first event.

    Args:
        log: The event log.
        silence: From `passages.find_silence`.
        days: Days at which to look; those beyond the period are left out.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``days, state, value, low, high, n, unit, source``; the shares of a day add up to
        1. ``n`` customers were watched that long. ``left`` are those who cancelled or have been
        silent for too long.
    """
    longest = (log.codes.end - log.codes.start) / DAY
    wanted = {0.0, *(float(day) for day in days if 0 <= day < longest)}
    # Between the days asked for there are more, so that who is watched for less counts for longer.
    grid = tuple(sorted({*np.linspace(0, max(wanted), POINTS + 1).tolist(), *wanted}))
    pass_over = functools.partial(summarise_occupancy, silence=silence, days=grid)
    found = summarise(pass_over, log.readable)
    if found is None or not found.first.sum():
        return pd.DataFrame(
            columns=["days", "state", "value", "low", "high", "n", "unit", "source"]
        )
    return found.frame(sorted(wanted), confidence=confidence)
