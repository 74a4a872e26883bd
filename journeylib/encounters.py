"""What customers met next, and what had happened to them until then: one row per landmark.

Every event of a customer is a landmark: what came before is known, and the question is what the
next event is. So whoever met a trouble is compared with others who had come as far and did not meet
it then, and nobody counts as spared because the outcome came first. Two passes over a partition;
summaries add up. Not for fitting; see `association`.

References:
    Hernán et al. (2008), Epidemiology 19:766-779 (a sequence of nested trials).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.exposures import REPEAT_DAYS, Outcome
from journeylib.histories import describe_until, span_of, spend_after
from journeylib.log import DAY, first_of
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Part, Partition, Truths

BEFORE, AFTER = 0, 1
LOSS, REPEAT, SENTIMENT, DELAY = 0, 1, 2, 3
GROUPS = {"loss": LOSS, "repeat": REPEAT, "sentiment": SENTIMENT, "delay": DELAY}
FAR = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Draw:
    """Whom to take where there are too many customers: all of whom a number says so.

    Attributes:
        share: Customers are kept where their number from 0 to 1 lies below it.
        by_cell: The same for whoever met a cell, one entry per phase and cell; rare ones keep all.
        rows: Landmarks without anything new that are kept, of all.
        stations: Touchpoints that most buyers pass; a wait starts there.
        slow: Days from which a wait is long, one entry per cell; missing where none is judged.
        said: What customers said: ``customer, time, cell, low``, sorted by customer and time.
    """

    share: float
    by_cell: Floats
    rows: float
    stations: tuple[int, ...]
    slow: Floats
    said: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Affected:
    """How often each cell was met for the first time in an episode; key phase × cells + cell."""

    met: Tally
    again: Tally
    slow: Tally
    customers: int

    def __add__(self, other: Affected) -> Affected:
        return Affected(
            self.met + other.met, self.again + other.again, self.slow + other.slow,
            self.customers + other.customers,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encounters:
    """One row per landmark; ``first`` has one per episode and cell: the place of the first visit.

    ``rows`` has ``customer, episode`` (number within the customer), ``phase, group, place`` (of the
    event at the landmark), ``time, outcome`` (1 good, 0 not), ``cell`` (met next, else -1),
    ``marked`` (came back, waited long, or spoke badly), ``next`` (touchpoint of the next event, or
    -1), ``gap, until, room`` (days to the next event, to the next outcome or cancellation, and to
    the last day that can be followed), ``went_on`` (whether anything came after the next event, or
    the outcome; -1 without a next one), the history and ``spent_0`` to ``spent_11`` (money by month
    after it; missing where the data ends before).
    """

    rows: pd.DataFrame
    first: pd.DataFrame

    def __add__(self, other: Encounters) -> Encounters:
        return Encounters(
            pd.concat([self.rows, other.rows], ignore_index=True),
            pd.concat([self.first, other.first], ignore_index=True),
        )


@dataclass(frozen=True, slots=True)
class Meetings:
    """First visits to the cells of each episode, as positions, and what is known of them."""

    position: Integers
    cell: Integers
    phase: Integers
    again: Truths
    wait: Floats


@dataclass(frozen=True, slots=True)
class Trail:
    """A partition with its customers, episodes and cells told for each event."""

    log: Partition
    cell: Integers
    opens: Truths
    episode: Integers
    phase: Integers

    @classmethod
    def of(cls, log: Partition) -> Trail:
        """Cut each customer's events where the outcome came: what follows is a new episode.

        An event belongs to the episode that stood before it, so a purchase closes its own.
        """
        channels = max(1, len(log.codes.channels))
        opens = first_of(log.customer)
        deciding = log.is_bad if log.codes.outcome == "retention" else log.is_good
        done: Integers = np.cumsum(deciding) - deciding
        start = np.maximum.accumulate(np.where(opens, np.arange(len(log)), 0))
        episode: Integers = done - done[start] if len(log) else done
        phase = _phase(log.codes, episode)
        return cls(log, log.touchpoint * channels + log.channel, opens, episode, phase)

    @property
    def cells(self) -> int:
        """Number of cells that a touchpoint and a channel can make."""
        codes = self.log.codes
        return max(1, len(codes.touchpoints)) * max(1, len(codes.channels))

    @property
    def place(self) -> Integers:
        """Number of each event among its customer's, from 0."""
        at = np.arange(len(self.log))
        return at - np.maximum.accumulate(np.where(self.opens, at, 0)) if len(at) else at

    def judged(self) -> Truths:
        """Tell which events can be a trouble: not the outcome, nor what measures or undoes it.

        After a purchase the next one is what counts, so only what belongs to having bought is
        judged; before it, only what leads to it. An account can be lost over either.
        """
        log = self.log
        timing = np.array(log.codes.timing, dtype=object)[log.touchpoint]
        aside = [*log.codes.good, *log.codes.bad, *log.codes.aside]
        after = self.phase == AFTER
        if log.codes.outcome == "retention":
            fits = timing != "pre_purchase"
        else:
            fits = np.where(after, timing == "post_purchase", timing != "post_purchase")
        return np.asarray(fits & ~np.isin(log.touchpoint, aside), dtype=np.bool_)


