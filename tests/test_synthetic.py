"""One treated unit against a mixture: California against 38 states, planted truths, refusals."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal
from journeylib.plans import Plan
from journeylib.synthetic import measure_synthetic
from journeylib.units import Panel

PLAN = Plan("desk", metric="csat")
PROP99 = Path(__file__).parents[2] / "shared" / "data" / "prop99" / "california_prop99.csv"


@cache
def california(kind):
    if not PROP99.exists():
        pytest.skip("the folder shared/data does not lie beside this repository")
    packs = pd.read_csv(PROP99, index_col="Year").T
    packs.columns = pd.to_datetime(packs.columns.astype(str))
    treated = np.asarray(packs.index == "California")
    panel = Panel(packs, treated, pd.Timestamp("1989"), ())
    return measure_synthetic(panel, Plan("tax", metric="packs"), kind=kind)


def planted(effect=0.0, *, donors=12, earlier=14, later=6, walks=False):
    """A unit made of 60 % of donor 0 and 40 % of donor 1, plus an effect and little noise.

    Donors share one season to differing degrees, or walk each by itself.
    """
    draws = np.random.default_rng(0)
    season = 5 * np.sin(np.arange(earlier + later))
    others = 50 + draws.uniform(0.5, 1.5, (donors, 1)) * season
    others += draws.normal(0, 0.5, (donors, earlier + later))
    if walks:
        others = 50 + draws.normal(0, 3, (donors, earlier + later)).cumsum(axis=1)
    own = 0.6 * others[0] + 0.4 * others[1] + draws.normal(0, 0.1, earlier + later)
    own[earlier:] += effect
    times = pd.date_range("2020-01-01", periods=earlier + later, freq="MS")
    names = ["flagship", *(f"shop {place}" for place in range(donors))]
    grid = pd.DataFrame(np.vstack([own, others]), index=names, columns=times)
    return Panel(grid, np.arange(donors + 1) == 0, times[earlier], ())


def status_of(found):
    return {check.check: check.status for check in found.checks}


def test_synthetic_california_matches_abadie_2010_on_outcomes_alone():
    found = california("synthetic_control")
    weights = found.weights.set_index("donor")["weight"]
    assert list(weights.index[:4]) == ["Utah", "Montana", "Nevada", "Connecticut"]
    assert weights.iloc[:4].tolist() == pytest.approx([0.394, 0.232, 0.205, 0.109], abs=5e-4)
    assert found.estimate.value == pytest.approx(-19.51, abs=0.01)
    assert found.pre_rmspe == pytest.approx(1.656, abs=5e-4)


def test_california_ranks_third_of_39_on_outcomes_alone():
    """Not 1 of 39 as with Abadie's covariates: the rank depends on what is matched."""
    found = california("synthetic_control")
    assert found.p_value == pytest.approx(3 / 39)
    assert status_of(found)["placebo_rank"] == "warn"


def test_sdid_of_proposition_99_matches_arkhangelsky_2021_table_1():
    found = california("sdid")
    assert found.estimate.value == pytest.approx(-15.61, abs=0.01)
    late = found.time_weights.set_index("time")["weight"]
    expected = {"1986": 0.366, "1987": 0.206, "1988": 0.427}
    assert {year: float(late[year].iloc[0]) for year in expected} == pytest.approx(
        expected, abs=1e-3
    )
    weights = found.weights.set_index("donor")["weight"]
    assert weights[["Nevada", "New Hampshire"]].tolist() == pytest.approx([0.124, 0.105], abs=5e-4)


def test_placebo_error_of_sdid_lies_near_the_papers_8_4():
    found = california("sdid")
    error = (found.estimate.high - found.estimate.low) / 2 / 2.0262  # t, 37 degrees
    assert 9.3 < error < 9.6


def test_plain_difference_of_proposition_99_is_27_and_its_poor_fit_withholds_it():
    found = california("difference_in_differences")
    assert found.placebos["value"].iloc[0] == pytest.approx(-27.35, abs=0.005)
    assert isinstance(found.estimate, Refusal)
    assert status_of(found)["pre_fit"] == "fail"


def test_california_without_any_one_donor_stays_below_minus_17():
    left_out = california("synthetic_control").left_out.set_index("donor")["value"]
    assert left_out["Connecticut"] == pytest.approx(-20.51, abs=0.01)
    assert left_out["Montana"] == pytest.approx(-17.97, abs=0.01)


@pytest.mark.parametrize("kind", ["sdid", "synthetic_control"])
def test_a_planted_effect_is_recovered(kind):
    found = measure_synthetic(planted(8.0), PLAN, kind=kind)
    assert isinstance(found.estimate, Estimate)
    assert found.placebos["unit"].iloc[0] == "flagship"
    assert found.estimate.value == pytest.approx(8, abs=0.5)
    assert found.estimate.low > 6
    assert found.p_value == pytest.approx(1 / 13)


def test_synthetic_control_finds_the_planted_mixture():
    weights = measure_synthetic(planted(walks=True), PLAN, kind="synthetic_control").weights
    found = weights.set_index("donor")["weight"]
    assert found[["shop 0", "shop 1"]].tolist() == pytest.approx([0.6, 0.4], abs=0.05)


def test_path_is_treated_minus_synthetic_and_its_mean_the_estimate():
    found = measure_synthetic(planted(8.0), PLAN)
    assert (found.path["treated"] - found.path["synthetic"]).to_numpy() == pytest.approx(
        found.path["gap"].to_numpy()
    )
    later = found.path[found.path["time"] >= pd.Timestamp("2021-03-01")]
    assert later["gap"].mean() == pytest.approx(found.estimate.value)


@pytest.mark.parametrize(
    ("donors", "earlier", "status"),
    [(10, 10, "pass"), (9, 10, "fail"), (10, 9, "fail")],
)
def test_ten_donors_and_ten_earlier_times_are_needed(donors, earlier, status):
    found = measure_synthetic(planted(donors=donors, earlier=earlier), PLAN)
    assert status_of(found)["donors"] == status
    assert isinstance(found.estimate, Estimate) == (status == "pass")


@pytest.mark.parametrize(("shift", "status"), [(0.0, "pass"), (8.0, "warn")])
def test_a_break_before_the_start_shows_at_the_pretended_one(shift, status):
    panel = planted(8.0, earlier=20)
    panel.grid.iloc[0, 15:] += shift
    assert status_of(measure_synthetic(panel, PLAN))["placebo"] == status


def test_a_unit_unlike_all_others_is_refused():
    panel = planted(8.0)
    panel.grid.iloc[0] = 300 + 20 * np.sin(np.arange(20))
    found = measure_synthetic(panel, PLAN, kind="synthetic_control")
    assert isinstance(found.estimate, Refusal)
    assert np.isnan(found.p_value)
    assert status_of(found)["pre_fit"] == "fail"


def test_donors_with_holes_are_left_out_and_said():
    panel = planted(8.0)
    panel.grid.iloc[5, 3] = np.nan
    found = measure_synthetic(panel, PLAN)
    assert status_of(found)["missing_periods"] == "warn"
    assert "shop 4" not in set(found.weights["donor"])


def test_several_treated_units_are_turned_away():
    panel = planted()
    two = Panel(panel.grid, np.arange(13) < 2, panel.start, ())
    with pytest.raises(DataError, match="one treated unit, found 2"):
        measure_synthetic(two, PLAN)
