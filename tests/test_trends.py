import numpy as np
import pandas as pd
import pytest
from voices_made import make_voices

import journeylib as jl

SOURCES = ("delivery", "price", "cleanliness")


def drifting(n, *, drift, seed):
    """Draw comments whose share on delivery changes in a line by `drift` over the period."""
    rng = np.random.default_rng(seed)
    voices, _ = make_voices(n, seed=seed, topics=("price",))
    time = (voices["timestamp"] - voices["timestamp"].min()) / pd.Timedelta(days=360)
    hit = rng.random(n) < 0.3 + drift * (time - 0.5)
    return voices.assign(text=voices["text"].where(~hit, "The parcel came quickly."))


def delivery(voices, **keys):
    changes = jl.follow_themes(jl.find_themes(voices), **keys).changes
    return changes.set_index("theme").loc["Delivery"]


@pytest.mark.parametrize(
    ("drift", "verdict"), [(0.4, "rising"), (-0.4, "falling")], ids=["up", "down"]
)
def test_a_planted_change_is_found_with_its_size(drift, verdict):
    row = delivery(drifting(1500, drift=drift, seed=2))
    assert row["verdict"] == verdict
    assert row["low"] < drift < row["high"]
    assert (row["after"] > row["before"]) == (drift > 0)


def test_intervals_cover_planted_changes_and_few_false_ones_are_called():
    """S = 120: 0.95 ± 3 standard errors is 0.89 and more; 5 % false calls are 0.11 at most."""
    covered, false = [], []
    for seed in range(60):
        still, moving = (delivery(drifting(300, drift=d, seed=seed)) for d in (0.0, 0.3))
        covered += [still["low"] <= 0 <= still["high"], moving["low"] <= 0.3 <= moving["high"]]
        false.append(still["verdict"] in {"rising", "falling"})
    assert np.mean(covered) >= 0.89
    assert np.mean(false) <= 0.14


def test_a_source_that_begins_midway_moves_nothing_by_itself():
    first, _ = make_voices(400, seed=1, topics=("price", "delivery"), often=(0.9, 0.1))
    late, _ = make_voices(400, seed=2, topics=("price", "delivery"), often=(0.3, 0.7))
    late = late[late["timestamp"] > "2025-07-01"].assign(source="tickets")
    late["customer"] += 1000
    row = delivery(pd.concat([first, late], ignore_index=True))
    assert row["verdict"] not in {"rising", "falling"}


def test_customers_are_the_unit_so_that_one_talker_makes_no_trend():
    voices = drifting(300, drift=0.0, seed=4)
    last = voices["timestamp"].max()
    talk = [
        (999, last, f"Parcel {chr(97 + i % 26)}{chr(97 + i // 26)} is late.") for i in range(90)
    ]
    more = pd.DataFrame(talk, columns=["customer", "timestamp", "text"]).assign(source="survey")
    row = delivery(pd.concat([voices, more], ignore_index=True))
    assert row["verdict"] not in {"rising", "falling"}


def test_periods_are_the_shortest_that_hold_enough():
    themes = jl.find_themes(drifting(1500, drift=0.2, seed=1))
    months = jl.follow_themes(themes)
    assert months.unit == "month"
    assert months.periods["n"].min() >= 10
    own = months.periods[months.periods["theme"] == "Delivery"]
    assert own["mentions"].sum() == themes.table.set_index("theme").loc["Delivery", "mentions"]
    few = jl.follow_themes(jl.find_themes(drifting(450, drift=0.2, seed=1)))
    assert few.unit == "quarter"


@pytest.mark.parametrize(
    ("n", "days", "reason"), [(50, 360, "50 comments have a date"), (200, 40, "span")]
)
def test_too_little_to_follow_is_said(n, days, reason):
    voices, _ = make_voices(n, topics=("price",), days=days)
    trends = jl.follow_themes(jl.find_themes(voices))
    assert trends.changes.empty
    assert reason in trends.reason
    assert reason in jl.trends_sentence(trends)


# ---------------------------------------------------------------- links


def test_a_theme_is_linked_to_the_pain_at_whose_touchpoint_it_is_spoken_of():
    voices, _ = make_voices(600)
    pains = pd.DataFrame(
        {"rank": [1, 2, 3], "touchpoint": ["parcel", "parcel", "nowhere"],
         "channel": ["", "web", ""], "kind": ["delay", "sentiment", "loss"]}
    )  # fmt: skip
    links = jl.link_themes(jl.find_themes(voices), pains)
    assert set(links["touchpoint"]) == {"parcel"}
    assert links.iloc[0]["theme"] == "Delivery"
    assert links.iloc[0]["here"] == 1
    assert links.iloc[0]["elsewhere"] == 0
    assert (links["low"] > 0).all()
    assert "parcel" in jl.links_sentence(links)


def test_links_among_themes_and_places_that_have_nothing_in_common_are_rare():
    """200 unrelated pairs at q = 0.10: BH keeps false links to a handful."""
    found = 0
    pains = pd.DataFrame(
        {"rank": [1, 2], "touchpoint": ["a", "b"], "channel": ["", ""], "kind": ["loss", "loss"]}
    )
    for seed in range(30):
        voices, _ = make_voices(300, seed=seed, topics=SOURCES)
        places = np.random.default_rng(seed + 500).choice(["a", "b", "c"], 300)
        found += len(jl.link_themes(jl.find_themes(voices.assign(touchpoint=places)), pains)) > 0
    assert found <= 6


def test_without_pains_or_themes_there_are_no_links():
    voices, _ = make_voices(100, topics=("price",))
    themes = jl.find_themes(voices)
    assert jl.link_themes(themes, pd.DataFrame()).empty
    assert "No theme" in jl.links_sentence(jl.link_themes(themes, pd.DataFrame()))
