"""What customers are worth and whether they stay: retention, repeat purchase, order value, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

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
        customers: One row per customer: ``customer, first, last, orders, spent, first_order,
            last_order`` and, where the client knows it, ``churned``.
        answers: One row per survey answer: ``customer, metric, score, weight``, scale ends
            ``scale_low, scale_high``.
        settings: ``currency``, ``outcome`` (kind), ``has_orders``, ``start`` and ``end``
            (microseconds), ``inactive_days`` (a number, or None for the 90th percentile of gaps).
        personas: Columns ``customer`` and ``persona``; may be empty.
        targets: Goal by metric.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``metrics``; a metric that the data cannot carry has no row.
    """
    persona_of = (
        personas.set_index("customer")["persona"] if len(personas) else pd.Series(dtype="str")
    )
    segments: list[tuple[str, pd.DataFrame, pd.DataFrame]] = [(EVERYONE, customers, answers)]
    for name in sorted(persona_of.unique()):
        own = customers[customers["customer"].map(persona_of) == name]
        said = answers[answers["customer"].map(persona_of) == name]
        segments.append((str(name), own, said))
    inactive = _inactive_days(customers, settings)
    rows = []
    for segment, own, said in segments:
        found = [
            *_behaviour(own, settings, inactive, confidence),
            *_answers(said, confidence),
        ]
        rows += [
            {**_row(estimate), "segment": segment, "target": targets.get(estimate.metric, np.nan)}
            for estimate in found
            if isinstance(estimate, Estimate)
        ]
    return complete_result("metrics", pd.DataFrame(rows))


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
        yield _order_value(buyers, str(settings["currency"] or ""), confidence)


def _contractual(customers: pd.DataFrame, confidence: float) -> Iterable[Estimate | Refusal]:
    known = customers["churned"].dropna().astype(bool)
    yield share_estimate(int(known.sum()), len(known), metric="churn_rate", confidence=confidence)
    yield share_estimate(
        int((~known).sum()), len(known), metric="retention_rate", confidence=confidence
    )


def _non_contractual(
    customers: pd.DataFrame, settings: Mapping[str, object], inactive: float, confidence: float
) -> Iterable[Estimate | Refusal]:
    """Retention over the two halves of the period; churn by days without an order at its end."""
    buyers = customers[customers["orders"] > 0]
    start, end = int(str(settings["start"])), int(str(settings["end"]))
    middle = start + (end - start) // 2
    first_half = buyers[buyers["first_order"] < middle]
    if len(first_half):
        stayed = int((first_half["last_order"] >= middle).sum())
        found = share_estimate(
            stayed, len(first_half), metric="retention_rate", confidence=confidence
        )
        if isinstance(found, Estimate):
            day = pd.Timestamp(middle, unit="us").strftime("%Y-%m-%d")
            yield _sourced(
                found, f"bought before and from {day} on / bought before; {found.source}"
            )
    old = buyers[buyers["first_order"] < end - inactive * DAY]
    if len(old) and np.isfinite(inactive):
        gone = int((old["last_order"] < end - inactive * DAY).sum())
        found = share_estimate(gone, len(old), metric="churn_rate", confidence=confidence)
        if isinstance(found, Estimate):
            yield _sourced(
                found, f"no order in the last {inactive:.0f} days of the data; {found.source}"
            )


def _sourced(estimate: Estimate, source: str) -> Estimate:
    from dataclasses import replace

    return replace(estimate, source=source)


def _inactive_days(customers: pd.DataFrame, settings: Mapping[str, object]) -> float:
    declared = settings["inactive_days"]
    if declared is not None:
        return float(str(declared))
    repeaters = customers[customers["orders"] > 1] if "orders" in customers else customers[:0]
    if len(repeaters) < FEWEST_REPEATERS:
        return np.inf
    span = (repeaters["last_order"] - repeaters["first_order"]) / DAY
    return float(np.quantile(span / (repeaters["orders"] - 1), SHARE_OF_GAPS))


def _order_value(buyers: pd.DataFrame, currency: str, confidence: float) -> Estimate | None:
    """Money per order: a ratio of sums over customers, so customers are the unit."""
    from scipy import stats

    spent, orders = buyers["spent"].to_numpy(float), buyers["orders"].to_numpy(float)
    value = spent.sum() / orders.sum()
    if len(buyers) < 2:
        return None
    residual = spent - value * orders
    error = np.sqrt(len(buyers) / (len(buyers) - 1) * (residual**2).sum()) / orders.sum()
    half = float(stats.t.ppf((1 + confidence) / 2, len(buyers) - 1) * error)
    source = "ratio of sums over customers (Cochran 1977, eq. 6.13)"
    return Estimate(
        "average_order_value", float(value), float(value - half), float(value + half), len(buyers),
        currency, source, confidence,
    )  # fmt: skip


def _answers(answers: pd.DataFrame, confidence: float) -> Iterable[Estimate | Refusal]:
    for metric, said in answers.groupby("metric", sort=True):
        score: Callable[..., Estimate | Refusal] | None = {
            "nps": net_promoter_score, "csat": customer_satisfaction, "ces": customer_effort,
        }.get(str(metric))  # fmt: skip
        if score is None:
            continue
        ends = (
            {}
            if metric == "nps"
            else {"low": said["scale_low"].iloc[0], "high": said["scale_high"].iloc[0]}
        )
        weights = (
            {"weights": said["weight"]} if said["weight"].notna().all() and metric != "ces" else {}
        )
        yield score(said["score"], confidence=confidence, **ends, **weights)
