"""Where heavy work runs: a DuckDB connection for cleaning, and a map over the log's partitions.

Not for what is computed: `sources` writes the cleaning, `summaries` the passes over the log.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import duckdb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


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


def fetch_row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Run a query and give its first row, or an empty tuple; nothing is left open behind it."""
    rows = con.execute(sql).fetchall()
    return rows[0] if rows else ()
