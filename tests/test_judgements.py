import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import journeylib as jl
from journeylib.judgements import clustered_auc

GOOD = ("what a lovely calm place", "we were so happy here", "warm welcome and fine soup")
BAD = ("cold soup and a rude welcome", "never again, so sad", "dirty place, loud and awful")


def themes_of(n, *, right=1.0, seed=1, language="en", told="csat"):
    rng = np.random.default_rng(seed)
    good = rng.random(n) < 0.6
    shown = np.where(rng.random(n) < right, good, ~good)
    texts = [str(rng.choice(GOOD if one else BAD)) for one in shown]
    return jl.find_themes(
        pd.DataFrame(
            {"customer": range(n), "text": texts, "feeling": np.where(good, 0.5, -0.5),
             "told": told, "language": language}
        )
    )  # fmt: skip


# ---------------------------------------------------------------- golden


def test_area_of_single_answers_has_delongs_variance():
    """DeLong et al. (1988) by placements, worked out directly."""
    rng = np.random.default_rng(2)
    good = rng.random(300) < 0.4
    scores = rng.normal(good * 1.0)
    value, low, high = clustered_auc(scores, good, np.arange(300))
    over = (scores[good][:, None] > scores[~good]).astype(float)
    m, n = over.shape
    error = np.sqrt(over.mean(1).var(ddof=1) / m + over.mean(0).var(ddof=1) / n)
    assert value == pytest.approx(over.mean())
    half = (np.log(high / (1 - high)) - np.log(low / (1 - low))) / 2 * value * (1 - value)
    assert half / stats.t.ppf(0.975, 299) == pytest.approx(error, rel=0.01)


def test_intervals_cover_the_true_area():
    """Binormal with d' = 1 has area Φ(1/√2); S = 300, 0.95 ± 3 standard errors is 0.912 on."""
    truth = stats.norm.cdf(1 / np.sqrt(2))
    covered = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        good = rng.random(120) < 0.5
        _, low, high = clustered_auc(rng.normal(good * 1.0), good, np.arange(120))
        covered.append(low <= truth <= high)
    assert 0.912 <= np.mean(covered) <= 0.988


def test_answers_of_one_customer_count_together():
    rng = np.random.default_rng(3)
    good = rng.random(100) < 0.5
    scores = rng.normal(good * 1.0)
    once = clustered_auc(scores, good, np.arange(100))
    again = clustered_auc(np.repeat(scores, 5), np.repeat(good, 5), np.repeat(np.arange(100), 5))
    assert again == pytest.approx(once)


# ---------------------------------------------------------------- what is told


def test_words_are_learnt_from_two_hundred_ratings_on():
    row = jl.judge_words(themes_of(400, right=0.9)).iloc[0]
    assert row["reader"] == "the client's own ratings"
    assert row["verdict"] == "usable"
    assert 0.75 < row["low"] < row["value"] < row["high"] < 1
    assert row["labels"] == 400


def test_below_two_hundred_the_lexicon_only_describes():
    row = jl.judge_words(themes_of(199)).iloc[0]
    assert row["reader"] == "VADER lexicon"
    assert row["verdict"] == "weak: describes only"


def test_words_that_go_with_nothing_are_not_usable():
    row = jl.judge_words(themes_of(600, right=0.5, seed=4)).iloc[0]
    assert row["verdict"] == "weak: describes only"
    assert row["low"] < 0.5


@pytest.mark.parametrize(
    ("n", "language", "told"), [(30, "en", "csat"), (199, "pl", "csat"), (400, "en", "words")]
)
def test_too_few_ratings_give_no_number(n, language, told):
    judged = jl.judge_words(themes_of(n, language=language, told=told))
    assert judged["value"].isna().all()
    assert (judged["verdict"] == "not measured: too few ratings").all()
    assert "not measured" in jl.words_sentence(judged)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_turning_the_scores_turns_the_area(pairs):
    scores, good = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    if good.all() or not good.any():
        return
    own = np.arange(len(pairs))
    assert clustered_auc(-scores, good, own)[0] == pytest.approx(
        1 - clustered_auc(scores, good, own)[0]
    )
