"""A change that units got one after the other: the panel's result by cohort, laid out as an impact.

Not for the estimation itself; see `staggered`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.estimates import Estimate, Refusal
from journeylib.falsifications import check_placebo_lines
from journeylib.plans import (
    PASS,
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
from journeylib.staggered import SOURCE, Cohorts, Staggered, measure_staggered, read_cohorts
from journeylib.units import check_selection
from journeylib.verdicts import weigh_chance

if TYPE_CHECKING:
    from journeylib.units import Panel


def measure_rollout(data: pd.DataFrame, panel: Panel, plan: Plan) -> Impact:
    """Measure a change that units got at different times.

    Args:
        data: The unit's column, ``time, value, treated``.
        panel: The same as units by times.
        plan: What was decided before.

    Returns:
        One row, the effect on the average treated unit; its checks; the mean of each cohort over
        time and, as ``gap``, the effects by time since the start. Effects by cohort and by time
        since the start are among the details.

    References:
        Callaway & Sant'Anna (2021), Journal of Econometrics 225:200-230.
    """
    cohorts = read_cohorts(data, plan)
    found = measure_staggered(cohorts, plan)
    dates = [f"{day:%-d %B %Y}" for day in panel.starts]
    shown = ", ".join(dates[:3]) + (" …" if len(dates) > 3 else "")
    message = (
        f"Units started at {len(dates)} different times ({shown}); each cohort is compared with "
        "units that had not started yet or never did."
    )
    left_out = [check for check in panel.checks if check.check != "always_treated"]
    checks = [Check("staggered", PASS, float(len(dates)), message), *left_out, *found.checks]
    checks += check_selection(panel, plan, compared=True) + check_placebo_lines(
        data, plan, _placebo
    )
    finding = _finding(found, cohorts, plan)
    verdict = weigh_chance(judge(plan, finding, checks), finding.p_value, plan.confidence)
    graded = {"pre_trend", "placebo_outcome", "contamination"}
    alike = [check.status for check in checks if check.check in graded]
    evidence = "B" if alike and all(status == PASS for status in alike) else "C"
    finding = replace(finding, verdict=verdict, evidence=evidence)
    return build_impact(
        plan,
        "difference_in_differences",
        findings=[finding],
        checks=[*checks, *check_power(plan, finding)],
        figure_data=_picture(found, cohorts, panel, plan),
        details={"event_study": found.dynamic, "cohorts": found.groups, "cells": found.cells},
    )


def _finding(found: Staggered, cohorts: Cohorts, plan: Plan) -> Finding:
    treated = int(cohorts.first.notna().sum())
    others = len(cohorts.first) - treated
    if found.summaries.empty:
        return Finding(found.overall, math.nan, math.nan, treated, others, "C", metric=plan.metric)
    # Shown although a failed check forbids reading it; the verdict says so.
    estimate = found.overall
    if isinstance(estimate, Refusal):
        row = found.summaries.iloc[0]
        ends = (float(row["value"]), float(row["low"]), float(row["high"]))
        unit = plan.units.get(plan.metric, "")
        estimate = Estimate(plan.metric, *ends, int(row["n"]), unit, SOURCE, plan.confidence)
    after = cohorts.grid[cohorts.first.notna()]
    later = after.columns.to_numpy()[None, :] >= cohorts.first.dropna().to_numpy()[:, None]
    level = float(np.nanmean(np.where(later, after.to_numpy(dtype="float64"), np.nan)))
    return Finding(
        estimate, level - estimate.value, found.p_value, treated, others, "C",
        p_adjusted=found.p_value, error=found.error,
    )  # fmt: skip


def _placebo(data: pd.DataFrame, plan: Plan) -> tuple[Estimate | None, float]:
    """Measure an outcome that the change cannot move in the same way."""
    cohorts = read_cohorts(data, plan)
    measured = pd.Series(cohorts.grid.to_numpy(dtype="float64").ravel())
    found = measure_staggered(cohorts, fit_units(plan, {plan.metric: measured}))
    return (found.overall if isinstance(found.overall, Estimate) else None), found.p_value


def _picture(found: Staggered, cohorts: Cohorts, panel: Panel, plan: Plan) -> pd.DataFrame:
    """Mean of each cohort over time; effects by time since the start, set beside the plan's own."""
    names = cohorts.first.map(lambda day: f"treated from {day:%b %Y}", na_action="ignore")
    means = cohorts.grid.groupby(names.fillna("never treated")).mean()
    drawn = means.rename_axis("series").reset_index().melt("series", var_name="time")
    sizes = names.fillna("never treated").value_counts()
    drawn = drawn.assign(n=drawn["series"].map(sizes), metric=plan.metric)
    if not found.dynamic.empty:
        first = as_time(plan.start, name=plan.name) if plan.start else panel.starts[0]
        spacing = pd.Series(pd.DatetimeIndex(cohorts.grid.columns)).diff().median()
        gaps = found.dynamic.drop(columns="error").assign(series="gap", metric=plan.metric)
        gaps["time"] = first + gaps["event_time"] * spacing
        drawn = pd.concat([drawn, gaps], ignore_index=True)
    unit = plan.units.get(plan.metric, "")
    return drawn.assign(unit=unit, source=SOURCE)
