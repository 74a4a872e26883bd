"""Who will leave: chances learnt from earlier windows and tested on a later one.

A plain model (recency, frequency, money) has to be clearly beaten by a regression on all that is
known, and that by boosted trees, or the plainer one is used. Who is at risk is not who can be kept:
nothing here says why. Not for what a change did; see `impact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from journeylib.calibration import Judged, group_risk, judge_chances, measure_lift
from journeylib.estimates import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.log import Floats, Integers

AVERAGE, PLAIN, REGRESSION, BOOSTING = "average", "plain", "regression", "boosting"
LEARN_EACH, TEST_EACH, EVENTS_EACH, FOLDS = 100, 50, 10, 10
PENALTY, PENALTIES, INNER = 1.0, (0.003, 0.01, 0.03, 0.1, 0.3, 1.0), 5
LEAVES, ROUNDS, RATE, LEAST_LEAF = 4, 120, 0.1, 50
LATER, FOLDED = "later", "folds"


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
    """A model that was fitted: chances from features."""

    def tell(self, features: pd.DataFrame) -> Floats:
        """Give the chance of leaving of each row."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """How well leaving can be foretold, and the model that is used.

    Attributes:
        judged: Measures of every model on the hold-out, and gains of one over another.
        chosen: ``average`` (nothing tells), ``plain``, ``regression`` or ``boosting``.
        model: The chosen model, fitted to all windows.
        groups: From ``calibration.group_risk``, of the best model that is not ``average``.
        lifts: From ``calibration.measure_lift``, of the same model.
        spread: Customers by chance told, in twentieths: ``start, end, customers``.
        shown: Model that groups, lifts and spread speak of.
        design: ``later`` (tested on a later window) or ``folds`` (each customer by a model that
            did not see that customer).
        learnt: Customers learnt from, and leavers among them.
        tested: Customers tested on, and leavers among them.
    """

    judged: Judged
    chosen: str
    model: Model
    groups: pd.DataFrame
    lifts: pd.DataFrame
    spread: pd.DataFrame
    shown: str
    design: str
    learnt: tuple[int, int]
    tested: tuple[int, int]


def foretell_leaving(
    samples: Sequence[Sample],
    *,
    plain: Sequence[str],
    fewest: int = 10,
    seed: int = 7,
    confidence: float = 0.95,
) -> Foretold | Refusal:
    """Learn who leaves from earlier windows and test it on the last one.

    Args:
        samples: Windows in order of time; the last is the hold-out.
        plain: Features of the plain model.
        fewest: Customers of either kind that a group by risk must hold.
        seed: Seed of trees and draws.
        confidence: Coverage of the intervals.

    Returns:
        What was found; or a refusal below 100 leavers and 100 stayers to learn from, or 50 of each
        to test on. Nothing is resampled and nobody weighs more for having left.

    References:
        van den Goorbergh et al. (2022), J. Am. Med. Inform. Assoc. 29:1525-1534: correcting for few
        leavers ruins the chances.
    """
    learn, test = _stacked(samples[:-1]), samples[-1]
    refused = check_counts(learn.left, test.left)
    if refused is not None:
        return refused
    with threadpool_limits(limits=1):
        models = fit_models(learn, plain=plain, seed=seed)
        chances = {name: model.tell(test.features) for name, model in models.items()}
        judged = judge_chances(chances, _truth(test), seed=seed, confidence=confidence)
        chosen = choose_model(judged.gains, list(chances))
        final = fit_models(_stacked(samples), plain=plain, seed=seed, only=chosen)[chosen]
    counts = _counted(learn), _counted(test)
    return _report(judged, chosen, final, (chances, _truth(test)), (LATER, *counts), fewest=fewest,
                   seed=seed, confidence=confidence)  # fmt: skip


def foretell_snapshot(
    sample: Sample,
    *,
    plain: Sequence[str],
    fewest: int = 10,
    seed: int = 7,
    confidence: float = 0.95,
) -> Foretold | Refusal:
    """Learn who has left from an extract without dates; each tenth is told by the nine others.

    What tells leavers from stayers today need not have done so before they left: this is weaker
    than a test on a later time.

    Args:
        sample: All customers of the extract.
        plain: Features of the plain model.
        fewest: Customers of either kind that a group by risk must hold.
        seed: Seed of folds, trees and draws.
        confidence: Coverage of the intervals.

    Returns:
        As `foretell_leaving`; ``design`` is ``folds``.
    """
    left = _truth(sample)
    refused = check_counts(sample.left, sample.left)
    if refused is not None:
        return refused
    fold = _folds(left, seed)
    chances: dict[str, Floats] = {}
    with threadpool_limits(limits=1):
        for held in range(FOLDS):
            out = fold == held
            part = Sample(sample.features[~out], sample.left[~out])
            for name, model in fit_models(part, plain=plain, seed=seed).items():
                told = chances.setdefault(name, np.zeros(len(left)))
                told[out] = model.tell(sample.features[out])
        judged = judge_chances(chances, left, seed=seed, confidence=confidence)
        chosen = choose_model(judged.gains, list(chances))
        final = fit_models(sample, plain=plain, seed=seed, only=chosen)[chosen]
    counts = _counted(sample), _counted(sample)
    return _report(judged, chosen, final, (chances, left), (FOLDED, *counts), fewest=fewest,
                   seed=seed, confidence=confidence)  # fmt: skip


def _folds(left: Floats, seed: int) -> Integers:
    """Deal leavers and stayers out to the folds, each evenly."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(left), dtype=np.int64)
    for kind in (0.0, 1.0):
        rows = rng.permutation(np.flatnonzero(left == kind))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def check_counts(learn: pd.Series, test: pd.Series) -> Refusal | None:
    """Say why leaving cannot be foretold from so few, or nothing where it can.

    Args:
        learn: 1 for who left, 0 for who stayed, of those to learn from.
        test: The same of those to test on.
    """
    for left, least, what in ((learn, LEARN_EACH, "learn from"), (test, TEST_EACH, "test on")):
        gone = int(left.sum())
        if min(gone, len(left) - gone) < least:
            return Refusal(
                f"Of {len(left):,} customers to {what}, {gone:,} left and {len(left) - gone:,} "
                "stayed.",
                f"{least} of each.",
            )
    return None


