"""Looks, planned samples and power: boundaries, and what the sentences say."""

from __future__ import annotations

import pytest
from planted_changes import arms, measure_arms, message_of, status_of

from journeylib.looks import look_times, spending_bounds
from journeylib.plans import Plan
from journeylib.precision import weigh_looks

PLAIN = 1.959964


def width(**looks):
    row = measure_arms(arms(2000, lift=0.05), outcomes=("revenue",), **looks).impacts.iloc[0]
    return row["high"] - row["low"]


def test_a_second_look_of_five_is_wider_than_the_last_one():
    plain, last = width(), width(looks=5)
    second = width(looks=5, looks_taken=2)
    bound = spending_bounds(look_times(5, 2))[-1]
    assert second / plain == pytest.approx(bound / PLAIN, rel=2e-3)
    assert last / plain == pytest.approx(2.031 / PLAIN, rel=2e-3)


@pytest.mark.parametrize(
    ("planned", "taken", "status"), [(1, None, "pass"), (4, None, "pass"), (4, 4, "pass"),
                                     (4, 5, "warn"), (1, 2, "warn")],
)  # fmt: skip
def test_more_looks_than_planned_warn(planned, taken, status):
    _, check = weigh_looks(Plan("x", looks=planned, looks_taken=taken), 4000)
    assert check.status == status


def test_looks_unset_count_as_planned():
    assert (
        weigh_looks(Plan("x", looks=3), 900)[0]
        == weigh_looks(Plan("x", looks=3, looks_taken=3), 900)[0]
    )


def test_an_early_look_of_a_small_test_is_narrower_when_tuned_to_the_planned_sample():
    """Tuned at 10,000 a sequence is narrowest there, and wider than one tuned at 2,000 now."""
    early = weigh_looks(Plan("x", looks_taken=9, sample=10_000), 2000)[0]
    tuned = weigh_looks(Plan("x", looks_taken=9, sample=2000), 2000)[0]
    assert early > tuned > 1.5


@pytest.mark.parametrize(("sample", "status"), [(2105, "pass"), (2106, "warn"), (500, "pass")])
def test_a_test_ended_below_95_percent_of_its_plan_warns(sample, status):
    impact = measure_arms(arms(1000), sample=sample)
    assert status_of(impact, "planned_sample") == status


def test_the_planned_sample_tells_its_power_for_the_smallest_worthwhile_effect():
    impact = measure_arms(arms(1000), sample=8000, worthwhile=0.03)
    message = message_of(impact, "planned_sample")
    # power.prop.test(n = 4000, p1 = .2, p2 = .23) is .906; here with the observed spread.
    assert "3 percentage points is found 9" in message
    assert "ended early" in message


def test_a_test_between_its_looks_did_not_end_early():
    impact = measure_arms(arms(1000), sample=8000, looks=4, looks_taken=1)
    assert status_of(impact, "planned_sample") == "pass"
    assert "still to come" in message_of(impact, "planned_sample")


@pytest.mark.parametrize(("worthwhile", "status"), [(0.06, "pass"), (0.02, "warn")])
def test_power_warns_where_the_worthwhile_effect_is_below_what_can_be_found(worthwhile, status):
    impact = measure_arms(arms(1000), worthwhile=worthwhile)
    assert status_of(impact, "power") == status
    assert "percentage points" in message_of(impact, "power")
