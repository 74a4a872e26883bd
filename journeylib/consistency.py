"""Whether one touchpoint feels the same in every channel, and how customers fare by channel.

Channels are compared customer by customer: answers of one customer are alike, and one customer may
have used several channels. Not for the tone of touchpoints as such; see `emotion`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.durations import INCIDENCE
from journeylib.sojourns import trace_stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from journeylib.passages import Road

    Table = NDArray[np.float64]

FEWEST_VOICES = 10
TOLERANCE = 0.2
SOURCE = "difference of customer-clustered means, Bonferroni over the pairs of channels"
COLUMNS = [
    "touchpoint", "better", "worse", "channels", "customers", "value", "low", "high", "n",
    "p_adjusted", "verdict", "unit", "source",
]  # fmt: skip


def compare_channels(
    voices: pd.DataFrame,
    *,
    fewest: int = FEWEST_VOICES,
    tolerance: float = TOLERANCE,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare what customers say of one touchpoint between the channels they met it in.

    Args:
        voices: One row per answer: ``customer, touchpoint, channel, sentiment``; answers without
            a customer or a channel are left out.
        fewest: Fewest customers who must have spoken of it in a channel.
        tolerance: Difference, on the scale of -1 to 1, that would not matter.
        confidence: Coverage of the intervals, for all pairs of a touchpoint together.

    Returns:
        One row per touchpoint heard of in two channels or more, the clearest difference first:
        ``better, worse`` (channels) and their difference ``value, low, high``; ``n`` customers
        spoke of it in the channel with fewer. ``verdict`` is ``differs`` (the adjusted p is below
        1 - confidence), ``consistent`` (every pair lies within the tolerance), or ``cannot tell``.
    """
    said = voices.reindex(columns=["customer", "touchpoint", "channel", "sentiment"]).dropna()
    said = said[said["channel"].astype(str) != ""]
    rows = []
    for touchpoint, own in said.groupby("touchpoint", sort=True):
        channels, totals, sizes = _tally(own)
        kept = (sizes > 0).sum(axis=0) >= max(fewest, 2)
        if kept.sum() > 1:
            pairs = _pairs_of(channels[kept], totals[:, kept], sizes[:, kept], confidence)
            rows.append({"touchpoint": touchpoint, "channels": int(kept.sum()), **pairs})
    table = pd.DataFrame(rows, columns=[*COLUMNS[:-3], "p", "widest"])
    table = table.assign(unit="sentiment", source=SOURCE, verdict="")
    if len(table):
        table["p_adjusted"] = stats.false_discovery_control(table["p"].astype(float))
        table["verdict"] = _judge(table, tolerance, 1 - confidence)
    return table.sort_values(["p_adjusted", "touchpoint"], ignore_index=True)[COLUMNS]


def _tally(said: pd.DataFrame) -> tuple[NDArray[Any], Table, Table]:
    """Add up what each customer said in each channel: sums and counts, customers by channels."""
    customers, who = np.unique(said["customer"].to_numpy(), return_inverse=True)
    channels, where = np.unique(said["channel"].to_numpy(dtype=object), return_inverse=True)
    shape, cell = (len(customers), len(channels)), who * len(channels) + where
    tone = said["sentiment"].to_numpy(float)
    totals = np.bincount(cell, weights=tone, minlength=shape[0] * shape[1]).reshape(shape)
    sizes = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    return channels, np.asarray(totals, dtype=np.float64), sizes.astype(np.float64)


