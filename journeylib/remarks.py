"""What a reader should know about columns and logs that are right as they stand.

Never a refusal; `rows` and `columns` refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.engine import fetch_row
from journeylib.errors import Note
from journeylib.expressions import quote_name
from journeylib.raw import AT
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    import duckdb

    from journeylib.rows import Rows

OUTLIER_RATIO, MANY_NAMES = 1e6, 1_000
FEWEST_CUSTOMERS, FEW_CUSTOMERS, DOMINANT_SHARE = 3, 10, 0.5
NEAR_MICROSECONDS = 2_000_000
_REMARKED = ("touchpoint", "channel", "stage", "value", "sentiment", "text")


def remark_columns(rows: Rows) -> None:
    """Note columns that are empty, partly empty, constant, negative, or hold an outlier.

    Args:
        rows: Typed rows of an events source; others are not remarked on.
    """
    if rows.source.kind != "events":
        return
    optional = {column.name: column for column in INPUTS["events"]}
    for name in _REMARKED:
        if name in rows.contract.own:
            _remark_filling(rows, name, required=optional[name].required)
    if "touchpoint" in rows.contract.own:
        found = _ask(rows, "approx_count_distinct(touchpoint)")
        if found[0] > MANY_NAMES:
            text = "there are very many touchpoints: raw addresses? Group them before the export."
            rows.note("N-HIGH-CARDINALITY", text, "touchpoint", "touchpoint IS NOT NULL")
    if "value" in rows.contract.own:
        _remark_value(rows)
    _remark_near_duplicates(rows)


def _remark_near_duplicates(rows: Rows) -> None:
    """Note events that come twice within two seconds, alike in all but the time."""
    table, has = quote_name(rows.table), rows.contract.columns
    same = [name for name in ("customer_id", "touchpoint", "channel", "value") if name in has]
    found = rows.reader.con.execute(
        f"SELECT count(*), min(place) FROM (SELECT {AT} AS place, timestamp - lag(timestamp) OVER "
        f"(PARTITION BY {', '.join(same)} ORDER BY timestamp) AS gap FROM {table} WHERE NOT _twin) "
        f"WHERE gap BETWEEN 1 AND {NEAR_MICROSECONDS}"
    ).fetchall()[0]
    if found[0]:
        file, line = rows.reader.raw.place(int(found[1]))
        text = "events repeat another one within two seconds; they were kept."
        rows.reader.notes.append(Note("N-NEAR-DUPLICATES", text, file, line, rows=int(found[0])))


def _ask(rows: Rows, select: str) -> tuple[float, ...]:
    return fetch_row(rows.reader.con, f"SELECT {select} FROM {quote_name(rows.table)}")


def _remark_filling(rows: Rows, name: str, *, required: bool) -> None:
    own = quote_name(name)
    found = _ask(rows, f"count({own}), count(*), min({own}), max({own})")
    filled, every, low, high = found
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
    found = _ask(rows, "median(value) FILTER (WHERE value > 0)")
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
