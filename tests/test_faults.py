"""Every fault of machines and people, caused for real: what is promised is what is left."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from quick import (
    HOUSE,
    TAKE_INTERRUPTS,
    Inline,
    journey,
    published,
    run_here,
    run_without_kernels,
    start_journey,
    without_moment,
    write_quick_client,
    write_quick_house,
    write_quick_notebook,
)

from journeylib import batch, clientrun, executors, kernels, locks, portfolio, progress, standing
from journeylib.errors import JourneyError, ParamsError, RunError
from journeylib.failures import explain, make_reserve
from journeylib.workspace import NOTEBOOKS

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from pathlib import Path

PRELOADED = ["quick", "journeylib.batch", "journeylib.report", "nbconvert"]
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

KILLED = (
    'the kernel died in cell 6 ("The work") by signal 9 (SIGKILL), having taken n GB; '
    "most likely the memory ran out"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "said", "plan"),
    [
        ("import os\nos.kill(os.getpid(), 9)", KILLED, {}),
        ("import os\nos._exit(3)", "did not finish", {}),
        ("import sys\nsys.exit(0)", "did not finish", {}),
        ("while True:\n    pass", "took more than 3 s", {"timeout": 3}),
        ("x = bytearray(3_000_000_000)", "1.0 GB (--memory)", {"memory": 1_000_000_000}),
    ],
    ids=["killed", "exits hard", "exits", "endless", "memory"],
)
def test_a_kernel_that_does_not_end_well_fails_its_client_and_names_the_cell(
    house, cell, said, plan, capsys
):
    write_quick_notebook(house, NOTEBOOKS[0], more=cell)
    file = house / "params" / "client-000.yml"
    (outcome,) = run_here([file], house, **plan)
    progress.print_summary([outcome], house / "index.html")
    assert outcome.status == "failed"
    assert said in re.sub(r"\d\.\d GB;", "n GB;", outcome.error)
    assert f"✗ client-000: {outcome.error}" in capsys.readouterr().out
    assert run_of(house, "client-000")["error"] == outcome.error
    page = (house / "reports" / "client-000" / "error.html").read_text()
    assert "01_data_collection, cell" in page
    assert "The work" in page
    assert cell.splitlines()[-1].split("(")[0] in page
    assert "<script" not in page
    assert not (house / "reports" / "client-000" / "client-000.html").exists()
    kept = house / "work" / "client-000" / "failed" / "01_data_collection.failed.ipynb"
    assert "did not finish" in json.loads(kept.read_text())["cells"][0]["source"]


def test_an_exception_in_a_thread_fails_its_client_and_the_page_shows_the_cell(house):
    thread = "import threading\nthreading.Thread(target=lambda: {}['shoes']).start()"
    write_quick_notebook(house, NOTEBOOKS[1], more=thread, only_for="client-000")
    (outcome,) = run_here([house / "params" / "client-000.yml"], house)
    assert outcome.status == "failed"
    assert '02_persona_segmentation stopped in cell 6 ("The work"): KeyError' in outcome.error
    page = (house / "reports" / "client-000" / "error.html").read_text()
    assert "threading.Thread(target=lambda" in page
    assert not (house / "reports" / "client-000" / "client-000.html").exists()


def test_warnings_and_logged_errors_stand_where_they_are_looked_for_and_nowhere_else(house, capsys):
    odd = "import logging, warnings\nwarnings.warn('very odd')\nlogging.error('all is lost')"
    write_quick_notebook(house, NOTEBOOKS[1], more=odd)
    file = house / "params" / "client-000.yml"
    (outcome,) = run_here([file], house)
    assert (outcome.status, outcome.warnings) == ("finished", 2)
    assert run_of(house, "client-000")["warnings"] == {
        "02_persona_segmentation": {
            "count": 2,
            "told": ["cell 6: ERROR (root): all is lost", "cell 6: UserWarning: very odd"],
        }
    }
    folder = house / "reports" / "client-000"
    analyst = (folder / "analyst" / "02_persona_segmentation.html").read_text()
    assert "UserWarning: very odd\nERROR:root:all is lost" in analyst
    assert "very odd" not in (folder / "client-000.html").read_text()
    first = published(house)
    (again,) = run_here([file], house)
    assert (again.status, again.warnings) == ("unchanged", 2)
    progress.print_summary([again], house / "index.html")
    assert "! client-000: 2 warnings; run.json" in capsys.readouterr().out
    run_here([file], house, force=True)
    assert {name: text for name, text in published(house).items() if name in first} == first


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


BAD = "client-007"


@posix
@pytest.mark.slow
def test_one_bad_client_of_twenty_and_a_kill_after_seven_change_no_other_report(
    house, tmp_path_factory, monkeypatch
):
    monkeypatch.setenv("JOURNEY_SECRET", "the same for both")
    calm = tmp_path_factory.mktemp("calm")
    for root in (house, calm):
        write_quick_house(root, 20)
        write_quick_notebook(
            root, NOTEBOOKS[4], more=f"1 / (work.params.client[-3:] != '{BAD[-3:]}')"
        )
    (calm / "params" / f"{BAD}.yml").unlink()
    meanwhile = start_apart(calm)
    done = kill_after(house, 7)
    outcomes = run_without_kernels(house)
    meanwhile.join()
    assert [one.client for one in outcomes if not one.ok] == [BAD]
    assert {one.client for one in outcomes if not one.ran} == done
    whole = published(calm)
    assert {name for name in published(house) if BAD not in name} == set(whole)
    assert [name for name, text in whole.items() if published_file(house, name) != text] == []
    check_no_word_of_others(house)


def start_apart(house: Path) -> BaseProcess:
    """Run all clients of a house in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=run_without_kernels, args=(house,))
    process.start()
    return process


