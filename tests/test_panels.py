"""The arithmetic of panels: permutation of units and the drift of the worst."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib.impact import Plan, measure_intervention
from journeylib.panels import attainable_p, permutation_p
from journeylib.units import expected_regression


@pytest.mark.parametrize(("sizes", "p"), [((3, 3), 0.1), ((4, 4), 2 / 70), ((1, 38), 1 / 39)])
def test_attainable_p_counts_assignments(sizes, p):
    assert attainable_p(*sizes) == pytest.approx(p)


def test_permutation_p_is_exact_for_the_tea_tasting_split():
    """Three treated above three others: the split and its mirror, 2 of 20 (Fisher's design)."""
    changes = np.array([[5.0], [6.0], [7.0], [1.0], [2.0], [3.0]])
    treated = np.array([True, True, True, False, False, False])
    assert permutation_p(changes, treated) == pytest.approx(0.1)


def test_worst_fifth_of_stores_drift_950_by_barnett_2005_and_in_simulation():
    formula = expected_regression(64, 25, 0.2)
    assert formula == pytest.approx(9.50, abs=0.005)
    draws = np.random.default_rng(4)
    truth = draws.normal(0, 5, 200_000)
    first, second = (truth + draws.normal(0, 8, 200_000) for _ in range(2))
    worst = first <= np.quantile(first, 0.2)
    assert (second - first)[worst].mean() == pytest.approx(formula, rel=0.03)


def test_panel_with_two_of_twenty_treated_keeps_its_level():
    """300 panels without effect: at most 5 % work or harm, plus 3 binomial standard errors."""
    alarms = 0
    for seed in range(300):
        draws = np.random.default_rng(seed)
        changes = draws.normal(size=(20, 1))
        alarms += permutation_p(changes, np.arange(20) < 2) <= 0.05
    assert abs(alarms / 300 - 0.05) <= 3 * (0.05 * 0.95 / 300) ** 0.5


def test_draws_agree_with_all_assignments():
    """20 units, 8 treated: 125,970 assignments are drawn from; 10 units: all 210 are tried."""
    draws = np.random.default_rng(2)
    changes = draws.normal(size=(20, 1))
    treated = np.arange(20) < 8
    changes[treated] += 0.8
    sampled = [permutation_p(changes, treated, seed=seed) for seed in range(5)]
    assert max(sampled) - min(sampled) < 0.06
    assert min(sampled) >= 1 / 1000
    assert permutation_p(changes, treated, seed=3) == sampled[3]
    assert permutation_p(changes[:10], np.arange(10) < 4) * 210 == pytest.approx(
        round(permutation_p(changes[:10], np.arange(10) < 4) * 210)
    )


def test_the_figure_has_the_coverage_that_was_asked_for():
    """Eight units: t with 6 degrees reaches 1.440 errors at 80 % and 2.447 at 95 %."""
    draws = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "unit": np.repeat([f"shop {place}" for place in range(8)], 8),
            "time": np.tile(pd.date_range("2024-01-01", periods=8, freq="MS"), 8),
            "value": draws.normal(size=64),
        }
    )
    shops = tuple(f"shop {place}" for place in range(4))
    widths = []
    for confidence in (0.8, 0.95):
        plan = Plan("x", metric="m", start="2024-06-01", treated=shops, confidence=confidence)
        drawn = measure_intervention("difference_in_differences", rows, plan).figure_data
        widths.append((drawn["high"] - drawn["low"])[drawn["series"] == "gap"])
    assert (widths[0] / widths[1]).tolist() == pytest.approx([1.4398 / 2.4469] * 8, rel=1e-3)
