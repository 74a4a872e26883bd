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

from journeylib.estimates import Estimate, Refusal
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
    judge,
)
from journeylib.scores import Mean, mean_difference, mean_estimate, mean_of, welch_degrees
from journeylib.units import Panel, check_selection, read_measurements, read_panel
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
    rows = read_measurements(data, plan)
    start = as_time(plan.start, name=plan.name)
    panel = _panel(data, rows, plan)
    if panel is not None:
        mine = panel.grid[panel.treated].mean(axis=0).dropna()
    else:
        mine = rows.groupby("time")["value"].mean()
    finding = _unit_change(panel, plan) if panel is not None else None
    finding = finding or _series_change(mine, start, plan)
    checks = [*_design_checks(mine, start, finding), *_selection(panel, plan)]
    finding = replace(finding, verdict=_modest(judge(plan, finding, checks)))
    drawn = _picture(mine, start, plan)
    return build_impact(plan, DESIGN, findings=[finding], checks=checks, figure_data=drawn)


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
    change = (mine.loc[:, ~before].mean(axis=1) - mine.loc[:, before].mean(axis=1)).dropna()
    mean = mean_of(change)
    estimate = mean_estimate(
        mean, metric=plan.metric, unit=plan.units.get(plan.metric, ""), confidence=plan.confidence
    )
    if isinstance(estimate, Refusal):
        return None
    p_value = _p_value(mean.value, mean.error, mean.n - 1)
    earlier = float(mine.loc[change.index, before].mean(axis=1).mean())
    return Finding(estimate, earlier, p_value, mean.n, mean.n, EVIDENCE, p_adjusted=p_value)


def _series_change(values: pd.Series, start: pd.Timestamp, plan: Plan) -> Finding:
    later, earlier = (mean_of(values[mask]) for mask in _sides(values, start))
    unit = plan.units.get(plan.metric, "")
    estimate = mean_difference(
        later, earlier, metric=plan.metric, unit=unit, confidence=plan.confidence
    )
    p_value = math.nan
    if isinstance(estimate, Estimate):
        error = math.hypot(later.error, earlier.error)
        p_value = _p_value(estimate.value, error, welch_degrees(later, earlier))
    return Finding(
        estimate, earlier.value, p_value, later.n, earlier.n, EVIDENCE, p_adjusted=p_value,
        metric=plan.metric,
    )  # fmt: skip


def _sides(values: pd.Series, start: pd.Timestamp) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    after = np.asarray(values.index >= start)
    return after, ~after


def _p_value(value: float, error: float, degrees: float) -> float:
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stats.t.sf(abs(value) / error, degrees))


def _design_checks(values: pd.Series, start: pd.Timestamp, finding: Finding) -> list[Check]:
    after, before = _sides(values, start)
    counts = (int(before.sum()), int(after.sum()))
    message = f"{counts[0]} periods before the start and {counts[1]} after."
    measured = isinstance(finding.estimate, Estimate)
    checks = [Check("points", PASS if measured else FAIL, float(sum(counts)), message)]
    message = (
        "A before and after comparison holds everything else that happened since; units without "
        "the change (difference_in_differences) or 8 periods before and 4 after "
        "(interrupted_time_series) would say more."
    )
    checks.append(Check("design", WARN, math.nan, message))
    earlier = values[before].to_numpy(dtype="float64")
    if len(earlier) >= 4 and np.ptp(earlier) > 0:
        fitted = stats.linregress(np.arange(len(earlier)), earlier)
        p_value = float(fitted.pvalue)
        clear = p_value < 0.05
        message = (
            f"Before the start the series moved {fitted.slope:.4g} a period (p = {p_value:.2g})"
        )
        message += ": part of the change is that trend." if clear else "."
        checks.append(Check("trend", WARN if clear else PASS, float(fitted.slope), message))
    return checks


def _selection(panel: Panel | None, plan: Plan) -> list[Check]:
    if panel is not None:
        return check_selection(panel, plan, compared=False)
    if plan.chosen != "worst":
        return []
    message = (
        "It was chosen because it was bad and drifts back to the mean by itself; the earlier "
        "values of those not chosen would size that drift."
    )
    return [Check("regression_to_mean", FAIL, math.nan, message)]


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
