"""What hurts: losses, delays, returns and bad feelings by touchpoint and channel, ranked.

Associations between groups that are followed alike, each with an interval and adjusted for having
looked at many. Evidence is D throughout; nothing here says what caused what.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from journeylib.engine import summarise
from journeylib.exposures import summarise_exposures, summarise_reach
from journeylib.hazards import summarise_hazards
from journeylib.ratios import wilson
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from journeylib.log import Log

NEWCOMBE = "Newcombe (1998) hybrid score interval of a difference"
WELCH = "Welch (1947) interval of a difference of means"
RATES = "Mantel-Haenszel rate ratio by week in the stage (Greenland & Robins 1985)"
LONGEST_WAIT, SHORTEST_WAIT = 60, 1 / 24
FEWEST_EXPECTED = 5
COLUMNS = [
    "stage", "touchpoint", "channel", "kind", "customers", "value", "low", "high", "n", "p_value",
    "unit", "source", "hit", "wait_days",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups of customers, compared in the share to whom something good happened.

    All fields have one entry a row: hits and cases of the group concerned, then of the others.
    """

    hits: pd.Series
    cases: pd.Series
    other_hits: pd.Series
    other_cases: pd.Series

    @property
    def enough(self) -> pd.Series:
        """Whether five outcomes of either kind are expected in both groups, as the test needs."""
        pooled = (self.hits + self.other_hits) / (self.cases + self.other_cases)
        rarer = pooled.where(pooled <= 0.5, 1 - pooled)
        return rarer * self.cases.clip(upper=self.other_cases) >= FEWEST_EXPECTED

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

        *loss*, up to the purchase: share that goes on after the touchpoint, less that of the other
        touchpoints of its stage. *loss*, after it (for retention: from it on): share with the
        outcome within the follow-up once the touchpoint was met, less that of customers as long in
        the stage who had not met it. *delay*: share with the outcome among the slowest quarter of
        those who waited since the purchase or the last usual stop after it, less that of the
        others. *repeat*: the same for those who came back within a week, from the purchase stage
        on, because to look again at what one may buy is no trouble. *sentiment*: mean tone less
        that of the other touchpoints rated in the same source.

        Touchpoints that are the outcome, end it, undo it (refunds) or only measure it (surveys)
        are compared in sentiment alone. Rows where fewer than five outcomes of either kind would
        be expected are left out.
    """
    parts = [
        _feelings(voices, log, min_customers, confidence),
        *_compare_cells(log, min_customers, confidence),
        _hazards(log, min_customers, confidence),
    ]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table = table[~table["touchpoint"].isin(list(exclude))].reset_index(drop=True)
    adjusted = multipletests(table["p_value"], method="fdr_bh")[1] if len(table) else 0.0
    return table.assign(p_adjusted=adjusted, effect=table["value"], persona="all", evidence="D")


def rank_pains(compared: pd.DataFrame, *, fdr: float = 0.10) -> pd.DataFrame:
    """Keep what is worse than its like and rank it by the customers it costs.

    Args:
        compared: From ``compare_touchpoints``.
        fdr: False discovery rate that is accepted.

    Returns:
        The result table ``pains``; no interval in it reaches zero.
    """
    return _ranked("pains", compared, compared["high"].astype(float) < 0, fdr)


def rank_delights(compared: pd.DataFrame, *, fdr: float = 0.10) -> pd.DataFrame:
    """Keep what is liked more than its like and rank it by the customers it pleases.

    Only what customers say counts: to be quick, or to be met by those who stay, is no delight yet.

    Args:
        compared: From ``compare_touchpoints``.
        fdr: False discovery rate that is accepted.

    Returns:
        The result table ``delights``.
    """
    better = (compared["low"].astype(float) > 0) & (compared["kind"] == "sentiment")
    return _ranked("delights", compared, better, fdr)


def _ranked(name: str, compared: pd.DataFrame, wanted: pd.Series, fdr: float) -> pd.DataFrame:
    kept = compared[wanted & (compared["p_adjusted"].astype(float) <= fdr)]
    if kept.empty:
        return complete_result(name, pd.DataFrame())
    order = ["hit", "touchpoint", "channel", "kind"]
    kept = kept.sort_values(order, ascending=[False, True, True, True], ignore_index=True)
    kept = kept.assign(rank=np.arange(1, len(kept) + 1)).drop(columns=["hit", "p_value"])
    return complete_result(name, kept)


def _table(
    names: pd.DataFrame, estimates: pd.DataFrame, *, kind: str, customers: pd.Series, source: str
) -> pd.DataFrame:
    table = pd.concat([names[["stage", "touchpoint", "channel"]], estimates], axis=1)
    table = table.assign(kind=kind, customers=customers, unit="share", source=source)
    table["hit"] = table["customers"] * table["value"].abs()
    return table.reindex(columns=COLUMNS)


def _compare_cells(log: Log, fewest: int, confidence: float) -> list[pd.DataFrame]:
    reach = summarise(summarise_reach, log.readable)
    stations = reach.stations if reach is not None else ()
    summary = summarise(partial(summarise_exposures, stations=stations), log.readable)
    if summary is None:
        return []
    cells = summary.frame()
    cells = cells[~cells["outcome"].astype(bool)]
    return [
        _losses(cells, fewest, confidence),
        _delays(cells, fewest, confidence),
        _returns(cells, fewest, confidence),
    ]


def _losses(cells: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    """Compare with the other touchpoints of the same stage; use and praise are no place of loss."""
    before = cells[(cells["timing"] != "post_purchase") & (cells["stage"] != "unmapped")]
    others = before.groupby("stage")[["seen", "left"]].transform("sum") - before[["seen", "left"]]
    enough = (before["seen"] >= fewest) & (others["seen"] >= fewest)
    own, rest = before[enough], others[enough]
    compared = Comparison(
        own["seen"] - own["left"], own["seen"], rest["seen"] - rest["left"], rest["seen"]
    )
    table = _rows(own, compared, "loss", own["left"], confidence)
    table["hit"] = own["seen"].reindex(table.index) * table["value"].abs()
    return table


def _delays(cells: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    """Before the purchase the pace is the customer's own, so only what follows it can be late."""
    waited = cells["wait_days"].between(SHORTEST_WAIT, LONGEST_WAIT)
    waited &= cells["timing"] == "post_purchase"
    own = cells[waited & (cells["slow"] >= fewest) & (cells["quick"] >= fewest)]
    compared = Comparison(own["slow_good"], own["slow"], own["quick_good"], own["quick"])
    table = _rows(own, compared, "delay", own["slow"], confidence)
    table["wait_days"] = own["wait_days"].reindex(table.index)
    return table


