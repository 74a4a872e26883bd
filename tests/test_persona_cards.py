"""Persona cards say what the frames say, to eyes and to screen readers."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from journeylib.persona_cards import Cast, cast_sentence, draw_personas
from journeylib.tables import complete_result

NAMES = ["Frequent · App-first", "Lapsed"]


def cast_of(**changes):
    table = pd.DataFrame(
        {
            "persona": ["1", "2"], "name": NAMES, "customers": [600.0, 400.0],
            "share": [0.6, 0.4], "low": [0.57, 0.37], "high": [0.63, 0.43],
            "verdict": "constructed", "useful": "yes",
        }
    )  # fmt: skip
    profile = pd.DataFrame(
        {
            "persona": np.repeat(NAMES, 3), "feature": ["frequency", "channel:app", "money"] * 2,
            "value": [1.2, 0.9, 0.1, -0.8, -0.9, 0.2], "own": [4.0, np.nan, 30.0, 1.0, np.nan, 31],
            "everyone": [2.5, np.nan, 30.0] * 2,
        }
    )  # fmt: skip
    rates = pd.DataFrame(
        {
            "metric": "outcome_rate", "segment": ["all", *NAMES], "value": [0.4, 0.5, 0.25],
            "low": [0.37, 0.46, 0.21], "high": [0.43, 0.54, 0.29], "n": [1000, 600, 400],
            "unit": "share",
        }
    )  # fmt: skip
    money = rates.assign(metric="value_per_customer", unit="EUR", value=[40.0, 60, 10],
                         low=[35.0, 50, 5], high=[45.0, 70, 15])  # fmt: skip
    visits = pd.DataFrame({"persona": NAMES[0], "touchpoint": ["ad", "order"],
                           "value": [0.61, 0.97], "everyone": [0.5, 0.8]})  # fmt: skip
    channels = pd.DataFrame(
        {
            "persona": NAMES[0], "channel": ["app", "web"], "value": [0.7, 0.3],
            "low": [0.65, 0.25], "high": [0.75, 0.35], "everyone": 0.5,
        }
    )  # fmt: skip
    frames = {
        "table": table, "profile": profile, "metrics": pd.concat([rates, money]),
        "visits": visits, "channels": channels, "outcome": "ordered again within 90 days",
        "days": 90, "currency": "EUR",
    }  # fmt: skip
    return Cast(**{**frames, **changes})


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", html))


def test_a_card_tells_size_traits_worth_outcome_channels_and_way():
    html = draw_personas(cast_of()).html
    text = text_of(html)
    for said in (
        "60 %", "57 to 63 %", "a slice of a continuum", "orders or visits: 4, all 2.5",
        "€60", "€50 to",
        "50 % ordered again within 90 days", "all 40 %", "App 70 % of contacts", "Ad 61 %",
        "over 95 %",
    ):  # fmt: skip
        assert said in text, said
    assert html.count("<article") == 2


def test_the_heading_names_the_persona_whose_outcome_stands_out():
    assert cast_sentence(cast_of()) == (
        "2 personas; “Lapsed” stands out most: 25 % ordered again within 90 days, of all 40 %"
    )


def test_the_heading_claims_nothing_that_the_gate_denies():
    cast = cast_of()
    useless = cast_of(table=cast.table.assign(useful="no"))
    assert "do not help to foretell" in cast_sentence(useless)
    same = cast.metrics.assign(low=0.1, high=0.9)
    assert "none differs clearly" in cast_sentence(cast_of(metrics=same))
    assert "cannot be told apart" in cast_sentence(cast_of(metrics=cast.metrics[:0]))


def test_every_picture_has_a_title_and_a_description_of_its_own():
    html = draw_personas(cast_of()).html
    pictures = re.findall(r"<svg[^>]*>.*?</svg>", html)
    named = [one for one in pictures if 'role="img"' in one]
    assert len(named) >= 8
    assert all("<title" in one and "<desc" in one for one in named)
    assert all('aria-hidden="true"' in one for one in pictures if one not in named)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert all(ref in ids for refs in re.findall(r'aria-labelledby="([^"]+)"', html)
               for ref in refs.split())  # fmt: skip


def test_the_table_behind_the_cards_says_the_same():
    html = draw_personas(cast_of()).html
    twin = text_of(html[html.index("<details") :])
    for said in ("Share of customers", "60 % (57 to 63 %), n = 600", "What became of them",
                 "25 % (21 to 29 %), n = 400", "Meets Ad"):  # fmt: skip
        assert said in twin, said


def test_names_from_the_data_are_escaped_and_the_markup_is_whole():
    bad = '<script>alert("x")</script> שלום'
    frames = cast_of()
    renamed = {
        name: getattr(frames, name).replace(NAMES[0], bad)
        for name in ("table", "profile", "metrics", "visits", "channels")
    }
    html = draw_personas(cast_of(**renamed)).html
    assert "<script" not in html
    assert "שלום" in html
    ET.fromstring(html)  # our own markup


def test_a_persona_that_is_withheld_has_a_card_without_figures():
    table = cast_of().table
    table.loc[1, ["customers", "share", "low", "high"]] = np.nan
    html = draw_personas(cast_of(table=table)).html
    card = text_of(html[html.rindex("<article") : html.index("<details")])
    assert "withheld" in card
    assert not re.search(r"\d", card)


def test_an_outcome_that_is_withheld_is_said_to_be():
    metrics = cast_of().metrics.reset_index(drop=True)
    metrics.loc[2, ["value", "low", "high"]] = np.nan
    assert "Withheld: it would tell" in text_of(draw_personas(cast_of(metrics=metrics)).html)


def test_without_a_window_the_metrics_of_the_same_period_stand_in_and_say_so():
    metrics = cast_of().metrics.replace({"outcome_rate": "retention_rate"})
    html = draw_personas(cast_of(metrics=metrics, outcome="", days=0)).html
    assert "retention rate, same period" in text_of(html)


def test_pains_that_a_persona_meets_stand_on_its_card():
    pains = pd.DataFrame({"persona": [NAMES[1]], "touchpoint": ["late_delivery"],
                          "value": [0.4], "everyone": [0.2]})  # fmt: skip
    text = text_of(draw_personas(cast_of(pains=pains)).html)
    assert "Late delivery 40 % meet it (all 20 %)" in text


@pytest.mark.parametrize("rows", [0, 1])
def test_without_personas_there_is_a_notice(rows):
    table = complete_result("personas", pd.DataFrame({"verdict": ["unstable"] * rows}))
    assert 'role="note"' in draw_personas(cast_of(table=table)).html
