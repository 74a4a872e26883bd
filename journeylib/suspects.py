"""Customers who act like machines: marked and weighed, never left out.

A machine asks at even intervals, faster than nearly everybody, or around the clock. Not for shared
ids in keys; `identity` guards those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import fetch_row, take_in
from journeylib.expressions import quote_name
from journeylib.findings import LOG, WARN, Finding, passed
from journeylib.log import HOUR
from journeylib.raw import table_columns

if TYPE_CHECKING:
    import duckdb

    from journeylib.census import Census

BUSIEST = 0.999
FEWEST_AN_HOUR = 20
EVEN_GAPS = 0.1
FEWEST_A_DAY_LONG = 240  # ten an hour, so that a quiet night would show
FLAT = 2.0  # variance over mean of the 24 hours; 1 is pure chance
_AGENT = ("useragent", "ua", "browseragent", "agentstring")
_ROBOT = "bot|crawl|spider|headless|python-requests|curl/|wget"


@dataclass(frozen=True, slots=True)
class Suspects:
    """What looks like machines, and how much it weighs.

    Attributes:
        marked: Columns ``customer`` (code), ``reason`` (even, flat or agent), ``events``.
        events: All events of the period.
        without: Those of them that are not by the customers marked.
        customers: All customers with events in the period.
        share: Share of customers with the outcome, with everybody; NaN where there is no outcome.
        share_without: The same without those marked.
    """

    marked: pd.DataFrame
    events: int
    without: int
    customers: int
    share: float
    share_without: float


def find_suspects(census: Census) -> Suspects:
    """Mark the customers whose events come at even intervals, around the clock, or from a robot.

    Even: an hour busier than 99.9 % of all customers' hours, with gaps that vary by less than a
    tenth. Around the clock: all 24 hours alike up to chance. Robot: so named in a column of browser
    names.

    Returns:
        Those marked by the customer's code in the log, and the outcome with and without them.
    """
    con = census.con
    con.execute(
        f"CREATE OR REPLACE TABLE busy AS SELECT customer_id, timestamp // {HOUR} AS hour, "
        "count(*) AS n FROM ev WHERE customer_id IS NOT NULL GROUP BY ALL"
    )
    ids = {**_robots(census), **_around_the_clock(con), **_even(con)}
    marked = pd.DataFrame({"customer_id": list(ids), "reason": list(ids.values())}, dtype="str")
    take_in(
        con, "marked", marked,
        "SELECT c.code AS customer, min(i.reason) AS reason "
        "FROM incoming i JOIN customer_codes c USING (customer_id) GROUP BY 1",
    )  # fmt: skip
    table = con.execute(
        "SELECT m.customer, m.reason, CAST(sum(b.n) AS BIGINT) AS events FROM marked m "
        "JOIN customer_codes c ON c.code = m.customer JOIN busy b USING (customer_id) "
        "GROUP BY 1, 2 ORDER BY 1"
    ).df()
    weights = _weigh(census) if len(table) else (0, 0, 0, np.nan, np.nan)
    return Suspects(table, *weights)


def _even(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Find hours that are busier than nearly all, with nearly equal gaps."""
    found = fetch_row(con, f"SELECT quantile_disc(n, {BUSIEST}) FROM busy")
    least = max(FEWEST_AN_HOUR, int(found[0] or 0))
    rows = con.execute(
        "SELECT DISTINCT customer_id FROM (SELECT customer_id, hour, gap FROM (SELECT customer_id, "
        "hour, timestamp - lag(timestamp) OVER (PARTITION BY customer_id, hour ORDER BY timestamp) "
        f"AS gap FROM ev JOIN busy b USING (customer_id) WHERE b.n >= {least} "
        f"AND ev.timestamp // {HOUR} = b.hour) WHERE gap IS NOT NULL) GROUP BY customer_id, hour "
        f"HAVING avg(gap) > 0 AND stddev_pop(gap) < {EVEN_GAPS} * avg(gap)"
    ).fetchall()
    return {str(row[0]): "even" for row in rows}


