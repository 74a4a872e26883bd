"""Invents BrightDesk, a shared-inbox subscription: confusing set-up, cards that fail, a redesign.

Not for reading data; the files it plans are written by `sample_software_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from journeylib.sample_parts import DAY, Road, draw_numbers, draw_starts, seconds

CLIENT = "brightdesk"
ZONE = "America/New_York"
FIRST, UNTIL = seconds("2024-07-01"), seconds("2026-01-01")
EMAILS_START = "2025-06-02"
CUSTOMERS = 2600
FAILED_CARD, CONFUSED = 2.0, 1.6
MONTH = 2_629_800
_TRIAL = 14 * DAY
_SERIES = {"weeks": 78, "base": 0.31, "slope": 0.0013, "level": 0.05, "rho": 0.3, "noise": 0.010}


@dataclass(frozen=True, slots=True)
class Persona:
    """Planted habits of one kind of account; hazard is cancelling per month, price USD per seat."""

    name: str
    share: float
    hazard: float
    seats: int
    price: float
    app: float
    uses: float
    automates: float


PERSONAS = (
    Persona("Solo freelancers", 0.34, 0.046, 1, 19.0, 0.62, 1.6, 0.05),
    Persona("Small teams", 0.30, 0.030, 5, 17.0, 0.34, 2.6, 0.20),
    Persona("Growing agencies", 0.21, 0.016, 16, 15.0, 0.22, 4.2, 0.55),
    Persona("Trial tourists", 0.15, 0.090, 2, 19.0, 0.56, 0.8, 0.02),
)


def trait(name: str, persona: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Look up a planted habit for each account."""
    return np.asarray(np.array([getattr(kind, name) for kind in PERSONAS])[persona])


def plan_accounts(rng: np.random.Generator) -> pd.DataFrame:
    """Draw the accounts: persona, engagement, surface, sign-up (UTC seconds), set-up errors."""
    persona = rng.choice(len(PERSONAS), CUSTOMERS, p=[kind.share for kind in PERSONAS])
    # More sign-ups lately: the trend that a plain before/after comparison mistakes for an effect.
    day = np.floor(517 * np.sqrt(rng.uniform(0.04, 1, CUSTOMERS))).astype(np.int64)
    signup = np.sort(draw_starts(rng, FIRST + day * DAY))
    app = rng.random(CUSTOMERS) < trait("app", persona)
    mailed = signup >= seconds(EMAILS_START)
    chance = np.where(app, 0.52, 0.27) - 0.08 * mailed
    errors = np.where(rng.random(CUSTOMERS) < chance, rng.geometric(0.55, CUSTOMERS), 0)
    return pd.DataFrame(
        {
            "persona": persona,
            "engagement": rng.normal(size=CUSTOMERS),
            "surface": np.where(app, "app", "web").astype(object),
            "signup": signup,
            "mailed": mailed,
            "errors": np.clip(errors, 0, 6),
            "seats": 1 + rng.poisson(trait("seats", persona) - 1),
            "number": draw_numbers(rng, CUSTOMERS, digits=6),
        }
    )


