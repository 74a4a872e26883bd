"""What customers with a contract will pay: the months they stay, by a model of renewals, and money.

Only customers who are still there have a worth. Not for customers without a contract, of whom
nobody knows whether they left (`clv`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import betaln

from journeylib.futures import (
    AGAIN,
    ONCE,
    TOTAL_COLUMNS,
    gather_crowd,
    lay_out_worth,
    sample_crowd,
    sum_segments,
)
from journeylib.renewals import NAMES

if TYPE_CHECKING:
    from journeylib.clv import ClvTerms
    from journeylib.log import Floats
    from journeylib.renewals import Renewing

DRAWS = 400
MONEY = "each customer's own money a month, as paid so far"


def value_contracts(
    staying: pd.DataFrame,
    fit: Renewing,
    *,
    terms: ClvTerms,
    groups: pd.DataFrame | None = None,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Estimate what customers with a contract will pay within the horizon: discounted margin.

    Args:
        staying: Customers who are still there: ``customer``, ``months`` (time as a customer) and
            ``paid`` (money a month).
        fit: From ``renewals.fit_renewals``, by the month.
        terms: Horizon, discount, margin and currency.
        groups: Columns ``customer`` and ``segment``; those absent count in ``all`` alone.
        seed: Seed of the draws.
        confidence: Coverage of the intervals, which hold the doubt about the model's parameters and
            the chance in who stays.

    Returns:
        ``clv`` (mean per customer) and ``clv_total`` by segment: ``metric, segment, model_low,
        model_high, value, low, high, n, unit, source``.

    References:
        Fader and Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science
        29:85-93: who has stayed long is likelier to stay.
    """
    if staying.empty:
        return pd.DataFrame(columns=TOTAL_COLUMNS)
    rng = np.random.default_rng(seed)
    counts = terms.plan().counts
    shapes = np.array([fit.alpha, fit.beta, fit.power])
    known, place = np.unique(np.floor(staying["months"].to_numpy(float)), return_inverse=True)
    paid = staying["paid"].fillna(0.0).to_numpy(float)
    value = (_stays(shapes, known, len(counts)) @ counts)[place] * paid
    summary = staying[["customer"]].assign(frequency=1)
    crowd = gather_crowd(summary, summary.assign(value=value), groups)
    taken, inside = sample_crowd(crowd, rng)
    money, at = paid[taken], place[taken]
    counted = np.append(0.0, np.cumsum(counts))
    drawn = fit.draw(DRAWS, rng)
    means, futures = np.zeros((2, DRAWS, len(taken)))
    for row, values in enumerate(drawn):
        stays = _stays(values, known, len(counts))
        means[row] = (stays @ counts)[at] * money
        luck = rng.random(len(taken))
        futures[row] = counted[(stays[at] > luck[:, None]).sum(axis=1)] * money
    totals = sum_segments(crowd, (taken, inside), (means, futures), confidence=confidence)
    totals = totals[~totals["segment"].isin([ONCE, AGAIN])]
    return lay_out_worth(totals, unit=terms.currency, source=f"{NAMES[fit.model]}; {MONEY}")


def _stays(shapes: Floats, months: Floats, horizon: int) -> Floats:
    """Give the chance to be there after so many more months, of customers there for so long."""
    alpha, beta, power = shapes
    ahead = np.arange(1.0, horizon + 1)
    with np.errstate(all="ignore"):
        now = betaln(alpha, beta + months**power)[:, None]
        then = betaln(alpha, beta + (months[:, None] + ahead) ** power)
        stays: Floats = np.clip(np.nan_to_num(np.exp(then - now)), 0.0, 1.0)
    return stays
