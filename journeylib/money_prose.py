"""What goes along with the outcome, and what it costs, in computed sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.exhibits import Sentence
from journeylib.labels import count_text, estimate_text, interval_text, place_text, value_text

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

    from journeylib.money import Priced

KINDS = {
    "loss": "meeting", "delay": "a long wait at", "repeat": "coming back to",
    "sentiment": "a bad word about", "inconsistency": "the worse channel of",
}  # fmt: skip


def trouble_text(row: Any) -> str:
    """Write a trouble as a reader says it, such as ``a long wait at “delivery” (courier)``."""
    place = place_text(row["touchpoint"], row["channel"], quoted=True)
    return f"{KINDS.get(str(row['kind']), str(row['kind']))} {place}"


def association_sentence(associated: pd.DataFrame, reason: str = "") -> Sentence:
    """Say how many troubles go along with the outcome, adjusted and by the plain difference.

    Args:
        associated: From ``association.associate``.
        reason: Why nothing could be followed.
    """
    measured = associated[associated["verdict"] != "refused"] if len(associated) else associated
    if measured.empty:
        why = reason or "too few met any trouble, or nobody can be compared"
        return Sentence(f"What goes along with the outcome cannot be told: {why}.")
    worse = measured[measured["verdict"] == "worse"].sort_values("value", kind="stable")
    plain = int((measured["naive_high"].astype(float) < 0).sum())
    refused = len(associated) - len(measured)
    text = (
        f"**{len(worse)} of {len(measured)} troubles clearly go along with a worse outcome**, once "
        f"customers are compared with their like; the plain difference would have named {plain}."
    )
    if refused:
        text += f" {refused} more could not be compared."
    if len(worse):
        first = worse.iloc[0]
        told = estimate_text(first["value"], first["low"], first["high"], "share", difference=True)
        text += f" The largest difference is {trouble_text(first)}: {told}. {first['e_sentence']}"
    return Sentence(text)


def money_sentence(priced: Priced) -> Sentence:
    """Say what the clear troubles cost a year, and which costs most.

    Args:
        priced: From ``money.price_pains``.
    """
    if priced.pains.empty:
        return Sentence(f"**No price is put on pain points**: {priced.reason}")
    total, first = priced.total.iloc[0], priced.pains.iloc[0]
    lost = count_text(round(float(total["lost_per_year"])))
    if priced.reason or not float(total["money_value"]) == float(total["money_value"]):  # noqa: SIM201
        return Sentence(
            f"**About {lost} good outcomes a year are lost** where something clearly goes wrong, "
            f"most of them by {trouble_text(first)}. {priced.reason}"
        )
    unit = str(total["unit"])
    whole = estimate_text(total["money_value"], total["money_low"], total["money_high"], unit)
    narrow = interval_text(total["money_low80"], total["money_high80"], unit)
    part = estimate_text(first["money_value"], first["money_low"], first["money_high"], unit)
    quarter = value_text(float(total["money_value"]) / 4, unit)
    return Sentence(
        f"**What clearly goes along with a worse outcome is worth {whole} a year** (80 %: "
        f"{narrow}), {lost} good outcomes. The largest part is {trouble_text(first)}: {part}. "
        f"Sparing a quarter of those affected would be worth {quarter}, if all of it is effect."
    )
