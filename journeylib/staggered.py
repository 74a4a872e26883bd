"""Units that got a change at different times: effects by cohort and time, and their summaries.

Not for one common start; see `panels`. Two-way fixed effects are printed beside, never alone:
they use units already treated as a comparison, and may even turn the sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.arms import detectable_effect
from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal
from journeylib.periods import leave_cut
from journeylib.phrases import chance_words, gap_words
from journeylib.plans import FAIL, PASS, WARN, Check, need_columns
from journeylib.units import read_measurements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.plans import Plan

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.int64]
    Control = Literal["never", "not_yet"]

SOURCE = "Group-time effects without covariates, unit influence functions (Callaway & Sant'Anna)"
NEVER = 10**9  # code of a unit without the change: later than any column
DRAWS = 999


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Units by times, and when each unit got the change.

    Attributes:
        grid: One row per unit, one column per time, sorted; missing cells are NaN.
        first: First time with the change, by unit; NaT for units that never got it.
    """

    grid: pd.DataFrame
    first: pd.Series


@dataclass(frozen=True, slots=True)
class Staggered:
    """Effects of a change that came at different times.

    Attributes:
        overall: Effect on the average treated unit, mean over cohorts weighted by their size; or
            the reason why there is none.
        p_value: Permutation p of `overall`, dates drawn by lot among units; NaN without it.
        error: Standard error of `overall`, or NaN.
        cells: ``cohort, time, event_time`` and the effect of each; times before the start
            compare with the time before them, later ones with the last time before the start.
        dynamic: Effects by ``event_time``, 0 being the first time with the change.
        groups: Effects by ``cohort``, mean over its times with the change.
        summaries: ``summary`` is ``group`` (as `overall`), ``dynamic`` (mean over event times
            from 0) or ``simple`` (mean over all cells after the start).
        two_way: Coefficient of two-way fixed effects, for comparison only.
        checks: Looks at whether the design can carry a conclusion.

    All frames have ``value, low, high, error, n``.
    """

    overall: Estimate | Refusal
    p_value: float
    error: float
    cells: pd.DataFrame
    dynamic: pd.DataFrame
    groups: pd.DataFrame
    summaries: pd.DataFrame
    two_way: float
    checks: list[Check]


@dataclass(frozen=True, slots=True)
class _Design:
    """A complete panel, columns at which units start, and the cells that can be compared."""

    grid: Matrix
    codes: Codes
    starts: Codes
    sizes: Codes
    cells: list[tuple[int, int, int]]
    control: Control

    def controls(self, cell: tuple[int, int, int]) -> NDArray[np.bool_]:
        """Which starts serve as comparison: others, not yet treated at either time of the cell."""
        latest = NEVER - 1 if self.control == "never" else max(cell[1], cell[2])
        later: NDArray[np.bool_] = (self.starts > latest) & (self.starts != cell[0])
        return later


def read_cohorts(data: pd.DataFrame, plan: Plan) -> Cohorts:
    """Lay measurements out as units by times, with each unit's first time with the change.

    Args:
        data: The unit's column (`Plan.unit`, else ``unit``), ``time, value, treated``; several
            rows of one unit and time are averaged, and count as treated when one of them is.
        plan: What was decided before.

    Returns:
        The panel and the dates, without periods that are cut and what came after the end.

    Raises:
        DataError: A column is missing or holds something else.
    """
    need_columns(data, ["treated", plan.unit if plan.unit in data else "unit"], name=plan.name)
    rows, _ = leave_cut(read_measurements(data, plan), data, plan)
    grid = rows.pivot_table(index="unit", columns="time", values="value", aggfunc="mean")
    first = rows[rows["treated"]].groupby("unit")["time"].min()
    return Cohorts(grid, first.reindex(grid.index))


