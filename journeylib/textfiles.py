"""Delimited and fixed-width text into raw tables, every cell as it was written.

The text is decoded strictly and read by one dialect, found on the header or declared; a row that
does not fit it is a problem with its line. Not for giving cells a meaning; `columns` does that.
"""

from __future__ import annotations

import csv
import re
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

from journeylib.decoding import SEPARATORS, Text, decode_text
from journeylib.errors import DataError, Note, Problem
from journeylib.expressions import quote_name, quote_text
from journeylib.raw import Lines, RawTable, check_names, refuse, register_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from journeylib.inputs import Format

LONGEST_LINE = 33_554_432
_SNIFFED_LINES = 40
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}( .*)?")
_NUMBER = re.compile(r"-?\d+([.,]\d+)?")


def read_text(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    table: str,
    *,
    layout: Format,
    raw: RawTable,
    scratch: Path,
) -> None:
    """Read one text file into a table with ``_row`` and a text column for each column.

    Args:
        con: Connection in which the table is made.
        path: An unpacked file.
        table: Name of the table.
        layout: The `format` keys of the source.
        raw: Takes notes and the lines of the rows.
        scratch: Folder for text that has to be written again as UTF-8.

    Raises:
        DataError: A byte does not decode, the header is missing, or a row does not fit it.
    """
    text = Text(path.name, path, layout, raw.notes)
    decode_text(text, scratch)
    if layout.sep == "whitespace" or layout.widths:
        rows, lines = _read_spaced(text)
        raw.lines.append(lines)
        register_rows(con, table, rows)
        return
    _find_dialect(text)
    _read_header(text)
    first = text.skip + (1 if layout.header is False else 2)
    raw.lines.append(Lines(first, text.plain, text.separator, text.quote))
    _copy(con, text, table)
    _drop_empty(con, text, table)


# ---------------------------------------------------------------- dialect and header


def _find_dialect(text: Text) -> None:
    """Find the line of the header and the separator."""
    layout, text.skip = text.layout, text.layout.skip_rows or 0
    declared = layout.sep or ""
    with text.plain.open(encoding="utf-8-sig", newline="") as handle:
        lines = [line.rstrip("\r\n") for line in islice(handle, text.skip + _SNIFFED_LINES)]
    while text.skip < len(lines) and not lines[text.skip].strip():
        text.skip += 1
    hint = lines[text.skip] if text.skip < len(lines) else ""
    if len(hint) == 5 and hint.lower().startswith("sep="):
        declared, text.skip = hint[4], text.skip + 1
        text.notes.append(_dialect_note(text, declared))
    if text.skip >= len(lines):
        raise text.refuse("E-EMPTY", "it holds no text.", "Export the data again.", None)
    text.separator = declared or _sniff(lines[text.skip :], by_rows=layout.header is False)
    if not declared and text.separator != "," and text.separator in lines[text.skip]:
        text.notes.append(_dialect_note(text, text.separator))
    if layout.header is not False:
        _refuse_title(text, lines)


def _dialect_note(text: Text, sign: str) -> Note:
    return Note("N-DIALECT", f"columns are separated by {sign!r}.", text.name, text.skip + 1)


def _sniff(lines: list[str], *, by_rows: bool) -> str:
    """Choose the separator that cuts the header into most names, or all rows alike."""
    if by_rows:
        filled = [line for line in lines if line.strip()]
        for sign in (";", "\t", "|", ","):
            widths = {len(_split(line, sign)) for line in filled}
            if len(widths) == 1 and widths != {1}:
                return sign
    return max(SEPARATORS, key=lambda sign: (len(_split(lines[0], sign)), sign == ","))


def _split(line: str, sign: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=sign))
    except csv.Error:
        return line.split(sign)


def _refuse_title(text: Text, lines: list[str]) -> None:
    """Refuse a title or comment where the header belongs."""
    if len(_split(lines[text.skip], _sniff(lines[text.skip :], by_rows=False))) > 1:
        return
    for number in range(text.skip + 1, min(len(lines), text.skip + 20)):
        sign = _sniff(lines[number:], by_rows=False)
        if len(_split(lines[number], sign)) > 2:
            fix = f"Delete the lines above the header, or set format: skip_rows: {number}."
            shown = lines[text.skip][:40]
            message = f"{shown!r} stands where the header belongs."
            raise text.refuse("E-NO-HEADER", message, fix, text.skip + 1)


def _read_header(text: Text) -> None:
    with text.plain.open(encoding="utf-8-sig", newline="") as handle:
        for _ in range(text.skip):
            handle.readline()
        rows = csv.reader(handle, delimiter=text.separator, quotechar=text.quote)
        try:
            cells = next(rows)
        except csv.Error:
            fix = "Close or double the quote."
            raise text.refuse("E-QUOTE", "a quote is not closed.", fix, text.skip + 1) from None
    if text.layout.header is False:
        text.header = [str(position + 1) for position in range(len(cells))]
        return
    dates = any(_DATE.fullmatch(cell.strip()) for cell in cells)
    if dates and any(_NUMBER.fullmatch(cell.strip()) for cell in cells) and not text.layout.wide:
        fix = "Add a header row, or set format: header: false and map columns by position."
        message = f"the first row holds data ({', '.join(cells[:3])[:60]}), not names."
        raise text.refuse("E-NO-HEADER", message, fix, text.skip + 1)
    text.header = [cell.strip() or f"column {at}" for at, cell in enumerate(cells, start=1)]
    check_names(text.header, text.name, text.skip + 1)


