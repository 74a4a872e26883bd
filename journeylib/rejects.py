"""Every row that was left out: its file, its line and the reason; never what stands in it.

Not for deciding which rows are left out; `rows` does that.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.expressions import quote_name, quote_text
from journeylib.raw import AT, FILE_STEP
from journeylib.rekeying import KEYLESS, NO_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from journeylib.sources import SourceTable

MOST_LISTED = 100_000
COLUMNS = ["source", "file", "line", "reason"]


def list_rejects(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], *, most: int = MOST_LISTED
) -> pd.DataFrame:
    """List the rows of all sources that were left out.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        most: Most rows to list of one source; the counts in `sources` are always whole.

    Returns:
        Columns ``source, file, line`` (1-based; missing for databases) and ``reason``, in the
        order of the files; not those of customers who asked to be forgotten.
    """
    told = [source for source in sources if source.reasons or NO_KEY in source.drops]
    frames = [_rejects_of(con, source, most) for source in told]
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)


def _rejects_of(con: duckdb.DuckDBPyConnection, source: SourceTable, most: int) -> pd.DataFrame:
    cases = " ".join(f"WHEN {sql} THEN {quote_text(why)}" for why, sql in source.reasons)
    parts = [f"SELECT {AT}, CASE {cases} END FROM {quote_name(source.every)}"] if cases else []
    if NO_KEY in source.drops:
        keyless = quote_name(f"{source.table}{KEYLESS}")
        parts.append(f"SELECT {AT}, {quote_text(NO_KEY)} FROM {keyless}")
    found = con.execute(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS r(place, reason) "
        f"WHERE reason IS NOT NULL ORDER BY place LIMIT {most}"
    ).fetchall()
    rows: list[tuple[str, str, int | None, str]] = []
    for file, own in groupby(found, key=lambda row: int(row[0]) // FILE_STEP):
        listed = list(own)
        name, lines = source.raw.places(file, [int(place) % FILE_STEP for place, _ in listed])
        rows += [
            (source.name, name, line, reason)
            for line, (_, reason) in zip(lines, listed, strict=True)
        ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"line": "Int64"})
