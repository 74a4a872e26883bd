"""Every check of chapter 5 fires where its fault is planted, and is quiet where there is none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from planted_changes import (
    MONTHS,
    arms,
    line,
    measure_arms,
    measure_line,
    measure_shops,
    message_of,
    shops,
    status_of,
)

from journeylib.impact import DESIGNS, Plan, measure_intervention

MEASURED: dict[str, object] = {}  # impacts by what was planted, for tests that look twice


def once(key, measure):
    if key not in MEASURED:
        MEASURED[key] = measure()
    return MEASURED[key]


def tried(name, fault, changes):
    rows = arms(lift=0.1)
    key = f"test {name} {changes} {fault}"
    return once(key, lambda: measure_arms(fault(rows) if fault else rows, **changes))


def compared(name, fault, changes):
    rows = shops(effect=3.0)
    key = f"panel {name} {changes}"
    return once(key, lambda: measure_shops(fault(rows) if fault else rows, **changes))


def broken(name, made, changes):
    return once(f"series {name}", lambda: measure_line(made(), **changes))


def lopsided(rows):
    """Lose every third unit of one arm, as a redirect that drops visitors does."""
    return rows[(rows["variant"] == "A") | (rows["unit_id"] % 3 > 0)]


def crossed(rows):
    return rows.assign(
        unit_id=rows["unit_id"].where(rows["unit_id"] < 1900, rows["unit_id"] - 1900)
    )


def one_whale(rows):
    return rows.assign(revenue=rows["revenue"].where(rows["unit_id"] != 3, 80_000.0))


def moved_part(rows):
    moved = np.where((rows["variant"] == "B") & (rows["unit_id"] % 4 == 0), "north", rows["region"])
    return rows.assign(region=moved)


def moved_placebo(rows):
    return rows.assign(visits_last_year=rows["visits_last_year"] + (rows["variant"] == "B"))


def part_weeks(rows):
    return rows[rows["assigned_at"] < "2025-01-16"]


def lost_answers(rows):
    return rows.assign(
        converted=rows["converted"].where((rows["variant"] == "A") | (rows["unit_id"] % 4 > 0))
    )


def stronger_north(rows):
    extra = (rows["variant"] == "B") & (rows["region"] == "north")
    return rows.assign(converted=rows["converted"].where(~extra, 1))


TRIALS = [
    ("srm", lopsided, {}, "fail"),
    ("contamination", crossed, {}, "fail"),
    ("peeking", None, {"looks_taken": 9}, "warn"),
    ("planned_sample", None, {"sample": 4000}, "warn"),
    ("power", None, {"worthwhile": 0.005}, "warn"),
    ("full_weeks", part_weeks, {}, "warn"),
    ("missing_outcome", lost_answers, {}, "warn"),
    ("outliers", one_whale, {"outcomes": ("revenue",)}, "warn"),
    ("largest_unit", one_whale, {"outcomes": ("revenue",)}, "warn"),
    ("segment_after_treatment", moved_part, {"segments": ("region",)}, "fail"),
    ("segment_after_treatment", None, {"segments": ("persona",)}, "fail"),
    ("segment_after_treatment", None, {"segments": ("converted",)}, "fail"),
    ("interaction", stronger_north, {"segments": ("region",)}, "warn"),
    ("placebo_outcome", moved_placebo, {"placebo_outcomes": ("visits_last_year",)}, "fail"),
]
QUIET = {
    "worthwhile": 0.08, "sample": 2000, "segments": ("region",), "looks": 3, "looks_taken": 3,
    "placebo_outcomes": ("visits_last_year",), "outcomes": ("revenue", "converted"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "fault", "changes", "status"), TRIALS)
def test_the_check_of_a_test_fires_where_its_fault_is_planted(name, fault, changes, status):
    assert status_of(tried(name, fault, changes), name) == status


@pytest.mark.parametrize("name", sorted({name for name, *_ in TRIALS} - {"missing_outcome"}))
def test_the_check_of_a_test_is_quiet_without_a_fault(name):
    impact = measure_arms(arms(), **QUIET | {"worthwhile": 3.0})
    assert status_of(impact, name) == "pass"


def test_nothing_is_said_of_missing_outcomes_where_none_is_missing():
    assert status_of(measure_arms(arms()), "missing_outcome") == "absent"


GATES = ["srm", "contamination", "placebo_outcome"]


@pytest.mark.parametrize(("name", "fault", "changes", "status"), TRIALS)
def test_a_failed_gate_withholds_the_verdict_of_a_test_and_a_failed_split_its_own(
    name, fault, changes, status
):
    impact = tried(name, fault, changes)
    whole = impact.impacts[impact.impacts["segment"] == "all"]
    withheld = whole["verdict"].iloc[0] == "not interpretable"
    assert withheld == (name in GATES and status == "fail")
    parts = impact.impacts[impact.impacts["segment"] != "all"]
    if name == "segment_after_treatment":
        assert set(parts["verdict"]) <= {"not interpretable"}


# panels


def switched(rows):
    on = rows["unit"].str[-2:].astype(int).lt(10) & (rows["time"] >= MONTHS[6])
    on &= ~((rows["unit"] == "shop 03") & (rows["time"] >= MONTHS[9]))
    return rows.assign(treated=on)


def moved_parking(rows):
    on = rows["unit"].str[-2:].astype(int).lt(10) & (rows["time"] >= MONTHS[6])
    return rows.assign(parking=rows["parking"] + 3 * on)


def holed(rows):
    return rows[~((rows["unit"] == "shop 12") & (rows["time"] == MONTHS[4]))]


def stepped(rows):
    """Let the treated shops rise half-way through the time before."""
    on = rows["unit"].str[-2:].astype(int).lt(10) & (rows["time"] >= MONTHS[3])
    return rows.assign(value=rows["value"] + 1.5 * on)


def rising(rows):
    on = rows["unit"].str[-2:].astype(int).lt(10)
    return rows.assign(value=rows["value"] + 0.8 * on * rows["time"].rank(method="dense"))


def idle(rows):
    on = rows["unit"].str[-2:].astype(int).lt(10) & (rows["time"] >= MONTHS[6])
    return rows.assign(value=rows["value"] - 3.0 * on)


PANELS = [
    ("pre_trend", rising, {}, "fail"),
    ("placebo", stepped, {}, "warn"),
    ("placebo_outcome", moved_parking, {"placebo_outcomes": ("parking",)}, "fail"),
    ("placebo_outcome", None, {"placebo_outcomes": ("weather",)}, "warn"),
    ("contamination", switched, {"treated": (), "start": None}, "fail"),
    ("partial_period", None, {"start": "2021-07-15"}, "warn"),
    ("missing_periods", holed, {}, "warn"),
    ("power", None, {"worthwhile": 0.1}, "warn"),
    ("attainable_p", None, {"treated": ("shop 00",)}, "pass"),
    ("pre_trend_power", idle, {}, "warn"),
]


@pytest.mark.parametrize(("name", "fault", "changes", "status"), PANELS)
def test_the_check_of_a_panel_fires_where_its_fault_is_planted(name, fault, changes, status):
    assert status_of(compared(name, fault, changes), name) == status


def test_the_checks_of_a_panel_are_quiet_without_a_fault():
    rows = shops(effect=6.0)
    on = rows["unit"].str[-2:].astype(int).lt(10) & (rows["time"] >= MONTHS[6])
    impact = measure_shops(
        rows.assign(treated=on), worthwhile=2.0, placebo_outcomes=("parking",), treated=()
    )
    statuses = impact.checks.set_index("check")["status"]
    assert set(statuses) == {"pass"}, statuses[statuses != "pass"]
    assert {"cluster_robust", "contamination", "partial_period"} <= set(statuses.index)


def test_three_of_six_units_can_never_rule_out_chance():
    impact = measure_shops(shops(6, 3, effect=9.0), n_treated=3)
    assert status_of(impact, "attainable_p") == "fail"
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"


# series


SERIES = [
    ("points", lambda: line(11, place=7), {"place": 7}, "fail"),
    ("length", lambda: line(20, place=12), {"place": 12}, "warn"),
    ("other_change", line, {"other_changes": (MONTHS[31],)}, "fail"),
    ("autocorrelation", lambda: line(120, place=60, rho=0.95, seed=1), {"place": 60}, "warn"),
    ("season", lambda: line(20, place=12), {"place": 12}, "warn"),
    ("control_series", line, {}, "warn"),
    ("partial_period", line, {"start": "2023-07-20"}, "warn"),
    ("missing_periods", lambda: line().drop(index=[7, 8]), {}, "warn"),
    ("power", line, {"worthwhile": 0.1}, "warn"),
]


@pytest.mark.parametrize(("name", "made", "changes", "status"), SERIES)
def test_the_check_of_a_series_fires_where_its_fault_is_planted(name, made, changes, status):
    assert status_of(broken(name, made, changes), name) == status


def test_a_break_before_the_start_shows_at_the_pretended_one():
    rows = line(60, place=40)
    rows.loc[rows.index >= 20, "value"] += 8
    assert status_of(measure_line(rows, place=40), "placebo") == "warn"


def test_a_jump_that_a_curved_trend_could_explain_is_taken_down_a_notch():
    impact = measure_line(line(20, place=12, level=4.0), place=12, worthwhile=0.3)
    assert status_of(impact, "trend_shapes") == "warn"
    assert impact.impacts["low"].iloc[0] > 0.3
    assert impact.impacts["verdict"].iloc[0] == "works, size uncertain"


def test_the_checks_of_a_series_are_quiet_without_a_fault():
    control = line(60, seed=5).assign(unit="north", treated=False)
    treated = line(60, level=8.0, seed=4).assign(unit="south", treated=True)
    rows = pd.concat([control, treated], ignore_index=True)
    statuses = measure_line(rows, worthwhile=4.0).checks.set_index("check")["status"]
    assert set(statuses) == {"pass"}, statuses[statuses != "pass"]


# before and after


def stores(*, chosen):
    """Draw 60 stores; those treated were the worst fifth of four noisy months, or any fifth."""
    draws = np.random.default_rng(6)
    truth = draws.normal(50, 5, 60)
    grid = truth[:, None] + draws.normal(0, 16, (60, 8))
    level = grid[:, :4].mean(axis=1)
    picked = np.argsort(level)[:12] if chosen == "worst" else np.arange(12)
    names = np.array([f"store {place:02d}" for place in range(60)])
    rows = pd.DataFrame(
        {"unit": np.repeat(names, 8), "time": np.tile(MONTHS[:8], 60), "value": grid.ravel()}
    )
    plan = Plan(
        "visits", metric="minutes", start=MONTHS[4], chosen=chosen, treated=tuple(names[picked])
    )
    return measure_intervention("before_after", rows, plan)


def test_the_worst_stores_improve_by_themselves_and_that_is_refused():
    impact = stores(chosen="worst")
    assert status_of(impact, "regression_to_mean") == "fail"
    assert impact.impacts["verdict"].iloc[0] == "not interpretable"
    drawn = impact.details["regression_to_mean"].set_index("part")["value"]
    assert drawn["expected with no change at all"] == pytest.approx(drawn["measured change"], abs=4)
    assert "difference_in_differences" in message_of(impact, "regression_to_mean")


def test_stores_picked_without_looking_hardly_drift():
    impact = stores(chosen="random")
    assert abs(impact.details["regression_to_mean"]["value"].iloc[1]) < 2
    assert impact.impacts["verdict"].iloc[0] != "not interpretable"


def test_before_and_after_names_the_design_that_the_data_could_carry_now():
    long = measure_intervention(
        "before_after", line(), Plan("x", metric="minutes", start=MONTHS[30])
    )
    assert "interrupted_time_series can be declared now" in message_of(long, "design")
    short = measure_intervention(
        "before_after", line(10, place=5), Plan("x", metric="minutes", start=MONTHS[5])
    )
    assert "would tell more" in message_of(short, "design")


@pytest.mark.parametrize(("moved", "status"), [(6.0, "fail"), (0.0, "pass")])
def test_a_placebo_outcome_is_compared_before_and_after_too(moved, status):
    rows = line(40, place=20, trend=0.0, level=3.0)
    rows["rain"] = line(40, place=20, trend=0.0, level=moved, seed=8)["value"]
    plan = Plan("x", metric="minutes", start=MONTHS[20], placebo_outcomes=("rain",))
    assert status_of(measure_intervention("before_after", rows, plan), "placebo_outcome") == status


# words


def every_message():
    impacts = [tried(*each[:3]) for each in TRIALS]
    impacts += [compared(*each[:3]) for each in PANELS] + [broken(*each[:3]) for each in SERIES]
    return [message for impact in impacts for message in impact.checks["message"]]


def test_no_message_tells_a_p_value_an_exponent_or_a_raw_fraction():
    for message in every_message():
        assert not re.search(r"\bp[ -](=|value)|\d[eE][+-−]?\d|\b0\.\d{4,}|\bnan\b", message), (
            message
        )
        assert (
            message[0].isupper()
            or ":" in message
            or message[0].isdigit()
            or "_" in message
            or (
                message.split()[0].strip(",")
                in {"converted", "revenue", "region", "parking", "weather"}
            )
        ), message
        assert message.endswith("."), message


@pytest.mark.parametrize("design", [name for name in DESIGNS if name != "ab_test"])
def test_parts_that_a_design_cannot_look_at_are_said_and_not_passed_over(design):
    plan = Plan("x", metric="minutes", start=MONTHS[30], segments=("region",), treated=())
    rows = line().assign(unit="one", treated=False)
    if design == "difference_in_differences":
        rows, plan = (
            shops(),
            Plan(
                "x", metric="minutes", start=MONTHS[6], segments=("region",), treated=("shop 00",)
            ),
        )
    assert status_of(measure_intervention(design, rows, plan), "segments") == "warn"
