"""Moments of truth: where the outcome differs most between those for whom it went well and badly.

Badly is to wait longer than three in four, to be back for the same thing within a week, or to speak
ill of it. An association of grade D: whoever speaks ill may have been about to leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.comparisons import LONGEST_WAIT, NEWCOMBE, SHORTEST_WAIT, Comparison
from journeylib.engine import summarise
from journeylib.exposures import Outcome, summarise_exposures, summarise_reach
from journeylib.moods import UNMAPPED, centre_tones, place_stages
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Codes, Integers, Log, Part

SIGNS = {"wait": ("slow", "quick"), "return": ("back", "once")}
COLUMNS = [
    "stage", "touchpoint", "channel", "sign", "customers", "badly", "badly_share", "well",
    "well_share", "value", "low", "high", "n", "p_value", "p_adjusted", "unit", "source",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of customers who spoke of a place: key place × 2 + well, columns not, did."""

    codes: Codes
    counts: Tally

    def __add__(self, other: Spoken) -> Spoken:
        return Spoken(self.codes, self.counts + other.counts)


def summarise_spoken(part: Part, *, customer: Integers, time: Integers, key: Integers) -> Spoken:
    """Follow customers from what they said on.

    Args:
        part: The partition.
        customer: Code of who spoke, sorted.
        time: When, in microseconds.
        key: Place × 2 + whether they spoke well of it.
    """
    log = part.load()
    if not len(log):
        return Spoken(log.codes, Tally.of(key[:0], *np.zeros((2, 0))))
    span = int(log.codes.end - log.codes.start) + 2
    inside = (time >= log.codes.start) & (time < log.codes.end)
    inside &= np.isin(customer, np.unique(log.customer))
    own, when, place = customer[inside], time[inside], key[inside]
    clock = log.customer * span + (log.time - log.codes.start)
    at = np.searchsorted(clock, own * span + (when - log.codes.start), "right") - 1
    # Who had done nothing yet is followed from the first event: nothing lies between.
    known = (at >= 0) & (log.customer[at] == own)
    at, when, place = at[known], when[known], place[known]
    ended = Outcome.of(log).after(log, at, when - log.time[at])
    told = ended >= 0
    return Spoken(log.codes, Tally.of(place[told], ended[told] == 0, ended[told] == 1))


