"""Events counted by source, channel and quarter of an hour: what checks of time rest on.

One pass over the events gives a table small enough for everything else. A quarter of an hour is the
largest step that every time zone's local days and hours are made of. Not for judging the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.engine import take_in
from journeylib.expressions import quote_name
from journeylib.logbook import clean_name
from journeylib.raw import table_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from journeylib.log import Codes
    from journeylib.settings import CalendarEntry
    from journeylib.sources import SourceTable

QUARTER = 900_000_000
_SPOKEN = ("surveys", "feedback")


@dataclass(frozen=True, slots=True)
class Census:
    """What happened when, by source, and where to look closer.

    Attributes:
        con: Connection that holds the sources' tables and all events, ``ev``.
        sources: The sources that were read.
        codes: What the log's integers stand for, and the period.
        zone: Time zone of the client; days and hours are local.
        calendar: Days on which customers behave differently, as declared.
        asked: Whether the client file asks for a period; else it is all that the data has.
        daily: Columns ``source, day, events, logged``; days without events have no row.
            ``logged`` counts those that are events of the log.
        hourly: One row per source, columns 0 to 23: events with a time of day.
        timed: Share of each source's events that have a time of day.
        coverage: Columns ``source, channel, month, events, first, last`` within the period.
    """

    con: duckdb.DuckDBPyConnection
    sources: Sequence[SourceTable]
    codes: Codes
    zone: str
    calendar: Sequence[CalendarEntry]
    asked: bool
    daily: pd.DataFrame
    hourly: pd.DataFrame
    timed: dict[str, float]
    coverage: pd.DataFrame

    @property
    def first_day(self) -> pd.Timestamp:
        """First local day of the period."""
        return local_time(self.codes.start, self.zone).normalize()

    @property
    def last_day(self) -> pd.Timestamp:
        """Last local day of the period."""
        return local_time(self.codes.end - 1, self.zone).normalize()


def local_time(micros: int, zone: str) -> pd.Timestamp:
    """Turn microseconds since 1970 UTC into the clock on the client's wall, without a zone."""
    return pd.Timestamp(micros, unit="us", tz="UTC").tz_convert(zone).tz_localize(None)


def take_census(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    codes: Codes,
    *,
    zone: str,
    calendar: Sequence[CalendarEntry] = (),
    asked: bool = False,
) -> Census:
    """Count all events by source, channel and quarter of an hour, and lay them out in local time.

    Args:
        con: Connection that holds the sources' tables and ``ev``.
        sources: The sources, in the order of ``ev.source``.
        codes: Codes of the log, with the period.
        zone: Time zone of the client.
        calendar: Days that are known to differ.
        asked: Whether the client file asks for a period.

    Returns:
        The counts, and everything that later checks need to look closer.
    """
    _count_quarters(con, sources)
    _write_clock(con, sources, zone)
    names = dict(enumerate(source.name for source in sources))
    daily = con.execute(
        "SELECT source, day, CAST(sum(n) AS BIGINT) AS events, "
        "CAST(coalesce(sum(n) FILTER (WHERE logged), 0) AS BIGINT) AS logged "
        "FROM quarters JOIN clock USING (quarter) GROUP BY 1, 2 ORDER BY 1, 2"
    ).df()
    daily["source"] = daily["source"].map(names)
    hourly, timed = _profile_hours(con, names)
    coverage = _lay_out_months(con, codes, zone, names)
    return Census(con, sources, codes, zone, calendar, asked, daily, hourly, timed, coverage)


