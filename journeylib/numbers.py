"""Columns of numbers: currency signs, marks and minus signs as people write them, into DOUBLE.

The decimal mark is declared or proved by the column's own values; a column that can be read in two
ways is refused. Part of reading columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.columns import MISSING_TEXT
from journeylib.engine import fetch_row
from journeylib.expressions import quote_name, quote_text

if TYPE_CHECKING:
    from journeylib.columns import Reader
    from journeylib.profiles import Profile

LARGEST = 1e15
_DIGITS = ("٠١٢٣٤٥٦٧٨٩", "0123456789")
_CURRENCY = "[$€£¥₹]|\\b[A-Z]{3}\\b"
_SPACES = "['\u2019 \u00a0\u202f]"
# Each mend: note, what it says, which values need it, and what they become.
_MENDS = (
    (
        "N-UNICODE-DIGITS", "digits of another script were read.",
        f"regexp_matches({{t}}, '[{_DIGITS[0]}]')",
        f"translate({{t}}, '{_DIGITS[0]}', '{_DIGITS[1]}')",
    ),
    (
        "N-CURRENCY", "a currency sign was taken off.",
        f"regexp_full_match({{t}}, "
        f"'[-+(]?\\s*({_CURRENCY})\\s*[-+]?[0-9].*|.*[0-9]\\s*({_CURRENCY})\\)?')",
        f"trim(regexp_replace({{t}}, '\\s*({_CURRENCY})\\s*', ''))",
    ),
    (
        "N-ACCOUNTING-NEGATIVE", "brackets or a minus behind mean below zero.",
        "regexp_full_match({t}, '\\([0-9.,'' ]+\\)|[0-9.,'' ]+-')",
        "regexp_replace(regexp_replace({t}, '^\\((.*)\\)$', '-\\1'), '^([0-9.,'' ]+)-$', '-\\1')",
    ),
)  # fmt: skip


def read_number(reader: Reader, column: str) -> str:
    """SQL of a column of numbers, DOUBLE; unreadable values are problems.

    Args:
        reader: Reader of the raw table; problems and notes are kept there.
        column: Source column.

    Returns:
        SQL of type DOUBLE, null where the number is missing.
    """
    if column not in reader.numbers:
        typed = reader.is_number(column) or reader.types[column] == "BOOLEAN"
        reader.numbers[column] = (_typed if typed else _written)(reader, column)
    return reader.numbers[column]


def may_be_number(reader: Reader, column: str) -> bool:
    """Tell whether a column of the source is, or reads mostly, as numbers."""
    if reader.is_number(column):
        return True
    if not reader.is_text(column):
        return False
    profile = reader.profile(column)
    return 2 * profile.count("regexp_full_match(text, '[^A-Za-z]{0,4}[0-9][0-9.,'' ]*\\)?-?')") > (
        profile.filled
    )


def _typed(reader: Reader, column: str) -> str:
    own = reader.own(column)
    if reader.types[column] == "BOOLEAN":
        return f"CAST({own} AS DOUBLE)"
    number = f"CAST({own} AS DOUBLE)"
    declared = [*reader.missing.get(column, ()), *reader.missing.get("", ())]
    for value in ["nan", *declared]:
        number = f"nullif({number}, try_cast({quote_text(value)} AS DOUBLE))"
    table = quote_name(reader.raw.name)
    # the ends stand in a file's own statistics; values that are no number are at an end as well
    low, high = fetch_row(reader.con, f"SELECT min({own}), max({own}) FROM {table}")
    ends = all(end is None or abs(end) <= LARGEST for end in (low, high))
    beyond = f"abs({number}) > {LARGEST:.0f}"
    if not ends and fetch_row(reader.con, f"SELECT count(*) FROM {table} WHERE {beyond}")[0]:
        _refuse_range(reader, reader.profile(column), f"abs(own) > {LARGEST:.0f}")
    return number


def _written(reader: Reader, column: str) -> str:
    profile = reader.profile(column)
    if not reader.decimal and not reader.thousands:
        digits = profile.count(
            "regexp_full_match(text, '[-+]?[0-9]{1,14}(\\.([0-9]{1,2}|[0-9]{4,9}))?')"
        )
        if digits == profile.filled:
            return f"CAST({profile.cleaned} AS DOUBLE)"
    reader.note("N-MISSING-TOKEN", "words for missing were read as missing.", profile, MISSING_TEXT)
    text = f"CASE WHEN {MISSING_TEXT} THEN NULL ELSE text END"
    for code, message, needs, mended in _MENDS:
        needed = needs.replace("{t}", text)
        if profile.count(needed):
            if code == "N-CURRENCY":
                _check_currency(reader, profile, text)
            reader.note(code, message, profile, needed)
            better = mended.replace("{t}", text)
            text = f"CASE WHEN {needed} THEN {better} ELSE {text} END"
    decimal, thousands = _marks(reader, profile, text)
    return _converted(reader, profile, text, decimal=decimal, thousands=thousands)


def _converted(reader: Reader, profile: Profile, text: str, *, decimal: str, thousands: str) -> str:
    """Read texts of one proven shape; whatever has another shape is a problem."""
    point = f"\\{decimal}"
    marks = _SPACES[:-1] + ("\\" + thousands if thousands else "") + "]"
    # by thousands, or as in India by a thousand and then by hundreds: 12,34,567
    indian = f"[0-9]{{1,2}}({marks}[0-9]{{2}})+{marks}[0-9]{{3}}"
    grouped = f"([0-9]{{1,3}}({marks}[0-9]{{3}})+|{indian})"
    shape = f"[-+]?(({grouped}|[0-9]+)({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]{{1,3}})?"
    with_marks = f"regexp_full_match({text}, '[-+]?{_quoted(grouped)}({_quoted(point)}[0-9]*)?')"
    reader.note("N-THOUSANDS", "marks between thousands were taken off.", profile, with_marks)
    plain = f"regexp_replace({text}, '{_quoted(marks)}', '', 'g')"
    if decimal == ",":
        plain = f"replace({plain}, ',', '.')"
    fits = f"regexp_full_match({text}, '{_quoted(shape)}')"
    number = f"CASE WHEN {fits} THEN try_cast({plain} AS DOUBLE) END"
    endless = "lower(text) IN ('inf', '-inf', '+inf', 'infinity', '-infinity')"
    bad = f"({text}) IS NOT NULL AND ({number}) IS NULL AND NOT {endless}"
    if profile.count(bad):
        message = f"{profile.examples(bad)} cannot be read as a number."
        fix = "Correct it, or list it under `missing`."
        reader.problem("E-NUMBER-UNREADABLE", message, profile, fix=fix, where=bad)
    beyond = f"{endless} OR abs({number}) > {LARGEST:.0f}"
    if profile.count(beyond):
        _refuse_range(reader, profile, beyond)
    return reader.bind(profile, number)


def _quoted(pattern: str) -> str:
    return pattern.replace("'", "''")


def _refuse_range(reader: Reader, profile: Profile, where: str) -> None:
    message = f"{profile.examples(where)} is too large to be meant."
    reader.problem("E-NUMBER-RANGE", message, profile, fix="Correct it.", where=where)


def _check_currency(reader: Reader, profile: Profile, text: str) -> None:
    sign = f"regexp_extract({text}, '{_CURRENCY}')"
    rows = reader.con.execute(
        f"SELECT DISTINCT {sign} AS sign FROM {quote_name(profile.table)} "
        f"WHERE {sign} <> '' ORDER BY 1"
    ).fetchall()
    if len(rows) > 1:
        message = f"the column holds {', '.join(row[0] for row in rows[:5])}."
        fix = "Convert it to one currency."
        where = f"{sign} <> ''"
        reader.problem("E-MIXED-CURRENCY", message, profile, fix=fix, where=where)


def _marks(reader: Reader, profile: Profile, text: str) -> tuple[str, str]:
    """Find the decimal mark and the mark between thousands that fit every value."""
    if reader.decimal or reader.thousands:
        decimal = reader.decimal or ("," if reader.thousands == "." else ".")
        return decimal, reader.thousands or ("." if decimal == "," else ",")
    commas, points, comma_decimal, point_decimal = profile.tally(
        [
            f"({text}) LIKE '%,%'",
            f"({text}) LIKE '%.%'",
            f"regexp_matches({text}, '{_proof(decimal=',', other='.')}')",
            f"regexp_matches({text}, '{_proof(decimal='.', other=',')}')",
        ]
    )
    if comma_decimal and point_decimal:
        return _ambiguous(reader, profile, text, "points and commas are used in two ways")
    if comma_decimal:
        message = "a comma is the decimal mark."
        reader.note("N-DECIMAL-COMMA", message, profile, f"({text}) LIKE '%,%'")
        return ",", "."
    # where semicolons part the columns, 1.234 is as likely to be a thousand as a decimal
    european = any(lines.separator == ";" for lines in reader.raw.lines)
    if (commas or (european and points)) and not point_decimal:
        return _ambiguous(reader, profile, text, "thousands or decimals")
    return ".", ","


def _proof(*, decimal: str, other: str) -> str:
    """Pattern of numbers that only one reading of their marks allows."""
    own, mark = f"[{decimal}]", f"[{other}]"
    alternatives = (
        f"{mark}[0-9]{{3}}{own}[0-9]*$",  # 1.234,5
        f"{mark}[0-9]{{3}}{mark}[0-9]{{3}}",  # 1.234.567
        f"^[^.,]*{own}([0-9]{{1,2}}|[0-9]{{4,}})$",  # 1,5 or 1,2345
        f"^[-+]?0*{own}",  # 0,125
        f"[0-9]{{4}}{own}[0-9]{{3}}$",  # 1234,567
    )
    return "|".join(alternatives)


def _ambiguous(reader: Reader, profile: Profile, text: str, why: str) -> tuple[str, str]:
    where = f"regexp_matches({text}, '[.,]')"
    message = f"{profile.examples(where)} can be read in two ways: {why}."
    fix = "Set format: decimal: ',' or '.'."
    reader.problem("E-NUMBER-AMBIGUOUS", message, profile, fix=fix, where=where)
    return ".", ","
