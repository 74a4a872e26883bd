"""The fork server as seen by who wants kernels: starts it, asks for kernels, holds them.

A server serves its owner and every process below it, which find it by the environment. Where there
can be none, `find_server` says so with None and ordinary kernels do the work.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib.forkserver import HEADER, HERE, code_stamp
from journeylib.warmkernel import QUIET_DEBUGGER, STEADY

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDRESS = "JOURNEY_FORKSERVER"
KERNELS = "JOURNEY_KERNELS"
START_SECONDS = 60.0
LONGEST_ADDRESS = 90
MOST_FAILURES = 3
FAREWELL_SECONDS = 1.0
_QUIET = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # no thread may run when we fork
    "MPLBACKEND": "agg",
    QUIET_DEBUGGER: "1",
}
_START = (
    "import sys; sys.path.append(sys.argv[1]) if sys.argv[1] not in sys.path else None; "
    "from journeylib.forkserver import main; main()"
)


class ForkError(Exception):
    """No kernel could be forked; an ordinary one does."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a kernel ended.

    Attributes:
        code: Exit code; minus the signal that ended it.
        peak: Largest resident memory, bytes; 0 where it is not known.
        cpu: Processor seconds.
    """

    code: int
    peak: int = 0
    cpu: float = 0.0


class ForkedKernel:
    """A forked process, with the methods of ``subprocess.Popen`` that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.connection = connection
        self.pid = pid
        self.exit: Exit | None = None

    def poll(self) -> int | None:
        """Give the exit code, or None while the kernel lives."""
        if self.exit is None and select.select([self.connection], [], [], 0)[0]:
            told: dict[str, Any] = {}
            with suppress(OSError):  # a server that was killed says nothing
                told = _read_line(self.connection)
            self.exit = (
                Exit(told["exit"], told["peak"], told["cpu"]) if "exit" in told else Exit(-9)
            )
            self.connection.close()
        return None if self.exit is None else self.exit.code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            subprocess.TimeoutExpired: It has not ended by then.
        """
        if self.exit is None:
            select.select([self.connection], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and all that it started; one that ended gets none."""
        if self.poll() is None:
            with suppress(OSError):
                self.connection.sendall(bytes([number]))

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(15)

    def kill(self) -> None:
        """End it."""
        self.send_signal(9)


class ForkServer:
    """A running fork server, of this process or of one above it.

    Args:
        address: Path of its socket.
        process: The server, where this process owns it.
    """

    def __init__(self, address: str, process: subprocess.Popen[bytes] | None = None) -> None:
        self.address = address
        self.process = process
        self.owner = os.getpid()

    def fork(
        self, argv: Sequence[str], *, env: dict[str, str], cwd: str | None, streams: Sequence[int]
    ) -> ForkedKernel:
        """Have a kernel forked.

        Args:
            argv: Arguments of the kernel.
            env: Its whole environment.
            cwd: Its working folder, or None.
            streams: Descriptors of its standard output and error.

        Returns:
            The kernel's process, alive.

        Raises:
            ForkError: The server is gone, holds old code, or cannot fork.
        """
        shared = os.environ.get(ADDRESS) == self.address  # a batch keeps to one code
        stamp = "" if shared else code_stamp()
        said = {"argv": list(argv), "env": env, "cwd": cwd, "stamp": stamp}
        body = json.dumps(said).encode()
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(START_SECONDS)
            connection.connect(self.address)
            socket.send_fds(connection, [HEADER.pack(len(body))], list(streams))
            connection.sendall(body)
            told = _read_line(connection)
        except OSError as failed:
            connection.close()
            raise ForkError(str(failed)) from None
        if "pid" not in told:
            connection.close()
            raise ForkError(str(told.get("error", "the fork server ended")))
        return ForkedKernel(connection, int(told["pid"]))

    def stop(self) -> None:
        """End the server and every kernel of it; only its owner can."""
        if self.process is None or self.owner != os.getpid():
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        # It hears of the closed input at once, unless it is still importing.
        for farewell in (self.process.poll, self.process.terminate, self.process.kill):
            farewell()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(FAREWELL_SECONDS)
                break
        shutil.rmtree(Path(self.address).parent, ignore_errors=True)


def _read_line(connection: socket.socket) -> dict[str, Any]:
    """Read one answer; nothing where the connection ended."""
    connection.settimeout(START_SECONDS)
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(1)
        if not part:
            return {}
        line += part
    found: dict[str, Any] = json.loads(line)
    return found


def can_fork() -> bool:
    """Say whether kernels may be forked here: on Linux, unless ordinary ones are asked for."""
    asked = os.environ.get(KERNELS, "warm")
    return sys.platform == "linux" and hasattr(os, "fork") and asked != "ordinary"


def start_server() -> ForkServer:
    """Start a fork server that ends with this process; it imports while we go on.

    Raises:
        ForkError: It cannot be started.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="journey-"))
        if len(str(folder)) > LONGEST_ADDRESS:  # a Unix socket's name is short
            folder.rmdir()
            folder = Path(tempfile.mkdtemp(prefix="journey-", dir="/tmp"))
        address = str(folder / "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(64)
            process = subprocess.Popen(  # noqa: S603  # our own module, no shell
                [sys.executable, "-P", "-c", _START, str(HERE.parent), str(listener.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=[listener.fileno()],
                env=_server_env(), start_new_session=True,
            )  # fmt: skip
    except OSError as failed:
        raise ForkError(str(failed)) from None
    return ForkServer(address, process)


def _server_env() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
    return {**STEADY, **kept, **_QUIET}


_OWN: list[ForkServer] = []
_FAILED: set[str] = set()
_LOCK = threading.Lock()


def find_server(*, failed: ForkServer | None = None) -> ForkServer | None:
    """Give the fork server of this process or of one above it; start one where there is none.

    Args:
        failed: One that could not fork, and is not to be asked again.

    Returns:
        The server, or None where ordinary kernels have to do.
    """
    if not can_fork():
        return None
    with _LOCK:
        if failed is not None:
            _drop(failed)
        live = [server for server in _OWN if server.owner == os.getpid()]
        address = os.environ.get(ADDRESS, "")
        if address and address not in _FAILED | {server.address for server in live}:
            return ForkServer(address)
        if not live and len(_FAILED) < MOST_FAILURES:
            with suppress(ForkError):
                live = [start_server()]
        _OWN[:] = live
        return live[-1] if live else None


def _drop(failed: ForkServer) -> None:
    _FAILED.add(failed.address)
    for server in [server for server in _OWN if server.address == failed.address]:
        server.stop()
        _OWN.remove(server)


def stop_servers() -> None:
    """End the fork servers that this process started."""
    with _LOCK:
        for server in _OWN:
            server.stop()
        _OWN.clear()


atexit.register(stop_servers)
