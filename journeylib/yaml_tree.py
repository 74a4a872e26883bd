"""Strict YAML: texts, lists and groups of keys, each with its line. Not for what they mean.

Every scalar stays the text that was typed, so ``NO``, ``007``, ``1.10`` and ``12:30:00`` mean what
they look like. Tags, anchors, aliases, duplicate keys and tabs before a key are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from journeylib.errors import ParamsError, Problem
from journeylib.values import Written

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str | int, ...]

DEEPEST = 20
_WORDS = {
    "mapping values are not allowed here": (
        "a colon stands where a value belongs.",
        "Put the text in quotes, or look for a wrong indent on this line or the one above.",
    ),
    "cannot start any token": (
        "a tab or another sign stands where a value belongs.",
        "Use spaces, and put texts that start with a sign in quotes.",
    ),
    "could not find expected ':'": ("a key has no colon.", "Write key: value."),
    "expected ',' or": ("a list or group is not closed.", "Look for a missing bracket or comma."),
    "expected <block end>": (
        "the line does not line up with those above it.",
        "Give keys of one group the same indent.",
    ),
    "found unexpected end of stream": ("a text is not closed.", "Look for a missing quote."),
    "unknown escape character": (
        "a backslash stands between double quotes.",
        "Use single quotes.",
    ),
}


def read_tree(text: str, file: str) -> tuple[dict[str, Any], list[Problem]]:
    """Read the text of a client file.

    Args:
        text: The whole file.
        file: Its name, for messages.

    Returns:
        Groups of keys as dicts, lists, and scalars as `Written`; and what was refused on the way.

    Raises:
        ParamsError: There is nothing to go on with: not YAML, empty, or a list at the top.
    """
    reader = _Reader(file, yaml.parse(text, Loader=yaml.SafeLoader))
    _check_tabs(text, reader)
    try:
        tree = None if reader.problems else reader.document()
    except yaml.MarkedYAMLError as broken:
        reader.refuse(*_in_words(str(broken.problem)), line=_line(broken))
        tree = None
    except yaml.reader.ReaderError as broken:
        line = text.count("\n", 0, broken.position) + 1
        reader.refuse("a control character stands here.", "Delete it.", line=line)
        tree = None
    if not isinstance(tree, dict):
        if not reader.problems:
            reader.refuse(*_not_keys(tree), line=None if tree is None else 1)
        raise ParamsError(f"{file} has {len(reader.problems)} problem(s).", reader.problems)
    return tree, reader.problems


def line_of(node: object) -> int | None:
    """Find the line on which a node of the tree begins."""
    if isinstance(node, (dict, list)):
        return next((line for item in node if (line := line_of(item)) is not None), None)
    return node.line if isinstance(node, Written) else None


def key_path(place: Place) -> str:
    """Write a place as an analyst would: ``sources[0].columns.customer_id``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).removeprefix(".")


def _check_tabs(text: str, reader: _Reader) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())] and line.strip():
            reader.refuse("a tab stands before the text.", "Indent with spaces.", line=number)


def _line(broken: yaml.MarkedYAMLError) -> int | None:
    mark = broken.problem_mark or broken.context_mark
    return None if mark is None else int(mark.line) + 1


def _in_words(problem: str) -> tuple[str, str]:
    for part, words in _WORDS.items():
        if part in problem:
            return words
    if "%" in problem or "tag" in problem:
        return "tags and directives are not read.", "Remove what starts with ! or %."
    return "the line cannot be read as YAML.", "Put texts with signs in quotes; check the indent."


def _not_keys(tree: object) -> tuple[str, str]:
    if tree is None:
        return "the file is empty.", "Give at least sources; params/README.md has an example."
    found = "a list" if isinstance(tree, list) else "a text"
    return f"{found} stands at the top.", "Write keys, such as client: and sources:."


class _Reader:
    """Builds the tree from parser events; nothing in the file is ever constructed by YAML."""

    def __init__(self, file: str, events: Iterator[yaml.Event]) -> None:
        self.file = file
        self.events = events
        self.problems: list[Problem] = []

    def refuse(self, message: str, fix: str, *, line: int | None, place: Place = ()) -> None:
        found = Problem("E-PARAMS-YAML", message, self.file, line, key_path(place), fix)
        self.problems.append(found)

    def document(self) -> object:
        tree: object = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    self.refuse("a second document starts here.", "Remove ---.", line=line)
                    return tree
                tree = self.node(next(self.events), ())
        return None if tree == "" and not self.problems else tree

    def node(self, event: yaml.Event, place: Place) -> Any:
        line = event.start_mark.line + 1
        self.check_plain(event, line, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(line, place)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(line, place)
        text = getattr(event, "value", "")
        if "\0" in text:
            self.refuse("a text holds a NUL character.", "Delete it.", line=line, place=place)
        return Written(text, line=line, plain=getattr(event, "style", None) is None)

    def check_plain(self, event: yaml.Event, line: int, place: Place) -> None:
        if isinstance(event, yaml.AliasEvent):
            message, fix = f"an alias, *{event.anchor}, stands here.", "Write the value out."
            self.refuse(message, fix, line=line, place=place)
        elif event.anchor is not None:
            message = f"an anchor, &{event.anchor}, stands here."
            self.refuse(message, "Remove it.", line=line, place=place)
        if getattr(event, "tag", None) is not None:
            message = f"a tag, {event.tag}, stands here."
            self.refuse(message, "Remove it.", line=line, place=place)

    def sequence(self, line: int, place: Place) -> list[Any]:
        items: list[Any] = []
        self.check_depth(line, place)
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*place, len(items))))
        return items

    def mapping(self, line: int, place: Place) -> dict[str, Any]:
        group: dict[str, Any] = {}
        first: dict[str, int] = {}
        self.check_depth(line, place)
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            at = event.start_mark.line + 1
            key = self.node(event, place)
            named = isinstance(key, Written)
            here = (*place, str(key)) if named else place
            value = self.node(next(self.events), here)
            if not named:
                message = "a list or group is used as a key."
                self.refuse(message, "Write key: value.", line=at, place=place)
            elif key in group:
                message = f"the key stands on line {first[key]} already."
                self.refuse(message, "Remove one of them.", line=at, place=here)
            else:
                group[key], first[key] = value, at
        return group

    def check_depth(self, line: int, place: Place) -> None:
        """Stop before lists in lists in lists use up the machine's stack."""
        if len(place) >= DEEPEST:
            message = f"lists and groups are nested more than {DEEPEST} deep."
            found = Problem("E-PARAMS-YAML", message, self.file, line)
            raise ParamsError(f"{self.file} has 1 problem(s).", [found])
