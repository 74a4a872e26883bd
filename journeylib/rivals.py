"""Other designs for the same panel, beside difference-in-differences: mixtures and regression.

One treated unit is compared with a mixture of others (`synthetic`). Which design the verdict is
read from is fixed beforehand: the plain one where its checks pass, else synthetic
difference-in-differences, else synthetic control.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.estimates import Estimate, Refusal
from journeylib.phrases import gap_words, level_words, span_words
from journeylib.plans import FAIL, PASS, WARN, Check, Finding, Plan, judge
from journeylib.synthetic import FEWEST_DONORS, FEWEST_PERIODS, Synthetic, measure_synthetic
from journeylib.verdicts import side_of, weigh_chance

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from journeylib.units import Panel

# In the order in which the verdict is read from them.
KINDS: tuple[tuple[str, Literal["sdid", "synthetic_control"]], ...] = (
    ("synthetic_did", "sdid"),
    ("synthetic_control", "synthetic_control"),
)
TITLES = {
    "synthetic_did": "synthetic difference-in-differences",
    "synthetic_control": "synthetic control",
}
FEWEST_CLUSTERS = 10
BETTER = 2.5  # a mixture that fits so many times better shows that the mean of all does not fit
FAITH = ("pre_fit", "placebo", "leave_one_out")  # checks that grade the evidence


@dataclass(frozen=True, slots=True)
class Rival:
    """Another design for the same question.

    Attributes:
        name: ``"synthetic_did"`` or ``"synthetic_control"``.
        finding: Its result, with a verdict of its own.
        checks: Its checks, named ``<name>:<check>``.
        of_plain: Checks of the plain comparison that only this design can make.
        drawn: The treated unit's mixture over time, as a further series.
        details: Frames by name.
    """

    name: str
    finding: Finding
    checks: list[Check]
    of_plain: list[Check]
    drawn: pd.DataFrame
    details: dict[str, pd.DataFrame] = field(default_factory=dict)


def measure_mixtures(panel: Panel, plan: Plan) -> list[Rival]:
    """Compare one treated unit with mixtures of the others, where there are enough of them.

    Args:
        panel: Units by times.
        plan: What was decided before.

    Returns:
        Synthetic difference-in-differences, then synthetic control; nothing for several treated
        units, fewer than ten others or fewer than ten earlier times.

    References:
        Abadie, Diamond & Hainmueller (2010), JASA 105:493-505; Arkhangelsky et al. (2021),
        American Economic Review 111:4088-4118.
    """
    few = int((~panel.treated).sum()) < FEWEST_DONORS or int(panel.before.sum()) < FEWEST_PERIODS
    if int(panel.treated.sum()) != 1 or few:
        return []
    plain = measure_synthetic(panel, plan, kind="difference_in_differences")
    mixed = [measure_synthetic(panel, plan, kind=kind) for _, kind in KINDS]
    found = [
        _rival(name, one, plan, start=panel.start)
        for (name, _), one in zip(KINDS, mixed, strict=True)
    ]
    return [replace(found[0], of_plain=_fit_checks(plain, mixed[0], plan)), found[1]]


def _fit_checks(plain: Synthetic, mixed: Synthetic, plan: Plan) -> list[Check]:
    """Ask whether the mean of all others followed the treated unit before the start."""
    checks = [check for check in plain.checks if check.check == "pre_fit"]
    own, best = (one.pre_rmspe for one in (plain, mixed))
    if not checks or checks[0].status == FAIL or math.isnan(best) or own <= BETTER * best:
        return checks
    unit = plan.units.get(plan.metric, "")
    message = (
        f"Before the start the mean of the others missed the unit by {gap_words(own, unit)} on "
        f"average, a mixture of them by {gap_words(best, unit)}: they did not run alike."
    )
    return [Check("pre_fit", FAIL, own, message)]


def choose_design(
    plan: Plan, finding: Finding, checks: list[Check], rivals: list[Rival]
) -> list[Check]:
    """Say from which design the verdict is read.

    Args:
        plan: What was decided before.
        finding: The plain difference, with its verdict.
        checks: Checks of the plain difference.
        rivals: Other designs, the better one first.

    Returns:
        Check ``verdict_from``; nothing without rivals.
    """
    if not rivals:
        return []
    failed = next((check for check in checks if check.status == FAIL), None)
    if failed is None:
        apart = [one for one in rivals if _side(one.finding) != _side(finding)]
        message = "The verdict is read from the plain difference-in-differences, whose checks pass"
        if not apart:
            return [Check("verdict_from", PASS, 0.0, f"{message}; the mixtures say the same.")]
        names = " and ".join(f"{TITLES[one.name]} ({_shown(one.finding)})" for one in apart)
        return [Check("verdict_from", WARN, float(len(apart)), f"{message}; not so {names}.")]
    for one in rivals:
        if all(check.status != FAIL for check in one.checks):
            message = (
                f"The plain difference cannot be read ({failed.check.replace('_', ' ')}). Read "
                f"{TITLES[one.name]} instead, row {plan.metric}:{one.name}, whose checks pass: "
                f"{_shown(one.finding)}, {one.finding.verdict}."
            )
            return [Check("verdict_from", WARN, 1.0, message)]
    message = "No design's checks pass; units more like the treated one would tell."
    return [Check("verdict_from", WARN, math.nan, message)]


def check_clusters(panel: Panel, level: pd.DataFrame, plan: Plan, finding: Finding) -> list[Check]:
    """Measure again by regression with errors clustered by unit, where there are enough units.

    Args:
        panel: Units by times.
        level: Its grid, less period effects.
        plan: What was decided before.
        finding: The collapsed difference.

    Returns:
        Check ``cluster_robust``: a warning when it tells another sign; nothing below ten treated
        and ten other units, where clustered errors are too small.

    References:
        Cameron & Miller (2015), J. Human Resources 50:317-372; t with units less one degrees.
    """
    sizes = (int(panel.treated.sum()), int((~panel.treated).sum()))
    if min(sizes) < FEWEST_CLUSTERS or isinstance(finding.estimate, Refusal):
        return []
    value, low, high = _two_way(panel, level, plan.confidence)
    unit = finding.estimate.unit
    same = side_of(low, high) == side_of(finding.estimate.low, finding.estimate.high)
    message = (
        f"A regression with errors clustered by unit gives {gap_words(value, unit, signed=True)} "
        f"({span_words(low, high, unit)})"
    )
    message += ", which agrees." if same else ", which says something else; trust the row above."
    return [Check("cluster_robust", PASS if same else WARN, value, message)]


def _two_way(panel: Panel, level: pd.DataFrame, confidence: float) -> tuple[float, float, float]:
    import statsmodels.api as sm

    grid = level.to_numpy(dtype="float64")
    known = ~np.isnan(grid)
    on = np.outer(panel.treated, ~panel.before).astype("float64")
    values, exposure = (_within(np.where(known, each, np.nan)) for each in (grid, on))
    units = np.repeat(np.arange(len(grid)), grid.shape[1])[known.ravel()]
    model = sm.OLS(values[known], exposure[known][:, None])
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": units}, use_t=True)
    low, high = fit.conf_int(alpha=1 - confidence)[0]
    return float(fit.params[0]), float(low), float(high)


def _within(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take out unit and period means, in turns where cells are missing."""
    left = grid
    for _ in range(1 if not np.isnan(grid).any() else 100):
        left = left - np.nanmean(left, axis=1, keepdims=True)
        left = left - np.nanmean(left, axis=0, keepdims=True)
    return left


