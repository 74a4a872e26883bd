"""Opportunities: patterns, ranking, test plans, openings; published sizes and planted cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import make_client, source
from small_logs import frame_of, write_log

from journeylib.action_prose import (
    openings_sentence,
    opportunities_sentence,
    plan_sentence,
    plans_sentence,
)
from journeylib.baskets import COLUMNS as BOUGHT
from journeylib.baskets import read_purchases
from journeylib.engine import open_connection
from journeylib.log import DAY
from journeylib.openings import find_openings
from journeylib.opportunities import list_opportunities
from journeylib.remedies import choose_remedy, read_catalogue
from journeylib.sources import read_sources
from journeylib.tables import RESULTS, check_result, complete_result
from journeylib.testplans import (
    AB,
    AT_ONCE,
    BY_CUSTOMER,
    BY_PLACE,
    ROLL_OUT,
    SERIES,
    TOO_LITTLE,
    Setting,
    how_given,
    plan_test,
    power_of_shares,
    size_for_means,
    size_for_shares,
)

KINDS = ("loss", "delay", "repeat", "sentiment", "inconsistency")
TIMINGS = ("pre_purchase", "purchase", "post_purchase")


def pains(*rows):
    """Lay out pains given as (touchpoint, channel, kind, customers, effect)."""
    names = ["touchpoint", "channel", "kind", "customers", "effect"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(
        rank=np.arange(1, len(table) + 1), persona="all", stage="decision", evidence="D",
        value=table["effect"], low=table["effect"] - 0.04, high=table["effect"] + 0.04,
        n=2 * table["customers"], unit=np.where(table["kind"] == "sentiment", "sentiment", "share"),
        source="rate ratio", p_adjusted=0.001,
    )  # fmt: skip
    return complete_result("pains", table)


def prices(table, money):
    return table[["touchpoint", "channel", "kind"]].assign(
        money_value=money, money_low=np.array(money) * 0.8, money_high=np.array(money) * 1.2,
        top3_probability=0.5, affected_per_year=table["customers"].to_numpy(),
    )  # fmt: skip


@pytest.fixture
def log(tmp_path):
    """Sixty customers; every second one has an order after the checkout."""
    events = []
    for customer in range(60):
        start = 11 + customer
        events += [(customer, start, "product"), (customer, start + 0.1, "checkout")]
        events += [(customer, start + 0.2, "order")] * (customer % 2)
        events += [(customer, start + 3, "delivery")] * (customer % 2)
    return write_log(tmp_path / "log", frame_of(events))


SOME = pains(
    ("checkout", "web", "loss", 400, -0.20),
    ("delivery", "courier", "delay", 300, -0.15),
    ("support", "", "sentiment", 90, -0.30),
    ("product", "web", "repeat", 50, -0.05),
)


# ---------------------------------------------------------------- golden


def test_power_of_two_shares_is_that_of_power_prop_test():
    """R: power.prop.test(n = 50, p1 = .50, p2 = .75) gives power 0.740."""
    assert power_of_shares(50, 0.50, 0.75) == pytest.approx(0.740, abs=5e-4)


def test_size_for_two_shares_is_that_of_power_prop_test():
    """R: power.prop.test(p1 = .50, p2 = .75, power = .90) gives n = 76.7."""
    assert size_for_shares(0.50, 0.75, power=0.90) == pytest.approx(76.7, abs=0.05)


def test_size_and_power_of_two_means_are_those_of_power_t_test():
    """R: power.t.test(power = .90, delta = 1) gives n = 22.02110."""
    assert size_for_means(1, 1, power=0.90) == pytest.approx(22.02110, abs=1e-4)


def test_the_size_gives_the_power_it_was_asked_for():
    for one, other in ((0.1, 0.12), (0.5, 0.75), (0.9, 0.8)):
        size = size_for_shares(one, other, power=0.8)
        assert power_of_shares(size, one, other) == pytest.approx(0.8, abs=2e-3)


# ---------------------------------------------------------------- the catalogue


def test_the_catalogue_has_the_seven_patterns_each_with_a_source_and_an_effort():
    patterns = read_catalogue()
    assert {one.name for one in patterns} == {
        "simplify", "inform", "speed up", "personalise", "recover", "reward", "align channels",
    }  # fmt: skip
    for one in patterns:
        assert "{place}" in one.suggestion
        assert any(sign.isdigit() for sign in one.reference)
        assert 1 <= one.effort <= 5
        assert {fit.kind for fit in one.fits} <= set(KINDS)
        assert {timing for fit in one.fits for timing in fit.timing} <= set(TIMINGS)


@pytest.mark.parametrize(
    ("kind", "timing", "touchpoint", "pattern"),
    [
        ("loss", "purchase", "checkout", "simplify"),
        ("loss", "pre_purchase", "home", "personalise"),
        ("loss", "pre_purchase", "product page", "inform"),
        ("loss", "post_purchase", "late delivery notice", "speed up"),
        ("loss", "post_purchase", "support ticket", "recover"),
        ("loss", "post_purchase", "loyalty programme", "reward"),
        ("delay", "post_purchase", "delivery", "speed up"),
        ("repeat", "purchase", "payment", "simplify"),
        ("repeat", "post_purchase", "account", "inform"),
        ("sentiment", "post_purchase", "room", "recover"),
        ("inconsistency", "purchase", "checkout", "align channels"),
    ],
)
def test_a_pain_gets_the_pattern_that_fits_it(kind, timing, touchpoint, pattern):
    assert choose_remedy(kind, timing, touchpoint).name == pattern


@given(st.sampled_from(KINDS), st.sampled_from(TIMINGS), st.text(max_size=30))
def test_every_pain_gets_some_pattern(kind, timing, touchpoint):
    assert choose_remedy(kind, timing, touchpoint) in read_catalogue()


# ---------------------------------------------------------------- the ranking


def test_the_table_keeps_its_contract_with_one_row_per_pain(log):
    found = list_opportunities(SOME, None, log=log)
    check_result("opportunities", found.table)
    assert list(found.table.columns)[:10] == list(RESULTS["opportunities"])
    assert found.table["rank"].tolist() == [1, 2, 3, 4]
    assert found.table["money_value"].isna().all()
    assert not found.priced
    assert len(found.plans) == len(SOME)


def test_without_money_reach_times_effect_times_confidence_over_effort_ranks(log):
    table = list_opportunities(SOME, None, log=log).table.set_index("touchpoint")
    assert table.loc["delivery", "score"] == pytest.approx(300 * 0.15 * 0.3 / 4)
    assert table.loc["support", "score"] == pytest.approx(90 * 0.30 * 0.5 * 0.3 / 2)
    assert table["score"].is_monotonic_decreasing


def test_money_ranks_and_what_has_no_price_comes_behind(log):
    priced = prices(SOME, [1_000.0, 90_000.0, np.nan, np.nan])
    found = list_opportunities(SOME, priced, log=log)
    assert found.table["touchpoint"].tolist()[:2] == ["delivery", "checkout"]
    assert found.priced
    assert found.table["money_value"].notna().tolist() == [True, True, False, False]
    assert "€90,000 at risk (€72,000 to €108,000)" in opportunities_sentence(found, "EUR")
    assert found.table["rank_low"].iloc[2:].min() == 3


def test_an_effort_that_is_known_better_moves_the_rank(log):
    least = list_opportunities(SOME, None, log=log).table["touchpoint"].iloc[0]
    dear = list_opportunities(SOME, None, log=log, efforts={least: 5, "delivery": 1}).table
    assert dear.set_index("touchpoint")["effort"][["delivery", least]].tolist() == [1, 5]
    assert dear["touchpoint"].iloc[0] == "delivery"


def test_better_evidence_counts_for_more(log):
    graded = SOME.assign(evidence=["D", "A", "D", "D"])
    table = list_opportunities(graded, None, log=log).table
    assert table["touchpoint"].iloc[0] == "delivery"
    assert table["confidence"].iloc[0] == 1.0


def test_chances_of_the_top_add_up_and_rank_intervals_hold_the_rank(log):
    table = list_opportunities(SOME, None, log=log).table
    assert table["first"].sum() == pytest.approx(1.0)
    assert table["top3"].sum() == pytest.approx(3.0)
    assert (table["rank_low"] <= table["rank_high"]).all()
    assert table["top3"].iloc[0] > table["top3"].iloc[-1]


def test_a_clear_leader_stays_first_and_equals_share_the_lead(log):
    clear = pains(("checkout", "web", "loss", 9_000, -0.4), ("product", "web", "loss", 40, -0.1))
    assert list_opportunities(clear, None, log=log).table["first"].iloc[0] > 0.99
    even = pains(("delivery", "", "delay", 100, -0.2), ("support", "", "delay", 100, -0.2))
    first = list_opportunities(even, None, log=log).table["first"]
    assert first.to_numpy() == pytest.approx([0.5, 0.5], abs=0.05)


def test_rows_of_a_persona_are_no_opportunities_of_their_own(log):
    doubled = pd.concat([SOME, SOME.assign(persona="Web-first")], ignore_index=True)
    assert len(list_opportunities(doubled, None, log=log).table) == len(SOME)


def test_the_map_finds_stage_and_touchpoint_of_every_opportunity(log):
    table = list_opportunities(SOME, None, log=log).table
    assert {"stage", "touchpoint"} <= set(table.columns)
    assert not table["action"].str.contains("{", regex=False).any()


def test_no_pain_gives_an_empty_table_and_a_sentence_that_says_so(log):
    found = list_opportunities(complete_result("pains", pd.DataFrame()), None, log=log)
    assert found.table.empty
    assert found.plans.empty
    assert "no pain was found" in opportunities_sentence(found)
    assert "nothing to test" in plans_sentence(found)


# ---------------------------------------------------------------- the tests


def test_a_change_is_given_by_customer_online_and_by_place_in_a_shop():
    assert how_given("mobile") == how_given("e-mail") == how_given("Web") == BY_CUSTOMER
    assert how_given("store") == how_given("front desk") == how_given("courier") == BY_PLACE
    assert how_given("phone") == how_given("") == AT_ONCE


@pytest.mark.parametrize(
    ("given_by", "design"), [(BY_CUSTOMER, AB), (BY_PLACE, ROLL_OUT), (AT_ONCE, SERIES)]
)
def test_each_way_of_giving_has_its_design(given_by, design):
    setting = Setting(0.5, 0.5, 0.05, 500.0, given_by, 30.0)
    assert plan_test(setting).design == design


def test_days_are_full_weeks_of_traffic_and_the_wait_for_the_outcome():
    setting = Setting(0.5, 0.5, 0.05, 100.0, BY_CUSTOMER, 30.0)
    plan = plan_test(setting)
    assert plan.per_group == pytest.approx(size_for_shares(0.5, 0.55))
    assert plan.days == 7 * np.ceil(2 * plan.per_group / 100 / 7) + 30
    roll_out = plan_test(Setting(0.5, 0.5, 0.05, 100.0, BY_PLACE, 30.0))
    assert roll_out.per_group == pytest.approx(2 * plan.per_group)


def test_a_test_lasts_two_weeks_at_least_and_a_year_at_most():
    busy = plan_test(Setting(0.5, 0.5, 0.05, 1e6, BY_CUSTOMER, 0.0))
    assert busy.days == 14
    quiet = plan_test(Setting(0.5, 0.5, 0.01, 5.0, BY_CUSTOMER, 0.0))
    assert quiet.design == TOO_LITTLE
    assert np.isnan(quiet.days)
    assert quiet.detectable > 0.01
    nobody = plan_test(Setting(0.5, 0.5, 0.05, 0.0, BY_CUSTOMER, 0.0))
    assert nobody.design == TOO_LITTLE


def test_what_twelve_weeks_would_find_is_found_four_times_in_five():
    setting = Setting(0.5, 0.5, 0.05, 40.0, BY_CUSTOMER, 0.0)
    per_group = 40.0 * 84 / 2
    reach = plan_test(setting).detectable
    assert power_of_shares(per_group, 0.5 - reach / 2, 0.5 + reach / 2) == pytest.approx(
        0.8, abs=0.01
    )
    rng = np.random.default_rng(4)
    one, other = (rng.normal(mean, 0.5, (2000, int(per_group))).mean(axis=1) for mean in (0, reach))
    error = 0.5 * np.sqrt(2 / per_group)
    assert (np.abs(other - one) > 1.96 * error).mean() == pytest.approx(0.8, abs=0.03)


@given(st.floats(0.02, 0.4), st.floats(1.1, 3.0))
def test_more_to_find_needs_fewer_customers(find, factor):
    small, large = size_for_shares(0.4, 0.4 + find / factor), size_for_shares(0.4, 0.4 + find)
    assert large < small


def test_plans_say_metric_design_size_and_days(log):
    big = pains(("checkout", "web", "loss", 400, -0.9))
    plans = list_opportunities(big, None, log=log).plans
    text = plan_sentence(plans.iloc[0])
    assert "share with the outcome" in text
    assert ("A/B test" in text) == (plans["design"].iloc[0] == AB)
    small = plan_sentence(plans.assign(design=TOO_LITTLE, detectable=0.3).iloc[0])
    assert "Twelve weeks would find 30.0 percentage points at best." in small


# ---------------------------------------------------------------- openings


def purchases(*, lift=True, n=1200, seed=1):
    """First orders of phone or tablet; cases are bought later by phone buyers more often."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(n):
        start = int(rng.integers(0, 100)) * DAY
        first = ("phone", "tablet")[customer % 2]
        rows.append((customer, first, start, start, 1, 300.0))
        chance = 0.4 if lift and first == "phone" else 0.2
        if rng.random() < chance:
            later = start + int(rng.integers(1, 60)) * DAY
            rows.append((customer, "case", later, later, 1, 20.0))
    rows.append((n, "phone", 300 * DAY, 300 * DAY, 1, 300.0))
    return pd.DataFrame(rows, columns=BOUGHT)


