"""Runs one client: only the notebooks whose inputs changed, then the report. Never raises."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from journeylib.errors import JourneyError, RunError
from journeylib.fingerprints import (
    LIBRARY,
    STORE,
    Fingerprints,
    combine,
    has_unseen_sources,
    print_tools,
)
from journeylib.kept import FAILED, LOCK, Kept, Step, find_changes, state_after
from journeylib.locks import hold_lock
from journeylib.standing import base_parts, record_published
from journeylib.workspace import NOTEBOOKS, Workspace, notebook_folder, read_json, work_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from journeylib.params import Params

FINISHED, UNCHANGED, PARTIAL = "finished", "unchanged", "partial"
FAILED_STATUS, INTERRUPTED, WAITING = "failed", "interrupted", "not started"
GOOD = frozenset({FINISHED, UNCHANGED, PARTIAL})
PATIENCE = 10.0
TRIES = 2
SAID_SECONDS = 0.2


class StoppedError(RunError):
    """Somebody interrupted the run: no failure of the client's."""


@dataclass(frozen=True, slots=True)
class Job:
    """One client to run, and how.

    Attributes:
        file: The client file.
        reports: Folder of all reports.
        news: File that is told what the client is doing; None tells nobody.
        stop: File that ends the work as soon as it is there, or its folder is gone with the run;
            None for none.
        timeout: Seconds that one cell may take.
        limit: Seconds that the client may take.
        memory: Bytes that a kernel may take; None for no limit.
        again: Numbers of the notebooks that are run again though nothing changed.
        last: Number of the notebook after which to end without a report, or empty.
        library: Hash of the library as the run began; empty takes any.
    """

    file: Path
    reports: Path
    news: Path | None = None
    stop: Path | None = None
    timeout: int = 600
    limit: int = 7200
    memory: int | None = None
    again: frozenset[str] = frozenset()
    last: str = ""
    library: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one client.

    Attributes:
        client: Slug of the client, or the file's name where it could not be read.
        status: ``finished``, ``unchanged`` (nothing had to be done), ``partial`` (asked for one
            notebook only), ``failed``, ``interrupted`` or ``not started``.
        seconds: Wall time.
        error: What went wrong and what to do; empty when all is well.
        report: The report's file, or empty.
        ran: Notebooks that were run; the others were taken as they stood.
        warnings: How many warnings and logged errors the report's ``run.json`` tells of.
    """

    client: str
    status: str
    seconds: float
    error: str = ""
    report: str = ""
    ran: tuple[str, ...] = ()
    warnings: int = 0

    @property
    def ok(self) -> bool:
        """Whether what was asked for is there."""
        return self.status in GOOD


def run_client(job: Job) -> Outcome:
    """Run what has to be run for one client and publish its report; never raises for its mistakes.

    Args:
        job: The client and how to run it.
    """
    from journeylib.failures import explain, record_failure
    from journeylib.params import read_params

    started = time.monotonic()
    client, params, run = job.file.stem, None, None
    try:
        params = read_params(job.file)
        client = params.client
        _check_library(job)
        run = ClientRun(params, job)
        with hold_lock(work_folder(params) / LOCK, f"The workspace of {client}", patience=PATIENCE):
            status, report = run.publish()
    except Exception as failed:  # whatever it is, the other clients go on
        error = explain(failed, job.reports)
        record_failure(job, params, error, run.doing if run else "")
        ran = tuple(run.ran) if run else ()
        seconds = time.monotonic() - started
        return Outcome(client, FAILED_STATUS, seconds, str(error), "", ran)
    finally:
        with suppress(OSError):
            if job.news is not None:
                job.news.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    said = warnings_of(report) if report else 0
    return Outcome(client, status, seconds, "", str(report or ""), tuple(run.ran), said)


def _check_library(job: Job) -> None:
    """Refuse a kit other than the runner's: the warm kernels keep the code that they began with."""
    if job.library and print_tools()[LIBRARY] != job.library:
        fix = "run it again; the workers of a cluster need the same version of the kit"
        raise RunError("The kit's own code is not that with which the run began.", [fix])


def warnings_of(report: Path) -> int:
    """Count the warnings that stand beside a report.

    Args:
        report: The client's page.
    """
    from journeylib.outputs import count_warnings

    return count_warnings(read_json(report.with_name("run.json")))


