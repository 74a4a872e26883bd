"""What a time zone's clocks did over a span, as SQL on whole microseconds.

A zone changes its clocks twice a year or so: a handful of comparisons replaces a look into the
zone's tables for each of millions of rows. Not for reading times; `times` does that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

SECOND = 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STEP = dt.timedelta(days=5)  # no zone changed its clocks twice within fewer days since 1900
_OLDEST, _NEWEST = dt.datetime(1850, 1, 1, tzinfo=dt.UTC), dt.datetime(2250, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the clocks.

    Attributes:
        at: Microsecond since 1970 UTC at which it happened.
        before: Microseconds that local time was ahead of UTC before.
        after: The same from then on.
    """

    at: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a zone over a span.

    Attributes:
        offset: Microseconds that local time was ahead of UTC at the start.
        changes: What happened later, in order.
    """

    offset: int
    changes: tuple[Change, ...]

    def to_utc(self, local: str) -> str:
        """SQL that turns local microseconds into UTC; of two readings the first, of none the later.

        Example:
            >>> read_clocks("Asia/Tokyo", 0, 0).to_utc("t")
            '(t - (32400000000))'
        """
        turns = [(one.at + max(one.before, one.after), one.after) for one in self.changes]
        return f"({local} - ({self._offset(local, turns)}))"

    def never(self, local: str) -> str:
        """SQL that is true for local microseconds that the clocks jumped over."""
        jumps = [
            f"({local} >= {one.at + one.before} AND {local} < {one.at + one.after})"
            for one in self.changes
            if one.after > one.before
        ]
        return " OR ".join(jumps) or "FALSE"

    def twice(self, local: str) -> str:
        """SQL that is true for local microseconds that the clocks showed twice."""
        repeats = [
            f"({local} >= {one.at + one.after} AND {local} < {one.at + one.before})"
            for one in self.changes
            if one.after < one.before
        ]
        return " OR ".join(repeats) or "FALSE"

    def _offset(self, micros: str, turns: list[tuple[int, int]]) -> str:
        """SQL of the offset: the last turn that is not later."""
        if not turns:
            return str(self.offset)
        cases = " ".join(f"WHEN {micros} >= {at} THEN {offset}" for at, offset in reversed(turns))
        return f"CASE {cases} ELSE {self.offset} END"


def read_clocks(zone: str, first: int, last: int) -> Clocks:
    """Find the changes of a zone's clocks over a span.

    Args:
        zone: Name of the zone, such as ``"Europe/Lisbon"``.
        first: Microsecond since 1970 UTC at which the span starts; a day more is looked at.
        last: Microsecond at which it ends.

    Returns:
        The clocks. Before 1850 and after 2250 they are taken to stand still.
    """
    own = ZoneInfo(zone)
    start, end = (_clipped(at, days) for at, days in ((first, -2), (last, 2)))
    days = [start]
    while days[-1] < end:
        days.append(days[-1] + _STEP)
    changes = [
        _find_change(own, before, after)
        for before, after in pairwise(days)
        if _offset_at(own, before) != _offset_at(own, after)
    ]
    return Clocks(_offset_at(own, start), tuple(changes))


def _clipped(micros: int, days: int) -> dt.datetime:
    """Give a time within the years that are looked at, some days aside."""
    try:
        at = _EPOCH + dt.timedelta(microseconds=micros) + dt.timedelta(days=days)
    except OverflowError:
        return _OLDEST if micros < 0 else _NEWEST
    return min(max(at, _OLDEST), _NEWEST).replace(microsecond=0)


def _offset_at(zone: ZoneInfo, at: dt.datetime) -> int:
    offset = at.astimezone(zone).utcoffset() or dt.timedelta()
    return offset // dt.timedelta(microseconds=1)


def _find_change(zone: ZoneInfo, before: dt.datetime, after: dt.datetime) -> Change:
    """Find the second between two times at which the offset changes."""
    known = _offset_at(zone, before)
    seconds = (after - before) // dt.timedelta(seconds=1)
    low, high = 0, seconds  # the offset is the known one at low and another at high
    while high - low > 1:
        middle = (low + high) // 2
        same = _offset_at(zone, before + dt.timedelta(seconds=middle)) == known
        low, high = (middle, high) if same else (low, middle)
    at = before + dt.timedelta(seconds=high)
    return Change((at - _EPOCH) // dt.timedelta(microseconds=1), known, _offset_at(zone, at))
