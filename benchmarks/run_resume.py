"""How quick a batch is in which nothing changed, and whether the runner's memory stays flat.

    python benchmarks/run_resume.py [clients] [repeats]

The first run stands in for the kernels, so that only the runner is measured; the second is the
command `journey run` as a person calls it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from quick import run_without_kernels, write_quick_house  # noqa: E402


def resumed_seconds(root):
    code = "from journeylib.cli import main; main()"
    env = {**os.environ, "JOURNEY_WORK": str(root / "work"), "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    command = [sys.executable, "-c", code, "run", "params", "--json"]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.count('"unchanged"') == len(list((root / "params").iterdir()))
    return time.monotonic() - started


def main():
    clients, repeats = (int(word) for word in [*sys.argv[1:], "200", "200"][:2])
    root = Path(tempfile.mkdtemp(prefix="resume-"))
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    write_quick_house(root, clients)
    started = time.monotonic()
    outcomes = run_without_kernels(root)
    assert all(one.ok for one in outcomes), [one.error for one in outcomes if not one.ok]
    print(f"first run, {clients} clients without kernels: {time.monotonic() - started:.0f} s")
    for number in range(3):
        print(f"resumed run {number + 1}, nothing changed: {resumed_seconds(root):.1f} s")
    own, taken = psutil.Process(), []
    for number in range(repeats):
        run_without_kernels(root)
        if number % max(1, repeats // 10) == 0 or number == repeats - 1:
            taken.append(own.memory_info().rss / 1e6)
    told = ", ".join(f"{one:.0f}" for one in taken)
    print(f"memory of the runner over {repeats} runs, MB: {told}")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