def measure_staggered(cohorts: Cohorts, plan: Plan, *, control: Control = "never") -> Staggered:
    """Measure a change that units got at different times.

    Args:
        cohorts: Units by times and their first time with the change. Units with a missing cell,
            units treated from the first time on and cohorts of a single unit are left out.
        plan: What was decided before; its metric, units, confidence and seed are read.
        control: ``"never"`` compares with units that never got the change, ``"not_yet"`` also
            with those that get it later. Without two of the former the latter is used, and said.

    Returns:
        Effects in the metric's unit by cohort and time, by time since the start, by cohort, and
        overall; the overall effect is a refusal where a check fails.

    Raises:
        DataError: The kind of control is unknown.

    References:
        Callaway & Sant'Anna (2021), Journal of Econometrics 225:200-230, equations 2.8 and
        3.1 to 3.11; Goodman-Bacon (2021), same issue, 254-277, on two-way fixed effects.
    """
    if control not in {"never", "not_yet"}:
        raise DataError(f'control must be "never" or "not_yet"; found "{control}".')
    design, checks = _design(cohorts, control)
    if any(check.status == FAIL for check in checks):
        return _refused(checks)
    times, level = pd.DatetimeIndex(cohorts.grid.columns), plan.confidence
    effects, influence = _effects(design, design.codes), _influence(design)
    cells = _table(design, effects[0], influence, level=level)
    cells.insert(0, "cohort", [times[start] for start, _, _ in design.cells])
    cells.insert(1, "time", [times[time] for _, time, _ in design.cells])
    cells.insert(2, "event_time", [time - start for start, time, _ in design.cells])
    dynamic, groups, summaries = _aggregate(design, effects[0], influence, level=level)
    groups["cohort"] = [times[start] for start in groups["cohort"]]
    p_value, p_trend = _chances(design, effects[0], plan.seed)
    unit = plan.units.get(plan.metric, "")
    checks += _trend_checks(p_trend, dynamic, summaries, unit)
    row, two_way = summaries.iloc[0], _two_way(design)
    message = (
        f"The usual regression (two-way fixed effects) gives {gap_words(two_way, unit)}, by cohort "
        f"it is {gap_words(float(row['value']), unit)}; the usual one also compares with units "
        "already treated."
    )
    checks.append(Check("two_way", PASS, two_way, message))
    overall = Estimate(
        plan.metric, float(row["value"]), float(row["low"]), float(row["high"]), int(row["n"]),
        unit, SOURCE, level,
    )  # fmt: skip
    failed = next((check for check in checks if check.status == FAIL), None)
    shown = _refusal(failed) if failed else overall
    error = float(row["error"])
    return Staggered(shown, p_value, error, cells, dynamic, groups, summaries, two_way, checks)


def _design(cohorts: Cohorts, control: Control) -> tuple[_Design, list[Check]]:
    times = pd.DatetimeIndex(cohorts.grid.columns)
    first = pd.to_datetime(cohorts.first.reindex(cohorts.grid.index))
    codes = np.where(first.isna(), NEVER, times.searchsorted(pd.DatetimeIndex(first)))
    # A unit that starts after the last time was untreated at every time that was measured.
    codes = np.where(codes >= len(times), NEVER, codes).astype(np.int64)
    whole = cohorts.grid.notna().all(axis=1).to_numpy()
    checks = _left_out("missing_periods", int((~whole).sum()), "units miss a time")
    always = whole & (codes == 0)
    checks += _left_out("always_treated", int(always.sum()), "units had the change all along")
    kept = whole & (codes > 0)
    starts, sizes = np.unique(codes[kept], return_counts=True)
    alone = starts[(sizes == 1) & (starts < NEVER)]
    checks += _left_out("small_cohorts", len(alone), "units started alone, so no spread is known")
    kept &= ~np.isin(codes, alone)
    starts, sizes = np.unique(codes[kept], return_counts=True)
    never = int(sizes[starts == NEVER].sum())
    used: Control = "never" if control == "never" and never >= 2 else "not_yet"
    design = _Design(cohorts.grid.to_numpy("float64")[kept], codes[kept], starts, sizes, [], used)
    design.cells.extend(_cells(design, len(times)))
    return design, [*checks, *_count_checks(design, never, asked=control)]


def _left_out(name: str, n: int, why: str) -> list[Check]:
    return [Check(name, WARN, float(n), f"{n} {why} and were left out.")] if n else []


def _cells(design: _Design, n_times: int) -> list[tuple[int, int, int]]:
    """List start, time and base time of every cell that has at least two units to compare with."""
    wanted = [
        (int(start), time, int(start) - 1 if time >= start else time - 1)
        for start in design.starts[design.starts < NEVER]
        for time in range(1, n_times)
    ]
    return [cell for cell in wanted if design.sizes[design.controls(cell)].sum() >= 2]


