"""What customers without a contract will buy and be worth, with intervals and a hold-out test.

Refuses where the purchases cannot carry the models of `buying`; averages of cohorts are there for
that. Not for customers with a contract, whose leaving is seen; see `renewals`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.buying import (
    WEEK_DAYS,
    Buying,
    Spending,
    fit_buying,
    fit_spending,
    merge_days,
)
from journeylib.errors import ParamsError, Problem
from journeylib.estimates import ESTIMATE_COLUMNS, Refusal
from journeylib.futures import (
    TOTAL_COLUMNS,
    Plan,
    gather_crowd,
    lay_out_worth,
    simulate_totals,
)
from journeylib.tenure import DAYS_IN_MONTH

FEWEST_REPEATERS, FEWEST_GAPS, MOST_TOGETHER = 200, 2.0, 0.3
FEWEST_COHORT = 30
MODEL = "BG/NBD (Fader, Hardie and Lee 2005)"
MONEY = "Gamma-Gamma (Fader and Hardie 2013)"
INTERVAL = "simulated customers over draws of the parameters"


@dataclass(frozen=True, slots=True)
class ClvTerms:
    """On what terms worth is counted.

    Attributes:
        horizon_months: Months ahead, 1 to 60.
        discount: Share by which money a year later counts for less, 0 or more.
        margin: Share of revenue that is margin, above 0 and at most 1.
        currency: ISO code, or empty.
    """

    horizon_months: int = 12
    discount: float = 0.1
    margin: float = 1.0
    currency: str = ""

    def plan(self) -> Plan:
        """Count money of each month by its middle."""
        month = np.arange(1, self.horizon_months + 1)
        counts = self.margin * (1 + self.discount) ** (-(month - 0.5) / 12)
        return Plan(self.horizon_months * DAYS_IN_MONTH / WEEK_DAYS, counts)

    def __post_init__(self) -> None:
        allowed = [
            ("horizon_months", 1 <= self.horizon_months <= 60, "a whole number from 1 to 60"),
            ("discount", 0 <= self.discount < np.inf, "0 or more, such as 0.1 for 10 % a year"),
            ("margin", 0 < self.margin <= 1, "above 0 and at most 1, such as 0.35 for 35 %"),
        ]
        wrong = [
            Problem("E-CLV-TERMS", f"{name} is {getattr(self, name)}; it must be {what}.",
                    column=name, fix=f"Give {name} as {what}.")
            for name, fits, what in allowed if not fits
        ]  # fmt: skip
        if wrong:
            raise ParamsError("The terms of customer lifetime value do not fit.", wrong)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What customers will buy, or be worth.

    Attributes:
        people: One row per customer: ``customer, frequency, alive`` (chance, 0 to 1), ``purchases``
            expected within the horizon and, for worth, ``spend`` (money expected per purchase) and
            ``value``. No interval: for one customer, chance is larger than what is known.
        totals: ``metric, segment, model_low, model_high, value, low, high, n, unit, source``, where
            ``low`` and ``high`` hold the chance of customers and the doubt about parameters, and
            ``model_low`` and ``model_high`` that doubt alone (too narrow to promise).
        caveats: What a reader must know, whole sentences.
        buying: The model of purchases.
        spending: The model of money; None for purchases alone.
    """

    people: pd.DataFrame
    totals: pd.DataFrame
    caveats: tuple[str, ...]
    buying: Buying
    spending: Spending | None


def check_purchases(summary: pd.DataFrame) -> Refusal | None:
    """Say why purchases cannot carry a forecast, or nothing where they can.

    Args:
        summary: From `summarise_purchases`.

    Returns:
        A refusal below 200 customers who came back, or where the data is shorter than two median
        gaps between their purchases.
    """
    again = summary[summary["frequency"] > 0]
    if len(again) < FEWEST_REPEATERS:
        return Refusal(
            f"{len(again):,} customers bought on more than one day.",
            f"{FEWEST_REPEATERS} such customers; until then, read the averages of cohorts.",
        )
    gap = float((again["recency"] / again["frequency"]).median())
    history = float(summary["age"].max())
    if history < FEWEST_GAPS * gap:
        return Refusal(
            f"The data covers {history:.0f} weeks, and customers who came back did so after "
            f"{gap:.0f} weeks (median).",
            f"{FEWEST_GAPS * gap:.0f} weeks of data; until then, read the averages of cohorts.",
        )
    return None


