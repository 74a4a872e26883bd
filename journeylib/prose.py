"""Results as sentences, computed from the frame that the table and the figure show.

Sentences report what was measured and how sure it is. They say *change* or *goes with*, never
*effect* or *caused*, unless the design carries it. Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.exhibits import Sentence
from journeylib.impact_prose import headlines
from journeylib.labels import (
    clean_label,
    count_text,
    estimate_text,
    is_missing,
    metric_name,
    place_text,
    share_text,
    value_text,
)
from journeylib.losses import find_largest_loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from journeylib.identity import Facts

USEFUL = {
    "yes": " Knowing them helps to foretell the outcome of customers not seen before.",
    "no": " They describe; knowing them does not help to foretell the outcome.",
    "cannot tell": " Whether they help to foretell the outcome cannot be told.",
}
AFTER_PURCHASE = (
    "customers who met {place} reach the outcome less often than others who came as far"
)
Row = Any  # a row of a result table, as a mapping or a Series
NOTHING = "Nothing can be said here: {}."
KIND_WORDS = {
    "loss": "fewer customers go on from {place} than from the other touchpoints of its stage",
    "delay": "customers who reach {place} latest reach the outcome less often",
    "repeat": "customers who come back to {place} within a week reach the outcome less often",
    "sentiment": "customers speak of {place} worse than of everything else",
    "inconsistency": "{place} goes worse than the same touchpoint in the other channels",
}


def _estimate(row: Row, *, difference: bool = False) -> str:
    unit = "" if is_missing(row["unit"]) else str(row["unit"])
    text = estimate_text(row["value"], row["low"], row["high"], unit, difference=difference)
    return text.replace(" pp ", " percentage points ")


def _place(row: Row) -> str:
    return place_text(row["touchpoint"], row.get("channel"), quoted=True)


def sources_sentence(sources: pd.DataFrame) -> Sentence:
    """Say how many rows of how many sources were used; the table says why the others were not."""
    if sources.empty:
        return Sentence(NOTHING.format("no source was read"))
    inside = sources["rows_read"] - sources["rows_outside"]
    outside = int(sources["rows_outside"].sum())
    text = (
        f"**{int(sources['rows_used'].sum()):,} of {int(inside.sum()):,} rows from "
        f"{len(sources)} source(s) could be used**"
    )
    text += f"; {outside:,} more lie outside the period." if outside else "."
    return Sentence(text)


def quality_sentence(quality: pd.DataFrame) -> Sentence:
    """Say how many checks found nothing to mend, and what the others found where."""
    noted = quality[quality["status"] != "pass"]
    checks, open_ = quality["check"].nunique(), noted["check"].nunique()
    text = f"**{checks - open_} of {checks} checks found nothing to mend.**"
    if len(noted):
        places = noted.groupby("check", sort=False)["source"].agg(
            lambda own: list(dict.fromkeys(own))
        )
        named = [
            f"{str(check).replace('_', ' ')} ({', '.join(map(clean_label, own))})"
            for check, own in places.items()
        ]
        text += f" Worth knowing: {'; '.join(named)}."
    return Sentence(text)


def identity_sentence(facts: Facts, *, min_cell: int = 1) -> Sentence:
    """Say how many customers there are, and how many there were under other keys."""
    if facts.customers < min_cell:
        reason = f"fewer than {min_cell} customers are known" if facts.customers else ""
        return Sentence(NOTHING.format(reason or "no source has ids"))
    text = f"**{count_text(facts.customers)} customers** stand behind {count_text(facts.ids)} ids."
    if facts.ids_only == facts.unguarded:
        return Sentence(f"{text} No key joins any of them, so nothing rests on the choice of keys.")
    alone, loose = (
        f"{count_text(other)} ({value_text(other / facts.customers - 1, 'share', signed=True)})"
        for other in (facts.ids_only, facts.unguarded)
    )
    text += f" If only equal ids joined, there would be {alone}; if every shared key did, {loose}."
    if facts.conflicts:
        text += f" {count_text(facts.conflicts)} conflict(s) were left apart."
    return Sentence(text)


def personas_sentence(personas: pd.DataFrame, reason: str = "") -> Sentence:
    """Say whether there are personas, and of what kind."""
    if personas.empty or personas["verdict"].iloc[0] == "unstable":
        return Sentence(f"**No personas are used**: {reason or 'no grouping is stable.'}")
    largest = personas.iloc[0]
    kinds = {
        "natural": "groups that stand apart in the data",
        "constructed": "slices of a continuum, not groups that stand apart",
    }
    return Sentence(
        f"**{len(personas)} personas, {kinds[str(largest['verdict'])]}.** The largest is "
        f"{clean_label(largest['name'])} with {share_text(largest['share'])} of the customers "
        f"(stability {largest['stability']:.2f} of 1).{USEFUL.get(str(largest.get('useful')), '')}"
    )


def stages_sentence(stages: pd.DataFrame) -> Sentence:
    """Say after which stage most customers stay behind."""
    loss = find_largest_loss(stages[stages["persona"] == "all"])
    if loss is None:
        return Sentence(NOTHING.format("no journey crosses two stages"))
    finding = f"The largest loss comes after {clean_label(loss.stage)}"
    if loss.is_last:
        finding = f"Nearly all customers on record get as far as {clean_label(loss.stage)}"
    share = estimate_text(loss.share, loss.low, loss.high, "share")
    return Sentence(
        f"**{finding}**: of "
        f"{count_text(loss.reached)} who reached it, {share} went on to a later stage."
    )


def paths_sentence(paths: pd.DataFrame) -> Sentence:
    """Say how common the most common journey is, and how many others there are."""
    named = paths[~paths["path"].str.startswith("all other")] if len(paths) else paths
    if named.empty:
        return Sentence(NOTHING.format("no journey was observed"))
    if named["share"].isna().all():
        return Sentence("**No journey is common enough to be shown**: each was taken by too few.")
    first = named.iloc[0]
    path = clean_label(first["path"]).replace("_", " ")
    return Sentence(
        f"**The {len(named)} most common journeys make up {share_text(named['share'].sum())} "
        f"of all {count_text(first['n'])}.** The most common, {path}, makes up {_estimate(first)}."
    )


def pains_sentence(pains: pd.DataFrame) -> Sentence:
    """Say what hurts most, by how much, and how far it can be trusted."""
    if pains.empty:
        return Sentence(
            "**No touchpoint does clearly worse than its like**, given how many were looked at."
        )
    first = pains.iloc[0]
    words = KIND_WORDS[str(first["kind"])]
    if first["kind"] == "loss" and "rate ratio" in str(first.get("source")):
        words = AFTER_PURCHASE
    what = words.format(place=_place(first))
    return Sentence(
        f"**{what[0].upper()}{what[1:]}**: {_estimate(first, difference=True)}, "
        f"{count_text(first['customers'])} customers concerned{_cost(first)}. This goes with the "
        "touchpoint; what causes it is not shown."
    )


def _cost(row: pd.Series) -> str:
    if is_missing(row.get("money_value")):
        return ""
    unit = str(row.get("money_unit") or "")
    text = estimate_text(row["money_value"], row["money_low"], row["money_high"], unit)
    return f", {text} a year at stake"


def delights_sentence(delights: pd.DataFrame) -> Sentence:
    """Say what customers like most."""
    if delights.empty:
        return Sentence("**No touchpoint is rated clearly better than the others.**")
    first = delights.iloc[0]
    return Sentence(
        f"**Customers speak best of {_place(first)}**: {_estimate(first, difference=True)} "
        f"against all other touchpoints, on a scale of −1 to 1 (n = {count_text(first['n'])})."
    )


def metrics_sentence(metrics: pd.DataFrame) -> Sentence:
    """Say the client's metrics, each against its target."""
    everyone = metrics[metrics["segment"] == "all"]
    if everyone.empty:
        return Sentence(NOTHING.format("no source holds orders, churn or survey scores"))
    parts = [
        f"{metric_name(row['metric'])} {_estimate(row)}{_goal(row)}"
        for row in everyone.to_dict("records")
    ]
    return Sentence(f"**Where things stand**: {'; '.join(parts)}.")


