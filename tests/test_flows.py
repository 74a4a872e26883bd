"""Where journeys go, start, end and stay open; where they stand; loops, channels and detours."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import CLIENTS, DATA
from small_logs import CODES, NAMES, frame_of, journeys_of, random_events, write_log

from journeylib.consistency import compare_channels, measure_cells
from journeylib.detours import compare_detours
from journeylib.flows import count_flows, count_places, count_ribbons
from journeylib.journeys import count_paths, describe_customers, estimate_unseen
from journeylib.log import DAY, Codes
from journeylib.passages import find_passages, follow_road
from journeylib.ratios import clustered_shares
from journeylib.representatives import abstract_path, choose_journeys, edit_distances
from journeylib.rework import count_rework, count_switches

SILENCE = 20 * DAY
CUTS = [replace(CODES, cut=cut, gap=9 * DAY) for cut in ("none", "gap", "outcome")]
seeds = pytest.mark.parametrize("seed", range(6))
cuts = pytest.mark.parametrize("codes", CUTS, ids=lambda codes: codes.cut)


def is_closed(journeys, place, codes):
    """Tell whether a journey has ended by the end of the period."""
    journey, last = journeys[place], journeys[place][-1]
    follows = place + 1 < len(journeys) and journeys[place + 1][0]["customer"] == last["customer"]
    ended = codes.cut == "outcome" and last["touchpoint"] in codes.good
    silent = codes.end - last["time"] > SILENCE
    return bool(follows or ended or silent or last["touchpoint"] in codes.bad) and bool(journey)


def states_of(journey, level):
    if level == "stage":
        return [CODES.stages[k] for k, _ in groupby(e["stage"] for e in journey if e["stage"] >= 0)]
    if level == "channel":
        return [CODES.channels[event["channel"]] for event in journey if event["channel"]]
    return [NAMES[event["touchpoint"]] for event in journey]


# ------------------------------------------------------------------ golden


def table_of(counts, names):
    """Lay counts out as one-customer-a-move sums."""
    rows = [(a, b, counts[i][j], sum(counts[i])) for i, a in enumerate(names)
            for j, b in enumerate(names)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["from", "to", "count", "left"])
    return frame.assign(square=frame["count"], cross=frame["count"], left_square=frame["left"],
                        left_customers=frame["left"])  # fmt: skip


def test_rain_moves_between_dry_and_wet_days_as_published():
    """Alofi island rain, R package markovchain: counts and maximum likelihood estimate."""
    counts = [[362, 126, 60], [136, 90, 68], [50, 79, 124]]
    found = clustered_shares(table_of(counts, ["0", "1-5", "6+"]))["value"].to_numpy()
    expected = [0.6605839, 0.2299270, 0.1094891, 0.4625850, 0.3061224, 0.2312925, 0.1976285,
                0.3122530, 0.4901186]  # fmt: skip
    assert found == pytest.approx(expected, abs=5e-8)


def test_moves_for_the_time_at_risk_are_the_published_crude_rates():
    """R package msm, data cav, crudeinits.msm: moves for a year spent in the state.

    The days at risk are those that the printed rates leave open to the sixth decimal; the second
    rate of a state then follows from its count.
    """
    years = np.array([1_095_171, 1_095_171, 143_728, 143_728, 96_671]) / 365
    moves = pd.DataFrame({"count": [204.0, 148, 46, 54, 55], "left": years})
    sums = moves.assign(square=moves["count"], cross=moves["count"], left_square=years,
                        left_customers=years)  # fmt: skip
    found = clustered_shares(sums)["value"].tolist()
    assert found == pytest.approx([0.067989, 0.049326, 0.116818, 0.137134, 0.207663], abs=5e-7)


def test_moves_of_a_log_give_the_published_state_table(tmp_path):
    """R package msm, data cav: consecutive states 1 to 4, 1,367 204 44 148 / 46 134 54 48 / 4 …."""
    counts = [[1367, 204, 44, 148], [46, 134, 54, 48], [4, 13, 107, 55]]
    names = ("ad", "product", "checkout", "order")
    rows = []
    for one, row in enumerate(counts):
        for other, count in enumerate(row):
            base = len({row[0] for row in rows})
            rows += [(base + k, day, names[at]) for k in range(count)
                     for day, at in ((20, one), (21, other))]  # fmt: skip
    log = write_log(tmp_path, frame_of(rows), parts=3)
    found = count_flows(log, silence=SILENCE, level="touchpoint").set_index(["from", "to"])
    table = [[int(found.loc[(a, b), "count"]) for b in names] for a in names[:3]]
    assert table == counts


def test_activities_of_the_fines_stand_in_the_matrix_as_published(tmp_path):
    from journeylib.collect import collect
    from journeylib.params import read_params

    if not DATA.exists():
        pytest.skip("the shared public data is not beside this checkout")
    log = collect(read_params(CLIENTS / "traffic-fines.yml"), tmp_path / "log").built.log
    flows = count_flows(log, silence=365 * DAY, level="touchpoint")
    met = flows[~flows["to"].isin(["end", "open"])].groupby("to")["count"].sum()
    published = {"Create Fine": 10_000, "Send Fine": 6_570, "Payment": 4_910,
                 "Add penalty": 4_635, "Send for Credit Collection": 3_387}  # fmt: skip
    assert {name: int(met[name]) for name in published} == published
    assert met.sum() == 34_724
    assert flows.loc[flows["from"] == "start", "count"].sum() == 10_000
    assert flows.loc[flows["to"].isin(["end", "open"]), "count"].sum() == 10_000


def test_the_shop_of_a_rival_shows_its_graph_funnel_and_matrix(tmp_path):
    """Retentioneering's demo log: 600 customers, 31,106 events, 470 purchases by 328."""
    from journeylib.collect import collect
    from journeylib.params import read_params

    if not DATA.exists():
        pytest.skip("the shared public data is not beside this checkout")
    log = collect(read_params(CLIENTS / "retentioneering-ecom.yml"), tmp_path / "log").built.log
    flows = count_flows(log, silence=60 * DAY, level="touchpoint")
    assert flows[flows["from"] != "start"]["count"].sum() == 31_106
    bought = flows[flows["to"] == "purchase"]
    assert bought["count"].sum() == 470
    assert flows.dropna(subset=["share"])[["low", "high"]].notna().all(axis=None)
    places = count_places(log, silence=60 * DAY)
    assert places.groupby("place")["count"].sum().tolist() == [600] * 10
    first = log.events(limit=40_000).drop_duplicates("customer_id")["touchpoint"].value_counts()
    own = places[places["place"] == 1].set_index("state")["count"]
    assert own.to_dict() == first.to_dict()


