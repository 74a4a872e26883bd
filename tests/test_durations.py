"""Kaplan-Meier and Aalen-Johansen against published and planted numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from golden_lives import LUNG, MGUS, PBC, lives_of
from hypothesis import given
from hypothesis import strategies as st
from reading import CLIENTS, DATA

from journeylib.durations import (
    blur_shares,
    compare_survival,
    conditional_median,
    median_time,
    restricted_mean,
    trace_incidence,
    trace_survival,
    typical_times,
)
from journeylib.estimates import Estimate, Refusal
from journeylib.tenure import (
    compare_tenures,
    find_divide,
    measure_stays,
    measure_tenure,
    read_tenure,
)

# Gehan (1965), Biometrika 52:203-223: weeks of remission under 6-MP and placebo.
MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
MP_ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
HORIZON, TRUTH = 30.0, 0.3563  # half move after Gamma(2, 12) days: 0.5 (1 - 3.5 exp(-2.5))


def planted(rng, n=800, period=60.0):
    """Half move on slowly, half leave fast, and watching stops at the end of the period."""
    moves = rng.random(n) < 0.5
    took = np.where(moves, rng.gamma(2, 12, n), rng.exponential(5, n))
    watch = period - rng.uniform(0, period, n)
    ended = np.where(took <= watch, np.where(moves, 1, 2), 0)
    return np.minimum(took, watch), ended, watch


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    ("week", "survival"),
    [(6, .8571), (7, .8067), (10, .7529), (13, .6902), (16, .6275), (22, .5378), (23, .4482)],
)  # fmt: skip
def test_remission_under_6mp_is_gehans(week, survival):
    """Kaplan-Meier of Gehan (1965), as printed in Cox and Oakes (1984), table 1.1."""
    found = trace_survival(MP, MP_ENDED).at([week])["value"].iloc[0]
    assert 1 - found == pytest.approx(survival, abs=5e-5)


def test_log_rank_of_gehans_trial_is_16_793():
    groups = ["6-MP"] * len(MP) + ["placebo"] * len(PLACEBO)
    chi_square, freedom, p = compare_survival(MP + PLACEBO, MP_ENDED + [1] * len(PLACEBO), groups)
    assert (chi_square, freedom) == (pytest.approx(16.793, abs=1e-3), 1)
    assert p == pytest.approx(4.17e-5, rel=0.01)


def test_the_median_of_the_lung_trial_is_310_days():
    """R package survival, data lung: 310 days, 285 to 363 (228 patients, 165 deaths)."""
    days, ended, _ = lives_of(LUNG)
    found = median_time(days, ended, metric="days")
    assert (found.value, found.low, found.high, found.n) == (310, 285, 363, 228)
    assert ended.sum() == 165


def test_log_rank_of_the_lung_trial_by_sex_is_10_3267():
    """R package survival, survdiff(Surv(time, status) ~ sex, lung): 10.3, p 0.00131."""
    chi_square, freedom, p = compare_survival(*lives_of(LUNG))
    assert (chi_square, freedom) == (pytest.approx(10.3267, abs=5e-5), 1)
    assert p == pytest.approx(0.00131, abs=5e-6)


@pytest.mark.parametrize(
    ("cause", "incidence"), [(1, [0.0637, 0.0998, 0.1340]), (2, [0.5318, 0.7240, 0.7842])]
)
def test_progression_and_death_of_mgus_compete(cause, incidence):
    """R package survival, data mgus2: Aalen-Johansen at 120, 240 and 360 months."""
    months, ended, _ = lives_of(MGUS)
    curve = trace_incidence(months, ended)[cause - 1]
    assert curve.at([120, 240, 360])["value"].tolist() == pytest.approx(incidence, abs=5e-5)


def test_one_minus_kaplan_meier_would_claim_three_times_the_progressions():
    """R package survival, data mgus2: 0.4248 at 360 months, where 0.1340 progress."""
    months, ended, _ = lives_of(MGUS)
    naive = trace_survival(months, ended == 1).at([360])["value"].iloc[0]
    assert naive == pytest.approx(0.4248, abs=5e-5)


@pytest.mark.parametrize(
    ("arm", "mean", "error"), [("penicillamine", 7.146, 0.283), ("placebo", 7.283, 0.295)]
)
def test_restricted_means_of_the_pbc_trial_are_those_of_survrm2(arm, mean, error):
    """Vignette of the R package survRM2: data pbc, ten years."""
    found = mean_of_pbc(arm)
    assert found.value == pytest.approx(mean, abs=5e-4)
    assert (found.high - found.value) / 1.959964 == pytest.approx(error, abs=5e-4)


def test_restricted_means_of_the_pbc_trial_differ_as_in_survrm2():
    """Vignette of the R package survRM2: -0.137 years, -0.939 to 0.665."""
    one, other = mean_of_pbc("penicillamine"), mean_of_pbc("placebo")
    half = math.hypot(one.high - one.value, other.high - other.value)
    told = one.value - other.value
    assert [told, told - half, told + half] == pytest.approx([-0.137, -0.939, 0.665], abs=5e-4)


def mean_of_pbc(arm):
    days, ended, _ = lives_of(PBC, arm)
    return restricted_mean(days / 365.25, ended, until=10, metric="years")


@pytest.fixture(scope="module")
def telco():
    path = DATA / "telco_churn" / "Telco-Customer-Churn.csv"
    if not path.exists():
        pytest.skip("the shared public data is not beside this checkout")
    table = pd.read_csv(path)
    days = table["tenure"] * 365.25 / 12
    table = table.assign(tenure=days, churned=table["Churn"] == "Yes")
    return measure_tenure(table.drop(columns="Churn"))


def test_customers_of_the_telco_stay_as_published(telco):
    """Recomputed from IBM's file: 7,032 customers of a month or more."""
    found = read_tenure(telco, months=(12, 24, 72))
    assert len(telco) == 7_032
    assert found["value"].tolist() == pytest.approx([0.8432, 0.7887, 0.5928], abs=5e-5)


