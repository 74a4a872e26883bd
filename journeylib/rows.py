"""The rows of a source's table: checked, scaled, and left out only for a reason that is counted.

Not for reading columns; `contracts` gives them as SQL.
"""

from __future__ import annotations

import datetime as dt
import time as clock
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from journeylib.contracts import SCORED, Contract
from journeylib.engine import fetch_row, store, take_in
from journeylib.errors import Note, Problem, did_you_mean
from journeylib.expressions import quote_name, quote_text
from journeylib.logbook import clean_name
from journeylib.raw import AT, count_rows
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.columns import Reader
    from journeylib.inputs import Source

PLACEHOLDERS = ((1, 1, 1), (1900, 1, 1), (1970, 1, 1), (9999, 12, 31))
SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 5.0)}
MOST_MISSING = 0.5
FEW_TWINS = 100
MICROSECONDS_PER_DAY = 86_400_000_000
_TOTALS = "('total', 'totals', 'grand total', 'sum', 'summe', 'gesamt', 'subtotal')"


@dataclass(slots=True)
class Rows:
    """Every row of a source, typed, on its way to the table of those that are used.

    Attributes:
        source: The source's part of the client file.
        reader: Reader of the raw table; problems and notes are kept there.
        contract: What the table is made of.
        table: The typed rows, with ``_file, _row, _twin`` and ``_keep0…``.
        kept: SQL that is true for rows that all rules keep.
        scale: Ends of the score's scale and which is best; None without a score.
        reasons: Why rows are left out, and the SQL that finds them.
        duplicates: Rows that repeat an earlier one in every column.
        stored: Whether the typed rows stand on their own, no more on the raw table.
    """

    source: Source
    reader: Reader
    contract: Contract
    table: str
    kept: str = "TRUE"
    scale: tuple[str, float, float, str] | None = None
    reasons: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    stored: bool = False
    _ends: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def twins(self) -> str:
        """Table of the duplicates: ``place`` and ``mark``, a hash of the row."""
        return f"{self.reader.raw.name}_twins"

    @property
    def is_timed(self) -> bool:
        """Whether its table has a timestamp; an attribute of that name is none."""
        known = {column.name for column in INPUTS[self.source.kind]}
        return "timestamp" in known and "timestamp" in self.contract.columns

    def ends(self, name: str) -> tuple[Any, Any]:
        """Give the least and the greatest value of a column; None where it has none."""
        if name not in self._ends:
            self._ends[name] = self.ask(f"min({quote_name(name)}), max({quote_name(name)})")
        return self._ends[name]

    def ask(self, select: str) -> tuple[Any, ...]:
        """Ask one question about all rows."""
        return fetch_row(self.reader.con, f"SELECT {select} FROM {quote_name(self.table)}")

    def tally(self, conditions: Sequence[str]) -> list[int]:
        """Count the rows for which each condition holds, in one pass."""
        if not conditions:
            return []
        counts = self.ask(", ".join(f"count(*) FILTER (WHERE {one})" for one in conditions))
        return [int(count) for count in counts]

    def count(self, condition: str) -> int:
        """Count rows for which a condition holds."""
        return self.tally([condition])[0]

    def place(self, condition: str) -> tuple[str, int | None]:
        """Name file and line of the first row for which a condition holds."""
        # rows stand in the order of the files, so the search ends where it finds one
        found = fetch_row(
            self.reader.con,
            f"SELECT {AT} FROM {quote_name(self.table)} WHERE {condition} LIMIT 1",
        )
        raw = self.reader.raw
        return raw.place(int(found[0])) if found else (raw.file, None)

    def own(self, name: str) -> str:
        """Give the source's own name of a column, for messages."""
        return self.contract.own.get(name, name)

    def problem(self, code: str, text: str, name: str, fix: str, where: str) -> None:
        """Keep a problem with file, line and column of its first row."""
        file, line = self.place(where)
        self.reader.problems.append(Problem(code, text, file, line, self.own(name), fix))

    def note(self, code: str, text: str, name: str, where: str, *, rows: int | None = None) -> None:
        """Keep a note, where a row has a condition; counted here unless that was done before."""
        rows = self.count(where) if rows is None else rows
        if rows:
            file, line = self.place(where)
            self.reader.notes.append(Note(code, text, file, line, self.own(name), rows))


