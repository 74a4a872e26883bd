"""Ids and keys read out of the sources' tables, as codes that `linkage` can join.

A record without an id is named by its key. Not for putting the ids back; `rekeying` does that.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import fetch_row, take_in
from journeylib.errors import Note
from journeylib.expressions import quote_name, quote_text
from journeylib.keys import (
    CUSTOMER_ID,
    EMAIL,
    PERSONAL_KEYS,
    PHONE,
    UNMERGED,
    hash_keys,
    is_hashed,
    name_key,
    normalise_key,
    normalise_keys,
    order_kinds,
)  # fmt: skip
from journeylib.linkage import Links
from journeylib.mappings import plain
from journeylib.phones import INVALID, NO_COUNTRY, PLACEHOLDER
from journeylib.raw import table_columns
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from journeylib.linkage import Codes
    from journeylib.sources import SourceTable

_IDS = "_identity_ids"
_WORDS = {EMAIL: "e-mail address", PHONE: "phone number"}
_FAULTS = {
    INVALID: ("N-KEY-INVALID", "some values are no valid {kind}; they join nobody."),
    PLACEHOLDER: ("N-KEY-PLACEHOLDER", "some values stand for no {kind} of one customer."),
    NO_COUNTRY: (
        "N-KEY-COUNTRY",
        "some numbers have neither + nor a country and join nobody; set identity: country.",
    ),
    UNMERGED: ("N-KEY-UNMERGED", "some values stand under identity: unmerge; they join nobody."),
}


@dataclass(slots=True)
class Keyed:
    """One source whose rows have ids.

    Attributes:
        source: The source.
        columns: Its column behind each kind of key, kinds in order.
        table: Table of its distinct ids: ``id`` as it will be (null where a row has no usable
            key), ``named`` (whether a key gave it), ``rows``, and the number of each key.
        private: Whether its ids mean something in this source only.
        ids: Codes of its ids.
    """

    source: SourceTable
    columns: dict[str, str]
    table: str
    private: bool = False
    ids: Codes = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def given(self) -> str:
        """Table of the distinct ids and keys as they were written."""
        return f"{self.table}_given"

    @property
    def own_id(self) -> str:
        """SQL of the final id of rows ``g`` that have one of their own."""
        prefix = f"{quote_text(self.source.name + ':')} || " if self.private else ""
        return f"{prefix}g.customer_id"

    def select(self, table: str, types: dict[str, str]) -> str:
        """SQL of rows of the source with ``_named`` (a key gave the id) and ``_key0…`` as texts."""
        named, texts = ["FALSE"], ""
        for at, (kind, own) in enumerate(self.columns.items()):
            named.append(f"customer_id = {name_key(kind, f'CAST({quote_name(own)} AS VARCHAR)')}")
            texts += f", {_text(quote_name(own), types[own])} AS _key{at}"
        is_named = f"coalesce({' OR '.join(named)}, FALSE)"
        return f"(SELECT *, {is_named} AS _named{texts} FROM {quote_name(table)})"


@dataclass(slots=True)
class Keychain:
    """The ids and keys of all sources.

    Attributes:
        con: Connection that holds the sources' tables.
        kinds: Kinds of keys that join, in order.
        private: Whether an id means something in its own source only.
        country: ISO 3166 code for phone numbers without ``+``, or empty.
        keyed: The sources whose rows have ids.
        forms: Table of the normal forms of each kind of key: ``raw, key, number`` (of the key;
            below zero for a digest) and ``fault``.
        names: The ids, by code.
        notes: What the reader should know.
    """

    con: duckdb.DuckDBPyConnection
    kinds: list[str]
    private: bool
    country: str
    keyed: list[Keyed] = field(default_factory=list)
    forms: dict[str, str] = field(default_factory=dict)
    names: pd.Series = field(default_factory=lambda: pd.Series(dtype="str"))
    notes: list[Note] = field(default_factory=list)

    def final(self, keyed: Keyed) -> tuple[str, str]:
        """SQL of the final id of rows ``g`` as `Keyed.select` gives them, and of its joins."""
        joins = "".join(
            f" LEFT JOIN {self.forms[kind]} f{at} ON f{at}.raw = g._key{at}"
            for at, kind in enumerate(keyed.columns)
        )
        named = [name_key(kind, f"f{at}.key") for at, kind in enumerate(keyed.columns)]
        by_key = f"CASE WHEN g._named THEN coalesce({', '.join([*named, 'NULL'])})"
        return f"{by_key} ELSE {keyed.own_id} END", joins

    def drop_tables(self) -> None:
        """Drop the tables that were made on the way; they hold keys."""
        made = [name for keyed in self.keyed for name in (keyed.given, keyed.table)]
        for name in [*made, *self.forms.values(), _IDS]:
            self.con.execute(f"DROP TABLE IF EXISTS {quote_name(name)}")


def key_column(kind: str) -> str:
    """Name the column that holds the numbers of one kind of key."""
    return f"key {kind}"


def read_keychain(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    *,
    match_on: Sequence[str],
    country: str = "",
    unmerge: Iterable[str] = (),
) -> tuple[Keychain, Links]:
    """Read the ids and keys of all sources.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        match_on: Columns that join records.
        country: ISO 3166 code for phone numbers without ``+``, or empty.
        unmerge: Ids and values of keys that join nobody.

    Returns:
        The keychain, and the links between its ids and keys.
    """
    chain = Keychain(con, order_kinds(match_on), CUSTOMER_ID not in match_on, country)
    kinds = order_kinds({*chain.kinds, *PERSONAL_KEYS})
    for index, source in enumerate(sources):
        has = table_columns(con, source.table)
        own_kinds = {column.name for column in INPUTS[source.kind]}
        if CUSTOMER_ID in own_kinds and CUSTOMER_ID in has:
            chain.keyed.append(Keyed(source, _key_columns(has, kinds), f"_keyed_{index}"))
            _gather(chain, chain.keyed[-1], has)
            chain.keyed[-1].private = chain.private or _counts_rows(chain, chain.keyed[-1])
    apart = _Apart(unmerge, kinds, country)
    for kind in kinds:
        _normalise(chain, kind, apart)
    for keyed in chain.keyed:
        _write_keyed(chain, keyed)
    return chain, _code(chain, apart)


class _Apart:
    """What the client file keeps apart: each value as an id and as a key of each kind."""

    def __init__(self, values: Iterable[str], kinds: Sequence[str], country: str) -> None:
        self.known: set[str] = set()
        self.ids = {unicodedata.normalize("NFC", value).strip(): value for value in values}
        self.keys: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
        for kind, own in self.keys.items():
            for value in self.ids.values():
                written = value.strip().removeprefix(f"{kind}:")
                if key := normalise_key(kind, written, country=country):
                    own[key] = value


def _key_columns(has: dict[str, str], kinds: Sequence[str]) -> dict[str, str]:
    alike = {plain(name): name for name in reversed(list(has))}
    found = {kind: kind if kind in has else alike.get(plain(kind), "") for kind in kinds}
    return {kind: own for kind, own in found.items() if own}


# ------------------------------------------------------------------ as written, and in normal form


def _text(sql: str, kind: str) -> str:
    """SQL of a value as text; a whole number that was read as a decimal one loses its ``.0``."""
    if kind in {"DOUBLE", "FLOAT"}:
        whole = f"CAST(CAST({sql} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {sql} = floor({sql}) THEN {whole} ELSE CAST({sql} AS VARCHAR) END"
    return f"CAST({sql} AS VARCHAR)"


def _gather(chain: Keychain, keyed: Keyed, types: dict[str, str]) -> None:
    """Gather the distinct ids of a source with their keys as texts."""
    texts = "".join(f", _key{at}" for at in range(len(keyed.columns)))
    chain.con.execute(
        f"CREATE OR REPLACE TABLE {keyed.given} AS SELECT customer_id, _named{texts}, "
        f"count(*) AS rows FROM {keyed.select(keyed.source.table, types)} "
        "WHERE customer_id IS NOT NULL GROUP BY ALL"
    )


def _counts_rows(chain: Keychain, keyed: Keyed) -> bool:
    """Tell whether each row is a case of its own; its number is that of another one elsewhere."""
    found = fetch_row(
        chain.con,
        f"SELECT bool_and(regexp_full_match(customer_id, 'row [0-9]+-[0-9]+')) FROM {keyed.given}",
    )
    return bool(found[0])


def _written(chain: Keychain, kind: str) -> Iterator[str]:
    """Give the queries of the texts of one kind; an id that is an e-mail address is a key too."""
    for keyed in chain.keyed:
        if kind in keyed.columns:
            own = f"_key{list(keyed.columns).index(kind)}"
            yield f"SELECT {own} FROM {keyed.given} WHERE {own} IS NOT NULL"
        if kind == EMAIL and EMAIL in chain.kinds:
            is_address = "NOT _named AND contains(customer_id, '@')"
            yield f"SELECT customer_id FROM {keyed.given} WHERE {is_address}"


def _normalise(chain: Keychain, kind: str, apart: _Apart) -> None:
    """Write the table of the normal forms of one kind of key."""
    queries = list(_written(chain, kind))
    if not queries:
        return
    raw = chain.con.execute(f"SELECT raw FROM ({' UNION '.join(queries)}) t(raw)").df()["raw"]
    found = normalise_keys(kind, raw, country=chain.country)
    found = found.assign(raw=raw, key=_unhashed(found["key"]))
    listed = found["key"].isin(list(apart.keys[kind]))
    apart.known |= {apart.keys[kind][key] for key in found.loc[listed, "key"]}
    found["fault"] = found["fault"].mask(listed, UNMERGED)
    found["key"] = found["key"].mask(listed, "")
    number, _ = pd.factorize(found["key"])
    found["number"] = np.where(is_hashed(found["key"]), -1 - number, number)
    chain.forms[kind] = f"_forms_{len(chain.forms)}"
    take_in(
        chain.con, chain.forms[kind], found.astype({"raw": "str", "key": "str", "fault": "str"}),
        "SELECT raw, nullif(key, '') AS key, CASE WHEN key <> '' THEN number END AS number, fault "
        "FROM incoming",
    )  # fmt: skip


def _unhashed(keys: pd.Series) -> pd.Series:
    """Read digests without salt as the keys they were made of, where those are known."""
    hashed = is_hashed(keys)
    if not hashed.any() or hashed.all():
        return keys
    written = keys[~hashed & (keys != "")].drop_duplicates()
    known = dict(zip(hash_keys(written), written, strict=True))
    return keys.where(~hashed, keys.map(known).fillna(keys))


def _write_keyed(chain: Keychain, keyed: Keyed) -> None:
    """Write the distinct ids of a source in their final form, with the numbers of their keys."""
    final, joins = chain.final(keyed)
    columns = "".join(
        f", f{at}.number AS {quote_name(key_column(kind))}"
        for at, kind in enumerate(keyed.columns)
        if kind in chain.kinds
    )
    if EMAIL in chain.kinds and EMAIL in chain.forms:
        joins += f" LEFT JOIN {chain.forms[EMAIL]} e ON e.raw = g.customer_id AND NOT g._named"
        columns += ", e.number AS address"
    chain.con.execute(
        f"CREATE OR REPLACE TABLE {keyed.table} AS SELECT {final} AS id, g._named AS named, "
        f"g.rows{columns} FROM {keyed.given} g{joins}"
    )
    for at, kind in enumerate(keyed.columns):
        if kind in chain.kinds:
            _note_faults(chain, keyed, kind, f"_key{at}")


def _note_faults(chain: Keychain, keyed: Keyed, kind: str, own: str) -> None:
    found = chain.con.execute(
        f"SELECT f.fault, sum(g.rows) FROM {keyed.given} g JOIN {chain.forms[kind]} f "
        f"ON f.raw = g.{own} WHERE f.fault <> '' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    for fault, rows in found:
        code, text = _FAULTS[fault]
        text = text.format(kind=_WORDS.get(kind, kind))
        column = keyed.columns[kind]
        chain.notes.append(Note(code, text, keyed.source.name, None, column, int(rows)))


# ------------------------------------------------------------------ codes


def _code(chain: Keychain, apart: _Apart) -> Links:
    """Give the ids their codes; the one that names a customer best comes first."""
    con, parts = chain.con, ["SELECT NULL::VARCHAR AS id, 2 AS rank"]
    for keyed in chain.keyed:
        rank = 0 if keyed.source.kind == "customers" else 1
        case = f"CASE WHEN named THEN 2 ELSE {rank} END"
        parts.append(f"SELECT id, {case} AS rank FROM {keyed.table}")
    con.execute(
        f"CREATE OR REPLACE TABLE {_IDS} AS SELECT id, min(rank) AS rank, "
        "CAST(row_number() OVER (ORDER BY min(rank), id) - 1 AS BIGINT) AS code "
        f"FROM ({' UNION ALL '.join(parts)}) WHERE id IS NOT NULL GROUP BY id"
    )
    for keyed in chain.keyed:
        keyed.ids = (
            con.execute(
                f"SELECT DISTINCT code FROM {keyed.table} JOIN {_IDS} USING (id) ORDER BY code"
            )
            .fetchnumpy()["code"]
            .astype(np.int64)
        )
    known = con.execute(f"SELECT id, rank FROM {_IDS} ORDER BY code").df()
    chain.names = known["id"].astype("str")
    return _links(chain, (known["rank"] < 2).to_numpy(bool), apart)


def _links(chain: Keychain, strong: np.ndarray, apart: _Apart) -> Links:
    """Read the keys that two ids or more have; the others join nothing."""
    parts = ["SELECT NULL::VARCHAR AS id, 0 AS kind, NULL::BIGINT AS key"]
    for keyed in chain.keyed:
        has = table_columns(chain.con, keyed.table)
        columns = [(at, key_column(kind)) for at, kind in enumerate(chain.kinds)]
        columns += [(chain.kinds.index(EMAIL), "address")] if "address" in has else []
        parts += [
            f"SELECT id, {at}, {quote_name(name)} FROM {keyed.table}"
            for at, name in columns
            if name in has
        ]
    found = chain.con.execute(
        "SELECT code AS id, kind, dense_rank() OVER (ORDER BY kind, key) - 1 AS key FROM "
        f"(SELECT DISTINCT code, kind, key FROM ({' UNION ALL '.join(parts)}) JOIN {_IDS} "
        "USING (id) WHERE key IS NOT NULL) "
        "QUALIFY count(*) OVER (PARTITION BY kind, key) > 1 ORDER BY kind, key, id"
    ).fetchnumpy()
    ids, key, kind = (found[name].astype(np.int64) for name in ("id", "key", "kind"))
    systems = sorted(
        ((own.source.name, own.ids) for own in chain.keyed if own.source.kind == "customers"),
        key=lambda one: one[0],
    )
    spaces = sum(len(keyed.ids) > 0 for keyed in chain.keyed) if chain.private else 1
    links = Links(len(strong), strong, ids, key, kind, tuple(chain.kinds), tuple(systems), spaces)
    return links.where(~np.isin(links.id, _alone(chain, apart)))


def _alone(chain: Keychain, apart: _Apart) -> Codes:
    """Find the ids that are never joined, as the source writes them or with its name before."""
    texts = dict(apart.ids)
    if chain.private:
        names = [keyed.source.name for keyed in chain.keyed]
        texts |= {f"{name}:{text}": value for name in names for text, value in apart.ids.items()}
    found: Codes = np.flatnonzero(chain.names.isin(list(texts)))
    apart.known |= {texts[name] for name in chain.names.iloc[found]}
    if unknown := len(set(apart.ids.values()) - apart.known):
        text = "values under identity: unmerge are neither ids nor keys in the data."
        chain.notes.append(Note("N-UNMERGE-UNKNOWN", text, column="unmerge", rows=unknown))
    return found
