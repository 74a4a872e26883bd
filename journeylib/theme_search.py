"""The search for themes: listed ones by their words, others by what comments say alike.

Each with a score of how far two halves of the customers agree on it. Not for describing what was
found (`theme_cells`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from journeylib.codebook import Hits, Theme, find_hits, read_codebook, read_fillers
from journeylib.topics import STABLE, Topics, find_topics, telling_words
from journeylib.vocabulary import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from journeylib.comments import Comments

LISTED, OWN, FOUND = "listed", "client's own", "found"
REPORTED = "reported"
SPLITS = 20
# Hiragana, and the Chinese signs that hardly any sentence goes without.
_GRAMMAR = re.compile("[\u3041-\u309f的了是我不很在有也都和就这那]")
# A word that a third of all comments use tells no theme apart.
COMMONEST = 0.3
STABILITY = (
    "theme", "kind", "comments", "customers", "agreement", "keywords", "stability", "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ThemeRules:
    """What makes a theme.

    Attributes:
        own: Themes of the client file: name, and words.
        min_comments: Fewest comments of a theme that is reported.
        min_cell: Fewest customers of one.
        stable: Least agreement between two halves of the customers.
        most: Most themes that are looked for beyond the listed ones, in each language.
        seed: Start of the draws.
    """

    own: Mapping[str, Sequence[str]] = field(default_factory=dict)
    min_comments: int = 30
    min_cell: int = 10
    stable: float = STABLE
    most: int = 10
    seed: int = 7


class Found(NamedTuple):
    """Themes with their comments and scores, before any is left out.

    Attributes:
        names: Of the themes.
        kinds: ``LISTED``, ``OWN`` or ``FOUND``.
        members: Comments by themes; 1 where the comment has the theme.
        scores: One row per theme: agreement of assignments and of words between halves, 0 to 1.
        weights: By name, the weight of each word in a theme that was found.
        codebook: The listed themes, in the order in which they come first in ``names``.
    """

    names: list[str]
    kinds: list[str]
    members: sparse.csr_matrix
    scores: NDArray[np.float64]
    weights: dict[str, NDArray[np.float64]]
    codebook: tuple[Theme, ...]

    def places(self, name: str) -> NDArray[np.int64]:
        """Give the places of a theme's comments."""
        return np.asarray(self.members.tocsc()[:, self.names.index(name)].nonzero()[0])


def search_themes(comments: Comments, rules: ThemeRules) -> Found:
    """Find themes in comments.

    Args:
        comments: From ``comments.gather_comments``.
        rules: What makes a theme.

    Returns:
        All themes that were looked for, also those that nobody speaks of.
    """
    codebook = read_codebook(rules.own)
    table = comments.table
    hits = find_hits(comments.words, table["text"].tolist(), table["tongue"].tolist(), codebook)
    listed = _listed(hits, codebook, table, rules)
    return _joined([listed, *_more(comments, listed, rules)])


def judge_themes(found: Found, table: pd.DataFrame, rules: ThemeRules) -> pd.DataFrame:
    """Say of each theme that anybody speaks of how stable it is and whether it is reported.

    Args:
        found: From ``search_themes``.
        table: One row per comment: ``own``.
        rules: What makes a theme.

    Returns:
        Columns ``STABILITY``, the most frequent theme first.
    """
    own = table["own"].to_numpy()
    rows = []
    for place, name in enumerate(found.names):
        inside = found.places(name)
        if not len(inside):
            continue
        customers = len(np.unique(own[inside]))
        agreement, keywords = map(float, found.scores[place])
        stability = min(agreement, keywords)
        verdict = _verdict(len(inside), customers, stability, rules)
        rows.append((name, found.kinds[place], len(inside), customers, agreement, keywords,
                     stability, verdict))  # fmt: skip
    stability_table = pd.DataFrame(rows, columns=list(STABILITY))
    return stability_table.sort_values(
        ["comments", "theme"], ascending=[False, True], kind="stable", ignore_index=True
    )


def _verdict(comments: int, customers: int, stability: float, rules: ThemeRules) -> str:
    if comments < rules.min_comments:
        return f"too few: fewer than {rules.min_comments} comments"
    if customers < rules.min_cell:
        return f"too few: fewer than {rules.min_cell} customers"
    if stability < rules.stable:
        return f"not stable: {stability:.2f}, it takes {rules.stable:.2f}"
    return REPORTED


def _listed(hits: Hits, codebook: Sequence[Theme], table: pd.DataFrame, rules: ThemeRules) -> Found:
    """Take the listed themes, and score how alike two halves of the customers word each."""
    members = hits.members(len(codebook))
    words = _worded_alike(hits, len(codebook), table["own"].to_numpy(), rules.seed)
    # A rule puts a comment into a theme whatever the others say, so assignments always agree.
    scores = np.column_stack([np.ones(len(codebook)), words])
    kinds = [OWN if theme.own else LISTED for theme in codebook]
    names = [theme.name for theme in codebook]
    return Found(names, kinds, members, scores, {}, tuple(codebook))


