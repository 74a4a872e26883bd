"""What followed a touchpoint: who left there, who waited, who came back, and how it ended for them.

One pass over a partition; summaries add up. A cell is a touchpoint in a channel. Whoever is
compared is followed for the same time: outcomes are counted only after the exposure (a landmark),
and only for customers who can be followed to the end of it and have not had theirs already. Where
customers are parted into groups, nothing counts that came before the groups were known: a group
made of what was to come would carry the outcome into the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY, HOUR, decode, first_of, last_of
from journeylib.onward import share_onward, tabulate_onward
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Part, Partition, Truths

REPEAT_DAYS = 7
OPEN_DAYS = 30
BINS, FIRST_HOUR, GROWTH = 160, 1 / 60, 0.09
STATION_SHARE = 0.5
SECOND = 1_000_000
EVERYONE = "all"
_ARRAYS = (
    "customer", "time", "touchpoint", "channel", "stage", "source", "value", "sentiment", "journey",
)  # fmt: skip
_NOTHING = np.array([], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of customers, such as personas.

    Attributes:
        names: Names by code.
        group_of: Group code of each customer code; -1 for customers of none.
        since: Microsecond from which the groups are known; outcomes count only after it.
    """

    names: tuple[str, ...]
    group_of: Integers
    since: int

    @classmethod
    def of(cls, personas: pd.DataFrame, customers: int, since: int) -> Groups:
        """Lay out a frame of ``customer`` (code) and ``persona``."""
        names = tuple(sorted({str(name) for name in personas["persona"]}))
        code = {name: place for place, name in enumerate(names)}
        group_of = np.full(customers, -1, dtype=np.int64)
        known = personas["customer"].to_numpy(np.int64)
        group_of[known] = personas["persona"].astype(str).map(code).to_numpy(np.int64)
        return cls(names, group_of, since)

    def keep(self, log: Partition) -> Partition:
        """Give the events of the customers who have a group."""
        kept = self.group_of[log.customer] >= 0
        return replace(log, **{name: getattr(log, name)[kept] for name in _ARRAYS})


