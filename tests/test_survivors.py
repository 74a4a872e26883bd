"""Tables that list only those who stayed are told from whole ones."""

import numpy as np
import pytest

from journeylib.survivors import EXPECTED_LEAVERS, expect_early_leavers

END = 900.0


def draw(rng, *, since=0.0, bound=0.0, customers=1_000):
    """Draw joining and leaving days at one rate; those who left before `since` are gone."""
    joined = rng.uniform(0, END, customers)
    left = joined + bound + rng.exponential(700, customers)
    left = np.where(left < END, left, np.nan)
    there = ~(left < since)
    return joined[there], left[there]


# ------------------------------------------------------------------ golden


def test_the_leavers_to_expect_are_the_later_rate_times_the_earlier_time():
    """By hand: 20 joined on day 0 and 20 on day 90, one of each left on days 100 to 119.

    The shortest memberships bind for 11.95 days. Before day 100 the first 20 were at risk for
    88.05 days each; from then on all 40 left within 190 + 153.9 days at risk.
    """
    joined = np.repeat([0.0, 90.0], 20)
    left = np.tile(100.0 + np.arange(20), 2)
    found = expect_early_leavers(joined, left, end=120.0)
    assert found == pytest.approx(40 / 343.9 * 20 * 88.05)


def test_whoever_left_earlier_is_missed():
    missed = [
        expect_early_leavers(*draw(np.random.default_rng(seed), since=500.0), end=END)
        for seed in range(20)
    ]
    assert min(missed) > 5 * EXPECTED_LEAVERS


@pytest.mark.parametrize("bound", [0.0, 365.0])
def test_whole_tables_raise_no_alarm_with_or_without_a_first_year_that_binds(bound):
    found = [
        expect_early_leavers(*draw(np.random.default_rng(seed), bound=bound), end=END)
        for seed in range(100)
    ]
    assert max(found) < EXPECTED_LEAVERS


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("leavers", "judged"), [(19, False), (20, True)])
def test_fewer_than_twenty_leavers_are_not_judged(leavers, judged):
    joined = np.zeros(400)
    left = np.where(np.arange(400) < leavers, 500.0 + 10 * np.arange(400), np.nan)
    joined[: leavers // 2] = 480.0  # short memberships, so that no contract explains the wait
    found = expect_early_leavers(joined, left, end=END)
    assert (found > EXPECTED_LEAVERS) == judged


# ------------------------------------------------------------------ refusal


def test_nothing_is_said_where_nobody_left():
    assert expect_early_leavers(np.zeros(50), np.full(50, np.nan), end=END) == 0
