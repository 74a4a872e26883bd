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
from pain_simulations import PAIN_ALARMS, PAIN_COVERAGE, pain_lines
from persona_simulations import PERSONA_ALARMS, persona_lines
from scipy import optimize, stats
from shrinkage_simulations import SHRINKAGE_ALARMS, SHRINKAGE_COVERAGE

from journeylib.consistency import compare_channels
from journeylib.durations import median_time, trace_incidence
from journeylib.emotion import mean_feelings, score_touchpoints
from journeylib.estimates import Estimate
from journeylib.impact import Plan, measure_intervention
from journeylib.occupancy import Occupancy
from journeylib.pains import Comparison
from journeylib.ratios import clustered_shares, plain_shares
from journeylib.scores import net_promoter_score
from journeylib.wordings import clustered_correlation

ROOT = Path(__file__).parents[1]
MOVED_BY_30 = 0.5 * stats.gamma(2, scale=12).cdf(30)


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


def worst_touchpoints(runs, rng):
    """The five that look worst of forty thin touchpoints; their own means are too low by choice."""
    hit = naive = 0
    for _ in range(runs):
        truth = rng.normal(0.2, 0.15, 40)
        n = rng.integers(10, 40, 40)
        touchpoint = np.repeat(np.arange(40), n)
        tone = np.clip(rng.normal(truth[touchpoint], 0.5), -1, 1)
        voices = pd.DataFrame({"customer": np.arange(len(tone)), "sentiment": tone})
        found = mean_feelings(voices.assign(touchpoint=touchpoint), ["touchpoint"])
        pooled = score_touchpoints(voices.assign(touchpoint=touchpoint))
        expected = _clipped_mean(truth, 0.5)
        for table, column in ((pooled, "value"), (found, "value")):
            worst = table[column].nsmallest(5).index
            inside = (table["low"] <= expected) & (expected <= table["high"])
            hit += inside[worst].sum() * (table is pooled)
            naive += inside[worst].sum() * (table is found)
    return hit / runs / 5, naive / runs / 5


def _clipped_mean(middle, spread):
    """Mean of normal tones that are held to -1 to 1."""
    low, high = (-1 - middle) / spread, (1 - middle) / spread
    inner = stats.norm.cdf(high) - stats.norm.cdf(low)
    moved = spread * (stats.norm.pdf(low) - stats.norm.pdf(high))
    return middle * inner + moved + stats.norm.sf(high) - stats.norm.cdf(low)


def tone_correlations(runs, rng):
    """Customers write several texts alike; the truth is 0.6."""
    hit = naive = 0
    for _ in range(runs):
        own = np.repeat(np.arange(150), rng.integers(1, 6, 150))
        both = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 150)[own]
        fresh = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], len(own))
        first, second = (0.8 * both + 0.6 * fresh).T
        value, low, high = clustered_correlation(first, second, own)
        hit += low <= 0.6 <= high
        half = 1.96 / np.sqrt(len(own) - 3)
        naive += abs(np.arctanh(value) - np.arctanh(0.6)) <= half
    return hit / runs, naive / runs


def stage_incidence(runs, rng):
    """Half go on slowly and half leave fast; the rival counts all as if they had been watched."""
    hit = naive = 0
    for _ in range(runs):
        days, ended = _watched(rng, 800)
        found = trace_incidence(days, ended)[0].at([30.0]).iloc[0]
        hit += found["low"] <= MOVED_BY_30 <= found["high"]
        plain = plain_shares([((ended == 1) & (days <= 30)).sum()], [800]).iloc[0]
        naive += plain["low"] <= MOVED_BY_30 <= plain["high"]
    return hit / runs, naive / runs


def stage_medians(runs, rng):
    """Time in a stage for everybody; the rival takes the median of those who ended."""
    truth = optimize.brentq(lambda t: _ended_by(t) - 0.5, 1, 60)
    hit = naive = 0
    for _ in range(runs):
        days, ended = _watched(rng, 800)
        found = median_time(days, ended > 0, metric="days")
        hit += isinstance(found, Estimate) and found.low <= truth <= found.high
        own = np.sort(days[ended > 0])
        low, high = stats.binom.ppf([0.025, 0.975], len(own), 0.5).astype(int)
        naive += own[low] <= truth <= own[min(high, len(own) - 1)]
    return hit / runs, naive / runs


