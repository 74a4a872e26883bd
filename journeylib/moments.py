"""Moments of truth: the touchpoints at which the outcome differs most for most customers."""

from __future__ import annotations

import pandas as pd

WITH_OUTCOME = ("loss", "delay", "repeat")
MOST = 3
COLUMNS = ["touchpoint", "stage", "channel", "kind", "customers", "effect"]


def find_moments(pains: pd.DataFrame, *, most: int = MOST) -> pd.DataFrame:
    """Choose the touchpoints whose quality goes with the outcome the most.

    A pain that touches the outcome (customers lost, late or coming back) says how much less often
    it is reached; that difference times the customers concerned is what the touchpoint decides
    over. How it feels alone does not make a moment of truth.

    Args:
        pains: The result table ``pains``.
        most: How many touchpoints to choose at the most.

    Returns:
        Columns ``touchpoint, stage, channel, kind, customers, effect``, the weightiest first, each
        touchpoint once.
    """
    if pains.empty or "kind" not in pains:
        return pd.DataFrame(columns=COLUMNS)
    rows = pains[pains["kind"].isin(WITH_OUTCOME)].reindex(columns=COLUMNS)
    weight = rows["effect"].astype(float).abs() * rows["customers"].astype(float)
    rows = rows.assign(weight=weight).dropna(subset=["weight"])
    rows = rows.sort_values(["weight", "touchpoint"], ascending=[False, True], kind="stable")
    return rows.drop_duplicates("touchpoint").head(most)[COLUMNS].reset_index(drop=True)
