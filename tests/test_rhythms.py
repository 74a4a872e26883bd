"""Sources that keep another clock are found, those with other habits are left in peace."""

import numpy as np
import pandas as pd
import pytest
from planted import HOURS

from journeylib.rhythms import find_shifts

DAY = HOURS / HOURS.sum()
OFFICE = np.array([0, 0, 0, 0, 0, 0, 0.2, 1, 4, 8, 9, 9, 6, 7, 9, 9, 8, 6, 2, 1, 0.5, 0.2, 0, 0])
OFFICE = OFFICE / OFFICE.sum()


def draw(rng, *profiles, n=1_500, others=3_000):
    counts = [n, *[others] * (len(profiles) - 1)]
    rows = [rng.multinomial(many, one) for many, one in zip(counts, profiles, strict=True)]
    return pd.DataFrame(rows, index=["x", "y", "z"][: len(rows)])


# ------------------------------------------------------------------ golden


@pytest.mark.slow
@pytest.mark.parametrize("others", [1, 2])
def test_every_shift_of_three_to_eleven_hours_is_found_within_one(others):
    """300 of 300 is what the method promises at 1,500 events."""
    rng = np.random.default_rng(0)
    for _ in range(150):
        hours = int(rng.integers(3, 12)) * int(rng.choice([-1, 1]))
        (shift,) = find_shifts(draw(rng, np.roll(DAY, hours), *[DAY] * others))
        assert shift.source == "x"
        assert abs(shift.hours - hours) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("profiles", [(DAY, DAY), (DAY, DAY, DAY), (OFFICE, DAY, DAY),
                                      (DAY, DAY, OFFICE), (np.roll(DAY, 1), DAY, DAY)])  # fmt: skip
def test_no_right_clock_is_accused(profiles):
    rng = np.random.default_rng(1)
    assert not any(find_shifts(draw(rng, *profiles)) for _ in range(150))


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("n", "found"), [(1_499, 0), (1_500, 1)])
def test_fewer_than_1500_events_are_not_judged(n, found):
    shifts = find_shifts(draw(np.random.default_rng(2), np.roll(DAY, 6), DAY, n=n))
    assert len(shifts) == found


@pytest.mark.parametrize(("hours", "found"), [(3, 0), (5, 1)])
def test_answers_may_come_three_hours_later(hours, found):
    counts = draw(np.random.default_rng(3), np.roll(DAY, hours), DAY, DAY)
    assert len(find_shifts(counts, following=["x"])) == found


# ------------------------------------------------------------------ refusal


def test_a_flat_day_says_nothing():
    flat = pd.DataFrame([[100.0] * 24, list(1_000 * DAY * 24)], index=["x", "y"])
    assert find_shifts(flat) == []
