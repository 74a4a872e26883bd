"""Events by month: counted, whole months told from cut ones, and months that are far too quiet."""

from __future__ import annotations

import pandas as pd

from journeylib.findings import LOG, WARN, Finding, list_words, passed

ENDED_EARLY_DAYS = 2
QUIET_SHARE, FEWEST_MONTHS, MOST_QUIET = 0.3, 4, 0.2
MONTHS_AROUND = 7


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


def check_ends(monthly: pd.DataFrame) -> list[Finding]:
    """Say which months at the ends of the period the data covers only in part.

    Args:
        monthly: Columns ``month, source, events, partial``.
    """
    cut = monthly[monthly["partial"]]
    if cut.empty:
        return [passed("partial_period", "The first and last month are complete.", LOG)]
    months = " and ".join(sorted(cut["month"].unique()))
    text = f"The data covers only part of {months}."
    then = "What looks like a rise or a fall there is the edge of the data."
    return [Finding("partial_period", LOG, WARN, int(cut["events"].sum()), text, then)]


def check_months(monthly: pd.DataFrame) -> list[Finding]:
    """Look for whole months in which a source has less than a third of the months around it.

    Args:
        monthly: Columns ``month, source, events, partial``.
    """
    found = []
    for source, own in monthly[~monthly["partial"]].groupby("source", sort=True):
        if len(own) < FEWEST_MONTHS:
            continue
        around = own["events"].rolling(MONTHS_AROUND, center=True, min_periods=3).median()
        quiet = own.assign(usual=around)[own["events"] < QUIET_SHARE * around]
        # where every fifth month is quiet, the source comes in batches
        if 0 < len(quiet) <= max(1, MOST_QUIET * len(own)):
            told = [f"{row.month} ({row.events:,} events, {row.usual:,.0f} around it)"
                    for row in quiet.itertuples()]  # fmt: skip
            text = f"Less than {QUIET_SHARE:.0%} of the months around it: {list_words(told)}."
            then = "If the export has a gap there, trends across it are not real."
            rows = int(quiet["events"].sum())
            found.append(Finding("volume", str(source), WARN, rows, text, then))
    return found or [passed("volume", "No whole month has far fewer events than those around it.")]
