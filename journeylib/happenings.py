"""What of each source happened: one query that turns its rows into events of the log.

Not for coding, sorting and writing them; `logbook` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.expressions import quote_name, quote_text
from journeylib.formats import table_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from journeylib.sources import SourceTable

SIGN_UP, CANCELLATION, ORDER, REFUND, TICKET = (
    "sign-up", "cancellation", "order", "refund", "support ticket",
)  # fmt: skip
SURVEY = " survey"


def select_events(con: duckdb.DuckDBPyConnection, index: int, source: SourceTable) -> str:
    """Write the query that turns a source into events.

    Args:
        con: Connection that holds the source's table.
        index: Number of the source.
        source: The source.

    Returns:
        A query with the columns of the log before coding; empty where nothing has a time.
    """
    has = table_columns(con, source.table)
    table = quote_name(source.table)

    def own(name: str, kind: str = "VARCHAR") -> str:
        return f"CAST({quote_name(name)} AS {kind})" if name in has else f"NULL::{kind}"

    ticket = quote_text(TICKET)
    shapes = {
        "events": (own("touchpoint"), own("timestamp", "BIGINT")),
        "surveys": (f"concat({own('metric')}, {quote_text(SURVEY)})", own("timestamp", "BIGINT")),
        "tickets": (f"coalesce({own('touchpoint')}, {ticket})", own("timestamp", "BIGINT")),
    }
    if source.kind == "orders":
        return _orders_of(index, table, own, merged="order_id" in has)
    if source.kind == "customers":
        return _customers_of(index, table, own, has)
    if source.kind not in shapes or not {"customer_id", "timestamp"} <= set(has):
        return ""
    touchpoint, time = shapes[source.kind]
    return (
        f"SELECT {own('customer_id')} AS customer_id, {time}, {touchpoint}, {own('channel')}, "
        f"{own('stage')}, {index}, {own('value', 'DOUBLE')}, {own('sentiment', 'DOUBLE')}, "
        f"{own('order', 'DOUBLE')}, _file, _row FROM {table} "
        "WHERE customer_id IS NOT NULL AND timestamp IS NOT NULL"
    )


def _orders_of(index: int, table: str, own: Callable[..., str], *, merged: bool) -> str:
    """Rows of one order are one event; an order that nets below zero is a refund."""
    number = "order_id" if merged else "concat(_file, '-', _row)"

    def first(name: str) -> str:
        return f"first({own(name)} ORDER BY _file, _row)"

    bought = f"coalesce({first('touchpoint')}, {quote_text(ORDER)})"
    named = f"CASE WHEN sum(value) < 0 THEN {quote_text(REFUND)} ELSE {bought} END"
    return (
        f"SELECT customer_id, min(timestamp), {named}, {first('channel')}, "
        f"NULL::VARCHAR, {index}, sum(value), NULL::DOUBLE, NULL::DOUBLE, min(_file), min(_row) "
        f"FROM {table} GROUP BY customer_id, coalesce({number}, concat(_file, '-', _row))"
    )


def _customers_of(index: int, table: str, own: Callable[..., str], has: dict[str, str]) -> str:
    parts = []
    for column, touchpoint in (("signup", SIGN_UP), ("churned_at", CANCELLATION)):
        if column in has:
            named = quote_text(touchpoint)
            if column == "signup" and "touchpoint" in has:
                named = own("touchpoint")
            parts.append(
                f"SELECT customer_id, {own(column, 'BIGINT')}, {named}, "
                f"{own('channel')}, NULL::VARCHAR, {index}, NULL::DOUBLE, NULL::DOUBLE, "
                f"NULL::DOUBLE, _file, _row FROM {table} WHERE {quote_name(column)} IS NOT NULL"
            )
    return " UNION ALL ".join(parts)
