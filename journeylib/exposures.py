"""What followed a touchpoint: who left there, who waited, who came back, and how it ended for them.

One pass over a partition; summaries add up. A cell is a touchpoint in a channel. Whoever is
compared is followed for the same time: outcomes are counted only after the exposure (a landmark),
and only for customers who can be followed to the end of it and have not had theirs already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY, HOUR, decode, first_of, last_of
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Part, Partition, Truths

REPEAT_DAYS = 7
OPEN_DAYS = 30
BINS, FIRST_HOUR, GROWTH = 160, 1 / 60, 0.09
STATION_SHARE = 0.5
SECOND = 1_000_000
_NOTHING = np.array([], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Exposures:
    """Counts of customers by cell (flat index touchpoint × channel).

    ``left`` of ``seen`` ended there. The tallies hold followed customers whose outcome did not
    come and did: ``waits`` (key cell × BINS + bin) by how long they waited, ``again`` (key cell × 2
    + came back) by whether they came back within a week, ``after`` (key cell) all of them.
    """

    codes: Codes
    seen: Integers
    left: Integers
    waits: Tally
    again: Tally
    after: Tally

    def __add__(self, other: Exposures) -> Exposures:
        return Exposures(
            self.codes, self.seen + other.seen, self.left + other.left, self.waits + other.waits,
            self.again + other.again, self.after + other.after,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """One row per cell: names, ``seen, left`` and the outcome among the followed.

        ``outcome`` marks the touchpoints that are, end, measure or undo the outcome. ``wait_days``
        is where the slowest quarter begins, missing where nobody waited.
        """
        met = np.union1d(np.flatnonzero(self.seen), self.after.key)
        channels = max(1, len(self.codes.channels))
        touchpoint = met // channels
        stages = [*self.codes.stages, "unmapped"]
        codes = self.codes
        names = {
            "touchpoint": decode(codes.touchpoints, touchpoint),
            "channel": decode(codes.channels, met % channels),
            "stage": decode(stages, np.array(codes.stage_of, dtype=np.int64)[touchpoint]),
            "timing": decode(codes.timing, touchpoint),
            "outcome": np.isin(touchpoint, [*codes.good, *codes.bad, *codes.aside]),
            "seen": self.seen[met],
            "left": self.left[met],
        }
        wait, slow, quick = _split_waits(self.waits, met)
        followed = {
            "slow": slow,
            "quick": quick,
            "back": _looked_up(self.again, met * 2 + 1),
            "once": _looked_up(self.again, met * 2),
            "followed": _looked_up(self.after, met),
        }
        counts = {}
        for name, pair in followed.items():
            counts[name], counts[f"{name}_good"] = pair.sum(axis=1), pair[:, 1]
        return pd.DataFrame({**names, "wait_days": wait, **counts})


def _looked_up(tally: Tally, key: Integers) -> Integers:
    """Give the two counts of each key; none where it was never met."""
    found = np.zeros((len(key), 2), dtype=np.int64)
    known = np.isin(key, tally.key)
    found[known] = tally.at(key[known])
    return found


def _split_waits(waits: Tally, met: Integers) -> tuple[Floats, Integers, Integers]:
    """Split each cell's waits at the bin edge nearest to their upper quartile."""
    wait = np.full(len(met), np.nan)
    slow, quick = np.zeros((2, len(met), 2), dtype=np.int64)
    cell, bins = waits.key // BINS, waits.key % BINS
    opens = np.flatnonzero(first_of(cell)) if len(cell) else _NOTHING
    for first, last in zip(opens, np.append(opens[1:], len(cell)), strict=False):
        place = np.searchsorted(met, cell[first])
        sums = waits.sums[first:last].astype(np.int64)
        reach = np.cumsum(sums.sum(axis=1))
        edge = int(np.argmin(np.abs(reach - 0.75 * reach[-1])))
        wait[place] = FIRST_HOUR * np.exp(GROWTH * (bins[first + edge] + 1)) / 24
        quick[place], slow[place] = sums[: edge + 1].sum(axis=0), sums[edge + 1 :].sum(axis=0)
    return wait, slow, quick


@dataclass(frozen=True, slots=True)
class Reach:
    """Customers by touchpoint, and customers with a purchase."""

    codes: Codes
    visitors: Integers
    buyers: int

    def __add__(self, other: Reach) -> Reach:
        return Reach(self.codes, self.visitors + other.visitors, self.buyers + other.buyers)

    @property
    def stations(self) -> tuple[int, ...]:
        """Touchpoints after the purchase that at least half of all buyers pass."""
        usual = self.visitors >= max(1.0, STATION_SHARE * self.buyers)
        late = np.array(self.codes.timing, dtype=object) == "post_purchase"
        own = ~np.isin(np.arange(len(late)), [*self.codes.good, *self.codes.aside])
        return tuple(np.flatnonzero(usual & late & own).tolist())


def summarise_reach(part: Part) -> Reach:
    """Count who met each touchpoint."""
    log = part.load()
    size = max(1, len(log.codes.touchpoints))
    pairs = np.unique(log.customer * size + log.touchpoint)
    visitors = np.bincount(pairs % size, minlength=size)[: len(log.codes.touchpoints)]
    return Reach(log.codes, visitors, len(np.unique(log.customer[log.is_good])))


