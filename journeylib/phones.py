"""Phone numbers into E.164, and the country whose rules hold for a number without ``+``.

Google's libphonenumber decides. What it would say is read from its own patterns for whole columns
at once, and it is asked number by number for the rest. Not for other keys (`keys`).
"""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_COUNTRY, INVALID, PLACEHOLDER = "no country", "invalid", "placeholder"
_KINDS = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail", "fixed_line", "mobile",
)  # fmt: skip
# One digit over and over, or the digits in order: typed to get past a required field.
_TYPED_THROUGH = "1234567|" + "|".join(f"{digit}+$" for digit in range(10))
_PLAIN = r"\+?\(?[0-9][0-9 ()./\-\u00a0]*"
_SHORTEST_FAST = 8


@cache
def country_of(timezone: str) -> str:
    """Name the country that a time zone lies in.

    Args:
        timezone: Name of a zone, such as ``Europe/Lisbon``; older names for it are known too.

    Returns:
        ISO 3166 code of two letters, or an empty text for zones such as UTC.

    References:
        The tables ``zone.tab`` and ``tzdata.zi`` of the IANA time zone database.

    Example:
        >>> country_of("Europe/Lisbon"), country_of("UTC")
        ('PT', '')
    """
    rows = [line.split("\t") for line in _zone_lines("zone.tab") if not line.startswith("#")]
    country = {row[2].strip(): row[0] for row in rows if len(row) > 2}
    if timezone in country:
        return country[timezone]
    links = [line.split() for line in _zone_lines("tzdata.zi") if line.startswith("L ")]
    known = next((link[1] for link in links if link[2:] == [timezone]), "")
    return country.get(known, "")


def _zone_lines(name: str) -> list[str]:
    """Read a table that lies beside the zones: the system's, else that of the package tzdata."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / name
        if path.is_file():
            return path.read_text(encoding="utf-8").splitlines()
    try:
        packaged = resources.files("tzdata").joinpath("zoneinfo", name)
        return packaged.read_text(encoding="utf-8").splitlines()
    except (ModuleNotFoundError, FileNotFoundError):
        return []


def known_countries() -> frozenset[str]:
    """Give the codes of the countries whose numbers can be read."""
    import phonenumbers

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def normalise_phones(values: pd.Series, *, country: str = "") -> pd.DataFrame:
    """Write phone numbers in E.164.

    Args:
        values: Distinct texts.
        country: ISO 3166 code of the country for numbers without ``+`` or ``00``; empty for none.

    Returns:
        Columns ``key`` (empty where it is no usable key; an extension stays as ``;ext=``) and
        ``fault`` (``no country``, ``invalid``, ``placeholder`` or empty), indexed as the values.
    """
    texts = values.astype("str")
    keys = _fast_keys(texts, country)
    slow = keys == ""
    asked = [_ask(text, country) for text in texts[slow]]
    faults = np.full(len(texts), "", dtype=object)
    keys[slow], faults[slow] = [key for key, _ in asked], [fault for _, fault in asked]
    return pd.DataFrame({"key": keys, "fault": faults}, index=values.index)


def _ask(text: str, country: str) -> tuple[str, str]:
    """Ask the library about one number."""
    import phonenumbers as library

    text = re.sub(r"^\s*(tel:)?\s*00", "+", text) if _written_abroad(text) else text
    try:
        number = library.parse(text, country or None)
    except library.NumberParseException as refused:
        digits = len(re.sub(r"\D", "", text))
        at_home = refused.error_type == library.NumberParseException.INVALID_COUNTRY_CODE
        at_home &= not country and "+" not in text
        return "", NO_COUNTRY if at_home and 7 <= digits <= 15 else INVALID
    if re.match(_TYPED_THROUGH, library.national_significant_number(number)):
        return "", PLACEHOLDER
    if not library.is_valid_number(number):
        return "", INVALID
    key = library.format_number(number, library.PhoneNumberFormat.E164)
    return f"{key};ext={number.extension}" if number.extension else key, ""


def _written_abroad(text: str) -> bool:
    """Tell whether 00 stands for ``+``; the library knows that in some countries only."""
    return re.match(r"\s*(tel:)?\s*00[1-9]", text) is not None


# ------------------------------------------------------------------ whole columns at once


def _fast_keys(texts: pd.Series, country: str) -> np.ndarray:
    """Give the keys of those numbers that leave nothing to ask; the rest stay empty."""
    plain = texts.str.strip().str.fullmatch(_PLAIN)
    signs = texts.where(plain, "").str.replace(r"[^0-9+]", "", regex=True)
    signs = signs.str.replace(r"^00([1-9])", r"+\1", regex=True)
    keys = np.full(len(texts), "", dtype=object)
    whole = (signs.str.len() >= _SHORTEST_FAST).to_numpy(bool)
    abroad = whole & signs.str.startswith("+").to_numpy(bool)
    for code in _codes_in(signs[abroad]):
        mine = abroad & signs.str.startswith(f"+{code}").to_numpy(bool)
        national = signs[mine].str[len(code) + 1 :]
        for rules in _rules_of(code):
            _accept(keys, mine, national, rules)
            # the library strips by the rules of the main country of a calling code
            mine, national = _unbegun(mine, national, rules)
    home = whole & ~signs.str.startswith("+").to_numpy(bool)
    rules = _rules(country) if country in known_countries() else None
    if rules is not None and not rules.leading_digits:
        # what begins as a call abroad has two readings
        home &= ~_matches(rules.international_prefix, signs)
        _accept(keys, home, signs[home], rules)
    return keys


def _codes_in(signs: pd.Series) -> list[str]:
    """Find the calling codes of international numbers; no code begins another one."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as REGIONS

    begun = {start for size in (1, 2, 3) for start in signs.str[1 : size + 1].unique()}
    return sorted(code for code in begun if code.isdigit() and int(code) in REGIONS)


