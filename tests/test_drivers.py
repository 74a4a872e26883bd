"""Key drivers: published shares, shares found by another way, gates, and what is told."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import DATA

from journeylib.action_prose import drivers_sentence
from journeylib.collect import collect
from journeylib.drivers import COLUMNS, find_drivers, measure_drivers
from journeylib.outcomes import Followed, Window
from journeylib.params import read_params
from journeylib.questions import Question, ask_ratings, ask_tones
from journeylib.shapley import share_out

# Mosteller & Tukey (1977): 47 French-speaking provinces of Switzerland about 1888.
SWISS = """
80.2 17.0 15 12 9.96 22.2;83.1 45.1 6 9 84.84 22.2;92.5 39.7 5 5 93.40 20.2
85.8 36.5 12 7 33.77 20.3;76.9 43.5 17 15 5.16 20.6;76.1 35.3 9 7 90.57 26.6
83.8 70.2 16 7 92.85 23.6;92.4 67.8 14 8 97.16 24.9;82.4 53.3 12 7 97.67 21.0
82.9 45.2 16 13 91.38 24.4;87.1 64.5 14 6 98.61 24.5;64.1 62.0 21 12 8.52 16.5
66.9 67.5 14 7 2.27 19.1;68.9 60.7 19 12 4.43 22.7;61.7 69.3 22 5 2.82 18.7
68.3 72.6 18 2 24.20 21.2;71.7 34.0 17 8 3.30 20.0;55.7 19.4 26 28 12.11 20.2
54.3 15.2 31 20 2.15 10.8;65.1 73.0 19 9 2.84 20.0;65.5 59.8 22 10 5.23 18.0
65.0 55.1 14 3 4.52 22.4;56.6 50.9 22 12 15.14 16.7;57.4 54.1 20 6 4.20 15.3
72.5 71.2 12 1 2.40 21.0;74.2 58.1 14 8 5.23 23.8;72.0 63.5 6 3 2.56 18.0
60.5 60.8 16 10 7.72 16.3;58.3 26.8 25 19 18.46 20.9;65.4 49.5 15 8 6.10 22.5
75.5 85.9 3 2 99.71 15.1;69.3 84.9 7 6 99.68 19.8;77.3 89.7 5 2 100.00 18.3
70.5 78.2 12 6 98.96 19.4;79.4 64.9 7 3 98.22 20.2;65.0 75.9 9 9 99.06 17.8
92.2 84.6 3 3 99.46 16.3;79.3 63.1 13 13 96.83 18.1;70.4 38.4 26 12 5.62 20.3
65.7 7.7 29 11 13.79 20.5;72.7 16.7 22 13 11.22 18.9;64.4 17.6 35 32 16.92 23.0
77.6 37.6 15 7 4.97 20.0;67.6 18.7 25 7 8.65 19.5;35.0 1.2 37 53 42.34 18.0
44.7 46.6 16 29 50.43 18.2;42.8 27.7 22 29 58.33 19.3
"""
NAMES = ["Fertility", "Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]


def swiss():
    rows = [row.split() for row in SWISS.replace("\n", ";").split(";") if row]
    return pd.DataFrame(rows, columns=NAMES).astype(float)


def question(y, x, **keys):
    values = np.asarray(y, dtype=float)
    yes_no = set(np.unique(values)) <= {0.0, 1.0}
    return Question("survey", "liking", yes_no, values, x, np.arange(len(x)), **keys)


def ratings(seed=1, *, n=600, drivers=4):
    """Answers of a survey in which the first driver moves the score most, the last not at all."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    x = {
        f"part_{place}_rating": np.clip(np.round(3 + mood * 0.6 + rng.normal(size=n)), 1, 5)
        for place in range(drivers)
    }
    weights = np.linspace(1.0, 0.0, drivers)
    liking = sum(w * column for w, column in zip(weights, x.values(), strict=True))
    score = np.clip(np.round(liking + rng.normal(size=n)), 0, 10)
    return pd.DataFrame(
        {
            "customer": pd.array(np.arange(n), dtype="Int64"),
            "timestamp": pd.Timestamp("2025-03-01", tz="UTC"),
            "source": "survey", "touchpoint": "room", "metric": "csat", "score": score, **x,
            "recommended": (score + rng.normal(size=n) > np.median(score)).astype(float),
            "nights": rng.integers(1, 11, n).astype(float),
        }
    )  # fmt: skip


