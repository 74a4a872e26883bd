"""Where each client stands among a consultant's clients, thin figures drawn towards the others.

Means, shares and money of many clients in; one row per client and metric out. Not for reading
reports, nor for judging whether clients differ in kind: how each was measured stands beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.pooling import MORRIS, pool_means
from journeylib.shrinkage import BETA, find_prior, shrink_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FEWEST_PEERS = 5
# Each is defined by the client's own outcome and windows, so clients are not alike in them.
OWN_TERMS = frozenset({"outcome_rate", "value_per_customer"})
COLUMNS = ["client", "metric", "value", "low", "high", "n", "unit", "source"]
FOUND = [
    *COLUMNS, "plain", "plain_low", "plain_high", "kept", "centre", "usual_low", "usual_high",
    "place", "of", "standing", "alike",
]  # fmt: skip
USUAL = 0.8
_WHOLE = 1e-6
_COUNTED = "Wilson"
LOGARITHM = f"{MORRIS}, of logarithms"


def compare_peers(figures: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compare clients in each metric that enough of them have.

    Args:
        figures: One row per client and metric: ``client, metric, value, low, high, n, unit,
            source`` and ``confidence``, the coverage of its interval (else 0.95); money of
            different currencies is not compared.
        confidence: Coverage of the intervals made.

    Returns:
        The rows of metrics that at least five clients have. ``plain, plain_low, plain_high`` are
        what each client's own data say; ``value, low, high`` after partial pooling (empirical
        Bayes: the less sure a figure, the nearer to the others'); ``kept`` the share of its own
        distance from the ``centre`` that each kept; ``usual_low, usual_high`` hold the middle 80 %
        of true values of clients like these; ``place`` counts from the highest, ``of`` how many;
        ``standing`` is above, below or cannot tell, by the pooled interval and the centre;
        ``alike`` whether all were measured in the same way.
    """
    rows = figures.reindex(columns=[*COLUMNS, "confidence"]).dropna(subset=["value", "low", "high"])
    rows = rows[~rows["metric"].isin(OWN_TERMS) & (rows["high"] > rows["low"])]
    rows = rows.drop_duplicates(["client", "metric"])
    parts = [
        _compare(group, confidence)
        for _, group in rows.groupby(["metric", "unit"], sort=True)
        if len(group) >= FEWEST_PEERS
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=FOUND)


def _compare(group: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Pool one metric: counted shares as counts, money by its logarithm, the rest as means."""
    group = group.sort_values("client", kind="stable").reset_index(drop=True)
    plain = {f"plain{end}": group[name] for end, name in _ENDS.items()}
    if _is_counted(group):
        pooled = _pool_counts(group, confidence)
    else:
        pooled = _pool_means(group, confidence)
    out = group.assign(**plain).assign(**pooled)
    place = out["value"].rank(ascending=False, method="min").astype(int)
    above, below = out["low"] > out["centre"], out["high"] < out["centre"]
    standing = np.select([above, below], ["above", "below"], "cannot tell")
    ways = group["source"].map(measured_by).nunique()
    out = out.assign(place=place, of=len(out), standing=standing, alike=ways == 1)
    return out.reindex(columns=FOUND)


_ENDS = {"": "value", "_low": "low", "_high": "high"}


def measured_by(source: object) -> str:
    """Give how a figure was measured, without the days and numbers of one client.

    Args:
        source: Column ``source`` of a result table.

    Example:
        >>> measured_by("bought before and from 2025-06-28 on / bought before")
        'bought before and from … on / bought before'
    """
    text = re.sub(r"\d+ [A-Z][a-z]+ \d{4}|\d{4}-\d\d-\d\d", "…", str(source))
    return re.sub(r"\d+", "…", text)


def _is_counted(group: pd.DataFrame) -> bool:
    """Tell whether every figure is so many of so many, which a weighted share is not."""
    hits = group["value"] * group["n"]
    whole = (hits - hits.round()).abs() <= _WHOLE * group["n"].clip(lower=1)
    wilson = group["source"].astype(str).str.contains(_COUNTED)
    return bool((group["unit"] == "share").all() and wilson.all() and whole.all())


def _pool_counts(group: pd.DataFrame, confidence: float) -> dict[str, Any]:
    n = group["n"].to_numpy(float)
    hits = np.round(group["value"].to_numpy(float) * n)
    pooled = shrink_rates(hits, n, confidence=confidence)
    prior = find_prior(hits, n)
    shape = prior.mean * prior.size, (1 - prior.mean) * prior.size
    usual = stats.beta.ppf([(1 - USUAL) / 2, (1 + USUAL) / 2], *shape)
    return {
        **{name: pooled[name].to_numpy() for name in ("value", "low", "high", "kept")},
        "centre": prior.mean, "usual_low": usual[0], "usual_high": usual[1], "source": BETA,
    }  # fmt: skip


def _pool_means(group: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """Pool means whose intervals are about normal; money, skewed as it is, by logarithm."""
    money = group["unit"].astype(str).str.fullmatch("[A-Z]{3}").all()
    logarithm = bool(money and (group["low"] > 0).all())
    ends = {name: group[name].to_numpy(float) for name in ("value", "low", "high")}
    if logarithm:
        ends = {name: np.log(numbers) for name, numbers in ends.items()}
    reach = float(stats.norm.ppf((1 + confidence) / 2))
    given = stats.norm.ppf((1 + group["confidence"].fillna(0.95).to_numpy(float)) / 2)
    error = np.maximum((ends["high"] - ends["low"]) / (2 * given), 1e-12)
    pooled = pool_means(ends["value"], error)
    usual = float(stats.norm.ppf((1 + USUAL) / 2)) * np.sqrt(pooled.between)
    found = {
        "value": pooled.value,
        "low": pooled.value - reach * pooled.error,
        "high": pooled.value + reach * pooled.error,
        "centre": np.full(len(group), pooled.centre),
        "usual_low": np.full(len(group), pooled.centre - usual),
        "usual_high": np.full(len(group), pooled.centre + usual),
    }
    if logarithm:
        found = {name: np.exp(numbers) for name, numbers in found.items()}
    return {
        **_inside(found, group),
        "kept": pooled.kept,
        "source": LOGARITHM if logarithm else MORRIS,
    }


def _inside(found: dict[str, Floats], group: pd.DataFrame) -> dict[str, Floats]:
    """Keep what has ends within them: shares, and scores in points."""
    limits = {"share": (0.0, 1.0), "points": (-100.0, 100.0), "sentiment": (-1.0, 1.0)}
    unit = str(group["unit"].iloc[0])
    if unit not in limits:
        return found
    return {name: np.clip(numbers, *limits[unit]) for name, numbers in found.items()}