def check_spending(summary: pd.DataFrame) -> Refusal | None:
    """Say why money cannot be forecast apart from purchases, or nothing where it can.

    Args:
        summary: From `summarise_purchases`.

    Returns:
        A refusal where fewer than 200 customers who came back have money, or where the number of
        purchases and the money per purchase go together (correlation beyond ±0.3).
    """
    paid = summary[(summary["frequency"] > 0) & (summary["spend"] > 0)]
    if len(paid) < FEWEST_REPEATERS:
        return Refusal(
            f"Money is known of {len(paid):,} customers who came back.",
            f"{FEWEST_REPEATERS} such customers.",
        )
    x, spend = paid["frequency"].to_numpy(float), paid["spend"].to_numpy(float)
    flat = min(x.std(), spend.std()) < 1e-9 * spend.mean()
    together = 0.0 if flat else float(np.corrcoef(x, spend)[0, 1])
    if abs(together) > MOST_TOGETHER:
        return Refusal(
            f"Number of purchases and money per purchase go together (correlation {together:.2f}), "
            f"and the model takes them for independent (within ±{MOST_TOGETHER}).",
            "groups of customers within which they do not; the forecast of purchases still holds.",
        )
    return None


def forecast_purchases(
    summary: pd.DataFrame,
    *,
    weeks: float = 52.0,
    groups: pd.DataFrame | None = None,
    seed: int = 7,
    confidence: float = 0.95,
) -> Forecast | Refusal:
    """Forecast how many purchases customers will make.

    Args:
        summary: From `summarise_purchases`.
        weeks: Weeks ahead.
        groups: Columns ``customer`` and ``segment``; those absent count in ``all`` alone.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        Totals of ``future_purchases``, or the refusal of `check_purchases`.
    """
    refused = check_purchases(summary)
    if refused is not None:
        return refused
    buying = fit_buying(summary)
    expected = buying.expect(summary, weeks)
    people = summary[["customer", "frequency"]].assign(
        alive=buying.alive(summary), purchases=expected, value=expected
    )
    crowd = gather_crowd(summary, people, groups)
    plan = Plan(weeks, np.ones(1))
    rows = simulate_totals(crowd, (buying, None), plan, seed=seed, confidence=confidence)
    source = f"{MODEL}; {INTERVAL}"
    totals = rows.assign(metric="future_purchases", unit="purchases", source=source)
    caveats = _caveats(summary, buying, weeks)
    people = people.drop(columns="value")
    return Forecast(people, totals[TOTAL_COLUMNS], caveats, buying, None)


def estimate_clv(
    summary: pd.DataFrame,
    *,
    terms: ClvTerms | None = None,
    groups: pd.DataFrame | None = None,
    seed: int = 7,
    confidence: float = 0.95,
) -> Forecast | Refusal:
    """Estimate what customers will be worth within the horizon: discounted margin.

    Args:
        summary: From `summarise_purchases`.
        terms: Horizon, discount, margin and currency; None for 12 months, 10 % a year, revenue.
        groups: Columns ``customer`` and ``segment``; those absent count in ``all`` alone.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        Totals of ``clv`` (mean per customer) and ``clv_total``, or a refusal: of `check_purchases`,
        of `check_spending`, or where money per purchase has no mean.
    """
    terms = terms or ClvTerms()
    refused = check_purchases(summary) or check_spending(summary)
    if refused is not None:
        return refused
    buying, spending = fit_buying(summary), fit_spending(summary)
    plan = terms.plan()
    people = _worth(summary, buying, spending, plan)
    crowd = gather_crowd(summary, people, groups)
    rows = simulate_totals(crowd, (buying, spending), plan, seed=seed, confidence=confidence)
    if rows.empty:
        return Refusal(
            f"Money per purchase differs so widely between customers (q = {spending.q:.2f}, of "
            "which more than 1 must be sure) that it has no settled mean.",
            "more customers who came back, or orders without the few very large ones.",
        )
    source = f"{MODEL} and {MONEY}; {INTERVAL}"
    totals = lay_out_worth(rows, unit=terms.currency, source=source)
    caveats = (*_caveats(summary, buying, plan.weeks), *_money_caveats(summary, terms))
    return Forecast(people, totals, caveats, buying, spending)


