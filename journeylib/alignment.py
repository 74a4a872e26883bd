"""How far journeys keep to the order of stages that was declared, and where they part from it.

Each journey, as a sequence of stages, is turned into the declared order by the cheapest edits: a
stage left out costs 1, one out of order 1, coming back to a stage half of that. Journeys that are
still open owe no stage beyond the furthest they reached. Not for
the order that customers take by themselves; see `representatives`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.engine import summarise
from journeylib.estimates import Estimate, Refusal
from journeylib.flows import walk_journeys
from journeylib.log import first_of, position_in
from journeylib.ratios import clustered_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.log import Codes, Floats, Integers, Log, Part, Partition, Truths

SKIP, INSERT, REPEAT = 1.0, 1.0, 0.5
KINDS = ("left out", "out of order", "came back", "ended before")
LEFT_OUT, OUT_OF_ORDER, CAME_BACK, ENDED_BEFORE = range(len(KINDS))
AS_DECLARED = "as declared"
LONGEST, CHUNK, FEWEST = 60, 5_000, 30
FITNESS = "mean fitness, 1 − edits / most edits, interval clustered by customer (Cochran 1977)"
DIFFERENCE = "difference of shares clustered by customer, hybrid interval (Zou and Donner 2008)"
SUMS = ["count", "left", "square", "cross", "left_square", "left_customers"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How journeys compare with the declared order.

    Attributes:
        fitness: Mean over journeys: 1 keeps to the order, 0 has nothing in common with it.
        deviations: One row per ``kind`` and ``stage``; see `align_journeys`.
    """

    fitness: Estimate | Refusal
    deviations: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Edits:
    """The cheapest edits of some sequences.

    Attributes:
        fitness: 0 to 1 for each sequence.
        deviates: Whether each sequence has a deviation: sequence × (kind × stages + stage); the
            last column tells that it has none.
    """

    fitness: Floats
    deviates: Truths


@dataclass(frozen=True, slots=True)
class Aligned:
    """Sums over customers of journeys with and without each deviation, and of fitness.

    ``sums`` is deviation × (with, without) × ``SUMS``, the outcome being what is counted;
    ``fitness`` holds journeys, Σf, and over customers Σf², Σf × journeys, Σjourneys², customers.
    """

    codes: Codes
    sums: Floats
    fitness: Floats

    def __add__(self, other: Aligned) -> Aligned:
        return Aligned(self.codes, self.sums + other.sums, self.fitness + other.fitness)


def align_journeys(log: Log, *, silence: int, confidence: float = 0.95) -> Alignment:
    """Compare every journey with the declared order of stages.

    Args:
        log: The event log.
        silence: From ``passages.find_silence``; who is silent for longer has ended the journey.
        confidence: Coverage of the intervals.

    Returns:
        The fitness, refused below 30 journeys, and the deviations, those first that concern most
        journeys and go with the largest difference in outcome: ``kind`` (``left out``, ``out of
        order``, ``came back``, ``ended before``, or ``as declared`` for none), ``stage, customers,
        journeys, share`` (of all), ``others`` (journeys without it), ``with_it, without`` (shares
        of either that held the outcome, or for retention no cancellation) and their difference
        ``value, low, high, n, unit, source``. No difference is given where there is no outcome or
        where the deviation leaves out the stage in which it lies. A difference says what goes with
        the deviation, not what follows from it.

    References:
        Levenshtein (1966), Soviet Physics Doklady 10:707-710; fitness by alignment after Adriansyah
        (2014), Aligning observed and modeled behavior, TU Eindhoven; Zou and Donner (2008), Stat.
        Med. 27:1693-1702. Journeys of more than 60 stays count by their first 60.
    """
    found = summarise(functools.partial(summarise_alignment, silence=silence), log.readable)
    if found is None or not found.fitness[0]:
        return Alignment(_too_few(0), _frame_of(None, confidence))
    return Alignment(_fitness_of(found.fitness, confidence), _frame_of(found, confidence))


