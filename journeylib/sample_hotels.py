"""Invents Harbour Hotels: eight properties, queues at some, mobile check-in at four of them.

Not for reading data; the files it plans are written by `sample_hotels_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from journeylib.sample_parts import DAY, Road, draw_numbers, draw_starts, seconds

CLIENT = "harbour-hotels"
ZONE = "Europe/Lisbon"
FIRST, UNTIL = seconds("2024-01-01"), seconds("2026-01-01")
CUSTOMERS = 6200
START = "2025-07-01"
TREATED = ("Lisbon", "Porto", "Faro", "Evora")
PROPERTIES = (*TREATED, "Coimbra", "Braga", "Lagos", "Funchal")
QUEUES = ("Porto", "Faro", "Lagos", "Funchal")
GAP = ("Braga", "2025-03-10", "2025-04-13")
CSAT_EFFECT, QUEUE_EFFECT, WITHIN_DAYS = 0.16, -0.14, 180
CSAT = {"quiet": 0.68, "queue": 0.54}
QUEUE_SHARE = {"quiet": 0.12, "queue": 0.46}


@dataclass(frozen=True, slots=True)
class Persona:
    """Planted habits of one kind of guest; nights and EUR a night are typical values."""

    name: str
    share: float
    again: float
    gap: float
    nights: float
    rate: float
    app: float
    agency: float
    phone: float
    spa: float
    portuguese: float


PERSONAS = (
    Persona("Weekend couples", 0.31, 0.42, 95, 2.0, 118.0, 0.20, 0.30, 0.05, 0.35, 0.35),
    Persona("Business travellers", 0.24, 0.80, 38, 1.3, 96.0, 0.62, 0.10, 0.08, 0.03, 0.55),
    Persona("Family holidays", 0.26, 0.30, 120, 6.0, 142.0, 0.12, 0.62, 0.05, 0.15, 0.30),
    Persona("Slow travellers", 0.19, 0.48, 110, 9.5, 74.0, 0.06, 0.12, 0.48, 0.22, 0.12),
)


def trait(name: str, persona: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Look up a planted habit for each guest."""
    return np.asarray(np.array([getattr(kind, name) for kind in PERSONAS])[persona])


def plan_guests(rng: np.random.Generator) -> pd.DataFrame:
    """Draw the guests: persona, engagement, language, home property, first arrival (UTC)."""
    persona = rng.choice(len(PERSONAS), CUSTOMERS, p=[kind.share for kind in PERSONAS])
    day = FIRST + rng.integers(10, 690, CUSTOMERS) * DAY
    # Families come in summer, slow travellers in the cold months.
    summer = seconds("2024-06-10") + rng.integers(0, 2, CUSTOMERS) * 365 * DAY
    winter = seconds("2024-01-08") + rng.integers(0, 2, CUSTOMERS) * 310 * DAY
    season = np.where(persona == 2, summer + rng.integers(0, 90, CUSTOMERS) * DAY, day)
    season = np.where(persona == 3, winter + rng.integers(0, 90, CUSTOMERS) * DAY, season)
    arrival = np.where(rng.random(CUSTOMERS) < 0.6, season, day)
    portuguese = rng.random(CUSTOMERS) < trait("portuguese", persona)
    guests = pd.DataFrame(
        {
            "persona": persona,
            "engagement": rng.normal(size=CUSTOMERS),
            "language": np.where(portuguese, "pt", "en").astype(object),
            "home": rng.integers(0, len(PROPERTIES), CUSTOMERS),
            "arrival": arrival,
        }
    ).sort_values("arrival", ignore_index=True)
    return guests.assign(number=draw_numbers(rng, CUSTOMERS, digits=6))


def plan_stays(rng: np.random.Generator, guests: pd.DataFrame) -> pd.DataFrame:
    """Let every guest stay, and stay again or not: one row per stay."""
    rounds: list[pd.DataFrame] = []
    who, day = guests.index.to_numpy(), guests["arrival"].to_numpy()
    while who.size and len(rounds) < 14:
        stays = _one_stay(rng, guests.loc[who], day=day)
        rounds.append(stays)
        more = (stays["next_day"] < UNTIL - 12 * DAY).to_numpy()
        who, day = who[more], stays["next_day"].to_numpy()[more]
    return pd.concat(rounds, ignore_index=True)


def _one_stay(
    rng: np.random.Generator, people: pd.DataFrame, *, day: np.ndarray[Any, Any]
) -> pd.DataFrame:
    count, persona = len(people), people["persona"].to_numpy()
    moved = rng.integers(0, len(PROPERTIES), count)
    house = np.where(rng.random(count) < 0.6, people["home"].to_numpy(), moved)
    arrival = day + rng.integers(13, 21, count) * 3600 + rng.integers(0, 3600, count)
    stays = pd.DataFrame(
        {
            "who": people.index,
            "persona": persona,
            "engagement": people["engagement"].to_numpy(),
            "language": people["language"].to_numpy(),
            "property": np.array(PROPERTIES, dtype=object)[house],
            "arrival": arrival,
            "nights": np.clip(1 + rng.poisson(trait("nights", persona) - 1), 1, 21),
            "channel": _channels(rng, persona),
        }
    )
    stays = _queue(rng, stays)
    return _plan_next(rng, stays, day=day)


