"""Columns that let a model bend: restricted cubic splines and indicators, without idle ones.

Not for fitting; see `logits`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from journeylib.log import Floats, Integers

KNOTS = (0.05, 0.35, 0.65, 0.95)
RAREST = 10
MOST_LEVELS = 12
TIES = 1e-6


def bend(x: Floats, knots: Floats | None = None) -> Floats:
    """Turn a number into a restricted cubic spline: linear beyond the outer knots.

    Args:
        x: One entry per case; none is missing.
        knots: Where the curve may bend; unset, the quantiles 5, 35, 65 and 95 % of ``x``. Knots
            that coincide count once; fewer than three leave a straight line.

    Returns:
        One column for the line and one for each knot but two.

    References:
        Harrell (2015), Regression Modeling Strategies, 2nd ed., 2.4.5.

    Example:
        >>> bend(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 1.0, 2.0]))[:, 1].tolist()
        [0.0, 0.25, 1.5, 4.5]
    """
    at = np.unique(np.quantile(x, KNOTS)) if knots is None else knots
    if len(at) < 3:
        return x[:, None]
    wide = (at[-1] - at[0]) ** 2
    last, before = at[-1], at[-2]
    tail = _cubed(x - last), _cubed(x - before)
    bends = [
        _cubed(x - knot)
        - tail[1] * (last - knot) / (last - before)
        + tail[0] * (before - knot) / (last - before)
        for knot in at[:-2]
    ]
    return np.stack([x, *(one / wide for one in bends)], axis=1)


def _cubed(x: Floats) -> Floats:
    cubed: Floats = np.clip(x, 0, None) ** 3
    return cubed


def mark_levels(codes: Integers, *, rarest: int = RAREST) -> Floats:
    """Give an indicator for each common code but the most common one, and one for all rare ones.

    Args:
        codes: One code per case.
        rarest: Fewest cases with an indicator of their own.
    """
    found, counts = np.unique(codes, return_counts=True)
    found, counts = found[np.argsort(-counts, kind="stable")], np.sort(counts)[::-1]
    kept = found[1:][counts[1:] >= rarest][:MOST_LEVELS]
    columns = [codes == code for code in kept]
    rest = ~np.isin(codes, [*kept, *found[:1]])
    if rest.sum() >= rarest:
        columns.append(rest)
    return np.stack(columns, axis=1).astype(float) if columns else np.zeros((len(codes), 0))


def lay_out(
    rows: pd.DataFrame, numbers: Sequence[str], levels: Sequence[str], *, bent: bool
) -> Floats:
    """Lay covariates out as the columns of a model, scaled to a spread of one.

    Args:
        rows: One row per case.
        numbers: Columns taken as numbers.
        levels: Columns taken as codes.
        bent: Whether numbers may bend (a spline) or run straight.

    Returns:
        A matrix without constant column; columns that say nothing new are left out.
    """
    parts = []
    for name in numbers:
        x = rows[name].to_numpy(dtype=float)
        spread = x.std()
        if spread > 0:
            scaled = (x - x.mean()) / spread
            parts.append(bend(scaled) if bent else scaled[:, None])
    parts += [mark_levels(rows[name].to_numpy(dtype=np.int64)) for name in levels]
    laid = np.concatenate(parts, axis=1) if parts else np.zeros((len(rows), 0))
    return drop_idle(laid)


def drop_idle(columns: Floats, *, beside: Floats | None = None) -> Floats:
    """Leave out columns that are constant or follow from others.

    Args:
        columns: One column per covariate.
        beside: Columns that stay whatever happens; what follows from them is left out as well.
    """
    if not len(columns) or not columns.shape[1]:
        return columns
    spread = columns.std(axis=0)
    own = (columns[:, spread > 0] - columns[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    if beside is not None and beside.shape[1]:
        centred = beside - beside.mean(axis=0)
        own = own - centred @ np.linalg.lstsq(centred.T @ centred, centred.T @ own, rcond=None)[0]
        own = own[:, (own**2).mean(axis=0) > TIES]
    if not own.shape[1]:
        return np.zeros((len(columns), 0))
    # Cholesky with pivoting of the products: the order in which columns bring something new.
    _, order, rank, _ = linalg.lapack.dpstrf(own.T @ own / len(own), tol=TIES)
    return np.asarray(own[:, np.sort(order[:rank] - 1)], dtype=np.float64)
