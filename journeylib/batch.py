"""Runs many clients, each in a process of its own; one client's failure never touches another's."""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from journeylib.errors import JourneyError, ParamsError, Problem
from journeylib.workspace import NOTEBOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Progress = Callable[[str, str], None]

FINISHED, FAILED = "finished", "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one client.

    Attributes:
        client: Slug of the client, or the file's name where it could not be read.
        status: ``"finished"`` or ``"failed"``.
        seconds: Wall time.
        error: What went wrong and what to do; empty when finished.
        report: The report's file, or empty.
    """

    client: str
    status: str
    seconds: float
    error: str = ""
    report: str = ""


def find_client_files(paths: Sequence[Path]) -> list[Path]:
    """List the client files that files and folders mean.

    Args:
        paths: Client files, or folders of them; ``*.workshop.yml`` is no client file.

    Returns:
        The files in order, each once.

    Raises:
        ParamsError: A path is not there, or a folder holds no client file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted([*path.glob("*.yml"), *path.glob("*.yaml")])
            own = [file for file in inside if ".workshop." not in file.name]
            if not own:
                raise _not_found(path, "the folder holds no client file (*.yml).")
            found += own
        elif path.is_file():
            found.append(path)
        else:
            raise _not_found(path, "there is no such file or folder.")
    return list(dict.fromkeys(path.resolve() for path in found))


def _not_found(path: Path, why: str) -> ParamsError:
    return ParamsError(f"{path} cannot be run.", [Problem("E-NO-FILE", why, path.name)])


def run_clients(
    files: Sequence[Path],
    *,
    reports: Path,
    jobs: int | None = None,
    timeout: int = 600,
    on_progress: Progress | None = None,
) -> list[Outcome]:
    """Run all notebooks for every client and publish the reports.

    Args:
        files: Client files.
        reports: Folder of all reports.
        jobs: Clients at once; None takes the cores, at most the clients.
        timeout: Seconds that one cell may take.
        on_progress: Called with the client and what it is doing now.

    Returns:
        One outcome for each client, in the order of the files.
    """
    workers = max(1, min(jobs or os.cpu_count() or 1, len(files)))
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        news = manager.Queue()
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            waiting = {
                pool.submit(run_client, file, reports=reports, timeout=timeout, news=news): file
                for file in files
            }
            outcomes = _collect_outcomes(waiting, news, on_progress)
    return [outcomes[file] for file in files]


def _collect_outcomes(
    waiting: dict[Any, Path],
    news: Any,
    on_progress: Progress | None,
) -> dict[Path, Outcome]:
    outcomes: dict[Path, Outcome] = {}
    open_jobs = set(waiting)
    while open_jobs:
        _pass_on(news, on_progress)
        for job in [job for job in open_jobs if job.done()]:
            open_jobs.remove(job)
            outcomes[waiting[job]] = _outcome_of(job, waiting[job])
    _pass_on(news, on_progress, wait=0)
    return outcomes


def _pass_on(news: Any, on_progress: Progress | None, *, wait: float = 0.2) -> None:
    try:
        while True:
            client, doing = news.get(timeout=wait) if wait else news.get_nowait()
            if on_progress is not None:
                on_progress(client, doing)
    except queue.Empty:
        return


def _outcome_of(job: Any, file: Path) -> Outcome:
    try:
        outcome: Outcome = job.result()
    except Exception as broken:  # a worker that died takes no other client with it
        text = f"its process died: {type(broken).__name__}. Most likely the memory ran out."
        return Outcome(file.stem, FAILED, 0.0, text)
    return outcome


def run_client(file: Path, *, reports: Path, timeout: int, news: Any = None) -> Outcome:
    """Run all notebooks for one client and publish its report; never raises for its mistakes.

    Args:
        file: The client file.
        reports: Folder of all reports.
        timeout: Seconds that one cell may take.
        news: Queue that is told what the client is doing, or None.
    """
    started = time.monotonic()
    client, params = file.stem, None
    try:
        from journeylib.params import read_params

        params = read_params(file)
        client = params.client
        report = _run_notebooks(file, reports, timeout, lambda doing: _tell(news, client, doing))
    except JourneyError as refused:
        if params is not None:
            from journeylib.report import publish_failure

            publish_failure(params, str(refused), reports=reports)
        seconds = time.monotonic() - started
        _tell(news, client, FAILED)
        return Outcome(client, FAILED, seconds, str(refused))
    _tell(news, client, FINISHED)
    return Outcome(client, FINISHED, time.monotonic() - started, "", str(report))


def _tell(news: Any, client: str, doing: str) -> None:
    if news is not None:
        news.put((client, doing))


def _run_notebooks(file: Path, reports: Path, timeout: int, tell: Callable[[str], None]) -> Path:
    from journeylib.kernels import execute_notebook
    from journeylib.params import read_params
    from journeylib.report import publish_report
    from journeylib.workspace import Workspace, notebook_folder, work_folder

    params = read_params(file)
    work = Workspace(params, work_folder(params))
    failed = work.folder / "failed"
    failed.mkdir(parents=True, exist_ok=True)
    executed, seconds = {}, {}
    for name in NOTEBOOKS:
        tell(name)
        kept = failed / f"{name}.ipynb"
        source = notebook_folder(params) / f"{name}.ipynb"
        done = execute_notebook(source, client=str(file), save_to=kept, timeout=timeout)
        executed[name], seconds[name] = done.notebook, done.seconds
        kept.unlink()
    tell("report")
    folder = publish_report(work, executed, reports=reports, seconds=seconds)
    return folder / f"{params.client}.html"
