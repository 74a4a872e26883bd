"""Comparing the arms of a test within strata that were fixed before assignment.

Not for parts of their own (`segments`): the strata are weighed together into one difference.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from scipy import stats

from journeylib.arms import Contrast, plain_reach, stretched_p, t_chance
from journeylib.estimates import Estimate, Refusal
from journeylib.phrases import gap_words
from journeylib.plans import PASS, WARN, Check
from journeylib.splits import depends_on_arm

if TYPE_CHECKING:
    from journeylib.plans import Finding, Plan

SOURCE = "Post-stratified difference, t interval (Miratrix, Sekhon & Yu 2013)"
OTHER = "(others)"


def contrast_within(
    values: pd.Series,
    treated: pd.Series,
    strata: pd.Series,
    *,
    metric: str,
    unit: str,
    confidence: tuple[float, float],
) -> Contrast:
    """Compare two arms within strata and weigh the differences by the size of the strata.

    Args:
        values: Outcome of each unit; missing ones are dropped.
        treated: Whether each unit is in the arm with the change.
        strata: Stratum of each unit, known before assignment. Strata with fewer than two units in
            an arm are taken together.
        metric: Name of the outcome.
        unit: Unit of the outcome.
        confidence: Coverage of the interval, and the factor by which looks stretch it.

    Returns:
        The difference, treated minus control, both arms weighed to the same mix of strata.

    References:
        Miratrix, Sekhon & Yu (2013), JRSS B 75:369-396, "Adjusting treatment effect estimates by
        post-stratification in randomized experiments".
    """
    known = values.notna()
    labels = merge_strata(strata[known], treated[known])
    cells = pd.DataFrame({"value": values[known], "treated": treated[known], "stratum": labels})
    table = cells.pivot_table(
        index="stratum", columns="treated", values="value", aggfunc=["count", "mean", "var"]
    )
    if table.empty or table.isna().to_numpy().any():
        refusal = Refusal(f"{metric}: a stratum is missing in an arm.", "wider strata.")
        return Contrast(refusal, math.nan, math.nan)
    counts, means = (table[name].to_numpy(dtype="float64") for name in ("count", "mean"))
    share = counts.sum(axis=1) / counts.sum()
    value = float(share @ (means[:, 1] - means[:, 0]))
    parts = (share[:, None] ** 2) * table["var"].to_numpy(dtype="float64") / counts
    variance = float(parts.sum())
    error, level, stretch = math.sqrt(variance), *confidence
    degrees = variance**2 / float((parts**2 / (counts - 1)).sum()) if variance else 1.0
    reach = plain_reach(level) * stretch
    half = float(stats.t.isf(stats.norm.sf(reach), degrees)) * error
    p_value = stretched_p(t_chance(value, error, degrees), stretch)
    n = int(counts.sum())
    source = SOURCE + (", widened for repeated looks" if stretch > 1 else "")
    estimate = Estimate(metric, value, value - half, value + half, n, unit, source, level)
    return Contrast(estimate, p_value, error)


def merge_strata(strata: pd.Series, treated: pd.Series) -> pd.Series:
    """Take strata together that have fewer than two units in an arm.

    Args:
        strata: Stratum of each unit, as text.
        treated: Whether each unit is in the arm with the change.

    Returns:
        The strata; the thin ones are named together, and join the largest when still too thin.
    """
    merged = strata.astype("object")
    for _ in range(2):
        sizes = pd.crosstab(merged, treated)
        thin = sizes.index[(sizes < 2).any(axis=1)]
        if not len(thin):
            break
        wide = sizes.drop(index=thin).sum(axis=1)
        goal = wide.idxmax() if OTHER in thin and len(wide) else OTHER
        merged = merged.where(~merged.isin(thin), goal)
    return merged


def read_strata(rows: pd.DataFrame, plan: Plan) -> tuple[pd.Series | None, list[Check]]:
    """Take the strata of a test, unless the change moved customers between them.

    Args:
        rows: The test, one row per unit.
        plan: What was decided before; its `strata` names the column.

    Returns:
        The stratum of each row, None where it is not used, and the check that says so.
    """
    column = plan.strata
    labels = rows[column].astype("object").where(rows[column].notna(), "unknown").astype("str")
    p_value = depends_on_arm(rows["variant"], labels)
    if p_value < 0.001:
        message = (
            f"{column} is spread differently over the arms, so it was not fixed before assignment "
            "and is not used."
        )
        return None, [Check("strata", WARN, p_value, message)]
    return labels, []


def check_gain(found: Finding, plain: Finding, *, column: str) -> list[Check]:
    """Say what comparing within strata changed.

    Args:
        found: The difference within strata.
        plain: The difference without them.
        column: What the strata are.

    Returns:
        Check ``strata`` with the variance that is left.
    """
    if isinstance(found.estimate, Refusal) or isinstance(plain.estimate, Refusal):
        return []
    left = (found.error / plain.error) ** 2 if plain.error else 1.0
    gain = "which narrows the interval" if left < 0.98 else "which narrows nothing worth having"
    unit = found.estimate.unit
    message = (
        f"Arms are compared within {column}, {gain}: "
        f"{gap_words(found.estimate.value, unit, signed=True)} with it and "
        f"{gap_words(plain.estimate.value, unit, signed=True)} without."
    )
    return [Check("strata", PASS, left, message)]
