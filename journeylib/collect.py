"""From the client file to the log: everything that notebook 01 and `journey check` share."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.baskets import read_purchases
from journeylib.beliefs import read_beliefs
from journeylib.census import Census, take_census
from journeylib.engine import fetch_row, open_connection
from journeylib.expressions import quote_name
from journeylib.forgotten import ID_COLUMNS, leave_out
from journeylib.logbook import build_log
from journeylib.logplans import (
    asked_columns,
    country_for,
    days_of,
    follow_outcome,
    forgotten_of,
    period_of,
    plan_log,
    resolve_client,
)
from journeylib.masking import IDENTIFYING, mask_sources
from journeylib.months import count_months
from journeylib.needs import find_needed, stop_on_failures
from journeylib.privacy import pseudonyms
from journeylib.quality import Checked, check_quality, summarise_sources
from journeylib.raw import table_columns
from journeylib.rejects import list_rejects
from journeylib.remarks import remark_log
from journeylib.sources import read_sources
from journeylib.subratings import read_ratings
from journeylib.suppression import suppress_table
from journeylib.voices import read_answers, read_attributes, read_voices

if TYPE_CHECKING:
    import duckdb

    from journeylib.errors import Note
    from journeylib.identity import Identity, Resolution
    from journeylib.logbook import Built
    from journeylib.params import Params
    from journeylib.sources import SourceTable


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything the sources gave.

    Attributes:
        built: The log and the facts about it.
        sources: Result table ``sources``.
        quality: Result table ``quality``.
        identity: Result table ``identity``.
        resolution: What joining came to: customers under other keys, conflicts, a few numbers.
        monthly: Events by month and source.
        coverage: Events by source, channel and month.
        suspects: Customers who act like machines, by code, with the reason and their events.
        rejects: Rows that were left out: source, file, line and reason.
        voices: What customers said, one row per answer, redacted.
        answers: Survey answers, one row each.
        attributes: One row per customer with what the customers table knows.
        trials: Frames of the `experiments` and `measurements` sources, by name.
        notes: Everything that was noticed on the way.
        earlier: As voices, of the period that the client file compares with.
        answered: As answers, of that period.
        ratings: Answers with the further numbers asked beside them, for the key drivers.
        purchases: What each customer bought, and when first and last.
    """

    built: Built
    sources: pd.DataFrame
    quality: pd.DataFrame
    identity: pd.DataFrame
    resolution: Resolution
    monthly: pd.DataFrame
    coverage: pd.DataFrame
    suspects: pd.DataFrame
    rejects: pd.DataFrame
    voices: pd.DataFrame
    answers: pd.DataFrame
    attributes: pd.DataFrame
    trials: dict[str, pd.DataFrame]
    notes: list[Note]
    earlier: pd.DataFrame = field(default_factory=pd.DataFrame)
    answered: pd.DataFrame = field(default_factory=pd.DataFrame)
    ratings: pd.DataFrame = field(default_factory=pd.DataFrame)
    purchases: pd.DataFrame = field(default_factory=pd.DataFrame)


def collect(params: Params, folder: Path) -> Collected:
    """Read a client's sources and build the log.

    Args:
        params: The client file.
        folder: Folder of the log; what stood there is replaced.

    Returns:
        The log, the frames beside it, and the result tables of notebook 01.

    Raises:
        DataError: A source cannot be used, or one that results rest on failed a check.
        ParamsError: The workshop map cannot be read.
    """
    read_beliefs(params)  # what is wrong with the workshop map is said before the data is read
    with tempfile.TemporaryDirectory() as scratch:
        con = open_connection(memory=params.memory, scratch=Path(scratch))
        sources, identity = _recognise(con, params)
        attributes = read_attributes(con, sources)
        plan = plan_log(params, sources, attributes)
        built = build_log(con, sources, identity, folder, plan=plan)
        built = replace(built, log=follow_outcome(params, built))
        remarks = remark_log(con, stages=len(built.log.codes.stages))
        looked = _look_over(con, params, sources, built)
        people = con.execute("SELECT customer_id, code AS customer FROM customer_codes").df()
        said = read_voices(con, sources, people)
        answers = read_answers(con, sources, people)
        period, least = period_of(params), params.report.min_cell
        read = [note for source in sources for note in source.notes]
        return Collected(
            built=built,
            sources=suppress_table("sources", looked.accounts, min_cell=least),
            quality=looked.checked.table,
            identity=suppress_table("identity", identity.table, min_cell=least),
            resolution=identity.report(plan.secret),
            monthly=looked.monthly,
            coverage=looked.coverage,
            suspects=looked.checked.suspects,
            rejects=list_rejects(con, sources),
            voices=_inside(said, period),
            answers=_inside(answers, period),
            attributes=_anonymous(attributes, people),
            trials=_trials(con, sources, plan.secret),
            notes=[*read, *identity.notes, *built.notes, *remarks, *looked.checked.notes],
            earlier=_earlier(said, params),
            answered=_earlier(answers, params),
            ratings=_inside(read_ratings(con, sources, people), period),
            purchases=read_purchases(con, sources, people, period=period),
        )


