"""Themes that no list knows: groups of words that comments use together, if they are stable.

Non-negative factors of weighted words. Their number is chosen, and each is kept or not, by whether
two halves of the same customers lead to the same groups. Not for listed themes (`codebook`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]
    Tried = tuple[Floats, Floats, float]  # topics, their scores, comments in stable ones

FEWEST_COMMENTS, FEWEST_TO_FIT = 30, 60
MOST_TOPICS, MOST_FITTED, MOST_WORDS = 10, 6000, 2000
SPLITS = 3
STABLE = 0.7
NEAR, NEARLY_ALL = 0.2, 0.95
RAREST = 5
PRIOR = 500.0


class Topics(NamedTuple):
    """Groups of words found in comments.

    Attributes:
        member: Topic of each comment, -1 where none is near.
        near: How near each comment lies to its topic, 0 to 1.
        table: One row per topic: ``topic, comments, agreement`` (of assignments, 0 to 1),
            ``keywords`` (agreement of words, 0 to 1).
        weights: Topics by the words given.
    """

    member: Places
    near: Floats
    table: pd.DataFrame
    weights: Floats


def find_topics(counts: sparse.csr_matrix, own: Places, usable: NDArray[np.bool_], *,
                seed: int = 7, most: int = MOST_TOPICS) -> Topics:  # fmt: skip
    """Find groups of words that comments of one language use together.

    Args:
        counts: Comments by words, 1 where a word is used.
        own: Customer of each comment.
        usable: Which words may tell a topic apart; little words do not.
        seed: Start of the draws: who is in which half, and who is in the sample for the fit.
        most: Most topics.

    Returns:
        The topics. With more than 6,000 comments a sample is fitted and all are assigned. Of each
        number of topics, the smallest that puts nearly most comments into stable topics is taken;
        topics that are not stable are given too, with their scores. None below 60 comments.

    References:
        Lee & Seung (1999), Nature 401:788-791; Greene, O'Callaghan & Cunningham (2014), "How many
        topics? Stability analysis for topic models", ECML PKDD.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(counts.shape[0])
    if len(rows) > MOST_FITTED:
        rows = np.sort(rng.choice(rows, MOST_FITTED, replace=False))
    columns = _vocabulary(counts[rows], own[rows], usable)
    if len(rows) < FEWEST_TO_FIT or len(columns) < 4:
        return _none(counts)
    often = np.asarray(counts[rows][:, columns].sum(axis=0)).ravel()
    weigh = np.log((1 + len(rows)) / (1 + often)) + 1
    fitted = _weighted(counts[rows][:, columns], weigh)
    halves = [_halves(own[rows], rng) for _ in range(SPLITS)]
    largest = min(most, len(rows) // FEWEST_COMMENTS, len(columns) - 1)
    tried = (_tried(fitted, halves, k, seed) for k in range(2, largest + 1))
    best = _fewest(list(tried))
    if best is None:
        return _none(counts)
    factors, scores, _ = best
    member, near = _assigned(_weighted(counts[:, columns], weigh), factors)
    weights = np.zeros((len(factors), counts.shape[1]))
    weights[:, columns] = factors
    sizes = np.bincount(member[member >= 0], minlength=len(factors))
    table = pd.DataFrame({"topic": np.arange(len(factors)), "comments": sizes})
    table["agreement"], table["keywords"] = scores.T
    return Topics(member, near, table, weights)


def log_odds(own: Floats, others: Floats, prior: Floats) -> Floats:
    """Weigh how much more a group uses each word than the rest, rare words with caution.

    Args:
        own: Uses of each word in the group.
        others: Uses of each word elsewhere.
        prior: Uses of each word that are taken for granted beforehand, above 0.

    Returns:
        z-scores: log-odds ratio over its standard error.

    References:
        Monroe, Colaresi & Quinn (2008), "Fightin' words", Political Analysis 16(4):372-403,
        eqs. 16, 20 and 22.

    Example:
        >>> z = log_odds(np.array([30.0, 10.0]), np.array([10.0, 30.0]), np.array([5.0, 5.0]))
        >>> [round(float(one), 2) for one in z]
        [5.49, -5.49]
    """
    a, b, whole = own + prior, others + prior, prior.sum()
    ratio = np.log(a / (own.sum() + whole - a)) - np.log(b / (others.sum() + whole - b))
    return np.asarray(ratio / np.sqrt(1 / a + 1 / b))


def telling_words(
    counts: sparse.csr_matrix, member: NDArray[np.bool_], allowed: NDArray[np.bool_], *,
    most: int = 3,
) -> list[int]:  # fmt: skip
    """Choose the words that tell a group of comments from the others.

    Args:
        counts: Comments by words, 1 where a word is used.
        member: Whether each comment is in the group.
        allowed: Whether each word may be named.
        most: Most words.

    Returns:
        Places of words that the group uses more, the most telling first.
    """
    inside = np.asarray(counts[member].sum(axis=0), dtype=float).ravel()
    every = np.asarray(counts.sum(axis=0), dtype=float).ravel()
    scale = min(PRIOR, every.sum()) / max(every.sum(), 1)
    z = np.where(allowed & (inside > 0), log_odds(inside, every - inside, every * scale + 1e-6), 0)
    order = np.argsort(-z, kind="stable")
    return [int(place) for place in order[:most] if z[place] > 0]


# ---------------------------------------------------------------- fitting


def _none(counts: sparse.csr_matrix) -> Topics:
    n = counts.shape[0]
    table = pd.DataFrame({"topic": [], "comments": [], "agreement": [], "keywords": []})
    return Topics(np.full(n, -1), np.zeros(n), table, np.zeros((0, counts.shape[1])))


def _vocabulary(counts: sparse.csr_matrix, own: Places, usable: NDArray[np.bool_]) -> Places:
    """Keep words that several customers use, the most usual ones first."""
    often = np.asarray(counts.sum(axis=0)).ravel()
    least = max(RAREST, counts.shape[0] // 1000)
    known = usable & (often >= least) & (often < counts.shape[0])
    places = np.flatnonzero(known)
    if len(own) == 0 or len(places) == 0:
        return places
    places = places[np.argsort(-often[places], kind="stable")][:MOST_WORDS]
    _, code = np.unique(own, return_inverse=True)
    ones = np.ones(len(code), dtype=np.float32)
    by_own = sparse.csr_matrix((ones, (code, np.arange(len(code))))) @ counts[:, places]
    return np.sort(places[np.asarray((by_own > 0).sum(axis=0)).ravel() >= least])


def _weighted(counts: sparse.csr_matrix, weigh: Floats) -> sparse.csr_matrix:
    table = (counts @ sparse.diags(weigh)).tocsr().astype(np.float64)
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(length > 0, length, 1)) @ table).tocsr()


