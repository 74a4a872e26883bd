"""The chart of what changed since an earlier period. Not for comparing the periods; see `drift`.

A frame in, Axes out; the title is the finding, computed from the frame that is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from journeylib import chart_parts as parts
from journeylib import labels, theme
from journeylib.drift_prose import figure_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST = 18
FARTHEST = 4.0
LOOKS = {
    "changed": ("D", theme.CATEGORIES[3], "changed"),
    "same": ("s", theme.GOOD, "the same"),
    "cannot tell": ("o", theme.OTHER, "cannot tell"),
}


def plot_drift(drift: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw each change in units of what would matter, the largest first.

    Args:
        drift: The result table ``drift`` with its ``margin``, in the order in which it is told.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where nothing was compared. Within the band a change does not matter; a
        diamond changed, a square stayed the same, a ring cannot tell.
    """
    known = _drawable(drift)
    if known.empty:
        return None
    rows, others = _chosen(known)
    ax = parts.new_axes(ax, width=9.4, height=parts.row_height(len(rows), each=0.36, frame=2.1))
    places = parts.list_rows(ax, [parts.words(figure_name(row["metric"]), 46) for _, row in
                                  rows.iterrows()])  # fmt: skip
    band = Rectangle((-1, -0.6), 2, len(rows) + 0.2, color="#eef2f4", zorder=0, linewidth=0)
    ax.add_patch(band)
    ax.axvline(0, color=theme.INK, linewidth=0.9, zorder=1)
    margin = parts.numbers(rows, "margin")
    for place, row, scale in zip(places, rows.to_dict("records"), margin, strict=True):
        _mark(ax, float(place), row, float(scale))
    parts.side_notes(ax, [_note(row) for _, row in rows.iterrows()], places)
    ax.set_xlim(-FARTHEST - 0.2, FARTHEST + 0.2)
    ax.set_xticks([-4, -2, -1, 0, 1, 2, 4], ["−4", "−2", "−1", "0", "+1", "+2", "+4"])
    told = "; ".join(f"{_sign(name)} {words}" for name, (_, _, words) in LOOKS.items()
                     if name in set(rows["verdict"]))  # fmt: skip
    name = "Change, as a multiple of what would matter (grey: would not), with interval"
    ax.set_xlabel("\n".join(filter(None, [name, told, others])))
    parts.set_finding(ax, _title(drift.dropna(subset=["value"])))
    return ax


def _drawable(drift: pd.DataFrame) -> pd.DataFrame:
    if drift.empty or "margin" not in drift:
        return drift.head(0)
    known = drift.dropna(subset=["value", "low", "high", "margin"])
    return known[(known["margin"] > 0) & known["before"].notna()]


def _chosen(known: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Keep what changed, then the figures that matter most to a reader, and say what is left."""
    metrics = ~known["metric"].astype(str).str.contains(":")
    rank = np.where(known["verdict"] == "changed", 0, np.where(metrics, 1, 2))
    order = known.iloc[np.argsort(rank, kind="stable")]
    return parts.head_rows(order, MOST)


def _mark(ax: Axes, place: float, row: dict[object, object], scale: float) -> None:
    marker, hue, _ = LOOKS[str(row["verdict"])]
    low, value, high = (
        float(np.clip(float(str(row[end])) / scale, -FARTHEST, FARTHEST))
        for end in ("low", "value", "high")
    )
    ax.plot([low, high], [place, place], color=hue, linewidth=4, alpha=0.35, zorder=2)
    hollow = row["verdict"] == "cannot tell"
    ax.scatter([value], [place], marker=marker, s=46, zorder=3, edgecolor=hue, linewidth=1.4,
               color=theme.PAPER if hollow else hue)  # fmt: skip


def _sign(verdict: str) -> str:
    return {"changed": "◆", "same": "■", "cannot tell": "○"}[verdict]


def _note(row: pd.Series) -> str:
    unit = str(row["unit"])
    before, after = (labels.value_text(row[name], unit) for name in ("before", "after"))
    change = labels.estimate_text(row["value"], row["low"], row["high"], unit, difference=True)
    return labels.plot_label(f"{before} → {after}: {change}", 90)


def _title(known: pd.DataFrame) -> str:
    counts = known["verdict"].value_counts()
    changed, same = int(counts.get("changed", 0)), int(counts.get("same", 0))
    return f"{changed} of {len(known)} figures changed by more than chance, {same} stayed the same"
