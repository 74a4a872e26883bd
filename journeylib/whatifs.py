"""What a client file asks to imagine: scenarios and their changes. Not for working them out.

The first line of a class and the text below a key are what ``params/README.md`` and
``params/schema.json`` say about it. `simulate` says what would follow from a scenario.
"""

from typing import Any

from pydantic import Field
from pydantic_core import InitErrorDetails

from journeylib.errors import did_you_mean
from journeylib.interventions import name_of
from journeylib.sections import Section, conflict
from journeylib.values import Amount, Flag, Share, Text, shown

AIMS = ("to", "loss", "delay")
SIZES = ("factor", "reduce_by", "measured")


class Change(Section):
    """One thing that would be different at a touchpoint.

    What changes is one of `to`, `loss` and `delay`; by how much is one of `factor`, `reduce_by` and
    `measured`.
    """

    touchpoint: Text
    """Where the change is made, as the data names it."""
    to: Text | None = None
    """Next touchpoint: the share of visits that go on to it changes."""
    loss: Flag = False
    """Whether the share of visits that end here changes: journeys that are given up, or
    cancellations where the outcome is retention."""
    delay: Flag = False
    """Whether the share of customers who wait long here changes; needs a delay among the pain
    points whose outcome is known."""
    factor: Amount | None = None
    """What the share is multiplied by: 1.2 adds a fifth."""
    reduce_by: Share | None = None
    """Part of the share that is taken away: 0.5 halves it."""
    low: Amount | None = None
    """Lower end of what `factor` or `reduce_by` may be, where it is a guess; unset with `high`
    means that it is taken as certain."""
    high: Amount | None = None
    """Upper end of the same."""
    measured: Text | None = None
    """Name of an intervention: its measured effect and interval are taken. On `to` they multiply
    that share; on `loss` they are added, in points, to the chance of the outcome from here."""
    instead: Text | None = None
    """Touchpoint that takes or gives the difference; unset means all others in proportion."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse a change of nothing, of two things at once, and a guess without both ends."""
        aims = [key for key in AIMS if _is_set(raw.get(key))]
        sizes = [key for key in SIZES if raw.get(key) is not None]
        found = [*_not_one(aims, AIMS, "changes"), *_not_one(sizes, SIZES, "says by how much")]
        if len(sizes) == 1:
            found += _ends_out_of_order(raw, sizes[0])
        if aims == ["delay"] and raw.get("instead") is not None:
            message = "a shorter wait sends nobody elsewhere."
            found.append(conflict("instead", message=message, fix="Remove it."))
        if aims == ["delay"] and sizes and sizes != ["reduce_by"]:
            message = "a wait is made shorter by reduce_by alone."
            found.append(conflict(sizes[0], message=message, fix="Give reduce_by."))
        return found


def _not_one(named: list[str], keys: tuple[str, ...], what: str) -> list[InitErrorDetails]:
    """Say when none of several keys is given, or more than one."""
    if len(named) == 1:
        return []
    listed, code = ", ".join(keys), "E-PARAMS-VALUE" if named else "E-PARAMS-MISSING"
    message = f"one of {listed} {what}; here is {', '.join(named) or 'none'}."
    place = named[-1] if named else keys[0]
    return [conflict(place, message=message, fix=f"Give one of {listed}.", code=code)]


def _is_set(value: object) -> bool:
    """Tell whether an aim is asked for; ``loss: false`` is none."""
    return value is not None and str(value).lower() != "false"


def _ends_out_of_order(raw: dict[str, Any], size: str) -> list[InitErrorDetails]:
    """Say when the ends of a guess are not around it; what is no number is refused elsewhere."""
    given = [key for key in ("low", "high") if raw.get(key) is not None]
    if not given:
        return []
    if size == "measured":
        message = "a measured effect brings its own interval."
        return [conflict(given[0], message=message, fix="Remove low and high.")]
    if len(given) == 1:
        other = "high" if given == ["low"] else "low"
        message = f"a guess has two ends; {other} is missing."
        return [conflict(given[0], message=message, fix=f"Give {other} too.")]
    try:
        low, middle, high = (float(str(raw[key])) for key in ("low", size, "high"))
    except ValueError:
        return []
    if low <= middle <= high and (size == "factor" or high <= 1):
        return []
    reach = " ≤ 1" if size == "reduce_by" else ""
    message = f"{shown(raw[size])} is not between {shown(raw['low'])} and {shown(raw['high'])}."
    if low <= middle <= high:
        message = f"no more than everything can be taken away; high is {shown(raw['high'])}."
    return [conflict("high", message=message, fix=f"Give low ≤ {size} ≤ high{reach}.")]


class WhatIf(Section):
    """A future state that is imagined: what would be different, and by how much."""

    name: Text
    """What the report calls it; each scenario has its own."""
    changes: list[Change] = Field(min_length=1)
    """What would be different."""


def unmet_measures(raw: dict[str, Any]) -> list[InitErrorDetails]:
    """Find changes that name an intervention the client file does not have.

    Args:
        raw: The whole client file as written; nothing is certain about its values.
    """
    names = [name for one in _listed(raw.get("interventions")) if (name := name_of(one))]
    found = []
    for at, scenario in enumerate(_listed(raw.get("scenarios"))):
        changes = scenario.get("changes") if isinstance(scenario, dict) else None
        for place, change in enumerate(_listed(changes)):
            name = change.get("measured") if isinstance(change, dict) else None
            if name is None or str(name) in names:
                continue
            fix = did_you_mean(str(name), names) or "Name an entry of `interventions`."
            message = f"{shown(name)} is no intervention of this file."
            found.append(
                conflict("scenarios", at, "changes", place, "measured", message=message, fix=fix)
            )
    return found


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
