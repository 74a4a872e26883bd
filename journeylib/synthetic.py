"""One treated unit against a mixture of untreated ones: synthetic control and SDID.

Not for many treated units; see `panels`, and `staggered` where they start at different times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.errors import DataError
from journeylib.estimates import Estimate, Refusal
from journeylib.mixtures import simplex_weights
from journeylib.phrases import chance_words, gap_words, span_words
from journeylib.plans import FAIL, PASS, WARN, Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.plans import Plan
    from journeylib.units import Panel

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Kind = Literal["sdid", "synthetic_control", "difference_in_differences"]

SOURCES: dict[str, str] = {
    "sdid": "Synthetic difference-in-differences, placebo variance (Arkhangelsky et al. 2021)",
    "synthetic_control": "Synthetic control on earlier outcomes, placebo variance (Abadie 2010)",
    "difference_in_differences": "Equal weights, placebo variance (Arkhangelsky et al. 2021)",
}
FEWEST_DONORS, FEWEST_PERIODS = 10, 10


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A treated unit, the mixture it is compared with, and how far both can be trusted.

    Attributes:
        estimate: Mean gap after the start with its interval, or the reason why there is none.
        p_value: Rank of the treated unit among all units treated in turn, two-sided; NaN without
            an estimate. It cannot fall below one over the number of units.
        pre_rmspe: Root mean squared gap before the start, in the metric's unit.
        weights: ``donor, weight``, largest first.
        time_weights: ``time, weight`` of the periods before the start.
        path: ``time, treated, synthetic, gap``.
        placebos: ``unit, value, pre_rmspe, post_rmspe, ratio``, the treated unit first.
        left_out: ``donor, value``: the gap without each donor that has a weight of 0.01 or more.
        checks: Looks at whether the comparison can carry a conclusion.
    """

    estimate: Estimate | Refusal
    p_value: float
    pre_rmspe: float
    weights: pd.DataFrame
    time_weights: pd.DataFrame
    path: pd.DataFrame
    placebos: pd.DataFrame
    left_out: pd.DataFrame
    checks: list[Check]


@dataclass(frozen=True, slots=True)
class _Problem:
    """Values by unit and time, and how many of the times lie before the start."""

    grid: Matrix
    earlier: int
    kind: Kind
    ridge: float


@dataclass(frozen=True, slots=True)
class _Fits:
    """One row per target: weights of donors and earlier times, gaps, value, size of both gaps."""

    donors: Matrix
    times: Matrix
    gaps: Matrix
    value: Matrix
    early: Matrix
    late: Matrix


def measure_synthetic(panel: Panel, plan: Plan, *, kind: Kind = "sdid") -> Synthetic:
    """Compare one treated unit with the mixture of others that it resembled before the start.

    Args:
        panel: Units by times with one treated unit. A donor with a missing cell is left out; so
            is a time at which the treated unit is missing.
        plan: What was decided before; its metric, units and confidence are read.
        kind: ``"sdid"`` matches trends and weighs both units and times; ``"synthetic_control"``
            matches levels; ``"difference_in_differences"`` weighs all alike.

    Returns:
        Mean gap after the start in the metric's unit, with what it rests on. Below 10 donors or
        10 earlier times, or where the mixture does not resemble the unit, a refusal.

    Raises:
        DataError: The panel has no treated unit or several, or the kind is unknown.

    References:
        Abadie, Diamond & Hainmueller (2010), JASA 105:493-505; Arkhangelsky, Athey, Hirshberg,
        Imbens & Wager (2021), American Economic Review 111:4088-4118, algorithms 1 and 4.
    """
    if kind not in SOURCES:
        raise DataError(f'kind must be one of {", ".join(SOURCES)}; found "{kind}".')
    grid, dropped = _complete(panel)
    earlier = int((pd.DatetimeIndex(grid.columns) < panel.start).sum())
    checks = _count_checks(grid, earlier, dropped)
    if any(check.status == FAIL for check in checks):
        return _refused(checks)
    values = grid.to_numpy(dtype="float64")
    problem = _Problem(values, earlier, kind, _ridge(values, earlier))
    main, placebos = _solve(problem, *_targets(len(values))), _placebos(problem)
    left_out = _leave_out(problem, main.donors[0], grid.index)
    tried = _table(main, placebos, grid.index)
    p_value = _rank(tried, kind)
    unit = plan.units.get(plan.metric, "")
    checks += [_fit_check(values[0, :earlier], tried, unit), _rank_check(p_value, len(tried), kind)]
    checks += _leave_checks(float(main.value[0]), left_out, unit)
    checks.append(_date_check(problem, grid.columns, unit))
    failed = next((check for check in checks if check.status == FAIL), None)
    shown = _refusal(failed) if failed else _estimate(tried["value"], plan, kind)
    weights = _named("donor", grid.index[1:], main.donors[0, 1:])
    return Synthetic(
        shown,
        math.nan if failed else p_value,
        float(main.early[0]),
        weights.sort_values("weight", ascending=False, kind="stable", ignore_index=True),
        _named("time", grid.columns[:earlier], main.times[0]),
        _path(grid, main),
        tried,
        left_out,
        checks,
    )


