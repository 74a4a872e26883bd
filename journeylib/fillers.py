"""Numbers that stand for "no answer", such as 99 or -1: the declared counted, the others suspected.

Not for answers outside their scale; `rows` refuses those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.absences import has_table, side_table
from journeylib.expressions import quote_name, quote_text
from journeylib.findings import PASS, WARN, Finding, list_words, passed
from journeylib.logbook import clean_name
from journeylib.raw import table_columns
from journeylib.redaction import redact

if TYPE_CHECKING:
    from journeylib.census import Census
    from journeylib.rows import Rows
    from journeylib.sources import SourceTable

CODES = (-1, -9, -99, -999, 9, 11, 88, 98, 99, 888, 998, 999, 9999, 99999, 999999)
LEAST_CODED, FEWEST_VALUES = 0.01, 100


def count_declared(rows: Rows) -> None:
    """Count the empty cells of the columns for which values are declared under `missing`.

    Args:
        rows: Typed rows of a source; a small table is made beside its own.
    """
    names = [name for name in rows.source.missing if rows.contract.has(name)]
    if not names:
        return
    parts = [
        f"SELECT {quote_text(name)} AS part, "
        f"{quote_text(', '.join(map(str, rows.source.missing[name])))} AS listed, count(*) AS n "
        f"FROM {quote_name(rows.table)} WHERE {quote_name(name)} IS NULL AND {rows.kept}"
        for name in names
    ]
    side = quote_name(side_table(rows.table, "coded"))
    rows.reader.con.execute(f"CREATE OR REPLACE TABLE {side} AS {' UNION ALL '.join(parts)}")


def check_coded_missings(census: Census) -> list[Finding]:
    """Look for numbers that stand for "no answer", such as 99 or -1, and count the declared."""
    found: list[Finding] = []
    for source in census.sources:
        found += _declared(census, source)
        suspicious = [text for text in _undeclared(census, source) if text]
        if suspicious:
            rows = sum(rows for rows, _ in suspicious)
            text = f"{list_words([text for _, text in suspicious])}: codes for “no answer”?"
            then = "As numbers they pull every mean: list them under `missing` if they are codes."
            found.append(Finding("coded_missings", source.name, WARN, rows, text, then))
    text = "No number looks like a code for “no answer”, and none is declared."
    return found or [passed("coded_missings", text)]


def _declared(census: Census, source: SourceTable) -> list[Finding]:
    side = side_table(source.table, "coded")
    if not has_table(census.con, side):
        return []
    counted = census.con.execute(
        f"SELECT part, listed, n FROM {quote_name(side)} WHERE n > 0"
    ).fetchall()
    if not counted:
        return []
    rows = sum(int(n) for _, _, n in counted)
    named = [f"{int(n):,} of {clean_name(str(part))} ({redact(str(listed))})"
             for part, listed, n in counted]  # fmt: skip
    text = f"Empty cells and the codes declared for them were read as missing: {list_words(named)}."
    return [Finding("coded_missings", source.name, PASS, rows, text)]


def _undeclared(census: Census, source: SourceTable) -> list[tuple[int, str]]:
    """Find code-like values that many rows share and that lie far from all others."""
    if source.kind in {"experiments", "measurements"}:
        return []
    has = table_columns(census.con, source.table)
    numbers = ["score", "rating", "value", "items", "tenure", *source.attributes]
    numbers = [name for name in dict.fromkeys(numbers) if has.get(name) in _NUMERIC]
    if not numbers:
        return []
    found = []
    for name in _ending_in_codes(census, source, numbers):
        (row,) = census.con.execute(
            f"SELECT {_about(quote_name(name))} FROM {quote_name(source.table)}"
        ).fetchall()
        code = _far_code(row[0])
        if code is not None:
            value, rows = code
            share = rows / row[0]["n"]
            found.append((rows, f"{clean_name(name)} is {value:g} in {rows:,} rows ({share:.1%})"))
    return found


def _ending_in_codes(census: Census, source: SourceTable, names: list[str]) -> list[str]:
    """Name the columns whose least or greatest value is a code; few are, and only they may be."""
    asked = ", ".join(f"[min({own}), max({own})]::DOUBLE[]" for own in map(quote_name, names))
    (ends,) = census.con.execute(f"SELECT {asked} FROM {quote_name(source.table)}").fetchall()
    return [name for name, own in zip(names, ends, strict=True) if set(own) & set(CODES)]


_NUMERIC = {"DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT"}


def _about(own: str) -> str:
    """SQL of what is asked about one column: its ends, and its values without them."""
    listed = ", ".join(map(str, CODES))
    return (
        f"{{'n': count({own}), 'low': min({own})::DOUBLE, 'high': max({own})::DOUBLE, "
        f"'lows': count(*) FILTER (WHERE {own} IN ({listed}) AND {own} < 0), "
        f"'codes': histogram({own}::DOUBLE) FILTER (WHERE {own} IN ({listed})), "
        f"'others': approx_quantile({own}::DOUBLE, [0.005, 0.25, 0.75, 0.995]) "
        f"FILTER (WHERE {own} NOT IN ({listed})), "
        f"'least': min({own}::DOUBLE) FILTER (WHERE {own} NOT IN ({listed})), "
        f"'most': max({own}::DOUBLE) FILTER (WHERE {own} NOT IN ({listed}))}}"
    )


def _far_code(facts: dict[str, Any]) -> tuple[float, int] | None:
    """Give the code that stands at an end of a column, far from the bulk of it, and its rows."""
    if facts["n"] < FEWEST_VALUES or not facts["codes"] or facts["least"] is None:
        return None
    low, first, third, high = facts["others"]
    spread = max(third - first, (high - low) / 4, 1.0)
    for value, rows in sorted(facts["codes"].items(), key=lambda pair: -pair[1]):
        if rows < LEAST_CODED * facts["n"]:
            continue
        above = value == facts["high"] and value > high + 2 * spread and value > facts["most"]
        below = value == facts["low"] and value < 0 <= facts["least"]
        if above or below:
            return float(value), int(rows)
    return None
