"""What a measured change is worth a year, and when it has paid for itself.

Not for measuring the change; `impact` does that. Effect, customers reached and the worth of one
unit are all uncertain, so they are drawn together; what is not known is a reason, never a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from journeylib.engine import summarise
from journeylib.estimates import Estimate, Refusal

if TYPE_CHECKING:
    from journeylib.log import Floats, Log, Part

DRAWS = 10_000
MONTHS = 12
YEAR = 365.25
SOURCE = "effect × reached a year × worth of one, drawn together"


@dataclass(frozen=True, slots=True)
class Stakes:
    """What turns an effect into money.

    Attributes:
        reach: Customers, visitors or other units a year that the change reaches.
        seen: How many of them were counted to know it; missing where it is declared.
        worth: Money that one unit more of the metric brings: a share counts from 0 to 1.
        cost: What the change cost once, or missing.
        currency: Unit of the money, or empty.
    """

    reach: float
    seen: float
    worth: Estimate
    cost: float
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Payback:
    """What a change brings.

    Attributes:
        money: Money a year, with its interval.
        months: Months until the cost is paid back, with ``months_low`` and ``months_high``; missing
            without a cost, and infinite where it may never be.
        months_low: Lower end.
        months_high: Upper end.
        chance: Share of draws in which one year brings more than the cost; missing without one.
    """

    money: Estimate
    months: float = math.nan
    months_low: float = math.nan
    months_high: float = math.nan
    chance: float = math.nan


def price_effect(
    effect: Estimate, stakes: Stakes, *, direction: str = "up", seed: int = 7, draws: int = DRAWS
) -> Payback | Refusal:
    """Price a measured effect.

    Args:
        effect: The effect on one unit, with minus without, with its interval.
        stakes: Reach, worth and cost.
        direction: ``"up"`` when more of the metric is better, else ``"down"``.
        seed: Seed of the draws.
        draws: How often effect, reach and worth are drawn.

    Returns:
        Money a year and payback; a refusal where a number is missing. Each interval's two sides are
        drawn with their own width, so that a lopsided interval stays lopsided; the counted reach
        varies like a Poisson count.

    Example:
        >>> worth = Estimate("value", 50.0, 50.0, 50.0, 1, "EUR", "declared")
        >>> effect = Estimate("converted", 0.04, 0.02, 0.06, 8000, "share", "")
        >>> paid = price_effect(effect, Stakes(10_000, math.nan, worth, 5_000.0, "EUR"))
        >>> round(paid.money.value), round(paid.months, 1)
        (20000, 3.0)
    """
    known = (effect.value, effect.low, effect.high, stakes.reach, stakes.worth.value)
    if not all(math.isfinite(number) for number in known):
        return Refusal("the effect, its reach or its worth is not known", "all three")
    sign = -1.0 if direction == "down" else 1.0
    rng = np.random.default_rng(seed)
    reached = np.full(draws, stakes.reach)
    if math.isfinite(stakes.seen) and stakes.seen > 0:
        reached = stakes.reach * rng.poisson(stakes.seen, draws) / stakes.seen
    drawn = sign * _draw(effect, rng, draws) * reached * _draw(stakes.worth, rng, draws)
    value = sign * effect.value * stakes.reach * stakes.worth.value
    low, high = _ends(drawn, effect.confidence)
    money = Estimate(
        "money_per_year", value, min(low, value), max(high, value), effect.n, stakes.currency,
        SOURCE, effect.confidence,
    )  # fmt: skip
    if not stakes.cost > 0:
        return Payback(money)
    return _pay_back(money, drawn, stakes.cost)


def _pay_back(money: Estimate, drawn: Floats, cost: float) -> Payback:
    months = np.divide(MONTHS * cost, drawn, out=np.full(len(drawn), np.inf), where=drawn > 0)
    low, high = _ends(months, money.confidence)
    value = MONTHS * cost / money.value if money.value > 0 else math.inf
    chance = float((drawn > cost).mean())
    return Payback(money, value, min(low, value), max(high, value), chance)


def _draw(estimate: Estimate, rng: np.random.Generator, draws: int) -> Floats:
    """Draw around an estimate, each side as wide as its own half of the interval."""
    reach = float(stats.norm.ppf((1 + estimate.confidence) / 2))
    z = rng.standard_normal(draws)
    below, above = estimate.value - estimate.low, estimate.high - estimate.value
    drawn: Floats = estimate.value + z * np.where(z < 0, below, above) / reach
    return drawn


def _ends(drawn: Floats, confidence: float) -> tuple[float, float]:
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    # "lower" and "higher" do not interpolate, which infinite months could not bear.
    return (
        float(np.quantile(drawn, low, method="lower")),
        float(np.quantile(drawn, high, method="higher")),
    )


def count_met(log: Log, touchpoint: str) -> int:
    """Count the customers who met a touchpoint, in whatever channel.

    Args:
        log: The event log.
        touchpoint: Its name; case does not matter.

    Returns:
        Customers; 0 where the log has no such touchpoint.
    """
    names = [name.casefold() for name in log.codes.touchpoints]
    if touchpoint.casefold() not in names:
        return 0
    code = names.index(touchpoint.casefold())
    return summarise(partial(_met, code=code), log.readable) or 0


def _met(part: Part, *, code: int) -> int:
    rows = part.load()
    return len(np.unique(rows.customer[rows.touchpoint == code]))
