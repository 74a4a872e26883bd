"""Runs many clients, each apart from the others; one client's failure never touches another's.

What is unchanged is not run. Where clients are run (processes here, or a cluster) is an argument.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import time
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from journeylib import preflight
from journeylib.clientrun import (
    FAILED_STATUS,
    GOOD,
    INTERRUPTED,
    UNCHANGED,
    WAITING,
    Job,
    Outcome,
    run_client,
    warnings_of,
)
from journeylib.errors import JourneyError, RunError
from journeylib.executors import LOCAL, all_memory, count_jobs, make_executor
from journeylib.failures import explain, make_reserve, record_failure
from journeylib.fingerprints import LIBRARY, print_tools
from journeylib.kernels import warm_kernels
from journeylib.locks import hold_lock
from journeylib.progress import News, read_news
from journeylib.runplan import Plan, find_client_files, read_number
from journeylib.standing import FRESH, UNUSABLE, Standing, look_at
from journeylib.swaps import mend_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from journeylib.params import Params

    Progress = Callable[[News], object]

__all__ = ["Outcome", "Plan", "exit_code", "find_client_files", "read_number", "run_clients"]

POLL_SECONDS = 0.2
PRIVATE = ".journey"


def run_clients(
    files: Sequence[Path],
    *,
    reports: Path,
    jobs: int | None = None,
    plan: Plan | None = None,
    on_progress: Progress | None = None,
) -> list[Outcome]:
    """Run what has to be run for every client and publish the reports.

    Args:
        files: Client files.
        reports: Folder of all reports.
        jobs: Clients at once; None decides by cores and free memory.
        plan: How they are run; None takes the defaults.
        on_progress: Called with what each client is doing now.

    Returns:
        One outcome for each client, in the order of the files. After an interruption those that
        had not finished are ``interrupted`` or ``not started``.

    Raises:
        JourneyError: Nothing could be started: a folder cannot be written, two files name one
            client, the cluster cannot be reached.
        LockedError: Another run writes into the same folder.
    """
    return _Batch(list(files), reports.absolute(), plan or Plan(), on_progress).run(jobs or 0)


@dataclass(slots=True)
class _Batch:
    """One run over many clients."""

    files: list[Path]
    reports: Path
    plan: Plan
    on_progress: Progress | None
    outcomes: dict[Path, Outcome] = field(default_factory=dict)
    slugs: dict[Path, str] = field(default_factory=dict)
    _usable: frozenset[str] = frozenset()

    def run(self, jobs: int) -> list[Outcome]:
        self.plan.check()
        preflight.check_folders(self.reports, [])
        held = hold_lock(self.reports / PRIVATE / "lock", f"The folder {self.reports.name}")
        with _terminated_as_interrupted(), held:
            make_reserve(self.reports / PRIVATE)
            waiting = self._plan()
            if waiting:
                self._start(waiting, count_jobs(len(waiting), jobs))
        return [self.outcomes[file] for file in self.files]

    def _plan(self) -> list[Path]:
        """Settle every client that need not or cannot be run; gives the others."""
        standings = [look_at(file, self.reports) for file in self.files]
        self.slugs = {standing.file: standing.client for standing in standings}
        usable = {one.file: one.client for one in standings if one.state != UNUSABLE}
        preflight.check_names(usable)
        self._usable = frozenset(usable.values())
        waiting = []
        for standing in standings:
            if standing.state == UNUSABLE:
                self._refuse(standing)
            elif standing.state == FRESH and not self.plan.again:
                mend_folder(self.reports / standing.client)  # killed before it had tidied up
                said = warnings_of(self.reports / standing.client / f"{standing.client}.html")
                outcome = Outcome(
                    standing.client, UNCHANGED, 0.0, "", standing.report, warnings=said
                )
                self._settle(standing.file, outcome)
            else:
                waiting.append(standing.file)
        return waiting

    def _refuse(self, standing: Standing) -> None:
        """Fail a client that cannot be run: its file, or a data file that is not there."""
        from journeylib.params import read_params

        error = "\n".join(standing.reasons)
        params = None
        with suppress(JourneyError):
            params = read_params(standing.file)
            error = _with_places(error, params)
        lines = error.splitlines()
        told = RunError(lines[0], [line.strip().removeprefix("- ") for line in lines[1:]])
        job = Job(standing.file, self.reports)
        record_failure(job, params, told, "", others=self._usable)
        client = params.client if params is not None else standing.client
        self._settle(standing.file, Outcome(client, FAILED_STATUS, 0.0, error))

    def _settle(self, file: Path, outcome: Outcome) -> None:
        self.outcomes[file] = outcome
        if self.on_progress is not None:
            self.on_progress(News(outcome.client, outcome.status, seconds=outcome.seconds))

    # ------------------------------------------------------------ running

    def _start(self, waiting: list[Path], jobs: int) -> None:
        from journeylib.params import read_params
        from journeylib.workspace import work_folder

        preflight.check_kernel()
        preflight.check_executor_files(jobs)
        preflight.check_folders(self.reports, [work_folder(read_params(file)) for file in waiting])
        private = self.reports / PRIVATE / f"run-{secrets.token_hex(6)}"
        for left in (self.reports / PRIVATE).glob("run-*"):
            shutil.rmtree(left, ignore_errors=True)
        private.mkdir(parents=True)
        executor: Any = self.plan.executor
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, private, ignore_errors=True)
            if isinstance(executor, str):
                if executor == LOCAL:
                    stack.enter_context(warm_kernels())
                executor = make_executor(executor, jobs)
                stack.callback(executor.shutdown)
            self._follow(executor, waiting, private)

    def _jobs(self, waiting: Sequence[Path], private: Path) -> dict[Path, Job]:
        plan = self.plan
        memory = plan.memory or all_memory() * 9 // 10
        library = print_tools()[LIBRARY]
        return {
            file: Job(
                file, self.reports, private / f"{number:05d}.json", private / "stop",
                plan.timeout, plan.limit, memory, plan.again, plan.only, library,
            )
            for number, file in enumerate(waiting)
        }  # fmt: skip

    def _follow(self, executor: Any, waiting: list[Path], private: Path) -> None:
        """Hand out the clients and hear of them until all are settled, or somebody interrupts."""
        jobs = self._jobs(waiting, private)
        running: dict[Future[Outcome], Path] = {}
        started: dict[Path, float] = {}
        try:
            for file in waiting:
                running[executor.submit(run_client, jobs[file])] = file
            while running:
                done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                self._pass_on(private, started, jobs)
                for future in done:
                    file = running.pop(future)
                    self._settle(file, self._outcome_of(future, jobs[file], started))
        except KeyboardInterrupt:
            self._interrupt(executor, waiting, private, started)

    def _pass_on(self, private: Path, started: dict[Path, float], jobs: dict[Path, Job]) -> None:
        files = {job.news: file for file, job in jobs.items()}
        for path in private.glob("*.json"):
            news, file = read_news(path), files.get(path)
            if news is None or file is None or file in self.outcomes:
                continue
            started.setdefault(file, time.monotonic() - news.seconds)
            if self.on_progress is not None:
                self.on_progress(news)

    def _outcome_of(self, future: Future[Outcome], job: Job, started: dict[Path, float]) -> Outcome:
        try:
            return future.result()
        except Exception as broken:  # a worker that died takes no other with it
            from journeylib.params import read_params

            error = _tell_broken(broken, self.reports)
            news = read_news(job.news) if job.news is not None else None
            with suppress(JourneyError):
                params = read_params(job.file)
                record_failure(job, params, error, news.doing if news else "")
            seconds = time.monotonic() - started.get(job.file, time.monotonic())
            return Outcome(self.slugs[job.file], FAILED_STATUS, seconds, str(error))

    def _interrupt(
        self, executor: Any, waiting: list[Path], private: Path, started: dict[Path, float]
    ) -> None:
        """Stop at once what runs and start nothing more; a second Ctrl-C does not wait for that."""
        with suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with suppress(OSError):
            (private / "stop").touch()
        stop = getattr(executor, "stop", None) or partial(
            executor.shutdown, wait=True, cancel_futures=True
        )
        stop()
        for file in waiting:
            if file not in self.outcomes:
                status = INTERRUPTED if file in started else WAITING
                seconds = time.monotonic() - started.get(file, time.monotonic())
                self._settle(file, Outcome(self.slugs[file], status, seconds, _INTERRUPTED))


_INTERRUPTED = "The run was interrupted. Run it again: it goes on where it was."


def _with_places(error: str, params: Params) -> str:
    """Add to what is wrong with a data file where the client file names it."""
    named = [source.path for source in params.sources if source.path and source.path in error]
    places = [preflight.find_place(params.path, path) for path in dict.fromkeys(named)]
    return "\n".join([error, *(f"  - {place}" for place in places if place)])


def _tell_broken(broken: Exception, reports: Path) -> JourneyError:
    """Tell why no answer came: `run_client` raises nothing itself, so its process is the matter."""
    if isinstance(broken, JourneyError | OSError | ImportError | MemoryError):
        return explain(broken, reports)
    fix = "most likely the memory ran out: run fewer clients at once (--jobs)"
    return RunError(f"Its process died: {type(broken).__name__}.", [fix])


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let a polite end (SIGTERM) be as orderly as Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def was_interrupted(outcomes: Sequence[Outcome]) -> bool:
    """Say whether a run ended before all clients were settled.

    Args:
        outcomes: From `run_clients`.
    """
    return any(outcome.status in {INTERRUPTED, WAITING} for outcome in outcomes)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Give the exit code of a run.

    Args:
        outcomes: From `run_clients`.

    Returns:
        130 if it was interrupted, 0 if all is good, 2 if no client could even be started, else 1.
    """
    if was_interrupted(outcomes):
        return 130
    if all(outcome.status in GOOD for outcome in outcomes):
        return 0
    started = any(outcome.ok or outcome.seconds > 0 for outcome in outcomes)
    return 1 if started else 2
