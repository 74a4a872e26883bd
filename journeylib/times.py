"""Times as they are written into microseconds since 1970, UTC. Part of reading columns.

One format holds for a whole column: declared, or the only one that reads every value. Two that read
every value make an error that shows both readings.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from journeylib.engine import fetch_row
from journeylib.expressions import quote_name, quote_text

if TYPE_CHECKING:
    from journeylib.columns import Reader

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%d %m %Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_PLAIN = (
    "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y",
    "%B %d, %Y", "%Y %B %d", "%Y %b %d", "%Y %m %d", "%Y-%m", "%Y %m", "%Y %B", "%Y %b", "%Y",
)  # fmt: skip
_ISO = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))?"
_AWARE = r".*\d{2}:\d{2}.*( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))"
_QUARTER = r"(Q([1-4])[ /-]?(\d{4})|(\d{4})[ /-]?Q([1-4]))"

NUMERIC_DATES = {
    "unix_s": "CAST({x} * 1000000 AS BIGINT)",
    "unix_ms": "CAST({x} * 1000 AS BIGINT)",
}


def read_time(reader: Reader, column: str, *, declared: str | None, text: str | None = None) -> str:
    """SQL of a column of times, in microseconds since 1970 UTC.

    Args:
        reader: Reader of the raw table; problems and notes are kept there.
        column: Source column, for its type and for messages.
        declared: `format.dates` of the source, or None to detect the format.
        text: SQL of the text to read where several columns were joined.

    Returns:
        SQL of type BIGINT, null where the time is missing.
    """
    kind = "VARCHAR" if text else reader.types[column]
    name = quote_name(column)
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        return f"epoch_us({name})"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return _localise(reader, column, f"CAST({name} AS TIMESTAMP)")
    if declared in NUMERIC_DATES or (declared or "").startswith(("excel", "days-since:")):
        return _counted(reader, column, str(declared))
    shown = text or _digits(reader, column)
    if declared == "quarter":
        return _localise(reader, column, _quarter(shown))
    if declared and declared not in {"iso", "day-first", "month-first"}:
        return _patterned(reader, column, shown, declared)
    return _detect(reader, column, shown, declared)


def _digits(reader: Reader, column: str) -> str:
    sql = f"ltrim({reader.text(column)}, '''')"
    if reader.types[column] in {"FLOAT", "DOUBLE"}:
        sql = f"regexp_replace({sql}, '\\.0$', '')"
    return f"translate({sql}, '٠١٢٣٤٥٦٧٨٩', '0123456789')"


def _counted(reader: Reader, column: str, declared: str) -> str:
    number = f"({reader.number(column)})"
    if declared in NUMERIC_DATES:
        return NUMERIC_DATES[declared].format(x=number)
    day = dt.date(1899, 12, 30)
    if declared.startswith("days-since:"):
        day = dt.date.fromisoformat(declared.removeprefix("days-since:"))
    start = f"TIMESTAMP {quote_text(f'{day} 00:00:00')}"
    sql = f"{start} + to_microseconds(CAST(round({number} * 86400) AS BIGINT) * 1000000)"
    return _localise(reader, column, sql, quiet=declared == "excel")


def _quarter(text: str) -> str:
    year = f"coalesce(nullif(regexp_extract({text}, '{_QUARTER}', 3), ''), regexp_extract({text}, '{_QUARTER}', 4))"
    part = f"coalesce(nullif(regexp_extract({text}, '{_QUARTER}', 2), ''), regexp_extract({text}, '{_QUARTER}', 5))"
    month = f"try_cast({part} AS INTEGER) * 3 - 2"
    return f"make_timestamp(try_cast({year} AS INTEGER), {month}, 1, 0, 0, 0.0)"


def _patterned(reader: Reader, column: str, text: str, pattern: str) -> str:
    stamp = f"try_strptime({text}, {quote_text(pattern)})"
    _refuse_unread(reader, column, text, stamp, f"the declared format {pattern!r}")
    if "%z" in pattern:
        return f"epoch_us({stamp})"
    return _localise(reader, column, stamp)


def _refuse_unread(reader: Reader, column: str, text: str, stamp: str, what: str) -> None:
    bad = f"{text} IS NOT NULL AND {stamp} IS NULL"
    if reader.count(bad):
        message = f"{reader.examples(text, bad)} does not fit {what}."
        fix = "Correct the value or set format: dates."
        reader.problem("E-DATE-UNREADABLE", message, column, fix=fix, where=bad)


def _detect(reader: Reader, column: str, text: str, declared: str | None) -> str:
    filled = reader.count(f"{text} IS NOT NULL")
    iso = reader.count(f"regexp_full_match({text}, '{_ISO}')")
    if iso == filled:
        return _iso(reader, column, text)
    if iso:
        return _mixed(reader, column, text, f"NOT regexp_full_match({text}, '{_ISO}')")
    if reader.count(f"regexp_full_match({text}, '{_QUARTER}')") == filled:
        reader.note("N-DATE-FORMAT", "quarters were read as their first day.", column)
        return _localise(reader, column, _quarter(text))
    serial = f"regexp_full_match({text}, '[0-9]{{5}}(\\.[0-9]+)?|[0-9]{{9,13}}')"
    if reader.count(serial) == filled and filled:
        seconds = reader.count(f"length({text}) >= 9 AND {text} NOT LIKE '%.%'")
        fix = "Set format: dates: unix_s or unix_ms." if seconds else "Set format: dates: excel."
        shown = reader.examples(text, serial)
        message = f"{shown} is a number of days or seconds, not a date."
        reader.problem("E-DATE-SERIAL", message, column, fix=fix, where=f"{text} IS NOT NULL")
        return "NULL::BIGINT"
    return _by_pattern(reader, column, text, declared, filled)


def _by_pattern(reader: Reader, column: str, text: str, declared: str | None, filled: int) -> str:
    first = _fitting(reader, text, _DAY_FIRST, filled) if declared != "month-first" else {}
    second = _fitting(reader, text, _MONTH_FIRST, filled) if declared != "day-first" else {}
    plain = _fitting(reader, text, _PLAIN, filled)
    whole = [{p: n for p, n in group.items() if n == filled} for group in (first, second, plain)]
    if whole[0] and whole[1]:
        return _ambiguous(reader, column, text, next(iter(whole[0])), next(iter(whole[1])))
    for group in whole:
        if group:
            pattern = next(iter(group))
            reader.note("N-DATE-FORMAT", f"read as {pattern!r}.", column)
            return _localise(reader, column, f"try_strptime({text}, {quote_text(pattern)})")
    every = {**first, **second, **plain}
    best = max(every, key=lambda pattern: every[pattern], default="")
    if best and every[best] > filled / 2 and sum(n > 0 for n in every.values()) > 1:
        return _mixed(reader, column, text, f"try_strptime({text}, {quote_text(best)}) IS NULL")
    stamp = f"try_strptime({text}, {quote_text(best)})" if best else "NULL::TIMESTAMP"
    _refuse_unread(reader, column, text, stamp, f"{best!r}, as the others do" if best else "a date")
    return "NULL::BIGINT"


def _fitting(reader: Reader, text: str, dates: tuple[str, ...], filled: int) -> dict[str, int]:
    """Count, in one pass, how many values each pattern reads; a sample decides which are tried."""
    if not filled:
        return {}
    patterns = [date + clock for date in dates for clock in _CLOCKS]
    tried = ", ".join(f"count(try_strptime(t, {quote_text(p)}))" for p in patterns)
    table = quote_name(reader.raw.name)
    sample = f"(SELECT DISTINCT {text} AS t FROM {table} WHERE {text} IS NOT NULL LIMIT 400)"
    hits = fetch_row(reader.con, f"SELECT {tried} FROM {sample}") or ()
    likely = [pattern for pattern, hit in zip(patterns, hits, strict=True) if hit]
    if not likely:
        return {}
    counts = reader.ask(", ".join(f"count(try_strptime({text}, {quote_text(p)}))" for p in likely))
    return {p: int(str(n)) for p, n in zip(likely, counts, strict=True)}


def _ambiguous(reader: Reader, column: str, text: str, first: str, second: str) -> str:
    where = f"{text} IS NOT NULL"
    shown = fetch_row(
        reader.con,
        f"SELECT {text} FROM {quote_name(reader.raw.name)} WHERE {where} ORDER BY _row LIMIT 1",
    )
    message = (
        f"{shown[0] if shown else ''!r} can be day first or month first, and so can all others."
    )
    fix = f"Set format: dates: {first!r} or {second!r}."
    reader.problem("E-DATE-AMBIGUOUS", message, column, fix=fix, where=where)
    return "NULL::BIGINT"


def _mixed(reader: Reader, column: str, text: str, other: str) -> str:
    where = f"{text} IS NOT NULL AND {other}"
    message = f"{reader.examples(text, where)} is written in another format than the rest."
    fix = "Write all dates of the column in one format."
    reader.problem("E-DATE-MIXED", message, column, fix=fix, where=where)
    return "NULL::BIGINT"


def _iso(reader: Reader, column: str, text: str) -> str:
    aware = f"regexp_full_match({text}, '{_AWARE}')"
    known = reader.count(aware)
    if known and reader.count(f"{text} IS NOT NULL AND NOT {aware}"):
        where = f"{text} IS NOT NULL AND NOT {aware}"
        fix = "Give all rows an offset, or none and set `timezone`."
        message = "some times have a UTC offset and some have none."
        reader.problem("E-TZ-MIXED", message, column, fix=fix, where=where)
        return "NULL::BIGINT"
    if known:
        stamp = f"try_cast(replace({text}, ',', '.') AS TIMESTAMPTZ)"
        _refuse_unread(reader, column, text, stamp, "the calendar")
        return f"epoch_us({stamp})"
    stamp = f"try_cast(replace({text}, ',', '.') AS TIMESTAMP)"
    _refuse_unread(reader, column, text, stamp, "the calendar")
    return _localise(reader, column, stamp)


def _localise(reader: Reader, column: str, stamp: str, *, quiet: bool = False) -> str:
    """Read naive times in the client's zone; refuse those that never were, take the first of two."""
    zone = quote_text(reader.zone)
    instant = f"timezone({zone}, {stamp})"
    dated = reader.count(f"{stamp} IS NOT NULL AND {stamp} <> date_trunc('day', {stamp})") == 0
    if dated:
        reader.note(
            "N-DATE-ONLY", "dates have no time of day; order within a day is unknown.", column
        )
    elif not quiet:
        message = f"times without a zone were read as {reader.zone}."
        reader.note("N-TZ-ASSUMED", message, column)
    if reader.zone == "UTC":
        return f"epoch_us({stamp})"
    gap = f"{stamp} IS NOT NULL AND timezone({zone}, {instant}) <> {stamp}"
    if not dated and reader.count(gap):
        message = (
            f"{reader.examples(f'CAST({stamp} AS VARCHAR)', gap)} never existed in {reader.zone}."
        )
        fix = "Export the times in UTC, or correct them."
        reader.problem("E-DST-GAP", message, column, fix=fix, where=gap)
    earlier = f"{instant} - INTERVAL 1 HOUR"
    twice = f"timezone({zone}, {earlier}) = {stamp}"
    later = f"timezone({zone}, {instant} + INTERVAL 1 HOUR) = {stamp}"
    if not dated:
        message = "times that happened twice were read as the first."
        reader.note("N-DST-FOLD", message, column, f"{twice} OR {later}")
    return f"CASE WHEN {twice} THEN epoch_us({earlier}) ELSE epoch_us({instant}) END"
