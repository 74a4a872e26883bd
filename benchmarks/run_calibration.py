"""How often intervals cover the truth, and how often nothing is taken for something.

    python benchmarks/run_calibration.py [simulations]      writes docs/calibration.md

Each line has a naive rival that has to do worse, so that the simulation itself is tested.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.emotion import mean_feelings
from journeylib.estimates import Estimate
from journeylib.impact import Plan, measure_intervention
from journeylib.pains import Comparison
from journeylib.ratios import clustered_shares
from journeylib.scores import net_promoter_score

ROOT = Path(__file__).parents[1]


def transition_shares(runs, rng):
    """Customers differ in how often they go on; the truth is the ratio of means."""
    hit = naive = 0
    for _ in range(runs):
        made = rng.poisson(6, 300) + 1
        went = rng.binomial(made, rng.beta(2, 2, 300))
        sums = pd.DataFrame(
            {
                "count": [went.sum()], "left": [made.sum()], "square": [(went**2).sum()],
                "cross": [(went * made).sum()], "left_square": [(made**2).sum()],
                "left_customers": [300],
            }
        )  # fmt: skip
        found = clustered_shares(sums).iloc[0]
        hit += found["low"] <= 0.5 <= found["high"]
        half = 1.96 * np.sqrt(0.25 / made.sum())
        naive += abs(went.sum() / made.sum() - 0.5) <= half
    return hit / runs, naive / runs


def stage_means(runs, rng):
    """Answers of one customer are alike."""
    hit = naive = 0
    for _ in range(runs):
        customer = np.repeat(np.arange(120), rng.integers(1, 9, 120))
        own = rng.normal(0, 0.3, 120)[customer]
        tone = np.clip(own + rng.normal(0, 0.2, len(customer)), -1, 1)
        voices = pd.DataFrame({"customer": customer, "stage": "s", "sentiment": tone})
        found = mean_feelings(voices, ["stage"]).iloc[0]
        hit += found["low"] <= 0 <= found["high"]
        naive += abs(tone.mean()) <= 1.96 * tone.std() / np.sqrt(len(tone))
    return hit / runs, naive / runs


def promoter_scores(runs, rng):
    """Sixty answers of which most are promoters; the rival is the plain Wald interval."""
    hit = naive = 0
    for _ in range(runs):
        answers = rng.choice([10, 8, 3], 30, p=[0.9, 0.08, 0.02])
        found = net_promoter_score(pd.Series(answers))
        up, down = (answers == 10).mean(), (answers == 3).mean()
        half = 196 * np.sqrt((up + down - (up - down) ** 2) / 30)
        hit += isinstance(found, Estimate) and found.low <= 88 <= found.high
        naive += abs(100 * (up - down) - 88) <= half
    return hit / runs, naive / runs


def share_differences(runs, rng):
    hit = naive = 0
    for _ in range(runs):
        a, b = rng.binomial(40, 0.95), rng.binomial(30, 0.9)
        columns = (pd.Series([x]) for x in (a, 40, b, 30))
        found = Comparison(*columns).frame(0.95).iloc[0]
        hit += found["low"] <= 0.05 <= found["high"]
        p, q = a / 40, b / 30
        half = 1.96 * np.sqrt(p * (1 - p) / 40 + q * (1 - q) / 30)
        naive += abs(p - q - 0.05) <= half
    return hit / runs, naive / runs


def false_works(runs, rng):
    """A/A tests; the rival looks at p < 0.05 in any of five looks."""
    found = naive = 0
    for _ in range(runs):
        hits = rng.binomial(1, 0.1, (2, 2000))
        data = pd.DataFrame({"variant": np.repeat(["A", "B"], 2000), "converted": hits.ravel()})
        plan = Plan(name="a/a", outcomes=("converted",), control="A", worthwhile=0.01)
        verdict = measure_intervention("ab_test", data, plan).impacts["verdict"].iloc[0]
        found += verdict.startswith("works")
        naive += any(_p_value(hits[:, :n]) < 0.05 for n in (400, 800, 1200, 1600, 2000))
    return found / runs, naive / runs


def _p_value(hits):
    n = hits.shape[1]
    a, b = hits.mean(axis=1)
    spread = np.sqrt(2 * hits.mean() * (1 - hits.mean()) / n)
    return 2 * stats.norm.sf(abs(a - b) / spread) if spread else 1.0


def few_treated(runs, rng):
    """Two of twenty units treated, nothing happens; the rival is the pooled cell t test."""
    found = naive = 0
    times = pd.date_range("2025-01-01", periods=12, freq="MS")
    for _ in range(runs):
        level = rng.normal(0, 1, (20, 1))
        values = level + np.cumsum(rng.normal(0, 0.5, (20, 12)), axis=1)
        units = [f"u{i}" for i in range(20)]
        data = pd.DataFrame(values, index=units, columns=times).rename_axis("unit").reset_index()
        data = data.melt("unit", var_name="time", value_name="value")
        plan = Plan(
            name="none", metric="m", start=times[6], treated=("u0", "u1"), worthwhile=0.1, seed=1
        )
        verdict = measure_intervention("difference_in_differences", data, plan)
        found += verdict.impacts["verdict"].iloc[0].startswith(("works", "harms"))
        after = values[:, 6:] - values[:, :6].mean(axis=1, keepdims=True)
        naive += stats.ttest_ind(after[:2].ravel(), after[2:].ravel()).pvalue < 0.05
    return found / runs, naive / runs


def correlated_series(runs, rng):
    """Forty-eight points with rho 0.6 and no change; the rival is ordinary least squares."""
    found = naive = 0
    times = pd.date_range("2021-01-01", periods=48, freq="MS")
    for _ in range(runs):
        noise = rng.normal(0, 1, 48)
        for i in range(1, 48):
            noise[i] += 0.6 * noise[i - 1]
        data = pd.DataFrame({"time": times, "value": noise})
        plan = Plan(name="none", metric="m", start=times[24])
        impacts = measure_intervention("interrupted_time_series", data, plan).impacts
        found += bool(impacts["p_value"].iloc[0] < 0.05)
        t = np.arange(48)
        x = np.stack([np.ones(48), t, t >= 24, np.clip(t - 24, 0, None)], axis=1).astype(float)
        beta, rest, *_ = np.linalg.lstsq(x, noise, rcond=None)
        error = np.sqrt(rest[0] / 44 * np.linalg.inv(x.T @ x)[2, 2])
        naive += 2 * stats.t.sf(abs(beta[2]) / error, 44) < 0.05
    return found / runs, naive / runs


COVERAGE = {
    "transition shares, customers differ": (transition_shares, "event-level interval"),
    "stage means, answers of one customer alike": (stage_means, "answer-level interval"),
    "NPS, 30 answers, 90 % promoters": (promoter_scores, "Wald interval"),
    "difference of shares, 40 and 30 customers": (share_differences, "Wald interval"),
}
ALARMS = {
    "A/A test said to work": (false_works, "p below 0.05 at any of five looks", 0.03),
    "DiD, 2 of 20 units, nothing happens": (few_treated, "t test of unit-months", 0.06),
    "series, 48 points, rho 0.6, nothing happens": (correlated_series, "least squares", 0.10),
}


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    lines = [
        "# Calibration",
        "",
        f"Made by `make calibrate` on {datetime.now(UTC):%Y-%m-%d}, {runs:,} simulated data sets a "
        "line, seed 7. The rival is what a plain analysis would do on the same data.",
        "",
        "| 95 % interval | covers the truth | rival | rival covers |",
        "|---|---|---|---|",
    ]
    for name, (function, rival) in COVERAGE.items():
        own, naive = function(runs, np.random.default_rng(7))
        lines.append(f"| {name} | {own:.1%} | {rival} | {naive:.1%} |")
    lines += [
        "",
        "| false alarm | rate | at most | rival | rival's rate |",
        "|---|---|---|---|---|",
    ]
    for name, (function, rival, limit) in ALARMS.items():
        own, naive = function(runs, np.random.default_rng(7))
        lines.append(f"| {name} | {own:.1%} | {limit:.0%} | {rival} | {naive:.1%} |")
    text = "\n".join(lines).replace("%", " %").replace("95  %", "95 %").replace("90  %", "90 %")
    (ROOT / "docs" / "calibration.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
