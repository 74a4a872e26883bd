"""What is not there: rows without an id, times that stand for "unknown", rows of no use.

Counted before such rows are left out, while they can still be seen; judged afterwards. Not for
refusing sources; `rows` does that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.expressions import quote_name, quote_text
from journeylib.findings import FAIL, PASS, WARN, Finding, passed
from journeylib.forgotten import REASON
from journeylib.logbook import clean_name

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    from journeylib.census import Census
    from journeylib.rows import Rows
    from journeylib.sources import SourceTable

MOST_MISSING, MOST_ANONYMOUS = 0.10, 0.95
WORST_WEEK_RATIO, FEWEST_IN_WEEK = 5.0, 30
LEAST_ASSOCIATION, CHANCE = 0.1, 0.001
MOST_PLACEHOLDERS = 0.20
MOST_UNUSABLE, TOO_UNUSABLE = 0.10, 0.50
MOST_GROUPS = 50
WEEK = 604_800_000_000
BY_WEEK, BY_CHANNEL, BY_TOUCHPOINT = "week", "channel", "touchpoint"
_WANTED = ("not kept", REASON)
_EXPECTED = ("no customer_id", "duplicate", "not kept")


def side_table(table: str, what: str) -> str:
    """Name the small table beside a source's own in which something was counted."""
    return f"{table.removesuffix('_all')}_{what}"


def count_absences(rows: Rows) -> None:
    """Count missing ids by week, channel and touchpoint before such rows are left out.

    Args:
        rows: Typed rows of a source; a small table is made beside its own.
    """
    if "customer_id" not in rows.contract.own:
        return
    if rows.ask("count(customer_id)")[0] == rows.reader.raw.rows:
        return
    has = rows.contract.columns
    groups = {
        BY_WEEK: f"CAST(timestamp // {WEEK} AS VARCHAR)" if "timestamp" in has else "",
        BY_CHANNEL: "CAST(channel AS VARCHAR)" if "channel" in has else "",
        BY_TOUCHPOINT: "CAST(touchpoint AS VARCHAR)" if "touchpoint" in has else "",
    }
    table = quote_name(rows.table)
    parts = [
        f"(SELECT {quote_text(name)} AS kind, {sql} AS part, count(*) AS n, "
        f"count(*) FILTER (WHERE customer_id IS NULL) AS missing FROM {table} WHERE {rows.kept} "
        f"AND {sql} IS NOT NULL GROUP BY 2 ORDER BY n DESC"
        f"{f' LIMIT {MOST_GROUPS}' * (name != BY_WEEK)})"
        for name, sql in {"all": "''", **groups}.items()
        if sql
    ]
    side = quote_name(side_table(rows.table, "ids"))
    rows.reader.con.execute(f"CREATE OR REPLACE TABLE {side} AS {' UNION ALL '.join(parts)}")


def check_usable_rows(census: Census) -> list[Finding]:
    """Say how many rows could not be used, by source and reason.

    Missing ids have a check of their own, duplicates and rules of the client file are wanted; the
    verdict is on the rest.
    """
    found = []
    for source in census.sources:
        lost = {why: n for why, n in source.drops.items() if n and not why.startswith(_WANTED)}
        rows = sum(lost.values())
        if not rows:
            continue
        share = rows / source.rows_read
        broken = sum(n for why, n in lost.items() if not why.startswith(_EXPECTED))
        status = WARN if broken > MOST_UNUSABLE * source.rows_read else PASS
        status = FAIL if broken > TOO_UNUSABLE * source.rows_read else status
        reasons = ", ".join(f"{why} {n:,}" for why, n in sorted(lost.items(), key=lambda p: -p[1]))
        text = f"{share:.1%} of {source.rows_read:,} rows could not be used ({reasons})."
        then = "Results speak of the rest, which may differ." if status != PASS else ""
        found.append(Finding("usable_rows", source.name, status, rows, text, then))
    return found or [passed("usable_rows", "Every row that the rules keep could be used.")]


def check_placeholders(census: Census) -> list[Finding]:
    """Say where dates stand for "unknown": 1 January 1970 and the like."""
    found = []
    for source in census.sources:
        rows = source.drops.get("placeholder date", 0)
        if rows:
            share = rows / source.rows_read
            text = f"{rows:,} rows ({share:.1%}) carry a placeholder date and were left out."
            then = "What happened then is missing from every journey and every trend."
            status = FAIL if share > MOST_PLACEHOLDERS else WARN
            found.append(Finding("placeholder_dates", source.name, status, rows, text, then))
    text = "No date is the zero of a clock (0001, 1900, 1970) or its end (9999)."
    return found or [passed("placeholder_dates", text)]


