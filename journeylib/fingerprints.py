"""What a result hangs on, as hashes of contents: the client file, the data, the code.

A file that looks untouched (size, both times, inode) is not read again. Times of files are compared
with what was seen before, not with the clock; only a file changed just now is always read again.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from journeylib.formats import find_files
from journeylib.privacy import read_secret
from journeylib.provenance import hash_code, hash_forgotten, installed_packages, named_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from journeylib.inputs import Source
    from journeylib.params import Params

STORE = "fingerprints.json"
LIBRARY = "the library"
FRESH_SECONDS = 2.0
ABSENT = "absent"
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(.+)")


@dataclass(slots=True)
class Fingerprints:
    """Hashes of files, remembered so that only changed files are read again.

    Attributes:
        store: Where they are remembered between processes.
    """

    store: Path
    _known: dict[str, list[int | str]] = field(default_factory=dict, repr=False)
    _changed: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        try:
            known = json.loads(self.store.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        self._known = known if isinstance(known, dict) else {}

    def of(self, path: Path) -> str:
        """Give the SHA-256 of a file's bytes; a file that is not there gives ``"absent"``.

        Args:
            path: The file.
        """
        try:
            seen = path.stat()
        except OSError:
            return ABSENT
        looks: list[int | str] = [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]
        name = str(path.absolute())
        known = self._known.get(name)
        if known and known[:-1] == looks:
            return str(known[-1])
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if not _changed_just_now(seen):
            self._known[name], self._changed = [*looks, digest], True
        return digest

    def save(self) -> None:
        """Remember what was hashed; where it cannot be written, it is hashed again next time."""
        if not self._changed:
            return
        part = self.store.with_name(f".{self.store.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self._known), encoding="utf-8")
            part.replace(self.store)
        except OSError:
            part.unlink(missing_ok=True)
        self._changed = False


def _changed_just_now(seen: os.stat_result) -> bool:
    """Say whether a file may change again without its times telling."""
    now = time.time()
    return any(abs(now - moment) < FRESH_SECONDS for moment in (seen.st_mtime, seen.st_ctime))


def combine(parts: Mapping[str, str]) -> str:
    """Give one hash of several named ones, whatever their order.

    Args:
        parts: Hash by name.

    Example:
        >>> combine({"a": "1", "b": "2"}) == combine({"b": "2", "a": "1"})
        True
    """
    return hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()


def print_inputs(params: Params, prints: Fingerprints) -> dict[str, str]:
    """Hash everything that a client's results hang on but for the kit itself.

    Args:
        params: The client file.
        prints: Hashes known so far.

    Returns:
        Hash by what it is of, in words for a person: the client file, the secret and what the
        environment filled in (one keyed hash that tells nothing), each data file, what else the
        client file names, the list of forgotten customers. Databases that are reached by an
        address are not among them; see `has_unseen_sources`.

    Raises:
        DataError: A source's file is not there.
    """
    secret = read_secret(params.root, params.client)
    filled = params.model_dump_json().encode()
    found = {
        "the client file": params.digest,
        "the environment or the secret": hmac.digest(secret, filled, "sha256").hex(),
    }
    for source in params.sources:
        for path in _files_of(params, source):
            found[_shown(path, params.root)] = prints.of(path)
    for given in named_files(params).values():
        found[str(given)] = prints.of(params.find_path(given))
    found["the list of forgotten customers"] = hash_forgotten(params)
    return found


def _shown(path: Path, root: Path) -> str:
    """Name a file from the repository's root; one elsewhere without the machine's folders."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return f"{path.name} ({hashlib.sha256(str(path.parent).encode()).hexdigest()[:6]})"


def _files_of(params: Params, source: Source) -> Iterator[Path]:
    if source.path is not None:
        yield from find_files(source.path, params.find_path(source.path))
    elif match := _SQLITE.fullmatch(str(source.database_url())):
        yield params.find_path(match[1])


def has_unseen_sources(params: Params) -> bool:
    """Say whether a source is a database whose contents cannot be hashed without reading it.

    Args:
        params: The client file.
    """
    return any(
        source.path is None and not _SQLITE.fullmatch(str(source.database_url()))
        for source in params.sources
    )


@functools.cache
def print_tools() -> dict[str, str]:
    """Hash the kit and what it stands on: the library's source, Python, the packages."""
    import platform

    packages = {name: version for name, version in installed_packages() if name != "journey-kit"}
    return {
        LIBRARY: hash_code(),
        "Python": platform.python_version(),
        "the installed packages": combine(packages),
    }
