"""Invents Northside Clothing: a shop with four personas, a leaky phone checkout and slow parcels.

Not for reading data; the files it plans are written by `sample_clothing_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from journeylib.sample_parts import DAY, Road, draw_numbers, draw_starts, seconds

CLIENT = "northside-clothing"
ZONE = "Europe/Dublin"
FIRST, UNTIL = seconds("2024-07-01"), seconds("2026-01-01")
OUTAGE = ("2025-08-12", "2025-08-14")
CUSTOMERS = 3600
LOST = {"mobile": 0.40, "web": 0.16, "store": 0.0}
LATE_EFFECT, PICKUP_EFFECT = -0.18, 0.10
WITHIN_DAYS = 180
_SALES = (("2024-11-25", 8), ("2025-01-01", 12), ("2025-06-20", 12), ("2025-11-24", 8))


@dataclass(frozen=True, slots=True)
class Persona:
    """Planted habits of one kind of shopper; shares 0 to 1, spend in EUR."""

    name: str
    share: float
    repeat: float
    spend: float
    mobile: float
    store: float
    pickup: float
    pages: float
    returns: float
    sale: float


PERSONAS = (
    Persona("Loyal regulars", 0.22, 0.68, 62.0, 0.45, 0.08, 0.25, 1.2, 0.08, 0.10),
    Persona("Bargain hunters", 0.30, 0.42, 34.0, 0.74, 0.03, 0.12, 3.2, 0.12, 0.55),
    Persona("Occasion buyers", 0.27, 0.26, 138.0, 0.34, 0.04, 0.10, 2.4, 0.30, 0.10),
    Persona("Town-centre shoppers", 0.21, 0.52, 55.0, 0.38, 0.42, 0.60, 0.9, 0.06, 0.15),
)


def trait(name: str, persona: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Look up a planted habit for each customer."""
    return np.asarray(np.array([getattr(kind, name) for kind in PERSONAS])[persona])


def plan_shoppers(rng: np.random.Generator) -> pd.DataFrame:
    """Draw the customers: persona, engagement, number, first visit (UTC seconds)."""
    shares = [kind.share for kind in PERSONAS]
    persona = rng.choice(len(PERSONAS), CUSTOMERS, p=shares)
    arrival = draw_starts(rng, FIRST + rng.integers(0, 500, CUSTOMERS) * DAY)
    first, length = np.array([[seconds(day), days] for day, days in _SALES]).T
    sale = rng.integers(0, len(_SALES) - 1, CUSTOMERS)
    during = draw_starts(rng, first[sale] + rng.integers(0, length[sale]) * DAY)
    hunts = rng.random(CUSTOMERS) < 0.5 * trait("sale", persona)
    arrival = np.where(hunts, during, arrival)
    shoppers = pd.DataFrame(
        {"persona": persona, "engagement": rng.normal(size=CUSTOMERS), "arrival": arrival}
    ).sort_values("arrival", ignore_index=True)
    return shoppers.assign(number=draw_numbers(rng, CUSTOMERS, digits=7))


def plan_visits(rng: np.random.Generator, shoppers: pd.DataFrame) -> pd.DataFrame:
    """Let every customer come, buy or be lost, and come again: one row per visit that aims to buy.

    Returns:
        Columns ``who, start, channel, new, lost, mode, late, days, again`` among others.
    """
    rounds: list[pd.DataFrame] = []
    who, start = shoppers.index.to_numpy(), shoppers["arrival"].to_numpy()
    while who.size:
        visits = _one_visit(rng, shoppers.loc[who], start=start, new=not rounds)
        rounds.append(visits)
        more = (visits["next_start"] < UNTIL - 10 * DAY).to_numpy()
        who, start = who[more], visits["next_start"].to_numpy()[more]
    return pd.concat(rounds, ignore_index=True)


