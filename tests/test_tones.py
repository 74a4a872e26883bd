import numpy as np
import pandas as pd
import pytest

from journeylib.languages import tell_languages
from journeylib.tones import CHECKS, WORDS, add_tones
from journeylib.wordings import clustered_correlation, compound_tones

GOOD = "The room was lovely and the staff were very friendly and helpful."
BAD = "The room was dirty and the staff were rude, it was a horrible stay."


def voices(rows, *, source="reviews", language=None):
    frame = pd.DataFrame(rows, columns=["sentiment", "text"])
    return frame.assign(
        customer=pd.Series(range(len(frame)), dtype="Int64"), source=source, measure="rating",
        language=language,
    )  # fmt: skip


def mixed(n=60, *, agree=True):
    """Rated texts, half of them good; ratings either go with them or are drawn by chance."""
    rng = np.random.default_rng(4)
    good = np.arange(n) % 2 == 0
    noise = rng.normal(0, 0.2, n)
    rating = np.clip(np.where(good, 0.6, -0.6) + noise, -1, 1) if agree else rng.uniform(-1, 1, n)
    return [(float(r), GOOD if g else BAD) for r, g in zip(rating, good, strict=True)]


# ---------------------------------------------------------------- golden


@pytest.mark.parametrize(
    ("text", "compound"),
    [
        ("VADER is smart, handsome, and funny.", 0.8316),
        ("VADER is smart, handsome, and funny!", 0.8439),
        ("VADER is not smart, handsome, nor funny.", -0.7424),
    ],
)
def test_compound_scores_are_those_of_the_lexicons_own_readme(text, compound):
    assert compound_tones(pd.Series([text])).iloc[0] == pytest.approx(compound, abs=1e-4)


def test_correlation_of_single_answers_has_fishers_interval():
    """With one text a customer the interval is close to Fisher's (1915): r = 0.6, n = 400."""
    rng = np.random.default_rng(1)
    first, second = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 400).T
    value, low, high = clustered_correlation(first, second, np.arange(400))
    assert value == pytest.approx(np.corrcoef(first, second)[0, 1])
    half = 1.96 / np.sqrt(397)
    assert low == pytest.approx(np.tanh(np.arctanh(value) - half), abs=0.02)
    assert high == pytest.approx(np.tanh(np.arctanh(value) + half), abs=0.02)


def test_texts_of_one_customer_count_together():
    rng = np.random.default_rng(1)
    first, second = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 100).T
    own = np.repeat(np.arange(100), 4)
    once = clustered_correlation(first, second, np.arange(100))
    again = clustered_correlation(np.repeat(first, 4), np.repeat(second, 4), own)
    assert again == pytest.approx(once)


# ---------------------------------------------------------------- languages


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        (GOOD, None, "en"),
        ("O quarto era limpo e a equipa muito simpática, voltaremos.", None, "other"),
        ("Das Zimmer war sauber und die Mitarbeiter sehr freundlich.", None, "other"),
        ("La habitación estaba limpia y el personal era muy amable.", None, "other"),
        ("La chambre était propre et le personnel très gentil.", None, "other"),
        ("部屋はとても清潔でした", None, "short"),
        ("Номер был чистый и персонал очень приветливый", None, "other"),
        ("Great stay", None, "short"),
        ("Great stay", "en-GB", "en"),
        ("Great stay", "English", "en"),
        (GOOD, "pt", "pt"),
        (GOOD, "unknown", "en"),
        (None, None, "short"),
    ],
)
def test_languages_are_declared_else_told_by_common_words(text, declared, language):
    assert tell_languages([text], [declared]).tolist() == [language]


@pytest.mark.parametrize(
    ("text", "language"),
    [("the aa bb cc dd", "en"), ("the aa bb cc dd ee", "other"), ("the aa bb", "short")],
)
def test_a_fifth_of_four_words_or_more_must_be_common(text, language):
    assert tell_languages([text], [""]).tolist() == [language]


# ---------------------------------------------------------------- what counts


