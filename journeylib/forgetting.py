"""Takes one customer out of everything that was made, and out of every later run.

What was published stays as it was: a report cannot be called back, but it is named. Not for leaving
rows out while data is read; `forgotten` does that.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import open_connection
from journeylib.errors import DataError, JourneyError, Problem
from journeylib.expressions import quote_name
from journeylib.forgotten import (
    ID_COLUMNS,
    KEYS,
    key_text,
    normal_keys,
    write_forgotten,
)
from journeylib.log import CUSTOMERS
from journeylib.logplans import forgotten_of, resolve_client
from journeylib.params import read_params
from journeylib.privacy import pseudonyms
from journeylib.raw import table_columns
from journeylib.sources import read_sources
from journeylib.workspace import STATE, work_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from journeylib.forgotten import Forgotten
    from journeylib.params import Params
    from journeylib.sources import SourceTable

KEPT_PARTS = ("log", "frames", "tables")
PER_CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Removal:
    """What forgetting a customer came to.

    Attributes:
        client: Slug of the client.
        listed: New pseudonyms on the forget list; 0 where the customer was on it before.
        events: Events taken out of the log.
        rows: Rows taken out of frames and tables that hold rows of customers.
        deleted: Tables and frames that counted the customer among others, and caches.
        sources: Sources of the client file that still hold the customer, with the rows there.
        reports: Published files that still count the customer, with what they hold.
    """

    client: str
    listed: int
    events: int = 0
    rows: int = 0
    deleted: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Say in plain sentences what was done and what is left to do."""
        known = "is on the forget list now" if self.listed else "was on the forget list already"
        said = [
            f"The customer {known} (.secrets/{self.client}.forgotten, pseudonyms only); "
            "every later run leaves them out.",
            f"Taken out of the workspace: {self.events:,} events and {self.rows:,} rows of frames; "
            f"{self.deleted:,} tables, frames and caches that counted them were deleted and are "
            "made anew by the next run.",
        ]
        if self.reports:
            said.append("Published before and not changed, as nothing can be called back:")
            said += [f"  - {report}" for report in self.reports]
            said.append("  Run the client again, and replace the files that were passed on.")
        if self.sources:
            said.append(
                "The source systems still hold them. Delete them there, and in these files:"
            )
            said += [f"  - {name}: {rows:,} rows" for name, rows in self.sources.items()]
        return said


@dataclass(frozen=True, slots=True)
class _Person:
    """All that stands for one customer.

    Attributes:
        marks: Pseudonyms of ids and keys, for the forget list.
        shown: Pseudonyms that outputs may show.
        rows: Rows of each source.
    """

    marks: frozenset[str]
    shown: frozenset[str]
    rows: dict[str, int]


def forget_customer(file: Path, customer: str, *, reports: Path) -> Removal:
    """Forget one customer of a client: now, in what was made, and in every later run.

    Args:
        file: The client file.
        customer: An id as a source writes it, an e-mail address, a phone number, or a pseudonym
            from an output.
        reports: Folder of all reports; only looked at.

    Returns:
        What was taken out, what is left elsewhere.

    Raises:
        DataError: Nobody is known by this, or more than one customer is; the data cannot be read.
    """
    params = read_params(file)
    forgotten = forgotten_of(params)
    folder = work_folder(params)
    person = _find(params, forgotten, customer.strip(), folder)
    if person is None:
        raise _unknown(params)
    listed = write_forgotten(params.root, params.client, forgotten.secret, person.marks)
    events, rows, deleted = _take_out(folder, person.shown)
    told = _published(reports / params.client, person.shown)
    return Removal(params.client, listed, events, rows, deleted, person.rows, told)


def _unknown(params: Params) -> DataError:
    fix = (
        "Give an id as the source writes it, the whole e-mail address or phone number, or a "
        "pseudonym from a table of this client's report."
    )
    problem = Problem(
        "E-NO-CUSTOMER", "nobody is known by what was given.", params.path.name, fix=fix
    )
    return DataError(f"{params.client}: no customer was forgotten.", [problem])


# ---------------------------------------------------------------- who it is


def _find(params: Params, forgotten: Forgotten, customer: str, folder: Path) -> _Person | None:
    """Look in the sources, then in the workspace, then on the list itself."""
    try:
        found = _find_in_sources(params, forgotten, customer)
    except JourneyError:
        found = None
        if not _marks_of(forgotten, customer) & (_in_log(folder) | forgotten.listed):
            raise
    if found is not None:
        return found
    marks = _marks_of(forgotten, customer)
    known = marks & (_in_log(folder) | forgotten.listed)
    return _Person(known, known, {}) if known else None


