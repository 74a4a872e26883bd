"""Moments of truth: the touchpoints at which the outcome differs most for most customers."""

from __future__ import annotations

import pandas as pd

WITH_OUTCOME = ("loss", "delay", "repeat", "inconsistency")
MOST = 3
COLUMNS = ["touchpoint", "stage", "channel", "kind", "customers", "effect"]
# What went badly, as the kinds of pains name it.
KIND_OF = {"wait": "delay", "return": "repeat", "tone": "sentiment"}


def find_moments(
    pains: pd.DataFrame,
    *,
    truths: pd.DataFrame | None = None,
    fdr: float = 0.10,
    most: int = MOST,
) -> pd.DataFrame:
    """Choose the touchpoints whose quality goes with the outcome the most.

    A pain that touches the outcome (customers lost, late, coming back or worse off than in other
    channels) says how much less often it is reached; that difference times the customers concerned
    is what the touchpoint decides over. How it feels alone does not make a moment of truth, unless
    those who spoke well of it did have the outcome more often.

    Args:
        pains: The result table ``pains``.
        truths: From ``truths.measure_truths``: the outcome of those for whom it went well beside
            that of the others. Clear ones join the pains, and so touchpoints count that are no pain
            because they mostly go well.
        fdr: False discovery rate that is accepted of ``truths``.
        most: How many touchpoints to choose at the most.

    Returns:
        Columns ``touchpoint, stage, channel, kind, customers, effect``, the weightiest first, each
        touchpoint once.
    """
    parts = [_of_pains(pains), _of_truths(truths, fdr)]
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    weight = rows["effect"].astype(float).abs() * rows["customers"].astype(float)
    rows = rows.assign(weight=weight).dropna(subset=["weight"])
    rows = rows.sort_values(["weight", "touchpoint"], ascending=[False, True], kind="stable")
    return rows.drop_duplicates("touchpoint").head(most)[COLUMNS].reset_index(drop=True)


def _of_pains(pains: pd.DataFrame) -> pd.DataFrame:
    if pains.empty or "kind" not in pains:
        return pd.DataFrame(columns=COLUMNS)
    kept = pains["kind"].isin(WITH_OUTCOME)
    if "unit" in pains:
        kept &= pains["unit"] != "sentiment"
    return pains[kept].reindex(columns=COLUMNS)


def _of_truths(truths: pd.DataFrame | None, fdr: float) -> pd.DataFrame:
    """Take the worse side: how much less often the outcome came, for those for whom it did not."""
    if truths is None or truths.empty:
        return pd.DataFrame(columns=COLUMNS)
    clear = (truths["low"].astype(float) > 0) & (truths["p_adjusted"].astype(float) <= fdr)
    kept = truths[clear]
    return pd.DataFrame(
        {
            "touchpoint": kept["touchpoint"], "stage": kept["stage"], "channel": kept["channel"],
            "kind": kept["sign"].map(KIND_OF), "customers": kept["badly"],
            "effect": -kept["value"].astype(float),
        }
    )  # fmt: skip
