"""The words by which common themes are known, in several languages, and what a client adds.

Rules, not guesses: a comment has a theme where it uses one of its words, whatever other comments
say. Not for themes that nobody has listed; `topics` finds those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from journeylib.vocabulary import Words, fold
from journeylib.yaml_tree import read_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "lexicon"
ANY = "any"  # words of the client file hold in every language
LONGEST_PATTERN = 24
ARABIC_PREFIXES = ("", "ال", "و", "وال", "بال", "لل", "ب", "ل", "ف", "في")


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme of the codebook.

    Attributes:
        name: As the report shows it.
        patterns: Folded words and phrases by language; `*` stands for any letters at an end.
        own: Whether the client file named it.
    """

    name: str
    patterns: dict[str, tuple[str, ...]]
    own: bool = False


class Hits:
    """Which comments use which words of which theme.

    Attributes:
        used: Sparse, comments by (theme, word) pairs.
        themes: Place of the theme of each pair.
        words: The word or phrase of each pair.
    """

    def __init__(
        self, used: sparse.csr_matrix, themes: NDArray[np.int64], words: Sequence[str]
    ) -> None:
        self.used, self.themes, self.words = used, themes, list(words)

    def members(self, count: int) -> sparse.csr_matrix:
        """Give comments by themes; 1 where the comment has the theme."""
        pairs = len(self.themes)
        ones = np.ones(pairs, dtype=np.float32)
        owner = sparse.csr_matrix((ones, (np.arange(pairs), self.themes)), shape=(pairs, count))
        found = (self.used @ owner).tocsr()
        found.data[:] = 1
        return found


@cache
def _listed() -> tuple[Theme, ...]:
    tree, _ = read_tree((FOLDER / "themes.yml").read_text(encoding="utf-8"), file="themes.yml")
    return tuple(
        Theme(
            _named(str(name)),
            {str(language): _patterns(str(line).split(",")) for language, line in lists.items()},
        )
        for name, lists in tree.items()
    )


@cache
def read_fillers() -> dict[str, frozenset[str]]:
    """Give the words that name no theme, folded, by language."""
    tree, _ = read_tree((FOLDER / "fillers.yml").read_text(encoding="utf-8"), file="fillers.yml")
    return {
        str(language): frozenset(fold(word.strip()) for word in str(line).split(","))
        for language, line in tree.items()
    }


def read_codebook(own: Mapping[str, Sequence[str]] | None = None) -> tuple[Theme, ...]:
    """Give the themes of the kit and those of the client file.

    Args:
        own: Name of a theme: its words, in any language. One that is called like a theme of the
            kit replaces its words; an empty list takes the theme out.

    Returns:
        The themes, the client's own ones last.
    """
    own = {_named(name): words for name, words in (own or {}).items()}
    taken = {fold(name) for name in own}
    kept = [theme for theme in _listed() if fold(theme.name) not in taken]
    made = [Theme(name, {ANY: _patterns(words)}, own=True) for name, words in own.items() if words]
    return (*kept, *made)


def known_languages() -> tuple[str, ...]:
    """Name the languages that the codebook of the kit has words of."""
    return tuple(dict.fromkeys(one for theme in _listed() for one in theme.patterns))


def find_hits(words: Words, texts: Sequence[str], tongues: Sequence[str],
              themes: Sequence[Theme]) -> Hits:  # fmt: skip
    """Find the words of the codebook in comments.

    Args:
        words: The comments' words.
        texts: The comments, for phrases.
        tongues: Language of each comment; one that the codebook does not have is read by the words
            of all clients' own themes and of English.
        themes: The codebook.

    Returns:
        What was found, one column for each theme and word.
    """
    folded = [fold(word) for word in words.words]
    spoken = np.asarray(tongues, dtype=object)
    parts, owners, names = [], [], []
    for language in sorted(set(spoken)):
        rows = np.flatnonzero(spoken == language)
        known = language if language in known_languages() else "en"
        lists = [(*theme.patterns.get(known, ()), *theme.patterns.get(ANY, ())) for theme in themes]
        single, owner, label = _single(folded, lists)
        found = [words.counts[rows] @ single]
        more, more_owner, more_label = _phrases(words, folded, texts, rows, lists)
        found.append(more)
        block = sparse.hstack(found).tocsr()
        back = sparse.csr_matrix(
            (np.ones(len(rows), dtype=np.float32), (rows, np.arange(len(rows)))),
            shape=(len(spoken), len(rows)),
        )
        parts.append(back @ block)
        owners += [*owner, *more_owner]
        names += [*label, *more_label]
    used = sparse.hstack(parts).tocsr() if parts else sparse.csr_matrix((len(spoken), 0))
    used.data[:] = 1
    return Hits(used, np.asarray(owners, dtype=np.int64), names)


