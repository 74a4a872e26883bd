"""Scenarios: the edits of a journey, how sure they are, and whether they fit the data.

Not for what follows from them; `simulate` works that out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from journeylib.errors import DataError, Problem, did_you_mean
from journeylib.flows import END

if TYPE_CHECKING:
    from journeylib.footprints import Footprints
    from journeylib.log import Floats

FIXED, GUESSED, MEASURED = "fixed", "guessed", "measured"
# What a size is of: the share of a move, or points of the chance of the outcome.
MOVE, GAIN = "move", "gain"


@dataclass(frozen=True, slots=True)
class Edit:
    """One move that is made more or less frequent, or one chance that is made larger or smaller.

    Attributes:
        origin: Touchpoint where the move begins.
        goal: Touchpoint where it leads, or ``end`` for a journey that is given up.
        factor: What its share is multiplied by: 0.8 takes a fifth away.
        low: Lower end of what the factor may be; missing where it is taken as certain.
        high: Upper end of the same.
        measured: Whether low and high are the interval of an experiment; else they are the ends of
            a guess, drawn from a triangle.
        instead: Touchpoint that takes or gives the difference; all other ones in proportion where
            it is empty.
        aim: What the factor is of. ``move``: the share of the move. ``gain``: the part of ``per``
            that is added to the chance of the next good outcome from the origin.
        per: Share points of the chance that the whole of a ``gain`` is worth.
        per_low: Lower end of the interval of ``per``; missing where it is taken as certain.
        per_high: Upper end of the same.
        confidence: Coverage of the intervals that were measured.
    """

    origin: str
    goal: str
    factor: float
    low: float = math.nan
    high: float = math.nan
    measured: bool = False
    instead: str = ""
    aim: str = MOVE
    per: float = 1.0
    per_low: float = math.nan
    per_high: float = math.nan
    confidence: float = 0.95

    @property
    def kind(self) -> str:
        """Where the size comes from: ``fixed``, ``guessed`` or ``measured``."""
        if math.isnan(self.low) or math.isnan(self.high):
            return FIXED
        return MEASURED if self.measured else GUESSED

    def error(self, low: float, high: float) -> float:
        """Give the standard error behind a measured interval, in its unit."""
        return (high - low) / (2 * float(stats.norm.ppf((1 + self.confidence) / 2)))

    def draw(self, draws: int, rng: np.random.Generator) -> Floats:
        """Draw sizes; the first is the stated one."""
        if self.kind == FIXED or self.high <= self.low:
            drawn = np.full(draws, self.factor)
        elif self.kind == MEASURED:
            drawn = rng.normal(self.factor, self.error(self.low, self.high), draws)
        else:
            drawn = rng.triangular(self.low, self.factor, self.high, draws)
        error = self.error(self.per_low, self.per_high)
        per = np.full(draws, self.per) if math.isnan(error) else rng.normal(self.per, error, draws)
        return np.append(self.factor * self.per, np.maximum(drawn, 0.0) * per)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A future state: its edits, and what one journey that reaches the outcome is worth.

    Attributes:
        name: What the report calls it.
        edits: The edits, made one after the other.
        value: Money of one outcome; missing where none is stated.
        currency: Currency code of that money.
    """

    name: str
    edits: tuple[Edit, ...]
    value: float = math.nan
    currency: str = "money"


def check_edits(scenario: Scenario, prints: Footprints) -> None:
    """Hold a scenario's edits to the data.

    Args:
        scenario: Its edits.
        prints: Moves that were seen.

    Raises:
        DataError: A touchpoint is unknown, a move never happened, a factor is no size, or a share
            would pass 100%. All problems at once.
    """
    counts, names = count_before_last(prints), list(prints.names)
    problems = [one for edit in scenario.edits for one in _problems_of(edit, names, counts)]
    if not scenario.edits:
        problems.append(Problem("E-NO-EDIT", "The scenario changes nothing.", fix="Add an edit."))
    if problems:
        raise DataError(f"The scenario {scenario.name!r} does not fit the data.", problems)


def count_before_last(prints: Footprints) -> Floats:
    """Count the moves up to the outcome that is asked about: not those of the last lap.

    Args:
        prints: Moves that were seen.
    """
    counts = prints.counts()
    own = len(prints.names) - 3
    once = len(dict.fromkeys(prints.names[:-3]))
    if own > once:
        counts[own - once : own] = 0.0
    return counts


def _problems_of(edit: Edit, names: list[str], counts: Floats) -> list[Problem]:
    known = list(dict.fromkeys(names[:-3]))
    wanted = [(edit.origin, known), (edit.goal, [*known, END])]
    wanted += [(edit.instead, [*known, END])] if edit.instead else []
    found = [
        Problem(
            "E-UNKNOWN-TOUCHPOINT", f"{name!r} is no touchpoint of the data.",
            fix=did_you_mean(name, allowed) or "Name a touchpoint of the table `touchpoints`.",
        )
        for name, allowed in wanted if name not in allowed
    ]  # fmt: skip
    if found:
        return found
    if edit.aim != MOVE:
        return _problems_of_chance(edit)
    return _problems_of_size(edit, names, counts)


def _problems_of_size(edit: Edit, names: list[str], counts: Floats) -> list[Problem]:
    rows, goals = (np.array([name == own for name in names]) for own in (edit.origin, edit.goal))
    made, whole = counts[np.ix_(rows, goals)].sum(), counts[rows].sum()
    move = f"{edit.origin} → {edit.goal}"
    if made == 0:
        return [_unseen(edit)]
    if not (math.isfinite(edit.factor) and edit.factor >= 0):
        fix = "Give a factor of 0 or more."
        return [Problem("E-FACTOR", f"The factor of {move} is {edit.factor}.", fix=fix)]
    if edit.kind != FIXED and not 0 <= edit.low <= edit.factor <= edit.high:
        message = f"The factor {edit.factor} of {move} is not between {edit.low} and {edit.high}."
        return [Problem("E-FACTOR", message, fix="Give low ≤ factor ≤ high, from 0.")]
    if edit.factor * made > whole:
        message = f"{move} makes up {made / whole:.0%}; times {edit.factor} it would pass 100%."
        return [Problem("E-FACTOR", message, fix=f"Give at most {whole / made:.2f}.")]
    if edit.instead == edit.goal or (made == whole and not edit.instead):
        message = f"The share taken from {move} has nowhere to go."
        return [Problem("E-NOWHERE", message, fix="Name another touchpoint in `instead`.")]
    return []


def _unseen(edit: Edit) -> Problem:
    if edit.goal == END:
        message = f"No journey was seen to end at {edit.origin} before the outcome."
        return Problem("E-UNSEEN-MOVE", message, fix="Name a touchpoint where journeys end.")
    message = f"The move {edit.origin} → {edit.goal} was never seen before the outcome."
    return Problem("E-UNSEEN-MOVE", message, fix="Name a move of the table `transitions`.")


def _problems_of_chance(edit: Edit) -> list[Problem]:
    if math.isfinite(edit.factor) and edit.factor >= 0 and math.isfinite(edit.per):
        return []
    message = f"The size of the change at {edit.origin} is {edit.factor} × {edit.per}."
    return [Problem("E-FACTOR", message, fix="Give a factor of 0 or more.")]
