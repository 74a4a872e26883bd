"""Charts of loyalty and worth: what they claim, and that nothing is drawn of nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib.loyalty_charts import (
    choose_loyalty,
    plot_holdout,
    plot_loyalty,
    plot_renewals,
    plot_worth,
)

COLUMNS = ["metric", "segment", "by", "value", "low", "high", "n", "unit", "source"]
RULE = "bought again within 90 days / first bought 90 days ago or earlier; Wilson"


def metrics_of(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


SHOP = metrics_of(
    ("repeat_purchase_rate", "all", "all", 0.40, 0.38, 0.42, 900, "share", "w"),
    ("repeat_purchase_rate", "web", "channel", 0.30, 0.27, 0.33, 600, "share", "w"),
    ("repeat_purchase_rate", "app", "channel", 0.60, 0.55, 0.65, 300, "share", "w"),
    ("repeat_purchase_rate", "joined 2025-02", "joined", 0.35, 0.3, 0.4, 300, "share", RULE),
    ("repeat_purchase_rate", "joined 2025-01 or before", "joined", 0.45, 0.4, 0.5, 9, "share",
     RULE),
    ("clv", "all", "all", 12.5, 11.0, 14.0, 900, "USD", "BG/NBD"),
    ("clv", "Loyal", "persona", 30.0, 26.0, 34.0, 300, "USD", "BG/NBD"),
    ("clv", "Once", "persona", 4.0, 3.0, 5.0, 500, "USD", "BG/NBD"),
    ("nps", "web", "channel", 20.0, 10.0, 30.0, 60, "points", "w"),
)  # fmt: skip
HELD = pd.DataFrame(
    {"group": ["all", "0", "1"], "observed": [0.5, 0.2, 0.9], "plain_rule": [0.8, 0.0, 1.6],
     "error": [0.4, 0.3, 0.6], "plain_error": [0.6, 0.2, 1.0], "covered": [False, True, False],
     "value": [0.6, 0.25, 1.1], "low": [0.55, 0.2, 1.0], "high": [0.65, 0.3, 1.2],
     "n": [900, 600, 300], "unit": "purchases", "source": "s"}
)  # fmt: skip
MONTHS = pd.DataFrame(
    {"period": [0, 1, 2, 3], "held": [False, False, True, True], "observed": [1, 0.9, 0.8, 0.7],
     "plain_rule": [1, 0.88, 0.79, 0.7], "value": [1, 0.9, 0.81, 0.74],
     "low": [1, 0.88, 0.78, 0.69], "high": [1, 0.92, 0.84, 0.79], "n": 400, "unit": "share",
     "source": "s"}
)  # fmt: skip


def title(ax):
    return " ".join(ax.get_title(loc="left").split())


def test_channels_are_drawn_best_first_beside_all_customers():
    ax = plot_loyalty(SHOP, by="channel")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["app", "web"]
    assert title(ax).endswith("from 30 % in web to 60 % in app")
    assert "Dashed: all customers, 40 %" in ax.get_xlabel()


def test_channels_whose_intervals_hold_the_mean_of_all_are_called_alike():
    close = SHOP.assign(low=0.2, high=0.7)
    assert "no group clearly differs" in title(plot_loyalty(close, by="channel"))


def test_months_are_drawn_in_time_and_by_the_rule_that_makes_them_comparable():
    ax = plot_loyalty(SHOP, by="joined")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["2025-01 or before", "2025-02"]
    assert title(ax).startswith("Bought again within 90 days")
    assert "all customers" not in ax.get_xlabel()


def test_the_metric_that_tells_loyalty_best_is_chosen():
    assert choose_loyalty(SHOP, "channel") == "repeat_purchase_rate"
    more = SHOP.assign(metric=SHOP["metric"].replace("repeat_purchase_rate", "retention_rate"))
    assert choose_loyalty(pd.concat([SHOP, more]), "channel") == "retention_rate"
    assert choose_loyalty(SHOP, "persona") == ""


def test_worth_is_drawn_for_all_first_and_dollars_are_no_mathematics():
    ax = plot_worth(SHOP)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["All customers", "Loyal", "Once"]
    assert r"\$12.50 (11.00 to 14.00)" in title(ax)
    assert "least in Once" in title(ax)
    assert "Customers of no group" in ax.get_xlabel()


def test_worth_of_cohorts_is_called_what_was_brought():
    seen = SHOP[SHOP["segment"] == "all"].assign(source="since the first purchase, no forecast")
    assert plot_worth(seen).get_xlabel().startswith("Brought since the first purchase")


def test_the_test_on_the_past_shows_where_the_plain_rule_was_nearer():
    ax = plot_holdout(HELD)
    assert "0.60 purchases a customer were forecast (0.55 to 0.65), 0.50 came: outside" in title(ax)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[-1].startswith("Plain rule")
    assert list(ax.get_lines()[2].get_ydata()) == [0.0, 1.6]


def test_the_test_of_renewals_marks_where_the_model_saw_nothing():
    ax = plot_holdout(MONTHS)
    assert title(ax) == "After 3 months 74 % were expected (69 to 79 %) and 70 % were still there"
    assert any(text.get_text() == "held out from here" for text in ax.texts)


def test_the_projection_says_how_many_will_be_there():
    ax = plot_renewals(MONTHS.assign(projected=[False, False, False, True]))
    assert title(ax).startswith("74 % of new customers are expected to be there after 3 months")


@pytest.mark.parametrize("empty", [SHOP[:0], pd.DataFrame(), SHOP.assign(value=np.nan)])
def test_nothing_is_drawn_of_nothing(empty):
    assert plot_loyalty(empty, by="channel") is None
    assert plot_worth(empty) is None
    assert plot_holdout(empty[:0]) is None
    assert plot_renewals(empty[:0]) is None
