"""What is said of a change: never more than its design and its checks carry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib import impact_prose as prose
from journeylib.estimates import Estimate, Refusal
from journeylib.tables import ALLOWED

IMPACT = {
    "intervention": "Guest checkout", "design": "ab_test", "metric": "converted", "segment": "all",
    "value": 0.04, "low": 0.02, "high": 0.061, "n": 8000, "unit": "share", "evidence": "A",
    "verdict": "works, worth it", "worthwhile": 0.01,
}  # fmt: skip
MONEY = {
    "money_value": 120_000.0, "money_low": 60_000.0, "money_high": 180_000.0, "money_unit": "EUR",
    "cost": 18_000.0, "payback": 1.8, "payback_low": 1.2, "payback_high": 3.6,
    "paid_in_a_year": 0.999,
}  # fmt: skip


@pytest.mark.parametrize(
    ("grade", "noun"), [("A", "effect"), ("B", "effect"), ("C", "change"), ("D", "change")]
)
def test_only_designs_that_carry_it_have_an_effect(grade, noun):
    said = prose.impact_sentence({**IMPACT, "evidence": grade})
    assert f"Converted: {noun} +4.0 percentage points (+2.0 to +6.1)" in said


@pytest.mark.parametrize("verdict", ALLOWED["impacts", "verdict"])
def test_every_verdict_has_plain_words(verdict):
    said = prose.impact_sentence({**IMPACT, "verdict": verdict})
    assert said.startswith("**Guest checkout: ")
    assert "{" not in said


@pytest.mark.parametrize("design", sorted(prose.DESIGN_WORDS))
def test_every_design_says_what_it_compares_with(design):
    assert prose.DESIGN_WORDS[design] in prose.impact_sentence({**IMPACT, "design": design})


def test_a_withheld_figure_is_not_written_and_neither_is_its_money():
    row = {**IMPACT, **MONEY, "value": np.nan, "verdict": "not interpretable"}
    said = prose.impact_sentence(row)
    assert "no verdict" in said
    assert "percentage points" not in said
    assert "€" not in said


def test_the_bar_is_named_and_where_the_interval_lies_to_it():
    said = prose.impact_sentence(IMPACT)
    assert "Even the lower end clears the bar of 1 percentage point." in said
    below = prose.impact_sentence({**IMPACT, "verdict": "works, too small to matter"})
    assert "Even the upper end stays below the bar" in below
    assert "bar" not in prose.impact_sentence({**IMPACT, "worthwhile": np.nan})


def test_data_that_cannot_tell_say_how_many_more_would():
    said = prose.impact_sentence({**IMPACT, "verdict": "cannot tell", "n_more": 4300.0})
    assert "About 4,300 more in each group would tell." in said


def test_money_is_told_with_interval_cost_and_payback():
    said = prose.money_sentence({**IMPACT, **MONEY})
    assert said.startswith("A year it brings €120,000 (60,000 to 180,000).")
    assert "It cost €18,000: paid back in 1.8 months (1.2 to 3.6)" in said


def test_money_that_may_be_a_loss_is_not_called_a_gain():
    loose = {**IMPACT, **MONEY, "money_low": -60_000.0, "payback_high": np.inf}
    said = prose.money_sentence(loose)
    assert "on either side of nothing" in said
    assert "(1.2 or never)" in said
    lost = {"money_value": -50.0, "money_low": -80.0, "money_high": -20.0, "payback": np.inf}
    said = prose.money_sentence({**IMPACT, **MONEY, **lost})
    assert "A year it costs" in said
    assert "does not earn back" in said


def test_without_money_the_reason_is_told_and_without_either_nothing():
    reason = "No money is stated: nothing says what one csat more is worth; write value."
    assert prose.money_sentence({**IMPACT, "money_reason": reason}) == reason
    assert prose.money_sentence(IMPACT) == ""


def test_parts_with_different_verdicts_are_told_apart():
    rows = [
        IMPACT,
        {**IMPACT, "segment": "device: mobile", "value": 0.08},
        {**IMPACT, "segment": "device: web", "value": 0.01, "verdict": "cannot tell"},
    ]
    (said,) = prose.impacts_sentences(pd.DataFrame(rows))
    assert "It differs: device: mobile" in said


def test_a_headline_has_verdict_figure_and_money_only():
    rows = pd.DataFrame([{**IMPACT, **MONEY}, {**IMPACT, "segment": "device: web"}])
    (said,) = prose.headlines(rows)
    assert said.startswith("**Guest checkout: it works, and it is worth it.** Converted: effect")
    assert "A year it brings €120,000" in said
    assert "Chance decided" not in said
    (withheld,) = prose.headlines(pd.DataFrame([{**IMPACT, "verdict": "not interpretable"}]))
    assert "no verdict" in withheld


def test_a_plain_comparison_that_misleads_is_told_beside_the_design():
    row = {**IMPACT, "plain": 0.1, "plain_low": 0.08, "plain_high": 0.12, "misleads": True}
    said = prose.plain_sentence(pd.DataFrame([row]))
    assert "after less before gives +10.0 pp (+8.0 to +12.0)" in said
    assert "+4.0 percentage points" in said
    alike = prose.plain_sentence(pd.DataFrame([{**row, "misleads": False}]))
    assert "much the same" in alike
    assert "No change was measured" in prose.plain_sentence(pd.DataFrame())


def test_forecasts_are_told_beside_their_results():
    row = {
        "scenario": "Guest checkout: forecast and result", "baseline": 100.0, "forecast_low": 40.0,
        "forecast_high": 160.0, "value": 70.0, "low": 50.0, "high": 90.0, "unit": "EUR",
        "within": True,
    }  # fmt: skip
    said = prose.score_sentence(pd.DataFrame([row]), Refusal("1 forecast", "5"))
    assert "1 of 1 forecasts met their result" in said
    assert "€100.00 (40.00 to 160.00) a year was at stake, €70.00 (50.00 to 90.00) was won" in said
    rate = Estimate("forecast_score", 0.8, 0.4, 0.96, 5, "share", "")
    assert "a score of 80.0 % (40.0 to 96.0)" in prose.score_sentence(pd.DataFrame([row]), rate)
    assert "No earlier forecast" in prose.score_sentence(pd.DataFrame(), rate)
