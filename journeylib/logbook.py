"""Builds the event log from the sources: one row per event, named, coded, sorted, whole customers.

Not for reading a log; `log` does that.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.engine import fetch_row, store, take_in
from journeylib.errors import DataError, Note, Problem, did_you_mean
from journeylib.expressions import quote_name, quote_text
from journeylib.happenings import CANCELLATION, REFUND, SURVEY, TICKET, select_events
from journeylib.log import CUSTOMERS, Codes, Log
from journeylib.privacy import pseudonyms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import duckdb

    from journeylib.identity import Identity
    from journeylib.sources import SourceTable

__all__ = ["TICKET", "Built", "LogPlan", "build_log", "clean_name"]

PARTITION_ROWS = 1_000_000
LONGEST_NAME = 120
_CONTROL = re.compile(
    r"\x1b\[[0-9;]*[A-Za-z]|\x1b\].*?\x07|[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
_COLUMNS = (
    "customer_id VARCHAR", "timestamp BIGINT", "touchpoint_raw VARCHAR", "channel_raw VARCHAR",
    "stage_raw VARCHAR", "source INTEGER", "value DOUBLE", "sentiment DOUBLE", "ord DOUBLE",
    "file BIGINT", "row BIGINT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogPlan:
    """What the client file says about the log.

    Attributes:
        codes: Stages, journey cut, outcome kind and follow-up; the rest is filled in here.
        period: First and last microsecond asked for, or None for the data's own.
        outcome_touchpoints: Names of the conversion, or empty for purchases.
        assign: Gives each touchpoint ``(stage, how)``.
        timings: Gives each stage its timing, from the stages that hold a purchase.
        secret: Key of the pseudonyms.
    """

    codes: Codes
    period: tuple[int, int] | None
    outcome_touchpoints: tuple[str, ...]
    assign: Callable[[Sequence[str]], dict[str, tuple[str, str]]]
    timings: Callable[[Sequence[str]], dict[str, str]]
    secret: bytes


@dataclass(frozen=True, slots=True)
class Built:
    """A log and what was noticed while it was built.

    Attributes:
        log: The log.
        facts: ``n_events, n_customers, value_sum, first, last`` before the period is applied.
        placed: Columns ``touchpoint, stage, how`` (rule, name, data or empty), ``events``.
        notes: What the reader should know.
    """

    log: Log
    facts: dict[str, int | float | str | None]
    placed: pd.DataFrame
    notes: list[Note]


def build_log(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    identity: Identity,
    folder: Path,
    *,
    plan: LogPlan,
) -> Built:
    """Write the event log of a client.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        identity: The customer behind each id.
        folder: Folder of the log; what stood there is replaced.
        plan: What the client file says about it.

    Returns:
        The log, the facts about it, where each touchpoint was placed, and notes.

    Raises:
        DataError: A stage in the data is not one of the model's.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _gather(con, sources)
    notes: list[Note] = []
    names = {
        column: _clean_names(con, column, fold=True, notes=notes)
        for column in ("touchpoint", "channel", "stage")
    }
    placed = _place(con, names, plan, sources)
    codes = _codes(con, names, placed, plan, sources)
    codes = _write_customers(con, identity, folder, codes, secret=plan.secret)
    start, end = _period(con, plan)
    codes = replace(codes, start=start, end=end)
    _write_places(con, names["stage"], codes)
    _write_partitions(con, folder)
    log = Log(folder, codes)
    log.save_codes()
    return Built(log, _facts(con, codes), placed, notes)


def _gather(con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable]) -> None:
    """Write what happened in every source as one view, ``ev``; on disk, since it is asked often."""
    named = ", ".join(column.split()[0] for column in _COLUMNS)
    typed = ", ".join(
        f"CAST({name} AS {kind}) AS {name}" for name, kind in map(str.split, _COLUMNS)
    )
    selects = [select_events(con, index, source) for index, source in enumerate(sources)]
    parts = [f"SELECT {typed} FROM ({rows}) AS e({named})" for rows in selects if rows]
    nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in map(str.split, _COLUMNS))
    store(con, "ev", " UNION ALL ".join(parts) or f"SELECT {nothing} WHERE FALSE")


# ---------------------------------------------------------------- names and codes