def _pairs_of(
    channels: NDArray[Any], total: Table, size: Table, confidence: float
) -> dict[str, object]:
    """Compare all pairs of channels of one touchpoint and keep the clearest."""
    n = (size > 0).sum(axis=0).astype(float)
    mean = total.sum(axis=0) / size.sum(axis=0)
    # How far each customer pulls the mean of each channel.
    pull = (total - mean * size) / size.sum(axis=0) * np.sqrt(n / (n - 1))
    spread = pull.T @ pull
    pairs = list(combinations(range(len(channels)), 2))
    level = 1 - (1 - confidence) / len(pairs)
    found = []
    for one, other in pairs:
        up, down = (one, other) if mean[one] >= mean[other] else (other, one)
        gap = mean[up] - mean[down]
        error = np.sqrt(max(spread[up, up] + spread[down, down] - 2 * spread[up, down], 1e-12))
        freedom = min(n[up], n[down]) - 1
        half = stats.t.ppf((1 + level) / 2, freedom) * error
        p = min(2 * stats.t.sf(gap / error, freedom) * len(pairs), 1.0)
        low, high = max(gap - half, -2.0), min(gap + half, 2.0)
        row = {"better": channels[up], "worse": channels[down], "value": gap, "low": low}
        found.append({**row, "high": high, "n": freedom + 1, "p": p})
    clearest = min(found, key=lambda row: (row["p"], -row["value"]))
    customers = int((size.sum(axis=1) > 0).sum())
    return {**clearest, "widest": max(row["high"] for row in found), "customers": customers}


def _judge(table: pd.DataFrame, tolerance: float, alpha: float) -> list[str]:
    return [
        "differs" if p <= alpha and low > 0 else "consistent" if widest <= tolerance
        else "cannot tell"
        for p, low, widest in zip(
            table["p_adjusted"], table["low"], table["widest"], strict=True
        )
    ]  # fmt: skip


def measure_cells(
    road: Road,
    cells: pd.DataFrame,
    voices: pd.DataFrame,
    *,
    placed: pd.DataFrame,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say for each stage in each channel who came, who went on, and how it felt.

    Args:
        road: From ``passages.follow_road``.
        cells: From ``passages.find_passages`` with ``by_channel``.
        voices: One row per answer: ``customer, touchpoint, channel, sentiment``.
        placed: Columns ``touchpoint`` and ``stage``.
        confidence: Coverage of the intervals.

    Returns:
        One row per stage and channel, in journey order: ``customers`` met there, ``value, low,
        high, n, unit, source`` of the share that goes on to any later stage, by any channel, within
        the road's horizon (none for the last stage), and ``tone, tone_low, tone_high, tone_n``.
    """
    from journeylib.emotion import mean_feelings

    last = len(road.stages) - 1
    known = cells[cells["channel"] != ""] if len(cells) else cells
    rows = [_cell_of(road, key, own, last, confidence) for key, own in _grouped(known)]
    columns = ["place", "stage", "channel", "customers", "value", "low", "high", "n"]
    table = pd.DataFrame(rows, columns=columns).assign(unit="share", source=INCIDENCE)
    stage_of = pd.Series(dtype="str")
    if len(placed):
        stage_of = placed.drop_duplicates("touchpoint").set_index("touchpoint")["stage"]
    voices = voices.reindex(columns=["customer", "touchpoint", "channel", "sentiment"])
    staged = voices.assign(stage=voices["touchpoint"].map(stage_of))
    tone = mean_feelings(staged, ["stage", "channel"], confidence=confidence)
    names = {"value": "tone", "low": "tone_low", "high": "tone_high", "n": "tone_n"}
    tone = tone.rename(columns=names)[["stage", "channel", *names.values()]]
    keys = {"stage": "object", "channel": "object"}
    return table.astype(keys).merge(tone.astype(keys), on=["stage", "channel"], how="left")


def _grouped(cells: pd.DataFrame) -> Iterable[tuple[tuple[object, ...], pd.DataFrame]]:
    if cells.empty:
        return []
    return cells.groupby(["place", "stage", "channel"], sort=True)


def _cell_of(
    road: Road, key: tuple[object, ...], own: pd.DataFrame, last: int, confidence: float
) -> dict[str, object]:
    place, stage, channel = key
    row = {"place": place, "stage": stage, "channel": channel, "customers": len(own)}
    if place == last:
        return row
    told = trace_stage(own)[0].at([road.horizon], confidence=confidence).iloc[0]
    return {**row, **{str(name): float(one) for name, one in told.items()}, "n": len(own)}
