"""Small logs for tests: written as partitions, without sources."""

from dataclasses import replace

import numpy as np
import pandas as pd

from journeylib.log import CUSTOMERS, DAY, Codes, Log

MINUTE = 60_000_000
KINDS = {
    "customer": "int32", "time": "int64", "touchpoint": "int32", "channel": "int16",
    "stage": "int8", "source": "int16", "value": "float64", "sentiment": "float64",
}  # fmt: skip
NAMES = ("ad", "product", "checkout", "order", "delivery", "support", "cancellation", "odd")
CODES = Codes(
    touchpoints=NAMES,
    channels=("", "app", "web"),
    stages=("awareness", "decision", "retention"),
    sources=("shop", "desk"),
    stage_of=(0, 0, 1, 1, 2, 2, 2, -1),
    timing=("pre_purchase", "pre_purchase", "purchase", "purchase", *["post_purchase"] * 3,
            "pre_purchase"),
    good=(3,),
    bad=(6,),
    start=10 * DAY,
    end=110 * DAY,
    outcome="repeat_purchase",
    follow=25 * DAY,
)  # fmt: skip


def frame_of(events):
    """Lay out events given as (customer, days, touchpoint name), the rest filled in."""
    rows = [(customer, round(days * DAY), NAMES.index(name)) for customer, days, name in events]
    table = pd.DataFrame(rows, columns=["customer", "time", "touchpoint"]).astype("int64")
    stage = np.array(CODES.stage_of)[table["touchpoint"].to_numpy(dtype=int)]
    return table.assign(channel=0, stage=stage, source=0, value=np.nan, sentiment=np.nan)


def random_events(seed, *, customers=12, most=14):
    """Draw events of a few customers on a coarse clock, so that ties are common."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, most, customers)
    n = int(counts.sum())
    customer = np.repeat(np.arange(customers), counts)
    days = rng.integers(0, 120, customers)[customer] * 0.5 + rng.integers(0, 40, n) * 1.5
    touchpoint = rng.integers(0, len(NAMES), n)
    stage = np.array(CODES.stage_of)[touchpoint]
    table = pd.DataFrame(
        {
            "customer": customer,
            "time": (days * DAY).astype("int64") + rng.integers(0, 3, n) * 400 * MINUTE,
            "touchpoint": touchpoint,
            "channel": rng.integers(0, 3, n),
            "stage": np.where(rng.random(n) < 0.1, rng.integers(-1, 3, n), stage),
            "source": rng.integers(0, 2, n),
            "value": np.where(rng.random(n) < 0.6, rng.normal(20, 30, n).round(2), np.nan),
            "sentiment": np.nan,
        }
    )
    return table.sort_values(["customer", "time"], kind="stable", ignore_index=True)


def write_log(folder, events, *, codes=CODES, parts=1):
    """Write events as a log of so many partitions, whole customers each."""
    folder.mkdir(parents=True, exist_ok=True)
    customers = int(events["customer"].max()) + 1 if len(events) else 0
    log = Log(folder, replace(codes, customers=customers))
    log.save_codes()
    people = pd.DataFrame({"pseudonym": [f"c{i:05d}" for i in range(customers)]})
    people.assign(customer=np.arange(customers)).to_parquet(folder / CUSTOMERS, index=False)
    groups = np.array_split(events["customer"].unique(), parts) if len(events) else []
    for number, group in enumerate(groups):
        own = events[events["customer"].isin(group)]
        own.astype(KINDS).to_parquet(folder / f"part-{number:05d}.parquet", index=False)
    return log


def inside(events, codes=CODES):
    """Keep the events of the period."""
    return events[(events["time"] >= codes.start) & (events["time"] < codes.end)]


def journeys_of(events, codes=CODES):
    """Cut each customer's events into journeys, one list of records each, the slow way."""
    journeys = []
    for _, own in inside(events, codes).groupby("customer", sort=True):
        before = None
        for event in own.to_dict("records"):
            gap = before is not None and event["time"] - before["time"] > codes.gap
            done = before is not None and before["touchpoint"] in codes.good
            new = (codes.cut == "gap" and gap) or (codes.cut == "outcome" and done)
            if before is None or new:
                journeys.append([])
            journeys[-1].append(event)
            before = event
    return journeys
