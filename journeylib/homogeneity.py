"""Whether two periods' moves come from one chain: G² and Pearson's sum, row by row.

The chi-square distribution takes every move for itself; customers who make several break it, so
whole customers are exchanged between the periods instead. Not for verdicts; `drift` gives those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from journeylib.footprints import Footprints
    from journeylib.log import Floats, Integers, Truths

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Fit:
    """How far counts lie from what was expected of them.

    Attributes:
        g_square: Twice the log likelihood ratio.
        x_square: Pearson's sum.
        df: Degrees of freedom.
        p: Of G², by the chi-square distribution; it holds for independent moves only.
    """

    g_square: float
    x_square: float
    df: int
    p: float


def compare_counts(before: Floats, after: Floats) -> Fit:
    """Hold the moves of two periods against one another, row by row.

    Args:
        before: Moves from and to.
        after: The same, with the same states.

    Returns:
        The fit, summed over rows; moves that neither period has take no part.

    References:
        Kullback, Kupperman & Ku (1962), Technometrics 4:573-608.
    """
    whole = before + after
    rows = whole.sum(axis=1, keepdims=True)
    shared = np.divide(whole, rows, out=np.zeros_like(whole), where=rows > 0)
    both = np.stack([before, after])
    expected = both.sum(axis=2, keepdims=True) * shared
    met = (before.sum(axis=1) > 0) & (after.sum(axis=1) > 0)
    df = int(((whole > 0).sum(axis=1) - 1)[met].sum())
    used = expected > 0
    x_square = float(((both[used] - expected[used]) ** 2 / expected[used]).sum())
    g_square = max(float(_g_squares(after[None], whole[None]).sum()), 0.0)
    return Fit(g_square, x_square, df, float(stats.chi2.sf(g_square, df)) if df else 1.0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What exchanging whole customers between two periods says of their moves.

    Attributes:
        p: Share of exchanges that part the periods as much, over all rows.
        p_rows: The same of each row, not corrected for their number.
        moved: Share of this period's moves that went elsewhere than before.
        noise: The same in each exchange: what chance alone brings.
    """

    p: float
    p_rows: Floats
    moved: float
    noise: Floats


def exchange_customers(
    before: Footprints, after: Footprints, rows: Integers, *, seed: int, draws: int
) -> Exchange:
    """Exchange whole customers between two periods, again and again.

    Who was there in both keeps one period for each of the two.

    Args:
        before: Moves of each customer in the earlier period.
        after: The same in this one.
        rows: Codes of the states whose rows are tested.
        seed: Seed of the exchanges.
        draws: Number of exchanges.
    """
    people = np.union1d(before.customers, after.customers)
    size = len(before.names)
    columns = (rows[:, None] * size + np.arange(size)).ravel()
    old, new = (one.table(people)[:, columns] for one in (before, after))
    shape = (-1, len(rows), size)
    total = np.asarray(old.sum(axis=0) + new.sum(axis=0)).reshape(shape)
    here = np.asarray(new.sum(axis=0)).reshape(shape)
    rng = np.random.default_rng(seed)
    was, is_now = np.isin(people, before.customers), np.isin(people, after.customers)
    drawn, noise = [], []
    for done in range(0, draws, AT_ONCE):
        kept, swapped = _exchanges(was, is_now, min(AT_ONCE, draws - done), rng)
        made = (kept @ new + swapped @ old).reshape(shape)
        drawn.append(_g_squares(made, total))
        noise.append(_moved(made, total))
    seen, by_chance = _g_squares(here, total)[0], np.concatenate(drawn)
    as_large = (by_chance.sum(axis=1) >= seen.sum() - 1e-9).sum()
    rows_as_large = (by_chance >= seen - 1e-9).sum(axis=0)
    return Exchange(
        p=float((1 + as_large) / (draws + 1)),
        p_rows=(1 + rows_as_large) / (draws + 1),
        moved=float(_moved(here, total)[0]),
        noise=np.concatenate(noise),
    )


def _exchanges(
    was: Truths, is_now: Truths, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw who counts as this period's: of those seen in both, one period of the two."""
    kept = (rng.random((draws, len(was))) < 0.5).astype(np.float64)
    swapped = 1.0 - kept
    alone = np.flatnonzero(was ^ is_now)
    labels = rng.permuted(np.tile(is_now[alone].astype(np.float64), (draws, 1)), axis=1)
    kept[:, alone] = swapped[:, alone] = labels
    return kept, swapped


def _g_squares(after: Floats, total: Floats) -> Floats:
    """Give G² of every row (second axis) for every draw (first axis)."""
    before = np.maximum(total - after, 0.0)
    inner = _logs(after).sum(axis=2) + _logs(before).sum(axis=2) - _logs(total).sum(axis=2)
    left, other, both = after.sum(axis=2), before.sum(axis=2), total.sum(axis=2)
    found: Floats = 2 * (inner - _logs(left) - _logs(other) + _logs(both))
    return found


def _logs(counts: Floats) -> Floats:
    found: Floats = counts * np.log(np.maximum(counts, 1.0))
    return found


def _moved(after: Floats, total: Floats) -> Floats:
    """Give the share of moves that go elsewhere, for every draw, rows weighed by their visits."""
    before = np.maximum(total - after, 0.0)
    visits, others = (one.sum(axis=2, keepdims=True) for one in (after, before))
    shares = after / np.maximum(visits, 1.0) - before / np.maximum(others, 1.0)
    away = np.abs(shares).sum(axis=2) / 2
    whole: Floats = (away * visits[:, :, 0]).sum(axis=1) / np.maximum(visits.sum(axis=(1, 2)), 1.0)
    return whole


@dataclass(frozen=True, slots=True)
class Stability:
    """How far a mix of groups moved, and how far it seems to move when nothing does.

    Attributes:
        index: Population stability index, Σ (q − p) ln(q / p).
        by_chance: What it is worth on average where nothing changed: (k − 1)(1/n + 1/m).
        most_by_chance: What it stays below in 95 of 100 such comparisons.
        p: Chance of an index as large where nothing changed.
    """

    index: float
    by_chance: float
    most_by_chance: float
    p: float


def measure_stability(before: Integers, after: Integers) -> Stability:
    """Measure how far a mix of groups moved, held against chance and not against a fixed number.

    Args:
        before: Customers of each group in the earlier period.
        after: The same in this one.

    Returns:
        The index; groups that are empty in both take no part, and one that is empty in one of them
        counts half a customer. Without a change the index times nm/(n + m) follows a chi-square
        distribution with k − 1 degrees of freedom.

    References:
        Yurdakul (2018), Western Michigan University, Statistical properties of the population
        stability index.

    Example:
        >>> import numpy as np
        >>> round(measure_stability(np.array([50, 50]), np.array([50, 50])).by_chance, 3)
        0.02
    """
    met = (before + after) > 0
    counts = [np.maximum(one[met].astype(np.float64), 0.5) for one in (before, after)]
    p, q = (one / one.sum() for one in counts)
    scale = 1 / float(before.sum()) + 1 / float(after.sum())
    index, df = float(((q - p) * np.log(q / p)).sum()), int(met.sum()) - 1
    if df < 1:
        return Stability(index, 0.0, 0.0, 1.0)
    most = float(stats.chi2.ppf(0.95, df)) * scale
    return Stability(index, df * scale, most, float(stats.chi2.sf(index / scale, df)))
