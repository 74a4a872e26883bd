"""Turns the plan for Northside Clothing into its exports, with their mess, and its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import sample_clothing as plan
from journeylib.sample_clothing_truth import MOODS, planted_journey, planted_test
from journeylib.sample_files import write_csv, write_records, write_workbook
from journeylib.sample_parts import (
    DAY,
    blank_some,
    by_text,
    draw_choice,
    draw_comments,
    draw_scores,
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
from journeylib.sample_words import CLOTHING, FIRST_NAMES, LAST_NAMES

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "web_events/web_events_*.csv",
    "orders.csv",
    "fulfilment.csv",
    "nps_survey.csv",
    "tickets.json",
    "crm.xlsx",
    "checkout_test.csv",
)
CONTACTS = (
    "maeve.kinsella84@mailbox.example", "+353 20 914 4172", "tadhg.orourke@post.example",
    "020 917 3350", "ciara_dunne@inbox.example", "+353 20 910 8826",
)  # fmt: skip
PERSONA_NAMES = tuple(kind.name for kind in plan.PERSONAS)
ASK = "You can reach me at {}."
BOT = "0099999"
PLACEHOLDER = "noreply@northside.example"
TWINS = 20


def write_clothing(folder: Path, seed: int) -> tuple[list[Path], dict[str, Any]]:
    """Write all exports of Northside Clothing and give its truth.

    Args:
        folder: Where to write; it exists.
        seed: Start of the random numbers.

    Returns:
        The files written, and what was planted, as `truth.json` holds it.
    """
    rng = make_generator(seed, plan.CLIENT)
    shoppers = plan.plan_shoppers(rng)
    visits = plan.plan_visits(rng, shoppers)
    web, after = _walk(rng, visits)
    number = shoppers["number"].to_numpy()
    visits["number"] = number[visits["who"]]
    twins = _register_twice(rng, visits)
    rows = {
        "web_events": _write_web(folder, rng, events=web, number=number),
        "orders": _write_orders(folder, rng, visits),
        "fulfilment": _write_fulfilment(folder, rng, after=after, visits=visits, number=number),
        "nps_survey": _write_survey(folder, rng, visits=visits, number=number),
        "tickets": _write_tickets(folder, rng, _plan_tickets(rng, visits), number=number),
        "crm": _write_crm(folder, rng, visits=visits, number=number, twins=twins),
        "checkout_test": _write_test(folder, test := plan.plan_test(rng)),
    }
    planted = [*planted_journey(visits), planted_test(test)]
    truth = {"client": plan.CLIENT, "customers": len(shoppers), "rows": rows, "planted": planted}
    truth |= _planted_mess(number, twins)
    truth["personas"] = people_of(PERSONA_NAMES, shoppers["persona"], number)
    return [file for name in FILES for file in sorted(folder.glob(name))], truth


def _walk(rng: np.random.Generator, visits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    # Adds to the visits when the order came, whether there was one, and whether it came back.
    road = plan.walk_to_order(rng, visits)
    visits["ordered"] = road.clock + rng.integers(70, 200, len(visits))
    visits["bought"] = ~visits["lost"] & (visits["ordered"] < plan.UNTIL)
    after = plan.walk_after_order(rng, visits, visits["ordered"]).log(until=plan.UNTIL)
    after = after[visits["bought"].to_numpy()[after["episode"]]]
    sent_back = after.loc[after["touchpoint"] == "return", "episode"]
    visits["returned"] = visits.index.isin(sent_back)
    online = ~after["channel"].isin(_CARRIERS) & (after["touchpoint"] != "late delivery notice")
    return pd.concat([road.log(until=plan.UNTIL), after[online]]), after


def _planted_mess(number: np.ndarray[Any, Any], twins: dict[int, str]) -> dict[str, Any]:
    first, last = plan.OUTAGE
    what = "tracking was down for three days; orders went on"
    return {
        "data_gap": {"source": "web_events", "from": first, "to": last, "what": what},
        "bot": {"source": "web_events", "customer_id": BOT, "rows": 240},
        "same_person": [[str(number[who]), second] for who, second in twins.items()],
        "placeholder_email": PLACEHOLDER,
        "missing_codes": {"nps_survey.score": [11, 99]},
        "pii": list(CONTACTS),
    }


_CARRIERS = ("courier", "store", "post")


def _write_web(
    folder: Path, rng: np.random.Generator, *, events: pd.DataFrame, number: np.ndarray[Any, Any]
) -> int:
    down = events["time"].between(seconds(plan.OUTAGE[0]), seconds(plan.OUTAGE[1]) + DAY - 1)
    events = events[~down].sort_values("time", kind="stable", ignore_index=True)
    asked = rng.random(len(events)) < 0.04
    sad = events["touchpoint"].isin(["checkout", "payment"]) & (events["channel"] == "mobile")
    dice = rng.random(len(events)) + 0.45 * sad
    face = np.select([dice < 0.45, dice < 0.75], ["positive", "neutral"], "negative").astype(object)
    customer = number[events["who"]]
    anonymous = rng.random(len(events)) < np.where(events["touchpoint"] == "ad click", 0.10, 0.015)
    rows = pd.DataFrame(
        {
            "visitor_id": [f"{(int(who) * 2654435761) % 16777216:06x}" for who in customer],
            "customer_no": by_text(anonymous, "n/a", customer),
            "date_time": events["time"],
            "action": pad_some(rng, events["touchpoint"], 0.01),
            "device": pad_some(rng, events["channel"], 0.01),
            "smiley": by_text(asked, face, ""),
        }
    )
    rows = repeat_some(rng, pd.concat([rows, _bot_rows(rng)]).reset_index(drop=True), 0.008)
    rows = rows.sort_values("date_time", kind="stable", ignore_index=True)
    _write_quarters(folder / "web_events", rows)
    return len(rows)


def _bot_rows(rng: np.random.Generator) -> pd.DataFrame:
    times = seconds("2025-05-14") + 3 * 3600 + np.sort(rng.integers(0, 1800, 240))
    bot = {"visitor_id": "b07b07", "customer_no": BOT, "date_time": times}
    return pd.DataFrame(bot).assign(action="product page", device="web", smiley="")


def _write_quarters(folder: Path, rows: pd.DataFrame) -> None:
    folder.mkdir(exist_ok=True)
    local = local_times(rows["date_time"], plan.ZONE)
    texts = rows.assign(date_time=local.strftime("%d/%m/%Y %H:%M"))
    quarter = np.asarray(local.to_period("Q").astype(str))
    for name in sorted(set(quarter)):
        write_csv(folder / f"web_events_{name.lower()}.csv", texts[quarter == name])


def _register_twice(rng: np.random.Generator, visits: pd.DataFrame) -> dict[int, str]:
    # Some customers register again; the last order carries the second number, in place.
    orders = visits[visits["bought"]].groupby("who")["ordered"].agg(["size", "idxmax"])
    chosen = orders[orders["size"] > 1].sample(TWINS, random_state=rng).sort_index()
    second = {int(who): f"000{900 + row:04d}" for row, who in enumerate(chosen.index)}
    visits.loc[chosen["idxmax"], "number"] = list(second.values())
    return second


def _write_orders(folder: Path, rng: np.random.Generator, visits: pd.DataFrame) -> int:
    bought = visits[visits["bought"]].sort_values("ordered", kind="stable", ignore_index=True)
    persona = bought["persona"].to_numpy()
    amount = np.round(plan.trait("spend", persona) * rng.lognormal(0, 0.42, len(bought)), 2)
    orders = pd.DataFrame(
        {
            "order_no": [f"NS{100_000 + 7 * row}" for row in range(len(bought))],
            "customer_no": bought["number"],
            "ordered_at": bought["ordered"],
            "amount": amount,
            "items": 1 + rng.poisson(np.where(persona == 1, 1.8, 0.7)),
            "channel": bought["channel"],
            "status": by_text(rng.random(len(bought)) < 0.90, "complete", "shipped"),
            "voucher": by_text(rng.random(len(bought)) < 0.08, "FRÜHLING-€5", "-"),
        }
    )
    refunds = orders[bought["returned"].to_numpy()].assign(status="refund", voucher="-")
    refunds["ordered_at"] += rng.integers(9, 16, len(refunds)) * DAY
    refunds["amount"] = -np.round(refunds["amount"] * rng.choice([0.5, 1.0], len(refunds)), 2)
    void = orders.sample(frac=0.02, random_state=rng).assign(status="cancelled")
    void["order_no"] += "-X"
    rows = pd.concat([orders, refunds[refunds["ordered_at"] < plan.UNTIL], void])
    rows = rows.sort_values("ordered_at", kind="stable", ignore_index=True)
    rows = repeat_some(rng, rows, 0.004)
    rows["ordered_at"] = write_stamps(rows["ordered_at"], plan.ZONE, "%d/%m/%Y %H:%M")
    rows["customer_no"] = blank_some(rng, rows["customer_no"], share=0.003, mark="-")
    write_csv(folder / "orders.csv", rows, sep=";", decimal=",", encoding="cp1252")
    return len(rows)


def _write_fulfilment(
    folder: Path,
    rng: np.random.Generator,
    *,
    after: pd.DataFrame,
    visits: pd.DataFrame,
    number: np.ndarray[Any, Any],
) -> int:
    kinds = ["late delivery notice", "delivery", "store pick-up", "return"]
    events = after[after["touchpoint"].isin(kinds)].sort_values("time", kind="stable")
    visit = visits.loc[events["episode"]]
    late = visit["late"].to_numpy() & (events["touchpoint"] != "return").to_numpy()
    mood = events["touchpoint"].map(MOODS).fillna(0).to_numpy()
    stars = draw_stars(rng, np.where(late, MOODS["late delivery"], mood)).astype(str)
    rated = (rng.random(len(events)) < 0.4) & (events["touchpoint"] != "late delivery notice")
    took = (events["time"].to_numpy() - visit["ordered"].to_numpy()) // DAY
    rows = pd.DataFrame(
        {
            "customer_no": number[events["who"]],
            "happened": write_stamps(events["time"], plan.ZONE, "%d/%m/%Y %H:%M"),
            "status": pad_some(rng, events["touchpoint"], 0.01),
            "channel": events["channel"].to_numpy(),
            "days_since_order": took,
            "stars": by_text(rated, stars.astype(object), "n/a"),
        }
    )
    write_csv(folder / "fulfilment.csv", rows)
    return len(rows)


def _write_survey(
    folder: Path, rng: np.random.Generator, *, visits: pd.DataFrame, number: np.ndarray[Any, Any]
) -> int:
    lost = visits["lost"].to_numpy()
    asked = visits[rng.random(len(visits)) < np.where(lost, 0.16, 0.30)]
    asked = asked[asked["bought"] | asked["lost"]]
    topics = _topics(rng, asked)
    mood = np.array([MOODS[topic] for topic in topics]) + 0.15 * asked["engagement"].to_numpy()
    scores = draw_scores(rng, mood)
    dice = rng.random(len(asked))
    scores = np.select([dice < 0.012, dice < 0.02], [99, 11], scores)
    texts = draw_comments(rng, CLOTHING, topics=topics, share=0.62)
    answered = asked["ordered"] + np.where(asked["mode"] == "none", 1, asked["days"] + 2) * DAY
    about = {"late delivery": "delivery", "mobile checkout": "checkout"}
    rows = pd.DataFrame(
        {
            "respondent": pad_some(rng, blank_some(rng, number[asked["who"]], share=0.02)),
            "answered": answered + rng.integers(0, 5, len(asked)) * 3600,
            "recommend": scores,
            "about": [about.get(topic, topic) for topic in topics],
            "device": asked["channel"].to_numpy(),
            "comment": plant_contacts(rng, texts, CONTACTS[:3], ask=ASK),
        }
    )
    rows = rows[rows["answered"] < plan.UNTIL].sort_values("answered", kind="stable")
    rows["answered"] = write_stamps(rows["answered"], plan.ZONE, "%Y-%m-%d %H:%M:%S")
    write_csv(folder / "nps_survey.csv", repeat_some(rng, rows.reset_index(drop=True), 0.005))
    return len(pd.read_csv(folder / "nps_survey.csv"))


def _topics(rng: np.random.Generator, visits: pd.DataFrame) -> np.ndarray[Any, Any]:
    dice = rng.random(len(visits))
    mobile = (visits["channel"] == "mobile").to_numpy()
    shipped = np.where(visits["late"], "late delivery", "delivery")
    arrived = np.where(visits["mode"] == "pick-up", "store pick-up", shipped)
    rest = np.select([dice < 0.62, dice < 0.70], ["order", "return"], "support ticket")
    rest = np.where(dice > 0.92, "checkout", rest)
    topic = np.where((visits["mode"] == "till") | (dice > 0.55), rest, arrived)
    gone = np.where(mobile, "mobile checkout", "checkout")
    return np.asarray(np.where(visits["lost"], gone, topic), dtype=object)


def _plan_tickets(rng: np.random.Generator, visits: pd.DataFrame) -> pd.DataFrame:
    warm = np.exp(0.35 * visits["engagement"].to_numpy())
    chance = np.where(visits["late"], 0.34, np.where(visits["lost"], 0.08, 0.06 * warm))
    wrote = visits[(rng.random(len(visits)) < chance) & (visits["bought"] | visits["lost"])]
    topic = np.select([wrote["late"], wrote["lost"]], ["late delivery", "checkout"], "other")
    plain = (topic == "other") & (rng.random(len(wrote)) < 0.5)
    days = np.select([topic == "late delivery", topic == "checkout", plain], [6, 0, 9], 1)
    opened = wrote["ordered"].to_numpy() + days * DAY + rng.integers(3600, 5 * 3600, len(wrote))
    found = pd.DataFrame({"who": wrote["who"].to_numpy(), "opened": opened})
    found["topic"] = np.where(plain, "return", topic)
    found = found[found["opened"] < plan.UNTIL - 10 * DAY]
    return found.sort_values("opened", kind="stable", ignore_index=True)


def _write_tickets(
    folder: Path, rng: np.random.Generator, tickets: pd.DataFrame, *, number: np.ndarray[Any, Any]
) -> int:
    topics = np.asarray("ticket: " + tickets["topic"].astype(object), dtype=object)
    texts = draw_comments(rng, CLOTHING, topics=topics, share=1.0)
    hours = np.where(tickets["topic"] == "late delivery", 60, 16)
    solved = tickets["opened"] + (rng.lognormal(np.log(hours), 0.8) * 3600).astype(np.int64)
    stamps = write_stamps(solved, "UTC", "%Y-%m-%dT%H:%M:%SZ")
    good = {"asked": True, "score": "good"}
    rows = pd.DataFrame(
        {
            "id": 50_000 + 3 * np.arange(len(tickets)),
            "customer_no": number[tickets["who"]],
            "created": write_stamps(tickets["opened"], "UTC", "%Y-%m-%dT%H:%M:%SZ"),
            "subject": tickets["topic"],
            "description": plant_contacts(rng, texts, CONTACTS[3:], ask=ASK),
            "channel": draw_choice(rng, {"email": 5, "phone": 2, "chat": 3}, len(tickets)),
            "solved": by_text(rng.random(len(tickets)) < 0.03, None, stamps),
            "reopened": rng.random(len(tickets)) < np.where(hours == 60, 0.22, 0.08),
            "satisfaction": [good if rated else None for rated in rng.random(len(tickets)) < 0.3],
        }
    )
    write_records(folder / "tickets.json", rows, array=True)
    return len(rows)


def _write_crm(
    folder: Path,
    rng: np.random.Generator,
    *,
    visits: pd.DataFrame,
    number: np.ndarray[Any, Any],
    twins: dict[int, str],
) -> int:
    orders = visits.groupby("who")["bought"].sum()
    signup = visits.groupby("who")["ordered"].min() - 600
    signup = signup[signup < plan.UNTIL]
    known = (rng.random(len(signup)) < 0.94) | signup.index.isin(list(twins))
    kept = signup.index.to_numpy()[known]
    tier = np.select([orders[kept] >= 4, orders[kept] >= 1], ["Gold", "Standard"], "Prospect")
    rows = pd.DataFrame(
        {
            "Customer No": number[kept],
            **_contacts(rng, kept),
            "Segment": pad_some(rng, tier.astype(object)),
            "Signup": local_times(signup[kept].to_numpy(), plan.ZONE),
            "Region": draw_choice(rng, {"Leinster": 5, "Munster": 3, "Connacht": 1.5}, kept.size),
        }
    )
    rows = _spoil_crm(rng, rows, twin=np.isin(kept, list(twins)), second=list(twins.values()))
    write_workbook(folder / "crm.xlsx", {"Customers": rows})
    return len(rows)


def _spoil_crm(
    rng: np.random.Generator, rows: pd.DataFrame, *, twin: np.ndarray[Any, Any], second: list[str]
) -> pd.DataFrame:
    again = rows[twin].copy()
    again["Customer No"], again["E-mail"] = second, again["E-mail"].str.upper()
    again["Signup"] += pd.Timedelta(days=30)
    dice = np.where(twin, 1.0, rng.random(len(rows)))
    rows["E-mail"] = by_text(dice < 0.02, "n/a", rows["E-mail"])
    rows["E-mail"] = by_text((dice > 0.02) & (dice < 0.03), PLACEHOLDER, rows["E-mail"])
    return pd.concat([rows, again], ignore_index=True)


def _contacts(rng: np.random.Generator, kept: np.ndarray[Any, Any]) -> dict[str, Any]:
    given, family = rng.choice(FIRST_NAMES, kept.size), rng.choice(LAST_NAMES, kept.size)
    names = list(zip(given, family, kept.tolist(), strict=True))
    phone = np.array([f"+353 20 91{n // 10_000} {n % 10_000:04d}" for n in kept], dtype=object)
    mail = [f"{a}.{b}{n}@mail.example".lower().replace("’", "") for a, b, n in names]
    return {
        "Name": [f"{a} {b}" for a, b, _ in names],
        "E-mail": np.array(mail, dtype=object),
        "Phone": blank_some(rng, phone, share=0.35, mark="-"),
    }


def _write_test(folder: Path, test: pd.DataFrame) -> int:
    stamps = write_stamps(test["assigned"], plan.ZONE, "%d/%m/%Y %H:%M")
    write_csv(folder / "checkout_test.csv", test.assign(assigned=stamps))
    return len(test)
