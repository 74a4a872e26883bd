"""A real PostgreSQL server of its own for the tests, on loopback only, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "analyst", "s3cret/p@ss:word"
_SECONDS = 60


class Server:
    """A cluster in a folder, and the process that serves it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, **changes: object) -> str:
        from sqlalchemy import URL

        keys = {
            "username": USER, "password": PASSWORD, "host": "127.0.0.1", "port": self.port,
            "database": "postgres",
        }  # fmt: skip
        made = URL.create("postgresql+psycopg", **{**keys, **changes})
        return made.render_as_string(hide_password=False)

    def make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        (self.folder / "cluster").mkdir()
        if os.geteuid() == 0:
            for path in (self.folder, secret, self.folder / "cluster"):
                shutil.chown(path, *_unprivileged())
        self._run("initdb", "-D", "cluster", "-U", USER, "--pwfile=password", "-E", "UTF8",
                  "--auth=scram-sha-256", "--no-sync", "--locale=C")  # fmt: skip

    def start(self) -> None:
        options = [
            "-D", "cluster", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
            "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB",
        ]  # fmt: skip
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", *options], cwd=self.folder, stdout=log, stderr=log,
                **_as_unprivileged(),
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # does not wait for clients, as SIGTERM would
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
            self.process = None

    def _wait(self) -> None:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            if self.process is None or self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    if self._answers():
                        return
            except OSError:
                pass
            time.sleep(0.1)
        said = (self.folder / "log").read_text(errors="replace")[-2000:]
        pytest.fail(f"the PostgreSQL server did not start:\n{said}")

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url().replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *options: str) -> None:
        command = [self.programs / program, *options]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=_SECONDS,
            check=False, **_as_unprivileged(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def find_programs() -> Path | None:
    """Find the folder of `initdb` and `postgres`: on the path, else where Debian puts it."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(installed, key=lambda path: _number(path.parent.name), reverse=True)
    for folder in [*newest, *folders]:
        if all((folder / name).is_file() for name in ("initdb", "postgres")):
            return folder
    return None


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Serve a new cluster; skips where PostgreSQL or its driver is not installed."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL (initdb and postgres) is not installed on this machine")
    if os.geteuid() == 0 and _unprivileged() is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other user here")
    server = Server(folder, programs)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()


def _unprivileged() -> tuple[int, int] | None:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    return None


def _as_unprivileged() -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    found = _unprivileged()
    return {"user": found[0], "group": found[1], "extra_groups": []} if found else {}


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
