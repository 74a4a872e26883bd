"""Clocks against the zone database, for every second round their changes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.zones import SECOND, read_clocks

ZONES = [
    "UTC", "Europe/Lisbon", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Africa/Casablanca", "America/New_York", "Asia/Tokyo", "Pacific/Apia",
]  # fmt: skip
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
con = duckdb.connect()


def micros(at: dt.datetime) -> int:
    return (at - EPOCH) // dt.timedelta(microseconds=1)


def ask(sql: str, at: int):
    return con.execute(f"SELECT {sql} FROM (SELECT {at}::BIGINT AS t)").fetchall()[0][0]


def test_lisbon_moved_its_clocks_twice_in_2025():
    clocks = read_clocks("Europe/Lisbon", micros(dt.datetime(2025, 1, 1, tzinfo=dt.UTC)),
                         micros(dt.datetime(2025, 12, 31, tzinfo=dt.UTC)))  # fmt: skip
    at = [EPOCH + dt.timedelta(microseconds=change.at) for change in clocks.changes]
    assert at == [
        dt.datetime(2025, 3, 30, 1, tzinfo=dt.UTC), dt.datetime(2025, 10, 26, 1, tzinfo=dt.UTC)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("local", "never", "twice"),
    [
        ("2025-03-30 00:59:59", False, False), ("2025-03-30 01:00:00", True, False),
        ("2025-03-30 01:59:59", True, False), ("2025-03-30 02:00:00", False, False),
        ("2025-10-26 00:59:59", False, False), ("2025-10-26 01:00:00", False, True),
        ("2025-10-26 01:59:59", False, True), ("2025-10-26 02:00:00", False, False),
    ],
)  # fmt: skip
def test_hours_that_never_were_and_that_came_twice_end_to_the_second(local, never, twice):
    at = micros(dt.datetime.fromisoformat(local).replace(tzinfo=dt.UTC))
    clocks = read_clocks("Europe/Lisbon", at, at)
    assert (ask(clocks.never("t"), at), ask(clocks.twice("t"), at)) == (never, twice)


def test_a_midnight_that_never_was_stays_on_its_day():
    # Brazil moved its clocks at midnight of 4 November 2018
    at = micros(dt.datetime(2018, 11, 4, tzinfo=dt.UTC))
    clocks = read_clocks("America/Sao_Paulo", at, at)
    utc = EPOCH + dt.timedelta(microseconds=ask(clocks.to_utc("t"), at))
    assert utc.astimezone(ZoneInfo("America/Sao_Paulo")).date() == dt.date(2018, 11, 4)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(dt.datetime(1975, 1, 1), dt.datetime(2035, 1, 1)),
)
def test_every_time_is_what_the_zone_database_says(zone, naive):
    own, at = ZoneInfo(zone), micros(naive.replace(tzinfo=dt.UTC))
    clocks = read_clocks(zone, at - 400 * 86_400 * SECOND, at + 400 * 86_400 * SECOND)
    if not ask(clocks.never("t"), at):
        first = micros(naive.replace(tzinfo=own, fold=0).astimezone(dt.UTC))
        assert ask(clocks.to_utc("t"), at) == first
