"""Where the data is thin in time: sources that begin late, months half covered, days that broke.

What a break is, is decided in `volumes`; here it is looked for in every source and part of one, and
said with what follows from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.census import QUARTER
from journeylib.columns import MISSING
from journeylib.expressions import quote_name
from journeylib.findings import PASS, WARN, Finding, list_words, passed
from journeylib.logbook import clean_name
from journeylib.raw import table_columns
from journeylib.tables import INPUTS
from journeylib.volumes import Window, explain_window, find_breaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.census import Census
    from journeylib.sources import SourceTable

LATE_DAYS = 31
MOST_LEVELS, MOST_COLUMNS = 30, 6
LEAST_LOSS = 0.6  # of one part of a source; smaller losses of many parts are chance
SHORTEST_LOSS = 2
SAID = 3


def check_coverage(census: Census) -> list[Finding]:
    """Look for sources that begin late in the period, end early in it, or pause for whole months.

    Sign-ups and cancellations of a customers table are left aside: they need not come every month,
    and reach back further than anything else.
    """
    lasting = [source.name for source in census.sources if source.kind != "customers"]
    covered = census.coverage[census.coverage["source"].isin(lasting)]
    span = _span(census, covered)
    found = []
    for name, own in covered.groupby("source", sort=True):
        told = _uncovered(own, *span)
        if told:
            months = pd.period_range(*span, freq="M")
            text = f"It {' and '.join(told)}; {own['month'].nunique()} of {len(months)} months "
            rows = int(own["events"].sum())
            found.append(
                Finding("coverage", str(name), WARN, rows, f"{text}have rows.", _UNCOVERED)
            )
    return found or [passed("coverage", "Every source with events covers the whole period.")]


def _span(census: Census, covered: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Give the days that sources should cover: those asked for, else those that any covers."""
    if census.asked or covered.empty:
        return census.first_day, census.last_day
    return pd.Timestamp(covered["first"].min()), pd.Timestamp(covered["last"].max())


