"""Logistic regression whose errors allow for several rows of one customer.

Newton's method on whole matrices, because hundreds of small fits are made for one client;
statsmodels' ``Logit`` is the oracle of the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from journeylib.log import Floats, Integers

ROUNDS, CLOSE, HALVINGS = 30, 1e-10, 12
# Keeps a column that tells the outcome without fail from running away; 1e-4 of one case.
RIDGE = 1e-4


@dataclass(frozen=True, slots=True)
class Logit:
    """A fitted logistic regression.

    Attributes:
        beta: Log-odds, one per column.
        bread: Inverse of the information.
        pushes: Influence of each row on ``beta``: its score times ``bread``.
    """

    beta: Floats
    bread: Floats
    pushes: Floats


def chance(score: Floats) -> Floats:
    """Turn log-odds into chances."""
    turned: Floats = 1 / (1 + np.exp(-np.clip(score, -500, 500)))
    return turned


def fit_logit(x: Floats, y: Floats, *, firth: bool = False) -> Logit:
    """Fit a logistic regression.

    Args:
        x: One row per case, the constant among the columns, none of them redundant.
        y: 0 or 1.
        firth: Whether the bias of few events is taken out, which also keeps the log-odds finite
            where a column tells the outcome without fail.

    Returns:
        The fit; its ``pushes`` add up to (nearly) nothing.

    References:
        Firth (1993), Biometrika 80:27-38; Heinze and Schemper (2002), Statistics in Medicine
        21:2409-2419.
    """
    beta = np.zeros(x.shape[1])
    height, bread = _height(x, y, beta, firth=firth)
    for _ in range(ROUNDS):
        p = chance(x @ beta)
        pull = y - p
        if firth:
            pull = pull + p * (1 - p) * ((x @ bread) * x).sum(axis=1) * (0.5 - p)
        step = bread @ (x.T @ pull - RIDGE * beta)
        before = height
        for _ in range(HALVINGS):
            height, bread = _height(x, y, beta + step, firth=firth)
            if height >= before - 1e-9 * abs(before):
                break
            step = step / 2
        beta = beta + step
        if height - before < CLOSE * (1 + abs(before)):
            break
    p = chance(x @ beta)
    return Logit(beta, bread, (x * (y - p)[:, None]) @ bread)


def _height(x: Floats, y: Floats, beta: Floats, *, firth: bool) -> tuple[float, Floats]:
    """Give the (penalised) log-likelihood, and the inverse of the information there."""
    score = x @ beta
    p = chance(score)
    information = (x.T * (p * (1 - p))) @ x + RIDGE * np.eye(len(beta))
    height = float((y * score - np.logaddexp(0, score)).sum() - RIDGE * (beta @ beta) / 2)
    if firth:
        height += 0.5 * float(np.linalg.slogdet(information)[1])
    return height, np.asarray(np.linalg.inv(information), dtype=np.float64)


def add_by(owner: Integers, amounts: Floats, size: int) -> Floats:
    """Add rows up by their owner.

    Args:
        owner: Number of each row's customer, from 0.
        amounts: One row, or one number, per row.
        size: Number of customers.
    """
    wide = amounts[:, None] if amounts.ndim == 1 else amounts
    sums = np.stack([np.bincount(owner, weights=w, minlength=size) for w in wide.T], axis=1)
    return np.asarray(sums[:, 0] if amounts.ndim == 1 else sums, dtype=np.float64)


def clustered(owner: Integers, pushes: Floats) -> Floats:
    """Give the covariance of a fit from the influences of whole customers.

    References:
        Liang and Zeger (1986), Biometrika 73:13-22, with the factor G / (G - 1).
    """
    size = int(owner.max()) + 1
    sums = add_by(owner, pushes, size)
    wide = sums[:, None] if sums.ndim == 1 else sums
    return np.asarray(wide.T @ wide * size / max(size - 1, 1), dtype=np.float64)
