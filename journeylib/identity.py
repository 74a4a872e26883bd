"""Which records belong to one customer: keys that are shared join, keys shared by many do not.

Has ids and keys read (`keychain`) and joined (`linkage`), and tells what came of it. Afterwards the
keys are gone from the sources' tables: no frame, log or report ever holds one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import fetch_row
from journeylib.errors import Note
from journeylib.expressions import quote_name
from journeylib.keychain import Keychain, key_column, read_keychain
from journeylib.keys import CUSTOMER_ID, EMAIL, PHONE, normalise_key
from journeylib.linkage import Links, join_ids
from journeylib.privacy import pseudonyms
from journeylib.rekeying import rekey_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from journeylib.keychain import Keyed
    from journeylib.linkage import Joined
    from journeylib.sources import SourceTable

__all__ = ["Facts", "Identity", "Resolution", "normalise_key", "resolve_identities"]

MATCH_ON = (CUSTOMER_ID, EMAIL, PHONE)
# Fewer shared ids or keys are too few to say that two sources contradict one another.
FEWEST_COMPARED = 10
MOST_CONTRADICTED = 0.5
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What joining came to, for a sentence.

    Attributes:
        ids: Different ids in all sources, keys that stand for one included.
        customers: Customers they stand for.
        shared: Customers found in two sources or more.
        largest: Most ids of one customer.
        p99: Ids that 99 of 100 customers do not exceed.
        conflicts: Shared keys that joined nobody, and customers that were parted.
        ids_only: Customers if only equal ids joined.
        unguarded: Customers if every shared key joined.
    """

    ids: int = 0
    customers: int = 0
    shared: int = 0
    largest: int = 0
    p99: int = 0
    conflicts: int = 0
    ids_only: int = 0
    unguarded: int = 0


@dataclass(frozen=True, slots=True)
class Resolution:
    """What joining came to, for outputs.

    Attributes:
        facts: The numbers of a sentence.
        sensitivity: As in `Identity`.
        keys: As in `Identity`.
        conflicts: As in `Identity`; ``examples`` are pseudonyms.
    """

    facts: Facts
    sensitivity: pd.DataFrame
    keys: pd.DataFrame
    conflicts: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Identity:
    """Which customer each id stands for.

    Attributes:
        customers: Columns ``customer_id`` (as in the sources) and ``customer`` (the id that names
            the joined one: a customers source's before others, an id before a key, then the
            first in order).
        conflicts: Keys that would have joined too many ids, long chains, and two records of the
            same system: ``key`` (its kind, or ``customer``), ``reason, ids, sources``, and
            ``examples`` (customers concerned, by name); no value of a key.
        table: The result table ``identity``, one row per source.
        sensitivity: Customers under stricter and looser keys: ``keys, customers, difference`` (a
            share of the customers as joined), ``largest, p99`` (ids of one customer).
        keys: What each kind of key does: ``key, values`` (distinct), ``ids`` (that have one),
            ``joined`` (ids that it joins with another one by itself).
        facts: The same in a few numbers.
        notes: What the reader should know.
    """

    customers: pd.DataFrame
    conflicts: pd.DataFrame
    table: pd.DataFrame
    sensitivity: pd.DataFrame = field(default_factory=pd.DataFrame)
    keys: pd.DataFrame = field(default_factory=pd.DataFrame)
    facts: Facts = field(default_factory=Facts)
    notes: tuple[Note, ...] = ()

    def report(self, secret: bytes) -> Resolution:
        """Give what may be shown: customers by their pseudonyms, no id and no key.

        Args:
            secret: The client's key.
        """
        hidden = [", ".join(pseudonyms(names, secret)) for names in self.conflicts["examples"]]
        conflicts = self.conflicts.assign(examples=hidden)
        return Resolution(self.facts, self.sensitivity, self.keys, conflicts)


