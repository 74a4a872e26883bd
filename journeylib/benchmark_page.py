"""The page on which a consultant's clients stand side by side, and its edition for one of them.

The consultant's page names every client and stays with the consultant. The edition for one client
names nobody else: letters that change from metric to metric, and no figure but the client's own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from journeylib.errors import JourneyError, Problem, did_you_mean
from journeylib.labels import estimate_text, interval_text, metric_name, share_text, value_text
from journeylib.peer_charts import draw_peers
from journeylib.peers import FEWEST_PEERS, OWN_TERMS, compare_peers
from journeylib.portfolio import BENCHMARK, digest_run, list_runs, render_page, write_index
from journeylib.workspace import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STANDINGS = {
    "above": "above the middle", "below": "below the middle", "cannot tell": "cannot tell",
}  # fmt: skip


def write_overviews(reports: Path) -> Path:
    """Write the pages over all clients, the index and the benchmark.

    Args:
        reports: Folder of all reports.

    Returns:
        The index; there is no benchmark, not even an old one, with fewer than five clients.
    """
    reports.mkdir(parents=True, exist_ok=True)
    if sum(bool(digest_run(*one)) for one in list_runs(reports)) >= FEWEST_PEERS:
        write_benchmark(reports)
    else:
        (reports / BENCHMARK).unlink(missing_ok=True)
    return write_index(reports)


def write_benchmark(reports: Path, *, client: str = "", out: Path | None = None) -> Path:
    """Compare the clients whose reports stand in a folder.

    Args:
        reports: Folder of all reports.
        client: Slug of the client whom an edition is for; empty writes the consultant's page.
        out: Where the page goes; by default ``reports/benchmark.html``, and for a client
            ``reports/benchmark-<client>.html``, beside the client's folder and not in it.

    Returns:
        The page; with fewer than five clients it says why there is nothing to compare.

    Raises:
        JourneyError: No report of that client stands in the folder.
    """
    figures, titles = gather_figures(reports)
    if client and client not in titles:
        known = ", ".join(sorted(titles)) or "none"
        message = f'no report of "{client}" was found; reports: {known}.'
        problem = Problem("E-NO-CLIENT", message, fix=did_you_mean(client, titles))
        raise JourneyError("The clients cannot be compared for this one.", [problem])
    compared = compare_peers(figures)
    if client:
        with_own = compared.groupby(["metric", "unit"])["client"].transform(
            lambda names: client in set(names)
        )
        compared = compared[with_own.astype(bool)]
    filled = {
        "own": titles.get(client, ""),
        "clients": len(titles),
        "fewest": FEWEST_PEERS,
        "metrics": _blocks(compared, titles, client),
        "missing": [] if client else _missing(figures, compared),
    }
    path = out or reports / (f"benchmark-{client}.html" if client else BENCHMARK)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_page("benchmark.html.j2", filled))
    return path


def gather_figures(reports: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Gather the metrics of all customers from every client's report.

    Args:
        reports: Folder of all reports.

    Returns:
        Rows for `peers.compare_peers`, and the title of each client with a report.
    """
    rows: list[dict[str, Any]] = []
    titles: dict[str, str] = {}
    for folder, run in list_runs(reports):
        digest = digest_run(folder, run)
        if not digest:
            continue
        titles[folder.name] = str(run["title"])
        own = {"client": folder.name, "confidence": run.get("confidence", 0.95)}
        rows += [{**row, **own} for row in digest["metrics"]]
    return pd.DataFrame(rows, columns=[*rows[0]] if rows else ["client"]), titles


def name_peers(rows: pd.DataFrame, own: str) -> dict[str, str]:
    """Call the other clients by letters that say nothing of them.

    Args:
        rows: Rows of one metric.
        own: The client whom the page is for.

    Returns:
        A name for each client but the own. The letters are dealt anew for every metric, so that
        nobody can be followed from one to the next, by a shuffle that only who has every client's
        figures could repeat.
    """
    others = [name for name in rows["client"] if name != own]
    salt = rows[["client", "value", "n"]].sort_values("client").to_csv(index=False)
    dealt = sorted(others, key=lambda name: hashlib.sha256(f"{salt}{name}".encode()).hexdigest())
    return {name: f"client {_letter(place)}" for place, name in enumerate(dealt)}


def _letter(place: int) -> str:
    first = _letter(place // 26 - 1) if place >= 26 else ""
    return first + chr(ord("A") + place % 26)


def _blocks(compared: pd.DataFrame, titles: Mapping[str, str], own: str) -> list[dict[str, Any]]:
    blocks = []
    for (metric, unit), found in compared.groupby(["metric", "unit"], sort=True):
        rows = found.sort_values(["place", "client"], kind="stable")
        names = {name: titles[name] for name in rows["client"]}
        if own:
            names = {**name_peers(rows, own), own: titles[own]}
        told = rows if not own else rows[rows["client"] == own]
        first = rows.iloc[0]
        blocks.append({
            "id": f"{metric}-{unit}".replace("_", "-").lower(),
            "name": metric_name(metric) + (f", {unit}" if len(str(unit)) == 3 else ""),
            "chart": draw_peers(rows, names=names, own=own),
            "sentence": _sentence(first),
            "rows": [_told(row, names) for row in told.to_dict("records")],
            "alike": bool(first["alike"]),
            "source": first["source"],
        })  # fmt: skip
    return blocks


def _sentence(row: pd.Series) -> str:
    unit = str(row["unit"])
    middle = value_text(row["centre"], unit)
    if value_text(row["usual_low"], unit) == value_text(row["usual_high"], unit):
        return f"The clients do not differ clearly: the middle is {middle}."
    usual = interval_text(row["usual_low"], row["usual_high"], unit)
    return f"The middle is {middle}; of clients like these, four in five lie within {usual}."


def _told(row: Mapping[Any, Any], names: Mapping[str, str]) -> dict[str, str]:
    unit = str(row["unit"])
    return {
        "client": names[str(row["client"])],
        "plain": estimate_text(row["plain"], row["plain_low"], row["plain_high"], unit),
        "pooled": estimate_text(row["value"], row["low"], row["high"], unit),
        "kept": share_text(float(row["kept"])),
        "place": f"{row['place']} of {row['of']}",
        "standing": STANDINGS[str(row["standing"])],
        "n": f"{row['n']:,.0f}",
    }


def _missing(figures: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """Name the metrics that too few clients have."""
    if figures.empty:
        return []
    shown = set(zip(compared["metric"], compared["unit"], strict=True))
    said = []
    for (metric, unit), rows in figures.groupby(["metric", "unit"], sort=True):
        if metric not in OWN_TERMS and (metric, unit) not in shown:
            money = f" in {unit}" if len(str(unit)) == 3 else ""
            said.append(f"{metric_name(metric)}{money}: {rows['client'].nunique()}")
    return said