def _complete(panel: Panel) -> tuple[pd.DataFrame, int]:
    """Put the treated unit first and leave out what is not complete."""
    names = panel.grid.index[panel.treated].tolist()
    if len(names) != 1:
        raise DataError(
            f"Synthetic control takes one treated unit, found {len(names)}: {names[:5]}.",
            ["use difference_in_differences for several units"],
        )
    times = panel.grid.loc[names[0]].notna()
    donors = panel.grid.loc[~panel.treated, times]
    whole = donors.dropna()
    grid = pd.concat([panel.grid.loc[names, times], whole])
    return grid, len(donors) - len(whole)


def _ridge(values: Matrix, earlier: int) -> float:
    """Noise of one period's change among the donors, scaled as the paper's zeta."""
    noise = float(np.diff(values[1:, :earlier], axis=1).std(ddof=1))
    return float((values.shape[1] - earlier) ** 0.25 * noise)


def _targets(n: int) -> tuple[NDArray[np.int64], Mask]:
    allowed = np.ones((1, n), dtype=bool)
    allowed[0, 0] = False
    return np.zeros(1, dtype=np.int64), allowed


def _placebos(problem: _Problem) -> _Fits:
    """Treat every donor in turn; the treated unit is never among the others."""
    n = len(problem.grid)
    allowed = ~np.eye(n, dtype=bool)[1:]
    allowed[:, 0] = False
    return _solve(problem, np.arange(1, n), allowed)


def _leave_out(problem: _Problem, donors: Matrix, names: pd.Index) -> pd.DataFrame:
    bearing = np.flatnonzero(donors >= 0.01)
    if problem.kind == "difference_in_differences" or not len(bearing):
        return pd.DataFrame({"donor": [], "value": []})
    allowed = np.repeat(_targets(len(donors))[1], len(bearing), axis=0)
    allowed[np.arange(len(bearing)), bearing] = False
    fits = _solve(problem, np.zeros(len(bearing), dtype=np.int64), allowed)
    return pd.DataFrame({"donor": names[bearing], "value": fits.value})


def _solve(problem: _Problem, targets: NDArray[np.int64], allowed: Mask) -> _Fits:
    grid, earlier = problem.grid, problem.earlier
    donors = _donor_weights(problem, targets, allowed)
    times = _time_weights(problem, allowed)
    apart = grid[targets] - donors @ grid
    level = (times * apart[:, :earlier]).sum(axis=1, keepdims=True)
    gaps = apart - level
    # A mixture that matches trends may lie apart by a constant all along; only that is taken out.
    constant = 0.0 if problem.kind == "synthetic_control" else apart[:, :earlier].mean(axis=1)
    early = np.sqrt(np.maximum((apart[:, :earlier] ** 2).mean(axis=1) - constant**2, 0.0))
    late = np.sqrt((gaps[:, earlier:] ** 2).mean(axis=1))
    return _Fits(donors, times, gaps, gaps[:, earlier:].mean(axis=1), early, late)


def _donor_weights(problem: _Problem, targets: NDArray[np.int64], allowed: Mask) -> Matrix:
    if problem.kind == "difference_in_differences":
        even: Matrix = allowed / allowed.sum(axis=1, keepdims=True)
        return even
    early = problem.grid[:, : problem.earlier]
    trends = problem.kind == "sdid"
    early = early - (early.mean(axis=1, keepdims=True) if trends else 0.0)
    gram = early @ early.T
    ridge = problem.ridge**2 * problem.earlier if trends else 0.0
    return simplex_weights((gram + ridge * np.eye(len(gram)))[None], gram[targets], allowed)


def _time_weights(problem: _Problem, allowed: Mask) -> Matrix:
    earlier = problem.earlier
    shape = (len(allowed), earlier)
    if problem.kind != "sdid":
        # Synthetic control matches levels, so no level is taken out; the plain design takes all.
        return np.full(shape, 0.0 if problem.kind == "synthetic_control" else 1 / earlier)
    grams, linear = np.empty((*shape, earlier)), np.empty(shape)
    for place, chosen in enumerate(allowed):
        own = problem.grid[chosen] - problem.grid[chosen].mean(axis=0)
        early, late = own[:, :earlier], own[:, earlier:].mean(axis=1)
        grams[place], linear[place] = early.T @ early, early.T @ late
    return simplex_weights(grams, linear, np.ones(shape, dtype=bool))


def _table(main: _Fits, placebos: _Fits, names: pd.Index) -> pd.DataFrame:
    early = np.concatenate([main.early, placebos.early])
    late = np.concatenate([main.late, placebos.late])
    ratio = np.divide(late, early, out=np.full(len(late), np.inf), where=early > 0)
    value = np.concatenate([main.value, placebos.value])
    columns = {"value": value, "pre_rmspe": early, "post_rmspe": late, "ratio": ratio}
    return pd.DataFrame({"unit": names, **columns})


