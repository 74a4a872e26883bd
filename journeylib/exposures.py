"""What followed a touchpoint: who left there, who waited, who came back, and how it ended for them.

One pass over a partition; summaries add up. A cell is a touchpoint in a channel. Whoever is
compared is followed for the same time: outcomes are counted only after the exposure (a landmark),
and only for customers who can be followed to the end of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY, HOUR, first_of, last_of

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Part, Partition, Truths

REPEAT_DAYS = 7
OPEN_DAYS = 30
BINS, FIRST_HOUR, GROWTH = 160, 1 / 60, 0.09
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Exposures:
    """Counts of customers by cell (flat index touchpoint × channel).

    ``left`` of ``seen`` ended there. ``waits[cell, bin, 0|1]`` counts followed customers by how
    long they waited and whether the outcome came; ``again[cell, 0|1, 0|1]`` by whether they came
    back within a week and whether the outcome came; ``after[cell, 0|1]`` all followed customers.
    """

    codes: Codes
    seen: Integers
    left: Integers
    waits: Integers
    again: Integers
    after: Integers

    def __add__(self, other: Exposures) -> Exposures:
        return Exposures(
            self.codes, self.seen + other.seen, self.left + other.left, self.waits + other.waits,
            self.again + other.again, self.after + other.after,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """One row per cell: names, ``seen, left`` and the outcome among the followed."""
        met = np.flatnonzero(self.seen)
        channels = len(self.codes.channels)
        stages = np.array([*self.codes.stages, "unmapped"], dtype=object)
        touchpoint = met // channels
        slow, wait = self._slow(met)
        return pd.DataFrame(
            {
                "touchpoint": np.array(self.codes.touchpoints, dtype=object)[touchpoint],
                "channel": np.array(self.codes.channels, dtype=object)[met % channels],
                "stage": stages[np.array(self.codes.stage_of, dtype=np.int64)[touchpoint]],
                "timing": np.array(self.codes.timing, dtype=object)[touchpoint],
                "outcome": np.isin(touchpoint, [*self.codes.good, *self.codes.bad]),
                "seen": self.seen[met],
                "left": self.left[met],
                "wait_days": wait / 24,
                "slow": slow[:, 0].sum(axis=1),
                "slow_good": slow[:, 0, 1],
                "quick": slow[:, 1].sum(axis=1),
                "quick_good": slow[:, 1, 1],
                "back": self.again[met, 1].sum(axis=1),
                "back_good": self.again[met, 1, 1],
                "once": self.again[met, 0].sum(axis=1),
                "once_good": self.again[met, 0, 1],
                "followed": self.after[met].sum(axis=1),
                "followed_good": self.after[met, 1],
            }
        )

    def _slow(self, met: Integers) -> tuple[Integers, Floats]:
        """Split each cell's waits at the bin edge nearest to their upper quartile."""
        counts = self.waits[met].sum(axis=2)
        total = counts.sum(axis=1, keepdims=True)
        reach = np.cumsum(counts, axis=1)
        edge = np.argmin(np.abs(reach - 0.75 * total), axis=1)
        late = np.arange(BINS)[None, :] > edge[:, None]
        waits = self.waits[met]
        split = np.stack(
            [(waits * late[:, :, None]).sum(axis=1), (waits * ~late[:, :, None]).sum(axis=1)],
            axis=1,
        )
        return split, FIRST_HOUR * np.exp(GROWTH * (edge + 1))