def _recognise(
    con: duckdb.DuckDBPyConnection, params: Params
) -> tuple[list[SourceTable], Identity]:
    """Read the sources, join the customers in them, and mask what names a person."""
    sources = leave_out(con, read_sources(params, con), forgotten_of(params))
    identity = resolve_client(con, sources, params)
    masked = mask_sources(
        con, sources, region=country_for(params) or None, keep=[params.title, params.client],
        needed=asked_columns(params),
    )  # fmt: skip
    return masked, identity


def _inside(said: pd.DataFrame, period: tuple[int, int] | None) -> pd.DataFrame:
    """Keep what was said within the period asked for, and what has no time."""
    if period is None:
        return said
    first, end = (pd.Timestamp(at, unit="us", tz="UTC") for at in period)
    at = pd.to_datetime(said["timestamp"], utc=True)
    return said[at.isna() | ((at >= first) & (at < end))].reset_index(drop=True)


def _earlier(said: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Keep what was said in the period that the client file compares with."""
    if params.compare_to is None:
        return said.head(0)
    days = days_of(params.compare_to, params.timezone)
    return _inside(said[said["timestamp"].notna()], days)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What looking over the data gave: the checks, and the counts behind them."""

    accounts: pd.DataFrame
    monthly: pd.DataFrame
    coverage: pd.DataFrame
    checked: Checked


def _look_over(
    con: duckdb.DuckDBPyConnection, params: Params, sources: list[SourceTable], built: Built
) -> _Looked:
    """Check the data; stop where a source failed that results rest on."""
    census = take_census(
        con, sources, built.log.codes, zone=params.timezone, calendar=params.calendar,
        asked=params.period is not None,
    )  # fmt: skip
    facts = _facts_by_source(con, sources, period_of(params), params.timezone)
    accounts = summarise_sources(sources, facts)
    monthly, needed = _monthly(census), _needed(params, census)
    checked = check_quality(census, built, accounts=accounts, monthly=monthly, needed=needed)
    stop_on_failures(params.client, checked.table, needed)
    return _Looked(accounts, monthly, census.coverage, checked)


def _monthly(census: Census) -> pd.DataFrame:
    """Count the log's events by month and source within the period."""
    first, last = census.first_day, census.last_day
    days = census.daily[census.daily["day"].between(first, last) & (census.daily["logged"] > 0)]
    days = days.drop(columns="events").rename(columns={"logged": "events"})
    codes = census.codes
    return count_months(days, start=codes.start, end=codes.end, zone=census.zone)


def _needed(params: Params, census: Census) -> dict[str, str]:
    """Say which sources the outcome, the interventions or most of the log rest on."""
    codes = census.codes
    good = ", ".join(map(str, codes.good)) or "-1"
    rows = census.con.execute(
        f"SELECT source, count(*), count(*) FILTER (t.code IN ({good})) FROM ev "
        "JOIN touchpoint_codes t ON t.raw = touchpoint_raw GROUP BY 1"
    ).fetchall()
    return find_needed(
        params,
        census.sources,
        outcome=codes.outcome,
        events={codes.sources[index]: int(n) for index, n, _ in rows},
        outcome_events={codes.sources[index]: int(reached) for index, _, reached in rows},
    )


def _facts_by_source(
    con: duckdb.DuckDBPyConnection,
    sources: list[SourceTable],
    period: tuple[int, int] | None,
    zone: str,
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
        rows.append((source.name, *told[:2], *(_day(one, zone) for one in told[2:]), outside))
    columns = ["source", "customers", "value_sum", "first", "last", "rows_outside"]
    return pd.DataFrame(rows, columns=columns)


def _day(micros: int | None, zone: str) -> str | None:
    """Name the day of a moment where the client is."""
    if micros is None:
        return None
    return pd.Timestamp(micros, unit="us", tz="UTC").tz_convert(zone).strftime("%Y-%m-%d")


def _anonymous(attributes: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Keep what describes a customer, by code; drop whatever names one."""
    if attributes.empty:
        return attributes
    known = attributes.merge(people, on="customer_id", how="inner")
    personal = ["customer_id", *IDENTIFYING]
    return known.drop(columns=personal, errors="ignore").drop_duplicates(
        "customer", ignore_index=True
    )


def _trials(
    con: duckdb.DuckDBPyConnection, sources: list[SourceTable], secret: bytes
) -> dict[str, pd.DataFrame]:
    return {
        source.name: _pseudonymous(source.frame(con), secret)
        for source in sources
        if source.kind in {"experiments", "measurements"}
    }


def _pseudonymous(trial: pd.DataFrame, secret: bytes) -> pd.DataFrame:
    """Give the units of a test pseudonyms: only whether two rows are one unit is of use later."""
    ids = [name for name in ID_COLUMNS if name in trial]
    hidden = {
        name: trial[name].map(lambda one: pseudonyms([str(one)], secret)[0], na_action="ignore")
        for name in ids
    }
    return trial.assign(**hidden).drop(columns=list(IDENTIFYING), errors="ignore")
