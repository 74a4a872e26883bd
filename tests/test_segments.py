"""Effects by part: one test first, then parts drawn together, and parts that are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_changes import arms, measure_arms, message_of, status_of

from journeylib.pooling import pool_means
from journeylib.segments import COLUMNS, shrink_effects


def test_four_parts_are_drawn_together_as_morris_1983_does():
    value, error = [0.02, 0.05, 0.01, 0.09], [0.02, 0.01, 0.03, 0.02]
    pooled = pool_means(value, error)
    drawn = shrink_effects(value, error)
    assert drawn[0].tolist() == pytest.approx(pooled.value.tolist())
    assert drawn[1].tolist() == pytest.approx(pooled.error.tolist())


def test_two_parts_are_drawn_by_dersimonian_laird_1986():
    """Effects 0 and .1 with error .02: variance between .0046, so .08 of the way to the middle."""
    value, _, kept = shrink_effects([0.0, 0.1], [0.02, 0.02])
    between = 0.1**2 / 2 - 0.02**2
    assert kept.tolist() == pytest.approx([between / (between + 0.02**2)] * 2, rel=1e-6)
    assert value.mean() == pytest.approx(0.05)


def test_parts_that_differ_by_chance_alone_all_get_the_common_effect():
    value, error, kept = shrink_effects([0.04, 0.05, 0.045], [0.03, 0.03, 0.03])
    assert value.tolist() == pytest.approx([0.045] * 3)
    assert kept.max() == pytest.approx(0.0, abs=1e-9)
    assert error.max() < 0.03


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=8),
    st.floats(0.01, 1),
)
def test_drawing_together_never_leaves_the_span_of_the_parts(values, error):
    drawn, errors, kept = shrink_effects(values, [error] * len(values))
    assert min(values) - 1e-9 <= drawn.min() <= drawn.max() <= max(values) + 1e-9
    assert ((kept >= -1e-9) & (kept <= 1 + 1e-9)).all()
    assert (errors > 0).all()


def test_drawn_parts_are_nearer_to_the_truth_than_raw_ones():
    """200 tests of five parts whose true effects vary by .02 and are measured to .04."""
    draws = np.random.default_rng(3)
    truth = draws.normal(0.05, 0.02, (200, 5))
    raw = truth + draws.normal(0, 0.04, truth.shape)
    drawn = np.array([shrink_effects(row, [0.04] * 5)[0] for row in raw])
    assert ((drawn - truth) ** 2).mean() < 0.7 * ((raw - truth) ** 2).mean()


def test_intervals_of_drawn_parts_cover():
    """The same 1,000 parts: at least 93 % of their intervals hold the truth."""
    draws = np.random.default_rng(4)
    truth = draws.normal(0.05, 0.02, (200, 5))
    raw = truth + draws.normal(0, 0.04, truth.shape)
    held = 0
    for row, true in zip(raw, truth, strict=True):
        value, error, _ = shrink_effects(row, [0.04] * 5)
        held += int((np.abs(value - true) <= 1.96 * error).sum())
    assert held / truth.size >= 0.93


def test_parts_have_verdicts_only_where_they_differ():
    rows = arms(4000)
    north = (rows["variant"] == "B") & (rows["region"] == "north")
    strong = rows.assign(converted=rows["converted"].where(~north, rows["unit_id"] % 3 == 0))
    calm = measure_arms(rows, segments=("region",), worthwhile=0.05)
    told = measure_arms(strong, segments=("region",), worthwhile=0.05)
    parts = [one.impacts[one.impacts["segment"] != "all"] for one in (calm, told)]
    assert set(parts[0]["verdict"]) == {"cannot tell"}
    assert parts[1].set_index("segment").loc["region: north", "verdict"].startswith("works")
    assert status_of(told, "interaction") == "warn"


def test_the_table_holds_drawn_effects_and_the_details_hold_raw_ones():
    impact = measure_arms(arms(lift=0.1), segments=("region",))
    parts = impact.details["parts"]
    assert parts.columns.tolist() == COLUMNS
    rows = impact.impacts[impact.impacts["segment"] != "all"]
    assert rows["value"].tolist() == pytest.approx(parts["value"].tolist())
    assert np.ptp(parts["value"]) <= np.ptp(parts["raw"])


@pytest.mark.parametrize("part", ["persona", "stage", "Persona"])
def test_a_part_made_of_what_customers_did_is_refused_with_a_reason(part):
    impact = measure_arms(arms(lift=0.1), segments=(part,))
    assert status_of(impact, "segment_after_treatment") == "fail"
    assert "which the change can alter" in message_of(impact, "segment_after_treatment")
    assert set(impact.impacts["segment"]) == {"all"}
    assert impact.impacts["verdict"].iloc[0] != "not interpretable"


def test_a_persona_that_the_test_itself_recorded_beforehand_is_taken():
    rows = arms(lift=0.1).rename(columns={"region": "persona"})
    impact = measure_arms(rows, segments=("persona",))
    assert status_of(impact, "segment_after_treatment") == "pass"
    assert impact.impacts["segment"].str.startswith("persona: ").sum() == 3


def test_a_part_with_a_value_for_every_customer_is_no_part():
    impact = measure_arms(arms(), segments=("revenue_before",))
    assert status_of(impact, "segments") == "warn"


def test_sums_by_arm_have_no_parts():
    sums = pd.DataFrame({"variant": ["A", "B"], "count": [500, 500], "mean": [0.2, 0.25]})
    assert status_of(measure_arms(sums, segments=("region",)), "segments") == "warn"
