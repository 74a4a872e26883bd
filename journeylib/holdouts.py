"""Whether a forecast would have held: fitted to the past, held against what came.

The models of purchases and of renewals have to beat the plain rule that everything goes on at the
rate so far. Not for the forecasts themselves; see `clv` and `renewals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.arrivals import EVERYONE
from journeylib.buying import WEEK_DAYS, fit_buying, merge_days, summarise_purchases
from journeylib.clv import INTERVAL, MODEL, check_purchases
from journeylib.durations import trace_survival
from journeylib.estimates import ESTIMATE_COLUMNS, Refusal
from journeylib.futures import AGAIN, ONCE, Plan, gather_crowd, simulate_totals
from journeylib.renewals import count_renewals, fit_renewals, project_renewals

if TYPE_CHECKING:
    from journeylib.log import Floats

MOST_BOUGHT = 7
SHORTEST_DAYS = 28
FEWEST_MONTH, FEWEST_HELD, SHARE_SEEN = 30, 3, 2 / 3
HELD_COLUMNS = ["period", "held", "observed", "plain_rule"]
TEST_COLUMNS = ["group", "observed", "plain_rule", "error", "plain_error", "covered"]


def backtest_purchases(
    orders: pd.DataFrame,
    *,
    cut: int,
    end: int,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame | Refusal:
    """Fit purchases up to a day, forecast those after it and hold the forecast against them.

    Args:
        orders: Columns ``customer, day, value``, as for ``buying.summarise_purchases``.
        cut: Last day that the model may see.
        end: Last day that the data covers.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        One row for ``all`` and one per number of purchases after the first that was seen (``0`` to
        ``6``, ``7+``), per customer in the time held out: ``observed``; ``plain_rule`` (same
        rate as before); ``error`` and ``plain_error`` (mean absolute, over customers); ``covered``
        (whether the interval holds what was observed); ``value, low, high, n, unit, source`` of the
        model. Or a refusal: of ``clv.check_purchases`` before the cut, or where less than 28 days
        are held out.
    """
    if end - cut < SHORTEST_DAYS:
        return Refusal(f"{end - cut} days come after the cut.", f"{SHORTEST_DAYS} days or more.")
    summary = summarise_purchases(orders, end=cut)
    refused = check_purchases(summary)
    if refused is not None:
        return refused
    weeks = (end - cut) / WEEK_DAYS
    buying = fit_buying(summary)
    people = summary[["customer", "frequency"]].copy()
    people["purchases"] = people["value"] = buying.expect(summary, weeks)
    people["observed"] = _came(orders, summary, cut, end)
    people["plain_rule"] = _same_rate(summary, weeks)
    people["group"] = _labels(summary)
    crowd = gather_crowd(summary, people, people.rename(columns={"group": "segment"}))
    totals = simulate_totals(crowd, (buying, None), Plan(weeks, np.ones(1)), seed=seed,
                             confidence=confidence)  # fmt: skip
    return _hold(totals, people, f"{MODEL}; {INTERVAL}")


def _came(orders: pd.DataFrame, summary: pd.DataFrame, cut: int, end: int) -> Floats:
    later = merge_days(orders[(orders["day"] > cut) & (orders["day"] <= end)])
    counts = later.groupby("customer").size()
    return np.asarray(summary["customer"].map(counts).fillna(0), dtype=np.float64)


def _same_rate(summary: pd.DataFrame, weeks: float) -> Floats:
    x, age = summary["frequency"].to_numpy(float), summary["age"].to_numpy(float)
    rate: Floats = np.divide(x, age, out=np.zeros_like(x), where=age > 0)
    return weeks * rate


def _labels(summary: pd.DataFrame) -> pd.Series:
    seen = summary["frequency"].clip(upper=MOST_BOUGHT).astype("int64").astype("str")
    return seen.where(summary["frequency"] < MOST_BOUGHT, f"{MOST_BOUGHT}+")


def _hold(totals: pd.DataFrame, people: pd.DataFrame, source: str) -> pd.DataFrame:
    """Lay the forecast beside what came, per customer."""
    people = people.assign(
        error=(people["value"] - people["observed"]).abs(),
        plain_error=(people["plain_rule"] - people["observed"]).abs(),
    )
    columns = ["observed", "plain_rule", "error", "plain_error"]
    means = pd.concat([people.assign(group=EVERYONE), people]).groupby("group")[columns].mean()
    table = totals[~totals["segment"].isin([ONCE, AGAIN])].rename(columns={"segment": "group"})
    for name in ("value", "low", "high"):
        table[name] = table[name] / table["n"]
    table = table.merge(means.reset_index(), on="group", validate="1:1")
    table["covered"] = table["observed"].between(table["low"], table["high"])
    table = table.assign(unit="purchases", source=source)
    return table[[*TEST_COLUMNS, *ESTIMATE_COLUMNS]]


def backtest_renewals(
    tenures: pd.DataFrame, *, seed: int = 7, confidence: float = 0.95
) -> pd.DataFrame | Refusal:
    """Fit renewals to the first two thirds of the months and hold the projection against the rest.

    Args:
        tenures: From ``tenure.measure_tenure``.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        One row per month that 30 customers reached: ``period``, ``held`` (whether beyond what the
        model saw), ``observed`` (Kaplan-Meier), ``plain_rule`` (the same chance to leave each
        month), and of the model ``value, low, high, n, unit, source``. Or a refusal: of
        ``renewals.fit_renewals``, or where fewer than 3 months are held out.
    """
    reached = np.sort(tenures["months"].to_numpy(float))
    months = int(reached[-FEWEST_MONTH]) if len(reached) >= FEWEST_MONTH else 0
    cut = int(np.ceil(months * SHARE_SEEN))
    if months - cut < FEWEST_HELD:
        return Refusal(
            f"{months} months were reached by {FEWEST_MONTH} customers.",
            f"{FEWEST_HELD} months to hold out, beside two thirds to learn from.",
        )
    early = tenures.assign(
        months=tenures["months"].clip(upper=cut),
        ended=tenures["ended"].astype(bool) & (tenures["months"] <= cut),
    )
    fit = fit_renewals(count_renewals(early, months=1))
    if isinstance(fit, Refusal):
        return fit
    table = project_renewals(fit, periods=months, seed=seed, confidence=confidence)
    gone = trace_survival(tenures["months"], tenures["ended"]).at(table["period"])
    rate = float(early["ended"].sum() / early["months"].sum())
    table["observed"] = 1 - gone["value"].to_numpy()
    table["plain_rule"] = np.exp(-rate * table["period"].to_numpy(float))
    return table.assign(held=table["period"] > cut)[[*HELD_COLUMNS, *ESTIMATE_COLUMNS]]
