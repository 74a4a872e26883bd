"""Simulations of single series over time for `run_calibration`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from calibration_tables import Line
from impact_simulations import MONTHS, UNITS, claims, long_rows
from scipy import stats

from journeylib.impact import Plan, measure_intervention


def noise_of(rng, length, rho):
    """Draw errors of which neighbours correlate."""
    noise = rng.normal(0, 1, length)
    noise[0] /= np.sqrt(1 - rho**2)
    for i in range(1, length):
        noise[i] += rho * noise[i - 1]
    return noise


def broken_line(length, start):
    clock = np.arange(length)
    after = clock >= start
    return np.column_stack([np.ones(length), clock, after, np.clip(clock - start, 0, None)])


def least_squares(noise, start):
    """Level change of a broken line: p by least squares and by Newey-West errors."""
    length = len(noise)
    x = broken_line(length, start).astype(float)
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ noise
    left = noise - x @ beta
    plain = np.sqrt((left**2).sum() / (length - 4) * inverse[2, 2])
    scores = x * left[:, None]
    middle = scores.T @ scores
    lags = int(4 * (length / 100) ** (2 / 9))
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (cross + cross.T)
    robust = np.sqrt((inverse @ middle @ inverse)[2, 2])
    return tuple(2 * stats.t.sf(abs(beta[2]) / error, length - 4) for error in (plain, robust))


def series_alarms(length, rho):
    """A series without any change; the rivals are least squares and Newey-West errors."""

    def alarms(runs, rng):
        found = np.zeros(3)
        start = length // 2
        plan = Plan(name="none", metric="calls", start=MONTHS[start])
        for _ in range(runs):
            noise = noise_of(rng, length, rho)
            data = pd.DataFrame({"time": MONTHS[:length], "value": noise})
            row = measure_intervention("interrupted_time_series", data, plan).impacts.iloc[0]
            rivals = least_squares(noise, start)
            found += [row["p_value"] < 0.05, *(p < 0.05 for p in rivals)]
        both = tuple(found / runs)
        return both if rho else (both[0], both[2])

    return alarms


def level_row(data, **plan):
    """Measure a monthly series that changes after two years and give the row of its level."""
    plan = Plan(name="none", metric="orders", start=MONTHS[24], **plan)
    return measure_intervention("interrupted_time_series", data, plan).impacts.iloc[0]


def growing_trend(runs, rng):
    """A series that grows all along, nothing happens; the rival is before and after."""
    own = naive = 0
    for _ in range(runs):
        values = 0.15 * np.arange(48) + noise_of(rng, 48, 0.3)
        data = pd.DataFrame({"time": MONTHS, "value": values})
        own += level_row(data)["verdict"].startswith("works")
        plan = Plan(name="none", metric="orders", start=MONTHS[24])
        naive += measure_intervention("before_after", data, plan).impacts["low"].iloc[0] > 0
    return own / runs, naive / runs


def bending_lines(runs):
    """Say how often a trend that flattens by itself is taken for a change."""
    rng, own, naive = np.random.default_rng(7), 0, 0
    for _ in range(runs):
        values = 8 * (1 - np.exp(-np.arange(48) / 10)) + 0.5 * noise_of(rng, 48, 0.0)
        row = level_row(pd.DataFrame({"time": MONTHS, "value": values}), worthwhile=0.1)
        own += claims(row["verdict"])
        naive += least_squares(values, 24)[0] < 0.05
    return [
        "",
        "What a series without a control cannot know: a trend that flattens by itself is taken for "
        f"a change in {own / runs:.1%} of {runs:,} series ({naive / runs:.1%} by least squares).",
    ]


def common_shock(runs, rng):
    """Two lines that are shaken alike at the start; the rival has one line and no control."""
    own = naive = 0
    for _ in range(runs):
        shock = np.cumsum(rng.normal(0, 0.3, 48)) + 4.0 * (np.arange(48) >= 24)
        lines = np.stack([shock + noise_of(rng, 48, 0.3) for _ in range(2)])
        data = long_rows(lines)
        own += level_row(data, treated=(UNITS[0],))["p_value"] < 0.05
        naive += level_row(data[data["unit"] == UNITS[0]])["p_value"] < 0.05
    return own / runs, naive / runs


def counted_calls(rng, *, rho):
    """Draw calls a month out of customers: a rate that varies, whose months hang together."""
    customers = 5000 + 20 * np.arange(48)
    rate = 0.02 * np.exp(0.15 * np.sqrt(1 - rho**2) * noise_of(rng, 48, rho))
    return customers, rng.poisson(customers * rate)


def counted_alarms(rho):
    """Calls without any change; the rival is a Poisson regression, which knows no spread."""

    def alarms(runs, rng):
        own = naive = 0
        x = broken_line(48, 24).astype(float)
        for _ in range(runs):
            customers, calls = counted_calls(rng, rho=rho)
            data = pd.DataFrame({"time": MONTHS, "value": calls, "population": customers})
            own += level_row(data)["p_value"] < 0.05
            naive += abs(_poisson_z(x, calls, customers)) > 1.96
        return own / runs, naive / runs

    return alarms


def _poisson_z(x, counts, offset):
    """Give the level's z value of a Poisson regression, by Newton's steps."""
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(counts.sum() / offset.sum())
    for _ in range(15):
        mean = offset * np.exp(x @ beta)
        inverse = np.linalg.inv((x.T * mean) @ x)
        beta += inverse @ (x.T @ (counts - mean))
    return beta[2] / np.sqrt(inverse[2, 2])


SERIES_ALARMS = [
    Line("series, 48 points, rho 0.6, nothing happens", series_alarms(48, 0.6),
         ("least squares", "Newey-West"), high=0.10),
    Line("series, 48 points, rho 0.3, nothing happens", series_alarms(48, 0.3),
         ("least squares", "Newey-West"), high=0.10),
    Line("series, 24 points, rho 0, nothing happens", series_alarms(24, 0.0),
         ("Newey-West",), high=0.10),
    Line("counts out of customers, spread beyond Poisson's", counted_alarms(0.0),
         ("Poisson regression",), high=0.10),
    Line("counts whose months hang together, rho 0.4", counted_alarms(0.4),
         ("Poisson regression",), high=0.10),
    Line("two lines shaken alike at the start", common_shock, ("one line without a control",),
         high=0.10),
    Line("series that grows all along said to work", growing_trend, ("before and after",),
         high=0.05),
]  # fmt: skip
