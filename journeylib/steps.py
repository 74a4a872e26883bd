"""What a notebook asks of its workspace in one line: joins of tables that several analyses made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.feelings import tone_voices
from journeylib.hearing import hear_before
from journeylib.journeys import describe_customers
from journeylib.prose import find_findings
from journeylib.tables import RESULTS, complete_result
from journeylib.workspace import Workspace, absent_tables

if TYPE_CHECKING:
    from journeylib.collect import Collected

DAY = 86_400_000_000
ASSUMPTION_COLUMNS = ["assumption", "notebook", "statement", "status", "consequence"]


# ---------------------------------------------------------------- 01 and 02


def keep_collected(work: Workspace, collected: Collected) -> None:
    """Keep what later notebooks need of the sources beside the log."""
    toned = tone_voices(work, collected)
    if len(collected.earlier):
        before = tone_voices(work, replace(collected, voices=collected.earlier))
        work.keep(
            voices_before=before.voices.drop(columns="text"),
            themes_before=hear_before(work, before.voices, collected.built.placed),
        )
    if len(collected.answered):
        work.keep(answers_before=collected.answered)
    work.keep(
        voices=toned.voices,
        tones=toned.checks,
        answers=collected.answers,
        ratings=collected.ratings,
        purchases=collected.purchases,
        attributes=collected.attributes,
        placed=collected.built.placed,
        suspects=collected.suspects,
        **{f"trial_{name}": frame for name, frame in collected.trials.items()},
    )


def join_customers(work: Workspace) -> pd.DataFrame:
    """Describe every known customer: what they did, and what the customers table says.

    Returns:
        One row per customer, also for those without events; ``churned`` where it is known.
    """
    customers = describe_customers(work.log)
    attributes = work.recall("attributes")
    if attributes.empty:
        return customers
    known = attributes.drop(columns=[c for c in attributes if c in customers and c != "customer"])
    joined = customers.merge(known, on="customer", how="outer", validate="1:1")
    for column in ("events", "orders"):
        joined[column] = joined[column].fillna(0).astype("int64") if column in joined else 0
    if "churned_at" in joined:
        left = joined["churned_at"].notna()
        joined["churned"] = joined["churned"].fillna(left) if "churned" in joined else left
    return joined


# ---------------------------------------------------------------- assumptions


def assume(work: Workspace, notebook: str, *rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Note what a notebook takes for granted.

    Args:
        work: The workspace.
        notebook: Its number.
        rows: ``assumption, statement, status, consequence`` each.

    Returns:
        The rows as they will stand in the result table ``assumptions``.
    """
    table = pd.DataFrame(
        [(name, notebook, statement, status, then) for name, statement, status, then in rows],
        columns=ASSUMPTION_COLUMNS,
    )
    work.keep(**{f"assumptions_{notebook}": table})
    return table


def gather_assumptions(work: Workspace) -> pd.DataFrame:
    """Join what all notebooks took for granted, and name the tables that do not apply."""
    parts = [work.recall(f"assumptions_0{number}") for number in range(1, 7)]
    parts = [part for part in [*parts, absent_tables(work)] if len(part)]
    return complete_result("assumptions", pd.concat(parts, ignore_index=True))


# ---------------------------------------------------------------- 03 and 06


def count_people(work: Workspace) -> pd.DataFrame:
    """Give the customers of the report: those seen in the period, else all that are known."""
    customers = join_customers(work)
    seen = customers[customers["events"] > 0] if "events" in customers else customers
    return seen if len(seen) else customers


def list_findings(work: Workspace) -> list[str]:
    """Give the front page's sentences from all result tables."""
    return list(find_findings({name: work.read(name) for name in RESULTS}))


def name_period(work: Workspace) -> tuple[str, str]:
    """Give the first and last day of the analysed period, or empty texts."""
    days = period_days(work)
    return (f"{days[0]:%-d %B %Y}", f"{days[1]:%-d %B %Y}") if days else ("", "")


def period_days(work: Workspace) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Give the first and the last moment of the analysed period where the client is.

    Args:
        work: The workspace.

    Returns:
        Two moments, or None where no event has a date.
    """
    codes = work.log.codes
    if not codes.touchpoints:
        return None
    zone = work.params.timezone
    first, last = (
        pd.Timestamp(at, unit="us", tz="UTC").tz_convert(zone)
        for at in (codes.start, codes.end - 1)
    )
    return first, last
