"""Scenarios of a client's file, or those offered, played through from its workspace.

Not for the chain behind them (`simulate`), nor for measuring what a change did (`impact`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.emotion import mean_feelings, place_voices
from journeylib.errors import JourneyError
from journeylib.estimates import Refusal
from journeylib.flows import END
from journeylib.footprints import sample_share
from journeylib.grounds import YEAR, lay_ground
from journeylib.labels import clean_label, estimate_text, share_text
from journeylib.memory import test_memory
from journeylib.money_prose import trouble_text
from journeylib.passages import find_silence
from journeylib.scenarios import FIXED, GAIN, MEASURED, Edit, Scenario
from journeylib.simulate import judge_memory, play_scenario
from journeylib.tables import complete_result, is_everyone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from journeylib.grounds import Ground
    from journeylib.memory import Memory
    from journeylib.revisiting import Revisited
    from journeylib.whatifs import Change, WhatIf
    from journeylib.workspace import Workspace

MOST_PAINS, UNSURE = 3, 0.05
SPARED = (0.25, 0.5, 0.75)
GRADES = ("A", "B", "C")
EVERYWHERE = "all"
NO_SHARES = ("csat", "nps", "ces")
COLUMNS = ["scenario", "touchpoint", "assumed", "size", "basis"]
REFUSED = ["scenario", "reason", "needed"]


@dataclass(frozen=True, slots=True)
class Imagined:
    """What was imagined, and what would follow.

    Attributes:
        forecasts: The result table ``forecasts``.
        assumed: What each scenario takes for granted: ``scenario, touchpoint, assumed, size,
            basis`` (measured, guessed, by association, taken as certain).
        refused: Scenarios that the data cannot carry: ``scenario, reason, needed``.
        offered: Whether the kit offered them, because the client file names none.
        forgets: What a chain leaves out of this client's journeys, or empty.
    """

    forecasts: pd.DataFrame
    assumed: pd.DataFrame
    refused: pd.DataFrame
    offered: bool
    forgets: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the edits of scenarios are made from."""

    ground: Ground
    pains: pd.DataFrame
    impacts: pd.DataFrame
    share: float
    years: float
    directions: Mapping[str, str]
    confidence: float

    def met(self, pain: pd.Series) -> float:
        """Give the part of those who come to a touchpoint, outcome by outcome, who meet it."""
        prints = self.ground.prints
        place = prints.key // len(prints.names)
        own = np.array(prints.names, dtype=object)[place] == pain["touchpoint"]
        people = prints.customer[own] * len(prints.names) + place[own]
        yearly = len(np.unique(people)) / self.share / self.years
        troubled = float(pain.get("affected_per_year", math.nan))
        if math.isnan(troubled):
            yearly = len(np.unique(prints.customer[own])) / self.share
            troubled = float(pain["customers"])
        return min(troubled / max(yearly, 1.0), 1.0)


def imagine_futures(work: Workspace, impacts: pd.DataFrame) -> Imagined:
    """Play the scenarios of the client file, or the one for its leading pain points.

    Args:
        work: The workspace, after notebook 04.
        impacts: The result table ``impacts``, for scenarios that rest on a measured effect.

    Returns:
        What would follow from each, small groups withheld. A scenario that the data cannot carry,
        or that names what the data does not have, is refused with the reason; the others go on.
    """
    log, params = work.log, work.params
    named = [change for one in params.scenarios for change in one.changes]
    kept = [name for one in named for name in (one.touchpoint, one.to, one.instead) if name]
    silence = find_silence(log, declared=work.settings["inactive_days"])
    pains = _leading(work)
    ground = lay_ground(log, silence=silence, kept=[*kept, *pains["touchpoint"].astype(str)])
    if isinstance(ground, Refusal):
        return _nothing(ground, offered=not params.scenarios)
    memory = test_memory(log, silence=silence, seed=params.seed)
    refused = judge_memory(memory)
    if refused is not None:
        return _nothing(refused, offered=not params.scenarios)
    directions = {one.name: one.direction for one in params.interventions}
    years = (log.codes.end - log.codes.start) / YEAR
    known = _Known(_measured_ground(work, ground), pains, impacts, sample_share(log), years,
                   directions, params.confidence)  # fmt: skip
    asked = [(one.name, _edits_of(known, one)) for one in params.scenarios]
    played = _play_all(work, known, asked or _offer(known), offered=not asked)
    return replace(played, forgets=_forgotten(memory))


