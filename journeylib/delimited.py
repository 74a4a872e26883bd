"""Rows of delimited text into Parquet, strictly by one dialect, in one pass.

Every cell stays the text that was written, but for columns that are read as numbers or times and as
nothing else: where each of their cells has the plain shape of one, they are typed on the way. Not
for finding the dialect; `textfiles` does that.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from journeylib.engine import fetch_row, glob_free, numbered, write_rows
from journeylib.errors import DataError, Note, Problem
from journeylib.expressions import quote_name, quote_text
from journeylib.raw import refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from journeylib.decoding import Text

Read = TypeVar("Read")
LONGEST_LINE, BUFFER = 33_554_432, 40_000_000  # bytes; one line fits into a buffer
SAMPLED_ROWS, SHOWN_ROWS = 2_000, 5
_DOUBTFUL = "_reason"  # a name that check_names keeps free


@dataclass(frozen=True, slots=True)
class Shape:
    """How all cells of a column are written where they can be read in one way only.

    Attributes:
        pattern: Regular expression of a cell.
        kind: SQL type that it becomes.
        like: The same as a pattern of LIKE, which is four times as quick; empty where none is.
    """

    pattern: str
    kind: str
    like: str = ""

    def fits(self, own: str) -> str:
        """SQL that is true for a cell of this shape which the calendar has."""
        if not self.like:
            return f"regexp_full_match({own}, {quote_text(self.pattern)})"
        # what is no digit does not survive the cast, but for a sign in front and the hour 24
        day = f"{own} LIKE {quote_text(self.like)} AND {own} >= '0'"
        return day if len(self.like) == _DAY_LENGTH else f"{day} AND {own} NOT LIKE '{_HOUR_24}'"


_DAY_LENGTH, _HOUR_24 = len("____-__-__"), "____-__-___24%"


def _time(like: str, kind: str = "TIMESTAMP") -> Shape:
    return Shape(like.replace(".", "\\.").replace("_", "[0-9]"), kind, like)


# Anything else is left to a closer look.
SHAPES = {
    "number": (Shape("[-+]?[0-9]{1,14}(\\.([0-9]{1,2}|[0-9]{4,9}))?", "DOUBLE"),),
    "time": (
        _time("____-__-__"),
        *(
            _time(f"____-__-__{sign}__:__{seconds}{zone}", "TIMESTAMPTZ" if zone else "TIMESTAMP")
            for sign in "T "
            for seconds in ("", ":__", ":__.___", ":__.______")
            for zone in ("", "Z")
        ),
        Shape(
            "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6})?)?"
            "[+-][0-9]{2}:[0-9]{2}",
            "TIMESTAMPTZ",
        ),
    ),
}  # fmt: skip


def copy_rows(
    con: duckdb.DuckDBPyConnection, text: Text, table: str, *, kinds: dict[str, str]
) -> None:
    """Read the rows of a text whose dialect is known.

    Args:
        con: Connection from `open_connection`.
        text: The text, decoded, with header and separator.
        table: Name of the view that is made: ``_row`` and a column for each name in the header.
        kinds: ``"number"`` or ``"time"`` for columns that are read as that and as nothing else.

    Raises:
        DataError: A row does not fit the header, or a quote is not closed.
    """
    shapes = _plain_shapes(text, kinds)
    file = _copy(con, text, shapes)
    if shapes and fetch_row(con, f"SELECT bool_or({_DOUBTFUL}) FROM ({numbered(file)})")[0]:
        file = _copy(con, text, {})
    rows = numbered(file, [_DOUBTFUL, *_empty_columns(con, text, file)])
    con.execute(f"CREATE OR REPLACE VIEW {quote_name(table)} AS {rows}")


def _scan(text: Text) -> str:
    """SQL of the file as a table of texts."""
    columns = ", ".join(f"{quote_text(column)}: 'VARCHAR'" for column in text.header)
    options = (
        f"delim={quote_text(text.separator)}, quote={quote_text(text.quote)}, "
        f"escape={quote_text(text.layout.escape or text.quote)}, skip={text.skip}, "
        f"header={'false' if text.layout.header is False else 'true'}, columns={{{columns}}}, "
        "auto_detect=false, strict_mode=true, store_rejects=true, nullstr=[''], "
        f"max_line_size={LONGEST_LINE}, buffer_size={BUFFER}, allow_quoted_nulls=true"
    )
    return f"read_csv({quote_text(glob_free(text.plain))}, {options})"


def _plain_shapes(text: Text, kinds: dict[str, str]) -> dict[str, Shape]:
    """Find columns whose first cells all have one shape; the whole column is proved later."""
    wanted = [name for name in kinds if name in text.header]
    sample = _first_rows(text) if wanted else []
    shapes = {}
    for name in wanted:
        at = text.header.index(name)
        cells = [row[at] for row in sample if row[at]]
        for shape in SHAPES[kinds[name]]:
            if cells and all(re.fullmatch(shape.pattern, cell) for cell in cells):
                shapes[name] = shape
    return shapes


def _first_rows(text: Text) -> list[list[str]]:
    """Read some rows; none where they do not fit the header, of which the copy will tell more."""
    with text.plain.open(encoding="utf-8-sig", newline="") as handle:
        lines = islice(handle, text.skip, None)
        cells = csv.reader(lines, delimiter=text.separator, quotechar=text.quote)
        try:
            rows = [row for row in islice(cells, 1, SAMPLED_ROWS) if row]
        except csv.Error:
            return []
    return rows if all(len(row) == len(text.header) for row in rows) else []


def _copy(con: duckdb.DuckDBPyConnection, text: Text, shapes: dict[str, Shape]) -> Path:
    """Copy the rows, and mark those in which a typed column has a cell of another shape."""
    cells, doubts = [], ["FALSE"]
    for name in text.header:
        cell = own = quote_name(name)
        if name in shapes:
            shape = shapes[name]
            cell = f"CASE WHEN {shape.fits(own)} THEN try_cast({own} AS {shape.kind}) END"
            doubts.append(f"({own} IS NOT NULL AND {cell} IS NULL)")
        cells.append(f"{cell} AS {own}")
    rows = f"SELECT {', '.join(cells)}, {' OR '.join(doubts)} AS {_DOUBTFUL} FROM {_scan(text)}"
    return _refusing(con, text, lambda: write_rows(con, rows))


def _refusing(con: duckdb.DuckDBPyConnection, text: Text, read: Callable[[], Read]) -> Read:
    """Read; what the engine could not read is told in our own words, with its line."""
    import duckdb

    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    try:
        found = read()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as failed:
        raise _unread(text, str(failed)) from None
    rejects = con.execute(
        "SELECT DISTINCT coalesce(line_byte_position, byte_position, 0), column_name, "
        "error_type::VARCHAR, csv_line "
        f"FROM reject_errors ORDER BY ALL LIMIT {SHOWN_ROWS}"
    ).fetchall()
    if rejects:
        lines = _lines_at(text.plain, [int(row[0]) for row in rejects])
        problems = [_reject(text, line, row[1:]) for line, row in zip(lines, rejects, strict=True)]
        raise DataError(f"{text.name} cannot be read.", problems)
    return found


def _lines_at(plain: Path, positions: list[int]) -> list[int]:
    """Count the lines up to some bytes, in ascending order; quoted texts may hold line ends."""
    lines, read = [], 1
    with plain.open("rb") as handle:
        for position in positions:
            read += handle.read(position - handle.tell()).count(b"\n")
            lines.append(read)
    return lines


def _unread(text: Text, reason: str) -> DataError:
    """Say in our own words why the engine gave up on a file."""
    found = re.search(r"\bLine: (\d+)", reason, re.IGNORECASE)
    line = int(found[1]) if found else None
    fix = "Check its quotes, its line ends and format: sep."
    return text.refuse("E-CSV", "it cannot be read as delimited text.", fix, line)


def _reject(text: Text, line: int, row: tuple[Any, ...]) -> Problem:
    column, kind, shown = row[0] or "", str(row[1]), str(row[2])[:60]
    if "QUOTE" in kind:
        fix = "Close or double the quote, or set format: escape."
        message = "a quote is not closed, or not doubled."
        return Problem("E-QUOTE", message, text.name, line, column, fix)
    if not text.ended and line > text.lines:
        message = f"the file is cut in the middle of a row: {shown!r}."
        return Problem("E-TRUNCATED", message, text.name, line, "", "Export the file again.")
    message = f"the row does not have the header's {len(text.header)} fields: {shown!r}."
    fix = "Complete the row, or quote the text that holds the separator."
    return Problem("E-RAGGED", message, text.name, line, "", fix)


def _empty_columns(con: duckdb.DuckDBPyConnection, text: Text, file: Path) -> list[str]:
    """Name columns without name and without values: separators at the ends of lines."""
    empty = []
    for name in (name for name in text.header if re.fullmatch(r"column \d+", name)):
        filled = fetch_row(con, f"SELECT count({quote_name(name)}) FROM ({numbered(file)})")[0]
        line = text.skip + 1
        if filled and name != "column 1":  # many tools write row numbers there without a name
            fix = f"Name {name}."
            message = f"{name} holds values and has no name."
            raise refuse("E-MISSING-COLUMN", text.name, message, fix, line=line, column=name)
        if not filled and len(text.header) > 1:
            empty.append(name)
            message = "a column without name and values was left out."
            text.notes.append(Note("N-EMPTY-COLUMN", message, text.name, line))
    return empty
