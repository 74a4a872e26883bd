"""Interrupted series: counts, controls, seasons and clocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_changes import MONTHS, line, measure_line, message_of, status_of

from journeylib.autoregression import fit_counts
from journeylib.lines import read_line
from journeylib.plans import Plan


def visits(n=60, *, place=36, ratio=1.0, seed=0, base=200, growth=0.005):
    """Draw monthly counts out of a growing population, with a rate ratio from a place on."""
    draws = np.random.default_rng(seed)
    clock = np.arange(n)
    population = np.round(10_000 * (1 + 0.01 * clock))
    rate = base / 10_000 * np.exp(growth * clock) * np.where(clock >= place, ratio, 1.0)
    return pd.DataFrame(
        {"time": MONTHS[:n], "value": draws.poisson(rate * population), "population": population}
    )


# golden


def test_counts_are_statsmodels_quasi_poisson_with_an_offset():
    import statsmodels.api as sm

    rows = visits(ratio=0.8)
    clock = np.arange(60.0)
    design = np.column_stack([np.ones(60), clock - 36, clock >= 36])
    fit = fit_counts(design, rows["value"].to_numpy(float), rows["population"].to_numpy(float))
    model = sm.GLM(
        rows["value"], design, family=sm.families.Poisson(), offset=np.log(rows["population"])
    )
    oracle = model.fit(scale="X2")
    assert fit.coefficients == pytest.approx(np.asarray(oracle.params))
    widened = np.sqrt((1 + fit.rho) / (1 - fit.rho))
    assert fit.error(2) == pytest.approx(oracle.bse.iloc[2] * widened)
    assert widened >= 1


def test_counts_say_a_rate_ratio_less_one():
    impact = measure_line(visits(ratio=0.8, seed=3), place=36)
    row = impact.impacts.iloc[0]
    assert "quasi-Poisson" in row["source"]
    assert row["relative"] == pytest.approx(-0.2, abs=0.06)
    assert row["low"] < row["value"] < row["high"] < 0
    assert impact.figure_data["counterfactual"].between(0.01, 0.05).all()


def test_counts_without_a_change_seldom_alarm():
    """200 series of counts with positive autocorrelation of their rates: at most 10 %."""
    alarms = 0
    for seed in range(200):
        draws = np.random.default_rng(seed)
        noise = np.zeros(48)
        for place in range(48):
            noise[place] = 0.3 * noise[place - 1] + draws.normal(0, 0.08)
        rows = pd.DataFrame(
            {"time": MONTHS[:48], "population": 1000.0, "value": draws.poisson(100 * np.exp(noise))}
        )
        design = np.column_stack(
            [
                np.ones(48),
                np.arange(48.0),
                np.arange(48) >= 24,
                np.clip(np.arange(48) - 24.0, 0, None),
            ]
        )
        fit = fit_counts(design, rows["value"].to_numpy(float), rows["population"].to_numpy(float))
        alarms += fit.effect(2, 0.95)[3] < 0.05
    assert alarms / 200 <= 0.10


# a control series


def both(level=0.0, shock=0.0, seed=3):
    """Draw two towns with one shared shock at the start; the first alone gets the change."""
    draws = np.random.default_rng(seed)
    shared = draws.normal(0, 1, 60).cumsum() / 3 + shock * (np.arange(60) >= 36)
    own = 20 + shared + draws.normal(0, 0.5, 60) + level * (np.arange(60) >= 36)
    other = 15 + shared + draws.normal(0, 0.5, 60)
    times = MONTHS[:60]
    parts = [
        pd.DataFrame({"unit": "Porto", "time": times, "value": own, "treated": True}),
        pd.DataFrame({"unit": "Braga", "time": times, "value": other, "treated": False}),
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_shock_that_met_both_lines_is_no_effect_once_there_is_a_control():
    rows = both(shock=6.0)
    alone = measure_line(rows[rows["unit"] == "Porto"].drop(columns="treated"), place=36)
    beside = measure_line(rows, place=36)
    assert alone.impacts["low"].iloc[0] > 0
    row = beside.impacts.iloc[0]
    assert row["low"] < 0 < row["high"]


def test_an_effect_beside_a_control_is_recovered_and_graded_b():
    impact = measure_line(both(level=3.0, shock=6.0), place=36, worthwhile=1.0)
    row = impact.impacts.iloc[0]
    assert row["low"] < 3 < row["high"]
    assert (row["evidence"], row["verdict"]) == ("B", "works, worth it")
    assert status_of(impact, "control_series") == "pass"
    drawn = impact.figure_data
    assert drawn["value"].tolist() == pytest.approx(
        both(level=3.0, shock=6.0).query("unit == 'Porto'")["value"].tolist()
    )
    assert {"control", "counterfactual_flat", "counterfactual_quadratic"} <= set(drawn.columns)


def test_the_plan_may_name_the_treated_line():
    rows = both(level=3.0).drop(columns="treated")
    named = measure_line(rows, place=36, treated=("Porto",)).impacts
    flagged = measure_line(both(level=3.0), place=36).impacts
    pd.testing.assert_frame_equal(named, flagged)


def test_a_control_that_ran_another_way_leaves_grade_c():
    rows = both(level=3.0)
    rows.loc[rows["unit"] == "Braga", "value"] += 0.5 * np.arange(60)
    impact = measure_line(rows, place=36)
    assert status_of(impact, "control_series") == "warn"
    assert impact.impacts["evidence"].iloc[0] == "C"


# clocks and seasons


@pytest.mark.parametrize(
    ("freq", "n", "season"),
    [("MS", 24, "year"), ("MS", 23, ""), ("W-MON", 104, "year"), ("W-MON", 103, ""),
     ("D", 28, "week"), ("D", 27, ""), ("YS", 40, "")],
)  # fmt: skip
def test_seasons_take_two_years_and_weekdays_four_weeks(freq, n, season):
    times = pd.date_range("2018-01-01", periods=n, freq=freq)
    rows = pd.DataFrame({"time": times, "value": np.arange(n) * 0.1})
    series, _ = read_line(rows, Plan("x", metric="m", start=times[n // 2]))
    assert series.season == season


@pytest.mark.parametrize("freq", ["MS", "QS", "YS", "W-MON", "D"])
def test_a_clock_counts_periods_and_leaves_gaps(freq):
    times = pd.date_range("2001-01-01", periods=60, freq=freq).delete([20, 21])
    rows = pd.DataFrame({"time": times, "value": np.arange(58) * 0.1})
    series, _ = read_line(rows, Plan("x", metric="m", start=times[30]))
    assert series.clock[-1] == 59
    assert np.diff(series.clock).max() == 3


def test_a_yearly_pattern_is_taken_out():
    rows = line(60, place=33, level=3.0, seed=1)
    rows["value"] += 6 * np.cos(2 * np.pi * rows["time"].dt.month / 12)
    impact = measure_line(rows, place=33)
    row = impact.impacts.iloc[0]
    assert row["low"] < 3 < row["high"]
    assert row["high"] - row["low"] < 5
    assert status_of(impact, "season") == "pass"


def test_three_shapes_of_the_trend_are_told_in_one_card_and_drawn():
    impact = measure_line(line(level=5.0))
    assert impact.details["trend_shapes"]["shape"].tolist() == ["flat", "linear", "quadratic"]
    message = message_of(impact, "trend_shapes")
    for words in ("no trend", "a straight trend", "a curved trend"):
        assert words in message
    linear = impact.details["trend_shapes"].set_index("shape").loc["linear"]
    assert linear["value"] == pytest.approx(impact.impacts["value"].iloc[0])


def test_a_month_that_the_start_cuts_is_left_out():
    whole = measure_line(line(level=5.0))
    cut = measure_line(line(level=5.0), start=MONTHS[30] - pd.Timedelta(days=10))
    assert cut.impacts["n"].iloc[0] == whole.impacts["n"].iloc[0] - 1
    assert "1 June 2023" in message_of(cut, "partial_period")


def test_what_came_after_the_end_is_left_out():
    rows = line(60, place=36, level=4.0)
    rows.loc[rows.index >= 48, "value"] -= 10
    whole = measure_line(rows, place=36).impacts.iloc[0]
    ended = measure_line(rows, place=36, end=MONTHS[48] - pd.Timedelta(days=1))
    assert ended.impacts["n"].iloc[0] == 48
    assert ended.impacts["low"].iloc[0] < 4 < ended.impacts["high"].iloc[0]
    assert (
        ended.impacts["high"].iloc[0] - ended.impacts["low"].iloc[0] < whole["high"] - whole["low"]
    )
    assert "12 later measurements" in message_of(ended, "after_end")


def test_a_month_that_the_end_cuts_is_left_out_too():
    cut = measure_line(line(60, place=36), place=36, end=MONTHS[48] + pd.Timedelta(days=9))
    assert cut.impacts["n"].iloc[0] == 48
    assert status_of(cut, "partial_period") == "warn"


@pytest.mark.parametrize(("moved", "status"), [(8.0, "fail"), (0.0, "pass")])
def test_a_line_that_the_change_cannot_move_must_not_break(moved, status):
    rows = line(60, place=36, level=4.0)
    rows["rain"] = line(60, place=36, level=moved, seed=9)["value"]
    impact = measure_line(rows, place=36, placebo_outcomes=("rain",))
    assert status_of(impact, "placebo_outcome") == status
    assert (impact.impacts["verdict"].iloc[0] == "not interpretable") == (status == "fail")
