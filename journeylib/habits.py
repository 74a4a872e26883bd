"""What each customer does again and again: the rhythm of returning, and which sources speak of it.

One pass over a partition; summaries add up. For the rest of what a customer did see `summaries`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY, Log, first_of

if TYPE_CHECKING:
    from journeylib.log import Integers, Part


@dataclass(frozen=True, slots=True)
class Habits:
    """One row per customer; columns as in ``frame``."""

    rows: pd.DataFrame

    def __add__(self, other: Habits) -> Habits:
        return Habits(pd.concat([self.rows, other.rows], ignore_index=True))

    def frame(self) -> pd.DataFrame:
        """One row per customer.

        Columns ``customer``, ``gaps`` (how often they came back on another day: to order where
        there are orders, else at all), ``gap_mean`` and ``gap_spread`` (days; standard deviation),
        ``source:NAME`` (events of each source).
        """
        return self.rows


def summarise_habits(part: Part) -> Habits:
    """Measure the rhythm of each customer's returns and count events by source."""
    log = part.load()
    starts = np.flatnonzero(first_of(log.customer))
    group = np.cumsum(first_of(log.customer)) - 1
    size = len(starts)
    returns = log.is_good & ~(log.value < 0) if part.codes.good else np.ones(len(log), dtype=bool)
    columns = {"customer": log.customer[starts], **_gaps(log.time[returns], group[returns], size)}
    for code, name in enumerate(log.codes.sources):
        columns[f"source:{name}"] = np.bincount(group[log.source == code], minlength=size)
    return Habits(pd.DataFrame(columns))


def _gaps(time: Integers, group: Integers, size: int) -> dict[str, object]:
    """Describe the gaps in days between the days on which each customer came back."""
    fresh = np.ones(len(time), dtype=bool)
    fresh[1:] = (np.diff(group) != 0) | (np.diff(time // DAY) != 0)
    time, group = time[fresh], group[fresh]
    inside = np.flatnonzero(~first_of(group)) if len(group) else np.array([], dtype=np.int64)
    days, owner = (time[inside] - time[inside - 1]) / DAY, group[inside]
    count = np.bincount(owner, minlength=size)
    total, square = (np.bincount(owner, weights=w, minlength=size) for w in (days, days**2))
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    few = np.maximum(count - 1, 1)
    variance = np.maximum(square - count * np.nan_to_num(mean) ** 2, 0) / few
    spread = np.where(count > 1, np.sqrt(variance), np.nan)
    return {"gaps": count, "gap_mean": mean, "gap_spread": spread}


def describe_habits(log: Log) -> pd.DataFrame:
    """Measure the rhythm of each customer of a log.

    Args:
        log: The event log.

    Returns:
        Columns of ``Habits.frame``, one row per customer with events.
    """
    found = summarise(summarise_habits, log.readable)
    return pd.DataFrame() if found is None else found.frame()


def clip_log(log: Log, *, start: int, end: int) -> Log:
    """Look at a shorter time of a log.

    Args:
        log: The event log.
        start: First microsecond.
        end: First microsecond after it.

    Returns:
        The same log; its period is what lies within both.
    """
    codes = log.codes
    inner = replace(codes, start=max(start, codes.start), end=min(end, codes.end))
    return Log(log.folder, inner)
