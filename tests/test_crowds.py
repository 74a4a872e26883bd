"""Customers and events of each group add up over partitions and agree with pandas."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import CODES, random_events, write_log

from journeylib.crowds import COLUMNS, count_crowds
from journeylib.log import Log


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_groups_are_counted_as_pandas_counts_them(tmp_path_factory, seed):
    events = random_events(seed)
    log = write_log(tmp_path_factory.mktemp("log"), events, parts=3)
    groups = pd.DataFrame({"customer": range(8), "persona": [f"g{at % 3}" for at in range(8)]})
    inside = events[events["time"].between(CODES.start, CODES.end - 1)]
    joined = inside.merge(groups, on="customer")
    joined["touchpoint"] = [CODES.touchpoints[code] for code in joined["touchpoint"]]
    joined["channel"] = [CODES.channels[code] for code in joined["channel"]]
    keys = ["persona", "touchpoint", "channel"]
    wanted = joined.groupby(keys)["customer"].agg(customers="nunique", events="size").reset_index()
    found = count_crowds(log, groups)[[*keys, "customers", "events"]].sort_values(keys)
    assert found.to_numpy().tolist() == wanted.sort_values(keys).to_numpy().tolist()


def test_without_groups_or_events_nobody_is_counted(tmp_path):
    groups = pd.DataFrame({"customer": [0], "persona": ["g"]})
    assert count_crowds(Log(tmp_path, CODES), groups.head(0)).columns.tolist() == COLUMNS
    assert count_crowds(Log(tmp_path, CODES), groups.head(0)).empty
