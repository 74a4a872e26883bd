"""Files and databases into raw tables, every value as it was written. Not for giving it meaning.

A raw table holds ``_file`` (index of the file), ``_row`` (1-based data row in that file) and the
source's own columns: text where the format has only text, typed where it has types.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import stat
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from journeylib.engine import fetch_row
from journeylib.errors import DataError, Note, Problem, did_you_mean
from journeylib.expressions import quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from journeylib.inputs import Format

MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
    b"%PDF": "pdf",
    b"SQLite format 3": "sqlite",
    b"\xd0\xcf\x11\xe0": "ole",
}
BATCH = 50_000


@dataclass(slots=True)
class RawTable:
    """What was found in the files of one source.

    Attributes:
        name: Table in the connection.
        columns: The source's own column names, in order.
        files: The files that were read, in order; empty for a database.
        rows: Rows read.
        notes: What the reader should know.
        first_line: Line of the first data row of each file, for messages.
        separator: Separator of delimited text, else empty.
    """

    name: str
    columns: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    notes: list[Note] = field(default_factory=list)
    first_line: int = 2
    separator: str = ""


def refuse(code: str, file: str, message: str, fix: str, *, line: int | None = None) -> DataError:
    """Make the error for a file that cannot be used."""
    return DataError(f"{file} cannot be read.", [Problem(code, message, file, line, "", fix)])


def find_files(written: str, found: Path) -> list[Path]:
    """List the files that a path, folder or glob of the client file means.

    Args:
        written: The path as the client wrote it, for messages.
        found: The same, made absolute. A literal file name wins over a glob.

    Returns:
        Existing regular files, sorted by name.

    Raises:
        DataError: Nothing is there, or it is not a regular file or folder.
    """
    try:
        mode = found.stat().st_mode
    except PermissionError:
        raise refuse("E-PERMISSION", written, "no right to read it.", "Grant it.") from None
    except OSError:
        return _glob(written, found)
    if stat.S_ISDIR(mode):
        files = sorted(path for path in found.iterdir() if path.is_file() and path.name[0] != ".")
        if not files:
            raise refuse("E-NO-FILE", written, "the folder is empty.", "Put the files there.")
        return files
    if not stat.S_ISREG(mode):
        raise refuse("E-NOT-A-FILE", written, "it is not a regular file.", "Give a regular file.")
    if found.stat().st_size == 0:
        raise refuse("E-EMPTY", written, "the file is empty.", "Export the data again.")
    return [found]


def _glob(written: str, found: Path) -> list[Path]:
    if any(sign in found.name for sign in "*?[") and found.parent.is_dir():
        files = sorted(path for path in found.parent.glob(found.name) if path.is_file())
        if files:
            return files
    near = ""
    if found.parent.is_dir():
        near = did_you_mean(found.name, [path.name for path in found.parent.iterdir()])
    if found.is_symlink():
        raise refuse("E-NO-FILE", written, "the link points nowhere.", "Mend the link.")
    raise refuse("E-NO-FILE", written, "there is no such file.", near or "Check `path`.")


def read_files(
    con: duckdb.DuckDBPyConnection, files: Sequence[Path], table: str, *, layout: Format
) -> RawTable:
    """Read files of one layout into one raw table.

    Args:
        con: Connection in which the table is made.
        files: Regular files; columns are matched by name over all of them.
        table: Name of the raw table.
        layout: The `format` keys of the source.

    Returns:
        The raw table; its rows stand in file order.

    Raises:
        DataError: A file is broken; names the file, the line and what to do.
    """
    raw = RawTable(table, files=list(files))
    for index, path in enumerate(files):
        part = f"{table}_part"
        kind = detect_kind(path)
        if kind == "csv":
            _read_text(con, path, part, layout, raw)
        elif kind == "parquet":
            _read_parquet(con, path, part)
        else:
            arrow = _read_json(path) if kind == "json" else _read_workbook(path, layout, raw)
            _register(con, part, arrow)
        _append(con, raw, part, index)
    raw.rows = count_rows(con, table)
    if raw.rows == 0:
        name = files[0].name
        raise refuse("E-NO-ROWS", name, "it has a header but no rows.", "Widen the export.", line=1)
    return raw


def detect_kind(path: Path) -> str:
    """Tell what a file is from its first bytes, and from its name where they do not say.

    Returns:
        ``"csv"``, ``"json"``, ``"parquet"`` or ``"excel"``.

    Raises:
        DataError: It is none of them.
    """
    with path.open("rb") as handle:
        head = handle.read(16)
    kind = next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")
    suffix = [part.lower() for part in path.suffixes]
    if kind == "parquet":
        return "parquet"
    if kind == "zip" and ".zip" not in suffix:
        return "excel"
    if kind in {"pdf", "ole", "sqlite"}:
        fix = "Use `url: sqlite:///…` with `table:`." if kind == "sqlite" else "Export CSV or XLSX."
        raise refuse("E-NOT-CSV", path.name, f"it is a {kind.upper()} file.", fix)
    if suffix and suffix[-1] == ".parquet":
        raise refuse("E-NOT-PARQUET", path.name, "it is not a Parquet file.", "Copy it again.")
    if suffix and suffix[-1] in {".xlsx", ".xlsm"}:
        raise refuse("E-NOT-WORKBOOK", path.name, "it is not a workbook.", "Download it again.")
    if any(part in {".json", ".jsonl", ".ndjson"} for part in suffix):
        return "json"
    if head.lstrip()[:1] in {b"[", b"{"} and b'"' in head:
        raise refuse("E-NOT-CSV", path.name, "it holds JSON.", "Rename it to .json.", line=1)
    return "csv"


def count_rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count the rows of a table."""
    found = fetch_row(con, f"SELECT count(*) FROM {quote_name(table)}")
    return int(found[0]) if found else 0


