"""What follows from an edit of the journey: golden chains, planted edits, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import CODES, random_events, write_log

from journeylib.chains import absorb
from journeylib.errors import DataError
from journeylib.estimates import Refusal
from journeylib.footprints import Footprints, count_footprints
from journeylib.grounds import Ground
from journeylib.log import DAY
from journeylib.memory import Memory
from journeylib.outlook import read_outlook
from journeylib.scenarios import Edit, Scenario
from journeylib.simulate import play_scenario, simulate_scenario
from journeylib.tables import check_result

STATES = ("ad", "basket", "order", "start", "end", "open")


def prints_of(journeys):
    """One customer a journey, given as a list of states."""
    size = len(STATES)
    rows = [
        (who, STATES.index(a) * size + STATES.index(b))
        for who, road in enumerate(journeys)
        for a, b in pairwise(road)
    ]
    moves = pd.Series(1, index=pd.MultiIndex.from_tuples(rows)).groupby(level=[0, 1]).sum()
    who, key = (moves.index.get_level_values(level).to_numpy() for level in (0, 1))
    return Footprints(STATES, who, key, moves.to_numpy())


ROADS = (
    [["start", "ad", "basket", "order"]] * 60
    + [["start", "ad", "basket", "end"]] * 40
    + [["start", "ad", "end"]] * 100
)


def edited(*edits, roads=ROADS, **keys):
    scenario = Scenario("Shorter form", edits, **keys)
    ground = Ground(prints_of(roads).closed(), ("order",))
    return play_scenario(ground, scenario, seed=3, draws=200)


# ------------------------------------------------------------------ golden


def test_drunkards_walk_is_that_of_kemeny_and_snell():
    """Five corners, home and bar at the ends (Kemeny & Snell 1960; Grinstead & Snell)."""
    within = np.array([[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]])
    out = np.array([[0.5, 0], [0, 0], [0, 0.5]])
    walk = absorb(within, out)
    assert walk.visits == pytest.approx(np.array([[1.5, 1, 0.5], [1, 2, 1], [0.5, 1, 1.5]]))
    assert walk.length == pytest.approx([3, 4, 3], abs=1e-12)
    assert walk.ends == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]))
    assert walk.variance == pytest.approx([8, 8, 8], abs=1e-12)


def test_coin_thrown_until_heads_takes_a_geometric_number_of_throws():
    walk = absorb(np.array([[0.75]]), np.array([[0.25]]))
    assert (walk.length[0], walk.variance[0]) == pytest.approx((4, 12))


def test_baseline_is_the_share_that_was_seen_and_the_edit_can_be_worked_out_by_hand():
    found = edited(Edit("basket", "end", 0.5), value=20.0, currency="EUR").set_index("metric")
    reached, money = found.loc["reaches_outcome"], found.loc["money_per_1000_journeys"]
    assert reached["baseline"] == pytest.approx(0.3)
    assert reached["change"] == pytest.approx(0.5 * 0.8 - 0.3)
    assert money["change"] == pytest.approx(1000 * 20 * 0.1)
    assert found.loc["touchpoints_per_journey", "baseline"] == pytest.approx(360 / 200)
    assert found["n"].tolist() == [100, 100, 100]


# ---------------------------------------------------------------- boundary


@pytest.mark.parametrize(("visits", "told"), [(49, False), (50, True)])
def test_touchpoint_needs_fifty_visits(visits, told):
    roads = [["start", "ad", "basket", "order"]] * (visits - 20)
    roads += [["start", "ad", "basket", "end"]] * 20 + [["start", "ad", "basket", "open"]] * 30
    found = edited(Edit("basket", "end", 0.5), roads=roads)
    assert isinstance(found, pd.DataFrame) == told
    assert told or str(found).startswith("Not enough data: basket was left 49 times; 50 are needed")


def test_share_may_be_raised_to_all_but_not_beyond():
    assert edited(Edit("basket", "order", 1 / 0.6))["change"].iloc[0] == pytest.approx(0.2)
    with pytest.raises(DataError, match="it would pass 100%"):
        edited(Edit("basket", "order", 1.7))


def test_loop_that_nobody_was_seen_to_leave_counts_as_given_up():
    roads = [*ROADS, *[["start", "basket", "ad", "basket", "open"]] * 5]
    roads = [[("order" if s == "order" else s) for s in road] for road in roads]
    found = edited(Edit("ad", "end", 0.9), roads=roads)
    assert found["value"].between(found["low"], found["high"]).all()
    stuck = [["start", "ad", "order"]] * 60 + [["start", "ad", "end"]] * 60
    stuck += [["start", "basket", "basket", "open"]] * 10
    reached = edited(Edit("ad", "end", 0.5), roads=stuck)["baseline"].iloc[0]
    assert reached == pytest.approx(120 / 130 * 0.5)


# ---------------------------------------------------------------- property


@given(st.integers(2, 6), st.integers(0, 1000))
def test_ends_add_up_to_one_and_visits_fulfil_their_equation(size, seed):
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(size + 2), size)
    within, out = chances[:, :size], chances[:, size:]
    walk = absorb(within, out)
    assert walk.ends.sum(axis=1) == pytest.approx(np.ones(size))
    assert walk.visits == pytest.approx(np.eye(size) + within @ walk.visits)
    assert (walk.variance >= 0).all()


def test_standard_error_follows_the_coverage_of_what_was_measured():
    wide = Edit("basket", "end", 0.5, 0.304, 0.696, measured=True)
    narrow = Edit("basket", "end", 0.5, 0.335515, 0.664485, measured=True, confidence=0.9)
    for edit in (wide, narrow):
        assert edit.error(edit.low, edit.high) == pytest.approx(0.1, abs=1e-4)
    drawn = [edit.draw(50, np.random.default_rng(1)) for edit in (wide, narrow)]
    assert drawn[0] == pytest.approx(drawn[1], abs=1e-3)


def test_edit_by_one_changes_nothing_at_all():
    found = edited(Edit("basket", "end", 1.0))
    assert found[["change", "low", "high"]].to_numpy() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_chain_gives_the_share_of_journeys_that_reached_the_outcome(tmp_path, seed):
    """A first-order chain reproduces it exactly, where every journey was seen to its end."""
    events = random_events(seed, customers=250)
    log = write_log(tmp_path, events, codes=replace(CODES, start=0, end=200 * DAY))
    prints = count_footprints(log, silence=1, goals=log.codes.good)
    scenario = Scenario("A", (Edit("product", "end", 0.5),))
    table = play_scenario(Ground(prints.closed(), ("order",)), scenario, seed=1, draws=10)
    reached = events[events["touchpoint"] == 3]["customer"].nunique()
    assert table["baseline"].iloc[0] == pytest.approx(reached / events["customer"].nunique())


@pytest.mark.parametrize("seed", range(3))
def test_partitions_make_no_difference(tmp_path, seed):
    events = random_events(seed, customers=40)
    one, three = (
        count_footprints(write_log(tmp_path / str(k), events, parts=k), silence=20 * DAY)
        for k in (1, 3)
    )
    assert one.counts() == pytest.approx(three.counts())
    assert one.table(one.customers).sum() == one.counts().sum()


def test_less_certain_edits_have_wider_intervals():
    def width(edit):
        row = edited(edit).iloc[0]
        return row["high"] - row["low"]

    certain = width(Edit("basket", "end", 0.5))
    assert width(Edit("basket", "end", 0.5, 0.2, 0.8)) > certain
    assert width(Edit("basket", "end", 0.5, 0.0, 1.0)) > width(Edit("basket", "end", 0.5, 0.4, 0.6))


def test_source_names_a_guess_as_a_guess():
    guess = edited(Edit("basket", "end", 0.5, 0.2, 0.8))["source"].iloc[0]
    measured = edited(Edit("basket", "end", 0.5, 0.2, 0.8, measured=True))["source"].iloc[0]
    assert guess.endswith("× guessed edit")
    assert measured.endswith("× measured edit")
    assert "not a forecast" in guess


def test_mass_goes_where_it_is_declared():
    found = edited(Edit("ad", "end", 0.5, instead="basket"))
    assert found["change"].iloc[0] == pytest.approx(0.75 * 0.6 - 0.3)


def test_rows_fit_the_result_table_and_the_map_reads_them():
    found = edited(Edit("basket", "end", 0.5))
    check_result("forecasts", found)
    level = read_outlook(found).iloc[0]
    assert (level["value"], level["stage"]) == (pytest.approx(0.4), "")
    assert level["low"] <= level["value"] <= level["high"]


def test_seed_decides_and_nothing_else():
    again = [edited(Edit("basket", "end", 0.5, 0.2, 0.8)) for _ in range(2)]
    pd.testing.assert_frame_equal(*again)


# ----------------------------------------------------------------- refusal


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit("baskt", "end", 0.5), 'Did you mean "basket"'),
        (Edit("basket", "ad", 0.5), "basket → ad was never seen"),
        (Edit("basket", "end", -1.0), "The factor of basket → end is -1.0"),
        (Edit("basket", "end", math.nan), "is nan"),
        (Edit("basket", "end", 0.5, 0.6, 0.8), "not between 0.6 and 0.8"),
        (Edit("basket", "end", 0.5, instead="end"), "nowhere to go"),
    ],
)
def test_edit_that_does_not_fit_is_said_with_its_value(edit, said):
    with pytest.raises(DataError, match="does not fit the data") as refused:
        edited(edit)
    assert said in str(refused.value)


def test_scenario_without_edits_is_refused():
    with pytest.raises(DataError, match="changes nothing"):
        edited()


def test_chain_without_an_end_is_refused():
    with pytest.raises(DataError, match="never ends"):
        absorb(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros((2, 1)))


def test_outcome_that_nobody_reached_is_refused():
    found = edited(Edit("ad", "end", 0.5), roads=[["start", "ad", "end"]] * 60 + ROADS[60:100])
    assert isinstance(found, Refusal)
    assert "No journey reached the outcome" in found.reason


def test_chain_that_forgets_too_much_is_refused(tmp_path):
    log = write_log(tmp_path, random_events(1, customers=250))
    scenario = Scenario("A", (Edit("product", "end", 0.5),))
    strong = Memory(99.0, 0.005, 0.005, 80, 400, right=0.4, right_before=0.5)
    told = [
        simulate_scenario(log, scenario, silence=20 * DAY, seed=1, memory=one)
        for one in (strong, replace(strong, right_before=0.45), None)
    ]
    assert isinstance(told[0], Refusal)
    assert "10% more" in told[0].reason
    assert isinstance(told[1], pd.DataFrame)
    pd.testing.assert_frame_equal(told[1], told[2])
