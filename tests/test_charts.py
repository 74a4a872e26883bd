"""Every chart says what its frame says: titles, order, units, gaps, and names as they are."""

from __future__ import annotations

import itertools
import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib import chart_parts, charts, labels, theme
from journeylib.errors import ParamsError

NAN = math.nan
FIVE = ["awareness", "consideration", "decision", "retention", "advocacy"]


@pytest.fixture(autouse=True)
def _quiet_figures():
    mpl.use("Agg")
    with mpl.rc_context():
        theme.use_theme()
        yield
    plt.close("all")


def intervals(values, **columns):
    value = np.array(values, dtype=float)
    return pd.DataFrame({**columns, "value": value, "low": value - 0.05, "high": value + 0.05})


def funnel():
    return pd.DataFrame(
        {
            "stage": FIVE,
            "reached": [5600, 2310, 947, 700, 120],
            "share": [1, 0.41, 0.17, 0.125, 0.02],
            "value": [0.9, 0.41, 0.74, 0.17, NAN],
            "low": [0.88, 0.38, 0.7, 0.14, NAN],
            "high": [0.92, 0.44, 0.77, 0.2, NAN],
        }
    )


def pains(rows=3):
    names = [f"touchpoint_{place}" for place in range(rows)]
    further = {"touchpoint": names, "channel": "web", "kind": "delay", "customers": 812}
    frame = intervals([-0.3] * rows, rank=range(1, rows + 1), p_adjusted=0.02, **further)
    return frame.assign(unit="share")


def impacts():
    frame = intervals(
        [0.12, 0.019, -3.1],
        intervention=["Mobile check-in", "Guest checkout", "Redesign"],
        metric=["csat", "conversion_rate", "nps"],
        n=800,
        unit=["sentiment", "share", "points"],
        verdict=["works, worth it", "cannot tell", "harms"],
    )
    return frame.assign(worthwhile=[0.1, NAN, NAN], segment="all")


def metrics():
    return intervals(
        [0.52, 23, 64],
        metric=["retention_rate", "nps", "average_order_value"],
        segment="all",
        n=812,
        unit=["share", "points", "EUR"],
        target=[0.55, 20, NAN],
    )


def series():
    time = pd.date_range("2025-01-01", periods=6, freq="MS")
    expected = [NAN, NAN, NAN, 12.0, 12.0, 12.0]
    return pd.DataFrame(
        {"time": time, "value": 10.0, "fitted": 14.0, "counterfactual": expected, "unit": "points"}
    )


def monthly():
    months = pd.date_range("2025-01-01", periods=3, freq="MS")
    rows = itertools.product(months, ["web", "orders"])
    return pd.DataFrame(
        [
            {
                "month": month,
                "source": name,
                "events": 100 + 10 * month.month,
                "partial": month.month == 3,
            }
            for month, name in rows
        ]
    )


EVERY = {
    "plot_sources": pd.DataFrame(
        {"source": ["web", "orders"], "rows_used": [970, 1000], "rows_dropped": [30, 0]}
    ),
    "plot_events_over_time": monthly(),
    "plot_personas": intervals([0.34, 0.5], name=["Couples", "Regulars"], customers=[340, 500]),
    "plot_persona_profile": pd.DataFrame(
        {"persona": ["A", "B"], "feature": "spend", "value": [1.8, -0.4]}
    ),
    "plot_silhouette": pd.DataFrame({"k": [2, 3], "value": [0.31, 0.41], "chosen": [False, True]}),
    "plot_funnel": funnel(),
    "plot_transitions": pd.DataFrame(
        {
            "from": ["basket", "basket"],
            "to": ["pay", "home"],
            "share": [0.7, 0.3],
            "count": [70, 30],
        }
    ),
    "plot_emotion_curve": intervals([0.2, -0.3, NAN], stage=FIVE[:3], n=[10, 1200, 0]),
    "plot_pains": pains(),
    "plot_touchpoint_sentiment": intervals(
        [0.2, -0.34], touchpoint=["home", "desk"], channel="web", n=193
    ),
    "plot_arms": intervals([0.112, 0.131], arm=["A", "B"], n=4000, unit="share"),
    "plot_event_study": intervals([0.0, 0.2, 0.4, 0.5], time=[-2, -1, 0, 1], unit="points"),
    "plot_group_series": pd.DataFrame(
        {"time": [1, 2, 1, 2], "treated": [1, 1, 0, 0], "value": [4.0, 4.6, 4.0, 4.1]}
    ),
    "plot_series": series(),
    "plot_impacts": impacts(),
    "plot_metrics": metrics(),
}
TITLES = {
    "plot_sources": "1.5 % of 2,000 rows were set aside, most of them in web (30)",
    "plot_events_over_time": "720 events; the busiest whole month is Feb 2025 with 240",
    "plot_personas": "Regulars is the largest persona (50 % of customers, n = 500)",
    "plot_persona_profile": "A stands apart most in spend (1.8 standard deviations above average)",
    "plot_silhouette": "3 personas separate customers best (silhouette 0.41)",
    "plot_funnel": "Most customers are lost between consideration and decision (41 % go on, n = "
    "2,310)",
    "plot_transitions": "The most common move is from basket to pay (70 % of moves out, 70 times)",
    "plot_emotion_curve": "Customers feel worst in consideration (n = 1,200)",
    "plot_pains": "The first pain point is touchpoint 0 (web): customers come late (812 "
    "customers concerned, adjusted p = 0.020)",
    "plot_touchpoint_sentiment": "Customers are least happy with desk (web) (−0.34, n = 193)",
    "plot_arms": "Outcome: A 11.2 %, B 13.1 %",
    "plot_event_study": "1 of 2 periods before the start lie apart from zero, 2 of 2 after it",
    "plot_group_series": "2 groups over 2 periods",
    "plot_series": "Against where it was heading: +2.0 points at the start, +2.0 points at the end",
    "plot_impacts": "1 of 3 measured effects point to something that works; 1 harms",
    "plot_metrics": "1 of 2 metrics with a target reach it; Retention rate lies below",
}


