"""Groups of points, and how far they can be trusted. Not for what the groups mean; see `personas`.

k-means finds groups in anything. So three things are asked of them: how wide the gaps between them
are (silhouette), whether they come back when points are drawn again (Jaccard), and whether data
without groups, but with the same margins and correlations, would show gaps as wide (copula null).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from journeylib.scaling import fit_scale, keep_telling, scale_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Labels = NDArray[np.int64]

MOST_GROUPS = 8
NULLS, RESAMPLES = 99, 100
STARTS, QUICK_STARTS = 20, 3
STABLE_MEAN, STABLE_MIN, STRUCTURE, SHARP = 0.75, 0.60, 0.25, 0.9
ALPHA, EXCESS = 0.05, 0.07
# Rounds in which the copula's correlation is matched, and rows drawn in each.
MATCHINGS, MATCHED = 4, 4000
CHOICES = ["k", "value", "stability", "weakest", "smallest", "by_group"]


def fit_groups(points: Points, k: int, *, seed: int, starts: int = STARTS) -> KMeans:
    """Fit k-means.

    Args:
        points: One row a point, scaled.
        k: Number of groups.
        seed: Seed of the starts.
        starts: How many starts to take the best of.

    Returns:
        The fitted groups: ``labels_``, ``cluster_centers_``, ``inertia_`` (sum of squares within).
    """
    with config_context(assume_finite=True, skip_parameter_validation=True):  # a tenth of the time
        return KMeans(n_clusters=k, n_init=starts, random_state=seed).fit(points)


def measure_width(apart: Points, labels: Labels, k: int) -> float:
    """Average the silhouette widths, from distances that serve every number of groups.

    Args:
        apart: Distances between all points.
        labels: Group of each point, 0 to ``k`` - 1.
        k: Number of groups.

    Returns:
        -1 to 1; a group of one has width 0.

    References:
        Rousseeuw (1987), J. Comput. Appl. Math. 20:53-65.
    """
    member = np.eye(k)[labels]
    sizes = member.sum(axis=0)
    sums = apart @ member
    own = sums[member == 1] / np.maximum(sizes[labels] - 1, 1)
    others = np.where(member == 1, np.inf, sums / np.maximum(sizes, 1)).min(axis=1)
    width = (others - own) / np.maximum(np.maximum(own, others), 1e-12)
    return float(np.where(sizes[labels] > 1, width, 0).mean())


def try_numbers(points: Points, sizes: Sequence[int], *, seed: int) -> pd.DataFrame:
    """Fit every number of groups and measure how wide apart and how stable they are.

    Args:
        points: One row a point, scaled.
        sizes: Numbers of groups.
        seed: Seed of every random draw.

    Returns:
        Columns ``k, value`` (silhouette), ``stability`` (mean Jaccard), ``weakest`` (least
        Jaccard), ``smallest`` (share of the smallest group), ``by_group`` (Jaccard of each).
    """
    rng = np.random.default_rng(seed)
    apart = cdist(points, points)
    rows = []
    for k in sizes:
        labels = fit_groups(points, k, seed=seed).labels_
        overlap = _come_back(points, labels, k, rng)
        share = np.bincount(labels, minlength=k).min() / len(labels)
        value = measure_width(apart, labels, k)
        rows.append((k, value, overlap.mean(), overlap.min(), share, overlap))
    return pd.DataFrame(rows, columns=CHOICES)


def _come_back(points: Points, labels: Labels, k: int, rng: np.random.Generator) -> Points:
    """Draw points again, group them again, and see how much of each group comes back.

    References:
        Hennig (2007), Comput. Stat. Data Anal. 52:258-271.
    """
    found = np.zeros((RESAMPLES, k))
    for draw in range(RESAMPLES):
        rows = np.unique(rng.integers(0, len(points), len(points)))
        again = fit_groups(points[rows], k, seed=draw, starts=QUICK_STARTS).labels_
        both = np.zeros((k, k))
        np.add.at(both, (labels[rows], again), 1)
        union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
        found[draw] = (both / union).max(axis=1)
    return np.asarray(found.mean(axis=0), dtype=np.float64)


def choose_number(choices: pd.DataFrame, smallest: float) -> int | None:
    """Choose the largest stable number of groups, but no slice through a group.

    Well separated groups can be halved stably. So numbers of groups with a doubtful one (Jaccard
    below 0.75) wait behind those without, and a number whose silhouette falls a tenth short of the
    best is passed over.

    Args:
        choices: From ``try_numbers``.
        smallest: Least share of points that a group may have.

    Returns:
        The number, or None where no number is stable (mean Jaccard 0.75 or more, each 0.6).
    """
    stable = (choices["stability"] >= STABLE_MEAN) & (choices["weakest"] >= STABLE_MIN)
    good = choices[stable & (choices["smallest"] >= smallest)]
    valid = good[good["weakest"] >= STABLE_MEAN]
    good = valid if len(valid) else good
    good = good[good["value"] >= SHARP * good["value"].max()]
    return int(good["k"].iloc[-1]) if len(good) else None


class Structure(NamedTuple):
    """How groups compare with what data without groups shows.

    Attributes:
        p: Share of ungrouped data sets that look grouped as well, at any number of groups.
        excess: Silhouette less the mean of that of ungrouped data, at the same number of groups.
    """

    p: float = np.nan
    excess: float = np.nan

    @property
    def stands_apart(self) -> bool:
        """Whether the groups stand apart by more than chance, and by enough to matter."""
        return self.p <= ALPHA and self.excess >= EXCESS


def judge_structure(
    features: pd.DataFrame, choices: pd.DataFrame, *, k: int, seed: int
) -> Structure:
    """Compare the silhouette with those of ungrouped data of the same margins and correlation.

    Args:
        features: The features that were grouped, as they are (not scaled).
        choices: From ``try_numbers``; every number of groups tried is tried on ungrouped data too.
        k: The number of groups that was chosen.
        seed: Seed of every random draw.

    Returns:
        How far the silhouette can be had without groups. A multivariate-normal null would not do:
        skewed features alone beat it. Nor would p alone: features that hang together otherwise than
        normal ones do beat the null by a little, so groups have to beat it by ``EXCESS``.

    References:
        Hennig and Lin (2015), Stat. Comput. 25:821-833 (parametric bootstrap of the silhouette).
    """
    rng = np.random.default_rng(seed + 1)
    features = keep_telling(features)
    scale = fit_scale(features)
    observed = choices.set_index("k")["value"]
    nulls = np.zeros((NULLS, len(observed)))
    copula = _Copula(features, rng)
    for draw in range(NULLS):
        made = copula.draw(rng)
        points = scale_features(made, fit_scale(made, like=scale, rng=rng), rng=rng).to_numpy()
        apart = cdist(points, points)
        for column, size in enumerate(observed.index):
            labels = fit_groups(points, int(size), seed=draw, starts=QUICK_STARTS).labels_
            nulls[draw, column] = measure_width(apart, labels, int(size))
    mean, spread = nulls.mean(axis=0), np.maximum(nulls.std(axis=0, ddof=1), 1e-12)
    most = ((nulls - mean) / spread).max(axis=1)
    place = observed.index.to_list().index(k)
    excess = float(observed.iloc[place] - mean[place])
    return Structure(float((1 + (most >= excess / spread[place]).sum()) / (NULLS + 1)), excess)


class _Copula:
    """Draws data whose features vary and hang together like those given, but without groups.

    Ties weaken the correlation of ranks, so that of the normal scores behind them is raised until
    the data drawn shows the correlation seen.

    References:
        Cario and Nelson (1997), Modeling and generating random vectors with arbitrary marginal
        distributions and correlation matrix (NORTA), Northwestern University.
    """

    def __init__(self, features: pd.DataFrame, rng: np.random.Generator) -> None:
        self.names = list(features.columns)
        values = features.to_numpy(float)
        self.ordered = np.sort(values, axis=0)
        seen = _score_correlation(values)
        self.correlation = _proper(seen)
        # The same draws in every round, so that the rounds come to rest.
        drawn = _whitened(rng.normal(size=(MATCHED, values.shape[1])))
        for _ in range(MATCHINGS):
            shown = _score_correlation(self._place(drawn))
            self.correlation = _proper(self.correlation + seen - shown)

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw as many rows as were given: normal by correlation, then each margin as it was."""
        drawn = rng.normal(size=self.ordered.shape)
        return pd.DataFrame(self._place(drawn), columns=self.names)

    def _place(self, drawn: Points) -> Points:
        """Turn independent normal draws into rows of the margins."""
        count = len(self.ordered)
        normal = drawn @ np.linalg.cholesky(self.correlation).T
        place = (stats.norm.cdf(normal) * count).astype(int).clip(0, count - 1)
        return np.take_along_axis(self.ordered, place, axis=0)


