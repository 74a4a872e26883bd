"""Scenarios of a client file from its workspace: what is offered, measured, refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, write_log

from journeylib.crediting import credit_channels
from journeylib.future_charts import plot_credit, plot_scenarios
from journeylib.future_prose import credit_sentence, list_credit, list_futures, scenarios_sentences
from journeylib.imagining import imagine_futures, note_futures
from journeylib.log import DAY
from journeylib.params import read_params
from journeylib.revisiting import compare_with_earlier
from journeylib.tables import check_result, complete_result
from journeylib.theme import finding
from journeylib.workspace import Workspace

PARAMS = """\
title: Shop
currency: EUR
outcome: {kind: conversion, value_per_customer: 80}
sources:
  - {name: shop, kind: events, path: shop.csv}
interventions:
  - {name: Help, design: before_after, metric: converted, start: 2025-01-01}
"""
IMPACT = {
    "intervention": "Help", "design": "ab_test", "metric": "converted", "arm": "B",
    "segment": "all", "relative": 0.2, "evidence": "A", "verdict": "works, worth it",
    "value": 0.05, "low": 0.02, "high": 0.08, "n": 900, "unit": "share", "source": "made up",
}  # fmt: skip
PAIN = {
    "rank": 1, "stage": "decision", "touchpoint": "support", "channel": "web", "persona": "all",
    "kind": "loss", "customers": 150.0, "effect": -0.2, "value": -0.2, "low": -0.3, "high": -0.1,
    "n": 300, "unit": "share", "source": "made up", "evidence": "C", "verdict": "worse",
    "affected_per_year": np.nan,
}  # fmt: skip


def shop(folder, scenarios="", *, pains=()):
    """300 customers; half of them meet support, and buy less often for it."""
    (folder / "params").mkdir(parents=True)
    path = folder / "params" / "shop.yml"
    path.write_text(PARAMS + scenarios, encoding="utf-8")
    (folder / "shop.csv").write_text("customer_id,timestamp,touchpoint\n", encoding="utf-8")
    work = Workspace(read_params(path), folder / "work")
    events = []
    for who in range(300):
        road = ["ad", "product", *(["support"] if who % 2 else []), "checkout"]
        road += ["order"] if who % 10 < (4 if who % 2 else 6) else []
        events += [(who, 11 + at, name) for at, name in enumerate(road)]
    codes = replace(CODES, end=190 * DAY, outcome="conversion", stage_of=(0, 0, 1, 1, 2, 1, 2, -1))
    events = frame_of(events)
    events["channel"] = events["customer"] % 3
    write_log(work.folder / "log", events, codes=codes)
    work.hand_over("04", tables={"pains": complete_result("pains", pd.DataFrame(list(pains)))})
    return work


def imagined(work, impacts=(IMPACT,)):
    return imagine_futures(work, complete_result("impacts", pd.DataFrame(list(impacts))))


def changes(found, metric="reaches_outcome"):
    rows = found.forecasts[found.forecasts["metric"] == metric]
    return dict(zip(rows["scenario"], rows["change"], strict=True))


def scenario(*lines):
    listed = "".join(f"      - {line}\n" for line in lines)
    return f"scenarios:\n  - name: A\n    changes:\n{listed}"


def test_declared_scenario_is_played_and_its_guess_is_called_a_guess(tmp_path):
    lost = "{touchpoint: checkout, loss: true, reduce_by: 0.5, low: 0.3, high: 0.7}"
    found = imagined(shop(tmp_path, scenario(lost)))
    assert not found.offered
    assert changes(found)["A"] == pytest.approx(0.25, abs=1e-9)
    assert changes(found, "money_per_1000_journeys")["A"] == pytest.approx(20000)
    assert found.assumed["basis"].tolist() == ["a guess"]
    check_result("forecasts", found.forecasts)
    (told,) = scenarios_sentences(found.forecasts, found.assumed, found.refused)
    assert "a scenario, not a forecast: how much would change is a guess" in told
    assert "rise by 25.0 percentage points" in told
    assert list_futures(found.forecasts)["was"].iloc[0] == "50 %"


def test_measured_effect_is_added_in_points_and_called_measured(tmp_path):
    found = imagined(shop(tmp_path, scenario("{touchpoint: ad, loss: true, measured: Help}")))
    row = found.forecasts.iloc[0]
    assert row["value"] == pytest.approx(0.05)
    assert (row["low"], row["high"]) == (
        pytest.approx(0.02, abs=0.01),
        pytest.approx(0.08, abs=0.01),
    )
    assert found.assumed["basis"].tolist() == ["measured"]
    assert "measured" in row["source"]
    assert "guess" not in row["source"]


def test_measured_effect_multiplies_the_move_that_is_named(tmp_path):
    text = scenario("{touchpoint: product, to: support, measured: Help, instead: checkout}")
    found = imagined(shop(tmp_path, text))
    assert found.assumed["size"].tolist() == ["+20.0 % (+8.0 to +32.0)"]


@pytest.mark.parametrize(
    ("impact", "said"),
    [
        ({"evidence": "D"}, "before and after only"),
        ({"metric": "csat"}, "which is no share of who goes on"),
        ({"unit": "EUR"}, "which is no share of who goes on"),
        ({"verdict": "not interpretable"}, "not measured well enough"),
        ({"intervention": "Other"}, "not measured well enough"),
    ],
)
def test_effect_that_cannot_be_carried_on_is_refused(tmp_path, impact, said):
    text = scenario("{touchpoint: ad, loss: true, measured: Help}")
    found = imagined(shop(tmp_path, text), impacts=[{**IMPACT, **impact}])
    assert found.forecasts.empty
    assert said in found.refused["reason"].iloc[0]


def test_pains_are_offered_where_no_scenario_is_named(tmp_path):
    found = imagined(shop(tmp_path, pains=[PAIN]))
    assert found.offered
    (name,) = changes(found)
    assert name == "Half spared: meeting “support” (web)"
    # half of those who pass support are spared a difference of 20 points
    assert changes(found)[name] == pytest.approx(0.5 * 0.5 * 0.2, abs=1e-6)
    assert "by association" in found.assumed["basis"].iloc[0]


@pytest.mark.parametrize(
    "change", [{"evidence": "D"}, {"verdict": "not told apart"}, {"effect": 0.1}]
)
def test_pain_that_does_not_clearly_go_with_the_outcome_is_not_imagined_away(tmp_path, change):
    found = imagined(shop(tmp_path, pains=[{**PAIN, **change}]))
    assert found.forecasts.empty
    assert "No pain point clearly goes along" in found.refused["reason"].iloc[0]


def test_delay_is_shortened_only_where_its_outcome_is_known(tmp_path):
    text = scenario("{touchpoint: support, delay: true, reduce_by: 0.5}")
    found = imagined(shop(tmp_path / "a", text, pains=[PAIN]))
    assert "How a long wait at support goes with the outcome is not known" in str(
        found.refused["reason"].iloc[0]
    )
    found = imagined(shop(tmp_path / "b", text, pains=[{**PAIN, "kind": "delay"}]))
    assert changes(found)["A"] == pytest.approx(0.05, abs=1e-6)


def test_mistake_in_one_scenario_leaves_the_others_standing(tmp_path):
    text = scenario("{touchpoint: suport, loss: true, reduce_by: 0.5}")
    text += "  - {name: B, changes: [{touchpoint: checkout, loss: true, reduce_by: 0.5}]}\n"
    found = imagined(shop(tmp_path, text))
    assert list(changes(found)) == ["B"]
    (told,) = found.refused.to_dict("records")
    assert "'suport' is no touchpoint" in told["reason"]
    assert "support" in told["needed"]
    sentences = scenarios_sentences(found.forecasts, found.assumed, found.refused)
    assert sum("cannot be told" in one for one in sentences) == 1


def test_chart_draws_every_scenario_and_says_that_it_is_none_forecast(tmp_path):
    found = imagined(shop(tmp_path, pains=[PAIN]))
    ax = plot_scenarios(found.forecasts)
    assert "a scenario is not a forecast" in ax.get_xlabel()
    assert "if it came true" in finding(ax)
    assert plot_scenarios(found.forecasts.head(0)) is None


def test_credit_says_that_it_is_no_effect_and_depends_on_the_rule(tmp_path):
    work = shop(tmp_path)
    credit = credit_channels(work)
    assert set(credit.table["rule"]) >= {"first", "last", "markov", "shapley"}
    assert credit.table.groupby("rule")["value"].sum().tolist() == pytest.approx([1] * 7)
    told = credit_sentence(credit.table)
    assert "Only an experiment answers that" in told
    assert "nor what money spent on one brings back" in told
    assert plot_credit(credit.table).get_title(loc="left").startswith("Credit, not effect")
    assert list_credit(credit.table)["shared"].notna().all()


def test_credit_needs_outcomes_and_channels(tmp_path):
    work = shop(tmp_path)
    none = write_log(work.folder / "log", frame_of([(0, 12, "ad")]), codes=CODES)
    assert len(none) == 1
    credit = credit_channels(work)
    assert credit.table.empty
    assert "0 customers reached the outcome" in credit_sentence(credit.table, credit.reason)
    assert plot_credit(credit.table) is None


def test_what_is_taken_for_granted_names_the_guess_and_what_bars_comparing(tmp_path):
    work = shop(tmp_path, pains=[PAIN])
    rows = note_futures(imagined(work), compare_with_earlier(work))
    assert [row[0] for row in rows[:2]] == ["scenarios", "scenario_guess"]
    assert [row[2] for row in rows[:2]] == ["pass", "warn"]
