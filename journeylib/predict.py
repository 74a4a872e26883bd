"""Who will leave: chances learnt from earlier windows and tested on a later one.

A plain model (recency, frequency, money) has to be clearly beaten by a regression on all that is
known, and that by boosted trees, or the plainer one is used. Who is at risk is not who can be kept:
nothing here says why. Not for what a change did; see `impact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.calibration import (
    Judged,
    choose_model,
    group_risk,
    judge_chances,
    measure_lift,
)
from journeylib.estimates import Refusal
from journeylib.learners import (
    AVERAGE,
    PENALTY,
    PLAIN,
    REGRESSION,
    Model,
    Sample,
    fit_models,
    truth_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.log import Floats, Integers

LEARN_EACH, TEST_EACH, FOLDS = 100, 50, 10
LATER, FOLDED = "later", "folds"


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
    models = fit_models(learn, plain=plain, seed=seed)
    chances = {name: model.tell(test.features) for name, model in models.items()}
    judged = judge_chances(chances, truth_of(test), seed=seed, confidence=confidence)
    chosen = choose_model(judged.gains, list(chances))
    final = fit_models(_stacked(samples), plain=plain, seed=seed, only=chosen,
                       penalties=(models[REGRESSION].penalty,))[chosen]  # fmt: skip
    tested = _Tested(chances, truth_of(test), LATER, _counted(learn), _counted(test), seed,
                     confidence)  # fmt: skip
    return _report(judged, chosen, final, tested, fewest)


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
    left = truth_of(sample)
    refused = check_counts(sample.left, sample.left)
    if refused is not None:
        return refused
    fold = _folds(left, seed)
    chances: dict[str, Floats] = {}
    for held in range(FOLDS):
        out = fold == held
        part = Sample(sample.features[~out], sample.left[~out])
        models = fit_models(part, plain=plain, seed=seed, penalties=(PENALTY,))
        for name, model in models.items():
            told = chances.setdefault(name, np.zeros(len(left)))
            told[out] = model.tell(sample.features[out])
    judged = judge_chances(chances, left, seed=seed, confidence=confidence)
    chosen = choose_model(judged.gains, list(chances))
    final = fit_models(sample, plain=plain, seed=seed, only=chosen,
                       penalties=(PENALTY,))[chosen]  # fmt: skip
    many = _counted(sample)
    tested = _Tested(chances, left, FOLDED, many, many, seed, confidence)
    return _report(judged, chosen, final, tested, fewest)


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


def _counted(sample: Sample) -> tuple[int, int]:
    return len(sample.left), int(sample.left.sum())


@dataclass(frozen=True, slots=True)
class _Tested:
    """What was told of the customers of the hold-out, and what became of them."""

    chances: Mapping[str, Floats]
    left: Floats
    design: str
    learnt: tuple[int, int]
    counts: tuple[int, int]
    seed: int
    confidence: float


def _report(judged: Judged, chosen: str, model: Model, tested: _Tested, fewest: int) -> Foretold:
    shown = PLAIN if chosen == AVERAGE else chosen
    chance, left, level = tested.chances[shown], tested.left, tested.confidence
    return Foretold(
        judged=judged,
        chosen=chosen,
        model=model,
        groups=group_risk(chance, left, fewest=fewest, confidence=level),
        lifts=measure_lift(chance, left, seed=tested.seed, confidence=level),
        spread=_spread(chance),
        shown=shown,
        design=tested.design,
        learnt=tested.learnt,
        tested=tested.counts,
    )


def _spread(chance: Floats) -> pd.DataFrame:
    edges = np.linspace(0, 1, 21)
    counts, _ = np.histogram(chance, bins=edges)
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "customers": counts})
