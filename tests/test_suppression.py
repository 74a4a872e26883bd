"""Small groups are withheld, and nothing that is told gives them away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.activity import count_activity
from journeylib.suppression import CELLS, suppress_table
from journeylib.tables import RESULTS

TEN = 10
# Tables whose rows speak of rows, checks or customers one by one, not of groups of customers.
UNCOUNTED = {"quality", "impact_checks", "predictions", "assumptions"}


def stages_of(counts, *, onward=0.5):
    """Lay out the table `stages` for some personas that add up to all."""
    rows = [("all", sum(counts)), *((f"p{i}", count) for i, count in enumerate(counts))]
    table = pd.DataFrame(rows, columns=["persona", "reached"])
    n = table["reached"].astype(float)
    return table.assign(stage="decision", share=n / max(n[0], 1), n=n, value=onward, low=0.1,
                        high=0.9, to_next=onward, median_days=2.0, unit="share")  # fmt: skip


def solved(known, equations):
    """Name the withheld cells that the totals pin down: those in the row space of what is told."""
    hidden = [cell for cell, told in known.items() if not told]
    if not hidden:
        return []
    matrix = np.array([[float(cell in group) for cell in hidden] for group in equations])
    rank = np.linalg.matrix_rank(matrix) if matrix.size else 0
    return [
        cell
        for at, cell in enumerate(hidden)
        if rank and np.linalg.matrix_rank(np.vstack([matrix, np.eye(len(hidden))[at]])) == rank
    ]


# ------------------------------------------------------------------ boundary


def test_every_result_table_says_whom_it_counts():
    assert set(RESULTS) - UNCOUNTED <= set(CELLS)


def test_a_cell_of_the_limit_is_shown_and_one_below_is_not():
    table = pd.DataFrame({"rank": [1, 2, 3], "n": [10, 9, 0], "value": [0.5, 0.6, 0.7]})
    shown = suppress_table("drift", table, min_cell=TEN)
    assert shown["n"].isna().tolist() == [False, True, False]
    assert shown["value"].isna().tolist() == [False, True, False]
    assert shown["rank"].tolist() == [1, 2, 3]
    assert suppress_table("sources", table, min_cell=TEN) is table


def test_a_single_small_persona_takes_the_next_smallest_with_it():
    shown = suppress_table("stages", stages_of([400, 300, 4]), min_cell=TEN)
    assert shown["reached"].isna().tolist() == [False, False, True, True]
    assert shown["share"].isna().tolist() == [False, False, True, True]


def test_two_small_groups_that_are_small_together_take_a_third_with_them():
    shown = suppress_table("stages", stages_of([400, 300, 1, 1]), min_cell=TEN)
    assert shown["reached"].isna().tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(("share", "told"), [(0.09, False), (0.10, True), (0.90, True),
                                             (0.91, False), (0.0, True), (1.0, True)])  # fmt: skip
def test_a_share_that_stands_for_too_few_or_for_all_but_few_is_withheld(share, told):
    rows = pd.DataFrame({"metric": ["churn_rate"], "segment": ["all"], "n": [100.0],
                         "value": [share], "low": [0.0], "high": [1.0],
                         "unit": ["share"]})  # fmt: skip
    shown = suppress_table("metrics", rows, min_cell=TEN)
    assert bool(shown["value"].notna().all()) is told
    assert bool(shown["low"].notna().all()) is told
    assert shown["n"].tolist() == [100.0]


def test_a_score_is_no_share_of_customers():
    rows = pd.DataFrame({"metric": ["nps"], "segment": ["all"], "n": [100.0], "value": [0.04],
                         "unit": ["points"]})  # fmt: skip
    assert suppress_table("metrics", rows, min_cell=TEN)["value"].tolist() == [0.04]


def test_a_quote_of_a_small_theme_goes_with_its_count():
    rows = pd.DataFrame({"theme": ["late"], "mentions": [3], "quote_1": ["it came late"]})
    shown = suppress_table("themes", rows, min_cell=TEN)
    assert shown["quote_1"].isna().all()
    assert shown["theme"].tolist() == ["late"]


def test_units_that_are_no_customers_are_told():
    rows = pd.DataFrame({"intervention": "x", "metric": "csat", "arm": "treated", "segment": "all",
                         "design": ["difference_in_differences", "ab_test"], "n_treated": [4, 4],
                         "n_control": [4, 400], "value": [0.1, 0.1]})  # fmt: skip
    shown = suppress_table("impacts", rows, min_cell=TEN)
    assert shown["value"].isna().tolist() == [False, True]


def test_the_parts_of_a_test_are_protected_by_variable():
    names = ["all", "device: app", "device: web", "age: old", "age: young"]
    rows = pd.DataFrame({"intervention": "x", "metric": "m", "arm": "B", "segment": names,
                         "design": "ab_test", "n_treated": [100, 5, 95, 40, 60],
                         "n_control": [100, 50, 50, 50, 50], "value": 0.1})  # fmt: skip
    shown = suppress_table("impacts", rows, min_cell=TEN)
    assert shown["n_treated"].isna().tolist() == [False, True, True, False, False]


def test_a_limit_of_one_shows_everything():
    table = stages_of([400, 1])
    pd.testing.assert_frame_equal(suppress_table("stages", table, min_cell=1), table)


def test_the_busiest_are_taken_together_until_no_bar_is_a_small_group():
    customers = pd.DataFrame({"events": [1] * 40 + [2] * 15 + [3] * 4 + [9] * 8})
    counts = count_activity(customers, min_cell=TEN)
    assert counts["customers"].tolist() == [40, 15, 12]
    assert count_activity(customers[:9], min_cell=TEN).empty


# ------------------------------------------------------------------ property


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.floats(0, 1))
def test_no_withheld_count_of_a_stage_can_be_solved(counts, onward):
    table = stages_of(counts, onward=onward)
    hits = np.round(table["n"] * onward)
    table = table.assign(value=np.where(table["n"] > 0, hits / table["n"].clip(lower=1), np.nan))
    shown = suppress_table("stages", table, min_cell=TEN)
    parts = set(table["persona"]) - {"all"}
    for column, rest in (("reached", "reached"), ("value", "n")):
        told = dict(zip(table["persona"], shown[column].notna() | (table[rest] == 0), strict=True))
        total = [parts] if told["all"] else []
        assert not solved({name: told[name] for name in parts}, total)
    small = (table["reached"] > 0) & (table["reached"] < TEN)
    assert shown.loc[small, ["reached", "share", "value", "low", "high"]].isna().all(axis=None)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), min_size=1, max_size=12))
def test_no_withheld_move_can_be_solved_from_the_shares_of_its_origin(moves):
    table = pd.DataFrame(moves, columns=["from", "customers"])
    table["count"] = table["customers"] * 2
    table["share"] = table["count"] / table.groupby("from")["count"].transform("sum")
    shown = suppress_table("transitions", table, min_cell=TEN)
    for _, rows in shown.groupby("from"):
        told = dict(enumerate(rows["count"].notna()))
        # Where any share is told, the total of its origin is told as well.
        assert not solved(told, [set(told)] if any(told.values()) else [])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_no_withheld_persona_or_path_can_be_solved_from_all_others(counts):
    n = float(sum(counts))
    for name, column in (("personas", "customers"), ("paths", "journeys")):
        table = pd.DataFrame({column: counts, "share": np.array(counts) / n, "n": n})
        shown = suppress_table(name, table, min_cell=TEN)
        told = dict(enumerate(shown[column].notna()))
        hidden = sum(count for count, known in zip(counts, told.values(), strict=True) if not known)
        assert len(counts) == 1 or not solved(told, [set(told)])
        assert hidden == 0 or hidden >= TEN or not any(told.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_withholding_twice_changes_nothing_more(counts):
    once = suppress_table("stages", stages_of(counts), min_cell=TEN)
    pd.testing.assert_frame_equal(suppress_table("stages", once, min_cell=TEN), once)
