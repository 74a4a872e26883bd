"""What was decided before an intervention was measured, and the shape of what comes out.

Not for measuring; see `trials`, `panels`, `series`, and `impact`, which chooses between them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from journeylib.errors import DataError, did_you_mean
from journeylib.estimates import Estimate, Refusal
from journeylib.tables import complete_result
from journeylib.verdicts import NOT_INTERPRETABLE, choose_verdict

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    When: TypeAlias = str | int | dt.date | pd.Timestamp

PASS, WARN, FAIL = "pass", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Plan:
    """How an intervention was meant to be judged, declared before looking.

    Attributes:
        name: Name of the intervention.
        metric: Metric of a panel or a series; an A/B test reads `outcomes`.
        outcomes: Outcome columns of an A/B test, the primary one first.
        direction: ``"up"`` when more of the metric is better, ``"down"`` when less is.
        start: First day with the change; not needed for an A/B test.
        end: Last day with the change; None when it goes on.
        unit: Column that names the units of a panel.
        treated: Units that got the change; empty to read the ``treated`` column.
        chosen: How they were picked: ``"random"``, ``"convenience"`` or ``"worst"``.
        worthwhile: Smallest effect worth having, in the metric's unit.
        control: Arm without the change.
        guardrails: Tolerated change of each further metric that must not be harmed: above 0 where
            harm is a rise (returns: 0.01), below 0 where it is a fall (revenue: -0.5).
        split: Planned share of each arm, control first, the others by name; empty for equal.
        looks: Planned looks at the data, equally spaced, the last one included.
        looks_taken: Looks taken so far; None means as planned, more than planned makes the
            interval anytime-valid.
        sample: Units planned in all arms together; None when nobody wrote it down.
        ratios: Numerator and denominator column of each outcome that is a ratio of totals, such
            as ``{"revenue_per_order": ("revenue", "orders")}``.
        strata: Column fixed before assignment, within which arms are compared; empty for none.
        placebo_outcomes: Columns, or metrics of a panel, that the change cannot move.
        covariate: Column measured before assignment, used to narrow means (CUPED).
        segments: Columns fixed before assignment, by which effects are split.
        units: Unit of each metric's numbers, such as ``{"revenue": "EUR"}``; 0/1 outcomes are
            shares whatever stands here.
        other_changes: Days on which something else changed too.
        confidence: Coverage of intervals, between 0 and 1.
        seed: Seed of the permutations.
    """

    name: str
    metric: str = ""
    outcomes: tuple[str, ...] = ()
    direction: str = "up"
    start: When | None = None
    end: When | None = None
    unit: str = "unit"
    treated: tuple[str, ...] = ()
    chosen: str = "convenience"
    worthwhile: float | None = None
    control: str = ""
    guardrails: Mapping[str, float] = field(default_factory=dict)
    split: tuple[float, ...] = ()
    looks: int = 1
    looks_taken: int | None = None
    sample: int | None = None
    ratios: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    strata: str = ""
    placebo_outcomes: tuple[str, ...] = ()
    covariate: str = ""
    segments: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    other_changes: tuple[When, ...] = ()
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        allowed = {"direction": ("up", "down"), "chosen": ("random", "convenience", "worst")}
        wrong = [
            f'{key} must be one of {", ".join(words)}; found "{getattr(self, key)}". '
            + did_you_mean(str(getattr(self, key)), words)
            for key, words in allowed.items()
            if getattr(self, key) not in words
        ]
        if self.worthwhile is not None and not self.worthwhile > 0:
            wrong.append(f"worthwhile must be above 0; found {self.worthwhile}.")
        if not 0 < self.confidence < 1:
            wrong.append(f"confidence must lie between 0 and 1; found {self.confidence}.")
        if wrong:
            raise DataError(f'The plan of "{self.name}" cannot be read.', wrong)


@dataclass(frozen=True, slots=True)
class Check:
    """One look at whether a design can carry its conclusion.

    Attributes:
        check: Name, such as ``"srm"``.
        status: ``"pass"``, ``"warn"`` or ``"fail"``.
        statistic: The number it was judged by, or NaN.
        message: What was found and what follows from it.
    """

    check: str
    status: str
    statistic: float
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured difference, before it is laid out as a row.

    Attributes:
        estimate: The difference with its interval, or the reason why there is none.
        without: Level without the change, to which `relative` refers; NaN when unknown.
        p_value: Two-sided p-value, or NaN.
        n_treated: Units, customers or points with the change.
        n_control: The same without it.
        evidence: Grade A to D.
        verdict: One of the verdicts.
        arm: Arm or group that got the change.
        segment: ``"all"`` or the part that was looked at.
        p_adjusted: p-value adjusted for its family, or NaN.
        metric: Metric, where the estimate is a refusal and names none.
        error: Standard error of the difference, or NaN.
        few_events: Whether a share rests on fewer than five events or non-events.
    """

    estimate: Estimate | Refusal
    without: float
    p_value: float
    n_treated: int
    n_control: int
    evidence: str
    verdict: str = NOT_INTERPRETABLE
    arm: str = "treated"
    segment: str = "all"
    p_adjusted: float = math.nan
    metric: str = ""
    error: float = math.nan
    few_events: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """What an intervention did, as far as its design can tell.

    Attributes:
        impacts: Rows of the result table ``impacts``.
        checks: Rows of the result table ``impact_checks``.
        figure_data: Tidy rows to draw. A/B test: a row per metric × arm. Panel: a row per
            time × series (treated, control, gap, and with one treated unit synthetic); gaps have
            an ``event_time``, periods from the start. Series: a row per time with fitted values
            and the counterfactual, also under a flat and a curved trend. Before/after: a row per
            time, with the mean of its period.
        details: Further frames by name, each tidy: ``parts`` (effects by segment, raw and
            shrunken), ``event_study``, ``cohorts``, ``synthetic_weights``, ``synthetic_path``,
            ``placebo_units``, ``donors_left_out``, ``trend_shapes``, ``regression_to_mean``.
    """

    impacts: pd.DataFrame
    checks: pd.DataFrame
    figure_data: pd.DataFrame
    details: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def fit_units(plan: Plan, values: Mapping[str, pd.Series]) -> Plan:
    """Take a metric for a share only where its values can be shares.

    Args:
        plan: What was decided before; its units were guessed from names.
        values: Measured values by metric.

    Returns:
        The plan; a metric whose values leave -1 to 1 has no unit in place of ``share``.
    """
    units = dict(plan.units)
    for metric, measured in values.items():
        if units.get(metric) == "share" and _leaves_one(measured):
            units[metric] = ""
    return replace(plan, units=units)


