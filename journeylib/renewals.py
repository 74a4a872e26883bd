"""How many customers with a contract will still be there, beyond what was seen.

Shifted beta-geometric and beta-discrete-Weibull projections of renewals. Not for customers without
a contract, of whom nobody knows whether they left (`clv`), nor for the time seen (`tenure`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import betaln

from journeylib.estimates import Refusal
from journeylib.likelihoods import Peak, climb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Floats

FEWEST_ENDED = 20
FEWEST_PERIODS = 3
DRAWS = 2000
# Months of 30 or 31 days do not fall on whole periods.
SLACK = 0.05
NAMES = {
    "sbg": "shifted beta-geometric (Fader and Hardie 2007)",
    "bdw": "beta-discrete-Weibull (Fader, Hardie, Liu, Davin and Steenburgh 2018)",
}


@dataclass(frozen=True, slots=True)
class Renewing:
    """A fitted model of renewals.

    Attributes:
        model: ``sbg`` or ``bdw``.
        alpha: First shape of the customers' chances to leave at a renewal.
        beta: Second shape.
        power: Above 1 where the chance of one customer grows with time; 1 in ``sbg``.
        peak: The fit.
        seen: Periods that it was fitted to.
        customers: Customers that it was fitted to.
    """

    model: str
    alpha: float
    beta: float
    power: float
    peak: Peak
    seen: int
    customers: float

    def share(self, periods: Floats) -> Floats:
        """Share of customers still there after so many renewals, 0 to 1."""
        return _share(np.array([self.alpha, self.beta, self.power]), periods)

    def draw(self, draws: int, rng: np.random.Generator) -> Floats:
        """Draw parameters that fit the data as well: ``alpha, beta, power``, one row per draw."""
        found: Floats = np.column_stack([self.peak.draw(draws, rng), np.ones(draws)])[:, :3]
        return found

    @property
    def score(self) -> float:
        """Akaike's criterion; lower is better."""
        return 2 * len(self.peak.logs) - 2 * self.peak.height


def _share(values: Floats, periods: Floats) -> Floats:
    alpha, beta, power = values
    share: Floats = np.exp(betaln(alpha, beta + periods**power) - betaln(alpha, beta))
    return share


def count_renewals(tenures: pd.DataFrame, *, months: float = 12) -> pd.DataFrame:
    """Count by period who left and who was last seen as a customer.

    Args:
        tenures: Columns ``months`` (time as a customer, above 0) and ``ended`` (whether they left),
            from ``tenure.measure_tenure``.
        months: Months of one contract period.

    Returns:
        Columns ``period`` (from 0), ``lost`` (left at the end of that period) and ``kept`` (still
        there after that many whole periods, and not seen for longer).
    """
    periods = tenures["months"].to_numpy(float) / months
    ended = tenures["ended"].to_numpy(bool)
    left = np.maximum(1, np.ceil(periods[ended] - SLACK)).astype(int)
    stayed = np.floor(periods[~ended] + SLACK).astype(int)
    size = 1 + max([0, *left.tolist(), *stayed.tolist()])
    lost, kept = np.bincount(left, minlength=size), np.bincount(stayed, minlength=size)
    return pd.DataFrame({"period": np.arange(size), "lost": lost, "kept": kept})


def count_survivors(surviving: Sequence[float]) -> pd.DataFrame:
    """Turn a cohort's customers at the start and after each renewal into counts by period.

    Args:
        surviving: Customers at the start, after the first renewal, after the second and so on.

    Returns:
        As `count_renewals`.

    Example:
        >>> count_survivors([100, 80, 70])["lost"].tolist()
        [0.0, 20.0, 10.0]
    """
    there = np.asarray(surviving, dtype=float)
    lost = np.concatenate([[0.0], there[:-1] - there[1:]])
    kept = np.zeros(len(there))
    kept[-1] = there[-1]
    return pd.DataFrame({"period": np.arange(len(there)), "lost": lost, "kept": kept})


def fit_renewals(counts: pd.DataFrame, *, model: str = "auto") -> Renewing | Refusal:
    """Fit a model of renewals by maximum likelihood.

    Args:
        counts: From `count_renewals` or `count_survivors`; of one cohort, or of several that are
            taken to be alike.
        model: ``sbg``, ``bdw``, or ``auto`` for the better of both by Akaike's criterion.

    Returns:
        The model, or a refusal where fewer than 20 customers left, or they left after fewer than 3
        different periods.

    References:
        Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing
        21:76-90; Fader, Hardie, Liu, Davin and Steenburgh (2018), same journal, 43:1-16.
    """
    lost = counts["lost"].to_numpy(float)
    ended, periods = float(lost.sum()), int((lost > 0).sum())
    if ended < FEWEST_ENDED or periods < FEWEST_PERIODS:
        return Refusal(
            f"{ended:,.0f} customers left, at {periods} different renewals.",
            f"{FEWEST_ENDED} customers who left, at {FEWEST_PERIODS} renewals or more.",
        )
    tried = [name for name in ("sbg", "bdw") if model in (name, "auto")]
    found = [_fit(counts, name) for name in tried]
    return min(found, key=lambda fit: fit.score)


def _fit(counts: pd.DataFrame, model: str) -> Renewing:
    period, lost, kept = (counts[name].to_numpy(float) for name in ("period", "lost", "kept"))

    def total(values: Floats) -> float:
        share = _share(np.append(values, 1.0)[:3], period)
        left = np.where(lost[1:] > 0, share[:-1] - share[1:], 1.0)
        return float(lost[1:] @ np.log(left) + kept @ np.log(share))

    peak = climb(total, (1.0, 3.0) if model == "sbg" else (1.0, 3.0, 1.0))
    alpha, beta, power = np.append(peak.parameters, 1.0)[:3].tolist()
    seen = int(period[(lost + kept) > 0].max())
    return Renewing(model, alpha, beta, power, peak, seen, float(lost.sum() + kept.sum()))


def project_renewals(
    fit: Renewing,
    *,
    periods: int = 12,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Project the share of a new cohort, as large as was fitted, who will still be there.

    Args:
        fit: From `fit_renewals`.
        periods: Periods to project, from the start of the contract.
        seed: Seed of the draws.
        confidence: Coverage of the intervals, which hold both the doubt about the model's
            parameters and the chance in who leaves.

    Returns:
        Columns ``period, projected`` (whether beyond what was seen), ``renewing`` (share of those
        who renew at this one) ``value, low, high, n, unit, source``.
    """
    size = round(fit.customers)
    at = np.arange(periods + 1, dtype=float)
    rng = np.random.default_rng(seed)
    drawn = fit.draw(DRAWS, rng)
    with np.errstate(all="ignore"):
        shares = np.array([_share(values, at) for values in drawn])
    shares = rng.binomial(max(1, size), np.clip(np.nan_to_num(shares), 0, 1)) / max(1, size)
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    value = fit.share(at)
    table = pd.DataFrame({"period": at.astype(int), "projected": at > fit.seen})
    table["renewing"] = np.append(np.nan, value[1:] / value[:-1])
    table = table.assign(value=value, low=np.minimum(low, value), high=np.maximum(high, value))
    return table.assign(n=size, unit="share", source=f"projection, {NAMES[fit.model]}")
