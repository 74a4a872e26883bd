"""What a notebook asks of its workspace in one line: joins of tables that several analyses made."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.charts import (
    plot_arms,
    plot_group_series,
    plot_series,
)
from journeylib.errors import JourneyError
from journeylib.evidence import gather_evidence, unit_of
from journeylib.exhibits import STATUS_SIGNS, Exhibit, bold, show_figure, show_notice
from journeylib.feelings import tone_voices
from journeylib.glossary import NO_CHANGES
from journeylib.impact import Plan, measure_intervention
from journeylib.journeys import describe_customers
from journeylib.labels import count_text
from journeylib.prose import find_findings, impact_sentence
from journeylib.tables import RESULTS, complete_result
from journeylib.workspace import Workspace, absent_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from journeylib.collect import Collected
    from journeylib.interventions import Intervention

DAY = 86_400_000_000
ASSUMPTION_COLUMNS = ["assumption", "notebook", "statement", "status", "consequence"]
CHECK_NAMES = {
    "srm": "Split as planned", "power": "Precise enough", "pre_trend": "Same trend before",
    "placebo": "Quiet before the start", "regression_to_mean": "Not chosen for being bad",
    "peeking": "Looked at as planned",
}  # fmt: skip


# ---------------------------------------------------------------- 01 and 02


def keep_collected(work: Workspace, collected: Collected) -> None:
    """Keep what later notebooks need of the sources beside the log."""
    toned = tone_voices(work, collected)
    if len(collected.earlier):
        before = tone_voices(work, replace(collected, voices=collected.earlier))
        work.keep(voices_before=before.voices.drop(columns="text"))
    work.keep(
        voices=toned.voices,
        tones=toned.checks,
        answers=collected.answers,
        ratings=collected.ratings,
        purchases=collected.purchases,
        attributes=collected.attributes,
        placed=collected.built.placed,
        suspects=collected.suspects,
        **{f"trial_{name}": frame for name, frame in collected.trials.items()},
    )


def join_customers(work: Workspace) -> pd.DataFrame:
    """Describe every known customer: what they did, and what the customers table says.

    Returns:
        One row per customer, also for those without events; ``churned`` where it is known.
    """
    customers = describe_customers(work.log)
    attributes = work.recall("attributes")
    if attributes.empty:
        return customers
    known = attributes.drop(columns=[c for c in attributes if c in customers and c != "customer"])
    joined = customers.merge(known, on="customer", how="outer", validate="1:1")
    for column in ("events", "orders"):
        joined[column] = joined[column].fillna(0).astype("int64") if column in joined else 0
    if "churned_at" in joined:
        left = joined["churned_at"].notna()
        joined["churned"] = joined["churned"].fillna(left) if "churned" in joined else left
    return joined


# ---------------------------------------------------------------- assumptions


def assume(work: Workspace, notebook: str, *rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Note what a notebook takes for granted.

    Args:
        work: The workspace.
        notebook: Its number.
        rows: ``assumption, statement, status, consequence`` each.

    Returns:
        The rows as they will stand in the result table ``assumptions``.
    """
    table = pd.DataFrame(
        [(name, notebook, statement, status, then) for name, statement, status, then in rows],
        columns=ASSUMPTION_COLUMNS,
    )
    work.keep(**{f"assumptions_{notebook}": table})
    return table


def gather_assumptions(work: Workspace) -> pd.DataFrame:
    """Join what all notebooks took for granted, and name the tables that do not apply."""
    parts = [work.recall(f"assumptions_0{number}") for number in range(1, 7)]
    parts = [part for part in [*parts, absent_tables(work)] if len(part)]
    return complete_result("assumptions", pd.concat(parts, ignore_index=True))


# ---------------------------------------------------------------- 03 and 06


def count_people(work: Workspace) -> pd.DataFrame:
    """Give the customers of the report: those seen in the period, else all that are known."""
    customers = join_customers(work)
    seen = customers[customers["events"] > 0] if "events" in customers else customers
    return seen if len(seen) else customers


def list_findings(work: Workspace) -> list[str]:
    """Give the front page's sentences from all result tables."""
    return list(find_findings({name: work.read(name) for name in RESULTS}))


def name_period(work: Workspace) -> tuple[str, str]:
    """Give the first and last day of the analysed period, or empty texts."""
    codes = work.log.codes
    if not codes.touchpoints:
        return "", ""
    zone = work.params.timezone
    days = [
        pd.Timestamp(at, unit="us", tz="UTC").tz_convert(zone)
        for at in (codes.start, codes.end - 1)
    ]
    return f"{days[0]:%-d %B %Y}", f"{days[1]:%-d %B %Y}"


