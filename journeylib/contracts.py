"""The columns of a source's table as SQL: each read by its contract's kind, rules compiled.

Not for choosing the columns (`mappings`), nor for leaving rows out (`rows`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from journeylib.columns import NAME_REMARKS, TEXT_REMARKS
from journeylib.errors import JourneyError, Note, Problem, did_you_mean
from journeylib.exports import fit_preset, plain
from journeylib.expressions import compile_condition, compile_number, quote_text
from journeylib.keys import CUSTOMER_ID, PERSONAL_KEYS, order_kinds, stand_in
from journeylib.numbers import may_be_number, read_number
from journeylib.tables import INPUTS, Column
from journeylib.times import read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from journeylib.columns import Reader
    from journeylib.inputs import Source
    from journeylib.mappings import Picked

SCORED = ("score", "rating", "sentiment")
WORDS = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
TENURE_DAYS = {"days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}
_NAMES = ("touchpoint", "channel", "stage")
_TYPES = {"number": "DOUBLE", "flag": "BOOLEAN", "time": "BIGINT"}


@dataclass(slots=True)
class Contract:
    """What a source's table is made of.

    Attributes:
        columns: SQL by column name, on the reader's ``source``.
        own: The source's own column behind each, for messages.
        attributes: Further columns.
        keeps: Reason and SQL of each rule that rows must fulfil.
    """

    columns: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    keeps: list[tuple[str, str]] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Tell whether a column of this name is there; the engine ignores case."""
        return name.casefold() in {known.casefold() for known in self.columns}


class _Lazy(Mapping[str, str]):
    """SQL by column, read when it is asked for: a rule uses few of many columns."""

    def __init__(self, names: list[str], read: Callable[[str], str]) -> None:
        self.names, self.read = names, read

    def __getitem__(self, name: str) -> str:
        return self.read(name)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def make_contract(
    source: Source, reader: Reader, picked: Picked, *, keys: Sequence[str] = PERSONAL_KEYS
) -> Contract:
    """Write the SQL of every column of a source's table.

    Args:
        source: The source's part of the client file.
        reader: Reader of the raw table; problems and notes are kept there.
        picked: Own columns by mapped name.
        keys: Columns of which one names the customer where a row has no id.

    Returns:
        The columns in the contract's order, attributes behind them.
    """
    source, _ = fit_preset(source, reader.raw.columns)
    reader.zone = source.format.timezone or reader.zone
    contract = Contract()
    for rule in source.keep:
        sql = _compiled(reader, rule, condition=True)
        contract.keeps.append((f"not kept by {rule}", f"coalesce({sql}, FALSE)"))
    known = {column.name: column for column in INPUTS[source.kind]}
    for name, column in known.items():
        if name in picked and name not in source.compute:
            contract.columns[name] = _mapped(source, reader, column, picked[name])
            contract.own[name] = picked[name][0] if picked[name] else name
    for name, expression in source.compute.items():
        contract.columns[name] = _computed(reader, name, expression, known.get(name))
    for name, value in source.constants.items():
        if name not in contract.columns:
            contract.columns[name] = _constant(reader, name, value, known.get(name))
    _add_attributes(source, reader, picked, contract)
    _name_by_keys(source, picked, contract, keys)
    _add_tenure(source, contract)
    return contract


def _mapped(source: Source, reader: Reader, column: Column, own: list[str]) -> str:
    if not own:
        return "concat('row ', _file + 1, '-', _row)"
    joined = reader.joined(own) if len(own) > 1 else ""
    if column.kind == "time":
        declared = source.format.dates
        if isinstance(declared, dict):
            declared = declared.get(column.name) or declared.get(own[0])
        return read_time(reader, own[0], declared=declared, joined=joined)
    if column.kind == "number":
        worded = column.name in {"sentiment", "rating"}
        return (_words_or_number if worded else read_number)(reader, own[0])
    if column.kind == "flag":
        return reader.flag(own[0])
    if joined:
        return joined
    return reader.identity(own[0]) if column.kind == "id" else _named(reader, column.name, own[0])


def _named(reader: Reader, name: str, own: str) -> str:
    """Read a text; names and comments get the notes that belong to them."""
    if name in _NAMES:
        reader.remark(reader.profile(own), NAME_REMARKS)
    elif name == "text":
        reader.remark(reader.profile(own), TEXT_REMARKS)
    return reader.text(own)


def _words_or_number(reader: Reader, own: str) -> str:
    """Read positive, neutral and negative as 1, 0 and -1; anything else as numbers."""
    profile = reader.profile(own)
    worded = f"lower(text) IN ({', '.join(quote_text(word) for word in WORDS)})"
    if not profile.filled or profile.count(worded) < profile.filled:
        return read_number(reader, own)
    message = "positive, neutral, negative were read as 1, 0, -1."
    reader.note("N-SENTIMENT-WORDS", message, profile, worded)
    cases = " ".join(f"WHEN {quote_text(word)} THEN {value}" for word, value in WORDS.items())
    return reader.bind(profile, f"CAST(CASE lower(text) {cases} END AS DOUBLE)")


