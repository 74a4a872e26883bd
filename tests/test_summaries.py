from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, NAMES, frame_of, inside, journeys_of, random_events, write_log

from journeylib.engine import summarise
from journeylib.log import DAY, HOUR, Codes
from journeylib.summaries import (
    NEVER,
    summarise_customers,
    summarise_loops,
    summarise_moves,
    summarise_paths,
    summarise_touches,
)

EVERY = [
    summarise_touches,
    summarise_moves,
    summarise_customers,
    summarise_paths,
    summarise_loops,
]
CUTS = [replace(CODES, cut=cut, gap=9 * DAY) for cut in ("none", "gap", "outcome")]
seeds = pytest.mark.parametrize("seed", range(8))
cuts = pytest.mark.parametrize("codes", CUTS, ids=lambda codes: codes.cut)


def summed(function, log):
    return summarise(function, log.readable).frame()


@seeds
@cuts
@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.__name__)
def test_partitions_add_up_to_the_whole(tmp_path, seed, codes, function):
    events = random_events(seed)
    whole = summed(function, write_log(tmp_path / "1", events, codes=codes))
    for parts in (2, 5):
        log = write_log(tmp_path / str(parts), events, codes=codes, parts=parts)
        pd.testing.assert_frame_equal(summed(function, log), whole)


@seeds
def test_touches_are_counted_as_by_pandas(tmp_path, seed):
    events = random_events(seed)
    own = inside(events)
    grouped = own.fillna({"value": 0.0}).groupby(["touchpoint", "channel"])
    expected = grouped.agg(
        customers=("customer", "nunique"), events=("time", "size"), value=("value", "sum")
    )
    table = summed(summarise_touches, write_log(tmp_path, events))
    keys = [NAMES.index(name) for name in table["touchpoint"]]
    channels = [CODES.channels.index(name) for name in table["channel"]]
    assert list(zip(keys, channels, strict=True)) == expected.index.tolist()
    np.testing.assert_allclose(table[["customers", "events", "value"]], expected, atol=1e-9)
    assert set(table.loc[table["touchpoint"] == "odd", "stage"]) <= {"unmapped"}


def moves_by_hand(journeys):
    """Count each move by customer, and keep its hours."""
    counts, hours = Counter(), defaultdict(list)
    for journey in journeys:
        for one, two in pairwise(journey):
            key = (one["touchpoint"], two["touchpoint"])
            counts[one["customer"], *key] += 1
            hours[key].append((two["time"] - one["time"]) / HOUR)
    return counts, hours


@seeds
@cuts
def test_moves_and_their_clustered_sums_are_those_by_hand(tmp_path, seed, codes):
    events = random_events(seed)
    counts, hours = moves_by_hand(journeys_of(events, codes))
    left = Counter()
    for (customer, origin, _), count in counts.items():
        left[customer, origin] += count
    table = summed(summarise_moves, write_log(tmp_path, events, codes=codes))
    assert len(table) == len(hours)
    for row in table.to_dict("records"):
        key = NAMES.index(row["from"]), NAMES.index(row["to"])
        own = {c: n for (c, *pair), n in counts.items() if tuple(pair) == key}
        out = {c: n for (c, origin), n in left.items() if origin == key[0]}
        assert (row["count"], row["customers"]) == (sum(own.values()), len(own))
        assert row["median_hours"] == pytest.approx(np.median(hours[key]))
        assert row["square"] == sum(n * n for n in own.values())
        assert row["cross"] == sum(n * out[c] for c, n in own.items())
        assert row["left"] == sum(out.values())
        assert row["left_square"] == sum(n * n for n in out.values())
        assert row["left_customers"] == len(out)


@seeds
def test_customers_are_described_as_by_hand(tmp_path, seed):
    events = random_events(seed)
    table = summed(summarise_customers, write_log(tmp_path, events)).set_index("customer")
    people = dict(iter(inside(events).groupby("customer")))
    assert table.index.tolist() == sorted(people)
    for customer, own in people.items():
        row, orders = table.loc[customer], own[(own["touchpoint"] == 3) & ~(own["value"] < 0)]
        assert row["events"] == len(own)
        assert (row["first"], row["last"]) == (own["time"].min(), own["time"].max())
        assert row["orders"] == len(orders)
        assert row["spent"] == pytest.approx(orders["value"].sum())
        assert row["value"] == pytest.approx(own["value"].sum())
        assert row["cancelled"] == (own["touchpoint"] == 6).any()
        assert row["touchpoints"] == own["touchpoint"].nunique()
        assert row["channel:web"] == (own["channel"] == 2).sum()
        bought = orders["time"]
        first, last = (bought.min(), bought.max()) if len(bought) else (NEVER, -1)
        assert (row["first_order"], row["last_order"]) == (first, last)
        longest = bought.diff().max() / DAY
        assert row["longest_gap"] == pytest.approx(longest, nan_ok=True)


