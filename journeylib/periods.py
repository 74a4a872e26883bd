"""Weeks, months, quarters: measurements averaged by them, and those measured in part left out.

Not for effects; see `panels`, `series` and `changes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.errors import DataError, did_you_mean
from journeylib.plans import PASS, WARN, Check, as_time, as_times

if TYPE_CHECKING:
    from journeylib.plans import Plan, When

# Days between the beginnings of weeks, months, quarters and years.
CALENDAR = ((6.5, 7.5), (27, 32), (89, 93), (364, 367))


def leave_cut(
    rows: pd.DataFrame, data: pd.DataFrame, plan: Plan
) -> tuple[pd.DataFrame, list[Check]]:
    """Leave out periods that the start or the end cuts in two, and what came after the end.

    Args:
        rows: Measurements from `read_measurements`.
        data: What they were read from, for periods marked as ``cut``.
        plan: What was decided before.

    Returns:
        The rows, and checks ``partial_period``, a warning that names what was left out, and
        ``after_end`` where the change had one.
    """
    marked = data["cut"].fillna(value=False).astype("bool") if "cut" in data else None
    times = as_times(data.loc[marked, "time"]).unique().tolist() if marked is not None else []
    split = _cut_days(pd.DatetimeIndex(sorted(rows["time"].unique())), plan)
    times += split
    rows = rows[~rows["time"].isin(split)]
    ended: list[Check] = []
    if plan.end is not None:
        last = as_time(plan.end, name=plan.name)
        late = int((rows["time"] > last).sum())
        message = f"The change ended on {last:%-d %B %Y}; {late} later measurements are left out."
        ended = [Check("after_end", PASS, float(late), message)]
        rows = rows[rows["time"] <= last]
    rows = rows.reset_index(drop=True)
    if not times:
        message = "No period is cut by the start or by the ends of the data."
        return rows, [Check("partial_period", PASS, 0.0, message), *ended]
    dates = ", ".join(f"{day:%-d %B %Y}" for day in sorted(times))
    message = f"The period(s) from {dates} were measured in part only and are left out."
    return rows, [Check("partial_period", WARN, float(len(times)), message), *ended]


def _cut_days(times: pd.DatetimeIndex, plan: Plan) -> list[pd.Timestamp]:
    days = [as_time(plan.start, name=plan.name)] if plan.start is not None else []
    if plan.end is not None:
        days.append(as_time(plan.end, name=plan.name) + pd.Timedelta(days=1))
    found = [cut_by_start(times, day) for day in days]
    return [day for day in found if day is not None]


def cut_by_start(times: pd.DatetimeIndex, start: pd.Timestamp) -> pd.Timestamp | None:
    """Find the calendar period that a day cuts in two.

    Args:
        times: First days of weeks, months, quarters or years, sorted; other spacings are taken
            for moments, which nothing cuts.
        start: First day of what comes after.

    Returns:
        The period's first day, or None.

    Example:
        >>> months = pd.date_range("2025-01-01", periods=6, freq="MS")
        >>> cut_by_start(months, pd.Timestamp("2025-04-16"))
        Timestamp('2025-04-01 00:00:00')
    """
    earlier, later = times[times < start], times[times >= start]
    if len(times) < 3 or not len(earlier) or not len(later) or later[0] == start:
        return None
    spacing = float(np.median(np.diff(times.to_numpy()) / np.timedelta64(1, "D")))
    calendar = any(low <= spacing <= high for low, high in CALENDAR)
    whole = (later[0] - earlier[-1]) / pd.Timedelta(days=1) <= 1.5 * spacing
    return pd.Timestamp(earlier[-1]) if calendar and whole else None


def period_means(
    data: pd.DataFrame, *, every: str = "month", unit: str = "unit", start: When | None = None
) -> pd.DataFrame:
    """Average measurements by unit and calendar period.

    Args:
        data: ``time, value`` and the unit's column.
        every: ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``.
        unit: Column that names the units.
        start: First day with the change; a period that it cuts in two is marked.

    Returns:
        Columns ``<unit>, time`` (first day of the period), ``value, n, cut``: whether the period
        was measured in part only, being the first or the last one or that of the start.

    Raises:
        DataError: There is no such period.
    """
    codes = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
    if every not in codes:
        raise DataError(
            f'every must be one of {", ".join(codes)}; found "{every}".',
            [did_you_mean(every, codes)],
        )
    times = as_times(data["time"])
    periods = times.dt.to_period(codes[every])
    kept = data.assign(time=periods.dt.start_time)
    cut = _cut_ends(times, periods)
    if start is not None:
        day = as_time(start, name="start")
        first = day.to_period(codes[every]).start_time
        cut |= {first} if first != day else set()
    means = kept.groupby([unit, "time"], observed=True)["value"].agg(["mean", "count"])
    means = means.rename(columns={"mean": "value", "count": "n"}).reset_index()
    return means.assign(cut=means["time"].isin(cut))


def _cut_ends(times: pd.Series, periods: pd.Series) -> set[pd.Timestamp]:
    """Find a first or last period without data for longer than data usually pause."""
    days = times.dt.floor("D").drop_duplicates().sort_values()
    if len(days) < 8:
        return set()
    usual = float(np.quantile(np.diff(days.to_numpy()) / np.timedelta64(1, "D"), 0.95))
    slack = pd.Timedelta(days=max(1.0, 2 * usual))
    first, last = periods.min(), periods.max()
    found = {first.start_time} if days.iloc[0] - first.start_time > slack else set()
    late = last.end_time.floor("D") - days.iloc[-1] > slack
    return found | ({last.start_time} if late else set())
