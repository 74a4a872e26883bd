"""Whole runs: the three samples with their planted truths, and real clients nobody wrote it for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from journeylib import batch

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
SAMPLES = ("brightdesk", "harbour-hotels", "northside-clothing")
REAL = ("online-retail", "retentioneering-ecom", "telco-churn")
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the public data sets are not beside us")


def run(files, folder, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(folder / "work"))
    outcomes = batch.run_clients(files, reports=folder / "reports", jobs=2)
    assert [one.error for one in outcomes] == [""] * len(files)
    return {
        one.client: json.loads((folder / "reports" / one.client / "results.json").read_text())
        for one in outcomes
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def samples(folder):
    with pytest.MonkeyPatch.context() as patch:
        return run([ROOT / "params" / f"{name}.yml" for name in SAMPLES], folder, patch)


@pytest.fixture(scope="module")
def real(folder):
    with pytest.MonkeyPatch.context() as patch:
        return run([ROOT / "tests" / "clients" / f"{name}.yml" for name in REAL], folder, patch)


def rows(results, table, **wanted):
    return [
        row
        for row in results["tables"][table]
        if all(row[key] == value for key, value in wanted.items())
    ]


def metric(results, name):
    (row,) = rows(results, "metrics", metric=name, segment="all")
    return row


def truth(client):
    return json.loads((ROOT / "sample_data" / client / "truth.json").read_text())


# ---------------------------------------------------------------- real clients


@needs_data
def test_online_retail_has_the_published_lines_customers_and_revenue(real):
    results = real["online-retail"]
    (source,) = results["tables"]["sources"]
    assert source["rows_read"] == 541_909
    assert source["rows_used"] == 397_884
    assert source["customers"] == 4_338
    assert source["value_sum"] == pytest.approx(8_911_407.904, abs=1e-3)
    assert metric(results, "repeat_purchase_rate")["value"] == pytest.approx(0.6558, abs=5e-5)
    assert metric(results, "repeat_purchase_rate")["n"] == 4_338


@needs_data
def test_online_retails_partial_last_month_is_marked_and_not_read_as_churn(real):
    results = real["online-retail"]
    (check,) = rows(results, "quality", check="partial_period")
    assert check["status"] == "warn"
    assert "2011-12" in check["message"]
    assert metric(results, "churn_rate")["value"] < 0.5


@needs_data
def test_retentioneerings_shop_has_its_events_customers_and_purchases(real):
    results = real["retentioneering-ecom"]
    assert sum(row["events"] for row in results["tables"]["touchpoints"]) == 31_106
    bought = rows(results, "touchpoints", touchpoint="purchase")
    assert sum(row["events"] for row in bought) == 470
    found = metric(results, "conversion_rate")
    assert found["n"] == 600
    assert found["value"] == pytest.approx(328 / 600)
    assert found["low"] < found["value"] < found["high"]


@needs_data
def test_retentioneerings_faults_are_found_dated_and_priced(real):
    pains = real["retentioneering-ecom"]["tables"]["pains"]
    for fault in ("payment_error", "checkout_bug"):
        own = [row for row in pains if row["touchpoint"] == fault and row["persona"] == "all"]
        assert own
        assert own[0]["high"] < 0
        assert own[0]["when"].endswith("2024")
        assert own[0]["money_low"] < own[0]["money_value"] < own[0]["money_high"]
    bug = next(row for row in pains if row["touchpoint"] == "checkout_bug")
    assert bug["since"] <= "2024-04-15"
    assert bug["until"] <= "2024-05-31"


@needs_data
def test_customers_alone_give_churn_and_every_other_notebook_says_what_is_missing(real, folder):
    results = real["telco-churn"]
    assert metric(results, "churn_rate")["value"] == pytest.approx(1869 / 7043)
    assert metric(results, "churn_rate")["n"] == 7_043
    for table in ("stages", "transitions", "pains", "impacts"):
        assert table not in results["tables"]
        assert rows(results, "assumptions", assumption=f"table {table}")
    page = (folder / "reports" / "telco-churn" / "telco-churn.html").read_text()
    assert "No source holds dated events" in page
    assert "nan" not in re.sub(r"<[^>]+>", " ", page).lower().split()


# ---------------------------------------------------------------- samples


def test_what_is_absent_is_said_once_in_a_chapter(samples, folder):
    assert samples["northside-clothing"]
    page = (folder / "reports" / "northside-clothing" / "northside-clothing.html").read_text()
    assert page.count("does not say how long customers stay") == 1


def test_northside_loses_new_mobile_customers_at_checkout(samples):
    pains = samples["northside-clothing"]["tables"]["pains"]
    found = [
        row for row in pains
        if (row["touchpoint"], row["channel"], row["kind"]) == ("checkout", "mobile", "loss")
    ]  # fmt: skip
    assert found
    assert found[0]["rank"] <= 3
    assert found[0]["high"] < 0


@pytest.mark.parametrize(
    ("client", "touchpoints"),
    [
        ("northside-clothing", ("checkout", "late delivery notice")),
        ("brightdesk", ("card_payment_failed", "setup_error")),
        ("harbour-hotels", ("check_in_queue",)),
    ],
)
def test_planted_pains_come_first_and_their_price_is_above_nothing(samples, client, touchpoints):
    pains = samples[client]["tables"]["pains"]
    priced = [row for row in pains if row["money_low"] is not None and row["money_low"] > 0]
    assert [row["touchpoint"] for row in pains[: len(touchpoints)]] == list(touchpoints)
    assert set(touchpoints) <= {row["touchpoint"] for row in priced}


def test_northsides_guest_checkout_works_and_its_interval_holds_the_truth(samples):
    (first, *_) = rows(samples["northside-clothing"], "impacts", segment="all")
    assert first["verdict"].startswith("works")
    assert first["evidence"] == "A"
    assert first["low"] > 0


def test_northside_store_pick_up_delights(samples):
    delights = samples["northside-clothing"]["tables"]["delights"]
    assert any(row["touchpoint"] == "store pick-up" and row["rank"] <= 3 for row in delights)


def test_brightdesks_redesign_is_never_said_to_work(samples):
    found = rows(samples["brightdesk"], "impacts", intervention="New dashboard", segment="all")
    assert found[0]["verdict"] in {"no meaningful effect", "cannot tell"}


def test_brightdesks_trend_fools_before_after_and_the_series_says_less(samples):
    impacts = samples["brightdesk"]["tables"]["impacts"]
    level = {row["design"]: row for row in impacts if row["metric"] == "activation_rate"}
    naive, series = level["before_after"], level["interrupted_time_series"]
    assert naive["evidence"] == "D"
    assert naive["value"] > series["value"] > 0
    assert series["low"] > 0


def test_harbours_mobile_check_in_raises_csat(samples):
    (first, *_) = rows(samples["harbour-hotels"], "impacts", intervention="Mobile check-in")
    assert first["design"] == "difference_in_differences"
    assert first["low"] > 0
    assert first["verdict"].startswith("works")


@pytest.mark.parametrize("client", SAMPLES)
def test_every_table_of_a_run_fits_its_contract(samples, client):
    from journeylib.tables import RESULTS, result_columns

    tables = samples[client]["tables"]
    assert set(tables) <= set(RESULTS)
    for name, found in tables.items():
        assert set(result_columns(name)) <= set(found[0])


@pytest.mark.parametrize("client", SAMPLES)
def test_no_planted_personal_detail_reaches_any_output(samples, folder, client):
    planted = json.dumps(truth(client), ensure_ascii=False)
    secrets = set(re.findall(r"[\w.+-]+@[\w-]+\.[\w.]+|\+\d[\d ]{7,}\d", planted))
    assert samples[client]
    assert secrets
    for path in (folder / "reports" / client).rglob("*"):
        if path.suffix in {".html", ".json", ".csv", ".ipynb"}:
            text = path.read_text()
            assert not [secret for secret in secrets if secret in text], path


@pytest.mark.parametrize("client", SAMPLES)
def test_reports_stay_under_three_megabytes(samples, folder, client):
    page = folder / "reports" / client / f"{client}.html"
    assert samples[client]
    assert page.stat().st_size < 3_000_000
