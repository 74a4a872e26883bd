"""The runner: clients apart, failures told, nothing half-written, nothing leaking."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import nbformat
import pytest
from tiny import write_tiny_client

from journeylib import batch, portfolio
from journeylib.errors import ParamsError, RunError
from journeylib.kernels import check_complete, execute_notebook
from journeylib.workspace import NOTEBOOKS

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Two good clients and one whose data cannot be read, run together."""
    root = tmp_path_factory.mktemp("house")
    files = [
        write_tiny_client(root, "anna", seed=1, word="canaryanna"),
        write_tiny_client(root, "bert", seed=2, word="canarybert"),
        write_tiny_client(root, "cora", seed=3),
    ]
    orders = root / "data" / "cora" / "orders.csv"
    orders.write_text(orders.read_text().replace("who,", "wer,", 1))
    outcomes = batch.run_clients(files, reports=root / "reports", jobs=2)
    portfolio.write_index(root / "reports")
    return root, outcomes


def pictures(page: Path) -> set[str]:
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page.read_text())
    return {hashlib.sha256(one.encode()).hexdigest() for one in found}


def test_one_bad_client_fails_and_the_others_finish(house):
    root, outcomes = house
    assert [one.status for one in outcomes] == ["finished", "finished", "failed"]
    assert 'missing "customer_id"' in outcomes[2].error or '"who"' in outcomes[2].error
    assert "orders.csv" in outcomes[2].error
    assert not (root / "reports" / "cora" / "cora.html").exists()
    assert json.loads((root / "reports" / "cora" / "run.json").read_text())["status"] == "failed"


def test_a_finished_client_leaves_everything_the_contract_names(house):
    folder = house[0] / "reports" / "anna"
    names = {path.name for path in folder.iterdir()}
    assert names == {"anna.html", "analyst", "notebooks", "tables", "results.json", "run.json"}
    assert {path.stem for path in (folder / "analyst").iterdir()} == set(NOTEBOOKS)
    assert {path.stem for path in (folder / "notebooks").iterdir()} == set(NOTEBOOKS)
    results = json.loads((folder / "results.json").read_text())
    written = {path.stem for path in (folder / "tables").glob("*.csv")}
    assert set(results["tables"]) == written
    run = json.loads((folder / "run.json").read_text())
    assert run["status"] == "finished"
    assert set(run["data_sha256"]) == {"visits.csv", "orders.csv"}


def test_no_figure_and_no_word_of_one_client_is_in_the_others_report(house):
    first, second = (house[0] / "reports" / name for name in ("anna", "bert"))
    assert pictures(first / "anna.html")
    assert not pictures(first / "anna.html") & pictures(second / "bert.html")
    for path in first.rglob("*"):
        if path.suffix in {".html", ".json", ".csv", ".ipynb"}:
            assert "canarybert" not in path.read_text()


def test_the_page_is_one_file_that_loads_and_runs_nothing(house):
    page = (house[0] / "reports" / "anna" / "anna.html").read_text()
    assert len(page) < 3_000_000
    assert "<script" not in page
    assert not re.search(r"\bon(load|error|click)\s*=", page)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "url(http" not in page
    assert "default-src 'none'" in page
    assert "import journeylib" not in page


def test_no_machine_path_is_left_in_any_output(house):
    for path in (house[0] / "reports").rglob("*"):
        if path.suffix in {".html", ".json", ".csv", ".ipynb"}:
            text = path.read_text()
            assert str(house[0]) not in text, path
            assert str(SOURCE.parent) not in text, path


def test_the_index_lists_every_client_and_the_reason_of_a_failure(house):
    page = (house[0] / "reports" / "index.html").read_text()
    assert "anna/anna.html" in page
    assert "bert/bert.html" in page
    assert "✗ failed" in page
    assert "cora" in page.lower()


def test_the_same_inputs_give_the_same_tables_and_page(house, tmp_path):
    root = house[0]
    again = batch.run_clients([root / "params" / "anna.yml"], reports=tmp_path, jobs=1)
    assert again[0].status == "finished"
    for name in ("results.json", "anna.html"):
        first = (root / "reports" / "anna" / name).read_text()
        second = (tmp_path / "anna" / name).read_text()
        stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00|drawn up \d{4}-\d\d-\d\d")
        assert stamp.sub("", first) == stamp.sub("", second)


def test_a_second_run_with_nothing_changed_runs_nothing(house):
    root = house[0]
    again = batch.run_clients([root / "params" / "anna.yml"], reports=root / "reports", jobs=1)
    assert [one.status for one in again] == ["unchanged"]
    assert again[0].ran == ()


def test_an_old_report_stays_when_the_next_run_fails(house):
    root = house[0]
    page = root / "reports" / "bert" / "bert.html"
    before = page.read_bytes()
    orders = root / "data" / "bert" / "orders.csv"
    orders.write_text(orders.read_text().replace("at,total", "at,totale", 1))
    (outcome,) = batch.run_clients([root / "params" / "bert.yml"], reports=root / "reports", jobs=1)
    assert outcome.status == "failed"
    assert page.read_bytes() == before
    portfolio.write_index(root / "reports")
    assert "The report shown is of" in (root / "reports" / "index.html").read_text()


def test_papermills_own_word_is_not_believed():
    cell = nbformat.v4.new_code_cell("1 + 1")
    cell.metadata["papermill"] = {"status": "completed", "exception": None}
    with pytest.raises(RunError, match="did not finish"):
        check_complete(nbformat.v4.new_notebook(cells=[cell]), "a notebook")


def test_a_notebook_alone_runs_its_forerunners_first(tmp_path, monkeypatch):
    file = write_tiny_client(tmp_path, "emil")
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path / "elsewhere"))
    execute_notebook(SOURCE / "03_stage_mapping.ipynb", client=str(file))
    tables = {path.stem for path in (tmp_path / "elsewhere" / "emil" / "tables").glob("*.csv")}
    assert {"sources", "metrics", "stages", "transitions"} <= tables


def test_client_files_are_found_in_folders_once(tmp_path):
    file = write_tiny_client(tmp_path, "fritz")
    (tmp_path / "params" / "fritz.workshop.yml").write_text("a: b")
    found = batch.find_client_files([tmp_path / "params", file])
    assert found == [file.resolve()]
    with pytest.raises(ParamsError, match="cannot be run"):
        batch.find_client_files([tmp_path / "nowhere"])
    with pytest.raises(ParamsError, match="holds no client file"):
        batch.find_client_files([tmp_path / "data"])
