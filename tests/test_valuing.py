"""From workspace to the worth of customers: with and without a contract, by segment, tested."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reading import CLIENTS, DATA, make_client
from small_logs import CODES, KINDS, write_log

import journeylib as jl
from journeylib.collect import collect
from journeylib.foresight import Prospect, widen
from journeylib.log import DAY
from journeylib.params import read_params
from journeylib.steps import keep_collected
from journeylib.suppression import suppress_table
from journeylib.tables import check_result
from journeylib.valuing import assume_worth, tell_kind, value_customers
from journeylib.workspace import Workspace

BEGIN, SPAN, CUSTOMERS = 20_000, 360, 900
PEOPLE = pd.DataFrame(
    {"customer": range(CUSTOMERS), "persona": ["A"] * 890 + ["B"] * 4 + ["A"] * 6}
)


def shop_events(seed=1):
    """Customers come by two channels over ten months, buy at rates of their own, and leave."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(CUSTOMERS):
        day, gone = float(rng.integers(0, 300)), rng.beta(0.8, 4.0)
        rate = rng.gamma(1.2) / 30
        channel = 1 + customer % 2
        while day < SPAN:
            rows.append((customer, day, channel, rng.gamma(6, 5)))
            day += max(1.0, rng.exponential(1 / rate))
            if rng.random() < gone and rows[-1][0] == rows[max(0, len(rows) - 2)][0]:
                break
    table = pd.DataFrame(rows, columns=["customer", "day", "channel", "value"])
    time = ((BEGIN + table["day"]) * DAY).astype("int64")
    table = table.assign(time=time, touchpoint=3, stage=1, source=0, sentiment=np.nan)
    return table[list(KINDS)].sort_values(["customer", "time"], ignore_index=True)


def open_shop(folder, **keys: Any) -> Workspace:
    (folder / "shop.csv").write_text("who,at,total\nA,2025-01-01,5\n", encoding="utf-8")
    spec = {"name": "shop", "kind": "orders", "path": "shop.csv",
            "columns": {"customer_id": "who", "timestamp": "at", "value": "total"}}  # fmt: skip
    work = Workspace(make_client(folder, spec, currency="EUR", **keys), folder / "work")
    codes = replace(CODES, start=BEGIN * DAY, end=(BEGIN + SPAN) * DAY)
    write_log(work.folder / "log", shop_events(), codes=codes)
    answers = {"customer": range(40), "metric": "nps", "score": [9.0, 2.0] * 20, "weight": np.nan,
               "scale_low": 0.0, "scale_high": 10.0,
               "touchpoint": ["order", "delivery"] * 20}  # fmt: skip
    placed = {"touchpoint": ["order", "delivery"], "stage": ["decision", "retention"]}
    work.keep(answers=pd.DataFrame(answers), placed=pd.DataFrame(placed))
    return work


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    work = open_shop(tmp_path_factory.mktemp("shop"), outcome={"margin": 0.5, "horizon_months": 6})
    return work, value_customers(work, PEOPLE)


def rows_of(valued, metric, by):
    table = valued.metrics
    return table[(table["metric"] == metric) & (table["by"] == by)].set_index("segment")


def test_worth_is_told_of_all_and_by_persona_channel_and_month(shop):
    _, valued = shop
    assert valued.kind == "orders"
    assert valued.reason == ""
    check_result("metrics", valued.metrics)
    whole = rows_of(valued, "clv", "all").loc["all"]
    assert whole["n"] == CUSTOMERS
    assert whole["low"] < whole["value"] < whole["high"]
    assert whole["source"].startswith("BG/NBD")
    assert "tested on the past" in whole["source"]
    assert set(rows_of(valued, "clv", "channel").index) == {"app", "web"}
    assert rows_of(valued, "clv", "channel")["n"].sum() == CUSTOMERS
    months = rows_of(valued, "clv", "joined")
    assert months.index[0].endswith("or before")
    assert months["n"].sum() == CUSTOMERS
    total = valued.totals.set_index("segment").loc["all"]
    assert total["value"] == pytest.approx(valued.people["value"].sum())
    assert total["value"] == pytest.approx(CUSTOMERS * whole["value"])