def summarise_exposures(part: Part, stations: tuple[int, ...] = ()) -> Exposures:
    """Follow every customer's first visit to every cell.

    Args:
        part: The partition.
        stations: Touchpoints that most buyers pass, from ``Reach.stations``: a wait after the
            purchase starts at the last one passed, so that a delay is counted where it arises and
            not at everything that comes after it.
    """
    log = part.load()
    channels = max(1, len(log.codes.channels))
    size = max(1, len(log.codes.touchpoints) * channels)
    cell = log.touchpoint * channels + log.channel
    order = np.lexsort((np.arange(len(log)), cell, log.customer))
    opens = first_of(log.customer[order] * size + cell[order])
    first = order[opens]
    outcome = Outcome.of(log)
    seen, left = _losses(log, cell, size)
    return Exposures(
        log.codes,
        seen,
        left,
        _waits(log, cell, first, stations, outcome),
        _again(log, cell, order, opens, outcome),
        _tabulate(cell[first], outcome.after(log, first, 0)),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """When the outcome, or its end, happened to each customer, as sorted positions and keys."""

    position: Integers
    key: Integers
    span: int
    kind: str

    @classmethod
    def of(cls, log: Partition) -> Outcome:
        """Index the events that decide the outcome: purchases, or cancellations for retention."""
        span = int((log.codes.end - log.codes.start) // SECOND) + 2
        deciding = log.is_bad if log.codes.outcome == "retention" else log.is_good
        position = np.flatnonzero(deciding)
        return cls(position, _seconds(log, position, 0, span), span, log.codes.outcome)

    def after(self, log: Partition, at: Integers, wait: int) -> Integers:
        """Tell how it ended after each event: 1 well, 0 not, -1 cannot be told.

        It cannot be told for whoever is not followed to the end, had the outcome while we waited,
        or had it for good before (an account is cancelled once, a visitor converts once).

        Args:
            log: The partition.
            at: Positions of the events.
            wait: Microseconds after the event at which following starts.
        """
        if log.codes.follow <= 0:
            return np.full(len(at), -1)
        start = _seconds(log, at, wait, self.span)
        stop = start + log.codes.follow // SECOND
        # Clocks of exports are coarse: at the event itself the order of the log decides.
        met = np.searchsorted(self.position, at, "right")
        begin = np.maximum(met, np.searchsorted(self.key, start, "right")) if wait else met
        came = np.searchsorted(self.key, stop, "right") > begin
        told = (log.time[at] + wait + log.codes.follow <= log.codes.end) & (begin == met)
        if self.kind in {"retention", "conversion"}:
            told &= met == np.searchsorted(self.key, log.customer[at] * 4 * self.span)
        return np.where(told, came == (self.kind != "retention"), -1).astype(np.int64)


def _seconds(log: Partition, at: Integers, wait: int, span: int) -> Integers:
    """Put customer and second into one number that sorts like both."""
    since = np.minimum((log.time[at] + wait - log.codes.start) // SECOND, span - 1)
    return log.customer[at] * span * 4 + since


def _losses(log: Partition, cell: Integers, size: int) -> tuple[Integers, Integers]:
    """Count who visited a cell and who was never seen again after their last visit to it.

    Whoever came in the last month is too recent to tell, whether or not more has happened since:
    to leave out only those who seem to have left would make every place look better.
    """
    order = np.lexsort((np.arange(len(log)), cell, log.customer))
    visit = order[last_of(log.customer[order] * size + cell[order])]
    visit = visit[log.time[visit] < log.codes.end - OPEN_DAYS * DAY]
    final = last_of(log.customer)[visit]
    seen = np.bincount(cell[visit], minlength=size)
    return seen, np.bincount(cell[visit[final]], minlength=size)


def _waits(
    log: Partition, cell: Integers, first: Integers, stations: tuple[int, ...], outcome: Outcome
) -> Tally:
    """Bin how long customers waited: after the purchase since it, else since the event before."""
    late = np.array(log.codes.timing, dtype=object)[log.touchpoint[first]] == "post_purchase"
    before = np.where(log.starts, -1, np.arange(len(log)) - 1)
    origin = np.where(late, _stop_before(log, stations)[first], before[first])
    at, origin = first[origin >= 0], origin[origin >= 0]
    hours = np.maximum((log.time[at] - log.time[origin]) / HOUR, FIRST_HOUR)
    bins = np.clip(np.log(hours / FIRST_HOUR) / GROWTH, 0, BINS - 1).astype(np.int64)
    return _tabulate(cell[at] * BINS + bins, outcome.after(log, at, 0))


def _stop_before(log: Partition, stations: tuple[int, ...]) -> Integers:
    """Give each event's last purchase before it, or a later station of the road, or -1."""
    position = np.arange(len(log))
    if not len(log):
        return position
    opened = np.maximum.accumulate(np.where(first_of(log.customer), position, 0))
    bought = _latest(log.is_good)
    passed = _latest(log.is_good | np.isin(log.touchpoint, stations))
    return np.where(bought >= opened, passed, -1)


def _latest(marked: Truths) -> Integers:
    """Give the last marked position before each position, or -1."""
    here = np.where(marked, np.arange(len(marked)), -1)
    return np.maximum.accumulate(np.append(-1, here[:-1]))


def _again(
    log: Partition, cell: Integers, order: Integers, opens: Truths, outcome: Outcome
) -> Tally:
    """Compare, a week after the first visit, those who came back in it with those who did not."""
    first, week = order[opens], REPEAT_DAYS * DAY
    more = np.append(~opens[1:], False)[opens] if len(order) else opens
    following = np.append(order[1:], 0)[opens] if len(order) else order
    back = more & (log.time[following] - log.time[first] <= week)
    return _tabulate(cell[first] * 2 + back, outcome.after(log, first, week))


def _tabulate(key: Integers, ended: Integers) -> Tally:
    known = ended >= 0
    return Tally.of(key[known], ended[known] == 0, ended[known] == 1)
