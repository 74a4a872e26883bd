"""Whether the outcome comes sooner, later or never once a touchpoint was met. See also `exposures`.

Time at risk is split at the moment of meeting, so that nobody counts as having met what was still
to come (no immortal time). Everybody is compared with customers who entered the stage as long ago
and used mostly the same channel until then: who comes by app meets other touchpoints, and stays for
other reasons, than who comes by web. Recent customers count for as long as they were watched. An
association, not a cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.exposures import EVERYONE, Groups
from journeylib.log import DAY, decode, first_of
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Part, Partition, Truths

WEEK = 7 * DAY
# What happens within a day of a touchpoint belongs to the same visit as the touchpoint: the last
# click before buying or leaving would else look like its cause.
LAG = DAY
FEWEST_MET = 10


@dataclass(frozen=True, slots=True)
class Hazards:
    """Outcomes and time at risk by usual channel and week since the stage was entered.

    ``risk`` has a key for each stage, usual channel and week, ``met`` (after the touchpoint) and
    ``lag`` (the day after it) one for each cell (touchpoint in a channel) in place of the stage;
    the usual channel is that of most events before the stage, 0 without any. Their columns are
    outcomes, days in weeks that were not lived in full, and the change in the number of customers
    who live a week in full. ``entered`` counts customers by stage, ``exposed`` by cell.
    """

    codes: Codes
    risk: Tally
    met: Tally
    lag: Tally
    entered: Tally
    exposed: Tally
    groups: tuple[str, ...] = (EVERYONE,)

    def __add__(self, other: Hazards) -> Hazards:
        return Hazards(
            self.codes, self.risk + other.risk, self.met + other.met, self.lag + other.lag,
            self.entered + other.entered, self.exposed + other.exposed, self.groups,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """One row per cell that ten customers met: names and the sums of Mantel and Haenszel.

        Columns ``group, touchpoint, channel, stage, exposed`` (customers), ``entered`` (its stage),
        ``events`` and ``expected`` (outcomes among the exposed, and at the rate of all), ``top,
        bottom, spread`` (the rate ratio is top / bottom) and ``other`` (expected outcomes of one
        customer within the follow-up at the rate of those who had not met it).

        References:
            Greenland and Robins (1985), Biometrics 41:55-68 (person-time data); Rothman, Greenland
            and Lash (2008), Modern Epidemiology, 3rd ed., ch. 15.
        """
        often = self.exposed.sums[:, 0] >= FEWEST_MET
        cells, exposed = self.exposed.key[often], self.exposed.sums[often, 0].astype(np.int64)
        channels = max(1, len(self.codes.channels))
        group, touchpoint = np.divmod(cells // channels, max(1, len(self.codes.touchpoints)))
        stage = np.array(self.codes.stage_of, dtype=np.int64)[touchpoint]
        place = group * (len(self.codes.stages) + 1) + stage
        sums = [self._sums_of(int(c), int(p)) for c, p in zip(cells, place, strict=True)]
        columns = ["events", "expected", "top", "bottom", "spread", "other"]
        names = {
            "group": decode(self.groups, group),
            "touchpoint": decode(self.codes.touchpoints, touchpoint),
            "channel": decode(self.codes.channels, cells % channels),
            "stage": decode([*self.codes.stages, "unmapped"], stage),
            "exposed": exposed,
            "entered": self.entered.at(place)[:, 0].astype(np.int64),
        }
        table = np.array(sums, dtype=np.float64).reshape(len(cells), len(columns))
        return pd.DataFrame(names).join(pd.DataFrame(table, columns=columns))

    def _sums_of(self, cell: int, stage: int) -> tuple[float, ...]:
        events, days = _curve(self.met, cell, self.codes)
        lag_events, lag_days = _curve(self.lag, cell, self.codes)
        all_events, all_days = _curve(self.risk, stage, self.codes)
        other_events, other_days = all_events - events - lag_events, all_days - days - lag_days
        both = np.maximum(days + other_days, 1e-9)
        weekly, lived = other_events.sum(axis=0), other_days.sum(axis=0)
        # Groups are followed from a day on: no week of the stage that they lived may be the first.
        usual = weekly.sum() / max(float(lived.sum()), 1e-9) if self.groups != (EVERYONE,) else 0.0
        rate = np.divide(weekly, lived, out=np.full(len(lived), usual), where=lived > 1e-9)
        followed = np.clip(self.codes.follow / DAY - 7 * np.arange(len(rate)), 0, 7)
        total = events + other_events
        return (
            float(events.sum()),
            float((total * days / both).sum()),
            float((events * other_days / both).sum()),
            float((other_events * days / both).sum()),
            float((total * days * other_days / both**2).sum()),
            float((rate * followed).sum()),
        )


def _weeks(codes: Codes) -> int:
    return int((codes.end - codes.start) // WEEK) + 2


def _curve(tally: Tally, row: int, codes: Codes) -> tuple[Floats, Floats]:
    """Lay out one row of a tally: outcomes and days at risk by usual channel and week."""
    channels, weeks = max(1, len(codes.channels)), _weeks(codes)
    size = channels * weeks
    first, last = np.searchsorted(tally.key, [row * size, (row + 1) * size])
    laid = np.zeros((size, 3))
    laid[tally.key[first:last] - row * size] = tally.sums[first:last]
    events, broken, change = (column.reshape(channels, weeks) for column in laid.T)
    return events, broken + 7 * np.cumsum(change, axis=1)


def summarise_hazards(part: Part, groups: Groups | None = None) -> Hazards:
    """Split every customer's time in a stage by what was met there, for outcomes that can follow.

    After a purchase the outcome is the next purchase, so touchpoints before it have no part in it;
    an account can be cancelled at any time, so all from the purchase on count.

    Args:
        part: The partition.
        groups: Parts the customers; those of no group are left out, and so is all time, with its
            outcomes, before the groups were known (delayed entry).
    """
    log = part.load()
    log = groups.keep(log) if groups else log
    timing = np.array(log.codes.timing, dtype=object)
    wanted = {
        "repeat_purchase": timing == "post_purchase",
        "retention": timing != "pre_purchase",
    }.get(log.codes.outcome, np.zeros(len(timing), dtype=bool))
    stage_of = np.array(log.codes.stage_of, dtype=np.int64)
    none = Tally.of(np.array([], np.int64), *np.zeros((3, 0)))
    people = Tally.of(np.array([], np.int64), np.zeros(0))
    names = groups.names if groups else (EVERYONE,)
    found = Hazards(log.codes, none, none, none, people, people, names)
    for stage in np.unique(stage_of[wanted]):
        found = found + _stage_hazards(log, int(stage), wanted, groups)
    return found


def _stage_hazards(log: Partition, stage: int, wanted: Truths, groups: Groups | None) -> Hazards:
    """Follow everybody from their first event in a stage to the outcome or the end of the data."""
    codes, weeks, channels = log.codes, _weeks(log.codes), max(1, len(log.codes.channels))
    here = np.array(codes.stage_of, dtype=np.int64)[log.touchpoint] == stage
    start, stop, ended = _at_risk(log, here)
    entry = log.time[np.maximum(start, 0)] if len(log) else start
    begin = np.maximum(entry, groups.since if groups else codes.start)
    risk = (start >= 0) & (begin < stop)
    usual, group = _usual_channels(log, start), _groups_of(log, groups)
    place = group * (len(codes.stages) + 1) + stage
    since, span = (begin - entry)[risk], (stop - entry)[risk]
    whole = _tally(place[risk] * channels + usual[risk], since, span, ended[risk], weeks)
    cell, customer, position = _first_meetings(log, np.flatnonzero(here & wanted[log.touchpoint]))
    known = risk[customer]
    known[known] = log.time[position[known]] < stop[customer[known]]
    cell, customer, position = cell[known], customer[known], position[known]
    cell = cell + group[customer] * max(1, len(codes.touchpoints)) * channels
    opens, until = (begin - entry)[customer], (stop - entry)[customer]
    met = log.time[position] - entry[customer]
    active = np.clip(met + LAG, opens, until)
    late, row = active < until, cell * channels + usual[customer]
    return Hazards(
        codes,
        whole,
        _tally(row[late], active[late], until[late], ended[customer][late], weeks),
        _tally(row, np.maximum(met, opens), active, ended[customer] & ~late, weeks),
        Tally.of(place[risk], np.ones(len(span))),
        Tally.of(cell[late], np.ones(int(late.sum()))),
        groups.names if groups else (EVERYONE,),
    )


def _groups_of(log: Partition, groups: Groups | None) -> Integers:
    """Give the group of each customer of a partition, numbered as they come."""
    people = log.customer[first_of(log.customer)] if len(log) else log.customer
    return groups.group_of[people] if groups else np.zeros(len(people), dtype=np.int64)


def _at_risk(log: Partition, here: Truths) -> tuple[Integers, Integers, Truths]:
    """Give each customer's first position in a stage (or -1), when watching stops, and why.

    Whoever has cancelled before entering is not at risk.
    """
    number = np.cumsum(first_of(log.customer)) - 1
    size = int(number[-1]) + 1 if len(log) else 0
    start = np.full(size, -1, dtype=np.int64)
    at = np.flatnonzero(here)
    opens = at[first_of(number[at])]
    start[number[opens]] = opens
    deciding = np.flatnonzero(log.is_bad if log.codes.outcome == "retention" else log.is_good)
    owner = number[deciding]
    if log.codes.outcome == "retention":
        gone = deciding <= start[owner]
        start[owner[gone]] = -1
    after = (start[owner] >= 0) & (deciding > start[owner])
    deciding, owner = deciding[after], owner[after]
    first = first_of(owner)
    stop, ended = np.full(size, log.codes.end, dtype=np.int64), np.zeros(size, dtype=bool)
    stop[owner[first]], ended[owner[first]] = log.time[deciding[first]], True
    start[stop <= log.time[np.maximum(start, 0)]] = -1  # no time at risk
    return start, stop, ended


def _usual_channels(log: Partition, start: Integers) -> Integers:
    """Give the channel of most of each customer's events before a position; 0 without any."""
    channels = max(1, len(log.codes.channels))
    number = np.cumsum(first_of(log.customer)) - 1
    before = np.arange(len(log)) < start[number]
    pairs, counts = np.unique(number[before] * channels + log.channel[before], return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // channels))
    pairs = pairs[order]
    usual = np.zeros(len(start), dtype=np.int64)
    first = first_of(pairs // channels)
    usual[pairs[first] // channels] = pairs[first] % channels
    return usual


def _first_meetings(log: Partition, at: Integers) -> tuple[Integers, Integers, Integers]:
    """Give cell, customer (numbered within the partition) and position of each first visit."""
    channels = max(1, len(log.codes.channels))
    number = np.cumsum(first_of(log.customer)) - 1
    cell = log.touchpoint[at] * channels + log.channel[at]
    size = max(1, len(log.codes.touchpoints)) * channels
    _, index = np.unique(number[at] * size + cell, return_index=True)
    return cell[index], number[at][index], at[index]


def _tally(
    row: Integers, start: Integers | Floats, stop: Integers, ended: Truths, weeks: int
) -> Tally:
    """Spread spans of time over weeks: days of broken weeks, and where full weeks begin and end.

    ``start`` and ``stop`` are microseconds since the stage was entered.
    """
    start = np.asarray(start, dtype=np.int64)
    first, last = start // WEEK, np.maximum(stop - 1, start) // WEEK
    one = first == last
    head = np.where(one, stop - start, (first + 1) * WEEK - start) / DAY
    tail = np.where(one, 0, stop - last * WEEK) / DAY
    full, none = (~one).astype(np.float64), np.zeros(len(row))
    key = row * weeks
    return Tally.of(
        np.concatenate([key + first, key + last, key + first + 1, key + last]),
        np.concatenate([none, ended.astype(np.float64), none, none]),
        np.concatenate([head, tail, none, none]),
        np.concatenate([none, none, full, -full]),
    )