def _worded_alike(hits: Hits, count: int, own: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Compare the words by which two halves of the customers come to each theme, by cosine."""
    rng = np.random.default_rng(seed)
    _, code = np.unique(own, return_inverse=True)
    customers = int(code.max()) + 1 if len(code) else 0
    scores = np.zeros((SPLITS, count))
    for split in range(SPLITS if customers > 1 else 0):
        half = (rng.permutation(customers) < customers / 2)[code]
        one, two = (np.asarray(hits.used[part].sum(axis=0)).ravel() for part in (half, ~half))
        both, squares = (
            [np.bincount(hits.themes, weights=a * b, minlength=count) for a, b in pairs]
            for pairs in ([(one, two)], [(one, one), (two, two)])
        )
        length = np.sqrt(squares[0] * squares[1])
        scores[split] = np.divide(both[0], length, out=np.zeros(count), where=length > 0)
    return np.asarray(scores.mean(axis=0))


def _more(comments: Comments, listed: Found, rules: ThemeRules) -> list[Found]:
    """Find topics in comments without a listed theme, each language by itself."""
    table = comments.table
    bare = np.asarray(listed.members.sum(axis=1)).ravel() == 0
    tongues, own = table["tongue"].to_numpy(dtype=object), table["own"].to_numpy()
    shared = common_words(comments, rules.min_cell)
    parts = []
    for tongue in sorted(set(tongues[bare])):
        rows = np.flatnonzero(bare & (tongues == tongue))
        counts = comments.words.counts
        here = np.flatnonzero(tongues == tongue)
        often = np.asarray(counts[here].sum(axis=0)).ravel()
        usable = usable_words(comments.words.words, str(tongue)) & (often <= COMMONEST * len(here))
        topics = find_topics(counts[rows], own[rows], usable, seed=rules.seed, most=rules.most)
        parts.append(_named(topics, rows, here, counts, words=comments.words.words,
                            allowed=usable & shared))  # fmt: skip
    return [part for part in parts if part.names]


def _named(
    topics: Topics, rows: NDArray[np.int64], here: NDArray[np.int64], counts: sparse.csr_matrix, *,
    words: Sequence[str], allowed: NDArray[np.bool_],
) -> Found:  # fmt: skip
    """Name topics by the words that tell them from the other comments of their language.

    A topic without a word that enough customers use has no name to show, and is left out.
    """
    names, columns, kept, weights = [], [], [], {}
    for topic in topics.table["topic"].astype(int):
        inside = np.zeros(counts.shape[0], dtype=bool)
        inside[rows[topics.member == topic]] = True
        told = telling_words(counts[here], inside[here], allowed)
        name = " · ".join(words[place] for place in told)
        if name and name not in names:
            names.append(name)
            kept.append(topic)
            columns.append(sparse.csr_matrix(inside.astype(np.float32)[:, None]))
            weights[name] = topics.weights[topic]
    empty = sparse.csr_matrix((counts.shape[0], 0), dtype=np.float32)
    members = sparse.hstack(columns).tocsr() if columns else empty
    scores = topics.table[["agreement", "keywords"]].to_numpy(float)[kept]
    return Found(names, [FOUND] * len(names), members, scores, weights, ())


def usable_words(words: Sequence[str], tongue: str) -> NDArray[np.bool_]:
    """Tell which words can tell a theme of a language: no little words and no single letters.

    In scripts without blanks, pairs of signs with a sign of grammar in them are no words.
    """
    fillers = read_fillers()
    little = fillers.get(tongue, frozenset()) | fillers["en"]
    return np.array(
        [
            len(word) > (2 if word.isascii() else 1)
            and not _GRAMMAR.search(word)
            and fold(word) not in little
            for word in words
        ],
        dtype=bool,
    )


def common_words(comments: Comments, least: int) -> NDArray[np.bool_]:
    """Tell which words so many customers use that they name none of them."""
    _, code = np.unique(comments.table["own"].to_numpy(), return_inverse=True)
    ones = np.ones(len(code), dtype=np.float32)
    shape = (int(code.max()) + 1 if len(code) else 0, len(code))
    by_own = sparse.csr_matrix((ones, (code, np.arange(len(code)))), shape=shape)
    used = (by_own @ comments.words.counts) > 0
    return np.asarray(used.sum(axis=0)).ravel() >= least


def _joined(parts: Sequence[Found]) -> Found:
    return Found(
        [name for part in parts for name in part.names],
        [kind for part in parts for kind in part.kinds],
        sparse.hstack([part.members for part in parts]).tocsr(),
        np.vstack([part.scores for part in parts]),
        {name: own for part in parts for name, own in part.weights.items()},
        parts[0].codebook,
    )
