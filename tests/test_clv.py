"""Purchases and worth of customers without a contract, and the hold-out test of the forecast."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import DATA
from small_logs import frame_of, write_log

from journeylib.buying import (
    Buying,
    Seen,
    Spending,
    fit_buying,
    fit_spending,
    gather_orders,
    summarise_purchases,
)
from journeylib.clv import (
    ClvTerms,
    average_cohorts,
    check_purchases,
    check_spending,
    estimate_clv,
    forecast_purchases,
)
from journeylib.errors import ParamsError
from journeylib.estimates import Refusal
from journeylib.futures import Plan, simulate_worth
from journeylib.holdouts import backtest_purchases

CDNOW = DATA / "cdnow" / "CDNOW_sample.txt"
PUBLISHED = Buying(0.243, 4.414, 0.793, 2.426)


def day_of(text):
    return (pd.Timestamp(text) - pd.Timestamp("1970-01-01")).days


CUT, END = day_of("1997-09-30"), day_of("1998-06-30")


@pytest.fixture(scope="module")
def orders():
    if not CDNOW.exists():
        pytest.skip("the shared public data (cdnow) is not beside this checkout")
    names = ["master", "customer", "date", "cds", "value"]
    table = pd.read_csv(CDNOW, sep=r"\s+", header=None, names=names)
    date = pd.to_datetime(table["date"].astype("str"), format="%Y%m%d")
    table["day"] = (date - pd.Timestamp("1970-01-01")).dt.days
    return table[["customer", "day", "value"]]


@pytest.fixture(scope="module")
def summary(orders):
    return summarise_purchases(orders, end=CUT)


@pytest.fixture(scope="module")
def worth(summary):
    return estimate_clv(summary, terms=ClvTerms(currency="USD"))


@pytest.fixture(scope="module")
def held(orders):
    return backtest_purchases(orders, cut=CUT, end=END).set_index("group")


def customer(frequency, recency, age, spend=np.nan):
    row = {"customer": 1, "frequency": frequency, "recency": recency, "age": age, "spend": spend}
    return pd.DataFrame([row])


def people_of(size, *, seed=1, weeks=52.0, truth=PUBLISHED):
    """Simulate customers who are watched for `weeks`, each from the first purchase on."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(size):
        rate, leaves = rng.gamma(truth.r) / truth.alpha, rng.beta(truth.a, truth.b)
        at, bought = 0.0, 0
        while (gone := rng.exponential(1 / rate)) + at <= weeks:
            at, bought = at + gone, bought + 1
            if rng.random() < leaves:
                break
        rows.append((number, bought, at, weeks, 20.0 + number % 7 if bought else np.nan))
    return pd.DataFrame(rows, columns=["customer", "frequency", "recency", "age", "spend"])


# ------------------------------------------------------------------ golden


def test_bg_nbd_is_that_of_fader_hardie_and_lee_2005(summary):
    fit = fit_buying(summary)
    found = (fit.r, fit.alpha, fit.a, fit.b)
    assert found == pytest.approx((0.2425945, 4.4136019, 0.7929199, 2.4258881), rel=1e-4)
    assert fit.peak.height == pytest.approx(-9582.429, abs=1e-3)
    assert not fit.peak.at_edge
    assert fit.customers == 2357


def test_the_cdnow_summary_has_946_repeat_buyers(summary):
    assert (summary["frequency"] > 0).sum() == 946
    first = summary.iloc[0][["frequency", "recency", "age"]].tolist()
    assert first == pytest.approx([2, 30.43, 38.86], abs=0.005)


def test_expected_purchases_are_those_of_the_published_example():
    """Fader, Hardie and Lee (2005), section 4: 1.226 purchases in 39 weeks."""
    someone = customer(2, 30.43, 38.86)
    assert PUBLISHED.expect(someone, 39)[0] == pytest.approx(1.226, abs=1e-3)
    assert PUBLISHED.alive(someone)[0] == pytest.approx(0.7266, abs=1e-3)


