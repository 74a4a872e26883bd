"""Kernels: forked and ordinary ones give the same, nothing leaks, every ending is told truly."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest

from journeylib import forkclient, kernels
from journeylib.errors import RunError
from journeylib.kernels import execute_notebook, warm_kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
SUMS = (
    "import numpy as np\nfloat((np.random.default_rng(1).random((300, 300)) @ np.ones(300)).sum())"
)


@pytest.fixture(scope="module", autouse=True)
def _server():
    with warm_kernels() as forked:
        assert forked
        yield


def write_notebook(folder: Path, *cells: str) -> Path:
    make = nbformat.v4
    first = make.new_code_cell('client = ""', metadata={"tags": ["parameters"]})
    own = [make.new_markdown_cell("## Where it goes wrong"), *map(make.new_code_cell, cells)]
    notebook = make.new_notebook(cells=[first, *own])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    return path


def run(folder: Path, *cells: str, **settings):
    done = execute_notebook(write_notebook(folder, *cells), client="a.yml", **settings)
    return [cell for cell in done.notebook.cells if cell.cell_type == "code"][2:]


def texts(cells) -> list[str]:
    outputs = [output for cell in cells for output in cell.outputs]
    return [output.get("data", {}).get("text/plain", "") for output in outputs]


def images(cells) -> list[str]:
    return [
        output.data["image/png"]
        for cell in cells
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


# ---------------------------------------------------------------- the same results


def test_a_forked_kernel_and_an_ordinary_one_give_the_same(tmp_path, monkeypatch):
    cells = [
        FIGURE, SUMS, "sorted({'b', 'a', 'c'}) + list({'x', 'y', 'z'})", "hash('journey')",
        "import os, sys; (os.getcwd(), os.environ['OPENBLAS_NUM_THREADS'], sys.argv[1:2])",
        "import signal; (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGCHLD))",
        "import pandas as pd; pd.get_option('display.max_rows')",
        "import warnings, matplotlib as mpl; (mpl.get_backend(), mpl.rcParams['figure.dpi'])",
        "__name__, client",
    ]  # fmt: skip
    forked = run(tmp_path, *cells, "import os; os.environ['JPY_PARENT_PID']")
    monkeypatch.setenv(forkclient.KERNELS, "ordinary")
    ordinary = run(tmp_path, *cells, "import os; os.environ['JPY_PARENT_PID']")
    assert texts(forked)[:-1] == texts(ordinary)[:-1]
    assert len(images(forked)) == 1
    assert images(forked) == images(ordinary)
    assert texts(ordinary)[-1] == repr(str(os.getpid()))
    assert texts(forked)[-1] != repr(str(os.getpid()))


def test_the_notebook_keeps_its_own_kernelspec(tmp_path):
    done = execute_notebook(write_notebook(tmp_path, "1"), client="a.yml")
    assert done.notebook.metadata.kernelspec.name == "python3"


# ---------------------------------------------------------------- fresh state


def test_nothing_that_one_notebook_does_is_seen_by_the_next(tmp_path):
    spoil = (
        "import os, sys, matplotlib as mpl, pandas as pd, journeylib\n"
        "mpl.rcParams['figure.dpi'] = 33; pd.set_option('display.max_rows', 3)\n"
        "os.chdir('/'); os.environ['SPOILT'] = '1'; journeylib.spoilt = sys.path.append('spoilt')"
    )
    look = (
        "import os, sys, matplotlib as mpl, pandas as pd, journeylib\n"
        "[mpl.rcParams['figure.dpi'] == 33, pd.get_option('display.max_rows') == 3, "
        "os.getcwd() == '/', 'SPOILT' in os.environ, hasattr(journeylib, 'spoilt'), "
        "'spoilt' in sys.path]"
    )
    assert texts(run(tmp_path, spoil, look))[-1] == "[True, True, True, True, True, True]"
    assert texts(run(tmp_path, look))[-1] == "[False, False, False, False, False, False]"


def test_each_notebook_draws_its_own_random_numbers(tmp_path):
    draw = "import random, numpy as np; (random.random(), np.random.random())"
    first, second = (eval(texts(run(tmp_path, draw))[-1], {"np": None}) for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_notebook_sees_the_environment_and_folder_of_who_runs_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOURNEY_WORK", "elsewhere")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    look = "import os, time; (os.getcwd(), os.environ['JOURNEY_WORK'], time.tzname[0])"
    assert eval(texts(run(tmp_path, look))[-1]) == (str(tmp_path), "elsewhere", "JST")


# ---------------------------------------------------------------- endings


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('the client has no shoes')", "stopped in cell 4.*ValueError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"signal 9 .*having taken 0\."),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"signal 11 \(SIGSEGV\)"),
        ("import os; os._exit(3)", "ended itself in cell 4 .*exit code 3"),
        ("import sys; sys.exit(0)", "did not finish"),
        ("import time; time.sleep(60)", 'cell 4 .*"Where it goes wrong".* took more than 2 s'),
        ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "2 s"),
        ("x = b'1' * 600_000_000", "ran out of memory in cell 4.*limit of 0.4 GB"),
        ("from journeylib.errors import DataError\nraise DataError('No shoes.', ['buy'])", "^No s"),
    ],
    ids=["raises", "killed", "crashes", "ends", "exits", "sleeps", "stubborn", "memory", "mistake"],
)
def test_every_ending_is_told_and_the_partial_notebook_kept(tmp_path, source, said):
    kept = tmp_path / "kept.ipynb"
    timeout = 2 if "2 s" in said else 60
    with pytest.raises(RunError) as refused:
        run(tmp_path, source, save_to=kept, timeout=timeout, memory=400_000_000)
    assert re.search(said, str(refused.value), re.S)
    assert nbformat.read(kept, 4).cells[3].source == source
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "died in cell 4 .*signal 9"),
        ("x = b'1' * 600_000_000", "ran out of memory in cell 4.*limit of 0.4 GB"),
    ],
    ids=["killed", "memory"],
)
def test_an_ordinary_kernel_has_the_same_limits_and_words(tmp_path, monkeypatch, source, said):
    monkeypatch.setenv(forkclient.KERNELS, "ordinary")
    with pytest.raises(RunError) as refused:
        run(tmp_path, source, memory=400_000_000)
    assert re.search(said, str(refused.value), re.S)


def test_a_cell_within_the_limit_of_memory_runs(tmp_path):
    (cell,) = run(tmp_path, "x = b'1' * 300_000_000; len(x)", memory=400_000_000)
    assert texts([cell]) == ["300000000"]


def test_each_cell_is_told_when_it_starts(tmp_path):
    seen = []
    run(tmp_path, "1", "2", on_cell=lambda number, of: seen.append((number, of)))
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


# ---------------------------------------------------------------- falling back


def test_a_killed_server_is_replaced_and_the_notebook_runs_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(forkclient, "_OWN", [])
    monkeypatch.setattr(forkclient, "_FAILED", set())
    monkeypatch.setenv(forkclient.ADDRESS, str(tmp_path / "gone"))
    started = []
    monkeypatch.setattr(forkclient, "start_server", lambda: started.append(1) or _refuse())
    assert texts(run(tmp_path, "1 + 1")) == ["2"]
    assert started == [1]


def _refuse():
    raise forkclient.ForkError("no more processes")


def test_where_no_server_can_start_ordinary_kernels_are_said_to_do(monkeypatch):
    monkeypatch.setattr(forkclient, "_OWN", [])
    monkeypatch.delenv(forkclient.ADDRESS)
    monkeypatch.setattr(forkclient, "start_server", _refuse)
    with warm_kernels() as forked:
        assert not forked
        assert forkclient.ADDRESS not in os.environ


def test_an_installed_kernelspec_and_an_entry_point_name_what_the_runner_uses():
    import json
    import tomllib

    from journeylib.provisioner import KERNEL, NAME, WarmProvisioner

    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]["jupyter_client.kernel_provisioners"]
    module, name = points[NAME].split(":")
    assert getattr(sys.modules[module], name) is WarmProvisioner
    (spec,) = project["tool"]["setuptools"]["data-files"][f"share/jupyter/kernels/{KERNEL}"]
    assert (root / spec).samefile(kernels.KERNELSPECS / "kernels" / KERNEL / "kernel.json")
    written = json.loads((root / spec).read_text())
    assert written["metadata"]["kernel_provisioner"] == {"provisioner_name": NAME}
