import re

import numpy as np
import pandas as pd
import pytest
from reading import DATA
from voices_made import make_voices

from journeylib.feedback import find_themes
from journeylib.suppression import suppress_table
from journeylib.tables import check_result, complete_result
from journeylib.theme_search import ThemeRules

PLACED = pd.DataFrame({"touchpoint": ["parcel", "visit"], "stage": ["retention", "decision"]})


def skytrax(name):
    path = DATA / "skytrax" / f"{name}.csv"
    if not path.exists():
        pytest.skip("The Skytrax reviews are not on this machine.")
    return pd.read_csv(path)


def reviews(name):
    raw = skytrax(name)
    return pd.DataFrame(
        {
            "customer": pd.Series(pd.factorize(raw["author"])[0], dtype="Int64"),
            "timestamp": pd.to_datetime(raw["date"], errors="coerce", utc=True),
            "touchpoint": name,
            "source": name,
            "language": "en",
            "feeling": raw["recommended"] * 2.0 - 1,
            "told": "recommended",
            "text": raw["content"],
        }
    )


def shares(themes):
    return themes.table.set_index("theme")["value"]


# ---------------------------------------------------------------- golden


@pytest.mark.parametrize(("name", "share"), [("lounge", 0.3604), ("seat", 0.3641)])
def test_skytrax_recommended_shares_are_those_of_its_readme(name, share):
    assert skytrax(name)["recommended"].mean() == pytest.approx(share, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lounge", {"Food and drink", "Room and comfort", "Staff and service", "Wi-fi",
                    "Cleanliness"}),
        ("seat", {"Room and comfort", "Staff and service", "Food and drink"}),
    ],
)  # fmt: skip
def test_skytrax_reviews_speak_of_what_their_sub_ratings_ask_for(name, expected):
    themes = find_themes(reviews(name))
    assert expected <= set(themes.table["theme"])
    assert themes.table["theme"].iloc[0] in expected
    assert (themes.table["stability"] >= 0.7).all()
    assert (themes.table["comments"] >= 30).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["lounge", "seat"])
def test_two_halves_of_the_skytrax_reviews_give_the_same_themes(name, seed):
    """A half holds half the comments, so it is asked for half as many; docs/themes.md has both.

    With the whole gate in each half, themes of 30 to 60 comments fall to either side of it: the
    seat reviews then share 0.67 of their themes on average.
    """
    voices = reviews(name)
    half = np.random.default_rng(seed).random(voices["customer"].max() + 1) < 0.5
    inside = half[voices["customer"].to_numpy(int)]
    rules = ThemeRules(min_comments=15)
    one, two = (shares(find_themes(voices[part], rules=rules)) for part in (inside, ~inside))
    both = one.index.intersection(two.index)
    assert len(both) / len(one.index.union(two.index)) >= 0.7
    assert np.corrcoef(one[both], two[both])[0, 1] > 0.97


# ---------------------------------------------------------------- planted


def rows_of(themes):
    """Give the rows of each theme that was found beyond the listed ones."""
    found = themes.table.loc[themes.table["kind"] == "found", "theme"]
    members = themes.members.set_index("theme")["comment"]
    return [set(themes.comments.loc[members.loc[[theme]], "row"]) for theme in found]


@pytest.mark.parametrize("seed", range(6))
def test_planted_themes_are_found_listed_or_not(seed):
    voices, said = make_voices(600, seed=seed)
    themes = find_themes(voices)
    found = themes.table.set_index("theme")
    for name, topic in (
        ("Delivery", "delivery"),
        ("Cleanliness", "cleanliness"),
        ("Price", "price"),
    ):
        assert found.loc[name, "mentions"] == (said == topic).sum()
    for topic in ("violins", "ponies"):
        truth = set(np.flatnonzero(said == topic))
        alike = [len(rows & truth) / len(rows | truth) for rows in rows_of(themes)]
        assert max(alike) >= 0.85, topic


def test_words_without_a_pattern_make_no_theme():
    """Random words are no theme, however many comments there are: nothing found is stable."""
    rng = np.random.default_rng(3)
    words = [f"{a}{b}{c}ox" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(600)]
    voices = pd.DataFrame({"text": texts, "customer": range(600), "language": "en"})
    themes = find_themes(voices)
    assert themes.table.empty
    assert themes.stability["verdict"].str.contains("not stable|too few").all()
    assert themes.reason


def test_tone_and_stage_of_a_theme_are_those_of_its_comments():
    voices, said = make_voices(400, tone={"delivery": -0.6})
    themes = find_themes(voices, placed=PLACED)
    row = themes.table.set_index("theme").loc["Delivery"]
    truth = voices.loc[said == "delivery", "feeling"].mean()
    assert row["sentiment"] == pytest.approx(truth)
    assert row["sentiment_low"] < truth < row["sentiment_high"] < row["sentiment_others"]
    assert row["stage"] == "retention"
    assert row["sentiment_others"] == pytest.approx(
        voices.loc[said != "delivery", "feeling"].mean()
    )


