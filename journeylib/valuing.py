"""What notebook 02 asks about the worth of customers in one line, from the client's workspace.

Customers with a contract are told by renewals, those without by purchases, never both. Not for the
models themselves; see `clv`, `renewals`, `subscriptions`, `holdouts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.arrivals import (
    EVERYONE,
    GROUP_COLUMNS,
    JOINED,
    PERSONA,
    describe_arrivals,
    group_arrivals,
    reach_back,
)
from journeylib.buying import gather_orders, summarise_purchases
from journeylib.clv import ClvTerms, average_cohorts, estimate_clv
from journeylib.estimates import Refusal
from journeylib.holdouts import backtest_purchases, backtest_renewals
from journeylib.journeys import describe_customers
from journeylib.log import DAY
from journeylib.loyalty import measure_cohorts, measure_stage_scores, measure_stayers
from journeylib.renewals import count_renewals, fit_renewals, project_renewals
from journeylib.subscriptions import value_contracts
from journeylib.tables import complete_result
from journeylib.tenure import DAYS_IN_MONTH, measure_tenure

if TYPE_CHECKING:
    from journeylib.clv import Forecast
    from journeylib.renewals import Renewing
    from journeylib.workspace import Workspace

ORDERS, CONTRACT, NOTHING = "orders", "contract", ""
LONGEST, AHEAD = 60, 12
SHORTEST_AGAIN, MONTH_DAYS = 30, 30
SHARE_HELD = 3
NO_MONEY = Refusal(
    "No source holds orders or invoices.", "a source of `orders` with what customers paid."
)
NO_MARGIN = Refusal("The margin is 0, so nothing counts.", "`outcome: margin` above 0.")
NO_TIMES = Refusal(
    "It is not known when customers with a contract came and left.",
    "`tenure` and `churned`, or `signup` and `churned_at`, in a source of `customers`.",
)
NO_RULE = Refusal("Nobody's purchases are known.", "a source of `orders`.")


@dataclass(frozen=True, slots=True)
class Valued:
    """What customers are worth, and how far that may be trusted.

    Attributes:
        kind: ``orders`` (no contract: purchases are forecast), ``contract`` (renewals are) or empty.
        metrics: Rows of the result table ``metrics``: ``clv`` of all and by segment, scores by
            stage, and by month who came back or stayed; ``by`` says what a segment is.
        groups: Columns ``customer, segment, by``: persona, channel and month of every customer.
        totals: All that customers together are worth: columns of ``metrics`` with ``model_low`` and
            ``model_high`` (doubt about the model alone).
        people: One row per customer: ``customer, frequency, alive`` (chance to still buy),
            ``purchases`` and ``value`` expected; empty for contracts.
        held: From ``holdouts.backtest_purchases`` or ``holdouts.backtest_renewals``; may be empty.
        renewals: From ``renewals.project_renewals``, by the month; empty without contracts.
        cohorts: From ``clv.average_cohorts``; empty for contracts.
        caveats: What a reader must know, whole sentences.
        reason: Why there is no forecast, and what would give one; or empty.
        held_reason: Why there is no hold-out test, or empty.
        terms: On what terms worth is counted.
    """

    kind: str
    metrics: pd.DataFrame
    groups: pd.DataFrame
    totals: pd.DataFrame = field(default_factory=pd.DataFrame)
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    held: pd.DataFrame = field(default_factory=pd.DataFrame)
    renewals: pd.DataFrame = field(default_factory=pd.DataFrame)
    cohorts: pd.DataFrame = field(default_factory=pd.DataFrame)
    caveats: tuple[str, ...] = ()
    reason: str = ""
    held_reason: str = ""
    terms: ClvTerms = field(default_factory=ClvTerms)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the models say of one client."""

    totals: pd.DataFrame | Refusal
    held: pd.DataFrame | Refusal
    people: pd.DataFrame
    renewals: pd.DataFrame
    caveats: tuple[str, ...]


def value_customers(work: Workspace, assignments: pd.DataFrame) -> Valued:
    """Forecast what customers will be worth, test the forecast, and tell it by segment.

    Args:
        work: The workspace, after notebook 01.
        assignments: Columns ``customer`` and ``persona``; may be empty.

    Returns:
        Worth where the data carries it, else why not; small groups are withheld.
    """
    groups = gather_groups(work, assignments)
    kind = tell_kind(work)
    orders = gather_orders(reach_back(work.log), zone=work.params.timezone)
    end = _last_day(orders)
    terms, wrong = _terms(work)
    cohorts = pd.DataFrame()
    if kind == CONTRACT:
        found = _by_contract(work, groups, terms)
        again = _stayers(work, groups)
    else:
        found = _by_orders(work, orders, end, groups, terms)
        again = _returners(work, orders, end, groups)
        cohorts = average_cohorts(orders, end=end, terms=terms) if len(orders) else cohorts
    totals = wrong or found.totals
    rows = _clv_rows(work, totals, cohorts, groups)
    parts = [part for part in (rows, again, _by_stage(work)) if len(part)]
    metrics = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["by"])
    metrics = complete_result("metrics", metrics)
    held = found.held
    return Valued(
        kind,
        metrics,
        groups,
        totals=_all_together(work, totals, groups),
        people=found.people,
        held=held if isinstance(held, pd.DataFrame) else pd.DataFrame(),
        renewals=found.renewals,
        cohorts=work.protect("worths", cohorts),
        caveats=found.caveats if isinstance(totals, pd.DataFrame) else (),
        reason=_say(totals),
        held_reason=_say(held),
        terms=terms,
    )


