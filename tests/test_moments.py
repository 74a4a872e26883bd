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
