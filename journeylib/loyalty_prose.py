"""What customers are worth and how far the forecast held, in computed sentences.

Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.arrivals import EVERYONE, PERSONA
from journeylib.exhibits import Sentence
from journeylib.glossary import NO_RENEWALS
from journeylib.labels import (
    clean_label,
    count_text,
    estimate_text,
    interval_text,
    is_missing,
    share_text,
    value_text,
)

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.clv import ClvTerms

UNKNOWN = "**What customers will be worth cannot be told**: {}"


def worth_sentence(
    metrics: pd.DataFrame, totals: pd.DataFrame, *, terms: ClvTerms, reason: str = ""
) -> Sentence:
    """Say what a customer is worth on average, all together, and in which persona most and least.

    Args:
        metrics: The result table ``metrics`` with ``by``.
        totals: What all customers are worth together, from ``valuing.value_customers``.
        terms: On what terms worth is counted.
        reason: Why there is no forecast.
    """
    rows = metrics[metrics["metric"] == "clv"].dropna(subset=["value"]) if len(metrics) else metrics
    whole = rows[rows["segment"] == EVERYONE] if len(rows) else rows
    if whole.empty:
        return Sentence(UNKNOWN.format(_plain(reason or "no source holds what they paid")))
    first = whole.iloc[0].to_dict()
    if totals.empty:
        return Sentence(f"{_brought(first, terms)} {UNKNOWN.format(_plain(reason))}".strip())
    text = (
        f"**In the next {_months(terms)} a customer is worth {_told(first)} on average** "
        f"({count_text(first['n'])} customers), counted as {_terms(terms)}."
    )
    return Sentence(" ".join(filter(None, [text, _together(totals), _personas(rows)])))


def _plain(reason: str) -> str:
    return reason[:1].lower() + reason[1:]


def _brought(row: dict[Any, Any], terms: ClvTerms) -> str:
    return (
        f"**A customer brought {_told(row)} in the {_months(terms)} from the first purchase** "
        f"({count_text(row['n'])} customers who were followed so long, money not discounted)."
    )


def _months(terms: ClvTerms) -> str:
    return f"{terms.horizon_months} months" if terms.horizon_months > 1 else "month"


def _terms(terms: ClvTerms) -> str:
    share = "revenue" if terms.margin == 1 else f"margin, {share_text(terms.margin)} of revenue"
    if not terms.discount:
        return share
    return f"{share}; money a year from now counts {share_text(terms.discount)} less"


def _told(row: Any) -> str:
    return estimate_text(row["value"], row["low"], row["high"], str(row["unit"]))


def _together(totals: pd.DataFrame) -> str:
    whole = totals[totals["segment"] == EVERYONE].dropna(subset=["value"])
    if whole.empty:
        return ""
    row = whole.iloc[0]
    unit = str(row["unit"])
    ends = interval_text(_rounded(row["low"]), _rounded(row["high"]), unit)
    return f"All together they are worth {value_text(_rounded(row['value']), unit)} ({ends})."


def _rounded(amount: float) -> float:
    """Keep three digits of a sum: the interval is wider than the rest."""
    return float(f"{float(amount):.3g}")


def _personas(rows: pd.DataFrame) -> str:
    own = rows[rows["by"] == PERSONA].sort_values("value", kind="stable")
    if len(own) < 2:
        return ""
    last, top = own.iloc[0], own.iloc[-1]
    apart = bool(top["low"] > last["high"])
    sure = "" if apart else " The two intervals overlap, so the order may be chance."
    return (
        f"The persona worth most is {clean_label(top['segment'])}, {_told(top)} a customer; the "
        f"one worth least is {clean_label(last['segment'])}, {_told(last)}.{sure}"
    )


def holdout_sentence(held: pd.DataFrame, reason: str = "") -> Sentence:
    """Say how the forecast did on the time that was held out, and how the plain rule did.

    Args:
        held: From ``holdouts.backtest_purchases`` or ``holdouts.backtest_renewals``.
        reason: Why there is no test.
    """
    if held.empty:
        why = _plain(reason or "nothing was forecast")
        return Sentence(f"**The forecast could not be tested on the past**: {why}")
    return _held_months(held) if "period" in held else _held_purchases(held)


def _held_purchases(held: pd.DataFrame) -> Sentence:
    row = held[held["group"] == EVERYONE].iloc[0]
    value, came, naive = (float(row[name]) for name in ("value", "observed", "plain_rule"))
    verdict = "the forecast held" if bool(row["covered"]) else "the forecast did not hold"
    text = (
        f"**Tested on the past, {verdict}**: {value:.2f} purchases a customer were forecast "
        f"({row['low']:.2f} to {row['high']:.2f}) and {came:.2f} came{_off(value, came)}. The "
        f"plain rule that everybody goes on as before would have said {naive:.2f}."
    )
    better = float(row["error"]) < float(row["plain_error"])
    winner = "the model" if better else "the plain rule"
    text += (
        f" Customer by customer, {winner} is nearer to what came: it misses by "
        f"{min(row['error'], row['plain_error']):.2f} purchases, the other by "
        f"{max(row['error'], row['plain_error']):.2f}."
    )
    if not bool(row["covered"]):
        way = "likely too high" if value > came else "likely too low"
        text += (
            f" So the worth of customers is {way}; its interval reaches as far as that error would "
            "take it."
        )
    return Sentence(text)


def _off(value: float, came: float) -> str:
    if not came or is_missing(came) or abs(value / came - 1) < 0.01:
        return ""
    side = "too many" if value > came else "too few"
    return f", {share_text(abs(value / came - 1))} {side}"


def _held_months(held: pd.DataFrame) -> Sentence:
    later = held[held["held"].astype(bool)]
    row = later.iloc[-1]
    inside = bool(row["low"] <= row["observed"] <= row["high"])
    verdict = "the projection held" if inside else "the projection did not hold"
    way = "high" if row["value"] > row["observed"] else "low"
    then = "" if inside else f" So what it says of the months ahead is likely too {way}."
    nearer = abs(row["value"] - row["observed"]) <= abs(row["plain_rule"] - row["observed"])
    winner = "The model came nearer than" if nearer else "It was beaten by"
    return Sentence(
        f"**Tested on the past, {verdict}**: from the first {int(later['period'].min()) - 1} "
        f"months alone, {share_text(row['value'])} "
        f"({interval_text(row['low'], row['high'], 'share')}) were expected to be there after "
        f"{int(row['period'])}, and {share_text(row['observed'])} were. {winner} the plain rule of "
        f"the same chance to leave in every month, which says {share_text(row['plain_rule'])}."
        f"{then}"
    )


def renewals_sentence(renewals: pd.DataFrame) -> Sentence:
    """Say how many new customers with a contract are expected to stay.

    Args:
        renewals: From ``valuing.value_customers``.
    """
    if renewals.empty:
        return Sentence(NO_RENEWALS)
    row = renewals.iloc[-1]
    seen = renewals[~renewals["projected"].astype(bool)]["period"].max()
    return Sentence(
        f"**Of the customers who join, {share_text(row['value'])} "
        f"({interval_text(row['low'], row['high'], 'share')}) are expected to be there after "
        f"{int(row['period'])} months.** The data shows {int(seen)} months; what lies beyond is a "
        "projection that takes later customers to be like earlier ones."
    )
