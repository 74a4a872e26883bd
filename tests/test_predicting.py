"""A client's customers are foretold from the workspace; who has left and what leaks stay out."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, DAY, frame_of, write_log

import journeylib as jl
from journeylib.learners import Learnt
from journeylib.params import read_params
from journeylib.predict_charts import plot_calibration, plot_models, plot_next_touchpoints
from journeylib.report import CSV_ONLY, results_of
from journeylib.tables import check_result
from journeylib.workspace import Workspace

PARAMS = """\
title: Shop
currency: EUR
sources:
  - name: shop
    kind: {kind}
    path: shop.csv
    columns: {{customer_id: who, timestamp: at, {third}}}
"""
DAYS = 360
SHOP = replace(CODES, start=0, end=DAYS * DAY, outcome="repeat_purchase", follow=90 * DAY)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def workspace(folder, *, kind="orders"):
    (folder / "params").mkdir()
    (folder / "shop.csv").write_text("who,at,total\nA,2025-01-01,5\n", encoding="utf-8")
    path = folder / "params" / "shop.yml"
    third = "value: total" if kind == "orders" else "touchpoint: total"
    path.write_text(PARAMS.format(kind=kind, third=third), encoding="utf-8")
    return Workspace(read_params(path), folder / "work")


def shoppers(seed=1, customers=1500):
    """Let customers order every few weeks until they leave; support makes leaving likelier."""
    rng = np.random.default_rng(seed)
    events = []
    for one in range(customers):
        day, own = rng.uniform(0, 300), []
        while day < DAYS:
            own.append((one, day, "order"))
            cross = rng.random() < 0.3
            if cross:
                own.append((one, day + 1, "support"))
            if rng.random() < (0.6 if cross else 0.12):
                break
            own.append((one, day + 2, "delivery"))
            day += rng.gamma(4, 6)
        events += [event for event in own if event[1] < DAYS]
    rows = frame_of(events)
    rows["value"] = np.where(rows["touchpoint"] == 3, rng.gamma(3, 20, len(rows)), np.nan)
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    work = workspace(tmp_path_factory.mktemp("shop"))
    rows = shoppers()
    write_log(work.folder / "log", rows, codes=SHOP, parts=2)
    last = rows[rows["touchpoint"] == 3].groupby("customer")["time"].max()
    gone = (last < (DAYS - 90) * DAY).to_numpy()
    rng = np.random.default_rng(1)
    work.keep(
        attributes=pd.DataFrame(
            {"customer": last.index, "region": rng.choice(["north", "south"], len(last)),
             "mailing_stopped": np.where(gone, "yes", "no"), "churn_score": rng.random(len(last))}
        )
    )  # fmt: skip
    return work, rows, jl.predict_customers(work)


# ------------------------------------------------------------------ planted truth


def test_a_planted_hazard_is_found_and_told_better_than_by_the_plain_model(shop):
    _, _, found = shop
    assert found.leaving.chosen in {"regression", "boosting"}
    assert "touchpoint:support" in found.leaving.model.names
    area = found.models.set_index(["model", "measure"]).loc[("regression", "auc")]
    assert area["low"] > 0.6
    assert found.rule.kind == "orders"
    assert "Not to come back means no order within" in jl.leaving_sentence(found)
    assert "is used" in jl.models_sentence(found) or "are used" in jl.models_sentence(found)


def test_what_is_known_only_after_leaving_is_not_used(shop):
    _, _, found = shop
    assert {name for name, _ in found.rule.refused} >= {"churn_score"}
    assert isinstance(found.leaving.model, Learnt)
    assert not any("churn" in name or "cancel" in name for name in found.leaving.model.names)
    assert "churn_score" in jl.features_sentence(found)


def test_noise_is_said_to_tell_nothing(tmp_path):
    work = workspace(tmp_path)
    rng = np.random.default_rng(4)
    rows = pd.concat(
        [frame_of([(one, day, "order") for one in range(600)]) for day in (30, 100, 190, 280)]
    )
    rows["time"] += rng.integers(0, 10 * DAY, len(rows))
    rows = rows[rng.random(len(rows)) < 0.6]
    rows = rows.sort_values(["customer", "time"], ignore_index=True)
    write_log(work.folder / "log", rows, codes=SHOP)
    found = jl.predict_customers(work)
    area = found.models.set_index(["model", "measure"]).loc[("regression", "auc")]
    assert area["low"] <= 0.5 <= area["high"]
    assert found.leaving.chosen == "average"
    assert "cannot be told" in jl.leaving_sentence(found)
    assert "No model clearly beats the average" in jl.models_sentence(found)
    assert found.predictions["churn_probability"].isna().all()
    assert plot_models(found).get_title(loc="left").startswith("No model clearly")


# ------------------------------------------------------------------ the table


def test_only_customers_who_are_still_there_have_a_row_and_it_fits_its_contract(shop):
    work, rows, found = shop
    table = found.predictions
    check_result("predictions", table)
    assert table["customer"].is_unique
    people = work.log.customers.set_index("pseudonym")["customer"]
    codes = people[table["customer"].tolist()]
    last = rows[rows["touchpoint"] == 3].groupby("customer")["time"].max()
    assert last[codes].min() >= (DAYS - found.rule.inactive_days - 2) * DAY
    assert len(table) < rows["customer"].nunique()
    assert table["churn_probability"].between(0, 1).all()
    assert table["churn_probability"].is_monotonic_decreasing
    assert table["next_touchpoint"].isin(SHOP.touchpoints).all()


def test_predictions_are_no_part_of_the_results_for_machines(shop):
    work, _, found = shop
    work.hand_over("05", tables={"predictions": found.predictions})
    assert (work.tables / "predictions.csv").exists()
    assert "predictions" in CSV_ONLY
    assert "predictions" not in results_of(work, "now")["tables"]


def test_the_same_data_give_the_same_table(shop):
    work, _, found = shop
    pd.testing.assert_frame_equal(jl.predict_customers(work).predictions, found.predictions)


# ------------------------------------------------------------------ a contract, an extract


def test_a_contract_that_ended_is_leaving_and_who_has_left_is_not_told(tmp_path):
    work = workspace(tmp_path, kind="events")
    rng = np.random.default_rng(2)
    n = 1600
    trouble = rng.random(n) < 0.4
    ended = rng.exponential(np.where(trouble, 180, 900), n)
    events = [(one, day, "support" if trouble[one] else "product")
              for one in range(n) for day in np.arange(1, min(ended[one], DAYS), 30)]  # fmt: skip
    rows = frame_of(events)
    write_log(work.folder / "log", rows, codes=replace(SHOP, outcome="retention", good=()))
    start = pd.Timestamp(0, unit="us", tz="UTC")
    left = pd.Series(ended).where(ended < DAYS)
    work.keep(attributes=pd.DataFrame(
        {"customer": range(n), "signup": start, "churned_at": start + pd.to_timedelta(left, "D")}
    ))  # fmt: skip
    found = jl.predict_customers(work)
    assert found.rule.kind == "contract"
    assert found.rule.days in {89, 90}
    assert found.leaving.chosen != "average"
    people = work.log.customers.set_index("pseudonym")["customer"]
    told = people[found.predictions["customer"].tolist()].to_numpy()
    assert (ended[told] >= DAYS).all()
    assert len(told) == (ended >= DAYS).sum()
    risk = found.predictions.set_index("customer")["churn_probability"]
    worse = risk[trouble[people[risk.index.tolist()].to_numpy()]]
    assert worse.mean() > 2 * risk.drop(worse.index).mean()
    assert f"the contract ends within {found.rule.days} days" in jl.leaving_sentence(found)


def test_an_extract_without_dates_is_told_apart_and_the_reader_is_told(tmp_path):
    work = workspace(tmp_path, kind="events")
    rng = np.random.default_rng(3)
    n = 900
    tenure = rng.integers(0, 60, n).astype(float)
    churned = rng.random(n) < 1 / (1 + np.exp(0.06 * (tenure - 20)))
    write_log(work.folder / "log", frame_of([(n - 1, 5, "ad")]), codes=SHOP)
    work.keep(attributes=pd.DataFrame(
        {"customer": range(n), "churned": churned, "tenure": tenure, "paid": tenure * 20 + 1,
         "plan": rng.choice(["a", "b"], n), "exit_reason": np.where(churned, "price", "")}
    ))  # fmt: skip
    found = jl.predict_customers(work)
    assert found.rule.kind == "snapshot"
    assert found.rule.flagged == ("tenure", "paid")
    assert [name for name, _ in found.rule.refused] == ["exit_reason"]
    assert found.leaving.design == "folds"
    assert len(found.predictions) == (~churned).sum()
    said = jl.leaving_sentence(found)
    assert "The extract has no dates" in said
    assert "had not seen that customer" in said
    assert "stopped growing" in jl.features_sentence(found)
    notes = {name: status for name, _, status, _ in jl.note_predictions(found)}
    assert notes["leaving"] == "warn"


# ------------------------------------------------------------------ charts and words


def test_charts_say_what_was_found(shop):
    _, _, found = shop
    whole = found.calibration.iloc[0]
    title = " ".join(plot_calibration(found).get_title(loc="left").split())
    assert f"n = {whole['n']:,.0f}" in title
    assert "did not come back" in title
    models = plot_models(found)
    used = [label.get_text() for label in models.get_yticklabels() if "(used)" in label.get_text()]
    assert len(used) == 1
    ax = plot_next_touchpoints(found.next_touchpoints)
    assert len(ax.get_yticklabels()) == 6
    assert "always guessing the most frequent" in " ".join(ax.get_title(loc="left").split())


def test_nobody_is_told_who_can_be_kept(shop):
    _, _, found = shop
    assert "is not who can be kept" in jl.risk_sentence(found)
    for said in (jl.leaving_sentence, jl.models_sentence, jl.promise_sentence, jl.risk_sentence,
                 jl.next_sentence):  # fmt: skip
        text = said(found)
        assert not any(word in text for word in ("nan", "because", "cause of", "p-value", "–)"))


def test_small_groups_are_withheld(shop):
    work, _, found = shop
    counts = found.spread["customers"].dropna()
    assert ((counts == 0) | (counts >= work.params.report.min_cell)).all()
    told = found.lifts.dropna(subset=["value"])
    assert (told["found"] >= work.params.report.min_cell).all()
    stayed = told["customers"] - told["found"]
    assert ((stayed == 0) | (stayed >= work.params.report.min_cell)).all()


def test_the_tables_have_words_for_readers(shop):
    _, _, found = shop
    assert found.models[["name", "what"]].notna().all().all()
    assert found.next_touchpoints[["moment", "name", "what"]].notna().all().all()
    shown = jl.show_table(found.models, caption="Models", columns="models", rows=40)
    assert "Calibration slope" in shown.html


# ------------------------------------------------------------------ refusal


def test_without_orders_or_leavers_nothing_is_foretold_and_charts_stay_away(tmp_path):
    work = workspace(tmp_path, kind="events")
    write_log(work.folder / "log", frame_of([(0, 5, "ad"), (1, 9, "ad")]), codes=SHOP)
    found = jl.predict_customers(work)
    assert found.leaving is None
    assert "No source tells who stayed" in jl.leaving_sentence(found)
    for said in (jl.models_sentence, jl.promise_sentence, jl.risk_sentence, jl.next_sentence):
        assert len(said(found)) > 20
    assert plot_calibration(found) is None
    assert plot_models(found) is None
    assert plot_next_touchpoints(found.next_touchpoints) is None
    assert found.predictions.empty
    assert [name for name, *_ in jl.note_predictions(found)] == ["leaving"]


def test_an_empty_log_is_refused(tmp_path):
    work = workspace(tmp_path)
    write_log(work.folder / "log", frame_of([]), codes=SHOP)
    found = jl.predict_customers(work)
    assert found.predictions.empty
    assert found.leaving is None
