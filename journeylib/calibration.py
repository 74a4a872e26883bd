"""How good chances are that were told beforehand: do they rank, and did as many leave as was said.

Chances come in, with what became of each customer; customers are drawn again for every interval.
Not for making the chances; see `predict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from scipy.special import logit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from journeylib.arrivals import EVERYONE
from journeylib.logits import chance as chance_of
from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeylib.log import Floats, Integers

Name = TypeVar("Name", str, int)
DRAWS, FEW_DRAWS, MANY, CHUNK = 400, 200, 20_000, 500_000
GROUPS = 10
SURE = 1e-6
ROUNDS, FARTHEST, LEAST_APART = 25, 3.0, 0.05
# A draw needs no more digits than its interval shows.
CLOSE, CLOSEST = 1e-3, 1e-8
CAPACITIES = (0.05, 0.10, 0.20, 0.30)
DRAWN = "customers of the hold-out drawn again, percentiles (Efron 1979)"
MEASURES = {
    "auc": ("share", "area under the ROC curve (Hanley and McNeil 1982)"),
    "log_loss": ("bits", "mean log-loss, in bits a customer"),
    "brier": ("none", "mean squared error of the chance (Brier 1950)"),
    "scaled_brier": ("none", "1 - Brier / Brier of the average rate"),
    "slope": ("none", "calibration slope (Cox 1958)"),
    "intercept": ("none", "calibration in the large, log-odds (Cox 1958)"),
    "ece": ("share", "expected calibration error over ten groups of equal size"),
}
MEASURE_COLUMNS = ["model", "measure", "value", "low", "high", "n", "unit", "source"]


@dataclass(frozen=True, slots=True)
class Judged:
    """How several models did on the same customers.

    Attributes:
        measures: One row per model and measure of ``MEASURES``: ``model, measure, value, low, high,
            n, unit, source``. A slope is missing where the chances are all the same.
        gains: One row per pair of models, the earlier one first: ``model, against`` and how much
            smaller the log-loss of ``model`` is, in bits a customer, drawn in pairs.
    """

    measures: pd.DataFrame
    gains: pd.DataFrame


def judge_chances(
    chances: Mapping[str, Floats], left: Floats, *, seed: int = 7, confidence: float = 0.95
) -> Judged:
    """Hold the chances of several models against what became of the same customers.

    Args:
        chances: Chance of leaving of each customer, 0 to 1, by model.
        left: 1 for who left, 0 for who stayed; both must be among them.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        Measures and gains, with intervals from drawing customers again.

    References:
        Van Calster et al. (2019), BMC Medicine 17:230 (slope and calibration in the large).
    """
    plans = {name: _Plan(one, left) for name, one in chances.items()}
    once = {name: plan.measure(np.ones((1, len(left)))) for name, plan in plans.items()}
    drawn: dict[str, list[dict[str, Floats]]] = {name: [] for name in plans}
    with threadpool_limits(limits=1):
        for weights in draw_customers(len(left), seed=seed):
            for name, plan in plans.items():
                drawn[name].append(plan.measure(weights))
    every = {
        name: {measure: np.concatenate([part[measure] for part in parts]) for measure in MEASURES}
        for name, parts in drawn.items()
    }
    rows = [
        (name, measure, *_interval(float(once[name][measure][0]), every[name][measure], measure,
                                   confidence), len(left), *MEASURES[measure])
        for name in plans for measure in MEASURES
    ]  # fmt: skip
    measures = pd.DataFrame(rows, columns=MEASURE_COLUMNS)
    return Judged(measures, _gains(once, every, len(left), confidence))


def _interval(value: float, drawn: Floats, measure: str, confidence: float) -> tuple[float, ...]:
    """Give percentiles; what chance alone makes larger is turned round its value first."""
    if not np.isfinite(value):
        return np.nan, np.nan, np.nan
    tail = (1 - confidence) / 2
    known = drawn[np.isfinite(drawn)]  # a draw of leavers alone orders nobody
    if not len(known):
        return value, np.nan, np.nan
    low, high = np.quantile(known, [tail, 1 - tail])
    if measure == "ece":
        low, high = max(2 * value - high, 0.0), 2 * value - low
    return value, min(float(low), value), max(float(high), value)


def _gains(
    once: Mapping[str, Mapping[str, Floats]],
    every: Mapping[str, Mapping[str, Floats]],
    n: int,
    confidence: float,
) -> pd.DataFrame:
    names, rows = list(once), []
    for place, against in enumerate(names):
        for name in names[place + 1 :]:
            value = float(once[against]["log_loss"][0] - once[name]["log_loss"][0])
            drawn = every[against]["log_loss"] - every[name]["log_loss"]
            rows.append((name, against, *_interval(value, drawn, "gain", confidence), n, "bits",
                         f"difference of mean log-loss; {DRAWN}"))  # fmt: skip
    return pd.DataFrame(
        rows, columns=["model", "against", "value", "low", "high", "n", "unit", "source"]
    )


def draw_customers(n: int, *, seed: int) -> Iterator[Floats]:
    """Draw customers again and again, with replacement.

    Args:
        n: Customers.
        seed: Seed.

    Yields:
        How often each customer was drawn, one row per draw; all rows together are 400 draws, or
        200 of more than 20,000 customers.
    """
    rng = np.random.default_rng(seed)
    left = FEW_DRAWS if n > MANY else DRAWS
    while left > 0:
        size = min(left, max(1, CHUNK // max(n, 1)))
        picks = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        left -= size


def choose_model(gains: pd.DataFrame, names: Sequence[Name]) -> Name:
    """Choose the plainest model that no other clearly beats.

    Args:
        gains: How much smaller the log-loss of one is than that of another: ``model, against,
            low``, as from `judge_chances`.
        names: Models, the plainest first.

    Returns:
        Name of the model; a later one is taken only where its log-loss is smaller than that of the
        one held so far and the interval of the difference lies above 0.
    """
    low = dict(zip(zip(gains["model"], gains["against"], strict=True), gains["low"], strict=True))
    chosen = names[0]
    for name in names[1:]:
        if float(low[name, chosen]) > 0:
            chosen = name
    return chosen


def _ranked(values: Floats) -> tuple[Integers, Integers]:
    """Give the places of values in rising order, and where in it a new value begins."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    return order, np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))


