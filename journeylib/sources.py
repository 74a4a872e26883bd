"""A client's sources into typed tables of DESIGN's kinds, with a reason for every row left out.

Files are opened by `formats`, columns chosen by `mappings` and read by `contracts`, rows checked by
`rows`; here it is done for one source after the other. Not for joining sources; `identity` and
`log` do that.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from journeylib.columns import Reader
from journeylib.contracts import make_contract
from journeylib.databases import Relation, read_database
from journeylib.engine import make_folder
from journeylib.errors import DataError, JourneyError, Note, Problem
from journeylib.expressions import quote_name
from journeylib.formats import find_files, read_files
from journeylib.mappings import expect_kinds, lengthen, pick_columns, plain
from journeylib.remarks import remark_columns
from journeylib.rows import SCALES, check_stages, name_used, type_rows, value_lost
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pandas as pd
    import sqlalchemy as sa

    from journeylib.inputs import Source
    from journeylib.params import Params
    from journeylib.raw import RawTable

__all__ = ["SCALES", "SourceTable", "read_source", "read_sources"]

DATABASE_FILES = {".sqlite", ".sqlite3", ".db"}


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One source, read: a typed table in the connection and what happened on the way.

    Attributes:
        name: Name of the source.
        kind: Kind of table, a key of ``INPUTS``.
        table: Its table in the connection; times are microseconds since 1970 UTC.
        attributes: Further columns, with their own names.
        raw: What was found in its files; says where each row stands.
        drops: Rows left out, by reason.
        duplicates: Rows that repeat another one in every column of the source.
        notes: What the reader should know.
        scale: Declared ends of its score, or None.
        reasons: Why rows were left out, and the SQL that finds them in ``every``.
        lost: Money in the rows left out, by reason; empty where the source has no money.
    """

    name: str
    kind: str
    table: str
    attributes: tuple[str, ...]
    raw: RawTable = field(repr=False)
    drops: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    notes: tuple[Note, ...] = ()
    scale: tuple[float, float] | None = None
    reasons: tuple[tuple[str, str], ...] = ()
    lost: dict[str, float] = field(default_factory=dict)

    @property
    def every(self) -> str:
        """Table of every row, those left out included."""
        return f"{self.table}_all"

    @property
    def rows_read(self) -> int:
        """Rows in the files."""
        return self.raw.rows

    @property
    def rows_used(self) -> int:
        """Rows that were kept."""
        return self.rows_read - sum(self.drops.values())

    def frame(self, con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
        """Give the rows as a frame, in file order; times become UTC timestamps."""
        import pandas as pd

        rows: pd.DataFrame = con.execute(
            f"SELECT * EXCLUDE (_file, _row) FROM {quote_name(self.table)} ORDER BY _file, _row"
        ).df()
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
    import duckdb

    tables, problems = [], []
    for index, source in enumerate(params.sources):
        try:
            tables.append(read_source(params, source, con, table=f"source_{index}"))
        except JourneyError as refused:
            problems += [replace(p, file=p.file or source.name) for p in refused.problems]
        except duckdb.Error as failed:
            problems.append(_gave_up(source.name, failed))
    if problems:
        raise DataError(f"{params.client}: {len(problems)} problem(s) in the data.", problems)
    return tables


def _gave_up(name: str, failed: duckdb.Error) -> Problem:
    """Say in our own words why the engine gave up; its own words may hold data and paths."""
    import duckdb

    if isinstance(failed, duckdb.OutOfMemoryException):
        text = "it does not fit into the memory that the client file allows."
        return Problem("E-MEMORY", text, name, fix="Raise `memory`, or free space on the disk.")
    text = f"the engine could not read it ({type(failed).__name__})."
    return Problem("E-ENGINE", text, name, fix="Export it again as CSV or Parquet.")


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
        lengthen(con, raw, source)
    reader = Reader(
        con, raw, zone=params.timezone, decimal=source.format.decimal,
        thousands=source.format.thousands, missing=_missing(source, raw.columns),
        days=_days(params, source),
    )  # fmt: skip
    keys = params.identity.match_on
    picked = pick_columns(source, reader, keys=keys)
    _stop(reader, source.name)
    contract = make_contract(source, reader, picked, keys=keys)
    _stop(reader, source.name)
    rows = type_rows(source, reader, contract, f"{table}_all")
    check_stages(rows, params.stages.names)
    _stop(reader, source.name)
    remark_columns(rows)
    reader.close(raw=rows.stored)
    drops = name_used(rows, table)
    return SourceTable(
        source.name, source.kind, table, tuple(contract.attributes), raw, drops, rows.duplicates,
        (*raw.notes, *reader.notes),
        (source.scale.low, source.scale.high) if source.scale else None, tuple(rows.reasons),
        value_lost(rows) if drops else {},
    )  # fmt: skip


def _stop(reader: Reader, name: str) -> None:
    if reader.problems:
        raise DataError(f"{name} cannot be used.", reader.problems)


def _read_raw(
    params: Params, source: Source, con: duckdb.DuckDBPyConnection, table: str
) -> RawTable:
    url: str | sa.URL = source.database_url()
    if source.path is not None:
        files = find_files(source.path, params.find_path(source.path))
        if files[0].suffix.lower() not in DATABASE_FILES:
            return read_files(
                con, files, table, layout=source.format, scratch=make_folder(con),
                kinds=partial(expect_kinds, con, source),
            )  # fmt: skip
        url = _sqlite(files[0])
    elif match := re.fullmatch(r"sqlite(?:\+\w+)?:///([^/].*)", source.database_url()):
        # a relative file is looked up where every other relative path is
        url = _sqlite(find_files(match[1], params.find_path(match[1]))[0])
    query = source.query or Relation(source.table or "")
    return read_database(con, url, query, table, label=source.name)


def _sqlite(file: Path) -> sa.URL:
    import sqlalchemy as sa

    return sa.URL.create("sqlite", database=str(file))


def _days(params: Params, source: Source) -> tuple[dt.date, dt.date] | None:
    """Say of which days dates without a year can be."""
    if year := source.format.year:
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    return (params.period.start, params.period.end) if params.period else None


def _missing(source: Source, columns: list[str]) -> dict[str, list[str]]:
    """Give the declared missing values under the source's own column names."""
    listed: dict[str, list[str]] = {}
    for name, values in source.missing.items():
        mapped = source.columns.get(name, name)
        for own in mapped if isinstance(mapped, list) else [mapped]:
            found = columns[own - 1] if isinstance(own, int) and own <= len(columns) else str(own)
            known = found if found in columns else _alike(name, columns)
            listed.setdefault(known, []).extend(str(value) for value in values)
    return listed


def _alike(name: str, columns: list[str]) -> str:
    return next((own for own in columns if plain(own) == plain(name)), name)
