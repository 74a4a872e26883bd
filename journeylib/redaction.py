"""Personal details in free text: found, and replaced by the word for what they were.

Links go whole, host and all: a host can name a person as well as a path can. Not for columns that
are personal throughout; see `masking`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from journeylib.redaction_names import Names, gather_names
from journeylib.redaction_numbers import (
    mask_addresses,
    mask_cards,
    mask_ibans,
    mask_national_ids,
    mask_phones,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Names", "gather_names", "redact", "redact_each", "redact_labels"]

MOST_PASSES = 5
FEWEST_DIGITS = 6
FEWEST_IBAN = 10
_TAIL = r"[\w-]+(?:\.[\w-]+)+"
_OPEN, _SHUT = r"\s?[(\[{<]\s?", r"\s?[)\]}>]\s?"
_SPELT = r"(?:at|dot|@|\.|ät|arroba|punkt|punto|ponto|point|chiocciola)"
_MAIL_HOSTS = (
    "gmail|googlemail|gmx|outlook|hotmail|yahoo|icloud|web|proton|protonmail|live|aol|t-online"
    "|orange|free|wanadoo|libero|sapo|mail|me|msn|posteo|freenet"
)
_KEYS = (
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]{4,}(?:\.[\w-]*)?"),  # JSON web token
    re.compile(
        r"\b(?:(?:sk|pk|rk|api|key|tok|token|secret|pat|whsec)[_-](?:live|test|prod)?_?\w{12,}"
        r"|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,})",
        re.IGNORECASE,
    ),
    re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE),  # UUID
    re.compile(r"\b(?=[A-Za-z_]*\d)(?=[\d_]*[A-Za-z])[A-Za-z0-9_]{32,}\b"),
)
_SAID_KEY = re.compile(
    r"\b((?:pass(?:word|wort|code)?|pwd|kennwort|contrase[nñ]a|mot de passe|senha|pin|tan|cvv|cvc"
    r"|api[ _-]?key|token|secret|bearer)\b\s?(?:is\b|ist\b|[:=]|\b)\s?)(?=\S*\d)(?!\[)[^\s,;]{3,}",
    re.IGNORECASE,
)
_KEY_WORD = re.compile(
    r"pass|pwd|wort|contrase|senha|\b(?:pin|tan|cv[vc]|api|token|secret|bearer)\b", re.I
)
_LINKS = (
    re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,12}://|\bwww\.)\S+", re.IGNORECASE),
    re.compile(r"(?<![\w@.])(?:[\w-]+\.)+[a-z]{2,12}(?:/[^\s/]\S*|\?\S+)", re.IGNORECASE),
)
_PAGE = re.compile(
    r"((?:(?<!\S)/|\b[a-z][a-z0-9+.-]{1,12}://|\bwww\.|(?<![\w@.-])(?:[\w-]+\.)+[a-z]{2,12}/)\S*)",
    re.IGNORECASE,
)
_QUERY = re.compile(r"#(?=[^\s/]*=)\S*|\?(?=\S*=)[^\s#]*")
_HOST = re.compile(r"[a-z][a-z0-9+.-]*:|(?:[\w-]+\.)*[\w-]+\.[a-z]{2,12}(?::\d+)?", re.I)
_MAIL = re.compile(rf"[\w.!#$%&'*+/=?^`{{|}}~-]+\s?[@\uff20]\s?{_TAIL}")
_SPELT_MAILS = (
    re.compile(
        rf"[\w.+-]+{_OPEN}{_SPELT}{_SHUT}[\w-]+(?:(?:{_OPEN}{_SPELT}{_SHUT}|\.| dot )[\w-]+)+",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b[\w+-]+(?:(?:\.| dot )[\w+-]+)* (?:at|ät|arroba|chiocciola) [\w-]+"
        r"(?: (?:dot|punkt|punto|ponto|point) [\w-]+)+\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:[\w+-]+(?:\.[\w+-]+)+|(?=[a-z_]*\d)\w+) (?:at|ät|arroba) "
        rf"{_TAIL}\b|\b[\w.+-]+ (?:at|ät|arroba) (?:{_MAIL_HOSTS})\.[a-z]{{2,3}}\b",
        re.IGNORECASE,
    ),
)
_SPELT_AT = re.compile(r"[ (\[{<](?:at|ät|arroba|chiocciola|@)[ )\]}>]", re.IGNORECASE)
_LONG = re.compile(r"[\w-]{12}")
_DIGIT = re.compile(r"\d")


def redact(text: str, *, names: Names | None = None, region: str | None = None) -> str:
    """Replace personal details in free text by what they were.

    Args:
        text: A comment.
        names: The customers' names, from ``gather_names``.
        region: Two-letter country of the client, so that its own phone numbers are known.

    Returns:
        The text without e-mail addresses, links, keys, phone, card, IBAN and national numbers, IP
        addresses and customers' names. Redacting it again changes nothing.

    Example:
        >>> redact("Call me: +49 30 1234567 or jo@example.com")
        'Call me: [phone] or [e-mail]'
        >>> redact("order 20240131-4455 for 1.299,00 € on 12.03.2024 at 14:30")
        'order 20240131-4455 for 1.299,00 € on 12.03.2024 at 14:30'
    """
    for _ in range(MOST_PASSES):
        masked = _redact_once(text, names, region)
        if masked == text:
            return text
        text = masked
    return text


def _redact_once(text: str, names: Names | None, region: str | None) -> str:
    """Mask each kind of detail, and look only for those whose signs the text holds."""
    if "://" in text or "." in text:
        for pattern in _LINKS:
            text = pattern.sub("[link]", text)
    if "@" in text or "\uff20" in text:
        text = _MAIL.sub("[e-mail]", text)
    if _SPELT_AT.search(text):
        for pattern in _SPELT_MAILS:
            text = pattern.sub("[e-mail]", text)
    text = _mask_numbers(_mask_keys(text), region)
    return names.mask(text) if names is not None else text


def _mask_keys(text: str) -> str:
    if _LONG.search(text):
        for pattern in _KEYS:
            text = pattern.sub("[key]", text)
    return _SAID_KEY.sub(r"\1[key]", text) if _KEY_WORD.search(text) else text


def _mask_numbers(text: str, region: str | None) -> str:
    """Mask numbers, the longest kinds first; most texts hold too few digits for most of them."""
    digits = len(_DIGIT.findall(text))
    if text.count(":") > 1 or text.count(".") > 2:
        text = mask_addresses(text)
    if digits < FEWEST_DIGITS:
        return text
    if digits >= FEWEST_IBAN:
        text = mask_cards(mask_national_ids(mask_ibans(text)))
    return mask_phones(mask_national_ids(text), region=region)


def redact_each(
    texts: Iterable[str], *, names: Names | None = None, region: str | None = None
) -> dict[str, str]:
    """Redact distinct texts; gives only those that change.

    Args:
        texts: Texts, each once.
        names: The customers' names, or None where single words must stay.
        region: Two-letter country of the client, or None.

    Returns:
        New text by old text.
    """
    told = ((text, redact(text, names=names, region=region)) for text in texts)
    return {old: new for old, new in told if new != old}


def redact_labels(
    labels: Iterable[str], *, names: Names | None = None, region: str | None = None
) -> dict[str, str]:
    """Redact distinct labels, such as touchpoints; gives only those that change.

    A page's address is a label: it keeps host and path and loses what follows them, where tokens
    stand.

    Args:
        labels: Labels, each once.
        names: The customers' names.
        region: Two-letter country of the client, or None.

    Returns:
        New label by old label.
    """
    found = {}
    for label in labels:
        shown = _QUERY.sub("", label) if "?" in label or "#" in label else label
        parts = _PAGE.split(shown)
        parts[::2] = [redact(part, names=names, region=region) for part in parts[::2]]
        parts[1::2] = [_inside(page, names, region) for page in parts[1::2]]
        shown = "".join(parts)
        if shown != label:
            found[label] = shown
    return found


def _inside(page: str, names: Names | None, region: str | None) -> str:
    """Redact a page's address part by part, so that the address itself stays."""
    parts = re.split(r"(/+)", page)
    return "".join(
        part if place % 2 or _HOST.fullmatch(part) else redact(part, names=names, region=region)
        for place, part in enumerate(parts)
    )
