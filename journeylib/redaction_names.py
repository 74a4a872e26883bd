"""Customers' own names in what they write: full names in any order, and single names where rare.

Texts are looked up word by word in sets, so a hundred thousand comments take seconds, however many
customers there are. Not for numbers or addresses; see `redaction`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST_SINGLE = 3
MOST_WORDS = 5
FEWEST_LOWER = 3
_BETWEEN = re.compile(r"[ \u00a0\t]*[,.]?[ \u00a0\t]*")
_LABEL = re.compile(r"\[[\w -]+\]")
_WORD = re.compile(r"[^\W\d_]+(?:['’\u02bc-][^\W\d_]+)*")
# Names that are everyday words too; alone they say nothing about a person.
COMMON_WORDS = frozenset(
    _WORD.findall(
        "will mark may grace hope rose bill art june april august summer joy faith dawn frank "
        "jack rich drew chase grant miles page price young long short brown white black green "
        "king day best good strong sharp love guy max star sky angel christian holiday west east "
        "north south banks bank store shop baker cook carpenter hunter fisher mason taylor smith "
        "potter porter card case bell ball bush church field forest hill lake river stone wood "
        "woods house home paris london berlin vienna lisbon porto sydney florence victoria "
        "charlotte sofia madison austin dallas monday tuesday wednesday thursday friday saturday "
        "sunday januar februar juni juli oktober herr frau mr mrs ms dr prof sir madame monsieur "
        "señor señora the and und der die das von van de da do dos del della di du la le les los "
        "las el al bin ibn ben san santa saint st customer kunde client cliente order support "
        "team service hotel delivery thanks danke "
    )
)
LEGAL_FORMS = frozenset(
    _WORD.findall(
        "gmbh ag kg ohg ug mbh ltd limited llc llp inc corp plc co sa sas sarl srl spa sl bv nv "
        "oy ab as aps lda ltda sro kft pty company group gruppe holding hotel hotels shop store "
        "bank "
    )
)


def fold_word(word: str) -> str:
    """Write a word so that case and accents make no difference.

    Example:
        >>> fold_word("José"), fold_word("STRASSE"), fold_word("Øster")
        ('jose', 'strasse', 'oster')
    """
    if word.isascii():
        return word.casefold()
    apart = unicodedata.normalize("NFKD", word.replace("ø", "o").replace("Ø", "O")).casefold()
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return bare.replace("\u02bc", "'").replace("’", "'").replace("ł", "l").replace("đ", "d")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a client's customers, ready to be looked up.

    Attributes:
        full: Each full name as its folded words in order of letters.
        singles: Words of names that may be masked alone.
        words: All words of all names.
    """

    full: frozenset[tuple[str, ...]] = frozenset()
    singles: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    def mask(self, text: str) -> str:
        """Put ``[name]`` where a customer is named.

        Full names are found in any case and order, with a comma, a full stop or nothing between
        their words; a single name only where it is written with a capital.
        """
        if self.words.isdisjoint(_WORD.findall(fold_word(text))):
            return text
        found = [word for word in _WORD.finditer(text) if fold_word(word.group()) in self.words]
        labels = [label.span() for label in _LABEL.finditer(text)]
        found = [w for w in found if not any(a < w.start() < b for a, b in labels)]
        spans, place = [], 0
        while place < len(found):
            last = self._longest(text, found, place)
            if last >= place:
                spans.append((found[place].start(), found[last].end()))
            place = max(last, place) + 1
        for start, end in reversed(spans):
            text = f"{text[:start]}[name]{text[end:]}"
        return text

    def _longest(self, text: str, found: list[re.Match[str]], first: int) -> int:
        """Give the last word of the longest name that begins here; before it where there is none.

        Initials and middle names between the words of a known name are part of it.
        """
        words: list[str] = []
        best = first - 1
        for place in range(first, min(first + MOST_WORDS, len(found))):
            if place > first:
                between = text[found[place - 1].end() : found[place].start()]
                if not _BETWEEN.fullmatch(between):
                    break
            words.append(fold_word(found[place].group()))
            if len(words) > 1 and tuple(sorted(words)) in self.full:
                best = place
        alone = found[first].group()
        if best < first and alone[0].isupper() and words[0] in self.singles:
            best = first
        return best


def gather_names(
    names: Iterable[str], *, texts: Iterable[str] = (), keep: Iterable[str] = ()
) -> Names:
    """Prepare the names of the customers table for masking.

    Args:
        names: Full names, or first and last names by themselves; "Silva, Ana" is one name.
        texts: The texts to be masked: a name that they also use as an everyday word, in small
            letters and more often so than with a capital, is masked only as part of a full name.
        keep: Words that are never masked alone, such as those of the client's own name.

    Returns:
        The names.

    Example:
        >>> gather_names(["Silva, Ana"]).mask("Ana Silva called; ask silva or Silva.")
        '[name] called; ask silva or [name].'
    """
    full, alone = set(), set()
    for name in names:
        words = tuple(sorted(map(fold_word, _WORD.findall(name))))
        if not words or len(words) > MOST_WORDS:
            continue
        full.add(words)
        if not LEGAL_FORMS & set(words):
            alone |= {word for word in words if len(word) >= SHORTEST_SINGLE}
    kept = {fold_word(word) for text in keep for word in _WORD.findall(text)}
    singles = alone - COMMON_WORDS - kept
    singles -= _everyday(texts, singles)
    inner = frozenset(_without_middle(full))
    words_of = {word for words in full for word in words if len(words) > 1}
    return Names(frozenset(full) | inner, frozenset(singles), frozenset(words_of | singles))


def _without_middle(full: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    """Give each pair of longer words of a name of three and more: few write all their names."""
    for words in full:
        long = [word for word in words if len(word) >= SHORTEST_SINGLE]
        if len(words) > 2:
            yield from ((a, b) for place, a in enumerate(long) for b in long[place + 1 :])


def _everyday(texts: Iterable[str], singles: set[str]) -> set[str]:
    """Find names that the texts use in small letters, and more often so than with a capital."""
    lower: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in texts if singles else ():
        for word in _WORD.findall(text):
            folded = fold_word(word)
            if folded in singles:
                (lower if word.islower() else capital)[folded] += 1
    return {word for word, n in lower.items() if n >= FEWEST_LOWER and n > capital[word]}
