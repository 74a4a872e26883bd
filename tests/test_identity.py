"""Ids into customers: shared keys join, keys of many do not, and no key is left behind."""

import hashlib
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_people import pairwise, plant_people
from reading import make_client, source

from journeylib.checkup import check_client
from journeylib.collect import collect
from journeylib.engine import open_connection
from journeylib.errors import ParamsError
from journeylib.identity import Facts, resolve_identities
from journeylib.privacy import pseudonyms
from journeylib.raw import table_columns
from journeylib.sources import read_sources

MATCH_ON = ("customer_id", "email", "phone")


def resolve(folder, *tables: str | tuple[str, str, str], match_on=MATCH_ON, **keys):
    """Read tables written as CSV, customers unless named ``(name, kind, text)``, and join them."""
    specs = []
    for index, table in enumerate(tables):
        name, kind, text = (f"t{index}", "customers", table) if isinstance(table, str) else table
        (folder / f"{name}.csv").write_text(text)
        specs.append(source(f"{name}.csv", kind) | {"name": name})
    con = open_connection(memory="1GB", scratch=folder)
    sources = read_sources(make_client(folder, *specs), con)
    found = resolve_identities(con, sources, match_on=match_on, **{"country": "DE", **keys})
    return found, dict(found.customers.itertuples(index=False)), (con, sources)


def codes(found) -> set[str]:
    return {note.code for note in found.notes}


def tickets(*rows: str, columns="customer_id,email,phone") -> str:
    return (
        "\n".join([f"timestamp,{columns}", *(f"2024-03-01T10:00:00Z,{row}" for row in rows)]) + "\n"
    )


SHOP = "customer_id,email,phone\nw1,Jo@Example.com,\nw2,ann@example.com,0049 30 12345678\n"
TILL = "customer_id,email,phone\nt1,jo@example.COM,\nt2,,(030) 1234-5678\n"


# ------------------------------------------------------------------ golden


def test_equal_mail_and_phone_join_two_systems(tmp_path):
    found, customer, _ = resolve(tmp_path, SHOP, TILL)
    assert customer["w1"] == customer["t1"] != customer["w2"] == customer["t2"]
    assert found.table["matched_share"].tolist() == [1, 1]
    assert found.table["customers"].tolist() == [2, 2]
    assert found.facts == Facts(4, 2, shared=2, largest=2, p99=2, ids_only=4, unguarded=2)


def test_only_the_keys_asked_for_join(tmp_path):
    _, customer, _ = resolve(tmp_path, SHOP, TILL, match_on=["customer_id", "email"])
    assert customer["w1"] == customer["t1"]
    assert customer["w2"] != customer["t2"]


def test_another_column_of_ids_joins_where_it_is_named(tmp_path):
    shop = "customer_id,loyalty_no\nw1,00123\nw2,77\n"
    till = "customer_id,loyalty_no\nt1,00123\nt2,123\nt3,0077\n"
    found, customer, _ = resolve(tmp_path, shop, till, match_on=["customer_id", "loyalty_no"])
    assert customer["w1"] == customer["t1"]
    assert len(set(customer.values())) == 4
    found, _, _ = resolve(tmp_path, shop, till)
    assert found.facts.customers == 5


def test_whole_numbers_and_texts_of_one_key_are_equal(tmp_path):
    shop, till = "customer_id,card\nw1,77\nw2,78\n", "customer_id,card\nt1,77\nt2,x1\n"
    _, customer, _ = resolve(tmp_path, shop, till, match_on=["customer_id", "card"])
    assert customer["w1"] == customer["t1"]


def test_ids_are_each_sources_own_where_customer_id_does_not_match(tmp_path):
    first = "customer_id,email\n001,jo@example.com\n002,ann@example.com\n"
    second = "customer_id,email\n001,ann@example.com\n003,jo@example.com\n"
    _, customer, (con, sources) = resolve(tmp_path, first, second, match_on=["email"])
    assert customer["t0:001"] == customer["t1:003"] != customer["t0:002"] == customer["t1:001"]
    assert sources[0].frame(con)["customer_id"].tolist() == ["t0:001", "t0:002"]
    _, shared, _ = resolve(tmp_path, first, second, match_on=["customer_id"])
    assert sorted(shared) == ["001", "002", "003"]


