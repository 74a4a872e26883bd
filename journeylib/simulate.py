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

from journeylib.errors import DataError, Problem
from journeylib.estimates import Refusal
from journeylib.footprints import count_footprints, draw_weights
from journeylib.scenarios import check_edits
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.footprints import Footprints
    from journeylib.log import Floats, Log, Truths
    from journeylib.memory import Memory
    from journeylib.scenarios import Edit, Scenario

FEWEST_VISITS = 50
DRAWS = 500
FAR_OFF, UNLIKELY = 0.10, 0.01
TRACE = 1e-3
CHAIN = "absorbing Markov chain (Kemeny & Snell 1960); scenario, not a forecast; customer bootstrap"
REACHES, LENGTH, MONEY = "reaches_outcome", "touchpoints_per_journey", "money_per_1000_journeys"


@dataclass(frozen=True, slots=True)
class Absorption:
    """Where an absorbing chain ends, and how long it takes.

    Attributes:
        visits: N = (I − Q)⁻¹: visits to each state, by the state of departure.
        ends: B = NR: chance of each end, by the state of departure.
        length: Mean number of moves until the end.
        variance: Variance of that number.
    """

    visits: Floats
    ends: Floats
    length: Floats
    variance: Floats


def absorb(within: Floats, out: Floats) -> Absorption:
    """Follow an absorbing chain to its ends.

    Args:
        within: Q, chances of moves between states that are left again; k × k.
        out: R, chances of moves from them to the ends; k × ends.

    Returns:
        Visits, ends, lengths (moves) and their variance (2N − I)t − t².

    Raises:
        DataError: From some state no end can be reached.

    References:
        Kemeny & Snell (1960), Finite Markov Chains, theorems 3.2.4, 3.3.5 and 3.3.7.

    Example:
        >>> import numpy as np
        >>> walk = absorb(np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([[0.5, 0.0], [0.0, 0.5]]))
        >>> print(walk.length)
        [2. 2.]
    """
    trapped = _trapped(within, out)
    if trapped.any():
        places = np.flatnonzero(trapped).tolist()
        problem = Problem(
            "E-NO-END", f"No end can be reached from the states {places}.",
            fix="Give each of them a way that leads to an end.",
        )  # fmt: skip
        raise DataError("The chain never ends.", [problem])
    own = np.eye(len(within))
    visits: Floats = np.linalg.solve(own - within, own).astype(np.float64)
    length = visits.sum(axis=1)
    variance = (2 * visits - own) @ length - length**2
    return Absorption(visits, visits @ out, length, np.maximum(variance, 0.0))


