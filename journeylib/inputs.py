"""What a client file says about its sources: where they lie, how they are written and mapped.

Not for reading them (`sources`). The first line of a class and the text below a key are what
``params/README.md`` and ``params/schema.json`` say about it.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import InitErrorDetails

from journeylib.errors import did_you_mean
from journeylib.exports import merge_preset, preset_fault
from journeylib.sections import Section, conflict
from journeylib.values import (
    Address,
    Character,
    Count,
    Dates,
    Encoding,
    FilePath,
    Flag,
    Mapped,
    Number,
    Separator,
    Sheet,
    Text,
    Timezone,
    Value,
    Whole,
    Year,
    matching,
    shown,
)

Kind = Literal[
    "events", "orders", "surveys", "tickets", "feedback", "customers", "experiments", "measurements"
]
SourceName = Annotated[
    str,
    Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$"),
    BeforeValidator(
        matching(
            "[a-z0-9][a-z0-9_-]{0,63}",
            "made of small letters, digits, _ and -, at most 64, with a letter or digit first",
            fix="",
        )
    ),
]


DATABASE_FILES = (".sqlite", ".sqlite3", ".db")


class Format(Section):
    """How a file is written. What is not declared is detected for the whole file and reported."""

    sep: Separator | None = None
    """Separator between columns: one character, `tab`, or `whitespace`."""
    decimal: Literal[".", ","] | None = None
    """Sign before the decimals."""
    thousands: Character | None = None
    """Sign between thousands."""
    encoding: Encoding | None = None
    """Text encoding, such as utf-8 or cp1252."""
    quote: Character | None = None
    """Sign round texts."""
    escape: Character | None = None
    """Sign before a quote inside a text."""
    skip_rows: Whole | None = None
    """Lines above the header, such as a title."""
    header_rows: Count | None = None
    """Rows that make up the header: 2 in SurveyMonkey, 3 in Qualtrics. The first names the columns;
    one without a name there is named by the second row too."""
    header: Flag | None = None
    """Whether the first row names the columns; without names, map columns by position."""
    sheet: Sheet | None = None
    """Sheet of a workbook: its name, or its position from 1."""
    widths: list[Count] | None = Field(default=None, min_length=1)
    """Widths of the columns of a fixed-width file, in characters."""
    wide: dict[Literal["names_to", "values_to"], Text] | None = None
    """Turns a table with a column for each unit into a row for each: names_to is the mapped column
    that takes the columns' names, such as unit; values_to the one that takes their values."""
    dates: Dates | None = None
    """How dates are written: a strptime pattern, or iso, day-first, month-first, quarter, excel,
    unix_s, unix_ms, unix_us or days-since:YYYY-MM-DD; or one of these for each mapped column."""
    year: Year | None = None
    """Year of dates that are written without one, as in %d %b; default the one that puts them into
    the client's period, where that is no longer than a year."""
    timezone: Timezone | None = None
    """Time zone of this source's times without one, where it is not the client's."""
    allow_future: Flag = False
    """Whether days after today are right, as in bookings."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse one sign with two meanings."""
        pairs = [("decimal", "thousands"), ("sep", "quote")]
        found = [
            conflict(two, message=f"{shown(raw[two])} is also {one}.", fix="Correct one of them.")
            for one, two in pairs
            if raw.get(one) is not None and raw[one] == raw.get(two)
        ]
        if str(raw.get("header")).lower() == "false" and raw.get("header_rows") is not None:
            message = "header: false says that there is no header."
            found.append(conflict("header_rows", message=message, fix="Remove one of them."))
        wide = raw.get("wide")
        given = wide if isinstance(wide, dict) else {"names_to": "", "values_to": ""}
        for key in ("names_to", "values_to"):
            if key not in given and len(given) < 2:
                message = "it is needed: the mapped column that takes the names or values."
                found.append(conflict("wide", key, message=message, code="E-PARAMS-MISSING"))
        return found


class Scale(Section):
    """The scale of a score, rating or sentiment."""

    low: Number
    """Lowest possible answer."""
    high: Number
    """Highest possible answer."""
    best: Literal["high", "low"] = "high"
    """Which end is the good one."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse a scale without length."""
        try:
            ordered = float(raw["low"]) < float(raw["high"])
        except (KeyError, TypeError, ValueError):
            return []
        message = f"{shown(raw['high'])} is not above low, {shown(raw['low'])}."
        fix = "Give the scale from low to high; best: low says that low is good."
        return [] if ordered else [conflict("high", message=message, fix=fix)]


