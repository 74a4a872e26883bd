"""The same run on a Dask cluster: a real scheduler and two workers on loopback."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time

import pytest
from quick import HOUSE, published, run_here, write_quick_house, write_quick_notebook

from journeylib import batch, executors
from journeylib.errors import RunError
from journeylib.workspace import NOTEBOOKS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None, reason="distributed is not installed"
    ),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers, each a process of its own; gives the address."""
    folder = tmp_path_factory.mktemp("cluster")
    told = folder / "scheduler.json"
    env = {**os.environ, "PYTHONPATH": f"{HOUSE}:{HOUSE / 'tests'}"}
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    where = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(told)]
    worker += ["--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    running = []
    with (folder / "log.txt").open("w") as log:
        try:
            running.append(subprocess.Popen([*start, *where], stderr=log, stdout=log, env=env))
            running += [subprocess.Popen(worker, stderr=log, stdout=log, env=env) for _ in range(2)]
            yield wait_for(told)
        finally:
            for process in reversed(running):
                process.terminate()
                process.wait(30)


def wait_for(told) -> str:
    import json

    from distributed import Client

    deadline = time.monotonic() + 120
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    address = json.loads(told.read_text())["address"]
    with Client(address) as client:
        client.wait_for_workers(2, timeout=120)
    return address


def test_two_workers_give_what_one_machine_gives_and_one_failure_stays_alone(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.delenv("JOURNEY_SECRET", raising=False)
    monkeypatch.delenv("JOURNEY_WORK", raising=False)
    here, there = tmp_path / "here", tmp_path / "there"
    for root in (here, there):
        for file in write_quick_house(root, 2):
            (root / ".secrets").mkdir(exist_ok=True)
            (root / ".secrets" / file.stem).write_text("the same for both")
        write_quick_notebook(root, NOTEBOOKS[3], more="1 / 0", only_for="client-001")
    expected = [one.status for one in run_here(files_of(here), here)]
    news = []
    outcomes = batch.run_clients(
        files_of(there), reports=there / "reports", on_progress=news.append,
        plan=batch.Plan(executor=f"dask={cluster}"),
    )  # fmt: skip
    assert [one.status for one in outcomes] == expected == ["finished", "failed"]
    assert "ZeroDivisionError" in outcomes[1].error
    assert "04_pain_point_analysis" in {one.doing for one in news}
    ours, theirs = published(here), published(there)
    assert set(ours) == set(theirs)
    for name in ours:
        assert ours[name] == theirs[name] or name.endswith(("run.json", "error.html")), name


def files_of(root):
    return batch.find_client_files([root / "params"])


def test_a_worker_process_that_dies_fails_its_own_call_only(cluster):
    pool = executors.make_executor(f"dask={cluster}", 1)
    try:
        with pytest.raises(RunError, match="by signal 9"):
            pool.submit(kill_myself).result(60)
        assert pool.submit(sum, [1, 2]).result(60) == 3
    finally:
        pool.shutdown()


def kill_myself():
    os.kill(os.getpid(), 9)


def test_a_scheduler_that_is_not_there_is_told_with_its_address():
    with pytest.raises(RunError, match=r"tcp://127\.0\.0\.1:1"):
        executors.make_executor("dask=tcp://127.0.0.1:1", 1)
