"""Does a test work better for some customers than for others? Parts, after one test of all parts.

Only parts that were fixed before assignment: a part that the change can move customers into, such
as a persona made of what they did, compares customers who are no longer alike.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.estimates import Estimate
from journeylib.guardrails import temper
from journeylib.phrases import gap_words
from journeylib.plans import FAIL, PASS, WARN, Check, Finding, Plan
from journeylib.pooling import FEWEST_POOLED, between_variance, pool_means
from journeylib.splits import KIT_PARTS, depends_on_arm
from journeylib.treatments import Trial, adjust_family, compare_arms, number_of
from journeylib.verdicts import CANNOT_TELL, NOT_INTERPRETABLE, choose_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

APART = 0.05  # an interaction below it lets the parts have verdicts of their own
MOST_PARTS = 20
SHRUNK = "drawn towards the effect on all (Morris 1983; DerSimonian & Laird 1986)"
COLUMNS = [
    "column", "arm", "segment", "raw", "raw_low", "raw_high", "value", "low", "high", "kept",
    "n_treated", "n_control", "unit",
]  # fmt: skip


def measure_segments(
    trial: Trial, metric: str, *, gates: bool
) -> tuple[list[Finding], list[Check], pd.DataFrame]:
    """Measure the primary outcome in each predeclared part.

    Args:
        trial: The test.
        metric: Primary outcome.
        gates: Whether the test itself may be read.

    Returns:
        A finding per arm and part, drawn towards the effect on all; its checks; and the parts
        with raw and drawn values. A part has a verdict of its own only where the parts differ by
        more than chance does; a split that the change moved has none at all.

    References:
        Gelman, Hill & Yajima (2012), J. Res. Educational Effectiveness 5:189-211, on partial
        pooling in place of corrections; Cochran (1954), Biometrics 10:101-129, on the test.
    """
    findings: list[Finding] = []
    checks: list[Check] = []
    parts: list[dict[str, object]] = []
    for column in trial.plan.segments if not trial.summed else ():
        labels, fair = _labels(trial, column)
        if labels is not None:
            by_part = {
                str(label): compare_arms(trial, metric, rows)
                for label, rows in trial.rows.groupby(labels)
            }
            for place in range(len(trial.arms) - 1):
                here = {label: by_part[label][place] for label in sorted(by_part)}
                readable = gates and fair.status == PASS
                found, check, drawn = _one_arm(trial.plan, column, here, readable=readable)
                findings += found
                checks.append(check)
                parts += drawn
        checks.append(fair)
    if trial.summed and trial.plan.segments:
        message = "The test came as one row per arm, so no part can be looked at."
        checks.append(Check("segments", WARN, math.nan, message))
    return findings, checks, pd.DataFrame(parts, columns=COLUMNS)


def check_segment(variants: pd.Series, labels: pd.Series, *, column: str) -> Check:
    """Ask whether a split could have been known before assignment.

    Args:
        variants: Arm of each unit.
        labels: Part of each unit.
        column: Name of the split.

    Returns:
        Check ``segment_after_treatment``: failed when the parts' sizes depend on the arm at
        p < .001, as they do when the change itself moves customers between them.
    """
    p_value = depends_on_arm(variants, labels)
    if p_value >= 0.001:
        message = f"{column} is spread alike over the arms, as a part known beforehand is."
        return Check("segment_after_treatment", PASS, p_value, message)
    message = (
        f"{column} is spread differently over the arms, so the change itself moves customers "
        f"between its parts: no result is read by {column}; the result over all customers stands. "
        "A column filled before assignment would tell."
    )
    return Check("segment_after_treatment", FAIL, p_value, message)


def shrink_effects(
    value: Sequence[float], error: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Draw effects of parts towards their common effect, the less certain ones further.

    Args:
        value: At least two effects.
        error: Their standard errors, above 0.

    Returns:
        Drawn effects, their errors, and the share of its own distance that each kept.

    References:
        Morris (1983), JASA 78:47-55, from four parts on. With two or three, where his correction
        is not defined, DerSimonian & Laird (1986), Controlled Clinical Trials 7:177-188.
    """
    y, own = np.asarray(value, dtype=float), np.asarray(error, dtype=float) ** 2
    if len(y) >= FEWEST_POOLED:
        pooled = pool_means(y, np.sqrt(own))
        return pooled.value, pooled.error, pooled.kept
    weight = 1 / (own + between_variance(y, own))
    centre = float((weight * y).sum() / weight.sum())
    shrink = np.clip(own * weight, 0.0, 1.0)
    # The doubt about how much to draw, as Morris has it, on the degrees of freedom there are.
    doubt = 2 / (len(y) - 1) * shrink**2 * (y - centre) ** 2
    variance = own * (1 - (1 - weight / weight.sum()) * shrink) + doubt
    return y - shrink * (y - centre), np.sqrt(variance), 1 - shrink


