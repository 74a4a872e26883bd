"""How reading ten million events compares with the engine's own copy; writes docs/scale.md.

    python benchmarks/run_scale.py [EVENTS]

Each measurement is a process of its own; the two take turns, so that a drifting machine hits both.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVENTS, TURNS = 10_000_000, 7
TOUCHPOINTS = [
    "product page", "search ad", "checkout", "newsletter", "store visit", "delivery",
    "support call", "basket", "review", "payment",
]  # fmt: skip
CLIENT = "timezone: Europe/Lisbon\nsources:\n  - {name: events, kind: events, path: events.csv}\n"


def make_events(file, events):
    import duckdb

    con = duckdb.connect()
    con.execute("SET threads = 1")
    con.execute("SELECT setseed(0.5)")
    con.execute(
        f"""COPY (SELECT
          'C' || lpad(CAST(floor(random() * random() * 1000000) AS INTEGER)::VARCHAR, 7, '0')
            AS customer_id,
          strftime(TIMESTAMP '2025-01-01' + to_seconds(CAST(floor(random() * 7000000) AS BIGINT)),
            '%Y-%m-%d %H:%M:%S') AS timestamp,
          ({TOUCHPOINTS})[1 + CAST(floor(random() * 10) AS INTEGER)] AS touchpoint,
          (['web', 'app', 'store', 'email'])[1 + CAST(floor(random() * 4) AS INTEGER)] AS channel,
          CASE WHEN random() < .2 THEN round(random() * 200, 2) END AS value,
          CASE WHEN random() < .1 THEN round(random() * 2 - 1, 2) END AS sentiment
        FROM range({events})) TO '{file}' (HEADER)"""
    )


def copy_with_the_engine(folder):
    """The engine's own copy, its types declared: no check but that each cell can be cast."""
    import duckdb

    con = duckdb.connect(config={"memory_limit": "4GB", "temp_directory": str(folder)})
    types = {
        "customer_id": "VARCHAR", "timestamp": "TIMESTAMP", "touchpoint": "VARCHAR",
        "channel": "VARCHAR", "value": "DOUBLE", "sentiment": "DOUBLE",
    }  # fmt: skip
    start, used = time.perf_counter(), time.process_time()
    con.execute(
        f"COPY (SELECT * FROM read_csv('{folder}/events.csv', auto_detect=false, header=true, "
        f"columns={types})) TO '{folder}/copied.parquet' (FORMAT parquet)"
    )
    return {"read": time.perf_counter() - start, "cpu": time.process_time() - used}


def read_with_the_kit(folder):
    """Everything from the file to the typed table: encoding, dialect, formats, checks, notes."""
    from journeylib.engine import open_connection
    from journeylib.params import read_params
    from journeylib.sources import read_sources

    params = read_params(folder / "client.yml")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        con = open_connection(memory=params.memory, scratch=Path(scratch))
        start, used = time.perf_counter(), time.process_time()
        (table,) = read_sources(params, con)
        seconds, used = time.perf_counter() - start, time.process_time() - used
        assert table.rows_used == table.rows_read
    return {"read": seconds, "cpu": used}


def collect_with_the_kit(folder):
    """The whole of notebook 01: reading, identity, the sorted log, and the quality page."""
    from journeylib import collect
    from journeylib.params import read_params

    seconds = {}

    def timed(name):
        function = getattr(collect, name)

        def call(*arguments, **keywords):
            start = time.perf_counter()
            found = function(*arguments, **keywords)
            seconds[name] = time.perf_counter() - start
            return found

        setattr(collect, name, call)

    for name in ("read_sources", "resolve_identities", "build_log"):
        timed(name)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        collect.collect(read_params(folder / "client.yml"), Path(scratch) / "log")
    return {**seconds, "all": time.perf_counter() - start}


def measure(name, folder):
    found = subprocess.run(
        [sys.executable, __file__, name, str(folder)], check=True, capture_output=True, text=True
    )
    return json.loads(found.stdout)


def median(values):
    return sorted(values)[len(values) // 2]


def main(events):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_events(folder / "events.csv", events)
        (folder / "client.yml").write_text(CLIENT, encoding="utf-8")
        size = (folder / "events.csv").stat().st_size / 1e6
        pairs = [
            (measure("read_with_the_kit", folder), measure("copy_with_the_engine", folder))
            for _ in range(TURNS)
        ]
        whole = measure("collect_with_the_kit", folder)
    ours, theirs = zip(*pairs, strict=True)
    ratios = [own["read"] / other["read"] for own, other in pairs]
    work = [own["cpu"] / other["cpu"] for own, other in pairs]
    parts = ("read_sources", "resolve_identities", "build_log", "all")
    names = ("reading", "identity", "coding, sorting, writing the log", "everything in notebook 01")
    lines = [
        "# Scale",
        "",
        f"Made by `python benchmarks/run_scale.py {events}`, part of `make bench`, on "
        f"{datetime.now(UTC):%Y-%m-%d}: {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}. The file: {events:,} events, {size:,.0f} MB of CSV.",
        "",
        "Reading to a typed, unsorted table on disk, with every check on encoding, quotes, dates,",
        "numbers, ids and duplicates; beside it DuckDB's `COPY … TO parquet` of the same file with",
        f"its types declared, without those checks. Median of {TURNS} turns, taken alternately.",
        "",
        "| | seconds | CPU seconds | peak memory, GB |",
        "|---|---|---|---|",
        f"| `read_sources` | {median([o['read'] for o in ours]):.1f} | "
        f"{median([o['cpu'] for o in ours]):.1f} | "
        f"{max(o['peak'] for o in ours):.2f} |",
        f"| DuckDB `COPY` | {median([t['read'] for t in theirs]):.1f} | "
        f"{median([t['cpu'] for t in theirs]):.1f} | "
        f"{max(t['peak'] for t in theirs):.2f} |",
        f"| **ratio** (goal: 2 at the most) | **{median(ratios):.2f}** "
        f"({min(ratios):.2f} to {max(ratios):.2f}) | **{median(work):.2f}** "
        f"({min(work):.2f} to {max(work):.2f}) | |",
        "",
        f"All of notebook 01 on the same file, peak memory {whole['peak']:.2f} GB:",
        "",
        "| step | seconds |",
        "|---|---|",
        *[f"| {name} | {whole[part]:.1f} |" for name, part in zip(names, parts, strict=True)],
    ]
    (ROOT / "docs" / "scale.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        result = globals()[sys.argv[1]](Path(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps({**result, "peak": peak}))
    else:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else EVENTS)
