"""What a finished run leaves: one folder a client, built aside and moved in place whole."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

import journeylib
from journeylib.digests import digest_results, tell_changes
from journeylib.export import (
    embed_logo,
    export_notebook,
    export_report,
    strip_notebook,
)
from journeylib.history import keep_history, read_results
from journeylib.outputs import gather_warnings, scrub
from journeylib.provenance import describe_run
from journeylib.steps import list_findings, name_period, period_days
from journeylib.swaps import begin_folder, mend_folder, swap_folder
from journeylib.tables import RESULTS
from journeylib.workspace import NOTEBOOKS, notebook_folder, read_json, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from journeylib.params import Params
    from journeylib.workspace import Workspace

CSV_ONLY = frozenset({"predictions"})


def publish_report(
    work: Workspace,
    executed: Mapping[str, Any],
    *,
    reports: Path,
    seconds: Mapping[str, float],
    key: str = "",
) -> Path:
    """Build everything a client gets and move it in place of what stood there.

    Args:
        work: The workspace after all notebooks.
        executed: Executed notebooks by name.
        reports: Folder of all reports.
        seconds: Seconds that each notebook took.
        key: Hash of all that the report hangs on; a later run with the same key is spared.

    Returns:
        The client's folder.
    """
    params = work.params
    final = reports / params.client
    mend_folder(final)
    built = begin_folder(final)
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _write_pages(work, executed, built, now)
        shutil.copytree(work.tables, built / "tables")
        for name in CSV_ONLY:
            (built / "tables" / f"{name}.parquet").unlink(missing_ok=True)
        results = results_of(work, now)
        _write_json(built / "results.json", results)
        folder = notebook_folder(params)
        run = describe_run(
            params, status="finished", seconds=seconds, when=now,
            notebooks={name: folder / f"{name}.ipynb" for name in executed},
        )  # fmt: skip
        run["key"] = key
        run["headline"] = _headline(work)
        run["warnings"] = gather_warnings(executed)
        run |= _compare_with_past(params, run, results, (built, final))
        _write_json(built / "run.json", run)
        return swap_folder(built, final)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _compare_with_past(
    params: Params, run: Mapping[str, Any], results: Mapping[str, Any], folders: tuple[Path, Path]
) -> dict[str, Any]:
    """Keep the results of earlier runs, and say what moved since the last of them."""
    built, final = folders
    earlier = params.earlier_results
    named = [params.find_path(earlier)] if earlier is not None else []
    again = _is_same_run(final, str(run["key"]), results)
    past = keep_history(final, built, named=named, again=again)
    before = digest_results(read_results(past[-1])) if past else {}
    digest = digest_results(results)
    return {
        "summary": digest,
        "since": before.get("generated", ""),
        "changes": tell_changes(digest, before),
    }


def _is_same_run(final: Path, key: str, results: Mapping[str, Any]) -> bool:
    """Say whether the report that stands came from the same inputs and found the same."""
    before = read_results(final / "results.json")
    run = read_json(final / "run.json")
    same_key = bool(key) and (run.get("good_run") or run).get("key") == key
    return same_key and before.get("tables") == results["tables"]


def _write_json(path: Path, told: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(told, ensure_ascii=False, indent=1))


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
    days = [f"{day:%Y-%m-%d}" for day in period_days(work) or ()]
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
        "period": {
            "start": period[0],
            "end": period[1],
            "first_day": days[0] if days else None,
            "last_day": days[1] if days else None,
        },
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


def publish_failure(params: Params, error: str, *, reports: Path) -> None:
    """Record that a run failed; an older report of the client stays as it was, and is marked.

    Args:
        params: The client file.
        error: What went wrong and what to do.
        reports: Folder of all reports.
    """
    folder = reports / params.client
    mend_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.json"
    old = read_json(path)
    good = old if old.get("status") == "finished" else old.get("good_run")
    run: dict[str, Any] = {
        "client": params.client,
        "title": params.title,
        "status": "failed",
        "error": scrub(error),
        "generated": datetime.now(UTC).isoformat(timespec="seconds"),
        "last_good": (good or {}).get("generated") or old.get("last_good"),
        "seconds": {},
        "version": journeylib.__version__,
        "good_run": good,  # where the report that still stands came from
    }
    _write_json(path, run)
