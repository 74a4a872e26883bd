"""Durations by group whose quantiles survive adding up: exact while few, binned when many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 2_000_000
BINS_PER_E = 100  # bins grow by 1 %, so a binned quantile is within 1 % of the true one
_SMALLEST = 1e-4


@dataclass(frozen=True, slots=True)
class Durations:
    """Durations and their groups, or how many fell into each bin.

    Attributes:
        group: Group of each entry.
        value: Duration of each entry, in any unit; the centre of its bin once binned.
        weight: How many durations each entry stands for.
    """

    group: NDArray[np.int64]
    value: NDArray[np.float64]
    weight: NDArray[np.int64]

    @classmethod
    def of(cls, group: NDArray[np.int64], value: NDArray[np.float64]) -> Durations:
        """Keep durations as they are while they are few enough."""
        return cls(group, value, np.ones(len(group), dtype=np.int64))._compact()

    def __add__(self, other: Durations) -> Durations:
        return Durations(
            np.concatenate([self.group, other.group]),
            np.concatenate([self.value, other.value]),
            np.concatenate([self.weight, other.weight]),
        )._compact()

    def _compact(self) -> Durations:
        if len(self.group) <= EXACT:
            return self
        bins = np.round(np.log(np.maximum(self.value, _SMALLEST)) * BINS_PER_E).astype(np.int64)
        pairs = np.stack([self.group, bins], axis=1)
        unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
        weight = np.bincount(inverse.ravel(), weights=self.weight).astype(np.int64)
        return Durations(unique[:, 0], np.exp(unique[:, 1] / BINS_PER_E), weight)

    def quantiles(self, share: float) -> dict[int, float]:
        """Give one quantile of each group.

        Args:
            share: Which one, 0 to 1; 0.5 is the median (the lower one of an even number of
                weighted entries once binned, the mean of both middle ones while exact).

        Returns:
            Quantile by group; exact while at most two million durations were kept, else within 1 %.
        """
        if not len(self.group):
            return {}
        order = np.lexsort((self.value, self.group))
        group, value, weight = self.group[order], self.value[order], self.weight[order]
        starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
        ends = np.append(starts[1:], len(group))
        if bool((weight == 1).all()):
            found = _between(value, starts, ends, share)
        else:
            before = np.append(0, np.cumsum(weight))
            aim = before[starts] + share * (before[ends] - before[starts])
            at = np.searchsorted(before[1:], aim)
            found = value[np.clip(at, starts, ends - 1)]
        return dict(zip(group[starts].tolist(), found.tolist(), strict=True))


def _between(
    value: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64], share: float
) -> NDArray[np.float64]:
    """Give the quantile of each sorted run, halfway between neighbours where it falls there."""
    place = starts + share * (ends - starts - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, ends - 1)
    return value[below] + (place - below) * (value[above] - value[below])