def _say(found: pd.DataFrame | Refusal) -> str:
    return f"{found.reason} It takes {found.needed}" if isinstance(found, Refusal) else ""


def tell_kind(work: Workspace) -> str:
    """Say whether customers have a contract, so that their leaving is seen, or place orders.

    Args:
        work: The workspace.

    Returns:
        ``contract``, ``orders`` or empty.
    """
    attributes = work.recall("attributes")
    known = [name for name in ("churned", "churned_at") if name in attributes]
    if any(attributes[name].notna().any() for name in known):
        return CONTRACT
    if work.log.codes.outcome == "retention":
        return CONTRACT
    return ORDERS if work.settings["has_orders"] else NOTHING


def gather_groups(work: Workspace, assignments: pd.DataFrame) -> pd.DataFrame:
    """Name the persona, the channel and the month of every customer.

    Args:
        work: The workspace.
        assignments: Columns ``customer`` and ``persona``; may be empty.

    Returns:
        Columns ``customer, segment, by``.
    """
    parts = []
    if len(assignments):
        own = assignments[["customer", "persona"]].rename(columns={"persona": "segment"})
        parts.append(own.assign(by=PERSONA))
    taken = set(work.log.codes.stages)
    taken |= set(parts[0]["segment"].astype("str")) if parts else set()
    came = group_arrivals(describe_arrivals(work.log), zone=work.params.timezone, taken=taken)
    parts += [came] if len(came) else []
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=GROUP_COLUMNS)


def _terms(work: Workspace) -> tuple[ClvTerms, Refusal | None]:
    outcome, currency = work.params.outcome, work.params.currency or ""
    months = min(outcome.horizon_months, LONGEST)
    if not outcome.margin:
        return ClvTerms(months, outcome.discount, 1.0, currency), NO_MARGIN
    return ClvTerms(months, outcome.discount, outcome.margin, currency), None


def _last_day(orders: pd.DataFrame) -> int:
    """Let the orders say where the data ends: an export may have been made before the period did."""
    return int(orders["day"].max()) if len(orders) else 0


# ---------------------------------------------------------------- without a contract


def _by_orders(
    work: Workspace, orders: pd.DataFrame, end: int, groups: pd.DataFrame, terms: ClvTerms
) -> _Found:
    nothing = pd.DataFrame()
    if orders.empty:
        return _Found(NO_MONEY, NO_MONEY, nothing, nothing, ())
    options = {"seed": work.params.seed, "confidence": work.params.confidence}
    summary = summarise_purchases(orders, end=end)
    worth: Forecast | Refusal = estimate_clv(summary, terms=terms, groups=groups, **options)
    span = end - int(orders["day"].min())
    cut = end - min(round(terms.horizon_months * DAYS_IN_MONTH), span // SHARE_HELD)
    held = backtest_purchases(orders, cut=cut, end=end, **options)
    if isinstance(held, pd.DataFrame):
        held = work.protect("held", held)
    if isinstance(worth, Refusal):
        return _Found(worth, held, nothing, nothing, ())
    return _Found(worth.totals, held, worth.people, nothing, worth.caveats)


def _returners(
    work: Workspace, orders: pd.DataFrame, end: int, groups: pd.DataFrame
) -> pd.DataFrame:
    """Tell by month who bought again within so many days, of those who were followed so long."""
    if orders.empty:
        return pd.DataFrame()
    days = _days_again(work, end - int(orders["day"].min()))
    return measure_cohorts(orders, groups[groups["by"] == JOINED], days=days, end=end,
                           targets={}, confidence=work.params.confidence)  # fmt: skip


def _days_again(work: Workspace, span: int) -> int:
    """Take the outcome's days or, where the data is short, whole months of a third of it."""
    third = span // SHARE_HELD // MONTH_DAYS * MONTH_DAYS
    return max(SHORTEST_AGAIN, min(work.params.outcome.within_days, third))


# ---------------------------------------------------------------- with a contract


def _by_contract(work: Workspace, groups: pd.DataFrame, terms: ClvTerms) -> _Found:
    nothing = pd.DataFrame()
    tenures = measure_tenure(work.recall("attributes"), end=work.log.codes.end)
    if tenures.empty:
        return _Found(NO_TIMES, NO_TIMES, nothing, nothing, ())
    options = {"seed": work.params.seed, "confidence": work.params.confidence}
    fit = fit_renewals(count_renewals(tenures, months=1))
    held = backtest_renewals(tenures, **options)
    if isinstance(fit, Refusal):
        return _Found(fit, held, nothing, nothing, ())
    reach = min(fit.seen, int(tenures["months"].quantile(0.99))) + AHEAD
    ahead = project_renewals(fit, periods=reach, **options)
    staying = _staying(work, tenures)
    paid = work.settings["has_orders"] and (staying["paid"] > 0).any()
    totals = value_contracts(staying, fit, terms=terms, groups=groups, **options) if paid else NO_MONEY
    return _Found(totals, held, nothing, ahead, _contract_caveats(fit, terms))


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
        "likelier to stay, times what they paid a month so far. Up- and downgrades are not foreseen."
    ]
    if fit.peak.at_edge:
        found.append("A parameter ran to its edge: customers hardly differ in how soon they leave.")
    if terms.margin == 1:
        found.append("Worth is revenue, not margin, as no margin is declared.")
    return tuple(found)


