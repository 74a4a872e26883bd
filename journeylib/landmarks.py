"""Customers at their landmarks: what had been, what they met next, and how it ended for them.

Brings the passes of `encounters` into one table that `association` and `money` ask. One row per
customer and landmark; customers are codes. Not for estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.encounters import (
    AFTER,
    BEFORE,
    FAR,
    GROUPS,
    LOSS,
    Draw,
    summarise_affected,
    summarise_encounters,
)
from journeylib.engine import summarise
from journeylib.exposures import summarise_exposures, summarise_reach
from journeylib.histories import LEVELS, NUMBERS
from journeylib.log import DAY, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from journeylib.encounters import Affected, Encounters
    from journeylib.log import Codes, Floats, Integers, Log, Truths

STATION_SHARE, COMMON_STATE = 0.5, 0.05
MOST_CUSTOMERS, MOST_ROWS, ENOUGH_MET = 40_000, 150_000, 3_000
SHORTEST_WAIT, LONGEST_WAIT = 1 / 24, 60
FEWEST_LISTED = 10
PHASES = ("before", "after")
EVERY_CHANNEL, THIN = "all", 100
CELL_COLUMNS = [
    "touchpoint", "channel", "stage", "kind", "phase", "way", "affected", "affected_per_year",
    "wait_days",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Landmarked:
    """What the questions of association and money need of a log.

    Attributes:
        rows: One row per landmark: ``customer`` (code), ``owner`` (the same from 0), ``episode``,
            ``place``, ``phase``, ``group``, ``outcome`` (1 good, 0 not), ``persona``, the
            covariates, and where there is money ``spent_0`` to ``spent_11``.
        exposures: One row per trouble that may be met: names, ``kind``, ``phase``, ``affected``
            (times in the period that a customer met it first), ``affected_per_year``, and ``way``:
            a *station* is passed by at least half of those who come to where it follows, so it can
            only be compared with itself in other channels; an *incident* with having been spared.
        exposed: Rows × exposures: whether the landmark's customer met it then.
        eligible: Rows × exposures: whether they could have, and so can be compared.
        numbers: Covariates taken as numbers.
        levels: Covariates taken as codes.
        mix: Covariates that tell the channel; they are part of what a loss before the purchase is
            judged by, and so are not adjusted for there.
        outcome: ``repeat_purchase``, ``retention``, ``conversion`` or ``none``.
        days: Days for which the outcome is followed.
        drawn: What was drawn from how many customers, as a sentence; empty where all were taken.
        reason: Why there is no row, or empty.
    """

    rows: pd.DataFrame
    exposures: pd.DataFrame
    exposed: NDArray[np.bool_]
    eligible: NDArray[np.bool_]
    numbers: tuple[str, ...] = NUMBERS
    levels: tuple[str, ...] = LEVELS[:1]
    mix: tuple[str, ...] = ()
    outcome: str = "none"
    days: float = 0.0
    drawn: str = ""
    reason: str = ""


def follow_exposures(
    log: Log,
    voices: pd.DataFrame,
    assignments: pd.DataFrame | None = None,
    *,
    exclude: Sequence[str] = (),
) -> Landmarked:
    """Follow customers from every event on: what they met next, and how it ended.

    Args:
        log: The event log; its codes say which outcome is followed for how long.
        voices: What customers said: ``customer, timestamp, touchpoint, channel, sentiment``; may be
            empty.
        assignments: ``customer`` and ``persona``, for those who have one.
        exclude: Touchpoints that are left out.

    Returns:
        The rows; none, with the reason, where no outcome is followed or nobody can be.

        A *loss* is to meet a touchpoint in a channel for the first time; *repeat* to come back for
        the same within a week; *sentiment* to speak badly of it (below the middle of the scale);
        *delay* to wait as long as the slowest quarter. After a purchase a new episode begins, in
        which all can be met for the first time again.

        Personas are carried along and not adjusted for: they were found in a time that reaches
        beyond most landmarks, and so know something of the outcome. What they are made of is
        adjusted for instead, as it stood at the landmark.
    """
    codes = log.codes
    if codes.outcome == "none" or codes.follow <= 0 or not codes.touchpoints:
        return _nothing(codes, "the client file names no outcome that the data holds")
    reach = summarise(summarise_reach, log.readable)
    stations = reach.stations if reach is not None else ()
    slow = _slow_from(log, stations)
    affected = summarise(partial(summarise_affected, stations=stations, slow=slow), log.readable)
    said, places = _said(voices, codes)
    if affected is None:
        return _nothing(codes, "no source holds dated events")
    draw = _draw(affected, len(log), stations, slow, said)
    found = summarise(partial(summarise_encounters, draw=draw), log.readable)
    if found is None or found.rows.empty:
        days = codes.follow / DAY
        return _nothing(codes, f"nobody is on record for the {days:.0f} days of the follow-up")
    exposures = _list_exposures(codes, affected, slow, places, said)
    exposures = exposures[~exposures["touchpoint"].isin(list(exclude))].reset_index(drop=True)
    return _assemble(log, found, exposures, assignments, _drawn(draw, affected, found))


def _nothing(codes: Codes, reason: str) -> Landmarked:
    none = np.zeros((0, 0), dtype=np.bool_)
    columns = ["customer", "owner", "episode", "place", "phase", "group", "outcome", "persona"]
    rows, exposures = pd.DataFrame(columns=columns), pd.DataFrame(columns=CELL_COLUMNS)
    return Landmarked(rows, exposures, none, none, outcome=codes.outcome, reason=reason)


def _slow_from(log: Log, stations: tuple[int, ...]) -> Floats:
    """Give the days from which a wait for each cell is among the slowest quarter."""
    codes = log.codes
    channels = max(1, len(codes.channels))
    slow = np.full(max(1, len(codes.touchpoints)) * channels, np.nan)
    summary = summarise(partial(summarise_exposures, stations=stations), log.readable)
    if summary is None:
        return slow
    cells = summary.frame()
    waited = cells["wait_days"].between(SHORTEST_WAIT, LONGEST_WAIT)
    waited &= (cells["timing"] == "post_purchase") & ~cells["outcome"].astype(bool)
    for row in cells[waited].itertuples():
        touchpoint = codes.touchpoints.index(str(row.touchpoint))
        slow[touchpoint * channels + codes.channels.index(str(row.channel))] = row.wait_days
    return slow


def _said(voices: pd.DataFrame, codes: Codes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Number the places that customers spoke of, and say who spoke when, and whether badly."""
    columns = ["customer", "timestamp", "touchpoint", "channel", "sentiment"]
    told = voices.reindex(columns=columns)
    told = told.dropna(subset=["customer", "timestamp", "touchpoint", "sentiment"])
    names = told[["touchpoint", "channel"]].fillna("").astype("str")
    cell, places = pd.factorize(pd.MultiIndex.from_frame(names), sort=True)
    time = pd.to_datetime(told["timestamp"], utc=True).dt.as_unit("us").astype("int64")
    said = pd.DataFrame(
        {
            "customer": told["customer"].astype("int64"),
            "time": time,
            "cell": cell,
            "low": (told["sentiment"].astype(float) < 0).astype("int64"),
        }
    )
    said = said[(said["time"] >= codes.start) & (said["time"] < codes.end)]
    listed = places.to_frame(index=False) if len(places) else names[:0]
    listed.columns = pd.Index(["touchpoint", "channel"])
    return said.sort_values(["customer", "time"], kind="stable", ignore_index=True), listed


