"""Times that cannot be: in the future, ages ago, ends before starts, orders before sign-ups.

Not for the order of touchpoints in general; only for pairs whose order is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.census import QUARTER
from journeylib.engine import fetch_row
from journeylib.expressions import quote_name
from journeylib.findings import PASS, WARN, Finding, passed
from journeylib.log import DAY
from journeylib.raw import table_columns

if TYPE_CHECKING:
    from journeylib.census import Census
    from journeylib.sources import SourceTable

MOST_ODD = 0.01  # of customers; few order as guests and sign up later, or are billed after leaving
GRACE_DAYS = 7
AGES_YEARS = 5
_SHIPPED = ("deliver", "ship", "dispatch", "arriv", "fulfil")
_PLANNED = ("expected", "estimat", "promis", "plan", "due", "cost", "fee", "address", "method")
_PAIRS = {
    "tickets": ("timestamp", "resolved_at", "solved before they were opened"),
    "customers": ("signup", "churned_at", "left before they joined"),
}


def check_future(census: Census) -> list[Finding]:
    """Say how many rows lie in the future; only a source that declares them may have them."""
    now = pd.Timestamp.now("UTC").value // 1000
    found = []
    for source in census.sources:
        if "timestamp" not in table_columns(census.con, source.table):
            continue
        rows = _count(census, source, f"timestamp > {now + DAY}")
        if rows:
            text = f"{rows:,} rows lie in the future, as the client file allows."
            found.append(Finding("future_dates", source.name, PASS, rows, text))
    return found or [passed("future_dates", "No row lies in the future.")]


def check_ages(census: Census) -> list[Finding]:
    """Look for single rows years before all others: a clock that was never set."""
    found = []
    for source in census.sources:
        if "timestamp" not in table_columns(census.con, source.table):
            continue
        table = quote_name(source.table)
        row = fetch_row(
            census.con,
            f"SELECT approx_quantile(timestamp, 0.01), count(timestamp) FROM {table}",
        )
        if not row[1]:
            continue
        limit = int(row[0]) - AGES_YEARS * 365 * DAY
        rows = _count(census, source, f"timestamp < {limit}")
        if rows:
            text = f"{rows:,} rows are dated more than {AGES_YEARS} years before nearly all others."
            then = "If a clock was wrong, first touches and durations of these customers are too."
            found.append(Finding("lone_dates", source.name, WARN, rows, text, then))
    return found or [passed("lone_dates", "No row stands years before all others.")]


def _count(census: Census, source: SourceTable, condition: str) -> int:
    table = quote_name(source.table)
    return int(fetch_row(census.con, f"SELECT count(*) FROM {table} WHERE {condition}")[0])


def check_order_of_times(census: Census) -> list[Finding]:
    """Look for ends before their starts, deliveries before orders, and deeds of strangers."""
    found: list[Finding] = []
    for source in census.sources:
        found += _reversed_pairs(census, source)
        if source.kind == "orders":
            found += _early_deliveries(census, source)
        if source.kind == "customers":
            found += _outside_membership(census, source)
    return found or [passed("order_of_times", "Nothing ends before it starts.")]


def _reversed_pairs(census: Census, source: SourceTable) -> list[Finding]:
    if source.kind not in _PAIRS:
        return []
    first, last, words = _PAIRS[source.kind]
    if not {first, last} <= set(table_columns(census.con, source.table)):
        return []
    rows = _count(census, source, f"{last} < {first}")
    if not rows:
        return []
    both = _count(census, source, f"{last} IS NOT NULL AND {first} IS NOT NULL")
    text = f"{rows:,} of {both:,} rows were {words} ({last} before {first})."
    if source.kind == "customers":
        text = f"{rows:,} of {both:,} customers {words} ({last} before {first})."
    then = "Such durations are negative: check whether two columns were swapped."
    return [Finding("order_of_times", source.name, WARN, rows, text, then)]


def _early_deliveries(census: Census, source: SourceTable) -> list[Finding]:
    """Compare days, as a delivery's column may have no time."""
    has = table_columns(census.con, source.table)
    found = []
    for name in source.attributes:
        plain = name.casefold()
        if not any(word in plain for word in _SHIPPED) or any(word in plain for word in _PLANNED):
            continue
        if not has[name].startswith(("VARCHAR", "TIMESTAMP", "DATE")):
            continue
        day = f"CAST(try_cast({quote_name(name)} AS TIMESTAMP) AS DATE)"
        filled, dated, rows = fetch_row(
            census.con,
            f"SELECT count({quote_name(name)}), count({day}), count(*) FILTER ({day} < "
            f"CAST(clock.day AS DATE)) FROM {quote_name(source.table)} JOIN clock "
            f"ON clock.quarter = timestamp // {QUARTER}",
        )
        # a column of words such as "delivered", or of dates in another form, is none to compare
        if rows and dated >= 0.9 * filled:
            text = f"{rows:,} of {dated:,} orders have {name!r} before the day of the order."
            then = "Waiting times of these orders are wrong: check both columns."
            found.append(Finding("order_of_times", source.name, WARN, int(rows), text, then))
    return found


def _outside_membership(census: Census, source: SourceTable) -> list[Finding]:
    """Count customers who order before they sign up, or act after they left."""
    has = table_columns(census.con, source.table)
    if "customer_id" not in has:
        return []
    sides = {
        "signup": (f"ev.timestamp < m.at - {DAY}", "ordered before they signed up", "orders"),
        "churned_at": (
            f"ev.timestamp > m.at + {GRACE_DAYS * DAY}",
            f"acted more than {GRACE_DAYS} days after they left", "events orders",
        ),
    }  # fmt: skip
    found = []
    for column, (condition, words, kinds) in sides.items():
        if column in has:
            found += _strangers(census, source, column, condition, words=words, kinds=kinds)
    return found


def _strangers(
    census: Census, source: SourceTable, column: str, condition: str, *, words: str, kinds: str
) -> list[Finding]:
    numbers = [
        str(index) for index, other in enumerate(census.sources) if other.kind in kinds.split()
    ]
    if not numbers:
        return []
    own, pick = quote_name(column), "min" if column == "signup" else "max"
    rows, customers, every = fetch_row(
        census.con,
        f"WITH m AS (SELECT c.code, {pick}({own}) AS at FROM {quote_name(source.table)} "
        f"JOIN customer_codes c USING (customer_id) WHERE {own} IS NOT NULL GROUP BY 1) "
        f"SELECT count(*) FILTER ({condition}), count(DISTINCT m.code) FILTER ({condition}), "
        "count(DISTINCT m.code) FROM ev JOIN customer_codes c USING (customer_id) "
        f"JOIN m ON m.code = c.code WHERE ev.source IN ({', '.join(numbers)})",
    )
    if not customers:
        return []
    status = WARN if customers > MOST_ODD * every else PASS
    text = f"{customers:,} of {every:,} customers {words} ({rows:,} events)."
    then = "Their journeys start or end at the wrong place: check the dates of the customers table."
    then = then if status == WARN else ""
    return [Finding("order_of_times", source.name, status, int(rows), text, then)]
