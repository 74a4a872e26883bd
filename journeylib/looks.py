"""Looking at a test before it ends: bounds for declared looks, intervals for undeclared ones.

Not for comparing two arms; see `arms` and `trials`. A test that is looked at five times with the
bound for one look calls noise an effect in one of seven cases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import optimize, stats

from journeylib.arms import plain_reach, sequence_half_width
from journeylib.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Shape = Literal["obrien_fleming", "pocock"]

WIDEST = 12.0  # z above which no bound is told apart from "cannot stop here"
SHAPES = ("obrien_fleming", "pocock")
SEQUENCE = "Asymptotic confidence sequence (Waudby-Smith et al. 2024)"


@dataclass(frozen=True, slots=True)
class _Path:
    """Where a path without effect stands that has not crossed a bound yet."""

    time: float
    points: Vector
    mass: Vector

    def beyond(self, edge: float, time: float) -> float:
        """Probability of lying beyond an edge on either side at a later time."""
        root = math.sqrt(time - self.time)
        above = stats.norm.sf((edge - self.points) / root)
        return float(self.mass @ (above + stats.norm.sf((edge + self.points) / root)))

    def carry(self, edge: float, time: float) -> _Path:
        """Move on to a later time, keeping what lies inside the edge."""
        root = math.sqrt(time - self.time)
        nodes, weights = _quadrature(edge / root)
        arrived = self.mass @ stats.norm.pdf((nodes * edge - self.points[:, None]) / root) / root
        return _Path(time, nodes * edge, weights * edge * arrived)


def spending_bounds(
    times: Sequence[float], *, shape: Shape = "obrien_fleming", confidence: float = 0.95
) -> list[float]:
    """Critical values of declared looks, which need not be equally spaced (Lan-DeMets).

    Args:
        times: Share of the planned sample at each look, rising, above 0, the last at most 1. Only
            looks up to now matter: later ones may still move.
        shape: ``"obrien_fleming"`` spends late, ``"pocock"`` evenly.
        confidence: Coverage asked for at all looks together, between 0 and 1.

    Returns:
        One bound on the absolute z value per look; 12 where the look spends next to nothing.

    Raises:
        DataError: The times do not rise between 0 and 1, or the shape is unknown.

    References:
        Lan & DeMets (1983), Biometrika 70:659-663; Armitage, McPherson & Rowe (1969), JRSS A
        132:235-244, for the recursive integration.

    Example:
        >>> [round(bound, 3) for bound in spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0])]
        [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    _check_times(times)
    spent = [_spent(time, shape, 1 - confidence) for time in times]
    path, bounds = _origin(), []
    for time, share in zip(times, np.diff(spent, prepend=0.0), strict=True):
        edge = _edge(path, time, float(share))
        bounds.append(edge / math.sqrt(time))
        path = path.carry(edge, time)
    return bounds


def even_bounds(looks: int, *, shape: Shape = "pocock", confidence: float = 0.95) -> list[float]:
    """Critical values of equally spaced looks by the classical constants.

    Args:
        looks: Planned looks, at least 1.
        shape: ``"pocock"`` for one bound at every look, ``"obrien_fleming"`` for bounds that fall
            with the square root of the sample to the constant at the last look.
        confidence: Coverage asked for at all looks together, between 0 and 1.

    Returns:
        One bound on the absolute z value per look.

    Raises:
        DataError: There is no look, or the shape is unknown.

    References:
        Pocock (1977), Biometrika 64:191-199; O'Brien & Fleming (1979), Biometrics 35:549-556.

    Example:
        >>> [round(bound, 3) for bound in even_bounds(2)]
        [2.178, 2.178]
    """
    _check_shape(shape)
    times = [(look + 1) / looks for look in range(looks)]
    _check_times(times)
    slope = 0.0 if shape == "pocock" else 0.5

    def drawn(constant: float) -> list[float]:
        return [constant * time**-slope for time in times]

    def excess(constant: float) -> float:
        return crossing_chance(drawn(constant), times=times) - (1 - confidence)

    return drawn(float(optimize.brentq(excess, 0.1, WIDEST / 2, xtol=1e-9)))


def crossing_chance(bounds: Sequence[float], *, times: Sequence[float]) -> float:
    """Probability that a test without effect crosses its bound at one look or another.

    Args:
        bounds: Bound on the absolute z value at each look.
        times: Share of the planned sample at each look, rising, above 0, the last at most 1.

    Returns:
        Probability between 0 and 1.

    Raises:
        DataError: The times do not rise between 0 and 1, or there is not one bound for each.

    References:
        Armitage, McPherson & Rowe (1969), JRSS A 132:235-244.

    Example:
        >>> round(crossing_chance([1.96] * 5, times=[0.2, 0.4, 0.6, 0.8, 1.0]), 3)
        0.142
    """
    _check_times(times)
    if len(bounds) != len(times):
        raise DataError(f"Each look takes one bound: {len(times)} looks, {len(bounds)} bounds.")
    path, crossed = _origin(), 0.0
    for bound, time in zip(bounds, times, strict=True):
        edge = bound * math.sqrt(time)
        crossed += path.beyond(edge, time)
        path = path.carry(edge, time)
    return crossed


def look_times(planned: int, taken: int) -> list[float]:
    """Shares of the sample at the looks taken so far of equally spaced ones.

    Args:
        planned: Looks that were declared, the last one included.
        taken: Looks taken so far, at least 1 and at most `planned`.

    Returns:
        One share per look; the last entry's bound decides today.

    Raises:
        DataError: More looks were taken than declared, or none.

    Example:
        >>> look_times(4, 2)
        [0.25, 0.5]
    """
    if not 1 <= taken <= planned:
        raise DataError(
            f"{taken} looks were taken and {planned} declared.",
            ["use follow_looks, whose intervals hold at every look"],
        )
    return [(look + 1) / planned for look in range(taken)]


def follow_looks(
    looks: pd.DataFrame, *, planned_n: int | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Give every look an interval that stays true however often anybody looked.

    Args:
        looks: ``n`` (units so far), ``value`` (estimate so far) and ``error`` (its standard
            error), one row per look; at least some hundred units at the first.
        planned_n: Units at which the interval is tuned to be narrowest, fixed before the first
            look; the ``n`` of the last row when None.
        confidence: Coverage of all looks together, between 0 and 1.

    Returns:
        The rows in the order of ``n`` with ``low, high``, ``stretch`` (times as wide as for one
        look) and ``source``.

    Raises:
        DataError: A column is missing or there is no look.

    References:
        Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52:2613-2640.
    """
    missing = [column for column in ("n", "value", "error") if column not in looks]
    if missing or looks.empty:
        lacks = f"lack {', '.join(missing)}" if missing else "have no row"
        raise DataError(f"The looks {lacks}.", ["give n, value, error: one row per look"])
    rows = looks.sort_values("n", kind="stable").reset_index(drop=True)
    counts = [int(n) for n in rows["n"]]
    tuned = planned_n or counts[-1]
    halves = [
        sequence_half_width(math.sqrt(n), n, planned_n=tuned, confidence=confidence) for n in counts
    ]
    half = np.array(halves) * rows["error"]
    return rows.assign(
        low=rows["value"] - half,
        high=rows["value"] + half,
        stretch=np.array(halves) / plain_reach(confidence),
        source=SEQUENCE,
    )


def _quadrature(width: float) -> tuple[Vector, Vector]:
    # The nodes must be closer than one increment, or close looks would be blurred; doubling
    # keeps the number of rules that are ever computed small.
    order = 120
    while order < 16 * width and order < 960:
        order *= 2
    return _legendre(order)


@lru_cache(maxsize=8)
def _legendre(order: int) -> tuple[Vector, Vector]:
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return nodes, weights


def _origin() -> _Path:
    return _Path(0.0, np.zeros(1), np.ones(1))


def _spent(time: float, shape: Shape, alpha: float) -> float:
    _check_shape(shape)
    if shape == "pocock":
        return alpha * math.log(1 + (math.e - 1) * time)
    # Two sides, each spending 2 - 2 Phi(z / sqrt t) of half the error.
    return float(4 * stats.norm.sf(stats.norm.isf(alpha / 4) / math.sqrt(time)))


def _edge(path: _Path, time: float, share: float) -> float:
    """Find the edge that the path crosses with a given probability at its next look."""
    widest = WIDEST * math.sqrt(time)
    if path.beyond(widest, time) >= share:
        return widest

    def excess(edge: float) -> float:
        return path.beyond(edge, time) - share

    return float(optimize.brentq(excess, 1e-9, widest, xtol=1e-12))


def _check_times(times: Sequence[float]) -> None:
    rising = all(first < second for first, second in zip([0.0, *times], times, strict=False))
    if not len(times) or not rising or times[-1] > 1 + 1e-12:
        shown = ", ".join(f"{time:g}" for time in times)
        raise DataError(
            f"Looks must rise from above 0 to at most 1; found {shown or 'none'}.",
            ["write each look as a share of the planned sample: 0.25, 0.5, 1"],
        )


def _check_shape(shape: str) -> None:
    if shape not in SHAPES:
        raise DataError(f'shape must be one of {", ".join(SHAPES)}; found "{shape}".')
