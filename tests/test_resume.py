"""Unchanged work is not done again, changed work is, and an interrupted batch goes on."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from quick import (
    journey,
    published,
    run_without_kernels,
    write_quick_house,
    write_quick_notebook,
)

from journeylib import batch, kernels, portfolio, standing
from journeylib.errors import ParamsError
from journeylib.fingerprints import ABSENT, Fingerprints
from journeylib.workspace import NOTEBOOKS

NUMBERS = [name[:2] for name in NOTEBOOKS]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Two clients, run once; tests copy what they change."""
    root = tmp_path_factory.mktemp("ran")
    write_quick_house(root, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "execute_notebook", kernels.execute_notebook)
        patch.setenv("JOURNEY_WORK", str(root / "work"))
        outcomes = run_without_kernels(root)
    assert [one.status for one in outcomes] == ["finished", "finished"], outcomes
    return root


@pytest.fixture
def house(ran, tmp_path, monkeypatch):
    """The same, to be changed; kernels are stood in for, so that only the runner is measured."""
    monkeypatch.setattr(kernels, "execute_notebook", kernels.execute_notebook)
    monkeypatch.setenv("JOURNEY_WORK", str(ran / "work"))
    kept = {name: tmp_path / name for name in ("work", "reports", "params", "data", "notebooks")}
    for name, copy in kept.items():
        shutil.copytree(ran / name, copy)
    yield ran
    for name, copy in kept.items():
        shutil.rmtree(ran / name)
        shutil.copytree(copy, ran / name)


def ran_numbers(outcomes) -> list[list[str]]:
    return [[name[:2] for name in one.ran] for one in outcomes]


def test_nothing_changed_means_nothing_is_run_and_no_file_is_touched(house):
    before = published(house)
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["unchanged", "unchanged"]
    assert ran_numbers(outcomes) == [[], []]
    assert published(house) == before


def test_changed_data_run_one_client_again_and_leave_the_other(house):
    with (house / "data" / "client-000.csv").open("a") as file:
        file.write("client-000-9,2025-02-01 10:00:00,page 1\n")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["finished", "unchanged"]
    assert ran_numbers(outcomes) == [NUMBERS, []]


