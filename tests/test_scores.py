"""Scores and intervals: published numbers, thresholds, properties, refusals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal
from journeylib.scores import (
    Mean,
    customer_effort,
    customer_satisfaction,
    effective_n,
    estimate_difference,
    mean_difference,
    mean_estimate,
    net_promoter_score,
    share_difference,
    share_estimate,
)


def answers(promoters, passives, detractors):
    return pd.Series([10] * promoters + [8] * passives + [3] * detractors)


# golden


def test_nps_interval_matches_measuringu_adjusted_wald_19_promoters_8_detractors_of_36():
    nps = net_promoter_score(answers(19, 9, 8))
    assert nps.low == pytest.approx(2.9, abs=0.05)
    assert nps.high == pytest.approx(53.5, abs=0.05)
    assert (nps.value, nps.n, nps.unit) == (pytest.approx(100 * 11 / 36), 36, "points")


def test_nps_interval_approaches_engelhardt_2016_rule_of_thumb():
    """Equal thirds give a 95 % interval 320 / sqrt(n) points wide (cybaea.net, 2016-01-14)."""
    nps = net_promoter_score(answers(1200, 1200, 1200))
    assert nps.high - nps.low == pytest.approx(320 / 3600**0.5, rel=2e-3)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_newcombe_1998_page_861(successes, n, low, high):
    share = share_estimate(successes, n, metric="retention_rate")
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_share_difference_matches_newcombe_1998_table_2_method_10(treated, control, low, high):
    change = share_difference(treated, control, metric="conversion_rate")
    assert (change.low, change.high) == pytest.approx((low, high), abs=1e-4)


def test_mean_difference_is_scipys_welch_test():
    from scipy import stats

    draws = np.random.default_rng(3)
    first, second = draws.normal(1, 3, 40), draws.normal(0, 1, 25)
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    change = mean_difference(pd.Series(first), pd.Series(second), metric="x", unit="EUR")
    assert (change.low, change.high) == pytest.approx((interval.low, interval.high))


def test_effective_n_is_kishs():
    assert effective_n([1, 1, 1, 1]) == 4
    assert effective_n([1, 1, 2]) == pytest.approx(16 / 6)


# boundary


@pytest.mark.parametrize(
    ("rating", "points"), [(0, -100), (6, -100), (7, 0), (8, 0), (9, 100), (10, 100)]
)
def test_nps_boundaries_are_reichhelds(rating, points):
    assert net_promoter_score(pd.Series([rating] * 10)).value == points


@pytest.mark.parametrize(("rating", "share"), [(1, 0), (3, 0), (4, 1), (5, 1)])
def test_csat_counts_the_two_best_boxes(rating, share):
    assert customer_satisfaction(pd.Series([rating])).value == share


@pytest.mark.parametrize(("rating", "share"), [(5, 0), (6, 1)])
def test_csat_boxes_follow_the_scale(rating, share):
    assert customer_satisfaction(pd.Series([rating]), low=1, high=7).value == share


def test_nps_takes_ten_answers():
    assert isinstance(net_promoter_score(pd.Series([9] * 9)), Refusal)
    assert isinstance(net_promoter_score(pd.Series([9] * 10)), Estimate)


# property


@given(st.lists(st.integers(0, 10), min_size=10, max_size=80), st.randoms())
@settings(max_examples=40, deadline=None)
def test_nps_ignores_order_and_equal_weights_and_stays_inside_its_interval(ratings, shuffler):
    score = net_promoter_score(pd.Series(ratings))
    mixed = ratings.copy()
    shuffler.shuffle(mixed)
    assert net_promoter_score(pd.Series(mixed)) == score
    doubled = net_promoter_score(pd.Series(ratings), weights=pd.Series([2.0] * len(ratings)))
    assert doubled.value == pytest.approx(score.value)
    assert (doubled.low, doubled.high) == pytest.approx((score.low, score.high))
    assert -100 <= score.low <= score.value <= score.high <= 100


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_swapping_groups_flips_the_sign_of_a_share_difference(a, more_a, b, more_b):
    first, second = (a, a + more_a), (b, b + more_b)
    forth = share_difference(first, second, metric="x")
    back = share_difference(second, first, metric="x")
    assert (back.value, back.low, back.high) == pytest.approx(
        (-forth.value, -forth.high, -forth.low), abs=1e-12
    )


def test_difference_of_two_wilson_intervals_is_newcombes():
    first, second = (share_estimate(*pair, metric="x") for pair in ((56, 70), (48, 80)))
    change = estimate_difference(first, second)
    assert (change.low, change.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_one_cluster_per_value_is_the_plain_t_interval():
    values = pd.Series([1.0, 4, 2, 8, 5])
    plain = mean_estimate(values, metric="x", unit="")
    clustered = mean_estimate(values, metric="x", unit="", clusters=pd.Series(list("abcde")))
    assert (clustered.low, clustered.high) == pytest.approx((plain.low, plain.high))


def test_repeating_each_customers_answer_adds_no_certainty():
    values = pd.Series([1.0, 4, 2, 8, 5])
    twice = pd.concat([values, values], ignore_index=True)
    customers = pd.Series(list("abcde") * 2)
    once = mean_estimate(values, metric="x", unit="")
    both = mean_estimate(twice, metric="x", unit="", clusters=customers)
    assert both.n == 5
    assert (both.value, both.low, both.high) == pytest.approx((once.value, once.low, once.high))


def test_uneven_weights_widen_the_interval():
    ratings = pd.Series([10, 8, 3, 9] * 10)
    even = net_promoter_score(ratings)
    uneven = net_promoter_score(ratings, weights=pd.Series([3.0] * 20 + [1.0] * 20))
    assert uneven.value == pytest.approx(even.value)
    assert uneven.high - uneven.low > even.high - even.low


def test_clustered_interval_covers_where_the_plain_one_does_not():
    """200 data sets of 40 customers with 5 answers each."""
    covered = np.zeros(2)
    for seed in range(200):
        draws = np.random.default_rng(seed)
        values = pd.Series(np.repeat(draws.normal(size=40), 5) + draws.normal(size=200))
        customers = pd.Series(np.repeat(np.arange(40), 5))
        for place, clusters in enumerate((customers, None)):
            mean = mean_estimate(values, metric="x", unit="", clusters=clusters)
            covered[place] += mean.low <= 0 <= mean.high
    assert 0.904 <= covered[0] / 200 <= 0.996
    assert covered[1] / 200 < 0.85


# refusal


def test_a_rating_outside_the_scale_names_the_value():
    with pytest.raises(DataError, match=r"between 0 and 10, found \[11"):
        net_promoter_score(pd.Series([11, 5]))


def test_a_rating_that_is_no_number_is_named():
    with pytest.raises(DataError, match="'good'"):
        customer_satisfaction(pd.Series(["5", "good"]))


def test_effort_outside_its_scale_is_refused():
    with pytest.raises(DataError, match="between 1 and 5"):
        customer_effort(pd.Series([1, 7]))


def test_effort_is_a_mean_on_its_own_scale():
    effort = customer_effort(pd.Series([1, 2, 6, None]), low=1, high=7)
    assert (effort.value, effort.n, effort.unit) == (3.0, 3, "score")


@pytest.mark.parametrize(
    "call",
    [
        lambda: customer_satisfaction(pd.Series([], dtype="float64")),
        lambda: share_estimate(0, 0, metric="x"),
        lambda: share_difference((0, 0), (1, 2), metric="x"),
        lambda: mean_estimate(pd.Series([1.0]), metric="x", unit=""),
        lambda: mean_estimate(
            pd.Series([1.0, 2.0]), metric="x", unit="", clusters=pd.Series(["a", "a"])
        ),
        lambda: mean_difference(Mean(1.0, math.nan, 1), Mean(1.0, 0.1, 9), metric="x", unit=""),
    ],
)
def test_too_little_data_is_refused_with_what_is_needed(call):
    refusal = call()
    assert isinstance(refusal, Refusal)
    assert refusal.needed


@pytest.mark.parametrize("weights", [[1, -1] * 5, [0] * 10, [None] * 10])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        net_promoter_score(pd.Series([9] * 10), weights=pd.Series(weights, dtype="float64"))


def test_different_measures_are_not_compared():
    nps = net_promoter_score(pd.Series([9] * 10))
    with pytest.raises(DataError, match="Cannot compare"):
        estimate_difference(nps, share_estimate(1, 2, metric="csat"))


def test_more_successes_than_cases_are_refused():
    with pytest.raises(DataError, match="successes must lie between 0 and n = 4, found 5"):
        share_estimate(5, 4, metric="x")
