"""Loops and rework: stages visited again, roads taken back, and changes of channel.

A visit is a stay in one stage within one journey. Coming back to a stage is a loop; coming back
from a later stage is rework. Every share of visits has its interval over customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.flows import walk_journeys
from journeylib.log import decode, first_of
from journeylib.ratios import clustered_shares, plain_shares
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.flows import Walk
    from journeylib.log import Codes, Floats, Integers, Log, Part, Truths

LOOPS = ("visits", "customers", "again", "rework", "reworkers")


@dataclass(frozen=True, slots=True)
class Rework:
    """Visits by stage (``stages``) and moves between contacts by channel (``channels``)."""

    codes: Codes
    stages: Tally
    channels: Tally

    def __add__(self, other: Rework) -> Rework:
        return Rework(self.codes, self.stages + other.stages, self.channels + other.channels)

    def frame(self) -> pd.DataFrame:
        """One row per stage visited, ``stage`` and the sums of ``_stage_sums``."""
        columns = {"stage": decode(self.codes.stages, self.stages.key)}
        names = (*LOOPS, "square", "cross", "left_square")
        sums = {name: self.stages.sums[:, at] for at, name in enumerate(names)}
        return pd.DataFrame({**columns, **sums})


def summarise_rework(part: Part) -> Rework:
    """Count visits, returns and changes of channel in one partition."""
    log = part.load()
    walk = walk_journeys(log, "stage", silence=0)
    contacts = walk_journeys(log, "channel", silence=0)
    return Rework(log.codes, _stage_sums(walk, len(log.codes.stages)), _channel_sums(contacts))


def _stage_sums(walk: Walk, stages: int) -> Tally:
    size = max(1, stages)
    key = walk.journey * size + walk.state
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), dtype=bool)
    again[order] = ~first_of(key[order])
    back = np.zeros(len(key), dtype=bool)
    inside = np.flatnonzero(~first_of(walk.journey)) if len(key) else np.zeros(0, np.int64)
    back[inside] = walk.state[inside - 1] > walk.state[inside]
    return _summed(walk.state, walk.customer * size + walk.state, again, again & back)


def _channel_sums(walk: Walk) -> Tally:
    inside = np.flatnonzero(~first_of(walk.journey)) if len(walk.state) else np.zeros(0, np.int64)
    changed = walk.state[inside] != walk.state[inside - 1]
    owner = walk.customer[inside]
    return _summed(np.zeros(len(inside), np.int64), owner, changed, changed)


def _summed(key: Integers, owner: Integers, again: Truths, back: Truths) -> Tally:
    """Add up by key what each owner (customer, or customer and key) did and did again."""
    unique, index, inverse = np.unique(owner, return_index=True, return_inverse=True)
    size = len(unique)
    made = np.bincount(inverse, minlength=size).astype(np.float64)
    looped = _count(inverse, again, size)
    returned = _count(inverse, back, size)
    came = (returned > 0).astype(np.float64)
    squares = (looped**2, looped * made, made**2)
    return Tally.of(key[index], made, np.ones(size), looped, returned, came, *squares)


def _count(owner: Integers, happened: Truths, size: int) -> Floats:
    return np.bincount(owner[happened], minlength=size).astype(np.float64)


def count_rework(log: Log, *, confidence: float = 0.95) -> pd.DataFrame:
    """Say how often customers come back to a stage, and how often from a later one.

    Args:
        log: The event log.
        confidence: Coverage of the intervals.

    Returns:
        One row per stage: ``stage, customers, visits, again`` (visits that are a return),
        ``loop_index`` (of all visits), ``loop_low, loop_high``, ``reworkers`` (customers who came
        back from a later stage) and, of the ``customers``, their share as ``value, low, high, n,
        unit, source``.
    """
    table = _frame_of(log)
    sums = table.rename(columns={"again": "count", "visits": "left"})
    loops = clustered_shares(sums.assign(left_customers=table["customers"]), confidence=confidence)
    shares = plain_shares(table["reworkers"], table["customers"], confidence=confidence)
    named = loops[["value", "low", "high"]].set_axis(
        ["loop_index", "loop_low", "loop_high"], axis=1
    )
    table = pd.concat([table, named, shares], axis=1)
    columns = ["stage", "customers", "visits", "again", "loop_index", "loop_low", "loop_high",
               "reworkers", "value", "low", "high", "n", "unit", "source"]  # fmt: skip
    return table[columns].astype(dict.fromkeys(columns[1:4], "int64"))


def _frame_of(log: Log) -> pd.DataFrame:
    found = summarise(summarise_rework, log.readable)
    return pd.DataFrame() if found is None else found.frame()


def count_switches(log: Log, *, confidence: float = 0.95) -> pd.DataFrame:
    """Say how often the next contact of a journey comes by another channel.

    Args:
        log: The event log.
        confidence: Coverage of the interval.

    Returns:
        One row, or none without two contacts in known channels: ``moves`` (between two contacts of
        one journey), ``switches`` (to another channel), ``customers, switchers``, and the share of
        moves as ``value, low, high, n, unit, source``.
    """
    found = summarise(summarise_rework, log.readable)
    sums = found.channels.sums if found is not None else np.zeros((0, 8))
    names = ["left", "left_customers", "count", "switches", "switchers", "square", "cross",
             "left_square"]  # fmt: skip
    table = pd.DataFrame(sums, columns=names)
    shares = clustered_shares(table, confidence=confidence)
    table = table.rename(columns={"left": "moves", "left_customers": "customers"})
    kept = table[["moves", "switches", "customers", "switchers"]].astype("int64")
    return pd.concat([kept, shares], axis=1)
