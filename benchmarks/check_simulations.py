"""Each check of a design with its fault planted, and with nothing wrong, for `run_calibration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from impact_simulations import MONTHS, long_rows, panel_plan, wandering, worst_shops
from series_simulations import noise_of

from journeylib.impact import Plan, measure_intervention

if TYPE_CHECKING:
    from collections.abc import Callable

N = 800
# A mixture of donors takes seconds where other designs take milliseconds.
RARE = 0.1


@dataclass(frozen=True)
class Fault:
    """A check, what it should notice, and how often it should.

    Attributes:
        check: Name of the check.
        what: The fault that is planted.
        draw: Generator and whether the fault is planted, to the checks of one data set.
        least: Least share of faults that must be noticed; None where chance decides.
        most: Largest share of false alarms.
        fails: Whether only a failed check counts, not a warning.
        scale: Data sets with the fault, and as many without, for each one asked for.
    """

    check: str
    what: str
    draw: Callable[[np.random.Generator, bool], pd.DataFrame]
    least: float | None = 0.9
    most: float = 0.05
    fails: bool = False
    scale: float = 0.5

    def rate(self, sets: int, *, planted: bool) -> float:
        """Share of data sets in which the check speaks up."""
        rng = np.random.default_rng(7 + planted)
        spoken = 0
        for _ in range(sets):
            checks = self.draw(rng, planted)
            status = checks.loc[checks["check"] == self.check, "status"]
            spoken += bool((status == "fail").any() if self.fails else (status != "pass").any())
        return spoken / sets


def trial_rows(rng, n=N, *, lift=0.0):
    """Draw a test with a 0/1 outcome, revenue and what was bought before."""
    arm = np.repeat([0, 1], n)
    before = rng.gamma(2, 10, 2 * n)
    return pd.DataFrame(
        {
            "unit_id": np.arange(2 * n), "variant": np.where(arm, "B", "A"),
            "converted": rng.binomial(1, 0.2 + lift * arm).astype(float),
            "revenue": before + rng.normal(0, 10, 2 * n), "before": before,
            "returned": rng.binomial(1, 0.05, 2 * n).astype(float),
            "region": rng.choice(["north", "south"], 2 * n),
        }
    )  # fmt: skip


def checks_of(rows, **plan):
    return measure_intervention(
        "ab_test", rows, Plan(**{"name": "test", "outcomes": ("converted",), "control": "A"} | plan)
    ).checks


def lost_customers(rng, planted):
    rows = trial_rows(rng, 2000)
    lost = planted & (rows["variant"] == "B") & (rng.random(len(rows)) < 0.15)
    kept = rng.random(len(rows)) < 0.9
    return checks_of(rows[kept & ~lost])


def both_arms(rng, planted):
    rows = trial_rows(rng)
    if planted:
        rows.loc[N : N + 30, "unit_id"] = np.arange(31)
    return checks_of(rows)


def gone_missing(rng, planted):
    rows = trial_rows(rng)
    gap = rng.random(len(rows)) < 0.1 + 0.1 * planted * (rows["variant"] == "B")
    return checks_of(rows.assign(converted=rows["converted"].mask(gap)))


def moved_covariate(rng, planted):
    rows = trial_rows(rng)
    rows["before"] += 5 * planted * (rows["variant"] == "B")
    return checks_of(rows, outcomes=("revenue",), covariate="before")


def later_segment(rng, planted):
    """Split by something that the change itself moved."""
    rows = trial_rows(rng)
    heavy = rng.random(len(rows)) < 0.4 + 0.15 * planted * (rows["variant"] == "B")
    return checks_of(rows.assign(region=np.where(heavy, "much", "little")), segments=("region",))


def moved_placebo(rng, planted):
    """Let last year's purchases differ, which the change cannot have done."""
    rows = trial_rows(rng)
    rows["before"] += 5 * planted * (rows["variant"] == "B")
    return checks_of(rows, placebo_outcomes=("before",))


def real_difference(rng, planted):
    """Let the change help in one region and harm in the other."""
    rows = trial_rows(rng, 1000)
    north, treated = rows["region"] == "north", rows["variant"] == "B"
    lift = planted * treated * np.where(north, 0.12, -0.06)
    return checks_of(rows.assign(converted=rng.binomial(1, 0.2 + lift)), segments=("region",))


