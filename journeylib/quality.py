"""What to know about the data before believing anything: one row per check, pass, warn or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.logbook import Built
    from journeylib.sources import SourceTable

MOST_DROPPED, MOST_DUPLICATES, MOST_UNMAPPED = 0.10, 0.005, 0.05
ENDED_EARLY_DAYS = 2
QUIET_SHARE = 0.3
NOTE_CHECKS = {
    "N-TZ-ASSUMED": "time_zone", "N-DATE-ONLY": "time_of_day", "N-DATE-FORMAT": "date_format",
    "N-MISSING-TOKEN": "coded_missings", "N-COLUMN-ABSENT": "absent_column",
    "N-DATE-PLACEHOLDER": "placeholder_dates", "N-SCALE-ASSUMED": "scale",
    "N-COLUMN-MATCHED": "matched_column", "N-CATEGORY-FOLDED": "spelling",
    "N-DST-FOLD": "clock_change", "N-NO-AFTERNOON": "time_of_day", "N-OUTLIER": "outlier",
    "N-COLUMNS-DIFFER": "columns", "N-ID-ROUNDED": "id_format", "N-ID-PLACEHOLDER": "shared_id",
    "N-ID-CASE": "id_format", "N-C1-CONTROLS": "encoding", "N-NEAR-DUPLICATES": "near_duplicates",
    "N-HIDDEN-ROWS": "hidden_rows", "N-HIDDEN-SHEET": "hidden_sheet",
    "N-ID-FLOAT": "id_format", "N-ID-TRIMMED": "id_format", "N-DIALECT": "separator",
}  # fmt: skip
WARNING_NOTES = {
    "N-SCALE-ASSUMED", "N-COLUMN-ABSENT", "N-DATE-PLACEHOLDER", "N-NO-AFTERNOON",
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
        listed = [f"{reason}: {count:,}" for reason, count in drops.items() if count]
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


def check_quality(
    sources: Sequence[SourceTable], built: Built, monthly: pd.DataFrame
) -> pd.DataFrame:
    """Check the data and say what follows from each finding.

    Args:
        sources: The sources that were read.
        built: The log that was built from them.
        monthly: Columns ``month, source, events, partial``.

    Returns:
        The result table ``quality``, worst first.
    """
    rows: list[tuple[str, str, str, float, str]] = []
    for source in sources:
        rows += [_dropped(source), _duplicates(source), *_notes(source)]
    rows += [_unmapped(built), *_partial(monthly), *_quiet_months(monthly)]
    table = pd.DataFrame(rows, columns=["check", "source", "status", "affected", "message"])
    order = table["status"].map({"fail": 0, "warn": 1, "pass": 2})
    table = table.iloc[np.lexsort((table["source"], table["check"], order))]
    return complete_result("quality", table.reset_index(drop=True))


def _dropped(source: SourceTable) -> tuple[str, str, str, float, str]:
    unwanted = sum(rows for why, rows in source.drops.items() if not why.startswith("not kept"))
    status = "warn" if unwanted > MOST_DROPPED * source.rows_read else "pass"
    message = "Every row that the rules keep could be used."
    if unwanted:
        share = unwanted / source.rows_read
        message = f"{share:.1%} of the rows could not be used; results speak of the rest."
    return "usable_rows", source.name, status, unwanted, message


def _duplicates(source: SourceTable) -> tuple[str, str, str, float, str]:
    many = source.duplicates > MOST_DUPLICATES * source.rows_read
    status = "warn" if many and "duplicate" not in source.drops else "pass"
    message = "No row repeats another one in every column."
    if source.duplicates:
        verb = "left out" if "duplicate" in source.drops else "kept, and counted twice if wrong"
        message = f"Rows repeat another one in every column; they were {verb}."
    return "duplicates", source.name, status, source.duplicates, message


def _notes(source: SourceTable) -> list[tuple[str, str, str, float, str]]:
    return [
        (
            NOTE_CHECKS[note.code],
            source.name,
            "warn" if note.code in WARNING_NOTES else "pass",
            note.rows,
            f"{note.column}: {note.message}" if note.column else note.message,
        )
        for note in source.notes
        if note.code in NOTE_CHECKS and (note.rows or note.code != "N-COLUMN-ABSENT")
    ]


def _unmapped(built: Built) -> tuple[str, str, str, float, str]:
    placed = built.placed
    lost = placed.loc[placed["stage"] == "unmapped"]
    events, every = int(lost["events"].sum()), int(placed["events"].sum())
    named = int((placed["how"] == "name").sum())
    status = "warn" if every and events > MOST_UNMAPPED * every else "pass"
    message = "Every touchpoint has a stage."
    if len(lost):
        shown = ", ".join(lost.sort_values("events", ascending=False)["touchpoint"].head(5))
        message = f"{len(lost)} touchpoint(s) have no stage ({shown}); add `stages: rules:`."
    elif named:
        message = f"{named} touchpoint(s) were placed by the common meaning of their names."
    return "stages", "log", status, events, message


def _partial(monthly: pd.DataFrame) -> list[tuple[str, str, str, float, str]]:
    cut = monthly[monthly["partial"]]
    if cut.empty:
        return [("partial_period", "log", "pass", 0, "The first and last month are complete.")]
    months = ", ".join(sorted(cut["month"].unique()))
    message = f"The data covers only part of {months}: not to be read as a fall."
    return [("partial_period", "log", "warn", int(cut["events"].sum()), message)]


def _quiet_months(monthly: pd.DataFrame) -> list[tuple[str, str, str, float, str]]:
    rows: list[tuple[str, str, str, float, str]] = []
    for source, own in monthly[~monthly["partial"]].groupby("source", sort=True):
        usual = own["events"].median()
        quiet = own[own["events"] < QUIET_SHARE * usual]
        if len(own) >= 4 and len(quiet):
            months = ", ".join(quiet["month"])
            message = f"Far fewer events than usual in {months}: a gap in the export?"
            rows.append(("volume", str(source), "warn", int(quiet["events"].sum()), message))
    return rows


def count_months(log_events: pd.DataFrame, *, start: int, end: int, zone: str) -> pd.DataFrame:
    """Lay events out by month and say which months the data covers only in part.

    Args:
        log_events: Columns ``source``, ``day`` (timestamps of days) and ``events``.
        start: First microsecond of the period.
        end: First microsecond after it.
        zone: Time zone of the client.

    Returns:
        Columns ``month`` (YYYY-MM), ``source``, ``events``, ``partial``.
    """
    if log_events.empty:
        empty = {"month": "str", "source": "str", "events": "int64", "partial": "bool"}
        return pd.DataFrame(columns=list(empty)).astype(empty)
    days = log_events["day"]
    table = (
        log_events.assign(month=days.dt.strftime("%Y-%m"))
        .groupby(["month", "source"], sort=True)["events"]
        .sum()
        .reset_index()
    )
    first, last = (
        pd.Timestamp(at, unit="us", tz="UTC").tz_convert(zone) for at in (start, end - 1)
    )
    seen_first, seen_last = days.min(), days.max()
    partial = set()
    first, last = max(first.tz_localize(None), seen_first), min(last.tz_localize(None), seen_last)
    if first.day > 1 + ENDED_EARLY_DAYS:
        partial.add(f"{first:%Y-%m}")
    if last.days_in_month - last.day > ENDED_EARLY_DAYS:
        partial.add(f"{last:%Y-%m}")
    return table.assign(partial=table["month"].isin(partial))