def test_the_unseen_share_is_that_of_the_variants_taken_once(tmp_path):
    """Good (1953): the unseen share is that of the journeys whose variant came once."""
    rows = [(c, 20, "ad") for c in range(30)]
    rows += [(30 + c, 20 + k, NAMES[k if k else c]) for c in range(4) for k in range(2)]
    found = estimate_unseen(write_log(tmp_path, frame_of(sorted(rows))))
    assert found.value == pytest.approx(4 / 34)
    assert found.low <= found.value <= found.high


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("day", "to"), [(89.999, "end"), (90.0, "open")])
def test_open_journeys_are_counted_and_are_no_exit(tmp_path, day, to):
    flows = count_flows(write_log(tmp_path, frame_of([(0, day, "ad")])), silence=SILENCE)
    row = flows[flows["from"] == "awareness"].iloc[0]
    assert (row["to"], row["count"]) == (to, 1)
    assert bool(np.isnan(row["share"])) is (to == "open")


@pytest.mark.parametrize("codes", [Codes(), CODES])
def test_an_empty_log_gives_tables_without_rows(tmp_path, codes):
    log = write_log(tmp_path, random_events(1)[:0], codes=codes)
    for level in ("touchpoint", "stage", "channel"):
        assert count_flows(log, silence=SILENCE, level=level).empty
        assert count_places(log, silence=SILENCE, level=level).empty
    for table in (count_ribbons(log, silence=0), choose_journeys(log), count_rework(log),
                  count_switches(log)):  # fmt: skip
        assert table.empty
    road = follow_road(log, describe_customers(log))
    assert compare_detours(log, road).empty


def test_loops_of_two_are_one_whichever_way_they_are_entered():
    assert abstract_path(list("abababc")) == ["a ⇄ b", "c"]
    assert abstract_path(list("abc")) == ["a", "b", "c"]
    assert abstract_path(list("aba")) == ["a ⇄ b"]
    assert abstract_path(list("ab")) == ["a", "b"]
    assert abstract_path([]) == []


def test_one_journey_stands_for_those_that_differ_in_a_quarter(tmp_path):
    rows = [(c, 20 + k, name) for c in range(9) for k, name in enumerate(("ad", "order"))]
    rows += [(9, 20, "delivery")]
    found = choose_journeys(write_log(tmp_path, frame_of(rows)), enough=1.0)
    assert found["path"].tolist() == ["awareness → decision", "retention"]
    assert found["stands_for"].tolist() == [9, 1]
    assert found["share"].sum() == pytest.approx(1)


