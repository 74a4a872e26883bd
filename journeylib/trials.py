"""A/B tests: arms assigned at random, judged by a plan that was declared before.

Not for arms that anybody chose; see `panels` and `series`. The arithmetic of two arms is in
`arms`, their comparison in `treatments`, the checks of the assignment in `splits`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from journeylib.errors import DataError
from journeylib.falsifications import check_placebo_arms
from journeylib.guardrails import measure_guardrails, temper
from journeylib.outliers import check_outliers
from journeylib.plans import FAIL, WARN, Check, Finding, Impact, Plan, build_impact, fit_units
from journeylib.precision import check_power, check_sample, weigh_looks
from journeylib.segments import measure_segments
from journeylib.splits import (
    check_arm_sizes,
    check_missing,
    check_split,
    check_weeks,
    cuped_rows,
    drop_contaminated,
    find_arms,
    numeric_outcomes,
)
from journeylib.strata import check_gain, read_strata
from journeylib.treatments import Trial, adjust_family, arm_levels, compare_arms, number_of
from journeylib.verdicts import choose_verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trial", "measure_trial"]


def measure_trial(data: pd.DataFrame, plan: Plan) -> Impact:
    """Measure an A/B test against its plan.

    Args:
        data: ``variant`` and one column per outcome (0/1 or numbers), ``unit_id`` where units
            may repeat; or one row per arm with ``count, mean`` and, for a mean that is not a
            share, ``variance`` (and ``metric`` where there are several).
        plan: What was decided before.

    Returns:
        A row per outcome × arm, guardrail × arm and segment × arm; the checks; the arms' levels;
        and the parts as they were before they were drawn together.

    Raises:
        DataError: A column or the control arm is missing, or an outcome is not a number.

    References:
        Fabijan et al. (2019), KDD, on sample ratio mismatch; Newcombe (1998); Welch (1947);
        Holm (1979) over arms; Benjamini & Hochberg (1995) over secondary outcomes.
    """
    trial, checks = _prepare(data, plan)
    plan = trial.plan
    outcomes = _outcomes(trial)
    shown = trial
    trial, more = _adjust(trial, outcomes)
    checks += more + check_placebo_arms(shown)
    gates = all(check.status != FAIL for check in checks)
    guards, held, guard_checks = measure_guardrails(trial, gates=gates)
    firsts = _primary(trial, outcomes[0], gates=gates, held=held)
    seconds = [found for name in outcomes[1:] for found in compare_arms(trial, name)]
    seconds = [_directed(plan, found, gates=gates) for found in adjust_family(seconds, "fdr_bh")]
    parts, part_checks, by_part = measure_segments(trial, outcomes[0], gates=gates)
    checks += guard_checks + _precision(trial, firsts) + part_checks
    if not shown.summed and not shown.repeats:
        checks += check_outliers(shown.rows, outcomes, trial.arms, plan)
    return build_impact(
        plan,
        "ab_test",
        findings=[*firsts, *seconds, *guards, *parts],
        checks=checks,
        figure_data=arm_levels(trial, [*outcomes, *plan.guardrails]),
        details={"parts": by_part},
    )


def _prepare(data: pd.DataFrame, plan: Plan) -> tuple[Trial, list[Check]]:
    rows, checks = drop_contaminated(numeric_outcomes(data, plan), plan)
    arms = find_arms(rows, plan)
    plan = fit_units(plan, {name: rows[name] for name in plan.units if name in rows})
    if "count" in rows:
        counts, repeats = rows.groupby("variant")["count"].max(), False
    else:
        repeats = "unit_id" in rows and bool(rows["unit_id"].duplicated().any())
        counted = rows.drop_duplicates(["variant", "unit_id"]) if repeats else rows
        counts = counted["variant"].value_counts()
    sizes = [int(counts[arm]) for arm in arms]
    checks += [check_split(sizes, plan.split, arms=arms), check_arm_sizes(sizes, arms)]
    checks += check_weeks(rows)
    stretch, looked = weigh_looks(plan, sum(sizes))
    return Trial(plan, rows, arms, repeats, stretch), [*checks, looked]


def _outcomes(trial: Trial) -> list[str]:
    named = trial.plan.outcomes or ((trial.plan.metric,) if trial.plan.metric else ())
    if not set(named) - set(trial.plan.guardrails):
        raise DataError(
            f'"{trial.plan.name}" names no outcome.', ["write outcomes: [column], not a guardrail"]
        )
    metrics = {*named, *trial.plan.guardrails}
    if trial.summed and "metric" not in trial.rows and len(metrics) > 1:
        raise DataError(
            f'"{trial.plan.name}" has {len(metrics)} metrics and one row per arm.',
            ["give the summed rows a column metric, one row per arm and metric"],
        )
    return [name for name in named if name not in trial.plan.guardrails]


def _adjust(trial: Trial, outcomes: list[str]) -> tuple[Trial, list[Check]]:
    """Narrow by a covariate, then by strata; neither where units repeat or came as sums."""
    if trial.summed:
        return trial, []
    plan = trial.plan
    metrics = [*outcomes, *plan.guardrails]
    columns = [column for name in metrics for column in plan.ratios.get(name, (name,))]
    checks = check_missing(trial.rows, columns)
    asked = [key for key in (plan.covariate, plan.strata) if key]
    if trial.repeats and asked:
        message = f"Units have several rows, so {' and '.join(asked)} cannot narrow the interval."
        return trial, [*checks, Check("cuped", WARN, float("nan"), message)]
    if plan.covariate:
        rows, more = cuped_rows(trial.rows, outcomes, plan)
        trial, checks = replace(trial, rows=rows), checks + more
    if plan.strata:
        plain = trial
        strata, more = read_strata(trial.rows, plan)
        trial, checks = replace(trial, strata=strata), checks + more
        if strata is not None:
            first = [compare_arms(one, outcomes[0])[0] for one in (trial, plain)]
            checks += check_gain(*first, column=plan.strata)
    return trial, checks


def _primary(trial: Trial, metric: str, *, gates: bool, held: dict[str, bool]) -> list[Finding]:
    judged = []
    for found in adjust_family(compare_arms(trial, metric), "holm"):
        verdict = choose_verdict(
            number_of(found),
            worthwhile=trial.plan.worthwhile,
            direction=trial.plan.direction,
            gates_passed=gates,
            guardrails_held=held.get(found.arm, True),
        )
        judged.append(replace(found, verdict=temper(trial.plan, found, verdict)))
    return judged


def _directed(plan: Plan, found: Finding, *, gates: bool) -> Finding:
    verdict = choose_verdict(number_of(found), direction=plan.direction, gates_passed=gates)
    return replace(found, verdict=temper(plan, found, verdict))


def _precision(trial: Trial, firsts: list[Finding]) -> list[Check]:
    first = firsts[0]
    estimate = number_of(first)
    n = sum({found.arm: found.n_treated for found in firsts}.values()) + first.n_control
    unit = estimate.unit if estimate else ""
    checks = check_sample(trial.plan, n, first.error, unit, stretch=trial.stretch)
    for found in firsts:
        checks += check_power(trial.plan, found, stretch=trial.stretch)
    return checks
