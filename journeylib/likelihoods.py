"""The top of a likelihood of positive parameters, and how far the parameters may lie from it.

For small models whose likelihood is a formula (`buying`, `renewals`). Not for regressions, which
have Newton's method of their own; see `logits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeylib.log import Floats

FARTHEST = 12.0
STEP = 1e-3
# A parameter of which the data says nothing is drawn within a factor of e³ (one deviation).
WIDEST = 3.0
WORST = 1e12


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a likelihood is highest.

    Attributes:
        logs: Logarithms of the parameters there.
        covariance: Of the logarithms, from the curvature and a weak prior (deviation 3).
        height: Log-likelihood.
        at_edge: Whether a parameter ran to the end of what was searched (e⁻¹² to e¹²).
    """

    logs: Floats
    covariance: Floats
    height: float
    at_edge: bool

    @property
    def parameters(self) -> Floats:
        """The parameters themselves."""
        found: Floats = np.exp(self.logs)
        return found

    def draw(self, draws: int, rng: np.random.Generator) -> Floats:
        """Draw parameters that fit the data as well: one row per draw."""
        drawn = rng.multivariate_normal(self.logs, self.covariance, size=draws, method="eigh")
        found: Floats = np.exp(np.clip(drawn, -FARTHEST, FARTHEST))
        return found


def climb(likelihood: Callable[[Floats], float], start: tuple[float, ...]) -> Peak:
    """Find the positive parameters under which the data is likeliest.

    Args:
        likelihood: Log-likelihood of parameters; may be infinite or no number where they are bad.
        start: First guess of the parameters, above 0.

    Returns:
        The peak: L-BFGS-B on logarithms, then Nelder-Mead from where it ended.
    """

    def cost(logs: Floats) -> float:
        if np.abs(logs).max() > FARTHEST:
            return WORST
        found = float(likelihood(np.exp(logs)))
        return -found if np.isfinite(found) else WORST

    bounds = [(-FARTHEST, FARTHEST)] * len(start)
    with np.errstate(all="ignore"):
        rough = optimize.minimize(cost, np.log(start), method="L-BFGS-B", bounds=bounds)
        options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
        fine = optimize.minimize(cost, rough.x, method="Nelder-Mead", options=options)
        best = fine.x if fine.fun <= rough.fun else rough.x
        bend = _curvature(cost, np.clip(best, 2 * STEP - FARTHEST, FARTHEST - 2 * STEP))
    at_edge = bool(np.abs(best).max() > FARTHEST - 0.5)
    return Peak(best, _spread(bend), -float(cost(best)), at_edge)


def _curvature(cost: Callable[[Floats], float], at: Floats) -> Floats:
    """Second derivatives by central differences."""
    step = np.eye(len(at)) * STEP
    bend = np.zeros((len(at), len(at)))
    for i in range(len(at)):
        for j in range(i + 1):
            corners = (cost(at + step[i] + step[j]) - cost(at + step[i] - step[j])
                       - cost(at - step[i] + step[j]) + cost(at - step[i] - step[j]))  # fmt: skip
            bend[i, j] = bend[j, i] = corners / (4 * STEP**2)
    return bend


def _spread(bend: Floats) -> Floats:
    """Turn curvature into a covariance; what curves the wrong way counts as flat."""
    root, turn = np.linalg.eigh(bend)
    spread: Floats = (turn / (np.clip(root, 0, None) + WIDEST**-2)) @ turn.T
    return spread
