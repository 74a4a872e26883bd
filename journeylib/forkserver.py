"""The fork server: a process that has imported the heavy libraries and forks kernels from there.

It starts no thread before it forks, reaps what it forked, and ends with its owner. One connection
is one kernel: who asked for it holds the connection, sends signals over it, is told of the
kernel's end by it, and a connection that breaks ends the kernel.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PRELOAD = (
    "pandas", "numpy", "scipy.stats", "scipy.optimize", "statsmodels.api", "seaborn", "duckdb",
    "matplotlib.pyplot", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg",
    "sklearn.cluster", "sklearn.mixture", "sklearn.decomposition", "sklearn.linear_model",
    "pyarrow.parquet", "pandera.pandas", "pandera.backends.pandas.register",
    "pandera.strategies.pandas_strategies", "phonenumbers", "openpyxl", "sqlalchemy", "pydantic",
    "ipykernel.kernelapp", "ipykernel.ipkernel", "IPython.core.interactiveshell",
    "debugpy.server.api", "comm", "nbformat",
)  # fmt: skip
NOT_KERNEL = frozenset({"cli", "forkserver", "batch", "portfolio", "progress", "doctor"})
HEADER = struct.Struct("!I")
LONGEST_WAIT = 10.0
TICK = 1.0
STALE, THREADS = "stale", "threads"


@dataclass(slots=True)
class Request:
    """What a kernel is to be started with.

    Attributes:
        argv: Arguments of the kernel.
        env: Its whole environment.
        cwd: Its working folder, or None.
        streams: Descriptors of its standard output and error.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: str | None
    streams: list[int] = field(default_factory=list)


def code_stamp() -> str:
    """Name the library's code as it stands on disk, so that old code is not taken for new."""
    stamps = [entry.stat() for entry in os.scandir(HERE) if entry.name.endswith(".py")]
    return f"{len(stamps)}-{max(one.st_mtime_ns for one in stamps)}"


def preload() -> None:
    """Import what notebooks need; what is not installed is left to those that ask for it."""
    from journeylib import _faststart  # noqa: F401  # before nbformat, see there

    own = [f"journeylib.{path.stem}" for path in sorted(HERE.glob("*.py"))]
    skipped = {f"journeylib.{name}" for name in NOT_KERNEL} | {"journeylib.__init__"}
    for name in (*PRELOAD, *(name for name in own if name not in skipped)):
        with suppress(ImportError):
            importlib.import_module(name)