def test_a_source_without_ids_is_joined_by_its_keys(tmp_path):
    crm = "customer_id,email,phone\nc1,jo@example.com,\nc2,,+49 30 12345678\n"
    rows = [
        "JO@example.com ,",
        ",030/12345678",
        "new@example.com,",
        "noreply@shop.example,",
        "n/a,12",
    ]
    orders = tickets(*rows, columns="email,phone")
    found, customer, (con, sources) = resolve(tmp_path, crm, ("shop", "tickets", orders))
    assert customer["email:jo@example.com"] == "c1"
    assert customer["phone:+493012345678"] == "c2"
    assert customer["email:new@example.com"] == "email:new@example.com"
    assert len(customer) == 5
    shop = sources[1]
    assert shop.drops == {"no usable key": 2}
    assert found.table.set_index("source").loc["shop", "records"] == 3
    assert len(shop.frame(con)) == 3
    assert "N-ID-FROM-KEY" in {note.code for note in shop.notes}
    assert codes(found) >= {"N-ROWS-EXCLUDED", "N-KEY-PLACEHOLDER", "N-KEY-INVALID"}


def test_a_row_without_id_takes_its_address(tmp_path):
    said = "wave,score,metric,customer_id,email\n" + "".join(
        f"w,9,nps,{own}\n" for own in ("c1,", ",Jo@example.com", ",", ",no")
    )
    crm = "customer_id,email\nc1,\nc2,jo@example.com\n"
    _, customer, (con, sources) = resolve(tmp_path, crm, ("nps", "surveys", said))
    assert customer["email:jo@example.com"] == "c2"
    told = sources[1].frame(con)["customer_id"]
    assert told.fillna("").tolist() == ["c1", "email:jo@example.com", "", ""]
    assert sources[1].drops == {}


def test_an_id_that_is_an_address_joins_as_one(tmp_path):
    found, customer, _ = resolve(
        tmp_path, "customer_id\nJo@Example.com\nann\n", "customer_id,email\nt1,jo@example.com\n"
    )
    assert customer["t1"] == customer["Jo@Example.com"]
    assert found.facts.customers == 2


def test_digests_without_salt_join_the_addresses_they_were_made_of(tmp_path):
    digest = hashlib.sha256(b"jo@example.com").hexdigest()
    ads = tickets(digest.upper(), columns="email")
    _, customer, _ = resolve(tmp_path, SHOP, ("ads", "tickets", ads))
    assert customer["email:jo@example.com"] == "w1"


def test_two_records_of_one_system_are_parted_along_their_weakest_link(tmp_path):
    found, customer, _ = resolve(tmp_path, SHOP.replace("ann@", "jo@"), TILL)
    assert customer["w2"] == customer["t2"]
    assert len({customer["w1"], customer["w2"], customer["t1"]}) == 3
    assert found.conflicts["reason"].tolist() == ["two records of one system"]
    assert found.table["conflicts"].tolist() == [1, 1]
    merged, _, _ = resolve(tmp_path, SHOP.replace("ann@", "jo@"), TILL, allow_merge=True)
    assert merged.facts.customers == 1


def test_conflicts_count_for_the_sources_they_concern(tmp_path):
    third = "customer_id,email\nx1,other@example.com\n"
    found, _, _ = resolve(tmp_path, SHOP.replace("ann@", "jo@"), TILL, third)
    assert found.table["conflicts"].tolist() == [1, 1, 0]
    assert found.conflicts["sources"].tolist() == ["t0, t1"]


