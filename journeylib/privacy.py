"""Pseudonyms for ids, and the key behind them.

Texts are redacted by `redaction`, small groups withheld by `suppression`.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SAMPLE_SECRET = b"the samples are invented, so their key is public"
SAMPLE_CLIENTS = ("northside-clothing", "brightdesk", "harbour-hotels")
SECRETS = ".secrets"
PSEUDONYM_LENGTH = 16


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
    path = root / SECRETS / client
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # another run of the client made it first
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as handle:
                handle.write(secrets.token_hex(32))
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
        hmac.digest(secret, one.encode("utf-8", "surrogatepass"), "sha256").hex()[:PSEUDONYM_LENGTH]
        for one in ids
    ]
