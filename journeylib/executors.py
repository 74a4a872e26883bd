"""Where clients are run: processes of this machine, or a Dask cluster.

Both have the shape of ``concurrent.futures``; what is run does not know which it is.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import queue
import signal
import threading
from concurrent.futures import Executor, Future
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from journeylib.errors import ParamsError, Problem, RunError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

MEMORY_PER_JOB = 1_500_000_000
TASKS_PER_WORKER = 25
LOCAL = "local"
INTERRUPTED = 130
FORWARDED = ("JOURNEY_WORK",)  # never the secret, which a cluster would send in the open


def count_jobs(clients: int, asked: int = 0) -> int:
    """Say how many clients are run at once.

    Args:
        clients: How many there are.
        asked: How many are asked for; 0 takes the cores that this process may use, but no more
            than the free memory carries at 1.5 GB each.

    Returns:
        At least one, at most the clients.
    """
    if not asked:
        asked = min(_cores(), max(1, free_memory() // MEMORY_PER_JOB))
    return max(1, min(asked, clients))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def free_memory() -> int:
    """Give the bytes that can still be taken without swapping, a container's limit counted."""
    import psutil

    return min(int(psutil.virtual_memory().available), _container_limit())


def all_memory() -> int:
    """Give the bytes of memory of this machine, or of the container it is."""
    import psutil

    return min(int(psutil.virtual_memory().total), _container_limit())


def _container_limit() -> int:
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError), open(name, encoding="ascii") as file:  # noqa: PTH123
            return int(file.read())
    return 1 << 62


def make_executor(where: str, jobs: int) -> Executor:
    """Make the executor that a person asked for.

    Args:
        where: ``"local"``, or ``dask=`` and the address of a scheduler.
        jobs: Clients at once, on this machine; a cluster knows by itself.

    Returns:
        An executor with ``stop``, which ends at once what still runs.

    Raises:
        ParamsError: There is no such executor.
        RunError: The cluster cannot be reached.
    """
    check_executor(where)
    return ProcessExecutor(jobs) if where == LOCAL else DaskExecutor(where.partition("=")[2])


def check_executor(where: str) -> None:
    """Make sure that there is such an executor, without reaching for it.

    Args:
        where: As for `make_executor`.

    Raises:
        ParamsError: There is none.
    """
    kind, _, address = where.partition("=")
    if where == LOCAL or (kind == "dask" and address):
        return
    message = f'"{where}" is no executor.'
    fix = "Write local, or dask= and the scheduler's address: dask=tcp://host:8786."
    raise ParamsError(
        "Nothing was run.", [Problem("E-EXECUTOR", message, column="--executor", fix=fix)]
    )


# ---------------------------------------------------------------- this machine


class WorkerDiedError(RunError):
    """A process ended without an answer."""


class ProcessExecutor(Executor):
    """A pool of processes in which the death of one fails no call but its own.

    Args:
        workers: How many processes.
    """

    def __init__(self, workers: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Any] | None] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called in one of the processes, as ``concurrent.futures`` does."""
        future: Future[Any] = Future()
        self._calls.put((future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # as declared by Executor
        """Take no more calls; wait until those taken are answered."""
        if cancel_futures:
            self._cancel_waiting()
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def stop(self) -> None:
        """End every process and what it started, at once; calls not yet answered fail."""
        self._stopped.set()
        self._cancel_waiting()
        for worker in list(self._workers):
            end_tree(worker.process.pid)
        self.shutdown(wait=True)

    def _cancel_waiting(self) -> None:
        with suppress(queue.Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call[0].cancel()
                    call[0].set_running_or_notify_cancel()

    def _serve(self) -> None:
        """Hand calls to one process after the other, a new one where the last one ended."""
        worker: _Worker | None = None
        while (taken := self._calls.get()) is not None:
            future, call = taken
            if self._stopped.is_set() or not future.set_running_or_notify_cancel():
                future.cancel()
                continue
            try:
                if worker is None or worker.served >= TASKS_PER_WORKER:
                    self._drop(worker)
                    worker = None
                    worker = _Worker()
                    self._workers.add(worker)
                if self._stopped.is_set():  # it began while the others were being ended
                    end_tree(worker.process.pid)
                answered, value = worker.call(call)
            except Exception as broken:  # the caller has to hear of it, whatever it is
                self._drop(worker)
                worker, answered, value = None, False, broken
            if answered:
                future.set_result(value)
            else:
                future.set_exception(value)
        self._drop(worker)

    def _drop(self, worker: _Worker | None) -> None:
        if worker is not None:
            self._workers.discard(worker)
            worker.close()


class _Worker:
    """One process that answers calls."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_answer_calls, args=(theirs,))
        self.process.start()
        theirs.close()
        self.served = 0

    def call(self, call: Any) -> tuple[bool, Any]:
        """Give whether a call returned, and what it returned or raised."""
        self.served += 1
        self.pipe.send(call)
        wait([self.pipe, self.process.sentinel])
        try:
            answer: tuple[bool, Any] = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise WorkerDiedError(*_told_death(self.process.exitcode)) from None
        return answer

    def close(self) -> None:
        """Let the process end; make it, where it does not."""
        self.pipe.close()
        self.process.join(10)
        if self.process.is_alive():
            end_tree(self.process.pid)
        self.process.join()


