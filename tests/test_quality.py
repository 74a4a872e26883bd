"""What is said about the data before anything is believed of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import FAULTS, collect_planted
from reading import make_client, source
from scipy import stats

from journeylib import absences
from journeylib.collect import collect
from journeylib.log import DAY
from journeylib.months import check_months, count_months

DAY_ONE = pd.Timestamp("2024-01-01")
HEADER = "customer_id,timestamp,touchpoint"
FOUND_AS = {
    "duplicates": ("duplicates", "web"), "clock": ("clock_shift", "app"), "bot": ("bots", "log"),
    "outage": ("volume_breaks", "web"), "survivors": ("survivorship", "crm"),
}  # fmt: skip
ALWAYS = {
    "usable_rows", "missing_ids", "placeholder_dates", "coded_missings", "future_dates",
    "lone_dates", "order_of_times", "duplicates", "near_duplicates", "coverage", "volume_breaks",
    "clock_shift", "survivorship", "unlinked", "bots", "scale", "period", "stages",
    "partial_period", "volume",
}  # fmt: skip


def micros(day: str) -> int:
    return int(pd.Timestamp(day, tz="UTC").timestamp() * 1_000_000)


def daily(start: str, days: int, events: int = 10) -> pd.DataFrame:
    at = pd.date_range(start, periods=days, freq="D")
    return pd.DataFrame({"source": "web", "day": at, "events": events})


def check(folder, *sources, **keys):
    """Check the sources of a client; gives its findings, one row per check and source."""
    collected = collect(make_client(folder, *sources, **keys), folder / "log")
    return collected.quality, collected


def quality_of(folder, rows: list[str], *, header: str = HEADER, **keys):
    (folder / "data.csv").write_text("\n".join([header, *rows]) + "\n")
    found, collected = check(folder, source("data.csv", **keys))
    return found.set_index("check"), collected


def noted(quality: pd.DataFrame) -> set[tuple[str, str]]:
    open_ = quality[quality["status"] != "pass"]
    return set(zip(open_["check"], open_["source"], strict=True))


def visits(rng, many: int, **columns) -> pd.DataFrame:
    """Draw visits over two months by day, so that no check of times has anything to say."""
    table = {
        "customer_id": [f"c{one}" for one in rng.integers(0, 200, many)],
        "timestamp": DAY_ONE + pd.to_timedelta(rng.integers(0, 60, many), unit="D"),
        "touchpoint": rng.choice(["home", "basket"], many),
    }
    return pd.DataFrame({**table, **columns})


def check_frame(folder, table: pd.DataFrame, **keys) -> pd.DataFrame:
    table.to_parquet(folder / "data.parquet", index=False)
    return check(folder, source("data.parquet", **keys))[0]


# ------------------------------------------------------------------ golden: planted faults


def test_every_check_has_a_row_also_where_nothing_was_found(tmp_path):
    quality = collect_planted(tmp_path, seed=100).quality
    assert set(quality["check"]) >= ALWAYS
    assert set(quality["status"]) == {"pass"}
    assert quality["message"].str.endswith(".").all()


def test_every_check_is_explained():
    page = (Path(__file__).parents[1] / "docs" / "quality.md").read_text(encoding="utf-8")
    assert not [name for name in ALWAYS if f"`{name}`" not in page]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(tmp_path, fault):
    assert noted(collect_planted(tmp_path, 101, (fault,)).quality) == {FOUND_AS[fault]}


@pytest.mark.slow
def test_the_score_card_five_of_five_found_and_hardly_a_false_alarm(tmp_path):
    """Twenty clients without a fault may raise one alarm; with all five, all are found.

    Measured with twenty of each: 100 of 100 faults found, no alarm.
    """
    for seed in range(4):
        found = noted(collect_planted(tmp_path / f"bad{seed}", seed, FAULTS).quality)
        assert found >= set(FOUND_AS.values()), seed
    clean = [noted(collect_planted(tmp_path / f"clean{seed}", seed).quality) for seed in range(20)]
    assert sum(map(bool, clean)) <= 1


def test_who_acts_like_a_machine_is_marked_weighed_and_kept(tmp_path):
    collected = collect_planted(tmp_path, 102, ("bot",))
    assert collected.suspects["reason"].tolist() == ["even"]
    assert collected.suspects["events"].item() >= 160
    message = collected.quality.set_index("check").loc["bots", "message"]
    assert "They were kept and marked. Without them there are" in message
    assert "the share with the outcome" in message
    assert collected.built.facts["n_events"] > 18_000


def test_each_source_is_accounted_for(tmp_path):
    rows = [
        "c1,2024-01-01T10:00:00Z,order",
        ",2024-01-02T10:00:00Z,order",
        "c2,2024-01-31T10:00:00Z,order",
    ]
    _, collected = quality_of(tmp_path, rows)
    (told,) = collected.sources.to_dict("records")
    assert (told["rows_read"], told["rows_used"], told["rows_dropped"]) == (3, 2, 1)
    assert told["reasons"] == "no customer_id: 1"
    assert (told["first"], told["last"]) == ("2024-01-01", "2024-01-31")


def test_months_are_counted_by_source():
    months = count_months(
        daily("2024-01-01", 60), start=micros("2024-01-01"), end=micros("2024-03-01"), zone="UTC"
    )
    assert months["month"].tolist() == ["2024-01", "2024-02"]
    assert months["events"].tolist() == [310, 290]
    assert not months["partial"].any()


def test_coverage_counts_each_channel_by_local_month(tmp_path):
    rows = ["c1,2024-01-31T23:30:00Z,visit,Web", "c1,2024-01-05T10:00:00Z,visit,web",
            "c2,2024-02-10T10:00:00Z,visit,app"]  # fmt: skip
    (tmp_path / "data.csv").write_text("\n".join([f"{HEADER},channel", *rows]) + "\n")
    _, collected = check(tmp_path, source("data.csv"), timezone="Europe/Berlin")
    months = collected.coverage.assign(channel=collected.coverage["channel"].str.casefold())
    counted = months.set_index(["channel", "month"])["events"].to_dict()
    assert counted == {("web", "2024-01"): 1, ("web", "2024-02"): 1, ("app", "2024-02"): 1}


def test_missing_ids_are_told_with_where_they_are_missing(tmp_path):
    rng = np.random.default_rng(1)
    table = visits(rng, 4_000, channel=rng.choice(["app", "web"], 4_000))
    lost = (table["channel"] == "web") & (rng.random(4_000) < 0.5)
    table["customer_id"] = table["customer_id"].mask(lost)
    row = check_frame(tmp_path, table).set_index("check").loc["missing_ids"]
    assert (row["status"], row["affected"]) == ("warn", lost.sum())
    assert "It depends on the channel: web 5" in row["message"]
    assert "not at random" in row["consequence"]


def test_a_week_without_ids_is_named_though_few_are_missing_in_all(tmp_path):
    table = visits(np.random.default_rng(2), 6_000)
    week = table["timestamp"].between("2024-02-01", "2024-02-02")
    table["customer_id"] = table["customer_id"].mask(week)
    row = check_frame(tmp_path, table).set_index("check").loc["missing_ids"]
    assert row["status"] == "warn"
    assert "Most are missing in the week from 2024-02-01" in row["message"]


def test_a_code_for_no_answer_is_suspected_until_it_is_declared(tmp_path):
    rng = np.random.default_rng(3)
    nights = rng.integers(1, 8, 1_000)
    nights[:40] = 99
    visits(rng, 1_000, nights=nights).to_csv(tmp_path / "data.csv", index=False)
    row = check(tmp_path, source("data.csv"))[0].set_index("check").loc["coded_missings"]
    assert (row["status"], row["affected"]) == ("warn", 40)
    assert "nights is 99 in 40 rows (4.0%)" in row["message"]
    declared = source("data.csv", missing={"nights": ["99"]})
    row = check(tmp_path, declared)[0].set_index("check").loc["coded_missings"]
    assert (row["status"], row["affected"]) == ("pass", 40)
    assert "40 of nights (99)" in row["message"]


def test_ends_before_their_starts_are_counted(tmp_path):
    rows = ["c1,2024-01-02T10:00:00Z,2024-01-01T10:00:00Z",
            "c2,2024-01-03T10:00:00Z,2024-01-04T10:00:00Z"]  # fmt: skip
    (tmp_path / "desk.csv").write_text("\n".join(["customer_id,timestamp,resolved_at", *rows]))
    quality, _ = check(tmp_path, source("desk.csv", "tickets"))
    row = quality.set_index("check").loc["order_of_times"]
    assert (row["status"], row["affected"]) == ("warn", 1)
    assert row["message"].startswith("1 of 2 rows were solved before they were opened")


def test_deeds_before_joining_and_after_leaving_are_counted(tmp_path):
    crm = ["c1,2024-01-10,2024-02-01", "c2,2024-01-10,"]
    (tmp_path / "crm.csv").write_text("\n".join(["customer_id,signup,churned_at", *crm]))
    rows = ["c1,2024-01-15,10", "c1,2024-03-01,10", "c2,2024-01-02,10"]
    (tmp_path / "orders.csv").write_text("\n".join(["customer_id,timestamp,value", *rows]))
    sources = [{**source(f"{name}.csv", kind), "name": name}
               for name, kind in (("crm", "customers"), ("orders", "orders"))]  # fmt: skip
    quality, _ = check(tmp_path, *sources)
    told = quality[quality["check"] == "order_of_times"]["message"].tolist()
    assert any("ordered before they signed up" in text for text in told)
    assert any("acted more than 7 days after they left" in text for text in told)


def test_a_delivery_before_its_order_is_counted(tmp_path):
    rows = ["c1,2024-01-05T10:00:00Z,10,2024-01-04", "c2,2024-01-05T10:00:00Z,10,2024-01-05"]
    (tmp_path / "orders.csv").write_text(
        "\n".join(["customer_id,timestamp,value,delivered", *rows])
    )
    quality, _ = check(tmp_path, source("orders.csv", "orders"))
    row = quality.set_index("check").loc["order_of_times"]
    assert row["message"].startswith("1 of 2 orders have 'delivered' before the day of the order.")


def test_customers_whom_only_a_survey_knows_are_counted(tmp_path):
    rows = [f"c{at},2024-01-{at + 1:02d}T10:00:00Z,visit" for at in range(20)]
    (tmp_path / "web.csv").write_text("\n".join([HEADER, *rows]))
    said = [f"c{at},2024-01-{at + 1:02d}T10:00:00Z,9" for at in range(5, 31)]
    (tmp_path / "nps.csv").write_text("\n".join(["customer_id,timestamp,score", *said]))
    nps = {**source("nps.csv", "surveys"), "name": "nps", "constants": {"metric": "nps"}}
    quality, _ = check(tmp_path, {**source("web.csv"), "name": "web"}, nps)
    row = quality.set_index("check").loc["unlinked"]
    assert (row["status"], row["source"], row["affected"]) == ("warn", "nps", 11)


def test_double_fires_are_counted_and_placed(tmp_path):
    rows = [f"c{at},2024-01-{at + 1:02d}T10:00:00Z,visit" for at in range(20)]
    again = ["c3,2024-01-04T10:00:01Z,visit", "c4,2024-01-05T10:00:03Z,visit"]
    checks, collected = quality_of(tmp_path, [*rows, *again])
    assert checks.loc["near_duplicates", "affected"] == 1
    (note,) = [note for note in collected.notes if note.code == "N-NEAR-DUPLICATES"]
    assert (note.file, note.line, note.rows) == ("data.csv", 22, 1)


def test_a_single_shop_that_falls_silent_is_named(tmp_path):
    rng = np.random.default_rng(4)
    days = np.repeat(np.arange(120), 90)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{one}" for one in rng.integers(0, 900, len(days))],
            "timestamp": DAY_ONE
            + pd.to_timedelta(days * 86400 + rng.integers(0, 86400, len(days)), unit="s"),
            "touchpoint": "visit",
            "shop": rng.choice(["Faro", "Porto", "Braga"], len(days)),
        }
    )
    shut = (table["shop"] == "Braga") & table["timestamp"].between("2024-02-10", "2024-02-15")
    quality = check_frame(tmp_path, table[~shut])
    row = quality.set_index("check").loc["volume_breaks"]
    assert row["message"].startswith("shop Braga: 2024-02-10 to 2024-02-14, 5 days, about 1")


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("days", "partial"), [(29, False), (28, True)])
def test_a_month_may_end_two_days_early(days, partial):
    start = micros("2024-01-01")
    months = count_months(
        daily("2024-01-01", days), start=start, end=start + days * DAY, zone="UTC"
    )
    assert months["partial"].tolist() == [partial]


@pytest.mark.parametrize(("lost", "status"), [(1, "pass"), (2, "warn")])
def test_a_tenth_of_the_ids_may_be_missing(tmp_path, lost, status):
    rows = [f"c{at},2024-01-{at + 1:02d}T10:00:00Z,order" for at in range(10 - lost)]
    checks, _ = quality_of(tmp_path, rows + [",2024-01-20T10:00:00Z,order"] * lost)
    assert checks.loc["missing_ids", "status"] == status


@pytest.mark.parametrize(("lost", "status"), [(1, "pass"), (2, "warn")])
def test_a_tenth_of_the_rows_may_be_unusable(tmp_path, lost, status):
    rows = [f"c{at},2024-01-{at + 1:02d}T10:00:00Z,order" for at in range(10 - lost)]
    checks, _ = quality_of(tmp_path, [*rows, *(f"d{at},,order" for at in range(lost))])
    assert checks.loc["usable_rows", "status"] == status


def test_duplicates_warn_until_they_are_dropped(tmp_path):
    rows = ["c1,2024-01-01T10:00:00Z,order"] * 2
    checks, _ = quality_of(tmp_path, rows)
    assert checks.loc["duplicates", "status"] == "warn"
    assert checks.loc["near_duplicates", "affected"] == 0
    checks, _ = quality_of(tmp_path, rows, duplicates="drop")
    assert checks.loc["duplicates", "status"] == "pass"


@pytest.mark.parametrize(("seconds", "near"), [(2, 1), (3, 0)])
def test_two_seconds_are_near(tmp_path, seconds, near):
    rows = ["c1,2024-01-01T10:00:00Z,order", f"c1,2024-01-01T10:00:0{seconds}Z,order"]
    checks, _ = quality_of(tmp_path, rows)
    assert checks.loc["near_duplicates", "affected"] == near


@pytest.mark.parametrize(("days", "status"), [(31, "pass"), (32, "warn")])
def test_a_source_may_begin_a_month_late(tmp_path, days, status):
    first = [f"c1,2024-0{month}-01T10:00:00Z,visit" for month in range(1, 7)]
    late = [f"c1,{DAY_ONE + pd.Timedelta(days=days):%Y-%m-%d}T10:00:00Z,visit",
            *(f"c1,2024-0{month}-10T10:00:00Z,visit" for month in range(3, 7))]  # fmt: skip
    for name, rows in (("web", first), ("app", late)):
        (tmp_path / f"{name}.csv").write_text("\n".join([HEADER, *rows]))
    sources = [{**source(f"{name}.csv"), "name": name} for name in ("web", "app")]
    quality, _ = check(tmp_path, *sources)
    assert quality.set_index("check").loc["coverage", "status"] == status


@pytest.mark.parametrize(("events", "warned"), [(29, True), (30, False)])
def test_a_month_may_have_three_tenths_of_those_around_it(events, warned):
    counts = [100, 100, 100, events, 100, 100]
    months = [f"2024-{month:02d}" for month in range(1, 7)]
    table = pd.DataFrame({"month": months, "source": "web", "events": counts, "partial": False})
    (found,) = check_months(table)
    assert (found.status == "warn") == warned
    growing = table.assign(events=[100, 150, 225, 340, 510, 760])
    assert check_months(growing)[0].status == "pass"


# ------------------------------------------------------------------ property


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 400), st.integers(0, 300))
def test_no_event_is_lost_between_months(days, offset):
    events = daily(str((DAY_ONE + pd.Timedelta(days=offset)).date()), days)
    start = micros(str(events["day"].min()))
    months = count_months(events, start=start, end=start + days * DAY, zone="UTC")
    assert months["events"].sum() == events["events"].sum()


# ------------------------------------------------------------------ refusal


def test_without_events_there_are_no_months():
    empty = daily("2024-01-01", 0)
    assert count_months(empty, start=0, end=1, zone="UTC").empty


def test_touchpoints_without_a_stage_are_named(tmp_path):
    checks, _ = quality_of(tmp_path, ["c1,2024-01-01T10:00:00Z,zzz", "c2,2024-01-02T10:00:00Z,qqq"])
    assert checks.loc["stages", "status"] == "warn"
    assert "qqq" in checks.loc["stages", "message"]


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=2, max_size=12))
def test_the_test_of_missing_ids_is_that_of_scipy(rows):
    cells = np.array(rows, dtype=float)
    expected = stats.chi2_contingency(cells)
    statistic, p = absences.test_independence(cells)
    assert statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert p == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)
