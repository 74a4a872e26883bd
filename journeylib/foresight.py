"""What purchases or contracts foretell about a client's customers, from the workspace.

Customers with a contract are told by renewals, those without by purchases, never both. Not for the
models themselves; see `clv`, `renewals`, `subscriptions`, `holdouts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.arrivals import EVERYONE, JOINED, reach_back
from journeylib.buying import summarise_purchases
from journeylib.clv import estimate_clv
from journeylib.durations import blur_shares, trace_survival
from journeylib.estimates import Refusal
from journeylib.futures import NUMBERS
from journeylib.holdouts import backtest_purchases, backtest_renewals
from journeylib.journeys import describe_customers
from journeylib.log import DAY
from journeylib.loyalty import FEWEST_STAYS, measure_cohorts, measure_stayers
from journeylib.renewals import count_renewals, fit_renewals, project_renewals
from journeylib.subscriptions import value_contracts
from journeylib.tenure import DAYS_IN_MONTH, measure_tenure

if TYPE_CHECKING:
    from journeylib.clv import ClvTerms
    from journeylib.renewals import Renewing
    from journeylib.workspace import Workspace

AHEAD, SHARE_HELD, NEARLY_ALL = 12, 3, 0.99
SHORTEST_AGAIN, MONTH_DAYS = 30, 30
NO_MONEY = Refusal(
    "No source holds orders or invoices.", "a source of `orders` with what customers paid."
)
NO_TIMES = Refusal(
    "It is not known when customers with a contract came and left.",
    "`tenure` and `churned`, or `signup` and `churned_at`, in a source of `customers`.",
)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the models say of one client.

    Attributes:
        totals: From ``clv.estimate_clv`` or ``subscriptions.value_contracts``, or why not.
        held: From ``holdouts``, or why there is no test.
        people: What is expected of each customer; empty for contracts.
        renewals: From ``renewals.project_renewals``, with what was ``observed``; may be empty.
        caveats: What a reader must know, whole sentences.
    """

    totals: pd.DataFrame | Refusal
    held: pd.DataFrame | Refusal
    people: pd.DataFrame
    renewals: pd.DataFrame
    caveats: tuple[str, ...] = ()


# ---------------------------------------------------------------- without a contract