# ---------------------------------------------------------------- golden


def test_shares_of_swiss_fertility_are_those_of_relaimpo():
    """METHODS: LMG of relaimpo's calc.relimp(Fertility ~ ., swiss), Grömping (2006)."""
    rows = swiss()
    found = measure_drivers([question(rows["Fertility"] / 7, rows[NAMES[1:]])])
    parts = found.set_index("driver")["part"]
    published = [0.0570912, 0.1711730, 0.2601347, 0.1055702, 0.1127659]
    assert parts[NAMES[1:]].to_numpy() == pytest.approx(published, abs=1e-7)
    assert found["r_squared"].iloc[0] == pytest.approx(0.706735, abs=1e-6)


def test_the_shapley_value_of_the_glove_game_is_known():
    """Shapley & Shubik: one left glove, two right ones; the left one is worth four sixths."""

    def worth(group):
        return np.array([float(0 in group and len(group) > 1)])

    assert share_out(3, worth).parts[:, 0] == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def brute_force(y, x):
    """Share out McFadden's R² over all subsets, each fitted by statsmodels."""
    names = list(x)
    log_likelihood = {
        group: sm.Logit(y, sm.add_constant(x[list(group)]) if group else np.ones(len(x)))
        .fit(disp=0)
        .llf
        for size in range(len(names) + 1)
        for group in combinations(names, size)
    }
    gains = {}
    for name in names:
        others = [other for other in names if other != name]
        gains[name] = 0.0
        for size in range(len(names)):
            for group in combinations(others, size):
                joined = tuple(one for one in names if one in (*group, name))
                gain = 1 - log_likelihood[joined] / log_likelihood[()]
                gain -= 1 - log_likelihood[group] / log_likelihood[()]
                gains[name] += gain / (len(names) * comb(len(names) - 1, size))
    return pd.Series(gains)


@pytest.mark.skipif(not (DATA / "skytrax").exists(), reason="the real data set is not here")
@pytest.mark.parametrize(("file", "share"), [("lounge", 0.3604), ("seat", 0.3641)])
def test_sub_ratings_of_skytrax_matter_as_an_independent_computation_says(file, share):
    table = pd.read_csv(DATA / "skytrax" / f"{file}.csv")
    assert table["recommended"].mean() == pytest.approx(share, abs=5e-5)
    parts = [name for name in table if name.endswith("_rating") and name != "overall_rating"]
    rows = table[[*parts, "recommended"]].astype(float)
    rows = rows.assign(
        customer=pd.array([pd.NA] * len(rows), dtype="Int64"), timestamp=pd.NaT, source=file,
        touchpoint=file, metric=None, score=table["overall_rating"],
    )  # fmt: skip
    found = find_drivers(rows)
    own = found[found["outcome"] == "recommended"]
    complete = rows[[*own["driver"], "recommended"]].dropna()
    checked = brute_force(complete["recommended"], complete[sorted(own["driver"])])
    assert list(own["driver"]) == list(checked.sort_values(ascending=False).index)
    assert own["part"].to_numpy() == pytest.approx(checked[own["driver"]].to_numpy(), abs=1e-6)
    assert own["n"].iloc[0] == len(complete)


@pytest.mark.skipif(not (DATA / "skytrax").exists(), reason="the real data set is not here")
def test_sub_ratings_come_through_from_the_client_file(tmp_path):
    file = tmp_path / "seats.yml"
    text = f"""
sources:
  - name: seats
    kind: feedback
    path: {DATA / "skytrax" / "seat.csv"}
    columns: {{customer_id: row, timestamp: date, text: content, rating: overall_rating}}
    scale: {{low: 0, high: 10}}
"""
    file.write_text(text, encoding="utf-8")
    found = find_drivers(collect(read_params(file), tmp_path / "log").ratings)
    assert set(found["outcome"]) == {"rating", "recommended"}
    assert found["driver"].notna().all()
    assert (
        "power supply rating, seat storage rating: answered by fewer than half" in found["note"][0]
    )


# ---------------------------------------------------------------- boundary


def test_effects_of_a_yes_or_no_are_average_changes_in_its_chance():
    rows = ratings()
    parts = [name for name in rows if name.startswith("part_")]
    found = measure_drivers([question(rows["recommended"], rows[parts])]).set_index("driver")
    fitted = sm.Logit(rows["recommended"], sm.add_constant(rows[parts])).fit(disp=0)
    assert found.loc[parts, "effect"].to_numpy() == pytest.approx(
        fitted.get_margeff().margeff, rel=1e-4
    )
    assert found["r_squared"].iloc[0] == pytest.approx(fitted.prsquared, abs=1e-8)