def test_stricter_keys_leave_more_customers(tmp_path):
    many = [f"customer_id,email\ns{at},till@shop.example\n" for at in range(4)]
    found, _, _ = resolve(tmp_path, SHOP, TILL, *many)
    told = found.sensitivity.set_index("keys")
    assert told["customers"].to_dict() == {
        "ids only": 8, "ids and email": 7, "ids and phone": 7, "all keys": 6,
        "all keys, unguarded": 3,
    }  # fmt: skip
    assert told.loc["all keys, unguarded", "largest"] == 4
    assert told.loc["ids only", "difference"] == pytest.approx(8 / 6 - 1)
    assert found.keys.to_dict("records") == [
        {"key": "email", "values": 3, "ids": 7, "joined": 2},
        {"key": "phone", "values": 1, "ids": 2, "joined": 2},
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_people_are_found_again(tmp_path, seed):
    """The targets of the kit's methods: precision 0.99 and 0.97 of the pairs that keys connect."""
    systems = plant_people(3_000, seed=seed)
    columns = ["customer_id", "email", "phone"]
    tables = [
        (name, "customers", own[columns].to_csv(index=False)) for name, own in systems.items()
    ]
    found, customer, _ = resolve(tmp_path, *tables)
    records = pd.concat(systems.values())
    records["customer"] = records["customer_id"].map(customer)
    precision, recall = pairwise(records)
    assert precision >= 0.99
    assert recall >= 0.97
    assert (found.facts.largest, found.facts.p99) == (3, 3)
    naive = resolve(tmp_path, *tables)[0].sensitivity.set_index("keys")
    assert naive.loc["all keys, unguarded", "largest"] > 30


# ------------------------------------------------------------------ unmerging


def test_ids_can_be_kept_apart_by_hand(tmp_path):
    _, customer, _ = resolve(tmp_path, SHOP, TILL, unmerge=["t1"])
    assert customer["t1"] != customer["w1"]
    assert customer["t2"] == customer["w2"]


@pytest.mark.parametrize(
    "value", ["JO@example.com", "mailto:jo@example.com", "email:jo@example.com"]
)
def test_an_address_can_be_taken_from_everybody(tmp_path, value):
    orders = tickets("jo@example.com,", ",030 12345678", columns="email,phone")
    found, customer, (_, sources) = resolve(
        tmp_path, SHOP, TILL, ("shop", "tickets", orders), unmerge=[value]
    )
    assert customer["w1"] != customer["t1"]
    assert customer["w2"] == customer["t2"] == customer["phone:+493012345678"]
    assert "email:jo@example.com" not in customer
    assert sources[2].drops == {"no usable key": 1}
    assert "N-KEY-UNMERGED" in codes(found)


def test_a_number_can_be_taken_from_everybody_in_any_spelling(tmp_path):
    _, customer, _ = resolve(tmp_path, SHOP, TILL, unmerge=["+49 (0)30 12345678"])
    assert customer["w2"] != customer["t2"]
    assert customer["w1"] == customer["t1"]


def test_what_is_unmerged_but_unknown_is_noted_without_being_shown(tmp_path):
    found, _, _ = resolve(tmp_path, SHOP, TILL, unmerge=["t1", "gone@example.com", "t9"])
    (note,) = [one for one in found.notes if one.code == "N-UNMERGE-UNKNOWN"]
    assert note.rows == 2
    assert "gone" not in note.message


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("sharing", "joined"), [(3, True), (4, False)])
def test_three_ids_may_share_a_mail_and_four_may_not(tmp_path, sharing, joined):
    tables = [f"customer_id,email\ns{at},till@shop.example\n" for at in range(sharing)]
    found, customer, _ = resolve(tmp_path, *tables)
    assert (len(set(customer.values())) == 1) is joined
    assert len(found.conflicts) == (not joined)


def test_national_numbers_need_a_country(tmp_path):
    tables = (SHOP.replace("0049 ", "0"), TILL)
    assert resolve(tmp_path, *tables)[0].facts.customers == 2
    found, _, _ = resolve(tmp_path, *tables, country="")
    assert found.facts.customers == 3
    assert {(note.file, note.rows) for note in found.notes if note.code == "N-KEY-COUNTRY"} == {
        ("t0", 1), ("t1", 1),
    }  # fmt: skip


def test_a_column_of_yes_and_no_is_no_address(tmp_path):
    events = "timestamp,customer_id,touchpoint,email\n2024-01-01T10:00:00Z,a,visit,yes\n"
    _, customer, (con, sources) = resolve(tmp_path, ("web", "events", events))
    assert customer == {"a": "a"}
    assert sources[0].frame(con)["email (source)"].tolist() == ["yes"]


