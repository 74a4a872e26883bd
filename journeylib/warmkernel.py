"""What one kernel process runs: fresh state, its limit of memory, then an ordinary ipykernel.

The same code serves a kernel that was forked from the fork server and one that was started from
scratch, so that both give the same results. It is no part of the analysis.
"""

from __future__ import annotations

import atexit
import os
import random
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEMORY_FLAG = "--memory="
STEADY = {
    "OPENBLAS_NUM_THREADS": "1",  # sums are the same on any number of cores, and no thread waits
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
QUIET_DEBUGGER = "PYDEVD_DISABLE_FILE_VALIDATION"
INLINE = "module://matplotlib_inline.backend_inline"
_SIGNALS = ("SIGTERM", "SIGCHLD", "SIGHUP")


def run_kernel(argv: Sequence[str]) -> None:
    """Be a kernel until it is told to stop.

    Args:
        argv: Arguments of ``ipykernel``, and ``--memory=BYTES`` for a limit of memory.
    """
    sys.argv = [__file__, *argv]
    rest = [word for word in argv if not word.startswith(MEMORY_FLAG)]
    limits = [int(word.removeprefix(MEMORY_FLAG)) for word in argv if word not in rest]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance(parent_handle=int(os.environ.get("JPY_PARENT_PID") or 0))
    app.initialize(rest)
    if limits:
        limit_memory(min(limits))
    app.start()
    atexit.unregister(app.close)  # it waits for a thread that may wait for it: seconds, for nothing


def limit_memory(limit: int) -> None:
    """Turn a shortage of memory into a ``MemoryError`` in this process, where the system can.

    The limit holds for what is written from now on: libraries and shared pages do not count.

    Args:
        limit: Bytes.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    kind = getattr(resource, "RLIMIT_DATA", resource.RLIMIT_AS)
    allowed = limit + _private_bytes()
    _, hard = resource.getrlimit(kind)
    if hard not in (resource.RLIM_INFINITY, -1):
        allowed = min(allowed, hard)
    resource.setrlimit(kind, (allowed, hard))


def _private_bytes() -> int:
    """Bytes that already count against the limit."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  # no path to build
            found = [line.split()[1] for line in status if line.startswith("VmData")]
    except OSError:
        return 0
    return int(found[0]) * 1024 if found else 0


def freshen(*, env: Mapping[str, str], cwd: str | None) -> None:
    """Give a forked process the state that a new one would have.

    Args:
        env: Its whole environment.
        cwd: Its working folder; None keeps the present one.
    """
    for name in _SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    added = _new_paths(env)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    if cwd:
        os.chdir(cwd)
    sys.path[:0] = added
    random.seed()
    _freshen_numpy()
    _freshen_matplotlib()


def _new_paths(env: Mapping[str, str]) -> list[str]:
    wanted = [part for part in env.get("PYTHONPATH", "").split(os.pathsep) if part]
    return [part for part in wanted if part not in sys.path]


def _freshen_numpy() -> None:
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _freshen_matplotlib() -> None:
    """Let figures find the kernel: the backend was settled before there was one."""
    if "matplotlib" not in sys.modules:
        return
    sys.modules.pop("matplotlib_inline.backend_inline", None)
    os.environ.setdefault("MPLBACKEND", INLINE)
    sys.modules["matplotlib"].rcParams["backend"] = os.environ["MPLBACKEND"]


def leave(code: int) -> None:
    """End this process after its own clean-up, without taking the interpreter apart."""
    with suppress(BaseException):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run a kernel that was started from scratch; the arguments are the command line's."""
    from journeylib import _faststart  # noqa: F401  # before nbformat, see there

    os.environ.setdefault(QUIET_DEBUGGER, "1")
    run_kernel(sys.argv[1:])
    leave(0)


if __name__ == "__main__":
    main()
