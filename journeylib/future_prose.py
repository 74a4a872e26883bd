"""Sentences about scenarios and about credit, computed from the frames beside them.

Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.drift_prose import figure_name
from journeylib.exhibits import Sentence
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
    from typing import Any

    import pandas as pd

MOST_TOLD = 3
NO_MONEY_IN_IT = (
    "Credit is shared out by a rule: it does not say what would be lost without a channel, nor "
    "what money spent on one brings back. Only an experiment answers that."
)
SMALLEST = 0.0005
REACHED = {
    "": "the share with the outcome", "conversion": "the share who reach the outcome",
    "repeat_purchase": "the share of buyers who buy again", "retention": "the share who stay",
}  # fmt: skip
AT_ALL = "the share who buy at all"


def scenarios_sentences(
    forecasts: pd.DataFrame,
    assumed: pd.DataFrame,
    refused: pd.DataFrame,
    *,
    outcome: str = "",
) -> list[Sentence]:
    """Say of each scenario what would follow, on what that rests, or why it is not played.

    Args:
        forecasts: The result table ``forecasts``.
        assumed: What each takes for granted: ``scenario, touchpoint, assumed, size, basis``.
        refused: Scenarios that the data cannot carry: ``scenario, reason, needed``.
        outcome: Kind of the outcome, such as ``repeat_purchase``.
    """
    told = []
    for name in list(dict.fromkeys(forecasts["scenario"]))[:MOST_TOLD] if len(forecasts) else []:
        own = forecasts[forecasts["scenario"] == name].set_index("metric")
        basis = " ".join(assumed.loc[assumed["scenario"] == name, "basis"].astype(str))
        told.append(Sentence(f"{_followed(str(name), own, outcome)} {_rests_on(basis)}"))
    return [*told, *map(_refusal, refused.to_dict("records"))]


def _followed(name: str, own: pd.DataFrame, outcome: str) -> str:
    """Say what would follow from one scenario."""
    rows: dict[Any, Any] = own.to_dict("index")
    asked = {"reaches_outcome": REACHED.get(outcome, REACHED[""]), "reaches_purchase": AT_ALL}
    told = [
        f"{words} would {_moved(rows[metric])}, from {share_text(rows[metric]['baseline'])}"
        for metric, words in asked.items()
        if metric in rows and abs(rows[metric]["value"]) >= SMALLEST
    ]
    text = " and ".join(told) or f"{asked['reaches_outcome']} would stay as it is"
    money = rows.get("money_per_year", {})
    if not is_missing(money.get("value")):
        ends = (money["value"], money["low"], money["high"])
        text += f": {estimate_text(*ends, money['unit'], difference=True)} a year"
    return f"**{clean_label(name)}**. If that came true, {text}."


def _moved(row: Any) -> str:
    """Say which way a share would go, where its interval is on one side."""
    low, value, high = (float(row[end]) for end in ("low", "value", "high"))
    if low <= 0 <= high:
        text = f"change by {estimate_text(value, low, high, 'share', difference=True)}"
    else:
        ends = sorted([abs(low), abs(high)])
        way = "rise" if value > 0 else "fall"
        text = f"{way} by {estimate_text(abs(value), ends[0], ends[1], 'share')}"
    return text.replace(" % ", " percentage points ").replace(" pp ", " percentage points ")


def _rests_on(basis: str) -> str:
    """Say what a scenario rests on, the weakest first."""
    kinds = {
        "guess": "how much would change is a guess",
        "certain": "how much would change is taken as certain",
        "measured": "the size of the change was measured",
        "association": "what it would bring is carried on from an association",
    }
    told = [words for kind, words in kinds.items() if kind in basis]
    listed = "; ".join(told) or "how much would change is assumed"
    return f"This is a scenario, not a forecast: {listed}."


def _refusal(row: Any) -> Sentence:
    name = "" if row["scenario"] == "all" else f"“{clean_label(row['scenario'])}”: "
    needed = clean_label(row["needed"]).replace("`", "")
    fix = needed if needed.endswith("?") else f"Needed: {needed[:1].lower()}{needed[1:]}."
    return Sentence(f"{name}what would follow cannot be told. {clean_label(row['reason'])} {fix}")


def list_futures(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Lay scenarios out for a page: figures named, levels written with their unit.

    Args:
        forecasts: The result table ``forecasts``.

    Returns:
        The same rows with ``figure`` and ``was``.
    """
    pairs = zip(forecasts["baseline"], forecasts["unit"], strict=True)
    was = [value_text(level, str(unit)) for level, unit in pairs]
    figures = [figure_name(metric) for metric in forecasts["metric"]]
    return forecasts.assign(figure=figures, was=was)


def list_credit(credit: pd.DataFrame) -> pd.DataFrame:
    """Lay credit out for a page: name by name, the rules in words.

    Args:
        credit: From ``attribution.share_credit``.

    Returns:
        The same rows with ``shared``, ordered by name as they come first.
    """
    if credit.empty:
        return credit
    order = {name: at for at, name in enumerate(dict.fromkeys(credit["name"]))}
    rows = credit.assign(shared=credit["rule"].map(RULE_NAMES), order=credit["name"].map(order))
    return rows.sort_values("order", kind="stable", ignore_index=True).drop(columns="order")


def credit_sentence(credit: pd.DataFrame, reason: str = "") -> Sentence:
    """Say how far the credit of the first channel depends on the rule, and what credit is not.

    Args:
        credit: From ``attribution.share_credit``.
        reason: Why there is none.
    """
    known = credit.dropna(subset=["value"]) if len(credit) else credit
    if known.empty:
        return Sentence(f"Credit cannot be shared out: {reason or 'too few outcomes'}")
    spread = known.groupby("name", sort=False)["value"].agg(["max", "min"])
    name = (spread["max"] - spread["min"]).idxmax()
    own = known[known["name"] == name].set_index("rule")
    low, high = str(own["value"].idxmin()), str(own["value"].idxmax())
    told = "; ".join(f"{RULE_NAMES[rule]} {_share(own.loc[rule])}" for rule in (low, high))
    between = interval_text(own["value"].min(), own["value"].max(), "share")
    channel = clean_label(name).replace("_", " ")
    return Sentence(
        f"**The credit that {channel} gets depends on the rule: {between}** ({told}; "
        f"{count_text(known['n'].iloc[0])} customers with the outcome). {NO_MONEY_IN_IT}"
    )


def _share(row: Any) -> str:
    return estimate_text(row["value"], row["low"], row["high"], "share")


RULE_NAMES = {
    "first": "all to the first contact", "last": "all to the last", "linear": "in equal parts",
    "position": "most to first and last", "time_decay": "the later, the more",
    "markov": "by removal from the chain", "shapley": "by Shapley's value",
}  # fmt: skip
