"""The arms of an A/B test: their levels, the contrast of two, and how fine it is.

Not for the design's checks and verdicts; see `trials`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from journeylib.estimates import Estimate, Refusal
from journeylib.scores import (
    Mean,
    mean_difference,
    mean_estimate,
    mean_of,
    share_difference,
    share_estimate,
    welch_degrees,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Arm:
    """The level of one outcome in one arm.

    Attributes:
        name: Name of the arm.
        mean: Mean, its standard error and the number of units.
        successes: Units with a 1 where the outcome is 0/1, else None.
    """

    name: str
    mean: Mean
    successes: int | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """One arm against another.

    Attributes:
        estimate: Difference with its interval, or a refusal.
        p_value: Two-sided p-value that agrees with the looks taken, or NaN.
        error: Standard error of the difference, or NaN.
    """

    estimate: Estimate | Refusal
    p_value: float
    error: float


def read_arm(name: str, values: pd.Series, clusters: pd.Series | None = None) -> Arm:
    """Sum up one outcome in one arm.

    Args:
        name: Name of the arm.
        values: Outcome of each row; missing ones are dropped.
        clusters: Unit of each row where units repeat; the mean is then a ratio of totals with
            the delta-method error.

    Returns:
        Mean, error and n; successes where the outcome is 0/1 and no unit repeats.
    """
    known = values.dropna().astype("float64")
    is_share = clusters is None and is_binary(known)
    successes = int(known.sum()) if is_share else None
    return Arm(name, mean_of(known, clusters), successes)


def is_binary(values: pd.Series) -> bool:
    """Tell whether an outcome is a share: every known value is 0 or 1.

    Args:
        values: Outcome of each unit.

    Returns:
        True for 0/1 outcomes with at least one value.
    """
    known = values.dropna()
    return bool(len(known)) and bool(known.isin((0, 1)).all())


def plain_reach(confidence: float) -> float:
    """Standard errors on either side of an interval of that coverage."""
    return float(stats.norm.ppf((1 + confidence) / 2))


def contrast_arms(
    treated: Arm, control: Arm, *, metric: str, unit: str, confidence: float, stretch: float = 1.0
) -> Contrast:
    """Compare two arms: shares by Newcombe, means by Welch.

    Args:
        treated: Arm with the change.
        control: Arm without it.
        metric: Name of the outcome.
        unit: Unit of a mean; shares are in ``share``.
        confidence: Coverage of the interval, between 0 and 1.
        stretch: Factor by which looking more than once widens the interval.

    Returns:
        The difference, treated minus control.
    """
    critical = stretch * plain_reach(confidence)
    level = float(2 * stats.norm.cdf(critical) - 1)
    error = math.hypot(treated.mean.error, control.mean.error)
    estimate: Estimate | Refusal
    if treated.successes is not None and control.successes is not None:
        counts = [(arm.successes or 0, arm.mean.n) for arm in (treated, control)]
        estimate = share_difference(counts[0], counts[1], metric=metric, confidence=level)
        p_value = _share_p(counts[0], counts[1])
    else:
        estimate = mean_difference(
            treated.mean, control.mean, metric=metric, unit=unit, confidence=level
        )
        p_value = _mean_p(treated.mean, control.mean)
    if isinstance(estimate, Refusal):
        return Contrast(estimate, math.nan, math.nan)
    source = estimate.source + (", widened for repeated looks" if stretch > 1 else "")
    shown = Estimate(
        metric, estimate.value, estimate.low, estimate.high, estimate.n, estimate.unit, source,
        confidence,
    )  # fmt: skip
    return Contrast(shown, stretched_p(p_value, stretch), error)


def level_of(arm: Arm, *, metric: str, unit: str, confidence: float) -> Estimate | Refusal:
    """Give the level of one arm with its interval.

    Args:
        arm: The arm.
        metric: Name of the outcome.
        unit: Unit of a mean; shares are in ``share``.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Wilson interval of a share, t interval of a mean; a refusal without data.
    """
    if arm.successes is not None:
        return share_estimate(arm.successes, arm.mean.n, metric=metric, confidence=confidence)
    return mean_estimate(arm.mean, metric=metric, unit=unit, confidence=confidence)


def adjust_for_covariate(
    values: NDArray[np.float64], covariate: NDArray[np.float64], arms: NDArray[np.str_]
) -> tuple[NDArray[np.float64], float]:
    """Take out of an outcome what a covariate measured before assignment explains (CUPED).

    Args:
        values: Outcome of each unit, none missing.
        covariate: Covariate of each unit; a missing one counts as average, with an indicator.
        arms: Arm of each unit.

    Returns:
        Adjusted outcome with the same mean, and the variance left within arms as a share of
        what it was. One slope of the whole sample is used for all arms, so that the slope cannot
        make a difference.

    References:
        Deng, Xu, Kohavi & Walker (2013), WSDM, "Improving the sensitivity of online controlled
        experiments by utilizing pre-experiment data".
    """
    missing = np.isnan(covariate)
    centre = covariate[~missing].mean() if not missing.all() else 0.0
    design = np.column_stack([np.where(missing, 0.0, covariate - centre), missing.astype(float)])
    names, codes = np.unique(arms, return_inverse=True)
    counts = np.bincount(codes, minlength=len(names))

    def within(column: NDArray[np.float64]) -> NDArray[np.float64]:
        apart: NDArray[np.float64] = column - (np.bincount(codes, column) / counts)[codes]
        return apart

    centred = design - design.mean(axis=0)
    slopes = np.linalg.lstsq(centred, values - values.mean(), rcond=None)[0]
    adjusted = values - centred @ slopes
    before = float((within(values) ** 2).sum())
    after = float((within(adjusted) ** 2).sum())
    return adjusted, after / before if before else 1.0


def sequence_half_width(
    deviation: float, n: int, *, planned_n: int | None = None, confidence: float = 0.95
) -> float:
    """Half-width of an asymptotic confidence sequence, valid at every look ever taken.

    Args:
        deviation: Standard deviation of one observation.
        n: Observations so far.
        planned_n: Observations at which it is tuned to be narrowest; ``n`` when None.
        confidence: Coverage at all looks together, between 0 and 1.

    Returns:
        Half-width in the unit of ``deviation``.

    References:
        Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52:2613-2640.
    """
    alpha = 1 - confidence
    spread = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / (planned_n or n)
    grown = n * spread + 1
    return deviation * math.sqrt(grown / (n**2 * spread) * math.log(grown / alpha**2))


def exaggeration(effect: float, error: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Power of a comparison, and how much a result that stands out overstates on average.

    Args:
        effect: Assumed true effect, above 0.
        error: Standard error of its estimate, in the same unit.
        confidence: Coverage of the interval that decides, between 0 and 1.

    Returns:
        Power, 0 to 1, and the expected ratio of a clear result's size to the truth.

    References:
        Gelman & Carlin (2014), Perspectives on Psychological Science 9:641-651.
    """
    reach, shift = plain_reach(confidence), effect / error
    above, below = stats.norm.sf(reach - shift), stats.norm.cdf(-reach - shift)
    size = stats.norm.pdf(reach - shift) + shift * above
    size += stats.norm.pdf(reach + shift) - shift * below
    power = float(above + below)
    return power, float(size) / (shift * power)


