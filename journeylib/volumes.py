"""Breaks in how much happens: days or weeks with far fewer or far more events than usual.

Counts in, windows out; what a window means for a client's sources is said in `gaps`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from journeylib.settings import CalendarEntry

THRESHOLD = 5.0
LEAST_RATIO = 1.4  # a change that matters: a third fewer, or two fifths more
RUN = 3
ENOUGH = 15  # events in a usual day or week; with fewer, none at all is no surprise
FEWEST_DAYS, FEWEST_WEEKS = 28, 12
DAYS_AROUND, WEEKS_AROUND = 29, 13
# Five windows or more, one a month or more: the series comes in batches, and nothing is usual.
FEWEST_BATCHES, DAYS_PER_BATCH = 5, 30
NORMAL = 1.4826  # MAD of a normal distribution, in standard deviations


@dataclass(frozen=True, slots=True)
class Window:
    """Days in a row on which much less or much more happened than usual.

    Attributes:
        first: First day.
        last: Last day.
        surplus: Events more than usual; negative where they were fewer.
        usual: Events that would have been usual.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    surplus: float
    usual: float

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        span = f"{self.first:%Y-%m-%d}"
        if self.days > 1:
            span += f" to {self.last:%Y-%m-%d}, {self.days} days"
        more = "more" if self.surplus > 0 else "fewer"
        return f"{span}, about {abs(self.surplus):,.0f} events {more} than usual"


def find_breaks(counts: pd.Series) -> list[Window] | None:
    """Find the days, or weeks where days are too thin, that break with their surroundings.

    The log count is compared with the median of its weekday and the running median of 29 days; the
    distance is measured against the noise of the series, never less than Poisson noise.

    Args:
        counts: Events by day; days without a row had none.

    Returns:
        Windows in order of time; None where the series is too short, too thin or too irregular.

    References:
        Hampel, The influence curve and its role in robust estimation, JASA 69 (1974), for the
        median and MAD; McCullagh and Nelder, Generalized Linear Models (1989), for the deviance.
    """
    if counts.empty or counts.sum() == 0:
        return None
    every = counts.groupby(level=0).sum().sort_index()
    every = every.reindex(pd.date_range(every.index[0], every.index[-1], freq="D"), fill_value=0)
    if len(every) >= FEWEST_DAYS and every.median() >= ENOUGH:
        return _windows(every, days=1)
    weeks = _by_week(every)
    if len(weeks) >= FEWEST_WEEKS and weeks.median() >= ENOUGH:
        return _windows(weeks, days=7)
    return None


def _by_week(every: pd.Series) -> pd.Series:
    """Sum whole weeks, counted back from the last day."""
    whole = every.iloc[len(every) % 7 :]
    sums = whole.to_numpy().reshape(-1, 7).sum(axis=1)
    return pd.Series(sums, index=whole.index[::7], dtype="int64")


def _windows(counts: pd.Series, *, days: int) -> list[Window] | None:
    usual, distance = measure_distance(
        counts.to_numpy(dtype=float),
        weekday=pd.DatetimeIndex(counts.index).day_of_week.to_numpy()
        if days == 1
        else np.zeros(len(counts), int),
        around=DAYS_AROUND if days == 1 else WEEKS_AROUND,
    )
    seen = counts.to_numpy(dtype=float)
    ratio = np.abs(np.log((seen + 0.5) / (usual + 0.5)))
    far = _is_far(distance) & (ratio >= math.log(LEAST_RATIO))
    signs = np.where(far, np.sign(distance), 0)
    found = _join(counts.index, signs, seen - usual, usual, days)
    batches = len(found) >= FEWEST_BATCHES and len(found) * DAYS_PER_BATCH >= len(counts) * days
    return None if batches else found


