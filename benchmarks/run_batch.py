"""What the batch runner costs beside the notebooks' own work; writes docs/batch_speed.md.

    python benchmarks/run_batch.py [--clients 12] [--rounds 3] [--commands 2] [--no-write]

Every ratio compares two ways measured one after the other in the same round; the table gives the
median round and all of them. CPU seconds are those of the command and of all that it started.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
JOURNEY = (sys.executable, "-c", "from journeylib.cli import main; main()")
PLAIN = (sys.executable, str(ROOT / "benchmarks" / "plain_script.py"))
LIMITS = {
    "runner / floor": 1.4, "commands / runner": 5.0, "two jobs / one job": 0.6,
    "one client, cold / plain script": 2.0,
}  # fmt: skip
PACKAGES = ("papermill", "nbconvert", "ipykernel", "pandas", "numpy", "duckdb")


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float


def measure(*commands, work):
    """Run commands one after the other and give what they cost together."""
    shutil.rmtree(work, ignore_errors=True)
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    env = {**os.environ, **threads, "JOURNEY_WORK": str(work), "PYTHONPATH": paths}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for command in commands:
        subprocess.run([*map(str, command)], check=True, capture_output=True, env=env, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.monotonic() - started)


def command_line(files, folder):
    """Give the papermill and nbconvert commands of a person without the runner."""
    from journeylib.workspace import NOTEBOOKS

    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for file in files:
        for name in NOTEBOOKS:
            done = folder / f"{file.stem}-{name}.ipynb"
            source = ROOT / "notebooks" / f"{name}.ipynb"
            found += [
                [sys.executable, "-m", "papermill", source, done, "-p", "client", file],
                [sys.executable, "-m", "nbconvert", "--to", "html", done],
            ]
    return found


def run_round(root, files, number, commands):
    """Measure every way once; the order turns with the round."""
    work, reports = root / "work", root / f"reports-{number}"

    def runner(jobs, chosen):
        where = reports / f"jobs-{jobs}-{len(chosen)}"
        return measure([*JOURNEY, "run", *chosen, "--reports", where, "--jobs", jobs], work=work)

    ways = {
        "floor": lambda: measure([*PLAIN, reports / "floor", *files], work=work),
        "runner, one job": lambda: runner(1, files),
        "runner, two jobs": lambda: runner(2, files),
        "one client, plain": lambda: measure([*PLAIN, reports / "one", files[0]], work=work),
        "one client, runner": lambda: runner(1, files[:1]),
        "commands": lambda: measure(
            *command_line(files[:commands], reports / "commands"), work=work
        ),
    }
    names = list(ways) if number % 2 else list(reversed(ways))
    found = {}
    for name in names:
        if name != "commands" or commands:
            found[name] = ways[name]()
            print(f"round {number}: {name:<20} {found[name].cpu:8.1f} CPU s", flush=True)
    return found


def ratios_of(found, clients, commands):
    floor, one, two = (found[name] for name in ("floor", "runner, one job", "runner, two jobs"))
    ratios = {
        "runner / floor": one.cpu / floor.cpu,
        "two jobs / one job": two.wall / one.wall,
        "one client, cold / plain script": (
            found["one client, runner"].wall / found["one client, plain"].wall
        ),
    }
    if commands:
        ratios["commands / runner"] = (found["commands"].cpu / commands) / (one.cpu / clients)
    return ratios


def write_page(rounds, clients, commands):
    ratios = [ratios_of(found, clients, commands) for found in rounds]
    lines = [
        "# Speed of the batch runner",
        "",
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES) + ".",
        f"{clients} small clients of six notebooks; {len(rounds)} rounds, median and all. "
        "The floor is the same library calls as one plain script in one process, figures "
        "rendered, HTML written; the commands are `papermill` and `jupyter nbconvert` for each "
        f"notebook (measured on {commands} clients). Load while measuring: "
        f"{os.getloadavg()[0]:.1f}.",
        "",
        "| ratio | measured | promised | all rounds |",
        "|---|---|---|---|",
    ]  # fmt: skip
    for name, limit in LIMITS.items():
        values = [found[name] for found in ratios if name in found]
        if values:
            sign = "at least" if name == "commands / runner" else "at most"
            each = ", ".join(f"{value:.2f}" for value in values)
            what = "wall" if "job" in name or "cold" in name else "CPU"
            lines.append(f"| {name} ({what}) | {median(values):.2f} | {sign} {limit} | {each} |")
    lines += ["", "| way | CPU seconds | wall seconds |", "|---|---|---|"]
    for name in rounds[0]:
        cpu = median(found[name].cpu for found in rounds)
        wall = median(found[name].wall for found in rounds)
        lines.append(f"| {name} | {cpu:.1f} | {wall:.1f} |")
    return "\n".join(lines) + "\n"


def main():
    from tiny import write_tiny_client

    asked = argparse.ArgumentParser()
    asked.add_argument("--clients", type=int, default=12)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--commands", type=int, default=2)
    asked.add_argument("--no-write", action="store_true")
    wanted = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        files = [
            write_tiny_client(root, f"client-{number:02d}", seed=number)
            for number in range(wanted.clients)
        ]
        rounds = [
            run_round(root, files, number, wanted.commands)
            for number in range(1, wanted.rounds + 1)
        ]
    page = write_page(rounds, wanted.clients, wanted.commands)
    if not wanted.no_write:
        (ROOT / "docs" / "batch_speed.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