def harmed_guardrail(rng, planted):
    rows = trial_rows(rng)
    worse = 0.05 + 0.1 * planted * (rows["variant"] == "B")
    rows = rows.assign(returned=rng.binomial(1, worse).astype(float))
    return checks_of(rows, guardrails={"returned": 0.03})


def one_customer(rng, planted):
    """Let one customer buy for half of the shop, in the arm with the change or in neither."""
    rows = trial_rows(rng, lift=0.0)
    rows["revenue"] += 5.0 * (rows["variant"] == "B")
    rows.loc[len(rows) - 1, "revenue"] += 20_000 * planted
    return checks_of(rows, outcomes=("revenue",))


def too_small(rng, planted):
    return checks_of(trial_rows(rng, 150 if planted else 4000), worthwhile=0.05)


def undeclared_looks(rng, planted):
    return checks_of(trial_rows(rng, 150), looks=3, looks_taken=8 if planted else 3)


def part_weeks(rng, planted):
    rows = trial_rows(rng)
    day = rng.integers(0, 10 if planted else 14, len(rows))
    return checks_of(rows.assign(assigned_at=MONTHS[0] + pd.to_timedelta(day, unit="D")))


def drifting(rng, planted):
    grid = wandering(rng, 24, 16, 0.2)
    grid[:8] += 0.2 * planted * np.arange(16)
    return panel_checks(grid, panel_plan(8, 10))


def early_step(rng, planted):
    """Let the treated units move half a year too early, as a leaked roll-out does."""
    grid = wandering(rng, 24, 16, 0.2)
    grid[:8, 5:] += 1.5 * planted
    return panel_checks(grid, panel_plan(8, 10))


def chosen_worst(rng, planted):
    """Choose the worst fifth, and say so; or take shops by lot."""
    grid, k = worst_shops(rng)
    if planted:
        return panel_checks(grid, panel_plan(k, 4, chosen="worst"))
    return panel_checks(rng.permutation(grid), panel_plan(k, 4, chosen="random"))


def few_units(rng, planted):
    grid = wandering(rng, 6 if planted else 20, 12)
    return panel_checks(grid, panel_plan(3, 6))


def panel_checks(grid, plan):
    return measure_intervention("difference_in_differences", long_rows(grid), plan).checks


def series_checks(values, start=30, **plan):
    data = pd.DataFrame({"time": MONTHS[: len(values)], "value": values})
    plan = Plan(name="series", metric="calls", start=MONTHS[start], **plan)
    return measure_intervention("interrupted_time_series", data, plan).checks


def hanging_together(rng, planted):
    return series_checks(noise_of(rng, 48, 0.95 if planted else 0.0))


def late_trend(rng, planted):
    """Let a trend set in four months before the start, which only a curve can follow."""
    slope = 0.25 * np.clip(np.arange(48) - 20, 0, None)
    return series_checks(planted * slope + 0.5 * noise_of(rng, 48, 0.0), start=24)


def earlier_break(rng, planted):
    values = noise_of(rng, 48, 0.0)
    values[15:] += 4.0 * planted
    return series_checks(values)


def rival_change(rng, planted):
    other = (MONTHS[31],) if planted else (MONTHS[20],)
    return series_checks(noise_of(rng, 48, 0.0), other_changes=other)


def lines_apart(rng, planted):
    """Let the line without the change fall behind all along; or run alike."""
    shock = np.cumsum(rng.normal(0, 0.3, 48))
    lines = np.stack([shock + noise_of(rng, 48, 0.0) for _ in range(2)])
    lines[1] -= 0.2 * planted * np.arange(48)
    plan = Plan(name="series", metric="calls", start=MONTHS[30], treated=("shop 00",))
    return measure_intervention("interrupted_time_series", long_rows(lines), plan).checks


def cut_month(rng, planted):
    data = pd.DataFrame({"time": MONTHS, "value": noise_of(rng, 48, 0.0)})
    data = data.assign(cut=planted & (data["time"] == MONTHS[30]))
    plan = Plan(name="series", metric="calls", start=MONTHS[30])
    return measure_intervention("interrupted_time_series", data, plan).checks


