"""Tables, figures and sentences: escaped, with units, the same everywhere."""

from __future__ import annotations

import base64
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.charts import plot_sources
from journeylib.exhibits import (
    TABLE_CSS,
    Sentence,
    cell_text,
    show_figure,
    show_notice,
    show_sentences,
    show_table,
)
from journeylib.export import report_css
from journeylib.labels import sentence_case

NASTY = "<script>alert(1)</script>"
SOURCES = pd.DataFrame({"source": [NASTY], "rows_used": [1200], "rows_dropped": [3]})


def test_a_table_escapes_its_cells_and_names_its_columns():
    html = show_table(SOURCES, caption=NASTY).html
    assert NASTY not in html
    assert "&lt;script&gt;" in html
    assert '<th scope="col" style="text-align:left">Source</th>' in html
    assert "1,200" in html


def test_a_table_says_how_many_rows_it_leaves_out():
    many = pd.concat([SOURCES] * 20, ignore_index=True)
    assert "15 more rows in the tables folder" in show_table(many, caption="Sources", rows=5).html


def test_an_empty_table_says_what_is_absent_and_shows_nothing_invented():
    html = show_table(SOURCES.head(0), caption="Sources", absent="No source was read.").html
    assert "No source was read." in html
    assert "<table" not in html


def test_columns_without_any_value_are_left_out():
    table = SOURCES.assign(money_value=np.nan)
    assert "oney" not in show_table(table, caption="Sources").html


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"value": 0.41, "low": 0.38, "high": 0.44, "unit": "share"}, "41.0 % (38.0 to 44.0)"),
        (
            {"value": 0.04, "low": 0.02, "high": 0.061, "unit": "share", "arm": "x"},
            "+4.0 pp (+2.0 to +6.1)",
        ),
        ({"value": 12.34, "low": 5, "high": 19.6, "unit": "points"}, "12.3 points (5.0 to 19.6)"),
        ({"value": -0.2, "low": -0.3, "high": -0.1, "unit": "sentiment"}, "−0.20 (−0.30 to −0.10)"),
        ({"value": np.nan, "low": np.nan, "high": np.nan, "unit": "share"}, "–"),
    ],
)
def test_an_estimate_is_written_with_interval_and_unit_once(row, said):
    assert cell_text(row, "estimate") == said


@pytest.mark.parametrize(
    "column",
    ["touchpoint", "channel", "stage", "from", "to", "better", "worse", "path", "state"],
)
def test_identifiers_of_sources_are_shown_as_words(column):
    assert cell_text({column: "check_in_queue → stay"}, column) == "check in queue → stay"


def test_lines_for_the_client_file_are_shown_as_they_have_to_be_written():
    assert cell_text({"rule": "retention: [check_in]"}, "rule") == "retention: [check_in]"


@pytest.mark.parametrize(
    ("row", "name", "said"),
    [
        ({"stay": 8.3, "stay_low": 8.0, "stay_high": 8.8}, "stay", "8.3 days (8.0 to 8.8)"),
        ({"stay": 8.3, "stay_low": 8.0, "stay_high": np.inf}, "stay", "8.3 days (8.0 or more)"),
        ({"stay": np.nan, "stay_low": np.nan, "stay_high": np.nan}, "stay", "–"),
        ({"tone": 0.5, "tone_low": 0.4, "tone_high": 0.6}, "tone", "+0.50 (+0.40 to +0.60)"),
        (
            {"with_it": 0.5, "value": 0.1, "low": 0.05, "high": 0.15, "unit": "share"},
            "estimate",
            "+10.0 pp (+5.0 to +15.0)",
        ),
    ],
)
def test_a_figure_with_ends_of_its_own_is_written_with_them(row, name, said):
    assert cell_text(row, name) == said


@pytest.mark.parametrize(("p", "said"), [(0.0009, "< 0.001"), (0.001, "0.001"), (0.05, "0.050")])
def test_small_p_values_are_not_written_as_zero(p, said):
    assert cell_text({"p_adjusted": p}, "p_adjusted") == said


def test_a_figure_is_an_image_whose_alternative_is_its_finding():
    ax = plot_sources(SOURCES.assign(source="web"))
    html = show_figure(ax).html
    (alt,) = re.findall(r'alt="([^"]+)"', html)
    assert len(alt) > 10
    (data,) = re.findall(r'base64,([^"]+)"', html)
    assert b"<svg" in base64.b64decode(data)


def test_a_figure_that_has_nothing_to_draw_says_so():
    assert "No source says how" in show_figure(None, absent="No source says how it felt.").html


@given(st.text(max_size=80))
def test_a_sentence_never_lets_markup_through(text):
    html = Sentence(text)._repr_html_()
    inside = html.removeprefix('<p class="said">').removesuffix("</p>")
    plain = re.sub(r"</?(strong|code)>", "", inside)
    assert "<" not in plain
    assert ">" not in plain


def test_sentences_become_a_numbered_list():
    html = show_sentences(["**One** thing", "Another"]).html
    assert html.count("<li>") == 2
    assert "<strong>One</strong> thing" in html


def test_keys_of_the_client_file_are_set_as_code_in_a_notice():
    assert "<code>churned</code>" in show_notice("A column `churned` & more.").html


@pytest.mark.parametrize(
    ("name", "said"),
    [("nps_survey", "NPS survey"), ("faq", "FAQ"), ("check_in", "Check in"), ("snaps", "Snaps")],
)
def test_names_of_scores_stay_in_capitals(name, said):
    assert sentence_case(name) == said


def test_the_pages_rules_for_print_and_phones_outweigh_those_of_every_table():
    """At equal weight the later rule stands: else wide columns are cut off on paper."""
    css = report_css("#0b6e99")
    assert css.index(TABLE_CSS) < css.index("@media (max-width:640px){body") < css.index("@page{")