def _returns(cells: pd.DataFrame, fewest: int, confidence: float) -> pd.DataFrame:
    own = cells[(cells["back"] >= fewest) & (cells["once"] >= fewest)]
    own = own[own["timing"] != "pre_purchase"]
    compared = Comparison(own["back_good"], own["back"], own["once_good"], own["once"])
    return _rows(own, compared, "repeat", own["back"], confidence)


def _rows(
    cells: pd.DataFrame, compared: Comparison, kind: str, concerned: pd.Series, confidence: float
) -> pd.DataFrame:
    estimates = compared.frame(confidence)
    table = _table(cells, estimates, kind=kind, customers=concerned, source=NEWCOMBE)
    return table[compared.enough].copy()


def _hazards(log: Log, fewest: int, confidence: float) -> pd.DataFrame:
    """Turn each rate ratio into a difference in the share with the outcome at the end.

    The rate of the others is taken as known; the interval is that of the ratio.
    """
    summary = summarise(summarise_hazards, log.readable)
    if summary is None:
        return pd.DataFrame(columns=COLUMNS)
    cells = summary.frame()
    ignored = [*log.codes.good, *log.codes.bad, *log.codes.aside]
    known = ~cells["touchpoint"].isin([log.codes.touchpoints[code] for code in ignored])
    known &= (cells["exposed"] >= fewest) & (cells["entered"] - cells["exposed"] >= fewest)
    known &= (cells["expected"] >= FEWEST_EXPECTED) & (cells["bottom"] > 0) & (cells["other"] > 0)
    own = cells[known]
    top = np.maximum(own["top"], 0.5 * own["bottom"] / own["expected"])  # half an outcome at least
    ratio, error = top / own["bottom"], np.sqrt(own["spread"] / (top * own["bottom"]))
    wide = np.exp(stats.norm.ppf((1 + confidence) / 2) * error)
    effect, one, two = (
        _share_moved(r, own["other"], log) for r in (ratio, ratio / wide, ratio * wide)
    )
    z = (own["events"] - own["expected"]) / np.sqrt(own["spread"])
    estimates = pd.DataFrame(
        {
            "value": effect,
            "low": np.minimum(one, two),
            "high": np.maximum(one, two),
            "n": own["entered"],
            "p_value": 2 * stats.norm.sf(np.abs(z)),
        }
    )
    return _table(own, estimates, kind="loss", customers=own["exposed"], source=RATES)


