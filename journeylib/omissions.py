"""A log without some of its sources, for comparing what all times can tell.

Not for choosing which; `revisiting` does that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from journeylib.log import Log, Part, Partition, cut_journeys

if TYPE_CHECKING:
    from journeylib.log import Codes


@dataclass(frozen=True, slots=True)
class PartWithout(Part):
    """A partition of which the events of some sources are passed over."""

    sources: tuple[int, ...] = ()

    def load(self) -> Partition:
        """Read the other events of the period; journeys are cut as if there were no more."""
        whole = Part(self.path, self.codes).load()
        kept = ~np.isin(whole.source, self.sources)
        arrays: dict[str, Any] = {
            field.name: getattr(whole, field.name)[kept]
            for field in fields(Partition)
            if field.name not in {"codes", "journey"}
        }
        journey = cut_journeys(arrays["customer"], arrays["time"], arrays["touchpoint"], self.codes)
        return Partition(codes=self.codes, journey=journey, **arrays)


@dataclass(frozen=True, slots=True)
class LogWithout(Log):
    """A log that passes over the events of some sources."""

    sources: tuple[int, ...] = ()

    @property
    def parts(self) -> list[Part]:
        """The partitions, unread."""
        return [
            PartWithout(part.path, part.codes, self.sources)
            for part in Log(self.folder, self.codes).parts
        ]


def leave_sources(log: Log, names: set[str]) -> Log:
    """Look at a log without some of its sources.

    Args:
        log: The event log.
        names: Names of the sources.

    Returns:
        The same log where no source is named.
    """
    codes = _codes_of(log.codes, names)
    return LogWithout(log.folder, log.codes, codes) if codes else log


def _codes_of(codes: Codes, names: set[str]) -> tuple[int, ...]:
    return tuple(at for at, name in enumerate(codes.sources) if name in names)
