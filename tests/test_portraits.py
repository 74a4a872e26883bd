"""What each persona meets, in customers, and in the order in which it usually meets it."""

import pandas as pd
import pytest
from small_logs import frame_of, random_events, write_log

from journeylib.journeys import describe_customers
from journeylib.portraits import choose_way, describe_channels, describe_visits

ROAD = ("ad", "product", "checkout", "order")


def walkers(tmp_path):
    events = [(one, 20 + place, name) for one in range(8) for place, name in enumerate(ROAD)]
    events += [(one, 30 + one, "support") for one in range(8, 12)]
    return write_log(tmp_path, frame_of(sorted(events)))


PERSONAS = pd.DataFrame({"customer": range(12), "persona": ["Walkers"] * 8 + ["Callers"] * 4})


def test_touchpoints_are_counted_in_customers_and_placed_on_the_way(tmp_path):
    visits = describe_visits(walkers(tmp_path), PERSONAS).set_index(["persona", "touchpoint"])
    row = visits.loc[("Walkers", "checkout")]
    assert (row["customers"], row["n"], row["value"]) == (8, 8, 1.0)
    assert row["everyone"] == pytest.approx(8 / 12)
    assert row["place"] == pytest.approx(2.5 / 4)
    assert ("Callers", "checkout") not in visits.index


def test_the_usual_way_runs_in_order(tmp_path):
    visits = describe_visits(walkers(tmp_path), PERSONAS)
    way = choose_way(visits[visits["persona"] == "Walkers"])
    assert way["touchpoint"].tolist() == list(ROAD)


@pytest.mark.parametrize(("value", "usual"), [(0.249, 0), (0.25, 1)])
def test_what_fewer_than_a_quarter_meet_is_not_the_usual_way(value, usual):
    visits = pd.DataFrame({"touchpoint": ["ad"], "aside": [False], "value": value, "place": 0.1})
    assert len(choose_way(visits)) == usual


def test_surveys_are_no_part_of_the_way():
    visits = pd.DataFrame({"touchpoint": ["nps"], "aside": [True], "value": 0.9, "place": 0.1})
    assert choose_way(visits).empty


def test_visits_of_parts_add_up_to_those_of_the_whole(tmp_path):
    events = random_events(5)
    people = pd.DataFrame({"customer": range(12), "persona": list("ABC" * 4)})
    whole, parted = (
        describe_visits(write_log(tmp_path / str(parts), events, parts=parts), people)
        for parts in (1, 4)
    )
    pd.testing.assert_frame_equal(whole, parted)


def test_channels_are_shares_of_events_with_the_customer_as_the_unit(tmp_path):
    log = write_log(tmp_path, random_events(5))
    customers = describe_customers(log)
    people = customers[["customer"]].assign(persona="all of them")
    found = describe_channels(customers, people).set_index("channel")
    app, web = customers["channel:app"].sum(), customers["channel:web"].sum()
    assert found.loc["app", "value"] == pytest.approx(app / (app + web))
    assert found["value"].sum() == pytest.approx(1)
    assert found["everyone"].to_dict() == pytest.approx(found["value"].to_dict())
    assert (found["low"] < found["value"]).all()


def test_nobody_has_no_portrait(tmp_path):
    nobody = pd.DataFrame({"customer": [], "persona": []})
    assert describe_visits(walkers(tmp_path), nobody).empty
    assert describe_channels(pd.DataFrame({"customer": [1]}), nobody).empty
