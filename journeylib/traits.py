"""What sets a group of customers apart, in words. Not for finding the groups; see `personas`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TELLING = 0.5
MOST_TRAITS = 3
TRAITS: dict[str, tuple[str, str]] = {
    "recency": ("Lapsed", "Recent"),
    "frequency": ("Frequent", "Occasional"),
    "money": ("High-value", "Low-value"),
    "tenure": ("Long-standing", "New"),
    "breadth": ("Explorer", "Direct"),
}


def find_traits(apart: pd.Series) -> list[str]:
    """Name the features that set a group apart by half a standard deviation or more.

    Args:
        apart: Distance from the average customer by feature, in standard deviations.

    Returns:
        At most three, the furthest first. A channel that a group uses little is named only where
        nothing else sets it apart: what customers do not do is no character.
    """
    telling = apart[apart.abs() >= TELLING].sort_values(key=lambda value: -value.abs())
    known = [(str(name), float(value)) for name, value in telling.items()]
    shown = [one for one in known if one[1] > 0 or not one[0].startswith("channel:")]
    return [_trait(name, value) for name, value in (shown or known)[:MOST_TRAITS]]


def _trait(feature: str, value: float) -> str:
    if feature in TRAITS:
        return TRAITS[feature][0 if value > 0 else 1]
    if feature.startswith("channel:"):
        channel = feature.removeprefix("channel:")
        return f"{channel.capitalize()}-first" if value > 0 else f"Little {channel}"
    if "=" in feature:
        name, level = feature.split("=", maxsplit=1)
        return f"{name}: {level}" if value > 0 else f"{name}: not {level}"
    return f"High {feature}" if value > 0 else f"Low {feature}"


def name_groups(given: Mapping[int, str], traits: Mapping[int, list[str]]) -> dict[int, str]:
    """Name each group: by the analyst, else by its traits; two of one name are numbered.

    Args:
        given: The analyst's name by group, or an empty text.
        traits: From ``find_traits``, by group.

    Returns:
        A name of its own for each group.
    """
    seen: dict[str, int] = {}
    names = {}
    for group, own in given.items():
        name = own or " · ".join(traits[group]) or "Average"
        seen[name] = seen.get(name, 0) + 1
        names[group] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def describe_group(traits: list[str]) -> str:
    """Say in one sentence what sets a group apart.

    Example:
        >>> describe_group(["High-value", "App-first"])
        'Set apart from the average customer by: high-value, app-first.'
    """
    if not traits:
        return "Close to the average customer in everything measured."
    return f"Set apart from the average customer by: {', '.join(traits).lower()}."
