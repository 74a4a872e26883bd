"""Intervals for many shares at once, from sums over customers. For single numbers see `scores`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLUSTERED = "ratio of sums over customers, logit scale (Cochran 1977, eq. 6.13)"
WILSON = "Wilson (1927) score interval"


def clustered_shares(sums: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Give shares of events their intervals, with the customer as the unit.

    Args:
        sums: Columns ``count`` (Σy), ``left`` (Σx), ``square`` (Σy²), ``cross`` (Σxy),
            ``left_square`` (Σx²) and ``left_customers``, sums over customers.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        Columns ``value, low, high, n, unit, source``; ``n`` is the number of customers. The
        effective number of events never exceeds the true one, and the ends are Wilson's at it, so
        that shares of 0 and 1 keep an interval.
    """
    y, x = sums["count"].to_numpy(float), sums["left"].to_numpy(float)
    share = np.divide(y, x, out=np.full(len(y), np.nan), where=x > 0)
    customers = sums["left_customers"].to_numpy(float)
    spread = (
        sums["square"].to_numpy(float)
        - 2 * share * sums["cross"].to_numpy(float)
        + share**2 * sums["left_square"].to_numpy(float)
    )
    small = np.divide(customers, customers - 1, out=np.ones(len(y)), where=customers > 1)
    variance = np.divide(small * spread, x**2, out=np.full(len(y), np.nan), where=x > 0)
    plain = share * (1 - share)
    effective = np.where(
        variance > 0, np.divide(plain, variance, where=variance > 0, out=x.copy()), x
    )
    design = sums["left_square"].to_numpy(float) / np.maximum(x, 1)
    effective = np.where(plain > 0, np.minimum(effective, x), x / np.maximum(design, 1))
    low, high = wilson(share, np.maximum(effective, 1), confidence=confidence)
    return _frame(share, low, high, customers, CLUSTERED, sums.index)


def plain_shares(successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
    """Give shares of customers their Wilson intervals.

    Args:
        successes: Customers to whom it happened.
        n: Customers to whom it could have happened.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        Columns ``value, low, high, n, unit, source``; no value where ``n`` is 0.
    """
    hits, cases = np.asarray(successes, float), np.asarray(n, float)
    share = np.divide(hits, cases, out=np.full(len(hits), np.nan), where=cases > 0)
    low, high = wilson(share, np.maximum(cases, 1), confidence=confidence)
    return _frame(share, low, high, cases, WILSON, None)


def wilson(
    share: NDArray[np.float64], n: NDArray[np.float64], *, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give Wilson's ends of many shares; ``n`` may be an effective number.

    References:
        Wilson (1927), JASA 22(158):209-212; Newcombe (1998), Statist. Med. 17:857-872, table I.

    Example:
        >>> low, high = wilson(np.array([81 / 263]), np.array([263.0]), confidence=0.95)
        >>> print(f"{low[0]:.4f} {high[0]:.4f}")
        0.2553 0.3662
    """
    z = stats.norm.ppf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def _frame(
    share: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    n: NDArray[np.float64],
    source: str,
    index: pd.Index | None,
) -> pd.DataFrame:
    columns = {"value": share, "low": low, "high": high, "n": n, "unit": "share", "source": source}
    return pd.DataFrame(columns, index=index)