def test_gamma_gamma_is_that_of_fader_and_hardie_2013(summary):
    fit = fit_spending(summary)
    assert (fit.p, fit.q, fit.v) == pytest.approx((6.25, 3.74, 15.45), abs=0.01)
    assert fit.mean == pytest.approx(35.17, abs=0.005)
    assert fit.customers == 946


def test_worth_of_cdnow_customers_adds_up(worth):
    totals = worth.totals.set_index(["metric", "segment"])
    total = totals.loc[("clv_total", "all")]
    assert worth.people["value"].sum() == pytest.approx(total["value"])
    assert totals.loc[("clv", "all"), "value"] == pytest.approx(total["value"] / 2357)
    parts = totals.loc[("clv_total", "bought once")], totals.loc[("clv_total", "came back")]
    assert sum(part["value"] for part in parts) == pytest.approx(total["value"])
    assert sum(part["n"] for part in parts) == 2357
    assert total["unit"] == "USD"


def test_the_interval_of_customers_is_wider_than_that_of_parameters(worth):
    totals = worth.totals
    assert (totals["low"] < totals["model_low"]).all()
    assert (totals["high"] > totals["model_high"]).all()


def test_the_model_beats_the_same_rate_in_the_held_out_weeks_of_cdnow(held):
    """Fader, Hardie and Lee (2005) report that the model forecasts a little too little."""
    everyone = held.loc["all"]
    assert everyone["observed"] * everyone["n"] == pytest.approx(1882)
    assert 0.85 < everyone["value"] / everyone["observed"] < 1
    assert everyone["error"] < everyone["plain_error"]
    assert abs(everyone["value"] - everyone["observed"]) < 0.25 * abs(
        everyone["plain_rule"] - everyone["observed"]
    )


def test_the_hold_out_is_told_by_purchases_seen(held):
    assert list(held.index) == ["all", "0", "1", "2", "3", "4", "5", "6", "7+"]
    assert held["n"].iloc[1:].sum() == held.loc["all", "n"] == 2357
    assert held.loc["0", "plain_rule"] == 0
    assert held["covered"].iloc[1:].sum() >= 6


def test_parameters_of_simulated_customers_are_found_again():
    truth = Buying(0.8, 6.0, 0.9, 2.5)
    fit = fit_buying(people_of(3000, truth=truth))
    found = np.log([fit.r, fit.alpha, fit.a, fit.b])
    wanted = np.log([truth.r, truth.alpha, truth.a, truth.b])
    assert (np.abs(found - wanted) < 3.5 * np.sqrt(np.diag(fit.peak.covariance))).all()


def test_drawn_futures_have_the_expected_mean():
    crowd = pd.concat([customer(2, 30.43, 38.86, 30.0)] * 20_000, ignore_index=True)
    spending = Spending(6.25, 3.74, 15.45)
    plan, rng = Plan(39.0, np.ones(9)), np.random.default_rng(5)
    bought = simulate_worth(crowd, PUBLISHED, None, plan, rng)
    assert bought.mean() == pytest.approx(1.226, abs=0.05)
    money = simulate_worth(crowd, PUBLISHED, spending, plan, rng)
    assert money.mean() == pytest.approx(1.226 * spending.expect(crowd)[0], rel=0.05)


# ------------------------------------------------------------------ boundary


def test_orders_of_one_day_are_one_purchase_and_returns_are_none():
    rows = [(7, 10, 5.0), (7, 10, 3.0), (7, 24, 4.0), (7, 24, -9.0), (7, 99, 1.0), (8, 30, np.nan)]
    summary = summarise_purchases(
        pd.DataFrame(rows, columns=["customer", "day", "value"]), end=31
    ).set_index("customer")
    assert summary.loc[7].tolist() == [1, 2.0, 3.0, 4.0]
    assert summary.loc[8, ["frequency", "recency"]].tolist() == [0, 0]
    assert summary.loc[8, "age"] == pytest.approx(1 / 7)
    assert np.isnan(summary.loc[8, "spend"])


def test_orders_come_from_the_log_by_day_of_the_client(tmp_path):
    events = [(0, 20.99, "order"), (0, 30, "order"), (0, 31, "ad"), (1, 21, "order")]
    log = write_log(tmp_path, frame_of(events))
    here = gather_orders(log, zone="UTC")
    assert list(zip(here["customer"], here["day"], strict=True)) == [(0, 20), (0, 30), (1, 21)]
    there = gather_orders(log, zone="Europe/Berlin")
    assert there["day"].tolist() == [21, 30, 21]


