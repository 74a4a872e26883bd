"""The graph of ids and keys: what joins, what is held apart, and that no order matters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.linkage import MOST_IDS_PER_CUSTOMER, Links, join_ids

KINDS = ("email", "phone", "card")


def link(*pairs, ids=None, systems=(), weak=(), spaces=1):
    """Link ids by keys such as ``"e1"``; the first letter is the kind: email, phone or card."""
    keys = sorted({key for _, key in pairs})
    known = {kind[0]: at for at, kind in enumerate(KINDS)}
    size = ids if ids is not None else 1 + max(one for one, _ in pairs)
    strong = ~np.isin(np.arange(size), weak)
    listed = sorted({(one, keys.index(key), known[key[0]]) for one, key in pairs})
    columns = [np.array([row[at] for row in listed], dtype=np.int64) for at in range(3)]
    records = tuple((name, np.array(own, dtype=np.int64)) for name, own in systems)
    return Links(size, strong, *columns, KINDS, records, spaces)


def groups(joined) -> set[frozenset[int]]:
    found = {}
    for one, customer in enumerate(joined.customer.tolist()):
        found.setdefault(customer, set()).add(one)
    return {frozenset(own) for own in found.values()}


# ------------------------------------------------------------------ golden


def test_a_chain_of_keys_joins_from_end_to_end():
    joined = join_ids(link((2, "e1"), (1, "e1"), (1, "p1"), (3, "p1"), ids=5))
    assert groups(joined) == {frozenset({1, 2, 3}), frozenset({0}), frozenset({4})}
    assert joined.customer.tolist() == [0, 1, 1, 1, 4]
    assert joined.customers == 3
    assert sorted(joined.sizes()) == [1, 1, 3]


def test_two_records_of_one_system_are_parted_along_the_weaker_link():
    """0 and 1 are CRM records with one e-mail; 2 has the phone of 0, 3 only the shared e-mail."""
    shared = [(0, "e1"), (1, "e1"), (2, "e1"), (3, "e1"), (0, "p1"), (2, "p1")]
    joined = join_ids(link(*shared, systems=[("crm", [0, 1])], weak=[3]))
    assert groups(joined) == {frozenset({0, 2}), frozenset({1}), frozenset({3})}
    assert joined.conflicts["reason"].tolist() == ["two records of one system"]
    assert joined.conflicts["ids"].tolist() == [4]
    assert joined.members["id"].tolist() == [0, 1, 2, 3]


def test_an_own_card_says_more_than_a_shared_phone():
    """2 has the phone of record 0 and the card of record 1."""
    links = link((0, "p1"), (2, "p1"), (1, "c1"), (2, "c1"), systems=[("crm", [0, 1])])
    assert groups(join_ids(links)) == {frozenset({0}), frozenset({1, 2})}


def test_an_id_that_speaks_for_two_records_stays_alone():
    links = link((0, "e1"), (2, "e1"), (1, "e2"), (2, "e2"), systems=[("crm", [0, 1])])
    assert groups(join_ids(links)) == {frozenset({0}), frozenset({1}), frozenset({2})}


def test_a_record_follows_the_one_it_is_attached_through():
    """3 shares nothing with a record itself, but a phone with 2, which has the card of 0."""
    pairs = [(0, "c1"), (2, "c1"), (2, "p1"), (3, "p1"), (3, "e1"), (1, "e2"), (2, "e2")]
    joined = join_ids(link(*pairs, (3, "e2"), systems=[("crm", [0, 1])]))
    assert groups(joined) == {frozenset({0, 2, 3}), frozenset({1})}


def test_those_left_over_still_join_each_other_by_keys_of_their_own():
    pairs = [(0, "e1"), (1, "e1"), (2, "e1"), (3, "e1"), (2, "p1"), (3, "p1")]
    joined = join_ids(link(*pairs, systems=[("crm", [0, 1])], weak=[3]))
    assert groups(joined) == {frozenset({0}), frozenset({1}), frozenset({2, 3})}


def test_doubled_records_are_one_customer_where_that_is_allowed():
    links = link((0, "e1"), (1, "e1"), systems=[("crm", [0, 1])])
    assert join_ids(links).customers == 2
    assert join_ids(links, allow_merge=True).customers == 1
    assert join_ids(links, guarded=False).customers == 1


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("key", "most"), [("e1", 3), ("p1", 4), ("c1", 5)])
def test_so_many_ids_may_share_a_key_and_no_more(key, most):
    kept = join_ids(link(*((one, key) for one in range(most))))
    crowded = join_ids(link(*((one, key) for one in range(most + 1))))
    assert (kept.customers, len(kept.conflicts)) == (1, 0)
    assert (crowded.customers, len(crowded.conflicts)) == (most + 1, 1)
    assert crowded.conflicts.to_dict("records") == [
        {
            "key": {"e": "email", "p": "phone", "c": "card"}[key[0]],
            "reason": "shared by too many ids",
            "system": "",
            "ids": most + 1,
        }
    ]


def test_only_ids_that_a_system_gave_count_towards_the_limit():
    pairs = [(one, "e1") for one in range(6)]
    assert join_ids(link(*pairs, weak=[3, 4, 5])).customers == 1
    assert join_ids(link(*pairs, weak=[4, 5])).customers == 6


def test_where_ids_are_private_one_person_may_have_one_in_each_source():
    pairs = [(one, "e1") for one in range(5)]
    assert join_ids(link(*pairs, spaces=5)).customers == 1
    assert join_ids(link(*pairs, spaces=4)).customers == 5


@pytest.mark.parametrize(("size", "customers"), [(MOST_IDS_PER_CUSTOMER, 1), (21, 21)])
def test_a_chain_of_many_is_no_person(size, customers):
    pairs = [(one + step, f"e{one:02d}") for one in range(size - 1) for step in (0, 1)]
    joined = join_ids(link(*pairs))
    assert joined.customers == customers
    assert joined.conflicts["reason"].tolist() == ["a chain of more than 20 ids"][: customers > 1]


def test_a_chain_of_cards_stands_as_a_card_is_nobody_elses():
    pairs = [(one + step, f"c{one:02d}") for one in range(25) for step in (0, 1)]
    pairs += [(0, "e1"), (26, "e1")]
    joined = join_ids(link(*pairs))
    assert sorted(joined.sizes()) == [1, 26]


def test_no_ids_and_no_keys_are_no_customers():
    assert join_ids(link(ids=0)).customers == 0
    assert join_ids(link(ids=2)).customers == 2


# ------------------------------------------------------------------ property

PAIRS = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(["e1", "e2", "e3", "p1", "p2", "c1", "c2"])),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_no_customer_holds_two_records_of_one_system(pairs, first, second):
    systems = [("crm", sorted(first)), ("shop", sorted(second))]
    joined = join_ids(link(*pairs, ids=12, systems=systems))
    for records in (first, second):
        assert all(len(own & records) <= 1 for own in groups(joined))
    assert (joined.customer <= np.arange(12)).all()
    assert (joined.customer[joined.customer] == joined.customer).all()


@settings(max_examples=100, deadline=None)
@given(PAIRS, st.sets(st.integers(0, 11)), st.permutations(range(12)))
def test_other_codes_for_the_same_ids_join_the_same_ids(pairs, records, order):
    usual = join_ids(link(*pairs, ids=12, systems=[("crm", sorted(records))]))
    moved = [(order[one], key) for one, key in pairs]
    turned = [("crm", sorted(order[one] for one in records))]
    found = join_ids(link(*moved, ids=12, systems=turned))
    assert groups(found) == {frozenset(order[one] for one in own) for own in groups(usual)}


@settings(max_examples=100, deadline=None)
@given(PAIRS, st.sets(st.integers(0, 11)))
def test_guards_only_ever_part(pairs, records):
    links = link(*pairs, ids=12, systems=[("crm", sorted(records))])
    loose, strict = groups(join_ids(links, guarded=False)), groups(join_ids(links))
    assert all(any(own <= whole for whole in loose) for own in strict)
