from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, NAMES, inside, random_events, write_log

from journeylib.engine import summarise
from journeylib.exposures import Groups
from journeylib.hazards import LAG, WEEK, Hazards, summarise_hazards
from journeylib.log import DAY, Codes
from journeylib.summaries import Tally

OUTCOMES = [replace(CODES, outcome=outcome) for outcome in ("repeat_purchase", "retention")]
seeds = pytest.mark.parametrize("seed", range(6))
outcomes = pytest.mark.parametrize("codes", OUTCOMES, ids=lambda codes: codes.outcome)


def hazards(log):
    return summarise(summarise_hazards, log.readable).frame()


def usual_channel(events):
    counts = pd.Series([event["channel"] for event in events], dtype=int).value_counts()
    return int(counts.index[counts == counts.max()].min()) if len(counts) else 0


def people_of(events, codes, stage):
    """Follow each customer from entering a stage: time at risk, end, meetings, the slow way."""
    deciding = codes.bad if codes.outcome == "retention" else codes.good
    for _, frame in inside(events, codes).groupby("customer"):
        own = frame.to_dict("records")
        places = [i for i, e in enumerate(own) if codes.stage_of[e["touchpoint"]] == stage]
        if not places:
            continue
        start = places[0]
        hits = [i for i, event in enumerate(own) if event["touchpoint"] in deciding]
        if codes.outcome == "retention" and any(i <= start for i in hits):
            continue
        later = [i for i in hits if i > start]
        stop = own[later[0]]["time"] if later else codes.end
        if stop <= own[start]["time"]:
            continue
        met = {}
        for i in places:
            if own[i]["time"] < stop:
                cell = own[i]["touchpoint"], own[i]["channel"]
                met.setdefault(cell, own[i]["time"] - own[start]["time"])
        span = stop - own[start]["time"]
        yield usual_channel(own[:start]), span, bool(later), met


