"""Other choices: the same log seen otherwise, ranks under each, and what is said of them."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.action_prose import drivers_sentence, robustness_sentence
from journeylib.driver_charts import plot_drivers, plot_robustness
from journeylib.drivers import COLUMNS as DRIVER_COLUMNS
from journeylib.log import DAY
from journeylib.pains import compare_touchpoints
from journeylib.recuts import hold_log
from journeylib.robustness import (
    BASE,
    COLUMNS,
    Basis,
    check_robustness,
    count_steady,
    list_choices,
)
from journeylib.theme import finding

mpl.use("Agg")
SILENT = pd.DataFrame(
    {name: pd.Series(dtype=kind) for name, kind in {
        "customer": "Int64", "timestamp": "datetime64[ns, UTC]", "touchpoint": "str",
        "channel": "str", "source": "str", "sentiment": "float64"}.items()}
)  # fmt: skip


def planted(folder, *, people=1500, seed=3, parts=1):
    """Half meet support after the purchase and seldom order again; the ad changes nothing."""
    rng = np.random.default_rng(seed)
    events = []
    for customer in range(people):
        start = 11 + float(rng.integers(0, 40))
        events += [(customer, start, "ad"), (customer, start + 1, "checkout")]
        if rng.random() < 0.3:
            continue
        events += [(customer, start + 1.1, "order"), (customer, start + 3, "delivery")]
        hurt = rng.random() < 0.4
        events += [(customer, start + 4, "support")] * hurt
        if rng.random() < (0.15 if hurt else 0.5):
            events.append((customer, start + 8 + float(rng.integers(0, 12)), "order"))
    return write_log(folder, frame_of(events), codes=replace(CODES, follow=20 * DAY), parts=parts)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    log = planted(tmp_path_factory.mktemp("planted"))
    return check_robustness(log, SILENT, Basis(suspects=(1, 2, 3)))


# ---------------------------------------------------------------- the log in memory


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("cut", ["none", "gap", "outcome"])
def test_a_log_held_in_memory_reads_as_the_log_on_disk(tmp_path, parts, cut):
    codes = replace(CODES, cut=cut, gap=3 * DAY)
    log = write_log(tmp_path / "log", random_events(5, customers=40), codes=codes, parts=parts)
    held = hold_log(log, most=1000, seed=1)
    (one,) = [part.load() for part in held.readable]
    disk = [part.load() for part in log.readable]
    for name in ("customer", "time", "touchpoint", "stage", "value"):
        np.testing.assert_array_equal(
            getattr(one, name), np.concatenate([getattr(part, name) for part in disk])
        )
    journeys = sum(int(part.journey.max(initial=-1)) + 1 for part in disk)
    assert int(one.journey.max()) + 1 == journeys


def test_comparisons_of_a_held_log_are_those_of_the_log(tmp_path):
    log = planted(tmp_path / "log", people=400, parts=2)
    one, two = (compare_touchpoints(x, SILENT) for x in (log, hold_log(log, most=999, seed=1)))
    pd.testing.assert_frame_equal(one, two)


def test_a_long_log_is_sampled_by_whole_customers(tmp_path):
    log = write_log(tmp_path / "log", random_events(6, customers=60), parts=3)
    held = hold_log(log, most=20, seed=1)
    assert held.left == (60, 20)
    whole = pd.Series(np.concatenate([part.load().customer for part in log.readable]))
    own = pd.Series(held.whole.customer)
    assert own.nunique() <= 20
    counts = whole.value_counts()
    pd.testing.assert_series_equal(
        own.value_counts().sort_index(), counts[own.unique()].sort_index()
    )


def test_another_stage_model_places_touchpoints_and_keeps_timing_of_unknown_names(tmp_path):
    log = write_log(tmp_path / "log", random_events(7), codes=CODES)
    race = ("reach", "act", "convert", "engage")
    held = hold_log(log, most=99, seed=1).restage("race", race)
    placed = dict(zip(held.codes.touchpoints, held.codes.stage_of, strict=True))
    assert (placed["ad"], placed["product"], placed["order"], placed["delivery"]) == (0, 1, 2, 3)
    assert placed["odd"] == -1
    loaded = held.readable[0].load()
    np.testing.assert_array_equal(loaded.stage, np.array(held.codes.stage_of)[loaded.touchpoint])


# ---------------------------------------------------------------- the choices


def test_about_twenty_choices_differ_from_the_analysis_and_from_each_other(tmp_path):
    held = hold_log(planted(tmp_path / "log", people=300), most=999, seed=1)
    basis = Basis(suspects=(4,), special=((20 * DAY, 22 * DAY),))
    choices = list(list_choices(held, basis))
    names = [one.name for one in choices]
    assert names[0] == BASE
    assert len(set(names)) == len(names)
    assert 18 <= len(names) <= 26
    assert {one.about for one in choices} == {
        "base", "window", "journeys", "least", "period", "stages", "customers", "days",
    }  # fmt: skip
    for one in choices[1:]:
        same = one.log.codes == held.codes and one.log.kept is None
        assert not same or one.min_customers != basis.min_customers


def test_a_choice_that_is_made_already_is_not_offered_again(tmp_path):
    log = planted(tmp_path / "log", people=100)
    own = replace(log, codes=replace(log.codes, cut="gap", gap=30 * DAY))
    names = {one.name for one in list_choices(hold_log(own, most=999, seed=1), Basis())}
    assert "journeys cut after 30 silent days" not in names
    assert "journeys not cut" in names
    assert "customers like machines left out" not in names


def test_both_random_halves_make_up_all_customers(tmp_path):
    held = hold_log(planted(tmp_path / "log", people=100), most=999, seed=1)
    one, two = (c.log.kept for c in list_choices(held, Basis()) if "random half" in c.name)
    assert (one ^ two).all()


def test_monday_to_friday_leaves_out_weekends(tmp_path):
    held = hold_log(planted(tmp_path / "log", people=100), most=999, seed=1)
    (week,) = [c.log for c in list_choices(held, Basis()) if c.name.startswith("Monday")]
    days = pd.to_datetime(week.readable[0].load().time, unit="us").day_of_week
    assert set(days) == {0, 1, 2, 3, 4}


# ---------------------------------------------------------------- what is followed


def test_a_planted_pain_leads_under_every_choice(checked):
    assert list(checked.columns) == COLUMNS
    first = checked[checked["base_rank"] == 1]
    assert (first["touchpoint"] == "support").all()
    assert (first["value"].dropna() < -0.1).all()
    steady = count_steady(checked).iloc[0]
    assert steady["listed"] == steady["choices"] >= 16
    assert steady["all_choices"] == checked["choice"].nunique() - 1
    text = robustness_sentence(checked)
    assert "“support”, loss" in text
    assert "other choices**" in text


def test_base_ranks_are_those_of_the_analysis(checked):
    base = checked[checked["choice"] == BASE]
    assert base["rank"].tolist() == base["base_rank"].tolist()


def test_without_the_customers_who_are_dropped_their_answers_go_too(tmp_path):
    log = planted(tmp_path / "log", people=200)
    said = pd.DataFrame(
        {
            "customer": pd.array(np.tile(np.arange(200), 2), "Int64"),
            "timestamp": pd.Timestamp(30, unit="D", tz="UTC"),
            "touchpoint": ["support"] * 200 + ["delivery"] * 200, "channel": None,
            "source": "stars", "sentiment": np.r_[np.full(200, -0.6), np.full(200, 0.4)],
        }
    )  # fmt: skip
    said["sentiment"] += np.random.default_rng(1).normal(0, 0.2, 400)
    found = check_robustness(log, said, Basis())
    tone = found[(found["kind"] == "sentiment")].set_index("choice")["customers"]
    halves = tone[[name for name in tone.index if "random half" in name]]
    assert halves.sum() == tone[BASE] == 200
    assert np.isnan(tone["first half of the period"]) != np.isnan(tone["second half of the period"])


def test_another_log_is_followed_as_a_choice_about_identity(tmp_path):
    log, other = planted(tmp_path / "a"), planted(tmp_path / "b", seed=9)
    found = check_robustness(log, SILENT, Basis(), others={"by id alone": (other, SILENT)})
    own = found[found["about"] == "identity"]
    assert own["choice"].unique().tolist() == ["by id alone"]
    assert own["value"].iloc[0] != found[found["choice"] == BASE]["value"].iloc[0]


def test_a_rerun_gives_the_same_rows(tmp_path):
    log = planted(tmp_path / "log", people=500)
    one, two = (check_robustness(log, SILENT, Basis()) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_nothing_that_hurts_gives_an_empty_frame_and_a_sentence(tmp_path):
    log = write_log(tmp_path / "log", frame_of([]))
    found = check_robustness(log, SILENT, Basis())
    assert found.empty
    assert robustness_sentence(found).startswith("Nothing can be said here")
    assert plot_robustness(found) is None


def test_a_pain_that_comes_and_goes_is_said_to():
    rows = pd.DataFrame(
        {
            "choice": [BASE, BASE, "x", "x", "y", "y"], "about": "days", "kind": "loss",
            "touchpoint": ["a", "b"] * 3, "channel": ["", "web"] * 3, "base_rank": [1, 2] * 3,
            "rank": [1, 2, 1, np.nan, 2, 7], "value": [-0.2, -0.1, -0.2, -0.1, -0.2, np.nan],
            "listed": [True, True, True, False, True, True], "note": "",
        }
    )  # fmt: skip
    text = robustness_sentence(rows)
    assert "one stays among them under each of 2 other choices" in text
    assert "“b” (web), loss is listed in 0 of the 1 that can compare it" in text
    assert "cannot be compared in 1" in text


# ---------------------------------------------------------------- charts


def test_the_chart_of_choices_shows_every_rank_and_its_title_is_the_finding(checked):
    ax = plot_robustness(checked)
    assert len(ax.get_yticklabels()) == checked["choice"].nunique()
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == len(checked)
    assert texts.count("–") + texts.count("·") == int(checked["rank"].isna().sum())
    assert "under each of" in finding(ax)
    mpl.pyplot.close(ax.figure)


def drivers():
    rows = [
        ("survey", "csat", "room_rating", 1, 0.3, 0.5, 0.9, 0.7, 1.1, 0.6, 0.5, 0.7),
        ("survey", "csat", "noise_rating", 2, 0.15, 0.5, -0.3, -0.5, -0.1, 0.3, 0.2, 0.4),
        ("survey", "csat", "spa_rating", 3, 0.05, 0.5, 0.1, -0.1, 0.3, 0.1, 0.0, 0.2),
    ]
    names = ["asked", "outcome", "driver", "rank", "part", "r_squared", "effect", "effect_low",
             "effect_high", "value", "low", "high"]  # fmt: skip
    table = pd.DataFrame(rows, columns=names).assign(n=400.0, unit="share", source="R²", note="")
    return table.reindex(columns=DRIVER_COLUMNS)


def test_the_driver_chart_tells_the_direction_by_colour_and_sign():
    ax = plot_drivers(drivers())
    assert [tick.get_text()[-1] for tick in ax.get_yticklabels()] == ["▲", "▼", "○"]
    assert len({bar.get_facecolor() for bar in ax.patches}) == 3
    assert finding(ax).startswith("Room rating counts most for csat: 60 % (50 to 70 %) of the 50 %")
    assert "n = 400" in finding(ax)
    mpl.pyplot.close(ax.figure)


def test_the_driver_sentence_names_rivals_and_what_goes_the_other_way():
    near = drivers().assign(high=[0.7, 0.55, 0.2])
    text = drivers_sentence(near)
    assert "“room rating” counts most for “csat”" in text
    assert "reaches that of “noise rating”" in text
    assert "“noise rating” goes the other way" in text
    assert "need not cause it" in text


def test_no_drivers_give_no_chart():
    assert plot_drivers(pd.DataFrame(columns=DRIVER_COLUMNS)) is None
    assert plot_drivers(drivers(), outcome="nps") is None
