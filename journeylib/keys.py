"""Keys that two records of one customer share: e-mail addresses, phone numbers, further ids.

A key is written in the one way in which two spellings of it are equal; what is nobody's is no key.
Not for joining records; `identity` does that.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.expressions import quote_text
from journeylib.phones import INVALID, PLACEHOLDER, normalise_phones

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CUSTOMER_ID, EMAIL, PHONE = "customer_id", "email", "phone"
PERSONAL_KEYS = (EMAIL, PHONE)
UNMERGED = "unmerged"
# Digests in hexadecimal: MD5, SHA-1, SHA-256.
HASHED = r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}"
_ADDRESS = r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+"
_NOBODY = (
    r"(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|tests?|none|no|null|na|n/a|unknown|nobody|noone|"
    r"no[-_.]?e?mail|anonym|anonymous|guest|dummy|fake|asdf|example|info)@"
)
# What stands round an address in lists and headers.
_ROUND = "\"'<>,;."
_NO_ID = {"", "0", "-", "--", "none", "null", "nan", "n/a", "na", "unknown", "test", "guest"}
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def order_kinds(kinds: Iterable[str]) -> list[str]:
    """Put kinds of keys in the order in which one of them stands for a missing id.

    Args:
        kinds: Names of columns that hold keys.

    Returns:
        E-mail, phone, then the others by name; ``customer_id`` is left out, as it is the id.
    """
    others = sorted(set(kinds) - {CUSTOMER_ID, *PERSONAL_KEYS})
    return [*(kind for kind in PERSONAL_KEYS if kind in kinds), *others]


def name_key(kind: str, sql: str) -> str:
    """SQL of the id that a key gives to a record without one: the kind, a colon, the key."""
    return f"{quote_text(kind + ':')} || {sql}"


def stand_in(texts: Mapping[str, str]) -> str:
    """SQL of the id of a record that has none, from its keys as they were written.

    Args:
        texts: SQL of the text of each kind of key.

    Returns:
        SQL of a text, null where every key is; `identity` replaces it by the key's normal form.
    """
    found = [name_key(kind, f"CAST({texts[kind]} AS VARCHAR)") for kind in order_kinds(texts)]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]


def holds_keys(kind: str) -> str:
    """SQL on ``text`` that is true for what may be a key; a column of yes and no holds none."""
    if kind == EMAIL:
        return f"contains(text, '@') OR regexp_full_match(lower(text), '{HASHED}')"
    return "length(regexp_replace(text, '[^0-9]', '', 'g')) >= 7"


def normalise_key(kind: str, value: str, *, country: str = "") -> str:
    """Write a key in the way in which two spellings of it are equal.

    Args:
        kind: ``"email"``, ``"phone"``, or any other name for ids.
        value: As the source wrote it.
        country: ISO 3166 code of the country for phone numbers without ``+``; empty for none.

    Returns:
        The normal form, or an empty text where it is no usable key.

    Example:
        >>> normalise_key("email", "Jo <mailto:Jo@Example.COM>")
        'jo@example.com'
        >>> normalise_key("phone", "030 123-4567", country="DE")
        '+49301234567'
        >>> normalise_key("loyalty_no", " 00123 ")
        '00123'
    """
    return str(
        normalise_keys(kind, pd.Series([value], dtype="str"), country=country)["key"].iloc[0]
    )


def normalise_keys(kind: str, values: pd.Series, *, country: str = "") -> pd.DataFrame:
    """Write many keys in their normal form.

    Args:
        kind: ``"email"``, ``"phone"``, or any other name for ids.
        values: Distinct texts, none of them missing.
        country: ISO 3166 code of the country for phone numbers without ``+``; empty for none.

    Returns:
        Columns ``key`` (empty where it is no usable key) and ``fault`` (why; empty where it is),
        indexed as the values.
    """
    texts = values.astype("str")
    if kind == EMAIL:
        return _emails(texts)
    if kind != PHONE:
        return _ids(texts)
    digests = texts.str.strip().str.lower()
    hashed = digests.str.fullmatch(HASHED)
    found = normalise_phones(texts[~hashed], country=country).reindex(texts.index)
    return found.assign(key=found["key"].where(~hashed, digests), fault=found["fault"].fillna(""))


def _emails(texts: pd.Series) -> pd.DataFrame:
    # plain texts are cleaned as columns; names before an address, and other alphabets, one by one
    odd = ~texts.str.fullmatch(r"[\t\r\n -;=?-~]*")
    plain = texts[~odd].str.lower().str.replace(r"[\t\r\n ]+", "", regex=True).str.strip(_ROUND)
    plain = plain.str.removeprefix("mailto:").str.replace(r"\?.*$", "", regex=True)
    cleaned = texts[odd].map(_clean_email).astype("str")
    keys = pd.concat([plain, cleaned]).reindex(texts.index)
    usable = keys.str.fullmatch(_ADDRESS) | keys.str.fullmatch(HASHED)
    nobody = keys.str.match(_NOBODY) & usable
    return _judged(keys, usable=usable, nobody=nobody)


def _clean_email(text: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if match := re.search(r"<([^<>]*@[^<>]*)>", text):
        text = match[1]
    text = re.sub(r"\s+", "", text).casefold().strip(_ROUND)
    return text.removeprefix("mailto:").split("?")[0]


def _ids(texts: pd.Series) -> pd.DataFrame:
    keys = texts.str.normalize("NFC").str.strip()
    nobody = keys.str.lower().isin(_NO_ID) | keys.str.fullmatch("0+")
    return _judged(keys, usable=~nobody, nobody=nobody)


def _judged(keys: pd.Series, *, usable: pd.Series, nobody: pd.Series) -> pd.DataFrame:
    faults = np.select([nobody, ~usable], [PLACEHOLDER, INVALID], "").astype(object)
    return pd.DataFrame({"key": keys.where(usable & ~nobody, ""), "fault": faults})


def is_hashed(keys: pd.Series) -> pd.Series:
    """Tell which keys are digests in hexadecimal, not the keys themselves."""
    return keys.str.fullmatch(HASHED)


def hash_keys(keys: pd.Series) -> pd.Series:
    """Give the SHA-256 of each key without salt, as advertising exports write it."""
    return keys.map(lambda key: hashlib.sha256(key.encode()).hexdigest())