def _share_moved(ratio: pd.Series, other: pd.Series, log: Log) -> pd.Series:
    """Difference in the share with a good end when the rate of the deciding event is multiplied."""
    sign = -1 if log.codes.outcome == "retention" else 1
    return sign * ((-other).transform("exp") - (-ratio * other).transform("exp"))


# ---------------------------------------------------------------- what customers say


def _feelings(voices: pd.DataFrame, log: Log, fewest: int, confidence: float) -> pd.DataFrame:
    """Compare the mean tone at each touchpoint with that of the others asked about alike."""
    said = _answers(voices)
    stage_of = dict(zip(log.codes.touchpoints, log.codes.stage_of, strict=True))
    stages = [*log.codes.stages, "unmapped"]
    rows = []
    for (touchpoint, channel), here in said.groupby(["touchpoint", "channel"], sort=True):
        alike = said["asked"].isin(here["asked"].unique())
        found = _tone_difference(here, said[alike], fewest, confidence)
        if found is not None:
            place = (stages[stage_of.get(str(touchpoint), -1)], touchpoint, channel)
            rows.append((*place, *found))
    names = ["stage", "touchpoint", "channel", "customers", "value", "low", "high", "n", "p_value"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(kind="sentiment", unit="sentiment", source=WELCH)
    return table.assign(hit=table["customers"] * table["value"].abs() / 2).reindex(columns=COLUMNS)


def _answers(voices: pd.DataFrame) -> pd.DataFrame:
    """Number who spoke and how they were asked, and centre the tone on what was asked alike.

    Stars at the door and the willingness to recommend have different means whatever happened, so
    only answers from one source are compared. Sources that rate a single place are taken as one.
    """
    columns = ["customer", "touchpoint", "channel", "source", "sentiment"]
    said = voices.reindex(columns=columns).dropna(subset=["touchpoint", "sentiment"])
    said = said.reset_index(drop=True)
    channel, source = said["channel"].fillna("").astype("str"), said["source"].fillna("")
    known = said["customer"].astype("Int64")
    own = known.fillna(pd.Series(-1 - np.arange(len(said)), dtype="Int64"))
    place = said["touchpoint"].astype("str") + "\n" + channel
    alone = place.groupby(source).transform("nunique") == 1 if len(said) else place.eq("")
    asked = pd.factorize(source.astype("str").where(~alone, ""))[0]
    said = said.assign(channel=channel, own=pd.factorize(own)[0], asked=asked)
    said["tone"] = said["sentiment"].astype(float)
    said["tone"] -= said.groupby("asked")["tone"].transform("mean")
    return said


def _tone_difference(
    here: pd.DataFrame, alike: pd.DataFrame, fewest: int, confidence: float
) -> tuple[int, float, float, float, int, float] | None:
    """Welch's interval on customers' own means, or nothing where too few have spoken."""
    size = int(alike["own"].max()) + 1
    sums, counts = _by_customer(alike, size)
    own_sums, own_counts = _by_customer(here, size)
    one = own_sums[own_counts > 0] / own_counts[own_counts > 0]
    left = counts - own_counts
    two = (sums - own_sums)[left > 0] / left[left > 0]
    if min(len(one), len(two)) < max(fewest, 2):
        return None
    n, difference = len(one) + len(two), float(one.mean() - two.mean())
    parts = one.var(ddof=1) / len(one), two.var(ddof=1) / len(two)
    error = float(np.sqrt(sum(parts)))
    if error < 1e-12:
        return len(one), difference, difference, difference, n, 1.0
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(two) - 1))
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * error
    p_value = float(2 * stats.t.sf(abs(difference) / error, degrees))
    return len(one), difference, difference - half, difference + half, n, p_value


def _by_customer(said: pd.DataFrame, size: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    own = said["own"].to_numpy()
    sums = np.bincount(own, weights=said["tone"].to_numpy(), minlength=size)
    return sums.astype(np.float64), np.bincount(own, minlength=size)
