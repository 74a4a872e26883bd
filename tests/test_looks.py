"""Looking early: published bounds, simulated peeking, uneven looks, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from journeylib.errors import DataError
from journeylib.looks import (
    crossing_chance,
    even_bounds,
    follow_looks,
    look_times,
    spending_bounds,
)


def even(looks):
    return look_times(looks, looks)


def test_five_obrien_fleming_bounds_match_lan_demets_1983():
    published = [4.877, 3.357, 2.680, 2.290, 2.031]
    assert spending_bounds(even(5)) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413)])
def test_even_bounds_match_pocock_1977(looks, constant):
    assert even_bounds(looks) == pytest.approx([constant] * looks, abs=5e-4)


@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040)])
def test_falling_bounds_match_obrien_fleming_1979(looks, constant):
    bounds = even_bounds(looks, shape="obrien_fleming")
    assert bounds[-1] == pytest.approx(constant, abs=5e-4)
    assert bounds[0] == pytest.approx(bounds[-1] * looks**0.5)


@pytest.mark.parametrize(("looks", "chance"), [(5, 0.142), (10, 0.193), (20, 0.248)])
def test_naive_peeking_errs_as_often_as_armitage_1969_says(looks, chance):
    plain = float(stats.norm.isf(0.025))
    assert crossing_chance([plain] * looks, times=even(looks)) == pytest.approx(chance, abs=6e-4)


def test_confidence_sequence_is_155_times_as_wide_where_it_is_tuned_waudby_smith_2024():
    row = follow_looks(pd.DataFrame({"n": [10_000], "value": [0.0], "error": [0.01]})).iloc[0]
    assert row["stretch"] == pytest.approx(1.55, abs=0.01)
    assert row["high"] == pytest.approx(row["stretch"] * 1.959964 * 0.01, rel=1e-6)


def test_a_hundred_undeclared_looks_keep_their_level():
    """300 tests without effect: naive looks err in a third of them, the sequence in at most 5 %."""
    draws, n = np.random.default_rng(0), np.arange(100, 10_001, 100)
    naive = kept = 0
    for _ in range(300):
        value = np.cumsum(draws.normal(0, 10, 100)) / n
        error = 1 / np.sqrt(n)
        rows = follow_looks(pd.DataFrame({"n": n, "value": value, "error": error}))
        naive += bool((np.abs(value) > 1.96 * error).any())
        kept += bool(((rows["low"] > 0) | (rows["high"] < 0)).any())
    assert naive / 300 > 0.3
    assert kept / 300 <= 0.05


def test_one_look_takes_the_plain_bound():
    plain = float(stats.norm.isf(0.025))
    assert spending_bounds([1.0]) == pytest.approx([plain])
    assert even_bounds(1) == pytest.approx([plain])


def test_looks_to_come_do_not_move_the_bounds_of_looks_taken():
    assert spending_bounds([0.3, 0.5]) == pytest.approx(spending_bounds([0.3, 0.5, 0.9, 1.0])[:2])


def test_an_early_look_takes_its_own_bound_not_the_last_ones():
    assert spending_bounds(look_times(5, 2))[-1] == pytest.approx(3.357, abs=5e-4)


def test_a_look_that_spends_nothing_cannot_stop_the_test():
    assert spending_bounds([0.001, 1.0])[0] == 12


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.integers(5, 99), min_size=1, max_size=5),
    st.sampled_from(["obrien_fleming", "pocock"]),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_bounds_of_any_looks_spend_the_whole_error_and_no_more(percents, shape, confidence):
    times = [*(percent / 100 for percent in sorted(percents)), 1.0]
    bounds = spending_bounds(times, shape=shape, confidence=confidence)
    assert crossing_chance(bounds, times=times) == pytest.approx(1 - confidence, abs=1e-6)


@pytest.mark.parametrize("times", [[], [0.0, 1.0], [0.5, 0.5], [0.8, 0.4], [0.5, 1.2]])
def test_looks_that_do_not_rise_to_one_are_turned_away(times):
    with pytest.raises(DataError, match="Looks must rise"):
        spending_bounds(times)


def test_more_looks_than_declared_are_sent_to_the_sequence():
    with pytest.raises(DataError, match="6 looks were taken and 5 declared") as refused:
        look_times(5, 6)
    assert "follow_looks" in str(refused.value)


def test_an_unknown_shape_and_a_missing_bound_are_turned_away():
    with pytest.raises(DataError, match='found "flat"'):
        spending_bounds([1.0], shape="flat")
    with pytest.raises(DataError, match="2 looks, 1 bounds"):
        crossing_chance([2.0], times=[0.5, 1.0])


def test_looks_without_errors_are_turned_away():
    with pytest.raises(DataError, match="lack error"):
        follow_looks(pd.DataFrame({"n": [100], "value": [0.1]}))
