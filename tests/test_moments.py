"""Moments of truth are the touchpoints with the most outcome at stake, each named once."""

from __future__ import annotations

import pandas as pd

from journeylib.moments import find_moments


def pains(*rows):
    columns = ["touchpoint", "kind", "customers", "effect"]
    return pd.DataFrame(rows, columns=columns).assign(stage="use", channel="web")


def test_customers_times_difference_decides_and_feelings_alone_do_not():
    found = find_moments(
        pains(
            ("till", "loss", 300, -0.1),
            ("queue", "delay", 100, -0.4),
            ("mail", "sentiment", 9000, -0.9),
            ("desk", "repeat", 10, -0.1),
        )
    )
    assert found["touchpoint"].tolist() == ["queue", "till", "desk"]


def test_each_touchpoint_is_named_once_and_at_most_three_are():
    rows = [(name, "loss", 100 + at, -0.1) for at, name in enumerate("aabcde")]
    assert find_moments(pains(*rows))["touchpoint"].tolist() == ["e", "d", "c"]


def test_withheld_counts_make_no_moment():
    assert find_moments(pains(("till", "loss", None, -0.1))).empty
    assert find_moments(pd.DataFrame()).empty


def test_feelings_about_channels_do_not_and_outcomes_of_channels_do():
    rows = pains(("till", "inconsistency", 300, -0.1), ("desk", "inconsistency", 900, -0.9))
    found = find_moments(rows.assign(unit=["share", "sentiment"]))
    assert found["touchpoint"].tolist() == ["till"]


def test_a_touchpoint_that_decides_counts_though_it_is_no_pain():
    truths = pd.DataFrame(
        {
            "touchpoint": ["pick-up", "mail", "chat"], "stage": "use", "channel": "store",
            "sign": ["tone", "wait", "tone"], "badly": 500, "value": [0.3, 0.2, -0.4],
            "low": [0.1, -0.1, -0.5], "p_adjusted": [0.01, 0.3, 0.001],
        }
    )  # fmt: skip
    found = find_moments(pains(("till", "loss", 300, -0.1)), truths=truths)
    assert found["touchpoint"].tolist() == ["pick-up", "till"]
    assert found.iloc[0][["kind", "customers", "effect"]].tolist() == ["sentiment", 500, -0.3]
