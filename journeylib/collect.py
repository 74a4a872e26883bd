"""From the client file to the log: everything that notebook 01 and `journey check` share."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from journeylib.engine import fetch_row, open_connection
from journeylib.expressions import quote_name, quote_text
from journeylib.identity import resolve_identities
from journeylib.log import DAY, Codes
from journeylib.logbook import LogPlan, build_log
from journeylib.privacy import read_secret
from journeylib.quality import check_quality, count_months, summarise_sources
from journeylib.raw import table_columns
from journeylib.remarks import remark_log
from journeylib.sources import read_sources
from journeylib.stages import assign_stages, stage_timings
from journeylib.voices import read_answers, read_attributes, read_voices

if TYPE_CHECKING:
    import duckdb

    from journeylib.errors import Note
    from journeylib.log import Log
    from journeylib.logbook import Built
    from journeylib.params import Params
    from journeylib.sources import SourceTable

LONGEST_FOLLOW_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything the sources gave.

    Attributes:
        built: The log and the facts about it.
        sources: Result table ``sources``.
        quality: Result table ``quality``.
        identity: Result table ``identity``.
        monthly: Events by month and source.
        voices: What customers said, one row per answer, redacted.
        answers: Survey answers, one row each.
        attributes: One row per customer with what the customers table knows.
        trials: Frames of the `experiments` and `measurements` sources, by name.
        notes: Everything that was noticed on the way.
    """

    built: Built
    sources: pd.DataFrame
    quality: pd.DataFrame
    identity: pd.DataFrame
    monthly: pd.DataFrame
    voices: pd.DataFrame
    answers: pd.DataFrame
    attributes: pd.DataFrame
    trials: dict[str, pd.DataFrame]
    notes: list[Note]


def collect(params: Params, folder: Path) -> Collected:
    """Read a client's sources and build the log.

    Args:
        params: The client file.
        folder: Folder of the log; what stood there is replaced.

    Returns:
        The log, the frames beside it, and the result tables of notebook 01.

    Raises:
        DataError: A source cannot be used.
    """
    with tempfile.TemporaryDirectory() as scratch:
        con = open_connection(memory=params.memory, scratch=Path(scratch))
        sources = read_sources(params, con)
        identity = resolve_identities(
            con, sources, match_on=params.identity.match_on, unmerge=params.identity.unmerge
        )
        attributes = read_attributes(con, sources)
        plan = plan_log(params, sources, attributes)
        built = build_log(con, sources, identity, folder, plan=plan)
        built = replace(built, log=_follow(params, built))
        remarks = remark_log(con, stages=len(built.log.codes.stages))
        monthly = _monthly(con, params, built)
        people = con.execute("SELECT customer_id, code AS customer FROM customer_codes").df()
        names = attributes["name"] if "name" in attributes else pd.Series(dtype="str")
        return Collected(
            built,
            summarise_sources(sources, _facts_by_source(con, sources, period_of(params))),
            check_quality(sources, built, monthly),
            identity.table,
            monthly,
            _inside(read_voices(con, sources, people, names), period_of(params)),
            _inside(read_answers(con, sources, people), period_of(params)),
            _anonymous(attributes, people),
            {s.name: s.frame(con) for s in sources if s.kind in {"experiments", "measurements"}},
            [*(note for source in sources for note in source.notes), *built.notes, *remarks],
        )


def _inside(said: pd.DataFrame, period: tuple[int, int] | None) -> pd.DataFrame:
    """Keep what was said within the period asked for, and what has no time."""
    if period is None:
        return said
    first, end = (pd.Timestamp(at, unit="us", tz="UTC") for at in period)
    at = pd.to_datetime(said["timestamp"], utc=True)
    return said[at.isna() | ((at >= first) & (at < end))].reset_index(drop=True)


def plan_log(params: Params, sources: list[SourceTable], attributes: pd.DataFrame) -> LogPlan:
    """Turn the client file into the plan of the log."""
    model, order = params.stages.model, tuple(params.stages.names)
    codes = Codes(
        stages=order,
        cut=params.journeys.cut,
        gap=int(params.journeys.gap_days * DAY),
        outcome=outcome_kind(params, sources, attributes),
    )
    return LogPlan(
        codes=codes,
        period=period_of(params),
        outcome_touchpoints=tuple(params.outcome.touchpoint or ()),
        assign=partial(assign_stages, model=model, order=order, rules=params.stages.rules),
        timings=lambda purchase: stage_timings(model, order, purchase=purchase),
        secret=read_secret(params.root, params.client),
    )