def _compiled(reader: Reader, expression: str, *, condition: bool) -> str:
    columns = reader.raw.columns

    def number(name: str) -> str:
        return read_number(reader, name) if may_be_number(reader, name) else ""

    texts, numbers = _Lazy(columns, reader.text), _Lazy(columns, number)
    try:
        compile_ = compile_condition if condition else compile_number
        return compile_(expression, texts=texts, numbers=numbers)
    except JourneyError as refused:
        key = "keep" if condition else "compute"
        fix = f"Correct it in the client file; the columns are {', '.join(columns[:12])}."
        problem = Problem("E-EXPRESSION", refused.what, reader.raw.file, None, key, fix)
        reader.problems.append(problem)
        return "NULL"


def _computed(reader: Reader, name: str, expression: str, column: Column | None) -> str:
    sql = _compiled(reader, expression, condition=False)
    kind = column.kind if column else "number"
    if kind in {"time", "flag"}:
        text = f"{name} cannot be computed: arithmetic gives a number."
        fix = "Map a column to it in `columns`."
        problem = Problem("E-EXPRESSION", text, reader.raw.file, None, "compute", fix)
        reader.problems.append(problem)
    return sql if kind == "number" else f"CAST({sql} AS VARCHAR)"


def _constant(reader: Reader, name: str, value: str, column: Column | None) -> str:
    """Write a value that holds for every row in the type of its column."""
    kind = column.kind if column else "text"
    try:
        if kind == "number":
            return f"CAST({float(value)!r} AS DOUBLE)"
        if kind == "time":
            day = dt.datetime.fromisoformat(value)
            day = day if day.tzinfo else day.replace(tzinfo=dt.UTC)
            return f"{int(day.timestamp()) * 1_000_000}::BIGINT"
    except ValueError:
        text = f"{value!r} is not a {kind}."
        fix = "Write a number with a point, or a day as YYYY-MM-DD."
        problem = Problem("E-CONSTANT", text, reader.raw.file, None, name, fix)
        reader.problems.append(problem)
    if kind == "flag":
        return f"({quote_text(value)} IN ('true', 'yes', '1'))"
    return f"CAST({quote_text(value)} AS {_TYPES.get(kind, 'VARCHAR')})"


def _add_attributes(source: Source, reader: Reader, picked: Picked, contract: Contract) -> None:
    """Keep further columns under the names they were mapped to, else under their own."""
    taken = {own for columns in picked.values() for own in columns}
    wanted = [(own, own) for own in reader.raw.columns if own not in taken and plain(own)]
    known = {column.name for column in INPUTS[source.kind]}
    wanted += [(name, own[0]) for name, own in picked.items() if name not in known and own]
    for name, own in wanted:
        # what is called email and holds no address must not be taken for one later
        taken_for = contract.has(name) or plain(name) in PERSONAL_KEYS
        shown = f"{name} (source)" if taken_for else name
        scored = name in SCORED and name in source.columns
        contract.columns[shown] = _words_or_number(reader, own) if scored else reader.attribute(own)
        contract.own[shown] = own
        contract.attributes.append(shown)
    further = [own for name, own in wanted if name == own and own not in source.columns]
    if further and source.kind not in {"experiments", "measurements"}:
        text = f"{len(further)} column(s) were kept as attributes: {', '.join(further[:5])}."
        reader.notes.append(Note("N-EXTRA-COLUMNS", text, reader.raw.file, 1))


def _name_by_keys(source: Source, picked: Picked, contract: Contract, keys: Sequence[str]) -> None:
    """Let a key stand for an id that is missing; `identity` gives it its normal form."""
    if CUSTOMER_ID not in {column.name for column in INPUTS[source.kind]}:
        return
    if picked.get(CUSTOMER_ID) == [] and source.kind != "customers":
        # each row was declared a case of its own, so none joins another one
        for key in PERSONAL_KEYS:
            contract.columns.pop(key, None)
        return
    texts = {key: contract.columns[key] for key in order_kinds(keys) if contract.has(key)}
    if not texts:
        return
    own = contract.columns.pop(CUSTOMER_ID, "NULL::VARCHAR")
    contract.columns = {CUSTOMER_ID: f"coalesce({own}, {stand_in(texts)})", **contract.columns}
    contract.own.setdefault(CUSTOMER_ID, contract.own[next(iter(texts))])


def _add_tenure(source: Source, contract: Contract) -> None:
    """Give a tenure in days, whatever unit it came in."""
    unit = str(source.constants.get("tenure_unit", "days"))
    if "tenure" not in contract.columns:
        return
    if unit not in TENURE_DAYS:
        fix = did_you_mean(unit, TENURE_DAYS) or f"Allowed: {', '.join(TENURE_DAYS)}."
        problem = Problem(
            "E-CONSTANT", f"{unit!r} is no unit of tenure.", "", None, "tenure_unit", fix
        )
        raise JourneyError(f"{source.name} cannot be used.", [problem])
    contract.columns["tenure"] = f"({contract.columns['tenure']}) * {TENURE_DAYS[unit]}"
