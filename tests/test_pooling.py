import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.pooling import between_variance, pool_feelings, pool_means

# Efron & Morris (1975), table 1: hits of 18 players in their first 45 times at bat in 1970, and
# their averages over the rest of the season.
HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]) / 45
SEASON = np.array(
    [.346, .298, .276, .222, .273, .270, .263, .210, .269, .230, .264, .256, .303, .264, .226,
     .285, .316, .200]
)  # fmt: skip


def test_baseball_averages_shrink_as_in_efron_and_morris_1975():
    error = np.sqrt(HITS.mean() * (1 - HITS.mean()) / 45)
    pooled = pool_means(HITS, np.full(18, error))
    assert pooled.centre == pytest.approx(0.2654, abs=1e-4)
    assert pooled.kept == pytest.approx(0.2124, abs=1e-3)
    assert pooled.value[0] == pytest.approx(0.294, abs=1e-3)
    assert ((HITS - SEASON) ** 2).sum() == pytest.approx(0.0754, abs=1e-3)
    assert ((pooled.value - SEASON) ** 2).sum() == pytest.approx(0.0213, abs=1e-3)


def test_with_equal_errors_reml_is_the_variance_less_the_error():
    values = np.array([1.0, 3.0, 2.0, 6.0, 4.0])
    assert between_variance(values, np.full(5, 0.5)) == pytest.approx(values.var(ddof=1) - 0.5)


def test_no_spread_beyond_chance_is_no_variance():
    assert between_variance([1.0, 1.01, 0.99, 1.0], np.full(4, 1.0)) == 0
    assert between_variance([1.0], [1.0]) == 0


@pytest.mark.parametrize(("cells", "pooled"), [(3, False), (4, True)])
def test_four_cells_are_needed(cells, pooled):
    frame = pd.DataFrame({"value": np.linspace(-0.5, 0.5, cells), "error": 0.2, "n": 12})
    frame = frame.assign(low=-1.0, high=1.0, source="own")
    assert (pool_feelings(frame)["kept"] < 1).all() == pooled


def test_one_customer_borrows_the_spread_of_the_others():
    frame = pd.DataFrame({"value": [0.9, 0.1, 0.0, -0.1, 0.2], "n": [1, 30, 30, 30, 30]})
    frame = frame.assign(error=[np.nan, 0.1, 0.1, 0.1, 0.1], low=np.nan, high=np.nan, source="")
    first = pool_feelings(frame).iloc[0]
    assert first["low"] < first["value"] < first["high"]
    assert first["value"] < 0.5


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=12), st.integers(0, 99))
def test_means_never_move_past_the_centre_nor_away_from_it(values, seed):
    errors = np.random.default_rng(seed).uniform(0.01, 0.5, len(values))
    pooled = pool_means(values, errors)
    distance, moved = np.array(values) - pooled.centre, pooled.value - pooled.centre
    assert (np.abs(moved) <= np.abs(distance) + 1e-9).all()
    assert (moved * distance >= -1e-12).all()
    assert (pooled.error > 0).all()