def summarise_exposures(part: Part) -> Exposures:
    """Follow every customer's first visit to every cell."""
    log = part.load()
    channels = max(1, len(log.codes.channels))
    size = max(1, len(log.codes.touchpoints) * channels)
    cell = log.touchpoint * channels + log.channel
    order = np.lexsort((np.arange(len(log)), cell, log.customer))
    key = log.customer[order] * size + cell[order]
    opens = first_of(key) if len(key) else np.zeros(0, dtype=bool)
    first = order[opens]
    good = Outcome.of(log)
    seen, left = _losses(log, cell, first, size)
    return Exposures(
        log.codes,
        seen,
        left,
        _waits(log, cell, first, size, good),
        _again(log, cell, order, opens, size, good),
        _tabulate(cell[first], good.after(log, first, 0), size),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """When the outcome, or its end, happened to each customer, as one sorted key."""

    key: Integers
    span: int
    wanted: bool

    @classmethod
    def of(cls, log: Partition) -> Outcome:
        """Index the events that decide the outcome: purchases, or cancellations for retention."""
        wanted = log.codes.outcome != "retention"
        span = (log.codes.end - log.codes.start) // SECOND + 2
        deciding = log.is_good if wanted else log.is_bad
        return cls(_seconds(log, np.flatnonzero(deciding), 0, span), span, wanted)

    def after(self, log: Partition, at: Integers, wait: int) -> Integers:
        """Tell how it ended after each event: 1 well, 0 not, -1 cannot be followed.

        Args:
            log: The partition.
            at: Positions of the events.
            wait: Microseconds after the event at which following starts.
        """
        if log.codes.follow <= 0:
            return np.full(len(at), -1)
        start = _seconds(log, at, wait, self.span)
        stop = start + log.codes.follow // SECOND
        hits = np.searchsorted(self.key, stop, "right") > np.searchsorted(self.key, start, "right")
        whole = log.time[at] + wait + log.codes.follow <= log.codes.end
        return np.where(whole, hits == self.wanted, -1).astype(np.int64)


def _seconds(log: Partition, at: Integers, wait: int, span: int) -> Integers:
    since = np.minimum((log.time[at] + wait - log.codes.start) // SECOND, span - 1)
    return log.customer[at] * span * 4 + since


def _losses(
    log: Partition, cell: Integers, first: Integers, size: int
) -> tuple[Integers, Integers]:
    """Count who visited a cell and who was never seen again; the last month is too recent to tell."""
    if not len(log):
        return np.zeros(size, np.int64), np.zeros(size, np.int64)
    last = np.flatnonzero(last_of(log.customer))
    recent = log.time[last] >= log.codes.end - OPEN_DAYS * DAY
    visits = np.bincount(cell[first], minlength=size)
    ended = np.bincount(cell[last[~recent]], minlength=size)
    unknown = np.bincount(cell[last[recent]], minlength=size)
    return visits - unknown, ended


def _waits(log: Partition, cell: Integers, first: Integers, size: int, good: Outcome) -> Integers:
    """Bin how long customers waited: since the purchase after it, else since the event before."""
    before = _event_before(log)
    bought = _bought_before(log)
    late = np.array(log.codes.timing, dtype=object)[log.touchpoint[first]] == "post_purchase"
    origin = np.where(late, bought[first], before[first])
    waited = origin >= 0
    at, origin = first[waited], origin[waited]
    hours = np.maximum((log.time[at] - log.time[origin]) / HOUR, FIRST_HOUR)
    bins = np.clip(np.log(hours / FIRST_HOUR) / GROWTH, 0, BINS - 1).astype(np.int64)
    ended = good.after(log, at, 0)
    known = ended >= 0
    flat = (cell[at][known] * BINS + bins[known]) * 2 + ended[known]
    return np.bincount(flat, minlength=size * BINS * 2).reshape(size, BINS, 2)


def _event_before(log: Partition) -> Integers:
    before = np.arange(len(log)) - 1
    return np.where(log.starts, -1, before) if len(log) else before


def _bought_before(log: Partition) -> Integers:
    """Give the position of each customer's last purchase before each event, or -1."""
    position = np.arange(len(log))
    if not len(log):
        return position
    bought = np.where(log.is_good, position, -1)
    latest = np.maximum.accumulate(np.append(-1, bought[:-1]))
    opened = np.maximum.accumulate(np.where(first_of(log.customer), position, 0))
    return np.where(latest >= opened, latest, -1)


def _again(
    log: Partition, cell: Integers, order: Integers, opens: Truths, size: int, good: Outcome
) -> Integers:
    """Compare, a week after the first visit, those who came back in it with those who did not."""
    second = np.zeros(len(order), dtype=bool)
    if len(order):
        second[:-1] = opens[:-1] & ~opens[1:]
    first = order[opens]
    following = np.append(order[1:], 0)[opens] if len(order) else order
    week = REPEAT_DAYS * DAY
    back = second[opens] & (log.time[following] - log.time[first] <= week)
    ended = good.after(log, first, week)
    known = ended >= 0
    flat = (cell[first][known] * 2 + back[known]) * 2 + ended[known]
    return np.bincount(flat, minlength=size * 4).reshape(size, 2, 2)


def _tabulate(cell: Integers, ended: Integers, size: int) -> Integers:
    known = ended >= 0
    return np.bincount(cell[known] * 2 + ended[known], minlength=size * 2).reshape(size, 2)
