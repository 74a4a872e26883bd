"""What changed between periods: published tables, false alarms, equivalence, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_logs import CODES, random_events, write_log

from journeylib.drift import compare_levels, compare_moves, compare_periods, judge_drift
from journeylib.errors import DataError
from journeylib.estimates import Refusal
from journeylib.footprints import Footprints
from journeylib.homogeneity import compare_counts, measure_stability
from journeylib.log import DAY
from journeylib.tables import check_result

NAMES = ("a", "b", "c", "start", "end", "open")
FIRST = [[22, 11, 24, 2, 2, 7], [5, 23, 15, 3, 42, 6], [4, 21, 190, 25, 20, 34],
         [0, 2, 14, 56, 14, 28], [32, 15, 20, 10, 56, 14], [5, 22, 31, 18, 13, 134]]  # fmt: skip
SECOND = [[3, 6, 9, 3, 0, 8], [1, 9, 3, 12, 27, 5], [2, 9, 208, 32, 5, 18],
          [0, 14, 32, 108, 40, 40], [22, 14, 9, 26, 224, 14], [1, 5, 13, 53, 13, 116]]  # fmt: skip


def prints_of(counts, *, first=0):
    """Moves out of the first state, one row of counts (to a, b, c) per customer."""
    counts = np.asarray(counts)
    who, goal = np.nonzero(counts)
    return Footprints(NAMES, who + first, goal, counts[who, goal])


def customers_like(shares, customers, rng, *, visits=5, alike=200.0):
    """Customers who differ from one another around common shares."""
    own = rng.dirichlet(np.array(shares) * alike, customers)
    return np.array([rng.multinomial(visits, one) for one in own])


def levels(value, half, *, metric="nps", n=200, unit="points"):
    row = {"metric": metric, "value": value, "low": value - half, "high": value + half}
    return pd.DataFrame([row | {"n": n, "unit": unit}])


def verdict_of(change, half, *, margin=5.0):
    """Two periods whose difference has this interval."""
    part = half / np.sqrt(2)
    found = compare_levels(levels(10, part), levels(10 + change, part), margins={"nps": margin})
    return judge_drift(found)["verdict"].iloc[0]


# ------------------------------------------------------------------ golden


def test_kullback_row_wise_statistic_is_that_of_markovchain():
    """Kullback, Kupperman & Ku (1962); R package markovchain, verifyEmpiricalToTheoretical.

    Shares that are given are those of a period with no end of moves.
    """
    counts = np.array([[51, 11, 8], [12, 31, 9], [6, 11, 10]], np.longdouble)
    shares = np.array([[5, 2, 1], [2, 4, 2], [2, 3, 3]]) / 8
    fit = compare_counts(shares * np.longdouble(1e10), counts)
    assert fit.g_square == pytest.approx(6.518384, abs=1e-6)
    assert (fit.df, round(fit.p, 4)) == (6, 0.3677)


def test_two_tables_of_kullback_differ_as_published():
    """Kullback, Kupperman & Ku (1962): G² 160.96; one move that neither has takes no part."""
    fit = compare_counts(np.array(FIRST, float), np.array(SECOND, float))
    assert fit.g_square == pytest.approx(160.96060031170782, abs=1e-9)
    assert fit.x_square == pytest.approx(158.406, abs=1e-3)
    assert fit.df == 29


@pytest.mark.parametrize("n", [100, 300])
def test_stability_index_is_held_against_chance_and_not_against_a_tenth(n):
    """No change among ten groups: E[PSI] = (k − 1)(1/n + 1/m); the rule of .1 alarms at small n."""
    rng, shares = np.random.default_rng(4), np.full(10, 0.1)
    drawn = [measure_stability(*rng.multinomial(n, shares, 2)) for _ in range(1500)]
    index = np.array([one.index for one in drawn])
    assert drawn[0].by_chance == pytest.approx(9 * 2 / n)
    assert index.mean() == pytest.approx(9 * 2 / n, rel=0.09)
    assert (index > 0.1).mean() == pytest.approx(stats.chi2.sf(0.1 * n / 2, 9), abs=0.05)
    assert (n == 300) or (index > 0.1).mean() > 0.7
    assert np.mean([one.index > one.most_by_chance for one in drawn]) == pytest.approx(
        0.05, abs=0.03
    )
    assert np.mean([one.p <= 0.05 for one in drawn]) == pytest.approx(0.05, abs=0.03)


# ---------------------------------------------------------------- boundary


@pytest.mark.parametrize("visits", [49, 50])
def test_row_needs_fifty_visits_in_both_periods(visits):
    many, few = prints_of([[1, 1, 0]] * 60), prints_of([[1, 0, 0]] * visits, first=100)
    found = compare_moves(many, few, seed=1, draws=19)
    assert isinstance(found, Refusal) == (visits < 50)
    assert visits >= 50 or "the most are 49" in found.reason


@pytest.mark.parametrize(
    ("change", "half", "verdict"),
    [
        (20, 5, "changed"),
        (1, 2, "same"),
        (3, 2.3, "same"),  # 90% interval up to 4.93
        (3, 2.5, "changed"),  # 90% interval up to 5.10, 95% interval from 0.5
        (1, 20, "cannot tell"),
        (-20, 5, "changed"),
    ],
)
def test_verdict_follows_the_interval_and_the_margin(change, half, verdict):
    assert verdict_of(change, half) == verdict


def test_metric_without_a_margin_is_never_called_the_same():
    found = judge_drift(compare_levels(levels(10, 0.1), levels(10, 0.1), margins={}))
    assert found["verdict"].tolist() == ["cannot tell"]


@pytest.mark.parametrize(("days", "refused"), [(104, True), (106, False)])
def test_periods_must_be_of_one_length(tmp_path, days, refused):
    codes = replace(CODES, start=0, end=110 * DAY)
    log = write_log(tmp_path, random_events(1, customers=60), codes=codes)
    other = replace(log, codes=replace(codes, end=days * DAY))
    found = compare_periods(log, other, silence=20 * DAY, seed=1)
    assert isinstance(found, Refusal) == refused
    assert not refused or found.reason == "The periods last 104 and 110 days."


# ---------------------------------------------------------------- property


@pytest.mark.parametrize("seed", range(4))
def test_statistic_equals_that_of_scipy_summed_over_rows(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.integers(1, 40, (2, 4, 5)).astype(float)
    fit = compare_counts(before, after)
    for name, kind in (("g_square", "log-likelihood"), ("x_square", "pearson")):
        tests = [
            stats.chi2_contingency(np.stack(pair), correction=False, lambda_=kind)
            for pair in zip(before, after, strict=True)
        ]
        assert getattr(fit, name) == pytest.approx(sum(one.statistic for one in tests))
        assert fit.df == sum(one.dof for one in tests)


def test_a_period_does_not_differ_from_itself():
    rng = np.random.default_rng(1)
    prints = prints_of(customers_like([0.5, 0.3, 0.2], 100, rng))
    found = judge_drift(compare_moves(prints, prints, seed=1, draws=99))
    assert found["metric"].tolist() == ["moves"]
    assert (found["value"].iloc[0], found["p_adjusted"].iloc[0]) == (0.0, 1.0)


def test_customers_who_differ_raise_no_alarm_but_chi_square_does():
    """40 pairs of periods without a change: 3 standard errors above .08 are 8 alarms."""
    ours = naive = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        some = [customers_like([0.4, 0.4, 0.2], 40, rng, visits=20, alike=1.0) for _ in range(2)]
        prints = prints_of(some[0]), prints_of(some[1], first=1000)
        found = judge_drift(compare_moves(*prints, seed=seed, draws=99))
        ours += "changed" in set(found["verdict"])
        naive += compare_counts(*(np.array([one.sum(axis=0)], float) for one in some)).p < 0.05
    assert ours <= 8
    assert naive >= 20


def test_planted_change_is_found_named_and_measured():
    rng = np.random.default_rng(3)
    before = prints_of(customers_like([0.5, 0.3, 0.2], 300, rng))
    after = prints_of(customers_like([0.3, 0.5, 0.2], 300, rng), first=1000)
    found = judge_drift(compare_moves(before, after, seed=1, draws=199)).set_index("metric")
    check_result("drift", found.reset_index())
    assert found.loc[["moves", "a → a", "a → b"], "verdict"].tolist() == ["changed"] * 3
    assert found.loc["a → c", "verdict"] != "changed"
    assert found.loc["a → b", "low"] <= 0.2 <= found.loc["a → b", "high"]
    assert found.loc["moves", "value"] == pytest.approx(0.2, abs=0.05)


def test_change_too_small_to_matter_is_the_same_however_many_customers():
    counts = np.array([[30, 15, 5]] * 2000)
    shifted = counts + np.array([-1, 1, 0]) * (np.arange(2000) % 2 == 0)[:, None]
    found = compare_moves(prints_of(counts), prints_of(shifted, first=5000), seed=1, draws=99)
    judged = judge_drift(found)
    assert judged["p_adjusted"].max() <= 0.05
    assert judged["verdict"].unique().tolist() == ["same"]


def test_same_customers_in_both_periods_are_exchanged_with_themselves():
    """Everyone keeps their own habit: nothing changed, and no exchange can show more."""
    habits = np.repeat(np.eye(3, dtype=int) * 9, 30, axis=0)
    found = compare_moves(prints_of(habits), prints_of(habits), seed=1, draws=49)
    assert found["p_row"].tolist() == [1.0]


def test_order_of_the_periods_turns_the_sign_only():
    one, other = levels(10, 3), levels(14, 2)
    there, back = (
        judge_drift(compare_levels(*pair, margins={"nps": 5})).iloc[0]
        for pair in ((one, other), (other, one))
    )
    assert there["value"] == -back["value"]
    assert (there["low"], there["high"]) == pytest.approx((-back["high"], -back["low"]))
    assert there["p_adjusted"] == pytest.approx(back["p_adjusted"])


def test_margin_holds_for_every_stage_of_a_feeling():
    names = ["sentiment:decision", "sentiment:retention"]
    before = pd.concat([levels(0.2, 0.05, metric=name, unit="sentiment") for name in names])
    after = pd.concat(
        [levels(at, 0.05, metric=name, unit="sentiment")
         for at, name in zip([0.2, 0.6], names, strict=True)]
    )  # fmt: skip
    found = judge_drift(compare_levels(before, after, margins={"sentiment": 0.1}))
    assert dict(zip(found["metric"], found["verdict"], strict=True)) == {
        "sentiment:decision": "same", "sentiment:retention": "changed",
    }  # fmt: skip


def test_seed_decides_and_nothing_else():
    rng = np.random.default_rng(1)
    pair = [prints_of(customers_like([0.5, 0.3, 0.2], 80, rng), first=k) for k in (0, 40)]
    pd.testing.assert_frame_equal(*(compare_moves(*pair, seed=4, draws=49) for _ in range(2)))


# ----------------------------------------------------------------- refusal


def test_periods_mapped_in_another_way_are_refused():
    one = prints_of([[1, 1, 1]] * 60)
    with pytest.raises(DataError, match="Only one of the periods knows c, checkout"):
        compare_moves(one, replace(one, names=("a", "b", "checkout", *NAMES[3:])), seed=1)


def test_figures_in_two_units_or_twice_are_refused():
    with pytest.raises(DataError, match="nps is in points, then in share"):
        compare_levels(levels(10, 1), levels(0.1, 0.01, unit="share"), margins={})
    with pytest.raises(DataError, match="'nps' stands there twice"):
        compare_levels(pd.concat([levels(1, 1)] * 2), levels(1, 1), margins={})


def test_earlier_period_without_events_is_refused(tmp_path):
    log = write_log(tmp_path, random_events(1, customers=60))
    length = CODES.end - CODES.start
    other = replace(log, codes=replace(CODES, start=CODES.end + length, end=CODES.end + 2 * length))
    found = compare_periods(log, other, silence=20 * DAY, seed=1)
    assert isinstance(found, Refusal)
    assert found.reason.endswith("the most are 0.")


def test_without_parts_there_is_no_drift():
    assert judge_drift().empty


def test_money_without_a_margin_of_its_own_gets_a_twentieth():
    found = compare_levels(levels(100, 1, metric="aov", unit="EUR"),
                           levels(102, 1, metric="aov", unit="EUR"), margins={})  # fmt: skip
    assert found["margin"].tolist() == [5.0]
    assert judge_drift(found)["verdict"].tolist() == ["same"]


def test_mix_of_one_group_cannot_move():
    found = measure_stability(np.array([30]), np.array([40]))
    assert (found.index, found.p) == (0.0, 1.0)
