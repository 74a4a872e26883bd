"""The same inputs give the same bytes, and where they do not the first difference is told."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tiny import write_tiny_client
from typer.main import get_command

from journeylib import provenance, reproduce
from journeylib.batch import Outcome, run_clients
from journeylib.cli import app
from journeylib.params import read_params

SVG = "<svg>\n<path d='M{}'/>\n<text>the same</text></svg>"


def picture(place):
    return base64.b64encode(SVG.format(place).encode()).decode()


def write_run(folder, *, when="2026-11-22T06:00:00+00:00", place=1, **changed):
    """A client's folder as a run leaves it, small."""
    (folder / "tables").mkdir(parents=True)
    page = (
        f"<h1>Anna</h1>\n<p>drawn up {when[:10]} · confidential</p>\n"
        f'<img src="data:image/svg+xml;base64,{picture(place)}">\n'
    )
    run = {"generated": when, "seconds": {"01": len(when)}, "seed": 7, **changed}
    (folder / "anna.html").write_text(page)
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "results.json").write_text(json.dumps({"generated": when}, indent=1))
    frame = pd.DataFrame({"metric": ["nps", "csat"], "value": [5.2, None]})
    frame.to_parquet(folder / "tables" / "metrics.parquet", index=False)
    return folder


@pytest.fixture
def pair(tmp_path):
    later = "2026-11-23T00:00:10+00:00"
    return write_run(tmp_path / "a" / "anna"), write_run(tmp_path / "b" / "anna", when=later)


# ---------------------------------------------------------------- what may differ


def test_only_the_moment_and_the_seconds_of_a_run_may_differ(pair):
    found = reproduce.compare_folders(*pair)
    assert found.same
    assert found.files == 4
    (line,) = found.lines()
    assert "the same 4 files, byte for byte, but for generated and seconds" in line


def test_the_history_tells_of_other_runs_and_is_not_compared(pair):
    (pair[0] / "history").mkdir()
    (pair[0] / "history" / "20261001T060000Z.json").write_text("{}")
    assert reproduce.compare_folders(*pair).same


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 8), ("code_sha256", "ab"), ("packages", {"pandas": "3.1.2"})]
)
def test_nothing_else_of_run_json_may_differ(pair, key, value):
    path = pair[1] / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    found = reproduce.compare_folders(*pair)
    assert found.differing == ("run.json",)
    assert not found.same


def test_another_moment_in_a_page_is_no_excuse(pair):
    page = pair[1] / "anna.html"
    page.write_text(page.read_text().replace("Anna", "Anna at 2026-11-22T06:00:01+00:00"))
    assert reproduce.compare_folders(*pair).differing == ("anna.html",)


# ---------------------------------------------------------------- what is said


def test_a_difference_is_told_with_file_line_and_both_texts(pair):
    page = pair[1] / "anna.html"
    page.write_text(page.read_text().replace("Anna", "Hanna"))
    said = "\n".join(reproduce.compare_folders(*pair).lines())
    assert "1 of 4 files differ" in said
    assert "anna.html, line 1, character 5:" in said
    assert "first:  <h1>Anna</h1>" in said
    assert "second: <h1>Hanna</h1>" in said


def test_a_difference_inside_a_picture_is_told_as_what_is_drawn(tmp_path):
    one = write_run(tmp_path / "a" / "anna", place="1 2")
    other = write_run(tmp_path / "b" / "anna", place="1 3")
    first = reproduce.compare_folders(one, other).first
    assert "anna.html, line 3, inside picture 1" in first
    assert "first:  <path d='M1 2'/>" in first
    assert "second: <path d='M1 3'/>" in first


