"""What to know about the data before believing anything: one row per finding, pass, warn or fail.

Each check stands with its like: `absences`, `repeats`, `contradictions`, `gaps`, `rhythms`,
`suspects`, `survivors`. Here they are put together with what was noted while reading.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.absences import (
    check_missing_ids,
    check_placeholders,
    check_usable_rows,
)
from journeylib.contradictions import check_ages, check_future, check_order_of_times
from journeylib.engine import fetch_row
from journeylib.expressions import quote_name
from journeylib.fillers import check_coded_missings
from journeylib.findings import (
    FAIL,
    LOG,
    PASS,
    WARN,
    Finding,
    list_words,
    passed,
    tabulate_findings,
)
from journeylib.gaps import check_coverage, check_volumes
from journeylib.months import check_ends, check_months
from journeylib.raw import table_columns
from journeylib.repeats import check_duplicates, check_near_duplicates, find_near_duplicates
from journeylib.rhythms import check_clocks
from journeylib.survivors import check_survivors, check_unlinked
from journeylib.suspects import check_suspects, find_suspects
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.census import Census
    from journeylib.errors import Note
    from journeylib.logbook import Built
    from journeylib.sources import SourceTable

MOST_UNMAPPED = 0.05
CHECKS = (
    check_usable_rows, check_missing_ids, check_placeholders, check_coded_missings,
    check_future, check_ages, check_order_of_times, check_duplicates, check_coverage,
    check_volumes, check_clocks, check_survivors, check_unlinked,
)  # fmt: skip
NOTE_CHECKS = {
    "N-TZ-ASSUMED": "time_zone", "N-DATE-ONLY": "time_of_day", "N-DATE-FORMAT": "date_format",
    "N-MISSING-TOKEN": "coded_missings", "N-COLUMN-ABSENT": "absent_column",
    "N-SCALE-ASSUMED": "scale",
    "N-COLUMN-MATCHED": "matched_column", "N-CATEGORY-FOLDED": "spelling",
    "N-DST-FOLD": "clock_change", "N-NO-AFTERNOON": "time_of_day", "N-OUTLIER": "outlier",
    "N-COLUMNS-DIFFER": "columns", "N-ID-ROUNDED": "id_format", "N-ID-PLACEHOLDER": "shared_id",
    "N-ID-CASE": "id_format", "N-C1-CONTROLS": "encoding",
    "N-HIDDEN-ROWS": "hidden_rows", "N-HIDDEN-SHEET": "hidden_sheet",
    "N-ID-FLOAT": "id_format", "N-ID-TRIMMED": "id_format", "N-DIALECT": "separator",
}  # fmt: skip
WARNING_NOTES = {
    "N-SCALE-ASSUMED", "N-COLUMN-ABSENT", "N-NO-AFTERNOON",
    "N-OUTLIER", "N-COLUMNS-DIFFER", "N-ID-ROUNDED", "N-ID-PLACEHOLDER", "N-C1-CONTROLS",
}  # fmt: skip


def summarise_sources(sources: Sequence[SourceTable], facts: pd.DataFrame) -> pd.DataFrame:
    """Say for each source what was read, what was used, and why the rest was not.

    Args:
        sources: The sources that were read.
        facts: Columns ``source, customers, value_sum, first, last, rows_outside`` (the period).

    Returns:
        The result table ``sources``; ``reasons`` lists reason and rows.
    """
    outside = dict(zip(facts["source"], facts["rows_outside"], strict=True))
    rows = []
    for source in sources:
        drops = {**source.drops, "outside the period": outside[source.name]}
        dropped = sum(drops.values())
        listed = [_reason(source, reason, count) for reason, count in drops.items() if count]
        rows.append(
            {
                "source": source.name,
                "kind": source.kind,
                "rows_read": source.rows_read,
                "rows_used": source.rows_read - dropped,
                "rows_dropped": dropped,
                "reasons": "; ".join(listed),
            }
        )
    table = pd.DataFrame(rows).merge(facts, on="source", how="left", validate="1:1")
    return complete_result("sources", table)


def _reason(source: SourceTable, reason: str, count: int) -> str:
    """Say how many rows were left out for a reason, and what money stood in them."""
    worth = source.lost.get(reason, 0.0)
    return f"{reason}: {count:,}" + (f" (value {worth:,.2f})" if worth else "")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks of a client's data found.

    Attributes:
        table: The result table ``quality``, worst first: each check has a row, also where it
            passed; ``consequence`` is the last part of each message.
        suspects: Customers who act like machines: ``customer`` (code), ``reason``, ``events``.
        notes: Where the first of the rows stand that were found only now.
    """

    table: pd.DataFrame
    suspects: pd.DataFrame
    notes: list[Note]


