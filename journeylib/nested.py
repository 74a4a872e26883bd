"""Values inside nested columns: a field of a structure, one entry of a list of keys and values.

Analytics exports keep the parameters of an event as a list of ``{key, value}``; a client file names
one of them as ``event_params.page_location``. Not for choosing columns; `mappings` does that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from journeylib.engine import rename, store
from journeylib.exports import plain
from journeylib.expressions import quote_name, quote_text
from journeylib.raw import table_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from journeylib.inputs import Source
    from journeylib.raw import RawTable

# Where the value of an entry may stand, in Google's exports and in plain ones.
_VALUES = ("string_value", "int_value", "float_value", "double_value")
_NESTED = ("STRUCT", "MAP", "JSON")
_QUOTED = re.compile(r'"([^"]+)"')


def unfold(con: duckdb.DuckDBPyConnection, raw: RawTable, wanted: Iterable[str]) -> None:
    """Add a column of texts for each wanted value that stands inside a nested column.

    Args:
        con: Connection that holds the raw table.
        raw: The raw table; it gets further columns.
        wanted: Names such as ``device.category``. Those that are columns already, and those whose
            part before a dot is no nested column, are passed over.
    """
    there = {plain(name) for name in raw.columns}
    absent = [name for name in dict.fromkeys(wanted) if "." in name and plain(name) not in there]
    if not absent:
        return
    types = table_columns(con, raw.name)
    found = {name: sql for name in absent if (sql := _inside(name, types))}
    if not found:
        return
    base = f"{raw.name}_nested"
    rename(con, raw.name, base)
    made = ", ".join(f"{sql} AS {quote_name(name)}" for name, sql in found.items())
    store(con, raw.name, f"SELECT *, {made} FROM {quote_name(base)}")
    raw.columns += list(found)


def named_columns(source: Source, columns: Iterable[object]) -> list[str]:
    """List the columns that a source's mapping and rules name.

    Args:
        source: The source's part of the client file.
        columns: What its names are mapped to.

    Returns:
        Names, as written.
    """
    listed = [one for written in columns for one in _each(written)]
    rules = (*source.keep, *source.compute.values())
    return [*listed, *(name for rule in rules for name in _QUOTED.findall(rule))]


def _each(written: object) -> list[str]:
    return [str(one) for one in written] if isinstance(written, list) else [str(written)]


def _inside(name: str, types: dict[str, str]) -> str:
    """Write the SQL of a value inside the longest column that the name begins with."""
    holders = [column for column in types if name.startswith(f"{column}.")]
    if not holders:
        return ""
    holder = max(holders, key=len)
    kind = types[holder]
    path = name.removeprefix(f"{holder}.")
    own = quote_name(holder)
    if kind.startswith(_NESTED) or kind.endswith("]"):
        return _value(f"to_json({own})", path)
    if not kind.startswith("VARCHAR"):
        return ""
    return _value(f"CASE WHEN json_valid({own}) THEN CAST({own} AS JSON) END", path)


def _value(json: str, path: str) -> str:
    keys = "".join('."' + key.replace('"', "") + '"' for key in path.split("."))
    is_key = f"json_extract_string(entry, '$.key') = {quote_text(path)}"
    entry = f"list_filter(CAST({json} AS JSON[]), lambda entry: {is_key})[1]"
    places = [*(f"$.value.{name}" for name in _VALUES), "$.value"]
    values = ", ".join(f"json_extract_string({entry}, '{place}')" for place in places)
    return (
        f"CASE json_type({json}) WHEN 'ARRAY' THEN coalesce({values}) "
        f"WHEN 'OBJECT' THEN json_extract_string({json}, {quote_text('$' + keys)}) END"
    )