def test_a_difference_in_a_table_is_told_by_row_and_column(pair):
    frame = pd.DataFrame({"metric": ["nps", "csat"], "value": [5.2, 0.5]})
    frame.to_parquet(pair[1] / "tables" / "metrics.parquet", index=False)
    first = reproduce.compare_folders(*pair).first
    assert "tables/metrics.parquet, row 2, column value:" in first
    assert "second: 0.5" in first
    frame[["value", "metric"]].to_parquet(pair[1] / "tables" / "metrics.parquet", index=False)
    assert "columns differ" in reproduce.compare_folders(*pair).first
    frame.head(1).to_parquet(pair[1] / "tables" / "metrics.parquet", index=False)
    assert "2 rows, and 1" in reproduce.compare_folders(*pair).first


def test_the_same_cells_in_other_bytes_still_differ(pair):
    path = pair[1] / "tables" / "metrics.parquet"
    pd.read_parquet(path).to_parquet(path, index=False, compression="gzip")
    assert "the same cells, written as other bytes" in reproduce.compare_folders(*pair).first


def test_a_file_that_only_one_run_wrote_and_one_that_goes_on_are_told(pair):
    (pair[1] / "tables" / "pains.csv").write_text("rank\n")
    assert "written by the second only" in reproduce.compare_folders(*pair).first
    (pair[0] / "tables" / "pains.csv").write_text("rank\n1\n")
    assert (
        "one goes on where the other ends (2 and 1 lines)" in reproduce.compare_folders(*pair).first
    )


# ---------------------------------------------------------------- two runs


