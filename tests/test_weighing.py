"""What notebook 04 asks of a workspace: terms, grades, and pains with places and dates in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, write_log

from journeylib.association import associate
from journeylib.landmarks import follow_exposures
from journeylib.money import price_pains
from journeylib.money_prose import association_sentence, money_sentence
from journeylib.params import read_params
from journeylib.suppression import suppress_table
from journeylib.tables import complete_result
from journeylib.weighing import finish_pains, grade_touchpoints, known_groups, terms_of
from journeylib.workspace import Workspace

PARAMS = """\
title: Shop
currency: EUR
outcome: {value_per_customer: 80, margin: 0.5, horizon_months: 6}
sources:
  - name: shop
    kind: orders
    path: shop.csv
    columns: {customer_id: who, timestamp: at, value: total}
"""


@pytest.fixture
def work(tmp_path):
    (tmp_path / "params").mkdir()
    (tmp_path / "shop.csv").write_text("who,at,total\nA,2025-01-01,5\n", encoding="utf-8")
    path = tmp_path / "params" / "shop.yml"
    path.write_text(PARAMS, encoding="utf-8")
    work = Workspace(read_params(path), tmp_path / "work")
    rng = np.random.default_rng(3)
    events = sorted((one, day, "order") for one in range(60) for day in rng.uniform(11, 99, 3))
    write_log(work.folder / "log", frame_of(events), codes=replace(CODES, sources=("shop",)))
    work.keep(voices=pd.DataFrame(columns=["customer", "timestamp", "touchpoint", "channel",
                                           "source", "sentiment"]))  # fmt: skip
    return work


def test_money_is_counted_as_the_client_file_says(work):
    terms = terms_of(work)
    assert (terms.value_per_customer, terms.margin, terms.horizon_months) == (80, 0.5, 6)
    assert terms.currency == "EUR"


def test_without_personas_and_interventions_nothing_is_parted_or_graded(work):
    assert known_groups(work) is None
    assert grade_touchpoints(work) == {}


def test_pains_say_in_words_where_it_hurts_and_small_ones_are_withheld(work):
    row = {"touchpoint": "check_in", "channel": "front_desk", "kind": "delay", "persona": "all",
           "stage": "retention", "value": -0.2, "low": -0.3, "high": -0.1, "n": 90, "effect": -0.2,
           "unit": "share", "source": "s", "p_adjusted": 0.01, "evidence": "D"}  # fmt: skip
    listed = complete_result(
        "pains",
        pd.DataFrame([{**row, "customers": 40, "rank": 1}, {**row, "customers": 4, "rank": 2}]),
    )
    landmarked = follow_exposures(work.log, work.recall("voices"))
    associated = associate(landmarked)
    priced = price_pains(landmarked, associated, listed=listed, terms=terms_of(work), draws=50)
    done = finish_pains(work, listed, associated, priced)
    assert done["place"].tolist() == ["check in (front desk)"] * 2
    assert done["customers"].notna().tolist() == [True, False]
    assert done["value"].notna().tolist() == [True, False]


def test_sentences_say_why_there_is_nothing_to_compare_or_to_price(work):
    landmarked = follow_exposures(work.log, work.recall("voices"))
    associated = associate(landmarked)
    assert "cannot be told" in association_sentence(associated.head(0), landmarked.reason)
    priced = price_pains(landmarked, associated, terms=terms_of(work), draws=50)
    assert "No price" in money_sentence(priced)


def test_few_who_left_are_not_told_by_their_share_either():
    exits = pd.DataFrame({"customers": [900, 900], "left": [4, 40], "raw": [0.0044, 0.044],
                          "value": [0.005, 0.04], "low": [0.001, 0.03],
                          "high": [0.01, 0.05]})  # fmt: skip
    shown = suppress_table("exits", exits, min_cell=10)
    assert shown[["left", "raw", "value", "high"]].notna().all(axis=1).tolist() == [False, True]
