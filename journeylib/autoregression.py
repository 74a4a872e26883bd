"""Regressions of one line over time: with autocorrelated errors, or of counts with an offset.

Not for what the coefficients mean; see `series`. Ordinary and Newey-West intervals are far too
narrow on series as short as these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """A regression with first-order autocorrelated errors.

    Attributes:
        coefficients: One per column of the design.
        covariance: Their covariance.
        degrees: Points less coefficients.
        rho: Autocorrelation of neighbouring errors.
    """

    coefficients: Vector
    covariance: Vector
    degrees: int
    rho: float

    def effect(self, column: int, confidence: float) -> tuple[float, float, float, float]:
        """Coefficient, ends of its t interval, and two-sided p-value."""
        value, error = float(self.coefficients[column]), self.error(column)
        half = float(stats.t.ppf((1 + confidence) / 2, self.degrees)) * error
        p_value = float(2 * stats.t.sf(abs(value) / error, self.degrees)) if error else 0.0
        return value, value - half, value + half, p_value

    def error(self, column: int) -> float:
        """Standard error of a coefficient."""
        return math.sqrt(float(self.covariance[column, column]))


def fit_autoregressive(design: Vector, values: Vector, clock: Vector) -> Fit:
    """Generalised least squares with AR(1) errors by restricted maximum likelihood.

    Args:
        design: Points by coefficients.
        values: One value per point.
        clock: Whole periods of the points, rising; gaps are allowed.

    Returns:
        The fit. The autocorrelation is kept at 0 or above: letting chance make it negative
        narrows the intervals of short series (24 points: 10 % false alarms instead of 6 %).

    References:
        Cheang & Reinsel (2000), J. Am. Stat. Assoc. 95:1173-1184.
    """
    n, p = design.shape
    gaps = np.diff(clock)

    def transformed(rho: float) -> tuple[Vector, Vector, float]:
        scale = np.sqrt((1 - rho**2) / (1 - rho ** (2 * gaps)))
        scale = np.concatenate([[math.sqrt(1 - rho**2)], scale])
        lag = np.concatenate([[0.0], rho**gaps])
        both = np.column_stack([design, values])
        white = (both - lag[:, None] * np.roll(both, 1, axis=0)) * scale[:, None]
        return white[:, :p], white[:, p], float(np.log(scale).sum())

    def loss(rho: float) -> float:
        x, y, log_scale = transformed(rho)
        left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        squares = max(float(left @ left), 1e-300)
        log_det = float(np.linalg.slogdet(x.T @ x)[1])
        return float(0.5 * ((n - p) * math.log(squares) + log_det) - log_scale)

    rho = float(optimize.minimize_scalar(loss, bounds=(0.0, 0.98), method="bounded").x)
    x, y, _ = transformed(rho)
    inverse = np.linalg.inv(x.T @ x)
    coefficients = inverse @ (x.T @ y)
    left = y - x @ coefficients
    # A line without any noise must not turn the last digit of the arithmetic into an effect.
    floor = (1e-10 * float(np.abs(values).max())) ** 2
    return Fit(coefficients, inverse * max(float(left @ left) / (n - p), floor), n - p, rho)


def fit_counts(design: Vector, counts: Vector, offset: Vector) -> Fit:
    """Quasi-Poisson regression of counts with a logarithmic link.

    Args:
        design: Points by coefficients.
        counts: One count per point, 0 or more.
        offset: What each count is out of, above 0.

    Returns:
        The fit on the logarithmic scale. Errors are scaled by the spread beyond Poisson's (Pearson)
        and by positive autocorrelation of the residuals, for which Newey-West errors are no cure:
        they may even be narrower.

    References:
        Bernal, Cummins & Gasparrini (2017), Int. J. Epidemiology 46:348-355; McCullagh & Nelder
        (1989), Generalized Linear Models, ch. 6.2.
    """
    import statsmodels.api as sm

    model = sm.GLM(counts, design, family=sm.families.Poisson(), offset=np.log(offset))
    found = model.fit(scale="X2")
    left = np.asarray(found.resid_pearson, dtype="float64")
    n, p = design.shape
    total = float(left @ left)
    rho = float(left[1:] @ left[:-1]) / total if total > 0 else 0.0
    # Residuals of p coefficients correlate less than the errors do, by about p / n.
    rho = min(0.9, max(0.0, rho + (1 + 3 * rho) * p / n / 2))
    widened = np.asarray(found.cov_params()) * (1 + rho) / (1 - rho)
    return Fit(np.asarray(found.params), widened, n - p, rho)
