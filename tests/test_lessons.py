"""Exercises stay in step with the notebooks, answers are judged fairly, and no truth leaks."""

import ast
import hashlib
import itertools
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.answers import EXERCISES, Exercise, check_answer, judge_answer
from journeylib.errors import JourneyError
from journeylib.lessons import (
    OPEN_ANSWER,
    blank_solutions,
    has_tag,
    list_questions,
    read_notebook,
    set_client,
    write_workshop,
)
from journeylib.samples import SAMPLE_CLIENTS, write_samples
from journeylib.syllabus import LESSONS
from journeylib.tables import complete_result
from journeylib.trainer import TOTAL, list_answers, read_truths
from journeylib.workspace import NOTEBOOKS

ROOT = Path(__file__).parents[1]
REAL = {one.notebook: read_notebook(ROOT / f"notebooks/{one.notebook}.ipynb") for one in LESSONS}
CLIENT = "harbour-hotels"
each_notebook = pytest.mark.parametrize("name", REAL)
COUNT, MEASURE, CHOICE, NAME = (
    Exercise(kind, lambda _: None, "Look again.", "Well done.")
    for kind in ("count", "measure", "choice", "name")
)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    out = tmp_path_factory.mktemp("room") / "workshop"
    folders = write_workshop(out, client=CLIENT, learners=2, seed=5)
    return SimpleNamespace(out=out, folders=folders, learners=folders[:-1], trainer=folders[-1])


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def digests(folder):
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files_of(folder)
    }


def verdict(task, answer, expected):
    return judge_answer(task, answer, expected=expected).verdict


def says(exhibit):
    return re.sub("<[^>]+>", "", exhibit.html)


class Tables:
    """A workspace of tables that were typed in; those not named are empty."""

    def __init__(self, **tables):
        self.tables = tables
        self.params = SimpleNamespace(pains=SimpleNamespace(fdr=0.10))

    def read(self, name):
        return complete_result(name, pd.DataFrame(self.tables.get(name, {})))

    def recall(self, name):
        return pd.DataFrame(self.tables.get(name, {}))


# ---------------------------------------------------------------- golden: exercises and notebooks


