from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, NAMES, frame_of, inside, random_events, write_log

from journeylib.engine import summarise
from journeylib.exposures import (
    FIRST_HOUR,
    GROWTH,
    OPEN_DAYS,
    Groups,
    summarise_exposures,
    summarise_reach,
)
from journeylib.log import DAY, HOUR, Codes

OUTCOMES = [
    replace(CODES, outcome=outcome) for outcome in ("repeat_purchase", "retention", "conversion")
]
seeds = pytest.mark.parametrize("seed", range(6))
outcomes = pytest.mark.parametrize("codes", OUTCOMES, ids=lambda codes: codes.outcome)


def exposures(log, stations=()):
    return summarise(partial(summarise_exposures, stations=stations), log.readable).frame()


def ending(own, at, wait, codes):
    """Tell how it ended after event number `at` of one customer: True, False, or None."""
    deciding = codes.bad if codes.outcome == "retention" else codes.good
    begin = own[at]["time"] + wait
    if begin + codes.follow > codes.end:
        return None
    hits = [i for i, event in enumerate(own) if event["touchpoint"] in deciding]
    if codes.outcome != "repeat_purchase" and any(i <= at for i in hits):
        return None
    if wait and any(i > at and own[i]["time"] <= begin for i in hits):
        return None
    later = [i for i in hits if i > at and own[i]["time"] <= begin + codes.follow]
    return (not later) if codes.outcome == "retention" else bool(later)


def stop_before(own, at, codes, stations):
    """Find the last purchase before an event, or the last station passed since."""
    bought = [i for i in range(at) if own[i]["touchpoint"] in codes.good]
    if not bought:
        return None
    passed = [i for i in range(at) if own[i]["touchpoint"] in (*codes.good, *stations)]
    return passed[-1]


def by_hand(events, codes, stations=()):
    """Follow every first visit of every customer, the slow way."""
    cells = {}
    for _, frame in inside(events, codes).groupby("customer"):
        own = frame.to_dict("records")
        visits = {}
        for i, event in enumerate(own):
            visits.setdefault((event["touchpoint"], event["channel"]), []).append(i)
        for cell, places in visits.items():
            row = cells.setdefault(
                cell, {"seen": 0, "left": 0, "waits": [], "again": [], "after": []}
            )
            first, last = places[0], places[-1]
            if own[last]["time"] < codes.end - OPEN_DAYS * DAY:
                row["seen"] += 1
                row["left"] += last == len(own) - 1
            row["after"].append(ending(own, first, 0, codes))
            back = len(places) > 1 and own[places[1]]["time"] - own[first]["time"] <= 7 * DAY
            row["again"].append((back, ending(own, first, 7 * DAY, codes)))
            late = codes.timing[cell[0]] == "post_purchase"
            origin = stop_before(own, first, codes, stations) if late else first - 1
            if origin is not None and origin >= 0:
                hours = (own[first]["time"] - own[origin]["time"]) / HOUR
                row["waits"].append((hours, ending(own, first, 0, codes)))
    return cells


def split(waits):
    """Split waits at the bin edge nearest to three quarters of them."""
    known = [(max(hours, FIRST_HOUR), good) for hours, good in waits if good is not None]
    if not known:
        return np.nan, [], []
    table = pd.DataFrame(known, columns=["hours", "good"])
    bins = (np.log(table["hours"] / FIRST_HOUR) / GROWTH).clip(0, 159).astype(int)
    reach = bins.value_counts().sort_index().cumsum()
    edge = (reach - 0.75 * len(table)).abs().idxmin()
    edges = FIRST_HOUR * np.exp(GROWTH * (edge + 1)) / 24
    return edges, table["good"][bins > edge].tolist(), table["good"][bins <= edge].tolist()


@seeds
@outcomes
@pytest.mark.parametrize("stations", [(), (4,)], ids=["none", "delivery"])
def test_exposures_are_those_by_hand(tmp_path, seed, codes, stations):
    events = random_events(seed, customers=30)
    expected = by_hand(events, codes, stations)
    table = exposures(write_log(tmp_path, events, codes=codes), stations)
    met = {cell for cell, row in expected.items() if row["seen"] or set(row["after"]) != {None}}
    found = zip(table["touchpoint"], table["channel"], strict=True)
    assert {(NAMES.index(t), codes.channels.index(c)) for t, c in found} == met
    for row in table.to_dict("records"):
        own = expected[NAMES.index(row["touchpoint"]), codes.channels.index(row["channel"])]
        followed = [good for good in own["after"] if good is not None]
        back = [good for came, good in own["again"] if came and good is not None]
        once = [good for came, good in own["again"] if not came and good is not None]
        edge, slow, quick = split(own["waits"])
        assert (row["seen"], row["left"]) == (own["seen"], own["left"])
        assert (row["followed"], row["followed_good"]) == (len(followed), sum(followed))
        assert (row["back"], row["back_good"]) == (len(back), sum(back))
        assert (row["once"], row["once_good"]) == (len(once), sum(once))
        assert (row["slow"], row["slow_good"]) == (len(slow), sum(slow))
        assert (row["quick"], row["quick_good"]) == (len(quick), sum(quick))
        assert row["wait_days"] == pytest.approx(edge, nan_ok=True)


