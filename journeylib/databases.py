"""Tables and queries of databases into raw tables. Not for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.raw import RawTable, append_part, check_names, count_rows, refuse, register_rows
from journeylib.records import table_of_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    import sqlalchemy as sa

BATCH = 50_000


def read_database(
    con: duckdb.DuckDBPyConnection, url: str | sa.URL, query: str, table: str, *, label: str
) -> RawTable:
    """Stream a query's result from any SQLAlchemy database into a raw table.

    Args:
        con: Connection in which the table is made.
        url: SQLAlchemy URL; never shown in a message.
        query: SQL, run as it is.
        table: Name of the raw table.
        label: What messages call the source.

    Returns:
        The raw table, its rows in the order of the query.

    Raises:
        DataError: The database cannot be reached, refuses the query, or gives no row.
    """
    import sqlalchemy as sa

    raw = RawTable(table, label)
    try:
        engine = sa.create_engine(url)
        with engine.connect().execution_options(stream_results=True) as link:
            _read_batches(con, link.exec_driver_sql(query), raw)
        engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError) as failed:
        reason = str(getattr(failed, "orig", None) or type(failed).__name__).split("\n")[0]
        fix = "Check `url`, `table` and `query`."
        raise refuse("E-DATABASE", label, f"the database answers: {reason}.", fix) from None
    if not raw.columns:
        raise refuse("E-NO-ROWS", label, "the query returned no row.", "Check `query`.")
    raw.rows = count_rows(con, table)
    return raw


def _read_batches(con: duckdb.DuckDBPyConnection, result: Any, raw: RawTable) -> None:
    names = list(result.keys())
    check_names(names, raw.label, None)
    seen, part = 0, f"{raw.name}_part"
    for batch in _batches(result):
        columns = {name: [row[i] for row in batch] for i, name in enumerate(names)}
        register_rows(con, part, table_of_records(columns))
        con.execute(f'UPDATE "{part}" SET _row = _row + {seen}')
        append_part(con, raw, part)
        seen += len(batch)


def _batches(result: Any) -> Iterator[list[Any]]:
    while batch := result.fetchmany(BATCH):
        yield batch
