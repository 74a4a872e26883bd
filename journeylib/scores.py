"""Scores and their intervals: promoters, satisfaction, effort, shares, means and differences.

Not for deciding whether an intervention worked; see `impact` and `verdicts`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

WILSON = "Wilson score interval (Wilson 1927)"
NEWCOMBE = "Newcombe hybrid score interval (Newcombe 1998)"  # method 10
WELCH = "Welch t interval (Welch 1947)"
STUDENT = "Student t interval (Student 1908)"
CLUSTERED = "Linearised t interval, clustered by customer (Cochran 1977)"
ROCKS = "Adjusted Wald interval (Rocks 2016)"
MOVER = "Interval of a difference from its two intervals (Zou & Donner 2008)"


class Mean(NamedTuple):
    """A mean, its standard error, and the number of independent units behind it."""

    value: float
    error: float
    n: int


def net_promoter_score(
    ratings: pd.Series, *, weights: pd.Series | None = None, confidence: float = 0.95
) -> Estimate | Refusal:
    """Share of promoters (9-10) minus share of detractors (0-6), in points.

    Args:
        ratings: One answer per response, 0 to 10. Missing answers are dropped.
        weights: Survey weights, one per answer; the interval then uses the effective n.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        The score, -100 to 100, and the number of answers; a refusal below 10 answers.

    Raises:
        DataError: An answer lies outside 0 to 10, or a weight is missing or negative.

    References:
        Reichheld (2003), "The one number you need to grow", HBR 81(12).
        Rocks (2016), "Interval estimation for the Net Promoter Score",
        The American Statistician 70(4):365-372: add 3 answers, 3/4 to promoters and detractors.

    Example:
        >>> print(net_promoter_score(pd.Series([10, 9, 8, 3] * 25)))
        25.0 points [8.3 to 40.2], n = 100
    """
    scores, weight = _answers(ratings, weights, low=0, high=10)
    if len(scores) < 10:
        return Refusal(
            f"{len(scores)} answers; a Net Promoter Score takes at least 10.",
            "more answers to the 0 to 10 question.",
        )
    n = effective_n(weight)
    total = math.fsum(weight)
    promoters = math.fsum(weight[scores >= 9]) / total
    detractors = math.fsum(weight[scores <= 6]) / total
    centre, half = _rocks(promoters, detractors, n, confidence)
    value = promoters - detractors
    low, high = max(-1.0, min(centre - half, value)), min(1.0, max(centre + half, value))
    return Estimate(
        "nps", 100 * value, 100 * low, 100 * high, len(scores), "points", ROCKS, confidence
    )


def customer_satisfaction(
    ratings: pd.Series,
    *,
    low: float = 1,
    high: float = 5,
    weights: pd.Series | None = None,
    confidence: float = 0.95,
) -> Estimate | Refusal:
    """Share of answers in the two best boxes of a satisfaction scale.

    Args:
        ratings: One answer per response, higher is better. Missing answers are dropped.
        low: Lowest answer of the scale.
        high: Highest answer of the scale; the two best boxes are ``high`` and ``high - 1``.
        weights: Survey weights, one per answer; the interval then uses the effective n.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        The share, 0 to 1, and the number of answers; a refusal when there is no answer.

    Raises:
        DataError: An answer lies outside the scale, or a weight is missing or negative.
    """
    scores, weight = _answers(ratings, weights, low=low, high=high)
    if not len(scores):
        return _nothing("satisfaction")
    share = math.fsum(weight[scores >= high - 1]) / math.fsum(weight)
    n = effective_n(weight)
    bottom, top = _wilson(share * n, n, confidence)
    return Estimate("csat", share, bottom, top, len(scores), "share", WILSON, confidence)


def customer_effort(
    ratings: pd.Series,
    *,
    low: float = 1,
    high: float = 5,
    clusters: pd.Series | None = None,
    confidence: float = 0.95,
) -> Estimate | Refusal:
    """Mean answer to the effort question, on the scale on which it was asked.

    Args:
        ratings: One answer per response. Missing answers are dropped.
        low: Lowest answer of the scale.
        high: Highest answer of the scale.
        clusters: Customer of each answer, where customers answered more than once.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        The mean in ``score``; which end is good is the survey's own matter. A refusal below two.

    Raises:
        DataError: An answer lies outside the scale.
    """
    _answers(ratings, None, low=low, high=high)
    return mean_estimate(
        ratings, metric="ces", unit="score", clusters=clusters, confidence=confidence
    )


def share_estimate(
    successes: float, n: float, *, metric: str, confidence: float = 0.95
) -> Estimate | Refusal:
    """Share of successes among n, with its Wilson interval.

    Args:
        successes: How many it happened to, 0 to ``n``.
        n: How many it could have happened to.
        metric: Glossary name of the share.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        The share, 0 to 1; a refusal when ``n`` is 0.

    Raises:
        DataError: There are more successes than cases, or fewer than none.
    """
    if not 0 <= successes <= n:
        raise DataError(f"{metric}: successes must lie between 0 and n = {n}, found {successes}.")
    if n == 0:
        return _nothing(metric)
    low, high = _wilson(successes, n, confidence)
    return Estimate(metric, successes / n, low, high, int(n), "share", WILSON, confidence)


def mean_estimate(
    values: pd.Series | Mean,
    *,
    metric: str,
    unit: str,
    clusters: pd.Series | None = None,
    confidence: float = 0.95,
) -> Estimate | Refusal:
    """Mean with its t interval, clustered by customer where customers repeat.

    Args:
        values: Numbers, missing ones are dropped; or their mean, standard error and n.
        metric: Glossary name of the mean.
        unit: Unit of the values.
        clusters: Customer of each value; without it each value is its own customer.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        The mean over values; ``n`` counts customers where clusters are given. A refusal when
        there are fewer than two values or customers.

    References:
        Cochran (1977), Sampling Techniques, ch. 9 and 11 (ratio of totals, linearised variance).
    """
    mean = values if isinstance(values, Mean) else mean_of(values, clusters)
    if mean.n < 2:
        return Refusal(
            f"{metric}: {mean.n} customers with a value; an interval takes at least 2.",
            "values from more customers.",
        )
    half = float(stats.t.ppf((1 + confidence) / 2, mean.n - 1)) * mean.error
    source = STUDENT if clusters is None else CLUSTERED
    low, high = mean.value - half, mean.value + half
    return Estimate(metric, mean.value, low, high, mean.n, unit, source, confidence)


def mean_of(values: pd.Series, clusters: pd.Series | None = None) -> Mean:
    """Mean and standard error, the unit of resampling being the cluster.

    Args:
        values: Numbers. Missing ones are dropped.
        clusters: Customer of each value, or None when each value is its own.

    Returns:
        Mean, standard error (NaN below two clusters) and the number of clusters.
    """
    numbers = pd.to_numeric(pd.Series(values)).astype("float64").dropna()
    if numbers.empty:
        return Mean(math.nan, math.nan, 0)
    # Sorted and exactly summed, so that the order of the rows cannot move the last digit.
    value = math.fsum(numbers) / len(numbers)
    apart = numbers - value
    if clusters is not None:
        apart = apart.groupby(pd.Series(clusters).reindex(numbers.index), observed=True).sum()
    n = len(apart)
    if n < 2:
        return Mean(value, math.nan, n)
    variance = n / (n - 1) * math.fsum(apart.to_numpy() ** 2)
    return Mean(value, math.sqrt(variance) / len(numbers), n)


def share_difference(
    treated: tuple[float, float],
    control: tuple[float, float],
    *,
    metric: str,
    confidence: float = 0.95,
) -> Estimate | Refusal:
    """Difference of two independent shares, with the Newcombe hybrid score interval.

    Args:
        treated: Successes and cases with the change.
        control: Successes and cases without it.
        metric: Glossary name of the share.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Share with minus share without, -1 to 1, unit ``share``; a refusal when a group is empty.

    Raises:
        DataError: A group has more successes than cases.
    """
    with_change = share_estimate(*treated, metric=metric, confidence=confidence)
    without = share_estimate(*control, metric=metric, confidence=confidence)
    if isinstance(with_change, Refusal) or isinstance(without, Refusal):
        return _nothing(metric)
    # Imported here: statsmodels takes seconds, and most scores do without it.
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        *treated, *control, method="newcomb", compare="diff", alpha=1 - confidence
    )
    n = with_change.n + without.n
    value = with_change.value - without.value
    return Estimate(metric, value, float(low), float(high), n, "share", NEWCOMBE, confidence)


def mean_difference(
    treated: Mean | pd.Series,
    control: Mean | pd.Series,
    *,
    metric: str,
    unit: str,
    confidence: float = 0.95,
) -> Estimate | Refusal:
    """Difference of two independent means, with the Welch t interval.

    Args:
        treated: Values with the change, or their mean, standard error and n.
        control: Values without it, or their mean, standard error and n.
        metric: Glossary name of the mean.
        unit: Unit of the values.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Mean with minus mean without; a refusal below two values in a group.
    """
    first = treated if isinstance(treated, Mean) else mean_of(treated)
    second = control if isinstance(control, Mean) else mean_of(control)
    if min(first.n, second.n) < 2:
        return Refusal(
            f"{metric}: {first.n} and {second.n} values; each group takes at least 2.",
            "values from both groups.",
        )
    value = first.value - second.value
    half = float(stats.t.ppf((1 + confidence) / 2, welch_degrees(first, second)))
    half *= math.hypot(first.error, second.error)
    n = first.n + second.n
    return Estimate(metric, value, value - half, value + half, n, unit, WELCH, confidence)


def welch_degrees(first: Mean, second: Mean) -> float:
    """Degrees of freedom of the difference of two means with unequal variances.

    Args:
        first: One mean, from at least two units.
        second: The other one.

    Returns:
        Welch-Satterthwaite degrees of freedom; n - 2 when both errors are zero.
    """
    one, two = first.error**2, second.error**2
    if one + two == 0:
        return float(first.n + second.n - 2)
    return (one + two) ** 2 / (one**2 / (first.n - 1) + two**2 / (second.n - 1))


def estimate_difference(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two independent estimates of one metric, such as two Net Promoter Scores.

    Args:
        first: The later or treated one.
        second: The earlier or untreated one.

    Returns:
        ``first - second`` in their unit, with ends that respect lopsided intervals.

    Raises:
        DataError: The two differ in metric, unit or confidence.

    References:
        Zou & Donner (2008), Statistics in Medicine 27:1693-1702.
    """
    kinds = [(item.metric, item.unit, item.confidence) for item in (first, second)]
    if kinds[0] != kinds[1]:
        raise DataError(f"Cannot compare {kinds[0]} with {kinds[1]}: not the same measure.")
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    n = first.n + second.n
    return Estimate(first.metric, value, low, high, n, first.unit, MOVER, first.confidence)


