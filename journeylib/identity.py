"""Which records belong to one customer: keys that are shared join, keys shared by many do not."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from journeylib.expressions import quote_name
from journeylib.raw import table_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from journeylib.sources import SourceTable

MOST_IDS_PER_KEY = {"email": 3, "phone": 4}
_PLACEHOLDERS = re.compile(r"^(no-?reply|test|none|unknown|info)@|^\+?0+$|^\+?1234567")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which customer each id stands for.

    Attributes:
        customers: Columns ``customer_id`` (as in the sources) and ``customer`` (the joined one).
        conflicts: Keys that would have joined too many ids, or two records of the same system.
        table: The result table ``identity``, one row per source.
    """

    customers: pd.DataFrame
    conflicts: pd.DataFrame
    table: pd.DataFrame


def normalise_key(kind: str, value: str) -> str:
    """Write an e-mail address or phone number the way in which two spellings of it are equal.

    Args:
        kind: ``"email"`` or ``"phone"``.
        value: As the source wrote it.

    Returns:
        The normal form, or an empty text where it is no usable key.

    Example:
        >>> normalise_key("email", " Jo@Example.COM ")
        'jo@example.com'
        >>> normalise_key("phone", "0049 (30) 123-4567")
        '+49301234567'
    """
    value = unicodedata.normalize("NFKC", value).strip().casefold()
    if kind == "phone":
        digits = re.sub(r"[^\d+]", "", value)
        value = "+" + digits[2:] if digits.startswith("00") else digits
        usable = len(value) >= 7
    else:
        usable = "@" in value
    return value if usable and not _PLACEHOLDERS.search(value) else ""


def resolve_identities(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    *,
    match_on: Sequence[str],
    unmerge: Sequence[str] = (),
) -> Identity:
    """Join the ids of all sources into customers.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        match_on: Keys that join: ``customer_id``, ``email``, ``phone``.
        unmerge: Ids that are never joined with others.

    Returns:
        The customer behind each id, the conflicts, and one row per source.
    """
    ids = _ids_by_source(con, sources)
    links = pd.concat(
        [_links(con, sources, key) for key in match_on if key in MOST_IDS_PER_KEY] or [_no_links()]
    )
    links = links[~links["customer_id"].isin(list(unmerge))]
    kept, conflicts = _guard(links)
    every = sorted({one for own in ids.values() for one in own})
    joined = _components(every, kept)
    systems = [
        ids[source.name] for source in sources if source.kind == "customers" and source.name in ids
    ]
    joined, split = _split_conflicts(joined, systems)
    conflicts = pd.concat([conflicts, split], ignore_index=True)
    return Identity(joined, conflicts, _identity_table(sources, ids, joined, conflicts))


def _ids_by_source(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable]
) -> dict[str, set[str]]:
    found = {}
    for source in sources:
        if "customer_id" in table_columns(con, source.table):
            rows = con.execute(
                f"SELECT DISTINCT customer_id FROM {quote_name(source.table)} "
                "WHERE customer_id IS NOT NULL"
            ).fetchall()
            found[source.name] = {row[0] for row in rows}
    return found


def _no_links() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [], "key": []}, dtype="str")


def _links(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], key: str
) -> pd.DataFrame:
    parts = [_no_links()]
    for source in sources:
        if {key, "customer_id"} <= set(table_columns(con, source.table)):
            rows = con.execute(
                f"SELECT DISTINCT customer_id, CAST({quote_name(key)} AS VARCHAR) AS key "
                f"FROM {quote_name(source.table)} "
                f"WHERE customer_id IS NOT NULL AND {quote_name(key)} IS NOT NULL"
            ).df()
            rows["key"] = [normalise_key(key, str(value)) for value in rows["key"]]
            parts.append(rows[rows["key"] != ""])
    links = pd.concat(parts, ignore_index=True).drop_duplicates()
    return links.assign(kind=key)


def _guard(links: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out keys that too many ids share: a till's e-mail is nobody's."""
    if links.empty:
        return links, pd.DataFrame({"key": [], "reason": [], "ids": []})
    degree = links.groupby(["kind", "key"])["customer_id"].transform("nunique")
    allowed = links["kind"].map(MOST_IDS_PER_KEY)
    crowded = links[degree > allowed].groupby(["kind", "key"])["customer_id"].nunique()
    conflicts = pd.DataFrame(
        {
            "key": [kind for kind, _ in crowded.index],
            "reason": "shared by too many ids",
            "ids": crowded.to_numpy(),
        }
    )
    return links[degree <= allowed], conflicts


def _components(every: list[str], links: pd.DataFrame) -> pd.DataFrame:
    """Join ids that share a key; a customer is named by its first id in order."""
    codes = {one: index for index, one in enumerate(every)}
    label = np.arange(len(every))
    if not links.empty:
        keys, _ = pd.factorize(links["kind"] + ":" + links["key"])
        rows = links["customer_id"].map(codes).to_numpy()
        size = len(every) + int(keys.max()) + 1
        edges = coo_array((np.ones(len(rows)), (rows, keys + len(every))), shape=(size, size))
        _, component = connected_components(edges, directed=False)
        first = pd.Series(np.arange(len(every))).groupby(component[: len(every)]).transform("min")
        label = first.to_numpy()
    names = np.array(every, dtype=object)
    return pd.DataFrame({"customer_id": names, "customer": names[label] if len(every) else names})


def _split_conflicts(
    joined: pd.DataFrame, systems: list[set[str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take a customer apart again where one system holds two records of it."""
    apart: set[str] = set()
    for own in systems:
        inside = joined[joined["customer_id"].isin(own)]
        twice = inside.groupby("customer")["customer_id"].transform("size") > 1
        apart |= set(inside.loc[twice, "customer"])
    split = joined["customer"].isin(apart)
    joined = joined.assign(customer=joined["customer_id"].where(split, joined["customer"]))
    conflicts = pd.DataFrame(
        {"key": ["customer"] * len(apart), "reason": "two records of one system", "ids": 2}
    )
    return joined, conflicts


def _identity_table(
    sources: Sequence[SourceTable],
    ids: dict[str, set[str]],
    joined: pd.DataFrame,
    conflicts: pd.DataFrame,
) -> pd.DataFrame:
    customer_of = dict(zip(joined["customer_id"], joined["customer"], strict=True))
    rows = []
    for source in sources:
        own = {customer_of[one] for one in ids.get(source.name, ())}
        others = {
            customer_of[one]
            for name, theirs in ids.items()
            if name != source.name
            for one in theirs
        }
        shared = len(own & others) / len(own) if own and others else np.nan
        rows.append((source.name, source.rows_used, len(own), shared, len(conflicts)))
    return pd.DataFrame(
        rows, columns=["source", "records", "customers", "matched_share", "conflicts"]
    )