def test_counts_are_no_ratings_and_a_score_does_not_explain_itself():
    asked = ask_ratings(ratings())
    assert [one.outcome for one in asked] == ["csat", "recommended"]
    for one in asked:
        assert not {"nights", "score", "recommended"} & set(one.x)


def test_the_strongest_driver_comes_first_and_the_idle_one_last():
    found = find_drivers(ratings())
    own = found[found["outcome"] == "csat"]
    assert own["driver"].iloc[0] == "part_0_rating"
    assert own["driver"].iloc[-1] == "part_3_rating"
    assert own["value"].sum() == pytest.approx(1.0)
    assert own["effect_low"].iloc[0] > 0
    assert own["effect_low"].iloc[-1] < 0 < own["effect_high"].iloc[-1]
    assert ((own["low"] <= own["value"]) & (own["value"] <= own["high"])).all()


def test_the_interval_covers_the_share_of_the_population():
    truth = find_drivers(ratings(0, n=60_000)).set_index(["outcome", "driver"])["value"]
    held = []
    for seed in range(40):
        found = find_drivers(ratings(100 + seed)).set_index(["outcome", "driver"])
        held.append((found["low"] <= truth) & (truth <= found["high"]))
    covered = float(np.mean(pd.concat(held)))
    assert 0.90 <= covered <= 0.985


def test_answers_of_one_person_count_as_one():
    rows = ratings(n=150)
    often = pd.concat([rows] * 6, ignore_index=True)
    once, many = (find_drivers(one).query("outcome == 'csat'") for one in (rows, often))
    assert many["n"].iloc[0] == 150
    wide = (many["high"] - many["low"]).mean() / (once["high"] - once["low"]).mean()
    assert wide == pytest.approx(1.0, abs=0.2)


def test_a_driver_that_repeats_another_is_left_out_and_close_ones_are_named():
    rows = ratings()
    rows["twin_rating"] = rows["part_0_rating"]
    close = rows["part_1_rating"] + (np.arange(len(rows)) % 9 == 0)
    rows["close_rating"] = close.clip(upper=5)
    found = find_drivers(rows).query("outcome == 'csat'")
    assert "twin_rating" not in set(found["driver"])
    assert "twin rating: never differ, or repeat another one" in found["note"].iloc[0]
    assert found.set_index("driver")["vif"]["close_rating"] > 5
    assert "hard to tell apart" in found["note"].iloc[0]


def test_beyond_twelve_drivers_orders_are_sampled_and_their_error_is_told():
    rng = np.random.default_rng(3)
    x = pd.DataFrame(rng.normal(size=(900, 13)), columns=[f"d{place}" for place in range(13)])
    x = x.add(rng.normal(size=900), axis=0)
    y = x["d0"] + rng.normal(size=900)
    sampled = measure_drivers([question(y, x)]).set_index("driver")
    spread = np.cov(np.column_stack([x, y]).T)
    exact = share_out(13, lambda group: np.array([_r_squared(spread, group)]), most_exact=13)
    away = sampled.loc[list(x), "part"].to_numpy() - exact.parts[:, 0]
    error = (sampled["error"] * sampled["r_squared"]).loc[list(x)].to_numpy()
    assert (np.abs(away) <= 4 * error + 1e-9).all()
    assert (sampled["error"] > 0).all()
    assert "sampled orders" in sampled["note"].iloc[0]


def _r_squared(spread, group):
    own = list(group)
    with_y = spread[own, -1]
    return float(with_y @ np.linalg.solve(spread[np.ix_(own, own)], with_y) / spread[-1, -1])


# ---------------------------------------------------------------- property


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_parts_sum_to_the_whole_and_no_order_of_columns_matters(seed):
    rng = np.random.default_rng(seed)
    worth = {0: 0.0}

    def value(group):
        mask = sum(1 << place for place in group)
        if mask not in worth:
            worth[mask] = float(rng.random())
        return np.array([worth[mask]])

    shared = share_out(5, value)
    assert shared.parts.sum() == pytest.approx(worth[31])
    turned = share_out(5, lambda group: value(tuple(sorted(4 - one for one in group))))
    assert turned.parts[::-1, 0] == pytest.approx(shared.parts[:, 0])