def _forgotten(memory: Memory | Refusal) -> str:
    """Say what a chain leaves out, where it clearly matters where customers came from."""
    if isinstance(memory, Refusal) or not memory.p <= UNSURE:
        return ""
    more = share_text(memory.right_before - memory.right)
    return (
        f"Where customers came from tells {more} more of their next stage; scenarios look past it."
    )


def note_futures(imagined: Imagined, revisited: Revisited) -> list[tuple[str, str, str, str]]:
    """Say what scenarios, credit and the comparison with an earlier period take for granted.

    Args:
        imagined: From `imagine_futures`.
        revisited: From ``revisiting.compare_with_earlier``.

    Returns:
        Rows for ``steps.assume``: ``assumption, statement, status, consequence``.
    """
    rows = []
    if len(imagined.forecasts):
        text = "In a scenario, customers go on from a touchpoint as others did from there."
        rows.append(("scenarios", text, "pass", "A scenario is no forecast: it says what if."))
    if imagined.offered and len(imagined.forecasts):
        text = "No scenario is named: that half of those who meet a pain can be spared is a guess."
        rows.append(("scenario_guess", text, "warn", "Name what is planned under scenarios."))
    if imagined.forgets:
        rows.append(("memory", imagined.forgets, "warn", "What-if figures are approximate."))
    told = revisited.notes.astype(str).itertuples(index=False)
    return [*rows, *((row[0], row[1], row[2], row[3]) for row in told)]


def _play_all(
    work: Workspace, known: _Known, asked: list[tuple[str, Any]], *, offered: bool
) -> Imagined:
    worth = _worth(work)
    played, assumed, refused = [], [], []
    for name, edits in asked:
        scenario = replace(worth, name=name, edits=() if isinstance(edits, Refusal) else edits)
        found = edits if isinstance(edits, Refusal) else _play(work, known.ground, scenario)
        if isinstance(found, Refusal):
            refused.append((name, found.reason, found.needed))
            continue
        played.append(found)
        assumed += [_told(name, edit) for edit in scenario.edits]
    forecasts = pd.concat(played, ignore_index=True) if played else pd.DataFrame()
    return Imagined(
        work.protect("forecasts", complete_result("forecasts", forecasts)),
        pd.DataFrame(assumed, columns=COLUMNS),
        pd.DataFrame(refused, columns=REFUSED),
        offered,
    )


def _play(work: Workspace, ground: Ground, scenario: Scenario) -> pd.DataFrame | Refusal:
    """Play one scenario; one that names what is not there is refused in the error's words."""
    params = work.params
    try:
        return play_scenario(ground, scenario, seed=params.seed, confidence=params.confidence)
    except JourneyError as wrong:
        messages = " ".join(problem.message for problem in wrong.problems)
        fixes = " ".join(problem.fix for problem in wrong.problems if problem.fix)
        return Refusal(messages or wrong.what, (fixes or "another change").rstrip("."))


def _nothing(refusal: Refusal, *, offered: bool) -> Imagined:
    row = (EVERYWHERE, refusal.reason, refusal.needed)
    return Imagined(
        complete_result("forecasts", pd.DataFrame()), pd.DataFrame(columns=COLUMNS),
        pd.DataFrame([row], columns=REFUSED), offered,
    )  # fmt: skip


def _measured_ground(work: Workspace, ground: Ground) -> Ground:
    """Add what was measured of stages, where the map's future state is anchored."""
    stages, felt = work.read("stages"), work.recall("feelings")
    voices = work.recall("voices")
    own = stages[stages["persona"] == EVERYWHERE].dropna(subset=["to_next"])
    tones = pd.DataFrame()
    if len(voices):
        staged = place_voices(voices, work.recall("placed"))
        tones = mean_feelings(staged, ["stage", "touchpoint"], confidence=work.params.confidence)
    whole = felt[felt["persona"] == EVERYWHERE].dropna(subset=["value"]) if len(felt) else felt
    feelings = dict(zip(whole["stage"], whole["value"], strict=True)) if len(whole) else {}
    to_next = dict(zip(own["stage"].astype(str), own["to_next"].astype(float), strict=True))
    return replace(ground, to_next=to_next, tones=tones, feelings=feelings)


