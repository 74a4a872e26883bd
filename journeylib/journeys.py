"""The road customers take: touchpoints, stages, transitions, paths and loops, with intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
from scipy import stats

from journeylib.durations import INCIDENCE, conditional_median
from journeylib.engine import summarise
from journeylib.estimates import ESTIMATE_COLUMNS, Estimate, Refusal
from journeylib.ratios import clustered_shares, plain_shares
from journeylib.sojourns import trace_stage
from journeylib.summaries import (
    summarise_customers,
    summarise_loops,
    summarise_moves,
    summarise_paths,
    summarise_touches,
)
from journeylib.support import ENOUGH_FAIR, SUPPORTED, support_of
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeylib.log import Log, Part
    from journeylib.passages import Road

EVERYONE = "all"
FEWEST_VOICES = 10
UNSEEN = "Good-Turing share of unseen variants, interval of Esty (1983), at least Wilson's"


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
        customers or more; ``support`` and ``support_why`` are those of `support`, ``mix`` names
        the sources behind it.
    """
    met = _frame(summarise_touches, log).drop(columns="value")  # money has no place in this table
    own = pd.DataFrame(columns=["n"]) if by_channel is None else by_channel
    overall = _voiced(met, said[said["n"] >= FEWEST_VOICES], ["touchpoint"])
    narrow = _voiced(met, own[own["n"] >= FEWEST_VOICES], ["touchpoint", "channel"])
    for column in (*ESTIMATE_COLUMNS, *SUPPORTED):
        overall[column] = narrow[column].where(narrow["value"].notna(), overall[column])
    overall["sentiment"] = overall["value"]
    silent = overall["support"].isna()
    overall["support"] = overall["support"].mask(silent, support_of(0)[0]).astype("str")
    overall["support_why"] = overall["support_why"].mask(silent, support_of(0)[1]).astype("str")
    return complete_result("touchpoints", overall)