def summarise_alignment(part: Part, *, silence: int) -> Aligned:
    """Align the journeys of a partition, each distinct sequence once."""
    log = part.load()
    stages = len(log.codes.stages)
    walk = walk_journeys(log, "stage", silence=silence)
    if not len(walk.state):
        return Aligned(log.codes, np.zeros((len(KINDS) * stages + 1, 2, len(SUMS))), np.zeros(6))
    starts = np.flatnonzero(first_of(walk.journey))
    rank, row = position_in(walk.journey), np.cumsum(first_of(walk.journey)) - 1
    early = rank < LONGEST
    table = np.full((len(starts), int(min(rank.max() + 1, LONGEST))), -1, dtype=np.int8)
    table[row[early], rank[early]] = walk.state[early]
    closed = walk.closed[starts] & (np.bincount(row) <= LONGEST)
    keyed = np.concatenate([table, closed[:, None]], axis=1).astype(np.int8)
    packed = np.ascontiguousarray(keyed).view([("", np.int8)] * keyed.shape[1]).ravel()
    _, index, variant = np.unique(packed, return_index=True, return_inverse=True)
    edits = align_sequences(table[index], stages, closed=closed[index])
    owner = np.cumsum(first_of(walk.customer[starts])) - 1
    good = _has_outcome(log)[walk.journey[starts]]
    return Aligned(
        log.codes, _sums_of(edits, variant.ravel(), owner, good),
        _fitness_sums(edits, variant.ravel(), owner),
    )  # fmt: skip


def _has_outcome(log: Partition) -> Floats:
    """Tell which journeys went well: the outcome came, or for retention nobody cancelled."""
    kept = log.codes.outcome == "retention" and bool(log.codes.bad)
    told = np.bincount(
        log.journey[log.is_bad if kept else log.is_good], minlength=int(log.journey[-1]) + 1
    )
    return np.asarray((told == 0) if kept else (told > 0), dtype=np.float64)


def _sums_of(edits: Edits, variant: Integers, owner: Integers, good: Floats) -> Floats:
    """Add up outcomes and journeys over customers, with and without each deviation."""
    size, found = int(owner[-1]) + 1, np.zeros((edits.deviates.shape[1], 2, len(SUMS)))
    met = edits.deviates.any(axis=0)
    found[~met, 1] = _clustered(owner, good, size)
    for at in np.flatnonzero(met):
        held = edits.deviates[variant, at]
        for side, kept in enumerate((held, ~held)):
            found[at, side] = _clustered(owner[kept], good[kept], size)
    return found


def _clustered(owner: Integers, good: Floats, size: int) -> tuple[float, ...]:
    """Give ``SUMS`` of some journeys over their customers."""
    y, x = np.bincount(owner, weights=good, minlength=size), np.bincount(owner, minlength=size)
    return tuple(map(float, (y.sum(), x.sum(), y @ y, y @ x, x @ x, (x > 0).sum())))


def _fitness_sums(edits: Edits, variant: Integers, owner: Integers) -> Floats:
    fitness = edits.fitness[variant]
    f, x = np.bincount(owner, weights=fitness), np.bincount(owner)
    return np.array([x.sum(), f.sum(), f @ f, f @ x, x @ x, len(x)], dtype=np.float64)


# ---------------------------------------------------------------- cheapest edits


def align_sequences(table: NDArray[np.int8], stages: int, *, closed: Truths) -> Edits:
    """Find the cheapest edits that turn sequences into the order of the stages, all at once.

    Args:
        table: One row per sequence: stage codes, then -1.
        stages: Number of stages; the declared order is 0, 1, 2 …
        closed: Whether each sequence has ended; an open one owes no stage beyond its furthest.
    """
    places = range(0, len(table), CHUNK)
    parts = [_align(table[at : at + CHUNK], stages, closed[at : at + CHUNK]) for at in places]
    return Edits(
        np.concatenate([part.fitness for part in parts]),
        np.concatenate([part.deviates for part in parts]),
    )


