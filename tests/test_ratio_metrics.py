"""Ratios of totals: the delta method against sessions taken for draws, boundaries, refusals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.arms import contrast_arms, read_arm
from journeylib.errors import DataError
from journeylib.ratio_metrics import linearise_ratio, read_ratio_arm

OUTCOME = {"metric": "clicks per visit", "unit": "share", "confidence": 0.95}


def visitors(n, seed):
    """Visits that differ in number, and customers that differ in how often they click."""
    draws = np.random.default_rng(seed)
    visits = 1 + draws.poisson(draws.gamma(1, 5, n))
    return pd.Series(draws.binomial(visits, draws.beta(2, 4, n)).astype(float)), pd.Series(visits)


def test_ratio_arm_equals_rows_of_visits_clustered_by_customer():
    clicks, visits = visitors(200, 0)
    customers = pd.Series(np.repeat(np.arange(200), visits))
    rows = pd.Series((np.arange(visits.max()) < clicks.to_numpy()[:, None])[
        np.arange(visits.max()) < visits.to_numpy()[:, None]].astype(float))  # fmt: skip
    by_row, by_unit = read_arm("a", rows, customers), read_ratio_arm("a", clicks, visits)
    assert by_unit.mean.value == pytest.approx(by_row.mean.value, rel=1e-12)
    assert by_unit.mean.error == pytest.approx(by_row.mean.error, rel=1e-12)
    assert by_unit.mean.n == by_row.mean.n == 200


def test_delta_method_keeps_its_level_where_visits_as_draws_do_not_deng_2018():
    """400 A/A tests: within 3 binomial standard errors of .05; visits as draws alarm more."""
    delta = naive = 0
    for seed in range(400):
        arms = [visitors(100, 2 * seed + place) for place in range(2)]
        found = contrast_arms(
            read_ratio_arm("b", *arms[0]), read_ratio_arm("a", *arms[1]), **OUTCOME
        )
        delta += found.p_value <= 0.05
        shares = [(clicks.sum(), visits.sum()) for clicks, visits in arms]
        pooled = sum(k for k, _ in shares) / sum(n for _, n in shares)
        error = math.sqrt(pooled * (1 - pooled) * sum(1 / n for _, n in shares))
        naive += abs(shares[0][0] / shares[0][1] - shares[1][0] / shares[1][1]) > 1.96 * error
    assert abs(delta / 400 - 0.05) <= 3 * (0.05 * 0.95 / 400) ** 0.5
    assert naive / 400 > 0.1


def test_linear_numbers_have_the_ratio_as_their_mean_and_its_error():
    clicks, visits = visitors(300, 1)
    linear = linearise_ratio(clicks, visits, control=[True] * 300)
    arm = read_ratio_arm("a", clicks, visits)
    assert linear.mean() == pytest.approx(arm.mean.value, rel=1e-12)
    assert linear.std() / 300**0.5 == pytest.approx(arm.mean.error, rel=1e-12)


@given(st.floats(0.1, 100))
def test_a_ratio_scales_with_its_amount(factor):
    clicks, visits = visitors(50, 2)
    arm, scaled = (read_ratio_arm("a", clicks * by, visits).mean for by in (1.0, factor))
    assert scaled.value == pytest.approx(factor * arm.value)
    assert scaled.error == pytest.approx(factor * arm.error)


@pytest.mark.parametrize(
    ("amounts", "bases", "n"), [([], [], 0), ([0.0, 0.0], [0, 0], 2), ([None, 1.0], [1, None], 0)]
)
def test_without_any_base_there_is_no_ratio(amounts, bases, n):
    arm = read_ratio_arm("a", pd.Series(amounts, dtype="float64"), pd.Series(bases, dtype="float"))
    assert math.isnan(arm.mean.value)
    assert arm.mean.n == n


def test_one_customer_has_a_ratio_and_no_error():
    arm = read_ratio_arm("a", pd.Series([6.0]), pd.Series([2]))
    assert arm.mean.value == 3
    assert math.isnan(arm.mean.error)


def test_customers_without_orders_count():
    arm = read_ratio_arm("a", pd.Series([10.0, 0.0, 30.0]), pd.Series([1, 0, 2]))
    assert (arm.mean.value, arm.mean.n) == (pytest.approx(40 / 3), 3)


def test_texts_and_bases_below_zero_are_turned_away():
    with pytest.raises(DataError, match="must be numbers, found \\['many'\\]"):
        read_ratio_arm("a", pd.Series(["many", 1]), pd.Series([1, 1]))
    with pytest.raises(DataError, match="0 or more, found"):
        read_ratio_arm("a", pd.Series([1.0]), pd.Series([-1]))
    with pytest.raises(DataError, match="no base to divide by"):
        linearise_ratio(pd.Series([1.0]), pd.Series([1]), control=[False])
