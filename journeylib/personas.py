"""Who the customers are: groups found in what they do, and whether the groups are really there.

The verdict follows Dolnicar and Leisch: *natural* groups, *constructed* slices of a continuum, or
*unstable*, and then none is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from journeylib.log import DAY
from journeylib.ratios import plain_shares
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

FEWEST = 200
SAMPLE = 800
MOST_GROUPS = 8
NULLS, RESAMPLES = 29, 25
STABLE_MEAN, STABLE_MIN, STRUCTURE = 0.75, 0.60, 0.25
TELLING = 0.5
TRAITS: dict[str, tuple[str, str]] = {
    "recency": ("Lapsed", "Recent"),
    "frequency": ("Frequent", "Occasional"),
    "money": ("High-value", "Low-value"),
    "tenure": ("Long-standing", "New"),
    "breadth": ("Explorer", "Direct"),
}


@dataclass(frozen=True, slots=True)
class Personas:
    """Groups of customers, and how far they can be trusted.

    Attributes:
        table: The result table ``personas``.
        assignments: Columns ``customer`` and ``persona`` (its name); empty when unstable.
        profile: Columns ``persona, feature, value``: standard deviations from the average.
        choices: Columns ``k, value`` (silhouette), ``stability`` (mean Jaccard), ``chosen``.
        reason: Why there are no personas, or empty.
    """

    table: pd.DataFrame
    assignments: pd.DataFrame
    profile: pd.DataFrame
    choices: pd.DataFrame
    reason: str = ""


def describe_features(
    customers: pd.DataFrame, attributes: pd.DataFrame, *, end: int, wanted: Sequence[str] = ()
) -> pd.DataFrame:
    """Turn what customers did into comparable features; attributes serve where nothing was done.

    Args:
        customers: From ``journeys.describe_customers``; may be empty.
        attributes: One row per customer with ``customer`` and declared attributes.
        end: Last microsecond of the period.
        wanted: Names of the features to keep; none keeps all.

    Returns:
        Indexed by customer: log recency and tenure in days, log frequency, log mean money, breadth
        and channel shares as centred log-ratios; or numbers and one-hot levels of the attributes,
        scaled by 1/sqrt(2 × levels). Constant features are left out.
    """
    if len(customers) >= FEWEST:
        features = _behaviour(customers, end)
    else:
        features = _declared(attributes)
    if wanted:
        features = features[[name for name in features if _base(name) in wanted or name in wanted]]
    return features.loc[:, features.std() > 0]


def _base(name: str) -> str:
    return name.split(":", maxsplit=1)[0].split("=", maxsplit=1)[0]


def _behaviour(customers: pd.DataFrame, end: int) -> pd.DataFrame:
    orders = customers["orders"].clip(lower=1)
    bought = customers["orders"].sum() > 0
    features = pd.DataFrame(
        {
            "recency": np.log1p((end - customers["last"]) / DAY),
            "frequency": np.log1p(customers["orders"] if bought else customers["events"]),
            "money": np.log1p((customers["spent"] / orders).clip(lower=0)),
            "tenure": np.log1p((end - customers["first"]) / DAY),
            "breadth": np.log1p(customers["touchpoints"]),
        }
    )
    channels = [name for name in customers if name.startswith("channel:") and name != "channel:"]
    common = [name for name in channels if (customers[name] > 0).mean() >= 0.05]
    if len(common) > 1:
        logs = np.log(customers[common] + 0.5)
        features = features.join(logs.sub(logs.mean(axis=1), axis=0).iloc[:, :-1])
    return features.set_index(customers["customer"])


def _declared(attributes: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for name in attributes.columns.drop("customer", errors="ignore"):
        column = attributes[name]
        levels = column.nunique()
        if pd.api.types.is_numeric_dtype(column) and levels > 2:
            columns[name] = column.astype(float).fillna(column.median())
        elif 2 <= levels <= 8:
            for level in sorted(column.dropna().astype(str).unique()):
                own = (column.astype(str) == level).astype(float)
                columns[f"{name}={level}"] = own
    if "customer" not in attributes:
        return pd.DataFrame()
    return pd.DataFrame(columns).set_index(attributes["customer"])


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
        features: From ``describe_features``.
        k: How many groups; None chooses the largest number that is stable.
        min_share: Smallest share of customers a group may have.
        names: The analyst's own names, by group number (1 is the largest).
        seed: Seed of every random draw.
        confidence: Coverage of the intervals.

    Returns:
        The personas; without groups and with a reason where there are too few customers or no
        number of groups is stable (bootstrap Jaccard below 0.75 on average or 0.6 for one).

    References:
        Hennig (2007), Comput. Stat. Data Anal. 52:258-271; Hennig and Lin (2015), Stat. Comput.
        25:821-833; Kaufman and Rousseeuw (1990), silhouette 0.25.
    """
    if len(features) < FEWEST or features.shape[1] == 0:
        return _none(f"{len(features):,} customers with features; personas need {FEWEST}.")
    points = _scaled(features, seed)
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(points), min(SAMPLE, len(points)), replace=False)
    sample = points[np.sort(picked)]
    choices = _choices(sample, [k] if k else range(2, MOST_GROUPS + 1), rng, seed)
    good = choices[(choices["stability"] >= STABLE_MEAN) & (choices["weakest"] >= STABLE_MIN)]
    good = good[good["smallest"] >= min_share]
    if good.empty:
        return _none("no number of groups is stable when customers are drawn again.", choices)
    chosen = int(good["k"].iloc[-1])
    choices = choices.assign(chosen=choices["k"] == chosen)
    natural = _beats_null(features.iloc[np.sort(picked)], choices, rng, seed)
    labels = _ranked_labels(_fit(sample, chosen, seed).predict(points))
    return _describe(
        features, points, labels, choices, natural=natural, names=names or {}, confidence=confidence
    )


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
    return Personas(
        complete_result("personas", table),
        pd.DataFrame({"customer": np.array([], np.int64), "persona": np.array([], "str")}),
        pd.DataFrame(columns=["persona", "feature", "value"]),
        choices if choices is not None else pd.DataFrame(columns=["k", "value", "chosen"]),
        reason,
    )


