import numpy as np
import pandas as pd
import pytest
from scipy import stats

from journeylib.emotion import mean_feelings, score_lines, score_stages, score_touchpoints
from journeylib.support import SUPPORTED

COLUMNS = ["value", "low", "high", "n", "unit", "source"]
POOLED = ["plain", "kept", *SUPPORTED]


def voices_of(rows):
    return pd.DataFrame(rows, columns=["customer", "touchpoint", "sentiment"]).astype(
        {"customer": "Int64"}
    )


def test_one_answer_a_customer_gives_students_interval():
    tones = np.array([0.1, 0.5, -0.3, 0.8, 0.2])
    row = score_touchpoints(voices_of([(i, "a", tone) for i, tone in enumerate(tones)])).iloc[0]
    low, high = stats.t.interval(0.95, 4, tones.mean(), stats.sem(tones))
    assert (row["value"], row["low"], row["high"]) == pytest.approx((tones.mean(), low, high))
    assert row["n"] == 5


def test_answers_of_one_customer_count_as_one_customer():
    row = score_touchpoints(voices_of([(7, "a", 1.0)] * 5 + [(8, "a", 0.0)])).iloc[0]
    assert (row["value"], row["n"]) == (pytest.approx(5 / 6), 2)


def test_unknown_customers_are_each_their_own():
    row = score_touchpoints(voices_of([(None, "a", 1.0), (None, "a", 0.0), (0, "a", 0.5)])).iloc[0]
    assert row["n"] == 3


def test_one_customer_gives_a_mean_without_an_interval():
    row = score_touchpoints(voices_of([(1, "a", 0.5), (1, "a", 0.7)])).iloc[0]
    assert row["value"] == pytest.approx(0.6)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_intervals_stay_on_the_scale():
    row = score_touchpoints(voices_of([(1, "a", 1.0), (2, "a", 0.9)])).iloc[0]
    assert row["high"] == 1


@pytest.mark.parametrize("columns", [[], ["customer", "touchpoint", "sentiment", "channel"]])
def test_nothing_said_gives_no_rows_but_all_columns(columns):
    nothing = pd.DataFrame(columns=columns)
    assert score_touchpoints(nothing).columns.tolist() == ["touchpoint", *COLUMNS, *POOLED]
    placed = pd.DataFrame({"touchpoint": ["a"], "stage": ["x"]})
    personas = pd.DataFrame({"customer": [1], "persona": ["A"]})
    table = score_stages(
        nothing.reindex(columns=["customer", "touchpoint", "sentiment"]), placed, personas
    )
    assert (len(table), set(table.columns)) == (0, {"stage", "persona", *COLUMNS, *SUPPORTED})
    assert table["value"].dtype == "float64"


def test_stages_are_scored_for_all_and_for_each_persona():
    voices = voices_of([(1, "a", 1.0), (2, "a", 0.0), (None, "b", 0.5), (1, "unplaced", -1.0)])
    placed = pd.DataFrame({"touchpoint": ["a", "b"], "stage": ["x", "y"]})
    personas = pd.DataFrame({"customer": [1, 2], "persona": ["A", "B"]})
    table = score_stages(voices, placed, personas).set_index(["stage", "persona"])["value"]
    assert table.to_dict() == {("x", "all"): 0.5, ("y", "all"): 0.5, ("x", "A"): 1, ("x", "B"): 0}


def test_customers_as_unit_cover_the_true_mean_and_answers_as_unit_do_not():
    """400 data sets of 80 customers who answer several times each; the truth is 0.1."""
    rng = np.random.default_rng(5)
    covered = naive = 0
    for _ in range(400):
        own = rng.normal(0.1, 0.3, 80)
        customer = np.repeat(np.arange(80), 1 + rng.poisson(3, 80))
        tone = own[customer] + rng.normal(0, 0.15, len(customer))
        frame = pd.DataFrame({"customer": customer, "touchpoint": "a", "sentiment": tone})
        row = mean_feelings(frame, ["touchpoint"]).iloc[0]
        covered += row["low"] <= 0.1 <= row["high"]
        low, high = stats.t.interval(0.95, len(tone) - 1, tone.mean(), stats.sem(tone))
        naive += low <= 0.1 <= high
    assert 0.917 <= covered / 400 <= 0.983
    assert naive / 400 < 0.85


