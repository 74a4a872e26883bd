import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.ratios import clustered_shares, plain_shares, wilson

NEWCOMBE_1998_TABLE_1 = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("hits", "n", "low", "high"), NEWCOMBE_1998_TABLE_1)
def test_wilson_ends_are_newcombes_1998(hits, n, low, high):
    row = plain_shares([hits], [n]).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=5e-5)
    assert row["value"] == hits / n


def sums_of(y, x):
    """Sum counts y out of totals x over customers."""
    return pd.DataFrame(
        {
            "count": [y.sum()], "left": [x.sum()], "square": [(y * y).sum()],
            "cross": [(x * y).sum()], "left_square": [(x * x).sum()],
            "left_customers": [(x > 0).sum()],
        }
    )  # fmt: skip


def test_one_event_a_customer_gives_wilsons_interval_but_for_n_minus_one():
    y = np.repeat([1, 0], [81, 182])
    row = clustered_shares(sums_of(y, np.ones(263))).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((0.2553, 0.3662), abs=2e-4)


@pytest.mark.parametrize(("y", "value"), [(0, 0.0), (3, 1.0)])
def test_shares_of_none_and_all_keep_an_interval(y, value):
    row = clustered_shares(sums_of(np.full(40, y), np.full(40, 3))).iloc[0]
    assert row["value"] == value
    low, high = wilson(np.array([value]), np.array([40.0]), confidence=0.95)
    assert (row["low"], row["high"]) == pytest.approx((low[0], high[0]))


def test_where_nothing_could_happen_there_is_no_share():
    assert plain_shares([0], [0])[["value", "low", "high"]].isna().to_numpy().all()
    nothing = clustered_shares(sums_of(np.zeros(2), np.zeros(2)))
    assert nothing[["value", "low", "high"]].isna().to_numpy().all()


def test_no_rows_give_no_rows():
    assert (
        len(plain_shares([], [])) == len(clustered_shares(sums_of(np.ones(1), np.ones(1))[:0])) == 0
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
def test_intervals_hold_their_share_and_stay_within_0_and_1(pairs):
    x = np.array([max(pair) for pair in pairs])
    row = clustered_shares(sums_of(np.array([min(pair) for pair in pairs]), x)).iloc[0]
    if x.sum():
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
        assert row["n"] == (x > 0).sum()


def test_customers_as_unit_cover_the_truth_and_events_as_unit_do_not():
    """1,000 data sets of 150 customers whose own shares differ (beta, mean 0.3)."""
    rng = np.random.default_rng(3)
    covered = naive = 0
    for _ in range(1000):
        own = rng.beta(1.2, 2.8, 150)
        x = 1 + rng.poisson(6, 150)
        y = rng.binomial(x, own)
        row = clustered_shares(sums_of(y, x)).iloc[0]
        covered += row["low"] <= 0.3 <= row["high"]
        plain = plain_shares([y.sum()], [x.sum()]).iloc[0]
        naive += plain["low"] <= 0.3 <= plain["high"]
    assert 0.93 <= covered / 1000 <= 0.97
    assert naive / 1000 < 0.85