@each_notebook
def test_every_solution_stands_between_its_exercise_and_its_answer_check(name):
    kinds = [
        tag
        for cell in REAL[name].cells
        for tag in ("exercise", "solution", "answer")
        if has_tag(cell, tag)
    ]
    assert len(kinds) >= 6
    assert kinds == ["exercise", "solution", "answer"] * (len(kinds) // 3)
    assert len(list_questions(REAL[name])) == len(kinds) // 3


def test_every_exercise_of_a_notebook_can_be_checked_and_every_check_is_asked():
    asked = [q.exercise for one in REAL.values() for q in list_questions(one)]
    assert asked == list(EXERCISES)


@each_notebook
def test_exercises_carry_their_number_and_that_of_their_notebook(name):
    for place, question in enumerate(list_questions(REAL[name]), start=1):
        assert question.exercise == f"{name[:2]}.{place}"
        assert question.text.startswith(f"**{question.exercise}** ")


@each_notebook
def test_solutions_open_with_one_line_that_says_what_is_asked_for(name):
    for question in list_questions(REAL[name]):
        lines = question.solution.splitlines()
        assert [line.startswith("#") for line in lines] == [True] + [False] * (len(lines) - 1)
        assert len(lines) <= 12


def test_lessons_are_the_notebooks_in_their_order():
    assert tuple(one.notebook for one in LESSONS) == NOTEBOOKS
    assert TOTAL <= 240  # half a day


@each_notebook
def test_blanked_notebooks_equal_the_real_ones_but_for_solutions(name):
    blanked = blank_solutions(REAL[name])
    assert blanked.metadata == REAL[name].metadata
    for before, after in zip(REAL[name].cells, blanked.cells, strict=True):
        if has_tag(before, "solution"):
            assert after.source.splitlines() == [before.source.splitlines()[0], OPEN_ANSWER]
            assert {**after, "source": ""} == {**before, "source": ""}
        else:
            assert after == before


@each_notebook
def test_blanked_cells_hold_nothing_but_three_dots(name):
    for cell in blank_solutions(REAL[name]).cells:
        if has_tag(cell, "solution"):
            (statement,) = ast.parse(cell.source).body
            assert ast.unparse(statement) == OPEN_ANSWER


@each_notebook
def test_solutions_raise_nothing_where_every_table_is_empty(name):
    def empty(table):
        return complete_result(table, pd.DataFrame())

    tables = {
        "collected": SimpleNamespace(sources=empty("sources"), quality=empty("quality")),
        "personas": SimpleNamespace(table=empty("personas")),
        "measured": SimpleNamespace(
            impacts=empty("impacts"), checks=empty("impact_checks"), plain=pd.DataFrame()
        ),
        "rules": SimpleNamespace(fdr=0.10),
        "compared": pd.DataFrame(columns=["p_value"]),
        **{table: empty(table) for table in ("stages", "loops", "pains", "impacts", "assumptions")},
    }
    for question in list_questions(REAL[name]):
        exec(question.solution, tables)
        said = says(check_answer(Tables(), question.exercise, tables["answer"]))
        assert said.startswith(("Right", "Nothing to check")), (question.exercise, said)


# ---------------------------------------------------------------- golden: the folders


def test_a_learner_gets_a_whole_working_folder(room):
    found = files_of(room.learners[0])
    assert {name.split("/")[0] for name in found} == {
        "README.md", "notebooks", "params", "sample_data",
    }  # fmt: skip
    assert f"params/{CLIENT}.yml" in found
    assert [n for n in found if n.endswith(".ipynb")] == [f"notebooks/{n}.ipynb" for n in NOTEBOOKS]


def test_folders_are_returned_learners_first_and_nothing_else_is_left(room):
    assert [path.name for path in room.folders] == ["learner-01", "learner-02", "trainer"]
    assert sorted(path.name for path in room.out.iterdir()) == [p.name for p in room.folders]


@pytest.mark.parametrize("number", [0, 1])
def test_a_learners_data_is_what_the_seed_gives_without_the_truth(room, number, tmp_path):
    write_samples(tmp_path, clients=[CLIENT], seed=5 + number)
    expected = digests(tmp_path)
    del expected[f"{CLIENT}/truth.json"]
    assert digests(room.learners[number] / "sample_data") == expected


def test_learners_have_different_data(room):
    one, other = (digests(folder / "sample_data") for folder in room.learners)
    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())


def test_no_truth_lies_in_a_learners_folder(room):
    measured = [one["measure"] for one in read_truths(room.trainer)["learner-01"]["planted"]]
    for folder in room.learners:
        assert not list(folder.rglob("truth*"))
        for file in [*folder.rglob("*.md"), *folder.rglob("*.ipynb"), *folder.rglob("*.yml")]:
            text = file.read_text(encoding="utf-8")
            assert "planted" not in text
            assert not any(words in text for words in measured)


@each_notebook
def test_generated_notebooks_differ_from_the_real_ones_only_as_announced(room, name):
    real = set_client(REAL[name], f"params/{CLIENT}.yml")
    for folder in room.learners:
        assert read_notebook(folder / f"notebooks/{name}.ipynb") == blank_solutions(real)
        solved = room.trainer / folder.name / f"notebooks/{name}.ipynb"
        assert read_notebook(solved) == real


@each_notebook
def test_only_the_default_of_the_parameter_changes(name):
    changed = set_client(REAL[name], "params/brightdesk.yml")
    for before, after in zip(REAL[name].cells, changed.cells, strict=True):
        if has_tag(before, "parameters"):
            assert after.source == before.source.replace("northside-clothing", "brightdesk")
        assert after == before or has_tag(before, "parameters")


