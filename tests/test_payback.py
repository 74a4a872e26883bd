"""Money of a measured change: what is uncertain stays uncertain."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from small_logs import frame_of, write_log

from journeylib.estimates import Estimate, Refusal
from journeylib.payback import Stakes, count_met, price_effect

EFFECT = Estimate("converted", 0.04, 0.02, 0.06, 8000, "share", "")
WORTH = Estimate("worth", 50.0, 50.0, 50.0, 1, "EUR", "declared")
STAKES = Stakes(10_000, math.nan, WORTH, 5_000.0, "EUR")


def test_with_reach_and_worth_fixed_the_money_is_the_effect_in_money():
    paid = price_effect(EFFECT, STAKES)
    assert paid.money.value == pytest.approx(20_000)
    assert paid.money.low == pytest.approx(10_000, rel=0.03)
    assert paid.money.high == pytest.approx(30_000, rel=0.03)
    assert paid.months == pytest.approx(3.0)
    assert paid.months_low == pytest.approx(2.0, rel=0.03)
    assert paid.months_high == pytest.approx(6.0, rel=0.1)
    assert paid.chance > 0.99


def test_fewer_is_better_where_the_direction_is_down():
    fewer = replace(EFFECT, value=-0.04, low=-0.06, high=-0.02)
    assert price_effect(fewer, STAKES, direction="down").money.value == pytest.approx(20_000)
    assert price_effect(fewer, STAKES).money.value == pytest.approx(-20_000)


def test_an_uncertain_worth_and_a_counted_reach_widen_the_interval():
    loose = replace(WORTH, low=20.0, high=80.0)
    wide = price_effect(EFFECT, replace(STAKES, worth=loose)).money
    few = price_effect(EFFECT, replace(STAKES, seen=20.0)).money
    plain = price_effect(EFFECT, STAKES).money
    assert wide.high - wide.low > 1.2 * (plain.high - plain.low)
    assert few.high - few.low > 1.1 * (plain.high - plain.low)


def test_a_lopsided_interval_stays_lopsided():
    lopsided = replace(EFFECT, low=0.035, high=0.08)
    money = price_effect(lopsided, STAKES).money
    assert money.high - money.value > 4 * (money.value - money.low)


def test_what_may_bring_nothing_may_never_be_paid_back():
    loose = replace(EFFECT, low=-0.02, high=0.10)
    paid = price_effect(loose, STAKES)
    assert math.isinf(paid.months_high)
    assert 0.5 < paid.chance < 0.97
    lost = replace(EFFECT, value=-0.01, low=-0.03, high=0.01)
    assert math.isinf(price_effect(lost, STAKES).months)


def test_the_chance_of_payback_is_that_of_the_normal_distribution():
    # Money ~ N(20,000; 5,102): more than 15,000 with probability Phi(0.98) = 0.8365.
    paid = price_effect(EFFECT, replace(STAKES, cost=15_000.0), draws=200_000)
    assert paid.chance == pytest.approx(0.8365, abs=0.005)


def test_without_a_cost_there_is_money_and_no_payback():
    paid = price_effect(EFFECT, replace(STAKES, cost=math.nan))
    assert paid.money.value == pytest.approx(20_000)
    assert math.isnan(paid.months)


@pytest.mark.parametrize(
    "stakes", [replace(STAKES, reach=math.nan), replace(STAKES, worth=replace(WORTH, value=np.nan))]
)
def test_what_is_not_known_gives_no_money(stakes):
    assert isinstance(price_effect(EFFECT, stakes), Refusal)


def test_customers_at_a_touchpoint_are_counted_once_whatever_the_channel(tmp_path):
    events = frame_of(
        [(0, 11, "checkout"), (0, 12, "checkout"), (1, 13, "checkout"), (2, 11, "ad")]
    )
    log = write_log(tmp_path, events.assign(channel=[1, 2, 1, 1]), parts=2)
    assert count_met(log, "Checkout") == 2
    assert count_met(log, "nowhere") == 0
