"""The road's charts and sentences say what their frames say, and small groups stay withheld."""

from __future__ import annotations

import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from journeylib import road_charts, road_prose, stay_charts, theme
from journeylib.estimates import Estimate, Refusal
from journeylib.exhibits import show_table
from journeylib.suppression import suppress_table

STAGES = ("awareness", "decision", "retention")
NAN = math.nan


@pytest.fixture(autouse=True)
def _quiet_figures():
    mpl.use("Agg")
    with mpl.rc_context():
        theme.use_theme()
        yield
    plt.close("all")


def flows():
    rows = [("start", "awareness", 90, 1.0), ("awareness", "decision", 60, 0.75),
            ("awareness", "end", 20, 0.25), ("awareness", "open", 10, NAN),
            ("decision", "retention", 40, 1.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["from", "to", "count", "share"])
    return table.assign(customers=table["count"], value=table["share"], low=table["share"] - 0.1,
                        high=(table["share"] + 0.1).clip(upper=1), n=80, unit="share")  # fmt: skip


def ribbons():
    rows = [(1, "awareness", "decision", 60), (1, "awareness", "end", 20),
            (1, "awareness", "open", 10), (2, "decision", "retention", 45),
            (2, "decision", "end", 15)]  # fmt: skip
    return pd.DataFrame(rows, columns=["place", "from", "to", "count"])


def curves():
    days = np.tile([0.0, 10.0, 30.0], 2)
    stage = np.repeat(["awareness", "decision"], 3)
    value = np.array([0, 0.4, 0.6, 0, 0.9, 0.97])
    return pd.DataFrame({"stage": stage, "days": days, "value": value, "low": value,
                         "high": value, "n": 50, "customers": 80})  # fmt: skip


def cells():
    rows = [(0, "awareness", "app", 40, 0.5), (0, "awareness", "web", 400, 0.8),
            (1, "decision", "web", 200, 0.7)]  # fmt: skip
    return pd.DataFrame(rows, columns=["place", "stage", "channel", "customers", "value"])


def places():
    rows = [(1, "ad", 60), (1, "home", 40), (2, "home", 50), (2, "end", 30), (2, "open", 20)]
    table = pd.DataFrame(rows, columns=["place", "state", "count"])
    return table.assign(share=table["count"] / 100)


def cohorts():
    rows = [
        ("2025-01", 0, 50, 50, False),
        ("2025-01", 1, 50, 20, False),
        ("2025-01", 2, 50, 5, True),
        ("2025-02", 0, 30, 30, False),
        ("2025-02", 1, 30, 6, True),
    ]
    table = pd.DataFrame(rows, columns=["cohort", "age", "customers", "active", "partial"])
    return table.assign(value=table["active"] / table["customers"])


def tenure():
    months = np.tile([0.0, 12.0, 24.0], 2)
    value = np.array([1, 0.9, 0.8, 1, 0.5, 0.3])
    table = pd.DataFrame({"group": np.repeat(["year", "month"], 3), "months": months})
    return table.assign(value=value, low=value, high=value, customers=100)


DRAWN = {
    "flows": lambda frame: road_charts.plot_flows(frame, STAGES),
    "ribbons": lambda frame: road_charts.plot_ribbons(frame, STAGES),
    "curves": lambda frame: road_charts.plot_passages(frame, STAGES),
    "cells": road_charts.plot_cells,
    "places": road_charts.plot_places,
    "cohorts": stay_charts.plot_cohorts,
    "tenure": lambda frame: stay_charts.plot_tenure(frame, by="contract"),
}
FRAMES = {"flows": flows, "ribbons": ribbons, "curves": curves, "cells": cells, "places": places,
          "cohorts": cohorts, "tenure": tenure}  # fmt: skip
TITLES = {
    "flows": "75 % of the moves out of awareness lead to decision (65 to 85 %, n = 80)",
    "ribbons": "100 % of 90 journeys begin in awareness; 39 % have ended after 2 stages or fewer",
    "curves": "60 % go on from awareness within 30 days (60 to 60 %, n = 80)",
    "cells": "Channels differ most in awareness: 50 % by app (n = 40) go on, 80 % by web (n = 400)",
    "places": "60 % of 100 journeys begin with ad; 30 % have ended before touchpoint 2",
    "cohorts": "40 % of customers are back in the month after their first (n = 50)",
    "tenure": "Still customers after 12 months, by contract: 90 % (n = 100) in year, "
    "50 % (n = 100) in month",
}
each = pytest.mark.parametrize("name", sorted(FRAMES))


@each
def test_title_is_the_finding(name):
    assert theme.finding(DRAWN[name](FRAMES[name]())) == TITLES[name]


@each
def test_empty_frame_gives_no_chart(name):
    assert DRAWN[name](FRAMES[name]().head(0)) is None


@each
def test_same_frame_gives_the_same_svg(name):
    one, other = (theme.figure_svg(DRAWN[name](FRAMES[name]())) for _ in range(2))
    assert one == other


@each
def test_what_is_withheld_leaves_a_gap_and_no_error(name):
    frame = FRAMES[name]()
    for column in {"count", "share", "value"} & set(frame):
        frame[column] = frame[column].astype(float).where(frame.index < len(frame) - 1)
    ax = DRAWN[name](frame)
    ax.figure.draw_without_rendering()
    assert theme.finding(ax)


def test_open_journeys_stand_beside_the_matrix_and_not_in_it():
    ax = road_charts.plot_flows(flows(), STAGES)
    assert "10 journeys that are still open are not counted" in ax.get_xlabel()
    assert "Still open" not in [tick.get_text() for tick in ax.get_xticklabels()]


def test_ribbons_are_as_high_as_their_journeys():
    ax = road_charts.plot_ribbons(ribbons(), STAGES)
    heights = {bar.get_x() + bar.get_width() / 2: 0.0 for bar in ax.patches}
    for bar in ax.patches:
        heights[bar.get_x() + bar.get_width() / 2] += bar.get_height()
    assert list(heights.values()) == pytest.approx([90, 90, 60])


def test_only_months_that_the_data_cuts_are_hatched():
    ax = stay_charts.plot_cohorts(cohorts())
    assert sum(patch.get_hatch() == "///" for patch in ax.patches) == 2
    assert "only in part" in ax.get_xlabel()
    whole = stay_charts.plot_cohorts(cohorts().assign(partial=False))
    assert "only in part" not in whole.get_xlabel()


def test_touchpoints_beyond_twelve_are_one_row():
    rows = [(1, f"t{k:02d}", 100 - k, 0.05) for k in range(20)]
    ax = road_charts.plot_places(pd.DataFrame(rows, columns=["place", "state", "count", "share"]))
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert len(names) == 13
    assert names[-1] == "8 others"


@pytest.mark.parametrize("name", ["الدفع عند الاستلام", "支付宝付款", "x" * 300, "$5 to $10"])
def test_any_name_can_be_drawn(name):
    frame = ribbons().replace("awareness", name)
    ax = road_charts.plot_ribbons(frame, (name, *STAGES[1:]))
    assert "<svg" in theme.figure_svg(ax)


# ------------------------------------------------------------------ sentences


def test_the_sentence_on_time_names_the_stage_with_the_largest_loss():
    rows = [("awareness", "onward", 100, 0.99, 1.0), ("awareness", "left", 100, 0.0, NAN),
            ("decision", "onward", 90, 0.6, 4.0), ("decision", "left", 90, 0.3, 60.0),
            ("retention", "onward", 50, 0.1, 9.0), ("retention", "left", 50, 0.2, 9.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["stage", "end", "customers", "value", "days"])
    table = table.assign(low=table["value"], high=table["value"], unit="share")
    told = road_prose.passages_sentence(table, 122)
    assert "Of 90 customers in decision, 60.0 %" in told
    assert "half of them by 4 days" in told
    assert "30.0 % (30.0 to 30.0) have left" in told
    assert road_prose.passages_sentence(table.head(0), 122).startswith("Nothing can be said")


def test_the_unseen_share_is_said_with_its_interval_or_refused():
    found = Estimate("unseen_journeys", 0.4, 0.35, 0.45, 900, "share", "Good-Turing")
    assert "40.0 % (35.0 to 45.0)" in road_prose.unseen_sentence(found)
    assert "cannot be said" in road_prose.unseen_sentence(Refusal("too few.", "more"))


def test_no_suggestion_is_ever_said_to_be_applied():
    table = pd.DataFrame({"touchpoint": ["a", "b"], "share": [0.1, 0.05], "stage": ["one", ""]})
    told = road_prose.suggestions_sentence(table)
    assert "2 touchpoint(s) with 15 % of the events have no stage" in told
    assert "nothing was applied" in told
    assert "none of them" in road_prose.suggestions_sentence(table.assign(stage=""))


def test_rows_that_are_saved_nowhere_are_not_promised_in_a_folder():
    frame = ribbons().assign(customers=20)
    shown = show_table(frame, caption="Ribbons", columns="ribbons", rows=2).html
    assert "3 more rows.<" in shown


def test_differences_between_those_who_left_and_the_others_are_points():
    frame = pd.DataFrame({"stage": ["decision"], "lost_share": [0.6], "value": [0.5], "low": [0.4],
                          "high": [0.6], "unit": ["share"]})  # fmt: skip
    shown = show_table(frame, caption="Detours", columns=["stage", "estimate"]).html
    assert "+50.0 pp (+40.0 to +60.0)" in shown


# ------------------------------------------------------------------ small groups


def test_small_moves_are_withheld_with_the_next_smallest():
    frame = flows().assign(customers=[90, 60, 4, 12, 40])
    told = suppress_table("flows", frame, min_cell=10)
    assert told["count"].isna().tolist() == [False, False, True, True, False]


def test_a_cohort_that_comes_back_in_small_numbers_is_withheld():
    told = suppress_table("cohorts", cohorts(), min_cell=10)
    assert told.loc[told["active"].lt(10), "active"].empty
    assert not told.loc[[0, 3], "active"].isna().any()


def test_those_who_left_in_small_numbers_are_withheld():
    frame = pd.DataFrame({"lost": [50, 50], "lost_met": [5, 20], "lost_share": [0.1, 0.4],
                          "went": [50, 50], "went_met": [20, 20], "went_share": [0.4, 0.4],
                          "value": [-0.3, 0.0], "unit": "share"})  # fmt: skip
    told = suppress_table("detours", frame, min_cell=10)
    assert told["lost_met"].isna().tolist() == [True, False]
    assert told["value"].isna().tolist() == [True, False]


def test_a_stage_whose_moves_are_withheld_keeps_its_row():
    frame = flows()
    frame.loc[frame["from"] == "decision", ["count", "share", "value", "low", "high"]] = NAN
    ax = road_charts.plot_flows(frame, STAGES)
    assert "Decision" in [tick.get_text() for tick in ax.get_yticklabels()]
    assert "–" in [text.get_text() for text in ax.texts]
    assert "withheld" in ax.get_xlabel()
