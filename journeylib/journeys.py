"""The road customers take: touchpoints, stages, transitions, paths and loops, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY
from journeylib.ratios import clustered_shares, plain_shares
from journeylib.summaries import (
    NEVER,
    summarise_customers,
    summarise_loops,
    summarise_moves,
    summarise_paths,
    summarise_touches,
)
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from journeylib.log import Log

EVERYONE = "all"
ENOUGH_STRONG, ENOUGH_FAIR = 300, 30
SENTIMENT_COLUMNS = ["value", "low", "high", "n", "unit", "source"]


def describe_customers(log: Log) -> pd.DataFrame:
    """Describe each customer by what they did in the period.

    Args:
        log: The event log.

    Returns:
        One row per customer with events: columns of ``summaries.Customers.frame``.
    """
    summary = summarise(summarise_customers, log.parts)
    return summary.frame() if summary is not None else pd.DataFrame({"customer": []})


def count_touchpoints(log: Log, voices: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Count customers and events of each touchpoint and channel, and say how it felt.

    Args:
        log: The event log.
        voices: What customers said, from ``emotion.score_touchpoints``: one row per touchpoint.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``touchpoints``; ``value`` is the mean sentiment, -1 to 1.
    """
    del confidence  # the intervals come with the voices
    summary = summarise(summarise_touches, log.parts)
    if summary is None:
        return complete_result("touchpoints", pd.DataFrame())
    table = summary.frame().merge(voices, on="touchpoint", how="left", validate="m:1")
    table["sentiment"] = table["value_y"] if "value_y" in table else table["value"]
    table = table.drop(columns=["value_x", "value_y"], errors="ignore")
    table["value"] = table["sentiment"]
    table["support"] = [support_of(n) for n in table["n"]]
    table["unit"] = table["unit"].where(table["value"].notna())
    return complete_result("touchpoints", table)


def support_of(n: float) -> str:
    """Say how much data carries a mean: strong from 300 customers, fair from 30, thin below.

    Example:
        >>> [support_of(n) for n in (300, 299, 30, 29, 0)]
        ['strong', 'fair', 'fair', 'thin', 'none']
    """
    if not n > 0:
        return "none"
    if n >= ENOUGH_STRONG:
        return "strong"
    return "fair" if n >= ENOUGH_FAIR else "thin"


def count_transitions(log: Log, *, confidence: float = 0.95) -> pd.DataFrame:
    """Count how often each touchpoint follows another within one journey.

    Args:
        log: The event log.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``transitions``, most frequent first; ``share`` is of all observed
        transitions out of ``from``, its interval is clustered by customer.
    """
    summary = summarise(summarise_moves, log.parts)
    if summary is None:
        return complete_result("transitions", pd.DataFrame())
    moves = summary.frame()
    table = pd.concat([moves, clustered_shares(moves, confidence=confidence)], axis=1)
    table["share"] = table["value"]
    used = ["square", "cross", "left", "left_square", "left_customers"]
    table = table.drop(columns=used).sort_values(
        ["count", "from", "to"], ascending=[False, True, True], ignore_index=True
    )
    return complete_result("transitions", table)


def count_paths(log: Log, *, top: int = 20, confidence: float = 0.95) -> pd.DataFrame:
    """Count the most frequent variants of whole journeys.

    Args:
        log: The event log.
        top: How many variants to name; the rest is one row ``all other paths``.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``paths``; ``value`` is the share of journeys.
    """
    summary = summarise(summarise_paths, log.parts)
    if summary is None:
        return complete_result("paths", pd.DataFrame())
    every = summary.frame()
    rest = every.iloc[top:]
    table = every.head(top)
    if len(rest):
        sums = pd.DataFrame(
            {
                "path": [f"all other paths ({len(rest):,})"],
                "journeys": [rest["journeys"].sum()],
                "good": [rest["good"].sum()],
            }
        )
        table = pd.concat([table, sums], ignore_index=True)
    shares = plain_shares(
        table["journeys"], np.full(len(table), every["journeys"].sum()), confidence=confidence
    )
    table = pd.concat([table, shares], axis=1)
    table["share"] = table["value"]
    table["converted_share"] = table["good"] / table["journeys"]
    return complete_result("paths", table.drop(columns="good"))


def count_loops(log: Log, *, confidence: float = 0.95) -> pd.DataFrame:
    """Count returns to a touchpoint within one journey, after something else came in between.

    Args:
        log: The event log.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``loops``; ``value`` is the share of its visitors who came back,
        ``extra_days`` the mean days between their first and last visit.
    """
    summary = summarise(summarise_loops, log.parts)
    if summary is None:
        return complete_result("loops", pd.DataFrame())
    table = summary.frame()
    shares = plain_shares(table["customers"], table["visitors"], confidence=confidence)
    table = pd.concat([table, shares], axis=1).drop(columns="visitors")
    table = table.sort_values(["repeats", "touchpoint"], ascending=[False, True], ignore_index=True)
    return complete_result("loops", table)


def measure_stages(
    customers: pd.DataFrame,
    stages: tuple[str, ...],
    *,
    personas: pd.DataFrame,
    feelings: pd.DataFrame,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say how many customers reached each stage, how many went on, and how long it took.

    Args:
        customers: From ``describe_customers``.
        stages: Stages in journey order.
        personas: Columns ``customer`` and ``persona``; may be empty.
        feelings: Columns ``stage``, ``persona`` and ``value`` (mean sentiment); may be empty.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``stages``, for all and for each persona. ``to_next`` (and ``value``) is
        the share of those who reached a stage who later reached any stage after it;
        ``median_days`` is the time they took.
    """
    groups = [(EVERYONE, customers)]
    if len(personas):
        joined = customers.merge(personas, on="customer", validate="1:1")
        groups += [(str(name), rows) for name, rows in joined.groupby("persona", sort=True)]
    parts = [_stages_of(rows, stages, name, confidence) for name, rows in groups if len(rows)]
    if not parts:
        return complete_result("stages", pd.DataFrame())
    table = pd.concat(parts, ignore_index=True)
    mood = feelings.reindex(columns=["stage", "persona", "value"]).rename(
        columns={"value": "sentiment"}
    )
    return complete_result("stages", table.merge(mood, on=["stage", "persona"], how="left"))


def _stages_of(
    customers: pd.DataFrame, stages: tuple[str, ...], persona: str, confidence: float
) -> pd.DataFrame:
    times = np.stack([customers[f"stage:{stage}"].to_numpy() for stage in stages], axis=1)
    reached = times < NEVER
    rows = []
    for place, stage in enumerate(stages):
        later = np.where(times[:, place + 1 :] > times[:, [place]], times[:, place + 1 :], NEVER)
        goes = later.min(axis=1) if later.shape[1] else np.full(len(times), NEVER)
        on = reached[:, place] & (goes < NEVER)
        days = (goes[on] - times[on, place]) / DAY
        last = place + 1 == len(stages)
        rows.append(
            {
                "stage": stage,
                "persona": persona,
                "reached": int(reached[:, place].sum()),
                "share": reached[:, place].mean(),
                "on": np.nan if last else int(on.sum()),
                "median_days": np.median(days) if len(days) else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    shares = plain_shares(table["on"], table["reached"], confidence=confidence)
    shares.loc[table["on"].isna(), ["value", "low", "high"]] = np.nan
    table = pd.concat([table.drop(columns="on"), shares], axis=1)
    return table.assign(to_next=table["value"])
