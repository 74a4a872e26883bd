"""Credit by seven rules: worked examples, what must add up, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.attribution import (
    NOTHING_BEFORE,
    RULES,
    TITLE,
    Approaches,
    credit_outcome,
    remove_each,
    share_credit,
)
from journeylib.estimates import Refusal
from journeylib.log import DAY
from journeylib.shapley import share_out


def approaches(journeys, names):
    """One customer a journey, given as (states, days before the outcome, whether it was won)."""
    names = (*names, NOTHING_BEFORE)
    rows = [
        (names.index(state), who, day, won)
        for who, (states, days, won) in enumerate(journeys)
        for state, day in zip(states, days, strict=True)
    ]
    state, who, days, won = (np.array(column) for column in zip(*rows, strict=True))
    return Approaches(names, state, who, who, days.astype(float), won, np.ones(len(won), bool))


def credit(journeys, names, *, times=30):
    table = share_credit(approaches(journeys * times, names), seed=1, draws=40)
    return table.set_index(["rule", "name"])["value"]


# ------------------------------------------------------------------ golden


def test_removal_gives_the_published_weights_of_three_channels():
    """Bryl (2016), "Marketing multi-channel attribution model with R": .2, .4, .4."""
    roads = [
        (["C1", "C2", "C3"], [2, 1, 0], True),
        (["C1"], [0], False),
        (["C2", "C3"], [0, 0], False),
    ]
    found = credit(roads, ["C1", "C2", "C3"])["markov"]
    assert found[["C1", "C2", "C3"]].tolist() == pytest.approx([0.2, 0.4, 0.4])


def test_removal_effects_are_half_all_and_all_in_the_same_example():
    counts = np.zeros((6, 6))
    counts[3, 0], counts[3, 1], counts[0, 1], counts[0, 5] = 2, 1, 1, 1
    counts[1, 2], counts[2, 4], counts[2, 5] = 2, 1, 1
    assert remove_each(counts) == pytest.approx([0.5, 1, 1])


def test_plain_rules_divide_one_journey_as_they_say():
    found = credit([(["a", "b", "c", "d"], [21, 14, 7, 0], True)], "abcd")
    expected = {
        "first": [1, 0, 0, 0],
        "last": [0, 0, 0, 1],
        "linear": [0.25] * 4,
        "position": [0.4, 0.1, 0.1, 0.4],
        "time_decay": [1 / 15, 2 / 15, 4 / 15, 8 / 15],
        "shapley": [0.25] * 4,
    }
    for rule, values in expected.items():
        assert found[rule].reindex(list("abcd"), fill_value=0).tolist() == pytest.approx(values)


# ---------------------------------------------------------------- boundary


@pytest.mark.parametrize(("states", "shares"), [("a", [1, 0]), ("ab", [0.5, 0.5])])
def test_position_rule_holds_for_one_and_for_two(states, shares):
    found = credit([(list(states), [0] * len(states), True)], "ab")["position"]
    assert found.reindex(list("ab"), fill_value=0).tolist() == pytest.approx(shares)


@pytest.mark.parametrize("winners", [29, 30])
def test_thirty_winners_are_needed(winners):
    roads = approaches([(["a"], [0], True)] * winners + [(["b"], [0], False)] * 50, "ab")
    found = share_credit(roads, seed=1, draws=10)
    assert isinstance(found, Refusal) == (winners < 30)
    assert winners >= 30 or "29 customers reached the outcome; 30 are needed" in str(found)


def test_entries_far_back_in_time_still_share_the_credit():
    found = credit([(["a", "b"], [90_007, 90_000], True)], "ab")["time_decay"]
    assert found[["a", "b"]].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_journey_that_met_nothing_keeps_its_credit_to_itself(tmp_path):
    events = [(who, 12, "order") for who in range(40)]
    table = credit_outcome(
        write_log(tmp_path, frame_of(events)), silence=DAY, seed=1, level="touchpoint"
    )
    assert table["name"].unique().tolist() == [NOTHING_BEFORE]
    assert table["value"].tolist() == [1.0] * len(RULES)


# ---------------------------------------------------------------- property


def made_log(folder, *, parts=1, customers=200):
    codes = replace(CODES, start=0, end=200 * DAY)
    return write_log(folder, random_events(5, customers=customers), codes=codes, parts=parts)


@pytest.mark.parametrize("level", ["channel", "touchpoint"])
def test_every_rule_shares_out_exactly_the_journeys_that_were_won(tmp_path, level):
    log = made_log(tmp_path)
    table = credit_outcome(log, silence=20 * DAY, seed=1, level=level)
    events = random_events(5, customers=200)
    won = events[events["touchpoint"] == 3]["customer"].nunique()
    assert set(table["rule"]) == set(RULES)
    assert table.groupby("rule")["credit"].sum().to_numpy() == pytest.approx(won, rel=1e-6)
    assert table.groupby("rule")["value"].sum().to_numpy() == pytest.approx(1)
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert "order" not in set(table["name"])
    first = table[table["rule"] == "first"]
    assert (first["credit"] <= first["customers"]).all()
    assert table["customers"].max() <= won


def test_partitions_make_no_difference(tmp_path):
    one, four = (
        credit_outcome(made_log(tmp_path / str(k), parts=k), silence=20 * DAY, seed=1)
        for k in (1, 4)
    )
    pd.testing.assert_frame_equal(one, four)


@pytest.mark.parametrize("seed", range(3))
def test_shapley_equals_the_value_from_all_groups(seed):
    rng = np.random.default_rng(seed)
    journeys = [
        (list(rng.choice(list("abcd"), rng.integers(1, 6))), None, rng.random() < 0.6)
        for _ in range(120)
    ]
    journeys = [(states, [0] * len(states), bool(won)) for states, _, won in journeys]
    table = share_credit(approaches(journeys, "abcd"), seed=1, draws=10)
    found = table[table["rule"] == "shapley"].set_index("name")["credit"]

    def worth(group):
        held = {"abcd"[place] for place in group}
        return np.array([sum(won and set(states) <= held for states, _, won in journeys)], float)

    expected = share_out(4, worth).parts[:, 0]
    assert found.reindex(list("abcd")).to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_removal_equals_solving_the_chain_without_each_state(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 20, (7, 7)).astype(float)
    shares = counts[:5] / counts[:5].sum(axis=1, keepdims=True)
    shares[:, 4] = 0  # nothing leads back to the start
    counts = np.vstack([shares, np.zeros((2, 7))])
    shares = shares / shares.sum(axis=1, keepdims=True)

    def wins(without):
        within = shares[:, :5].copy()
        within[:, without] = 0
        return np.linalg.solve(np.eye(5) - within, shares[:, 5])[4]

    whole = np.linalg.solve(np.eye(5) - shares[:, :5], shares[:, 5])[4]
    expected = [1 - wins([place]) / whole for place in range(4)]
    assert remove_each(counts) == pytest.approx(expected, abs=1e-7)


def test_credit_goes_to_what_does_nothing_and_the_title_says_so():
    """An ad that changes nothing is credited where it is common."""
    rng = np.random.default_rng(1)
    journeys = [
        (["mail", "search"] if rng.random() < 0.8 else ["search"], None, rng.random() < 0.3)
        for _ in range(600)
    ]
    journeys = [(states, [0] * len(states), bool(won)) for states, _, won in journeys]
    table = share_credit(approaches(journeys, ["mail", "search"]), seed=1, draws=50)
    useless = table[(table["name"] == "mail") & (table["rule"] == "markov")].iloc[0]
    assert useless["low"] > 0.2
    assert set(table["title"]) == {TITLE} == {"Credit, not effect"}


# ----------------------------------------------------------------- refusal


def test_client_without_an_outcome_gets_no_credit(tmp_path):
    log = write_log(tmp_path, random_events(1), codes=replace(CODES, good=()))
    found = credit_outcome(log, silence=DAY, seed=1)
    assert isinstance(found, Refusal)
    assert found.reason == "No touchpoint is the outcome."


def test_empty_log_is_refused(tmp_path):
    found = credit_outcome(write_log(tmp_path, frame_of([])), silence=DAY, seed=1)
    assert isinstance(found, Refusal)
    assert found.reason.startswith("0 customers reached the outcome")
