import numpy as np
import pandas as pd
import pytest

from journeylib.accounts import beliefs_sentence
from journeylib.agreement import Measured, feeling_word, judge_feeling, score_beliefs
from journeylib.beliefs import plain_name
from journeylib.tables import check_result

NAMES = [f"t{i}" for i in range(50)]


def believed(*rows):
    table = pd.DataFrame(rows, columns=["touchpoint", "stage", "feeling", "pain"])
    return table.assign(line=range(1, len(table) + 1), feeling=table["feeling"].astype(float))


def measured(names=("a", "b", "c"), *, pains=(), compared=None, feelings=(), customers=100):
    frame = pd.DataFrame({"touchpoint": list(names), "stage": "x", "customers": customers})
    told = pd.DataFrame(feelings, columns=["touchpoint", "value", "low", "high"])
    told = told.assign(n=50, source="t")
    return Measured(
        touchpoints=frame,
        feelings=told,
        stages=pd.DataFrame({"stage": ["x"], "value": 0.1, "low": 0.0, "high": 0.2, "n": 80,
                             "source": "t"}),
        pains=pd.DataFrame({"touchpoint": list(pains), "kind": "loss"}),
        compared=pd.DataFrame({"touchpoint": list(names if compared is None else compared)}),
    )  # fmt: skip


NO_STAGES = pd.DataFrame(columns=["stage", "feeling", "line"])


def scored(touchpoints, found, *, stages=NO_STAGES, **options):
    return score_beliefs(touchpoints, stages, found, same=plain_name, **options)


def verdicts(table, aspect):
    own = table[(table["aspect"] == aspect) & (table["touchpoint"] != "all")]
    return own.set_index("touchpoint")["verdict"].to_dict()


def whole(table, aspect):
    return table[(table["aspect"] == aspect) & (table["touchpoint"] == "all")].iloc[0]


def four_fold(both, absent, missed, neither):
    """Touchpoints that make a two by two table of believed and real pains."""
    counts = (both, absent, missed, neither)
    said = np.repeat([True, True, False, False], counts)
    real = np.repeat([True, False, True, False], counts)
    names = NAMES[: sum(counts)]
    rows = [
        (name, None, None, "ouch" if one else "") for name, one in zip(names, said, strict=True)
    ]
    return scored(believed(*rows), measured(names, pains=np.array(names)[real]))


def test_kappa_of_twenty_five_ten_fifteen_is_four_tenths():
    """Both yes 20, one no 5, other no 10, both no 15: agreement 0.7, chance 0.5, kappa 0.4."""
    table = four_fold(20, 5, 10, 15)
    kappa = whole(table, "pain beyond chance")
    assert kappa["value"] == pytest.approx(0.4)
    assert kappa["low"] == pytest.approx(0.1510, abs=1e-3)
    assert (whole(table, "pain")["believed"], whole(table, "pain")["value"]) == ("35 of 50", 0.7)


@pytest.mark.parametrize("counts", [(4, 0, 0, 0), (3, 2, 0, 0), (0, 0, 0, 9), (1, 1, 1, 1)])
def test_kappa_needs_five_touchpoints_and_both_answers_on_both_sides(counts):
    assert "pain beyond chance" not in set(four_fold(*counts)["aspect"])


@pytest.mark.parametrize(
    ("feeling", "low", "high", "verdict"),
    [
        (0, 0.25, 0.4, "agrees"), (0, 0.26, 0.4, "feels better"),
        (0, -0.4, -0.25, "agrees"), (0, -0.4, -0.26, "feels worse"),
        (2, 0.74, 0.9, "agrees"), (2, 0.6, 0.74, "feels worse"),
        (-1, -0.5, 0.25, "agrees"), (-1, -0.5, 0.26, "cannot tell"),
        (1, float("nan"), float("nan"), "cannot tell"),
    ],
)  # fmt: skip
def test_feelings_agree_within_a_quarter_of_a_point(feeling, low, high, verdict):
    assert judge_feeling(feeling, low, high) == verdict


