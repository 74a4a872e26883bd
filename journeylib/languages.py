"""Whether a text is English: what its language column says, else its most common words.

Telling English from the rest is all this is for. Not for naming a language that nobody declared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

ENGLISH, OTHER, SHORT = "en", "other", "short"
FEWEST_WORDS = 4
ENOUGH_SHARE = 0.2
_ENGLISH_NAMES = frozenset({"en", "eng", "english", "englisch", "inglês", "ingles", "anglais"})
_UNDECLARED = frozenset({"", "-", "?", "und", "unknown", "n/a", "none", "other", "nan"})
# Words without which hardly a sentence of the language is written. A word of two lists counts for
# both, so only what tells the languages apart decides.
_COMMON: dict[str, str] = {
    "en": "the and to of a in is it was i that this for with you not on are be have at as but my "
    "we had they were very so an or from all there by which when no our me their would just "
    "been if one what has more will can your am it's don't didn't wasn't i'm i've",
    "de": "der die das und ist nicht ich es ein eine mit zu den war sehr von auf für im dem so "
    "wir sie aber auch als an bei nur hat noch wie man kein keine wird mir haben",
    "fr": "le la les de des du et est un une pas je que qui pour dans en très ce cette il nous au "
    "avec sur mais plus à était ne se sont par l'hôtel c'est",
    "es": "el la los las de y que en un una es no muy por con para se lo su al del fue como pero "
    "más todo me mi nos está son",
    "pt": "o a os as de e que em um uma é não muito por com para se do da no na foi mas como mais "
    "eu me nos está ao dos das à são tudo sem",
    "it": "il la lo gli le di e che in un una è non molto per con si del della al da ma come più "
    "sono ho mi ci nel alla anche era",
    "nl": "de het een en van is niet ik in dat met op te zijn was voor er maar ook zeer erg we aan "
    "bij wij geen naar om heel",
}
_LISTS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def tell_languages(texts: Iterable[object], declared: Iterable[object]) -> pd.Series:
    """Tell which texts are English.

    Args:
        texts: One text each; missing ones are taken as empty.
        declared: What the client's data says of each; missing where it says nothing.

    Returns:
        ``"en"``, the declared code of another language, ``"other"`` where the words are not
        English, or ``"short"`` where nothing is declared and there are fewer than four words.
        A share of common English words of a fifth, and more than of any other language listed,
        makes a text English.

    Example:
        >>> texts = ["The room was cold", "O quarto era frio", "Fine", ""]
        >>> tell_languages(texts, ["", "", "", "en"])
        0       en
        1    other
        2    short
        3       en
        dtype: str
    """
    pairs = zip(texts, declared, strict=True)
    return pd.Series([_declared(said) or _told(text) for text, said in pairs], dtype="str")


def _declared(said: object) -> str:
    """Bring a declared language to its code: ``en-GB`` and ``English`` are ``en``."""
    word = said.strip().casefold() if isinstance(said, str) else ""
    if word in _UNDECLARED:
        return ""
    code = re.split(r"[-_]", word)[0]
    return ENGLISH if code in _ENGLISH_NAMES else code


def _told(text: object) -> str:
    words = [
        word.replace("’", "'").casefold()
        for word in _WORD.findall(text if isinstance(text, str) else "")
    ]
    if len(words) < FEWEST_WORDS:
        return SHORT
    shares = {
        language: sum(word in common for word in words) / len(words)
        for language, common in _LISTS.items()
    }
    own = shares.pop(ENGLISH)
    return ENGLISH if own >= ENOUGH_SHARE and own > max(shares.values()) else OTHER
