"""Ids into customers: shared keys join, keys of many do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import make_client, source

from journeylib.engine import open_connection
from journeylib.identity import normalise_key, resolve_identities
from journeylib.sources import read_sources


def resolve(folder, *tables: str, match_on=("customer_id", "email", "phone"), unmerge=()):
    """Read customer tables written as CSV and join them."""
    specs = []
    for index, text in enumerate(tables):
        (folder / f"t{index}.csv").write_text(text)
        specs.append(source(f"t{index}.csv", "customers") | {"name": f"t{index}"})
    con = open_connection(memory="1GB", scratch=folder)
    sources = read_sources(make_client(folder, *specs), con)
    found = resolve_identities(con, sources, match_on=match_on, unmerge=unmerge)
    return found, dict(found.customers.itertuples(index=False))


SHOP = "customer_id,email,phone\nw1,Jo@Example.com,\nw2,ann@example.com,0049 30 1234568\n"
TILL = "customer_id,email,phone\nt1,jo@example.COM,\nt2,,+49 (30) 123-4568\n"


# ------------------------------------------------------------------ golden


def test_equal_mail_and_phone_join_two_systems(tmp_path):
    found, customer = resolve(tmp_path, SHOP, TILL)
    assert customer["w1"] == customer["t1"] != customer["w2"] == customer["t2"]
    assert found.table["matched_share"].tolist() == [1, 1]
    assert found.table["customers"].tolist() == [2, 2]


def test_only_the_keys_asked_for_join(tmp_path):
    _, customer = resolve(tmp_path, SHOP, TILL, match_on=["customer_id", "email"])
    assert customer["w1"] == customer["t1"]
    assert customer["w2"] != customer["t2"]


def test_ids_can_be_kept_apart_by_hand(tmp_path):
    _, customer = resolve(tmp_path, SHOP, TILL, unmerge=["t1"])
    assert customer["t1"] != customer["w1"]


def test_two_records_of_one_system_are_not_one_person(tmp_path):
    found, customer = resolve(tmp_path, SHOP.replace("ann@", "jo@"), TILL)
    assert len(set(customer.values())) == 4
    assert found.conflicts["reason"].tolist() == ["two records of one system"]


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        ("email", "noreply@shop.example", ""),
        ("email", "none", ""),
        ("phone", "0000000000", ""),
        ("phone", "123", ""),
        ("phone", "(030) 555 0199", "0305550199"),
    ],
)
def test_a_key_that_is_nobodys_is_no_key(kind, value, key):
    assert normalise_key(kind, value) == key


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("sharing", "joined"), [(3, True), (4, False)])
def test_three_ids_may_share_a_mail_and_four_may_not(tmp_path, sharing, joined):
    tables = [f"customer_id,email\ns{at},till@shop.example\n" for at in range(sharing)]
    found, customer = resolve(tmp_path, *tables)
    assert (len(set(customer.values())) == 1) is joined
    assert len(found.conflicts) == (not joined)


# ------------------------------------------------------------------ property


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.randoms())
def test_the_order_of_rows_joins_nobody_else(tmp_path_factory, mails, chance):
    rows = [f"w{at},m{mail}@example.com" for at, mail in enumerate(mails)]
    mixed = chance.sample(rows, len(rows))
    first, second = (
        resolve(tmp_path_factory.mktemp("i"), "customer_id,email\n" + "\n".join(own) + "\n")[1]
        for own in (rows, mixed)
    )
    assert first == second


# ------------------------------------------------------------------ refusal


def test_a_source_without_ids_is_no_customer(tmp_path):
    (tmp_path / "m.csv").write_text("unit,time,value\na,2024,1\n")
    con = open_connection(memory="1GB", scratch=tmp_path)
    sources = read_sources(make_client(tmp_path, source("m.csv", "measurements")), con)
    found = resolve_identities(con, sources, match_on=["customer_id"])
    assert found.customers.empty
    assert found.table["customers"].tolist() == [0]
