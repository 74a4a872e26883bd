"""What customers are worth and whether they stay: retention, repeat orders, order value, scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.estimates import Estimate
from journeylib.log import DAY
from journeylib.scores import (
    customer_effort,
    customer_satisfaction,
    net_promoter_score,
    share_estimate,
)
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from journeylib.estimates import Refusal

EVERYONE = "all"
SHARE_OF_GAPS = 0.9
ORDER_COLUMNS = ("orders", "spent", "first_order", "last_order")
ANSWER_COLUMNS = ("customer", "metric", "score", "weight", "scale_low", "scale_high")
FEWEST_REPEATERS = 30


def measure_metrics(
    customers: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    settings: Mapping[str, object],
    personas: pd.DataFrame,
    targets: Mapping[str, float],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Measure the client's metrics for all customers and for each persona.

    Args:
        customers: One row per customer: ``customer, orders, spent, first_order, last_order,
            longest_gap`` and, where the client knows it, ``churned``; what is absent is unknown.
        answers: One row per survey answer: ``customer, metric, score, weight``, scale ends
            ``scale_low, scale_high``; may be empty.
        settings: ``currency``, ``outcome`` (kind), ``has_orders``, ``start`` and ``end``
            (microseconds), ``inactive_days`` (a number, or None for the 90th percentile of the
            repeaters' gaps between orders, each customer's longest).
        personas: Columns ``customer`` and ``persona``; may be empty.
        targets: Goal by metric.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``metrics``; a metric that the data cannot carry has no row.
    """
    customers = _complete(customers)
    answers = answers.reindex(columns=list(dict.fromkeys([*answers.columns, *ANSWER_COLUMNS])))
    segments: list[tuple[str, pd.DataFrame, pd.DataFrame]] = [(EVERYONE, customers, answers)]
    if len(personas):
        persona_of = personas.set_index("customer")["persona"]
        for name in sorted(persona_of.unique()):
            mine = persona_of.index[persona_of == name]
            own, said = (frame[frame["customer"].isin(mine)] for frame in (customers, answers))
            segments.append((str(name), own, said))
    settings = _bounded(customers, settings)
    inactive = _inactive_days(customers, settings)
    rows = []
    for segment, own, said in segments:
        found = [*_behaviour(own, settings, inactive, confidence), *_answers(said, confidence)]
        rows += [
            {**_row(estimate), "segment": segment, "target": targets.get(estimate.metric, np.nan)}
            for estimate in found
            if isinstance(estimate, Estimate)
        ]
    return complete_result("metrics", pd.DataFrame(rows))


def _complete(customers: pd.DataFrame) -> pd.DataFrame:
    """Give customers of whom no order is known the columns of orders, as never having bought."""
    columns = list(dict.fromkeys([*customers.columns, "customer", *ORDER_COLUMNS]))
    return customers.reindex(columns=columns).fillna({"orders": 0, "spent": 0.0})


def _row(estimate: Estimate) -> dict[str, object]:
    columns = ("metric", "value", "low", "high", "n", "unit", "source")
    return {column: getattr(estimate, column) for column in columns}


def _behaviour(
    customers: pd.DataFrame, settings: Mapping[str, object], inactive: float, confidence: float
) -> Iterable[Estimate | Refusal]:
    if "churned" in customers and customers["churned"].notna().any():
        yield from _contractual(customers, confidence)
    elif settings["has_orders"]:
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
    buyers = customers[customers["orders"] > 0] if "first_order" in customers else customers[:0]
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


def _answers(answers: pd.DataFrame, confidence: float) -> Iterable[Estimate | Refusal]:
    scores: dict[str, Callable[..., Estimate | Refusal]] = {
        "nps": net_promoter_score, "csat": customer_satisfaction, "ces": customer_effort,
    }  # fmt: skip
    for metric, said in answers.groupby("metric", sort=True):
        if str(metric) not in scores:
            continue
        options: dict[str, object] = {"confidence": confidence}
        if metric != "nps":
            options |= {"low": said["scale_low"].iloc[0], "high": said["scale_high"].iloc[0]}
        if metric != "ces" and said["weight"].notna().all():
            options["weights"] = said["weight"]
        yield scores[str(metric)](said["score"], **options)