def _count_checks(design: _Design, never: int, *, asked: Control) -> list[Check]:
    treated = int(design.sizes.sum()) - never
    n_cohorts = int((design.starts < NEVER).sum())
    after = any(time >= start for start, time, _ in design.cells)
    message = (
        f"{treated} units in {n_cohorts} cohorts got the change and {never} never did; at least "
        "one cohort of 2 and 2 units to compare it with are needed."
    )
    checks = [Check("units", PASS if after else FAIL, float(treated + never), message)]
    if asked != design.control:
        message = f"{never} units never got the change; units that got it later are compared too."
        checks.append(Check("control_group", WARN, float(never), message))
    sizes = [int(size) for size in design.sizes]
    least = math.exp(sum(math.lgamma(n + 1) for n in sizes) - math.lgamma(sum(sizes) + 1))
    able = least <= 0.05
    message = f"Even the clearest result could come by chance {chance_words(least)}"
    message += "." if able else ", too often to rule it out: more units are needed."
    return [*checks, Check("attainable_p", PASS if able else FAIL, least, message)]


def _effects(design: _Design, codes: Codes) -> Matrix:
    """Effects of all cells, one row for each assignment of starts to units."""
    assigned = np.atleast_2d(codes)
    members = (assigned[:, None, :] == design.starts[None, :, None]).astype("float64")
    means = members @ design.grid / design.sizes[None, :, None]
    effects = np.empty((len(assigned), len(design.cells)))
    for place, (start, time, base) in enumerate(design.cells):
        moved = means[:, :, time] - means[:, :, base]
        weights = np.where(design.controls((start, time, base)), design.sizes, 0)
        others = moved @ (weights / weights.sum())
        effects[:, place] = moved[:, np.searchsorted(design.starts, start)] - others
    return effects


def _influence(design: _Design) -> Matrix:
    """Each unit's part in the error of each cell: squares sum to the squared standard error."""
    influence = np.zeros((len(design.grid), len(design.cells)))
    for place, (start, time, base) in enumerate(design.cells):
        moved = design.grid[:, time] - design.grid[:, base]
        others = np.isin(design.codes, design.starts[design.controls((start, time, base))])
        for sign, chosen in ((1, design.codes == start), (-1, others)):
            n = int(chosen.sum())
            apart = moved[chosen] - moved[chosen].mean()
            influence[chosen, place] += sign * apart / math.sqrt(n * (n - 1))
    return influence


