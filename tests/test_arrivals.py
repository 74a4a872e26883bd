"""When and by which channel customers came, from the whole log."""

from __future__ import annotations

import pandas as pd
import pytest
from small_logs import frame_of, random_events, write_log

from journeylib.arrivals import (
    MOST_CHANNELS,
    MOST_MONTHS,
    describe_arrivals,
    group_arrivals,
)
from journeylib.log import DAY


def test_customers_came_by_the_first_event_that_names_a_channel_before_the_period_too(tmp_path):
    events = frame_of(
        [(0, 2, "ad"), (0, 20, "order"), (1, 15, "ad"), (1, 16, "order"), (2, 12, "ad")]
    )
    events["channel"] = [1, 2, 0, 2, 0]
    found = describe_arrivals(write_log(tmp_path, events))
    assert found["channel"].tolist() == ["app", "web", ""]
    assert (found["first"] / DAY).tolist() == [2, 15, 12]


def test_partitions_do_not_matter(tmp_path):
    events = random_events(3)
    one = describe_arrivals(write_log(tmp_path / "one", events))
    two = describe_arrivals(write_log(tmp_path / "two", events, parts=3))
    pd.testing.assert_frame_equal(one, two)


def came(days, channels):
    first = [pd.Timestamp(day, tz="UTC").value // 1000 for day in days]
    return pd.DataFrame({"customer": range(len(days)), "first": first, "channel": channels})


def test_the_first_month_of_the_log_is_named_as_what_it_is():
    found = group_arrivals(came(["2025-01-05", "2025-02-03", "2025-02-04"], ["web", "web", "app"]),
                           zone="UTC")  # fmt: skip
    months = found[found["by"] == "joined"]["segment"].tolist()
    assert months == ["joined 2025-01 or before", "joined 2025-02", "joined 2025-02"]
    assert sorted(found[found["by"] == "channel"]["segment"]) == ["app", "web", "web"]


def test_months_begin_in_the_clients_zone():
    arrivals = came(["2025-01-31T23:30", "2025-03-01"], ["web", "app"])
    found = group_arrivals(arrivals, zone="Europe/Berlin")
    assert "joined 2025-02 or before" in set(found["segment"])


def test_a_channel_called_like_a_stage_or_a_persona_is_told_apart():
    arrivals = came(["2025-01-05"] * 3, ["retention", "web", "all"])
    found = group_arrivals(arrivals, zone="UTC", taken={"retention"})
    assert set(found["segment"]) == {"channel retention", "web", "channel all"}


@pytest.mark.parametrize("channels", [["", ""], ["web", "web"], ["", "web"]])
def test_one_channel_or_one_month_alone_is_no_segment(channels):
    assert group_arrivals(came(["2025-01-05"] * 2, channels), zone="UTC").empty


def test_many_channels_and_months_share_the_last_place():
    days = pd.date_range("2020-01-15", periods=40, freq="MS")
    found = group_arrivals(came(days, [f"c{i:02d}" for i in range(40)]), zone="UTC")
    assert found.groupby("by")["segment"].nunique().to_dict() == {
        "channel": MOST_CHANNELS + 1, "joined": MOST_MONTHS,
    }  # fmt: skip


def test_nobody_came():
    assert group_arrivals(came([], []), zone="UTC").empty