def count_threads() -> int:
    """Count the threads of this process, those of C libraries included where Linux tells."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return threading.active_count()


class Server:
    """Forks a kernel for each connection until its owner is gone.

    Args:
        listener: A listening Unix socket.
        stamp: The code's stamp when the libraries were imported.
    """

    def __init__(self, listener: socket.socket, stamp: str) -> None:
        self.listener = listener
        self.stamp = stamp
        self.owner = os.getppid()
        self.kernels: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.bell, ring = socket.socketpair()
        self.bell.settimeout(0)
        ring.settimeout(0)
        self.ring = ring
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        for watched in (listener, self.bell, sys.stdin.buffer):
            self.selector.register(watched, selectors.EVENT_READ)

    def serve(self) -> Request | None:
        """Answer until the owner is gone.

        Returns:
            None in the server, at its end; the request in each kernel that was forked.
        """
        while os.getppid() == self.owner:
            for key, _ in self.selector.select(TICK):
                if key.fileobj is self.listener:
                    request = self._accept()
                    if request is not None:
                        return request
                elif key.fileobj is self.bell:
                    self.bell.recv(4096)
                elif key.data is not None:
                    self._obey(key.data)
                else:  # the owner's end of our standard input is closed: it is gone
                    self.owner = 0
            self._reap()
        self._end()
        return None

    def _accept(self) -> Request | None:
        """Fork for one connection; only the child returns a request."""
        connection, _ = self.listener.accept()
        connection.settimeout(LONGEST_WAIT)
        try:
            request, stamp = read_request(connection)
            refusal = self._refusal(stamp)
            pid = 0 if refusal else os.fork()
        except OSError as failed:
            refusal, pid, request = str(failed), 0, None
        if refusal or request is None:
            self._answer(connection, {"error": refusal})
            connection.close()
        elif pid == 0:
            connection.close()
            self._leave_to_parent()
            return request
        else:
            with suppress(OSError):  # both do it, so that no signal comes too early
                os.setpgid(pid, pid)
            self.kernels[pid] = connection
            self.selector.register(connection, selectors.EVENT_READ, pid)
            self._answer(connection, {"pid": pid})
        for stream in request.streams if request else []:
            os.close(stream)
        return None

    def _refusal(self, stamp: str) -> str:
        if stamp and stamp != self.stamp:
            return STALE
        return THREADS if count_threads() > 1 else ""

    def _answer(self, connection: socket.socket, told: dict[str, Any]) -> None:
        with suppress(OSError):
            connection.sendall(json.dumps(told).encode() + b"\n")

    def _leave_to_parent(self) -> None:
        """Let go, in the child, of everything that is the server's."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for held in (self.listener, self.bell, self.ring, *self.kernels.values()):
            held.close()

    def _obey(self, pid: int) -> None:
        """Pass signals on; the end of a connection ends its kernel."""
        connection = self.kernels[pid]
        try:
            orders = connection.recv(64)
        except OSError:
            orders = b""
        for number in orders or [signal.SIGKILL]:
            _signal_group(pid, number)
        if not orders:
            self.selector.unregister(connection)
            connection.close()

    def _reap(self) -> None:
        """Collect kernels that ended and tell who asked for them."""
        for pid in list(self.kernels):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _signal_group(pid, signal.SIGKILL)  # what the kernel itself started and left behind
            _, status, usage = os.wait4(pid, 0)
            connection = self.kernels.pop(pid)
            told = {
                "exit": os.waitstatus_to_exitcode(status),
                "peak": usage.ru_maxrss * 1024,
                "cpu": usage.ru_utime + usage.ru_stime,
            }
            if connection.fileno() >= 0:
                self._answer(connection, told)
                self.selector.unregister(connection)
                connection.close()

    def _end(self) -> None:
        for pid in self.kernels:
            _signal_group(pid, signal.SIGKILL)
        for pid in self.kernels:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        with suppress(OSError):  # an owner that was killed cannot tidy up
            address = Path(self.listener.getsockname())
            address.unlink()
            address.parent.rmdir()


def read_request(connection: socket.socket) -> tuple[Request, str]:
    """Read what a kernel is to be started with, and the stamp of the code that asks.

    Raises:
        OSError: The connection broke before all was said.
    """
    head, streams, _, _ = socket.recv_fds(connection, HEADER.size, 2)
    wanted = HEADER.unpack(head)[0] if len(head) == HEADER.size else 0
    body = bytearray()
    while len(body) < wanted:
        part = connection.recv(wanted - len(body))
        if not part:
            break
        body += part
    if not body or len(body) < wanted:
        raise OSError("the request was cut short")
    said = json.loads(body)
    return Request(said["argv"], said["env"], said["cwd"], streams), said["stamp"]


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def become_kernel(request: Request, server: int) -> None:
    """Run, in a forked child, the kernel that was asked for; does not return."""
    from journeylib.warmkernel import freshen, leave, run_kernel

    code = 1
    try:
        os.setpgid(0, 0)
        _die_with_parent(server)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        for number, stream in enumerate(request.streams, start=1):
            os.dup2(stream, number)
            os.close(stream)
        freshen(env={**request.env, "JPY_PARENT_PID": str(server)}, cwd=request.cwd)
        run_kernel(request.argv)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Exception:  # the process ends here: whoever started it sees why
        traceback.print_exc()
    finally:
        leave(code)


def _die_with_parent(server: int) -> None:
    """Ask Linux to end this process when the server ends, however it ends."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)


def main() -> None:
    """Import, then serve on the socket whose descriptor the owner handed over."""
    listener = socket.socket(fileno=int(sys.argv[-1]))
    stamp = code_stamp()
    preload()
    gc.collect()
    gc.freeze()  # a later collection must not touch, and so copy, what all kernels share
    server = os.getpid()
    request = Server(listener, stamp).serve()
    if request is not None:
        become_kernel(request, server)
    os._exit(0)  # the libraries' own farewells are of no use here


if __name__ == "__main__":
    main()