def check_missing_ids(census: Census) -> list[Finding]:
    """Say how many rows have no id, when, and whether some channels or touchpoints have more."""
    found = [
        finding for source in census.sources if (finding := _missing_of(census, source)) is not None
    ]
    return found or [passed("missing_ids", "Every row of every source with ids has one.")]


def _missing_of(census: Census, source: SourceTable) -> Finding | None:
    side = side_table(source.table, "ids")
    if not has_table(census.con, side):
        return None
    counts = census.con.execute(f"SELECT * FROM {quote_name(side)}").df()
    whole = counts[counts["kind"] == "all"]
    rows, missing = int(whole["n"].sum()), int(whole["missing"].sum())
    if not missing:
        return None
    share = missing / rows
    week = _worst_week(counts, share)
    uneven = [text for kind in (BY_CHANNEL, BY_TOUCHPOINT) if (text := _uneven(counts, kind))]
    text = f"{missing:,} of {rows:,} rows ({share:.1%}) have no customer id."
    text += "".join(f" {one}" for one in [week, *uneven] if one)
    status = WARN if share > MOST_MISSING or week else PASS
    status = (
        FAIL if share > MOST_ANONYMOUS and source.kind not in {"surveys", "feedback"} else status
    )
    then = _consequence(source, uneven=bool(uneven)) if status != PASS else ""
    return Finding("missing_ids", source.name, status, missing, text, then)


def _consequence(source: SourceTable, *, uneven: bool) -> str:
    if source.kind in {"surveys", "feedback"}:
        return "They count in scores but belong to no journey, persona or channel of one."
    if uneven:
        return (
            "They belong to no journey, and not at random: what those groups do is "
            "undercounted, so compare groups with care."
        )
    return "They belong to no journey: results speak of those who were recognised."


def has_table(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Tell whether a table was made."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]
    ).fetchall()
    return bool(found[0][0])


def _worst_week(counts: pd.DataFrame, share: float) -> str:
    """Name the week in which far more ids are missing than usual."""
    weeks = counts[(counts["kind"] == BY_WEEK) & (counts["missing"] >= FEWEST_IN_WEEK)]
    rates = (weeks["missing"] / weeks["n"]).to_numpy(dtype=float)
    if not len(rates) or rates.max() <= max(MOST_MISSING, WORST_WEEK_RATIO * share):
        return ""
    # weeks of the Unix clock begin on Thursdays
    week = int(weeks["part"].iloc[int(rates.argmax())])
    start = pd.Timestamp(week * WEEK, unit="us")
    return f"Most are missing in the week from {start:%Y-%m-%d} ({rates.max():.0%})."


def test_independence(cells: NDArray[np.float64]) -> tuple[float, float]:
    """Test whether rows of counts have the same shares, by Pearson's chi-squared.

    As ``scipy.stats.chi2_contingency``, with Yates's correction of two by two cells, but without
    importing all distributions, which would take as long as reading a sample.

    Args:
        cells: Counts, one row a part; no row and no column is empty.

    Returns:
        The statistic and its p-value.
    """
    from scipy.special import chdtrc

    expected = np.outer(cells.sum(axis=1), cells.sum(axis=0)) / cells.sum()
    off = np.abs(cells - expected)
    freedom = (cells.shape[0] - 1) * (cells.shape[1] - 1)
    if freedom == 1:
        off = off - np.minimum(0.5, off)
    statistic = float((off**2 / expected).sum())
    return statistic, float(chdtrc(freedom, statistic))


def _uneven(counts: pd.DataFrame, kind: str) -> str:
    """Say where more ids are missing than elsewhere, if that is more than chance and matters."""
    own = counts[counts["kind"] == kind]
    expected = own["n"] * own["missing"].sum() / max(own["n"].sum(), 1)
    own = own[(expected >= 5) & (own["n"] - expected >= 5)]
    if len(own) < 2:
        return ""
    cells = np.column_stack([own["missing"], own["n"] - own["missing"]]).astype(float)
    if not cells.sum(axis=0).all():
        return ""
    statistic, p = test_independence(cells)
    strength = math.sqrt(statistic / cells.sum())
    if p >= CHANCE or strength < LEAST_ASSOCIATION:
        return ""
    rates = (own["missing"] / own["n"]).to_numpy()
    most, least = int(rates.argmax()), int(rates.argmin())
    names = [clean_name(str(part)) or "none" for part in own["part"]]
    return (
        f"It depends on the {kind}: {names[most]} {rates[most]:.0%}, {names[least]} "
        f"{rates[least]:.0%} (chi-square, p < {CHANCE})."
    )
