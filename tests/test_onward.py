from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, write_log

from journeylib.engine import summarise
from journeylib.exposures import summarise_exposures
from journeylib.log import DAY
from journeylib.onward import PARTS, share_onward
from journeylib.summaries import Tally

CONVERSION = replace(CODES, outcome="conversion")


def cells(folder, events, codes=CONVERSION):
    log = write_log(folder, frame_of(sorted(events)), codes=codes)
    return summarise(summarise_exposures, log.readable).frame().set_index("touchpoint")


def test_with_everybody_watched_the_share_is_the_plain_one(tmp_path):
    events = [(c, 20, "checkout") for c in range(40)] + [(c, 25, "order") for c in range(10)]
    row = cells(tmp_path, events).loc["checkout"]
    assert row["visited"] == 40
    assert row["onward"] == pytest.approx(40)
    assert row["onward_good"] == pytest.approx(10)


@pytest.mark.parametrize(("after", "bought"), [(24.9, 40), (25.1, 0)])
def test_only_what_comes_within_the_follow_up_counts(tmp_path, after, bought):
    events = [(c, 20, "checkout") for c in range(40)] + [
        (c, 20 + after, "order") for c in range(40)
    ]
    assert cells(tmp_path, events).loc["checkout", "onward_good"] == pytest.approx(bought)


def test_who_bought_before_counts_like_any_other(tmp_path):
    events = [(c, day, name) for c in range(40) for day, name in ((15, "order"), (20, "checkout"))]
    row = cells(tmp_path, events).loc["checkout"]
    assert (row["visited"], row["onward_good"]) == (40, 0)
    assert row["followed"] == 0


def test_recent_visits_count_for_as_long_as_they_were_watched():
    """Half buy by the middle of the follow-up; the other half was not watched beyond a third."""
    key = np.array([PARTS // 3, PARTS // 2, PARTS])
    tally = Tally.of(key, np.array([0, 30, 0]), np.array([40, 0, 30]))
    row = share_onward(tally, np.array([0])).iloc[0]
    assert row["onward_good"] / row["onward"] == pytest.approx(0.5)
    assert 60 <= row["onward"] <= 80


def test_other_outcomes_and_empty_logs_have_none(tmp_path):
    events = [(c, 20, "checkout") for c in range(40)]
    assert cells(tmp_path, events, CODES)["visited"].sum() == 0
    assert cells(tmp_path / "b", [], CONVERSION).empty


def test_greenwoods_doubt_covers_the_truth():
    """Exponential purchases, half of the visits cut short at random: 200 clients of 150."""
    rng, hit, truth = np.random.default_rng(7), 0, 1 - np.exp(-0.7)
    for _ in range(200):
        took, watched = rng.exponential(1 / 0.7, 150), np.minimum(rng.uniform(0, 2, 150), 1)
        came = took <= watched
        part = np.minimum(took, watched) * PARTS
        key = np.where(came, np.minimum(part, PARTS - 1), part).astype(int)
        row = share_onward(Tally.of(key, came, ~came), np.array([0])).iloc[0]
        share, n = row["onward_good"] / row["onward"], row["onward"]
        hit += abs(share - truth) <= 1.96 * np.sqrt(share * (1 - share) / n)
    assert 0.9 <= hit / 200 <= 0.99


def test_parts_of_a_log_add_up(tmp_path):
    events = frame_of(sorted((c, 20 + c % 60, "checkout") for c in range(90)))
    parts = [
        summarise(summarise_exposures, write_log(tmp_path / str(n), events, codes=CONVERSION,
                                                 parts=n).readable).frame()
        for n in (1, 3)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(*parts)
    assert parts[0]["visited"].sum() == 90
    assert CONVERSION.follow == 25 * DAY
