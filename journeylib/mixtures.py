"""Mixtures: weights of at least 0 that sum to 1 and bring others as near to a target as they can.

Not for what the mixture is compared with; see `synthetic`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

ROUNDS, CLOSE = 20_000, 1e-9
BARRED = -1e12  # below any coordinate a projection meets, so that a barred part gets no weight


def simplex_weights(gram: Matrix, linear: Matrix, allowed: Mask) -> Matrix:
    """Minimise w'Gw/2 - l'w over weights that are at least 0 and sum to 1, problem by problem.

    Args:
        gram: Symmetric matrices G, (problems or 1) x k x k.
        linear: Vectors l, problems x k.
        allowed: Which weights may differ from 0, problems x k; at least one in each row.

    Returns:
        Weights, problems x k, to a duality gap of 1e-9 of the problem's size.

    References:
        Beck & Teboulle (2009), SIAM J. Imaging Sciences 2:183-202, with the restarts of
        O'Donoghue & Candes (2015), Found. Comput. Math. 15:715-732; projection as in Duchi,
        Shalev-Shwartz, Singer & Chandra (2008), ICML.
    """
    steepest = np.linalg.eigvalsh(gram)[:, -1:]
    pace = 1 / np.where(steepest > 0, steepest, 1.0)
    size = np.maximum(np.abs(np.diagonal(gram, axis1=1, axis2=2)).max(axis=1), 1e-300)
    weights: Matrix = allowed / allowed.sum(axis=1, keepdims=True)
    ahead, momentum = weights.copy(), np.ones((len(linear), 1))
    for turn in range(ROUNDS):
        slope = np.matmul(gram, ahead[:, :, None])[:, :, 0] - linear
        moved = project_simplex(ahead - pace * slope, allowed)
        turned = ((ahead - moved) * (moved - weights)).sum(axis=1, keepdims=True) > 0
        grown = np.where(turned, 1.0, (1 + np.sqrt(1 + 4 * momentum**2)) / 2)
        push = np.where(turned, 0.0, (momentum - 1) / grown)
        ahead, weights, momentum = moved + push * (moved - weights), moved, grown
        if turn % 50 == 0 and (_gap(gram, linear, weights, allowed) <= CLOSE * size).all():
            break
    return weights


def project_simplex(points: Matrix, allowed: Mask) -> Matrix:
    """Move each row to the nearest weights that are at least 0, sum to 1 and stay allowed.

    Args:
        points: Rows to move.
        allowed: Which entries may differ from 0; at least one in each row.

    Returns:
        The nearest weights, in the shape of `points`.

    Example:
        >>> project_simplex(np.array([[2.0, 0.0, 5.0]]), np.array([[True, True, False]]))
        array([[1., 0., 0.]])
    """
    held = np.where(allowed, points, BARRED)
    falling = -np.sort(-held, axis=1)
    excess = np.cumsum(falling, axis=1) - 1
    ranks = np.arange(1, points.shape[1] + 1)
    kept = (falling - excess / ranks > 0).sum(axis=1, keepdims=True)
    threshold = np.take_along_axis(excess, kept - 1, axis=1) / kept
    nearest: Matrix = np.maximum(held - threshold, 0.0)
    return nearest


def _gap(gram: Matrix, linear: Matrix, weights: Matrix, allowed: Mask) -> Matrix:
    """Bound how far each objective still lies above its minimum (Frank-Wolfe gap)."""
    slope = np.matmul(gram, weights[:, :, None])[:, :, 0] - linear
    best = np.where(allowed, slope, np.inf).min(axis=1)
    gap: Matrix = (slope * weights).sum(axis=1) - best
    return gap
