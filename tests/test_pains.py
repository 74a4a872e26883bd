import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted_leaks import SUPPORT, knowing_personas, steady_events
from small_logs import CODES, NAMES, frame_of, random_events, write_log

from journeylib.collect import collect
from journeylib.log import Codes
from journeylib.pains import (
    LIKED,
    UNMEASURED,
    Comparison,
    compare_touchpoints,
    part_personas,
    rank_delights,
    rank_pains,
)
from journeylib.params import read_params
from journeylib.tables import check_result, result_columns

ROOT = Path(__file__).parents[1]
SILENCE = pd.DataFrame(columns=["customer", "touchpoint", "channel", "source", "sentiment"])
NEWCOMBE_1998_TABLE_2 = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (10, 10, 0, 10, 0.6075, 1.0),
]


@pytest.mark.parametrize(("a", "n", "b", "m", "low", "high"), NEWCOMBE_1998_TABLE_2)
def test_differences_have_newcombes_1998_intervals(a, n, b, m, low, high):
    compared = Comparison(*(pd.Series([number]) for number in (a, n, b, m)))
    row = compared.frame(0.95).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=5e-5)
    assert (row["value"], row["n"]) == (pytest.approx(a / n - b / m), n + m)


@pytest.mark.parametrize(("hits", "enough"), [(5, True), (4, False), (95, True), (96, False)])
def test_five_expected_outcomes_of_either_kind_are_needed(hits, enough):
    compared = Comparison(*(pd.Series([number]) for number in (hits, 100, hits, 100)))
    assert compared.enough.tolist() == [enough]


def compared_in(folder, events, voices=SILENCE, codes=CODES, **options):
    return compare_touchpoints(write_log(folder, events, codes=codes), voices, **options)


