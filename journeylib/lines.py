"""One series ready to be broken at a day: its clock, its seasons, its control, and its models.

Not for checks and verdicts; see `series` and `trendshapes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.autoregression import Fit, fit_autoregressive, fit_counts
from journeylib.errors import DataError
from journeylib.periods import CALENDAR, leave_cut
from journeylib.plans import Check, Plan, as_time
from journeylib.units import read_measurements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

LEVEL, SLOPE = 2, 3  # columns of the design with a straight trend


@dataclass(frozen=True, slots=True)
class Series:
    """One series, its clock and where it breaks.

    Attributes:
        times: Timestamps, sorted.
        measured: What was measured; less the control where there is one.
        clock: Whole periods since the first point; gaps leave numbers out.
        after: Whether each point lies at or after the start.
        spacing: Days between neighbouring points.
        offset: What counts are out of; None where the values are no counts.
        control: Level of the units without the change; None without any.
    """

    times: pd.DatetimeIndex
    measured: Vector
    clock: Vector
    after: NDArray[np.bool_]
    spacing: float
    offset: Vector | None = None
    control: Vector | None = None

    @property
    def season(self) -> str:
        """Which pattern the series is long enough to show: ``year``, ``week`` or none."""
        n = len(self.measured)
        if (27 < self.spacing < 32 and n >= 24) or (6.5 <= self.spacing <= 7.5 and n >= 104):
            return "year"
        return "week" if 0.9 < self.spacing < 1.1 and n >= 28 else ""

    def early(self, place: int) -> Series:
        """Give the part before the start, broken at another place."""
        n = int((~self.after).sum())
        return replace(
            self, times=self.times[:n], measured=self.measured[:n], clock=self.clock[:n],
            after=np.arange(n) >= place, offset=None if self.offset is None else self.offset[:n],
            control=None if self.control is None else self.control[:n],
        )  # fmt: skip


class Effect(NamedTuple):
    """A coefficient in the unit of the metric, with its t interval and p-value."""

    value: float
    low: float
    high: float
    p_value: float


def read_line(data: pd.DataFrame, plan: Plan) -> tuple[Series, list[Check]]:
    """Read a series from measurements.

    Args:
        data: ``time, value`` and what `units.read_measurements` reads. Several units are averaged,
            weighted by ``population``; where treated ones are known, the others are the control.
        plan: What was decided before.

    Returns:
        The series, and what was left out of it.

    Raises:
        DataError: A column is missing, there is no start, or a treated unit is not there.
    """
    rows, checks = leave_cut(read_measurements(data, plan), data, plan)
    mine, others = _sides(rows, plan)
    table = _means(mine)
    control = None
    if len(others):
        table = table.join(_means(others)["value"].rename("control"), how="inner")
        control = table["control"].to_numpy(dtype="float64")
    values = table["value"].to_numpy(dtype="float64")
    times = pd.DatetimeIndex(table.index)
    start = as_time(plan.start, name=plan.name)
    days = np.asarray((times - times[0]) / pd.Timedelta(days=1)) if len(times) else np.zeros(0)
    spacing = float(np.median(np.diff(days))) if len(days) > 1 else 1.0
    clock = _clock(times, days, spacing)
    offset = _offset(table, mine, data) if control is None else None
    own = values if control is None else values - control
    after = np.asarray(times >= start)
    return Series(times, own, clock, after, spacing, offset, control), checks


def design_of(series: Series, *, trend: int = 1) -> Vector:
    """Lay out constant, trend (unless it is 0), level, slope, the squared trend and the seasons.

    Args:
        series: The series.
        trend: 0 for flat, 1 for straight, 2 for curved.

    Returns:
        Points by coefficients.
    """
    first = float(series.clock[series.after][0])
    since = np.where(series.after, series.clock - first, 0.0)
    level = series.after.astype(float)
    rising = (series.clock - first) / max(len(series.clock), 1)
    columns = [np.ones(len(level)), *([series.clock - first] if trend else []), level, since]
    if trend == 2:
        columns.append(rising**2)
    return np.column_stack([*columns, *_waves(series)])


def fit_line(series: Series, design: Vector) -> Fit:
    """Fit the model that suits the values: quasi-Poisson for counts, else AR(1) by REML."""
    if series.offset is None:
        return fit_autoregressive(design, series.measured, series.clock)
    return fit_counts(design, series.measured * series.offset, series.offset)


def effect_of(
    series: Series, design: Vector, fit: Fit, *, column: int, confidence: float
) -> Effect:
    """Give one coefficient in the unit of the metric.

    Args:
        series: The series.
        design: Its design.
        fit: Its model.
        column: The level's, which is `LEVEL` or, without a trend, 1; or `SLOPE`.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        The level as a difference at the first point after the start; of counts, that is the rate
        expected there times the rate ratio less 1, and a slope is a ratio less 1 a period.
    """
    found = fit.effect(column, confidence)
    if series.offset is None:
        return Effect(*found)
    base = 1.0
    if column != SLOPE:
        base = float(expected_line(series, design, fit, level=column)[series.after][0])
    value, low, high = (base * float(np.expm1(each)) for each in found[:3])
    return Effect(value, low, high, found[3])


def expected_line(series: Series, design: Vector, fit: Fit, *, level: int = LEVEL) -> Vector:
    """Give the line as it would have gone on without the change."""
    without = design.copy()
    without[:, level : level + 2] = 0.0
    line: Vector = without @ fit.coefficients
    return line if series.offset is None else np.exp(line)


def lines_of(
    series: Series, design: Vector, fit: Fit, confidence: float
) -> tuple[Vector, Vector, Vector, Vector]:
    """Give the fitted line, the one without the change, and the ends of the latter's interval."""
    without = design.copy()
    without[:, LEVEL : SLOPE + 1] = 0.0
    spread = np.sqrt(np.einsum("ij,jk,ik->i", without, fit.covariance, without))
    half = float(stats.t.ppf((1 + confidence) / 2, fit.degrees)) * spread
    middle = without @ fit.coefficients
    lines = (design @ fit.coefficients, middle, middle - half, middle + half)
    if series.offset is not None:
        lines = (np.exp(lines[0]), np.exp(lines[1]), np.exp(lines[2]), np.exp(lines[3]))
    base = 0.0 if series.control is None else series.control
    fitted, expected, low, high = (one + base for one in lines)
    return fitted, expected, low, high


