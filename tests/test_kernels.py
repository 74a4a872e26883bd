"""Kernels: forked and ordinary ones give the same, nothing leaks, every ending is told truly."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from journeylib import forkclient, kernels
from journeylib.endings import Run, tell_ending
from journeylib.errors import RunError
from journeylib.kernels import execute_notebook, warm_kernels
from journeylib.outputs import scrub

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
SUMS = (
    "import numpy as np\nfloat((np.random.default_rng(1).random((300, 300)) @ np.ones(300)).sum())"
)


@pytest.fixture(scope="module", autouse=True)
def _server():
    with pytest.MonkeyPatch.context() as patch, warm_kernels() as forked:
        patch.delenv("MPLBACKEND", raising=False)  # kernels draw inline where nobody says otherwise
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


def test_a_notebook_works_in_the_folder_it_is_given(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    write = write_notebook(tmp_path, "open('left.txt', 'w').write('here')")
    execute_notebook(write, client="a.yml", folder=own)
    assert (own / "left.txt").read_text() == "here"


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
        ("x = b'1' * 600_000_000", "ran out of memory in cell 4.*limit of 0.4 GB .--memory"),
        ("from journeylib.errors import DataError\nraise DataError('No shoes.', ['buy'])", "^No s"),
    ],
    ids=["raises", "killed", "crashes", "ends", "exits", "sleeps", "memory", "mistake"],
)
def test_every_ending_is_told_and_the_partial_notebook_kept(tmp_path, source, said):
    kept = tmp_path / "kept.ipynb"
    timeout = 2 if "2 s" in said else 60
    with pytest.raises(RunError) as refused:
        run(tmp_path, source, save_to=kept, timeout=timeout, memory=400_000_000)
    assert re.search(said, str(refused.value), re.S)
    assert nbformat.read(kept, 4).cells[3].source == source
    assert "Traceback" not in str(refused.value)


def test_a_cell_that_cannot_be_interrupted_leaves_no_process(tmp_path):
    mark = tmp_path / "pid"
    stubborn = (
        f"import os, pathlib, signal; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True: pass"
    )
    with pytest.raises(RunError, match="took more than 2 s; set --timeout"):
        run(tmp_path, stubborn, timeout=2)
    assert not psutil.pid_exists(int(mark.read_text()))


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


# ---------------------------------------------------------------- said beside the results


FAILS = "import threading, time\ndef work():\n    {}raise ValueError('no shoes')\n"


@pytest.mark.parametrize(
    "cells",
    [
        [FAILS.format("") + "threading.Thread(target=work).start()", "time.sleep(0.2)"],
        [FAILS.format("time.sleep(0.5); ") + "threading.Thread(target=work).start()", "2"],
        [
            FAILS.format("")
            + "thread = threading.Thread(target=work)\nthread.start(); thread.join()"
        ],
    ],
    ids=["in a later cell", "after the last cell", "waited for"],
)
def test_an_exception_in_a_thread_fails_the_cell_that_started_it(tmp_path, cells):
    kept = tmp_path / "kept.ipynb"
    with pytest.raises(RunError) as refused:
        run(tmp_path, "1", *cells, save_to=kept)
    assert str(refused.value) == (
        'notebook stopped in cell 5 ("Where it goes wrong"): ValueError in a background thread.\n'
        "  - no shoes"
    )
    shown = nbformat.read(kept, 4).cells[4].outputs[-1]
    assert (shown.output_type, shown.evalue) == ("error", "no shoes")


def test_threads_that_fail_in_a_pool_or_end_by_themselves_fail_nothing(tmp_path):
    source = (
        "import sys, threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(1)\nfuture = pool.submit(lambda: 1 / 0)\n"
        "threading.Thread(target=sys.exit).start()\ntype(future.exception()).__name__"
    )
    (cell,) = run(tmp_path, source)
    assert texts([cell]) == ["'ZeroDivisionError'"]


@pytest.mark.parametrize("kind", ["warm", "ordinary"])
def test_warnings_and_logged_errors_are_kept_without_paths_and_persons(tmp_path, monkeypatch, kind):
    monkeypatch.setenv(forkclient.KERNELS, kind)
    source = (
        "import logging, warnings\n"
        "for _ in range(3): logging.error('no %s for jo@nest.example', 1)\n"
        "print('one')\nwarnings.warn(\"'Jo Nest' in /home/jo/kit/data/a.csv is odd\")\n"
        "print('two')\n"
        "logging.getLogger('kit').info('all is well')"
    )
    path = write_notebook(tmp_path, "1", source)
    done = execute_notebook(path, client="a.yml").notebook
    warned = "UserWarning: '…' in a.csv is odd"
    assert done.metadata["journey"] == {
        "warnings": 4,
        "told": ["cell 5: ERROR (root): no 1 for [e-mail] (3 times)", f"cell 5: {warned}"],
    }
    plain, errors = done.cells[4].outputs
    assert (plain.name, plain.text) == ("stdout", "one\ntwo\n")
    assert errors.name == "stderr"
    assert errors.text == "ERROR:root:no 1 for [e-mail]\n" * 3 + f"{warned}\n"


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("'1,5' in /home/jo/kit/orders.csv", "'…' in orders.csv"),
        ("b'Jo' and 'O'Brien' of jo@nest.example", "'…' and '…' of [e-mail]"),
        ("/tmp/ipykernel_99/123.py:4: UserWarning", "123.py:4: UserWarning"),
        (r"C:\Users\jo\x.csv broke", "x.csv broke"),
        ("<Model at 0x7f00123456>", "<Model at 0x…>"),
        ("it can't be read and/or isn't 1/2/2024", "it can't be read and/or isn't 1/2/2024"),
    ],
)
def test_what_is_published_of_a_message_names_no_folder_no_value_and_no_person(said, published):
    assert scrub(said) == published


def test_a_notebook_that_says_nothing_keeps_nothing(tmp_path):
    done = execute_notebook(write_notebook(tmp_path, "print(1)"), client="a.yml").notebook
    assert "journey" not in done.metadata


# ---------------------------------------------------------------- how much is put out


def test_twenty_thousand_flushed_prints_are_one_output_in_a_short_time(tmp_path):
    started = time.monotonic()
    (cell,) = run(tmp_path, "for i in range(20_000):\n    print(i, flush=True)")
    assert time.monotonic() - started < 15
    (output,) = cell.outputs
    assert output.text == "".join(f"{i}\n" for i in range(20_000))


def test_the_order_of_prints_and_pictures_stays(tmp_path):
    print_two = "print('a', flush=True); print('b', flush=True)\n"
    (cell,) = run(tmp_path, f"{print_two}{FIGURE}\n{print_two}'c'")
    kinds = [output.output_type for output in cell.outputs]
    assert kinds == ["stream", "display_data", "stream", "execute_result"]
    assert [cell.outputs[at].text for at in (0, 2)] == ["a\nb\n", "a\nb\n"]


def test_a_cell_that_prints_fifty_megabytes_is_cut_and_says_so(tmp_path):
    (cell,) = run(tmp_path, "for _ in range(500):\n    print('x' * 99_999)")
    (output,) = cell.outputs
    assert len(output.text) < 2_000_200
    assert output.text.endswith(
        "\n… 48,000,000 characters more were left out: one cell may print 2,000,000.\n"
    )


@pytest.mark.parametrize(
    ("loop", "left_out"),
    [
        ("for i in range(2_000): display(i)", "1,500 further tables or pictures"),
        ("for _ in range(60): display(HTML('x' * 1_000_000))", "11 further tables or pictures"),
    ],
    ids=["many", "large"],
)
def test_a_cell_that_shows_too_much_is_cut_and_says_so(tmp_path, loop, left_out):
    (cell,) = run(tmp_path, f"from IPython.display import HTML, display\n{loop}")
    assert left_out in cell.outputs[-1].text
    assert len(cell.outputs) <= 501


def test_an_endless_printing_cell_ends_by_the_limit_and_takes_little_memory(tmp_path):
    before = psutil.Process().memory_info().rss
    kept = tmp_path / "kept.ipynb"
    with pytest.raises(RunError, match="took more than 2 s"):
        run(tmp_path, "while True:\n    print('x' * 999)", timeout=2, save_to=kept)
    assert psutil.Process().memory_info().rss - before < 100_000_000
    assert kept.stat().st_size < 3_000_000


# ---------------------------------------------------------------- falling back


@pytest.mark.slow
def test_a_kernel_that_dies_as_it_starts_is_started_once_more(tmp_path, monkeypatch):
    monkeypatch.setenv(forkclient.KERNELS, "ordinary")
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib, sys\n"
        f"mark = pathlib.Path({str(tmp_path)!r}) / 'mark'\n"
        "tries = len(mark.read_text()) if mark.exists() else 0\n"
        "mark.write_text('x' * (tries + 1))\n"
        "if tries == 0: os._exit(7)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    assert texts(run(tmp_path, "1 + 1")) == ["2"]
    assert len((tmp_path / "mark").read_text()) == 2


def test_a_kernel_that_never_starts_is_told_in_plain_words():
    told = tell_ending(RuntimeError("Kernel died"), Run("01", "cell 0", 60, None, None, 0))
    assert "The kernel of 01 did not start, tried twice." in str(told)
    assert tell_ending(RuntimeError("other"), Run("01", "cell 3", 60, None, None, 3)) is None


def test_braces_in_a_path_are_no_code(tmp_path):
    folder = tmp_path / "A{pm[run_uuid].__class__}B{ {c}"
    folder.mkdir()
    done = execute_notebook(write_notebook(folder, "client"), client="{x}.yml")
    assert done.notebook.cells[3].outputs[0].data["text/plain"] == "'{x}.yml'"


def test_a_kernelspec_that_is_not_there_does_not_stop_the_runner(tmp_path):
    path = write_notebook(tmp_path, "1 + 1")
    path.write_text(path.read_text().replace('"python3"', '"no_such_kernel"'))
    done = execute_notebook(path, client="a.yml").notebook
    assert done.cells[3].outputs[0].data["text/plain"] == "2"


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
