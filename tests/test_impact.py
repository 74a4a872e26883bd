"""Panels, series, before and after: published numbers, planted truths, gates, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.errors import DataError
from journeylib.impact import DESIGNS, Plan, measure_intervention
from journeylib.periods import period_means
from journeylib.series import fit_autoregressive
from journeylib.tables import check_result, result_columns

DATA = Path(__file__).parents[2] / "shared" / "data"
MONTHS = pd.date_range("2021-01-01", periods=120, freq="MS")


def public(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    return pd.read_csv(path)


def shops(n=20, n_treated=5, *, effect=0.0, drift=0.0, seed=0, before=6, after=6):
    draws = np.random.default_rng(seed)
    periods = np.arange(before + after)
    own = draws.normal(0, 3, n)
    common = draws.normal(0, 1, len(periods))
    grid = own[:, None] + common + draws.normal(0, 1, (n, len(periods)))
    grid[:n_treated] += effect * (periods >= before) + drift * periods
    return pd.DataFrame(
        {
            "unit": np.repeat([f"shop {place:02d}" for place in range(n)], len(periods)),
            "time": np.tile(MONTHS[: len(periods)], n),
            "value": grid.ravel(),
        }
    )


def panel_plan(n_treated=5, before=6, **changes):
    treated = tuple(f"shop {place:02d}" for place in range(n_treated))
    start = MONTHS[before]
    return Plan("desk", **{"metric": "csat", "treated": treated, "start": start, **changes})


def panel(rows, n_treated=5, before=6, **changes):
    plan = panel_plan(n_treated, before, **changes)
    return measure_intervention("difference_in_differences", rows, plan)


def line(n=48, *, place=30, level=5.0, tilt=0.0, rho=0.0, seed=0, trend=0.2):
    draws = np.random.default_rng(seed)
    noise = draws.normal(size=n)
    noise[0] /= np.sqrt(1 - rho**2)
    for later in range(1, n):
        noise[later] += rho * noise[later - 1]
    clock = np.arange(n)
    after = clock >= place
    values = 10 + trend * clock + level * after + tilt * (clock - place) * after + noise
    return pd.DataFrame({"time": MONTHS[:n], "value": values})


def series(rows, *, place=30, **changes):
    plan = Plan("mails", **{"metric": "signups", "start": MONTHS[place], **changes})
    return measure_intervention("interrupted_time_series", rows, plan)


def check(impact, name):
    return impact.checks.set_index("check").loc[[name]].iloc[0]


# golden


def test_proposition_99_difference_is_minus_2735_packs_arkhangelsky_2021():
    rows = public("prop99/california_prop99.csv").melt("Year", var_name="unit")
    plan = Plan("tax", metric="packs", start="1989", treated=("California",), direction="down")
    impact = measure_intervention(
        "difference_in_differences", rows.rename(columns={"Year": "time"}), plan
    )
    assert impact.impacts["value"].iloc[0] == pytest.approx(-27.35, abs=0.01)
    assert check(impact, "attainable_p")["statistic"] == pytest.approx(1 / 39)


def test_organ_donation_difference_is_minus_002246_kessler_roth():
    rows = public("organ_donation/organ_donation.csv").rename(columns={"Rate": "value"})
    quarters = rows["Quarter"].str[2:] + rows["Quarter"].str[:2]
    rows["time"] = pd.PeriodIndex(quarters, freq="Q").start_time
    plan = Plan("choice", metric="rate", unit="State", start="2011-07-01", treated=("California",))
    row = measure_intervention("difference_in_differences", rows, plan).impacts.iloc[0]
    assert row["value"] == pytest.approx(-0.02246, abs=1e-5)
    assert row["verdict"] == "cannot tell"


def test_fit_is_statsmodels_gls_at_its_own_autocorrelation():
    import statsmodels.api as sm

    rows = line(60, rho=0.5, seed=3)
    clock = np.delete(np.arange(64.0), [10, 11, 30, 50])
    design = np.column_stack([np.ones(60), clock])
    fit = fit_autoregressive(design, rows["value"].to_numpy(), clock)
    errors = fit.rho ** np.abs(clock[:, None] - clock)
    oracle = sm.GLS(rows["value"].to_numpy(), design, sigma=errors).fit()
    assert fit.coefficients == pytest.approx(oracle.params)
    assert [fit.error(0), fit.error(1)] == pytest.approx(oracle.bse)


# planted truth


def test_series_recovers_planted_level_slope_and_autocorrelation():
    impact = series(line(120, place=60, level=5, tilt=0.3, rho=0.4, seed=2), place=60)
    level, slope = impact.impacts.to_dict("records")
    assert (level["metric"], slope["metric"]) == ("signups", "signups:slope")
    assert level["low"] <= 5 <= level["high"]
    assert slope["low"] <= 0.3 <= slope["high"]
    assert check(impact, "autocorrelation")["statistic"] == pytest.approx(0.4, abs=0.2)
    assert level["relative"] == pytest.approx(5 / (10 + 0.2 * 60), abs=0.12)


@pytest.mark.parametrize(("rho", "limit"), [(0.0, 0.10), (0.6, 0.13)])
def test_series_false_alarms_stay_near_the_level(rho, limit):
    """200 series of 48 points: .05 and .08 are expected, plus 2.5 binomial standard errors."""
    alarms = 0
    for seed in range(200):
        rows = line(48, place=24, level=0, rho=rho, seed=seed)
        clock = np.arange(48.0)
        after = clock >= 24
        design = np.column_stack([np.ones(48), clock, after, (clock - 24) * after])
        fit = fit_autoregressive(design, rows["value"].to_numpy(), clock)
        alarms += fit.effect(2, 0.95)[3] < 0.05
    assert alarms / 200 <= limit


def test_panel_recovers_a_planted_effect_and_grades_it_b():
    impact = panel(shops(effect=3, seed=1), worthwhile=1.0)
    row = impact.impacts.iloc[0]
    assert row["low"] <= 3 <= row["high"]
    assert (row["evidence"], row["verdict"]) == ("B", "works, worth it")


def test_groups_that_drift_apart_are_not_interpretable():
    """20 panels whose treated shops already rose faster: at least 90 % are caught."""
    found = [panel(shops(drift=0.5, seed=seed)).impacts["verdict"].iloc[0] for seed in range(20)]
    assert found.count("not interpretable") >= 18


def test_a_missing_stretch_does_not_bend_the_result():
    rows = shops(effect=3, seed=1)
    rows["value"] += 10 * rows["time"].rank(method="dense")
    gap = (rows["unit"] == "shop 10") & rows["time"].between(MONTHS[6], MONTHS[9])
    whole, holed = panel(rows), panel(rows[~gap])
    assert check(holed, "missing_periods")["statistic"] == 4
    assert holed.impacts["value"].iloc[0] == pytest.approx(whole.impacts["value"].iloc[0], abs=0.15)


# boundary


@pytest.mark.parametrize(("n", "status"), [(20, "pass"), (19, "fail")])
def test_one_treated_unit_takes_nineteen_others(n, status):
    impact = panel(shops(n, 1, effect=9), 1)
    assert check(impact, "attainable_p")["status"] == status
    assert (impact.impacts["verdict"].iloc[0] == "not interpretable") == (status == "fail")


@pytest.mark.parametrize(
    ("n", "place", "status"), [(12, 8, "pass"), (11, 7, "fail"), (11, 8, "fail")]
)
def test_series_takes_eight_points_before_and_four_after(n, place, status):
    impact = series(line(n, place=place), place=place)
    assert check(impact, "points")["status"] == status
    if status == "fail":
        assert set(impact.impacts["verdict"]) == {"not interpretable"}
        assert impact.impacts["value"].isna().all()


@pytest.mark.parametrize(("n", "weak"), [(23, True), (24, False)])
def test_fewer_than_24_points_are_weak(n, weak):
    assert ("length" in series(line(n, place=14), place=14).checks["check"].tolist()) == weak


def test_strong_autocorrelation_warns():
    impact = series(line(120, place=60, rho=0.9, seed=1), place=60)
    assert check(impact, "autocorrelation")["status"] == "warn"


def test_another_change_within_two_periods_stops_a_series():
    near = series(line(), other_changes=(MONTHS[32],))
    far = series(line(), other_changes=(MONTHS[34],))
    assert near.impacts["verdict"].iloc[0] == "not interpretable"
    assert far.impacts["verdict"].iloc[0] != "not interpretable"


def test_a_line_without_noise_shows_no_effect():
    rows = pd.DataFrame({"time": MONTHS[:20], "value": np.arange(20.0)})
    assert set(series(rows, place=12).impacts["verdict"]) == {"cannot tell"}


def test_series_prints_three_shapes_and_a_pretended_start():
    names = series(line()).checks["check"].tolist()
    shapes = ["trend_shapes", "placebo"]
    assert [name for name in names if name in shapes] == shapes


# property


@given(st.floats(-1000, 1000))
@settings(max_examples=10, deadline=None)
def test_a_constant_changes_nothing_in_a_panel(constant):
    rows = shops(8, 4, effect=1)
    plain = panel(rows, 4).impacts
    moved = panel(rows.assign(value=rows["value"] + constant), 4).impacts
    columns = ["value", "low", "high", "p_value"]
    assert moved[columns].iloc[0].tolist() == pytest.approx(
        plain[columns].iloc[0].tolist(), abs=1e-6
    )


def test_swapping_treated_and_untreated_flips_the_sign():
    rows = shops(10, 5, effect=2)
    others = tuple(f"shop {place:02d}" for place in range(5, 10))
    forth, back = panel(rows).impacts.iloc[0], panel(rows, treated=others).impacts.iloc[0]
    assert back["value"] == pytest.approx(-forth["value"])
    assert (back["low"], back["high"]) == pytest.approx((-forth["high"], -forth["low"]))
    assert back["p_value"] == forth["p_value"]


@pytest.mark.parametrize("measured", [panel, series])
def test_rows_may_come_in_any_order(measured):
    rows = shops() if measured is panel else line()
    pd.testing.assert_frame_equal(
        measured(rows.sample(frac=1, random_state=3)).impacts, measured(rows).impacts
    )


def test_a_flag_column_says_the_same_as_the_plan():
    rows = shops(effect=2)
    flagged = rows.assign(
        treated=rows["unit"].isin(panel_plan().treated) & (rows["time"] >= MONTHS[6])
    )
    by_flag = panel(flagged, treated=(), start=None)
    pd.testing.assert_frame_equal(by_flag.impacts, panel(rows).impacts)


def test_whole_years_and_time_zones_are_read_as_times():
    rows = line(30, place=20, trend=0).assign(time=np.arange(1990, 2020))
    years = series(rows, place=20, start=2010).impacts
    zoned = rows.assign(time=pd.to_datetime(rows["time"].astype("str"), utc=True))
    pd.testing.assert_frame_equal(series(zoned, place=20, start="2010-01-01").impacts, years)


def test_counts_with_a_population_become_rates():
    rows = line(40, place=25)
    counts = rows.assign(value=rows["value"] * 1000, population=1000)
    pd.testing.assert_frame_equal(series(counts, place=25).impacts, series(rows, place=25).impacts)


@pytest.mark.parametrize("design", [name for name in DESIGNS if name != "ab_test"])
def test_rows_fit_the_contract(design):
    impact = measure_intervention(design, shops(before=8, after=6), panel_plan(before=8))
    for table, frame in (("impacts", impact.impacts), ("impact_checks", impact.checks)):
        assert frame.columns.tolist() == result_columns(table)
        check_result(table, frame)
    assert not impact.figure_data.empty


def test_the_gap_to_draw_is_zero_on_average_before_the_start():
    drawn = panel(shops(effect=2)).figure_data.query("series == 'gap'")
    assert drawn.loc[drawn["time"] < MONTHS[6], "value"].mean() == pytest.approx(0, abs=1e-9)


# before and after


def test_before_and_after_reads_a_trend_as_a_change_and_says_so():
    plan = Plan("mails", metric="signups", start=MONTHS[30], worthwhile=1.0)
    impact = measure_intervention("before_after", line(level=0.0), plan)
    row = impact.impacts.iloc[0]
    assert row["value"] == pytest.approx(0.2 * 24, abs=0.7)
    assert (row["evidence"], row["verdict"]) == ("D", "cannot tell")
    assert check(impact, "trend")["status"] == "warn"
    assert "difference_in_differences" in check(impact, "design")["message"]


def test_the_worst_units_before_and_after_are_not_interpretable():
    draws = np.random.default_rng(6)
    truth = draws.normal(50, 5, 200)
    grid = truth[:, None] + draws.normal(0, 8, (200, 4))
    names = [f"store {place:03d}" for place in range(200)]
    worst = np.argsort(grid[:, :2].mean(axis=1))[:40]
    rows = pd.DataFrame(
        {"unit": np.repeat(names, 4), "time": np.tile(MONTHS[:4], 200), "value": grid.ravel()}
    )
    plan = Plan(
        "visits", metric="csat", start=MONTHS[2], chosen="worst",
        treated=tuple(names[place] for place in worst),
    )  # fmt: skip
    impact = measure_intervention("before_after", rows, plan)
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"
    drift = check(impact, "regression_to_mean")["statistic"]
    assert impact.impacts["value"].iloc[0] == pytest.approx(drift, rel=0.2)
    compared = measure_intervention("difference_in_differences", rows, plan)
    assert compared.impacts["verdict"].iloc[0] == "not interpretable"


def test_units_are_compared_with_themselves():
    impact = measure_intervention("before_after", shops(effect=3, seed=2), panel_plan())
    row = impact.impacts.iloc[0]
    assert (row["n_treated"], row["n"]) == (5, 5)


def test_period_means_leave_out_the_period_that_the_start_cuts():
    days = pd.date_range("2025-01-01", "2025-03-31", freq="D")
    rows = pd.DataFrame({"property": "Porto", "time": days, "value": 1.0})
    cut = period_means(rows, unit="property", start="2025-02-10")
    whole = period_means(rows, unit="property", start="2025-02-01")
    assert cut.loc[~cut["cut"], "n"].tolist() == [31, 31]
    assert whole.loc[~whole["cut"], "n"].tolist() == [31, 28, 31]


# refusal


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": None}, "has no start"),
        ({"treated": ("shop 1",)}, 'Did you mean "shop'),
        ({"treated": ()}, "does not say which units"),
        ({"start": "soon"}, r"start must hold .* found \['soon'\]"),
    ],
)
def test_a_panel_plan_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        panel(shops(), **changes)


def test_raw_answers_are_sent_to_be_averaged_first():
    rows = shops()
    rows["time"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rows.index, unit="h")
    with pytest.raises(DataError, match="share too few times"):
        panel(rows)


def test_units_that_start_alone_at_different_times_are_not_pooled():
    rows = shops()
    first = rows["unit"].eq("shop 00") & (rows["time"] >= MONTHS[5])
    rows["treated"] = first | (rows["unit"].eq("shop 01") & (rows["time"] >= MONTHS[8]))
    impact = panel(rows, treated=(), start=None)
    assert "2 different times" in check(impact, "staggered")["message"]
    assert check(impact, "units")["status"] == "fail"
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"


def test_a_start_after_the_data_is_not_interpretable():
    impact = panel(shops(), start="2035-01-01")
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"
    assert "0 after" in check(impact, "units")["message"]


def test_an_unknown_design_names_the_nearest():
    with pytest.raises(DataError, match='Did you mean "ab_test"'):
        measure_intervention("abtest", line(), Plan("x"))


def test_every_mistake_in_a_plan_is_reported_at_once():
    with pytest.raises(DataError) as refused:
        Plan("x", direction="upp", chosen="best", worthwhile=0, confidence=95)
    assert len(refused.value.problems) == 4
