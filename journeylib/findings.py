"""What one check of the data found, and what follows from it. The looking is done by the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYWHERE = "all sources"
LOG = "log"
PASS, WARN, FAIL = "pass", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the quality page.

    Attributes:
        check: Which check it was, a noun in lower case with underscores.
        source: Name of the source, ``"log"``, or ``"all sources"``.
        status: ``"pass"``, ``"warn"`` or ``"fail"``.
        affected: Rows concerned.
        found: What was found, with numbers.
        consequence: What follows for the results and what to do; empty where nothing follows.
    """

    check: str
    source: str
    status: str
    affected: int
    found: str
    consequence: str = ""

    @property
    def message(self) -> str:
        """What was found and what follows, as one text."""
        return f"{self.found} {self.consequence}".strip()


def passed(check: str, found: str, source: str = EVERYWHERE) -> Finding:
    """Say that a check found nothing to mend."""
    return Finding(check, source, PASS, 0, found)


def tabulate_findings(findings: Sequence[Finding]) -> pd.DataFrame:
    """Lay findings out as the result table ``quality``, the worst first.

    Returns:
        Its columns, and ``consequence``: the last part of each message.
    """
    table = pd.DataFrame(
        [
            (one.check, one.source, one.status, int(one.affected), one.message, one.consequence)
            for one in findings
        ],
        columns=["check", "source", "status", "affected", "message", "consequence"],
    )
    order = table["status"].map({FAIL: 0, WARN: 1, PASS: 2})
    sizes = -table["affected"].where(order < 2, 0)
    table = table.assign(_order=order, _size=sizes)
    # what failed or warns comes by size, what passed in the order of the checks
    table = table.sort_values(["_order", "_size"], kind="stable").drop(columns=["_order", "_size"])
    return complete_result("quality", table.reset_index(drop=True))


def list_words(words: Sequence[str], most: int = 3, mark: str = ", ") -> str:
    """Name the first of several things and count the others.

    Example:
        >>> list_words(["May", "June", "July", "August"])
        'May, June, July, and 1 more'
    """
    shown = mark.join(words[:most])
    return f"{shown}{mark.rstrip()} and {len(words) - most:,} more" if len(words) > most else shown
