"""Simulations of customers' worth for `run_calibration`: is the money that came held in time?

Customers buy and silently leave by BG/NBD and spend by Gamma-Gamma, with parameters that differ
from run to run. The kit sees the first weeks and forecasts what is spent in those after them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from journeylib.buying import WEEK_DAYS, Buying, Spending
from journeylib.clv import ClvTerms, estimate_clv
from journeylib.estimates import Refusal
from journeylib.tenure import DAYS_IN_MONTH

CUSTOMERS, SEEN_WEEKS, MONTHS = 800, 52.0, 6
SPEND = Spending(6.25, 3.74, 15.44)
# Shops whose customers hardly come back, come back, and come back and mostly stay.
SHOPS = (Buying(0.6, 6.0, 0.8, 2.4), Buying(1.0, 8.0, 0.6, 3.0), Buying(1.5, 10.0, 0.4, 4.0))


class Covered(NamedTuple):
    """Shares of runs in which an interval held the money that came.

    Attributes:
        share: By the kit's interval: parameters and customers.
        rival: By the interval of the parameters alone.
        runs: Runs that gave an interval.
    """

    share: float
    rival: float
    runs: int


def draw_shop(rng, shop, *, customers=CUSTOMERS, horizon_months=MONTHS):
    """Draw what was seen of customers, and the money that they spend after it."""
    rate = rng.gamma(shop.r, 1 / shop.alpha, customers)
    leaves = rng.beta(shop.a, shop.b, customers)
    scale = 1 / rng.gamma(SPEND.q, 1 / SPEND.v, customers)
    age = rng.uniform(0.5, 1.0, customers) * SEEN_WEEKS
    end = age + horizon_months * DAYS_IN_MONTH / WEEK_DAYS
    at, last = np.zeros(customers), np.zeros(customers)
    seen, spent, later = np.zeros((3, customers))
    there = np.ones(customers, dtype=bool)
    while there.any():
        at = at + rng.exponential(1 / rate)
        there &= at <= end
        money = rng.gamma(SPEND.p, scale)
        before, after = there & (at <= age), there & (at > age)
        last = np.where(before, at, last)
        seen += before
        spent += np.where(before, money, 0.0)
        later += np.where(after, money, 0.0)
        there &= rng.random(customers) >= leaves
    mean = np.divide(spent, seen, out=np.full(customers, np.nan), where=seen > 0)
    summary = pd.DataFrame(
        {"customer": np.arange(customers), "frequency": seen.astype(int), "recency": last,
         "age": age, "spend": mean}
    )  # fmt: skip
    return summary, float(later.sum())


def clv_coverage(draws=1000, seed=7):
    """Say how often the money that came lies in the interval of all customers' worth.

    Args:
        draws: Shops to simulate, in turn of the three kinds.
        seed: Seed of the first.

    Returns:
        The shares covered; a shop in which too few came back gives no interval and is not counted.
    """
    held = []
    terms = ClvTerms(horizon_months=MONTHS, discount=0.0)
    with threadpool_limits(1):
        for number in range(draws):
            rng = np.random.default_rng([seed, number])
            summary, came = draw_shop(rng, SHOPS[number % len(SHOPS)])
            found = estimate_clv(summary, terms=terms, seed=number)
            if isinstance(found, Refusal):
                continue
            totals = found.totals.set_index(["metric", "segment"])
            row = totals.loc[("clv_total", "all")]
            held.append(
                (row["low"] <= came <= row["high"], row["model_low"] <= came <= row["model_high"])
            )
    share, rival = np.mean(held, axis=0).tolist() if held else (np.nan, np.nan)
    return Covered(share, rival, len(held))