def type_rows(source: Source, reader: Reader, contract: Contract, table: str) -> Rows:
    """Write every row in its types, then look for what must be refused or left out.

    Args:
        source: The source's part of the client file.
        reader: Reader of the raw table; problems and notes are kept there.
        contract: What the table is made of.
        table: Name of the table of typed rows.

    Returns:
        The rows, with the reasons to leave some of them out.
    """
    rows = Rows(source, reader, contract, table)
    raw = quote_name(reader.raw.name)
    _find_twins(rows)
    columns = [f"{sql} AS {quote_name(name)}" for name, sql in contract.columns.items()]
    columns += [f"{sql} AS _keep{i}" for i, (_, sql) in enumerate(contract.keeps)]
    twin, many = _twin_sql(rows), rows.duplicates > FEW_TWINS
    typed = (
        f"SELECT {', '.join(columns)}, {raw}._file, {raw}._row, {twin} AS _twin "
        f"FROM {reader.source}"
    )
    if reader.joins or many:
        store(reader.con, table, typed)
        rows.stored = True
    else:
        reader.con.execute(f"CREATE OR REPLACE VIEW {quote_name(table)} AS {typed}")
    rows.reasons = [(why, f"NOT _keep{i}") for i, (why, _) in enumerate(contract.keeps)]
    rows.kept = " AND ".join(f"_keep{i}" for i in range(len(contract.keeps))) or "TRUE"
    _find_missing(rows)
    _find_placeholders(rows)
    _check_future(rows)
    _find_scale(rows)
    _add_duplicates(rows)
    return rows


def name_used(rows: Rows, table: str) -> dict[str, int]:
    """Give a name to the rows that nothing speaks against.

    Args:
        rows: The typed rows; their table stays behind the name.
        table: Name of the view that is made; the order of the files holds.

    Returns:
        Rows left out, by reason; a row counts once, under its first reason.
    """
    con, every = rows.reader.con, quote_name(rows.table)
    hidden = ["_twin", *(f"_keep{i}" for i in range(len(rows.contract.keeps)))]
    sentiment = ""
    if rows.scale is not None:
        name, low, high, best = rows.scale
        scaled = f"(2 * ({quote_name(name)} - {low}) / {high - low} - 1)"
        sentiment = f", {'-' if best == 'low' else ''}{scaled} AS sentiment"
        hidden += ["sentiment"] if "sentiment" in rows.contract.columns else []
    used = f"SELECT * EXCLUDE ({', '.join(hidden)}){sentiment} FROM {every}"
    view = f"CREATE OR REPLACE VIEW {quote_name(table)} AS {used}"
    if not rows.reasons:
        con.execute(view)
        return {}
    con.execute(f"{view} WHERE ({_reason(rows)}) IS NULL")
    return {why: int(count) for why, count in _by_reason(rows, "count(*)")}


def value_lost(rows: Rows) -> dict[str, float]:
    """Sum up the money in the rows left out, by reason; empty where the source has none."""
    if rows.source.kind not in {"events", "orders"} or "value" not in rows.contract.columns:
        return {}
    return {why: float(value) for why, value in _by_reason(rows, "sum(value)") if value}


def _reason(rows: Rows) -> str:
    """SQL of the number of the first reason to leave a row out; null for a row that is used."""
    cases = " ".join(f"WHEN {sql} THEN {index}" for index, (_, sql) in enumerate(rows.reasons))
    return f"CASE {cases} END"


