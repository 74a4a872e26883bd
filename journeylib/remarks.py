"""What a reader should know about columns and logs that are right as they stand.

Never a refusal; `rows` and `columns` refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    named = [name for name in _REMARKED if name in rows.contract.own]
    asked = ", ".join(f"count({n}), min({n}), max({n})" for n in map(quote_name, named))
    found = rows.ask(f"count(*), {asked}") if named else ()
    for at, name in enumerate(named):
        facts = (found[0], *found[3 * at + 1 : 3 * at + 4])
        _remark_filling(rows, name, facts, required=optional[name].required)
    if "touchpoint" in rows.contract.own:
        distinct = rows.ask("approx_count_distinct(touchpoint)")[0]
        if distinct > MANY_NAMES:
            text = "there are very many touchpoints: raw addresses? Group them before the export."
            rows.note("N-HIGH-CARDINALITY", text, "touchpoint", "touchpoint IS NOT NULL")
    if "value" in rows.contract.own:
        _remark_value(rows)


def _remark_filling(rows: Rows, name: str, facts: tuple[Any, ...], *, required: bool) -> None:
    own = quote_name(name)
    every, filled, low, high = facts
    if not filled:
        text = f"every {name} is empty."
        rows.note("N-COLUMN-EMPTY", text, name, f"{own} IS NULL")
        return
    if filled < every and not required and name != "text":
        rows.note("N-MISSING", f"{name} is missing in some rows.", name, f"{own} IS NULL")
    if low == high and filled > 1:
        code = "N-SINGLE-STAGE" if name == "stage" else "N-CONSTANT"
        rows.note(code, f"every {name} is the same.", name, f"{own} IS NOT NULL")


def _remark_value(rows: Rows) -> None:
    text = "amounts below zero were read as refunds."
    rows.note("N-NEGATIVE-REVENUE", text, "value", "value < 0")
    found = rows.ask("median(value) FILTER (WHERE value > 0)")
    if found[0]:
        far = f"value > {found[0] * OUTLIER_RATIO}"
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
