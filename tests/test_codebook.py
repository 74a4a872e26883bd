import pytest
from reading import make_client, source

from journeylib.codebook import (
    find_hits,
    known_languages,
    read_codebook,
    read_fillers,
)
from journeylib.errors import ParamsError
from journeylib.vocabulary import count_words


def themes_of(text, tongue="en", *, own=None):
    themes = read_codebook(own)
    hits = find_hits(count_words([text]), [text], [tongue], themes)
    return {themes[at].name for at in hits.members(len(themes)).nonzero()[1]}


@pytest.mark.parametrize(
    ("tongue", "text", "theme"),
    [
        ("en", "The courier never rang.", "Delivery"),
        ("en", "I stood in line for ages", "Waiting"),
        ("de", "Die Nachlieferung fehlt", "Delivery"),
        ("de", "VIEL ZU TEUER!", "Price"),
        ("fr", "Le colis est arrivé abîmé", "Delivery"),
        ("fr", "L'employé était désagréable", "Staff and service"),
        ("es", "Tardaron dos horas en la recepción", "Waiting"),
        ("es", "Las toallas estaban sucias", "Cleanliness"),
        ("it", "Il rimborso non è mai arrivato", "Refund and return"),
        ("it", "La pulizia lascia a desiderare", "Cleanliness"),
        ("nl", "De bezorger was te laat", "Delivery"),
        ("nl", "Het personeel was onbeschoft", "Staff and service"),
        ("pt", "O pequeno-almoço era ótimo", "Food and drink"),
        ("pt", "Esperámos quarenta minutos na fila", "Waiting"),
        ("ar", "وصل الطرد متأخر", "Delivery"),
    ],
)
def test_a_theme_is_known_by_its_words_in_each_language(tongue, text, theme):
    assert theme in themes_of(text, tongue)


@pytest.mark.parametrize(
    ("tongue", "text"),
    [
        ("en", "The personal touch was great, we will come again"),  # personal: staff in Spanish
        ("en", "Nothing on sale today"),  # sale: dirty in French
        ("en", "Undeliberately barred by abbots"),
        ("fr", "Mon sale chat"),
    ],
)
def test_words_of_another_language_or_inside_others_are_no_hit(tongue, text):
    assert not themes_of(text, tongue) - {"Cleanliness"} or tongue == "fr"
    assert "Staff and service" not in themes_of(text, tongue)
    assert tongue == "fr" or "Cleanliness" not in themes_of(text, tongue)


@pytest.mark.parametrize(("text", "hit"), [("gift card", True), ("gift  CARD!", True),
                                           ("gift, card", True), ("gifted cards", False),
                                           ("card as a gift", False)])  # fmt: skip
def test_phrases_are_words_in_a_row(text, hit):
    assert ("Gifts" in themes_of(text, own={"Gifts": ["gift card"]})) == hit


@pytest.mark.parametrize(("word", "hit"), [("boat", True), ("boats", True), ("steamboat", False)])
def test_a_star_stands_for_letters_at_its_end(word, hit):
    assert ("Boats" in themes_of(f"The {word} left", own={"boats": ["boat*"]})) == hit
    assert "Boats" in themes_of(f"The {word} left", own={"boats": ["*boat", "boat*", "boats"]})


def test_every_theme_has_words_in_the_seven_languages_and_no_word_twice():
    for theme in read_codebook():
        assert {"en", "de", "fr", "es", "it", "nl", "pt"} <= set(theme.patterns), theme.name
        for words in theme.patterns.values():
            assert all(len(word.strip("*")) > 1 for word in words)
    assert set(known_languages()) == set(read_fillers())


def test_no_theme_is_known_by_a_word_without_meaning():
    fillers = read_fillers()
    for theme in read_codebook():
        for tongue, words in theme.patterns.items():
            assert not set(words) & fillers[tongue], (theme.name, tongue)


# ---------------------------------------------------------------- client file


def test_the_client_file_names_themes(tmp_path):
    own = {"Ski lift": ["ski lift", "gondola*"], "Noise": []}
    params = make_client(tmp_path, source("a.csv"), feedback={"themes": own, "min_comments": 20})
    assert params.feedback.themes == own
    names = {theme.name for theme in read_codebook(params.feedback.themes)}
    assert "Ski lift" in names
    assert "Noise" not in names


@pytest.mark.parametrize(
    ("word", "part"),
    [("a*", "nearly everywhere"), ("...", "no letter"), ("de*ery", "inside a word")],
)
def test_words_that_fit_nothing_or_everything_are_refused(tmp_path, word, part):
    with pytest.raises(ParamsError) as refused:
        make_client(tmp_path, source("a.csv"), feedback={"themes": {"Odd": [word]}})
    (problem,) = refused.value.problems
    assert part in problem.message
    assert word in problem.message
    assert problem.line
