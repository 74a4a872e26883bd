"""Forecasts meet their results: scored once, kept, and rated only when there are enough."""

from __future__ import annotations

import pandas as pd
import pytest

from journeylib.estimates import Estimate, Refusal
from journeylib.realised import rate_forecasts, score_forecasts

STATED = pd.DataFrame(
    [
        {"touchpoint": "Checkout", "pain": "checkout: loss", "money_value": 100.0,
         "money_low": 40.0, "money_high": 160.0},
        {"touchpoint": "delivery", "pain": "delivery: delay", "money_value": None,
         "money_low": None, "money_high": None},
    ]
)  # fmt: skip
CHANGE = {
    "intervention": "Guest checkout", "touchpoint": "checkout", "money_value": 70.0,
    "money_low": 50.0, "money_high": 90.0, "money_unit": "EUR", "n": 8000,
}  # fmt: skip


def test_a_result_stands_beside_the_money_that_was_stated():
    (row,) = score_forecasts(STATED, pd.DataFrame([CHANGE]), made="2025-01-31").to_dict("records")
    assert (row["baseline"], row["value"], row["change"]) == (100.0, 70.0, -30.0)
    assert row["within"]
    assert row["made"] == "2025-01-31"


@pytest.mark.parametrize(("low", "high", "within"), [(161, 200, False), (160, 200, True)])
def test_forecast_and_result_agree_where_their_intervals_touch(low, high, within):
    change = {**CHANGE, "money_value": 180.0, "money_low": low, "money_high": high}
    assert bool(score_forecasts(STATED, pd.DataFrame([change]))["within"].iloc[0]) is within


def test_what_was_not_stated_not_changed_or_has_no_money_is_not_scored():
    elsewhere = {**CHANGE, "touchpoint": "search"}
    silent = {**CHANGE, "touchpoint": "delivery"}
    unpriced = {**CHANGE, "money_value": None}
    assert score_forecasts(STATED, pd.DataFrame([elsewhere, silent, unpriced])).empty
    assert score_forecasts(STATED[:0], pd.DataFrame([CHANGE])).empty


def test_a_score_is_kept_from_run_to_run_and_never_counted_twice():
    first = score_forecasts(STATED, pd.DataFrame([CHANGE]))
    again = score_forecasts(STATED, pd.DataFrame([{**CHANGE, "money_value": 1.0}]), scored=first)
    assert again["value"].tolist() == [70.0]
    later = {**CHANGE, "intervention": "Faster checkout"}
    both = score_forecasts(STATED, pd.DataFrame([later]), scored=first)
    assert len(both) == 2
    other = pd.DataFrame([{"scenario": "x", "metric": "reaches_outcome", "value": 1.0}])
    assert score_forecasts(STATED[:0], pd.DataFrame(), scored=other).empty


def test_forecasts_are_rated_only_when_five_have_met_their_results():
    one = score_forecasts(STATED, pd.DataFrame([CHANGE]))
    assert isinstance(rate_forecasts(one), Refusal)
    five = pd.concat([one] * 5, ignore_index=True)
    five.loc[0, "within"] = False
    found = rate_forecasts(five)
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.8)
    # Wilson (1927) for 4 of 5.
    assert (found.low, found.high) == pytest.approx((0.3755, 0.9638), abs=1e-4)