def test_log_rank_of_the_telco_by_contract_is_2352_87(telco):
    compared = compare_tenures(telco).set_index("attribute")
    assert compared.loc["Contract", "chi_square"] == pytest.approx(2352.87, abs=0.01)
    assert find_divide(compared.reset_index()) == "Contract"


def test_the_client_file_of_the_telco_gives_months(tmp_path):
    from journeylib.collect import collect
    from journeylib.params import read_params

    if not DATA.exists():
        pytest.skip("the shared public data is not beside this checkout")
    found = collect(read_params(CLIENTS / "telco-churn.yml"), tmp_path / "log")
    tenures = measure_tenure(found.attributes)
    assert read_tenure(tenures, months=(12,))["value"].iloc[0] == pytest.approx(0.8432, abs=5e-5)


def test_incidence_under_censoring_is_the_planted_one():
    """Our own design: 0.356 move within 30 days; counting everybody would say 0.27."""
    rng = np.random.default_rng(3)
    days, ended, watch = planted(rng, n=60_000)
    onward, left = trace_incidence(days, ended)
    assert onward.at([HORIZON])["value"].iloc[0] == pytest.approx(TRUTH, abs=0.007)
    assert left.at([HORIZON])["value"].iloc[0] == pytest.approx(0.5 * (1 - math.exp(-6)), abs=0.007)
    moved = (ended == 1) & (days <= HORIZON)
    assert moved.mean() == pytest.approx(0.266, abs=0.007)
    assert moved[watch >= HORIZON].mean() == pytest.approx(TRUTH, abs=0.01)
    assert (ended == 1).sum() / (ended > 0).sum() == pytest.approx(0.400, abs=0.007)


def test_the_standard_error_of_the_incidence_is_the_planted_one():
    """Our own design: 0.0195 at 800 customers, against 0.0239 of the mature ones alone."""
    found = []
    for seed in range(60):
        days, ended, _ = planted(np.random.default_rng(seed))
        curve = trace_incidence(days, ended)[0]
        found.append(curve.error[np.searchsorted(curve.time, HORIZON) - 1])
    assert np.mean(found) == pytest.approx(0.0195, abs=0.001)


# ------------------------------------------------------------------ boundary


def test_nobody_at_all_has_no_share_and_no_median():
    curve = trace_survival([], [])
    assert curve.at([1.0]).isna().all(axis=None)
    assert isinstance(median_time([], [], metric="days"), Refusal)


@pytest.mark.parametrize(("ended", "told"), [(19, False), (20, True)])
def test_a_median_needs_twenty_ends(ended, told):
    found = median_time([1.0] * 20, [1] * ended + [0] * (20 - ended), metric="days")
    assert isinstance(found, Estimate) is told


def test_a_median_that_is_not_reached_is_refused_and_the_restricted_mean_is_not():
    days, ended = [1.0] * 20 + [10.0] * 30, [1] * 20 + [0] * 30
    assert isinstance(median_time(days, ended, metric="days"), Refusal)
    mean = restricted_mean(days, ended, until=10, metric="days")
    assert mean.value == pytest.approx(0.4 * 1 + 0.6 * 10)
    assert mean.low < mean.value < mean.high


