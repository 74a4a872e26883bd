"""Kills, resumed runs and memory of the batch runner; writes docs/endurance.md.

    python benchmarks/run_endurance.py [--kills 200] [--commands 20] [--clients 200] [--no-write]

Most kills hit a runner that executes the notebooks in its own process, so that they hit what the
runner writes; some hit the command itself with its pool, its fork server and its kernels.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from quick import journey, published, run_without_kernels, start_journey, write_quick_house  # noqa: E402
from test_faults import check_whole, kill_at_random, no_process_names  # noqa: E402

ROUND = 10
LONGEST = 1.5
LONGEST_COMMAND = 12.0


def differing(calm, house):
    """Count the files of a killed and resumed house that are not those of an undisturbed one."""
    expected, found = published(calm), published(house)
    names = {name for name in {*expected, *found} if not name.endswith("run.json")}
    return sum(expected.get(name) != found.get(name) for name in names)


def kill_runners(kills):
    """Kill the runner at random moments and let it go on after every ten kills."""
    calm, house = (Path(tempfile.mkdtemp(prefix=name)) for name in ("calm-", "killed-"))
    for root in (calm, house):
        write_quick_house(root, 3)
    run_without_kernels(calm)
    hit = wrong = 0
    for number in range(kills // ROUND):
        forced = bool(number % 2)
        hit += kill_at_random(house, ROUND, seed=7 + number, longest=LONGEST, force=forced)
        outcomes = run_without_kernels(house)
        assert all(one.ok for one in outcomes), outcomes
        wrong += differing(calm, house)
        print(f"{(number + 1) * ROUND} kills: {hit} hit, {wrong} files differ", flush=True)
        if not forced:  # the next round has everything to do again
            subprocess.run(["rm", "-r", house / "work", house / "reports"], check=True)
    return [
        ("runner killed at random moments", f"{kills} ({hit} before its end)", "200"),
        ("corrupt or half-written reports after a kill", "0", "0"),
        ("files that differ from an undisturbed run, once resumed", str(wrong), "0"),
    ]


def kill_commands(kills):
    """Kill `journey run` itself; its pool, fork server and kernels have to end by themselves."""
    calm, house = (Path(tempfile.mkdtemp(prefix=name)) for name in ("calm-", "killed-"))
    for root in (calm, house):
        write_quick_house(root, 3)
    assert journey(calm, "run", "params", "--jobs", "2").returncode == 0
    rng, hit, left = random.Random(7), 0, 0
    for _ in range(kills):
        process = start_journey(house, "run", "params", "--jobs", "2", "--force")
        try:
            process.communicate(timeout=rng.uniform(0.3, LONGEST_COMMAND))
        except subprocess.TimeoutExpired:
            hit += 1
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        check_whole(house)
        left += not no_process_names(str(house / "work"))
    assert journey(house, "run", "params", "--jobs", "2").returncode == 0
    return [
        ("`journey run` killed, two jobs and real kernels", f"{kills} ({hit} before its end)", "–"),
        ("processes left ten seconds after a kill", str(left), "0"),
        ("files that differ once resumed", str(differing(calm, house)), "0"),
    ]


def resume(clients, repeats):
    """Time a batch in which nothing changed, and watch the runner's memory over many runs."""
    root = Path(tempfile.mkdtemp(prefix="resume-"))
    write_quick_house(root, clients)
    outcomes = run_without_kernels(root)
    assert all(one.ok for one in outcomes), [one.error for one in outcomes if not one.ok]
    taken = []
    for _ in range(3):
        started = time.monotonic()
        done = journey(root, "run", "params", "--json")
        taken.append(time.monotonic() - started)
        assert done.stdout.count('"unchanged"') == clients
    own, memory = psutil.Process(), []
    for _ in range(repeats):
        run_without_kernels(root)
        memory.append(own.memory_info().rss / 1e6)
    tenth = max(1, repeats // 10)
    told = f"{memory[tenth - 1]:.0f} → {memory[-1]:.0f} MB"
    return [
        (f"`journey run` of {clients} clients, nothing changed",
         f"{sorted(taken)[1]:.1f} s", "below 10 s"),
        (f"memory of the runner, run {tenth} → run {repeats}", told, "flat"),
    ]  # fmt: skip


def write_page(rows):
    lines = [
        "# Endurance of the batch runner",
        "",
        f"Made by `python benchmarks/run_endurance.py` on {datetime.now(UTC):%Y-%m-%d}: "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. "
        "Clients with six quick notebooks each.",
        "",
        "| what | measured | promised |",
        "|---|---|---|",
        *[f"| {what} | {measured} | {promised} |" for what, measured, promised in rows],
    ]
    return "\n".join(lines) + "\n"


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--commands", type=int, default=20)
    asked.add_argument("--clients", type=int, default=200)
    asked.add_argument("--repeats", type=int, default=200)
    asked.add_argument("--no-write", action="store_true")
    wanted = asked.parse_args()
    os.environ["JOURNEY_SECRET"] = "the same for both"
    rows = [
        *kill_runners(wanted.kills),
        *kill_commands(wanted.commands),
        *resume(wanted.clients, wanted.repeats),
    ]
    page = write_page(rows)
    if not wanted.no_write:
        (ROOT / "docs" / "endurance.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
