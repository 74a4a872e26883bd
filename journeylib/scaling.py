"""Features brought to one scale, and the recipe kept, so that later customers get the same one.

Whole numbers are spread by up to one (lumps at 0, 1, 2 look like groups), skewed features are
logged, the outermost hundredths drawn in, and all set to mean 0 and standard deviation 1. Levels of
an attribute share the weight of one feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# Logged whatever their skew, so that one client's recipe reads like another's.
LOGGED = ("recency", "frequency", "money", "tenure", "breadth")
OUTER = (0.01, 0.99)
SKEWED = 1.0
LEAST_SPREAD = 0.1
SCALE_COLUMNS = ["feature", "logged", "whole", "low", "high", "middle", "spread", "weight"]


def keep_telling(features: pd.DataFrame) -> pd.DataFrame:
    """Leave out features that are the same for everybody, or the same as one before them."""
    kept: list[str] = []
    for name in features:
        column = features[name]
        # Not the standard deviation: rounding gives a constant one just above zero.
        known = any(column.equals(features[other]) for other in kept)
        if column.min() < column.max() and not known:
            kept.append(str(name))
    return features[kept]


def base_name(feature: str) -> str:
    """Give the name that a client file uses: ``channel`` of ``channel:web``.

    Example:
        >>> base_name("contract=yearly")
        'contract'
    """
    return feature.split(":", maxsplit=1)[0].split("=", maxsplit=1)[0]


def fit_scale(
    features: pd.DataFrame,
    *,
    like: pd.DataFrame | None = None,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Learn the recipe of a scale.

    Args:
        features: One row per customer, in natural units; no missing value.
        like: A recipe whose choice of logged and whole features is taken over.
        rng: Spreads whole numbers; None takes the middle of their spread.

    Returns:
        One row per feature: ``feature``, ``logged`` and ``whole`` (flags), ``low`` and ``high``
        (hundredths that outer values are drawn in to), ``middle`` and ``spread`` (mean and standard
        deviation after that), ``weight``.
    """
    names = [str(name) for name in features.columns]
    known = {} if like is None else {str(row["feature"]): row for row in _recipes(like)}
    rows = []
    for name in names:
        values = features[name].to_numpy(float)
        flags = known.get(name) or _flags(name, values)
        moved = _moved(values, flags, rng)
        low, high = (values.min(), values.max()) if "=" in name else np.quantile(moved, OUTER)
        moved = np.clip(moved, low, high)
        levels = sum("=" in other and base_name(other) == base_name(name) for other in names)
        rare = max(float(moved.std()), LEAST_SPREAD) if "=" in name else float(moved.std()) or 1.0
        weight = 1 / np.sqrt(2 * levels) if levels else 1.0
        scaled = (low, high, float(moved.mean()), rare, weight)
        rows.append((name, bool(flags["logged"]), bool(flags["whole"]), *scaled))
    return pd.DataFrame(rows, columns=SCALE_COLUMNS)


def _flags(name: str, values: Values) -> dict[str, bool]:
    if "=" in name or name.startswith("channel:"):
        return {"logged": False, "whole": False}
    whole = bool((values == np.round(values)).all()) and len(np.unique(values)) > 2
    return {"logged": name in LOGGED or _is_skewed(values), "whole": whole}


def _is_skewed(values: Values) -> bool:
    """Tell whether a feature without negative values has a long tail upwards (skewness over 1)."""
    apart = values - values.mean()
    second = float((apart**2).mean())
    return values.min() >= 0 and second > 0 and (apart**3).mean() / second**1.5 > SKEWED


def _moved(values: Values, flags: dict[str, Any], rng: np.random.Generator | None) -> Values:
    if flags["whole"]:
        values = values + (0.5 if rng is None else rng.random(len(values)))
    return np.log1p(np.clip(values, 0, None)) if flags["logged"] else values


def scale_features(
    features: pd.DataFrame, scale: pd.DataFrame, *, rng: np.random.Generator | None = None
) -> pd.DataFrame:
    """Bring features to a scale.

    Args:
        features: One row per customer, in natural units; a feature that is absent or missing counts
            as average.
        scale: From ``fit_scale``.
        rng: Spreads whole numbers; None takes the middle of their spread.

    Returns:
        Standard deviations from the mean, indexed as ``features``.
    """
    columns = {}
    for recipe in _recipes(scale):
        name = str(recipe["feature"])
        given = features[name] if name in features else pd.Series(np.nan, features.index)
        moved = _moved(np.asarray(given, dtype=np.float64), recipe, rng)
        moved = np.clip(moved, recipe["low"], recipe["high"])
        scaled = (moved - recipe["middle"]) / recipe["spread"] * recipe["weight"]
        columns[name] = np.nan_to_num(scaled)
    return pd.DataFrame(columns, index=features.index)


def _recipes(scale: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in scale.to_dict("records")]