def test_a_planted_opening_is_found_with_its_lift():
    found = find_openings(purchases(), days=90)
    row = found.iloc[0]
    assert (row["bought"], row["later"], row["opening"]) == ("phone", "case", "cross-sell")
    assert row["low"] < 2.0 < row["high"]
    assert row["customers"] == 600
    assert row["reach"] == pytest.approx(360, abs=40)
    assert "as often as others" in openings_sentence(found, purchases())


def test_no_opening_is_made_of_chance():
    false = sum(
        len(find_openings(purchases(lift=False, seed=s, n=400), days=90)) for s in range(40)
    )
    assert false <= 8


def test_a_dearer_product_that_takes_the_place_of_the_first_is_an_upsell():
    rows = []
    for customer in range(400):
        plan = "basic" if customer % 2 else "trial"
        rows.append((customer, plan, 0, 20 * DAY, 2, 10.0))
        if (plan == "basic" and customer % 4 == 1) or customer % 20 == 0:
            rows.append((customer, "pro", 30 * DAY, 60 * DAY, 2, 30.0))
    rows.append((400, "basic", 200 * DAY, 200 * DAY, 1, 10.0))
    found = find_openings(pd.DataFrame(rows, columns=BOUGHT), days=90)
    assert found[["opening", "bought", "later"]].iloc[0].tolist() == ["upsell", "basic", "pro"]


