from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.association import associate
from journeylib.landmarks import follow_exposures
from journeylib.log import DAY, Codes
from journeylib.money import price_pains

SILENCE = pd.DataFrame(columns=["customer", "timestamp", "touchpoint", "channel", "sentiment"])
RETAIN = replace(CODES, outcome="retention")


def follow(folder, events, codes=CODES, voices=SILENCE, **keys):
    return follow_exposures(write_log(folder, frame_of(events), codes=codes), voices, **keys)


def column(landmarked, touchpoint, kind="loss"):
    names = landmarked.exposures
    (place,) = names.index[(names["touchpoint"] == touchpoint) & (names["kind"] == kind)]
    return landmarked.exposed[:, place], landmarked.eligible[:, place]


def supported(count=60):
    """Accounts come to delivery; every third one then meets support, and cancels later."""
    events = []
    for customer in range(count):
        events += [(customer, 20, "order"), (customer, 21, "delivery")]
        if customer % 3 == 1:
            events += [(customer, 22, "support"), (customer, 30, "cancellation")]
        else:
            events += [(customer, 23, "delivery")]
    return events


def test_who_met_a_trouble_stands_just_before_it_and_ends_after_it(tmp_path):
    landmarked = follow(tmp_path, supported(), RETAIN)
    met, could = column(landmarked, "support")
    rows = landmarked.rows
    assert set(rows.loc[met, "place"]) == {1}
    assert set(rows.loc[met, "customer"] % 3) == {1}
    assert set(rows.loc[met, "outcome"]) == {0}
    assert set(rows.loc[could & ~met & (rows["place"] == 1), "outcome"]) == {1}


def test_whoever_had_met_it_before_is_not_compared(tmp_path):
    landmarked = follow(tmp_path, supported(), RETAIN)
    met, could = column(landmarked, "support")
    late = (landmarked.rows["customer"] % 3 == 1) & (landmarked.rows["place"] >= 2)
    assert not could[late].any()
    assert could[met].all()


def test_the_outcome_that_comes_next_counts_for_those_who_were_spared(tmp_path):
    """Nobody is left out for having bought before trouble could come: no immortal time."""
    events = []
    for customer in range(60):
        events += [(customer, 20, "ad"), (customer, 20.1, "product")]
        events += [(customer, 20.2, "order" if customer % 3 else "checkout")]
    landmarked = follow(tmp_path, events)
    met, could = column(landmarked, "checkout")
    spared = could & ~met & (landmarked.rows["place"] == 1)
    assert landmarked.rows.loc[spared, "outcome"].tolist() == [1] * 40


def test_after_a_purchase_everything_can_be_met_for_the_first_time_again(tmp_path):
    events = []
    for customer in range(20):
        for start in (20, 40):
            events += [(customer, start, "order"), (customer, start + 1, "support")]
    landmarked = follow(tmp_path, events)
    met, _ = column(landmarked, "support")
    assert met.sum() == 40
    assert landmarked.exposures.set_index("touchpoint").loc["support", "affected"].max() == 40


@pytest.mark.parametrize(("days", "rows"), [(85, 1), (85.001, 0)])
def test_whoever_cannot_be_followed_to_the_end_has_no_row(tmp_path, days, rows):
    events = [(0, days, "order"), *((c, 20, "order") for c in range(1, 5))]
    landmarked = follow(tmp_path, events)
    assert (landmarked.rows["customer"] == 0).sum() == rows


def test_bad_words_are_compared_with_better_ones_about_the_same(tmp_path):
    events = [(c, 20, name) for c in range(24) for name in ("order", "delivery")]
    told = pd.DataFrame({"customer": range(24), "touchpoint": "delivery", "channel": None})
    told["timestamp"] = pd.Timestamp(25 * DAY, unit="us", tz="UTC")
    told["sentiment"] = np.where(told["customer"] < 12, -0.5, 0.0)
    landmarked = follow(tmp_path, events, voices=told)
    met, could = column(landmarked, "delivery", "sentiment")
    assert (met.sum(), could.sum()) == (12, 24)


def test_a_long_wait_is_followed_from_its_end(tmp_path):
    events = []
    for customer in range(60):
        wait = 10 if customer < 15 else 2
        events += [(customer, 20, "order"), (customer, 20 + wait, "delivery")]
    landmarked = follow(tmp_path, events)
    met, could = column(landmarked, "delivery", "delay")
    assert (met.sum(), could.sum()) == (15, 60)
    # 33 days on, some have been followed for 25 days since the late delivery and not before
    assert set(landmarked.rows.loc[met, "outcome"]) == {0}