def rates_by_hand(people, cell):
    """Sum outcomes and days by stratum, exposed and not, the slow way."""
    sums = {}
    for usual, span, ended, met in people:
        since = met.get(cell, np.inf)
        for week in range(span // WEEK + 1):
            begin, end = week * WEEK, min((week + 1) * WEEK, span)
            before = max(0, min(end, since) - begin)
            after = max(0, end - max(begin, since + LAG))
            row = sums.setdefault((usual, week), [0, 0.0, 0, 0.0])
            row[1] += after / DAY
            row[3] += before / DAY
        if ended:
            row = sums.setdefault((usual, (span - 1) // WEEK), [0, 0.0, 0, 0.0])
            row[0] += span > since + LAG
            row[2] += span <= since
    return sums.values()


@seeds
@outcomes
def test_rates_are_those_by_hand(tmp_path, seed, codes):
    events = random_events(seed, customers=60)
    table = hazards(write_log(tmp_path, events, codes=codes))
    assert len(table) > 0
    for row in table.to_dict("records"):
        cell = NAMES.index(row["touchpoint"]), codes.channels.index(row["channel"])
        people = list(people_of(events, codes, codes.stage_of[cell[0]]))
        exposed = [met for _, span, _, met in people if met.get(cell, span) + LAG < span]
        assert (row["entered"], row["exposed"]) == (len(people), len(exposed))
        sums = [(a, s, b, t) for a, s, b, t in rates_by_hand(people, cell) if s + t > 0]
        expected = {
            "events": sum(a for a, *_ in sums),
            "expected": sum((a + b) * s / (s + t) for a, s, b, t in sums),
            "top": sum(a * t / (s + t) for a, s, b, t in sums),
            "bottom": sum(b * s / (s + t) for a, s, b, t in sums),
            "spread": sum((a + b) * s * t / (s + t) ** 2 for a, s, b, t in sums),
        }
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@seeds
@outcomes
def test_partitions_add_up_to_the_whole(tmp_path, seed, codes):
    events = random_events(seed, customers=60)
    whole = hazards(write_log(tmp_path / "1", events, codes=codes))
    for parts in (2, 5):
        log = write_log(tmp_path / str(parts), events, codes=codes, parts=parts)
        pd.testing.assert_frame_equal(hazards(log), whole)


def planted(rng, *, customers, ratio):
    """Draw accounts that meet support at a random day, and leave at a rate that it multiplies."""
    rows = []
    for customer in range(customers):
        meets, leaves = rng.exponential(40), rng.exponential(60)
        if leaves > meets:
            leaves = meets + (leaves - meets) / ratio
        rows.append((customer, 10 * DAY, NAMES.index("delivery")))
        if meets < min(leaves, 99):
            rows.append((customer, int((10 + meets) * DAY), NAMES.index("support")))
        if leaves < 99:
            rows.append((customer, int((10 + leaves) * DAY), NAMES.index("cancellation")))
    events = pd.DataFrame(rows, columns=["customer", "time", "touchpoint"])
    stage = np.array(CODES.stage_of)[events["touchpoint"]]
    return events.assign(channel=0, stage=stage, source=0, value=np.nan, sentiment=np.nan)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_planted_rate_ratio_is_covered(tmp_path, ratio):
    """300 data sets; to take all who ever met it as exposed would show 0.3 where the truth is 1."""
    rng = np.random.default_rng(11)
    codes, covered, naive = replace(CODES, outcome="retention"), 0, []
    for draw in range(300):
        events = planted(rng, customers=150, ratio=ratio)
        log = write_log(tmp_path / str(draw), events, codes=codes)
        row = hazards(log).set_index("touchpoint").loc["support"]
        log_ratio = np.log(row["top"] / row["bottom"])
        error = np.sqrt(row["spread"] / (row["top"] * row["bottom"]))
        covered += abs(log_ratio - np.log(ratio)) <= 1.96 * error
        gone = events.loc[events["touchpoint"] == NAMES.index("cancellation"), "customer"]
        met = events.loc[events["touchpoint"] == NAMES.index("support"), "customer"]
        naive.append(gone.isin(met).sum() / len(met) / ((~gone.isin(met)).sum() / (150 - len(met))))
    assert 0.912 <= covered / 300 <= 0.988
    assert np.mean(naive) < 0.75 * ratio


def test_the_first_day_after_a_meeting_is_nobodys(tmp_path):
    rows = [(c, 20 * DAY, 4) for c in range(40)] + [(c, 30 * DAY, 5) for c in range(20)]
    rows += [(c, 30 * DAY + LAG // 2, 6) for c in range(5)]
    rows += [(c, 30 * DAY + LAG * 2, 6) for c in range(5, 12)]
    events = pd.DataFrame(rows, columns=["customer", "time", "touchpoint"])
    events = events.sort_values(["customer", "time"], ignore_index=True)
    events = events.assign(channel=0, stage=2, source=0, value=np.nan, sentiment=np.nan)
    log = write_log(tmp_path, events, codes=replace(CODES, outcome="retention"))
    row = hazards(log).set_index("touchpoint").loc["support"]
    assert (row["exposed"], row["events"], row["entered"]) == (15, 7, 40)


@pytest.mark.parametrize("codes", [Codes(), CODES, replace(CODES, outcome="none", follow=0)])
def test_a_log_without_events_or_outcome_has_no_rows_but_all_columns(tmp_path, codes):
    full = hazards(write_log(tmp_path / "full", random_events(1, customers=60)))
    empty = hazards(write_log(tmp_path / "empty", random_events(1)[:0], codes=codes))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_hazards_hold_tallies_that_add():
    log = Hazards(CODES, *[Tally.of(np.array([1]), np.ones(1))] * 5)
    assert (log + log).entered.sums.tolist() == [[2.0]]


def everyone(customers, since):
    people = pd.DataFrame({"customer": range(customers), "persona": "x"})
    return Groups.of(people, customers, since)


@outcomes
def test_one_group_known_from_the_first_is_everybody(tmp_path, codes):
    log = write_log(tmp_path, random_events(5, customers=300), codes=codes)
    function = partial(summarise_hazards, groups=everyone(300, codes.start))
    own = summarise(function, log.readable).frame().drop(columns=["group", "other"])
    pd.testing.assert_frame_equal(own, hazards(log).drop(columns=["group", "other"]))
    assert len(own) > 3


@outcomes
def test_no_time_and_no_outcome_before_a_group_was_known_counts(tmp_path, codes):
    since = codes.start + 40 * DAY
    events = random_events(5, customers=300)
    log = write_log(tmp_path, events, codes=codes)
    found = summarise(partial(summarise_hazards, groups=everyone(300, since)), log.readable)
    people = list(people_of(events, codes, 2))
    start = inside(events, codes)
    start = start[start["touchpoint"].map(lambda t: codes.stage_of[t]) == 2]
    entry = start.groupby("customer")["time"].min()
    assert found.entered.at(np.array([2]))[0, 0] <= len(people)
    deciding = codes.bad if codes.outcome == "retention" else codes.good
    late = inside(events, codes)
    late = late[late["touchpoint"].isin(deciding) & (late["time"] > since)]
    assert found.risk.sums[:, 0].sum() <= late["customer"].nunique() * 3
    assert (entry < since).any()
    nothing = partial(summarise_hazards, groups=everyone(300, codes.end))
    assert summarise(nothing, log.readable).risk.sums[:, 0].sum() == 0
