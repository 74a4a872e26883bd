"""Presets read the exports of common tools as those tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from reading import codes, make_client, read_one, read_text, refusal, source

from journeylib.checkup import check_client
from journeylib.errors import ParamsError
from journeylib.exports import known_presets, plain, recognise
from journeylib.headers import name_columns
from journeylib.inputs import Source
from journeylib.params import read_params
from journeylib.tables import INPUTS

FILES = Path(__file__).parent / "presets"
NPS = {"constants": {"metric": "nps"}}
EXPORTS = {
    "ga4": ("ga4.jsonl", "events", {}, 16),
    "shopify_orders": ("shopify_orders.csv", "orders", {}, 13),
    "hubspot_contacts": ("hubspot_contacts.csv", "customers", {}, 10),
    "zendesk_tickets": ("zendesk_tickets.csv", "tickets", {}, 12),
    "salesforce_cases": ("salesforce_cases.csv", "tickets", {}, 10),
    "surveymonkey": (
        "surveymonkey.csv", "surveys",
        {"columns": {"score": "How likely is it that you would recommend us to a friend or "
                              "colleague?", "text": "What could we do better?"}, **NPS}, 12,
    ),
    "qualtrics": (
        "qualtrics.csv", "surveys",
        {"columns": {"score": "Q1", "text": "Q2"}, "constants": {"metric": "csat"}}, 11,
    ),
    "typeform": (
        "typeform.csv", "surveys",
        {"columns": {"score": "How likely are you to recommend us to a friend?"}, **NPS}, 11,
    ),
    "mailchimp": (
        "mailchimp_clicks.csv", "events", {"constants": {"touchpoint": "email clicked"}}, 14,
    ),
    "stripe_charges": ("stripe_charges.csv", "orders", {}, 12),
    "segment": ("segment_tracks.csv", "events", {}, 15),
    "snowplow": ("snowplow.tsv", "events", {}, 12),
}  # fmt: skip
each_export = pytest.mark.parametrize("preset", sorted(EXPORTS))


def spec(preset: str, **keys: Any) -> dict[str, Any]:
    file, kind, further, _ = EXPORTS[preset]
    return source(str(FILES / file), kind, preset=preset, **further, **keys)


def write_client(folder: Path, *specs: dict[str, Any]) -> Path:
    file = folder / "acme.yml"
    sources = [one | {"name": f"s{at}"} for at, one in enumerate(specs)]
    file.write_text(json.dumps({"timezone": "Europe/Berlin", "sources": sources}))
    return file


# ---------------------------------------------------------------- golden


@each_export
def test_an_export_is_read_with_its_preset_alone(tmp_path, preset):
    table, _ = read_one(tmp_path, spec(preset), timezone="Europe/Berlin")
    assert table.rows_used == EXPORTS[preset][3]


@each_export
def test_a_client_of_one_export_can_be_run(tmp_path, preset):
    found = check_client(write_client(tmp_path, spec(preset)))
    assert found.ok, found.errors
    assert found.facts["n_customers"] > 0
    assert found.facts["first"].startswith("202")


def test_shopify_orders_count_once_net_of_refunds_and_without_cancelled_ones(tmp_path):
    table, orders = read_one(tmp_path, spec("shopify_orders"))
    assert orders["value"].sum() == pytest.approx(670.5)
    assert orders["order_id"].is_unique
    assert set(orders["touchpoint"]) == {"order"}
    assert set(orders["channel"]) == {"web", "pos"}
    assert table.drops == {
        "not kept by Total is not null": 5,
        'not kept by "Cancelled at" is null': 1,
    }
    assert str(orders["timestamp"].min()) == "2025-03-01 14:05:00+00:00"  # written at -0500


def test_ga4_reads_microseconds_nested_fields_and_parameters(tmp_path):
    _, events = read_one(tmp_path, spec("ga4"), timezone="Europe/Berlin")
    assert str(events["timestamp"].min()) == "2025-03-04 10:00:00.486466+00:00"
    assert set(events["touchpoint"]) == {"session_start", "page_view", "add_to_cart", "purchase"}
    assert set(events["channel"]) == {"mobile", "desktop"}
    assert events["value"].sum() == pytest.approx(4 * 49.9)
    assert events["page"].str.startswith("https://shop.example/p/").all()
    assert events["session"].nunique() == 4
    assert set(events["traffic_source"]) == {"newsletter"}


def test_times_that_a_tool_writes_in_utc_stay_utc(tmp_path):
    _, charges = read_one(tmp_path, spec("stripe_charges"), timezone="Europe/Berlin")
    assert str(charges["timestamp"].min()) == "2025-09-01 23:30:00+00:00"
    assert charges["value"].sum() == pytest.approx(278)
    _, cases = read_one(tmp_path, spec("salesforce_cases"), timezone="Europe/Berlin")
    assert str(cases["timestamp"].min()) == "2025-06-01 07:30:00+00:00"
    assert cases["resolved_at"].notna().sum() == 7


def test_surveymonkey_names_columns_from_both_header_rows(tmp_path):
    table, answers = read_one(tmp_path, spec("surveymonkey"))
    assert "Which of these did you use?: App" in table.attributes
    assert answers["score"].tolist()[:3] == [10, 9, 7]
    assert str(answers["timestamp"].min()) == "2025-04-03 13:09:07+00:00"


def test_qualtrics_leaves_out_previews_and_keeps_the_line_numbers(tmp_path):
    table, answers = read_one(tmp_path, spec("qualtrics"))
    assert table.drops == {next(iter(table.drops)): 1}
    assert answers["score"].tolist()[:3] == [4, 2, 3]
    text = (FILES / "qualtrics.csv").read_text()
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines, 1) if ",G005," in line)
    broken = text.replace(lines[at - 1], lines[at - 1].replace("EN,4,", "EN,eleven,"))
    assert broken != text
    keys = EXPORTS["qualtrics"][2] | {"kind": "surveys", "preset": "qualtrics"}
    problem = refusal(tmp_path, broken, **keys)
    assert (problem.code, problem.line, problem.column) == ("E-NUMBER-UNREADABLE", at, "Q1")


def test_typeform_leaves_out_partial_answers(tmp_path):
    table, answers = read_one(tmp_path, spec("typeform"), timezone="Europe/Berlin")
    assert table.rows_read - table.rows_used == 1
    assert str(answers["timestamp"].min()) == "2025-08-01 10:01:20+00:00"


def test_segment_reads_the_warehouse_and_s3_alike(tmp_path):
    _, tracks = read_one(tmp_path, spec("segment"))
    assert set(tracks["touchpoint"]) == {"product_viewed", "product_added", "order_completed"}
    lines = source(str(FILES / "segment_s3.jsonl"), preset="segment")
    _, events = read_one(tmp_path, lines)
    assert len(events) == 10
    assert set(events["touchpoint"]) == {"Product Viewed", "Order Completed"}
    assert set(events["channel"]) == {"mobile", "desktop"}
    assert events["value"].notna().sum() == 2
    _, people = read_one(tmp_path, lines | {"kind": "customers"})
    assert people["email"].tolist() == ["ada.brook@example.com", "cleo.dorn@example.com"]
    assert people["signup"].notna().all()


def test_snowplow_leaves_out_page_pings(tmp_path):
    _, events = read_one(tmp_path, spec("snowplow"))
    assert set(events["touchpoint"]) == {"page_view", "transaction"}
    assert events["value"].sum() == pytest.approx(6 * 40.5)


def test_zendesk_and_hubspot_are_joined_by_address(tmp_path):
    found = check_client(write_client(tmp_path, spec("hubspot_contacts"), spec("zendesk_tickets")))
    assert found.ok, found.errors
    assert found.facts["n_customers"] == 10  # the seven requesters are seven of the ten contacts


def test_mailchimp_serves_events_and_customers(tmp_path):
    audience = source(str(FILES / "mailchimp_audience.csv"), "customers", preset="mailchimp")
    _, people = read_one(tmp_path, audience)
    assert people["name"].tolist()[0] == "Ada Brook"
    assert people["churned_at"].notna().sum() == 1


@each_export
def test_each_preset_is_recognised_by_its_columns(tmp_path, preset):
    table, _ = read_one(tmp_path, spec(preset))
    header = {
        "ga4": list(json.loads((FILES / "ga4.jsonl").read_text().splitlines()[0])),
    }.get(preset) or (FILES / EXPORTS[preset][0]).read_text().splitlines()[0].replace(
        '"', ""
    ).split("\t" if preset == "snowplow" else ",")
    found = recognise(header)
    assert found is not None
    assert (found[0].name, found[1]) == (preset, table.kind)


# ---------------------------------------------------------------- boundary


def test_a_header_of_two_rows_is_read_from_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["id", "when", "Which apply?", None, "score"], [None, None, "Web", "App", "Response"],
        ["a", "2025-01-01", 1, None, 9], ["b", "2025-01-02", None, 1, 3],
    ):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "data.xlsx")
    keys = {"columns": {"customer_id": "id", "timestamp": "when"}, **NPS}
    table, answers = read_one(
        tmp_path, source("data.xlsx", "surveys", format={"header_rows": 2}, **keys)
    )
    assert answers["score"].tolist() == [9, 3]
    assert "Which apply?: App" in table.attributes


def test_names_below_a_header_of_one_row_are_positions():
    assert name_columns([["a", "", "a"]]) == ["a", "column 2", "a"]


def test_a_name_given_twice_in_a_long_header_takes_its_position():
    rows = [["Q", "", ""], ["Yes", "Other", "Other"]]
    assert name_columns(rows) == ["Q", "Q: Other", "Q: Other (column 3)"]


def test_what_the_client_says_comes_before_the_preset(tmp_path):
    text = (FILES / "stripe_charges.csv").read_text()
    table, charges = read_text(
        tmp_path, text, kind="orders", preset="stripe_charges", keep=["Amount > 25"],
        columns={"value": "Amount"}, constants={"touchpoint": "paid"},
        format={"timezone": "Europe/Berlin"},
    )  # fmt: skip
    assert charges["value"].sum() == sum(19 + n for n in range(13) if n != 3 and 19 + n > 25)
    assert set(charges["touchpoint"]) == {"paid"}
    assert str(charges["timestamp"].min()).endswith("05:51:00+00:00".replace("05:51", "21:51"))
    assert "not kept by Amount > 25" in table.drops


def test_a_rule_of_the_preset_about_an_absent_column_is_a_note(tmp_path):
    rows = ["Name,Email,Created at,Total", "#1,a@example.com,2025-01-01 10:00:00 +0100,12.50"]
    table, orders = read_text(
        tmp_path, "\n".join(rows) + "\n", kind="orders", preset="shopify_orders"
    )
    assert orders["value"].tolist() == [12.5]
    assert "N-PRESET-RULE" in codes(table)


def test_an_older_name_of_a_column_is_taken(tmp_path):
    text = (FILES / "stripe_charges.csv").read_text().replace("Created date (UTC)", "Created (UTC)")
    table, _ = read_text(tmp_path, text, kind="orders", preset="stripe_charges")
    assert table.rows_used == 12


def test_an_entry_of_a_list_in_parquet_is_reached(tmp_path):
    import duckdb

    file = tmp_path / "events.parquet"
    lines = (FILES / "ga4.jsonl").as_posix()
    duckdb.execute(f"COPY (SELECT * FROM read_json('{lines}')) TO '{file}'")
    _, events = read_one(tmp_path, source("events.parquet", preset="ga4"))
    assert set(events["channel"]) == {"mobile", "desktop"}
    assert events["page"].str.startswith("https://shop.example/p/").all()


# ---------------------------------------------------------------- the files of the presets


@pytest.mark.parametrize("name", sorted(known_presets()))
def test_a_preset_cites_its_source_and_maps_known_names(name):
    preset = known_presets()[name]
    assert preset.name == name
    assert preset.title
    assert preset.seen
    assert all(page.startswith("https://") for page in preset.documentation)
    for kind, shape in preset.shapes.items():
        assert kind in INPUTS
        raw = {"name": "a", "kind": kind, "path": "a.csv", "preset": name}
        made = Source.model_validate(raw)
        assert set(made.columns) >= set(shape.keys["columns"])
        assert {plain(column) for column in shape.signature}


# ---------------------------------------------------------------- refusal


def test_an_unknown_preset_names_the_nearest(tmp_path):
    with pytest.raises(ParamsError, match="shopify_orders") as refused:
        make_client(tmp_path, source("a.csv", "orders", preset="shopify_order"))
    (problem,) = refused.value.problems
    assert (problem.code, problem.column) == ("E-PARAMS-VALUE", "sources[0].preset")
    with pytest.raises(ParamsError, match="none, ga4, hubspot_contacts"):
        make_client(tmp_path, source("a.csv", "orders", preset="xyz"))


def test_a_preset_of_another_kind_says_which_kinds_it_has(tmp_path):
    with pytest.raises(ParamsError, match="known for events or customers, not orders"):
        make_client(tmp_path, source("a.csv", "orders", preset="mailchimp"))


def test_a_header_cannot_be_absent_and_have_rows(tmp_path):
    keys = {"format": {"header": "false", "header_rows": "2"}}
    with pytest.raises(ParamsError, match="there is no header"):
        make_client(tmp_path, source("a.csv", **keys))


def test_a_preset_that_lacks_what_the_kind_needs_says_so(tmp_path):
    text = (FILES / "surveymonkey.csv").read_text()
    problem = refusal(tmp_path, text, kind="surveys", preset="surveymonkey")
    assert problem.code == "E-MISSING-COLUMN"
    assert read_params(tmp_path / "acme.yml").sources[0].format.header_rows == 2