def test_shares_are_of_customers_not_of_comments():
    voices, _ = make_voices(200, topics=("delivery", "price"))
    talkative = voices[voices["touchpoint"] == "parcel"].head(1)
    more = [talkative.assign(text=f"Parcel number {at} was late.") for at in range(60)]
    themes = find_themes(pd.concat([voices, *more], ignore_index=True))
    row = themes.table.set_index("theme").loc["Delivery"]
    assert row["n"] == 200
    assert row["comments"] == row["mentions"] + 60


# ---------------------------------------------------------------- counted once


def test_copies_form_letters_and_replies_count_once_or_not_at_all():
    voices, _ = make_voices(120)
    letter = "Dear Sir or Madam, " + "we refer to the delivery under our general terms " * 4
    extra = pd.DataFrame(
        {
            "customer": [1, 1, *range(500, 506), 510, 511, 512],
            "text": ["The parcel is lost!", "the parcel is lost", *[letter] * 6,
                     "Automatic reply: I am out of the office", "n/a", "👍👍"],
            "source": "survey", "language": "en",
        }
    )  # fmt: skip
    themes = find_themes(pd.concat([voices, extra], ignore_index=True))
    counts = dict(themes.census.to_numpy())
    assert counts == {"counted": 122, "copy": 1, "form letter": 5, "automatic reply": 1,
                      "no words": 2}  # fmt: skip


def test_a_copy_with_a_rating_is_the_one_that_counts():
    rows = [(1, "Too expensive.", np.nan), (1, "too expensive", -0.5)] + [
        (at, "A fair price.", 0.5) for at in range(2, 40)
    ]
    themes = find_themes(pd.DataFrame(rows, columns=["customer", "text", "feeling"]))
    assert themes.comments["feeling"].notna().all()


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize(("n", "found"), [(29, False), (30, True)])
def test_a_theme_takes_thirty_comments(n, found):
    voices, _ = make_voices(n, topics=("price",))
    themes = find_themes(voices)
    assert (not themes.table.empty) == found
    assert bool(themes.reason) != found


@pytest.mark.parametrize(("customers", "found"), [(9, False), (10, True)])
def test_a_theme_takes_ten_customers(customers, found):
    voices, _ = make_voices(60, topics=("price",))
    voices["customer"] = np.arange(60) % customers
    voices["text"] += [f" Visit {chr(97 + at // 26)}{chr(97 + at % 26)}." for at in range(60)]
    assert (not find_themes(voices).table.empty) == found


@pytest.mark.parametrize(
    "voices",
    [
        pd.DataFrame(),
        pd.DataFrame({"text": [None, None]}),
        pd.DataFrame({"text": ["", "👍", "n/a", "\x00\u202e"]}),
        pd.DataFrame({"text": ["Great delivery"] * 40, "customer": 1}),
    ],
)
def test_nothing_to_read_gives_a_reason_and_empty_tables(voices):
    themes = find_themes(voices)
    assert themes.table.empty
    assert themes.cells.empty
    assert themes.reason
    check_result("themes", complete_result("themes", themes.table))


def test_own_themes_come_beside_those_of_the_kit_replace_and_remove_them():
    voices, said = make_voices(600)
    own = {
        "Music": ["violin*", "orchestra", "concert", "two words"],
        "price": ["expensive"],
        "Cleanliness": [],
    }
    themes = find_themes(voices, rules=ThemeRules(own=own)).table.set_index("theme")
    music = voices["text"].str.contains("violin|orchestra|concert").sum()
    assert themes.loc["Music", "mentions"] == music <= (said == "violins").sum()
    assert themes.loc["Music", "kind"] == "client's own"
    assert themes.loc["Price", "mentions"] == voices["text"].str.contains("expensive").sum()
    assert "Cleanliness" not in themes.index


# ---------------------------------------------------------------- properties


def test_a_second_run_gives_the_same_to_the_last_digit():
    voices, _ = make_voices(300)
    first, again = find_themes(voices), find_themes(voices)
    pd.testing.assert_frame_equal(first.table, again.table)
    pd.testing.assert_frame_equal(first.cells, again.cells)


def test_the_table_fits_its_contract_and_cells_add_up():
    voices, _ = make_voices(400)
    people = pd.DataFrame({"customer": range(380), "persona": ["a", "b"] * 190})
    themes = find_themes(voices, placed=PLACED, personas=people)
    check_result("themes", complete_result("themes", themes.table))
    whole = themes.cells.query("stage == 'all' and persona == 'all'").set_index("theme")
    assert whole["value"].to_dict() == pytest.approx(shares(themes).to_dict())
    stages = themes.by_stage.groupby("theme")["mentions"].sum()
    assert stages.to_dict() == whole["mentions"].to_dict()
    known = themes.by_persona.groupby("theme")["n"].sum()
    assert (known == 380).all()


def test_small_cells_are_withheld_and_cannot_be_worked_out():
    voices, _ = make_voices(400)
    persona = np.where(np.arange(400) < 12, "few", np.where(np.arange(400) < 200, "a", "b"))
    people = pd.DataFrame({"customer": range(400), "persona": persona})
    cells = find_themes(voices, placed=PLACED, personas=people).cells
    shown = suppress_table("theme_cells", cells, min_cell=10)
    assert not ((shown["mentions"] > 0) & (shown["mentions"] < 10)).any()
    parts = shown[(shown["persona"] != "all") & (shown["stage"] == "all")]
    assert (parts["mentions"].isna().groupby(parts["theme"]).sum() != 1).all()


