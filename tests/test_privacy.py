"""Pseudonyms, redaction and small cells."""

import hashlib
import hmac

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.privacy import (
    SAMPLE_SECRET,
    name_pattern,
    pseudonyms,
    read_secret,
    redact,
    redact_all,
    suppress_small,
)

# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    "personal",
    [
        "jane.doe+x@example.co.uk",
        "+49 30 1234567",
        "(030) 123-4567",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "QQ 12 34 56 C",
        "203.0.113.9",
        "https://example.com/a?b=1",
        "sk_live_000000000000000000000000",
    ],
)
def test_personal_details_do_not_survive(personal):
    told = redact(f"Please note {personal} here")
    assert personal not in told
    assert told.startswith("Please note [")
    assert told.endswith("] here")


def test_a_pseudonym_is_a_keyed_hash():
    """RFC 2104: HMAC-SHA-256, cut to 64 bits."""
    expected = hmac.new(b"key", b"c1", hashlib.sha256).hexdigest()[:16]
    assert pseudonyms(["c1"], b"key") == [expected]


def test_full_names_are_removed_and_single_words_are_not():
    names = name_pattern(["Ann Lee", "Grace", "Jo Ann Lee"])
    texts = pd.Series(["Thanks to jo ann lee, grace itself", None])
    assert redact_all(texts, names=names).tolist()[0] == "Thanks to [name], grace itself"
    assert redact_all(texts, names=names).isna().tolist() == [False, True]
    assert name_pattern(["Grace"]) is None


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize("kept", ["in 2024 we paid 1,250.00", "room 12 of 345", "5/5 stars, 10-12"])
def test_ordinary_numbers_stay(kept):
    assert redact(kept) == kept


def test_a_cell_of_the_limit_is_shown_and_one_below_is_not():
    table = pd.DataFrame({"rank": [1, 2, 3], "n": [10, 9, 0], "value": [0.5, 0.6, 0.7]})
    shown = suppress_small(table, ["n", "absent"], min_cell=10)
    assert shown["n"].isna().tolist() == [False, True, False]
    assert shown["value"].isna().tolist() == [False, True, False]
    assert shown["rank"].tolist() == [1, 2, 3]
    assert suppress_small(table, ["absent"], min_cell=10) is table


# ------------------------------------------------------------------ property


@given(st.lists(st.text(min_size=1), min_size=2, unique=True))
def test_different_ids_have_different_pseudonyms_and_other_keys_give_others(ids):
    first = pseudonyms(ids, b"a")
    assert len(set(first)) == len(ids)
    assert first == pseudonyms(ids, b"a") != pseudonyms(ids, b"b")


@given(st.text(max_size=60))
def test_redacting_twice_changes_nothing_more(text):
    once = redact(text)
    assert redact(once) == once


# ------------------------------------------------------------------ refusal


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("JOURNEY_SECRET", raising=False)
    made = read_secret(tmp_path, "acme")
    assert read_secret(tmp_path, "acme") == made != read_secret(tmp_path, "other")
    assert (tmp_path / ".secrets" / "acme").stat().st_mode & 0o077 == 0
    assert read_secret(tmp_path, "brightdesk") == SAMPLE_SECRET
    monkeypatch.setenv("JOURNEY_SECRET", "given")
    assert read_secret(tmp_path, "acme") == b"given"
