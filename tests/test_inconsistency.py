from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES

from journeylib.inconsistency import find_inconsistencies, find_uneven_moods
from journeylib.moods import centre_tones


def cells_of(*rows, late=False):
    """Lay out cells given as (touchpoint, channel, seen, left)."""
    table = pd.DataFrame(rows, columns=["touchpoint", "channel", "seen", "left"])
    counts = {"followed": table["seen"], "followed_good": table["seen"] - table["left"]}
    timing = "post_purchase" if late else "purchase"
    return table.assign(group="all", stage="decision", outcome=False, timing=timing, **counts)


WORSE_HERE = [
    ("till", "app", 1000, 300), ("till", "web", 1000, 100),
    ("basket", "app", 1000, 120), ("basket", "web", 1000, 100),
]  # fmt: skip
WORSE_EVERYWHERE = [
    ("till", "app", 1000, 300), ("till", "web", 1000, 100),
    ("basket", "app", 1000, 310), ("basket", "web", 1000, 100),
]  # fmt: skip


@pytest.mark.parametrize("late", [False, True])
def test_what_sets_channels_apart_everywhere_is_taken_off(late):
    found = find_inconsistencies(cells_of(*WORSE_HERE, late=late), "repeat_purchase", fewest=30)
    row = found[(found["touchpoint"] == "till") & (found["channel"] == "app")].iloc[0]
    assert row["value"] == pytest.approx((0.7 - 0.9) - (0.88 - 0.9))
    assert row["high"] < 0
    assert row[["kind", "customers", "n", "unit"]].tolist() == [
        "inconsistency",
        1000,
        2000,
        "share",
    ]


def test_a_channel_that_is_worse_everywhere_is_no_inconsistency():
    found = find_inconsistencies(cells_of(*WORSE_EVERYWHERE), "repeat_purchase", fewest=30)
    assert (found["high"] > 0).all()


def test_a_channel_that_is_better_here_than_elsewhere_but_not_worse_is_none():
    rows = [("till", "app", 1000, 90), ("till", "web", 1000, 100),
            ("basket", "app", 1000, 10), ("basket", "web", 1000, 300)]  # fmt: skip
    found = find_inconsistencies(cells_of(*rows), "repeat_purchase", fewest=30)
    app = found[(found["touchpoint"] == "till") & (found["channel"] == "app")].iloc[0]
    assert app["high"] > 0


@pytest.mark.parametrize(("fewest", "rows"), [(1000, 4), (1001, 0)])
def test_each_group_needs_the_fewest(fewest, rows):
    found = find_inconsistencies(cells_of(*WORSE_HERE), "repeat_purchase", fewest=fewest)
    assert len(found) == rows


def test_one_channel_or_one_touchpoint_cannot_be_compared():
    for rows in (WORSE_HERE[:2], WORSE_HERE[::2], []):
        assert find_inconsistencies(cells_of(*rows), "repeat_purchase", fewest=1).empty


def test_equal_channels_are_seldom_told_apart():
    rng, found = np.random.default_rng(7), 0
    for _ in range(100):
        kinds = [("till", "app", 0.3), ("till", "web", 0.3), ("basket", "app", 0.2),
                 ("basket", "web", 0.2)]  # fmt: skip
        rows = [(name, channel, 400, rng.binomial(400, share)) for name, channel, share in kinds]
        table = find_inconsistencies(cells_of(*rows), "repeat_purchase", fewest=30)
        found += int((table["p_value"] < 0.05).any())
    assert found <= 10


def test_the_channel_spoken_of_worst_is_named():
    rng = np.random.default_rng(1)
    voices = pd.DataFrame(
        {
            "customer": range(120), "touchpoint": "checkout", "source": "stars",
            "channel": ["app", "web"] * 60,
            "sentiment": np.tile([-0.4, 0.2], 60) + rng.normal(0, 0.1, 120),
        }
    )  # fmt: skip
    codes = replace(CODES, outcome="none")
    row = find_uneven_moods(centre_tones(voices), codes, fewest=30, confidence=0.95).iloc[0]
    assert row[["stage", "channel", "customers", "n"]].tolist() == ["decision", "app", 60, 120]
    assert row["value"] == pytest.approx(-0.6, abs=0.05)
    assert row["low"] < row["value"] < row["high"] < 0
    assert find_uneven_moods(centre_tones(voices), codes, fewest=61, confidence=0.95).empty
