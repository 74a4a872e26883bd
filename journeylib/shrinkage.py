"""Rates and means of many places at once, drawn towards what is usual; and how sure their order is.

What looks worst of many is partly chance: shrinkage takes that part off. It mends the size of what
is shown, not its order. Not for computing the rates; `pooling` has the normal model for means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special

from journeylib.pooling import FEWEST_POOLED
from journeylib.ratios import WILSON, wilson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

BETA = "beta-binomial, prior by maximum likelihood, interval with the doubt about the prior"
BETA_EXPECTED = f"{BETA}, drawn towards what is expected there"
DRAWS, SEED = 4000, 7
MIDDLES, SIZES = 25, 41
# Size of the prior in cases: a handful, or so many that every place is the same.
SMALLEST_PRIOR, LARGEST_PRIOR = 0.5, 1e6


class Prior(NamedTuple):
    """A beta distribution of true rates: its mean, and how many cases it counts for."""

    mean: float
    size: float


def shrink_rates(
    hits: ArrayLike,
    cases: ArrayLike,
    *,
    expected: ArrayLike | None = None,
    top: int = 5,
    confidence: float = 0.95,
    seed: int = SEED,
) -> pd.DataFrame:
    """Draw shares towards the mean of all, or towards what is expected at each place.

    Args:
        hits: Customers to whom it happened, by place.
        cases: Customers to whom it could have happened, 1 or more.
        expected: Share expected at each place; by default all places share one mean, found here.
        top: A place's chance of being among that many highest true shares is given.
        confidence: Coverage of the intervals.
        seed: Of the draws behind the intervals and the ranks.

    Returns:
        One row per place: ``raw, raw_low, raw_high`` (Wilson), ``value, low, high`` after
        shrinkage, ``kept`` (share of its own distance that each kept), ``top_probability``, ``n,
        unit, source``. Fewer than four places stay as they are.

    References:
        Griffin & Krutchkoff (1971), Biometrika 58:603-605 (beta-binomial empirical Bayes);
        Christiansen & Morris (1997), JASA 92:618-632 (a prior on the prior's size, so that the
        interval holds the doubt about it).
    """
    x, n = np.asarray(hits, float), np.asarray(cases, float)
    raw = x / n
    low, high = wilson(raw, n, confidence=confidence)
    ends = {"value": raw, "low": low, "high": high}
    table = pd.DataFrame({"raw": raw, "raw_low": low, "raw_high": high, **ends, "n": n})
    table = table.assign(kept=1.0, top_probability=np.nan)
    table = table.assign(unit="share", source=WILSON)
    if len(x) < FEWEST_POOLED:
        return table
    known = None if expected is None else np.clip(np.asarray(expected, float), 1e-6, 1 - 1e-6)
    prior = find_prior(x, n, expected=known)
    middle = np.full(len(x), prior.mean) if known is None else known
    value = (x + prior.size * middle) / (n + prior.size)
    drawn = _draw_rates(x, n, known, seed)
    reach = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return table.assign(
        value=value,
        low=np.minimum(reach[0], value),
        high=np.maximum(reach[1], value),
        kept=n / (n + prior.size),
        top_probability=rank_chances(drawn, top=top),
        source=BETA if known is None else BETA_EXPECTED,
    )


def rank_chances(drawn: Floats, *, top: int) -> Floats:
    """Give each place's chance of being among the highest.

    Args:
        drawn: Draws of the true values, one row a draw and one column a place.
        top: How many places count as the highest; all do where there are no more.

    Returns:
        Shares between 0 and 1 that add up to ``top``.
    """
    places = drawn.shape[1]
    first = np.argpartition(-drawn, min(top, places) - 1, axis=1)[:, :top]
    return np.bincount(first.ravel(), minlength=places) / len(drawn)


def find_prior(hits: Floats, cases: Floats, *, expected: Floats | None = None) -> Prior:
    """Find the beta distribution of true rates under which the counts are likeliest.

    Args:
        hits: Customers to whom it happened, by place.
        cases: Customers to whom it could have happened.
        expected: The mean at each place where it is known.
    """
    middles, sizes = _grid(hits, cases, expected)
    likely = _likelihood(hits, cases, middles, sizes, expected)
    row, column = np.unravel_index(int(likely.argmax()), likely.shape)

    def unlikely(middle: float, size: float) -> float:
        at = np.array([middle]), np.clip([size], sizes[0], sizes[-1])
        return -float(_likelihood(hits, cases, *at, expected)[0, 0])

    if expected is not None:
        best = optimize.minimize_scalar(
            lambda size: unlikely(0.0, size), bounds=(sizes[0], sizes[-1]), method="bounded"
        )
        return Prior(float("nan"), float(np.exp(best.x)))
    best = optimize.minimize(
        lambda point: unlikely(*point), [middles[row], sizes[column]], method="Nelder-Mead"
    )
    size = float(np.exp(np.clip(best.x[1], sizes[0], sizes[-1])))
    return Prior(float(special.expit(best.x[0])), size)


def _grid(hits: Floats, cases: Floats, expected: Floats | None) -> tuple[Floats, Floats]:
    """Lay out means (logits) and sizes (logarithms) that the counts leave possible."""
    sizes = np.linspace(np.log(SMALLEST_PRIOR), np.log(LARGEST_PRIOR), SIZES)
    if expected is not None:
        return np.zeros(1), sizes
    rates = (hits + 0.5) / (cases + 1)
    middle = (hits.sum() + 0.5) / (cases.sum() + 1)
    plain = special.logit([middle, rates.mean()])
    spread = 4 * special.logit(rates).std() / np.sqrt(len(rates)) + 0.05
    return np.linspace(plain.min() - spread, plain.max() + spread, MIDDLES), sizes


def _likelihood(
    hits: Floats, cases: Floats, middles: Floats, sizes: Floats, expected: Floats | None
) -> Floats:
    """Logarithm of the beta-binomial likelihood, one row a mean and one column a size."""
    size = np.exp(sizes)[None, :]
    mean = special.expit(middles)[:, None]
    found = np.zeros((len(middles), len(sizes)))
    for place in range(len(hits)):
        own = mean if expected is None else expected[place]
        one, other = own * size, (1 - own) * size
        found += special.betaln(one + hits[place], other + cases[place] - hits[place])
        found -= special.betaln(one, other)
    return found


def _draw_rates(hits: Floats, cases: Floats, expected: Floats | None, seed: int) -> Floats:
    """Draw priors by how likely they are, then true rates, one row a draw."""
    rng = np.random.default_rng(seed)
    middles, sizes = _grid(hits, cases, expected)
    likely = _likelihood(hits, cases, middles, sizes, expected)
    # Beforehand every share kept of a usual place is as likely as another (uniform shrinkage).
    odds = np.exp(sizes) / np.median(cases)
    likely = likely + np.log(odds / (1 + odds) ** 2)
    chance = np.exp(likely - likely.max()).ravel()
    chosen = rng.choice(len(chance), size=DRAWS, p=chance / chance.sum())
    row, column = np.unravel_index(chosen, likely.shape)
    size = np.exp(sizes[column])[:, None]
    mean = special.expit(middles[row])[:, None] if expected is None else expected[None, :]
    drawn: Floats = rng.beta(mean * size + hits, (1 - mean) * size + cases - hits)
    return drawn