def kill_after(house: Path, reports: int) -> set[str]:
    """Kill a run as soon as so many reports stand; gives the clients that need not run again."""
    process = start_apart(house)
    deadline = time.monotonic() + 60
    while len(finished(house)) < reports and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    found = [standing.look_at(file, house / "reports") for file in (house / "params").glob("*.yml")]
    assert reports <= len(finished(house)) < 20
    return {one.client for one in found if one.state == standing.FRESH}


def finished(house: Path) -> list[Path]:
    found = (house / "reports").glob("client-*/run.json")
    return [path for path in found if '"finished"' in path.read_text()]


def published_file(house: Path, name: str) -> bytes:
    return without_moment(house / name)


def check_no_word_of_others(house: Path) -> None:
    names = {path.stem.encode() for path in (house / "params").glob("*.yml")}
    for folder in (house / "reports").glob("client-*"):
        others = names - {folder.name.encode()}
        for path in (path for path in folder.rglob("*") if path.is_file()):
            text = path.read_bytes().lower()
            assert not [name for name in others if name in text], path


def test_a_client_that_cannot_be_read_does_not_keep_its_old_report_as_if_it_were_new(house):
    run_without_kernels(house)
    (house / "params" / "client-000.yml").write_text("client: client-000\nsauces: []\n")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["failed", "unchanged"]
    assert run_of(house, "client-000")["status"] == "failed"
    assert "sources" in outcomes[0].error


def test_a_broken_copy_of_a_client_file_does_not_mark_the_report_of_its_client(house):
    run_without_kernels(house)
    (house / "params" / "copy.yml").write_text("client: client-000\nsauces: []\n")
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["unchanged", "unchanged", "failed"]
    assert run_of(house, "client-000")["status"] == "finished"


def test_a_data_file_that_nobody_can_read_fails_its_client_only(house):
    (house / "data" / "client-000.csv").unlink()
    (house / "data" / "client-000.csv").mkdir()
    outcomes = run_without_kernels(house)
    assert [one.status for one in outcomes] == ["failed", "finished"]


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
    assert "it is named in client-000.yml, line 5" in outcome.error
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