def _scaled(features: pd.DataFrame, seed: int) -> NDArray[np.float64]:
    """Winsorise, spread lumps of whole numbers, and scale; one-hot levels share their weight."""
    rng = np.random.default_rng(seed)
    columns = []
    for name in features:
        values = features[name].to_numpy(float)
        if "=" in name:
            levels = sum(_base(other) == _base(name) for other in features)
            columns.append((values - values.mean()) / np.sqrt(2 * levels) / max(values.std(), 0.1))
            continue
        values = np.clip(values, *np.quantile(values, [0.01, 0.99]))
        steps = np.unique(values)
        if len(steps) < 30:
            values = values + rng.uniform(
                0, np.diff(steps).min() if len(steps) > 1 else 1, len(values)
            )
        columns.append((values - values.mean()) / (values.std() or 1))
    return np.stack(columns, axis=1)


def _fit(points: NDArray[np.float64], k: int, seed: int, starts: int = 20) -> KMeans:
    return KMeans(n_clusters=k, n_init=starts, random_state=seed).fit(points)


def _choices(
    sample: NDArray[np.float64], sizes: Sequence[int] | range, rng: np.random.Generator, seed: int
) -> pd.DataFrame:
    rows = []
    for k in sizes:
        labels = _fit(sample, k, seed).labels_
        overlap = _jaccard(sample, labels, k, rng, seed)
        share = np.bincount(labels, minlength=k).min() / len(labels)
        rows.append(
            (k, silhouette_score(sample, labels), overlap.mean(), overlap.min(), share, overlap)
        )
    columns = ["k", "value", "stability", "weakest", "smallest", "by_group"]
    return pd.DataFrame(rows, columns=columns).assign(chosen=False)


def _jaccard(
    sample: NDArray[np.float64],
    labels: NDArray[np.int64],
    k: int,
    rng: np.random.Generator,
    seed: int,
) -> NDArray[np.float64]:
    """Draw customers again, group them again, and see how much of each group comes back."""
    found = np.zeros((RESAMPLES, k))
    for draw in range(RESAMPLES):
        rows = np.unique(rng.integers(0, len(sample), len(sample)))
        again = _fit(sample[rows], k, seed, starts=3).labels_
        both = np.zeros((k, k))
        np.add.at(both, (labels[rows], again), 1)
        union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
        found[draw] = (both / union).max(axis=1)
    return found.mean(axis=0)


