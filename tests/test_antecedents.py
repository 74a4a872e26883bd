"""Features come from before the cut: the future changes none, and what leaving makes is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import CODES, DAY, NAMES, frame_of, random_events, write_log

from journeylib.antecedents import (
    Attributes,
    choose_touchpoints,
    describe_before,
    name_feature,
    read_attributes,
    screen_attributes,
    tells_too_well,
)
from journeylib.windows import ORDERS, lay_windows

SPAN = replace(CODES, start=0, end=140 * DAY)
WINDOWS = lay_windows(kind=ORDERS, start=0, end=120 * DAY, wanted_days=30, inactive_days=60)
CUT = WINDOWS.cuts[-1]
EVERY = tuple(range(len(NAMES)))


def describe(folder, events, *, parts=1, attributes=None):
    log = write_log(folder, events, codes=SPAN, parts=parts)
    people = pd.Index(range(12), name="customer")
    return describe_before(log, WINDOWS, CUT, people, touchpoints=EVERY,
                           attributes=attributes or Attributes())  # fmt: skip


# ------------------------------------------------------------------ no leakage


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_shuffling_the_future_changes_no_feature(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    events = random_events(seed)
    late = np.flatnonzero(events["time"].to_numpy() >= CUT)
    columns = {name: events[name].to_numpy(copy=True) for name in events}
    for name in ("touchpoint", "channel", "stage", "value"):
        columns[name][late] = columns[name][late][rng.permutation(len(late))]
    columns["sentiment"][late] = -1.0
    columns["time"][late] = CUT + rng.integers(0, 20 * DAY, len(late))
    other = pd.DataFrame(columns)
    other = other.sort_values(["customer", "time"], kind="stable", ignore_index=True)
    gone = events.drop(index=late[rng.random(len(late)) < 0.7]).reset_index(drop=True)
    folder = tmp_path_factory.mktemp("logs")
    before = describe(folder / "a", events)
    pd.testing.assert_frame_equal(before, describe(folder / "b", other))
    pd.testing.assert_frame_equal(before, describe(folder / "c", gone, parts=2))


def test_what_happens_at_the_cut_is_the_future_and_a_microsecond_before_it_is_not(tmp_path):
    rows = frame_of([(0, 50, "order"), (0, 50, "support"), (0, 50, "support")])
    rows["time"] = [CUT - 40 * DAY, CUT - 1, CUT]
    found = describe(tmp_path, rows).loc[0]
    assert np.expm1(found["touchpoint:support"]) == pytest.approx(1)
    assert np.expm1(found["events"]) == pytest.approx(2)


# ------------------------------------------------------------------ golden


def test_features_are_what_was_done_in_days_counts_and_money(tmp_path):
    rows = frame_of([(0, 40, "order"), (0, 60, "order"), (0, 70, "support"), (1, 80, "ad")])
    rows["value"] = [10.0, 30.0, np.nan, np.nan]
    rows["sentiment"] = [np.nan, np.nan, -0.8, np.nan]
    found = describe(tmp_path, rows)
    assert CUT == 90 * DAY
    one, other, silent = found.loc[0], found.loc[1], found.loc[5]
    assert np.expm1(one["recency"]) == pytest.approx(30)
    assert np.expm1(one["silence"]) == pytest.approx(20)
    assert np.expm1(one["frequency"]) == pytest.approx(2)
    assert np.expm1(one["money"]) == pytest.approx(20)
    assert one["tenure"] == pytest.approx(50)
    assert np.expm1(one["overdue"]) == pytest.approx(2 * 30 / 50)
    assert one["tone"] == pytest.approx((-0.8 + 3 * -0.8) / 4)
    assert np.expm1(other["frequency"]) == pytest.approx(0)
    assert np.expm1(silent["recency"]) == pytest.approx(WINDOWS.lookback / DAY)
    assert found.notna().all().all()


def test_touchpoints_are_counted_by_what_was_met_before_the_first_cut_but_for_the_outcome(tmp_path):
    events = [(one, 5, "ad") for one in range(40)] + [(one, 6, "support") for one in range(40)]
    events += [(one, 7, "odd") for one in range(29)] + [
        (one, 8, "cancellation") for one in range(40)
    ]
    events += [(one, 100, "delivery") for one in range(40)]
    log = write_log(tmp_path, frame_of(sorted(events)), codes=SPAN)
    chosen = choose_touchpoints(log, WINDOWS, aside=["support"])
    assert [NAMES[code] for code in chosen] == ["ad"]


# ------------------------------------------------------------------ the customers table


def table_of(**columns):
    rng = np.random.default_rng(3)
    left = rng.random(400) < 0.4
    base = pd.DataFrame({"customer": range(400), "plan": rng.choice(["solo", "team"], 400),
                         "seats": rng.integers(1, 30, 400)})  # fmt: skip
    return base.assign(**{name: make(left, rng) for name, make in columns.items()}), pd.Series(
        left.astype(float), pd.RangeIndex(400, name="customer")
    )


@pytest.mark.parametrize(
    "name",
    ["churn_reason", "ChurnScore", "Cancelled On", "reason", "left_by", "win-back offer",
     "is active", "exit_survey", "Account Closed"],
)  # fmt: skip
def test_an_attribute_whose_name_speaks_of_leaving_is_refused(name):
    table, _ = table_of(**{name: lambda left, rng: rng.choice(["a", "b"], len(left))})
    found = read_attributes(table)
    assert [refused for refused, _ in found.refused] == [name]
    assert not any(name in column for column in found.table)
    assert "plan=solo" in found.table


@pytest.mark.parametrize("name", ["reasonable_price", "leftover", "activity", "region"])
def test_a_name_that_only_sounds_alike_is_kept(name):
    table, _ = table_of(**{name: lambda left, rng: rng.choice(["a", "b"], len(left))})
    assert read_attributes(table).refused == ()


def test_an_attribute_that_is_known_only_after_leaving_is_refused_by_what_it_tells():
    table, left = table_of(
        desk=lambda left, rng: np.where(left & (rng.random(len(left)) < 0.8), "saved", "none"),
        balance=lambda left, rng: np.where(left, 0.0, rng.uniform(5, 90, len(left))),
        taste=lambda left, rng: np.where(rng.random(len(left)) < 0.3, left, ~left).astype(str),
    )  # fmt: skip
    found = screen_attributes(read_attributes(table), left)
    assert sorted(name for name, _ in found.refused) == ["balance", "desk"]
    assert {"plan=solo", "seats", "taste=True"} <= set(found.table)


@pytest.mark.parametrize(("pure", "told"), [(95, True), (94, False)])
def test_a_level_gives_leavers_away_from_ninety_five_of_a_hundred_on(pure, told):
    values = np.repeat([1.0, 0.0], [100, 400])
    left = np.zeros(500)
    left[:pure] = 1
    left[100:150] = 1
    assert tells_too_well(values, left) is told


def test_few_leavers_tell_nothing_of_an_attribute():
    left = np.repeat([1.0, 0.0], [29, 400])
    assert not tells_too_well(left.copy(), left)
    assert tells_too_well(np.repeat([1.0, 0.0], [30, 400]), np.repeat([1.0, 0.0], [30, 400]))


def test_no_customers_table_gives_no_attributes():
    assert read_attributes(pd.DataFrame()).table.empty


def test_signup_gives_the_tenure_where_it_is_known(tmp_path):
    rows = frame_of([(0, 60, "order"), (1, 60, "order")])
    signup = pd.to_datetime([pd.Timestamp(10, unit="D", tz="UTC")] + [pd.NaT] * 11)
    attributes = pd.DataFrame({"customer": range(12), "plan": ["a", "b"] * 6, "signup": signup})
    found = describe(tmp_path, rows, attributes=read_attributes(attributes))
    assert found.loc[[0, 1], "tenure"].tolist() == [80.0, 30.0]
    assert found["plan=a"].tolist() == [1.0, 0.0] * 6


def test_features_have_names_for_readers():
    assert name_feature("channel:web") == "contacts by web"
    assert name_feature("plan=team") == "plan: team"
