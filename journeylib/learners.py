"""Models that learn chances of leaving: the average, two regressions, boosted trees.

scikit-learn does the fitting, with nothing resampled and nobody weighing more. Not for judging or
choosing among them; see `predict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from journeylib.log import Floats

AVERAGE, PLAIN, REGRESSION, BOOSTING = "average", "plain", "regression", "boosting"
EVENTS_EACH = 10
PENALTY, PENALTIES, INNER = 1.0, (0.01, 0.05, 0.3, 1.0), 4
LEAVES, ROUNDS, RATE, LEAST_LEAF = 4, 120, 0.1, 50


@dataclass(frozen=True, slots=True)
class Sample:
    """Customers who were there at a cut.

    Attributes:
        features: From ``antecedents.describe_before``, indexed by customer, no missing value.
        left: 1.0 for who left within the horizon, 0.0 for who stayed; the same index.
    """

    features: pd.DataFrame
    left: pd.Series


class Model(Protocol):
    """A model that was fitted: chances from features.

    Attributes:
        penalty: Weight of the data against the penalty (scikit-learn's ``C``); 1 where none was
            chosen.
    """

    @property
    def penalty(self) -> float:
        """Weight of the data against the penalty."""

    def tell(self, features: pd.DataFrame) -> Floats:
        """Give the chance of leaving of each row."""


def truth_of(sample: Sample) -> Floats:
    """Give who left as an array of 1.0 and 0.0.

    Args:
        sample: The customers.
    """
    return sample.left.to_numpy(dtype=np.float64)


def fit_models(
    sample: Sample,
    *,
    plain: Sequence[str],
    seed: int,
    only: str = "",
    penalties: Sequence[float] = PENALTIES,
) -> dict[str, Model]:
    """Fit the models to the same customers.

    Args:
        sample: Customers to learn from.
        plain: Features of the plain model.
        seed: Seed of the trees.
        only: One model to fit; all by default.
        penalties: Among which that of the regression is chosen.

    Returns:
        Models by name, the plainest first; the plain one is the average where none of its features
        is known.
    """
    left = truth_of(sample)
    given = [name for name in plain if name in sample.features]
    names = (AVERAGE, PLAIN, REGRESSION, BOOSTING)
    fitted: dict[str, Model] = {}
    # Small fits gain nothing from threads, and lose much where clients run side by side.
    with threadpool_limits(limits=1):
        for name in names if not only else (only,):
            if name == AVERAGE or (name == PLAIN and not given):
                fitted[name] = Average(float(left.mean()))
            elif name == BOOSTING:
                fitted[name] = _boost(sample.features, left, seed)
            else:
                used = given if name == PLAIN else choose_features(sample, given)
                grid = (PENALTY,) if name == PLAIN else penalties
                fitted[name] = _regress(sample.features[used], left, grid)
    return fitted


@dataclass(frozen=True, slots=True)
class Average:
    """Everybody's chance is the share who left.

    Attributes:
        rate: That share.
        penalty: Unused.
    """

    rate: float
    penalty: float = PENALTY

    def tell(self, features: pd.DataFrame) -> Floats:
        """Give the same chance to each row."""
        return np.full(len(features), self.rate)


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model of scikit-learn and the features it looks at.

    Attributes:
        names: The features.
        estimator: What was fitted to them.
        penalty: Weight of the data against the penalty.
    """

    names: tuple[str, ...]
    estimator: object
    penalty: float = PENALTY

    def tell(self, features: pd.DataFrame) -> Floats:
        """Give the chance of leaving of each row; a feature that is absent counts as 0."""
        x = features.reindex(columns=list(self.names), fill_value=0.0).to_numpy(np.float64)
        if not len(x):
            return np.zeros(0)
        with threadpool_limits(limits=1):
            told: Floats = self.estimator.predict_proba(x)[:, 1]  # type: ignore[attr-defined]
        return told


def choose_features(sample: Sample, first: Sequence[str]) -> list[str]:
    """Choose what the regression looks at: ten leavers and ten stayers for each feature.

    Args:
        sample: Customers to learn from.
        first: Features that are always among them.

    Returns:
        Those, and then the ones that go along most with leaving.

    References:
        Peduzzi et al. (1996), J. Clin. Epidemiol. 49:1373-1379.
    """
    left = truth_of(sample)
    most = max(int(min(left.sum(), (1 - left).sum())) // EVENTS_EACH, len(first))
    x = sample.features.to_numpy(np.float64)
    spread = x.std(axis=0)
    apart = np.abs((x - x.mean(axis=0)).T @ (left - left.mean())) / len(left)
    strength = np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 1e-9)
    order = sample.features.columns[np.argsort(-strength, kind="stable")]
    told = dict(zip(sample.features.columns, strength, strict=True))
    others = [str(name) for name in order if name not in first and told[name] > 0]
    return [*first, *others][:most]


def _regress(features: pd.DataFrame, left: Floats, penalties: Sequence[float]) -> Model:
    """Fit a regression whose penalty is chosen among some, by log-loss within what is learnt."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, penalty = features.to_numpy(np.float64), float(penalties[0])
    pipe = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000))
    if len(penalties) > 1:
        grid = {"logisticregression__C": list(penalties)}
        search = GridSearchCV(pipe, grid, scoring="neg_log_loss", cv=INNER).fit(x, left)
        pipe, penalty = search.best_estimator_, float(search.best_params_["logisticregression__C"])
    return Learnt(tuple(map(str, features.columns)), pipe.fit(x, left), penalty)


def _boost(features: pd.DataFrame, left: Floats, seed: int) -> Model:
    from sklearn.ensemble import HistGradientBoostingClassifier

    estimator = HistGradientBoostingClassifier(
        max_leaf_nodes=LEAVES, max_iter=ROUNDS, learning_rate=RATE, min_samples_leaf=LEAST_LEAF,
        early_stopping=False, random_state=seed % 2**32,
    )  # fmt: skip
    estimator.fit(features.to_numpy(np.float64), left)
    return Learnt(tuple(map(str, features.columns)), estimator)
