"""Parts that charts are made of: axes, titles, rows of intervals, notes. Not for whole charts."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from journeylib import labels, theme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

MOST_ROWS = 20
AXIS_NAMES = {
    "share": "Share of customers",
    "sentiment": "Mean sentiment, −1 to 1",
    "points": "Points, −100 to 100",
    "days": "Days",
    "hours": "Hours",
    "count": "Count",
}


def new_axes(ax: Axes | None, *, width: float = 7.6, height: float = 4.0) -> Axes:
    """Return the given axes, or fresh ones of a size in inches."""
    if ax is not None:
        return ax
    fresh: Axes = plt.figure(figsize=(width, height), layout="constrained").add_subplot()
    return fresh


def row_height(rows: int, *, each: float = 0.4, frame: float = 1.5) -> float:
    """Height in inches of a chart with one line per row."""
    return frame + each * max(rows, 1)


def _inches(ax: Axes) -> tuple[float, float]:
    figure = ax.get_figure(root=True)
    wide, high = figure.get_size_inches() if figure is not None else (7.6, 4.0)
    return float(wide), float(high)


def accent() -> str:
    """Brand colour in force, as `theme.use_theme` set it."""
    cycle = plt.rcParams["axes.prop_cycle"].by_key().get("color", [theme.ACCENT])
    return theme.ACCENT if cycle[0] == "C0" or len(cycle) != 7 else str(cycle[0])


def set_finding(ax: Axes, text: str) -> None:
    """Write the finding above a chart, flush with the left edge of the figure."""
    wide = int(_inches(ax)[0] * 9.6)
    title = ax.set_title(textwrap.fill(text, wide, break_long_words=True), loc="left")
    title.set(fontweight="bold", fontsize=13, color=theme.INK, linespacing=1.25)
    if len(ax.figure.axes) == 1:
        place = blended_transform_factory(ax.figure.transFigure, ax.transAxes)
        title.set_transform(place + ScaledTranslation(0, 14 / 72, ax.figure.dpi_scale_trans))
        title.set_x(0.012)


def number_axis(axis: object, unit: str) -> None:
    """Let an axis write its numbers as their unit asks."""
    axis.set_major_locator(MaxNLocator(5, integer=unit == "count"))  # type: ignore[attr-defined]

    def written(value: float, _place: int) -> str:
        if unit == "share":
            return f"{100 * value:.4g} %".replace("-", "−")
        if len(unit) == 3 and unit.isupper():
            return labels.plot_label(labels.money_text(value, unit))
        return f"{value:,.6g}".replace("-", "−")

    axis.set_major_formatter(FuncFormatter(written))  # type: ignore[attr-defined]


def axis_name(unit: str, what: str = "") -> str:
    """Name an axis: what it measures, and its unit."""
    if what:
        named = {"share": "share", "count": ""}.get(unit, unit)
        return labels.plot_label(f"{what} ({named})" if named else what, 60)
    return AXIS_NAMES.get(unit) or labels.plot_label(unit, 40)


def numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as floats; one that is absent is all missing."""
    if column not in frame:
        return np.full(len(frame), math.nan)
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=math.nan)


def only_unit(frame: pd.DataFrame, default: str = "") -> str:
    """Return the one unit of a frame, or the default where units are mixed or absent."""
    found = set(frame["unit"].dropna().astype(str)) if "unit" in frame else set()
    return found.pop() if len(found) == 1 else default


def words(name: object, width: int = 28) -> str:
    """Write a name for an axis: identifiers as words, cut to a width."""
    return labels.plot_label(labels.clean_label(name).replace("_", " "), width)


def head_rows(frame: pd.DataFrame, most: int) -> tuple[pd.DataFrame, str]:
    """Keep the first rows and say how many others there are."""
    left = len(frame) - most
    return frame.head(most), "" if left <= 0 else f"{left:,} other{'s' * (left > 1)} not shown"


