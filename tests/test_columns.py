"""Columns of ids, numbers and flags: one proven reading of a whole column, or none."""

from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import HEADER, codes, events, read_one, read_text, refusal, source


def values(folder, *written: str, **format_: str) -> list[float]:
    _, rows = read_text(folder, events(*written, column="value"), format=format_)
    return rows["value"].tolist()


def ids(folder, *written: str) -> list[str]:
    text = "".join(f'"{one}",2024-01-01,x\n' for one in written)
    return read_text(folder, f"{HEADER}\n{text}")[1]["customer_id"].tolist()


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1", "-2.5", "+3", ".5", "1e3"], [1, -2.5, 3, 0.5, 1000]),
        (["1,234.50", "7"], [1234.5, 7]),
        (["1.234,50", "7"], [1234.5, 7]),
        (["1'234.50", "1 234.25"], [1234.5, 1234.25]),
        (["₹1,23,456.50", "₹12,34,56,789", "₹499.00"], [123456.5, 123456789, 499]),
        (["1.234.567", "2.000.000,5"], [1234567, 2000000.5]),
        (["0,35", "1,2"], [0.35, 1.2]),
        (["(12.50)", "12.50-", "3"], [-12.5, -12.5, 3]),
        (["EUR 12.50", "EUR 3.00"], [12.5, 3]),
        (["€12.50", "-€3.00", "4.00 €"], [12.5, -3, 4]),
        (["n/a", "-", "5", "NULL"], [nan, nan, 5, nan]),
        (["٣٤", "5"], [34, 5]),
        (["1234,567"], [1234.567]),
    ],
)
def test_numbers_are_read_as_people_write_them(tmp_path, written, read):
    assert values(tmp_path, *written) == pytest.approx(read, nan_ok=True)


def test_a_declared_mark_settles_what_cannot_be_proved(tmp_path):
    assert values(tmp_path, "1,234", decimal=",") == [1.234]
    assert values(tmp_path, "1,234", decimal=".") == [1234]
    assert values(tmp_path, "1.234", thousands=".") == [1234]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["00123", "123"], ["00123", "123"]),
        (["12.0", "13.0"], ["12", "13"]),
        (["12E5"], ["12E5"]),
        (["9007199254740993"], ["9007199254740993"]),
        ([" a\u00a0", "a\u200b"], ["a", "a"]),
        (["cafe\u0301", "café"], ["café", "café"]),
        (["NA", "null"], ["NA", "null"]),
        (["Ab", "ab"], ["Ab", "ab"]),
    ],
)
def test_ids_stay_texts(tmp_path, written, read):
    assert ids(tmp_path, *written) == read


def test_what_was_mended_is_noted_with_its_first_line(tmp_path):
    table, _ = read_text(tmp_path, events("1", "n/a", "(3)", column="value"))
    notes = {note.code: note for note in table.notes}
    assert (notes["N-MISSING-TOKEN"].line, notes["N-MISSING-TOKEN"].rows) == (3, 1)
    assert (notes["N-ACCOUNTING-NEGATIVE"].line, notes["N-ACCOUNTING-NEGATIVE"].column) == (
        4,
        "value",
    )


def test_a_note_names_the_file_it_speaks_of(tmp_path):
    (tmp_path / "in").mkdir()
    for name, value in (("a.csv", "1"), ("b.csv", "n/a")):
        (tmp_path / "in" / name).write_text(f"{HEADER},value\nc1,2024-01-01,x,{value}\n")
    table, _ = read_one(tmp_path, source("in"))
    found = [(note.file, note.line) for note in table.notes if note.code == "N-MISSING-TOKEN"]
    assert found == [("b.csv", 2)]


