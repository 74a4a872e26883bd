from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.emotion import score_channels, score_touchpoints
from journeylib.journeys import (
    count_loops,
    count_paths,
    count_touchpoints,
    count_transitions,
    describe_customers,
    measure_stages,
)
from journeylib.log import DAY, Codes
from journeylib.passages import Road, follow_road
from journeylib.tables import check_result

NOBODY = pd.DataFrame(columns=["customer", "persona"])
NOTHING_SAID = pd.DataFrame(columns=["customer", "touchpoint", "sentiment"])
NO_FEELINGS = pd.DataFrame(columns=["stage", "persona", "value"])
VOICES = pd.DataFrame(
    {"customer": [0, 1, 2], "touchpoint": ["ad", "ad", "order"], "sentiment": [1.0, 0.0, 0.5]}
)


def tables_of(log, voices=VOICES):
    return {
        "touchpoints": count_touchpoints(log, score_touchpoints(voices)),
        "transitions": count_transitions(log),
        "paths": count_paths(log, top=3),
        "loops": count_loops(log),
        "stages": measure_stages(
            follow_road(log, describe_customers(log)), personas=NOBODY, feelings=NO_FEELINGS
        ),
    }


@pytest.mark.parametrize("seed", range(4))
def test_every_table_fits_its_contract(tmp_path, seed):
    for name, table in tables_of(write_log(tmp_path, random_events(seed))).items():
        check_result(name, table)
        assert len(table) > 0, name


@pytest.mark.parametrize("codes", [Codes(), CODES])
@pytest.mark.parametrize("voices", [VOICES, NOTHING_SAID])
def test_an_empty_log_gives_complete_tables_without_rows(tmp_path, codes, voices):
    empty = tables_of(write_log(tmp_path / "empty", random_events(1)[:0], codes=codes), voices)
    full = tables_of(write_log(tmp_path / "full", random_events(1)), VOICES)
    for name, table in empty.items():
        check_result(name, table)
        assert table.columns.tolist() == full[name].columns.tolist()
        assert len(table) == 0, name


def test_a_log_without_voices_says_none(tmp_path):
    table = count_touchpoints(
        write_log(tmp_path, random_events(1)), score_touchpoints(NOTHING_SAID)
    )
    assert set(table["support"]) == {"none"}
    assert table["value"].isna().all()


def test_touchpoints_carry_what_customers_said_and_never_money(tmp_path):
    log = write_log(tmp_path, random_events(1))
    many, few = (
        pd.DataFrame({"customer": range(n), "touchpoint": "ad", "sentiment": 0.5}) for n in (10, 9)
    )
    table = count_touchpoints(log, score_touchpoints(many)).set_index("touchpoint")
    assert table.loc[["ad"], "value"].eq(0.5).all()
    assert table.loc[["delivery"], "value"].isna().all()
    assert table.loc[["ad"], "support"].eq("thin").all()
    table = count_touchpoints(log, score_touchpoints(few)).set_index("touchpoint")
    assert table.loc[["ad"], "value"].isna().all()
    assert table.loc[["ad"], "support"].eq("none").all()


def test_shares_of_transitions_are_of_all_that_left(tmp_path):
    events = [(0, 20, "ad"), (0, 21, "order"), (1, 20, "ad"), (1, 21, "product"), (2, 30, "ad")]
    table = count_transitions(write_log(tmp_path, frame_of(events)))
    assert table["share"].tolist() == [0.5, 0.5]
    assert table["median_hours"].tolist() == [24.0, 24.0]


def test_paths_beyond_the_top_are_one_row_and_shares_add_to_one(tmp_path):
    table = count_paths(write_log(tmp_path, random_events(2)), top=3)
    assert len(table) == 4
    assert table["path"].iloc[-1].startswith("all other paths (")
    assert table["share"].sum() == pytest.approx(1)


def stages_of(events, tmp_path, **options):
    log = write_log(tmp_path, frame_of(events))
    options = {"personas": NOBODY, "feelings": NO_FEELINGS, **options}
    road = follow_road(log, describe_customers(log), inactive_days=90)
    table = measure_stages(road, **options)
    return table.set_index(["persona", "stage"])


def test_stages_count_who_reached_who_went_on_and_how_long_it_took(tmp_path):
    events = [
        (0, 20, "ad"), (0, 24, "order"), (0, 30, "delivery"),
        (1, 20, "ad"), (1, 22, "delivery"),
        (2, 20, "ad"), (2, 100, "ad"),
    ]  # fmt: skip
    table = stages_of(events, tmp_path)
    assert table.loc[("all", "awareness"), "reached"] == 3
    assert table.loc[("all", "awareness"), "to_next"] == pytest.approx(2 / 3)
    assert table.loc[("all", "awareness"), "median_days"] == 2  # of 2 and 4 days, the first half
    assert table.loc[("all", "decision"), ["reached", "to_next", "n"]].tolist() == [1, 1.0, 1]
    assert np.isnan(table.loc[("all", "retention"), "to_next"])