def meet(trail: Trail, stations: tuple[int, ...]) -> Meetings:
    """Find the first visit of each episode to each cell that is judged."""
    log, size = trail.log, trail.cells
    at = np.flatnonzero(trail.judged())
    run = np.cumsum(trail.opens | np.append(True, np.diff(trail.episode) != 0)[: len(log)])
    key = run[at] * size + trail.cell[at] if len(log) else at
    order = np.lexsort((at, key))
    sorted_key, sorted_at = key[order], at[order]
    opens = first_of(sorted_key)
    more = np.append(~opens[1:], False)[opens] if len(at) else opens
    first = sorted_at[opens]
    following = np.append(sorted_at[1:], 0)[opens] if len(at) else first
    again = more & (log.time[following] - log.time[first] <= REPEAT_DAYS * DAY)
    return Meetings(
        first, trail.cell[first], trail.phase[first], again, _waits(trail, first, stations)
    )


def _waits(trail: Trail, first: Integers, stations: tuple[int, ...]) -> Floats:
    """Days since the purchase or the last usual stop after it; missing where nobody waited."""
    log = trail.log
    if not len(log):
        return np.zeros(0)
    opened = np.maximum.accumulate(np.where(trail.opens, np.arange(len(log)), 0))
    bought, passed = _latest(log.is_good), _latest(log.is_good | np.isin(log.touchpoint, stations))
    origin = np.where(bought >= opened, passed, -1)[first]
    late = np.array(log.codes.timing, dtype=object)[log.touchpoint[first]] == "post_purchase"
    days = (log.time[first] - log.time[np.maximum(origin, 0)]) / DAY
    return np.where(late & (origin >= 0), days, np.nan)


def _latest(marked: Truths) -> Integers:
    here = np.where(marked, np.arange(len(marked)), -1)
    return np.maximum.accumulate(np.append(-1, here[:-1]))


def summarise_affected(part: Part, stations: tuple[int, ...], slow: Floats) -> Affected:
    """Count how often each cell was met, met again within a week, and waited for too long."""
    trail = Trail.of(part.load())
    met = meet(trail, stations)
    key = met.phase * trail.cells + met.cell
    late = met.wait >= slow[met.cell] if len(slow) else np.zeros(len(key), dtype=bool)

    def count(kept: Truths) -> Tally:
        return Tally.of(key[kept], np.ones(int(kept.sum())))

    every = np.ones(len(key), dtype=bool)
    return Affected(count(every), count(met.again), count(late), int(trail.opens.sum()))