def table_columns(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Give the columns of a table and their SQL types."""
    described = con.execute(f"DESCRIBE {quote_name(table)}").fetchall()
    return {row[0]: row[1] for row in described}


def _append(con: duckdb.DuckDBPyConnection, raw: RawTable, part: str, index: int) -> None:
    columns = [name for name in table_columns(con, part) if name != "_row"]
    picked = ", ".join(quote_name(name) for name in ["_row", *columns])
    select = f"SELECT {index} AS _file, {picked} FROM {quote_name(part)}"
    if index == 0:
        con.execute(f"CREATE OR REPLACE TABLE {quote_name(raw.name)} AS {select}")
        raw.columns = columns
    else:
        known = quote_name(raw.name)
        union = f"SELECT * FROM {known} UNION ALL BY NAME {select}"
        con.execute(f"CREATE TABLE {quote_name(part + '_all')} AS {union}")
        con.execute(f"DROP TABLE {known}")
        con.execute(f"ALTER TABLE {quote_name(part + '_all')} RENAME TO {known}")
        raw.columns += [name for name in columns if name not in raw.columns]
    con.execute(f"DROP TABLE {quote_name(part)}")


def _register(con: duckdb.DuckDBPyConnection, table: str, arrow: pa.Table) -> None:
    con.register("_incoming", arrow)
    rows = "SELECT row_number() OVER () AS _row, * FROM _incoming"
    con.execute(f"CREATE OR REPLACE TABLE {quote_name(table)} AS {rows}")
    con.unregister("_incoming")


# ---------------------------------------------------------------- text


def _read_text(
    con: duckdb.DuckDBPyConnection, path: Path, table: str, layout: Format, raw: RawTable
) -> None:
    plain, scratch = _plain_text(path, layout, raw)
    try:
        if layout.sep == "whitespace" or layout.widths:
            _register(con, table, _read_spaced(plain, layout))
            return
        skip, dialect = _dialect(plain, path.name, layout, raw)
        header = _header(plain, path.name, layout, skip, dialect)
        raw.first_line = skip + (1 if layout.header is False else 2)
        raw.separator = dialect
        _copy_csv(
            con, plain, path.name, table, header=header, dialect=dialect, skip=skip, layout=layout
        )
    finally:
        if scratch is not None:
            scratch.unlink()


def _plain_text(path: Path, layout: Format, raw: RawTable) -> tuple[Path, Path | None]:
    """Decompress and decode to UTF-8 beside the engine's scratch, only where it is needed."""
    import tempfile

    with path.open("rb") as handle:
        head = handle.read(4)
    encoding = (layout.encoding or "utf-8").lower()
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
        raw.notes.append(Note("N-ENC-UTF16", "read as UTF-16.", path.name))
    packed = head[:2] == b"\x1f\x8b"
    if packed and path.suffix.lower() != ".gz":
        raw.notes.append(Note("N-GZIP", "the file is compressed; it was unpacked.", path.name))
    plain = encoding in {"utf-8", "utf8", "utf-8-sig"} and not packed
    ends = _check_text(path, encoding, packed=packed)
    if plain and ends != "mixed":
        return path, None
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", delete=False) as out:
        from pathlib import Path as RealPath

        scratch = RealPath(out.name)
        with _open_text(path, encoding, packed=packed) as text:
            if ends == "mixed":
                out.writelines(line.replace("\r\n", "\n") for line in text)
            else:
                shutil.copyfileobj(text, out)
    return scratch, scratch


def _open_text(path: Path, encoding: str, *, packed: bool) -> Any:  # noqa: ANN401
    if packed:
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _check_text(path: Path, encoding: str, *, packed: bool) -> str:
    """Decode the whole file once; name the line of the first byte that does not decode."""
    line, crlf, lf = 1, 0, 0
    with gzip.open(path, "rb") if packed else path.open("rb") as handle:
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8" if encoding == "utf-8-sig" else encoding)()
        while chunk := handle.read(1 << 20):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as bad:
                line += chunk[: bad.start].count(b"\n")
                fix = "Save it as UTF-8, or set format: encoding, for example cp1252."
                message = f"byte {chunk[bad.start]:#04x} is not {encoding}."
                raise refuse("E-ENCODING", path.name, message, fix, line=line) from None
            if "\0" in text:
                line += text[: text.index("\0")].count("\n")
                fix = "Remove the NUL byte or export the file again."
                raise refuse("E-NUL", path.name, "it holds a NUL byte.", fix, line=line)
            crlf += text.count("\r\n")
            lf += text.count("\n")
            line += text.count("\n")
    return "mixed" if 0 < crlf < lf else "plain"


def _dialect(plain: Path, name: str, layout: Format, raw: RawTable) -> tuple[int, str]:
    """Find the line of the header and the separator, from the header alone."""
    skip = layout.skip_rows or 0
    declared = {"tab": "\t", "\\t": "\t"}.get(layout.sep or "", layout.sep or "")
    with plain.open(encoding="utf-8-sig", newline="") as handle:
        lines = [line.rstrip("\r\n") for line in islice(handle, skip + 40)]
    while skip < len(lines) and not lines[skip].strip():
        skip += 1
    if skip < len(lines) and lines[skip].lower().startswith("sep=") and len(lines[skip]) == 5:
        declared, skip = lines[skip][4], skip + 1
    if skip >= len(lines):
        raise refuse("E-EMPTY", name, "it holds no text.", "Export the data again.")
    header = lines[skip]
    found = declared or max(",;\t|", key=lambda sign: (len(_split(header, sign)), sign == ","))
    if not declared and found != "," and len(_split(header, found)) > 1:
        raw.notes.append(Note("N-DIALECT", f"columns are separated by {found!r}.", name, skip + 1))
    return skip, found


def _split(line: str, sign: str) -> list[str]:
    return next(csv.reader([line], delimiter=sign))


def _header(plain: Path, name: str, layout: Format, skip: int, sign: str) -> list[str]:
    with plain.open(encoding="utf-8-sig", newline="") as handle:
        for _ in range(skip):
            handle.readline()
        cells = next(csv.reader(handle, delimiter=sign, quotechar=layout.quote or '"'))
    if layout.header is False:
        return [str(position + 1) for position in range(len(cells))]
    names = [cell.strip() or f"column {position + 1}" for position, cell in enumerate(cells)]
    twice = sorted({cell for cell in names if names.count(cell) > 1})
    if twice:
        raise DataError(
            f"{name} cannot be read.",
            [
                Problem(
                    "E-DUP-COLUMN", "the column stands there twice.", name, skip + 1, column,
                    "Rename or drop one.",
                )
                for column in twice
            ],
        )  # fmt: skip
    return names


def _copy_csv(  # noqa: PLR0913
    con: duckdb.DuckDBPyConnection,
    plain: Path,
    name: str,
    table: str,
    *,
    header: list[str],
    dialect: str,
    skip: int,
    layout: Format,
) -> None:
    columns = ", ".join(f"{quote_text(column)}: 'VARCHAR'" for column in header)
    quote = quote_text(layout.quote or '"')
    options = (
        f"delim={quote_text(dialect)}, quote={quote}, escape={quote_text(layout.escape or '') if layout.escape else quote}, "
        f"header={'false' if layout.header is False else 'true'}, skip={skip}, "
        f"columns={{{columns}}}, auto_detect=false, strict_mode=true, store_rejects=true, "
        "nullstr=[''], max_line_size=33554432, allow_quoted_nulls=true"
    )
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    rows = f"SELECT row_number() OVER () AS _row, * FROM read_csv({quote_text(_literal(plain))}, {options})"
    con.execute(f"CREATE OR REPLACE TABLE {quote_name(table)} AS {rows}")
    rejects = con.execute(
        "SELECT line, column_name, error_type::VARCHAR, csv_line FROM reject_errors ORDER BY line"
    ).fetchall()
    if rejects:
        raise DataError(
            f"{name} cannot be read.", [_reject(name, len(header), row) for row in rejects[:5]]
        )


def _literal(path: Path) -> str:
    """Escape glob characters, which DuckDB would otherwise expand."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _reject(name: str, width: int, row: tuple[Any, ...]) -> Problem:
    line, column, kind, text = row
    if "QUOTE" in str(kind):
        return Problem(
            "E-QUOTE", "a quote is not closed, or not doubled.", name, int(line), column or "",
            "Close or double the quote, or set format: escape.",
        )  # fmt: skip
    message = f"the row does not have the header's {width} fields: {str(text)[:60]!r}."
    return Problem("E-RAGGED", message, name, int(line), "", "Complete the row or quote its text.")


def _read_spaced(plain: Path, layout: Format) -> pa.Table:
    """Read columns set apart by runs of spaces or by fixed widths."""
    import pandas as pd
    import pyarrow as pa

    common = {"dtype": str, "keep_default_na": False, "skiprows": layout.skip_rows or 0}
    header = None if layout.header is False else 0
    if layout.widths:
        frame = pd.read_fwf(plain, widths=list(layout.widths), header=header, **common)
    else:
        frame = pd.read_csv(plain, sep=r"\s+", header=header, **common)
    if header is None:
        frame.columns = [str(position + 1) for position in range(frame.shape[1])]
    return pa.Table.from_pandas(frame, preserve_index=False)


# ---------------------------------------------------------------- typed formats


def _read_parquet(con: duckdb.DuckDBPyConnection, path: Path, table: str) -> None:
    import duckdb

    source = f"read_parquet({quote_text(_literal(path))})"
    try:
        con.execute(
            f"CREATE OR REPLACE TABLE {quote_name(table)} AS "
            f"SELECT row_number() OVER () AS _row, * FROM {source}"
        )
    except duckdb.Error:
        fix = "Copy the file again."
        raise refuse("E-NOT-PARQUET", path.name, "it is broken or cut off.", fix) from None


def _read_json(path: Path) -> pa.Table:
    import pandas as pd

    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = not text.lstrip().startswith("[")
        rows = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if lines
            else json.loads(text)
        )
    except json.JSONDecodeError as bad:
        fix = "Export it again as a JSON array or one object a line."
        raise refuse(
            "E-JSON", path.name, f"it is not JSON: {bad.msg}.", fix, line=bad.lineno
        ) from None
    return table_of_records(pd.json_normalize(rows).to_dict("list") if rows else {})


def _read_workbook(path: Path, layout: Format, raw: RawTable) -> pa.Table:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except Exception as broken:  # noqa: BLE001  # openpyxl raises whatever its parsers raise
        fix = "Download the file again."
        raise refuse("E-NOT-WORKBOOK", path.name, f"it is broken: {broken}.", fix) from None
    sheet = _sheet(book, path.name, layout, raw)
    rows = [list(row) for row in sheet.iter_rows(values_only=True)][layout.skip_rows or 0 :]
    rows = [row for row in rows if any(cell is not None for cell in row)]
    if not rows:
        raise refuse("E-EMPTY", path.name, "the sheet has no cells.", "Choose another sheet.")
    header = [
        str(cell).strip() if cell is not None else f"column {i + 1}"
        for i, cell in enumerate(rows[0])
    ]
    raw.first_line = (layout.skip_rows or 0) + 2
    return table_of_records({name: [row[i] for row in rows[1:]] for i, name in enumerate(header)})


def _sheet(book: Any, name: str, layout: Format, raw: RawTable) -> Any:  # noqa: ANN401
    wanted = layout.sheet
    if wanted is not None:
        names = book.sheetnames
        if isinstance(wanted, int) and 0 < wanted <= len(names):
            return book[names[wanted - 1]]
        if wanted not in names:
            fix = did_you_mean(str(wanted), names) or f"Sheets: {', '.join(names)}."
            raise refuse("E-SHEET-CHOICE", name, f"there is no sheet {wanted!r}.", fix)
        return book[wanted]
    filled = [
        sheet for sheet in book.worksheets if sheet.max_row > 1 or sheet["A1"].value is not None
    ]
    shown = [sheet for sheet in filled if sheet.sheet_state == "visible"]
    if len(shown) > 1:
        names = " or ".join(sheet.title for sheet in shown)
        raise refuse("E-SHEET-CHOICE", name, "several sheets hold data.", f"Set sheet: {names}.")
    if not shown:
        raise refuse("E-EMPTY", name, "the sheet has no cells.", "Choose another sheet.")
    if len(filled) > len(shown):
        raw.notes.append(Note("N-HIDDEN-SHEET", "a hidden sheet was not read.", name))
    return shown[0]


def table_of_records(columns: dict[str, list[Any]]) -> pa.Table:
    """Make an Arrow table of Python values; a column of mixed kinds becomes text."""
    import pyarrow as pa

    return pa.table({name: _arrow(values) for name, values in columns.items()})


def _arrow(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    values = [None if value is None or value != value else value for value in values]  # noqa: PLR0124
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) == 1 and not kinds & {dict, list}:
        return pa.array(values)
    if kinds and kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values])
    texts = [
        value if value is None or isinstance(value, str) else _as_text(value) for value in values
    ]
    return pa.array(texts, pa.string())


def _as_text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def read_database(
    con: duckdb.DuckDBPyConnection, url: str, query: str, table: str, *, label: str
) -> RawTable:
    """Stream a query's result from any SQLAlchemy database into a raw table.

    Args:
        con: Connection in which the table is made.
        url: SQLAlchemy URL; never shown in a message.
        query: SQL, run as it is.
        table: Name of the raw table.
        label: What messages call the source.

    Raises:
        DataError: The database cannot be reached or refuses the query.
    """
    import sqlalchemy as sa

    raw = RawTable(table, first_line=1)
    try:
        engine = sa.create_engine(url)
        with engine.connect().execution_options(stream_results=True) as link:
            result = link.execute(sa.text(query))
            names = list(result.keys())
            for start, batch in enumerate(_batches(result)):
                columns = {name: [row[i] for row in batch] for i, name in enumerate(names)}
                _register(con, f"{table}_part", table_of_records(columns))
                _append(con, raw, f"{table}_part", min(start, 1))
        engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError) as failed:
        reason = str(getattr(failed, "orig", None) or type(failed).__name__).split("\n")[0]
        fix = "Check `url`, `table` and `query`."
        raise refuse("E-DATABASE", label, f"the database answers: {reason}.", fix) from None
    if not raw.columns:
        raise refuse("E-NO-ROWS", label, "the query returned no rows.", "Check `query`.")
    raw.rows = count_rows(con, table)
    return raw


def _batches(result: Any) -> Iterator[list[Any]]:  # noqa: ANN401
    while batch := result.fetchmany(BATCH):
        yield batch


def line_of(raw: RawTable, file: int, row: int) -> int:
    """Find the physical line of a data row, for a message.

    Args:
        raw: The raw table.
        file: Index of the file.
        row: 1-based data row in that file.

    Returns:
        1-based line; quoted line breaks and blank lines are counted in delimited text.
    """
    if not raw.files or detect_kind(raw.files[file]) != "csv" or not raw.separator:
        return raw.first_line + row - 1
    try:
        with raw.files[file].open(encoding="utf-8-sig", newline="") as handle:
            for _ in range(raw.first_line - 1):
                handle.readline()
            reader = csv.reader(handle, delimiter=raw.separator)
            filled = (reader.line_num for cells in reader if cells)
            start = 0
            for number, end in enumerate(filled, start=1):
                if number == row:
                    return raw.first_line + start
                start = end
    except (UnicodeDecodeError, csv.Error):
        return raw.first_line + row - 1
    return raw.first_line + row - 1
