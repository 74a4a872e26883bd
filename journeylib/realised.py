"""What earlier forecasts of money came to: the money at stake then, the money measured now.

Not for making forecasts; `opportunities` and `simulate` do that. A forecast is scored once, when a
change at its touchpoint has been measured, and the score is carried from run to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.estimates import Refusal
from journeylib.scores import share_estimate

if TYPE_CHECKING:
    from journeylib.estimates import Estimate

METRIC = "realised_money_per_year"
SOURCE = "money of the measured change beside the money at stake that an earlier run stated"
COLUMNS = [
    "scenario", "metric", "baseline", "change", "value", "low", "high", "n", "unit", "source",
    "forecast_low", "forecast_high", "within", "made",
]  # fmt: skip
FEWEST = 5


def score_forecasts(
    opportunities: pd.DataFrame,
    realised: pd.DataFrame,
    *,
    scored: pd.DataFrame | None = None,
    made: str = "",
) -> pd.DataFrame:
    """Put the measured money of each change beside what an earlier run said was at stake.

    Args:
        opportunities: Of an earlier run: ``touchpoint, pain, money_value, money_low, money_high``;
            rows without money, and of touchpoints where nothing was changed, are left out.
        realised: Of this run, one row per change: ``intervention, touchpoint, money_value,
            money_low, money_high, money_unit, n``.
        scored: Rows that earlier runs have scored, in the shape of the result.
        made: Day of the earlier run, as it should be read.

    Returns:
        Rows of the result table ``forecasts``: ``baseline`` the money at stake that was stated,
        ``value`` what was realised, ``change`` the difference; further columns ``forecast_low,
        forecast_high``, ``within`` (whether the two intervals share a part) and ``made``. A change
        is scored once: a row that stands in ``scored`` stays as it is.
    """
    before = _complete(scored)
    if opportunities.empty or realised.empty:
        return before
    stated = opportunities.dropna(subset=["money_value"])
    stated = stated.assign(place=stated["touchpoint"].astype(str).str.casefold())
    stated = stated.drop_duplicates("place").set_index("place")
    rows = []
    known = realised.dropna(subset=["money_value", "touchpoint"])
    for row in known.to_dict("records"):
        place = str(row["touchpoint"]).casefold()
        name = f"{row['intervention']}: forecast and result"
        if place in stated.index and name not in set(before["scenario"]):
            rows.append({**_score(row, stated.loc[place]), "scenario": name, "made": made})
    return _complete(pd.concat([before, pd.DataFrame(rows)], ignore_index=True) if rows else before)


def _complete(rows: pd.DataFrame | None) -> pd.DataFrame:
    if rows is None or rows.empty or "metric" not in rows:
        return pd.DataFrame(columns=COLUMNS)
    return rows[rows["metric"] == METRIC].reindex(columns=COLUMNS).reset_index(drop=True)


def _score(row: Any, stated: Any) -> dict[str, object]:
    value, low, high = (float(row[f"money_{end}"]) for end in ("value", "low", "high"))
    said = [float(stated[f"money_{end}"]) for end in ("value", "low", "high")]
    return {
        "metric": METRIC, "baseline": said[0], "change": value - said[0], "value": value,
        "low": low, "high": high, "n": row["n"], "unit": row["money_unit"], "source": SOURCE,
        "forecast_low": said[1], "forecast_high": said[2],
        "within": bool(low <= said[2] and said[1] <= high),
    }  # fmt: skip


def rate_forecasts(scored: pd.DataFrame, *, confidence: float = 0.95) -> Estimate | Refusal:
    """Say how often the results of measured changes lay within reach of their forecasts.

    Args:
        scored: From `score_forecasts`.
        confidence: Coverage of the interval.

    Returns:
        Share of forecasts whose interval met that of the result, with its Wilson interval; a
        refusal below five.
    """
    if len(scored) < FEWEST:
        found = f"{len(scored)} forecasts have met their results."
        return Refusal(found, f"{FEWEST} before a score is given.")
    hits = int(np.sum(scored["within"].astype(bool)))
    return share_estimate(hits, len(scored), metric="forecast_score", confidence=confidence)
