"""What customers' behaviour says of how it felt: who came back within a week, who never came again.

A line of its own: behaviour can only tell strain, from 0 down to -1, and it never enters the mean
of what customers said. One pass over a partition; summaries add up. Not for what a strain costs;
`exposures` and `pains` compare outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY, decode, first_of, last_of
from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Part

REPEAT_DAYS, OPEN_DAYS = 7, 30
REPEATED, ABANDONED = "came back within 7 days", "not seen again"


@dataclass(frozen=True, slots=True)
class Strains:
    """Customers by touchpoint: followed for a week, back within it; seen in time, never again."""

    codes: Codes
    followed: Integers
    back: Integers
    seen: Integers
    gone: Integers

    def __add__(self, other: Strains) -> Strains:
        return Strains(
            self.codes, self.followed + other.followed, self.back + other.back,
            self.seen + other.seen, self.gone + other.gone,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """One row per touchpoint and signal that says something there: ``hits, n``."""
        codes = self.codes
        every = np.arange(len(codes.touchpoints))
        deciding = np.isin(every, [*codes.good, *codes.bad, *codes.aside])
        late = np.array(codes.timing, dtype=object) == "post_purchase"
        parts = []
        for signal, hits, n, says in (
            (REPEATED, self.back, self.followed, late & ~deciding),
            (ABANDONED, self.gone, self.seen, ~late & ~deciding),
        ):
            met = np.flatnonzero(says & (n > 0))
            stages = np.array(codes.stage_of, dtype=np.int64)[met]
            own = {"touchpoint": decode(codes.touchpoints, met), "signal": signal}
            stage = decode([*codes.stages, "unmapped"], stages)
            parts.append(pd.DataFrame({**own, "stage": stage, "hits": hits[met], "n": n[met]}))
        return pd.concat(parts, ignore_index=True)


def summarise_strains(part: Part) -> Strains:
    """Follow each customer's first visit to a touchpoint for a week, and their last one."""
    log = part.load()
    size = len(log.codes.touchpoints)
    order = np.lexsort((np.arange(len(log)), log.touchpoint, log.customer))
    key = log.customer[order] * max(1, size) + log.touchpoint[order]
    opens, closes = first_of(key), last_of(key)
    first = order[opens]
    follows = np.append(~opens[1:], False)[opens] if len(order) else opens
    again = np.append(order[1:], 0)[opens] if len(order) else order
    back = follows & (log.time[again] - log.time[first] <= REPEAT_DAYS * DAY)
    known = log.time[first] < log.codes.end - REPEAT_DAYS * DAY
    last = order[closes]
    last = last[log.time[last] < log.codes.end - OPEN_DAYS * DAY]
    gone = last_of(log.customer)[last] if len(log) else last
    return Strains(
        log.codes,
        np.bincount(log.touchpoint[first[known]], minlength=size),
        np.bincount(log.touchpoint[first[known & back]], minlength=size),
        np.bincount(log.touchpoint[last], minlength=size),
        np.bincount(log.touchpoint[last[gone.astype(bool)]], minlength=size),
    )


def measure_strains(log: Log, *, confidence: float = 0.95) -> pd.DataFrame:
    """Measure what behaviour says of each touchpoint.

    Args:
        log: The event log.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``touchpoint, stage, signal, share, value, low, high, n, unit, source``, most
        strained first. *Came back within 7 days* (after the purchase): share of customers who met
        the touchpoint again within a week of the first time, of those whose week is on record.
        *Not seen again* (up to the purchase): share whose last visit there, 30 days or more before
        the end, was their last event of all. ``value`` is the share, turned: 0 is nobody, -1 is
        everybody. Touchpoints that decide, end or measure the outcome have no row.
    """
    summary = summarise(summarise_strains, log.readable)
    columns = ["touchpoint", "signal", "stage", "hits", "n"]
    table = pd.DataFrame(columns=columns) if summary is None else summary.frame()
    shares = plain_shares(table["hits"], table["n"], confidence=confidence)
    shares = shares.assign(
        share=shares["value"],
        value=0 - shares["value"],
        low=0 - shares["high"],
        high=0 - shares["low"],
        unit="sentiment",
    )
    found = pd.concat([table[["touchpoint", "stage", "signal"]], shares], axis=1)
    return found.sort_values(["value", "touchpoint"], ignore_index=True)
