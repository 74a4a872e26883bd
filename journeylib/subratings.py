"""Answers with everything that was asked beside them: the numbers from which drivers are found.

Not for choosing among them; `questions` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.expressions import quote_name
from journeylib.raw import table_columns

if TYPE_CHECKING:
    import duckdb

    from journeylib.sources import SourceTable

ANSWERED = {"surveys": "score", "feedback": "rating"}
COLUMNS = ["customer", "timestamp", "source", "touchpoint", "metric", "score"]
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT",
            "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", "BOOLEAN")  # fmt: skip


def read_ratings(
    con: duckdb.DuckDBPyConnection, sources: list[SourceTable], people: pd.DataFrame
) -> pd.DataFrame:
    """Gather the answers of surveys and feedback with their further numeric columns.

    Args:
        con: Connection that holds the sources' tables, personal details masked.
        sources: The sources that were read.
        people: Columns ``customer_id`` and ``customer`` (code).

    Returns:
        Columns ``customer`` (code, missing where unknown), ``timestamp, source, touchpoint,
        metric`` (of surveys) and ``score`` as it was given; behind them the further numbers of
        each source under ``name``, missing in the rows of other sources. Sources without a further
        number are left out.
    """
    parts = []
    for source in sources:
        has = table_columns(con, source.table)
        further = [
            name for name in source.attributes
            if has.get(name, "").startswith(_NUMBERS) and name not in COLUMNS
        ]  # fmt: skip
        if source.kind in ANSWERED and further:
            parts.append(_read(con, source, has, further))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.concat(parts, ignore_index=True)
    code = people.drop_duplicates("customer_id").set_index("customer_id")["customer"]
    rows["customer"] = rows["customer_id"].map(code).astype("Int64")
    return rows[[*COLUMNS, *(name for name in rows if name not in {*COLUMNS, "customer_id"})]]


def _read(
    con: duckdb.DuckDBPyConnection, source: SourceTable, has: dict[str, str], further: list[str]
) -> pd.DataFrame:
    given = ANSWERED[source.kind]
    picked = {name: name for name in ("customer_id", "timestamp", "touchpoint", "metric")}
    picked[given] = "score"
    columns = [
        f"{quote_name(own)} AS {quote_name(name)}" for own, name in picked.items() if own in has
    ]
    columns += [f"CAST({quote_name(name)} AS DOUBLE) AS {quote_name(name)}" for name in further]
    rows: pd.DataFrame = con.execute(
        f"SELECT {', '.join(columns)} FROM {quote_name(source.table)} ORDER BY _file, _row"
    ).df()
    rows = rows.reindex(columns=["customer_id", *COLUMNS[1:], *further]).assign(source=source.name)
    moment = pd.to_datetime(rows["timestamp"].astype("Int64"), unit="us", utc=True)
    texts = rows[["touchpoint", "metric"]].astype("str")
    return rows.assign(
        timestamp=moment,
        touchpoint=texts["touchpoint"].where(rows["touchpoint"].notna()),
        metric=texts["metric"].str.lower().where(rows["metric"].notna()),
        score=rows["score"].astype("float64"),
    )
