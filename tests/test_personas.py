import time

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score, silhouette_score

from journeylib import personas as module
from journeylib.log import DAY
from journeylib.personas import describe_features, find_personas
from journeylib.tables import check_result

END = 400 * DAY


def planted(seed, *, n=600, features=6, apart=4.0):
    """Draw four equally likely groups around corners that are `apart` from each other."""
    rng = np.random.default_rng(seed)
    centres = np.eye(features)[:4] * apart / np.sqrt(2)
    group = rng.integers(0, 4, n)
    points = centres[group] + rng.normal(size=(n, features))
    names = [f"feature {i}" for i in range(features)]
    return pd.DataFrame(points, columns=names, index=np.arange(n) + 1000), group


def homogeneous(seed, n=400):
    """Draw one skewed population: money, frequency and recency hang together."""
    rng = np.random.default_rng(seed)
    drive = rng.normal(size=n)
    return pd.DataFrame(
        {
            "frequency": np.log1p(rng.poisson(np.exp(0.8 + 0.6 * drive))),
            "money": np.log1p(rng.gamma(2.0, 20 * np.exp(0.3 * drive))),
            "recency": np.log1p(rng.exponential(60 * np.exp(-0.5 * drive))),
            "breadth": np.log1p(1 + rng.poisson(np.exp(0.5 + 0.4 * drive))),
        }
    )


def test_three_groups_in_iris_have_the_silhouette_of_scikit_learn():
    """Fisher's iris, k-means with three groups: 0.5528 (recomputed with scikit-learn)."""
    points = load_iris().data
    labels = KMeans(3, n_init=20, random_state=7).fit(points).labels_
    found = module._silhouette(cdist(points, points), labels, 3)
    assert found == pytest.approx(0.5528, abs=5e-5)
    assert found == pytest.approx(silhouette_score(points, labels))


def test_a_group_of_one_has_width_zero_as_in_rousseeuw_1987():
    points = np.array([[0.0], [0.1], [0.2], [9.0]])
    labels = np.array([0, 0, 0, 1])
    expected = silhouette_score(points, labels)
    assert module._silhouette(cdist(points, points), labels, 2) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_four_well_separated_personas_are_natural_and_recovered(seed):
    features, group = planted(seed, apart=5.5)
    found = find_personas(features)
    check_result("personas", found.table)
    assert set(found.table["verdict"]) == {"natural"}
    assert len(found.table) == 4
    assert found.assignments["customer"].tolist() == features.index.tolist()
    assert adjusted_rand_score(group, found.assignments["persona"]) >= 0.95


def test_one_skewed_population_is_not_called_natural():
    verdicts = [find_personas(homogeneous(seed), seed=seed).table["verdict"] for seed in range(12)]
    assert sum("natural" in set(verdict) for verdict in verdicts) == 0


def test_personas_are_found_alike_twice_and_in_time():
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(4, 10))
    centres *= 6 / np.linalg.norm(centres, axis=1, keepdims=True)
    points = centres[rng.integers(0, 4, 4000)] + rng.normal(size=(4000, 10))
    features = pd.DataFrame(points, columns=[f"f{i}" for i in range(10)])
    started = time.perf_counter()
    found = find_personas(features)
    seconds = time.perf_counter() - started
    again = find_personas(features)
    pd.testing.assert_frame_equal(found.table, again.table)
    pd.testing.assert_frame_equal(found.assignments, again.assignments)
    assert set(found.table["verdict"]) == {"natural"}
    assert seconds < 15  # about 3 on two slow cores; threads that fight each other take minutes


def test_the_largest_persona_is_the_first_and_bears_the_name_given():
    features, _ = planted(1, apart=5.5)
    found = find_personas(features, names={1: "Regulars"})
    assert found.table["customers"].is_monotonic_decreasing
    assert found.table["name"].iloc[0] == "Regulars"
    assert (found.assignments["persona"] == "Regulars").sum() == found.table["customers"].iloc[0]
    assert found.table["share"].sum() == pytest.approx(1)
    assert found.choices.loc[found.choices["chosen"], "k"].tolist() == [4]


def test_each_persona_has_its_own_stability():
    found = find_personas(planted(2, apart=4)[0])
    chosen = found.choices[found.choices["chosen"]].iloc[0]
    assert found.table["stability"].mean() == pytest.approx(chosen["stability"])
    assert found.table["stability"].min() == pytest.approx(chosen["weakest"])
    assert chosen["weakest"] < chosen["stability"]


@pytest.mark.parametrize(("n", "refused"), [(199, True), (200, False)])
def test_fewer_than_two_hundred_customers_have_no_personas(n, refused):
    two = pd.DataFrame({"a": np.arange(n) % 2 * 9.0, "b": np.arange(n) % 2 * 9.0})
    two += np.random.default_rng(1).normal(size=two.shape)
    found = find_personas(two)
    assert (found.reason != "") == refused
    assert (len(found.assignments) == 0) == refused


