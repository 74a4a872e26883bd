"""This period against an earlier one, from a workspace: by its log, by results, what bars it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, write_log

from journeylib.drift_charts import plot_drift
from journeylib.drift_prose import (
    drift_sentence,
    drift_sentences,
    figure_name,
    list_changes,
    mix_sentence,
)
from journeylib.log import DAY, Part
from journeylib.omissions import leave_sources
from journeylib.params import read_params
from journeylib.pastresults import level_results, read_past
from journeylib.revisiting import compare_with_earlier
from journeylib.tables import check_result, complete_result
from journeylib.theme import finding
from journeylib.workspace import Workspace

PARAMS = """\
title: Shop
currency: EUR
outcome: {{kind: repeat_purchase}}
period: {{start: 1970-07-01, end: 1970-12-31}}
{earlier}
sources:
  - {{name: shop, kind: orders, path: shop.csv}}
"""
BEFORE = "compare_to: {start: 1970-01-01, end: 1970-07-03}"
HALF = 184


def shop(folder, *, earlier=BEFORE, going_on=(0.5, 0.5), sources=None, customers=300):
    """Customers of two half years; of each half a share goes on from product to checkout."""
    (folder / "params").mkdir(parents=True)
    path = folder / "params" / "shop.yml"
    path.write_text(PARAMS.format(earlier=earlier), encoding="utf-8")
    (folder / "shop.csv").write_text("customer_id,timestamp,value\n", encoding="utf-8")
    work = Workspace(read_params(path), folder / "work")
    rng, events = np.random.default_rng(5), []
    for who in range(2 * customers):
        late = who >= customers
        begun = rng.uniform(181 if late else 0, (360 if late else 178))
        goes = rng.random() < going_on[late]
        road = ["ad", "product", *(["checkout", "order"] if goes else ["support"])]
        events += [(who, begun + 0.1 * at, name) for at, name in enumerate(road)]
        if goes and rng.random() < 0.5:
            events.append((who, begun + 2, "order"))
    codes = replace(CODES, start=181 * DAY, end=365 * DAY, follow=20 * DAY)
    table = frame_of(sorted(events))
    table["value"] = np.where(table["touchpoint"] == 3, 20.0 + rng.normal(0, 3, len(table)), np.nan)
    if sources is not None:
        table["source"] = sources(table)
    write_log(work.folder / "log", table, codes=codes)
    return work


def verdicts(found):
    return dict(zip(found.drift["metric"], found.drift["verdict"], strict=True))


# ------------------------------------------------------------------ by the log


def test_planted_change_of_moves_is_found_and_what_stayed_is_called_the_same(tmp_path):
    found = compare_with_earlier(shop(tmp_path, going_on=(0.6, 0.3)))
    told = verdicts(found)
    assert told["move:product → checkout"] == "changed"
    assert told["moves of touchpoints"] == "changed"
    assert told["move:start → ad"] == "same" if "move:start → ad" in told else True
    row = found.drift.set_index("metric").loc["move:product → checkout"]
    assert row["change"] == pytest.approx(-0.3, abs=0.1)
    check_result("drift", found.drift)
    assert found.reason == ""


def test_without_a_change_nothing_is_called_changed(tmp_path):
    found = compare_with_earlier(shop(tmp_path, customers=600))
    assert "changed" not in verdicts(found).values()
    assert "same" in verdicts(found).values()
    assert "no figure clearly changed" in drift_sentence(found.drift, found.reason, found.earlier)


def test_what_changed_comes_first_in_words_and_in_the_chart(tmp_path):
    found = compare_with_earlier(shop(tmp_path, going_on=(0.6, 0.3)))
    assert found.drift["verdict"].iloc[0] == "changed"
    said = drift_sentence(found.drift, found.reason, found.earlier)
    assert "Compared with 1 January 1970 to 3 July 1970" in said
    assert "says nothing of what changed it" in said
    ax = plot_drift(found.drift)
    assert "changed by more than chance" in finding(ax)
    assert len(ax.get_yticklabels()) <= 18
    listed = list_changes(found.drift)
    assert listed["was"].iloc[0].endswith("%") or listed["was"].iloc[0] == "–"


def test_periods_of_other_lengths_are_compared_only_in_what_does_not_grow(tmp_path):
    earlier = "compare_to: {start: 1970-01-01, end: 1970-04-30}"
    found = compare_with_earlier(shop(tmp_path, earlier=earlier))
    assert "period_length" in found.notes["assumption"].tolist()
    assert set(verdicts(found)) == {"average_order_value"}


def test_period_that_the_data_does_not_cover_is_said(tmp_path):
    work = shop(tmp_path)
    codes = work.log.codes
    table = pd.concat(pd.read_parquet(part.path) for part in work.log.parts)
    write_log(work.folder / "log", table[table["time"] > 90 * DAY], codes=codes)
    found = compare_with_earlier(work)
    assert "period_cover" in found.notes["assumption"].tolist()
    assert "of the earlier period" in " ".join(found.notes["statement"])


def test_source_that_began_midway_is_left_out_of_the_moves(tmp_path):
    work = shop(tmp_path, sources=lambda table: (table["touchpoint"] == 5).astype(int).to_numpy())
    codes = work.log.codes
    table = pd.concat(pd.read_parquet(part.path) for part in work.log.parts)
    began = (table["source"] == 0) | (table["time"] > 150 * DAY)
    write_log(work.folder / "log", table[began], codes=codes)
    found = compare_with_earlier(work)
    told = " ".join(found.notes["statement"])
    assert "The source desk spans 17 % of the earlier period and 97 % of the present one" in told
    assert "The periods begin 181 days apart in the year" in told
    assert not [name for name in verdicts(found) if "support" in name]
    assert "changed" not in verdicts(found).values()


def test_without_an_earlier_period_the_reason_is_given(tmp_path):
    found = compare_with_earlier(shop(tmp_path, earlier=""))
    assert found.drift.empty
    said = drift_sentence(found.drift, found.reason)
    assert "names neither compare_to nor earlier_results" in said
    assert plot_drift(found.drift) is None


def test_earlier_period_without_an_event_is_refused(tmp_path):
    earlier = "compare_to: {start: 1950-01-01, end: 1950-07-03}"
    assert "no event lies in" in compare_with_earlier(shop(tmp_path, earlier=earlier)).reason


def test_log_without_a_source_passes_over_its_events_alone(tmp_path):
    log = shop(tmp_path, sources=lambda table: table["touchpoint"].to_numpy() % 2).log
    left = leave_sources(log, {"desk"})
    kept = [part.load() for part in left.parts]
    whole = [Part(part.path, part.codes).load() for part in log.parts]
    assert sum(map(len, kept)) == sum(int((one.source == 0).sum()) for one in whole)
    assert leave_sources(log, {"nobody"}) is log


# ---------------------------------------------------------------- by results


def results(folder, *, value=0.40, start="1970-01-01T00:00:00Z", client="shop", version="0"):
    row = {"metric": "conversion_rate", "segment": "all", "value": value, "low": value - 0.02,
           "high": value + 0.02, "n": 500, "unit": "share", "source": "x"}  # fmt: skip
    small = {**row, "metric": "csat", "value": None}
    told = {"client": client, "period": {"start": start, "end": "1970-07-04T00:00:00Z"},
            "currency": "EUR", "generated": "", "version": version,
            "tables": {"metrics": [row, small]}}  # fmt: skip
    path = folder / "earlier.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def by_results(folder, **keys):
    work = shop(folder, earlier="earlier_results: earlier.json")
    results(folder, **keys)
    now = {"metric": "conversion_rate", "segment": "all", "value": 0.5, "low": 0.48, "high": 0.52,
           "n": 500, "unit": "share", "source": "x"}  # fmt: skip
    work.hand_over("02", tables={"metrics": complete_result("metrics", pd.DataFrame([now]))})
    return compare_with_earlier(work)


def test_difference_of_two_runs_has_the_intervals_of_both(tmp_path):
    found = by_results(tmp_path)
    row = found.drift.iloc[0]
    half = np.hypot(0.02, 0.02)
    assert (row["value"], row["low"], row["high"]) == pytest.approx((0.1, 0.1 - half, 0.1 + half))
    assert row["verdict"] == "changed"
    assert {"earlier_results", "earlier_version"} <= set(found.notes["assumption"])
    assert found.earlier == "1 January 1970 to 3 July 1970"


def test_results_of_another_client_are_compared_with_a_warning(tmp_path):
    assert "earlier_client" in by_results(tmp_path, client="other").notes["assumption"].tolist()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"client": "a"}'])
def test_file_that_is_no_result_is_said(tmp_path, text):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    assert "is no results.json" in read_past(tmp_path / "x.json").reason


def test_missing_file_of_results_is_said(tmp_path):
    found = compare_with_earlier(shop(tmp_path, earlier="earlier_results: nowhere.json"))
    assert "nowhere.json of earlier results is not there" in found.reason


def test_rows_without_an_interval_are_no_figures():
    table = pd.DataFrame([{"metric": "nps", "segment": "all", "value": 1.0, "low": None,
                           "high": None, "n": 4, "unit": "points"}])  # fmt: skip
    assert level_results({"metrics": table})["metrics"].empty


@pytest.mark.parametrize(
    ("metric", "name"),
    [("nps", "NPS"), ("to_next:decision", "decision · goes on"), ("move:a → b_c", "a → b c")],
)
def test_figures_are_named_as_a_reader_says_them(metric, name):
    assert figure_name(metric) == name


def test_mix_is_held_against_chance_in_words():
    moved = {"index": 0.08, "by_chance": 0.002, "most_by_chance": 0.004, "p": 0.0}
    mix = pd.DataFrame([{**moved, "n_before": 1200, "n": 900}])
    assert "moved further than chance" in mix_sentence(mix)
    assert "of 1,200 with 900 customers" in mix_sentence(mix)
    assert "no further" in mix_sentence(mix.assign(index=0.003))
    nothing = complete_result("drift", pd.DataFrame())
    assert len(drift_sentences(nothing, mix.head(0))) == 1
    assert len(drift_sentences(nothing, mix)) == 2
