"""What a good outcome is worth in money: declared by the client, or seen in the log.

Nothing is invented: where no source holds money there is no worth, and the reason is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from journeylib.histories import MONTHS

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.landmarks import Landmarked
    from journeylib.log import Floats, Integers

FEWEST_SEEN = 30


@dataclass(frozen=True, slots=True)
class Terms:
    """How the client counts money.

    Attributes:
        value_per_customer: Money that a customer with the good outcome brings, or ``"auto"``.
        margin: Share of revenue that counts; not taken off a declared value.
        discount: Discount of future money, a year.
        horizon_months: Months ahead that count; the log shows twelve at the most.
        currency: Unit of the money, or empty.
    """

    value_per_customer: float | str = "auto"
    margin: float = 1.0
    discount: float = 0.1
    horizon_months: int = 12
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Worth:
    """What the good outcome brings more than the bad one, and how it is drawn again.

    Attributes:
        value: Money for each customer; missing where it cannot be told.
        sums: One row per customer, by number: money and months watched, each for those with the
            good and the bad outcome, by month; empty where the value is declared.
        factors: What money of each month counts: margin and discount.
        source: How it was found, in words.
        reason: Why there is none, or empty.
    """

    value: float
    sums: Floats
    factors: Floats
    source: str
    reason: str = ""

    def again(self, weights: Floats) -> Floats:
        """Give the worth once for each row of customers' weights."""
        if not len(self.sums):
            return np.full(len(weights), self.value)
        return _difference(weights @ self.sums, self.factors)


def value_outcome(landmarked: Landmarked, phase: str, terms: Terms) -> Worth:
    """Find what the good outcome is worth to the client.

    Args:
        landmarked: From ``landmarks.follow_exposures``.
        phase: ``before`` or ``after`` a purchase.
        terms: How the client counts money.

    Returns:
        The declared value; else the money that came from customers with the good outcome, less that
        of those without, month by month after the landmark, each month from those watched that
        long. Months that fewer than thirty of either were watched for count nothing.
    """
    none = np.zeros((0, 4 * MONTHS))
    if not isinstance(terms.value_per_customer, str):
        value = float(terms.value_per_customer)
        return Worth(value, none, np.zeros(MONTHS), "value per customer of the client file")
    rows = landmarked.rows
    if "spent_0" not in rows:
        return Worth(np.nan, none, np.zeros(MONTHS), "", "no source holds money.")
    own = rows[(rows["phase"] == (phase == "after")) & (rows["group"] == 0)]
    own = own.sort_values("place", kind="stable").drop_duplicates(["customer", "episode"])
    sums = _sums(own, int(rows["owner"].max()) + 1)
    watched = sums.sum(axis=0)
    good, bad = watched[2 * MONTHS : 3 * MONTHS], watched[3 * MONTHS :]
    month = np.arange(MONTHS)
    counted = (good >= FEWEST_SEEN) & (bad >= FEWEST_SEEN) & (month < terms.horizon_months)
    factors = counted * terms.margin * (1 + terms.discount) ** (-(month + 0.5) / 12)
    value = float(_difference(watched[None], factors)[0])
    return _told(Worth(value, sums, factors, ""), int(counted.sum()), terms)


def _told(worth: Worth, months: int, terms: Terms) -> Worth:
    money = worth.sums[:, : 2 * MONTHS]
    if not np.abs(money).sum():
        return Worth(np.nan, worth.sums[:0], worth.factors, "", "no source holds money.")
    if not months or worth.value <= 0:
        reason = "the log does not show that customers with the good outcome bring more money."
        return Worth(np.nan, worth.sums[:0], worth.factors, "", reason)
    source = (
        f"margin of customers with the good outcome less that of the others over {months} months, "
        f"of {terms.horizon_months} asked for, from the log"
    )
    return Worth(worth.value, worth.sums, worth.factors, source)


def _sums(rows: pd.DataFrame, size: int) -> Floats:
    """Add up money and months watched by customer, outcome and month."""
    spent = rows[[f"spent_{month}" for month in range(MONTHS)]].to_numpy(dtype=float)
    good = rows["outcome"].to_numpy(dtype=float)[:, None]
    seen, money = ~np.isnan(spent), np.nan_to_num(spent)
    laid = np.concatenate(
        [money * good, money * (1 - good), seen * good, seen * (1 - good)], axis=1
    )
    return _by_owner(rows["owner"].to_numpy(), laid, size)


def _by_owner(owner: Integers, laid: Floats, size: int) -> Floats:
    sums = np.zeros((size, laid.shape[1]))
    np.add.at(sums, owner, laid)
    return sums


def _difference(sums: Floats, factors: Floats) -> Floats:
    """Turn rows of sums into what the good outcome brings more."""
    parts = np.split(sums, 4, axis=1)
    means = [
        np.divide(money, seen, out=np.zeros_like(money), where=seen > 0)
        for money, seen in ((parts[0], parts[2]), (parts[1], parts[3]))
    ]
    worth: Floats = (means[0] - means[1]) @ factors
    return worth
