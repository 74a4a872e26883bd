"""Times as they are written into microseconds since 1970, UTC. Part of reading columns.

One format holds for a whole column: declared, or the only one that reads every value. Two that read
every value make an error that shows both readings.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from journeylib.columns import MISSING_TEXT
from journeylib.engine import fetch_row
from journeylib.expressions import quote_name, quote_text
from journeylib.numbers import read_number
from journeylib.zones import read_clocks

if TYPE_CHECKING:
    from journeylib.columns import Reader
    from journeylib.profiles import Profile

_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p",
)  # fmt: skip
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%d-%m-%y", "%d %m %Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y", "%m %d %Y")
_PLAIN = (
    "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y",
    "%B %d, %Y", "%Y %B %d", "%Y %b %d", "%Y %m %d", "%Y-%m", "%Y/%m", "%m/%Y", "%Y %m", "%Y%m",
    "%Y %B", "%Y %b", "%B %Y", "%b %Y", "%Y",
)  # fmt: skip
_OFFSET = "( ?(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?))"
_CLOCK = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"
_ISO = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]{_CLOCK}{_OFFSET}?)?"
_AWARE = f".*[0-9]{{2}}:[0-9]{{2}}.*{_OFFSET}"
_ABBREVIATED = ".*[0-9] ?[A-Z]{3,4}"
_QUARTER = "(Q([1-4])[ /-]?([0-9]{4})|([0-9]{4})[ /-]?Q([1-4]))"
_SERIAL = "[0-9]{5}(\\.[0-9]+)?|[0-9]{9,13}(\\.[0-9]+)?"
_SAMPLE = 400
CENTURY, LONGEST_YEAR = 100, 365

SCALED = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1}


class _Times:
    """One column of times on its way in: its distinct values and what they were found to be."""

    def __init__(self, reader: Reader, profile: Profile, *, written: bool) -> None:
        self.reader, self.profile = reader, profile
        self.text, self.filled = "text", profile.filled
        if written:
            self._mend()

    def _mend(self) -> None:
        """Take words for missing, apostrophes and digits of other scripts for what they mean."""
        reader, profile = self.reader, self.profile
        digits = "translate(ltrim(text, ''''), '٠١٢٣٤٥٦٧٨٩', '0123456789')"
        self.text = f"CASE WHEN {MISSING_TEXT} THEN NULL ELSE {digits} END"
        missing, self.filled = profile.tally([MISSING_TEXT, f"({self.text}) IS NOT NULL"])
        reader.remark(
            profile,
            [
                ("N-MISSING-TOKEN", "words for missing were read as missing.", MISSING_TEXT),
                ("N-APOSTROPHE", "apostrophes before times were taken off.", "text LIKE '''%'"),
                (
                    "N-UNICODE-DIGITS", "digits of another script were read.",
                    "regexp_matches(text, '[٠-٩]')",
                ),
            ],
        )  # fmt: skip
        if not missing and not profile.count("regexp_matches(text, '^''|[٠-٩]')"):
            self.text = "text"

    def count(self, pattern: str) -> int:
        return self.profile.count(f"regexp_full_match({self.text}, {quote_text(pattern)})")

    def refuse(self, code: str, message: str, fix: str, where: str) -> str:
        self.reader.problem(code, message, self.profile, fix=fix, where=where)
        return "NULL::BIGINT"

    def refuse_unread(self, stamp: str, what: str) -> None:
        bad = f"({self.text}) IS NOT NULL AND ({stamp}) IS NULL"
        if self.profile.count(bad):
            message = f"{self.profile.examples(bad)} does not fit {what}."
            fix = "Correct the value, or set format: dates."
            self.refuse("E-DATE-UNREADABLE", message, fix, bad)

    def note(self, code: str, message: str) -> None:
        self.reader.note(code, message, self.profile)


def read_time(reader: Reader, column: str, *, declared: str | None, joined: str = "") -> str:
    """SQL of a column of times, in microseconds since 1970 UTC.

    Args:
        reader: Reader of the raw table; problems and notes are kept there.
        column: Source column, for its type and for messages.
        declared: `format.dates` of the source, or None to detect the format.
        joined: SQL of the text to read where several columns were joined.

    Returns:
        SQL of type BIGINT, null where the time is missing.
    """
    kind = "VARCHAR" if joined else reader.types[column]
    if "TIME ZONE" in kind or "TZ" in kind:
        return f"epoch_us(CAST({reader.own(column)} AS TIMESTAMPTZ))"
    typed = kind.startswith(("TIMESTAMP", "DATE"))
    times = _Times(reader, reader.profile(column, joined=joined), written=not typed)
    if typed:
        micros = _localised(times, "CAST(own AS TIMESTAMP)")
    elif declared in SCALED or (declared or "").startswith(("excel", "days-since:")):
        micros = _counted(times, column, str(declared))
    elif declared == "quarter":
        stamp = _quarter(times.text)
        times.refuse_unread(stamp, "quarters such as 2024-Q1")
        micros = _localised(times, stamp)
    elif declared and "%" in declared:
        micros = _patterned(times, declared)
    else:
        micros = _detected(times, declared)
    return reader.bind(times.profile, micros)


# ---------------------------------------------------------------- declared formats


def _counted(times: _Times, column: str, declared: str) -> str:
    """Read numbers of days or seconds."""
    number = "try_cast(replace(text, ',', '.') AS DOUBLE)"
    if declared == "unix_us":  # beyond what any amount of money or of days is
        times.refuse_unread(number, "microseconds since 1970")
    else:
        read_number(times.reader, column)  # for what it finds unreadable
    if declared in SCALED:
        return f"CAST(round({number} * {SCALED[declared]}) AS BIGINT)"
    day = dt.date(1899, 12, 30)
    if declared.startswith("days-since:"):
        day = dt.date.fromisoformat(declared.removeprefix("days-since:"))
    seconds = f"CAST(round({number} * 86400) AS BIGINT)"
    stamp = f"TIMESTAMP '{day} 00:00:00' + to_microseconds({seconds} * 1000000)"
    return _localised(times, stamp, quiet=declared == "excel")


def _quarter(text: str) -> str:
    parts = [f"nullif(regexp_extract({text}, '{_QUARTER}', {group}), '')" for group in range(2, 6)]
    first, year, other_year, last = (f"try_cast({part} AS INTEGER)" for part in parts)
    return (
        f"make_timestamp(coalesce({year}, {other_year}), coalesce({first}, {last}) * 3 - 2, "
        "1, 0, 0, 0.0)"
    )


def _patterned(times: _Times, pattern: str) -> str:
    stamp = f"try_strptime({times.text}, {quote_text(pattern)})"
    if not re.search("%[YyGgcxsu]", pattern):
        stamp = _with_year(times, pattern)
    times.refuse_unread(stamp, f"the declared format {pattern!r}")
    return f"epoch_us({stamp})" if "%z" in pattern else _localised(times, stamp)


def _with_year(times: _Times, pattern: str) -> str:
    """Give dates without a year the one that puts them among the days they can be of."""
    first, last = times.reader.days or (None, None)
    if first is None or last is None or (last - first).days > LONGEST_YEAR:
        where = times.profile.present
        message = f"{times.profile.examples(where)} has no year."
        fix = "Set format: year, or a `period` of one year at the most."
        times.refuse("E-DATE-NO-YEAR", message, fix, where)
        return "NULL::TIMESTAMP"
    tried = [
        f"try_strptime(concat({times.text}, ' {year}'), {quote_text(pattern + ' %Y')})"
        for year in range(first.year, last.year + 1)
    ]
    inside = [f"CASE WHEN CAST({one} AS DATE) BETWEEN '{first}' AND '{last}' THEN {one} END"
              for one in tried]  # fmt: skip
    times.note("N-DATE-YEAR", f"dates without a year were read as days from {first} to {last}.")
    return f"coalesce({', '.join([*inside, *tried])})"


# ---------------------------------------------------------------- detected formats


def _detected(times: _Times, declared: str | None) -> str:
    if not times.filled:
        return "NULL::BIGINT"
    iso = times.count(_ISO)
    if iso == times.filled:
        return _iso(times)
    abbreviated = times.count(_ABBREVIATED)
    if abbreviated and not times.count(".*( AM| PM|UTC|GMT|Q[1-4])"):
        return _refuse_abbreviation(times)
    if iso:
        return _partly_iso(times, iso)
    return _other(times, declared)


def _partly_iso(times: _Times, iso: int) -> str:
    """Refuse a column of ISO times among which something else stands."""
    where = f"NOT regexp_full_match({times.text}, '{_ISO}')"
    if iso + times.count(".*[a-z]+.*") == times.filled:
        times.refuse_unread(f"CASE WHEN NOT ({where}) THEN 1 END", "the rest of the column")
        return "NULL::BIGINT"
    return _mixed(times, where)


def _other(times: _Times, declared: str | None) -> str:
    if times.count(_QUARTER) == times.filled:
        times.note("N-DATE-FORMAT", "quarters were read as their first day.")
        return _localised(times, _quarter(times.text))
    if times.count(_SERIAL) == times.filled:
        return _refuse_serial(times)
    return _by_pattern(times, declared)


def _refuse_abbreviation(times: _Times) -> str:
    where = f"regexp_full_match({times.text}, '{_ABBREVIATED}')"
    message = f"{times.profile.examples(where)} names its zone by letters that several zones share."
    return times.refuse("E-TZ-ABBREV", message, "Write offsets such as -05:00.", where)


def _refuse_serial(times: _Times) -> str:
    seconds = times.count("[0-9]{9,}.*")
    fix = "Set format: dates: unix_s or unix_ms." if seconds else "Set format: dates: excel."
    where = f"({times.text}) IS NOT NULL"
    shown = times.profile.examples(where)
    message = f"{shown} is a number of days or seconds, not a date."
    return times.refuse("E-DATE-SERIAL", message, fix, where)


def _by_pattern(times: _Times, declared: str | None) -> str:
    """Find the one pattern that reads every value; two kinds of them are refused."""
    counts = {
        "day": _fitting(times, _DAY_FIRST) if declared != "month-first" else {},
        "month": _fitting(times, _MONTH_FIRST) if declared != "day-first" else {},
        "plain": _fitting(times, _PLAIN),
    }
    whole = {
        kind: [pattern for pattern, rows in found.items() if rows == times.filled]
        for kind, found in counts.items()
    }
    if whole["day"] and whole["month"]:
        return _ambiguous(times, whole["day"][0], whole["month"][0])
    fitting = [pattern for patterns in whole.values() for pattern in patterns]
    if fitting:
        times.note("N-DATE-FORMAT", f"read as {fitting[0]!r}.")
        return _localised(times, f"try_strptime({times.text}, {quote_text(fitting[0])})")
    return _unfitting(times, {**counts["day"], **counts["month"], **counts["plain"]})


def _unfitting(times: _Times, counts: dict[str, int]) -> str:
    """Refuse a column that no pattern reads whole; say which values stand out."""
    best = max(counts, key=lambda pattern: counts[pattern], default="")
    stamp = f"try_strptime({times.text}, {quote_text(best)})" if best else "NULL::TIMESTAMP"
    others = [
        f"try_strptime({times.text}, {quote_text(other)})" for other in counts if other != best
    ]
    read = " OR ".join(f"{other} IS NOT NULL" for other in others) or "FALSE"
    if best and times.profile.count(f"{stamp} IS NULL AND ({read})"):
        # the first row that leaves no pattern for all rows before it
        failing = [f"{_stamp(times.text, pattern)} IS NULL" for pattern in counts]
        where = max(failing, key=lambda other: _first(times, other))
        return _mixed(times, where)
    times.refuse_unread(stamp, f"{best!r}, as the others do" if best else "any form of dates")
    return "NULL::BIGINT"


def _first(times: _Times, condition: str) -> int:
    """Find the place of the first row for which a condition holds."""
    table = quote_name(times.profile.table)
    where = f"({times.text}) IS NOT NULL AND {condition}"
    found = fetch_row(times.reader.con, f"SELECT min(seen) FROM {table} WHERE {where}")
    return int(found[0] or 0)


def _fitting(times: _Times, dates: tuple[str, ...]) -> dict[str, int]:
    """Count how many rows each pattern reads; a sample decides which are tried on all."""
    patterns = [date + clock for date in dates for clock in _CLOCKS]
    tried = ", ".join(f"count(try_strptime(t, {quote_text(p)}))" for p in patterns)
    table = quote_name(times.profile.table)
    sample = f"SELECT {times.text} AS t FROM {table} WHERE text IS NOT NULL LIMIT {_SAMPLE}"
    hits = fetch_row(times.reader.con, f"SELECT {tried} FROM ({sample})")
    likely = [pattern for pattern, hit in zip(patterns, hits, strict=True) if hit]
    conditions = [f"{_stamp(times.text, pattern)} IS NOT NULL" for pattern in likely]
    return dict(zip(likely, times.profile.tally(conditions), strict=True))


def _stamp(text: str, pattern: str) -> str:
    """SQL of a time by a pattern; four digits are asked for where the pattern has a whole year."""
    stamp = f"try_strptime({text}, {quote_text(pattern)})"
    if "%Y" in pattern:
        return f"CASE WHEN regexp_matches({text}, '[0-9]{{4}}') THEN {stamp} END"
    return f"CASE WHEN NOT regexp_matches({text}, '[0-9]{{4}}') THEN {stamp} END"


def _ambiguous(times: _Times, first: str, second: str) -> str:
    where = f"({times.text}) IS NOT NULL"
    shown = times.profile.examples(where).split(", ")[0]
    message = f"{shown} can be day first or month first, and so can all others."
    fix = f"Set format: dates: {first!r} or {second!r}."
    return times.refuse("E-DATE-AMBIGUOUS", message, fix, where)


def _mixed(times: _Times, other: str) -> str:
    where = f"({times.text}) IS NOT NULL AND {other}"
    message = f"{times.profile.examples(where)} is written in another format than the rest."
    fix = "Write all dates of the column in one format."
    return times.refuse("E-DATE-MIXED", message, fix, where)


def _iso(times: _Times) -> str:
    aware = f"regexp_full_match({times.text}, '{_AWARE}')"
    known = times.profile.count(aware)
    plain = f"replace({times.text}, ',', '.')"
    if known and known < times.filled:
        where = f"({times.text}) IS NOT NULL AND NOT {aware}"
        fix = "Give all rows an offset, or none and set `timezone`."
        message = "some times have a UTC offset and some have none."
        return times.refuse("E-TZ-MIXED", message, fix, where)
    ahead = f"CAST({times.text}[1:4] AS INTEGER) > {dt.date.today().year + CENTURY}"
    if times.profile.count(ahead) == times.filled:
        message = f"{times.profile.examples(ahead)} lies centuries ahead: another calendar?"
        fix = "Subtract 543 years from Buddhist years; else check the clock of the source."
        return times.refuse("E-DATE-FUTURE", message, fix, ahead)
    late = f"regexp_matches({times.text}, '[T ]24:')"
    stamp = f"CASE WHEN NOT {late} THEN try_cast({plain} AS {{}}) END"
    if known:
        zoned = f"regexp_replace(replace({plain}, 'GMT', 'UTC'), '([+-]..)(..)$', '\\1:\\2')"
        utc = stamp.format("TIMESTAMPTZ").replace(plain, zoned)
        times.refuse_unread(utc, "the calendar")
        return f"epoch_us({utc})"
    times.refuse_unread(stamp.format("TIMESTAMP"), "the calendar")
    return _localised(times, stamp.format("TIMESTAMP"))


# ---------------------------------------------------------------- zones


def _localised(times: _Times, stamp: str, *, quiet: bool = False) -> str:
    """Read naive times in the client's zone; note what is unknown about them."""
    reader, profile = times.reader, times.profile
    timed = profile.count(f"({stamp}) IS NOT NULL AND ({stamp}) <> date_trunc('day', {stamp})")
    if not timed:
        times.note("N-DATE-ONLY", "dates have no time of day; order within a day is unknown.")
    elif not quiet:
        times.note("N-TZ-ASSUMED", f"times without a zone were read as {reader.zone}.")
    morning = profile.count(f"({stamp}) IS NOT NULL AND hour({stamp}) BETWEEN 1 AND 12")
    if timed > 50 and morning == times.filled and _hours(times, stamp) > 9:
        message = "no time lies after 12:59: were AM and PM lost?"
        times.note("N-NO-AFTERNOON", message)
    if reader.zone == "UTC":
        return f"epoch_us({stamp})"
    return _in_zone(times, stamp, timed=timed > 0)


def _hours(times: _Times, stamp: str) -> int:
    table = quote_name(times.profile.table)
    return int(fetch_row(times.reader.con, f"SELECT count(DISTINCT hour({stamp})) FROM {table}")[0])


def _in_zone(times: _Times, stamp: str, *, timed: bool) -> str:
    """Refuse local times that never were; take the first of those that were twice."""
    profile, zone = times.profile, times.reader.zone
    micros = f"epoch_us({stamp})"
    ends = fetch_row(
        times.reader.con, f"SELECT min({micros}), max({micros}) FROM {quote_name(profile.table)}"
    )
    clocks = read_clocks(zone, int(ends[0] or 0), int(ends[1] or 0))
    never, twice = clocks.never(micros), clocks.twice(micros)
    if timed and profile.count(never):
        message = f"{profile.examples(never)} never existed in {zone}."
        fix = "Export the times in UTC, or correct them."
        times.refuse("E-DST-GAP", message, fix, never)
    if timed:
        message = "times that happened twice were read as the first."
        times.reader.note("N-DST-FOLD", message, profile, twice)
    return clocks.to_utc(micros)
