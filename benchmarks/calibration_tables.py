"""Lines, tables and sections of docs/calibration.md. Not for the simulations themselves."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 7
TARGET = (0.93, 0.97)
HEADS = {
    "interval": ("95 % interval", "covers the truth", "has to", "rival", "rival covers"),
    "alarm": ("false alarm", "rate", "at most", "rival", "rival's rate"),
    "find": ("planted", "found", "at least", "rival", "rival finds"),
}


@dataclass(frozen=True)
class Line:
    """One simulation and the bar that it has to keep.

    Attributes:
        name: What was simulated.
        simulate: Number of data sets and a generator to the own share, then the rivals'.
        rivals: What plain analyses would do on the same data, each of which has to miss the bar.
        low: Least share that will do.
        high: Largest share that will do.
        scale: Data sets drawn for each one asked for.
    """

    name: str
    simulate: Callable[..., tuple[float, ...]]
    rivals: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    scale: float = 1.0

    def sets(self, runs: int) -> int:
        """Data sets drawn for this line."""
        return max(1, int(runs * self.scale))

    def keeps(self, share: float) -> bool:
        """Tell whether a share lies within the bar."""
        return (self.low or 0.0) <= share <= (1.0 if self.high is None else self.high)

    def near(self, share: float, runs: int) -> bool:
        """Tell whether a share outside the bar is no farther off than chance brings it."""
        bar = self.low if self.low is not None and share < self.low else self.high
        bar = 0.0 if bar is None else bar
        return abs(share - bar) <= 2 * math.sqrt(bar * (1 - bar) / self.sets(runs))


@dataclass(frozen=True)
class Section:
    """A part of the page that is measured, dated and replaced by itself.

    Attributes:
        title: Heading; it finds the part again on the page.
        tables: Lines by kind of table, see `HEADS`.
        more: Number of data sets to further lines of Markdown.
    """

    title: str
    tables: dict[str, list[Line]]
    more: tuple[Callable[[int], list[str]], ...] = ()

    def measure(self, runs: int) -> str:
        """Run the simulations and write the part."""
        body, odd = [], []
        for kind, lines in self.tables.items():
            found = [(line, measure(line, runs)) for line in lines]
            body += table_of(kind, found, runs)
            odd += [text for line, shares in found for text in misses(line, shares, runs)]
        for further in self.more:
            body += further(runs)
        judged = any(bar_of(line) for part in self.tables.values() for line in part)
        if judged:
            body += ["", " ".join(odd) or "Every line with a bar keeps it, and no rival does."]
        return with_spaces("\n".join([*heading(self.title), *body]))


def heading(title: str, day: str = "") -> list[str]:
    """Open a part with its date."""
    day = day or f"{datetime.now(UTC):%Y-%m-%d}"
    return [f"## {title}", "", f"Measured on {day}, seed {SEED}."]


def measure(line: Line, runs: int) -> tuple[float, ...]:
    """Run one line and say on the screen what came of it."""
    began = time.perf_counter()
    found = line.simulate(runs, np.random.default_rng(SEED))
    # A rival that is not named on the line has nothing to prove there.
    shares = tuple(float(share) for share in found[: 1 + len(line.rivals)])
    shown = ", ".join(f"{share:.1%}" for share in shares)
    print(f"{line.name}: {shown} ({time.perf_counter() - began:.0f} s)", flush=True)
    return shares


def table_of(kind: str, found: list[tuple[Line, tuple[float, ...]]], runs: int) -> list[str]:
    """Lay measured lines out as a table."""
    heads = [*HEADS[kind], "data sets"]
    # Lines from before bars were written beside intervals have none.
    bars = any(bar_of(line) for line, _ in found)
    rows = [heads]
    for line, (own, *rivals) in found:
        theirs = "; ".join(f"{share:.1%}" for share in rivals) or "–"
        names = "; ".join(line.rivals) or "–"
        rows.append([line.name, f"{own:.1%}", bar_of(line), names, theirs, f"{line.sets(runs):,}"])
    if not bars:
        rows = [[*row[:2], *row[3:]] for row in rows]
    first, *rest = [f"| {' | '.join(row)} |" for row in rows]
    return ["", first, "|" + "---|" * len(rows[0]), *rest]


def bar_of(line: Line) -> str:
    """Write the bar of a line."""
    if line.low is not None and line.high is not None:
        return f"{line.low:.0%} to {line.high:.0%}"
    bar = line.low if line.high is None else line.high
    return "" if bar is None else f"{bar:.0%}"


def misses(line: Line, shares: tuple[float, ...], runs: int) -> list[str]:
    """Say which of a line and its rivals lie on the wrong side of the bar."""
    if not bar_of(line):
        return []
    own, *rivals = shares
    found = []
    if not line.keeps(own):
        by = "within twice the error of the simulation" if line.near(own, runs) else "clearly"
        found.append(f"Misses its bar, {by}: {line.name} ({own:.1%}).")
    return found + [
        f"Keeps the bar as well: {rival}, {line.name} ({share:.1%})."
        for rival, share in zip(line.rivals, rivals, strict=True)
        if line.keeps(share)
    ]


def with_spaces(text: str) -> str:
    """Part numbers from the sign of per cent."""
    return re.sub(r"(?<=\d)%", " %", text)


def merge(page: str, parts: dict[str, str], order: list[str], opening: str) -> str:
    """Put newly measured parts in place of those of the same title; the others stay as they are.

    Args:
        page: The page as it stands.
        parts: Text of each newly measured part by its title.
        order: Titles in the order of the page; what has another title is left out.
        opening: Text before the first part.
    """
    _, *old = re.split(r"(?m)^(?=## )", page)
    known = {text.partition("\n")[0].removeprefix("## "): text.rstrip() for text in old}
    known |= {title: text.rstrip() for title, text in parts.items()}
    return "\n\n".join([opening.rstrip(), *(known[name] for name in order if name in known)]) + "\n"