def _worth(work: Workspace) -> Scenario:
    """Say what an outcome is worth: as declared, as pains were priced, or as an order brings."""
    outcome, currency = work.params.outcome, work.params.currency or ""
    if outcome.value_per_customer != "auto":
        return Scenario("", (), float(outcome.value_per_customer), currency)
    pains = work.read("pains")
    if {"lost_per_year", "money_value"} <= set(pains):
        each = pains["money_value"].astype(float) / pains["lost_per_year"].astype(float)
        each = each[np.isfinite(each) & (each > 0)]
        if len(each):
            return Scenario("", (), float(each.iloc[0]), currency)
    metrics = work.read("metrics")
    order = metrics[(metrics["metric"] == "average_order_value") & (metrics["segment"] == "all")]
    if len(order) and work.log.codes.outcome != "retention":
        value = float(order["value"].iloc[0]) * outcome.margin
        return Scenario("", (), value, currency)
    return Scenario("", (), math.nan, currency)


# ---------------------------------------------------------------- edits


def _edits_of(known: _Known, scenario: WhatIf) -> tuple[Edit, ...] | Refusal:
    edits: list[Edit] = []
    for change in scenario.changes:
        found = _edit_of(known, change)
        if isinstance(found, Refusal):
            return found
        edits += found
    return tuple(edits)


def _edit_of(known: _Known, change: Change) -> list[Edit] | Refusal:
    if change.delay:
        return _shorter_wait(known, change)
    if change.measured is not None:
        return _measured_edit(known, change)
    sizes = (change.factor, change.low, change.high)
    if change.reduce_by is not None:
        sizes = (1 - change.reduce_by, _rest(change.high), _rest(change.low))
    factor, low, high = (math.nan if size is None else float(size) for size in sizes)
    edit = Edit(change.touchpoint, END, factor, low, high, instead=change.instead or "")
    return [replace(edit, goal=goal) for goal in _goals_of(known, change)]


def _rest(part: float | None) -> float | None:
    return None if part is None else 1 - part


def _goals_of(known: _Known, change: Change) -> tuple[str, ...]:
    """Name where a change leads: the next touchpoint, or where journeys are lost."""
    if change.to is not None:
        return (change.to,)
    if not known.ground.stays:
        return (END,)
    seen = _moves_from(known.ground, change.touchpoint)
    return tuple(goal for goal in known.ground.goals if goal in seen) or known.ground.goals[:1]


