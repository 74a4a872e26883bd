"""Columns as text into ids, times, numbers and flags: one proven format for a whole column.

Nothing is guessed row by row. What does not fit is a problem with its line; what was detected is a
note. Not for choosing which column means what; `sources` does that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from journeylib.engine import fetch_row
from journeylib.errors import Note, Problem
from journeylib.expressions import quote_name, quote_text
from journeylib.formats import RawTable, line_of, table_columns

if TYPE_CHECKING:
    import duckdb

MISSING = ("-", "n/a", "n.a.", "null", "none", "#n/a", "nan", "\\n", "na", "nil", "<na>")
_BLANKS = " \t\r\n\u00a0\u200b\ufeff\u2007\u202f"
_NUMERIC = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "U",
)


@dataclass(slots=True)
class Reader:
    """Reads columns of one raw table and keeps what it had to say about them.

    Attributes:
        con: Connection that holds the raw table.
        raw: The raw table.
        zone: Time zone in which naive times are read.
        decimal: Declared decimal mark, or None to detect it.
        thousands: Declared thousands mark, or None to detect it.
        missing: Declared missing values by source column; key ``""`` holds for all.
        problems: What has to be mended.
        notes: What was detected.
    """

    con: duckdb.DuckDBPyConnection
    raw: RawTable
    zone: str = "UTC"
    decimal: str | None = None
    thousands: str | None = None
    missing: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _types: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Name of the first file, for messages."""
        return self.raw.files[0].name if self.raw.files else self.raw.name

    @property
    def types(self) -> dict[str, str]:
        """SQL type of each raw column."""
        if not self._types:
            self._types = table_columns(self.con, self.raw.name)
        return self._types

    def is_text(self, column: str) -> bool:
        """Tell whether the source wrote the column as text."""
        return self.types[column].startswith(("VARCHAR", "ENUM"))

    def is_number(self, column: str) -> bool:
        """Tell whether the source wrote the column as numbers."""
        return self.types[column].startswith(_NUMERIC)

    def ask(self, sql: str) -> tuple[object, ...]:
        """Ask the raw table for one row of aggregates; ``sql`` is the select list and the rest."""
        select, _, rest = sql.partition(" WHERE ")
        where = f" WHERE {rest}" if rest else ""
        found = fetch_row(self.con, f"SELECT {select} FROM {quote_name(self.raw.name)}{where}")
        return found or ()

    def count(self, condition: str) -> int:
        """Count the rows for which a condition holds."""
        return int(str(self.ask(f"count(*) WHERE {condition}")[0]))

    def first_line(self, condition: str) -> int | None:
        """Find the line of the first row for which a condition holds."""
        sql = (
            f"SELECT _file, _row FROM {quote_name(self.raw.name)} WHERE {condition} "
            "ORDER BY _file, _row LIMIT 1"
        )
        found = fetch_row(self.con, sql)
        return None if found is None else line_of(self.raw, int(found[0]), int(found[1]))

    def examples(self, text: str, condition: str) -> str:
        """Show up to three values for which a condition holds."""
        sql = (
            f"SELECT DISTINCT {text} FROM {quote_name(self.raw.name)} "
            f"WHERE {condition} ORDER BY 1 LIMIT 3"
        )
        return ", ".join(repr(str(row[0])[:40]) for row in self.con.execute(sql).fetchall())

    def note(self, code: str, message: str, column: str, condition: str = "") -> None:
        """Keep a note about a column, with the rows it concerns."""
        rows = self.count(condition) if condition else self.raw.rows
        if rows:
            line = self.first_line(condition) if condition else None
            self.notes.append(Note(code, message, self.file, line, column, rows))

    def problem(self, code: str, message: str, column: str, *, fix: str, where: str) -> None:
        """Keep a problem about a column, with the line of its first case."""
        line = self.first_line(where)
        self.problems.append(Problem(code, message, self.file, line, column, fix))

    # ------------------------------------------------------------ texts and ids

    def text(self, column: str) -> str:
        """SQL of a column as trimmed text; empty and declared missing values are null."""
        sql = quote_name(column)
        if not self.is_text(column):
            sql = f"CAST({sql} AS VARCHAR)"
        sql = f"nullif(trim({sql}, {quote_text(_BLANKS)}), '')"
        declared = [*self.missing.get(column, ()), *self.missing.get("", ())]
        if declared:
            listed = ", ".join(quote_text(value) for value in declared)
            sql = f"CASE WHEN {sql} IN ({listed}) THEN NULL ELSE {sql} END"
        return sql

    def id(self, column: str) -> str:
        """SQL of a column of ids: text, trimmed, composed; whole floats lose their ``.0``."""
        name = quote_name(column)
        if self.is_number(column):
            whole = f"{name} = floor({name})"
            cast = f"CAST(CAST({name} AS HUGEINT) AS VARCHAR)"
            if self.types[column] in {"FLOAT", "DOUBLE"}:
                self.note("N-ID-FLOAT", "ids are written as decimal numbers.", column)
                cast = f"CASE WHEN {whole} THEN {cast} ELSE CAST({name} AS VARCHAR) END"
            return cast
        sql = f"nfc_normalize({self.text(column)})"
        floats = f"regexp_full_match({sql}, '[0-9]+\\.0')"
        others = self.count(f"{sql} IS NOT NULL AND NOT {floats}")
        if not others and self.count(floats):
            self.note("N-ID-FLOAT", "ids are written as decimal numbers.", column)
            return f"regexp_replace({sql}, '\\.0$', '')"
        padded = f"{name} <> {sql} AND {sql} IS NOT NULL"
        self.note("N-ID-TRIMMED", "spaces round ids were removed.", column, padded)
        return sql

    # ------------------------------------------------------------ numbers and flags

    def number(self, column: str) -> str:
        """SQL of a column of numbers, DOUBLE; unreadable values are problems."""
        name = quote_name(column)
        if self.is_number(column):
            number = f"CAST({name} AS DOUBLE)"
            declared = [*self.missing.get(column, ()), *self.missing.get("", ())]
            for value in ["nan", *declared]:
                number = f"nullif({number}, try_cast({quote_text(value)} AS DOUBLE))"
            return number
        if self.types[column] == "BOOLEAN":
            return f"CAST(CAST({name} AS INTEGER) AS DOUBLE)"
        text = self._present(column)
        plain = f"translate({text}, '٠١٢٣٤٥٦٧٨٩', '0123456789')"
        signless = f"regexp_replace({plain}, '^(-?)\\s*(?:[$€£¥]|[A-Z]{{3}}\\s)\\s*', '\\1')"
        signless = f"regexp_replace({signless}, '\\s*(?:[$€£¥]|\\s[A-Z]{{3}})$', '')"
        signless = f"regexp_replace({signless}, '^\\((.*)\\)$', '-\\1')"
        signless = f"regexp_replace({signless}, '^([0-9.,'' ]+)-$', '-\\1')"
        decimal, thousands = self._marks(column, signless)
        cleaned = signless
        for mark in thousands:
            cleaned = f"replace({cleaned}, {quote_text(mark)}, '')"
        if decimal == ",":
            cleaned = f"replace({cleaned}, ',', '.')"
        shape = (
            f"regexp_full_match({cleaned}, '[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?')"
        )
        number = f"CASE WHEN {shape} THEN try_cast({cleaned} AS DOUBLE) END"
        bad = f"{text} IS NOT NULL AND ({number}) IS NULL"
        if self.count(bad):
            self.problem(
                "E-NUMBER-UNREADABLE", f"{self.examples(text, bad)} cannot be read as a number.",
                column, fix="Correct it, or list it under `missing`.", where=bad,
            )  # fmt: skip
        return number

    def _present(self, column: str) -> str:
        """Text of a column without the usual words for missing."""
        text = self.text(column)
        listed = ", ".join(quote_text(token) for token in MISSING)
        token = f"lower({text}) IN ({listed})"
        self.note("N-MISSING-TOKEN", "words for missing were read as missing.", column, token)
        return f"CASE WHEN {token} THEN NULL ELSE {text} END"

    def _marks(self, column: str, text: str) -> tuple[str, list[str]]:
        """Find the decimal mark and the thousands marks that fit every value."""
        if self.decimal:
            other = "." if self.decimal == "," else ","
            return self.decimal, [self.thousands or other, "'", " ", "\u00a0", "\u202f"]
        spaces = ["'", " ", "\u00a0", "\u202f"]
        if not self.count(f"{text} LIKE '%,%'"):
            several = self.count(
                f"regexp_full_match({text}, '-?[0-9]{{1,3}}(\\.[0-9]{{3}}){{2,}}')"
            )
            return (",", [".", *spaces]) if several else (".", spaces)
        comma_last = self.count(f"{text} LIKE '%.%,%' OR regexp_matches({text}, ',[0-9]{{1,2}}$')")
        point_last = self.count(f"{text} LIKE '%,%.%' OR {text} LIKE '%,%,%'")
        if comma_last and not point_last:
            self.note(
                "N-DECIMAL-COMMA", "a comma is the decimal mark.", column, f"{text} LIKE '%,%'"
            )
            return ",", [".", *spaces]
        if point_last and not comma_last:
            self.note("N-THOUSANDS", "commas set thousands apart.", column, f"{text} LIKE '%,%'")
            return ".", [",", *spaces]
        where = f"{text} LIKE '%,%'"
        fix = "Set format: decimal: ',' or '.'."
        shown = self.examples(text, where)
        message = f"{shown} can be read in two ways: thousands or decimals."
        self.problem("E-NUMBER-AMBIGUOUS", message, column, fix=fix, where=where)
        return ".", [",", *spaces]

    def flag(self, column: str) -> str:
        """SQL of a column of yes and no, BOOLEAN; anything else is a problem."""
        if self.types[column] == "BOOLEAN":
            return quote_name(column)
        text = f"lower({self._present(column)})"
        yes = "('true', 'yes', 'y', 't', '1', '1.0', 'ja', 'oui', 'sim', 'si', 'sí')"
        no = "('false', 'no', 'n', 'f', '0', '0.0', 'nein', 'non', 'não')"
        sql = f"CASE WHEN {text} IN {yes} THEN TRUE WHEN {text} IN {no} THEN FALSE END"
        bad = f"{text} IS NOT NULL AND ({sql}) IS NULL"
        if self.count(bad):
            shown = self.examples(text, bad)
            fix = "Write yes or no, or map another column."
            self.problem("E-FLAG", f"{shown} is neither yes nor no.", column, fix=fix, where=bad)
        return sql

    def attribute(self, column: str) -> str:
        """SQL of a further column: numbers where every value is one, else text."""
        if not self.is_text(column):
            return quote_name(column)
        text = self.text(column)
        number = f"try_cast({text} AS DOUBLE)"
        odd = f"{text} IS NOT NULL AND ({number} IS NULL OR {text} LIKE '0_%' AND {text} NOT LIKE '0.%')"
        filled = self.count(f"{text} IS NOT NULL")
        truth = f"lower({text}) IN ('true', 'false')"
        if filled and self.count(truth) == filled:
            return f"CAST(lower({text}) = 'true' AS DOUBLE)"
        return f"CAST({number} AS DOUBLE)" if filled and not self.count(odd) else text