def _single(
    folded: Sequence[str], lists: Sequence[Sequence[str]]
) -> tuple[sparse.csr_matrix, list[int], list[str]]:
    """Map words to pairs of theme and pattern, by their ends only: no search through the list."""
    pairs = [(place, one) for place, own in enumerate(lists) for one in own if " " not in one]
    wanted: dict[tuple[str, str], list[int]] = {}
    for at, (_, pattern) in enumerate(pairs):
        for key in _keys(pattern):
            wanted.setdefault(key, []).append(at)
    rows, columns = [], []
    for row, word in enumerate(folded):
        for column in sorted(_matching(word, wanted)):
            rows.append(row)
            columns.append(column)
    ones = np.ones(len(rows), dtype=np.float32)
    shape = (len(folded), len(pairs))
    found = sparse.csr_matrix((ones, (rows, columns)), shape=shape)
    return found, [place for place, _ in pairs], [one for _, one in pairs]


def _keys(pattern: str) -> Iterable[tuple[str, str]]:
    """Give what a pattern is looked up by: the whole word, its beginning, or its end."""
    core = pattern.strip("*")
    if pattern.startswith("*") and "\u0600" <= core[:1] <= "\u06ff":
        # Arabic joins the article and little words to what follows them.
        return [("start" if pattern.endswith("*") else "whole", f"{prefix}{core}")
                for prefix in ARABIC_PREFIXES]  # fmt: skip
    if pattern.startswith("*"):
        return [("end", core)]
    return [("start" if pattern.endswith("*") else "whole", core)]


def _matching(word: str, wanted: Mapping[tuple[str, str], list[int]]) -> set[int]:
    found = set(wanted.get(("whole", word), ()))
    for at in range(2, min(len(word), LONGEST_PATTERN) + 1):
        found.update(wanted.get(("start", word[:at]), ()))
        found.update(wanted.get(("end", word[-at:]), ()))
    return found


def _phrases(
    words: Words, folded: Sequence[str], texts: Sequence[str], rows: NDArray[np.int64],
    lists: Sequence[Sequence[str]],
) -> tuple[sparse.csr_matrix, list[int], list[str]]:  # fmt: skip
    """Look for phrases only in comments that use their rarest word."""
    pairs = [(place, one) for place, own in enumerate(lists) for one in own if " " in one]
    columns_of: dict[str, list[int]] = {}
    for column, word in enumerate(folded):
        columns_of.setdefault(word, []).append(column)
    often = np.asarray(words.counts.sum(axis=0)).ravel()
    by_word = words.counts[rows].tocsc()
    found_rows, found_columns = [], []
    for at, (_, phrase) in enumerate(pairs):
        plain = [part for part in phrase.split() if "*" not in part and "'" not in part]
        known = [columns_of.get(part, []) for part in plain]
        if not known or not all(known):
            continue
        rare = min(known, key=lambda own: often[own].sum())
        spelt = _compiled(phrase)
        for row in np.unique(by_word[:, rare].nonzero()[0]):
            if spelt.search(fold(texts[rows[row]])):
                found_rows.append(row)
                found_columns.append(at)
    ones = np.ones(len(found_rows), dtype=np.float32)
    shape = (len(rows), len(pairs))
    found = sparse.csr_matrix((ones, (found_rows, found_columns)), shape=shape)
    return found, [place for place, _ in pairs], [one for _, one in pairs]


@cache
def _compiled(phrase: str) -> re.Pattern[str]:
    parts = [re.escape(part).replace(r"\*", r"\w*") for part in phrase.split()]
    return re.compile(r"(?<!\w)" + r"[\W_]+".join(parts) + r"(?!\w)")


def _patterns(words: Iterable[str]) -> tuple[str, ...]:
    """Fold patterns; a hyphen inside a word stays."""
    folded = (" ".join(fold(str(word)).split()) for word in words)
    return tuple(dict.fromkeys(word for word in folded if word.strip("* ")))


def _named(name: str) -> str:
    text = " ".join(str(name).split())
    return text[:1].upper() + text[1:]
