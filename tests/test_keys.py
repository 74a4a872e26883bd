"""Keys in one spelling: what is equal becomes equal, what is nobody's becomes nothing."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.keys import hash_keys, normalise_key, normalise_keys, order_kinds

# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    "text",
    [
        "jo.doe@example.com", " Jo.Doe@Example.COM ", "jo . doe @ example.com",
        "jo.doe@example.com;",
        "mailto:Jo.Doe@example.com?subject=hello", "Jo Doe <jo.doe@example.com>",
        '"Doe, Jo" <JO.DOE@example.com>', "<jo.doe@example.com>", "ｊｏ.ｄｏｅ@example.com",
        "jo.doe@\u200bexample.com", "'jo.doe@example.com'", "Jo <mailto:jo.doe@example.com>",
    ],
)  # fmt: skip
def test_an_address_written_in_many_ways_is_one_address(text):
    assert normalise_key("email", text) == "jo.doe@example.com"


def test_case_is_folded_as_unicode_folds_it():
    """Unicode 16, CaseFolding.txt: ß folds to ss."""
    assert normalise_key("email", "STRAßE@example.de") == normalise_key(
        "email", "strasse@example.de"
    )


def test_ids_keep_their_zeros_and_their_case():
    assert normalise_key("loyalty_no", " 00123\t") == "00123"
    assert normalise_key("loyalty_no", "ab") != normalise_key("loyalty_no", "AB")
    assert normalise_key("loyalty_no", "Zoe\u0308") == "Zo\u00eb"


def test_a_digest_is_a_key_in_any_case():
    digest = hashlib.sha256(b"jo@example.com").hexdigest()
    assert normalise_key("email", digest.upper()) == normalise_key("phone", digest) == digest
    assert hash_keys(pd.Series(["jo@example.com"])).tolist() == [digest]


def test_an_address_stands_for_an_id_before_a_phone_and_both_before_others():
    kinds = ["device_id", "phone", "customer_id", "card_no", "email"]
    assert order_kinds(kinds) == ["email", "phone", "card_no", "device_id"]


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("email", "noreply@shop.example", "placeholder"),
        ("email", "No-Reply@shop.example", "placeholder"),
        ("email", "test@shop.example", "placeholder"),
        ("email", "info@shop.example", "placeholder"),
        ("email", "tester@shop.example", ""),
        ("email", "information@shop.example", ""),
        ("email", "none", "invalid"),
        ("email", "", "invalid"),
        ("email", "yes", "invalid"),
        ("email", "jo@example", "invalid"),
        ("email", "a@x.example;b@x.example", "invalid"),
        ("email", "a" * 63, "invalid"),
        ("loyalty_no", "000", "placeholder"),
        ("loyalty_no", "0010", ""),
        ("loyalty_no", "N/A", "placeholder"),
    ],
)
def test_what_is_nobodys_is_no_key_and_says_why(kind, text, fault):
    found = normalise_keys(kind, pd.Series([text], dtype="str"))
    assert found["fault"].tolist() == [fault]
    assert (found["key"].iloc[0] == "") is bool(fault)


# ------------------------------------------------------------------ property


@given(st.lists(st.emails(), min_size=1, max_size=5), st.randoms())
def test_blanks_and_case_make_no_other_address(mails, chance):
    typed = [
        "".join(chance.choice([sign.upper(), sign.lower()]) for sign in mail).replace("@", " @ ")
        for mail in mails
    ]
    usual = [normalise_key("email", mail) for mail in mails]
    assert [normalise_key("email", mail) for mail in typed] == usual


@given(st.sampled_from(["email", "phone", "card"]), st.lists(st.text(max_size=30), max_size=6))
def test_a_key_is_its_own_normal_form(kind, texts):
    found = normalise_keys(kind, pd.Series(texts, dtype="str"), country="DE")
    keys = found.loc[found["key"] != "", "key"]
    assert normalise_keys(kind, keys, country="DE")["key"].tolist() == keys.tolist()
    assert ((found["key"] == "") == (found["fault"] != "")).all()
