"""What a reader should know about columns and logs that are right as they stand.

Never a refusal; `rows` and `columns` refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.absences import count_absences
from journeylib.engine import fetch_row
from journeylib.errors import Note
from journeylib.expressions import quote_name
from journeylib.fillers import count_declared
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    import duckdb

    from journeylib.rows import Rows

OUTLIER_RATIO, MANY_NAMES = 1e6, 1_000
FEWEST_CUSTOMERS, FEW_CUSTOMERS, DOMINANT_SHARE = 3, 10, 0.5
_REMARKED = ("touchpoint", "channel", "stage", "value", "sentiment", "text")


def remark_columns(rows: Rows) -> None:
    """Note columns that are empty, partly empty, constant, negative, or hold an outlier.

    Args:
        rows: Typed rows of a source; columns are remarked on in events, absences counted in all.
    """
    count_absences(rows)
    count_declared(rows)
    if rows.source.kind != "events":
        return
    optional = {column.name: column for column in INPUTS["events"]}
    every = rows.reader.raw.rows
    for name in (name for name in _REMARKED if name in rows.contract.own):
        filled, distinct = _facts(rows, name)
        _remark_filling(rows, name, (every, filled, distinct), required=optional[name].required)
        if name == "touchpoint" and distinct > MANY_NAMES:
            text = "there are very many touchpoints: raw addresses? Group them before the export."
            rows.note("N-HIGH-CARDINALITY", text, name, "touchpoint IS NOT NULL")


def _facts(rows: Rows, name: str) -> tuple[int, int]:
    """Count the values of a column and the distinct ones; of numbers, two stand for many."""
    column = quote_name(name)
    if name in {"value", "sentiment"}:
        low, high = rows.ends(name)
        if name == "value":
            _remark_value(rows, low, high)
        return int(rows.ask(f"count({column})")[0]), 1 if low == high else 2
    profile = rows.reader.profile(rows.own(name))
    return profile.filled, profile.distinct()


def _remark_filling(rows: Rows, name: str, facts: tuple[int, int, int], *, required: bool) -> None:
    own = quote_name(name)
    every, filled, distinct = facts
    if not filled:
        text = f"every {name} is empty."
        rows.note("N-COLUMN-EMPTY", text, name, f"{own} IS NULL")
        return
    if filled < every and not required and name != "text":
        text = f"{name} is missing in some rows."
        rows.note("N-MISSING", text, name, f"{own} IS NULL", rows=every - filled)
    if distinct == 1 and filled > 1:
        code = "N-SINGLE-STAGE" if name == "stage" else "N-CONSTANT"
        rows.note(code, f"every {name} is the same.", name, f"{own} IS NOT NULL")


def _remark_value(rows: Rows, low: float | None, high: float | None) -> None:
    if low is not None and low < 0:
        text = "amounts below zero were read as refunds."
        rows.note("N-NEGATIVE-REVENUE", text, "value", "value < 0")
    median = rows.ask("median(value) FILTER (WHERE value > 0)")[0]
    if median and high and high > median * OUTLIER_RATIO:
        far = f"value > {median * OUTLIER_RATIO}"
        rows.note("N-OUTLIER", "an amount is a million times the usual one.", "value", far)


def remark_log(con: duckdb.DuckDBPyConnection, *, stages: int) -> list[Note]:
    """Note what the events of a log, as a whole, are too few or too uneven for.

    Args:
        con: Connection that holds the log's table ``ev``.
        stages: Number of stages of the model.

    Returns:
        Notes about customers, near duplicates and stages that run backwards.
    """
    every, customers, most = fetch_row(
        con,
        "SELECT coalesce(sum(n), 0), count(*), coalesce(max(n), 0) FROM "
        "(SELECT count(*) AS n FROM ev WHERE customer_id IS NOT NULL GROUP BY customer_id)",
    )
    checks = [
        (every and customers < FEWEST_CUSTOMERS, "N-TOO-SMALL", "too few customers to compare."),
        (
            FEWEST_CUSTOMERS <= customers < FEW_CUSTOMERS,
            "N-SMALL-CELLS", "so few customers that counts by group are not shown.",
        ),
        (
            customers > FEW_CUSTOMERS and most > DOMINANT_SHARE * every,
            "N-DOMINANT-CUSTOMER", "one customer holds most events: a robot or a shared id?",
        ),
        (
            customers > FEW_CUSTOMERS and most == 1,
            "N-NO-JOURNEYS", "every event has its own customer: are these session ids?",
        ),
    ]  # fmt: skip
    notes = [
        Note(code, text, column="customer_id", rows=int(every))
        for holds, code, text in checks
        if holds
    ]
    return [*notes, *_backwards(con, stages)]


def _backwards(con: duckdb.DuckDBPyConnection, stages: int) -> list[Note]:
    """Note journeys that run from the last stages to the first more often than forwards."""
    if stages < 2 or not fetch_row(con, "SELECT count(stage_raw) FROM ev")[0]:
        return []
    back, forth = fetch_row(
        con,
        "SELECT count(*) FILTER (WHERE place < before), count(*) FILTER (WHERE place > before) "
        "FROM (SELECT p.stage AS place, lag(p.stage) OVER "
        "(PARTITION BY customer_id ORDER BY timestamp, file, row) AS before "
        "FROM ev JOIN stage_places p ON p.raw = stage_raw)",
    )
    text = "journeys run against the order of the stages."
    return [Note("N-STAGE-BACKWARDS", text, column="stage", rows=int(back))] if back > forth else []
