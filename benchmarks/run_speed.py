"""How fast the kit is, as ratios taken in one run; writes docs/speed.md.

    python benchmarks/run_speed.py

Ratios hold on any machine; seconds only on the one named in the table.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.log import DAY, Codes, Log
from journeylib.summaries import (
    summarise_customers,
    summarise_moves,
    summarise_paths,
    summarise_touches,
)

ROOT = Path(__file__).parents[1]
CUSTOMERS, EVENTS, TOUCHPOINTS = 40_000, 1_000_000, 50


def timed(function, repeats=3):
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best


def command_seconds(*arguments, repeats=3):
    found = []
    for _ in range(repeats):
        start = time.monotonic()
        subprocess.run(arguments, check=True, capture_output=True, cwd=ROOT)
        found.append(time.monotonic() - start)
    return sorted(found)[len(found) // 2]


def make_log(folder):
    rng = np.random.default_rng(7)
    customer = np.sort(rng.integers(0, CUSTOMERS, EVENTS))
    time_ = rng.integers(0, 365 * DAY, EVENTS)
    order = np.lexsort((time_, customer))
    frame = pd.DataFrame(
        {
            "customer": customer[order].astype("int32"),
            "time": time_[order],
            "touchpoint": rng.integers(0, TOUCHPOINTS, EVENTS).astype("int32"),
            "channel": rng.integers(0, 4, EVENTS).astype("int16"),
            "stage": rng.integers(0, 5, EVENTS).astype("int8"),
            "source": np.zeros(EVENTS, "int16"),
            "value": np.nan,
            "sentiment": np.nan,
        }
    )
    frame.to_parquet(folder / "part-00000.parquet", index=False)
    names = tuple(f"touchpoint {i:02d}" for i in range(TOUCHPOINTS))
    codes = Codes(
        touchpoints=names, channels=("", "web", "app", "store"),
        stages=("awareness", "consideration", "decision", "retention", "advocacy"),
        sources=("made",), stage_of=tuple(i % 5 for i in range(TOUCHPOINTS)),
        timing=("pre_purchase",) * TOUCHPOINTS, good=(7,), customers=CUSTOMERS,
        start=0, end=365 * DAY, outcome="conversion", follow=30 * DAY,
    )  # fmt: skip
    return Log(folder, codes), frame


def pandas_moves(frame):
    following = frame.groupby("customer")["touchpoint"].shift(-1)
    return frame.assign(to=following).dropna(subset=["to"]).groupby(["touchpoint", "to"]).size()


def pandas_customers(frame):
    return frame.groupby("customer").agg(
        events=("time", "size"), first=("time", "min"), last=("time", "max"),
        touchpoints=("touchpoint", "nunique"),
    )  # fmt: skip


def measure_log():
    with tempfile.TemporaryDirectory() as scratch:
        log, frame = make_log(Path(scratch))
        passes = {
            "touchpoints": summarise_touches,
            "transitions with times": summarise_moves,
            "customers": summarise_customers,
            "paths": summarise_paths,
        }
        rows = [(name, timed(lambda f=f: summarise(f, log.parts))) for name, f in passes.items()]
        rivals = {"transitions with times": pandas_moves, "customers": pandas_customers}
        beside = {name: timed(lambda f=f: f(frame), 1) for name, f in rivals.items()}
    return [(name, own, beside.get(name)) for name, own in rows]


def main():
    python, journey = sys.executable, str(Path(sys.executable).with_name("journey"))
    base = command_seconds(python, "-c", "import typer")
    pandas = command_seconds(python, "-c", "import pandas")
    rows = [
        ("`journey --help` / `import typer`", command_seconds(journey, "--help"), base),
        ("`journey check` of a sample / `import pandas`",
         command_seconds(journey, "check", "params/northside-clothing.yml", "--json"), pandas),
    ]  # fmt: skip
    lines = [
        "# Speed",
        "",
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}.",
        "",
        "| command | seconds | beside it | ratio |",
        "|---|---|---|---|",
        *[f"| {name} | {own:.2f} | {other:.2f} | {own / other:.1f} |" for name, own, other in rows],
        "",
        f"One pass over {EVENTS:,} events of {CUSTOMERS:,} customers, CPU seconds with reading;",
        "beside it the same counts by pandas `groupby`, without times and intervals.",
        "",
        "| pass | CPU seconds | pandas | pandas / own |",
        "|---|---|---|---|",
    ]
    for name, own, other in measure_log():
        rest = f"{other:.2f} | {other / own:.1f} |" if other else "– | – |"
        lines.append(f"| {name} | {own:.2f} | {rest}")
    (ROOT / "docs" / "speed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