def test_coming_back_is_a_loop_and_coming_back_from_later_is_rework(tmp_path):
    days = enumerate(("ad", "order", "ad", "delivery", "order"))
    rows = [(0, 20 + k, name) for k, name in days] + [(1, 20, "ad")]
    found = count_rework(write_log(tmp_path, frame_of(rows))).set_index("stage")
    assert found.loc["awareness", ["customers", "visits", "again", "reworkers"]].tolist() == [
        2,
        3,
        1,
        1,
    ]
    assert found.loc["awareness", "value"] == 0.5
    assert found.loc["decision", ["visits", "again", "reworkers"]].tolist() == [2, 1, 1]
    assert found.loc["retention", "again"] == 0


def test_changes_of_channel_are_counted_between_known_ones(tmp_path):
    rows = frame_of([(0, 20 + k, "ad") for k in range(4)] + [(1, 20, "ad")])
    log = write_log(tmp_path, rows.assign(channel=[1, 0, 2, 2, 1]))
    found = count_switches(log).iloc[0]
    assert found[["moves", "switches", "customers", "switchers"]].tolist() == [2, 1, 1, 1]
    assert found["value"] == 0.5


# ------------------------------------------------------------------ property


@seeds
@cuts
@pytest.mark.parametrize("level", ["touchpoint", "stage", "channel"])
def test_flows_are_those_by_hand(tmp_path, seed, codes, level):
    events = random_events(seed)
    journeys = journeys_of(events, codes)
    expected = Counter()
    for place, journey in enumerate(journeys):
        states = states_of(journey, level)
        if states:
            end = "end" if is_closed(journeys, place, codes) else "open"
            expected.update(pairwise(["start", *states, end]))
    log = write_log(tmp_path, events, codes=codes, parts=3)
    found = count_flows(log, silence=SILENCE, level=level)
    assert dict(zip(zip(found["from"], found["to"], strict=True), found["count"], strict=True)) == (
        dict(expected)
    )
    shares = found.dropna(subset=["share"]).groupby("from")["share"].sum()
    assert np.allclose(shares, 1)


@seeds
@cuts
def test_places_are_those_by_hand_and_add_up(tmp_path, seed, codes):
    events = random_events(seed)
    journeys = journeys_of(events, codes)
    expected = Counter()
    for place, journey in enumerate(journeys):
        end = "end" if is_closed(journeys, place, codes) else "open"
        states = [*states_of(journey, "touchpoint"), *[end] * 10][:10]
        expected.update(enumerate(states, start=1))
    found = count_places(write_log(tmp_path, events, codes=codes, parts=2), silence=SILENCE)
    told = dict(zip(zip(found["place"], found["state"], strict=True), found["count"], strict=True))
    assert told == dict(expected)
    assert np.allclose(found.groupby("place")["share"].sum(), 1)


@seeds
def test_ribbons_pass_on_what_they_take_in(tmp_path, seed):
    found = count_ribbons(write_log(tmp_path, random_events(seed), parts=2), silence=SILENCE)
    for place in found["place"].unique():
        came = found[(found["place"] == place) & ~found["to"].isin(["end", "open"])]
        went = found[found["place"] == place + 1]
        if len(went):
            assert came["count"].sum() == went["count"].sum()


@seeds
@cuts
def test_intervals_of_paths_take_customers_as_the_unit(tmp_path, seed, codes):
    found = count_paths(write_log(tmp_path, random_events(seed, most=30), codes=codes))
    assert (found["low"] <= found["value"] + 1e-12).all()
    assert (found["value"] <= found["high"] + 1e-12).all()


def test_a_customer_with_many_equal_journeys_does_not_narrow_the_interval(tmp_path):
    codes = replace(CODES, cut="gap", gap=2 * DAY)
    few = [(c, 12, NAMES[c % 2]) for c in range(20)]
    many = [(c, 12 + 3 * k, NAMES[c % 2]) for c in range(20) for k in range(20)]
    narrow, wide = (
        count_paths(write_log(tmp_path / name, frame_of(rows), codes=codes)).iloc[0]
        for name, rows in (("few", few), ("many", many))
    )
    assert wide["journeys"] == 20 * narrow["journeys"]
    assert wide["high"] - wide["low"] == pytest.approx(narrow["high"] - narrow["low"], rel=0.1)


paths = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=7), min_size=1, max_size=6)


@given(paths)
def test_edit_distances_are_a_distance(drawn):
    found = edit_distances(drawn)
    assert np.allclose(found, found.T)
    assert np.allclose(np.diag(found), 0)
    assert ((found >= 0) & (found <= 1)).all()
    plain = found * np.maximum.outer([len(p) for p in drawn], [len(p) for p in drawn])
    for i in range(len(drawn)):
        assert (plain <= plain[:, [i]] + plain[[i], :] + 1e-9).all()


