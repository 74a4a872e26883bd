"""Which of a source's own columns stands for which column of its table: mapped, or known by name.

Not for reading the columns; `contracts` does that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from journeylib.errors import Note, Problem, did_you_mean
from journeylib.expressions import quote_name
from journeylib.raw import RawTable, count_rows, table_columns
from journeylib.tables import INPUTS, Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from journeylib.columns import Reader
    from journeylib.inputs import Source

Picked = dict[str, list[str]]
EITHER = {"surveys": ("timestamp", "wave"), "feedback": ("text", "rating")}
# Further columns of events that notebooks miss when they are absent; the note says so.
WANTED = ("channel", "stage", "value", "sentiment", "text")
_SHOWN = 12


def plain(name: str) -> str:
    """Write a column name without case, spaces and underscores.

    Example:
        >>> plain("Customer ID") == plain("customer_id")
        True
    """
    return re.sub(r"[\s_\-.]", "", name).casefold()


def pick_columns(source: Source, reader: Reader) -> Picked:
    """Find the source's own columns behind each mapped name: declared, else by name or synonym.

    Args:
        source: The source's part of the client file.
        reader: Reader of its raw table; problems and notes are kept there.

    Returns:
        Own columns by mapped name; an empty list where each row is its own customer.
    """
    columns = reader.raw.columns
    contract = {column.name: column for column in INPUTS[source.kind]}
    picked: Picked = {}
    for name, written in source.columns.items():
        if (name, written) == ("customer_id", "row") and "row" not in columns:
            picked[name] = []
        elif found := _written(name, written, reader, contract.get(name)):
            picked[name] = found
    _match_names(source, reader, picked)
    _check_required(source, reader, picked)
    return picked


def _written(
    name: str, written: str | int | list[str | int], reader: Reader, column: Column | None
) -> list[str]:
    """Resolve what the client file maps a name to; what is not there is a problem or a note."""
    found = []
    for one in written if isinstance(written, list) else [written]:
        own = _own_name(one, reader.raw.columns)
        if own:
            found.append(own)
        elif column is not None and (column.required or isinstance(written, list)):
            text = f'there is no column "{one}" for {name} ({column.meaning.lower()}).'
            reader.problems.append(_missing(reader, str(one), text))
        else:
            near = did_you_mean(str(one), reader.raw.columns)
            text = f'there is no column "{one}" for {name}; it stays empty. {near}'.rstrip()
            note = Note("N-COLUMN-ABSENT", text, reader.raw.file, 1, str(one), reader.raw.rows)
            reader.notes.append(note)
    return found


def _own_name(written: str | int, columns: list[str]) -> str:
    if isinstance(written, int):
        return columns[written - 1] if 0 < written <= len(columns) else ""
    alike = {plain(own): own for own in reversed(columns)}
    return written if written in columns else alike.get(plain(written), "")


def _missing(reader: Reader, column: str, text: str, fix: str = "") -> Problem:
    columns = reader.raw.columns
    more = ", …" if len(columns) > _SHOWN else ""
    near = did_you_mean(column, columns) or f"It has: {', '.join(columns[:_SHOWN])}{more}."
    lines = reader.raw.lines
    line = max(1, lines[0].first - 1) if lines else None
    return Problem("E-MISSING-COLUMN", text, reader.raw.file, line, column, f"{near} {fix}".strip())


def _match_names(source: Source, reader: Reader, picked: Picked) -> None:
    """Match columns that are not mapped by the table's own names, then by their synonyms."""
    taken = {column for own in picked.values() for column in own}
    given = {*picked, *source.constants, *source.compute, *source.columns}
    for synonyms in (False, True):
        for column in INPUTS[source.kind]:
            free = [name for name in reader.raw.columns if name not in taken]
            names = column.synonyms if synonyms else (column.name,)
            found = "" if column.name in given else _by_name(names, free)
            if not found:
                continue
            picked[column.name] = [found]
            taken.add(found)
            given.add(column.name)
            if synonyms:
                text = f"{found!r} was taken as {column.name}."
                note = Note("N-COLUMN-MATCHED", text, reader.raw.file, 1, found, reader.raw.rows)
                reader.notes.append(note)


def _by_name(names: Iterable[str], columns: list[str]) -> str:
    alike = {plain(name): name for name in reversed(columns)}
    return next((alike[plain(name)] for name in names if plain(name) in alike), "")


def _check_required(source: Source, reader: Reader, picked: Picked) -> None:
    given = {*picked, *source.constants, *source.compute}
    for column in INPUTS[source.kind]:
        if column.name in given or column.name in source.columns:
            continue
        if column.required:
            text = f'missing "{column.name}" ({column.meaning.lower()}).'
            fix = "Map a column to it in `columns`."
            reader.problems.append(_missing(reader, column.name, text, fix))
        elif source.kind == "events" and column.name in WANTED:
            text = f"there is no {column.name}."
            reader.notes.append(Note("N-COLUMN-ABSENT", text, reader.raw.file, 1, column.name))
    either = EITHER.get(source.kind)
    if either and not given & set(either):
        text = f"{source.kind} need {either[0]} or {either[1]}."
        reader.problems.append(_missing(reader, either[0], text))


def lengthen(con: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> None:
    """Turn a wide table, one column a unit, into one row a unit and time.

    Args:
        con: Connection that holds the raw table.
        raw: The raw table; its columns change.
        source: Its `format.wide` names the two columns that are made.
    """
    wide = source.format.wide or {}
    made = [wide["names_to"], wide["values_to"]]
    listed = [
        one
        for written in source.columns.values()
        for one in (written if isinstance(written, list) else [written])
    ]
    fixed = {_own_name(one, raw.columns) for one in listed}
    for column in INPUTS[source.kind]:
        if column.name not in {*made, *source.columns}:
            fixed.add(_by_name((column.name, *column.synonyms), raw.columns))
    spread = [name for name in raw.columns if name not in fixed]
    types = table_columns(con, raw.name)
    kind = types[spread[0]] if len({types[name] for name in spread}) == 1 else "VARCHAR"
    kept = [name for name in raw.columns if name in fixed]
    fixed_list = ", ".join(quote_name(name) for name in ["_file", "_row", *kept])
    cells = ", ".join(
        f"CAST({quote_name(name)} AS {kind}) AS {quote_name(name)}" for name in spread
    )
    over = ", ".join(quote_name(name) for name in spread)
    known, long = quote_name(raw.name), quote_name(raw.name + "_long")
    con.execute(
        f"CREATE OR REPLACE TABLE {long} AS SELECT * FROM "
        f"(SELECT {fixed_list}, {cells} FROM {known}) "
        f"UNPIVOT INCLUDE NULLS ({quote_name(made[1])} FOR {quote_name(made[0])} IN ({over}))"
    )
    con.execute(f"DROP TABLE {known}")
    con.execute(f"ALTER TABLE {long} RENAME TO {known}")
    raw.columns = [*kept, *made]
    raw.rows = count_rows(con, raw.name)
