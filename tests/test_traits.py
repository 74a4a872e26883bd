"""Groups are named by what sets them apart."""

import pandas as pd
import pytest

from journeylib.traits import describe_group, find_traits, name_groups


@pytest.mark.parametrize(
    ("far", "named"), [(0.49, []), (0.5, ["High-value"]), (-0.5, ["Low-value"])]
)
def test_half_a_standard_deviation_is_telling(far, named):
    assert find_traits(pd.Series({"money": far})) == named


def test_the_three_furthest_are_named_and_little_used_channels_only_if_nothing_else_is():
    apart = pd.Series(
        {"channel:chat": -2.0, "frequency": 1.5, "channel:app": 0.9, "recency": -0.7, "money": 0.6}
    )
    assert find_traits(apart) == ["Frequent", "App-first", "Recent"]
    assert find_traits(apart[["channel:chat"]]) == ["Little chat"]


def test_names_of_the_analyst_stand_and_no_name_comes_twice():
    traits = {1: ["Recent"], 2: ["Recent"], 3: []}
    assert name_groups({1: "", 2: "", 3: ""}, traits) == {
        1: "Recent",
        2: "Recent (2)",
        3: "Average",
    }
    assert name_groups({1: "Fans", 2: "", 3: "Fans"}, traits) == {
        1: "Fans",
        2: "Recent",
        3: "Fans (2)",
    }


def test_a_group_without_traits_is_said_to_be_average():
    assert "average customer in everything" in describe_group(pd.Series(dtype=float), [])


def test_a_group_is_described_by_how_far_it_differs():
    apart = pd.Series({"money": 1.32, "recency": -0.7, "tenure": 0.1})
    assert describe_group(apart, find_traits(apart)) == (
        "Differs from the average customer by: high-value (+1.3 SD in mean order value), "
        "recent (−0.7 SD in time since last seen)."
    )


def test_only_the_channel_used_most_is_called_the_first():
    apart = pd.Series({"channel:app": 0.9, "channel:web": 0.8})
    assert find_traits(apart, leading="channel:web") == ["More app", "Web-first"]


def test_a_numbered_name_never_meets_one_that_the_analyst_gave():
    names = name_groups({1: "A", 2: "A", 3: "A (2)"}, {1: [], 2: [], 3: []})
    assert len(set(names.values())) == 3
