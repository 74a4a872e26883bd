"""What is said about the data before anything is believed of it."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import make_client, source

from journeylib.collect import collect
from journeylib.log import DAY
from journeylib.quality import count_months

DAY_ONE = pd.Timestamp("2024-01-01")


def micros(day: str) -> int:
    return int(pd.Timestamp(day, tz="UTC").timestamp() * 1_000_000)


def daily(start: str, days: int, events: int = 10) -> pd.DataFrame:
    at = pd.date_range(start, periods=days, freq="D")
    return pd.DataFrame({"source": "web", "day": at, "events": events})


def quality_of(folder, rows: list[str], **keys):
    header = "customer_id,timestamp,touchpoint"
    (folder / "data.csv").write_text("\n".join([header, *rows]) + "\n")
    collected = collect(make_client(folder, source("data.csv", **keys)), folder / "log")
    return collected.quality.set_index("check"), collected


# ------------------------------------------------------------------ golden


def test_each_source_is_accounted_for(tmp_path):
    rows = [
        "c1,2024-01-01T10:00:00Z,order",
        ",2024-01-02T10:00:00Z,order",
        "c2,2024-01-31T10:00:00Z,order",
    ]
    _, collected = quality_of(tmp_path, rows)
    (told,) = collected.sources.to_dict("records")
    assert (told["rows_read"], told["rows_used"], told["rows_dropped"]) == (3, 2, 1)
    assert told["reasons"] == "no customer_id: 1"
    assert (told["first"], told["last"]) == ("2024-01-01", "2024-01-31")


def test_months_are_counted_by_source():
    months = count_months(
        daily("2024-01-01", 60), start=micros("2024-01-01"), end=micros("2024-03-01"), zone="UTC"
    )
    assert months["month"].tolist() == ["2024-01", "2024-02"]
    assert months["events"].tolist() == [310, 290]
    assert not months["partial"].any()


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("days", "partial"), [(29, False), (28, True)])
def test_a_month_may_end_two_days_early(days, partial):
    start = micros("2024-01-01")
    months = count_months(
        daily("2024-01-01", days), start=start, end=start + days * DAY, zone="UTC"
    )
    assert months["partial"].tolist() == [partial]


@pytest.mark.parametrize(("lost", "status"), [(1, "pass"), (2, "warn")])
def test_a_tenth_of_the_rows_may_be_unusable(tmp_path, lost, status):
    rows = [f"c{at},2024-01-{at + 1:02d}T10:00:00Z,order" for at in range(10 - lost)]
    checks, _ = quality_of(tmp_path, rows + [",2024-01-20T10:00:00Z,order"] * lost)
    assert checks.loc["usable_rows", "status"] == status


def test_duplicates_warn_until_they_are_dropped(tmp_path):
    rows = ["c1,2024-01-01T10:00:00Z,order"] * 2
    checks, _ = quality_of(tmp_path, rows)
    assert checks.loc["duplicates", "status"] == "warn"
    checks, _ = quality_of(tmp_path, rows, duplicates="drop")
    assert checks.loc["duplicates", "status"] == "pass"


# ------------------------------------------------------------------ property


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 400), st.integers(0, 300))
def test_no_event_is_lost_between_months(days, offset):
    events = daily(str((DAY_ONE + pd.Timedelta(days=offset)).date()), days)
    start = micros(str(events["day"].min()))
    months = count_months(events, start=start, end=start + days * DAY, zone="UTC")
    assert months["events"].sum() == events["events"].sum()


# ------------------------------------------------------------------ refusal


def test_without_events_there_are_no_months():
    empty = daily("2024-01-01", 0)
    assert count_months(empty, start=0, end=1, zone="UTC").empty


def test_touchpoints_without_a_stage_are_named(tmp_path):
    checks, _ = quality_of(tmp_path, ["c1,2024-01-01T10:00:00Z,zzz", "c2,2024-01-02T10:00:00Z,qqq"])
    assert checks.loc["stages", "status"] == "warn"
    assert "qqq" in checks.loc["stages", "message"]
