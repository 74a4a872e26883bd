"""How an improvement would be tested: metric, design, customers and days it takes.

Sizes are for a two-sided test. The improvement to be found is half of what the pain costs: fixes
rarely undo all of it. Not for judging a test that was made; `impact` does that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from journeylib.arms import detectable_effect

DIGITAL = ("web", "app", "mobile", "desktop", "tablet", "mail", "online", "site", "sms", "chat",
           "push", "social", "ios", "android", "browser", "search", "product")  # fmt: skip
PLACES = ("store", "shop", "branch", "hotel", "desk", "counter", "till", "restaurant", "courier",
          "post", "region", "kiosk", "field", "agency")  # fmt: skip
BY_CUSTOMER, BY_PLACE, AT_ONCE = "customer", "place", "at once"
AB = "A/B test"
ROLL_OUT = "roll-out by place, compared with the others"
SERIES = "before and after in a weekly series"
TOO_LITTLE = "too few customers for a test"
POWER, LEVEL = 0.8, 0.05
RELIEF = 0.5
LONGEST, LONGEST_SERIES = 364, 52
SHORTEST = 14
LOOK_AHEAD = 84
FEWEST_WEEKS_BEFORE = 26


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a touchpoint before a test.

    Attributes:
        spread: Standard deviation of the metric between customers.
        baseline: The share now, or missing for a mean.
        find: Improvement that must not be missed, in the metric's unit.
        per_day: Customers who come in for the first time on a day.
        given: How a change can be given: ``customer`` by customer, ``place`` by place, or to all
            ``at once``.
        lag: Days after a customer came in until the metric is known.
    """

    spread: float
    baseline: float
    find: float
    per_day: float
    given: str
    lag: float


@dataclass(frozen=True, slots=True)
class TestPlan:
    """How to test.

    Attributes:
        design: One of the four designs.
        per_group: Customers needed with the change, and again without it; in a weekly series those
            after it.
        days: Days from the start to the answer, or missing where no test can answer in time.
        detectable: Smallest improvement that twelve weeks of the best design would find.
    """

    __test__ = False  # a plan, not a case for pytest

    design: str
    per_group: float
    days: float
    detectable: float


def power_of_shares(per_group: float, one: float, other: float, *, level: float = LEVEL) -> float:
    """How often a test of two shares finds a difference that is there.

    Args:
        per_group: Customers in each of two equal groups.
        one: Share in the first.
        other: Share in the second.
        level: Level of the two-sided test.

    Returns:
        The power, 0 to 1.

    References:
        Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., ch. 4;
        as in R's ``power.prop.test``.

    Example:
        >>> round(power_of_shares(50, 0.50, 0.75), 3)
        0.74
    """
    from statsmodels.stats.proportion import power_proportions_2indep

    if one == other:
        return level
    return float(
        power_proportions_2indep(other - one, one, per_group, alpha=level, return_results=False)
    )


def size_for_shares(
    one: float, other: float, *, power: float = POWER, level: float = LEVEL
) -> float:
    """Customers needed in each group to find a difference between two shares.

    Args:
        one: Share without the change, between 0 and 1.
        other: Share with it.
        power: How often it should be found.
        level: Level of the two-sided test.

    Returns:
        Customers, not rounded; infinite where the shares are equal.

    References:
        As `power_of_shares`.

    Example:
        >>> round(size_for_shares(0.50, 0.75, power=0.90), 1)
        76.7
    """
    if one == other:
        return math.inf
    middle = (one + other) / 2
    false, missed = stats.norm.ppf(1 - level / 2), stats.norm.ppf(power)
    null = false * math.sqrt(2 * middle * (1 - middle))
    real = missed * math.sqrt(one * (1 - one) + other * (1 - other))
    return float(((null + real) / (one - other)) ** 2)


