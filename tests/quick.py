"""Clients whose six notebooks do next to nothing, so that the runner's own faults can be caused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path

import nbformat

import journeylib
from journeylib import batch, kernels
from journeylib.workspace import NOTEBOOKS

HOUSE = Path(journeylib.__file__).parents[1]
PARAMS = """\
title: {title}
sources:
  - name: visits
    kind: events
    path: data/{client}.csv
    columns: {{customer_id: who, timestamp: at, touchpoint: page}}
"""
LOAD = 'import journeylib as jl\n\nwork = jl.open_workspace(client, notebook="{number}")'
WORK = {
    "01": (
        "collected = work.collect()\n"
        'tables = {"sources": collected.sources, "quality": collected.quality}\n'
        'work.hand_over("01", tables=tables)'
    ),
    "02": (
        "import pandas as pd\n"
        'work.keep(people=pd.DataFrame({"n": [len(work.log)]}))\n'
        'work.hand_over("02", tables={})'
    ),
    "03": 'work.keep(places=work.recall("people") * 2)\nwork.hand_over("03", tables={})',
    "04": 'work.keep(pains=work.recall("places") + 1)\nwork.hand_over("04", tables={})',
    "05": 'work.hand_over("05", tables={})',
    "06": 'work.recall("pains")\nwork.hand_over("06", tables={})',
}


def _take_interrupts() -> None:
    """Hear of Ctrl-C, which shells let the commands that they start in the background ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


TAKE_INTERRUPTS = _take_interrupts if os.name == "posix" else None


def write_quick_house(root: Path, clients: int = 1) -> list[Path]:
    """Write clients that share six quick notebooks; gives the client files."""
    (root / "notebooks").mkdir(parents=True, exist_ok=True)
    for name in NOTEBOOKS:
        write_quick_notebook(root, name)
    return [write_quick_client(root, f"client-{number:03d}") for number in range(clients)]


def write_quick_client(root: Path, client: str) -> Path:
    for folder in ("params", "data"):
        (root / folder).mkdir(exist_ok=True)
    rows = [f"{client}-{n % 7},2025-01-{n + 1:02d} 10:00:00,page {n % 3}" for n in range(25)]
    (root / "data" / f"{client}.csv").write_text("\n".join(["who,at,page", *rows]) + "\n")
    path = root / "params" / f"{client}.yml"
    path.write_text(PARAMS.format(client=client, title=client.title()))
    return path


def write_quick_notebook(root: Path, name: str, *, more: str = "", only_for: str = "") -> None:
    """Write one notebook; `more` is a further cell, which a client may be singled out for."""
    if only_for:
        more = f'if work.params.client == "{only_for}":\n    ' + more.replace("\n", "\n    ")
    sources = [LOAD.format(number=name[:2]), *([more] if more else []), WORK[name[:2]]]
    cell, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    parameter = cell('client: str = ""  # Client file', id=f"parameters-{name[:2]}")
    parameter.metadata["tags"] = ["parameters"]
    title = text(f"# {name[3:].replace('_', ' ')}", id=f"title-{name[:2]}")
    title.metadata["tags"] = ["title"]
    heading = text("## The work", id=f"heading-{name[:2]}")
    code = [cell(one, id=f"cell-{name[:2]}-{n}") for n, one in enumerate(sources)]
    notebook = nbformat.v4.new_notebook(cells=[title, parameter, heading, *code])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")


def start_journey(root: Path, *arguments: str, env: dict[str, str] | None = None, **options):
    """Start the command in a process of its own."""
    code = "from journeylib.cli import main; main()"
    own = {"JOURNEY_WORK": str(root / "work"), "NO_COLOR": "1", "PYTHONPATH": str(HOUSE)}
    given = {**os.environ, **own, **(env or {})}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=root, env=given, **{"preexec_fn": TAKE_INTERRUPTS, **options},
    )  # fmt: skip


def journey(root: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run the command and wait for it."""
    process = start_journey(root, *arguments, **options)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def run_json(root: Path, *arguments: str, **options) -> dict:
    """Run clients and give what stands on stdout, which is one JSON object."""
    done = journey(root, "run", *arguments, "--json", **options)
    return json.loads(done.stdout)


class Inline(Executor):
    """Calls at once and here: the shape of ``concurrent.futures`` and nothing else."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as failed:
            future.set_exception(failed)
        return future


def run_here(files, root: Path, **plan) -> list[batch.Outcome]:
    """Run clients in this process, in kernels of their own."""
    how = batch.Plan(executor=Inline(), **plan)
    return batch.run_clients(files, reports=root / "reports", plan=how)


def execute_here(path, *, client, save_to=None, on_cell=None, **_):
    """Run a quick notebook in this very process: a stand-in for the kernel, where only the runner
    matters."""
    notebook = nbformat.read(path, 4)
    names = {}
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            if on_cell is not None:
                on_cell(number, len(notebook.cells))
            exec(cell.source, names)
            names["client"] = client
            cell.metadata["execution"] = {"shell.execute_reply": "now"}
    del save_to
    return kernels.Executed(notebook, 0.1)


def run_without_kernels(root: Path, **plan) -> list[batch.Outcome]:
    """Run every client below a folder in this process; for processes that are to be killed."""
    os.environ["JOURNEY_WORK"] = str(root / "work")
    kernels.execute_notebook = execute_here
    return run_here(batch.find_client_files([root / "params"]), root, **plan)


def published(root: Path) -> dict[str, bytes]:
    """Give what stands in the reports, without what tells when it was made."""
    found = {}
    for path in sorted((root / "reports").glob("*/**/*")):
        if path.is_file() and not path.relative_to(root / "reports").parts[0].startswith("."):
            found[path.relative_to(root).as_posix()] = without_moment(path)
    return found


def without_moment(path: Path) -> bytes:
    text = path.read_bytes()
    if path.suffix in {".html", ".json"}:
        text = re.sub(rb"\d{4}-\d\d-\d\d(T[\d:]+(\+00:00|Z)?)?", b"", text)
        text = re.sub(rb'"seconds": \{[^}]*\}', b"", text)
    return text