def test_rows_that_are_cases_of_their_own_join_nobody(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("wave,score,metric,email\nw,9,nps,jo@example.com\n")
    specs = [
        source(f"{name}.csv", "surveys", columns={"customer_id": "row"}) | {"name": name}
        for name in ("one", "two")
    ]
    con = open_connection(memory="1GB", scratch=tmp_path)
    sources = read_sources(make_client(tmp_path, *specs), con)
    found = resolve_identities(con, sources, match_on=MATCH_ON)
    assert found.customers["customer"].tolist() == ["one:row 1-1", "two:row 1-1"]
    assert "email" not in sources[0].frame(con)


@pytest.mark.parametrize(("shared", "noted"), [(10, True), (9, False)])
def test_equal_ids_of_different_people_are_noted(tmp_path, shared, noted):
    first, second = (
        "customer_id,email\n" + "".join(f"{at},{name}{at}@example.com\n" for at in range(shared))
        for name in "ab"
    )
    assert ("N-ID-CONTRADICTED" in codes(resolve(tmp_path, first, second)[0])) is noted
    assert "N-ID-CONTRADICTED" not in codes(resolve(tmp_path, first, first)[0])


@pytest.mark.parametrize(("salt", "noted"), [("pepper", True), ("", False)])
def test_digests_of_different_salts_are_noted(tmp_path, salt, noted):
    def digests(name: str, salt: str) -> str:
        made = [hashlib.sha256(f"{salt}{at}@example.com".encode()).hexdigest() for at in range(12)]
        return "customer_id,email\n" + "".join(f"{name}{at},{one}\n" for at, one in enumerate(made))

    found, _, _ = resolve(tmp_path, digests("a", ""), digests("b", salt))
    assert ("N-KEY-HASHED" in codes(found)) is noted
    assert found.facts.customers == (24 if noted else 12)


def test_a_key_that_no_source_has_is_noted_where_it_was_asked_for(tmp_path):
    plain = "customer_id,segment\nw1,x\n"
    assert codes(resolve(tmp_path, plain)[0]) == set()
    found, _, _ = resolve(tmp_path, plain, match_on=["customer_id", "email", "card"])
    assert [note.column for note in found.notes if note.code == "N-KEY-ABSENT"] == ["email", "card"]


# ------------------------------------------------------------------ property


def write_rows(rows) -> str:
    return "customer_id,email,phone\n" + "".join(
        f"{who},{mail},{call}\n" for who, mail, call in rows
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["01", "1", "a2", "b3", "c4", "d5", ""]),
        st.sampled_from(
            ["", "jo@x.example", "ANN@x.example", "ann@x.example", "noreply@x.example"]
        ),
        st.sampled_from(["", "030 12345678", "+493012345678", "030 87654321", "12"]),
    ).filter(any),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(ROWS, min_size=1, max_size=3), st.randoms(), st.sampled_from([MATCH_ON, MATCH_ON[1:]])
)
def test_the_order_of_sources_and_rows_changes_nothing(tables, chance, match_on):
    named = [(f"s{at}", "customers", rows) for at, rows in enumerate(tables)]
    mixed = [(name, kind, chance.sample(rows, len(rows))) for name, kind, rows in named]
    chance.shuffle(mixed)
    found = []
    for own in (named, mixed):
        with tempfile.TemporaryDirectory() as folder:
            texts = [(name, kind, write_rows(rows)) for name, kind, rows in own]
            found.append(resolve(Path(folder), *texts, match_on=match_on)[0])
    usual, other = found
    pd.testing.assert_frame_equal(usual.customers, other.customers)
    pd.testing.assert_frame_equal(usual.conflicts, other.conflicts)
    pd.testing.assert_frame_equal(usual.sensitivity, other.sensitivity)
    assert usual.facts == other.facts


def test_another_source_leaves_the_names_of_customers_as_they_are(tmp_path):
    _, before, _ = resolve(tmp_path, SHOP, TILL)
    _, after, _ = resolve(tmp_path, "customer_id,email\na0,zoe@example.com\n", SHOP, TILL)
    assert {one: after[one] for one in before} == before


# ------------------------------------------------------------------ refusal and privacy


def test_a_source_without_ids_is_no_customer(tmp_path):
    text = "unit,time,value\na,2024,1\n"
    found, _, _ = resolve(tmp_path, ("m", "measurements", text), match_on=["customer_id"])
    assert found.customers.empty
    assert found.table["customers"].tolist() == [0]


@pytest.mark.parametrize("country", ["UK", "de", "XX"])
def test_a_country_that_has_no_numbers_is_refused(tmp_path, country):
    with pytest.raises(ParamsError, match="country code"):
        make_client(tmp_path, source("x.csv"), identity={"country": country})