@seeds
def test_customers_reach_stages_and_go_on_as_by_hand(tmp_path, seed):
    events = random_events(seed)
    table = summed(summarise_customers, write_log(tmp_path, events)).set_index("customer")
    for customer, own in inside(events).groupby("customer"):
        stages, times = own["stage"].tolist(), own["time"].tolist()
        for code, name in enumerate(CODES.stages):
            at = stages.index(code) if code in stages else None
            later = [t for t, s in zip(times, stages, strict=True) if s > code]
            assert table.loc[customer, f"stage:{name}"] == (NEVER if at is None else times[at])
            if at is not None:
                later = [t for t, s in zip(times[at:], stages[at:], strict=True) if s > code]
            expected = later[0] if at is not None and later else NEVER
            assert table.loc[customer, f"next:{name}"] == expected


@seeds
@cuts
def test_paths_are_those_by_hand(tmp_path, seed, codes):
    events = random_events(seed, most=30)
    journeys, good = Counter(), Counter()
    for journey in journeys_of(events, codes):
        steps = [NAMES[event["touchpoint"]] for event in journey]
        short = [name for i, name in enumerate(steps) if i == 0 or name != steps[i - 1]]
        path = " → ".join([*short[:12], *(["…"] if len(short) > 12 else [])])
        journeys[path] += 1
        good[path] += "order" in steps
    table = summed(summarise_paths, write_log(tmp_path, events, codes=codes))
    assert dict(zip(table["path"], table["journeys"], strict=True)) == dict(journeys)
    assert dict(zip(table["path"], table["good"], strict=True)) == {p: good[p] for p in journeys}


@seeds
@cuts
def test_loops_are_those_by_hand(tmp_path, seed, codes):
    events = random_events(seed)
    returns, who, days = Counter(), defaultdict(set), Counter()
    for journey in journeys_of(events, codes):
        seen, looped = {}, {}
        for place, event in enumerate(journey):
            code = event["touchpoint"]
            if code in seen and place - seen[code][0] > 1:
                returns[code] += 1
                who[code].add(event["customer"])
                looped[code] = True
            first = seen[code][1] if code in seen else event["time"]
            seen[code] = (place, first, event["time"])
        for code in looped:
            days[code] += (seen[code][2] - seen[code][1]) / DAY
    visitors = inside(events).groupby("touchpoint")["customer"].nunique()
    table = summed(summarise_loops, write_log(tmp_path, events, codes=codes))
    assert sorted(table["touchpoint"]) == sorted(NAMES[code] for code in returns)
    for row in table.to_dict("records"):
        code = NAMES.index(row["touchpoint"])
        assert row["repeats"] == returns[code]
        assert (row["customers"], row["visitors"]) == (len(who[code]), visitors[code])
        assert row["extra_days"] == pytest.approx(days[code] / len(who[code]))


def test_a_path_of_twelve_is_whole_and_one_of_thirteen_is_cut(tmp_path):
    steps = [(0, 20 + i, NAMES[i % 2]) for i in range(12)]
    longer = [(1, 20 + i, NAMES[i % 2]) for i in range(13)]
    table = summed(summarise_paths, write_log(tmp_path, frame_of(steps + longer)))
    assert sorted(path.count("→") for path in table["path"]) == [11, 12]
    assert table["path"].str.endswith("…").sum() == 1


def test_an_order_without_money_still_counts_as_an_order(tmp_path):
    table = summed(summarise_customers, write_log(tmp_path, frame_of([(0, 20, "order")])))
    assert (table.loc[0, "orders"], table.loc[0, "spent"]) == (1, 0.0)


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.__name__)
@pytest.mark.parametrize("codes", [Codes(), CODES], ids=["nothing", "names"])
def test_an_empty_log_has_the_columns_and_kinds_of_a_full_one(tmp_path, function, codes):
    empty = summed(function, write_log(tmp_path / "empty", random_events(1)[:0], codes=codes))
    full = summed(function, write_log(tmp_path / "full", random_events(1)))
    assert len(empty) == 0
    if codes == CODES:
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    else:
        assert set(empty.columns) <= set(full.columns)


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.__name__)
def test_one_customer_with_one_event_is_summarised(tmp_path, function):
    table = summed(function, write_log(tmp_path, frame_of([(0, 20, "ad")])))
    assert len(table) == (0 if function in {summarise_moves, summarise_loops} else 1)


def test_ten_thousand_touchpoints_need_no_square_table(tmp_path):
    size = 10_000
    codes = replace(
        CODES, touchpoints=tuple(f"t{i}" for i in range(size)), stage_of=(0,) * size,
        timing=("pre_purchase",) * size, good=(), bad=(),
    )  # fmt: skip
    rng = np.random.default_rng(5)
    events = frame_of([(i // 4, 20 + i % 4, "ad") for i in range(20_000)])
    events["touchpoint"] = rng.integers(0, size, len(events))
    log = write_log(tmp_path, events, codes=codes)
    assert summed(summarise_moves, log)["count"].sum() == 15_000
    assert summed(summarise_touches, log)["events"].sum() == 20_000
