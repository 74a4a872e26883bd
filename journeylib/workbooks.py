"""Sheets of Excel workbooks into Arrow tables. Not for other formats."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import TYPE_CHECKING, Any

from journeylib.errors import DataError, Note, Problem, did_you_mean
from journeylib.raw import Lines, RawTable, check_names, refuse
from journeylib.records import kinds_of, table_of_records

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from journeylib.inputs import Format


def read_workbook(path: Path, layout: Format, raw: RawTable) -> pa.Table:
    """Read one sheet of a workbook.

    Args:
        path: The workbook.
        layout: `sheet`, `skip_rows` and `header` are used.
        raw: Takes notes, the lines of the rows and the columns of mixed kinds.

    Returns:
        The sheet's rows; empty rows are left out.

    Raises:
        DataError: The workbook is broken or empty, a sheet must be chosen, a title stands above
            the header, or a formula has no stored value.
    """
    sheet = _sheet(_open(path, stored=True), path.name, layout, raw)
    above = layout.skip_rows or 0
    filled = [
        (number, list(row))
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
        if number > above and any(cell is not None for cell in row)
    ]
    if not filled:
        raise refuse("E-EMPTY", path.name, "the sheet has no cells.", "Choose another sheet.")
    names, body = _header(filled, path.name, layout)
    raw.lines.append(Lines(body[0][0] if body else filled[0][0] + 1, numbers=[n for n, _ in body]))
    _check_formulas(path, sheet.title, header=filled[0][0])
    _note_hidden(sheet, {number for number, _ in body}, path.name, raw)
    columns = {name: [row[i] for _, row in body] for i, name in enumerate(names)}
    raw.mixed |= {name for name, cells in columns.items() if len(kinds_of(cells) - {float}) > 1}
    return table_of_records({name: _dates(cells) for name, cells in columns.items()})


def _open(path: Path, *, stored: bool) -> Any:
    import warnings

    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and rules, which are not read
            # a handle, for by a path only files with the usual suffixes are opened
            with path.open("rb") as handle:
                return openpyxl.load_workbook(handle, data_only=stored)
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
    return bool(sheet.max_row > 1 or sheet["A1"].value is not None)


def _chosen(book: Any, name: str, wanted: str | int) -> Any:
    names = [sheet.title for sheet in book.worksheets]
    if isinstance(wanted, int) and 0 < wanted <= len(names):
        return book[names[wanted - 1]]
    if wanted not in names:
        fix = did_you_mean(str(wanted), names) or f"Sheets: {', '.join(names)}."
        raise refuse("E-SHEET-CHOICE", name, f"there is no sheet {wanted!r}.", fix)
    return book[wanted]


def _header(
    filled: list[tuple[int, list[Any]]], file: str, layout: Format
) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    line, cells = filled[0]
    if layout.header is False:
        return [str(position + 1) for position in range(len(cells))], filled
    width = sum(cell is not None for cell in cells)
    later = [number for number, row in filled[1:6] if sum(c is not None for c in row) > width + 1]
    if width == 1 and later:
        fix = f"Delete the title, or set format: skip_rows: {later[0] - 1}."
        raise refuse("E-NO-HEADER", file, "a title stands above the header.", fix, line=line)
    used = [i for i in range(len(cells)) if any(row[i] is not None for _, row in filled)]
    names = [str(cells[i]).strip() if cells[i] is not None else f"column {i + 1}" for i in used]
    check_names(names, file, line)
    return names, [(number, [row[i] for i in used]) for number, row in filled[1:]]


def _check_formulas(path: Path, title: str, *, header: int) -> None:
    """Refuse formulas whose results Excel never stored: they would read as empty cells."""
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f>" in (xml := archive.read(name)) or b"<f " in xml for name in sheets):
            return
    stored, written = _open(path, stored=True)[title], _open(path, stored=False)[title]
    problems = []
    for row in written.iter_rows(min_row=header):
        for cell in row:
            if cell.data_type == "f" and stored[cell.coordinate].value is None:
                column = str(written.cell(header, cell.column).value or cell.column_letter)
                text = f"{str(cell.value)[:40]!r} has no stored value."
                fix = "Open it in Excel, calculate and save; or paste the values."
                problems.append(Problem("E-FORMULA", text, path.name, cell.row, column, fix))
    if problems:
        raise DataError(f"{path.name} cannot be read.", problems[:5])


def _note_hidden(sheet: Any, used: set[int], file: str, raw: RawTable) -> None:
    hidden = sorted(n for n, row in sheet.row_dimensions.items() if row.hidden and n in used)
    if hidden:
        text = "rows that are hidden in the sheet were read."
        raw.notes.append(Note("N-HIDDEN-ROWS", text, file, hidden[0], rows=len(hidden)))


def _dates(cells: list[Any]) -> list[Any]:
    """Make a column of both dates and date-times one of date-times."""
    kinds = kinds_of(cells)
    if kinds == {dt.date, dt.datetime}:
        midnight = dt.time()
        return [
            dt.datetime.combine(cell, midnight) if type(cell) is dt.date else cell for cell in cells
        ]
    return cells
