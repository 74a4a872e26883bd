"""Customers are described by what they did up to a moment, in natural units."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import DAY, frame_of, random_events, write_log

from journeylib.features import Known, describe_features, name_unknown, rarest_channel
from journeylib.habits import clip_log, describe_habits, summarise_habits
from journeylib.personas import find_personas
from journeylib.tables import check_result

END = 400 * DAY
NOTHING = pd.DataFrame()


def customers_of(n, **columns):
    rng = np.random.default_rng(2)
    first = rng.integers(0, 300, n) * DAY
    table = pd.DataFrame(
        {
            "customer": np.arange(n), "events": rng.integers(1, 30, n), "first": first,
            "last": first + rng.integers(0, 100, n) * DAY, "orders": rng.integers(0, 5, n),
            "spent": rng.gamma(2, 50, n), "touchpoints": rng.integers(1, 8, n),
            "channel:": 0, "channel:web": rng.integers(0, 9, n),
            "channel:app": rng.integers(0, 5, n),
        }
    )  # fmt: skip
    return table.assign(**columns)


def known_of(customers, attributes=NOTHING, **others):
    return replace(Known(customers, attributes, END, NOTHING), **others)


def test_features_are_what_customers_did_in_natural_units():
    customers = customers_of(300)
    features = describe_features(known_of(customers))
    assert features.columns.tolist() == [
        "recency", "frequency", "money", "tenure", "breadth", "channel:web", "channel:app",
    ]  # fmt: skip
    assert features.notna().all().all()
    row = customers.iloc[5]
    assert features.loc[5, "recency"] == (END - row["last"]) / DAY
    assert features.loc[5, "money"] == row["spent"] / max(row["orders"], 1)


def test_channels_are_centred_log_ratios_with_half_an_event_added():
    """Aitchison (1986): clr of (4.5, 0.5) is ±ln(9)/2."""
    customers = customers_of(300)
    customers.loc[3, ["channel:web", "channel:app"]] = [4, 0]
    features = describe_features(known_of(customers))
    assert features.loc[3, "channel:web"] == pytest.approx(np.log(9) / 2)
    assert features.filter(like="channel:").sum(axis=1).to_numpy() == pytest.approx(0)
    assert rarest_channel(features) == "channel:app"
    assert rarest_channel(features[["money", "channel:web"]]) == ""


def test_constant_features_are_left_out_and_wanted_ones_kept():
    known = known_of(customers_of(300, touchpoints=3))
    assert "breadth" not in describe_features(known)
    wanted = describe_features(known, wanted=["money", "channel"])
    assert wanted.columns.tolist() == ["money", "channel:web", "channel:app"]


def test_attributes_join_what_customers_did_only_where_they_are_asked_for():
    customers = customers_of(300)
    plans = pd.DataFrame({"customer": range(300), "plan": ["solo", "team"] * 150, "seats": 1})
    known = known_of(customers, plans)
    assert not any("plan" in name for name in describe_features(known))
    mixed = describe_features(known, wanted=["frequency", "plan"])
    assert mixed.columns.tolist() == ["frequency", "plan=solo", "plan=team"]


def test_attributes_serve_where_nothing_was_done_but_never_the_outcome():
    rng = np.random.default_rng(1)
    attributes = pd.DataFrame(
        {
            "customer": np.arange(400), "tenure": rng.integers(1, 72, 400).astype(float),
            "contract": rng.choice(["month", "year"], 400), "churned": rng.random(400) < 0.3,
            "signup": pd.date_range("2024-01-01", periods=400),
            "town": [f"t{i}" for i in range(400)],
        }
    )  # fmt: skip
    features = describe_features(known_of(customers_of(0), attributes))
    assert features.columns.tolist() == ["tenure", "contract=month", "contract=year"]
    check_result("personas", find_personas(features).table)


def test_nothing_known_gives_no_features():
    assert describe_features(known_of(pd.DataFrame({"customer": []}))).empty


def test_the_same_features_are_made_again_for_a_few_later_customers():
    before = describe_features(known_of(customers_of(300)))
    later = customers_of(3).drop(columns="channel:app")
    again = describe_features(known_of(later), like=list(before.columns))
    assert again.columns.tolist() == before.columns.tolist()
    assert len(again) == 3


@pytest.mark.parametrize(("share", "kept"), [(0.19, False), (0.20, True)])
def test_support_is_compared_only_where_a_fifth_of_the_customers_met_it(share, kept):
    met = np.arange(300) < share * 300
    habits = pd.DataFrame({"customer": range(300), "gaps": 0, "gap_mean": np.nan,
                           "gap_spread": np.nan, "source:desk": met * 2})  # fmt: skip
    known = known_of(customers_of(300, events=5), habits=habits, support=("desk",))
    features = describe_features(known)
    assert ("support" in features) == kept
    if kept:
        mean = (met * 2).sum() / 1500
        assert features.loc[0, "support"] == pytest.approx(100 * (2 + 5 * mean) / 10)


def test_satisfaction_is_a_feature_only_if_asked_for():
    answers = pd.DataFrame({"customer": range(300), "sentiment": np.linspace(-1, 1, 300)})
    known = known_of(customers_of(300), answers=answers)
    assert "satisfaction" not in describe_features(known)
    assert "satisfaction" in describe_features(known, wanted=["satisfaction"])


def test_regular_customers_are_told_from_bursts():
    n = 300
    habits = pd.DataFrame({"customer": range(n), "gaps": 20, "gap_mean": 10.0,
                           "gap_spread": np.where(np.arange(n) < 150, 1.0, 30.0)})  # fmt: skip
    features = describe_features(known_of(customers_of(n), habits=habits))
    assert features.loc[0, "regularity"] > 0.75
    assert features.loc[n - 1, "regularity"] < 0.4


def test_gaps_are_counted_between_days_with_an_order(tmp_path):
    days = [(0, 10, "order"), (0, 10.2, "order"), (0, 20, "order"), (0, 25, "ad"),
            (0, 50, "order"), (1, 12, "ad")]  # fmt: skip
    habits = describe_habits(write_log(tmp_path, frame_of(days))).set_index("customer")
    assert habits.loc[0, ["gaps", "gap_mean"]].tolist() == [2, pytest.approx(20)]
    assert habits.loc[0, "gap_spread"] == pytest.approx(np.std([10, 30], ddof=1))
    assert habits.loc[1, "gaps"] == 0
    assert habits.loc[0, "source:shop"] == 5


def test_habits_of_parts_add_up_to_those_of_the_whole(tmp_path):
    events = random_events(3)
    whole = describe_habits(write_log(tmp_path / "a", events))
    parted = describe_habits(write_log(tmp_path / "b", events, parts=4))
    pd.testing.assert_frame_equal(whole, parted)


def test_a_log_is_clipped_to_a_time_within_its_period(tmp_path):
    log = write_log(tmp_path, frame_of([(0, 20, "ad"), (0, 40, "order"), (1, 60, "ad")]))
    early = clip_log(log, start=0, end=41 * DAY)
    assert (early.codes.start, early.codes.end) == (log.codes.start, 41 * DAY)
    assert summarise_habits(early.parts[0]).frame()["customer"].tolist() == [0]


def test_an_unknown_feature_is_named_with_its_nearest():
    known = known_of(customers_of(3), pd.DataFrame({"customer": [1], "plan": ["a"]}))
    assert name_unknown(known, ["recency", "plan", "channel", "satisfaction"]) == {}
    assert name_unknown(known, ["frequenzy"]) == {"frequenzy": "frequency"}
