"""Every fault of machines and people, caused for real: what is promised is what is left."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from quick import (
    Inline,
    journey,
    published,
    run_here,
    run_without_kernels,
    start_journey,
    write_quick_client,
    write_quick_house,
    write_quick_notebook,
)

from journeylib import batch, executors, kernels, locks, portfolio
from journeylib.errors import JourneyError, ParamsError, RunError
from journeylib.failures import explain, make_reserve
from journeylib.workspace import NOTEBOOKS

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX")


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(kernels, "execute_notebook", kernels.execute_notebook)
    write_quick_house(tmp_path, 2)
    return tmp_path


def run_of(house: Path, client: str) -> dict:
    return json.loads((house / "reports" / client / "run.json").read_text())


def leftovers(house: Path) -> list[str]:
    return [path.name for path in house.rglob("*") if ".part" in path.name]


# ---------------------------------------------------------------- kernels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "said", "plan"),
    [
        ("import os\nos.kill(os.getpid(), 9)", "signal 9", {}),
        ("import os\nos._exit(3)", "did not finish", {}),
        ("import sys\nsys.exit(0)", "did not finish", {}),
        ("while True:\n    pass", "took more than 3 s", {"timeout": 3}),
        ("x = bytearray(3_000_000_000)", "ran out of memory", {"memory": 1_000_000_000}),
    ],
    ids=["killed", "exits hard", "exits", "endless", "memory"],
)
def test_a_kernel_that_does_not_end_well_fails_its_client_and_names_the_cell(
    house, cell, said, plan
):
    write_quick_notebook(house, NOTEBOOKS[0], more=cell)
    file = house / "params" / "client-000.yml"
    (outcome,) = run_here([file], house, **plan)
    assert outcome.status == "failed"
    assert said in outcome.error
    page = (house / "reports" / "client-000" / "error.html").read_text()
    assert "01_data_collection, cell" in page
    assert "The work" in page
    assert cell.splitlines()[-1].split("(")[0] in page
    assert "<script" not in page
    assert not (house / "reports" / "client-000" / "client-000.html").exists()
    kept = house / "work" / "client-000" / "failed" / "01_data_collection.failed.ipynb"
    assert "did not finish" in json.loads(kept.read_text())["cells"][0]["source"]


# ---------------------------------------------------------------- one client of many


def test_an_old_report_stays_marked_as_old_beside_the_error_page(house):
    run_without_kernels(house)
    before = (house / "reports" / "client-000" / "client-000.html").read_bytes()
    write_quick_notebook(house, NOTEBOOKS[4], more="raise ValueError('bad')", only_for="client-000")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["failed", "finished"]
    assert (house / "reports" / "client-000" / "client-000.html").read_bytes() == before
    assert run_of(house, "client-000")["status"] == "failed"
    assert "still stands" in (house / "reports" / "client-000" / "error.html").read_text()
    portfolio.write_index(house / "reports")
    assert "The report shown is of" in (house / "reports" / "index.html").read_text()
    assert batch.exit_code(outcomes) == 1


def test_a_client_that_cannot_be_read_does_not_keep_its_old_report_as_if_it_were_new(house):
    run_without_kernels(house)
    (house / "params" / "client-000.yml").write_text("client: client-000\nsauces: []\n")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["failed", "unchanged"]
    assert run_of(house, "client-000")["status"] == "failed"
    assert "sources" in outcomes[0].error


def test_a_missing_data_file_fails_its_client_before_any_kernel_starts(house, monkeypatch):
    (house / "data" / "client-000.csv").rename(house / "data" / "clientt-000.csv")
    file = house / "params" / "client-000.yml"

    def never(*_, **__):
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(kernels, "execute_notebook", never)
    started = time.monotonic()
    (outcome,) = run_here([file], house)
    assert time.monotonic() - started < 1
    assert "clientt-000.csv" in outcome.error
    assert batch.exit_code([outcome]) == 2
    assert (house / "reports" / "client-000" / "error.html").exists()


def test_two_files_of_one_client_are_refused_before_anything_starts(house):
    other = house / "params" / "other.yml"
    other.write_text("client: client-000\n" + (house / "params" / "client-000.yml").read_text())
    with pytest.raises(ParamsError, match=r"other\.yml"):
        run_without_kernels(house)


# ---------------------------------------------------------------- the disk


def test_files_that_change_meanwhile_are_seen_and_the_client_is_run_again(house):
    more = (
        "from pathlib import Path\nmark = Path(client).with_suffix('.mark')\n"
        "data = work.params.root / 'data' / (work.params.client + '.csv')\n"
        "first = not mark.exists()\nmark.touch()\n"
        "data.write_text(data.read_text() + 'z,2025-02-01 10:00:00,page 1\\n' * first)"
    )
    write_quick_notebook(house, NOTEBOOKS[4], more=more)
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["finished", "finished"]
    told = json.loads((house / "reports" / "client-000" / "results.json").read_text())
    assert told["tables"]["sources"][0]["rows_used"] == 26


def test_files_that_keep_changing_give_no_report(house):
    more = (
        "from pathlib import Path\nfile = Path(client)\n"
        "file.write_text(file.read_text() + '# and again\\n')"
    )
    write_quick_notebook(house, NOTEBOOKS[5], more=more, only_for="client-000")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["failed", "finished"]
    assert "changed while it was being run" in outcomes[0].error
    assert not (house / "reports" / "client-000" / "client-000.html").exists()


@contextmanager
def small_disk(folder: Path, kilobytes: int):
    """A disk of its own below a folder; skips where none may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("nothing may be mounted here; the limit on file sizes is tested instead")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@posix
