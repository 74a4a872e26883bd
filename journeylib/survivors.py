"""Whether the data holds only those who stayed, or only those who spoke.

A customers table drawn up today lists today's customers: those who left before are not in it, and
whoever is, had to stay. Retention measured on such a table is too high.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import fetch_row
from journeylib.expressions import quote_name
from journeylib.findings import PASS, WARN, Finding, passed
from journeylib.log import DAY
from journeylib.raw import table_columns

if TYPE_CHECKING:
    from journeylib.census import Census
    from journeylib.sources import SourceTable

EXPECTED_LEAVERS = 9.0  # leavers that should be there and are not; by chance once in 8,000
FEWEST_LEAVERS, FEWEST_CUSTOMERS = 20, 50
LONGEST_SILENCE = 0.1  # of the period; where nobody is silent for longer, the silent were removed
EARLY_HALF, EARLIEST = 0.5, 0.02
MOST_UNLINKED, FEWEST_UNLINKED = 0.10, 10
_SPOKEN = {"surveys", "feedback"}


def check_survivors(census: Census) -> list[Finding]:
    """Look for customers tables from which everybody who left before some day is missing."""
    found = []
    for source in census.sources:
        if source.kind == "customers":
            finding = _survivors_of(census, source)
            if finding is not None:
                found.append(finding)
    if found:
        return found
    listed = any(source.kind == "customers" for source in census.sources)
    text = "No customers table seems to list only those who stayed."
    return [passed("survivorship", text if listed else "There is no customers table to judge.")]


def _survivors_of(census: Census, source: SourceTable) -> Finding | None:
    has = table_columns(census.con, source.table)
    declared = (
        "observed_from" in has
        and fetch_row(census.con, f"SELECT count(observed_from) FROM {quote_name(source.table)}")[0]
    )
    told = ""
    if {"signup", "churned_at"} <= set(has):
        told = _no_early_leavers(census, source)
    elif "churned" in has:
        told = _no_leavers(census, source)
    else:
        told = _nobody_silent(census, source)
    if not told:
        return None
    rows = source.rows_used
    if declared:
        text = f"{told} `observed_from` says since when each record can be trusted."
        return Finding("survivorship", source.name, PASS, rows, text)
    return Finding("survivorship", source.name, WARN, rows, told, _SURVIVED)


_SURVIVED = (
    "Whoever left earlier is missing, so retention is too high: export former customers too, or "
    "map `observed_from`, the day since when each record can be trusted."
)


def _no_early_leavers(census: Census, source: SourceTable) -> str:
    """Compare the day of the first leaver with the leavers that were to be expected before it."""
    rows = census.con.execute(
        f"SELECT signup, churned_at FROM {quote_name(source.table)} WHERE signup IS NOT NULL"
    ).df()
    joined = rows["signup"].to_numpy(dtype=float) / DAY
    left = rows["churned_at"].to_numpy(dtype=float, na_value=np.nan) / DAY
    end = max(census.codes.end / DAY, float(np.nanmax(left)) if (~np.isnan(left)).any() else 0.0)
    expected = expect_early_leavers(joined, left, end=end)
    if expected < EXPECTED_LEAVERS:
        return ""
    first = pd.Timestamp(int(np.nanmin(left) * DAY), unit="us", tz="UTC").tz_convert(census.zone)
    early = int((joined < np.nanmin(left)).sum())
    return (
        f"Nobody left before {first:%Y-%m-%d}, though {early:,} customers had joined by then and, "
        f"at the later pace, about {expected:,.0f} of them should have."
    )


def expect_early_leavers(joined: np.ndarray, left: np.ndarray, *, end: float) -> float:
    """Say how many customers should have left before the first one who did.

    At a constant rate the time at risk before the first leaver, times the rate, is exponential
    with mean 1, so a value of 9 comes by chance once in 8,000 tables. Time before the shortest
    memberships end counts on neither side, since contracts may bind.

    Args:
        joined: Day of joining.
        left: Day of leaving, NaN for those who stayed.
        end: Last day observed.

    Returns:
        Expected leavers before the first; 0 where there are too few to say.

    References:
        Lawless, Statistical Models and Methods for Lifetime Data (2003), section 3.5 (left
        truncation) and 4.1 (exponential waiting times).
    """
    known = ~np.isnan(left) & (left >= joined)
    if known.sum() < FEWEST_LEAVERS:
        return 0.0
    bound = float(np.quantile((left - joined)[known], 0.05))
    start, first = joined + bound, float(left[known].min())
    stop = np.where(known, left, end)
    before = np.clip(np.minimum(stop, first) - start, 0.0, None).sum()
    after = np.clip(stop - np.maximum(start, first), 0.0, None).sum()
    if after <= 0:
        return 0.0
    return float(known.sum() / after * before)


def _no_leavers(census: Census, source: SourceTable) -> str:
    known, left = fetch_row(
        census.con,
        f"SELECT count(churned), count(*) FILTER (churned) FROM {quote_name(source.table)}",
    )
    if known >= FEWEST_CUSTOMERS and not left:
        return f"None of {known:,} customers has left, by the column `churned`."
    return ""


def _nobody_silent(census: Census, source: SourceTable) -> str:
    """Ask whether early customers were all seen again close to the end, as no business manages."""
    others = [str(index) for index, one in enumerate(census.sources) if one.kind != "customers"]
    if not others:
        return ""
    codes = census.codes
    seen = census.con.execute(
        "SELECT min(ev.timestamp) AS first, max(ev.timestamp) AS last, "
        "bool_or(m.code IS NOT NULL) AS listed FROM ev JOIN customer_codes c USING (customer_id) "
        f"LEFT JOIN (SELECT DISTINCT k.code FROM {quote_name(source.table)} "
        "JOIN customer_codes k USING (customer_id)) m "
        f"ON m.code = c.code WHERE ev.source IN ({', '.join(others)}) "
        f"AND ev.timestamp >= {codes.start} AND ev.timestamp < {codes.end} GROUP BY c.code"
    ).df()
    span = codes.end - codes.start
    early = seen[seen["listed"] & (seen["first"] < codes.start + EARLY_HALF * span)]
    if len(early) < FEWEST_CUSTOMERS:
        return ""
    silent = (codes.end - float(early["last"].quantile(EARLIEST))) / span
    if silent >= LONGEST_SILENCE:
        return ""
    return (
        f"Of {len(early):,} customers seen in the first half of the period, all but "
        f"{EARLIEST:.0%} were seen again in its last {silent * span / DAY:.0f} days."
    )


# ---------------------------------------------------------------- only those who spoke


def check_unlinked(census: Census) -> list[Finding]:
    """Look for customers whom only surveys or feedback know, and sources that share nobody."""
    found = []
    ids = {
        source.name: index
        for index, source in enumerate(census.sources)
        if source.kind not in {"experiments", "measurements"}
        and "customer_id" in table_columns(census.con, source.table)
    }
    for name, index in ids.items() if len(ids) > 1 else ():
        source = census.sources[index]
        every, alone = _count_alone(census, index, [one for one in ids.values() if one != index])
        if every >= FEWEST_UNLINKED and alone == every:
            text = f"None of its {every:,} customers is in any other source."
            then = "Nothing it holds can be joined to a journey: are its ids of another system?"
            found.append(Finding("unlinked", name, WARN, source.rows_used, text, then))
        elif source.kind in _SPOKEN and alone > max(MOST_UNLINKED * every, FEWEST_UNLINKED):
            share = f"{alone:,} of its {every:,} customers ({alone / every:.0%})"
            text = f"{share} are in no other source."
            then = "What they say counts in the scores but belongs to no touchpoint they met."
            found.append(Finding("unlinked", name, WARN, alone, text, then))
    text = "Those who answer surveys or write reviews are known from other sources too."
    return found or [passed("unlinked", text)]


def _count_alone(census: Census, index: int, others: list[int]) -> tuple[int, int]:
    def customers(number: int) -> str:
        table = quote_name(census.sources[number].table)
        return f"SELECT DISTINCT c.code FROM {table} JOIN customer_codes c USING (customer_id)"

    joined = " UNION ".join(customers(number) for number in others)
    row = fetch_row(
        census.con,
        f"SELECT count(*), count(*) FILTER (code NOT IN ({joined})) FROM ({customers(index)})",
    )
    return int(row[0]), int(row[1])