def _is_far(distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find what is far by itself, or three in a row that are far together, all on one side."""
    far = np.abs(distance) > THRESHOLD
    three = np.lib.stride_tricks.sliding_window_view(distance, RUN)
    same = np.abs(np.sign(three).sum(axis=1)) == RUN
    each = np.abs(three).min(axis=1) > THRESHOLD / 2
    together = same & each & (np.abs(three.sum(axis=1)) > THRESHOLD * math.sqrt(RUN))
    for place in np.flatnonzero(together):
        far[place : place + RUN] = True
    return far


def measure_distance(
    counts: NDArray[np.float64], *, weekday: NDArray[np.int64], around: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say what would have been usual, and how far each count is from it.

    Args:
        counts: Events, one per day or week in a row.
        weekday: Day of the week of each, 0 to 6; all alike for weeks.
        around: Length of the running median.

    Returns:
        The usual count, and the signed distance from it over the noise of the series: the smaller
        of the deviance residual, right for few events, and the log ratio, right for many.
    """
    # Silence teaches nothing about the usual level, or a long gap would become the usual.
    filled = pd.Series(np.where(counts > 0, np.log(np.maximum(counts, 1)), np.nan))
    trend = _straight(filled)  # keeps the running median right at both ends of a growing series
    filled = filled - trend
    level = _running_median(filled, around)
    offset = (filled - level).groupby(weekday).median().reindex(range(7)).fillna(0.0)
    shift = offset.to_numpy()[weekday]
    level = _running_median(filled - shift, around)
    usual = np.exp(level.to_numpy() + trend + shift)
    closed = pd.Series(counts).groupby(weekday).median().reindex(range(7)).fillna(0.0) == 0
    usual = np.where(closed.to_numpy()[weekday], 0.0, usual)
    open_ = (usual > 0) & (counts > 0)
    residual = np.log((counts[open_] + 0.5) / (usual[open_] + 0.5))
    spread = NORMAL * float(np.median(np.abs(residual - np.median(residual))))
    extra = max(0.0, spread**2 - 1 / float(np.median(usual[open_])))
    safe = np.maximum(usual, 1e-9)
    told = np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-9) / safe), 0.0)
    deviance = np.sqrt(2 * np.maximum(told - (counts - usual), 0.0))
    ratio = np.abs(np.log((counts + 0.5) / (usual + 0.5))) / np.sqrt(extra + 1 / safe)
    distance = np.sign(counts - usual) * np.minimum(ratio, deviance / np.sqrt(1 + extra * usual))
    return usual, np.where(usual > 0, distance, 0.0)


def _straight(values: pd.Series) -> NDArray[np.float64]:
    known = values.notna().to_numpy()
    place = np.arange(len(values), dtype=float)
    slope, start = np.polyfit(place[known], values.to_numpy()[known], 1)
    return np.asarray(start + slope * place, dtype=float)


def _running_median(values: pd.Series, around: int) -> pd.Series:
    running = values.rolling(around, center=True, min_periods=max(3, around // 4)).median()
    return running.interpolate(limit_direction="both").fillna(values.median())


def _join(
    at: pd.Index,
    signs: NDArray[np.float64],
    surplus: NDArray[np.float64],
    usual: NDArray[np.float64],
    days: int,
) -> list[Window]:
    """Join far counts of one sign into windows, across days on which nothing is usual."""
    found: list[list[int]] = []
    for place in np.flatnonzero(signs):
        last = found[-1][-1] if found else -1
        between = slice(last + 1, place)
        joined = found and signs[last] == signs[place] and not usual[between].any()
        if joined:
            found[-1].append(int(place))
        else:
            found.append([int(place)])
    length = pd.Timedelta(days=days - 1)
    return [
        Window(
            at[places[0]],
            at[places[-1]] + length,
            float(surplus[places].sum()),
            float(usual[places].sum()),
        )
        for places in found
    ]


def explain_window(window: Window, calendar: Sequence[CalendarEntry]) -> str:
    """Name the calendar entry that explains a window; empty where none does.

    A promotion explains more events, an outage fewer, a holiday either. An entry counts if it
    covers at least half of the window, a day before and after it included.
    """
    for entry in calendar:
        wanted = {"promotion": window.surplus > 0, "outage": window.surplus < 0}
        if not wanted.get(entry.kind, True):
            continue
        day = pd.Timedelta(days=1)
        first = max(window.first, pd.Timestamp(entry.start) - day)
        last = min(window.last, pd.Timestamp(entry.end or entry.start) + day)
        if ((last - first).days + 1) * 2 >= window.days:
            return entry.name
    return ""
