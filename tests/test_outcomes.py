"""Features end where the outcome begins; personas are judged by what came after."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, DAY, frame_of, write_log

from journeylib.outcomes import follow_customers, judge_usefulness, measure_outcomes

NOBODY = pd.DataFrame({"customer": []})
CUT = 75  # the last event lies at day 100, outcomes are followed for 25 days


def buyers(n=400, *, back=0.5, kind="order"):
    """Let customers order on day 20 and some of them do something after the cut."""
    events = [(one, 20 + one % 40, "order") for one in range(n)]
    events += [(one, 90, kind) for one in range(n) if one < back * n]
    return sorted([*events, (n, 10, "ad"), (n, 100, "ad")])


def followed_of(tmp_path, events, **codes):
    rows = frame_of(events)
    rows["value"] = np.where(rows["touchpoint"] == 3, 10.0, np.nan)
    return follow_customers(write_log(tmp_path, rows, codes=replace(CODES, **codes)), NOBODY)


def test_the_window_ends_with_the_data_and_lasts_as_long_as_outcomes_are_followed(tmp_path):
    found = followed_of(tmp_path, buyers())
    assert (found.window.cut - 1) / DAY == CUT
    assert found.window.days == 25
    assert found.before["last"].max() < found.window.cut
    assert found.reason == ""


def test_only_buyers_can_come_back_and_money_is_that_of_the_window(tmp_path):
    people = followed_of(tmp_path, buyers()).people.set_index("customer")
    assert pd.isna(people.loc[400, "hit"])
    assert people.loc[[0, 399], "hit"].tolist() == [True, False]
    assert people["spent"].sum() == 200 * 10


def test_who_cancels_after_the_cut_is_lost_and_who_did_before_is_not_asked(tmp_path):
    events = sorted([*buyers(back=0.3, kind="cancellation"), (399, 70, "cancellation")])
    people = followed_of(tmp_path, events, outcome="retention").people.set_index("customer")
    assert people.loc[[0, 398], "hit"].tolist() == [False, True]
    assert pd.isna(people.loc[399, "hit"])


def test_a_date_in_the_customers_table_counts_as_leaving(tmp_path):
    log = write_log(
        tmp_path, frame_of(buyers(back=0.3, kind="cancellation")),
        codes=replace(CODES, outcome="retention"),
    )  # fmt: skip
    days = [80, 60, None]
    at = [None if day is None else pd.Timestamp(day, unit="D", tz="UTC") for day in days]
    left = pd.DataFrame({"customer": [300, 301, 302], "churned_at": pd.to_datetime(at, utc=True)})
    people = follow_customers(log, left).people.set_index("customer")
    assert people.loc[[300, 302], "hit"].tolist() == [False, True]
    assert pd.isna(people.loc[301, "hit"])


def test_a_visitor_who_converted_before_cannot_convert_again(tmp_path):
    events = [(one, 20, "ad") for one in range(300)] + [(one, 90, "order") for one in range(60)]
    events += [(300, 30, "order"), (300, 100, "order")]
    people = followed_of(tmp_path, sorted(events), outcome="conversion").people
    people = people.set_index("customer")
    assert people.loc[[0, 299], "hit"].tolist() == [True, False]
    assert pd.isna(people.loc[300, "hit"])


@pytest.mark.parametrize(
    ("events", "codes", "why"),
    [
        (buyers(), {"outcome": "none", "follow": 0}, "names no outcome"),
        (buyers(), {"follow": 13 * DAY}, "too short"),
        (buyers(), {"follow": 50 * DAY}, "too short"),
        (buyers(199), {}, "of 199 customers"),
        (buyers(400, back=9 / 400), {}, "the outcome came for 9"),
        ([], {}, "no source holds dated events"),
    ],
)
def test_a_period_that_cannot_be_parted_is_left_whole_and_says_why(tmp_path, events, codes, why):
    found = followed_of(tmp_path, events, **codes)
    assert found.window is None
    assert why in found.reason
    assert len(found.before) == len({one for one, *_ in events})


def personas_by(n, name):
    return pd.DataFrame({"customer": range(n), "persona": [name(one) for one in range(n)]})


def test_the_outcome_of_each_persona_and_of_all_is_told_with_its_denominator(tmp_path):
    followed = followed_of(tmp_path, buyers())
    personas = personas_by(400, lambda one: "A" if one < 100 else "B")
    table = measure_outcomes(followed, personas, currency="EUR")
    rates = table[table["metric"] == "outcome_rate"].set_index("segment")
    assert rates["value"].to_dict() == pytest.approx({"all": 0.5, "A": 1.0, "B": 1 / 3})
    assert rates["n"].to_dict() == {"all": 400, "A": 100, "B": 300}
    money = table[table["metric"] == "value_per_customer"].set_index("segment")
    assert money["value"].to_dict() == pytest.approx({"all": 5.0, "A": 10.0, "B": 10 / 3})
    assert set(money["unit"]) == {"EUR"}
    assert (table["low"] <= table["value"]).all()


def test_without_a_window_nothing_is_said_of_outcomes(tmp_path):
    followed = followed_of(tmp_path, buyers(), outcome="none", follow=0)
    personas = personas_by(400, lambda _: "A")
    assert measure_outcomes(followed, personas, currency="").empty
    assert judge_usefulness(followed, personas) is None


def test_personas_that_foretell_the_outcome_are_useful_and_others_are_not(tmp_path):
    followed = followed_of(tmp_path, buyers())
    telling = judge_usefulness(followed, personas_by(400, lambda one: "A" if one < 190 else "B"))
    assert telling.low > 0.5
    assert telling.n == 400
    silent = judge_usefulness(followed, personas_by(400, lambda one: "AB"[one % 2]))
    assert silent.low <= 0


def test_useless_personas_pass_the_gate_rarely(tmp_path):
    followed = followed_of(tmp_path, buyers())
    rng = np.random.default_rng(1)
    passed = [
        judge_usefulness(followed, personas_by(400, lambda _: rng.choice(list("ABCD"))), seed=s).low
        for s in range(60)
    ]
    assert np.mean(np.array(passed) > 0) <= 0.05