def _uncovered(own: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    first, last = pd.Timestamp(own["first"].min()), pd.Timestamp(own["last"].max())
    late, early = (first - start).days, (end - last).days
    seen = set(own["month"])
    silent = [
        str(month) for month in pd.period_range(first, last, freq="M") if str(month) not in seen
    ]
    told = []
    if late > LATE_DAYS:
        told.append(f"begins on {first:%Y-%m-%d}, {late} days into the period")
    if early > LATE_DAYS:
        told.append(f"ends on {last:%Y-%m-%d}, {early} days before the period does")
    if silent:
        told.append(f"has no row at all in {list_words(silent)}")
    return told


_UNCOVERED = (
    "Outside those days its touchpoints look as if nobody met them: read trends and shares "
    "within the days that all sources cover, or set `period` to them."
)


def check_volumes(census: Census) -> list[Finding]:
    """Look for days or weeks on which a source, or one part of it, broke with its usual volume."""
    found: list[Finding] = []
    judged = 0
    for source in census.sources:
        own = census.daily[census.daily["source"] == source.name]
        if own.empty:
            continue
        windows = find_breaks(own.set_index("day")["events"])
        judged += windows is not None
        lost = _find_lost_parts(source, census)
        whole = [
            (window, "")
            for window in _inside(windows or [], census)
            if not any(_owes(window, part) for part, _ in lost)
        ]
        found += _report(source.name, [*whole, *lost], census)
    if found:
        return found
    text = "No day or week broke with the usual volume of its source."
    if not judged:
        text = "No source has enough events, over enough weeks, to say what a usual day is."
    return [passed("volume_breaks", text)]


def _inside(windows: Sequence[Window], census: Census) -> list[Window]:
    first, last = census.first_day, census.last_day
    return [window for window in windows if window.last >= first and window.first <= last]


def _report(source: str, windows: Sequence[tuple[Window, str]], census: Census) -> list[Finding]:
    """Say which windows the calendar explains, and which are to be explained."""
    said: dict[str, list[str]] = {WARN: [], PASS: []}
    rows = {WARN: 0.0, PASS: 0.0}
    for window, part in sorted(windows, key=lambda pair: -abs(pair[0].surplus)):
        name = explain_window(window, census.calendar)
        status = PASS if name else WARN
        said[status].append(f"{f'{part}: ' * bool(part)}{window}{f' ({name})' * bool(name)}")
        rows[status] += abs(window.surplus)
    found = []
    for status, then in ((WARN, _BROKEN), (PASS, "")):
        if said[status]:
            told = f"{list_words(said[status], SAID, mark='; ')}."
            if status == PASS:
                told = f"{told[:-1]}: named in the calendar of the client file."
            found.append(Finding("volume_breaks", source, status, round(rows[status]), told, then))
    return found


_BROKEN = (
    "Figures that span these days carry the break: ask what happened, and name it in the "
    "calendar of the client file if it is known."
)


def _owes(whole: Window, part: Window) -> bool:
    """Tell whether a loss of a whole source is mostly that of one part of it."""
    overlaps = whole.first <= part.last and part.first <= whole.last
    return overlaps and whole.surplus < 0 and part.surplus <= LEAST_LOSS * whole.surplus


def _find_lost_parts(source: SourceTable, census: Census) -> list[tuple[Window, str]]:
    """Look for parts of a source that fell silent while the rest went on, such as one shop."""
    lost = []
    for column in _part_columns(source, census):
        parts = _count_parts(source, column, census)
        every = pd.concat([pd.Series(dtype="float64"), *parts.values()]).groupby(level=0).sum()
        for part, counts in parts.items():
            name = f"{clean_name(column)} {clean_name(part)}"
            lost += [
                (window, name)
                for window in _inside(find_breaks(counts) or [], census)
                if _fell_silent(window, counts, every)
            ]
    return lost


def _fell_silent(window: Window, counts: pd.Series, every: pd.Series) -> bool:
    """Tell whether a part lost most of its events in a window while the other parts went on."""
    if window.days < SHORTEST_LOSS or -window.surplus < LEAST_LOSS * window.usual:
        return False
    days = slice(window.first, window.last)
    expected = every.sort_index()[days].sum() * counts.sum() / every.sum()
    seen = counts.sort_index()[days].sum()
    return bool(seen < (1 - LEAST_LOSS) * expected)


def _part_columns(source: SourceTable, census: Census) -> list[str]:
    """Name the columns that divide a source into few parts: channel, shop, region and the like."""
    has = table_columns(census.con, source.table)
    if "timestamp" not in has:
        return []
    own = [
        name
        for name in ["channel", *source.attributes]
        if has.get(name, "").startswith("VARCHAR")
        and name not in {column.name for column in INPUTS[source.kind]} - {"channel"}
    ][:MOST_LEVELS]
    if not own:
        return []
    counted = ", ".join(f"approx_count_distinct({quote_name(name)})" for name in own)
    (levels,) = census.con.execute(f"SELECT {counted} FROM {quote_name(source.table)}").fetchall()
    # the count is approximate; the exact one is looked at when the parts are counted
    return [name for name, many in zip(own, levels, strict=True) if 2 <= many <= MOST_LEVELS * 1.2][
        :MOST_COLUMNS
    ]


def _count_parts(source: SourceTable, column: str, census: Census) -> dict[str, pd.Series]:
    """Count one column's parts by local day."""
    own = quote_name(column)
    rows = census.con.execute(
        f"SELECT {own} AS part, day, count(*) AS events FROM {quote_name(source.table)} "
        f"JOIN clock ON clock.quarter = timestamp // {QUARTER} "
        f"WHERE {own} IS NOT NULL AND timestamp IS NOT NULL GROUP BY 1, 2"
    ).df()
    if not 2 <= rows["part"].nunique() <= MOST_LEVELS:
        return {}
    return {
        str(part): own.set_index("day")["events"]
        for part, own in rows.groupby("part")
        if str(part).casefold() not in MISSING
    }
