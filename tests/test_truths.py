import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.log import DAY
from journeylib.truths import measure_truths, place_touchpoints

SILENCE = pd.DataFrame(columns=["customer", "touchpoint", "channel", "source", "sentiment"])


def at_day(days):
    return pd.to_datetime([round(day * DAY) for day in days], unit="us", utc=True)


def spoken(rows):
    """Lay out answers given as (customer, day, tone) about support, from one source."""
    table = pd.DataFrame(rows, columns=["customer", "day", "sentiment"])
    return table.assign(timestamp=at_day(table.pop("day")), touchpoint="support", channel=None,
                        source="stars")  # fmt: skip


def test_who_spoke_well_is_compared_with_who_spoke_ill_in_what_followed(tmp_path):
    events = [(c, 20, "order") for c in range(120)] + [(c, 22, "support") for c in range(120)]
    events += [(c, 30, "order") for c in [*range(50), *range(60, 70)]]
    voices = spoken([(c, 23, 0.5 if c < 60 else -0.5) for c in range(120)])
    row = measure_truths(write_log(tmp_path, frame_of(sorted(events))), voices).iloc[0]
    assert row[["touchpoint", "sign", "badly", "well"]].tolist() == ["support", "tone", 60, 60]
    assert (row["well_share"], row["badly_share"]) == pytest.approx((50 / 60, 10 / 60))
    assert row["value"] == pytest.approx(40 / 60)
    assert row["low"] > 0


@pytest.mark.parametrize(("day", "share"), [(29.9, 1.0), (30.1, 0.0)])
def test_what_came_before_the_words_is_no_consequence(tmp_path, day, share):
    events = [(c, 20, "support") for c in range(80)] + [(c, 30, "order") for c in range(40)]
    voices = spoken([(c, day, 0.5 if c < 40 else -0.5) for c in range(80)])
    table = measure_truths(write_log(tmp_path, frame_of(sorted(events))), voices)
    found = table["well_share"].tolist()
    assert found == ([share] if share else [])


def test_whoever_cannot_be_followed_to_the_end_is_left_out(tmp_path):
    follow = CODES.follow / DAY
    for day, known in ((110 - follow - 0.1, True), (110 - follow + 0.1, False)):
        events = [(c, 20, "support") for c in range(80)]
        events += [(c, day + 5, "order") for c in range(0, 80, 2)]
        voices = spoken([(c, day, [0.5, -0.5][c // 2 % 2]) for c in range(80)])
        log = write_log(tmp_path / str(known), frame_of(sorted(events)))
        assert (len(measure_truths(log, voices)) > 0) == known


@pytest.mark.parametrize("voices", [SILENCE, pd.DataFrame()])
def test_nothing_said_and_nothing_done_gives_a_table_without_rows(tmp_path, voices):
    table = measure_truths(write_log(tmp_path, random_events(1)[:0]), voices)
    assert len(table) == 0
    assert {"sign", "badly_share", "well_share", "p_adjusted"} <= set(table.columns)
    assert place_touchpoints(table).empty


def test_parts_of_a_log_add_up(tmp_path):
    events = random_events(3, customers=300)
    rng = np.random.default_rng(1)
    voices = spoken([(c, rng.uniform(12, 80), rng.normal()) for c in range(300)])
    one, three = (
        measure_truths(write_log(tmp_path / str(n), events, parts=n), voices, min_customers=5)
        for n in (1, 3)
    )
    pd.testing.assert_frame_equal(one, three)
    assert len(one) > 0


def test_performance_is_the_share_for_whom_it_went_well():
    truths = pd.DataFrame(
        {
            "stage": "retention", "touchpoint": ["a", "a", "b"], "channel": "web",
            "sign": ["wait", "tone", "return"], "customers": [100, 50, 80], "well": [75, 20, 60],
            "value": [0.3, 0.2, 0.1], "low": 0.0, "high": 0.5, "n": [100, 50, 80],
        }
    )  # fmt: skip
    found = place_touchpoints(truths)
    assert found["sign"].tolist() == ["tone", "return"]
    assert found["performance"].tolist() == [0.4, 0.75]
    assert found["importance"].tolist() == [0.2, 0.1]
