"""Was the A/B test assigned as planned? The checks of the split and the cleaning before measuring.

Not for effects and verdicts; see `trials`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.arms import adjust_for_covariate, is_binary
from journeylib.errors import DataError, did_you_mean
from journeylib.phrases import chance_words, level_words
from journeylib.plans import FAIL, PASS, WARN, Check, need_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.plans import Plan

# Sample variances divide by n - 1, so a share's may stand a little above mean * (1 - mean).
SHARE_SLACK = 0.02
# Parts that the kit itself makes from what customers did.
KIT_PARTS = ("persona", "stage")
_KEPT = (
    "; with more than 1 in 100 the assignment was not kept, and a test that keeps each unit in its "
    "arm would tell."
)
_USUAL_CONTROLS = ("control", "a", "none", "baseline", "without", "0")


def numeric_outcomes(data: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Take the columns that the plan names, outcomes as numbers and variants as text.

    Args:
        data: The test as it was read.
        plan: What was decided before.

    Returns:
        A new frame; rows without a variant are left out.

    Raises:
        DataError: A column is missing or an outcome holds something that is not a number.
    """
    summed = {"count", "mean"} <= set(data.columns)
    numbers = ["count", "mean", *(["variance"] if "variance" in data else [])]
    labels: list[str] = []
    if not summed:
        numbers = [*_measured(plan), *([plan.covariate] if plan.covariate else [])]
        labels = [*plan.segments, *([plan.strata] if plan.strata else [])]
        # A persona or a stage that the test does not hold itself is refused later, with the reason.
        labels = [name for name in labels if name in data or name.casefold() not in KIT_PARTS]
    elif plan.ratios:
        raise DataError(
            f'"{plan.name}" has a ratio and one row per arm.',
            ["give one row per unit with both columns, or give the ratio's own mean and variance"],
        )
    need_columns(data, ["variant", *numbers, *labels], name=plan.name)
    rows = data[data["variant"].notna()].reset_index(drop=True)
    read = {name: pd.to_numeric(rows[name], errors="coerce").astype("float64") for name in numbers}
    wrong = [
        f"{name} must hold numbers, found {rows.loc[bad, name].unique().tolist()[:5]}."
        for name in numbers
        if (bad := read[name].isna() & rows[name].notna()).any()
    ]
    if wrong:
        raise DataError(f'The outcomes of "{plan.name}" cannot be read.', wrong)
    return rows.assign(variant=rows["variant"].astype("str"), **read)


def _measured(plan: Plan) -> list[str]:
    """List the columns of numbers that a plan names, each once."""
    named = [*(plan.outcomes or ((plan.metric,) if plan.metric else ())), *plan.guardrails]
    named += plan.placebo_outcomes
    columns = [column for name in named for column in plan.ratios.get(name, (name,))]
    return list(dict.fromkeys(columns))


def find_arms(rows: pd.DataFrame, plan: Plan) -> tuple[str, ...]:
    """Name the arms, control first and the others in order of their names.

    Args:
        rows: The test, variants as text.
        plan: What was decided before.

    Returns:
        At least two names.

    Raises:
        DataError: There is one arm only, or the control cannot be told.
    """
    names = sorted(rows["variant"].unique().tolist())
    usual = [name for name in names if name.casefold() in _USUAL_CONTROLS]
    control = plan.control or (usual[0] if len(usual) == 1 else "")
    if control not in names:
        raise DataError(
            f'"{plan.name}" has no control arm "{control}"; its arms are {names}.',
            [f"write control: one of {names}. {did_you_mean(control, names)}".strip()],
        )
    if len(names) < 2:
        raise DataError(f'"{plan.name}" has one arm only, "{control}"; a test compares two.')
    return (control, *(name for name in names if name != control))


def drop_contaminated(rows: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, list[Check]]:
    """Leave out units that were seen in more than one arm.

    Args:
        rows: The test, variants as text.
        plan: What was decided before.

    Returns:
        The rows kept, and a check that fails when more than 1 % of units were contaminated.
    """
    if "unit_id" not in rows or "count" in rows:
        return rows, []
    arms_met = rows.groupby("unit_id")["variant"].transform("nunique")
    units = rows["unit_id"].nunique()
    mixed = rows.loc[arms_met > 1, "unit_id"].nunique()
    share = mixed / units if units else 0.0
    status = PASS if mixed == 0 else (WARN if share <= 0.01 else FAIL)
    message = f"{mixed:,} of {units:,} units of {plan.name} were seen in more than one arm"
    message += "." if mixed == 0 else " and are left out"
    if mixed:
        message += "." if status == WARN else _KEPT
    return rows[arms_met <= 1], [Check("contamination", status, share, message)]


def check_split(
    counts: Sequence[int], shares: Sequence[float] = (), *, arms: Sequence[str] = ()
) -> Check:
    """Test for a sample ratio mismatch: do the arms' sizes fit the planned split?

    Args:
        counts: Units in each arm, control first.
        shares: Planned share of each arm in the same order; equal when empty.
        arms: Names of the arms, for the message.

    Returns:
        Check ``srm`` with the chi-square p-value: fail below .001, warn below .01.

    Raises:
        DataError: The shares do not fit the arms.

    References:
        Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled
        experiments", KDD 2019:2156-2164.

    Example:
        >>> check_split([821588, 815482]).status
        'fail'
    """
    planned = np.asarray(shares or [1 / len(counts)] * len(counts), dtype=float)
    if len(planned) != len(counts) or (planned <= 0).any():
        raise DataError(
            f"split {list(shares)} does not fit the {len(counts)} arms {list(arms)}.",
            ["write one planned share above 0 per arm, control first"],
        )
    expected = planned / planned.sum() * sum(counts)
    p_value = float(stats.chisquare(list(counts), expected).pvalue) if sum(counts) else 0.0
    status = FAIL if p_value < 0.001 else (WARN if p_value < 0.01 else PASS)
    found = " : ".join(f"{count:,}" for count in counts)
    ending = {
        PASS: "fit the planned split",
        WARN: f"are unusual for the planned split: chance does that {chance_words(p_value)}",
        FAIL: "do not fit the planned split, so the assignment is broken: look for the reason, "
        "then run the test again",
    }
    message = f"{found} units in {', '.join(arms) or 'the arms'} {ending[status]}."
    return Check("srm", status, p_value, message)


