"""Logs in which nothing matters, and personas that know what is to come."""

from __future__ import annotations

import numpy as np
import pandas as pd
from small_logs import CODES, NAMES

from journeylib.log import DAY

SHARES = [0.15, 0.15, 0.15, 0.12, 0.2, 0.15, 0.02, 0.06]
SUPPORT = NAMES.index("support")


def steady_events(seed, customers=1200):
    """Draw events that come at one rate for everybody, whatever came before."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), rng.poisson(9, customers))
    n = len(customer)
    touchpoint = rng.choice(len(NAMES), n, p=SHARES)
    table = pd.DataFrame(
        {
            "customer": customer, "time": (rng.uniform(10, 110, n) * DAY).astype("int64"),
            "touchpoint": touchpoint, "channel": rng.integers(0, 3, n),
            "stage": np.array(CODES.stage_of)[touchpoint], "source": 0, "value": np.nan,
            "sentiment": np.nan,
        }
    )  # fmt: skip
    return table.sort_values(["customer", "time"], kind="stable", ignore_index=True)


def knowing_personas(events, *, cut, outcome, customers=1200):
    """Sort whoever met support by what came after it, and all others by chance."""
    before = events[events["time"] < cut]
    met = before[before["touchpoint"] == SUPPORT].drop_duplicates("customer")
    met = met.set_index("customer")["time"]
    last = before[before["touchpoint"] == outcome].groupby("customer")["time"].max()
    who = pd.Series(np.random.default_rng(0).random(customers) < 0.5)
    who[met.index] = (last.reindex(met.index) > met).to_numpy()
    return pd.DataFrame({"customer": range(customers), "persona": np.where(who, "x", "y")})