def test_the_trainer_gets_each_learners_own_truth(room):
    truths = read_truths(room.trainer)
    assert {name: truth["seed"] for name, truth in truths.items()} == {
        "learner-01": 5, "learner-02": 6,
    }  # fmt: skip


def test_the_guide_tells_every_planted_size_every_question_and_the_minutes(room):
    guide = (room.trainer / "guide.md").read_text(encoding="utf-8")
    for name, truth in read_truths(room.trainer).items():
        effect = truth["planted"][1]["realised"]["effect"]
        assert re.search(rf"\| {name} \| {effect:.4g} \|", guide)
    for question in (q for one in REAL.values() for q in list_questions(one)):
        assert question.text in guide
        assert question.solution in guide
    assert f"**{TOTAL}**" in guide
    assert "Bottomley and Nairn (2004" in guide
    assert "{" not in re.sub(r"```.*?```", "", guide, flags=re.DOTALL)


def test_the_readme_names_every_notebook_and_objective(room):
    page = (room.learners[0] / "README.md").read_text(encoding="utf-8")
    for lesson in LESSONS:
        assert f"| `{lesson.notebook}` | {lesson.minutes} |" in page
        assert all(words in page for words in [*lesson.objectives, *lesson.points])


@pytest.mark.parametrize("client", [name for name in SAMPLE_CLIENTS if name != CLIENT])
def test_every_sample_client_can_be_taught_with(client, tmp_path):
    learner, trainer = write_workshop(tmp_path / "out", client=client, learners=1, seed=2)
    assert (learner / "params" / f"{client}.yml").is_file()
    for effect in read_truths(trainer)["learner-01"]["planted"]:
        assert effect["measure"] in (trainer / "guide.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------- golden: the expected answers


def test_expected_answers_are_counted_from_the_tables():
    work = Tables(
        sources={"rows_dropped": [3, 0, 4]},
        quality={"status": ["pass", "warn", "fail"]},
        personas={"share": [0.25, 0.6], "verdict": ["natural", "unstable"]},
        stages={"persona": ["all", "all", "all", "A"], "to_next": [0.5, 0.0, 0.4, 0.1]},
        loops={"touchpoint": ["a", "b", "c"], "customers": [5, 9, None]},
        pains={"kind": ["loss", "sentiment", "sentiment"]},
        compared={"p_value": [0.1, 0.2, None, 0.3]},
        impacts={"low": [0.02, -1], "high": [0.05, 1], "evidence": ["B", "D"]},
        impact_checks={"status": ["pass", "fail"]},
        plain={"plain": [0.1, 9.0], "value": [0.04, 1.0]},
        assumptions={"status": ["warn", "pass"]},
    )
    assert list_answers(work) == {
        "01.1": "7", "01.2": "2", "02.1": "60", "02.2": "1", "03.1": "40", "03.2": "b",
        "04.1": "2", "04.2": "0.3", "05.1": "0.03", "05.2": "1", "05.3": "1", "05.4": "0.06",
        "06.1": "1", "06.2": "1",
    }  # fmt: skip


def test_asked_for_answers_the_guide_shows_them_and_what_each_learner_sees(tmp_path, monkeypatch):
    impact = {
        "intervention": "Mobile check-in", "value": 0.1, "low": 0.03, "high": 0.17,
        "unit": "share", "verdict": "works, worth it", "evidence": "B",
    }  # fmt: skip
    delight = {
        "touchpoint": "check_in_queue", "kind": "sentiment", "value": 0.3, "unit": "sentiment",
        "low": math.nan, "high": math.nan,
    }  # fmt: skip
    work = Tables(impacts=[impact], delights=[delight])
    monkeypatch.setattr("journeylib.trainer._run_solutions", lambda _: work)
    *_, trainer = write_workshop(tmp_path / "out", learners=1, answers=True)
    guide = (trainer / "guide.md").read_text(encoding="utf-8")
    assert f"| learner | {' | '.join(EXERCISES)} |" in guide
    assert "| learner-01 | 0 | 0 | – | 0 | – | – | 0 | – | 0.14 | 1 | 0 | – | 1 | 0 |" in guide
    assert "works, worth it: 10 points (3 to 17 points)" in guide
    assert "| learner-01 | delights: sentiment: +0.30 |" in guide


@pytest.mark.parametrize(
    ("low", "high", "excluded"),
    [(0.01, 0.2, 1), (-0.2, -0.01, 1), (0.0, 0.2, 0), (-0.2, 0.0, 0), (-0.1, 0.1, 0)],
)
def test_an_interval_that_ends_at_zero_does_not_exclude_it(low, high, excluded):
    work = Tables(impacts={"low": [low], "high": [high]})
    assert EXERCISES["05.2"].expected(work) == excluded


@pytest.mark.parametrize("exercise", ["02.1", "03.1", "03.2", "04.2", "05.1", "05.2"])
def test_a_client_without_the_tables_has_nothing_to_check(exercise):
    assert says(check_answer(Tables(), exercise, 1)).startswith("Nothing to check")


# ---------------------------------------------------------------- boundary: verdicts


@pytest.mark.parametrize(
    ("task", "answer", "expected", "says"),
    [
        (MEASURE, 200.99, 200.0, "Right"),
        (MEASURE, 201.01, 200.0, "Close"),
        (MEASURE, 180.0, 200.0, "Close"),
        (MEASURE, 179.9, 200.0, "Not yet"),
        (MEASURE, -0.0995, -0.1, "Right"),
        (MEASURE, 0.0, 0.0, "Right"),
        (MEASURE, 0.001, 0.0, "Not yet"),
        (MEASURE, 0.384, 38.4, "Close"),
        (MEASURE, 3840, 38.4, "Close"),
        (MEASURE, -38.4, 38.4, "Close"),
        (COUNT, 1000, 1000.0, "Right"),
        (COUNT, 1001, 1000.0, "Close"),
        (COUNT, 1100, 1000.0, "Close"),
        (COUNT, 1101, 1000.0, "Not yet"),
        (COUNT, 4, 3.0, "Not yet"),
        (CHOICE, 1, 1.0, "Right"),
        (CHOICE, True, 1.0, "Right"),
        (CHOICE, 0, 1.0, "Not yet"),
        (CHOICE, 0.95, 1.0, "Not yet"),
        (NAME, "check_in", "check_in", "Right"),
        (NAME, "Check in", "check_in", "Right"),
        (NAME, "  Check_In ", "check_in", "Right"),
        (NAME, "chek in", "check_in", "Close"),
        (NAME, "room", "check_in", "Not yet"),
        (NAME, 3, "check_in", "Not yet"),
    ],
)
def test_verdicts_turn_where_they_should(task, answer, expected, says):
    assert verdict(task, answer, expected) == says


@pytest.mark.parametrize(
    "answer", [np.int64(7), np.float64(7), "7", pd.Series([7]), np.array([7]), pd.DataFrame([[7]])]
)
def test_one_number_counts_in_whatever_it_is_wrapped(answer):
    assert verdict(COUNT, answer, 7.0) == "Right"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (math.nan, "a missing value"),
        (pd.NA, "a missing value"),
        (pd.Series([1, 2]), "a Series of 2 values"),
        (pd.Series(dtype="float64"), "a Series of 0 values"),
        ([7], "of the type list"),
        ("seven", "of the type str"),
    ],
)
def test_what_is_no_number_is_named(answer, what):
    remark = judge_answer(COUNT, answer, expected=7.0)
    assert remark.verdict == "Not yet"
    assert what in remark.why


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("answer", [None, ...])
def test_an_open_answer_is_the_learners_turn_even_without_tables(exercise, answer):
    assert says(check_answer(None, exercise, answer)).startswith("Your turn")


