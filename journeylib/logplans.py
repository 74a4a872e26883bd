"""What a client file asks of the log: its stages, its period, its outcome, and who is left out.

Not for collecting; `collect` does that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from journeylib.forgotten import Forgotten, read_forgotten
from journeylib.identity import resolve_identities
from journeylib.log import DAY, Codes
from journeylib.logbook import LogPlan
from journeylib.phones import country_of
from journeylib.privacy import read_secret
from journeylib.stages import assign_stages, stage_timings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import pandas as pd

    from journeylib.identity import Identity
    from journeylib.log import Log
    from journeylib.logbook import Built
    from journeylib.params import Params
    from journeylib.settings import Period
    from journeylib.sources import SourceTable

LONGEST_FOLLOW_SHARE = 1 / 3


def plan_log(params: Params, sources: list[SourceTable], attributes: pd.DataFrame) -> LogPlan:
    """Turn the client file into the plan of the log."""
    model, order = params.stages.model, tuple(params.stages.names)
    codes = Codes(
        stages=order,
        cut=params.journeys.cut,
        gap=int(params.journeys.gap_days * DAY),
        outcome=outcome_kind(params, sources, attributes),
    )
    return LogPlan(
        codes=codes,
        period=period_of(params),
        outcome_touchpoints=tuple(params.outcome.touchpoint or ()),
        assign=partial(assign_stages, model=model, order=order, rules=params.stages.rules),
        timings=lambda purchase: stage_timings(model, order, purchase=purchase),
        secret=read_secret(params.root, params.client),
    )


def outcome_kind(params: Params, sources: list[SourceTable], attributes: pd.DataFrame) -> str:
    """Name the outcome: declared, else what the sources can carry."""
    if params.outcome.kind is not None:
        return str(params.outcome.kind)
    if params.outcome.touchpoint:
        return "conversion"
    if any(source.kind == "orders" for source in sources):
        return "repeat_purchase"
    churn = {"churned", "churned_at"} & set(attributes)
    return "retention" if churn else "none"


def period_of(params: Params) -> tuple[int, int] | None:
    """Give the period in microseconds, its last day included."""
    return None if params.period is None else days_of(params.period, params.timezone)


def days_of(period: Period, timezone: str) -> tuple[int, int]:
    """Give the first microsecond of a period and the first one after it."""
    zone = ZoneInfo(timezone)
    days = (period.start, period.end + dt.timedelta(days=1))
    first, last = (dt.datetime.combine(day, dt.time(), zone) for day in days)
    return int(first.timestamp() * 1_000_000), int(last.timestamp() * 1_000_000)


def follow_outcome(params: Params, built: Built) -> Log:
    """Follow outcomes as long as the client file says, but no longer than a third of the period."""
    codes = built.log.codes
    longest = int((codes.end - codes.start) * LONGEST_FOLLOW_SHARE)
    follow = min(params.outcome.within_days * DAY, longest)
    log = replace(built.log, codes=replace(codes, follow=follow if codes.outcome != "none" else 0))
    log.save_codes()
    return log


def country_for(params: Params) -> str:
    """Name the country whose phone numbers need no ``+``: declared, else that of the time zone."""
    return params.identity.country or country_of(params.timezone)


def resolve_client(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], params: Params
) -> Identity:
    """Join the customers of a client's sources as its client file says.

    Args:
        con: Connection that holds the sources' tables; ids in them are replaced, keys dropped.
        sources: The sources that were read.
        params: The client file.
    """
    declared = params.identity
    return resolve_identities(
        con, sources, match_on=declared.match_on, unmerge=declared.unmerge,
        country=country_for(params), allow_merge=declared.allow_merge,
    )  # fmt: skip


def forgotten_of(params: Params) -> Forgotten:
    """Open the client's list of customers who asked to be forgotten."""
    secret = read_secret(params.root, params.client)
    listed = read_forgotten(params.root, params.client, secret)
    kinds = tuple(kind for kind in params.identity.match_on if kind != "customer_id")
    return Forgotten(listed, secret, country_for(params), kinds)


def asked_columns(params: Params) -> set[str]:
    """Name the columns that the client file asks for: units, segments, outcomes, features."""
    asked: set[str] = set()
    for one in params.interventions:
        asked |= {one.unit or "", one.metric or "", one.covariate or "", *one.segments}
        asked |= {*(one.outcomes or ()), *one.guardrails}
    features = params.personas.features
    asked |= set() if features == "auto" else set(features)
    for source in params.sources:
        asked |= set(source.constants) | set(source.compute)
    return asked - {""}
