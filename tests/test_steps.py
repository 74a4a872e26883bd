"""What notebooks ask of a workspace, held to published results on real data, without a kernel."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tiny import write_tiny_client

from journeylib import atlas, steps, trying, verdict_cards
from journeylib.params import read_params
from journeylib.workspace import Workspace, work_folder

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the public data sets are not beside us")


def open_client(file, folder, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(folder))
    params = read_params(file)
    work = Workspace(params, work_folder(params))
    steps.keep_collected(work, work.collect())
    return work


def measured(name, folder, monkeypatch):
    work = open_client(ROOT / "tests" / "clients" / f"{name}.yml", folder, monkeypatch)
    return trying.measure_interventions(work)


@needs_data
def test_hillstroms_test_as_recomputed_from_the_published_file(tmp_path, monkeypatch):
    found = measured("hillstrom", tmp_path, monkeypatch)
    men = found.impacts[found.impacts["arm"] == "Mens E-Mail"].set_index("metric")
    visit, spend = men.loc["visit"], men.loc["spend"]
    assert visit["value"] == pytest.approx(0.07659, abs=1e-5)
    assert (visit["low"], visit["high"]) == pytest.approx((0.06995, 0.08322), abs=2e-5)
    assert spend["value"] == pytest.approx(0.770, abs=5e-4)
    assert (spend["low"], spend["high"]) == pytest.approx((0.485, 1.055), abs=5e-4)
    srm = found.checks[found.checks["check"] == "srm"].iloc[0]
    assert srm["statistic"] == pytest.approx(0.904, abs=5e-4)
    assert srm["status"] == "pass"


@needs_data
def test_proposition_99_difference_as_in_arkhangelsky_2021(tmp_path, monkeypatch):
    found = measured("prop99", tmp_path, monkeypatch).impacts.iloc[0]
    assert found["value"] == pytest.approx(-27.35, abs=0.01)


@needs_data
def test_organ_donation_difference_as_in_kessler_and_roth(tmp_path, monkeypatch):
    found = measured("organ-donation", tmp_path, monkeypatch).impacts.iloc[0]
    assert found["value"] == pytest.approx(-0.02246, abs=1e-5)


def test_an_intervention_without_its_data_is_named_and_the_others_go_on(tmp_path, monkeypatch):
    file = write_tiny_client(tmp_path, "anna")
    change = "{name: New shop, design: before_after, metric: nps, start: 2025-03-01}"
    file.write_text(file.read_text() + f"interventions:\n  - {change}\n")
    found = trying.measure_interventions(open_client(file, tmp_path / "work", monkeypatch))
    assert found.impacts["verdict"].tolist() == ["not interpretable"]
    (check,) = found.checks.to_dict("records")
    assert check["status"] == "fail"
    assert 'No source holds the metric "nps"' in check["message"]
    html = verdict_cards.show_interventions(found).html
    assert "New shop" in html
    assert "no verdict" in html


def test_without_interventions_nothing_is_invented(tmp_path, monkeypatch):
    work = open_client(write_tiny_client(tmp_path, "anna"), tmp_path / "work", monkeypatch)
    found = trying.measure_interventions(work)
    assert found.impacts.empty
    assert "No change has been declared" in verdict_cards.show_interventions(found).html
    assert "There is no map without journeys" in atlas.map_journey(work).html


def test_known_customers_count_even_when_they_did_nothing(tmp_path, monkeypatch):
    work = open_client(write_tiny_client(tmp_path, "anna"), tmp_path / "work", monkeypatch)
    work.keep(attributes=pd.DataFrame({"customer": [0, 9999], "churned": [True, False]}))
    customers = steps.join_customers(work).set_index("customer")
    assert customers.loc[9999, "events"] == 0
    assert bool(customers.loc[0, "churned"])
    assert len(steps.count_people(work)) == len(customers) - 1