def _one_visit(
    rng: np.random.Generator, people: pd.DataFrame, *, start: np.ndarray[Any, Any], new: bool
) -> pd.DataFrame:
    count, persona = len(people), people["persona"].to_numpy()
    dice = rng.random(count)
    store = trait("store", persona)
    mobile = store + (1 - store) * trait("mobile", persona)
    channel = np.select([dice < store, dice < mobile], ["store", "mobile"], "web").astype(object)
    chance = np.array([LOST[name] for name in channel]) if new else np.zeros(count)
    lost = rng.random(count) < chance
    pickup = (channel != "store") & (rng.random(count) < trait("pickup", persona))
    mode = np.select([lost, channel == "store", pickup], ["none", "till", "pick-up"], "parcel")
    visits = pd.DataFrame({"who": people.index, "start": start, "channel": channel, "new": new})
    visits = visits.assign(lost=lost, mode=mode.astype(object), persona=persona)
    visits["engagement"] = people["engagement"].to_numpy()
    visits = _plan_parcels(rng, visits)
    return _plan_return(rng, visits)


def _plan_parcels(rng: np.random.Generator, visits: pd.DataFrame) -> pd.DataFrame:
    # Parcels are late by season, not by customer, so that a first order's delay is nearly random.
    count = len(visits)
    month = pd.DatetimeIndex(visits["start"].to_numpy().astype("datetime64[s]")).month
    chance = np.where(month >= 11, 0.34, 0.20)
    late = (visits["mode"] == "parcel").to_numpy() & (rng.random(count) < chance)
    days = np.where(late, 6 + rng.integers(0, 7, count), 2 + rng.integers(0, 4, count))
    return visits.assign(late=late, days=days)


