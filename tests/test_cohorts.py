"""Cohorts month by month, and suggested stages for touchpoints that have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from reading import CLIENTS, DATA
from small_logs import CODES, KINDS, frame_of, inside, random_events, write_log

from journeylib.cohorts import count_cohorts
from journeylib.log import DAY, Codes
from journeylib.suggestions import suggest_stages, try_suggestions


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    from journeylib.collect import collect
    from journeylib.params import read_params

    if not DATA.exists():
        pytest.skip("the shared public data is not beside this checkout")
    folder = tmp_path_factory.mktemp("retail")
    log = collect(read_params(CLIENTS / "online-retail.yml"), folder / "log").built.log
    return count_cohorts(log, zone="Europe/London").set_index(["cohort", "age"])


# ------------------------------------------------------------------ golden


def test_customers_of_december_2010_come_back_as_published(retail):
    """Chen et al. (2012): 885 customers in the first month, 324 of them back in the next."""
    first = retail.loc["2010-12"]
    assert first["customers"].unique().tolist() == [885]
    assert first.loc[1, "active"] == 324
    assert first.loc[11, "active"] == 445
    assert first.loc[1, "value"] == pytest.approx(0.3661, abs=5e-5)


def test_the_month_that_the_data_cuts_off_is_marked_and_no_other(retail):
    """The export ends on 9 December 2011."""
    table = retail.reset_index()
    months = pd.PeriodIndex(table["cohort"], freq="M") + table["age"].to_numpy()
    cut = {str(month) for month, partial in zip(months, table["partial"], strict=True) if partial}
    assert cut == {"2011-12"}


def test_the_triangle_ends_where_the_data_does(retail):
    ages = retail.reset_index().groupby("cohort")["age"].max()
    assert ages.iloc[0] == 12
    assert ages.is_monotonic_decreasing


# ------------------------------------------------------------------ boundary and property


@pytest.mark.parametrize("codes", [Codes(), CODES])
def test_an_empty_log_has_no_cohorts_and_no_suggestions(tmp_path, codes):
    log = write_log(tmp_path, random_events(1)[:0], codes=codes)
    assert count_cohorts(log, zone="UTC").empty
    assert suggest_stages(log).empty
    assert try_suggestions(log).empty


@pytest.mark.parametrize("zone", ["UTC", "Europe/Lisbon", "America/New_York"])
def test_months_begin_at_the_clients_midnight(tmp_path, zone):
    edge = pd.Timestamp("1970-03-01", tz=zone).tz_convert("UTC")
    codes = replace(CODES, outcome="conversion", start=10 * DAY, end=110 * DAY)
    day = edge.timestamp() * 1e6 / DAY
    log = write_log(tmp_path, frame_of([(0, day - 0.001, "ad"), (0, day, "ad")]), codes=codes)
    found = count_cohorts(log, zone=zone)
    assert found["cohort"].iloc[0] == "1970-02"
    assert found.set_index("age").loc[1, "active"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_cohorts_are_those_by_hand(tmp_path, seed):
    events = random_events(seed)
    codes = replace(CODES, outcome="conversion")
    found = count_cohorts(write_log(tmp_path, events, codes=codes, parts=3), zone="UTC")
    own = inside(events)
    month = pd.to_datetime(own["time"], unit="us").dt.to_period("M")
    first = month.groupby(own["customer"]).transform("min")
    pairs = pd.DataFrame({"c": own["customer"], "first": first, "month": month}).drop_duplicates()
    expected = pairs.groupby(["first", "month"]).size()
    for row in found.to_dict("records"):
        cohort = pd.Period(row["cohort"], freq="M")
        assert row["active"] == expected.get((cohort, cohort + row["age"]), 0)


# ------------------------------------------------------------------ suggested stages

STAGES = ("one", "two", "three")


def staged_log(tmp_path, rng, *, hidden, per_stage=5, customers=400):
    """Lay out journeys that pass three stages in order, each with touchpoints of its own."""
    names = tuple(f"t{place}{k}" for place in range(3) for k in range(per_stage))
    rows = []
    for customer in range(customers):
        day = 12.0
        for place in range(3):
            for k in rng.integers(0, per_stage, 4):
                day += 0.1
                rows.append((customer, round(day * DAY), place * per_stage + int(k)))
    stage_of = tuple(-1 if name in hidden else at // per_stage for at, name in enumerate(names))
    codes = replace(CODES, touchpoints=names, stages=STAGES, stage_of=stage_of,
                    timing=("purchase",) * len(names), good=(), bad=())  # fmt: skip
    table = pd.DataFrame(rows, columns=["customer", "time", "touchpoint"]).astype("int64")
    stage = np.array(stage_of)[table["touchpoint"]]
    rest = {"channel": 0, "stage": stage, "source": 0, "value": np.nan, "sentiment": np.nan}
    return write_log(tmp_path, table.assign(**rest).astype(KINDS), codes=codes, parts=2)


def test_a_touchpoint_among_its_like_gets_their_stage_and_a_line_to_copy(tmp_path):
    log = staged_log(tmp_path, np.random.default_rng(1), hidden={"t10", "t24"})
    found = suggest_stages(log).set_index("touchpoint")
    assert found["stage"].to_dict() == {"t10": "two", "t24": "three"}
    assert found.loc["t10", "rule"] == 'two: ["t10"]'
    assert (found["sure"] >= 0.8).all()
    assert found["share"].sum() == pytest.approx(found["events"].sum() / 4_800)


def test_nothing_is_applied(tmp_path):
    log = staged_log(tmp_path, np.random.default_rng(1), hidden={"t10"})
    before = log.codes.stage_of
    suggest_stages(log)
    assert log.codes.stage_of == before


def test_where_order_tells_nothing_no_stage_is_suggested(tmp_path):
    rng = np.random.default_rng(2)
    log = staged_log(tmp_path, rng, hidden={"t10", "t24"})
    for part in log.parts:
        rows = pd.read_parquet(part.path)
        rows["touchpoint"] = rng.permutation(rows["touchpoint"].to_numpy())
        rows["stage"] = np.array(log.codes.stage_of)[rows["touchpoint"]]
        rows.astype(KINDS).to_parquet(part.path, index=False)
    assert set(suggest_stages(log)["stage"]) == {""}
    assert try_suggestions(log)["right"].mean() < 0.8


def test_suggestions_are_right_as_often_as_they_claim(tmp_path):
    """Over twenty logs, each with hidden touchpoints; every second log is half shuffled."""
    claimed, right = [], []
    for seed in range(20):
        hidden = {f"t{place}{k}" for place in range(3) for k in (0, 1)}
        log = staged_log(tmp_path / str(seed), np.random.default_rng(seed), hidden=hidden,
                         customers=60)  # fmt: skip
        found = suggest_stages(log)
        told = found[found["stage"] != ""]
        claimed += told["sure"].tolist()
        true = [STAGES[int(name[1])] for name in told["touchpoint"]]
        right += (told["stage"] == true).tolist()
    assert len(right) > 50
    assert np.mean(right) >= np.mean(claimed) - 0.05


@pytest.mark.parametrize(("per_stage", "told"), [(3, True), (2, False)])
def test_a_suggestion_needs_five_touchpoints_of_known_stage(tmp_path, per_stage, told):
    log = staged_log(tmp_path, np.random.default_rng(4), hidden={"t10", "t20"}, per_stage=per_stage)
    assert suggest_stages(log)["sure"].notna().any() is np.bool_(told)
