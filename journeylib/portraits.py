"""What each persona meets on its way: touchpoints in their usual order, and channels.

Counts of customers, never of events. Not for what sets a persona apart in its features; see
`traits`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import decode, first_of
from journeylib.ratios import clustered_shares, plain_shares

if TYPE_CHECKING:
    from journeylib.log import Codes, Floats, Integers, Log, Part

LONGEST_WAY = 6
OFTEN = 0.25


@dataclass(frozen=True, slots=True)
class Visits:
    """Customers by persona and touchpoint, and when on their way they first met it.

    ``customers`` and ``places`` (sums of 0 at the start to 1 at the end of what a customer met)
    have a row per persona and a column per touchpoint.
    """

    codes: Codes
    customers: Integers
    places: Floats

    def __add__(self, other: Visits) -> Visits:
        return Visits(self.codes, self.customers + other.customers, self.places + other.places)

    def frame(self) -> pd.DataFrame:
        """One row per persona (a number) and touchpoint: ``customers``, ``place`` (0 to 1)."""
        persona, touchpoint = np.nonzero(self.customers)
        met = self.customers[persona, touchpoint]
        return pd.DataFrame(
            {
                "number": persona,
                "touchpoint": decode(self.codes.touchpoints, touchpoint),
                "aside": np.isin(touchpoint, self.codes.aside),
                "customers": met,
                "place": self.places[persona, touchpoint] / met,
            }
        )


def summarise_visits(part: Part, personas: Integers) -> Visits:
    """Count who met which touchpoint, and where on their way.

    Args:
        part: The partition.
        personas: Number of the persona by customer code; -1 without one.
    """
    log = part.load()
    size, groups = max(1, len(log.codes.touchpoints)), int(personas.max(initial=-1)) + 1
    known = np.flatnonzero(personas[log.customer] >= 0)
    customer, touchpoint = log.customer[known], log.touchpoint[known]
    order = np.lexsort((np.arange(len(known)), touchpoint, customer))
    met = np.sort(order[first_of(customer[order] * size + touchpoint[order])])
    customer, touchpoint = customer[met], touchpoint[met]
    starts = np.flatnonzero(first_of(customer))
    lengths = np.diff(np.append(starts, len(customer)))
    rank = np.arange(len(customer)) - np.repeat(starts, lengths)
    place = (rank + 0.5) / np.repeat(lengths, lengths)
    key = personas[customer] * size + touchpoint
    shape = (groups, size)
    customers = np.bincount(key, minlength=groups * size).reshape(shape)
    places = _total(key, place, groups * size).reshape(shape)
    return Visits(log.codes, customers, places)


def _total(key: Integers, amounts: Floats, size: int) -> Floats:
    return np.bincount(key, weights=amounts, minlength=size).astype(np.float64)


def describe_visits(log: Log, personas: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Say which touchpoints each persona meets, and where on its way.

    Args:
        log: The event log.
        personas: Columns ``customer`` and ``persona``; may be empty.
        confidence: Coverage of the intervals.

    Returns:
        One row per persona and touchpoint: ``persona, touchpoint, aside`` (whether it measures or
        undoes the outcome), ``customers, place`` (0 first to 1 last of what a customer met),
        ``everyone`` (share of all customers with a persona who met it), and the six columns of an
        estimate: the share of the persona's customers who met it.
    """
    if personas.empty:
        return pd.DataFrame(
            columns=[
                "persona",
                "touchpoint",
                "aside",
                "customers",
                "place",
                "everyone",
                "value",
                "low",
                "high",
                "n",
                "unit",
                "source",
            ]
        )
    names, number = np.unique(personas["persona"].astype("str"), return_inverse=True)
    of = np.full(max(log.codes.customers, int(personas["customer"].max()) + 1), -1)
    of[personas["customer"].to_numpy(int)] = number
    found = summarise(functools.partial(summarise_visits, personas=of), log.readable)
    table = found.frame() if found is not None else pd.DataFrame()
    sizes = np.bincount(number, minlength=len(names))
    own = sizes[table["number"].to_numpy()]
    met = table.groupby("touchpoint")["customers"].transform("sum")
    shares = plain_shares(table["customers"], own, confidence=confidence)
    table = table.assign(persona=names[table["number"]], everyone=met / len(personas))
    return pd.concat([table.drop(columns="number"), shares], axis=1)


def choose_way(visits: pd.DataFrame, *, most: int = LONGEST_WAY) -> pd.DataFrame:
    """Choose the touchpoints that stand for a persona's usual way.

    Args:
        visits: Rows of one persona, from ``describe_visits``.
        most: How many touchpoints to name.

    Returns:
        The touchpoints that most of its customers meet, a quarter of them at least, in the order in
        which they usually meet them first.
    """
    usual = visits[~visits["aside"].astype(bool) & (visits["value"] >= OFTEN)]
    often = usual.sort_values(["value", "touchpoint"], ascending=[False, True]).head(most)
    return often.sort_values(["place", "touchpoint"], ignore_index=True)


def describe_channels(
    customers: pd.DataFrame, personas: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Say through which channels each persona comes.

    Args:
        customers: From ``journeys.describe_customers``.
        personas: Columns ``customer`` and ``persona``; may be empty.
        confidence: Coverage of the intervals.

    Returns:
        One row per persona and channel met: ``persona, channel, customers`` (who used it),
        ``everyone`` (share of all their events) and the six columns of an estimate: the share of
        the persona's events with a channel, with the customer as the unit.
    """
    columns = [str(c) for c in customers if str(c).startswith("channel:") and c != "channel:"]
    empty = pd.DataFrame(columns=["persona", "channel", "customers", "everyone", "value", "low",
                                  "high", "n", "unit", "source"])  # fmt: skip
    if personas.empty or not columns:
        return empty
    joined = customers.merge(personas, on="customer", validate="1:1")
    joined = joined[joined[columns].sum(axis=1) > 0]
    totals = joined[columns].sum()
    parts = [_sums(str(name), own[columns]) for name, own in joined.groupby("persona", sort=True)]
    table = pd.concat(parts, ignore_index=True)
    shares = clustered_shares(table, confidence=confidence)
    table = table.assign(everyone=table["channel"].map(totals / totals.sum()))
    table["channel"] = table["channel"].str.removeprefix("channel:")
    table = pd.concat([table[["persona", "channel", "customers", "everyone"]], shares], axis=1)
    table = table[table["customers"] > 0]
    return table.sort_values(["persona", "value"], ascending=[True, False], ignore_index=True)


def _sums(persona: str, events: pd.DataFrame) -> pd.DataFrame:
    counts = events.to_numpy(float)
    every = counts.sum(axis=1)
    return pd.DataFrame(
        {
            "persona": persona,
            "channel": list(events.columns),
            "customers": (counts > 0).sum(axis=0),
            "count": counts.sum(axis=0),
            "left": every.sum(),
            "square": (counts**2).sum(axis=0),
            "cross": counts.T @ every,
            "left_square": (every**2).sum(),
            "left_customers": len(counts),
        }
    )
