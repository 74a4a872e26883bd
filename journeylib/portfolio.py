"""The page over all clients: status, headline, money at risk, what changed since the last run.

It is read off the ``run.json`` of each client, so writing it again changes nothing. Not for
comparing clients with each other; see `benchmark_page`.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import journeylib
from journeylib.digests import digest_results, shown_days, tell_changes
from journeylib.export import TEMPLATES, report_css
from journeylib.history import list_history, read_results
from journeylib.labels import count_text, estimate_text
from journeylib.theme import ACCENT
from journeylib.workspace import read_json, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHOWN = 3
ERROR_LINES = 4
BENCHMARK = "benchmark.html"
ERROR_PAGE = "error.html"
OTHER_LINKS = (
    ("tables", "tables"),
    ("analyst", "analyst’s pages"),
    ("notebooks", "notebooks"),
    ("results.json", "results"),
    ("run.json", "run"),
    ("history", "history"),
)
STATUSES = {"finished": "✓ finished", "failed": "✗ failed"}


def write_index(reports: Path) -> Path:
    """Write ``index.html`` over every client that has a folder with a ``run.json``.

    Args:
        reports: Folder of all reports.

    Returns:
        The page: one file, readable without its script, which only sorts and searches.
    """
    reports.mkdir(parents=True, exist_ok=True)
    rows = [_row(folder, run) for folder, run in list_runs(reports)]
    statuses = dict.fromkeys(row["status"] for row in rows)
    filled = {
        "clients": rows,
        "statuses": {one: STATUSES.get(one, f"! {one}") for one in statuses},
        "counts": _count(rows),
        "benchmark": BENCHMARK if (reports / BENCHMARK).exists() else "",
    }
    path = reports / "index.html"
    write_text(path, render_page("index.html.j2", filled))
    return path


def list_runs(reports: Path) -> list[tuple[Path, dict[str, Any]]]:
    """List the clients' folders with what stands in their ``run.json``.

    Args:
        reports: Folder of all reports.

    Returns:
        Folder and contents, by the client's title; contents that cannot be read give a run whose
        status is ``unreadable``.
    """
    found = []
    for path in reports.glob("*/run.json"):
        name = path.parent.name
        if name.startswith("."):  # being built, or left by a run that was killed
            continue
        unread = {"status": "unreadable", "error": "Its run.json cannot be read: run it again."}
        found.append((path.parent, {"client": name, "title": name, **(read_json(path) or unread)}))
    return sorted(found, key=lambda pair: (str(pair[1]["title"]).casefold(), pair[0].name))


def render_page(template: str, filled: Mapping[str, Any]) -> str:
    """Fill one of the kit's pages; its only script is named by hash in the page's policy.

    Args:
        template: File below ``templates/``.
        filled: What stands in it.

    Returns:
        One HTML page.
    """
    from jinja2 import Environment, FileSystemLoader

    script = (TEMPLATES / "index.js").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    own = {"script": script, "script_hash": f"sha256-{digest}", "version": journeylib.__version__}
    return pages.get_template(template).render({**filled, **own, "css": report_css(ACCENT)})


def digest_run(folder: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the report that stands found; older runs keep it only in their results.

    Args:
        folder: The client's folder.
        run: Its ``run.json``.
    """
    told = _good_run(run).get("summary")
    return dict(told) if told else digest_results(read_results(folder / "results.json"))


def _good_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """Give the run that the report on the disk came from."""
    return dict(run) if run.get("status") == "finished" else dict(run.get("good_run") or {})


# ---------------------------------------------------------------- rows


def _row(folder: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    client, status = folder.name, str(run.get("status"))
    digest, good = digest_run(folder, run), _good_run(run)
    page = folder / f"{client}.html"
    seconds = sum(dict(run.get("seconds") or {}).values())
    return {
        "title": run["title"],
        "status": status,
        "link": f"{client}/{client}.html" if page.exists() else "",
        "when": _moment(run.get("generated")),
        "made": str(run.get("generated") or ""),
        "standing": _standing(run) if page.exists() else "",
        "period": _period(digest),
        "headline": str(good.get("headline") or "") if status == "finished" else "",
        "error": _error_lines(run),
        "error_page": f"{client}/{ERROR_PAGE}" if (folder / ERROR_PAGE).exists() else "",
        **_money(digest.get("money")),
        **_changes(folder, run, digest),
        "seconds": f"{seconds:.0f}" if seconds else "",
        "links": [(f"{client}/{at}", name) for at, name in OTHER_LINKS if (folder / at).exists()],
    }


def _moment(when: object) -> str:
    """Write a moment to the minute; its zone stands in the heading of the page."""
    try:
        return f"{datetime.fromisoformat(str(when)):%-d %b %Y, %H:%M}"
    except ValueError:
        return ""


def _standing(run: Mapping[str, Any]) -> str:
    """Say of which day the report is that stands where the newest run did not finish."""
    if run.get("status") == "finished":
        return ""
    when = _moment(run.get("last_good"))
    return f"The report shown is of {when}." if when else "The report shown is of an earlier run."


def _period(digest: Mapping[str, Any]) -> str:
    """Write the analysed period."""
    days = shown_days(digest)
    return f"{days[0]:%-d %b %Y} – {days[1]:%-d %b %Y}" if days else ""


def _error_lines(run: Mapping[str, Any]) -> list[str]:
    if run.get("status") == "finished":
        return []
    lines = str(run.get("error") or "It did not finish; why is not known.").splitlines()
    return [line.strip().removeprefix("- ") for line in lines[:ERROR_LINES]]


def _money(money: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write what the dearest pain point costs; prices are not added up over pain points."""
    if not money:
        return {"money": "", "money_place": "", "money_more": "", "money_sort": ""}
    unit, others = str(money["unit"]), int(money["others"])
    ends = [float(money[end]) for end in ("value", "low", "high")]
    return {
        "money": estimate_text(ends[0], ends[1], ends[2], unit),
        "money_place": money["pain"],
        "money_more": f"and {count_text(others)} more with a price" if others else "",
        "money_sort": f"{unit} {ends[0]:020.2f}",
    }


def _changes(folder: Path, run: Mapping[str, Any], digest: Mapping[str, Any]) -> dict[str, Any]:
    """Say what moved since the run before the one that the report is of."""
    good = _good_run(run)
    if not digest:
        return {"changes": [], "more": [], "since": ""}
    if "changes" in good:
        said, since = list(good["changes"]), str(good.get("since") or "")
    else:
        past = list_history(folder)
        before = digest_results(read_results(past[-1])) if past else {}
        said, since = tell_changes(digest, before), str(before.get("generated") or "")
    if not since:
        return {"changes": [], "more": [], "since": ""}
    return {"changes": said[:SHOWN], "more": said[SHOWN:], "since": _moment(since)}


def _count(rows: list[dict[str, Any]]) -> str:
    """Say how many clients there are, and how many of them went wrong."""
    good = sum(row["status"] == "finished" for row in rows)
    clients = "1 client" if len(rows) == 1 else f"{len(rows)} clients"
    if good == len(rows):
        return f"{clients}, every report finished" if rows else "No client has been run yet"
    return f"{clients}: {good} finished, {len(rows) - good} not"
