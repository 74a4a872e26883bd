import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.shrinkage import find_prior, rank_chances, shrink_rates

# Efron & Morris (1975), table 1: hits of 18 players in their first 45 times at bat in 1970, and
# their averages over the rest of the season.
HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
SEASON = np.array(
    [.346, .298, .276, .222, .273, .270, .263, .210, .269, .230, .264, .256, .303, .264, .226,
     .285, .316, .200]
)  # fmt: skip


def test_baseball_as_a_beta_binomial_finds_no_more_spread_than_chance():
    """Our own value: by maximum likelihood the players differ little, so all move far."""
    table = shrink_rates(HITS, np.full(18, 45))
    assert table["value"].mean() == pytest.approx(0.2654, abs=1e-3)
    assert ((table["value"] - SEASON) ** 2).sum() < 0.0754 / 2
    assert (table["low"] < SEASON).sum() + (table["high"] > SEASON).sum() >= 34


def test_the_prior_that_made_the_counts_is_found():
    rng = np.random.default_rng(1)
    cases = rng.integers(100, 400, 400)
    prior = find_prior(rng.binomial(cases, rng.beta(8, 32, 400)).astype(float), cases.astype(float))
    assert prior.mean == pytest.approx(0.2, abs=0.01)
    assert prior.size == pytest.approx(40, rel=0.25)


def test_rates_move_towards_what_is_expected_there():
    expected = np.array([0.1, 0.1, 0.5, 0.5, 0.3])
    hits = np.array([4, 12, 16, 24, 30])
    cases = np.array([40, 40, 40, 40, 100])
    table = shrink_rates(hits, cases, expected=expected)
    away, moved = hits / cases - expected, table["value"] - expected
    assert (np.abs(moved) <= np.abs(away) + 1e-9).all()
    assert (moved * away >= -1e-9).all()


@pytest.mark.parametrize(("places", "shrunk"), [(3, False), (4, True)])
def test_four_places_are_needed(places, shrunk):
    table = shrink_rates(np.arange(1, places + 1) * 5, np.full(places, 100))
    assert (table["kept"] < 1).all() == shrunk
    assert table["top_probability"].notna().all() == shrunk


def test_a_place_that_is_above_all_others_is_surely_among_the_highest():
    drawn = np.array([[0.9, 0.1, 0.2, 0.3], [0.8, 0.3, 0.2, 0.1]])
    assert rank_chances(drawn, top=1).tolist() == [1, 0, 0, 0]
    assert rank_chances(drawn, top=2).tolist() == [1, 0.5, 0, 0.5]
    assert rank_chances(drawn, top=9).tolist() == [1, 1, 1, 1]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=4, max_size=12))
def test_shrunken_rates_lie_between_the_counted_and_the_common_rate(counts):
    cases = np.array([n for n, _ in counts])
    hits = np.array([round(n * share) for n, share in counts])
    table = shrink_rates(hits, cases)
    raw, value = table["raw"], table["value"]
    assert ((table["low"] <= value) & (value <= table["high"])).all()
    assert (table["low"] >= 0).all()
    assert (table["high"] <= 1).all()
    assert value.between(raw.min() - 1e-3, raw.max() + 1e-3).all()
    assert table["top_probability"].sum() == pytest.approx(min(5, len(counts)))


def test_the_same_counts_give_the_same_interval():
    one, two = (shrink_rates(HITS, np.full(18, 45), seed=3) for _ in range(2))
    assert one.equals(two)


def test_intervals_of_the_five_that_look_worst_hold_and_wilsons_fail():
    """METHODS: 40 touchpoints of skewed volume; 0.94 against Wilson's 0.90 (60 clients here)."""
    rng, own, naive = np.random.default_rng(7), 0, 0
    errors = np.zeros(2)
    for seed in range(60):
        cases = np.round(np.exp(rng.normal(4.5, 1, 40))).astype(int) + 5
        truth = rng.beta(8, 32, 40)
        table = shrink_rates(rng.binomial(cases, truth), cases, seed=seed)
        inside = (table["low"] <= truth) & (truth <= table["high"])
        plain = (table["raw_low"] <= truth) & (truth <= table["raw_high"])
        own += inside[table["value"].nlargest(5).index].sum()
        naive += plain[table["raw"].nlargest(5).index].sum()
        errors += [((table[name] - truth) ** 2).mean() for name in ("value", "raw")]
    assert own / 300 >= 0.91
    assert naive / 300 < own / 300
    assert errors[0] < 0.7 * errors[1]