def _align(table: NDArray[np.int8], stages: int, closed: Truths) -> Edits:
    extra = _insertion_costs(table, stages)
    cost = np.zeros((table.shape[1] + 1, stages + 1, len(table)))
    cost[0] = (SKIP * np.arange(stages + 1))[:, None]
    for place in range(1, table.shape[1] + 1):
        state, used = table[:, place - 1], table[:, place - 1] >= 0
        cost[place, 0] = cost[place - 1, 0] + extra[:, place - 1]
        for stage in range(1, stages + 1):
            match = np.where(state == stage - 1, cost[place - 1, stage - 1], np.inf)
            other = np.minimum(cost[place - 1, stage] + extra[:, place - 1],
                               cost[place, stage - 1] + SKIP)  # fmt: skip
            # Places behind the end of a sequence cost nothing and change nothing.
            cost[place, stage] = np.where(used, np.minimum(match, other), cost[place - 1, stage])
    final = cost[-1]
    until = np.where(closed, stages, table.max(axis=1) + 1)
    worst = extra.sum(axis=1) + SKIP * until
    deviates = _trace_back(table, extra, cost, until)
    exact = ~deviates.any(axis=1, keepdims=True)
    fitness = 1 - final[until, np.arange(len(table))] / np.maximum(worst, 1)
    return Edits(fitness, np.concatenate([deviates, exact], axis=1))


def _insertion_costs(table: NDArray[np.int8], stages: int) -> Floats:
    """Say what it costs to take each entry out: half where the stage was there before."""
    found = np.zeros(table.shape)
    for stage in range(stages):
        own = table == stage
        found[own] = np.where(np.cumsum(own, axis=1)[own] > 1, REPEAT, INSERT)
    return found


def _trace_back(table: NDArray[np.int8], extra: Floats, cost: Floats, until: Integers) -> Truths:
    """Name the deviations on the cheapest way, from the end of each sequence to its start."""
    stages, rows = cost.shape[1] - 1, np.arange(len(table))
    found = np.zeros((len(table), len(KINDS), stages), dtype=bool)
    place, stage = (table >= 0).sum(axis=1), until.copy()
    tail = np.ones(len(table), dtype=bool)
    absent = np.array([~(table == one).any(axis=1) for one in range(stages)]).T
    while ((place > 0) | (stage > 0)).any():
        state = table[rows, np.maximum(place - 1, 0)]
        fee = extra[rows, np.maximum(place - 1, 0)]
        here = cost[place, stage, rows]
        match = (place > 0) & (stage > 0) & (state == stage - 1)
        match &= here == cost[place - 1, stage - 1, rows]
        taken = ~match & (place > 0) & (here == cost[place - 1, stage, rows] + fee)
        skipped = ~match & ~taken & (stage > 0)
        tail &= ~match
        kind = np.where(fee == REPEAT, CAME_BACK, OUT_OF_ORDER)
        found[rows[taken], kind[taken], state[taken]] = True
        # What stands elsewhere is out of order there, and not left out here as well.
        missing = np.flatnonzero(skipped & absent[rows, stage - 1])
        _leave_out(found, missing, stage[missing] - 1, tail[missing])
        place, stage = place - (match | taken), stage - (match | skipped)
    return found.reshape(len(table), -1)


def _leave_out(found: NDArray[np.bool_], rows: Integers, stage: Integers, tail: Truths) -> None:
    """Note stages that are missing; those at the end count once, named by the first of them."""
    found[rows[~tail], LEFT_OUT, stage[~tail]] = True
    found[rows[tail], ENDED_BEFORE] = False
    found[rows[tail], ENDED_BEFORE, stage[tail]] = True


# ---------------------------------------------------------------- tables


