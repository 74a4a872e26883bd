"""What notebook 05 asks of a client's workspace: every change measured, judged, priced, and drawn.

Not for measuring; `impact` does that by the design that the client file names.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.changes import measure_change
from journeylib.charts import plot_arms, plot_event_study, plot_group_series, plot_series
from journeylib.errors import JourneyError
from journeylib.evidence import gather_evidence, unit_of
from journeylib.exhibits import STATUS_SIGNS, Exhibit, bold, show_figure, show_notice
from journeylib.glossary import NO_CHANGES
from journeylib.impact import Plan, measure_intervention
from journeylib.impact_prose import bar_text, impact_sentence
from journeylib.labels import metric_name, value_text
from journeylib.returns import value_interventions
from journeylib.tables import complete_result
from journeylib.verdicts import NOT_INTERPRETABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from journeylib.interventions import Intervention
    from journeylib.workspace import Workspace

COMPARING = ("difference_in_differences", "interrupted_time_series")
CHECK_NAMES = {
    "srm": "Split as planned", "power": "Precise enough", "pre_trend": "Same trend before",
    "placebo": "Quiet before the start", "regression_to_mean": "Not chosen for being bad",
    "peeking": "Looked at as planned",
}  # fmt: skip


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
    """

    impacts: pd.DataFrame
    checks: pd.DataFrame
    pictures: Sequence[tuple[str, str, pd.DataFrame, object]]
    plain: pd.DataFrame


def measure_interventions(work: Workspace) -> Measured:
    """Measure every intervention of the client file by the design it names.

    An intervention whose data is not there becomes *not interpretable*, with the reason as a
    failed check; the others go on.
    """
    impacts, checks, pictures, plain = [], [], [], []
    for intervention in work.params.interventions:
        try:
            data, plan = _evidence(work, intervention), plan_of(work, intervention)
            found, looked, drawn = _measure(work, data, plan, intervention.design)
            plain += _plain(data, plan, found)
        except JourneyError as refused:
            found, looked, drawn = _unmeasured(intervention, refused)
        impacts.append(found)
        checks.append(looked)
        pictures.append((intervention.name, intervention.design, drawn, intervention.start))
    whole = complete_result("impacts", value_interventions(work, _stack(impacts)))
    return Measured(
        work.protect("impacts", whole),
        complete_result("impact_checks", _stack(checks)),
        pictures,
        pd.DataFrame(plain),
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


def _measure(
    work: Workspace, data: pd.DataFrame, plan: Plan, design: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    result = measure_intervention(design, data, plan)
    if design == "ab_test" and _has_small_arm(work, result.impacts):
        # The levels of the arms and the messages of the checks tell counts too.
        few = f"an arm holds fewer than {work.params.report.min_cell} customers."
        checks = result.checks.assign(message=few, statistic=np.nan)
        return result.impacts, checks, pd.DataFrame()
    return result.impacts, result.checks, result.figure_data


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


def _unmeasured(
    intervention: Intervention, refused: JourneyError
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    metric = intervention.metric or ", ".join(intervention.outcomes or ())
    impact = {
        "intervention": intervention.name, "design": intervention.design, "metric": metric,
        "arm": "treated", "segment": "all", "evidence": "D", "verdict": "not interpretable",
        "value": np.nan, "n": 0, "unit": "", "source": "",
    }  # fmt: skip
    fixes = " ".join(problem.message for problem in refused.problems)
    check = {
        "intervention": intervention.name, "check": "data", "status": "fail", "statistic": np.nan,
        "message": f"{refused.what} {fixes}".strip(),
    }  # fmt: skip
    return pd.DataFrame([impact]), pd.DataFrame([check]), pd.DataFrame()


def show_interventions(measured: Measured) -> Exhibit:
    """Show each intervention as a card: what it did, the picture, and every check."""
    if not measured.pictures:
        return show_notice(NO_CHANGES)
    return Exhibit("".join(_card(measured, *picture) for picture in measured.pictures))


def _card(measured: Measured, name: str, design: str, drawn: pd.DataFrame, start: object) -> str:
    own = measured.impacts[measured.impacts["intervention"] == name]
    checks = measured.checks[measured.checks["intervention"] == name]
    first: Any = own.iloc[0].to_dict()
    figures = _pictures(design, drawn, start, str(first["metric"]))
    picture = "".join(show_figure(one).html for one in figures if one is not None)
    items = "".join(
        f'<li class="check {row["status"]}"><strong>{STATUS_SIGNS[row["status"]][0]} '
        f"{html.escape(_check_name(row['check']))}</strong> {html.escape(row['message'])}</li>"
        for row in checks.to_dict("records")
    )
    kind = html.escape(design.replace("_", " ").replace("ab test", "A/B test"))
    return (
        f'<section class="card"><h4>{html.escape(name)} <span class="tag">{kind}</span></h4>'
        f'<p class="said">{bold(impact_sentence(first))}</p>{picture}'
        f'<ul class="checks">{items}</ul></section>'
    )


def _check_name(check: str) -> str:
    plain = check.replace("_", " ").replace(":", ": ")
    return CHECK_NAMES.get(check, plain[:1].upper() + plain[1:])


def _pictures(design: str, drawn: pd.DataFrame, start: object, metric: str) -> list[Axes | None]:
    if drawn.empty:
        return []
    if design == "ab_test":
        return [plot_arms(drawn[drawn["metric"] == metric] if "metric" in drawn else drawn)]
    if design == "difference_in_differences":
        groups = drawn[drawn["series"] != "gap"].rename(columns={"series": "group"})
        return [
            plot_group_series(groups, start=start),
            plot_event_study(_event_study(drawn, start)),
        ]
    return [plot_series(drawn, start=start)]


def _event_study(drawn: pd.DataFrame, start: object) -> pd.DataFrame:
    """Number the periods from the start: 0 is the first with the change."""
    gaps = drawn[drawn["series"] == "gap"].sort_values("time", kind="stable")
    times = pd.to_datetime(gaps["time"])
    before = int((times < pd.Timestamp(str(start))).sum())
    return gaps.assign(time=np.arange(len(gaps)) - before)


def describe_changes(work: Workspace) -> pd.DataFrame:
    """List the interventions that the client file declares, as they were planned."""
    currency = work.params.currency or ""
    rows = [
        (
            one.name, metric_name(one.design), _aim(one), str(one.start or ""),
            _bar_of(one, currency), value_text(one.cost, currency) if one.cost else "",
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


def _bar_of(one: Intervention, currency: str) -> str:
    if one.worthwhile is None:
        return "not declared"
    primary = one.metric or (one.outcomes or [""])[0]
    return bar_text(one.worthwhile, unit_of(primary, currency))


def _further(one: Intervention) -> str:
    """Tell the rest of the plan: guardrails, split, looks, parts."""
    parts = [f"{metric_name(name)} within {limit:g}" for name, limit in one.guardrails.items()]
    parts += [f"split {' : '.join(f'{100 * share:g}' for share in one.split)}"] if one.split else []
    parts += [f"{one.looks} looks"] if one.looks > 1 else []
    parts += [f"by {', '.join(one.segments)}"] if one.segments else []
    parts += [f"units chosen: {one.chosen}"] if one.chosen else []
    return "; ".join(parts)
