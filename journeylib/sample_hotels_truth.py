"""Says what was planted at Harbour Hotels, in the units a notebook measures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from journeylib import sample_hotels as plan
from journeylib.sample_parts import DAY, seconds, share_of


def planted_queue(stays: pd.DataFrame) -> dict[str, Any]:
    """Say what queues at the check-in do, as designed and as it came out."""
    known = stays[stays["booked"] < plan.UNTIL - 181 * DAY]
    following = stays.sort_values("booked").groupby("who")["booked"].shift(-1).loc[known.index]
    back = (following - known["booked"] <= plan.WITHIN_DAYS * DAY).loc[known.index]
    first = ~known.sort_values("booked")["who"].duplicated().loc[known.index]
    share = {name: share_of(back[first & (known["waited"] == flag)])
             for name, flag in (("queued", True), ("not_queued", False))}  # fmt: skip
    return {
        "name": "check-in queues at some properties",
        "measure": "first bookings, 181 days or more before the data ends: share with a further "
        "booking within 180 days, guests who met a queue against those who did not",
        "touchpoint": "check_in_queue", "channel": "front desk",
        "designed": {"difference": plan.QUEUE_EFFECT, "properties": list(plan.QUEUES),
                     "share_of_arrivals": plan.QUEUE_SHARE, "csat": plan.CSAT},
        "realised": {**share, "difference": round(share["queued"] - share["not_queued"], 4)},
        "customers": int(stays.loc[stays["waited"], "who"].nunique()),
    }  # fmt: skip


def planted_check_in(answers: pd.DataFrame) -> dict[str, Any]:
    """Say what mobile check-in did to CSAT, as designed and as it came out."""
    desk = answers[(answers["about"] == "check_in")]
    desk = desk[desk["answered"] >= seconds("2025-01-01")]
    after = desk["answered"] >= seconds(plan.START)
    happy = (desk["rating"] >= 4).astype(float)
    rates = pd.crosstab(desk["property"], after, values=happy, aggfunc="mean")
    change = rates[True] - rates[False]
    treated = change.index.isin(plan.TREATED)
    effect = change[treated].mean() - change[~treated].mean()
    return {
        "name": "mobile check-in raises CSAT at four of eight properties",
        "measure": "share answering 4 or 5 on check_in, per property in 2025: change at the start "
        "at the four treated properties minus change at the others; the first answers after the "
        "start are about earlier arrivals, which takes about 0.006 off",
        "intervention": "Mobile check-in", "touchpoint": "check_in",
        "designed": {"effect": plan.CSAT_EFFECT, "start": plan.START,
                     "treated": list(plan.TREATED), "worthwhile": 0.05},
        "realised": {"effect": round(float(effect), 4),
                     "change": {str(k): round(float(v), 4) for k, v in change.items()}},
        "answers": len(desk),
    }  # fmt: skip