def test_history_knows_nothing_of_what_comes_later(tmp_path):
    first = follow(tmp_path / "a", supported(), RETAIN).rows
    more = [(c, 60, name) for c in range(0, 60, 3) for name in ("ad", "order")]
    later = sorted([*supported(), *more], key=lambda event: (event[0], event[1]))
    second = follow(tmp_path / "b", later, RETAIN).rows
    names = ["contacts", "recent", "tenure", "since", "since_good", "spent", "orders", "touchpoint"]
    both = first[first["group"] == 0].merge(
        second[second["group"] == 0], on=["customer", "place"], suffixes=("", "_b")
    )
    assert len(both) == (first["group"] == 0).sum()
    for name in names:
        assert both[name].tolist() == both[f"{name}_b"].tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("outcome", ["repeat_purchase", "retention", "conversion"])
def test_partitions_add_up_to_the_whole(tmp_path, seed, outcome):
    events, codes = random_events(seed, customers=40), replace(CODES, outcome=outcome)
    found = [
        follow_exposures(
            write_log(tmp_path / str(parts), events, codes=codes, parts=parts), SILENCE
        )
        for parts in (1, 4)
    ]
    keys = ["customer", "group", "place", "phase", "cell"]
    one, two = (each.rows.sort_values(keys, ignore_index=True) for each in found)
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(found[0].exposures, found[1].exposures)


@pytest.mark.parametrize("outcome", ["repeat_purchase", "retention", "conversion", "none"])
def test_little_data_is_refused_in_words_all_the_way(tmp_path, outcome):
    codes = replace(CODES, outcome=outcome, follow=0 if outcome == "none" else CODES.follow)
    log = write_log(tmp_path, random_events(2, customers=30), codes=codes)
    landmarked = follow_exposures(log, SILENCE, exclude=["support"])
    assert "support" not in set(landmarked.exposures["touchpoint"])
    associated = associate(landmarked)
    assert set(associated["verdict"]) <= {"refused"}
    assert (associated["reason"] != "").all()
    assert price_pains(landmarked, associated).reason
    assert bool(landmarked.reason) == (outcome == "none")


@pytest.mark.parametrize("codes", [Codes(), CODES])
def test_a_log_without_events_gives_a_reason(tmp_path, codes):
    landmarked = follow_exposures(write_log(tmp_path, random_events(1)[:0], codes=codes), SILENCE)
    assert landmarked.reason
    assert len(landmarked.rows) == len(associate(landmarked)) == 0


def test_of_very_many_customers_some_are_drawn_and_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("journeylib.landmarks.MOST_CUSTOMERS", 20)
    monkeypatch.setattr("journeylib.landmarks.ENOUGH_MET", 10)
    landmarked = follow(tmp_path, supported(600), RETAIN)
    assert landmarked.rows["customer"].nunique() < 150
    assert "of 600 customers were drawn" in landmarked.drawn
    assert landmarked.exposures.set_index("touchpoint").loc["support", "affected"].max() == 200


def steady(folder, *, harm, customers=2500):
    """Events come at a steady pace and independently; support may keep half from ordering again."""
    rng = np.random.default_rng(4)
    n = rng.poisson(14, customers)
    customer = np.repeat(np.arange(customers), n)
    names = rng.choice(["ad", "order", "delivery", "support"], n.sum(), p=[0.4, 0.15, 0.4, 0.05])
    days = np.sort(rng.uniform(10, 110, n.sum()))
    table = pd.DataFrame({"customer": customer, "day": rng.permutation(days), "name": names})
    table = table.sort_values(["customer", "day"], ignore_index=True)
    if harm:
        met = table.groupby("customer")["name"].transform(lambda own: (own == "support").cumsum())
        stopped = rng.random(customers)[table["customer"]] < 0.5
        table = table[~((met > 0) & stopped & (table["name"] == "order"))]
    events = list(table[["customer", "day", "name"]].itertuples(index=False, name=None))
    return follow(folder, events)


def test_nothing_is_clear_where_nothing_hurts(tmp_path):
    """A plain look takes the time that trouble takes for harm."""
    table = associate(steady(tmp_path, harm=False))
    asked = table[table["verdict"] != "refused"]
    assert len(asked) >= 3
    assert set(asked["verdict"]) == {"not told apart"}
    assert (asked.loc[asked["kind"] == "loss", "naive_high"] < 0).any()


def test_trouble_planted_in_a_log_is_found_and_sized(tmp_path):
    table = associate(steady(tmp_path, harm=True))
    own = table[(table["touchpoint"] == "support") & (table["kind"] == "loss")]
    row = own[own["phase"] == "after"].iloc[0]
    assert row["verdict"] == "worse"
    # 15 % of 14 events in 100 days: 41 % order within 25 days, half of them no more
    expected = -0.5 * (1 - np.exp(-0.15 * 0.14 * 25))
    assert row["low"] < expected < row["high"]
    assert row["low"] > 2 * expected
