"""Writes the invented clients' files so that every run gives the same bytes. Not for reports."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

_BORN = datetime(2026, 1, 5, 9, 0)  # workbooks know no zone


def write_csv(
    path: Path,
    rows: pd.DataFrame,
    *,
    sep: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
) -> Path:
    """Write a CSV file with the given dialect and Unix line ends."""
    text = rows.to_csv(
        index=False, sep=sep, decimal=decimal, float_format="%.2f", lineterminator="\n"
    )
    path.write_bytes(text.encode(encoding))
    return path


def write_json(path: Path, content: object) -> Path:
    """Write indented JSON; keys keep their order."""
    path.write_bytes((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def write_records(path: Path, rows: pd.DataFrame, *, array: bool) -> Path:
    """Write one JSON object a row, as an array or as JSON lines; missing cells become null."""
    known = rows.astype(object).where(rows.notna(), None).to_dict("records")
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in known]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if array else "\n".join(lines) + "\n"
    path.write_bytes(text.encode())
    return path


def write_parquet(path: Path, rows: pd.DataFrame) -> Path:
    """Write Parquet without the metadata that names the software of the day."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd", compression_level=12)
    return path


def write_workbook(path: Path, sheets: Mapping[str, pd.DataFrame]) -> Path:
    """Write an Excel workbook: text stays text, times get a date format, stamps are fixed."""
    import pandas as pd
    import xlsxwriter

    options = {"default_date_format": "dd/mm/yyyy hh:mm", "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": _BORN, "author": "export"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, list(rows.columns))
            for number, column in enumerate(rows.columns):
                cells = [None if pd.isna(cell) else cell for cell in rows[column].tolist()]
                sheet.write_column(1, number, cells)
            sheet.set_column(0, len(rows.columns) - 1, 16)
            sheet.freeze_panes(1, 0)
    return path


def write_database(path: Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write an SQLite file, rows in the order given."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        for name, rows in tables.items():
            columns = ", ".join(f'"{column}" {_sql_type(rows[column])}' for column in rows)
            database.execute(f'CREATE TABLE "{name}" ({columns})')
            marks = ", ".join("?" for _ in rows.columns)
            cells = rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None)
            database.executemany(f'INSERT INTO "{name}" VALUES ({marks})', cells)
    database.execute("VACUUM")
    database.close()
    _forget_version(path)
    return path


def _sql_type(column: pd.Series) -> str:
    return {"i": "INTEGER", "f": "REAL"}.get(column.dtype.kind, "TEXT")


def _forget_version(path: Path) -> None:
    # Bytes 96 to 99 name the SQLite release that wrote the file last; readers do not need them.
    content = bytearray(path.read_bytes())
    content[96:100] = (3_040_000).to_bytes(4, "big")
    path.write_bytes(content)
