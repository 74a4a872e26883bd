"""Means that hang on a few customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_changes import arms, measure_arms, message_of, status_of

from journeylib.outliers import largest_part


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-100, 100), min_size=3, max_size=12),
    st.lists(st.floats(-100, 100), min_size=3, max_size=12),
)
def test_the_largest_part_is_what_leaving_that_unit_out_changes(treated, control):
    one, other = np.array(treated), np.array(control)
    whole = one.mean() - other.mean()
    moves = [whole - (np.delete(one, k).mean() - other.mean()) for k in range(len(one))]
    moves += [whole - (one.mean() - np.delete(other, k).mean()) for k in range(len(other))]
    found = largest_part(pd.Series(one), pd.Series(other))
    assert abs(found) == pytest.approx(max(abs(move) for move in moves), abs=1e-9)


def test_one_customer_who_makes_the_difference_is_named_by_share():
    rows = arms(500)
    rows.loc[rows["unit_id"] == 700, "revenue"] = 60_000.0
    impact = measure_arms(rows, outcomes=("revenue",), units={"revenue": "EUR"})
    assert status_of(impact, "largest_unit") == "warn"
    assert "more than 25 %" in message_of(impact, "largest_unit")
    assert "look at that customer" in message_of(impact, "largest_unit")


def test_every_mean_is_looked_at_and_no_share_or_ratio_is():
    ratios = {"per_order": ("revenue", "orders")}
    impact = measure_arms(arms(500), outcomes=("converted", "revenue", "per_order"), ratios=ratios)
    messages = impact.checks.loc[impact.checks["check"] == "largest_unit", "message"]
    assert len(messages) == 1
    assert "revenue" in messages.iloc[0]


def test_repeated_rows_of_a_unit_are_not_taken_for_customers():
    rows = pd.concat([arms(300), arms(300, seed=1)], ignore_index=True)
    assert status_of(measure_arms(rows, outcomes=("revenue",)), "outliers") == "absent"


@pytest.mark.parametrize(("extra", "words"), [(0.0, "less than"), (3000.0, "more than 25 %")])
def test_the_share_of_one_customer_is_told_in_bands_and_never_exactly(extra, words):
    rows = arms(500)
    rows.loc[rows["unit_id"] == 700, "revenue"] += extra
    check = measure_arms(rows, outcomes=("revenue",)).checks.set_index("check").loc["largest_unit"]
    assert words in check["message"]
    assert check["statistic"] in (0.05, 0.25, 1.0)