def test_two_runs_differ_in_what_must_not_matter_and_leave_nothing(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.delenv("JOURNEY_WORK", raising=False)
    seen = []

    def run(reports):
        names = ("PYTHONHASHSEED", "TZ", "JOURNEY_WORK")
        seen.append((reports, *(os.environ[name] for name in names)))
        write_run(reports / "anna")
        return [Outcome("anna", "finished", 1.0)]

    (found,) = reproduce.verify_runs(run)
    assert found.same
    assert all(len(set(values)) == 2 for values in zip(*seen, strict=True))
    assert os.environ["PYTHONHASHSEED"] == "7"
    assert "JOURNEY_WORK" not in os.environ
    assert not any(reports.exists() for reports, *_ in seen)


def test_a_run_that_fails_is_no_proof():
    (found,) = reproduce.verify_runs(lambda _: [Outcome("anna", "failed", 1.0, "no data.")])
    assert not found.same
    assert "run 1 failed: no data." in found.lines()[0]


@pytest.mark.slow
def test_a_client_run_twice_gives_the_same_bytes(tmp_path):
    file = write_tiny_client(tmp_path, "anna")
    found = reproduce.verify_runs(lambda reports: run_clients([file], reports=reports, jobs=1))
    assert ["\n".join(one.lines()) for one in found if not one.same] == []
    assert found[0].files > 40
    assert not (tmp_path / "reports").exists()


# ---------------------------------------------------------------- run.json


def test_run_json_names_all_that_a_later_run_needs(tmp_path, monkeypatch):
    monkeypatch.delenv("JOURNEY_SECRET", raising=False)
    file = write_tiny_client(tmp_path, "anna")
    notebook = tmp_path / "01.ipynb"
    notebook.write_text("{}")
    params = read_params(file)
    run = provenance.describe_run(
        params, status="finished", seconds={"01": 1.26}, when="now", notebooks={"01": notebook}
    )
    assert run["command"] == "journey run params/anna.yml"
    assert run["seconds"] == {"01": 1.3}
    assert set(run["data_sha256"]) == {"visits.csv", "orders.csv"}
    assert run["notebooks_sha256"] == {"01": provenance.hash_file(notebook)}
    assert {"pandas", "numpy", "statsmodels", "nbclient", "python-dateutil"} <= set(run["packages"])
    assert re.fullmatch(r"CPython 3\.\d+\.\d+", run["python"])
    assert run["pseudonym_key"] == "own"
    text = json.dumps(run)
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text


def test_a_secret_is_named_but_never_written(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_SECRET", "correct horse battery")
    params = read_params(write_tiny_client(tmp_path, "anna"))
    text = json.dumps(provenance.describe_run(params, status="finished", seconds={}, when="now"))
    assert '"pseudonym_key": "JOURNEY_SECRET"' in text
    assert "horse" not in text


def test_files_of_one_name_are_told_apart_by_their_source(tmp_path):
    file = write_tiny_client(tmp_path, "anna")
    shutil.copytree(tmp_path / "data" / "anna", tmp_path / "data" / "old")
    text = file.read_text().replace("data/anna/orders.csv", "data/old/visits.csv")
    file.write_text(text)
    with (tmp_path / "data" / "old" / "visits.csv").open("a") as more:
        more.write("x\n")
    found = provenance.hash_data(read_params(file))
    assert set(found) == {"visits/visits.csv", "orders/visits.csv"}
    assert len(set(found.values())) == 2


def test_a_change_of_the_data_the_code_or_a_named_file_changes_its_hash(tmp_path):
    file = write_tiny_client(tmp_path, "anna")
    first = provenance.hash_data(read_params(file))
    with (tmp_path / "data" / "anna" / "visits.csv").open("a") as more:
        more.write("\n")
    second = provenance.hash_data(read_params(file))
    assert first["visits.csv"] != second["visits.csv"]
    assert first["orders.csv"] == second["orders.csv"]
    assert re.fullmatch("[0-9a-f]{64}", provenance.hash_code())


# ---------------------------------------------------------------- schedules

SCHEDULES = (Path(__file__).parents[1] / "docs" / "schedules.md").read_text(encoding="utf-8")


def workflow():
    (text,) = re.findall(r"```yaml\n(name:.*?)```", SCHEDULES, flags=re.DOTALL)
    return yaml.safe_load(text)


def test_the_schedules_that_are_shown_are_whole_and_name_options_that_exist():
    (line,) = [line for line in SCHEDULES.splitlines() if line.startswith("30 2 1 * * ")]
    assert "%" not in line  # cron would read it as the end of the line
    steps = workflow()["jobs"]["map"]["steps"]
    quoted = re.findall(r"`(journey .*?)`", SCHEDULES)
    shown = [line, *(step.get("run", "") for step in steps), *quoted]
    known = {
        option
        for command in get_command(app).commands.values()
        for parameter in command.params
        for option in parameter.opts
    }
    calls = [call for text in shown for call in re.findall(r"journey run[^\n|>`]*", text)]
    used = {word for call in calls for word in call.split() if word.startswith("--")}
    assert used == {"--reports", "--verify"}
    assert used <= known


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_workflow_that_is_shown_keeps_the_history_from_month_to_month(tmp_path):
    steps = {step.get("name"): step.get("run", "") for step in workflow()["jobs"]["map"]["steps"]}
    origin = tmp_path / "origin.git"

    def call(script, folder):
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    call(f"git init -q --bare {origin} && git clone -q {origin} first", tmp_path)
    begin = (
        "git checkout -q -b main && mkdir reports && touch reports/README.md && git add -A && "
        "git -c user.name=a -c user.email=a@b commit -qm one && git push -q origin main"
    )
    call(begin, tmp_path / "first")
    for month in ("1", "2"):
        folder = tmp_path / month
        call(f"git clone -q --branch main {origin} {month}", tmp_path)
        call(steps["Bring back the results of earlier runs"], folder)
        past = sorted(path.name for path in (folder / "reports").rglob("*.json"))
        assert past == ([] if month == "1" else ["1.json", "results.json"])
        history = folder / "reports" / "anna" / "history"
        history.mkdir(parents=True, exist_ok=True)
        (history / f"{month}.json").write_text("{}")
        (history.parent / "results.json").write_text(month)
        (history.parent / "anna.html").write_text("not kept")
        call(steps["Keep the results"], folder)
    call(f"git clone -q --branch journey-results {origin} kept", tmp_path)
    kept = {path.name for path in (tmp_path / "kept").rglob("*") if path.suffix}
    assert kept >= {"1.json", "2.json", "results.json"}
    assert "anna.html" not in kept
