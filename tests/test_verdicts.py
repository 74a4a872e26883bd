"""The decision rule: each boundary, the notch, and its operating characteristics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.errors import DataError
from journeylib.estimates import Estimate
from journeylib.scores import share_difference
from journeylib.tables import ALLOWED
from journeylib.verdicts import (
    VERDICTS,
    about_n_more,
    choose_verdict,
    downgrade,
    equivalence_interval,
    side_of,
    weigh_chance,
)


def effect(low, high):
    return Estimate("x", (low + high) / 2, low, high, 1000, "share", "")


def test_the_words_are_those_of_the_result_table():
    assert set(VERDICTS) == set(ALLOWED["impacts", "verdict"])


def test_rule_of_true_002_with_32000_per_arm_says_worth_it_and_of_none_says_no_effect():
    """p = .10, bar .01: 98.2 % and 95.6 % of 4,000 runs; here 200."""
    draws = np.random.default_rng(5)
    said = {0.0: [], 0.02: []}
    for lift, verdicts in said.items():
        for _ in range(200):
            with_change = (int(draws.binomial(32000, 0.1 + lift)), 32000)
            without = (int(draws.binomial(32000, 0.1)), 32000)
            change = share_difference(with_change, without, metric="x")
            verdicts.append(choose_verdict(change, worthwhile=0.01))
    assert said[0.02].count("works, worth it") / 200 == pytest.approx(0.982, abs=0.03)
    assert said[0.0].count("no meaningful effect") / 200 == pytest.approx(0.956, abs=0.045)
    assert sum(verdict.startswith("works") for verdict in said[0.0]) / 200 <= 0.06


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.010, 0.030, "works, worth it"),
        (0.0099, 0.030, "works, size uncertain"),
        (0.001, 0.010, "works, size uncertain"),
        (0.001, 0.0099, "works, too small to matter"),
        (0.0, 0.030, "cannot tell"),
        (-0.030, 0.0, "cannot tell"),
        (-0.030, -0.0001, "harms"),
        (-0.009, 0.009, "no meaningful effect"),
        (-0.013, 0.013, "cannot tell"),
    ],
)
def test_boundaries_of_the_rule_at_a_bar_of_001(low, high, verdict):
    assert choose_verdict(effect(low, high), worthwhile=0.01) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 0.2, "works, direction only"), (-0.2, -0.1, "harms"), (-0.1, 0.1, "cannot tell")],
)
def test_without_a_bar_only_the_direction_is_judged(low, high, verdict):
    assert choose_verdict(effect(low, high)) == verdict


def test_equivalence_uses_the_90_percent_interval():
    tight = effect(-0.011, 0.011)
    assert equivalence_interval(tight) == pytest.approx((-0.00923, 0.00923), abs=1e-5)
    assert choose_verdict(tight, worthwhile=0.01) == "no meaningful effect"
    assert choose_verdict(tight, worthwhile=0.01, narrow=(-0.010, 0.0)) == "cannot tell"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("works, worth it", "works, size uncertain"),
        ("works, size uncertain", "cannot tell"),
        ("works, too small to matter", "no meaningful effect"),
        ("works, direction only", "cannot tell"),
        ("harms", "harms"),
        ("no meaningful effect", "no meaningful effect"),
    ],
)
def test_a_guardrail_takes_one_notch(before, after):
    assert downgrade(before) == after


def test_guardrail_and_gate_reach_the_verdict():
    good = effect(0.02, 0.04)
    assert choose_verdict(good, worthwhile=0.01, guardrails_held=False) == "works, size uncertain"
    assert choose_verdict(good, worthwhile=0.01, gates_passed=False) == "not interpretable"
    assert choose_verdict(None, worthwhile=0.01) == "not interpretable"
    assert choose_verdict(effect(math.nan, math.nan)) == "not interpretable"


def test_many_comparisons_withdraw_a_claim_but_no_null():
    assert weigh_chance("works, worth it", 0.051, 0.95) == "cannot tell"
    assert weigh_chance("harms", 0.051, 0.95) == "cannot tell"
    assert weigh_chance("works, worth it", 0.05, 0.95) == "works, worth it"
    assert weigh_chance("no meaningful effect", 0.5, 0.95) == "no meaningful effect"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.01, 1))
@settings(max_examples=60, deadline=None)
def test_down_is_up_mirrored(low, width, bar):
    up = effect(low, low + width)
    down = effect(-low - width, -low)
    assert choose_verdict(up, worthwhile=bar) == choose_verdict(
        down, worthwhile=bar, direction="down"
    )


def test_about_n_more_reaches_80_percent_power():
    """Error .01 at 1,000 an arm: 2.8016 errors must fit into .02, so 1,962 are needed."""
    now = effect(-0.0196, 0.0196)
    assert about_n_more(now, worthwhile=0.02, n_per_arm=1000) == 970
    assert about_n_more(now, worthwhile=0.05, n_per_arm=1000) == 0
    assert about_n_more(now, worthwhile=None, n_per_arm=1000) is None


def test_a_bar_or_direction_that_means_nothing_is_refused():
    with pytest.raises(DataError, match="worthwhile must be above 0"):
        choose_verdict(effect(0, 1), worthwhile=0)
    with pytest.raises(DataError, match='Did you mean "up"'):
        choose_verdict(effect(0, 1), direction="upp")


@pytest.mark.parametrize(
    ("low", "high", "side"), [(0.1, 2, 1), (0, 2, 0), (-1, 1, 0), (-2, 0, 0), (-2, -0.1, -1)]
)
def test_an_interval_lies_beside_zero_only_without_touching_it(low, high, side):
    assert side_of(low, high) == side
