"""Turns the plan for Harbour Hotels into its exports, with their mess, and its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import sample_hotels as plan
from journeylib.sample_files import write_csv, write_parquet, write_records, write_workbook
from journeylib.sample_hotels_truth import planted_check_in, planted_queue
from journeylib.sample_parts import (
    DAY,
    blank_some,
    by_text,
    draw_choice,
    draw_comments,
    draw_stars,
    local_times,
    make_generator,
    pad_some,
    people_of,
    plant_contacts,
    repeat_some,
    seconds,
    write_stamps,
)
from journeylib.sample_words import HOTELS

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "website.parquet",
    "bookings_*.csv",
    "stays.parquet",
    "survey.xlsx",
    "reviews.jsonl",
)
CONTACTS = (
    "helen.marsh61@letters.example", "+44 7700 900417", "j.tavares@correio.example",
    "07700 900862", "m.lindqvist@reise.example", "+44 7700 900035",
)  # fmt: skip
PERSONA_NAMES = tuple(kind.name for kind in plan.PERSONAS)
ASK = "Contact / contacto: {}"
MOODS = {"room": 0.35, "breakfast": 0.4, "spa": 0.6, "check_out": 0.3}
_ROOMS = {"Standard": 6, "Superior": 3, "Suíte": 1}


def write_hotels(folder: Path, seed: int) -> tuple[list[Path], dict[str, Any]]:
    """Write all exports of Harbour Hotels and give its truth.

    Args:
        folder: Where to write; it exists.
        seed: Start of the random numbers.

    Returns:
        The files written, and what was planted, as `truth.json` holds it.
    """
    rng = make_generator(seed, plan.CLIENT)
    guests = plan.plan_guests(rng)
    stays = plan.plan_stays(rng, guests)
    stays["number"] = guests["number"].to_numpy()[stays["who"]]
    stays["left"] = stays["arrival"] // DAY * DAY + stays["nights"] * DAY + 11 * 3600
    site, hidden = _walk_site(rng, stays), _in_gap(stays)
    events = plan.walk_stay(rng, stays).log(until=plan.UNTIL)
    events = events[~hidden.to_numpy()[events["episode"]]]
    answers = _plan_answers(rng, stays[(stays["left"] < plan.UNTIL - 3 * DAY) & ~hidden])
    rows = {
        "website": _write_site(folder, rng, events=site, stays=stays),
        "bookings": _write_bookings(folder, rng, stays),
        "stays": _write_stays(folder, rng, events=events, stays=stays),
        "guest_survey": _write_survey(folder, rng, answers),
        "reviews": _write_reviews(folder, rng, stays),
    }
    number = guests["number"].to_numpy()
    truth = {"client": plan.CLIENT, "customers": len(guests), "rows": rows}
    truth["planted"] = [planted_queue(stays), planted_check_in(answers)]
    truth |= _planted_mess() | {"personas": people_of(PERSONA_NAMES, guests["persona"], number)}
    return [file for name in FILES for file in sorted(folder.glob(name))], truth


def _walk_site(rng: np.random.Generator, stays: pd.DataFrame) -> pd.DataFrame:
    # Adds to the stays when they were booked.
    road = plan.walk_to_booking(rng, stays)
    stays["booked"] = road.clock
    return road.log(until=plan.UNTIL)


def _planted_mess() -> dict[str, Any]:
    house, first, last = plan.GAP
    what = "a front desk without mobile check-in sent nothing for five weeks"
    gap = {"source": "stays, guest_survey", "property": house, "from": first, "to": last}
    codes = {"guest_survey.rating": [9, 99]}
    return {"data_gap": {**gap, "what": what}, "missing_codes": codes, "pii": list(CONTACTS)}


def _in_gap(stays: pd.DataFrame) -> pd.Series:
    house, first, last = plan.GAP
    inside = stays["arrival"].between(seconds(first), seconds(last) + DAY - 1)
    return (stays["property"] == house) & inside


def _write_site(
    folder: Path, rng: np.random.Generator, *, events: pd.DataFrame, stays: pd.DataFrame
) -> int:
    number = stays["number"].to_numpy()[events["episode"]]
    rows = pd.DataFrame(
        {
            "guest_no": by_text(rng.random(len(events)) < 0.02, None, number),
            "seen_at": local_times(events["time"], plan.ZONE),
            "page": events["touchpoint"],
            "surface": events["channel"],
        }
    )
    write_parquet(folder / "website.parquet", rows)
    return len(rows)


def _write_bookings(folder: Path, rng: np.random.Generator, stays: pd.DataFrame) -> int:
    made = stays[stays["booked"] < plan.UNTIL]
    rate = plan.trait("rate", made["persona"].to_numpy()) * rng.lognormal(0, 0.18, len(made))
    bookings = pd.DataFrame(
        {
            "booking_no": "",
            "guest_no": made["number"],
            "booked_at": made["booked"],
            "arrival": write_stamps(made["arrival"], plan.ZONE, "%d/%m/%Y"),
            "nights": made["nights"],
            "rate": np.round(rate, 2),
            "channel": made["channel"],
            "property": made["property"],
            "room": draw_choice(rng, _ROOMS, len(made)),
            "status": by_text(rng.random(len(made)) < 0.94, "OK", "Option"),
        }
    )
    return _export_bookings(folder, rng, _spoil_bookings(rng, bookings))


def _spoil_bookings(rng: np.random.Generator, bookings: pd.DataFrame) -> pd.DataFrame:
    void = bookings.sample(frac=0.07, random_state=rng).assign(status="Cancelled")
    void["booked_at"] -= rng.integers(600, 90_000, len(void))
    absent = bookings.sample(frac=0.01, random_state=rng).assign(nights=0, status="No show")
    absent["booked_at"] -= rng.integers(600, 90_000, len(absent))
    rows = pd.concat([bookings, void, absent])
    rows = rows.sort_values("booked_at", kind="stable", ignore_index=True)
    rows["channel"] = pad_some(rng, rows["channel"], 0.01)
    rows["room"] = blank_some(rng, rows["room"], share=0.02, mark="n/a")
    return rows


def _export_bookings(folder: Path, rng: np.random.Generator, rows: pd.DataFrame) -> int:
    rows["booking_no"] = [f"{40_000 + row:07d}" for row in range(len(rows))]
    late, count = (rows["booked_at"] >= seconds("2025-01-01")).to_numpy(), 0
    rows["booked_at"] = write_stamps(rows["booked_at"], plan.ZONE, "%d/%m/%Y %H:%M")
    for year, part in (("2024", rows[~late]), ("2025", rows[late])):
        export = repeat_some(rng, part, 0.006)
        name = f"bookings_{year}.csv"
        write_csv(folder / name, export, sep=";", decimal=",", encoding="cp1252")
        count += len(export)
    return count


def _write_stays(
    folder: Path, rng: np.random.Generator, *, events: pd.DataFrame, stays: pd.DataFrame
) -> int:
    stay = stays.loc[events["episode"]]
    spots = events["touchpoint"].isin([*MOODS, "check_in"]).to_numpy()
    mood = events["touchpoint"].map(MOODS).fillna(0.2).to_numpy(dtype=float)
    desk = (events["touchpoint"] == "check_in").to_numpy()
    mood = np.where(desk, 1.4 * plan.csat_chance(stay) - 0.75, mood)
    stars = draw_stars(rng, mood + 0.1 * stay["engagement"].to_numpy())
    rated = spots & (rng.random(len(events)) < 0.10)
    rows = pd.DataFrame(
        {
            "guest_no": stay["number"].to_numpy(),
            "happened_at": local_times(events["time"], plan.ZONE),
            "touchpoint": events["touchpoint"].to_numpy(),
            "channel": events["channel"].to_numpy(),
            "property": stay["property"].to_numpy(),
            "tablet_stars": pd.array(np.where(rated, stars, -1), dtype="Int8"),
            "queue_minutes": pd.array(np.where(desk, stay["minutes"], -1), dtype="Int16"),
        }
    )
    for column in ("tablet_stars", "queue_minutes"):
        rows[column] = rows[column].mask(rows[column] < 0)
    rows = repeat_some(rng, rows, 0.005)
    write_parquet(folder / "stays.parquet", rows)
    return len(rows)


def _plan_answers(rng: np.random.Generator, stays: pd.DataFrame) -> pd.DataFrame:
    since = stays["left"] >= seconds("2024-10-01")
    asked = stays[since & (rng.random(len(stays)) < 0.74)]
    about = by_text(rng.random(len(asked)) < 0.93, "check_in", "skip")
    desk = asked.assign(about=about, rating=_desk_rating(rng, asked))
    other = asked[rng.random(len(asked)) < 0.42]
    topic = draw_choice(rng, {"room": 4, "breakfast": 3, "spa": 1, "check_out": 2}, len(other))
    mood = np.array([MOODS[name] for name in topic]) + 0.1 * other["engagement"].to_numpy()
    other = other.assign(about=topic, rating=draw_stars(rng, mood))
    answers = pd.concat([desk[desk["about"] == "check_in"], other])
    answers["answered"] = answers["left"] + rng.integers(1, 60, len(answers)) * 3600
    return answers.sort_values("answered", kind="stable", ignore_index=True)


def _desk_rating(rng: np.random.Generator, asked: pd.DataFrame) -> np.ndarray[Any, Any]:
    happy = rng.random(len(asked)) < plan.csat_chance(asked)
    good = np.where(rng.random(len(asked)) < 0.55, 5, 4)
    poor = rng.choice([1, 2, 3], len(asked), p=[0.2, 0.35, 0.45])
    return np.asarray(np.where(happy, good, poor))


def _write_survey(folder: Path, rng: np.random.Generator, answers: pd.DataFrame) -> int:
    texts = _comments(rng, answers, share=0.30)
    dice = rng.random(len(answers))
    rows = pd.DataFrame(
        {
            "guest_no": blank_some(rng, answers["number"], share=0.015, mark="-"),
            "property": pad_some(rng, answers["property"], 0.01),
            "about": answers["about"],
            "answered": local_times(answers["answered"], plan.ZONE),
            "rating": np.select([dice < 0.006, dice < 0.01], [99, 9], answers["rating"]),
            "language": answers["language"].str.upper(),
            "comment": plant_contacts(rng, texts, CONTACTS[:3], ask=ASK),
        }
    )
    write_workbook(folder / "survey.xlsx", {"Answers": rows})
    return len(rows)


def _comments(
    rng: np.random.Generator, answers: pd.DataFrame, *, share: float
) -> np.ndarray[Any, Any]:
    tone = np.where(answers["rating"] >= 4, "good", "bad").astype(object)
    topics = answers["language"] + " " + answers["about"] + " " + tone
    return draw_comments(rng, HOTELS, topics=np.asarray(topics, dtype=object), share=share)


def _write_reviews(folder: Path, rng: np.random.Generator, stays: pd.DataFrame) -> int:
    done = stays[stays["left"] < plan.UNTIL - 12 * DAY]
    posted = done[rng.random(len(done)) < 0.11]
    about = draw_choice(
        rng, {"check_in": 5, "room": 3, "breakfast": 2, "check_out": 1}, len(posted)
    )
    mood = np.array([MOODS.get(name, 0.0) for name in about])
    mood = np.where(about == "check_in", 1.6 * plan.csat_chance(posted) - 0.9, mood)
    posted = posted.assign(about=about, rating=draw_stars(rng, mood))
    posted["posted"] = posted["left"] + rng.integers(1, 9, len(posted)) * DAY
    posted = posted.sort_values("posted", kind="stable", ignore_index=True)
    rows = pd.DataFrame(
        {
            "review_id": [f"R{5000 + row}" for row in range(len(posted))],
            "guest_no": by_text(rng.random(len(posted)) < 0.12, None, posted["number"]),
            "posted": write_stamps(posted["posted"], plan.ZONE, "%Y-%m-%dT%H:%M:%S"),
            "stars": posted["rating"],
            "language": posted["language"],
            "property": posted["property"],
            "about": posted["about"],
            "site": draw_choice(rng, {"agency": 3, "web": 2}, len(posted)),
            "text": plant_contacts(rng, _comments(rng, posted, share=0.9), CONTACTS[3:], ask=ASK),
        }
    )
    write_records(folder / "reviews.jsonl", rows, array=False)
    return len(rows)
