"""How fine a result can be: what effect would have been found, was the test ended early, looked at.

Not for the interval itself; the designs compute that.
"""

from __future__ import annotations

import math

from scipy import stats

from journeylib.arms import (
    exaggeration,
    plain_reach,
    power_of,
    sequence_half_width,
    sign_error,
)
from journeylib.estimates import Estimate
from journeylib.looks import look_times, spending_bounds
from journeylib.phrases import chance_words, gap_words
from journeylib.plans import PASS, WARN, Check, Finding, Plan

ENOUGH = 0.95  # of the planned sample
OFTEN = 0.8


def weigh_looks(plan: Plan, n: int) -> tuple[float, Check]:
    """Say how much looking at the result before the end widens its interval.

    Args:
        plan: What was decided before.
        n: Units so far.

    Returns:
        The factor, 1 for one look, and check ``peeking``.

    References:
        Lan & DeMets (1983), Biometrika 70:659-663, for declared looks; Waudby-Smith et al. (2024),
        Annals of Statistics 52:2613-2640, for others.
    """
    plain = plain_reach(plan.confidence)
    taken = plan.looks if plan.looks_taken is None else max(1, plan.looks_taken)
    if taken > plan.looks:
        half = sequence_half_width(1.0, n, planned_n=plan.sample, confidence=plan.confidence)
        width = half * math.sqrt(n)
        message = (
            f"The result was looked at {taken} times, {plan.looks} planned, so its interval is "
            f"made {width / plain:.2f} times as wide; it then holds at every look."
        )
        return width / plain, Check("peeking", WARN, float(taken), message)
    if plan.looks == 1:
        return 1.0, Check("peeking", PASS, 1.0, "One look at the result was planned and taken.")
    bound = spending_bounds(look_times(plan.looks, taken), confidence=plan.confidence)[-1]
    which = "all taken" if taken == plan.looks else f"{taken} taken so far"
    message = (
        f"{plan.looks} looks were planned, {which}; the interval at this one is "
        f"{bound / plain:.2f} times as wide as for a single look, so looking costs no false alarm."
    )
    return bound / plain, Check("peeking", PASS, bound, message)


def check_sample(
    plan: Plan, n: int, error: float, unit: str, *, stretch: float = 1.0
) -> list[Check]:
    """Compare the units measured with those planned.

    Args:
        plan: What was decided before.
        n: Units measured in all arms.
        error: Standard error of the primary difference, or NaN.
        unit: Unit of the difference.
        stretch: Factor by which looks widen the interval.

    Returns:
        Check ``planned_sample``: a warning below 95 % of the plan, because a test that ends when
        its result pleases finds effects that are not there; nothing without a plan.
    """
    if not plan.sample:
        return []
    share = n / plan.sample
    message = f"{n:,} of {plan.sample:,} planned units were measured"
    if plan.worthwhile and error > 0:
        reach = plain_reach(plan.confidence) * stretch
        power = power_of(plan.worthwhile, error * math.sqrt(min(1.0, share)), reach=reach)
        message += (
            f"; with all of them an effect of {gap_words(plan.worthwhile, unit)} is found "
            f"{round(100 * power)} times in 100"
        )
    looked = (plan.looks_taken or plan.looks) < plan.looks
    if share >= ENOUGH:
        return [Check("planned_sample", PASS, share, f"{message}.")]
    if looked:
        return [Check("planned_sample", PASS, share, f"{message}. More looks are still to come.")]
    message += ". The test ended early: if the result was the reason, it looks better than it is."
    return [Check("planned_sample", WARN, share, message)]


def check_power(plan: Plan, found: Finding, *, stretch: float = 1.0) -> list[Check]:
    """Say which effect this precision finds four times in five.

    Args:
        plan: What was decided before.
        found: The primary finding, with its standard error.
        stretch: Factor by which looks widen the interval; the finding's own interval has it.

    Returns:
        Check ``power``, a warning when the smallest worthwhile effect is smaller; with
        ``exaggeration`` when a clear result would overstate it; nothing without an error.

    References:
        Gelman & Carlin (2014), Perspectives on Psychological Science 9:641-651.
    """
    estimate = found.estimate
    if not isinstance(estimate, Estimate) or not found.error > 0:
        return []
    # The interval's own reach: of t for few units, wider for looks.
    reach = (estimate.high - estimate.low) / 2 / found.error
    if stretch > 1:
        reach = plain_reach(plan.confidence) * stretch
    least = found.error * (reach + float(stats.norm.ppf(OFTEN)))
    enough = plan.worthwhile is None or least <= plan.worthwhile
    arm = "" if found.arm == "treated" else f"{found.arm}: "
    bar = "" if plan.worthwhile is None else _bar(plan.worthwhile, estimate.unit, enough=enough)
    article = "a" if arm else "A"
    size = gap_words(least, estimate.unit)
    message = f"{arm}{article} true effect of {size} is found 4 times in 5{bar}."
    checks = [Check("power", PASS if enough else WARN, least, message)]
    if found.few_events:
        message = (
            f"{arm}Fewer than 5 customers with, or without, {estimate.metric}: the interval "
            "stands, but no claim is made from it."
        )
        checks.append(Check("few_events", WARN, float(found.n_treated), message))
    return checks + _overstated(plan, found, estimate, reach)


def _bar(worthwhile: float, unit: str, *, enough: bool) -> str:
    bar = gap_words(worthwhile, unit)
    if enough:
        return f", fine enough for the smallest worthwhile one, {bar}"
    return f"; the smallest worthwhile one, {bar}, is missed more often"


def _overstated(plan: Plan, found: Finding, estimate: Estimate, reach: float) -> list[Check]:
    if plan.worthwhile is None or estimate.low <= 0 <= estimate.high:
        return []
    confidence = float(2 * stats.norm.cdf(reach) - 1)
    power, ratio = exaggeration(plan.worthwhile, found.error, confidence=confidence)
    if power >= 0.5:
        return []
    arm = "" if found.arm == "treated" else f"{found.arm}: "
    message = (
        f"{arm}{'were' if arm else 'Were'} the true effect "
        f"{gap_words(plan.worthwhile, estimate.unit)}, it would be found {round(100 * power)} "
        f"times in 100, and then overstated {ratio:.1f} times on average"
    )
    wrong = sign_error(plan.worthwhile, found.error, confidence=confidence)
    message += f", with the wrong sign {chance_words(wrong)}." if wrong >= 0.01 else "."
    return [Check("exaggeration", WARN, ratio, message)]
