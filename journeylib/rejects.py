"""Every row that was left out: its file, its line and the reason; never what stands in it.

Not for deciding which rows are left out; `rows` does that.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.expressions import quote_name
from journeylib.raw import AT, FILE_STEP

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
        order of the files.
    """
    frames = [_rejects_of(con, source, most) for source in sources if source.reasons]
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)


def _rejects_of(con: duckdb.DuckDBPyConnection, source: SourceTable, most: int) -> pd.DataFrame:
    cases = " ".join(f"WHEN {sql} THEN {at}" for at, (_, sql) in enumerate(source.reasons))
    found = con.execute(
        f"SELECT place, reason FROM (SELECT {AT} AS place, CASE {cases} END AS reason "
        f"FROM {quote_name(source.every)}) WHERE reason IS NOT NULL ORDER BY place LIMIT {most}"
    ).fetchall()
    rows: list[tuple[str, str, int | None, str]] = []
    for file, own in groupby(found, key=lambda row: int(row[0]) // FILE_STEP):
        listed = list(own)
        name, lines = source.raw.places(file, [int(place) % FILE_STEP for place, _ in listed])
        rows += [
            (source.name, name, line, source.reasons[int(reason)][0])
            for line, (_, reason) in zip(lines, listed, strict=True)
        ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"line": "Int64"})
