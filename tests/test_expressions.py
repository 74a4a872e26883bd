"""Expressions of the client file: what they mean, and that nothing else gets through."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.errors import JourneyError
from journeylib.expressions import compile_condition, compile_number, quote_name, quote_text

TEXTS = {name: quote_name(name) for name in ("quantity", "price", "status", "no")}
NUMBERS = {
    "quantity": 'CAST("quantity" AS DOUBLE)',
    "price": 'CAST("price" AS DOUBLE)',
    "status": "",
    "no": "",
}
ROW = "(SELECT '10' AS quantity, '9.5' AS price, 'Cancelled' AS status, NULL AS no)"


def answer(expression: str, *, number: bool = False) -> object:
    compile_ = compile_number if number else compile_condition
    sql = compile_(expression, texts=TEXTS, numbers=NUMBERS)
    return duckdb.sql(f"SELECT {sql} FROM {ROW}").fetchall()[0][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("quantity > 9", True),  # as texts, '10' comes before '9'
        ("quantity > price", True),
        ("quantity >= 10 and price < 9.5", False),
        ("quantity = 10 or status = 'x'", True),
        ("status like 'C%'", True),
        ("status not like 'C%'", False),
        ("not status = 'Cancelled'", False),
        ("quantity in (1, 10)", True),
        ("status not in ('a', 'Cancelled')", False),
        ("no is null", True),
        ("no is not null", False),
        ("(quantity - 1) * 2 = 18", True),
        ('"quantity" <> 3', True),
        ("no = 'x'", None),  # a comparison with nothing is neither true nor false
    ],
)
def test_a_condition_means_what_it_says(expression, expected):
    assert answer(expression) is expected


def test_arithmetic_binds_as_at_school():
    assert answer("1 + quantity * 2 - price / 2", number=True) == pytest.approx(16.25)


def test_division_by_zero_is_missing_not_an_error():
    assert answer("quantity / 0", number=True) is None


def test_a_column_is_only_read_as_a_number_where_it_is_used_as_one():
    class Untouched(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            raise AssertionError(name)

    numbers = Untouched(dict.fromkeys(TEXTS, ""))
    for expression in ("status not like 'C%'", "status = 'x'", "status in ('a', 'b')"):
        assert compile_condition(expression, texts=TEXTS, numbers=numbers)


@given(st.text(max_size=40))
def test_quoted_texts_come_back_unchanged(value):
    value = value.replace("\0", "")
    assert duckdb.sql(f"SELECT {quote_text(value)}").fetchall() == [(value,)]


@given(st.text(alphabet="quantity price()+-*/<>='\";,. 0123456789 andornotlike", max_size=30))
def test_whatever_is_written_gives_one_value_or_a_refusal(expression):
    try:
        sql = compile_condition(expression, texts=TEXTS, numbers=NUMBERS)
    except JourneyError:
        return
    assert len(duckdb.sql(f"SELECT {sql} FROM {ROW}").fetchall()) == 1


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("quantty > 0", 'Did you mean "quantity"?'),
        ("quantity >", "something is missing"),
        ("quantity", "not a condition"),
        ("quantity > 0 extra", "not expected"),
        ("quantity > 0; drop table x", "cannot read"),
        ("read_csv('/etc/passwd') is null", "no column"),
        ("(quantity > 0", "not closed"),
        ("status + 1 > 0", "needs numbers"),
        ("quantity and price", "need conditions"),
        ("quantity not > 3", "needs `like` or `in`"),
        ("(" * 100 + "quantity" + ")" * 100 + " > 0", "nested too deeply"),
        ("quantity > 0 and " * 90 + "quantity > 0", "too long"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(expression, reason):
    with pytest.raises(JourneyError, match=r".*") as refused:
        compile_condition(expression, texts=TEXTS, numbers=NUMBERS)
    assert reason in str(refused.value)
