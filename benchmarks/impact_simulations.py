"""Simulations of roll-outs by unit, and of the worst units, for `run_calibration`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from calibration_tables import TARGET, Line
from scipy import stats

from journeylib.impact import Plan, measure_intervention
from journeylib.units import expected_regression

MONTHS = pd.date_range("2021-01-01", periods=48, freq="MS")
UNITS = [f"shop {place:02d}" for place in range(60)]
# Months at which cohorts start, chance of each, and growth of the effect a month.
STARTS, CHANCES, GROWTH, NEVER = (3, 6, None), (0.3, 0.3, 0.4), (1.0, 0.3), 99


def long_rows(grid):
    """Lay units by times out as the measurements that a client hands over."""
    n, length = grid.shape
    return pd.DataFrame(
        {
            "unit": np.repeat(UNITS[:n], length), "time": np.tile(MONTHS[:length], n),
            "value": grid.ravel(),
        }
    )  # fmt: skip


def panel_plan(n_treated, start, **more):
    return Plan(
        name="roll-out", metric="csat", start=MONTHS[start], treated=tuple(UNITS[:n_treated]),
        worthwhile=0.1, seed=1, **more,
    )  # fmt: skip


def wandering(rng, n, length, step=0.5):
    """Draw units with a level of their own, whose months hang together."""
    return rng.normal(0, 1, (n, 1)) + np.cumsum(rng.normal(0, step, (n, length)), axis=1)


def claims(verdict):
    return verdict.startswith(("works", "harms"))


def compare_panel(grid, plan):
    return measure_intervention("difference_in_differences", long_rows(grid), plan)


def two_way(grid, treated):
    """Two-way fixed effects: coefficient, plain error, error clustered by unit."""
    on = treated - treated.mean(axis=1, keepdims=True) - treated.mean(axis=0) + treated.mean()
    own = grid - grid.mean(axis=1, keepdims=True) - grid.mean(axis=0) + grid.mean()
    squares = (on**2).sum()
    value = (on * own).sum() / squares
    left = own - value * on
    n, length = grid.shape
    plain = np.sqrt((left**2).sum() / ((n - 1) * (length - 1) - 1) / squares)
    clustered = np.sqrt(((on * left).sum(axis=1) ** 2).sum() * n / (n - 1)) / squares
    return value, plain, clustered


def treatment(n, length, n_treated, start):
    both = np.zeros((n, length))
    both[:n_treated, start:] = 1.0
    return both


def few_treated(runs, rng):
    """Two of twenty units treated, nothing happens; unit-months by t, then two-way by cluster."""
    own = months = clusters = 0
    for _ in range(runs):
        grid = wandering(rng, 20, 12)
        verdict = compare_panel(grid, panel_plan(2, 6)).impacts["verdict"].iloc[0]
        own += claims(verdict)
        after = grid[:, 6:] - grid[:, :6].mean(axis=1, keepdims=True)
        months += stats.ttest_ind(after[:2].ravel(), after[2:].ravel()).pvalue < 0.05
        value, _, error = two_way(grid, treatment(20, 12, 2, 6))
        clusters += abs(value) > stats.t.ppf(0.975, 19) * error
    return own / runs, months / runs, clusters / runs


def panel_coverage(n_treated):
    """Cover an effect of 1; the rivals are two-way fixed effects, plain and by cluster."""

    def covers(runs, rng):
        own = plain = clustered = 0
        on = treatment(20, 12, n_treated, 6)
        for _ in range(runs):
            grid = wandering(rng, 20, 12) + on
            row = compare_panel(grid, panel_plan(n_treated, 6)).impacts.iloc[0]
            own += row["low"] <= 1 <= row["high"]
            value, error, by_unit = two_way(grid, on)
            plain += abs(value - 1) <= 1.96 * error
            clustered += abs(value - 1) <= stats.t.ppf(0.975, 19) * by_unit
        both = (own / runs, plain / runs, clustered / runs)
        return both if n_treated < 5 else both[:2]

    return covers


def simulate_staggered(rng):
    """Draw a roll-out at two dates whose effect grows, faster in the earlier cohort.

    Which units start when is drawn too, as the intervals take it to be.
    """
    first = np.sort(rng.choice([start or NEVER for start in STARTS], 30, p=CHANCES))
    since = np.arange(10) - first[:, None]
    slope = np.where(first == STARTS[0], GROWTH[0], np.where(first < NEVER, GROWTH[1], 0.0))
    effect = slope[:, None] * np.clip(since + 1, 0, None)
    # Mean over the times with the change: 1 to 7 months of it for the first cohort, 1 to 4.
    means = GROWTH[0] * 4, GROWTH[1] * 2.5
    truth = np.average(means, weights=CHANCES[:2])
    return wandering(rng, 30, 10) + effect, first, float(truth)


def staggered_coverage(runs, rng):
    """Two starting dates, effects that grow; the rival is two-way fixed effects by cluster."""
    own = naive = 0
    plan = Plan(name="roll-out", metric="csat", seed=1)
    for _ in range(runs):
        grid, first, truth = simulate_staggered(rng)
        on = np.arange(10) >= first[:, None]
        data = long_rows(grid).assign(treated=on.ravel().astype(int))
        found = measure_intervention("difference_in_differences", data, plan)
        row = found.impacts.iloc[0]
        own += row["low"] <= truth <= row["high"]
        value, _, error = two_way(grid, on.astype(float))
        naive += abs(value - truth) <= stats.t.ppf(0.975, len(grid) - 1) * error
    return own / runs, naive / runs


@lru_cache(maxsize=1)
def lone_units(runs):
    """Treat one unit of twenty-five, nothing happens: who claims an effect, by design and rival."""
    rng = np.random.default_rng(7)
    claimed = dict.fromkeys(("read", "synthetic_did", "synthetic_control", "months"), 0)
    for _ in range(runs):
        common = np.cumsum(rng.normal(0, 1, (2, 30)), axis=1)
        mixed = rng.dirichlet([1, 1], 25) @ common
        grid = rng.normal(0, 1, (25, 1)) + mixed + rng.normal(0, 0.5, (25, 30))
        found = compare_panel(grid, panel_plan(1, 20))
        verdicts = found.impacts.set_index("metric")["verdict"].map(claims)
        claimed["synthetic_did"] += verdicts["csat:synthetic_did"]
        claimed["synthetic_control"] += verdicts["csat:synthetic_control"]
        claimed["read"] += verdicts[read_from(found)]
        gap = grid[0] - grid[1:].mean(axis=0)
        claimed["months"] += stats.ttest_ind(gap[20:], gap[:20]).pvalue < 0.05
    return {name: count / runs for name, count in claimed.items()}


def read_from(found):
    """Name the row whose verdict the kit tells the reader to take."""
    fails = set(found.checks.loc[found.checks["status"] == "fail", "check"])
    plain = {name for name in fails if ":" not in name}
    if not plain:
        return "csat"
    for name in ("synthetic_did", "synthetic_control"):
        if not any(fail.startswith(name) for fail in fails):
            return f"csat:{name}"
    return "csat"


def lone_unit(design):
    def alarms(runs, _rng):
        found = lone_units(runs)
        return found[design], found["months"]

    return alarms


def crooked(runs, rng):
    """Treat units that grew faster all along; the rival is a t test of changes."""
    own = naive = 0
    for _ in range(runs):
        grid = wandering(rng, 24, 16, 0.2)
        grid[:8] += 0.25 * np.arange(16)
        own += _withheld(compare_panel(grid, panel_plan(8, 10)))
        change = grid[:, 10:].mean(axis=1) - grid[:, :10].mean(axis=1)
        naive += stats.ttest_ind(change[:8], change[8:]).pvalue >= 0.05
    return own / runs, naive / runs


def _withheld(found):
    row = found.impacts.iloc[0]
    return row["verdict"] == "not interpretable" or row["evidence"] == "D"


def worst_shops(rng, n=50, share=0.2, months=4):
    """Draw shops that do not change, the worst fifth of the months before first."""
    level = rng.normal(0, 5, (n, 1)) + rng.normal(0, 8 * months**0.5, (n, 2 * months))
    return level[np.argsort(level[:, :months].mean(axis=1))], int(n * share)


def worst_alarms(runs, rng):
    """Send help to the worst fifth, which does nothing; the rival is a paired t test."""
    own = naive = 0
    for _ in range(runs):
        grid, k = worst_shops(rng)
        found = measure_intervention(
            "before_after", long_rows(grid), panel_plan(k, 4, chosen="worst")
        )
        own += found.impacts["verdict"].iloc[0].startswith("works")
        change = grid[:k, 4:].mean(axis=1) - grid[:k, :4].mean(axis=1)
        test = stats.ttest_1samp(change, 0)
        naive += test.pvalue < 0.05 and test.statistic > 0
    return own / runs, naive / runs


def worst_withheld(design):
    """Withhold the verdict where the worst were chosen; the rival is a t test of changes."""

    def finds(runs, rng):
        own = naive = 0
        for _ in range(runs):
            grid, k = worst_shops(rng)
            own += _withheld(
                measure_intervention(design, long_rows(grid), panel_plan(k, 4, chosen="worst"))
            )
            change = grid[:, 4:].mean(axis=1) - grid[:, :4].mean(axis=1)
            naive += stats.ttest_ind(change[:k], change[k:]).pvalue >= 0.05
        return own / runs, naive / runs

    return finds


def regression_lines(runs):
    """Show how far the worst drift back, by formula, by the kit's check and in fact."""
    rng = np.random.default_rng(7)
    seen, said = [], []
    for _ in range(runs):
        grid, k = worst_shops(rng)
        seen.append((grid[:k, 4:].mean(axis=1) - grid[:k, :4].mean(axis=1)).mean())
        found = measure_intervention(
            "before_after", long_rows(grid), panel_plan(k, 4, chosen="worst")
        )
        said.append(found.checks.set_index("check").loc["regression_to_mean", "statistic"])
    formula = expected_regression(64, 25, 0.2)
    return [
        "",
        f"The worst fifth of 50 shops, told by four months each, {runs:,} times, nothing done: "
        f"they rise by {np.mean(seen):.2f} points on average; Barnett's formula with the true "
        f"spreads says {formula:.2f}, the check that prints it from the data {np.mean(said):.2f}.",
    ]


