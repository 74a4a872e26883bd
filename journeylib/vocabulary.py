"""Comments as words: told apart in any script, and counted once for each comment.

Not for what words mean (`codebook`) or for telling English from the rest (`languages`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Signs above and below letters; Arabic, Hebrew and Indic vowels among them are no letters to `re`.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e"
_LETTER = rf"[^\W\d_][{_MARKS}]*"
_WORD = re.compile(rf"(?:{_LETTER})+(?:['’\u02bc-](?:{_LETTER})+)*")
_MASK = re.compile(r"\[[\w -]{2,12}\]")  # what redaction puts in place of a detail
# Scripts that set no blanks between words: every two signs stand for a word.
_UNBROKEN = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_LATIN = {
    code: base
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
    if (base := unicodedata.normalize("NFKD", chr(code))[0]) != chr(code) and base.isascii()
}
_LATIN |= {ord("ß"): "ss", ord("ø"): "o", ord("ł"): "l", ord("đ"): "d", ord("æ"): "ae",
           ord("œ"): "oe", ord("’"): "'", ord("\u02bc"): "'"}  # fmt: skip


class Words(NamedTuple):
    """Which comments use which words.

    Attributes:
        counts: One row per comment, one column per word; 1 where it is used.
        words: The words, in small letters, in the order in which they were met.
    """

    counts: sparse.csr_matrix
    words: list[str]


def fold(text: str) -> str:
    """Write a text so that case and the accents of Latin letters make no difference.

    Example:
        >>> fold("Rücksendung"), fold("Atenção"), fold("配送")
        ('rucksendung', 'atencao', '配送')
    """
    small = text.casefold()
    return small if small.isascii() else small.translate(_LATIN)


def split_words(text: str) -> list[str]:
    """Split a comment into words in small letters; labels of masked details are none.

    Example:
        >>> split_words("The check-in took 20 min, says [name]")
        ['the', 'check-in', 'took', 'min', 'says']
        >>> split_words("配送が遅い")
        ['配送', '送が', 'が遅', '遅い']
    """
    if "[" in text:
        text = _MASK.sub(" ", text)
    found = _WORD.findall(text.lower())
    if text.isascii() or not _UNBROKEN.search(text):
        return found
    return [part for word in found for part in _parted(word)]


def _parted(word: str) -> Iterable[str]:
    if not _UNBROKEN.search(word):
        return [word]
    runs = _UNBROKEN.findall(word)
    return [run[at : at + 2] for run in runs for at in range(max(len(run) - 1, 1))]


def count_words(texts: Sequence[str]) -> Words:
    """Note which comments use which words.

    Args:
        texts: One comment each.

    Returns:
        A row per comment, in order.
    """
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__
    columns, ends = [], [0]
    for text in texts:
        columns.extend(sorted({places[word] for word in split_words(text)}))
        ends.append(len(columns))
    ones = np.ones(len(columns), dtype=np.float32)
    shape = (len(ends) - 1, max(len(places), 1))
    index = np.asarray(columns, dtype=np.int64)
    counts = sparse.csr_matrix((ones, index, np.asarray(ends, dtype=np.int64)), shape=shape)
    return Words(counts, list(places) or [""])


@lru_cache(maxsize=256)
def _script_letters(script: str) -> re.Pattern[str]:
    ranges = {
        "ar": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufefc", "he": "\u0590-\u05ff",
        "ja": "\u3040-\u30ff", "zh": "\u3400-\u9fff", "ko": "\uac00-\ud7a3",
        "ru": "\u0400-\u04ff", "el": "\u0370-\u03ff", "hi": "\u0900-\u097f", "th": "\u0e00-\u0e7f",
    }  # fmt: skip
    return re.compile(f"[{ranges[script]}]")


SCRIPTS = ("ar", "he", "ja", "ko", "zh", "ru", "el", "hi", "th")


def tell_script(text: str) -> str:
    """Name the most usual language of a text's script; empty where it is Latin.

    Example:
        >>> tell_script("التوصيل متأخر"), tell_script("配送が遅い"), tell_script("Too late")
        ('ar', 'ja', '')
    """
    if text.isascii():
        return ""
    letters = sum(sign.isalpha() for sign in text)
    found = {script: len(_script_letters(script).findall(text)) for script in SCRIPTS}
    if found["ja"] and found["ja"] + found["zh"] > letters / 2:
        return "ja"
    script = max(found, key=lambda one: found[one])
    return script if found[script] > letters / 2 else ""