def check_quality(
    census: Census,
    built: Built,
    *,
    accounts: pd.DataFrame,
    monthly: pd.DataFrame,
    needed: Mapping[str, str],
) -> Checked:
    """Check the data and say what follows from each finding.

    Args:
        census: All events, counted by time.
        built: The log that was built from them.
        accounts: The result table ``sources``.
        monthly: Columns ``month, source, events, partial``.
        needed: Why a source is needed, by its name; only those can fail, others warn.

    Returns:
        The findings, those who act like machines, and notes.
    """
    near, suspects = find_near_duplicates(census), find_suspects(census)
    found = [finding for check in CHECKS for finding in check(census)]
    found += [*check_near_duplicates(near), *check_suspects(suspects)]
    found += [*_check_scales(census), *_check_period(accounts), _unmapped(built)]
    found += [*check_ends(monthly), *check_months(monthly)]
    found += [finding for source in census.sources for finding in _notes(source)]
    table = tabulate_findings([_spare(finding, needed) for finding in found])
    return Checked(table, suspects.marked, [one.note() for one in near])


def _spare(finding: Finding, needed: Mapping[str, str]) -> Finding:
    """Let a failed check of a source that nothing rests on be a warning."""
    if finding.status != FAIL or finding.source in needed:
        return finding
    then = f"{finding.consequence} No outcome or change is measured on this source.".strip()
    return replace(finding, status=WARN, consequence=then)


def _check_period(accounts: pd.DataFrame) -> list[Finding]:
    """Look for sources without any row in the period that the client file asks for."""
    found = []
    for row in accounts.to_dict("records"):
        outside = 0 if pd.isna(row["rows_outside"]) else int(row["rows_outside"])
        if outside and row["rows_used"] <= 0:
            text = f"All {outside:,} usable rows lie outside the period of the client file."
            then = "The source adds nothing to this report."
            found.append(Finding("period", row["source"], FAIL, outside, text, then))
    return found or [passed("period", "Every source has rows in the period.")]


def _check_scales(census: Census) -> list[Finding]:
    """Say on which scale answers were read; an answer outside it is refused when it is read."""
    found = []
    for source in census.sources:
        has = table_columns(census.con, source.table)
        scored = next((name for name in ("score", "rating", "sentiment") if name in has), None)
        if scored is None or (scored == "sentiment" and source.scale is None):
            continue
        table = quote_name(source.table)
        rows = int(fetch_row(census.con, f"SELECT count({scored}) FROM {table}")[0])
        ends = "its usual scale"
        if source.scale is not None:
            ends = f"the declared scale of {source.scale[0]:g} to {source.scale[1]:g}"
        text = f"All {rows:,} answers lie on {ends}."
        found.append(Finding("scale", source.name, PASS, 0, text))
    return found or [passed("scale", "No source has scores or ratings.")]


def _notes(source: SourceTable) -> list[Finding]:
    """Turn what was noted while reading into findings, columns with one remark together."""
    alike: dict[tuple[str, str, str], list[Note]] = {}
    for note in source.notes:
        if note.code in NOTE_CHECKS and (note.rows or note.code != "N-COLUMN-ABSENT"):
            status = WARN if note.code in WARNING_NOTES else PASS
            alike.setdefault((NOTE_CHECKS[note.code], status, note.message), []).append(note)
    return [
        Finding(
            check, source.name, status, sum(note.rows for note in notes),
            f"{list_words([n.column for n in notes if n.column], 6)}: {message}".removeprefix(": "),
        )
        for (check, status, message), notes in alike.items()
    ]  # fmt: skip


def _unmapped(built: Built) -> Finding:
    placed = built.placed
    lost = placed.loc[placed["stage"] == "unmapped"]
    events, every = int(lost["events"].sum()), int(placed["events"].sum())
    named = int((placed["how"] == "name").sum())
    status = WARN if every and events > MOST_UNMAPPED * every else PASS
    text, then = "Every touchpoint has a stage.", ""
    if len(lost):
        names = list(lost.sort_values("events", ascending=False)["touchpoint"])
        share = events / max(every, 1)
        text = f"{len(lost)} touchpoint(s) have no stage ({list_words(names, 5)}), {share:.1%} of "
        text += "all events."
        then = "No stage counts them: add `stages: rules:`."
    elif named:
        text = f"{named} touchpoint(s) were placed by the common meaning of their names."
    return Finding("stages", LOG, status, events, text, then)