def _draw(
    affected: Affected, events: int, stations: tuple[int, ...], slow: Floats, said: pd.DataFrame
) -> Draw:
    """Take everybody where that is possible, else some, and all who met what is rare."""
    share = min(1.0, MOST_CUSTOMERS / max(affected.customers, 1))
    by_cell = np.full(2 * len(slow), share)
    by_cell[affected.met.key] = np.minimum(1.0, ENOUGH_MET / affected.met.sums[:, 0])
    by_cell = np.where(share < 1, np.maximum(by_cell, share), 1.0)
    rows = min(1.0, MOST_ROWS / max(events * share, 1))
    return Draw(share, by_cell, rows, stations, slow, said)


def _drawn(draw: Draw, affected: Affected, found: Encounters) -> str:
    if draw.share >= 1:
        return ""
    taken = found.rows["customer"].nunique()
    return (
        f"{taken:,} of {affected.customers:,} customers were drawn for the models, with all who "
        "met what is rare; everybody is counted among those affected."
    )


def _list_exposures(
    codes: Codes, affected: Affected, slow: Floats, places: pd.DataFrame, said: pd.DataFrame
) -> pd.DataFrame:
    """List what can be met, with how often it was; what hardly anybody met is passed over."""
    size = len(slow)
    parts = []
    for kind, tally in (("loss", affected.met), ("repeat", affected.again),
                        ("delay", affected.slow)):  # fmt: skip
        key, counts = tally.key, tally.sums[:, 0]
        known = counts >= FEWEST_LISTED
        if kind == "repeat":
            timing = np.array(codes.timing, dtype=object)[_touchpoint(codes, key % size)]
            known &= timing != "pre_purchase"
        parts.append(_named(codes, key[known], counts[known], kind, slow))
    low = said[said["low"] == 1].drop_duplicates(["customer", "cell"])
    counts = np.bincount(low["cell"], minlength=len(places)).astype(float)
    stage_of = dict(zip(codes.touchpoints, codes.stage_of, strict=True))
    stages = np.array([stage_of.get(name, -1) for name in places["touchpoint"]], dtype=np.int64)
    stage = decode([*codes.stages, "unmapped"], stages)
    spoken = places.assign(stage=stage, kind="sentiment", affected=counts, cell=range(len(places)))
    parts += [spoken[counts >= FEWEST_LISTED].assign(phase=phase) for phase in (BEFORE, AFTER)]
    table = pd.concat(parts, ignore_index=True)
    years = (codes.end - codes.start) / (365.25 * DAY)
    table["affected_per_year"] = table["affected"].astype(float) / years
    return table.reindex(columns=[*CELL_COLUMNS, "cell"])


