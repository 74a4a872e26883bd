"""Delimited and fixed-width text into raw tables, every cell as it was written.

The text is decoded strictly and read by one dialect, found on the header or declared; a row that
does not fit it is a problem with its line. Not for giving cells a meaning; `columns` does that.
"""

from __future__ import annotations

import csv
import re
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from journeylib.decoding import SEPARATORS, Text, decode_text
from journeylib.delimited import copy_rows
from journeylib.errors import Note
from journeylib.headers import name_columns
from journeylib.raw import Lines, RawTable, check_names, count_rows, register_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from journeylib.inputs import Format

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
    first = _read_header(text)
    copy_rows(con, text, table, kinds=raw.kinds(text.header))
    follow = text.lines + (not text.ended) - first + 1 == count_rows(con, table)
    raw.lines.append(Lines(first, None if follow else text.plain, text.separator, text.quote))


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


def _read_header(text: Text) -> int:
    """Read the names of the columns; give the line of the first row below them."""
    layout, above = text.layout, text.skip
    with text.plain.open(encoding="utf-8-sig", newline="") as handle:
        for _ in range(above):
            handle.readline()
        rows = csv.reader(handle, delimiter=text.separator, quotechar=text.quote)
        try:
            head = list(islice(rows, layout.header_rows or 1))
        except csv.Error:
            fix = "Close or double the quote."
            raise text.refuse("E-QUOTE", "a quote is not closed.", fix, above + 1) from None
    if layout.header is False:
        text.header = [str(position + 1) for position in range(len(head[0]))]
        return above + 1
    _refuse_data(text, head[0])
    text.header = name_columns(head)
    check_names(text.header, text.name, above + 1)
    if len(head) > 1:  # the engine passes over one row of names at the most
        text.skip, text.layout = above + len(head), layout.model_copy(update={"header": False})
    return above + rows.line_num + 1


def _refuse_data(text: Text, cells: list[str]) -> None:
    """Refuse a first row that holds a date and a number: it is no header."""
    dates = any(_DATE.fullmatch(cell.strip()) for cell in cells)
    if dates and any(_NUMBER.fullmatch(cell.strip()) for cell in cells) and not text.layout.wide:
        fix = "Add a header row, or set format: header: false and map columns by position."
        message = f"the first row holds data ({', '.join(cells[:3])[:60]}), not names."
        raise text.refuse("E-NO-HEADER", message, fix, text.skip + 1)


# ---------------------------------------------------------------- blanks and widths


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
