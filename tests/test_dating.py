from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_logs import frame_of, write_log

from journeylib.collect import collect
from journeylib.dating import date_pains, find_episode
from journeylib.pains import compare_touchpoints, rank_pains
from journeylib.params import read_params

DATA = Path(__file__).parents[2] / "shared" / "data" / "retentioneering_ecom"
CLIENT = Path(__file__).parent / "clients" / "retentioneering-ecom.yml"


def rng():
    return np.random.default_rng(1)


def test_a_run_of_bad_weeks_is_found_where_it_was_planted():
    cases = np.full(30, 100.0)
    bad = np.where((np.arange(30) >= 10) & (np.arange(30) < 16), 40.0, 5.0)
    found = find_episode(cases, bad, rng())
    assert (found["first"], found["last"]) == (10, 15)
    assert (found["usual_share"], found["episode_share"]) == pytest.approx((0.05, 0.4))
    assert found["dated_p"] == pytest.approx(1 / 200)


@pytest.mark.parametrize(("weeks", "told"), [(7, False), (8, True)])
def test_eight_weeks_must_tell(weeks, told):
    cases = np.r_[np.full(weeks, 50.0), np.zeros(5)]
    assert (find_episode(cases, cases / 5, rng()) is not None) == told


@pytest.mark.parametrize(("bad", "told"), [(4, False), (5, True)])
def test_five_bad_cases_must_be_there(bad, told):
    hits = np.zeros(12)
    hits[:bad] = 1
    assert (find_episode(np.full(12, 50.0), hits, rng()) is not None) == told


def test_steady_shares_seldom_have_an_episode():
    draws, found = rng(), 0
    for _ in range(100):
        episode = find_episode(np.full(26, 80.0), draws.binomial(80, 0.2, 26).astype(float), draws)
        clear = episode["dated_p"] <= 0.05
        found += clear and episode["episode_share"] >= 1.5 * episode["usual_share"]
    assert found <= 5


def pains_at(*rows):
    table = pd.DataFrame(rows, columns=["touchpoint", "kind"])
    return table.assign(channel="", unit="share")


def test_a_bug_is_dated_and_what_was_always_there_is_throughout(tmp_path):
    """Weeks start on day 10: the bug (support) came in weeks 5 to 8 of 14."""
    events = [(c, 10 + c % 98, "ad") for c in range(980)]
    events += [(c, 10.2 + c % 98, "product") for c in range(0, 980, 3)]
    events += [(c, 10.3 + c % 98, "support") for c in range(980) if 35 <= c % 98 < 63 and c % 2]
    log = write_log(tmp_path, frame_of(sorted(events)))
    found = date_pains(log, pains_at(("support", "loss"), ("product", "loss")))
    first, second = found.to_dict("records")
    assert (first["dated"], first["series"]) == ("for a time", "met")
    assert (first["since"], first["until"]) == ("1970-02-15", "1970-03-14")
    assert (second["dated"], second["since"], second["until"]) == ("throughout", "", "")


def test_words_are_dated_by_when_they_were_said(tmp_path):
    days = np.tile(np.arange(10, 108), 5)
    voices = pd.DataFrame(
        {
            "timestamp": pd.to_datetime(days * 86_400_000_000, unit="us", utc=True),
            "touchpoint": "delivery", "channel": None,
            "sentiment": np.where(days >= 80, -0.5, 0.5),
        }
    )  # fmt: skip
    pains = pains_at(("delivery", "sentiment")).assign(unit="sentiment")
    log = write_log(tmp_path, frame_of([(0, 20, "delivery")]))
    row = date_pains(log, pains, voices=voices).iloc[0]
    assert (row["dated"], row["since"], row["until"]) == ("since", "1970-03-22", "")
    assert date_pains(log, pains).iloc[0]["dated"] == ""


def test_no_pains_have_no_dates(tmp_path):
    log = write_log(tmp_path, frame_of([(0, 20, "delivery")]))
    assert date_pains(log, pains_at()).empty
    assert "since" in date_pains(log, pains_at())


def test_the_checkout_bug_and_the_payment_errors_are_found_and_dated(tmp_path):
    """retentioneering_ecom: the bug was met from 15 April to 16 May, the errors from 20 May on."""
    if not DATA.exists():
        pytest.skip("the folder shared/data does not lie beside this repository")
    log = collect(read_params(CLIENT), tmp_path).built.log
    silence = pd.DataFrame(columns=["customer", "touchpoint", "channel", "source", "sentiment"])
    found = date_pains(log, rank_pains(compare_touchpoints(log, silence)))
    bug = found[found["touchpoint"] == "checkout_bug"].iloc[0]
    assert (bug["channel"], bug["kind"], bug["dated"]) == ("mobile", "loss", "for a time")
    assert "2024-04-08" <= bug["since"] <= "2024-04-18"
    assert "2024-05-10" <= bug["until"] <= "2024-05-20"
    errors = found[found["touchpoint"] == "payment_error"]
    assert set(errors["kind"]) == {"loss"}
    assert set(errors["dated"]) == {"for a time"}
    assert errors["since"].between("2024-05-13", "2024-05-23").all()
    assert errors["until"].between("2024-06-05", "2024-06-20").all()
