"""What a finished run leaves: one folder a client, built aside and moved in place whole."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import journeylib
from journeylib.export import (
    embed_logo,
    export_notebook,
    export_report,
    strip_notebook,
)
from journeylib.formats import find_files
from journeylib.redaction import redact
from journeylib.steps import list_findings, name_period
from journeylib.tables import RESULTS
from journeylib.workspace import NOTEBOOKS, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeylib.params import Params
    from journeylib.workspace import Workspace

PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "duckdb",
    "matplotlib",
    "papermill",
)
CSV_ONLY = frozenset({"predictions"})


def publish_report(
    work: Workspace, executed: Mapping[str, Any], *, reports: Path, seconds: Mapping[str, float]
) -> Path:
    """Build everything a client gets and move it in place of what stood there.

    Args:
        work: The workspace after all notebooks.
        executed: Executed notebooks by name.
        reports: Folder of all reports.
        seconds: Seconds that each notebook took.

    Returns:
        The client's folder.
    """
    params = work.params
    reports.mkdir(parents=True, exist_ok=True)
    built = Path(tempfile.mkdtemp(prefix=f".{params.client}-", dir=reports))
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _write_pages(work, executed, built, now)
        shutil.copytree(work.tables, built / "tables")
        for name in CSV_ONLY:
            (built / "tables" / f"{name}.parquet").unlink(missing_ok=True)
        write_text(
            built / "results.json", json.dumps(results_of(work, now), ensure_ascii=False, indent=1)
        )
        run = describe_run(params, status="finished", seconds=seconds, when=now)
        run["headline"] = _headline(work)
        write_text(built / "run.json", json.dumps(run, ensure_ascii=False, indent=1))
        built.chmod(0o755)
        return _move_in_place(built, reports / params.client)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _write_pages(work: Workspace, executed: Mapping[str, Any], built: Path, now: str) -> None:
    import nbformat

    page = describe_page(work, now)
    order = [NOTEBOOKS[-1], *NOTEBOOKS[:-1]]
    html = export_report({name: executed[name] for name in order}, page=page)
    write_text(built / f"{work.params.client}.html", html)
    for folder in ("analyst", "notebooks"):
        (built / folder).mkdir()
    client = f"params/{work.params.path.name}"
    for name, whole in executed.items():
        node = strip_notebook(whole, client=client)
        heading = node.cells[0].source.lstrip("# ")
        own = {**page, "heading": heading, "kicker": work.params.title, "title": heading}
        write_text(built / "analyst" / f"{name}.html", export_notebook(node, page=own))
        write_text(built / "notebooks" / f"{name}.ipynb", nbformat.writes(node) + "\n")


def describe_page(work: Workspace, now: str) -> dict[str, Any]:
    """Say what stands at the head and foot of a client's pages."""
    params = work.params
    first, last = name_period(work)
    days = f"{first} to {last}" if first else "no dated events"
    logo = embed_logo(params.find_path(params.report.logo)) if params.report.logo else ""
    level = f"{params.confidence:.0%}".replace("%", " %")
    return {
        "title": f"{params.title}: customer journey report",
        "heading": params.title,
        "kicker": "Customer journey report",
        "meta": f"{days} · drawn up {now[:10]} · confidential",
        "foot": f"Intervals are {level} unless said otherwise. {_small_groups(params)} "
        f"journey-kit {journeylib.__version__}.",
        "language": params.report.language,
        "accent": params.report.accent,
        "logo": logo,
        "version": journeylib.__version__,
    }


def _small_groups(params: Params) -> str:
    fewest = params.report.min_cell
    if fewest <= 1:
        return "Groups are shown however small they are (min_cell is 1): not to be passed on."
    return f"Groups of fewer than {fewest} customers are withheld."


def results_of(work: Workspace, now: str) -> dict[str, Any]:
    """Give every result table as plain rows, for machines."""
    codes = work.log.codes
    period = [_moment(codes.start), _moment(codes.end)] if codes.touchpoints else [None, None]
    tables = {}
    for name in RESULTS:
        if name in CSV_ONLY:
            continue
        path = work.tables / f"{name}.parquet"
        if path.exists():
            tables[name] = json.loads(
                pd.read_parquet(path).to_json(orient="records", double_precision=15)
            )
    return {
        "client": work.params.client,
        "period": {"start": period[0], "end": period[1]},
        "currency": work.params.currency,
        "generated": now,
        "version": journeylib.__version__,
        "tables": tables,
    }


def _moment(micros: int) -> str:
    return pd.Timestamp(micros, unit="us", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def _headline(work: Workspace) -> str:
    found = list_findings(work)
    return found[0].replace("**", "") if found else ""


def describe_run(
    params: Params,
    *,
    status: str,
    seconds: Mapping[str, float],
    when: str,
    error: str = "",
) -> dict[str, Any]:
    """Say everything that is needed to run a client again.

    Returns:
        Versions, seed, hashes of client file, data and notebooks, seconds, status and error.
    """
    return {
        "client": params.client,
        "title": params.title,
        "status": status,
        "error": error,
        "generated": when,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "seed": params.seed,
        "version": journeylib.__version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "params_sha256": params.digest,
        "data_sha256": _hash_data(params),
        "code_sha256": _hash_code(),
        "platform": sys.platform,
    }


def _hash_data(params: Params) -> dict[str, str]:
    found = {}
    for source in params.sources:
        if source.path is not None:
            for path in find_files(source.path, params.find_path(source.path)):
                with path.open("rb") as handle:
                    found[path.name] = hashlib.file_digest(handle, "sha256").hexdigest()
    return found


def _hash_code() -> str:
    own = Path(journeylib.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(own.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _move_in_place(built: Path, final: Path) -> Path:
    """Swap the finished folder in; what stood there goes only when the new one stands."""
    old = built.with_name(f"{built.name}-old")
    if final.exists():
        final.replace(old)
    built.replace(final)
    shutil.rmtree(old, ignore_errors=True)
    return final


def _published(error: str) -> str:
    """Take values of the data out of an error: the person at the terminal has seen them."""
    return re.sub(r"'[^'\n]*'", "'…'", redact(error))


def publish_failure(params: Params, error: str, *, reports: Path) -> None:
    """Record that a run failed; an older report of the client stays as it was, and is marked."""
    folder = reports / params.client
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    path = folder / "run.json"
    old: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    run: dict[str, Any] = {
        "client": params.client, "title": params.title, "status": "failed",
        "error": _published(error), "generated": now, "last_good": old.get("last_good") or (
            old.get("generated") if old.get("status") == "finished" else None
        ),
        "seconds": {}, "version": journeylib.__version__,
    }  # fmt: skip
    write_text(path, json.dumps(run, ensure_ascii=False, indent=1))
