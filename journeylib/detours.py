"""What customers did who left a stage, beside those who went on from it.

Both are looked at from entering the stage until they left it. Who stayed longer met more: the last
touchpoint before leaving is the fairer comparison, and neither says why they left.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.engine import summarise
from journeylib.log import decode
from journeylib.pains import Comparison
from journeylib.passages import LEFT, ONWARD, follow_stages
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Part, Partition
    from journeylib.passages import Road, Spells

MET, LAST = "met", "last"
FEWEST = 30
SOURCE = "difference of shares, Newcombe (1998) interval, p adjusted by Benjamini-Hochberg"


@dataclass(frozen=True, slots=True)
class Detours:
    """Customers by stage and touchpoint: those who left and those who went on.

    ``cells`` has a key for each stage × touchpoint and the columns left and met, on and met, left
    and last, on and last; ``ended`` a key for each stage and the columns left, on.
    """

    codes: Codes
    cells: Tally
    ended: Tally

    def __add__(self, other: Detours) -> Detours:
        return Detours(self.codes, self.cells + other.cells, self.ended + other.ended)

    def frame(self) -> pd.DataFrame:
        """One row per stage, touchpoint and kind (met, last): counts of those who left and not."""
        size = max(1, len(self.codes.touchpoints))
        stage, touchpoint = self.cells.key // size, self.cells.key % size
        ended = self.ended.at(stage) if len(stage) else np.zeros((0, 2))
        common = {
            "place": stage, "stage": decode(self.codes.stages or ("",), stage),
            "touchpoint": decode(self.codes.touchpoints or ("",), touchpoint),
            "lost": ended[:, 0], "went": ended[:, 1],
        }  # fmt: skip
        sums = self.cells.sums
        parts = [
            pd.DataFrame(common).assign(kind=kind, lost_met=sums[:, at], went_met=sums[:, at + 1])
            for at, kind in ((0, MET), (2, LAST))
        ]
        return pd.concat(parts, ignore_index=True)


def summarise_detours(part: Part, *, silence: int) -> Detours:
    """Count what was met, and met last, between entering a stage and leaving it."""
    log = part.load()
    spells = follow_stages(log, silence=silence)
    early = (spells.place < len(log.codes.stages) - 1) & (spells.end > 0)
    place, entry, end = spells.place[early], spells.entry[early], spells.end[early]
    last = _last_before(log, spells, early)
    length = last - entry + 1
    row = np.repeat(np.arange(len(entry)), length)
    at = np.repeat(entry - np.cumsum(length) + length, length) + np.arange(length.sum())
    size = max(1, len(log.codes.touchpoints))
    met = np.unique(row * size + log.touchpoint[at])
    closing = np.arange(len(entry)) * size + log.touchpoint[last]
    key, gone = place[met // size] * size + met % size, end[met // size] == LEFT
    last_key, last_gone = place * size + closing % size, end == LEFT
    none, also = np.zeros(len(key)), np.zeros(len(last_key))
    columns = [
        np.concatenate([gone, also]), np.concatenate([~gone, also]),
        np.concatenate([none, last_gone]), np.concatenate([none, ~last_gone]),
    ]  # fmt: skip
    cells = Tally.of(np.concatenate([key, last_key]), *(one.astype(float) for one in columns))
    ended = ((end == LEFT).astype(float), (end == ONWARD).astype(float))
    return Detours(log.codes, cells, Tally.of(place, *ended))


def _last_before(log: Partition, spells: Spells, kept: np.ndarray) -> Integers:
    """Give the last event of each spell: before the next stage, the cancellation or the silence."""
    stop, end = spells.stop[kept], spells.end[kept]
    hushed = (end == LEFT) & ~log.is_bad[np.maximum(stop, 0)]
    last: Integers = np.maximum(stop - ~hushed, spells.entry[kept])
    return last


def compare_detours(
    log: Log, road: Road, *, fewest: int = FEWEST, confidence: float = 0.95
) -> pd.DataFrame:
    """Say what customers who left a stage did more often, or less, than those who went on.

    Args:
        log: The event log.
        road: From ``passages.follow_road``.
        fewest: Fewest customers who must have left, and gone on, for a stage to be compared.
        confidence: Coverage of the intervals.

    Returns:
        One row per stage, touchpoint and ``kind`` (``last``: the last touchpoint before; ``met``:
        met at all in the stage), the clearest first: ``lost, lost_share`` and ``went, went_share``
        (customers and their share with the touchpoint), the difference ``value, low, high, n,
        unit, source`` and ``p_adjusted``. It says what goes with leaving, not what causes it.
    """
    found = summarise(functools.partial(summarise_detours, silence=road.silence), log.readable)
    table = found.frame() if found is not None else pd.DataFrame()
    if len(table):
        enough = (table["lost"] >= fewest) & (table["went"] >= fewest)
        table = table[enough].reset_index(drop=True)
    sums = (table[name] for name in ("lost_met", "lost", "went_met", "went"))
    table = pd.concat([table, Comparison(*sums).frame(confidence)], axis=1).assign(
        unit="share", source=SOURCE
    )
    table["lost_share"] = table["lost_met"] / table["lost"]
    table["went_share"] = table["went_met"] / table["went"]
    table["p_adjusted"] = stats.false_discovery_control(table["p_value"]) if len(table) else []
    table = table.sort_values(["p_adjusted", "value"], ascending=[True, False], ignore_index=True)
    columns = ["stage", "touchpoint", "kind", "lost", "lost_met", "lost_share", "went", "went_met",
               "went_share", "value", "low", "high", "n", "unit", "source",
               "p_adjusted"]  # fmt: skip
    return table[columns]
