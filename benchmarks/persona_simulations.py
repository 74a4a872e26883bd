"""Simulations of the personas' verdict for `run_calibration`: one population, or four planted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from planted_personas import one_counted_kind, one_normal_kind, one_skewed_kind, shopping_groups

from journeylib.clusters import fit_groups, measure_width
from journeylib.personas import find_personas
from journeylib.scaling import fit_scale, scale_features

# What costs seconds a data set is drawn this many times less often.
SLOW = 10
# The threshold of the verdict was chosen on other data sets than these.
FRESH = 40_000
PLANTED = {0.8: "–", 1.2: "natural 90 %, index .75", 1.8: "natural 95 %, index .95"}


def false_natural(kind, rival):
    """Draw one population; the verdict may not be natural, whatever a plain test says."""

    def alarms(runs, _rng):
        natural = naive = 0
        sets = max(1, runs // SLOW)
        for seed in range(FRESH, FRESH + sets):
            features = kind(seed)
            natural += (find_personas(features, seed=seed).table["verdict"] == "natural").any()
            naive += rival(features, seed)
        return natural / sets, naive / sets

    return alarms


def beats_normal(features, seed):
    """Test the best silhouette against multivariate-normal data at the 5 % level."""
    rng = np.random.default_rng(seed)
    points = scale_features(features, fit_scale(features, rng=rng), rng=rng).to_numpy()
    centre, spread = points.mean(axis=0), np.cov(points, rowvar=False)
    nulls = [_widths(rng.multivariate_normal(centre, spread, len(points))) for _ in range(19)]
    return _surpasses(_widths(points), np.array(nulls))


def mixed_by_bic(features, seed):
    """Take the mixture of uncorrelated normals with the best BIC; more than one part is a find."""
    points = StandardScaler().fit_transform(features)
    found = [
        GaussianMixture(k, covariance_type="diag", random_state=seed).fit(points).bic(points)
        for k in range(1, 6)
    ]
    return int(np.argmin(found)) > 0


def beats_ranks(features, seed):
    """Test lumps as they are against a copula of the ranks as they are."""
    rng = np.random.default_rng(seed)
    logged = np.log1p(features - features.min()).to_numpy(float)
    logged = (logged - logged.mean(axis=0)) / logged.std(axis=0)
    ranks = stats.rankdata(logged, axis=0) / (len(logged) + 1)
    correlation, ordered = np.corrcoef(stats.norm.ppf(ranks), rowvar=False), np.sort(logged, axis=0)
    nulls = []
    for _ in range(19):
        normal = rng.multivariate_normal(np.zeros(len(correlation)), correlation, len(logged))
        place = (stats.norm.cdf(normal) * len(logged)).astype(int).clip(0, len(logged) - 1)
        nulls.append(_widths(np.take_along_axis(ordered, place, axis=0)))
    return _surpasses(_widths(logged), np.array(nulls))


def _widths(points):
    apart = cdist(points, points)
    return [
        measure_width(apart, fit_groups(points, k, seed=1, starts=3).labels_, k) for k in (2, 3, 4)
    ]


def _surpasses(seen, nulls):
    mean, spread = nulls.mean(axis=0), nulls.std(axis=0, ddof=1)
    most = ((nulls - mean) / spread).max(axis=1)
    return (most >= ((np.array(seen) - mean) / spread).max()).sum() == 0


def planted_personas(separation):
    """Plant four personas; the rival takes the number of groups with the best silhouette."""

    def recovered(runs, _rng):
        natural, own, naive = [], [], []
        for seed in range(FRESH, FRESH + max(1, runs // SLOW)):
            features, group = shopping_groups(seed, separation=separation)
            found = find_personas(features, seed=seed)
            people = found.assignments["persona"]
            natural.append((found.table["verdict"] == "natural").any())
            own.append(adjusted_rand_score(group, people) if len(people) else 0.0)
            best = int(found.choices.sort_values("value")["k"].iloc[-1])
            plain = fit_groups(StandardScaler().fit_transform(features), best, seed=seed)
            naive.append(adjusted_rand_score(group, plain.labels_))
        return np.mean(natural), np.mean(own), np.mean(naive)

    return recovered


def persona_lines(runs):
    lines = [
        "",
        f"{max(1, runs // SLOW)} data sets a line of 400 customers and four planted personas; "
        "their centres lie separation × √10 standard deviations of a persona apart. The rival "
        "scales features as they are and takes the number of groups with the best silhouette.",
        "",
        "| separation | said to be natural | adjusted Rand index | at least | rival's index |",
        "|---|---|---|---|---|",
    ]
    for separation, least in PLANTED.items():
        natural, own, naive = planted_personas(separation)(runs, None)
        lines.append(f"| {separation} | {natural:.1%} | {own:.2f} | {least} | {naive:.2f} |")
    return lines


PERSONA_ALARMS = {
    "personas natural, one skewed population": (
        false_natural(one_skewed_kind, beats_normal), "silhouette against normal data", 0.05,
    ),
    "personas natural, one correlated normal population": (
        false_natural(one_normal_kind, mixed_by_bic), "mixture with the best BIC", 0.05,
    ),
    "personas natural, one population known by counts": (
        false_natural(one_counted_kind, beats_ranks), "no jitter, ranks as they are", 0.05,
    ),
}  # fmt: skip
