"""Differences by persona: thin ones are drawn towards what all personas show at the touchpoint.

Not for making the differences; `comparisons`, `moods` and `inconsistency` do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

PLACE = ["stage", "touchpoint", "channel"]
FAMILY = ["kind", "unit", "source"]
POOLED = "; drawn towards the touchpoint's difference in all personas (Morris 1983)"
FEWEST_FREE = 3
_SMALLEST = 1e-6


def pool_personas(rows: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Draw the differences of each touchpoint's personas towards each other.

    How far personas truly differ is taken to be alike at all touchpoints compared in one way, so
    that many pairs tell of it even where each touchpoint has two.

    Args:
        rows: Columns ``stage, touchpoint, channel, persona, kind, value, low, high, unit, source``.
        confidence: Coverage that the intervals have, and shall have.

    Returns:
        The rows, with ``value, low, high`` after pooling, ``plain, plain_low, plain_high`` before
        it, ``kept`` (share of the distance from the touchpoint's own centre that was kept) and
        ``p_differs`` (against the other personas there; missing where there is no other). A
        touchpoint with one persona, and comparisons with too few pairs, stay as they are.

    References:
        DerSimonian & Laird (1986), Controlled Clinical Trials 7:177-188 (the spread between, here
        round the centres of many groups); Morris (1983), JASA 78(381):47-55 (shrink factor and
        error).
    """
    table = rows.assign(
        plain=rows["value"], plain_low=rows["low"], plain_high=rows["high"], kept=1.0,
        p_differs=np.nan,
    )  # fmt: skip
    if table.empty:
        return table
    parts = [
        _pool(part.copy(), confidence)
        for _, part in table.groupby(FAMILY, sort=False, dropna=False)
    ]
    return pd.concat(parts).sort_index()


def _pool(part: pd.DataFrame, confidence: float) -> pd.DataFrame:
    reach = stats.norm.ppf((1 + confidence) / 2)
    value = part["value"].to_numpy(float)
    own = ((part["high"] - part["low"]).to_numpy(float) / (2 * reach)) ** 2
    own = np.maximum(own, _SMALLEST**2)
    place = part.groupby(PLACE, sort=False).ngroup().to_numpy().astype(np.int64)
    part["p_differs"] = _differs(value, own, place)
    free = len(value) - len(np.unique(place))
    paired = np.bincount(place)[place] > 1
    if free < FEWEST_FREE:
        return part
    moved, error, kept = shrink_within(value, own, place)
    low, high = moved - reach * error, moved + reach * error
    for name, column in (("value", moved), ("low", low), ("high", high), ("kept", kept)):
        part[name] = np.where(paired, column, part[name])
    part["source"] = np.where(paired, part["source"].astype(str) + POOLED, part["source"])
    return part


def shrink_within(value: Floats, own: Floats, place: Integers) -> tuple[Floats, Floats, Floats]:
    """Draw values towards the centre of their own group by one common spread between.

    Args:
        value: The values.
        own: Their own variances.
        place: Number of each value's group, from 0; three values at least beyond one a group.

    Returns:
        The values after it, their errors, and the share of the distance that was kept.
    """
    free = len(value) - len(np.unique(place))
    between = _between(value, own, place)
    weight = 1 / (own + between)
    total = np.bincount(place, weight)
    centre = (np.bincount(place, weight * value) / total)[place]
    part = weight / total[place]
    shrink = max(free - 2, 0) / free * own / (own + between)
    common = float((weight * own).sum() / weight.sum())
    doubt = 2 / max(free - 2, 1) * shrink**2 * (common + between) / (own + between)
    variance = own * (1 - (1 - part) * shrink) + doubt * (value - centre) ** 2
    return value - shrink * (value - centre), np.sqrt(variance), 1 - shrink


def _between(value: Floats, own: Floats, place: Integers) -> float:
    """Variance of true values round the centre of their group, by moments."""
    weight = 1 / own
    total = np.bincount(place, weight)
    centre = (np.bincount(place, weight * value) / total)[place]
    free = len(value) - len(total)
    squares = np.bincount(place, weight**2)
    spread = (weight * (value - centre) ** 2).sum() - free
    return max(0.0, float(spread / (total - squares / total).sum()))


def _differs(value: Floats, own: Floats, place: Integers) -> Floats:
    """Test each value against the others of its group, weighted by what they tell."""
    weight = 1 / own
    others = np.bincount(place, weight)[place] - weight
    known = others > 1e-9 * weight
    rest = (np.bincount(place, weight * value)[place] - weight * value) / np.where(known, others, 1)
    z = np.abs(value - rest) / np.sqrt(own + 1 / np.where(known, others, 1))
    return np.where(known, 2 * stats.norm.sf(z), np.nan)
