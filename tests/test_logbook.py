import textwrap

import numpy as np
import pandas as pd
import pytest

from journeylib import logbook
from journeylib.collect import collect
from journeylib.errors import DataError
from journeylib.logbook import LONGEST_NAME, clean_name
from journeylib.params import read_params

CLIENT = """
client: acme
timezone: UTC
sources:
  - {name: web, kind: events, path: web.csv}
  - {name: shop, kind: orders, path: shop.csv, constants: {touchpoint: order, channel: store}}
  - {name: answers, kind: surveys, path: answers.csv, constants: {metric: NPS}}
  - {name: crm, kind: customers, path: crm.csv}
"""
WEB = """customer_id,timestamp,touchpoint,channel
b,2025-01-03 10:00:00,Checkout,Web
b,2025-01-03 10:00:00,ad,web
a,2025-01-02 10:00:00,checkout,web
a,2025-01-05 10:00:00,"odd
thing",
"""
SHOP = """customer_id,timestamp,value,order_id
a,2025-01-04 10:00:00,10.5,1
a,2025-01-04 10:00:00,4.5,1
b,2025-01-06 10:00:00,20,2
b,2025-01-08 10:00:00,-20,3
"""
ANSWERS = """customer_id,timestamp,score
a,2025-01-09 10:00:00,9
"""
CRM = """customer_id,signup,churned_at
a,2025-01-01 10:00:00,
b,2025-01-01 11:00:00,2025-01-20 10:00:00
"""


@pytest.fixture
def build(tmp_path):
    """Give a function that builds the log of a small client."""

    def built(client=CLIENT, **files):
        texts = {"web": WEB, "shop": SHOP, "answers": ANSWERS, "crm": CRM, **files}
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        path = tmp_path / "acme.yml"
        path.write_text(textwrap.dedent(client), encoding="utf-8")
        return collect(read_params(path), tmp_path / "log").built

    return built


def names_of(built, codes):
    return [built.log.codes.touchpoints[code] for code in codes]


def test_sources_become_one_log_in_order_of_time(build):
    built = build()
    events = built.log.events()
    assert built.facts["n_events"] == len(events) == len(built.log) == 11
    assert built.facts["value_sum"] == 15.0
    roads = [own["touchpoint"].str.casefold().tolist() for _, own in events.groupby("customer_id")]
    assert sorted(roads, key=len) == [
        ["sign-up", "checkout", "order", "odd thing", "nps survey"],
        ["sign-up", "checkout", "ad", "order", "refund", "cancellation"],
    ]
    assert events.groupby("customer_id")["timestamp"].is_monotonic_increasing.all()


def test_rows_of_one_order_are_one_event_and_a_negative_one_is_a_refund(build):
    events = build().log.events()
    assert events.loc[events["touchpoint"] == "order", "value"].tolist() in ([15, 20], [20, 15])
    assert events.loc[events["touchpoint"] == "refund", "value"].tolist() == [-20]


def test_the_outcome_its_end_and_what_stands_aside_are_known(build):
    built = build()
    codes = built.log.codes
    assert names_of(built, codes.good) == ["order"]
    assert names_of(built, codes.bad) == ["cancellation"]
    assert sorted(names_of(built, codes.aside)) == ["NPS survey", "refund"]
    assert codes.outcome == "repeat_purchase"


def test_spellings_that_differ_in_case_are_one_and_noted(build):
    built = build()
    assert sum(name.casefold() == "checkout" for name in built.log.codes.touchpoints) == 1
    assert {note.code for note in built.notes} == {"N-CATEGORY-FOLDED"}


def test_ties_keep_the_order_of_the_file(build):
    events = build().log.events()
    tied = events[events["timestamp"] == pd.Timestamp("2025-01-03 10:00", tz="UTC")]
    assert tied["touchpoint"].str.casefold().tolist() == ["checkout", "ad"]


def test_a_period_leaves_events_outside_but_counted(build):
    built = build(CLIENT + "period: {start: 2025-01-02, end: 2025-01-06}\n")
    assert built.facts["n_events"] == 11
    assert len(built.log.events()) == 6
    assert len(built.log) == 11


def test_partitions_hold_whole_customers_and_the_same_events(build, monkeypatch):
    rng = np.random.default_rng(1)
    n = 6_000
    web = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 400, n), "touchpoint": rng.choice(["a", "b", "c"], n),
            "timestamp": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 9e6, n), "s"),
            "channel": "web",
        }
    ).to_csv(index=False)  # fmt: skip
    whole = build(web=web).log.events(limit=9_999)
    monkeypatch.setattr(logbook, "PARTITION_ROWS", 2_048)
    log = build(web=web).log
    owners = [set(part.load().customer.tolist()) for part in log.parts]
    assert len(owners) > 1
    assert sum(len(own) for own in owners) == len(set.union(*owners))
    pd.testing.assert_frame_equal(log.events(limit=9_999), whole)


def test_a_stage_in_the_data_that_the_model_lacks_is_refused_with_a_near_miss(build):
    web = "customer_id,timestamp,touchpoint,stage\na,2025-01-02,checkout,decison\n"
    with pytest.raises(DataError) as refused:
        build(web=web)
    assert refused.value.problems[0].code == "E-STAGE-UNKNOWN"
    assert 'Did you mean "decision"?' in refused.value.problems[0].fix


def test_a_stage_in_the_data_goes_before_the_names_common_meaning(build):
    web = "customer_id,timestamp,touchpoint,stage\na,2025-01-02,checkout,awareness\n"
    placed = build(web=web).placed.set_index("touchpoint")
    assert placed.loc["checkout", ["stage", "how"]].tolist() == ["awareness", "data"]
    assert placed.loc["order", ["stage", "how"]].tolist() == ["decision", "name"]


def test_names_are_cut_and_cleaned_and_never_empty_of_meaning():
    assert len(clean_name("x" * LONGEST_NAME)) == LONGEST_NAME
    assert clean_name("x" * (LONGEST_NAME + 1)).endswith("…")
    assert clean_name("Cafe\u0301\u202e\t page\x00") == "Café page"
