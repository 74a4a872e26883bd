"""Chances are held against what came: by hand, by rival packages, and where truth was planted."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from journeylib.calibration import (
    draw_customers,
    group_risk,
    judge_chances,
    measure_lift,
)

MEASURES = ["auc", "log_loss", "brier", "scaled_brier", "slope", "intercept", "ece"]


def drawn_truth(seed=1, n=1200, *, slope=1.0):
    """Draw chances that are right, or as far apart as a slope says, and who left."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1, 1.2, n)
    return expit(odds / slope), (rng.random(n) < expit(odds)).astype(float)


def values_of(chance, left, **keys):
    measures = judge_chances({"one": chance}, left, **keys).measures
    return measures.set_index("measure")


# ------------------------------------------------------------------ golden


def test_area_and_brier_score_are_those_of_scikit_learns_documentation():
    """roc_auc_score: 0.75; brier_score_loss: 0.0375 (scikit-learn 1.9, examples)."""
    area = values_of(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1]))
    assert area.loc["auc", "value"] == pytest.approx(0.75)
    score = values_of(np.array([0.1, 0.9, 0.8, 0.3]), np.array([0.0, 1, 1, 0]))
    assert score.loc["brier", "value"] == pytest.approx(0.0375)


def test_measures_equal_those_of_scikit_learn_and_statsmodels():
    chance, left = drawn_truth()
    found = values_of(chance, left)["value"]
    assert found["auc"] == pytest.approx(roc_auc_score(left, chance), abs=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(left, chance) / np.log(2), rel=1e-9)
    assert found["brier"] == pytest.approx(brier_score_loss(left, chance), rel=1e-9)
    odds = logit(chance)
    binomial = sm.families.Binomial()
    both = sm.GLM(left, sm.add_constant(odds), family=binomial).fit().params
    large = sm.GLM(left, np.ones(len(left)), family=binomial, offset=odds).fit().params
    assert found["slope"] == pytest.approx(both[1], abs=1e-5)
    assert found["intercept"] == pytest.approx(large[0], abs=1e-5)


def test_ties_count_half():
    found = values_of(np.array([0.5, 0.5, 0.5, 0.2]), np.array([1.0, 0, 1, 0]))
    assert found.loc["auc", "value"] == pytest.approx((0.5 + 1 + 0.5 + 1) / 4)


def test_the_gain_is_the_difference_of_log_losses_drawn_in_pairs():
    chance, left = drawn_truth()
    blurred = expit(logit(chance) * 0.5)
    judged = judge_chances({"worse": blurred, "better": chance}, left)
    gain = judged.gains.iloc[0]
    loss = judged.measures[judged.measures["measure"] == "log_loss"].set_index("model")
    assert (gain["model"], gain["against"]) == ("better", "worse")
    assert gain["value"] == pytest.approx(loss.loc["worse", "value"] - loss.loc["better", "value"])
    alone = loss["high"] - loss["low"]
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert gain["high"] - gain["low"] < alone.max()


# ------------------------------------------------------------------ planted truth


def test_right_chances_have_slope_one_and_no_shift_in_nineteen_of_twenty():
    held = []
    for seed in range(30):
        found = values_of(*drawn_truth(seed, 500), seed=seed)
        for measure, truth in (("slope", 1.0), ("intercept", 0.0)):
            row = found.loc[measure]
            held.append(row["low"] <= truth <= row["high"])
    assert np.mean(held) >= 0.87


def test_chances_that_lie_too_far_apart_have_a_slope_below_one():
    chance, left = drawn_truth(slope=0.5)
    row = values_of(chance, left).loc["slope"]
    assert row["low"] < 0.5 < row["high"] < 1


# ------------------------------------------------------------------ boundary


def test_the_same_chance_for_everybody_has_no_slope_and_orders_nobody():
    _, left = drawn_truth()
    found = values_of(np.full(len(left), left.mean()), left)
    assert found.loc["auc", ["value", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
    assert np.isnan(found.loc["slope", "value"])
    assert found.loc["scaled_brier", "value"] == pytest.approx(0)


def test_groups_hold_ten_of_each_kind_and_all_customers():
    chance, left = drawn_truth(n=1000)
    table = group_risk(chance, left)
    whole, groups = table.iloc[0], table.iloc[1:]
    assert whole["tenths"] == "all"
    assert whole["n"] == groups["n"].sum() == 1000
    gone = (groups["value"] * groups["n"]).round()
    assert gone.min() >= 10
    assert (groups["n"] - gone).min() >= 10
    assert groups["predicted"].is_monotonic_increasing
    assert (groups["low"] <= groups["value"]).all()


def test_too_few_leavers_leave_one_group():
    left = np.zeros(400)
    left[:9] = 1
    table = group_risk(np.linspace(0, 1, 400), left)
    assert table["tenths"].tolist() == ["all", "1 to 10"]


def test_the_riskiest_tenth_of_a_perfect_order_holds_what_it_can():
    left = np.repeat([0.0, 1.0], [900, 100])
    table = measure_lift(np.arange(1000) / 1000, left).set_index("capacity")
    assert table.loc[0.05, "value"] == pytest.approx(0.5)
    assert table.loc[0.10, "value"] == pytest.approx(1.0)
    assert table.loc[0.10, "lift"] == pytest.approx(10.0)
    assert table.loc[0.10, "rate"] == 1.0
    assert table.loc[0.20, "found"] == 100


def test_chances_that_are_all_alike_hold_no_more_than_their_share():
    _, left = drawn_truth()
    table = measure_lift(np.full(len(left), 0.3), left)
    assert table["lift"].to_numpy() == pytest.approx(1.0)


def test_customers_are_drawn_with_replacement_and_none_is_lost():
    parts = list(draw_customers(700, seed=1))
    weights = np.concatenate(parts)
    assert weights.shape == (400, 700)
    assert (weights.sum(axis=1) == 700).all()
    assert weights.mean() == pytest.approx(1.0)
    assert weights.var() == pytest.approx(1.0, abs=0.02)


# ------------------------------------------------------------------ property


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_customers_changes_no_value(seed):
    chance, left = drawn_truth(seed, 120)
    mixed = np.random.default_rng(seed).permutation(120)
    one, other = (values_of(chance[at], left[at])["value"] for at in (np.arange(120), mixed))
    assert one[MEASURES].to_numpy() == pytest.approx(other[MEASURES].to_numpy(), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 5))
def test_stretching_the_log_odds_keeps_the_order_and_turns_the_slope(seed, factor):
    chance, left = drawn_truth(seed, 200)
    one, other = (values_of(p, left)["value"] for p in (chance, expit(logit(chance) * factor)))
    assert other["auc"] == pytest.approx(one["auc"])
    if np.abs(logit(chance) * factor).max() < 12:  # beyond that chances are drawn in
        assert other["slope"] * factor == pytest.approx(one["slope"], rel=1e-3)
