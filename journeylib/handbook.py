"""The handbook and the JSON Schema of client files, made from the models. Not for reading files.

Both lie in ``params/`` and are made again whenever a key changes: they cannot say anything else
than what `params` accepts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from journeylib.beliefs import WorkshopMap
from journeylib.exports import NONE, known_presets
from journeylib.settings import STAGE_MODELS, Params

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from journeylib.exports import Preset

_NO_END = 2**32
_INTRO = """\
# Client files

One YAML file for each client says where its data lies and what is wanted. This page and
`schema.json` are made from the code that reads the files; `journey check params/<client>.yml`
says everything that is wrong with one at once, with line, key and what is allowed.

## A small one

```yaml
# yaml-language-server: $schema=schema.json
client: corner-bakery
currency: EUR
timezone: Europe/Lisbon

sources:
  - name: orders
    kind: orders
    path: data/orders.csv
    columns: {customer_id: customer_no, timestamp: [date, time], value: total}
    constants: {touchpoint: order, channel: store}
```

Only `sources` is required. The first line lets editors complete and check the keys.

## Rules of writing

* Every value is the text you see: `NO`, `007`, `1.10` and `12:30:00` need no quotes. Days are
  `YYYY-MM-DD`, numbers have a dot for the decimals, flags are `true` or `false`.
* An unknown key is an error. Tags, anchors, aliases, duplicate keys and tabs before a key are too.
* Relative paths are looked up from the folder that holds `params/`, then from the client file's
  own folder.
* `${NAME}` in a value is read from the environment and never shown. Passwords typed into the file
  are refused; write `url: postgresql://reader:${DB_PASSWORD}@host/shop`.
"""

_WORKSHOP = """\
# Workshop maps

What a team believed of the journey before it was measured, in a file that the client file names
under `workshop_map`; call it `<client>.workshop.yml`, which is never taken for a client file.
Notebook 03 scores it: pains that were believed and are absent, real ones that were missed, feelings
that agree, touchpoints that were never seen or never thought of.

```yaml
held: 2025-01-14
stages:
  - {name: awareness, feeling: neutral}
touchpoints:
  - {name: newsletter, stage: awareness, feeling: good}
  - {name: payment, stage: decision, feeling: -1, pain: Cards are refused}
```

Touchpoints are named as the data names them; letter case, blanks, hyphens and underscores do not
matter. What is left out was not discussed; a touchpoint without `pain` was believed to have none.
"""


def write_schema(path: Path) -> Path:
    """Write the JSON Schema by which editors complete and check client files.

    Args:
        path: File to write, such as ``params/schema.json``.

    Returns:
        The same path.
    """
    text = json.dumps(client_schema(), indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return path


def write_handbook(path: Path) -> Path:
    """Write the page that explains every key of a client file.

    Args:
        path: File to write, such as ``params/README.md``.

    Returns:
        The same path.
    """
    path.write_text(handbook_text(), encoding="utf-8", newline="\n")
    return path


def client_schema() -> dict[str, Any]:
    """Describe client files as a JSON Schema, without what only pydantic needs."""
    schema: dict[str, Any] = _cleaned(Params.model_json_schema())
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Client file",
    }
    schema["$defs"]["Source"]["properties"]["preset"]["enum"] = [NONE, *known_presets()]
    return head | schema


def handbook_text() -> str:
    """Compose the handbook: how to write a client file, then every key by section."""
    schema = client_schema()
    tables = [_section(name, part) for name, part in _sections(schema)]
    beliefs: dict[str, Any] = _cleaned(WorkshopMap.model_json_schema())
    believed = [_section(name, part) for name, part in _sections(beliefs)]
    return "\n".join([_INTRO, *tables, _WORKSHOP, *believed])


# ------------------------------------------------------------------ schema


def _cleaned(node: Any) -> Any:
    """Drop generated titles, nulls that nobody writes and defaults that say nothing."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _cleaned(value) for key, value in node.items() if not _is_noise(key, value)}
    if "anyOf" in kept:
        branches = [branch for branch in kept["anyOf"] if branch != {"type": "null"}]
        kept["anyOf"] = branches
        if len(branches) == 1:
            kept = branches[0] | {key: value for key, value in kept.items() if key != "anyOf"}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    return kept


