"""Sheets of Excel workbooks into raw tables, row by row. Not for other formats."""

from __future__ import annotations

import zipfile
from array import array
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from journeylib.errors import DataError, Note, Problem, did_you_mean
from journeylib.headers import name_columns
from journeylib.raw import RawTable, check_names, refuse
from journeylib.spool import Spool, lines_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from journeylib.inputs import Format

Row = tuple[int, list[Any]]
_LOOKED_AT = 6
_MOST_PROBLEMS = 5
_CHUNK = 1 << 20


def read_workbook(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    table: str,
    *,
    layout: Format,
    raw: RawTable,
    scratch: Path,
) -> None:
    """Read one sheet of a workbook.

    Args:
        con: Connection in which the table is made.
        path: The workbook.
        table: Name of the table; empty rows are left out.
        layout: `sheet`, `skip_rows`, `header` and `header_rows` are used.
        raw: Takes notes, the lines of the rows and the columns of mixed kinds.
        scratch: Existing folder for batches.

    Raises:
        DataError: The workbook is broken or empty, a sheet must be chosen, a title stands above
            the header, or a formula has no stored value.
    """
    with _opened(path) as book:
        sheet = _sheet(book, path.name, layout, raw)
        first, names, body = _header(_filled(sheet, layout), path.name, layout)
        spool, numbers = Spool(scratch, path.name), array("q")
        for number, cells in body:
            spool.add({str(at): cell for at, cell in enumerate(cells)})
            numbers.append(number)
        part = sheet._worksheet_path  # the only link from a sheet to its XML
    columns = _columns(spool, names, layout)
    check_names(list(columns.values()), path.name, None if layout.header is False else first)
    lines = lines_at(numbers, first=first + 1)
    raw.lines.append(lines)
    _Marks(path, columns, header=first).check(part, numbers, raw)
    raw.mixed |= {name for at, name in columns.items() if spool.is_mixed(at)}
    spool.write(con, table, columns)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a workbook for reading row by row; whatever its parsers raise becomes one message."""
    import warnings

    import openpyxl

    try:
        # a handle, for by a path only files with the usual suffixes are opened
        with warnings.catch_warnings(), path.open("rb") as handle:
            warnings.simplefilter("ignore")  # about styles and rules, which are not read
            book = openpyxl.load_workbook(handle, data_only=True, read_only=True)
            yield book
            book.close()
    except DataError:
        raise
    except Exception:  # openpyxl raises whatever its parsers raise
        fix = "Download the file again."
        raise refuse("E-NOT-WORKBOOK", path.name, "it is broken or locked.", fix) from None


def _sheet(book: Any, name: str, layout: Format, raw: RawTable) -> Any:
    if layout.sheet is not None:
        return _chosen(book, name, layout.sheet)
    filled = [sheet for sheet in book.worksheets if _has_cells(sheet)]
    shown = [sheet for sheet in filled if sheet.sheet_state == "visible"]
    if len(shown) > 1:
        names = " or ".join(sheet.title for sheet in shown)
        raise refuse("E-SHEET-CHOICE", name, "several sheets hold data.", f"Set sheet: {names}.")
    if not shown:
        raise refuse("E-EMPTY", name, "the sheet has no cells.", "Choose another sheet.")
    if len(filled) > len(shown):
        raw.notes.append(Note("N-HIDDEN-SHEET", "a hidden sheet was not read.", name))
    return shown[0]


def _has_cells(sheet: Any) -> bool:
    sheet.reset_dimensions()  # some writers give wrong ones
    return any(cell is not None for row in sheet.iter_rows(values_only=True) for cell in row)


def _chosen(book: Any, name: str, wanted: str | int) -> Any:
    names = [sheet.title for sheet in book.worksheets]
    if isinstance(wanted, int) and 0 < wanted <= len(names):
        return book[names[wanted - 1]]
    if wanted not in names:
        fix = did_you_mean(str(wanted), names) or f"Sheets: {', '.join(names)}."
        raise refuse("E-SHEET-CHOICE", name, f"there is no sheet {wanted!r}.", fix)
    return book[wanted]


def _filled(sheet: Any, layout: Format) -> Iterator[Row]:
    """Give the rows that hold something, each with its line."""
    sheet.reset_dimensions()
    above = layout.skip_rows or 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > above and any(cell is not None for cell in cells):
            yield number, list(cells)


def _header(rows: Iterator[Row], file: str, layout: Format) -> tuple[int, list[Any], Iterator[Row]]:
    """Give the line of the header, its cells, and the rows below it."""
    looked_at = list(islice(rows, _LOOKED_AT))
    if not looked_at:
        raise refuse("E-EMPTY", file, "the sheet has no cells.", "Choose another sheet.")
    line, cells = looked_at[0]
    if layout.header is False:
        return line, [], chain(looked_at, rows)
    width = sum(cell is not None for cell in cells)
    later = [n for n, row in looked_at[1:] if sum(c is not None for c in row) > width + 1]
    if width == 1 and later:
        fix = f"Delete the title, or set format: skip_rows: {later[0] - 1}."
        raise refuse("E-NO-HEADER", file, "a title stands above the header.", fix, line=line)
    if (layout.header_rows or 1) > 1:
        return _long_header(looked_at, rows, line + (layout.header_rows or 1))
    return line, cells, chain(looked_at[1:], rows)


def _long_header(
    looked_at: list[Row], rows: Iterator[Row], end: int
) -> tuple[int, list[Any], Iterator[Row]]:
    """Give the names that a header of several rows spells, and the rows from a line on."""
    head = [row for number, row in looked_at if number < end]
    width = max(map(len, head))
    named = name_columns([[*row, *[None] * (width - len(row))] for row in head])
    cells = [None if name == f"column {at}" else name for at, name in enumerate(named, start=1)]
    body = (row for row in chain(looked_at, rows) if row[0] >= end)
    return looked_at[0][0], cells, body


def _columns(spool: Spool, header: list[Any], layout: Format) -> dict[str, str]:
    """Name the columns by their positions; those without name and values are left out."""
    width = max([len(header), *(int(at) + 1 for at in spool.names)])
    if layout.header is False:
        return {str(at): str(at + 1) for at in range(width) if not spool.is_empty(str(at))}
    names = [*header, *[None] * (width - len(header))]
    return {
        str(at): f"column {at + 1}" if name is None else str(name).strip()
        for at, name in enumerate(names)
        if name is not None or not spool.is_empty(str(at))
    }


# ---------------------------------------------------------------- what values do not tell


class _Marks:
    """Formulas without a result and hidden rows, found in a sheet's XML as a stream."""

    def __init__(self, path: Path, columns: dict[str, str], *, header: int) -> None:
        self.path, self.columns, self.header = path, columns, header
        self.problems: list[Problem] = []
        self.hidden: list[int] = []
        self._row, self._cell = 0, ""
        self._formula, self._value, self._text = "", "", ""
        self._is_formula = False

    def check(self, part: str, used: array[int], raw: RawTable) -> None:
        """Refuse formulas whose results were never stored, for they would read as empty cells."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._open, self._close
        parser.CharacterDataHandler = self._take
        with zipfile.ZipFile(self.path) as archive, archive.open(part) as sheet:
            while chunk := sheet.read(_CHUNK):
                parser.Parse(chunk)
        if self.problems:
            raise DataError(f"{self.path.name} cannot be read.", self.problems[:_MOST_PROBLEMS])
        rows = set(used)
        if hidden := [row for row in self.hidden if row in rows]:
            text = "rows that are hidden in the sheet were read."
            note = Note("N-HIDDEN-ROWS", text, self.path.name, hidden[0], rows=len(hidden))
            raw.notes.append(note)

    def _open(self, tag: str, own: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        self._text = ""
        if tag == "row":
            self._row = int(own.get("r", self._row + 1))
            if own.get("hidden") in {"1", "true"}:
                self.hidden.append(self._row)
        elif tag == "c":
            self._cell, self._formula, self._value = own.get("r", ""), "", ""
            self._is_formula = False

    def _take(self, text: str) -> None:
        self._text += text

    def _close(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "f":
            self._formula, self._is_formula = self._text, True
        elif tag in {"v", "t"}:
            self._value += self._text
        elif tag == "c" and self._is_formula and not self._value and self._row >= self.header:
            self._refuse()
        self._text = ""

    def _refuse(self) -> None:
        if len(self.problems) >= _MOST_PROBLEMS:
            return
        letters = self._cell.rstrip("0123456789")
        at = 0
        for letter in letters:
            at = at * 26 + ord(letter.upper()) - 64
        column = self.columns.get(str(at - 1), letters)
        text = f"{('=' + self._formula)[:40]!r} has no stored value."
        fix = "Open it in Excel, calculate and save; or paste the values."
        problem = Problem("E-FORMULA", text, self.path.name, self._row, column, fix)
        self.problems.append(problem)