def sign_error(effect: float, error: float, *, confidence: float = 0.95) -> float:
    """How often a clear result would point the wrong way, if the truth were so large.

    Args:
        effect: True effect, not 0.
        error: Standard error of its estimate.
        confidence: Coverage of the interval that decides, between 0 and 1.

    Returns:
        Share of clear results with the wrong sign, 0 to 0.5.

    References:
        Gelman & Carlin (2014), Perspectives on Psychological Science 9:641-651.
    """
    reach, shift = plain_reach(confidence), abs(effect / error)
    above, below = float(stats.norm.sf(reach - shift)), float(stats.norm.cdf(-reach - shift))
    return below / (above + below)


def detectable_effect(error: float, *, confidence: float = 0.95, power: float = 0.8) -> float:
    """Smallest true effect that a comparison of this precision finds four times in five.

    Args:
        error: Standard error of the difference.
        confidence: Coverage of the interval that decides, between 0 and 1.
        power: How often it should be found, between 0 and 1.

    Returns:
        Effect in the unit of ``error``.
    """
    return error * (plain_reach(confidence) + float(stats.norm.ppf(power)))


def power_of(effect: float, error: float, *, reach: float) -> float:
    """How often a comparison finds a true effect of that size.

    Args:
        effect: True effect.
        error: Standard error of its estimate, in the same unit; 0 finds everything.
        reach: Standard errors on either side of the interval that decides.

    Returns:
        Power, 0 to 1.
    """
    if not error > 0:
        return 1.0
    shift = effect / error
    return float(stats.norm.sf(reach - shift) + stats.norm.cdf(-reach - shift))


def t_chance(value: float, error: float, degrees: float) -> float:
    """Two-sided p-value of an estimate; without any error only 0 is by chance.

    Args:
        value: Estimate.
        error: Its standard error, at least 0.
        degrees: Degrees of freedom of the error.

    Returns:
        p-value between 0 and 1.
    """
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stats.t.sf(abs(value) / error, degrees))


def stretched_p(p_value: float, stretch: float) -> float:
    """Give the p-value that belongs to an interval widened for repeated looks.

    Args:
        p_value: Two-sided p-value of a single look.
        stretch: Factor by which the interval is widened.

    Returns:
        p-value that crosses the level exactly where the widened interval leaves zero.
    """
    if stretch == 1:
        return p_value
    return float(2 * stats.norm.sf(stats.norm.isf(p_value / 2) / stretch))


def _share_p(treated: tuple[int, int], control: tuple[int, int]) -> float:
    n_treated, n_control = treated[1], control[1]
    if not n_treated or not n_control:
        return math.nan
    pooled = (treated[0] + control[0]) / (n_treated + n_control)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_treated + 1 / n_control))
    if error == 0:
        return 1.0
    return float(2 * stats.norm.sf(abs(treated[0] / n_treated - control[0] / n_control) / error))


def _mean_p(treated: Mean, control: Mean) -> float:
    if min(treated.n, control.n) < 2:
        return math.nan
    error = math.hypot(treated.error, control.error)
    return t_chance(treated.value - control.value, error, welch_degrees(treated, control))
