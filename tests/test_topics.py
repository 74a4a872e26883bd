import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.topics import find_topics, log_odds, telling_words
from journeylib.vocabulary import count_words, fold, split_words

A = ["apple", "pear", "plum", "cherry", "quince", "medlar", "peach", "apricot"]
B = ["hammer", "chisel", "plane", "rasp", "drill", "clamp", "lathe", "vice"]


def comments(n, seed):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    return [" ".join(rng.choice((A, B)[k], 4, replace=False)) for k in kind], kind


# ---------------------------------------------------------------- golden


def test_log_odds_are_those_of_monroe_colaresi_and_quinn_2008():
    """Equations 16, 20 and 22 by hand: 30 of 40 against 10 of 40, prior 5 and 5."""
    z = log_odds(np.array([30.0, 10.0]), np.array([10.0, 30.0]), np.array([5.0, 5.0]))
    ratio = np.log(35 / 15) - np.log(15 / 35)
    assert z == pytest.approx([ratio / np.sqrt(1 / 35 + 1 / 15), -ratio / np.sqrt(1 / 15 + 1 / 35)])


def test_a_rare_word_says_less_than_a_usual_one_of_the_same_ratio():
    z = log_odds(np.array([2.0, 200.0, 798]), np.array([1.0, 100.0, 899]), np.array([1.0, 10, 100]))
    assert 0 < z[0] < z[1]


# ---------------------------------------------------------------- planted


@pytest.mark.parametrize("seed", range(8))
def test_two_planted_topics_are_recovered_and_stable(seed):
    texts, kind = comments(200, seed)
    words = count_words(texts)
    topics = find_topics(words.counts, np.arange(200), np.ones(len(words.words), bool))
    assert len(topics.table) == 2
    assert (topics.table[["agreement", "keywords"]] >= 0.9).all(axis=None)
    right = np.mean(topics.member == kind)
    assert max(right, 1 - right) >= 0.98
    told = telling_words(words.counts, topics.member == 0, np.ones(len(words.words), bool))
    assert {words.words[at] for at in told} <= set(A) or {words.words[at] for at in told} <= set(B)


@pytest.mark.parametrize("n", [0, 1, 59])
def test_there_are_no_topics_below_sixty_comments(n):
    words = count_words(comments(n, 1)[0] if n else [])
    topics = find_topics(words.counts, np.arange(n), np.ones(len(words.words), bool))
    assert topics.table.empty
    assert (topics.member == -1).all()


def test_halves_are_of_customers_so_that_one_who_writes_much_makes_no_topic():
    texts, _ = comments(120, 2)
    own = np.r_[np.arange(60), np.full(60, 60)]
    rant = ["xylophone zither"] * 60
    words = count_words(texts[:60] + rant)
    topics = find_topics(words.counts, own, np.ones(len(words.words), bool))
    named = [words.words[at] for at in np.flatnonzero(topics.weights.max(axis=0) > 0)]
    assert not {"xylophone", "zither"} & set(named)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop: check-in!", ["don't", "stop", "check-in"]),
        ("[name] and [e-mail] said", ["and", "said"]),
        ("Größe 42 für 3,50 €", ["größe", "für"]),
        ("التَّوصيلُ متأخر", ["التَّوصيلُ", "متأخر"]),
        ("配送が", ["配送", "送が"]),
        ("", []),
    ],
)
def test_words_are_told_apart_in_any_script(text, words):
    assert split_words(text) == words


@given(st.text(max_size=200))
def test_any_text_can_be_split_and_folded(text):
    words = split_words(text)
    assert all(words)
    assert fold(fold(text)) == fold(text)
    assert count_words([text]).counts.sum() == len(set(words))
