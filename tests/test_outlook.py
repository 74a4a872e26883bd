"""Forecasts are laid out as expected levels, whichever way a row gives its estimate."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from journeylib.outlook import read_outlook
from journeylib.tables import complete_result


def forecast(metric, value, *, scenario="Guest checkout", baseline=0.3, change=0.1):
    return {
        "scenario": scenario, "metric": metric, "baseline": baseline, "change": change,
        "value": value, "low": value - 0.05, "high": value + 0.05,
    }  # fmt: skip


@pytest.mark.parametrize("value", [0.1, 0.4])
def test_estimate_may_be_the_change_or_the_level(value):
    (row,) = read_outlook(pd.DataFrame([forecast("csat", value)])).to_dict("records")
    assert (row["value"], row["low"], row["high"]) == pytest.approx((0.4, 0.35, 0.45))
    assert (row["metric"], row["stage"]) == ("csat", "")


def test_stage_stands_after_the_colon():
    found = read_outlook(pd.DataFrame([forecast("sentiment:check in", 0.4)]))
    assert found[["metric", "stage"]].to_numpy().tolist() == [["sentiment", "check in"]]


def test_first_scenario_is_taken_unless_another_is_named():
    rows = [forecast("csat", 0.4), forecast("csat", 0.4, scenario="Other", change=0.2)]
    assert read_outlook(pd.DataFrame(rows))["scenario"].tolist() == ["Guest checkout"]
    assert read_outlook(pd.DataFrame(rows), scenario="Other")["value"].tolist() == [0.5]


def test_level_stands_alone_where_no_baseline_is_known():
    rows = [forecast("csat", 0.4, baseline=math.nan), forecast("nps", math.nan, change=math.nan)]
    assert read_outlook(pd.DataFrame(rows))["value"].tolist() == [0.4]


def test_without_forecasts_nothing_is_expected():
    assert read_outlook(complete_result("forecasts", pd.DataFrame())).empty