def texts_of(ax):
    ax.figure.draw_without_rendering()
    return [text.get_text() for text in ax.findobj(mpl.text.Text) if text.get_text()]


@pytest.mark.parametrize("name", sorted(EVERY))
def test_title_is_the_finding(name):
    assert theme.finding(getattr(charts, name)(EVERY[name])) == TITLES[name]


@pytest.mark.parametrize("name", sorted(EVERY))
def test_one_row_is_enough(name):
    assert theme.finding(getattr(charts, name)(EVERY[name].head(1)))


@pytest.mark.parametrize("name", sorted(EVERY))
def test_empty_frame_gives_no_chart(name):
    assert getattr(charts, name)(EVERY[name].head(0)) is None


@pytest.mark.parametrize("name", sorted(EVERY))
def test_axes_that_are_given_are_drawn_on(name):
    ax = plt.figure().add_subplot()
    assert getattr(charts, name)(EVERY[name], ax=ax) is ax


def test_groups_are_told_before_and_after_the_start():
    ax = charts.plot_group_series(EVERY["plot_group_series"], start=2)
    told = "treated units 4 → 4.60, other units 4 → 4.10"
    assert theme.finding(ax) == f"Mean before and after the start: {told}"


@pytest.mark.parametrize("name", ["plot_funnel", "plot_pains", "plot_events_over_time"])
def test_same_frame_gives_the_same_svg(name):
    draw = getattr(charts, name)
    assert theme.figure_svg(draw(EVERY[name])) == theme.figure_svg(draw(EVERY[name]))


def test_largest_loss_counts_customers_not_shares():
    told = theme.finding(charts.plot_funnel(funnel()))
    assert "retention and advocacy" not in told


def test_stages_keep_their_order():
    ax = charts.plot_emotion_curve(intervals([0.1] * 5, stage=FIVE[::-1], n=44))
    written = [tick.get_text().split("\n")[0].lower() for tick in ax.get_xticklabels()]
    assert written == FIVE[::-1]


def test_stage_without_scores_is_a_gap_and_says_so():
    ax = charts.plot_emotion_curve(EVERY["plot_emotion_curve"])
    assert ax.get_xticklabels()[2].get_text() == "Decision\nno scores"
    curve = next(line for line in ax.get_lines() if len(line.get_ydata()) == 3)
    assert math.isnan(curve.get_ydata()[2])


def test_partial_month_is_hatched_and_only_it():
    ax = charts.plot_events_over_time(monthly())
    hatches = [bar.get_hatch() for bar in ax.patches]
    assert hatches == ["", "", "////"] * 2


def test_chosen_number_of_personas_is_held_against_the_best():
    choices = pd.DataFrame({"k": [2, 3], "value": [0.5, 0.41], "chosen": [False, True]})
    assert theme.finding(charts.plot_silhouette(choices)) == (
        "3 personas are kept (silhouette 0.41); 2 would separate best (0.50)"
    )


@pytest.mark.parametrize(
    ("rows", "note"), [(20, None), (21, "1 other not shown"), (40, "20 others not shown")]
)
def test_rows_beyond_twenty_are_counted(rows, note):
    ax = charts.plot_pains(pains(rows))
    assert len(ax.get_yticklabels()) == 20
    assert ("not shown" in ax.get_xlabel()) == (note is not None)
    assert (note or "") in ax.get_xlabel()


