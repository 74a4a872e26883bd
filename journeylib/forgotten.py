"""Customers who asked to be forgotten: a list of keyed pseudonyms, applied whenever data is read.

The list holds neither an id nor an address, only what they become under the client's key. Not for
taking a customer out of what was made before; `forgetting` does that.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.engine import fetch_row, rename, take_in
from journeylib.errors import DataError, Problem
from journeylib.expressions import quote_name
from journeylib.privacy import SECRETS, pseudonyms
from journeylib.raw import table_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from journeylib.sources import SourceTable

REASON = "forgotten on request"
ID_COLUMNS = ("customer_id", "unit_id")
KEYS = ("email", "phone")
_HEAD = "# Customers to be left out, as pseudonyms under the client's key (journey forget)."
_KEY_MARK = "# key "


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The forget list of a client, ready to be compared with what a source holds.

    Attributes:
        listed: Pseudonyms of ids and of keys.
        secret: The client's key.
        country: ISO 3166 code of the country for phone numbers without ``+``; empty for none.
        kinds: Columns that hold keys, as the client file names them for matching.
    """

    listed: frozenset[str]
    secret: bytes
    country: str = ""
    kinds: tuple[str, ...] = KEYS

    def ids(self, values: Iterable[str]) -> list[str]:
        """Give those ids that are on the list."""
        known = list(values)
        marks = pseudonyms(known, self.secret)
        return [one for one, mark in zip(known, marks, strict=True) if mark in self.listed]

    def keys(self, kind: str, values: Iterable[str]) -> list[str]:
        """Give those written keys, such as e-mail addresses, whose normal form is on the list."""
        known = list(values)
        normal = normal_keys(kind, known, country=self.country)
        marks = pseudonyms((key_text(kind, key) for key in normal), self.secret)
        return [
            one
            for one, key, mark in zip(known, normal, marks, strict=True)
            if key and mark in self.listed
        ]


def key_text(kind: str, key: str) -> str:
    """Write a key so that no id can be taken for it."""
    return f"{kind}\n{key}"


def normal_keys(kind: str, values: Sequence[str], *, country: str) -> list[str]:
    """Write keys in the normal form in which identities are resolved; unusable ones are empty."""
    from journeylib.keys import normalise_keys

    if not values:
        return []
    found = normalise_keys(kind, pd.Series(list(values), dtype="str"), country=country)
    return [str(key) for key in found["key"]]


# ---------------------------------------------------------------- the list


def forgotten_path(root: Path, client: str) -> Path:
    """Give the file of a client's forget list.

    Args:
        root: Folder that holds ``params/``.
        client: Slug of the client.
    """
    return root / SECRETS / f"{client}.forgotten"


def listed_pseudonyms(root: Path, client: str) -> frozenset[str]:
    """Read the forget list as it stands, whatever key it was made under; an absent one is empty."""
    path = forgotten_path(root, client)
    if not path.exists():
        return frozenset()
    lines = path.read_text(encoding="ascii").split("\n")
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def read_forgotten(root: Path, client: str, secret: bytes) -> frozenset[str]:
    """Read the forget list of a client.

    Args:
        root: Folder that holds ``params/``.
        client: Slug of the client.
        secret: The client's key.

    Returns:
        Pseudonyms; none where nobody asked.

    Raises:
        DataError: The list was made under another key, so nobody on it could be recognised.
    """
    listed = listed_pseudonyms(root, client)
    path = forgotten_path(root, client)
    if listed and f"{_KEY_MARK}{_mark_of(secret)}" not in path.read_text(encoding="ascii"):
        fix = (
            "Set JOURNEY_SECRET, or put back the key file in .secrets/, as they were when "
            "`journey forget` was run. If the key is lost, delete the list and forget them again."
        )
        text = "the list of forgotten customers was made under another key; none would be known."
        raise DataError(
            f"{client}: customers who asked to be forgotten cannot be left out.",
            [Problem("E-FORGOTTEN-KEY", text, path.name, fix=fix)],
        )
    return listed


def write_forgotten(root: Path, client: str, secret: bytes, added: Iterable[str]) -> int:
    """Add pseudonyms to the forget list of a client; the file is its owner's alone.

    Args:
        root: Folder that holds ``params/``.
        client: Slug of the client.
        secret: The client's key.
        added: Pseudonyms of ids and keys.

    Returns:
        How many of them are new.
    """
    before = read_forgotten(root, client, secret)
    every = sorted(before | set(added))
    path = forgotten_path(root, client)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write("\n".join([_HEAD, f"{_KEY_MARK}{_mark_of(secret)}", *every]) + "\n")
    part.replace(path)
    return len(every) - len(before)


