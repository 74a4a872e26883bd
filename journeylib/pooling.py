"""Means that borrow strength from each other: thin ones are drawn towards the mean of all.

Normal-normal empirical Bayes with Morris's corrections. Not for computing the means themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MORRIS = "partial pooling, normal-normal, REML (Morris 1983)"
FEWEST_POOLED = 4
PRIOR_CUSTOMERS = 10
_ROUNDS, _CLOSE = 200, 1e-12


class Pooled(NamedTuple):
    """Means after pooling.

    Attributes:
        value: Drawn towards ``centre``.
        error: Standard deviation of each, as it stands after pooling.
        kept: Share of each mean's own distance from the centre that was kept, 0 to 1.
        centre: The mean of all, each weighted by what it tells.
        between: Variance of the true means.
    """

    value: Floats
    error: Floats
    kept: Floats
    centre: float
    between: float


def pool_means(value: ArrayLike, error: ArrayLike) -> Pooled:
    """Draw means towards their common mean, the less certain ones further.

    Args:
        value: At least four means.
        error: Their standard errors, above 0.

    Returns:
        The pooled means. The shrink factor carries Morris's correction (k - 3) / (k - 1), so that
        with equal errors it is James and Stein's, and the errors carry the doubt about the centre
        and about the variance between.

    References:
        Morris (1983), "Parametric empirical Bayes inference", JASA 78(381):47-55; Efron & Morris
        (1975), JASA 70(350):311-319.
    """
    y = np.asarray(value, dtype=float)
    own = np.asarray(error, dtype=float) ** 2
    k = len(y)
    between = between_variance(y, own)
    weight = 1 / (own + between)
    centre = float((weight * y).sum() / weight.sum())
    shrink = (k - 3) / (k - 1) * own / (own + between)
    common = float((weight * own).sum() / weight.sum())
    doubt = 2 / (k - 3) * shrink**2 * (common + between) / (own + between)
    variance = own * (1 - (1 - weight / weight.sum()) * shrink) + doubt * (y - centre) ** 2
    return Pooled(y - shrink * (y - centre), np.sqrt(variance), 1 - shrink, centre, between)


def between_variance(value: ArrayLike, variance: ArrayLike) -> float:
    """Variance of true means round their mean, by restricted maximum likelihood.

    Args:
        value: The means.
        variance: Their own variances, above 0.

    Returns:
        The variance, 0 or more. Starts from DerSimonian and Laird's moment estimate.

    References:
        DerSimonian & Laird (1986), Controlled Clinical Trials 7:177-188; Viechtbauer (2005),
        J. Educ. Behav. Stat. 30(3):261-293, eq. 12.
    """
    y, v = np.asarray(value, dtype=float), np.asarray(variance, dtype=float)
    if len(y) < 2:
        return 0.0
    w = 1 / v
    spread = (w * (y - (w * y).sum() / w.sum()) ** 2).sum() - (len(y) - 1)
    found = max(0.0, float(spread / (w.sum() - (w**2).sum() / w.sum())))
    for _ in range(_ROUNDS):
        w = 1 / (v + found)
        centre = (w * y).sum() / w.sum()
        fresh = (w**2 * ((y - centre) ** 2 - v)).sum() / (w**2).sum() + 1 / w.sum()
        fresh = max(0.0, float(fresh))
        if abs(fresh - found) < _CLOSE:
            return fresh
        found = fresh
    return found


def pool_feelings(cells: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Pool the mean feelings of touchpoints.

    Args:
        cells: Columns ``value, error, n``: means, their standard errors (missing for one customer)
            and the customers behind them.
        confidence: Coverage of the intervals.

    Returns:
        The same rows with ``value, low, high`` after pooling, ``plain`` (the mean before it),
        ``kept`` and ``source``. The spread of a cell's customers is taken together with that of
        all cells, which counts as much as ten customers, because a handful tell little of it.
        Fewer than four cells stay as they are.
    """
    out = cells.assign(plain=cells["value"], kept=1.0)
    n = cells["n"].to_numpy(float)
    spread = _spread(cells["error"].to_numpy(float), n)
    if len(cells) < FEWEST_POOLED or spread is None:
        return out
    pooled = pool_means(cells["value"], np.sqrt(spread / n))
    half = stats.t.ppf((1 + confidence) / 2, n - 1 + PRIOR_CUSTOMERS) * pooled.error
    return out.assign(
        value=pooled.value,
        low=np.clip(pooled.value - half, -1, None),
        high=np.clip(pooled.value + half, None, 1),
        kept=pooled.kept,
        source=MORRIS,
    )


def _spread(error: Floats, n: Floats) -> Floats | None:
    """Variance of one customer in each cell; none where no cell shows any."""
    own, degrees = np.nan_to_num(error**2 * n), np.where(np.isnan(error), 0.0, n - 1)
    if degrees.sum() == 0:
        return None
    common = (degrees * own).sum() / degrees.sum()
    if common <= 0:
        return None
    return np.asarray((degrees * own + PRIOR_CUSTOMERS * common) / (degrees + PRIOR_CUSTOMERS))