def test_a_full_disk_leaves_the_old_report_and_says_how_much_is_needed(house):
    with small_disk(house / "reports", 60_000):
        run_without_kernels(house)
        before = published(house)
        free = os.statvfs(house / "reports")
        (house / "reports" / "filler").write_bytes(
            b"0" * (free.f_bavail * free.f_frsize - 21_000_000)
        )
        more = (
            "from pathlib import Path\n"
            "import shutil\n"
            f"reports = Path({str(house / 'reports')!r})\n"
            "(reports / 'rest').write_bytes(b'0' * (shutil.disk_usage(reports).free - 40_000))"
        )
        write_quick_notebook(house, NOTEBOOKS[5], more=more, only_for="client-000")
        outcomes = run_without_kernels(house)
        assert outcomes[0].status == "failed"
        assert "disk is full" in outcomes[0].error
        assert "MB are free" in outcomes[0].error
        after = published(house)
        assert after["reports/client-000/client-000.html"] == before[
            "reports/client-000/client-000.html"
        ]  # fmt: skip
        assert run_of(house, "client-000")["status"] == "failed"
        assert not list((house / "reports").glob(".client*"))
        with pytest.raises(RunError, match="full"):
            run_without_kernels(house, force=True)


@posix
def test_a_limit_on_file_sizes_is_told_like_a_full_disk(house):
    context = multiprocessing.get_context("forkserver")
    run_without_kernels(house)
    before = published(house)
    process = context.Process(target=run_with_small_files, args=(house,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert run_of(house, "client-000")["status"] == "failed"
    assert "disk is full" in run_of(house, "client-000")["error"]
    name = "reports/client-000/client-000.html"
    assert published(house)[name] == before[name]


def run_with_small_files(house: Path) -> None:
    """In a process of its own: no file may be longer than 5 kB once the notebooks have run."""
    import resource

    from journeylib import clientrun

    write = clientrun.ClientRun._write

    def write_with_limit(self, *arguments):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
        try:
            return write(self, *arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    clientrun.ClientRun._write = write_with_limit
    run_without_kernels(house, force=True)


def test_a_folder_that_cannot_be_written_stops_the_run_before_any_kernel(house):
    (house / "reports").write_text("a file where the folder should be")
    with pytest.raises(RunError, match="reports cannot be written"):
        run_without_kernels(house)
    done = journey(house, "run", "params", "--json")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr


@posix
def test_a_read_only_disk_stops_the_run_before_any_kernel(house):
    with small_disk(house / "reports", 1_000):
        command = ["mount", "-o", "remount,ro", str(house / "reports")]
        subprocess.run(command, check=True, capture_output=True)
        with pytest.raises(RunError, match="reports cannot be written: Read-only"):
            run_without_kernels(house)


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        (OSError(28, "No space left on device", "/x/a.html"), "disk is full: a.html"),
        (PermissionError(13, "Permission denied", "/x/a.html"), "a.html cannot be written"),
        (OSError(24, "Too many open files"), "Too many files are open"),
        (MemoryError(), "memory ran out"),
        (ImportError("no such thing"), "package is missing"),
        (ZeroDivisionError("division by zero"), "kit itself failed"),
    ],
)
def test_the_machines_words_become_plain_ones_without_paths(failed, said, tmp_path):
    told = explain(failed, tmp_path)
    assert said in str(told)
    assert "/x" not in str(told)
    assert len(told.problems) >= 1


def test_a_reserve_lets_a_failure_be_recorded(tmp_path):
    make_reserve(tmp_path / "private")
    assert (tmp_path / "private" / "reserve").stat().st_size == 256 * 1024


# ---------------------------------------------------------------- two at once


def test_two_runs_never_write_into_one_folder(house):
    with locks.hold_lock(house / "reports" / ".journey" / "lock", "The folder reports"):
        done = journey(house, "run", "params")
    assert done.returncode == 1
    assert f"process {os.getpid()}" in done.stderr
    assert "since 20" in done.stderr
    assert not (house / "reports" / "client-000").exists()


def test_a_client_that_another_run_works_on_is_left_alone(house, monkeypatch):
    monkeypatch.setattr("journeylib.clientrun.PATIENCE", 0.0)
    with locks.hold_lock(house / "work" / "client-000" / ".lock", "it"):
        assert locks.is_held(house / "work" / "client-000" / ".lock")
        outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["failed", "finished"]
    assert "being written by process" in outcomes[0].error
    assert not (house / "reports" / "client-000").exists()


# ---------------------------------------------------------------- killed, interrupted


def kill_at_random(house: Path, kills: int, seed: int, longest: float) -> int:
    """Kill runs at random moments; gives how many had not ended by themselves."""
    rng = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["quick", "journeylib.batch", "journeylib.report", "nbconvert"])
    hit = 0
    for _ in range(kills):
        process = context.Process(target=run_without_kernels, args=(house,))
        process.start()
        process.join(rng.uniform(0.05, longest))
        if process.is_alive():
            hit += 1
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        check_whole(house)
    return hit


