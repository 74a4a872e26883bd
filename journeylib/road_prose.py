"""Sentences about the road: time in a stage, unseen journeys, channels, detours, stays.

Computed from the frames that the tables and figures show. Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.estimates import Estimate
from journeylib.exhibits import Sentence
from journeylib.labels import clean_label, count_text, estimate_text, share_text, value_text

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.estimates import Refusal

NEARLY_ALL = 0.95
SURE = 0.05


def _named(name: object) -> str:
    return clean_label(name).replace("_", " ")


def _told(row: Any, *, difference: bool = False) -> str:
    text = estimate_text(row["value"], row["low"], row["high"], str(row["unit"]),
                         difference=difference)  # fmt: skip
    return text.replace(" pp ", " percentage points ")


def passages_sentence(passages: pd.DataFrame, horizon: float) -> Sentence:
    """Say where most customers stay behind, how many leave there, and how long going on takes.

    Args:
        passages: From ``sojourns.measure_passages``.
        horizon: Days within which they had to go on.
    """
    onward = passages[passages["end"] == "onward"].dropna(subset=["value"])
    if onward.empty or not (onward["value"] > 0).any():
        return Sentence("Nothing can be said here: no customer was seen in two stages.")
    early = onward.iloc[:-1]
    onward = early if (early["value"] < NEARLY_ALL).any() else onward
    row = onward.iloc[int(((1 - onward["value"]) * onward["customers"]).to_numpy().argmax())]
    gone = passages[(passages["stage"] == row["stage"]) & (passages["end"] == "left")].iloc[0]
    days = (
        f", half of them by {value_text(row['days'], 'days')}" if row["days"] == row["days"] else ""
    )
    return Sentence(
        f"**Of {count_text(row['customers'])} customers in {_named(row['stage'])}, {_told(row)} go "
        f"on within {count_text(horizon)} days**{days}; {_told(gone)} have left by then. Who could "
        "be watched for less counts for as long as they were watched."
    )


def unseen_sentence(found: Estimate | Refusal) -> Sentence:
    """Say how many journeys take a road of their own.

    Args:
        found: From ``journeys.estimate_unseen``.
    """
    if not isinstance(found, Estimate):
        return Sentence(f"How many roads are still unseen cannot be said: {found.reason}")
    told = estimate_text(found.value, found.low, found.high, found.unit)
    return Sentence(
        f"**{told} of further journeys would take a road that nobody took so far** "
        f"(n = {count_text(found.n)} journeys): the list of common journeys is a beginning, not a "
        "map."
    )


def channels_sentence(switches: pd.DataFrame, compared: pd.DataFrame) -> Sentence:
    """Say how often customers change channel and whether touchpoints feel the same in each.

    Args:
        switches: From ``rework.count_switches``.
        compared: From ``consistency.compare_channels``.
    """
    if switches.empty or not switches["value"].notna().any():
        return Sentence("Nothing can be said here: no source tells the channel of two contacts.")
    text = f"**{_told(switches.iloc[0])} of contacts come by another channel than the one before.**"
    if len(compared):
        counts = compared["verdict"].value_counts()
        names = ("differs", "consistent", "cannot tell")
        parts = [f"{counts.get(name, 0)} {name}" for name in names if counts.get(name, 0)]
        text += f" Touchpoints rated in two channels or more: {', '.join(parts)}."
        first = compared.iloc[0]
        if first["verdict"] == "differs":
            text += (
                f" The clearest: {_named(first['touchpoint'])} is rated {_told(first)} better by "
                f"{_named(first['better'])} than by {_named(first['worse'])}."
            )
    return Sentence(text)


def detours_sentence(detours: pd.DataFrame) -> Sentence:
    """Say what customers who left did last more often than those who went on.

    Args:
        detours: From ``detours.compare_detours``.
    """
    last = detours[(detours["kind"] == "last") & (detours["p_adjusted"] < SURE)]
    # A large difference among a handful comes behind a smaller one among many.
    more = last[last["low"] > 0]
    more = more.assign(concerned=more["value"] * more["lost"])
    more = more.sort_values("concerned", ascending=False)
    if more.empty:
        return Sentence(
            "**No touchpoint is clearly more often the last before leaving** than before going on."
        )
    row = more.iloc[0]
    return Sentence(
        f"**Of {count_text(row['lost'])} customers who left {_named(row['stage'])}, "
        f"{share_text(row['lost_share'])} were last seen at {_named(row['touchpoint'])}**; of "
        f"{count_text(row['went'])} who went on, {share_text(row['went_share'])} were there just "
        f"before: {_told(row, difference=True)}. It goes with leaving; what causes it is not shown."
    )


def suggestions_sentence(suggested: pd.DataFrame) -> Sentence:
    """Say how much of the road has no stage, and for how much of it the data suggests one.

    Args:
        suggested: From ``suggestions.suggest_stages``.
    """
    if suggested.empty:
        return Sentence("**Every touchpoint has a stage.**")
    share, count = suggested["share"].sum(), len(suggested)
    named = int((suggested["stage"] != "").sum())
    then = "The data suggests a stage for none of them: their names have to be placed by hand."
    if named:
        then = (
            f"For {named} of them the data suggests one; nothing was applied, the line for the "
            "client file stands in the table."
        )
    return Sentence(
        f"**{count} touchpoint(s) with {share_text(share)} of the events have no stage** and are "
        f"left out of everything that speaks of stages. {then}"
    )