def test_further_columns_are_numbers_only_where_all_values_are(tmp_path):
    text = (
        f"{HEADER},all,some,zip,yes\nc1,2024-01-01,x,1,1,01,TRUE\nc2,2024-01-02,x,2.5,b,02,false\n"
    )
    table, rows = read_text(tmp_path, text)
    assert table.attributes == ("all", "some", "zip", "yes")
    assert rows["all"].tolist() == [1, 2.5]
    assert rows["some"].tolist() == ["1", "b"]
    assert rows["zip"].tolist() == ["01", "02"]
    assert rows["yes"].tolist() == [1, 0]


# ------------------------------------------------------------------ boundary


def test_a_quadrillion_is_the_largest_number(tmp_path):
    assert values(tmp_path, "1000000000000000.0") == [1e15]
    problem = refusal(tmp_path, events("1000000000000001.0", column="value"))
    assert problem.code == "E-NUMBER-RANGE"


def test_points_are_only_doubted_between_semicolons(tmp_path):
    assert values(tmp_path, "1.234", "5.678") == [1.234, 5.678]
    text = events("1.234", "5.678", column="value").replace(",", ";")
    assert refusal(tmp_path, text).code == "E-NUMBER-AMBIGUOUS"


# ------------------------------------------------------------------ property


@settings(max_examples=15, deadline=None)
@given(
    amounts=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8),
    style=st.sampled_from([(",", "."), (".", ","), ("'", "."), (" ", ","), ("", "."), ("", ",")]),
)
def test_no_style_of_writing_changes_an_amount(tmp_path_factory, amounts, style):
    thousands, decimal = style
    written = [
        f"{cents / 100:,.2f}".replace(",", "_").replace(".", decimal).replace("_", thousands)
        for cents in amounts
    ]
    read = values(tmp_path_factory.mktemp("n"), *written)
    assert read == pytest.approx([cents / 100 for cents in amounts])


# ------------------------------------------------------------------ refusal


@pytest.mark.parametrize(
    ("written", "code", "line"),
    [
        (["1", "free"], "E-NUMBER-UNREADABLE", 3),
        (["1", "12%"], "E-NUMBER-UNREADABLE", 3),
        (["1", "1_000"], "E-NUMBER-UNREADABLE", 3),
        (["1", "0x1F"], "E-NUMBER-UNREADABLE", 3),
        (["1.5", "1,2,3"], "E-NUMBER-UNREADABLE", 3),
        (["1", "12 34"], "E-NUMBER-UNREADABLE", 3),
        (["1", "inf"], "E-NUMBER-RANGE", 3),
        (["1", "1e308"], "E-NUMBER-RANGE", 3),
        (["0", "1,234"], "E-NUMBER-AMBIGUOUS", 3),
        (["1,5", "1.5"], "E-NUMBER-AMBIGUOUS", 2),
        (["$5", "€5"], "E-MIXED-CURRENCY", 2),
        (["TRUE", "FALSE"], "E-NUMBER-UNREADABLE", 2),
    ],
)
def test_numbers_that_are_none_are_refused_with_their_line(tmp_path, written, code, line):
    problem = refusal(tmp_path, events(*written, column="value"))
    assert (problem.code, problem.line, problem.column) == (code, line, "value")


def test_a_flag_is_yes_or_no(tmp_path):
    text = "customer_id,churned\nc1,Yes\nc2,0\nc3,n/a\n"
    _, rows = read_text(tmp_path, text, kind="customers")
    assert rows["churned"].tolist()[:2] == [True, False]
    problem = refusal(tmp_path, text + "c4,perhaps\n", kind="customers")
    assert (problem.code, problem.line) == ("E-FLAG", 5)


def test_ids_that_look_alike_are_kept_apart_and_noted(tmp_path):
    table, rows = read_text(
        tmp_path, f"{HEADER}\nC1,2024-01-01,x\n\u04211,2024-01-02,x\nc1,2024-01-03,x\n"
    )
    assert rows["customer_id"].nunique() == 3
    assert {"N-ID-HOMOGLYPH", "N-ID-CASE"} <= codes(table)
