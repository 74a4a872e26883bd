"""How customers pass each stage: they go on, they leave, or watching stops while they are there.

A customer enters a stage at their first event in it and goes on at their first event in any later
stage. They leave at a cancellation, or when they have been silent for so many days; who comes back
after that has left all the same, because the rule may not look into the future. All others are
open. One row per customer and stage, so the customer is the unit. The statistics on them are in
`sojourns`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY, decode, first_of, last_of
from journeylib.quantiles import Durations

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Part, Partition, Truths

OPEN, ONWARD, LEFT = 0, 1, 2
ENDS = ("open", "onward", "left")
SHARE_OF_GAPS = 0.9
LONGEST_SILENCE = 1 / 3
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Spells:
    """Passages of one partition as arrays, in order of customer.

    Attributes:
        place: Cell that was entered: stage, or stage × channel.
        entry: Position of the event by which it was entered.
        stop: Position of the event that ended it: the first of a later stage, the cancellation, or
            the last before the silence; -1 while open.
        days: How long it lasted, or was watched.
        end: 0 open, 1 went on, 2 left.
    """

    place: Integers
    entry: Integers
    stop: Integers
    days: np.ndarray
    end: Integers


@dataclass(frozen=True, slots=True)
class Road:
    """Every customer followed through every stage.

    Attributes:
        stages: Stages in journey order.
        customers: Codes of all customers seen in the period, whether they reached a stage or not.
        rows: From `find_passages`.
        silence: Microseconds after which a customer counts as gone; 0 where silence tells nothing.
        horizon: Days within which a customer has to go on.
    """

    stages: tuple[str, ...]
    customers: pd.Series
    rows: pd.DataFrame
    silence: int
    horizon: float


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages of all customers; ``frame`` lays them out with names."""

    codes: Codes
    rows: pd.DataFrame

    def __add__(self, other: Passages) -> Passages:
        return Passages(self.codes, pd.concat([self.rows, other.rows], ignore_index=True))

    def frame(self) -> pd.DataFrame:
        """One row per customer and stage (and channel); columns as in `find_passages`."""
        channels = len(self.codes.channels) or 1
        place = self.rows["place"].to_numpy()
        return pd.DataFrame(
            {
                "customer": self.rows["customer"],
                "place": place // channels,
                "stage": decode(self.codes.stages, place // channels),
                "channel": decode(self.codes.channels or ("",), place % channels),
                "days": self.rows["days"],
                "watch": self.rows["watch"],
                "end": decode(ENDS, self.rows["end"].to_numpy()),
            }
        )


def find_silence(log: Log, *, declared: float | None = None) -> int:
    """Say after how long a silence a customer counts as gone.

    Args:
        log: The event log.
        declared: Days, where the client file says so.

    Returns:
        Microseconds: as declared; the gap that ends a journey, where journeys are cut by gaps; 0
        (silence tells nothing) where customers leave by cancelling; else the longest gap that nine
        of ten customers never exceed before they come back, at most a third of the period.
    """
    codes = log.codes
    if declared is not None:
        return round(declared * DAY)
    if codes.outcome == "retention" and codes.bad:
        return 0
    if codes.cut == "gap":
        return codes.gap
    gaps = summarise(_summarise_gaps, log.readable)
    found = gaps.quantiles(SHARE_OF_GAPS).get(0, math.inf) if gaps is not None else math.inf
    longest = (codes.end - codes.start) / DAY * LONGEST_SILENCE
    return round(max(min(found, longest), 1.0) * DAY)


def _summarise_gaps(part: Part) -> Durations:
    """Take each customer's longest gap between two events, in days."""
    log = part.load()
    first = first_of(log.customer)
    number = np.cumsum(first) - 1
    longest = np.zeros(int(number[-1]) + 1 if len(log) else 0)
    inside = np.flatnonzero(~first)
    np.maximum.at(longest, number[inside], (log.time[inside] - log.time[inside - 1]) / DAY)
    longest = longest[longest > 0]
    return Durations.of(np.zeros(len(longest), dtype=np.int64), longest)


def follow_road(log: Log, customers: pd.DataFrame, *, inactive_days: float | None = None) -> Road:
    """Follow every customer through every stage, to where they go on, leave, or are lost to sight.

    Args:
        log: The event log.
        customers: From ``journeys.describe_customers``.
        inactive_days: Days of silence after which a customer counts as gone, where the client file
            says so; see `find_silence`.

    Returns:
        The road; its horizon is that of the outcome, or a third of the period without one.
    """
    codes = log.codes
    silence = find_silence(log, declared=inactive_days)
    horizon = codes.follow or round((codes.end - codes.start) * LONGEST_SILENCE)
    rows = find_passages(log, silence=silence)
    return Road(codes.stages, customers["customer"], rows, silence, horizon / DAY)


def find_passages(log: Log, *, silence: int, by_channel: bool = False) -> pd.DataFrame:
    """Follow every customer through every stage.

    Args:
        log: The event log.
        silence: From `find_silence`; 0 where silence tells nothing.
        by_channel: Whether each channel of a stage is entered on its own.

    Returns:
        One row per customer and stage, or per customer, stage and channel: ``customer, place``
        (of the stage, from 0), ``stage, channel, days, watch`` (days from entering to the end of
        the period) and ``end`` (``onward``, ``left`` or ``open``).
    """
    pass_over = functools.partial(summarise_passages, silence=silence, by_channel=by_channel)
    found = summarise(pass_over, log.readable)
    return pd.DataFrame() if found is None else found.frame()


def summarise_passages(part: Part, *, silence: int, by_channel: bool = False) -> Passages:
    """Follow each customer of a partition through each stage they enter."""
    log = part.load()
    spells = follow_stages(log, silence=silence, by_channel=by_channel)
    place = spells.place if by_channel else spells.place * (len(log.codes.channels) or 1)
    rows = {
        "customer": log.customer[spells.entry], "place": place, "days": spells.days,
        "watch": (log.codes.end - log.time[spells.entry]) / DAY, "end": spells.end,
    }  # fmt: skip
    return Passages(log.codes, pd.DataFrame(rows))


def follow_stages(log: Partition, *, silence: int, by_channel: bool = False) -> Spells:
    """Find where each customer enters each stage and how that ends.

    Args:
        log: A partition.
        silence: Microseconds after which a customer counts as gone; 0 for never.
        by_channel: Whether each channel of a stage is entered on its own.
    """
    channels = len(log.codes.channels) or 1
    cells = log.stage * channels + log.channel if by_channel else log.stage
    mapped = np.flatnonzero(log.stage >= 0)
    size = max(1, len(log.codes.stages)) * channels
    _, index = np.unique(log.customer[mapped] * size + cells[mapped], return_index=True)
    entry = mapped[index]
    onward = np.full(len(entry), NEVER, dtype=np.int64)
    for stage in range(len(log.codes.stages)):
        own = log.stage[entry] == stage
        onward[own] = _next_of(log, np.flatnonzero(log.stage > stage), entry[own], later=1)
    gone = _next_of(log, np.flatnonzero(log.is_bad), entry, later=1)
    quiet = _next_of(log, np.flatnonzero(_is_quiet(log, silence)), entry, later=0)
    # The event that cancels may stand in a later stage; silence begins before what ends it.
    left = np.where((gone <= onward) & (gone <= quiet), gone, np.minimum(quiet, onward))
    went = (onward < NEVER) & (onward <= quiet) & (onward < gone)
    end = np.where(went, ONWARD, np.where(left < NEVER, LEFT, OPEN))
    stop = np.where(went, onward, np.where(end == LEFT, left, -1))
    hushed = (end == LEFT) & (stop != gone)
    until = np.where(stop >= 0, log.time[np.maximum(stop, 0)], log.codes.end) + silence * hushed
    days = (until - log.time[entry]) / DAY if len(entry) else np.zeros(0)
    return Spells(cells[entry], entry, stop, days, end)


def _next_of(log: Partition, positions: Integers, entry: Integers, *, later: int) -> Integers:
    """Give the first of some positions from each event, or the next, on; NEVER where there is none.

    Only events of the same customer count.
    """
    found = np.append(positions, NEVER)[np.searchsorted(positions, entry + later)]
    own = found < NEVER
    own[own] = log.customer[found[own]] == log.customer[entry[own]]
    return np.where(own, found, NEVER)


def _is_quiet(log: Partition, silence: int) -> Truths:
    """Tell which events are followed by a silence of the customer that was seen to its end."""
    if not silence or not len(log):
        return np.zeros(len(log), dtype=bool)
    follows = np.append(log.time[1:], 0)
    follows[last_of(log.customer)] = log.codes.end
    return follows - log.time > silence
