"""A small client drawn by chance, clean or with faults planted in it, for checks of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from reading import make_client

from journeylib.collect import Collected, collect

if TYPE_CHECKING:
    from pathlib import Path

FAULTS = ("duplicates", "clock", "bot", "outage", "survivors")
START, DAYS, CUSTOMERS = pd.Timestamp("2025-01-01"), 181, 1_500
JOINED_BEFORE = 730  # days before the period in which the first customers joined
# Share of the day's events by hour: quiet at night, a midday hump, busiest in the evening.
HOURS = np.array(
    [3, 1.5, 1, 0.7, 0.7, 1, 2, 4, 6, 7, 7, 8, 8.5, 8, 7, 7, 7.5, 8, 9, 10, 10, 9, 7, 5]
)
WEEK = np.array([1.0, 1.0, 1.05, 1.0, 1.1, 0.8, 0.7])


def draw_times(rng: np.random.Generator, a_day: float) -> pd.Series:
    """Draw the times of events: a little growth, a weekly season, hours of the day."""
    day = np.arange(DAYS)
    counts = rng.poisson(a_day * (1 + 0.3 * day / DAYS) * WEEK[(START.day_of_week + day) % 7])
    days = np.repeat(day, counts)
    seconds = rng.choice(24, len(days), p=HOURS / HOURS.sum()) * 3600 + rng.integers(
        0, 3600, len(days)
    )
    return START + pd.to_timedelta(days * 86400 + seconds, unit="s")


def draw_events(
    rng: np.random.Generator, a_day: float, touchpoints: list[str], customers: pd.DataFrame
) -> pd.DataFrame:
    """Draw events of customers who had joined and not left by then."""
    at = pd.Series(draw_times(rng, a_day))
    joined = customers["signup"].to_numpy()
    left = customers["churned_at"].fillna(pd.Timestamp("2100-01-01")).to_numpy()
    who = rng.integers(0, CUSTOMERS, len(at))
    for _ in range(60):
        wrong = (joined[who] > at.to_numpy()) | (left[who] < at.to_numpy())
        who = np.where(wrong, rng.integers(0, CUSTOMERS, len(at)), who)
    return pd.DataFrame(
        {
            "customer_id": [f"c{one}" for one in who],
            "timestamp": at,
            "touchpoint": rng.choice(touchpoints, len(at)),
            "channel": rng.choice(["desktop", "mobile"], len(at), p=[0.4, 0.6]),
            "shop": rng.choice(["north", "south", "west"], len(at)),
        }
    )


def draw_customers(rng: np.random.Generator) -> pd.DataFrame:
    """Draw sign-ups before and in the period, and those who left, at one constant rate."""
    span = JOINED_BEFORE + DAYS
    joined = np.sort(rng.integers(0, span, CUSTOMERS))
    left = joined + rng.exponential(900, CUSTOMERS)
    first = START - pd.Timedelta(days=JOINED_BEFORE)
    return pd.DataFrame(
        {
            "customer_id": [f"c{one}" for one in range(CUSTOMERS)],
            "signup": first + pd.to_timedelta(joined, unit="D"),
            "churned_at": (first + pd.to_timedelta(np.floor(left), unit="D")).where(left < span),
        }
    )


def plant(
    rng: np.random.Generator, faults: tuple[str, ...], tables: dict[str, pd.DataFrame]
) -> None:
    """Plant faults in the tables of a client."""
    web = tables["web"]
    if "outage" in faults:
        first = START + pd.Timedelta(days=int(rng.integers(30, 140)))
        down = web["timestamp"].between(first, first + pd.Timedelta(days=3))
        web = web[~down | (rng.random(len(web)) < 0.3)]
    if "duplicates" in faults:
        web = pd.concat([web, web.sample(frac=0.02, random_state=int(rng.integers(1000)))])
    if "bot" in faults:
        # an hour of a visit every two minutes, on eight nights
        seconds = np.add.outer(np.arange(8) * 86400, np.arange(30) * 118 + 10_800).ravel()
        visit = web.iloc[[0]].drop(columns="timestamp")
        visits = visit.loc[visit.index.repeat(len(seconds))].assign(
            timestamp=START + pd.Timedelta(days=60) + pd.to_timedelta(seconds, unit="s")
        )
        web = pd.concat([web, visits])
    tables["web"] = web
    if "clock" in faults:
        hours = int(rng.integers(3, 12)) * int(rng.choice([-1, 1]))
        moved = tables["app"]["timestamp"] + pd.Timedelta(hours=hours)
        tables["app"] = tables["app"].assign(timestamp=moved)
    if "survivors" in faults:
        crm = tables["crm"]
        gone = crm["churned_at"] < START - pd.Timedelta(days=60)
        tables["crm"] = crm[~gone]


def write_client(folder: Path, seed: int, faults: tuple[str, ...] = ()) -> dict[str, object]:
    """Write the files of a client and give its client file as a mapping."""
    rng = np.random.default_rng(seed)
    crm = draw_customers(rng)
    tables = {
        "web": draw_events(rng, 60, ["home", "product page", "basket", "checkout"], crm),
        "app": draw_events(rng, 25, ["home", "product page", "review"], crm),
        "orders": draw_events(rng, 14, ["order"], crm).assign(
            value=lambda rows: rng.gamma(4, 12, len(rows)).round(2)
        ),
        "crm": crm,
    }
    plant(rng, faults, tables)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    kinds = {"web": "events", "app": "events", "orders": "orders", "crm": "customers"}
    sources = [
        {"name": name, "kind": kind, "path": f"{name}.parquet"} for name, kind in kinds.items()
    ]
    end = START + pd.Timedelta(days=DAYS - 1)
    period = {"start": f"{START:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"}
    outcome = {"kind": "repeat_purchase", "within_days": "60"}
    return {"sources": sources, "outcome": outcome, "period": period}


def collect_planted(folder: Path, seed: int, faults: tuple[str, ...] = ()) -> Collected:
    folder.mkdir(parents=True, exist_ok=True)
    written = write_client(folder, seed, faults)
    params = make_client(folder, *written.pop("sources"), **written)
    return collect(params, folder / "log")
