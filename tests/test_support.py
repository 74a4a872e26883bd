import numpy as np
import pandas as pd
import pytest

from journeylib.emotion import score_touchpoints
from journeylib.support import APART, are_apart, support_of


@pytest.mark.parametrize(
    ("n", "level"),
    [(0, "none"), (9, "none"), (10, "thin"), (29, "thin"), (30, "fair"), (299, "fair"),
     (300, "strong"), (float("nan"), "none")],
)  # fmt: skip
def test_customers_set_the_level(n, level):
    assert support_of(n)[0] == level


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ({"sources": 2}, "strong"),
        ({"sources": 1}, "fair"),
        ({"recent": 10}, "strong"),
        ({"recent": 9}, "fair"),
        ({"recent": float("nan")}, "fair"),
        ({"apart": True}, "fair"),
        ({"apart": True, "recent": 0}, "thin"),
        ({"apart": True, "recent": 0, "sources": 1}, "thin"),
        ({"sources": 1, "recent": float("nan")}, "fair"),
    ],
)
def test_one_source_old_voices_and_disagreement_cost_what_the_rule_says(options, level):
    assert support_of(300, **options)[0] == level


def test_what_ten_customers_said_is_never_none():
    assert support_of(10, sources=1, recent=0, apart=True)[0] == "thin"


def test_the_reason_names_no_count_of_a_small_group():
    why = support_of(17, sources=1, recent=3, apart=True)[1]
    assert why == ("fewer than 30 customers, one source, few in the last 90 days, sources differ")


def means(*values, error=0.02):
    return pd.DataFrame({"value": values, "error": error, "n": 50})


@pytest.mark.parametrize(
    ("frame", "apart"),
    [
        (means(0.0, APART), True),
        (means(0.0, APART - 0.01), False),
        (means(0.0, 0.5, error=0.4), False),
        (means(0.3), False),
        (means(0.0, 0.1, 0.4), True),
    ],
)
def test_sources_differ_by_a_quarter_of_a_point_and_more_than_chance(frame, apart):
    assert are_apart(frame) == apart


def voices(n, *, source, age=5.0, tone=0.2, start=0):
    return pd.DataFrame(
        {
            "customer": np.arange(start, start + n), "touchpoint": "a", "source": source,
            "sentiment": tone + 0.1 * np.sin(np.arange(n)), "age_days": age,
        }
    )  # fmt: skip


def support(*parts):
    return score_touchpoints(pd.concat(parts, ignore_index=True)).iloc[0]


def test_support_is_read_from_the_voices():
    two = (voices(200, source="survey"), voices(200, source="reviews", start=150))
    assert support(*two)["support"] == "strong"
    assert support(*two)["mix"] == "reviews 50%, survey 50%"
    assert support(voices(400, source="survey"))["support"] == "fair"
    old = (voices(200, source="survey", age=90.0), voices(200, source="reviews", age=400.0))
    assert support(*old)["support_why"] == "fewer than 300 customers, nobody in the last 90 days"
    far = (voices(200, source="survey"), voices(200, source="reviews", tone=0.6, start=200))
    assert support(*far)["support_why"] == "sources differ"


def test_a_source_of_nine_customers_is_no_second_one_and_is_not_named():
    row = support(voices(400, source="survey"), voices(9, source="calls", start=400))
    assert (row["support"], row["mix"]) == ("fair", "survey 98%, others")


def test_answers_of_one_customer_in_two_sources_count_once():
    row = support(voices(200, source="survey"), voices(200, source="reviews"))
    assert row["n"] == 200
    assert row["support"] == "fair"
