"""`journey new` drafts a client file that reads, or asks the one thing it cannot know."""

from __future__ import annotations

import csv
import datetime as dt
import os
import random
import shutil
import sqlite3
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import DATA
from typer.testing import CliRunner

from journeylib.checkup import check_client
from journeylib.cli import app
from journeylib.drafts import Draft, write_draft
from journeylib.errors import DataError, ParamsError
from journeylib.guesses import named
from journeylib.params import read_params
from journeylib.sketches import quoted
from journeylib.yaml_tree import read_tree

SAMPLES = Path(__file__).parents[1] / "sample_data"
PRESETS = Path(__file__).parent / "presets"
PUBLIC = {
    "cdnow/CDNOW_master.txt": ("orders", set()),
    "hillstrom/hillstrom.csv": ("experiments", set()),
    "organ_donation/organ_donation.csv": ("measurements", set()),
    "prop99/california_prop99.csv": ("measurements", set()),
    "retentioneering_ecom/ecom.csv.gz": ("events", set()),
    "telco_churn/Telco-Customer-Churn.csv": ("customers", set()),
    "skytrax/lounge.csv": ("feedback", set()),
    "eventdataR/sepsis.parquet": ("events", set()),
    "online_retail/onlineretail.parquet": ("orders", set()),
}


def draft(root: Path, *given: Path, name: str = "acme") -> Draft:
    return write_draft(name, given, root / "params")


def kinds(found: Draft) -> dict[str, str]:
    return {one.name: one.kind for one in found.sketches}