def chosen_number(customer: Integers) -> Floats:
    """Give each customer a number from 0 to 1 that stays the same however the log is cut."""
    mixed = customer.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def summarise_encounters(part: Part, draw: Draw) -> Encounters:
    """Lay out the landmarks of a partition.

    Args:
        part: The partition.
        draw: Whom to take.
    """
    trail = Trail.of(part.load())
    met = meet(trail, draw.stations)
    kept = _kept(trail, met, draw)
    groups = [
        _next_rows(trail, met, kept, draw),
        _again_rows(trail, met, kept),
        _late_rows(trail, met, kept, draw.slow),
        _said_rows(trail, kept, draw.said),
    ]
    rows = pd.concat(groups, ignore_index=True)
    at = rows.pop("position").to_numpy()
    history = describe_until(trail.log, at, place=trail.place, opens=trail.opens)
    rows = pd.concat([rows, history, spend_after(trail.log, at)], axis=1)
    own = kept[met.position]
    first = {
        "customer": trail.log.customer[met.position[own]],
        "episode": trail.episode[met.position[own]],
        "cell": met.cell[own],
        "first": trail.place[met.position[own]],
    }
    return Encounters(rows, pd.DataFrame(first))


def _kept(trail: Trail, met: Meetings, draw: Draw) -> Truths:
    """Tell which events belong to customers that are taken."""
    log = trail.log
    if not len(log):
        return np.zeros(0, dtype=np.bool_)
    number = chosen_number(log.customer)
    limit = np.full(int(trail.opens.sum()), draw.share)
    person = np.cumsum(trail.opens) - 1
    wanted = draw.by_cell[met.phase * trail.cells + met.cell]
    np.maximum.at(limit, person[met.position], wanted)
    return np.asarray(number <= limit[person], dtype=np.bool_)


def _next_rows(trail: Trail, met: Meetings, kept: Truths, draw: Draw) -> pd.DataFrame:
    """One row per event, and what is met for the first time with the next one, if anything."""
    log = trail.log
    fresh = np.full(len(log) + 1, -1, dtype=np.int64)
    fresh[met.position] = met.cell
    at = np.flatnonzero(kept)
    last = np.append(trail.opens[1:], np.ones(min(len(log), 2), dtype=bool))
    follows = ~last[at]
    # The phase is that of what comes next: an event that is the purchase opens the time after it.
    episode, phase = _states(trail, at)
    cell = np.where(follows, fresh[at + 1], -1)
    outcome = _ended(log, at, 0)
    ahead = np.where(follows, at + 1, at)
    went_on = np.where(follows, ~last[ahead] | (outcome == 1), -1)
    dice = chosen_number(log.customer[at] * 65_537 + trail.place[at])
    told = (outcome >= 0) & ((cell >= 0) | (dice <= draw.rows))
    table = _rows(trail, at, episode=episode, phase=phase, outcome=outcome, cell=cell)
    table["gap"] = np.where(follows, log.time[ahead] - log.time[at], 0) / DAY
    table["until"] = _days_until(log, at)
    table["room"] = (log.codes.end - log.codes.follow - log.time[at]) / DAY
    following = np.where(follows, log.touchpoint[ahead], -1)
    return table.assign(group=LOSS, marked=0, next=following, went_on=went_on)[told]


def _days_until(log: Partition, at: Integers) -> Floats:
    """Days from events to the next of their customer that decides the outcome; else infinite."""
    outcome = Outcome.of(log)
    if not len(outcome.position):
        return np.full(len(at), np.inf)
    following = np.searchsorted(outcome.position, at, "right")
    known = following < len(outcome.position)
    coming = outcome.position[np.minimum(following, len(outcome.position) - 1)]
    known &= log.customer[coming] == log.customer[at]
    return np.where(known, (log.time[coming] - log.time[at]) / DAY, np.inf)


def _states(trail: Trail, at: Integers) -> tuple[Integers, Integers]:
    """Give the episode and phase that hold once an event has happened."""
    log = trail.log
    deciding = log.is_bad if log.codes.outcome == "retention" else log.is_good
    episode = trail.episode[at] + deciding[at]
    return episode, _phase(log.codes, episode)


def _phase(codes: Codes, episode: Integers) -> Integers:
    """Tell whether an episode comes before a purchase or after one.

    Where visitors are to convert, each stretch up to a conversion is one before it.
    """
    if codes.outcome == "conversion":
        return np.full(len(episode), BEFORE)
    return np.where((codes.outcome == "retention") | (episode > 0), AFTER, BEFORE)


