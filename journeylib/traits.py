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
    "regularity": ("Regular", "Irregular"),
    "support": ("Complaint-prone", "Seldom asks"),
    "surveys": ("Outspoken", "Silent"),
    "satisfaction": ("Content", "Discontent"),
}
# Features as a reader says them; the unit of a value in natural units.
WORDS: dict[str, tuple[str, str]] = {
    "recency": ("time since last seen", "days"),
    "frequency": ("orders or visits", ""),
    "money": ("mean order value", "money"),
    "tenure": ("time since first seen", "days"),
    "breadth": ("different touchpoints", ""),
    "regularity": ("regularity of returns, 0 to 1", ""),
    "support": ("support contacts of 100", ""),
    "surveys": ("survey answers of 100 contacts", ""),
    "satisfaction": ("satisfaction, −1 to 1", "sentiment"),
}


def find_features(apart: pd.Series) -> list[str]:
    """Choose the features that set a group apart by half a standard deviation or more.

    Args:
        apart: Distance from the average customer by feature, in standard deviations.

    Returns:
        At most three, the furthest first. A channel that a group uses little is named only where
        nothing else sets it apart: what customers do not do is no character.
    """
    telling = apart[apart.abs() >= TELLING].sort_values(key=lambda value: -value.abs())
    known = [str(name) for name in telling.index]
    shown = [name for name in known if apart[name] > 0 or not name.startswith("channel:")]
    return (shown or known)[:MOST_TRAITS]


def find_traits(apart: pd.Series, *, leading: str = "") -> list[str]:
    """Name the features that set a group apart by half a standard deviation or more.

    Args:
        apart: Distance from the average customer by feature, in standard deviations.
        leading: The channel that the group uses most, such as ``channel:app``; others that it uses
            more than the average customer are not called its first. Empty where it is not known.

    Returns:
        At most three, the furthest first.
    """
    return [name_trait(name, float(apart[name]), leading) for name in find_features(apart)]


def name_trait(feature: str, value: float, leading: str = "") -> str:
    """Name what a distance from the average customer says of a group.

    Args:
        feature: Name of the feature.
        value: Standard deviations from the average customer.
        leading: The channel that the group uses most, or empty.

    Example:
        >>> name_trait("channel:app", 0.9, "channel:web")
        'More app'
    """
    if feature in TRAITS:
        return TRAITS[feature][0 if value > 0 else 1]
    if feature.startswith("channel:"):
        channel = feature.removeprefix("channel:")
        first = leading in {"", feature}
        more = f"{channel.capitalize()}-first" if first else f"More {channel}"
        return more if value > 0 else f"Little {channel}"
    if "=" in feature:
        name, level = feature.split("=", maxsplit=1)
        return f"{name}: {level}" if value > 0 else f"{name}: not {level}"
    return f"High {feature}" if value > 0 else f"Low {feature}"


def feature_words(feature: str) -> str:
    """Write a feature as a reader says it.

    Example:
        >>> feature_words("channel:app"), feature_words("contract=yearly")
        ('part of app in contacts', 'contract: yearly')
    """
    if feature in WORDS:
        return WORDS[feature][0]
    if feature.startswith("channel:"):
        return f"part of {feature.removeprefix('channel:')} in contacts"
    return feature.replace("=", ": ").replace("_", " ")


def unit_of_feature(feature: str, currency: str) -> str:
    """Give the unit in which a feature's natural value is written.

    Args:
        feature: Name of the feature.
        currency: The client's currency, or empty.
    """
    unit = WORDS[feature][1] if feature in WORDS else ""
    if "=" in feature or feature.startswith("channel:"):
        return "share"
    return currency if unit == "money" else unit


def name_groups(given: Mapping[int, str], traits: Mapping[int, list[str]]) -> dict[int, str]:
    """Name each group: by the analyst, else by its traits; two of one name are numbered.

    Args:
        given: The analyst's name by group, or an empty text.
        traits: From ``find_traits``, by group.

    Returns:
        A name of its own for each group.
    """
    seen: dict[str, int] = {}
    names: dict[int, str] = {}
    for group, own in given.items():
        name = own or " · ".join(traits[group]) or "Average"
        seen[name] = seen.get(name, 0) + 1
        fresh = name if seen[name] == 1 else f"{name} ({seen[name]})"
        while fresh in names.values():
            seen[name] += 1
            fresh = f"{name} ({seen[name]})"
        names[group] = fresh
    return names


def describe_group(apart: pd.Series, traits: list[str]) -> str:
    """Say in one sentence what sets a group apart, and how far.

    Args:
        apart: Distance from the average customer by feature, in standard deviations.
        traits: From ``find_traits``.
    """
    if not traits:
        return "Close to the average customer in everything measured."
    told = [
        f"{trait.lower()} ({_far(float(apart[name]))} in {feature_words(name)})"
        for trait, name in zip(traits, find_features(apart), strict=True)
    ]
    return f"Differs from the average customer by: {', '.join(told)}."


def _far(value: float) -> str:
    return f"{value:+.1f} SD".replace("-", "−")