def _touchpoint(codes: Codes, cell: Integers) -> Integers:
    return cell // max(1, len(codes.channels))


def _named(
    codes: Codes, key: Integers, counts: Floats, kind: str, slow: Floats
) -> pd.DataFrame:  # fmt: skip
    cell = key % len(slow)
    touchpoint = _touchpoint(codes, cell)
    stage = np.array(codes.stage_of, dtype=np.int64)[touchpoint]
    return pd.DataFrame(
        {
            "touchpoint": decode(codes.touchpoints, touchpoint),
            "channel": decode(codes.channels, cell % max(1, len(codes.channels))),
            "stage": decode([*codes.stages, "unmapped"], stage),
            "kind": kind,
            "phase": key // len(slow),
            "affected": counts,
            "wait_days": slow[cell] if kind == "delay" else np.nan,
            "cell": cell,
        }
    )


def _assemble(
    log: Log, found: Encounters, exposures: pd.DataFrame, assignments: pd.DataFrame | None,
    drawn: str,
) -> Landmarked:  # fmt: skip
    codes, rows = log.codes, found.rows
    rows["owner"] = pd.factorize(rows["customer"], sort=True)[0]
    rows["persona"] = _personas(rows["customer"], assignments)
    exposed = np.zeros((len(rows), len(exposures)), dtype=np.bool_)
    eligible = exposed.copy()
    first = _First.of(found)
    for number, one in enumerate(exposures.to_dict("records")):
        named = {str(name): value for name, value in one.items()}
        exposed[:, number], eligible[:, number] = _who(rows, first, named)
    exposures = _share_said(exposures, exposed)
    exposures["way"] = _ways(rows, exposures, exposed, eligible)
    exposures, exposed, eligible = _join_channels(exposures, exposed, eligible)
    met = np.flatnonzero(exposed.any(axis=0))
    kept = exposures.iloc[met].reset_index(drop=True)
    kept["phase"] = [PHASES[int(phase)] for phase in kept["phase"]]
    shares = [str(name) for name in rows.columns if str(name).startswith("share:")]
    return Landmarked(
        rows, kept.drop(columns="cell"), exposed[:, met], eligible[:, met],
        mix=("channel", *shares[1:]), outcome=codes.outcome, days=codes.follow / DAY, drawn=drawn,
    )  # fmt: skip


def _ways(
    rows: pd.DataFrame, exposures: pd.DataFrame, exposed: Truths, eligible: Truths
) -> list[str]:
    """Tell stations from incidents, and compare stations with themselves in other channels."""
    ways = ["incident"] * len(exposures)
    loss = exposures[exposures["kind"] == "loss"]
    code = rows["touchpoint"].to_numpy()
    run = rows.groupby(["customer", "episode"], sort=False).ngroup().to_numpy()
    fresh = (rows["group"].to_numpy() == LOSS) & (rows["cell"].to_numpy() >= 0)
    for (_, phase), own in loss.groupby(["touchpoint", "phase"], sort=False):
        met = exposed[:, own.index].any(axis=1)
        if not met.any():
            continue
        here, counts = np.unique(code[met], return_counts=True)
        leading = np.isin(code, here[counts >= COMMON_STATE * met.sum()])
        leading &= (rows["phase"].to_numpy() == phase) & (rows["group"].to_numpy() == LOSS)
        passed = len(np.unique(run[met])) / max(len(np.unique(run[leading | met])), 1)
        if passed >= STATION_SHARE:
            same = fresh & met
            for number in own.index:
                ways[number], eligible[:, number] = "station", same
    return ways


