"""What customers are compared on: how recently, how often, for how much, how regularly, and where.

In natural units; `scaling` brings them to one scale. Scores are left out unless they are asked for:
a persona must not be made of what it is to explain.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.log import DAY
from journeylib.scaling import base_name, keep_telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Floats

FEWEST = 200
COMMON = 0.05
MOST_LEVELS = 8
# Weight of the average customer in a rate: k contacts count k / (k + 5).
SHRINK = 5
KNOWN = ("recency", "frequency", "money", "tenure", "breadth", "regularity", "channel", "support",
         "surveys")  # fmt: skip
ASKED = ("satisfaction",)
# What happened to a customer in the end, and when, describes the outcome and not the person.
NO_FEATURES = [
    "customer", "customer_id", "churned", "churned_at", "signup", "observed_from", "touchpoint",
    "channel",
]  # fmt: skip
# Shares of customers that must show a habit before others are compared on it.
ENOUGH_RETURN, ENOUGH_MET = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the customers, at one moment.

    Attributes:
        customers: From ``journeys.describe_customers``; may be empty.
        attributes: One row per customer with ``customer`` and declared attributes; may be empty.
        end: The moment, microseconds; nothing later may be in the other tables.
        habits: From ``habits.describe_habits``; may be empty.
        support: Names of the sources of tickets.
        surveys: Names of the sources of answers.
        answers: Survey answers, ``customer`` and ``sentiment`` (-1 to 1); may be empty.
    """

    customers: pd.DataFrame
    attributes: pd.DataFrame
    end: int
    habits: pd.DataFrame
    support: tuple[str, ...] = ()
    surveys: tuple[str, ...] = ()
    answers: pd.DataFrame | None = None


def describe_features(
    known: Known, *, wanted: Sequence[str] = (), like: Sequence[str] = ()
) -> pd.DataFrame:
    """Describe customers by what they did; attributes serve where nothing was done.

    Args:
        known: What is known of them.
        wanted: Features to compare them on; none takes all that the data carries. Attributes and
            ``satisfaction`` are taken only where they stand here.
        like: Columns of an earlier description; exactly these are made again.

    Returns:
        Indexed by customer, in natural units: ``recency`` and ``tenure`` in days, ``frequency``
        (orders, or events without them), ``money`` (mean order value), ``breadth`` (touchpoints),
        ``regularity`` (0 to 1; 0.5 is a return at random), ``support`` and ``surveys`` (contacts of
        a hundred), ``channel:NAME`` (centred log-ratios), ``NAME=LEVEL`` (0 or 1) and numbers of
        attributes. Constant features are left out.
    """
    acted = len(known.customers) >= FEWEST or (bool(like) and len(known.customers) > 0)
    every = _behaviour(known, like) if acted else _attributes(known.attributes)
    if acted and (like or set(wanted) - set(KNOWN)):
        declared = _attributes(known.attributes).reindex(every.index)
        declared = declared.drop(columns=[c for c in declared if c in every])
        every = every.join(declared.fillna(declared.median()))
    if like:
        return every.reindex(columns=list(like))
    names = [str(name) for name in every.columns]
    if wanted:
        names = [name for name in names if base_name(name) in wanted or name in wanted]
    elif acted:
        names = [name for name in names if base_name(name) in KNOWN]
    return keep_telling(every[names])


def name_unknown(known: Known, wanted: Sequence[str]) -> dict[str, str]:
    """Find wanted features that no client could have, with the nearest name of one that could.

    Args:
        known: What is known of the customers.
        wanted: Names in the client file.

    Returns:
        The nearest known name, or an empty text, by unknown name.
    """
    declared = [str(c) for c in known.attributes.columns.drop(NO_FEATURES, errors="ignore")]
    channels = [str(c) for c in known.customers.columns if str(c).startswith("channel:")]
    every = [*KNOWN, *ASKED, *declared, *channels]
    unknown = [name for name in wanted if name not in every and base_name(name) not in every]
    near = {name: difflib.get_close_matches(name, every, n=1) for name in unknown}
    return {name: found[0] if found else "" for name, found in near.items()}


def _behaviour(known: Known, like: Sequence[str]) -> pd.DataFrame:
    customers = known.customers.reset_index(drop=True)
    orders = customers["orders"].clip(lower=1)
    bought = customers["orders"].sum() > 0
    features = pd.DataFrame(
        {
            "recency": (known.end - customers["last"]) / DAY,
            "frequency": customers["orders"] if bought else customers["events"],
            "money": (customers["spent"] / orders).clip(lower=0),
            "tenure": (known.end - customers["first"]) / DAY,
            "breadth": customers["touchpoints"],
        }
    )
    features = features.join(_rhythm(known, customers, like))
    features = features.join(_exposures(known, customers, like))
    features = features.join(_channels(customers, like))
    return features.set_index(customers["customer"])


