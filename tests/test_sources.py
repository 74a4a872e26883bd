"""Sources into tables: which column means what, which rows go, and why."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import HEADER, codes, make_client, read_text, refusal, source

from journeylib.engine import open_connection
from journeylib.errors import DataError, JourneyError
from journeylib.sources import SCALES, read_sources

TWO = f"{HEADER}\nc1,2024-01-01,visit\nc2,2024-01-02,till\n"
ORDERS = (
    "customer,date,total,status\nc1,2024-01-01,10,ok\nc2,2024-01-02,20,void\n,2024-01-03,30,ok\n"
)


# ------------------------------------------------------------------ golden


def test_columns_are_found_by_name_then_by_synonym(tmp_path):
    text = "Customer ID;Time;Event;REVENUE\nc1;2024-01-01;visit;5\n"
    table, rows = read_text(tmp_path, text)
    assert list(rows) == ["customer_id", "timestamp", "touchpoint", "value"]
    matched = [note.column for note in table.notes if note.code == "N-COLUMN-MATCHED"]
    assert matched == ["Time", "Event", "REVENUE"]


def test_rows_are_left_out_under_their_first_reason(tmp_path):
    table, rows = read_text(
        tmp_path, ORDERS, kind="orders", keep=["status <> 'void'", "total < 30"]
    )
    assert table.drops == {"not kept by status <> 'void'": 1, "not kept by total < 30": 1}
    assert (table.rows_read, table.rows_used, len(rows)) == (3, 1, 1)


def test_arithmetic_on_source_columns_makes_a_value(tmp_path):
    text = 'customer_id,timestamp,nights,rate\nc1,2024-01-01,3,"10,50"\n'
    _, rows = read_text(
        tmp_path, text, kind="orders", compute={"value": "nights * rate"}, format={"decimal": ","}
    )
    assert rows["value"].tolist() == [31.5]


def test_constants_take_the_type_of_their_column(tmp_path):
    _, rows = read_text(tmp_path, TWO, constants={"value": "2.5", "channel": "web"})
    assert rows["value"].sum() == 5
    assert rows["channel"].tolist() == ["web", "web"]


def test_each_row_can_be_its_own_customer(tmp_path):
    text = "rating,text\n5,good\n1,bad\n"
    _, rows = read_text(tmp_path, text, kind="feedback", columns={"customer_id": "row"})
    assert rows["customer_id"].tolist() == ["row 1-1", "row 1-2"]
    assert rows["sentiment"].tolist() == [1, -1]


@pytest.mark.parametrize(
    ("scale", "sentiment"),
    [
        ({"low": 0, "high": 10}, [-1, 0, 1]),
        ({"low": 0, "high": 10, "best": "low"}, [1, 0, -1]),
    ],
)
def test_scores_become_sentiment_from_minus_one_to_one(tmp_path, scale, sentiment):
    text = "timestamp,score\n2024-01-01,0\n2024-01-01,5\n2024-01-01,10\n"
    _, rows = read_text(tmp_path, text, kind="surveys", constants={"metric": "nps"}, scale=scale)
    assert rows["sentiment"].tolist() == sentiment


def test_the_usual_scales_are_those_of_their_papers():
    """Reichheld 2003: 0 to 10; Dixon, Freeman and Toman 2010: effort 1 to 5."""
    assert SCALES == {"nps": (0, 10), "csat": (1, 5), "ces": (1, 5)}


def test_words_of_feeling_are_numbers(tmp_path):
    text = TWO.replace("touchpoint", "touchpoint,sentiment").replace("visit", "visit,Positive")
    table, rows = read_text(tmp_path, text.replace("till", "till,negative"))
    assert rows["sentiment"].tolist() == [1, -1]
    assert "N-SENTIMENT-WORDS" in codes(table)


def test_tenure_is_given_in_days(tmp_path):
    text = "customer_id,tenure\nc1,12\n"
    constants = {"tenure_unit": "months"}
    _, rows = read_text(tmp_path, text, kind="customers", constants=constants)
    assert rows["tenure"].tolist() == [365.25]


def test_missing_values_are_declared_by_mapped_name(tmp_path):
    text = "who,timestamp,touchpoint,value\n0,2024-01-01,x,99\n7,2024-01-02,x,5\n"
    table, rows = read_text(
        tmp_path, text, columns={"customer_id": "who"}, missing={"customer_id": [0], "value": [99]}
    )
    assert table.drops == {"no customer_id": 1}
    assert rows["value"].tolist() == [5]


def test_outcomes_of_experiments_are_numbers(tmp_path):
    text = "unit_id,group,converted,spend,plan\nu1,A,TRUE,1.5,x\nu2,B,false,,y\n"
    _, rows = read_text(tmp_path, text, kind="experiments")
    assert rows["converted"].tolist() == [1, 0]
    assert rows["spend"].isna().tolist() == [False, True]
    assert rows["variant"].tolist() == ["A", "B"]


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("low", "high", "fits"), [(0, 10, True), (0, 9, False), (1, 10, False)])
def test_the_ends_of_a_scale_belong_to_it(tmp_path, low, high, fits):
    text = "timestamp,score\n2024-01-01,0\n2024-01-01,10\n"
    keys = {"kind": "surveys", "constants": {"metric": "nps"}, "scale": {"low": low, "high": high}}
    if fits:
        assert len(read_text(tmp_path, text, **keys)[1]) == 2
    else:
        assert refusal(tmp_path, text, **keys).code == "E-SCORE-RANGE"


def test_half_of_the_times_may_be_missing_and_no_more(tmp_path):
    text = f"{HEADER}\nc1,2024-01-01,x\nc2,,x\n"
    assert read_text(tmp_path, text)[0].drops == {"no timestamp": 1}
    assert refusal(tmp_path, text + "c3,,x\n").code == "E-TOO-MANY-MISSING"


def test_an_attribute_may_be_named_like_a_column_of_the_table(tmp_path):
    text = "who,Customer_ID,timestamp,touchpoint\na,b,2024-01-01,x\n"
    table, rows = read_text(tmp_path, text, columns={"customer_id": "who"})
    assert table.attributes == ("Customer_ID (source)",)
    assert rows["customer_id"].tolist() == ["a"]


# ------------------------------------------------------------------ property


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_rows_read_are_rows_used_and_rows_left_out(tmp_path_factory, picks):
    kinds = ["c1,2024-01-01,visit", ",2024-01-01,visit", "c2,,visit", "c3,1970-01-01,x"]
    text = f"{HEADER}\nc9,2024-01-05,a\nc9,2024-01-06,a\nc9,2024-01-07,a\n"
    text += "".join(f"{kinds[pick]}\n" for pick in picks)
    try:
        table, rows = read_text(tmp_path_factory.mktemp("s"), text, duplicates="drop")
    except DataError as refused:
        assert {p.code for p in refused.problems} == {"E-TOO-MANY-MISSING"}  # noqa: PT017
        return
    assert table.rows_read == 3 + len(picks)
    assert len(rows) == table.rows_used == table.rows_read - sum(table.drops.values())
    assert table.duplicates == len(picks) - len(set(picks))


# ------------------------------------------------------------------ refusal


def test_every_problem_of_every_source_is_reported_at_once(tmp_path):
    (tmp_path / "a.csv").write_text("customer,time\nc1,2024-01-01\n")
    (tmp_path / "b.csv").write_text(TWO.replace("2024-01-02", "soon"))
    sources = [source("a.csv"), source("b.csv") | {"name": "other"}]
    params = make_client(tmp_path, *sources)
    with pytest.raises(DataError) as refused:
        read_sources(params, open_connection(memory="1GB", scratch=tmp_path))
    found = {(problem.file, problem.code) for problem in refused.value.problems}
    assert found == {("a.csv", "E-MISSING-COLUMN"), ("b.csv", "E-DATE-UNREADABLE")}


@pytest.mark.parametrize(
    ("text", "keys", "code", "line"),
    [
        ("customer_id,timestamp\nc1,2024-01-01\n", {}, "E-MISSING-COLUMN", 1),
        (TWO, {"columns": {"customer_id": "cust"}}, "E-MISSING-COLUMN", 1),
        (TWO, {"columns": {"timestamp": ["day", "hour"]}}, "E-MISSING-COLUMN", 1),
        (TWO, {"keep": ["touch = 1"]}, "E-EXPRESSION", None),
        (TWO, {"compute": {"timestamp": "1 + 1"}}, "E-EXPRESSION", None),
        (TWO, {"constants": {"value": "five"}}, "E-CONSTANT", None),
        (TWO + "Total,,\n", {}, "E-TOTAL-ROW", 4),
        (f"{HEADER}\n,2024-01-01,x\n", {}, "E-COLUMN-EMPTY", 2),
        (TWO.replace("touchpoint", "stage").replace("till", "decison"),
         {"constants": {"touchpoint": "x"}}, "E-STAGE-UNKNOWN", 2),
        ("text,rating\na,3\nb,47\n", {"kind": "feedback", "scale": {"low": 1, "high": 5}},
         "E-SCORE-RANGE", 3),
        ("customer_id,timestamp\nc1,2024-01-01\n", {"kind": "feedback"}, "E-MISSING-COLUMN", 1),
        ("customer_id,tenure\nc1,3\n",
         {"kind": "customers", "constants": {"tenure_unit": "moons"}}, "E-CONSTANT", None),
    ],
)  # fmt: skip
def test_a_source_that_does_not_fit_is_refused(tmp_path, text, keys, code, line):
    problem = refusal(tmp_path, text, **keys)
    assert (problem.code, problem.line) == (code, line)


def test_a_stage_that_is_nearly_right_is_pointed_out(tmp_path):
    text = f"{HEADER},stage\nc1,2024-01-01,x,awareness\nc1,2024-01-02,x,awarness\n"
    problem = refusal(tmp_path, text)
    assert problem.line == 3
    assert 'Did you mean "awareness"?' in problem.fix


def test_an_absent_optional_column_is_a_note(tmp_path):
    table, rows = read_text(tmp_path, TWO, columns={"channel": "chanel"})
    assert "channel" not in rows
    notes = [note for note in table.notes if note.column == "chanel"]
    assert [(note.code, note.rows) for note in notes] == [("N-COLUMN-ABSENT", 2)]


def test_an_unreadable_number_in_arithmetic_is_not_passed_over(tmp_path):
    text = "customer_id,timestamp,price\nc1,2024-01-01,5\nc2,2024-01-01,6\nc3,2024-01-01,six\n"
    problem = refusal(tmp_path, text, kind="orders", compute={"value": "price * 2"})
    assert (problem.code, problem.line) == ("E-NUMBER-UNREADABLE", 4)


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_show_a_stack_trace(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("noise")
    try:
        _, rows = read_text(folder, f"{HEADER}\n".encode() + content)
    except JourneyError as refused:
        assert all(p.code and p.fix for p in refused.problems)  # noqa: PT017
    else:
        assert isinstance(rows, pd.DataFrame)


def test_too_little_memory_is_said_in_plain_words(tmp_path):
    rows = "".join(f"c{at},2024-01-01T10:00:00Z,{'x' * 40}{at}\n" for at in range(30_000))
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{rows}")
    params = make_client(tmp_path, source("a.csv"), memory="2MB")
    con = open_connection(memory="2MB", scratch=tmp_path)
    with pytest.raises(DataError) as refused:
        read_sources(params, con)
    assert [problem.code for problem in refused.value.problems] == ["E-MEMORY"]


def test_a_row_too_short_is_named_with_its_line_behind_texts_of_several_lines(tmp_path):
    text = f"{HEADER},text\n" + 'c1,2024-01-01,visit,"a\nb\nc"\n' * 3 + "c2,2024-01-01\n"
    problem = refusal(tmp_path, text)
    assert (problem.code, problem.line) == ("E-RAGGED", 11)


def test_an_attribute_named_like_a_time_is_none(tmp_path):
    text = "customer_id,Timestamp\nc1,never\nc2,today\n"
    _, rows = read_text(tmp_path, text, kind="customers")
    assert rows["Timestamp"].tolist() == ["never", "today"]


@pytest.mark.parametrize("copies", [1, 200])
def test_of_a_wide_row_only_the_cells_that_repeat_are_duplicates(tmp_path, copies):
    rows = [f"{1700 + at},{at},2" for at in range(copies)]
    again = [f"{1700 + at},{at},3" for at in range(copies)]
    text = "time,Ohio,Texas\n" + "\n".join([*rows, *again]) + "\n"
    wide = {"wide": {"names_to": "unit", "values_to": "value"}}
    table, kept = read_text(tmp_path, text, kind="measurements", format=wide, duplicates="drop")
    assert (table.duplicates, table.drops) == (copies, {"duplicate": copies})
    assert sorted(kept.loc[kept["unit"] == "Texas", "value"]) == [2] * copies + [3] * copies
