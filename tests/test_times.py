"""Columns of times: one proven format, one zone, no invented hour."""

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import HEADER, codes, read_text, refusal


def csv_of(*written: str) -> str:
    rows = "".join(f'c1,"{one}",visit\n' for one in written)
    return f"{HEADER}\n{rows}"


def times(folder, *written: str, zone: str = "UTC", dates: str | None = None) -> list[str]:
    format_ = {"dates": dates} if dates else {}
    _, rows = read_text(folder, csv_of(*written), timezone=zone, format=format_)
    return [time.isoformat()[:19] for time in rows["timestamp"]]


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-01-02T10:00:00Z", "2024-01-02T10:00:00"),
        ("2024-01-02 10:00:00.000000001", "2024-01-02T10:00:00"),
        ("2024-01-02T10:00:00+02:00", "2024-01-02T08:00:00"),
        ("31/12/2023 14:03", "2023-12-31T14:03:00"),
        ("12/31/2023 02:03 PM", "2023-12-31T14:03:00"),
        ("31.12.23", "2023-12-31T00:00:00"),
        ("20231231", "2023-12-31T00:00:00"),
        ("5 Jan 2024 14:03", "2024-01-05T14:03:00"),
        ("2015 July 1", "2015-07-01T00:00:00"),
        ("1971", "1971-01-01T00:00:00"),
        ("Q42010", "2010-10-01T00:00:00"),
        ("2024-Q2", "2024-04-01T00:00:00"),
        ("2024-03", "2024-03-01T00:00:00"),
        ("'2024-01-02", "2024-01-02T00:00:00"),
    ],
)
def test_a_time_is_read_as_it_is_written(tmp_path, written, read):
    assert times(tmp_path, written) == [read]


@pytest.mark.parametrize(
    ("declared", "written", "read"),
    [
        ("day-first", "01/02/2024", "2024-02-01T00:00:00"),
        ("month-first", "01/02/2024", "2024-01-02T00:00:00"),
        ("day-first", "2024-01-02", "2024-01-02T00:00:00"),
        ("%d|%m|%Y", "03|02|2024", "2024-02-03T00:00:00"),
        ("excel", "45293.25", "2024-01-02T06:00:00"),
        ("unix_s", "1704189600", "2024-01-02T10:00:00"),
        ("unix_ms", "1704189600000", "2024-01-02T10:00:00"),
        ("days-since:2024-01-01", "1", "2024-01-02T00:00:00"),
        ("quarter", "Q1 2024", "2024-01-01T00:00:00"),
    ],
)
def test_a_declared_form_settles_the_reading(tmp_path, declared, written, read):
    assert times(tmp_path, written, dates=declared) == [read]


def test_several_columns_join_to_one_time(tmp_path):
    text = "customer_id,y,m,d,touchpoint\nc1,2015,July,1,x\n"
    _, rows = read_text(tmp_path, text, columns={"timestamp": ["y", "m", "d"]})
    assert rows["timestamp"].tolist() == [pd.Timestamp("2015-07-01", tz="UTC")]


def test_one_day_above_twelve_proves_the_order_of_the_whole_column(tmp_path):
    assert times(tmp_path, "01/02/2024", "13/02/2024")[0] == "2024-02-01T00:00:00"
    assert times(tmp_path, "01/02/2024", "02/13/2024")[0] == "2024-01-02T00:00:00"


# ------------------------------------------------------------------ boundary


def test_an_hour_that_came_twice_is_read_as_the_first_and_noted(tmp_path):
    text = csv_of("2024-10-27 02:30:00", "2024-10-27 04:30:00")
    table, rows = read_text(tmp_path, text, timezone="Europe/Berlin")
    assert rows["timestamp"].iloc[0] == pd.Timestamp("2024-10-27T00:30:00Z")
    (note,) = [note for note in table.notes if note.code == "N-DST-FOLD"]
    assert (note.rows, note.line) == (1, 2)


def test_an_hour_that_never_was_is_refused(tmp_path):
    text = csv_of("2024-03-31 01:59:59", "2024-03-31 02:30:00", "2024-03-31 03:00:00")
    problem = refusal(tmp_path, text, timezone="Europe/Berlin")
    assert (problem.code, problem.line, problem.column) == ("E-DST-GAP", 3, "timestamp")


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "America/New_York"])
def test_placeholder_days_are_left_out_in_every_zone(tmp_path, zone):
    table, rows = read_text(
        tmp_path, csv_of("1970-01-01", "1900-01-01", "2024-01-02", "9999-12-31"), timezone=zone
    )
    assert table.drops == {"placeholder date": 3}
    assert len(rows) == 1


def test_tomorrow_is_allowed_and_next_week_is_not(tmp_path):
    today = dt.datetime.now(dt.UTC).date()
    text = csv_of(*(f"{today + dt.timedelta(days=days)}" for days in (0, 1)))
    assert len(read_text(tmp_path, text)[1]) == 2
    late = csv_of("2024-01-01", f"{today + dt.timedelta(days=7)}")
    problem = refusal(tmp_path, late)
    assert (problem.code, problem.line) == ("E-DATE-FUTURE", 3)
    assert len(read_text(tmp_path, late, format={"allow_future": "true"})[1]) == 2