@given(st.floats(0.1, 20), st.floats(-5, 5))
@settings(max_examples=10, deadline=None)
def test_shares_do_not_depend_on_the_scale_of_a_rating(scale, shift):
    rows = ratings(n=200)
    parts = [name for name in rows if name.startswith("part_")]
    moved = rows[parts].assign(part_0_rating=scale * rows["part_0_rating"] + shift)
    one, two = (
        measure_drivers([question(rows["score"], x)]).set_index("driver")["value"]
        for x in (rows[parts], moved)
    )
    assert two[parts].to_numpy() == pytest.approx(one[parts].to_numpy(), rel=1e-6)


def test_a_rerun_gives_the_same_numbers():
    pd.testing.assert_frame_equal(find_drivers(ratings()), find_drivers(ratings()))


# ---------------------------------------------------------------- tones


def followed(hit):
    people = pd.DataFrame({"customer": np.arange(len(hit)), "hit": pd.array(hit, "boolean")})
    window = Window(0, int(pd.Timestamp("2025-06-01").timestamp() * 1e6), 10**18, "repeat_purchase")
    return Followed(window, pd.DataFrame(), people.assign(spent=0.0))


def tones(n=900, *, late=False):
    rng = np.random.default_rng(5)
    desk, room = rng.choice([-1.0, 0.0, 1.0], (2, n))
    hit = rng.random(n) < 0.5 + 0.25 * desk
    moment = pd.Timestamp("2025-07-01" if late else "2025-03-01", tz="UTC")
    parts = [
        pd.DataFrame({"customer": np.arange(n), "touchpoint": name, "sentiment": tone})
        for name, tone in (("desk", desk), ("room", room))
    ]
    said = pd.concat(parts, ignore_index=True).sample(frac=0.7, random_state=1)
    return said.assign(timestamp=moment, customer=said["customer"].astype("Int64")), followed(hit)


def test_tones_at_touchpoints_stand_in_where_no_ratings_were_asked():
    voices, people = tones()
    found = find_drivers(pd.DataFrame(), voices=voices, followed=people)
    assert found["outcome"].unique().tolist() == ["ordered again"]
    assert found["driver"].iloc[0] == "desk"
    assert found["value"].iloc[0] > 0.9
    assert "stands at its mean" in found["note"].iloc[0]


def test_what_was_said_after_the_outcome_began_is_not_counted():
    voices, people = tones(late=True)
    assert ask_tones(voices, people) == []


# ---------------------------------------------------------------- refusal


def test_too_few_answers_are_refused_with_the_count_needed():
    found = find_drivers(ratings(n=40)).query("outcome == 'csat'")
    assert found["driver"].isna().all()
    assert "40 complete answers; 50 are needed for 4 ratings." in found["note"].iloc[0]


def test_too_few_events_are_refused():
    rows = ratings()
    rows["recommended"] = (np.arange(len(rows)) < 39).astype(float)
    found = find_drivers(rows).query("outcome == 'recommended'")
    assert "given 39 times; 40 are needed" in found["note"].iloc[0]
    assert "cannot be told" in drivers_sentence(found)


def test_drivers_that_tell_nothing_get_no_shares():
    rng = np.random.default_rng(11)
    x = pd.DataFrame(rng.integers(1, 6, (300, 3)).astype(float), columns=list("abc"))
    found = measure_drivers([question(rng.normal(size=300), x)])
    assert found["driver"].isna().all()
    assert "no more than chance could" in found["note"].iloc[0]


def test_nothing_asked_gives_an_empty_frame_and_says_so():
    found = find_drivers(pd.DataFrame())
    assert list(found.columns) == COLUMNS
    assert found.empty
    assert drivers_sentence(found).startswith("Nothing can be said here")


def test_drivers_that_tell_the_outcome_without_fail_are_shared_out_all_the_same():
    rng = np.random.default_rng(2)
    x = pd.DataFrame(rng.normal(size=(200, 2)), columns=list("ab"))
    found = measure_drivers([question((x["a"] > 0).astype(float), x)])
    assert found["driver"].iloc[0] == "a"
    assert found["r_squared"].iloc[0] == pytest.approx(1.0, abs=1e-3)
    assert found[["low", "value", "high"]].notna().all(axis=None)
