"""What each customer bought, and when first and last: the orders without their single rows.

Not for finding what goes with what; `openings` does that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.expressions import quote_name, quote_text
from journeylib.raw import table_columns

if TYPE_CHECKING:
    import duckdb

    from journeylib.sources import SourceTable

MOST_PRODUCTS = 60
COLUMNS = ["customer", "product", "first", "last", "times", "value"]
# Columns that name what was bought, the most telling first.
_NAMES = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"^product[_ ]?(category|group|type|line)$|^(item[_ ]?)?category$|^department$",
        r"^(product|article|item|artikel|produkt|produit|producto)([_ ]?name|[_ ]?title)?$",
        r"^(plan|tier|package|tariff|subscription|room[_ ]?type|cabin|ticket[_ ]?type)$",
        r"^description$",
        r"^(sku|stock[_ ]?code|product[_ ]?(id|no|code))$",
        r"^(brand|property|hotel|destination)$",
    )
)


def read_purchases(
    con: duckdb.DuckDBPyConnection,
    sources: list[SourceTable],
    people: pd.DataFrame,
    *,
    period: tuple[int, int] | None = None,
) -> pd.DataFrame:
    """Gather what customers bought from all sources of orders.

    Args:
        con: Connection that holds the sources' tables, personal details masked.
        sources: The sources that were read.
        people: Columns ``customer_id`` and ``customer`` (code).
        period: First and last microsecond that count, or None for all.

    Returns:
        One row per customer and product: ``customer, product, first, last`` (microseconds),
        ``times`` (rows) and ``value`` (mean money of a row). A product is what the column of that
        name says, else the plan, category or property, else the touchpoint where orders have two
        or more. The 60 products of most customers are kept; refunds are left out.
    """
    parts = []
    for source in sources:
        name = _product_column(con, source) if source.kind == "orders" else ""
        if name:
            parts.append(_read(con, source, name, period))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.concat(parts, ignore_index=True)
    code = people.drop_duplicates("customer_id").set_index("customer_id")["customer"]
    rows["customer"] = rows["customer_id"].map(code)
    rows = rows.dropna(subset=["customer", "product"]).astype({"customer": "int64"})
    buyers = rows.groupby("product")["customer"].nunique().sort_values(ascending=False)
    kept = rows[rows["product"].isin(buyers.index[:MOST_PRODUCTS])]
    return kept[COLUMNS].reset_index(drop=True)


def _product_column(con: duckdb.DuckDBPyConnection, source: SourceTable) -> str:
    has = table_columns(con, source.table)
    texts = [name for name in source.attributes if has.get(name, "").startswith("VARCHAR")]
    for form in _NAMES:
        for name in texts:
            if form.search(name):
                return name
    if "touchpoint" in has:
        row = con.execute(
            f"SELECT count(DISTINCT touchpoint) FROM {quote_name(source.table)}"
        ).fetchall()
        if row[0][0] >= 2:
            return "touchpoint"
    return ""


def _read(
    con: duckdb.DuckDBPyConnection, source: SourceTable, name: str, period: tuple[int, int] | None
) -> pd.DataFrame:
    inside = "TRUE"
    if period is not None:
        inside = f"timestamp >= {period[0]} AND timestamp < {period[1]}"
    product = f"trim(CAST({quote_name(name)} AS VARCHAR))"
    rows: pd.DataFrame = con.execute(
        f"SELECT customer_id, {product} AS product, min(timestamp) AS first, "
        f"max(timestamp) AS last, count(*) AS times, avg(value) AS value "
        f"FROM {quote_name(source.table)} WHERE customer_id IS NOT NULL AND value > 0 "
        f"AND timestamp IS NOT NULL AND {product} <> {quote_text('')} AND {inside} "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    ).df()
    return rows