def _leaves_one(measured: pd.Series) -> bool:
    numbers = pd.to_numeric(measured, errors="coerce")
    return bool((numbers.abs() > 1 + 1e-9).any())


def judge(plan: Plan, finding: Finding, checks: Iterable[Check]) -> str:
    """Choose the verdict of a primary finding: every failed check forbids reading it.

    Args:
        plan: What was decided before.
        finding: The measured difference.
        checks: Checks of the design.

    Returns:
        One of the verdicts.
    """
    estimate = finding.estimate if isinstance(finding.estimate, Estimate) else None
    return choose_verdict(
        estimate,
        worthwhile=plan.worthwhile,
        direction=plan.direction,
        gates_passed=all(check.status != FAIL for check in checks),
    )


def build_impact(
    plan: Plan,
    design: str,
    *,
    findings: Iterable[Finding],
    checks: Iterable[Check],
    figure_data: pd.DataFrame,
    details: Mapping[str, pd.DataFrame] | None = None,
) -> Impact:
    """Lay findings and checks out as the result tables.

    Args:
        plan: What was decided before.
        design: Name of the design.
        findings: Measured differences, the primary one first.
        checks: Checks of the design.
        figure_data: Tidy rows to draw.
        details: Further frames by name.

    Returns:
        The frames.
    """
    rows = [_impact_row(plan, design, finding) for finding in findings]
    checked = [{"intervention": plan.name, **asdict(check)} for check in checks]
    return Impact(
        complete_result("impacts", pd.DataFrame(rows)),
        complete_result("impact_checks", pd.DataFrame(checked)),
        figure_data.reset_index(drop=True),
        dict(details or {}),
    )


def as_times(values: pd.Series, *, column: str = "time") -> pd.Series:
    """Read a column of days, timestamps or years as naive UTC timestamps.

    Args:
        values: Timestamps, periods, ISO texts or whole years.
        column: Name of the column, for the message.

    Returns:
        Timestamps without a zone.

    Raises:
        DataError: A value is none of these.
    """
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.start_time
    if pd.api.types.is_numeric_dtype(values):
        values = values.map(lambda year: f"{int(year):04d}", na_action="ignore").astype("str")
    read = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    unread = values[read.isna()].unique().tolist()
    if unread:
        raise DataError(
            f"{column} must hold timestamps, ISO dates or years, found {unread[:5]}.",
            ["declare how the source writes its times: format: {dates: …}"],
        )
    return read


def as_time(value: When | None, *, name: str) -> pd.Timestamp:
    """Read one day as a naive UTC timestamp.

    Args:
        value: Timestamp, date, ISO text or year.
        name: Intervention it belongs to, for the message.

    Returns:
        The timestamp.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    if value is None:
        raise DataError(f'"{name}" has no start.', ["write the first day with the change: start"])
    return pd.Timestamp(as_times(pd.Series([value]), column="start").iloc[0])


def need_columns(data: pd.DataFrame, columns: Iterable[str], *, name: str) -> None:
    """Refuse a frame that lacks columns.

    Args:
        data: Any frame.
        columns: Columns it has to have.
        name: Intervention it belongs to, for the message.

    Raises:
        DataError: At least one is missing; all of them are listed.
    """
    found = [str(column) for column in data.columns]
    missing = [column for column in columns if column not in found]
    if missing:
        raise DataError(
            f'The data of "{name}" lack columns.',
            [f'missing "{column}". {did_you_mean(column, found)}'.strip() for column in missing],
        )


def _impact_row(plan: Plan, design: str, finding: Finding) -> dict[str, object]:
    estimate = finding.estimate
    if isinstance(estimate, Refusal):
        nothing = math.nan
        n = finding.n_treated + finding.n_control
        estimate = Estimate(finding.metric, nothing, nothing, nothing, n, "", str(estimate))
    known = finding.without == finding.without and finding.without != 0
    return {
        "intervention": plan.name,
        "design": design,
        "metric": estimate.metric,
        "arm": finding.arm,
        "segment": finding.segment,
        "relative": estimate.value / finding.without if known else math.nan,
        "p_value": finding.p_value,
        "p_adjusted": finding.p_adjusted,
        "n_treated": finding.n_treated,
        "n_control": finding.n_control,
        "evidence": finding.evidence,
        "verdict": finding.verdict,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "unit": estimate.unit,
        "source": estimate.source,
    }