def effective_n(weights: Iterable[float]) -> float:
    """Number of equally weighted answers that would say as much as the weighted ones.

    Args:
        weights: Survey weights, not all zero.

    Returns:
        Squared sum over sum of squares: the number of answers when all weights are equal.

    Example:
        >>> effective_n([1, 1, 2])
        2.6666666666666665
    """
    listed = [float(weight) for weight in weights]
    squares = math.fsum(weight * weight for weight in listed)
    return math.fsum(listed) ** 2 / squares if squares else 0.0


def _rocks(promoters: float, detractors: float, n: float, confidence: float) -> tuple[float, float]:
    up, down = ((share * n + 0.75) / (n + 3) for share in (promoters, detractors))
    spread = math.sqrt((up + down - (up - down) ** 2) / (n + 3))
    return up - down, float(stats.norm.ppf((1 + confidence) / 2)) * spread


def _wilson(successes: float, n: float, confidence: float) -> tuple[float, float]:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    share = successes / n
    # Rounding may leave an end a hair inside the share when nobody, or everybody, succeeded.
    return min(float(low), share), max(float(high), share)


def _answers(
    ratings: pd.Series, weights: pd.Series | None, *, low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    given = pd.Series(ratings)
    scores = pd.to_numeric(given, errors="coerce")
    unread = given[scores.isna() & given.notna()].unique().tolist()
    outside = np.sort(scores[(scores < low) | (scores > high)].unique()).tolist()
    if unread or outside:
        raise DataError(
            f"ratings must lie between {low:g} and {high:g}, found {(outside + unread)[:5]}.",
            ["declare the scale, or what stands for a missing answer: scale, missing"],
        )
    kept = scores.notna().to_numpy()
    answers = scores.to_numpy(dtype="float64", na_value=np.nan)[kept]
    if weights is None:
        return answers, np.ones(len(answers))
    weight = pd.to_numeric(pd.Series(weights)).to_numpy(dtype="float64", na_value=np.nan)[kept]
    if np.isnan(weight).any() or (weight < 0).any() or (len(weight) and weight.sum() == 0):
        raise DataError("weights must be numbers of at least 0, not all 0, one for each answer.")
    return answers, weight


def _nothing(metric: str) -> Refusal:
    return Refusal(f"{metric}: nothing was counted.", "at least one case in each group.")
