"""Customers by the month of their first activity, and how many come back in each month after it.

Months that the data does not reach are absent, never zero; months it covers in part are marked.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import first_of
from journeylib.ratios import plain_shares
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Part

CUT_DAYS = 2
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Customers by month of first activity and month of activity (key = first × months + month)."""

    months: int
    cells: Tally

    def __add__(self, other: Cohorts) -> Cohorts:
        return Cohorts(self.months, self.cells + other.cells)

    def frame(self) -> pd.DataFrame:
        """One row per pair of months: ``first, month`` (numbered from 0) and ``active``."""
        size = max(1, self.months)
        key, active = self.cells.key, self.cells.sums[:, 0].astype(np.int64)
        return pd.DataFrame({"first": key // size, "month": key % size, "active": active})


def summarise_cohorts(part: Part, *, bounds: Integers, orders: bool) -> Cohorts:
    """Count active customers by month of first activity, in one partition.

    Args:
        part: A partition.
        bounds: First microsecond of each month, and of the one after the last.
        orders: Whether only orders or conversions are activity.
    """
    log = part.load()
    kept = log.is_good & ~(log.value < 0) if orders else np.ones(len(log), dtype=bool)
    months = len(bounds) - 1
    month = np.searchsorted(bounds, log.time[kept], side="right") - 1
    pairs = np.unique(log.customer[kept] * max(1, months) + month)
    customer, active = pairs // max(1, months), pairs % max(1, months)
    opens = first_of(customer)
    first = active[opens][np.cumsum(opens) - 1] if len(pairs) else active
    return Cohorts(months, Tally.of(first * max(1, months) + active, np.ones(len(pairs))))


def count_cohorts(log: Log, *, zone: str, confidence: float = 0.95) -> pd.DataFrame:
    """Say how many customers of each month come back in the months after it.

    Args:
        log: The event log.
        zone: Time zone of the client, in which months begin.
        confidence: Coverage of the intervals.

    Returns:
        One row per ``cohort`` (YYYY-MM of a customer's first order, or first event where the
        outcome is no purchase) and ``age`` (months since): ``customers`` of the cohort, ``active``,
        ``value, low, high, n, unit, source`` of their share, and ``partial``, whether the data
        covers that month only in part. At most the last 60 months. Months after the end of the
        data have no row. Whoever was a customer before the data begins is new in its first month.
    """
    months, bounds = _months_of(log.codes, zone)
    orders = log.codes.outcome == "repeat_purchase" and bool(log.codes.good)
    pass_over = functools.partial(summarise_cohorts, bounds=bounds, orders=orders)
    found = summarise(pass_over, log.readable)
    active = found.frame() if found is not None else pd.DataFrame()
    sizes = active[active["first"] == active["month"]].set_index("first")["active"]
    pairs = [(first, month) for first in sizes.index for month in range(first, len(months))]
    table = pd.DataFrame(pairs, columns=["first", "month"], dtype="int64")
    table = table.merge(active, on=["first", "month"], how="left").fillna({"active": 0})
    table["customers"] = table["first"].map(sizes)
    table = table.astype({"customers": "int64", "active": "int64"})
    table["cohort"] = pd.Series([months[at] for at in table["first"]], dtype="str")
    table["age"] = table["month"] - table["first"]
    table["partial"] = table["month"].isin(_cut_months(log.codes, bounds))
    shares = plain_shares(table["active"], table["customers"], confidence=confidence)
    columns = ["cohort", "age", "customers", "active", "partial"]
    return pd.concat([table[columns], shares], axis=1)


def _months_of(codes: Codes, zone: str) -> tuple[list[str], Integers]:
    """Name the months of the period and give the microseconds at which they begin."""
    if not codes.touchpoints or codes.end <= codes.start:
        return [], np.zeros(1, dtype=np.int64)
    first, last = (
        pd.Timestamp(at, unit="us", tz="UTC").tz_convert(zone).tz_localize(None)
        for at in (codes.start, codes.end - 1)
    )
    months = pd.period_range(first, last, freq="M")
    edges = [*months, months[-1] + 1]
    local = pd.DatetimeIndex([edge.start_time for edge in edges])
    exact = local.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
    bounds = exact.as_unit("us").asi8.astype(np.int64)
    return [str(month) for month in months], bounds


def _cut_months(codes: Codes, bounds: Integers) -> list[int]:
    """Number the months at both ends of which more than two days lie outside the period."""
    if len(bounds) < 2:
        return []
    slack = CUT_DAYS * 86_400_000_000
    starts = [0] if codes.start > bounds[0] + slack else []
    last = len(bounds) - 2
    return starts + ([last] if codes.end < bounds[-1] - slack else [])
