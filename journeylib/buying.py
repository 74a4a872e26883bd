"""How often customers without a contract buy, whether they still do, and what they spend.

BG/NBD (purchases until a customer silently leaves) and Gamma-Gamma (money per purchase). Times are
weeks. Not for deciding whether the data can carry them, nor for worth in money; see `clv`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial import chebyshev
from scipy.special import betaincinv, betaln, gammaln, hyp2f1

from journeylib.engine import summarise
from journeylib.likelihoods import Peak, climb
from journeylib.log import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeylib.log import Floats, Log, Part

WEEK_DAYS = 7.0
ORDER_COLUMNS = ["customer", "day", "value"]
# The closed form divides by a - 1; so near to 1 that its neighbours are taken for it.
NEAR_ONE = 1e-5
LEAST_C, LEAST_CHANCE, NODES = 0.05, 1e-100, 64
# Beyond these the series of the hypergeometric function grows long; integration stays quick.
SMALLEST, LARGEST = 1e-3, 50.0
AGES = 20


class Seen(NamedTuple):
    """What was seen of customers, as arrays: one number each.

    Attributes:
        x: Purchases after the first.
        last: Weeks from the first to the last.
        age: Weeks from the first to the end of the data.
        known: Purchases after the first whose money is known.
        spent: That money.
    """

    x: Floats
    last: Floats
    age: Floats
    known: Floats
    spent: Floats


def see(summary: pd.DataFrame) -> Seen:
    """Lay a summary of `summarise_purchases` out as arrays."""
    x, last, age = (summary[name].to_numpy(float) for name in ("frequency", "recency", "age"))
    mean = summary["spend"].to_numpy(float) if "spend" in summary else np.full(len(x), np.nan)
    known = np.where(np.isnan(mean), 0.0, x)
    return Seen(x, last, age, known, known * np.nan_to_num(mean))


@dataclass(frozen=True, slots=True)
class Buying:
    """A fitted BG/NBD: rates of purchase vary as Gamma(r, alpha), chances of leaving as Beta(a, b).

    Attributes:
        r: Shape of the rates.
        alpha: Their scale, in weeks.
        a: First shape of the chance to leave after a purchase.
        b: Second shape.
        peak: The fit; None for parameters that were given or drawn.
        customers: Customers it was fitted to.
    """

    r: float
    alpha: float
    a: float
    b: float
    peak: Peak | None = None
    customers: int = 0

    def alive(self, summary: pd.DataFrame | Seen) -> Floats:
        """Chance that each customer still buys, 0 to 1; always 1 for those who bought once.

        Args:
            summary: From `summarise_purchases`.
        """
        seen = summary if isinstance(summary, Seen) else see(summary)
        x = seen.x
        gone = np.log(self.a) - np.log(np.where(x > 0, self.b + x - 1, 1.0))
        gone += (self.r + x) * np.log((self.alpha + seen.age) / (self.alpha + seen.last))
        chance: Floats = np.where(x > 0, np.exp(-np.logaddexp(0.0, gone)), 1.0)
        return chance

    def expect(self, summary: pd.DataFrame | Seen, weeks: float) -> Floats:
        """Purchases to be expected of each customer in the next weeks.

        Args:
            summary: From `summarise_purchases`.
            weeks: Weeks from the end of the data.

        References:
            Fader, Hardie and Lee (2005), Marketing Science 24:275-284, eq. 10, with the
            hypergeometric function after Euler's transformation, which holds for many purchases.
            Between ages it is interpolated (logarithm by Chebyshev polynomials, error below 1e-6).
        """
        seen = summary if isinstance(summary, Seen) else see(summary)
        if not len(seen.x):
            return np.zeros(0)
        kinds, place = np.unique(seen.x, return_inverse=True)
        at = np.log(self.alpha + seen.age)
        middle, half = (at.max() + at.min()) / 2, max((at.max() - at.min()) / 2, 1e-9)
        ages = np.exp(middle + half * chebyshev.chebpts1(AGES)) - self.alpha
        grid = self._expect_alive(np.repeat(kinds, AGES), np.tile(ages, len(kinds)), weeks)
        told = np.log(np.maximum(grid, LEAST_CHANCE)).reshape(len(kinds), AGES)
        waves: Floats = _turn() @ told.T
        found = np.exp(chebyshev.chebval((at - middle) / half, waves[:, place], tensor=False))
        expected: Floats = found * self.alive(seen)
        return expected

    def _expect_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        """Give the purchases of customers who are known still to buy."""
        shapes = (self.r, self.a, self.b)
        if min(shapes) < SMALLEST or max(shapes) > LARGEST:
            return self._integrate(x, age, weeks)
        a = 1 + NEAR_ONE if abs(self.a - 1) < NEAR_ONE else self.a
        z = weeks / (self.alpha + age + weeks)
        c = a + self.b + x - 1
        with np.errstate(all="ignore"):
            left = (1 - z) ** (a - 1) * hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
            found: Floats = c / (a - 1) * (1 - left)
        most = weeks * (self.r + x) / (self.alpha + age)
        bad = ~((found >= 0) & (found <= most)) | (c < LEAST_C)
        if bad.any():
            found[bad] = self._integrate(x[bad], age[bad], weeks)
        return found

    def _integrate(self, x: Floats, age: Floats, weeks: float) -> Floats:
        """Average over the chance to leave, where the hypergeometric function overflows."""
        node, weight = _nodes()
        kinds, place = np.unique(x, return_inverse=True)
        leaves = betaincinv(self.a, (self.b + kinds)[:, None], (node + 1) / 2)
        leaves = np.maximum(leaves, LEAST_CHANCE)[place]
        drop = -(self.r + x)[:, None] * np.log1p(leaves * weeks / (self.alpha + age)[:, None])
        found: Floats = (-np.expm1(drop) / leaves) @ weight / 2
        return found


@functools.cache
def _turn() -> Floats:
    """Give the matrix that turns values at Chebyshev's points into coefficients."""
    turn: Floats = chebyshev.chebvander(chebyshev.chebpts1(AGES), AGES - 1).T * 2 / AGES
    turn[0] /= 2
    return turn