def test_two_hundred_customers_who_came_back_are_enough():
    base = people_of(1, seed=2).assign(frequency=2, recency=10.0, age=52.0, spend=20.0)
    enough = pd.concat([base] * 200, ignore_index=True)
    assert check_purchases(enough) is None
    refused = check_purchases(enough.iloc[1:])
    assert isinstance(refused, Refusal)
    assert refused.reason.startswith("199 customers")


def test_two_median_gaps_of_history_are_enough():
    rows = pd.concat([customer(1, 26.0, 52.0)] * 200, ignore_index=True)
    assert check_purchases(rows) is None
    refused = check_purchases(rows.assign(recency=26.1))
    assert isinstance(refused, Refusal)
    assert "26 weeks (median)" in refused.reason


def test_expected_purchases_are_smooth_where_a_is_one():
    someone = customer(3, 20.0, 30.0)
    around = [Buying(0.5, 5.0, a, 2.0).expect(someone, 20)[0] for a in (0.999, 1.0, 1.001)]
    assert around[0] > around[1] > around[2]
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-4)


def test_where_the_closed_form_breaks_down_the_integral_takes_over():
    someone = customer(102, 0.0, 1.0)
    model = Buying(1.5, 1.0, 0.5, 0.5)
    integral = model._integrate(np.array([102.0]), np.array([1.0]), 50.0)
    assert model.expect(someone, 50)[0] == pytest.approx(integral[0] * model.alive(someone)[0])
    usual = PUBLISHED._integrate(np.array([2.0]), np.array([38.86]), 39.0)
    alive = PUBLISHED.alive(customer(2, 30.43, 38.86))
    assert usual * alive == pytest.approx([1.226], abs=1e-3)
    assert usual * alive == pytest.approx(PUBLISHED.expect(customer(2, 30.43, 38.86), 39), rel=1e-5)


def test_margin_and_discount_lower_worth_as_declared(summary, worth):
    half = estimate_clv(summary, terms=ClvTerms(margin=0.5))
    assert half.people["value"].sum() == pytest.approx(worth.people["value"].sum() / 2)
    assert not any("no margin is declared" in text for text in half.caveats)
    assert any("no margin is declared" in text for text in worth.caveats)


def test_personas_get_rows_of_their_own(summary):
    groups = summary[["customer"]].assign(segment="even")
    groups["segment"] = groups["segment"].mask(groups["customer"] % 2 > 0, "odd")
    totals = forecast_purchases(summary, groups=groups.iloc[10:]).totals.set_index("segment")
    assert totals.loc["odd", "n"] + totals.loc["even", "n"] == 2347
    assert totals.loc["all", "n"] == 2357


def test_cohorts_not_followed_for_the_horizon_have_no_row(orders):
    table = average_cohorts(orders, end=END).set_index("cohort")
    assert table.index.tolist() == ["1997-01", "1997-02", "1997-03"]
    assert table["n"].sum() == 2357
    assert average_cohorts(orders, end=day_of("1998-01-29")).empty
    assert len(average_cohorts(orders, end=day_of("1998-01-30"))) == 1


def test_purchases_of_customers_who_hardly_ever_leave_are_quick_to_fit_and_forecast():
    """The likelihood is then that of the NBD, flat in a and b; the search must not creep."""
    rng = np.random.default_rng(4)
    age = rng.integers(30, 365, 8000) / 7
    bought = rng.poisson(rng.gamma(1.0, 1 / 6.0, 8000) * age)
    last = np.round(age * 7 * np.where(bought > 0, bought / (bought + 1), 0)) / 7
    people = pd.DataFrame(
        {"customer": range(8000), "frequency": bought, "recency": last, "age": age, "spend": 30.0}
    )
    start = time.process_time()
    fit = fit_buying(people)
    expected = fit.expect(people, 52.0)
    assert time.process_time() - start < 5
    nbd = 52.0 * (fit.r + bought) / (fit.alpha + age)
    assert expected == pytest.approx(nbd, rel=0.02)


