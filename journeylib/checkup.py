"""`journey check`: everything that notebook 01 would find, without running it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib.errors import JourneyError, Note, Problem

if TYPE_CHECKING:
    from journeylib.collect import Collected

NO_FACTS: dict[str, Any] = {
    "n_events": None, "n_customers": None, "value_sum": None, "first": None, "last": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found in a client's data.

    Attributes:
        ok: Whether the client can be run.
        facts: Events, customers, money and first and last time, before the period is applied.
        notes: What was noticed and dealt with.
        errors: What has to be mended.
        collected: Everything that was read; None where it could not be.
    """

    ok: bool
    facts: dict[str, Any] = field(default_factory=lambda: dict(NO_FACTS))
    notes: list[Note] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    collected: Collected | None = None

    def to_json(self) -> str:
        """Write it as one JSON object: ``ok, facts, notes, errors``."""
        found = {
            "ok": self.ok,
            "facts": self.facts,
            "notes": [asdict(note) for note in self.notes],
            "errors": [asdict(problem) for problem in self.errors],
        }
        return json.dumps(found, ensure_ascii=False)


def check_client(file: Path) -> Checkup:
    """Read a client file and all its data.

    Args:
        file: The client file.

    Returns:
        What was found; a mistake in it is an error of the result, never an exception.
    """
    from journeylib.collect import collect
    from journeylib.params import read_params

    try:
        params = read_params(file)
        with tempfile.TemporaryDirectory() as scratch:
            collected = collect(params, Path(scratch) / "log")
    except JourneyError as refused:
        errors = refused.problems or [Problem("E-CLIENT", refused.what, file.name)]
        return Checkup(ok=False, errors=errors)
    return Checkup(ok=True, facts=collected.built.facts, notes=collected.notes, collected=collected)


def print_checkup(found: Checkup) -> None:
    """Show a checkup on the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for problem in found.errors:
        where = f"{problem.file}: " if problem.file else ""
        console.print(Text(f"✗ {where}{problem}", style="red"))
    if found.collected is None:
        console.print(f"{len(found.errors)} problem(s) to mend.")
        return
    table = Table(title="Sources", title_justify="left")
    for column in ("source", "kind", "read", "used", "left out", "why"):
        table.add_column(
            column, justify="right" if column in {"read", "used", "left out"} else "left"
        )
    for row in found.collected.sources.to_dict("records"):
        counts = [f"{row[name]:,}" for name in ("rows_read", "rows_used", "rows_dropped")]
        table.add_row(Text(row["source"]), row["kind"], *counts, Text(row["reasons"]))
    console.print(table)
    quality = found.collected.quality
    for row in quality[quality["status"] != "pass"].to_dict("records"):
        check = row["check"].replace("_", " ")
        console.print(Text(f"! {row['source']}, {check}: {row['message']}"))
    checks, open_ = set(quality["check"]), set(quality.loc[quality["status"] != "pass", "check"])
    console.print(f"{len(checks - open_)} of {len(checks)} checks found nothing to mend.")
    facts = found.facts
    console.print(
        f"{facts['n_events']:,} events of {facts['n_customers']:,} customers"
        + (f", {facts['first']} to {facts['last']}." if facts["first"] else ".")
    )
    console.print("It can be run.")
