"""The next touchpoint is foretold by as much of the past as clearly helps, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, DAY, NAMES, frame_of, random_events, write_log

from journeylib.continuations import RIGHT_AFTER, STANDING, compare_chains, foretell_next
from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.log import Codes
from journeylib.successions import Chain, learn_chains, read_moves, summarise_losses
from journeylib.summaries import Tally

YEAR = replace(CODES, start=0, end=100 * DAY)


def log_of(folder, draw, *, customers=300, moves=14, seed=1, parts=2):
    """Let customers move every few days by a rule for the next touchpoint."""
    rng = np.random.default_rng(seed)
    events = []
    for customer in range(customers):
        path = [0, 1]
        when = np.sort(rng.uniform(0, 100, moves))
        for _ in range(moves - 2):
            path.append(draw(rng, path))
        events += [(customer, day, NAMES[code]) for day, code in zip(when, path, strict=True)]
    return write_log(folder, frame_of(events), codes=YEAR, parts=parts)


def by_nothing(rng, _):
    return int(rng.choice(6, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]))


def by_one(rng, path):
    return (path[-1] + 1) % 6 if rng.random() < 0.7 else int(rng.integers(6))


def by_two(rng, path):
    return (path[-1] + path[-2]) % 6 if rng.random() < 0.7 else int(rng.integers(6))


# ------------------------------------------------------------------ golden


def test_chances_back_off_to_shorter_pasts_by_hand():
    """Counts of 3 moves after (0, 1): twice to 2, once to 0; one move after (2, 1), to 0."""
    codes = Codes(touchpoints=("a", "b", "c"))
    keys = [(0 * 4 + 1) * 4 + 2, (0 * 4 + 1) * 4 + 0, (2 * 4 + 1) * 4 + 0]
    chain = Chain(Tally.of(np.array(keys), np.array([2.0, 1.0, 1.0])), codes)
    zero = np.array([2.5, 0.5, 2.5]) / 5.5
    one = (np.array([2, 0, 2]) + 5 * zero) / 9
    two = (np.array([1, 0, 2]) + 5 * one) / 8
    at = np.array([0]), np.array([1])
    for order, expected in ((0, zero), (1, one), (2, two)):
        assert chain.tell(*at, order)[0] == pytest.approx(expected)
    unseen = chain.tell(np.array([3]), np.array([2]), 2)[0]
    assert unseen == pytest.approx(zero), "what was never seen is told by what is most frequent"


def test_moves_are_those_of_one_customer_with_the_two_touchpoints_before(tmp_path):
    events = [(0, 1, "ad"), (0, 2, "product"), (0, 4, "order"), (1, 1, "support"), (1, 9, "ad")]
    log = write_log(tmp_path, frame_of(events), codes=YEAR)
    moved = read_moves(next(log.partitions()))
    start = len(NAMES)
    assert moved.before.tolist() == [start, 0, start]
    assert moved.here.tolist() == [0, 1, 5]
    assert moved.goal.tolist() == [1, 3, 0]
    assert (moved.gap // DAY).tolist() == [1, 2, 8]


# ------------------------------------------------------------------ planted truth


@pytest.mark.parametrize(("draw", "order"), [(by_nothing, 0), (by_one, 1), (by_two, 2)])
def test_as_much_of_the_past_is_used_as_was_planted(tmp_path, draw, order):
    found = compare_chains(log_of(tmp_path, draw))
    assert found.chosen == order
    own = found.measures[found.measures["asked"] == RIGHT_AFTER]
    assert set(own["order"]) == {0, 1, 2}, "the plainest guess is always told"
    first = own[own["measure"] == "top_1"].set_index("order")
    if order:
        truth = 0.7 + 0.3 / 6
        assert first.loc[order, "low"] <= truth <= first.loc[order, "high"]
    assert (own["low"] <= own["value"]).all()
    assert (own["value"] <= own["high"]).all()


def test_who_has_been_silent_is_told_by_those_who_came_back_from_silence(tmp_path):
    """Within a day an order follows; after a month of silence it is an ad."""
    events = []
    for one in range(300):
        for start in (0.0, 33.0, 66.0):
            events += [(one, start, "ad"), (one, start + 0.2, "product")]
            events += [(one, start + 0.4, "order")]
        if one % 2:
            events += [(one, 99.5, "ad"), (one, 99.9, "product")]
    log = write_log(tmp_path, frame_of(events), codes=YEAR)
    found = compare_chains(log)
    assert STANDING in set(found.measures["asked"])
    told = foretell_next(log, found).set_index("customer")["next_touchpoint"]
    assert told[0] == "ad"
    assert told[1] == "order"


# ------------------------------------------------------------------ no leakage


def test_what_comes_after_the_cut_teaches_nothing(tmp_path):
    one = log_of(tmp_path / "one", by_one)
    events = pd.concat(pd.read_parquet(part.path) for part in one.parts)
    late = (events["time"] >= 75 * DAY).to_numpy()
    events.loc[late, "touchpoint"] = 7
    other = write_log(tmp_path / "other", events.reset_index(drop=True), codes=YEAR)
    first, second = (learn_chains(log, 75 * DAY)[0] for log in (one, other))
    assert np.array_equal(first.one, second.one)
    assert np.array_equal(first.two, second.two)


@pytest.mark.parametrize("seed", [1, 2])
def test_partitions_add_up(tmp_path, seed):
    events = random_events(seed, customers=40, most=60)
    chains = learn_chains(write_log(tmp_path / "whole", events, codes=YEAR), 40 * DAY)
    sums = []
    for parts in (1, 5):
        log = write_log(tmp_path / f"{parts}", events, codes=YEAR, parts=parts)
        rows = summarise(
            lambda part: summarise_losses(part, chains=chains, start=40 * DAY, standing=False),
            log.readable,
        ).rows
        sums.append(rows.sort_values("customer", ignore_index=True))
    pd.testing.assert_frame_equal(*sums)


# ------------------------------------------------------------------ refusal


def test_too_few_moves_are_refused_and_so_is_a_single_touchpoint(tmp_path):
    few = compare_chains(log_of(tmp_path / "few", by_one, customers=20))
    assert isinstance(few, Refusal)
    assert few.needed == "500 moves."
    only = frame_of([(one, day, "order") for one in range(60) for day in range(0, 90, 3)])
    found = compare_chains(write_log(tmp_path / "only", only, codes=YEAR))
    assert isinstance(found, Refusal)
    assert "one touchpoint only" in found.reason


def test_no_later_moves_are_refused(tmp_path):
    events = [(one, day, NAMES[day % 3]) for one in range(60) for day in range(20)]
    events.append((60, 95, "ad"))
    found = compare_chains(write_log(tmp_path, frame_of(events), codes=YEAR))
    assert isinstance(found, Refusal)
    assert "0 moves of 0 customers" in found.reason


def test_an_empty_log_is_refused(tmp_path):
    found = compare_chains(write_log(tmp_path, frame_of([]), codes=YEAR))
    assert isinstance(found, Refusal)
