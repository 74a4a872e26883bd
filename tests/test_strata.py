"""Comparing within strata: the textbook sum, what it gains, and when it is left aside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_changes import arms, measure_arms, status_of

from journeylib.strata import OTHER, contrast_within, merge_strata


def by_hand(values, treated, strata):
    """Post-stratified difference and its error as in Miratrix, Sekhon & Yu 2013, equation 2."""
    value, variance = 0.0, 0.0
    for name in np.unique(strata):
        here = strata == name
        one, other = values[here & treated], values[here & ~treated]
        share = here.mean()
        value += share * (one.mean() - other.mean())
        variance += share**2 * (one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return value, variance**0.5


def drawn(n=600, seed=0):
    draws = np.random.default_rng(seed)
    strata = draws.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2])
    treated = draws.random(n) < 0.5
    level = {"north": 0.0, "south": 10.0, "west": 30.0}
    values = np.array([level[one] for one in strata]) + draws.normal(size=n) + 2 * treated
    return values, treated, strata


def test_the_difference_within_strata_is_miratrix_sekhon_yu_2013():
    values, treated, strata = drawn()
    found = contrast_within(
        pd.Series(values), pd.Series(treated), pd.Series(strata), metric="m", unit="EUR",
        confidence=(0.95, 1.0),
    )  # fmt: skip
    value, error = by_hand(values, treated, strata)
    assert found.estimate.value == pytest.approx(value)
    assert found.error == pytest.approx(error)
    assert found.estimate.low < 2 < found.estimate.high


def test_intervals_within_strata_cover():
    """100 tests of 120 units: within 3 binomial standard errors of .95."""
    covered = 0
    for seed in range(100):
        values, treated, strata = drawn(120, seed)
        found = contrast_within(
            pd.Series(values), pd.Series(treated), pd.Series(strata), metric="m", unit="",
            confidence=(0.95, 1.0),
        ).estimate  # fmt: skip
        covered += found.low <= 2 <= found.high
    assert abs(covered / 100 - 0.95) <= 3 * (0.95 * 0.05 / 100) ** 0.5


def test_strata_narrow_a_mean_that_differs_between_them():
    rows = arms(600)
    rows["revenue"] += rows["region"].map({"north": 0, "south": 60, "west": 120})
    plain = measure_arms(rows, outcomes=("revenue",)).impacts.iloc[0]
    impact = measure_arms(rows, outcomes=("revenue",), strata="region")
    row = impact.impacts.iloc[0]
    assert (row["high"] - row["low"]) < 0.4 * (plain["high"] - plain["low"])
    assert "which narrows the interval" in impact.checks.set_index("check").loc["strata", "message"]
    assert "Miratrix" in row["source"]


def test_shares_and_ratios_are_compared_within_strata_too():
    rows = arms(600, lift=0.1)
    ratios = {"per_order": ("revenue", "orders")}
    impact = measure_arms(rows, outcomes=("converted", "per_order"), ratios=ratios, strata="region")
    share, ratio = impact.impacts.to_dict("records")
    assert share["unit"] == "share"
    assert share["value"] == pytest.approx(0.1, abs=0.06)
    plain = measure_arms(rows, outcomes=("converted", "per_order"), ratios=ratios).impacts
    assert ratio["value"] == pytest.approx(plain["value"].iloc[1], abs=0.3)


def test_strata_that_the_change_moved_are_not_used():
    rows = arms(800)
    moved = (rows["variant"] == "B") & (rows["unit_id"] % 3 == 0)
    rows["region"] = rows["region"].where(~moved, "north")
    impact = measure_arms(rows, outcomes=("revenue",), strata="region")
    assert status_of(impact, "strata") == "warn"
    plain = measure_arms(rows, outcomes=("revenue",))
    pd.testing.assert_frame_equal(impact.impacts, plain.impacts)


@pytest.mark.parametrize(("thin", "joined"), [(2, False), (1, True)])
def test_a_stratum_takes_two_units_in_each_arm(thin, joined):
    strata = pd.Series(["north"] * 20 + ["south"] * 20 + ["west"] * (thin + 5))
    treated = pd.Series([True, False] * 20 + [True] * thin + [False] * 5)
    merged = merge_strata(strata, treated)
    assert ("west" not in set(merged)) == joined
    assert OTHER not in set(merged)  # what is thin alone joins the largest
