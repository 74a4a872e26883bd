"""Verdicts on changes, in sentences that a shop manager and a statistician can both sign.

Every word follows from a row of the result table ``impacts``. *Effect* is said of designs that can
carry it only; the others have a *change*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from journeylib.estimates import Refusal
from journeylib.exhibits import Sentence
from journeylib.labels import (
    clean_label,
    count_text,
    estimate_text,
    is_missing,
    metric_name,
    share_text,
    value_text,
)

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.estimates import Estimate

Row = Any  # a row of a result table, as a mapping or a Series
COUNTED = {
    "difference_in_differences": " units", "interrupted_time_series": " points in time",
    "before_after": " points in time",
}  # fmt: skip
VERDICT_WORDS = {
    "works, worth it": "it works, and it is worth it",
    "works, size uncertain": "it works; whether it is worth it stays open",
    "works, too small to matter": "it works, but less than would be worth having",
    "works, direction only": "it works in the wanted direction; its worth was not declared",
    "harms": "it does harm",
    "no meaningful effect": "any difference is smaller than would be worth having",
    "cannot tell": "the data cannot tell",
    "not interpretable": "no verdict",
}
DESIGN_WORDS = {
    "ab_test": "Chance decided who got it.",
    "difference_in_differences": "It is measured against units without the change.",
    "interrupted_time_series": "It is measured against where the series was heading before.",
    "before_after": "After is compared with before, which does not show where a change comes from.",
}
BAR_WORDS = {
    "works, worth it": "Even the lower end clears the bar of {bar}.",
    "works, size uncertain": "The bar of {bar} lies within the interval.",
    "works, too small to matter": "Even the upper end stays below the bar of {bar}.",
    "no meaningful effect": "The bar of {bar} is out of reach on both sides.",
    "cannot tell": "The bar was {bar}.",
}
FAILED = "A check of its design failed; the reason is below."


def impact_sentence(impact: Row) -> Sentence:
    """Say what an intervention did, how that is known, and what it is worth.

    Args:
        impact: A row of the result table ``impacts``; the further columns of
            ``returns.value_interventions`` are told where they are there.
    """
    verdict = str(impact["verdict"])
    parts = [
        _finding(impact),
        DESIGN_WORDS.get(str(impact.get("design")), ""),
        _bar(impact, verdict),
        _more(impact),
        money_sentence(impact),
    ]
    told = parts if _is_told(impact) else parts[:1]
    return Sentence(" ".join(part for part in told if part))


def _is_told(impact: Row) -> bool:
    return str(impact["verdict"]) != "not interpretable" and not is_missing(impact["value"])


def _finding(impact: Row) -> str:
    """Say the verdict and the figure, or why there is none."""
    lead = f"**{clean_label(impact['intervention'])}: {VERDICT_WORDS[str(impact['verdict'])]}.**"
    if str(impact["verdict"]) == "not interpretable":
        return f"{lead} {FAILED}"
    return f"{lead} {_figure(impact) if _is_told(impact) else 'No figure could be computed.'}"


def headlines(impacts: pd.DataFrame) -> list[Sentence]:
    """Say of every intervention its verdict, its figure and its money, and nothing else."""
    said = []
    for row in impacts.drop_duplicates("intervention").to_dict("records"):
        priced = _is_told(row) and not is_missing(row.get("money_value"))
        said.append(Sentence(f"{_finding(row)} {money_sentence(row) if priced else ''}".strip()))
    return said


def _figure(impact: Row) -> str:
    design = str(impact.get("design"))
    noun = "change" if str(impact["evidence"]) in {"C", "D"} else "effect"
    counted = COUNTED.get(design, "")
    n = f"n = {count_text(impact['n'])}{counted}, evidence {impact['evidence']}"
    return f"{metric_name(impact['metric'])}: {noun} {difference_text(impact)}, {n}."


def difference_text(row: Row) -> str:
    """Write a difference with its interval, shares in percentage points."""
    unit = "" if is_missing(row["unit"]) else str(row["unit"])
    text = estimate_text(row["value"], row["low"], row["high"], unit, difference=True)
    return text.replace(" pp ", " percentage points ")


def _bar(impact: Row, verdict: str) -> str:
    bar, unit = impact.get("worthwhile"), str(impact.get("unit") or "")
    if is_missing(bar):
        return ""
    return BAR_WORDS.get(verdict, "").format(bar=bar_text(float(bar), unit))


def bar_text(bar: float, unit: str) -> str:
    """Write the smallest effect worth having, shares in percentage points.

    Example:
        >>> bar_text(0.01, "share")
        '1 percentage point'
    """
    if unit != "share":
        return value_text(bar, unit)
    return f"{100 * bar:.3g} percentage point{'' if math.isclose(bar, 0.01) else 's'}"


def _more(impact: Row) -> str:
    more = impact.get("n_more")
    if is_missing(more) or not float(more):
        return ""
    return f"About {count_text(float(more))} more in each group would tell."


def money_sentence(impact: Row) -> str:
    """Say what a change brings a year and when it is paid back, or why that is not stated."""
    if is_missing(impact.get("money_value")):
        reason = impact.get("money_reason")
        return "" if is_missing(reason) else str(reason)
    unit = str(impact.get("money_unit") or "")
    low, high = float(impact["money_low"]), float(impact["money_high"])
    text = estimate_text(impact["money_value"], low, high, unit)
    if low > 0:
        said = f"A year it brings {text}"
    elif high < 0:
        said = f"A year it costs {estimate_text(-impact['money_value'], -high, -low, unit)}"
    else:
        said = f"What it brings a year can lie on either side of nothing: {text}"
    if str(impact["evidence"]) == "C":
        said += ", if nothing else moved the figure"
    return f"{said}.{_paid(impact, unit)}"


def _paid(impact: Row, unit: str) -> str:
    cost, months = impact.get("cost"), impact.get("payback")
    if is_missing(cost) or not float(cost):
        return ""
    spent = f" It cost {value_text(float(cost), unit)}"
    if is_missing(months) or not math.isfinite(float(months)):
        return f"{spent}, which it does not earn back."
    low, high = float(impact["payback_low"]), float(impact["payback_high"])
    reach = f"{low:.1f} to {high:.1f}" if math.isfinite(high) else f"{low:.1f} or never"
    back = f"{spent}: paid back in {float(months):.1f} months ({reach})"
    return f"{back}; within a year with a chance of {_chance(float(impact['paid_in_a_year']))}."


def _chance(share: float) -> str:
    """Write a chance that came from draws, which prove neither always nor never."""
    if share > 0.99:
        return "more than 99 %"
    return "less than 1 %" if share < 0.01 else share_text(share)


def impacts_sentences(impacts: pd.DataFrame) -> list[Sentence]:
    """Say the primary result of every intervention, and where it differs between parts."""
    said = []
    for name in impacts["intervention"].drop_duplicates():
        own = impacts[impacts["intervention"] == name]
        first = own.iloc[0]
        parts = own[(own["metric"] == first["metric"]) & (own["segment"] != "all")]
        sentence = impact_sentence(first.to_dict())
        if len(set(parts["verdict"])) > 1:
            told = [
                f"{clean_label(row['segment'])} {difference_text(row)}, {row['verdict']}"
                for row in parts.to_dict("records")
            ]
            sentence = Sentence(f"{sentence} It differs: {'; '.join(told)}.")
        said.append(sentence)
    return said


def plain_sentence(compared: pd.DataFrame) -> Sentence:
    """Say how far a plain comparison of after with before would have led astray.

    Args:
        compared: From ``trying.compare_plain``: one row per intervention with ``value, low, high,
            unit`` of its own design and ``plain, plain_low, plain_high`` of after less before.
    """
    if compared.empty:
        return Sentence("No change was measured by a design that a plain comparison could mislead.")
    apart = compared[compared["misleads"]]
    if apart.empty:
        return Sentence(
            "**Here the plain comparison of after with before would have said much the same.** "
            "That is luck: nothing in it could have known."
        )
    told = [_told_plain(row) for row in apart.to_dict("records")]
    return Sentence(f"**A plain comparison would have misled.** {' '.join(told)}")


def _told_plain(row: Row) -> str:
    unit = str(row["unit"] or "")
    plain = estimate_text(row["plain"], row["plain_low"], row["plain_high"], unit, difference=True)
    return (
        f"{clean_label(row['intervention'])}: after less before gives {plain}; what its own design "
        f"leaves of it is {difference_text(row)}."
    )


def score_sentence(scored: pd.DataFrame, rate: Estimate | Refusal) -> Sentence:
    """Say how earlier forecasts of money fared.

    Args:
        scored: From ``returns.score_past``.
        rate: From ``realised.rate_forecasts``.
    """
    if scored.empty:
        return Sentence(
            "No earlier forecast can be held against a result: the client file names no "
            "`earlier_results`, or nothing that they put a price on has been changed and measured."
        )
    told = [_told_score(row) for row in scored.to_dict("records")]
    hits = int(scored["within"].astype(bool).sum())
    text = f"**{hits} of {len(scored)} forecasts met their result.** {' '.join(told)}"
    if isinstance(rate, Refusal):
        return Sentence(text)
    share = estimate_text(rate.value, rate.low, rate.high, "share")
    return Sentence(f"{text} That is a score of {share}.")


def _told_score(row: Row) -> str:
    unit = str(row["unit"] or "")
    stated = estimate_text(row["baseline"], row["forecast_low"], row["forecast_high"], unit)
    result = estimate_text(row["value"], row["low"], row["high"], unit)
    name = clean_label(row["scenario"]).removesuffix(": forecast and result")
    return f"{name}: {stated} a year was at stake, {result} was won."
