"""Says what was planted at Northside Clothing, in the units a notebook measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib import sample_clothing as plan
from journeylib.sample_parts import DAY, share_of

if TYPE_CHECKING:
    import pandas as pd

MOODS = {
    "delivery": 0.25,
    "late delivery": -0.75,
    "store pick-up": 0.75,
    "return": -0.2,
    "mobile checkout": -0.85,
    "checkout": 0.0,
    "support ticket": -0.15,
    "order": 0.2,
}
_DEVICES = ("mobile", "web")


def planted_journey(visits: pd.DataFrame) -> list[dict[str, Any]]:
    """Say what was planted in the journeys, as designed and as it came out."""
    bought = visits[visits["bought"] & (visits["ordered"] < plan.UNTIL - 181 * DAY)]
    following = visits[visits["bought"]].groupby("who")["ordered"].shift(-1).loc[bought.index]
    back = (following - bought["ordered"]) <= plan.WITHIN_DAYS * DAY
    return [_planted_loss(visits), _planted_delay(visits, bought.assign(back=back)),
            _planted_delight(visits, bought.assign(back=back))]  # fmt: skip


def _planted_loss(visits: pd.DataFrame) -> dict[str, Any]:
    new = visits[visits["new"] & (visits["channel"] != "store")]
    loss = {name: share_of(new.loc[new["channel"] == name, "lost"]) for name in _DEVICES}
    return {
        "name": "mobile checkout loses new customers",
        "measure": "customers without an earlier order: share whose first checkout, on that "
        "channel, is never followed by an order",
        "touchpoint": "checkout",
        "channel": "mobile",
        "designed": {**{name: plan.LOST[name] for name in _DEVICES}, "difference": 0.24},
        "realised": {**loss, "difference": round(loss["mobile"] - loss["web"], 4)},
        "customers": int((new["channel"] == "mobile").sum()),
    }


def _planted_delay(visits: pd.DataFrame, bought: pd.DataFrame) -> dict[str, Any]:
    first = bought[bought["new"] & (bought["mode"] == "parcel")]
    late = share_of(first.loc[first["late"], "back"])
    in_time = share_of(first.loc[~first["late"], "back"])
    return {
        "name": "late deliveries cut repeat purchase",
        "measure": "first orders sent by parcel, 181 days or more before the data ends: share "
        "with a further order within 180 days, delivered after more than five days or not",
        "touchpoint": "late delivery notice",
        "channel": "email",
        "designed": {"difference": plan.LATE_EFFECT},
        "realised": {"late": late, "in_time": in_time, "difference": round(late - in_time, 4)},
        "customers": int(visits.loc[visits["late"] & visits["bought"], "who"].nunique()),
    }


def _planted_delight(visits: pd.DataFrame, bought: pd.DataFrame) -> dict[str, Any]:
    picked = visits["bought"] & (visits["mode"] == "pick-up")
    topics = ("store pick-up", "delivery", "late delivery")
    return {
        "name": "store pick-up delights",
        "measure": "fulfilment stars (1 to 5) and NPS answers about store pick-up against "
        "delivery; chance of a further order within 180 days, at equal persona and engagement",
        "touchpoint": "store pick-up",
        "channel": "store",
        "designed": {"repeat": plan.PICKUP_EFFECT, "mood": {name: MOODS[name] for name in topics}},
        "realised": {"repeat_share": share_of(bought.loc[bought["mode"] == "pick-up", "back"])},
        "customers": int(visits.loc[picked, "who"].nunique()),
    }


def planted_test(test: pd.DataFrame) -> dict[str, Any]:
    """Say what was planted in the checkout test, as designed and as it came out."""
    parts = {"all": test, **{device: test[test["device"] == device] for device in _DEVICES}}
    lift = {name: round(_lift(part), 4) for name, part in parts.items()}
    return {
        "name": "guest checkout raises conversion, most on mobile",
        "measure": "difference in share converted, B minus A, all units and by device",
        "intervention": "Guest checkout",
        "designed": {"all": 0.052, "mobile": 0.08, "web": 0.01, "returned": 0.0, "split": 0.5},
        "realised": lift,
        "units": len(test),
    }


def _lift(test: pd.DataFrame) -> float:
    treated = test["group"] == "B"
    return float(test.loc[treated, "converted"].mean() - test.loc[~treated, "converted"].mean())
