"""Troubles with a known harm, for tests: engaged customers meet more of them and mind less."""

import numpy as np
import pandas as pd

from journeylib.landmarks import Landmarked

HARM = np.array([0.9, 0.5, 0.0])


def plant(seed=1, *, n=3000, harm=HARM, met_share=-1.5, confounded=0.9):
    """Draw rows at one landmark; half a year of them."""
    rng = np.random.default_rng(seed)
    engagement = rng.normal(size=n)
    drive = met_share + confounded * engagement[:, None]
    met = rng.random((n, len(harm))) < 1 / (1 + np.exp(-drive))
    score = 0.5 + confounded * engagement
    stayed = rng.random(n) < 1 / (1 + np.exp(-(score - met @ harm)))
    rows = pd.DataFrame(
        {
            "owner": np.arange(n), "customer": np.arange(n), "outcome": stayed.astype(int),
            "contacts": engagement, "phase": 1, "group": 0, "went_on": -1, "persona": "",
        }
    )  # fmt: skip
    count = met.sum(axis=0).astype(float)
    exposures = pd.DataFrame(
        {
            "touchpoint": [f"trouble {k}" for k in range(len(harm))], "channel": "web",
            "stage": "retention", "kind": "loss", "phase": "after", "way": "incident",
            "affected": count, "affected_per_year": 2 * count, "wait_days": np.nan,
        }
    )  # fmt: skip
    gain = 1 / (1 + np.exp(-(score[:, None] - (met @ harm)[:, None] + harm)))
    now = 1 / (1 + np.exp(-(score - met @ harm)))
    truth = np.array([(now - gain[:, k])[met[:, k]].mean() for k in range(len(harm))])
    landmarked = Landmarked(rows, exposures, met, np.ones_like(met), numbers=("contacts",),
                            levels=(), outcome="retention", days=180.0)  # fmt: skip
    return landmarked, truth
