from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import CODES, frame_of, inside, journeys_of, random_events, write_log

from journeylib.engine import summarise
from journeylib.log import DAY, Log, cut_journeys, first_of, last_of, open_log, position_in
from journeylib.summaries import summarise_touches

CUTS = [
    replace(CODES, cut="none"),
    replace(CODES, cut="gap", gap=9 * DAY),
    replace(CODES, cut="outcome"),
]


def test_a_gap_as_long_as_allowed_does_not_end_a_journey():
    codes = replace(CODES, cut="gap", gap=10)
    same = np.zeros(3, np.int64)
    assert cut_journeys(same, np.array([0, 10, 21]), same, codes).tolist() == [0, 0, 1]


def test_the_outcome_belongs_to_the_journey_that_it_ends():
    codes = replace(CODES, cut="outcome")
    touchpoint = np.array([0, 3, 3, 0])
    assert cut_journeys(np.zeros(4, int), np.arange(4), touchpoint, codes).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("codes", CUTS, ids=lambda codes: codes.cut)
@pytest.mark.parametrize("seed", range(5))
def test_journeys_are_cut_as_by_hand(tmp_path, codes, seed):
    events = random_events(seed)
    log = write_log(tmp_path, events, codes=codes)
    (partition,) = log.partitions()
    lengths = np.bincount(partition.journey)
    assert lengths.tolist() == [len(journey) for journey in journeys_of(events, codes)]


def test_events_outside_the_period_are_not_read(tmp_path):
    events = frame_of([(0, 9.999, "ad"), (0, 10, "ad"), (0, 109.999, "ad"), (0, 110, "ad")])
    (partition,) = write_log(tmp_path, events).partitions()
    assert (partition.time / DAY).round(3).tolist() == [10.0, 109.999]


def test_events_are_named_and_journeys_numbered_across_partitions(tmp_path):
    events = random_events(3)
    one = write_log(tmp_path / "one", events).events()
    three = write_log(tmp_path / "three", events, parts=3).events()
    pd.testing.assert_frame_equal(one, three)
    assert one["journey_id"].nunique() == inside(events)["customer"].nunique()
    odd = inside(events).reset_index(drop=True)["stage"] == -1
    assert (one.loc[odd, "stage"] == "unmapped").all()


def test_no_more_events_are_shown_than_asked_for(tmp_path):
    log = write_log(tmp_path, random_events(1), parts=4)
    assert len(log.events(limit=7)) == 7
    assert len(log.events(limit=0)) == 0


def test_a_log_is_opened_as_it_was_saved(tmp_path):
    log = write_log(tmp_path, random_events(1))
    assert open_log(tmp_path).codes == log.codes


def test_an_absent_log_is_empty_and_has_its_columns(tmp_path):
    log = open_log(tmp_path / "nowhere")
    assert (len(log), log.parts, len(log.customers)) == (0, [], 0)
    shown = log.events()
    assert len(shown) == 0
    assert shown.columns.tolist()[:3] == ["customer_id", "timestamp", "touchpoint"]
    assert str(shown["timestamp"].dtype) == "datetime64[us, UTC]"


def test_a_log_without_partitions_still_sums_to_an_empty_summary(tmp_path):
    assert summarise(summarise_touches, Log(tmp_path, CODES).readable).frame().empty


@given(st.lists(st.integers(0, 4), max_size=30).map(sorted))
def test_groups_open_close_and_count_alike(values):
    groups = np.array(values, dtype=np.int64)
    assert first_of(groups).sum() == last_of(groups).sum() == len(set(values))
    assert position_in(groups).tolist() == [values[:i].count(v) for i, v in enumerate(values)]
