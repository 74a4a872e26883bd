"""Raw tables: a source's rows as they were written, and where in its files each row stands.

A raw table holds ``_file`` (index of the file), ``_row`` (1-based data row in that file) and the
source's own columns: text where the format has only text, typed where it has types. Not for reading
a format (`textfiles`, `workbooks`, `records`), nor for giving values a meaning (`columns`).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from journeylib.engine import drop, fetch_row, rename, store, take_in
from journeylib.errors import DataError, Note, Problem
from journeylib.expressions import quote_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

# A row's place in one number: its file above these bits, its row in that file below.
FILE_STEP = 1 << 40
AT = f"_file * {FILE_STEP} + _row"
_TAKEN = {"_file", "_row", "_reason", "file_row_number"}


@dataclass(slots=True)
class Lines:
    """Where the data rows of one file stand.

    Attributes:
        first: Physical line of the first data row.
        plain: The file as UTF-8, where rows may span lines; else None.
        separator: Separator of delimited text.
        quote: Sign round its texts.
        numbers: Line of each row where the rows do not follow one another; else empty.
    """

    first: int = 2
    plain: Path | None = None
    separator: str = ","
    quote: str = '"'
    numbers: Sequence[int] = ()

    def of(self, *rows: int) -> list[int]:
        """Find the physical lines of 1-based data rows, in any order."""
        if self.numbers:
            return [self.numbers[min(row, len(self.numbers)) - 1] for row in rows]
        if self.plain is None:
            return [self.first + row - 1 for row in rows]
        try:
            return self._counted(rows, self.plain)
        except (UnicodeDecodeError, csv.Error, OSError):
            return [self.first + row - 1 for row in rows]

    def _counted(self, rows: Sequence[int], plain: Path) -> list[int]:
        """Count lines where some rows span several and others are blank."""
        wanted, found = set(rows), {}
        with plain.open(encoding="utf-8-sig", newline="") as handle:
            for _ in range(self.first - 1):
                handle.readline()
            cells = csv.reader(handle, delimiter=self.separator, quotechar=self.quote)
            start = number = 0
            for filled in cells:
                number += bool(filled)
                if filled and number in wanted:
                    found[number] = self.first + start
                    if len(found) == len(wanted):
                        break
                start = cells.line_num
        return [found.get(row, self.first + row - 1) for row in rows]


@dataclass(slots=True)
class RawTable:
    """What was found in the files of one source.

    Attributes:
        name: Table in the connection.
        label: What messages call it where there is no file.
        columns: The source's own column names, in order.
        files: The files that were read, in order; empty for a database.
        rows: Rows read.
        notes: What the reader should know.
        lines: Where the rows of each file stand.
        mixed: Columns that hold both numbers and texts.
        parts: Rows of each file, as queries.
        kinds: Says which of some columns will be read as numbers or times and as nothing else.
    """

    name: str
    label: str = ""
    columns: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    notes: list[Note] = field(default_factory=list)
    lines: list[Lines] = field(default_factory=list)
    mixed: set[str] = field(default_factory=set)
    parts: list[str] = field(default_factory=list)
    kinds: Callable[[list[str]], dict[str, str]] = field(default=lambda _: {}, repr=False)

    @property
    def file(self) -> str:
        """What messages call the source: its first file, else its name."""
        return self.files[0].name if self.files else self.label

    def place(self, at: int) -> tuple[str, int | None]:
        """Name the file and the line of a row.

        Args:
            at: The row's place, as ``AT`` gives it.

        Returns:
            File name, and 1-based line; None for a database, which has no lines.
        """
        file, row = divmod(at, FILE_STEP)
        name, lines = self.places(file, [row])
        return name, lines[0]

    def places(self, file: int, rows: Sequence[int]) -> tuple[str, Sequence[int | None]]:
        """Name a file and the lines of some of its rows.

        Args:
            file: Index of the file.
            rows: 1-based data rows in it.

        Returns:
            File name, and 1-based lines; None for a database, which has no lines.
        """
        if not self.files:
            return self.label, [None] * len(rows)
        return self.files[file].name, self.lines[file].of(*rows)


def refuse(
    code: str, file: str, message: str, fix: str, *, line: int | None = None, column: str = ""
) -> DataError:
    """Make the error for a file that cannot be used."""
    return DataError(f"{file} cannot be read.", [Problem(code, message, file, line, column, fix)])


def check_names(names: Sequence[str], file: str, line: int | None = 1) -> None:
    """Refuse columns that cannot be told apart, or that are named as the kit's own are.

    Args:
        names: Column names; capital and small letters are the same.
        file: File name, for messages.
        line: Line of the names.

    Raises:
        DataError: A name stands there twice, or is taken.
    """
    lowered = [name.casefold() for name in names]
    twice = {name: at for at, name in enumerate(lowered) if lowered.index(name) != at}
    problems = [
        Problem(
            "E-DUP-COLUMN", "the column stands there twice.", file, line, names[at],
            "Rename or drop one.",
        )
        for at in twice.values()
    ]  # fmt: skip
    problems += [
        Problem("E-COLUMN-NAME", "the kit uses this name itself.", file, line, name, "Rename it.")
        for name in names
        if name.casefold() in _TAKEN
    ]
    if problems:
        raise DataError(f"{file} cannot be read.", problems)


def count_rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count the rows of a table."""
    return int(fetch_row(con, f"SELECT count(*) FROM {quote_name(table)}")[0])


def table_columns(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Give the columns of a table and their SQL types."""
    described = con.execute(f"DESCRIBE {quote_name(table)}").fetchall()
    return {row[0]: row[1] for row in described}


def register_rows(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Make a table of Arrow rows, numbered from 1."""
    take_in(con, table, rows, "SELECT row_number() OVER () AS _row, * FROM incoming")


def append_part(con: duckdb.DuckDBPyConnection, raw: RawTable, part: str, *, file: int = 0) -> None:
    """Put the rows of one file behind those read before; columns are matched by name.

    Args:
        con: Connection that holds both.
        raw: The raw table, a view on its parts; made by the first one.
        part: Table or view with ``_row`` and own columns; it gets another name.
        file: Index of the file.
    """
    columns = table_columns(con, part)
    own = f"{raw.name}_{len(raw.parts)}"
    rename(con, part, own)
    raw.parts.append(f"SELECT {file}::BIGINT AS _file, * FROM {quote_name(own)}")
    raw.columns += [name for name in columns if name not in {"_row", *raw.columns}]
    rows = " UNION ALL BY NAME ".join(raw.parts)
    con.execute(f"CREATE OR REPLACE VIEW {quote_name(raw.name)} AS {rows}")


def settle(con: duckdb.DuckDBPyConnection, raw: RawTable) -> None:
    """Write the parts of many files as one, so that not every question opens every file."""
    if len(raw.parts) > 1:
        store(con, raw.name, f"SELECT * FROM {quote_name(raw.name)}")
        drop(con, *(f"{raw.name}_{number}" for number in range(len(raw.parts))))
        raw.parts.clear()