def clean_name(name: str) -> str:
    r"""Make a name fit for a label: composed, without control signs, one blank between words.

    Example:
        >>> clean_name(" Check\x1b[31mout  page ")
        'Check out page'
    """
    name = _CONTROL.sub(" ", unicodedata.normalize("NFC", name))
    name = re.sub(r"\s+", " ", name).strip()
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _clean_names(
    con: duckdb.DuckDBPyConnection, column: str, *, fold: bool, notes: list[Note]
) -> list[str]:
    """Clean the names of one column; spellings that differ in case become the most frequent one."""
    rows = con.execute(
        f"SELECT {column}_raw, count(*) FROM ev WHERE {column}_raw IS NOT NULL "
        f"GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    chosen: dict[str, str] = {}
    mapping, folded = {}, 0
    for raw, count in rows:
        name = clean_name(raw)
        shown = chosen.setdefault(name.casefold(), name) if fold else name
        folded += int(count) if shown != name else 0
        mapping[raw] = shown
    if folded:
        text = f"spellings of one {column} that differ in case were joined."
        notes.append(Note("N-CATEGORY-FOLDED", text, column=column, rows=folded))
    ordered = sorted(set(mapping.values()))
    codes = {name: code for code, name in enumerate(ordered)}
    frame = pd.DataFrame(
        {"raw": list(mapping), "code": [codes[name] for name in mapping.values()]}
    ).astype({"raw": "str", "code": "int32"})
    take_in(con, f"{column}_codes", frame)
    return ordered


def _place(
    con: duckdb.DuckDBPyConnection,
    names: dict[str, list[str]],
    plan: LogPlan,
    sources: Sequence[SourceTable],
) -> pd.DataFrame:
    """Find each touchpoint's stage: the data's own, else the rules', else the common meaning."""
    stages = list(plan.codes.stages)
    known = {stage.casefold(): stage for stage in stages}
    unknown = [name for name in names["stage"] if name.casefold() not in known]
    if unknown:
        files = [source.name for source in sources if source.kind == "events"]
        problems = [
            Problem(
                "E-STAGE-UNKNOWN", f"{name!r} is not a stage of the model ({', '.join(stages)}).",
                ", ".join(files), None, "stage",
                f"{did_you_mean(name, stages)} Correct the value or set `stages`.".strip(),
            )
            for name in unknown[:5]
        ]  # fmt: skip
        raise DataError("The data names stages that the client file does not.", problems)
    own = _stages_in_data(con, names, known)
    assigned = plan.assign(names["touchpoint"])
    events = _events_by_touchpoint(con)
    rows = []
    for code, name in enumerate(names["touchpoint"]):
        stage, how = (own[code], "data") if code in own else assigned[name]
        rows.append((name, stage, how, events.get(code, 0)))
    return pd.DataFrame(rows, columns=["touchpoint", "stage", "how", "events"])


def _stages_in_data(
    con: duckdb.DuckDBPyConnection, names: dict[str, list[str]], known: dict[str, str]
) -> dict[int, str]:
    rows = con.execute(
        "SELECT t.code, s.code, count(*) AS n FROM ev "
        "JOIN touchpoint_codes t ON t.raw = touchpoint_raw JOIN stage_codes s ON s.raw = stage_raw "
        "GROUP BY 1, 2 ORDER BY n DESC, 2"
    ).fetchall()
    found: dict[int, str] = {}
    for touchpoint, stage, _ in rows:
        found.setdefault(int(touchpoint), known[names["stage"][stage].casefold()])
    return found


def _events_by_touchpoint(con: duckdb.DuckDBPyConnection) -> dict[int, int]:
    rows = con.execute(
        "SELECT t.code, count(*) FROM ev JOIN touchpoint_codes t ON t.raw = touchpoint_raw "
        "GROUP BY 1"
    ).fetchall()
    return {int(code): int(count) for code, count in rows}


def _codes(
    con: duckdb.DuckDBPyConnection,
    names: dict[str, list[str]],
    placed: pd.DataFrame,
    plan: LogPlan,
    sources: Sequence[SourceTable],
) -> Codes:
    stages = list(plan.codes.stages)
    touchpoints = names["touchpoint"]
    index = {name.casefold(): code for code, name in enumerate(touchpoints)}
    purchases = _purchase_codes(con, sources)
    good = purchases
    if plan.outcome_touchpoints:
        good = [index[n.casefold()] for n in plan.outcome_touchpoints if n.casefold() in index]
    bad = [index[CANCELLATION]] if CANCELLATION in index else []
    aside = [index[name] for name in _asides(con, sources) if name in index]
    timing = plan.timings(sorted({placed["stage"].iloc[code] for code in (purchases or good)}))
    timings = [timing.get(stage, "pre_purchase") for stage in placed["stage"]]
    stage_of = [stages.index(stage) if stage in stages else -1 for stage in placed["stage"]]
    return replace(
        plan.codes,
        touchpoints=tuple(touchpoints),
        channels=("", *names["channel"]),
        sources=tuple(source.name for source in sources),
        stage_of=tuple(stage_of),
        timing=tuple(timings),
        good=tuple(good),
        bad=tuple(bad),
        aside=tuple(aside),
    )


def _asides(con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable]) -> list[str]:
    """Name what is no part of the road: answering a survey measures it, a refund undoes it."""
    asked: list[str] = []
    for source in sources:
        if source.kind == "surveys":
            table = quote_name(source.table)
            rows = con.execute(f"SELECT DISTINCT metric FROM {table} WHERE metric IS NOT NULL")
            asked += [clean_name(f"{row[0]}{SURVEY}").casefold() for row in rows.fetchall()]
    return sorted({*asked, REFUND})


