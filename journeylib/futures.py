"""Futures of customers, drawn from the models of `buying`: what a crowd may buy and be worth.

An interval needs both the doubt about the parameters and the chance in what customers do; that of
the parameters alone holds the truth too seldom. Not for the expected values; see `clv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.buying import Buying, Spending, spent_so_far

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from journeylib.log import Floats

    Flags = NDArray[np.bool_]

EVERYONE, ONCE, AGAIN = "all", "bought once", "came back"
DRAWS, SPARE = 400, 3
MOST_SIMULATED, LEAST_SIMULATED = 4000, 200
TINY = 1e-9
TOTALS = ["segment", "model_low", "model_high", "value", "low", "high", "n"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How far to look ahead.

    Attributes:
        weeks: Weeks ahead.
        counts: What a unit of money counts for in each equal part of them.
    """

    weeks: float
    counts: Floats


@dataclass(frozen=True, slots=True)
class Crowd:
    """Customers, what is expected of them, and the parts in which they are told.

    Attributes:
        summary: From ``buying.summarise_purchases``.
        people: ``purchases`` and ``value`` expected of each, and ``spend`` where there is money.
        stratum: Number of the smallest part to which each belongs.
        segments: Numbers of the strata in each segment.
    """

    summary: pd.DataFrame
    people: pd.DataFrame
    stratum: NDArray[np.int64]
    segments: Mapping[str, list[int]]


