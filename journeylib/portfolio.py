"""The page over all clients: status, headline, what changed since the last run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import journeylib
from journeylib.export import TEMPLATES, report_css
from journeylib.labels import metric_name, value_text
from journeylib.theme import ACCENT
from journeylib.workspace import write_text

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = 3


def write_index(reports: Path, *, before: dict[str, dict[str, float]] | None = None) -> Path:
    """Write ``index.html`` over every client that has a folder with a ``run.json``.

    Args:
        reports: Folder of all reports.
        before: Metrics of each client before this run, from ``read_metrics``.

    Returns:
        The page.
    """
    from jinja2 import Environment, FileSystemLoader

    rows = [_row(path, before or {}) for path in sorted(reports.glob("*/run.json"))]
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    html = pages.get_template("index.html.j2").render(
        clients=rows,
        good=sum(row["ok"] for row in rows),
        css=report_css(ACCENT),
        version=journeylib.__version__,
    )
    path = reports / "index.html"
    write_text(path, html)
    return path


def read_metrics(reports: Path) -> dict[str, dict[str, float]]:
    """Read the metrics that stand in the reports, to say later what changed.

    Returns:
        Value by metric, by client.
    """
    found = {}
    for path in reports.glob("*/results.json"):
        stored = json.loads(path.read_text(encoding="utf-8"))
        metrics = stored["tables"].get("metrics", [])
        found[stored["client"]] = {
            row["metric"]: row["value"]
            for row in metrics
            if row["segment"] == "all" and row["value"] is not None
        }
    return found


def _row(path: Path, before: dict[str, dict[str, float]]) -> dict[str, Any]:
    run = json.loads(path.read_text(encoding="utf-8"))
    client, ok = run["client"], run["status"] == "finished"
    page = path.with_name(f"{client}.html")
    headline = run.get("headline", "")
    if not ok:
        lines = str(run["error"]).splitlines()
        headline = " ".join(line.strip(" -") for line in lines[:3])
        if page.exists():
            headline += f" The report shown is of {str(run.get('last_good') or '')[:10]}."
    return {
        "title": run["title"],
        "ok": ok,
        "link": f"{client}/{client}.html" if page.exists() else "",
        "when": str(run["generated"])[:16].replace("T", " ") + " UTC",
        "headline": headline,
        "change": _change(path.parent, before.get(client)) if ok else "–",
        "seconds": f"{sum(run['seconds'].values()):.0f}",
    }


def _change(folder: Path, before: dict[str, float] | None) -> str:
    if before is None:
        return "first run"
    stored = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    moved = []
    for row in stored["tables"].get("metrics", []):
        old = before.get(row["metric"])
        if row["segment"] == "all" and old is not None and row["value"] is not None:
            change = row["value"] - old
            if abs(change) > 1e-9 * max(1.0, abs(old)):
                moved.append(
                    f"{metric_name(row['metric'])} {value_text(change, row['unit'], signed=True)}"
                )
    return "; ".join(moved[:SHOWN]) or "same figures"