def _moves_from(ground: Ground, touchpoint: str) -> set[str]:
    names, size = np.array(ground.prints.names, dtype=object), len(ground.prints.names)
    own = names[ground.prints.key // size] == touchpoint
    return set(names[ground.prints.key[own] % size])


def _measured_edit(known: _Known, change: Change) -> list[Edit] | Refusal:
    """Carry what an intervention was measured to do onto a move, or onto the chance from there."""
    name = str(change.measured)
    impacts = known.impacts
    rows = impacts[(impacts["intervention"] == name) & (impacts["segment"] == EVERYWHERE)]
    row: Any = rows.iloc[0].to_dict() if len(rows) else {}
    if not row or row["verdict"] == "not interpretable" or pd.isna(row["value"]):
        return Refusal(f"{name} was not measured well enough to be carried on.", "a design that "
                       "passes its checks")  # fmt: skip
    if row["evidence"] == "D":
        return Refusal(f"{name} was compared before and after only: that is no effect.",
                       "a randomised test, or untreated units beside the treated ones")  # fmt: skip
    if row["unit"] != "share" or str(row["metric"]).lower() in NO_SHARES:
        reason = f"{name} was measured on {row['metric']}, which is no share of who goes on."
        return Refusal(reason, "an effect on the outcome, or on who goes on")
    if change.to is None:
        # What was measured is a difference in points; in which way it is good, the file says.
        sign = -1.0 if known.directions.get(name) == "down" else 1.0
        low, per, high = sorted(sign * float(row[end]) for end in ("low", "value", "high"))
        gain = Edit(change.touchpoint, END, 1.0, 1.0, 1.0, measured=True, aim=GAIN)
        return [replace(gain, per=per, per_low=low, per_high=high, confidence=known.confidence)]
    if pd.isna(row["relative"]) or not row["relative"] or row["value"] == 0:
        return Refusal(f"Of {name} the level without it is not known.", "both arms' levels")
    without = float(row["value"]) / float(row["relative"])
    factor, low, high = (1 + float(row[end]) / without for end in ("value", "low", "high"))
    edit = Edit(change.touchpoint, change.to, factor, max(low, 0.0), high, measured=True,
                instead=change.instead or "", confidence=known.confidence)  # fmt: skip
    return [edit]


def _shorter_wait(known: _Known, change: Change) -> list[Edit] | Refusal:
    pains = known.pains
    own = pains[(pains["touchpoint"] == change.touchpoint) & (pains["kind"] == "delay")]
    if own.empty:
        reason = f"How a long wait at {change.touchpoint} goes with the outcome is not known."
        needed = "a delay there among the pain points that clearly goes with a worse outcome"
        return Refusal(reason, needed)
    edit = _sparing(known, own.iloc[0])
    nan = math.nan
    low, high = (nan if end is None else float(end) for end in (change.low, change.high))
    return [replace(edit, factor=float(change.reduce_by or 0.0), low=low, high=high)]


def _leading(work: Workspace) -> pd.DataFrame:
    """List the pain points that clearly go with a worse outcome, the largest first.

    Each comes with the ends of that difference, where they were kept.
    """
    pains = work.read("pains")
    if "verdict" not in pains:
        return pains.head(0)
    clear = (pains["verdict"] == "worse") & pains["evidence"].isin(GRADES)
    clear &= is_everyone(pains) & (pd.to_numeric(pains["effect"], errors="coerce") < 0)
    own = pains[clear].drop(columns=["low", "high"])
    associated = work.recall("associated")
    place = ["touchpoint", "channel", "kind", "effect"]
    if associated.empty:
        return own.assign(low=np.nan, high=np.nan)
    ends = associated.assign(effect=associated["value"])[[*place, "low", "high"]]
    return own.merge(ends.drop_duplicates(place), on=place, how="left")


def _sparing(known: _Known, pain: pd.Series) -> Edit:
    """Spare half of those who meet a pain, as far as its association carries."""
    touchpoint = str(pain["touchpoint"])
    met = known.met(pain)
    per, low, high = (-met * float(pain[end]) for end in ("effect", "high", "low"))
    return Edit(touchpoint, END, SPARED[1], SPARED[0], SPARED[2], aim=GAIN, per=per, per_low=low,
                per_high=high)  # fmt: skip


def _offer(known: _Known) -> list[tuple[str, Any]]:
    """Offer to spare half of those who meet the three leading pain points."""
    pains = known.pains.dropna(subset=["customers"]).drop_duplicates("touchpoint")
    if pains.empty:
        reason = "No pain point clearly goes along with a worse outcome."
        return [("Half of the pain spared", Refusal(reason, "`scenarios` in the client file"))]
    first = [row for _, row in pains.head(MOST_PAINS).iterrows()]
    edits = [_sparing(known, row) for row in first]
    alone = [(_name_of(row), (edit,)) for row, edit in zip(first, edits, strict=True)]
    if len(alone) == 1:
        return alone
    words = {2: "two", 3: "three"}[len(edits)]
    return [(f"Half spared of the {words} leading pains", tuple(edits)), *alone]


def _name_of(pain: pd.Series) -> str:
    return f"Half spared: {trouble_text(pain)}"


def _told(scenario: str, edit: Edit) -> tuple[str, str, str, str, str]:
    """Say in words what an edit takes for granted."""
    touchpoint, is_measured = clean_label(edit.origin), edit.kind == MEASURED
    basis = {MEASURED: "measured", FIXED: "taken as certain"}.get(edit.kind, "a guess")
    if edit.aim == GAIN and is_measured:
        size = estimate_text(edit.per, edit.per_low, edit.per_high, "share", difference=True)
        return scenario, touchpoint, "chance of the outcome from here", size, basis
    ends = [100 * end for end in (edit.low, edit.high) if not math.isnan(end)]
    if edit.aim == GAIN:
        size = f"{share_text(edit.factor)} spared"
        size += f" ({ends[0]:.0f} to {ends[1]:.0f} %)" if ends else ""
        basis += "; its worth by association"
        return scenario, touchpoint, "customers who meet the trouble here", size, basis
    goal = "the end of the journey" if edit.goal == END else clean_label(edit.goal)
    changes = [end / 100 - 1 for end in (100 * edit.factor, *ends)] + [math.nan] * (2 - len(ends))
    size = estimate_text(changes[0], changes[1], changes[2], "share", difference=True)
    what = f"share of visits that lead to {goal}"
    return scenario, touchpoint, what, size.replace(" pp", " %"), basis
