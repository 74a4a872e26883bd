"""A client's sources into typed tables of DESIGN's kinds, with a reason for every row left out.

Files are opened by `formats`, columns are read by `columns` and `times`; here it is decided which
column means what. Not for joining sources; `identity` and `log` do that.
"""

from __future__ import annotations

import re
import time as clock
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from journeylib.columns import Reader
from journeylib.engine import fetch_row
from journeylib.errors import DataError, JourneyError, Note, Problem, did_you_mean
from journeylib.expressions import compile_condition, compile_number, quote_name, quote_text
from journeylib.formats import RawTable, count_rows, find_files, read_database, read_files
from journeylib.tables import INPUTS, Column
from journeylib.times import read_time

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from journeylib.params import Params
    from journeylib.inputs import Source

PLACEHOLDERS = ("0001-01-01", "1900-01-01", "1970-01-01", "9999-12-31")
SCORED = ("score", "rating", "sentiment")
SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 5.0)}
WORDS = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
TENURE_DAYS = {"days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}
MOST_MISSING = 0.5
MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One source, read: a typed table in the connection and what happened on the way.

    Attributes:
        name: Name of the source.
        kind: Kind of table, a key of ``INPUTS``.
        table: Its table in the connection; times are microseconds since 1970 UTC.
        attributes: Further columns, with their own names.
        rows_read: Rows in the files.
        drops: Rows left out, by reason.
        duplicates: Rows that repeat another one in every column of the source.
        notes: What the reader should know.
        scale: Declared ends of its score, or None.
    """

    name: str
    kind: str
    table: str
    attributes: tuple[str, ...]
    rows_read: int
    drops: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    notes: tuple[Note, ...] = ()
    scale: tuple[float, float] | None = None

    @property
    def rows_used(self) -> int:
        """Rows that were kept."""
        return self.rows_read - sum(self.drops.values())

    def frame(self, con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
        """Give the rows as a frame, in file order; times become UTC timestamps."""
        import pandas as pd

        rows = con.execute(f"SELECT * EXCLUDE (_file, _row) FROM {quote_name(self.table)}").df()
        for column in INPUTS[self.kind]:
            if column.kind == "time" and column.name in rows:
                micros = rows[column.name].astype("Int64")
                rows[column.name] = pd.to_datetime(micros, unit="us", utc=True)
        return rows


def read_sources(params: Params, con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
    """Read every source of a client.

    Args:
        params: The client file.
        con: Connection in which the tables are made.

    Returns:
        The sources in the order of the client file.

    Raises:
        DataError: One or more sources cannot be used; holds every problem of all of them.
    """
    tables, problems = [], []
    for index, source in enumerate(params.sources):
        try:
            tables.append(read_source(params, source, con, table=f"source_{index}"))
        except DataError as refused:
            problems += [replace(p, file=p.file or source.name) for p in refused.problems]
    if problems:
        raise DataError(f"{params.client}: {len(problems)} problem(s) in the data.", problems)
    return tables


def read_source(
    params: Params, source: Source, con: duckdb.DuckDBPyConnection, *, table: str
) -> SourceTable:
    """Read one source into a typed table.

    Args:
        params: The client file, for the time zone and for finding files.
        source: The source's part of it.
        con: Connection in which the table is made.
        table: Name of the table.

    Returns:
        The typed table, its dropped rows counted by reason.

    Raises:
        DataError: Holds every problem of this source with file, line, column and what to do.
    """
    raw = _read_raw(params, source, con, f"{table}_raw")
    if source.format.wide:
        _lengthen(con, raw, source)
    reader = Reader(
        con, raw, zone=params.timezone, decimal=source.format.decimal,
        thousands=source.format.thousands, missing=_missing(source, raw.columns),
    )  # fmt: skip
    picked = _pick_columns(source, reader)
    if reader.problems:
        raise DataError(f"{source.name} cannot be used.", reader.problems)
    typed, reasons, attributes = _typed_columns(source, reader, picked)
    if reader.problems:
        raise DataError(f"{source.name} cannot be used.", reader.problems)
    duplicates = _count_duplicates(con, raw)
    drops = _write(con, table, raw, typed, [*reasons, *_duplicate_rule(source, raw, duplicates)])
    built = SourceTable(
        source.name, source.kind, table, tuple(attributes), raw.rows, drops, duplicates,
        (*raw.notes, *reader.notes),
        (source.scale.low, source.scale.high) if source.scale else None,
    )  # fmt: skip
    con.execute(f"DROP TABLE {quote_name(raw.name)}")
    _check_times(con, built, source, reader.file)
    return built


def _read_raw(
    params: Params, source: Source, con: duckdb.DuckDBPyConnection, table: str
) -> RawTable:
    if source.path is not None:
        files = find_files(source.path, params.find_path(source.path))
        if files[0].suffix.lower() not in {".sqlite", ".sqlite3", ".db"}:
            return read_files(con, files, table, layout=source.format)
        url = f"sqlite:///{files[0]}"
    else:
        url = _database_url(params, source.database_url())
    query = source.query or f"SELECT * FROM {quote_name(source.table or '')}"
    return read_database(con, url, query, table, label=source.name)


def _database_url(params: Params, url: str) -> str:
    """Look a relative SQLite file up where every other relative path is looked up."""
    match = re.fullmatch(r"(sqlite(?:\+\w+)?):///([^/].*)", url)
    if match is None:
        return url
    (file,) = find_files(match[2], params.find_path(match[2]))
    return f"{match[1]}:///{file}"


def _missing(source: Source, columns: list[str]) -> dict[str, list[str]]:
    """Give the declared missing values under the source's own column names."""
    listed: dict[str, list[str]] = {}
    for name, values in source.missing.items():
        mapped = source.columns.get(name, name)
        own = mapped if isinstance(mapped, str) else name
        listed[own if own in columns else name] = [str(value) for value in values]
    return listed


def _lengthen(con: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> None:
    """Turn a wide table, one column a unit, into one row a unit and time."""
    wide = source.format.wide or {}
    fixed = {name for name in source.columns.values() if isinstance(name, str)}
    spread = [name for name in raw.columns if name not in fixed and name != raw.columns[0]]
    listed = ", ".join(quote_name(name) for name in spread)
    unpivot = (
        f"SELECT * FROM {quote_name(raw.name)} UNPIVOT INCLUDE NULLS "
        f"({quote_name(wide['values_to'])} FOR {quote_name(wide['names_to'])} IN ({listed}))"
    )
    con.execute(f"CREATE OR REPLACE TABLE {quote_name(raw.name + '_long')} AS {unpivot}")
    con.execute(f"DROP TABLE {quote_name(raw.name)}")
    con.execute(f"ALTER TABLE {quote_name(raw.name + '_long')} RENAME TO {quote_name(raw.name)}")
    kept = [name for name in raw.columns if name not in spread]
    raw.columns = [*kept, wide["names_to"], wide["values_to"]]
    raw.rows = count_rows(con, raw.name)


# ---------------------------------------------------------------- which column means what


def _pick_columns(source: Source, reader: Reader) -> dict[str, list[str]]:
    """Find the source columns behind each mapped name: declared, else by name or synonym."""
    columns = reader.raw.columns
    picked: dict[str, list[str]] = {}
    contract = {column.name: column for column in INPUTS[source.kind]}
    for name, written in source.columns.items():
        if (name, written) == ("customer_id", "row") and "row" not in columns:
            picked[name] = []
            continue
        found = _written_columns(name, written, columns, reader, contract.get(name))
        if found:
            picked[name] = found
    taken = {column for own in picked.values() for column in own}
    given = {*picked, *source.constants, *source.compute}
    for column in INPUTS[source.kind]:
        if column.name not in given and column.name not in source.columns:
            found_name = _by_name(column, [name for name in columns if name not in taken])
            if found_name:
                picked[column.name] = [found_name]
                taken.add(found_name)
                if _plain(found_name) != _plain(column.name):
                    text = f"{found_name!r} was taken as {column.name}."
                    reader.note("N-COLUMN-MATCHED", text, found_name)
    _check_required(source, picked, reader)
    return picked


def _written_columns(
    name: str,
    written: str | int | list[str | int],
    columns: list[str],
    reader: Reader,
    column: Column | None,
) -> list[str]:
    found = []
    exact = {_plain(own): own for own in reversed(columns)}
    for one in written if isinstance(written, list) else [written]:
        if isinstance(one, int) and 0 < one <= len(columns):
            found.append(columns[one - 1])
        elif str(one) in columns:
            found.append(str(one))
        elif _plain(str(one)) in exact:
            found.append(exact[_plain(str(one))])
        elif column is not None and column.required:
            near = did_you_mean(str(one), columns) or f"It has: {', '.join(columns[:12])}."
            text = f'there is no column "{one}" for {name} ({column.meaning.lower()}).'
            reader.problems.append(
                Problem("E-MISSING-COLUMN", text, reader.file, 1, str(one), near)
            )
        else:
            near = did_you_mean(str(one), columns)
            text = f"there is no column {one!r} for {name}; it stays empty. {near}".rstrip()
            reader.notes.append(
                Note("N-COLUMN-ABSENT", text, reader.file, 1, str(one), reader.raw.rows)
            )
    return found


def _by_name(column: Column, columns: list[str]) -> str:
    plain = {_plain(name): name for name in reversed(columns)}
    for wanted in (column.name, *column.synonyms):
        if _plain(wanted) in plain:
            return plain[_plain(wanted)]
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-.]", "", name).casefold()


def _check_required(source: Source, picked: dict[str, list[str]], reader: Reader) -> None:
    given = {*picked, *source.constants, *source.compute}
    columns = reader.raw.columns
    for column in INPUTS[source.kind]:
        if column.required and column.name not in given and column.name not in source.columns:
            near = did_you_mean(column.name, columns) or f"It has: {', '.join(columns[:12])}."
            text = f'missing "{column.name}" ({column.meaning.lower()}).'
            fix = f"{near} Map a column to it in `columns`."
            reader.problems.append(
                Problem("E-MISSING-COLUMN", text, reader.file, 1, column.name, fix)
            )
    either = {"surveys": ("timestamp", "wave"), "feedback": ("text", "rating")}.get(source.kind)
    if either and not given & set(either):
        text = f"{source.kind} need {either[0]} or {either[1]}."
        fix = "Map a column to one of them in `columns`."
        reader.problems.append(Problem("E-MISSING-COLUMN", text, reader.file, 1, either[0], fix))


# ---------------------------------------------------------------- typed columns


def _typed_columns(
    source: Source, reader: Reader, picked: dict[str, list[str]]
) -> tuple[dict[str, str], list[tuple[str, str]], list[str]]:
    """Write the SQL of every typed column and of every reason to leave a row out."""
    typed: dict[str, str] = {}
    reasons = _keep_rules(source, reader)
    for column in INPUTS[source.kind]:
        sql = _contract_column(source, reader, column, picked.get(column.name))
        if sql is not None:
            typed[column.name] = sql
    for name, expression in source.compute.items():
        typed[name] = _compiled(reader, expression, condition=False)
    for name, value in source.constants.items():
        if name not in typed:
            typed[name] = quote_text(str(value))
    taken = {own for columns in picked.values() for own in columns}
    attributes = []
    for own in reader.raw.columns:
        if own not in taken and own not in typed and _plain(own):
            typed[own] = reader.attribute(own)
            attributes.append(own)
    for name, columns in picked.items():
        if name not in typed and columns:
            scored = name in SCORED
            typed[name] = (_words_or_number if scored else Reader.attribute)(reader, columns[0])
            attributes.append(name)
    _add_tenure(source, typed)
    _scale(source, reader, typed)
    return typed, [*reasons, *_missing_rules(source, reader, typed)], attributes


def _contract_column(
    source: Source, reader: Reader, column: Column, own: list[str] | None
) -> str | None:
    if column.name in source.compute:
        return None
    if own is None:
        return (
            quote_text(str(source.constants[column.name]))
            if column.name in source.constants
            else None
        )
    if not own:
        return "concat('row ', _file + 1, '-', _row)"
    joined = None
    if len(own) > 1:
        parts = ", ".join(reader.text(name) for name in own)
        joined = f"nullif(concat_ws(' ', {parts}), '')"
    if column.kind == "time":
        declared = source.format.dates
        if isinstance(declared, dict):
            declared = declared.get(column.name) or declared.get(own[0])
        return read_time(reader, own[0], declared=declared, text=joined)
    if column.kind == "number":
        if column.name in {"sentiment", "rating"}:
            return _words_or_number(reader, own[0])
        return reader.number(own[0])
    if column.kind == "flag":
        return reader.flag(own[0])
    if joined is not None:
        return joined
    return reader.id(own[0]) if column.kind == "id" else reader.text(own[0])


def _words_or_number(reader: Reader, own: str) -> str:
    """Read positive, neutral and negative as 1, 0 and -1; anything else as numbers."""
    if reader.is_number(own):
        return reader.number(own)
    text = f"lower({reader.text(own)})"
    listed = ", ".join(quote_text(word) for word in WORDS)
    worded = f"{text} IN ({listed})"
    if not reader.count(worded) or reader.count(f"{text} IS NOT NULL AND NOT {worded}"):
        return reader.number(own)
    reader.note(
        "N-SENTIMENT-WORDS", "positive, neutral, negative were read as 1, 0, -1.", own, worded
    )
    cases = " ".join(f"WHEN {text} = {quote_text(w)} THEN {v}" for w, v in WORDS.items())
    return f"CASE {cases} END"


def _keep_rules(source: Source, reader: Reader) -> list[tuple[str, str]]:
    return [
        (f"not kept by {rule}", f"NOT coalesce({_compiled(reader, rule, condition=True)}, FALSE)")
        for rule in source.keep
    ]


def _compiled(reader: Reader, expression: str, *, condition: bool) -> str:
    columns = reader.raw.columns
    texts = {name: reader.text(name) for name in columns}
    quiet = Reader(
        reader.con, reader.raw, reader.zone, reader.decimal, reader.thousands, reader.missing
    )
    used = [name for name in columns if name in expression]
    numbers = {name: quiet.number(name) if _may_be_number(quiet, name) else "" for name in used}
    numbers = {name: numbers.get(name, "") for name in columns}
    compile_ = compile_condition if condition else compile_number
    try:
        return compile_(expression, texts=texts, numbers=numbers)
    except JourneyError as refused:
        key = "keep" if condition else "compute"
        reader.problems.append(Problem("E-EXPRESSION", refused.what, reader.file, None, key))
        return "FALSE"


def _may_be_number(reader: Reader, column: str) -> bool:
    if reader.is_number(column):
        return True
    if not reader.is_text(column):
        return False
    text = reader.text(column)
    shape = f"regexp_full_match({text}, '[-+(]?[^A-Za-z]*[0-9][0-9., ]*\\)?-?')"
    return reader.count(f"{text} IS NOT NULL AND NOT {shape}") < reader.count(shape)


def _missing_rules(source: Source, reader: Reader, typed: dict[str, str]) -> list[tuple[str, str]]:
    needed = [column.name for column in INPUTS[source.kind] if column.required]
    if source.kind == "measurements":
        needed.remove("value")
    rules = []
    for name in needed:
        sql = typed.get(name)
        if sql is None or name in source.constants:
            continue
        empty = reader.count(f"({sql}) IS NULL")
        if empty == reader.raw.rows:
            fix = "Export the column with its values."
            text = f"every {name} is empty."
            reader.problems.append(Problem("E-COLUMN-EMPTY", text, reader.file, 2, name, fix))
        elif name in {"customer_id", "timestamp"} and empty > MOST_MISSING * reader.raw.rows:
            if name == "timestamp":
                text = f"{empty / reader.raw.rows:.0%} of the rows have no {name}."
                fix = "Check the export."
                reader.problem("E-TOO-MANY-MISSING", text, name, fix=fix, where=f"({sql}) IS NULL")
        if empty and empty < reader.raw.rows:
            reader.note(
                "N-ROWS-EXCLUDED", f"rows without {name} were left out.", name, f"({sql}) IS NULL"
            )
        rules.append((f"no {name}", f"({sql}) IS NULL"))
    if "timestamp" in typed and source.kind != "measurements":
        days = ", ".join(f"epoch_us(TIMESTAMP '{day}')" for day in PLACEHOLDERS)
        never = f"({typed['timestamp']}) IN ({days})"
        if 0 < reader.count(never) < reader.raw.rows:
            reader.note(
                "N-DATE-PLACEHOLDER", "placeholder dates were left out.", "timestamp", never
            )
            rules.append(("placeholder date", never))
    return rules


def _scale(source: Source, reader: Reader, typed: dict[str, str]) -> None:
    """Add ``sentiment`` on -1..1 from a score, rating or sentiment on its own scale."""
    known = {*source.columns, *(column.name for column in INPUTS[source.kind])}
    own = next((name for name in SCORED if name in typed and name in known), None)
    if own is None:
        return
    value = f"({typed[own]})"
    low, high, best = -1.0, 1.0, "high"
    if source.scale is not None:
        low, high, best = source.scale.low, source.scale.high, source.scale.best
    elif own == "score":
        low, high = SCALES.get(str(source.constants.get("metric", "")).lower(), (0.0, 10.0))
    elif (
        own == "rating"
        and reader.count(f"{value} > 1")
        and not reader.count(f"{value} NOT BETWEEN 1 AND 5")
    ):
        low, high = 1.0, 5.0
        reader.note("N-SCALE-ASSUMED", "the rating was read on 1 to 5; declare `scale`.", own)
    outside = f"{value} NOT BETWEEN {low} AND {high}"
    if reader.count(outside):
        shown = reader.examples(value, outside)
        code = "E-SENTIMENT-RANGE" if own == "sentiment" else "E-SCORE-RANGE"
        text = f"{shown} lies outside {low:g} to {high:g}."
        fix = "Correct it, list it under `missing`, or set `scale: {low: …, high: …}`."
        reader.problem(code, text, own, fix=fix, where=outside)
        return
    scaled = f"(2 * ({value} - {low}) / {high - low} - 1)"
    typed["sentiment"] = f"-{scaled}" if best == "low" else scaled


def _add_tenure(source: Source, typed: dict[str, str]) -> None:
    """Give a tenure in days, whatever unit it came in."""
    unit = str(source.constants.get("tenure_unit", "days"))
    if "tenure" in typed and unit in TENURE_DAYS:
        typed["tenure"] = f"({typed['tenure']}) * {TENURE_DAYS[unit]}"


# ---------------------------------------------------------------- writing and counting


def _count_duplicates(con: duckdb.DuckDBPyConnection, raw: RawTable) -> int:
    listed = ", ".join(quote_name(name) for name in raw.columns)
    table = quote_name(raw.name)
    found = fetch_row(con, f"SELECT count(*) - count(DISTINCT hash({listed})) FROM {table}")
    return int(found[0]) if found else 0


def _duplicate_rule(source: Source, raw: RawTable, duplicates: int) -> list[tuple[str, str]]:
    if not duplicates:
        return []
    verb = "left out" if source.duplicates == "drop" else "kept"
    text = f"rows repeat another one in every column; they were {verb}."
    raw.notes.append(
        Note("N-DUPLICATES", text, raw.files[0].name if raw.files else raw.name, rows=duplicates)
    )
    if source.duplicates != "drop":
        return []
    listed = ", ".join(quote_name(name) for name in raw.columns)
    order = "ORDER BY _file, _row"
    return [("duplicate", f"row_number() OVER (PARTITION BY {listed} {order}) > 1")]


def _write(
    con: duckdb.DuckDBPyConnection,
    table: str,
    raw: RawTable,
    typed: dict[str, str],
    reasons: list[tuple[str, str]],
) -> dict[str, int]:
    """Write the typed table without the rows that have a reason to go, and count those."""
    cases = " ".join(f"WHEN {sql} THEN {index}" for index, (_, sql) in enumerate(reasons))
    reason = f"CASE {cases} END" if cases else "NULL::INTEGER"
    columns = ", ".join(f"{sql} AS {quote_name(name)}" for name, sql in typed.items())
    every = quote_name(table + "_all")
    con.execute(
        f"CREATE OR REPLACE TABLE {every} AS SELECT {columns}, _file, _row, {reason} AS _reason "
        f"FROM {quote_name(raw.name)}"
    )
    counted = con.execute(
        f"SELECT _reason, count(*) FROM {every} WHERE _reason IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    con.execute(
        f"CREATE OR REPLACE TABLE {quote_name(table)} AS SELECT * EXCLUDE (_reason) FROM {every} "
        "WHERE _reason IS NULL"
    )
    con.execute(f"DROP TABLE {every}")
    return {reasons[index][0]: int(rows) for index, rows in counted}


def _check_times(
    con: duckdb.DuckDBPyConnection, built: SourceTable, source: Source, file: str
) -> None:
    """Refuse events from the future: a clock or a calendar is wrong there."""
    if source.format.allow_future or built.kind == "measurements":
        return
    if "timestamp" not in {
        row[0] for row in con.execute(f"DESCRIBE {quote_name(built.table)}").fetchall()
    }:
        return
    limit = int(clock.time() * 1_000_000) + MICROSECONDS_PER_DAY
    found = fetch_row(
        con,
        f"SELECT count(*), min(_row), max(make_timestamp(timestamp)) FROM {quote_name(built.table)} "
        f"WHERE timestamp > {limit}",
    )
    if found and found[0]:
        text = f"{found[0]:,} rows lie in the future, up to {found[2]:%Y-%m-%d}."
        fix = "Correct them, or set format: allow_future: true."
        problem = Problem("E-DATE-FUTURE", text, file, int(found[1]) + 1, "timestamp", fix)
        raise DataError(f"{source.name} cannot be used.", [problem])