def _marks_of(forgotten: Forgotten, customer: str) -> frozenset[str]:
    """Give every pseudonym that what was typed may stand for."""
    marks = {*pseudonyms([customer], forgotten.secret), customer.lower()}
    for kind in forgotten.kinds:
        (key,) = normal_keys(kind, [customer], country=forgotten.country)
        if key:
            marks |= set(pseudonyms([key_text(kind, key)], forgotten.secret))
    return frozenset(mark for mark in marks if _is_mark(mark))


def _is_mark(text: str) -> bool:
    return len(text) == 16 and set(text) <= set("0123456789abcdef")


def _in_log(folder: Path) -> frozenset[str]:
    path = folder / "log" / CUSTOMERS
    return frozenset(pd.read_parquet(path)["pseudonym"]) if path.exists() else frozenset()


def _find_in_sources(params: Params, forgotten: Forgotten, customer: str) -> _Person | None:
    """Find the customer among all rows of all sources, forgotten ones included."""
    with tempfile.TemporaryDirectory() as scratch:
        con = open_connection(memory=params.memory, scratch=Path(scratch))
        sources = read_sources(params, con)
        every = _records(con, sources, tuple(dict.fromkeys([*KEYS, *forgotten.kinds])))
        identity = resolve_client(con, sources, params)
        every["id"] = _final_ids(con, sources, every)
    joined = dict(
        zip(identity.customers["customer_id"], identity.customers["customer"], strict=True)
    )
    every["customer"] = every["id"].map(joined)
    return _person(every, forgotten, customer)


def _records(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], kinds: Sequence[str]
) -> pd.DataFrame:
    """Give every row's ``source``, place, ``given`` id and one column for each kind of key."""
    parts = [pd.DataFrame(columns=["source", "_file", "_row", "given", *kinds])]
    for source in sources:
        has = table_columns(con, source.table)
        own = next((name for name in ID_COLUMNS if name in has), "")
        keys = [kind for kind in kinds if kind in has and kind not in ID_COLUMNS]
        if not own and not keys:
            continue
        given = f"CAST({quote_name(own)} AS VARCHAR)" if own else "NULL::VARCHAR"
        picked = [f"CAST({quote_name(kind)} AS VARCHAR) AS {quote_name(kind)}" for kind in keys]
        rows = con.execute(
            f"SELECT _file, _row, {', '.join([f'{given} AS given', *picked])} "
            f"FROM {quote_name(source.table)}"
        ).df()
        parts.append(rows.assign(source=source.name, own=own))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _final_ids(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], every: pd.DataFrame
) -> pd.Series:
    """Give each row the id under which identities were resolved; a test's unit keeps its own."""
    final = every["given"].astype(object)
    for source in sources:
        mine = every["source"] == source.name
        if not mine.any() or "customer_id" not in table_columns(con, source.table):
            continue
        rows = con.execute(f"SELECT _file, _row, customer_id FROM {quote_name(source.table)}").df()
        place = pd.MultiIndex.from_frame(every.loc[mine, ["_file", "_row"]])
        known = rows.set_index(["_file", "_row"])["customer_id"]
        final[mine] = known.reindex(place).to_numpy()
    return final


def _person(every: pd.DataFrame, forgotten: Forgotten, customer: str) -> _Person | None:
    """Find whose rows carry what was typed, and gather everything that stands for them."""
    normal = pd.DataFrame(index=every.index)
    for kind in dict.fromkeys([*KEYS, *forgotten.kinds]):
        if kind in every:
            texts = every[kind].dropna().drop_duplicates()
            keys = normal_keys(kind, texts.tolist(), country=forgotten.country)
            normal[kind] = every[kind].map(dict(zip(texts, keys, strict=True))).replace("", np.nan)
    who = every["customer"].fillna(every["given"])
    hit = (every["given"] == customer) | (every["id"] == customer)
    for kind in map(str, normal):
        (key,) = normal_keys(kind, [customer], country=forgotten.country)
        hit |= (normal[kind] == key) & (key != "")
    if _is_mark(customer.lower()) and not hit.any():
        ids = pd.concat([every["given"], every["id"]]).dropna().unique()
        of_id = dict(zip(pseudonyms(ids, forgotten.secret), ids, strict=True))
        named = of_id.get(customer.lower())
        hit = (who == named) | (every["given"] == named) | (every["id"] == named)
    people = set(who[hit].dropna())
    if len(people) > 1:
        fix = "Give an id of the one who is meant; each can be forgotten in turn."
        text = "what was given stands for more than one customer."
        raise DataError("No customer was forgotten.", [Problem("E-MANY-CUSTOMERS", text, fix=fix)])
    if not people:
        return None
    return _gather(every, normal, who.isin(people), forgotten)