def plan_months(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    """Bill every account month by month until it cancels: one row per account and month.

    Returns:
        Columns ``who, month, billed, failed, had_failed, cancelled, left`` (UTC seconds).
    """
    rounds, who = [], accounts.index.to_numpy()
    had_failed = np.zeros(len(accounts), dtype=bool)
    for month in range(16):
        people = accounts.loc[who]
        billed = people["signup"].to_numpy() + _TRIAL + month * MONTH
        row = _one_month(rng, people, had_failed=had_failed[who], month=month)
        row = row.assign(who=who, month=month, billed=billed)
        row = row.assign(left=billed + rng.integers(3, 29, who.size) * DAY)
        row = row[row["billed"] < UNTIL]
        row["cancelled"] &= row["left"] < UNTIL
        rounds.append(row)
        had_failed[row["who"]] = row["had_failed"]
        who = row.loc[~row["cancelled"], "who"].to_numpy()
    return pd.concat(rounds, ignore_index=True)


def _one_month(
    rng: np.random.Generator, people: pd.DataFrame, *, had_failed: np.ndarray[Any, Any], month: int
) -> pd.DataFrame:
    persona, warm = people["persona"].to_numpy(), people["engagement"].to_numpy()
    # Heavy accounts meet more failed cards and cancel less, which hides the harm from a plain look.
    chance = 0.06 * np.exp(0.15 * warm) * np.where(persona == 0, 1.3, 1.0)
    failed = rng.random(len(people)) < chance
    had_failed = had_failed | failed
    hazard = trait("hazard", persona) * np.exp(-0.30 * warm) * (1.4 if month == 0 else 1.0)
    hazard = (
        hazard * np.where(had_failed, FAILED_CARD, 1) * np.where(people["errors"] > 0, CONFUSED, 1)
    )
    cancelled = rng.random(len(people)) < np.clip(hazard, 0, 0.95)
    return pd.DataFrame({"failed": failed, "had_failed": had_failed, "cancelled": cancelled})


def walk_setup(rng: np.random.Generator, accounts: pd.DataFrame) -> Road:
    """Walk from the first advert over the sign-up through a set-up that may go wrong."""
    count, mailed = len(accounts), accounts["mailed"].to_numpy()
    surface = accounts["surface"].to_numpy()
    before = accounts["signup"].to_numpy() - rng.integers(1, 9, count) * DAY
    road = Road(rng, who=accounts.index.to_numpy(), start=before, channel=surface)
    road.meet("ad_click", share=0.35, minutes=2, channel="web")
    road.meet("visit_site", share=0.92, minutes=2, channel="web")
    road.meet("webinar", share=np.where(accounts["persona"] == 2, 0.3, 0.06), minutes=30)
    road.meet("pricing_page", share=0.6, minutes=4, channel="web")
    road.clock = np.maximum(road.clock + 60, accounts["signup"].to_numpy())
    road.meet("sign_up", minutes=1)
    road.meet("onboarding_email", share=0.96 * mailed, minutes=12, channel="email")
    errors = accounts["errors"].to_numpy()
    tourist = accounts["persona"].to_numpy() == 3
    going = rng.random(count) < np.where(tourist, 0.8, 0.97)
    for attempt in range(6):
        again = going & (errors >= attempt)
        road.meet("setup_started", share=again.astype(float), minutes=20 if attempt == 0 else 5)
        stuck = again & (errors > attempt)
        road.meet("setup_error", share=stuck.astype(float), minutes=9)
        road.pause(rng.integers(0, 4, count), mask=stuck)
    done = going & (rng.random(count) < np.where(errors > 1, 0.84, 0.97))
    road.meet("setup_completed", share=done.astype(float), minutes=18)
    road.meet("onboarding_email", share=0.7 * mailed, minutes=2000, channel="email")
    team = np.where(accounts["seats"] > 1, 0.75, 0.05) * done
    road.meet("invite_teammate", share=team, minutes=300)
    return road


def walk_months(rng: np.random.Generator, accounts: pd.DataFrame, months: pd.DataFrame) -> Road:
    """Walk through the months: use of features, cards that fail, upgrades, cancelling."""
    people = accounts.loc[months["who"]]
    persona, warm = people["persona"].to_numpy(), people["engagement"].to_numpy()
    start, failed = months["billed"].to_numpy(), months["failed"].to_numpy()
    road = Road(
        rng, who=months["who"].to_numpy(), start=start, channel=people["surface"].to_numpy()
    )
    road.note("card_payment_failed", at=start + 400, mask=failed, channel="email")
    repaired = failed & (rng.random(failed.size) < 0.7)
    road.note("card_updated", at=start + DAY + 7200, mask=repaired, channel="web")
    stay = np.where(months["cancelled"], months["left"] - start, MONTH - 2 * DAY)
    for touchpoint, rate in _uses(persona, warm).items():
        for _ in range(3):
            when = start + 900 + (rng.random(start.size) * (stay - 1800)).astype(np.int64)
            used = rng.random(start.size) < np.clip(rate / 3, 0, 0.95)
            road.note(touchpoint, at=when, mask=used)
    cancelled = months["cancelled"].to_numpy()
    left = months["left"].to_numpy()
    looked = cancelled & (rng.random(left.size) < 0.6)
    road.note("cancel_page", at=left - 1200, mask=looked, channel="web")
    road.note("cancelled", at=left, mask=cancelled, channel="web")
    return road


def _uses(persona: np.ndarray[Any, Any], warm: np.ndarray[Any, Any]) -> dict[str, Any]:
    rate = trait("uses", persona) * np.exp(0.4 * warm)
    return {
        "inbox_used": 0.45 * rate,
        "report_viewed": 0.18 * rate,
        "automation_created": trait("automates", persona) * np.exp(0.4 * warm),
        "upgrade": 0.012 * rate,
        "review_written": 0.010 * rate,
        "referral_sent": 0.008 * rate,
    }


def plan_activation(rng: np.random.Generator) -> pd.DataFrame:
    """Draw weekly activation: a rising line, a lasting jump when the e-mails start, AR(1) noise."""
    weeks = int(_SERIES["weeks"])
    monday = pd.date_range("2024-07-01", periods=weeks, freq="7D")
    noise = np.zeros(weeks)
    shock = rng.normal(0, _SERIES["noise"], weeks)
    noise[0] = shock[0] / np.sqrt(1 - _SERIES["rho"] ** 2)
    for week in range(1, weeks):
        noise[week] = _SERIES["rho"] * noise[week - 1] + shock[week]
    after = (monday >= pd.Timestamp(EMAILS_START)).astype(float)
    share = _SERIES["base"] + _SERIES["slope"] * np.arange(weeks) + _SERIES["level"] * after + noise
    rows = {"team": "all sign-ups", "week": monday, "activation": np.round(share, 4)}
    return pd.DataFrame(rows).assign(signups=rng.poisson(380, weeks))


def plan_redesign(rng: np.random.Generator, count: int = 10_000) -> pd.DataFrame:
    """Draw the dashboard redesign test, whose true effect is exactly none."""
    habit = rng.normal(size=count)
    before = np.round(np.exp(3.2 + 0.6 * habit + rng.normal(0, 0.3, count)), 1)
    active = rng.random(count) < np.clip(0.46 + 0.12 * habit, 0.02, 0.98)
    minutes = np.round(active * np.exp(3.3 + 0.6 * habit + rng.normal(0, 0.4, count)), 1)
    day = seconds("2025-09-08") + rng.integers(0, 28, count) * DAY
    return pd.DataFrame(
        {
            "seat": draw_numbers(rng, count, digits=7, prefix="s"),
            "variant": np.where(rng.permutation(np.arange(count) % 2 == 1), "new", "old"),
            "assigned": np.sort(draw_starts(rng, day)),
            "surface": np.where(rng.random(count) < 0.4, "app", "web"),
            "active_week_4": np.where(active, "TRUE", "FALSE"),
            "minutes_week_4": minutes,
            "minutes_before": before,
        }
    )
