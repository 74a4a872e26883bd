"""Chart of what the data covers: each part of each source against time, with its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 24
STEPS = ("M", "Q", "Y")
STEP_NAMES = {"M": "month", "Q": "quarter", "Y": "year"}
LIGHTEST, DEEPEST = 0.06, 0.5  # share of the brand's colour, so that dark text stands on all of it


def plot_coverage(
    coverage: pd.DataFrame,
    *,
    monthly: pd.DataFrame | None = None,
    min_cell: int = 10,
    ax: Axes | None = None,
) -> Axes | None:
    """Draw events of each source and channel by month; spans without any are framed and say none.

    Longer periods are drawn by quarter or year. A row's shade compares its spans with its own
    busiest one, so that a gap shows in small sources too.

    Args:
        coverage: Columns ``source, channel, month`` (YYYY-MM), ``events``.
        monthly: Columns ``month, partial``: months that the data covers only in part get a star.
        min_cell: Counts above zero and below it are not told exactly.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None for an empty frame.
    """
    if coverage.empty:
        return None
    table, step = _lay_out(coverage)
    cut = set() if monthly is None else set(monthly.loc[monthly["partial"], "month"])
    shown, others = parts.head_rows(table, parts.MOST_ROWS)
    height = parts.row_height(len(shown), each=0.34, frame=1.7)
    ax = parts.new_axes(ax, width=8.8, height=height)
    _draw_cells(ax, shown, min_cell)
    starred = _name_spans(ax, list(shown.columns), cut)
    name = STEP_NAMES[step]
    note = f"Events by {name}; darker: nearer to the row's busiest {name}; framed: none at all"
    note += f"; *: {name} covered only in part" * starred
    ax.set_xlabel("\n".join(filter(None, [note, others])))
    parts.set_finding(ax, _coverage_title(table, name))
    return ax


def _lay_out(coverage: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Lay events out by source and channel, the sources in order of size, in few enough columns."""
    months = pd.PeriodIndex(coverage["month"], freq="M")
    first, last = months.min(), months.max()
    step = next(
        (one for one in STEPS if len(pd.period_range(first, last, freq=one)) <= MOST_COLUMNS), "Y"
    )
    rows = coverage.assign(
        span=months.asfreq(step), size=coverage.groupby("source")["events"].transform("sum")
    )
    sums: pd.DataFrame = rows.groupby(["source", "channel", "size"])["events"].sum().reset_index()
    sums = sums.iloc[np.lexsort((-sums["events"], sums["source"], -sums["size"]))]
    table = rows.pivot_table(
        index=["source", "channel"], columns="span", values="events", aggfunc="sum", fill_value=0
    )
    table = table.reindex(pd.MultiIndex.from_frame(sums[["source", "channel"]]))
    columns = pd.period_range(first, last, freq=step)[-2 * MOST_COLUMNS :]
    return table.reindex(columns=columns, fill_value=0), step


def _draw_cells(ax: Axes, table: pd.DataFrame, min_cell: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    counts = table.to_numpy(dtype=float)
    busiest = np.maximum(counts.max(axis=1, keepdims=True), 1.0)
    ends = [_tint(LIGHTEST), _tint(DEEPEST)]
    shades = LinearSegmentedColormap.from_list("coverage", ends)
    masked = np.ma.masked_where(counts == 0, counts / busiest)
    ax.pcolormesh(masked, cmap=shades, vmin=0, vmax=1, edgecolors=theme.PAPER, linewidth=1.5)
    small = 9 if table.shape[1] <= 13 else 7.5
    for (row, column), count in np.ndenumerate(counts):
        text = _short(count, min_cell) if count else "none"
        hue = theme.INK if count else theme.BAD_TEXT
        ax.text(
            column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=small, color=hue,
            fontweight="normal" if count else "bold",
        )  # fmt: skip
        if not count:
            frame = Rectangle(
                (column + 0.06, row + 0.08), 0.88, 0.84, fill=False, edgecolor=theme.BAD
            )
            ax.add_patch(frame)
    ax.set_ylim(table.shape[0], 0)
    ax.set_xlim(0, table.shape[1])
    ax.set_yticks(np.arange(len(table)) + 0.5, [_row_name(*key) for key in table.index])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)


def _name_spans(ax: Axes, spans: list[Any], cut: set[str]) -> bool:
    """Name the columns, with a star where a month is cut; tell whether one is."""
    starred = [str(span) in cut for span in spans]
    names = [_span_name(span, "*" * star) for span, star in zip(spans, starred, strict=True)]
    ax.set_xticks(np.arange(len(names)) + 0.5, names)
    return any(starred)


def _tint(share: float) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(1 - share * (1 - part) for part in to_rgb(parts.accent()))


def _short(count: float, min_cell: int = 0) -> str:
    """Write a count in at most four signs.

    Example:
        >>> _short(940), _short(2310), _short(12_400), _short(3_200_000)
        ('940', '2.3k', '12k', '3.2M')
    """
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.{int(count < 10 * size)}f}{sign}"
    return labels.count_text(count, min_cell)


def _row_name(source: str, channel: str) -> str:
    name = parts.words(source, 20)
    return f"{name} · {parts.words(channel, 16)}" if channel else name


def _span_name(span: Any, star: str = "") -> str:
    if span.freqstr.startswith("M"):
        return f"{span.strftime('%b')}{star}" + (f"\n{span.year}" if span.month == 1 else "")
    return f"Q{span.quarter}\n{span.year}" if span.freqstr.startswith("Q") else str(span.year)


def _coverage_title(table: pd.DataFrame, name: str) -> str:
    spans, rows = table.shape[1], table.shape[0]
    empty = (table == 0).sum(axis=1)
    if not empty.any():
        what = "The source has" if rows == 1 else f"All {rows} parts of the sources have"
        return f"{what} events in every {name} of {spans}"
    source, channel = table.index[int(empty.to_numpy().argmax())]
    gaps = int((empty > 0).sum())
    miss = "misses" if gaps == 1 else "miss"
    return labels.plot_label(
        f"{gaps} of {rows} parts of the sources {miss} some {name}s, most of all "
        f"{_row_name(source, channel)} ({int(empty.max())} of {spans})", 160,
    )  # fmt: skip
