"""Who leaves at a touchpoint, beside what is expected of customers like those who met it.

Indirect standardisation: the share that leaves in each stage, persona and channel, applied to those
who came here. To compare a touchpoint with the rest of its stage see `comparisons`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.exposures import Groups, last_visits
from journeylib.log import decode, last_of
from journeylib.shrinkage import SEED, shrink_rates

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Part

COLUMNS = [
    "stage", "touchpoint", "channel", "customers", "left", "expected", "ratio", "raw", "raw_low",
    "raw_high", "value", "low", "high", "kept", "top_probability", "n", "unit", "source",
]  # fmt: skip
# A stratum that is this much the touchpoint's own says nothing of what is expected there.
MOSTLY_OWN = 0.95


@dataclass(frozen=True, slots=True)
class Exits:
    """Customers who met each cell, and who were never seen after it, by persona (flat index)."""

    codes: Codes
    seen: Integers
    left: Integers

    def __add__(self, other: Exits) -> Exits:
        return Exits(self.codes, self.seen + other.seen, self.left + other.left)

    def frame(self) -> pd.DataFrame:
        """One row per persona and cell met: ``group`` (a number), names, ``seen, left``."""
        met, codes = np.flatnonzero(self.seen), self.codes
        channels = max(1, len(codes.channels))
        group, touchpoint = np.divmod(met // channels, max(1, len(codes.touchpoints)))
        stage = np.array(codes.stage_of, dtype=np.int64)[touchpoint]
        return pd.DataFrame(
            {
                "group": group,
                "stage": decode([*codes.stages, "unmapped"], stage),
                "touchpoint": decode(codes.touchpoints, touchpoint),
                "channel": decode(codes.channels, met % channels),
                "timing": decode(codes.timing, touchpoint),
                "outcome": np.isin(touchpoint, [*codes.good, *codes.bad, *codes.aside]),
                "seen": self.seen[met],
                "left": self.left[met],
            }
        )


def summarise_exits(part: Part, groups: Groups | None = None) -> Exits:
    """Count last visits to every cell, and those after which nothing came.

    Visits from before the personas were known count in a group of their own: to sort them by what
    customers did afterwards would let the future in.
    """
    log = part.load()
    channels, touchpoints = max(1, len(log.codes.channels)), max(1, len(log.codes.touchpoints))
    cells = touchpoints * channels
    cell = log.touchpoint * channels + log.channel
    visit = last_visits(log, cell, cells)
    size = cells * (len(groups.names) + 2 if groups else 1)
    group = np.zeros(len(visit), dtype=np.int64)
    if groups:
        group = np.where(
            log.time[visit] < groups.since, 0, groups.group_of[log.customer[visit]] + 2
        )
    key = group * cells + cell[visit]
    final = last_of(log.customer)[visit]
    return Exits(
        log.codes, np.bincount(key, minlength=size), np.bincount(key[final], minlength=size)
    )


def measure_exits(
    log: Log,
    *,
    groups: Groups | None = None,
    min_customers: int = 30,
    confidence: float = 0.95,
    seed: int = SEED,
) -> pd.DataFrame:
    """Say how many leave at each touchpoint, and how many of their like would.

    Args:
        log: The event log.
        groups: Personas, from ``exposures.Groups.of``; without them all customers are of one.
        min_customers: Fewest customers who must have met the touchpoint.
        confidence: Coverage of the intervals.
        seed: Of the draws behind intervals and ranks.

    Returns:
        One row per touchpoint and channel, the most above what is expected first: ``customers``,
        ``left`` of them and ``expected`` at the rates of their stage, persona and channel;
        ``ratio`` of the two (missing where hardly anybody else is in the stage and channel);
        ``raw, raw_low, raw_high`` (Wilson) and ``value, low, high`` of the share that leaves, drawn
        towards the expected share; ``kept``; ``top_probability`` of being among the five highest.
        Touchpoints that are or end the outcome, those after it (whoever is content may end there)
        and those without a stage are left out.
    """
    found = summarise(partial(summarise_exits, groups=groups), log.readable)
    rows = found.frame() if found is not None else pd.DataFrame()
    if len(rows):
        placed = (rows["stage"] != "unmapped") & (rows["timing"] != "post_purchase")
        rows = rows[~rows["outcome"] & placed]
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    cells = _expect(rows)
    cells = cells[cells["customers"] >= max(min_customers, 1)].reset_index(drop=True)
    if cells.empty:
        return pd.DataFrame(columns=COLUMNS)
    usual = cells["expected"] / cells["customers"]
    shares = shrink_rates(cells["left"], cells["customers"], expected=usual,
                          confidence=confidence, seed=seed)  # fmt: skip
    table = pd.concat([cells, shares], axis=1)
    own = table["own"] > MOSTLY_OWN
    table["ratio"] = (table["left"] / table["expected"]).where(~own & (table["expected"] > 0))
    order = ["ratio", "touchpoint", "channel"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)[COLUMNS]


def _expect(rows: pd.DataFrame) -> pd.DataFrame:
    """Apply the share that leaves in each stratum to those who met each touchpoint."""
    strata = rows.groupby(["group", "stage", "channel"])[["seen", "left"]].transform("sum")
    expected = rows["seen"] * strata["left"] / strata["seen"]
    own = rows["seen"] * rows["seen"] / strata["seen"]
    rows = rows.assign(expected=expected, own=own, customers=rows["seen"])
    named = rows.groupby(["stage", "touchpoint", "channel"], sort=True)
    cells = named[["customers", "left", "expected", "own"]].sum().reset_index()
    return cells.assign(own=cells["own"] / cells["customers"])
