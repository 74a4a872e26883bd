"""Where each touchpoint stands on the journey: by the client's rules, else by common meaning."""

from __future__ import annotations

import fnmatch
import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMINGS = ("pre_purchase", "purchase", "post_purchase")
# Position of each stage of the preset models relative to the purchase (Lemon & Verhoef 2016).
TIMING_OF = {
    "five": (0, 0, 1, 2, 2),
    "race": (0, 0, 1, 2),
    "lifecycle": (0, 0, 1, 2, 2),
    "loop": (0, 0, 1, 2, 2),
}
# Common words of exports, by the canonical place of the touchpoint: 0 awareness, 1 consideration,
# 2 decision, 3 use and service, 4 advocacy. Only whole words count; two in
# a row ("pick-up") also count as one, and before either of them.
COMMON_WORDS: dict[int, tuple[str, ...]] = {
    0: (
        "ad", "ads", "advert", "campaign", "banner", "landing", "home", "homepage", "promo",
        "search", "social", "impression", "newsletter", "visit", "blog", "seo", "affiliate",
        "instagram",
    ),
    1: (
        "category", "catalog", "catalogue", "product", "view", "detail", "details", "compare",
        "wishlist", "demo", "trial", "pricing", "quote", "filter", "faq", "brochure", "browse",
        "signup", "registration", "register", "consideration", "size",
    ),
    2: (
        "cart", "basket", "checkout", "payment", "pay", "purchase", "order", "buy", "booking",
        "book", "reservation", "deliverychoice", "choice", "contract", "till", "subscribe",
        "conversion",
    ),
    3: (
        "delivery", "shipment", "shipping", "pickup", "onboarding", "setup", "support", "ticket",
        "return", "refund", "renewal", "renew", "login", "account", "use", "usage", "stay",
        "service", "invoice", "billing", "cancellation", "cancel", "survey", "call", "complaint",
        "upgrade",
    ),
    4: (
        "review", "referral", "refer", "share", "recommend", "loyalty", "advocate", "testimonial",
    ),
}  # fmt: skip
PLACE_IN = {
    "five": (0, 1, 2, 3, 4),
    "race": (0, 1, 2, 3, 3),
    "lifecycle": (0, 1, 2, 3, 4),
    "loop": (0, 1, 2, 3, 4),
}
UNMAPPED = "unmapped"


def assign_stages(
    touchpoints: Sequence[str],
    *,
    model: str,
    order: Sequence[str],
    rules: Mapping[str, Sequence[str]],
) -> dict[str, tuple[str, str]]:
    """Give each touchpoint a stage and say where it came from.

    Args:
        touchpoints: Names of touchpoints.
        model: Name of the stage model; ``"custom"`` has no common meanings.
        order: Its stages in journey order.
        rules: Globs for each stage; the first that fits holds, case ignored.

    Returns:
        ``(stage, "rule" | "name" | "")`` by touchpoint; unmapped ones have ``("unmapped", "")``.
    """
    return {name: _stage_of(name, model, order, rules) for name in touchpoints}


def _stage_of(
    name: str, model: str, order: Sequence[str], rules: Mapping[str, Sequence[str]]
) -> tuple[str, str]:
    for stage, globs in rules.items():
        if any(_fits(name, glob) for glob in globs):
            return stage, "rule"
    if model not in PLACE_IN:
        return UNMAPPED, ""
    words = _words(name)
    pairs = {first + second for first, second in pairwise(words)}
    for found in (pairs, {*words, *(word.removesuffix("s") for word in words)}):
        for place in (4, 3, 2, 1, 0):
            if found & set(COMMON_WORDS[place]):
                return order[PLACE_IN[model][place]], "name"
    return UNMAPPED, ""


def _words(name: str) -> list[str]:
    """Take a name apart at blanks, signs and inner capitals.

    Example:
        >>> _words("AddToCart"), _words("sign-up page")
        (['add', 'to', 'cart'], ['sign', 'up', 'page'])
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", parted.casefold()) if word]


def _fits(name: str, glob: str) -> bool:
    """Match a glob, taking blanks, hyphens and underscores as the same."""
    plain = re.sub(r"[\s_-]+", "_", name.casefold())
    return fnmatch.fnmatchcase(plain, re.sub(r"[\s_-]+", "_", glob.casefold()))


def stage_timings(model: str, order: Sequence[str], *, purchase: Sequence[str]) -> dict[str, str]:
    """Place each stage before, at or after the purchase.

    Args:
        model: Name of the stage model.
        order: Its stages in journey order.
        purchase: Stages that hold a purchase touchpoint, for custom models.

    Returns:
        One of ``TIMINGS`` by stage.
    """
    if model in TIMING_OF:
        return {stage: TIMINGS[place] for stage, place in zip(order, TIMING_OF[model], strict=True)}
    held = [index for index, stage in enumerate(order) if stage in purchase]
    middle = min(held) if held else len(order)
    return {
        stage: TIMINGS[(index >= middle) + (index > middle)] for index, stage in enumerate(order)
    }