def _whitened(drawn: Points) -> Points:
    """Take out what chance left of means and correlations."""
    centred = drawn - drawn.mean(axis=0)
    root = np.linalg.cholesky(np.atleast_2d(np.cov(centred, rowvar=False)))
    return np.asarray(np.linalg.solve(root, centred.T).T, dtype=np.float64)


def _score_correlation(values: Points) -> Points:
    ranks = stats.rankdata(values, axis=0) / (len(values) + 1)
    return np.atleast_2d(np.corrcoef(stats.norm.ppf(ranks), rowvar=False))


def _proper(correlation: Points) -> Points:
    """Give the nearest matrix that is one of correlations: no negative eigenvalue, 1 on the way."""
    size, axes = np.linalg.eigh((correlation + correlation.T) / 2)
    whole = (axes * np.clip(size, 1e-6, None)) @ axes.T
    spread = np.sqrt(np.diag(whole))
    return np.asarray(whole / np.outer(spread, spread), dtype=np.float64)


def compare_methods(points: Points, labels: Labels, k: int, *, seed: int) -> pd.DataFrame:
    """Group the same points in two other ways and say how far they agree.

    Args:
        points: One row a point, scaled.
        labels: Groups by k-means.
        k: Their number.
        seed: Seed of the mixtures.

    Returns:
        Columns ``method, k`` (what the method would choose; missing where it chooses none),
        ``agreement`` (adjusted Rand index with k-means at ``k`` groups, 1 alike, 0 by chance).

    References:
        Hubert and Arabie (1985), J. Classif. 2:193-218; Fraley and Raftery (2002), JASA 97:611-631.
    """
    mixtures = {
        size: GaussianMixture(size, random_state=seed, n_init=2, reg_covar=1e-4).fit(points)
        for size in sorted({*range(1, MOST_GROUPS + 1), k})
    }
    best = min(mixtures, key=lambda size: mixtures[size].bic(points))
    tree = fcluster(ward(points), k, criterion="maxclust")
    rows = [
        ("Gaussian mixture (BIC)", best, adjusted_rand_score(labels, mixtures[k].predict(points))),
        ("Ward's tree", np.nan, adjusted_rand_score(labels, tree)),
    ]
    return pd.DataFrame(rows, columns=["method", "k", "agreement"])
