"""Where heavy work runs: a DuckDB connection for cleaning, and a map over the log's partitions.

Not for what is computed: `sources` writes the cleaning, `summaries` the passes over the log.
"""

from __future__ import annotations

import functools
import operator
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import duckdb

from journeylib.expressions import quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class Addable(Protocol):
    """A summary: two of them add up to the summary of both parts."""

    def __add__(self, other: Any, /) -> Any:
        """Summarise two parts together."""


Part = TypeVar("Part")
Sum = TypeVar("Sum", bound=Addable)


def open_connection(*, memory: str, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database that spills to a folder and never touches the network.

    Args:
        memory: Limit such as ``"4GB"``.
        scratch: Existing folder for spilled data; at most 50 GB are written there.

    Returns:
        A connection that keeps the order of rows.
    """
    settings = {
        "memory_limit": memory,
        "temp_directory": str(scratch),
        "max_temp_directory_size": "50GB",
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    con = duckdb.connect(config=settings)
    con.execute("SET TimeZone = 'UTC'")
    return con


def summarise(
    function: Callable[[Part], Sum],
    parts: Iterable[Part],
    *,
    mapper: Callable[..., Iterator[Sum]] = map,
) -> Sum | None:
    """Summarise every partition and add the summaries up.

    Args:
        function: Turns one partition into a summary.
        parts: The partitions of a log.
        mapper: Anything shaped like ``map``, such as an executor's ``map``.

    Returns:
        The sum, or None where there is no partition.
    """
    summaries = iter(mapper(function, parts))
    first = next(summaries, None)
    return None if first is None else functools.reduce(operator.add, summaries, first)


def store(con: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    """Write the rows of a query to disk and give them a name.

    What is read once and asked often must not stand in memory: a view on a file streams.

    Args:
        con: Connection from `open_connection`.
        name: Name of the view; what bore it before is replaced.
        rows: The query; its order is kept.
    """
    file = quote_text(glob_free(write_rows(con, rows)))
    con.execute(f"CREATE OR REPLACE VIEW {quote_name(name)} AS SELECT * FROM read_parquet({file})")


def write_rows(con: duckdb.DuckDBPyConnection, rows: str) -> Path:
    """Write the rows of a query to a Parquet file that lasts as long as the scratch folder."""
    file = _scratch(con) / f"{secrets.token_hex(8)}.parquet"
    options = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION uncompressed"
    con.execute(f"COPY ({rows}) TO {quote_text(str(file))} ({options})")
    return file


def make_folder(con: duckdb.DuckDBPyConnection) -> Path:
    """Make a new folder that lasts as long as the scratch folder."""
    folder = _scratch(con) / secrets.token_hex(8)
    folder.mkdir(parents=True)
    return folder


def _scratch(con: duckdb.DuckDBPyConnection) -> Path:
    return Path(fetch_row(con, "SELECT current_setting('temp_directory')")[0])


def numbered(file: Path, hidden: Sequence[str] = ()) -> str:
    """SQL of the rows of a Parquet file, with ``_row`` from 1, without some of its columns."""
    left_out = ", ".join(quote_name(name) for name in ["file_row_number", *hidden])
    scan = f"read_parquet({quote_text(glob_free(file))}, file_row_number=true)"
    return f"SELECT file_row_number + 1 AS _row, * EXCLUDE ({left_out}) FROM {scan}"


def take_in(
    con: duckdb.DuckDBPyConnection, table: str, rows: Any, query: str = "SELECT * FROM incoming"
) -> None:
    """Make a table of a frame, or of Arrow rows.

    Args:
        con: Connection in which the table is made.
        table: Its name; what bore it before is replaced.
        rows: The frame.
        query: What of it, and joined to what; it stands there as ``incoming``.
    """
    con.register("incoming", rows)
    try:
        con.execute(f"CREATE OR REPLACE TABLE {quote_name(table)} AS {query}")
    finally:
        con.unregister("incoming")


def rename(con: duckdb.DuckDBPyConnection, old: str, new: str) -> None:
    """Give a table or a view another name."""
    kind = "VIEW" if is_view(con, old) else "TABLE"
    con.execute(f"ALTER {kind} {quote_name(old)} RENAME TO {quote_name(new)}")


def drop(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Drop tables and views by name; those that are not there are passed over."""
    for name in names:
        kind = "VIEW" if is_view(con, name) else "TABLE"
        con.execute(f"DROP {kind} IF EXISTS {quote_name(name)}")


def is_view(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Tell whether a name belongs to a view."""
    return bool(
        fetch_row(con, f"SELECT 1 FROM duckdb_views() WHERE view_name = {quote_text(name)}")
    )


def glob_free(path: Path) -> str:
    """Write a path so that DuckDB does not expand it as a glob."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def fetch_row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Run a query and give its first row, or an empty tuple; nothing is left open behind it."""
    rows = con.execute(sql).fetchall()
    return rows[0] if rows else ()