def test_twenty_customers_a_feature_are_needed():
    features, _ = planted(1, n=400, features=21, apart=9)
    assert find_personas(features).reason == "400 customers with features; personas need 420."


def test_a_group_of_fewer_than_fifty_customers_is_no_persona():
    features, group = planted(1, n=400, apart=9)
    few = features[(group != 0) | (np.cumsum(group == 0) <= 40)]
    found = find_personas(few)
    assert found.reason or found.table["customers"].min() >= 50


def test_no_customers_and_no_features_are_refused_not_raised():
    for features in (pd.DataFrame(), pd.DataFrame(index=range(300))):
        found = find_personas(features)
        check_result("personas", found.table)
        assert len(found.table) == len(found.assignments) == len(found.profile) == 0
        assert {"k", "value", "stability", "chosen"} <= set(found.choices.columns)


def test_an_unstable_client_has_one_row_that_says_so():
    rng = np.random.default_rng(4)
    blob = pd.DataFrame(rng.normal(size=(400, 8)), columns=list("abcdefgh"))
    found = find_personas(blob)
    check_result("personas", found.table)
    assert found.table["verdict"].tolist() == ["unstable"]
    assert "stable" in found.reason
    assert len(found.assignments) == 0


def test_lumps_of_whole_numbers_are_spread_up_to_the_next():
    rng = np.random.default_rng(1)
    counts = np.log1p(np.repeat([0.0, 1.0, 2.0, 6.0], 50))
    spread = module._spread_lumps(counts, rng)
    below = np.log1p([0, 1, 2])[:, None]
    above = np.log1p([1, 2, 6])[:, None]
    lumps = spread.reshape(4, 50)[:3]
    assert ((lumps >= below) & (lumps < above)).all()


def test_a_feature_that_hardly_varies_becomes_no_noise():
    rare = pd.DataFrame({"rare": np.append(np.zeros(999), 1.0), "money": np.arange(1000.0)})
    assert module._scaled(rare, 7)["rare"].eq(0).all()


def customers_of(n, **columns):
    rng = np.random.default_rng(2)
    first = rng.integers(0, 300, n) * DAY
    table = pd.DataFrame(
        {
            "customer": np.arange(n), "events": rng.integers(1, 30, n), "first": first,
            "last": first + rng.integers(0, 100, n) * DAY, "orders": rng.integers(0, 5, n),
            "spent": rng.gamma(2, 50, n), "touchpoints": rng.integers(1, 8, n),
            "channel:": 0, "channel:web": rng.integers(0, 9, n),
            "channel:app": rng.integers(0, 9, n),
        }
    )  # fmt: skip
    return table.assign(**columns)


def test_features_are_what_customers_did():
    features = describe_features(customers_of(300), pd.DataFrame(), end=END)
    assert features.columns.tolist() == [
        "recency", "frequency", "money", "tenure", "breadth", "channel:web",
    ]  # fmt: skip
    assert features.notna().all().all()


def test_constant_features_are_left_out_and_wanted_ones_kept():
    table = customers_of(300, touchpoints=3)
    features = describe_features(table, pd.DataFrame(), end=END)
    assert "breadth" not in features
    wanted = describe_features(table, pd.DataFrame(), end=END, wanted=["money", "channel"])
    assert wanted.columns.tolist() == ["money", "channel:web"]


def test_attributes_serve_where_nothing_was_done_but_never_the_outcome():
    rng = np.random.default_rng(1)
    attributes = pd.DataFrame(
        {
            "customer": np.arange(400), "tenure": rng.integers(1, 72, 400).astype(float),
            "contract": rng.choice(["month", "year"], 400), "churned": rng.random(400) < 0.3,
            "signup": pd.date_range("2024-01-01", periods=400),
            "town": [f"t{i}" for i in range(400)],
        }
    )  # fmt: skip
    features = describe_features(customers_of(0), attributes, end=END)
    assert features.columns.tolist() == ["tenure", "contract=month", "contract=year"]
    check_result("personas", find_personas(features).table)


def test_nothing_known_gives_no_features():
    assert describe_features(pd.DataFrame({"customer": []}), pd.DataFrame(), end=END).empty


def test_features_that_say_nothing_or_the_same_twice_are_left_out():
    rng = np.random.default_rng(3)
    count = 400
    first = rng.integers(0, 300, count) * DAY
    customers = pd.DataFrame(
        {
            "customer": np.arange(count), "events": 1, "touchpoints": 1, "orders": 0, "spent": 0.0,
            "first": first, "last": first, "channel:web": 1, "channel:app": 0,
        }
    )  # fmt: skip
    features = describe_features(customers, pd.DataFrame(), end=301 * DAY)
    assert list(features) == ["recency"]
    assert (
        find_personas(features).table["verdict"].isin(["natural", "constructed", "unstable"]).all()
    )
