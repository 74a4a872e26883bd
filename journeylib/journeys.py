"""The road customers take: touchpoints, stages, transitions, paths and loops, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.estimates import ESTIMATE_COLUMNS
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
    from collections.abc import Callable

    from journeylib.log import Log, Part

EVERYONE = "all"
ENOUGH_STRONG, ENOUGH_FAIR = 300, 30
FEWEST_VOICES = 10
OPEN_DAYS = 30


class Summary(Protocol):
    """A summary of a log: two add up, and together they give a frame."""

    def __add__(self, other: Any, /) -> Any:
        """Summarise two parts together."""

    def frame(self) -> pd.DataFrame:
        """Lay the summary out."""


def describe_customers(log: Log) -> pd.DataFrame:
    """Describe each customer by what they did in the period.

    Args:
        log: The event log.

    Returns:
        One row per customer with events: columns of ``summaries.Customers.frame``.
    """
    return _frame(summarise_customers, log)


def _frame(function: Callable[[Part], Summary], log: Log) -> pd.DataFrame:
    """Summarise a log; one without events gives the same columns without rows."""
    summary = summarise(function, log.readable)
    return pd.DataFrame() if summary is None else summary.frame()


def count_touchpoints(
    log: Log, said: pd.DataFrame, *, by_channel: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Count customers and events of each touchpoint and channel, and say how it felt.

    Args:
        log: The event log.
        said: From ``emotion.score_touchpoints``: one row per touchpoint, over all channels.
        by_channel: From ``emotion.score_channels``; used where enough customers spoke of the
            touchpoint in that channel, so that a good channel does not hide a bad one.

    Returns:
        The result table ``touchpoints``; ``value`` is the mean sentiment, -1 to 1, of ten
        customers or more.
    """
    met = _frame(summarise_touches, log).drop(columns="value")  # money has no place in this table
    own = pd.DataFrame(columns=["n"]) if by_channel is None else by_channel
    overall = _voiced(met, said[said["n"] >= FEWEST_VOICES], ["touchpoint"])
    narrow = _voiced(met, own[own["n"] >= FEWEST_VOICES], ["touchpoint", "channel"])
    for column in ESTIMATE_COLUMNS:
        overall[column] = narrow[column].where(narrow["value"].notna(), overall[column])
    overall["sentiment"] = overall["value"]
    overall["support"] = pd.Series([support_of(n) for n in overall["n"]], dtype="str")
    return complete_result("touchpoints", overall)


def _voiced(met: pd.DataFrame, said: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    wanted = said.reindex(columns=[*keys, *ESTIMATE_COLUMNS])
    kinds = dict.fromkeys(keys, "object") | dict.fromkeys(["value", "low", "high", "n"], "float64")
    return met.merge(wanted.astype(kinds), on=keys, how="left", validate="m:1")


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
    moves = _frame(summarise_moves, log)
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
        The result table ``paths``; ``value`` is the share of journeys. Its interval takes journeys
        as independent, so it is too narrow where they are cut and customers have many.
    """
    every = _frame(summarise_paths, log)
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
    table = _frame(summarise_loops, log)
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
        the share of those who reached a stage who later had an event in any stage after it, and
        ``median_days`` the median time they took, both of ``n`` customers: those who reached the
        stage 30 days or more before the last event of all, so that recent ones do not count as
        lost.
    """
    known = customers.reindex(columns=["customer", "last", *_stage_columns(stages)])
    known = known.fillna(dict.fromkeys(_stage_columns(stages), NEVER))
    mature = known["last"].max() - OPEN_DAYS * DAY
    groups = [(EVERYONE, known)]
    if len(personas) and len(known):
        joined = known.merge(personas, on="customer", validate="1:1")
        groups += [(str(name), rows) for name, rows in joined.groupby("persona", sort=True)]
    parts = [_stages_of(rows, stages, name, mature, confidence) for name, rows in groups]
    table = pd.concat(parts, ignore_index=True)
    mood = feelings.reindex(columns=["stage", "persona", "value"]).rename(
        columns={"value": "sentiment"}
    )
    mood = mood.astype({"stage": "object", "persona": "object", "sentiment": float})
    return complete_result("stages", table.merge(mood, on=["stage", "persona"], how="left"))


def _stage_columns(stages: tuple[str, ...]) -> list[str]:
    return [f"{kind}:{stage}" for stage in stages for kind in ("stage", "next")]


def _stages_of(
    customers: pd.DataFrame, stages: tuple[str, ...], persona: str, mature: float, confidence: float
) -> pd.DataFrame:
    if customers.empty:
        stages = ()
    rows = []
    for stage in stages:
        first, onward = (customers[f"{kind}:{stage}"].to_numpy() for kind in ("stage", "next"))
        reached = first < NEVER
        known = reached & (first <= mature)
        on = known & (onward < NEVER)
        days = (onward[on] - first[on]) / DAY
        middle = np.median(days) if len(days) else np.nan
        rows.append((stage, reached.sum(), reached.mean(), known.sum(), on.sum(), middle))
    table = pd.DataFrame(rows, columns=["stage", "reached", "share", "n", "on", "median_days"])
    table = table.astype({"stage": "object", "n": float, "on": float}).assign(persona=persona)
    table.loc[table["stage"] == (stages[-1] if stages else ""), ["n", "on"]] = 0
    shares = plain_shares(table["on"], table["n"], confidence=confidence)
    table = pd.concat([table.drop(columns=["n", "on"]), shares], axis=1)
    return table.assign(to_next=table["value"])