def check_whole(house: Path) -> None:
    """Whatever happened: each published folder is a whole one, of one run."""
    for folder in (house / "reports").glob("[!.]*/"):
        if folder.is_dir():
            run, results = (
                json.loads((folder / f"{n}.json").read_text()) for n in ("run", "results")
            )
            assert run["status"] == "finished"
            assert run["generated"] == results["generated"]
            assert (folder / f"{folder.name}.html").read_text().rstrip().endswith("</html>")
            assert len(list((folder / "analyst").iterdir())) == len(NOTEBOOKS)


@posix
@pytest.mark.slow
def test_a_dozen_kills_at_random_leave_only_whole_reports_and_the_run_goes_on(
    house, tmp_path_factory
):
    calm = tmp_path_factory.mktemp("calm")
    write_quick_house(calm, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOURNEY_WORK", str(calm / "work"))
        patch.setenv("JOURNEY_SECRET", "the same for both")
        run_without_kernels(calm)
        hit = kill_at_random(house, 12, seed=7, longest=2.5)
        outcomes = run_without_kernels(house)
    assert hit >= 3
    assert all(one.ok for one in outcomes), outcomes
    left = [path.name for path in (house / "reports").iterdir() if path.name.startswith(".")]
    assert left == [".journey"]
    assert {name for name in published(house) if "history" not in name} == set(published(calm))
    for name, text in published(calm).items():
        if not name.endswith("run.json"):
            assert published(house)[name] == text, name


@posix
@pytest.mark.slow
def test_ctrl_c_stops_in_order_and_the_next_run_goes_on(house):
    endless = "import time\nmarked = (work.folder / 'here').touch()\ntime.sleep(600)"
    write_quick_notebook(house, NOTEBOOKS[1], more=endless, only_for="client-000")
    process = start_journey(house, "run", "params", "--jobs", "1", start_new_session=True)
    mark = house / "work" / "client-000" / "here"
    deadline = time.monotonic() + 120
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "interrupted" in out
    assert "not started" in out
    assert not (house / "reports" / "client-000").exists()
    assert no_process_names(str(house))


def no_process_names(text: str) -> bool:
    """Whether no process is left that was started for a folder."""
    import psutil

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = []
        for process in psutil.process_iter():
            try:
                if text in process.environ().get("JOURNEY_WORK", "") and process.pid != os.getpid():
                    found.append(process)
            except psutil.Error:
                continue
        if not found:
            return True
        time.sleep(0.2)
    return False


# ---------------------------------------------------------------- executors


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def double(number: int) -> int:
    return 2 * number


def nap() -> None:
    time.sleep(60)


@posix
def test_the_death_of_one_process_fails_its_own_call_only():
    with executors.ProcessExecutor(1) as pool:
        first, second, third = pool.submit(double, 2), pool.submit(die), pool.submit(double, 4)
        assert first.result(60) == 4
        with pytest.raises(executors.WorkerDiedError, match="by signal 9"):
            second.result(60)
        assert third.result(60) == 8
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result(60)


def test_stopping_an_executor_ends_what_runs_and_cancels_what_waits():
    pool = executors.ProcessExecutor(1)
    running, waiting = pool.submit(nap), pool.submit(double, 1)
    while not pool._workers:
        time.sleep(0.05)
    time.sleep(0.5)
    started = time.monotonic()
    pool.stop()
    assert time.monotonic() - started < 10
    assert waiting.cancelled()
    assert isinstance(running.exception(), JourneyError)


@pytest.mark.parametrize(
    ("clients", "asked", "least", "most"), [(1, 8, 1, 1), (9, 3, 3, 3), (9, 0, 1, 9)]
)
def test_jobs_are_as_asked_but_no_more_than_clients(clients, asked, least, most):
    assert least <= executors.count_jobs(clients, asked) <= most


def test_an_unknown_executor_is_refused_and_any_of_the_right_shape_is_taken(house):
    with pytest.raises(ParamsError, match="dask="):
        executors.make_executor("spark", 1)
    assert isinstance(Inline().submit(double, 1).result(), int)
    write_quick_client(house, "client-002")
    assert [one.ok for one in run_without_kernels(house)] == [True, True, True]


def test_the_exit_codes_are_those_documented():
    of = {
        status: batch.Outcome("a", status, 1.0) for status in ("finished", "failed", "interrupted")
    }
    refused = batch.Outcome("a", "failed", 0.0)
    assert batch.exit_code([of["finished"]]) == 0
    assert batch.exit_code([of["finished"], of["failed"]]) == 1
    assert batch.exit_code([of["finished"], refused]) == 1
    assert batch.exit_code([refused]) == 2
    assert batch.exit_code([of["failed"], of["interrupted"]]) == 130
    assert sys.version_info >= (3, 11)