def test_months_tell_who_came_back_of_those_who_were_followed_so_long(shop):
    _, valued = shop
    months = rows_of(valued, "repeat_purchase_rate", "joined")
    assert months["source"].str.startswith("bought again within 90 days").all()
    # who came in the last 90 days cannot be told of
    assert 6 <= len(months) < len(rows_of(valued, "clv", "joined"))


def test_scores_are_told_by_stage(shop):
    _, valued = shop
    assert rows_of(valued, "nps", "stage")["value"].to_dict() == {
        "decision": 100,
        "retention": -100,
    }


def test_the_forecast_is_tested_and_small_groups_of_the_test_are_withheld(shop):
    _, valued = shop
    assert valued.held["group"].tolist()[:2] == ["all", "0"]
    shown = valued.held["n"].dropna()
    assert (shown >= 10).all()
    assert valued.held_reason == ""


def test_four_customers_of_a_persona_are_withheld_with_one_that_would_tell_of_them(shop):
    work, valued = shop
    table = suppress_table("metrics", valued.metrics, min_cell=work.params.report.min_cell)
    own = table[(table["metric"] == "clv") & (table["by"] == "persona")]
    assert own["value"].isna().all()
    together = valued.totals[valued.totals["by"] == "persona"]
    assert together["value"].isna().all()


def test_what_was_taken_for_granted_names_those_who_bought_once(shop):
    _, valued = shop
    rows = assume_worth(valued)
    assert "bought once" in rows[0][1]
    assert rows[0][2] == "warn"
    assert rows[-1][0] == "worth_tested"


def test_metrics_join_everything_with_all_first_and_months_last(shop):
    work, valued = shop
    cut = jl.part_period(work)
    personas = jl.group_customers(work, cut)
    table = jl.measure_loyalty(work, jl.join_customers(work), cut, personas, valued)
    check_result("metrics", table)
    assert table["by"].iloc[0] == "all"
    assert table["by"].iloc[-1] == "joined"
    assert not table.duplicated(["metric", "segment", "by"]).any()
    months = table[table["by"] == "joined"]
    assert not months["metric"].isin(["churn_rate", "retention_rate"]).any()


def test_refunds_are_taken_off_and_money_that_nobody_knows_is_not_invented(tmp_path):
    work = open_shop(tmp_path, outcome={"margin": 0.5, "horizon_months": 6})
    plain = value_customers(work, PEOPLE[:0])
    events = shop_events()
    codes = replace(CODES, start=BEGIN * DAY, end=(BEGIN + SPAN) * DAY)
    back = events.assign(touchpoint=7, stage=-1, value=-0.25 * events["value"])
    both = pd.concat([events, back]).sort_values(["customer", "time"], kind="stable")
    write_log(work.folder / "log", both.reset_index(drop=True), codes=codes)
    valued = value_customers(work, PEOPLE[:0])
    value = rows_of(valued, "clv", "all")["value"]["all"]
    assert value == pytest.approx(0.75 * rows_of(plain, "clv", "all")["value"]["all"])
    assert valued.caveats[-1].startswith("Of what customers paid, 25.0 % went back")
    write_log(work.folder / "log", events.assign(value=np.nan), codes=codes)
    unknown = value_customers(work, PEOPLE[:0])
    assert unknown.reason.startswith("Money is known of 0 customers")
    assert rows_of(unknown, "clv", "all").empty
    assert len(unknown.held)


@pytest.mark.parametrize(("came", "covered"), [(0.3, False), (0.9, False), (0.62, True)])
def test_intervals_reach_as_far_as_the_error_of_a_forecast_that_did_not_hold(came, covered):
    totals = pd.DataFrame({"value": [100.0], "low": [90.0], "high": [115.0], "source": ["model"]})
    held = pd.DataFrame(
        {"group": ["all"], "value": [0.6], "observed": [came], "covered": [covered]}
    )
    found = widen(Prospect(totals, held, pd.DataFrame(), pd.DataFrame())).totals.iloc[0]
    ends = {0.3: (50.0, 115.0), 0.9: (90.0, 150.0), 0.62: (90.0, 115.0)}
    assert (found["low"], found["high"]) == pytest.approx(ends[came])
    assert found["source"].endswith("error of the test") is not covered


# ------------------------------------------------------------------ contracts


