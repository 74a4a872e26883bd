"""Forgetting a customer, now and later; and how long workspaces are kept."""

from __future__ import annotations

import os

import pandas as pd
import pytest
from typer.testing import CliRunner

from journeylib.cli import app
from journeylib.collect import collect
from journeylib.errors import DataError, ParamsError
from journeylib.forgetting import forget_customer
from journeylib.forgotten import forgotten_path, listed_pseudonyms
from journeylib.params import read_params
from journeylib.privacy import pseudonyms, read_secret
from journeylib.retention import clean_workspaces, read_age
from journeylib.steps import keep_collected
from journeylib.workspace import Workspace, work_folder

CLIENT = """\
title: Anna
report: {min_cell: 1}
sources:
  - {name: visits, kind: events, path: data/visits.csv}
  - {name: people, kind: customers, path: data/people.csv}
  - {name: accounts, kind: customers, path: data/accounts.csv}
  - {name: said, kind: feedback, path: data/said.csv}
  - {name: trial, kind: experiments, path: data/trial.csv}
"""
DAY = 86_400


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Three people; the first has an id in the shop's system and one on the web."""
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("JOURNEY_SECRET", raising=False)
    (tmp_path / "data").mkdir()
    (tmp_path / "params").mkdir()
    texts = {
        "visits": "customer_id,timestamp,touchpoint\n" + "".join(
            f"{who},2025-01-{day:02d},{what}\n"
            for day, (who, what) in enumerate(
                [("WEB-0001", "ad"), ("CRM-0001", "order"), ("CRM-0002", "order"),
                 ("CRM-0003", "ad"), ("WEB-0001", "order"), ("CRM-0002", "ad")], start=1)
        ),
        "people": "customer_id,name,email\nCRM-0001,Ada Zweig,Ada@Mail.example\n"
        "CRM-0002,Bo Feld,bo@mail.example\n"
        "CRM-0003,Cy Hain,cy@mail.example\n",
        "accounts": "customer_id,email\nWEB-0001,ada@mail.example\n",
        "said": "customer_id,timestamp,text,rating\nCRM-0001,2025-01-03,late,2\n"
        "CRM-0002,2025-01-03,fine,5\n",
        "trial": "unit_id,variant,bought\nCRM-0001,A,1\nCRM-0002,B,0\nCRM-0003,A,1\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / "data" / f"{name}.csv").write_text(text, encoding="utf-8")
    path = tmp_path / "params" / "anna.yml"
    path.write_text(CLIENT, encoding="utf-8")
    return path


def run_first(file):
    """Collect and keep, as notebook 01 does, and leave a half-run notebook behind."""
    params = read_params(file)
    work = Workspace(params, work_folder(params))
    collected = work.collect()
    keep_collected(work, collected)
    work.hand_over("01", tables={"sources": collected.sources})
    (work.folder / "failed").mkdir(exist_ok=True)
    (work.folder / "failed" / "01.ipynb").write_text("half", encoding="utf-8")
    return work, collected


def everything(folder):
    """Give all that stands below a folder as one text."""
    told = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            told.append(pd.read_parquet(path).to_csv())
        elif path.is_file():
            told.append(path.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(told)


def marks_of(file):
    params = read_params(file)
    secret = read_secret(params.root, params.client)
    return pseudonyms(["CRM-0002"], secret)


# ------------------------------------------------------------------ golden


def test_forgetting_takes_a_customer_out_and_keeps_the_others(file, tmp_path):
    work, before = run_first(file)
    (mark,) = marks_of(file)
    assert mark in everything(work.folder)
    removal = forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    assert removal.events == 2
    assert removal.rows == 3  # what they said, what is known of them, their place in the test
    assert removal.sources == {"visits": 2, "people": 1, "said": 1, "trial": 1}
    assert mark not in everything(work.folder)
    assert not (work.folder / "failed").exists()
    assert len(work.log) == before.built.facts["n_events"] - 2
    shown = work.log.events(limit=99)
    known = before.built.log.customers["pseudonym"]
    assert set(shown["customer_id"]) <= set(known) - {mark}
    assert not shown["customer_id"].isna().any()
    assert work.done() == set()


def test_later_runs_leave_exactly_that_customers_rows_out(file, tmp_path):
    _, before = run_first(file)
    forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    work, after = run_first(file)
    assert after.built.facts["n_events"] == before.built.facts["n_events"] - 2
    assert after.built.facts["n_customers"] == before.built.facts["n_customers"] - 1
    left = dict(zip(after.sources["source"], after.sources["reasons"], strict=True))
    assert left["visits"] == "forgotten on request: 2"
    assert left["trial"] == "forgotten on request: 1"
    assert marks_of(file)[0] not in everything(work.folder)


@pytest.mark.parametrize("given", ["CRM-0001", "WEB-0001", " ADA@mail.example "])
def test_all_ids_of_a_person_go_together(file, tmp_path, given):
    run_first(file)
    removal = forget_customer(file, given, reports=tmp_path / "reports")
    assert (removal.events, removal.sources["visits"]) == (3, 3)
    secret = read_secret(tmp_path, "anna")
    assert set(pseudonyms(["WEB-0001", "CRM-0001"], secret)) < listed_pseudonyms(tmp_path, "anna")
    _, after = run_first(file)
    assert after.built.facts["n_events"] == 3


def test_a_pseudonym_from_an_output_will_do(file, tmp_path):
    run_first(file)
    (mark,) = marks_of(file)
    assert forget_customer(file, mark, reports=tmp_path / "reports").events == 2


def test_the_list_holds_no_plain_id_and_is_its_owners_alone(file, tmp_path):
    forget_customer(file, "bo@mail.example", reports=tmp_path / "reports")
    path = forgotten_path(tmp_path, "anna")
    text = path.read_text(encoding="ascii")
    assert path.stat().st_mode & 0o077 == 0
    assert not any(word in text for word in ("CRM", "bo@", "mail", "Feld"))
    assert read_secret(tmp_path, "anna").decode() not in text


def test_who_comes_back_with_the_same_address_is_left_out_again(file, tmp_path):
    forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    people = tmp_path / "data" / "people.csv"
    people.write_text(people.read_text() + "NEW-0009,Bo Feld,BO@mail.example\n")
    visits = tmp_path / "data" / "visits.csv"
    visits.write_text(visits.read_text() + "NEW-0009,2025-01-09,ad\n")
    collected = collect(read_params(file), tmp_path / "log")
    left = dict(zip(collected.sources["source"], collected.sources["rows_dropped"], strict=True))
    assert left["visits"] == 3
    assert left["people"] == 2


def test_forgetting_says_which_reports_still_count_the_customer(file, tmp_path):
    run_first(file)
    folder = tmp_path / "reports" / "anna"
    (folder / "tables").mkdir(parents=True)
    (folder / "run.json").write_text('{"status": "finished", "generated": "2025-07-01T10:00:00"}')
    (folder / "tables" / "predictions.csv").write_text(f"customer\n{marks_of(file)[0]}\n")
    told = forget_customer(file, "CRM-0002", reports=tmp_path / "reports").lines()
    assert any("2025-07-01 10:00" in line for line in told)
    assert any("predictions.csv shows their pseudonym" in line for line in told)


# ------------------------------------------------------------------ boundary


def test_without_a_workspace_only_the_list_is_written(file, tmp_path):
    removal = forget_customer(file, "CRM-0003", reports=tmp_path / "reports")
    assert (removal.events, removal.rows, removal.deleted) == (0, 0, 0)
    assert removal.listed > 0
    assert not work_folder(read_params(file)).exists()


def test_forgetting_twice_is_forgetting_once(file, tmp_path):
    run_first(file)
    first = forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    text = forgotten_path(tmp_path, "anna").read_text()
    again = forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    assert (first.listed > 0, again.listed, again.events) == (True, 0, 0)
    assert forgotten_path(tmp_path, "anna").read_text() == text


def test_who_is_gone_from_the_sources_can_be_forgotten_again(file, tmp_path):
    forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    for path in (tmp_path / "data").glob("*.csv"):
        lines = [line for line in path.read_text().splitlines() if "CRM-0002" not in line]
        path.write_text("\n".join(lines) + "\n")
    removal = forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    assert (removal.listed, removal.sources) == (0, {})


def test_a_log_from_an_older_run_is_cleaned_too(file, tmp_path):
    work, _ = run_first(file)
    for name in ("visits", "people", "said", "trial"):
        path = tmp_path / "data" / f"{name}.csv"
        lines = [line for line in path.read_text().splitlines() if "CRM-0002" not in line]
        path.write_text("\n".join(lines) + "\n")
    assert forget_customer(file, "CRM-0002", reports=tmp_path / "reports").events == 2
    assert marks_of(file)[0] not in everything(work.folder)


# ------------------------------------------------------------------ refusal


@pytest.mark.parametrize("given", ["CRM-9999", "crm-0002", "CRM-000", "no@mail.example", ""])
def test_an_unknown_customer_is_refused_and_nothing_is_told(file, given):
    run = CliRunner().invoke(app, ["forget", str(file), given])
    assert isinstance(run.exception, DataError)
    told = str(run.exception)
    assert "nobody is known by what was given" in told
    assert not any(word in told for word in ("CRM-0", "mail.example", "Did you mean"))
    assert not forgotten_path(file.parents[1], "anna").exists()


def test_an_address_of_two_customers_is_refused(file, tmp_path):
    people = tmp_path / "data" / "people.csv"
    people.write_text(people.read_text() + "CRM-0004,Di Feld,bo@mail.example\n")
    with pytest.raises(DataError, match="more than one customer"):
        forget_customer(file, "bo@mail.example", reports=tmp_path / "reports")
    forget_customer(file, "CRM-0004", reports=tmp_path / "reports")
    collected = collect(read_params(file), tmp_path / "log")
    assert collected.built.facts["n_events"] == 6  # the address is the other's too: they stay


def test_a_list_made_under_another_key_stops_the_run(file, tmp_path, monkeypatch):
    forget_customer(file, "CRM-0002", reports=tmp_path / "reports")
    monkeypatch.setenv("JOURNEY_SECRET", "another")
    with pytest.raises(DataError, match="made under another key"):
        collect(read_params(file), tmp_path / "log")


# ------------------------------------------------------------------ clean


@pytest.mark.parametrize(("text", "days"), [("90d", 90), ("2w", 14), (" 6M ", 6 * 30.4375)])
def test_durations_are_days_weeks_and_months(text, days):
    assert read_age(text) == days


@pytest.mark.parametrize("text", ["90", "d", "1y", "-3d", "1.5w", ""])
def test_any_other_duration_is_refused(text):
    with pytest.raises(ParamsError, match="is no duration"):
        read_age(text)


@pytest.mark.parametrize(("age", "stays"), [(90, True), (91, False)])
def test_only_workspaces_older_than_asked_go(file, tmp_path, age, stays):
    work, _ = run_first(file)
    now = (work.folder / "state.json").stat().st_mtime + age * DAY
    (dry,) = clean_workspaces([file], older_than=90, dry_run=True, now=now)
    assert work.folder.exists()
    (found,) = clean_workspaces([file], older_than=90, now=now)
    assert dry == found
    assert found.bytes > 0
    assert found.removed is not stays
    assert work.folder.exists() is stays
    assert (tmp_path / "data" / "visits.csv").exists()


def test_clean_says_what_went_and_what_stays(file):
    work, _ = run_first(file)
    old = (work.folder / "state.json").stat().st_mtime - 100 * DAY
    os.utime(work.folder / "state.json", (old, old))
    dry = CliRunner().invoke(app, ["clean", str(file.parent), "--dry-run"])
    assert "anna" in dry.output
    assert "would be removed" in dry.output
    assert "stays" in CliRunner().invoke(app, ["clean", str(file), "--older-than", "200d"]).output
    assert "removed" in CliRunner().invoke(app, ["clean", str(file)]).output
    assert "no workspace" in CliRunner().invoke(app, ["clean", str(file)]).output
