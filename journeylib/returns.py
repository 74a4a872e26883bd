"""What notebook 05 adds to a verdict: the bar, how many more would tell, and money a year.

Nothing is measured here; `impact` and `payback` do that. This gathers what they need from a client.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from journeylib.estimates import Estimate, Refusal
from journeylib.labels import metric_name
from journeylib.log import DAY
from journeylib.pastresults import read_past
from journeylib.payback import YEAR, Stakes, count_met, price_effect
from journeylib.realised import score_forecasts
from journeylib.verdicts import CANNOT_TELL, NOT_INTERPRETABLE, about_n_more

if TYPE_CHECKING:
    from journeylib.interventions import Intervention
    from journeylib.workspace import Workspace

FEWEST_DAYS = 7  # below a week no year can be told from what came
ORDERED = ("conver", "order", "purchas", "book", "bought")
ADDED = [
    "worthwhile", "n_more", "reach", "worth", "money_value", "money_low", "money_high", "cost",
    "payback", "payback_low", "payback_high", "paid_in_a_year", "money_unit", "money_source",
    "money_reason",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """A number and where it comes from, or why it is missing."""

    value: Estimate | None
    told: str


def value_interventions(work: Workspace, impacts: pd.DataFrame) -> pd.DataFrame:
    """Put the bar, the units still needed, and money a year beside each first result.

    Args:
        work: The workspace, after notebook 02.
        impacts: The result table ``impacts``, primary rows first for each intervention.

    Returns:
        The table with the further columns `ADDED`, filled in the first row of an intervention only.
        ``money_reason`` says why there is no money, and what would give it.
    """
    if impacts.empty:
        return impacts
    firsts = impacts.drop_duplicates("intervention").index
    declared = {one.name: one for one in work.params.interventions}
    names = impacts["intervention"][firsts]
    rows = [_add(work, declared[str(name)], impacts) for name in names]
    added = pd.DataFrame(rows, index=firsts).reindex(columns=ADDED)
    texts = ["money_unit", "money_source", "money_reason"]
    numbers = added.drop(columns=texts).astype(float)
    return impacts.join(numbers).join(added[texts].astype("str"))


def _add(work: Workspace, one: Intervention, impacts: pd.DataFrame) -> dict[str, object]:
    own = impacts[impacts["intervention"] == one.name]
    first: Any = own.iloc[0].to_dict()
    added: dict[str, object] = {
        "worthwhile": math.nan if one.worthwhile is None else one.worthwhile,
        "n_more": _more(work, first, one),
        "cost": math.nan if one.cost is None else one.cost,
        "money_unit": work.params.currency or "",
        "money_source": "", "money_reason": "",
    }  # fmt: skip
    if first["verdict"] == NOT_INTERPRETABLE or first["evidence"] == "D":
        why = "the design cannot tell what the change did"
        return {**added, "money_reason": f"No money is stated: {why}."}
    effect, worth = _worth(work, one, own)
    reach, seen = _reach(work, one)
    if worth.value is None or effect is None or not math.isfinite(reach):
        missing = worth.told if worth.value is None else (
            "nothing says how many it reaches a year; write reach, or a touchpoint of the log"
        )  # fmt: skip
        return {**added, "money_reason": f"No money is stated: {missing}."}
    cost = math.nan if one.cost is None else float(one.cost)
    stakes = Stakes(reach, seen, worth.value, cost, work.params.currency or "")
    paid = price_effect(effect, stakes, direction=_direction(one, effect), seed=work.params.seed)
    if isinstance(paid, Refusal):
        return {**added, "money_reason": f"No money is stated: {paid.reason}."}
    money = paid.money
    return {
        **added, "reach": reach, "worth": worth.value.value, "money_value": money.value,
        "money_low": money.low, "money_high": money.high, "payback": paid.months,
        "payback_low": paid.months_low, "payback_high": paid.months_high,
        "paid_in_a_year": paid.chance, "money_source": worth.told,
    }  # fmt: skip


def _more(work: Workspace, first: Any, one: Intervention) -> float:
    """Units that each arm still lacks; only for a test whose data cannot tell."""
    if first["verdict"] != CANNOT_TELL or one.design != "ab_test":
        return math.nan
    arm = int(min(first["n_treated"], first["n_control"]))
    more = about_n_more(_estimate(work, first), worthwhile=one.worthwhile, n_per_arm=arm)
    return math.nan if more is None else float(more)


def _estimate(work: Workspace, row: Any) -> Estimate:
    return Estimate(
        str(row["metric"]), float(row["value"]), float(row["low"]), float(row["high"]),
        int(row["n"]), str(row["unit"] or ""), str(row["source"]), work.params.confidence,
    )  # fmt: skip


def _direction(one: Intervention, effect: Estimate) -> str:
    """Money is better when there is more of it, whatever the primary metric wants."""
    return one.direction if effect.metric == (one.metric or (one.outcomes or [""])[0]) else "up"


def _worth(work: Workspace, one: Intervention, own: pd.DataFrame) -> tuple[Estimate | None, Known]:
    """Choose the effect that money is counted by, and what one unit of it brings."""
    first: Any = own.iloc[0].to_dict()
    currency = work.params.currency or ""
    if one.value is not None:
        return _estimate(work, first), Known(_fixed(float(one.value), currency), "value declared")
    # Money of a series or a panel is that of a unit and a period, of which nobody knows how many.
    same = (own["segment"] == "all") & (own["arm"] == first["arm"]) & (one.design == "ab_test")
    money = own[same & (own["unit"] == currency)] if currency else own[:0]
    if len(money):
        effect = _estimate(work, money.iloc[0].to_dict())
        margin = _fixed(work.params.outcome.margin, "share")
        return effect, Known(margin, f"{effect.metric} measured in the test, times the margin")
    if first["unit"] == "share" and any(word in str(first["metric"]).lower() for word in ORDERED):
        return _estimate(work, first), _order_value(work)
    name = metric_name(first["metric"])
    return None, Known(None, f"nothing says what more of “{name}” is worth; write value")


def _fixed(value: float, unit: str) -> Estimate:
    return Estimate("worth", value, value, value, 1, unit, "declared")


def _order_value(work: Workspace) -> Known:
    metrics = work.read("metrics")
    rows = metrics[(metrics["metric"] == "average_order_value") & (metrics["segment"] == "all")]
    if rows.empty:
        return Known(None, "no source holds the value of an order; write value")
    found = _estimate(work, rows.iloc[0].to_dict())
    margin = work.params.outcome.margin
    kept = replace(
        found, value=margin * found.value, low=margin * found.low, high=margin * found.high
    )
    return Known(kept, "value of an order, times the margin")


def _reach(work: Workspace, one: Intervention) -> tuple[float, float]:
    """Units a year that the change reaches, and how many were counted to know it.

    What came to the test in its weeks is carried on to a year; else those a series measured in its
    last year; else the customers of the log who met the touchpoint.
    """
    if one.reach is not None:
        return float(one.reach), math.nan
    measured = work.recall(f"trial_{one.source}") if one.source else pd.DataFrame()
    if "assigned_at" in measured and "unit_id" in measured:
        times = measured["assigned_at"].dropna()
        days = (times.max() - times.min()).days + 1 if len(times) else 0
        counted = float(measured["unit_id"].nunique())
        return (counted * YEAR / days, counted) if days >= FEWEST_DAYS else (math.nan, math.nan)
    if "population" in measured and "time" in measured and len(measured):
        recent = measured["time"] > measured["time"].max() - pd.Timedelta(days=YEAR)
        counted = float(measured.loc[recent, "population"].sum())
        return counted, counted
    return _visitors(work, one.touchpoint)


def _visitors(work: Workspace, touchpoint: str | None) -> tuple[float, float]:
    codes = work.log.codes
    days = (codes.end - codes.start) / DAY
    counted = float(count_met(work.log, touchpoint)) if touchpoint and days >= FEWEST_DAYS else 0.0
    return (counted * YEAR / days, counted) if counted else (math.nan, math.nan)


def score_past(work: Workspace, impacts: pd.DataFrame) -> pd.DataFrame:
    """Hold the money of measured changes against what an earlier run said was at stake.

    Args:
        work: The workspace.
        impacts: From `value_interventions`.

    Returns:
        Rows of ``realised.score_forecasts``; empty where the client file names no
        ``earlier_results`` or nothing that was forecast has been measured.
    """
    if work.params.earlier_results is None or impacts.empty:
        return score_forecasts(pd.DataFrame(), pd.DataFrame())
    past = read_past(work.params.find_path(work.params.earlier_results))
    places = {one.name: one.touchpoint for one in work.params.interventions}
    firsts = impacts.drop_duplicates("intervention")
    return score_forecasts(
        past.tables.get("opportunities", pd.DataFrame()),
        firsts.assign(touchpoint=firsts["intervention"].map(places)),
        scored=past.tables.get("forecasts"),
        made=past.end[:10],
    )


def list_returns(impacts: pd.DataFrame) -> pd.DataFrame:
    """Give the changes that have money a year, one row each; empty where none has."""
    if "money_value" not in impacts:
        return impacts[:0]
    return impacts.dropna(subset=["money_value"])


def join_forecasts(imagined: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Put scenarios and scored forecasts into one result table ``forecasts``."""
    parts = [part for part in (imagined, scored) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else imagined
