"""A journey as an absorbing chain: how often it reaches the outcome, before and after edits.

Not for counting moves (`footprints`) nor for intervals and refusals (`simulate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from journeylib.errors import DataError, Problem
from journeylib.flows import END
from journeylib.scenarios import MOVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.footprints import Footprints
    from journeylib.log import Floats, Integers, Truths
    from journeylib.scenarios import Edit

TRACE = 1e-3
ALMOST = 0.999


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
    caught = trapped(within, out)
    if caught.any():
        places = np.flatnonzero(caught).tolist()
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


def trapped(within: Floats, out: Floats) -> Truths:
    """Tell from which states no end can be reached.

    Args:
        within: Moves between states that are left again.
        out: Moves from them to the ends.
    """
    free = out.sum(axis=1) > 0
    for _ in range(len(within)):
        further = free | ((within > 0) & free[None, :]).any(axis=1)
        if (further == free).all():
            break
        free = further
    caught: Truths = ~free
    return caught


@dataclass(frozen=True, slots=True)
class Chain:
    """The states of a journey and what counts as its outcome.

    Attributes:
        names: States; all but the last three stand there once for each lap.
        size: States of one lap.
        goals: Places of the outcome that is asked about: the last lap but one, or the only one.
        entries: Places that a journey must pass to be asked about; none means that all count.
        stays: Whether the good outcome is to reach the end without passing a goal.
        met: Places that were seen, start first.
        whole: Counts of all customers, from and to.
        closing: What is added so that every state reaches an end.
    """

    names: tuple[str, ...]
    size: int
    goals: Integers
    entries: Integers
    stays: bool
    met: Integers
    whole: Floats
    closing: Floats

    @classmethod
    def of(cls, prints: Footprints, goals: Sequence[str], *, stays: bool = False) -> Chain:
        """Make the chain of counted moves.

        Args:
            prints: The moves, closed or settled.
            goals: Touchpoints that are the outcome, or that end it where ``stays``.
            stays: Whether the good outcome is that none of the goals comes.
        """
        names, whole, states = prints.names, prints.counts(), len(prints.names)
        size = len(dict.fromkeys(names[:-3]))
        laps = (states - 3) // max(size, 1)
        first = np.array([names.index(goal) for goal in goals], dtype=np.int64)
        asked = max(laps - 2, 0)
        seen = np.flatnonzero((whole.sum(axis=0) + whole.sum(axis=1)) > 0)
        met = np.array([states - 3, *[at for at in seen if at < states - 3]], dtype=np.int64)
        entries = first + (asked - 1) * size if asked else first[:0]
        made = cls(names, size, first + asked * size, entries, stays, met, whole,
                   np.zeros_like(whole))  # fmt: skip
        made._close()
        return made

    def _close(self) -> None:
        """Let what was never seen to end, because watching stopped, count as given up."""
        end = len(self.names) - 2
        for ends in (np.append(self.goals, end), np.array([end])):
            left = np.setdiff1d(self.met, ends)
            counts = self.whole + self.closing
            caught = trapped(counts[np.ix_(left, left)], counts[np.ix_(left, ends)])
            self.closing[left[caught], end] = 1.0

    def places(self, name: str) -> list[int]:
        """Give the places of a state, lap after lap; the end has one."""
        return [
            at for at, own in enumerate(self.names) if own == name and at != len(self.names) - 1
        ]

    def shares(self, counts: Floats) -> Floats:
        """Turn counts into chances; a draw without a state borrows a trace of the data."""
        mixed = counts + self.closing + TRACE * self.whole
        found: Floats = mixed / np.maximum(mixed.sum(axis=1, keepdims=True), 1e-300)
        return found

    def reach(self, shares: Floats) -> tuple[float, float, float, float]:
        """Follow journeys to the outcome that is asked about.

        Returns:
            Share with the good outcome, of those asked about; touchpoints until then; share of all
            journeys with it; share of all journeys that are asked about.
        """
        left = np.setdiff1d(self.met, self.goals)
        within = shares[np.ix_(left, left)]
        visits = np.linalg.solve(np.eye(len(left)) - within.T, (left == self.met[0]).astype(float))
        hit = float(visits @ shares[np.ix_(left, self.goals)].sum(axis=1))
        length = float(visits.sum() - 1.0 + hit)
        if self.stays:
            return 1.0 - hit, length, 1.0 - hit, 1.0
        entered = float(visits[np.isin(left, self.entries)].sum()) if len(self.entries) else 1.0
        return hit / max(entered, 1e-300), length, hit, entered

    def lift(self, counts: Floats, before: Floats, after: Floats) -> float:
        """Count the further outcomes a journey that changed moves bring at the visits as they are.

        Each visit brings its next outcome and no more: what may follow from that is not counted.
        """
        rows = [int(row) for row in np.flatnonzero((before != after).any(axis=1))]
        chances = {
            lap: self._chances(before, lap) for lap in {self._lap_after(row) for row in rows}
        }
        begun = max(float(counts[len(self.names) - 3].sum()), 1.0)
        gains = [
            counts[row].sum() * ((after[row] - before[row]) @ chances[self._lap_after(row)])
            for row in rows
        ]
        return float(sum(gains)) / begun

    def _chances(self, shares: Floats, lap: int) -> Floats:
        """Give each state of a lap the chance that its next outcome still comes."""
        goals = self.goals % self.size + lap * self.size
        own = self.met[(self.met // self.size == lap) & (self.met < len(self.names) - 3)]
        left = np.setdiff1d(own, goals)
        chance = np.zeros(len(self.names))
        aims = shares[np.ix_(left, goals)].sum(axis=1)
        chance[left] = np.linalg.solve(np.eye(len(left)) - shares[np.ix_(left, left)], aims)
        chance[goals] = 1.0
        return chance

    def visits(self, shares: Floats) -> Floats:
        """Count the visits to each state of one whole journey."""
        found = np.zeros(len(self.names))
        begun = (self.met == self.met[0]).astype(float)
        within = shares[np.ix_(self.met, self.met)]
        found[self.met] = np.linalg.solve(np.eye(len(self.met)) - within.T, begun)
        return found

    def onward(self, shares: Floats, own: Truths, later: Truths) -> float:
        """Give the share of those who come to some states that come to others afterwards.

        Args:
            shares: Chances of the moves.
            own: Which states they come to first.
            later: Which they go on to.
        """
        here, there = (self.met[mask[self.met]] for mask in (own, later))
        if not len(here) or not len(there):
            return np.nan
        outside, short = np.setdiff1d(self.met, here), np.setdiff1d(self.met, there)
        begun = (outside == self.met[0]).astype(float)
        passed = np.linalg.solve(np.eye(len(outside)) - shares[np.ix_(outside, outside)].T, begun)
        came = passed @ shares[np.ix_(outside, here)]
        goes = np.linalg.solve(
            np.eye(len(short)) - shares[np.ix_(short, short)],
            shares[np.ix_(short, there)].sum(axis=1),
        )
        chance = np.zeros(len(self.names))
        chance[short] = goes
        return float(came @ chance[here] / max(came.sum(), 1e-300))

    # ------------------------------------------------------------ edits

    def edited(self, shares: Floats, edit: Edit, size: float) -> Floats:
        """Make one edit, in every lap in which its touchpoint was seen."""
        made = shares.copy()
        for row in self.places(edit.origin):
            if self.whole[row].sum() > 0:
                scaled = edit.aim == MOVE
                made[row] = (
                    self._scaled(made, row, edit, size)
                    if scaled
                    else self._steered(made, row, size)
                )
        return made

    def _next(self, row: int, name: str) -> int:
        """Give the place to which a move to a touchpoint leads."""
        if name == END:
            return len(self.names) - 2
        return self._lap_after(row) * self.size + self.names.index(name)

    def _lap_after(self, row: int) -> int:
        last = (len(self.names) - 3) // self.size - 1
        return min(row // self.size + int(row % self.size in self.goals % self.size), last)

    def _scaled(self, shares: Floats, row: int, edit: Edit, factor: float) -> Floats:
        """Scale one move and let its difference go to the others."""
        own: Floats = shares[row].copy()
        goal = self._next(row, edit.goal)
        old = own[goal]
        new = min(old * factor, 1.0)
        if edit.instead:
            other = self._next(row, edit.instead)
            new = min(new, old + own[other])
            own[other] += old - new
        elif old < 1:
            own *= (1 - new) / (1 - old)
        else:
            new = old
        own[goal] = new
        return own

    def _steered(self, shares: Floats, row: int, gain: float) -> Floats:
        """Add to the chance of the next good outcome from a touchpoint.

        First by the share that ends right there; what that cannot give goes straight to the
        outcome.
        """
        own: Floats = shares[row].copy()
        end, lap = len(self.names) - 2, self._lap_after(row)
        goals = self.goals % self.size + lap * self.size
        win, lose = ([end], goals) if self.stays else (goals, [end])
        first, again = self._after(shares, row, np.asarray(win), np.asarray(lose))
        gone = float(own[lose].sum())
        old = (1 - gone) * first / max(1 - (1 - gone) * again, 1e-300)
        new = min(max(old + gain, 0.0), max(ALMOST, old))
        most = first + again * new
        if most <= 0:
            return own
        kept = min(new / most, 1.0)
        straight = max((new - most) / max(1 - most, 1e-300), 0.0)
        stays = own.copy()
        stays[lose] = 0.0
        lost = own[lose] / gone if gone > 0 else np.eye(len(lose))[0]
        own = kept * stays / max(stays.sum(), 1e-300)
        own[lose] = (1 - kept) * lost
        own *= 1 - straight
        own[win[int(np.argmax(self.whole[:, win].sum(axis=0)))]] += straight
        return own

    def _after(
        self, shares: Floats, row: int, win: Integers, lose: Integers
    ) -> tuple[float, float]:
        """Say how those who do not end at a touchpoint go on: to the outcome, or back to it."""
        own = shares[row].copy()
        own[lose] = 0.0
        own /= max(own.sum(), 1e-300)
        left = np.setdiff1d(self.met, [row, *win, *lose])
        aims = np.column_stack([shares[np.ix_(left, win)].sum(axis=1), shares[left, row]])
        chance = np.zeros((len(self.names), 2))
        chance[left] = np.linalg.solve(np.eye(len(left)) - shares[np.ix_(left, left)], aims)
        chance[win, 0], chance[row, 1] = 1.0, 1.0
        first, again = own @ chance
        return float(first), float(again)
