"""What customers with a contract will pay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib.clv import ClvTerms
from journeylib.renewals import count_renewals, count_survivors, fit_renewals
from journeylib.subscriptions import value_contracts

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
ONCE = ClvTerms(horizon_months=1, discount=0.0, currency="USD")


@pytest.fixture(scope="module")
def fit():
    return fit_renewals(count_survivors(REGULAR), model="sbg")


def staying(months, paid):
    return pd.DataFrame({"customer": range(len(months)), "months": months, "paid": paid})


def test_a_new_customer_renews_as_fader_and_hardie_2007_say_and_an_old_one_is_likelier_to(fit):
    """Shifted beta-geometric: the n-th renewal rate is (β + n − 1) / (α + β + n − 1)."""
    table = value_contracts(staying([0.5, 5.5], [100.0, 100.0]), fit, terms=ONCE)
    total = table.set_index("metric").loc["clv_total", "value"]
    alpha, beta = fit.alpha, fit.beta
    rates = beta / (alpha + beta) + (beta + 5) / (alpha + beta + 5)
    assert total == pytest.approx(100 * rates)


def test_margin_discount_and_horizon_count_as_declared(fit):
    people = staying([3.0] * 40, [50.0] * 40)
    plain = value_contracts(people, fit, terms=ClvTerms(12, 0.0))
    half = value_contracts(people, fit, terms=ClvTerms(12, 0.0, 0.5))
    late = value_contracts(people, fit, terms=ClvTerms(12, 0.2))
    values = [table["value"].iloc[0] for table in (plain, half, late)]
    assert values[1] == pytest.approx(values[0] / 2)
    assert values[0] / 1.2 < values[2] < values[0]
    assert (plain["low"] < plain["model_low"]).all()
    assert (plain["high"] > plain["model_high"]).all()


def test_segments_add_up_to_all(fit):
    people = staying(np.arange(60.0) % 7, np.linspace(5, 40, 60))
    groups = pd.DataFrame({"customer": range(60), "segment": ["a", "b"] * 30})
    table = value_contracts(people, fit, terms=ONCE, groups=groups)
    total = table[table["metric"] == "clv_total"].set_index("segment")
    assert set(total.index) == {"all", "a", "b"}
    assert total.loc[["a", "b"], "value"].sum() == pytest.approx(total.loc["all", "value"])


def test_the_interval_holds_what_came_of_simulated_customers():
    held = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        chance = rng.beta(0.8, 6.0, 1500)
        left = rng.geometric(chance)
        seen = rng.integers(1, 13, 1500)
        tenures = pd.DataFrame(
            {"months": np.minimum(left, seen).astype(float), "ended": left <= seen}
        )
        fit = fit_renewals(count_renewals(tenures, months=1), model="sbg")
        there = left > seen
        people = staying(seen[there].astype(float), np.full(there.sum(), 10.0))
        table = value_contracts(people, fit, terms=ClvTerms(6, 0.0), seed=seed)
        came = 10.0 * np.clip(left[there] - seen[there] - 1, 0, 6).sum()
        row = table.set_index("metric").loc["clv_total"]
        held += row["low"] <= came <= row["high"]
    assert held >= 10


def test_nobody_there_is_worth_nothing(fit):
    assert value_contracts(staying([], []), fit, terms=ONCE).empty