def share_limits(values: Iterable[float]) -> tuple[float, float]:
    """Choose limits that hold all values, with air at both ends."""
    known = [float(v) for v in values if np.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    air = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return low - air, high + air


def list_rows(ax: Axes, names: Sequence[str]) -> np.ndarray:
    """Lay one line per name from top to bottom and return their heights."""
    places = np.arange(len(names), dtype=float)
    ax.set_yticks(places, list(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    return places


def draw_intervals(
    ax: Axes, frame: pd.DataFrame, *, colours: Sequence[str] | str, places: np.ndarray
) -> None:
    """Draw a dot per row and, where it is known, its interval."""
    value, low, high = (numbers(frame, column) for column in ("value", "low", "high"))
    hues = [colours] * len(frame) if isinstance(colours, str) else list(colours)
    known = np.isfinite(low) & np.isfinite(high)
    for place, start, end, hue in zip(
        places[known], low[known], high[known], np.array(hues)[known], strict=True
    ):
        ax.plot([start, end], [place, place], color=hue, linewidth=5, alpha=0.32, zorder=2)
    ax.scatter(value, places, color=hues, s=46, zorder=3, edgecolor=theme.PAPER, linewidth=1)
    # A hollow dot says that no interval could be given.
    bare = ~known & np.isfinite(value)
    ax.scatter(
        value[bare], places[bare], s=40, zorder=4, facecolor=theme.PAPER,
        edgecolor=np.array(hues)[bare], linewidth=1.6,
    )  # fmt: skip


def side_notes(ax: Axes, notes: Sequence[str], places: np.ndarray) -> None:
    """Write a note to the right of each row, outside the axes."""
    for note, place in zip(notes, places, strict=True):
        ax.annotate(
            note, xy=(1.02, place), xycoords=("axes fraction", "data"), va="center",
            fontsize=9, color=theme.MUTED, annotation_clip=False,
        )  # fmt: skip


def estimate_note(row: pd.Series, unit: str, *, difference: bool = False) -> str:
    """Write value, interval and n of one row; a difference gets its sign, and shares points."""
    value, low, high = (row.get(name, math.nan) for name in ("value", "low", "high"))
    text = labels.estimate_text(value, low, high, unit, difference=difference)
    n = row.get("n", row.get("customers", math.nan))
    return labels.plot_label(text if labels.is_missing(n) else f"{text}, {n_text(n)}", 90)


def n_text(count: float) -> str:
    """Write a denominator."""
    return f"n = {labels.count_text(count)}"


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart until each has room, as little as possible, in the order given.

    Args:
        places: Wished positions along one axis.
        gap: Room that each label needs.
        low: Least position allowed.
        high: Greatest position allowed; passed only when there is no room at all.

    Returns:
        Positions in the order of ``places``, at least ``gap`` apart.
    """
    order = np.argsort(places, kind="stable")
    moved = np.array(places, dtype=float)[order]
    for place in range(len(moved)):
        least = low if place == 0 else moved[place - 1] + gap
        moved[place] = max(moved[place], least)
    most = max(high, low + gap * (len(moved) - 1))
    for place in range(len(moved) - 1, -1, -1):
        moved[place] = min(moved[place], most)
        most = moved[place] - gap
    back = np.empty(len(moved))
    back[order] = moved
    return [float(value) for value in back]


def end_labels(
    ax: Axes, names: Sequence[str], heights: Sequence[float], colours: Sequence[str]
) -> None:
    """Name lines or bands at the right edge, moved apart where they would collide."""
    low, high = sorted(ax.get_ylim())
    inches = _inches(ax)[1] * 0.7
    gap = (high - low) * 0.19 / inches
    for name, height, colour in zip(names, spread(heights, gap, low, high), colours, strict=True):
        ax.annotate(
            name, xy=(1.015, height), xycoords=("axes fraction", "data"), va="center",
            color=colour, fontsize=9.5, fontweight="bold", annotation_clip=False,
        )  # fmt: skip


def interval_rows(
    rows: pd.DataFrame, *, unit: str, colours: list[str] | str = "", ax: Axes | None, what: str = ""
) -> Axes:
    """Draw labelled rows of intervals with their numbers at the side."""
    shown, others = head_rows(rows, MOST_ROWS)
    hues = (colours or accent()) if isinstance(colours, str) else colours[: len(shown)]
    ax = new_axes(ax, width=8.4, height=row_height(len(shown)))
    places = list_rows(ax, [words(name, 36) for name in shown["label"]])
    draw_intervals(ax, shown, colours=hues, places=places)
    compared = "effect" in shown
    notes = [estimate_note(row, unit, difference=compared) for _, row in shown.iterrows()]
    side_notes(ax, notes, places)
    number_axis(ax.xaxis, unit)
    name = axis_name(unit, what)
    ax.set_xlabel("\n".join(filter(None, [f"{name}, with interval", others])))
    ends = np.concatenate([numbers(shown, column) for column in ("value", "low", "high")])
    # A signed quantity is read against zero, so zero is always in sight.
    ax.set_xlim(share_limits([*ends, 0.0] if np.nanmin(ends, initial=0.0) < 0 else ends))
    return ax


def heat_map(ax: Axes, table: pd.DataFrame, *, limits: tuple[float, float], text: object) -> None:
    """Draw a heat map whose cells carry their numbers; two-sided limits give two hues."""
    import seaborn as sns
    from matplotlib.colors import LinearSegmentedColormap

    ends = [theme.PAPER, accent()]
    if limits[0] < 0:
        ends = [theme.BAD, "#fbe3d4", theme.PAPER, "#d3e6f3", theme.GOOD]
    written = table.map(lambda value: "" if labels.is_missing(value) else text(value))  # type: ignore[operator]
    sns.heatmap(
        table.astype(float), ax=ax, cmap=LinearSegmentedColormap.from_list("journey", ends),
        vmin=limits[0], vmax=limits[1], annot=written, fmt="", cbar=False, linewidths=1.5,
        linecolor=theme.PAPER, annot_kws={"fontsize": 9},
    )  # fmt: skip
    few = table.shape[1] <= 4
    names = [textwrap.fill(words(n, 48), 18) if few else words(n, 18) for n in table.columns]
    ax.set_xticks(np.arange(table.shape[1]) + 0.5, names, rotation=0)
    ax.set_yticks(np.arange(table.shape[0]) + 0.5, [words(n, 26) for n in table.index])
    ax.tick_params(axis="y", rotation=0)
    if not few:
        ax.tick_params(axis="x", rotation=35)
        for tick in ax.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    ax.set(ylabel="")
    ax.tick_params(length=0)