def _around_the_clock(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Find customers without a night: all 24 hours alike, up to chance."""
    rows = con.execute(
        "SELECT customer_id, hour % 24 AS hour, sum(n) AS n FROM busy WHERE customer_id IN "
        f"(SELECT customer_id FROM busy GROUP BY 1 HAVING sum(n) >= {FEWEST_A_DAY_LONG} "
        "AND count(*) >= 24) GROUP BY 1, 2"
    ).df()
    if rows.empty:
        return {}
    hours = rows.pivot_table(index="customer_id", columns="hour", values="n", aggfunc="sum")
    counts = hours.reindex(columns=range(24)).fillna(0.0).to_numpy(dtype=float)
    flat = counts.var(axis=1, ddof=1) < FLAT * counts.mean(axis=1)
    return dict.fromkeys(hours.index[flat].astype(str), "flat")


def _robots(census: Census) -> dict[str, str]:
    """Find customers whose browser calls itself a robot, where a source has such a column."""
    found: dict[str, str] = {}
    for source in census.sources:
        has = table_columns(census.con, source.table)
        for name in source.attributes:
            plain = "".join(sign for sign in name.casefold() if sign.isalnum())
            if plain in _AGENT and "customer_id" in has and has[name].startswith("VARCHAR"):
                rows = census.con.execute(
                    f"SELECT DISTINCT customer_id FROM {quote_name(source.table)} WHERE "
                    f"customer_id IS NOT NULL AND regexp_matches(lower({quote_name(name)}), "
                    f"'{_ROBOT}')"
                ).fetchall()
                found |= {str(row[0]): "agent" for row in rows}
    return found


def _weigh(census: Census) -> tuple[int, int, int, float, float]:
    """Count events, customers and the outcome, with everybody and without those marked."""
    codes = census.codes
    good, bad = (", ".join(map(str, listed)) or "-1" for listed in (codes.good, codes.bad))
    least = 2 if codes.outcome == "repeat_purchase" else 1
    reached = {
        "repeat_purchase": f"good >= {least}", "conversion": "good >= 1", "retention": "bad = 0",
    }.get(codes.outcome, "NULL")  # fmt: skip
    of = "good >= 1" if codes.outcome == "repeat_purchase" else "TRUE"
    row = fetch_row(
        census.con,
        "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (NOT marked), 0), count(*), "
        f"avg(CAST({reached} AS INTEGER)) FILTER ({of}), "
        f"avg(CAST({reached} AS INTEGER)) FILTER ({of} AND NOT marked) FROM (SELECT c.code, "
        f"count(*) AS n, count(*) FILTER (t.code IN ({good})) AS good, "
        f"count(*) FILTER (t.code IN ({bad})) AS bad, "
        "c.code IN (SELECT customer FROM marked) AS marked FROM ev "
        "JOIN customer_codes c USING (customer_id) "
        "JOIN touchpoint_codes t ON t.raw = touchpoint_raw "
        f"WHERE ev.timestamp >= {codes.start} AND ev.timestamp < {codes.end} GROUP BY 1)",
    )
    shares = [np.nan if share is None else float(share) for share in row[3:]]
    return int(row[0]), int(row[1]), int(row[2]), shares[0], shares[1]


def check_suspects(suspects: Suspects) -> list[Finding]:
    """Say how many customers act like machines, how much they weigh, and what changes without."""
    marked = suspects.marked
    if marked.empty:
        text = "No customer asks at even intervals or around the clock, as machines do."
        return [passed("bots", text)]
    rows = suspects.events - suspects.without
    kinds = {"even": "at even intervals", "flat": "around the clock", "agent": "by a robot's name"}
    named = " and ".join(
        f"{count:,} {kinds[str(reason)]}"
        for reason, count in marked["reason"].value_counts().items()
    )
    text = (
        f"{len(marked):,} of {suspects.customers:,} customers act like machines ({named}): "
        f"{rows:,} events, {rows / max(suspects.events, 1):.1%} of all. They were kept and marked."
    )
    left = suspects.customers - len(marked)
    then = f"Without them there are {suspects.without:,} events of {left:,} customers"
    if not np.isnan(suspects.share_without):
        now, without = f"{suspects.share:.1%}", f"{suspects.share_without:.1%}"
        then += f", and the share with the outcome is {without} instead of {now}"
        if now == without:
            then = then.replace(f"is {without} instead of {now}", f"stays at {now}")
    then += ". Counts of their touchpoints say little about people."
    return [Finding("bots", LOG, WARN, rows, text, then)]
