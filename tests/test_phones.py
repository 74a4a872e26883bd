"""Phone numbers in E.164: whole columns as the library reads one number."""

import random
from zoneinfo import available_timezones

import pandas as pd
import phonenumbers
import pytest

from journeylib.phones import _ask, _fast_keys, country_of, normalise_phones

COUNTRIES = ["AR", "BR", "CA", "CH", "DE", "FR", "GB", "IL", "IT", "MX", "PT", "US"]


def one(text: str, country: str = "") -> tuple[str, str]:
    found = normalise_phones(pd.Series([text], dtype="str"), country=country)
    return found["key"].iloc[0], found["fault"].iloc[0]


def writings(country: str) -> list[str]:
    """Write numbers near the library's own examples in the ways of forms and exports."""
    rng, found = random.Random(7), set()
    for kind in range(11):
        example = phonenumbers.example_number_for_type(country, kind)
        own = phonenumbers.national_significant_number(example) if example else ""
        code = example.country_code if example else ""
        for _ in range(4 if own else 0):
            cut = rng.randint(1, 4)
            digits = "".join(rng.choice("0123456789") for _ in range(cut + rng.choice([0, 0, 1])))
            text = own[:-cut] + digits
            found |= {f"+{code} {text}", f"00{code}-{text}", f"+{code} (0){text}", text, f"0{text}"}
    return sorted(found)


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    "text",
    [
        "+49 30 12345678", "0049 30 12345678", "+49 (0)30 12345678", "030/12345678",
        "(030) 1234-5678", "tel:+49-30-12345678", "+493012345678", "４９ ３０ １２３４５６７８",
        "\u00a0030\u00a012345678 ",
    ],
)  # fmt: skip
def test_a_number_written_in_many_ways_is_one_number(text):
    assert one(text, "DE") == ("+493012345678", "")


def test_an_italian_number_keeps_its_zero():
    """ITU-T E.164 leaves it to each country; libphonenumber's own example for Italy."""
    assert one("02 1234 5678", "IT") == ("+390212345678", "")
    assert one("+39 02 1234 5678") == ("+390212345678", "")


def test_two_extensions_of_one_office_are_two_numbers():
    assert one("030 12345678 ext. 12", "DE") == ("+493012345678;ext=12", "")


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/Lisbon", "PT"), ("Atlantic/Azores", "PT"), ("Europe/Berlin", "DE"),
        ("America/New_York", "US"), ("US/Eastern", "US"), ("Asia/Calcutta", "IN"), ("UTC", ""),
        ("Etc/GMT+1", ""),
    ],
)  # fmt: skip
def test_a_time_zone_names_its_country(zone, country):
    assert country_of(zone) == country


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(
    ("text", "country", "fault"),
    [
        ("030 12345678", "", "no country"),
        ("123", "", "invalid"),
        ("123", "DE", "invalid"),
        ("+999 123456789", "", "invalid"),
        ("call me", "DE", "invalid"),
        ("0000000000", "DE", "placeholder"),
        ("1234567890", "DE", "placeholder"),
        ("+351 999 999 999", "", "placeholder"),
        ("+1 555 0100", "", "invalid"),
        ("4.91712E+11", "DE", "invalid"),
    ],
)
def test_what_is_nobodys_number_is_no_key(text, country, fault):
    assert one(text, country) == ("", fault)


# ------------------------------------------------------------------ property


@pytest.mark.parametrize("country", COUNTRIES)
def test_columns_are_read_as_the_library_reads_one_number(country):
    texts = writings(country)
    fast = _fast_keys(pd.Series(texts, dtype="str"), country)
    slow = [_ask(text, country)[0] for text in texts]
    assert [key or own for key, own in zip(fast, slow, strict=True)] == slow
    # where a number is dialled by many rules, each one is asked for
    assert (fast != "").any() or country == "AR"


def test_every_zone_names_a_country_that_numbers_are_known_of():
    found = {country_of(zone) for zone in sorted(available_timezones())[::7]} - {""}
    assert found <= phonenumbers.SUPPORTED_REGIONS | {"AQ", "TF", "UM", "PN", "GS"}
    assert len(found) > 20
