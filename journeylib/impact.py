"""Did the change work? One entry for every design. Not for the designs themselves.

See `trials` (A/B tests), `panels` (difference-in-differences), `changes` (before and after) and
`series` (interrupted time series).
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.changes import measure_change
from journeylib.errors import DataError, did_you_mean
from journeylib.panels import measure_panel
from journeylib.plans import WARN, Check, Impact, Plan
from journeylib.series import measure_series
from journeylib.trials import measure_trial

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DESIGNS", "Check", "Impact", "Plan", "measure_intervention"]

DESIGNS: dict[str, Callable[[pd.DataFrame, Plan], Impact]] = {
    "ab_test": measure_trial,
    "difference_in_differences": measure_panel,
    "interrupted_time_series": measure_series,
    "before_after": measure_change,
}


def measure_intervention(design: str, data: pd.DataFrame, plan: Plan) -> Impact:
    """Measure what an intervention did, as far as its design can tell.

    Args:
        design: ``"ab_test"``, ``"difference_in_differences"``, ``"interrupted_time_series"`` or
            ``"before_after"``.
        data: An A/B test: ``variant`` and outcome columns, or ``variant, count, mean, variance``.
            The others: ``time, value``, for panels the unit's column, and optionally
            ``treated`` and ``population``.
        plan: What was decided before.

    Returns:
        Rows of the result tables ``impacts`` and ``impact_checks``, and what to draw. A design
        whose gate fails has the verdict ``not interpretable``; the failed check says why.

    Raises:
        DataError: There is no such design, or a column that it needs is missing.
    """
    if design not in DESIGNS:
        raise DataError(
            f'design must be one of {", ".join(DESIGNS)}; found "{design}".',
            [did_you_mean(design, DESIGNS)],
        )
    found = DESIGNS[design](data, plan)
    return found if design == "ab_test" or not plan.segments else _without_parts(found, plan)


def _without_parts(found: Impact, plan: Plan) -> Impact:
    """Say that declared parts were not looked at, rather than pass over them."""
    message = (
        f"Parts ({', '.join(plan.segments)}) are looked at in A/B tests only; this design compares "
        "units as a whole. A declared change for each part, from its own measurements, would tell."
    )
    row = {"intervention": plan.name, **asdict(Check("segments", WARN, math.nan, message))}
    return replace(found, checks=pd.concat([found.checks, pd.DataFrame([row])], ignore_index=True))
