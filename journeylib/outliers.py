"""Does the mean of a test hang on a few customers? Revenue does more often than one would like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeylib.arms import Contrast, contrast_arms, is_binary, read_arm
from journeylib.estimates import Refusal
from journeylib.phrases import gap_words, span_words
from journeylib.plans import PASS, WARN, Check, Plan
from journeylib.verdicts import side_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

# Shares of a difference that one unit may carry, and how they are told; the last one warns.
BANDS = ((0.05, "less than 5 %"), (0.25, "less than 25 %"), (1.0, "more than 25 %"))


def check_outliers(
    rows: pd.DataFrame, metrics: Sequence[str], arms: Sequence[str], plan: Plan
) -> list[Check]:
    """Measure means again with their most extreme values pulled in, and without the largest one.

    Args:
        rows: The test, one row per unit, before any adjustment.
        metrics: Outcomes; shares and ratios are passed over.
        arms: Names of the arms, control first.
        plan: What was decided before.

    Returns:
        Per mean and arm, check ``outliers`` (values beyond the 0.1 % and 99.9 % quantiles pulled in
        to them) and ``largest_unit`` (share of the difference that one unit carries): a warning
        when the answer hangs on a few customers.

    References:
        Wilcox (2012), Introduction to Robust Estimation and Hypothesis Testing, ch. 3, on
        winsorising; Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, ch. 18.
    """
    checks = []
    for metric in metrics:
        if metric in plan.ratios or rows[metric].dropna().empty or is_binary(rows[metric]):
            continue
        values = rows[metric]
        tame = values.clip(float(values.quantile(0.001)), float(values.quantile(0.999)))
        for name in arms[1:]:
            sides = [rows["variant"] == one for one in (name, arms[0])]
            plain, calm = (
                _contrast(column[sides[0]], column[sides[1]], metric, plan)
                for column in (values, tame)
            )
            checks += _winsorised(name, plain, calm)
            checks += _largest(name, values[sides[0]], values[sides[1]], plain)
    return checks


def largest_part(treated: pd.Series, control: pd.Series) -> float:
    """How far the unit that weighs most moves a difference of means by being there.

    Args:
        treated: Values with the change.
        control: Values without it.

    Returns:
        Signed move, in the unit of the values: the difference with that unit minus without it.
    """
    moves = [0.0]
    for sign, values in ((1, treated.dropna()), (-1, control.dropna())):
        if len(values) > 1:
            apart = (values - values.mean()).to_numpy(dtype="float64") / (len(values) - 1)
            moves.append(sign * float(apart[np.abs(apart).argmax()]))
    return max(moves, key=abs)


def _contrast(treated: pd.Series, control: pd.Series, metric: str, plan: Plan) -> Contrast:
    return contrast_arms(
        read_arm("treated", treated), read_arm("control", control), metric=metric,
        unit=plan.units.get(metric, ""), confidence=plan.confidence,
    )  # fmt: skip


def _winsorised(name: str, plain: Contrast, calm: Contrast) -> list[Check]:
    before, after = plain.estimate, calm.estimate
    if isinstance(before, Refusal) or isinstance(after, Refusal):
        return []
    same = side_of(before.low, before.high) == side_of(after.low, after.high)
    message = (
        f"{name}: with the most extreme values of {before.metric} pulled in the difference is "
        f"{gap_words(after.value, after.unit, signed=True)} "
        f"({span_words(after.low, after.high, after.unit)}), as it was measured "
        f"{gap_words(before.value, before.unit, signed=True)}"
    )
    message += "." if same else ": the answer hangs on a few customers."
    return [Check("outliers", PASS if same else WARN, after.value, message)]


def _largest(name: str, treated: pd.Series, control: pd.Series, plain: Contrast) -> list[Check]:
    estimate = plain.estimate
    if isinstance(estimate, Refusal):
        return []
    size = max(abs(estimate.value), (estimate.high - estimate.low) / 2)
    share = abs(largest_part(treated, control)) / size if size > 0 else 0.0
    # Told in bands: the exact share would tell what that one customer spent.
    place = next((at for at, (limit, _) in enumerate(BANDS) if share <= limit), len(BANDS) - 1)
    heavy = place == len(BANDS) - 1
    what = "difference" if size == abs(estimate.value) else "width of the interval"
    message = f"{name}: one customer alone carries {BANDS[place][1]} of the {what} in "
    message += estimate.metric
    message += "; look at that customer before believing the mean." if heavy else "."
    return [Check("largest_unit", WARN if heavy else PASS, BANDS[place][0], message)]