def resolve_identities(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    *,
    match_on: Sequence[str],
    unmerge: Sequence[str] = (),
    country: str = "",
    allow_merge: bool = False,
) -> Identity:
    """Join the ids of all sources into customers.

    The ids in the sources' tables become those of the result; e-mail, phone and other keys are
    dropped from the tables.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        match_on: Keys that join: ``customer_id``, ``email``, ``phone``, or other columns of ids.
            Without ``customer_id`` an id means something in its own source only.
        unmerge: Ids that are never joined with others, and values of keys that join nobody.
        country: ISO 3166 code of the country of phone numbers without ``+``; empty for none.
        allow_merge: Whether two records of one customers source may be one customer.

    Returns:
        The customer behind each id, the conflicts, one row per source, and what other keys
        would have given.
    """
    chain, links = read_keychain(con, sources, match_on=match_on, country=country, unmerge=unmerge)
    joined = join_ids(links, allow_merge=allow_merge)
    rekey_sources(chain)
    found = [*_unused_keys(chain, match_on), *_contradictions(chain), *_salted(chain)]
    conflicts, table = _conflicts(chain, joined), _identity_table(sources, chain, joined)
    sensitivity, keys = _sensitivity(links, joined, allow_merge=allow_merge), _keys(chain, links)
    chain.drop_tables()
    names = chain.names
    customers = pd.DataFrame(
        {"customer_id": names, "customer": names.take(joined.customer).reset_index(drop=True)}
    )
    facts = _facts(chain, joined, sensitivity)
    return Identity(customers, conflicts, table, sensitivity, keys, facts, (*chain.notes, *found))


# ------------------------------------------------------------------ result tables


def _seen_in(chain: Keychain, joined: Joined) -> np.ndarray:
    """Tell which customers each source has: a row per source, a column per id that may name one."""
    seen = np.zeros((len(chain.keyed), len(chain.names)), dtype=bool)
    for at, keyed in enumerate(chain.keyed):
        seen[at, joined.customer[keyed.ids]] = True
    return seen


def _identity_table(
    sources: Sequence[SourceTable], chain: Keychain, joined: Joined
) -> pd.DataFrame:
    seen = _seen_in(chain, joined)
    shared = seen.sum(axis=0) > 1
    several = seen.any(axis=1).sum() > 1
    found = {}
    for at, keyed in enumerate(chain.keyed):
        own = int(seen[at].sum())
        share = float((seen[at] & shared).sum() / own) if own and several else np.nan
        met = joined.members.loc[joined.members["id"].isin(keyed.ids), "conflict"]
        found[keyed.source.name] = (own, share, met.nunique())
    rows = [
        (source.name, source.rows_used, *found.get(source.name, (0, np.nan, 0)))
        for source in sources
    ]
    return pd.DataFrame(
        rows, columns=["source", "records", "customers", "matched_share", "conflicts"]
    )


def _conflicts(chain: Keychain, joined: Joined) -> pd.DataFrame:
    """Add to each conflict the sources and some of the customers that it concerns."""
    sources: dict[int, list[str]] = {}
    for keyed in chain.keyed:
        met = joined.members.loc[joined.members["id"].isin(keyed.ids), "conflict"].unique()
        for conflict in met:
            sources.setdefault(int(conflict), []).append(keyed.source.name)
    some = joined.members.assign(customer=joined.customer[joined.members["id"]])
    some = some.drop_duplicates(["conflict", "customer"]).groupby("conflict").head(EXAMPLES)
    some["name"] = chain.names.take(some["customer"].to_numpy()).to_numpy(object)
    examples = some.groupby("conflict")["name"].agg(list)
    every = range(len(joined.conflicts))
    listed = joined.conflicts.drop(columns="system")
    listed["sources"] = [", ".join(sorted(sources.get(at, []))) for at in every]
    listed["examples"] = pd.Series([examples[at] for at in every], dtype="object")
    return listed


def _sensitivity(links: Links, joined: Joined, *, allow_merge: bool) -> pd.DataFrame:
    """Count customers under stricter and looser keys, those as joined among them."""
    rows = []
    for name, kept, guarded in _variants(links):
        found = (
            joined
            if name == "all keys"
            else join_ids(links.where(kept), guarded=guarded, allow_merge=allow_merge)
        )
        sizes = found.sizes()
        largest, p99 = int(sizes.max(initial=0)), _quantile(sizes)
        difference = len(sizes) / joined.customers - 1 if joined.customers else np.nan
        rows.append((name, len(sizes), difference, largest, p99))
    return pd.DataFrame(rows, columns=["keys", "customers", "difference", "largest", "p99"])


def _variants(links: Links) -> Iterator[tuple[str, np.ndarray, bool]]:
    yield "ids only", np.zeros(len(links.id), bool), True
    for kind in (kind for kind in links.kinds if links.of(kind).any() and len(links.kinds) > 1):
        yield f"ids and {kind}", links.of(kind), True
    yield "all keys", np.ones(len(links.id), bool), True
    yield "all keys, unguarded", np.ones(len(links.id), bool), False


def _quantile(sizes: np.ndarray) -> int:
    return int(np.quantile(sizes, 0.99, method="inverted_cdf")) if len(sizes) else 0


