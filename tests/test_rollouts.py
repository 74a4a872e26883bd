"""Changes that units got one after the other, through the panel design."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_changes import MONTHS, message_of, status_of

from journeylib.impact import Plan, measure_intervention


def rollout(*, effect=3.0, growth=0.0, drift=0.0, never=12, always=0, seed=0, **changes):
    """Draw two waves of eight shops, starting at months 4 and 7 of 12, and shops that wait."""
    draws = np.random.default_rng(seed)
    starts = np.repeat([4, 7, 99, 0], [8, 8, never, always])
    clock = np.arange(12)
    since = clock - starts[:, None]
    grid = draws.normal(0, 3, (len(starts), 1)) + draws.normal(0, 1, 12)
    grid = grid + draws.normal(0, 1, (len(starts), 12))
    grid += np.where(since >= 0, effect + growth * since, 0.0)
    grid += drift * clock * (starts[:, None] < 99)
    rows = pd.DataFrame(
        {
            "unit": np.repeat([f"shop {place:02d}" for place in range(len(starts))], 12),
            "time": np.tile(MONTHS[:12], len(starts)),
            "value": grid.ravel(),
            "treated": (since >= 0).ravel(),
            "quiet": draws.normal(0, 1, grid.size),
            "moved": draws.normal(0, 1, grid.size) + 2 * (since >= 0).ravel(),
        }
    )
    plan = Plan("desk", **{"metric": "sales", "start": MONTHS[4], "worthwhile": 1.0, **changes})
    return measure_intervention("difference_in_differences", rows, plan)


def test_a_planted_roll_out_is_recovered_and_graded_b():
    impact = rollout()
    row = impact.impacts.iloc[0]
    assert row["low"] < 3 < row["high"]
    assert (row["verdict"], row["evidence"]) == ("works, worth it", "B")
    assert (row["n_treated"], row["n_control"]) == (16, 12)
    assert row["relative"] == pytest.approx(
        row["value"] / (row["value"] / row["relative"]), rel=1e-9
    )


def test_growing_effects_do_not_bend_the_result():
    """Effects of 1 to 8 and 1 to 5: by cohort size 3.75 on average; the usual regression misses."""
    impact = rollout(effect=1.0, growth=1.0, never=4)
    truth = (np.mean(np.arange(1, 9)) + np.mean(np.arange(1, 6))) / 2
    row = impact.impacts.iloc[0]
    assert row["low"] < truth < row["high"]
    usual = impact.checks.set_index("check").loc["two_way", "statistic"]
    assert abs(usual - truth) > abs(row["value"] - truth)


def test_no_effect_is_seldom_found_in_a_roll_out():
    """60 roll-outs without effect: at most 5 % work or harm, plus 3 binomial standard errors."""
    verdicts = [rollout(effect=0.0, seed=seed).impacts["verdict"].iloc[0] for seed in range(60)]
    alarms = sum(verdict.startswith(("works", "harms")) for verdict in verdicts)
    assert alarms / 60 <= 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5


def test_waves_that_drifted_before_are_not_interpretable_but_shown():
    impact = rollout(drift=1.5)
    assert status_of(impact, "pre_trend") == "fail"
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"
    assert np.isfinite(impact.impacts["value"].iloc[0])


def test_units_treated_all_along_are_left_out_and_said():
    impact = rollout(always=3)
    assert status_of(impact, "always_treated") == "warn"
    assert impact.impacts["n"].iloc[0] == 28


def test_waves_are_drawn_by_name_and_effects_by_time_since_their_start():
    impact = rollout()
    names = set(impact.figure_data["series"])
    assert names == {"treated from May 2021", "treated from Aug 2021", "never treated", "gap"}
    gaps = impact.figure_data.query("series == 'gap'").set_index("event_time")
    assert gaps.loc[0, "time"] == MONTHS[4]
    assert impact.details["cohorts"]["cohort"].tolist() == [MONTHS[4], MONTHS[7]]
    assert "2 different times (1 May 2021, 1 August 2021)" in message_of(impact, "staggered")


@pytest.mark.parametrize(("name", "status"), [("moved", "fail"), ("quiet", "pass")])
def test_an_outcome_that_the_roll_out_cannot_move_must_stay(name, status):
    impact = rollout(placebo_outcomes=(name,))
    assert status_of(impact, "placebo_outcome") == status


def test_what_came_after_the_end_is_not_read():
    """Up to the tenth month effects are 3 to 13 and 3 to 7, so 6.5 on average."""
    last = MONTHS[10] - pd.Timedelta(days=1)
    impact = rollout(growth=2.0, end=last)
    row = impact.impacts.iloc[0]
    assert row["low"] < 6.5 < row["high"]
    assert impact.details["cells"]["time"].max() == MONTHS[9]
    assert message_of(impact, "after_end").endswith("; 56 later measurements are left out.")
