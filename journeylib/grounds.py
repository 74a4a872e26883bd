"""What scenarios of a client start from: moves told apart by outcome, and what was measured.

Not for playing a scenario; `simulate` does that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.chains import Chain
from journeylib.estimates import Refusal
from journeylib.footprints import count_footprints, lump_states, sample_share
from journeylib.log import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.footprints import Footprints
    from journeylib.log import Log

MOST_STATES = 60
REACHES, FIRST = "reaches_outcome", "reaches_purchase"
YEAR = 365.25 * DAY


@dataclass(frozen=True, slots=True)
class Ground:
    """What all scenarios of a client start from.

    Attributes:
        prints: Moves of each customer, told apart before and after each outcome.
        goals: Touchpoints that are the outcome, or that end it where ``stays``.
        stays: Whether the good outcome is that none of the goals comes.
        stage_of: Stage of each touchpoint that has one.
        stages: Stages in journey order.
        to_next: Measured share that goes on from each stage, for the map's future state.
        tones: Tone by touchpoint: ``stage, touchpoint, value, low, high, n``, its intervals of the
            coverage that is played with; may be empty.
        feelings: Measured mean tone of each stage, for the same.
        observed: Share with the outcome, and who buy at all, as counted in the period: journeys
            that are still open count as without it.
        per_year: Journeys that begin in a year.
    """

    prints: Footprints
    goals: tuple[str, ...]
    stays: bool = False
    stage_of: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    to_next: Mapping[str, float] = field(default_factory=dict)
    tones: pd.DataFrame = field(default_factory=pd.DataFrame)
    feelings: Mapping[str, float] = field(default_factory=dict)
    observed: Mapping[str, float] = field(default_factory=dict)
    per_year: float = math.nan


def lay_ground(log: Log, *, silence: int, kept: Sequence[str] = ()) -> Ground | Refusal:
    """Count what scenarios start from.

    Args:
        log: The event log; of a large one, a fixed sample of whole customers is used. Where the
            outcome is a repeat purchase a customer's journeys are taken as one.
        silence: From ``passages.find_silence``.
        kept: Touchpoints that scenarios name: of the others, beyond sixty, the rarest of a stage
            are taken together.

    Returns:
        The ground, without what was measured of stages; a refusal where there is no outcome.
    """
    codes = log.codes
    stays = codes.outcome == "retention" and bool(codes.bad)
    goals = codes.bad if stays else codes.good
    if not goals:
        return Refusal("No touchpoint is the outcome.", "an outcome in the client file")
    again = codes.outcome == "repeat_purchase"
    if again:
        log = replace(log, codes=replace(codes, cut="none"))
    prints = count_footprints(log, silence=silence, goals=goals, laps=2 if again else 1)
    names = tuple(codes.touchpoints[code] for code in goals)
    stage_of = {
        name: codes.stages[at] for name, at in zip(codes.touchpoints, codes.stage_of, strict=True)
        if at >= 0
    }  # fmt: skip
    whole = _small(prints, {*names, *kept}, stage_of)
    begun = float(whole.counts()[len(whole.names) - 3].sum())
    years = (codes.end - codes.start) / YEAR
    return Ground(
        whole.settled() if stays else whole.closed(),
        names,
        stays,
        stage_of={**stage_of, **{_others(name): name for name in codes.stages}},
        stages=codes.stages,
        observed=_observe(whole, names, stays=stays),
        per_year=begun / sample_share(log) / years if years > 0 else math.nan,
    )


def _observe(whole: Footprints, goals: tuple[str, ...], *, stays: bool) -> dict[str, float]:
    """Count who reached the outcome in the period; a chain gives that share exactly."""
    if not whole.counts()[:, np.isin(whole.names, goals)].sum():
        return {}
    chain = Chain.of(whole.settled(), goals, stays=stays)
    share, _, _, entered = chain.reach(chain.shares(chain.whole))
    return {REACHES: share, FIRST: entered}


def _others(stage: str) -> str:
    return f"other touchpoints ({stage or 'no stage'})"


def _small(prints: Footprints, kept: set[str], stage_of: Mapping[str, str]) -> Footprints:
    """Take the rarest touchpoints together where there are very many."""
    names = list(dict.fromkeys(prints.names[:-3]))
    if len(names) <= MOST_STATES:
        return prints
    visits = pd.Series(prints.counts().sum(axis=0)[:-3]).groupby(list(prints.names[:-3])).sum()
    usual = visits.sort_values(ascending=False, kind="stable").index[:MOST_STATES]
    groups = {name: _others(stage_of.get(name, "")) for name in names}
    return lump_states(prints, kept | set(usual), groups)
