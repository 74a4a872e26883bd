"""Turns the plan for BrightDesk into its exports, with their mess, and its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import sample_software as plan
from journeylib.sample_files import write_csv, write_database, write_parquet
from journeylib.sample_parts import (
    DAY,
    blank_some,
    by_text,
    draw_choice,
    draw_comments,
    draw_scores,
    make_generator,
    pad_some,
    people_of,
    plant_contacts,
    repeat_some,
    write_stamps,
)
from journeylib.sample_software_truth import planted_churn, planted_null, planted_series
from journeylib.sample_words import COMPANY_WORDS, SOFTWARE

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "product_events.parquet",
    "billing.sqlite",
    "tickets.csv",
    "nps.csv",
    "weekly_activation.csv",
    "redesign_test.csv",
)
CONTACTS = (
    "dana.whitfield@office.example", "+1 202-555-0143", "accounts@lanternbooks.example",
    "(617) 555-0188", "r.okafor@company.example", "+1 415 555 0126",
)  # fmt: skip
ASK = "Please call or write: {}."
MOODS = {"setup_error": -0.8, "setup_completed": 0.45, "card_payment_failed": -0.75,
         "inbox_used": 0.45, "automation_created": 0.5, "report_viewed": 0.1,
         "support_ticket": 0.0}  # fmt: skip


def write_software(folder: Path, seed: int) -> tuple[list[Path], dict[str, Any]]:
    """Write all exports of BrightDesk and give its truth.

    Args:
        folder: Where to write; it exists.
        seed: Start of the random numbers.

    Returns:
        The files written, and what was planted, as `truth.json` holds it.
    """
    rng = make_generator(seed, plan.CLIENT)
    accounts = plan.plan_accounts(rng)
    months = plan.plan_months(rng, accounts)
    accounts["left"] = months[months["cancelled"]].set_index("who")["left"].reindex(accounts.index)
    events = _walk(rng, accounts, months)
    series, test = plan.plan_activation(rng), plan.plan_redesign(rng)
    rows = {
        "product_events": _write_events(folder, rng, events=events, accounts=accounts),
        **_write_billing(folder, rng, accounts=accounts, months=months),
        "tickets": _write_tickets(folder, rng, accounts=accounts, months=months),
        "nps": _write_survey(folder, rng, events=events, accounts=accounts),
        "weekly_activation": _write_activation(folder, series),
        "redesign_test": _write_redesign(folder, test),
    }
    planted = [*planted_churn(accounts, months), planted_series(series), planted_null(test)]
    names, number = [kind.name for kind in plan.PERSONAS], accounts["number"].to_numpy()
    truth = {"client": plan.CLIENT, "customers": len(accounts), "rows": rows, "planted": planted}
    truth |= {"data_gap": None, "missing_codes": {"nps.score": [11, 99]}, "pii": list(CONTACTS)}
    truth["personas"] = people_of(names, accounts["persona"], number)
    return [file for name in FILES for file in sorted(folder.glob(name))], truth


def _walk(rng: np.random.Generator, accounts: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    setup = plan.walk_setup(rng, accounts).log(until=plan.UNTIL)
    events = pd.concat([setup, plan.walk_months(rng, accounts, months).log(until=plan.UNTIL)])
    return events[~(events["time"] > accounts["left"].to_numpy()[events["who"]])]


def _write_events(
    folder: Path, rng: np.random.Generator, *, events: pd.DataFrame, accounts: pd.DataFrame
) -> int:
    events = events.sort_values("time", kind="stable", ignore_index=True)
    number = accounts["number"].to_numpy()[events["who"]]
    rows = pd.DataFrame(
        {
            "account_id": by_text(rng.random(len(events)) < 0.004, None, number),
            "occurred_at": pd.DatetimeIndex(
                events["time"].to_numpy().astype("datetime64[s]")
            ).tz_localize("UTC"),
            "event": events["touchpoint"],
            "surface": events["channel"],
            "release": "4." + (events["time"] // (45 * DAY) % 10).astype(str),
        }
    )
    rows = repeat_some(rng, rows, 0.006)
    write_parquet(folder / "product_events.parquet", rows)
    return len(rows)


def _write_billing(
    folder: Path, rng: np.random.Generator, *, accounts: pd.DataFrame, months: pd.DataFrame
) -> dict[str, int]:
    people = accounts.loc[months["who"]]
    price = people["seats"].to_numpy() * plan.trait("price", people["persona"].to_numpy())
    lost = months["failed"] & (rng.random(len(months)) < 0.3)
    invoices = pd.DataFrame(
        {
            "account": people["number"].to_numpy(),
            "issued": months["billed"],
            "amount": np.round(price * np.where(rng.random(len(price)) < 0.06, 0.8, 1.0), 2),
            "method": draw_choice(rng, {"card": 8, "ach": 1, "paypal": 1}, len(months)),
            "status": by_text(lost, "failed", "paid"),
        }
    )
    refunds = invoices[~lost].sample(frac=0.008, random_state=rng).assign(status="refund")
    refunds = refunds.assign(amount=-refunds["amount"], issued=refunds["issued"] + 4 * DAY)
    invoices = pd.concat([invoices, refunds[refunds["issued"] < plan.UNTIL]])
    invoices = invoices.sort_values("issued", kind="stable", ignore_index=True)
    invoices.insert(0, "invoice_no", 700_001 + np.arange(len(invoices)))
    invoices["issued"] = write_stamps(invoices["issued"], plan.ZONE, "%Y-%m-%d %H:%M")
    tables = {"invoices": invoices, "subscriptions": _subscriptions(rng, accounts)}
    write_database(folder / "billing.sqlite", tables)
    return {name: len(rows) for name, rows in tables.items()}


def _subscriptions(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    count = len(accounts)
    first, second = (rng.choice(words, count) for words in COMPANY_WORDS)
    company = [f"{a} {b}" for a, b in zip(first, second, strict=True)]
    mail = [
        f"hello{row}@{name.replace(' ', '').lower()}.example" for row, name in enumerate(company)
    ]
    ended = accounts["left"].fillna(0).astype(np.int64)
    stamps = write_stamps(ended, plan.ZONE, "%Y-%m-%d %H:%M")
    return pd.DataFrame(
        {
            "account": accounts["number"],
            "company": company,
            "email": blank_some(rng, np.array(mail, dtype=object), share=0.02, mark="-"),
            "plan": np.select(
                [accounts["seats"] <= 1, accounts["seats"] <= 9], ["Solo", "Team"], "Business"
            ),
            "seats": accounts["seats"],
            "started": write_stamps(accounts["signup"], plan.ZONE, "%Y-%m-%d %H:%M"),
            "ended": by_text(ended > 0, stamps, None),
        }
    )


def _write_tickets(
    folder: Path, rng: np.random.Generator, *, accounts: pd.DataFrame, months: pd.DataFrame
) -> int:
    parts = [_setup_tickets(rng, accounts), _month_tickets(rng, accounts, months)]
    wrote = pd.concat(parts).sort_values("opened", kind="stable", ignore_index=True)
    left = accounts["left"].to_numpy()[wrote["who"]]
    wrote = wrote[(wrote["opened"] < plan.UNTIL - 8 * DAY) & ~(wrote["opened"] > left)]
    topics = np.asarray("ticket: " + wrote["topic"].astype(object), dtype=object)
    texts = draw_comments(rng, SOFTWARE, topics=topics, share=1.0)
    slow = np.where(wrote["topic"].isin(["setup", "billing"]), 40, 9)
    solved = wrote["opened"] + (rng.lognormal(np.log(slow), 0.8) * 3600).astype(np.int64)
    rows = pd.DataFrame(
        {
            "ticket": [f"T-{10_000 + row}" for row in range(len(wrote))],
            "account": pad_some(rng, accounts["number"].to_numpy()[wrote["who"]], 0.01),
            "opened": write_stamps(wrote["opened"], plan.ZONE, "%m/%d/%Y %H:%M"),
            "topic": wrote["topic"].to_numpy(),
            "description": plant_contacts(rng, texts, CONTACTS[:3], ask=ASK),
            "via": draw_choice(rng, {"email": 5, "chat": 4, "phone": 1}, len(wrote)),
            "closed": write_stamps(solved, plan.ZONE, "%m/%d/%Y %H:%M"),
            "reopened": by_text(rng.random(len(wrote)) < slow / 200, "yes", "no"),
        }
    )
    rows["closed"] = blank_some(rng, rows["closed"], share=0.02, mark="n/a")
    write_csv(folder / "tickets.csv", rows)
    return len(rows)


def _setup_tickets(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    chance = 1 - 0.62 ** accounts["errors"].to_numpy()
    asked = np.flatnonzero(rng.random(len(accounts)) < chance)
    opened = accounts["signup"].to_numpy()[asked] + rng.integers(3, 40, asked.size) * 3600
    return pd.DataFrame({"who": asked, "opened": opened, "topic": "setup"})


def _month_tickets(
    rng: np.random.Generator, accounts: pd.DataFrame, months: pd.DataFrame
) -> pd.DataFrame:
    warm = np.exp(0.4 * accounts["engagement"].to_numpy()[months["who"]])
    dice = rng.random(len(months))
    other = draw_choice(rng, {"how-to": 3, "bug": 1}, len(months))
    card = months["failed"].to_numpy() & (dice < 0.4)
    wrote = card | (dice > 1 - 0.045 * warm)
    opened = months["billed"].to_numpy() + np.where(card, DAY, 6 * DAY)
    opened = opened + rng.integers(0, 9 * 3600, len(months))
    found = pd.DataFrame({"who": months["who"].to_numpy(), "opened": opened})
    return found.assign(topic=by_text(card, "billing", other))[wrote]


def _write_survey(
    folder: Path, rng: np.random.Generator, *, events: pd.DataFrame, accounts: pd.DataFrame
) -> int:
    heard = events[events["touchpoint"].isin([*MOODS])]
    often = {"setup_error": 0.22, "setup_completed": 0.16, "card_payment_failed": 0.24}
    chance = heard["touchpoint"].map(often).fillna(0.02).to_numpy(dtype=float)
    asked = heard[rng.random(len(heard)) < chance].sort_values("time", kind="stable")
    topics = np.asarray(asked["touchpoint"], dtype=object)
    topics = by_text(rng.random(len(asked)) < 0.05, "support_ticket", topics)
    warm = accounts["engagement"].to_numpy()[asked["who"]]
    scores = draw_scores(rng, np.array([MOODS[topic] for topic in topics]) + 0.15 * warm)
    dice = rng.random(len(asked))
    rows = pd.DataFrame(
        {
            "account_id": blank_some(rng, accounts["number"].to_numpy()[asked["who"]], share=0.02),
            "answered_at": write_stamps(asked["time"] + 7200, plan.ZONE, "%Y-%m-%d %H:%M"),
            "score": np.select([dice < 0.01, dice < 0.016], [99, 11], scores),
            "about": topics,
            "comment": plant_contacts(
                rng, draw_comments(rng, SOFTWARE, topics=topics, share=0.6), CONTACTS[3:], ask=ASK
            ),
        }
    )
    write_csv(folder / "nps.csv", rows)
    return len(rows)


def _write_activation(folder: Path, series: pd.DataFrame) -> int:
    rows = series.assign(
        week=series["week"].dt.strftime("%Y-%m-%d"),
        activation=series["activation"].map("{:.4f}".format),
    )
    write_csv(folder / "weekly_activation.csv", rows)
    return len(rows)


def _write_redesign(folder: Path, test: pd.DataFrame) -> int:
    stamps = write_stamps(test["assigned"], plan.ZONE, "%m/%d/%Y")
    write_csv(folder / "redesign_test.csv", test.assign(assigned=stamps))
    return len(test)