@functools.cache
def _nodes() -> tuple[Floats, Floats]:
    node, weight = np.polynomial.legendre.leggauss(NODES)
    return node, weight


@dataclass(frozen=True, slots=True)
class Spending:
    """A fitted Gamma-Gamma: money per purchase is Gamma(p, nu), and nu varies as Gamma(q, v).

    Attributes:
        p: Shape of one customer's purchases.
        q: Shape of the differences between customers; there is no mean where it is 1 or less.
        v: Their scale, in money.
        peak: The fit; None for parameters that were given or drawn.
        customers: Repeat buyers it was fitted to.
    """

    p: float
    q: float
    v: float
    peak: Peak | None = None
    customers: int = 0

    @property
    def mean(self) -> float:
        """Money per purchase of a customer of whom nothing is known."""
        return self.p * self.v / (self.q - 1)

    def expect(self, summary: pd.DataFrame | Seen) -> Floats:
        """Money per purchase to be expected of each customer.

        Args:
            summary: From `summarise_purchases`; who has no repeat purchase gets the mean.
        """
        seen = summary if isinstance(summary, Seen) else see(summary)
        expected: Floats = self.p * (self.v + seen.spent) / (self.p * seen.known + self.q - 1)
        return expected


def gather_orders(log: Log, *, zone: str) -> pd.DataFrame:
    """Take the days with orders of each customer from the log.

    Args:
        log: The event log; orders are events of the outcome that are no returns.
        zone: Time zone of the client, in which days begin.

    Returns:
        Columns ``customer``, ``day`` (days since 1970) and ``value`` (money of that day, missing
        where it is unknown).
    """
    found = summarise(lambda part: Orders((_orders(part, zone),)), log.readable)
    empty = pd.DataFrame(columns=ORDER_COLUMNS)
    return empty if found is None else pd.concat(found.parts, ignore_index=True)


@dataclass(frozen=True, slots=True)
class Orders:
    """Days with orders of each partition."""

    parts: tuple[pd.DataFrame, ...]

    def __add__(self, other: Orders) -> Orders:
        return Orders(self.parts + other.parts)


def _orders(part: Part, zone: str) -> pd.DataFrame:
    log = part.load()
    kept = log.is_good & ~(log.value < 0)
    local = pd.to_datetime(log.time[kept], unit="us", utc=True).tz_convert(zone).tz_localize(None)
    days = local.as_unit("us").asi8 // DAY
    orders = pd.DataFrame({"customer": log.customer[kept], "day": days, "value": log.value[kept]})
    return merge_days(orders)


