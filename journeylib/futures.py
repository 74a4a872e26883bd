"""Futures of customers, drawn from the models of `buying`: what a crowd may buy and be worth.

An interval needs both the doubt about the parameters and the chance in what customers do; that of
the parameters alone holds the truth too seldom. Not for the expected values; see `clv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.arrivals import EVERYONE
from journeylib.buying import Buying, Seen, Spending, see
from journeylib.estimates import ESTIMATE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from journeylib.log import Floats

    Places = NDArray[np.intp]

ONCE, AGAIN = "bought once", "came back"
DRAWS, SPARE = 400, 3
MOST_SIMULATED, LEAST_SIMULATED = 2000, 200
TINY = 1e-9
NUMBERS = ["model_low", "model_high", "value", "low", "high"]
TOTALS = ["segment", *NUMBERS, "n"]
TOTAL_COLUMNS = ["metric", "segment", "model_low", "model_high", *ESTIMATE_COLUMNS]


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
    """Customers, what is expected of them, and the segments in which they are told.

    Attributes:
        summary: From ``buying.summarise_purchases``.
        people: ``purchases`` and ``value`` expected of each, and ``spend`` where there is money.
        segments: Places of the customers of each segment; segments may overlap.
    """

    summary: pd.DataFrame
    people: pd.DataFrame
    segments: Mapping[str, Places]


def gather_crowd(
    summary: pd.DataFrame, people: pd.DataFrame, groups: pd.DataFrame | None = None
) -> Crowd:
    """Part customers by segment, and by whether they came back.

    Args:
        summary: From ``buying.summarise_purchases``.
        people: Expected ``purchases`` and ``value``, in the same order.
        groups: Columns ``customer`` and ``segment``; a customer may stand in several segments, and
            one without any counts in ``all`` alone. None for no segments.
    """
    again = (summary["frequency"] > 0).to_numpy()
    found = {
        EVERYONE: np.arange(len(summary)), ONCE: np.flatnonzero(~again),
        AGAIN: np.flatnonzero(again),
    }  # fmt: skip
    if groups is not None and len(groups):
        place = pd.Series(np.arange(len(summary)), index=summary["customer"].to_numpy())
        known = groups[groups["customer"].isin(place.index)]
        for name, own in known.groupby("segment", sort=True)["customer"]:
            found[str(name)] = np.sort(place.loc[own.to_numpy()].to_numpy())
    return Crowd(summary, people, {name: own for name, own in found.items() if len(own)})


def simulate_totals(
    crowd: Crowd,
    models: tuple[Buying, Spending | None],
    plan: Plan,
    *,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Give the sum of ``value`` in each segment an interval.

    Of many customers some are simulated: what is expected of them under each draw scales the
    segment's sum, and their chance is carried over as that of a sum of so many.

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
    taken, inside = sample_crowd(crowd, rng)
    means, futures = _draw_futures(crowd, taken, drawn, plan, rng)
    return sum_segments(crowd, (taken, inside), (means, futures), confidence=confidence)


def sum_segments(
    crowd: Crowd,
    sample: tuple[Places, Floats],
    drawn: tuple[Floats, Floats],
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Sum up what was drawn for a sample of customers, in each segment of the crowd.

    Args:
        crowd: From `gather_crowd`; its ``people`` have ``value``.
        sample: From `sample_crowd`.
        drawn: Worth of each customer of the sample under each draw, one row a draw: as expected,
            and as it may come.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``segment, model_low, model_high, value, low, high, n``.
    """
    (taken, inside), (means, futures) = sample, drawn
    value = crowd.people["value"].to_numpy(float)
    whole = np.array([value[own].sum() for own in crowd.segments.values()])
    sizes = np.array([len(own) for own in crowd.segments.values()])
    part = np.maximum(inside @ value[taken], TINY)
    expected = means @ inside.T * (whole / part)
    chance = (futures - means) @ inside.T * np.sqrt(sizes / inside.sum(axis=1))
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    sure = np.quantile(expected, ends, axis=0)
    both = np.quantile(expected + chance, ends, axis=0)
    table = pd.DataFrame({"segment": list(crowd.segments), "value": whole, "n": sizes})
    for prefix, (low, high) in (("model_", sure), ("", both)):
        # Of a handful of customers the mean may lie beyond most of what can come.
        table[f"{prefix}low"] = np.minimum(low, whole)
        table[f"{prefix}high"] = np.maximum(high, whole)
    return table[TOTALS]


