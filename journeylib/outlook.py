"""The future state: what the forecasts say of each stage and of each figure of the client."""

from __future__ import annotations

import pandas as pd

COLUMNS = ["scenario", "metric", "stage", "value", "low", "high", "change"]


def read_outlook(forecasts: pd.DataFrame, *, scenario: str = "") -> pd.DataFrame:
    """Lay out the forecasts of one scenario as the level that is expected, by stage.

    Args:
        forecasts: The result table ``forecasts``. A metric of a stage is written with the stage
            after a colon: ``sentiment:decision``, ``to_next:decision``.
        scenario: Its name; the table's first by default.

    Returns:
        Columns ``scenario, metric, stage, value, low, high, change``; ``stage`` is empty for a
        figure of the whole client. ``value`` is the baseline plus the change; rows without either
        are left out.
    """
    if forecasts.empty:
        return pd.DataFrame(columns=COLUMNS)
    wanted = scenario or str(forecasts["scenario"].iloc[0])
    rows = forecasts[forecasts["scenario"].astype(str) == wanted].copy()
    level = rows["baseline"].astype(float) + rows["change"].astype(float)
    # A row may give the change or the level as its estimate: the interval moves along.
    shift = (level - rows["value"].astype(float)).fillna(0.0)
    parts = rows["metric"].astype(str).str.partition(":")
    told = rows.assign(
        metric=parts[0], stage=parts[2], value=level.fillna(rows["value"].astype(float)),
        low=rows["low"].astype(float) + shift, high=rows["high"].astype(float) + shift,
    )  # fmt: skip
    return told.dropna(subset=["value"]).reindex(columns=COLUMNS).reset_index(drop=True)
