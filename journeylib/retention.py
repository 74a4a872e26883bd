"""How long workspaces are kept: logs, frames and caches that are older than asked go.

Reports and data are never touched. Not for one customer; see `forgetting`.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.errors import JourneyError, ParamsError, Problem
from journeylib.params import read_params
from journeylib.workspace import STATE, work_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DAY_SECONDS = 86_400.0
DAYS = {"d": 1.0, "w": 7.0, "m": 30.4375}
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What stands in one client's workspace and what became of it.

    Attributes:
        client: Slug of the client.
        days: Age in days of its newest run; None where there is no workspace.
        bytes: Size of the workspace.
        removed: Whether it was, or would be, removed.
    """

    client: str
    days: float | None
    bytes: int = 0
    removed: bool = False

    def line(self, *, dry_run: bool) -> str:
        """Say it in one line."""
        if self.days is None:
            return f"· {self.client}: no workspace."
        told = f"{self.client}: {self.bytes / MEGABYTE:,.1f} MB, {self.days:,.0f} days old"
        if not self.removed:
            return f"· {told}: stays."
        return f"✓ {told}: {'would be removed' if dry_run else 'removed'}."


def read_age(text: str) -> float:
    """Read a duration such as ``90d``, ``12w`` or ``6m`` in days.

    Args:
        text: A whole number and d (days), w (weeks) or m (months of 30.4 days).

    Returns:
        Days.

    Raises:
        ParamsError: It is written otherwise.

    Example:
        >>> read_age("90d"), read_age("2w")
        (90.0, 14.0)
    """
    match = re.fullmatch(r"\s*(\d{1,5})\s*([dwm])\s*", text.lower())
    if match is None:
        raise ParamsError(
            "Nothing was removed.",
            [Problem(
                "E-DURATION", f'"{text}" is no duration.', column="--older-than",
                fix="Write a whole number and a unit: 90d (days), 12w (weeks) or 6m (months).",
            )],
        )  # fmt: skip
    return int(match[1]) * DAYS[match[2]]


def clean_workspaces(
    files: Sequence[Path], *, older_than: float, dry_run: bool = False, now: float | None = None
) -> list[Cleaned]:
    """Remove the workspaces of clients whose newest run is older than asked.

    Args:
        files: Client files; one that cannot be read is passed over and its workspace stays.
        older_than: Age in days; a workspace of just this age stays.
        dry_run: Whether only to say what would go.
        now: Seconds since 1970; None takes the clock.

    Returns:
        One entry for each client that could be read, in their order.
    """
    found = []
    for file in files:
        try:
            params = read_params(file)
        except JourneyError:
            continue
        moment = time.time() if now is None else now
        found.append(_clean(work_folder(params), older_than, moment, dry_run=dry_run))
    return found


def _clean(folder: Path, older_than: float, now: float, *, dry_run: bool) -> Cleaned:
    if not folder.is_dir():
        return Cleaned(folder.name, None)
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    state = folder / STATE
    newest = max(
        [path.stat().st_mtime for path in ([state] if state.exists() else files)],
        default=folder.stat().st_mtime,
    )
    days = max(0.0, (now - newest) / DAY_SECONDS)
    size = sum(path.stat().st_size for path in files)
    old = days > older_than
    if old and not dry_run:
        shutil.rmtree(folder)
    return Cleaned(folder.name, days, size, old)
