"""Projections of renewals under contract."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.estimates import Refusal
from journeylib.renewals import count_renewals, count_survivors, fit_renewals, project_renewals

# Fader and Hardie (2007), table 1: customers of 1,000 after each year
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]

# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    ("surviving", "alpha", "beta", "height", "year_12"),
    [(HIGH_END, 0.668, 3.806, -1611.2, 0.378), (REGULAR, 0.704, 1.182, -1680.3, 0.170)],
)
def test_sbg_is_that_of_fader_and_hardie_2007(surviving, alpha, beta, height, year_12):
    fit = fit_renewals(count_survivors(surviving), model="sbg")
    assert (fit.alpha, fit.beta) == pytest.approx((alpha, beta), abs=6e-4)
    assert fit.peak.height == pytest.approx(height, abs=0.05)
    assert fit.share(np.array([12.0]))[0] == pytest.approx(year_12, abs=6e-4)
    table = project_renewals(fit, periods=12).set_index("period")
    assert table.loc[12, "value"] == pytest.approx(year_12, abs=6e-4)
    assert table.loc[7:8, "projected"].tolist() == [False, True]


@pytest.mark.parametrize(("surviving", "actual"), [(HIGH_END, 0.394), (REGULAR, 0.173)])
def test_the_interval_of_year_12_holds_what_came(surviving, actual):
    fit = fit_renewals(count_survivors(surviving), model="sbg")
    row = project_renewals(fit, periods=12).iloc[12]
    assert row["low"] < actual < row["high"]


def test_sbg_follows_its_recursion():
    fit = fit_renewals(count_survivors(HIGH_END), model="sbg")
    share = fit.share(np.arange(9.0))
    left = -np.diff(share)
    assert left[0] == pytest.approx(fit.alpha / (fit.alpha + fit.beta))
    for t in range(2, 9):
        ratio = (fit.beta + t - 2) / (fit.alpha + fit.beta + t - 1)
        assert left[t - 1] / left[t - 2] == pytest.approx(ratio)


def test_bdw_is_that_of_the_r_package_retenmod():
    fit = fit_renewals(count_survivors([100, 86.9, 74.3, 65.3, 59.3]), model="bdw")
    assert (fit.alpha, fit.beta, fit.power) == pytest.approx((0.25934, 1.72255, 1.58436), abs=2e-3)
    assert fit.peak.height == pytest.approx(-122.27493, abs=1e-5)
    assert 100 * fit.share(np.array([10.0]))[0] == pytest.approx(41.8232, abs=0.01)


# ------------------------------------------------------------------ boundary


def test_twenty_customers_who_left_at_three_renewals_are_enough():
    enough = [100, 90, 85, 80]
    assert not isinstance(fit_renewals(count_survivors(enough)), Refusal)
    assert isinstance(fit_renewals(count_survivors([100, 90, 85, 81])), Refusal)
    assert isinstance(fit_renewals(count_survivors([100, 60, 40])), Refusal)


def test_who_is_still_there_counts_for_whole_periods_only():
    tenures = pd.DataFrame(
        {"months": [3.0, 12.0, 12.1, 23.9, 30.0], "ended": [True, True, False, False, True]}
    )
    counts = count_renewals(tenures)
    assert counts["lost"].tolist() == [0, 2, 0, 1]
    assert counts["kept"].tolist() == [0, 1, 1, 0]


def test_customers_who_are_still_there_are_not_counted_as_lost():
    rng = np.random.default_rng(3)
    chance = rng.beta(0.8, 3.0, size=4000)
    left = rng.geometric(np.maximum(chance, 1e-6))
    watched = rng.integers(1, 9, size=4000)
    tenures = pd.DataFrame({"months": 12.0 * np.minimum(left, watched), "ended": left <= watched})
    table = project_renewals(fit_renewals(count_renewals(tenures), model="sbg"), periods=6)
    truth = [(left > year).mean() for year in range(7)]
    assert table["value"].to_numpy() == pytest.approx(truth, abs=0.03)


def test_the_better_model_is_taken_and_named():
    fit = fit_renewals(count_survivors(HIGH_END))
    assert fit.model == "bdw"
    assert project_renewals(fit)["source"].str.contains("beta-discrete-Weibull").all()


# ------------------------------------------------------------------ property


@settings(max_examples=6, deadline=None)
@given(st.lists(st.floats(0.3, 0.95), min_size=4, max_size=7), st.integers(200, 5000))
def test_shares_fall_and_lie_within_their_interval(rates, size):
    surviving = np.round(size * np.cumprod([1.0, *rates])).tolist()
    fit = fit_renewals(count_survivors(surviving))
    table = project_renewals(fit, periods=15)
    assert (table["value"].diff().dropna() <= 1e-12).all()
    assert table["value"].between(table["low"], table["high"]).all()
    assert table["value"].between(0, 1).all()
    assert table.loc[0, "value"] == 1


# ------------------------------------------------------------------ refusal


def test_nobody_left_is_refused_with_what_is_needed():
    refused = fit_renewals(count_survivors([100, 100, 100]))
    assert isinstance(refused, Refusal)
    assert "0 customers left" in refused.reason
    assert "20 customers who left" in refused.needed
