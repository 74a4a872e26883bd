"""Who goes on to the purchase or conversion from a touchpoint, with recent visits counted too.

A visit near the end of the data counts for as long as it could be watched (an actuarial life
table), so that a fault of last week shows. For what follows a purchase see `hazards`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Floats, Integers, Partition

# The follow-up is cut in so many equal parts; what is watched to its end falls behind them.
PARTS = 60


def tabulate_onward(log: Partition, cell: Integers, first: Integers, since: int) -> Tally:
    """Count first visits up to the purchase by when one followed, or when watching stopped.

    A visitor who has bought before can be lost at a checkout like any other.

    Args:
        log: The partition.
        cell: Cell of each event.
        first: Positions of the first visits.
        since: Visits before it do not count.

    Returns:
        Key cell × (PARTS + 1) + part of the follow-up; columns bought, and not watched further.
        Empty where the outcome is no conversion.
    """
    if log.codes.outcome != "conversion" or log.codes.follow <= 0 or not len(log):
        return Tally.of(cell[:0], *np.zeros((2, 0)))
    early = np.array(log.codes.timing, dtype=object)[log.touchpoint[first]] != "post_purchase"
    at = first[early & (log.time[first] >= since)]
    bought = np.append(np.flatnonzero(log.is_good), len(log))
    goal = bought[np.searchsorted(bought, at, "right")]
    there = np.minimum(goal, len(log) - 1)
    came = (goal < len(log)) & (log.customer[there] == log.customer[at])
    watched = np.minimum(log.codes.end - log.time[at], log.codes.follow)
    took = np.where(came, log.time[there] - log.time[at], watched)
    came &= took <= watched
    part = (np.minimum(took, watched) * PARTS // log.codes.follow).clip(0, PARTS)
    part = np.where(came, np.minimum(part, PARTS - 1), part)
    return Tally.of(cell[at] * (PARTS + 1) + part, came, ~came)


def share_onward(tally: Tally, cells: Integers) -> pd.DataFrame:
    """Give the share that goes on within the follow-up, as counts that tell as much.

    Args:
        tally: From ``tabulate_onward``.
        cells: Cells that are asked for, sorted.

    Returns:
        One row per cell: ``visited`` (customers), ``onward`` (as many, fully watched, would tell as
        much; never more than there were) and ``onward_good`` (of those, who went on). Its variance
        is Greenwood's (1926).
    """
    laid = np.zeros((len(cells), PARTS + 1, 2))
    known = np.isin(tally.key // (PARTS + 1), cells)
    key, sums = tally.key[known], tally.sums[known]
    laid[np.searchsorted(cells, key // (PARTS + 1)), key % (PARTS + 1)] = sums
    bought, ended = laid[:, :PARTS, 0], laid[:, :PARTS, 1]
    visited = laid.sum(axis=(1, 2))
    gone = np.cumsum(bought + ended, axis=1)
    risk = visited[:, None] - np.concatenate([np.zeros((len(cells), 1)), gone[:, :-1]], axis=1)
    exposed = np.maximum(risk - ended / 2, 0.5)
    chance = np.minimum(bought / exposed, 1.0)
    stayed = np.prod(1 - chance, axis=1)
    left = np.maximum(exposed - bought, 1e-9)
    variance = stayed**2 * np.where(chance < 1, bought / (exposed * left), 0).sum(axis=1)
    told = visited - ended.sum(axis=1) / 2
    plain = stayed * (1 - stayed)
    effective = _fit(plain, variance, told)
    return pd.DataFrame(
        {
            "visited": visited.astype(np.int64),
            "onward": effective,
            "onward_good": effective * (1 - stayed),
        }
    )


def _fit(plain: Floats, variance: Floats, most: Floats) -> Floats:
    """Give the number of customers that would leave the same doubt about a share."""
    known = (plain > 0) & (variance > 0)
    found: Floats = np.divide(plain, variance, out=most.copy(), where=known)
    return np.minimum(found, np.maximum(most, 0.0))
