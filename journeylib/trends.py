"""Which themes customers speak of more, and which less, as time goes by.

A change of shares in time, whatever brought it about. Not for finding themes (`feedback`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.feedback import Themes

    Floats = NDArray[np.float64]

SLOPE = "linear trend within sources, clustered by customer (Liang & Zeger 1986)"
RISING, FALLING, STEADY, UNTOLD = "rising", "falling", "steady", "cannot tell"
SHORTEST_DAYS, FEWEST_COMMENTS, FEWEST_PERIODS = 56, 60, 4
EACH_PERIOD, FEWEST_HERE = 100, 10
SMALL = 0.05
PERIODS = (("month", "M"), ("quarter", "Q"), ("year", "Y"))
CHANGES = (
    "theme", "before", "after", "value", "low", "high", "n", "unit", "source", "p_value",
    "p_adjusted", "verdict",
)  # fmt: skip
SHARES = ("theme", "period", "start", "mentions", "value", "low", "high", "n", "unit", "source")


class Trends(NamedTuple):
    """How themes change.

    Attributes:
        changes: One row per theme: ``before`` and ``after`` (shares of comments in the first and
            last third of the days), the change of the share from the first day to the last as
            ``value, low, high, n, unit, source``, ``p_value, p_adjusted`` and ``verdict``.
        periods: One row per theme and period: ``mentions`` (customers) and the share of the
            customers who commented; empty where no period holds enough.
        unit: ``month``, ``quarter`` or ``year``; empty where there is none.
        reason: Why nothing can be said; empty where something can.
    """

    changes: pd.DataFrame
    periods: pd.DataFrame
    unit: str
    reason: str


def follow_themes(themes: Themes, *, fdr: float = 0.10, confidence: float = 0.95) -> Trends:
    """Follow how often customers speak of each theme.

    Args:
        themes: From ``feedback.find_themes``.
        fdr: Share of the rising and falling themes that may be false alarms.
        confidence: Coverage of the intervals.

    Returns:
        The changes, the largest first. A source that begins or ends midway moves nothing by
        itself: comments are compared within their source. *steady* means that the whole interval
        of the change lies within 5 points of zero. Nothing below 60 dated comments or 8 weeks.

    References:
        Armitage (1955), Biometrics 11(3):375-386, for the trend in proportions; Benjamini &
        Hochberg (1995), JRSS B 57(1):289-300.
    """
    dated = themes.comments[themes.comments["timestamp"].notna()]
    reason = _reason(dated)
    names = themes.table["theme"].tolist()
    if reason or not names:
        empty = pd.DataFrame(columns=list(SHARES))
        return Trends(pd.DataFrame(columns=list(CHANGES)), empty, "", reason or themes.reason)
    mentioned = _mentioned(themes, dated, names)
    changes = _changes(dated, mentioned, names, confidence)
    adjusted = multipletests(changes["p_value"], method="fdr_bh")[1]
    changes = changes.assign(p_adjusted=adjusted)
    changes["verdict"] = [_verdict(row, fdr) for row in changes.to_dict("records")]
    size = changes["value"].abs()
    changes = changes.iloc[np.lexsort((changes["theme"], -size))].reset_index(drop=True)
    unit, periods = _periods(dated, mentioned, names, confidence)
    return Trends(changes[list(CHANGES)], periods, unit, "")


def _reason(dated: pd.DataFrame) -> str:
    if len(dated) < FEWEST_COMMENTS:
        return f"{len(dated)} comments have a date; it takes {FEWEST_COMMENTS}"
    days = (dated["timestamp"].max() - dated["timestamp"].min()).days
    if days < SHORTEST_DAYS:
        return f"the comments span {days} days; it takes {SHORTEST_DAYS}"
    return ""


def _mentioned(themes: Themes, dated: pd.DataFrame, names: list[str]) -> NDArray[np.bool_]:
    """Give dated comments by themes."""
    table = np.zeros((len(themes.comments), len(names)), dtype=bool)
    place = {name: at for at, name in enumerate(names)}
    columns = themes.members["theme"].map(place).to_numpy(dtype=int)
    table[themes.members["comment"].to_numpy(dtype=int), columns] = True
    return np.asarray(table[dated.index.to_numpy()])


def _changes(
    dated: pd.DataFrame, mentioned: NDArray[np.bool_], names: list[str], confidence: float
) -> pd.DataFrame:
    """Fit a line to each theme's share within sources; customers are the clusters."""
    days = (dated["timestamp"] - dated["timestamp"].min()).dt.total_seconds().to_numpy() / 86_400
    span = float(days.max())
    time = days / span
    _, source = np.unique(dated["source"].to_numpy(dtype=str), return_inverse=True)
    _, own = np.unique(dated["own"].to_numpy(), return_inverse=True)
    centred = time - _group_mean(time, source)
    spread = float((centred**2).sum())
    groups = int(own.max()) + 1
    early, late = time <= 1 / 3, time > 2 / 3
    wide = stats.t.ppf((1 + confidence) / 2, max(groups - 1, 1))
    rows = []
    for at, name in enumerate(names):
        hit = mentioned[:, at].astype(float)
        left = hit - _group_mean(hit, source)
        change = float((left * centred).sum() / spread) if spread > 0 else 0.0
        pull = np.bincount(own, weights=(left - change * centred) * centred, minlength=groups)
        null = np.bincount(own, weights=left * centred, minlength=groups)
        error = np.sqrt((pull**2).sum() * groups / max(groups - 1, 1)) / max(spread, 1e-12)
        score = null.sum() / np.sqrt((null**2).sum()) if (null**2).sum() > 0 else 0.0
        rows.append((name, _mean(hit[early]), _mean(hit[late]), change, change - wide * error,
                     change + wide * error, groups, 2 * stats.norm.sf(abs(score))))  # fmt: skip
    columns = ["theme", "before", "after", "value", "low", "high", "n", "p_value"]
    return pd.DataFrame(rows, columns=columns).assign(unit="share", source=SLOPE)


