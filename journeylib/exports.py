"""Exports that are known: what the columns of common tools mean, one file of ``presets/`` each.

A preset holds the keys of a source; what the client file says comes first. Not for reading the
files (`formats`), nor for guessing about files that no preset knows (`guesses`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib.errors import JourneyError, did_you_mean
from journeylib.expressions import compile_condition, compile_number
from journeylib.values import shown
from journeylib.yaml_tree import read_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from journeylib.inputs import Source

FOLDER = Path(__file__).parent / "presets"
NONE = "none"
# Keys that say what a mapped name is: the client file's word for a name replaces any of them.
_MEANINGS = ("columns", "constants", "compute")
_GROUPS = (*_MEANINGS, "missing", "format")


@dataclass(frozen=True, slots=True)
class Shape:
    """One table that a tool exports.

    Attributes:
        kind: Kind of source that it becomes.
        signature: Columns by which it is recognised.
        keys: Keys of a source, as they would stand in a client file.
        other_names: Other names of the tool for the column behind a mapped name.
    """

    kind: str
    signature: tuple[str, ...]
    keys: dict[str, Any]
    other_names: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preset:
    """A tool whose exports are known.

    Attributes:
        name: What `preset` says.
        title: Tool and export, for readers.
        documentation: The vendor's pages that name the columns.
        seen: Which version or variant, and what is left to the client file.
        shapes: The tables it exports, by kind.
    """

    name: str
    title: str
    documentation: tuple[str, ...]
    seen: str
    shapes: dict[str, Shape]


@cache
def known_presets() -> dict[str, Preset]:
    """Read every preset, by name."""
    files = sorted(path for path in FOLDER.glob("*.yml") if path.name[0] != "_")
    return {path.stem: _read_preset(path) for path in files}


def _read_preset(path: Path) -> Preset:
    tree, _ = read_tree(path.read_text(encoding="utf-8"), path.name)
    head = {key: tree.pop(key) for key in ("name", "title", "documentation", "seen")}
    shapes = [_shape(part) for part in (tree, *tree.pop("others", []))]
    return Preset(
        str(head["name"]), str(head["title"]), tuple(map(str, head["documentation"])),
        str(head["seen"]), {shape.kind: shape for shape in shapes},
    )  # fmt: skip


def _shape(part: dict[str, Any]) -> Shape:
    own = {key: value for key, value in part.items() if key != "others"}
    names = own.pop("other_names", {})
    signature = tuple(str(name) for name in own.pop("signature"))
    others = {str(name): tuple(map(str, listed)) for name, listed in names.items()}
    return Shape(str(own.pop("kind")), signature, own, others)


def find_shape(preset: object, kind: object) -> Shape | None:
    """Find what a source's preset says about its kind; None where it says nothing."""
    found = known_presets().get(str(preset))
    return found.shapes.get(str(kind)) if found else None


# ------------------------------------------------------------------ client files


def merge_preset(raw: dict[str, Any]) -> dict[str, Any]:
    """Fill a source of a client file up with what its preset says.

    Args:
        raw: The source as written. A name that it maps, computes or gives a constant loses the
            preset's meaning of it; rules of `keep` add up; keys of `format` and `missing` are
            replaced one by one, `scale` as a whole.

    Returns:
        A new source; the same one where there is no such preset for its kind.
    """
    shape = find_shape(raw.get("preset", NONE), raw.get("kind"))
    if shape is None or any(not isinstance(raw.get(key, {}), dict) for key in _GROUPS):
        return raw
    if not isinstance(raw.get("keep", []), list):
        return raw
    said = {str(name) for key in _MEANINGS for name in raw.get(key, {})}
    merged = dict(raw)
    for key, value in shape.keys.items():
        if key in _MEANINGS:
            kept = {name: one for name, one in value.items() if str(name) not in said}
            merged[key] = {**kept, **raw.get(key, {})}
        elif key in _GROUPS:
            merged[key] = {**value, **raw.get(key, {})}
        elif key == "keep":
            merged[key] = [*value, *(rule for rule in raw.get(key, []) if rule not in value)]
        else:
            merged.setdefault(key, value)
    return merged


