"""Difference-in-differences: units with the change against units without, before and after.

Not for one unit alone; see `series`. Each unit is collapsed to one change, because standard
errors clustered by unit fail when few units were treated.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.arms import detectable_effect
from journeylib.estimates import Estimate, Refusal
from journeylib.plans import FAIL, PASS, WARN, Check, Finding, Impact, Plan, build_impact, judge
from journeylib.scores import Mean, mean_of, welch_degrees
from journeylib.units import Panel, check_selection, read_panel
from journeylib.verdicts import weigh_chance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

DESIGN = "difference_in_differences"
SOURCE = "Difference in mean unit changes, t interval; permutation p (Bertrand et al. 2004)"
MOST_EXACT = 5000
DRAWS = 999


def measure_panel(data: pd.DataFrame, plan: Plan) -> Impact:
    """Measure a change that some units got and others did not.

    Args:
        data: Unit, ``time, value`` and, where the plan names no treated units, ``treated``.
        plan: What was decided before.

    Returns:
        One row, its checks, and the means of both groups with the gap between them over time.
        Evidence is B when the pre-trend and the placebo date pass, else C; groups that did not
        move alike before are not interpretable.

    Raises:
        DataError: A column or a treated unit is missing, or there is no start.

    References:
        Bertrand, Duflo & Mullainathan (2004), QJE 119:249-275, collapsing to two periods;
        Roth (2022), AER: Insights 4:305-322, on what a passed pre-trend test can miss.
    """
    panel = read_panel(data, plan)
    level = _without_period_effects(panel)
    checks = _count_checks(panel)
    if any(check.status == FAIL for check in checks):
        return _refuse(plan, panel, checks)
    finding, kept = _effect(panel, level, plan)
    checks += _permutation_checks(kept, plan)
    checks += _trend_checks(panel, level, plan, finding)
    checks += check_selection(panel, plan, compared=True)
    diagnostics = [c.status for c in checks if c.check in {"pre_trend", "placebo"}]
    evidence = "B" if all(status == PASS for status in diagnostics) else "C"
    verdict = weigh_chance(judge(plan, finding, checks), finding.p_value, plan.confidence)
    finding = replace(finding, evidence=evidence, verdict=verdict)
    drawn = _picture(panel, plan)
    return build_impact(plan, DESIGN, findings=[finding], checks=checks, figure_data=drawn)


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


def _gap_size(changes: Matrix, members: Matrix) -> Matrix:
    k, n = members.sum(axis=1, keepdims=True), members.shape[1]
    inside = members @ changes
    gaps = inside / k - (changes.sum(axis=0) - inside) / (n - k)
    size: Matrix = (gaps**2).sum(axis=1)
    return size


def _without_period_effects(panel: Panel) -> pd.DataFrame:
    """Take out what moved the untreated units, which matters only where cells are missing."""
    if not panel.grid.isna().to_numpy().any():
        return panel.grid
    others = panel.grid[~panel.treated]
    period = pd.Series(0.0, index=panel.grid.columns)
    for _ in range(200):
        unit = (others - period).mean(axis=1)
        period = others.sub(unit, axis=0).mean(axis=0).fillna(0.0)
    return panel.grid - period


def _changes(level: pd.DataFrame, before: Mask) -> pd.Series:
    """Collapse each unit to one change; units without both sides are left out."""
    return (level.loc[:, ~before].mean(axis=1) - level.loc[:, before].mean(axis=1)).dropna()


def _count_checks(panel: Panel) -> list[Check]:
    before, (n_units, n_times) = panel.before, panel.grid.shape
    measured = panel.grid.loc[:, before].notna().any(axis=1)
    measured &= panel.grid.loc[:, ~before].notna().any(axis=1)
    n_treated = int((panel.treated & measured).sum())
    n_control = int((~panel.treated & measured).sum())
    enough = n_treated >= 1 and n_control >= 2
    message = (
        f"{n_treated} treated and {n_control} untreated units, measured {int(before.sum())} times "
        f"before and {int((~before).sum())} after; at least 1 and 2 units on both sides are needed."
    )
    checks = [Check("units", PASS if enough else FAIL, float(n_units), message)]
    missing = int(panel.grid.isna().to_numpy().sum())
    message = f"{missing} of {n_units * n_times} unit-periods are missing."
    checks.append(Check("missing_periods", WARN if missing else PASS, float(missing), message))
    if len(panel.starts) > 1:
        dates = ", ".join(f"{day:%Y-%m-%d}" for day in panel.starts)
        message = f"Units started at different times ({dates}); measure each start by itself."
        checks.append(Check("staggered", FAIL, float(len(panel.starts)), message))
    return checks


def _effect(panel: Panel, level: pd.DataFrame, plan: Plan) -> tuple[Finding, Mask]:
    changes = _changes(level, panel.before)
    kept = panel.treated[panel.grid.index.get_indexer(changes.index)]
    groups = [mean_of(changes[mask]) for mask in (kept, ~kept)]
    estimate, error = _difference(changes, kept, plan)
    p_value = permutation_p(changes.to_numpy()[:, None], kept, seed=plan.seed)
    after = panel.grid[panel.treated].loc[:, ~panel.before].mean(axis=1).mean()
    finding = Finding(
        estimate, float(after) - estimate.value, p_value, groups[0].n, groups[1].n, "C",
        p_adjusted=p_value, error=error,
    )  # fmt: skip
    return finding, kept


def _difference(changes: pd.Series, treated: Mask, plan: Plan) -> tuple[Estimate, float]:
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


def _permutation_checks(kept: Mask, plan: Plan) -> list[Check]:
    least = attainable_p(int(kept.sum()), int((~kept).sum()))
    able = least <= 1 - plan.confidence + 1e-12
    message = f"With these units no p-value below {least:.3g} can occur"
    message += "." if able else ", so chance can never be ruled out: more units are needed."
    return [Check("attainable_p", PASS if able else FAIL, least, message)]


def _trend_checks(panel: Panel, level: pd.DataFrame, plan: Plan, finding: Finding) -> list[Check]:
    earlier = level.loc[:, panel.before]
    treated, n = panel.treated, earlier.shape[1]
    if n < 2:
        message = "One period before the start cannot show whether the groups moved alike."
        return [Check(name, WARN, math.nan, message) for name in ("pre_trend", "placebo")]
    own = earlier.sub(earlier.mean(axis=1), axis=0).fillna(0.0)
    p_trend = permutation_p(own.to_numpy(), treated, seed=plan.seed)
    status = PASS if p_trend > 0.05 else FAIL
    alike = "moved alike" if status == PASS else "did not move alike"
    message = f"Before the start the groups {alike} over {n} periods (joint p = {p_trend:.3g})."
    checks = [Check("pre_trend", status, p_trend, message)]
    checks += _drift_checks(panel, earlier, plan, finding)
    changes = _changes(earlier, np.arange(n) < n // 2)
    mask = treated[panel.grid.index.get_indexer(changes.index)]
    if not mask.any() or mask.all():
        return [*checks, Check("placebo", WARN, math.nan, "No placebo date can be tried.")]
    p_placebo = permutation_p(changes.to_numpy()[:, None], mask, seed=plan.seed)
    fake = _difference(changes, mask, plan)[0].value if len(mask) > 2 else math.nan
    message = (
        f"A pretended start at {earlier.columns[n // 2]:%Y-%m-%d} gives {fake:.4g} "
        f"(p = {p_placebo:.3g}), where nothing should be."
    )
    return [*checks, Check("placebo", PASS if p_placebo > 0.05 else WARN, p_placebo, message)]


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
        unseen = detectable_effect(_difference(slopes, treated, plan)[1]) * reach
        status = PASS if unseen <= abs(estimate.value) else WARN
        message = (
            f"Passing is no proof: a drift that moves the result by {unseen:.4g} would be seen "
            f"four times in five, a smaller one less often; the result is {estimate.value:.4g}."
        )
        checks.append(Check("pre_trend_power", status, unseen, message))
    if estimate.low > 0 or estimate.high < 0:
        tipping = min(abs(estimate.low), abs(estimate.high)) / reach
        message = f"A drift of {tipping:.4g} a period between the groups would overturn the result."
        checks.append(Check("trend_sensitivity", PASS, tipping, message))
    return checks


def _slope(place: Matrix, values: Matrix) -> float:
    known = ~np.isnan(values)
    if known.sum() < 2:
        return math.nan
    apart = place[known] - place[known].mean()
    return float(apart @ values[known] / (apart @ apart))


def _refuse(plan: Plan, panel: Panel, checks: list[Check]) -> Impact:
    failed = next(check for check in checks if check.status == FAIL)
    n_treated = int(panel.treated.sum())
    finding = Finding(
        Refusal(failed.message, "units with and without the change, before and after."),
        math.nan, math.nan, n_treated, len(panel.treated) - n_treated, "C", metric=plan.metric,
    )  # fmt: skip
    drawn = _picture(panel, plan)
    return build_impact(plan, DESIGN, findings=[finding], checks=checks, figure_data=drawn)


def _picture(panel: Panel, plan: Plan) -> pd.DataFrame:
    """Means of both groups over time, and the gap between them beyond its mean before the start."""
    own = panel.grid.sub(panel.grid.loc[:, panel.before].mean(axis=1), axis=0)
    rows = []
    for time in pd.DatetimeIndex(panel.grid.columns):
        for series, mask in (("treated", panel.treated), ("control", ~panel.treated)):
            mean = mean_of(panel.grid.loc[mask, time])
            degrees = max(mean.n - 1, 1)
            rows.append(_picture_row(time, series, mean.value, mean.error, degrees, mean.n))
        now = own[time].dropna()
        mask = panel.treated[panel.grid.index.get_indexer(now.index)]
        if mask.any() and (~mask).sum() > 1:
            estimate, error = _difference(now, mask, plan)
            rows.append(_picture_row(time, "gap", estimate.value, error, len(now) - 2, len(now)))
    unit = plan.units.get(plan.metric, "")
    return pd.DataFrame(rows).assign(metric=plan.metric, unit=unit, source=SOURCE)


def _picture_row(
    time: pd.Timestamp, series: str, value: float, error: float, degrees: int, n: int
) -> dict[str, object]:
    half = float(stats.t.ppf(0.975, degrees)) * error
    return {
        "time": time, "series": series, "value": value, "low": value - half, "high": value + half,
        "n": n,
    }  # fmt: skip