class _Plan:
    """What all draws of one model share: its order, its ties, its groups and its log-odds."""

    def __init__(self, chance: Floats, left: Floats) -> None:
        self.left = left.astype(np.float64)
        self.chance = np.clip(chance.astype(np.float64), SURE, 1 - SURE)
        self.odds = logit(self.chance)
        self.order, self.opens = _ranked(chance)
        self.groups = np.array_split(self.order, min(GROUPS, len(chance)))
        won = np.where(self.left > 0, self.chance, 1 - self.chance)
        self.loss = -np.log2(won)
        self.start: Floats | None = None

    def measure(self, weights: Floats) -> dict[str, Floats]:
        """Measure on customers drawn so often, one value per row of weights."""
        total = weights.sum(axis=1)
        rate = weights @ self.left / total
        brier = weights @ (self.chance - self.left) ** 2 / total
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = 1 - brier / (rate * (1 - rate))
        slope, large = self._slope(weights), self._intercept(weights)
        gaps = [np.abs(weights[:, at] @ (self.left - self.chance)[at]) for at in self.groups]
        return {
            "auc": self._auc(weights), "log_loss": weights @ self.loss / total, "brier": brier,
            "scaled_brier": scaled, "slope": slope, "intercept": large,
            "ece": np.sum(gaps, axis=0) / total,
        }  # fmt: skip

    def _auc(self, weights: Floats) -> Floats:
        """Share of pairs told apart; ties count half."""
        gone = np.add.reduceat(weights[:, self.order] * self.left[self.order], self.opens, axis=1)
        every = np.add.reduceat(weights[:, self.order], self.opens, axis=1)
        stay = every - gone
        below = np.cumsum(stay, axis=1) - stay / 2
        pairs = gone.sum(axis=1) * stay.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            area: Floats = (gone * below).sum(axis=1) / pairs
        return area

    def _slope(self, weights: Floats) -> Floats:
        if np.ptp(self.odds) < LEAST_APART:
            return np.full(len(weights), np.nan)
        if self.start is None:
            # From nothing, Newton's steps do not overshoot; draws then start where this ends.
            self.start = self._newton(np.ones((1, len(self.left))), np.zeros((1, 2)))
        return self._newton(weights, np.repeat(self.start, len(weights), axis=0))[:, 1]

    def _newton(self, weights: Floats, beta: Floats) -> Floats:
        """Fit log-odds anew on the log-odds that were told, for every row of weights at once."""
        z = self.odds
        for _ in range(ROUNDS):
            p = chance_of(beta[:, :1] + beta[:, 1:] * z)
            v, r = weights * p * (1 - p), weights * (self.left - p)
            a, b, c = v.sum(axis=1), v @ z, v @ z**2
            g, h = r.sum(axis=1), r @ z
            det = np.maximum(a * c - b * b, 1e-12)
            move = np.stack([(c * g - b * h) / det, (a * h - b * g) / det], axis=1)
            beta = beta + np.clip(move, -FARTHEST, FARTHEST)
            if np.abs(move).max() < (CLOSE if len(weights) > 1 else CLOSEST):
                break
        return beta

    def _intercept(self, weights: Floats) -> Floats:
        shift = np.zeros(len(weights))
        for _ in range(ROUNDS):
            p = chance_of(shift[:, None] + self.odds)
            move = (weights * (self.left - p)).sum(axis=1)
            move /= np.maximum((weights * p * (1 - p)).sum(axis=1), 1e-12)
            shift = shift + np.clip(move, -FARTHEST, FARTHEST)
            if np.abs(move).max() < (CLOSE if len(weights) > 1 else CLOSEST):
                break
        return shift


