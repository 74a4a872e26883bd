"""Small client files and data files for the tests of the reading layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from journeylib.engine import open_connection
from journeylib.errors import JourneyError, Problem
from journeylib.params import Params, read_params
from journeylib.sources import SourceTable, read_sources

DATA = Path(__file__).parents[2] / "shared" / "data"
CLIENTS = Path(__file__).parent / "clients"
HEADER = "customer_id,timestamp,touchpoint"


def make_client(folder: Path, *sources: dict[str, Any], **keys: Any) -> Params:
    """Write a client file whose sources lie in the same folder, and read it."""
    file = folder / "acme.yml"
    # JSON is YAML, and every scalar in quotes stays text
    file.write_text(json.dumps({"sources": list(sources), **keys}), encoding="utf-8")
    return read_params(file)


def source(path: str, kind: str = "events", **keys: Any) -> dict[str, Any]:
    return {"name": "data", "kind": kind, "path": path, **keys}


def read_one(folder: Path, spec: dict[str, Any], **keys: Any) -> tuple[SourceTable, Any]:
    """Read the one source of a client; gives it and its frame."""
    params = make_client(folder, spec, **keys)
    con = open_connection(memory="1GB", scratch=folder)
    (table,) = read_sources(params, con)
    return table, table.frame(con)


def read_text(folder: Path, text: str | bytes, *, name: str = "data.csv", **keys: Any):
    """Write one file, read it as the only source; gives the source and its frame."""
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(content)
    client = {key: keys.pop(key) for key in ("timezone", "stages", "period") if key in keys}
    return read_one(folder, source(name, **keys), **client)


def refusal(folder: Path, text: str | bytes, **keys: Any) -> Problem:
    """Read a file that must be refused; gives the first problem, which is complete."""
    with pytest.raises(JourneyError) as refused:
        read_text(folder, text, **keys)
    problem = refused.value.problems[0]
    assert problem.code
    assert problem.file
    assert problem.fix
    return problem


def events(*values: str, column: str) -> str:
    """Write a CSV of events with one more column that holds the values, one event a day."""
    rows = [
        f'c{index},2024-01-{index + 1:02d}T10:00:00Z,visit,"{value}"'
        for index, value in enumerate(values)
    ]
    return "\n".join([f"{HEADER},{column}", *rows]) + "\n"


def codes(table: SourceTable) -> set[str]:
    return {note.code for note in table.notes}
