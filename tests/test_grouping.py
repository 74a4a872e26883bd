"""From workspace to cards: newcomers join, wishes are checked, personas are judged by what came."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, write_log

from journeylib.errors import ParamsError
from journeylib.grouping import (
    cast_personas,
    group_customers,
    measure_loyalty,
    meet_pains,
    part_period,
    show_personas,
)
from journeylib.params import read_params
from journeylib.steps import join_customers
from journeylib.tables import check_result
from journeylib.workspace import Workspace

PARAMS = """\
title: Shop
currency: EUR
sources:
  - name: shop
    kind: orders
    path: shop.csv
    columns: {customer_id: who, timestamp: at, value: total}
report: {min_cell: 5}
"""
FOUND, LATER = 400, 60


def shoppers():
    """Half come often and come back, half come once; some come only after the cut."""
    rng = np.random.default_rng(1)
    rows = []
    for one in range(FOUND):
        often = one % 2 == 0
        days = rng.uniform(11, 70, 12) if often else rng.uniform(11, 70, 2)
        rows += [(one, day, "product" if place % 3 else "order") for place, day in enumerate(days)]
        if rng.random() < (0.8 if often else 0.2):
            rows.append((one, rng.uniform(80, 99), "order"))
    for one in range(FOUND, FOUND + LATER):
        rows += [(one, rng.uniform(80, 100), "order")]
    return sorted([*rows, (0, 100, "order")])


def workspace_of(tmp_path, params=PARAMS):
    (tmp_path / "params").mkdir()
    (tmp_path / "shop.csv").write_text("who,at,total\nA,2025-01-01,5\n", encoding="utf-8")
    path = tmp_path / "params" / "shop.yml"
    path.write_text(params, encoding="utf-8")
    work = Workspace(read_params(path), tmp_path / "work")
    events = frame_of(shoppers())
    events["channel"] = np.where(events["customer"] % 2 == 0, 1, 2)
    events["value"] = np.where(events["touchpoint"] == 3, 20.0 + events.index % 7, np.nan)
    write_log(work.folder / "log", events, codes=replace(CODES, sources=("shop", "desk")))
    return work


def test_personas_are_made_before_the_cut_and_judged_after_it(tmp_path):
    work = workspace_of(tmp_path)
    cut = part_period(work)
    assert cut.followed.window.days == 25
    assert len(cut.features) == FOUND
    personas = group_customers(work, cut)
    check_result("personas", personas.table)
    assert set(personas.table["useful"]) == {"yes"}
    basis = personas.assignments.groupby("basis")["customer"].agg(["count", "min"])
    assert basis.loc["found", "count"] == FOUND
    assert basis.loc["joined"].tolist() == [LATER, FOUND]
    assert personas.table["customers"].sum() == FOUND + LATER
    assert personas.table["customers"].is_monotonic_decreasing

    metrics = measure_loyalty(work, join_customers(work), cut, personas)
    check_result("metrics", metrics)
    rates = metrics[metrics["metric"] == "outcome_rate"].set_index("segment")
    assert rates["n"].drop("all").sum() == rates.loc["all", "n"] == FOUND
    own = metrics[metrics["segment"] != "all"]
    assert set(own["metric"]) == {"outcome_rate", "value_per_customer", "average_order_value"}

    cards = cast_personas(work, cut, personas, metrics).html
    assert "ordered again within 25 days" in cards
    work.keep(assignments=personas.assignments)
    work.hand_over("02", tables={"personas": personas.table, "metrics": metrics})
    assert show_personas(work).html == cards


def test_a_wish_that_no_client_could_fill_is_refused_with_the_nearest_name(tmp_path):
    work = workspace_of(tmp_path, PARAMS + "personas: {features: [frequenzy, money]}\n")
    with pytest.raises(ParamsError, match=r"frequenzy.*Did you mean \"frequency\"") as refused:
        part_period(work)
    assert refused.value.problems[0].column == "personas.features"


def test_a_period_too_thin_for_the_features_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("journeylib.grouping.customers_needed", lambda _: FOUND + 1)
    cut = part_period(workspace_of(tmp_path))
    assert cut.followed.window is None
    assert f"only {FOUND} customers" in cut.reason
    assert len(cut.features) == FOUND + LATER


def test_the_pains_that_a_persona_clearly_meets_more_than_others_come_first():
    visits = pd.DataFrame(
        {
            "persona": ["A"] * 4, "touchpoint": ["a", "b", "c", "d"],
            "value": [0.5, 0.6, 0.09, 0.4], "everyone": [0.2, 0.6, 0.01, 0.3],
            "low": [0.4, 0.5, 0.05, 0.25],
        }
    )  # fmt: skip
    pains = pd.DataFrame({"rank": [1, 2, 3, 4, 5], "touchpoint": ["b", "d", "a", "a", "c"]})
    found = meet_pains(visits, pains, ["A", "B"])
    assert found["touchpoint"].tolist() == ["a", "b"]
    assert meet_pains(visits, pains[:0], ["A"]).empty
