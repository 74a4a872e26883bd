"""How much customers do: a table of quartiles and a picture, before any grouping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURES = {
    "events": "Events", "orders": "Orders or conversions", "spent": "Money in orders",
    "touchpoints": "Different touchpoints", "days": "Days from first to last event",
}  # fmt: skip
BUSY = 20
QUANTILES = [0.25, 0.5, 0.75, 0.9]


def describe_spread(customers: pd.DataFrame) -> pd.DataFrame:
    """Say what the quiet, the middle and the busy customer does.

    Args:
        customers: From ``journeys.describe_customers``; may lack every column but ``customer``.

    Returns:
        One row per measure: ``measure, customers, quarter, median, three_quarters,
        nine_tenths``; the most that one customer did would tell of that customer.
    """
    if "first" not in customers:
        return pd.DataFrame(
            columns=["measure", "customers", "quarter", "median", "three_quarters", "nine_tenths"]
        )
    active = customers[customers["events"] > 0]
    active = active.assign(days=(active["last"] - active["first"]) / DAY)
    rows = []
    for column, name in MEASURES.items():
        values = active[column].dropna()
        if len(values) and values.max() > 0:
            rows.append((name, len(values), *np.quantile(values, QUANTILES).tolist()))
    columns = ["measure", "customers", "quarter", "median", "three_quarters", "nine_tenths"]
    return pd.DataFrame(rows, columns=columns)


def count_activity(customers: pd.DataFrame, *, busy: int = BUSY, min_cell: int = 1) -> pd.DataFrame:
    """Count customers by their number of events; the busiest are taken together.

    Args:
        customers: From ``journeys.describe_customers``.
        busy: From this number of events on, customers are taken together; or from an earlier one,
            so that no number of events stands for a small group.
        min_cell: Fewest customers that a number of events may stand for.

    Returns:
        Columns ``events`` (1 to ``busy``) and ``customers``; no row for fewer than ``min_cell``.
    """
    if "events" not in customers:
        return pd.DataFrame(columns=["events", "customers"])
    active = customers.loc[customers["events"] > 0, "events"]
    counts = _lengths(active, busy)
    while busy > 1 and counts.where(counts > 0).min() < min_cell:
        busy -= 1
        counts = _lengths(active, busy)
    if len(active) < min_cell:
        counts = counts[:0]
    return pd.DataFrame({"events": counts.index, "customers": counts.to_numpy()})


def _lengths(events: pd.Series, busy: int) -> pd.Series:
    return events.clip(upper=busy).value_counts().reindex(range(1, busy + 1), fill_value=0)


def order_stages(table: pd.DataFrame, stages: Sequence[str]) -> pd.DataFrame:
    """Put a table with a stage column into journey order; stages without a row stay as gaps.

    Args:
        table: One row per stage.
        stages: Stages in journey order.

    Returns:
        One row for each stage.
    """
    if table.empty:
        return table
    return table.set_index("stage").reindex(list(stages)).rename_axis("stage").reset_index()