def _told_death(code: int | None) -> tuple[str, list[str]]:
    ended = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
    fix = "most likely the memory ran out: run fewer clients at once (--jobs)"
    return f"The process that ran this client ended {ended}.", [fix]


def _answer_calls(pipe: Connection) -> None:
    """Be a worker: answer calls until there are no more, or nobody is left to answer to."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        end_with(parent.sentinel)
    signal.signal(signal.SIGINT, _leave_to_runner)
    signal.signal(signal.SIGTERM, lambda *_: end_self())
    with suppress(EOFError, OSError):
        while True:
            function, args, kwargs = pipe.recv()
            try:
                answer = (True, function(*args, **kwargs))
            except Exception as failed:  # told to the caller
                answer = (False, failed)
            pipe.send(answer)


def _leave_to_runner(*_: object) -> None:
    """A terminal sends Ctrl-C to all; the runner alone decides what to do about it."""


def end_with(handle: int) -> None:
    """Have this process and all it started end as soon as another one does.

    Args:
        handle: What becomes readable when the other one ends.
    """

    def watch() -> None:
        wait([handle])
        end_self()

    threading.Thread(target=watch, daemon=True).start()


def end_self() -> None:
    """End this process and all it started, at once."""
    end_tree(os.getpid(), itself=False)
    os._exit(INTERRUPTED)


def end_tree(pid: int | None, *, itself: bool = True) -> None:
    """Kill a process and everything below it.

    Args:
        pid: The process.
        itself: Whether it is killed too, or only what is below it.
    """
    import psutil

    with suppress(psutil.Error):
        top = psutil.Process(pid)
        below = top.children(recursive=True)
        for process in [top, *below] if itself else below:
            with suppress(psutil.Error):
                process.kill()


# ---------------------------------------------------------------- a cluster


class DaskExecutor(Executor):
    """The workers of a Dask cluster; each call runs in a process of its own beside the worker.

    Args:
        address: The scheduler, such as ``tcp://host:8786``. Its workers have the kit installed and
            see the client files and folders under the same paths.
    """

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            fix = "install the extra: pip install journey-kit[dask]"
            raise RunError("Dask is not installed.", [fix]) from None
        try:
            self._client = distributed.Client(address, timeout=10)
        except (OSError, ValueError) as refused:
            fix = "start the scheduler, or correct the address: dask=tcp://host:8786"
            raise RunError(
                f"There is no Dask scheduler at {address}.", [fix, str(refused)[:200]]
            ) from None
        if not self._client.scheduler_info()["workers"]:
            self._client.close()
            raise RunError(
                f"The Dask cluster at {address} has no workers.", ["start workers for it"]
            )
        self._pool = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called by one of the workers."""
        place = {name: os.environ[name] for name in FORWARDED if name in os.environ}
        future: Future[Any] = self._pool.submit(call_apart, call_with, place, fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # as declared by Executor
        """Let go of the cluster, which goes on without us."""
        with suppress(Exception):  # a cluster that is gone needs no goodbye
            self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)
        self._client.close()

    def stop(self) -> None:
        """Take back what waits; what runs is told by the file that the runner leaves for it."""
        self.shutdown(wait=False, cancel_futures=True)


def call_with(env: dict[str, str], fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function with parts of the runner's environment.

    Args:
        env: Environment variables.
        fn: A function of a module.
        args: Its arguments.
        kwargs: Its named arguments.

    Returns:
        What it returns.
    """
    os.environ.update(env)
    return fn(*args, **kwargs)


def call_apart(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function in a process of its own, whatever kind of process this is.

    Args:
        fn: A function of a module.
        args: Its arguments.
        kwargs: Its named arguments.

    Returns:
        What it returns.

    Raises:
        RunError: The process ended without an answer.
    """
    own: Any = multiprocessing.current_process()
    kept = own._config.get("daemon")
    own._config["daemon"] = False  # a cluster's workers are not allowed processes of their own
    try:
        worker = _Worker()
    finally:
        own._config["daemon"] = kept
    try:
        answered, value = worker.call((fn, args, kwargs))
    finally:
        worker.close()
    if not answered:
        raise value
    return value