def _join_channels(
    exposures: pd.DataFrame, exposed: Truths, eligible: Truths
) -> tuple[pd.DataFrame, Truths, Truths]:
    """Add incidents over all channels where single ones may be too thin to tell."""
    loss = exposures[(exposures["kind"] == "loss") & (exposures["way"] == "incident")]
    rows: list[dict[str, object]] = []
    met, could = [exposed], [eligible]
    for _, own in loss.groupby(["touchpoint", "phase"], sort=False):
        counts = exposed[:, own.index].sum(axis=0)
        if len(own) > 1 and counts.min() < THIN:
            both = own[["affected", "affected_per_year"]].sum()
            first = {str(name): value for name, value in own.iloc[0].items()}
            sums = {str(name): value for name, value in both.items()}
            rows.append({**first, **sums, "channel": EVERY_CHANNEL})
            met.append(np.asarray(exposed[:, own.index].any(axis=1, keepdims=True)))
            every = np.all(eligible[:, own.index], axis=1, keepdims=True)
            could.append(np.asarray(every | met[-1], dtype=np.bool_))
    joined = pd.concat([exposures, pd.DataFrame(rows)], ignore_index=True) if rows else exposures
    return joined, np.concatenate(met, axis=1), np.concatenate(could, axis=1)


def _share_said(exposures: pd.DataFrame, exposed: Truths) -> pd.DataFrame:
    """Part those who spoke badly of a place by whether they spoke before a purchase or after it."""
    count = pd.Series(exposed.sum(axis=0), index=exposures.index).astype(float)
    said = exposures["kind"] == "sentiment"
    both = count.groupby([exposures["kind"], exposures["cell"]]).transform("sum")
    share = (count / both.where(both > 0)).fillna(0).where(said, 1.0)
    columns = ["affected", "affected_per_year"]
    return exposures.assign(**{name: exposures[name].astype(float) * share for name in columns})


def _personas(customers: pd.Series, assignments: pd.DataFrame | None) -> pd.Series:
    if assignments is None or assignments.empty:
        return pd.Series("", index=customers.index, dtype="str")
    named = assignments.drop_duplicates("customer").set_index("customer")["persona"]
    return customers.map(named).astype("str").fillna("")


@dataclass(frozen=True, slots=True)
class _First:
    """Numbers of the rows' episodes, and where in each a cell was first met."""

    of_row: Integers
    of_visit: Integers
    cell: Integers
    place: Integers
    size: int

    @classmethod
    def of(cls, found: Encounters) -> _First:
        rows, first = found.rows, found.first
        most = 1 + max(int(rows["episode"].max()), int(first["episode"].max()) if len(first) else 0)
        own = (rows["customer"] * most + rows["episode"]).to_numpy()
        visit = (first["customer"] * most + first["episode"]).to_numpy()
        names, numbers = np.unique(np.concatenate([own, visit]), return_inverse=True)
        place = first["first"].to_numpy()
        return cls(numbers[: len(own)], numbers[len(own) :], first["cell"].to_numpy(), place,
                   len(names))  # fmt: skip

    def later(self, cell: int, place: Integers) -> Truths:
        """Tell which rows stand before the first visit of their episode to a cell."""
        at = np.full(self.size, FAR, dtype=np.int64)
        own = self.cell == cell
        at[self.of_visit[own]] = self.place[own]
        return np.asarray(at[self.of_row] > place, dtype=np.bool_)


def _who(rows: pd.DataFrame, first: _First, one: dict[str, object]) -> tuple[Truths, Truths]:
    """Tell which rows met one exposure, and which could have."""
    cell, group = int(str(one["cell"])), rows["group"].to_numpy()
    here = (rows["cell"] == cell).to_numpy()
    own = (rows["phase"].to_numpy() == one["phase"]) & (group == GROUPS[str(one["kind"])])
    if one["kind"] == "loss":
        return own & here, own & first.later(cell, rows["place"].to_numpy())
    return own & here & (rows["marked"] == 1).to_numpy(), own & here
