"""Whether all sources keep the same clock: the hours of each against the hours of the others.

A source whose day runs like everybody's, but hours earlier or later, was written in another zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from journeylib.findings import WARN, Finding, passed

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    from numpy.typing import NDArray

    from journeylib.census import Census

ENOUGH = 1_500
LEAST_SHIFT, LEAST_LAG = 2, 4  # hours; answers and complaints come some hours after their cause
FOLLOWING = ("surveys", "feedback", "tickets")
ALIKE = 0.9  # correlation that says two days run alike once they are laid over one another
LEAST_GAIN = 0.08
NIGHT_HOURS = 5
AWAKE = 0.03  # share of events by which a shifted source is busier in the others' quietest hours
LEAST_TIMED = 0.5


@dataclass(frozen=True, slots=True)
class Shift:
    """A source whose clock differs.

    Attributes:
        source: Its name.
        hours: Hours by which it runs later than the others; negative where earlier.
        events: Events behind it.
    """

    source: str
    hours: int
    events: int


def find_shifts(hourly: pd.DataFrame, following: Collection[str] = ()) -> list[Shift]:
    """Find sources whose 24 hours are those of the others, shifted.

    Circular cross-correlation of each source's hours with those of every other; the one that fits
    best counts, as sources have habits of their own. Sources are taken out one by one, the clearest
    first, so that one wrong clock accuses no other source. Of two that differ, the smaller is
    named.

    Args:
        hourly: One row per source, columns 0 to 23: events.
        following: Sources whose events follow those of others, such as surveys.

    Returns:
        The shifts of 2 hours or more, or 4 for those that follow, of sources with at least 1,500
        events.
    """
    enough = hourly[hourly.sum(axis=1) >= ENOUGH]
    found: list[Shift] = []
    while len(enough) > 1:
        sums = enough.sum(axis=1)
        shares = enough.div(sums, axis=0).to_numpy(dtype=float)
        judged = [
            (*_compare(shares[place], np.delete(shares, place, axis=0)), place)
            for place in range(len(enough))
        ]
        shifted = [
            (gain, -sums.iloc[place], place, lag)
            for gain, lag, place in judged
            if gain >= LEAST_GAIN
            and abs(lag) >= (LEAST_LAG if enough.index[place] in following else LEAST_SHIFT)
        ]
        if not shifted:
            break
        _, _, place, lag = max(shifted, key=lambda one: (round(one[0], 9), one[1]))
        found.append(Shift(str(enough.index[place]), lag, int(sums.iloc[place])))
        enough = enough.drop(enough.index[place])
    return found


def _compare(own: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[float, int]:
    """Give what shifting gains in correlation and the best shift in hours; 0, 0 for none."""
    rivals = [rival for rival in others if np.ptp(rival) > 0]
    if np.ptp(own) == 0 or not rivals:
        return 0.0, 0
    turned = np.array([[np.roll(rival, lag) for lag in range(24)] for rival in rivals])
    fits = _correlate(own, turned)
    which, best = np.unravel_index(int(fits.argmax()), fits.shape)
    # Office hours are another habit than evening shopping, but both sleep at night: only a wrong
    # clock is awake while the others sleep.
    sleep = _quietest(rivals[which])
    awake = own[sleep].sum() - own[_quietest(own)].sum()
    if fits[which, best] < ALIKE or awake < AWAKE:
        return 0.0, 0
    # who runs like any other source as it stands is not the one that is off
    gain = float(fits[which, best] - fits[:, 0].max())
    return gain, int(best) if best <= 12 else int(best) - 24


def _correlate(own: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate one profile with many along their last axis."""
    centred, mine = others - others.mean(axis=-1, keepdims=True), own - own.mean()
    length = np.sqrt((centred**2).sum(axis=-1) * (mine**2).sum())
    return np.asarray((centred * mine).sum(axis=-1) / length, dtype=float)


def _quietest(profile: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the quietest hours in a row."""
    rounds = np.concatenate([profile, profile])
    sums = np.convolve(rounds, np.ones(NIGHT_HOURS), mode="valid")[:24]
    return (int(np.argmin(sums)) + np.arange(NIGHT_HOURS)) % 24


def check_clocks(census: Census) -> list[Finding]:
    """Say which sources seem to write another time zone than the rest."""
    timed = [name for name in census.hourly.index if census.timed[name] >= LEAST_TIMED]
    hourly = census.hourly.loc[timed]
    found = []
    following = [source.name for source in census.sources if source.kind in FOLLOWING]
    for shift in find_shifts(hourly, following):
        way = "later" if shift.hours > 0 else "earlier"
        text = (
            f"Its day runs {abs(shift.hours)} hours {way} than that of the other sources "
            f"({shift.events:,} events compared by hour of day, local time of {census.zone})."
        )
        found.append(Finding("clock_shift", shift.source, WARN, shift.events, text, _SHIFTED))
    if found:
        return found
    enough = int((hourly.sum(axis=1) >= ENOUGH).sum())
    if enough < 2:
        text = "Fewer than two sources have the 1,500 events with a time of day that it takes."
    else:
        text = f"None of {enough} sources seems to keep a clock that is 2 hours or more off."
    return [passed("clock_shift", text)]


_SHIFTED = (
    "Touchpoints of one day then stand in the wrong order and waiting times are wrong by as much: "
    "ask which zone its times are in, and have it exported with offsets."
)
