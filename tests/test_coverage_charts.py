"""The chart of what the data covers: every count is told, a gap is framed and said."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from journeylib.coverage_charts import plot_coverage
from journeylib.theme import finding


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def coverage(months: int = 12, sources: int = 2, gap: int | None = None) -> pd.DataFrame:
    spans = pd.period_range("2025-01", periods=months, freq="M")
    rows = [
        (f"source_{number}", "web", str(month), 1_200 + 10 * at)
        for number in range(sources)
        for at, month in enumerate(spans)
        if not (number == 0 and at == gap)
    ]
    return pd.DataFrame(rows, columns=["source", "channel", "month", "events"])


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


# ------------------------------------------------------------------ golden


def test_every_month_of_every_part_carries_its_count():
    ax = plot_coverage(coverage(months=6))
    assert texts(ax).count("1.2k") == 12
    assert finding(ax) == "All 2 parts of the sources have events in every month of 6"


def test_a_month_without_events_is_framed_and_said():
    ax = plot_coverage(coverage(gap=4))
    assert texts(ax).count("none") == 1
    assert sum(isinstance(patch, Rectangle) and not patch.get_fill() for patch in ax.patches) == 1
    assert "1 of 2 parts of the sources misses some months" in finding(ax)
    assert "source 0 · web (1 of 12)" in finding(ax)


def test_a_cut_month_has_a_star():
    monthly = pd.DataFrame({"month": ["2025-01", "2025-02"], "partial": [True, False]})
    ax = plot_coverage(coverage(months=2), monthly=monthly)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Jan*\n2025", "Feb"]
    assert "*: month covered only in part" in ax.get_xlabel()


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("count", "text"), [(9, "<10"), (10, "10")])
def test_small_counts_are_not_told(count, text):
    ax = plot_coverage(coverage(months=1, sources=1).assign(events=count), min_cell=10)
    assert texts(ax) == [text]


@pytest.mark.parametrize(("months", "columns"), [(24, 24), (25, 9), (73, 7)])
def test_long_periods_are_drawn_by_quarter_or_year(months, columns):
    assert len(plot_coverage(coverage(months=months)).get_xticks()) == columns


def test_at_most_twenty_rows_are_drawn_and_the_others_counted():
    ax = plot_coverage(coverage(sources=23))
    assert len(ax.get_yticks()) == 20
    assert "3 others not shown" in ax.get_xlabel()


# ------------------------------------------------------------------ refusal


def test_nothing_is_drawn_of_nothing():
    assert plot_coverage(coverage(months=0)) is None