def _is_noise(key: str, value: object) -> bool:
    if key == "title":
        return isinstance(value, str)
    return key == "default" and (value in (None, "") or isinstance(value, dict))


# ------------------------------------------------------------------ handbook


def _sections(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk the groups of keys in the order of the file, each once, under all its names."""
    names = _names(schema, "", schema)
    yield "", schema
    for target in dict.fromkeys(target for _, target in names):
        places = [f"`{name}`" for name, other in names if other == target]
        yield " and ".join(places), schema["$defs"][target]


def _names(part: dict[str, Any], above: str, schema: dict[str, Any]) -> list[tuple[str, str]]:
    """List each key that holds a group of keys, and which group."""
    found = []
    for key, value in part["properties"].items():
        if target := _target(value):
            name = f"{above}{key}"
            found += [(name, target), *_names(schema["$defs"][target], f"{name}.", schema)]
    return found


def _target(value: dict[str, Any]) -> str:
    reference = value.get("$ref") or value.get("items", {}).get("$ref", "")
    return str(reference).rpartition("/")[2]


def _section(name: str, part: dict[str, Any]) -> str:
    heading = name or "Keys of the file"
    about = part["description"] if name else "Sections have their own tables below."
    rows = [_row(key, value, part) for key, value in part["properties"].items()]
    lines = [f"## {heading}", "", about, "", "| key | value | default | meaning |"]
    lines += ["|---|---|---|---|", *rows, ""]
    if name == "`stages`":
        lines += ["Stage models:", ""]
        lines += [f"* `{model}`: {', '.join(names)}" for model, names in STAGE_MODELS.items()]
        lines += ["* `custom`: the names in `order`", ""]
    if name == "`sources`":
        lines += ["Presets:", "", "| preset | export | kind | what to know |", "|---|---|---|---|"]
        lines += [*map(_preset_row, known_presets().values()), ""]
    return "\n".join(lines)


def _preset_row(preset: Preset) -> str:
    cells = (f"`{preset.name}`", preset.title, " or ".join(preset.shapes), preset.seen)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _row(key: str, value: dict[str, Any], part: dict[str, Any]) -> str:
    default = value.get("default", "")
    if key in part.get("required", []):
        shown = "**required**"
    elif default in ("", [], {}):
        shown = ""
    else:
        shown = f"`{_as_written(default)}`"
    cells = (f"`{key}`", _words(value), shown, value.get("description", ""))
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _as_written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(value: dict[str, Any]) -> str:
    """Say in words what a schema allows."""
    if "$ref" in value:
        return "section"
    if words := value.get("enum", [value["const"]] if "const" in value else []):
        return ", ".join(f"`{word}`" for word in words)
    if "anyOf" in value:
        return " or ".join(_words(branch) for branch in value["anyOf"])
    if value.get("type") == "array":
        inner = value["items"]
        words = "text" if "anyOf" in inner else _words(inner)
        return "list of sections" if "$ref" in inner else f"list of {_plural(words)}"
    if value.get("type") == "object":
        return _group_words(value)
    return _scalar_words(value)


def _plural(words: str) -> str:
    """Say "whole numbers ≥ 1" for "whole number ≥ 1"."""
    noun = next(noun for noun in ("number", "text", "value", words) if noun in words)
    return words.replace(noun, f"{noun}s", 1)


def _group_words(value: dict[str, Any]) -> str:
    keys = value.get("propertyNames", {}).get("enum")
    named = ", ".join(f"`{key}`" for key in keys) if keys else "name"
    return f"{{{named}: {_words(value['additionalProperties'])}}}"


def _scalar_words(value: dict[str, Any]) -> str:
    if value.get("format") == "date":
        return "day"
    words = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}
    kind = value.get("type", "string")
    name = "value" if isinstance(kind, list) else words.get(kind, kind)
    low = value.get("minimum", value.get("exclusiveMinimum"))
    high = value.get("maximum", value.get("exclusiveMaximum", _NO_END))
    if low is None:
        return str(name)
    if high >= _NO_END:
        return f"{name} {'>' if 'exclusiveMinimum' in value else '≥'} {low:g}"
    ends = ", ends excluded" if "exclusiveMinimum" in value else ""
    return f"{name} {low:g} to {high:g}{ends}"