def _ended(log: Partition, at: Integers, wait: int) -> Integers:
    """Tell how it ended; who converted before may do so again, and be kept from it again."""
    outcome = Outcome.of(log)
    if log.codes.outcome == "conversion":
        outcome = replace(outcome, kind="repeat_purchase")
    return outcome.after(log, at, wait)


def _rows(
    trail: Trail, at: Integers, *, episode: Integers, phase: Integers, outcome: Integers,
    cell: Integers,
) -> pd.DataFrame:  # fmt: skip
    return pd.DataFrame(
        {
            "position": at,
            "customer": trail.log.customer[at],
            "episode": episode,
            "phase": phase,
            "place": trail.place[at],
            "time": trail.log.time[at],
            "outcome": outcome,
            "cell": cell,
        }
    )


def _again_rows(trail: Trail, met: Meetings, kept: Truths) -> pd.DataFrame:
    """One row per first visit, a week after it: did the customer come back in it for the same?"""
    log = trail.log
    timing = np.array(log.codes.timing, dtype=object)[log.touchpoint[met.position]]
    own = kept[met.position] & (timing != "pre_purchase")
    at = met.position[own]
    outcome = _ended(log, at, REPEAT_DAYS * DAY)
    table = _rows(trail, at, episode=trail.episode[at], phase=met.phase[own], outcome=outcome,
                  cell=met.cell[own])  # fmt: skip
    table = table.assign(group=REPEAT, marked=met.again[own].astype(int), next=-1, went_on=-1)
    return table[outcome >= 0]


def _late_rows(trail: Trail, met: Meetings, kept: Truths, slow: Floats) -> pd.DataFrame:
    """One row per first visit that was waited for: customers as they were before the wait.

    All are followed from the visit on: whoever waits long has not bought meanwhile.
    """
    own = kept[met.position] & ~np.isnan(met.wait) & ~trail.opens[met.position]
    own &= ~np.isnan(slow[met.cell]) if len(met.cell) else own
    at = met.position[own]
    outcome = _ended(trail.log, at, 0)
    table = _rows(trail, at, episode=trail.episode[at], phase=met.phase[own], outcome=outcome,
                  cell=met.cell[own])  # fmt: skip
    late = (met.wait[own] >= slow[met.cell[own]]).astype(int)
    table = table.assign(group=DELAY, marked=late, next=-1, went_on=-1, position=at - 1)
    return table[outcome >= 0]


def _said_rows(trail: Trail, kept: Truths, said: pd.DataFrame) -> pd.DataFrame:
    """One row per first answer about a cell, at the last event before or with it."""
    log, span = trail.log, span_of(trail.log.codes)
    ours = said[said["customer"].isin(np.unique(log.customer[kept]))]
    key = log.customer * span + np.maximum((log.time - log.codes.start) // 1_000_000, 0)
    asked = ours["customer"].to_numpy() * span
    asked = asked + np.clip((ours["time"].to_numpy() - log.codes.start) // 1_000_000, 0, span - 1)
    at = np.searchsorted(key, asked, "right") - 1
    known = at >= 0
    known[known] = log.customer[at[known]] == ours["customer"].to_numpy()[known]
    ours, at = ours[known], at[known]
    episode, phase = _states(trail, at)
    outcome = _ended(log, at, 0)
    table = _rows(trail, at, episode=episode, phase=phase, outcome=outcome,
                  cell=ours["cell"].to_numpy())  # fmt: skip
    # The tone is told with the event itself: what was known is what had happened before it.
    earlier = np.where(trail.opens[at] | (log.time[at] < ours["time"].to_numpy()), at, at - 1)
    table = table.assign(
        group=SENTIMENT, marked=ours["low"].to_numpy(), next=-1, went_on=-1, position=earlier
    )
    table = table[outcome >= 0]
    return table.drop_duplicates(["customer", "episode", "phase", "cell"])
