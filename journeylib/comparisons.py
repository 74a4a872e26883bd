"""Customers for whom a touchpoint went one way beside those for whom it went the other.

Counts in, differences with their intervals out. Not for choosing what is a pain; see `pains`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.ratios import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Codes

NEWCOMBE = "Newcombe (1998) hybrid score interval of a difference"
RATES = "Mantel-Haenszel rate ratio by week in the stage (Greenland & Robins 1985)"
LONGEST_WAIT, SHORTEST_WAIT = 60, 1 / 24
FEWEST_EXPECTED = 5
COLUMNS = [
    "stage", "touchpoint", "channel", "persona", "kind", "customers", "value", "low", "high", "n",
    "p_value", "unit", "source", "hit", "wait_days",
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


def compare_cells(
    cells: pd.DataFrame, outcome: str, *, fewest: int, confidence: float
) -> pd.DataFrame:
    """Compare touchpoints in what followed them: losses before the purchase, delays, returns.

    Args:
        cells: From ``exposures.Exposures.frame``.
        outcome: Of the log's codes.
        fewest: Fewest customers in each of the groups compared.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``COLUMNS``; ``persona`` is the cells' group.
    """
    cells = cells[~cells["outcome"].astype(bool)]
    found = [
        _losses(cells, outcome, fewest, confidence),
        _delays(cells, fewest, confidence),
        _returns(cells, fewest, confidence),
    ]
    return stack(found)


def stack(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put comparisons below each other; empty ones would only change the columns' types."""
    kept = [part for part in parts if len(part)]
    if not kept:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(kept, ignore_index=True).reindex(columns=COLUMNS)


def lay_out(
    names: pd.DataFrame, estimates: pd.DataFrame, *, kind: str, customers: pd.Series, source: str
) -> pd.DataFrame:
    """Put estimates beside the names of their cells.

    Args:
        names: Columns ``stage, touchpoint, channel`` and ``group``.
        estimates: From ``Comparison.frame``, with the same index.
        kind: Of the comparison.
        customers: How many customers are concerned.
        source: Where the interval comes from.
    """
    places = names[["stage", "touchpoint", "channel"]].assign(persona=names["group"])
    table = pd.concat([places, estimates], axis=1)
    table = table.assign(kind=kind, customers=customers, unit="share", source=source)
    table["hit"] = table["customers"] * table["value"].abs()
    return table.reindex(columns=COLUMNS)


def count_onward(cells: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Count who went on from touchpoints up to the purchase.

    Where the outcome is a conversion, to go on is to convert within the follow-up: who comes back
    to look again has not been won. Elsewhere it is to be seen again at all.

    Args:
        cells: From ``exposures.Exposures.frame``.
        outcome: Of the log's codes.

    Returns:
        Columns ``met`` (customers), ``cases`` (as many as tell, recent ones in part) and ``hits``,
        those who went on.
    """
    names = ("visited", "onward", "onward_good") if outcome == "conversion" else ("seen",) * 3
    met, cases, hits = (cells[name] for name in names)
    lost = cells["left"] if outcome != "conversion" else 0
    return pd.DataFrame({"met": met, "cases": cases, "hits": hits - lost})


def _losses(cells: pd.DataFrame, outcome: str, fewest: int, confidence: float) -> pd.DataFrame:
    """Compare with the other touchpoints of the same stage; use and praise are no place of loss."""
    before = cells[(cells["timing"] != "post_purchase") & (cells["stage"] != "unmapped")]
    counts = count_onward(before, outcome)
    others = counts.groupby([before["group"], before["stage"]]).transform("sum") - counts
    enough = (counts["met"] >= fewest) & (others["met"] >= fewest)
    own, rest = counts[enough], others[enough]
    compared = Comparison(own["hits"], own["cases"], rest["hits"], rest["cases"])
    lost = (own["met"] * (1 - own["hits"] / own["cases"])).round().astype("int64")
    table = _rows(before[enough], compared, "loss", lost, confidence)
    table["hit"] = own["met"].reindex(table.index) * table["value"].abs()
    table["n"] = (own["met"] + rest["met"]).reindex(table.index)
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
    table = lay_out(cells, estimates, kind=kind, customers=concerned, source=NEWCOMBE)
    return table[compared.enough].copy()


def compare_rates(
    cells: pd.DataFrame, codes: Codes, *, fewest: int, confidence: float
) -> pd.DataFrame:
    """Turn each rate ratio into a difference in the share with the outcome at the end.

    The rate of the others is taken as known; the interval is that of the ratio.

    Args:
        cells: From ``hazards.Hazards.frame``.
        codes: Of the log.
        fewest: Fewest customers who met the touchpoint, and who did not.
        confidence: Coverage of the intervals.
    """
    ignored = [*codes.good, *codes.bad, *codes.aside]
    known = ~cells["touchpoint"].isin([codes.touchpoints[code] for code in ignored])
    known &= (cells["exposed"] >= fewest) & (cells["entered"] - cells["exposed"] >= fewest)
    known &= (cells["expected"] >= FEWEST_EXPECTED) & (cells["bottom"] > 0) & (cells["other"] > 0)
    own = cells[known]
    top = np.maximum(own["top"], 0.5 * own["bottom"] / own["expected"])  # half an outcome at least
    ratio, error = top / own["bottom"], np.sqrt(own["spread"] / (top * own["bottom"]))
    wide = np.exp(stats.norm.ppf((1 + confidence) / 2) * error)
    effect, one, two = (
        _share_moved(r, own["other"], codes) for r in (ratio, ratio / wide, ratio * wide)
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
    return lay_out(own, estimates, kind="loss", customers=own["exposed"], source=RATES)


def _share_moved(ratio: pd.Series, other: pd.Series, codes: Codes) -> pd.Series:
    """Difference in the share with a good end when the rate of the deciding event is multiplied."""
    sign = -1 if codes.outcome == "retention" else 1
    return sign * ((-other).transform("exp") - (-ratio * other).transform("exp"))
