"""The journey maps of a client: tables that several notebooks made, joined for one drawing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.crowds import count_crowds
from journeylib.emotion import score_stages
from journeylib.exhibits import Exhibit, show_notice
from journeylib.journey_map import JourneyMap, draw_journey_map
from journeylib.journeys import describe_customers, measure_stages
from journeylib.logplans import days_of
from journeylib.moments import find_moments
from journeylib.outlook import read_outlook
from journeylib.passages import follow_road
from journeylib.steps import count_people, name_period
from journeylib.tables import is_everyone

if TYPE_CHECKING:
    from journeylib.workspace import Workspace

EVERYONE = "all"
MOST_GROUPS = 8
NO_JOURNEYS = "There is no map without journeys: add a source of `events` or `orders`."
NOBODY = pd.DataFrame({"customer": pd.Series(dtype="int64"), "persona": pd.Series(dtype="str")})


@dataclass(frozen=True, slots=True)
class _Sheets:
    """The tables that every map of a client draws on."""

    stages: pd.DataFrame
    feelings: pd.DataFrame
    pains: pd.DataFrame
    delights: pd.DataFrame
    metrics: pd.DataFrame


def map_journey(work: Workspace) -> Exhibit:
    """Draw the journey maps from the tables that stand in the workspace.

    One map for all customers and, where there are personas, one for each; the previous period is
    drawn where the client file sets ``compare_to``, the future state where there are forecasts.
    """
    sheets = _Sheets(
        work.read("stages"), work.recall("feelings"), work.read("pains"), work.read("delights"),
        work.read("metrics"),
    )  # fmt: skip
    if sheets.stages.empty:
        return show_notice(NO_JOURNEYS)
    whole = _map_everyone(work, sheets)
    return Exhibit(draw_journey_map(whole, groups=_map_personas(work, sheets, whole)))


def _map_everyone(work: Workspace, sheets: _Sheets) -> JourneyMap:
    params, metrics = work.params, sheets.metrics
    own = metrics["segment"].isin({EVERYONE, *work.log.codes.stages})
    earlier = params.compare_to
    return JourneyMap(
        title=f"The customer journey: {params.title}",
        stages=sheets.stages[sheets.stages["persona"] == EVERYONE],
        curve=sheets.feelings,
        touchpoints=work.read("touchpoints"),
        pains=_clearly_priced(_everyones(sheets.pains)),
        delights=_everyones(sheets.delights),
        metrics=metrics[own],
        opportunities=work.read("opportunities"),
        moments=find_moments(_everyones(sheets.pains), truths=work.recall("truths")),
        before=measure_before(work),
        outlook=read_outlook(work.read("forecasts")),
        currency=params.currency or "",
        min_cell=params.report.min_cell,
        accent=params.report.accent,
        customers=float(len(count_people(work))),
        period=" to ".join(filter(None, name_period(work))),
        period_before=f"{earlier.start:%-d %B %Y} to {earlier.end:%-d %B %Y}" if earlier else "",
    )


def _everyones(pains: pd.DataFrame) -> pd.DataFrame:
    return pains[is_everyone(pains)]


def _clearly_priced(pains: pd.DataFrame) -> pd.DataFrame:
    """Keep the money of what clearly goes along with a worse outcome; the rest has none to show."""
    if "verdict" not in pains:
        return pains
    money = [str(name) for name in pains if str(name).startswith("money_")]
    return pains.assign(**{name: pains[name].where(pains["verdict"] == "worse") for name in money})


def _map_personas(work: Workspace, sheets: _Sheets, whole: JourneyMap) -> list[JourneyMap]:
    """Draw a map for each persona, in the order in which they are listed everywhere."""
    listed = work.read("personas")
    names = [name for name in listed["name"] if (sheets.stages["persona"] == name).any()]
    if not names:
        return []
    sizes = dict(zip(listed["name"], listed["customers"], strict=True))
    crowds = _count_crowds(work, whole.touchpoints)
    return [
        _map_persona(whole, sheets, name, crowds=crowds, customers=float(sizes[name]))
        for name in names[:MOST_GROUPS]
        if not pd.isna(sizes[name])
    ]


def _count_crowds(work: Workspace, touchpoints: pd.DataFrame) -> pd.DataFrame:
    """Count each persona's customers by touchpoint, and blank what would tell of too few."""
    crowds = count_crowds(work.log, work.recall("assignments"))
    if crowds.empty:
        return crowds
    whole = touchpoints.reindex(columns=crowds.columns).assign(persona=EVERYONE)
    kept = work.protect("crowds", pd.concat([whole, crowds], ignore_index=True))
    return kept[kept["persona"] != EVERYONE]


def _map_persona(
    whole: JourneyMap, sheets: _Sheets, name: str, *, crowds: pd.DataFrame, customers: float
) -> JourneyMap:
    pains, delights = (frame[frame["persona"].astype(str) == name]
                       for frame in (sheets.pains, sheets.delights))  # fmt: skip
    borrowed = pains.empty and delights.empty
    return replace(
        whole,
        stages=sheets.stages[sheets.stages["persona"] == name],
        curve=_beside(sheets.feelings, name),
        touchpoints=crowds[crowds["persona"] == name].reset_index(drop=True),
        pains=whole.pains if borrowed else pains,
        delights=whole.delights if borrowed else delights,
        metrics=sheets.metrics[sheets.metrics["segment"] == name],
        moments=whole.moments if borrowed else find_moments(pains),
        before=pd.DataFrame(),
        outlook=pd.DataFrame(),
        group=name,
        customers=customers,
        pains_of="of all customers" if borrowed else "",
    )


def _beside(feelings: pd.DataFrame, name: str) -> pd.DataFrame:
    """Put one persona in front, and all customers beside it as the line to compare with."""
    if feelings.empty:
        return feelings
    kept = feelings[feelings["persona"].isin({name, EVERYONE})]
    return kept.assign(persona=kept["persona"].map({name: EVERYONE, EVERYONE: "All customers"}))


def measure_before(work: Workspace) -> pd.DataFrame:
    """Measure the stages in the period that the client file compares with.

    Returns:
        Columns ``stage, reached, share, to_next`` and, of the tone, ``value, low, high, n``; empty
        without ``compare_to`` or without an event in it. What stands for too few is blank.
    """
    period = work.params.compare_to
    if period is None:
        return pd.DataFrame()
    start, end = days_of(period, work.params.timezone)
    log = replace(work.log, codes=replace(work.log.codes, start=start, end=end))
    customers = describe_customers(log)
    if customers.empty:
        return pd.DataFrame()
    voices = work.recall("voices_before")
    felt = pd.DataFrame()
    if len(voices):
        felt = score_stages(voices, work.recall("placed"), NOBODY,
                            confidence=work.params.confidence)  # fmt: skip
        felt = work.protect("feelings", felt)
    road = follow_road(log, customers)
    stages = measure_stages(road, personas=NOBODY, feelings=felt)
    stages = work.protect("stages", stages)[["stage", "reached", "share", "to_next"]]
    tone = felt.reindex(columns=["stage", "value", "low", "high", "n"])
    return stages.merge(tone.astype({"stage": "object"}), on="stage", how="left")