def test_interpolation_between_ages_changes_nothing_that_can_be_seen():
    rng = np.random.default_rng(2)
    x, age = rng.integers(0, 30, 300).astype(float), rng.uniform(0.1, 200, 300)
    for model in (PUBLISHED, Buying(0.5, 0.01, 1.0, 0.3), Buying(2.0, 9.0, 1e-5, 1e4)):
        found = model.expect(Seen(x, np.where(x > 0, age, 0.0), age, x, x), 39.0)
        alone = model._expect_alive(x, age, 39.0)
        told = alone * model.alive(Seen(x, np.where(x > 0, age, 0.0), age, x, x))
        assert found == pytest.approx(told, rel=1e-4)


def test_draws_on_a_ridge_fit_the_data_as_well_as_they_should():
    """Twice the loss in log-likelihood is chi-square with four degrees of freedom."""
    fit = fit_buying(people_of(700, weeks=40.0, truth=Buying(0.8, 12.0, 3.0, 9.0)))
    drawn = fit.peak.draw(400, np.random.default_rng(1))
    loss = fit.peak.height - np.array([fit.peak.likelihood(row) for row in drawn])
    assert 0.9 < np.median(loss) < 2.4
    assert np.quantile(loss, 0.95) < 6.5


# ------------------------------------------------------------------ property


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 400), st.floats(0, 1), st.floats(1, 300), st.floats(0.05, 20),
    st.floats(0.5, 60), st.floats(0.05, 8), st.floats(0.05, 8),
)  # fmt: skip
def test_chances_and_expectations_stay_in_bounds(x, part, age, r, alpha, a, b):  # noqa: PLR0917
    model, someone = Buying(r, alpha, a, b), customer(x, part * age if x else 0.0, age)
    alive = model.alive(someone)[0]
    assert 0 <= alive <= 1
    soon, late = model.expect(someone, 10)[0], model.expect(someone, 50)[0]
    assert -1e-9 <= soon <= late + 1e-9
    assert late <= alive * 50 * (r + x) / (alpha + age) * (1 + 1e-6) + 1e-9


def test_a_rerun_gives_the_same_numbers(summary, worth):
    again = estimate_clv(summary, terms=ClvTerms(currency="USD"))
    pd.testing.assert_frame_equal(again.totals, worth.totals)


# ------------------------------------------------------------------ refusal


def test_money_that_goes_with_frequency_is_refused():
    people = people_of(1500, truth=Buying(1.0, 6.0, 0.6, 2.5))
    assert check_spending(people) is None
    refused = check_spending(people.assign(spend=5.0 + 3 * people["frequency"]))
    assert isinstance(refused, Refusal)
    assert "correlation 1.00" in refused.reason
    assert not isinstance(forecast_purchases(people), Refusal)


def test_too_few_customers_get_a_refusal_and_no_number():
    refused = estimate_clv(people_of(150))
    assert isinstance(refused, Refusal)
    assert "averages of cohorts" in refused.needed


def test_customers_without_money_get_no_worth():
    refused = estimate_clv(people_of(1500).assign(spend=np.nan))
    assert isinstance(refused, Refusal)
    assert "Money is known of 0" in refused.reason


def test_a_hold_out_of_less_than_four_weeks_is_refused():
    refused = backtest_purchases(pd.DataFrame(), cut=10, end=37)
    assert isinstance(refused, Refusal)
    assert refused.reason == "27 days come after the cut."


def test_terms_that_do_not_fit_are_told_all_at_once():
    with pytest.raises(ParamsError, match="margin is 35") as raised:
        ClvTerms(margin=35, discount=-0.1, horizon_months=0)
    assert [problem.column for problem in raised.value.problems] == [
        "horizon_months", "discount", "margin",
    ]  # fmt: skip


def test_customers_who_bought_once_are_warned_of(worth):
    assert worth.caveats[0].startswith("1,411 of 2,357 customers (60%) bought once.")
    once = worth.people[worth.people["frequency"] == 0]
    assert (once["alive"] == 1).all()
