"""Who gets the credit for a client's outcomes, from its workspace in one line.

Not for the rules themselves; `attribution` has those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.attribution import NOTHING_BEFORE, OTHERS, credit_outcome
from journeylib.estimates import Refusal
from journeylib.passages import find_silence

if TYPE_CHECKING:
    from journeylib.workspace import Workspace

FEWEST_NAMES = 2


@dataclass(frozen=True, slots=True)
class Credited:
    """Credit for the outcome under each rule.

    Attributes:
        table: From ``attribution.credit_outcome``, small groups withheld; empty where refused.
        reason: Why there is no credit, or empty.
    """

    table: pd.DataFrame
    reason: str = ""


def credit_channels(work: Workspace) -> Credited:
    """Share the credit for the outcome out among channels.

    Args:
        work: The workspace.

    Returns:
        The credit, where two channels or more were met before the outcome by enough customers;
        money and returns are never told: credit is no effect.
    """
    params = work.params
    silence = find_silence(work.log, declared=work.settings["inactive_days"])
    found = credit_outcome(
        work.log, silence=silence, seed=params.seed, min_cell=params.report.min_cell,
        confidence=params.confidence,
    )  # fmt: skip
    if isinstance(found, Refusal):
        return Credited(pd.DataFrame(), f"{found.reason} Needed: {found.needed}.")
    shown = work.protect("credits", found)
    if shown.loc[~shown["name"].isin([NOTHING_BEFORE, OTHERS]), "name"].nunique() < FEWEST_NAMES:
        reason = "fewer than two channels were met before the outcome."
        return Credited(pd.DataFrame(), reason)
    return Credited(shown)
