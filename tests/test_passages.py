"""How customers pass stages: followed by hand, read by curve, and where it cannot be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, inside, random_events, write_log

from journeylib.engine import summarise
from journeylib.journeys import describe_customers
from journeylib.log import DAY, Codes
from journeylib.occupancy import measure_occupancy, summarise_occupancy
from journeylib.passages import find_passages, find_silence, follow_road
from journeylib.sojourns import compare_funnels, measure_passages, trace_passages

SILENCE = 20 * DAY
seeds = pytest.mark.parametrize("seed", range(8))


def passage_by_hand(own, stage, codes, silence):
    """Follow one customer through one stage, event by event."""
    events = own.to_dict("records")
    entry = next((i for i, event in enumerate(events) if event["stage"] == stage), None)
    if entry is None:
        return None
    start = events[entry]["time"]
    for before, event in zip(events[entry:], events[entry + 1 :], strict=False):
        if silence and event["time"] - before["time"] > silence:
            return "left", (before["time"] + silence - start) / DAY
        if event["touchpoint"] in codes.bad:
            return "left", (event["time"] - start) / DAY
        if event["stage"] > stage:
            return "onward", (event["time"] - start) / DAY
    if silence and codes.end - events[-1]["time"] > silence:
        return "left", (events[-1]["time"] + silence - start) / DAY
    return "open", (codes.end - start) / DAY


@seeds
@pytest.mark.parametrize("silence", [0, SILENCE])
def test_passages_are_those_by_hand(tmp_path, seed, silence):
    events = random_events(seed)
    found = find_passages(write_log(tmp_path, events, parts=3), silence=silence)
    expected = {}
    for customer, own in inside(events).groupby("customer"):
        for stage in range(len(CODES.stages)):
            told = passage_by_hand(own, stage, CODES, silence)
            if told is not None:
                expected[customer, stage] = told
    rows = {(r["customer"], r["place"]): (r["end"], r["days"]) for r in found.to_dict("records")}
    assert set(rows) == set(expected)
    for key, (end, days) in expected.items():
        assert rows[key][0] == end, key
        assert rows[key][1] == pytest.approx(days), key


@seeds
def test_channels_of_a_stage_are_entered_one_by_one(tmp_path, seed):
    events = random_events(seed)
    found = find_passages(write_log(tmp_path, events), silence=SILENCE, by_channel=True)
    own = inside(events)
    cells = own[own["stage"] >= 0].drop_duplicates(["customer", "stage", "channel"])
    assert len(found) == len(cells)
    assert found["channel"].isin(CODES.channels).all()


def test_a_cancellation_is_leaving_even_where_it_stands_in_a_later_stage(tmp_path):
    log = write_log(tmp_path, frame_of([(0, 20, "order"), (0, 25, "cancellation")]))
    found = find_passages(log, silence=0).set_index("stage")
    assert found.loc["decision", ["end", "days"]].tolist() == ["left", 5.0]


@pytest.mark.parametrize(("gap", "end"), [(20.0, "onward"), (20.001, "left")])
def test_a_silence_of_the_limit_is_not_yet_leaving(tmp_path, gap, end):
    log = write_log(tmp_path, frame_of([(0, 20, "ad"), (0, 20 + gap, "order")]))
    found = find_passages(log, silence=SILENCE).set_index("stage")
    assert found.loc["awareness", "end"] == end


@pytest.mark.parametrize(("day", "end"), [(90.0, "open"), (89.999, "left")])
def test_watching_that_stops_within_the_silence_leaves_a_passage_open(tmp_path, day, end):
    log = write_log(tmp_path, frame_of([(0, day, "ad")]))
    assert find_passages(log, silence=SILENCE)["end"].tolist() == [end]


def test_silence_is_declared_or_the_gap_or_nothing_or_learnt(tmp_path):
    events = frame_of([(c, 20 + 3 * i, "ad") for c in range(10) for i in range(4)])
    log = write_log(tmp_path, events)
    assert find_silence(log, declared=9.5) == 9.5 * DAY
    assert find_silence(log) == 3 * DAY
    gap = write_log(tmp_path / "g", events, codes=replace(CODES, cut="gap", gap=7 * DAY))
    assert find_silence(gap) == 7 * DAY
    contract = write_log(tmp_path / "c", events, codes=replace(CODES, outcome="retention"))
    assert find_silence(contract) == 0


def test_silence_is_learnt_from_no_more_than_a_third_of_the_period(tmp_path):
    log = write_log(tmp_path, frame_of([(c, day, "ad") for c in range(9) for day in (12, 105)]))
    assert find_silence(log) == pytest.approx((CODES.end - CODES.start) / 3, abs=1)


def road_of(tmp_path, rows, codes=CODES):
    log = write_log(tmp_path, frame_of(sorted(rows)), codes=codes)
    return follow_road(log, describe_customers(log), inactive_days=20)


def test_the_four_counts_of_a_funnel_differ_as_they_should(tmp_path):
    rows = [(c, 20, "ad") for c in range(4)] + [(c, 22, "order") for c in range(2)]
    rows += [(c, 109, "ad") for c in (5, 6)]
    told = compare_funnels(road_of(tmp_path, rows)).set_index(["stage", "counted"])["value"]
    assert told["awareness", "incidence"] == pytest.approx(0.5)
    assert told["awareness", "mature"] == pytest.approx(0.5)
    assert told["awareness", "everybody"] == pytest.approx(2 / 6)
    assert told["awareness", "ended"] == pytest.approx(0.5)


def test_time_in_a_stage_has_both_ways_out_and_what_is_open(tmp_path):
    rows = [(c, 20 + c / 10, "ad") for c in range(60)]
    rows += [(c, 25 + c / 10, "order") for c in range(30)]
    found = measure_passages(road_of(tmp_path, rows)).set_index(["stage", "end"])
    assert found.loc[("awareness", "onward"), "value"] == pytest.approx(0.5)
    assert found.loc[("awareness", "left"), "value"] == pytest.approx(0.5)
    assert found.loc[("awareness", "onward"), "days"] == pytest.approx(5)
    assert found.loc[("awareness", "onward"), "open"] == 0
    assert ("retention", "onward") not in found.index


def test_curves_rise_and_say_how_many_were_watched(tmp_path):
    rows = [(c, 20 + c, "ad") for c in range(30)] + [(c, 23 + c, "order") for c in range(0, 30, 2)]
    curve = trace_passages(road_of(tmp_path, rows)).query("stage == 'awareness'")
    assert curve["value"].is_monotonic_increasing
    assert curve["n"].is_monotonic_decreasing
    assert curve["n"].iloc[0] == 30


@pytest.mark.parametrize("codes", [Codes(), CODES])
def test_an_empty_log_gives_empty_tables(tmp_path, codes):
    log = write_log(tmp_path, random_events(1)[:0], codes=codes)
    road = follow_road(log, describe_customers(log))
    for table in (measure_passages(road), compare_funnels(road), trace_passages(road)):
        assert table.empty
    assert measure_occupancy(log, silence=0).empty


# ------------------------------------------------------------------ occupation of stages


def occupied_by_hand(events, day, silence):
    """Count customers by stage a number of days after their first event in one."""
    counts = np.zeros(len(CODES.stages) + 1)
    for _, own in events.groupby("customer"):
        start = own.loc[own["stage"] >= 0, "time"].min()
        seen = own[own["time"] <= start + day * DAY]
        gone = seen["touchpoint"].iloc[-1] in CODES.bad
        gone |= start + day * DAY - seen["time"].iloc[-1] > silence
        counts[-1 if gone else seen.loc[seen["stage"] >= 0, "stage"].iloc[-1]] += 1
    return counts / counts.sum()


@seeds
def test_without_censoring_occupation_is_what_is_counted(tmp_path, seed):
    """Datta and Satten (2001): the two are the same where everybody is watched to the end."""
    events = inside(random_events(seed))
    events = events[events.groupby("customer")["stage"].transform("max") >= 0]
    log = write_log(tmp_path, events, codes=replace(CODES, end=500 * DAY), parts=2)
    days = (0.0, 1.5, 3.0, 10.0, 40.0, 90.0)
    function = lambda part: summarise_occupancy(part, silence=SILENCE, days=days)  # noqa: E731
    shares = summarise(function, log.readable).shares()
    for row, day in zip(shares, days, strict=True):
        assert np.abs(row - occupied_by_hand(events, day, SILENCE)).max() <= 1e-12


def test_with_censoring_occupation_is_the_truth_and_counting_is_not(tmp_path):
    """Half order after exactly 30 days; entries are spread so that most are cut off before."""
    rng = np.random.default_rng(5)
    rows = []
    for customer, entry in enumerate(rng.uniform(10, 110, 1_500)):
        rows.append((customer, entry, "ad"))
        if customer % 2:
            rows.append((customer, entry + 30, "order"))
    log = write_log(tmp_path, frame_of(rows))
    found = measure_occupancy(log, silence=0, days=(60.0,)).set_index(["days", "state"])
    assert found.loc[(60.0, "decision"), "value"] == pytest.approx(0.5, abs=0.03)
    assert found.loc[(60.0, "decision"), "low"] < 0.5 < found.loc[(60.0, "decision"), "high"]


@seeds
def test_shares_of_a_day_add_up_to_one(tmp_path, seed):
    found = measure_occupancy(write_log(tmp_path, random_events(seed)), silence=SILENCE)
    assert np.allclose(found.groupby("days")["value"].sum(), 1)
    assert isinstance(found, pd.DataFrame)