@pytest.mark.parametrize(
    ("feeling", "word"),
    [(-2, "very bad"), (-1.5, "bad"), (-1.51, "very bad"), (0.49, "neutral"), (0.5, "good")],
)
def test_feelings_have_five_words(feeling, word):
    assert feeling_word(feeling) == word


def test_pains_are_confirmed_absent_missed_or_open():
    beliefs = believed(
        ("a", None, None, "slow"), ("b", None, None, "rude"), ("c", None, None, ""),
        ("d", None, None, "far"), ("e", None, None, ""),
    )  # fmt: skip
    found = measured("abcdef", pains="acf", compared="abcef")
    table = scored(beliefs, found)
    assert verdicts(table, "pain") == {
        "a": "confirmed", "b": "absent", "c": "missed", "d": "cannot tell",
        "e": "none, as believed", "f": "missed",
    }  # fmt: skip
    assert whole(table, "pain")["believed"] == "2 of 5"
    check_result("beliefs", table)


def test_touchpoints_are_matched_whatever_the_case_and_signs_and_near_misses_are_named():
    beliefs = believed(("Check-In", "y", None, ""), ("chek out", None, None, ""))
    table = scored(beliefs, measured(("check_in", "check_out")))
    assert verdicts(table, "seen") == {
        "check_in": "seen", "chek out": "never seen", "check_out": "not thought of",
    }  # fmt: skip
    assert table.loc[table["touchpoint"] == "chek out", "hint"].tolist() == [
        'Did you mean "check_out"?'
    ]
    assert verdicts(table, "stage") == {"check_in": "elsewhere"}
    assert whole(table, "seen")["believed"] == "1 of 3"


@pytest.mark.parametrize(("customers", "named"), [(30, True), (29, False)])
def test_touchpoints_that_few_met_are_no_oversight(customers, named):
    table = scored(believed(("a", None, None, "")), measured("ab", pains="b", customers=customers))
    assert ("b" in verdicts(table, "seen")) == named
    assert ("b" in verdicts(table, "pain")) == named


def test_the_order_of_feelings_is_told_from_five_touchpoints_on():
    rows = [(name, None, at - 2, "") for at, name in enumerate("abcde")]
    told = [(name, at / 10, at / 10 - 0.1, at / 10 + 0.1) for at, name in enumerate("abcde")]
    row = whole(scored(believed(*rows), measured("abcde", feelings=told)), "order of feelings")
    assert (row["value"], row["n"]) == (pytest.approx(1), 5)
    assert row["low"] <= row["value"] <= row["high"]
    fewer = scored(believed(*rows[1:]), measured("abcde", feelings=told))
    assert "order of feelings" not in set(fewer["aspect"])


def test_stages_are_judged_as_a_whole():
    stages = pd.DataFrame({"stage": ["x", "y"], "feeling": [2.0, 1.0], "line": [3, 4]})
    table = scored(believed(("a", None, None, "")), measured(), stages=stages)
    own = table[table["aspect"] == "stage feeling"].set_index("stage")["verdict"]
    assert own.to_dict() == {"x": "feels worse", "y": "cannot tell"}


def test_a_map_of_things_never_seen_agrees_with_nothing():
    table = scored(believed(("minibar", "x", 1, "dear")), measured(()))
    assert verdicts(table, "seen") == {"minibar": "never seen"}
    assert whole(table, "seen")["value"] == 0
    check_result("beliefs", table)


def test_the_sentence_counts_and_names_what_the_table_shows():
    beliefs = believed(("a", None, -1, "slow"), ("b", None, None, "rude"), ("z", None, None, ""))
    found = measured("abc", pains="ac", feelings=[("a", 0.5, 0.4, 0.6)])
    sentence = beliefs_sentence(scored(beliefs, found))
    assert "agree at 1 of 3 touchpoints" in sentence
    for part in ("1 believed pain(s) confirmed (a)", "1 believed pain(s) absent from the data (b)",
                 "1 real pain(s) missed (c)", "1 touchpoint(s) feel better than believed (a)",
                 "1 believed touchpoint(s) never seen (z)"):  # fmt: skip
        assert part.lower() in sentence.lower()
    assert "No workshop map" in beliefs_sentence(pd.DataFrame())
