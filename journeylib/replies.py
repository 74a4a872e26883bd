"""Scores of survey answers: NPS, CSAT and CES with weights, and scales that differ by survey.

Not for the tone of answers on one scale (`emotion`), nor for the formulas themselves (`scores`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.estimates import Estimate, Refusal
from journeylib.scores import (
    customer_effort,
    customer_satisfaction,
    effective_n,
    net_promoter_score,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_COLUMNS = ("customer", "metric", "score", "weight", "scale_low", "scale_high")
ASKED = ("ces", "csat", "nps")
WEIGHTED = "linearised t interval of a weighted mean (Cochran 1977)"


def score_answers(
    answers: pd.DataFrame, *, confidence: float = 0.95
) -> Iterator[tuple[str, Estimate | Refusal]]:
    """Score each metric that was asked for.

    Args:
        answers: One row per answer: ``metric, score, scale_low, scale_high`` and perhaps
            ``weight``. Weights count where every answer of the metric has one. Satisfaction is read
            by each survey's own scale; effort on the scale that most answers were given on.
        confidence: Coverage of the intervals.

    Yields:
        The metric and its estimate, or why there is none. With weights the source names the
        effective number of answers, (Σw)² / Σw², which the interval rests on.
    """
    known = answers.reindex(columns=list(dict.fromkeys([*answers.columns, *ANSWER_COLUMNS])))
    for metric, said in known.groupby("metric", sort=True):
        name = str(metric)
        if name in ASKED and said["score"].notna().any():
            own = said.dropna(subset=["score"])
            yield name, _score(name, own, confidence)


def _score(metric: str, said: pd.DataFrame, confidence: float) -> Estimate | Refusal:
    weights = said["weight"] if said["weight"].notna().all() else None
    if metric == "nps":
        found = net_promoter_score(said["score"], weights=weights, confidence=confidence)
    elif metric == "csat":
        # Surveys may differ in scale, so who is satisfied is told by each one's own two best boxes.
        best = said["score"] >= said["scale_high"] - 1
        outside = (said["score"] < said["scale_low"]) | (said["score"] > said["scale_high"])
        boxes = pd.Series(np.where(best, 5.0, 1.0)).mask(outside.to_numpy(), np.inf)
        found = customer_satisfaction(boxes, weights=weights, confidence=confidence)
    else:
        return _effort(said, confidence)
    return found if weights is None or isinstance(found, Refusal) else _told(found, weights)


def _effort(said: pd.DataFrame, confidence: float) -> Estimate | Refusal:
    usual = said[["scale_low", "scale_high"]].value_counts().reset_index().iloc[0]
    low, high = float(usual["scale_low"]), float(usual["scale_high"])
    own = said[(said["scale_low"] == low) & (said["scale_high"] == high)]
    plain = customer_effort(own["score"], low=low, high=high, confidence=confidence)
    if isinstance(plain, Refusal):
        return plain
    text = f"mean on the scale {low:g} to {high:g}"
    left = len(said) - len(own)
    text += f", {left:,} answers on other scales left out" if left else ""
    if own["weight"].notna().all() and (own["weight"] > 0).any():
        plain = _told(_weighted(plain, own, confidence), own["weight"])
    return replace(plain, source=f"{text}; {plain.source}")


def _weighted(plain: Estimate, said: pd.DataFrame, confidence: float) -> Estimate:
    score, weight = said["score"].to_numpy(float), said["weight"].to_numpy(float)
    n = effective_n(weight)
    value = float(weight @ score / weight.sum())
    spread = np.sqrt((weight**2 * (score - value) ** 2).sum()) / weight.sum()
    error = spread * np.sqrt(n / max(n - 1, 1e-9))
    half = float(stats.t.ppf((1 + confidence) / 2, max(n - 1, 1)) * error)
    return replace(plain, value=value, low=value - half, high=value + half, source=WEIGHTED)


def _told(found: Estimate, weights: pd.Series) -> Estimate:
    n = effective_n(weights)
    return replace(found, source=f"weighted, as good as {n:,.0f} equal answers; {found.source}")