def _purchase_codes(con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable]) -> list[int]:
    orders = [index for index, source in enumerate(sources) if source.kind == "orders"]
    if not orders:
        return []
    listed = ", ".join(map(str, orders))
    rows = con.execute(
        "SELECT DISTINCT t.code FROM ev JOIN touchpoint_codes t ON t.raw = touchpoint_raw "
        f"WHERE source IN ({listed}) AND touchpoint_raw <> {quote_text(REFUND)} ORDER BY 1"
    ).fetchall()
    return [int(row[0]) for row in rows]


# ---------------------------------------------------------------- customers and partitions


def _write_customers(
    con: duckdb.DuckDBPyConnection, identity: Identity, folder: Path, codes: Codes, *, secret: bytes
) -> Codes:
    """Give each customer a code in the order of its pseudonym, so that order tells nothing."""
    people = identity.customers.drop_duplicates("customer")[["customer"]]
    people = people.assign(pseudonym=pseudonyms(people["customer"], secret))
    people = people.sort_values("pseudonym", kind="stable").reset_index(drop=True)
    linked = identity.customers.merge(
        people.assign(code=people.index.to_numpy()), on="customer", validate="m:1"
    )
    known = linked.astype({"customer_id": "str"})[["customer_id", "code", "pseudonym"]]
    take_in(con, "customer_codes", known)
    people[["pseudonym"]].assign(customer=people.index.to_numpy()).to_parquet(
        folder / CUSTOMERS, index=False
    )
    return replace(codes, customers=len(people))


def _period(con: duckdb.DuckDBPyConnection, plan: LogPlan) -> tuple[int, int]:
    if plan.period is not None:
        return plan.period
    found = fetch_row(con, "SELECT min(timestamp), max(timestamp) FROM ev")
    first, last = found if found else (None, None)
    return int(first or 0), int(last or 0) + 1


_SORTED = """
SELECT CAST(c.code AS INTEGER) AS customer, ev.timestamp AS time,
       CAST(t.code AS INTEGER) AS touchpoint,
       CAST(coalesce(h.code + 1, 0) AS SMALLINT) AS channel,
       CAST(coalesce(s.stage, p.stage, -1) AS TINYINT) AS stage, CAST(source AS SMALLINT) AS source,
       value, sentiment
FROM ev JOIN customer_codes c USING (customer_id) JOIN touchpoint_codes t ON t.raw = touchpoint_raw
LEFT JOIN channel_codes h ON h.raw = channel_raw
LEFT JOIN stage_places s ON s.raw = stage_raw LEFT JOIN touchpoint_places p ON p.code = t.code
ORDER BY customer, time, coalesce(ord, 0), source, file, row
"""


def _write_places(con: duckdb.DuckDBPyConnection, stages: list[str], codes: Codes) -> None:
    """Make the two look-ups behind an event's stage: its own, else its touchpoint's."""
    order = {stage.casefold(): place for place, stage in enumerate(codes.stages)}
    own = pd.DataFrame(
        {"code": range(len(stages)), "stage": [order[name.casefold()] for name in stages]}
    )
    joined = "SELECT raw, stage FROM stage_codes JOIN incoming USING (code)"
    take_in(con, "stage_places", own.astype("int32"), joined)
    places = pd.DataFrame({"code": range(len(codes.stage_of)), "stage": list(codes.stage_of)})
    take_in(con, "touchpoint_places", places.astype("int32"))


def _write_partitions(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    reader = con.sql(_SORTED).to_arrow_reader(PARTITION_ROWS)
    waiting: list[pa.Table] = []
    number = 0
    for batch in reader:
        waiting.append(pa.Table.from_batches([batch]))
        whole = pa.concat_tables(waiting)
        customer = whole["customer"].to_numpy()
        cut = int((customer < customer[-1]).sum())
        if cut >= PARTITION_ROWS:
            pq.write_table(whole.slice(0, cut), folder / f"part-{number:05d}.parquet")
            number, waiting = number + 1, [whole.slice(cut)]
    rest = pa.concat_tables(waiting) if waiting else None
    if rest is not None and rest.num_rows:
        pq.write_table(rest, folder / f"part-{number:05d}.parquet")


def _facts(con: duckdb.DuckDBPyConnection, codes: Codes) -> dict[str, int | float | str | None]:
    found = fetch_row(
        con,
        "SELECT count(*), count(DISTINCT c.code), round(sum(value), 6), min(timestamp), "
        "max(timestamp) FROM ev JOIN customer_codes c USING (customer_id)",
    )
    events, customers, value, first, last = found or (0, 0, None, None, None)
    return {
        "n_events": int(events),
        "n_customers": int(customers) if events else codes.customers,
        "value_sum": value,
        "first": _stamp(first),
        "last": _stamp(last),
    }


def _stamp(micros: int | None) -> str | None:
    if micros is None:
        return None
    return pd.Timestamp(micros, unit="us", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
