"""Personal details leave the sources' tables before anything else reads them.

Columns that are personal throughout are dropped, texts and labels are redacted. Names, e-mail
addresses and phone numbers that the client file maps stay until identities are resolved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.engine import fetch_row, rename, take_in
from journeylib.errors import Note
from journeylib.expressions import quote_name
from journeylib.mappings import plain
from journeylib.raw import table_columns
from journeylib.redaction import Names, gather_names, redact_each, redact_labels
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import duckdb

    from journeylib.sources import SourceTable

__all__ = ["IDENTIFYING", "mask_sources"]

IDENTIFYING = ("name", "email", "phone")
LABELS = {"touchpoint", "channel", "topic", "segment", "wave", "language"}
FREE_WORDS = 4
SAMPLE = 400
MOSTLY = 0.5
FEW_LEVELS = 10
_MASKED = re.compile(r"(?:\[(?:e-mail|phone|card|IBAN|number|address|name|id)\][\s,;.]*)+")
_ID_TOKEN = re.compile(r"(?<![\w])(?=[\w-]*\d)[\w][\w-]{3,}[\w](?![\w])")
_NAMED = {
    "names": r"(first|last|full|given|family|sur|middle|contact|customer|client|guest|user|birth"
    r"|account|holder)name|vorname|nachname|prenom|apellidos?|cognome|apelido|sobrenome|surname"
    r"|forename|ansprechpartner|nom(de)?famille",
    "e-mail addresses": r"e?mail(address|adresse|addr)?\d?|correo|courriel",
    "phone numbers": r"(tele)?(phone|fon)(number|nummer|no|nr)?\d?|tel|telefono|telefone|tlf"
    r"|(mobile|handy|cell)(phone|number|nummer|no|nr)?\d?|telemovel|celular|movil|fax",
    "addresses": r"(street|postal|home|billing|shipping|delivery|ip|mail)?address(line)?\d?"
    r"|adresse|street(name|address|no|number)?\d?|strasse|anschrift|calle|direccion|rue|indirizzo"
    r"|morada|endereco|hausnummer|housen(o|r|umber)",
    "dates of birth": r"birth(day|date)|dateofbirth|dob|geburtsdatum|geburtstag|naissance"
    r"|datedenaissance|fechadenacimiento|datadinascita|datadenascimento",
    "account or identity numbers": r"ssn|iban|passport(no|number)?|taxid|steuer(id|nummer)|dni|nie"
    r"|nif|nino|creditcard(no|number)?|card(no|number)|socialsecurity\w*|password|pwd",
}


@dataclass(frozen=True, slots=True)
class _Held:
    """What the columns of one source hold.

    Attributes:
        distinct: Distinct values of each column with words, and of numbers that are called like
            something personal.
        filled: Rows with a value, by column.
        texts: Columns with words.
    """

    distinct: dict[str, list[str]]
    filled: dict[str, int]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Door:
    """What is needed to tell a personal column."""

    con: duckdb.DuckDBPyConnection
    names: Names
    region: str | None
    needed: Collection[str]


def mask_sources(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    *,
    region: str | None = None,
    keep: Iterable[str] = (),
    needed: Collection[str] = (),
) -> list[SourceTable]:
    """Mask personal details in the tables of all sources.

    Args:
        con: Connection that holds the sources' tables; views without the details take their names.
        sources: The sources that were read.
        region: Two-letter country of the client, for its phone numbers.
        keep: Words that are no customer's name, such as those of the client's own name.
        needed: Columns that the client file asks for by name; only what they hold can drop them.

    Returns:
        The sources without personal columns; each column dropped is a Note ``N-PII-COLUMN``.
    """
    held = [_hold(con, source) for source in sources]
    people = _named_people(sources, held)
    full = gather_names(people, keep=keep)
    door = _Door(con, replace(full, singles=frozenset()), region, needed)
    personal = [_personal_columns(door, *own) for own in zip(sources, held, strict=True)]
    for own, columns in zip(held, personal, strict=True):
        people += [
            n for name, what in columns.items() if what == "names" for n in own.distinct[name]
        ]
    kept = [
        {name: own.distinct[name] for name in own.texts if name not in columns and name != "name"}
        for own, columns in zip(held, personal, strict=True)
    ]
    said = [text for own in kept for name, texts in own.items() if _is_free(name, texts)
            for text in texts]  # fmt: skip
    names = gather_names(people, texts=said, keep=keep)
    ids = _ids_named(con, sources, kept)
    changes = [
        {name: _masked(texts, names, ids, region, name) for name, texts in own.items()}
        for own in kept
    ]
    return [
        _reshape(con, source, own, columns, masked)
        for source, own, columns, masked in zip(sources, held, personal, changes, strict=True)
    ]


def _hold(con: duckdb.DuckDBPyConnection, source: SourceTable) -> _Held:
    """Gather in one pass what a source's labels, comments and attributes hold."""
    types = table_columns(con, source.table)
    wanted = [*sorted(LABELS), "text", *source.attributes]
    wanted += ["name"] if source.kind == "customers" else []
    texts = [
        name for name in dict.fromkeys(wanted)
        if name in types and types[name].startswith(("VARCHAR", "ENUM"))
        and (name not in {*IDENTIFYING, "customer_id"} or source.kind == "customers")
    ]  # fmt: skip
    numbers = [
        name for name in source.attributes
        if name in types and name not in texts and not types[name].startswith("BOOLEAN")
        and _named_personal(name)
    ]  # fmt: skip
    columns = [*texts, *numbers]
    if not columns:
        return _Held({}, {}, ())
    picked = ", ".join(
        f"list(DISTINCT CAST({own} AS VARCHAR)) FILTER (WHERE {own} IS NOT NULL), count({own})"
        for own in map(quote_name, columns)
    )
    row = fetch_row(con, f"SELECT {picked} FROM {quote_name(source.table)}")
    values = {name: sorted(row[2 * at] or []) for at, name in enumerate(columns)}
    filled = {name: int(row[2 * at + 1]) for at, name in enumerate(columns)}
    return _Held(values, filled, tuple(texts))


