"""Tests, panels and lines with a planted effect or fault, for the designs of chapter 5."""

from __future__ import annotations

import numpy as np
import pandas as pd

from journeylib.impact import Plan, measure_intervention

MONTHS = pd.date_range("2021-01-01", periods=120, freq="MS")


def arms(n=1000, *, lift=0.0, seed=0, base=0.2):
    """Draw two equal arms of n units: share, mean, covariate, part and placebo outcome."""
    draws = np.random.default_rng(seed)
    variant = np.repeat(["A", "B"], n)
    before = draws.gamma(2, 10, 2 * n)
    treated = variant == "B"
    return pd.DataFrame(
        {
            "unit_id": np.arange(2 * n),
            "variant": variant,
            "converted": draws.binomial(1, base + lift * treated),
            "revenue": before + draws.normal(0, 5, 2 * n) + 20 * lift * treated,
            "orders": 1 + draws.poisson(1, 2 * n),
            "revenue_before": before,
            "region": draws.choice(["north", "south", "west"], 2 * n),
            "visits_last_year": draws.poisson(5, 2 * n),
            "assigned_at": pd.Timestamp("2025-01-06")
            + pd.to_timedelta(np.tile(np.arange(n), 2) % 14, unit="D"),
        }
    )


def measure_arms(rows, **changes):
    settings = {"outcomes": ("converted",), "control": "A", **changes}
    return measure_intervention("ab_test", rows, Plan("checkout", **settings))


def shops(n=24, n_treated=10, *, effect=0.0, drift=0.0, seed=0, before=6, after=6):
    """Draw shops by month, the first ones treated; `drift` makes them rise all along."""
    draws = np.random.default_rng(seed)
    periods = np.arange(before + after)
    grid = draws.normal(0, 3, n)[:, None] + draws.normal(0, 1, len(periods))
    grid = grid + draws.normal(0, 1, (n, len(periods)))
    grid[:n_treated] += effect * (periods >= before) + drift * periods
    rows = pd.DataFrame(
        {
            "unit": np.repeat([f"shop {place:02d}" for place in range(n)], len(periods)),
            "time": np.tile(MONTHS[: len(periods)], n),
            "value": grid.ravel(),
        }
    )
    return rows.assign(parking=draws.normal(0, 1, len(rows)))


def measure_shops(rows, *, n_treated=10, before=6, **changes):
    treated = tuple(f"shop {place:02d}" for place in range(n_treated))
    settings = {"metric": "minutes", "treated": treated, "start": MONTHS[before], **changes}
    return measure_intervention("difference_in_differences", rows, Plan("desk", **settings))


def line(n=48, *, place=30, level=0.0, seed=0, trend=0.2, rho=0.0):
    """Draw one line by month that breaks at a place."""
    draws = np.random.default_rng(seed)
    noise = draws.normal(size=n)
    for later in range(1, n):
        noise[later] += rho * noise[later - 1]
    clock = np.arange(n)
    values = 10 + trend * clock + level * (clock >= place) + noise
    return pd.DataFrame({"time": MONTHS[:n], "value": values})


def measure_line(rows, *, place=30, **changes):
    settings = {"metric": "minutes", "start": MONTHS[place], **changes}
    return measure_intervention("interrupted_time_series", rows, Plan("mails", **settings))


def status_of(impact, name):
    """Give the worst status of a check, or ``absent``."""
    found = impact.checks.loc[impact.checks["check"] == name, "status"]
    worst = [status for status in ("fail", "warn", "pass") if status in set(found)]
    return worst[0] if worst else "absent"


def message_of(impact, name):
    return impact.checks.set_index("check").loc[[name], "message"].iloc[0]
