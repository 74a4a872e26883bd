"""What can be written in a client file: text with its line, and the kinds of value.

Not for groups of keys (`sections`), their meaning (`settings`) or files (`params`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Annotated, Any, NoReturn, Self
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from journeylib.errors import did_you_mean

DATE_WORDS = (
    "iso", "day-first", "month-first", "quarter", "excel", "unix_s", "unix_ms", "unix_us",
)  # fmt: skip
RESERVED_NAMES = frozenset(
    ["con", "prn", "aux", "nul"] + [f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)]
)
SLUG = r"[a-z0-9][a-z0-9-]{0,63}"
MEMORY = r"^(\d+(?:\.\d+)?) ?([KMGT]?)(i?)B$"
_LOGIN = re.compile(r"(://[^:/@\s]*:)([^/\s]*)(@)")
_LOGIN_OPTION = re.compile(r"([?&](?:password|passwd|pwd|token|secret)=)([^&\s]*)", re.IGNORECASE)

Reader = Callable[[object], Any]


class Written(str):
    """A scalar as the client wrote it.

    Attributes:
        line: 1-based line of the file, or None for a value that was filled in.
        plain: Whether it stood without quotes.
        shown: The text before ``${NAME}`` was filled in: what messages may show.
    """

    __slots__ = ("line", "plain", "shown")

    line: int | None
    plain: bool
    shown: str

    def __new__(
        cls, text: str, *, line: int | None = None, plain: bool = True, shown: str | None = None
    ) -> Self:
        """Make one; ``shown`` is the text itself unless given."""
        made = super().__new__(cls, text)
        made.line, made.plain = line, plain
        made.shown = text if shown is None else shown
        return made


def shown(value: object) -> str:
    """Name a value in a message: short, and without secrets.

    Args:
        value: What was written.

    Returns:
        At most 60 characters; values from the environment as ``${NAME}``, passwords as ``…``.

    Example:
        >>> shown("postgresql://ann:pass@host/db")
        'postgresql://ann:…@host/db'
    """
    if isinstance(value, (dict, list)):  # may hold values from the environment
        return "a list" if isinstance(value, list) else "a group of keys"
    text = value.shown if isinstance(value, Written) else str(value)
    text = _LOGIN_OPTION.sub(r"\1…", _LOGIN.sub(r"\1…\3", text))
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= 60 else text[:59] + "…"


def refuse(message: str, *, fix: str = "", code: str = "E-PARAMS-VALUE") -> NoReturn:
    """Refuse a value in words that an analyst can act on.

    Args:
        message: What is wrong, with the value found, ending in a full stop.
        fix: What to do.
        code: Stable code of the problem.

    Raises:
        PydanticCustomError: Always.
    """
    raise complaint(code, message, fix)


def complaint(code: str, message: str, fix: str) -> PydanticCustomError:
    """Make the error of one problem, for `refuse` and for sections of keys."""
    context = {"message": message, "fix": fix}
    return PydanticCustomError(code, "{message}", context)


# ------------------------------------------------------------------ readers of one value


def is_empty(value: object) -> bool:
    """Tell whether a key was written without a value; ``""`` in quotes is one."""
    return value is None or (value == "" and getattr(value, "plain", True))


def _scalar(value: object, kind: str) -> str:
    if isinstance(value, (dict, list)):
        refuse(f"{shown(value)} stands where {kind} belongs.")
    if is_empty(value):
        refuse("there is no value.", fix="Give one, or remove the key.")
    return str(value).strip()


def read_text(value: object) -> str:
    """Take a text as it stands; numbers and dates stay what was typed."""
    _scalar(value, "a text")
    return str(value)


def matching(pattern: str, what: str, *, fix: str) -> Reader:
    """Make a reader of texts of one form."""

    def read(value: object) -> str:
        text = _scalar(value, what)
        if not re.fullmatch(pattern, text):
            refuse(f"{shown(value)} is not {what}.", fix=fix)
        return text

    return read


def number(low: float = float("-inf"), high: float = float("inf"), *, ends: bool = True) -> Reader:
    """Make a reader of decimal numbers from ``low`` to ``high``, with or without the ends."""

    def read(value: object) -> float:
        text = _scalar(value, "a number")
        if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", text):
            fix = "Write a dot for the decimals and nothing between thousands."
            refuse(f"{shown(value)} is not a number.", fix=fix if "," in text else "")
        found = float(text)
        inside = low <= found <= high if ends else low < found < high
        if not inside:
            refuse(f"{shown(value)} is not {_range(low, high, ends=ends)}.")
        return found

    return read


def whole(low: int, high: int = 2**53) -> Reader:
    """Make a reader of whole numbers from ``low`` to ``high``."""

    def read(value: object) -> int:
        text = _scalar(value, "a whole number")
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            refuse(f"{shown(value)} is not a whole number.")
        if not low <= int(text) <= high:
            reach = f"of {low} or more" if high == 2**53 else f"between {low} and {high}"
            refuse(f"{shown(value)} is not a whole number {reach}.")
        return int(text)

    return read


def _range(low: float, high: float, *, ends: bool) -> str:
    if high == float("inf"):
        return f"{low:g} or more" if ends else f"more than {low:g}"
    return f"between {low:g} and {high:g}" + ("" if ends else ", both excluded")


def or_auto(reader: Reader) -> Reader:
    """Let a reader also take the word ``auto``."""
    return lambda value: "auto" if value == "auto" else reader(value)


def read_auto_list(value: object) -> str | list[str]:
    """Read a list of texts, or the word ``auto``."""
    if isinstance(value, list):
        return [read_text(item) for item in value]
    if _scalar(value, "a list") != "auto":
        refuse(f"{shown(value)} is neither auto nor a list.", fix="Write it as a list: [a, b].")
    return "auto"


def read_flag(value: object) -> bool:
    """Read ``true`` or ``false``, and nothing else."""
    text = _scalar(value, "true or false").lower()
    if text not in ("true", "false"):
        refuse(f"{shown(value)} is neither true nor false.", fix="Write true or false.")
    return text == "true"


def read_day(value: object) -> date:
    """Read a day written ``YYYY-MM-DD``."""
    text = _scalar(value, "a day")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        refuse(f"{shown(value)} is not a day.", fix="Write days as YYYY-MM-DD.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse(f"{shown(value)} is not in the calendar.", fix="Write days as YYYY-MM-DD.")


def read_slug(value: object) -> str:
    """Read a name that can name a folder on any machine."""
    form = "small letters, digits and hyphens, at most 64, with a letter or digit first"
    near = re.sub(r"[ _.]+", "-", shown(value).lower())
    fix = f"Write {near}." if re.fullmatch(SLUG, near) else "Write client: acme, for example."
    text = str(matching(SLUG, f"made of {form}", fix=fix)(value))
    if text in RESERVED_NAMES:
        refuse(f"{shown(value)} is a name that Windows reserves.", fix="Choose another.")
    return text


@cache
def _timezones() -> set[str]:
    return available_timezones()


def read_timezone(value: object) -> str:
    """Read the name of a timezone, such as ``Europe/Lisbon``."""
    text = _scalar(value, "a timezone")
    known = _timezones()
    if text not in known:
        fix = did_you_mean(text, known) or "Write a name such as Europe/Lisbon or UTC."
        refuse(f"{shown(value)} is not a known timezone.", fix=fix)
    return text


def read_encoding(value: object) -> str:
    """Read the name of a text encoding, such as ``cp1252``."""
    text = _scalar(value, "an encoding")
    usual = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1", "iso-8859-15", "cp1250", "cp437")
    try:
        codecs.lookup(text).incrementaldecoder("strict").decode(b"")
        "".encode(text)
    except (LookupError, TypeError, ValueError):
        fix = did_you_mean(text, usual) or f"Usual ones: {', '.join(usual)}."
        refuse(f"{shown(value)} is not a known text encoding.", fix=fix)
    return text


def read_separator(value: object) -> str:
    """Read one character, ``tab`` or ``whitespace``."""
    text = "\t" if str(value) in ("\t", "\\t", "tab") else read_text(value)
    if len(text) != 1 and text != "whitespace":
        fix = 'Write it in quotes, such as ";", or write tab or whitespace.'
        refuse(f"{shown(value)} is not one character.", fix=fix)
    return text


def read_character(value: object) -> str:
    """Read exactly one character; a space counts."""
    text = read_text(value)
    if len(text) != 1:
        refuse(f"{shown(value)} is not one character.", fix="Write it in quotes.")
    return text


def read_dates(value: object) -> str | dict[str, str]:
    """Read how dates are written: one word or pattern, or one for each mapped column."""
    if isinstance(value, dict):
        return {str(column): _date_form(form) for column, form in value.items()}
    return _date_form(value)


def _date_form(value: object) -> str:
    text = _scalar(value, "a form of dates")
    if text.startswith("days-since:"):
        read_day(text.removeprefix("days-since:"))
    elif text not in DATE_WORDS and "%" not in text:
        words = (*DATE_WORDS, "days-since:YYYY-MM-DD")
        fix = did_you_mean(text, words) or f"Allowed: {', '.join(words)}, or a pattern with %."
        refuse(f"{shown(value)} is not a form of dates.", fix=fix)
    return text


def read_column(value: object) -> str | int | list[str | int]:
    """Read what a column is mapped to: a name, a position from 1, or several to be joined."""
    if isinstance(value, list):
        if not value:
            refuse("the list of columns is empty.")
        return [read_position(item) for item in value]
    return read_position(value)


def read_position(value: object) -> str | int:
    """Read a name, or a position from 1; digits in quotes are a name."""
    is_position = isinstance(value, int) or (getattr(value, "plain", False) and _digits(value))
    return int(whole(1)(value)) if is_position else read_text(value)


def _digits(value: object) -> bool:
    return re.fullmatch(r"-?\d{1,9}", str(value)) is not None


def read_path(value: object) -> str:
    """Read a path; an address on a network is refused."""
    text = read_text(value)
    if "://" in text:
        fix = "Write url: for a database; download what lies on the web first."
        refuse(f"{shown(value)} is an address, not a path.", fix=fix)
    return text


def read_url(value: object) -> str:
    """Read a database address; a password typed into it is refused and not shown."""
    text = _scalar(value, "an address")
    written = value.shown if isinstance(value, Written) else text
    login, option = _LOGIN.search(written), _LOGIN_OPTION.search(written)
    if any(found and "${" not in found[2] for found in (login, option)):
        fix = "Put it in an environment variable and write ${NAME} in its place."
        refuse("a password is typed into the address.", fix=fix, code="E-PARAMS-SECRET")
    if not re.match(r"[a-z][a-z0-9+_]*://", text) or text.startswith(("http:", "https:")):
        fix = "Write it as dialect://user:${PASSWORD}@host/database."
        refuse("it is not the address of a database.", fix=fix)
    return text


# ------------------------------------------------------------------ kinds of value

_ANYTHING = WithJsonSchema({"type": ["string", "number", "boolean"]})
_MAPPED = {"type": "string"}, {"type": "integer", "minimum": 1}

Text = Annotated[str, BeforeValidator(read_text)]
Value = Annotated[str, _ANYTHING, BeforeValidator(read_text)]
Flag = Annotated[bool, BeforeValidator(read_flag)]
Day = Annotated[date, BeforeValidator(read_day)]
Number = Annotated[float, BeforeValidator(number())]
Amount = Annotated[float, Field(ge=0), BeforeValidator(number(0))]
Positive = Annotated[float, Field(gt=0), BeforeValidator(number(0, ends=False))]
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(number(0, 1))]
OpenShare = Annotated[float, Field(gt=0, lt=1), BeforeValidator(number(0, 1, ends=False))]
Whole = Annotated[int, Field(ge=0), BeforeValidator(whole(0))]
Seed = Annotated[int, Field(ge=0, lt=2**32), BeforeValidator(whole(0, 2**32 - 1))]
Year = Annotated[int, Field(ge=1900, le=2200), BeforeValidator(whole(1900, 2200))]
Count = Annotated[int, Field(ge=1), BeforeValidator(whole(1))]
Slug = Annotated[str, Field(pattern=f"^{SLUG}$"), BeforeValidator(read_slug)]
Timezone = Annotated[str, BeforeValidator(read_timezone)]
Encoding = Annotated[str, BeforeValidator(read_encoding)]
Separator = Annotated[str, BeforeValidator(read_separator)]
Character = Annotated[str, Field(min_length=1, max_length=1), BeforeValidator(read_character)]
Dates = Annotated[str | dict[str, str], BeforeValidator(read_dates)]
Mapped = Annotated[
    str | int | list[str | int],
    WithJsonSchema({"anyOf": [*_MAPPED, {"type": "array", "items": {"anyOf": [*_MAPPED]}}]}),
    BeforeValidator(read_column),
]
Sheet = Annotated[str | int, WithJsonSchema({"anyOf": [*_MAPPED]}), BeforeValidator(read_position)]
FilePath = Annotated[str, BeforeValidator(read_path)]
Address = Annotated[SecretStr, BeforeValidator(read_url)]
Currency = Annotated[
    str,
    Field(pattern="^[A-Z]{3}$"),
    BeforeValidator(matching("[A-Z]{3}", "a currency code", fix="Write three capitals: EUR.")),
]
Engine = Annotated[
    str,
    Field(pattern=r"^(local|(dask|spark)=\S+)$"),
    BeforeValidator(
        matching(
            r"local|(dask|spark)=\S+",
            "an engine",
            fix="Write local, dask=tcp://host:8786 or spark=spark://host:7077.",
        )
    ),
]
Memory = Annotated[
    str,
    Field(pattern=MEMORY),
    BeforeValidator(matching(MEMORY, "an amount of memory", fix="Write 4GB or 512MB.")),
]
Colour = Annotated[
    str,
    Field(pattern="^#[0-9a-fA-F]{6}$"),
    BeforeValidator(
        matching("#[0-9a-fA-F]{6}", "a colour", fix='Write it as "#rrggbb", in quotes.')
    ),
]
Language = Annotated[
    str,
    Field(pattern="^[a-z]{2}(-[A-Z]{2})?$"),
    BeforeValidator(matching("[a-z]{2}(-[A-Z]{2})?", "a language code", fix="Write en or pt-BR.")),
]
