"""The joint model behind the money: all clear troubles of a time at once, taken away in turn.

Not for money; `money` multiplies what is lost here by what it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from journeylib.cases import (
    FEWEST_EVENTS,
    choose_columns,
    ending,
    find_alike,
    goes_on,
    judged_by_end,
    rarer,
    wait_alike,
)
from journeylib.logits import chance, clustered, fit_logit
from journeylib.splines import drop_idle, mark_levels

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.landmarks import Landmarked
    from journeylib.log import Floats, Integers, Truths
    from journeylib.logits import Logit

CHUNK = 100
MOST_OTHERS, MOST_OF_EACH = 12_000, 1_500
# So many fall on one customer at one moment only in made-up data; the last ones are left out.
MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Ledger:
    """One joint model and the rows that met any of its troubles.

    Attributes:
        phase: ``before`` or ``after`` a purchase.
        members: Places of its troubles among those priced.
        fit: The model; the last columns are its troubles.
        spread: Covariance of its coefficients, by customer.
        rows: Columns of the model for the rows that met something.
        met: Which troubles they met, one column each.
        owner: Their customers.
        scale: Customers a year that each row stands for.
        share: For each trouble, what a good end is worth (1, or the share of those who go on that
            reach the outcome).
        customers: Number of customers in all.
    """

    phase: str
    members: tuple[int, ...]
    fit: Logit
    spread: Floats
    rows: Floats
    met: Truths
    owner: Integers
    scale: Floats
    share: Floats
    customers: int

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Draw the coefficients, one row per draw."""
        return rng.multivariate_normal(self.fit.beta, self.spread, size, method="eigh")

    def lost(self, beta: Floats, weights: Floats) -> Floats:
        """Give the outcomes lost a year to each trouble, shared out among those met together.

        Args:
            beta: Coefficients, one row per draw.
            weights: How often each customer counts, one row per draw.

        Returns:
            One row per draw, one column per trouble; the columns add up to what would be gained
            were all of them taken away.
        """
        found = np.zeros((len(beta), len(self.members)))
        patterns, of_row = np.unique(self.met, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            at = np.flatnonzero(of_row.ravel() == number)
            together = tuple(np.flatnonzero(pattern).tolist())
            counts = weights[:, self.owner[at]] * self.scale[at]
            for member, part in self._shared(beta, at, together).items():
                found[:, member] += self.share[member] * (part * counts).sum(axis=1)
        return found

    def lost_alone(self) -> Floats:
        """Give the outcomes that would be gained were each the only one taken away."""
        found = np.zeros(len(self.members))
        score = self.rows @ self.fit.beta
        for member, own in enumerate(self._own(self.fit.beta[None])[0]):
            at = self.met[:, member]
            gain = chance(score[at] - own) - chance(score[at])
            found[member] = self.share[member] * float((gain * self.scale[at]).sum())
        return found

    def _own(self, beta: Floats) -> Floats:
        """Coefficients of the troubles themselves."""
        return beta[:, beta.shape[1] - len(self.members) :]

    def _shared(self, beta: Floats, at: Integers, together: tuple[int, ...]) -> dict[int, Floats]:
        """Share what rows lose among the troubles they met together (draws × rows each)."""
        score = beta @ self.rows[at].T
        own = self._own(beta)
        gains: dict[tuple[int, ...], Floats] = {}
        base = chance(score)
        for size in range(len(together) + 1):
            for group in combinations(together, size):
                relief = own[:, list(group)].sum(axis=1)[:, None]
                gains[group] = chance(score - relief) - base if group else np.zeros_like(base)
        parts: dict[int, Floats] = {}
        count = len(together)
        for member in together:
            part = np.zeros_like(base)
            for group, gain in gains.items():
                if member not in group:
                    more = tuple(sorted((*group, member)))
                    weight = factorial(len(group)) * factorial(count - len(group) - 1)
                    part += weight / factorial(count) * (gains[more] - gain)
            parts[member] = part
        return parts


def open_ledgers(landmarked: Landmarked, clear: pd.DataFrame) -> list[Ledger]:
    """Fit one joint model before a purchase, one for those who go on, and one after it.

    Args:
        landmarked: From ``landmarks.follow_exposures``.
        clear: Rows of ``associate`` that are priced.
    """
    groups: dict[tuple[str, bool], list[int]] = {}
    for place in range(len(clear)):
        one = clear.iloc[place]
        groups.setdefault((str(one["phase"]), goes_on(one)), []).append(place)
    return [_open(landmarked, clear, members) for members in groups.values()]


def _open(landmarked: Landmarked, clear: pd.DataFrame, members: list[int]) -> Ledger:
    own = clear.iloc[members]
    columns = own["exposure"].to_numpy(dtype=int)
    first = own.iloc[0]
    at = _choose_rows(landmarked, columns)
    met = _at_most(landmarked.exposed[np.ix_(at, columns)])
    kept, rows = _wait(landmarked, at, met, own)
    at, met = at[kept], met[kept]
    owner = np.unique(rows["owner"].to_numpy(), return_inverse=True)[1]
    endings = [ending(rows, met[:, k], first) for k in range(len(columns))]
    y = endings[0][0]
    beside = _references(landmarked, rows, own, at)
    laid, level = choose_columns(landmarked, rows, first, along=beside, events=rarer(y, owner))
    x = np.column_stack([np.ones(len(at)), laid, met.astype(float)])
    few = min(min(y[m].sum(), (1 - y[m]).sum()) for m in met.T) < FEWEST_EVENTS
    fit = fit_logit(x, y, firth=few or level == 5)
    scale = own["affected_per_year"].to_numpy(float) / landmarked.exposed[:, columns].sum(axis=0)
    # Kept rows stand for all that met it: few rows are thinned, and only in very large logs.
    scale = scale * landmarked.exposed[:, columns].sum(axis=0) / np.maximum(met.sum(axis=0), 1)
    some = met.any(axis=1)
    return Ledger(
        str(first["phase"]), tuple(members), fit, clustered(owner, fit.pushes), x[some], met[some],
        rows["owner"].to_numpy()[some], (met * scale)[some].sum(axis=1) / met[some].sum(axis=1),
        np.array([share for _, share, _ in endings]), int(landmarked.rows["owner"].max()) + 1,
    )  # fmt: skip


def _wait(
    landmarked: Landmarked, at: Integers, met: Truths, own: pd.DataFrame
) -> tuple[Integers, pd.DataFrame]:
    """Start following alike; rows of troubles that do not come with the next event stay as told."""
    timed = np.array([judged_by_end(own.iloc[k]) for k in range(len(own))])
    rng = np.random.default_rng(0)
    ours = np.asarray(met[:, timed].any(axis=1), dtype=np.bool_)
    kept, rows = wait_alike(landmarked, at, ours, timed=bool(timed.any()), rng=rng)
    if len(kept) == len(at) and "waited" not in rows:
        return kept, rows
    late = landmarked.rows["group"].to_numpy()[at] != 0
    both = landmarked.rows.iloc[at].assign(waited=0.0)
    outcome, waited = both["outcome"].to_numpy().copy(), np.zeros(len(at))
    outcome[kept], waited[kept] = rows["outcome"], rows["waited"]
    both["outcome"] = np.where(late, both["outcome"], outcome)
    both["waited"] = np.where(late, 0.0, waited)
    stays = late.copy()
    stays[kept] = True
    return np.flatnonzero(stays), both[stays]


def _choose_rows(landmarked: Landmarked, columns: Integers) -> Integers:
    """Take the rows that met something, and enough of those who could have, evenly spread."""
    met = landmarked.exposed[:, columns]
    kept = np.zeros(len(met), dtype=np.bool_)
    others = kept.copy()
    for k, column in enumerate(columns):
        kept[_spread(np.flatnonzero(met[:, k]), MOST_OF_EACH)] = True
        others |= landmarked.eligible[:, column] & find_alike(landmarked, met[:, k])
    others &= ~met.any(axis=1)
    kept[_spread(np.flatnonzero(others), MOST_OTHERS)] = True
    return np.flatnonzero(kept)


def _spread(at: Integers, most: int) -> Integers:
    return at if len(at) <= most else at[np.linspace(0, len(at) - 1, most).astype(np.int64)]


def _at_most(met: Truths) -> Truths:
    """Keep the first eight of more troubles that fell on one moment."""
    return met & (np.cumsum(met, axis=1) <= MOST_AT_ONCE)


def _references(
    landmarked: Landmarked, rows: pd.DataFrame, own: pd.DataFrame, at: Integers
) -> Floats:
    """Give columns that keep like with like: who could meet what, and who had met it before."""
    parts = []
    for exposure, kind in zip(own["exposure"].astype(int), own["kind"], strict=True):
        if kind != "loss":
            parts.append(landmarked.eligible[at, [exposure]][:, None].astype(float))
        parts.append(_met_before(landmarked, exposure, at)[:, None].astype(float))
    if goes_on(own.iloc[0]) and "next" in rows:
        parts.append(mark_levels(rows["next"].to_numpy(dtype=np.int64)))
    return drop_idle(np.concatenate(parts, axis=1))


def _met_before(landmarked: Landmarked, exposure: int, at: Integers) -> Truths:
    """Tell which rows' customers had met a trouble earlier in the same episode."""
    rows = landmarked.rows
    if "episode" not in rows:
        return np.zeros(len(at), dtype=np.bool_)
    run = rows.groupby(["owner", "episode"], sort=False).ngroup().to_numpy()
    place = rows["place"].to_numpy()
    first = np.full(int(run.max()) + 1, np.iinfo(np.int64).max)
    met = np.flatnonzero(landmarked.exposed[:, exposure])
    np.minimum.at(first, run[met], place[met])
    return np.asarray(place[at] > first[run[at]], dtype=np.bool_)