# ---------------------------------------------------------------- languages

GERMAN = (
    "Die Lieferung kam drei Tage zu spät.", "Das Paket war völlig zerdrückt.",
    "Das Personal war unhöflich.", "Sehr freundliche Mitarbeiter, danke.",
    "Viel zu teuer für diese Leistung.", "Der Preis ist in Ordnung.",
)  # fmt: skip
ARABIC = ("التوصيل متأخر جدا ولم يصل الطرد.", "السعر غالي مقارنة بغيره.", "الموظف كان لطيف ومحترم.",
          "وصل الطرد في الموعد.")  # fmt: skip
JAPANESE = (
    "配送がとても遅くて困りました。", "店員さんの対応が丁寧でした。", "価格が高いと思います。",
    "包装がきれいで嬉しいです。", "味噌汁の具が少ないです。",
)  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (GERMAN, {"Delivery": 2, "Staff and service": 2, "Price": 2, "Waiting": 1}),
        (ARABIC, {"Delivery": 2, "Price": 1, "Staff and service": 1, "Waiting": 1}),
    ],
)
def test_other_languages_are_read_by_their_own_words(texts, expected):
    rows = [(at, texts[at % len(texts)]) for at in range(40 * len(texts))]
    table = find_themes(pd.DataFrame(rows, columns=["customer", "text"])).table.set_index("theme")
    assert (table["mentions"] / 40).astype(int).to_dict() == expected


def test_scripts_without_blanks_are_read_by_pairs_of_signs():
    rows = [(at, JAPANESE[at % 5]) for at in range(400)]
    table = find_themes(pd.DataFrame(rows, columns=["customer", "text"])).table
    assert set(table["kind"]) == {"found"}
    assert {"配送", "店員", "価格"} <= set(" ".join(table["theme"]).split())


def test_short_mixed_and_odd_texts_do_no_harm():
    odd = ["ok", "?", "👍", "a" * 5000, "Preis price prix 価格 سعر", "\u202eabc", "ﷺ", "नमस्ते दाम",
           "ราคาแพงมาก", "<b>", "{{ x }}", "'; DROP TABLE x", "=1+1"]  # fmt: skip
    rows = [(at, odd[at % len(odd)] + (" x" * (at % 3))) for at in range(500)]
    themes = find_themes(pd.DataFrame(rows, columns=["customer", "text"]))
    assert themes.census["comments"].sum() == 500


# ---------------------------------------------------------------- nobody is named

PAYLOADS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[price](javascript:alert(1))",
    "![price](http://evil.test/p.png)", "`rm -rf` $\\input{/etc/passwd}$", "\\href{x}{price}",
    "{{ 7*7 }} {% raw %}", "**price** __price__ | a | b |", "# price", "=HYPERLINK(1)",
    "<svg/onload=alert(1)>", "&lt;script&gt;alert(1)&lt;/script&gt;", "data:text/html,<b>price",
)  # fmt: skip
PERSONAL = (
    "jane.miller@example.com", "jane at example dot com", "+49 30 1234567", "0171 2345678",
    "Call Zebedee Quackenbush", "Regards, Zebedee", "Mr Quackenbush", "https://shop.example/u/jane",
)  # fmt: skip


def hostile_themes():
    rows = []
    for at in range(240):
        # A name that ten customers and more write is a place or a brand.
        every = (*PAYLOADS, *PERSONAL[: len(PERSONAL) if at < 60 else 4])
        extra = every[at % len(every)]
        rows.append((at, f"{extra} the price is too expensive {extra}"))
        rows.append((at, f"A fair price, number {chr(97 + at % 26)}. {extra}"))
    return find_themes(pd.DataFrame(rows, columns=["customer", "text"]).assign(language="en"))


def test_nothing_in_a_comment_can_run_or_format():
    themes = hostile_themes()
    shown = themes.table[["theme", "words", "quote_1", "quote_2", "quote_3"]].to_numpy().ravel()
    text = "\n".join(str(one) for one in shown)
    assert "price" in text
    assert not re.search(r"[<>`$\\*|_^~]|\]\(|\{\{|\{%|javascript:|&\w+;|^[#=+@-]", text, re.M)


def test_no_quote_or_word_tells_who_wrote():
    themes = hostile_themes()
    frames = (themes.table, themes.stability, themes.cells)
    text = " ".join(frame.to_csv() for frame in frames).lower()
    for detail in ("jane", "example", "1234567", "2345678", "zebedee", "quackenbush", "shop."):
        assert detail not in text


def test_quotes_are_short_of_different_customers_and_shown_once():
    voices, _ = make_voices(500)
    table = find_themes(voices).table
    quotes = table.filter(like="quote_").melt()["value"].dropna()
    assert quotes.str.len().max() <= 200
    assert not quotes.duplicated().any()
    assert table["quote_1"].notna().all()