def test_who_comes_back_from_a_later_stage_still_goes_on(tmp_path):
    """The first event of a log is often the end of an older journey."""
    events = [(0, 12, "delivery"), (0, 20, "ad"), (0, 21, "order"), (0, 25, "delivery")]
    table = stages_of([*events, (1, 100, "odd")], tmp_path)
    assert table.loc[("all", "decision"), "to_next"] == 1


@pytest.mark.parametrize(("late", "share"), [(108, 0.5), (98, 0.2)])
def test_customers_count_as_lost_only_for_as_long_as_they_were_watched(tmp_path, late, share):
    """Half of those who come early order after ten days; the others come late, and may not yet."""
    events = [(c, 20, "ad") for c in range(4)] + [(c, 30, "order") for c in range(2)]
    events += [(c, late, "ad") for c in range(4, 10)]
    row = stages_of(sorted(events), tmp_path).loc[("all", "awareness")]
    assert (row["reached"], row["n"]) == (10, 10)
    assert row["to_next"] == pytest.approx(share)


def test_a_move_after_the_horizon_is_no_move_yet(tmp_path):
    """The outcome is followed for 25 days."""
    events = [(0, 20, "ad"), (0, 45, "order"), (1, 20, "ad"), (1, 45.001, "order")]
    row = stages_of(events, tmp_path).loc[("all", "awareness")]
    assert row["to_next"] == 0.5


def test_stages_are_measured_for_each_persona_with_its_mood(tmp_path):
    personas = pd.DataFrame({"customer": [0, 1], "persona": ["A", "B"]})
    feelings = pd.DataFrame({"stage": ["awareness"], "persona": ["B"], "value": [-0.5]})
    table = stages_of(
        [(0, 20, "ad"), (1, 20, "order"), (1, 60, "odd")], tmp_path, personas=personas,
        feelings=feelings,
    )  # fmt: skip
    assert set(table.index.get_level_values(0)) == {"all", "A", "B"}
    assert table.loc[("A", "awareness"), "reached"] == 1
    assert table.loc[("B", "awareness"), "sentiment"] == -0.5


def test_customers_without_a_stage_reach_none():
    rows = pd.DataFrame(columns=["customer", "place", "days", "end"])
    road = Road(("a", "b"), pd.Series([0, 1]), rows, 0, 30.0)
    table = measure_stages(road, personas=NOBODY, feelings=NO_FEELINGS)
    assert table["reached"].tolist() == [0, 0]
    assert table["value"].isna().all()


def test_a_stage_reached_by_nobody_keeps_its_row(tmp_path):
    table = stages_of([(0, 20, "ad")], tmp_path)
    assert table.loc[("all", "retention"), "reached"] == 0
    assert np.isnan(table.loc[("all", "retention"), "median_days"])


def test_where_nobody_was_seen_later_nothing_is_known_of_going_on(tmp_path):
    table = stages_of([(0, 20, "ad"), (0, 22, "order"), (1, 30, "ad")], tmp_path)
    assert table.loc[("all", "awareness"), "to_next"] == pytest.approx(0.5)
    assert table.loc[("all", "decision"), ["to_next", "value", "low"]].isna().all()


def test_journeys_cut_by_outcome_convert_or_stay_open(tmp_path):
    codes = replace(CODES, cut="outcome", gap=5 * DAY)
    events = [(0, 20, "ad"), (0, 21, "order"), (0, 30, "ad"), (0, 31, "product")]
    table = count_paths(write_log(tmp_path, frame_of(events), codes=codes))
    found = dict(zip(table["path"], table["converted_share"], strict=True))
    assert found == {"ad → order": 1.0, "ad → product": 0.0}


def test_a_good_channel_does_not_hide_a_bad_one(tmp_path):
    events = [(i, 12 + i / 10, "checkout") for i in range(40)]
    rows = frame_of(events).assign(channel=[1 + i % 2 for i in range(40)])
    log = write_log(tmp_path, rows)
    tones = [(-0.9 if i % 2 else 0.9) + 0.01 * (i % 3) for i in range(40)]
    voices = pd.DataFrame(
        {
            "customer": range(40),
            "touchpoint": "checkout",
            "channel": [("app", "web")[i % 2] for i in range(40)],
            "sentiment": tones,
        }
    )
    table = count_touchpoints(
        log, score_touchpoints(voices), by_channel=score_channels(voices)
    ).set_index("channel")
    assert table.loc["app", "sentiment"] > 0.8
    assert table.loc["web", "sentiment"] < -0.8
    few = voices.groupby("channel").head(9)
    table = count_touchpoints(log, score_touchpoints(few), by_channel=score_channels(few))
    assert len(set(table["sentiment"])) == 1
