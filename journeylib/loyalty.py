"""What customers are worth and whether they stay: retention, repeat orders, order value, scores.

For all customers and for any segments. Not for worth in the future (`clv`), nor for the curve of
those who stay (`cohorts`, `tenure`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.arrivals import EVERYONE, PERSONA, STAGE
from journeylib.buying import merge_days
from journeylib.durations import SURVIVAL, trace_survival
from journeylib.estimates import Estimate, Refusal
from journeylib.log import DAY
from journeylib.replies import ANSWER_COLUMNS, score_answers
from journeylib.scores import share_estimate
from journeylib.tables import complete_result
from journeylib.tenure import DAYS_IN_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHARE_OF_GAPS = 0.9
ORDER_COLUMNS = ("orders", "spent", "first_order", "last_order")
FEWEST_REPEATERS = 30
FEWEST_STAYS = 30
ROW = ("metric", "value", "low", "high", "n", "unit", "source")


def measure_metrics(
    customers: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    settings: Mapping[str, object],
    groups: pd.DataFrame,
    targets: Mapping[str, float],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Measure the client's metrics for all customers and for each segment.

    Args:
        customers: One row per customer: ``customer, orders, spent, first_order, last_order,
            longest_gap`` and, where the client knows it, ``churned``; what is absent is unknown.
        answers: One row per survey answer: ``customer, metric, score, weight``, scale ends
            ``scale_low, scale_high``; may be empty.
        settings: ``currency``, ``outcome`` (kind), ``has_orders``, ``start`` and ``end``
            (microseconds), ``inactive_days`` (a number, or None for the 90th percentile of the
            repeaters' gaps between orders, each customer's longest).
        groups: Segments: columns ``customer``, ``segment`` (or ``persona``) and perhaps ``by``,
            what the segment is (``persona``, ``channel``, ``joined``); may be empty.
        targets: Goal by metric.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``metrics``, with a column ``by``; a metric that the data cannot carry has
        no row, but one that a segment has too few answers for stands there without a value.
    """
    customers = _complete(customers)
    answers = answers.reindex(columns=list(dict.fromkeys([*answers.columns, *ANSWER_COLUMNS])))
    segments = [(EVERYONE, EVERYONE, customers, answers)]
    for by, name, mine in list_segments(groups):
        own, said = (frame[frame["customer"].isin(mine)] for frame in (customers, answers))
        segments.append((by, name, own, said))
    settings = _bounded(customers, settings)
    inactive = _inactive_days(customers, settings)
    # Asked once, of all customers: a segment of which nothing is known must not fall to the rule.
    contract = "churned" in customers and bool(customers["churned"].notna().any())
    rows = []
    for by, segment, own, said in segments:
        left = _contractual(own, confidence) if contract else ()
        found = [*left, *_behaviour(own, settings, None if contract else inactive, confidence)]
        rows += [_row(one) | {"segment": segment, "by": by} for one in found
                 if isinstance(one, Estimate)]  # fmt: skip
        rows += _answer_rows(said, segment, by, confidence)
    return _with_targets(rows, targets)


def list_segments(groups: pd.DataFrame) -> list[tuple[str, str, pd.Series]]:
    """List the segments of customers: what each is, its name, and its customers.

    Args:
        groups: As for `measure_metrics`.
    """
    if groups.empty:
        return []
    named = groups.rename(columns={"persona": "segment"})
    named = named if "by" in named else named.assign(by=PERSONA)
    return [
        (str(by), str(name), own)
        for by, part in named.groupby("by", sort=False)
        for name, own in part.groupby("segment", sort=True)["customer"]
    ]


