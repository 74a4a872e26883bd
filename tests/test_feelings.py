import numpy as np
import pandas as pd
import pytest
from reading import CLIENTS, DATA, make_client, source

from journeylib.accounts import tones_sentence
from journeylib.collect import collect
from journeylib.emotion import score_stages
from journeylib.exhibits import Exhibit
from journeylib.feelings import (
    compare_beliefs,
    describe_lines,
    describe_scales,
    show_beliefs,
    tone_voices,
)
from journeylib.params import read_params
from journeylib.tables import check_result
from journeylib.workspace import Workspace

PRAISE, BLAME = "The stay was lovely and the staff were great.", "It was a horrible, dirty room."


def workspace(params, folder):
    work = Workspace(params, folder / "work")
    collected = collect(params, folder / "log")
    toned = tone_voices(work, collected)
    collected.built.log.folder.rename(work.folder / "log") if work.folder.mkdir() is None else None
    work.keep(voices=toned.voices, tones=toned.checks, placed=collected.built.placed)
    return work


@pytest.fixture
def hotel(tmp_path):
    """Visits, an effort survey where low is good, and stars with words for two thirds."""
    rng = np.random.default_rng(3)
    visits, efforts, reviews = ["who,at,what"], ["who,at,answer"], ["who,at,stars,words"]
    for i in range(120):
        day = f"2025-0{1 + i % 6}-{1 + i % 27:02d}"
        visits += [f"c{i},{day} 10:00,check_in", f"c{i},{day} 12:00,room"]
        efforts.append(f"c{i},{day} 13:00,{rng.integers(1, 6)}")
        stars = "" if i % 3 == 0 else 5 - 4 * (i % 2)
        reviews.append(f'c{i},{day} 14:00,{stars},"{BLAME if i % 2 else PRAISE}"')
    for name, rows in (("visits", visits), ("efforts", efforts), ("reviews", reviews)):
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "acme.workshop.yml").write_text(
        "touchpoints:\n  - {name: check-in, feeling: good, pain: queues}\n  - {name: pool}\n",
        encoding="utf-8",
    )
    columns = {"customer_id": "who", "timestamp": "at"}
    return workspace(
        make_client(
            tmp_path,
            source("visits.csv", columns={**columns, "touchpoint": "what"}),
            {
                "name": "effort", "kind": "surveys", "path": "efforts.csv",
                "columns": {**columns, "score": "answer"},
                "constants": {"metric": "ces", "touchpoint": "check_in"},
                "scale": {"low": "1", "high": "5", "best": "low"},
            },
            {
                "name": "stars", "kind": "feedback", "path": "reviews.csv",
                "columns": {**columns, "rating": "stars", "text": "words"},
                "constants": {"touchpoint": "room"}, "scale": {"low": "1", "high": "5"},
            },
            workshop_map="acme.workshop.yml",
            stages={"model": "custom", "order": ["arrive", "stay"],
                    "rules": {"arrive": ["check_in"], "stay": ["room"]}},
        ),
        tmp_path,
    )  # fmt: skip


def test_every_scale_is_named_with_its_mapping_and_its_answers(hotel):
    table = describe_scales(hotel).set_index(["source", "told"])
    assert table.loc[("effort", "ces"), ["scale", "mapping", "answers"]].tolist() == [
        "1 to 5, low is good", "(3 − score) / 2", 120,
    ]  # fmt: skip
    assert table.loc[("stars", "rating"), ["mapping", "answers"]].tolist() == [
        "(score − 3) / 2",
        80,
    ]
    assert table.loc[("stars", "words"), "answers"] == 40


def test_the_mapping_named_is_the_one_that_was_used(hotel):
    voices = hotel.recall("voices")
    answers = pd.read_csv(hotel.params.root / "efforts.csv")["answer"]
    felt = voices.loc[voices["source"] == "effort", "feeling"]
    assert felt.tolist() == ((3 - answers) / 2).tolist()


def test_each_way_of_telling_has_a_line_in_journey_order(hotel):
    lines = describe_lines(hotel)
    assert lines["stage"].drop_duplicates().tolist() == ["arrive", "stay"]
    assert {"ces", "rating", "words"} <= set(lines["told"])
    assert lines.loc[lines["told"] == "words", "value"].between(-0.4, 0.4).all()


def test_ages_run_back_from_the_end_of_the_period(hotel):
    voices = hotel.recall("voices")
    end = pd.Timestamp(hotel.log.codes.end, unit="us", tz="UTC")
    assert voices["age_days"].to_numpy() == pytest.approx(
        (end - voices["timestamp"]).dt.total_seconds().to_numpy() / 86_400
    )


def test_beliefs_are_scored_against_the_workspace(hotel):
    feelings = score_stages(hotel.recall("voices"), hotel.recall("placed"), pd.DataFrame())
    table = compare_beliefs(hotel, feelings)
    check_result("beliefs", table)
    seen = table[table["aspect"] == "seen"].set_index("touchpoint")["verdict"]
    assert seen[["check_in", "pool", "room"]].tolist() == ["seen", "never seen", "not thought of"]
    assert "pool" in show_beliefs(table).html


def test_without_a_workshop_map_there_is_a_notice(tmp_path):
    (tmp_path / "a.csv").write_text("customer_id,timestamp,touchpoint\nc,2025-01-01,a\n")
    work = workspace(make_client(tmp_path, source("a.csv")), tmp_path)
    table = compare_beliefs(work, pd.DataFrame())
    assert table.empty
    assert isinstance(show_beliefs(table), Exhibit)
    assert "workshop_map" in show_beliefs(table).html
    assert describe_scales(work).empty
    assert describe_lines(work).empty


@pytest.mark.skipif(not DATA.exists(), reason="the public data sets do not lie beside the checkout")
def test_skytrax_words_go_with_their_ratings(tmp_path):
    """1,258 seat reviews with ratings: the lexicon's tone and the rating correlate at 0.64."""
    params = read_params(CLIENTS / "skytrax.yml")
    toned = tone_voices(Workspace(params, tmp_path), collect(params, tmp_path / "log"))
    check = toned.checks.set_index("language").loc["en"]
    assert check["value"] == pytest.approx(0.640, abs=0.01)
    assert 0.55 < check["low"] < check["value"] < check["high"] < 0.70
    assert check["auc"] == pytest.approx(0.877, abs=0.01)
    assert check["verdict"] == "goes with the ratings"
    assert "correlate at 0.64" in tones_sentence(toned.checks)
    left = toned.checks.set_index("language").loc["other"]
    assert left["texts"] < 15