def _by_reason(rows: Rows, figure: str) -> list[tuple[str, Any]]:
    """Give a figure of the rows left out for each reason."""
    found = rows.reader.con.execute(
        f"SELECT {_reason(rows)} AS reason, {figure} FROM {quote_name(rows.table)} "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [(rows.reasons[index][0], value) for index, value in found if index is not None]


# ---------------------------------------------------------------- reasons and refusals


def _find_missing(rows: Rows) -> None:
    """Leave out rows without a required value; refuse a column that is all or mostly empty."""
    needed = [column.name for column in INPUTS[rows.source.kind] if column.required]
    every = rows.reader.raw.rows
    asked = [
        name for name in needed
        if name in rows.contract.own and (rows.source.kind, name) != ("measurements", "value")
    ]  # fmt: skip
    filled = rows.ask(", ".join(f"count({quote_name(name)})" for name in asked)) if asked else ()
    for name, full in zip(asked, filled, strict=True):
        where, empty = f"{quote_name(name)} IS NULL", every - int(full)
        if empty == every:
            fix = "Export the column with its values."
            rows.problem("E-COLUMN-EMPTY", f"every {name} is empty.", name, fix, where)
        elif name == "timestamp" and empty > MOST_MISSING * every:
            text = f"{empty / every:.0%} of the rows have no {name}."
            rows.problem("E-TOO-MANY-MISSING", text, name, "Check the export.", where)
        elif empty:
            _refuse_total(rows, name, where)
            rows.note("N-ROWS-EXCLUDED", f"rows without {name} were left out.", name, where)
        if empty:
            rows.reasons.append((f"no {name}", where))


def _refuse_total(rows: Rows, name: str, absent: str) -> None:
    if name == "timestamp" and "customer_id" in rows.contract.columns:
        total = f"{absent} AND lower(customer_id) IN {_TOTALS}"
        if rows.count(total):
            text = "a row of totals stands among the data; it would count everything twice."
            rows.problem("E-TOTAL-ROW", text, name, "Remove the row.", total)


def _find_placeholders(rows: Rows) -> None:
    """Leave out rows whose time stands for "unknown": the zero of a clock, or never."""
    if not rows.is_timed:
        return
    first, last = rows.ends("timestamp")
    known = [
        at for at in _placeholders(rows.reader.zone) if first is not None and first <= at <= last
    ]
    if not known:
        return
    never = f"timestamp IN ({', '.join(map(str, known))})"
    if 0 < rows.count(never) < rows.reader.raw.rows:
        text = "placeholder dates were left out."
        rows.note("N-DATE-PLACEHOLDER", text, "timestamp", never)
        rows.reasons.append(("placeholder date", never))


def _placeholders(zone: str) -> list[int]:
    """Give the midnights of the placeholder days, in UTC and in the client's zone."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    found = set()
    for year, month, day in PLACEHOLDERS:
        utc = dt.datetime(year, month, day, tzinfo=dt.UTC)
        offset = utc.replace(tzinfo=ZoneInfo(zone)).utcoffset() or dt.timedelta()
        found |= {(utc - epoch) // dt.timedelta(microseconds=1)}
        found |= {(utc - epoch - offset) // dt.timedelta(microseconds=1)}
    return sorted(found)


def _check_future(rows: Rows) -> None:
    """Refuse events from the future: a clock or a calendar is wrong there."""
    if rows.source.format.allow_future or not rows.is_timed:
        return
    limit = int(clock.time() * 1_000_000) + MICROSECONDS_PER_DAY
    if (rows.ends("timestamp")[1] or 0) <= limit:
        return
    left_out = " OR ".join(sql for _, sql in rows.reasons) or "FALSE"
    late = f"timestamp > {limit} AND NOT coalesce({left_out}, FALSE)"
    found = rows.count(late)
    if found:
        text = f"{found:,} rows lie in the future."
        fix = "Correct them, or set format: allow_future: true."
        rows.problem("E-DATE-FUTURE", text, "timestamp", fix, late)


def check_stages(rows: Rows, stages: Sequence[str]) -> None:
    """Refuse stages in the data that the client's model does not have.

    Args:
        rows: The typed rows; problems are kept in their reader.
        stages: Names of the stages of the model.
    """
    if rows.source.kind != "events" or "stage" not in rows.contract.own:
        return
    known = {stage.casefold() for stage in stages}
    found = rows.reader.con.execute(
        f"SELECT stage FROM {quote_name(rows.table)} WHERE stage IS NOT NULL "
        f"GROUP BY 1 ORDER BY min({AT})"
    ).fetchall()
    unknown = [row[0] for row in found if clean_name(row[0]).casefold() not in known]
    for name in unknown[:5]:
        text = f"{name[:40]!r} is not a stage of the model ({', '.join(stages)})."
        fix = f"{did_you_mean(name, stages)} Correct the value or set `stages`.".strip()
        rows.problem("E-STAGE-UNKNOWN", text, "stage", fix, f"stage = {quote_text(name)}")


def _find_scale(rows: Rows) -> None:
    """Find the scale of a score, rating or sentiment; refuse answers outside it."""
    columns, source = rows.contract.columns, rows.source
    known = {*source.columns, *(column.name for column in INPUTS[source.kind])}
    name = next((own for own in SCORED if own in columns and own in known), None)
    if name is None:
        return
    low, high, best = -1.0, 1.0, "high"
    outside_five = f"{name} NOT BETWEEN 1 AND 5"
    if source.scale is not None:
        low, high, best = source.scale.low, source.scale.high, source.scale.best
    elif name == "score":
        low, high = SCALES.get(str(source.constants.get("metric", "")).lower(), (0.0, 10.0))
    elif name == "rating" and rows.count(f"{name} > 1") and not rows.count(outside_five):
        low, high = 1.0, 5.0
        text = "the rating was read on 1 to 5; declare `scale`."
        rows.note("N-SCALE-ASSUMED", text, name, f"{name} IS NOT NULL")
    rows.scale = (name, low, high, best)
    outside = f"{name} NOT BETWEEN {low} AND {high} AND {rows.kept}"
    least, most = rows.ends(name)
    if least is not None and not low <= least <= most <= high and rows.count(outside):
        code = "E-SENTIMENT-RANGE" if name == "sentiment" else "E-SCORE-RANGE"
        found = fetch_row(
            rows.reader.con,
            f"SELECT min({name}), max({name}) FROM {quote_name(rows.table)} WHERE {outside}",
        )
        shown = " and ".join(dict.fromkeys(f"{value:g}" for value in found))
        fix = "Correct it, list it under `missing`, or set `scale: {low: …, high: …}`."
        rows.problem(code, f"{shown} lies outside {low:g} to {high:g}.", name, fix, outside)


# ---------------------------------------------------------------- duplicates


def _find_twins(rows: Rows) -> None:
    """Find rows that repeat an earlier one in every column; equal hashes are looked at again.

    Sorting eight bytes a row takes a third of the time of grouping by them.
    """
    import numpy as np
    import pyarrow as pa

    raw, con = rows.reader.raw, rows.reader.con
    listed = ", ".join(quote_name(name) for name in raw.columns)
    table = quote_name(raw.name)
    marks = con.execute(f"SELECT hash({listed}) AS mark FROM {table}").fetchnumpy()["mark"]
    marks = np.sort(marks)
    twice = np.unique(marks[1:][marks[1:] == marks[:-1]])
    if not len(twice):
        return
    take_in(
        con, rows.twins, pa.table({"mark": twice}),
        f"SELECT place, mark FROM (SELECT {AT} AS place, hash({listed}) AS mark, row_number() OVER "
        f"(PARTITION BY {listed} ORDER BY _file, _row) AS copy FROM {table} "
        f"WHERE hash({listed}) IN (SELECT mark FROM incoming)) WHERE copy > 1",
    )  # fmt: skip
    rows.duplicates = count_rows(con, rows.twins)


def _twin_sql(rows: Rows) -> str:
    """SQL that is true for a row that repeats another; a few are listed, which saves a join.

    A place alone does not tell a row: a wide table's row becomes several of one place.
    """
    if not rows.duplicates:
        return "FALSE"
    raw, twins = rows.reader.raw, f"SELECT place, mark FROM {quote_name(rows.twins)}"
    own = ", ".join(f"{quote_name(raw.name)}.{quote_name(name)}" for name in raw.columns)
    if rows.duplicates > FEW_TWINS:
        return f"({AT}, hash({own})) IN ({twins})"
    listed = rows.reader.con.execute(f"{twins} ORDER BY ALL").fetchall()
    found = [f"({AT} = {place} AND hash({own}) = {mark}::UBIGINT)" for place, mark in listed]
    return f"({' OR '.join(found)})"


def _add_duplicates(rows: Rows) -> None:
    if not rows.duplicates:
        return
    dropped = rows.source.duplicates == "drop"
    file, line = rows.place("_twin")
    verb = "left out" if dropped else "kept"
    text = f"rows repeat another one in every column; they were {verb}."
    rows.reader.notes.append(Note("N-DUPLICATES", text, file, line, rows=rows.duplicates))
    if dropped:
        rows.reasons.append(("duplicate", "_twin"))
