import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib.quotes import LONGEST, choose_quotes, cut_pieces, is_anonymous, open_reading
from journeylib.quoting import make_inert

ANYTHING = re.compile(r"[<>`$\\*|_^~\x00-\x1f\u202a-\u202e]|\]\(|\]:|\{[{%#]|&#?\w+;|^[#=+>@-]")
PLAIN = pd.DataFrame({"text": ["the staff was kind to us"], "own": [1], "tongue": ["en"]})


def reading(texts, *, tongue="en", shared=()):
    table = pd.DataFrame({"text": texts, "own": range(len(texts)), "tongue": tongue})
    return open_reading(table, shared)


def everything(pieces, _tongues):
    return np.ones(len(pieces))


# ---------------------------------------------------------------- inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It cost $5 < £6 & was fine", "It cost ＄5 ‹ £6 & was fine"),
        ("<script>alert(1)</script>", "‹script›alert(1)‹/script›"),
        ("[click](javascript:x) ![i](y)", "[click] (javascript :x) ! [i] (y)"),
        ("a `b` **c** _d_ | e", "a ˋbˋ ∗∗c∗∗ ˍdˍ ǀ e"),
        ("\\input{x} $x^2$ {{ y }}", "∖input{x} ＄xˆ2＄ { { y } }"),
        ("# Heading", "Heading"),
        ("1. first", "first"),
        ("&lt;b&gt; AT&T", "& lt;b& gt; AT&T"),
        ("5% off for R&D, 3 - 4 weeks", "5% off for R&D, 3 - 4 weeks"),
        ("two\nlines\r\n# here", "two lines # here"),
        ("سعر غالي جدا", "سعر غالي جدا"),
    ],
)
def test_words_read_the_same_and_order_nothing(text, shown):
    assert make_inert(text) == shown


@given(st.text(max_size=120))
def test_no_text_keeps_a_sign_that_could_be_an_order(text):
    shown = make_inert(text)
    assert not ANYTHING.search(shown)
    assert make_inert(shown) == shown
    assert "\n" not in shown


# ---------------------------------------------------------------- nobody


@pytest.mark.parametrize(
    "piece",
    [
        "Then Zoltan told us to leave", "the room of Ms Weber was cold", "Regards, the Millers",
        "my name is on the list", "write to [e-mail] please", "room 12345678 was cold",
        "thanks @zoltan for the help", "see http://x.test for more", "Zoltan was rude to us",
        "meet Anna-Maria at the desk",
    ],
)  # fmt: skip
def test_a_piece_that_may_name_somebody_is_no_quote(piece):
    assert not is_anonymous(piece, reading(["nothing"]), tongue="en")


@pytest.mark.parametrize(
    ("piece", "tongue"),
    [
        ("The staff was kind. I liked it.", "en"),
        ("Staff was kind", "en"),
        ("Wir fanden die Suppe kalt und das Zimmer laut", "de"),
    ],
)
def test_plain_pieces_can_be_quoted(piece, tongue):
    own = open_reading(PLAIN, ["zimmer"])
    assert is_anonymous(piece, own, tongue=tongue)


def test_words_that_five_customers_share_are_no_name():
    piece = "then the Lufthansa desk opened"
    assert not is_anonymous(piece, reading(["x"]), tongue="en")
    assert is_anonymous(piece, reading(["x"], shared=["lufthansa"]), tongue="en")


# ---------------------------------------------------------------- choice


def test_quotes_lie_near_what_most_say_and_differ():
    usual = [f"the queue at the desk was {word} long" for word in ("very", "far too", "so")] * 20
    odd = ["a parrot sang in the lobby bar"]
    quotes = choose_quotes(reading([*usual, *odd]), np.arange(61), everything)
    assert "queue" in quotes[0]
    assert len(set(quotes)) == len(quotes)


def test_one_customer_gives_one_quote():
    table = pd.DataFrame(
        {"text": ["the soup was cold today", "our towels were damp again", "nobody made the bed"],
         "own": 1, "tongue": "en"}
    )  # fmt: skip
    assert len(choose_quotes(open_reading(table, []), np.arange(3), everything)) == 1


def test_what_is_not_about_the_theme_is_not_quoted():
    texts = ["the soup of the day was cold. the pool was warm and blue."] * 3

    def about(pieces, _tongues):
        return np.array(["soup" in piece for piece in pieces], dtype=float)

    quotes = choose_quotes(reading(texts), np.arange(3), about)
    assert quotes == ["the soup of the day was cold."]


@given(st.lists(st.text(max_size=400), max_size=5))
def test_pieces_are_never_longer_than_a_quote(parts):
    assert all(len(piece) <= LONGEST for piece in cut_pieces(". ".join(parts)))


def test_a_long_sentence_is_cut_at_a_word():
    (piece, *_) = cut_pieces("word " * 100)
    assert piece.endswith("word…")