def _trapped(within: Floats, out: Floats) -> Truths:
    """Tell from which states no end can be reached."""
    free = out.sum(axis=1) > 0
    for _ in range(len(within)):
        further = free | ((within > 0) & free[None, :]).any(axis=1)
        if (further == free).all():
            break
        free = further
    trapped: Truths = ~free
    return trapped


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
        Rows of the result table ``forecasts``: share of journeys that reach the outcome for the
        first time (for a client whose outcome is to stay: the cancellation), touchpoints until
        then, and money of 1,000 journeys. ``value`` is the change. Journeys that are still open are
        taken to go on as the others did. A refusal where an edited touchpoint was left
        fewer than 50 times, or nobody reached the outcome.

    Raises:
        DataError: An edit names a touchpoint or a move that is not in the data.
    """
    goals = log.codes.good or log.codes.bad
    if not goals:
        return Refusal("No touchpoint is the outcome.", "an outcome in the client file")
    if isinstance(memory, Refusal):
        memory = None
    gained = round(memory.right_before - memory.right, 9) if memory else 0.0
    if memory is not None and memory.p <= UNLIKELY and gained >= FAR_OFF:
        reason = (
            f"Where customers came from tells {gained:.0%} more of their next stage; "
            "a chain leaves that out."
        )
        return Refusal(reason, "an experiment at this touchpoint")
    prints = count_footprints(log, silence=silence, goals=goals)
    names = [log.codes.touchpoints[code] for code in goals]
    return edit_chain(prints, scenario, goals=names, seed=seed, confidence=confidence)


def edit_chain(
    prints: Footprints,
    scenario: Scenario,
    *,
    goals: Sequence[str],
    seed: int,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> pd.DataFrame | Refusal:
    """Edit a chain of counted moves and compare it with itself.

    Args:
        prints: From `footprints.count_footprints`; journeys stop at a goal.
        scenario: Its edits.
        goals: Touchpoints that are the outcome.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.
        draws: How many times customers, and sizes of edits, are drawn anew.

    Returns:
        As `simulate_scenario`.
    """
    prints = prints.closed()
    check_edits(scenario, prints)
    refused = _refuse(prints, scenario, goals)
    if refused is not None:
        return refused
    rng = np.random.default_rng(seed)
    people = prints.customers
    sums = draw_weights(len(people), draws=draws, rng=rng) @ prints.table(people)
    factors = [edit.draw(draws, rng) for edit in scenario.edits]
    size = len(prints.names)
    chain = _Chain.of(prints, goals)
    results = np.array(
        [
            chain.compare(own.reshape(size, size), scenario, [factor[at] for factor in factors])
            for at, own in enumerate(sums)
        ]
    )
    return _rows(results, scenario, _fewest_customers(prints, scenario), confidence)


def _refuse(prints: Footprints, scenario: Scenario, goals: Sequence[str]) -> Refusal | None:
    """Say why the data cannot carry the scenario."""
    counts, names = prints.counts(), list(prints.names)
    for edit in scenario.edits:
        visits = int(counts[names.index(edit.origin)].sum())
        if visits < FEWEST_VISITS:
            reason = f"{edit.origin} was left {visits} times; {FEWEST_VISITS} are needed."
            return Refusal(reason, "more journeys, or a longer period")
    if not counts[:, [names.index(goal) for goal in goals]].sum():
        return Refusal("No journey reached the outcome.", "journeys that reach it")
    return None


def _fewest_customers(prints: Footprints, scenario: Scenario) -> int:
    """Count the customers behind the thinnest edited touchpoint."""
    origin = prints.key // len(prints.names)
    places = [prints.names.index(edit.origin) for edit in scenario.edits]
    return min(len(np.unique(prints.customer[origin == place])) for place in places)


@dataclass(frozen=True, slots=True)
class _Chain:
    """The states of a chain: those that are left, with start first, and those that end it."""

    names: tuple[str, ...]
    left: list[int]
    ends: list[int]
    whole: Floats
    closing: Floats

    @classmethod
    def of(cls, prints: Footprints, goals: Sequence[str]) -> _Chain:
        counts, size = prints.counts(), len(prints.names)
        ends = [*[prints.names.index(goal) for goal in goals], size - 2]
        met = np.flatnonzero((counts.sum(axis=0) + counts.sum(axis=1)) > 0)
        left = [size - 3, *[int(at) for at in met if at not in ends and at < size - 3]]
        # Where watching stopped before any end was seen, the journey counts as given up.
        trapped = _trapped(counts[np.ix_(left, left)], counts[np.ix_(left, ends)])
        closing = np.zeros_like(counts)
        closing[np.array(left)[trapped], size - 2] = 1.0
        return cls(prints.names, left, ends, counts, closing)

    def compare(self, counts: Floats, scenario: Scenario, factors: list[float]) -> Floats:
        """Give outcome and length before, and after the edits."""
        # A draw without a state borrows a trace of the data, so that every chain ends.
        mixed = counts + self.closing + TRACE * self.whole
        mixed[self.ends] = 0.0
        shares = mixed / np.maximum(mixed.sum(axis=1, keepdims=True), 1e-300)
        before = self._follow(shares)
        for edit, factor in zip(scenario.edits, factors, strict=True):
            shares = _edited(shares, edit, factor, self.names)
        return np.array([*before, *self._follow(shares)])

    def _follow(self, shares: Floats) -> tuple[float, float]:
        within = shares[np.ix_(self.left, self.left)]
        begun = np.zeros(len(self.left))
        begun[0] = 1.0
        visits = np.linalg.solve(np.eye(len(self.left)) - within.T, begun)
        reached = float(visits @ shares[np.ix_(self.left, self.ends[:-1])].sum(axis=1))
        return reached, float(visits.sum() - 1.0 + reached)


def _edited(shares: Floats, edit: Edit, factor: float, names: tuple[str, ...]) -> Floats:
    """Scale one move and let its difference go to the others."""
    made, row = shares.copy(), names.index(edit.origin)
    goal, old = names.index(edit.goal), shares[row, names.index(edit.goal)]
    new = min(old * factor, 1.0)
    if edit.instead:
        other = names.index(edit.instead)
        new = min(new, old + shares[row, other])
        made[row, other] += old - new
    elif old < 1:
        made[row] *= (1 - new) / (1 - old)
    else:
        new = old
    made[row, goal] = new
    return made


def _rows(results: Floats, scenario: Scenario, n: int, confidence: float) -> pd.DataFrame:
    kinds = "/".join(sorted({edit.kind for edit in scenario.edits}))
    source = f"{CHAIN} × {kinds} edit"
    measures = [(REACHES, "share", 0, 1.0), (LENGTH, "touchpoints", 1, 1.0)]
    if not math.isnan(scenario.value):
        measures.append((MONEY, scenario.currency, 0, 1000 * scenario.value))
    rows = []
    for metric, unit, place, scale in measures:
        change = (results[:, place + 2] - results[:, place]) * scale
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(change[1:], tails)
        value = float(change[0])
        rows.append(
            {
                "scenario": scenario.name, "metric": metric, "unit": unit, "n": n,
                "baseline": float(results[0, place] * scale), "change": value, "value": value,
                "low": min(float(low), value), "high": max(float(high), value), "source": source,
            }
        )  # fmt: skip
    return complete_result("forecasts", pd.DataFrame(rows))
