"""The data behind an intervention: found by name, by metric, by touchpoint."""

from __future__ import annotations

import pandas as pd
import pytest

from journeylib.errors import DataError
from journeylib.evidence import answer_values, gather_evidence, unit_of

ANSWERS = pd.DataFrame(
    {
        "timestamp": pd.date_range("2025-01-01", periods=400, freq="D", tz="UTC"),
        "metric": "csat",
        "score": [5.0, 4.0, 3.0, 1.0] * 100,
        "touchpoint": ["check in", "spa"] * 200,
        "hotel": ["Porto", "Porto", "Faro", "Faro"] * 100,
        "source": "survey",
        "scale_low": 1.0,
        "scale_high": 5.0,
    }
)


@pytest.mark.parametrize(
    ("metric", "score", "value"),
    [("nps", 9, 100), ("nps", 8, 0), ("nps", 7, 0), ("nps", 6, -100), ("csat", 4, 1),
     ("csat", 3, 0), ("ces", 2, 2)],
)  # fmt: skip
def test_the_mean_of_the_values_is_the_metric(metric, score, value):
    ends = {
        "scale_low": [0.0 if metric == "nps" else 1.0],
        "scale_high": [10.0 if metric == "nps" else 5.0],
    }
    row = pd.DataFrame({"metric": [metric], "score": [float(score)], **ends})
    assert answer_values(row).tolist() == [value]


def test_answers_become_monthly_means_by_unit_for_one_touchpoint_only():
    found = gather_evidence(
        "difference_in_differences", trials={}, answers=ANSWERS, metric="csat",
        touchpoint="check in", unit="hotel",
    )  # fmt: skip
    assert set(found["hotel"]) == {"Porto", "Faro"}
    assert found.loc[found["hotel"] == "Porto", "value"].eq(1.0).all()
    assert found.loc[found["hotel"] == "Faro", "value"].eq(0.0).all()


def test_a_named_source_is_taken_as_it_is():
    frame = pd.DataFrame({"variant": ["a"]})
    found = gather_evidence("ab_test", trials={"test": frame}, answers=ANSWERS, source="test")
    pd.testing.assert_frame_equal(found, frame)


def test_a_month_begins_where_the_client_is():
    midnight = pd.to_datetime(["2023-01-01"]).tz_localize("Asia/Tokyo").tz_convert("UTC")
    frame = pd.DataFrame({"time": midnight, "unit": "North", "value": [1.0]})
    found = gather_evidence(
        "difference_in_differences",
        trials={"waits": frame},
        answers=ANSWERS,
        source="waits",
        zone="Asia/Tokyo",
    )
    assert found["time"].tolist() == [pd.Timestamp("2023-01-01")]


def test_what_is_not_there_is_said_with_a_near_name():
    with pytest.raises(DataError, match='no experiments source "tset"') as refused:
        gather_evidence("ab_test", trials={"test": ANSWERS}, answers=ANSWERS, source="tset")
    assert "test" in str(refused.value.problems[0])
    with pytest.raises(DataError, match='No source holds the metric "loyalty"'):
        gather_evidence("before_after", trials={}, answers=ANSWERS, metric="loyalty")
    with pytest.raises(DataError, match='no column "hotels"'):
        gather_evidence("before_after", trials={}, answers=ANSWERS, metric="csat", unit="hotels")


def test_units_follow_the_metrics_name():
    assert unit_of("conversion_rate", "EUR") == "share"
    assert unit_of("revenue_per_visit", "EUR") == "EUR"


def daily(first, last, *, metric="csat", score=4.0):
    days = pd.date_range(first, last, freq="D", tz="UTC")
    return (
        ANSWERS.iloc[:1]
        .drop(columns="timestamp")
        .assign(metric=metric, score=score)
        .merge(pd.DataFrame({"timestamp": days}), how="cross")
    )


def cut_months(answers, **changes):
    found = gather_evidence(
        "difference_in_differences", trials={}, answers=answers, metric="csat", unit="hotel",
        **changes,
    )  # fmt: skip
    return [f"{day:%Y-%m}" for day in found.loc[found["cut"], "time"]]


def test_months_at_the_ends_that_were_measured_in_part_are_marked():
    assert cut_months(daily("2025-01-20", "2025-06-11")) == ["2025-01", "2025-06"]
    assert cut_months(daily("2025-01-01", "2025-06-30")) == []
    assert cut_months(daily("2025-01-02", "2025-06-29")) == []


def test_a_month_that_the_start_cuts_is_marked():
    answers = daily("2025-01-01", "2025-06-30")
    assert cut_months(answers, start="2025-03-15") == ["2025-03"]
    assert cut_months(answers, start="2025-03-01") == []


def test_rare_answers_mark_no_month():
    answers = daily("2025-01-20", "2025-06-11").iloc[::15]
    assert cut_months(answers) == []


def test_a_placebo_metric_of_the_survey_stands_beside_the_value():
    answers = pd.concat(
        [
            daily("2025-01-01", "2025-04-30"),
            daily("2025-01-01", "2025-03-31", metric="ces", score=2),
        ]
    )
    found = gather_evidence(
        "difference_in_differences", trials={}, answers=answers, metric="csat", unit="hotel",
        placebo_outcomes=["ces", "nps"],
    )  # fmt: skip
    assert found["ces"].tolist()[:3] == [2.0, 2.0, 2.0]
    assert found["ces"].isna().tolist() == [False, False, False, True]
    assert "nps" not in found


def test_a_metric_is_a_share_only_where_its_values_can_be_one():
    from journeylib.plans import Plan, fit_units

    assert unit_of("weekly_activation", "EUR") == "share"
    plan = Plan("x", units={"rate": "share", "nps": "points"})
    kept = fit_units(plan, {"rate": pd.Series([0.2, 0.9]), "nps": pd.Series([40.0])})
    assert kept.units == plan.units
    assert fit_units(plan, {"rate": pd.Series([20.0, 90.0])}).units["rate"] == ""
