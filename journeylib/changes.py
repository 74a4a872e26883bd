"""Before and after, nothing else: a change, never an effect.

Kept so that a reader can see what the plain comparison says beside a design that can do better.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.arms import t_chance
from journeylib.collapsed import unit_changes
from journeylib.estimates import Estimate, Refusal
from journeylib.falsifications import check_placebo_lines
from journeylib.periods import leave_cut
from journeylib.phrases import gap_words
from journeylib.plans import (
    FAIL,
    PASS,
    WARN,
    Check,
    Finding,
    Impact,
    Plan,
    as_time,
    build_impact,
    fit_units,
    judge,
)
from journeylib.precision import check_power
from journeylib.scores import Mean, mean_difference, mean_estimate, mean_of, welch_degrees
from journeylib.treatments import number_of
from journeylib.units import (
    Panel,
    check_selection,
    expected_drift,
    read_measurements,
    read_panel,
)
from journeylib.verdicts import CANNOT_TELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

DESIGN = "before_after"
EVIDENCE = "D"


def measure_change(data: pd.DataFrame, plan: Plan) -> Impact:
    """Compare the mean after the start with the mean before it.

    Args:
        data: ``time, value`` and, where units were measured, their column; only treated units
            are compared, each with itself, the others size the drift to the mean.
        plan: What was decided before.

    Returns:
        One row with evidence D, its checks, and the values with the mean of their period.

    Raises:
        DataError: A column is missing or there is no start.
    """
    rows, left_out = leave_cut(read_measurements(data, plan), data, plan)
    start = as_time(plan.start, name=plan.name)
    panel = _panel(data, rows, plan)
    plan = fit_units(plan, {plan.metric: rows["value"]})
    if panel is not None:
        mine = panel.grid[panel.treated].mean(axis=0).dropna()
    else:
        mine = rows.groupby("time")["value"].mean()
    finding = _unit_change(panel, plan) if panel is not None else None
    finding = finding or _series_change(mine, start, plan)
    checks = [*_design_checks(mine, start, finding, plan), *left_out]
    drift, more = _selection(panel, plan, finding)
    checks += [*more, *check_placebo_lines(data, plan, _placebo), *check_power(plan, finding)]
    finding = replace(finding, verdict=_modest(judge(plan, finding, checks)))
    drawn = _picture(mine, start, plan)
    return build_impact(
        plan,
        DESIGN,
        findings=[finding],
        checks=checks,
        figure_data=drawn,
        details={"regression_to_mean": _drift_rows(finding, drift)},
    )


def _modest(verdict: str) -> str:
    """Take back what before and after alone cannot carry: that the change did it."""
    return CANNOT_TELL if verdict.startswith(("works", "harms")) else verdict


def _panel(data: pd.DataFrame, rows: pd.DataFrame, plan: Plan) -> Panel | None:
    if rows["unit"].nunique() < 2:
        return None
    if not plan.treated and "treated" not in rows:
        plan = replace(plan, treated=tuple(rows["unit"].unique().tolist()))
    return read_panel(data, plan)


def _unit_change(panel: Panel, plan: Plan) -> Finding | None:
    mine, before = panel.grid[panel.treated], panel.before
    change = unit_changes(mine, before)
    mean = mean_of(change)
    estimate = mean_estimate(
        mean, metric=plan.metric, unit=plan.units.get(plan.metric, ""), confidence=plan.confidence
    )
    if isinstance(estimate, Refusal):
        return None
    p_value = t_chance(mean.value, mean.error, mean.n - 1)
    earlier = float(mine.loc[change.index, before].mean(axis=1).mean())
    return Finding(
        estimate, earlier, p_value, mean.n, mean.n, EVIDENCE, p_adjusted=p_value, error=mean.error
    )


def _series_change(values: pd.Series, start: pd.Timestamp, plan: Plan) -> Finding:
    later, earlier = (mean_of(values[mask]) for mask in _sides(values, start))
    unit = plan.units.get(plan.metric, "")
    estimate = mean_difference(
        later, earlier, metric=plan.metric, unit=unit, confidence=plan.confidence
    )
    p_value, error = math.nan, math.nan
    if isinstance(estimate, Estimate):
        error = math.hypot(later.error, earlier.error)
        p_value = t_chance(estimate.value, error, welch_degrees(later, earlier))
    return Finding(
        estimate, earlier.value, p_value, later.n, earlier.n, EVIDENCE, p_adjusted=p_value,
        metric=plan.metric, error=error,
    )  # fmt: skip


def _sides(values: pd.Series, start: pd.Timestamp) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    after = np.asarray(values.index >= start)
    return after, ~after


def _design_checks(
    values: pd.Series, start: pd.Timestamp, finding: Finding, plan: Plan
) -> list[Check]:
    after, before = _sides(values, start)
    counts = (int(before.sum()), int(after.sum()))
    message = f"{counts[0]} periods before the start and {counts[1]} after."
    measured = isinstance(finding.estimate, Estimate)
    checks = [Check("points", PASS if measured else FAIL, float(sum(counts)), message)]
    message = (
        "This is a change, not an effect: everything else that happened since is part of it. "
        + _advice(counts)
    )
    checks.append(Check("design", WARN, math.nan, message))
    earlier = values[before].to_numpy(dtype="float64")
    if len(earlier) >= 4 and np.ptp(earlier) > 0:
        fitted = stats.linregress(np.arange(len(earlier)), earlier)
        p_value = float(fitted.pvalue)
        clear = p_value < 0.05
        move = gap_words(float(fitted.slope), plan.units.get(plan.metric, ""), signed=True)
        message = f"Before the start the series moved {move} a period already, "
        message += "so part of the change is that trend." if clear else "no more than chance does."
        checks.append(Check("trend", WARN if clear else PASS, float(fitted.slope), message))
    return checks


def _advice(counts: tuple[int, int]) -> str:
    """Name the better design that the data can already carry, or what it would take."""
    if counts[0] >= 8 and counts[1] >= 4:
        return (
            f"With {counts[0]} periods before and {counts[1]} after, interrupted_time_series can "
            "be declared now; units without the change (difference_in_differences) would tell more."
        )
    return (
        "Units without the change (difference_in_differences), or 8 periods before and 4 after "
        "(interrupted_time_series), would tell more."
    )


def _selection(panel: Panel | None, plan: Plan, finding: Finding) -> tuple[float, list[Check]]:
    """Size the drift to the mean that units show with no change at all."""
    if panel is not None and plan.chosen == "worst":
        checks = check_selection(panel, plan, compared=False)
        return checks[0].statistic, checks
    if plan.chosen == "worst":
        message = (
            "It was chosen because it was bad, and what is bad drifts back to the mean by itself; "
            "the earlier values of those not chosen would size that drift."
        )
        return math.nan, [Check("regression_to_mean", FAIL, math.nan, message)]
    drift = math.nan if panel is None else expected_drift(panel)
    estimate = finding.estimate
    if math.isnan(drift) or isinstance(estimate, Refusal):
        return math.nan, []
    large = drift * estimate.value > 0 and abs(drift) > abs(estimate.value) / 4
    unit = estimate.unit
    message = (
        f"From where these units stood among all, a drift of {gap_words(drift, unit, signed=True)} "
        f"is expected with no change at all; {gap_words(estimate.value, unit, signed=True)} was "
        "measured."
    )
    return drift, [Check("regression_to_mean", WARN if large else PASS, drift, message)]


def _placebo(data: pd.DataFrame, plan: Plan) -> tuple[Estimate | None, float]:
    """Compare an outcome that the change cannot move before and after as well."""
    rows, _ = leave_cut(read_measurements(data, plan), data, plan)
    plan = fit_units(plan, {plan.metric: rows["value"]})
    values = rows.groupby("time")["value"].mean()
    found = _series_change(values, as_time(plan.start, name=plan.name), plan)
    return number_of(found), found.p_value


def _drift_rows(finding: Finding, drift: float) -> pd.DataFrame:
    """Lay the measured change beside the one expected with no change at all, to draw."""
    columns = ["part", "value", "low", "high", "unit"]
    estimate = finding.estimate
    if math.isnan(drift) or isinstance(estimate, Refusal):
        return pd.DataFrame(columns=columns)
    ends = (estimate.value, estimate.low, estimate.high)
    rows = [("measured change", *ends, estimate.unit)]
    rows.append(("expected with no change at all", drift, drift, drift, estimate.unit))
    return pd.DataFrame(rows, columns=columns)


def _picture(values: pd.Series, start: pd.Timestamp, plan: Plan) -> pd.DataFrame:
    after, before = _sides(values, start)
    drawn = pd.DataFrame({"time": values.index, "value": values.to_numpy(), "after": after})
    for mask in (before, after):
        mean: Mean = mean_of(values[mask])
        half = math.nan
        if mean.n > 1:
            half = float(stats.t.ppf((1 + plan.confidence) / 2, mean.n - 1)) * mean.error
        ends = [mean.value, mean.value - half, mean.value + half]
        drawn.loc[mask, ["mean", "low", "high"]] = ends
    return drawn.assign(metric=plan.metric, unit=plan.units.get(plan.metric, ""))
