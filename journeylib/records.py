"""JSON and other Python values into Arrow tables, each column of one type."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from journeylib.raw import Lines, RawTable, check_names, refuse

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_FIX = "Export it again, as an array of objects or one object a line."


def read_json(path: Path, raw: RawTable) -> pa.Table:
    """Read a JSON array of objects, one object a line, or one object that holds such an array.

    Args:
        path: The file.
        raw: Takes the lines of the rows.

    Returns:
        One row an object; keys of nested objects are joined by a dot, lists stay JSON text.

    Raises:
        DataError: It is no such JSON; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as bad:
        message = f"byte {bad.object[bad.start]:#04x} is not UTF-8."
        line = bad.object.count(b"\n", 0, bad.start) + 1
        raise refuse("E-ENCODING", path.name, message, "Save it as UTF-8.", line=line) from None
    rows, lines = _lined(text, path.name) if _is_lined(text) else (_whole(text, path.name), [])
    columns: dict[str, list[Any]] = {}
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            at = lines[index] if lines else None
            raise refuse("E-JSON", path.name, "an entry is not an object.", _FIX, line=at)
        for name, value in _flat(row).items():
            columns.setdefault(name, [None] * index).append(value)
        for values in columns.values():
            values.extend([None] * (index + 1 - len(values)))
    raw.lines.append(Lines(first=1, numbers=lines))
    columns = {name: own for name, own in columns.items() if not _is_hollow(name, columns)}
    if not columns:
        raise refuse("E-NO-ROWS", path.name, "it holds no object.", "Check the export's filter.")
    check_names(list(columns), path.name, None)
    return table_of_records(columns)


def _is_lined(text: str) -> bool:
    """Tell whether the first line is an object of its own."""
    first = text.lstrip().split("\n", 1)[0].strip()
    if not first.startswith("{"):
        return False
    try:
        return not _list_inside(json.loads(first))
    except (json.JSONDecodeError, RecursionError):
        return first != "{" and '"' in first and first.endswith("}")


def _lined(text: str, file: str) -> tuple[list[Any], list[int]]:
    rows, lines = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except (json.JSONDecodeError, RecursionError):
                message = "the line is not a JSON object."
                raise refuse("E-JSON", file, message, _FIX, line=number) from None
            lines.append(number)
    return rows, lines


def _whole(text: str, file: str) -> list[Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as bad:
        raise refuse("E-JSON", file, f"it is not JSON: {bad.msg}.", _FIX, line=bad.lineno) from None
    except RecursionError:
        raise refuse("E-JSON", file, "it is nested too deeply.", _FIX) from None
    if isinstance(found, list):
        return found
    return _list_inside(found) or [found]


def _list_inside(found: object) -> list[Any]:
    """Find the one list of objects in an object such as ``{"data": [...]}``."""
    inside = found.values() if isinstance(found, dict) else ()
    lists = [own for own in inside if isinstance(own, list) and own and isinstance(own[0], dict)]
    plain = isinstance(found, dict) and len(found) <= 4
    return lists[0] if len(lists) == 1 and plain else []


def _is_hollow(name: str, columns: dict[str, list[Any]]) -> bool:
    """Tell whether a name only stands for a nested object where that is missing."""
    nested = any(other.startswith(f"{name}.") for other in columns)
    return nested and not kinds_of(columns[name])


def _flat(row: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        name = f"{above}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return flat


def table_of_records(columns: dict[str, list[Any]]) -> pa.Table:
    """Make an Arrow table of Python values; a column of mixed kinds becomes text.

    Args:
        columns: Values by column, all of one length; None and NaN are missing.

    Returns:
        The table.
    """
    import pyarrow as pa

    return pa.table({name: _arrow(values) for name, values in columns.items()})


def _arrow(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    values = [None if value is None or value != value else value for value in values]  # noqa: PLR0124
    kinds = kinds_of(values)
    try:
        if not kinds:
            return pa.array(values, pa.string())
        if len(kinds) == 1 and not kinds & {dict, list}:
            return pa.array(values)
        if kinds <= {int, float} and all(abs(value or 0) < 2**53 for value in values):
            return pa.array([None if value is None else float(value) for value in values])
    except (pa.ArrowException, OverflowError, TypeError):
        pass  # beyond what a typed column holds; text holds everything
    return pa.array([None if value is None else as_text(value) for value in values], pa.string())


def kinds_of(values: list[Any]) -> set[type]:
    """Name the kinds of the values that are there."""
    return {type(value) for value in values if value is not None}


def as_text(value: object) -> str:
    """Write a value as a delimited file would."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
