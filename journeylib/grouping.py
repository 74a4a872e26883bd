"""The personas of a client, from workspace to cards, for notebooks 02 and 06."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from journeylib.arrivals import CHANNEL, EVERYONE, PERSONA, STAGE
from journeylib.arrivals import JOINED as MONTH
from journeylib.errors import ParamsError, Problem
from journeylib.features import Known, describe_features, name_unknown
from journeylib.habits import clip_log, describe_habits
from journeylib.journeys import describe_customers
from journeylib.loyalty import measure_metrics
from journeylib.outcomes import (
    SAID,
    Followed,
    follow_customers,
    judge_usefulness,
    measure_outcomes,
)
from journeylib.persona_cards import Cast, draw_personas
from journeylib.personas import (
    Personas,
    assign_personas,
    customers_needed,
    find_personas,
    size_groups,
)
from journeylib.portraits import choose_way, describe_channels, describe_visits

if TYPE_CHECKING:
    from journeylib.exhibits import Exhibit
    from journeylib.valuing import Valued
    from journeylib.workspace import Workspace

ORDER = (EVERYONE, PERSONA, CHANNEL, STAGE, MONTH)
# What customers who came late had less time for; months tell it by other rows.
UNEQUAL = ("repeat_purchase_rate", "retention_rate", "churn_rate")
# Metrics of a persona that can be told from the outcome window alone.
LATER = ("average_order_value", "nps", "csat", "ces")
FOUND, JOINED = "found", "joined"
MOST_PAINS, MET = 2, 0.10


@dataclass(frozen=True, slots=True)
class Cut:
    """The customers before the outcome window, and what became of them.

    Attributes:
        followed: From ``outcomes.follow_customers``.
        features: From ``features.describe_features``, up to the cut.
    """

    followed: Followed
    features: pd.DataFrame

    @property
    def reason(self) -> str:
        """Why the period was not parted, or empty."""
        return self.followed.reason


def part_period(work: Workspace) -> Cut:
    """Part the period into the time of the features and the outcome window after it.

    Returns:
        The cut; its window is None, with a reason, where the data is too short or too thin.

    Raises:
        ParamsError: The client file lists a feature that the client does not have.
    """
    followed = follow_customers(work.log, work.recall("attributes"))
    features = _features_of(work, followed)
    if followed.window and len(features) < customers_needed(features):
        few = f"only {len(features):,} customers were there before the outcome window"
        whole = replace(followed, window=None, before=describe_customers(work.log),
                        people=followed.people[:0], reason=few)  # fmt: skip
        return Cut(whole, _features_of(work, whole))
    return Cut(followed, features)


def _features_of(work: Workspace, followed: Followed) -> pd.DataFrame:
    codes, window = work.log.codes, followed.window
    start, end = (window.start, window.cut) if window else (codes.start, codes.end)
    known = _known(work, followed.before, start, end)
    wanted = work.params.personas.features
    listed = [] if wanted == "auto" else [str(name) for name in wanted]
    unknown = name_unknown(known, listed)
    if unknown:
        raise ParamsError(
            f"{work.params.path.name} lists features that this client does not have.",
            [_unknown_feature(work, *pair) for pair in unknown.items()],
        )
    return describe_features(known, wanted=listed)


def _unknown_feature(work: Workspace, name: str, near: str) -> Problem:
    fix = f'Did you mean "{near}"?' if near else "Write `features: auto`, or name others."
    return Problem("E-FEATURE", f'"{name}" is no feature of this client.',
                   file=work.params.path.name, column="personas.features", fix=fix)  # fmt: skip


def _known(work: Workspace, customers: pd.DataFrame, start: int, end: int) -> Known:
    sources = work.params.sources
    attributes = work.recall("attributes")
    return Known(
        customers,
        attributes.drop(columns=["churned", "churned_at", "signup"], errors="ignore"),
        end,
        describe_habits(clip_log(work.log, start=start, end=end)),
        tuple(source.name for source in sources if source.kind == "tickets"),
        tuple(source.name for source in sources if source.kind == "surveys"),
        _answers(work, start, end),
    )


def _answers(work: Workspace, start: int, end: int) -> pd.DataFrame:
    """Give the answers of known customers within a time; undated ones belong to no time."""
    answers = work.recall("answers")
    if answers.empty or "timestamp" not in answers:
        return answers[:0]
    first, last = (pd.Timestamp(at, unit="us", tz="UTC") for at in (start, end))
    return answers[(answers["timestamp"] >= first) & (answers["timestamp"] < last)]


def group_customers(work: Workspace, cut: Cut) -> Personas:
    """Look for personas among the client's customers, as the client file asks.

    Args:
        work: The workspace.
        cut: From ``part_period``.

    Returns:
        The personas. Customers who came after the cut join the persona whose centroid is nearest,
        by what they did in a time as long that ends with the period: ``assignments`` has a column
        ``basis``, ``found`` or ``joined``.
    """
    wanted = work.params.personas
    found = find_personas(
        cut.features,
        k=None if wanted.k == "auto" else int(wanted.k),
        min_share=wanted.min_share,
        names=wanted.names,
        seed=work.params.seed,
        confidence=work.params.confidence,
    )
    fewest = work.params.report.min_cell
    if len(cut.features) < fewest:
        found = replace(found, reason=f"fewer than {fewest} customers can be compared.")
    found = _joined(work, cut, found)
    table = work.protect("personas", found.table.assign(useful=_useful(work, cut, found)))
    small = set(found.table.loc[table["customers"].isna(), "name"])
    profile = found.profile[~found.profile["persona"].isin(small)].reset_index(drop=True)
    return replace(found, table=table, profile=profile)


def _joined(work: Workspace, cut: Cut, found: Personas) -> Personas:
    """Let the customers who came after the cut join the nearest persona."""
    own = found.assignments.assign(basis=FOUND)
    window = cut.followed.window
    if window is None or own.empty:
        return replace(found, assignments=own)
    later = _later_features(work, cut, window.end - (window.cut - window.start), window.end)
    later = later[~later.index.isin(own["customer"])]
    fresh = assign_personas(later, found.centroids).assign(basis=JOINED)
    people = pd.concat([own, fresh], ignore_index=True) if len(fresh) else own
    sizes = size_groups(people["persona"], found.table["name"].tolist(),
                        confidence=work.params.confidence)  # fmt: skip
    kept = found.table.drop(columns=sizes.columns, errors="ignore")
    table = pd.concat([sizes, kept], axis=1)[found.table.columns.tolist()]
    table = table.sort_values("customers", ascending=False, kind="stable", ignore_index=True)
    return replace(found, table=table, assignments=people)


def _later_features(work: Workspace, cut: Cut, start: int, end: int) -> pd.DataFrame:
    customers = describe_customers(clip_log(work.log, start=start, end=end))
    known = _known(work, customers, start, end)
    return describe_features(known, like=[str(name) for name in cut.features.columns])


def _useful(work: Workspace, cut: Cut, found: Personas) -> str:
    gain = judge_usefulness(cut.followed, _found(found.assignments), seed=work.params.seed,
                            confidence=work.params.confidence)  # fmt: skip
    return "cannot tell" if gain is None else "yes" if gain.low > 0 else "no"


def _found(assignments: pd.DataFrame) -> pd.DataFrame:
    """Give the customers whose persona was found before the outcome window, not joined after."""
    if "basis" not in assignments:
        return assignments
    own = assignments[assignments["basis"] == FOUND]
    return own[["customer", "persona"]]


def measure_loyalty(
    work: Workspace,
    customers: pd.DataFrame,
    cut: Cut,
    personas: Personas,
    valued: Valued | None = None,
) -> pd.DataFrame:
    """Measure the client's metrics for all customers and their segments.

    Args:
        work: The workspace.
        customers: From ``steps.join_customers``.
        cut: From ``part_period``.
        personas: From ``group_customers``.
        valued: From ``valuing.value_customers``: what customers will be worth, with the segments
            that they came in; None leaves both out.

    Returns:
        The result table ``metrics``, with what each segment is in ``by``. Rows of all customers and
        of channels speak of the whole period. Rows of personas speak of the outcome window, which
        their features do not reach into; where there is no window, of the whole period too. Months
        tell who came back within so many days, of those who were followed so long.
    """
    options: dict[str, Any] = {
        "targets": work.params.targets, "confidence": work.params.confidence,
    }  # fmt: skip
    answers = work.recall("answers")
    window = cut.followed.window
    first = personas.assignments if window is None else personas.assignments[:0]
    groups = [first.rename(columns={"persona": "segment"}).assign(by=PERSONA)]
    if valued is not None:
        groups.append(valued.groups[valued.groups["by"] != PERSONA])
    segments = pd.concat([part for part in groups if len(part)] or groups[:1], ignore_index=True)
    whole = measure_metrics(customers, answers, settings=work.settings, groups=segments,
                            **options)  # fmt: skip
    parts = [whole] if valued is None else [_comparable(whole), valued.metrics]
    if window is not None:
        parts += _later(work, cut, personas, options)
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    place = table["by"].map({name: at for at, name in enumerate(ORDER)})
    table = table.iloc[place.argsort(kind="stable")].reset_index(drop=True)
    return work.protect("metrics", table.reindex(columns=whole.columns))


def _comparable(whole: pd.DataFrame) -> pd.DataFrame:
    """Leave out what months cannot be compared by: who came late had less time to return or go."""
    unequal = (whole["by"] == MONTH) & whole["metric"].isin(UNEQUAL)
    return whole[~unequal]


def _later(
    work: Workspace, cut: Cut, personas: Personas, options: dict[str, Any]
) -> list[pd.DataFrame]:
    """Measure what came of each persona in the window that its features do not reach into."""
    window = cut.followed.window
    if window is None:
        return []
    found = _found(personas.assignments)
    later = describe_customers(clip_log(work.log, start=window.cut, end=window.end))
    after = measure_metrics(later, _answers(work, window.cut, window.end),
                            settings={**work.settings, "start": window.cut, "end": window.end},
                            groups=found, **options)  # fmt: skip
    after = after[(after["segment"] != EVERYONE) & after["metric"].isin(LATER)]
    after = after.assign(source=[f"the {window.days} days after the features end; {text}"
                                 for text in after["source"]])  # fmt: skip
    own = measure_outcomes(
        cut.followed,
        found,
        currency=work.params.currency or "",
        zone=work.params.timezone,
        confidence=work.params.confidence,
    )
    own = own.assign(by=[EVERYONE if name == EVERYONE else PERSONA for name in own["segment"]])
    return [after, own]


# ---------------------------------------------------------------- cards


def cast_personas(work: Workspace, cut: Cut, personas: Personas, metrics: pd.DataFrame) -> Exhibit:
    """Draw the persona cards, and keep what notebook 06 needs to draw them again.

    Args:
        work: The workspace.
        cut: From ``part_period``.
        personas: From ``group_customers``.
        metrics: From ``measure_loyalty``.
    """
    people = personas.assignments[["customer", "persona"]]
    level = work.params.confidence
    visits = describe_visits(work.log, people, confidence=level)
    visits = work.protect("persona_visits", visits).dropna(subset=["value"])
    customers = describe_customers(work.log)
    channels = describe_channels(customers, people, confidence=level)
    channels = work.protect("persona_channels", channels).dropna(subset=["value"])
    window = cut.followed.window
    words = pd.DataFrame(
        {
            "outcome": [window.words(SAID, work.params.timezone) if window else ""],
            "days": [window.days if window else 0],
            "note": [_note(work, cut)],
        }
    )
    work.keep(profile=personas.profile, persona_visits=visits, persona_channels=channels,
              persona_words=words)  # fmt: skip
    return _draw(work, personas.table, metrics)


def _note(work: Workspace, cut: Cut) -> str:
    window = cut.followed.window
    if window is None:
        return (
            f"Features and outcomes come from the same period ({cut.reason}): differences in what "
            "became of personas describe, they do not foretell."
        )
    day = pd.Timestamp(window.cut, unit="us", tz="UTC").tz_convert(work.params.timezone)
    return (
        f"Personas are made of what customers did before {day:%-d %B %Y}; what became of them, and "
        f"what they were worth, is counted in the {window.days} days from then on."
    )


def show_personas(work: Workspace) -> Exhibit:
    """Draw the persona cards from the tables that stand in the workspace, with pains once known."""
    return _draw(work, work.read("personas"), work.read("metrics"), work.read("pains"))


def _draw(
    work: Workspace, table: pd.DataFrame, metrics: pd.DataFrame, pains: pd.DataFrame | None = None
) -> Exhibit:
    visits, words = work.recall("persona_visits"), work.recall("persona_words")
    shown = [str(name) for name in table.loc[table["customers"].notna(), "name"]]
    metrics = metrics[metrics["segment"].isin({EVERYONE, *shown})] if len(metrics) else metrics
    own = [visits[visits["persona"] == name] for name in shown] if len(visits) else []
    ways = [choose_way(part) for part in own]
    cast = Cast(
        table,
        work.recall("profile"),
        metrics,
        pd.concat(ways, ignore_index=True) if ways else pd.DataFrame(),
        work.recall("persona_channels"),
        meet_pains(visits, pains, shown) if pains is not None else pd.DataFrame(),
        str(words["outcome"].iloc[0]) if len(words) else "",
        int(words["days"].iloc[0]) if len(words) else 0,
        str(words["note"].iloc[0]) if len(words) else "",
        work.params.currency or "",
    )
    return draw_personas(cast)


def meet_pains(visits: pd.DataFrame, pains: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Choose for each persona the pain points it meets: those it clearly meets more come first.

    Args:
        visits: From ``portraits.describe_visits``.
        pains: The result table ``pains``.
        names: The personas that are shown.

    Returns:
        At most two rows per persona: ``persona, touchpoint, value`` (share of its customers who
        meet the touchpoint, a tenth at least), ``everyone``.
    """
    columns = ["persona", "touchpoint", "value", "everyone"]
    if pains.empty or visits.empty:
        return pd.DataFrame(columns=columns)
    ranked = pains.sort_values("rank").drop_duplicates("touchpoint")[["touchpoint", "rank"]]
    met = visits[visits["persona"].isin(names)].merge(ranked, on="touchpoint")
    met = met[met["value"] >= MET]
    met = met.assign(usual=met["low"] <= met["everyone"])
    worst = met.sort_values(["persona", "usual", "rank"], kind="stable", ignore_index=True)
    return worst.groupby("persona", sort=False).head(MOST_PAINS)[columns].reset_index(drop=True)
