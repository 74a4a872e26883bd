"""Difference-in-differences: units with the change against units without, before and after.

Not for one unit alone; see `series`. Each unit is collapsed to one change, because standard
errors clustered by unit fail when few units were treated. Units that started at different times
are in `rollouts`, one treated unit against a mixture of others in `rivals`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
from scipy import stats

from journeylib.collapsed import (
    SOURCE,
    attainable_p,
    difference_of,
    permutation_p,
    unit_changes,
    without_period_effects,
)
from journeylib.estimates import Estimate, Refusal
from journeylib.falsifications import check_placebo_lines
from journeylib.phrases import chance_words
from journeylib.plans import (
    FAIL,
    PASS,
    WARN,
    Check,
    Finding,
    Impact,
    Plan,
    build_impact,
    fit_units,
    judge,
)
from journeylib.precision import check_power
from journeylib.pretrends import check_pretrends
from journeylib.rivals import Rival, check_clusters, choose_design, measure_mixtures
from journeylib.rollouts import measure_rollout
from journeylib.scores import mean_of
from journeylib.treatments import number_of
from journeylib.units import Panel, check_selection, read_panel
from journeylib.verdicts import weigh_chance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

__all__ = ["attainable_p", "measure_panel", "permutation_p"]

DESIGN = "difference_in_differences"
DIAGNOSTICS = {"pre_trend", "placebo", "placebo_outcome", "pre_fit", "contamination"}


def measure_panel(data: pd.DataFrame, plan: Plan) -> Impact:
    """Measure a change that some units got and others did not.

    Args:
        data: Unit, ``time, value`` and, where the plan names no treated units, ``treated``; the
            columns of placebo outcomes.
        plan: What was decided before.

    Returns:
        One row, its checks, and the means of both groups with the gap between them over time.
        Evidence is B when the pre-trend and the placebo date pass, else C; groups that did not
        move alike before are not interpretable. Units that started at different times are
        measured by cohort. One treated unit with ten earlier times and ten others has two rows
        more, ``<metric>:synthetic_did`` and ``<metric>:synthetic_control``.

    Raises:
        DataError: A column or a treated unit is missing, or there is no start.

    References:
        Bertrand, Duflo & Mullainathan (2004), QJE 119:249-275, collapsing to two periods;
        Roth (2022), AER: Insights 4:305-322, on what a passed pre-trend test can miss.
    """
    panel = read_panel(data, plan)
    plan = fit_units(plan, {plan.metric: panel.flat()})
    if len(panel.starts) > 1:
        return measure_rollout(data, panel, plan)
    level = without_period_effects(panel)
    checks = [*_count_checks(panel), *panel.checks]
    if checks[0].status == FAIL:
        return _refuse(plan, panel, checks)
    finding, kept = _effect(panel, level, plan)
    checks += _permutation_checks(kept, plan)
    checks += check_pretrends(panel, level, plan, finding)
    checks += check_selection(panel, plan, compared=True)
    checks += check_placebo_lines(data, plan, _placebo)
    checks += check_clusters(panel, level, plan, finding)
    rivals = measure_mixtures(panel, plan)
    checks += [check for rival in rivals for check in rival.of_plain]
    diagnostics = [c.status for c in checks if c.check in DIAGNOSTICS]
    evidence = "B" if all(status == PASS for status in diagnostics) else "C"
    verdict = weigh_chance(judge(plan, finding, checks), finding.p_value, plan.confidence)
    finding = replace(finding, evidence=evidence, verdict=verdict)
    checks += check_power(plan, finding) + choose_design(plan, finding, checks, rivals)
    return _laid_out(panel, plan, finding, checks, rivals)


def _laid_out(
    panel: Panel, plan: Plan, finding: Finding, checks: list[Check], rivals: list[Rival]
) -> Impact:
    drawn = _picture(panel, plan)
    gaps = drawn[drawn["series"] == "gap"]
    details = {"event_study": gaps.drop(columns="series").reset_index(drop=True)}
    for rival in rivals:
        details |= rival.details
    return build_impact(
        plan,
        DESIGN,
        findings=[finding, *(rival.finding for rival in rivals)],
        checks=[*checks, *(check for rival in rivals for check in rival.checks)],
        figure_data=pd.concat([drawn, *(rival.drawn for rival in rivals[:1])], ignore_index=True),
        details=details,
    )


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
    if not enough and n_treated == n_control == 1:
        message += " One line beside one other is an interrupted_time_series with a control."
    checks = [Check("units", PASS if enough else FAIL, float(n_units), message)]
    missing = int(panel.grid.isna().to_numpy().sum())
    message = f"{missing} of {n_units * n_times} measurements (unit by period) are missing."
    return [*checks, Check("missing_periods", WARN if missing else PASS, float(missing), message)]


def _effect(panel: Panel, level: pd.DataFrame, plan: Plan) -> tuple[Finding, Mask]:
    changes = unit_changes(level, panel.before)
    kept = panel.treated[panel.grid.index.get_indexer(changes.index)]
    groups = [mean_of(changes[mask]) for mask in (kept, ~kept)]
    estimate, error = difference_of(changes, kept, plan)
    p_value = permutation_p(changes.to_numpy()[:, None], kept, seed=plan.seed)
    after = panel.grid[panel.treated].loc[:, ~panel.before].mean(axis=1).mean()
    finding = Finding(
        estimate, float(after) - estimate.value, p_value, groups[0].n, groups[1].n, "C",
        p_adjusted=p_value, error=error,
    )  # fmt: skip
    return finding, kept


def _permutation_checks(kept: Mask, plan: Plan) -> list[Check]:
    n_treated, n_control = int(kept.sum()), int((~kept).sum())
    least = attainable_p(n_treated, n_control)
    able = least <= 1 - plan.confidence + 1e-12
    message = (
        f"With {n_treated} treated and {n_control} other units, even the clearest result could "
        f"come by chance {chance_words(least)}"
    )
    message += "." if able else ", too often to rule it out: more units are needed."
    return [Check("attainable_p", PASS if able else FAIL, least, message)]


def _placebo(data: pd.DataFrame, plan: Plan) -> tuple[Estimate | None, float]:
    """Measure an outcome that the change cannot move in the same way."""
    panel = read_panel(data, plan)
    plan = fit_units(plan, {plan.metric: panel.flat()})
    if _count_checks(panel)[0].status == FAIL:
        return None, math.nan
    finding, _ = _effect(panel, without_period_effects(panel), plan)
    return number_of(finding), finding.p_value


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
    first = int(panel.before.sum())
    rows = []
    for place, time in enumerate(pd.DatetimeIndex(panel.grid.columns)):
        for series, mask in (("treated", panel.treated), ("control", ~panel.treated)):
            mean = mean_of(panel.grid.loc[mask, time])
            half = mean.error * _reach(plan, max(mean.n - 1, 1))
            rows.append(_picture_row(time, series, mean.value, half, mean.n))
        now = own[time].dropna()
        mask = panel.treated[panel.grid.index.get_indexer(now.index)]
        if mask.any() and (~mask).sum() > 1:
            estimate, error = difference_of(now, mask, plan)
            half = error * _reach(plan, len(now) - 2)
            row = _picture_row(time, "gap", estimate.value, half, len(now))
            rows.append({**row, "event_time": place - first})
    unit = plan.units.get(plan.metric, "")
    columns = ["time", "series", "value", "low", "high", "n", "event_time"]
    drawn = pd.DataFrame(rows, columns=columns)
    return drawn.assign(metric=plan.metric, unit=unit, source=SOURCE)


def _reach(plan: Plan, degrees: int) -> float:
    return float(stats.t.ppf((1 + plan.confidence) / 2, degrees))


def _picture_row(
    time: pd.Timestamp, series: str, value: float, half: float, n: int
) -> dict[str, object]:
    return {
        "time": time, "series": series, "value": value, "low": value - half, "high": value + half,
        "n": n,
    }  # fmt: skip