def lay_out_worth(totals: pd.DataFrame, *, unit: str, source: str) -> pd.DataFrame:
    """Tell worth twice: of a customer on average (``clv``), and of all together (``clv_total``).

    Args:
        totals: Sums of each segment, from `sum_segments` or `simulate_totals`.
        unit: Currency.
        source: What the figures come from.

    Returns:
        Columns ``metric, segment, model_low, model_high, value, low, high, n, unit, source``.
    """
    each = totals.copy()
    each[NUMBERS] = totals[NUMBERS].div(totals["n"], axis=0)
    table = pd.concat([each.assign(metric="clv"), totals.assign(metric="clv_total")])
    return table.assign(unit=unit, source=source)[TOTAL_COLUMNS].reset_index(drop=True)


def sample_crowd(crowd: Crowd, rng: np.random.Generator) -> tuple[Places, Floats]:
    """Choose whom to simulate, and say of whom each segment's sum is made.

    A segment that the common sample holds too few of gets a sample of its own.
    """
    n = len(crowd.summary)
    common = np.arange(n)
    if n > MOST_SIMULATED:
        common = np.sort(rng.choice(n, MOST_SIMULATED, replace=False))
    chosen = []
    for own in crowd.segments.values():
        known = np.intersect1d(own, common, assume_unique=True)
        if len(known) < min(len(own), LEAST_SIMULATED):
            few = min(len(own), LEAST_SIMULATED)
            known = np.sort(rng.choice(own, few, replace=False))
        chosen.append(known)
    taken = np.unique(np.concatenate([common, *chosen]))
    inside = np.zeros((len(chosen), len(taken)))
    for row, known in enumerate(chosen):
        inside[row, np.searchsorted(taken, known)] = 1.0
    return taken, inside


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


def _draw_futures(
    crowd: Crowd,
    taken: Places,
    drawn: list[tuple[Buying, Spending | None]],
    plan: Plan,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Give each customer's worth under each draw: as expected, and as it may come."""
    some, people = see(crowd.summary.iloc[taken]), crowd.people.iloc[taken]
    value = people["value"].to_numpy(float)
    plain = people["purchases"].to_numpy(float)
    if "spend" in people:
        plain = plain * people["spend"].to_numpy(float)
    # When purchases come within the horizon hardly depends on the draw, so discounts are kept.
    pace = np.divide(value, plain, out=np.ones_like(value), where=plain > 0)
    means, futures = np.zeros((2, len(drawn), len(taken)))
    for at, (buying, spending) in enumerate(drawn):
        money = 1.0 if spending is None else spending.expect(some)
        means[at] = buying.expect(some, plan.weeks) * money * pace
        futures[at] = simulate_worth(some, buying, spending, plan, rng)
    return means, futures


def simulate_worth(
    summary: pd.DataFrame | Seen,
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
    seen = summary if isinstance(summary, Seen) else see(summary)
    worth = np.zeros(len(seen.x))
    buys = np.flatnonzero(rng.random(len(worth)) < buying.alive(seen))
    x = seen.x[buys]
    rate = rng.gamma(buying.r + x) / (buying.alpha + seen.age[buys])
    leaves = np.clip(rng.beta(buying.a, buying.b + x), TINY, 1)
    would = rng.poisson(rate * plan.weeks).astype(np.float64)
    bought: Floats = np.minimum(would, rng.geometric(leaves))
    counts = bought * _pace(bought, would, plan)
    if spending is None:
        worth[buys] = counts
        return worth
    shape: Floats = spending.p * seen.known[buys] + spending.q
    thrift = rng.gamma(shape) / (spending.v + seen.spent[buys])
    money = rng.gamma(spending.p * bought) / np.maximum(thrift, TINY)
    worth[buys] = np.divide(money * counts, bought, out=np.zeros_like(money), where=bought > 0)
    return worth


def _pace(bought: Floats, would: Floats, plan: Plan) -> Floats:
    """Say what a unit of money counts for on average over the time in which a customer bought.

    Purchases lie evenly over the horizon or, of those who leave, over the first part of it.
    """
    edges = np.linspace(0.0, 1.0, len(plan.counts) + 1)
    counted = np.append(0.0, np.cumsum(plan.counts)) / len(plan.counts)
    until = np.where(bought < would, (bought + 1) / (would + 1), 1.0)
    pace: Floats = np.interp(until, edges, counted) / until
    return pace