def test_a_wrong_choice_is_not_given_a_side():
    assert "too" not in judge_answer(CHOICE, 0, expected=1.0).why


# ---------------------------------------------------------------- property


@given(
    expected=st.floats(1000, 1e6).map(lambda x: round(x, 1)),
    factor=st.floats(-3, 3),
    task=st.sampled_from([COUNT, MEASURE]),
)
def test_a_remark_never_holds_the_answer(expected, factor, task):
    remark = judge_answer(task, expected * factor, expected=expected)
    assert not re.search(r"\d", remark.why)


@given(expected=st.floats(-1e9, 1e9))
def test_the_answer_itself_is_always_right(expected):
    assert verdict(MEASURE, expected, expected) == "Right"
    assert verdict(COUNT, expected, expected) == "Right"


# ---------------------------------------------------------------- refusal


def test_an_unknown_client_is_refused_with_the_near_one(tmp_path):
    with pytest.raises(JourneyError, match=r'"harbor-hotels" .* Did you mean "harbour-hotels"\?'):
        write_workshop(tmp_path / "out", client="harbor-hotels")
    assert not (tmp_path / "out").exists()


def test_all_that_is_wrong_with_a_request_is_said_at_once(tmp_path):
    with pytest.raises(JourneyError) as refused:
        write_workshop(tmp_path / "out", client="x", learners=0, seed=-1)
    assert len(refused.value.problems) == 3


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(JourneyError, match=r"is not empty; nothing was written"):
        write_workshop(tmp_path, learners=1)
    assert files_of(tmp_path) == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(JourneyError, match="cannot be used"):
        write_workshop(tmp_path / "out", learners=1)


