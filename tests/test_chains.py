"""The chain behind scenarios: laps after each outcome, gains, and what is observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.chains import Chain
from journeylib.estimates import Refusal
from journeylib.footprints import count_footprints, lump_states
from journeylib.grounds import FIRST, REACHES, lay_ground
from journeylib.log import DAY
from journeylib.scenarios import GAIN, Edit, Scenario
from journeylib.simulate import play_scenario

WHOLE = replace(CODES, start=0, end=200 * DAY)


def lives(tmp_path, *, again=40, once=40, never=20, codes=WHOLE):
    """Customers who come by an ad; some look at a product, order, and order again."""
    events = []
    for who in range(again + once + never):
        road = ["ad", "product"]
        road += ["order", "delivery"] if who < again + once else []
        road += ["product", "order"] if who < again else []
        events += [(who, 11 + at, name) for at, name in enumerate(road)]
    return write_log(tmp_path, frame_of(events), codes=codes)


def ground_of(log, **keys):
    found = lay_ground(log, silence=DAY, **keys)
    assert not isinstance(found, Refusal)
    return found


# ------------------------------------------------------------------ golden


def test_repeat_purchase_is_asked_of_those_who_bought(tmp_path):
    ground = ground_of(lives(tmp_path))
    chain = Chain.of(ground.prints, ground.goals)
    share, _, hit, entered = chain.reach(chain.shares(chain.whole))
    assert (share, hit, entered) == (pytest.approx(0.5), pytest.approx(0.4), pytest.approx(0.8))
    assert ground.observed == {REACHES: pytest.approx(0.5), FIRST: pytest.approx(0.8)}


def test_gain_adds_its_points_to_the_chance_from_the_touchpoint(tmp_path):
    ground = ground_of(lives(tmp_path))
    edit = Edit("delivery", "end", 0.5, aim=GAIN, per=0.2)
    scenario = Scenario("A", (edit,), value=10.0, currency="EUR")
    found = play_scenario(ground, scenario, seed=1, draws=20).set_index("metric")
    assert found.loc["reaches_outcome", "change"] == pytest.approx(0.1)
    # 80 of 100 journeys pass the delivery; each of them has the outcome 0.1 more often
    assert found.loc["money_per_1000_journeys", "change"] == pytest.approx(1000 * 0.8 * 0.1 * 10)
    assert "touchpoints_per_journey" not in found.index


def test_gain_beyond_what_is_lost_there_goes_straight_to_the_outcome(tmp_path):
    events = [
        (who, 11 + at, name)
        for who in range(100)
        for at, name in enumerate(["ad", "product", "order" if who < 40 else "support"])
    ]
    codes = replace(WHOLE, outcome="conversion")
    ground = ground_of(write_log(tmp_path, frame_of(events), codes=codes))
    scenario = Scenario("A", (Edit("ad", "end", 1.0, aim=GAIN, per=0.25),))
    found = play_scenario(ground, scenario, seed=1, draws=20)
    assert found["change"].iloc[0] == pytest.approx(0.25)


def test_who_stays_until_the_end_of_the_period_has_the_good_outcome(tmp_path):
    events = []
    for who in range(100):
        road = ["order", "support", "cancellation"] if who < 30 else ["order", "delivery"]
        events += [(who, 11 + at, name) for at, name in enumerate(road)]
    codes = replace(WHOLE, outcome="retention", good=())
    log = write_log(tmp_path, frame_of(events), codes=codes)
    ground = lay_ground(log, silence=0)
    assert ground.stays
    assert ground.observed[REACHES] == pytest.approx(0.7)
    edit = Edit("order", "support", 0.5)
    found = play_scenario(ground, Scenario("A", (edit,)), seed=1, draws=20)
    assert found["change"].iloc[0] == pytest.approx(0.15)


# ---------------------------------------------------------------- property


@pytest.mark.parametrize("seed", range(4))
def test_lumped_chain_reaches_the_outcome_as_often(tmp_path, seed):
    log = write_log(tmp_path, random_events(seed, customers=200), codes=WHOLE)
    prints = count_footprints(log, silence=1, goals=(3,), laps=2).closed()
    groups = dict.fromkeys(prints.names[:-3], "others")
    small = lump_states(prints, {"order", "ad"}, groups)
    assert len(set(small.names[:-3])) == 3
    both = [Chain.of(one, ["order"]) for one in (prints, small)]
    reached = [chain.reach(chain.shares(chain.whole)) for chain in both]
    assert reached[0] == pytest.approx(reached[1])


@pytest.mark.parametrize("seed", range(3))
def test_laps_lose_no_move(tmp_path, seed):
    log = write_log(tmp_path, random_events(seed, customers=60), codes=WHOLE)
    plain = count_footprints(log, silence=DAY)
    lapped = count_footprints(log, silence=DAY, goals=(3,), laps=2)
    assert lapped.counts().sum() == plain.counts().sum()
    once = len(plain.names) - 3
    by_name = lapped.counts()[: 3 * once].reshape(3, once, -1).sum(axis=0)
    assert by_name.sum(axis=1) == pytest.approx(plain.counts()[:once].sum(axis=1))


def test_partitions_make_no_difference_to_laps(tmp_path):
    events = random_events(5, customers=40)
    one, three = (
        count_footprints(
            write_log(tmp_path / str(k), events, codes=WHOLE, parts=k),
            silence=DAY, goals=(3,), laps=2,
        ).counts()
        for k in (1, 3)
    )  # fmt: skip
    assert np.array_equal(one, three)


# ----------------------------------------------------------------- refusal


def test_without_an_outcome_there_is_no_ground(tmp_path):
    log = lives(tmp_path, codes=replace(WHOLE, good=(), bad=(), outcome="none"))
    assert isinstance(lay_ground(log, silence=DAY), Refusal)
