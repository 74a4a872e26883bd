"""How long until something happens, where not everybody could be watched to the end.

Kaplan-Meier and Aalen-Johansen by statsmodels, the restricted mean by hand. One row is one
customer, so the customer is the unit of every interval. Not for finding spells; see `passages`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.estimates import ESTIMATE_COLUMNS, Estimate, Refusal
from journeylib.ratios import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

FEWEST_ENDED = 20
INCIDENCE = "Aalen-Johansen cumulative incidence, Wilson interval at its effective n"
SURVIVAL = "Kaplan-Meier, Wilson interval at its effective n"
MEDIAN = "Kaplan-Meier median, log interval (Brookmeyer and Crowley 1982)"
RESTRICTED = "restricted mean: area under Kaplan-Meier (Irwin 1949), Greenwood's variance"
MEDIAN_NAME = "median"


@dataclass(frozen=True, slots=True)
class Curve:
    """A step function of time that starts at 0, with its standard error.

    Attributes:
        time: Times at which it rises, ascending.
        value: Cumulative incidence from each time on, 0 to 1.
        error: Standard error there; missing where it cannot be known.
        n: Customers the curve rests on.
    """

    time: Floats
    value: Floats
    error: Floats
    n: int

    def at(self, times: ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
        """Read the curve at given times.

        Args:
            times: In the curve's unit.
            confidence: Coverage of the interval at each single time.

        Returns:
            Columns ``value, low, high`` in the order of ``times``; the interval is Wilson's at the
            number of customers that would give the curve's standard error.
        """
        place = np.searchsorted(self.time, np.asarray(times, float), side="right")
        value = np.append(0.0, self.value)[place]
        error = np.append(0.0, self.error)[place]
        plain = value * (1 - value)
        known = (error > 0) & (plain > 0)
        effective = np.full(len(value), float(self.n))
        effective[known] = plain[known] / error[known] ** 2
        effective = np.clip(effective, 1, max(self.n, 1))
        low, high = wilson(value, effective, confidence=confidence)
        if not self.n:
            value = low = high = np.full(len(value), math.nan)
        return pd.DataFrame({"value": value, "low": low, "high": high})

    def estimate(
        self, time: float, *, metric: str, source: str, confidence: float = 0.95
    ) -> Estimate:
        """Read the curve at one time as an estimate of a share."""
        row = self.at([time], confidence=confidence).iloc[0]
        ends = (float(row["value"]), float(row["low"]), float(row["high"]))
        return Estimate(metric, *ends, self.n, "share", source, confidence)


def trace_incidence(days: ArrayLike, ended: ArrayLike, *, causes: int = 2) -> list[Curve]:
    """Estimate how many will have ended for each cause as time goes by (Aalen-Johansen).

    Whoever ended for one cause can no longer end for another: one minus Kaplan-Meier of each cause
    alone would claim too much.

    Args:
        days: How long each customer was watched; 0 and above.
        ended: Cause by which it ended, 1 to ``causes``; 0 where watching stopped before.
        causes: How many causes there are.

    Returns:
        One curve for each cause, in order; without events it stays at 0.

    References:
        Aalen and Johansen (1978), Scand. J. Stat. 5:141-150.
    """
    from statsmodels.duration.survfunc import CumIncidenceRight

    time, cause = np.asarray(days, float), np.asarray(ended, int)
    flat = Curve(np.zeros(0), np.zeros(0), np.zeros(0), len(time))
    if not (cause > 0).any():
        return [flat] * causes
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the last time of all divides by nobody
        found = CumIncidenceRight(time, cause)
    curves = [
        Curve(np.asarray(found.times, float), value, np.nan_to_num(error), len(time))
        for value, error in zip(found.cinc, found.cinc_se, strict=True)
    ]
    return [*curves, *[flat] * causes][:causes]


def trace_survival(days: ArrayLike, ended: ArrayLike) -> Curve:
    """Estimate the share to whom it has happened by each time: one minus Kaplan-Meier.

    Args:
        days: How long each customer was watched.
        ended: Whether it happened then; else watching stopped before.

    References:
        Kaplan and Meier (1958), JASA 53:457-481.
    """
    found = _kaplan_meier(days, ended)
    if found is None:
        return Curve(np.zeros(0), np.zeros(0), np.zeros(0), len(np.asarray(days)))
    error = np.nan_to_num(found.surv_prob_se)
    return Curve(found.surv_times, 1 - found.surv_prob, error, len(np.asarray(days)))


def _kaplan_meier(days: ArrayLike, ended: ArrayLike):  # type: ignore[no-untyped-def] # noqa: ANN202
    from statsmodels.duration.survfunc import SurvfuncRight

    status = np.asarray(ended, int)
    if not status.any():
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return SurvfuncRight(np.asarray(days, float), status)


def median_time(
    days: ArrayLike, ended: ArrayLike, *, metric: str, confidence: float = 0.95
) -> Estimate | Refusal:
    """Estimate the time by which it has happened to half, with right-censoring.

    Args:
        days: How long each customer was watched.
        ended: Whether it happened then.
        metric: Name of the estimate.
        confidence: Coverage of the interval.

    Returns:
        Days; the upper end is infinite where the curve does not come down far enough. A refusal
        where it happened to fewer than 20, or not to half.
    """
    happened = int(np.asarray(ended, int).sum())
    if happened < FEWEST_ENDED:
        reason = f"it ended for {happened} customers; {FEWEST_ENDED} are needed."
        return Refusal(reason, "more customers, or a longer period")
    found = _kaplan_meier(days, ended)
    median = float(found.quantile(0.5))
    if not math.isfinite(median):
        return Refusal("fewer than half came to an end in time.", "a longer period")
    with np.errstate(all="ignore"):
        low, high = found.quantile_ci(0.5, alpha=1 - confidence, method="log")
    n = len(np.asarray(days))
    # No test is left to invert where it happened to all of them at one time.
    low, high = (median if math.isnan(end) else float(end) for end in (low, high))
    ends = (min(low, median), max(high, median))
    return Estimate(metric, median, *ends, n, "days", MEDIAN, confidence)


def restricted_mean(
    days: ArrayLike, ended: ArrayLike, *, until: float, metric: str, confidence: float = 0.95
) -> Estimate:
    """Estimate the mean time within a window; it exists where the median is not reached.

    Args:
        days: How long each customer was watched.
        ended: Whether it happened then.
        until: Length of the window in days.
        metric: Name of the estimate.
        confidence: Coverage of the interval.

    Returns:
        Days, 0 to ``until``, in the unit of ``days``; meaningful where somebody was watched that
        long.

    References:
        Irwin (1949), J. Hyg. 47:188-189; Royston and Parmar (2013), BMC Med Res Methodol 13:152.
    """
    found, n = _kaplan_meier(days, ended), len(np.asarray(days))
    if found is None:
        return Estimate(metric, until, until, until, n, "days", RESTRICTED, confidence)
    inside = found.surv_times < until
    times, risk = found.surv_times[inside], np.asarray(found.n_risk, float)[inside]
    events = np.asarray(found.n_events, float)[inside]
    height = np.append(1.0, found.surv_prob[inside])
    areas = height * np.diff(np.concatenate([[0.0], times, [until]]))
    after = np.cumsum(areas[::-1])[::-1][1:]
    last = risk * (risk - events)
    spread = np.divide(events, last, out=np.zeros(len(last)), where=last > 0)
    half = float(stats.norm.ppf((1 + confidence) / 2) * np.sqrt((after**2 * spread).sum()))
    value = float(areas.sum())
    ends = (max(value - half, 0.0), min(value + half, until))
    return Estimate(metric, value, *ends, n, "days", RESTRICTED, confidence)


def typical_times(
    groups: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    longest: float,
    unit: str = "days",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say how long it typically takes: the median, or where it is not reached, a restricted mean.

    Args:
        groups: Time watched and whether it ended, for each group.
        longest: Longest window of a restricted mean.
        unit: Unit of all times.
        confidence: Coverage of the intervals.

    Returns:
        One row per group: ``value, low, high, n, unit, source`` and ``measure``, which is
        ``median`` or names the window of the mean. All means have one window, in whole units, for
        which every group without a median was watched, so that they can be compared. No value
        where it ended for fewer than 20.
    """
    found = [median_time(*group, metric="days", confidence=confidence) for group in groups]
    asked = [at for at, median in enumerate(found) if _needs_mean(median, groups[at])]
    watched = [float(np.max(np.asarray(groups[at][0], float))) for at in asked]
    until = float(math.floor(min([longest, *watched]))) if asked else 0.0
    rows = []
    for at, (days, ended) in enumerate(groups):
        told, measure = found[at], MEDIAN_NAME
        if at in asked and until > 0:
            told = restricted_mean(days, ended, until=until, metric="days", confidence=confidence)
            measure = f"mean of the first {until:.0f} {unit}"
        if isinstance(told, Estimate):
            rows.append((told.value, told.low, told.high, told.n, unit, told.source, measure))
        else:
            rows.append((math.nan, math.nan, math.nan, len(np.asarray(days)), unit, "", ""))
    return pd.DataFrame(rows, columns=[*ESTIMATE_COLUMNS, "measure"])


