"""Widths, stability and the null: reference numbers, and rivals that fail."""

import numpy as np
import pandas as pd
import pytest
from golden_lives import eruptions
from scipy.spatial.distance import cdist
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture

from journeylib.clusters import (
    _Copula,
    _score_correlation,
    choose_number,
    compare_methods,
    fit_groups,
    measure_width,
)

# Ruspini (1970), Numerical methods for fuzzy clustering, Inform. Sci. 2:319-350.
RUSPINI = np.array(
    [
        4, 53, 5, 63, 10, 59, 9, 77, 13, 49, 13, 69, 12, 88, 15, 75, 18, 61, 19, 65, 22, 74, 27, 72,
        28, 76, 24, 58, 27, 55, 28, 60, 30, 52, 31, 60, 32, 61, 36, 72, 28, 147, 32, 149, 35, 153,
        33, 154, 38, 151, 41, 150, 38, 145, 38, 143, 32, 143, 34, 141, 44, 156, 44, 149, 44, 143,
        46, 142, 47, 149, 49, 152, 50, 142, 53, 144, 52, 152, 55, 155, 54, 124, 60, 136, 63, 139,
        86, 132, 85, 115, 85, 96, 78, 94, 74, 96, 97, 122, 98, 116, 98, 124, 99, 119, 99, 128,
        101, 115, 108, 111, 110, 111, 108, 116, 111, 126, 115, 117, 117, 115, 70, 4, 77, 12, 83, 21,
        61, 15, 69, 15, 78, 16, 66, 18, 58, 13, 64, 20, 69, 21, 66, 23, 61, 25, 76, 27, 72, 31,
        64, 30,
    ],
    dtype=float,
).reshape(-1, 2)  # fmt: skip


@pytest.mark.parametrize(("k", "width"), [(2, 0.6810), (3, 0.5528)])
def test_groups_in_iris_have_the_published_widths(k, width):
    """Fisher's iris, k-means (recomputed with scikit-learn): silhouettes 0.6810 and 0.5528."""
    points = load_iris().data
    labels = fit_groups(points, k, seed=7).labels_
    found = measure_width(cdist(points, points), labels, k)
    assert found == pytest.approx(width, abs=5e-5)
    assert found == pytest.approx(silhouette_score(points, labels))


def test_three_groups_in_iris_have_the_published_sum_of_squares_and_agreement():
    """Fisher's iris, k-means, k = 3: 78.8514; adjusted Rand index with the species 0.7302."""
    iris = load_iris()
    groups = fit_groups(iris.data, 3, seed=7)
    assert groups.inertia_ == pytest.approx(78.8514, abs=5e-5)
    assert adjusted_rand_score(iris.target, groups.labels_) == pytest.approx(0.7302, abs=5e-5)


@pytest.mark.parametrize(("k", "bic"), [(2, 574.018), (3, 580.839)])
def test_mixtures_of_iris_have_the_bic_of_mclust(k, bic):
    """Scrucca et al. (2016), R Journal 8:289: mclust VVV, -574.018 and -580.840."""
    points = load_iris().data
    mixture = GaussianMixture(k, random_state=7, n_init=10, tol=1e-7, max_iter=2000).fit(points)
    assert mixture.bic(points) == pytest.approx(bic, abs=0.01)


def test_a_mixture_of_old_faithful_has_the_published_likelihood_and_bic():
    """R package mclust, data faithful, VVV with two groups: -1130.264, BIC -2322.192."""
    points = eruptions()
    mixture = GaussianMixture(2, random_state=7, n_init=10, tol=1e-7, max_iter=2000).fit(points)
    assert points.shape == (272, 2)
    assert mixture.bic(points) == pytest.approx(2322.192, abs=0.01)
    assert mixture.score(points) * len(points) == pytest.approx(-1130.264, abs=5e-3)


def test_four_groups_in_ruspini_have_the_published_width():
    """Kaufman and Rousseeuw (1990): silhouette 0.7377 at k = 4, the best of all k."""
    apart = cdist(RUSPINI, RUSPINI)
    widths = {
        k: measure_width(apart, fit_groups(RUSPINI, k, seed=7).labels_, k) for k in range(2, 8)
    }
    assert widths[4] == pytest.approx(0.7377, abs=5e-5)
    assert max(widths, key=lambda k: widths[k]) == 4


def test_a_group_of_one_has_width_zero_as_in_rousseeuw_1987():
    points = np.array([[0.0], [0.1], [0.2], [9.0]])
    labels = np.array([0, 0, 0, 1])
    expected = silhouette_score(points, labels)
    assert measure_width(cdist(points, points), labels, 2) == pytest.approx(expected)


def tried(**columns):
    rows = {"k": [2, 3, 4], "value": 0.5, "stability": 0.9, "weakest": 0.9, "smallest": 0.2}
    return pd.DataFrame({**rows, **columns})


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({}, 4),
        ({"stability": [0.9, 0.75, 0.749]}, 3),
        ({"weakest": [0.5, 0.60, 0.599]}, 3),
        ({"weakest": [0.75, 0.749, 0.749]}, 2),
        ({"smallest": [0.2, 0.05, 0.049]}, 3),
        ({"value": [0.5, 0.45, 0.449]}, 3),
        ({"stability": 0.7}, None),
    ],
)
def test_the_largest_stable_number_is_chosen_at_hennigs_thresholds(columns, chosen):
    assert choose_number(tried(**columns), 0.05) == chosen


def test_the_null_keeps_margins_and_matches_correlations_that_ties_would_weaken():
    rng = np.random.default_rng(1)
    drive = rng.normal(size=4000)
    seen = pd.DataFrame({c: 1.0 + rng.poisson(np.exp(drive - 1)) for c in "ab"})
    made = _Copula(seen, np.random.default_rng(2)).draw(np.random.default_rng(3))
    assert made.mean().to_numpy() == pytest.approx(seen.mean().to_numpy(), rel=0.08)
    assert set(made["a"]) <= set(seen["a"])
    wanted, shown = _score_correlation(seen.to_numpy()), _score_correlation(made.to_numpy())
    assert shown == pytest.approx(wanted, abs=0.04)


def test_methods_that_find_the_same_groups_agree():
    points = np.concatenate([np.random.default_rng(i).normal(9 * i, 1, (60, 2)) for i in range(3)])
    labels = fit_groups(points, 3, seed=1).labels_
    found = compare_methods(points, labels, 3, seed=1)
    assert found["agreement"].to_list() == pytest.approx([1, 1])
    assert found["k"].iloc[0] == 3
