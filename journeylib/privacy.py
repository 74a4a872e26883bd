"""What must never leave: pseudonyms for ids, redaction of free text, suppression of small cells."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

SAMPLE_SECRET = b"the samples are invented, so their key is public"
SAMPLE_CLIENTS = ("northside-clothing", "brightdesk", "harbour-hotels")
# Counts of happenings tell nobody's number; a rank or a goal is no measurement of customers.
UNSUPPRESSED = ["events", "rank", "target"]
PSEUDONYM_LENGTH = 16

_REDACTIONS = (
    ("[e-mail]", re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")),
    ("[link]", re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)),
    ("[IBAN]", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("[card]", re.compile(r"\b\d(?:[ -]?\d){12,18}\b")),
    ("[key]", re.compile(r"\b(?:sk|pk|api|key|tok)[_-]\w{12,}\b", re.IGNORECASE)),
    ("[address]", re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")),
    ("[number]", re.compile(r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z]\b")),
    ("[phone]", re.compile(r"(?<![\w.])(?:\+|00)?\(?\d(?:[\d ()/.-]{6,}\d)(?![\w.])")),
)


def read_secret(root: Path, client: str) -> bytes:
    """Find the key behind a client's pseudonyms; make one the first time.

    Args:
        root: Folder that holds ``params/``; the key lies in its ``.secrets/``.
        client: Slug of the client.

    Returns:
        ``JOURNEY_SECRET`` if it is set, a public key for the samples, else the client's own.
    """
    if os.environ.get("JOURNEY_SECRET"):
        return os.environ["JOURNEY_SECRET"].encode()
    if client in SAMPLE_CLIENTS:
        return SAMPLE_SECRET
    path = root / ".secrets" / client
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(32), encoding="ascii")
        path.chmod(0o600)
    return path.read_bytes()


def pseudonyms(ids: Iterable[str], secret: bytes) -> list[str]:
    """Give each id a keyed pseudonym that cannot be turned back without the key.

    Args:
        ids: Customer ids.
        secret: The client's key.

    Returns:
        One text of 16 hexadecimal digits for each id (HMAC-SHA-256, RFC 2104).
    """
    return [
        hmac.new(secret, one.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH] for one in ids
    ]


def redact(text: str, names: Iterable[str] = ()) -> str:
    """Replace personal details in free text by what they were.

    Args:
        text: A comment.
        names: Customer names to remove as well.

    Returns:
        The text without e-mail addresses, links, phone, card, IBAN and similar numbers.

    Example:
        >>> redact("Call me: +49 30 1234567 or jo@example.com")
        'Call me: [phone] or [e-mail]'
    """
    for label, pattern in _REDACTIONS:
        text = pattern.sub(label, text)
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}\b", "[name]", text, flags=re.IGNORECASE)
    return text


def name_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Make one pattern for all full names of the customers table.

    Args:
        names: Full names; single words and very short names are left out, as they are words too.

    Returns:
        A pattern, or None where there is no name.
    """
    full = sorted({name.strip() for name in names if " " in name.strip()}, key=len, reverse=True)
    if not full:
        return None
    return re.compile(r"\b(?:" + "|".join(map(re.escape, full)) + r")\b", re.IGNORECASE)


def redact_all(texts: pd.Series, *, names: re.Pattern[str] | None = None) -> pd.Series:
    """Redact a column of comments.

    Args:
        texts: Comments; missing ones stay missing.
        names: Pattern from ``name_pattern``.

    Returns:
        The comments without personal details.
    """

    def clean(text: str) -> str:
        without = redact(text)
        return names.sub("[name]", without) if names is not None else without

    return texts.map(clean, na_action="ignore")


def suppress_small(table: pd.DataFrame, counts: list[str], *, min_cell: int) -> pd.DataFrame:
    """Blank the counts, and the estimates, of rows that stand for too few customers.

    Args:
        table: A result table.
        counts: Its columns that count customers; a row is small where one lies in 1..min_cell-1.
        min_cell: Smallest count that may be shown.

    Returns:
        A new table; in small rows the counts and every number computed from them are missing.
    """
    present = [column for column in counts if column in table]
    if not present or table.empty:
        return table
    numbers = table[present].astype("float64")
    small = ((numbers > 0) & (numbers < min_cell)).any(axis=1)
    blank = table.select_dtypes("number").columns.difference(UNSUPPRESSED)
    return table.assign(**{column: table[column].where(~small) for column in blank})
