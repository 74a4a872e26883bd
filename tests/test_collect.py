"""From client files to logs: known facts of public data, and what no writing may change."""

import random

import pandas as pd
import pytest
from reading import CLIENTS, DATA, make_client, source

from journeylib.collect import collect
from journeylib.errors import DataError
from journeylib.logplans import outcome_kind, period_of
from journeylib.params import read_params

HEADER = ["customer_id", "timestamp", "touchpoint", "channel", "value", "text"]
SAID = [("visit", "fine, thanks"), ("order", 'so "good"'), ("call", "")]
VISITS = [
    (
        f"C{who:03d}",
        f"2024-0{1 + (who + at) % 6}-1{3 + at}T0{at}:15:00Z",
        kind,
        "web",
        f"{at}.5",
        text,
    )
    for who in range(12)
    for at, (kind, text) in enumerate(SAID)
]


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Collect a client of public data once, where the data lies beside the repository."""
    known = {}

    def get(client: str):
        if client not in known:
            if not DATA.is_dir():
                pytest.skip("the public data sets do not lie beside the repository")
            params = read_params(CLIENTS / f"{client}.yml")
            known[client] = collect(params, tmp_path_factory.mktemp(client) / "log")
        return known[client]

    return get


def log_of(folder, rows, name="data.csv", columns=HEADER, **keys):
    told = pd.DataFrame(rows, columns=HEADER)[columns]
    told.to_csv(folder / name, index=False, **keys)
    found = collect(make_client(folder, source(name)), folder / "log")
    return found.built.log.events().drop(columns="source", errors="ignore"), found


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    ("client", "rows", "used"),
    [
        ("online-retail", 541_909, 397_884),
        ("retentioneering-ecom", 31_106, 31_106),
        ("telco-churn", 7_043, 7_043),
        ("hotel-bookings", 119_390, 119_390),
        ("cdnow", 69_659, 69_659),
        ("skytrax", 1_258, 1_232),
        ("traffic-fines", 34_724, 34_724),
        ("hillstrom", 64_000, 64_000),
        ("prop99", 31 * 39, 31 * 39),
        ("organ-donation", 27 * 6, 27 * 6),
    ],
)
def test_every_row_of_public_data_is_accounted_for(collected, client, rows, used):
    (told,) = collected(client).sources.to_dict("records")
    assert (told["rows_read"], told["rows_used"]) == (rows, used)


def test_online_retail_has_its_known_customers_and_turnover(collected):
    """Chen et al. 2012 and the cleaned figures of many who used it since."""
    facts = collected("online-retail").built.facts
    assert facts["n_customers"] == 4_338
    assert facts["value_sum"] == pytest.approx(8_911_407.904)


@pytest.mark.parametrize(
    ("client", "events", "customers"),
    [
        ("retentioneering-ecom", 31_106, 600),
        ("traffic-fines", 34_724, 10_000),
        ("cdnow", 69_659, 23_570),
        ("telco-churn", 0, 7_043),
    ],
)
def test_public_logs_have_their_known_sizes(collected, client, events, customers):
    facts = collected(client).built.facts
    assert (facts["n_events"], facts["n_customers"]) == (events, customers)


def test_activities_of_the_fines_are_those_of_the_published_log(collected):
    placed = collected("traffic-fines").built.placed.set_index("touchpoint")["events"]
    assert placed["Create Fine"] == 10_000
    assert placed["Payment"] == 4_910


def test_seats_dated_1970_are_reported_as_excluded(collected):
    (told,) = collected("skytrax").sources.to_dict("records")
    assert told["reasons"] == "placeholder date: 26"
    assert "placeholder_dates" in set(collected("skytrax").quality["check"])


def test_hillstroms_arms_visit_as_published(collected):
    """Recomputed from the file: 18.2757, 15.1400 and 10.6167 %."""
    arms = collected("hillstrom").trials["email_test"].groupby("variant")["visit"].mean()
    assert arms["Mens E-Mail"] == pytest.approx(0.182757, abs=5e-7)
    assert arms["Womens E-Mail"] == pytest.approx(0.151400, abs=5e-7)
    assert arms["No E-Mail"] == pytest.approx(0.106167, abs=5e-7)


def test_proposition_99_is_read_from_years_by_states(collected):
    packs = collected("prop99").trials["packs"].set_index("unit")
    california = packs.loc["California"].set_index("time")["value"]
    assert packs.index.nunique() == 39
    assert california.iloc[0] == 123.0
    assert (california.index[0].year, california.index[-1].year) == (1970, 2000)


def test_quarters_stand_in_the_order_of_time(collected):
    quarters = collected("organ-donation").trials["registrations"]["time"].drop_duplicates()
    assert quarters.is_monotonic_increasing
    assert f"{quarters.iloc[0]:%Y-%m}" == "2010-10"


# ------------------------------------------------------------------ boundary


def test_the_last_day_belongs_to_the_period(tmp_path):
    period = {"start": "2024-01-13", "end": "2024-01-31"}
    params = make_client(tmp_path, source("x.csv"), period=period, timezone="America/New_York")
    first, end = period_of(params)
    assert pd.Timestamp(first, unit="us", tz="UTC") == pd.Timestamp("2024-01-13T05:00Z")
    assert pd.Timestamp(end, unit="us", tz="UTC") == pd.Timestamp("2024-02-01T05:00Z")


def test_the_outcome_is_the_one_the_sources_can_carry(tmp_path):
    empty = pd.DataFrame()
    params = make_client(tmp_path, source("x.csv"))
    assert outcome_kind(params, [], empty) == "none"
    assert outcome_kind(params, [], pd.DataFrame({"churned": [True]})) == "retention"
    named = make_client(tmp_path, source("x.csv"), outcome={"touchpoint": ["order"]})
    assert outcome_kind(named, [], empty) == "conversion"


# ------------------------------------------------------------------ property

WAYS = {
    "shuffled": {"rows": random.Random(3).sample(VISITS, len(VISITS))},
    "reversed": {"rows": VISITS[::-1]},
    "windows": {"lineterminator": "\r\n", "encoding": "utf-8-sig"},
    "reordered": {"columns": HEADER[::-1]},
    "quoted": {"quoting": 1},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_way_a_file_is_written_does_not_change_its_log(tmp_path, way):
    expected, facts = log_of(tmp_path, VISITS)
    keys = dict(WAYS[way])
    found, same = log_of(tmp_path, keys.pop("rows", VISITS), "other.csv", **keys)
    pd.testing.assert_frame_equal(found, expected)
    assert same.built.facts == facts.built.facts


def test_comments_lose_their_personal_details_at_the_door(tmp_path):
    told = [*VISITS[0][:-1], "write to jo@example.com"]
    _, found = log_of(tmp_path, [tuple(told), *VISITS[1:]])
    assert "write to [e-mail]" in found.voices["text"].tolist()
    assert "N-PII" in {note.code for note in found.notes}


# ------------------------------------------------------------------ refusal


def test_a_log_is_not_built_from_a_source_that_cannot_be_used(tmp_path):
    bad = [(*VISITS[0][:4], "much", ""), *VISITS[1:]]
    with pytest.raises(DataError, match=r"line 2, value: 'much'"):
        log_of(tmp_path, bad)
    assert not (tmp_path / "log").exists()