def _rank(tried: pd.DataFrame, kind: Kind) -> float:
    # A mixture of levels that fitted badly before has large gaps after; the ratio takes that out.
    # Where levels are matched by a constant, the gap itself is the estimate that was tried.
    size = tried["ratio"] if kind == "synthetic_control" else tried["value"].abs()
    return float((size >= size.iloc[0] * (1 - 1e-9)).mean())


def _estimate(values: pd.Series, plan: Plan, kind: Kind) -> Estimate:
    value, n = float(values.iloc[0]), len(values)
    error = float(values.iloc[1:].std(ddof=0))
    half = float(stats.t.ppf((1 + plan.confidence) / 2, n - 2)) * error
    unit = plan.units.get(plan.metric, "")
    ends = (value - half, value + half)
    return Estimate(plan.metric, value, *ends, n, unit, SOURCES[kind], plan.confidence)


def _count_checks(grid: pd.DataFrame, earlier: int, dropped: int) -> list[Check]:
    donors, later = len(grid) - 1, grid.shape[1] - earlier
    enough = donors >= FEWEST_DONORS and earlier >= FEWEST_PERIODS and later >= 1
    message = (
        f"{donors} complete units to mix, {earlier} times before the start and {later} after; at "
        f"least {FEWEST_DONORS}, {FEWEST_PERIODS} and 1 are needed."
    )
    checks = [Check("donors", PASS if enough else FAIL, float(donors), message)]
    if dropped:
        message = f"{dropped} unit(s) have missing values and are left out of the mixture."
        checks.append(Check("missing_periods", WARN, float(dropped), message))
    return checks


def _fit_check(earlier: Matrix, tried: pd.DataFrame, unit: str) -> Check:
    allowed, apart = float(earlier.std(ddof=1)) / 2, float(tried["pre_rmspe"].iloc[0])
    sizes = [gap_words(one, unit) for one in (apart, allowed)]
    message = (
        f"Before the start the comparison missed the unit by {sizes[0]} on average; at most "
        f"{sizes[1]}, half of how the unit itself varied, is allowed."
    )
    return Check("pre_fit", PASS if apart <= allowed else FAIL, apart, message)


def _rank_check(p_value: float, n: int, kind: Kind) -> Check:
    by = "gap after against gap before" if kind == "synthetic_control" else "size of the gap"
    message = (
        f"Had each of the {n} units been the treated one in turn, this one would rank "
        f"{round(p_value * n)} of {n} by {by}."
    )
    return Check("placebo_rank", PASS if p_value <= 0.05 else WARN, p_value, message)


def _leave_checks(value: float, left_out: pd.DataFrame, unit: str) -> list[Check]:
    if left_out.empty:
        return []
    low, high = float(left_out["value"].min()), float(left_out["value"].max())
    # Half of the effect hanging on one donor is a statement on that donor.
    steady = min(low * value, high * value) > 0 and max(abs(low - value), abs(high - value)) <= (
        abs(value) / 2
    )
    message = (
        f"Leaving out one unit of the mixture at a time, the gap lies {span_words(low, high, unit)}"
    )
    message += "." if steady else ": it hangs on a single unit."
    farthest = low if abs(low - value) > abs(high - value) else high
    return [Check("leave_one_out", PASS if steady else WARN, farthest, message)]


def _date_check(problem: _Problem, times: pd.Index, unit: str) -> Check:
    """Pretend that the change came when a quarter of the earlier times were still to come."""
    grid, cut = problem.grid[:, : problem.earlier], problem.earlier - problem.earlier // 4
    fake = _Problem(grid, cut, problem.kind, _ridge(grid, cut))
    main, placebos = _solve(fake, *_targets(len(grid))), _placebos(fake)
    tried = _table(main, placebos, pd.RangeIndex(len(grid)))
    p_value = _rank(tried, problem.kind)
    shown = gap_words(float(main.value[0]), unit, signed=True)
    # Below 19 donors no p reaches 0.05; the first rank of all is then the loudest alarm there is.
    quiet = p_value > max(0.05, 1.5 / len(tried))
    message = (
        f"Had the start been {times[cut]:%-d %B %Y}, the same sums would show {shown}, where "
        "nothing should be: "
    )
    message += "no more than chance." if quiet else f"chance does that {chance_words(p_value)}."
    return Check("placebo", PASS if quiet else WARN, p_value, message)


def _path(grid: pd.DataFrame, main: _Fits) -> pd.DataFrame:
    treated, gap = grid.iloc[0].to_numpy(dtype="float64"), main.gaps[0]
    columns = {"treated": treated, "synthetic": treated - gap, "gap": gap}
    return pd.DataFrame({"time": grid.columns, **columns})


def _named(column: str, names: pd.Index, weights: Matrix) -> pd.DataFrame:
    return pd.DataFrame({column: names, "weight": weights})


def _refusal(check: Check) -> Refusal:
    return Refusal(check.message, "ten or more similar units without the change, ten times before.")


def _refused(checks: list[Check]) -> Synthetic:
    failed = next(check for check in checks if check.status == FAIL)
    empty = pd.DataFrame()
    return Synthetic(
        _refusal(failed), math.nan, math.nan, empty, empty, empty, empty, empty, checks
    )
