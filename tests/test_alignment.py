"""Journeys held against the declared order: costs, deviations, and what goes with them."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import CODES, NAMES, frame_of, random_events, write_log

from journeylib.alignment import (
    INSERT,
    KINDS,
    REPEAT,
    SKIP,
    align_journeys,
    align_sequences,
)
from journeylib.estimates import Estimate, Refusal
from journeylib.log import DAY, Codes
from journeylib.road_prose import alignment_sentence
from journeylib.suppression import suppress_table

SILENCE = 20 * DAY
STAGES = 4


def align(sequences, *, closed=True, stages=STAGES):
    """Align sequences; gives fitness and the names of the deviations of each."""
    table = np.full((len(sequences), max(map(len, sequences))), -1, dtype=np.int8)
    for row, sequence in enumerate(sequences):
        table[row, : len(sequence)] = sequence
    edits = align_sequences(table, stages, closed=np.full(len(sequences), closed))
    names = [(kind, stage) for kind in KINDS for stage in range(stages)] + ["as declared"]
    told = [[names[at] for at in np.flatnonzero(row)] for row in edits.deviates]
    return edits.fitness.tolist(), told


def cost_by_hand(sequence, stages):
    """The cheapest edits by recursion, the slow way."""

    @functools.cache
    def rest(place, stage):
        if place == len(sequence):
            return SKIP * (stages - stage)
        fee = REPEAT if sequence[place] in sequence[:place] else INSERT
        ways = [rest(place + 1, stage) + fee]
        if stage < stages:
            ways.append(rest(place, stage + 1) + SKIP)
            if sequence[place] == stage:
                ways.append(rest(place + 1, stage + 1))
        return min(ways)

    return rest(0, 0)


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(
    ("sequence", "fitness", "told"),
    [
        ([0, 1, 2, 3], 1, ["as declared"]),
        ([0, 1, 3], 1 - 1 / 7, [("left out", 2)]),
        ([0, 1], 1 - 2 / 6, [("ended before", 2)]),
        ([0, 1, 2, 3, 1], 1 - 0.5 / 8.5, [("came back", 1)]),
        ([1, 0, 2, 3], 1 - 2 / 8, [("out of order", 0)]),
        ([3], 1 - 3 / 5, [("left out", 0), ("left out", 1), ("left out", 2)]),
        ([0, 2, 0], 1 - 2.5 / 6.5, [("left out", 1), ("came back", 0), ("ended before", 3)]),
    ],
)
def test_skips_and_strangers_cost_one_and_repeats_half(sequence, fitness, told):
    (found,), (names,) = align([sequence])
    assert found == pytest.approx(fitness)
    assert names == told


@pytest.mark.parametrize(
    ("sequence", "fitness", "told"),
    [([0], 1, ["as declared"]), ([0, 1], 1, ["as declared"]),
     ([0, 2], 1 - 1 / 5, [("left out", 1)])],
)  # fmt: skip
def test_an_open_journey_owes_nothing_beyond_the_furthest_stage(sequence, fitness, told):
    (found,), (names,) = align([sequence], closed=False)
    assert found == pytest.approx(fitness)
    assert names == told


@pytest.mark.parametrize(("journeys", "told"), [(29, False), (30, True)])
def test_a_fitness_needs_thirty_journeys(tmp_path, journeys, told):
    log = write_log(tmp_path, frame_of([(c, 20, "ad") for c in range(journeys)]))
    aligned = align_journeys(log, silence=SILENCE)
    assert isinstance(aligned.fitness, Estimate) is told
    assert ("cannot be said" in alignment_sentence(aligned, aligned.deviations)) is not told


@pytest.mark.parametrize("codes", [Codes(), CODES])
def test_an_empty_log_has_no_fitness_and_no_deviation(tmp_path, codes):
    aligned = align_journeys(write_log(tmp_path, random_events(1)[:0], codes=codes), silence=0)
    assert isinstance(aligned.fitness, Refusal)
    assert aligned.deviations.empty


def log_of(tmp_path, *, codes=CODES):
    """Forty journeys left out the second stage; sixty did not, and forty-five of them ordered."""
    ways = [("ad", "delivery")] * 40 + [("ad", "checkout", "delivery")] * 15
    ways += [("ad", "order", "delivery")] * 45
    rows = [(c, 20 + k, name) for c, way in enumerate(ways) for k, name in enumerate(way)]
    return write_log(tmp_path, frame_of(rows), codes=codes, parts=3)


def test_deviations_carry_their_share_and_the_difference_in_outcome(tmp_path):
    codes = replace(CODES, good=(NAMES.index("delivery"),), stage_of=(0, 0, 1, 1, 2, 2, 2, -1))
    found = align_journeys(log_of(tmp_path, codes=codes), silence=SILENCE)
    row = found.deviations.set_index(["kind", "stage"]).loc[("left out", "decision")]
    assert (row["journeys"], row["others"], row["share"]) == (40, 60, pytest.approx(0.4))
    assert (row["with_it"], row["without"], row["value"]) == (1, 1, 0)
    assert row["low"] < 0 < row["high"]
    assert found.deviations["kind"].iloc[0] == "as declared"
    assert found.fitness.value == pytest.approx(0.6 + 0.4 * (1 - 1 / 5))
    said = alignment_sentence(found, found.deviations)
    assert "60 % keep to it exactly. Most often, 40 % leave out decision." in said


def test_no_difference_is_told_where_the_outcome_itself_is_left_out(tmp_path):
    found = align_journeys(log_of(tmp_path), silence=SILENCE).deviations
    row = found.set_index(["kind", "stage"]).loc[("left out", "decision")]
    assert row["journeys"] == 40
    assert row[["with_it", "without", "value", "low", "high"]].isna().all()
    nothing = align_journeys(log_of(tmp_path / "n", codes=replace(CODES, outcome="none")),
                             silence=SILENCE).deviations  # fmt: skip
    assert nothing["value"].isna().all()


def test_small_groups_are_withheld_with_what_would_tell_them(tmp_path):
    rows = [(c, 20 + k, name) for c in range(60) for k, name in enumerate(("ad", "order"))]
    rows += [(60 + c, 20, "order") for c in range(9)]
    found = align_journeys(write_log(tmp_path, frame_of(rows)), silence=SILENCE).deviations
    shown = suppress_table("deviations", found, min_cell=10).set_index(["kind", "stage"])
    row = shown.loc[("left out", "awareness")]
    assert row[["customers", "journeys", "share", "others", "value"]].isna().all()
    assert shown.loc[("ended before", "retention"), "journeys"] == 69


# ------------------------------------------------------------------ property

sequences = st.lists(st.integers(0, STAGES - 1), min_size=1, max_size=9)


@given(st.lists(sequences, min_size=1, max_size=6))
def test_costs_are_those_by_hand(drawn):
    found, _ = align(drawn)
    for sequence, fitness in zip(drawn, found, strict=True):
        fees = sum(REPEAT if s in sequence[:k] else INSERT for k, s in enumerate(sequence))
        worst = SKIP * STAGES + fees
        assert fitness == pytest.approx(1 - cost_by_hand(tuple(sequence), STAGES) / worst)


@given(sequences, st.booleans())
def test_fitness_is_one_exactly_without_deviations(sequence, closed):
    (fitness,), (told,) = align([sequence], closed=closed)
    assert 0 <= fitness <= 1
    assert (fitness == 1) == (told == ["as declared"])


@given(st.integers(1, 7))
def test_the_declared_order_is_kept_in_full(stages):
    assert align([list(range(stages))], stages=stages)[0] == [1]


@given(st.lists(st.integers(0, STAGES - 1), min_size=1, max_size=12))
def test_fitness_falls_with_every_stage_that_is_added_behind(noise):
    order = list(range(STAGES))
    found, _ = align([order + noise[:k] for k in range(len(noise) + 1)])
    assert (np.diff(found) < 0).all()


@given(st.permutations(range(STAGES)))
def test_fitness_falls_with_every_stage_that_is_left_out(gone):
    kept = [[s for s in range(STAGES) if s not in gone[:k]] for k in range(STAGES)]
    found, _ = align(kept)
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut", ["none", "gap", "outcome"])
def test_parts_of_a_log_add_up(tmp_path, seed, cut):
    events, codes = random_events(seed, customers=40), replace(CODES, cut=cut, gap=9 * DAY)
    one, many = (
        align_journeys(write_log(tmp_path / str(parts), events, codes=codes, parts=parts),
                       silence=SILENCE)
        for parts in (1, 5)
    )  # fmt: skip
    pd.testing.assert_frame_equal(one.deviations, many.deviations)
    assert one.fitness.value == pytest.approx(many.fitness.value)
    told = one.deviations.dropna(subset=["value"])
    assert (told["low"] <= told["value"]).all()
    assert (told["value"] <= told["high"]).all()


def test_many_journeys_of_a_customer_do_not_narrow_the_interval(tmp_path):
    codes = replace(CODES, cut="gap", gap=2 * DAY)
    ways = (("ad", "order"), ("order", "ad"))
    rows = [[(c, 12 + 6 * k + j / 2, name) for c in range(40) for k in range(times)
             for j, name in enumerate(ways[c % 2])] for times in (1, 12)]  # fmt: skip
    few, many = (
        align_journeys(write_log(tmp_path / str(at), frame_of(own), codes=codes), silence=DAY)
        for at, own in enumerate(rows)
    )
    assert many.fitness.n == 12 * few.fitness.n
    width = [found.fitness.high - found.fitness.low for found in (few, many)]
    assert width[1] == pytest.approx(width[0], rel=0.01)
    assert math.isfinite(width[0])