def _rival(name: str, found: Synthetic, plan: Plan, *, start: pd.Timestamp) -> Rival:
    metric = f"{plan.metric}:{name}"
    checks = [replace(check, check=f"{name}:{check.check}") for check in found.checks]
    checks += _weights_check(name, found.weights)
    estimate = found.estimate
    if isinstance(estimate, Estimate):
        estimate = replace(estimate, metric=metric)
    passed = [c.status == PASS for c in found.checks if c.check in FAITH]
    without = math.nan
    if len(found.path):
        without = float(found.path.loc[found.path["time"] >= start, "synthetic"].mean())
    finding = Finding(
        estimate, without, found.p_value, 1, len(found.weights), "B" if all(passed) else "C",
        p_adjusted=found.p_value, metric=metric,
    )  # fmt: skip
    verdict = weigh_chance(judge(plan, finding, checks), found.p_value, plan.confidence)
    details = {
        f"{name}_weights": found.weights, f"{name}_path": found.path,
        f"{name}_placebos": found.placebos, f"{name}_left_out": found.left_out,
    }  # fmt: skip
    finding = replace(finding, verdict=verdict)
    return Rival(name, finding, checks, [], _drawn(found, plan, metric), details)


def _weights_check(name: str, weights: pd.DataFrame) -> list[Check]:
    if weights.empty:
        return []
    largest = weights[weights["weight"] >= 0.05].head(6)
    named = zip(largest["donor"], largest["weight"].astype(float), strict=True)
    parts = [f"{donor} {level_words(weight, 'share')}" for donor, weight in named]
    rest = float(1 - largest["weight"].sum())
    message = f"The mixture is made of {', '.join(parts) or 'many units, none above 5 %'}"
    message += f"; the others together {level_words(rest, 'share')}." if rest > 0.005 else "."
    return [Check(f"{name}:weights", PASS, float(weights["weight"].max()), message)]


def _drawn(found: Synthetic, plan: Plan, metric: str) -> pd.DataFrame:
    if found.path.empty:
        return pd.DataFrame()
    return pd.DataFrame(
        {
            "time": found.path["time"], "series": "synthetic", "value": found.path["synthetic"],
            "metric": metric, "unit": plan.units.get(plan.metric, ""), "n": 1,
        }
    )  # fmt: skip


def _side(finding: Finding) -> float:
    estimate = finding.estimate
    return side_of(estimate.low, estimate.high) if isinstance(estimate, Estimate) else 0.0


def _shown(finding: Finding) -> str:
    estimate = finding.estimate
    if isinstance(estimate, Refusal):
        return "no number"
    value = gap_words(estimate.value, estimate.unit, signed=True)
    return f"{value}, {span_words(estimate.low, estimate.high, estimate.unit)}"