def preset_fault(raw: dict[str, Any]) -> tuple[str, str] | None:
    """Say what is wrong with a source's preset.

    Args:
        raw: The source as written.

    Returns:
        What is wrong and what to do; None where nothing is.
    """
    name = raw.get("preset", NONE)
    if isinstance(name, (dict, list)) or str(name) == NONE:
        return None
    presets = known_presets()
    if str(name) not in presets:
        fix = did_you_mean(str(name), presets) or f"There are: {', '.join((NONE, *presets))}."
        return f"{shown(name)} is not a preset.", fix
    kinds, kind = presets[str(name)].shapes, raw.get("kind")
    if isinstance(kind, str) and kind not in kinds:
        allowed = " or ".join(kinds)
        return f"{name} is known for {allowed}, not {shown(kind)}.", f"Write kind: {allowed}."
    return None


# ------------------------------------------------------------------ files


def plain(name: str) -> str:
    """Write a column name without case, spaces, underscores, hyphens and dots.

    Example:
        >>> plain("Customer ID") == plain("customer_id")
        True
    """
    return "".join(sign for sign in name if sign not in "_-." and not sign.isspace()).casefold()


def other_names(source: Source) -> list[str]:
    """List the other names that a source's preset knows for columns."""
    shape = find_shape(source.preset, source.kind)
    return [name for names in shape.other_names.values() for name in names] if shape else []


def fit_preset(source: Source, columns: Sequence[str]) -> tuple[Source, list[str]]:
    """Fit what a preset said of a source to the columns that its file has.

    Args:
        source: The source's part of the client file.
        columns: The columns that the file has.

    Returns:
        The source, its mapped columns under the names that this file uses and without the rules
        that speak of columns which it lacks; and those rules. What the client file says itself is
        never changed.
    """
    shape = find_shape(source.preset, source.kind)
    if shape is None:
        return source, []
    there = {plain(own): own for own in columns}
    mapped = {
        name: _fitted(name, written, shape, there) for name, written in source.columns.items()
    }
    rules = [rule for rule in shape.keys.get("keep", []) if not _usable(rule, columns, whole=True)]
    sums = {
        name: text
        for name, text in shape.keys.get("compute", {}).items()
        if source.compute.get(name) == text and not _usable(text, columns, whole=False)
    }
    kept = [rule for rule in source.keep if rule not in rules]
    left = {name: text for name, text in source.compute.items() if name not in sums}
    update = {"columns": mapped, "keep": kept, "compute": left}
    return source.model_copy(update=update), [*map(str, rules), *map(str, sums.values())]


def _fitted(name: str, written: Any, shape: Shape, there: dict[str, str]) -> Any:
    """Exchange an absent column of the preset for another name that the tool gives it."""
    if shape.keys.get("columns", {}).get(name) != written:
        return written
    listed = written if isinstance(written, list) else [written]
    found = [one for one in listed if plain(str(one)) in there]
    if found:
        return found if isinstance(written, list) else written
    others = shape.other_names.get(name, ())
    return next((there[plain(one)] for one in others if plain(one) in there), listed[0])


def _usable(expression: str, columns: Iterable[str], *, whole: bool) -> bool:
    known = dict.fromkeys(columns, "x")
    try:
        (compile_condition if whole else compile_number)(expression, texts=known, numbers=known)
    except JourneyError:
        return False
    return True


def recognise(columns: Sequence[str]) -> tuple[Preset, str] | None:
    """Recognise a tool's export by its columns.

    Args:
        columns: The columns of a file.

    Returns:
        The preset and the kind; the one with the longest signature where several fit, None where
        no one does.
    """
    there = {plain(name) for name in columns}
    fitting = [
        (len(shape.signature), preset, kind)
        for preset in known_presets().values()
        for kind, shape in preset.shapes.items()
        if {plain(name) for name in shape.signature} <= there
    ]
    best = max(fitting, key=lambda found: found[0], default=None)
    return (best[1], best[2]) if best else None
