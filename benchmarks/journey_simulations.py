"""Simulations of the intervals of journeys, feelings and scores for `run_calibration`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from calibration_tables import Line
from scipy import optimize, stats

from journeylib.consistency import compare_channels
from journeylib.durations import median_time, trace_incidence
from journeylib.emotion import mean_feelings, score_touchpoints
from journeylib.estimates import Estimate
from journeylib.occupancy import Occupancy
from journeylib.pains import Comparison
from journeylib.ratios import clustered_shares, plain_shares
from journeylib.scores import net_promoter_score
from journeylib.wordings import clustered_correlation

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


JOURNEY_LINES = [
    Line("transition shares, customers differ", transition_shares, ("event-level interval",)),
    Line("stage means, answers of one customer alike", stage_means, ("answer-level interval",)),
    Line("worst five of forty thin touchpoints", worst_touchpoints, ("interval of each alone",)),
    Line(
        "tone and rating, texts of one customer alike", tone_correlations, ("Fisher's z of texts",)
    ),
    Line(
        "gone on by day 30, Aalen-Johansen", stage_incidence, ("all taken as watched to the end",)
    ),
    Line("median days in a stage, Kaplan-Meier", stage_medians, ("median of those who ended",)),
    Line(
        "stage occupied on day 30, multi-state",
        occupied_stages,
        ("all taken as watched to the end",),
    ),
    Line("one touchpoint in two channels", channel_gaps, ("answer-level interval",)),
    Line("NPS, 30 answers, 90 % promoters", promoter_scores, ("Wald interval",)),
    Line("difference of shares, 40 and 30 customers", share_differences, ("Wald interval",)),
]