def test_no_key_is_left_in_the_tables(tmp_path):
    said = "wave,score,metric,email,phone,card\nw,9,nps,jo@example.com,030 12345678,77\n"
    found, _, (con, sources) = resolve(
        tmp_path, SHOP, ("nps", "surveys", said), match_on=[*MATCH_ON, "card"]
    )
    for one in sources:
        assert not {"email", "phone", "card"} & set(table_columns(con, one.table))
    tables = con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert not [name for (name,) in tables if name.startswith(("_keyed", "_forms", "_identity"))]
    assert found.facts.customers == 2


# ------------------------------------------------------------------ from end to end


def write_shop(folder: Path) -> Path:
    """Write a client of three files whose orders have e-mails only."""
    crm, orders, said = ["no,Name,Email,Mobile,since"], ["when,total,Email,Phone"], []
    for at in range(40):
        mail, call = f"canary{at}@secret.example", f"0171 55{at:05d}"
        crm.append(f"{at:05d},Canary Person{at},{mail},{call},2024-01-02")
        for month in (1, 2, 3):
            typed = mail.upper() if month == 2 else f" {mail}"
            by_phone = at % 4 == 0 and month == 3
            orders.append(
                f"2024-0{month}-1{at % 9}T10:00:00Z,10,{'' if by_phone else typed},"
                f"{f'+49 171 55{at:05d}' if by_phone else ''}"
            )
        said.append(f"2024-04-01T10:00:00Z,{at % 11},nps,{mail},0049 171 55{at:05d},fine")
    orders += ["2024-05-01T10:00:00Z,99,noreply@secret.example,", "2024-05-02T10:00:00Z,99,,"]
    (folder / "crm.csv").write_text("\n".join(crm) + "\n")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    (folder / "nps.csv").write_text(
        "when,score,metric,e_mail,phone,comment\n" + "\n".join(said) + "\n"
    )
    named = {"customer_id": "no", "name": "Name", "phone": "Mobile", "signup": "since"}
    return make_client(
        folder,
        source("crm.csv", "customers", columns=named) | {"name": "crm"},
        source("orders.csv", "orders", columns={"timestamp": "when", "value": "total"})
        | {"name": "orders"},
        source("nps.csv", "surveys", columns={"timestamp": "when", "text": "comment"})
        | {"name": "nps"},
        timezone="Europe/Berlin",
    ).path


def test_orders_that_have_addresses_only_belong_to_the_customers_of_the_crm(tmp_path):
    found = check_client(write_shop(tmp_path))
    assert found.ok, found.errors
    assert found.facts["n_customers"] == 40
    assert found.facts["value_sum"] == 1200
    told = found.collected.sources.set_index("source")
    assert told.loc["orders", "rows_dropped"] == 2
    assert "no usable key: 1" in told.loc["orders", "reasons"]
    assert found.collected.identity["matched_share"].tolist() == [1, 1, 1]
    facts = found.collected.resolution.facts
    assert (facts.customers, facts.shared, facts.ids_only) == (40, 40, 90)


def test_no_address_or_number_reaches_a_frame_or_a_file(tmp_path):
    from journeylib.params import read_params

    params = read_params(write_shop(tmp_path))
    found = collect(params, tmp_path / "log")
    shown = [found.voices, found.answers, found.attributes, found.identity, found.quality]
    shown += [found.sources, found.resolution.conflicts, found.resolution.sensitivity]
    texts = [frame.to_csv() for frame in shown] + [repr(found.notes), repr(found.built.placed)]
    files = [path.read_bytes() for path in (tmp_path / "log").rglob("*") if path.is_file()]
    for canary in ("canary", "secret.example", "17155", "171 55"):
        assert not any(canary in text for text in texts), canary
        assert not any(canary.encode() in content for content in files), canary


def test_conflicts_are_listed_by_pseudonym(tmp_path):
    found, _, _ = resolve(tmp_path, SHOP.replace("ann@", "jo@"), TILL)
    told = found.report(b"key")
    assert told.facts == found.facts
    assert told.conflicts["examples"].tolist() == [
        ", ".join(pseudonyms(["t1", "t2", "w1"], b"key"))
    ]
