"""Three short quotes for each theme: customers' own words, near what most say, of nobody known.

A quote is a sentence or two as it was written. Whatever could name somebody is left aside rather
than masked: there are always other customers. Not for choosing themes (`feedback`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from journeylib.codebook import read_fillers
from journeylib.quoting import make_inert
from journeylib.redaction import redact
from journeylib.vocabulary import count_words, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    About = Callable[[list[str], list[str]], NDArray[np.float64]]

QUOTES = 3
SHORTEST, LONGEST, ENOUGH = 20, 200, 25
MOST_READ = 400
ALIKE = 0.5
FEWEST_SHARING = 5
_ENDS = re.compile(r"(?<=[.!?…؟])[\"'”’)]*\s+|(?<=[。！？])|[\r\n]+")
_LABEL = re.compile(r"\[(?!link\])[\w -]{2,12}\]")
_TELLING = re.compile(
    r"@|\uff20|\d[\d\s/.-]{5,}\d|://|\bwww\.|\[(?:e-mail|phone|card|IBAN|number|address|name|id"
    r"|key|link)\]",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"\b(?:mr|mrs|ms|miss|dr|prof|herr|frau|herrn|monsieur|madame|mme|mlle|señora?|sra?|signora?"
    r"|sig|dhr|mevr|mevrouw|dona|senhora?)\.?\s+[^\W\d_]+|\b(?:my name is|i am called|mein name ist"
    r"|ich hei(?:ß|ss)e|je m'appelle|mon nom est|me llamo|mi nombre es|mi chiamo|il mio nome"
    r"|mijn naam is|ik heet|chamo-me|o meu nome|meu nome)\b"
    r"|\b(?:regards|sincerely|cheers|gr(?:ü|u)(?:ß|ss)e|cordialement|saludos|saluti|groet(?:en)?"
    r"|cumprimentos)\b|(?:اسمي|السيد|السيدة)\s+\w+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_START = re.compile(r"(?:^|[.!?…:;\"“„«(–—-])\s*$")
_ARTICLES = (
    "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner mein "
    "meine meinen meinem meiner unser unsere unserem unseren unserer im am zum zur beim vom ins "
    "diese dieser dieses diesem jede jeder jedes"
)
_GERMAN_ARTICLES = frozenset(_ARTICLES.split())


@dataclass(slots=True)
class Reading:
    """What quotes are chosen from, and what was chosen.

    Attributes:
        table: One row per comment: ``text, own, tongue``.
        shared: Folded words that five customers or more use: no one person's name.
        small: Folded words that somebody writes in small letters.
        taken: Quotes chosen so far; none is shown twice.
    """

    table: pd.DataFrame
    shared: frozenset[str]
    small: frozenset[str]
    taken: set[str] = field(default_factory=set)


def open_reading(table: pd.DataFrame, shared: Sequence[str], *, seed: int = 7) -> Reading:
    """Prepare to choose quotes.

    Args:
        table: One row per comment: ``text, own, tongue``.
        shared: Words that several customers use.
        seed: Chooses which comments tell what is written in small letters.
    """
    texts = table["text"]
    if len(texts) > 20_000:
        texts = texts.sample(20_000, random_state=seed)
    small = {fold(word) for text in texts for word in _WORD.findall(text) if word[0].islower()}
    return Reading(table, frozenset(map(fold, shared)), frozenset(small))


def choose_quotes(reading: Reading, members: NDArray[np.int64], about: About, *,
                  seed: int = 7) -> list[str]:  # fmt: skip
    """Choose three quotes of three customers, the most like what all of them say.

    Args:
        reading: From ``open_reading``; remembers what was chosen.
        members: Places of the theme's comments.
        about: How much each of a list of pieces, in a list of languages, is about the theme; 0
            where it is not.
        seed: Chooses which comments are read where there are more than 400.

    Returns:
        At most three quotes, inert and without personal details.
    """
    if len(members) > MOST_READ:
        rng = np.random.default_rng(seed)
        members = np.sort(rng.choice(members, MOST_READ, replace=False))
    pieces, owners, tongues = [], [], []
    rows = reading.table.iloc[members]
    for text, own, tongue in zip(rows["text"], rows["own"], rows["tongue"], strict=True):
        for piece in cut_pieces(redact(text)):
            if is_anonymous(piece, reading, tongue=tongue):
                pieces.append(piece)
                owners.append(own)
                tongues.append(tongue)
    if not pieces:
        return []
    weight = np.asarray(about(pieces, tongues), dtype=float)
    kept = np.flatnonzero(weight > 0)
    return _most_like([pieces[at] for at in kept], [owners[at] for at in kept], weight[kept],
                      reading.taken)  # fmt: skip


def cut_pieces(text: str) -> list[str]:
    """Cut a comment into pieces of a sentence or two, 20 to 200 signs long.

    Args:
        text: A comment.

    Returns:
        Pieces in order; what is longer is cut at a word and ends in an ellipsis.
    """
    pieces: list[str] = []
    for sentence in (" ".join(part.split()) for part in _ENDS.split(text) if part):
        room = len(pieces[-1]) + len(sentence) < LONGEST if pieces else False
        if room and (len(pieces[-1]) < ENOUGH or len(sentence) < SHORTEST):
            pieces[-1] = f"{pieces[-1]} {sentence}"
        elif sentence:
            pieces.append(sentence)
    shown = [piece if len(piece) <= LONGEST else _shortened(piece) for piece in pieces]
    # Scripts without blanks say as much in a third of the signs.
    return [piece for piece in shown if len(piece) >= SHORTEST or not piece.isascii()]


def _shortened(piece: str) -> str:
    head = piece[: LONGEST - 1]
    cut = max(head.rfind(", "), head.rfind("; "))
    if cut < LONGEST / 2:
        cut = head.rfind(" ")
    return f"{head[: cut if cut > SHORTEST else len(head)].rstrip(' ,;')}…"


def is_anonymous(piece: str, reading: Reading, *, tongue: str) -> bool:
    """Tell whether nothing in a piece could be somebody's name, address or number.

    Args:
        piece: Redacted words.
        reading: Knows which words several customers use.
        tongue: Language of the comment.

    Returns:
        False where a detail was masked, a signature or title stands, or a word is written like a
        name that hardly anybody else uses. Names in small letters, or in scripts without capitals,
        cannot be told here; those of the customers table are masked before.
    """
    if _TELLING.search(piece) or _LABEL.search(piece) or _SIGNED.search(piece):
        return False
    fillers = read_fillers()
    known = fillers.get(tongue, frozenset()) | fillers["en"]
    for word in _WORD.finditer(piece):
        folded = fold(word.group())
        if not word.group()[0].isupper() or folded in reading.shared or folded in known:
            continue
        before = piece[: word.start()]
        if _START.search(before) and folded in reading.small:
            continue
        if tongue == "de" and _follows_article(before):
            continue
        return False
    return True


def _follows_article(before: str) -> bool:
    """Tell whether an article stands before a word, as before most German nouns."""
    near = _WORD.findall(before[-40:])[-3:]
    if not near or not (near[-1][0].islower() or near[-1].casefold() in _GERMAN_ARTICLES):
        return False
    return not _GERMAN_ARTICLES.isdisjoint(word.casefold() for word in near)


def _most_like(
    pieces: list[str], owners: list[object], weight: NDArray[np.float64], taken: set[str]
) -> list[str]:
    """Take pieces near the middle of all, of different customers and with different words."""
    if not pieces:
        return []
    counts = count_words(pieces).counts
    often = np.asarray(counts.sum(axis=0)).ravel()
    table = counts @ sparse.diags(np.log(1 + len(pieces) / often))
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table = (sparse.diags(1 / np.where(length > 0, length, 1)) @ table).tocsr()
    middle = np.asarray(table.mean(axis=0)).ravel()
    near = np.asarray(table @ middle).ravel() / max(float(np.linalg.norm(middle)), 1e-12)
    score = near * (0.5 + 0.5 * weight / weight.max())
    chosen: list[int] = []
    for at in np.lexsort((np.array(pieces), -np.round(score, 9))):
        told = {owners[place] for place in chosen}
        close = any(float((table[at] @ table[place].T).sum()) > ALIKE for place in chosen)
        quote = make_inert(pieces[at])
        if owners[at] in told or close or quote in taken or len(quote) < 6:
            continue
        chosen.append(int(at))
        taken.add(quote)
        if len(chosen) == QUOTES:
            break
    return [make_inert(pieces[at]) for at in chosen]
