"""The invented clients: one seed gives the same bytes, and planted truths can be found again."""

import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from journeylib.errors import DataError
from journeylib.params import read_params
from journeylib.samples import SAMPLE_CLIENTS, write_samples

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "sample_data"
each_client = pytest.mark.parametrize("client", SAMPLE_CLIENTS)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    write_samples(folder, seed=8)
    return folder


def truth_of(folder, client):
    return json.loads((folder / client / "truth.json").read_text(encoding="utf-8"))


def planted(folder, client, word):
    (found,) = [row for row in truth_of(folder, client)["planted"] if word in row["name"]]
    return found


def files_of(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def difference(with_it, without):
    """Difference of two shares with the half-width of its 99.9 % interval (Wald)."""
    spread = with_it.var(ddof=0) / len(with_it) + without.var(ddof=0) / len(without)
    return with_it.mean() - without.mean(), 3.29 * math.sqrt(spread)


def read_orders(folder):
    orders = pd.read_csv(
        folder / "northside-clothing/orders.csv",
        sep=";", decimal=",", encoding="cp1252", dtype={"customer_no": "str"},
    )  # fmt: skip
    orders["ordered_at"] = pd.to_datetime(orders["ordered_at"], format="%d/%m/%Y %H:%M")
    bought = orders["status"].isin(["complete", "shipped"]) & (orders["customer_no"] != "-")
    return orders[bought].drop_duplicates("order_no").sort_values("ordered_at", kind="stable")


def read_events(folder):
    files = sorted((folder / "northside-clothing/web_events").glob("*.csv"))
    events = pd.concat([pd.read_csv(file, dtype="str", keep_default_na=False) for file in files])
    events["time"] = pd.to_datetime(events["date_time"], format="%d/%m/%Y %H:%M")
    return events.assign(action=events["action"].str.strip(), device=events["device"].str.strip())


def returned_within(times, *, days, last):
    """Share-ready flags: whether the first of each customer's times is followed within days."""
    following = times.groupby("customer_no")["time"].shift(-1)
    back = (following - times["time"]).dt.days < days
    first = ~times["customer_no"].duplicated()
    seen = times["time"] < pd.Timestamp(last) - pd.Timedelta(days=days + 1)
    return times.assign(back=back.astype(float))[first & seen].set_index("customer_no")


# --- golden: the files


def test_the_same_seed_gives_the_same_bytes(written, tmp_path):
    again = write_samples(tmp_path)
    assert files_of(tmp_path) == files_of(written)
    assert sorted(path.relative_to(tmp_path) for path in again) == files_of(tmp_path)
    for path in files_of(written):
        assert (written / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_the_committed_files_are_those_of_seed_7(written):
    committed = [path for path in files_of(COMMITTED) if path.parts[0] in SAMPLE_CLIENTS]
    assert committed == files_of(written)
    for path in committed:
        assert (COMMITTED / path).read_bytes() == (written / path).read_bytes(), path


def test_another_seed_gives_other_data_with_its_own_truth(written, other):
    assert [p.suffix for p in files_of(other)] == [p.suffix for p in files_of(written)]
    for path in files_of(written):
        assert (written / path).read_bytes() != (other / path).read_bytes(), path


@each_client
def test_a_client_written_alone_equals_the_same_client_among_all(client, written, tmp_path):
    for path in write_samples(tmp_path, clients=[client]):
        assert path.read_bytes() == (written / path.relative_to(tmp_path)).read_bytes()


def test_the_committed_files_stay_small():
    sizes = [path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()]
    assert sum(sizes) < 8_200_000
    assert max(sizes) < 1_000_000


@each_client
def test_every_source_of_the_client_file_has_its_file_and_its_rows(client):
    params = read_params(ROOT / "params" / f"{client}.yml")
    rows = truth_of(COMMITTED, client)["rows"]
    path_of = {source.name: source.path for source in params.sources}
    twice = set(path_of) - set(rows)  # a file may be read once more, as another kind
    assert set(rows) <= set(path_of)
    assert all(path_of[name] in [path_of[other] for other in rows] for name in twice)
    for source in params.sources:
        assert list(ROOT.glob(str(source.path))), source.path
    assert min(rows.values()) >= 52


@each_client
def test_personas_share_out_all_customers(client, written):
    truth = truth_of(written, client)
    people = [one for persona in truth["personas"].values() for one in persona["ids"]]
    assert 2_000 <= len(people) == len(set(people)) == truth["customers"] <= 8_000
    assert min(p["customers"] for p in truth["personas"].values()) > 0.1 * len(people)


def test_row_counts_are_those_of_the_files(written):
    shop, desk = truth_of(written, "northside-clothing"), truth_of(written, "brightdesk")
    folder = written / "northside-clothing"
    assert len(read_events(written)) == shop["rows"]["web_events"]
    assert (
        len(pd.read_csv(folder / "orders.csv", sep=";", encoding="cp1252"))
        == (shop["rows"]["orders"])
    )
    assert len(pd.read_excel(folder / "crm.xlsx")) == shop["rows"]["crm"]
    assert len(json.loads((folder / "tickets.json").read_text("utf-8"))) == shop["rows"]["tickets"]
    with sqlite3.connect(written / "brightdesk/billing.sqlite") as billing:
        (count,) = billing.execute("select count(*) from invoices").fetchone()
    billing.close()
    assert count == desk["rows"]["invoices"]


# --- golden: the planted truths


@pytest.mark.parametrize("seeded", ["written", "other"])
def test_mobile_loses_new_customers_at_the_checkout(seeded, request):
    folder = request.getfixturevalue(seeded)
    events, orders = read_events(folder), read_orders(folder)
    checkouts = events[(events["action"] == "checkout") & (events["customer_no"] != "n/a")]
    first = checkouts.sort_values("time", kind="stable").drop_duplicates("customer_no")
    # An order before the first checkout was made in a shop: that customer is not new.
    began = first["customer_no"].map(orders.groupby("customer_no")["ordered_at"].min())
    first = first[~(began < first["time"])]
    lost = (~first["customer_no"].isin(orders["customer_no"])).astype(float)
    gap, width = difference(lost[first["device"] == "mobile"], lost[first["device"] == "web"])
    designed = planted(folder, "northside-clothing", "mobile checkout")["designed"]["difference"]
    assert abs(gap - designed) < width < 0.06


@pytest.mark.parametrize("seeded", ["written", "other"])
def test_late_deliveries_cut_repeat_purchase(seeded, request):
    folder = request.getfixturevalue(seeded)
    orders = read_orders(folder).rename(columns={"ordered_at": "time"})
    first = returned_within(orders, days=180, last="2026-01-01")
    parcels = pd.read_csv(
        folder / "northside-clothing/fulfilment.csv", dtype={"customer_no": "str"}
    )
    parcels = parcels[parcels["status"].str.strip() == "delivery"].drop_duplicates("customer_no")
    days = parcels.set_index("customer_no")["days_since_order"].reindex(first.index)
    gap, width = difference(first["back"][days > 5], first["back"][days <= 5])
    designed = planted(folder, "northside-clothing", "late deliveries")["designed"]["difference"]
    assert abs(gap - designed) < width < 0.16
    assert gap + width < 0


def test_store_pick_up_delights(written):
    rows = pd.read_csv(written / "northside-clothing/fulfilment.csv", na_values=["n/a"])
    stars = rows.groupby(rows["status"].str.strip())["stars"].mean()
    assert stars["store pick-up"] > stars["delivery"] + 0.5
    nps = pd.read_csv(written / "northside-clothing/nps_survey.csv")
    score = nps[nps["recommend"] <= 10].groupby("about")["recommend"].mean()
    assert score.idxmax() == "store pick-up"


@pytest.mark.parametrize("seeded", ["written", "other"])
@pytest.mark.parametrize("device", ["all", "mobile", "web"])
def test_guest_checkout_lifts_conversion_by_the_planted_size(device, seeded, request):
    folder = request.getfixturevalue(seeded)
    test = pd.read_csv(folder / "northside-clothing/checkout_test.csv")
    assert abs((test["group"] == "A").mean() - 0.5) < 0.001
    test = test if device == "all" else test[test["device"] == device]
    treated = test["group"] == "B"
    lift, width = difference(test.loc[treated, "converted"], test.loc[~treated, "converted"])
    truth = planted(folder, "northside-clothing", "guest checkout")
    assert abs(lift - truth["designed"][device]) < width
    assert lift == pytest.approx(truth["realised"][device], abs=1e-4)


def months_at_risk(folder):
    """One row per account and 30 days under contract: failed before, set-up error, cancelled."""
    with sqlite3.connect(folder / "brightdesk/billing.sqlite") as billing:
        accounts = pd.read_sql("select account, started, ended from subscriptions", billing)
    billing.close()
    started = pd.to_datetime(accounts["started"])
    ended = pd.to_datetime(accounts["ended"])
    events = pd.read_parquet(folder / "brightdesk/product_events.parquet")
    events["occurred_at"] = events["occurred_at"].dt.tz_convert("America/New_York")
    moments = events.assign(at=events["occurred_at"].dt.tz_localize(None))
    failed = moments[moments["event"] == "card_payment_failed"].groupby("account_id")["at"].min()
    wrong = set(moments.loc[moments["event"] == "setup_error", "account_id"])
    stop = ended.fillna(pd.Timestamp("2026-01-01"))
    fail = accounts["account"].map(failed)
    risk = []
    for month in range(16):
        begin = started + pd.Timedelta(days=14 + 30.4 * month)
        close = begin + pd.Timedelta(days=30.4)
        rows = pd.DataFrame({"account": accounts["account"], "month": month})
        rows["failed"] = fail <= begin + pd.Timedelta(days=1)
        rows["error"] = accounts["account"].isin(wrong)
        rows["cancelled"] = (ended >= begin) & (ended < close)
        risk.append(rows[stop > begin + pd.Timedelta(days=1)])
    return pd.concat(risk)


def rate_ratio(rows, exposure, strata):
    """Mantel-Haenszel ratio of rates over strata, with the half-width of its log at 99.9 %."""
    upper = lower = 0.0
    for _, part in rows.groupby(strata):
        with_it, without = part[part[exposure]], part[~part[exposure]]
        upper += with_it["cancelled"].sum() * len(without) / len(part)
        lower += without["cancelled"].sum() * len(with_it) / len(part)
    lost = rows.groupby(exposure)["cancelled"].sum()
    return upper / lower, 3.29 * math.sqrt(1 / lost[True] + 1 / lost[False])


@pytest.mark.parametrize(("name", "exposure"), [("failed card", "failed"), ("set-up", "error")])
def test_failed_cards_and_set_up_errors_multiply_cancelling(name, exposure, written):
    rows = months_at_risk(written)
    people = truth_of(written, "brightdesk")["personas"]
    persona = {one: kind for kind, group in people.items() for one in group["ids"]}
    rows = rows.assign(persona=rows["account"].map(persona))
    ratio, width = rate_ratio(rows, exposure, ["persona", "month"])
    designed = planted(written, "brightdesk", name)["designed"]["hazard_ratio"]
    assert abs(math.log(ratio / designed)) < width
    assert math.log(ratio) - width > 0


@pytest.mark.parametrize("seeded", ["written", "other"])
def test_the_e_mails_lift_activation_and_a_plain_comparison_doubles_it(seeded, request):
    series = pd.read_csv(request.getfixturevalue(seeded) / "brightdesk/weekly_activation.csv")
    share, week = series["activation"].to_numpy(), np.arange(len(series))
    after = (series["week"] >= "2025-06-02").to_numpy()
    assert min(after.sum(), (~after).sum()) >= 26
    level = np.linalg.lstsq(np.column_stack([np.ones(78), week, after]), share, rcond=None)[0][2]
    assert level == pytest.approx(0.05, abs=0.03)
    assert share[after].mean() - share[~after].mean() > 1.5 * level


def test_the_redesign_does_nothing_beyond_chance(written, other):
    for folder in (written, other):
        test = pd.read_csv(folder / "brightdesk/redesign_test.csv")
        active = test["active_week_4"].astype(float)
        change, width = difference(
            active[test["variant"] == "new"], active[test["variant"] == "old"]
        )
        assert abs(change) < width < 0.035


def read_survey(folder):
    survey = pd.read_excel(folder / "harbour-hotels/survey.xlsx", dtype={"guest_no": "str"})
    return survey.assign(property=survey["property"].str.strip())


@pytest.mark.parametrize("seeded", ["written", "other"])
def test_mobile_check_in_raises_csat_where_it_was_opened(seeded, request):
    folder = request.getfixturevalue(seeded)
    survey = read_survey(folder)
    desk = survey[(survey["about"] == "check_in") & (survey["rating"] <= 5)]
    desk = desk[desk["answered"] >= "2025-01-01"]
    after = desk["answered"] >= "2025-07-01"
    rates = pd.crosstab(desk["property"], after, values=desk["rating"] >= 4, aggfunc="mean")
    change = (rates[True] - rates[False]).astype(float)
    designed = planted(folder, "harbour-hotels", "mobile check-in")["designed"]
    treated = change.index.isin(designed["treated"])
    effect = change[treated].mean() - change[~treated].mean()
    width = 3.29 * math.sqrt(change[treated].var() / 4 + change[~treated].var() / 4 + 4e-4)
    assert abs(effect - designed["effect"]) < width < 0.12
    assert change[treated].min() > change[~treated].max()


@pytest.mark.parametrize("seeded", ["written", "other"])
def test_a_check_in_queue_costs_later_bookings(seeded, request):
    folder = request.getfixturevalue(seeded) / "harbour-hotels"
    parts = [
        pd.read_csv(file, sep=";", encoding="cp1252", dtype={"guest_no": "str"})
        for file in sorted(folder.glob("bookings_*.csv"))
    ]
    kept = pd.concat(parts).query("status in ['OK', 'Option']").drop_duplicates("booking_no")
    kept["time"] = pd.to_datetime(kept["booked_at"], format="%d/%m/%Y %H:%M")
    kept = kept.rename(columns={"guest_no": "customer_no"}).sort_values("time", kind="stable")
    first = returned_within(kept, days=180, last="2026-01-01")
    stays = pd.read_parquet(folder / "stays.parquet").dropna(subset=["guest_no"])
    left = stays[stays["touchpoint"] == "check_out"].groupby("guest_no")["happened_at"].min()
    queue = stays[stays["touchpoint"] == "check_in_queue"].groupby("guest_no")["happened_at"].min()
    queued = pd.Series(queue.reindex(first.index) <= left.reindex(first.index), index=first.index)
    gap, width = difference(first["back"][queued], first["back"][~queued])
    designed = planted(folder.parent, "harbour-hotels", "queues")["designed"]["difference"]
    assert abs(gap - designed) < width < 0.08


def test_queues_hurt_csat_where_they_stand(written):
    survey = read_survey(written)
    early = survey[(survey["about"] == "check_in") & (survey["answered"] < "2025-07-01")]
    csat = (early["rating"] >= 4).groupby(early["property"]).mean()
    queues = planted(written, "harbour-hotels", "queues")["designed"]["properties"]
    assert csat[csat.index.isin(queues)].max() < csat[~csat.index.isin(queues)].min()


# --- the mess


@each_client
def test_planted_contacts_stand_in_the_comments(client, written):
    folder, missing = written / client, []
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in {".json", ".jsonl", ".csv"}
        and path.name not in {"truth.json", "orders.csv"}
        and "bookings" not in path.name
    )
    if client == "harbour-hotels":
        text += " ".join(read_survey(written)["comment"].dropna())
    missing = [one for one in truth_of(written, client)["pii"] if one not in text]
    assert len(truth_of(written, client)["pii"]) >= 6
    assert not missing


def test_numbers_keep_their_leading_zeros(written):
    assert read_orders(written)["customer_no"].str.fullmatch(r"0\d{6}").all()
    crm = pd.read_excel(written / "northside-clothing/crm.xlsx", dtype="str")
    assert crm["Customer No"].str.fullmatch(r"0\d{6}").all()
    assert read_survey(written)["guest_no"].dropna().str.fullmatch(r"0\d{5}|-").all()


def test_missing_codes_repeats_and_blanks_are_there(written):
    nps = pd.read_csv(written / "northside-clothing/nps_survey.csv")
    assert {11, 99} <= set(nps["recommend"])
    assert nps["respondent"].isna().any()
    events = read_events(written)
    assert events.duplicated().mean() > 0.005
    assert (events["customer_no"] == "n/a").mean() > 0.01


def test_the_silent_front_desk_wrote_nothing(written):
    gap = truth_of(written, "harbour-hotels")["data_gap"]
    stays = pd.read_parquet(written / "harbour-hotels/stays.parquet")
    desk = stays[(stays["property"] == gap["property"]) & (stays["touchpoint"] == "check_in")]
    inside = desk["happened_at"].between(gap["from"], gap["to"] + " 23:59")
    assert len(desk) > 500
    assert not inside.any()


def test_people_known_twice_share_an_e_mail_address(written):
    crm = pd.read_excel(written / "northside-clothing/crm.xlsx", dtype="str")
    mail = crm.set_index("Customer No")["E-mail"].str.lower()
    pairs = truth_of(written, "northside-clothing")["same_person"]
    assert len(pairs) == 20
    assert all(mail[one] == mail[two] for one, two in pairs)


@pytest.mark.parametrize(
    ("zone", "stamps"),
    [("Europe/Dublin", "northside-clothing"), ("Europe/Lisbon", "harbour-hotels")],
)
def test_no_local_time_falls_into_the_hour_that_never_was(zone, stamps, written):
    if stamps == "northside-clothing":
        times = read_events(written)["time"]
    else:
        times = pd.read_parquet(written / stamps / "stays.parquet")["happened_at"]
    assert times.dt.tz_localize(zone, nonexistent="NaT", ambiguous=True).notna().all()


# --- refusal


def test_unknown_clients_and_seeds_are_refused_together(tmp_path):
    with pytest.raises(DataError) as refused:
        write_samples(tmp_path, clients=["northside-cloting"], seed=-1)
    assert len(refused.value.problems) == 2
    assert 'Did you mean "northside-clothing"?' in str(refused.value)
    assert not list(tmp_path.iterdir())
