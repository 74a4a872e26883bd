"""Who meets which touchpoint: customers and events by touchpoint and channel, group by group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import decode

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Part

COLUMNS = ["persona", "touchpoint", "channel", "stage", "customers", "events"]


@dataclass(frozen=True, slots=True)
class Crowds:
    """Events and customers, laid out as group × touchpoint × channel."""

    codes: Codes
    groups: tuple[str, ...]
    events: Integers
    customers: Integers

    def __add__(self, other: Crowds) -> Crowds:
        return Crowds(
            self.codes, self.groups, self.events + other.events, self.customers + other.customers
        )

    def frame(self) -> pd.DataFrame:
        """One row per group, touchpoint and channel that was met."""
        met = np.flatnonzero(self.events)
        channels = len(self.codes.channels)
        place = met // channels
        touchpoint = place % len(self.codes.touchpoints)
        stage = np.array(self.codes.stage_of, dtype=np.int64)[touchpoint]
        return pd.DataFrame(
            {
                "persona": decode(self.groups, place // len(self.codes.touchpoints)),
                "touchpoint": decode(self.codes.touchpoints, touchpoint),
                "channel": decode(self.codes.channels, met % channels),
                "stage": decode([*self.codes.stages, "unmapped"], stage),
                "customers": self.customers[met],
                "events": self.events[met],
            }
        )


def summarise_crowds(part: Part, *, groups: tuple[str, ...], group_of: Integers) -> Crowds:
    """Count events and customers of each group by touchpoint and channel.

    Args:
        part: A partition of the log.
        groups: Names by code.
        group_of: Group code of each customer code; -1 for customers of no group.
    """
    log = part.load()
    channels, size = len(log.codes.channels), len(log.codes.touchpoints) * len(log.codes.channels)
    own = group_of[log.customer]
    kept = own >= 0
    key = own[kept] * size + log.touchpoint[kept] * channels + log.channel[kept]
    cells = max(1, size * len(groups))
    pairs = np.unique(log.customer[kept] * cells + key)
    return Crowds(
        log.codes, groups, np.bincount(key, minlength=cells),
        np.bincount(pairs % cells, minlength=cells),
    )  # fmt: skip


def count_crowds(log: Log, personas: pd.DataFrame) -> pd.DataFrame:
    """Count the customers and events of each persona by touchpoint and channel.

    Args:
        log: The event log.
        personas: Columns ``customer`` and ``persona``; customers without a row count nowhere.

    Returns:
        Columns ``persona, touchpoint, channel, stage, customers, events``.
    """
    groups = tuple(sorted({str(name) for name in personas["persona"]})) if len(personas) else ()
    if not groups or not log.codes.touchpoints:
        return pd.DataFrame(columns=COLUMNS)
    code = {name: place for place, name in enumerate(groups)}
    group_of = np.full(log.codes.customers, -1, dtype=np.int64)
    group_of[personas["customer"].to_numpy(np.int64)] = personas["persona"].map(code).to_numpy()
    function = partial(summarise_crowds, groups=groups, group_of=group_of)
    found = summarise(function, log.readable)
    return pd.DataFrame(columns=COLUMNS) if found is None else found.frame()
