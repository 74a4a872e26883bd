"""The corpus of broken files beside the checkout, and the client file by which each is read."""

from __future__ import annotations

import atexit
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journeylib.checkup import Checkup

SCRIPT = Path(__file__).parents[2] / "shared" / "bad_inputs" / "make_bad_inputs.py"
ABSENT = "the corpus of broken files (../shared/bad_inputs) is not beside this checkout"
STAGES = ["awareness", "consideration", "purchase", "retention", "advocacy"]
# Fact of the manifest: fact of the check.
FACTS = {
    "n_events": "n_events", "n_customers": "n_customers", "revenue_sum": "value_sum",
    "first": "first", "last": "last",
}  # fmt: skip
# Option of the manifest: key of `format`.
FORMATS = {"encoding": "encoding", "skip_rows": "skip_rows", "date_format": "dates"}


@dataclass(frozen=True)
class Case:
    """One row of the manifest."""

    file: str
    group: str
    defect: str
    outcome: str
    code: str
    column: str
    line: int | None
    facts: dict[str, Any]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """Its file name."""
        return self.file.removeprefix("data/")


@cache
def corpus_folder() -> Path:
    """Make the corpus in a folder that goes when Python does; gives the folder."""
    folder = Path(tempfile.mkdtemp(prefix="journey-corpus-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, SCRIPT, folder / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


@cache
def corpus_cases() -> list[Case]:
    """Read the manifest; empty where there is no corpus."""
    if not SCRIPT.exists():
        return []
    csv.field_size_limit(1 << 30)
    with (corpus_folder() / "manifest.csv").open(encoding="utf-8", newline="") as handle:
        return [
            Case(
                row["file"], row["group"], row["defect"], row["outcome"], row["code"],
                row["column"], int(row["line"]) if row["line"] else None,
                json.loads(row["facts"]), json.loads(row["options"]),
            )
            for row in csv.DictReader(handle)
        ]  # fmt: skip


def client_of(folder: Path, path: Path | str, options: dict[str, Any] | None = None) -> Path:
    """Write the client file by which one file is read; gives its path."""
    options = options or {}
    layout: dict[str, Any] = {FORMATS[key]: options[key] for key in FORMATS if key in options}
    if options.get("day_first"):
        layout["dates"] = "day-first"
    source: dict[str, Any] = {
        "name": "events", "kind": "events", "path": str(path), "columns": {"value": "revenue"},
        "duplicates": "drop", "format": layout,
    }  # fmt: skip
    if "sentiment_range" in options:
        low, high = options["sentiment_range"]
        source["scale"] = {"low": low, "high": high}
    client = {
        "client": "acme", "timezone": options.get("timezone", "UTC"), "sources": [source],
        "stages": {"model": "custom", "order": STAGES},
    }  # fmt: skip
    file = folder / "acme.yml"
    file.write_text(json.dumps(client), encoding="utf-8")  # JSON is YAML
    return file


def differences(case: Case, found: Checkup) -> list[str]:
    """List where a check does not say what the manifest says."""
    wrong = []
    if found.ok is (case.outcome == "error"):
        codes = [problem.code for problem in found.errors]
        wrong.append(f"the outcome is not {case.outcome}: {codes}")
    said = [(one.code, one.column, one.line) for one in [*found.errors, *found.notes]]
    if case.code:
        own = [place for place in said if place[0] == case.code]
        if not any(_is_at(case, column, line) for _, column, line in own):
            place = (case.code, case.column, case.line)
            wrong.append(f"{place} is not among {own or sorted({code for code, *_ in said})}")
    if found.ok:
        for key, value in case.facts.items():
            measured = found.facts[FACTS[key]]
            same = measured == value
            if isinstance(value, float) and measured is not None:
                same = abs(measured - value) <= 1e-6 * max(1, abs(value))
            if value is not None and not same:
                wrong.append(f"{key} is {measured}, not {value}")
    return wrong


def _is_at(case: Case, column: str, line: int | None) -> bool:
    """Tell whether a message names the place; a mapped column may go by either name."""
    names = {case.column, "value"} if case.column == "revenue" else {case.column}
    return (not case.column or column in names) and case.line in {None, line}