def _beats_null(
    features: pd.DataFrame, choices: pd.DataFrame, rng: np.random.Generator, seed: int
) -> bool:
    """Compare the silhouettes with those of ungrouped data of the same margins and correlation."""
    observed = choices.set_index("k")["value"]
    if observed[choices["chosen"].to_numpy()].iloc[0] < STRUCTURE:
        return False
    ranks = features.rank().to_numpy() / (len(features) + 1)
    correlation = np.corrcoef(stats.norm.ppf(ranks), rowvar=False)
    sorted_columns = np.sort(features.to_numpy(float), axis=0)
    nulls = np.zeros((NULLS, len(observed)))
    for draw in range(NULLS):
        normal = rng.multivariate_normal(
            np.zeros(len(correlation)), correlation, len(features), method="eigh"
        )
        place = (stats.norm.cdf(normal) * len(features)).astype(int).clip(0, len(features) - 1)
        made = pd.DataFrame(
            np.take_along_axis(sorted_columns, place, axis=0), columns=features.columns
        )
        points = _scaled(made, int(rng.integers(2**31)))
        for column, k in enumerate(observed.index):
            labels = _fit(points, int(k), seed, starts=3).labels_
            nulls[draw, column] = silhouette_score(points, labels)
    mean, spread = nulls.mean(axis=0), nulls.std(axis=0, ddof=1)
    z_null = ((nulls - mean) / spread).max(axis=1)
    z_seen = ((observed.to_numpy() - mean) / spread).max()
    return bool((1 + (z_null >= z_seen).sum()) / (NULLS + 1) <= 0.05)


def _ranked_labels(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number groups from 1 by size, so that names in the client file stay with their group."""
    order = np.argsort(-np.bincount(labels), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(1, len(order) + 1)
    return rank[labels]


def _describe(  # noqa: PLR0913
    features: pd.DataFrame,
    points: NDArray[np.float64],
    labels: NDArray[np.int64],
    choices: pd.DataFrame,
    *,
    natural: bool,
    names: Mapping[int, str],
    confidence: float,
) -> Personas:
    chosen = choices[choices["chosen"]].iloc[0]
    groups = range(1, int(chosen["k"]) + 1)
    apart = pd.DataFrame(points, columns=features.columns).groupby(labels).mean()
    sizes = np.bincount(labels)[1:]
    shares = plain_shares(sizes, np.full(len(sizes), len(labels)), confidence=confidence)
    traits = {group: _traits(apart.loc[group]) for group in groups}
    named = _unique({group: names.get(group) or _name(traits[group]) for group in groups})
    table = pd.DataFrame(
        {
            "persona": [str(group) for group in groups],
            "name": list(named.values()),
            "customers": sizes,
            "share": shares["value"],
            "stability": float(chosen["stability"]),
            "verdict": "natural" if natural else "constructed",
            "traits": [", ".join(traits[group]) for group in groups],
            "description": [_description(traits[group]) for group in groups],
        }
    )
    profile = apart.rename(index=named).rename_axis("persona").reset_index()
    profile = profile.melt("persona", var_name="feature", value_name="value")
    people = pd.Series(labels, index=features.index).map(named)
    assignments = pd.DataFrame(
        {"customer": features.index.to_numpy(), "persona": people.to_numpy()}
    )
    return Personas(
        complete_result("personas", pd.concat([table, shares], axis=1)),
        assignments,
        profile,
        choices.drop(columns="by_group"),
    )


def _traits(apart: pd.Series) -> list[str]:
    """Name the three features that set a group apart by half a standard deviation or more."""
    telling = apart[apart.abs() >= TELLING].sort_values(key=lambda d: -d.abs()).head(3)
    return [_trait(str(name), float(value)) for name, value in telling.items()]


def _trait(feature: str, value: float) -> str:
    if feature == "recency":
        return "Lapsed" if value > 0 else "Recent"
    if feature in TRAITS:
        return TRAITS[feature][0 if value > 0 else 1]
    if feature.startswith("channel:"):
        channel = feature.removeprefix("channel:")
        return f"{channel.capitalize()}-first" if value > 0 else f"Little {channel}"
    if "=" in feature:
        name, level = feature.split("=", maxsplit=1)
        return f"{name}: {level}" if value > 0 else f"{name}: not {level}"
    return f"High {feature}" if value > 0 else f"Low {feature}"


def _name(traits: list[str]) -> str:
    return " · ".join(traits) if traits else "Average"


def _unique(names: dict[int, str]) -> dict[int, str]:
    seen: dict[str, int] = {}
    unique = {}
    for group, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        unique[group] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return unique


def _description(traits: list[str]) -> str:
    if not traits:
        return "Close to the average customer in everything measured."
    return f"Set apart from the average customer by: {', '.join(traits).lower()}."