def _mark_of(secret: bytes) -> str:
    """Give a mark by which the key is known again and that says nothing about it."""
    return hmac.digest(secret, b"journey forget list", "sha256").hex()[:16]


# ---------------------------------------------------------------- at the door


def leave_out(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], forgotten: Forgotten
) -> list[SourceTable]:
    """Take the rows of forgotten customers out of the sources' tables.

    An id that stands beside a forgotten e-mail address or phone number is the same person come
    back: all its rows go.

    Args:
        con: Connection that holds the sources' tables; views of the others take their
            names.
        sources: The sources that were read, before identities are resolved.
        forgotten: The forget list.

    Returns:
        The sources; the rows left out are counted under ``forgotten on request``.
    """
    if not forgotten.listed:
        return list(sources)
    ids = set(_forgotten_ids(con, sources, forgotten))
    keys = {
        (source.table, kind): found
        for source, kind in _key_columns(con, sources, forgotten.kinds)
        if (found := forgotten.keys(kind, _values(con, source.table, kind)))
    }
    for (table, kind), values in keys.items():
        if "customer_id" in table_columns(con, table):
            ids |= set(_beside(con, table, kind, values))
    return [_without(con, source, sorted(ids), keys) for source in sources]


def _forgotten_ids(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], forgotten: Forgotten
) -> Iterable[str]:
    for source in sources:
        for name in id_columns(con, source):
            yield from forgotten.ids(_values(con, source.table, name))


def id_columns(con: duckdb.DuckDBPyConnection, source: SourceTable) -> list[str]:
    """Name the columns of a source that hold ids of customers."""
    has = table_columns(con, source.table)
    return [name for name in ID_COLUMNS if name in has]


def _key_columns(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], kinds: Sequence[str]
) -> Iterable[tuple[SourceTable, str]]:
    for source in sources:
        has = table_columns(con, source.table)
        for kind in kinds:
            if kind in has and kind not in ID_COLUMNS:
                yield source, kind


def _values(con: duckdb.DuckDBPyConnection, table: str, column: str) -> list[str]:
    own = quote_name(column)
    rows = con.execute(
        f"SELECT DISTINCT CAST({own} AS VARCHAR) FROM {quote_name(table)} WHERE {own} IS NOT NULL"
    ).fetchall()
    return [row[0] for row in rows]


def _beside(
    con: duckdb.DuckDBPyConnection, table: str, column: str, values: list[str]
) -> list[str]:
    con.register("_forgotten", pd.DataFrame({"value": values}, dtype="str"))
    rows = con.execute(
        f"SELECT DISTINCT customer_id FROM {quote_name(table)} WHERE customer_id IS NOT NULL "
        f"AND CAST({quote_name(column)} AS VARCHAR) IN (SELECT value FROM _forgotten)"
    ).fetchall()
    con.unregister("_forgotten")
    return [row[0] for row in rows]


def _without(
    con: duckdb.DuckDBPyConnection,
    source: SourceTable,
    ids: list[str],
    keys: dict[tuple[str, str], list[str]],
) -> SourceTable:
    wanted = dict.fromkeys(id_columns(con, source), ids)
    wanted |= {kind: values for (table, kind), values in keys.items() if table == source.table}
    wanted = {column: values for column, values in wanted.items() if values}
    if not wanted:
        return source
    table, whole = quote_name(source.table), f"{source.table}_whole"
    rename(con, source.table, whole)
    tests = []
    for at, (column, values) in enumerate(wanted.items()):
        gone = f"{source.table}_gone{at}"
        take_in(con, gone, pd.DataFrame({"value": values}, dtype="str"))
        listed = f"SELECT value FROM {quote_name(gone)}"
        tests.append(f"coalesce(CAST({quote_name(column)} AS VARCHAR) IN ({listed}), FALSE)")
    found = f"({' OR '.join(tests)})"
    left = int(fetch_row(con, f"SELECT count(*) FROM {quote_name(whole)} WHERE {found}")[0])
    con.execute(f"CREATE VIEW {table} AS SELECT * FROM {quote_name(whole)} WHERE NOT {found}")
    return replace(source, drops={**source.drops, REASON: left}) if left else source