def test_ratings_come_before_words_and_words_before_nothing():
    """`feeling` holds the rating, else what the words say; `sentiment` alone is an older frame."""
    frame = voices_of([(1, "a", 1.0), (2, "a", None), (3, "a", None)])
    frame["feeling"] = [1.0, 0.2, None]
    row = score_touchpoints(frame).iloc[0]
    assert (row["value"], row["n"]) == (pytest.approx(0.6), 2)


def test_what_words_leave_open_widens_the_interval():
    frame = voices_of([(i, "a", tone) for i, tone in enumerate([0.1, 0.5, -0.3, 0.8, 0.2])])
    sharp = mean_feelings(frame, ["touchpoint"]).iloc[0]
    blurred = mean_feelings(frame.assign(blur=0.2), ["touchpoint"]).iloc[0]
    own, more = (row["value"] - row["low"] for row in (sharp, blurred))
    error = np.hypot(own / stats.t.ppf(0.975, 4), np.sqrt(0.2 / 5))
    assert more == pytest.approx(error * stats.t.ppf(0.975, 4), rel=1e-9)


def test_thin_touchpoints_move_towards_the_others_and_full_ones_hardly():
    rng = np.random.default_rng(2)
    sizes = {"big": 900, "thin": 12, **{f"t{i}": 200 for i in range(8)}}
    rows = [
        (f"{name}{i}", name, tone)
        for name, n in sizes.items()
        for i, tone in enumerate(rng.normal(0.9 if name in {"big", "thin"} else 0.0, 0.4, n))
    ]
    frame = pd.DataFrame(rows, columns=["customer", "touchpoint", "sentiment"])
    frame["customer"] = pd.factorize(frame["customer"])[0]
    table = score_touchpoints(frame).set_index("touchpoint")
    moved = (table["plain"] - table["value"]).abs()
    assert moved["thin"] > 5 * moved["big"]
    assert table.loc["thin", "value"] < table.loc["thin", "plain"]


def test_each_way_of_telling_has_its_own_line_and_unchecked_words_enter_no_mean():
    frame = voices_of([(1, "a", 1.0), (2, "a", 0.0), (3, "a", None), (4, "a", None)])
    frame["feeling"] = frame["sentiment"]
    frame = frame.assign(told=["nps", "rating", None, None], tone=[0.9, 0.9, -0.5, None])
    placed = pd.DataFrame({"touchpoint": ["a"], "stage": ["x"]})
    lines = score_lines(frame, placed).set_index("told")["value"].to_dict()
    assert lines == {"nps": 1.0, "rating": 0.0, "words, unchecked": -0.5}
    assert score_stages(frame, placed, pd.DataFrame()).iloc[0]["n"] == 2


def test_pooled_intervals_cover_the_truth_also_where_touchpoints_look_worst():
    """120 data sets of twenty touchpoints with 10 to 40 customers each."""
    rng = np.random.default_rng(3)
    covered = chosen = naive = 0
    for _ in range(120):
        truth = rng.normal(0.0, 0.12, 20)
        place = np.repeat(np.arange(20), rng.integers(10, 40, 20))
        tone = rng.normal(truth[place], 0.4)
        frame = pd.DataFrame({"customer": range(len(tone)), "touchpoint": place, "sentiment": tone})
        pooled = score_touchpoints(frame)
        alone = mean_feelings(frame, ["touchpoint"])
        inside = ((pooled["low"] <= truth) & (truth <= pooled["high"])).to_numpy()
        covered += inside.sum()
        chosen += inside[pooled["value"].nsmallest(3).index].sum()
        plain = ((alone["low"] <= truth) & (truth <= alone["high"])).to_numpy()
        naive += plain[alone["value"].nsmallest(3).index].sum()
    assert 0.93 <= covered / 2400 <= 0.97
    assert chosen / 360 >= 0.91
    assert naive / 360 < 0.9
