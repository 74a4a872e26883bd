"""Did treated and other units move alike before the change? The test, its power, what it misses.

A passed test is no proof: each comes with the drift that it would have missed, and the one that
would overturn the result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from journeylib.arms import detectable_effect, plain_reach, power_of
from journeylib.collapsed import difference_of, permutation_p, unit_changes
from journeylib.estimates import Refusal
from journeylib.phrases import chance_words, gap_words
from journeylib.plans import FAIL, PASS, WARN, Check, Finding, Plan

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from journeylib.units import Panel

    Matrix = NDArray[np.float64]

LEVEL = 0.05


def check_pretrends(panel: Panel, level: pd.DataFrame, plan: Plan, finding: Finding) -> list[Check]:
    """Look at the periods before the start.

    Args:
        panel: Units by times.
        level: Its grid, less period effects.
        plan: What was decided before.
        finding: The measured difference.

    Returns:
        Checks ``pre_trend`` (all earlier periods together), ``pre_trend_power``,
        ``trend_sensitivity`` and ``placebo`` (a pretended start).

    References:
        Roth (2022), AER: Insights 4:305-322, on what a passed test can miss; Rambachan & Roth
        (2023), Review of Economic Studies 90:2555-2591, on the drift that overturns a result.
    """
    earlier = level.loc[:, panel.before]
    treated, n = panel.treated, earlier.shape[1]
    if n < 2:
        message = "One period before the start cannot show whether the groups moved alike."
        return [Check(name, WARN, math.nan, message) for name in ("pre_trend", "placebo")]
    own = earlier.sub(earlier.mean(axis=1), axis=0).fillna(0.0)
    p_trend = permutation_p(own.to_numpy(), treated, seed=plan.seed)
    if p_trend > LEVEL:
        message = (
            f"Over {n} periods before the start the groups moved alike, as far as chance lets us "
            "see."
        )
    else:
        message = (
            f"Over {n} periods before the start the groups did not move alike: chance does that "
            f"{chance_words(p_trend)}. Other units, or a longer time before, would tell."
        )
    checks = [Check("pre_trend", PASS if p_trend > LEVEL else FAIL, p_trend, message)]
    checks += _drift_checks(panel, earlier, plan, finding)
    return [*checks, _date_check(panel, earlier, plan)]


def _date_check(panel: Panel, earlier: pd.DataFrame, plan: Plan) -> Check:
    n = earlier.shape[1]
    changes = unit_changes(earlier, np.arange(n) < n // 2)
    mask = panel.treated[panel.grid.index.get_indexer(changes.index)]
    if not mask.any() or mask.all():
        return Check("placebo", WARN, math.nan, "No pretended start can be tried.")
    p_value = permutation_p(changes.to_numpy()[:, None], mask, seed=plan.seed)
    fake = difference_of(changes, mask, plan)[0].value if len(mask) > 2 else math.nan
    unit = plan.units.get(plan.metric, "")
    message = (
        f"Had the start been {earlier.columns[n // 2]:%-d %B %Y}, the same sums would show "
        f"{gap_words(fake, unit, signed=True)}, where nothing should be: "
    )
    quiet = p_value > LEVEL
    message += "no more than chance." if quiet else f"chance does that {chance_words(p_value)}."
    return Check("placebo", PASS if quiet else WARN, p_value, message)


def _drift_checks(panel: Panel, earlier: pd.DataFrame, plan: Plan, finding: Finding) -> list[Check]:
    """Say which drift the pre-trend test would have missed, and which would overturn the result."""
    place = np.arange(panel.grid.shape[1], dtype=float)
    before, estimate = panel.before, finding.estimate
    if isinstance(estimate, Refusal):
        return []
    reach = float(place[~before].mean() - place[before].mean())
    slopes = earlier.apply(lambda row: _slope(place[before], row.to_numpy()), axis=1).dropna()
    treated = panel.treated[panel.grid.index.get_indexer(slopes.index)]
    checks = []
    if treated.any() and (~treated).sum() > 1:
        error = difference_of(slopes, treated, plan)[1]
        unseen = detectable_effect(error) * reach
        own = abs(estimate.value) / reach
        power = power_of(own, error, reach=plain_reach(1 - LEVEL))
        fine = unseen <= abs(estimate.value)
        sizes = [gap_words(abs(one), estimate.unit) for one in (unseen, estimate.value)]
        message = (
            f"A drift that fakes {sizes[0]} would have been seen 4 times in 5; one that fakes the "
            f"whole result, {sizes[1]}, {round(100 * power)} times in 100."
        )
        checks.append(Check("pre_trend_power", PASS if fine else WARN, unseen, message))
    if estimate.low > 0 or estimate.high < 0:
        tipping = min(abs(estimate.low), abs(estimate.high)) / reach
        message = (
            f"If the groups drifted apart by {gap_words(tipping, estimate.unit)} a period anyway, "
            "the result could no longer be told from none."
        )
        checks.append(Check("trend_sensitivity", PASS, tipping, message))
    return checks


def _slope(place: Matrix, values: Matrix) -> float:
    known = ~np.isnan(values)
    if known.sum() < 2:
        return math.nan
    apart = place[known] - place[known].mean()
    return float(apart @ values[known] / (apart @ apart))