# ---------------------------------------------------------------- rows


def _copy(con: duckdb.DuckDBPyConnection, text: Text, table: str) -> None:
    import duckdb

    columns = ", ".join(f"{quote_text(column)}: 'VARCHAR'" for column in text.header)
    options = (
        f"delim={quote_text(text.separator)}, quote={quote_text(text.quote)}, "
        f"escape={quote_text(text.layout.escape or text.quote)}, skip={text.skip}, "
        f"header={'false' if text.layout.header is False else 'true'}, columns={{{columns}}}, "
        "auto_detect=false, strict_mode=true, store_rejects=true, nullstr=[''], "
        f"max_line_size={LONGEST_LINE}, allow_quoted_nulls=true"
    )
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    file = quote_text(glob_free(text.plain))
    rows = f"SELECT row_number() OVER () AS _row, * FROM read_csv({file}, {options})"
    try:
        con.execute(f"CREATE OR REPLACE TABLE {quote_name(table)} AS {rows}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as failed:
        raise _unread(text, str(failed)) from None
    rejects = con.execute(
        "SELECT line, column_name, error_type::VARCHAR, csv_line FROM reject_errors ORDER BY line"
    ).fetchall()
    if rejects:
        raise DataError(f"{text.name} cannot be read.", [_reject(text, row) for row in rejects[:5]])


def _unread(text: Text, reason: str) -> DataError:
    """Say in our own words why the engine gave up on a file."""
    found = re.search(r"\bLine: (\d+)", reason, re.IGNORECASE)
    line = int(found[1]) if found else None
    fix = "Check its quotes, its line ends and format: sep."
    return text.refuse("E-CSV", "it cannot be read as delimited text.", fix, line)


def _reject(text: Text, row: tuple[Any, ...]) -> Problem:
    line, column, kind, shown = int(row[0]), row[1] or "", str(row[2]), str(row[3])[:60]
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


def _drop_empty(con: duckdb.DuckDBPyConnection, text: Text, table: str) -> None:
    """Leave out columns without name and without values: separators at the ends of lines."""
    unnamed = [name for name in text.header if re.fullmatch(r"column \d+", name)]
    for name in unnamed:
        own, known = quote_name(name), quote_name(table)
        (filled,) = con.execute(f"SELECT count({own}) FROM {known}").fetchall()[0]
        if filled and name != "column 1":  # many tools write row numbers there without a name
            fix = f"Name {name}."
            message = f"{name} holds values and has no name."
            line = text.skip + 1
            raise refuse("E-MISSING-COLUMN", text.name, message, fix, line=line, column=name)
        if not filled and len(text.header) > 1:
            con.execute(f"ALTER TABLE {known} DROP COLUMN {own}")
            message = "a column without name and values was left out."
            text.notes.append(Note("N-EMPTY-COLUMN", message, text.name, text.skip + 1))


def glob_free(path: Path) -> str:
    """Write a path so that DuckDB does not expand it as a glob."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _read_spaced(text: Text) -> tuple[pa.Table, Lines]:
    """Read columns set apart by runs of blanks, or by fixed widths."""
    import pyarrow as pa

    with text.plain.open(encoding="utf-8-sig", newline="") as handle:
        lines = [
            (number, _cells(line.rstrip("\r\n"), text.layout.widths))
            for number, line in enumerate(handle, start=1)
            if number > (text.layout.skip_rows or 0) and line.strip()
        ]
    if not lines:
        raise text.refuse("E-EMPTY", "it holds no text.", "Export the data again.", None)
    text.header = [str(position + 1) for position in range(len(lines[0][1]))]
    if text.layout.header is not False:
        above, names = lines.pop(0)
        text.header = [name or f"column {at}" for at, name in enumerate(names, start=1)]
        check_names(text.header, text.name, above)
    for number, cells in lines:
        if len(cells) != len(text.header):
            message = f"the row has {len(cells)} cells, not {len(text.header)}."
            raise text.refuse("E-RAGGED", message, "Correct the row.", number)
    columns = zip(*(cells for _, cells in lines), strict=True) if lines else [[]] * len(text.header)
    table = {
        name: pa.array(own, pa.string()) for name, own in zip(text.header, columns, strict=True)
    }
    numbers = [number for number, _ in lines]
    return pa.table(table), Lines(numbers[0] if numbers else 2, numbers=numbers)


def _cells(line: str, widths: Sequence[int] | None) -> list[str]:
    if widths is None:
        return line.split()
    ends = list(accumulate(widths))
    return [line[end - width : end].strip() for end, width in zip(ends, widths, strict=True)]
