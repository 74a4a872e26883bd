"""A/B tests: published numbers, gates, properties, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from journeylib.arms import (
    adjust_for_covariate,
    detectable_effect,
    exaggeration,
    sequence_half_width,
)
from journeylib.errors import DataError
from journeylib.impact import Plan, measure_intervention
from journeylib.splits import check_split
from journeylib.tables import check_result, result_columns

HILLSTROM = Path(__file__).parents[2] / "shared" / "data" / "hillstrom" / "hillstrom.csv"


@pytest.fixture(scope="module")
def mail():
    if not HILLSTROM.exists():
        pytest.skip("the Hillstrom e-mail test is not beside this checkout")
    rows = pd.read_csv(HILLSTROM).rename(columns={"segment": "variant"})
    plan = Plan(
        "mail",
        outcomes=("visit", "conversion", "spend"),
        control="No E-Mail",
        worthwhile=0.01,
        units={"spend": "USD"},
        segments=("newbie", "womens"),
    )
    return measure_intervention("ab_test", rows, plan)


def arms(n, *, lift=0.0, seed=0, base=0.2):
    """Two equal arms of n units with a 0/1 outcome, a number and a covariate."""
    draws = np.random.default_rng(seed)
    variant = np.repeat(["A", "B"], n)
    before = draws.gamma(2, 10, 2 * n)
    return pd.DataFrame(
        {
            "unit_id": np.arange(2 * n),
            "variant": variant,
            "converted": draws.binomial(1, base + lift * (variant == "B")),
            "revenue": before + draws.normal(0, 5, 2 * n) + 20 * lift * (variant == "B"),
            "revenue_before": before,
            "returns": draws.binomial(1, 0.1, 2 * n),
        }
    )


def plan(**changes):
    return Plan("checkout", **{"outcomes": ("converted",), "control": "A", **changes})


def measure(rows, **changes):
    return measure_intervention("ab_test", rows, plan(**changes))


def check(impact, name):
    return impact.checks.set_index("check").loc[[name]].iloc[0]


# golden


@pytest.mark.parametrize(
    ("row", "value", "low", "high", "unit"),
    [
        (("visit", "Mens E-Mail"), 0.076590, 0.069953, 0.083226, "share"),
        (("conversion", "Mens E-Mail"), 0.006805, 0.005000, 0.008610, "share"),
        (("spend", "Mens E-Mail"), 0.7698, 0.4851, 1.0545, "USD"),
        (("visit", "Womens E-Mail"), 0.045233, None, None, "share"),
        (("conversion", "Womens E-Mail"), 0.003111, None, None, "share"),
        (("spend", "Womens E-Mail"), 0.4244, 0.1690, 0.6799, "USD"),
    ],
)
def test_hillstrom_2008_mail_against_none(mail, row, value, low, high, unit):
    overall = mail.impacts.query("segment == 'all'")
    row = overall.set_index(["metric", "arm"]).loc[row]
    assert row["value"] == pytest.approx(value, abs=1e-4)
    assert row["unit"] == unit
    if low is not None:
        assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-4)


def test_hillstrom_2008_split_and_verdicts(mail):
    assert check(mail, "srm")["statistic"] == pytest.approx(0.904, abs=1e-3)
    first = mail.impacts[(mail.impacts["metric"] == "visit") & (mail.impacts["segment"] == "all")]
    assert first["verdict"].tolist() == ["works, worth it"] * 2
    assert set(mail.impacts["evidence"]) == {"A"}
    assert first["relative"].iloc[0] == pytest.approx(0.076590 / 0.106167, rel=1e-4)


def test_hillstrom_2008_interactions_of_newbie_and_womens(mail):
    """Women's mail and past buyers of women's goods p = 2.8e-22; men's mail and newbies .71."""
    p_values = mail.checks.query("check == 'interaction'")["statistic"].tolist()
    assert p_values[0] == pytest.approx(0.71, abs=0.005)
    assert p_values[3] == pytest.approx(2.8e-22, rel=0.05)
    newbies = mail.impacts["segment"].str.startswith("newbie")
    assert set(mail.impacts.loc[newbies, "verdict"]) == {"cannot tell"}


