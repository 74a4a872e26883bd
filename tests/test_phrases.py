"""Figures in words: units, signs, singular and plural, and chances."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.phrases import chance_words, gap_words, level_words, span_words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0288, "share", "2.9 percentage points"),
        (0.01, "share", "1 percentage point"),
        (-0.002, "share", "−0.2 percentage points"),
        (0.00031, "share", "0.031 percentage points"),
        (2.62, "EUR", "€2.62"),
        (-1250.4, "EUR", "−€1,250"),
        (3.0, "CHF", "CHF 3.00"),
        (-27.349, "", "−27.3"),
        (1234.5, "points", "1,234 points"),
        (0.0013, "share per period", "0.13 percentage points per period"),
        (0.0, "", "0"),
    ],
)
def test_a_difference_is_written_in_its_unit(value, unit, words):
    assert gap_words(value, unit) == words


def test_levels_are_percentages_and_spans_name_the_unit_once():
    assert level_words(0.412, "share") == "41.2 %"
    assert span_words(-0.01, 0.01, "share") == "between −1 and +1 percentage point"
    assert span_words(-1, 2.5, "EUR") == "between −€1.00 and +€2.50"
    assert span_words(-1, 2.5, "points") == "between −1 and +2.5 points"
    assert level_words(math.nan) == "an unknown amount"
    assert gap_words(math.nan, "share") == "an unknown amount"


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.9, "90 times in 100"), (0.05, "5 times in 100"), (0.012, "once in 100"),
        (0.0095, "once in 100"), (0.0094, "9 times in 1,000"), (0.001, "once in 1,000"),
        (0.0009, "less than once in 1,000"),
    ],
)  # fmt: skip
def test_a_chance_is_counted(p_value, words):
    assert chance_words(p_value) == words


@given(st.floats(-1e9, 1e9), st.sampled_from(["share", "EUR", "", "points"]))
def test_no_number_is_written_with_an_exponent(value, unit):
    words = gap_words(value, unit, signed=True)
    assert "e-" not in words
    assert "e+" not in words
    assert "-" not in words