def outcome_kind(params: Params, sources: list[SourceTable], attributes: pd.DataFrame) -> str:
    """Name the outcome: declared, else what the sources can carry."""
    if params.outcome.kind is not None:
        return str(params.outcome.kind)
    if params.outcome.touchpoint:
        return "conversion"
    if any(source.kind == "orders" for source in sources):
        return "repeat_purchase"
    churn = {"churned", "churned_at"} & set(attributes)
    return "retention" if churn else "none"


def period_of(params: Params) -> tuple[int, int] | None:
    """Give the period in microseconds, its last day included."""
    if params.period is None:
        return None
    zone = ZoneInfo(params.timezone)
    days = (params.period.start, params.period.end + dt.timedelta(days=1))
    first, last = (dt.datetime.combine(day, dt.time(), zone) for day in days)
    return int(first.timestamp() * 1_000_000), int(last.timestamp() * 1_000_000)


def _follow(params: Params, built: Built) -> Log:
    """Follow outcomes as long as the client file says, but no longer than a third of the period."""
    codes = built.log.codes
    longest = int((codes.end - codes.start) * LONGEST_FOLLOW_SHARE)
    follow = min(params.outcome.within_days * DAY, longest)
    log = replace(built.log, codes=replace(codes, follow=follow if codes.outcome != "none" else 0))
    log.save_codes()
    return log


def _monthly(con: duckdb.DuckDBPyConnection, params: Params, built: Built) -> pd.DataFrame:
    codes = built.log.codes
    local = f"timezone({quote_text(params.timezone)}, make_timestamptz(timestamp))"
    rows = con.execute(
        f"SELECT source, CAST(date_trunc('day', {local}) AS TIMESTAMP) AS day, "
        f"count(*) AS events FROM ev WHERE timestamp >= {codes.start} "
        f"AND timestamp < {codes.end} GROUP BY 1, 2 ORDER BY 1, 2"
    ).df()
    rows["source"] = [codes.sources[index] for index in rows["source"]]
    return count_months(rows, start=codes.start, end=codes.end, zone=params.timezone)


def _facts_by_source(
    con: duckdb.DuckDBPyConnection, sources: list[SourceTable], period: tuple[int, int] | None
) -> pd.DataFrame:
    """Sum each source up, within the period asked for."""
    rows = []
    for source in sources:
        has, table = table_columns(con, source.table), quote_name(source.table)
        time = next((c for c in ("timestamp", "time", "assigned_at", "signup") if c in has), None)
        inside = "TRUE"
        if time == "timestamp" and period is not None:
            inside = f"coalesce(timestamp >= {period[0]} AND timestamp < {period[1]}, TRUE)"
        picked = [
            f"count(*) FILTER (WHERE NOT {inside})",
            "count(DISTINCT customer_id)" if "customer_id" in has else "NULL",
            "sum(value)" if "value" in has and source.kind != "measurements" else "NULL",
            f"min({time})" if time else "NULL",
            f"max({time})" if time else "NULL",
        ]
        kept = [
            picked[0],
            *(f"{one} FILTER (WHERE {inside})" for one in picked[1:] if one != "NULL"),
        ]
        found = iter(fetch_row(con, f"SELECT {', '.join(kept)} FROM {table}"))
        outside = next(found)
        told = [None if one == "NULL" else next(found) for one in picked[1:]]
        rows.append((source.name, *told[:2], _day(told[2]), _day(told[3]), outside))
    columns = ["source", "customers", "value_sum", "first", "last", "rows_outside"]
    return pd.DataFrame(rows, columns=columns)


def _day(micros: int | None) -> str | None:
    return None if micros is None else pd.Timestamp(micros, unit="us").strftime("%Y-%m-%d")


def _anonymous(attributes: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Keep what describes a customer, by code; drop whatever names one."""
    if attributes.empty:
        return attributes
    known = attributes.merge(people, on="customer_id", how="inner")
    personal = ["customer_id", "name", "email", "phone"]
    return known.drop(columns=personal, errors="ignore").drop_duplicates(
        "customer", ignore_index=True
    )
