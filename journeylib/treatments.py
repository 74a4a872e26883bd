"""The arms of one test, compared outcome by outcome. Not for checks and verdicts; see `trials`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import pandas as pd

from journeylib.arms import Arm, Contrast, contrast_arms, level_of, read_arm
from journeylib.errors import DataError
from journeylib.estimates import Estimate
from journeylib.plans import Finding, Plan
from journeylib.ratio_metrics import linearise_ratio, read_ratio_arm
from journeylib.scores import Mean
from journeylib.splits import SHARE_SLACK
from journeylib.strata import contrast_within

EVIDENCE = "A"
FEWEST_EVENTS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """A test ready to be measured.

    Attributes:
        plan: What was decided before.
        rows: One row per unit, or per arm in the aggregated form; variant as text.
        arms: Names of the arms, control first.
        repeats: Whether a unit has several rows.
        stretch: Factor by which looking more than once widens intervals.
        strata: Stratum of each row, or None where arms are compared as a whole.
    """

    plan: Plan
    rows: pd.DataFrame
    arms: tuple[str, ...]
    repeats: bool
    stretch: float
    strata: pd.Series | None = None

    @property
    def summed(self) -> bool:
        """Whether the test came as one row per arm."""
        return "count" in self.rows


def compare_arms(trial: Trial, metric: str, rows: pd.DataFrame | None = None) -> list[Finding]:
    """Compare every arm with the control in one outcome.

    Args:
        trial: The test.
        metric: An outcome, a ratio or a guardrail.
        rows: Some of the trial's rows, to look at a part; strata are then left aside.

    Returns:
        One finding per arm, unadjusted and without a verdict.

    Raises:
        DataError: A summed test does not hold the metric once per arm.
    """
    whole = rows is None
    rows = trial.rows if rows is None else rows
    control = _arm(trial, metric, trial.arms[0], rows)
    found = []
    for name in trial.arms[1:]:
        arm = _arm(trial, metric, name, rows)
        contrast = _contrast(trial, metric, arm, control, stratified=whole)
        found.append(
            Finding(
                contrast.estimate, control.mean.value, contrast.p_value, arm.mean.n,
                control.mean.n, EVIDENCE, arm=name, p_adjusted=contrast.p_value, metric=metric,
                error=contrast.error, few_events=_few(arm) or _few(control),
            )
        )  # fmt: skip
    return found


def adjust_family(findings: list[Finding], method: str) -> list[Finding]:
    """Adjust the p-values of findings for their number.

    Args:
        findings: A family of comparisons.
        method: ``"holm"`` or ``"fdr_bh"``.

    Returns:
        The same findings with `p_adjusted`; those without a p-value do not count.

    References:
        Holm (1979), Scand. J. Statistics 6:65-70; Benjamini & Hochberg (1995), JRSS B 57:289-300.
    """
    known = [found for found in findings if not math.isnan(found.p_value)]
    if len(known) < 2:
        return findings
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests([found.p_value for found in known], method=method)[1]
    by_id = {id(found): float(p) for found, p in zip(known, adjusted, strict=True)}
    return [replace(found, p_adjusted=by_id.get(id(found), math.nan)) for found in findings]


def number_of(found: Finding) -> Estimate | None:
    """Give the estimate of a finding, or None where it was refused."""
    return found.estimate if isinstance(found.estimate, Estimate) else None


def arm_levels(trial: Trial, metrics: list[str]) -> pd.DataFrame:
    """Give the level of each outcome in each arm, to draw.

    Args:
        trial: The test.
        metrics: Outcomes and guardrails.

    Returns:
        Columns ``metric, arm, value, low, high, n, unit, source``.
    """
    rows = []
    for metric in metrics:
        unit = trial.plan.units.get(metric, "")
        for name in trial.arms:
            arm = _arm(trial, metric, name, trial.rows)
            level = level_of(arm, metric=metric, unit=unit, confidence=trial.plan.confidence)
            if isinstance(level, Estimate):
                rows.append({**asdict(level), "arm": name})
    columns = ["metric", "arm", "value", "low", "high", "n", "unit", "source"]
    return pd.DataFrame(rows, columns=columns)


def _contrast(trial: Trial, metric: str, arm: Arm, control: Arm, *, stratified: bool) -> Contrast:
    unit, plan = trial.plan.units.get(metric, ""), trial.plan
    if trial.strata is None or not stratified:
        return contrast_arms(
            arm, control, metric=metric, unit=unit, confidence=plan.confidence,
            stretch=trial.stretch,
        )  # fmt: skip
    chosen = trial.rows["variant"].isin((arm.name, control.name))
    treated = trial.rows.loc[chosen, "variant"] == arm.name
    values = _unit_values(trial, metric, trial.rows[chosen], ~treated)
    return contrast_within(
        values, treated, trial.strata[chosen], metric=metric,
        unit="share" if arm.successes is not None else unit,
        confidence=(plan.confidence, trial.stretch),
    )  # fmt: skip


def _unit_values(trial: Trial, metric: str, rows: pd.DataFrame, control: pd.Series) -> pd.Series:
    if metric not in trial.plan.ratios:
        return rows[metric]
    top, base = trial.plan.ratios[metric]
    return linearise_ratio(rows[top], rows[base], control=control)


def _arm(trial: Trial, metric: str, name: str, rows: pd.DataFrame) -> Arm:
    mine = rows[rows["variant"] == name]
    if trial.summed:
        return _summed_arm(metric, name, mine)
    if metric in trial.plan.ratios:
        columns = list(trial.plan.ratios[metric])
        by_unit = mine
        if trial.repeats:
            known = mine.dropna(subset=columns)
            by_unit = known.groupby("unit_id", as_index=False)[columns].sum()
        return read_ratio_arm(name, by_unit[columns[0]], by_unit[columns[1]])
    return read_arm(name, mine[metric], mine["unit_id"] if trial.repeats else None)


def _summed_arm(metric: str, name: str, mine: pd.DataFrame) -> Arm:
    if "metric" in mine:
        mine = mine[mine["metric"] == metric]
    if len(mine) != 1:
        raise DataError(
            f'"{metric}" has {len(mine)} rows for arm "{name}"; it takes one.',
            ["give the summed rows one row per arm and metric"],
        )
    count, mean = int(mine["count"].iloc[0]), float(mine["mean"].iloc[0])
    of_share = mean * (1 - mean)
    variance = float(mine["variance"].iloc[0]) if "variance" in mine else math.nan
    is_share = 0 <= mean <= 1 and (
        math.isnan(variance) or math.isclose(variance, of_share, rel_tol=SHARE_SLACK)
    )
    if math.isnan(variance) and not is_share:
        raise DataError(
            f'arm "{name}" has mean {mean:g} and no variance; only shares may omit it.',
            ["give the summed rows a column variance"],
        )
    error = math.sqrt((of_share if is_share else variance) / count)
    return Arm(name, Mean(mean, error, count), round(mean * count) if is_share else None)


def _few(arm: Arm) -> bool:
    if arm.successes is None:
        return False
    return min(arm.successes, arm.mean.n - arm.successes) < FEWEST_EVENTS
