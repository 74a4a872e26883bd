"""Simulations of pain points for `run_calibration`: eight troubles, of which four are real.

Engaged customers meet more trouble and leave less, so trouble looks harmless or even good to a
plain analysis. Each run is one invented client with a known truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from threadpoolctl import threadpool_limits

from journeylib.association import associate
from journeylib.landmarks import Landmarked
from journeylib.money import price_pains
from journeylib.worth import Terms

HARM = np.array([0.9, 0.6, 0.4, 0.2, 0.0, 0.0, 0.0, 0.0])
MET = np.array([-1.7, -1.6, -1.5, -1.7, -1.2, -1.4, -1.6, -1.9])
CUSTOMERS, WORTH, YEARS = 3000, 100.0, 0.5
# What costs a second a client is drawn less often than the other lines.
SLOW = 3


def draw_client(rng, n=CUSTOMERS, *, bent=False):
    """Draw engagement, tenure, value, what was met, and who stayed."""
    engagement, tenure, value = rng.normal(size=(3, n))
    value = 0.6 * engagement + 0.8 * value
    drive = 0.9 * engagement
    pull = 0.9 * engagement + 0.3 * tenure + 0.3 * value
    if bent:
        drive, pull = 1.1 * (engagement**2 - 1), 1.0 * (engagement**2 - 1) + 0.3 * tenure
    met = rng.random((n, 8)) < 1 / (1 + np.exp(-(MET + drive[:, None] + 0.2 * value[:, None])))
    score = 0.5 + pull
    stayed = rng.random(n) < 1 / (1 + np.exp(-(score - met @ HARM)))
    rows = pd.DataFrame(
        {
            "owner": np.arange(n), "customer": np.arange(n), "outcome": stayed.astype(int),
            "contacts": engagement, "tenure": tenure, "spent": value, "phase": 1, "group": 0,
            "went_on": -1, "persona": "",
        }
    )  # fmt: skip
    return rows, met, score


def as_landmarked(rows, met):
    count = met.sum(axis=0).astype(float)
    exposures = pd.DataFrame(
        {
            "touchpoint": [f"trouble {k}" for k in range(8)], "channel": "", "stage": "",
            "kind": "loss", "phase": "after", "way": "incident", "affected": count,
            "affected_per_year": count / YEARS, "wait_days": np.nan,
        }
    )  # fmt: skip
    numbers = ("contacts", "tenure", "spent")
    return Landmarked(rows, exposures, met, np.ones_like(met), numbers=numbers, levels=(),
                      outcome="retention", days=180.0)  # fmt: skip


def losses(met, score):
    """True difference in the chance to stay, for each row and trouble, were it taken away."""
    now = score - met @ HARM
    return 1 / (1 + np.exp(-now))[:, None] - 1 / (1 + np.exp(-(now[:, None] + HARM)))


def truths(*, bent=False, seed=99, n=1_000_000):
    """Mean difference among those who met each, outcomes lost a year by each and by all."""
    rng = np.random.default_rng(seed)
    _, met, score = draw_client(rng, n, bent=bent)
    each = losses(met, score)
    mean = np.array([each[met[:, k], k].mean() for k in range(8)])
    now = 1 / (1 + np.exp(-(score - met @ HARM)))
    whole = float((1 / (1 + np.exp(-score)) - now).sum()) * CUSTOMERS / n / YEARS
    return mean, whole


def plain_differences(rows, met):
    """What a plain analysis says of each trouble: difference, error and p-value."""
    y = rows["outcome"].to_numpy(float)
    found = []
    for own in met.T:
        a, b = y[own], y[~own]
        error = np.sqrt(a.var() / len(a) + b.var() / len(b))
        gap = a.mean() - b.mean()
        found.append((gap, error, 2 * stats.norm.sf(abs(gap) / error)))
    return np.array(found).T


def _inside(value, error, truth):
    return np.abs(value - truth) <= 1.96 * error


def risk_differences(*, bent):
    """Intervals of the risk difference of all eight; the rival is the plain difference."""

    def covers(runs, rng):
        truth, _ = truths(bent=bent)
        hit = naive = 0
        sets = max(1, runs // SLOW)
        for _ in range(sets):
            rows, met, _ = draw_client(rng, bent=bent)
            found = associate(as_landmarked(rows, met))
            hit += ((found["low"] <= truth) & (truth <= found["high"])).mean()
            gap, error, _ = plain_differences(rows, met)
            naive += _inside(gap, error, truth).mean()
        return hit / sets, naive / sets

    return covers


def weighted_differences(runs, rng):
    """Intervals of the second opinion, where engagement bends; the rival is a straight line."""
    truth, _ = truths(bent=True)
    hit = naive = 0
    sets = max(1, runs // SLOW)
    for _ in range(sets):
        rows, met, _ = draw_client(rng, bent=True)
        found = associate(as_landmarked(rows, met))
        hit += ((found["aipw_low"] <= truth) & (truth <= found["aipw_high"])).mean()
        gap, error, _ = plain_differences(rows, met)
        naive += _inside(gap, error, truth).mean()
    return hit / sets, naive / sets


def false_finds(runs, rng):
    """Share of false ones among the troubles said to be clear; the rival asks plain differences."""
    own, naive = [], []
    for _ in range(max(1, runs // SLOW)):
        rows, met, _ = draw_client(rng)
        found = associate(as_landmarked(rows, met))
        own.append(_false_share((found["verdict"] != "not told apart").to_numpy()))
        p_values = plain_differences(rows, met)[2]
        naive.append(_false_share(multipletests(p_values, alpha=0.10, method="fdr_bh")[0]))
    return np.mean(own), np.mean(naive)


def _false_share(clear):
    return clear[HARM == 0].sum() / max(clear.sum(), 1)


def money_at_risk(runs, rng):
    """Interval of what all eight cost together; the rival adds up plain differences."""
    _, whole = truths()
    hit = naive = 0
    sets = max(1, runs // SLOW)
    for _ in range(sets):
        rows, met, _ = draw_client(rng)
        landmarked = as_landmarked(rows, met)
        listed = associate(landmarked).assign(verdict="worse")
        total = price_pains(landmarked, listed, terms=Terms(WORTH)).total.iloc[0]
        hit += total["money_low"] <= whole * WORTH <= total["money_high"]
        gap, error, _ = plain_differences(rows, met)
        count = met.sum(axis=0) / YEARS
        naive += _inside(-(gap * count).sum(), np.sqrt(((error * count) ** 2).sum()), whole)
    return hit / sets, naive / sets


def dearest_three(runs, rng):
    """Are the three dearest found? The rival ranks by plain differences times customers."""
    truth, _ = truths()
    hit = naive = 0
    sets = max(1, runs // SLOW)
    for _ in range(sets):
        rows, met, _ = draw_client(rng)
        landmarked = as_landmarked(rows, met)
        priced = price_pains(landmarked, associate(landmarked), terms=Terms(WORTH), draws=200).pains
        expected = set(np.argsort(truth * met.sum(axis=0))[:3])
        hit += set(priced["exposure"].head(3)) == expected
        naive += set(np.argsort(plain_differences(rows, met)[0] * met.sum(axis=0))[:3]) == expected
    return hit / sets, naive / sets


PAIN_COVERAGE = {
    "risk difference, engagement confounds": (risk_differences(bent=False), "plain difference"),
    "risk difference, engagement bends": (risk_differences(bent=True), "plain difference"),
    "weighted difference, engagement bends": (weighted_differences, "plain difference"),
    "money at risk of eight troubles": (money_at_risk, "sum of plain differences"),
}
PAIN_ALARMS = {
    "false ones among clear troubles, q 0.10": (false_finds, "plain differences with BH", 0.12),
}


def pain_lines(runs):
    """Say how often the three dearest troubles are found."""
    with threadpool_limits(limits=1):
        own, naive = dearest_three(runs, np.random.default_rng(7))
    return [
        "",
        f"{max(1, runs // SLOW)} clients of {CUSTOMERS:,} customers and eight troubles, four of "
        "them real, which engaged customers meet more and mind less. The rival ranks by plain "
        "differences times customers.",
        "",
        "| | found | at least | rival |",
        "|---|---|---|---|",
        f"| the three dearest troubles | {own:.1%} | 85 % | {naive:.1%} |",
    ]
