"""Outcomes that the change cannot move: when they move, something else made the groups differ."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from journeylib.phrases import chance_words, gap_words
from journeylib.plans import FAIL, PASS, WARN, Check
from journeylib.treatments import Trial, adjust_family, compare_arms, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from journeylib.estimates import Estimate
    from journeylib.plans import Plan

NAME = "placebo_outcome"
UNUSUAL, BROKEN = 0.05, 0.01


def check_placebo_arms(trial: Trial) -> list[Check]:
    """Compare the arms of a test in outcomes that the change cannot move.

    Args:
        trial: The test, before any adjustment.

    Returns:
        A check ``placebo_outcome`` per arm and placebo outcome.
    """
    names = trial.plan.placebo_outcomes
    calm = replace(trial, stretch=1.0)
    found = adjust_family([one for name in names for one in compare_arms(calm, name)], "holm")
    return [
        judge_placebo(one.metric, number_of(one), one.p_adjusted, where=f" in {one.arm}")
        for one in found
    ]


def check_placebo_lines(
    data: pd.DataFrame,
    plan: Plan,
    measure: Callable[[pd.DataFrame, Plan], tuple[Estimate | None, float]],
) -> list[Check]:
    """Measure outcomes that the change cannot move in the way of the metric itself.

    Args:
        data: ``time``, the unit's column and one column per placebo outcome.
        plan: What was decided before.
        measure: Gives the difference, or None, and its p-value; it gets the outcome as ``value``.

    Returns:
        A check ``placebo_outcome`` per placebo outcome, p-values by Bonferroni.
    """
    checks = []
    for name in plan.placebo_outcomes:
        estimate, p_value = None, math.nan
        if name in data:
            other = replace(plan, metric=name)
            estimate, p_value = measure(data.assign(value=data[name]), other)
        adjusted = min(len(plan.placebo_outcomes) * p_value, 1.0)
        checks.append(judge_placebo(name, estimate, adjusted))
    return checks


def judge_placebo(
    metric: str, estimate: Estimate | None, p_value: float, *, where: str = ""
) -> Check:
    """Say whether an outcome that the change cannot move stayed where it was.

    Args:
        metric: Name of the placebo outcome.
        estimate: Its difference, or None where there is none.
        p_value: p-value, adjusted for the number of placebo outcomes.
        where: Group that is meant, to be put behind the name.

    Returns:
        Check ``placebo_outcome``: a warning below .05, failed below .01.

    References:
        Lipsitch, Tchetgen Tchetgen & Cohen (2010), Epidemiology 21:383-388, "Negative controls: a
        tool for detecting confounding and bias in observational studies".
    """
    if estimate is None or math.isnan(p_value):
        message = f"{metric}, which the change cannot move, could not be measured{where}."
        return Check(NAME, WARN, math.nan, message)
    moved = gap_words(estimate.value, estimate.unit, signed=True)
    message = f"{metric}, which the change cannot move, differs by {moved}{where}"
    if p_value >= UNUSUAL:
        return Check(NAME, PASS, p_value, f"{message}, no more than chance does.")
    message += f"; chance does that {chance_words(p_value)}"
    if p_value >= BROKEN:
        return Check(NAME, WARN, p_value, f"{message}, so more than the change may be at work.")
    message += ", so more than the change is at work."
    return Check(NAME, FAIL, p_value, message)
