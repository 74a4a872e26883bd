"""Each change as a card: the verdict, the picture it rests on, and every check with its figure.

Not for measuring; `trying` does that.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.charts import plot_arms, plot_event_study, plot_group_series, plot_series
from journeylib.exhibits import STATUS_SIGNS, Exhibit, bold, show_figure, show_notice
from journeylib.glossary import NO_CHANGES
from journeylib.impact_prose import impact_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from journeylib.trying import Measured

CHECK_NAMES = {
    "srm": "Split as planned", "power": "Precise enough", "pre_trend": "Same trend before",
    "placebo": "Quiet before the start", "regression_to_mean": "Not chosen for being bad",
    "peeking": "Looked at as planned", "segment_after_treatment": "Parts fixed beforehand",
    "interaction": "Same for all parts", "placebo_outcome": "What it cannot move stayed",
    "partial_period": "Whole periods only", "planned_sample": "As many as planned",
    "largest_unit": "No single customer decides", "outliers": "Extremes do not decide",
    "contamination": "Groups kept apart", "attainable_p": "Enough units to tell",
    "pre_trend_power": "What the trend test could miss", "cuped": "Narrowed by what was before",
    "trend_sensitivity": "Drift that would overturn it", "trend_shapes": "Three shapes of trend",
    "control_series": "Compared with another line", "season": "Seasons taken out",
    "cluster_robust": "Regression agrees", "verdict_from": "Read from",
    "pre_fit": "Comparison fits before", "staggered": "Several starts",
    "two_way": "The usual regression", "after_end": "After the end", "strata": "Within strata",
    "exaggeration": "May overstate", "design": "A better design", "donors": "Enough to mix",
    "placebo_rank": "Rank among pretended ones", "leave_one_out": "No single unit decides",
    "weights": "What the mixture is made of", "full_weeks": "Whole weeks",
    "other_change": "Nothing else at the time", "points": "Enough points",
    "autocorrelation": "Neighbours resemble each other",
}  # fmt: skip
MIXTURES = {
    "synthetic_did": "synthetic difference-in-differences",
    "synthetic_control": "synthetic control",
}
MIXED = "mixture of others"


def show_interventions(measured: Measured) -> Exhibit:
    """Show each intervention as a card: what it did, the picture, and every check."""
    if not measured.pictures:
        return show_notice(NO_CHANGES)
    return Exhibit("".join(_card(measured, *picture) for picture in measured.pictures))


def _card(measured: Measured, name: str, design: str, drawn: pd.DataFrame, start: object) -> str:
    own = measured.impacts[measured.impacts["intervention"] == name]
    checks = measured.checks[measured.checks["intervention"] == name]
    first: Any = own.iloc[0].to_dict()
    frames = dict(measured.details).get(name, {})
    figures = [*_pictures(design, drawn, start, str(first["metric"])), _mixture(frames, start)]
    picture = "".join(show_figure(one).html for one in figures if one is not None)
    own_checks = ~checks["check"].astype(str).str.contains(":", regex=False)
    lists = _check_list(checks[own_checks]) + _folded(checks[~own_checks])
    kind = html.escape(design.replace("_", " ").replace("ab test", "A/B test"))
    return (
        f'<section class="card"><h4>{html.escape(name)} <span class="tag">{kind}</span></h4>'
        f'<p class="said">{bold(impact_sentence(first))}</p>{_rivals(own, str(first["metric"]))}'
        f"{picture}{lists}</section>"
    )


def _rivals(own: pd.DataFrame, metric: str) -> str:
    """Say what mixtures of the other units give, where one unit alone was treated."""
    said = []
    for kind, title in MIXTURES.items():
        for row in own[own["metric"] == f"{metric}:{kind}"].to_dict("records"):
            told = impact_sentence({**row, "intervention": f"By {title}", "metric": metric})
            said.append(f'<p class="said">{bold(told)}</p>')
    return "".join(said)


def _check_list(checks: pd.DataFrame) -> str:
    items = "".join(
        f'<li class="check {row["status"]}"><strong>{STATUS_SIGNS[row["status"]][0]} '
        f"{html.escape(_check_name(row['check']))}</strong> {html.escape(row['message'])}</li>"
        for row in checks.to_dict("records")
    )
    return f'<ul class="checks">{items}</ul>' if items else ""


def _folded(checks: pd.DataFrame) -> str:
    """Fold the checks of further designs, one list each."""
    designs = checks["check"].astype(str).str.replace(r":.*", "", regex=True)
    lists = []
    for design in designs.drop_duplicates():
        own = checks[designs == design]
        passed = int((own["status"] == "pass").sum())
        title = f"{MIXTURES.get(design, design)}: {passed} of {len(own)} checks passed"
        own = own.assign(check=own["check"].astype(str).str.replace(r"^[^:]*:", "", regex=True))
        lists.append(
            f'<details class="detail"><summary>{html.escape(title[:1].upper() + title[1:])}'
            f"</summary>{_check_list(own)}</details>"
        )
    return "".join(lists)


def _check_name(check: str) -> str:
    plain = check.replace("_", " ").replace(":", ": ")
    return CHECK_NAMES.get(check, plain[:1].upper() + plain[1:])


def _pictures(design: str, drawn: pd.DataFrame, start: object, metric: str) -> list[Axes | None]:
    if drawn.empty:
        return []
    if design == "ab_test":
        return [plot_arms(drawn[drawn["metric"] == metric] if "metric" in drawn else drawn)]
    if design == "difference_in_differences":
        groups = drawn[drawn["series"].isin(["treated", "control"])]
        groups = groups.rename(columns={"series": "group"})
        return [
            plot_group_series(groups, start=start),
            plot_event_study(_event_study(drawn, start)),
        ]
    return [plot_series(drawn, start=start)]


def _event_study(drawn: pd.DataFrame, start: object) -> pd.DataFrame:
    """Number the periods from the start: 0 is the first with the change."""
    gaps = drawn[drawn["series"] == "gap"].sort_values("time", kind="stable")
    if "event_time" in gaps and gaps["event_time"].notna().all():
        return gaps.assign(time=gaps["event_time"])
    before = int((pd.to_datetime(gaps["time"]) < pd.Timestamp(str(start))).sum())
    return gaps.assign(time=np.arange(len(gaps)) - before)


def _mixture(frames: Mapping[str, pd.DataFrame], start: object) -> Axes | None:
    """Draw the treated unit and the mixture of others that it is compared with."""
    for kind in MIXTURES:
        path = frames.get(f"{kind}_path", pd.DataFrame())
        if len(path):
            long = path.melt("time", ["treated", "synthetic"], "group", "value")
            long["group"] = long["group"].replace({"synthetic": MIXED})
            return plot_group_series(long, start=start)
    return None