@seeds
@outcomes
def test_partitions_add_up_to_the_whole(tmp_path, seed, codes):
    events = random_events(seed)
    whole = exposures(write_log(tmp_path / "1", events, codes=codes))
    for parts in (2, 5):
        log = write_log(tmp_path / str(parts), events, codes=codes, parts=parts)
        pd.testing.assert_frame_equal(exposures(log), whole)


def followed(tmp_path, events, codes=CODES, name="ad"):
    table = exposures(write_log(tmp_path, frame_of(events), codes=codes)).set_index("touchpoint")
    return int(table.loc[name, "followed"]), int(table.loc[name, "followed_good"])


@pytest.mark.parametrize(("day", "good"), [(45, 1), (45.001, 0)])
def test_the_outcome_counts_to_the_last_moment_of_the_follow_up(tmp_path, day, good):
    assert followed(tmp_path, [(0, 20, "ad"), (0, day, "order")]) == (1, good)


@pytest.mark.parametrize(("day", "cases"), [(85, 1), (85.001, 0)])
def test_whoever_cannot_be_followed_to_the_end_is_not_counted(tmp_path, day, cases):
    assert followed(tmp_path, [(0, day, "ad"), (1, 20, "ad")]) == (1 + cases, 0)


def test_at_the_same_moment_the_order_of_the_log_decides(tmp_path):
    assert followed(tmp_path / "a", [(0, 20, "ad"), (0, 20, "order")]) == (1, 1)
    assert followed(tmp_path / "b", [(0, 20, "order"), (0, 20, "ad")]) == (1, 0)


def test_an_account_that_was_cancelled_before_has_not_stayed(tmp_path):
    codes = replace(CODES, outcome="retention")
    events = [(0, 20, "cancellation"), (0, 21, "ad"), (1, 20, "ad")]
    assert followed(tmp_path, events, codes) == (1, 1)


def test_a_cancellation_while_we_wait_is_not_counted_as_staying(tmp_path):
    codes = replace(CODES, outcome="retention")
    events = [(0, 20, "support"), (0, 22, "support"), (0, 25, "cancellation")]
    table = exposures(write_log(tmp_path, frame_of(events), codes=codes)).set_index("touchpoint")
    assert table.loc["support", "back"] == 0


@pytest.mark.parametrize(("day", "seen"), [(79.999, 1), (80, 0)])
def test_the_last_thirty_days_are_too_recent_to_have_left(tmp_path, day, seen):
    table = exposures(write_log(tmp_path, frame_of([(0, day, "ad"), (1, 50, "ad")])))
    assert table["seen"].sum() == 1 + seen
    assert table["left"].sum() == 1 + seen


def test_recent_customers_count_alike_whether_or_not_more_has_happened(tmp_path):
    """To leave out recent leavers alone would show 2 of 3 who go on; it is 1 of 2."""
    events = [(0, 20, "ad"), (1, 20, "ad"), (1, 21, "order"), (2, 100, "ad"), (3, 100, "ad")]
    table = exposures(write_log(tmp_path, frame_of([*events, (3, 101, "order")])))
    table = table.set_index("touchpoint")
    assert (table.loc["ad", "seen"], table.loc["ad", "left"]) == (2, 1)


def test_a_delay_is_counted_where_it_arises(tmp_path):
    events = [
        event
        for customer in range(20)
        for event in (
            (customer, 20, "order"),
            (customer, 21 + customer, "delivery"),
            (customer, 23 + customer, "support"),
        )
    ]
    log = write_log(tmp_path, frame_of(events))
    stations = summarise(summarise_reach, log.readable).stations
    assert [NAMES[code] for code in stations] == ["delivery", "support"]
    plain = exposures(log).set_index("touchpoint")
    passed = exposures(log, stations).set_index("touchpoint")
    assert plain.loc["support", "wait_days"] > 15
    assert passed.loc["support", "wait_days"] == pytest.approx(2, rel=0.09)
    assert passed.loc["delivery", "wait_days"] == plain.loc["delivery", "wait_days"] > 14


