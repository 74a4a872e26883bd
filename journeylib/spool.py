"""Python values on their way into a raw table, batch by batch, each column of one type in the end.

Batches wait on disk until the last one is known: a column that is empty at first and holds numbers
later is a column of numbers, and one that holds both numbers and words is text all the way. Not for
reading a format; `records`, `workbooks`, `xes` and `databases` do that.
"""

from __future__ import annotations

import datetime as dt
import json
from array import array
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from journeylib.raw import Lines, refuse, register_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

BATCH_ROWS, BATCH_CELLS = 50_000, 500_000
MOST_COLUMNS = 5_000
_EXACT = 2**53  # whole numbers up to here are the same as floats
_LONG = 2**63
_EPOCH, _MICROSECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)
_KINDS = {
    str: "text", int: "whole", float: "float", bool: "flag", Decimal: "decimal", dt.date: "date",
    dt.time: "clock",
}  # fmt: skip


@dataclass(slots=True)
class _Seen:
    """What one column held so far.

    Attributes:
        kinds: Kinds of its values; empty while all are missing.
        largest: Largest magnitude of its whole numbers.
        digits: Digits before the point of its decimals.
        scale: Digits behind it.
    """

    kinds: set[str] = field(default_factory=set)
    largest: int = 0
    digits: int = 1
    scale: int = 0

    def kind(self) -> str:
        """Name the one kind that holds every value without loss."""
        if len(self.kinds) == 1:
            (only,) = self.kinds
            if only == "whole" and self.largest >= _LONG:
                return "text"
            return "text" if only == "decimal" and self.digits + self.scale > 38 else only
        if self.kinds == {"date", "naive"}:
            return "naive"
        numeric = self.kinds <= {"whole", "float", "decimal"} and self.largest < _EXACT
        if not self.kinds or not numeric:
            return "text"
        if "float" in self.kinds:
            return "float"
        return "decimal" if max(self.digits, 16) + self.scale <= 38 else "text"