def test_kitten_is_three_edits_from_sitting():
    assert edit_distances(["kitten", "sitting"])[0, 1] == pytest.approx(3 / 7)


# ------------------------------------------------------------------ channels and detours


def voices_of(rng, gap, *, customers=60, both=False):
    """Draw answers about one touchpoint in two channels, a gap apart."""
    rows = []
    for customer in range(customers):
        own = rng.normal(0, 0.3)
        channels = ("app", "web") if both else (("app", "web")[customer % 2],)
        for channel in channels:
            for _ in range(int(rng.integers(1, 4))):
                tone = own + rng.normal(0, 0.1) + (gap if channel == "web" else 0)
                rows.append((customer, "desk", channel, float(np.clip(tone, -1, 1))))
    return pd.DataFrame(rows, columns=["customer", "touchpoint", "channel", "sentiment"])


@pytest.mark.parametrize(
    ("gap", "customers", "verdict"),
    [(0.5, 60, "differs"), (0.0, 120, "consistent"), (0.0, 24, "cannot tell")],
)
def test_a_touchpoint_that_differs_between_channels_is_found(gap, customers, verdict):
    voices = voices_of(np.random.default_rng(1), gap, customers=customers)
    row = compare_channels(voices).iloc[0]
    assert row["verdict"] == verdict
    if gap:
        assert (row["better"], row["worse"]) == ("web", "app")
        assert row["low"] < gap < row["high"]


def test_customers_who_used_both_channels_make_the_comparison_sharper():
    rng = np.random.default_rng(2)
    apart = compare_channels(voices_of(rng, 0.0, customers=120)).iloc[0]
    same = compare_channels(voices_of(rng, 0.0, customers=60, both=True)).iloc[0]
    assert same["high"] - same["low"] < apart["high"] - apart["low"]
    assert same["verdict"] == "consistent"


@pytest.mark.parametrize(("heard", "rows"), [(10, 1), (9, 0)])
def test_a_channel_needs_ten_customers_to_be_compared(heard, rows):
    voices = voices_of(np.random.default_rng(3), 0.4, customers=2 * heard)
    assert len(compare_channels(voices)) == rows


def test_stages_by_channel_count_who_came_and_who_went_on(tmp_path):
    rows = frame_of([(c, 20 + k, n) for c in range(20) for k, n in enumerate(("ad", "order"))])
    log = write_log(tmp_path, rows.assign(channel=[1 + (c // 2) % 2 for c in range(40)]))
    road = follow_road(log, describe_customers(log), inactive_days=20)
    cells = find_passages(log, silence=SILENCE, by_channel=True)
    placed = pd.DataFrame({"touchpoint": ["ad"], "stage": ["awareness"]})
    voices = pd.DataFrame({"customer": range(4), "touchpoint": "ad", "channel": "app",
                           "sentiment": [0.5, 0.4, 0.6, 0.5]})  # fmt: skip
    found = measure_cells(road, cells, voices, placed=placed).set_index(["stage", "channel"])
    assert found.loc[("awareness", "app"), ["customers", "value", "tone"]].tolist() == [10, 1, 0.5]
    assert found.loc[("decision", "web"), "value"] == 0


def test_those_who_left_are_held_against_those_who_went_on(tmp_path):
    rows = [(c, 20, "ad") for c in range(80)]
    rows += [(c, 21, "product") for c in range(40, 80)]
    rows += [(c, 22, "order") for c in range(40)]
    log = write_log(tmp_path, frame_of(sorted(rows)), parts=3)
    road = follow_road(log, describe_customers(log), inactive_days=20)
    found = compare_detours(log, road).set_index(["stage", "touchpoint", "kind"])
    row = found.loc[("awareness", "product", "last")]
    assert row[["lost", "lost_met", "went", "went_met"]].tolist() == [40, 40, 40, 0]
    assert row["value"] == 1
    assert row["low"] > 0.8
    assert found.loc[("awareness", "ad", "met"), "value"] == 0


@pytest.mark.parametrize(("fewest", "rows"), [(40, True), (41, False)])
def test_stages_with_too_few_on_either_side_are_not_compared(tmp_path, fewest, rows):
    events = [(c, 20, "ad") for c in range(80)] + [(c, 22, "order") for c in range(40)]
    log = write_log(tmp_path, frame_of(sorted(events)))
    road = follow_road(log, describe_customers(log), inactive_days=20)
    found = compare_detours(log, road, fewest=fewest)
    assert ("awareness" in set(found["stage"])) is rows
