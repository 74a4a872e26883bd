"""The kernelspec `journey` serves papermill, nbclient and notebook servers as any other does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from journeylib import forkclient
from journeylib.kernels import KERNELSPECS, register_kernels, warm_kernels
from journeylib.provisioner import KERNEL, WarmProvisioner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
ROOT = Path(__file__).parents[1]
PARENT = "int(__import__('os').environ['JPY_PARENT_PID'])"
WORK = "import matplotlib.pyplot as plt\nplt.plot([2, 1])\nplt.show()"


@pytest.fixture(scope="module", autouse=True)
def _server():
    register_kernels()
    with pytest.MonkeyPatch.context() as patch, warm_kernels():
        patch.delenv("MPLBACKEND", raising=False)  # kernels draw inline where nobody says otherwise
        yield


def make_notebook() -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in (PARENT, WORK)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def parent_of(notebook) -> int:
    return int(notebook.cells[0].outputs[0].data["text/plain"])


def count_figures(notebook) -> int:
    return sum("image/png" in output.get("data", {}) for output in notebook.cells[1].outputs)


def pretend_installation(folder: Path) -> dict[str, str]:
    """Make the environment in which the kit's entry point and kernelspec are installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["jupyter_client.kernel_provisioners"]
    info = folder / "warm_kernels-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: warm-kernels\nVersion: 1\n")
    listed = [f"{name} = {value}" for name, value in points.items()]
    text = "\n".join(["[jupyter_client.kernel_provisioners]", *listed, ""])
    (info / "entry_points.txt").write_text(text)
    paths = os.pathsep.join([str(folder), str(ROOT)])
    return {**os.environ, "PYTHONPATH": paths, "JUPYTER_PATH": str(KERNELSPECS)}


def test_papermills_own_command_runs_a_python3_notebook_in_a_forked_kernel(tmp_path):
    env = pretend_installation(tmp_path)
    nbformat.write(make_notebook(), tmp_path / "in.ipynb")
    command = ["-m", "papermill", "in.ipynb", "out.ipynb", "-k", KERNEL, "--no-progress-bar"]
    done = subprocess.run(
        [sys.executable, *command], check=False, cwd=tmp_path, env=env, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = nbformat.read(tmp_path / "out.ipynb", 4)
    assert parent_of(written) == forkclient._OWN[-1].process.pid
    assert count_figures(written) == 1
    assert written.metadata.kernelspec.name == "python3"


def test_nbclient_runs_in_a_forked_kernel_and_restarts_it():
    from nbclient import NotebookClient

    client = NotebookClient(make_notebook(), kernel_name=KERNEL, timeout=60)
    ran = client.execute()
    assert parent_of(ran) == forkclient._OWN[-1].process.pid
    assert count_figures(ran) == 1


def test_a_notebook_server_can_interrupt_restart_and_stop_a_kernel():
    from jupyter_client.manager import AsyncKernelManager

    async def live() -> list[object]:
        manager = AsyncKernelManager(kernel_name=KERNEL)
        await manager.start_kernel(extra_arguments=["--log-level=50"])
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        client.execute("while True: pass")
        while (await client.get_iopub_msg(timeout=20))["msg_type"] != "execute_input":
            pass
        await manager.interrupt_kernel()
        reply = (await client.get_shell_msg(timeout=20))["content"]
        first = manager.provisioner.pid
        await manager.restart_kernel(now=True)
        await client.wait_for_ready(timeout=60)
        second = manager.provisioner.pid
        forked = isinstance(manager.provisioner, WarmProvisioner)
        await manager.shutdown_kernel()
        client.stop_channels()
        alive = [Path(f"/proc/{pid}").exists() for pid in (first, second)]
        return [reply["ename"], first != second, forked, alive]

    assert asyncio.run(live()) == ["KeyboardInterrupt", True, True, [False, False]]


def test_where_forking_fails_the_same_kernelspec_starts_an_ordinary_kernel(monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.setenv(forkclient.KERNELS, "ordinary")
    ran = NotebookClient(make_notebook(), kernel_name=KERNEL, timeout=60).execute()
    assert parent_of(ran) == os.getpid()
    assert count_figures(ran) == 1
