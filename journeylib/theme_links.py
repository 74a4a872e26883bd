"""Which pains a theme stands beside: its comments come from the pain's touchpoint more than usual.

A place in common, not a cause. Not for finding pains (`pains`) or themes (`feedback`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from journeylib.comparisons import NEWCOMBE, Comparison

if TYPE_CHECKING:
    from journeylib.feedback import Themes

FEWEST_HERE = 10
LINKS = (
    "theme", "pain", "rank", "touchpoint", "channel", "kind", "here", "elsewhere", "ratio",
    "value", "low", "high", "n", "unit", "source", "p_adjusted",
)  # fmt: skip


def link_themes(
    themes: Themes, pains: pd.DataFrame, *, fdr: float = 0.10, confidence: float = 0.95
) -> pd.DataFrame:
    """Link themes to the pains at whose touchpoints customers speak of them.

    Args:
        themes: From ``feedback.find_themes``.
        pains: Result table ``pains``: ``touchpoint, channel, kind``, and ``rank`` where known.
        fdr: Share of the links that may be false alarms.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``LINKS``, the strongest link of each pain first: ``here`` and ``elsewhere`` are
        shares of the customers who commented at the pain's touchpoint, and at others, and spoke of
        the theme; the estimate is their difference, ``ratio`` their quotient. Of a pain that
        people have a bad feeling about, comments that are told to be glad do not count. Only links
        whose interval lies above 0 are given; a touchpoint where fewer than 10 customers commented
        has none.
    """
    if pains.empty or themes.table.empty:
        return pd.DataFrame(columns=list(LINKS))
    table = themes.comments
    known = table["touchpoint"].to_numpy(dtype=object) != ""
    glad = np.nan_to_num(table["feeling"].to_numpy(float)) > 0
    rows = []
    for pain in pains.to_dict("records"):
        place = table["touchpoint"].to_numpy(dtype=object) == pain["touchpoint"]
        channel = str(pain.get("channel") or "")
        spoken = table["channel"].to_numpy(dtype=object)
        if channel and (place & (spoken == channel)).any():
            place &= spoken == channel
        counted = known & ~glad if pain["kind"] == "sentiment" else known
        rows += [(*cell, pain) for cell in _cells(themes, counted & place, counted & ~place)]
    return _told(rows, fdr, confidence)


def _cells(
    themes: Themes, here: np.ndarray, there: np.ndarray
) -> list[tuple[str, int, int, int, int]]:
    """Count customers with each theme, here and elsewhere; who spoke here is not elsewhere."""
    own = themes.comments["own"].to_numpy()
    at = np.unique(own[here])
    away = np.setdiff1d(own[there], at)
    if min(len(at), len(away)) < FEWEST_HERE:
        return []
    cells = []
    for theme, members in themes.members.groupby("theme", sort=True)["comment"]:
        inside = np.zeros(len(own), dtype=bool)
        inside[members.to_numpy(dtype=int)] = True
        hits = len(np.unique(own[here & inside]))
        others = len(np.intersect1d(own[there & inside], away))
        cells.append((str(theme), hits, len(at), others, len(away)))
    return cells


def _told(rows: list[Any], fdr: float, confidence: float) -> pd.DataFrame:
    if not rows:
        return pd.DataFrame(columns=list(LINKS))
    named = ["theme", "hits", "cases", "other_hits", "other_cases", "pain_row"]
    table = pd.DataFrame(rows, columns=named)
    compared = Comparison(
        *(table[name].astype("float64") for name in ("hits", "cases", "other_hits", "other_cases"))
    )
    out = pd.concat([table, compared.frame(confidence)], axis=1)
    out["here"] = out["hits"] / out["cases"]
    out["elsewhere"] = out["other_hits"] / out["other_cases"]
    out["ratio"] = (out["here"] / out["elsewhere"]).where(out["other_hits"] > 0)
    out["p_adjusted"] = multipletests(out["p_value"], method="fdr_bh")[1]
    for name in ("rank", "touchpoint", "channel", "kind"):
        out[name] = [pain.get(name) for pain in out["pain_row"]]
    out["pain"] = [_pain_name(pain) for pain in out["pain_row"]]
    kept = out[(out["p_adjusted"] <= fdr) & (out["low"] > 0) & (out["hits"] >= FEWEST_HERE)]
    order = kept.assign(place=kept["rank"].astype("float64").fillna(np.inf))
    order = order.sort_values(["place", "pain", "value"], ascending=[True, True, False],
                              kind="stable", ignore_index=True)  # fmt: skip
    return order.assign(unit="share", source=NEWCOMBE).reindex(columns=list(LINKS))


def _pain_name(pain: Any) -> str:
    channel = str(pain.get("channel") or "")
    place = f"{pain['touchpoint']} ({channel})" if channel else str(pain["touchpoint"])
    return f"{place}: {pain['kind']}"
