"""A total shared out fairly among those who made it: Shapley's value, exact or from samples.

Not for what a group is worth; whoever asks brings the function that says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_EXACT = 12
PAIRS = 60


@dataclass(frozen=True, slots=True)
class Shared:
    """What each member gets.

    Attributes:
        parts: One row per member, one column per version of the worth; a column sums to the worth
            of all members less that of none.
        error: Standard error of each member's first column that sampling brought in; 0 where every
            group was looked at.
        exact: Whether every group was looked at.
    """

    parts: Floats
    error: Floats
    exact: bool


def share_out(
    members: int,
    worth: Callable[[tuple[int, ...]], Floats],
    *,
    seed: int = 7,
    most_exact: int = MOST_EXACT,
) -> Shared:
    """Share a total out among members by what each adds to every group of the others.

    Args:
        members: How many there are.
        worth: Worth of a group, given by its members' numbers in rising order; an array with one
            entry per version of the data (the data itself first, then its resamples).
        seed: Seed of the sampled orders.
        most_exact: Up to so many members every group is looked at; beyond, 60 random orders and
            their reverses are.

    Returns:
        The parts and their sampling error.

    References:
        Shapley (1953), "A value for n-person games"; Castro, Gómez & Tejada (2009), Computers &
        Operations Research 36(5):1726-1730, for the sampled orders.
    """
    known: dict[int, Floats] = {}

    def look_up(mask: int) -> Floats:
        if mask not in known:
            group = tuple(place for place in range(members) if mask >> place & 1)
            known[mask] = np.atleast_1d(np.asarray(worth(group), dtype=float))
        return known[mask]

    if members <= most_exact:
        parts = _exact(members, look_up)
        return Shared(parts, np.zeros(members), exact=True)
    return _sampled(members, look_up, np.random.default_rng(seed))


def _exact(members: int, look_up: Callable[[int], Floats]) -> Floats:
    weights = [
        math.factorial(size) * math.factorial(members - size - 1) / math.factorial(members)
        for size in range(members)
    ]
    parts = np.zeros((members, len(look_up(0))))
    for mask in range(1 << members):
        size = mask.bit_count()
        here = look_up(mask)
        for place in range(members):
            if mask >> place & 1:
                parts[place] += weights[size - 1] * here
            else:
                parts[place] -= weights[size] * here
    return parts


def _sampled(members: int, look_up: Callable[[int], Floats], rng: np.random.Generator) -> Shared:
    """Go through random orders and their reverses: a pair counts as one draw."""
    draws = np.zeros((PAIRS, members, len(look_up(0))))
    for draw in draws:
        order = rng.permutation(members)
        for way in (order, order[::-1]):
            mask, before = 0, look_up(0)
            for place in way:
                mask |= 1 << int(place)
                after = look_up(mask)
                draw[place] += (after - before) / 2
                before = after
    error = draws[:, :, 0].std(axis=0, ddof=1) / math.sqrt(PAIRS)
    return Shared(draws.mean(axis=0), error, exact=False)
