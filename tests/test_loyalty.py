import numpy as np
import pandas as pd
import pytest

from journeylib.log import DAY
from journeylib.loyalty import (
    measure_cohorts,
    measure_metrics,
    measure_stage_scores,
    measure_stayers,
)
from journeylib.summaries import NEVER
from journeylib.tables import check_result

NOBODY = pd.DataFrame(columns=["customer", "persona"])
NO_ANSWERS = pd.DataFrame()
SETTINGS = {
    "currency": "EUR", "outcome": "repeat_purchase", "has_orders": True, "start": 0,
    "end": 360 * DAY, "inactive_days": None,
}  # fmt: skip


def measured(customers, answers=NO_ANSWERS, groups=NOBODY, **settings):
    table = measure_metrics(
        customers, answers, settings={**SETTINGS, **settings}, groups=groups,
        targets={"nps": 30.0},
    )  # fmt: skip
    check_result("metrics", table)
    return table.set_index(["segment", "metric"])


def buyers_of(days, spent=10.0):
    """Describe customers by the days on which they ordered."""
    rows = []
    for customer, own in enumerate(days):
        first, last = (own[0] * DAY, own[-1] * DAY) if own else (NEVER, -1)
        longest = max(np.diff(own)) if len(own) > 1 else np.nan
        rows.append((customer, len(own), spent * len(own), first, last, longest))
    columns = ["customer", "orders", "spent", "first_order", "last_order", "longest_gap"]
    return pd.DataFrame(rows, columns=columns)


def test_retention_is_who_bought_in_both_halves():
    table = measured(buyers_of([[0, 200], [10], [10, 20], [300], [170, 359]]))
    row = table.loc[("all", "retention_rate")]
    assert (row["value"], row["n"]) == (0.5, 4)


def test_repeat_rate_and_order_value_are_those_of_buyers():
    customers = buyers_of([[1, 5], [2], [3], []])
    customers["spent"] = [30.0, 20.0, 10.0, 0.0]
    table = measured(customers)
    assert table.loc[("all", "repeat_purchase_rate"), ["value", "n"]].tolist() == [1 / 3, 3]
    value = table.loc[("all", "average_order_value")]
    assert (value["value"], value["unit"], value["n"]) == (15.0, "EUR", 3)
    y, x = np.array([30.0, 20, 10]), np.array([2.0, 1, 1])
    error = np.sqrt(3 / 2 * ((y - 15 * x) ** 2).sum()) / 4
    assert value["high"] - value["value"] == pytest.approx(4.302653 * error, rel=1e-6)


def test_inactive_days_are_the_ninetieth_percentile_of_gaps():
    days = [[0, gap] for gap in range(1, 42)] + [[359]]
    source = measured(buyers_of(days)).loc[("all", "churn_rate"), "source"]
    assert source.startswith("no order in the last 37 days")


@pytest.mark.parametrize(("repeaters", "known"), [(29, False), (30, True)])
def test_churn_needs_thirty_repeaters_or_a_declared_rule(repeaters, known):
    customers = buyers_of([[0, 10]] * repeaters + [[0], [359]])
    assert (("all", "churn_rate") in measured(customers).index) == known
    assert ("all", "churn_rate") in measured(customers, inactive_days=30).index


def test_churn_counts_whoever_bought_long_ago_and_not_since():
    table = measured(buyers_of([[0], [0, 350], [340], [359]]), inactive_days=30)
    assert table.loc[("all", "churn_rate"), ["value", "n"]].tolist() == [0.5, 2]


def test_an_export_that_ends_early_does_not_read_as_churn():
    rng = np.random.default_rng(1)
    steady = [sorted({*rng.integers(0, 300, 12).tolist(), 299}) for _ in range(50)]
    table = measured(buyers_of(steady), inactive_days=40)
    assert table.loc[("all", "churn_rate"), "value"] == 0
    assert table.loc[("all", "retention_rate"), "value"] == 1


def test_a_contract_says_who_has_left():
    customers = pd.DataFrame({"customer": range(4), "churned": [True, False, False, None]})
    table = measured(customers, has_orders=False, outcome="retention")
    assert table.loc[("all", "churn_rate"), ["value", "n"]].tolist() == [1 / 3, 3]
    assert table.loc[("all", "retention_rate"), "value"] == pytest.approx(2 / 3)


def test_a_segment_of_which_no_leaving_is_known_does_not_fall_to_the_rule_of_orders():
    customers = buyers_of([[0], [0, 350], [340], [0]]).assign(churned=[True, False, None, None])
    personas = pd.DataFrame({"customer": [0, 1, 2, 3], "persona": ["A", "A", "B", "B"]})
    table = measured(customers, groups=personas, inactive_days=30)
    assert table.loc[("A", "churn_rate"), ["value", "n"]].tolist() == [0.5, 2]
    assert not {("B", "churn_rate"), ("B", "retention_rate")} & set(table.index)
    assert ("B", "repeat_purchase_rate") in table.index


@pytest.mark.parametrize("outcome", ["repeat_purchase", "retention", "conversion", "none"])
@pytest.mark.parametrize("has_orders", [True, False])
@pytest.mark.parametrize(
    "customers",
    [
        pd.DataFrame(),
        pd.DataFrame({"customer": []}),
        pd.DataFrame({"customer": [1], "churned": [True]}),
        buyers_of([]),
        buyers_of([[]]),
        buyers_of([[5]]),
    ],
    ids=["nothing", "no rows", "churn only", "no buyers", "one visitor", "one buyer"],
)
def test_little_data_gives_few_rows_and_never_an_error(customers, outcome, has_orders):
    personas = pd.DataFrame({"customer": [0, 1], "persona": ["A", "A"]})
    table = measured(customers, groups=personas, outcome=outcome, has_orders=has_orders)
    assert table["value"].notna().all()


