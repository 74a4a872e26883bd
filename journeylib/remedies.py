"""Which action pattern fits a pain: the catalogue of patterns, each with its source.

Not for ranking; `opportunities` does that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).parent / "catalogue" / "actions.json"


@dataclass(frozen=True, slots=True)
class Fitting:
    """Where a pattern fits.

    Attributes:
        kind: Kind of pain.
        timing: Timings of the touchpoint at which it fits.
        words: Parts of names of which one must stand in the touchpoint's; none means any name.
    """

    kind: str
    timing: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """An action pattern.

    Attributes:
        name: Such as ``simplify``.
        action: What to do, in a few words.
        suggestion: The same as a sentence, with ``{place}`` for the touchpoint.
        why: Why it may help, one sentence.
        reference: Where that was found.
        effort: First guess of the effort, 1 (days) to 5 (a year).
        fits: Pains that it fits.
    """

    name: str
    action: str
    suggestion: str
    why: str
    reference: str
    effort: int
    fits: tuple[Fitting, ...]


@cache
def read_catalogue() -> tuple[Remedy, ...]:
    """Read the packaged patterns, in the order in which they are tried."""
    stored = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return tuple(
        Remedy(
            one["name"], one["action"], one["suggestion"], one["why"], one["reference"],
            int(one["effort"]),
            tuple(
                Fitting(fit["kind"], tuple(fit["timing"]), tuple(fit.get("words", ())))
                for fit in one["fits"]
            ),
        )
        for one in stored["patterns"]
    )  # fmt: skip


def choose_remedy(kind: str, timing: str, touchpoint: str) -> Remedy:
    """Choose the pattern for a pain.

    Args:
        kind: ``loss``, ``delay``, ``repeat``, ``sentiment`` or ``inconsistency``.
        timing: ``pre_purchase``, ``purchase`` or ``post_purchase``.
        touchpoint: Its name; a word in it may decide between two patterns.

    Returns:
        The first pattern whose words stand in the name, else the first that asks for none, else
        *inform*, which does no harm anywhere.

    Example:
        >>> choose_remedy("delay", "post_purchase", "delivery").name
        'speed up'
    """
    name = touchpoint.casefold()
    general: Remedy | None = None
    for remedy in read_catalogue():
        for fit in remedy.fits:
            if fit.kind != kind or timing not in fit.timing:
                continue
            if any(word in name for word in fit.words):
                return remedy
            if not fit.words and general is None:
                general = remedy
    return general or next(one for one in read_catalogue() if one.name == "inform")
