"""Held to tea-tasting, an independent library for A/B tests, wherever both compute a number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib.arms import exaggeration
from journeylib.plans import Plan
from journeylib.splits import check_split
from journeylib.trials import measure_trial

tea = pytest.importorskip("tea_tasting")
CLOSE = 1e-8


@pytest.fixture(scope="module", params=[0, 1, 2])
def rows(request):
    draws = np.random.default_rng(request.param)
    n = 2000
    variant = draws.choice(["A", "B"], n, p=[0.45, 0.55])
    before = draws.gamma(2, 10, n)
    orders = 1 + draws.poisson(1.5, n)
    return pd.DataFrame(
        {
            "unit_id": np.arange(n),
            "variant": variant,
            "converted": draws.binomial(1, 0.2 + 0.03 * (variant == "B")),
            "revenue": before + draws.normal(0, 5, n) * orders + (variant == "B"),
            "orders": orders,
            "revenue_before": before,
        }
    )


def ours(rows, outcome, **changes):
    plan = Plan("test", outcomes=(outcome,), control="A", split=(0.45, 0.55), **changes)
    impact = measure_trial(rows, plan)
    return impact.impacts.iloc[0], impact.checks.set_index("check")


def theirs(rows, metric):
    return tea.Experiment({"metric": metric}).analyze(rows, control="A")["metric"]


def assert_same(row, result):
    assert row["value"] == pytest.approx(result.effect_size, abs=CLOSE)
    ends = (result.effect_size_ci_lower, result.effect_size_ci_upper)
    assert (row["low"], row["high"]) == pytest.approx(ends, abs=CLOSE)
    assert row["p_value"] == pytest.approx(result.pvalue, abs=CLOSE)
    assert row["relative"] == pytest.approx(result.rel_effect_size, abs=CLOSE)


def test_a_difference_of_means_and_its_welch_interval_are_tea_tastings(rows):
    row, _ = ours(rows, "revenue")
    assert_same(row, theirs(rows, tea.Mean("revenue", equal_var=False, use_t=True)))


def test_a_difference_narrowed_by_a_covariate_is_tea_tastings(rows):
    row, _ = ours(rows, "revenue", covariate="revenue_before")
    assert_same(row, theirs(rows, tea.Mean("revenue", covariate="revenue_before")))


def test_a_ratio_of_totals_and_its_delta_interval_are_tea_tastings(rows):
    row, _ = ours(rows, "per_order", ratios={"per_order": ("revenue", "orders")})
    assert_same(row, theirs(rows, tea.RatioOfMeans("revenue", "orders")))


def test_a_difference_of_shares_and_its_p_value_are_tea_tastings(rows):
    """The interval is Newcombe's here; tea-tasting gives none of a difference."""
    row, _ = ours(rows, "converted")
    result = theirs(rows, tea.Proportion("converted", method="norm", correction=False))
    assert row["value"] == pytest.approx(result.effect_size, abs=CLOSE)
    assert row["p_value"] == pytest.approx(result.pvalue, abs=CLOSE)


def test_the_mismatch_of_a_split_is_tea_tastings(rows):
    counts = rows["variant"].value_counts()
    found = check_split([int(counts["A"]), int(counts["B"])], (0.45, 0.55)).statistic
    metric = tea.SampleRatio({"A": 0.45, "B": 0.55}, method="norm", correction=False)
    assert found == pytest.approx(theirs(rows, metric).pvalue, abs=CLOSE)
    _, checks = ours(rows, "revenue")
    assert checks.loc["srm", "statistic"] == pytest.approx(found, abs=CLOSE)


@pytest.mark.parametrize("effect", [0.2, 0.8, 2.0])
def test_the_power_of_a_test_is_tea_tastings(rows, effect):
    metric = tea.Mean("revenue", effect_size=effect, use_t=False, alpha=0.05)
    result = metric.solve_power(rows, "power")[0]
    error = np.sqrt(4 * rows["revenue"].var() / len(rows))
    assert exaggeration(effect, error)[0] == pytest.approx(result.power, abs=CLOSE)
