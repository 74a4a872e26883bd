"""The fork server: starts no thread, reaps what it forked, and ends with its owner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from journeylib import forkclient, forkserver
from journeylib.forkclient import ForkError, ForkServer, can_fork, start_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
ROOT = Path(__file__).parents[1]
OWNER = """
import json, os, sys, time
from journeylib.forkclient import start_server
server = start_server()
kernel = server.fork(["-f", sys.argv[1]], env=dict(os.environ), cwd=sys.argv[2], streams=[1, 2])
print(json.dumps([server.process.pid, kernel.pid]), server.address, flush=True)
time.sleep(120)
"""


@pytest.fixture(scope="module")
def server():
    running = start_server()
    yield running
    running.stop()
    assert running.process.returncode is not None
    assert not Path(running.address).parent.exists()


def fork(server: ForkServer, folder: Path) -> forkclient.ForkedKernel:
    env = {**os.environ, "IPYTHONDIR": str(folder)}
    with Path(os.devnull).open("wb") as quiet:
        number = quiet.fileno()
        return server.fork(
            ["-f", str(folder / f"{uuid.uuid4().hex}.json")], env=env, cwd=str(folder),
            streams=[number, number],
        )  # fmt: skip


def state_of(pid: int) -> str:
    """Give the letter of a process's state; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def wait_until(holds, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


# ---------------------------------------------------------------- one kernel, one connection


def test_a_signal_ends_a_kernel_which_is_reaped_and_told(server, tmp_path):
    kernel = fork(server, tmp_path)
    assert kernel.poll() is None
    assert os.getpgid(kernel.pid) != os.getpgid(server.process.pid)
    kernel.send_signal(signal.SIGKILL)
    assert kernel.wait(20) == -signal.SIGKILL
    assert kernel.exit.peak > 50_000_000
    assert state_of(kernel.pid) == ""
    kernel.kill()
    assert kernel.poll() == -signal.SIGKILL


def test_waiting_for_a_living_kernel_is_refused_after_the_time(server, tmp_path):
    kernel = fork(server, tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        kernel.wait(0.05)
    kernel.kill()
    assert kernel.wait(20) == -signal.SIGKILL


def test_a_kernel_ends_when_who_asked_for_it_is_gone(server, tmp_path):
    kernel = fork(server, tmp_path)
    kernel.connection.close()
    assert wait_until(lambda: state_of(kernel.pid) == "")


def test_many_kernels_leave_no_zombie_and_no_open_file(server, tmp_path):
    def files():
        return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))

    before = files()
    kernels = [fork(server, tmp_path) for _ in range(8)]
    for kernel in kernels:
        kernel.kill()
    assert [kernel.wait(20) for kernel in kernels] == [-signal.SIGKILL] * 8
    assert [state_of(kernel.pid) for kernel in kernels] == [""] * 8
    assert wait_until(lambda: files() == before)


def test_the_server_has_one_thread_after_all_that_it_imported(server, tmp_path):
    kernel = fork(server, tmp_path)
    kernel.kill()
    assert kernel.wait(20) == -signal.SIGKILL
    assert len(list(Path(f"/proc/{server.process.pid}/task").iterdir())) == 1


# ---------------------------------------------------------------- its own end


def test_server_and_kernel_end_with_a_killed_owner(tmp_path):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "c.json"), str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)},
    )  # fmt: skip
    told, _, address = owner.stdout.readline().strip().rpartition(" ")
    pids = json.loads(told)
    assert all(state_of(pid) for pid in pids)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert wait_until(lambda: all(state_of(pid) in {"", "Z"} for pid in pids))
    assert wait_until(lambda: not Path(address).parent.exists())


# ---------------------------------------------------------------- refusals


def test_old_code_is_not_taken_for_new(server, tmp_path, monkeypatch):
    monkeypatch.setattr(forkclient, "code_stamp", lambda: "changed")
    with pytest.raises(ForkError, match=forkserver.STALE):
        fork(server, tmp_path)


def test_a_batch_keeps_to_the_code_it_began_with(server, tmp_path, monkeypatch):
    monkeypatch.setattr(forkclient, "code_stamp", lambda: "changed")
    monkeypatch.setenv(forkclient.ADDRESS, server.address)
    kernel = fork(server, tmp_path)
    kernel.kill()
    assert kernel.wait(20) == -signal.SIGKILL


def test_the_stamp_names_the_code_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(forkserver, "HERE", tmp_path)
    (tmp_path / "a.py").write_text("1")
    first = forkserver.code_stamp()
    os.utime(tmp_path / "a.py", ns=(1, 1))
    second = forkserver.code_stamp()
    (tmp_path / "b.py").write_text("2")
    assert len({first, second, forkserver.code_stamp()}) == 3


def test_a_cut_request_and_a_server_that_is_gone_are_refused(server, tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as broken:
        broken.connect(server.address)
        broken.sendall(b"\0\0")
        broken.shutdown(socket.SHUT_WR)
        broken.settimeout(20)
        assert b"cut short" in broken.recv(4096)
    with pytest.raises(ForkError):
        fork(ForkServer(str(tmp_path / "nowhere")), tmp_path)


@pytest.mark.parametrize(
    ("platform", "asked", "forked"),
    [("linux", "warm", True), ("linux", "ordinary", False), ("darwin", "warm", False),
     ("win32", "warm", False)],
)  # fmt: skip
def test_kernels_are_forked_on_linux_unless_ordinary_ones_are_asked_for(
    monkeypatch, platform, asked, forked
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(forkclient.KERNELS, asked)
    assert can_fork() is forked
    if not forked:
        assert forkclient.find_server() is None
