"""The command: plain words, documented exit codes, JSON that machines can read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import write_tiny_client

from journeylib.checkup import check_client
from journeylib.doctor import examine

ROOT = Path(__file__).parents[1]


def journey(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    code = "from journeylib.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_help_names_every_command():
    found = journey("--help")
    assert found.returncode == 0
    for command in ("run", "check", "samples", "workshop", "doctor", "handbook"):
        assert command in found.stdout


def test_check_prints_one_json_object_and_nothing_else(tmp_path):
    file = write_tiny_client(tmp_path, "anna")
    found = journey("check", str(file), "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert set(said) == {"ok", "facts", "notes", "errors"}
    assert said["ok"] is True
    assert said["facts"]["n_customers"] == 260
    assert said["facts"]["first"].endswith("Z")
    assert {"code", "file", "line", "column", "message", "rows"} == set(said["notes"][0])


def test_check_names_file_line_column_and_remedy_of_a_mistake(tmp_path):
    file = write_tiny_client(tmp_path, "anna")
    orders = tmp_path / "data" / "anna" / "orders.csv"
    lines = orders.read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split(",")[2], "free")
    orders.write_text("\n".join(lines) + "\n")
    found = journey("check", str(file), "--json", cwd=tmp_path)
    assert found.returncode == 2
    (problem,) = json.loads(found.stdout)["errors"]
    assert problem["code"] == "E-NUMBER-UNREADABLE"
    assert (problem["file"], problem["line"], problem["column"]) == ("orders.csv", 5, "total")
    assert "free" in problem["message"]
    assert problem["fix"]


def test_a_persons_mistake_ends_in_plain_words_and_code_2(tmp_path):
    file = tmp_path / "acme.yml"
    file.write_text("client: acme co\nsauces: []\n")
    found = journey("check", str(file))
    assert found.returncode == 2
    assert "Traceback" not in found.stdout + found.stderr
    assert 'Did you mean "sources"' in found.stdout + found.stderr
    found = journey("run", str(tmp_path / "nowhere"))
    assert found.returncode == 2
    assert "there is no such file or folder" in found.stderr


def test_a_missing_data_file_is_an_error_of_the_checkup_with_a_near_name(tmp_path):
    file = write_tiny_client(tmp_path, "anna")
    (tmp_path / "data" / "anna" / "visits.csv").rename(tmp_path / "data" / "anna" / "visit.csv")
    found = check_client(file)
    assert not found.ok
    assert any(problem.code == "E-NO-FILE" for problem in found.errors)
    assert any("visit.csv" in str(problem) for problem in found.errors)


def test_doctor_finds_nothing_wrong_here_and_says_what_is_wrong_elsewhere(tmp_path):
    assert all(finding.ok for finding in examine(ROOT)), examine(ROOT)
    elsewhere = {finding.name: finding for finding in examine(tmp_path)}
    assert not elsewhere["Notebooks"].ok
    assert "clone of the repository" in elsewhere["Notebooks"].fix
    assert not elsewhere["Client files"].ok


@pytest.mark.parametrize("command", ["run", "check", "samples", "workshop"])
def test_every_command_explains_itself(command):
    found = journey(command, "--help")
    assert found.returncode == 0
    assert "Usage" in found.stdout
