"""How it felt: what customers said, on one scale of -1 to 1, by touchpoint and by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.pooling import pool_feelings
from journeylib.support import SUPPORTED, judge_support
from journeylib.tones import WORDS, own_customers

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "customer-clustered t interval of the mean"
_KINDS = dict.fromkeys(["value", "low", "high", "n"], "float64")


def mean_feelings(
    voices: pd.DataFrame, by: Sequence[str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Average how groups of answers felt, each customer's answers taken together.

    Args:
        voices: One row per answer, with ``customer`` (missing where unknown) and ``feeling``, else
            ``sentiment``; ``blur`` is the variance of a feeling that was read from words.
        by: Columns that form the groups; rows where one is missing are left out.
        confidence: Coverage of the intervals.

    Returns:
        The columns ``by`` and ``value, low, high, n, unit, source``; ``n`` counts customers, and
        an answer of an unknown customer counts as its own. No interval below two customers.
    """
    return _interval(_means(_answers(voices, by), by), confidence).drop(columns="error")


def score_touchpoints(voices: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Average how each touchpoint felt; thin ones borrow from the others.

    Args:
        voices: One row per answer; ``age_days`` (days before the end of the period) and ``source``
            say how recent and how various they are.
        confidence: Coverage of the intervals.

    Returns:
        One row per touchpoint with ``value, low, high, n, unit, source``, ``plain`` and ``kept`` of
        `pooling`, and ``support, support_why, mix`` of `support`.
    """
    return _scored(voices, ["touchpoint"], confidence, pooled=True)


def score_channels(voices: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Average how each touchpoint felt in each channel; thin ones borrow from the others.

    Args:
        voices: One row per answer; those without a channel are left out.
        confidence: Coverage of the intervals.

    Returns:
        One row per touchpoint and channel, with the columns of `score_touchpoints`.
    """
    return _scored(voices, ["touchpoint", "channel"], confidence, pooled=True)


def score_stages(
    voices: pd.DataFrame,
    placed: pd.DataFrame,
    personas: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Average how each stage felt, for all customers and for each persona.

    Args:
        voices: One row per answer.
        placed: Columns ``touchpoint`` and ``stage``.
        personas: Columns ``customer`` and ``persona``; may be empty.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``stage, persona, value, low, high, n, unit, source, support, support_why, mix``;
        stages without an answer have no row.
    """
    staged = place_voices(voices, placed)
    whole = _scored(staged, ["stage"], confidence, pooled=False)
    parts = [whole.assign(persona="all")]
    if len(personas) and len(staged):
        joined = staged.merge(personas, on="customer", how="inner")
        parts.append(_scored(joined, ["stage", "persona"], confidence, pooled=False))
    parts = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(parts, ignore_index=True)


def score_lines(
    voices: pd.DataFrame, placed: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Average each stage by how it was told: scores, ratings and words on lines of their own.

    Args:
        voices: One row per answer, with ``told`` and the lexicon's ``tone`` from `tones`.
        placed: Columns ``touchpoint`` and ``stage``.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``stage, told, value, low, high, n, unit, source``. Words of which no rating is
        expected are the line ``words, unchecked``: it shows a tone and enters no mean.
    """
    staged = place_voices(voices.reset_index(drop=True), placed)
    staged = staged.reindex(columns=list(dict.fromkeys([*staged.columns, "told", "tone"])))
    untold = staged[staged["told"].isna() & staged["tone"].notna()]
    lines = [
        mean_feelings(staged, ["stage", "told"], confidence=confidence),
        mean_feelings(
            untold.assign(told=f"{WORDS}, unchecked", feeling=untold["tone"].astype("float64")),
            ["stage", "told"],
            confidence=confidence,
        ),
    ]
    return pd.concat([line for line in lines if len(line)] or lines[:1], ignore_index=True)


def place_voices(voices: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Give each answer the stage of its touchpoint.

    Args:
        voices: One row per answer.
        placed: Columns ``touchpoint`` and ``stage``.
    """
    known = placed.reindex(columns=["touchpoint", "stage"]).drop_duplicates("touchpoint")
    stage_of = known.set_index("touchpoint")["stage"]
    return voices.assign(stage=voices["touchpoint"].map(stage_of))


# ---------------------------------------------------------------- means


def _answers(voices: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Keep the answers of the groups that tell a feeling, and number who gave them."""
    felt = voices["feeling"] if "feeling" in voices else voices.reindex(columns=["sentiment"])[
        "sentiment"
    ]  # fmt: skip
    columns = [*by, "customer", "source", "age_days", "blur"]
    said = voices.reindex(columns=list(dict.fromkeys(columns)))
    numbers = {name: said[name].astype("float64") for name in ("age_days", "blur")}
    said = said.assign(feeling=felt.astype("float64"), **numbers)
    said = said.dropna(subset=[*by, "feeling"]).reset_index(drop=True)
    return said.assign(own=own_customers(said["customer"]), blur=said["blur"].fillna(0.0))


def _means(said: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean, standard error and customers of each group: a ratio of sums over customers."""
    keys = list(by)
    people = said.groupby([*keys, "own"], sort=True)
    sums = people["feeling"].agg(["sum", "size"]).assign(blur=people["blur"].sum())
    grouped = sums.groupby(level=keys, sort=True)
    total, n = grouped.sum(), grouped.size()
    share = grouped["sum"].transform("sum") / grouped["size"].transform("sum")
    residual = sums["sum"] - sums["size"] * share
    spread = (residual**2).groupby(level=keys, sort=True).sum()
    several = n.where(n > 1)
    variance = spread * several / (several - 1) + total["blur"]
    table = pd.DataFrame(
        {
            "value": total["sum"] / total["size"],
            "error": np.sqrt(variance) / total["size"],
            "n": n,
        }
    )
    return table.reset_index()


def _interval(means: pd.DataFrame, confidence: float) -> pd.DataFrame:
    several = means["n"].where(means["n"] > 1)
    half = stats.t.ppf((1 + confidence) / 2, several - 1) * means["error"]
    return means.assign(
        low=(means["value"] - half).clip(lower=-1),
        high=(means["value"] + half).clip(upper=1),
        unit="sentiment",
        source=SOURCE,
    )


def _scored(
    voices: pd.DataFrame, by: list[str], confidence: float, *, pooled: bool
) -> pd.DataFrame:
    said = _answers(voices, by)
    said["source"] = said["source"].astype("object").fillna("").astype("str")
    table = _interval(_means(said, by), confidence)
    columns = [*by, "value", "low", "high", "n", "unit", "source"]
    if pooled:
        table, columns = pool_feelings(table, confidence=confidence), [*columns, "plain", "kept"]
    judged = judge_support(said, by, _means(said, [*by, "source"]), confidence=confidence)
    if table.empty:
        return table.reindex(columns=[*columns, *SUPPORTED]).astype(_KINDS)
    return table[columns].merge(judged, on=by, how="left", validate="1:1")
