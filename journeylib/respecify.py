"""Asks a workspace how its top pains move under other choices, identity by id alone included.

Not for the choices themselves; `robustness` has those.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from journeylib.collect import collect
from journeylib.errors import JourneyError
from journeylib.logplans import days_of
from journeylib.robustness import TOP, Basis, check_robustness
from journeylib.settings import Period

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.workspace import Workspace

MOST_EVENTS = 150_000
IDS_ONLY = "customers joined by id alone"


def vary_pains(work: Workspace, *, top: int = TOP) -> pd.DataFrame:
    """Rank the pains again under some twenty reasonable choices.

    Args:
        work: The workspace, after notebook 01.
        top: How many of the leading pains are followed.

    Returns:
        What ``robustness.check_robustness`` gives. Where customers are joined by e-mail or phone
        too, the sources are read once more with ids alone, unless the log is so long (above
        150,000 events) that it would take minutes.
    """
    voices, basis = work.recall("voices"), _basis(work)
    declared = work.params.identity.match_on
    if "customer_id" not in declared or len(declared) < 2 or len(work.log) > MOST_EVENTS:
        return check_robustness(work.log, voices, basis, top=top)
    alone = work.params.identity.model_copy(update={"match_on": ["customer_id"]})
    params = work.params.model_copy(update={"identity": alone})
    with tempfile.TemporaryDirectory() as folder:
        try:
            again = collect(params, Path(folder) / "log")
        except JourneyError:  # what can be read with keys alone has no other identity to compare
            return check_robustness(work.log, voices, basis, top=top)
        others = {IDS_ONLY: (again.built.log, again.voices)}
        return check_robustness(work.log, voices, basis, top=top, others=others)


def _basis(work: Workspace) -> Basis:
    params, suspects = work.params, work.recall("suspects")
    special = [
        days_of(Period(start=one.start, end=one.end or one.start), params.timezone)
        for one in params.calendar
    ]
    return Basis(
        min_customers=params.pains.min_customers,
        fdr=params.pains.fdr,
        exclude=tuple(params.pains.exclude),
        confidence=params.confidence,
        suspects=tuple(suspects["customer"].astype(int)) if len(suspects) else (),
        special=tuple(special),
        seed=params.seed,
    )