def _named_people(sources: Sequence[SourceTable], held: Sequence[_Held]) -> list[str]:
    return [
        name
        for source, own in zip(sources, held, strict=True)
        if source.kind == "customers"
        for name in own.distinct.get("name", ())
    ]


def _is_free(name: str, values: list[str]) -> bool:
    """Tell comments from labels: in a comment a customer's last name alone is masked too."""
    if name in LABELS:
        return False
    words = sum(value.count(" ") + 1 for value in values[:SAMPLE])
    return name == "text" or words >= FREE_WORDS * max(1, len(values[:SAMPLE]))


def _masked(
    values: list[str], names: Names, ids: Collection[str], region: str | None, column: str
) -> dict[str, str]:
    free = _is_free(column, values)
    read = redact_each if free else redact_labels
    found = read(
        values, names=names if free else replace(names, singles=frozenset()), region=region
    )

    def hidden(match: re.Match[str]) -> str:
        return "[id]" if match.group() in ids else match.group()

    for value in values if ids else ():
        shown = found.get(value, value)
        without = _ID_TOKEN.sub(hidden, shown)
        if without != shown:
            found[value] = without
    return found


def _ids_named(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[SourceTable],
    kept: Sequence[dict[str, list[str]]],
) -> frozenset[str]:
    """Find which words of the texts are customers' ids; short ones and plain words are not."""
    words = {
        word
        for own in kept
        for texts in own.values()
        for text in texts
        for word in _ID_TOKEN.findall(text)
    }
    return _known_ids(con, sources, sorted(words))


