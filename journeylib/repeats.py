"""Rows that stand twice: equal in every column, or the same thing again within two seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.errors import Note
from journeylib.expressions import quote_name
from journeylib.findings import PASS, WARN, Finding, passed
from journeylib.raw import AT, table_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.census import Census
    from journeylib.sources import SourceTable

MOST_REPEATED = 0.005
NEAR_MICROSECONDS = 2_000_000
LEAST_TIMED = 0.5


def check_duplicates(census: Census) -> list[Finding]:
    """Say which sources repeat rows in every column, and what became of those rows."""
    found = [_exact(source) for source in census.sources if source.duplicates]
    return found or [passed("duplicates", "No row repeats another one in every column.")]


def _exact(source: SourceTable) -> Finding:
    rows, share = source.duplicates, source.duplicates / max(source.rows_read, 1)
    text = f"{rows:,} rows ({share:.1%}) repeat another one in every column"
    if "duplicate" in source.drops:
        return Finding("duplicates", source.name, PASS, rows, f"{text}; they were left out.")
    status = WARN if share > MOST_REPEATED else PASS
    then = "" if status == PASS else (
        "If they are retries of the export, what they count is counted twice: set "
        "`duplicates: drop`."
    )  # fmt: skip
    return Finding("duplicates", source.name, status, rows, f"{text}; they were kept.", then)


@dataclass(frozen=True, slots=True)
class Near:
    """Rows of one source that come again within two seconds.

    Attributes:
        source: The source.
        rows: How many repeat another one.
        every: How many rows were looked at.
        place: Where the first of them stands, as ``AT`` gives it.
    """

    source: SourceTable
    rows: int
    every: int
    place: int

    def note(self) -> Note:
        """Say where the first one stands."""
        file, line = self.source.raw.place(self.place)
        text = "events repeat another one within two seconds; they were kept."
        return Note("N-NEAR-DUPLICATES", text, file, line, rows=self.rows)


def find_near_duplicates(census: Census) -> list[Near]:
    """Look for rows that come again within two seconds, alike in all but the time.

    Alike means in customer, touchpoint, channel and value; in surveys and tickets also in the
    answer, the topic and the words. Rows of one order are one. Sources of days without a time are
    left aside: there two events of a day cannot be told apart.
    """
    found = []
    for index, source in enumerate(census.sources):
        if source.kind not in _ALIKE or census.timed.get(source.name, 0.0) < LEAST_TIMED:
            continue
        has, table = table_columns(census.con, source.table), quote_name(source.table)
        names = [name for name in _ALIKE[source.kind] if name in has]
        if source.kind == "orders":  # the log has one event for all rows of an order
            table = f"(SELECT *, file AS _file, row AS _row FROM ev WHERE source = {index})"
            names = ["customer_id", "touchpoint_raw", "channel_raw", "value"]
        near = _count_near(census, source, table, names)
        if near is not None:
            found.append(near)
    return found


_ALIKE = {
    "events": ("customer_id", "touchpoint", "channel", "value"),
    "orders": (),
    "surveys": ("customer_id", "touchpoint", "channel", "metric", "score", "text"),
    "tickets": ("customer_id", "touchpoint", "channel", "topic", "text"),
}


def _count_near(census: Census, source: SourceTable, table: str, names: list[str]) -> Near | None:
    """Count pairs up to two seconds apart; whole numbers stand for the texts that must be equal."""
    same = ", ".join(map(quote_name, names))
    rows = census.con.execute(
        f"SELECT count(*), count(*) FILTER (gap <= {NEAR_MICROSECONDS}), "
        f"coalesce(min(place) FILTER (gap BETWEEN 1 AND {NEAR_MICROSECONDS}), "
        f"min(place) FILTER (gap = 0)) FROM (SELECT place, timestamp - lag(timestamp) OVER "
        f"(PARTITION BY same ORDER BY timestamp, place) AS gap FROM (SELECT hash({same}) AS same, "
        f"timestamp, {AT} AS place FROM {table} WHERE customer_id IS NOT NULL))"
    ).fetchall()
    every, near, place = rows[0]
    if "duplicate" not in source.drops:
        near -= source.duplicates  # those are told as duplicates
    return Near(source, int(near), int(every), int(place)) if near > 0 else None


def check_near_duplicates(near: Sequence[Near]) -> list[Finding]:
    """Say which sources send a happening more than once."""
    found = []
    for one in near:
        share = one.rows / one.every
        text = (
            f"{one.rows:,} rows ({share:.1%}) repeat one that is alike in all but the time within "
            "2 seconds; they were kept."
        )
        status = WARN if share > MOST_REPEATED else PASS
        then = _NEAR if status == WARN else ""
        found.append(Finding("near_duplicates", one.source.name, status, one.rows, text, then))
    text = "No row comes again within 2 seconds, alike in all but the time."
    return found or [passed("near_duplicates", text)]


_NEAR = (
    "Retries and double clicks read as returns to a touchpoint and raise its counts: have the "
    "source send each happening once."
)
