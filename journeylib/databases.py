"""Tables and queries of databases into raw tables. Not for files."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from journeylib.errors import JourneyError, did_you_mean
from journeylib.raw import RawTable, append_part, check_names, count_rows, refuse
from journeylib.spool import Spool, batch_rows

if TYPE_CHECKING:
    import duckdb
    import sqlalchemy as sa

SECONDS_TO_CONNECT = 30
_WAITING = dict.fromkeys(("postgresql", "mysql", "mariadb"), "connect_timeout")
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view that is read whole.

    Attributes:
        name: Its name as the client file writes it; a schema may stand before it, with a point.
            A table whose own name holds the point wins.
    """

    name: str

    def select(self, link: sa.Connection) -> sa.Select[Any]:
        """Ask for all its columns, its name quoted as this kind of database quotes."""
        schema, _, table = self.name.rpartition(".")
        if schema and self._is_there(link, self.name, None):
            schema, table = "", self.name
        return select_all(schema, table)

    def problem(self, link: sa.Connection) -> tuple[str, str]:
        """Say that there is no such table, and which is near; both empty where there is one."""
        import sqlalchemy as sa

        schema, _, table = self.name.rpartition(".")
        if self._is_there(link, table, schema or None):
            return "", ""
        looked = sa.inspect(link)
        names = [*looked.get_table_names(schema=schema or None)]
        names += looked.get_view_names(schema=schema or None)
        near = did_you_mean(table, names)
        shown = f"It has: {', '.join(sorted(names)[:12])}." if names else ""
        return f"there is no such table: {self.name}.", near or f"Check `table`. {shown}".strip()

    @staticmethod
    def _is_there(link: sa.Connection, table: str, schema: str | None) -> bool:
        import sqlalchemy as sa

        return bool(sa.inspect(link).has_table(table, schema=schema))


def select_all(schema: str, table: str) -> sa.Select[Any]:
    """Ask for all columns of a table; each kind of database quotes the names in its own way."""
    import sqlalchemy as sa

    quoted = sa.quoted_name(schema, quote=True) if schema else None
    named = sa.table(sa.quoted_name(table, quote=True), schema=quoted)
    return sa.select(sa.text("*")).select_from(named)


def read_database(
    con: duckdb.DuckDBPyConnection,
    url: str | sa.URL,
    query: str | Relation,
    table: str,
    *,
    label: str,
) -> RawTable:
    """Stream a table or a query's result from any SQLAlchemy database into a raw table.

    Rows are fetched in batches by a cursor that stays in the database where its driver can;
    nothing is committed there.

    Args:
        con: Connection in which the table is made.
        url: SQLAlchemy URL; never shown in a message, nor is the password in it.
        query: SQL, run as it is; or the table to read.
        table: Name of the raw table.
        label: What messages call the source.

    Returns:
        The raw table, its rows in the order of the query.

    Raises:
        DataError: The database cannot be reached, refuses the query, or gives no row.
    """
    raw = RawTable(table, label)
    with tempfile.TemporaryDirectory() as scratch:
        spool = Spool(Path(scratch), label)
        names = _fetch(url, query, spool, label=label)
        if not spool.rows:
            raise refuse("E-NO-ROWS", label, "the query returned no row.", "Check `query`.")
        part = f"{table}_part"
        spool.write(con, part, {name: name for name in names})
        append_part(con, raw, part)
    raw.rows = count_rows(con, table)
    return raw


def _fetch(url: str | sa.URL, query: str | Relation, spool: Spool, *, label: str) -> list[str]:
    """Fetch every row; gives the columns' names."""
    engine = None
    try:
        engine = _engine(url, label)
        with engine.connect() as link, closing(_run(link, query)) as result:
            return _take(result, spool, label)
    except JourneyError:
        raise
    except Exception as failed:  # drivers raise errors of their own beside SQLAlchemy's
        text, fix = _no_table(engine, query) or _reason(failed, url)
        raise refuse("E-DATABASE", label, text, fix) from None
    finally:
        if engine is not None:
            engine.dispose()


def _take(result: sa.CursorResult[Any], spool: Spool, label: str) -> list[str]:
    if not result.returns_rows:
        text = "the query returns no table."
        raise refuse("E-DATABASE", label, text, "Write a SELECT in `query`.")
    names = [str(name) for name in result.keys()]  # noqa: SIM118 - a result, not a dict
    check_names(names, label, None)
    size = batch_rows(len(names))
    result = result.yield_per(size)
    while rows := result.fetchmany(size):
        spool.add_batch(dict(zip(names, zip(*rows, strict=True), strict=True)), len(rows))
    return names


def _engine(url: str | sa.URL, label: str) -> sa.Engine:
    import sqlalchemy as sa

    parsed = sa.make_url(url)
    backend, file = parsed.get_backend_name(), parsed.database or ""
    opened = file in {"", ":memory:"} or file.startswith("file:") or Path(file).is_file()
    if backend == "sqlite" and not opened:  # SQLite would make an empty one
        raise refuse("E-NO-FILE", label, "there is no such database file.", "Check `url`.")
    waiting = _WAITING.get(backend, "")
    limited = waiting and waiting not in parsed.query
    return sa.create_engine(parsed, connect_args={waiting: SECONDS_TO_CONNECT} if limited else {})


def _run(link: sa.Connection, query: str | Relation) -> sa.CursorResult[Any]:
    if isinstance(query, Relation):
        statement = query.select(link)
        return link.execution_options(stream_results=True).execute(statement)
    # without parameters a per cent sign is what it is, as in LIKE 'a%'
    link = link.execution_options(stream_results=True, no_parameters=True)
    return link.exec_driver_sql(query)


# ---------------------------------------------------------------- what went wrong


def _no_table(engine: sa.Engine | None, query: str | Relation) -> tuple[str, str] | None:
    """Find out whether the table is what lacks."""
    if engine is None or not isinstance(query, Relation):
        return None
    try:
        with engine.connect() as link:
            text, fix = query.problem(link)
    except Exception:  # the database is gone, or does not tell: its first answer counts
        return None
    return (text, fix) if text else None


def _reason(failed: Exception, url: str | sa.URL) -> tuple[str, str]:
    """Say what the database or its driver answers, without the address."""
    if isinstance(failed, ImportError):
        package = failed.name or "for this kind of database"
        text = f"the Python package {package} is not installed."
        return text, f"Install {package} in the kit's environment."
    found = getattr(failed, "orig", None)
    said = str(found) if found is not None else type(failed).__name__
    line = next((line.strip() for line in said.splitlines() if line.strip()), type(found).__name__)
    for secret in _secrets(url):
        line = line.replace(secret, "…")
    line = line[:_LONGEST_REASON].rstrip(".")
    return f"the database answers: {line}.", "Check `url`, `table` and `query`."


def _secrets(url: str | sa.URL) -> list[str]:
    """List what no message may hold: the address and the password, as they may be written."""
    import sqlalchemy as sa

    written = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    try:
        parsed = sa.make_url(url)
        password = str(parsed.password or "")
        whole = [written, parsed.render_as_string(hide_password=False), str(parsed)]
    except (sa.exc.ArgumentError, ValueError):
        return [written]
    forms = {password, quote(password), quote_plus(password)} - {""}
    return [*whole, *sorted(forms, key=len, reverse=True)]
