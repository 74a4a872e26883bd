"""How well and how fast people are found again in planted records; prints one line a run.

    python benchmarks/run_identity.py [PEOPLE]

Targets: precision 0.99 and recall 0.97 of the pairs that keys connect; 1,000,000 records (513,000
people) in less than ten seconds on two free cores.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from planted_people import pairwise, plant_people
from reading import make_client, source

from journeylib.engine import open_connection
from journeylib.identity import resolve_identities
from journeylib.sources import read_sources

KEYS = ["customer_id", "email", "phone"]


def run(people: int, *, seed: int) -> None:
    """Plant people, resolve their records, and say how it went."""
    systems = plant_people(people, seed=seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, records in systems.items():
            records[KEYS].to_csv(folder / f"{name}.csv", index=False)
        listed = [source(f"{name}.csv", "customers") | {"name": name} for name in systems]
        con = open_connection(memory="2GB", scratch=folder)
        sources = read_sources(make_client(folder, *listed), con)
        wall, busy = time.perf_counter(), time.process_time()
        found = resolve_identities(con, sources, match_on=KEYS, country="DE")
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
    every = pd.concat(systems.values())
    customer = found.customers.set_index("customer_id")["customer"]
    every["customer"] = every["customer_id"].map(customer)
    precision, recall = pairwise(every)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(every):,} records, seed {seed}: precision {precision:.4f}, recall {recall:.4f}, "
        f"{wall:.1f} s ({busy:.1f} s of processor), {peak:,.0f} MB at most; {found.facts}"
    )


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 513_000
    for number in (1, 2):
        run(size, seed=number)