def _worth(summary: pd.DataFrame, buying: Buying, spending: Spending, plan: Plan) -> pd.DataFrame:
    steps = len(plan.counts)
    until = [buying.expect(summary, plan.weeks * step / steps) for step in range(1, steps + 1)]
    bought = np.diff(np.array(until), axis=0, prepend=0.0)
    spend = spending.expect(summary)
    people = summary[["customer", "frequency"]].assign(alive=buying.alive(summary))
    return people.assign(purchases=until[-1], spend=spend, value=spend * (plan.counts @ bought))


def _caveats(summary: pd.DataFrame, buying: Buying, weeks: float) -> tuple[str, ...]:
    once, history = int((summary["frequency"] == 0).sum()), float(summary["age"].max())
    found = [
        f"{once:,} of {len(summary):,} customers ({once / len(summary):.0%}) bought once. The "
        "model lets customers leave only after a repeat purchase, so their chance to still buy "
        "is 1: read it as not known, and their worth with care.",
        "Whoever bought before the data begins counts as new at the first purchase in it.",
    ]
    if weeks > history + 1:
        found.append(
            f"The horizon of {weeks:.0f} weeks is longer than the {history:.0f} weeks of data: "
            "nothing that was seen tells whether customers behave alike for so long."
        )
    if buying.peak is not None and buying.peak.at_edge:
        found.append(
            "A parameter ran to its edge: customers hardly differ in how often they buy, or hardly "
            "any (or nearly all) leave. Totals may hold; single customers' chances are rough."
        )
    return tuple(found)


def _money_caveats(summary: pd.DataFrame, terms: ClvTerms) -> tuple[str, ...]:
    found = []
    if terms.margin == 1:
        found.append("Worth is revenue, not margin, as no margin is declared.")
    free = int((summary["spend"] <= 0).sum())
    if free:
        whose = "customer whose" if free == 1 else "customers whose"
        found.append(f"{free:,} {whose} repeat purchases cost nothing shaped no money.")
    return tuple(found)


def average_cohorts(
    orders: pd.DataFrame, *, end: int, terms: ClvTerms | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Average what customers brought within the horizon, by the month of their first purchase.

    What to read where `estimate_clv` refuses: nothing is forecast, so only cohorts that were
    followed for the whole horizon have a row. Money is not discounted.

    Args:
        orders: Columns ``customer, day, value``, as for ``buying.summarise_purchases``.
        end: Last day that the data covers.
        terms: Horizon, margin and currency.
        confidence: Coverage of the intervals.

    Returns:
        One row per cohort of 30 customers or more: ``cohort`` (YYYY-MM), ``purchases`` (mean, the
        first among them), ``value, low, high, n, unit, source``.
    """
    terms = terms or ClvTerms()
    days = merge_days(orders[orders["day"] <= end]).fillna({"value": 0.0})
    first = days.groupby("customer")["day"].transform("min")
    horizon = round(terms.horizon_months * DAYS_IN_MONTH)
    months = pd.to_datetime(first * 86_400, unit="s").dt.to_period("M")
    last = months.dt.end_time.dt.normalize().dt.as_unit("s").astype("int64") // 86_400
    seen = days[(last + horizon <= end + 1) & (days["day"] < first + horizon)]
    own = seen.assign(cohort=months.astype("str")).groupby(["cohort", "customer"])["value"]
    each = own.agg(["sum", "size"]).groupby("cohort")
    n, mean, error = each.size(), each["sum"].mean(), each["sum"].sem()
    half = error * stats.t.ppf((1 + confidence) / 2, np.maximum(n - 1, 1))
    ends = {"value": mean, "low": mean - half, "high": mean + half}
    table = pd.DataFrame(ends).mul(terms.margin).assign(n=n, purchases=each["size"].mean())
    text = f"mean per customer in {terms.horizon_months} months, t interval (Student 1908)"
    table = table[table["n"] >= FEWEST_COHORT].assign(unit=terms.currency, source=text)
    return table.reset_index()[["cohort", "purchases", *ESTIMATE_COLUMNS]]
