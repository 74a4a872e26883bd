"""What is needed to run a client again: versions, seed, and hashes of everything that was read."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import journeylib
from journeylib.forgotten import listed_pseudonyms
from journeylib.formats import find_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from journeylib.params import Params

SCHEMA = 2
# What the kit needs by itself; what these need in turn is found in the environment.
ROOTS = (
    "duckdb", "jinja2", "jupyter-client", "ipykernel", "matplotlib", "nbclient", "nbconvert",
    "nbformat", "numpy", "openpyxl", "pandas", "pandera", "papermill", "phonenumbers", "pyarrow",
    "pydantic", "pyyaml", "scikit-learn", "scipy", "seaborn", "sqlalchemy", "statsmodels",
    "vaderSentiment", "xlsxwriter",
)  # fmt: skip
CODE = ("*.py", "templates/**/*", "presets/*", "catalogue/*", "lexicon/*")
NOT_REPEATED = ("generated", "seconds")


def describe_run(
    params: Params,
    *,
    status: str,
    seconds: Mapping[str, float],
    when: str,
    notebooks: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Say everything that is needed to run a client again.

    Args:
        params: The client file.
        status: Such as ``finished``.
        seconds: Wall time by notebook.
        when: ISO 8601 moment, in UTC.
        notebooks: The notebooks as they were run, by name.

    Returns:
        What ``run.json`` holds: the command, the seed, versions of Python and packages, the
        platform, and hashes of the client file, the data, every other file it names, the notebooks
        and the library. A later run with the same hashes and versions gives the same files but for
        what ``not_repeated`` names. No path of the machine, no secret and no hash of one.
    """
    return {
        "schema": SCHEMA,
        "client": params.client,
        "title": params.title,
        "status": status,
        "error": "",
        "generated": when,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "not_repeated": list(NOT_REPEATED),
        "command": f"journey run params/{params.path.name}",
        "seed": params.seed,
        "confidence": params.confidence,
        "version": journeylib.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}, {_c_library()}",
        "packages": dict(installed_packages()),
        "pseudonym_key": "JOURNEY_SECRET" if os.environ.get("JOURNEY_SECRET") else "own",
        "params_sha256": params.digest,
        "data_sha256": hash_data(params),
        "other_sha256": _hash_others(params),
        "notebooks_sha256": {name: hash_file(path) for name, path in (notebooks or {}).items()},
        "code_sha256": hash_code(),
    }


def _c_library() -> str:
    return "-".join(platform.libc_ver()).strip("-") or "its own C library"


@functools.cache
def installed_packages(roots: tuple[str, ...] = ROOTS) -> tuple[tuple[str, str], ...]:
    """List packages with their versions, and those that they need in turn.

    Args:
        roots: Names of packages.

    Returns:
        Pairs of name and version, by name; a package that is not installed is left out.
    """
    found: dict[str, str] = {}
    waiting = [_plain(name) for name in roots]
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        version, requires = _told_by(installed)
        found[name] = version
        needed = {_plain(one) for one in requires if "extra ==" not in one} - seen
        seen |= needed
        waiting += needed
    return tuple(sorted(found.items()))


def _told_by(installed: metadata.Distribution) -> tuple[str, list[str]]:
    """Read version and requirements off a package's head lines, which is quicker than all of it."""
    head = (installed.read_text("METADATA") or "").partition("\n\n")[0]
    if "\nVersion:" not in head:
        return installed.version, installed.requires or []
    lines = [line.partition(": ") for line in head.splitlines()]
    told = {name: value for name, _, value in lines}
    return told["Version"].strip(), [value for name, _, value in lines if name == "Requires-Dist"]


def _plain(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else requirement).lower()


def hash_file(path: Path) -> str:
    """Hash a file's bytes.

    Args:
        path: The file.

    Returns:
        SHA-256, in hexadecimal digits.
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def hash_data(params: Params) -> dict[str, str]:
    """Hash every file that the sources read.

    Args:
        params: The client file.

    Returns:
        Hash by file name; files of one name carry their source's name before theirs. Databases
        that are reached by an address are not hashed.
    """
    read = [
        (source.name, path)
        for source in params.sources
        if source.path is not None
        for path in find_files(source.path, params.find_path(source.path))
    ]
    return {
        name if len(_places(read, path.name)) == 1 else f"{source}/{name}": hash_file(path)
        for source, path in read
        for name in [path.name]
    }


def _places(read: Iterable[tuple[str, Path]], name: str) -> set[Path]:
    return {path for _, path in read if path.name == name}


def named_files(params: Params) -> dict[str, str]:
    """Give the files that a client file names beside its sources.

    Args:
        params: The client file.

    Returns:
        By key, each as it is written there; keys that are not set are absent.
    """
    named = {
        "workshop_map": params.workshop_map,
        "earlier_results": params.earlier_results,
        "logo": params.report.logo,
        "notes": params.report.notes,
    }
    return {key: given for key, given in named.items() if given is not None}


def hash_forgotten(params: Params) -> str:
    """Hash the list of customers who are to be forgotten; empty where there are none.

    Args:
        params: The client file.
    """
    listed = sorted(listed_pseudonyms(params.root, params.client))
    return hashlib.sha256(" ".join(listed).encode()).hexdigest() if listed else ""


def _hash_others(params: Params) -> dict[str, str]:
    """Hash what else the client file names, and the list of customers to be forgotten."""
    paths = {key: params.find_path(given) for key, given in named_files(params).items()}
    found = {key: hash_file(path) for key, path in paths.items() if path.is_file()}
    forgotten = hash_forgotten(params)
    return {**found, "forgotten": forgotten} if forgotten else found


@functools.cache
def hash_code() -> str:
    """Hash the library: its modules, templates and lists of words."""
    own = Path(journeylib.__file__).parent
    digest = hashlib.sha256()
    paths = {path for pattern in CODE for path in own.glob(pattern) if path.is_file()}
    for path in sorted(paths):
        digest.update(path.relative_to(own).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