def _channels(rng: np.random.Generator, persona: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    dice, app = rng.random(persona.size), trait("app", persona)
    agency = app + trait("agency", persona)
    phone = agency + trait("phone", persona)
    names = ["app", "agency", "phone"]
    return np.select([dice < app, dice < agency, dice < phone], names, "web").astype(object)


def _queue(rng: np.random.Generator, stays: pd.DataFrame) -> pd.DataFrame:
    busy, count = stays["property"].isin(QUEUES).to_numpy(), len(stays)
    open_ = stays["property"].isin(TREATED).to_numpy() & (stays["arrival"] >= seconds(START))
    mobile = open_ & (rng.random(count) < 0.62)
    share = np.where(busy, QUEUE_SHARE["queue"], QUEUE_SHARE["quiet"])
    waited = ~mobile & (rng.random(count) < share)
    minutes = np.where(waited, rng.gamma(6, 4.6, count) + 12, rng.gamma(2, 2.2, count) + 1)
    stays = stays.assign(busy=busy, after=open_, mobile=mobile, waited=waited)
    return stays.assign(minutes=np.where(mobile, 1, np.round(minutes)).astype(int))


def csat_chance(stays: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Give the planted chance of 4 or 5 stars for the check-in.

    A queue costs a guest 0.30; each property's level is set so that, averaged over its guests,
    it equals the planted one: lower where queues are common, higher by the effect after the start.
    """
    busy = stays["busy"].to_numpy()
    level = np.where(busy, CSAT["queue"], CSAT["quiet"])
    level = level + CSAT_EFFECT * stays["after"].to_numpy()
    share = np.where(busy, QUEUE_SHARE["queue"], QUEUE_SHARE["quiet"])
    share = share * np.where(stays["after"], 0.38, 1.0)
    month = pd.DatetimeIndex(stays["arrival"].to_numpy().astype("datetime64[s]")).month
    season = -0.02 * np.isin(month, [7, 8])
    return np.asarray(level + season + 0.30 * (share - stays["waited"].to_numpy()))


def _plan_next(
    rng: np.random.Generator, stays: pd.DataFrame, *, day: np.ndarray[Any, Any]
) -> pd.DataFrame:
    persona, count = stays["persona"].to_numpy(), len(stays)
    chance = trait("again", persona) + 0.06 * stays["engagement"].to_numpy()
    chance = np.clip(chance + QUEUE_EFFECT * stays["waited"].to_numpy(), 0.03, 0.92)
    again = rng.random(count) < chance
    gap = np.clip(rng.lognormal(np.log(trait("gap", persona)), 0.4, count), 26, 164)
    later = np.where(rng.random(count) < 0.18, rng.integers(280, 420, count), 10_000)
    days = np.where(again, gap, later).astype(np.int64)
    return stays.assign(next_day=day + days * DAY)


def walk_to_booking(rng: np.random.Generator, stays: pd.DataFrame) -> Road:
    """Walk from the first advert to the booking, some days or weeks before the stay."""
    count, channel = len(stays), stays["channel"].to_numpy()
    longest = np.where(stays["persona"] == 1, 7, 20)
    lead = np.clip(rng.gamma(2, longest / 3), 1, 22).astype(np.int64)
    day = stays["arrival"].to_numpy() // DAY * DAY - lead * DAY
    agency, phone = channel == "agency", channel == "phone"
    own = (~agency & ~phone).astype(float)
    surface = np.where(phone, "web", channel).astype(object)
    road = Road(
        rng, who=stays["who"].to_numpy(), start=draw_starts(rng, day - DAY), channel=surface
    )
    road.meet("search_ad", share=0.28 * own, minutes=1, channel="web")
    road.meet("newsletter", share=0.16, minutes=10, channel="email")
    road.meet("agency_listing", share=0.9 * agency + 0.15 * own, minutes=5, channel="agency")
    road.meet("hotel_page", share=0.85 * own + 0.4 * phone, minutes=4)
    road.meet("room_page", share=0.7 * own + 0.6 * agency, minutes=4)
    compared = rng.random(count) < 0.28
    road.pause(1, mask=compared)
    road.meet("price_calendar", share=0.5 * own, minutes=4)
    road.meet("room_page", share=0.6 * compared * own, minutes=3)
    road.meet("payment_page", share=0.92 * own, minutes=5)
    road.clock = road.clock + rng.integers(90, 260, count)
    return road


def walk_stay(rng: np.random.Generator, stays: pd.DataFrame) -> Road:
    """Walk through the stay: arrival, queue, check-in, room, breakfast, spa, check-out."""
    count, mobile = len(stays), stays["mobile"].to_numpy()
    waited, nights = stays["waited"].to_numpy(), stays["nights"].to_numpy()
    road = Road(
        rng, who=stays["who"].to_numpy(), start=stays["arrival"].to_numpy(), channel="front desk"
    )
    before = stays["arrival"].to_numpy() - DAY - 7200
    road.note("pre_arrival_email", at=before, mask=rng.random(count) < 0.6, channel="email")
    road.note("check_in_queue", at=road.clock, mask=waited)
    road.clock = road.clock + 60 * stays["minutes"].to_numpy()
    road.note("check_in", at=road.clock, mask=~mobile)
    road.note("check_in", at=road.clock, mask=mobile, channel="app")
    road.meet("room", share=0.8, minutes=20, channel="hotel")
    spa = trait("spa", stays["persona"].to_numpy())
    road.meet("spa", share=spa, minutes=120, channel="hotel")
    morning = (road.clock // DAY + 1) * DAY + rng.integers(7 * 3600, 10 * 3600, count)
    road.clock = morning
    road.meet("breakfast", share=0.72, minutes=5, channel="hotel")
    road.clock = morning + (nights - 1) * DAY
    road.meet("check_out", minutes=70)
    return road
