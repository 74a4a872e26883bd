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
    PERSONA,
    describe_arrivals,
    group_arrivals,
    reach_back,
)
from journeylib.buying import gather_orders
from journeylib.clv import ClvTerms, average_cohorts
from journeylib.estimates import Refusal
from journeylib.foresight import (
    find_returners,
    find_stayers,
    foresee_contracts,
    foresee_orders,
    take_off,
    tell_kept,
    widen,
)
from journeylib.labels import interval_text, share_text
from journeylib.loyalty import measure_stage_scores
from journeylib.tables import complete_result
from journeylib.windows import CONTRACT, ORDERS

if TYPE_CHECKING:
    from journeylib.workspace import Workspace

NOTHING = ""
LONGEST = 60
MONEY = ("value", "low", "high")
SO_FAR = "since the first purchase, no forecast"
NO_MARGIN = Refusal("The margin is 0, so nothing counts.", "`outcome: margin` above 0.")


@dataclass(frozen=True, slots=True)
class Valued:
    """What customers are worth, and how far that may be trusted.

    Attributes:
        kind: ``orders`` (purchases are forecast), ``contract`` (renewals are) or empty.
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
    terms, wrong = _terms(work)
    cohorts = pd.DataFrame()
    if kind == CONTRACT:
        found = foresee_contracts(work, groups, terms)
        again = find_stayers(work, groups)
    else:
        orders = gather_orders(reach_back(work.log), zone=work.params.timezone)
        end = _last_day(orders)
        found = foresee_orders(work, orders, end, groups, terms)
        again = find_returners(work, orders, end, groups)
        cohorts = _brought(work, orders, end, terms)
    kept = tell_kept(work)
    found = widen(take_off(found, kept))
    cohorts = cohorts.assign(**{name: cohorts[name] * kept for name in MONEY if name in cohorts})
    totals = wrong or found.totals
    rows = _clv_rows(work, totals, cohorts, groups, _tested(found.held))
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
        cohorts=cohorts,
        caveats=found.caveats if isinstance(totals, pd.DataFrame) else (),
        reason=_say(totals),
        held_reason=_say(held),
        terms=terms,
    )


def _brought(work: Workspace, orders: pd.DataFrame, end: int, terms: ClvTerms) -> pd.DataFrame:
    """Average what cohorts brought so far, where money is known and no cohort is too small."""
    if orders.empty or orders["value"].isna().all():
        return pd.DataFrame()
    table = average_cohorts(orders, end=end, terms=terms, confidence=work.params.confidence)
    return table[table["n"] >= work.params.report.min_cell]


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
    """Let the orders say where the data ends: an export may be older than the period's end."""
    return int(orders["day"].max()) if len(orders) else 0


# ---------------------------------------------------------------- what was taken for granted


def assume_worth(valued: Valued) -> list[tuple[str, str, str, str]]:
    """Say what the worth of customers takes for granted, as rows for ``steps.assume``.

    Args:
        valued: From `value_customers`.

    Returns:
        ``assumption, statement, status, consequence`` each; none where nothing is forecast.
    """
    rows = [("worth", text, "pass", "") for text in valued.caveats]
    if valued.kind == ORDERS and rows:
        rows[0] = (*rows[0][:2], "warn", "Worth of customers who bought once is a guess.")
    if valued.reason and valued.kind:
        rows.append(("worth", f"No forecast of worth: {valued.reason}", "warn", ""))
    if valued.held_reason and not valued.reason:
        text = f"The forecast could not be tested on the past: {valued.held_reason}"
        rows.append(("worth_tested", text, "warn", "Nothing says how far it can be trusted."))
    if len(valued.held):
        rows.append(_held_row(valued.held))
    return rows


def _held_row(held: pd.DataFrame) -> tuple[str, str, str, str]:
    if "group" in held:
        row = held[held["group"] == EVERYONE].iloc[0]
        text = (
            f"Tested on the past: {row['value']:.2f} purchases a customer forecast "
            f"({row['low']:.2f} to {row['high']:.2f}), {row['observed']:.2f} came."
        )
        held_true = bool(row["covered"])
    else:
        row = held.iloc[-1]
        held_true = bool(row["low"] <= row["observed"] <= row["high"])
        text = (
            f"Tested on the past: {share_text(row['value'])} "
            f"({interval_text(row['low'], row['high'], 'share')}) expected to stay for "
            f"{int(row['period'])} months, {share_text(row['observed'])} did."
        )
    wider = "Intervals of worth reach as far as that error; " if "group" in held else ""
    then = "" if held_true else f"{wider}take it as a rough size, not as a promise."
    return "worth_tested", text, "pass" if held_true else "warn", then


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
        targets={str(name): goal for name, goal in work.params.targets.items()},
        confidence=work.params.confidence,
    )


def _clv_rows(
    work: Workspace,
    totals: pd.DataFrame | Refusal,
    cohorts: pd.DataFrame,
    groups: pd.DataFrame,
    tested: str,
) -> pd.DataFrame:
    """Give the rows of ``clv``: the forecast or, without one, what cohorts brought so far."""
    if isinstance(totals, pd.DataFrame):
        rows = totals[totals["metric"] == "clv"].drop(columns=["model_low", "model_high"])
        rows = rows.assign(by=_by_of(rows, groups))
        rows = rows[rows["by"] != ""]
        rows = rows.assign(source=[f"{text}{tested}" for text in rows["source"]])
    elif len(cohorts) and work.params.outcome.margin:
        rows = _pooled(cohorts)
    else:
        return pd.DataFrame()
    goal = work.params.targets.get("clv", np.nan)
    return complete_result("metrics", rows.assign(target=goal))


def _tested(held: pd.DataFrame | Refusal) -> str:
    """Say beside each figure how the forecast did on the time that was held out."""
    if isinstance(held, Refusal) or "group" not in held:
        return ""
    row = held[held["group"] == EVERYONE].iloc[0]
    return (
        f"; tested on the past: {row['value']:.2f} purchases a customer forecast, "
        f"{row['observed']:.2f} came"
    )


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
    known = groups.drop_duplicates("segment")
    kinds = dict(zip(known["segment"].astype("str"), known["by"].astype("str"), strict=True))
    return rows["segment"].map({**kinds, EVERYONE: EVERYONE}).fillna("").astype("str")


def _pooled(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Average the cohorts, each by its customers; they are independent of one another."""
    weight = cohorts["n"] / cohorts["n"].sum()
    value = float((weight * cohorts["value"]).sum())
    half = float(np.sqrt((weight**2 * ((cohorts["high"] - cohorts["low"]) / 2) ** 2).sum()))
    row = {"metric": "clv", "segment": EVERYONE, "by": EVERYONE, "value": value,
           "low": value - half, "high": value + half, "n": int(cohorts["n"].sum()),
           "unit": cohorts["unit"].iloc[0],
           "source": f"{SO_FAR}; {cohorts['source'].iloc[0]}"}  # fmt: skip
    return pd.DataFrame([row])
