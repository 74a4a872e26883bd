import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.exits import measure_exits
from journeylib.exposures import Groups
from journeylib.log import DAY


def lost_at_the_ad():
    """200 customers: of 100 each at ad and product, 40 and 10 never come again."""
    events = [(c, 20, "ad" if c < 100 else "product") for c in range(200)]
    return frame_of(
        sorted(events + [(c, 21, "order") for c in range(200) if c % 100 >= 40 - 30 * (c >= 100)])
    )


def test_expected_exits_are_those_of_the_stage(tmp_path):
    table = measure_exits(write_log(tmp_path, lost_at_the_ad()))
    row = table.iloc[0]
    assert row[["touchpoint", "customers", "left"]].tolist() == ["ad", 100, 40]
    assert (row["expected"], row["ratio"]) == pytest.approx((25, 1.6))
    assert row["raw"] == pytest.approx(0.4)


def test_expected_exits_add_up_to_those_there_were(tmp_path):
    table = measure_exits(write_log(tmp_path, random_events(2, customers=400)), min_customers=1)
    assert table["expected"].sum() == pytest.approx(table["left"].sum())
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()


def test_personas_that_leave_anyway_are_expected_to(tmp_path):
    """All who leave are of one persona, which meets the ad more: the ad is not to blame."""
    hasty = np.r_[np.arange(80), np.arange(180, 200)]
    events = [(c, 20, "ad" if c < 100 else "product") for c in range(200)]
    events += [(c, 21, "order") for c in range(200) if not (c in hasty and c % 2)]
    log = write_log(tmp_path, frame_of(sorted(events)))
    people = pd.DataFrame({"customer": range(200)})
    people["persona"] = np.where(people["customer"].isin(hasty), "hasty", "calm")
    plain = measure_exits(log).set_index("touchpoint")["ratio"]
    groups = Groups.of(people, 200, since=0)
    fair = measure_exits(log, groups=groups).set_index("touchpoint")["ratio"]
    assert plain["ad"] > 1.5
    assert fair.to_numpy() == pytest.approx(1.0)


def test_visits_from_before_the_personas_were_known_are_not_sorted_by_them(tmp_path):
    people = pd.DataFrame(
        {"customer": range(200), "persona": np.where(np.arange(200) % 2, "x", "y")}
    )
    log = write_log(tmp_path, lost_at_the_ad())
    later = measure_exits(log, groups=Groups.of(people, 200, since=60 * DAY))
    assert later.equals(measure_exits(log))


def test_outcomes_late_touchpoints_and_thin_ones_are_left_out(tmp_path):
    events = random_events(2, customers=400)
    table = measure_exits(write_log(tmp_path, events), min_customers=1)
    assert set(table["touchpoint"]) == {"ad", "product", "checkout"}
    assert measure_exits(write_log(tmp_path / "b", events), min_customers=401).empty
    assert measure_exits(write_log(tmp_path / "c", events[:0])).empty
    assert CODES.good == (3,)
