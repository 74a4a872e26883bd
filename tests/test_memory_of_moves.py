"""Whether the next stage depends on the one before: exact for customers who differ, and quick."""

from __future__ import annotations

import time
from collections import Counter
from itertools import groupby, pairwise, permutations

import numpy as np
import pytest
from small_logs import CODES, frame_of, journeys_of, random_events, write_log

from journeylib import memory
from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.log import DAY, Codes
from journeylib.memory import Memory, Trails, compare_orders, summarise_trails
from journeylib.road_prose import memory_sentence

SILENCE = 20 * DAY
START, END, SIZE = 3, 4, 6


def trails_of(rng, draw, *, customers=60, mean=8):
    """Write one journey a customer, drawn by a rule for the next stage; any stage may end it."""
    state, owner = [], []
    for customer in range(customers):
        path = [int(rng.integers(3))]
        for _ in range(int(rng.geometric(1 / mean)) - 1):
            path.append(draw(rng, customer, path))
        state += [START, *path, END]
        owner += [customer] * (len(path) + 2)
    return Trails(SIZE, np.array(state), np.array(owner))


def go_round(rng, customer, path):
    """Half of the customers mostly go up, the others down: each one without memory."""
    step = 1 if (rng.random() < 0.85) == (customer % 2 == 0) else 2
    return (path[-1] + step) % 3


def wander(rng, _, path):
    """Customers who are all alike and have no memory."""
    return (path[-1] + (1 if rng.random() < 0.6 else 2)) % 3


def turn_back(rng, _, path):
    """Customers who go back where they came from, seven times in ten."""
    if len(path) > 1 and rng.random() < 0.7:
        return path[-2]
    return (path[-1] + int(rng.integers(1, 3))) % 3


def alarms(draw, tests, **keys):
    """Share of tests that say there is memory: by the order of own moves, and by all alike."""
    found = []
    for seed in range(tests):
        rng = np.random.default_rng(seed)
        told = compare_orders(trails_of(rng, draw, **keys), rng=rng, draws=39)
        found.append((told.p <= 0.05, told.p_alike <= 0.05))
    return np.mean(found, axis=0)


# ------------------------------------------------------------------ golden


def test_the_statistic_is_the_likelihood_ratio_by_hand():
    """Anderson and Goodman (1957), eq. 4.18: 2 Σ n log of p(second order) over p(first order)."""
    counts = np.zeros((SIZE, SIZE, SIZE), dtype=np.int64)
    counts[0, 1, 0], counts[0, 1, 2], counts[2, 1, 0], counts[2, 1, 2] = 30, 10, 15, 45
    table = np.array([[30, 10], [15, 45]])
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    assert memory._g_square(counts) == pytest.approx(2 * (table * np.log(table / expected)).sum())


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("journeys", "told"), [(24, False), (25, True)])
def test_the_test_needs_fifty_moves(journeys, told):
    state, owner = [START, 0, 1, END] * journeys, np.repeat(np.arange(journeys), 4)
    found = compare_orders(Trails(SIZE, np.array(state), owner), rng=np.random.default_rng(1))
    assert isinstance(found, Memory) is told


def test_who_could_do_it_in_no_other_order_tells_nothing_of_memory():
    state = np.array([START, 0, 1, END, START, 2, 1, 0, END] * 60)
    owner = np.repeat(np.arange(120), [4, 5] * 60)
    found = compare_orders(Trails(SIZE, state, owner), rng=np.random.default_rng(1))
    assert np.isnan(found.p)
    assert found.p_alike == pytest.approx(1 / 200)
    assert "nobody's moves could have come in another order" in memory_sentence(found)


@pytest.mark.parametrize("codes", [Codes(), CODES])
def test_an_empty_log_is_refused(tmp_path, codes):
    log = write_log(tmp_path, random_events(1)[:0], codes=codes)
    found = memory.test_memory(log, silence=0, seed=1)
    assert isinstance(found, Refusal)
    assert "cannot be said: 0 moves" in memory_sentence(found)


def test_moves_into_the_open_are_no_moves(tmp_path):
    rows = [(c, 108 + k / 2, n) for c in range(60) for k, n in enumerate(("ad", "order"))]
    found = memory.test_memory(write_log(tmp_path, frame_of(rows)), silence=SILENCE, seed=1)
    assert found.moves == 60


