"""What hurts: losses, delays, returns and bad feelings by touchpoint and channel, ranked.

First version: associations between followed groups, each with an interval and adjusted for having
looked at many. Evidence is D throughout; nothing here says what caused what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from journeylib.engine import summarise
from journeylib.exposures import summarise_exposures
from journeylib.ratios import wilson
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Log

NEWCOMBE = "Newcombe (1998) hybrid score interval of a difference"
WELCH = "Welch (1947) interval of a difference of means"
LONGEST_WAIT, SHORTEST_WAIT = 60, 1 / 24


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups of customers, compared in the share to whom something good happened.

    All fields have one entry a row: hits and cases of the group concerned, then of the others.
    """

    hits: pd.Series
    cases: pd.Series
    other_hits: pd.Series
    other_cases: pd.Series

    def frame(self, confidence: float) -> pd.DataFrame:
        """Columns ``value, low, high, n, p_value``: the difference of the two shares."""
        columns = (self.hits, self.cases, self.other_hits, self.other_cases)
        a, n, b, m = (column.to_numpy(float) for column in columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            p, q = a / n, b / m
            low, high = wilson(p, n, confidence=confidence)
            other_low, other_high = wilson(q, m, confidence=confidence)
            below = np.sqrt((p - low) ** 2 + (other_high - q) ** 2)
            above = np.sqrt((high - p) ** 2 + (q - other_low) ** 2)
            pooled = (a + b) / (n + m)
            error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
            z = np.where(error > 0, (p - q) / error, 0.0)
        return pd.DataFrame(
            {
                "value": p - q,
                "low": p - q - below,
                "high": p - q + above,
                "n": n + m,
                "p_value": 2 * stats.norm.sf(np.abs(z)),
            },
            index=self.hits.index,
        )


def compare_touchpoints(
    log: Log,
    voices: pd.DataFrame,
    *,
    min_customers: int = 30,
    exclude: Sequence[str] = (),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare every touchpoint in every channel with its like, in four ways.

    Args:
        log: The event log.
        voices: What customers said: ``customer, touchpoint, channel, sentiment``.
        min_customers: Fewest customers in each of the groups compared.
        exclude: Touchpoints that are left out.
        confidence: Coverage of the intervals.

    Returns:
        One row per touchpoint, channel and kind: ``effect`` (negative is worse), ``customers``
        concerned, ``hit`` (customers times size, for ranking), ``p_value``, ``p_adjusted``
        (Benjamini-Hochberg over all rows) and the estimate's columns.

        *loss*: share that goes on after the touchpoint, less that of the other touchpoints of its
        stage. *delay*: share with the outcome among the slowest quarter, less that of the others.
        *repeat*: the same for those who came back within a week. *sentiment*: mean tone less that
        of all other touchpoints.
    """
    summary = summarise(summarise_exposures, log.parts)
    cells = summary.frame() if summary is not None else pd.DataFrame()
    parts = [_feelings(voices, log, min_customers, confidence)]
    if len(cells):
        cells = cells[~cells["outcome"] & ~cells["touchpoint"].isin(list(exclude))]
        parts += [
            _losses(cells, min_customers, confidence),
            _delays(cells, min_customers, confidence),
            _returns(cells, min_customers, confidence),
        ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return complete_result("pains", pd.DataFrame())
    table = pd.concat(parts, ignore_index=True)
    table = table[~table["touchpoint"].isin(list(exclude))].reset_index(drop=True)
    table["p_adjusted"] = multipletests(table["p_value"], method="fdr_bh")[1] if len(table) else []
    table["effect"] = table["value"]
    return table.assign(persona="all", evidence="D")


def rank_pains(compared: pd.DataFrame, *, fdr: float = 0.10) -> pd.DataFrame:
    """Keep what is worse than its like and rank it by the customers it costs.

    Args:
        compared: From ``compare_touchpoints``.
        fdr: False discovery rate that is accepted.

    Returns:
        The result table ``pains``.
    """
    return _ranked("pains", compared, compared["effect"].astype(float) < 0, fdr)


def rank_delights(compared: pd.DataFrame, *, fdr: float = 0.10) -> pd.DataFrame:
    """Keep what is better than its like and rank it; quick customers are no delight of their own.

    Args:
        compared: From ``compare_touchpoints``.
        fdr: False discovery rate that is accepted.

    Returns:
        The result table ``delights``.
    """
    better = (compared["effect"].astype(float) > 0) & (compared["kind"] == "sentiment")
    return _ranked("delights", compared, better, fdr)


def _ranked(name: str, compared: pd.DataFrame, wanted: pd.Series, fdr: float) -> pd.DataFrame:
    kept = compared[wanted & (compared["p_adjusted"].astype(float) <= fdr)]
    if kept.empty:
        return complete_result(name, pd.DataFrame())
    order = ["hit", "touchpoint", "channel", "kind"]
    kept = kept.sort_values(order, ascending=[False, True, True, True], ignore_index=True)
    kept = kept.assign(rank=np.arange(1, len(kept) + 1)).drop(columns=["hit", "p_value"])
    return complete_result(name, kept)


def _rows(
    cells: pd.DataFrame,
    compared: Comparison,
    *,
    kind: str,
    concerned: pd.Series,
    confidence: float,
    source: str = NEWCOMBE,
) -> pd.DataFrame:
    estimates = compared.frame(confidence)
    table = cells[["stage", "touchpoint", "channel"]].assign(kind=kind, customers=concerned)
    table = pd.concat([table, estimates], axis=1).assign(unit="share", source=source)
    return table.assign(hit=table["customers"] * table["value"].abs())


def _losses(cells: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    """Compare with the other touchpoints of the same stage; use and praise are no place of loss."""
    before = cells[(cells["timing"] != "post_purchase") & (cells["stage"] != "unmapped")]
    stage = before.groupby("stage")[["seen", "left"]].transform("sum")
    others = stage - before[["seen", "left"]]
    enough = (before["seen"] >= fewest) & (others["seen"] >= fewest)
    own, rest = before[enough], others[enough]
    compared = Comparison(
        own["seen"] - own["left"], own["seen"], rest["seen"] - rest["left"], rest["seen"]
    )
    table = _rows(own, compared, kind="loss", concerned=own["left"], confidence=confidence)
    return table.assign(hit=own["seen"] * table["value"].abs())


def _delays(cells: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    waited = cells["wait_days"].between(SHORTEST_WAIT, LONGEST_WAIT)
    own = cells[waited & (cells["slow"] >= fewest) & (cells["quick"] >= fewest)]
    compared = Comparison(own["slow_good"], own["slow"], own["quick_good"], own["quick"])
    table = _rows(own, compared, kind="delay", concerned=own["slow"], confidence=confidence)
    return table.assign(wait_days=own["wait_days"])


def _returns(cells: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    own = cells[(cells["back"] >= fewest) & (cells["once"] >= fewest)]
    compared = Comparison(own["back_good"], own["back"], own["once_good"], own["once"])
    return _rows(own, compared, kind="repeat", concerned=own["back"], confidence=confidence)


def _feelings(voices: pd.DataFrame, log: Log, fewest: int, confidence: float) -> pd.DataFrame:
    """Compare the mean tone at each touchpoint with that of all others, customer by customer."""
    said = voices.dropna(subset=["touchpoint", "sentiment"])
    if said.empty:
        return pd.DataFrame()
    own = (
        said["customer"]
        .astype("str")
        .where(said["customer"].notna(), "row " + said.index.astype("str"))
    )
    said = said.assign(own=own, channel=said["channel"].fillna(""))
    stage_of = dict(zip(log.codes.touchpoints, log.codes.stage_of, strict=True))
    stages = [*log.codes.stages, "unmapped"]
    rows = []
    for (touchpoint, channel), here in said.groupby(["touchpoint", "channel"], sort=True):
        there = said.drop(here.index)
        if here["own"].nunique() >= fewest and there["own"].nunique() >= fewest:
            place = (stages[stage_of.get(touchpoint, -1)], touchpoint, channel)
            rows.append((*place, *_tone_difference(here, there, confidence)))
    names = ["stage", "touchpoint", "channel", "customers", "value", "low", "high", "n", "p_value"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(kind="sentiment", unit="sentiment", source=WELCH)
    return table.assign(hit=table["customers"] * table["value"].abs() / 2)


def _tone_difference(
    here: pd.DataFrame, there: pd.DataFrame, confidence: float
) -> tuple[int, float, float, float, int, float]:
    one, two = (rows.groupby("own")["sentiment"].mean() for rows in (here, there))
    difference = float(one.mean() - two.mean())
    parts = one.var() / len(one), two.var() / len(two)
    error = float(np.sqrt(sum(parts)))
    if error == 0:
        return len(one), difference, difference, difference, len(one) + len(two), 1.0
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(two) - 1))
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * error
    p_value = float(2 * stats.t.sf(abs(difference) / error, degrees))
    n = len(one) + len(two)
    return len(one), difference, difference - half, difference + half, n, p_value