def _group_mean(values: Floats, group: NDArray[np.int64]) -> Floats:
    size = np.bincount(group)
    return np.asarray((np.bincount(group, weights=values) / np.maximum(size, 1))[group])


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _verdict(row: Any, fdr: float) -> str:
    low, high = float(row["low"]), float(row["high"])
    sure = float(row["p_adjusted"]) <= fdr
    if sure and low > 0:
        return RISING
    if sure and high < 0:
        return FALLING
    return STEADY if low > -SMALL and high < SMALL else UNTOLD


def _periods(
    dated: pd.DataFrame, mentioned: NDArray[np.bool_], names: list[str], confidence: float
) -> tuple[str, pd.DataFrame]:
    """Count customers by month, quarter or year: the shortest that mostly holds 100 comments."""
    at = dated["timestamp"].dt.tz_localize(None)
    own = dated["own"].to_numpy()
    for unit, code in PERIODS:
        period = at.dt.to_period(code)
        sizes = period.value_counts()
        if sizes.median() < EACH_PERIOD or len(sizes) < FEWEST_PERIODS:
            continue
        people = pd.Series(own).groupby(period.to_numpy()).nunique()
        people = people[people >= FEWEST_HERE]
        parts = []
        for place, name in enumerate(names):
            inside = mentioned[:, place]
            spoke = pd.Series(own[inside]).groupby(period.to_numpy()[inside]).nunique()
            spoke = spoke.reindex(people.index, fill_value=0)
            shares = plain_shares(spoke, people, confidence=confidence)
            parts.append(
                shares.assign(
                    theme=name, period=people.index.astype("str"), mentions=spoke.to_numpy(),
                    start=pd.PeriodIndex(people.index).to_timestamp(),
                )
            )  # fmt: skip
        return unit, pd.concat(parts, ignore_index=True)[list(SHARES)]
    return "", pd.DataFrame(columns=list(SHARES))
