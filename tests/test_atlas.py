"""Maps join what the notebooks found: the earlier period, the personas, the forecasts."""

from __future__ import annotations

import html

import pandas as pd
import pytest
from test_steps import open_client
from tiny import write_tiny_client

import journeylib as jl
from journeylib import atlas
from journeylib.tables import complete_result

EARLY = "{start: 2025-01-01, end: 2025-03-31}"
LATE = "{start: 2025-04-01, end: 2025-06-30}"
RATINGS = """\
  - name: ratings
    kind: feedback
    path: data/anna/ratings.csv
    columns: {customer_id: who, timestamp: at, rating: stars, touchpoint: page}
    scale: {low: 1, high: 5, best: high}
"""


def rated_client(folder, *, period, compare_to=""):
    """Give the tiny client ratings, a period and one to compare with."""
    file = write_tiny_client(folder, "anna")
    text = file.read_text().replace("{start: 2025-01-01, end: 2025-06-30}", period)
    compared = f"compare_to: {compare_to}\n" if compare_to else ""
    file.write_text(text.replace("report:", f"{RATINGS}{compared}report:"))
    rows = [
        f"A{at:04d},2025-0{1 + at % 6}-1{at % 9} 12:00:00,{1 + at % 5},checkout page"
        for at in range(260)
    ]
    head = "who,at,stars,page"
    (folder / "data" / "anna" / "ratings.csv").write_text("\n".join([head, *rows]) + "\n")
    return file


def measured(work):
    """Do what notebook 03 does, as far as the map needs it."""
    customers = jl.describe_customers(work.log)
    personas = pd.DataFrame(
        {"customer": customers["customer"], "persona": ["Fans", "Rest"] * (len(customers) // 2)
         + ["Fans"] * (len(customers) % 2)}
    )  # fmt: skip
    voices = work.recall("voices")
    feelings = jl.score_stages(voices, work.recall("placed"), personas)
    road = jl.follow_road(work.log, customers, inactive_days=work.settings["inactive_days"])
    stages = jl.measure_stages(road, personas=personas, feelings=feelings)
    work.keep(feelings=feelings, assignments=personas)
    touchpoints = jl.count_touchpoints(work.log, jl.score_touchpoints(voices))
    sizes = personas["persona"].value_counts().rename_axis("name").reset_index(name="customers")
    work.hand_over(
        "03",
        tables={
            "stages": stages,
            "touchpoints": touchpoints,
            "personas": complete_result("personas", sizes.assign(persona=["1", "2"])),
        },
    )
    return stages


def test_previous_period_is_measured_as_if_it_were_the_period(tmp_path, monkeypatch):
    file = rated_client(tmp_path / "a", period=LATE, compare_to=EARLY)
    found = atlas.measure_before(open_client(file, tmp_path / "w1", monkeypatch))
    work = open_client(rated_client(tmp_path / "b", period=EARLY), tmp_path / "w2", monkeypatch)
    wanted = measured(work)
    wanted = wanted[wanted["persona"] == "all"].reset_index(drop=True)
    columns = ["stage", "reached", "share", "to_next"]
    pd.testing.assert_frame_equal(found[columns], wanted[columns], check_dtype=False)
    assert found["value"].tolist() == pytest.approx(wanted["sentiment"].tolist(), nan_ok=True)
    assert found["value"].notna().any()


def test_without_a_period_to_compare_with_nothing_is_measured(tmp_path, monkeypatch):
    work = open_client(rated_client(tmp_path, period=LATE), tmp_path / "w", monkeypatch)
    assert atlas.measure_before(work).empty


def test_there_is_a_map_for_all_and_one_for_each_persona(tmp_path, monkeypatch):
    file = rated_client(tmp_path, period=LATE, compare_to=EARLY)
    work = open_client(file, tmp_path / "w", monkeypatch)
    measured(work)
    drawn = html.unescape(atlas.map_journey(work).html)
    assert drawn.count('type="radio"') == 3
    assert "Fans (" in drawn
    assert "previous period (1 January 2025 to 31 March 2025)" in drawn


def test_forecasts_are_drawn_as_the_future_state(tmp_path, monkeypatch):
    work = open_client(rated_client(tmp_path, period=LATE), tmp_path / "w", monkeypatch)
    stages = measured(work)
    place = stages["stage"].iloc[2]
    row = {"scenario": "Guest checkout", "baseline": 0.0, "change": 0.3, "value": 0.3, "low": 0.1,
           "high": 0.5, "n": 400, "unit": "sentiment", "source": "made up"}  # fmt: skip
    forecasts = pd.DataFrame([{**row, "metric": f"sentiment:{place}"}])
    work.hand_over("05", tables={"forecasts": complete_result("forecasts", forecasts)})
    drawn = html.unescape(atlas.map_journey(work).html)
    assert "Expected: Guest checkout: +0.30" in drawn
    assert "imagined future state: Guest checkout" in drawn


def test_no_words_of_customers_are_kept_of_the_previous_period(tmp_path, monkeypatch):
    file = rated_client(tmp_path, period=LATE, compare_to=EARLY)
    work = open_client(file, tmp_path / "w", monkeypatch)
    assert len(work.recall("voices_before"))
    assert "text" not in work.recall("voices_before")