def foresee_orders(
    work: Workspace, orders: pd.DataFrame, end: int, groups: pd.DataFrame, terms: ClvTerms
) -> Prospect:
    """Forecast purchases and worth, and test the forecast on the last third of the time.

    Args:
        work: The workspace.
        orders: From ``buying.gather_orders``, of the whole log.
        end: Last day that the orders cover.
        groups: Columns ``customer, segment, by``.
        terms: On what terms worth is counted.
    """
    nothing = pd.DataFrame()
    if orders.empty:
        return Prospect(NO_MONEY, NO_MONEY, nothing, nothing)
    options = _options(work)
    summary = summarise_purchases(orders, end=end)
    worth = estimate_clv(summary, terms=terms, groups=groups, **options)
    span = end - int(orders["day"].min())
    cut = end - min(round(terms.horizon_months * DAYS_IN_MONTH), span // SHARE_HELD)
    held = backtest_purchases(orders, cut=cut, end=end, **options)
    if isinstance(held, pd.DataFrame):
        held = work.protect("held", held)
    if isinstance(worth, Refusal):
        return Prospect(worth, held, nothing, nothing)
    return Prospect(worth.totals, held, worth.people, nothing, worth.caveats)


def find_returners(
    work: Workspace, orders: pd.DataFrame, end: int, groups: pd.DataFrame
) -> pd.DataFrame:
    """Tell by month who bought again within so many days, of those who were followed so long.

    Args:
        work: The workspace.
        orders: From ``buying.gather_orders``, of the whole log.
        end: Last day that the orders cover.
        groups: Columns ``customer, segment, by``.
    """
    if orders.empty:
        return pd.DataFrame()
    days = _days_again(work, end - int(orders["day"].min()))
    return measure_cohorts(orders, groups[groups["by"] == JOINED], days=days, end=end,
                           targets={}, confidence=work.params.confidence)  # fmt: skip


def tell_kept(work: Workspace) -> float:
    """Tell the share of what customers paid that did not go back to them, above 0 and at most 1.

    Args:
        work: The workspace.
    """
    customers = describe_customers(reach_back(work.log))
    if customers.empty:
        return 1.0
    paid, left = float(customers["spent"].sum()), float(customers["value"].sum())
    return left / paid if 0 < left < paid else 1.0


def take_off(prospect: Prospect, kept: float) -> Prospect:
    """Take refunds off what customers are worth, the same share for everybody.

    Args:
        prospect: What the models say of money paid.
        kept: From `tell_kept`.
    """
    if kept == 1.0 or isinstance(prospect.totals, Refusal):
        return prospect
    totals, people = prospect.totals.copy(), prospect.people.copy()
    totals[NUMBERS] *= kept
    if "value" in people:
        people["value"] *= kept
    back = f"{100 * (1 - kept):.1f} %"
    text = f"Of what customers paid, {back} went back to them, which is taken off."
    return replace(prospect, totals=totals, people=people, caveats=(*prospect.caveats, text))


def widen(prospect: Prospect) -> Prospect:
    """Let intervals of worth reach as far as the error of a forecast that did not hold.

    The models' intervals take the models for true; where the test on the past says otherwise, the
    same error has to lie inside.

    Args:
        prospect: What purchases foretell.
    """
    held, totals = prospect.held, prospect.totals
    if isinstance(held, Refusal) or isinstance(totals, Refusal) or "group" not in held:
        return prospect
    row = held[held["group"] == EVERYONE].iloc[0]
    if bool(row["covered"]) or not row["value"] > 0:
        return prospect
    reached = totals["value"] * float(row["observed"] / row["value"])
    ends = {"low": np.minimum(totals["low"], reached), "high": np.maximum(totals["high"], reached)}
    sources = [f"{text}; reaches as far as the error of the test" for text in totals["source"]]
    return replace(prospect, totals=totals.assign(**ends, source=sources))


def _options(work: Workspace) -> dict[str, Any]:
    return {"seed": work.params.seed, "confidence": work.params.confidence}


def _days_again(work: Workspace, span: int) -> int:
    """Take the outcome's days or, where the data is short, whole months of a third of it."""
    third = span // SHARE_HELD // MONTH_DAYS * MONTH_DAYS
    return max(SHORTEST_AGAIN, min(work.params.outcome.within_days, third))


# ---------------------------------------------------------------- with a contract


def foresee_contracts(work: Workspace, groups: pd.DataFrame, terms: ClvTerms) -> Prospect:
    """Project renewals and worth of customers with a contract, and test the projection.

    Args:
        work: The workspace.
        groups: Columns ``customer, segment, by``.
        terms: On what terms worth is counted.
    """
    nothing = pd.DataFrame()
    tenures = measure_tenure(work.recall("attributes"), end=work.log.codes.end)
    if tenures.empty:
        return Prospect(NO_TIMES, NO_TIMES, nothing, nothing)
    options = _options(work)
    fit = fit_renewals(count_renewals(tenures, months=1))
    held = backtest_renewals(tenures, **options)
    held = held if isinstance(held, Refusal) else _blurred(work, held, len(tenures))
    if isinstance(fit, Refusal):
        return Prospect(fit, held, nothing, nothing)
    reach = min(fit.seen, int(tenures["months"].quantile(NEARLY_ALL))) + AHEAD
    ahead = _beside_seen(project_renewals(fit, periods=reach, **options), tenures)
    ahead = _blurred(work, ahead, len(tenures))
    staying = _staying(work, tenures)
    if not work.settings["has_orders"] or not (staying["paid"] > 0).any():
        return Prospect(NO_MONEY, held, nothing, ahead)
    totals = value_contracts(staying, fit, terms=terms, groups=groups, **options)
    return Prospect(totals, held, nothing, ahead, _contract_caveats(fit, terms))


def _beside_seen(ahead: pd.DataFrame, tenures: pd.DataFrame) -> pd.DataFrame:
    """Put the share that was seen beside the projection, as far as 30 customers reached."""
    gone = trace_survival(tenures["months"], tenures["ended"]).at(ahead["period"])
    lasted = np.sort(tenures["months"].to_numpy(float))
    watched = len(lasted) - np.searchsorted(lasted, ahead["period"].to_numpy(float) - 1e-9)
    seen = (1 - gone["value"]).where(watched >= FEWEST_STAYS)
    return ahead.assign(observed=seen.to_numpy())


def _blurred(work: Workspace, table: pd.DataFrame, customers: int) -> pd.DataFrame:
    """Let no point of what was seen tell of fewer customers than may be shown."""
    seen = table["observed"].to_numpy(float)
    curve = pd.DataFrame({"value": seen, "low": seen, "high": seen, "customers": customers})
    told = blur_shares(curve, work.params.report.min_cell)["value"]
    return table.assign(observed=told.to_numpy())


def _staying(work: Workspace, tenures: pd.DataFrame) -> pd.DataFrame:
    """Give the customers who are still there, with what they paid a month in the period."""
    codes = work.log.codes
    own = tenures[~tenures["ended"].astype(bool)][["customer", "months"]]
    spent = describe_customers(work.log)
    paid = spent.set_index("customer")["spent"] if "spent" in spent else pd.Series(dtype=float)
    watched = (codes.end - codes.start) / DAY / DAYS_IN_MONTH
    months = own["months"].clip(lower=1.0, upper=max(watched, 1.0))
    return own.assign(paid=own["customer"].map(paid).fillna(0.0) / months)


def _contract_caveats(fit: Renewing, terms: ClvTerms) -> tuple[str, ...]:
    found = [
        "Customers are worth the months they stay, by a model in which those who stayed long are "
        "likelier to stay, times what they paid a month so far. Changes of plan are not foreseen."
    ]
    if fit.peak.at_edge:
        found.append("A parameter ran to its edge: customers hardly differ in how soon they leave.")
    if terms.margin == 1:
        found.append("Worth is revenue, not margin, as no margin is declared.")
    return tuple(found)


def find_stayers(work: Workspace, groups: pd.DataFrame) -> pd.DataFrame:
    """Tell by month who was still a customer so many days after coming.

    Args:
        work: The workspace.
        groups: Columns ``customer, segment, by``.
    """
    tenures = measure_tenure(work.recall("attributes"), end=work.log.codes.end)
    if tenures.empty:
        return pd.DataFrame()
    days = _days_again(work, round(float(tenures["months"].max()) * DAYS_IN_MONTH))
    return measure_stayers(tenures, groups[groups["by"] == JOINED], days=days, targets={},
                           confidence=work.params.confidence)  # fmt: skip
