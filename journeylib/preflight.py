"""What can be known before a kernel is started: a run that cannot succeed does not begin."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING

from journeylib.errors import ParamsError, Problem, RunError
from journeylib.failures import FULL, NEEDED_MEGABYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LEAST_FREE_MB = 20


def check_folders(reports: Path, works: Sequence[Path]) -> None:
    """Make sure that reports and workspaces can be written.

    Args:
        reports: Folder of all reports.
        works: Workspaces of the clients.

    Raises:
        RunError: A folder cannot be written or made, or the disk is full.
    """
    for folder in dict.fromkeys([reports, *(work.parent for work in works)]):
        _check_writable(folder)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as refused:
        if refused.errno in FULL:
            raise _too_full(folder, 0) from None
        fix = "grant the right to write there, or use --reports and JOURNEY_WORK"
        raise RunError(f"{folder.name} cannot be written: {refused.strerror}.", [fix]) from None
    if free < LEAST_FREE_MB * 1_000_000:
        raise _too_full(folder, free)


def _too_full(folder: Path, free: int) -> RunError:
    fix = (
        f"free some space: {free / 1e6:,.0f} MB are free, "
        f"a client needs about {NEEDED_MEGABYTES} MB"
    )
    return RunError(f"The disk of {folder.name} is full.", [fix])


def check_names(clients: Mapping[Path, str]) -> None:
    """Make sure that no two client files write into one folder.

    Args:
        clients: Slug by client file.

    Raises:
        ParamsError: Two files name one client.
    """
    seen: dict[str, Path] = {}
    problems = []
    for file, client in clients.items():
        other = seen.setdefault(client.casefold(), file)
        if other != file:
            message = f'"{client}" is also the client of {other.name}.'
            fix = "Give each file its own client."
            problems.append(Problem("E-CLIENT-TWICE", message, file.name, column="client", fix=fix))
    if problems:
        raise ParamsError("Two client files write into one folder.", problems)


def check_kernel() -> None:
    """Make sure that a kernel can be started, without starting one.

    Raises:
        RunError: A package that the kernel needs, or the kit's own kernelspec is missing.
    """
    from importlib.util import find_spec

    from journeylib.kernels import KERNELSPECS

    missing = [name for name in ("ipykernel", "papermill", "nbconvert") if find_spec(name) is None]
    if not list(KERNELSPECS.glob("kernels/*/kernel.json")):
        missing.append("the kit's own kernelspec")
    if missing:
        fix = "install the kit's packages into this environment; `journey doctor` says more"
        raise RunError(f"No notebook can be run: {', '.join(missing)} is not installed.", [fix])


def check_executor_files(jobs: int) -> None:
    """Make sure that as many files may be open as the run needs.

    Args:
        jobs: Clients at once.

    Raises:
        RunError: The limit is too low.
    """
    if os.name != "posix":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 100 + 40 * jobs
    if limit != resource.RLIM_INFINITY and limit < needed:
        fix = f"raise it by `ulimit -n {max(1024, needed)}`, or run fewer clients at once (--jobs)"
        raise RunError(f"Too few files may be open: the limit is {limit}.", [fix])


def find_place(file: Path, path: str) -> str:
    """Say in which line of a client file a path stands.

    Args:
        file: The client file.
        path: The path as it is written there.

    Returns:
        A line such as ``it is named in acme.yml, line 5``; empty where it is not found.
    """
    lines = enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1)
    found = [number for number, line in lines if "path:" in line and path in line]
    return f"it is named in {file.name}, line {found[0]}" if found else ""