def test_words_stand_in_for_a_missing_rating_where_they_go_with_the_others():
    toned = add_tones(voices([*mixed(), (None, GOOD), (None, BAD)]))
    check = toned.checks.iloc[0]
    assert check["low"] > 0.3
    assert (check["texts"], check["rated"], check["used"]) == (62, 60, 2)
    good, bad = toned.voices.tail(2).to_dict("records")
    assert good["told"] == bad["told"] == WORDS
    assert good["feeling"] == pytest.approx(0.6, abs=0.1)
    assert bad["feeling"] == pytest.approx(-0.6, abs=0.1)
    assert good["blur"] > 0
    assert toned.voices["sentiment"].isna().sum() == 2


def test_words_that_do_not_go_with_ratings_are_not_used():
    toned = add_tones(voices([*mixed(agree=False), (None, GOOD)]))
    assert toned.checks["verdict"].tolist() == ["not used: goes too little with the ratings"]
    last = toned.voices.iloc[-1]
    assert pd.isna(last["feeling"])
    assert last["tone"] > 0.05


@pytest.mark.parametrize(("rated", "used"), [(30, 1), (29, 0)])
def test_thirty_customers_must_have_given_both(rated, used):
    toned = add_tones(voices([*mixed(rated), (None, GOOD)]))
    assert toned.checks["used"].tolist() == [used]


def test_words_beside_no_rating_stay_unchecked_whatever_other_sources_show():
    both = pd.concat([voices(mixed()), voices([(None, BAD)] * 3, source="tickets")])
    toned = add_tones(both)
    checks = toned.checks.set_index("source")["verdict"]
    assert checks["tickets"] == "not checked: no rating stands beside these words"
    tickets = toned.voices[toned.voices["source"] == "tickets"]
    assert tickets["feeling"].isna().all()
    assert (tickets["tone"] < 0).all()


def test_a_rating_always_comes_before_the_words():
    toned = add_tones(voices([*mixed(), (-1.0, GOOD)]))
    last = toned.voices.iloc[-1]
    assert (last["feeling"], last["told"]) == (-1.0, "rating")


def test_other_languages_have_no_tone_and_say_why():
    toned = add_tones(voices([*mixed(), (None, "Gostei muito")], language="pt"))
    assert toned.checks["verdict"].tolist() == ["no tone: not English"]
    assert toned.voices["tone"].isna().all()
    assert toned.voices["untold"].iloc[-1] == "not English (pt)"
    short = add_tones(voices([(None, "ok")]))
    assert short.voices["untold"].tolist() == ["too short to tell the language"]


def test_from_two_hundred_ratings_on_the_clients_own_words_are_learnt_in_any_language():
    rng = np.random.default_rng(2)
    good = ["cama boa limpa", "equipa amável boa", "vista boa limpa"]
    bad = ["cama suja fria", "equipa má fria", "vista suja má"]
    rows = [
        (float(np.clip(rng.normal(0.5, 0.2), -1, 1)), good[i % 3]) if i % 2 else
        (float(np.clip(rng.normal(-0.5, 0.2), -1, 1)), bad[i % 3])
        for i in range(200)
    ]  # fmt: skip
    bare = [(None, "equipa boa limpa")] * 5 + [(None, "equipa suja má")] * 5
    toned = add_tones(voices([*rows, *bare], language="pt"))
    assert toned.checks["reader"].tolist() == ["the client's own ratings"]
    felt = toned.voices["feeling"].tail(10).to_numpy()
    assert (felt[:5] > 0.2).all()
    assert (felt[5:] < -0.2).all()
    few = add_tones(voices([*rows[1:], *bare], language="pt"))
    assert few.voices["feeling"].tail(10).isna().all()


@pytest.mark.parametrize("columns", [[], ["customer", "source", "sentiment", "text"]])
def test_nothing_said_gives_no_checks_but_all_columns(columns):
    toned = add_tones(pd.DataFrame(columns=columns))
    assert toned.checks.columns.tolist() == list(CHECKS)
    assert {"tone", "feeling", "blur", "told", "untold"} <= set(toned.voices)
    assert len(toned.voices) == 0


def test_blank_words_are_no_words():
    toned = add_tones(voices([(0.5, "  "), (None, None)]))
    assert toned.checks.empty
    assert toned.voices["told"].tolist()[0] == "rating"