def _stacked(samples: Sequence[Sample]) -> Sample:
    features = pd.concat([sample.features for sample in samples])
    return Sample(features.fillna(0.0), pd.concat([sample.left for sample in samples]))


def _truth(sample: Sample) -> Floats:
    return sample.left.to_numpy(dtype=np.float64)


def _counted(sample: Sample) -> tuple[int, int]:
    return len(sample.left), int(sample.left.sum())


def _report(
    judged: Judged,
    chosen: str,
    model: Model,
    tested: tuple[Mapping[str, Floats], Floats],
    facts: tuple[str, tuple[int, int], tuple[int, int]],
    *,
    fewest: int,
    seed: int,
    confidence: float,
) -> Foretold:
    chances, left = tested
    shown = PLAIN if chosen == AVERAGE else chosen
    chance = chances[shown]
    groups = group_risk(chance, left, fewest=fewest, confidence=confidence)
    lifts = measure_lift(chance, left, seed=seed, confidence=confidence)
    return Foretold(judged, chosen, model, groups, lifts, _spread(chance), shown, *facts)


def _spread(chance: Floats) -> pd.DataFrame:
    edges = np.linspace(0, 1, 21)
    counts, _ = np.histogram(chance, bins=edges)
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "customers": counts})


def choose_model(gains: pd.DataFrame, names: Sequence[str]) -> str:
    """Choose the plainest model that no other clearly beats.

    Args:
        gains: From ``calibration.judge_chances``: ``model, against, low``.
        names: Models, the plainest first.

    Returns:
        Name of the model; a later one is taken only where its log-loss is smaller than that of the
        one held so far and the interval of the difference lies above 0.
    """
    chosen = names[0]
    low = gains.set_index(["model", "against"])["low"]
    for name in names[1:]:
        if float(low[(name, chosen)]) > 0:
            chosen = name
    return chosen


# ---------------------------------------------------------------- models


def fit_models(
    sample: Sample, *, plain: Sequence[str], seed: int, only: str = ""
) -> dict[str, Model]:
    """Fit the models to the same customers.

    Args:
        sample: Customers to learn from.
        plain: Features of the plain model.
        seed: Seed of the trees.
        only: One model to fit; all by default.

    Returns:
        Models by name, the plainest first.
    """
    left = _truth(sample)
    given = [name for name in plain if name in sample.features]
    names = (AVERAGE, PLAIN, REGRESSION, BOOSTING)
    fitted: dict[str, Model] = {}
    for name in names if not only else (only,):
        if name == AVERAGE:
            fitted[name] = Average(float(left.mean()))
        elif name == BOOSTING:
            fitted[name] = _boost(sample.features, left, seed)
        else:
            used = given if name == PLAIN else choose_features(sample, given)
            grid = (PENALTY,) if name == PLAIN else PENALTIES
            fitted[name] = _regress(sample.features[used], left, grid)
    return fitted


@dataclass(frozen=True, slots=True)
class Average:
    """Everybody's chance is the share who left.

    Attributes:
        rate: That share.
    """

    rate: float

    def tell(self, features: pd.DataFrame) -> Floats:
        """Give the same chance to each row."""
        return np.full(len(features), self.rate)


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model of scikit-learn and the features it looks at."""

    names: tuple[str, ...]
    estimator: object

    def tell(self, features: pd.DataFrame) -> Floats:
        """Give the chance of leaving of each row; a feature that is absent counts as 0."""
        x = features.reindex(columns=list(self.names), fill_value=0.0).to_numpy(np.float64)
        if not len(x):
            return np.zeros(0)
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
    left = _truth(sample)
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

    first = LogisticRegression(C=penalties[0], max_iter=2000)
    estimator = make_pipeline(StandardScaler(), first)
    if len(penalties) > 1:
        grid = {"logisticregression__C": list(penalties)}
        estimator = GridSearchCV(estimator, grid, scoring="neg_log_loss", cv=INNER)
    estimator.fit(features.to_numpy(np.float64), left)
    return Learnt(tuple(map(str, features.columns)), estimator)


def _boost(features: pd.DataFrame, left: Floats, seed: int) -> Model:
    from sklearn.ensemble import HistGradientBoostingClassifier

    estimator = HistGradientBoostingClassifier(
        max_leaf_nodes=LEAVES, max_iter=ROUNDS, learning_rate=RATE, min_samples_leaf=LEAST_LEAF,
        early_stopping=False, random_state=seed % 2**32,
    )  # fmt: skip
    estimator.fit(features.to_numpy(np.float64), left)
    return Learnt(tuple(map(str, features.columns)), estimator)
