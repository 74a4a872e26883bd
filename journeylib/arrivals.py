"""When and how customers came: the month and the channel of their first event in the whole log.

The log may reach back before the period. Who was a customer before the log begins cannot be dated:
such customers stand in its first month, which is named so. Not for whether they came back; see
`cohorts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import Log, first_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeylib.log import Part

ARRIVAL_COLUMNS = ["customer", "first", "channel"]
GROUP_COLUMNS = ["customer", "segment", "by"]
CHANNEL, JOINED, PERSONA, STAGE, EVERYONE = "channel", "joined", "persona", "stage", "all"
MOST_MONTHS = 24
MOST_CHANNELS = 12
OTHERS = "other channels"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """First events of the customers of each partition."""

    parts: tuple[pd.DataFrame, ...]

    def __add__(self, other: Arrivals) -> Arrivals:
        return Arrivals(self.parts + other.parts)


def reach_back(log: Log) -> Log:
    """Look at a log from its very first event to the end of the period."""
    return Log(log.folder, replace(log.codes, start=np.iinfo(np.int64).min))


def describe_arrivals(log: Log) -> pd.DataFrame:
    """Say when and by which channel each customer was first seen, before the period too.

    Args:
        log: The event log.

    Returns:
        Columns ``customer``, ``first`` (microsecond) and ``channel`` (of the earliest event that
        has one; empty where none has).
    """
    found = summarise(_arrivals, reach_back(log).readable)
    empty = pd.DataFrame(columns=ARRIVAL_COLUMNS)
    return empty if found is None else pd.concat(found.parts, ignore_index=True)


def _arrivals(part: Part) -> Arrivals:
    log = part.load()
    names = np.array([*log.codes.channels, ""], dtype=object)
    opens = first_of(log.customer)
    told = np.flatnonzero(np.isin(log.channel, np.flatnonzero(names != "")))
    first_told = told[first_of(log.customer[told])]
    channel = pd.Series(names[log.channel[first_told]], index=log.customer[first_told])
    customer = log.customer[opens]
    table = pd.DataFrame({"customer": customer, "first": log.time[opens]})
    table["channel"] = channel.reindex(customer).fillna("").to_numpy(dtype=object)
    return Arrivals((table,))


def group_arrivals(arrivals: pd.DataFrame, *, zone: str, taken: Iterable[str] = ()) -> pd.DataFrame:
    """Sort customers by the channel they came by, and by the month in which they came.

    Args:
        arrivals: From `describe_arrivals`.
        zone: Time zone of the client, in which months begin.
        taken: Names of other segments; a channel of such a name is told apart from them.

    Returns:
        Columns ``customer, segment, by``: ``by`` is ``channel`` or ``joined``. Beyond twelve
        channels the rarest share one name; months before the last 24 share one, and so do those
        who were there when the log begins. One channel or one month alone is no segment.
    """
    parts = [_by_channel(arrivals, set(taken)), _by_month(arrivals, zone)]
    kept = [part for part in parts if len(part["segment"].unique()) > 1]
    if not kept:
        return pd.DataFrame(columns=GROUP_COLUMNS)
    return pd.concat(kept, ignore_index=True)[GROUP_COLUMNS]


def _by_channel(arrivals: pd.DataFrame, taken: set[str]) -> pd.DataFrame:
    known = arrivals[arrivals["channel"].astype("str") != ""]
    counts = known["channel"].value_counts()
    common = set(counts.index[:MOST_CHANNELS])
    names = known["channel"].where(known["channel"].isin(common), OTHERS).astype("str")
    clash = names.isin({*taken, EVERYONE})
    names = names.mask(clash, "channel " + names)
    return known[["customer"]].assign(segment=names, by=CHANNEL)


def _by_month(arrivals: pd.DataFrame, zone: str) -> pd.DataFrame:
    if arrivals.empty:
        return pd.DataFrame(columns=GROUP_COLUMNS)
    moment = pd.to_datetime(arrivals["first"], unit="us", utc=True).dt.tz_convert(zone)
    months = moment.dt.tz_localize(None).dt.to_period("M")
    every = sorted(months.unique())
    # Who was there when the log begins may have come long before.
    oldest = every[max(0, len(every) - MOST_MONTHS)]
    names = "joined " + months.astype("str")
    names = names.mask(months <= oldest, f"joined {oldest} or before")
    return arrivals[["customer"]].assign(segment=names, by=JOINED)