def _rhythm(known: Known, customers: pd.DataFrame, like: Sequence[str]) -> pd.DataFrame:
    """Say how regularly customers return: 1 like a clock, 0.5 at random, below it in bursts.

    Where most customers hardly return, all would be compared on what a few do.
    """
    if known.habits.empty:
        return pd.DataFrame(index=customers.index)
    own = known.habits.set_index("customer").reindex(customers["customer"]).reset_index()
    regular = 1 / (1 + own["gap_spread"] / own["gap_mean"])
    if regular.notna().mean() < ENOUGH_RETURN and "regularity" not in like:
        return pd.DataFrame(index=customers.index)
    trust = own["gaps"].fillna(0) / (own["gaps"].fillna(0) + SHRINK)
    mean = regular.mean() if regular.notna().any() else 0.5
    return pd.DataFrame({"regularity": mean + trust * (regular.fillna(mean) - mean)})


def _exposures(known: Known, customers: pd.DataFrame, like: Sequence[str]) -> pd.DataFrame:
    """Say how many of a hundred contacts were about support or a survey, and how they felt."""
    out = pd.DataFrame(index=customers.index)
    own = pd.DataFrame(index=customers.index)
    if len(known.habits):
        own = known.habits.set_index("customer").reindex(customers["customer"]).reset_index()
    events = customers["events"].to_numpy(float)
    for name, sources in (("support", known.support), ("surveys", known.surveys)):
        named = [f"source:{source}" for source in sources if f"source:{source}" in own]
        met = own[named].sum(axis=1).to_numpy(float)
        if name in like or (met > 0).mean() >= ENOUGH_MET:
            out[name] = 100 * _shrunk(met, events)
    said = known.answers
    if said is not None and len(said):
        by_customer = said.dropna(subset=["customer", "sentiment"]).groupby("customer")["sentiment"]
        told = by_customer.agg(["sum", "count"]).reindex(customers["customer"]).fillna(0)
        if told["count"].sum() > 0:
            out["satisfaction"] = _shrunk(
                told["sum"].to_numpy(float), told["count"].to_numpy(float)
            )
    return out


def _shrunk(amounts: Floats, contacts: Floats) -> Floats:
    mean = float(amounts.sum() / max(contacts.sum(), 1))
    shrunk: Floats = (amounts + SHRINK * mean) / (contacts + SHRINK)
    return shrunk


def _channels(customers: pd.DataFrame, like: Sequence[str]) -> pd.DataFrame:
    """Write each customer's channels as centred log-ratios; half an event is added to each.

    References:
        Aitchison (1986), The Statistical Analysis of Compositional Data, ch. 4.
    """
    named = [str(name) for name in customers.columns]
    channels = [name for name in named if name.startswith("channel:") and name != "channel:"]
    common = [name for name in channels if (customers[name] > 0).mean() >= COMMON]
    if like:
        common = [name for name in like if name.startswith("channel:")]
    if len(common) < 2:
        return pd.DataFrame(index=customers.index)
    counts = customers.reindex(columns=common).fillna(0).astype(float) + 0.5
    logs = counts.transform("log")
    return logs.sub(logs.mean(axis=1), axis=0)


def rarest_channel(features: pd.DataFrame) -> str:
    """Name the channel that is not clustered on: the log-ratios of the others say all of it.

    Args:
        features: From ``describe_features``.

    Returns:
        The channel used least, which tells least; empty with fewer than two.
    """
    channels = [str(name) for name in features if str(name).startswith("channel:")]
    if len(channels) < 2:
        return ""
    means = features[channels].mean()
    return str(means.idxmin())


def _attributes(attributes: pd.DataFrame) -> pd.DataFrame:
    if "customer" not in attributes:
        return pd.DataFrame()
    columns: dict[str, pd.Series] = {}
    for name in attributes.columns.drop(NO_FEATURES, errors="ignore"):
        column = attributes[name]
        levels = column.nunique()
        if pd.api.types.is_numeric_dtype(column) and levels > 2:
            columns[str(name)] = column.astype(float).fillna(float(column.median()))
        elif 2 <= levels <= MOST_LEVELS:
            for level in sorted(column.dropna().astype(str).unique()):
                columns[f"{name}={level}"] = (column.astype(str) == level).astype(float)
    return pd.DataFrame(columns, index=attributes.index).set_index(attributes["customer"])