def _stayers(work: Workspace, groups: pd.DataFrame) -> pd.DataFrame:
    """Tell by month who was still a customer so many days after coming."""
    tenures = measure_tenure(work.recall("attributes"), end=work.log.codes.end)
    if tenures.empty:
        return pd.DataFrame()
    days = _days_again(work, round(float(tenures["months"].max()) * DAYS_IN_MONTH))
    return measure_stayers(tenures, groups[groups["by"] == JOINED], days=days, targets={},
                           confidence=work.params.confidence)  # fmt: skip


# ---------------------------------------------------------------- rows of metrics


def _by_stage(work: Workspace) -> pd.DataFrame:
    placed = work.recall("placed")
    if placed.empty:
        return pd.DataFrame()
    stages = set(work.log.codes.stages)
    known = placed[placed["stage"].isin(stages)]
    return measure_stage_scores(
        work.recall("answers"),
        dict(zip(known["touchpoint"].astype("str"), known["stage"].astype("str"), strict=True)),
        targets={},
        confidence=work.params.confidence,
    )


def _clv_rows(
    work: Workspace, totals: pd.DataFrame | Refusal, cohorts: pd.DataFrame, groups: pd.DataFrame
) -> pd.DataFrame:
    """Give the rows of ``clv``: the forecast or, where there is none, what cohorts brought so far."""
    if isinstance(totals, pd.DataFrame):
        rows = totals[totals["metric"] == "clv"].drop(columns=["model_low", "model_high"])
        rows = rows.assign(by=_by_of(rows, groups))
        rows = rows[rows["by"] != ""]
    elif len(cohorts) and work.params.outcome.margin:
        rows = _pooled(cohorts)
    else:
        return pd.DataFrame()
    goal = work.params.targets.get("clv", np.nan)
    return complete_result("metrics", rows.assign(target=goal))


def _all_together(
    work: Workspace, totals: pd.DataFrame | Refusal, groups: pd.DataFrame
) -> pd.DataFrame:
    """Give what all customers of a segment are worth together, small segments withheld."""
    if isinstance(totals, Refusal):
        return pd.DataFrame()
    rows = totals[totals["metric"] == "clv_total"]
    return work.protect("metrics", rows.assign(by=_by_of(rows, groups)))


def _by_of(rows: pd.DataFrame, groups: pd.DataFrame) -> pd.Series:
    """Say what each segment is; parts that are no segment of customers have none."""
    kinds = groups.drop_duplicates("segment").set_index("segment")["by"] if len(groups) else {}
    return rows["segment"].map({**dict(kinds), EVERYONE: EVERYONE}).fillna("").astype("str")


def _pooled(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Average the cohorts, each by its customers; they are independent of one another."""
    weight = cohorts["n"] / cohorts["n"].sum()
    value = float((weight * cohorts["value"]).sum())
    half = float(np.sqrt((weight**2 * ((cohorts["high"] - cohorts["low"]) / 2) ** 2).sum()))
    row = {"metric": "clv", "segment": EVERYONE, "by": EVERYONE, "value": value,
           "low": value - half, "high": value + half, "n": int(cohorts["n"].sum()),
           "unit": cohorts["unit"].iloc[0],
           "source": f"since the first purchase, no forecast; {cohorts['source'].iloc[0]}"}  # fmt: skip
    return pd.DataFrame([row])