def test_who_buys_much_of_everything_makes_no_opening():
    """First orders of many products hold A more often and are followed by B more often."""
    rng = np.random.default_rng(3)
    rows = []
    for customer in range(3000):
        keen = customer % 2
        held = [f"p{place}" for place in range(12) if rng.random() < (0.5 if keen else 0.1)]
        rows += [(customer, name, 0, 0, 1, 5.0) for name in held or ["p0"]]
        if rng.random() < (0.5 if keen else 0.1):
            rows.append((customer, "late", 20 * DAY, 20 * DAY, 1, 5.0))
    rows.append((3000, "p0", 200 * DAY, 200 * DAY, 1, 5.0))
    table = pd.DataFrame(rows, columns=BOUGHT)
    found = find_openings(table, days=90)
    crude = table[table["product"] == "late"]["customer"]
    with_p1 = table[table["product"] == "p1"]["customer"]
    naive = with_p1.isin(crude).mean() / crude.nunique() * 3000
    assert naive > 1.4
    assert found[found["later"] == "late"]["value"].max(skipna=True) < 1.5 or found.empty


def test_too_few_buyers_are_not_tested():
    assert find_openings(purchases(n=50), days=90).empty
    assert find_openings(pd.DataFrame(columns=BOUGHT)).empty
    text = openings_sentence(find_openings(pd.DataFrame(columns=BOUGHT)), pd.DataFrame())
    assert "no source of orders says what was bought" in text