def measure_stage_scores(
    answers: pd.DataFrame,
    stage_of: Mapping[str, str],
    *,
    targets: Mapping[str, float],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Score the answers about each stage, by the touchpoint that they speak of.

    Args:
        answers: As for `measure_metrics`, with ``touchpoint``.
        stage_of: Stage of each touchpoint that has one.
        targets: Goal by metric.
        confidence: Coverage of the intervals.

    Returns:
        Rows of ``metrics`` whose segment is a stage; none where the answers name no touchpoint, or
        all belong to one stage.
    """
    if "touchpoint" not in answers or answers.empty:
        return _with_targets([], targets)
    stage = answers["touchpoint"].map(dict(stage_of))
    known = answers[stage.notna()]
    rows: list[dict[str, object]] = []
    if len(stage.dropna().unique()) > 1:
        for name, said in known.groupby(stage.dropna(), sort=False):
            rows += _answer_rows(said, str(name), STAGE, confidence)
    return _with_targets(rows, targets)


def measure_cohorts(
    orders: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    days: int,
    end: int,
    targets: Mapping[str, float],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say how many bought again within so many days of their first order, by segment.

    Customers who came late had less time, so only those count who were followed so long; months
    can then be compared.

    Args:
        orders: Columns ``customer, day, value``, from ``buying.gather_orders``.
        groups: As for `measure_metrics`.
        days: Days after the first order.
        end: Last day that the data covers.
        targets: Goal by metric.
        confidence: Coverage of the intervals.

    Returns:
        Rows of ``metrics``: ``repeat_purchase_rate`` of the segments with such customers.
    """
    bought = merge_days(orders[orders["day"] <= end])
    first = bought.groupby("customer")["day"].min()
    later = bought[bought["day"] > bought["customer"].map(first)]
    second = later.groupby("customer")["day"].min().reindex(first.index)
    followed = first[first + days <= end].index
    again = (second - first <= days).loc[followed]
    text = f"bought again within {days} days / first bought {days} days ago or earlier"
    rows = []
    for by, name, mine in list_segments(groups):
        own = again[again.index.isin(mine)]
        found = _share_of(own, "repeat_purchase_rate", text, confidence)
        if isinstance(found, Estimate):
            rows.append({**_row(found), "segment": name, "by": by})
    return _with_targets(rows, targets)


def measure_stayers(
    tenures: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    days: int,
    targets: Mapping[str, float],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say how many customers with a contract were still there so many days after they came.

    Args:
        tenures: From ``tenure.measure_tenure``.
        groups: As for `measure_metrics`.
        days: Days after they came.
        targets: Goal by metric.
        confidence: Coverage of the intervals.

    Returns:
        Rows of ``metrics``: ``retention_rate`` (Kaplan-Meier) of segments of which 30 customers
        were there for so long.
    """
    rows = []
    month = days / DAYS_IN_MONTH
    for by, name, mine in list_segments(groups):
        own = tenures[tenures["customer"].isin(mine)]
        if int((own["months"] >= month).sum()) < FEWEST_STAYS:
            continue
        gone = trace_survival(own["months"], own["ended"]).at([month], confidence=confidence)
        value, low, high = (1 - float(gone[end].iloc[0]) for end in ("value", "high", "low"))
        row = {"metric": "retention_rate", "value": value, "low": low, "high": high, "n": len(own),
               "unit": "share", "segment": name, "by": by}  # fmt: skip
        rows.append({**row, "source": f"still a customer {days} days after coming; {SURVIVAL}"})
    return _with_targets(rows, targets)


def _with_targets(rows: list[dict[str, object]], targets: Mapping[str, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*ROW, "segment", "by"])
    goals = [targets.get(str(metric), np.nan) for metric in table["metric"]]
    return complete_result("metrics", table.assign(target=np.array(goals, dtype=float)))


def _answer_rows(
    said: pd.DataFrame, segment: str, by: str, confidence: float
) -> list[dict[str, object]]:
    """Score the answers; too few in a segment give a row without a value, not none.

    Else the answers of the others, taken from those of all, would tell what the few said.
    """
    rows: list[dict[str, object]] = []
    for metric, found in score_answers(said, confidence=confidence):
        place = {"segment": segment, "by": by}
        if isinstance(found, Estimate):
            rows.append({**_row(found), **place})
        elif segment != EVERYONE:
            bare = {"metric": metric, "n": int((said["metric"] == metric).sum()), **place}
            rows.append({**dict.fromkeys(ROW, np.nan), "unit": "", "source": found.reason, **bare})
    return rows


def _complete(customers: pd.DataFrame) -> pd.DataFrame:
    """Give customers of whom no order is known the columns of orders, as never having bought."""
    columns = list(dict.fromkeys([*customers.columns, "customer", *ORDER_COLUMNS]))
    return customers.reindex(columns=columns).fillna({"orders": 0, "spent": 0.0})


def _row(estimate: Estimate) -> dict[str, object]:
    return {column: getattr(estimate, column) for column in ROW}


def _behaviour(
    customers: pd.DataFrame,
    settings: Mapping[str, object],
    inactive: float | None,
    confidence: float,
) -> Iterable[Estimate | Refusal]:
    """Measure what customers did; without days of inactivity, not whether they stayed."""
    if inactive is not None and settings["has_orders"]:
        yield from _non_contractual(customers, settings, inactive, confidence)
    if settings["outcome"] == "conversion":
        hits = int((customers["orders"] > 0).sum())
        yield share_estimate(hits, len(customers), metric="conversion_rate", confidence=confidence)
    if settings["has_orders"] and (customers["orders"] > 0).any():
        buyers = customers[customers["orders"] > 0]
        again = int((buyers["orders"] > 1).sum())
        yield share_estimate(
            again, len(buyers), metric="repeat_purchase_rate", confidence=confidence
        )
        if len(buyers) > 1:
            yield _order_value(buyers, str(settings["currency"] or ""), confidence)


def _contractual(customers: pd.DataFrame, confidence: float) -> Iterable[Estimate | Refusal]:
    known = customers["churned"].dropna().astype(bool)
    yield share_estimate(int(known.sum()), len(known), metric="churn_rate", confidence=confidence)
    yield share_estimate(
        int((~known).sum()), len(known), metric="retention_rate", confidence=confidence
    )


def _bounded(customers: pd.DataFrame, settings: Mapping[str, object]) -> dict[str, object]:
    """Let the orders, not the period, say where the data ends, and the same for every segment.

    An export made before the period was over would else read as customers who stay away.
    """
    buyers = customers[customers["orders"] > 0]
    if buyers.empty:
        return dict(settings)
    start = max(int(str(settings["start"])), int(buyers["first_order"].min()))
    end = min(int(str(settings["end"])), int(buyers["last_order"].max()) + 1)
    return {**settings, "start": start, "end": end}


def _non_contractual(
    customers: pd.DataFrame, settings: Mapping[str, object], inactive: float, confidence: float
) -> Iterable[Estimate | Refusal]:
    """Retention over the two halves of the period; churn by days without an order at its end."""
    buyers = customers[customers["orders"] > 0]
    if buyers.empty:
        return
    start, end = int(str(settings["start"])), int(str(settings["end"]))
    middle = start + (end - start) // 2
    day = pd.Timestamp(middle, unit="us").strftime("%Y-%m-%d")
    older = buyers[buyers["first_order"] < middle]
    stayed = older["last_order"] >= middle
    yield _share_of(
        stayed, "retention_rate", f"bought before and from {day} on / bought before", confidence
    )
    if np.isfinite(inactive):
        old = buyers[buyers["first_order"] < end - inactive * DAY]
        gone = old["last_order"] < end - inactive * DAY
        text = f"no order in the last {inactive:.0f} days of the orders"
        yield _share_of(gone, "churn_rate", text, confidence)


def _share_of(
    happened: pd.Series, metric: str, meaning: str, confidence: float
) -> Estimate | Refusal:
    found = share_estimate(int(happened.sum()), len(happened), metric=metric, confidence=confidence)
    if isinstance(found, Estimate):
        return replace(found, source=f"{meaning}; {found.source}")
    return found


def find_inactive_days(
    customers: pd.DataFrame, settings: Mapping[str, object]
) -> tuple[float, int, int]:
    """Give the days without an order after which a customer counts as gone.

    Args:
        customers: As for `measure_metrics`.
        settings: As for `measure_metrics`.

    Returns:
        The days (infinite where too few customers came back to tell), and the first microsecond of
        the orders and the first after them.
    """
    customers = _complete(customers)
    settings = _bounded(customers, settings)
    start, end = int(str(settings["start"])), int(str(settings["end"]))
    return _inactive_days(customers, settings), start, end


def _inactive_days(customers: pd.DataFrame, settings: Mapping[str, object]) -> float:
    declared = settings["inactive_days"]
    if declared is not None:
        return float(str(declared))
    repeaters = customers[customers["orders"] > 1]
    if len(repeaters) < FEWEST_REPEATERS:
        return np.inf
    mean = (repeaters["last_order"] - repeaters["first_order"]) / DAY / (repeaters["orders"] - 1)
    gaps = repeaters["longest_gap"].fillna(mean) if "longest_gap" in repeaters else mean
    return float(np.quantile(gaps.astype(float), SHARE_OF_GAPS))


def _order_value(buyers: pd.DataFrame, currency: str, confidence: float) -> Estimate:
    """Money per order: a ratio of sums over customers, so customers are the unit."""
    spent, orders = buyers["spent"].to_numpy(float), buyers["orders"].to_numpy(float)
    value = spent.sum() / orders.sum()
    residual = spent - value * orders
    error = np.sqrt(len(buyers) / (len(buyers) - 1) * (residual**2).sum()) / orders.sum()
    half = float(stats.t.ppf((1 + confidence) / 2, len(buyers) - 1) * error)
    source = "ratio of sums over customers (Cochran 1977, eq. 6.13)"
    return Estimate(
        "average_order_value", float(value), float(value - half), float(value + half), len(buyers),
        currency, source, confidence,
    )  # fmt: skip