# ------------------------------------------------------------------ property


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2024, 1, 1)), min_size=1, max_size=6
    ),
    st.sampled_from(["Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_local_times_come_back_as_the_instants_they_were(tmp_path_factory, moments, zone):
    local = [
        moment.replace(microsecond=0, tzinfo=dt.UTC).astimezone(ZoneInfo(zone))
        for moment in moments
    ]
    # an hour that came twice is read as the first; half-hour shifts make no difference to that
    local = [moment for moment in local if not moment.fold]
    if not local:
        return
    written = [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in local]
    read = times(tmp_path_factory.mktemp("t"), *written, zone=zone)
    assert read == [f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}" for moment in local]


# ------------------------------------------------------------------ refusal


@pytest.mark.parametrize(
    ("written", "code", "line"),
    [
        (["01/02/2024", "03/04/2024"], "E-DATE-AMBIGUOUS", 2),
        (["13/02/2024", "02/13/2024"], "E-DATE-MIXED", 3),
        (["2024-01-02", "2024-01-03", "13/02/2024"], "E-DATE-MIXED", 4),
        (["2024-01-02 10:00:00", "2024-01-02 10:00:00Z"], "E-TZ-MIXED", 2),
        (["2024-01-02 10:00:00 EST"], "E-TZ-ABBREV", 2),
        (["45293.25"], "E-DATE-SERIAL", 2),
        (["1704189600"], "E-DATE-SERIAL", 2),
        (["2024-02-30"], "E-DATE-UNREADABLE", 2),
        (["2024-01-02", "tomorrow"], "E-DATE-UNREADABLE", 3),
        (["2024-01-02 24:00:00"], "E-DATE-UNREADABLE", 2),
        (["5. Januar 2024"], "E-DATE-UNREADABLE", 2),
        (["10:30"], "E-DATE-UNREADABLE", 2),
        (["2567-02-01"], "E-DATE-FUTURE", 2),
        (["", "n/a"], "E-COLUMN-EMPTY", 2),
        (["", "", "2024-01-02"], "E-TOO-MANY-MISSING", 2),
    ],
)
def test_times_that_cannot_be_proved_are_refused_with_their_line(tmp_path, written, code, line):
    problem = refusal(tmp_path, csv_of(*written))
    assert (problem.code, problem.line, problem.column) == (code, line, "timestamp")


def test_lost_afternoons_are_noted(tmp_path):
    written = [
        f"2024-01-{day:02d} {hour:02d}:15:00" for day in range(1, 7) for hour in range(1, 13)
    ]
    table, _ = read_text(tmp_path, csv_of(*written))
    assert "N-NO-AFTERNOON" in codes(table)


# ---------------------------------------------------------------- dates without a year


def yearless(folder, *written, **keys):
    rows = [f"c{index},{text},visit" for index, text in enumerate(written)]
    text = "\n".join([HEADER, *rows]) + "\n"
    return read_text(folder, text, **keys)[1]["timestamp"].dt.strftime("%Y-%m-%d").tolist()


def test_dates_without_a_year_take_the_declared_one(tmp_path):
    found = yearless(tmp_path, "29 Feb", "1 Mar", "31 Dec", format={"dates": "%d %b", "year": 2024})
    assert found == ["2024-02-29", "2024-03-01", "2024-12-31"]


def test_dates_without_a_year_are_put_into_the_period_across_new_year(tmp_path):
    period = {"start": "2023-07-01", "end": "2024-06-30"}
    found = yearless(
        tmp_path, "30.06.", "01.07.", "31.12.", "29.02.", period=period, format={"dates": "%d.%m."}
    )
    assert found == ["2024-06-30", "2023-07-01", "2023-12-31", "2024-02-29"]


@pytest.mark.parametrize("period", [None, {"start": "2023-01-01", "end": "2024-12-31"}])
def test_dates_without_a_year_are_refused_where_no_year_follows(tmp_path, period):
    keys = {"period": period} if period else {}
    problem = refusal(tmp_path, f"{HEADER}\nc1,30 Jun,visit\n", format={"dates": "%d %b"}, **keys)
    assert (problem.code, problem.line, problem.column) == ("E-DATE-NO-YEAR", 2, "timestamp")


def test_microseconds_since_1970_are_read_as_declared(tmp_path):
    found = yearless(tmp_path, "1735732800000000", format={"dates": "unix_us"})
    assert found == ["2025-01-01"]


def test_offsets_are_read_with_and_without_a_colon(tmp_path):
    written = [f"2025-01-01T10:00:00{offset}" for offset in ("-0500", "-05:00", "-05", "Z")]
    assert yearless(tmp_path, *written) == ["2025-01-01"] * 4
    rows = "\n".join(f"c,{text},visit" for text in written)
    frame = read_text(tmp_path, f"{HEADER}\n{rows}\n")[1]
    assert frame["timestamp"].dt.hour.tolist() == [15, 15, 15, 10]
