"""How far a cell of the journey map can be trusted: strong, fair, thin or none, and why.

The rule, in this order. *None* below 10 customers, *thin* from 10, *fair* from 30, *strong* from
300. One source alone, or words and marks without a date, carry at most *fair*. Fewer than 10
customers heard in the last 90 days of the period cost one level, and so do two sources of ten
customers or more whose means lie a quarter of a point or more apart, by more than chance. What has
10 customers is never less than *thin*. Not for computing what is felt; see `emotion`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

SUPPORTED = ("support", "support_why", "mix")
LEVELS = ("none", "thin", "fair", "strong")
ENOUGH_STRONG, ENOUGH_FAIR, ENOUGH_THIN = 300, 30, 10
RECENT_DAYS, ENOUGH_RECENT, ENOUGH_OF_SOURCE = 90, 10, 10
APART = 0.25
OTHERS = "others"


def support_of(
    n: float, *, sources: float = 2, recent: float = np.inf, apart: bool = False
) -> tuple[str, str]:
    """Say how far a mean can be trusted, and why no further.

    Args:
        n: Customers behind it.
        sources: Independent sources of ten customers or more.
        recent: Customers heard in the last 90 days of the period; missing where nothing is dated.
        apart: Whether two sources differ.

    Returns:
        One of ``LEVELS``, and what kept it from a better one; empty for a full *strong*.

    Example:
        >>> support_of(300), support_of(300, sources=1)
        (('strong', ''), ('fair', 'one source'))
        >>> support_of(29, recent=9)
        ('thin', 'fewer than 30 customers, few in the last 90 days')
    """
    if not n >= ENOUGH_THIN:
        few = "nobody was heard" if not n > 0 else f"fewer than {ENOUGH_THIN} customers"
        return LEVELS[0], few
    level = 1 + (n >= ENOUGH_FAIR) + (n >= ENOUGH_STRONG)
    # No count is told: it could be that of a group too small to be shown.
    short = {1: ENOUGH_FAIR, 2: ENOUGH_STRONG}
    why = [f"fewer than {short[level]} customers"] if level in short else []
    undated = bool(np.isnan(recent))
    if sources < 2:
        level = min(level, 2)
        why.append("one source")
    if undated:
        level = min(level, 2)
        why.append("no dates")
    elif recent < ENOUGH_RECENT:
        level -= 1
        why.append(f"{'few' if recent else 'nobody'} in the last {RECENT_DAYS} days")
    if apart:
        level -= 1
        why.append("sources differ")
    return LEVELS[max(1, level)], ", ".join(why)


def judge_support(
    answers: pd.DataFrame, by: Sequence[str], means: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Judge each cell of a map by the answers behind it.

    Args:
        answers: One row per answer: columns ``by``, ``own`` (who), ``source`` and ``age_days``
            (days before the end of the period, missing where unknown).
        by: Columns that form the cells.
        means: One row per cell and source: columns ``by, source, value, error, n``.
        confidence: Coverage at which two sources differ.

    Returns:
        One row per cell: ``by, support, support_why, mix`` (each source's share of the answers'
        customers; those of fewer than ten are ``others``).
    """
    keys = list(by)
    if answers.empty:
        return pd.DataFrame(columns=[*keys, "support", "support_why", "mix"])
    cells = answers.groupby(keys, sort=True)
    heard = answers[answers["age_days"].astype("float64") < RECENT_DAYS]
    table = pd.DataFrame({"n": cells["own"].nunique()})
    dated = cells["age_days"].count() > 0
    recent = heard.groupby(keys, sort=True)["own"].nunique().reindex(table.index)
    table["recent"] = recent.fillna(0.0).where(dated)
    parts = dict(iter(means.groupby(keys, sort=True)))
    found = []
    for key, row in table.iterrows():
        own = parts[key if isinstance(key, tuple) else (key,)]
        able = own[own["n"] >= ENOUGH_OF_SOURCE]
        judged = support_of(
            float(row["n"]), sources=len(able), recent=float(row["recent"]),
            apart=are_apart(able, confidence=confidence),
        )  # fmt: skip
        found.append((*judged, _mix(own)))
    told = pd.DataFrame(found, columns=["support", "support_why", "mix"], index=table.index)
    return told.reset_index()


def are_apart(means: pd.DataFrame, *, confidence: float = 0.95) -> bool:
    """Tell whether any two sources differ by a quarter of a point or more, and not by chance.

    Args:
        means: One row per source: ``value``, ``error`` (standard error) and ``n``.
        confidence: Coverage; shared out over the pairs (Bonferroni).
    """
    value, error = means["value"].to_numpy(float), np.nan_to_num(means["error"].to_numpy(float))
    pairs = len(value) * (len(value) - 1) / 2
    if not pairs:
        return False
    limit = stats.norm.ppf(1 - (1 - confidence) / 2 / pairs)
    distance = np.abs(value[:, None] - value[None, :])
    chance = limit * np.sqrt(error[:, None] ** 2 + error[None, :] ** 2)
    return bool(((distance >= APART) & (distance > chance)).any())


def _mix(means: pd.DataFrame) -> str:
    """Write each source's share of the customers, the largest first."""
    n = means.set_index("source")["n"].astype(float).sort_index(kind="stable")
    n = n.sort_values(ascending=False, kind="stable")
    if len(n) == 1:
        return str(n.index[0])
    told = [f"{source} {count / n.sum():.0%}" for source, count in n[n >= ENOUGH_OF_SOURCE].items()]
    return ", ".join([*told, *([OTHERS] if (n < ENOUGH_OF_SOURCE).any() else [])])
