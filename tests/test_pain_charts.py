"""Charts of what hurts say what their frame says: titles, order, intervals, names as they are."""

from __future__ import annotations

import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from journeylib import pain_charts as charts
from journeylib import theme

NAN = math.nan


@pytest.fixture(autouse=True)
def _quiet_figures():
    mpl.use("Agg")
    with mpl.rc_context():
        theme.use_theme()
        yield
    plt.close("all")


def places(**columns):
    frame = pd.DataFrame(
        {
            "touchpoint": ["check_out", "room", "breakfast", "spa"],
            "channel": ["front desk", "hotel", "", "hotel"],
            "importance": [0.128, 0.03, 0.05, -0.02],
            "performance": [0.52, 0.7, 0.75, 0.6],
            "n": [476, 382, 501, 40],
        }
    )
    return frame.assign(**columns)


def priced(**columns):
    frame = pd.DataFrame(
        {
            "touchpoint": ["till", "delivery", "mail"],
            "channel": ["app", "courier", "all"],
            "kind": ["loss", "delay", "inconsistency"],
            "customers": [263, 900, 12],
            "money_value": [20_000, 50_000, NAN],
            "money_low": [-2000, 30_000, NAN],
            "money_high": [41_000, 72_000, NAN],
            "money_low80": [5000, 36_000, NAN],
            "money_high80": [33_000, 64_000, NAN],
        }
    )
    return frame.assign(**columns)


def rates(**columns):
    frame = pd.DataFrame(
        {
            "touchpoint": ["till", "basket"], "channel": ["app", "web"], "raw": [0.5, 0.2],
            "value": [0.38, 0.21], "low": [0.25, 0.16], "high": [0.52, 0.26], "n": [30, 400],
            "unit": "share", "expected": [9, 84], "top_probability": [0.97, 0.03],
        }
    )  # fmt: skip
    return frame.assign(**columns)


def texts_of(ax):
    ax.figure.draw_without_rendering()
    return [text.get_text() for text in ax.findobj(mpl.text.Text) if text.get_text()]


TITLES = [
    (charts.plot_quadrant, places(),
     "check out (front desk) matters and goes badly: well for 52 % of customers, who have the "
     "outcome 12.8 points more often (n = 476)"),
    (charts.plot_quadrant, places(importance=[-0.1, 0.03, 0.05, -0.02]),
     "No touchpoint both matters and goes badly; breakfast matters most (n = 501)"),
    (charts.plot_money, priced(),
     "delivery (courier) costs most: 50,000 (30,000 to 72,000), n = 900"),
    (charts.plot_money, priced().head(1),
     "till (app) costs most: 20,000 (−2,000 to 41,000), n = 263; it may cost nothing"),
    (charts.plot_shrunken, rates(),
     "till (app) stands highest at 38.0 % (25.0 to 52.0), n = 30; till (app) moves most, from "
     "50 % to 38 %"),
    (charts.plot_shrunken, rates(raw=[0.38, 0.21]),
     "till (app) stands highest at 38.0 % (25.0 to 52.0), n = 30"),
]  # fmt: skip


@pytest.mark.parametrize(("plot", "frame", "title"), TITLES)
def test_title_is_the_finding(plot, frame, title):
    assert theme.finding(plot(frame)) == title


@pytest.mark.parametrize(("plot", "frame", "_title"), TITLES)
def test_frames_are_left_as_they_were_and_n_is_told(plot, frame, _title):
    before = frame.copy()
    assert any("n = " in text for text in texts_of(plot(frame)))
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("plot", [charts.plot_quadrant, charts.plot_money, charts.plot_shrunken])
def test_nothing_to_draw_is_no_chart(plot):
    frame = {"plot_quadrant": places(), "plot_money": priced(), "plot_shrunken": rates()}
    assert plot(frame[plot.__name__][:0]) is None


def test_the_dearest_pain_stands_first_and_those_without_a_price_nowhere():
    ax = charts.plot_money(priced(), currency="EUR")
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "delivery (courier)\nlate", "till (app)\nlost",
    ]  # fmt: skip
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert any("€50,000" in text for text in texts_of(ax))


def test_both_intervals_of_money_are_drawn_the_narrow_one_thicker():
    ax = charts.plot_money(priced())
    wide, narrow = (lines for lines in ax.collections if hasattr(lines, "get_segments"))
    assert narrow.get_linewidth()[0] > wide.get_linewidth()[0]
    assert [segment[0][0] for segment in wide.get_segments()] == [30_000, -2000]
    assert [segment[0][0] for segment in narrow.get_segments()] == [36_000, 5000]
    low, high = ax.get_xlim()
    assert low < -2000 < 72_000 < high


def test_a_price_without_an_80_percent_interval_is_drawn_all_the_same():
    frame = priced().drop(columns=["money_low80", "money_high80"])
    assert len(charts.plot_money(frame).get_yticklabels()) == 2


def test_what_was_counted_and_what_is_left_stand_beside_each_other():
    ax = charts.plot_shrunken(rates())
    rings = ax.collections[1]
    assert rings.get_offsets()[:, 0].tolist() == [0.5, 0.2]
    usual = ax.collections[2]
    assert usual.get_offsets()[:, 0].tolist() == pytest.approx([0.3, 0.21])


def test_names_are_written_as_they_are():
    name = "$5 <script>alert(1)</script>"
    for plot, frame in ((charts.plot_money, priced()), (charts.plot_shrunken, rates())):
        ax = plot(frame.assign(touchpoint=name))
        ax.figure.draw_without_rendering()
        assert "script" in ax.get_yticklabels()[0].get_text()