class Source(Section):
    """One set of files or one database table, and how it becomes a table of the kit."""

    name: SourceName
    """Short name, used in messages and tables; each source has its own."""
    kind: Kind
    """Which table it becomes."""
    path: FilePath | None = None
    """File, folder or glob, from the folder that holds params/, else from the client file's own."""
    url: Address | None = None
    """Database address for SQLAlchemy, with ${NAME} where the password stands."""
    table: Text | None = None
    """Table of the database; with url, or with the path of an SQLite file."""
    query: Text | None = None
    """SQL query of the database, in place of table."""
    preset: Text = "none"
    """Known export whose columns are mapped already; the presets are listed below. What the source
    says itself comes first: names of columns, constants and compute one by one, keys of format and
    missing too; rules of keep are added."""
    columns: dict[Text, Mapped] = Field(default={})
    """Mapped name: the source's own column; a list of columns to join; or a position from 1."""
    constants: dict[Text, Value] = Field(default={})
    """Mapped name: a value that holds for every row."""
    compute: dict[Text, Text] = Field(default={})
    """Mapped name: arithmetic on the source's own columns."""
    keep: list[Text] = Field(default=[])
    """Conditions on the source's own columns; rows that fail one are counted and left out."""
    format: Format = Format()
    """How the file is written."""
    missing: dict[Text, list[Value]] = Field(default={})
    """Mapped name: values that mean "no answer"."""
    duplicates: Literal["keep", "drop"] = "keep"
    """What becomes of rows equal in every column; they are counted in both cases."""
    scale: Scale | None = None
    """Scale of the score, rating or sentiment."""

    def database_url(self) -> str:
        """Give the database address with its password, never to be shown; empty for files."""
        return "" if self.url is None else self.url.get_secret_value()

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse a source from nowhere or from two places, and a name mapped twice."""
        fault = preset_fault(raw)
        wrong = [] if fault is None else [conflict("preset", message=fault[0], fix=fault[1])]
        return [*wrong, *_place_faults(raw), *_twice(raw)]

    @model_validator(mode="before")
    @classmethod
    def _take_preset(cls, raw: Any) -> Any:
        return merge_preset(raw) if isinstance(raw, dict) else raw


def _place_faults(raw: dict[str, Any]) -> list[InitErrorDetails]:
    has = {key for key in ("path", "url", "table", "query") if raw.get(key) is not None}
    is_file = "path" in has and not str(raw["path"]).lower().endswith(DATABASE_FILES)
    asks = has & {"table", "query"}
    found: list[InitErrorDetails] = []
    if not has & {"path", "url"} and not _mistyped(raw, ("path", "url")):
        message = "it is needed: path for files, or url for a database."
        found.append(conflict("path", message=message, code="E-PARAMS-MISSING"))
    if has >= {"path", "url"}:
        message = "the source has a path and a url."
        found.append(conflict("url", message=message, fix="Remove one of them."))
    elif asks and is_file:
        message = "it belongs to a database, and the source is a file."
        found.append(conflict(min(asks), message=message, fix="Remove it, or write url."))
    if has and not asks and not is_file and not _mistyped(raw, ("table", "query")):
        message = "a database needs table or query beside it."
        key = "url" if "url" in has else "path"
        found.append(conflict(key, message=message, code="E-PARAMS-MISSING"))
    if has >= {"table", "query"}:
        message = "the source has a table and a query."
        found.append(conflict("query", message=message, fix="Remove one of them."))
    return found


def _twice(raw: dict[str, Any]) -> list[InitErrorDetails]:
    constants, columns = raw.get("constants"), raw.get("columns")
    if not isinstance(constants, dict) or not isinstance(columns, dict):
        return []
    names = [str(name) for name in constants if name in columns]
    message = "the same name is mapped in columns."
    return [conflict("constants", n, message=message, fix="Remove one of them.") for n in names]


def _mistyped(raw: dict[str, Any], keys: tuple[str, ...]) -> bool:
    """Tell whether one of the keys was probably meant by a key that does not exist."""
    unknown = [key for key in raw if key not in Source.model_fields]
    meant = {did_you_mean(str(key), Source.model_fields) for key in unknown}
    return any(f'Did you mean "{key}"?' in meant for key in keys)


class Feedback(Section):
    """What customers talk about in their comments."""

    themes: dict[Text, list[Text]] = Field(default={})
    """Name of a theme: words by which it is known, in any language; `*` stands for any letters at
    the end or the beginning of a word, several words are a phrase. They come beside the themes of
    the kit; one that is called like a theme of the kit replaces its words, and an empty list takes
    the theme out."""
    min_comments: Count = 30
    """Fewest comments of a theme that is reported."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse words that would be found nowhere, or nearly everywhere."""
        themes = raw.get("themes")
        found = []
        for name, words in themes.items() if isinstance(themes, dict) else ():
            for at, word in enumerate(words if isinstance(words, list) else ()):
                fault = _word_fault(word) if isinstance(word, str) else ""
                if fault:
                    found.append(conflict("themes", str(name), at, message=fault))
        return found


def _word_fault(word: str) -> str:
    if not any(sign.isalpha() for sign in word):
        return f"{shown(word)} holds no letter."
    if any("*" in part.strip("*") for part in word.split()):
        return f"{shown(word)} has a * inside a word; it stands at the beginning or the end."
    core = word.replace("*", "").strip()
    if "*" in word and core.isascii() and len(core) < 3:
        return f"{shown(word)} would be found nearly everywhere; write three letters or more."
    return ""