def test_data_of_the_same_size_and_time_but_other_contents_are_seen(house):
    path = house / "data" / "client-000.csv"
    looks = path.stat()
    path.write_text(path.read_text().replace("page 1", "page 9"))
    os.utime(path, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    assert path.stat().st_size == looks.st_size
    assert run_without_kernels(house)[0].status == "finished"


@pytest.mark.parametrize("moment", [0, 4_102_444_800], ids=["1970", "2100"])
def test_a_clock_that_was_set_changes_nothing(house, moment):
    for path in (house / "data").iterdir():
        os.utime(path, (moment, moment))
    assert [one.status for one in run_without_kernels(house)] == ["unchanged", "unchanged"]


def test_a_changed_notebook_runs_again_and_those_after_it_only_if_its_tables_changed(house):
    write_quick_notebook(house, NOTEBOOKS[2], more="1 + 1")
    outcomes = run_without_kernels(house)
    assert ran_numbers(outcomes) == [["03"], ["03"]]
    more = "work.keep(places=work.recall('people') * 3)"
    write_quick_notebook(house, NOTEBOOKS[3], more=more)
    assert ran_numbers(run_without_kernels(house)) == [["04", "05", "06"], ["04", "05", "06"]]


def test_another_secret_or_another_version_of_the_kit_runs_everything_again(house, monkeypatch):
    monkeypatch.setenv("JOURNEY_SECRET", "another")
    assert ran_numbers(run_without_kernels(house)) == [NUMBERS, NUMBERS]
    tools = {"the library": "another", "Python": "", "the installed packages": ""}
    monkeypatch.setattr(standing, "print_tools", lambda: tools)
    assert ran_numbers(run_without_kernels(house)) == [NUMBERS, NUMBERS]


def test_an_analyst_who_changed_the_workspace_does_not_change_the_report(house):
    before = published(house)
    shutil.rmtree(house / "work" / "client-000" / "frames")
    (house / "work" / "client-000" / "tables" / "quality.csv").write_text("mine")
    outcomes = run_without_kernels(house, start="05")
    assert ran_numbers(outcomes)[0] == ["05", "06"]
    after = published(house)
    for name in before:
        assert after[name] == before[name] or name.endswith("run.json"), name


def test_a_log_that_was_changed_is_built_again(house):
    (house / "work" / "client-000" / "log" / "codes.json").write_text("{}")
    outcomes = run_without_kernels(house, start="06")
    assert ran_numbers(outcomes) == [["01", "06"], ["06"]]


def test_a_report_that_was_changed_or_lost_is_published_again_without_running(house):
    (house / "reports" / "client-000" / "client-000.html").write_text("something else")
    shutil.rmtree(house / "reports" / "client-001")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["finished", "finished"]
    assert ran_numbers(outcomes) == [[], []]
    assert "something else" not in (house / "reports/client-000/client-000.html").read_text()


def test_only_a_run_that_differs_becomes_history(house):
    folder = house / "reports" / "client-000"
    (folder / "client-000.html").write_text("something else")
    run_without_kernels(house)
    run_without_kernels(house, force=True)
    assert not (folder / "history").exists()
    data = house / "data" / "client-000.csv"
    data.write_text(data.read_text() + "z,2025-02-01 10:00:00,page 1\n")
    before = json.loads((folder / "results.json").read_text())["generated"]
    run_without_kernels(house)
    (kept,) = (folder / "history").iterdir()
    assert json.loads(kept.read_text())["generated"] == before


def test_force_from_and_only_run_what_they_say(house):
    assert ran_numbers(run_without_kernels(house, force=True)) == [NUMBERS, NUMBERS]
    assert ran_numbers(run_without_kernels(house, start="05")) == [["05", "06"]] * 2
    only = run_without_kernels(house, only="04")
    assert ran_numbers(only) == [["04"], ["04"]]
    assert [one.status for one in only] == ["finished", "finished"]


def test_only_one_notebook_with_other_tables_gives_no_report_that_mixes_them(house):
    before = published(house)
    write_quick_notebook(
        house, NOTEBOOKS[1], more="import pandas as pd\nwork.keep(extra=pd.DataFrame({'a': [1]}))"
    )
    outcomes = run_without_kernels(house, only="02")
    assert [one.status for one in outcomes] == ["partial", "partial"]
    assert ran_numbers(outcomes) == [["02"], ["02"]]
    assert published(house) == before
    assert ran_numbers(run_without_kernels(house)) == [["03", "04", "05", "06"]] * 2


def test_a_batch_goes_on_where_a_notebook_failed(house):
    write_quick_notebook(house, NOTEBOOKS[3], more="raise ValueError('no')", only_for="client-000")
    failed = run_without_kernels(house)
    assert [one.status for one in failed] == ["failed", "finished"]
    write_quick_notebook(house, NOTEBOOKS[3])
    outcomes = run_without_kernels(house)
    assert outcomes[0].status == "finished"
    assert {name[:2] for name in outcomes[0].ran} <= {"04", "05", "06"}


def test_status_says_what_changed_and_runs_nothing(house):
    reports = house / "reports"
    file = house / "params" / "client-000.yml"
    assert standing.look_at(file, reports).state == "up to date"
    with (house / "data" / "client-000.csv").open("a") as opened:
        opened.write("client-000-9,2025-02-01 10:00:00,page 1\n")
    file.write_text(file.read_text().replace("title: Client-000", "title: Another"))
    found = standing.look_closely(file, reports)
    assert found.state == "out of date"
    assert {"the client file changed", "data/client-000.csv changed"} <= set(found.reasons)
    assert found.kept == tuple(NUMBERS)
    assert standing.look_at(file, house / "elsewhere").state == "never run"
    (house / "data" / "client-000.csv").unlink()
    assert standing.look_at(file, reports).state == "cannot be run"


def test_status_is_a_table_or_one_json_object_with_its_own_exit_code(house):
    done = journey(house, "status", "params", "--json")
    told = json.loads(done.stdout)
    assert [one["state"] for one in told["clients"]] == ["up to date", "up to date"]
    assert done.returncode == 0
    (house / "data" / "client-000.csv").unlink()
    done = journey(house, "status", "params")
    assert done.returncode == 1
    assert "cannot be run" in done.stdout
    assert "client-001" in done.stdout


def test_a_file_is_hashed_again_when_it_looks_different_and_only_then(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("one")
    os.utime(path, (1, 1))
    prints = Fingerprints(tmp_path / "store.json")
    first = prints.of(path)
    assert prints.of(tmp_path / "none.csv") == ABSENT
    path.write_text("two")
    assert prints.of(path) != first
    prints.save()
    (tmp_path / "store.json").write_text("not json")
    assert Fingerprints(tmp_path / "store.json").of(path) == prints.of(path)


def test_a_mistyped_notebook_is_refused_with_a_near_name():
    with pytest.raises(ParamsError, match="03_stage_mapping"):
        batch.read_number("03_stage_maping", "--from")
    with pytest.raises(ParamsError, match="01, 02, 03"):
        batch.read_number("9", "--only")


def test_what_nobody_can_mean_is_refused_though_nothing_has_to_be_run(house):
    with pytest.raises(ParamsError, match="dask="):
        batch.run_clients(
            batch.find_client_files([house / "params"]), reports=house / "reports",
            plan=batch.Plan("dsk"),
        )  # fmt: skip
    with pytest.raises(ParamsError, match="--from"):
        run_without_kernels(house, only="04", start="03")


def test_a_mistyped_client_file_is_refused_with_a_near_name(house):
    with pytest.raises(ParamsError, match=r"client-000\.yml"):
        batch.find_client_files([house / "params" / "clent-000.yml"])


def test_days_are_those_of_the_client_though_no_period_is_declared(house):
    file = house / "params" / "client-000.yml"
    file.write_text(file.read_text() + "timezone: Asia/Tokyo\n")
    (house / "data" / "client-000.csv").write_text(
        "who,at,page\n" + "".join(f"c{n},2025-01-{n:02d},page 1\n" for n in range(1, 26))
    )
    run_without_kernels(house)
    told = json.loads((house / "reports" / "client-000" / "results.json").read_text())
    assert told["period"]["first_day"] == "2025-01-01"
    assert told["period"]["last_day"] == "2025-01-25"
    row = told["tables"]["sources"][0]
    assert (row["first"], row["last"]) == ("2025-01-01", "2025-01-25")
    portfolio.write_index(house / "reports")
    assert "1 Jan 2025 – 25 Jan 2025" in (house / "reports" / "index.html").read_text()
