"""What if: the journey as a chain of touchpoints, edited, with the outcome that follows from it.

A scenario, never a forecast: it says what would follow if the edit came true and customers went on
as before. Not for measuring an effect; `impact` does that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.chains import Chain
from journeylib.estimates import Refusal
from journeylib.footprints import draw_weights
from journeylib.grounds import FIRST, REACHES, lay_ground
from journeylib.scenarios import GAIN, MEASURED, MOVE, check_edits, count_before_last
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.footprints import Footprints
    from journeylib.grounds import Ground
    from journeylib.log import Floats, Log, Truths
    from journeylib.memory import Memory
    from journeylib.scenarios import Edit, Scenario

__all__ = ["judge_memory", "play_scenario", "simulate_scenario"]

FEWEST_VISITS = 50
DRAWS, STAGE_DRAWS = 300, 150
FAR_OFF, UNLIKELY = 0.10, 0.01
SMALLEST_TONE, SMALLEST_SHARE = 0.005, 0.0005
CHAIN = "absorbing Markov chain (Kemeny & Snell 1960); scenario, not a forecast; customer bootstrap"
ANCHORED = "carried to the measured share by its odds"
REWEIGHED = "mean tone of touchpoints, weighed by their new visits"
LENGTH = "touchpoints_per_journey"
MONEY, MONEY_YEAR = "money_per_1000_journeys", "money_per_year"
ONWARD, FEELING = "to_next", "sentiment"


def judge_memory(memory: Memory | Refusal | None) -> Refusal | None:
    """Refuse a chain where it forgets too much.

    Args:
        memory: From ``memory.test_memory``; without one nothing is refused.
    """
    if memory is None or isinstance(memory, Refusal):
        return None
    gained = round(memory.right_before - memory.right, 9)
    if memory.p > UNLIKELY or gained < FAR_OFF:
        return None
    reason = (
        f"Where customers came from tells {gained:.0%} more of their next stage; "
        "a chain leaves that out."
    )
    return Refusal(reason, "an experiment at this touchpoint")


def simulate_scenario(
    log: Log,
    scenario: Scenario,
    *,
    silence: int,
    seed: int,
    memory: Memory | Refusal | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame | Refusal:
    """Say what a scenario would change, with the customer as the unit.

    Args:
        log: The event log; of a large one, a fixed sample of whole customers is used.
        scenario: Its edits.
        silence: From ``passages.find_silence``.
        seed: Seed of the draws.
        memory: From ``memory.test_memory``; a chain that forgets too much is refused.
        confidence: Coverage of the intervals.

    Returns:
        As `play_scenario`.

    Raises:
        DataError: An edit names a touchpoint or a move that is not in the data.
    """
    forgets = judge_memory(memory)
    if forgets is not None:
        return forgets
    named = [edit.origin for edit in scenario.edits] + [edit.goal for edit in scenario.edits]
    ground = lay_ground(log, silence=silence, kept=named)
    if isinstance(ground, Refusal):
        return ground
    return play_scenario(ground, scenario, seed=seed, confidence=confidence)


def play_scenario(
    ground: Ground,
    scenario: Scenario,
    *,
    seed: int,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> pd.DataFrame | Refusal:
    """Play one scenario through.

    Args:
        ground: From `lay_ground`.
        scenario: Its edits.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.
        draws: How many times customers, and sizes of edits, are drawn anew.

    Returns:
        Rows of the result table ``forecasts``; ``value`` is the change. ``reaches_outcome`` is the
        share of journeys that reach the outcome (a repeat purchase: of customers who bought, beside
        ``reaches_purchase`` for the first one; where the outcome is to stay: of customers who are
        still there), ``touchpoints_per_journey`` those until then. Money counts each further
        outcome once, not what may follow from it. ``to_next:<stage>`` and ``sentiment:<stage>``
        are the map's future state, anchored at what was measured; stages that stay as they are have
        no row. Journeys that are still open are taken to go on as the others did, but where the
        outcome is to stay. A refusal where an edited touchpoint was left fewer than 50 times, or
        nobody reached the outcome.

    Raises:
        DataError: An edit names a touchpoint or a move that is not in the data.
    """
    check_edits(scenario, ground.prints)
    refused = _refuse(ground, scenario)
    if refused is not None:
        return refused
    played = _play(ground, scenario, np.random.default_rng(seed), draws)
    kinds = "/".join(sorted({_kind(edit) for edit in scenario.edits}))
    head = {
        "scenario": scenario.name, "n": _fewest_customers(ground.prints, scenario),
        "source": f"{CHAIN} × {kinds} edit",
    }  # fmt: skip
    rows = _reached(played, scenario, ground)
    # Who is kept where the outcome is to stay goes nowhere: that tells nothing of stages.
    if not ground.stays or all(edit.aim == MOVE for edit in scenario.edits):
        rows += _onward(played, ground)
    rows += _felt(played, ground, np.random.default_rng(seed), confidence)
    told = [{**head, **_estimate(row, confidence)} for row in rows]
    for row, own in zip(told, rows, strict=True):
        row["source"] = "; ".join(filter(None, [str(row["source"]), str(own.get("how", ""))]))
    return complete_result("forecasts", pd.DataFrame(told))


def _kind(edit: Edit) -> str:
    known = edit.aim != GAIN or edit.kind == MEASURED
    return edit.kind if known else f"{edit.kind}, by association,"


def _refuse(ground: Ground, scenario: Scenario) -> Refusal | None:
    """Say why the data cannot carry the scenario."""
    counts = count_before_last(ground.prints)
    names = np.array(ground.prints.names, dtype=object)
    for edit in scenario.edits:
        visits = int(counts[names == edit.origin].sum())
        if visits < FEWEST_VISITS:
            reason = f"{edit.origin} was left {visits} times; {FEWEST_VISITS} are needed."
            return Refusal(reason, "more journeys, or a longer period")
    if not counts[:, np.isin(names, ground.goals)].sum():
        return Refusal("No journey reached the outcome.", "journeys that reach it")
    return None


def _fewest_customers(prints: Footprints, scenario: Scenario) -> int:
    """Count the customers behind the thinnest edited touchpoint."""
    names = np.array(prints.names, dtype=object)[prints.key // len(prints.names)]
    return min(len(np.unique(prints.customer[names == edit.origin])) for edit in scenario.edits)


@dataclass(frozen=True, slots=True)
class _Played:
    """What each draw gave; the first one is the data itself.

    Attributes:
        reached: What `Chain.reach` gives, before and after: draws × 8.
        gained: Outcomes that a journey brings more.
        onward: Share that goes on from each stage, before and after: draws × 2 × stages.
        visits: Visits to each state before, and after what changes moves: draws × 2 × states.
        names: The states.
    """

    reached: Floats
    gained: Floats
    onward: Floats
    visits: Floats
    names: tuple[str, ...]


def _play(ground: Ground, scenario: Scenario, rng: np.random.Generator, draws: int) -> _Played:
    prints = ground.prints
    people, size = prints.customers, len(prints.names)
    sums = draw_weights(len(people), draws=draws, rng=rng) @ prints.table(people)
    sizes = [edit.draw(draws, rng) for edit in scenario.edits]
    chain = Chain.of(prints, ground.goals, stays=ground.stays)
    masks = _stage_masks(ground)
    # Who is steered to the outcome skips what lies between: that tells nothing of feelings.
    pairs = [pair for pair in zip(scenario.edits, sizes, strict=True) if pair[0].aim == MOVE]
    moves, lengths = [edit for edit, _ in pairs], [drawn for _, drawn in pairs]
    reached, gained, onward, visits = [], [], [], []
    for at, own in enumerate(sums):
        before = chain.shares(own.reshape(size, size))
        after = _edit_all(chain, before, scenario.edits, [drawn[at] for drawn in sizes])
        both = (before, after)
        reached.append([*chain.reach(before), *chain.reach(after)])
        if len(chain.entries):
            gained.append(chain.lift(own.reshape(size, size), before, after))
        if at <= STAGE_DRAWS and masks:
            onward.append([[chain.onward(one, *pair) for pair in masks] for one in both])
            if not ground.tones.empty:
                moved = _edit_all(chain, before, moves, [drawn[at] for drawn in lengths])
                visits.append([chain.visits(one) for one in (before, moved)])
    found = np.array(reached)
    # Where outcomes come again, each is counted at its own visit; else there is one a journey.
    lifted = np.array(gained) if gained else _anchored(found[:, 2], found[:, 6], ground, REACHES)
    return _Played(found, lifted, np.array(onward), np.array(visits), prints.names)


def _edit_all(
    chain: Chain, shares: Floats, edits: Sequence[Edit], sizes: Sequence[float]
) -> Floats:
    for edit, size in zip(edits, sizes, strict=True):
        shares = chain.edited(shares, edit, float(size))
    return shares


def _stage_masks(ground: Ground) -> list[tuple[Truths, Truths]]:
    """Tell which states are in each stage but the last, and which in a later one."""
    order = {stage: at for at, stage in enumerate(ground.stages)}
    at = np.array([order.get(ground.stage_of.get(name, ""), -1) for name in ground.prints.names])
    at[-3:] = -1
    return [(at == place, at > place) for place in range(len(ground.stages) - 1)]


def _reached(played: _Played, scenario: Scenario, ground: Ground) -> list[dict[str, object]]:
    measures = [(REACHES, "share", 0)]
    if played.reached[0, 3] < 1 or played.reached[0, 7] < 1:
        measures.append((FIRST, "share", 3))
    if all(edit.aim == MOVE for edit in scenario.edits):
        measures.append((LENGTH, "touchpoints", 1))
    rows: list[dict[str, object]] = []
    for metric, unit, place in measures:
        before, after = played.reached[:, place], played.reached[:, place + 4]
        level = ground.observed.get(metric, float(before[0]))
        drawn = _anchored(before, after, ground, metric)
        rows.append({"metric": metric, "unit": unit, "baseline": level, "drawn": drawn})
    for metric, journeys in ((MONEY, 1000.0), (MONEY_YEAR, ground.per_year)):
        drawn = played.gained * journeys * scenario.value
        if not np.isnan(drawn[0]):
            rows.append({"metric": metric, "unit": scenario.currency, "drawn": drawn})
    return rows


def _anchored(before: Floats, after: Floats, ground: Ground, metric: str) -> Floats:
    """Give the change of a share; where the period's own is known, carried to it by its odds.

    A chain lets journeys that are still open go on, so its own level is that of a longer time.
    """
    level = ground.observed.get(metric, math.nan)
    if math.isnan(level) or not (0 < level < 1 and (before < 1).all() and (before > 0).all()):
        return after - before
    return _carried(before, after, level)


def _carried(before: Floats, after: Floats, level: float) -> Floats:
    """Carry the change of a share to another level of it, by its odds."""
    odds = _odds(level) * _odds(after) / _odds(before)
    changed: Floats = odds / (1 + odds) - level
    return changed


def _onward(played: _Played, ground: Ground) -> list[dict[str, object]]:
    """Carry the change of each stage to the share that was measured."""
    rows: list[dict[str, object]] = []
    for at, stage in enumerate(ground.stages[:-1]):
        measured = ground.to_next.get(stage, math.nan)
        if not len(played.onward) or not 0 < measured < 1:
            continue
        before, after = played.onward[:, 0, at], played.onward[:, 1, at]
        if not (0 < before[0] < 1 and 0 < after[0] < 1):
            continue
        drawn = _carried(before, after, measured)
        if abs(drawn[0]) >= SMALLEST_SHARE:
            told = {"metric": f"{ONWARD}:{stage}", "unit": "share", "baseline": measured}
            rows.append({**told, "drawn": drawn, "how": ANCHORED})
    return rows


def _odds(share: Floats | float) -> Floats:
    kept = np.clip(np.asarray(share, dtype=np.float64), 1e-9, 1 - 1e-9)
    found: Floats = kept / (1 - kept)
    return found


def _felt(
    played: _Played, ground: Ground, rng: np.random.Generator, confidence: float
) -> list[dict[str, object]]:
    """Say how stages would feel, were touchpoints to feel as now and be met as often as then."""
    if ground.tones.empty or not len(played.visits):
        return []
    rows: list[dict[str, object]] = []
    wide = 2 * float(stats.norm.ppf((1 + confidence) / 2))
    for stage, own in ground.tones.dropna(subset=["value"]).groupby("stage", sort=False):
        error = ((own["high"] - own["low"]) / wide).fillna(0.0).to_numpy(float)
        tone = own["value"].to_numpy(float)
        chance = rng.normal(size=(len(played.visits) - 1, len(own)))
        tones = tone + np.vstack([0 * tone, chance]) * error
        weight = own["n"].to_numpy(float)
        ratio = np.column_stack([_ratio(played, str(name)) for name in own["touchpoint"]])
        now = (weight * tones).sum(axis=1) / weight.sum()
        then = (weight * ratio * tones).sum(axis=1) / np.maximum((weight * ratio).sum(axis=1), 1e-9)
        if abs(then[0] - now[0]) >= SMALLEST_TONE:
            level = ground.feelings.get(str(stage), float(now[0]))
            told = {"metric": f"{FEELING}:{stage}", "unit": "sentiment", "baseline": level}
            rows.append({**told, "drawn": then - now, "how": REWEIGHED})
    return rows


def _ratio(played: _Played, name: str) -> Floats:
    """Give how much more often a touchpoint is met; one that the chain does not know stays."""
    places = [at for at, own in enumerate(played.names) if own == name]
    before, after = (played.visits[:, side][:, places].sum(axis=1) for side in (0, 1))
    found: Floats = np.divide(after, before, out=np.ones(len(before)), where=before > 0)
    return found


def _estimate(row: Mapping[str, object], confidence: float) -> dict[str, object]:
    drawn = np.asarray(row["drawn"], dtype=np.float64)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(drawn[1:], tails)
    value = float(drawn[0])
    return {
        "metric": row["metric"], "unit": row["unit"], "change": value, "value": value,
        "baseline": float(str(row.get("baseline", math.nan))),
        "low": min(float(low), value), "high": max(float(high), value),
    }  # fmt: skip
