"""Interrupted time series: one line over time, broken at the day of the change.

Not for units that can be compared with others; see `panels`. A second line without the change is
taken off first: what moved both is no effect. The models are in `autoregression`, the reading of
the series in `lines`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from journeylib.autoregression import Fit, fit_autoregressive
from journeylib.estimates import Estimate, Refusal
from journeylib.falsifications import check_placebo_lines
from journeylib.lines import (
    LEVEL,
    SLOPE,
    Series,
    design_of,
    effect_of,
    fit_line,
    lines_of,
    read_line,
)
from journeylib.phrases import span_words
from journeylib.plans import (
    FAIL,
    PASS,
    WARN,
    Check,
    Finding,
    Impact,
    Plan,
    as_time,
    build_impact,
    fit_units,
    judge,
)
from journeylib.precision import check_power
from journeylib.treatments import number_of
from journeylib.trendshapes import (
    check_memory,
    check_pretended,
    check_season,
    compare_shapes,
    slope_holds,
)
from journeylib.verdicts import (
    CANNOT_TELL,
    HARMS,
    NOT_INTERPRETABLE,
    choose_verdict,
    downgrade,
    weigh_chance,
)

__all__ = ["Fit", "fit_autoregressive", "measure_series"]

DESIGN = "interrupted_time_series"
SOURCE = "Segmented regression, AR(1) errors by REML, t interval (Turner et al. 2021)"
COUNTS = "Segmented quasi-Poisson regression with offset (Bernal et al. 2017)"
CONTROLLED = "Segmented regression of the difference to the control, AR(1) errors by REML"


def measure_series(data: pd.DataFrame, plan: Plan) -> Impact:
    """Measure the jump in level and the change of slope at the start of an intervention.

    Args:
        data: ``time, value``; several units are averaged, weighted by ``population`` where it is
            given. Where the plan or a column ``treated`` says which units got the change, the
            others are the control, whose line is taken off.
        plan: What was decided before.

    Returns:
        Two rows, the level change at the first point after the start and the change of slope a
        period; checks; and the series with its fitted line and the counterfactual, also under a
        flat and a curved trend. Counts out of a population are measured as rate ratios. Evidence is
        C; with a control whose line ran alike before and a quiet pretended start it is B.

    Raises:
        DataError: A column is missing or there is no start.

    References:
        Turner et al. (2021), BMC Medical Research Methodology 21:181; Bernal, Cummins & Gasparrini
        (2017), Int. J. Epidemiology 46:348-355, and (2018), 47:2082-2093, on control series.
    """
    series, left_out = read_line(data, plan)
    plan = fit_units(plan, {plan.metric: pd.Series(series.measured)})
    checks = [*_point_checks(series, plan), *left_out]
    if checks[0].status == FAIL:
        return _refuse(plan, series, checks)
    design = design_of(series)
    fit = fit_line(series, design)
    lines = lines_of(series, design, fit, plan.confidence)
    without = float(lines[1][series.after][0])
    shape_check, shapes = compare_shapes(series, fit, plan)
    placebo = check_pretended(series, plan)
    checks += _control_checks(series, fit, plan) + check_placebo_lines(data, plan, _placebo)
    checks += [check_memory(series, fit), check_season(series), shape_check, placebo]
    level = _finding(series, fit, plan, column=LEVEL, without=without)
    slope = _finding(series, fit, plan, column=SLOPE, without=math.nan)
    evidence = _evidence(series, checks)
    level, slope = replace(level, evidence=evidence), replace(slope, evidence=evidence)
    found = _judged(plan, level, slope, checks, holds=slope_holds(shapes))
    checks += check_power(plan, level)
    return build_impact(
        plan,
        DESIGN,
        findings=found,
        checks=checks,
        figure_data=_picture(series, plan, lines, shapes),
        details={"trend_shapes": shapes.drop(columns="line")},
    )


def _point_checks(series: Series, plan: Plan) -> list[Check]:
    n_after = int(series.after.sum())
    n_before = len(series.measured) - n_after
    enough = n_before >= 8 and n_after >= 4
    message = f"{n_before} points before the start and {n_after} after; 8 and 4 are needed."
    checks = [Check("points", PASS if enough else FAIL, float(n_before + n_after), message)]
    if enough and n_before + n_after < 24:
        message = f"{n_before + n_after} points are few: below 24 the result is weak."
        checks.append(Check("length", WARN, float(n_before + n_after), message))
    gaps = int(series.clock[-1] + 1 - len(series.clock)) if len(series.clock) else 0
    if gaps:
        message = f"{gaps} periods are missing and are left out."
        checks.append(Check("missing_periods", WARN, float(gaps), message))
    return checks + (_rival_checks(series, plan) if enough else [])


def _rival_checks(series: Series, plan: Plan) -> list[Check]:
    start = as_time(plan.start, name=plan.name)
    spacing = pd.Series(series.times).diff().median()
    near = [
        day
        for day in (as_time(other, name=plan.name) for other in plan.other_changes)
        if day != start and abs(day - start) <= 2 * spacing
    ]
    if not near:
        message = "No other change is known within two periods of the start."
        return [Check("other_change", PASS, 0.0, message)]
    dates = ", ".join(f"{day:%-d %B %Y}" for day in near)
    message = (
        f"Something else changed within two periods of the start ({dates}), and one line cannot "
        "tell the two apart; units without one of them would."
    )
    return [Check("other_change", FAIL, float(len(near)), message)]


def _control_checks(series: Series, fit: Fit, plan: Plan) -> list[Check]:
    """Say what is compared with, and whether it ran alike before the start."""
    if series.control is None:
        message = (
            "There is no line without the change to compare with; whatever else came at the same "
            "time is part of the result."
        )
        return [Check("control_series", WARN, math.nan, message)]
    _, low, high, p_value = fit.effect(1, plan.confidence)
    unit = f"{plan.units.get(plan.metric, '')} per period".strip()
    message = "Before the start the gap to the line without the change moved "
    message += span_words(low, high, unit)
    alike = p_value > 0.05
    message += ", no more than chance." if alike else ": the two did not run alike."
    return [Check("control_series", PASS if alike else WARN, p_value, message)]


def _placebo(data: pd.DataFrame, plan: Plan) -> tuple[Estimate | None, float]:
    """Break the line of an outcome that the change cannot move at the same day."""
    series, _ = read_line(data, plan)
    plan = fit_units(plan, {plan.metric: pd.Series(series.measured)})
    if _point_checks(series, plan)[0].status == FAIL:
        return None, math.nan
    found = _finding(series, fit_line(series, design_of(series)), plan, column=LEVEL, without=1.0)
    return number_of(found), found.p_value


def _evidence(series: Series, checks: list[Check]) -> str:
    if series.control is None:
        return "C"
    named = {check.check: check.status for check in checks}
    passed = all(named.get(name) == PASS for name in ("control_series", "placebo", "trend_shapes"))
    passed &= named.get("placebo_outcome", PASS) == PASS
    return "B" if passed else "C"


def _finding(series: Series, fit: Fit, plan: Plan, *, column: int, without: float) -> Finding:
    found = effect_of(series, design_of(series), fit, column=column, confidence=plan.confidence)
    unit, metric = plan.units.get(plan.metric, ""), plan.metric
    if column == SLOPE:
        unit = "share" if series.offset is not None else unit
        metric, unit = f"{metric}:slope", f"{unit} per period".strip()
    n, n_after = len(series.measured), int(series.after.sum())
    source = SOURCE if series.offset is None else COUNTS
    source = source if series.control is None else CONTROLLED
    ends = (found.value, found.low, found.high)
    estimate = Estimate(metric, *ends, n, unit, source, plan.confidence)
    error = fit.error(column)
    if series.offset is not None and column == LEVEL:
        error *= abs(without)
    return Finding(
        estimate, without, found.p_value, n_after, n - n_after, "C", p_adjusted=found.p_value,
        error=error,
    )  # fmt: skip


def _judged(
    plan: Plan, level: Finding, slope: Finding, checks: list[Check], *, holds: bool
) -> list[Finding]:
    verdict, tilt = judge(plan, level, checks), NOT_INTERPRETABLE
    if verdict != NOT_INTERPRETABLE and isinstance(slope.estimate, Estimate):
        tilt = choose_verdict(slope.estimate, direction=plan.direction)
    # A result that another shape of the trend takes away is no more than a hint, of harm too.
    if any(check.check == "trend_shapes" and check.status == WARN for check in checks):
        verdict = CANNOT_TELL if verdict == HARMS else downgrade(verdict)
    if not holds:
        tilt = weigh_chance(tilt, 1.0, plan.confidence)
    return [replace(level, verdict=verdict), replace(slope, verdict=tilt)]


def _picture(
    series: Series, plan: Plan, lines: tuple[object, ...], shapes: pd.DataFrame
) -> pd.DataFrame:
    base = 0.0 if series.control is None else series.control
    fitted, expected, low, high = lines
    drawn = pd.DataFrame(
        {
            "time": series.times, "value": series.measured + base, "fitted": fitted,
            "counterfactual": expected, "low": low, "high": high,
            "after": series.after, "metric": plan.metric, "unit": plan.units.get(plan.metric, ""),
        }
    )  # fmt: skip
    for row in shapes.to_dict("records"):
        if row["shape"] != "linear":
            drawn[f"counterfactual_{row['shape']}"] = row["line"] + base
    return drawn if series.control is None else drawn.assign(control=series.control)


def _refuse(plan: Plan, series: Series, checks: list[Check]) -> Impact:
    n_after = int(series.after.sum())
    n_before = len(series.measured) - n_after
    refusal = Refusal(checks[0].message, "a longer series, or units without the change.")
    findings = [
        Finding(refusal, math.nan, math.nan, n_after, n_before, "C", metric=metric)
        for metric in (plan.metric, f"{plan.metric}:slope")
    ]
    base = 0.0 if series.control is None else series.control
    values = series.measured + base
    drawn = pd.DataFrame({"time": series.times, "value": values, "after": series.after})
    drawn = drawn.assign(metric=plan.metric, unit=plan.units.get(plan.metric, ""))
    return build_impact(plan, DESIGN, findings=findings, checks=checks, figure_data=drawn)