def _rules_of(code: str) -> Iterator[Any]:
    """Give the rules of the countries that have a calling code, the main one first."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as REGIONS

    for region in REGIONS[int(code)]:
        rules = _rules(region)
        if rules is not None and rules.leading_digits is None:
            yield rules


def _accept(keys: np.ndarray, mine: np.ndarray, signs: pd.Series, rules: Any) -> None:
    """Take the numbers that are valid in a country, after the sign that is dialled before them.

    A number that is valid with that sign and without it has two readings; the library chooses.
    """
    prefix = rules.national_prefix or ""
    if rules.national_prefix_for_parsing not in (None, prefix):
        bare, begins = signs, _matches(rules.national_prefix_for_parsing, signs)
        fits = ~begins & _valid_in(rules, signs)
    else:
        begins = signs.str.startswith(prefix).to_numpy(bool) & bool(prefix)
        bare = signs.where(~begins, signs.str[len(prefix) :])
        fits = _valid_in(rules, bare) & ~(begins & _valid_in(rules, signs))
    fits &= ~bare.str.match(_TYPED_THROUGH).to_numpy(bool)
    keys[np.flatnonzero(mine)[fits]] = f"+{rules.country_code}" + bare[fits].to_numpy(object)


def _unbegun(mine: np.ndarray, national: pd.Series, rules: Any) -> tuple[np.ndarray, pd.Series]:
    """Leave out numbers that begin with the sign that is dialled before them."""
    kept = ~_matches(rules.national_prefix_for_parsing, national)
    left = mine.copy()
    left[mine] = kept
    return left, national[kept]


@cache
def _rules(region: str) -> Any:
    from phonenumbers import PhoneMetadata

    return PhoneMetadata.metadata_for_region(region, None)


def _matches(prefix: str | None, signs: pd.Series) -> np.ndarray:
    if not prefix:
        return np.zeros(len(signs), dtype=bool)
    return signs.str.match(f"(?:{prefix})").to_numpy(bool)


def _valid_in(rules: Any, national: pd.Series) -> np.ndarray:
    """Tell which numbers are of a known type, as the library's own check does."""
    fits = np.zeros(len(national), dtype=bool)
    lengths = national.str.len()
    for kind in _patterns(rules):
        sized = lengths.isin(kind.possible_length) if kind.possible_length else True
        fits |= (national.str.fullmatch(kind.national_number_pattern) & sized).to_numpy(bool)
    general = rules.general_desc
    fits &= lengths.isin(general.possible_length).to_numpy(bool)
    return fits & national.str.fullmatch(general.national_number_pattern).to_numpy(bool)


def _patterns(rules: Any) -> Iterator[Any]:
    for name in _KINDS:
        kind = getattr(rules, name)
        if kind is not None and kind.national_number_pattern:
            yield kind
