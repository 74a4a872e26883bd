"""Sentences about the road: time in a stage, unseen journeys, channels, detours, stays.

Computed from the frames that the tables and figures show. Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.estimates import Estimate, Refusal
from journeylib.exhibits import Sentence
from journeylib.labels import clean_label, count_text, estimate_text, share_text, value_text

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.alignment import Alignment
    from journeylib.memory import Memory

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


def memory_sentence(found: Memory | Refusal) -> Sentence:
    """Say whether where customers go next depends on where they came from as well.

    Args:
        found: From ``memory.test_memory``.
    """
    if isinstance(found, Refusal):
        return Sentence(
            "Whether where customers go next depends on where they came from cannot be said: "
            f"{found.reason}"
        )
    many = f"n = {count_text(found.n)} customers"
    if found.p <= SURE:
        return Sentence(
            "**Where customers go next depends on where they came from as well, and not on the "
            f"stage alone** ({many}, p = {found.p:.3f}). Who knows the stage guesses "
            f"{share_text(found.right)} of the moves rightly, who knows the one before it too, "
            f"{share_text(found.right_before)}. What-if results, which look at the stage alone, "
            "are approximate."
        )
    if found.p_alike <= SURE:
        own = (
            "nobody's moves could have come in another order, so memory cannot be told from that"
            if found.p != found.p
            else f"the order of a customer's own moves tells nothing more (p = {found.p:.3f})"
        )
        return Sentence(
            "**Where customers go next goes with where they came from, as it would where customers "
            f"differ** ({many}): {own}. What-if results over all customers are approximate."
        )
    return Sentence(
        "**Nothing shows that where customers go next depends on where they came from**: the stage "
        f"tells as much ({many})."
    )


def alignment_sentence(aligned: Alignment, deviations: pd.DataFrame) -> Sentence:
    """Say how far journeys keep to the declared order, and where most of them part from it.

    Args:
        aligned: From ``alignment.align_journeys``.
        deviations: Its table, as it is shown.
    """
    fitness = aligned.fitness
    if isinstance(fitness, Refusal):
        return Sentence(f"How far journeys keep to the order cannot be said: {fitness.reason}")
    told = estimate_text(fitness.value, fitness.low, fitness.high, fitness.unit)
    text = (
        f"**Journeys keep {told} of the declared order of stages** (n = {count_text(fitness.n)} "
        "journeys; none of it is 0 %, all of it 100 %)."
    )
    known = deviations.dropna(subset=["share"])
    exact = known[known["kind"] == "as declared"]
    if len(exact):
        text += f" {share_text(exact['share'].iloc[0])} keep to it exactly."
    parts = known[known["kind"] != "as declared"].sort_values("share", ascending=False)
    if len(parts):
        row = parts.iloc[0]
        text += f" Most often, {share_text(row['share'])} {_parted(row)}."
    return Sentence(text)


def _parted(row: Any) -> str:
    """Write one deviation as the end of a sentence about journeys."""
    stage = _named(row["stage"])
    ways = {
        "left out": f"leave out {stage}",
        "out of order": f"meet {stage} out of order",
        "came back": f"come back to {stage}",
        "ended before": f"end before {stage}",
    }
    return ways[str(row["kind"])]