def occupied_stages(runs, rng):
    """A two-stage journey read at day 30 from the log's grid; customers enter all the time."""
    truth = stats.gamma(2, scale=12).cdf(30)
    hit = naive = 0
    for _ in range(runs):
        took, watch = rng.gamma(2, 12, 400), 60 - rng.uniform(0, 60, 400)
        grid = np.linspace(0, 30, 31)
        at = took[:, None] <= grid
        seen = grid <= watch[:, None]
        both = seen[:, 1:] & seen[:, :-1]
        moves = np.stack([[[(both[:, k] & (at[:, k] == a) & (at[:, k + 1] == b)).sum()
                            for b in (0, 1)] for a in (0, 1)] for k in range(30)])  # fmt: skip
        found = Occupancy(("one", "two"), tuple(grid), np.array([400, 0]), moves).frame([30.0])
        row = found[(found["days"] == 30) & (found["state"] == "two")].iloc[0]
        hit += row["low"] <= truth <= row["high"]
        plain = plain_shares([(took <= np.minimum(watch, 30)).sum()], [400]).iloc[0]
        naive += plain["low"] <= truth <= plain["high"]
    return hit / runs, naive / runs


def _watched(rng, n, period=60.0):
    moves = rng.random(n) < 0.5
    took = np.where(moves, rng.gamma(2, 12, n), rng.exponential(5, n))
    watch = period - rng.uniform(0, period, n)
    return np.minimum(took, watch), np.where(took <= watch, np.where(moves, 1, 2), 0)


def _ended_by(day):
    return 0.5 * stats.gamma(2, scale=12).cdf(day) + 0.5 * stats.expon(scale=5).cdf(day)


def channel_gaps(runs, rng):
    """One touchpoint in two channels, customers in both; the rival compares answers."""
    hit = naive = 0
    for _ in range(runs):
        customer = np.repeat(np.arange(120), rng.integers(1, 5, 120))
        app = rng.random(len(customer)) < np.where(np.arange(120) < 60, 0.9, 0.1)[customer]
        tone = 0.3 * app + rng.normal(0, 0.3, 120)[customer] + rng.normal(0, 0.1, len(customer))
        voices = pd.DataFrame({"customer": customer, "touchpoint": "t", "sentiment": tone,
                               "channel": np.where(app, "app", "web")})  # fmt: skip
        row = compare_channels(voices).iloc[0]
        sign = 1 if row["better"] == "app" else -1
        hit += row["low"] <= 0.3 * sign <= row["high"]
        gap = tone[app].mean() - tone[~app].mean()
        error = np.sqrt(tone[app].var() / app.sum() + tone[~app].var() / (~app).sum())
        naive += abs(gap - 0.3) <= 1.96 * error
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
    "worst five of forty thin touchpoints": (worst_touchpoints, "interval of each alone"),
    "tone and rating, texts of one customer alike": (tone_correlations, "Fisher's z of texts"),
    "gone on by day 30, Aalen-Johansen": (stage_incidence, "all taken as watched to the end"),
    "median days in a stage, Kaplan-Meier": (stage_medians, "median of those who ended"),
    "stage occupied on day 30, multi-state": (occupied_stages, "all taken as watched to the end"),
    "one touchpoint in two channels": (channel_gaps, "answer-level interval"),
    "NPS, 30 answers, 90 % promoters": (promoter_scores, "Wald interval"),
    "difference of shares, 40 and 30 customers": (share_differences, "Wald interval"),
    **SHRINKAGE_COVERAGE,
    **PAIN_COVERAGE,
}
ALARMS = {
    "A/A test said to work": (false_works, "p below 0.05 at any of five looks", 0.03),
    "DiD, 2 of 20 units, nothing happens": (few_treated, "t test of unit-months", 0.06),
    "series, 48 points, rho 0.6, nothing happens": (correlated_series, "least squares", 0.10),
    **PAIN_ALARMS,
    **PERSONA_ALARMS,
    **SHRINKAGE_ALARMS,
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
    lines += pain_lines(runs)
    lines += persona_lines(runs)
    text = "\n".join(lines).replace("%", " %").replace("95  %", "95 %").replace("90  %", "90 %")
    (ROOT / "docs" / "calibration.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
