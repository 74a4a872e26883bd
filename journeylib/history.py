"""The results of a client's earlier runs: which are kept, and where. Not for comparing them."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

from journeylib.workspace import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

HISTORY = "history"
NEWEST, MONTHS = 12, 48
_NAME = re.compile(r"\d{8}T\d{6}Z\.json")


def past_name(generated: str) -> str:
    """Name the file of a run's results in the history.

    Args:
        generated: When the run was made, ISO 8601 in UTC.

    Returns:
        A name that sorts by time and is a file name everywhere; empty where it is no such time.

    Example:
        >>> past_name("2026-11-22T12:04:10+00:00")
        '20261122T120410Z.json'
    """
    digits = re.sub(r"[-:]", "", str(generated)).removesuffix("+0000").removesuffix("Z")
    name = f"{digits}Z.json"
    return name if _NAME.fullmatch(name) else ""


def list_history(folder: Path) -> list[Path]:
    """List the results of a client's earlier runs, oldest first.

    Args:
        folder: The client's folder of reports.
    """
    found = (folder / HISTORY).glob("*.json")
    return sorted(path for path in found if _NAME.fullmatch(path.name))


def keep_history(
    folder: Path, built: Path, *, named: Iterable[Path] = (), again: bool = False
) -> list[Path]:
    """Put the earlier results of a client into the folder that will replace its present one.

    Args:
        folder: The client's folder as it stands: its ``results.json`` becomes history too.
        built: The folder that will replace it.
        named: Files that are kept however old, such as ``earlier_results`` of the client file.
        again: Whether the present report is of the same inputs and results, and so no earlier run.

    Returns:
        The files kept, oldest first: the newest twelve runs, and of the runs before them the last
        one of each month, at most 48 months.
    """
    runs = {path.name: path for path in list_history(folder)}
    latest = folder / "results.json"
    name = past_name(read_results(latest).get("generated", ""))
    if name and not again:
        runs[name] = latest
    fixed = {path.name for path in named if path.parent.resolve() == (folder / HISTORY).resolve()}
    kept = thin_history(sorted(runs), fixed=fixed)
    if kept:
        (built / HISTORY).mkdir()
    for one in kept:
        shutil.copyfile(runs[one], built / HISTORY / one)
    return [built / HISTORY / one for one in kept]


def thin_history(names: Sequence[str], *, fixed: Iterable[str] = ()) -> list[str]:
    """Choose which of many runs are kept.

    Args:
        names: From `past_name`, oldest first.
        fixed: Names that are kept in any case.

    Returns:
        The names kept, oldest first.
    """
    recent, before = list(names[-NEWEST:]), list(names[:-NEWEST])
    months = {name[:6]: name for name in before}
    kept = {*recent, *list(months.values())[-MONTHS:], *(set(names) & set(fixed))}
    return sorted(kept)


def read_results(path: Path) -> dict[str, Any]:
    """Read a ``results.json``; an absent or broken one is empty.

    Args:
        path: The file.
    """
    told = read_json(path)
    return told if isinstance(told.get("tables"), dict) else {}