def _gather(
    every: pd.DataFrame, normal: pd.DataFrame, own: pd.Series, forgotten: Forgotten
) -> _Person:
    ids = set(pd.concat([every.loc[own, name] for name in ("given", "id", "customer")]).dropna())
    shown = pseudonyms(sorted(ids), forgotten.secret)
    keys = []
    for kind in [kind for kind in normal if kind in forgotten.kinds]:
        mine = set(normal.loc[own, kind].dropna())
        others = set(normal.loc[~own, kind].dropna())  # a household's phone is not one person's
        keys += [key_text(str(kind), key) for key in sorted(mine - others)]
    rows = every.loc[own, "source"].value_counts().sort_index()
    return _Person(
        frozenset([*shown, *pseudonyms(keys, forgotten.secret)]),
        frozenset(shown),
        {str(name): int(count) for name, count in rows.items()},
    )


# ---------------------------------------------------------------- what was made


def _take_out(folder: Path, shown: frozenset[str]) -> tuple[int, int, int]:
    """Take a customer out of a workspace; gives events, rows, and files deleted."""
    if not folder.is_dir():
        return 0, 0, 0
    codes = _drop_person(folder / "log" / CUSTOMERS, shown)
    deleted = _delete_caches(folder)
    events = sum(
        _keep_rows(path, "customer", codes)
        for path in sorted((folder / "log").glob("part-*.parquet"))
    )
    rows = 0
    for path in sorted([*folder.glob("frames/*"), *folder.glob("tables/*")]):
        gone = _clean_frame(path, codes, shown)
        rows, deleted = rows + max(gone, 0), deleted + (gone < 0)
    (folder / STATE).unlink(missing_ok=True)
    return events, rows, deleted


def _drop_person(path: Path, shown: frozenset[str]) -> set[int]:
    """Take a customer out of the list of the log; the codes of the others stay as they are."""
    if not path.exists():
        return set()
    people = pd.read_parquet(path)
    own = people["pseudonym"].isin(shown)
    if own.any():
        _rewrite(path, people[~own])
    return {int(code) for code in people.loc[own, "customer"]}


def _keep_rows(path: Path, column: str, unwanted: Iterable[object]) -> int:
    rows = pd.read_parquet(path)
    gone = rows[column].isin(list(unwanted))
    if gone.any():
        _rewrite(path, rows[~gone])
    return int(gone.sum())


def _rewrite(path: Path, rows: pd.DataFrame) -> None:
    part = path.with_name(path.name + ".part")
    rows.to_parquet(part, index=False)
    part.replace(path)


def _clean_frame(path: Path, codes: set[int], shown: frozenset[str]) -> int:
    """Take a customer's rows out of a file; one that only counts customers goes (-1)."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        columns = set(pq.read_schema(path).names)
        if PER_CUSTOMER in columns:
            return _keep_rows(path, PER_CUSTOMER, [*codes, *shown])
        for name in ID_COLUMNS:
            if name in columns:
                return _keep_rows(path, name, shown)
    path.unlink()
    return -1


def _delete_caches(folder: Path) -> int:
    """Delete whatever else stands in a workspace: half-run notebooks, lists of rejected rows."""
    others = [path for path in folder.iterdir() if path.name not in {*KEPT_PARTS, STATE}]
    count = 0
    for path in others:
        count += sum(one.is_file() for one in path.rglob("*")) if path.is_dir() else 1
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return count


def _published(folder: Path, shown: frozenset[str]) -> list[str]:
    """Name what was published: the report, and the files that show the customer's pseudonym."""
    run = folder / "run.json"
    if not run.exists():
        return []
    told = json.loads(run.read_text(encoding="utf-8"))
    when = str(told.get("last_good") or told.get("generated") or "")[:16].replace("T", " ")
    named = [f"{folder.name}/{folder.name}.html and its tables, made {when} UTC, count them"]
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".csv", ".json", ".html", ".ipynb"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            if any(mark in text for mark in shown):
                named.append(f"{folder.name}/{path.relative_to(folder)} shows their pseudonym")
    return named
