"""Personas are found where they are, denied where they are not, and stay the same later."""

import time

import numpy as np
import pandas as pd
import pytest
from planted_personas import (
    one_counted_kind,
    one_normal_kind,
    one_skewed_kind,
    planted,
    shopping_groups,
)
from sklearn.metrics import adjusted_rand_score

from journeylib import clusters
from journeylib.personas import CENTROIDS, assign_personas, find_personas
from journeylib.tables import check_result


@pytest.fixture
def quick(monkeypatch):
    """Draw fewer times where only the direction of a verdict is asked for."""
    monkeypatch.setattr(clusters, "NULLS", 39)
    monkeypatch.setattr(clusters, "RESAMPLES", 20)


@pytest.mark.parametrize("seed", range(3))
def test_four_well_separated_personas_are_natural_and_recovered(seed):
    features, group = planted(seed, apart=5.5)
    found = find_personas(features)
    check_result("personas", found.table)
    assert set(found.table["verdict"]) == {"natural"}
    assert len(found.table) == 4
    assert found.assignments["customer"].tolist() == features.index.tolist()
    assert adjusted_rand_score(group, found.assignments["persona"]) >= 0.95


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", [one_skewed_kind, one_normal_kind, one_counted_kind])
def test_one_population_is_not_called_natural(kind):
    verdicts = [find_personas(kind(seed), seed=seed).table["verdict"] for seed in range(4)]
    assert sum("natural" in set(verdict) for verdict in verdicts) == 0


@pytest.mark.usefixtures("quick")
def test_shoppers_of_four_kinds_are_told_apart_by_skewed_and_counted_features():
    """Adjusted Rand index of 0.75 or more at separation 1.2."""
    agreement = []
    for seed in range(3):
        features, group = shopping_groups(seed, separation=1.2)
        found = find_personas(features, seed=seed)
        assert set(found.table["verdict"]) == {"natural"}
        agreement.append(adjusted_rand_score(group, found.assignments["persona"]))
    assert np.mean(agreement) >= 0.75


def test_personas_are_found_alike_twice_and_in_time():
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(4, 10))
    centres *= 6 / np.linalg.norm(centres, axis=1, keepdims=True)
    points = centres[rng.integers(0, 4, 8000)] + rng.normal(size=(8000, 10))
    features = pd.DataFrame(points, columns=[f"f{i}" for i in range(10)])
    started = time.process_time()
    found = find_personas(features)
    seconds = time.process_time() - started
    again = find_personas(features)
    pd.testing.assert_frame_equal(found.table, again.table)
    pd.testing.assert_frame_equal(found.assignments, again.assignments)
    assert set(found.table["verdict"]) == {"natural"}
    assert seconds < 15  # about 6 on a slow core; threads that fight each other take minutes


@pytest.mark.usefixtures("quick")
def test_the_largest_persona_is_the_first_and_bears_the_name_given():
    features, _ = planted(1, apart=5.5)
    found = find_personas(features, names={1: "Regulars"})
    assert found.table["customers"].is_monotonic_decreasing
    assert found.table["name"].iloc[0] == "Regulars"
    assert (found.assignments["persona"] == "Regulars").sum() == found.table["customers"].iloc[0]
    assert found.table["share"].sum() == pytest.approx(1)
    assert found.choices.loc[found.choices["chosen"], "k"].tolist() == [4]


@pytest.mark.usefixtures("quick")
def test_each_persona_has_its_own_stability():
    found = find_personas(planted(2, apart=4)[0])
    chosen = found.choices[found.choices["chosen"]].iloc[0]
    assert found.table["stability"].mean() == pytest.approx(chosen["stability"])
    assert found.table["stability"].min() == pytest.approx(chosen["weakest"])
    assert chosen["weakest"] < chosen["stability"]


@pytest.mark.usefixtures("quick")
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


@pytest.mark.usefixtures("quick")
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


@pytest.mark.usefixtures("quick")
def test_an_unstable_client_has_one_row_that_says_so():
    rng = np.random.default_rng(4)
    blob = pd.DataFrame(rng.normal(size=(400, 8)), columns=list("abcdefgh"))
    found = find_personas(blob)
    check_result("personas", found.table)
    assert found.table["verdict"].tolist() == ["unstable"]
    assert "stable" in found.reason
    assert len(found.assignments) == 0


@pytest.mark.usefixtures("quick")
def test_the_customers_of_the_grouping_get_their_own_persona_back():
    features, _ = shopping_groups(3, separation=1.5, n=600)
    found = find_personas(features, names={1: "Fans"})
    assert found.centroids.columns.tolist() == CENTROIDS
    pd.testing.assert_frame_equal(
        assign_personas(features, found.centroids), found.assignments, check_dtype=False
    )


@pytest.mark.usefixtures("quick")
def test_new_customers_of_the_same_kinds_join_the_right_personas(tmp_path):
    features, group = shopping_groups(3, separation=1.8, n=600)
    found = find_personas(features)
    found.centroids.to_parquet(tmp_path / "centroids.parquet")
    fresh, kind = shopping_groups(4, separation=1.8, n=300)
    assigned = assign_personas(fresh, pd.read_parquet(tmp_path / "centroids.parquet"))
    names = pd.crosstab(group, found.assignments["persona"]).idxmax(axis=1)
    right = assigned["persona"].to_numpy() == names.reindex(kind).to_numpy()
    assert right.mean() > 0.95


@pytest.mark.usefixtures("quick")
def test_a_customer_of_whom_a_feature_is_unknown_counts_as_average_in_it():
    features, _ = planted(1, apart=5.5)
    centroids = find_personas(features).centroids
    unknown = pd.DataFrame(index=[7])
    assert len(assign_personas(unknown.assign(other=1.0), centroids)) == 1
    assert assign_personas(features[:0], centroids).empty


@pytest.mark.usefixtures("quick")
def test_the_profile_tells_medians_of_long_tails_and_means_of_counts():
    features, _ = shopping_groups(2, separation=1.8)
    found = find_personas(features)
    own = found.profile[found.profile["persona"] == found.table["name"].iloc[0]]
    people = found.assignments["persona"].to_numpy() == found.table["name"].iloc[0]
    told = own.set_index("feature")
    assert told.loc["money", "own"] == pytest.approx(features.loc[people, "money"].median())
    assert told.loc["frequency", "own"] == pytest.approx(features.loc[people, "frequency"].mean())
    assert told.loc["breadth", "everyone"] == pytest.approx(features["breadth"].mean())
    assert np.isnan(told.loc["channel:app", "own"])


@pytest.mark.usefixtures("quick")
def test_other_methods_are_asked_whether_they_agree():
    found = find_personas(planted(1, apart=6)[0])
    assert found.sensitivity["method"].tolist() == ["Gaussian mixture (BIC)", "Ward's tree"]
    assert found.sensitivity["agreement"].min() > 0.8


@pytest.mark.usefixtures("quick")
def test_channels_are_told_as_shares_so_that_names_never_contradict_them():
    features, _ = shopping_groups(2, separation=1.8)
    features["channel:web"] = -features["channel:app"]
    found = find_personas(features)
    told = found.profile[found.profile["feature"] == "channel:app"]
    share = 1 / (1 + np.exp(-2 * features["channel:app"]))
    assert told["everyone"].to_numpy() == pytest.approx(share.mean())
    assert (np.sign(told["value"]) == np.sign(told["own"] - told["everyone"])).all()
    assert not found.centroids.set_index("feature").loc["channel:web", "used"].any()
