"""What notebook 05 asks of a workspace: changes measured, priced, held against the plain look."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from test_steps import open_client
from tiny import PARAMS, write_tiny_client

from journeylib import trying
from journeylib.interventions import Intervention
from journeylib.payback import YEAR
from journeylib.returns import ADDED, score_past, value_interventions

TEST = """\
  - name: test
    kind: experiments
    path: data/anna/test.csv
    columns: {unit_id: visitor, variant: arm, assigned_at: day}
  - name: weekly
    kind: measurements
    path: data/anna/weekly.csv
    columns: {unit: team, time: week, value: rate}
"""
PLAN = """\
interventions:
  - {name: Faster page, design: ab_test, source: test, control: A, outcomes: OUTCOMES,
     worthwhile: 0.02, cost: 1000, touchpoint: "checkout page"EXTRA}
"""
LETTERS = """\
  - {name: Letters, design: interrupted_time_series, source: weekly, metric: open_rate,
     start: 2025-04-07, worthwhile: 0.02, value: 100, reach: 1000}
"""


def measured(root, monkeypatch, *, outcomes="[converted, revenue]", extra="", lift=0.12):
    file = write_tiny_client(root, "anna")
    rng = np.random.default_rng(5)
    arm = np.repeat(["A", "B"], 600)
    bought = rng.random(1200) < np.where(arm == "B", 0.3 + lift, 0.3)
    visits = pd.DataFrame(
        {
            "visitor": np.arange(1200),
            "arm": arm,
            "day": pd.Timestamp("2025-02-03") + pd.to_timedelta(np.arange(1200) % 28, "D"),
            "converted": bought.astype(int),
            "revenue": (bought * rng.gamma(4, 10, 1200)).round(2),
        }
    )
    visits.to_csv(root / "data" / "anna" / "test.csv", index=False)
    week = np.arange(60)
    rate = 0.2 + 0.004 * week + 0.05 * (week >= 40) + rng.normal(0, 0.008, 60)
    monday = pd.Timestamp("2024-07-01") + pd.to_timedelta(7 * week, "D")
    series = pd.DataFrame({"team": "all", "week": monday.strftime("%Y-%m-%d"), "rate": rate})
    series.to_csv(root / "data" / "anna" / "weekly.csv", index=False)
    text = file.read_text().replace("report:", TEST + "report:")
    plan = PLAN.replace("OUTCOMES", outcomes).replace("EXTRA", extra)
    file.write_text(text + plan + LETTERS)
    return trying.measure_interventions(open_client(file, root / "work", monkeypatch))


def first(found, name="Faster page"):
    return found.impacts[found.impacts["intervention"] == name].iloc[0]


def test_money_measured_in_the_test_is_carried_on_to_a_year_of_its_traffic(tmp_path, monkeypatch):
    found = measured(tmp_path, monkeypatch)
    row, revenue = first(found), found.impacts[found.impacts["metric"] == "revenue"].iloc[0]
    assert row["reach"] == pytest.approx(1200 * YEAR / 28)
    assert row["money_value"] == pytest.approx(revenue["value"] * row["reach"], rel=1e-9)
    assert row["money_low"] < row["money_value"] < row["money_high"]
    assert row["payback"] == pytest.approx(12 * 1000 / row["money_value"])
    assert row["money_unit"] == "EUR"


def test_a_declared_value_prices_the_primary_metric(tmp_path, monkeypatch):
    row = first(measured(tmp_path, monkeypatch, extra=", value: 20, reach: 500"))
    assert row["money_value"] == pytest.approx(row["value"] * 20 * 500)
    assert row["money_source"] == "value declared"


def test_orders_are_worth_what_an_order_is_worth_and_without_one_nothing_is_stated(
    tmp_path, monkeypatch
):
    row = first(measured(tmp_path, monkeypatch, outcomes="[converted]"))
    assert np.isnan(row["money_value"])  # notebook 02, which measures orders, has not run here
    assert "no source holds the value of an order; write value" in row["money_reason"]


def test_only_the_first_row_of_an_intervention_carries_bar_and_money(tmp_path, monkeypatch):
    impacts = measured(tmp_path, monkeypatch).impacts
    later = impacts[impacts.duplicated("intervention")]
    assert later[["worthwhile", "money_value", "reach"]].isna().all(axis=None)
    assert impacts.drop_duplicates("intervention")["worthwhile"].tolist() == [0.02, 0.02]


def test_a_test_that_cannot_tell_says_how_many_more_would(tmp_path, monkeypatch):
    row = first(measured(tmp_path, monkeypatch, lift=0.0))
    assert row["verdict"] == "cannot tell"
    assert row["n_more"] > 1000


def test_after_less_before_counts_the_trend_and_is_said_to_mislead(tmp_path, monkeypatch):
    found = measured(tmp_path, monkeypatch)
    (row,) = found.plain.to_dict("records")
    assert row["intervention"] == "Letters"
    assert row["low"] < 0.05 < row["high"]
    assert row["plain"] > 0.1
    assert row["misleads"]


def test_the_plan_is_listed_as_it_was_declared(tmp_path, monkeypatch):
    file = write_tiny_client(tmp_path, "anna")
    plan = (
        "interventions:\n  - {name: Slow, design: before_after, metric: nps, start: 2025-03-01,"
        " direction: down, worthwhile: 2, cost: 500, chosen: worst}\n"
    )
    file.write_text(file.read_text() + plan)
    work = open_client(file, tmp_path / "work", monkeypatch)
    (row,) = trying.describe_changes(work).to_dict("records")
    assert row["metric"] == "NPS (less is better)"
    assert row["worthwhile"] == "2 points"
    assert row["cost"] == "€500"
    assert row["plan"] == "units chosen: worst"


def test_money_of_a_change_is_held_against_what_an_earlier_run_stated(tmp_path, monkeypatch):
    stated = [{"touchpoint": "checkout page", "pain": "checkout page: loss", "money_value": 9000.0,
               "money_low": 1000.0, "money_high": 90000.0}]  # fmt: skip
    past = {"client": "anna", "version": "0.4.0", "currency": "EUR", "generated": "2025-01-05",
            "period": {"start": "2024-07-01T00:00:00Z", "end": "2025-01-01T00:00:00Z"},
            "tables": {"opportunities": stated}}  # fmt: skip
    (tmp_path / "past.json").write_text(json.dumps(past))
    file = write_tiny_client(tmp_path, "anna")
    file.write_text(file.read_text() + "earlier_results: past.json\n")
    work = open_client(file, tmp_path / "work", monkeypatch)
    change = Intervention(name="Guest", design="ab_test", source="t", touchpoint="Checkout page")
    work.params.interventions.append(change)
    impacts = pd.DataFrame([{"intervention": "Guest", "money_value": 5000.0, "money_low": 2000.0,
                             "money_high": 8000.0, "money_unit": "EUR", "n": 100}])  # fmt: skip
    (row,) = score_past(work, impacts).to_dict("records")
    assert row["baseline"] == 9000.0
    assert row["within"]
    assert row["made"] == "2025-01-01"


def test_money_of_a_series_is_not_multiplied_by_customers(tmp_path, monkeypatch):
    found = measured(tmp_path, monkeypatch)
    letters = first(found, "Letters").to_dict()
    one = Intervention(name="Letters", design="interrupted_time_series", metric="revenue",
                       start="2025-04-07", touchpoint="checkout page")  # fmt: skip
    work = open_client(tmp_path / "params" / "anna.yml", tmp_path / "work", monkeypatch)
    work.params.interventions[:] = [one]
    rows = pd.DataFrame([{**letters, "metric": "revenue", "unit": "EUR"}])
    valued = value_interventions(work, rows[[c for c in rows if c not in ADDED]]).iloc[0]
    assert np.isnan(valued["money_value"])
    assert "nothing says what more of “Revenue” is worth; write value" in valued["money_reason"]


def test_the_chance_of_payback_does_not_hang_on_the_confidence_asked_for(tmp_path, monkeypatch):
    wide = first(measured(tmp_path / "a", monkeypatch, extra=", value: 20, reach: 500"))
    monkeypatch.setattr("tiny.PARAMS", "confidence: 0.8\n" + PARAMS)
    narrow = first(measured(tmp_path / "b", monkeypatch, extra=", value: 20, reach: 500"))
    assert narrow["high"] - narrow["low"] < 0.8 * (wide["high"] - wide["low"])
    assert 0.3 < wide["paid_in_a_year"] < 0.95
    assert narrow["paid_in_a_year"] == pytest.approx(wide["paid_in_a_year"], abs=0.04)