@pytest.mark.parametrize(("met", "stations"), [(5, ("delivery",)), (4, ())])
def test_half_of_the_buyers_make_a_station(tmp_path, met, stations):
    events = [(c, 20, "order") for c in range(10)] + [(c, 25, "delivery") for c in range(met)]
    table = frame_of(events).sort_values(["customer", "time"])
    reach = summarise(summarise_reach, write_log(tmp_path, table, parts=3).readable)
    assert reach.buyers == 10
    assert tuple(NAMES[code] for code in reach.stations) == stations


@pytest.mark.parametrize("codes", [Codes(), CODES, replace(CODES, outcome="none", follow=0)])
def test_an_empty_log_has_the_columns_and_kinds_of_a_full_one(tmp_path, codes):
    empty = exposures(write_log(tmp_path / "empty", random_events(1)[:0], codes=codes))
    full = exposures(write_log(tmp_path / "full", random_events(1)))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert summarise(summarise_reach, write_log(tmp_path / "b", random_events(1)[:0]).readable)


def test_without_an_outcome_nobody_is_followed(tmp_path):
    codes = replace(CODES, outcome="none", follow=0)
    table = exposures(write_log(tmp_path, random_events(2), codes=codes))
    assert table["seen"].sum() > 0
    assert table[["slow", "quick", "back", "once", "followed"]].to_numpy().sum() == 0


def test_thousands_of_touchpoints_stay_small(tmp_path):
    size = 10_000
    codes = replace(
        CODES, touchpoints=tuple(f"t{i}" for i in range(size)), stage_of=(2,) * size,
        timing=("post_purchase",) * size, good=(3,), bad=(),
    )  # fmt: skip
    events = frame_of([(i // 4, 20 + i % 4, "ad") for i in range(8_000)])
    events["touchpoint"] = np.random.default_rng(5).integers(0, size, len(events))
    summary = summarise(summarise_exposures, write_log(tmp_path, events, codes=codes).readable)
    assert summary.after.sums.sum() == len(events.drop_duplicates(["customer", "touchpoint"]))
    assert len(summary.waits.key) <= len(events)


def held_back(own, at, wait, codes, since):
    """As `ending`, with outcomes counted from the day on which groups are known."""
    return ending(own, at, max(wait, since - own[at]["time"]), codes)


@seeds
@outcomes
def test_groups_count_nothing_that_came_before_they_were_known(tmp_path, seed, codes):
    events, since = random_events(seed, customers=60), codes.start + 30 * DAY
    people = pd.DataFrame(
        {"customer": range(40), "persona": [["x", "y"][c % 2] for c in range(40)]}
    )
    groups = Groups.of(people, 60, since)
    log = write_log(tmp_path, events, codes=codes)
    function = partial(summarise_exposures, groups=groups)
    table = summarise(function, log.readable).frame()
    expected = {}
    for customer, frame in inside(events, codes).groupby("customer"):
        own, first, last = frame.to_dict("records"), {}, {}
        for i, event in enumerate(own):
            cell = (event["touchpoint"], event["channel"])
            first.setdefault(cell, i)
            last[cell] = i
        for cell in first if customer < 40 else ():
            row = expected.setdefault((["x", "y"][customer % 2], *cell), [0, 0, 0, 0])
            late = own[last[cell]]["time"]
            if since <= late < codes.end - OPEN_DAYS * DAY:
                row[0] += 1
                row[1] += last[cell] == len(own) - 1
            good = held_back(own, first[cell], 0, codes, since)
            row[2] += good is not None
            row[3] += bool(good)
    found = {
        (r["group"], NAMES.index(r["touchpoint"]), codes.channels.index(r["channel"])):
        [r["seen"], r["left"], r["followed"], r["followed_good"]]
        for r in table.to_dict("records")
    }  # fmt: skip
    assert found == {key: row for key, row in expected.items() if row[0] or row[2]}
    assert len(found) > 5


def test_a_group_is_slow_by_the_same_wait_as_everybody(tmp_path):
    events = random_events(4, customers=200)
    log = write_log(tmp_path, events)
    people = pd.DataFrame(
        {"customer": range(200), "persona": np.where(np.arange(200) % 3, "x", "y")}
    )
    whole = summarise(summarise_exposures, log.readable)
    function = partial(summarise_exposures, groups=Groups.of(people, 200, 0))
    table = summarise(function, log.readable).frame(like=whole)
    both = table.groupby(["touchpoint", "channel"])[["slow", "quick", "slow_good", "seen"]].sum()
    plain = whole.frame().set_index(["touchpoint", "channel"])[both.columns.tolist()]
    assert both.equals(plain.sort_index())