def lone_checks(rng, *, apart=0.0, early=0.0, late=0.0):
    common = np.cumsum(rng.normal(0, 1, (2, 30)), axis=1)
    shares = rng.dirichlet([1, 1], 25)
    grid = shares @ common + rng.normal(0, 0.3, (25, 30))
    grid[0] += apart * np.sin(np.arange(30))
    grid[0, 15:] += early
    grid[0, 20:] += late
    return panel_checks(grid, panel_plan(1, 20))


def unlike_unit(rng, planted):
    return lone_checks(rng, apart=4.0 * planted)


def early_gap(rng, planted):
    return lone_checks(rng, early=4.0 * planted)


def no_effect_of_one(rng, planted):
    """Nothing happens, which the rank must say; or the unit moves far."""
    return lone_checks(rng, late=0.0 if planted else 6.0)


FAULTS = [
    Fault("srm", "15 % of one arm lost", lost_customers, most=0.02),
    Fault("contamination", "2 % of customers met both arms", both_arms, most=0.0),
    Fault("missing_outcome", "outcomes go missing twice as often in one arm", gone_missing),
    Fault("cuped", "covariate that the change moved", moved_covariate),
    Fault("segment_after_treatment", "split by what the change moved", later_segment, most=0.01,
          fails=True),
    Fault("placebo_outcome", "what the change cannot move moved", moved_placebo, fails=True),
    Fault("interaction", "helps in one region, harms in the other", real_difference, most=0.07),
    Fault("guardrail", "returns rise from 5 % to 15 %, 3 points tolerated", harmed_guardrail,
          fails=True),
    Fault("outliers", "one customer buys for half of the shop", one_customer),
    Fault("power", "150 customers an arm instead of 4,000", too_small),
    Fault("peeking", "8 looks, 3 declared", undeclared_looks, most=0.0),
    Fault("full_weeks", "ten days instead of fourteen", part_weeks, most=0.0),
    Fault("pre_trend", "treated units grew faster all along", drifting, most=0.07, fails=True),
    Fault("placebo", "treated units moved five months early", early_step, most=0.07),
    Fault("regression_to_mean", "the worst fifth was chosen", chosen_worst, most=0.0, fails=True),
    Fault("attainable_p", "3 of 6 units instead of 3 of 20", few_units, most=0.0, fails=True),
    Fault("autocorrelation", "neighbours correlate at 0.95 instead of 0", hanging_together,
          least=0.75),
    Fault("trend_shapes", "a trend that sets in four months before the start", late_trend,
          least=None, most=0.10),
    Fault("control_series", "two lines that ran apart before the start", lines_apart, most=0.10),
    Fault("partial_period", "a start in the middle of a month", cut_month, most=0.0),
    Fault("placebo", "a break fifteen months before the start", earlier_break, most=0.10),
    Fault("other_change", "something else changed a month later", rival_change, most=0.0,
          fails=True),
    Fault("synthetic_control:pre_fit", "one unit that swings by itself", unlike_unit,
          fails=True, scale=RARE),
    Fault("synthetic_control:placebo", "the one unit moved five months early", early_gap,
          most=0.07, scale=RARE),
    Fault("synthetic_control:placebo_rank", "nothing happens to the one unit", no_effect_of_one,
          most=0.05, scale=RARE),
]  # fmt: skip


def check_lines(runs):
    """Tabulate how often each check speaks up with its fault and without it."""
    lines = [
        "",
        "Half of the data sets of a line have the fault.",
        "",
        "| check | fault | noticed | at least | without it | at most | data sets |",
        "|---|---|---|---|---|---|---|",
    ]
    odd = []
    for fault in FAULTS:
        sets = max(1, int(runs * fault.scale))
        found, quiet = (fault.rate(sets, planted=planted) for planted in (True, False))
        least = "–" if fault.least is None else f"{fault.least:.0%}"
        lines.append(
            f"| `{fault.check}` | {fault.what} | {found:.1%} | {least} | {quiet:.1%} | "
            f"{fault.most:.0%} | {2 * sets:,} |"
        )
        print(lines[-1], flush=True)
        if found < (fault.least or 0.0) or quiet > fault.most:
            odd.append(f"Misses its bar: `{fault.check}`, {fault.what}.")
    return [*lines, "", " ".join(odd) or "Every check keeps both bars."]
