"""What notebook 05 asks of a client's workspace: every change measured, judged and priced.

Not for measuring; `impact` does that by the design that the client file names. Not for showing what
came of it; see `verdict_cards`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.arms import is_binary
from journeylib.changes import measure_change
from journeylib.errors import JourneyError
from journeylib.evidence import gather_evidence, unit_of
from journeylib.impact import Impact, Plan, measure_intervention
from journeylib.impact_prose import bar_text
from journeylib.labels import metric_name, value_text
from journeylib.returns import value_interventions
from journeylib.tables import complete_result
from journeylib.verdicts import NOT_INTERPRETABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.interventions import Intervention
    from journeylib.workspace import Workspace

COMPARING = ("difference_in_differences", "interrupted_time_series")


@dataclass(frozen=True, slots=True)
class Measured:
    """What all interventions of a client did.

    Attributes:
        impacts: The result table ``impacts``.
        checks: The result table ``impact_checks``.
        pictures: ``(name, design, frame, start)`` of each intervention's figure.
        plain: What after less before would have said, beside designs that know better:
            ``intervention, design, value, low, high, unit, plain, plain_low, plain_high,
            misleads``.
        details: Further frames of each intervention: ``(name, frames)``; see `plans.Impact`.
    """

    impacts: pd.DataFrame
    checks: pd.DataFrame
    pictures: Sequence[tuple[str, str, pd.DataFrame, object]]
    plain: pd.DataFrame
    details: Sequence[tuple[str, Mapping[str, pd.DataFrame]]]

    @property
    def parts(self) -> pd.DataFrame:
        """Effects by part of the customers, before and after they were drawn together."""
        return self._gather("parts")

    @property
    def trend_shapes(self) -> pd.DataFrame:
        """The change of each series under no trend, a straight and a curved one."""
        return self._gather("trend_shapes")

    def _gather(self, name: str) -> pd.DataFrame:
        firsts = self.impacts.reindex(columns=["intervention", "unit"])
        units = dict(firsts.drop_duplicates("intervention").to_numpy().tolist())
        found = [
            frames[name].assign(intervention=intervention, unit=units[intervention])
            for intervention, frames in self.details
            if len(frames.get(name, ()))
        ]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def measure_interventions(work: Workspace) -> Measured:
    """Measure every intervention of the client file by the design it names.

    An intervention whose data is not there becomes *not interpretable*, with the reason as a
    failed check; the others go on.
    """
    impacts, checks, pictures, plain, details = [], [], [], [], []
    for intervention in work.params.interventions:
        try:
            data, plan = _evidence(work, intervention), plan_of(work, intervention)
            result = _measure(work, data, plan, intervention.design)
            plain += _plain(data, plan, result.impacts)
        except JourneyError as refused:
            result = _unmeasured(intervention, refused)
        name, drawn = intervention.name, result.figure_data
        impacts.append(result.impacts)
        checks.append(result.checks)
        pictures.append((name, intervention.design, drawn, intervention.start))
        details.append((name, result.details))
    whole = complete_result("impacts", value_interventions(work, _stack(impacts)))
    return Measured(
        work.protect("impacts", whole),
        complete_result("impact_checks", _stack(checks)),
        pictures,
        pd.DataFrame(plain),
        details,
    )


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame.astype(object) for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True).infer_objects() if filled else pd.DataFrame()


def _evidence(work: Workspace, intervention: Intervention) -> pd.DataFrame:
    trials = {s.name: work.recall(f"trial_{s.name}") for s in work.params.sources}
    return gather_evidence(
        intervention.design,
        trials={name: frame for name, frame in trials.items() if len(frame)},
        answers=work.recall("answers"),
        source=intervention.source or "",
        metric=intervention.metric or "",
        touchpoint=intervention.touchpoint or "",
        unit=intervention.unit or "",
        start=intervention.start,
        zone=work.params.timezone,
        placebo_outcomes=intervention.placebo_outcomes,
    )


def _measure(work: Workspace, data: pd.DataFrame, plan: Plan, design: str) -> Impact:
    result = measure_intervention(design, data, plan)
    if design == "ab_test" and _has_small_arm(work, result.impacts):
        # The levels of the arms and the messages of the checks tell counts too.
        few = f"an arm holds fewer than {work.params.report.min_cell} customers."
        checks = result.checks.assign(message=few, statistic=np.nan)
        return Impact(result.impacts, checks, pd.DataFrame())
    return result


def _plain(data: pd.DataFrame, plan: Plan, found: pd.DataFrame) -> list[dict[str, object]]:
    """Put after less before beside a design that compares with something."""
    first: Any = found.iloc[0].to_dict()
    if first["design"] not in COMPARING or first["verdict"] == NOT_INTERPRETABLE:
        return []
    change: Any = measure_change(data, plan).impacts.iloc[0].to_dict()
    if pd.isna(change["low"]) or pd.isna(first["low"]):
        return []
    row = {name: first[name] for name in ("intervention", "design", "value", "low", "high", "unit")}
    ends = {"plain": change["value"], "plain_low": change["low"], "plain_high": change["high"]}
    apart = not change["low"] <= first["value"] <= change["high"]
    return [{**row, **ends, "misleads": apart}]


def _has_small_arm(work: Workspace, impacts: pd.DataFrame) -> bool:
    everyone = impacts[impacts["segment"] == "all"]
    sizes = everyone[["n_treated", "n_control"]].astype(float)
    return bool((sizes < work.params.report.min_cell).any(axis=None))


def _unit_of(work: Workspace, intervention: Intervention, metric: str) -> str:
    """Name the unit of a metric; a ratio without one of its own has that of its numerator."""
    currency = work.params.currency or ""
    top = intervention.ratios.get(metric, [metric])[0]
    return unit_of(metric, currency) or unit_of(top, currency)


def plan_of(work: Workspace, intervention: Intervention) -> Plan:
    """Turn an intervention of the client file into the plan it is judged by."""
    outcomes = tuple(intervention.outcomes or ())
    metrics = [*outcomes, *intervention.guardrails, *intervention.placebo_outcomes]
    metrics.append(intervention.metric or "")
    others = [
        other.start
        for other in work.params.interventions
        if other.start and other.name != intervention.name and other.start != intervention.start
        and other.metric == intervention.metric
    ]  # fmt: skip
    return Plan(
        name=intervention.name,
        metric=intervention.metric or (outcomes[0] if outcomes else ""),
        outcomes=outcomes,
        direction=intervention.direction,
        start=intervention.start,
        end=intervention.end,
        unit=intervention.unit or "unit",
        treated=tuple(str(one) for one in intervention.treated or ()),
        chosen=intervention.chosen or "convenience",
        worthwhile=intervention.worthwhile,
        control=str(intervention.control or ""),
        guardrails=dict(intervention.guardrails),
        split=tuple(intervention.split or ()),
        looks=intervention.looks,
        looks_taken=intervention.looks_taken,
        sample=intervention.sample,
        ratios={name: (pair[0], pair[1]) for name, pair in intervention.ratios.items()},
        strata=intervention.strata or "",
        placebo_outcomes=tuple(intervention.placebo_outcomes),
        covariate=intervention.covariate or "",
        segments=tuple(intervention.segments),
        units={name: _unit_of(work, intervention, name) for name in metrics},
        other_changes=tuple(others),
        confidence=work.params.confidence,
        seed=work.params.seed,
    )


def _unmeasured(intervention: Intervention, refused: JourneyError) -> Impact:
    metric = intervention.metric or ", ".join(intervention.outcomes or ())
    impact = {
        "intervention": intervention.name, "design": intervention.design, "metric": metric,
        "arm": "treated", "segment": "all", "evidence": "D", "verdict": "not interpretable",
        "value": np.nan, "n": 0, "unit": "", "source": "",
    }  # fmt: skip
    fixes = " ".join(_as_sentence(problem.message) for problem in refused.problems)
    check = {
        "intervention": intervention.name, "check": "data", "status": "fail", "statistic": np.nan,
        "message": f"{refused.what} {fixes}".strip(),
    }  # fmt: skip
    return Impact(pd.DataFrame([impact]), pd.DataFrame([check]), pd.DataFrame())


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def describe_changes(work: Workspace) -> pd.DataFrame:
    """List the interventions that the client file declares, as they were planned."""
    currency = work.params.currency or ""
    rows = [
        (
            one.name, metric_name(one.design), _aim(one), str(one.start or ""),
            _bar_of(work, one), value_text(one.cost, currency) if one.cost else "",
            _further(one),
        )
        for one in work.params.interventions
    ]  # fmt: skip
    columns = ["intervention", "design", "metric", "start", "worthwhile", "cost", "plan"]
    return pd.DataFrame(rows, columns=columns)


def _aim(one: Intervention) -> str:
    """Name what should move, the primary metric first, and which way is better."""
    named = one.outcomes or [one.metric or ""]
    way = "more is better" if one.direction == "up" else "less is better"
    return f"{', '.join(metric_name(name) for name in named)} ({way})"


def _bar_of(work: Workspace, one: Intervention) -> str:
    if one.worthwhile is None:
        return "not declared"
    primary = one.metric or (one.outcomes or [""])[0]
    measured = work.recall(f"trial_{one.source}") if one.source else pd.DataFrame()
    is_share = primary in measured and is_binary(measured[primary])
    return bar_text(one.worthwhile, "share" if is_share else _unit_of(work, one, primary))


def _further(one: Intervention) -> str:
    """Tell the rest of the plan: guardrails, split, looks, parts."""
    parts = [f"{metric_name(name)} within {limit:g}" for name, limit in one.guardrails.items()]
    parts += [f"split {' : '.join(f'{100 * share:g}' for share in one.split)}"] if one.split else []
    parts += [f"{one.looks} looks"] if one.looks > 1 else []
    parts += [f"by {', '.join(one.segments)}"] if one.segments else []
    parts += [f"units chosen: {one.chosen}"] if one.chosen else []
    return "; ".join(parts)