# ---------------------------------------------------------------- 05


@dataclass(frozen=True, slots=True)
class Measured:
    """What all interventions of a client did.

    Attributes:
        impacts: The result table ``impacts``.
        checks: The result table ``impact_checks``.
        pictures: ``(name, design, frame, start)`` of each intervention's figure.
    """

    impacts: pd.DataFrame
    checks: pd.DataFrame
    pictures: Sequence[tuple[str, str, pd.DataFrame, object]]


def measure_interventions(work: Workspace) -> Measured:
    """Measure every intervention of the client file by the design it names.

    An intervention whose data is not there becomes *not interpretable*, with the reason as a
    failed check; the others go on.
    """
    impacts, checks, pictures = [], [], []
    for intervention in work.params.interventions:
        try:
            found, looked, drawn = _measure(work, intervention)
        except JourneyError as refused:
            found, looked, drawn = _unmeasured(intervention, refused)
        impacts.append(found)
        checks.append(looked)
        pictures.append((intervention.name, intervention.design, drawn, intervention.start))
    return Measured(
        work.protect("impacts", complete_result("impacts", _stack(impacts))),
        complete_result("impact_checks", _stack(checks)),
        pictures,
    )


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame.astype(object) for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True).infer_objects() if filled else pd.DataFrame()


def _measure(
    work: Workspace, intervention: Intervention
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    trials = {s.name: work.recall(f"trial_{s.name}") for s in work.params.sources}
    evidence = gather_evidence(
        intervention.design,
        trials={name: frame for name, frame in trials.items() if len(frame)},
        answers=work.recall("answers"),
        source=intervention.source or "",
        metric=intervention.metric or "",
        touchpoint=intervention.touchpoint or "",
        unit=intervention.unit or "",
        start=intervention.start,
        zone=work.params.timezone,
    )
    result = measure_intervention(intervention.design, evidence, plan_of(work, intervention))
    if intervention.design == "ab_test" and _has_small_arm(work, result.impacts):
        # The levels of the arms and the messages of the checks tell counts too.
        few = f"an arm holds fewer than {work.params.report.min_cell} customers."
        checks = result.checks.assign(message=few, statistic=np.nan)
        return result.impacts, checks, pd.DataFrame()
    return result.impacts, result.checks, result.figure_data


def _has_small_arm(work: Workspace, impacts: pd.DataFrame) -> bool:
    everyone = impacts[impacts["segment"] == "all"]
    sizes = everyone[["n_treated", "n_control"]].astype(float)
    return bool((sizes < work.params.report.min_cell).any(axis=None))


def plan_of(work: Workspace, intervention: Intervention) -> Plan:
    """Turn an intervention of the client file into the plan it is judged by."""
    outcomes = tuple(intervention.outcomes or ())
    metrics = [*outcomes, *intervention.guardrails, intervention.metric or ""]
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
        unit=intervention.unit or "unit",
        treated=tuple(str(one) for one in intervention.treated or ()),
        chosen=intervention.chosen or "convenience",
        worthwhile=intervention.worthwhile,
        control=str(intervention.control or ""),
        guardrails=dict(intervention.guardrails),
        split=tuple(intervention.split or ()),
        looks=intervention.looks,
        looks_taken=intervention.looks,
        covariate=intervention.covariate or "",
        segments=tuple(intervention.segments),
        units={name: unit_of(name, work.params.currency or "") for name in metrics},
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
    figure = _picture(design, drawn, start, str(first["metric"]))
    picture = show_figure(figure).html if figure is not None else ""
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


def _picture(design: str, drawn: pd.DataFrame, start: object, metric: str) -> Axes | None:
    if drawn.empty:
        return None
    if design == "ab_test":
        return plot_arms(drawn[drawn["metric"] == metric] if "metric" in drawn else drawn)
    if design == "difference_in_differences":
        groups = drawn[drawn["series"] != "gap"].rename(columns={"series": "group"})
        return plot_group_series(groups, start=start)
    return plot_series(drawn, start=start)


def describe_changes(work: Workspace) -> pd.DataFrame:
    """List the interventions that the client file declares, as they were planned."""
    rows = [
        (
            one.name, one.design, one.metric or ", ".join(one.outcomes or ()),
            str(one.start or ""), one.worthwhile, count_text(one.cost) if one.cost else "",
        )
        for one in work.params.interventions
    ]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["intervention", "design", "metric", "start", "worthwhile", "cost"]
    )
