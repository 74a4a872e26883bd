"""Which of a source's own columns stands for which column of its table: mapped, or known by name.

Not for reading the columns; `contracts` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.columns import Reader
from journeylib.errors import Note, Problem, did_you_mean
from journeylib.exports import fit_preset, other_names, plain
from journeylib.expressions import quote_name
from journeylib.keys import CUSTOMER_ID, PERSONAL_KEYS, holds_keys, order_kinds
from journeylib.nested import named_columns, unfold
from journeylib.raw import RawTable, count_rows, table_columns
from journeylib.tables import INPUTS, Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from journeylib.inputs import Source

__all__ = ["Picked", "expect_kinds", "lengthen", "pick_columns", "plain"]

Picked = dict[str, list[str]]
EITHER = {"surveys": ("timestamp", "wave"), "feedback": ("text", "rating")}
# Further columns of events that notebooks miss when they are absent; the note says so.
WANTED = ("channel", "stage", "value", "sentiment", "text")
_SHOWN = 12


def pick_columns(source: Source, reader: Reader, *, keys: Sequence[str] = PERSONAL_KEYS) -> Picked:
    """Find the source's own columns behind each mapped name: declared, else by name or synonym.

    Args:
        source: The source's part of the client file.
        reader: Reader of its raw table; problems and notes are kept there.
        keys: Columns of which one is enough where there is no ``customer_id``.

    Returns:
        Own columns by mapped name; an empty list where each row is its own customer.
    """
    return _pick(_fit(source, reader), reader, keys)


def expect_kinds(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[str]
) -> dict[str, str]:
    """Say which columns of a file will be read as numbers or times, and as nothing else.

    Args:
        con: Connection in which the file will be read.
        source: The source's part of the client file.
        columns: The file's column names.

    Returns:
        ``"number"`` or ``"time"`` by column; none where the client file says how to read them.
    """
    fitted, _ = fit_preset(source, columns)
    layout, rules = fitted.format, " ".join([*fitted.keep, *fitted.compute.values()])
    if layout.wide or layout.decimal or layout.thousands or fitted.missing:
        return {}
    picked = _pick(fitted, Reader(con, RawTable("", columns=list(columns))))
    times = {"time"} if layout.dates in (None, "iso") else set()
    kinds = {column.name: column.kind for column in INPUTS[source.kind]}
    uses = [own for listed in picked.values() for own in listed]
    return {
        own[0]: kinds[name]
        for name, own in picked.items()
        if kinds.get(name) in {"number", *times}
        and len(own) == 1 and uses.count(own[0]) == 1 and own[0] not in rules
    }  # fmt: skip


def _pick(source: Source, reader: Reader, keys: Sequence[str] = PERSONAL_KEYS) -> Picked:
    columns = reader.raw.columns
    contract = {column.name: column for column in INPUTS[source.kind]}
    picked: Picked = {}
    for name, written in source.columns.items():
        if (name, written) == ("customer_id", "row") and "row" not in columns:
            picked[name] = []
        elif found := _written(name, written, reader, contract.get(name)):
            picked[name] = found
    _match_names(source, reader, picked)
    _check_required(source, reader, picked, keys)
    return picked


def _fit(source: Source, reader: Reader) -> Source:
    """Unfold the nested columns that are mapped, and fit the preset to the columns of the file."""
    wanted = named_columns(source, [*source.columns.values(), other_names(source)])
    unfold(reader.con, reader.raw, wanted)
    fitted, left = fit_preset(source, reader.raw.columns)
    for rule in left:
        text = f"the preset's rule {rule!r} was left out: the file lacks its columns."
        reader.notes.append(Note("N-PRESET-RULE", text, reader.raw.file, 1))
    return fitted


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
            if not found or not _may_be(source, reader, column, found):
                continue
            picked[column.name] = [found]
            taken.add(found)
            given.add(column.name)
            if synonyms:
                text = f"{found!r} was taken as {column.name}."
                note = Note("N-COLUMN-MATCHED", text, reader.raw.file, 1, found, reader.raw.rows)
                reader.notes.append(note)


def _may_be(source: Source, reader: Reader, column: Column, own: str) -> bool:
    """Tell whether a column is what its name says; `email: yes` is no address."""
    if column.name not in PERSONAL_KEYS or source.kind == "customers" or not reader.raw.name:
        return True
    return reader.profile(own).count(holds_keys(column.name)) > 0


def _by_name(names: Iterable[str], columns: list[str]) -> str:
    alike = {plain(name): name for name in reversed(columns)}
    return next((alike[plain(name)] for name in names if plain(name) in alike), "")


def _check_required(source: Source, reader: Reader, picked: Picked, keys: Sequence[str]) -> None:
    given = {*picked, *source.constants, *source.compute}
    standing_in = [key for key in order_kinds(keys) if picked.get(key)]
    if CUSTOMER_ID not in {*given, *source.columns} and standing_in:
        text = f"there is no customer_id; customers are told apart by {' and '.join(standing_in)}."
        own = picked[standing_in[0]][0]
        reader.notes.append(Note("N-ID-FROM-KEY", text, reader.raw.file, 1, own, reader.raw.rows))
        given.add(CUSTOMER_ID)
    for column in INPUTS[source.kind]:
        if column.name in given or column.name in source.columns:
            continue
        if column.required:
            text = f'missing "{column.name}" ({column.meaning.lower()}).'
            fix = "Map a column to it in `columns`."
            if column.name == CUSTOMER_ID:
                fix += " Without ids, map email or phone."
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
    con.execute(f"CREATE OR REPLACE VIEW {known} AS SELECT * FROM {long}")
    raw.columns = [*kept, *made]
    raw.rows = count_rows(con, raw.name)
