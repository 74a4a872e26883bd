"""Sentences about drivers, opportunities, their tests, openings, and how firm the ranking stands.

Computed from the frames that the tables and figures show. Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.exhibits import Sentence
from journeylib.labels import (
    clean_label,
    count_text,
    estimate_text,
    interval_text,
    is_missing,
    money_text,
    place_text,
    share_text,
)
from journeylib.robustness import BASE, count_steady
from journeylib.testplans import TOO_LITTLE

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.opportunities import Opportunities

Row = Any  # a row of a frame, as a Series
SURE = 0.8
FEW = 3
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _named(name: object) -> str:
    return f"“{clean_label(name).replace('_', ' ')}”"


def _counted(count: int) -> str:
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else count_text(count)


def _place(row: Row) -> str:
    return place_text(row["touchpoint"], row["channel"], quoted=True)


def drivers_sentence(drivers: pd.DataFrame, outcome: str = "") -> Sentence:
    """Say which driver counts most for an answer, and how sure its place is.

    Args:
        drivers: From ``drivers.find_drivers``.
        outcome: Outcome to speak of; by default the first that could be analysed.
    """
    if drivers.empty:
        return Sentence(
            "Nothing can be said here: no source asked two ratings beside an answer, and too few "
            "customers rated two touchpoints."
        )
    asked = drivers[drivers["outcome"] == outcome] if outcome else drivers
    known = asked.dropna(subset=["driver"])
    if known.empty:
        row = asked.iloc[0]
        return Sentence(
            f"**What drives {_named(row['outcome'])} cannot be told**: {clean_label(row['note'])}"
        )
    first = known.iloc[0]
    own = known[(known["asked"] == first["asked"]) & (known["outcome"] == first["outcome"])]
    text = (
        f"**{_named(first['driver'])} counts most for {_named(first['outcome'])}**: it has "
        f"{_share(first)} of what {len(own)} ratings explain together "
        f"({share_text(first['r_squared'])} of all differences)."
    )
    rivals = own.iloc[1:][own["high"].iloc[1:] >= first["low"]]
    if len(rivals):
        names = ", ".join(map(_named, rivals["driver"].head(FEW)))
        text += f" Its interval reaches that of {names}: the order of these is not sure."
    against = own[own["effect_high"] < 0]
    if len(against):
        text += (
            f" {', '.join(map(_named, against['driver'].head(FEW)))} goes the other way: more of "
            "it goes with a worse answer."
        )
    return Sentence(text + " What moves with an answer need not cause it.")


def _share(row: Row) -> str:
    between = interval_text(row["low"], row["high"], "share")
    return share_text(row["value"]) + (f" ({between})" if between else "")


def opportunities_sentence(found: Opportunities, currency: str = "") -> Sentence:
    """Say what to try first, what stands behind it, and how firm its place is.

    Args:
        found: From ``opportunities.list_opportunities``.
        currency: ISO code, or empty.
    """
    if found.table.empty:
        return Sentence("Nothing to try can be derived: no pain was found.")
    row = found.table.iloc[0]
    text = f"**Try first at {_place(row)}: {clean_label(row['pattern'])}.** "
    text += f"{clean_label(row['suggestion'])}. "
    text += f"It would reach {count_text(row['reach'])} customers a year"
    if found.priced and not is_missing(row["money_value"]):
        ends = " to ".join(money_text(row[name], currency) for name in ("money_low", "money_high"))
        text += f", with {money_text(row['money_value'], currency)} at risk ({ends})"
    text += f", at an effort of {row['effort']:.0f} of 5. "
    others = len(found.table) - 1
    if others:
        text += (
            f"When effort, effect and trust are moved, it stays first in {share_text(row['first'])}"
            f" of the draws and among the first three in {share_text(row['top3'])}"
        )
        text += "." if row["first"] >= SURE else ": the order at the top is open."
    if not found.priced:
        text += " No pain has a price here, so the order rests on customers and size alone."
    return Sentence(text)


def plans_sentence(found: Opportunities) -> Sentence:
    """Say how the first opportunity would be tested, and how many of all can be.

    Args:
        found: From ``opportunities.list_opportunities``.
    """
    if found.plans.empty:
        return Sentence("There is nothing to test: no pain was found.")
    plans = found.plans
    able = plans[plans["design"] != TOO_LITTLE]
    text = (
        f"**{_counted(len(able)).capitalize()} of {len(plans)} opportunities can be tested within "
        "a year at the present traffic.** "
    )
    first = plans.iloc[0]
    return Sentence(text + plan_sentence(first))


def plan_sentence(row: Row) -> str:
    """Write the test plan of one opportunity.

    Args:
        row: A row of ``Opportunities.plans``.
    """
    unit = str(row["unit"])
    metric, find = clean_label(row["metric"]), _step(row["find"], unit)
    within = _step(row["detectable"], unit)
    if row["design"] == TOO_LITTLE:
        told = f" Twelve weeks would find {within} at best." if within else ""
        return (
            f"At {_place(row)}, {_traffic(row)} are too few to find within a year an improvement "
            f"of {find} in the {metric}.{told} Change it, watch the weekly figure, and claim no "
            "more than that."
        )
    now = "" if is_missing(row["baseline"]) else f", now {share_text(row['baseline'])}"
    return (
        f"At {_place(row)}: {clean_label(row['design'])}, measured in the {metric}{now}: "
        f"{count_text(row['per_group'])} customers in each group to find an improvement of {find}; "
        f"{count_text(row['days_to_test'])} days from the start to the answer."
    )


def _traffic(row: Row) -> str:
    people = float(row["per_day"])
    if people >= 10:
        return f"{count_text(people)} customers a day"
    return f"{count_text(7 * people)} customers a week"


def _step(size: float, unit: str) -> str:
    if is_missing(size):
        return ""
    if unit == "share":
        return f"{100 * size:.1f} percentage points"
    return f"{size:.2f} on the scale of −1 to 1"


def openings_sentence(openings: pd.DataFrame, purchases: pd.DataFrame) -> Sentence:
    """Say what buyers of one thing also buy later, or why that cannot be told.

    Args:
        openings: From ``openings.find_openings``.
        purchases: From ``baskets.read_purchases``.
    """
    if purchases.empty:
        return Sentence(
            "Openings for cross-selling and upselling cannot be told: no source of orders says "
            "what was bought (a column such as product, category or plan)."
        )
    if openings.empty:
        return Sentence(
            "**No opening is clear**: buyers of one product buy none of the others later clearly "
            "more often than other buyers do."
        )
    row = openings.iloc[0]
    lift = estimate_text(row["value"], row["low"], row["high"], "times")
    return Sentence(
        f"**Customers whose first order held {_named(row['bought'])} buy {_named(row['later'])} "
        f"later {lift} as often as others** ({share_text(row['share'])} against "
        f"{share_text(row['other_share'])} within {count_text(row['days'])} days); "
        f"{count_text(row['reach'])} of them have not yet. That is an opening to try "
        f"({clean_label(row['opening'])}), of {_counted(len(openings))} found; it does not show "
        "that an offer would sell."
    )


def robustness_sentence(checked: pd.DataFrame) -> Sentence:
    """Say which of the leading pains stay whatever reasonable choice is made.

    Args:
        checked: From ``robustness.check_robustness``.
    """
    if checked.empty:
        return Sentence("Nothing can be said here: no pain was found.")
    steady, choices = count_steady(checked), checked["choice"].nunique() - 1
    followed = len(steady)
    firm = steady[(steady["listed"] == steady["choices"]) & (steady["leads"] == choices)]
    verb = "stays" if len(firm) == 1 else "stay"
    text = f"**Of the first {_counted(followed)} pains, {_counted(len(firm))} {verb} among them "
    text += f"under each of {choices} other choices**"
    text += f": {', '.join(_pain(row) for _, row in firm.iterrows())}." if len(firm) else "."
    moved = steady.drop(index=firm.index)
    for _, row in moved.head(FEW).iterrows():
        text += f" {_pain(row)} {_moves(row, choices)}."
    still = _unmoved(checked)
    if still:
        moves = "moves" if still == 1 else "move"
        text += f" {_counted(still).capitalize()} of the choices {moves} no rank."
    note = clean_label(checked["note"].iloc[0])
    return Sentence(text + (f" Reckoned on {note}." if note else ""))


def _pain(row: Row) -> str:
    return f"{_place(row)}, {clean_label(row['kind'])}"


def _moves(row: Row, choices: int) -> str:
    told = []
    if row["listed"] < row["choices"]:
        told.append(f"is listed in {row['listed']} of the {row['choices']} that can compare it")
    if row["choices"] < choices:
        told.append(f"cannot be compared in {choices - row['choices']}")
    if not is_missing(row["worst"]):
        told.append(f"ranks {row['best']:.0f} to {row['worst']:.0f}")
    return ", ".join(told)


def _unmoved(checked: pd.DataFrame) -> int:
    """Count the choices under which every leading pain keeps its rank."""
    others = checked[checked["choice"] != BASE]
    same = (others["rank"] == others["base_rank"]).groupby(others["choice"]).all()
    return int(same.sum())