def test_srm_of_821588_and_815482_is_182e_minus_6_fabijan_2019():
    found = check_split([821588, 815482])
    assert found.statistic == pytest.approx(1.82e-6, rel=0.01)
    assert found.status == "fail"


def test_confidence_sequence_half_width_is_waudby_smiths():
    """At n = 10,000, tuned there: 1.55 times the fixed interval; formula written out below."""
    n, alpha = 10_000, 0.05
    rho2 = (-2 * np.log(alpha) + np.log(1 - 2 * np.log(alpha))) / n
    formula = np.sqrt((n * rho2 + 1) / (n**2 * rho2) * np.log((n * rho2 + 1) / alpha**2))
    assert sequence_half_width(3.0, n) == pytest.approx(3 * formula)
    assert sequence_half_width(1.0, n) / (1.959964 / 100) == pytest.approx(1.55, abs=0.005)


def test_exaggeration_is_gelman_carlin_2014_retrodesign_of_01_and_328():
    power, ratio = exaggeration(0.1, 3.28)
    assert power == pytest.approx(0.05, abs=1e-3)
    assert ratio == pytest.approx(77, rel=0.01)


def test_detectable_effect_is_28_errors():
    assert detectable_effect(1.0) == pytest.approx(2.8016, abs=1e-4)


def test_covariate_of_correlation_0776_leaves_0398_of_the_variance():
    draws = np.random.default_rng(8)
    covariate = draws.normal(size=20_000)
    values = 0.776 * covariate + np.sqrt(1 - 0.776**2) * draws.normal(size=20_000)
    groups = draws.choice(["A", "B"], 20_000)
    adjusted, left = adjust_for_covariate(values, covariate, groups)
    assert left == pytest.approx(1 - 0.776**2, abs=0.01)
    assert adjusted.mean() == pytest.approx(values.mean())


# boundary


@pytest.mark.parametrize(("n", "status"), [(100, "pass"), (99, "fail")])
def test_an_arm_takes_100_units(n, status):
    impact = measure(arms(n))
    assert check(impact, "arm_size")["status"] == status
    assert (impact.impacts["verdict"].iloc[0] == "not interpretable") == (status == "fail")


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ([5128, 4872], "pass"),
        ([5129, 4871], "warn"),
        ([5164, 4836], "warn"),
        ([5165, 4835], "fail"),
    ],
)
def test_split_warns_below_001_and_fails_below_0001(counts, status):
    assert check_split(counts).status == status


def test_planned_split_is_read_control_first():
    assert check_split([900, 100], (0.9, 0.1)).status == "pass"
    assert check_split([900, 100]).status == "fail"


def test_fewer_than_five_events_make_no_claim():
    rows = arms(2000, base=0.0)
    rows.loc[rows["variant"] == "B", "converted"] = [1] * 30 + [0] * 1970
    impact = measure(rows)
    assert impact.impacts["low"].iloc[0] > 0
    assert impact.impacts["verdict"].iloc[0] == "cannot tell"
    assert check(impact, "few_events")["status"] == "warn"


def test_units_in_two_arms_are_left_out_and_stop_the_test_above_one_percent():
    rows = arms(1000)
    rows.loc[1000:1018, "unit_id"] = np.arange(19)
    impact = measure(rows)
    assert check(impact, "contamination")["status"] == "warn"
    assert impact.impacts["n_control"].iloc[0] == 981
    rows.loc[1000:1099, "unit_id"] = np.arange(100)
    assert measure(rows).impacts["verdict"].iloc[0] == "not interpretable"


@pytest.mark.parametrize(("known", "status"), [(100, "warn"), (99, "fail")])
def test_an_arm_takes_100_known_outcomes(known, status):
    rows = arms(200, lift=0.3).astype({"converted": "float64"})
    rows.loc[200 + known :, "converted"] = np.nan
    impact = measure(rows)
    assert check(impact, "missing_outcome")["status"] == status
    assert (impact.impacts["verdict"].iloc[0] == "not interpretable") == (status == "fail")


