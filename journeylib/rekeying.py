"""Final ids put back into the sources' tables, and the keys left out of them. Not for joining."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.engine import fetch_row, rename, store
from journeylib.errors import Note
from journeylib.expressions import quote_name
from journeylib.keys import CUSTOMER_ID, PERSONAL_KEYS
from journeylib.raw import table_columns
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from journeylib.keychain import Keychain, Keyed

NO_KEY = "no usable key"
KEYLESS = "_keyless"  # behind a source's table: the places of rows that lost their id


def rekey_sources(chain: Keychain) -> None:
    """Give every source's table the final ids, and no e-mail, phone or other key any more.

    A row whose only key is nobody's loses its id: it is left out and counted where its kind needs
    an id, and stays without a customer elsewhere.

    Args:
        chain: The keychain that was read from the tables; its notes grow.
    """
    for keyed in chain.keyed:
        named, lost = fetch_row(
            chain.con,
            "SELECT count(*) FILTER (WHERE named), "
            f"coalesce(sum(rows) FILTER (WHERE id IS NULL), 0) FROM {keyed.table}",
        )
        hidden = _hidden(keyed)
        if named or hidden or keyed.private:
            _rewrite(chain, keyed, hidden, named=bool(named))
        if lost:
            _count_lost(chain, keyed, int(lost))


def _hidden(keyed: Keyed) -> list[str]:
    """Name the columns that hold keys, but for those that mean something else as well."""
    return [
        own
        for kind, own in keyed.columns.items()
        if kind in PERSONAL_KEYS or own in keyed.source.attributes
    ]


def _rewrite(chain: Keychain, keyed: Keyed, hidden: list[str], *, named: bool) -> None:
    con, table = chain.con, keyed.source.table
    types, before = table_columns(con, table), f"{table}_before"
    rename(con, table, before)
    final, joins = chain.final(keyed)
    if not named:
        final, joins = keyed.own_id, ""
    kept = ", ".join(
        f"{final} AS customer_id" if name == CUSTOMER_ID else f"g.{quote_name(name)}"
        for name in types
        if name not in hidden
    )
    rows = f"FROM {keyed.select(before, types)} g{joins}"
    if named and _needs_id(keyed):
        lost = f"{rows} WHERE ({final}) IS NULL"
        _count_money(chain, keyed, types, lost)
        con.execute(
            f"CREATE OR REPLACE TABLE {quote_name(f'{table}{KEYLESS}')} AS "
            f"SELECT g._file, g._row {lost}"
        )
        rows += f" WHERE ({final}) IS NOT NULL"
    rows = f"SELECT {kept} {rows}"
    if named:  # the tables of the keys' forms go, so what they say is written down
        store(con, table, rows)
    else:
        con.execute(f"CREATE VIEW {quote_name(table)} AS {rows}")


def _count_money(chain: Keychain, keyed: Keyed, types: dict[str, str], rows: str) -> None:
    """Sum up the money in the rows that are left out, where the source has money."""
    if types.get("value") == "DOUBLE":
        money = fetch_row(chain.con, f"SELECT sum(value) {rows}")[0]
        if money is not None:
            keyed.source.lost[NO_KEY] = keyed.source.lost.get(NO_KEY, 0.0) + float(money)


def _needs_id(keyed: Keyed) -> bool:
    return any(c.name == CUSTOMER_ID and c.required for c in INPUTS[keyed.source.kind])


def _count_lost(chain: Keychain, keyed: Keyed, lost: int) -> None:
    source, column = keyed.source, next(iter(keyed.columns.values()))
    then = "they stay without a customer."
    if _needs_id(keyed):
        source.drops[NO_KEY] = source.drops.get(NO_KEY, 0) + lost
        then = "they were left out."
    text = f"rows have neither an id nor a usable key; {then}"
    chain.notes.append(Note("N-ROWS-EXCLUDED", text, source.name, None, column, lost))
