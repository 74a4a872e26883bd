"""Weights of a mixture: known corners, no rival comes closer, projections are weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.mixtures import project_simplex, simplex_weights


def test_half_way_between_two_parts_takes_half_of_each():
    parts, target = np.array([[0.0, 4.0], [4.0, 0.0], [9.0, 9.0]]), np.array([2.0, 2.0])
    gram, linear = (parts @ parts.T)[None], (parts @ target)[None]
    found = simplex_weights(gram, linear, np.ones((1, 3), dtype=bool))
    assert found[0] == pytest.approx([0.5, 0.5, 0], abs=1e-5)


def test_the_only_allowed_part_takes_all():
    found = simplex_weights(np.eye(3)[None], np.zeros((1, 3)), np.array([[False, True, False]]))
    assert found.tolist() == [[0, 1, 0]]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_no_other_weights_come_closer_than_those_found(seed):
    draws = np.random.default_rng(seed)
    donors, target = draws.normal(size=(6, 9)), draws.normal(size=9)
    allowed = np.ones((1, 6), dtype=bool)
    allowed[0, seed % 6] = False
    found = simplex_weights((donors @ donors.T)[None], (donors @ target)[None], allowed)[0]
    assert found.sum() == pytest.approx(1)
    assert found.min() >= 0
    assert found[seed % 6] == 0
    rivals = draws.dirichlet(np.full(5, 0.5), 300)
    rivals = np.insert(rivals, seed % 6, 0.0, axis=1)
    apart = ((rivals @ donors - target) ** 2).sum(axis=1)
    assert ((found @ donors - target) ** 2).sum() <= apart.min() + 1e-6


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
def test_a_projected_point_is_a_set_of_weights(point):
    found = project_simplex(np.array([point]), np.ones((1, len(point)), dtype=bool))[0]
    assert found.sum() == pytest.approx(1)
    assert found.min() >= 0