class Spool:
    """Rows of one file or query, kept in batches until they become a table.

    Args:
        folder: Existing folder for the batches; needed until `write`.
        file: What messages call the file.
    """

    def __init__(self, folder: Path, file: str) -> None:
        self.folder, self.file = folder, file
        self.rows = 0
        self._seen: dict[str, _Seen] = {}
        self._batches: list[Path] = []
        self._waiting: list[dict[str, Any]] = []

    @property
    def names(self) -> list[str]:
        """Columns so far, in the order in which they came."""
        self.flush()
        return list(self._seen)

    def is_empty(self, name: str) -> bool:
        """Tell whether a column has no value in any row so far."""
        self.flush()
        return not self._seen.get(name, _Seen()).kinds

    def is_mixed(self, name: str) -> bool:
        """Tell whether a column holds values of several kinds, floats aside."""
        self.flush()
        return len(self._seen.get(name, _Seen()).kinds - {"float"}) > 1

    def add(self, row: dict[str, Any]) -> None:
        """Take one row; names that it lacks are missing there."""
        self._waiting.append(row)
        if len(self._waiting) >= batch_rows(max(len(self._seen), len(row))):
            self.flush()

    def flush(self) -> None:
        """Put the rows that wait into a batch."""
        if rows := self._waiting:
            names = dict.fromkeys([*self._seen, *(name for row in rows for name in row)])
            self._waiting = []
            self.add_batch({name: [row.get(name) for row in rows] for name in names}, len(rows))

    def add_batch(self, columns: dict[str, Sequence[Any]], rows: int) -> None:
        """Take a batch of rows by column.

        Args:
            columns: Values by name, all of one length; None and NaN are missing.
            rows: That length.

        Raises:
            DataError: There are more columns than any table has.
        """
        import pyarrow as pa

        if len(self._seen.keys() | columns.keys()) > MOST_COLUMNS:
            text = f"it has more than {MOST_COLUMNS:,} different names: they seem to hold values."
            raise refuse("E-TOO-WIDE", self.file, text, "Export one record a row, with few names.")
        arrays = {
            name: _array(values, self._seen.setdefault(name, _Seen()))
            for name, values in columns.items()
        }
        batch = pa.record_batch(arrays) if arrays else None
        path = self.folder / f"batch-{len(self._batches):06d}.arrow"
        if batch is not None:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as out:
                out.write_batch(batch)
            self._batches.append(path)
        self.rows += rows

    def write(
        self, con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str] | None = None
    ) -> None:
        """Make the table, its rows numbered from 1 in the order in which they came.

        Args:
            con: Connection in which it is made.
            table: Its name.
            columns: Names in the table by the names here; default all, as they are.
        """
        import pyarrow as pa

        self.flush()
        picked = {name: name for name in self._seen} if columns is None else columns
        kinds = {name: self._seen.get(name, _Seen()) for name in picked}
        schema = pa.schema([(picked[name], _arrow_type(seen)) for name, seen in kinds.items()])
        reader = pa.RecordBatchReader.from_batches(schema, self._typed(kinds, schema))
        register_rows(con, table, reader)

    def _typed(self, kinds: dict[str, _Seen], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for path in self._batches:
            with pa.memory_map(str(path)) as source:
                batch = pa.ipc.open_stream(source).read_next_batch()
                held = dict(zip(batch.schema.names, batch.columns, strict=True))
                columns = [
                    _cast(held.get(name), schema.field(at).type, batch.num_rows)
                    for at, name in enumerate(kinds)
                ]
                yield pa.record_batch(columns, schema=schema)


def batch_rows(columns: int) -> int:
    """Say how many rows of so many columns a batch should have."""
    return max(100, min(BATCH_ROWS, BATCH_CELLS // max(1, columns)))


def lines_at(numbers: array[int], *, first: int = 1) -> Lines:
    """Say where rows stand, in little memory where they follow one another.

    Args:
        numbers: Line of each row.
        first: What to call the first where there is none.
    """
    if not numbers:
        return Lines(first=first)
    if numbers == array("q", range(numbers[0], numbers[0] + len(numbers))):
        return Lines(first=numbers[0])
    # an array of machine integers is a quarter of a list of Python's
    return Lines(first=numbers[0], numbers=numbers)


def as_text(value: object) -> str:
    """Write a value as a delimited file would; what is not UTF-8 in bytes is written in hex."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes_as_text(bytes(value))
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _bytes_as_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.hex()


# ---------------------------------------------------------------- one column of one batch


def _array(values: Sequence[Any], seen: _Seen) -> pa.Array:
    """Make one column of one batch, and remember what it holds."""
    import pyarrow as pa

    kinds = _kinds_of(values)
    if kinds & {"float", "decimal"}:
        values = [None if value != value else value for value in values]  # noqa: PLR0124
        kinds = _kinds_of(values)
    own = _look_at(values, kinds)
    _merge(own, seen)
    kind = own.kind()
    if not kinds:
        return pa.nulls(len(values))
    if kind in {"text", "decimal"}:  # decimals wait as text until their digits are known
        return _texts(values)
    if kind == "float":
        values = [None if value is None else float(value) for value in values]
    if kind == "naive" and "date" in kinds:
        values = [_midnight(value) for value in values]
    if kind == "aware":
        return _instants(values)
    return pa.array(values, _arrow_type(own))


def _instants(values: Sequence[Any]) -> pa.Array:
    """Make a column of times with an offset.

    Arrow forgets the offsets of Python's times once certain packages are imported, pandera among
    them; whole microseconds cannot be misread.
    """
    import pyarrow as pa

    micros = [None if at is None else (at - _EPOCH) // _MICROSECOND for at in values]
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _kinds_of(values: Sequence[Any]) -> set[str]:
    return {_kind_of(kind) for kind in set(map(type, values))} - {""}


def _look_at(values: Sequence[Any], kinds: set[str]) -> _Seen:
    """Say what the values of one batch are, with the zone of times and the size of numbers."""
    if "time" in kinds:
        times = (value for value in values if isinstance(value, dt.datetime))
        zones = {"naive" if value.tzinfo is None else "aware" for value in times}
        kinds = (kinds - {"time"}) | zones
    own = _Seen(kinds)
    if "whole" in kinds:
        own.largest = max(abs(value) for value in values if type(value) is int)
    if "decimal" in kinds:
        _measure(values, own)
    return own


def _kind_of(kind: type) -> str:
    """Name a kind of value; empty for a missing one, text for all that has no type of its own."""
    if kind is type(None):
        return ""
    if kind in _KINDS:
        return _KINDS[kind]
    return "time" if issubclass(kind, dt.datetime) else "text"


def _measure(values: Sequence[Any], own: _Seen) -> None:
    """Count the digits of decimals; those without end are text."""
    for value in values:
        if isinstance(value, Decimal):
            exponent = value.as_tuple().exponent
            if not isinstance(exponent, int):
                own.kinds.add("text")
                continue
            own.scale = max(own.scale, -exponent)
            own.digits = max(own.digits, value.adjusted() + 1)


def _merge(own: _Seen, seen: _Seen) -> None:
    seen.kinds |= own.kinds
    seen.largest = max(seen.largest, own.largest)
    seen.digits, seen.scale = max(seen.digits, own.digits), max(seen.scale, own.scale)


def _midnight(value: Any) -> Any:
    return dt.datetime.combine(value, dt.time()) if type(value) is dt.date else value


def _texts(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    texts = [None if value is None else as_text(value) for value in values]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:  # half of a pair, as JSON may write it, is no character
        whole = [None if text is None else text.encode("utf-8", "replace") for text in texts]
        return pa.array(whole, pa.string())


def _arrow_type(seen: _Seen) -> pa.DataType:
    import pyarrow as pa

    kind = seen.kind()
    if kind == "decimal":
        digits = max(seen.digits, 16 if "whole" in seen.kinds else 1)
        return pa.decimal128(max(1, digits + seen.scale), seen.scale)
    return {
        "whole": pa.int64(), "float": pa.float64(), "flag": pa.bool_(), "date": pa.date32(),
        "clock": pa.time64("us"), "naive": pa.timestamp("us"),
        "aware": pa.timestamp("us", tz="UTC"),
    }.get(kind, pa.string())  # fmt: skip


def _cast(held: pa.Array | None, wanted: pa.DataType, rows: int) -> pa.Array:
    """Give a column of a batch the type that it has in the end."""
    import pyarrow as pa
    import pyarrow.types as pt

    if held is None or pt.is_null(held.type):
        return pa.nulls(rows, wanted)
    if held.type == wanted:
        return held
    values = held.to_pylist()
    if pt.is_string(wanted):
        return _texts(values)
    if pt.is_decimal(wanted):
        return pa.array([None if v is None else Decimal(v) for v in values], wanted)
    if pt.is_floating(wanted):
        return pa.array([None if v is None else float(v) for v in values], wanted)
    return pa.array([_midnight(value) for value in values], wanted)
