"""Tables between notebooks: checked, safe to open, small groups blank, the state honest."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from tiny import write_tiny_client

from journeylib.errors import DataError
from journeylib.params import read_params
from journeylib.workspace import Workspace, open_workspace, work_folder, write_table


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path / "work"))
    params = read_params(write_tiny_client(tmp_path, "anna"))
    return Workspace(params, work_folder(params))


def test_what_is_handed_over_can_be_read_back_and_marks_the_notebook(work):
    table = pd.DataFrame({"check": ["a"], "source": ["s"], "status": ["pass"], "message": ["m"]})
    work.hand_over("01", tables={"quality": table})
    assert work.read("quality")["status"].tolist() == ["pass"]
    assert work.done() == {"01"}


def test_an_empty_table_is_not_written_and_reads_as_empty_with_its_columns(work):
    work.hand_over("03", tables={"paths": pd.DataFrame()})
    assert not (work.tables / "paths.csv").exists()
    assert "journeys" in work.read("paths")


def test_a_table_outside_its_contract_is_refused(work):
    table = pd.DataFrame({"check": ["a"], "status": ["maybe"]})
    with pytest.raises(DataError, match="does not fit its contract"):
        work.hand_over("01", tables={"quality": table})


@pytest.mark.parametrize(("customers", "shown"), [(9, False), (10, True)])
def test_groups_below_the_smallest_cell_are_blank(work, customers, shown):
    row = {
        "touchpoint": "x",
        "customers": customers,
        "events": 12,
        "value": 0.1,
        "low": 0.0,
        "high": 0.2,
    }
    work.hand_over("03", tables={"touchpoints": pd.DataFrame([row])})
    found = work.read("touchpoints").iloc[0]
    assert bool(pd.notna(found["customers"])) is shown
    assert bool(pd.notna(found["value"])) is shown


def test_work_done_on_other_data_or_another_client_file_does_not_count(work, tmp_path):
    work.hand_over("01", tables={})
    orders = tmp_path / "data" / "anna" / "orders.csv"
    orders.write_text(orders.read_text() + "A0001,2025-03-01 10:00:00,5.00,99999\n")
    assert work.done() == set()


def test_the_log_is_built_again_from_scratch(work):
    work.hand_over("01", tables={})
    work.keep(extra=pd.DataFrame({"a": [1]}))
    collected = work.collect()
    assert work.done() == set()
    assert work.recall("extra").empty
    assert len(work.log) == collected.built.facts["n_events"]


def test_no_spreadsheet_takes_a_cell_for_a_formula(tmp_path):
    write_table(pd.DataFrame({"a": ["=1+1", "-2", "fine"], "b": [-1.0, 2.0, 3.0]}), tmp_path / "t")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1:] == ["'=1+1,-1.0", "'-2,2.0", "fine,3.0"]


def test_the_first_notebook_needs_nothing_before_it(work, tmp_path):
    opened = open_workspace(str(tmp_path / "params" / "anna.yml"), notebook="01")
    assert opened.params.client == "anna"
    assert opened.folder == work.folder


def test_state_written_by_hand_does_not_pass_for_done(work):
    work.folder.mkdir(parents=True)
    (work.folder / "state.json").write_text(json.dumps({"01": "someone says so"}))
    assert work.done() == set()