def _keys(chain: Keychain, links: Links) -> pd.DataFrame:
    """Count what each kind of key holds and joins."""
    rows = []
    for kind in chain.kinds:
        values = ids = 0
        holders = [keyed for keyed in chain.keyed if kind in keyed.columns]
        if holders:
            every = " UNION ".join(
                f"SELECT id, {_key(kind)} AS key FROM {keyed.table}" for keyed in holders
            )
            values, ids = fetch_row(
                chain.con,
                f"SELECT count(DISTINCT key), count(DISTINCT id) FROM ({every}) "
                "WHERE id IS NOT NULL AND key IS NOT NULL",
            )
        alone = join_ids(links.where(links.of(kind)))
        together = int((np.bincount(alone.customer, minlength=1)[alone.customer] > 1).sum())
        rows.append((kind, int(values), int(ids), together))
    return pd.DataFrame(rows, columns=["key", "values", "ids", "joined"])


def _facts(chain: Keychain, joined: Joined, sensitivity: pd.DataFrame) -> Facts:
    customers = dict(zip(sensitivity["keys"], sensitivity["customers"], strict=True))
    sizes = joined.sizes()
    return Facts(
        ids=len(chain.names),
        customers=joined.customers,
        shared=int((_seen_in(chain, joined).sum(axis=0) > 1).sum()),
        largest=int(sizes.max(initial=0)),
        p99=_quantile(sizes),
        conflicts=len(joined.conflicts),
        ids_only=int(customers["ids only"]),
        unguarded=int(customers["all keys, unguarded"]),
    )


# ------------------------------------------------------------------ notes


def _key(kind: str) -> str:
    return quote_name(key_column(kind))


def _unused_keys(chain: Keychain, match_on: Sequence[str]) -> Iterator[Note]:
    """Note keys that the client file names and no source has; the default names are no wish."""
    if tuple(match_on) == MATCH_ON:
        return
    for kind in chain.kinds:
        if not any(kind in keyed.columns for keyed in chain.keyed):
            text = f"no source has a column {kind}; it joins nobody. Map one in `columns`."
            yield Note("N-KEY-ABSENT", text, column=kind)


def _pairs(chain: Keychain, kind: str) -> Iterator[tuple[Keyed, Keyed]]:
    yield from combinations((keyed for keyed in chain.keyed if kind in keyed.columns), 2)


def _contradictions(chain: Keychain) -> Iterator[Note]:
    """Note sources whose equal ids belong to different people, by their e-mail addresses."""
    if chain.private or EMAIL not in chain.kinds:
        return
    for one, two in _pairs(chain, EMAIL):
        both, apart = fetch_row(
            chain.con,
            "SELECT count(*), count(*) FILTER (WHERE NOT same) FROM (SELECT id, "
            f"bool_or(a.{_key(EMAIL)} = b.{_key(EMAIL)}) AS same FROM {one.table} a "
            f"JOIN {two.table} b USING (id) WHERE NOT a.named AND NOT b.named "
            f"AND a.{_key(EMAIL)} IS NOT NULL AND b.{_key(EMAIL)} IS NOT NULL GROUP BY id)",
        )
        if both >= FEWEST_COMPARED and apart > MOST_CONTRADICTED * both:
            names = f"{one.source.name} and {two.source.name}"
            text = (
                f"{apart:,} of {both:,} ids that {names} share have different e-mail addresses "
                "there; if ids are each source's own, leave customer_id out of identity: match_on."
            )
            yield Note("N-ID-CONTRADICTED", text, two.source.name, None, CUSTOMER_ID, int(apart))


def _salted(chain: Keychain) -> Iterator[Note]:
    """Note digests that no other source has: made with a salt, or of another spelling."""
    for kind in (kind for kind in (EMAIL, PHONE) if kind in chain.kinds):
        for one, two in _pairs(chain, kind):
            tables = [f"(SELECT DISTINCT {_key(kind)} AS key FROM {k.table})" for k in (one, two)]
            digests, fewest, met = fetch_row(
                chain.con,
                "SELECT greatest(count(*) FILTER (WHERE a.key < 0), "
                "count(*) FILTER (WHERE b.key < 0)), least(count(a.key), count(b.key)), "
                "count(*) FILTER (WHERE a.key = b.key) "
                f"FROM {tables[0]} a FULL JOIN {tables[1]} b ON a.key = b.key",
            )
            if min(digests, fewest) >= FEWEST_COMPARED and not met:
                names = f"{one.source.name} and {two.source.name}"
                text = (
                    f"{kind} holds digests, and {names} have none in common: made with different "
                    "salts, or of other spellings, they join nobody."
                )
                yield Note("N-KEY-HASHED", text, one.source.name, None, kind, int(digests))
