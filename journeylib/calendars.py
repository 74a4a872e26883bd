"""Ranges of days in a client file: periods, and days that are special. Not for reading times.

The first line of a class and the text below a key are what ``params/README.md`` and
``params/schema.json`` say about it.
"""

from typing import Any, Literal

from pydantic_core import InitErrorDetails

from journeylib.sections import Section, reversed_days
from journeylib.values import Day, Text


class Period(Section):
    """A range of days, both included."""

    start: Day
    """First day, included, as YYYY-MM-DD."""
    end: Day
    """Last day, included, as YYYY-MM-DD."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse an end before the start."""
        return reversed_days(raw)


class CalendarEntry(Section):
    """Days on which customers behave differently for a reason that is known."""

    name: Text
    """What happened, as the report should call it."""
    start: Day
    """First day, included."""
    end: Day | None = None
    """Last day, included; unset means that it lasted one day."""
    kind: Literal["holiday", "promotion", "outage"]
    """What sort of days they were."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse an end before the start."""
        return reversed_days(raw)
