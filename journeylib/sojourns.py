"""Time in a stage: the share that goes on or leaves as time goes by, with its right-censoring.

Shares by Aalen-Johansen, medians by Kaplan-Meier, the restricted mean where the median is not
reached. Not for finding who entered and left where; see `passages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.durations import (
    INCIDENCE,
    Curve,
    blur_shares,
    conditional_median,
    trace_incidence,
    typical_times,
)
from journeylib.passages import ENDS
from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from journeylib.estimates import Estimate
    from journeylib.passages import Road

POINTS = 60


def trace_stage(passages: pd.DataFrame) -> tuple[Curve, Curve]:
    """Estimate how many of one stage have gone on, and have left, as time goes by.

    Args:
        passages: Rows of one stage: ``days`` and ``end``.
    """
    cause = passages["end"].map({name: code for code, name in enumerate(ENDS)})
    onward, left = trace_incidence(passages["days"], cause.astype(int), causes=2)
    return onward, left


def measure_passages(road: Road, *, confidence: float = 0.95) -> pd.DataFrame:
    """Say how many go on from each stage but the last, how many leave, and how long it takes.

    Args:
        road: From `passages.follow_road`.
        confidence: Coverage of the intervals.

    Returns:
        One row per stage and ``end`` (onward, left): ``customers`` who entered it, ``value, low,
        high`` of the share by the road's horizon (Aalen-Johansen), ``days`` by which half of those
        who go that way have gone, ``stay, stay_low, stay_high``, the typical days in the stage
        (``measure`` says which: the Kaplan-Meier median or, where it is not reached, the mean
        within a window that all such stages share), and ``open``, customers still there when
        watching stopped.
    """
    rows = []
    for (stage, own), staying in zip(_by_stage(road), _stays(road, confidence), strict=True):
        for name, curve in zip(ENDS[1:], trace_stage(own), strict=True):
            told = curve.estimate(
                road.horizon, metric=name, source=INCIDENCE, confidence=confidence
            )
            row = {"stage": stage, "end": name, "customers": len(own), **_told(told)}
            rows.append({**row, "days": conditional_median(curve, road.horizon), **staying})
    columns = ["stage", "end", "customers", "value", "low", "high", "n", "unit", "source", "days",
               "stay", "stay_low", "stay_high", "measure", "stay_source", "open"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _by_stage(road: Road) -> list[tuple[str, pd.DataFrame]]:
    """Give the passages of each stage that leads on, in journey order."""
    early = road.rows[road.rows["place"] < len(road.stages) - 1] if len(road.rows) else road.rows
    if early.empty:
        return []
    return [(str(key[1]), own) for key, own in early.groupby(["place", "stage"], sort=True)]


def _told(found: Estimate) -> dict[str, object]:
    columns = ("value", "low", "high", "n", "unit", "source")
    return {column: getattr(found, column) for column in columns}


def _stays(road: Road, confidence: float) -> list[dict[str, object]]:
    """Give the typical days in each stage with their interval, and how many are open."""
    ended = [(own["end"] != "open").to_numpy() for _, own in _by_stage(road)]
    groups = [(own["days"], end) for (_, own), end in zip(_by_stage(road), ended, strict=True)]
    told = typical_times(groups, longest=road.horizon, confidence=confidence)
    told = told.rename(columns={"value": "stay", "low": "stay_low", "high": "stay_high",
                                "source": "stay_source"})  # fmt: skip
    columns = ["stay", "stay_low", "stay_high", "measure", "stay_source"]
    told = told[columns].assign(open=[int((~end).sum()) for end in ended])
    return [{str(key): value for key, value in row.items()} for row in told.to_dict("records")]


def compare_funnels(road: Road, *, confidence: float = 0.95) -> pd.DataFrame:
    """Hold the share that goes on against what plainer counts would say.

    Args:
        road: From `passages.follow_road`.
        confidence: Coverage of the intervals.

    Returns:
        Per stage four rows, ``value, low, high, n`` each: ``incidence`` (everybody, for as long as
        they were watched), ``mature`` (only who entered a whole horizon before the end: right, but
        fewer), ``everybody`` (who is still open counts as lost: too low) and ``ended`` (only what
        has ended: wrong wherever one way out is faster than the other).
    """
    rows = []
    for stage, own in _by_stage(road):
        on = ((own["end"] == "onward") & (own["days"] <= road.horizon)).to_numpy()
        mature, ended = (own["watch"] >= road.horizon).to_numpy(), (own["end"] != "open").to_numpy()
        told = trace_stage(own)[0].estimate(
            road.horizon, metric="incidence", source=INCIDENCE, confidence=confidence
        )
        rows.append(pd.DataFrame([{"stage": stage, "counted": "incidence", **_told(told)}]))
        rivals = {"mature": mature, "everybody": np.ones(len(own), bool), "ended": ended}
        shares = plain_shares(
            [on[kept].sum() for kept in rivals.values()],
            [kept.sum() for kept in rivals.values()], confidence=confidence,
        )  # fmt: skip
        rows.append(shares.assign(stage=stage, counted=list(rivals)))
    columns = ["stage", "counted", "value", "low", "high", "n", "unit", "source"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def trace_passages(road: Road, *, fewest: int = 1, confidence: float = 0.95) -> pd.DataFrame:
    """Draw out the share that has gone on from each stage, day by day.

    Args:
        road: From `passages.follow_road`.
        fewest: Fewest customers that a point of a curve may set apart; see ``blur_shares``.
        confidence: Coverage of the interval at each single day.

    Returns:
        Columns ``stage, days, value, low, high, n``; ``n`` customers were still there and watched.
    """
    days = np.linspace(0, road.horizon, POINTS + 1)
    parts = []
    for stage, own in _by_stage(road):
        curve = trace_stage(own)[0]
        lasted = np.sort(own["days"].to_numpy(float))
        watched = len(lasted) - np.searchsorted(lasted, days)
        told = curve.at(days, confidence=confidence)
        table = told.assign(stage=stage, days=days, n=watched, customers=len(own))
        parts.append(blur_shares(table, fewest))
    columns = ["stage", "days", "value", "low", "high", "n", "customers"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
