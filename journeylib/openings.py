"""What buyers of one thing also buy later: openings for cross-selling and upselling.

The customer is the unit. Customers are parted by what stood in their first order of the period, and
what they bought later is followed for the same time, so nothing that came later decides who is
compared. Associations: who starts with one product may be another kind of customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from journeylib.log import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]

RATIO = "Mantel-Haenszel ratio of shares by size of the first order (Greenland & Robins 1985)"
FEWEST_CUSTOMERS, FEWEST_LATER = 30, 10
DEARER, MOSTLY = 1.1, 0.5
LONGEST_SHARE = 0.5
SIZES = (2, 4, 8)
COLUMNS = [
    "opening", "bought", "later", "customers", "share", "other_share", "reach", "p_adjusted",
    "days", "value", "low", "high", "n", "unit", "source",
]  # fmt: skip


def find_openings(
    purchases: pd.DataFrame,
    *,
    days: float = 365.0,
    end: int | None = None,
    fdr: float = 0.10,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Find what buyers of one product buy later more often than other buyers do.

    Args:
        purchases: From ``baskets.read_purchases``.
        days: Days after the first order for which later purchases count, at most half of the time
            that the purchases span.
        end: First microsecond after the period; by default the last purchase.
        fdr: False discovery rate that is accepted over all pairs tested.
        confidence: Coverage of the intervals.

    Returns:
        One row per pair, most customers gained first: ``value`` is the lift, the share who buy
        ``later`` among those whose first order held ``bought``, over that share among those whose
        first order did not, at an equal size of that order (1, 2 or 3, 4 to 7, 8 or more
        products): who buys much buys more of everything. ``customers`` had the product first,
        ``reach`` of them have not bought the other one. ``opening`` is ``upsell`` where the later
        product costs more and mostly takes the place of the first, else ``cross-sell``. Pairs with
        fewer than 30 customers on either side or 10 later purchases in either are not tested.
    """
    if purchases.empty or purchases["product"].nunique() < 2:
        return pd.DataFrame(columns=COLUMNS)
    last = int(purchases["last"].max()) + 1 if end is None else end
    start = int(purchases["first"].min())
    follow = min(days * DAY, LONGEST_SHARE * (last - start))
    first, later, names, follows = _lay_out(purchases, follow, last)
    if not len(first):
        return pd.DataFrame(columns=COLUMNS)
    table = _compare(first, later, names, confidence)
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    table["p_adjusted"] = multipletests(table["p_value"], method="fdr_bh")[1]
    table = table[(table["p_adjusted"] <= fdr) & (table["low"] > 1)]
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    gained = table["customers"] * (table["share"] - table["other_share"])
    table = table.assign(gained=gained, days=follow / DAY).sort_values(
        ["gained", "bought", "later"], ascending=[False, True, True], ignore_index=True
    )
    return table.assign(opening=_kinds(table, purchases, follows)).reindex(columns=COLUMNS)


def _lay_out(
    purchases: pd.DataFrame, follow: float, last: int
) -> tuple[Floats, Floats, list[str], Integers]:
    """Mark for each followed customer what stood in the first order and what came later."""
    opened = purchases.groupby("customer")["first"].transform("min")
    rows = purchases[opened + follow <= last].assign(opened=opened)
    names = sorted(rows["product"].unique())
    person, people = pd.factorize(rows["customer"])
    product = pd.Categorical(rows["product"], categories=names).codes
    since = (rows["first"] - rows["opened"]).to_numpy()
    first, later = np.zeros((2, len(people), len(names)), dtype=np.float32)
    at_once = since == 0
    first[person[at_once], product[at_once]] = 1
    soon = (since > 0) & (since <= follow)
    later[person[soon], product[soon]] = 1
    return first, later, names, np.asarray(people, dtype=np.int64)


def _compare(first: Floats, later: Floats, names: list[str], confidence: float) -> pd.DataFrame:
    """Compare every pair at once: sums over customers are products of the two tables."""
    layer = np.searchsorted(SIZES, first.sum(axis=1), side="right")
    counts = [_count(first[layer == one], later[layer == one]) for one in np.unique(layer)]
    a, n, b, m = np.sum(counts, axis=0)
    tested = (np.minimum(n, m) >= FEWEST_CUSTOMERS) & ~np.eye(len(names), dtype=bool)
    tested &= np.minimum(a, b) >= FEWEST_LATER
    top, bottom, spread = (np.zeros_like(a) for _ in range(3))
    for hits, cases, other_hits, other_cases in counts:
        every = np.maximum(cases + other_cases, 1)
        top += hits * other_cases / every
        bottom += other_hits * cases / every
        both = cases * other_cases * (hits + other_hits) - hits * other_hits * every
        spread += both / every**2
    one, two = np.nonzero(tested & (top > 0) & (bottom > 0))
    a, n, b, m, top, bottom, spread = (x[one, two] for x in (a, n, b, m, top, bottom, spread))
    lift, error = top / bottom, np.sqrt(spread / (top * bottom))
    wide = np.exp(stats.norm.ppf((1 + confidence) / 2) * error)
    return pd.DataFrame(
        {
            "bought": [names[place] for place in one],
            "later": [names[place] for place in two],
            "customers": n,
            "share": a / n,
            "other_share": b / m,
            "reach": n - a,
            "value": lift,
            "low": lift / wide,
            "high": lift * wide,
            "n": n + m,
            "p_value": 2 * stats.norm.sf(np.abs(np.log(lift)) / error),
            "unit": "times",
            "source": RATIO,
        }
    )


def _count(first: Floats, later: Floats) -> NDArray[np.float64]:
    """Count, for every pair, who bought the second later: with and without the first at first."""
    without = 1 - first
    # Whoever had the second at first cannot buy it later for the first time.
    pairs = (first.T @ later, first.T @ without, without.T @ later, without.T @ without)
    return np.stack([pair.astype(np.float64) for pair in pairs])


def _kinds(table: pd.DataFrame, purchases: pd.DataFrame, follows: Integers) -> list[str]:
    price = purchases.groupby("product")["value"].mean()
    own = purchases[purchases["customer"].isin(follows)].set_index("customer")
    by_product = dict(iter(own.groupby("product")))
    found = []
    for bought, later in table[["bought", "later"]].itertuples(index=False):
        pair = by_product[bought][["last"]].join(by_product[later][["first"]], how="inner")
        replaced = (pair["last"] < pair["first"]).mean() > MOSTLY if len(pair) else False
        dearer = price[later] >= DEARER * price[bought]
        found.append("upsell" if replaced and dearer else "cross-sell")
    return found
