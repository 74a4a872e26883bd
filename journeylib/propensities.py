"""The second opinion on an association: who was likely to meet a trouble, and who is alike.

Augmented inverse probability weighting with cross-fitting, for those who met it. Not the main
estimate; see `association`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from journeylib.encounters import chosen_number
from journeylib.logits import add_by, chance, fit_logit

if TYPE_CHECKING:
    from journeylib.log import Floats, Integers, Truths

FOLDS = 5
MOST, FEWEST_LIKE = 0.98, 30


@dataclass(frozen=True, slots=True)
class Weighted:
    """A difference in shares from weighting, with its standard error.

    Attributes:
        value: Share with the good outcome among those who met the trouble, less what they would
            have had without it.
        error: Standard error, by customer.
        outside: Share of those who met it for whom hardly anybody alike was spared: their chance of
            meeting it lies above 0.98.
        like: How many spared customers the weighted others are worth (Kish's effective number).
    """

    value: float
    error: float
    outside: float
    like: float


def weigh(x: Floats, y: Floats, met: Truths, owner: Integers, *, share: float = 1.0) -> Weighted:
    """Compare those who met a trouble with others weighted to be like them.

    Args:
        x: Covariates, one row per case, the constant first.
        y: 1 good, 0 not.
        met: Whether the trouble was met.
        owner: Number of each case's customer, from 0; customers are never parted by the folds.
        share: What a good end is worth; the difference is multiplied by it.

    References:
        Robins, Rotnitzky and Zhao (1994), JASA 89:846-866; Chernozhukov et al. (2018), Econometrics
        Journal 21:C1-C68 (cross-fitting).
    """
    fold = (chosen_number(owner) * FOLDS).astype(int)
    likely, spared = np.full(len(y), 0.5), np.full(len(y), float(y.mean()))
    for held in range(FOLDS):
        out, rest = fold == held, fold != held
        if not out.any() or not met[rest].any() or met[rest].all():
            continue
        likely[out] = chance(x[out] @ fit_logit(x[rest], met[rest].astype(float)).beta)
        control = rest & ~met
        spared[out] = chance(x[out] @ fit_logit(x[control], y[control]).beta)
    odds = np.clip(likely / np.maximum(1 - likely, 1e-12), 1e-9, MOST / (1 - MOST))
    outside = float((likely > MOST)[met].mean())
    weight = odds[~met]
    like = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
    value, push = _augmented(y - spared, met, odds)
    size = int(owner.max()) + 1
    error = float(np.sqrt((add_by(owner, push, size) ** 2).sum() * size / max(size - 1, 1)))
    return Weighted(share * value, share * error, outside, like)


def _augmented(gap: Floats, met: Truths, odds: Floats) -> tuple[float, Floats]:
    weight = np.where(met, 0.0, odds)
    own, other = float(gap[met].mean()), float((weight * gap).sum() / weight.sum())
    push = np.where(met, (gap - own) / met.sum(), -weight * (gap - other) / weight.sum())
    return own - other, push
