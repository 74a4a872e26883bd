"""How long customers stay, where the client knows since when they came and whether they left.

Kaplan-Meier with the customers who are still there as censored. Not for customers without a
contract, of whom nobody knows whether they left; `loyalty` has a rule for those.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from journeylib.durations import (
    SURVIVAL,
    blur_shares,
    compare_survival,
    trace_survival,
    typical_times,
)
from journeylib.log import DAY

DAYS_IN_MONTH = 365.25 / 12
MOST_GROUPS = 8
FEWEST = 30
POINTS = 73
RESERVED = ("customer", "tenure", "tenure_unit", "churned", "churned_at", "signup", "name")


def measure_tenure(attributes: pd.DataFrame, *, end: int = 0) -> pd.DataFrame:
    """Say how long each customer has been one, and whether they left.

    Args:
        attributes: What the customers table says, one row per customer: ``customer`` and either
            ``tenure`` (days) and ``churned``, or ``signup`` and ``churned_at``.
        end: Microsecond after the last that is known, for customers who have not left.

    Returns:
        The rows whose times are known, with ``months`` and ``ended``; empty where the client does
        not know them. Customers of no time at all are left out: nothing could happen to them.
    """
    if {"tenure", "churned"} <= set(attributes):
        known = attributes.dropna(subset=["tenure", "churned"])
        months = known["tenure"].astype(float) / DAYS_IN_MONTH
        found = known.assign(months=months, ended=known["churned"].astype(bool))
    elif {"signup", "churned_at"} <= set(attributes) and end:
        known = attributes.dropna(subset=["signup"])
        last = pd.to_datetime(end, unit="us", utc=True)
        left = known["churned_at"].notna() & (known["churned_at"] <= last)
        until = known["churned_at"].where(left, last)
        days = (until - known["signup"]).dt.total_seconds() * 1e6 / DAY
        found = known.assign(months=days / DAYS_IN_MONTH, ended=left)
    else:
        found = attributes.head(0).assign(months=np.zeros(0), ended=np.zeros(0, dtype=bool))
    return found[found["months"] > 0].reset_index(drop=True)


def trace_tenure(
    tenures: pd.DataFrame, *, by: str = "", fewest: int = 1, confidence: float = 0.95
) -> pd.DataFrame:
    """Draw out the share of customers who are still there, month by month.

    Args:
        tenures: From `measure_tenure`.
        by: Attribute whose levels get a curve each; empty for one curve of all.
        fewest: Fewest customers that a point of a curve may set apart; see ``blur_shares``.
        confidence: Coverage of the interval at each single month.

    Returns:
        Columns ``group, months, value, low, high, n, customers``; ``n`` customers had been there
        for so long. Curves end where fewer than 30 are left.
    """
    parts = []
    groups = tenures.groupby(by, sort=True) if by else [("all", tenures)]
    for group, own in groups:
        if len(own) < FEWEST:
            continue
        lasted = np.sort(own["months"].to_numpy(float))
        at = np.linspace(0, float(lasted[-FEWEST]), POINTS)
        gone = trace_survival(own["months"], own["ended"]).at(at, confidence=confidence)
        watched = len(own) - np.searchsorted(lasted, at - 1e-9)
        rows = {"value": 1 - gone["value"], "low": 1 - gone["high"], "high": 1 - gone["low"]}
        table = pd.DataFrame({**rows, "months": at, "n": watched, "customers": len(own)})
        parts.append(blur_shares(table.assign(group=str(group)), fewest))
    columns = ["group", "months", "value", "low", "high", "n", "customers"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def read_tenure(
    tenures: pd.DataFrame, *, months: tuple[float, ...] = (12, 24, 36), confidence: float = 0.95
) -> pd.DataFrame:
    """Read the share of customers still there after whole years, with those at risk.

    Args:
        tenures: From `measure_tenure`.
        months: Months at which to read it.
        confidence: Coverage of the intervals.

    Returns:
        One row per month that 30 customers reached: ``months, value, low, high, n, unit, source``.
    """
    lasted = np.sort(tenures["months"].to_numpy(float))
    watched = len(lasted) - np.searchsorted(lasted, np.array(months, float) - 1e-9)
    gone = trace_survival(tenures["months"], tenures["ended"]).at(months, confidence=confidence)
    table = pd.DataFrame({"months": months, "value": 1 - gone["value"], "low": 1 - gone["high"]})
    table = table.assign(high=1 - gone["low"], n=watched, unit="share", source=SURVIVAL)
    return table[table["n"] >= FEWEST].reset_index(drop=True)


def measure_stays(tenures: pd.DataFrame, *, by: str = "", confidence: float = 0.95) -> pd.DataFrame:
    """Say how long customers typically stay, all of them and by one attribute.

    Args:
        tenures: From `measure_tenure`.
        by: Attribute whose levels of 30 customers or more get a row each; empty for all alone.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``group, customers, ended, value, low, high, n, unit, source, measure``, in months:
        the Kaplan-Meier median or, where fewer than half have left, the mean within a window for
        which all such groups were watched.
    """
    groups = [("all", tenures)]
    if by:
        groups += [(str(name), own) for name, own in tenures.groupby(by, sort=True)]
    groups = [(name, own) for name, own in groups if len(own) >= FEWEST]
    ends = [(own["months"], own["ended"]) for _, own in groups]
    table = typical_times(ends, longest=np.inf, unit="months", confidence=confidence)
    table["group"] = pd.Series([name for name, _ in groups], dtype="str")
    table["customers"] = [len(own) for _, own in groups]
    table["ended"] = [int(own["ended"].sum()) for _, own in groups]
    columns = ["group", "customers", "ended", "value", "low", "high", "n", "unit", "source",
               "measure"]  # fmt: skip
    return table[columns]


def compare_tenures(tenures: pd.DataFrame) -> pd.DataFrame:
    """Find the attributes by which customers differ in how long they stay.

    Args:
        tenures: From `measure_tenure`; attributes of two to eight levels with 30 customers or more
            each are compared.

    Returns:
        One row per attribute, the clearest first: ``attribute, groups, customers, chi_square``
        (log-rank), ``freedom`` and ``p_adjusted`` (Holm). It goes with staying; what makes
        customers stay is not shown.
    """
    rows = []
    for name in tenures.columns.difference([*RESERVED, "months", "ended"]):
        level = tenures[name]
        counts = level.value_counts()
        kept = level.isin(counts.index[counts >= FEWEST])
        if len(counts) <= MOST_GROUPS and (counts >= FEWEST).sum() > 1:
            own = tenures[kept]
            found = compare_survival(own["months"], own["ended"], own[name].astype("str"))
            rows.append((str(name), own[name].nunique(), len(own), *found))
    columns = ["attribute", "groups", "customers", "chi_square", "freedom", "p"]
    table = pd.DataFrame(rows, columns=columns).dropna(subset=["p"])
    table = table.sort_values(["p", "chi_square"], ascending=[True, False], ignore_index=True)
    steps = table["p"] * (len(table) - np.arange(len(table)))
    table["p_adjusted"] = steps.cummax().clip(upper=1.0)
    return table.drop(columns="p")


def find_divide(compared: pd.DataFrame) -> str:
    """Name the attribute by which customers differ most, or nothing where none does.

    Args:
        compared: From `compare_tenures`.
    """
    sure = compared[compared["p_adjusted"] < 0.05] if len(compared) else compared
    return str(sure["attribute"].iloc[0]) if len(sure) else ""
