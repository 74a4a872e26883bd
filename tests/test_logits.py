import numpy as np
import pytest
import statsmodels.api as sm

from journeylib.logits import clustered, fit_logit
from journeylib.splines import bend, drop_idle, lay_out, mark_levels


def drawn(seed, n=400):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = (rng.random(n) < 1 / (1 + np.exp(-x @ [0.3, 0.8, -0.5]))).astype(float)
    return x, y, rng.integers(0, n // 3, n)


@pytest.mark.parametrize("seed", range(3))
def test_log_odds_and_clustered_errors_are_those_of_statsmodels(seed):
    x, y, owner = drawn(seed)
    owner = np.unique(owner, return_inverse=True)[1]
    expected = sm.GLM(y, x, sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": owner}
    )
    fit = fit_logit(x, y)
    spread = clustered(owner, fit.pushes)
    assert fit.beta == pytest.approx(expected.params, abs=1e-5)
    size, n = owner.max() + 1, len(y)
    factor = (n - 1) / (n - 3)  # statsmodels' further small-sample factor
    assert size > 100
    assert spread * factor == pytest.approx(expected.cov_params(), rel=1e-3)


def test_firths_odds_ratio_of_a_two_by_two_table_adds_half_to_every_cell():
    """Firth (1993): in a saturated table the penalty is half a case in each cell."""
    x = np.column_stack([np.ones(30), np.repeat([0, 1], 15)]).astype(float)
    y = np.array([1] * 6 + [0] * 9 + [0] * 15, dtype=float)
    expected = np.log(0.5 / 15.5) - np.log(6.5 / 9.5)
    assert fit_logit(x, y, firth=True).beta[1] == pytest.approx(expected, abs=1e-3)


def test_a_column_that_tells_the_outcome_without_fail_does_not_run_away():
    x = np.column_stack([np.ones(40), np.repeat([0, 1], 20)]).astype(float)
    fit = fit_logit(x, x[:, 1].copy())
    assert np.isfinite(fit.beta).all()
    assert np.abs(fit.beta).max() < 40


def test_a_spline_is_straight_beyond_its_outer_knots():
    """Harrell (2015): restricted cubic splines are linear in the tails."""
    knots = np.array([0.0, 1.0, 2.0, 3.0])
    tail = bend(np.array([4.0, 5.0, 6.0]), knots)
    assert np.diff(tail, 2, axis=0) == pytest.approx(0, abs=1e-9)
    assert bend(np.array([-3.0, -1.0]), knots)[:, 1:] == pytest.approx(0)


@pytest.mark.parametrize(("values", "columns"), [([0, 1], 1), ([0, 1, 2, 3, 4, 5], 3)])
def test_few_values_bend_less(values, columns):
    assert bend(np.tile(np.array(values, dtype=float), 20)).shape[1] == columns


@pytest.mark.parametrize(("count", "columns"), [(9, 0), (10, 1)])
def test_a_level_needs_ten_cases(count, columns):
    assert mark_levels(np.array([1] * 30 + [2] * count)).shape[1] == columns


def test_idle_columns_are_left_out():
    one = np.arange(20.0)
    columns = np.column_stack([one, np.ones(20), 2 * one + 1, one**2])
    assert drop_idle(columns).shape[1] == 2
    assert drop_idle(columns[:, :1], beside=columns[:, [0]]).shape[1] == 0


def test_nothing_to_lay_out_is_no_column():
    import pandas as pd

    rows = pd.DataFrame({"same": [1.0] * 12})
    assert lay_out(rows, ["same"], [], bent=True).shape == (12, 0)