def _goal(row: Row) -> str:
    if is_missing(row["target"]):
        return ""
    target, low, high = row["target"], row["low"], row["high"]
    goal = value_text(target, str(row["unit"]))
    if low <= target <= high:
        return f", goal {goal} within reach of the interval"
    return f", {'above' if low > target else 'below'} the goal of {goal}"


def coverage_sentence(
    sources: pd.DataFrame, customers: pd.DataFrame, *, period: tuple[str, str], min_cell: int = 10
) -> Sentence:
    """Say what was looked at: rows, sources, customers, days."""
    rows = int(sources["rows_used"].sum()) if len(sources) else 0
    days = f", {period[0]} to {period[1]}" if period[0] else ""
    text = f"We looked at **{rows:,} rows from {len(sources)} source(s)**"
    if customers.empty:
        return Sentence(f"{text}{days}. No source says which customer a row is about.")
    return Sentence(f"{text} about **{count_text(len(customers), min_cell)} customers**{days}.")


def find_findings(tables: Mapping[str, pd.DataFrame]) -> list[Sentence]:
    """Choose the five sentences of the front page, the most useful first.

    Args:
        tables: Result tables by name; absent ones are empty.

    Returns:
        At most five sentences; none says that there is nothing to say.
    """
    found: list[Sentence] = []
    if len(tables["pains"]):
        found.append(pains_sentence(tables["pains"]))
    if len(tables["delights"]):
        found.append(delights_sentence(tables["delights"]))
    found += headlines(tables["impacts"])[:2]
    if len(tables["stages"]):
        found.append(stages_sentence(tables["stages"]))
    if len(tables["metrics"]):
        found.append(metrics_sentence(tables["metrics"]))
    personas = tables["personas"]
    if len(personas):
        found.append(personas_sentence(personas, str(personas["description"].iloc[0])))
    found.append(sources_sentence(tables["sources"]))
    return [one for one in found if not one.startswith(NOTHING.partition("{}")[0])][:5]
