import numpy as np
import pandas as pd
import pytest
from scipy import stats

from journeylib.subgroups import pool_personas, shrink_within


def rows_of(values, errors, places, **columns):
    table = pd.DataFrame({"value": values, "touchpoint": [f"t{place}" for place in places]})
    reach = stats.norm.ppf(0.975) * np.asarray(errors)
    table = table.assign(low=table["value"] - reach, high=table["value"] + reach)
    further = {"stage": "s", "channel": "web", "kind": "loss", "unit": "share", "source": "plain"}
    table["persona"] = [f"p{at}" for at in table.groupby("touchpoint").cumcount()]
    return table.assign(**{**further, **columns})


def test_personas_move_towards_the_centre_of_their_own_touchpoint():
    rows = rows_of([0.0, -0.2, 0.3, 0.5, -0.1, -0.1], [0.1] * 6, [0, 0, 1, 1, 2, 2])
    found = pool_personas(rows)
    centre = rows.groupby("touchpoint")["value"].transform("mean")
    assert ((found["value"] - centre).abs() <= (rows["value"] - centre).abs() + 1e-12).all()
    assert found["plain"].tolist() == rows["value"].tolist()
    assert (found["kept"].between(0, 1)).all()
    assert found["source"].str.contains("drawn towards").all()


def test_two_personas_differ_by_the_plain_test_of_two():
    found = pool_personas(rows_of([0.1, -0.3], [0.1, 0.1], [0, 0]))
    expected = 2 * stats.norm.sf(0.4 / np.hypot(0.1, 0.1))
    assert found["p_differs"].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize(("touchpoints", "pooled"), [(2, False), (3, True)])
def test_three_pairs_are_needed(touchpoints, pooled):
    values = np.tile([0.1, -0.1], touchpoints)
    found = pool_personas(rows_of(values, [0.1] * len(values), np.repeat(range(touchpoints), 2)))
    assert (found["kept"] < 1).all() == pooled


def test_one_persona_at_a_touchpoint_stays_as_it_is():
    rows = rows_of([0.1, -0.1] * 4 + [0.7], [0.1] * 9, [0, 0, 1, 1, 2, 2, 3, 3, 4])
    last = pool_personas(rows).iloc[-1]
    assert (last["value"], last["kept"], last["source"]) == (0.7, 1, "plain")
    assert np.isnan(last["p_differs"])


def test_kinds_are_pooled_apart():
    one = rows_of([0.3, -0.3] * 3, [0.05] * 6, [0, 0, 1, 1, 2, 2])
    two = rows_of([0.01, -0.01] * 3, [0.05] * 6, [0, 0, 1, 1, 2, 2], kind="delay")
    both = pool_personas(pd.concat([one, two], ignore_index=True))
    kept = both.groupby("kind")["kept"].mean()
    assert kept["loss"] > 0.9
    assert kept["delay"] < 0.7


def test_nothing_is_pooled_of_nothing():
    assert pool_personas(rows_of([], [], [])).empty


def test_intervals_of_the_five_that_look_worst_hold_and_plain_ones_fail():
    """Four personas at ten touchpoints, thin and less thin; 200 clients for each spread."""
    for spread in (0.0, 0.03, 0.08):
        rng, own, naive = np.random.default_rng(7), 0, 0
        place = np.repeat(np.arange(10), 4)
        for _ in range(200):
            truth = rng.normal(-0.02, 0.08, 10)[place] + rng.normal(0, spread, 40)
            error = rng.uniform(0.02, 0.1, 40)
            seen = rng.normal(truth, error)
            value, doubt, _ = shrink_within(seen, error**2, place)
            inside, plain = (
                np.abs(value - truth) <= 1.96 * doubt,
                np.abs(seen - truth) <= 1.96 * error,
            )
            own += inside[np.argsort(value)[:5]].sum()
            naive += plain[np.argsort(seen)[:5]].sum()
        assert own / 1000 >= 0.92
        assert naive / 1000 < 0.92
