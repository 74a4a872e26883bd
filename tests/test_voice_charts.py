import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from voices_made import make_voices

import journeylib as jl

PLACED = pd.DataFrame({"touchpoint": ["parcel", "visit"], "stage": ["retention", "decision"]})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def themes():
    voices, _ = make_voices(600, tone={"delivery": -0.5})
    people = pd.DataFrame({"customer": range(600), "persona": ["a", "b"] * 300})
    return jl.find_themes(voices, placed=PLACED, personas=people)


def test_the_title_names_the_largest_theme_and_the_one_that_feels_worst(themes):
    ax = jl.plot_themes(themes.table)
    title = " ".join(ax.get_title(loc="left").split())
    assert "delivery" in title
    assert "worst" in title
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == themes.table["theme"].iloc[0]
    assert len(names) == len(themes.table)


def test_an_unrated_theme_says_so(themes):
    bare = themes.table.assign(sentiment=np.where(themes.table.index == 0, np.nan, 0.2))
    panel = jl.plot_themes(bare).child_axes[0]
    assert "not rated" in [text.get_text() for text in panel.texts]


def test_changes_are_marked_by_sign_and_arrow():
    changes = pd.DataFrame(
        {"theme": ["Price", "Delivery", "Noise"], "value": [0.2, -0.1, 0.0],
         "low": [0.1, -0.2, -0.02], "high": [0.3, -0.02, 0.02], "n": 300, "unit": "share",
         "verdict": ["rising", "falling", "steady"]}
    )  # fmt: skip
    ax = jl.plot_theme_changes(changes)
    assert ax.get_title(loc="left") == "Customers speak more of price and less of delivery"
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["▲ Price", "Noise", "▼ Delivery"]


def test_periods_are_drawn_for_themes_with_three_known_ones(themes):
    trends = jl.follow_themes(themes)
    hidden = trends.periods.assign(
        value=trends.periods["value"].where(trends.periods["theme"] == "Price")
    )
    ax = jl.plot_theme_periods(hidden, trends.changes)
    assert [text.get_text() for text in ax.texts] == ["Price"]
    assert jl.plot_theme_periods(hidden.assign(value=np.nan), trends.changes) is None


def test_places_are_drawn_in_journey_order(themes):
    ax = jl.plot_theme_stages(themes.by_stage, ["decision", "retention", "advocacy"])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Decision", "Retention"]
    people = jl.plot_theme_stages(themes.by_persona, ["a", "b"])
    assert "persona" in people.get_xlabel()


def test_nothing_to_draw_draws_nothing():
    none = jl.find_themes(pd.DataFrame())
    trends = jl.follow_themes(none)
    assert jl.plot_themes(none.table) is None
    assert jl.plot_theme_changes(trends.changes) is None
    assert jl.plot_theme_periods(trends.periods, trends.changes) is None
    assert jl.plot_theme_stages(none.by_stage, ["decision"]) is None


def test_a_theme_called_like_mathematics_is_drawn_as_written():
    voices, _ = make_voices(60, topics=("price",))
    rules = jl.ThemeRules(own={"$x^2$ \\frac": ["expensive", "price", "discount"]})
    ax = jl.plot_themes(jl.find_themes(voices, rules=rules).table)
    ax.figure.canvas.draw()
    assert "$" in ax.get_title(loc="left")


# ---------------------------------------------------------------- sentences


def test_the_sentence_says_what_is_largest_what_feels_worst_and_what_counts(themes):
    text = jl.themes_sentence(themes)
    assert text.startswith(f"**Customers speak most of {themes.table['theme'].iloc[0].lower()}**")
    assert "feel worst about delivery" in text or "feel worst about waiting" in text
    assert "600 comments count" not in text or "copy" not in text


def test_nothing_found_is_said_with_its_reason():
    none = jl.find_themes(pd.DataFrame())
    assert jl.themes_sentence(none) == "Nothing can be said here: no source holds customers' words."


def test_tables_of_themes_show_quotes_escaped_and_once(themes):
    table = themes.table.assign(quote_1="‹b› & “so”")
    html = jl.show_table(table, caption="Quotes", columns="quotes").html
    assert "‹b› &amp; “so”" in html
    assert "<b>" not in html