# ------------------------------------------------------------------ property


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parts", [1, 4])
def test_trails_are_the_journeys_of_each_customer_in_a_row(tmp_path, seed, parts):
    codes = Codes(**{**{k: getattr(CODES, k) for k in CODES.__slots__}, "cut": "gap",
                     "gap": 9 * DAY})  # fmt: skip
    events = random_events(seed)
    log = write_log(tmp_path, events, codes=codes, parts=parts)
    found = summarise(lambda part: summarise_trails(part, silence=0), log.readable)
    expected = {}
    for journey in journeys_of(events, codes):
        stages = [k for k, _ in groupby(e["stage"] for e in journey if e["stage"] >= 0)]
        if stages:
            expected.setdefault(journey[0]["customer"], []).append(stages)
    told = {c: found.state[found.customer == c].tolist() for c in np.unique(found.customer)}
    assert set(told) == set(expected)
    for customer, own in expected.items():
        begun = [state for one in own for state in (START, *one)]
        assert [state for state in told[customer] if state < END] == begun
        assert told[customer][-1] in {END, END + 1}


def test_orders_are_drawn_evenly_from_all_that_keep_the_moves():
    state = np.array([START, 0, 1, 0, 2, 1, 0, 1, 2, END])
    moves = Counter(pairwise(state.tolist()))
    possible = {
        (START, *way, END)
        for way in permutations(state[1:-1].tolist())
        if Counter(pairwise((START, *way, END))) == moves
    }
    rng = np.random.default_rng(1)
    deck = memory._Deck(Trails(SIZE, state, np.zeros(len(state), dtype=np.int64)))
    drawn = Counter(tuple(deck.deal(rng).tolist()) for _ in range(4_000))
    assert set(drawn) == possible
    assert max(abs(count / 800 - 1) for count in drawn.values()) < 0.13


def test_every_order_drawn_keeps_the_moves_of_every_customer():
    rng = np.random.default_rng(2)
    trails = trails_of(rng, turn_back, customers=200)
    free = memory._is_free(trails)
    own = Trails(SIZE, trails.state[free], trails.customer[free])
    made = Trails(SIZE, memory._Deck(own).deal(rng), own.customer)
    pairs = [np.sort(np.ravel_multi_index(memory._moves_of(one), (201, SIZE, SIZE)))
             for one in (own, made)]  # fmt: skip
    assert (pairs[0] == pairs[1]).all()
    assert (own.state != made.state).any()


def test_customers_who_differ_raise_no_alarm_where_a_test_of_all_alike_would():
    own, alike = alarms(go_round, 100)
    assert own <= 0.08
    assert alike >= 0.9


def test_customers_who_are_alike_raise_no_alarm():
    own, alike = alarms(wander, 100, customers=50)
    assert own <= 0.08
    assert alike <= 0.10


def test_memory_that_was_planted_is_found():
    own, alike = alarms(turn_back, 20, customers=60)
    assert own == alike == 1


def test_what_memory_tells_is_what_was_planted():
    rng = np.random.default_rng(3)
    found = compare_orders(trails_of(rng, turn_back, customers=1_500), rng=rng, draws=39)
    assert found.right_before > found.right + 0.1
    said = memory_sentence(found)
    assert "depends on where they came from as well" in said
    assert "approximate" in said


def test_customers_who_differ_are_told_as_such_and_alike_ones_as_nothing():
    rng = np.random.default_rng(4)
    said = memory_sentence(compare_orders(trails_of(rng, go_round), rng=rng))
    assert "as it would where customers differ" in said
    rng = np.random.default_rng(6)
    said = memory_sentence(compare_orders(trails_of(rng, wander), rng=rng))
    assert "Nothing shows that" in said


@pytest.mark.slow
def test_a_million_moves_take_seconds():
    rng = np.random.default_rng(5)
    journeys = rng.integers(0, 5, (100_000, 10))
    edges = np.full((100_000, 1), 5), np.full((100_000, 1), 6)
    state = np.concatenate([edges[0], journeys, edges[1]], axis=1).ravel()
    began = time.perf_counter()
    found = compare_orders(Trails(8, state, np.repeat(np.arange(100_000), 12)), rng=rng)
    assert found.p > 0.01
    assert time.perf_counter() - began < 40
