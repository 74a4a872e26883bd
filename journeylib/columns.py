"""Columns as they were written into texts, ids and flags; `numbers` and `times` read theirs.

One proven format holds for a whole column, nothing is guessed row by row. What does not fit is a
problem with its line, what was detected is a note. Not for choosing which column means what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from journeylib.engine import drop, fetch_row
from journeylib.errors import Note, Problem
from journeylib.expressions import quote_name, quote_text
from journeylib.profiles import Profile, make_profile
from journeylib.raw import RawTable, table_columns

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import duckdb

MISSING = ("-", "--", "n/a", "n.a.", "null", "none", "#n/a", "nan", "\\n", "na", "nil", "<na>")
MISSING_TEXT = f"lower(text) IN ({', '.join(quote_text(word) for word in MISSING)})"
_NUMERIC = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "U",
)  # fmt: skip
_YES = "('true', 'yes', 'y', 't', '1', 'ja', 'oui', 'sim', 'si', 'sí')"
_NO = "('false', 'no', 'n', 'f', '0', 'nein', 'non', 'não')"
_LOOKS_PERSONAL = (
    r"[\w.+%-]+@[\w-]+\.\w|\+?[0-9][0-9 ()/-]{7,}[0-9]|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}|"
    r"(sk|pk|api|key|tok)[_-]\w{12,}|[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Z]|"
    r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
)

_NOUGHTS = ", ".join(quote_text("0" * digits) for digits in range(1, 16))

Remark = tuple[str, str, str]
ID_REMARKS: tuple[Remark, ...] = (
    ("N-ID-TRIMMED", "spaces round ids were removed.", "text <> own"),
    (
        "N-ID-NORMALISED", "accents are written in two ways; they were joined.",
        "nfc_normalize(text) <> text",
    ),
    ("N-ID-LOOKS-MISSING", "an id reads like a word for missing; it was kept.", MISSING_TEXT),
    (
        "N-ID-HOMOGLYPH", "letters of another alphabet look like Latin ones; ids were kept apart.",
        "regexp_matches(text, '[\\x{0400}-\\x{04FF}\\x{0370}-\\x{03FF}]') "
        "AND regexp_matches(text, '[0-9A-Za-z]')",
    ),
    (
        "N-ID-PLACEHOLDER", "an id stands for unknown people; it counts as one customer.",
        "regexp_full_match(lower(text), 'guest|anonymous|unknown|test|0+|walk-?in|no ?name')",
    ),
    (
        "N-PII", "ids are e-mail addresses; outputs show pseudonyms.",
        "regexp_matches(text, '\\w@\\w')",
    ),
)  # fmt: skip
NAME_REMARKS: tuple[Remark, ...] = (
    (
        "N-CONTROL-CHARS", "control characters were removed from names.",
        "regexp_matches(text, "
        "'[\\x00-\\x08\\x0b-\\x1f\\x7f\\x{202A}-\\x{202E}\\x{2066}-\\x{2069}]')",
    ),
    ("N-LONG-NAME", "very long names were shortened.", "length(text) > 120"),
)  # fmt: skip
TEXT_REMARKS: tuple[Remark, ...] = (
    (
        "N-PII", "personal details stand in texts; they are masked in every output.",
        f"regexp_matches(text, {quote_text(_LOOKS_PERSONAL)})",
    ),
)  # fmt: skip


@dataclass(slots=True)
class Reader:
    """Reads columns of one raw table and keeps what it had to say about them.

    Attributes:
        con: Connection that holds the raw table.
        raw: The raw table.
        zone: Time zone in which naive times are read.
        decimal: Declared decimal mark, or None to detect it.
        thousands: Declared thousands mark, or None to detect it.
        missing: Declared missing values by source column.
        days: First and last day that dates written without a year can be of, or None.
        problems: What has to be mended.
        notes: What was detected.
        joins: Joins with tables of meanings, which the SQL given out needs.
        numbers: SQL of the columns that were read as numbers.
    """

    con: duckdb.DuckDBPyConnection
    raw: RawTable
    zone: str = "UTC"
    decimal: str | None = None
    thousands: str | None = None
    missing: dict[str, list[str]] = field(default_factory=dict)
    days: tuple[dt.date, dt.date] | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    _types: dict[str, str] = field(default_factory=dict)
    _profiles: dict[str, Profile] = field(default_factory=dict)

    @property
    def types(self) -> dict[str, str]:
        """SQL type of each raw column."""
        if not self._types:
            self._types = table_columns(self.con, self.raw.name)
        return self._types

    @property
    def source(self) -> str:
        """SQL of the raw table with the joins."""
        return " ".join([quote_name(self.raw.name), *self.joins])

    def is_text(self, column: str) -> bool:
        """Tell whether the source wrote the column as text."""
        return self.types[column].startswith(("VARCHAR", "ENUM"))

    def is_number(self, column: str) -> bool:
        """Tell whether the source wrote the column as numbers."""
        return self.types[column].startswith(_NUMERIC)

    def own(self, column: str) -> str:
        """SQL of a raw column; categories are texts."""
        name = f"{quote_name(self.raw.name)}.{quote_name(column)}"
        return f"CAST({name} AS VARCHAR)" if self.types[column].startswith("ENUM") else name

    def profile(self, column: str, *, joined: str = "") -> Profile:
        """Gather the distinct values of a column, or of several that were joined to one text."""
        known = joined or column
        if known not in self._profiles:
            kind = "VARCHAR" if joined or self.is_text(column) else self.types[column]
            self._profiles[known] = make_profile(
                self.con, self.raw, f"{self.raw.name}_v{len(self._profiles)}",
                value=(joined or self.own(column), kind), column=column,
                missing=[*self.missing.get(column, ()), *self.missing.get("", ())],
            )  # fmt: skip
        return self._profiles[known]

    def bind(self, profile: Profile, meaning: str) -> str:
        """Give the rows what each value means: joined by distinct value, or worked out in place.

        Args:
            profile: The column.
            meaning: SQL on ``text`` and ``own``.

        Returns:
            SQL of the meaning in ``source``.
        """
        if not profile.grouped:
            macro = quote_name(f"{profile.table}_meaning")
            self.con.execute(f"CREATE OR REPLACE TEMP MACRO {macro}(own, text) AS ({meaning})")
            return f"{macro}({profile.key}, {profile.cleaned})"
        alias = f"m{len(self.joins)}"
        table = quote_name(f"{self.raw.name}_{alias}")
        self.con.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT own, {meaning} AS meaning "
            f"FROM {quote_name(profile.table)} WHERE own IS NOT NULL"
        )
        self.joins.append(f"LEFT JOIN {table} {alias} ON {alias}.own = {profile.key}")
        return f"{alias}.meaning"

    def close(self, *, raw: bool) -> None:
        """Drop what was made to look at columns; and the raw table, where nothing stands on it."""
        made = [f"{self.raw.name}_m{number}" for number in range(len(self.joins))]
        drop(self.con, *(own.table for own in self._profiles.values()))
        if raw:
            parts = [f"{self.raw.name}_{number}" for number in range(len(self.raw.parts))]
            drop(self.con, self.raw.name, *made, *parts)

    # ------------------------------------------------------------ notes and problems

    def note(self, code: str, message: str, profile: Profile, condition: str = "") -> None:
        """Keep a note about a column, with the rows it concerns and the first of them."""
        self.remark(profile, [(code, message, condition or profile.present)])

    def remark(self, profile: Profile, remarks: Sequence[Remark]) -> None:
        """Keep those of some notes whose condition holds somewhere."""
        counts = profile.tally([condition for _, _, condition in remarks])
        for (code, message, condition), rows in zip(remarks, counts, strict=True):
            if rows:
                file, line = profile.place(condition)
                self.notes.append(Note(code, message, file, line, profile.column, rows))

    def problem(self, code: str, message: str, profile: Profile, *, fix: str, where: str) -> None:
        """Keep a problem about a column, with the line of its first case."""
        file, line = profile.place(where)
        self.problems.append(Problem(code, message, file, line, profile.column, fix))

    # ------------------------------------------------------------ texts, ids and flags

    def text(self, column: str) -> str:
        """SQL of a column as trimmed text; empty and declared missing values are null."""
        return self.profile(column).cleaned

    def joined(self, columns: Sequence[str]) -> str:
        """SQL of several columns as one text, null where all are; midnights become days."""
        parts = []
        for column in columns:
            text = self.text(column)
            if self.types[column].startswith("TIMESTAMP"):
                text = f"replace({text}, ' 00:00:00', '')"
            parts.append(text)
        return f"nullif(concat_ws(' ', {', '.join(parts)}), '')"

    def identity(self, column: str) -> str:
        """SQL of a column of ids: text, trimmed, composed; whole floats lose their ``.0``."""
        if self._has_plain_ids(column):
            return self.own(column)
        profile = self.profile(column)
        kind = self.types[column]
        if self.is_number(column):
            if kind in {"FLOAT", "DOUBLE"}:
                self.note("N-ID-FLOAT", "ids are written as decimal numbers.", profile)
            return self.text(column)
        floats, filled = profile.tally(
            ["regexp_full_match(text, '[0-9]+\\.0')", "text IS NOT NULL"]
        )
        if floats and floats == filled:
            self.note("N-ID-FLOAT", "ids are written as decimal numbers.", profile)
            return self.bind(profile, "regexp_replace(text, '\\.0$', '')")
        self.remark(profile, ID_REMARKS)
        self._remark_ids(profile)
        composed = profile.count("nfc_normalize(text) <> text")
        return self.bind(profile, "nfc_normalize(text)") if composed else self.text(column)

    def _has_plain_ids(self, column: str) -> bool:
        """Tell whether every id is a number behind letters of one case: nothing to say of those."""
        if not self.is_text(column) or column in self.raw.mixed or self.missing:
            return False
        own = self.own(column)
        return any(
            not fetch_row(
                self.con,
                f"SELECT 1 FROM {quote_name(self.raw.name)} WHERE {own} IS NOT NULL "
                f"AND NOT (regexp_full_match({own}, '[{letters}_]*[0-9]{{1,15}}') "
                f"AND {own} NOT IN ({_NOUGHTS})) LIMIT 1",
            )
            for letters in ("A-Z", "a-z")
        )

    def _remark_ids(self, profile: Profile) -> None:
        """Note ids that were rounded, that differ in writing only, or that are of two kinds."""
        if profile.column in self.raw.mixed:
            message = "ids are numbers in some rows and texts in others."
            self.note("N-ID-TYPES", message, profile, "regexp_full_match(text, '[0-9]+')")
        rounded = profile.count("regexp_full_match(text, '[0-9]{12,15}0{4}')")
        if profile.distinct() > 1 and rounded == profile.filled:
            self.note("N-ID-ROUNDED", "every id ends in 0000: a spreadsheet rounded them.", profile)
        plain = "lower(regexp_replace(text, '[{} -]', '', 'g'))"
        twins = (
            f"{plain} IN (SELECT {plain} FROM {quote_name(profile.table)} WHERE text IS NOT NULL "
            "GROUP BY 1 HAVING count(DISTINCT nfc_normalize(text)) > 1)"
        )
        rows = self.con.execute(
            f"SELECT sum(n), min(seen) FROM {quote_name(profile.table)} WHERE {twins}"
        ).fetchall()
        if rows[0][0]:
            file, line = self.raw.place(int(rows[0][1]))
            message = "ids that differ in case or signs only were kept apart."
            note = Note("N-ID-CASE", message, file, line, profile.column, int(rows[0][0]))
            self.notes.append(note)

    def flag(self, column: str) -> str:
        """SQL of a column of yes and no, BOOLEAN; anything else is a problem."""
        if self.types[column] == "BOOLEAN":
            return self.own(column)
        profile = self.profile(column)
        present = f"CASE WHEN {MISSING_TEXT} THEN NULL ELSE lower(text) END"
        sql = f"CASE WHEN {present} IN {_YES} THEN TRUE WHEN {present} IN {_NO} THEN FALSE END"
        bad = f"{present} IS NOT NULL AND ({sql}) IS NULL"
        if profile.count(bad):
            message = f"{profile.examples(bad)} is neither yes nor no."
            fix = "Write yes or no, or map another column."
            self.problem("E-FLAG", message, profile, fix=fix, where=bad)
        return self.bind(profile, sql)

    def attribute(self, column: str) -> str:
        """SQL of a further column: numbers where every value is one, else text."""
        kind = self.types[column]
        if kind == "BOOLEAN" or kind.startswith("DECIMAL"):
            return f"CAST({self.own(column)} AS DOUBLE)"
        if "TIME ZONE" in kind:  # a frame cannot take it without a warning
            return f"({self.own(column)} AT TIME ZONE 'UTC')"
        if not self.is_text(column):
            return self.own(column)
        profile = self.profile(column)
        point = self.decimal or "."
        plain = f"regexp_full_match(text, '-?(0|[1-9][0-9]{{0,14}})([{point}][0-9]+)?')"
        truth = "lower(text) IN ('true', 'false')"
        numbers, truths = profile.tally([plain, truth])
        if profile.filled and truths == profile.filled:
            return f"CAST(lower({profile.cleaned}) = 'true' AS DOUBLE)"
        if profile.filled and numbers == profile.filled:
            return f"CAST(replace({profile.cleaned}, '{point}', '.') AS DOUBLE)"
        return profile.cleaned
