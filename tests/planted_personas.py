"""Customers drawn with and without groups, for tests of the personas and for the calibration."""

import numpy as np
import pandas as pd

# Four corners of a tetrahedron in each half of six features: all pairs are equally far apart.
CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
GROUPS, FEATURES = len(CORNERS), 6


def planted(seed, *, n=600, features=6, apart=4.0):
    """Draw four equally likely groups around corners that are `apart` from each other."""
    rng = np.random.default_rng(seed)
    centres = np.eye(features)[:4] * apart / np.sqrt(2)
    group = rng.integers(0, 4, n)
    points = centres[group] + rng.normal(size=(n, features))
    names = [f"feature {i}" for i in range(features)]
    return pd.DataFrame(points, columns=names, index=np.arange(n) + 1000), group


def shopping_groups(seed, *, separation, n=400):
    """Draw four equally likely kinds of shoppers, with the skew and the lumps of real features.

    Two centres lie ``separation`` × √10 standard deviations of a group apart: as far as centres
    drawn from a normal distribution of that standard deviation in five features do on average.
    """
    rng = np.random.default_rng(seed)
    group = rng.integers(0, GROUPS, n)
    centres = np.tile(CORNERS, 2) * separation * np.sqrt(10) / 4
    hidden = centres[group] + rng.normal(size=(n, FEATURES))
    return _shaped(hidden), group


def _shaped(hidden):
    recency, frequency, money, tenure, breadth, channel = hidden.T
    return pd.DataFrame(
        {
            "recency": np.expm1(np.clip(3.5 + 0.8 * recency, 0.05, None)),
            # Orders are whole, and most customers have few of them.
            "frequency": np.floor(np.expm1(np.clip(1.6 + 0.5 * frequency, 0.7, None))),
            "money": np.expm1(4 + 0.5 * money),
            "tenure": np.expm1(np.clip(5 + 0.6 * tenure, 0.05, None)),
            "breadth": np.floor(np.expm1(np.clip(1.9 + 0.4 * breadth, 0.7, None))),
            "channel:app": 0.9 * channel,
        }
    )


def one_skewed_kind(seed, n=400):
    """Draw one skewed population: what customers do hangs together, and much of it is counted."""
    rng = np.random.default_rng(seed)
    drive = rng.normal(size=n)
    return pd.DataFrame(
        {
            "frequency": 1.0 + rng.poisson(np.exp(0.3 + 0.6 * drive)),
            "money": rng.gamma(2.0, 20 * np.exp(0.3 * drive)),
            "recency": rng.exponential(60 * np.exp(-0.5 * drive)),
            "breadth": 1.0 + rng.poisson(np.exp(0.5 + 0.4 * drive)),
        }
    )


def one_normal_kind(seed, n=400):
    """Draw one population of five normal features that hang together."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(5, 5)) / np.sqrt(5) + np.eye(5)
    return pd.DataFrame(rng.normal(size=(n, 5)) @ mixed, columns=list("abcde"))


def one_counted_kind(seed, n=400):
    """Draw one population known by four counts with one drive behind them: most are one or two."""
    rng = np.random.default_rng(seed)
    drive = rng.normal(size=n)
    means = {"frequency": -0.7, "breadth": -0.4, "visits": -0.2, "items": -0.5}
    return pd.DataFrame({name: 1.0 + rng.poisson(np.exp(m + drive)) for name, m in means.items()})