def _needs_mean(median: Estimate | Refusal, group: tuple[ArrayLike, ArrayLike]) -> bool:
    """Tell whether a median is missing because it is not reached, not for want of customers."""
    return isinstance(median, Refusal) and int(np.asarray(group[1], int).sum()) >= FEWEST_ENDED


def blur_shares(table: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Let no point of a curve tell of fewer customers than may be shown.

    Args:
        table: Columns ``value, low, high`` (shares) and ``customers``.
        fewest: Fewest customers that a point may set apart; 1 changes nothing.

    Returns:
        The table; a share of too few, or of all but too few, is moved to that of ``fewest``. A
        curve of fewer customers than that has no values.
    """
    whole = table["customers"].to_numpy(float)
    value = table["value"].to_numpy(float)
    edge = fewest / np.maximum(whole, 1)
    small = (value > 0) & (np.round(value * whole) < fewest)
    rest = (value < 1) & (np.round((1 - value) * whole) < fewest)
    value = np.where(rest, 1 - edge, np.where(small, edge, value))
    value = np.where(whole < max(fewest, 1), math.nan, np.clip(value, 0, 1))
    ends = {"low": np.fmin(table["low"], value), "high": np.fmax(table["high"], value)}
    known = np.isfinite(value)
    return table.assign(
        value=value, **{k: np.where(known, end, math.nan) for k, end in ends.items()}
    )


def conditional_median(curve: Curve, until: float) -> float:
    """Give the time by which half of those had ended who end for this cause within a window.

    Args:
        curve: Cumulative incidence of the cause.
        until: Length of the window.

    Returns:
        Days, corrected for those who could not be watched that long; missing without events.
    """
    inside = curve.time <= until
    value = curve.value[inside]
    if not len(value) or not value[-1] > 0:
        return math.nan
    return float(curve.time[inside][np.searchsorted(value, value[-1] / 2 - 1e-12)])


def compare_survival(
    days: ArrayLike, ended: ArrayLike, groups: Sequence[object] | pd.Series
) -> tuple[float, int, float]:
    """Compare the curves of groups by the log-rank test.

    Args:
        days: How long each customer was watched.
        ended: Whether it happened then.
        groups: Group of each customer.

    Returns:
        Chi-square, degrees of freedom and p; no test where it happened to fewer than 20.

    References:
        Mantel (1966), Cancer Chemother. Rep. 50:163-170.
    """
    from statsmodels.duration.survfunc import survdiff

    codes, names = pd.factorize(pd.Series(list(groups)), sort=True)
    status = np.asarray(ended, int)
    if len(names) < 2 or status.sum() < FEWEST_ENDED:
        return math.nan, max(len(names) - 1, 0), math.nan
    chi_square, p = survdiff(np.asarray(days, float), status, codes)
    return float(chi_square), len(names) - 1, float(p)