def test_an_interrupted_workshop_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("journeylib.lessons.write_guide", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_workshop(tmp_path / "out", learners=1)
    assert files_of(tmp_path) == []


def test_an_unknown_exercise_is_refused_with_the_near_one():
    with pytest.raises(JourneyError, match=r'no exercise 03\.9.*\n.*Did you mean "03\.\d"'):
        check_answer(Tables(), "03.9", 1)


@pytest.mark.parametrize("source", ['client = "a"', 'client: str = "a"\nclient: str = "b"'])
def test_a_notebook_without_its_one_parameter_is_refused(source):
    notebook = blank_solutions(REAL[NOTEBOOKS[0]])
    (cell,) = [cell for cell in notebook.cells if has_tag(cell, "parameters")]
    cell.source = source
    with pytest.raises(JourneyError, match="one is needed"):
        set_client(notebook, "params/x.yml")


# ---------------------------------------------------------------- whole notebooks


def remarks(notebook):
    answers = [cell for cell in notebook.cells if has_tag(cell, "answer")]
    return [re.sub("<[^>]+>", "", cell.outputs[0]["data"]["text/html"]) for cell in answers]


def run(folder, name):
    from journeylib.kernels import execute_notebook

    client = folder / "params" / f"{CLIENT}.yml"
    return execute_notebook(folder / "notebooks" / f"{name}.ipynb", client=str(client)).notebook


@pytest.mark.slow
def test_a_learners_notebook_runs_with_its_exercises_open(room, tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path))
    monkeypatch.chdir(room.learners[0])
    assert all(
        said.startswith("Your turn") for said in remarks(run(room.learners[0], NOTEBOOKS[0]))
    )
    state = json.loads((tmp_path / CLIENT / "state.json").read_text(encoding="utf-8"))
    assert list(state) == ["01"]


@pytest.mark.slow
def test_every_solution_is_right(room, tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path))
    solved = room.trainer / room.learners[1].name
    said = itertools.chain.from_iterable(remarks(run(solved, name)) for name in NOTEBOOKS)
    assert {exercise: words[:5] for exercise, words in zip(EXERCISES, said, strict=True)} == (
        dict.fromkeys(EXERCISES, "Right")
    )
