"""One scale for all features, and the same one for later customers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.scaling import fit_scale, keep_telling, scale_features


def one(name, values):
    return pd.DataFrame({name: np.asarray(values, dtype=float)})


def test_outer_hundredths_are_drawn_in_and_the_rest_is_standardised():
    features = one("score", [*np.linspace(-1, 1, 998), 900.0, -900.0])
    scaled = scale_features(features, fit_scale(features))["score"]
    assert scaled.mean() == pytest.approx(0, abs=1e-9)
    assert scaled.std(ddof=0) == pytest.approx(1)
    assert scaled.abs().max() < 2


def test_whole_numbers_are_spread_by_less_than_one():
    features = one("visits", np.repeat([0, 1, 2, 6], 50))
    scale = fit_scale(features)
    assert scale["whole"].all()
    points = scale_features(features, scale, rng=np.random.default_rng(1))["visits"]
    lumps = points.to_numpy().reshape(4, 50)
    assert all(len(np.unique(lump)) == 50 for lump in lumps[1:3])
    assert lumps[0].max() < lumps[1].min()
    assert lumps[1].max() < lumps[2].min()


@pytest.mark.parametrize(
    ("name", "values", "logged"),
    [
        ("money", [1.5, 2.5, 3.5, 4.25], True),
        ("anything", [1.5, 2.5, 3.5, 4.25], False),
        ("anything", [0.5, 0.5, 0.5, 0.6, 0.7, 40.25], True),
        ("anything", [-0.5, 0.5, 0.5, 0.6, 0.7, 40.25], False),
        ("channel:web", [0.5, 0.5, 0.5, 0.6, 0.7, 40.25], False),
    ],
)
def test_long_tails_are_logged_and_nothing_below_zero(name, values, logged):
    assert fit_scale(one(name, values))["logged"].tolist() == [logged]


def test_levels_of_an_attribute_share_the_weight_of_half_a_feature():
    """Levels in z-scores times 1/sqrt(2 × levels): together their variance is one half."""
    rng = np.random.default_rng(1)
    level = rng.choice(["a", "b", "c"], 900)
    features = pd.DataFrame({f"plan={name}": (level == name) * 1.0 for name in "abc"})
    scaled = scale_features(features, fit_scale(features))
    assert scaled.var(ddof=0).sum() == pytest.approx(0.5)


def test_a_feature_that_hardly_varies_becomes_no_noise():
    rare = pd.DataFrame({"rare": np.append(np.zeros(999), 1.0), "money": np.arange(1000.0)})
    assert scale_features(rare, fit_scale(rare))["rare"].eq(0).all()


@given(st.lists(st.floats(-50, 50), min_size=4, max_size=40, unique=True), st.randoms())
def test_a_customer_is_scaled_alike_alone_and_among_others(values, random):
    features = one("score", values)
    scale = fit_scale(features)
    picked = [random.randrange(len(values))]
    alone = scale_features(features.iloc[picked], scale)
    pd.testing.assert_frame_equal(alone, scale_features(features, scale).iloc[picked])


def test_constant_and_repeated_features_are_left_out():
    features = pd.DataFrame({"a": [1.0, 2, 3], "same": [1.0, 2, 3], "flat": [0.1 + 0.2] * 3})
    assert keep_telling(features).columns.tolist() == ["a"]