def write_rows(path: Path, header: str, rows: list[str], encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return path


def german_firm(folder: Path) -> None:
    rng = random.Random(3)
    days = [dt.date(2025, 1, 3) + dt.timedelta(days=n) for n in range(200)]
    steps = ["Angebot", "Auftrag", "Rechnung", "Rückfrage"]
    rows = [
        f"K{rng.randrange(40):05d};{day:%d.%m.%Y};{rng.choice(steps)};{rng.randrange(9, 999)},50"
        for day in days
    ]
    write_rows(folder / "vorgaenge.csv", "Kundennr;Datum;Vorgang;Betrag", rows, "cp1252")
    people = [
        f"K{n:05d};Muster {n} GmbH;kontakt{n}@firma{n}.example;{13 + n % 9}.01.2020"
        for n in range(40)
    ]
    write_rows(folder / "kunden.csv", "Kundennr;Firma;E-Mail-Adresse;Kunde seit", people)
    answers = [f"K{n % 40:05d};{day:%d.%m.%Y};{n % 11};" for n, day in enumerate(days[:90])]
    header = "Kundennr;Beantwortet am;Weiterempfehlung;Kommentar"
    write_rows(folder / "umfrage.csv", header, answers)


def portuguese_clinic(folder: Path) -> None:
    visits = [
        f'{100 + n % 30},0{1 + n % 9}/0{1 + n % 7}/2025,"{30 + n % 50},75"' for n in range(90)
    ]
    write_rows(folder / "consultas.csv", "Nº Utente,Data da consulta,Valor pago", visits)
    heard = [
        f"{100 + n % 30},2025-03-{1 + n % 28:02d},{1 + n % 5},Esperei muito" for n in range(80)
    ]
    write_rows(folder / "inquerito.csv", "Nº Utente,Data,Satisfação,Observações", heard)
    complaints = [
        f"{100 + n % 30},{13 + n % 15}/02/2025 10:00,Espera,Queixa da espera longa,"
        f"{13 + n % 15}/03/2025"
        for n in range(40)
    ]
    header = "Nº Utente,Aberto em,Assunto,Descrição,Resolvido em"
    write_rows(folder / "reclamacoes.csv", header, complaints)


# ---------------------------------------------------------------- golden


@pytest.mark.parametrize("client", ["brightdesk", "harbour-hotels", "northside-clothing"])
def test_the_draft_of_a_sample_client_reads(tmp_path, client):
    shutil.copytree(SAMPLES / client, tmp_path / "data" / client)
    found = draft(tmp_path, tmp_path / "data" / client)
    assert found.questions == []
    assert check_client(found.path).ok


def test_a_sample_is_drafted_with_the_kinds_that_were_planted(tmp_path):
    shutil.copytree(SAMPLES / "northside-clothing", tmp_path / "data")
    found = draft(tmp_path, tmp_path / "data")
    assert kinds(found) == {
        "web_events": "events", "orders": "orders", "fulfilment": "events", "crm": "customers",
        "nps_survey": "surveys", "tickets": "tickets", "checkout_test": "experiments",
    }  # fmt: skip
    by_name = {one.name: one for one in found.sketches}
    assert by_name["web_events"].path == "data/web_events"
    assert by_name["orders"].keys["columns"]["value"] == "amount"
    assert by_name["orders"].keys["format"] == {"encoding": "cp1252"}
    assert by_name["nps_survey"].keys["constants"] == {"metric": "nps"}
    assert found.left_out == ["truth.json: the line is not a JSON object."]


def test_files_of_one_header_become_one_source(tmp_path):
    shutil.copytree(SAMPLES / "harbour-hotels", tmp_path / "data")
    paths = {one.name: one.path for one in draft(tmp_path, tmp_path / "data").sketches}
    assert paths["bookings"] == "data/bookings_*.csv"


@pytest.mark.parametrize("file", sorted(PUBLIC))
def test_public_data_is_drafted_as_what_it_is(tmp_path, file):
    if not (DATA / file).exists():
        pytest.skip("the public data sets do not lie beside the checkout")
    found = draft(tmp_path, DATA / file)
    assert list(kinds(found).values()) == [PUBLIC[file][0]]
    codes = {problem.code for problem in check_client(found.path).errors}
    assert codes == PUBLIC[file][1]


def test_a_german_firm_reads_without_a_question(tmp_path):
    german_firm(tmp_path / "export")
    found = draft(tmp_path, tmp_path / "export")
    assert kinds(found) == {"kunden": "customers", "umfrage": "surveys", "vorgaenge": "events"}
    assert found.questions == []
    events = next(one for one in found.sketches if one.kind == "events")
    assert events.keys["columns"] == {
        "customer_id": "Kundennr", "timestamp": "Datum", "touchpoint": "Vorgang", "value": "Betrag",
    }  # fmt: skip
    checked = check_client(found.path)
    assert checked.ok, checked.errors
    assert checked.facts["n_customers"] == 40


def test_a_portuguese_clinic_is_asked_only_which_comes_first_day_or_month(tmp_path):
    portuguese_clinic(tmp_path / "export")
    found = draft(tmp_path, tmp_path / "export")
    assert kinds(found) == {"consultas": "orders", "inquerito": "surveys", "reclamacoes": "tickets"}
    assert len(found.questions) == 1
    assert "day or month first" in found.questions[0]
    (problem,) = check_client(found.path).errors
    assert (problem.code, problem.column) == ("E-DATE-AMBIGUOUS", "Data da consulta")
    text = found.path.read_text()
    assert "    # format: {dates: day-first}\n    # format: {dates: month-first}\n" in text
    found.path.write_text(text.replace("    # format: {dates: day", "    format: {dates: day"))
    assert check_client(found.path).ok


@pytest.mark.parametrize(
    ("file", "preset", "kind"),
    [
        ("shopify_orders.csv", "shopify_orders", "orders"),
        ("ga4.jsonl", "ga4", "events"),
        ("surveymonkey.csv", "surveymonkey", "surveys"),
        ("qualtrics.csv", "qualtrics", "surveys"),
        ("typeform.csv", "typeform", "surveys"),
        ("mailchimp_clicks.csv", "mailchimp", "events"),
        ("mailchimp_audience.csv", "mailchimp", "customers"),
        ("segment_tracks.csv", "segment", "events"),
        ("zendesk_tickets.csv", "zendesk_tickets", "tickets"),
    ],
)
def test_a_known_export_is_drafted_with_its_preset(tmp_path, file, preset, kind):
    found = draft(tmp_path, PRESETS / file)
    (one,) = found.sketches
    assert (one.keys["preset"], one.kind) == (preset, kind)
    assert found.questions == []
    checked = check_client(found.path)
    assert checked.ok, checked.errors


# ---------------------------------------------------------------- boundary


def test_every_guess_is_marked_for_review(tmp_path):
    german_firm(tmp_path / "export")
    text = draft(tmp_path, tmp_path / "export").path.read_text()
    for line in text.splitlines():
        if line.startswith("      ") or line.strip().startswith("kind:"):
            assert "# review: " in line, line


def test_the_tables_of_a_database_become_sources(tmp_path):
    file = tmp_path / "shop.sqlite"
    with sqlite3.connect(file) as link:
        link.execute("CREATE TABLE orders (order_no, customer_no, ordered_at, total)")
        rows = [(n, f"c{n % 20}", f"2025-02-{1 + n % 28:02d}", 9.5 + n) for n in range(60)]
        link.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    link.close()
    found = draft(tmp_path, file)
    assert kinds(found) == {"orders": "orders"}
    assert found.sketches[0].keys["table"] == "orders"
    assert check_client(found.path).ok


def test_a_workbook_with_a_title_and_several_sheets_is_opened(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Tickets"
    for row in (["Support export"], ["customer_id", "created_at", "subject", "resolved_at"]):
        sheet.append(row)
    for n in range(40):
        sheet.append(
            [f"c{n % 15}", f"2025-01-{1 + n % 28:02d}", "late", f"2025-02-{1 + n % 28:02d}"]
        )
    book.create_sheet("Notes").append(["a", "b"])
    book["Notes"].append([1, 2])
    book.save(tmp_path / "help desk.xlsx")
    found = draft(tmp_path, tmp_path / "help desk.xlsx")
    assert found.sketches[0].keys["format"] == {"sheet": "Tickets", "skip_rows": 1}
    assert found.sketches[0].name == "help_desk"
    assert check_client(found.path).ok


def test_epochs_are_declared_by_their_digits(tmp_path):
    rows = [f"c{n % 20},{1740000000000 + n * 86_400_000},visit" for n in range(60)]
    found = draft(tmp_path, write_rows(tmp_path / "log.csv", "user_id,timestamp,event", rows))
    assert found.sketches[0].keys["format"] == {"dates": {"timestamp": "unix_ms"}}
    assert check_client(found.path).ok


def test_a_file_without_touchpoints_is_named_by_itself(tmp_path):
    rows = [f"c{n % 20},2025-03-{1 + n % 28:02d}T10:00:00Z" for n in range(60)]
    found = draft(tmp_path, write_rows(tmp_path / "store_visits.csv", "customer,date", rows))
    assert found.sketches[0].keys["constants"] == {"touchpoint": "store visits"}
    assert check_client(found.path).ok


def test_a_column_that_a_client_file_would_fill_in_goes_by_its_position(tmp_path):
    rows = [f"c{n % 20},2025-03-{1 + n % 28:02d},visit" for n in range(60)]
    file = write_rows(tmp_path / "log.csv", "customer_id,date,${event}", rows)
    found = draft(tmp_path, file)
    assert found.sketches[0].keys["columns"]["touchpoint"] == 3
    assert check_client(found.path).ok


def test_no_cell_stands_in_the_draft_or_on_the_terminal(tmp_path):
    rows = [
        f"secret{n % 20}@example.org,2025-03-{1 + n % 28:02d},canary{n % 3},Canary Street {n}"
        for n in range(60)
    ]
    file = write_rows(tmp_path / "log.csv", "customer,date,event,address", rows)
    broken = write_rows(tmp_path / "x" / "bad.csv", "a,b", ["1,2", "canary,3,4"])
    found = CliRunner().invoke(
        app,
        [
            "new",
            "acme",
            "--from",
            str(file),
            str(broken.parent),
            "--params",
            str(tmp_path / "params"),
        ],
    )
    assert found.exit_code == 0, found.output
    told = found.output + (tmp_path / "params" / "acme.yml").read_text()
    assert "canary" not in told.lower()
    assert "@example" not in told
    assert "left out: bad.csv" in told
    assert "journey check" in found.output


def test_words_of_six_languages_are_known():
    for name, meaning in {
        "Kunden-Nr.": "customer_id", "N° client": "customer_id", "ID Cliente": "customer_id",
        "Klantnummer": "customer_id", "Codice cliente": "customer_id", "Horodatage": "timestamp",
        "Fecha de pedido": "timestamp", "Besteldatum": "timestamp", "Importo": "value",
        "Soddisfazione": "score", "Commentaire": "text", "Télémóvel": "phone",
    }.items():  # fmt: skip
        assert named(name, meaning), name


# ---------------------------------------------------------------- property


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_any_column_name_is_read_again_as_it_was_written(name):
    tree, problems = read_tree(f"columns:\n  value: {quoted(name)}  # review: why\n", "a.yml")
    assert not problems
    assert tree["columns"]["value"] == name


# ---------------------------------------------------------------- refusal


def test_an_existing_client_file_is_never_overwritten(tmp_path):
    path = tmp_path / "params" / "acme.yml"
    path.parent.mkdir()
    path.write_text("client: acme\n")
    with pytest.raises(ParamsError) as refused:
        draft(tmp_path, PRESETS / "ga4.jsonl")
    (problem,) = refused.value.problems
    assert problem.code == "E-EXISTS"
    assert problem.fix
    assert path.read_text() == "client: acme\n"


def test_a_file_that_is_no_table_ends_with_code_two(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 something")
    found = CliRunner().invoke(
        app,
        ["new", "acme", "--from", str(tmp_path / "a.pdf"), "--params", str(tmp_path / "params")],
    )
    assert isinstance(found.exception, DataError)  # main() tells it and ends with code 2
    assert not (tmp_path / "params").exists()


def test_a_missing_file_names_the_nearest(tmp_path):
    shutil.copy(PRESETS / "ga4.jsonl", tmp_path / "ga4.jsonl")
    with pytest.raises(DataError, match=r"ga4\.jsonl"):
        draft(tmp_path, tmp_path / "ga5.jsonl")


def test_nothing_to_look_at_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for given_files in ((), (tmp_path / "empty",)):
        with pytest.raises(DataError, match="nothing to look at"):
            draft(tmp_path, *given_files)


def test_a_name_that_cannot_name_a_client_is_refused(tmp_path):
    with pytest.raises(ParamsError, match="Write my-client"):
        draft(tmp_path, PRESETS / "ga4.jsonl", name="My Client")


def test_a_row_that_does_not_fit_is_refused_without_showing_it(tmp_path):
    file = tmp_path / "a.csv"
    with file.open("w", newline="") as handle:
        csv.writer(handle).writerows([["id", "at"], ["1", "2025-01-01"], ["canary", "2", "3"]])
    with pytest.raises(DataError) as refused:
        draft(tmp_path, file)
    assert "canary" not in str(refused.value)
    assert refused.value.problems[0].line == 3


def test_paths_outside_of_the_root_are_absolute(tmp_path):
    found = draft(tmp_path / "root", PRESETS / "ga4.jsonl")
    assert os.path.isabs(found.sketches[0].path)  # noqa: PTH117 - it is a text of the client file
    assert read_params(found.path).sources[0].preset == "ga4"
