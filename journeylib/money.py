"""What the troubles cost: customers affected a year × outcomes lost by it × what one is worth.

All clear troubles stand in one model, so that none is charged for another. Coefficients, customers
and the worth of an outcome are drawn together, and Shapley's shares make the parts add up. Nothing
here says that money would come back: these are associations, carried on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from journeylib.association import FEWEST_EXPOSED
from journeylib.cases import FEWEST_EVENTS
from journeylib.comparisons import RATES
from journeylib.landmarks import EVERY_CHANNEL
from journeylib.ledgers import CHUNK, Ledger, open_ledgers
from journeylib.tables import is_everyone
from journeylib.worth import Terms, value_outcome

if TYPE_CHECKING:
    from journeylib.landmarks import Landmarked
    from journeylib.log import Floats
    from journeylib.worth import Worth

DRAWS, TOP = 1000, 3
MOST_PRICED = 12
RELIEFS = (0.10, 0.25, 0.50)
SOURCE = (
    "joint logistic model, Shapley shares; 95 % and 80 % from joint draws of coefficients, "
    "customers and value"
)
PLAIN = "its plain difference, not adjusted; 95 % and 80 % from draws of it, customers and value"
ALONE = "its own adjusted difference; 95 % and 80 % from draws of it, customers and value"
PRICED = [
    "exposure", "stage", "touchpoint", "channel", "persona", "kind", "phase", "affected_per_year",
    "lost_per_year", "value_per_customer", "money_value", "money_low", "money_high", "money_low80",
    "money_high80", "money_alone", "top3_probability", "evidence", "unit", "source",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Priced:
    """What the clear troubles cost a year.

    Attributes:
        pains: One row per priced trouble, the dearest first. ``money_value`` with ``money_low,
            money_high`` (95 %) and ``money_low80, money_high80``; the rows add up to ``total``.
            ``money_alone`` is what would be gained were it the only one taken away;
            ``top3_probability`` the share of draws in which it is among the three dearest.
        total: One row: the same money for all together.
        scenarios: One row per trouble, and for all, with a tenth, a quarter and half relieved.
        draws: One row per draw, one column per row of ``pains``: money.
        doubtful: As ``pains``, for listed pain points that do not clearly go along with a worse
            outcome: each priced alone, no part of the total; their intervals reach below nothing.
        reason: Why there is no money, or empty.
    """

    pains: pd.DataFrame
    total: pd.DataFrame
    scenarios: pd.DataFrame
    draws: Floats
    doubtful: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PRICED))
    reason: str = ""


def price_pains(
    landmarked: Landmarked,
    associated: pd.DataFrame,
    *,
    listed: pd.DataFrame | None = None,
    terms: Terms | None = None,
    draws: int = DRAWS,
    seed: int = 7,
) -> Priced:
    """Price every trouble that clearly goes along with a worse outcome.

    Args:
        landmarked: From ``landmarks.follow_exposures``.
        associated: From ``association.associate``; rows with the verdict ``worse`` are priced,
            twelve at the most, those that cost most outcomes first.
        listed: The result table ``pains``: those of its rows that are not clear are priced alone.
        terms: How the client counts money.
        draws: How often coefficients, customers and value are drawn.
        seed: Seed of the draws.

    Returns:
        The money, a year. Without a price the outcomes lost still stand in ``lost_per_year``, the
        money is missing, and ``reason`` says why.

    References:
        Shapley (1953), Contributions to the Theory of Games II:307-317; King, Tomz and Wittenberg
        (2000), American Journal of Political Science 44:347-361 (drawing coefficients).
    """
    terms = terms or Terms()
    clear, unclear = _choose(associated), _choose_unclear(landmarked, associated, listed)
    priced = _price_clear(landmarked, clear, terms, draws, seed)
    if unclear.empty:
        return priced
    return replace(priced, doubtful=_price_alone(landmarked, unclear, terms, draws, seed))


def _price_clear(
    landmarked: Landmarked, clear: pd.DataFrame, terms: Terms, draws: int, seed: int
) -> Priced:
    if clear.empty:
        return _nothing("no trouble clearly goes along with a worse outcome.")
    with threadpool_limits(limits=1):
        ledgers = open_ledgers(landmarked, clear)
    worths = {phase: value_outcome(landmarked, phase, terms) for phase in clear["phase"].unique()}
    kept = np.array([book for ledger in ledgers for book in ledger.members])
    rows = clear.iloc[kept].reset_index(drop=True)
    lost, alone = _at_best(ledgers)
    worth = np.array([worths[phase].value for phase in rows["phase"]])
    drawn = _draw(landmarked, ledgers, [worths[one.phase] for one in ledgers], draws, seed)
    found = rows.assign(lost_per_year=lost, value_per_customer=worth, money_value=lost * worth,
                        money_alone=alone * worth)  # fmt: skip
    return _report(found, drawn, unit=terms.currency, reason=_why(worths))


def _choose(associated: pd.DataFrame) -> pd.DataFrame:
    worse = associated[associated["verdict"] == "worse"]
    # What is clear in one channel is not charged once more for all of them.
    joined = worse["channel"] == EVERY_CHANNEL
    key = worse[["touchpoint", "kind", "phase"]].to_numpy()
    place = pd.Series(["\n".join(map(str, one)) for one in key], index=worse.index, dtype="str")
    worse = worse[~(joined & place.isin(place[~joined]))]
    cost = worse["value"].astype(float).abs() * worse["affected_per_year"].astype(float)
    return worse.loc[cost.sort_values(ascending=False).index].head(MOST_PRICED)


def _choose_unclear(
    landmarked: Landmarked, associated: pd.DataFrame, listed: pd.DataFrame | None
) -> pd.DataFrame:
    """Find listed pain points whose outcome is not told apart, or could not be adjusted."""
    if listed is None or listed.empty or associated.empty:
        return associated[:0]
    own = listed[is_everyone(listed)]
    wanted = own[["touchpoint", "channel", "kind"]].fillna("").drop_duplicates()
    both = pd.concat([wanted, wanted.assign(channel=EVERY_CHANNEL)]).drop_duplicates()
    found = associated.merge(both, on=["touchpoint", "channel", "kind"])
    place = [found["touchpoint"], found["kind"]]
    measured = (found["verdict"] != "refused").groupby(place).transform("any")
    settled = (found["verdict"] == "worse").groupby(place).transform("any")
    unclear = found[~settled & (found["verdict"] == "not told apart")].assign(source=ALONE)
    plain = _as_compared(landmarked, found[~measured], own)
    return pd.concat([part for part in (unclear, plain) if len(part)] or [unclear])


def _as_compared(
    landmarked: Landmarked, refused: pd.DataFrame, listed: pd.DataFrame
) -> pd.DataFrame:
    """Take the plain difference of what too few met to be adjusted, where it is of the outcome.

    A loss on the way to the purchase is a difference in who goes on, unless to buy is the outcome.
    What nearly everybody passes stays without a price: there is nobody to compare them with.
    """
    few = (refused["exposed"] < FEWEST_EXPOSED) | (refused["events"] < FEWEST_EVENTS)
    refused = refused[few & (refused["way"] != "station")]
    outcome = listed["kind"].isin(["delay", "repeat"]) | (listed["source"] == RATES)
    outcome |= (listed["kind"] == "loss") & (landmarked.outcome == "conversion")
    place = ["touchpoint", "channel", "kind"]
    plain = listed[outcome & (listed["unit"] == "share")][[*place, "value", "low", "high"]]
    blank = refused.drop(columns=["value", "low", "high"])
    return blank.merge(plain, on=place).assign(source=PLAIN)


def _price_alone(
    landmarked: Landmarked, rows: pd.DataFrame, terms: Terms, draws: int, seed: int
) -> pd.DataFrame:
    """Price troubles one by one, each by its own difference and not by the joint model."""
    rng, people = np.random.default_rng(seed), int(landmarked.rows["owner"].max()) + 1
    error = (rows["high"] - rows["low"]).to_numpy(float) / (2 * stats.norm.ppf(0.975))
    lost = -rows["value"].to_numpy(float) * rows["affected_per_year"].to_numpy(float)
    worths = {phase: value_outcome(landmarked, phase, terms) for phase in rows["phase"].unique()}
    worth = np.array([worths[phase].value for phase in rows["phase"]])
    moved = rng.normal(size=(draws, len(rows))) * error * rows["affected_per_year"].to_numpy(float)
    drawn = []
    for start in range(0, draws, CHUNK):
        weights = rng.poisson(1.0, (min(CHUNK, draws - start), people)).astype(float)
        again = {phase: one.again(weights) for phase, one in worths.items()}
        drawn.append(np.stack([again[phase] for phase in rows["phase"]], axis=1))
    table = rows.assign(lost_per_year=lost, value_per_customer=worth, money_value=lost * worth,
                        money_alone=lost * worth, top3_probability=np.nan, unit=terms.currency,
                        **_ends((lost + moved) * np.concatenate(drawn)))  # fmt: skip
    return table.reindex(columns=PRICED).reset_index(drop=True)


def _nothing(reason: str) -> Priced:
    money = pd.DataFrame(columns=PRICED)
    scenarios = pd.DataFrame(columns=["touchpoint", "channel", "kind", "relief", *PRICED[10:15]])
    return Priced(money, money.copy(), scenarios, np.zeros((0, 0)), reason=reason)


def _why(worths: dict[str, Worth]) -> str:
    reasons = {worth.reason for worth in worths.values() if worth.reason}
    return "No money is stated: " + " ".join(sorted(reasons)) if reasons else ""


def _at_best(ledgers: list[Ledger]) -> tuple[Floats, Floats]:
    """Give the outcomes lost a year by the fit itself: shared out, and each alone."""
    shared, alone = [], []
    for ledger in ledgers:
        beta, weights = ledger.fit.beta[None], np.ones((1, ledger.customers))
        shared.append(ledger.lost(beta, weights)[0])
        alone.append(ledger.lost_alone())
    return np.concatenate(shared), np.concatenate(alone)


def _draw(
    landmarked: Landmarked, ledgers: list[Ledger], worths: list[Worth], draws: int, seed: int
) -> Floats:
    """Draw customers, coefficients and worth together, so many times."""
    rng = np.random.default_rng(seed)
    people = int(landmarked.rows["owner"].max()) + 1
    parts = []
    for start in range(0, draws, CHUNK):
        size = min(CHUNK, draws - start)
        weights = rng.poisson(1.0, (size, people)).astype(float)
        columns = [
            ledger.lost(ledger.draw(size, rng), weights) * worth.again(weights)[:, None]
            for ledger, worth in zip(ledgers, worths, strict=True)
        ]
        parts.append(np.concatenate(columns, axis=1))
    return np.concatenate(parts)


def _report(rows: pd.DataFrame, drawn: Floats, *, unit: str, reason: str) -> Priced:
    table = rows.assign(
        unit=unit,
        source=SOURCE,
        **_ends(drawn),
        top3_probability=_among_top(drawn),
    ).reindex(columns=PRICED)
    dear = table["money_value"].fillna(table["lost_per_year"]).to_numpy(dtype=float)
    order = np.argsort(-dear, kind="stable")
    table, drawn = table.iloc[order].reset_index(drop=True), drawn[:, order]
    whole = drawn.sum(axis=1, keepdims=True)
    total = pd.DataFrame(
        {
            "lost_per_year": [float(table["lost_per_year"].sum())],
            "money_value": [float(table["money_value"].sum(skipna=False))],
            **_ends(whole),
            "unit": unit,
            "source": SOURCE,
        }
    )
    return Priced(table, total, _relieve(table, total), drawn, reason=reason)


def _ends(drawn: Floats) -> dict[str, Floats]:
    shares = {"money_low": 0.025, "money_high": 0.975, "money_low80": 0.1, "money_high80": 0.9}
    return {name: np.quantile(drawn, share, axis=0) for name, share in shares.items()}


def _among_top(drawn: Floats) -> Floats:
    """Share of draws in which each column is among the three largest."""
    if np.isnan(drawn).any():
        return np.full(drawn.shape[1], np.nan)
    place = stats.rankdata(-drawn, axis=1, method="ordinal")
    return np.asarray((place <= TOP).mean(axis=0), dtype=np.float64)


def _relieve(table: pd.DataFrame, total: pd.DataFrame) -> pd.DataFrame:
    """Say what it is worth to spare some of the customers who are affected."""
    named = total.assign(touchpoint="all", channel="all", kind="all")
    columns = ["lost_per_year", "money_value", "money_low", "money_high", "money_low80",
               "money_high80"]  # fmt: skip
    both = pd.concat([named, table], ignore_index=True)
    parts = []
    for relief in RELIEFS:
        part = both[["touchpoint", "channel", "kind"]].assign(relief=relief, unit=both["unit"])
        parts.append(part.join(both[columns].astype(float) * relief))
    return pd.concat(parts, ignore_index=True)