def _count_quarters(con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable]) -> None:
    """Count events, and what was said without an id, by quarter of an hour."""
    parts = ["SELECT source, channel_raw AS channel, timestamp, TRUE AS logged FROM ev"]
    for index, source in enumerate(sources):
        has = table_columns(con, source.table)
        if source.kind not in _SPOKEN or "timestamp" not in has:
            continue
        anonymous = "TRUE"
        if source.kind == "surveys" and "customer_id" in has:
            anonymous = "customer_id IS NULL"
        channel = "channel" if "channel" in has else "NULL::VARCHAR"
        parts.append(
            f"SELECT {index}, {channel}, timestamp, FALSE FROM {quote_name(source.table)} "
            f"WHERE timestamp IS NOT NULL AND {anonymous}"
        )
    con.execute(
        f"CREATE OR REPLACE TABLE quarters AS SELECT source, channel, logged, "
        f"timestamp // {QUARTER} AS quarter, count(*) AS n, "
        f"count(*) FILTER (WHERE timestamp % {QUARTER} = 0) AS sharp, "
        f"min(timestamp) AS first, max(timestamp) AS last "
        f"FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"
    )


def _write_clock(con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], zone: str) -> None:
    """Give each quarter of an hour its local day and hour."""
    parts = ["SELECT DISTINCT quarter FROM quarters"]
    for source in sources:
        if "timestamp" in table_columns(con, source.table):
            table = quote_name(source.table)
            parts.append(f"SELECT DISTINCT timestamp // {QUARTER} FROM {table}")
    listed = " UNION ".join(parts)
    found = con.execute(f"SELECT quarter FROM ({listed}) WHERE quarter IS NOT NULL").df()
    seconds = found["quarter"].astype("int64") * (QUARTER // 1_000_000)
    local = pd.to_datetime(seconds, unit="s", utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    clock = pd.DataFrame(
        {
            "quarter": found["quarter"].astype("int64"),
            "day": local.dt.floor("D"),
            "hour": local.dt.hour.astype("int64"),
            "midnight": (local.dt.hour == 0) & (local.dt.minute == 0),
        }
    )
    take_in(con, "clock", clock)


def _profile_hours(
    con: duckdb.DuckDBPyConnection, names: dict[int, str]
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Count by hour what does not stand at midnight sharp, where dates without a time stand."""
    rows = con.execute(
        "SELECT source, hour, CAST(sum(n - CASE WHEN midnight THEN sharp ELSE 0 END) AS DOUBLE) "
        "AS events, CAST(sum(n) AS DOUBLE) AS every FROM quarters JOIN clock USING (quarter) "
        "GROUP BY 1, 2"
    ).df()
    rows["source"] = rows["source"].map(names)
    hourly = rows.pivot_table(index="source", columns="hour", values="events", aggfunc="sum")
    hourly = hourly.reindex(columns=range(24)).fillna(0.0)
    sums = rows.groupby("source")[["events", "every"]].sum()
    return hourly, dict(zip(sums.index, sums["events"] / sums["every"], strict=True))


def _lay_out_months(
    con: duckdb.DuckDBPyConnection, codes: Codes, zone: str, names: dict[int, str]
) -> pd.DataFrame:
    """Count by source, channel and local month within the period."""
    rows: pd.DataFrame = con.execute(
        "SELECT source, coalesce(nullif(trim(channel), ''), '') AS channel, "
        "strftime(day, '%Y-%m') AS month, CAST(sum(n) AS BIGINT) AS events, min(first) AS first, "
        f"max(last) AS last FROM quarters JOIN clock USING (quarter) WHERE last >= {codes.start} "
        f"AND first < {codes.end} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).df()
    rows["source"] = rows["source"].map(names)
    spelt = {name.casefold(): name for name in codes.channels}
    cleaned = rows["channel"].map(clean_name)
    rows["channel"] = [spelt.get(name.casefold(), name) for name in cleaned]
    rows = rows.groupby(["source", "channel", "month"], sort=True, as_index=False).agg(
        {"events": "sum", "first": "min", "last": "max"}
    )
    for name in ("first", "last"):
        at = pd.to_datetime(rows[name], unit="us", utc=True)
        rows[name] = at.dt.tz_convert(zone).dt.strftime("%Y-%m-%d")
    return rows