def kill_at_random(house: Path, kills: int, seed: int, longest: float, **plan) -> int:
    """Kill runs at random moments; gives how many had not ended by themselves."""
    rng = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    hit = 0
    for _ in range(kills):
        process = context.Process(target=run_without_kernels, args=(house,), kwargs=plan)
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
        hit = kill_at_random(house, 12, seed=7, longest=1.5, force=True)
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
@pytest.mark.parametrize(
    ("end", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)],
    ids=["ctrl-c at a terminal", "terminated"],
)
def test_an_interrupted_run_stops_in_order_and_leaves_no_process(house, end, number):
    endless = "import time\nmarked = (work.folder / 'here').touch()\ntime.sleep(600)"
    write_quick_notebook(house, NOTEBOOKS[1], more=endless, only_for="client-000")
    process = start_journey(house, "run", "params", "--jobs", "1", start_new_session=True)
    mark = house / "work" / "client-000" / "here"
    deadline = time.monotonic() + 120
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    end(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "interrupted" in out
    assert "not started" in out
    assert not (house / "reports" / "client-000").exists()
    assert no_process_names(str(house))


STUCK = """
import sys, time
from concurrent.futures import Executor, Future
from pathlib import Path
from journeylib import batch

class Stuck(Executor):
    def submit(self, *_):
        print("running", flush=True)
        return Future()

    def stop(self):
        print("stopping", flush=True)
        time.sleep(60)

batch.run_clients([Path(sys.argv[1])], reports=Path("reports"), plan=batch.Plan(Stuck()))
"""


@posix
def test_a_second_ctrl_c_ends_at_once(house):
    file = house / "params" / "client-000.yml"
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=house, env={**os.environ, "PYTHONPATH": str(HOUSE)},
        preexec_fn=TAKE_INTERRUPTS,  # noqa: PLW1509  # it only sets a signal
    )  # fmt: skip
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "stopping\n"
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    watchdog.cancel()
    assert process.returncode == -signal.SIGINT  # which a shell calls 130
    assert err == ""


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


# ---------------------------------------------------------------- limits of the machine


@posix
def test_too_few_open_files_stop_the_run_with_the_limit_and_what_to_do(house):
    import resource

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    done = journey(house, "run", "params", "--jobs", "1", preexec_fn=limit_files)
    assert done.returncode == 2, done.stderr
    assert "Too few files may be open: the limit is 40." in done.stderr
    assert "ulimit -n 1024" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (house / "reports" / "client-000").exists()


@pytest.mark.parametrize("name", ["ipykernel", "papermill"])
def test_a_missing_kernel_is_told_before_anything_starts(house, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RunError, match=f"No notebook can be run: {name} is not installed"):
        run_without_kernels(house)
    assert not (house / "reports" / "client-000").exists()


def test_a_missing_kernelspec_is_told_before_anything_starts(house, monkeypatch):
    monkeypatch.setattr(kernels, "KERNELSPECS", house / "nothing")
    with pytest.raises(RunError, match="the kit's own kernelspec is not installed"):
        run_without_kernels(house)


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


def test_a_process_that_cannot_be_started_fails_its_call_and_nobody_waits_for_ever(monkeypatch):
    def refuse():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(executors, "_Worker", refuse)
    with executors.ProcessExecutor(1) as pool:
        for future in [pool.submit(double, 1), pool.submit(double, 2)]:
            with pytest.raises(OSError, match="Too many"):
                future.result(10)


def test_a_client_whose_run_is_over_stops_and_is_not_marked_as_failed(house):
    run_without_kernels(house)
    before = published(house)
    file = house / "params" / "client-000.yml"
    data = house / "data" / "client-000.csv"
    data.write_text(data.read_text() + "\n")
    gone = house / "gone"
    job = clientrun.Job(file, house / "reports", gone / "1.json", gone / "stop")
    outcome = clientrun.run_client(job)
    assert "was interrupted" in outcome.error
    assert published(house) == before


def test_a_worker_with_other_code_than_the_runners_publishes_nothing(house):
    job = clientrun.Job(house / "params" / "client-000.yml", house / "reports", library="other")
    outcome = clientrun.run_client(job)
    assert "not that with which the run began" in outcome.error
    assert not (house / "reports" / "client-000" / "results.json").exists()


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


# ---------------------------------------------------------------- the table of faults


def test_every_test_that_the_table_of_faults_names_is_there():
    rows = [
        line for line in (HOUSE / "docs" / "faults.md").read_text().splitlines() if "`test_" in line
    ]
    written = "\n".join(path.read_text() for path in (HOUSE / "tests").glob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)", written, re.MULTILINE))
    named = [re.findall(r"`(test_\w+)`", row.rpartition("|")[0].rpartition("|")[2]) for row in rows]
    assert len(rows) >= 23
    assert all(named)
    assert {name for row in named for name in row} - defined == set()