def test_part_weeks_warn():
    rows = arms(200)
    rows["assigned_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rows.index % 14, unit="D")
    assert check(measure(rows), "full_weeks")["status"] == "pass"
    rows["assigned_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rows.index % 10, unit="D")
    assert check(measure(rows), "full_weeks")["status"] == "warn"


# property


def test_swapping_arms_flips_the_sign_and_rows_may_come_in_any_order():
    rows = arms(400, lift=0.1)
    forth = measure(rows, outcomes=("revenue", "converted")).impacts
    back = measure(rows, outcomes=("revenue", "converted"), control="B").impacts
    assert back["value"].tolist() == pytest.approx((-forth["value"]).tolist())
    assert back["low"].tolist() == pytest.approx((-forth["high"]).tolist())
    mixed = measure(rows.sample(frac=1, random_state=1), outcomes=("revenue", "converted")).impacts
    pd.testing.assert_frame_equal(mixed, forth)


def test_sums_per_arm_say_the_same_as_units():
    rows = arms(400, lift=0.1)
    for outcome in ("converted", "revenue"):
        by_arm = rows.groupby("variant")[outcome].agg(["count", "mean", "var"]).reset_index()
        sums = by_arm.rename(columns={"var": "variance"})
        columns = ["value", "low", "high", "p_value", "n_treated", "verdict"]
        summed, single = (measure(data, outcomes=(outcome,)).impacts for data in (sums, rows))
        pd.testing.assert_frame_equal(summed[columns], single[columns], check_exact=False)


def test_a_covariate_narrows_a_mean_and_says_by_how_much():
    rows = arms(500, lift=0.1)
    plain = measure(rows, outcomes=("revenue",)).impacts.iloc[0]
    impact = measure(rows, outcomes=("revenue",), covariate="revenue_before")
    adjusted = impact.impacts.iloc[0]
    left = check(impact, "cuped")["statistic"]
    width = (adjusted["high"] - adjusted["low"]) / (plain["high"] - plain["low"])
    assert width == pytest.approx(left**0.5, rel=0.01)
    assert left < 0.2


def test_a_covariate_that_the_change_moved_is_not_used():
    rows = arms(500)
    rows.loc[rows["variant"] == "B", "revenue_before"] += 10
    impact = measure(rows, outcomes=("revenue",), covariate="revenue_before")
    assert check(impact, "cuped")["status"] == "warn"
    plain = measure(rows, outcomes=("revenue",)).impacts
    pd.testing.assert_frame_equal(impact.impacts, plain)


def test_repeated_units_are_measured_by_unit_not_by_row():
    rows = arms(300)
    twice = pd.concat([rows, rows], ignore_index=True)
    once, both = (measure(data, outcomes=("revenue",)).impacts.iloc[0] for data in (rows, twice))
    assert (both["n_treated"], both["n_control"]) == (300, 300)
    assert (both["low"], both["high"]) == pytest.approx((once["low"], once["high"]))


def test_looks_widen_the_interval_and_unplanned_ones_more():
    rows = arms(2000, lift=0.05)
    widths = []
    for looks in ({}, {"looks": 5, "looks_taken": 5}, {"looks": 1, "looks_taken": 9}):
        row = measure(rows, **looks).impacts.iloc[0]
        widths.append(row["high"] - row["low"])
    assert widths[1] / widths[0] == pytest.approx(2.031 / 1.96, rel=2e-3)
    assert widths[2] / widths[0] == pytest.approx(1.55, rel=0.01)
    peeked = measure(rows, looks_taken=9)
    assert check(peeked, "peeking")["status"] == "warn"


def test_several_arms_pay_for_their_number():
    rows = pd.concat(
        [
            arms(800, lift=0.055, seed=2),
            arms(800, seed=5).query("variant == 'B'").assign(variant="C"),
        ],
        ignore_index=True,
    ).drop(columns="unit_id")
    impacts = measure(rows).impacts.set_index("arm")
    assert impacts.loc["B", "p_adjusted"] == pytest.approx(2 * impacts.loc["B", "p_value"])
    assert impacts.loc["C", "p_adjusted"] == pytest.approx(impacts.loc["C", "p_value"])


def test_a_guardrail_beyond_its_margin_takes_the_verdict_down_a_notch():
    rows = arms(4000, lift=0.1)
    calm = measure(rows, worthwhile=0.02, guardrails={"returns": 0.05})
    assert check(calm, "guardrail")["status"] == "pass"
    assert calm.impacts["verdict"].iloc[0] == "works, worth it"
    rows.loc[rows["variant"] == "B", "returns"] = np.random.default_rng(1).binomial(1, 0.3, 4000)
    hurt = measure(rows, worthwhile=0.02, guardrails={"returns": 0.05})
    assert check(hurt, "guardrail")["status"] == "fail"
    assert hurt.impacts["verdict"].tolist() == ["works, size uncertain", "harms"]


def test_a_negative_margin_guards_against_a_fall():
    rows = arms(2000).assign(kept=lambda r: (r["variant"] == "A") * 0.5 + r["revenue"] / 1000)
    impact = measure(rows, guardrails={"kept": -0.1})
    assert check(impact, "guardrail")["status"] == "fail"


def test_a_split_that_the_change_moved_is_not_interpretable():
    rows = arms(1000).assign(rounds=lambda r: np.where(r["variant"] == "A", r.index % 2, 1))
    impact = measure(rows, segments=("rounds",))
    assert check(impact, "segment_after_treatment")["status"] == "fail"
    parts = impact.impacts[impact.impacts["segment"] != "all"]
    assert set(parts["verdict"]) <= {"not interpretable", "cannot tell"}


def test_one_extreme_customer_is_shown_up():
    rows = arms(1000, lift=0.1)
    rows.loc[0, "revenue"] = 50_000
    impact = measure(rows, outcomes=("revenue",))
    assert check(impact, "outliers")["status"] == "warn"


def test_the_rows_fit_the_contract_and_the_figure_has_every_arm():
    rows = arms(300, lift=0.05)
    impact = measure(rows, outcomes=("converted", "revenue"), guardrails={"returns": 0.05})
    for table, frame in (("impacts", impact.impacts), ("impact_checks", impact.checks)):
        assert frame.columns.tolist() == result_columns(table)
        check_result(table, frame)
    assert impact.figure_data.groupby("metric")["arm"].apply(list).tolist() == [["A", "B"]] * 3


def test_same_arms_seldom_work():
    """300 A/A tests: `works` in 2.5 %, and harm in as many; 3 binomial standard errors allowed."""
    verdicts = [measure(arms(300, seed=seed)).impacts["verdict"].iloc[0] for seed in range(300)]
    limit = 0.025 + 3 * (0.025 * 0.975 / 300) ** 0.5
    assert sum(verdict.startswith("works") for verdict in verdicts) / 300 <= limit
    assert verdicts.count("harms") / 300 <= limit


# refusal


def test_a_broken_split_is_not_interpretable():
    rows = arms(2000, lift=0.2)
    impact = measure(rows[(rows["variant"] == "A") | (rows.index % 3 > 0)], worthwhile=0.01)
    assert check(impact, "srm")["status"] == "fail"
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control": "C"}, r"its arms are \['A', 'B'\]"),
        ({"outcomes": ("convertd",)}, 'Did you mean "converted"'),
        ({"outcomes": ()}, "names no outcome"),
        ({"guardrails": {"converted": 0.1}}, "names no outcome"),
        ({"split": (0.5, 0.3, 0.2)}, "does not fit the 2 arms"),
        ({"guardrails": {"refunds": 0.1}}, 'missing "refunds"'),
    ],
)
def test_a_plan_that_does_not_fit_its_data_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        measure(arms(100), **changes)


def test_an_outcome_that_is_no_number_is_named():
    with pytest.raises(DataError, match="converted must hold numbers, found"):
        measure(arms(100).assign(converted="yes"))


def test_sums_of_a_mean_need_their_variance():
    sums = pd.DataFrame({"variant": ["A", "B"], "count": [500, 500], "mean": [20.0, 21.0]})
    with pytest.raises(DataError, match="no variance"):
        measure(sums, outcomes=("revenue",))


def test_one_arm_is_no_test():
    with pytest.raises(DataError, match="one arm only"):
        measure(arms(100).query("variant == 'A'"))
