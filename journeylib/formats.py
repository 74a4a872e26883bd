"""The files or the database of one source into one raw table. Not for giving values a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.archives import detect_kind, find_files, unpack
from journeylib.engine import glob_free, numbered
from journeylib.errors import Note
from journeylib.expressions import quote_name, quote_text
from journeylib.raw import (
    Lines,
    RawTable,
    append_part,
    check_names,
    count_rows,
    refuse,
    settle,
    table_columns,
)
from journeylib.records import read_json
from journeylib.textfiles import read_text
from journeylib.workbooks import read_workbook
from journeylib.xes import read_xes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import duckdb

    from journeylib.inputs import Format

__all__ = ["count_rows", "find_files", "read_files", "table_columns"]


def _no_kinds(_: list[str]) -> dict[str, str]:
    return {}


def read_files(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    table: str,
    *,
    layout: Format,
    scratch: Path,
    kinds: Callable[[list[str]], dict[str, str]] = _no_kinds,
) -> RawTable:
    """Read files of one layout into one raw table.

    Args:
        con: Connection in which the table is made.
        files: Regular files; columns are matched by name over all of them.
        table: Name of the raw table.
        layout: The `format` keys of the source.
        scratch: Existing folder for unpacked files; needed as long as messages may be made.
        kinds: Given column names, says which are read as ``"number"`` or ``"time"`` and as nothing
            else, so that they may be typed on the way.

    Returns:
        The raw table; its rows stand in file order.

    Raises:
        DataError: A file is broken; names the file, the line and what to do.
    """
    raw = RawTable(table, kinds=kinds)
    for index, path in enumerate(files):
        folder = scratch / f"{table}_{index}"
        folder.mkdir()
        inner = unpack(path, folder, raw.notes)
        for number, plain in enumerate(inner):
            own = folder / f"part_{number}"
            own.mkdir()
            # of a packed file the client knows its own name; of several in one, theirs
            raw.files.append(plain if len(inner) > 1 else path)
            _read_part(con, plain, layout=layout, raw=raw, scratch=own)
    settle(con, raw)
    raw.rows = count_rows(con, table)
    if not raw.rows:
        fix = "Check the export's filter; widen its dates."
        line = raw.lines[0].first - 1
        raise refuse("E-NO-ROWS", raw.file, "there is a header and no row.", fix, line=line)
    return raw


def _read_part(
    con: duckdb.DuckDBPyConnection, plain: Path, *, layout: Format, raw: RawTable, scratch: Path
) -> None:
    """Read one file behind those that were read before it."""
    part, known = f"{raw.name}_part", len(raw.files) - 1
    _read_file(con, plain, part, layout=layout, raw=raw, scratch=scratch)
    if known:
        _compare_columns(raw, list(table_columns(con, part)), raw.files[known].name)
    append_part(con, raw, part, file=known)


def _read_file(
    con: duckdb.DuckDBPyConnection,
    plain: Path,
    part: str,
    *,
    layout: Format,
    raw: RawTable,
    scratch: Path,
) -> None:
    kind = detect_kind(plain, encoding=layout.encoding or "")
    if kind == "parquet":
        _read_parquet(con, plain, part)
        raw.lines.append(Lines(first=1))
    elif kind == "excel":
        if plain.suffix.lower() not in {".xlsx", ".xlsm"}:
            raw.notes.append(Note("N-WORKBOOK", "it was read as an Excel workbook.", plain.name))
        read_workbook(con, plain, part, layout=layout, raw=raw, scratch=scratch)
    elif kind == "json":
        read_json(con, plain, part, layout=layout, raw=raw, scratch=scratch)
    elif kind == "xes":
        read_xes(con, plain, part, raw=raw, scratch=scratch)
    else:
        read_text(con, plain, part, layout=layout, raw=raw, scratch=scratch)


def _read_parquet(con: duckdb.DuckDBPyConnection, path: Path, table: str) -> None:
    import duckdb

    rows = f"SELECT * FROM read_parquet({quote_text(glob_free(path))})"
    try:
        names = [row[0] for row in con.execute(f"DESCRIBE {rows}").fetchall()]
        check_names(names, path.name, None)
        con.execute(f"CREATE OR REPLACE VIEW {quote_name(table)} AS {numbered(path)}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        fix = "Copy the file again."
        raise refuse("E-NOT-PARQUET", path.name, "it is broken or cut off.", fix) from None


def _compare_columns(raw: RawTable, columns: list[str], file: str) -> None:
    """Note where the files of a source do not have the same columns."""
    lacking = [name for name in raw.columns if name not in columns]
    further = [name for name in columns if name not in {"_row", *raw.columns}]
    for names, what in ((lacking, "lacks"), (further, "has, unlike the files before it,")):
        if names:
            shown = ", ".join(names[:5])
            text = f"the file {what} {shown}; such cells are empty."
            raw.notes.append(Note("N-COLUMNS-DIFFER", text, file, 1, names[0]))