def repeat_chance(visits: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Give the planted chance of a next order within 180 days of an order."""
    persona = visits["persona"].to_numpy()
    chance = trait("repeat", persona) + 0.06 * visits["engagement"].to_numpy()
    chance = chance + LATE_EFFECT * visits["late"].to_numpy()
    chance = chance + PICKUP_EFFECT * (visits["mode"] == "pick-up").to_numpy()
    return np.asarray(np.clip(chance, 0.03, 0.92))


def _plan_return(rng: np.random.Generator, visits: pd.DataFrame) -> pd.DataFrame:
    count = len(visits)
    again = rng.random(count) < repeat_chance(visits)
    after = np.clip(rng.lognormal(np.log(66), 0.5, count), 24, 168)
    much_later = np.where(rng.random(count) < 0.10, rng.integers(205, 320, count), 10_000)
    days = np.where(visits["lost"], 10_000, np.where(again, after, much_later)).astype(np.int64)
    midnight = visits["start"].to_numpy() // DAY * DAY
    return visits.assign(next_start=draw_starts(rng, midnight + days * DAY))


def walk_to_order(rng: np.random.Generator, visits: pd.DataFrame) -> Road:
    """Walk from the first advert to the payment; those who are lost stop at the checkout."""
    persona = visits["persona"].to_numpy()
    new, store = visits["new"].to_numpy(), (visits["channel"] == "store").to_numpy()
    online, lost = (~store).astype(float), visits["lost"].to_numpy()
    road = Road(
        rng,
        who=visits["who"].to_numpy(),
        start=visits["start"].to_numpy(),
        channel=visits["channel"].to_numpy(),
    )
    road.meet("ad click", share=np.where(new, 0.42, 0.12 + 0.2 * (persona == 1)))
    road.meet("social post", share=np.where(new, 0.22, 0.05), channel="social")
    road.meet("newsletter", share=np.where(new, 0.0, 0.38), minutes=20, channel="email")
    road.meet("search", share=0.34 * online)
    road.meet("store visit", share=store.astype(float), minutes=40)
    _browse(road, rng, visits, online=online)
    basket = online
    for _ in range(2):
        road.meet("basket", share=basket, minutes=3)
        road.meet("checkout", share=basket, minutes=2)
        basket = online * (rng.random(len(visits)) < np.where(lost, 0.25, 0.10))
        road.pause(1, mask=(basket > 0) & (rng.random(len(visits)) < 0.6))
    road.meet("payment", share=online * ~lost, minutes=3)
    return road


def _browse(
    road: Road, rng: np.random.Generator, visits: pd.DataFrame, *, online: np.ndarray[Any, Any]
) -> None:
    pages = trait("pages", visits["persona"].to_numpy())
    road.meet("home", share=0.55 * online, minutes=1)
    road.meet("category page", share=0.75 * online, minutes=2)
    road.meet("product page", share=online, minutes=2)
    back = (rng.random(len(visits)) < np.clip(0.15 * pages, 0, 0.6)) * online
    road.pause(rng.integers(1, 4, len(visits)), mask=back > 0)
    road.meet("category page", share=back * 0.8, minutes=2)
    road.meet("product page", share=back, minutes=2)
    guide = np.where(visits["persona"] == 2, 0.45, 0.14) * online
    looked = road.meet("size guide", share=guide, minutes=2)
    road.meet("product page", share=looked * 0.7, minutes=2)


def walk_after_order(rng: np.random.Generator, visits: pd.DataFrame, ordered: Any) -> Road:
    """Walk on from the order: parcel or counter, return, loyalty, review, referral."""
    count, mode = len(visits), visits["mode"].to_numpy()
    parcel, pickup = mode == "parcel", mode == "pick-up"
    road = Road(rng, who=visits["who"].to_numpy(), start=ordered, channel="courier")
    notice = road.clock + 5 * DAY + rng.integers(8, 11, count) * 3600 - road.clock % DAY
    road.note("late delivery notice", at=notice, mask=visits["late"].to_numpy(), channel="email")
    road.pause(visits["days"].to_numpy(), mask=parcel)
    road.meet("delivery", share=parcel.astype(float), minutes=60)
    road.pause(1, mask=pickup)
    road.meet("store pick-up", share=pickup.astype(float), minutes=90, channel="store")
    back = (parcel | pickup) * trait("returns", visits["persona"].to_numpy())
    road.pause(2, mask=parcel | pickup)
    road.meet("return", share=back, minutes=200, channel="post")
    road.meet(
        "loyalty programme", share=_chance(visits, 0.10, liked=0.06), minutes=300, channel="web"
    )
    road.meet("review", share=_chance(visits, 0.09, liked=0.16), minutes=600, channel="web")
    road.meet("referral", share=_chance(visits, 0.03, liked=0.07), minutes=90, channel="email")
    return road


def _chance(visits: pd.DataFrame, base: float, *, liked: float) -> np.ndarray[Any, Any]:
    glad = (visits["mode"] == "pick-up").to_numpy() * liked
    warm = base * np.exp(0.4 * visits["engagement"].to_numpy()) + glad
    return np.asarray(warm * np.where(visits["late"], 0.4, 1.0))


def plan_test(rng: np.random.Generator, count: int = 8000) -> pd.DataFrame:
    """Draw the checkout test: guest checkout lifts phones by 8 points and computers by 1."""
    mobile = rng.random(count) < 0.6
    treated = rng.permutation(np.arange(count) % 2 == 1)
    taste = rng.normal(size=count)
    base = np.where(mobile, 0.24, 0.34) + 0.05 * taste
    chance = np.clip(base + treated * np.where(mobile, 0.08, 0.01), 0.01, 0.99)
    converted = rng.random(count) < chance
    revenue = np.round(converted * np.exp(3.9 + 0.45 * taste + rng.normal(0, 0.4, count)), 2)
    bought = rng.random(count) < 0.55
    before = np.round(bought * np.exp(4.0 + 0.5 * taste + rng.normal(0, 0.35, count)), 2)
    assigned = draw_starts(rng, seconds("2025-09-01") + rng.integers(0, 42, count) * DAY)
    return pd.DataFrame(
        {
            "visitor": draw_numbers(rng, count, digits=7, prefix="v"),
            "group": np.where(treated, "B", "A"),
            "assigned": np.sort(assigned),
            "device": np.where(mobile, "mobile", "web"),
            "converted": converted.astype(int),
            "revenue": revenue,
            "revenue_before": before,
            "returned": (converted & (rng.random(count) < 0.12)).astype(int),
        }
    )