def gather_crowd(
    summary: pd.DataFrame, people: pd.DataFrame, groups: pd.Series | None = None
) -> Crowd:
    """Part customers by group, and by whether they came back.

    Args:
        summary: From ``buying.summarise_purchases``.
        people: Expected ``purchases`` and ``value``, in the same order.
        groups: Segment of each customer, indexed by customer; None for none.
    """
    again = (summary["frequency"] > 0).to_numpy()
    code, names = np.zeros(len(summary), dtype=np.int64), pd.Index([])
    if groups is not None:
        code, names = pd.factorize(summary["customer"].map(groups), sort=True)
    stratum = np.asarray(2 * (code + 1) + again, dtype=np.int64)
    present = np.unique(stratum).tolist()
    segments = {
        EVERYONE: present,
        ONCE: [number for number in present if number % 2 == 0],
        AGAIN: [number for number in present if number % 2],
    }
    for at, name in enumerate(names):
        segments[str(name)] = [number for number in present if number // 2 == at + 1]
    return Crowd(summary, people, stratum, {name: own for name, own in segments.items() if own})


def simulate_totals(
    crowd: Crowd,
    models: tuple[Buying, Spending | None],
    plan: Plan,
    *,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Give the sum of ``value`` in each segment an interval.

    Args:
        crowd: From `gather_crowd`.
        models: The fitted models; without one of money, purchases are summed.
        plan: How far to look ahead.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``segment, model_low, model_high, value, low, high, n``; without rows where fewer
        than one in three draws has a mean of money.
    """
    rng = np.random.default_rng(seed)
    drawn = _parameters(models, rng)
    if not drawn:
        return pd.DataFrame(columns=TOTALS)
    strata = np.unique(crowd.stratum).tolist()
    size = max(LEAST_SIMULATED, MOST_SIMULATED // len(strata))
    sums = {number: _sums(crowd, number, drawn, plan, size, rng) for number in strata}
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    rows = []
    for name, own in crowd.segments.items():
        total = np.sum([sums[number] for number in own], axis=0)
        inside = np.isin(crowd.stratum, own)
        value = float(crowd.people["value"].to_numpy(float)[inside].sum())
        (sure_low, low), (sure_high, high) = np.quantile(total, ends, axis=0)
        rows.append((name, min(sure_low, value), max(sure_high, value), value, min(low, value),
                     max(high, value), int(inside.sum())))  # fmt: skip
    return pd.DataFrame(rows, columns=TOTALS)


def _parameters(
    models: tuple[Buying, Spending | None], rng: np.random.Generator
) -> list[tuple[Buying, Spending | None]]:
    """Draw parameters; those under which money per purchase has no mean are passed over."""
    buying, spending = models
    if buying.peak is None:
        raise ValueError("only a fitted model can be drawn from")
    buyings = [Buying(*values) for values in buying.peak.draw(DRAWS, rng).tolist()]
    if spending is None or spending.peak is None:
        return [(one, None) for one in buyings]
    values = spending.peak.draw(SPARE * DRAWS, rng)
    fit = values[values[:, 1] > 1][:DRAWS].tolist()
    if len(fit) < DRAWS or spending.q <= 1:
        return []
    return [(one, Spending(*other)) for one, other in zip(buyings, fit, strict=True)]


def _sums(
    crowd: Crowd,
    number: int,
    drawn: list[tuple[Buying, Spending | None]],
    plan: Plan,
    size: int,
    rng: np.random.Generator,
) -> Floats:
    """Sum one stratum under each draw: expected, and as it may come.

    Of many customers some are simulated: what is expected of them under each draw scales the
    stratum's, and their chance is carried over as that of a sum of so many.
    """
    inside = np.flatnonzero(crowd.stratum == number)
    taken = inside if len(inside) <= size else rng.choice(inside, size, replace=False)
    some, people = crowd.summary.iloc[taken], crowd.people.iloc[taken]
    value = people["value"].to_numpy(float)
    plain = people["purchases"].to_numpy(float)
    if "spend" in people:
        plain = plain * people["spend"].to_numpy(float)
    # When purchases come within the horizon hardly depends on the draw, so discounts are kept.
    pace = np.divide(value, plain, out=np.ones_like(value), where=plain > 0)
    whole = float(crowd.people["value"].to_numpy(float)[inside].sum()) / max(value.sum(), TINY)
    sums = np.zeros((len(drawn), 2))
    for at, (buying, spending) in enumerate(drawn):
        money = 1.0 if spending is None else spending.expect(some)
        mean = float((buying.expect(some, plan.weeks) * money * pace).sum())
        chance = simulate_worth(some, buying, spending, plan, rng).sum() - mean
        sums[at] = mean * whole, mean * whole + np.sqrt(len(inside) / len(taken)) * chance
    return sums


def simulate_worth(
    summary: pd.DataFrame,
    buying: Buying,
    spending: Spending | None,
    plan: Plan,
    rng: np.random.Generator,
) -> Floats:
    """Draw one future of each customer, given what they did so far.

    Args:
        summary: From ``buying.summarise_purchases``.
        buying: The model of purchases.
        spending: The model of money; None to count purchases.
        plan: How far to look ahead.
        rng: Where chance comes from.

    Returns:
        Worth of each customer within the horizon. Of a customer who still buys, the rate is
        Gamma(r + x, alpha + T) and the chance to leave after a purchase Beta(a, b + x).
    """
    x, age = summary["frequency"].to_numpy(float), summary["age"].to_numpy(float)
    buys = rng.random(len(x)) < buying.alive(summary)
    rate = rng.gamma(buying.r + x) / (buying.alpha + age)
    leaves = np.clip(rng.beta(buying.a, buying.b + x), TINY, 1)
    stays = rng.geometric(leaves) * buys
    steps = len(plan.counts)
    each = rng.poisson(rate[:, None] * plan.weeks / steps, (len(x), steps))
    bought = np.diff(np.minimum(each.cumsum(axis=1), stays[:, None]), axis=1, prepend=0)
    if spending is None:
        return np.asarray(bought @ plan.counts, dtype=np.float64)
    known, spent = spent_so_far(summary)
    thrift = rng.gamma(spending.p * known + spending.q) / (spending.v + spent)
    money = rng.gamma(spending.p * bought) / np.maximum(thrift, TINY)[:, None]
    return np.asarray(money @ plan.counts, dtype=np.float64)