PANEL_INTERVALS = [
    Line("DiD, 8 of 20 units, months hang together", panel_coverage(8),
         ("two-way fixed effects",), *TARGET),
    Line("DiD, 2 of 20 units, months hang together", panel_coverage(2),
         ("two-way fixed effects", "the same, errors by unit"), *TARGET),
    Line("two starting dates, effects that grow", staggered_coverage,
         ("two-way fixed effects, errors by unit",), *TARGET),
]  # fmt: skip
PANEL_ALARMS = [
    Line("DiD, 2 of 20 units, nothing happens", few_treated,
         ("t test of unit-months", "two-way fixed effects, errors by unit"), high=0.06),
    Line("one of 25 units, the design that the kit reads, nothing happens", lone_unit("read"),
         ("t test of months",), high=0.06),
    Line("synthetic control, one of 25 units, nothing happens", lone_unit("synthetic_control"),
         ("t test of months",), high=0.06),
    Line("synthetic DiD, one of 25 units, nothing happens", lone_unit("synthetic_did"),
         ("t test of months",), high=0.06),
    Line("worst fifth of shops said to have improved", worst_alarms, ("paired t test",),
         high=0.0),
]  # fmt: skip
PANEL_FINDS = [
    Line("treated units grew faster all along: withheld", crooked, ("t test of changes",),
         low=0.9),
    Line("worst fifth treated, DiD: withheld", worst_withheld("difference_in_differences"),
         ("t test of changes",), low=0.9),
    Line("worst fifth treated, before and after: withheld or grade D",
         worst_withheld("before_after"), ("t test of changes",), low=0.9),
]  # fmt: skip
