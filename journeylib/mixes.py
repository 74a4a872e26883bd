"""The mix of personas in two periods, from a client's workspace. Not for finding personas."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.features import Known, describe_features
from journeylib.habits import describe_habits
from journeylib.homogeneity import measure_stability
from journeylib.journeys import describe_customers
from journeylib.personas import assign_personas
from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from journeylib.log import Log
    from journeylib.workspace import Workspace


def compare_personas(
    work: Workspace, then: Log, now: Log
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Give the customers of both periods the persona that is nearest, and count the shares.

    Args:
        work: The workspace, after notebook 02, whose centroids serve for both periods.
        then: The log of the earlier period.
        now: The log of this one.

    Returns:
        Shares of the earlier period and of this one (``metric, value, low, high, n, unit``), and
        how far the mix moved (``index, by_chance, most_by_chance, p``, and customers ``n_before,
        n``); all empty without personas, or where a feature is not known of both periods, and
        the mix where either has fewer customers than may be told.
    """
    centroids, features = work.recall("centroids"), []
    if centroids.empty:
        return pd.DataFrame(), pd.DataFrame(), pd.DataFrame()
    names = centroids["persona"].drop_duplicates().tolist()
    columns = centroids["feature"].drop_duplicates().astype(str).tolist()
    for log, answers in ((then, "answers_before"), (now, "answers")):
        features.append(_features_like(work, log, work.recall(answers), columns))
    if any(one.empty or one.isna().all().any() for one in features):
        return pd.DataFrame(), pd.DataFrame(), pd.DataFrame()
    counts = [
        assign_personas(one, centroids)["persona"].value_counts().reindex(names, fill_value=0)
        for one in features
    ]
    sides = [_persona_shares(own, work.params.confidence) for own in counts]
    moved = measure_stability(*(own.to_numpy().astype(np.int64) for own in counts))
    n_before, n = (int(own.sum()) for own in counts)
    mix = pd.DataFrame([{**asdict(moved), "n_before": n_before, "n": n}])
    enough = min(n_before, n) >= work.params.report.min_cell
    return sides[0], sides[1], mix if enough else mix.head(0)


def _features_like(
    work: Workspace, log: Log, answers: pd.DataFrame, columns: list[str]
) -> pd.DataFrame:
    """Describe the customers of a period by the features that the personas are made of."""
    attributes = work.recall("attributes")
    sources = work.params.sources
    known = Known(
        describe_customers(log),
        attributes.drop(columns=["churned", "churned_at", "signup"], errors="ignore"),
        log.codes.end,
        describe_habits(log),
        tuple(source.name for source in sources if source.kind == "tickets"),
        tuple(source.name for source in sources if source.kind == "surveys"),
        answers,
    )
    return describe_features(known, like=columns)


def _persona_shares(counts: pd.Series, confidence: float) -> pd.DataFrame:
    told = plain_shares(counts.to_numpy(), np.full(len(counts), counts.sum()),
                        confidence=confidence)  # fmt: skip
    return told.assign(metric=[f"persona:{name}" for name in counts.index])
