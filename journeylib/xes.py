"""Event logs of the XES standard (IEEE 1849) into raw tables, read as a stream.

Each event becomes a row: its own attributes, and those of its trace behind ``case:``. Not for what
an attribute means; the mapping says that, or the standard's own names do.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from journeylib.errors import Note
from journeylib.raw import check_names, refuse
from journeylib.spool import Spool, lines_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import duckdb

    from journeylib.errors import DataError
    from journeylib.raw import RawTable

NAME, TIME = "concept:name", "time:timestamp"
INSTANCE, RESOURCE, TRANSITION = "concept:instance", "org:resource", "lifecycle:transition"
STARTED = "start_timestamp"
_FIX = "Export the log again as XES."
_NESTING = 50
# A trace without a name would become one customer with all others, a time would be invented.
_NEVER_ASSUMED = {"trace": {NAME}, "event": {TIME}}
# What happens to an activity before it ends, and the ends that are no completion (XES, clause on
# the lifecycle extension's standard model).
_OPENING = ("schedule", "assign", "reassign", "start", "suspend", "resume")
_ABANDONING = ("withdraw", "pi_abort", "ate_abort", "autoskip", "manualskip")

Attributes = dict[str, Any]


def read_xes(
    con: duckdb.DuckDBPyConnection, path: Path, table: str, *, raw: RawTable, scratch: Path
) -> None:
    """Read an event log.

    Nested attributes, lists and containers are joined by dots. Defaults that the log declares as
    global fill what is missing, but never a trace's name or an event's time. Of an activity that
    was started and completed only the completion stays, with the time of the start beside it.

    Args:
        con: Connection in which the table is made.
        path: The file.
        table: Name of the table: one row an event, in the order of the file.
        raw: Takes notes and the lines of the rows.
        scratch: Existing folder for batches.

    Raises:
        DataError: It is not well-formed, not an event log, declares a document type, or has no
            event; names the line.

    References:
        IEEE Std 1849-2023, eXtensible Event Stream (XES).
    """
    log = _Log(Spool(scratch, path.name), path.name)
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, own: log.open(tag, own, parser.CurrentLineNumber)
    parser.EndElementHandler = log.close
    parser.StartDoctypeDeclHandler = lambda *_: log.refuse_type(parser.CurrentLineNumber)
    parser.EntityDeclHandler = lambda *_: log.refuse_type(parser.CurrentLineNumber)
    try:
        with path.open("rb") as handle:
            parser.ParseFile(handle)
    except expat.ExpatError as bad:
        raise _broken(path.name, bad) from None
    raw.lines.append(lines_at(log.lines))
    if not log.spool.rows + len(log.lines):
        found = "no event" if log.traces else "no trace"
        fix = "Check the export's filter."
        raise refuse("E-NO-ROWS", path.name, f"the log holds {found}.", fix, line=1)
    names = log.spool.names
    check_names(names, path.name, None)
    log.spool.write(con, table, {name: name for name in names})
    raw.notes += log.notes()


def _broken(file: str, bad: expat.ExpatError) -> DataError:
    reason = expat.errors.messages.get(bad.code, "unknown")
    if bad.code in {expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
                    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN]}:  # fmt: skip
        text = "the file ends before the log does."
        return refuse("E-TRUNCATED", file, text, "Export the file again.", line=bad.lineno)
    text = f"it is not well-formed XML: {reason}."
    return refuse("E-XES", file, text, _FIX, line=bad.lineno)


@dataclass(slots=True)
class _Event:
    """One event on its way to a row."""

    line: int
    own: Attributes = field(default_factory=dict)


class _Log:
    """What the parser meets, put together; a trace is forgotten when its rows are made."""

    def __init__(self, spool: Spool, file: str) -> None:
        self.spool, self.file = spool, file
        self.lines: array[int] = array("q")
        self.traces = self.hollow = self.orphans = 0
        self.counts = Counter[str]()
        self.assumed = Counter[tuple[str, str]]()
        self._defaults: dict[str, Attributes] = {"trace": {}, "event": {}}
        self._holder: Attributes | None = None
        self._case: Attributes = {}
        self._events: list[_Event] = []
        self._keys: list[str] = []
        self._inside = ""  # trace, or nothing
        self._line, self._depth = 1, 0

    # ------------------------------------------------------------ parser

    def open(self, tag: str, own: Attributes, line: int) -> None:
        """Meet the start of an element."""
        tag = tag.rpartition(":")[2].lower()
        self._line, self._depth = line, self._depth + 1
        if self._depth == 1 and tag != "log":
            text = f"it is XML, and its root is {tag[:40]!r}, not an event log."
            raise refuse("E-XES", self.file, text, _FIX, line=line)
        if tag in _READERS:
            self._attribute(_READERS[tag], own)
        elif tag in _SECTIONS:
            self._section(tag, own)

    def _section(self, tag: str, own: Attributes) -> None:
        if tag == "event":
            self._events.append(_Event(self._line))
            self._holder = self._events[-1].own
        elif tag == "trace":
            self.traces, self._inside = self.traces + 1, "trace"
            self._case = self._holder = {}
        else:
            self._holder = self._defaults.setdefault(own.get("scope", "event"), {})

    def _attribute(self, read: Callable[[str], Any], own: Attributes) -> None:
        key = own.get("key")
        if key is None or len(self._keys) >= _NESTING:
            text = "an attribute has no key." if key is None else "it is nested too deeply."
            raise refuse("E-XES", self.file, text, _FIX, line=self._line)
        self._keys.append(key)
        written = own.get("value")
        if written is None or self._holder is None:
            return
        name, value = ".".join(self._keys), read(written)
        if name in self._holder:  # the items of a list may share a key
            before = self._holder[name]
            value = [*before, value] if isinstance(before, list) else [before, value]
        self._holder[name] = value

    def close(self, tag: str) -> None:
        """Meet the end of an element."""
        tag = tag.rpartition(":")[2].lower()
        self._depth -= 1
        if tag in _READERS:
            self._keys.pop()
        elif tag == "event":
            self._holder = self._case if self._inside else None
            if not self._inside:
                self.orphans += 1
                self._write()
        elif tag == "trace":
            self.hollow += not self._events
            self._inside = ""
            self._write()
            self._case, self._holder = {}, None
        elif tag == "global":
            self._holder = None

    def refuse_type(self, line: int) -> None:
        """Refuse a document type: its entities can grow without end or read other files."""
        text = "it declares a document type, which an event log does not need."
        fix = "Remove the lines from <!DOCTYPE to its end."
        raise refuse("E-XES", self.file, text, fix, line=line)

    # ------------------------------------------------------------ rows

    def _write(self) -> None:
        """Make the rows of one trace."""
        events, self._events = self._events, []
        self._assume("trace", self._case if events else None)
        for event in events:
            self._assume("event", event.own)
        case = {f"case:{name}": value for name, value in self._case.items()}
        for event in complete(events, self.counts):
            self.spool.add(case | event.own)
            self.lines.append(event.line)

    def _assume(self, scope: str, own: Attributes | None) -> None:
        if own is None:
            return
        for name, value in self._defaults[scope].items():
            if name not in own and name not in _NEVER_ASSUMED[scope]:
                own[name] = value
                self.assumed[scope, name] += 1

    def notes(self) -> list[Note]:
        """Say what was dealt with on the way."""
        made = []
        if rows := self.counts["dropped"]:
            text = (
                f"{rows:,} starts and other transitions were left out: each of the "
                f"{self.counts['paired']:,} completed activities that they belong to counts once, "
                f"at its completion; {STARTED} holds its start."
            )
            made.append(Note("N-XES-LIFECYCLE", text, self.file, 1, TRANSITION, rows))
        if rows := self.counts["open"]:
            text = f"transitions of activities that were never completed were kept: {rows:,}."
            made.append(Note("N-XES-LIFECYCLE", text, self.file, 1, TRANSITION, rows))
        for (scope, name), rows in sorted(self.assumed.items()):
            column = f"case:{name}" if scope == "trace" else name
            text = f"{column} was missing in some {scope}s; the log's own default was taken."
            made.append(Note("N-XES-DEFAULT", text, self.file, 1, column, rows))
        for rows, what in ((self.hollow, "traces without an event"),
                           (self.orphans, "events outside of a trace")):  # fmt: skip
            if rows:
                text = f"the log holds {what}: {rows:,}."
                made.append(Note("N-XES-STRUCTURE", text, self.file, 1, rows=rows))
        return made


# ---------------------------------------------------------------- lifecycle


@dataclass(slots=True)
class _Activity:
    """One activity of one trace that is under way."""

    resource: Any
    transitions: dict[str, int] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)


def complete(events: list[_Event], counts: Counter[str]) -> list[_Event]:
    """Count each activity of a trace once, at its completion.

    A completion ends the oldest activity under way of the same name and instance: of the same
    resource where there is one, else of any. What went before it in that activity is left out.
    Activities that were never completed keep all their events, for what is not known to be a
    repetition is not dropped; so do transitions that the standard does not know.

    Args:
        events: The events of one trace, in order.
        counts: Takes events dropped, activities paired, and events kept open.

    Returns:
        The events that stay, in order; completions have the time of their start.
    """
    under_way: dict[tuple[Any, Any], list[_Activity]] = {}
    dropped: set[int] = set()
    for at, event in enumerate(events):
        transition = str(event.own.get(TRANSITION, "")).strip().lower()
        key = (event.own.get(NAME), event.own.get(INSTANCE))
        known = under_way.setdefault(key, [])
        if transition in _OPENING:
            _join(known, transition, at, event.own)
        elif transition in _ABANDONING:
            _finish(known, event.own)
        elif transition == "complete" and (found := _finish(known, event.own)):
            dropped |= set(found.events)
            counts["paired"] += 1
            if "start" in found.transitions:
                begun = events[found.transitions["start"]].own.get(TIME)
                event.own.setdefault(STARTED, begun)
    left = sum(len(one.events) for known in under_way.values() for one in known)
    for name, number in (("dropped", len(dropped)), ("open", left)):
        if number:
            counts[name] += number
    return [event for at, event in enumerate(events) if at not in dropped]


def _join(known: list[_Activity], transition: str, at: int, own: Attributes) -> None:
    """Put a transition to the activity that it goes on with, or begin one."""
    once = transition in {"schedule", "start"}
    going_on = [
        one
        for one in known
        if not (once and (transition in one.transitions or "start" in one.transitions))
    ]
    activity = _nearest(going_on, own.get(RESOURCE))
    if activity is None:
        activity = _Activity(own.get(RESOURCE))
        known.append(activity)
    if own.get(RESOURCE) is not None:
        activity.resource = own[RESOURCE]
    activity.transitions.setdefault(transition, at)
    activity.events.append(at)


def _finish(known: list[_Activity], own: Attributes) -> _Activity | None:
    """End the activity that an event completes or abandons; it is under way no more."""
    begun = [one for one in known if "start" in one.transitions]
    activity = _nearest(begun or known, own.get(RESOURCE))
    if activity is not None:
        known.remove(activity)
    return activity


def _nearest(known: Iterable[_Activity], resource: Any) -> _Activity | None:
    """Choose the oldest activity of the resource, else the oldest."""
    oldest = None
    for activity in known:
        if activity.resource == resource:
            return activity
        oldest = oldest or activity
    return oldest


# ---------------------------------------------------------------- values


def _date(written: str) -> Any:
    try:
        return dt.datetime.fromisoformat(written.strip())
    except ValueError:
        return written


def _whole(written: str) -> Any:
    try:
        return written if "_" in written else int(written)
    except ValueError:
        return written


def _float(written: str) -> Any:
    try:
        return written if "_" in written else float(written)
    except ValueError:
        return written


def _flag(written: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(written.strip(), written)


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str, "date": _date, "int": _whole, "float": _float, "boolean": _flag, "id": str,
    "list": str, "container": str,
}  # fmt: skip
_SECTIONS = {"event", "trace", "global"}
