"""Numbers published for interventions, through the same door that the notebook uses.

The arithmetic below them has its own tests: bounds in `test_looks`, cells of mpdta in
`test_staggered`, weights of California in `test_synthetic`, intervals in `test_ratios` and
`test_scores`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_staggered import counties

from journeylib.arms import exaggeration, sign_error
from journeylib.impact import Plan, measure_intervention
from journeylib.splits import check_split
from journeylib.units import expected_regression

DATA = Path(__file__).parents[2] / "shared" / "data"
# Customers of Hillstrom's e-mail test of 2008, and how many of them came back, by arm.
HILLSTROM = {
    "No E-Mail": (21306, 2262, 122),
    "Mens E-Mail": (21307, 3894, 267),
    "Womens E-Mail": (21387, 3238, 189),
}


def public(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} does not lie beside this checkout")
    return pd.read_csv(path)


def first(impact, **where):
    rows = impact.impacts
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.iloc[0]


def check(impact, name):
    return impact.checks.set_index("check").loc[[name]].iloc[0]


# A/B tests


@pytest.mark.parametrize(
    ("arm", "metric", "value", "low", "high"),
    [
        ("Mens E-Mail", "visit", 0.076590, 0.069953, 0.083226),
        ("Mens E-Mail", "conversion", 0.006805, 0.005000, 0.008610),
        ("Womens E-Mail", "visit", 0.045233, None, None),
        ("Womens E-Mail", "conversion", 0.003111, None, None),
    ],
)
def test_hillstrom_2008_from_sums_by_arm(arm, metric, value, low, high):
    place = {"visit": 1, "conversion": 2}[metric]
    sums = pd.DataFrame(
        {
            "variant": list(HILLSTROM),
            "count": [counts[0] for counts in HILLSTROM.values()],
            "mean": [counts[place] / counts[0] for counts in HILLSTROM.values()],
        }
    )
    plan = Plan("mail", outcomes=(metric,), control="No E-Mail")
    impact = measure_intervention("ab_test", sums, plan)
    row = first(impact, arm=arm)
    assert row["value"] == pytest.approx(value, abs=1e-6)
    if low is not None:
        assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-4)
    assert check(impact, "srm")["statistic"] == pytest.approx(0.904, abs=5e-4)


@pytest.fixture(scope="module")
def mail():
    rows = public("hillstrom/hillstrom.csv").rename(columns={"segment": "variant"})
    plan = Plan(
        "mail", outcomes=("spend", "visit"), control="No E-Mail", covariate="history",
        units={"spend": "USD"},
    )  # fmt: skip
    return measure_intervention("ab_test", rows, plan)


def test_hillstrom_2008_spend_gains_nothing_from_earlier_spend(mail):
    """History explains .0004 of spend."""
    assert check(mail, "cuped")["statistic"] == pytest.approx(1 - 0.0004, abs=1e-4)
    assert "no gain" in check(mail, "cuped")["message"]


@pytest.mark.parametrize(
    ("arm", "value", "low", "high"),
    [("Mens E-Mail", 0.7698, 0.4851, 1.0545), ("Womens E-Mail", 0.4244, 0.1690, 0.6799)],
)
def test_hillstrom_2008_spend_hangs_on_no_single_customer(mail, arm, value, low, high):
    row = first(mail, metric="spend", arm=arm)
    # The covariate moves the third figure behind the point.
    assert (row["value"], row["low"], row["high"]) == pytest.approx((value, low, high), abs=4e-3)
    largest = mail.checks.query("check == 'largest_unit'")
    assert set(largest["status"]) == {"pass"}


def test_hillstrom_2008_womens_mail_by_past_purchases_of_womens_goods():
    """+1.1 points for others, +7.3 for past buyers; drawing them together moves neither."""
    rows = public("hillstrom/hillstrom.csv").rename(columns={"segment": "variant"})
    plan = Plan("mail", outcomes=("visit",), control="No E-Mail", segments=("womens",))
    impact = measure_intervention("ab_test", rows, plan)
    parts = impact.details["parts"].query("arm == 'Womens E-Mail'").set_index("segment")
    assert parts["raw"].tolist() == pytest.approx([0.011, 0.073], abs=6e-4)
    assert parts["value"].tolist() == pytest.approx(parts["raw"].tolist(), abs=1e-3)
    check_p = impact.checks.query("check == 'interaction'")["statistic"].tolist()
    assert check_p[1] == pytest.approx(2.8e-22, rel=0.05)


def test_srm_of_821588_and_815482_fabijan_2019():
    found = check_split([821588, 815482])
    assert found.statistic == pytest.approx(1.82e-6, rel=0.01)
    assert "broken" in found.message


def test_retrodesign_of_01_and_328_gelman_carlin_2014():
    """Power .05, wrong sign .46, exaggeration 77."""
    power, ratio = exaggeration(0.1, 3.28)
    assert power == pytest.approx(0.05, abs=1e-3)
    assert sign_error(0.1, 3.28) == pytest.approx(0.46, abs=5e-3)
    assert ratio == pytest.approx(77, rel=0.01)


@pytest.mark.parametrize(
    ("taken", "bound"), [(1, 4.877), (2, 3.357), (3, 2.680), (4, 2.290), (5, 2.031)]
)
def test_a_look_taken_uses_its_own_bound_lan_demets_1983(taken, bound):
    rows = pd.DataFrame(
        {"variant": ["A", "B"], "count": [5000, 5000], "mean": [10.0, 10.5], "variance": [9.0, 9.0]}
    )
    plan = Plan("t", outcomes=("m",), control="A", looks=5, looks_taken=taken)
    impact = measure_intervention("ab_test", rows, plan)
    assert check(impact, "peeking")["statistic"] == pytest.approx(bound, abs=1e-3)
    row = first(impact)
    error = np.sqrt(2 * 9 / 5000)
    assert (row["high"] - row["low"]) / 2 / error == pytest.approx(bound, rel=2e-3)


def test_undeclared_looks_widen_by_155_where_the_planned_sample_is_10000_waudby_smith_2024():
    rows = pd.DataFrame(
        {"variant": ["A", "B"], "count": [5000, 5000], "mean": [10.0, 10.5], "variance": [9.0, 9.0]}
    )
    widths = []
    for taken in (1, 20):
        plan = Plan("t", outcomes=("m",), control="A", looks_taken=taken, sample=10_000)
        row = first(measure_intervention("ab_test", rows, plan))
        widths.append(row["high"] - row["low"])
    assert widths[1] / widths[0] == pytest.approx(1.55, abs=0.01)


# panels


@pytest.fixture(scope="module")
def tobacco():
    rows = public("prop99/california_prop99.csv").melt("Year", var_name="unit")
    plan = Plan("tax", metric="packs", start="1989", treated=("California",), direction="down")
    data = rows.rename(columns={"Year": "time"})
    return measure_intervention("difference_in_differences", data, plan)


@pytest.mark.parametrize(
    ("metric", "value", "close"),
    [
        ("packs", -27.35, 0.01),
        ("packs:synthetic_control", -19.51, 0.01),
        ("packs:synthetic_did", -15.61, 0.01),
    ],
)
def test_proposition_99_by_three_designs_arkhangelsky_2021_table_1(tobacco, metric, value, close):
    assert first(tobacco, metric=metric)["value"] == pytest.approx(value, abs=close)


def test_proposition_99_weights_are_abadies_2010_on_outcomes_alone(tobacco):
    weights = tobacco.details["synthetic_control_weights"].set_index("donor")["weight"]
    named = weights[["Utah", "Montana", "Nevada", "Connecticut"]]
    assert named.tolist() == pytest.approx([0.394, 0.232, 0.205, 0.109], abs=5e-4)
    message = check(tobacco, "synthetic_control:weights")["message"]
    assert "Utah 39.4 %, Montana 23.2 %, Nevada 20.5 %, Connecticut 10.9 %" in message


def test_california_is_unlike_the_mean_of_all_states_and_read_by_a_mixture(tobacco):
    """The plain difference misses California by more than half its spread before 1989."""
    plain = first(tobacco, metric="packs")
    assert plain["verdict"] == "not interpretable"
    assert check(tobacco, "pre_fit")["status"] == "fail"
    assert "packs:synthetic_did" in check(tobacco, "verdict_from")["message"]
    mixed = first(tobacco, metric="packs:synthetic_did")
    assert (mixed["verdict"], mixed["evidence"]) == ("cannot tell", "B")
    assert mixed["low"] < -15.61 < mixed["high"]


def test_california_ranks_third_of_39_by_its_ratio_of_gaps(tobacco):
    assert check(tobacco, "synthetic_control:placebo_rank")["statistic"] == pytest.approx(3 / 39)
    assert check(tobacco, "synthetic_control:leave_one_out")["status"] == "pass"
    assert set(tobacco.figure_data["series"]) == {"treated", "control", "gap", "synthetic"}


def test_organ_donation_difference_is_minus_002246_kessler_roth_2014():
    rows = public("organ_donation/organ_donation.csv").rename(columns={"Rate": "value"})
    quarters = rows["Quarter"].str[2:] + rows["Quarter"].str[:2]
    rows["time"] = pd.PeriodIndex(quarters, freq="Q").start_time
    plan = Plan("choice", metric="rate", unit="State", start="2011-07-01", treated=("California",))
    impact = measure_intervention("difference_in_differences", rows, plan)
    row = first(impact)
    assert row["value"] == pytest.approx(-0.02246, abs=1e-5)
    assert row["verdict"] == "cannot tell"
    assert len(impact.impacts) == 1  # three periods before are too few for a mixture


def test_mpdta_minus_00310_through_a_column_treated_callaway_santanna_2021():
    cohorts = counties()
    rows = cohorts.grid.rename_axis("unit").reset_index().melt("unit", var_name="time")
    rows["treated"] = rows["time"] >= rows["unit"].map(cohorts.first)
    plan = Plan("minimum wage", metric="employment")
    impact = measure_intervention("difference_in_differences", rows, plan)
    assert first(impact)["value"] == pytest.approx(-0.0310, abs=1e-4)
    groups = impact.details["cohorts"]["value"].tolist()
    assert groups == pytest.approx([-0.0797, -0.0229, -0.0261], abs=1e-4)
    study = impact.details["event_study"].set_index("event_time")["value"]
    published = [0.0305, -0.0006, -0.0245, -0.0199, -0.0510, -0.1373, -0.1008]
    assert study.loc[-3:3].tolist() == pytest.approx(published, abs=1.1e-4)
    assert check(impact, "two_way")["statistic"] == pytest.approx(-0.0365, abs=1.5e-4)


def test_the_worst_fifth_drifts_950_barnett_2005():
    assert expected_regression(64, 25, 0.2) == pytest.approx(9.50, abs=0.005)