class ClientRun:
    """One client being run.

    Args:
        params: The client file.
        job: How to run it.
    """

    def __init__(self, params: Params, job: Job) -> None:
        self.job, self.params = job, params
        self.work = Workspace(params, work_folder(params))
        self.prints = Fingerprints(self.work.folder / STORE)
        self.kept = Kept(self.work.folder, self.prints)
        self.ran: list[str] = []
        self.doing = ""
        self.started = time.monotonic()
        self._said = 0.0

    def publish(self) -> tuple[str, Path | None]:
        """Bring all notebooks up to date, and publish; once more if the inputs changed meanwhile.

        Returns:
            The status and the report's file.

        Raises:
            JourneyError: A notebook failed, or the inputs keep changing.
        """
        for _ in range(TRIES):
            parts = base_parts(self.params, self.prints)
            steps = self._bring_up(parts)
            if len(steps) < len(NOTEBOOKS):
                return PARTIAL, None
            if self._unchanged(parts):
                return FINISHED, self._write(parts, steps)
        raise RunError(
            f"The files of {self.params.client} changed while it was being run.",
            ["nothing was published; run it again when they are complete"],
        )

    def _unchanged(self, parts: dict[str, str]) -> bool:
        from journeylib.params import read_params

        fresh = read_params(self.job.file)
        same = base_parts(fresh, self.prints) == parts
        self.params = self.work.params = fresh
        return same

    def _write(self, parts: dict[str, str], steps: Sequence[Step]) -> Path:
        from journeylib.report import publish_report

        self._say("report", 0, 0)
        executed = {step.name: self.kept.read_notebook(step.name) for step in steps}
        seconds = {step.name: step.seconds for step in steps}
        self._check_stopped()
        folder = publish_report(
            self.work, executed, reports=self.job.reports, seconds=seconds, key=combine(parts)
        )
        record_published(self.work.folder, folder, parts, self.prints)
        self.prints.save()
        return folder / f"{self.params.client}.html"

    # ------------------------------------------------------------ notebooks

    def _bring_up(self, parts: dict[str, str]) -> list[Step]:
        """Run the notebooks whose inputs changed; the others are taken as they stand."""
        steps: list[Step] = []
        ready = False
        again = set(self.job.again)
        if has_unseen_sources(self.params):
            again = {name[:2] for name in NOTEBOOKS}
        first = self.kept.load(NOTEBOOKS[0])
        if first is None or not self.kept.holds_log([first]):
            again.add(NOTEBOOKS[0][:2])
        for name in NOTEBOOKS:
            key = self._key(name, parts, steps)
            step = None if name[:2] in again else self.kept.load(name)
            if step is None or step.key != key:
                if not ready:
                    self._make_ready(steps)
                    ready = True
                step = self._run(name, key, steps)
            elif ready:
                self.kept.restore([*steps, step])
            steps.append(step)
            if name[:2] == self.job.last:
                steps = self._take_fitting(parts, steps)
                break
        self.kept.restore(steps)
        self.work.mark_done(step.name[:2] for step in steps)
        return steps

    def _take_fitting(self, parts: dict[str, str], steps: list[Step]) -> list[Step]:
        """Add the later notebooks for as long as they still fit what stands before them."""
        for name in NOTEBOOKS[len(steps) :]:
            step = self.kept.load(name)
            if step is None or step.key != self._key(name, parts, steps):
                break
            steps = [*steps, step]
        return steps

    def _key(self, name: str, parts: dict[str, str], steps: Sequence[Step]) -> str:
        """Hash what a notebook hangs on: the inputs, its source, and what stands before it."""
        shared = {at: digest for at, digest in parts.items() if at not in NOTEBOOKS}
        return combine({**shared, **state_after(steps), "source": parts[name]})

    def _make_ready(self, steps: Sequence[Step]) -> None:
        """Make the workspace what the notebook to be run would find after those before it."""
        if steps:
            self.kept.restore(steps)
        self.work.folder.mkdir(parents=True, exist_ok=True)

    def _run(self, name: str, key: str, steps: Sequence[Step]) -> Step:
        import nbformat

        from journeylib.failures import keep_failed
        from journeylib.kernels import execute_notebook

        self._say(name, 0, 0)
        self._check_stopped()
        self.work.mark_done(step.name[:2] for step in steps)
        before = state_after(steps)
        failed = self.work.folder / FAILED / f"{name}.ipynb"
        failed.parent.mkdir(parents=True, exist_ok=True)
        try:
            done = execute_notebook(
                notebook_folder(self.params) / f"{name}.ipynb", client=str(self.job.file),
                save_to=failed, timeout=self._time_left(name), memory=self.job.memory,
                folder=self.work.folder,
                on_cell=lambda number, of: self._say(name, number, of),
            )  # fmt: skip
        except JourneyError as stopped:
            keep_failed(failed, str(stopped))
            raise
        keep_failed(failed, "")
        after = self.kept.look()
        text = nbformat.writes(done.notebook)
        outputs = find_changes({} if name == NOTEBOOKS[0] else before, after)
        gone = tuple(sorted(before.keys() - after.keys()))
        step = Step(name, key, hash_text(text), outputs, gone, done.seconds)
        self.kept.keep(step, text)
        self.ran.append(name)
        self.prints.save()
        return step

    def _time_left(self, name: str) -> int:
        left = self.job.limit - (time.monotonic() - self.started)
        if left < 1:
            fix = f"the client took more than {self.job.limit} s; set --limit, or look at its data"
            raise RunError(f"{name} was not started.", [fix])
        return max(1, min(self.job.timeout, int(left)))

    # ------------------------------------------------------------ news

    def _check_stopped(self) -> None:
        stop = self.job.stop
        if stop is not None and (stop.exists() or not stop.parent.is_dir()):
            fix = "run it again: it goes on where it was"
            raise StoppedError("The run was interrupted.", [fix])

    def _say(self, doing: str, cell: int, of: int) -> None:
        """Tell the runner what is going on, at most a few times a second."""
        now = time.monotonic()
        fresh = doing != self.doing
        self.doing = doing
        if self.job.news is None or (not fresh and now - self._said < SAID_SECONDS):
            return
        self._said = now
        said: dict[str, Any] = {
            "client": self.params.client, "doing": doing, "cell": cell, "of": of,
            "seconds": round(now - self.started, 1),
        }  # fmt: skip
        part = self.job.news.with_suffix(".part")
        with suppress(OSError):  # a full disk is told where it matters
            part.write_text(json.dumps(said), encoding="utf-8")
            part.replace(self.job.news)


def hash_text(text: str) -> str:
    """Give the SHA-256 of a text as it is written into a file.

    Args:
        text: The text.
    """
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
