"""Small groups are withheld from result tables, and so is what a total would tell of them.

A count of customers below the limit is blank, with every figure beside it. Where the parts of a
total are told, the smallest other part goes too, so that no withheld count can be worked out.
Not for choosing the limit (`settings`), nor for showing what is withheld (`exhibits`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Truths = NDArray[np.bool_]

EVERYONE = "all"
# A rank or a goal is no measurement of customers; rows of files are happenings.
NEVER_HIDDEN = ("rank", "target", "records", "rows_read", "rows_used", "rows_dropped")
ESTIMATE = ("value", "low", "high")
QUOTES = ("quote_1", "quote_2", "quote_3")


@dataclass(frozen=True, slots=True)
class Cells:
    """What a table counts, what rests on the count, and which rows add up.

    Attributes:
        count: Column that counts customers.
        hides: Columns that go with a small count; none means every number of the row.
        rate: Column with a share of the count: too few with it, or without it, are small as well.
        parts: Columns that form groups whose rows add up to a known total; None where none do.
        total: Column whose word ``all`` marks a group's total; empty where the total stands
            elsewhere in the report.
        only: Column and word of the rows that count customers; the others count something else.
    """

    count: str
    hides: tuple[str, ...] = ()
    rate: str = ""
    parts: tuple[str, ...] | None = None
    total: str = ""
    only: tuple[str, str] | None = None


_GO_ON = (*ESTIMATE, "to_next", "median_days")
_MOVES = ("customers", "count", "share", *ESTIMATE)
_TEST = ("intervention", "metric", "arm", "split")
_OF_TEST = ("design", "ab_test")
CELLS: dict[str, tuple[Cells, ...]] = {
    "sources": (Cells("customers", ("customers", "value_sum")),),
    "sensitivity": (Cells("customers"),),
    "identity": (
        Cells("customers", ("customers", "matched_share")),
        Cells("customers", ("matched_share",), rate="matched_share"),
    ),
    "spread": (Cells("customers"),),
    "personas": (Cells("customers", parts=()),),
    "metrics": (
        Cells("n", parts=("metric", "by"), total="segment"),
        Cells("n", ESTIMATE, "value", ("metric", "by"), "segment"),
    ),
    "held": (Cells("n", parts=(), total="group"),),
    "crowds": (Cells("customers", parts=("touchpoint", "channel"), total="persona"),),
    "feelings": (Cells("n", parts=("stage",), total="persona"),),
    # ten happenings tell nobody's number; fewer are at most as many customers
    "touchpoints": (
        Cells("customers", ("customers", "sentiment", "n", *ESTIMATE)),
        Cells("events"),
        Cells("n", (*ESTIMATE, "n", "sentiment")),
    ),
    "scales": (Cells("customers"),),
    "lines": (Cells("n"),),
    "beliefs": (Cells("n", only=("counts", "customers")),),
    "stages": (
        Cells("reached", parts=("stage",), total="persona"),
        Cells("n", ("n", *_GO_ON), parts=("stage",), total="persona"),
        Cells("n", _GO_ON, "value", ("stage",), "persona"),
    ),
    "transitions": (Cells("customers", parts=("from",)),),
    "paths": (
        Cells("journeys", parts=()),
        Cells("journeys", ("converted_share",), "converted_share", ()),
    ),
    "loops": (Cells("customers"),),
    "passages": (
        Cells("customers"),
        Cells("n", (*ESTIMATE, "days"), "value"),
        Cells("open", ("open",)),
    ),
    "funnels": (Cells("n"), Cells("n", ESTIMATE, "value")),
    "flows": (Cells("customers", _MOVES, parts=("from",)),),
    "ribbons": (Cells("customers", _MOVES, parts=("place",)),),
    "places": (Cells("customers", _MOVES, parts=("place",)),),
    "occupancy": (Cells("n", (*ESTIMATE, "n")), Cells("n", ESTIMATE, "value", ("days",))),
    "representatives": (
        Cells("stands_for", parts=()),
        Cells("journeys", ("journeys",)),
        Cells("stands_for", ("converted_share",), "converted_share"),
    ),
    "rework": (Cells("customers"), Cells("customers", ("reworkers", *ESTIMATE), "value")),
    "switches": (Cells("customers"),),
    "consistency": (Cells("n"),),
    "cells": (
        Cells("customers", ("customers", "n", *ESTIMATE)),
        Cells("n", ESTIMATE, "value"),
        Cells("tone_n", ("tone", "tone_low", "tone_high", "tone_n")),
    ),
    "detours": (
        Cells("lost", (*ESTIMATE, "lost_met", "lost_share"), "lost_share"),
        Cells("went", (*ESTIMATE, "went_met", "went_share"), "went_share"),
    ),
    "deviations": (
        Cells("customers"),
        # the outcomes of all are known from other rows, so both sides go
        Cells("journeys", (*ESTIMATE, "with_it", "without"), "with_it"),
        Cells("others", (*ESTIMATE, "with_it", "without")),
        Cells("others", (*ESTIMATE, "with_it", "without"), "without"),
    ),
    "stays": (Cells("customers"),),
    "suggestions": (Cells("customers"),),
    "cohorts": (
        Cells("customers", ("customers", "active", *ESTIMATE), parts=("age",)),
        Cells("customers", ("active", *ESTIMATE), "value", ("age",)),
    ),
    "tenure": (Cells("n", (*ESTIMATE, "n")),),
    "persona_visits": (Cells("customers", parts=("touchpoint",)),),
    "persona_channels": (Cells("customers"),),
    "pains": (Cells("customers"), Cells("n")),
    "delights": (Cells("customers"), Cells("n")),
    "themes": (
        Cells("mentions"),
        Cells("sentiment_n", ("sentiment", "sentiment_low", "sentiment_high", "sentiment_n")),
    ),
    "theme_cells": (
        Cells("n"),
        Cells("mentions", ("mentions", *ESTIMATE), parts=("theme", "stage"), total="persona"),
        Cells("mentions", ("mentions", *ESTIMATE), parts=("theme", "persona"), total="stage"),
        Cells("n", ("mentions", *ESTIMATE), "value", ("theme", "stage"), "persona"),
        Cells("n", ("mentions", *ESTIMATE), "value", ("theme", "persona"), "stage"),
    ),
    "theme_stability": (Cells("customers"),),
    "theme_periods": (Cells("n"), Cells("mentions", ("mentions", *ESTIMATE))),
    "opportunities": (Cells("reach"),),
    "plans": (Cells("per_day", ("baseline", "per_day")),),
    "openings": (Cells("customers"), Cells("reach", ("reach",))),
    "robustness": (Cells("customers", (*ESTIMATE, "n", "customers")),),
    "associations": (Cells("exposed"), Cells("others")),
    "exits": (Cells("customers"), Cells("left", ("left", "raw", "raw_low", "raw_high", *ESTIMATE))),
    "truths": (Cells("badly"), Cells("well")),
    "drivers": (Cells("n"),),
    "judgements": (Cells("n"),),
    "impacts": (
        Cells("n_treated", parts=_TEST, total="segment", only=_OF_TEST),
        Cells("n_control", parts=_TEST, total="segment", only=_OF_TEST),
    ),
    "credits": (Cells("customers"),),
    "parts": (Cells("n_treated"), Cells("n_control")),
    "drift": (Cells("n"),),
    "calibration": (Cells("n"), Cells("n", ESTIMATE, "value")),
    "lifts": (
        Cells("found", ("found", "rate", "lift", "lift_low", "lift_high", *ESTIMATE)),
        Cells("customers", ("found", "rate", "lift", "lift_low", "lift_high", *ESTIMATE), "rate"),
    ),
    "chances": (Cells("customers"),),
    "forecasts": (Cells("n"),),
}  # fmt: skip


def suppress_table(name: str, table: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """Blank what stands for too few customers in a result table, or would tell of it.

    Args:
        name: Name of the table; one that counts no customers is given back as it is.
        table: Its rows.
        min_cell: Smallest count of customers that may be shown; 1 shows everything.

    Returns:
        A new table; doing it twice changes nothing.
    """
    for cells in CELLS.get(name, ()):
        if cells.count in table and len(table) and min_cell > 1:
            table = _suppress(table, cells, min_cell)
    return table


def _suppress(table: pd.DataFrame, cells: Cells, min_cell: int) -> pd.DataFrame:
    counts = _numbers(table, cells.count)
    amounts = [counts]
    hidden = _is_small(counts, min_cell)
    if cells.rate:
        if cells.rate not in table:
            return table
        hits = np.round(_numbers(table, cells.rate) * counts)
        amounts = [hits, counts - hits]
        shared = _is_share(table)
        hidden = shared & (_is_small(hits, min_cell) | _is_small(counts - hits, min_cell))
    if cells.only:
        hidden &= (table[cells.only[0]] == cells.only[1]).to_numpy(dtype=bool)
    if cells.parts is not None:
        hidden = _protect_totals(table, cells, hidden, amounts, min_cell)
    if not hidden.any():
        return table
    named = cells.hides or tuple(
        table.select_dtypes("number").columns.difference(list(NEVER_HIDDEN))
    )
    blank = [column for column in (*named, *QUOTES * (not cells.hides)) if column in table]
    return table.assign(**{column: table[column].where(~hidden) for column in blank})


def _numbers(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    return pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _is_small(counts: NDArray[np.float64], min_cell: int) -> Truths:
    with np.errstate(invalid="ignore"):
        return np.asarray((counts > 0) & (counts < min_cell))


def _is_share(table: pd.DataFrame) -> Truths:
    """Tell which rows hold a share of customers; without a unit all of them do."""
    if "unit" not in table:
        return np.ones(len(table), dtype=bool)
    return (table["unit"] == "share").to_numpy(dtype=bool)


def _protect_totals(
    table: pd.DataFrame,
    cells: Cells,
    hidden: Truths,
    amounts: Sequence[NDArray[np.float64]],
    min_cell: int,
) -> Truths:
    """Withhold further parts until what is withheld of a group tells of nobody.

    Two parts at least are withheld together, and together they are no small group.
    """
    is_total = np.zeros(len(table), dtype=bool)
    if cells.total:
        is_total = (table[cells.total] == EVERYONE).to_numpy(dtype=bool)
    hidden = hidden.copy()
    for group in _groups(table, cells):
        places = group[~is_total[group]]
        withheld = places[hidden[places] | _blank_before(table, cells, places)]
        others = [at for at in places if at not in set(withheld) and _counts(amounts, at)]
        others.sort(key=lambda at: (_numbers(table, cells.count)[at], at))
        while len(withheld) and others and not _safe(amounts, withheld, min_cell):
            withheld = np.append(withheld, others.pop(0))
        hidden[withheld] = True
    return hidden


def _groups(table: pd.DataFrame, cells: Cells) -> list[NDArray[np.int64]]:
    parts = cells.parts or ()
    known = [name for name in parts if name in table]
    if "split" in parts and cells.total in table:
        return _splits(table, known, cells.total)
    if not known:
        return [np.arange(len(table))]
    return [np.asarray(rows) for rows in table.groupby(known, sort=False).indices.values()]


def _splits(table: pd.DataFrame, known: list[str], total: str) -> list[NDArray[np.int64]]:
    """Give the parts of each variable by which customers are split, such as ``device: mobile``."""
    split = table[total].astype("str").str.split(": ", n=1).str[0]
    rows = table[known].assign(split=split)
    own = rows[(split != EVERYONE).to_numpy(dtype=bool)]
    indices = own.assign(place=np.flatnonzero((split != EVERYONE).to_numpy(dtype=bool)))
    return [part.to_numpy() for _, part in indices.groupby([*known, "split"], sort=False)["place"]]


def _blank_before(table: pd.DataFrame, cells: Cells, places: NDArray[np.int64]) -> Truths:
    """Tell what was withheld before: a rate without a value that has customers, or no count."""
    counts = _numbers(table, cells.count)[places]
    if not cells.rate:
        return np.asarray(np.isnan(counts))
    rates = _numbers(table, cells.rate)[places]
    return np.asarray(np.isnan(rates) & ~(counts == 0))


def _counts(amounts: Sequence[NDArray[np.float64]], place: int) -> bool:
    return any(amount[place] > 0 for amount in amounts)


def _safe(
    amounts: Sequence[NDArray[np.float64]], withheld: NDArray[np.int64], min_cell: int
) -> bool:
    """Tell whether parts are withheld together; a sum is unknown where one was blank before."""
    if len(withheld) < 2:
        return False
    sums = [float(amount[withheld].sum()) for amount in amounts]
    return all(np.isnan(total) or total == 0 or total >= min_cell for total in sums)