@dataclass(frozen=True, slots=True)
class Exposures:
    """Counts of customers by cell (flat index group × touchpoint × channel).

    ``left`` of ``seen`` ended there. The tallies hold followed customers whose outcome did not
    come and did: ``waits`` (key cell × BINS + bin) by how long they waited, ``again`` (key cell × 2
    + came back) by whether they came back within a week, ``after`` (key cell) all of them;
    ``onward`` is from `onward`.
    """

    codes: Codes
    seen: Integers
    left: Integers
    waits: Tally
    again: Tally
    after: Tally
    onward: Tally
    groups: tuple[str, ...] = (EVERYONE,)

    def __add__(self, other: Exposures) -> Exposures:
        return Exposures(
            self.codes, self.seen + other.seen, self.left + other.left, self.waits + other.waits,
            self.again + other.again, self.after + other.after, self.onward + other.onward,
            self.groups,
        )  # fmt: skip

    def frame(self, *, like: Exposures | None = None) -> pd.DataFrame:
        """One row per cell: names, ``seen, left`` and the outcome among the followed.

        ``group`` is ``all`` where customers are not parted. ``outcome`` marks the touchpoints that
        are, end, measure or undo the outcome. ``wait_days`` is where the slowest quarter begins,
        missing where nobody waited.

        Args:
            like: Those whose slowest quarter says what is slow: everybody's, for a group's rows.
        """
        met = np.union1d(np.flatnonzero(self.seen), self.after.key)
        codes, channels = self.codes, max(1, len(self.codes.channels))
        group, touchpoint = np.divmod(met // channels, max(1, len(codes.touchpoints)))
        stages = [*codes.stages, "unmapped"]
        names = {
            "group": decode(self.groups, group),
            "touchpoint": decode(codes.touchpoints, touchpoint),
            "channel": decode(codes.channels, met % channels),
            "stage": decode(stages, np.array(codes.stage_of, dtype=np.int64)[touchpoint]),
            "timing": decode(codes.timing, touchpoint),
            "outcome": np.isin(touchpoint, [*codes.good, *codes.bad, *codes.aside]),
            "seen": self.seen[met],
            "left": self.left[met],
        }
        whole = max(1, len(codes.touchpoints)) * channels
        wait, slow, quick = _split_waits(self.waits, met, (like or self).edges(), whole)
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
        table = pd.DataFrame({**names, "wait_days": wait, **counts})
        return pd.concat([table, share_onward(self.onward, met)], axis=1)

    def edges(self) -> dict[int, int]:
        """Give each cell's bin edge nearest to the upper quartile of its waits."""
        cell, bins = self.waits.key // BINS, self.waits.key % BINS
        found = {}
        for first, last in _runs(cell):
            reach = np.cumsum(self.waits.sums[first:last].sum(axis=1))
            edge = int(np.argmin(np.abs(reach - 0.75 * reach[-1])))
            found[int(cell[first])] = int(bins[first + edge])
        return found


def _looked_up(tally: Tally, key: Integers) -> Integers:
    """Give the two counts of each key; none where it was never met."""
    found = np.zeros((len(key), 2), dtype=np.int64)
    known = np.isin(key, tally.key)
    found[known] = tally.at(key[known])
    return found


def _runs(cell: Integers) -> list[tuple[int, int]]:
    opens = np.flatnonzero(first_of(cell)) if len(cell) else _NOTHING
    return list(zip(opens.tolist(), np.append(opens[1:], len(cell)).tolist(), strict=False))


def _split_waits(
    waits: Tally, met: Integers, edges: dict[int, int], whole: int
) -> tuple[Floats, Integers, Integers]:
    """Split each cell's waits at its edge; a group has those of its cell, modulo ``whole``."""
    wait = np.full(len(met), np.nan)
    slow, quick = np.zeros((2, len(met), 2), dtype=np.int64)
    cell, bins = waits.key // BINS, waits.key % BINS
    for first, last in _runs(cell):
        own = int(cell[first])
        edge = edges.get(own, edges.get(own % whole))
        if edge is None:
            continue
        place = np.searchsorted(met, own)
        sums, late = waits.sums[first:last].astype(np.int64), bins[first:last] > edge
        wait[place] = wait_at(edge)
        quick[place], slow[place] = sums[~late].sum(axis=0), sums[late].sum(axis=0)
    return wait, slow, quick


def wait_at(edge: int) -> float:
    """Give the days at which a bin of waits ends."""
    return float(FIRST_HOUR * np.exp(GROWTH * (edge + 1)) / 24)


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


def summarise_exposures(
    part: Part, stations: tuple[int, ...] = (), groups: Groups | None = None
) -> Exposures:
    """Follow every customer's first visit to every cell.

    Args:
        part: The partition.
        stations: Touchpoints that most buyers pass, from ``Reach.stations``: a wait after the
            purchase starts at the last one passed, so that a delay is counted where it arises and
            not at everything that comes after it.
        groups: Parts the customers; those of no group are left out, and so is every outcome that
            came before the groups were known.
    """
    log = part.load()
    log = groups.keep(log) if groups else log
    since = groups.since if groups else log.codes.start
    channels, touchpoints = max(1, len(log.codes.channels)), max(1, len(log.codes.touchpoints))
    size = max(1, touchpoints * channels) * (len(groups.names) if groups else 1)
    group = groups.group_of[log.customer] if groups else 0
    cell = (group * touchpoints + log.touchpoint) * channels + log.channel
    order = np.lexsort((np.arange(len(log)), cell, log.customer))
    opens = first_of(log.customer[order] * size + cell[order])
    first = order[opens]
    outcome = Outcome.of(log)
    seen, left = count_losses(log, cell, size, since=since)
    hold = np.maximum(since - log.time[first], 0) if groups else 0
    return Exposures(
        log.codes,
        seen,
        left,
        _waits(log, cell, first, stations, outcome, since),
        _again(log, cell, order, opens, outcome, since),
        _tabulate(cell[first], outcome.after(log, first, hold)),
        tabulate_onward(log, cell, first, since),
        groups.names if groups else (EVERYONE,),
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

    def after(self, log: Partition, at: Integers, wait: int | Integers) -> Integers:
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
        begin = met
        if np.any(wait):
            late = np.maximum(met, np.searchsorted(self.key, start, "right"))
            begin = np.where(np.asarray(wait) > 0, late, met)
        came = np.searchsorted(self.key, stop, "right") > begin
        told = (log.time[at] + wait + log.codes.follow <= log.codes.end) & (begin == met)
        if self.kind in {"retention", "conversion"}:
            told &= met == np.searchsorted(self.key, log.customer[at] * 4 * self.span)
        return np.where(told, came == (self.kind != "retention"), -1).astype(np.int64)


def _seconds(log: Partition, at: Integers, wait: int | Integers, span: int) -> Integers:
    """Put customer and second into one number that sorts like both."""
    since = np.minimum((log.time[at] + wait - log.codes.start) // SECOND, span - 1)
    both: Integers = log.customer[at] * span * 4 + since
    return both


def count_losses(
    log: Partition, cell: Integers, size: int, *, since: int = 0
) -> tuple[Integers, Integers]:
    """Count who visited a cell and who was never seen again after their last visit to it.

    Whoever came in the last month is too recent to tell, whether or not more has happened since:
    to leave out only those who seem to have left would make every place look better. Visits before
    ``since`` do not count.
    """
    visit = last_visits(log, cell, size)
    visit = visit[log.time[visit] >= since]
    final = last_of(log.customer)[visit]
    seen = np.bincount(cell[visit], minlength=size)
    return seen, np.bincount(cell[visit[final]], minlength=size)


def last_visits(log: Partition, cell: Integers, size: int) -> Integers:
    """Give the position of each customer's last visit to each cell, but for the last month's."""
    order = np.lexsort((np.arange(len(log)), cell, log.customer))
    closes = last_of(log.customer[order] * size + cell[order])
    visit: Integers = order[closes]
    early: Truths = log.time[visit] < log.codes.end - OPEN_DAYS * DAY
    return visit[early]


def measure_waits(
    log: Partition, first: Integers, stations: tuple[int, ...]
) -> tuple[Integers, Integers]:
    """Give the positions of visits after something, and the bins of how long they were waited for.

    After the purchase the wait is since it, or since a later station of the road; else since the
    event before.
    """
    late = np.array(log.codes.timing, dtype=object)[log.touchpoint[first]] == "post_purchase"
    before = np.where(log.starts, -1, np.arange(len(log)) - 1)
    origin = np.where(late, _stop_before(log, stations)[first], before[first])
    at, origin = first[origin >= 0], origin[origin >= 0]
    hours = np.maximum((log.time[at] - log.time[origin]) / HOUR, FIRST_HOUR)
    return at, np.clip(np.log(hours / FIRST_HOUR) / GROWTH, 0, BINS - 1).astype(np.int64)


def _waits(
    log: Partition, cell: Integers, first: Integers, stations: tuple[int, ...],
    outcome: Outcome, since: int,
) -> Tally:  # fmt: skip
    at, bins = measure_waits(log, first, stations)
    hold = np.maximum(since - log.time[at], 0)
    return _tabulate(cell[at] * BINS + bins, outcome.after(log, at, hold))


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


def returned(log: Partition, order: Integers, opens: Truths) -> Truths:
    """Tell for each first visit whether the customer was back there within a week.

    Args:
        log: The partition.
        order: Positions sorted by customer, cell and time.
        opens: Whether each of them is the first of its customer and cell.
    """
    first = order[opens]
    more = np.append(~opens[1:], False)[opens] if len(order) else opens
    following = np.append(order[1:], 0)[opens] if len(order) else order
    back: Truths = more & (log.time[following] - log.time[first] <= REPEAT_DAYS * DAY)
    return back


def _again(
    log: Partition, cell: Integers, order: Integers, opens: Truths, outcome: Outcome, since: int
) -> Tally:
    """Compare, a week after the first visit, those who came back in it with those who did not."""
    first, back = order[opens], returned(log, order, opens)
    hold = np.maximum(since - log.time[first], REPEAT_DAYS * DAY)
    return _tabulate(cell[first] * 2 + back, outcome.after(log, first, hold))


def _tabulate(key: Integers, ended: Integers) -> Tally:
    known = ended >= 0
    return Tally.of(key[known], ended[known] == 0, ended[known] == 1)
