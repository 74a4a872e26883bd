"""A period is parted into what is known and what is foretold; only who is there can leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, DAY, frame_of, write_log

from journeylib.estimates import Refusal
from journeylib.summaries import NEVER
from journeylib.windows import (
    CONTRACT,
    ORDERS,
    date_lives,
    lay_windows,
    who_is_there,
    who_left,
)

NOBODY = pd.DataFrame({"customer": []})
YEAR = replace(CODES, start=0, end=364 * DAY)


def day(number):
    return pd.Timestamp(number, unit="D", tz="UTC")


def test_a_quarter_is_kept_for_the_test_and_twice_as_much_is_looked_back_on():
    windows = lay_windows(kind=ORDERS, start=0, end=400 * DAY, wanted_days=160, inactive_days=160)
    assert windows.days == 100
    assert windows.lookback == 200 * DAY
    assert windows.cuts == (200 * DAY, 300 * DAY)
    assert windows.cuts[0] - windows.lookback == windows.start


def test_a_short_horizon_gives_four_windows_to_learn_from():
    windows = lay_windows(kind=ORDERS, start=0, end=365 * DAY, wanted_days=30, inactive_days=30)
    assert [cut // DAY for cut in windows.cuts] == [215, 245, 275, 305, 335]
    assert windows.lookback == 215 * DAY
    assert windows.cuts[0] - windows.lookback == windows.start


@pytest.mark.parametrize(("days", "fits"), [(56, True), (55.9, False), (0, False), (-3, False)])
def test_fewer_than_fifty_six_days_are_refused(days, fits):
    found = lay_windows(kind=ORDERS, start=0, end=int(days * DAY), wanted_days=90)
    assert isinstance(found, Refusal) != fits
    if not fits:
        assert "56 days" in found.needed


@pytest.mark.parametrize("wanted", [14, 20.4, 33, 90, 1000])
def test_windows_never_overlap_and_end_with_the_data(wanted):
    windows = lay_windows(kind=ORDERS, start=5, end=333 * DAY + 7, wanted_days=wanted)
    cuts = np.array(windows.cuts)
    assert cuts[-1] + windows.horizon == windows.end
    assert (np.diff(cuts) == windows.horizon).all()
    assert cuts[0] - windows.lookback == windows.start >= 5
    assert windows.lookback >= 2 * windows.horizon
    assert 2 <= len(cuts) <= 5


def test_who_ordered_lately_is_there_and_who_orders_again_has_not_left(tmp_path):
    events = [
        (0, 195, "order"), (0, 250, "order"), (1, 199, "order"), (2, 10, "order"),
        (3, 199, "ad"), (4, 240, "order"), (5, 299, "order"), (6, 196, "order"), (6, 300, "order"),
    ]  # fmt: skip
    log = write_log(tmp_path, frame_of(events), codes=YEAR)
    windows = lay_windows(kind=ORDERS, start=0, end=400 * DAY, wanted_days=100, inactive_days=90)
    lives = date_lives(log, NOBODY)
    people = who_is_there(log, windows, 200 * DAY, lives)
    assert people.tolist() == [0, 1, 6]
    left = who_left(log, windows, 200 * DAY, lives, people)
    assert left.to_dict() == {0: 0.0, 1: 1.0, 6: 1.0}  # day 300 lies after the horizon


def test_a_contract_runs_from_signup_until_it_ends(tmp_path):
    log = write_log(tmp_path, frame_of([(one, 20 + one, "ad") for one in range(6)]), codes=YEAR)
    attributes = pd.DataFrame(
        {
            "customer": range(6),
            "signup": pd.to_datetime([day(30), day(30), day(30), day(250), pd.NaT, day(30)]),
            "churned_at": pd.to_datetime([pd.NaT, day(210), day(100), pd.NaT, pd.NaT, pd.NaT]),
            "churned": [False, True, True, False, False, True],
        }
    )
    lives = date_lives(log, attributes)
    assert 5 not in lives.index, "who is gone without a date cannot be placed in time"
    assert lives.loc[4, "since"] == NEVER, "a visitor who never signed up cannot leave"
    windows = lay_windows(kind=CONTRACT, start=0, end=364 * DAY, wanted_days=91)
    people = who_is_there(log, windows, 200 * DAY, lives)
    assert people.tolist() == [0, 1]
    assert who_left(log, windows, 200 * DAY, lives, people).tolist() == [0.0, 1.0]


def test_without_dates_of_leaving_the_first_cancellation_counts(tmp_path):
    log = write_log(tmp_path, frame_of([(0, 20, "ad"), (0, 150, "cancellation"), (1, 30, "ad")]),
                    codes=YEAR)  # fmt: skip
    lives = date_lives(log, NOBODY)
    assert lives["left"].tolist() == [150 * DAY, NEVER]
    assert lives["since"].tolist() == [20 * DAY, 30 * DAY]


def test_an_empty_log_has_nobody(tmp_path):
    log = write_log(tmp_path, frame_of([]), codes=YEAR)
    assert date_lives(log, NOBODY).empty