def _halves(own: Places, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw half of the customers, not of their comments."""
    _, code = np.unique(own, return_inverse=True)
    order = rng.permutation(int(code.max()) + 1)
    return np.asarray((order < len(order) / 2)[code])


def _factors(table: sparse.csr_matrix, k: int, seed: int) -> Floats:
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(k, init="nndsvda", random_state=seed, max_iter=200, tol=1e-3)
    # A perfect fit leaves a residual a hair below zero.
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(table)
    found = np.asarray(model.components_, dtype=float)
    length = np.sqrt((found**2).sum(axis=1, keepdims=True))
    return found / np.where(length > 0, length, 1)


def _assigned(table: sparse.csr_matrix, factors: Floats) -> tuple[Places, Floats]:
    near = np.asarray(table @ factors.T)
    best = near.argmax(axis=1)
    height = near[np.arange(len(best)), best]
    return np.where(height >= NEAR, best, -1), height


def _tried(
    table: sparse.csr_matrix, halves: Sequence[NDArray[np.bool_]], k: int, seed: int
) -> Tried:
    """Fit all and the halves; score each topic by how alike the two halves see it."""
    whole = _factors(table, k, seed)
    member, _ = _assigned(table, whole)
    found = [_agreement(table, half, whole, seed) for half in halves]
    scores = np.mean(found, axis=0)
    sizes = np.bincount(member[member >= 0], minlength=k)
    good = (scores.min(axis=1) >= STABLE) & (sizes >= FEWEST_COMMENTS)
    return whole, scores, float(sizes[good].sum()) + float(scores.min(axis=1).mean())


def _fewest(tried: list[Tried]) -> Tried | None:
    """Take the fewest topics that put nearly as many comments into stable ones as any number."""
    enough = NEARLY_ALL * max((covered for _, _, covered in tried), default=0.0)
    return next((one for one in tried if one[2] >= enough), None)


def _agreement(
    table: sparse.csr_matrix, half: NDArray[np.bool_], whole: Floats, seed: int
) -> Floats:
    """Give each topic's agreement of comments (Jaccard) and of words (cosine) between halves."""
    sides = []
    for part in (half, ~half):
        factors = _factors(table[part], len(whole), seed)
        _, order = linear_sum_assignment(-(whole @ factors.T))
        sides.append(factors[order])
    one, two = (_assigned(table, side)[0] for side in sides)
    scores = []
    for topic in range(len(whole)):
        a, b = one == topic, two == topic
        either = (a | b).sum()
        jaccard = (a & b).sum() / either if either else 0.0
        scores.append((float(jaccard), float(sides[0][topic] @ sides[1][topic])))
    return np.asarray(scores)
