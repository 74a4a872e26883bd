"""How much a set of numbers tells of an outcome, for the data and for resamples of its customers.

R² of least squares for scores, McFadden's R² of logistic regression for yes or no. Customers are
gathered in blocks, and resampled blocks stand for resampled customers: sums over blocks are all
that a resample needs, so it costs the same whether there are a thousand answers or a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_BLOCKS = 400
RIDGE = 1e-10
ROUNDS, CLOSE = 50, 1e-10
HALVINGS = 20


@dataclass(frozen=True, slots=True)
class Cases:
    """Complete answers, and how often each block of customers stands in each resample.

    Attributes:
        x: Drivers, one row per answer, standardised.
        y: The outcome.
        block: Block of customers of each answer.
        weights: One row per version of the data, one column per block; the first row is all ones.
    """

    x: Floats
    y: Floats
    block: Integers
    weights: Floats


class Fit(Protocol):
    """A model of the outcome on any of the drivers."""

    def explained(self, group: tuple[int, ...]) -> Floats:
        """Share of the outcome that a group of drivers explains, one entry per version."""

    def effects(self) -> Floats:
        """Change in the outcome with each (standardised) driver, a row per version."""


def make_cases(x: Floats, y: Floats, customer: Integers, *, draws: int, seed: int) -> Cases:
    """Standardise the drivers, gather customers in blocks, and draw the resamples.

    Args:
        x: One row per answer, one column per driver, none missing or constant.
        y: The outcome of each answer.
        customer: Customer of each answer, from 0.
        draws: Number of resamples.
        seed: Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    people = int(customer.max()) + 1
    blocks = min(people, MOST_BLOCKS)
    own = rng.permutation(people) % blocks if people > blocks else np.arange(people)
    counts = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws)
    weights = np.vstack([np.ones(blocks), counts.astype(float)])
    return Cases((x - x.mean(axis=0)) / x.std(axis=0), y.astype(float), own[customer], weights)


def choose_fit(cases: Cases, *, yes_no: bool) -> Fit:
    """Give the model that suits the outcome."""
    return Logistic(cases) if yes_no else Linear(cases)


def _by_block(rows: Floats, cases: Cases) -> Floats:
    """Add rows up by block."""
    shape = (cases.weights.shape[1], len(rows))
    belongs = sparse.csr_matrix((np.ones(len(rows)), (cases.block, np.arange(len(rows)))), shape)
    return np.asarray(belongs @ rows)


def _with_one(x: Floats) -> Floats:
    return np.column_stack([np.ones(len(x)), x])


def _solve(square: Floats, right: Floats) -> Floats:
    """Solve many small systems, a column each; a resample may hold too few different answers."""
    size = square.shape[-1]
    scale = np.maximum(np.trace(square, axis1=-2, axis2=-1) / size, 1e-300)
    held = square + RIDGE * scale[..., None, None] * np.eye(size)
    return np.asarray(np.linalg.solve(held, right))


class Linear:
    """Least squares with R²."""

    def __init__(self, cases: Cases) -> None:
        rows = np.column_stack([_with_one(cases.x), cases.y - cases.y.mean()])
        width = rows.shape[1]
        products = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
        sums = cases.weights @ _by_block(products, cases)
        self._sums = sums.reshape(-1, width, width)
        count, total = self._sums[:, 0, 0], self._sums[:, 0, -1]
        self._spread = self._sums[:, -1, -1] - total**2 / count

    def _fitted(self, group: tuple[int, ...]) -> Floats:
        keep = [0, *(place + 1 for place in group)]
        square = self._sums[:, keep][:, :, keep]
        return _solve(square, self._sums[:, keep, -1][..., None])[..., 0]

    def explained(self, group: tuple[int, ...]) -> Floats:
        """R² of a group, by version."""
        if not group:
            return np.zeros(len(self._sums))
        keep = [0, *(place + 1 for place in group)]
        told = (self._fitted(group) * self._sums[:, keep, -1]).sum(axis=1)
        told -= self._sums[:, 0, -1] ** 2 / self._sums[:, 0, 0]
        return np.asarray(np.divide(told, self._spread, out=told, where=self._spread > 0))

    def effects(self) -> Floats:
        """Slopes of the full model, by version."""
        members = self._sums.shape[1] - 2
        return self._fitted(tuple(range(members)))[:, 1:]


class Logistic:
    """Logistic regression with McFadden's R² (1974), fitted by Newton's method.

    A resample starts at the fit of the data and takes one step towards its own: the likelihood is
    flat at its top, so what is left after that step is of third order.
    """

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        counts = cases.weights @ _by_block(np.column_stack([np.ones(len(cases.y)), cases.y]), cases)
        share = np.clip(counts[:, 1] / counts[:, 0], 1e-12, 1 - 1e-12)
        self._nothing = counts[:, 0] * (share * np.log(share) + (1 - share) * np.log1p(-share))

    def explained(self, group: tuple[int, ...]) -> Floats:
        """McFadden's R² of a group, by version."""
        if not group:
            return np.zeros(len(self._nothing))
        return np.asarray(1 - self._stepped(group)[0] / self._nothing)

    def effects(self) -> Floats:
        """Average change in the chance of the outcome in the full model, by version."""
        group = tuple(range(self._cases.x.shape[1]))
        _, slopes, steep = self._stepped(group)
        return slopes[:, 1:] * steep[:, None]

    def _stepped(self, group: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
        """Give likelihood, slopes and mean steepness of every version."""
        cases, x = self._cases, _with_one(self._cases.x[:, group])
        slopes = fit_logistic(x, cases.y)
        chance = _chance(x @ slopes)
        steep = chance * (1 - chance)
        told = np.column_stack([_likelihoods(x @ slopes, cases.y), steep, np.ones(len(x))])
        rows = np.column_stack([told, x * (cases.y - chance)[:, None]])
        sums = cases.weights @ _by_block(rows, cases)
        gradient = sums[:, 3:]
        bend = x.T @ (x * steep[:, None])
        step = _solve(bend, gradient.T).T
        likelihood = sums[:, 0] + 0.5 * (gradient * step).sum(axis=1)
        return np.minimum(likelihood, 0.0), slopes + step, sums[:, 1] / sums[:, 2]


def _chance(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -700, 700))))


def _likelihoods(score: Floats, y: Floats) -> Floats:
    return np.asarray(y * score - np.logaddexp(0, score))


def fit_logistic(x: Floats, y: Floats) -> Floats:
    """Fit a logistic regression by Newton's method with halved steps.

    Args:
        x: One row per case, the constant included.
        y: 0 or 1.

    Returns:
        The coefficients. Where the drivers tell the outcome without fail they stop growing once
        the likelihood does.
    """
    slopes = np.zeros(x.shape[1])
    best = float(_likelihoods(x @ slopes, y).sum())
    for _ in range(ROUNDS):
        chance = _chance(x @ slopes)
        bend = x.T @ (x * (chance * (1 - chance))[:, None])
        step = _solve(bend, (x.T @ (y - chance))[:, None])[:, 0]
        for _ in range(HALVINGS):
            reached = float(_likelihoods(x @ (slopes + step), y).sum())
            if reached >= best:
                break
            step = step / 2
        gain, best, slopes = reached - best, reached, slopes + step
        if gain < CLOSE * (1 + abs(best)):
            break
    return slopes
