"""One source of a first client file: guessed from the columns, written with a reason for each line.

Not for looking at files (`drafts`), nor for proving what was guessed (`fittings`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from journeylib.exports import find_shape, plain, recognise
from journeylib.guesses import (
    Looks,
    best,
    folded,
    guess_kind,
    guess_metric,
    guess_scale,
    is_wide,
    named,
)
from journeylib.rows import SCALES
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is looked for in a file of each kind, the surest first.
_MEANINGS = {
    "events": "customer_id timestamp touchpoint channel value sentiment text email phone",
    "orders": "value customer_id timestamp order_id items channel email phone",
    "surveys": "score customer_id timestamp wave touchpoint text weight email phone",
    "tickets": "customer_id resolved_at timestamp topic text channel reopened email phone",
    "feedback": "rating text customer_id timestamp language channel email",
    "customers": "customer_id email phone name churned_at signup churned segment tenure",
    "experiments": "variant unit_id assigned_at",
    "measurements": "unit time measure treated population",
}
_SIMPLE = re.compile(r"[^\W\d][\w]*( [\w]+)*")
_NARROW, _MOST_MONTHS = 44, 240


@dataclass(slots=True)
class Sketch:
    """One source on its way into a client file.

    Attributes:
        name: Short name.
        kind: Kind of source.
        path: File, folder or glob, as the client file writes it.
        file: Its name, for hints and comments.
        keys: Further keys of the source: table, preset, columns, constants, compute, keep, format,
            scale.
        why: Reasons, by key and name in it.
        questions: What a person has to answer before the client can be read.
        given: What the preset gives a meaning already.
        choices: Two values for a key of format, of which a person takes one.
    """

    name: str
    kind: str
    path: str
    file: str
    keys: dict[str, Any] = field(default_factory=dict)
    why: dict[tuple[str, str], str] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    choices: dict[str, tuple[str, str]] = field(default_factory=dict)

    def say(self, key: str, name: str, value: Any, why: str) -> None:
        """Write a key, with the reason for it."""
        if name:
            self.keys.setdefault(key, {})[name] = value
        else:
            self.keys[key] = value
        self.why[key, name] = why

    def forget(self, key: str, name: str) -> None:
        """Take a key back."""
        self.keys[key].pop(name, None)
        self.why.pop((key, name), None)
        if not self.keys[key]:
            del self.keys[key]

    def as_source(self) -> dict[str, Any]:
        """Give the keys of the source, as a client file would."""
        return {"name": self.name, "kind": self.kind, "path": self.path, **self.keys}


def sketch_source(sketch: Sketch, columns: Sequence[Looks]) -> None:
    """Guess the kind of a source and what its columns mean.

    Args:
        sketch: The source; name, path and format are known. Its other keys are written.
        columns: Its columns.
    """
    known = recognise([own.name for own in columns])
    if known is not None:
        preset, sketch.kind = known
        sketch.say("preset", "", preset.name, f"its columns are those of {preset.title}")
        sketch.why["kind", ""] = "the preset's"
    else:
        sketch.kind, signs = guess_kind(sketch.file, columns)
        found = ", ".join(sign.replace("_", " ") for sign in signs) or "nothing else fits"
        sketch.why["kind", ""] = f"guessed from {found}"
    _map_columns(sketch, columns)
    _complete(sketch, columns)


def _given(sketch: Sketch, columns: Sequence[Looks]) -> tuple[set[str], set[str]]:
    """Name what the preset gives a meaning already, and the columns that it takes."""
    shape = find_shape(sketch.keys.get("preset"), sketch.kind)
    if shape is None:
        return set(), set()
    there = {plain(own.name): own.name for own in columns}
    names = {str(name) for key in ("constants", "compute") for name in shape.keys.get(key, {})}
    taken: set[str] = set()
    for name, written in shape.keys.get("columns", {}).items():
        listed = [*(written if isinstance(written, list) else [written])]
        listed += shape.other_names.get(name, ())
        found = [there[plain(one)] for one in listed if plain(one) in there]
        nested = any(plain(one).startswith(tuple(there)) for one in listed if "." in one)
        names |= {str(name)} if found or nested else set()
        taken |= set(found)
    taken |= {there[plain(one)] for one in shape.signature}
    return names, taken


# Where nothing else is found, these stand in: a survey's rating is its score.
_STAND_INS = {
    ("surveys", "score"): "rating",
    ("events", "sentiment"): "rating",
    ("events", "touchpoint"): "status",
}


def _map_columns(sketch: Sketch, columns: Sequence[Looks]) -> None:
    sketch.given, taken = _given(sketch, columns)
    for meaning in _MEANINGS[sketch.kind].split():
        name = "value" if meaning == "measure" else meaning
        if name in sketch.given:
            continue
        own, meant = best(columns, meaning, taken=[*taken]), meaning
        if own is None and (sketch.kind, meaning) in _STAND_INS:
            meant = _STAND_INS[sketch.kind, meaning]
            own = best(columns, meant, taken=[*taken])
        if own is not None:
            sketch.say("columns", name, _written(sketch, columns, own), _reason(own, meant))
            taken.add(own.name)
    _by_contents(sketch, columns, taken)


def _by_contents(sketch: Sketch, columns: Sequence[Looks], taken: set[str]) -> None:
    """Take the one column that can be meant where no name says so."""
    known = {*sketch.keys.get("columns", {}), *sketch.given}
    times = [own for own in columns if own.name not in taken and own.mostly("times")]
    marks = [
        own for own in columns
        if own.name not in taken and own.mostly("whole") and 2 < own.distinct <= 11
        and (own.low or 0) >= 0 and (own.high or 11) <= 10
    ]  # fmt: skip
    if "timestamp" in _MEANINGS[sketch.kind] and "timestamp" not in known and times:
        why = "the only dates" if len(times) == 1 else "the first of several columns of dates"
        sketch.say("columns", "timestamp", _written(sketch, columns, times[0]), why)
    if sketch.kind == "surveys" and "score" not in known and len(marks) == 1:
        why = "the only column of answers between 0 and 10"
        sketch.say("columns", "score", _written(sketch, columns, marks[0]), why)


def _written(sketch: Sketch, columns: Sequence[Looks], own: Looks) -> str | int:
    """Write a column by its name; by its position where a client file would misread the name."""
    headless = sketch.keys.get("format", {}).get("header") == "false"
    by_position = headless or "${" in own.name
    return columns.index(own) + 1 if by_position else own.name


def _own(columns: Sequence[Looks], written: str | int) -> Looks:
    if isinstance(written, int):
        return columns[written - 1]
    return next(own for own in columns if own.name == written)


def _reason(own: Looks, meaning: str) -> str:
    sure = "by its name" if named(own.name, meaning) == 3 else "by a part of its name"
    kinds = {"customer_id", "touchpoint", "variant", "unit", "segment"}
    counted = f"; {own.distinct:,} different in {own.rows:,} rows" if meaning in kinds else ""
    return f"{sure}{counted}"


# ------------------------------------------------------------------ what the kind needs besides


def _complete(sketch: Sketch, columns: Sequence[Looks]) -> None:
    mapped = sketch.keys.get("columns", {})
    if sketch.kind == "surveys" and "score" in mapped:
        _complete_survey(sketch, _own(columns, mapped["score"]))
    for name in ("rating", "sentiment"):
        own = _own(columns, mapped[name]) if name in mapped else None
        if own is not None and (own.usual or 0) > 1:
            low, high = guess_scale(own)
            sketch.say("scale", "", {"low": low, "high": high}, "guessed from the values")
            _cut_codes(sketch, own, high)
    if "tenure" in mapped and (_own(columns, mapped["tenure"]).high or 0) <= _MOST_MONTHS:
        sketch.say("constants", "tenure_unit", "months", "the numbers are too small for days")
    if sketch.kind == "measurements" and is_wide(columns):
        wide = {"names_to": "unit", "values_to": "value"}
        sketch.say("format", "wide", wide, "a column of numbers for each unit")
        sketch.given = {"unit", "value"}
    _complete_orders(sketch, columns)
    _complete_events(sketch)
    _ask(sketch, columns)


def _complete_survey(sketch: Sketch, own: Looks) -> None:
    metric, low, high = guess_metric(own, sketch.file)
    sketch.say("constants", "metric", metric, "guessed from the question and its answers")
    if SCALES[metric] != (low, high):
        scale = {"low": int(low), "high": int(high)}
        sketch.say("scale", "", scale, "guessed from the answers")
    _cut_codes(sketch, own, high)


def _cut_codes(sketch: Sketch, own: Looks, high: float) -> None:
    """Leave out answers above the scale: codes for no answer stand there."""
    if own.high is not None and own.high > high:
        term = _term(own.name)
        why = "answers above the scale look like codes for no answer; better list them in missing"
        sketch.say("keep", "", [f"{term} is null or {term} <= {high:g}"], why)


def _term(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d]\w*", name) else f'"{name}"'


def _complete_orders(sketch: Sketch, columns: Sequence[Looks]) -> None:
    """Multiply a price by its quantity where there is no total."""
    if sketch.kind != "orders" or "preset" in sketch.keys:
        return
    price, items = best(columns, "unit_price"), best(columns, "items")
    total = sketch.keys.get("columns", {}).get("value")
    if price is not None and items is not None and total in (None, price.name):
        if total is not None:
            sketch.forget("columns", "value")
        text = f"{_term(items.name)} * {_term(price.name)}"
        sketch.say("compute", "value", text, "the price of one, times how many")


def _known(sketch: Sketch) -> set[str]:
    return {
        name for key in ("columns", "constants", "compute") for name in sketch.keys.get(key, {})
    }


def _complete_events(sketch: Sketch) -> None:
    """Name what happened where no column does."""
    if "touchpoint" in {*_known(sketch), *sketch.given}:
        return
    if sketch.kind == "events":
        touchpoint = sketch.name.replace("_", " ")
        sketch.say("constants", "touchpoint", touchpoint, "no column names what happened")
    if sketch.kind == "tickets":
        sketch.say("constants", "touchpoint", "support ticket", "what the map calls it")


def _ask(sketch: Sketch, columns: Sequence[Looks]) -> None:
    """Ask for each required column that none was found for."""
    known = {*_known(sketch), *sketch.given}
    for column in INPUTS[sketch.kind]:
        contact = column.name == "customer_id" and known & {"email", "phone"}
        if column.required and column.name not in known and not contact:
            listed = ", ".join(own.name for own in columns[:12])
            row = ", or write row: each row is a customer" if column.name == "customer_id" else ""
            asked = f"which column is the {column.name}{row}? There are: {listed}"
            sketch.questions.append(asked)


# ------------------------------------------------------------------ writing


def sketch_lines(sketch: Sketch) -> list[str]:
    """Write a source as lines of a client file, each guess with its reason.

    Args:
        sketch: The source.

    Returns:
        Lines, indented as an entry of ``sources``.
    """
    lines = [f"  - name: {quoted(sketch.name)}", _line("kind", sketch.kind, sketch, "kind")]
    if "preset" in sketch.keys:
        lines.append(_line("preset", sketch.keys["preset"], sketch, "preset"))
    lines.append(f"    path: {quoted(sketch.path)}")
    for key in ("table", "columns", "constants", "compute", "keep", "format", "scale"):
        if key in sketch.keys:
            lines += _key_lines(key, sketch)
        if key == "format":
            lines += _choice_lines(sketch)
    return [*lines, *(f"    # review: {question}" for question in sketch.questions)]


def _choice_lines(sketch: Sketch) -> list[str]:
    """Write both values of an open choice, each as a line that only needs its sign taken away."""
    inside = "format" in sketch.keys
    lines = []
    for key, values in sketch.choices.items():
        for value in values:
            text = f"{key}: {quoted(value)}"
            lines.append(f"      # {text}" if inside else f"    # format: {{{text}}}")
    return lines


def _key_lines(key: str, sketch: Sketch) -> list[str]:
    value = sketch.keys[key]
    if isinstance(value, dict) and key != "scale":
        return [f"    {key}:", *(_line(f"  {n}", one, sketch, key, n) for n, one in value.items())]
    return [_line(key, value, sketch, key)]


def _line(name: str, value: Any, sketch: Sketch, key: str, within: str = "") -> str:
    text = f"    {name}: {_value(value)}"
    why = sketch.why.get((key, within))
    return f"{text:<{_NARROW}} # review: {why}" if why else text


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {quoted(one)}" for name, one in value.items()) + "}"
    return quoted(value)


def quoted(value: object) -> str:
    """Write a value so that YAML reads the same text again; a position stays a number.

    Example:
        >>> quoted("Kunden-Nr: #1")
        '"Kunden-Nr: #1"'
    """
    if isinstance(value, int):
        return str(value)
    text = str(value)
    simple = _SIMPLE.fullmatch(text) or re.fullmatch(r"[\w./*-]*[A-Za-z][\w./*-]*", text)
    starts = text[:1] in "*-.!&%@`|>?{}[]" or folded(text) == ""
    return text if simple and not starts else json.dumps(text, ensure_ascii=False)