def size_for_means(
    difference: float, spread: float, *, power: float = POWER, level: float = LEVEL
) -> float:
    """Customers needed in each group to find a difference between two means.

    Args:
        difference: In the metric's unit.
        spread: Standard deviation between customers.
        power: How often it should be found.
        level: Level of the two-sided t test.

    Returns:
        Customers, not rounded; infinite where there is no difference.

    Example:
        >>> round(size_for_means(1, 1, power=0.90), 2)
        22.02
    """
    from statsmodels.stats.power import TTestIndPower

    if difference == 0 or not spread > 0:
        return math.inf if difference == 0 else 2.0
    size = abs(difference) / spread
    if size > 10:
        return 2.0
    return float(TTestIndPower().solve_power(size, power=power, alpha=level))


def plan_test(setting: Setting) -> TestPlan:
    """Choose the strongest design that answers in time, and say what it takes.

    Args:
        setting: What is known of the touchpoint.

    Returns:
        An A/B test where versions can be given customer by customer; a roll-out by place, where
        what is compared is the change of both groups (which takes twice the customers of each); a
        weekly series otherwise, the weakest. No test where a year is not enough.
    """
    need = _needed(setting)
    if not setting.per_day > 0 or not math.isfinite(need):
        return TestPlan(TOO_LITTLE, need, math.nan, math.nan)
    design = {BY_CUSTOMER: AB, BY_PLACE: ROLL_OUT}.get(setting.given, SERIES)
    reach = _within_reach(setting, design)
    if design == SERIES:
        days = 7.0 * _weeks_of_series(setting)
        need = days * setting.per_day
    else:
        need *= 2 if design == ROLL_OUT else 1
        days = _weeks(2 * need / setting.per_day)
    if days > LONGEST:
        return TestPlan(TOO_LITTLE, need, math.nan, reach)
    return TestPlan(design, need, days + setting.lag, reach)


def how_given(channel: str) -> str:
    """Tell how a change can be given to the customers of a channel, by the channel's name.

    Example:
        >>> how_given("mobile"), how_given("front desk"), how_given("phone")
        ('customer', 'place', 'at once')
    """
    name = channel.casefold().replace("-", "")
    if any(word in name for word in PLACES):
        return BY_PLACE
    return BY_CUSTOMER if any(word in name for word in DIGITAL) else AT_ONCE


def _needed(setting: Setting) -> float:
    if math.isnan(setting.baseline):
        return size_for_means(setting.find, setting.spread)
    better = min(setting.baseline + setting.find, 0.999)
    return size_for_shares(setting.baseline, better)


def _weeks(days: float) -> float:
    """Round up to full weeks, two at least: weekdays differ, and so do first days."""
    return max(float(SHORTEST), 7.0 * math.ceil(days / 7))


def _within_reach(setting: Setting, design: str) -> float:
    """Smallest improvement that twelve weeks would find four times out of five."""
    people = setting.per_day * LOOK_AHEAD
    error = setting.spread * math.sqrt(4 / people)
    if design == ROLL_OUT:
        error *= math.sqrt(2)
    if design == SERIES:
        error = _series_error(setting, LOOK_AHEAD // 7)
    return detectable_effect(error, power=POWER)


def _series_error(setting: Setting, weeks: int) -> float:
    """Standard error of the step in a weekly series with a trend before and after the change."""
    time = np.arange(-FEWEST_WEEKS_BEFORE, weeks, dtype=float)
    after = (time >= 0).astype(float)
    design = np.column_stack([np.ones(len(time)), time, after, time * after])
    weekly = setting.spread / math.sqrt(7 * setting.per_day)
    return weekly * float(np.sqrt(np.linalg.inv(design.T @ design)[2, 2]))


def _weeks_of_series(setting: Setting) -> float:
    for weeks in range(12, LONGEST_SERIES + 1, 4):
        if detectable_effect(_series_error(setting, weeks), power=POWER) <= setting.find:
            return float(weeks)
    return math.inf