def _voiced(met: pd.DataFrame, said: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    wanted = said.reindex(columns=[*keys, *ESTIMATE_COLUMNS, *SUPPORTED])
    kinds = dict.fromkeys(keys, "object") | dict.fromkeys(["value", "low", "high", "n"], "float64")
    return met.merge(wanted.astype(kinds), on=keys, how="left", validate="m:1")


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
        The result table ``paths``; ``value`` is the share of journeys, its interval clustered by
        customer. Of the rest it is as wide as if each customer's journeys were all alike.
    """
    every = _frame(summarise_paths, log).rename(columns={"journeys": "count"})
    table, rest = every.head(top), every.iloc[top:]
    if len(rest):
        sums = rest[["count", "good"]].sum()
        whole = rest.iloc[0][["left", "left_square", "left_customers"]]
        alike = sums["count"] / whole["left"] * whole["left_square"]
        other = {"path": f"all other paths ({len(rest):,})", "square": alike, "cross": alike}
        table = pd.concat([table, pd.DataFrame([{**other, **sums, **whole}])], ignore_index=True)
    table = pd.concat([table, _path_shares(table, confidence)], axis=1)
    table["share"] = table["value"]
    table["converted_share"] = table["good"] / table["count"]
    table["journeys"] = table["count"].astype("int64")
    used = ["count", "good", "square", "cross", "left", "left_square", "left_customers"]
    return complete_result("paths", table.drop(columns=used))


def _path_shares(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Give shares of journeys their intervals; one journey a customer needs no clusters."""
    if (table["left_square"] > table["left"]).any():
        shares = clustered_shares(table, confidence=confidence)
        return shares.assign(n=table["left"])
    return plain_shares(table["count"], table["left"], confidence=confidence)


def estimate_unseen(log: Log, *, confidence: float = 0.95) -> Estimate | Refusal:
    """Estimate how many further journeys would take a road that nobody took so far.

    Args:
        log: The event log.
        confidence: Coverage of the interval.

    Returns:
        A share of journeys: variants that were taken once, of all journeys; the tail beyond the
        variants listed. Journeys beyond 12 touchpoints count by their first 12, so it is a lower
        bound where there are many. A refusal below 30 journeys.

    References:
        Good (1953), Biometrika 40:237-264; the interval is Esty's (1983), Ann. Stat. 11:905-912,
        and never narrower than Wilson's.
    """
    journeys = _frame(summarise_paths, log)["journeys"].to_numpy()
    n = int(journeys.sum())
    if n < ENOUGH_FAIR:
        return Refusal(f"{n} journeys are on record; {ENOUGH_FAIR} are needed.", "more journeys")
    once, twice = int((journeys == 1).sum()), int((journeys == 2).sum())
    share = once / n
    error = math.sqrt(once * (1 - share) + 2 * twice) / n
    half = float(stats.norm.ppf((1 + confidence) / 2)) * error
    # Where all or none are single, only the plain interval of a share has a width.
    plain = plain_shares([once], [n], confidence=confidence).iloc[0]
    low, high = min(share - half, plain["low"]), max(share + half, plain["high"])
    ends = (share, float(max(low, 0.0)), float(min(high, 1.0)))
    return Estimate("unseen_journeys", *ends, n, "share", UNSEEN, confidence)


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
    road: Road, *, personas: pd.DataFrame, feelings: pd.DataFrame, confidence: float = 0.95
) -> pd.DataFrame:
    """Say how many customers reached each stage, how many went on, and how long it took.

    Args:
        road: From ``passages.follow_road``.
        personas: Columns ``customer`` and ``persona``; may be empty.
        feelings: Columns ``stage``, ``persona`` and ``value`` (mean sentiment); may be empty.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``stages``, for all and for each persona. ``to_next`` (and ``value``) is
        the share of those who reached a stage who have an event in any stage after it within the
        road's horizon (Aalen-Johansen: who was watched for less counts for as long as that), and
        ``median_days`` the time by which half of those have it, both of ``n`` customers. Where no
        customer was ever seen in a later stage the data knows nothing of it: both are missing.
    """
    groups = [(EVERYONE, road.customers, road.rows)]
    if len(personas) and len(road.customers):
        for name, own in personas.groupby("persona", sort=True)["customer"]:
            kept = road.customers[road.customers.isin(own)]
            groups.append((str(name), kept, road.rows[road.rows["customer"].isin(kept)]))
    parts = [
        _stages_of(road, rows, len(people), confidence).assign(persona=name)
        for name, people, rows in groups
    ]
    table = pd.concat(parts, ignore_index=True)
    mood = feelings.reindex(columns=["stage", "persona", "value"]).rename(
        columns={"value": "sentiment"}
    )
    mood = mood.astype({"stage": "object", "persona": "object", "sentiment": float})
    return complete_result("stages", table.merge(mood, on=["stage", "persona"], how="left"))


def _stages_of(road: Road, passed: pd.DataFrame, customers: int, confidence: float) -> pd.DataFrame:
    rows = []
    last = int(road.rows["place"].max()) if len(road.rows) else 0
    for place, stage in enumerate(road.stages if customers else ()):
        own = passed[passed["place"] == place]
        row = {"stage": stage, "reached": len(own), "share": len(own) / customers, "n": 0.0}
        if len(own) and place < last:
            onward = trace_stage(own)[0]
            told = onward.at([road.horizon], confidence=confidence).iloc[0]
            days = conditional_median(onward, road.horizon)
            row |= {
                "n": float(len(own)),
                "median_days": days,
                **{str(key): value for key, value in told.items()},
            }
        rows.append({**row, "unit": "share", "source": INCIDENCE})
    columns = ["stage", "reached", "share", "n", "median_days", "value", "low", "high", "unit",
               "source"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).astype({"stage": "object"})
    floats = ["share", "n", "median_days", "value", "low", "high"]
    table = table.astype(dict.fromkeys(floats, "float64"))
    return table.assign(to_next=table["value"])
