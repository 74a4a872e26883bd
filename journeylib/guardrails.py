"""Metrics that a test must not harm: measured against the harm that was tolerated beforehand."""

from __future__ import annotations

import math
from dataclasses import replace

from journeylib.phrases import gap_words, span_words
from journeylib.plans import FAIL, PASS, WARN, Check, Finding, Plan
from journeylib.treatments import Trial, compare_arms, number_of
from journeylib.verdicts import CANNOT_TELL, NO_EFFECT, choose_verdict, weigh_chance


def measure_guardrails(
    trial: Trial, *, gates: bool
) -> tuple[list[Finding], dict[str, bool], list[Check]]:
    """Compare the guardrail metrics of every arm with the control.

    Args:
        trial: The test.
        gates: Whether the test itself may be read.

    Returns:
        A finding per metric and arm; whether all of them held, by arm; and the checks.
    """
    findings, checks = [], []
    held = dict.fromkeys(trial.arms[1:], True)
    for metric, margin in trial.plan.guardrails.items():
        for found in compare_arms(trial, metric):
            check = _guard(metric, margin, found)
            findings.append(_judged(trial.plan, margin, found, gates=gates))
            checks.append(check)
            held[found.arm] &= check.status == PASS
    return findings, held, checks


def temper(plan: Plan, found: Finding, verdict: str) -> str:
    """Withdraw a verdict that the family of comparisons, or too few events, cannot carry.

    Args:
        plan: What was decided before.
        found: The finding it belongs to.
        verdict: Verdict from its interval alone.

    Returns:
        The verdict, or ``cannot tell``.
    """
    verdict = weigh_chance(verdict, found.p_adjusted, plan.confidence)
    # Below five events in a cell the interval stands, but no claim is made from it.
    return weigh_chance(verdict, 1.0, plan.confidence) if found.few_events else verdict


def _judged(plan: Plan, margin: float, found: Finding, *, gates: bool) -> Finding:
    estimate = number_of(found)
    good = "down" if margin >= 0 else "up"
    verdict = choose_verdict(estimate, direction=good, gates_passed=gates)
    near = choose_verdict(estimate, worthwhile=abs(margin) or None, gates_passed=gates)
    if verdict == CANNOT_TELL and near == NO_EFFECT:
        verdict = NO_EFFECT
    return replace(found, verdict=temper(plan, found, verdict))


def _guard(metric: str, margin: float, found: Finding) -> Check:
    estimate = number_of(found)
    if estimate is None:
        return Check("guardrail", WARN, math.nan, f"{metric}: {found.estimate}")
    harm = (estimate.low, estimate.high) if margin >= 0 else (-estimate.high, -estimate.low)
    way = "a rise" if margin >= 0 else "a fall"
    span = f"{metric} in {found.arm}: {way} of {span_words(*harm, estimate.unit)}"
    span = span.replace(" of between", " between")
    limit = abs(margin)
    bar = gap_words(limit, estimate.unit)
    if harm[1] <= limit:
        return Check("guardrail", PASS, estimate.value, f"{span}, within the tolerated {bar}.")
    if harm[0] > limit:
        return Check("guardrail", FAIL, estimate.value, f"{span}, beyond the tolerated {bar}.")
    message = f"{span}; that it stays within the tolerated {bar} is not shown."
    return Check("guardrail", WARN, estimate.value, message)
