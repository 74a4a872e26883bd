"""The distinct values of a column, on which everything about the column is decided.

A column of millions of rows has few distinct values as a rule: formats are proved on those, once
each, and what they mean is joined back. Where nearly every row has its own value, as in a column of
times, the rows themselves are asked. Not for what is decided; `numbers`, `times` and `columns` do
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.engine import fetch_row
from journeylib.expressions import quote_name, quote_text
from journeylib.raw import AT, RawTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

_BLANKS = " \t\r\n\u00a0\u200b\ufeff\u2007\u202f"
FLOATS = ("FLOAT", "DOUBLE")
_PLAIN = ("TIMESTAMP", "DATE", "DOUBLE", "BIGINT", "INTEGER")
_PROBED_ROWS, _MOST_DISTINCT = 20_000, 0.5


@dataclass(frozen=True, slots=True)
class Profile:
    """Distinct values: ``own`` as written, ``text`` cleaned, ``n`` rows, ``seen`` the first place.

    Attributes:
        con: Connection that holds the table.
        raw: The raw table.
        table: Table of the profile.
        column: The source's own column name, for messages.
        key: SQL of the raw value, which ``own`` equals.
        cleaned: SQL of the text in the raw table.
        filled: Rows with a value.
        grouped: Whether ``table`` has a row for each distinct value, not for each row.
    """

    con: duckdb.DuckDBPyConnection
    raw: RawTable
    table: str
    column: str
    key: str
    cleaned: str
    filled: int
    grouped: bool

    @property
    def present(self) -> str:
        """SQL that is true for a value that is there."""
        return "text IS NOT NULL" if self.grouped else "own IS NOT NULL"

    def tally(self, conditions: Sequence[str]) -> list[int]:
        """Count the rows for which each condition on ``text`` and ``own`` holds, in one pass."""
        if not conditions:
            return []
        sums = ", ".join(f"coalesce(sum(n) FILTER (WHERE {c}), 0)" for c in conditions)
        found = fetch_row(self.con, f"SELECT {sums} FROM {quote_name(self.table)}")
        return [int(count) for count in found]

    def count(self, condition: str) -> int:
        """Count the rows for which a condition holds."""
        return self.tally([condition])[0]

    def distinct(self) -> int:
        """Count the distinct texts."""
        found = fetch_row(self.con, f"SELECT count(DISTINCT text) FROM {quote_name(self.table)}")
        return int(found[0])

    def place(self, condition: str) -> tuple[str, int | None]:
        """Name file and line of the first row for which a condition holds."""
        found = fetch_row(
            self.con, f"SELECT min(seen) FROM {quote_name(self.table)} WHERE {condition}"
        )
        return self.raw.place(int(found[0])) if found[0] is not None else (self.raw.file, None)

    def examples(self, condition: str) -> str:
        """Show up to three values for which a condition holds, first ones first."""
        rows = self.con.execute(
            f"SELECT own FROM {quote_name(self.table)} WHERE {condition} ORDER BY seen LIMIT 3"
        ).fetchall()
        return ", ".join(repr(str(row[0])[:40]) for row in rows)


def make_profile(
    con: duckdb.DuckDBPyConnection,
    raw: RawTable,
    table: str,
    *,
    value: tuple[str, str],
    column: str,
    missing: Sequence[str] = (),
) -> Profile:
    """Gather the distinct values of a column.

    Args:
        con: Connection that holds the raw table.
        raw: The raw table.
        table: Name of the profile's table.
        value: SQL of the raw value, and its SQL type.
        column: The source's own column name.
        missing: Texts that mean "no answer".

    Returns:
        The profile; spaces round texts are gone, empty and missing texts are null.
    """
    key, kind = value
    text = _trimmed("own", kind, missing)
    plain = not missing and kind.startswith(_PLAIN)
    grouped = not plain or _repeats(con, raw, key)
    made, counted = ("TABLE", f"count(*) AS n, min({AT}) AS seen")
    if not grouped:
        made, counted = ("VIEW", f"1 AS n, {AT} AS seen")
    con.execute(
        f"CREATE OR REPLACE {made} {quote_name(table)} AS SELECT own, {text} AS text, n, seen "
        f"FROM (SELECT {key} AS own, {counted} FROM {quote_name(raw.name)}"
        f"{' GROUP BY 1' if grouped else ''})"
    )
    if not grouped:
        filled = fetch_row(con, f"SELECT count(own) FROM {quote_name(table)}")[0]
        return Profile(con, raw, table, column, key, text_of(key, kind), filled, grouped)
    found = fetch_row(
        con,
        f"SELECT count(*) FILTER (WHERE text IS DISTINCT FROM {text_of('own', kind)}), "
        f"coalesce(sum(n) FILTER (WHERE text IS NOT NULL), 0) FROM {quote_name(table)}",
    )
    cleaned = _trimmed(key, kind, missing) if found[0] else text_of(key, kind)
    return Profile(con, raw, table, column, key, cleaned, int(found[1]), grouped)


def _repeats(con: duckdb.DuckDBPyConnection, raw: RawTable, key: str) -> bool:
    """Tell from the first rows whether values come more than once as a rule."""
    distinct, rows = fetch_row(
        con,
        "SELECT count(DISTINCT own), count(*) FROM "
        f"(SELECT {key} AS own FROM {quote_name(raw.name)} LIMIT {_PROBED_ROWS})",
    )
    return bool(distinct <= _MOST_DISTINCT * rows)


def _trimmed(sql: str, kind: str, missing: Sequence[str]) -> str:
    text = f"nullif(trim({text_of(sql, kind)}, {quote_text(_BLANKS)}), '')"
    if not missing:
        return text
    listed = ", ".join(quote_text(value) for value in missing)
    return f"CASE WHEN {text} NOT IN ({listed}) THEN {text} END"


def text_of(sql: str, kind: str) -> str:
    """SQL of a raw value as text; whole decimal numbers lose their ``.0`` and their exponent."""
    if kind.startswith("VARCHAR"):
        return sql
    if kind in FLOATS:
        whole = f"{sql} = floor({sql}) AND abs({sql}) < 1e18"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({sql} AS BIGINT) AS VARCHAR) "
            f"WHEN NOT isnan({sql}) THEN CAST({sql} AS VARCHAR) END"
        )
    return f"CAST({sql} AS VARCHAR)"
