"""How a client stands: whether its report is that of the present inputs, and if not, why."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from journeylib.errors import JourneyError
from journeylib.fingerprints import (
    STORE,
    Fingerprints,
    combine,
    has_unseen_sources,
    print_inputs,
    print_tools,
)
from journeylib.kept import LOCK, STEPS, Kept
from journeylib.locks import is_held
from journeylib.params import read_params
from journeylib.workspace import NOTEBOOKS, notebook_folder, read_json, work_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from journeylib.params import Params

FRESH, STALE, NEW, FAILED, RUNNING, UNUSABLE = (
    "up to date", "out of date", "never run", "failed", "running", "cannot be run",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """How one client stands.

    Attributes:
        file: The client file.
        client: Slug of the client, or the file's name where it cannot be read.
        state: ``up to date``, ``out of date``, ``never run``, ``failed``, ``running`` or
            ``cannot be run``.
        reasons: Why it is not up to date, in words.
        when: When the report that stands was made, ISO 8601; empty where there is none.
        report: The report's file; empty where there is none.
        kept: Numbers of the notebooks of which outputs are kept.
    """

    file: Path
    client: str
    state: str
    reasons: tuple[str, ...] = ()
    when: str = ""
    report: str = ""
    kept: tuple[str, ...] = ()


def base_parts(params: Params, prints: Fingerprints) -> dict[str, str]:
    """Hash all that a client's report hangs on.

    Args:
        params: The client file.
        prints: Hashes of files known so far.

    Returns:
        Hash by what it is of: inputs, tools, and each notebook's source by its name.

    Raises:
        JourneyError: A file is missing.
    """
    parts = {**print_inputs(params, prints), **print_tools()}
    folder = notebook_folder(params)
    for notebook in NOTEBOOKS:
        parts[notebook] = prints.of(folder / f"{notebook}.ipynb")
    return parts


def look_at(file: Path, reports: Path) -> Standing:
    """Say how a client stands; nothing is run and nothing but hashes is written.

    Args:
        file: The client file.
        reports: Folder of all reports.
    """
    from journeylib.failures import explain

    try:
        params = read_params(file)
        prints = Fingerprints(work_folder(params) / STORE)
        parts = base_parts(params, prints)
    except (JourneyError, OSError) as refused:  # such as a data file that nobody may read
        return Standing(file, file.stem, UNUSABLE, (str(explain(refused, reports)),))
    folder = reports / params.client
    run = read_json(folder / "run.json")
    state, reasons = _judge(params, folder, run, parts, prints)
    prints.save()
    page = folder / f"{params.client}.html"
    good = run if run.get("status") == "finished" else dict(run.get("good_run") or {})
    return Standing(
        file, params.client, state, tuple(reasons), str(good.get("generated") or ""),
        str(page) if page.is_file() else "",
    )  # fmt: skip


def look_closely(file: Path, reports: Path) -> Standing:
    """Say how a client stands, and of which notebooks whole outputs are kept.

    Args:
        file: The client file.
        reports: Folder of all reports.
    """
    found = look_at(file, reports)
    try:
        folder = work_folder(read_params(file))
    except JourneyError:
        return found
    steps = Kept(folder, Fingerprints(folder / STORE))
    kept = tuple(name[:2] for name in NOTEBOOKS if steps.load(name) is not None)
    return replace(found, kept=kept)


def to_json(standings: Iterable[Standing]) -> str:
    """Give standings as one JSON object, for machines.

    Args:
        standings: From `look_at`.
    """
    rows = [{**asdict(one), "file": one.file.name} for one in standings]
    return json.dumps({"clients": rows}, ensure_ascii=False)


def _judge(
    params: Params,
    folder: Path,
    run: Mapping[str, Any],
    parts: Mapping[str, str],
    prints: Fingerprints,
) -> tuple[str, list[str]]:
    work = work_folder(params)
    if is_held(work / LOCK):
        return RUNNING, ["another run is at it"]
    if run.get("status") != "finished":
        why = str(run.get("error") or "the last run did not finish").splitlines()[:1]
        return (FAILED, why) if run else (NEW, ["there is no report"])
    record = read_json(_record(work, folder))
    if has_unseen_sources(params) or run.get("key") != combine(parts):
        return STALE, _differences(dict(record.get("parts") or {}), parts)
    if record.get("key") != run["key"]:  # killed just after the folder was put in place, whole
        record_published(work, folder, parts, prints)
        record = read_json(_record(work, folder))
    spoilt = [at for at, digest in record["files"].items() if prints.of(folder / at) != digest]
    if spoilt:
        return STALE, [f"{at} of the report is missing or was changed" for at in spoilt[:3]]
    return FRESH, []


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    if not before:
        return ["what the report was made from is not known any more"]
    changed = [at for at in now if at in before and before[at] != now[at]]
    gone, added = before.keys() - now.keys(), now.keys() - before.keys()
    told = [
        *(f"{at} changed" for at in changed),
        *(f"{at} is new" for at in sorted(added)),
        *(f"{at} is gone" for at in sorted(gone)),
    ]
    return told or ["it reads a database, whose contents are only known by reading them"]


def record_published(
    work: Path, folder: Path, parts: Mapping[str, str], prints: Fingerprints
) -> None:
    """Remember what a published folder holds and what it was made from.

    Args:
        work: The client's workspace.
        folder: The client's folder of reports.
        parts: From `base_parts`.
        prints: Hashes of files.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    record = {
        "key": combine(parts),
        "parts": dict(parts),
        "files": {path.relative_to(folder).as_posix(): prints.of(path) for path in files},
    }
    path = _record(work, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record))


def _record(work: Path, folder: Path) -> Path:
    """Give the file of a record; a client may be published into several folders."""
    place = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:8]
    return work / STEPS / f"published-{place}.json"