def _aggregate(
    design: _Design, effects: Matrix, influence: Matrix, *, level: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    cohort = np.array([start for start, _, _ in design.cells])
    since = np.array([time - start for start, time, _ in design.cells])
    spans = np.unique(since)
    by_time = [_mean_by_size(design, effects, influence, since == span) for span in spans]
    dynamic = _frame(design, by_time, level=level)
    dynamic.insert(0, "event_time", spans)
    treated = [start for start in np.unique(cohort) if ((cohort == start) & (since >= 0)).any()]
    chosen = [(cohort == start) & (since >= 0) for start in treated]
    own = [(float(effects[mask].mean()), influence[:, mask].mean(axis=1)) for mask in chosen]
    groups = _frame(design, own, level=level)
    groups.insert(0, "cohort", treated)
    later = [part for part, span in zip(by_time, spans, strict=True) if span >= 0]
    values, parts = np.array([v for v, _ in own]), np.column_stack([part for _, part in own])
    overall = [
        _weighted(design, np.array(treated), values, parts),
        (
            float(np.mean([value for value, _ in later])),
            np.mean([part for _, part in later], axis=0),
        ),
        _mean_by_size(design, effects, influence, since >= 0),
    ]
    summaries = _frame(design, overall, level=level)
    summaries.insert(0, "summary", ["group", "dynamic", "simple"])
    return dynamic, groups, summaries


def _mean_by_size(
    design: _Design, effects: Matrix, influence: Matrix, chosen: NDArray[np.bool_]
) -> tuple[float, Matrix]:
    cohort = np.array([start for start, _, _ in design.cells])[chosen]
    return _weighted(design, cohort, effects[chosen], influence[:, chosen])


def _weighted(
    design: _Design, cohort: Codes, values: Matrix, influence: Matrix
) -> tuple[float, Matrix]:
    """Average over cohorts by their size; that sizes are themselves a draw adds to the error."""
    n = len(design.codes)
    shares = design.sizes[np.searchsorted(design.starts, cohort)] / n
    weights = shares / shares.sum()
    value = float(weights @ values)
    apart = (design.codes[:, None] == cohort) - shares
    return value, influence @ weights + apart @ (values - value) / shares.sum() / n


def _table(design: _Design, values: Matrix, influence: Matrix, *, level: float) -> pd.DataFrame:
    return _frame(design, list(zip(values.tolist(), influence.T, strict=True)), level=level)


def _frame(design: _Design, parts: list[tuple[float, Matrix]], *, level: float) -> pd.DataFrame:
    rows = []
    for value, influence in parts:
        error, degrees, n = _precision(design, influence)
        half = float(stats.t.ppf((1 + level) / 2, degrees)) * error
        rows.append((value, value - half, value + half, error, n))
    return pd.DataFrame(rows, columns=["value", "low", "high", "error", "n"])


def _precision(design: _Design, influence: Matrix) -> tuple[float, float, int]:
    """Standard error, degrees of freedom (Satterthwaite over starts) and units involved."""
    squares = np.array([float((influence[design.codes == s] ** 2).sum()) for s in design.starts])
    total = float(squares.sum())
    spread = float((squares**2 / np.maximum(design.sizes - 1, 1)).sum())
    involved = int(design.sizes[squares > 0].sum())
    return math.sqrt(total), total**2 / spread if spread else 1.0, involved


def _chances(design: _Design, effects: Matrix, seed: int) -> tuple[float, float]:
    """Permutation p of the overall effect, and of all cells before the starts together."""
    draws = np.random.default_rng(seed)
    lots = np.array([draws.permutation(design.codes) for _ in range(DRAWS)])
    drawn = np.vstack([effects, _effects(design, lots)])
    cohort = np.array([start for start, _, _ in design.cells])
    sizes = design.sizes[np.searchsorted(design.starts, cohort)]
    later = np.array([time >= start for start, time, _ in design.cells])
    known = (cohort[:, None] == cohort) @ later
    weights = sizes / np.maximum(known, 1)
    overall = np.abs(drawn[:, later] @ weights[later])
    earlier = (drawn[:, ~later] ** 2) @ sizes[~later]
    p_values = [float((each >= each[0] * (1 - 1e-9)).mean()) for each in (overall, earlier)]
    return p_values[0], p_values[1] if (~later).any() else math.nan


def _trend_checks(
    p_trend: float, dynamic: pd.DataFrame, summaries: pd.DataFrame, unit: str
) -> list[Check]:
    earlier = dynamic[dynamic["event_time"] < 0]
    if earlier.empty:
        message = "One period before the starts cannot show whether the cohorts moved alike."
        return [Check("pre_trend", WARN, math.nan, message)]
    alike = p_trend > 0.05
    message = "Before their starts the cohorts moved alike, as far as chance lets us see."
    if not alike:
        message = (
            "Before their starts the cohorts did not move alike: chance does that "
            f"{chance_words(p_trend)}. Other units, or a longer time before, would tell."
        )
    checks = [Check("pre_trend", PASS if alike else FAIL, p_trend, message)]
    unseen, value = detectable_effect(float(earlier["error"].iloc[-1])), summaries["value"].iloc[0]
    status = PASS if unseen <= abs(value) else WARN
    message = (
        f"A step of {gap_words(unseen, unit)} in the last period before the start would have been "
        f"seen 4 times in 5, a smaller one less often; the result is {gap_words(value, unit)}."
    )
    return [*checks, Check("pre_trend_power", status, unseen, message)]


def _two_way(design: _Design) -> float:
    on = (np.arange(design.grid.shape[1]) >= design.codes[:, None]).astype("float64")
    left = on - on.mean(axis=1, keepdims=True) - on.mean(axis=0) + on.mean()
    return float((left * design.grid).sum() / (left**2).sum())


def _refusal(check: Check) -> Refusal:
    return Refusal(check.message, "more units, measured before and after, some without the change.")


def _refused(checks: list[Check]) -> Staggered:
    failed = next(check for check in checks if check.status == FAIL)
    nothing, empty = math.nan, pd.DataFrame()
    refusal = _refusal(failed)
    return Staggered(refusal, nothing, nothing, empty, empty, empty, empty, nothing, checks)
