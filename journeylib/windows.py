"""Where a period is parted so that leaving can be foretold, who is there then, and who leaves.

What is known lies before a cut, what is foretold after it; the last window is kept for the test, so
a model is judged by a time it has not seen. Not for what is known; see `antecedents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.habits import clip_log
from journeylib.journeys import describe_customers
from journeylib.log import DAY, first_of
from journeylib.summaries import NEVER

if TYPE_CHECKING:
    from journeylib.log import Log, Part

ORDERS, CONTRACT = "orders", "contract"
SHORTEST, PARTS, MOST_WINDOWS = 14, 4, 4


@dataclass(frozen=True, slots=True)
class Windows:
    """A period parted for foretelling.

    Attributes:
        kind: ``orders`` (who leaves is who stops ordering) or ``contract`` (leaving has a date).
        start: First microsecond of the data.
        end: First microsecond after it.
        horizon: Microseconds ahead that are foretold.
        lookback: Microseconds before a cut that features look at.
        inactive: Microseconds without an order after which a customer counts as gone; 0 where
            leaving has a date.
    """

    kind: str
    start: int
    end: int
    horizon: int
    lookback: int
    inactive: int = 0

    @property
    def days(self) -> int:
        """Days ahead that are foretold."""
        return round(self.horizon / DAY)

    @property
    def cuts(self) -> tuple[int, ...]:
        """Cuts of the windows to learn from and, last, of the one to be tested on."""
        many = (self.end - self.start - self.lookback) // self.horizon
        return tuple(self.end - place * self.horizon for place in range(many, 0, -1))


@dataclass(frozen=True, slots=True)
class Lives:
    """One row per customer: ``customer, first`` (event) and ``bad`` (first that ends it)."""

    rows: pd.DataFrame

    def __add__(self, other: Lives) -> Lives:
        return Lives(pd.concat([self.rows, other.rows], ignore_index=True))


def summarise_lives(part: Part) -> Lives:
    """Note when each customer was first seen, and when first something ended it."""
    log = part.load()
    starts = np.flatnonzero(first_of(log.customer))
    bad = np.full(len(starts), NEVER, dtype=np.int64)
    np.minimum.at(bad, np.cumsum(first_of(log.customer))[log.is_bad] - 1, log.time[log.is_bad])
    columns = {"customer": log.customer[starts], "first": log.time[starts], "bad": bad}
    return Lives(pd.DataFrame(columns))


def date_lives(log: Log, attributes: pd.DataFrame) -> pd.DataFrame:
    """Give the moments between which each customer is known to be one.

    Args:
        log: The event log.
        attributes: One row per customer, perhaps with ``signup``, ``churned`` and ``churned_at``;
            may be empty.

    Returns:
        Indexed by customer, microseconds: ``since`` (signup, else the first event) and ``left``;
        NEVER where it did not happen. Who is marked as gone without a date is not among them.
    """
    found = summarise(summarise_lives, log.readable)
    lives = found.rows if found else pd.DataFrame({"customer": [], "first": [], "bad": []})
    lives = lives.set_index("customer").astype("int64")
    known = attributes.set_index("customer") if "customer" in attributes else pd.DataFrame()
    lives = lives.reindex(lives.index.union(known.index), fill_value=NEVER)
    since, left = lives["first"], lives["bad"]
    if "signup" in known:
        # A visitor who never signed up cannot leave.
        since = moments_of(known["signup"].reindex(lives.index))
    if "churned_at" in known:
        ended = moments_of(known["churned_at"].reindex(lives.index))
        left = ended.where(ended < NEVER, left)
    dated = pd.DataFrame({"since": since, "left": left})
    if "churned" in known:
        gone = known["churned"].reindex(lives.index) == True  # noqa: E712
        dated = dated[~(gone & (dated["left"] == NEVER))]
    return dated


def moments_of(column: pd.Series) -> pd.Series:
    """Give times as microseconds; NEVER where there is none."""
    times = pd.to_datetime(column, utc=True).dt.as_unit("us")
    return times.astype("int64").where(times.notna(), NEVER)


def lay_windows(
    *, kind: str, start: int, end: int, wanted_days: float, inactive_days: float = 0.0
) -> Windows | Refusal:
    """Part a period into what is known, windows to learn from and one to test on.

    Args:
        kind: ``orders`` or ``contract``.
        start: First microsecond of the data.
        end: First microsecond after it.
        wanted_days: Days ahead that should be foretold; a quarter of the data at most.
        inactive_days: Days without an order after which a customer counts as gone.

    Returns:
        The windows: up to four to learn from, one to test on, and before the first at least twice
        their length to look back on. A refusal where a window would be shorter than 14 days.
    """
    length = (end - start) / DAY
    days = int(min(wanted_days, length / PARTS))
    if days < SHORTEST:
        return Refusal(
            f"The data covers {max(length, 0):.0f} days, of which a quarter is kept to test on.",
            f"{SHORTEST * PARTS} days or more.",
        )
    many = min(MOST_WINDOWS, int(length / days) - 3)
    lookback = end - start - (many + 1) * days * DAY
    # A microsecond less than a cut must not add a window.
    whole = lookback - lookback % DAY if lookback > 2 * days * DAY else lookback
    return Windows(kind, start + lookback - whole, end, days * DAY, whole,
                   int(inactive_days * DAY))  # fmt: skip


def who_is_there(log: Log, windows: Windows, cut: int, lives: pd.DataFrame) -> pd.Index:
    """Name the customers who are there at a moment, and so can leave.

    Args:
        log: The event log.
        windows: From `lay_windows`.
        cut: The moment.
        lives: From `date_lives`.

    Returns:
        Codes of customers: those with an order in the time after which one counts as gone (or, if
        shorter, in the time looked back on), or those with a contract that runs.
    """
    if windows.kind == CONTRACT:
        there: pd.DataFrame = lives[(lives["since"] < cut) & (lives["left"] >= cut)]
        return there.index.rename("customer")
    since = cut - min(windows.lookback, windows.inactive or windows.lookback)
    recent = describe_customers(clip_log(log, start=since, end=cut))
    bought: pd.Index = recent[recent["orders"] > 0].set_index("customer").index
    return bought


def who_left(
    log: Log, windows: Windows, cut: int, lives: pd.DataFrame, people: pd.Index
) -> pd.Series:
    """Tell which of the customers who were there left within the horizon.

    Args:
        log: The event log.
        windows: From `lay_windows`.
        cut: The moment.
        lives: From `date_lives`.
        people: From `who_is_there`.

    Returns:
        1.0 or 0.0 by customer: no order within the horizon, or a contract that ended within it.
    """
    until = cut + windows.horizon
    if windows.kind == CONTRACT:
        ended = lives["left"].reindex(people)
        return ((ended >= cut) & (ended < until)).astype(float)
    after = describe_customers(clip_log(log, start=cut, end=until))
    back = after.loc[after["orders"] > 0, "customer"]
    return pd.Series((~people.isin(back)).astype(float), index=people)
