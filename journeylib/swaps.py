"""Puts a finished folder in place of another in one move. Not for deciding what goes into it."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from pathlib import Path

PART, OLD = ".part", ".old"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def begin_folder(final: Path) -> Path:
    """Make an empty folder beside the one that it will replace.

    Args:
        final: The folder as readers know it; its name holds no full stop.

    Returns:
        A new folder whose name begins with a full stop, so that no page takes it for a client's.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=PART, dir=final.parent))


def swap_folder(built: Path, final: Path) -> Path:
    """Put a built folder in place, whole; what stood there goes only when the new one stands.

    Args:
        built: From `begin_folder`.
        final: The folder as readers know it.

    Returns:
        ``final``. At every moment, also when the process is killed or the power fails, a reader
        finds the whole old folder or the whole new one; where the system cannot exchange two
        folders at once, `mend_folder` puts the old one back after a kill between two renames.
    """
    _flush(built)
    built.chmod(0o700 | (final.parent.stat().st_mode & 0o755))  # as open as the folder around it
    if not final.exists():
        built.replace(final)
        return final
    if not _exchange(built, final):
        old = final.with_name(f".{final.name}{OLD}")
        shutil.rmtree(old, ignore_errors=True)
        final.replace(old)
        built.replace(final)
        built = old
    shutil.rmtree(built, ignore_errors=True)
    return final


def mend_folder(final: Path) -> None:
    """Clear away what a killed run left; only for whoever holds the client's lock.

    Args:
        final: The folder as readers know it.
    """
    old = final.with_name(f".{final.name}{OLD}")
    if old.exists() and not final.exists():
        old.replace(final)
    for left in [old, *final.parent.glob(f".{final.name}.*{PART}")]:
        shutil.rmtree(left, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one move, where the system can."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return bool(rename(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0)


def _flush(folder: Path) -> None:
    """Have every file on the disk before its folder gets the name that readers know."""
    if os.name != "posix":
        return
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
