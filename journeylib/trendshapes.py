"""Does the result of a series hang on how the trend before it is drawn, or on chance dates?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.lines import (
    LEVEL,
    SLOPE,
    Effect,
    Series,
    design_of,
    effect_of,
    expected_line,
    fit_line,
)
from journeylib.phrases import chance_words, gap_words, span_words
from journeylib.plans import PASS, WARN, Check, Plan

if TYPE_CHECKING:
    from journeylib.autoregression import Fit

SHAPES = {"flat": 0, "linear": 1, "quadratic": 2}
TITLES = {"flat": "no trend", "linear": "a straight trend", "quadratic": "a curved trend"}
CLEAR = 0.05


def compare_shapes(series: Series, main: Fit, plan: Plan) -> tuple[Check, pd.DataFrame]:
    """Measure the level change under three shapes of the trend; the straight one is the result.

    Args:
        series: The series.
        main: Fit with the straight trend.
        plan: What was decided before.

    Returns:
        Check ``trend_shapes``: a warning when the answer hangs on the shape. A flat trend is no
        rival where the series clearly rose or fell before. And one row per shape with ``shape,
        value, low, high, rival``, the ends of the slope's change (``slope_low, slope_high``) and,
        per time, the line without the change.

    References:
        Gasparrini, Gorini & Barchielli (2009), European J. Epidemiology 24:737-743, a ban whose
        effect was gone once the trend need not be straight.
    """
    rows, steady = [], True
    said = effect_of(series, design_of(series), main, column=LEVEL, confidence=plan.confidence)
    sloped = main.effect(1, plan.confidence)[3] <= CLEAR
    for shape, trend in SHAPES.items():
        design = design_of(series, trend=trend)
        if design.shape[0] - design.shape[1] < 2:
            continue
        fit = main if shape == "linear" else fit_line(series, design)
        column = 1 if shape == "flat" else LEVEL
        found = effect_of(series, design, fit, column=column, confidence=plan.confidence)
        rival = shape == "quadratic" or (shape == "flat" and not sloped)
        steady &= not rival or _side(found) == _side(said)
        tilt = (math.nan, math.nan)
        if trend:
            slope = effect_of(series, design, fit, column=SLOPE, confidence=plan.confidence)
            tilt = (slope.low, slope.high)
        rows.append(
            {"shape": shape, "value": found.value, "low": found.low, "high": found.high,
             "rival": rival, "slope_low": tilt[0], "slope_high": tilt[1],
             "line": expected_line(series, design, fit, level=column)}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    return Check(
        "trend_shapes", PASS if steady else WARN, _span(table), _said(table, plan, steady=steady)
    ), table


def slope_holds(shapes: pd.DataFrame) -> bool:
    """Tell whether a curved trend before the start says the same of the slope as a straight one.

    Args:
        shapes: From `compare_shapes`.
    """
    curved = shapes[shapes["shape"] != "flat"]
    sides = np.sign(curved["slope_low"]) + np.sign(curved["slope_high"])
    return len(sides) == 2 and bool(sides.iloc[0] == sides.iloc[1])


def check_pretended(series: Series, plan: Plan) -> Check:
    """Break the series before the start, at a day on which nothing happened.

    Args:
        series: The series.
        plan: What was decided before.

    Returns:
        Check ``placebo``: a warning when something shows there, or when there is no room for it.
    """
    n = int((~series.after).sum())
    if n < 12:
        message = f"{n} points before the start are too few to try a pretended one; 12 would do."
        return Check("placebo", WARN, math.nan, message)
    early = series.early(min(max(n // 2, 8), n - 4))
    design = design_of(early)
    fit = fit_line(early, design)
    found = effect_of(early, design, fit, column=LEVEL, confidence=plan.confidence)
    unit = plan.units.get(plan.metric, "")
    day = early.times[early.after][0]
    message = (
        f"Had the start been {day:%-d %B %Y}, the same sums would show "
        f"{gap_words(found.value, unit, signed=True)} ({span_words(found.low, found.high, unit)}), "
        "where nothing should be: "
    )
    quiet = found.p_value > CLEAR
    message += (
        "no more than chance." if quiet else f"chance does that {chance_words(found.p_value)}."
    )
    return Check("placebo", PASS if quiet else WARN, found.p_value, message)


def check_memory(series: Series, fit: Fit) -> Check:
    """Say how much neighbouring points resemble each other.

    Args:
        series: The series.
        fit: Its model.

    Returns:
        Check ``autocorrelation``: a warning above 0.6, where intervals are too narrow.
    """
    strong = fit.rho > 0.6
    kind = "counts" if series.offset is not None else "points"
    message = f"Neighbouring {kind} resemble each other ({fit.rho:.2f} of at most 1)"
    message += ": the interval is too narrow." if strong else ", which the interval allows for."
    return Check("autocorrelation", WARN if strong else PASS, fit.rho, message)


def check_season(series: Series) -> Check:
    """Say whether a pattern of the year or the week was taken out."""
    season, n = series.season, len(series.measured)
    if season:
        message = f"{n} points show the pattern of the {season}, which is taken out."
        return Check("season", PASS, float(n), message)
    if series.spacing > 300:
        return Check("season", PASS, float(n), "Points a year apart hold no seasons.")
    message = (
        "The series is too short to take out a yearly pattern, so a change of season at the start "
        "would look like the change; two whole years would tell."
    )
    return Check("season", WARN, float(n), message)


def _side(effect: Effect) -> float:
    return float(np.sign(effect.low) + np.sign(effect.high))


def _span(table: pd.DataFrame) -> float:
    return float(table["value"].max() - table["value"].min()) if len(table) else math.nan


def _said(table: pd.DataFrame, plan: Plan, *, steady: bool) -> str:
    unit = plan.units.get(plan.metric, "")
    parts = [
        f"with {TITLES[row['shape']]} {gap_words(row['value'], unit, signed=True)} "
        f"({span_words(row['low'], row['high'], unit)})"
        for row in table.to_dict("records")
    ]
    text = "; ".join(parts)
    end = "the answer is the same." if steady else "the answer hangs on the shape of the trend."
    return f"The change in level is, {text}: {end}"