def merge_days(orders: pd.DataFrame) -> pd.DataFrame:
    """Make one purchase of all orders of a customer on one day, leaving returns out.

    Args:
        orders: Columns ``customer, day, value``.
    """
    kept = orders[~(orders["value"] < 0)]
    merged = kept.groupby(["customer", "day"], sort=True)["value"].sum(min_count=1)
    return merged.reset_index()[ORDER_COLUMNS]


def summarise_purchases(orders: pd.DataFrame, *, end: int) -> pd.DataFrame:
    """Sum up each customer's purchases as the models need them.

    Args:
        orders: Columns ``customer, day`` (whole days) and ``value`` (money, may be missing);
            several orders of one day are one purchase, orders of negative value are left out.
        end: Last day that the data covers; later orders are left out.

    Returns:
        One row per customer: ``customer, frequency`` (purchases after the first), ``recency``
        (weeks from the first to the last), ``age`` (weeks from the first to the end), ``spend``
        (mean money of a purchase after the first, missing where there is none).
    """
    days = merge_days(orders[orders["day"] <= end])
    first = days.groupby("customer")["day"].transform("min")
    later = days["value"].where(days["day"] > first)
    own = days.assign(later=later).groupby("customer", sort=True)
    opened, closed = own["day"].min(), own["day"].max()
    table = pd.DataFrame(
        {
            "frequency": own.size() - 1,
            "recency": (closed - opened) / WEEK_DAYS,
            "age": (end - opened) / WEEK_DAYS,
            "spend": own["later"].mean(),
        }
    )
    return table.rename_axis("customer").reset_index()


def fit_buying(summary: pd.DataFrame) -> Buying:
    """Fit the BG/NBD by maximum likelihood.

    Args:
        summary: From `summarise_purchases`, not empty.

    References:
        Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science
        24:275-284.
    """
    total = likelihood_of(summary)
    weeks = max(float(summary["age"].mean()), 1.0)
    peak = climb(total, (1.0, weeks / 4, 1.0, 2.0))
    r, alpha, a, b = peak.parameters.tolist()
    return Buying(r, alpha, a, b, peak, len(summary))


def likelihood_of(summary: pd.DataFrame) -> Callable[[Floats], float]:
    """Give the log-likelihood of r, alpha, a and b as a quick function.

    Customers alike are counted together, and gamma functions are taken once per number of
    purchases, so that it costs little however many customers there are.

    Args:
        summary: From `summarise_purchases`.
    """
    columns = ["frequency", "recency", "age"]
    cells = summary[columns].value_counts(sort=False).reset_index(name="customers")
    x, last, age, weight = (cells[name].to_numpy(float) for name in [*columns, "customers"])
    kinds, place = np.unique(x, return_inverse=True)
    counts = np.bincount(place, weights=weight)
    again = x > 0
    some = np.where(kinds > 0, kinds, 1.0)

    def total(values: Floats) -> float:
        r, alpha, a, b = values.tolist()
        known = gammaln(r + kinds) - gammaln(r) + r * np.log(alpha)
        known += betaln(a, b + kinds) - betaln(a, b)
        told = -(r + x) * np.log(alpha + age)
        gone = (np.log(a) - np.log(b + some - 1))[place[again]]
        gone -= (r + x[again]) * np.log(alpha + last[again])
        told[again] = np.logaddexp(told[again], gone)
        return float(counts @ known + weight @ told)

    return total


def fit_spending(summary: pd.DataFrame) -> Spending:
    """Fit the Gamma-Gamma by maximum likelihood to the customers who came back and paid.

    Args:
        summary: From `summarise_purchases`; at least one customer with money in ``spend``.

    References:
        Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42:415-430; Fader
        and Hardie (2013), The Gamma-Gamma model of monetary value.
    """
    paid = summary[(summary["frequency"] > 0) & (summary["spend"] > 0)]
    x, mean = paid["frequency"].to_numpy(float), paid["spend"].to_numpy(float)

    def total(values: Floats) -> float:
        p, q, v = values.tolist()
        told = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        told += (p * x - 1) * np.log(mean) + p * x * np.log(x)
        return float((told - (p * x + q) * np.log(v + x * mean)).sum())

    peak = climb(total, (2.0, 3.0, float(mean.mean())))
    p, q, v = peak.parameters.tolist()
    return Spending(p, q, v, peak, len(paid))