def _labels(trial: Trial, column: str) -> tuple[pd.Series | None, Check]:
    name, plan = "segment_after_treatment", trial.plan
    if column.casefold() in KIT_PARTS and column not in trial.rows:
        message = (
            f"Customers get their {column} from what they did, which the change can alter, so no "
            f"result is read by {column}. A column {column} in the test's own file, filled before "
            "assignment, would tell."
        )
        return None, Check(name, FAIL, math.nan, message)
    if column in {*plan.outcomes, *plan.guardrails}:
        message = (
            f"{column} is an outcome of the test, so it cannot split it: the change moves it. "
            "A column filled before assignment would tell."
        )
        return None, Check(name, FAIL, math.nan, message)
    labels = trial.rows[column].astype("object").where(trial.rows[column].notna(), "unknown")
    if (parts := int(labels.nunique())) > MOST_PARTS:
        message = f"{column} has {parts} parts; at most {MOST_PARTS} are looked at. Band it first."
        return None, Check("segments", WARN, float(parts), message)
    return labels, check_segment(trial.rows["variant"], labels, column=column)


def _one_arm(
    plan: Plan, column: str, here: dict[str, Finding], *, readable: bool
) -> tuple[list[Finding], Check, list[dict[str, object]]]:
    arm = next(iter(here.values())).arm
    check = _interaction(column, arm, list(here.values()))
    apart = check.statistic <= APART
    known = [name for name, found in here.items() if number_of(found) and found.error > 0]
    drawn = {}
    if len(known) > 1:
        values = [number_of(here[name]).value for name in known]  # type: ignore[union-attr]
        each = zip(*shrink_effects(values, [here[name].error for name in known]), strict=True)
        drawn = dict(zip(known, each, strict=True))
    findings, rows = [], []
    for name, raw in zip(here, adjust_family(list(here.values()), "holm"), strict=True):
        part = replace(_drawn(raw, drawn.get(name)), segment=f"{column}: {name}")
        findings.append(_judged(plan, part, readable=readable, apart=apart))
        kept = float(drawn[name][2]) if name in drawn else 1.0
        rows += _row(column, raw, part, kept)
    return findings, check, rows


def _drawn(raw: Finding, pooled: tuple[float, float, float] | None) -> Finding:
    estimate = number_of(raw)
    if estimate is None or pooled is None:
        return raw
    value, error = float(pooled[0]), float(pooled[1])
    # As wide in errors as the part's own interval, which looks may have stretched.
    reach = (estimate.high - estimate.low) / 2 / raw.error
    half = reach * error
    source = f"{estimate.source}, {SHRUNK}"
    shown = replace(estimate, value=value, low=value - half, high=value + half, source=source)
    return replace(raw, estimate=shown, error=error)


def _judged(plan: Plan, part: Finding, *, readable: bool, apart: bool) -> Finding:
    verdict = choose_verdict(
        number_of(part),
        worthwhile=plan.worthwhile,
        direction=plan.direction,
        gates_passed=readable,
    )
    verdict = temper(plan, part, verdict)
    if not apart and verdict != NOT_INTERPRETABLE:
        # Where the parts differ no more than chance does, the row of all customers speaks.
        verdict = CANNOT_TELL
    return replace(part, verdict=verdict)


def _interaction(column: str, arm: str, findings: list[Finding]) -> Check:
    known = [
        (estimate.value, found.error, estimate.unit)
        for found in findings
        if (estimate := number_of(found)) is not None and found.error > 0
    ]
    if len(known) < 2:
        return Check("interaction", WARN, math.nan, f"{column}: fewer than two parts to compare.")
    values, errors = (np.array(each, dtype=float) for each in list(zip(*known, strict=True))[:2])
    weights = 1 / errors**2
    pooled = math.fsum(weights * values) / math.fsum(weights)
    p_value = float(stats.chi2.sf(math.fsum(weights * (values - pooled) ** 2), len(known) - 1))
    unit = known[0][2]
    ends = [gap_words(float(end), unit, signed=True) for end in (values.min(), values.max())]
    if p_value <= APART:
        message = (
            f"{arm}: the effect differs by {column}, from {ends[0]} to {ends[1]} before pooling, "
            f"by more than chance does; read it by {column}."
        )
        return Check("interaction", WARN, p_value, message)
    message = (
        f"{arm}: the effect by {column}, from {ends[0]} to {ends[1]} before pooling, differs no "
        "more than chance does; read the overall row."
    )
    return Check("interaction", PASS, p_value, message)


def _row(column: str, raw: Finding, part: Finding, kept: float) -> list[dict[str, object]]:
    before, after = number_of(raw), number_of(part)
    if not isinstance(before, Estimate) or not isinstance(after, Estimate):
        return []
    values = [before.value, before.low, before.high, after.value, after.low, after.high, kept]
    row = [column, raw.arm, part.segment, *values, raw.n_treated, raw.n_control, after.unit]
    return [dict(zip(COLUMNS, row, strict=True))]
