"""One rule says where most customers stay behind, for the sentence, the funnel and the map."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from journeylib.losses import find_largest_loss


def road(reached, going, **further):
    names = ["one", "two", "three", "four"][: len(reached)]
    return pd.DataFrame({"stage": names, "reached": reached, "value": going, **further})


def test_loss_is_counted_in_customers_and_not_in_shares():
    loss = find_largest_loss(road([1000, 100, 50], [0.7, 0.1, math.nan]))
    assert (loss.stage, loss.following, loss.share, loss.reached) == ("one", "two", 0.7, 1000)
    assert not loss.is_last


def test_interval_of_the_loss_comes_along():
    stages = road([900, 800, 70], [0.5, 0.9, math.nan], low=[0.4, 0.8, 0], high=[0.6, 0.95, 0])
    loss = find_largest_loss(stages)
    assert (loss.low, loss.high) == (0.4, 0.6)


@pytest.mark.parametrize(("going", "stage", "last"), [(0.95, "two", True), (0.949, "one", False)])
def test_last_move_counts_only_where_nearly_all_make_the_others(going, stage, last):
    loss = find_largest_loss(road([1000, 900, 10], [going, 0.01, math.nan]))
    assert (loss.stage, loss.is_last) == (stage, last)


def test_only_move_of_a_short_road_is_no_last_one():
    assert not find_largest_loss(road([100, 40], [0.4, math.nan])).is_last


def test_stages_of_few_customers_are_left_out():
    stages = road([1000, 9, 8, 7], [0.995, 0.0, 0.0, math.nan])
    assert find_largest_loss(stages, min_cell=10).stage == "one"
    assert find_largest_loss(stages).stage == "two"


def test_share_may_stand_in_another_column():
    stages = road([100, 40, 10], [0.4, 0.2, math.nan]).rename(columns={"value": "to_next"})
    assert find_largest_loss(stages).share == 0.4


@pytest.mark.parametrize("going", [[math.nan] * 3, [None] * 3])
def test_without_a_share_there_is_no_loss(going):
    assert find_largest_loss(road([5, 4, 3], going)) is None
    assert find_largest_loss(road([5], going[:1])) is None


def test_stages_that_nobody_reached_are_no_part_of_the_road():
    assert find_largest_loss(road([0, 0, 50, 0], [math.nan, math.nan, 0.0, math.nan])) is None
    assert find_largest_loss(road([0, 90, 50], [math.nan, 0.5, math.nan])).stage == "two"
