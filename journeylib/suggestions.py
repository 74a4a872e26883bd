"""Touchpoints without a stage, and the stage that their place on the road suggests.

A touchpoint is like a stage where the same stages come before and after it, at the same part of
the journey. How far that can be trusted is measured: every touchpoint whose stage is known is taken
out in turn and placed by the same rule. A suggestion is words for the client file; nothing is
applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import decode, first_of, position_in
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.log import Codes, Integers, Log, Part, Partition

    Floats = NDArray[np.float64]

SURE = 0.8
FEWEST_EVENTS, FEWEST_KNOWN = 20, 5
PARTS_OF_ROAD = 10
SMOOTH = 0.5


@dataclass(frozen=True, slots=True)
class Contexts:
    """What stands beside each touchpoint, and where on the road it stands.

    ``beside`` has a key for touchpoint × side (0 before, 1 after) × neighbour (a touchpoint that
    has a stage, or the start or end), ``along`` for touchpoint × tenth of the journey; both count
    events. ``people`` counts customers by touchpoint.
    """

    codes: Codes
    beside: Tally
    along: Tally
    people: Tally

    def __add__(self, other: Contexts) -> Contexts:
        return Contexts(
            self.codes, self.beside + other.beside, self.along + other.along,
            self.people + other.people,
        )  # fmt: skip

    def tables(self) -> tuple[Floats, Floats]:
        """Lay the counts out: touchpoint × side × neighbour, and touchpoint × tenth."""
        size = max(1, len(self.codes.touchpoints))
        beside = np.zeros(size * 2 * (size + 1))
        beside[self.beside.key] = self.beside.sums[:, 0]
        along = np.zeros(size * PARTS_OF_ROAD)
        along[self.along.key] = self.along.sums[:, 0]
        return beside.reshape(size, 2, size + 1), along.reshape(size, PARTS_OF_ROAD)


def summarise_contexts(part: Part) -> Contexts:
    """Look at the neighbours of each event that have a stage, in one partition."""
    log = part.load()
    size = max(1, len(log.codes.touchpoints))
    before, after = _neighbours(log, size)
    at = np.arange(len(log))
    key = log.touchpoint * 2 * (size + 1)
    keys = np.concatenate([key + before, key + size + 1 + after])
    place = position_in(log.journey)
    length = np.bincount(log.journey)[log.journey] if len(at) else at
    tenth = np.minimum(place * PARTS_OF_ROAD // np.maximum(length, 1), PARTS_OF_ROAD - 1)
    return Contexts(
        log.codes,
        Tally.of(keys, np.ones(len(keys))),
        Tally.of(log.touchpoint * PARTS_OF_ROAD + tenth, np.ones(len(at))),
        _people_of(log, size),
    )


def _people_of(log: Partition, size: int) -> Tally:
    met = np.unique(log.customer * size + log.touchpoint)
    return Tally.of(met % size, np.ones(len(met)))


def _neighbours(log: Partition, size: int) -> tuple[Integers, Integers]:
    """Give the nearest other touchpoint with a stage before and after each event, else ``size``."""
    mapped = np.flatnonzero(np.array([*log.codes.stage_of, -1])[log.touchpoint] >= 0)
    fresh = first_of(log.journey[mapped]) | first_of(log.touchpoint[mapped])
    run = np.cumsum(fresh) - 1
    heads = mapped[fresh]
    # An event without a stage stands between two runs, one with a stage stands in one.
    of_event = np.searchsorted(mapped, np.arange(len(log)), side="right") - 1
    inside = np.zeros(len(log), dtype=bool)
    inside[mapped] = True
    here = np.append(run, -1)[of_event] if len(mapped) else np.full(len(log), -1)
    back, ahead = np.where(inside, here - 1, here), here + 1
    return _touchpoint_of(log, heads, back, size), _touchpoint_of(log, heads, ahead, size)


def _touchpoint_of(log: Partition, heads: Integers, run: Integers, size: int) -> Integers:
    found = np.full(len(log), size, dtype=np.int64)
    known = (run >= 0) & (run < len(heads))
    at = heads[run[known]]
    same = log.journey[at] == log.journey[known]
    found[np.flatnonzero(known)[same]] = log.touchpoint[at[same]]
    return found


def suggest_stages(log: Log) -> pd.DataFrame:
    """List the touchpoints without a stage, and suggest one where the data carries it.

    Args:
        log: The event log.

    Returns:
        One row per touchpoint without a stage, the most frequent first: ``touchpoint, customers,
        events, share`` (of all events), ``stage`` (a suggestion, or an empty text), ``sure`` (how
        often the same rule was right for touchpoints of known stage that it was at least as sure
        of, one hit and one miss added), ``known`` (how many those are) and ``rule``, the line for
        the client file. No stage is suggested below 0.8, for touchpoints of fewer than 20 events,
        or where fewer than five touchpoints have a stage.
    """
    found = summarise(summarise_contexts, log.readable)
    columns = ["touchpoint", "customers", "events", "share", "stage", "sure", "known", "rule"]
    if found is None or not found.codes.touchpoints:
        return pd.DataFrame(columns=columns)
    codes, (beside, along) = found.codes, found.tables()
    events, stage_of = along.sum(axis=1), np.array(codes.stage_of)
    asked = np.flatnonzero((stage_of < 0) & (events > 0))
    margins, right = _tried(beside, along, stage_of, len(codes.stages))
    rows = []
    for code in asked[np.argsort(-events[asked], kind="stable")]:
        row = {"touchpoint": codes.touchpoints[code], "events": int(events[code])}
        row["customers"] = int(found.people.at(np.array([code]))[0, 0])
        row |= {"share": events[code] / events.sum(), "stage": "", "rule": ""}
        if events[code] >= FEWEST_EVENTS and len(margins) >= FEWEST_KNOWN:
            best, margin = _place(code, beside, along, stage_of, len(codes.stages))
            row |= {"known": int((margins >= margin).sum()), "sure": _sure(margin, margins, right)}
            if row["sure"] >= SURE:
                name = codes.stages[best]
                row |= {"stage": name, "rule": f'{name}: ["{codes.touchpoints[code]}"]'}
        rows.append(row)
    return pd.DataFrame(rows, columns=columns)


def try_suggestions(log: Log) -> pd.DataFrame:
    """Take each touchpoint whose stage is known out in turn, and place it like one without.

    Args:
        log: The event log.

    Returns:
        One row per touchpoint: ``touchpoint, stage`` (known), ``placed`` (by the rule), ``margin``
        (how much likelier than the next stage, in log units an event) and ``right``.
    """
    found = summarise(summarise_contexts, log.readable)
    columns = ["touchpoint", "stage", "placed", "margin", "right"]
    if found is None or not found.codes.touchpoints:
        return pd.DataFrame(columns=columns)
    codes, (beside, along) = found.codes, found.tables()
    stage_of = np.array(codes.stage_of)
    known = np.flatnonzero((stage_of >= 0) & (along.sum(axis=1) >= FEWEST_EVENTS))
    placed = [_place(int(code), beside, along, stage_of, len(codes.stages)) for code in known]
    rows = {
        "touchpoint": decode(codes.touchpoints, known),
        "stage": decode(codes.stages, stage_of[known]),
        "placed": [codes.stages[best] for best, _ in placed],
        "margin": [margin for _, margin in placed],
    }
    table = pd.DataFrame(rows)
    return table.assign(right=table["stage"] == table["placed"])[columns]


def _tried(
    beside: Floats, along: Floats, stage_of: Integers, stages: int
) -> tuple[Floats, NDArray[np.bool_]]:
    known = np.flatnonzero((stage_of >= 0) & (along.sum(axis=1) >= FEWEST_EVENTS))
    placed = [_place(int(code), beside, along, stage_of, stages) for code in known]
    right = [best == stage_of[code] for code, (best, _) in zip(known, placed, strict=True)]
    return np.array([margin for _, margin in placed]), np.array(right, dtype=bool)


def _sure(margin: float, margins: Floats, right: NDArray[np.bool_]) -> float:
    """Give the share placed right among those placed at least as surely, pulled towards a half."""
    best = 0.0
    for least in [*margins[margins <= margin], margin]:
        alike = margins >= least
        best = max(best, float((right[alike].sum() + 1) / (alike.sum() + 2)))
    return best


def _place(
    code: int, beside: Floats, along: Floats, stage_of: Integers, stages: int
) -> tuple[int, float]:
    """Give the likeliest stage of a touchpoint and how much likelier it is than the next.

    The touchpoint itself says nothing: its own stage, and its part in the others' neighbourhoods,
    are left out.
    """
    others = stage_of.copy()
    others[code] = -1
    size = len(stage_of)
    label = np.append(np.where(others >= 0, others, stages + 1), stages)
    features = [along]
    for side in (0, 1):
        counts = np.stack(
            [beside[:, side, label == one].sum(axis=1) for one in range(stages + 1)], axis=1
        )
        features.append(counts)
    score = np.full(stages, -np.inf)
    for stage in range(stages):
        members = np.flatnonzero(others[:size] == stage)
        members = members[along[members].sum(axis=1) >= FEWEST_EVENTS]
        if len(members):
            score[stage] = sum(_likeness(table, code, members) for table in features)
    best = int(score.argmax())
    second = np.partition(score, -2)[-2] if stages > 1 else -np.inf
    return best, float(score[best] - second) if np.isfinite(second) else 0.0


def _likeness(table: Floats, code: int, members: Integers) -> float:
    """Give the mean log-likelihood of one touchpoint's counts under those of a stage.

    Each touchpoint of the stage counts the same, however frequent it is.
    """
    rows = table[members] + SMOOTH
    model = (rows / rows.sum(axis=1, keepdims=True)).mean(axis=0)
    own = table[code]
    return float((own * np.log(model)).sum() / max(own.sum(), 1.0))
