"""Who the customers are: groups found in what they do, and whether the groups are really there.

The verdict follows Dolnicar and Leisch: *natural* groups, *constructed* slices of a continuum, or
*unstable*, and then none is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn import config_context
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from journeylib.clusters import (
    CHOICES,
    MOST_GROUPS,
    STRUCTURE,
    Structure,
    choose_number,
    compare_methods,
    fit_groups,
    judge_structure,
    try_numbers,
)
from journeylib.features import FEWEST, rarest_channel
from journeylib.ratios import plain_shares
from journeylib.scaling import SCALE_COLUMNS, fit_scale, scale_features
from journeylib.tables import complete_result
from journeylib.traits import describe_group, find_traits, name_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FEWEST_PER_FEATURE, SMALLEST = 20, 50
SAMPLE = 800
TAILED = ("recency", "tenure", "money")
CENTROIDS = ["persona", "centre", "used", *SCALE_COLUMNS]


@dataclass(frozen=True, slots=True)
class Personas:
    """Groups of customers, and how far they can be trusted.

    Attributes:
        table: The result table ``personas``.
        assignments: Columns ``customer`` and ``persona`` (its name); empty when unstable.
        profile: Columns ``persona, feature, value`` (standard deviations from the average), ``own``
            and ``everyone`` (of the persona and of all, in natural units: medians of times and
            money, else means; missing for a single channel).
        choices: Columns ``k, value`` (silhouette), ``stability`` (mean Jaccard), ``weakest`` (least
            Jaccard), ``smallest`` (share of the smallest group), ``chosen``.
        centroids: Where the personas lie, and the scale: what ``assign_personas`` needs.
        sensitivity: From ``clusters.compare_methods``: whether other methods agree.
        structure: How the groups compare with data without groups; its numbers are missing where
            the silhouette alone denies structure.
        reason: Why there are no personas, or empty.
    """

    table: pd.DataFrame
    assignments: pd.DataFrame
    profile: pd.DataFrame
    choices: pd.DataFrame
    centroids: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CENTROIDS))
    sensitivity: pd.DataFrame = field(default_factory=pd.DataFrame)
    structure: Structure = field(default_factory=Structure)
    reason: str = ""


def find_personas(
    features: pd.DataFrame,
    *,
    k: int | None = None,
    min_share: float = 0.05,
    names: Mapping[int, str] | None = None,
    seed: int = 7,
    confidence: float = 0.95,
) -> Personas:
    """Look for groups of customers and judge whether they are there.

    Args:
        features: From ``features.describe_features``, in natural units.
        k: How many groups; None chooses the largest number that is stable without slicing a group.
        min_share: Smallest share of customers a group may have; never fewer than 50 customers.
        names: The analyst's own names, by group number (1 is the largest).
        seed: Seed of every random draw.
        confidence: Coverage of the intervals.

    Returns:
        The personas; without groups and with a reason where there are too few customers or no
        number of groups is stable (bootstrap Jaccard below 0.75 on average or 0.6 for one).
        *natural* means a silhouette of 0.25 or more, and clearly more than ungrouped data shows
        whose features vary and hang together alike; so groups that a single two-humped feature
        would show by itself stay *constructed*. The verdict is reached on 800 customers at the
        most; everybody then joins the nearest centroid.

    References:
        Dolnicar and Leisch (2010), Marketing Letters 21:83-101; Hennig (2007), Comput. Stat. Data
        Anal. 52:258-271; Hennig and Lin (2015), Stat. Comput. 25:821-833; Kaufman and Rousseeuw
        (1990), silhouette 0.25.
    """
    used = features.drop(columns=[rarest_channel(features)], errors="ignore")
    needed = customers_needed(used)
    if len(used) < needed or used.shape[1] == 0:
        return _none(f"{len(used):,} customers with features; personas need {needed:,}.")
    # Problems of this size lose more time on handing work to threads, and on looking at it, than
    # they gain.
    with threadpool_limits(limits=1), config_context(assume_finite=True):
        return _judge(features, used, k, max(min_share, SMALLEST / len(used)), names or {},
                      _Options(seed, confidence))  # fmt: skip


def customers_needed(features: pd.DataFrame) -> int:
    """Say how many customers personas need: 200, and 20 a feature."""
    return max(FEWEST, FEWEST_PER_FEATURE * features.shape[1])


@dataclass(frozen=True, slots=True)
class _Options:
    seed: int
    confidence: float


def _judge(
    features: pd.DataFrame,
    used: pd.DataFrame,
    k: int | None,
    smallest: float,
    names: Mapping[int, str],
    options: _Options,
) -> Personas:
    rng, seed = np.random.default_rng(options.seed), options.seed
    picked = np.sort(rng.choice(len(used), min(SAMPLE, len(used)), replace=False))
    scale = fit_scale(used, rng=rng)
    sample = scale_features(used.iloc[picked], scale, rng=rng).to_numpy()
    sizes = [k] if k else list(range(2, MOST_GROUPS + 1))
    choices = try_numbers(sample, sizes, seed=seed)
    chosen = choose_number(choices, smallest)
    choices["chosen"] = choices["k"] == (chosen or 0)
    if chosen is None:
        return _none("no number of groups is stable when customers are drawn again.", choices)
    structure = Structure()
    if float(choices.loc[choices["chosen"], "value"].iloc[0]) >= STRUCTURE:
        structure = judge_structure(used.iloc[picked], choices, k=chosen, seed=seed)
    groups = fit_groups(sample, chosen, seed=seed)
    sensitivity = compare_methods(sample, groups.labels_, chosen, seed=seed)
    verdict = "natural" if structure.stands_apart else "constructed"
    found = _describe(features, scale, groups.cluster_centers_, choices, names, options)
    table = found.table.assign(verdict=verdict)
    return Personas(
        table, found.assignments, found.profile, choices.drop(columns="by_group"), found.centroids,
        sensitivity, structure,
    )  # fmt: skip


def _none(reason: str, choices: pd.DataFrame | None = None) -> Personas:
    table = pd.DataFrame()
    if choices is not None:
        everyone = {
            "persona": "all",
            "name": "Everyone",
            "verdict": "unstable",
            "description": reason,
        }
        table = pd.DataFrame([everyone])
    if choices is None:
        choices = pd.DataFrame(columns=[*CHOICES, "chosen"])
    return Personas(
        complete_result("personas", table),
        pd.DataFrame({"customer": np.array([], np.int64), "persona": np.array([], "str")}),
        pd.DataFrame(columns=["persona", "feature", "value", "own", "everyone"]),
        choices.drop(columns="by_group"),
        reason=reason,
    )


def _describe(
    features: pd.DataFrame,
    scale: pd.DataFrame,
    centres: NDArray[np.float64],
    choices: pd.DataFrame,
    names: Mapping[int, str],
    options: _Options,
) -> Personas:
    chosen = choices[choices["chosen"]].iloc[0]
    labels = cdist(scale_features(features, scale).to_numpy(), centres).argmin(axis=1)
    # Numbered from 1 by size, so that names in the client file stay with their group.
    order = np.argsort(-np.bincount(labels, minlength=len(centres)), kind="stable")
    labels = np.argsort(order)[labels] + 1
    told = _with_shares(features)
    whole = fit_scale(told)
    apart = scale_features(told, whole.assign(weight=1.0)).groupby(labels).mean()
    apart = apart.reindex(range(1, len(order) + 1)).fillna(0.0)
    leading = _leading_channels(features, labels)
    traits = {g: find_traits(apart.loc[g], leading=leading.get(g, "")) for g in apart.index}
    named = name_groups({g: names.get(g) or "" for g in apart.index}, traits)
    people = pd.Series(labels).map(named).astype("str")
    table = size_groups(people, list(named.values()), confidence=options.confidence).assign(
        stability=np.asarray(chosen["by_group"])[order],
        traits=[", ".join(own) for own in traits.values()],
        description=[describe_group(apart.loc[g], traits[g]) for g in apart.index],
    )
    return Personas(
        complete_result("personas", table),
        pd.DataFrame({"customer": features.index.to_numpy(), "persona": people}),
        _profile(told, apart, labels, named),
        choices,
        _centroids(scale, whole, centres[order], list(named.values())),
    )


def _with_shares(features: pd.DataFrame) -> pd.DataFrame:
    """Turn log-ratios of channels back into shares: a reader knows what half of the contacts is."""
    channels = [str(name) for name in features if str(name).startswith("channel:")]
    if len(channels) < 2:
        return features
    parts = features[channels].transform("exp")
    return features.assign(**parts.div(parts.sum(axis=1), axis=0))


def _leading_channels(features: pd.DataFrame, labels: NDArray[np.int64]) -> dict[int, str]:
    channels = [str(name) for name in features if str(name).startswith("channel:")]
    if not channels:
        return {}
    most = features[channels].groupby(labels).mean().idxmax(axis=1)
    return dict(zip(most.index.astype(int).tolist(), most.astype(str).tolist(), strict=True))


def size_groups(people: pd.Series, names: list[str], *, confidence: float) -> pd.DataFrame:
    """Count the customers of each persona.

    Args:
        people: Name of each customer's persona.
        names: The personas, in their order.
        confidence: Coverage of the intervals.

    Returns:
        ``persona`` (number as text), ``name, customers, share`` and the six columns of an estimate.
    """
    sizes = people.value_counts().reindex(names, fill_value=0).to_numpy()
    shares = plain_shares(sizes, np.full(len(names), len(people)), confidence=confidence)
    number = [str(place) for place in range(1, len(names) + 1)]
    return shares.assign(persona=number, name=names, customers=sizes, share=shares["value"])


def _profile(
    features: pd.DataFrame,
    apart: pd.DataFrame,
    labels: NDArray[np.int64],
    named: Mapping[int, str],
) -> pd.DataFrame:
    channels = [str(name) for name in features if str(name).startswith("channel:")]
    # Medians of long tails; means of counts, whose medians are the same for nearly all.
    tailed = [str(name) for name in features if str(name) in TAILED]
    own = features.groupby(labels).mean()
    own[tailed] = features[tailed].groupby(labels).median()
    own = own.reindex(apart.index)
    everyone = features.mean()
    everyone[tailed] = features[tailed].median()
    if len(channels) < 2:
        own[channels], everyone[channels] = np.nan, np.nan
    parts = {"value": apart, "own": own}
    long = [
        frame.rename(index=named).rename_axis("persona").reset_index().melt(
            "persona", var_name="feature", value_name=name
        )
        for name, frame in parts.items()
    ]  # fmt: skip
    profile = long[0].merge(long[1], on=["persona", "feature"], validate="1:1")
    return profile.assign(everyone=profile["feature"].map(everyone))


def _centroids(
    scale: pd.DataFrame, whole: pd.DataFrame, centres: NDArray[np.float64], names: list[str]
) -> pd.DataFrame:
    """Lay the centroids out with the scale: a row per persona and feature, those aside too."""
    aside = whole[~whole["feature"].isin(scale["feature"])]
    rows = []
    for name, centre in zip(names, centres, strict=True):
        rows.append(scale.assign(persona=name, centre=centre, used=True))
        rows.append(aside.assign(persona=name, centre=0.0, used=False))
    return pd.concat([row for row in rows if len(row)], ignore_index=True)[CENTROIDS]


def assign_personas(features: pd.DataFrame, centroids: pd.DataFrame) -> pd.DataFrame:
    """Give customers the persona whose centroid is nearest; nothing is grouped again.

    Args:
        features: From ``features.describe_features`` with ``like`` set to the features of the
            centroids: of other customers, or of a later period.
        centroids: ``Personas.centroids``.

    Returns:
        Columns ``customer`` and ``persona``; the customers of the grouping itself get back theirs.
    """
    if centroids.empty or features.empty:
        return pd.DataFrame({"customer": np.array([], np.int64), "persona": np.array([], "str")})
    used = centroids[centroids["used"].astype(bool)]
    names = used["persona"].drop_duplicates().to_list()
    own = used[used["persona"] == names[0]]
    table = used.pivot_table(index="persona", columns="feature", values="centre", observed=True)
    centres = table.reindex(index=names, columns=own["feature"]).to_numpy()
    points = scale_features(features, own[SCALE_COLUMNS]).to_numpy()
    nearest = cdist(points, centres).argmin(axis=1)
    people = pd.Series(np.array(names, dtype=object)[nearest]).astype("str")
    return pd.DataFrame({"customer": features.index.to_numpy(), "persona": people})