def test_conversion_is_of_everybody():
    table = measured(buyers_of([[1], [], [], []]), outcome="conversion", has_orders=False)
    assert table.loc[("all", "conversion_rate"), ["value", "n"]].tolist() == [0.25, 4]


def test_scores_are_measured_by_persona_and_beside_their_goal():
    answers = pd.DataFrame(
        {
            "customer": pd.array([*range(20), None], "Int64"), "metric": "nps",
            "score": [10.0] * 10 + [0.0] * 11, "weight": np.nan, "scale_low": 0.0,
            "scale_high": 10.0,
        }
    )  # fmt: skip
    personas = pd.DataFrame({"customer": range(20), "persona": ["A"] * 10 + ["B"] * 10})
    table = measured(buyers_of([[1]] * 20), answers, personas)
    assert table.loc[("A", "nps"), "value"] == 100
    assert table.loc[("B", "nps"), "value"] == -100
    assert table.loc[("all", "nps"), ["n", "target"]].tolist() == [21, 30.0]


def test_satisfaction_and_effort_use_their_own_scale():
    answers = pd.DataFrame(
        {
            "customer": pd.array(range(6), "Int64"), "metric": ["csat"] * 3 + ["ces"] * 3,
            "score": [7.0, 6.0, 5.0, 1.0, 2.0, 6.0], "scale_low": 1.0, "scale_high": 7.0,
        }
    )  # fmt: skip
    table = measured(pd.DataFrame(), answers)
    assert table.loc[("all", "csat"), "value"] == pytest.approx(2 / 3)
    assert table.loc[("all", "ces"), "value"] == 3


# ------------------------------------------------------------------ segments


def test_months_are_compared_by_customers_who_were_followed_equally_long():
    rows = [(0, 0), (0, 25), (1, 0), (1, 31), (2, 0), (3, 60), (3, 65), (4, 71), (4, 73)]
    orders = pd.DataFrame(rows, columns=["customer", "day"]).assign(value=1.0)
    groups = pd.DataFrame(
        {"customer": range(5), "segment": ["early"] * 3 + ["late"] * 2, "by": "joined"}
    )
    table = measure_cohorts(orders, groups, days=30, end=100, targets={}).set_index("segment")
    assert table.loc["early", ["value", "n"]].tolist() == [1 / 3, 3]
    # whoever first bought on day 71 was watched for 29 days only
    assert table.loc["late", ["value", "n"]].tolist() == [1.0, 1]


def test_customers_still_there_count_for_as_long_as_they_were_seen():
    tenures = pd.DataFrame(
        {
            "customer": range(80),
            "months": [3.0] * 20 + [12.0] * 60,
            "ended": [True] * 20 + [False] * 60,
        }
    )
    groups = pd.DataFrame({"customer": range(80), "segment": "joined 2025-01", "by": "joined"})
    row = measure_stayers(tenures, groups, days=180, targets={}).iloc[0]
    assert row["value"] == pytest.approx(0.75)
    assert row["low"] < 0.75 < row["high"]
    assert measure_stayers(tenures.iloc[:49], groups, days=180, targets={}).empty


def test_stages_are_scored_by_the_touchpoint_that_the_answers_speak_of():
    answers = pd.DataFrame(
        {"customer": range(40), "metric": "nps", "score": [10.0] * 20 + [0.0] * 20,
         "touchpoint": ["delivery"] * 20 + ["basket"] * 15 + ["nowhere"] * 5}
    )  # fmt: skip
    stages = {"delivery": "retention", "basket": "decision"}
    table = measure_stage_scores(answers, stages, targets={"nps": 30.0}).set_index("segment")
    assert table["value"].to_dict() == {"retention": 100.0, "decision": -100.0}
    assert set(table["by"]) == {"stage"}
    assert measure_stage_scores(answers.iloc[:20], stages, targets={}).empty


def test_too_few_answers_of_a_segment_leave_a_row_without_a_value():
    """Without it, the answers of the others would tell what the few said."""
    answers = pd.DataFrame({"customer": range(24), "metric": "nps", "score": [9.0] * 24})
    groups = pd.DataFrame({"customer": range(24), "persona": ["A"] * 20 + ["B"] * 4})
    table = measured(buyers_of([[1]] * 24), answers, groups)
    row = table.loc[("B", "nps")]
    assert np.isnan(row["value"])
    assert row["n"] == 4


def test_a_customer_may_stand_in_several_segments():
    groups = pd.DataFrame(
        {"customer": [0, 1, 0, 1], "segment": ["web", "app", "joined 2025-01", "joined 2025-01"],
         "by": ["channel", "channel", "joined", "joined"]}
    )  # fmt: skip
    table = measured(buyers_of([[1, 5], [2]]), groups=groups)
    assert table.loc[("joined 2025-01", "repeat_purchase_rate"), ["value", "n"]].tolist() == [
        0.5,
        2,
    ]
    assert table.loc[("web", "repeat_purchase_rate"), ["value", "by"]].tolist() == [1.0, "channel"]