def test_dollars_are_never_mathematics():
    frame = pains(1).assign(touchpoint="$5 to $10 coupon")
    ax = charts.plot_pains(frame)
    assert "$5 to $10 coupon (web)" in theme.finding(ax)
    assert ">$5 to $10 coupon (web)<" in theme.figure_svg(ax)


def test_names_are_escaped_in_svg():
    ax = charts.plot_pains(pains(1).assign(touchpoint="<script>alert(1)</script>"))
    assert "<script" not in theme.figure_svg(ax)


@pytest.mark.parametrize(
    "name", ["الدفع عند الاستلام في المتجر", "支付宝付款", "x" * 300, "a\u202eb"]
)
def test_any_name_can_be_drawn(name):
    ax = charts.plot_pains(pains(2).assign(touchpoint=name))
    ax.figure.draw_without_rendering()
    assert all(len(tick.get_text()) <= 36 for tick in ax.get_yticklabels())
    assert "\u202e" not in "".join(texts_of(ax))


def test_missing_interval_is_a_hollow_dot():
    frame = pains(1).assign(low=NAN, high=NAN)
    (_, hollow) = charts.plot_pains(frame).collections
    assert len(hollow.get_offsets()) == 1


def test_only_all_customers_are_drawn_in_the_forest():
    frame = pd.concat([impacts(), impacts().assign(segment="mobile")], ignore_index=True)
    assert len(charts.plot_impacts(frame).get_yticklabels()) == 3


def test_rows_of_different_units_share_no_numbers():
    ax = charts.plot_impacts(impacts())
    assert list(ax.get_xticks()) == []
    assert "own scale" in ax.get_xlabel()


def test_verdicts_are_written_beside_the_effects():
    written = "\n".join(texts_of(charts.plot_impacts(impacts())))
    assert all(verdict in written for verdict in impacts()["verdict"])


@pytest.mark.parametrize("hue", [*theme.CATEGORIES, theme.GOOD, theme.BAD, theme.OTHER])
def test_marks_stand_out_on_white(hue):
    assert theme.contrast_ratio(hue, theme.PAPER) >= 3


@pytest.mark.parametrize("ink", [theme.INK, theme.MUTED, theme.BAD_TEXT, theme.GOOD])
def test_text_can_be_read_on_white(ink):
    assert theme.contrast_ratio(ink, theme.PAPER) >= 4.5


@pytest.mark.parametrize(
    "name", sorted(set(theme.DARK) - {"ink", "muted", "line", "wash", "paper"})
)
def test_dark_marks_stand_out_on_dark_paper(name):
    assert theme.contrast_ratio(theme.DARK[name], theme.DARK["paper"]) >= 3


# Machado, Oliveira and Fernandes (2009), IEEE TVCG 15(6):1291-1298, severity 1.
COLOUR_BLINDNESS = {
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(hue, sight):
    parts = np.array([int(hue[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    light = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(COLOUR_BLINDNESS[sight]) @ light, 0, 1)
    xyz = (
        np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
        @ seen
        / [0.9505, 1, 1.0888]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", COLOUR_BLINDNESS)
def test_colours_are_told_apart_however_they_are_seen(sight):
    pairs = [*itertools.combinations(theme.CATEGORIES, 2), (theme.GOOD, theme.BAD)]
    assert min(np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in pairs) > 15


def test_channels_differ_in_shape_as_well():
    marks = theme.channel_marks(["web", "app", "store", "email", "phone", "social"])
    assert len({mark.shape for mark in marks.values()}) == 6
    assert theme.channel_marks(["fax", "web"])["web"] == marks["web"]


def test_eight_personas_differ_in_dash():
    assert len({mark.dash for mark in theme.persona_marks("abcdefgh").values()}) == 8


@given(st.integers(0, 0xFFFFFF))
def test_white_text_can_be_read_on_any_accent(code):
    assert theme.contrast_ratio(theme.readable_accent(f"#{code:06x}"), theme.PAPER) >= 4.5


@given(st.text(max_size=80), st.floats(20, 300))
def test_wrapped_lines_fit(name, width):
    lines = labels.wrap_label(labels.clean_label(name), width)
    assert 1 <= len(lines) <= 2
    assert all(labels.text_width(line) <= width or line == "…" for line in lines)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8))
def test_spread_labels_keep_their_distance(places):
    moved = sorted(chart_parts.spread(places, 1.0, 0.0, 10.0))
    assert all(b - a >= 1 - 1e-9 for a, b in itertools.pairwise(moved))


def test_accent_that_is_no_colour_is_refused():
    with pytest.raises(ParamsError, match='"red" is not a colour'):
        theme.use_theme("red")
