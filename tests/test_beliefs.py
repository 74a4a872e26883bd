import re
from pathlib import Path

import pytest
from reading import make_client, source

from journeylib.beliefs import (
    FEELINGS,
    StageBelief,
    TouchpointBelief,
    WorkshopMap,
    read_beliefs,
)
from journeylib.collect import collect
from journeylib.errors import ParamsError
from journeylib.handbook import handbook_text
from journeylib.params import read_params

ROOT = Path(__file__).parents[1]
GOOD = """\
held: 2025-01-14
stages:
  - {name: Decision, feeling: very-good}
touchpoints:
  - {name: search ad, stage: awareness, feeling: -2}
  - {name: payment, pain: Cards are refused, feeling: +0.5}
"""


def beliefs(folder, text):
    (folder / "acme.workshop.yml").write_text(text, encoding="utf-8")
    return read_beliefs(make_client(folder, source("a.csv"), workshop_map="acme.workshop.yml"))


def problems(folder, text):
    with pytest.raises(ParamsError) as refused:
        beliefs(folder, text)
    return refused.value.problems


def test_a_workshop_map_is_read_with_its_lines(tmp_path):
    found = beliefs(tmp_path, GOOD)
    assert found.held == "2025-01-14"
    assert found.stages.to_dict("records") == [{"stage": "decision", "feeling": 2.0, "line": 3}]
    first, second = found.touchpoints.to_dict("records")
    assert first == {
        "touchpoint": "search ad", "stage": "awareness", "feeling": -2.0, "pain": "", "line": 5,
    }  # fmt: skip
    assert (second["feeling"], second["pain"]) == (0.5, "Cards are refused")


def test_a_client_without_a_workshop_map_believes_nothing(tmp_path):
    assert read_beliefs(make_client(tmp_path, source("a.csv"))) is None


@pytest.mark.parametrize(("word", "feeling"), FEELINGS.items())
def test_feelings_are_words_or_numbers(tmp_path, word, feeling):
    for written in (word, word.upper(), f"{feeling:g}"):
        text = f"touchpoints: [{{name: a, feeling: {written}}}]"
        assert beliefs(tmp_path, text).touchpoints["feeling"].tolist() == [feeling]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("touchpoints:\n  - {name: a, feling: 1}", 2, "touchpoints[0].feling", '"feeling"'),
        ("touchpoints:\n  - {name: a, feeling: god}", 2, "touchpoints[0].feeling", '"good"'),
        ("touchpoints:\n  - {name: a, feeling: 2.1}", 2, "touchpoints[0].feeling", "-2 and 2"),
        ("touchpoints:\n  - {name: a, feeling: [1]}", 2, "touchpoints[0].feeling", "a list"),
        ("touchpoints:\n  - {name: a}\n  - {name: A}", 3, "touchpoints[1].name", "entry 1"),
        ("touchpoints:\n  - {name: a, stage: decison}", 2, "touchpoints[0].stage", '"decision"'),
        (
            "stages: [{name: bliss, feeling: 1}]\ntouchpoints: [{name: a}]",
            1, "stages[0].name", "not a stage",
        ),
        ("stages: []", 1, "touchpoints", "needed"),
        ("touchpoints: []", None, "touchpoints", "empty"),
        ("touchpoints: [a]", 1, "touchpoints[0]", "group of keys"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_near_miss(tmp_path, text, line, column, words):
    (problem,) = problems(tmp_path, text)
    assert problem.file == "acme.workshop.yml"
    assert problem.column == column
    assert words in f"{problem.message} {problem.fix}"
    if line is not None and column != "touchpoints":
        assert problem.line == line


def test_every_problem_is_reported_at_once(tmp_path):
    text = "touchpoints:\n  - {name: a, feeling: 9}\n  - {nam: b}\nheld: tomorrow"
    assert len(problems(tmp_path, text)) == 3


def test_a_missing_file_is_named_before_any_data_is_read(tmp_path):
    params = make_client(tmp_path, source("no.csv"), workshop_map="acme.workshop.yml")
    with pytest.raises(ParamsError, match=r"acme\.workshop\.yml") as refused:
        collect(params, tmp_path / "log")
    assert refused.value.problems[0].code == "E-NO-FILE"


def test_the_samples_workshop_map_is_read():
    found = read_beliefs(read_params(ROOT / "params" / "harbour-hotels.yml"))
    assert found is not None
    assert found.touchpoints["pain"].ne("").sum() >= 3


def test_the_example_of_the_handbook_is_read(tmp_path):
    _, example = re.findall(r"```yaml\n(.*?)```", handbook_text(), re.DOTALL)
    assert beliefs(tmp_path, example).touchpoints["feeling"].tolist() == [1.0, -1.0]


@pytest.mark.parametrize("section", [WorkshopMap, StageBelief, TouchpointBelief])
def test_every_key_stands_in_the_handbook(section):
    assert all(f"| `{key}` |" in handbook_text() for key in section.model_fields)