def test_customers_with_a_contract_are_told_by_renewals_and_never_by_purchases(tmp_path):
    work = open_shop(tmp_path)
    rng = np.random.default_rng(2)
    signup = BEGIN + rng.integers(0, 330, CUSTOMERS)
    left = signup + 30 * rng.geometric(rng.beta(0.9, 8.0, CUSTOMERS))
    moment = pd.to_datetime(left, unit="D", utc=True).to_series().where(left < BEGIN + SPAN)
    work.keep(
        attributes=pd.DataFrame(
            {"customer": range(CUSTOMERS), "signup": pd.to_datetime(signup, unit="D", utc=True),
             "churned_at": moment.to_numpy()}
        ).astype({"churned_at": "datetime64[us, UTC]"})
    )  # fmt: skip
    valued = value_customers(work, PEOPLE)
    assert valued.kind == tell_kind(work) == "contract"
    assert not valued.metrics["source"].str.contains("BG/NBD").any()
    assert valued.people.empty
    whole = rows_of(valued, "clv", "all").loc["all"]
    assert whole["n"] == (left >= BEGIN + SPAN).sum()
    assert valued.renewals["projected"].any()
    assert valued.renewals["observed"].notna().any()
    assert {"period", "held", "plain_rule"} <= set(valued.held)
    stayed = rows_of(valued, "retention_rate", "joined")
    assert stayed["source"].str.startswith("still a customer 120 days after coming").all()
    assert (rows_of(valued, "repeat_purchase_rate", "joined")).empty


# ------------------------------------------------------------------ refusal


def test_a_margin_of_nothing_gives_no_worth_and_no_error(tmp_path):
    valued = value_customers(open_shop(tmp_path, outcome={"margin": 0}), PEOPLE[:0])
    assert valued.reason.startswith("The margin is 0")
    assert rows_of(valued, "clv", "all").empty


def test_too_few_who_came_back_are_told_by_cohorts(tmp_path):
    work = open_shop(tmp_path, outcome={"horizon_months": 3})
    events = pd.concat([pd.read_parquet(part) for part in (work.folder / "log").glob("part-*")])
    few = events.groupby("customer").head(1)
    few = pd.concat([few, events[events["customer"] < 100]]).drop_duplicates(["customer", "time"])
    few = few.sort_values(["customer", "time"], ignore_index=True)
    codes = replace(CODES, start=BEGIN * DAY, end=(BEGIN + SPAN) * DAY)
    write_log(work.folder / "log", few, codes=codes)
    valued = value_customers(work, PEOPLE[:0])
    assert "customers bought on more than one day" in valued.reason
    assert valued.totals.empty
    whole = rows_of(valued, "clv", "all").loc["all"]
    assert whole["source"].startswith("since the first purchase, no forecast")
    assert whole["low"] < whole["value"] < whole["high"]
    assert len(valued.cohorts) > 3


def test_a_client_without_events_is_worth_nothing_that_can_be_told(tmp_path):
    work = open_shop(tmp_path)
    write_log(work.folder / "log", shop_events()[:0], codes=CODES)
    (work.folder / "log" / "part-00000.parquet").unlink()
    valued = value_customers(work, PEOPLE[:0])
    assert valued.reason.startswith("No source holds orders")
    assert "clv" not in set(valued.metrics["metric"])


# ------------------------------------------------------------------ real data


def collected(name, folder) -> Workspace:
    if not DATA.exists():
        pytest.skip("the shared public data is not beside this checkout")
    work = Workspace(read_params(CLIENTS / f"{name}.yml"), folder)
    keep_collected(work, collect(work.params, work.folder / "log"))
    return work


def test_the_forecast_of_cdnow_holds_and_beats_the_plain_rule(tmp_path):
    valued = value_customers(collected("cdnow", tmp_path), PEOPLE[:0])
    row = valued.held.set_index("group").loc["all"]
    assert row["covered"]
    assert row["error"] < row["plain_error"]
    assert set(rows_of(valued, "clv", "joined").index) == {
        "joined 1997-01 or before", "joined 1997-02", "joined 1997-03",
    }  # fmt: skip


def test_customers_of_telco_have_a_contract_and_no_money(tmp_path):
    valued = value_customers(collected("telco-churn", tmp_path), PEOPLE[:0])
    assert valued.kind == "contract"
    assert valued.reason.startswith("No source holds orders")
    assert len(valued.renewals) > 72
    assert "clv" not in set(valued.metrics["metric"])
