"""How it felt: what customers said, on one scale of -1 to 1, by touchpoint and by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "customer-clustered t interval of the mean"


def mean_feelings(
    voices: pd.DataFrame, by: Sequence[str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Average the sentiment of groups, each customer's answers taken together.

    Args:
        voices: One row per answer, with ``customer`` (missing where unknown) and ``sentiment``.
        by: Columns that form the groups; rows where one is missing are left out.
        confidence: Coverage of the intervals.

    Returns:
        The columns ``by`` and ``value, low, high, n, unit, source``; ``n`` counts customers, and
        an answer of an unknown customer counts as its own. No interval below two customers.
    """
    keys = list(by)
    said = voices.reindex(columns=list(dict.fromkeys([*keys, "customer", "sentiment"])))
    said = said.dropna(subset=[*keys, "sentiment"]).reset_index(drop=True)
    known = said["customer"].astype("Int64")
    own = known.fillna(pd.Series(-1 - np.arange(len(said)), dtype="Int64"))
    said = said.assign(own=own, sentiment=said["sentiment"].astype(float))
    sums = said.groupby([*keys, "own"], sort=True)["sentiment"].agg(["sum", "size"])
    grouped = sums.groupby(level=keys, sort=True)
    total, n = grouped.sum(), grouped.size()
    mean = total["sum"] / total["size"]
    share = grouped["sum"].transform("sum") / grouped["size"].transform("sum")
    residual = sums["sum"] - sums["size"] * share
    spread = (residual**2).groupby(level=keys, sort=True).sum()
    several = n.where(n > 1)
    error = np.sqrt(spread * several / (several - 1)) / total["size"]
    half = stats.t.ppf((1 + confidence) / 2, several - 1) * error
    table = pd.DataFrame(
        {
            "value": mean,
            "low": (mean - half).clip(lower=-1),
            "high": (mean + half).clip(upper=1),
            "n": n,
            "unit": "sentiment",
            "source": SOURCE,
        }
    )
    return table.reset_index()


def score_touchpoints(voices: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Average the sentiment of each touchpoint.

    Args:
        voices: One row per answer.
        confidence: Coverage of the intervals.

    Returns:
        One row per touchpoint with ``value, low, high, n, unit, source``.
    """
    return mean_feelings(voices, ["touchpoint"], confidence=confidence)


def score_channels(voices: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Average the sentiment of each touchpoint in each channel.

    Args:
        voices: One row per answer; those without a channel are left out.
        confidence: Coverage of the intervals.

    Returns:
        One row per touchpoint and channel with ``value, low, high, n, unit, source``.
    """
    return mean_feelings(voices, ["touchpoint", "channel"], confidence=confidence)


def score_stages(
    voices: pd.DataFrame,
    placed: pd.DataFrame,
    personas: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Average the sentiment of each stage, for all customers and for each persona.

    Args:
        voices: One row per answer.
        placed: Columns ``touchpoint`` and ``stage``.
        personas: Columns ``customer`` and ``persona``; may be empty.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``stage, persona, value, low, high, n, unit, source``; stages without an answer have
        no row.
    """
    stage_of = placed.drop_duplicates("touchpoint").set_index("touchpoint")["stage"]
    staged = voices.assign(stage=voices["touchpoint"].map(stage_of))
    parts = [mean_feelings(staged, ["stage"], confidence=confidence).assign(persona="all")]
    if len(personas) and len(staged):
        joined = staged.merge(personas, on="customer", how="inner")
        parts.append(mean_feelings(joined, ["stage", "persona"], confidence=confidence))
    parts = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(parts, ignore_index=True)