def _known_ids(
    con: duckdb.DuckDBPyConnection, sources: Sequence[SourceTable], words: Sequence[str]
) -> frozenset[str]:
    if not words:
        return frozenset()
    con.register("_words", pd.DataFrame({"word": list(words)}, dtype="str"))
    found: set[str] = set()
    for source in sources:
        for name in {"customer_id", "unit_id"} & set(table_columns(con, source.table)):
            rows = con.execute(
                f"SELECT word FROM _words SEMI JOIN {quote_name(source.table)} t "
                f"ON word = CAST(t.{quote_name(name)} AS VARCHAR)"
            ).fetchall()
            found |= {row[0] for row in rows}
    con.unregister("_words")
    return frozenset(found)


def _reshape(
    con: duckdb.DuckDBPyConnection,
    source: SourceTable,
    held: _Held,
    personal: dict[str, str],
    masked: dict[str, dict[str, str]],
) -> SourceTable:
    """Put a view in place of a source's table: without its personal columns, its texts masked."""
    changed = {name: pairs for name, pairs in masked.items() if pairs}
    if not personal and not changed:
        return source
    table, bare = quote_name(source.table), f"{source.table}_bare"
    rename(con, source.table, bare)
    columns, joins = [], ""
    for name in table_columns(con, bare):
        own = f"t.{quote_name(name)}"
        if name in changed:
            at = f"m{len(joins.splitlines())}"
            found, pairs = f"{source.table}_{at}", changed[name].items()
            take_in(con, found, pd.DataFrame(pairs, columns=["old", "new"], dtype="str"))
            joins += f" LEFT JOIN {quote_name(found)} {at} ON {at}.old = {own}\n"
            own = f"coalesce({at}.new, {own}) AS {quote_name(name)}"
        if name not in personal:
            columns.append(own)
    con.execute(
        f"CREATE VIEW {table} AS SELECT {', '.join(columns)} FROM {quote_name(bare)} t{joins}"
    )
    notes = [
        Note(
            "N-PII-COLUMN", f"it holds {what}; the column was left out.", source.name, None, name,
            held.filled[name],
        )
        for name, what in personal.items()
    ]  # fmt: skip
    kept = tuple(name for name in source.attributes if name not in personal)
    return replace(source, attributes=kept, notes=(*source.notes, *notes))


# ---------------------------------------------------------------- columns that are personal


def _personal_columns(door: _Door, source: SourceTable, held: _Held) -> dict[str, str]:
    """Find the attributes that name customers, by what they hold or how they are called."""
    known = {column.name for column in INPUTS[source.kind]} | set(IDENTIFYING)
    found = {}
    for name, values in held.distinct.items():
        if name not in known and values:
            kind = _mostly_personal(door, values[:SAMPLE]) if name in held.texts else ""
            kind = kind or _mostly_ids(door, source, values[:SAMPLE])
            various = len(values) > min(FEW_LEVELS, MOSTLY * held.filled[name])
            if not kind and various and name not in door.needed:
                kind = _named_personal(name)
            if kind:
                found[name] = kind
    return found


def _mostly_ids(door: _Door, source: SourceTable, values: list[str]) -> str:
    """Tell a second column of customers' ids; measures that are equal to short ids are none."""
    long = [value for value in values if _ID_TOKEN.fullmatch(value)]
    if len(values) < 2 or len(long) <= MOSTLY * len(values):
        return ""
    known = _known_ids(door.con, [source], long)
    return "customer ids" if len(known) > MOSTLY * len(values) else ""


def _mostly_personal(door: _Door, values: list[str]) -> str:
    found = redact_each(values, names=door.names, region=door.region)
    masked = [new for new in found.values() if _MASKED.fullmatch(new)]
    if len(masked) <= MOSTLY * len(values):
        return ""
    labels = {
        "[e-mail]": "e-mail addresses", "[phone]": "phone numbers", "[name]": "names",
        "[address]": "addresses",
    }  # fmt: skip
    most = max(labels, key=lambda label: sum(label in one for one in masked))
    count = sum(most in one for one in masked)
    return labels[most] if count > len(masked) / 2 else "account or identity numbers"


def _named_personal(name: str) -> str:
    told = plain(name.removesuffix(" (source)")).replace("ß", "ss")
    for what, form in _NAMED.items():
        if re.fullmatch(form, told):
            return what
    return ""
