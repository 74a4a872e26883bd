"""Locks with an owner: two runs never write into one folder. Not for threads of one process.

The system drops a lock when its process ends, however it ends, so none is ever left behind.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from journeylib.errors import RunError
from journeylib.workspace import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_SECONDS = 0.1


class LockedError(RunError):
    """Somebody else works there."""


@contextmanager
def hold_lock(path: Path, what: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock while something is written.

    Args:
        path: The lock's file; it stays, and names the last owner.
        what: What is locked, for the message, such as ``"the reports folder reports"``.
        patience: Seconds to wait for another owner to finish.

    Yields:
        Nothing; the lock is held.

    Raises:
        LockedError: Another process holds it; says which and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + patience
        while not _take(handle):
            if time.monotonic() >= deadline:
                raise LockedError(*_told(what, read_owner(path)))
            time.sleep(WAIT_SECONDS)
        _sign(handle)
        yield
    finally:
        os.close(handle)


def read_owner(path: Path) -> dict[str, Any]:
    """Give who held a lock last: ``pid``, ``host``, ``since``; empty where nobody did.

    Args:
        path: The lock's file.
    """
    return read_json(path)


def is_held(path: Path) -> bool:
    """Say whether some other process, or another part of this one, holds a lock now.

    Args:
        path: The lock's file.
    """
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(handle)
    finally:
        os.close(handle)


def _told(what: str, owner: dict[str, Any]) -> tuple[str, list[str]]:
    who = f"process {owner.get('pid', '?')} on {owner.get('host', 'this machine')}"
    since = str(owner.get("since", "an unknown moment"))
    return f"{what} is being written by {who} since {since}.", [
        "wait for it to end, or write elsewhere by --reports and JOURNEY_WORK"
    ]


def _sign(handle: int) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(owner).encode())


def _take(handle: int) -> bool:
    """Take the lock of an open file at once, or not at all."""
    try:
        import fcntl
    except ImportError:
        return _take_on_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _take_on_windows(handle: int) -> bool:
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    os.lseek(handle, 1 << 20, os.SEEK_SET)  # far behind the owner's name, which others may read
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