# ---------------------------------------------------------------- groups by risk


def group_risk(
    chance: Floats, left: Floats, *, fewest: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Lay what was said beside what came, for tenths of the customers by risk.

    Args:
        chance: Chance of leaving that was told of each customer.
        left: 1 for who left, 0 for who stayed.
        fewest: Leavers, and stayers, that a group must hold; neighbours are taken together until
            it does.
        confidence: Coverage of the intervals.

    Returns:
        One row per group, the least at risk first, and before them one of ``all``: ``tenths`` (such
        as ``1 to 3``), ``predicted`` (mean chance), ``value, low, high, n, unit, source`` (share
        who left, Wilson).
    """
    order = np.lexsort((np.arange(len(chance)), chance))
    parts = np.array_split(order, GROUPS)
    kept: list[tuple[int, int, Integers]] = []
    for tenth, part in enumerate(parts, start=1):
        first, rows = (tenth, part)
        if kept and not _is_told(left[kept[-1][2]], fewest):
            first, rows = kept[-1][0], np.concatenate([kept.pop()[2], part])
        kept.append((first, tenth, rows))
    while len(kept) > 1 and not _is_told(left[kept[-1][2]], fewest):
        last = kept.pop()
        kept[-1] = (kept[-1][0], last[1], np.concatenate([kept[-1][2], last[2]]))
    names = [f"{first}" if first == last else f"{first} to {last}" for first, last, _ in kept]
    groups = [order, *(rows for *_, rows in kept)]
    gone = [int(left[rows].sum()) for rows in groups]
    table = plain_shares(gone, [len(rows) for rows in groups], confidence=confidence)
    table.insert(0, "tenths", [EVERYONE, *names])
    table.insert(1, "predicted", [float(chance[rows].mean()) for rows in groups])
    return table


def _is_told(left: Floats, fewest: int) -> bool:
    gone = int(left.sum())
    return gone >= fewest and len(left) - gone >= fewest


def measure_lift(
    chance: Floats,
    left: Floats,
    *,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Say how many of those who left were among the customers most at risk.

    Args:
        chance: Chance of leaving that was told of each customer; ties share the last places.
        left: 1 for who left, 0 for who stayed.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        One row per share of customers that can be spoken to (5, 10, 20 and 30 of a hundred):
        ``capacity, customers, found`` (leavers among them), ``rate`` (their share), ``lift`` (times
        as many as among all), ``lift_low, lift_high``; ``value, low, high, n, unit, source``: share
        of all leavers.
    """
    ranks = _ranked(-chance)
    drawn = np.concatenate(
        [_captured(weights, left, ranks) for weights in draw_customers(len(left), seed=seed)]
    )
    every = _captured(np.ones((1, len(left))), left, ranks)[0]
    rows = []
    for at, one in enumerate(CAPACITIES):
        interval = _interval(float(every[at]), drawn[:, at], "captured", confidence)
        lift = {name: v / one for name, v in zip(("lift", "lift_low", "lift_high"), interval,
                                                 strict=True)}  # fmt: skip
        found, size = round(float(every[at] * left.sum())), max(round(one * len(left)), 1)
        rows.append({"capacity": one, "customers": size, "found": found, "rate": found / size,
                     **lift,
                     **dict(zip(("value", "low", "high"), interval, strict=True)),
                     "n": int(left.sum()), "unit": "share", "source": DRAWN})  # fmt: skip
    return pd.DataFrame(rows)


def _captured(weights: Floats, left: Floats, ranks: tuple[Integers, Integers]) -> Floats:
    """Share of leavers among the most at risk, by capacity; ties share the last places.

    One row per draw of customers, one column per capacity.
    """
    order, opens = ranks
    size = np.add.reduceat(weights[:, order], opens, axis=1)
    gone = np.add.reduceat(weights[:, order] * left[order], opens, axis=1)
    before = np.cumsum(size, axis=1) - size
    room = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.nan_to_num(np.clip((capacity * room - before) / size, 0.0, 1.0))
                 for capacity in CAPACITIES]  # fmt: skip
        found = [(gone * part).sum(axis=1) / gone.sum(axis=1) for part in parts]
    return np.column_stack(found)
