"""Sentences about worth and tested forecasts."""

from __future__ import annotations

import pandas as pd
from test_loyalty_charts import HELD, MONTHS, SHOP

from journeylib.clv import ClvTerms
from journeylib.loyalty_prose import holdout_sentence, renewals_sentence, worth_sentence

TERMS = ClvTerms(12, 0.1, 0.4, "USD")
TOTALS = pd.DataFrame(
    {"segment": ["all"], "value": [11_250.0], "low": [9_900.0], "high": [12_600.0], "unit": ["USD"]}
)


def test_worth_is_said_with_its_terms_its_total_and_the_personas():
    said = worth_sentence(SHOP, TOTALS, terms=TERMS)
    assert "In the next 12 months a customer is worth $12.50 (11.00 to 14.00) on average" in said
    assert "margin, 40 % of revenue; money a year from now counts 10 % less" in said
    assert "All together they are worth $11,200 ($9,900 to $12,600)" in said
    assert "worth most is Loyal, $30.00" in said
    assert "may be chance" not in said


def test_personas_whose_intervals_overlap_may_be_in_order_by_chance():
    said = worth_sentence(SHOP.assign(low=1.0, high=60.0), TOTALS, terms=TERMS)
    assert said.endswith("The two intervals overlap, so the order may be chance.")


def test_without_a_forecast_the_reason_stands_and_what_cohorts_brought():
    said = worth_sentence(SHOP, TOTALS[:0], terms=TERMS, reason="Few came back. It takes 200.")
    assert said.startswith("**A customer brought $12.50")
    assert said.endswith("cannot be told**: few came back. It takes 200.")
    bare = worth_sentence(SHOP[:0], TOTALS[:0], terms=TERMS)
    assert bare.endswith("no source holds what they paid")


def test_a_forecast_that_did_not_hold_is_called_so_and_the_way_it_erred():
    said = holdout_sentence(HELD)
    assert said.startswith("**Tested on the past, the forecast did not hold**")
    assert "0.50 came, 20 % too many" in said
    assert "the model is nearer" in said
    assert "worth of customers is likely too high; its interval reaches as far" in said


def test_the_plain_rule_is_named_where_it_wins():
    said = holdout_sentence(HELD.assign(error=0.7, covered=True))
    assert "the forecast held" in said
    assert "the plain rule is nearer to what came: it misses by 0.60 purchases" in said


def test_renewals_are_tested_and_projected_in_words():
    said = holdout_sentence(MONTHS)
    assert "the projection held" in said
    assert "It was beaten by the plain rule" in said
    low = holdout_sentence(MONTHS.assign(observed=0.9))
    assert low.endswith("likely too low.")
    ahead = renewals_sentence(MONTHS.assign(projected=[False, False, False, True]))
    assert "74 % (69 to 79 %) are expected to be there after 3 months" in ahead
    assert renewals_sentence(MONTHS[:0]).startswith("No renewals are projected")


def test_a_forecast_without_a_test_says_why():
    assert holdout_sentence(HELD[:0], "Too short.").endswith("tested on the past**: too short.")
