"""Changes that came at different times: published cells of mpdta, planted truths, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal
from journeylib.plans import Plan
from journeylib.staggered import Cohorts, measure_staggered, read_cohorts

PLAN = Plan("minimum wage", metric="employment")
SIZES = {2004: 20, 2006: 40, 2007: 131, None: 309}
# Cells of mpdta, 2004 to 2007 by cohort. Those after the start are as the README of the R package
# did prints them; the five before it are the ones that give its event times -3 to -1.
PUBLISHED = {
    2004: (-0.0105, -0.0704, -0.1373, -0.1008),
    2006: (0.0065, -0.0028, -0.0046, -0.0412),
    2007: (0.0305, -0.0027, -0.0311, -0.0261),
}


def county_means(cohort):
    """Lay published cells out as the means of a cohort beside a common rise of 0.02 a year."""
    means = [0.0]
    for year in range(2004, 2008):
        if cohort is None:
            means.append(0.0)
            continue
        base = cohort - 1 if year >= cohort else year - 1
        means.append(PUBLISHED[cohort][year - 2004] + means[base - 2003])
    return np.array(means) + 0.02 * np.arange(5)


def counties():
    draws = np.random.default_rng(0)
    parts, first = [], []
    for cohort, n in SIZES.items():
        noise = draws.normal(0, 0.1, (n, 5))
        parts.append(county_means(cohort) + noise - noise.mean(axis=0))
        first += [pd.NaT if cohort is None else pd.Timestamp(str(cohort))] * n
    times = pd.to_datetime([str(year) for year in range(2003, 2008)])
    grid = pd.DataFrame(np.vstack(parts), columns=times)
    return Cohorts(grid, pd.Series(first, index=grid.index))


def shops(sizes=(10, 10, 20), *, effect=0.0, growth=0.0, drift=0.0, seed=0):
    """Two cohorts (starting at times 3 and 5 of 8) and shops that never start."""
    draws = np.random.default_rng(seed)
    codes = np.repeat([3, 5, 99], sizes)
    clock = np.arange(8)
    since = clock - codes[:, None]
    values = draws.normal(0, 3, (len(codes), 1)) + draws.normal(0, 1, 8)
    values = values + draws.normal(0, 1, (len(codes), 8))
    values += np.where(since >= 0, effect + growth * since, 0.0)
    values += drift * clock * (codes[:, None] < 99)
    times = pd.date_range("2024-01-01", periods=8, freq="MS")
    grid = pd.DataFrame(values, columns=times)
    first = [times[code] if code < 8 else pd.NaT for code in codes]
    return Cohorts(grid, pd.Series(first, index=grid.index))


def status_of(found):
    return {check.check: check.status for check in found.checks}


def test_cells_laid_out_as_cohort_means_come_back():
    cells = measure_staggered(counties(), PLAN).cells
    for cohort, part in cells.groupby(cells["cohort"].dt.year):
        assert part["value"].tolist() == pytest.approx(PUBLISHED[cohort], abs=1e-9)


def test_event_times_of_mpdta_match_the_did_package():
    dynamic = measure_staggered(counties(), PLAN).dynamic.set_index("event_time")["value"]
    assert list(dynamic.index) == [-3, -2, -1, 0, 1, 2, 3]
    published = [0.0305, -0.0006, -0.0245, -0.0199, -0.0510, -0.1373, -0.1008]
    assert dynamic.tolist() == pytest.approx(published, abs=1.1e-4)


def test_overall_effects_of_mpdta_match_the_did_package():
    found = measure_staggered(counties(), PLAN)
    summaries = found.summaries.set_index("summary")["value"]
    assert summaries["group"] == pytest.approx(-0.0310, abs=1e-4)
    assert summaries["dynamic"] == pytest.approx(-0.0772, abs=1e-4)
    assert summaries["simple"] == pytest.approx(-0.0400, abs=1e-4)
    assert found.groups["value"].tolist() == pytest.approx([-0.0797, -0.0229, -0.0261], abs=1e-4)
    assert found.overall.value == summaries["group"]


def test_two_way_fixed_effects_of_mpdta_are_printed_beside():
    assert measure_staggered(counties(), PLAN).two_way == pytest.approx(-0.0365, abs=1.5e-4)


def test_growing_effects_mislead_two_way_fixed_effects_goodman_bacon_2021():
    """An effect that grows by 1 a period from 1: two-way fixed effects fall short, cohorts hold."""
    found = measure_staggered(shops((30, 30, 10), effect=1.0, growth=1.0), PLAN)
    truth = (np.mean([1, 2, 3, 4, 5]) + np.mean([1, 2, 3])) / 2
    assert found.overall.low < truth < found.overall.high
    assert abs(found.two_way - truth) > 2 * abs(found.overall.value - truth)


@pytest.mark.parametrize("control", ["never", "not_yet"])
def test_a_planted_effect_is_recovered(control):
    found = measure_staggered(shops(effect=3.0), PLAN, control=control)
    assert found.overall.low < 3 < found.overall.high
    assert found.overall.low > 1.5
    assert found.p_value == pytest.approx(0.001)
    assert "fail" not in status_of(found).values()


def test_intervals_cover_and_lots_alarm_as_often_as_they_say():
    """200 data sets without effect: within 3 binomial standard errors of .95 and .05."""
    found = [measure_staggered(shops((6, 4, 12), seed=seed), PLAN) for seed in range(200)]
    rows = [each.summaries.iloc[0] for each in found]
    covered = np.mean([row["low"] <= 0 <= row["high"] for row in rows])
    alarms = np.mean([each.p_value <= 0.05 for each in found])
    assert abs(covered - 0.95) <= 3 * (0.95 * 0.05 / 200) ** 0.5
    assert abs(alarms - 0.05) <= 3 * (0.95 * 0.05 / 200) ** 0.5


def test_errors_agree_with_drawing_units_again():
    cohorts, draws = shops((15, 15, 40), effect=2.0), np.random.default_rng(1)
    error = measure_staggered(cohorts, PLAN).error
    values = []
    for _ in range(200):
        rows = draws.integers(0, 70, 70)
        grid = cohorts.grid.iloc[rows].reset_index(drop=True)
        first = cohorts.first.iloc[rows].reset_index(drop=True)
        values.append(measure_staggered(Cohorts(grid, first), PLAN).overall)
    drawn = np.std([value.value for value in values if isinstance(value, Estimate)])
    assert error == pytest.approx(drawn, rel=0.2)


def test_later_cohorts_serve_where_no_unit_was_spared():
    found = measure_staggered(shops((10, 10, 0), effect=3.0), PLAN)
    assert status_of(found)["control_group"] == "warn"
    later = found.cells[found.cells["event_time"] >= 0]
    assert later["cohort"].unique().tolist() == [pd.Timestamp("2024-04-01")]
    assert later["time"].max() == pd.Timestamp("2024-05-01")
    assert found.overall.low < 3 < found.overall.high


def test_a_cohort_never_serves_as_its_own_comparison():
    found = measure_staggered(shops((10, 10, 0)), PLAN, control="not_yet")
    late = found.cells[found.cells["cohort"] == pd.Timestamp("2024-06-01")]
    assert late["time"].tolist() == [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-03-01")]


def test_cohorts_that_drifted_before_are_withheld():
    found = measure_staggered(shops(drift=2.0), PLAN)
    assert status_of(found)["pre_trend"] == "fail"
    assert isinstance(found.overall, Refusal)


@pytest.mark.parametrize(("sizes", "able"), [((2, 0, 4), False), ((2, 0, 5), True)])
def test_units_too_few_for_any_small_p_are_refused(sizes, able):
    """2 of 6 units: no p below 1/15; 2 of 7: 1/21."""
    found = measure_staggered(shops(sizes), PLAN)
    assert (status_of(found)["attainable_p"] == "pass") == able
    assert able or isinstance(found.overall, Refusal)


@pytest.mark.parametrize(("sizes", "kept"), [((1, 10, 10), 1), ((2, 10, 10), 2)])
def test_a_unit_that_started_alone_is_left_out(sizes, kept):
    found = measure_staggered(shops(sizes), PLAN)
    assert len(found.groups) == kept
    assert ("small_cohorts" in status_of(found)) == (kept == 1)


def test_units_with_holes_and_units_treated_all_along_are_left_out_and_said():
    cohorts = shops()
    cohorts.grid.iloc[0, 2] = np.nan
    cohorts.first.iloc[1] = cohorts.grid.columns[0]
    found = measure_staggered(cohorts, PLAN)
    assert {"missing_periods", "always_treated"} <= set(status_of(found))
    assert found.overall.n == 38


def test_units_that_start_after_the_last_time_count_as_never_treated():
    cohorts = shops(effect=3.0)
    cohorts.first.iloc[20:] = pd.Timestamp("2030-01-01")
    again = measure_staggered(cohorts, PLAN)
    assert again.overall == measure_staggered(shops(effect=3.0), PLAN).overall


def test_no_unit_to_compare_with_is_refused():
    found = measure_staggered(shops((10, 0, 0)), PLAN)
    assert isinstance(found.overall, Refusal)
    assert found.cells.empty


def test_an_unknown_control_group_is_turned_away():
    with pytest.raises(DataError, match='found "nobody"'):
        measure_staggered(shops(), PLAN, control="nobody")


@settings(max_examples=15, deadline=None)
@given(st.floats(-50, 50), st.floats(-5, 5))
def test_what_moves_all_units_alike_changes_nothing(level, slope):
    cohorts = shops(effect=1.0)
    moved = cohorts.grid + level + slope * np.arange(8)
    first, second = (
        measure_staggered(Cohorts(grid, cohorts.first), PLAN).summaries["value"].to_numpy()
        for grid in (cohorts.grid, moved)
    )
    assert first == pytest.approx(second, abs=1e-9)


def test_measurements_become_cohorts():
    rows = pd.DataFrame(
        {
            "shop": ["a", "a", "a", "b", "b", "b"],
            "time": ["2024-01-01", "2024-02-01", "2024-03-01"] * 2,
            "value": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "treated": [False, True, True, False, False, False],
        }
    )
    cohorts = read_cohorts(rows, Plan("desk", metric="csat", unit="shop"))
    assert cohorts.first["a"] == pd.Timestamp("2024-02-01")
    assert pd.isna(cohorts.first["b"])
    assert cohorts.grid.loc["b"].tolist() == [4.0, 5.0, 6.0]