def measure_truths(
    log: Log,
    voices: pd.DataFrame,
    *,
    min_customers: int = 30,
    exclude: Sequence[str] = (),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare, at each touchpoint, the outcome of those for whom it went well and badly.

    Args:
        log: The event log.
        voices: What customers said: ``customer, timestamp, touchpoint, channel, sentiment``.
        min_customers: Fewest customers on either side.
        exclude: Touchpoints that are left out.
        confidence: Coverage of the intervals.

    Returns:
        One row per touchpoint, channel and ``sign`` (``wait``, ``return``, ``tone``), the one that
        decides over most outcomes first: customers for whom it went ``badly`` and ``well`` and
        their shares with the outcome, the difference well less badly as ``value, low, high``, and
        ``p_adjusted`` (Benjamini-Hochberg over all rows). Everybody is followed equally long, from
        the touchpoint, or from what they said, on.
    """
    reach = summarise(summarise_reach, log.readable)
    stations = reach.stations if reach is not None else ()
    found = summarise(partial(summarise_exposures, stations=stations), log.readable)
    parts = [_told(log, voices)]
    if found is not None:
        parts = [_gone(found.frame()), *parts]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table = table[~table["touchpoint"].isin(list(exclude))].reset_index(drop=True)
    return _judge(table, min_customers, confidence)


def _gone(cells: pd.DataFrame) -> pd.DataFrame:
    cells = cells[~cells["outcome"].astype(bool) & (cells["timing"] != "pre_purchase")]
    parts = []
    for sign, (bad, good) in SIGNS.items():
        columns = {
            "badly": cells[bad], "badly_good": cells[f"{bad}_good"],
            "well": cells[good], "well_good": cells[f"{good}_good"],
        }  # fmt: skip
        rows = cells[["stage", "touchpoint", "channel"]].assign(sign=sign, **columns)
        if sign == "wait":
            waited = cells["wait_days"].between(SHORTEST_WAIT, LONGEST_WAIT)
            rows = rows[waited & (cells["timing"] == "post_purchase")]
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def _told(log: Log, voices: pd.DataFrame) -> pd.DataFrame:
    """Count the outcome of those who spoke well and ill of each touchpoint, by their first words.

    Ill is below the mean of what was asked alike; whoever met the mean counts for neither.
    """
    columns = ["stage", "touchpoint", "channel", "sign", "badly", "badly_good", "well", "well_good"]
    said = centre_tones(voices)
    if "timestamp" not in voices or said.empty:
        return pd.DataFrame(columns=columns)
    kept = voices.dropna(subset=["touchpoint", "sentiment"])["timestamp"].reset_index(drop=True)
    said = said.assign(at=pd.to_datetime(kept, utc=True))
    said = said[said["tone"].abs() > 1e-9].dropna(subset=["customer", "at"])
    said = said.sort_values(["customer", "at"], kind="stable")
    said = said.drop_duplicates(["customer", "touchpoint", "channel"])
    if said.empty:
        return pd.DataFrame(columns=columns)
    place, names = pd.factorize(pd.MultiIndex.from_frame(said[["touchpoint", "channel"]]))
    function = partial(
        summarise_spoken,
        customer=said["customer"].to_numpy(np.int64),
        time=said["at"].dt.as_unit("us").astype("int64").to_numpy(),
        key=place * 2 + (said["tone"] > 0).to_numpy(),
    )
    found = summarise(function, log.readable)
    counts = np.zeros((2 * len(names), 2), dtype=np.int64)
    if found is not None:
        counts[found.counts.key] = found.counts.sums
    stage_of = place_stages(log.codes)
    return pd.DataFrame(
        {
            "stage": [stage_of.get(str(name), UNMAPPED) for name, _ in names],
            "touchpoint": [name for name, _ in names], "channel": [name for _, name in names],
            "sign": "tone", "badly": counts[::2].sum(axis=1), "badly_good": counts[::2, 1],
            "well": counts[1::2].sum(axis=1), "well_good": counts[1::2, 1],
        }
    )  # fmt: skip


def _judge(table: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    columns = ("well_good", "well", "badly_good", "badly")
    compared = Comparison(*(table[name].astype(float) for name in columns))
    sizes = table[["badly", "well"]].astype(float).min(axis=1)
    enough = (sizes >= max(fewest, 1)) & compared.enough
    table = pd.concat([table, compared.frame(confidence)], axis=1)[enough]
    table = table.reset_index(drop=True)
    adjusted = stats.false_discovery_control(table["p_value"].astype(float)) if len(table) else []
    table = table.assign(
        customers=table["badly"] + table["well"],
        badly_share=table["badly_good"] / table["badly"].where(table["badly"] > 0),
        well_share=table["well_good"] / table["well"].where(table["well"] > 0),
        p_adjusted=adjusted, unit="share", source=NEWCOMBE,
    )  # fmt: skip
    weight = table["value"].astype(float).abs() * table["customers"].astype(float)
    table = table.assign(weight=weight).sort_values(
        ["weight", "touchpoint", "channel", "sign"], ascending=[False, True, True, True]
    )
    return table.reindex(columns=COLUMNS).reset_index(drop=True)


def place_touchpoints(truths: pd.DataFrame) -> pd.DataFrame:
    """Say of each touchpoint how much it matters and how well it goes, from its weightiest sign.

    Args:
        truths: From ``measure_truths``.

    Returns:
        Columns ``touchpoint, channel, stage, sign``, ``importance`` (outcome of those for whom it
        went well less that of the others) with ``low, high``, ``performance`` (share for whom it
        went well) and ``n``. Waiting is left out where a touchpoint has another sign: a quarter is
        slow by definition, so it says nothing of how well it goes.
    """
    if truths.empty:
        columns = ["stage", "touchpoint", "channel", "sign", "importance", "low", "high",
                   "performance", "n"]  # fmt: skip
        return pd.DataFrame(columns=columns)
    rows = truths[truths["sign"] != "wait"].drop_duplicates(["touchpoint", "channel"])
    return pd.DataFrame(
        {
            "stage": rows["stage"], "touchpoint": rows["touchpoint"], "channel": rows["channel"],
            "sign": rows["sign"], "importance": rows["value"], "low": rows["low"],
            "high": rows["high"], "performance": rows["well"] / rows["customers"], "n": rows["n"],
        }
    ).reset_index(drop=True)  # fmt: skip
