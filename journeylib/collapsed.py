"""Each unit collapsed to one number, its change: differences of changes, and lots drawn by unit.

Not for the checks and verdicts of a panel; see `panels` and `pretrends`. Standard errors clustered
by unit fail when few units were treated, which is why each unit counts once here.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.estimates import Estimate
from journeylib.scores import Mean, mean_of, welch_degrees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.plans import Plan
    from journeylib.units import Panel

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

SOURCE = "Difference in mean unit changes, t interval; permutation p (Bertrand et al. 2004)"
MOST_EXACT = 5000
DRAWS = 999


def permutation_p(changes: Matrix, treated: Mask, *, seed: int = 0) -> float:
    """Probability of a gap at least as large if the treated units had been drawn by lot.

    Args:
        changes: One row per unit, one column per quantity; gaps are squared and summed over
            columns, so that one column gives the two-sided test of a difference.
        treated: Whether each unit got the change.
        seed: Seed of the draws, where there are too many assignments to try all.

    Returns:
        p-value: exact up to 5,000 assignments, else from 999 draws with the observed one added.

    References:
        Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9:39.
    """
    n, k = len(treated), int(treated.sum())
    exact = math.comb(n, k) <= MOST_EXACT
    if exact:
        chosen = np.array(list(combinations(range(n), k)))
    else:
        drawn = np.random.default_rng(seed).random((DRAWS, n))
        chosen = np.argsort(drawn, axis=1)[:, :k]
    members = np.zeros((len(chosen), n))
    np.put_along_axis(members, chosen, 1.0, axis=1)
    observed = _gap_size(changes, treated[None, :].astype(float))[0]
    sizes = _gap_size(changes, members)
    # Equal gaps must count as equal although they were summed in another order.
    reached = int((sizes >= observed * (1 - 1e-9)).sum())
    return reached / len(chosen) if exact else (1 + reached) / (1 + DRAWS)


def attainable_p(n_treated: int, n_control: int) -> float:
    """Smallest p-value that permuting units could ever give.

    Args:
        n_treated: Units with the change.
        n_control: Units without it.

    Returns:
        One over the number of assignments; two over it when both groups are equally large,
        because the mirrored assignment has the same gap.

    Example:
        >>> attainable_p(3, 3)
        0.1
    """
    twins = 2 if n_treated == n_control else 1
    return min(1.0, twins / math.comb(n_treated + n_control, n_treated))


def without_period_effects(panel: Panel) -> pd.DataFrame:
    """Take out what moved the untreated units, which matters only where cells are missing.

    Args:
        panel: Units by times.

    Returns:
        The grid, less the effect of each period on untreated units.
    """
    if not panel.grid.isna().to_numpy().any():
        return panel.grid
    others = panel.grid[~panel.treated]
    period = pd.Series(0.0, index=panel.grid.columns)
    for _ in range(200):
        unit = (others - period).mean(axis=1)
        period = others.sub(unit, axis=0).mean(axis=0).fillna(0.0)
    return panel.grid - period


def unit_changes(level: pd.DataFrame, before: Mask) -> pd.Series:
    """Collapse each unit to one change.

    Args:
        level: Units by times.
        before: Which columns lie before the start.

    Returns:
        Mean after less mean before, by unit; units without both sides are left out.
    """
    return (level.loc[:, ~before].mean(axis=1) - level.loc[:, before].mean(axis=1)).dropna()


def difference_of(changes: pd.Series, treated: Mask, plan: Plan) -> tuple[Estimate, float]:
    """Compare the mean change of treated units with that of the others.

    Args:
        changes: One change per unit.
        treated: Whether each unit got the change.
        plan: What was decided before; its metric, units and confidence are read.

    Returns:
        The difference with its t interval, and its standard error.
    """
    first, second = mean_of(changes[treated]), mean_of(changes[~treated])
    # A variance from a handful of units is worth less than the assumption that both groups vary
    # alike, which the permutation test makes as well.
    if min(first.n, second.n) >= 5:
        error, degrees = math.hypot(first.error, second.error), welch_degrees(first, second)
    else:
        error, degrees = _pooled(first, second)
    half = float(stats.t.ppf((1 + plan.confidence) / 2, degrees)) * error
    value, unit = first.value - second.value, plan.units.get(plan.metric, "")
    ends = (value - half, value + half)
    n = first.n + second.n
    return Estimate(plan.metric, value, *ends, n, unit, SOURCE, plan.confidence), error


def _pooled(first: Mean, second: Mean) -> tuple[float, float]:
    squares = [
        mean.error**2 * mean.n * (mean.n - 1) if mean.n > 1 else 0.0 for mean in (first, second)
    ]
    degrees = first.n + second.n - 2
    return math.sqrt(sum(squares) / degrees * (1 / first.n + 1 / second.n)), float(degrees)


def _gap_size(changes: Matrix, members: Matrix) -> Matrix:
    k, n = members.sum(axis=1, keepdims=True), members.shape[1]
    inside = members @ changes
    gaps = inside / k - (changes.sum(axis=0) - inside) / (n - k)
    size: Matrix = (gaps**2).sum(axis=1)
    return size