def _clock(times: pd.DatetimeIndex, days: Vector, spacing: float) -> Vector:
    """Number the periods; months, quarters and years are counted, for they differ in length."""
    months = np.asarray(12 * times.year + times.month, dtype="float64")
    clock: Vector = np.round(days / spacing)
    for size, (low, high) in zip((1, 3, 12), CALENDAR[1:], strict=True):
        if low <= spacing <= high:
            clock = np.floor((months - months[0]) / size)
    if (np.diff(clock) <= 0).any():
        clock = np.arange(len(days), dtype=float)
    return clock


def _sides(rows: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the treated units from the others, where it is known which they are."""
    units = rows["unit"].unique().tolist()
    names = {str(name) for name in plan.treated}
    if not names and "treated" in rows:
        names = set(rows.loc[rows["treated"], "unit"])
    if not names or len(units) < 2:
        return rows, rows.iloc[:0]
    mine = rows["unit"].isin(names)
    if not mine.any():
        raise DataError(
            f'"{plan.name}" treats units that were not measured.',
            [f"the measurements hold {', '.join(str(unit) for unit in units[:5])}"],
        )
    return rows[mine], rows[~mine]


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(product=rows["value"] * rows["weight"])
    sums = rows.groupby("time")[["product", "weight"]].sum()
    return sums.assign(value=sums["product"] / sums["weight"])[["value", "weight"]]


def _offset(table: pd.DataFrame, rows: pd.DataFrame, data: pd.DataFrame) -> Vector | None:
    """Tell counts from other numbers: whole, 0 or more, and out of a population."""
    if "population" not in data or not bool(data["population"].notna().any()):
        return None
    counts = (rows["value"] * rows["weight"]).to_numpy(dtype="float64")
    whole = bool(np.allclose(counts, np.round(counts), atol=1e-6))
    if not whole or not counts.any() or bool((counts < 0).any()):
        return None
    offset: Vector = table["weight"].to_numpy(dtype="float64")
    return offset


def _waves(series: Series) -> list[Vector]:
    if not series.season:
        return []
    if series.season == "week":
        turn = 2 * np.pi * np.asarray(series.times.dayofweek) / 7
    elif series.spacing > 27:
        turn = 2 * np.pi * np.asarray(series.times.month) / 12
    else:
        turn = 2 * np.pi * np.asarray(series.times.dayofyear) / 365.25
    pairs = range(1, 4 if series.season == "week" else 3)
    return [wave(k * turn) for k in pairs for wave in (np.sin, np.cos)]