@pytest.mark.parametrize("outcome", ["repeat_purchase", "retention", "conversion", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_every_table_fits_its_contract(tmp_path, seed, outcome):
    codes = replace(CODES, outcome=outcome, follow=0 if outcome == "none" else CODES.follow)
    rng = np.random.default_rng(seed)
    voices = pd.DataFrame(
        {
            "customer": rng.integers(0, 200, 400), "touchpoint": rng.choice(NAMES, 400),
            "channel": None, "source": "stars", "sentiment": rng.normal(0, 0.3, 400),
        }
    )  # fmt: skip
    table = compared_in(tmp_path, random_events(seed, customers=300), voices, codes)
    assert len(table) > 0
    assert table["p_adjusted"].between(0, 1).all()
    for name, ranked in (("pains", rank_pains(table)), ("delights", rank_delights(table))):
        check_result(name, ranked)


@pytest.mark.parametrize("codes", [Codes(), CODES, replace(CODES, outcome="none", follow=0)])
@pytest.mark.parametrize("events", [random_events(1)[:0], frame_of([(0, 20, "ad")])])
@pytest.mark.parametrize("voices", [SILENCE, pd.DataFrame()])
def test_little_data_gives_complete_tables_without_rows(tmp_path, codes, events, voices):
    if not codes.touchpoints and len(events):
        codes = CODES
    table = compared_in(tmp_path, events, voices, codes)
    pains, delights = rank_pains(table), rank_delights(table)
    assert (len(table), len(pains), len(delights)) == (0, 0, 0)
    assert pains.columns.tolist()[:22] == result_columns("pains")
    assert {"effect", "hit", "p_value", "p_adjusted", "kind", "persona"} <= set(table.columns)


def voices_of(groups):
    """Lay out groups of answers given as (source, touchpoint, channel, customers, tone)."""
    rows, rng = [], np.random.default_rng(1)
    for source, touchpoint, channel, customers, tone in groups:
        tones = tone + rng.normal(0, 0.1, customers)
        rows += [(i, touchpoint, channel, source, t) for i, t in enumerate(tones)]
    return pd.DataFrame(rows, columns=["customer", "touchpoint", "channel", "source", "sentiment"])


def test_only_answers_of_one_source_are_compared(tmp_path):
    """People recommend more kindly than they give stars, which is no delight of the checkout."""
    voices = voices_of(
        [
            ("stars", "delivery", "web", 60, -0.2), ("stars", "support", "web", 60, -0.2),
            ("nps", "checkout", "web", 60, 0.6), ("nps", "order", "web", 60, 0.6),
        ]
    )  # fmt: skip
    table = compared_in(tmp_path, random_events(1), voices)
    assert table["value"].abs().max() < 0.1
    assert len(rank_pains(table)) == len(rank_delights(table)) == 0


def test_surveys_of_one_place_each_are_compared_with_each_other(tmp_path):
    voices = voices_of(
        [("survey a", "checkout", "web", 50, -0.3), ("survey b", "delivery", "web", 50, 0.3)]
    )
    table = compared_in(tmp_path, random_events(1), voices)
    assert rank_pains(table)["touchpoint"].tolist() == ["checkout"]
    assert rank_delights(table)["touchpoint"].tolist() == ["delivery"]


def test_a_difference_of_tones_is_welchs(tmp_path):
    from scipy.stats import ttest_ind

    voices = voices_of([("s", "checkout", "", 40, -0.1), ("s", "delivery", "", 55, 0.0)])
    row = compared_in(tmp_path, random_events(1), voices).iloc[0]
    one, two = (part["sentiment"] for _, part in voices.groupby("touchpoint"))
    expected = ttest_ind(one, two, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_value"] == pytest.approx(expected.pvalue)


def test_too_few_voices_are_not_compared(tmp_path):
    voices = voices_of([("s", "checkout", "", 29, -1), ("s", "delivery", "", 30, 1)])
    assert len(compared_in(tmp_path, random_events(1), voices)) == 0
    assert len(compared_in(tmp_path, random_events(1), voices, min_customers=29)) == 2


def test_voices_of_nobody_known_are_compared_answer_by_answer(tmp_path):
    voices = voices_of([("s", "checkout", "", 40, -0.3), ("s", "delivery", "", 40, 0.3)])
    voices["customer"] = pd.array([None] * 80, "Int64")
    assert compared_in(tmp_path, random_events(1), voices)["n"].tolist() == [80, 80]


@pytest.mark.parametrize("fewest", [100, 101])
def test_whoever_is_lost_at_a_touchpoint_is_a_pain_there(tmp_path, fewest):
    events = [(c, 20, "ad" if c < 100 else "product") for c in range(200)]
    events += [(c, 21, "order") for c in [*range(40, 100), *range(105, 200)]]
    ranked = rank_pains(compared_in(tmp_path, frame_of(sorted(events)), min_customers=fewest))
    if fewest > 100:
        assert len(ranked) == 0
        return
    row = ranked.iloc[0]
    assert row[["touchpoint", "kind", "customers", "n"]].tolist() == ["ad", "loss", 40, 200]
    assert row["effect"] == pytest.approx(0.60 - 0.95)


def test_excluded_touchpoints_and_outcomes_are_not_compared_by_what_followed(tmp_path):
    events = random_events(1, customers=400)
    table = compared_in(tmp_path, events, min_customers=5, codes=replace(CODES, aside=(5,)))
    assert not {"order", "cancellation", "support"} & set(table["touchpoint"])
    without = compared_in(tmp_path, events, min_customers=5, exclude=["delivery"])
    assert "delivery" not in set(without["touchpoint"])
    assert "delivery" in set(table["touchpoint"])


def test_nothing_planted_gives_few_pains(tmp_path):
    """20 logs in which nothing matters: at most one in ten may name a pain."""
    found = 0
    for seed in range(20):
        table = compared_in(tmp_path / str(seed), random_events(seed, customers=400))
        found += len(rank_pains(table)) > 0
    assert found <= 5


@pytest.mark.parametrize("outcome", ["repeat_purchase", "retention"])
def test_personas_that_know_what_is_to_come_are_not_used_to_tell_it(tmp_path, outcome):
    """Nothing matters here, but personas were sorted by what followed a visit to support."""
    own, naive = 0, 0
    for seed in range(4):
        events, codes = steady_events(seed), replace(CODES, outcome=outcome)
        log = write_log(tmp_path / str(seed), events, codes=codes)
        deciding = codes.bad[0] if outcome == "retention" else codes.good[0]
        people = knowing_personas(events, cut=codes.end - codes.follow, outcome=deciding)
        for known_from in (None, 0):
            groups = part_personas(log, people, known_from=known_from)
            table = compare_touchpoints(log, SILENCE, personas=groups)
            rows = table[(table["persona"] != "all") & (table["touchpoint"] == NAMES[SUPPORT])]
            assert len(rows) > 0
            clear = int((rows["p_adjusted"] <= 0.1).sum())
            own, naive = (own + clear, naive) if known_from is None else (own, naive + clear)
    assert own <= 1
    assert naive >= 5


def test_what_follows_the_outcome_is_no_pain_and_no_delight_of_it(tmp_path):
    """A farewell comes to those who cancelled and a greeting to those who bought again."""
    rng = np.random.default_rng(1)
    for outcome, deciding in (("retention", "cancellation"), ("repeat_purchase", "order")):
        events = [(c, 12, "order") for c in range(400)] + [(c, 14, "delivery") for c in range(400)]
        goes = rng.random(400) < 0.5
        events += [(c, 30, deciding) for c in range(400) if goes[c]]
        events += [(c, 31, "support") for c in range(400) if goes[c]]
        log = write_log(tmp_path / outcome, frame_of(sorted(events)),
                        codes=replace(CODES, outcome=outcome))  # fmt: skip
        table = compare_touchpoints(log, SILENCE)
        assert "support" not in set(table["touchpoint"])


def voices_by_persona(rng):
    """Answers about eight touchpoints; persona x is unhappy at the checkout alone."""
    rows = []
    for name in ["checkout", "delivery", *[f"place {i}" for i in range(6)]]:
        tone = rng.normal(0, 0.3, 400)
        tone[::2] -= 0.5 * (name == "checkout")
        rows.append(pd.DataFrame({"customer": range(400), "touchpoint": name, "sentiment": tone}))
    return pd.concat(rows, ignore_index=True).assign(channel=None, source="stars")


def test_a_persona_that_alone_is_hurt_is_named_and_the_others_are_not(tmp_path):
    log = write_log(tmp_path, random_events(1, customers=400))
    people = pd.DataFrame({"customer": range(400), "persona": ["x", "y"] * 200})
    voices = voices_by_persona(np.random.default_rng(1))
    table = compare_touchpoints(log, voices, personas=part_personas(log, people))
    ranked = rank_pains(table)
    own = ranked[ranked["persona"] != "all"]
    assert (own["touchpoint"].tolist(), own["persona"].tolist()) == (["checkout"], ["x"])
    row = own.iloc[0]
    assert row["plain"] < row["value"] < row["high"] < 0
    assert row["differs_adjusted"] < 0.01
    assert row["rank"] > ranked.loc[ranked["persona"] == "all", "rank"].max()
    check_result("pains", ranked)


def test_rows_of_all_customers_stay_as_they_are_beside_personas(tmp_path):
    log = write_log(tmp_path, random_events(1, customers=400))
    people = pd.DataFrame({"customer": range(400), "persona": ["x", "y"] * 200})
    plain = compare_touchpoints(log, SILENCE, min_customers=10)
    beside = compare_touchpoints(log, SILENCE, min_customers=10,
                                 personas=part_personas(log, people, known_from=0))  # fmt: skip
    kept = beside[beside["persona"] == "all"]
    columns = ["touchpoint", "channel", "kind", "value", "low", "high", "p_value"]
    pd.testing.assert_frame_equal(kept[columns], plain[columns])
    assert len(beside) > len(plain)


@pytest.mark.parametrize(
    ("people", "parted"),
    [
        ({"customer": [0, 1], "persona": ["x", "y"]}, True),
        ({"customer": [0, 1], "persona": ["x", "x"]}, False),
        ({"customer": [0, 1], "persona": ["x", "y"], "basis": ["found", "joined"]}, False),
        ({"customer": [], "persona": []}, False),
    ],
)
def test_two_personas_that_were_found_are_needed(tmp_path, people, parted):
    log = write_log(tmp_path, frame_of([(0, 20, "ad"), (1, 20, "ad")]))
    assert (part_personas(log, pd.DataFrame(people)) is not None) == parted


def test_a_delight_without_the_outcome_is_liked_and_no_more(tmp_path):
    voices = voices_of([("s", "checkout", "web", 50, -0.3), ("s", "delivery", "web", 50, 0.3)])
    table = compared_in(tmp_path, random_events(1), voices)
    assert rank_delights(table)["note"].tolist() == [UNMEASURED]
    truths = pd.DataFrame({"touchpoint": ["delivery"], "sign": ["tone"], "low": [0.1],
                           "p_adjusted": [0.01]})  # fmt: skip
    assert rank_delights(table, truths=truths)["note"].tolist() == [LIKED]
    assert rank_delights(table, truths=truths.assign(low=-0.1))["note"].tolist() == [UNMEASURED]
    assert rank_delights(table, truths=truths.assign(sign="wait"))["note"].tolist() == [UNMEASURED]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Compare the touchpoints of the three samples."""
    tables = {}
    for client in ("northside-clothing", "brightdesk", "harbour-hotels"):
        params = read_params(ROOT / "params" / f"{client}.yml")
        got = collect(params, tmp_path_factory.mktemp(client))
        tables[client] = compare_touchpoints(
            got.built.log, got.voices, min_customers=params.pains.min_customers,
            exclude=params.pains.exclude,
        )  # fmt: skip
    return tables


PLANTED = [
    ("northside-clothing", "mobile checkout loses new customers", "loss", 1),
    ("northside-clothing", "late deliveries cut repeat purchase", "loss", 6),
    ("brightdesk", "failed card payments double cancellation", "loss", 1),
    ("brightdesk", "a confusing set-up loses accounts", "loss", 6),
    ("harbour-hotels", "check-in queues at some properties", "loss", 5),
]


@pytest.mark.parametrize(("client", "name", "kind", "rank"), PLANTED)
def test_planted_pains_are_found_and_rank_high(compared, client, name, kind, rank):
    truth = json.loads((ROOT / "sample_data" / client / "truth.json").read_text())
    planted = next(one for one in truth["planted"] if one["name"] == name)
    ranked = rank_pains(compared[client])
    place = (ranked["touchpoint"] == planted["touchpoint"]) & (ranked["kind"] == kind)
    row = ranked[place & (ranked["channel"] == planted["channel"])].iloc[0]
    assert row["rank"] <= rank
    assert row["high"] < 0


def test_slow_deliveries_show_as_a_delay_of_about_five_days(compared):
    ranked = rank_pains(compared["northside-clothing"])
    row = ranked[(ranked["touchpoint"] == "delivery") & (ranked["kind"] == "delay")].iloc[0]
    assert row["wait_days"] == pytest.approx(5, abs=1)
    assert row["effect"] == pytest.approx(-0.1965, abs=0.08)


def test_mobile_checkout_is_worse_than_the_same_checkout_on_the_web(compared):
    ranked = rank_pains(compared["northside-clothing"])
    own = ranked[(ranked["kind"] == "inconsistency") & (ranked["unit"] == "share")]
    first = own.iloc[0]
    assert first[["touchpoint", "channel"]].tolist() == ["checkout", "mobile"]
    assert first["rank"] <= 3
    assert -0.2 < first["value"] < -0.08


def test_a_failed_card_multiplies_cancellation_as_planted(compared):
    table = compared["brightdesk"]
    row = table[(table["touchpoint"] == "card_payment_failed") & (table["kind"] == "loss")].iloc[0]
    assert row["effect"] == pytest.approx(-0.14, abs=0.05)


def test_store_pick_up_is_the_first_delight(compared):
    ranked = rank_delights(compared["northside-clothing"])
    assert ranked["touchpoint"].iloc[0] == "store pick-up"


def test_no_survey_refund_or_outcome_is_a_pain_of_what_followed(compared):
    for table in compared.values():
        followed = table[table["kind"] != "sentiment"]["touchpoint"]
        artefacts = followed.str.endswith(" survey") | followed.isin(
            ["refund", "order", "booking", "invoice", "cancellation"]
        )
        assert not artefacts.any()


def test_touchpoints_before_the_purchase_have_no_delays_and_no_repeats(compared):
    for table in compared.values():
        early = table[table["stage"].isin(["awareness", "consideration"])]
        assert set(early["kind"]) <= {"loss", "sentiment", "inconsistency"}
