"""Random kills of the runner: nothing half-written, and the run that goes on ends like a calm one.

    python benchmarks/run_kills.py [kills] [seed]

Notebooks are run in the runner's own process, so that the kills hit what the runner writes.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from quick import published, run_without_kernels, write_quick_house  # noqa: E402
from test_faults import kill_at_random  # noqa: E402


def main():
    kills, seed = (int(word) for word in [*sys.argv[1:], *["200", "7"][len(sys.argv) - 1 :]][:2])
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    os.environ["JOURNEY_SECRET"] = "the same for both"
    calm, house = (Path(tempfile.mkdtemp(prefix=name)) for name in ("calm-", "killed-"))
    for root in (calm, house):
        write_quick_house(root, 3)
    run_without_kernels(calm)
    started = time.monotonic()
    hit = left = 0
    for number in range(kills // 10):
        hit += kill_at_random(house, 10, seed=seed + number, longest=2.5)
        outcomes = run_without_kernels(house)
        assert all(one.ok for one in outcomes), outcomes
        expected, found = published(calm), published(house)
        assert {name for name in found if "history" not in name} == set(expected)
        left += sum(found[name] != expected[name] for name in expected if "run.json" not in name)
        for path in house.glob("data/*.csv"):
            path.touch()
        run_without_kernels(house, force=number % 2 == 0)
    print(f"{kills} runs killed, {hit} of them before their end: {left} files differ")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