def check_arm_sizes(counts: Sequence[int], arms: Sequence[str], *, needed: int = 100) -> Check:
    """Ask for enough units in every arm.

    Args:
        counts: Units in each arm.
        arms: Names of the arms.
        needed: Least number of units.

    Returns:
        Check ``arm_size``, failed when an arm is smaller.
    """
    least = min(counts)
    name = arms[list(counts).index(least)]
    status = PASS if least >= needed else FAIL
    return Check(
        "arm_size", status, float(least),
        f"The smallest arm, {name}, has {least:,} units; at least {needed} are needed.",
    )  # fmt: skip


def check_weeks(rows: pd.DataFrame) -> list[Check]:
    """Ask whether the test ran for whole weeks, where the data say when units were assigned.

    Args:
        rows: The test; ``assigned_at`` is optional.

    Returns:
        Check ``full_weeks``, a warning for part weeks; nothing without dates.
    """
    if "assigned_at" not in rows or not rows["assigned_at"].notna().any():
        return []
    days = pd.to_datetime(rows["assigned_at"], utc=True).dropna().dt.floor("D")
    length = int((days.max() - days.min()).days) + 1
    status = PASS if length >= 7 and length % 7 == 0 else WARN
    message = f"Units were assigned over {length} days, whole weeks, so each weekday counts alike."
    if status == WARN:
        message = f"Units were assigned over {length} days: some weekdays count more than others."
    return [Check("full_weeks", status, float(length), message)]


def check_missing(rows: pd.DataFrame, metrics: Sequence[str]) -> list[Check]:
    """Ask whether missing outcomes depend on the arm.

    Args:
        rows: The test.
        metrics: Outcome columns.

    Returns:
        Check ``missing_outcome`` for each outcome with gaps: warn when p is below .01, fail when
        the first, primary one is known for fewer than 100 units of an arm.
    """
    checks = []
    for metric in metrics:
        gaps = rows[metric].isna()
        if not gaps.any():
            continue
        p_value = depends_on_arm(rows["variant"], gaps)
        message = f"{metric} is missing for {int(gaps.sum()):,} units, which are left out"
        message += "." if p_value >= 0.01 else "; more often in one arm than in another."
        status = PASS if p_value >= 0.01 else WARN
        if metric == metrics[0] and rows[metric].groupby(rows["variant"]).count().min() < 100:
            status, message = FAIL, f"{message} Fewer than 100 are left in an arm."
        checks.append(Check("missing_outcome", status, p_value, message))
    return checks


def depends_on_arm(variants: pd.Series, labels: pd.Series) -> float:
    """Test whether the parts of a test have other sizes in one arm than in another.

    Args:
        variants: Arm of each unit.
        labels: Part of each unit.

    Returns:
        Chi-square p-value; small when the change itself moves customers between the parts.
    """
    table = pd.crosstab(variants, labels)
    return float(stats.chi2_contingency(table).pvalue) if min(table.shape) > 1 else 1.0


def cuped_rows(
    rows: pd.DataFrame, outcomes: Sequence[str], plan: Plan
) -> tuple[pd.DataFrame, list[Check]]:
    """Narrow the outcomes that are not shares by the covariate measured before assignment.

    Args:
        rows: The test, one row per unit.
        outcomes: Outcome columns.
        plan: What was decided before.

    Returns:
        Rows with adjusted outcomes, and a check ``cuped`` with the variance left over. A
        covariate that depends on the arm at p < .001 is not used, with a warning.
    """
    groups = [group.dropna() for _, group in rows.groupby("variant")[plan.covariate]]
    varied = all(len(group) > 1 for group in groups) and any(np.ptp(group) > 0 for group in groups)
    p_value = float(stats.f_oneway(*groups).pvalue) if varied else 1.0
    if p_value < 0.001:
        message = (
            f"{plan.covariate} differs between the arms, so it was not measured before assignment "
            "and is not used."
        )
        return rows, [Check("cuped", WARN, p_value, message)]
    checks = []
    means = [name for name in outcomes if name not in plan.ratios]
    for outcome in [name for name in means if not is_binary(rows[name])]:
        known = rows[rows[outcome].notna()]
        adjusted, left = adjust_for_covariate(
            known[outcome].to_numpy(dtype="float64"),
            known[plan.covariate].to_numpy(dtype="float64"),
            known["variant"].to_numpy(dtype="str"),
        )
        rows = rows.assign(**{outcome: pd.Series(adjusted, index=known.index)})
        gain = "which is no gain worth having" if left > 0.98 else "so the interval is narrower"
        message = (
            f"{plan.covariate} explains {level_words(1 - left, 'share')} of how {outcome} varies, "
            f"{gain}."
        )
        checks.append(Check("cuped", PASS, left, message))
    return rows, checks