def test_a_missing_median_gives_way_to_a_mean_within_a_window_that_all_share():
    fast = (np.r_[np.full(25, 2.0), np.full(15, 50.0)], np.r_[np.ones(25), np.zeros(15)])
    slow = (np.r_[np.full(20, 10.0), np.full(60, 40.6)], np.r_[np.ones(20), np.zeros(60)])
    later = (np.r_[np.full(20, 10.0), np.full(60, 30.9)], np.r_[np.ones(20), np.zeros(60)])
    found = typical_times([fast, slow, later], longest=365)
    assert found["measure"].tolist() == ["median", *["mean of the first 30 days"] * 2]
    assert found["value"].tolist() == pytest.approx([2, *[0.25 * 10 + 0.75 * 30] * 2])
    assert (found["low"] <= found["value"]).all()
    assert found["source"].str.contains("Kaplan-Meier").all()
    assert typical_times([slow], longest=20)["measure"].tolist() == ["mean of the first 20 days"]


@pytest.mark.parametrize(("ended", "told"), [(19, False), (20, True)])
def test_a_mean_needs_twenty_ends_as_a_median_does(ended, told):
    days = np.r_[np.full(ended, 5.0), np.full(60, 40.0)]
    found = typical_times([(days, days < 40)], longest=365)
    assert bool(found["value"].notna().iloc[0]) is told


def test_stays_are_told_for_all_and_for_each_group_of_thirty():
    tenures = pd.DataFrame({"months": [6.0] * 40 + [30.0] * 60, "ended": [True] * 40 + [False] * 60,
                            "plan": ["a"] * 71 + ["b"] * 29})  # fmt: skip
    found = measure_stays(tenures, by="plan")
    assert found["group"].tolist() == ["all", "a"]
    assert found["measure"].tolist() == ["mean of the first 30 months", "median"]
    assert found["value"].tolist() == pytest.approx([0.4 * 6 + 0.6 * 30, 6])
    assert set(found["unit"]) == {"months"}
    assert measure_stays(tenures.head(0), by="").empty


def test_who_ends_at_once_counts_at_day_zero():
    assert trace_survival([0.0, 0.0, 5.0, 5.0], [1, 1, 0, 0]).at([0])["value"].iloc[0] == 0.5


def test_a_share_of_none_keeps_an_interval():
    told = trace_incidence([5.0] * 40, [0] * 40)[0].at([3.0]).iloc[0]
    assert told["value"] == 0
    assert 0.05 < told["high"] < 0.1


def test_too_few_ends_give_no_test():
    chi_square, freedom, p = compare_survival([1.0] * 19, [1] * 19, ["a"] * 9 + ["b"] * 10)
    assert math.isnan(chi_square)
    assert (freedom, math.isnan(p)) == (1, True)


def test_half_of_those_who_move_have_moved_by_the_conditional_median():
    curve = trace_incidence([1.0, 2.0, 3.0, 4.0, 9.0, 9.0], [1, 1, 1, 1, 2, 0])[0]
    assert conditional_median(curve, 5.0) == 2.0
    assert math.isnan(conditional_median(curve, 0.5))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, 0.0), (0.01, 0.1), (0.09, 0.1), (0.1, 0.1), (0.5, 0.5), (0.9, 0.9), (0.91, 0.9), (1, 1)],
)
def test_no_point_of_a_curve_sets_fewer_apart_than_may_be_shown(value, shown):
    table = pd.DataFrame({"value": [value], "low": [value], "high": [value], "customers": [100]})
    told = blur_shares(table, 10).iloc[0]
    assert told["value"] == pytest.approx(shown)
    assert told["low"] <= told["value"] <= told["high"]
    assert math.isnan(blur_shares(table.assign(customers=9), 10)["value"].iloc[0])
    assert blur_shares(table, 1)["value"].iloc[0] == value


# ------------------------------------------------------------------ property

lives = st.lists(
    st.tuples(st.floats(0, 100, allow_subnormal=False), st.integers(0, 2)), min_size=2, max_size=60
)


@given(lives)
def test_without_censoring_the_incidence_is_the_share_counted(drawn):
    days = np.array([day for day, _ in drawn])
    ended = np.array([1 + (end > 0) for _, end in drawn])
    for cause, curve in enumerate(trace_incidence(days, ended), start=1):
        for day in days:
            counted = ((days <= day) & (ended == cause)).mean()
            assert abs(curve.at([day])["value"].iloc[0] - counted) <= 1e-12


@given(lives)
def test_shares_of_all_ways_out_never_exceed_one_and_lie_in_their_intervals(drawn):
    days, ended = np.array([d for d, _ in drawn]), np.array([e for _, e in drawn])
    told = [curve.at(np.unique(days)) for curve in trace_incidence(days, ended)]
    assert (sum(table["value"] for table in told) <= 1 + 1e-9).all()
    for table in told:
        assert (table["low"] <= table["value"] + 1e-12).all()
        assert (table["value"] <= table["high"] + 1e-12).all()


@given(st.lists(st.floats(0, 50), min_size=2, max_size=50))
def test_without_censoring_the_restricted_mean_is_the_mean(days):
    found = restricted_mean(days, [1] * len(days), until=20.0, metric="days")
    assert found.value == pytest.approx(np.minimum(days, 20.0).mean(), abs=1e-6)