def _orders(folder, header, *rows, **keys):
    (folder / "orders.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    params = make_client(folder, source("orders.csv", "orders", **keys))
    con = open_connection(memory="1GB", scratch=folder)
    sources = read_sources(params, con)
    people = pd.DataFrame({"customer_id": ["a", "b"], "customer": [0, 1]})
    return read_purchases(con, sources, people)


def test_products_are_read_from_the_column_that_names_them_without_refunds(tmp_path):
    found = _orders(
        tmp_path, "customer_id,timestamp,value,sku,product",
        "a,2024-01-01T00:00:00Z,10,x1,lamp", "a,2024-02-01T00:00:00Z,20,x1,lamp",
        "a,2024-02-02T00:00:00Z,-20,x1,lamp", "b,2024-01-05T00:00:00Z,7,x2,rug",
        "nobody,2024-01-05T00:00:00Z,7,x2,rug",
    )  # fmt: skip
    assert found[["customer", "product", "times", "value"]].to_numpy().tolist() == [
        [0, "lamp", 2, 15.0], [1, "rug", 1, 7.0],
    ]  # fmt: skip
    assert found["last"].iloc[0] - found["first"].iloc[0] == 31 * DAY


def test_orders_without_a_product_name_nothing_unless_their_touchpoints_differ(tmp_path):
    rows = ("a,2024-01-01T00:00:00Z,10,till", "b,2024-01-05T00:00:00Z,7,spa")
    assert _orders(tmp_path, "customer_id,timestamp,value,note", *rows).empty
    found = _orders(tmp_path, "customer_id,timestamp,value,touchpoint", *rows)
    assert found["product"].tolist() == ["till", "spa"]