def _fitness_of(sums: Floats, confidence: float) -> Estimate | Refusal:
    journeys, total, square, cross, whole, customers = sums[:6]
    if journeys < FEWEST:
        return _too_few(int(journeys))
    mean = total / journeys
    spread = max(square - 2 * mean * cross + mean**2 * whole, 0.0)
    error = math.sqrt(customers / max(customers - 1, 1) * spread) / journeys
    half = float(stats.t.ppf((1 + confidence) / 2, max(customers - 1, 1))) * error
    ends = (float(mean), float(max(mean - half, 0)), float(min(mean + half, 1)))
    return Estimate("fitness", *ends, int(journeys), "share", FITNESS, confidence)


def _too_few(journeys: int) -> Refusal:
    reason = f"{journeys} journeys were seen in a stage; {FEWEST} are needed."
    return Refusal(reason, "more journeys with stages")


def _frame_of(found: Aligned | None, confidence: float) -> pd.DataFrame:
    columns = ["kind", "stage", "customers", "journeys", "share", "others", "with_it", "without",
               "value", "low", "high", "n", "unit", "source"]  # fmt: skip
    if found is None:
        return pd.DataFrame(columns=columns)
    met = np.flatnonzero(found.sums[:, 0, 1])
    stages = len(found.codes.stages)
    held, others = (
        clustered_shares(pd.DataFrame(found.sums[met, side], columns=SUMS), confidence=confidence)
        for side in (0, 1)
    )
    table = pd.DataFrame(
        {
            "kind": np.array([*KINDS, AS_DECLARED], dtype=object)[met // stages],
            "stage": np.array([*found.codes.stages * len(KINDS), ""], dtype=object)[met],
            "customers": found.sums[met, 0, 5].astype(np.int64),
            "journeys": found.sums[met, 0, 1].astype(np.int64),
            "share": found.sums[met, 0, 1] / found.fitness[0],
            "others": found.sums[met, 1, 1].astype(np.int64),
            "with_it": held["value"], "without": others["value"],
            "n": found.fitness[0], "unit": "share", "source": DIFFERENCE,
        }
    ).astype({"kind": "str", "stage": "str"})  # fmt: skip
    table = table.assign(**_differences(held, others))
    told = _is_told(found.codes, met // stages, met % stages)
    blank = ["with_it", "without", "value", "low", "high"]
    table = table.assign(**{name: table[name].where(told) for name in blank})
    weight = (table["value"].abs() * table["journeys"]).fillna(-1)
    weight = weight.where(table["kind"] != AS_DECLARED, np.inf)
    order = table.assign(weight=weight).sort_values(
        ["weight", "journeys", "kind", "stage"], ascending=[False, False, True, True]
    )
    return order[columns].reset_index(drop=True)


def _differences(held: pd.DataFrame, others: pd.DataFrame) -> dict[str, pd.Series]:
    """Give the difference of two shares, its ends from the ends of both."""
    value = held["value"] - others["value"]
    below = np.hypot(held["value"] - held["low"], others["high"] - others["value"])
    above = np.hypot(held["high"] - held["value"], others["value"] - others["low"])
    return {"value": value, "low": value - below, "high": value + above}


def _is_told(codes: Codes, kind: Integers, stage: Integers) -> Truths:
    """Tell where a difference means something: there is an outcome, and it is not left out too."""
    ends = codes.bad if codes.outcome == "retention" and codes.bad else codes.good
    if codes.outcome == "none" or not ends:
        return np.zeros(len(kind), dtype=bool)
    homes = np.array(sorted({codes.stage_of[touchpoint] for touchpoint in ends}))
    missing = (kind == LEFT_OUT) & np.isin(stage, homes)
    # Where the outcome is to stay, journeys end by leaving: they have none by definition.
    before = (kind == ENDED_BEFORE) & ((stage <= homes.max()) | (codes.outcome == "retention"))
    return np.asarray(~(missing | before | (kind == len(KINDS))))
