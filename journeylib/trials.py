"""A/B tests: arms assigned at random, judged by a plan that was declared before.

Not for arms that anybody chose; see `panels` and `series`. The arithmetic of two arms is in
`arms`, the checks of the assignment in `splits`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
from scipy import stats

from journeylib.arms import (
    Arm,
    contrast_arms,
    detectable_effect,
    exaggeration,
    final_look_bound,
    level_of,
    read_arm,
    sequence_half_width,
)
from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal
from journeylib.plans import FAIL, PASS, WARN, Check, Finding, Impact, Plan, build_impact
from journeylib.scores import Mean
from journeylib.splits import (
    SHARE_SLACK,
    check_arm_sizes,
    check_missing,
    check_segment,
    check_split,
    check_weeks,
    cuped_rows,
    drop_contaminated,
    find_arms,
    numeric_outcomes,
    winsorised_rows,
)
from journeylib.verdicts import CANNOT_TELL, NO_EFFECT, choose_verdict, weigh_chance

if TYPE_CHECKING:
    from collections.abc import Iterable

EVIDENCE = "A"


APART = 0.05  # an interaction below it lets the parts have verdicts of their own


@dataclass(frozen=True, slots=True)
class Trial:
    """A test ready to be measured.

    Attributes:
        plan: What was decided before.
        rows: One row per unit, or per arm in the aggregated form; variant as text.
        arms: Names of the arms, control first.
        repeats: Whether a unit has several rows.
        stretch: Factor by which looking more than once widens intervals.
    """

    plan: Plan
    rows: pd.DataFrame
    arms: tuple[str, ...]
    repeats: bool
    stretch: float


def measure_trial(data: pd.DataFrame, plan: Plan) -> Impact:
    """Measure an A/B test against its plan.

    Args:
        data: ``variant`` and one column per outcome (0/1 or numbers), ``unit_id`` where units
            may repeat; or one row per arm with ``count, mean`` and, for a mean that is not a
            share, ``variance`` (and ``metric`` where there are several).
        plan: What was decided before.

    Returns:
        A row per outcome × arm, guardrail × arm and segment × arm; the checks; the arms' levels.

    Raises:
        DataError: A column or the control arm is missing, or an outcome is not a number.

    References:
        Fabijan et al. (2019), KDD, on sample ratio mismatch; Newcombe (1998); Welch (1947);
        Holm (1979) over arms; Benjamini & Hochberg (1995) over secondary outcomes.
    """
    trial, checks = _prepare(data, plan)
    outcomes = _outcomes(trial)
    primary, shown = outcomes[0], trial.rows
    trial, more = _adjust(trial, outcomes)
    checks += more
    gates = all(check.status != FAIL for check in checks)
    guards, held, guard_checks = _guardrails(trial, gates=gates)
    firsts = _primary(trial, primary, gates=gates, held=held)
    seconds = [found for name in outcomes[1:] for found in _compare(trial, name)]
    seconds = [_judge_direction(plan, found, gates=gates) for found in _adjusted(seconds, "fdr_bh")]
    parts, part_checks = _segments(trial, primary, gates=gates)
    checks += guard_checks + _precision(trial, firsts) + part_checks
    checks += [] if "count" in shown else winsorised_rows(shown, primary, trial.arms, plan)
    return build_impact(
        plan,
        "ab_test",
        findings=[*firsts, *seconds, *guards, *parts],
        checks=checks,
        figure_data=_levels(trial, [*outcomes, *plan.guardrails]),
    )


def _prepare(data: pd.DataFrame, plan: Plan) -> tuple[Trial, list[Check]]:
    rows, checks = drop_contaminated(numeric_outcomes(data, plan), plan)
    arms = find_arms(rows, plan)
    if "count" in rows:
        counts, repeats = rows.groupby("variant")["count"].max(), False
    else:
        repeats = "unit_id" in rows and bool(rows["unit_id"].duplicated().any())
        counted = rows.drop_duplicates(["variant", "unit_id"]) if repeats else rows
        counts = counted["variant"].value_counts()
    sizes = [int(counts[arm]) for arm in arms]
    checks += [check_split(sizes, plan.split, arms=arms), check_arm_sizes(sizes, arms)]
    checks += check_weeks(rows)
    stretch, looked = _looks(plan, sum(sizes))
    return Trial(plan, rows, arms, repeats, stretch), [*checks, *looked]


def _looks(plan: Plan, n: int) -> tuple[float, list[Check]]:
    plain = float(stats.norm.ppf((1 + plan.confidence) / 2))
    if plan.looks_taken > plan.looks:
        width = sequence_half_width(1.0, n, confidence=plan.confidence) * math.sqrt(n)
        message = (
            f"{plan.looks_taken} looks were taken and {plan.looks} planned; the interval is a "
            f"confidence sequence, {width / plain:.2f} times as wide, true at every look."
        )
        return width / plain, [Check("peeking", WARN, float(plan.looks_taken), message)]
    if plan.looks > 1:
        bound = final_look_bound(plan.looks, confidence=plan.confidence)
        message = (
            f"{plan.looks} looks were planned; the interval uses {bound:.3f} standard errors "
            "(Lan-DeMets, O'Brien-Fleming type) at the last one."
        )
        return bound / plain, [Check("peeking", PASS, bound, message)]
    return 1.0, [Check("peeking", PASS, 1.0, "One look at the data was planned and taken.")]


def _outcomes(trial: Trial) -> list[str]:
    named = trial.plan.outcomes or ((trial.plan.metric,) if trial.plan.metric else ())
    if not set(named) - set(trial.plan.guardrails):
        raise DataError(
            f'"{trial.plan.name}" names no outcome.', ["write outcomes: [column], not a guardrail"]
        )
    metrics = {*named, *trial.plan.guardrails}
    if "count" in trial.rows and "metric" not in trial.rows and len(metrics) > 1:
        raise DataError(
            f'"{trial.plan.name}" has {len(metrics)} metrics and one row per arm.',
            ["give the summed rows a column metric, one row per arm and metric"],
        )
    return [name for name in named if name not in trial.plan.guardrails]


def _adjust(trial: Trial, outcomes: list[str]) -> tuple[Trial, list[Check]]:
    if "count" in trial.rows:
        return trial, []
    checks = check_missing(trial.rows, [*outcomes, *trial.plan.guardrails])
    if not trial.plan.covariate or trial.repeats:
        return trial, checks
    rows, more = cuped_rows(trial.rows, outcomes, trial.plan)
    return replace(trial, rows=rows), checks + more


def _arm(trial: Trial, metric: str, name: str, rows: pd.DataFrame) -> Arm:
    mine = rows[rows["variant"] == name]
    if "count" not in rows:
        return read_arm(name, mine[metric], mine["unit_id"] if trial.repeats else None)
    if "metric" in mine:
        mine = mine[mine["metric"] == metric]
    if len(mine) != 1:
        raise DataError(f'"{metric}" has {len(mine)} rows for arm "{name}"; it takes one.')
    count, mean = int(mine["count"].iloc[0]), float(mine["mean"].iloc[0])
    of_share = mean * (1 - mean)
    variance = float(mine["variance"].iloc[0]) if "variance" in mine else math.nan
    is_share = 0 <= mean <= 1 and (
        math.isnan(variance) or math.isclose(variance, of_share, rel_tol=SHARE_SLACK)
    )
    if math.isnan(variance) and not is_share:
        raise DataError(f'arm "{name}" has mean {mean:g} and no variance; only shares may omit it.')
    error = math.sqrt((of_share if is_share else variance) / count)
    return Arm(name, Mean(mean, error, count), round(mean * count) if is_share else None)


def _compare(trial: Trial, metric: str, rows: pd.DataFrame | None = None) -> list[Finding]:
    rows = trial.rows if rows is None else rows
    control = _arm(trial, metric, trial.arms[0], rows)
    found = []
    for name in trial.arms[1:]:
        arm = _arm(trial, metric, name, rows)
        contrast = contrast_arms(
            arm,
            control,
            metric=metric,
            unit=trial.plan.units.get(metric, ""),
            confidence=trial.plan.confidence,
            stretch=trial.stretch,
        )
        found.append(
            Finding(
                contrast.estimate, control.mean.value, contrast.p_value, arm.mean.n,
                control.mean.n, EVIDENCE, arm=name, p_adjusted=contrast.p_value, metric=metric,
                error=contrast.error, few_events=_few(arm) or _few(control),
            )
        )  # fmt: skip
    return found


def _few(arm: Arm) -> bool:
    return arm.successes is not None and min(arm.successes, arm.mean.n - arm.successes) < 5


def _adjusted(findings: list[Finding], method: str) -> list[Finding]:
    known = [found for found in findings if not math.isnan(found.p_value)]
    if len(known) < 2:
        return findings
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests([found.p_value for found in known], method=method)[1]
    by_id = {id(found): float(p) for found, p in zip(known, adjusted, strict=True)}
    return [replace(found, p_adjusted=by_id.get(id(found), math.nan)) for found in findings]


def _primary(trial: Trial, metric: str, *, gates: bool, held: dict[str, bool]) -> list[Finding]:
    judged = []
    for found in _adjusted(_compare(trial, metric), "holm"):
        verdict = choose_verdict(
            _number(found),
            worthwhile=trial.plan.worthwhile,
            direction=trial.plan.direction,
            gates_passed=gates,
            guardrails_held=held.get(found.arm, True),
        )
        judged.append(replace(found, verdict=_temper(trial.plan, found, verdict)))
    return judged


def _judge_direction(plan: Plan, found: Finding, *, gates: bool) -> Finding:
    verdict = choose_verdict(_number(found), direction=plan.direction, gates_passed=gates)
    return replace(found, verdict=_temper(plan, found, verdict))


def _temper(plan: Plan, found: Finding, verdict: str) -> str:
    verdict = weigh_chance(verdict, found.p_adjusted, plan.confidence)
    # Below five events in a cell the interval stands, but no claim is made from it.
    return weigh_chance(verdict, 1.0, plan.confidence) if found.few_events else verdict


def _number(found: Finding) -> Estimate | None:
    return found.estimate if isinstance(found.estimate, Estimate) else None


def _guardrails(trial: Trial, *, gates: bool) -> tuple[list[Finding], dict[str, bool], list[Check]]:
    findings, checks = [], []
    held = dict.fromkeys(trial.arms[1:], True)
    for metric, margin in trial.plan.guardrails.items():
        good = "down" if margin >= 0 else "up"
        for found in _compare(trial, metric):
            estimate = _number(found)
            check = _guard(metric, margin, found)
            verdict = choose_verdict(estimate, direction=good, gates_passed=gates)
            near = choose_verdict(estimate, worthwhile=abs(margin) or None, gates_passed=gates)
            if verdict == CANNOT_TELL and near == NO_EFFECT:
                verdict = NO_EFFECT
            findings.append(replace(found, verdict=_temper(trial.plan, found, verdict)))
            checks.append(check)
            held[found.arm] &= check.status == PASS
    return findings, held, checks


def _guard(metric: str, margin: float, found: Finding) -> Check:
    estimate = _number(found)
    if estimate is None:
        return Check("guardrail", WARN, math.nan, f"{metric}: {found.estimate}")
    harm = (estimate.low, estimate.high) if margin >= 0 else (-estimate.high, -estimate.low)
    way = "rise" if margin >= 0 else "fall"
    span = f"{metric} in {found.arm}: a {way} between {harm[0]:.4g} and {harm[1]:.4g}"
    limit = abs(margin)
    if harm[1] <= limit:
        return Check("guardrail", PASS, estimate.value, f"{span}, within {limit:g}.")
    if harm[0] > limit:
        return Check("guardrail", FAIL, estimate.value, f"{span}, beyond the tolerated {limit:g}.")
    return Check(
        "guardrail", WARN, estimate.value, f"{span}; {limit:g} is tolerated and not shown to hold."
    )


def _precision(trial: Trial, firsts: list[Finding]) -> list[Check]:
    plan, checks = trial.plan, []
    for found in firsts:
        estimate = _number(found)
        if estimate is None or not found.error > 0:
            continue
        confidence = float(2 * stats.norm.cdf(_reach(plan) * trial.stretch) - 1)
        least = detectable_effect(found.error, confidence=confidence)
        enough = plan.worthwhile is None or least <= plan.worthwhile
        bar = "" if plan.worthwhile is None else f"; the smallest worthwhile is {plan.worthwhile:g}"
        message = f"{found.arm}: a true effect of {least:.4g} is found four times in five{bar}."
        checks.append(Check("power", PASS if enough else WARN, least, message))
        checks += _overstated(plan, found, estimate, confidence)
        if found.few_events:
            message = f"{found.arm}: below 5 customers with, or without, {estimate.metric}."
            checks.append(Check("few_events", WARN, float(found.n_treated), message))
    return checks


def _reach(plan: Plan) -> float:
    return float(stats.norm.ppf((1 + plan.confidence) / 2))


def _overstated(plan: Plan, found: Finding, estimate: Estimate, confidence: float) -> list[Check]:
    if plan.worthwhile is None or estimate.low <= 0 <= estimate.high:
        return []
    power, ratio = exaggeration(plan.worthwhile, found.error, confidence=confidence)
    if power >= 0.5:
        return []
    message = (
        f"{found.arm}: were the truth {plan.worthwhile:g}, a result that stands out would on "
        f"average overstate it {ratio:.1f} times (power {power:.0%})."
    )
    return [Check("exaggeration", WARN, ratio, message)]


def _segments(trial: Trial, metric: str, *, gates: bool) -> tuple[list[Finding], list[Check]]:
    findings: list[Finding] = []
    checks: list[Check] = []
    for column in trial.plan.segments if "count" not in trial.rows else ():
        labels = trial.rows[column].astype("object").where(trial.rows[column].notna(), "unknown")
        fair = check_segment(trial.rows["variant"], labels, column=column)
        parts = {
            str(label): _compare(trial, metric, rows) for label, rows in trial.rows.groupby(labels)
        }
        for place, arm in enumerate(trial.arms[1:]):
            here = {label: parts[label][place] for label in sorted(parts)}
            check = _interaction(column, arm, list(here.values()))
            checks.append(check)
            apart = check.statistic <= APART
            for label, found in zip(here, _adjusted(list(here.values()), "holm"), strict=True):
                judged = _judge_part(trial.plan, found, gates=gates and fair.status == PASS)
                verdict = judged.verdict if apart else weigh_chance(judged.verdict, 1.0, 0.95)
                findings.append(replace(judged, segment=f"{column}: {label}", verdict=verdict))
        checks.append(fair)
    return findings, checks


def _judge_part(plan: Plan, found: Finding, *, gates: bool) -> Finding:
    verdict = choose_verdict(
        _number(found),
        worthwhile=plan.worthwhile,
        direction=plan.direction,
        gates_passed=gates,
    )
    return replace(found, verdict=_temper(plan, found, verdict))


def _interaction(column: str, arm: str, findings: Iterable[Finding]) -> Check:
    known = [
        (found.estimate.value, found.error)
        for found in findings
        if not isinstance(found.estimate, Refusal) and found.error > 0
    ]
    if len(known) < 2:
        return Check("interaction", WARN, math.nan, f"{column}: fewer than two parts to compare.")
    weights = [1 / error**2 for _, error in known]
    pooled = math.fsum(w * value for w, (value, _) in zip(weights, known, strict=True))
    pooled /= math.fsum(weights)
    apart = math.fsum(w * (v - pooled) ** 2 for w, (v, _) in zip(weights, known, strict=True))
    p_value = float(stats.chi2.sf(apart, len(known) - 1))
    if p_value <= APART:
        message = f"{arm}: the effect differs by {column} (p = {p_value:.2g}); read it by {column}."
        return Check("interaction", WARN, p_value, message)
    message = f"{arm}: no evidence that the effect differs by {column} (p = {p_value:.2g})"
    message += "; read the overall row."
    return Check("interaction", PASS, p_value, message)


def _levels(trial: Trial, metrics: list[str]) -> pd.DataFrame:
    rows = []
    for metric in metrics:
        unit = trial.plan.units.get(metric, "")
        for name in trial.arms:
            arm = _arm(trial, metric, name, trial.rows)
            level = level_of(arm, metric=metric, unit=unit, confidence=trial.plan.confidence)
            if isinstance(level, Estimate):
                rows.append({**asdict(level), "arm": name})
    columns = ["metric", "arm", "value", "low", "high", "n", "unit", "source"]
    return pd.DataFrame(rows, columns=columns)
