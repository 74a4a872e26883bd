"""What a customer had done until an event, and what they spent after it.

For the covariates of `association`: nothing here looks beyond the event but the money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Partition, Truths

MONTHS = 12
MONTH = int(365.25 / 12 * DAY)
SECOND = 1_000_000
# What is adjusted for: how much customers have to do with the client, and since when.
NUMBERS = ("contacts", "recent", "tenure", "since", "since_good", "spent", "orders", "day")
LEVELS = ("touchpoint", "channel")


def span_of(codes: Codes) -> int:
    """Seconds of a period and a little more, so that customer and second make one number."""
    return int((codes.end - codes.start) // SECOND) + 2


def describe_until(log: Partition, at: Integers, *, place: Integers, opens: Truths) -> pd.DataFrame:
    """Describe customers as they stood at some of their events.

    Args:
        log: The partition.
        at: Positions of the events.
        place: Number of each event among its customer's.
        opens: Whether each event is its customer's first.

    Returns:
        One row per entry of ``at``: ``contacts`` (log of events so far), ``recent`` (log of events
        in the 30 days up to it), ``tenure`` (log of days since the first), ``since`` (log of hours
        since the event before), ``since_good`` (log of days since the last purchase), ``spent``
        (log of money so far), ``orders`` (log of purchases so far), ``day`` (of the period),
        ``touchpoint``, ``channel``, and ``share:NAME`` for each channel (share of the events so
        far).
    """
    start = at - place[at]
    here = log.time[at]
    earlier = np.maximum(at - 1, start)
    key = _keys(log)
    month_ago = np.searchsorted(key, key[at] - 30 * 86_400, "left")
    bought = np.append(0, np.cumsum(log.is_good))
    money = np.append(0.0, np.cumsum(np.nan_to_num(log.value)))
    last_good = _last_good(log, opens)[at] if len(log) else at
    columns: dict[str, object] = {
        "contacts": np.log1p(place[at]),
        "recent": np.log1p(at - np.maximum(month_ago, start)),
        "tenure": np.log1p((here - log.time[start]) / DAY),
        "since": np.log1p((here - log.time[earlier]) / (DAY / 24)),
        "since_good": np.log1p((here - log.time[np.where(last_good >= 0, last_good, start)]) / DAY),
        "spent": np.log1p(np.maximum(money[at + 1] - money[start], 0)),
        "orders": np.log1p(bought[at + 1] - bought[start]),
        "day": (here - log.codes.start) / DAY,
        "touchpoint": log.touchpoint[at],
        "channel": log.channel[at],
    }
    for code, name in enumerate(log.codes.channels):
        seen = np.append(0, np.cumsum(log.channel == code))
        columns[f"share:{name}"] = (seen[at + 1] - seen[start]) / (at + 1 - start)
    return pd.DataFrame(columns)


def _last_good(log: Partition, opens: Truths) -> Integers:
    """Give each event's last purchase of its customer so far, itself included, or -1."""
    every = np.arange(len(log))
    opened = np.maximum.accumulate(np.where(opens, every, 0))
    good = np.maximum.accumulate(np.where(log.is_good, every, -1))
    return np.where(good >= opened, good, -1)


def _keys(log: Partition) -> Integers:
    """Put customer and second into one number that sorts like both."""
    return log.customer * span_of(log.codes) * 4 + (log.time - log.codes.start) // SECOND


def spend_after(log: Partition, at: Integers) -> pd.DataFrame:
    """Add up what was spent in each of the twelve months after some events.

    Args:
        log: The partition.
        at: Positions of the events; their own money is not counted.

    Returns:
        Columns ``spent_0`` to ``spent_11``, refunds taken off; missing where the period ends before
        the month does.
    """
    key = _keys(log)
    money = np.append(0.0, np.cumsum(np.nan_to_num(log.value)))
    columns: dict[str, Floats] = {}
    begin = at + 1
    for month in range(MONTHS):
        ends = key[at] + (month + 1) * MONTH // SECOND if len(log) else at
        stop = np.maximum(np.searchsorted(key, ends, "right"), begin)
        seen = log.time[at] + (month + 1) * MONTH <= log.codes.end
        columns[f"spent_{month}"] = np.where(seen, money[stop] - money[begin], np.nan)
        begin = stop
    return pd.DataFrame(columns)
