"""Who is compared with whom, and what is adjusted for. Not for estimates; see `association`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from journeylib.splines import drop_idle, lay_out

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.landmarks import Landmarked
    from journeylib.log import Floats, Integers, Truths

FEWEST_EVENTS, FEWEST_SEEN, EVENTS_PER_PARAMETER = 10, 5, 10
MOST_CONTROLS, CONTROLS_EACH = 4_000, 4
LEVELS = (
    "splines", "straight lines", "straight lines, not the touchpoint before",
    "engagement and channel", "engagement alone", "engagement alone although events are few",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """The rows of one comparison.

    Attributes:
        x: Columns of the model: constant, covariates, other troubles that may be met along with it.
        y: 1 good, 0 not.
        met: Whether the trouble was met.
        owner: Number of each row's customer, from 0.
        adjusted_by: How rich the covariates are, in words.
        firth: Whether the fit is penalised.
        share: Share of those who go on that reach the outcome, where ``y`` is to go on; else 1.
        share_push: Influence of each row on ``share``, 0 where it is 1.
    """

    x: Floats
    y: Floats
    met: Truths
    owner: Integers
    adjusted_by: str
    firth: bool
    share: float
    share_push: Floats


def goes_on(one: pd.Series) -> bool:
    """Tell whether a trouble is judged by who goes on from it, and not by the outcome itself.

    What lies ahead of a purchase hurts where customers stop; those who stop later stop elsewhere.
    """
    return str(one["way"]) == "station" and str(one["phase"]) == "before"


def make_case(landmarked: Landmarked, number: int, *, rng: np.random.Generator) -> Case:
    """Lay out the comparison of one trouble: everybody who met it, and enough others alike.

    Args:
        landmarked: From ``landmarks.follow_exposures``.
        number: Column of the exposure.
        rng: Draws the others where there are very many.
    """
    one = landmarked.exposures.iloc[number]
    met = landmarked.exposed[:, number]
    others = np.flatnonzero(landmarked.eligible[:, number] & ~met & find_alike(landmarked, met))
    most = max(MOST_CONTROLS, CONTROLS_EACH * int(met.sum()))
    if len(others) > most:
        others = np.sort(rng.choice(others, most, replace=False))
    at = np.sort(np.concatenate([np.flatnonzero(met), others]))
    kept, rows = wait_alike(landmarked, at, met[at], timed=judged_by_end(one), rng=rng)
    at, own = at[kept], met[at[kept]]
    owner = np.unique(rows["owner"].to_numpy(), return_inverse=True)[1]
    y, share, push = ending(rows, own, one)
    laid, level = choose_columns(
        landmarked, rows, one, along=_along(landmarked, number, at), events=rarer(y, owner)
    )
    x = np.column_stack([np.ones(len(at)), laid])
    seen = min(y[own].sum(), (1 - y[own]).sum())
    firth = level == len(LEVELS) - 1 or seen < FEWEST_EVENTS
    return Case(x, y, own, owner, LEVELS[level], firth, share, push)


def judged_by_end(one: pd.Series) -> bool:
    """Tell whether a trouble comes with the next event and is judged by the outcome itself."""
    return str(one["kind"]) == "loss" and not goes_on(one)


def wait_alike(
    landmarked: Landmarked, at: Integers, met: Truths, *, timed: bool, rng: np.random.Generator
) -> tuple[Integers, pd.DataFrame]:
    """Start following at the trouble, and for the others after as long a wait.

    Whoever met it had not had the outcome until then; so only those of the others count to whom it
    had not come by a moment drawn from the waits of those who did, at the same touchpoint.

    Args:
        landmarked: Says how long the outcome is followed.
        at: Rows compared.
        met: Whether they met the trouble.
        timed: Whether it comes with the next event; otherwise nothing changes.
        rng: Draws the moments.

    Returns:
        Which of the rows stay, and those rows with the outcome from then on, and ``waited``.

    References:
        Zhou et al. (2005), American Journal of Epidemiology 162:1016-1023 (matched times).
    """
    rows = landmarked.rows.iloc[at]
    if not timed or "until" not in rows:
        return np.arange(len(at)), rows
    gap, until = rows["gap"].to_numpy(dtype=float).copy(), rows["until"].to_numpy(dtype=float)
    here = rows["touchpoint"].to_numpy()
    for code in np.unique(here[met]):
        others = np.flatnonzero((here == code) & ~met)
        gap[others] = rng.choice(gap[(here == code) & met], len(others))
    stays = (rows["room"].to_numpy(dtype=float) >= gap) & (met | (until > gap))
    came = until <= gap + landmarked.days
    ended = came != (landmarked.outcome == "retention")
    rows = rows.assign(outcome=ended.astype(int), waited=np.log1p(24 * gap))
    kept = np.flatnonzero(stays)
    return kept, rows.iloc[kept]


def find_alike(landmarked: Landmarked, met: Truths) -> Truths:
    """Tell who stands where those who met the trouble stood just before."""
    if "touchpoint" not in landmarked.levels:
        return np.ones(len(met), dtype=np.bool_)
    at = landmarked.rows["touchpoint"].to_numpy()
    return np.isin(at, np.unique(at[met]))


def count_events(y: Floats, met: Truths, others: Truths) -> int:
    """Count the rarer ending among those who met a trouble, or how often it was to be expected.

    A trouble that hardly anybody survives has few good ends for that very reason, so what the
    others' share makes likely counts as well, from five ends seen.
    """
    own = y[met]
    seen = int(min(own.sum(), len(own) - own.sum()))
    both = np.concatenate([own, y[others]])
    if seen < FEWEST_SEEN or not len(both):
        return seen
    return max(seen, int(len(own) * min(both.mean(), 1 - both.mean())))


def rarer(y: Floats, owner: Integers) -> int:
    """Count the customers to whom the rarer ending came."""
    return len(np.unique(owner[y == (1.0 if y.mean() <= 0.5 else 0.0)]))


def ending(rows: pd.DataFrame, met: Truths, one: pd.Series) -> tuple[Floats, float, Floats]:
    """Say how it ended for each row: the outcome, or whether they went on towards it.

    Returns:
        1 or 0 for each row, the share of those who met it and went on that reach the outcome (1
        where the outcome itself is judged), and each row's influence on that share.
    """
    outcome = rows["outcome"].to_numpy(dtype=float)
    if not goes_on(one):
        return outcome, 1.0, np.zeros(len(rows))
    went = (rows["went_on"].to_numpy() == 1).astype(float)
    reached = met & (went == 1)
    share = float(outcome[reached].mean()) if reached.any() else 0.0
    return went, share, np.where(reached, outcome - share, 0.0) / max(int(reached.sum()), 1)


def _along(landmarked: Landmarked, number: int, at: Integers) -> Floats:
    """Give the other troubles that may be met at the same landmark as this one.

    The same touchpoint over all channels is no other trouble.
    """
    met, names = landmarked.exposed[at], landmarked.exposures["touchpoint"]
    both = (met & met[:, [number]]).sum(axis=0)
    both[(names == names.iloc[number]).to_numpy()] = 0
    return met[:, both >= FEWEST_EVENTS].astype(float)


def choose_columns(
    landmarked: Landmarked, rows: pd.DataFrame, one: pd.Series, *, along: Floats, events: int
) -> tuple[Floats, int]:
    """Take the richest covariates that the events carry: ten for each parameter.

    Args:
        landmarked: Says which columns are covariates.
        rows: The rows compared.
        one: The exposure; a station is judged against other channels, which are not adjusted for.
        along: Other troubles, one column each.
        events: Customers with the rarer outcome.

    Returns:
        The columns, without a constant, and the place of their name in ``LEVELS``; at the last the
        fit has to be penalised.
    """
    mix = landmarked.mix if str(one["way"]) != "station" else ()
    shares = tuple(name for name in mix if name.startswith("share:"))
    ways = tuple(name for name in mix if name not in shares)
    timed = ("waited",) if "waited" in rows else ()
    numbers, first = (*landmarked.numbers, *timed, *shares), landmarked.numbers[:1]
    ladder = [
        (numbers, (*landmarked.levels, *ways), True),
        (numbers, (*landmarked.levels, *ways), False),
        (numbers, ways, False),
        (first, ways, False),
        (first, (), False),
    ]
    for level, (taken, marks, bent) in enumerate(ladder):
        laid = lay_out(rows, taken, marks, bent=bent)
        if level < 3 and along.shape[1]:
            laid = np.column_stack([laid, drop_idle(along, beside=laid)])
        if events >= EVENTS_PER_PARAMETER * (laid.shape[1] + 2):
            return laid, level
    return laid, len(LEVELS) - 1
