"""The floor of the batch benchmark: every notebook's calls as one plain script in one process.

    python benchmarks/plain_script.py REPORTS CLIENT.yml...

No kernel, no papermill, no messages: cells are run one after the other, what they show is rendered,
and the same HTML is written as by the runner.
"""

from __future__ import annotations

import ast
import sys
from datetime import UTC, datetime
from pathlib import Path

from journeylib import _faststart  # noqa: F401  # before nbformat, see there

ROOT = Path(__file__).parents[1]


def shown(value):
    """Give the outputs of a cell's last expression."""
    import nbformat

    if value is None:
        return []
    data = {"text/plain": repr(value)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_()
    return [nbformat.v4.new_output("display_data", data)]


def run_cell(source, names):
    """Run a cell and give the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None


def run_notebook(path, client):
    """Run a notebook's cells for one client."""
    import nbformat

    notebook = nbformat.read(path, 4)
    names = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = shown(run_cell(cell.source, names))
            if "parameters" in cell.metadata.get("tags", []):
                names["client"] = client
    return notebook


def run_client(file, reports):
    """Run all notebooks for one client and write its pages."""
    from journeylib.export import export_notebook, export_report
    from journeylib.params import read_params
    from journeylib.report import describe_page
    from journeylib.workspace import NOTEBOOKS, Workspace, work_folder

    executed = {
        name: run_notebook(ROOT / "notebooks" / f"{name}.ipynb", str(file)) for name in NOTEBOOKS
    }
    params = read_params(file)
    page = describe_page(
        Workspace(params, work_folder(params)), datetime.now(UTC).isoformat(timespec="seconds")
    )
    folder = reports / params.client
    folder.mkdir(parents=True, exist_ok=True)
    order = [NOTEBOOKS[-1], *NOTEBOOKS[:-1]]
    whole = export_report({name: executed[name] for name in order}, page=page)
    (folder / f"{params.client}.html").write_text(whole, encoding="utf-8")
    for name, notebook in executed.items():
        html = export_notebook(notebook, page=page)
        (folder / f"{name}.html").write_text(html, encoding="utf-8")


def main():
    reports = Path(sys.argv[1])
    for file in sys.argv[2:]:
        run_client(Path(file), reports)


if __name__ == "__main__":
    main()
