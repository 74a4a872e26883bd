from pathlib import Path

import pandas as pd
import pytest

import journeylib as jl
from journeylib.collect import collect
from journeylib.feelings import tone_voices
from journeylib.params import read_params
from journeylib.tables import check_result, complete_result
from journeylib.workspace import Workspace

ROOT = Path(__file__).parents[1]
SAMPLES = {
    "northside-clothing": ({"Delivery", "Checkout", "Collection in store"}, "Waiting"),
    "brightdesk": ({"Set-up", "Payment and billing"}, None),
    "harbour-hotels": ({"Waiting", "Arrival and check-in", "Food and drink"}, None),
}


@pytest.fixture(scope="module", params=sorted(SAMPLES))
def heard(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    params = read_params(ROOT / "params" / f"{request.param}.yml")
    work = Workspace(params, folder)
    collected = collect(params, folder / "log")
    toned = tone_voices(work, collected)
    people = toned.voices["customer"].dropna().astype("int64").unique()
    work.keep(
        voices=toned.voices, placed=collected.built.placed,
        assignments=pd.DataFrame({"customer": people, "persona": ["a", "b"][0]}),
    )  # fmt: skip
    return request.param, work, jl.hear_customers(work)


def test_the_samples_speak_of_what_was_planted(heard):
    name, _, themes = heard
    expected, worst = SAMPLES[name]
    assert expected <= set(themes.table["theme"])
    if worst:
        rated = themes.table.dropna(subset=["sentiment"])
        assert rated.loc[rated["sentiment"].idxmin(), "theme"] in {worst, "Website and app"}


def test_what_is_handed_over_fits_its_contract_and_withholds_small_groups(heard):
    _, work, themes = heard
    table = work.protect("themes", complete_result("themes", themes.table))
    check_result("themes", table)
    assert (table["mentions"].dropna() >= 10).all()
    shown = themes.cells["mentions"]
    assert not ((shown > 0) & (shown < 10)).any()
    periods = jl.hear_changes(work, themes).periods["mentions"]
    assert not ((periods > 0) & (periods < 10)).any()


def test_every_reported_theme_is_stable_and_quoted(heard):
    _, _, themes = heard
    assert (themes.table["stability"] >= 0.7).all()
    assert themes.table["quote_1"].notna().all()
    assert not themes.table.filter(like="quote_").apply(lambda q: q.str.contains("@")).any().any()
