"""What to try: one action per pain, ranked by what it could bring for its effort, with its test.

The order rests on guesses of effort and on uncertain effects, so it is drawn again many times with
both moved, and what stays on top is said. Nothing here says that an action will work; the test
beside it would.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.exposures import OPEN_DAYS, summarise_exposures
from journeylib.habits import clip_log
from journeylib.log import DAY
from journeylib.remedies import Remedy, choose_remedy
from journeylib.summaries import summarise_touches
from journeylib.tables import complete_result, is_everyone
from journeylib.testplans import LOOK_AHEAD, RELIEF, Setting, how_given, plan_test

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from journeylib.log import Log

    Floats = NDArray[np.float64]

DRAWS = 4000
TOP = 3
LOWEST_EFFORT, HIGHEST_EFFORT = 1, 5
# How far a figure can be trusted, by its grade: the steps of the RICE score (McBride 2016).
CONFIDENCE = {"A": 1.0, "B": 0.8, "C": 0.5, "D": 0.3}
DOUBT = 0.15
ANSWER_DAYS = 7
COUNTS = ["customers", "lately", "seen", "left", "followed", "followed_good"]
KEYS = ["touchpoint", "channel", "kind"]
PRICED = ["money_value", "money_low", "money_high", "affected_per_year"]
PLAN_COLUMNS = [
    "rank", "touchpoint", "channel", "metric", "unit", "baseline", "find", "design", "per_group",
    "per_day", "days_to_test", "detectable",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opportunities:
    """What could be done about the pains.

    Attributes:
        table: The result table ``opportunities``; behind its columns ``stage, touchpoint, channel,
            kind, unit, pattern, suggestion, why, reference, confidence, score, first`` and
            ``top3`` (how often it came first and among the first three when everything uncertain
            was moved), ``rank_low, rank_high`` (90 % of the ranks it took).
        plans: How each would be tested: metric, ``baseline`` and improvement to ``find`` in its
            ``unit``, design, customers ``per_group`` and ``per_day``, ``days_to_test``, and the
            smallest improvement that twelve weeks would find (``detectable``).
        priced: Whether money stands behind the order.
    """

    table: pd.DataFrame
    plans: pd.DataFrame
    priced: bool


def list_opportunities(
    pains: pd.DataFrame,
    priced: pd.DataFrame | None,
    *,
    log: Log,
    efforts: Mapping[str, float] | None = None,
    seed: int = 7,
) -> Opportunities:
    """Suggest an action for every pain, rank them, and plan the test of each.

    Args:
        pains: The result table ``pains``; rows of single personas are left out.
        priced: Columns ``touchpoint, channel, kind, money_value, money_low, money_high,
            affected_per_year``; None or empty where no pain has a price.
        log: The event log, for traffic and for what the metric is now.
        efforts: Effort by touchpoint where it is known better than the catalogue does, 1 to 5.
        seed: Seed of the draws.

    Returns:
        The opportunities. With prices they are ranked by money × confidence ÷ effort, those
        without a price behind; else by customers a year × size of the effect × confidence ÷ effort.
    """
    rows = _everyones(pains)
    if rows.empty:
        empty = complete_result("opportunities", pd.DataFrame())
        return Opportunities(empty, pd.DataFrame(columns=PLAN_COLUMNS), priced=False)
    rows = _priced(rows, priced)
    cells = _cells(log)
    rows = _place(rows, cells, log)
    remedies = [
        choose_remedy(str(row["kind"]), str(row["timing"]), str(row["touchpoint"]))
        for _, row in rows.iterrows()
    ]
    rows = _act(rows, remedies, efforts or {})
    with_money = bool(rows["money_value"].notna().any())
    rows = _rank(rows, with_money=with_money, seed=seed)
    plans = _plan(rows, log)
    rows["days_to_test"] = plans["days_to_test"].to_numpy()
    shown = [
        "stage", "touchpoint", "channel", "kind", "unit", "pattern", "suggestion", "why",
        "reference", "confidence", "score", "first", "top3", "rank_low", "rank_high",
    ]  # fmt: skip
    shown += [name for name in ("money_unit",) if name in rows]
    table = complete_result("opportunities", rows.astype({"rank": "int64"}))
    named = list(complete_result("opportunities", pd.DataFrame()).columns)
    return Opportunities(table[[*named, *shown]], plans, priced=with_money)


def _everyones(pains: pd.DataFrame) -> pd.DataFrame:
    if pains.empty:
        return pains
    own = pains[is_everyone(pains)]
    own = own.dropna(subset=["effect"]).reset_index(drop=True)
    return own.assign(channel=own["channel"].fillna("").astype(str))


def _priced(rows: pd.DataFrame, priced: pd.DataFrame | None) -> pd.DataFrame:
    """Put what each pain costs beside it; what a pain itself says of money stands in."""
    if priced is None or priced.empty:
        # A price whose trouble is not clear reaches below nothing: it is no reason to act first.
        clear = rows["verdict"] == "worse" if "verdict" in rows else pd.Series(True, rows.index)  # noqa: FBT003
        return rows.assign(**{name: _numbers(rows, name).where(clear) for name in PRICED})
    known = priced.assign(channel=priced["channel"].fillna("").astype(str))
    known = known.reindex(columns=[*KEYS, *PRICED]).drop_duplicates(KEYS)
    return rows.drop(columns=PRICED, errors="ignore").merge(known, on=KEYS, how="left")


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series:
    given = rows[name] if name in rows else pd.Series(np.nan, index=rows.index)
    return pd.to_numeric(given, errors="coerce").astype(float)


def _cells(log: Log) -> pd.DataFrame:
    """Count who met each touchpoint in each channel, and how it went on."""
    recent = clip_log(log, start=log.codes.end - LOOK_AHEAD * DAY, end=log.codes.end)
    summaries = (
        summarise(summarise_touches, log.readable),
        summarise(summarise_touches, recent.readable),
        summarise(summarise_exposures, log.readable),
    )
    met, lately, followed = (
        pd.DataFrame(columns=["touchpoint", "channel"]) if one is None else one.frame()
        for one in summaries
    )
    place = ["touchpoint", "channel"]
    counts = met.reindex(columns=[*place, "customers"])
    lately = lately.reindex(columns=[*place, "customers"]).rename(columns={"customers": "lately"})
    followed = followed.reindex(columns=[*place, *COUNTS[2:]])
    return counts.merge(lately, on=place, how="left").merge(followed, on=place, how="left")


def _place(rows: pd.DataFrame, cells: pd.DataFrame, log: Log) -> pd.DataFrame:
    """Put beside each pain who meets it, in its channel or, where it has none, in all of them."""
    busiest = cells.sort_values("customers", ascending=False, kind="stable")
    busiest = busiest.drop_duplicates("touchpoint").set_index("touchpoint")
    by_channel = cells.set_index(["touchpoint", "channel"])[COUNTS].fillna(0)
    everywhere = cells.groupby("touchpoint")[COUNTS].sum()
    timing = dict(zip(log.codes.touchpoints, log.codes.timing, strict=True))
    found = []
    for touchpoint, channel in rows[["touchpoint", "channel"]].itertuples(index=False):
        here = by_channel.reindex([(touchpoint, channel)]).iloc[0]
        if here.isna().all():
            here = everywhere.reindex([touchpoint]).iloc[0]
        usual = busiest["channel"].get(touchpoint, "")
        found.append((*here, timing.get(touchpoint, "post_purchase"), channel or usual))
    placed = pd.DataFrame(
        found, columns=["met", *COUNTS[1:], "timing", "usual_channel"], index=rows.index
    )
    return pd.concat([rows, placed], axis=1)


def _act(rows: pd.DataFrame, remedies: list[Remedy], efforts: Mapping[str, float]) -> pd.DataFrame:
    """Name the pain, what to do about it, whom it reaches and how far the figure can be trusted."""
    effort = [
        float(np.clip(efforts.get(name, own.effort), LOWEST_EFFORT, HIGHEST_EFFORT))
        for name, own in zip(rows["touchpoint"], remedies, strict=True)
    ]
    return rows.assign(
        pain=[_named(row) for _, row in rows.iterrows()],
        action=[one.action for one in remedies],
        suggestion=[
            one.suggestion.format(place=f"“{str(name).replace('_', ' ')}”")
            for name, one in zip(rows["touchpoint"], remedies, strict=True)
        ],
        pattern=[one.name for one in remedies],
        why=[one.why for one in remedies],
        reference=[one.reference for one in remedies],
        effort=np.rint(effort).astype(np.int64),
        reach=_reach(rows),
        confidence=rows["evidence"].map(CONFIDENCE).astype(float).fillna(CONFIDENCE["D"]),
    )


def _named(row: pd.Series) -> str:
    channel = f" ({row['channel']})" if row["channel"] else ""
    return f"{row['touchpoint']}{channel}: {row['kind']}"


def _reach(rows: pd.DataFrame) -> pd.Series:
    """Customers a year whom the pain concerns; of a loss before the purchase, all who come by."""
    early = _goes_on(rows) & rows["seen"].notna()
    concerned = rows["customers"].astype(float).where(~early, rows["seen"].astype(float))
    return rows["affected_per_year"].astype(float).fillna(concerned)


def _goes_on(rows: pd.DataFrame) -> pd.Series:
    """Tell losses among those who go on or not from losses of the outcome, which are rates."""
    followed = rows["source"].astype(str).str.contains("rate ratio", regex=False)
    return (rows["kind"] == "loss") & ~followed


def _rank(rows: pd.DataFrame, *, with_money: bool, seed: int) -> pd.DataFrame:
    """Rank, and see how the ranks move when effort, effect and confidence do."""
    rng = np.random.default_rng(seed)
    size = (DRAWS, len(rows))
    worth, drawn = _worth(rows, with_money=with_money), _draw_worth(rows, rng, with_money)
    effort, trust = rows["effort"].to_numpy(), rows["confidence"].to_numpy()
    moved = np.clip(effort + rng.integers(-1, 2, size), LOWEST_EFFORT, HIGHEST_EFFORT)
    trusted = np.clip(trust + rng.uniform(-DOUBT, DOUBT, size), 0.05, 1.0)
    score = worth * trust / effort
    # What has a price stands before what has none, in every draw.
    unpriced = rows["money_value"].isna().to_numpy() if with_money else np.zeros(len(rows), bool)
    places = _places(drawn * trusted / moved, unpriced)
    ranked = rows.assign(
        score=score,
        first=(places == 1).mean(axis=0),
        top3=(places <= TOP).mean(axis=0),
        rank_low=np.quantile(places, 0.05, axis=0, method="lower"),
        rank_high=np.quantile(places, 0.95, axis=0, method="higher"),
        rank=_places(score[None], unpriced)[0],
    )
    return ranked.sort_values("rank", ignore_index=True)


def _worth(rows: pd.DataFrame, *, with_money: bool) -> Floats:
    plain = rows["reach"] * rows["effect"].abs() * _scale(rows)
    worth = rows["money_value"].fillna(plain) if with_money else plain
    return np.asarray(worth.fillna(0.0), dtype=float)


def _scale(rows: pd.DataFrame) -> Floats:
    """A share runs over 1 and a tone over 2, so a tone counts half."""
    return np.where(rows["unit"] == "share", 1.0, 0.5)


def _draw_worth(rows: pd.DataFrame, rng: np.random.Generator, with_money: bool) -> Floats:  # noqa: FBT001
    """Draw the worth of each row from its interval, each side as wide as it is."""
    scale = np.asarray(rows["reach"].fillna(0.0), dtype=float) * _scale(rows)
    middle, low, high = (
        scale * -rows[name].astype(float).to_numpy() for name in ("effect", "high", "low")
    )
    if with_money:
        money = rows[["money_value", "money_low", "money_high"]].astype(float).to_numpy()
        known = ~np.isnan(money[:, 0])
        middle, low, high = (
            np.where(known, money[:, place], own) for place, own in enumerate((middle, low, high))
        )
    noise = rng.standard_normal((DRAWS, len(rows)))
    below, above = (np.nan_to_num(np.abs(end - middle)) / 1.96 for end in (low, high))
    return np.maximum(middle + noise * np.where(noise < 0, below, above), 0.0)


def _places(score: Floats, unpriced: NDArray[np.bool_]) -> NDArray[np.int64]:
    bounded = score / (1 + np.abs(score)) + np.where(unpriced, 0.0, 2.0)
    order = np.argsort(-bounded, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, score.shape[1] + 1)[None], axis=1)
    return places


# ---------------------------------------------------------------- the test of each


def _plan(rows: pd.DataFrame, log: Log) -> pd.DataFrame:
    days = max((log.codes.end - log.codes.start) / DAY, 1.0)
    lag = log.codes.follow / DAY
    plans = []
    for _, row in rows.assign(goes_on=_goes_on(rows)).iterrows():
        metric, setting = _setting(row, days, lag)
        plan = plan_test(setting)
        unit = "sentiment" if row["unit"] == "sentiment" else "share"
        plans.append(
            (
                row["rank"], row["touchpoint"], row["channel"], metric, unit, setting.baseline,
                setting.find, plan.design, plan.per_group, setting.per_day, plan.days,
                plan.detectable,
            )
        )  # fmt: skip
    return pd.DataFrame(plans, columns=PLAN_COLUMNS)


def _setting(row: pd.Series, days: float, lag: float) -> tuple[str, Setting]:
    """Say what would be measured at a pain, how it stands, and how much better it could be."""
    given = how_given(str(row["usual_channel"]))
    find = RELIEF * abs(float(row["effect"]))
    if row["unit"] == "sentiment":
        answers = float(row["customers"])
        spread = _spread_of_tone(row)
        setting = Setting(spread, math.nan, find, answers / days, given, ANSWER_DAYS)
        return "mean tone of those who answer", setting
    if row["goes_on"]:
        base = 1 - row["left"] / row["seen"] if row["seen"] else math.nan
        metric, wait = "share that goes on", float(OPEN_DAYS)
    else:
        base = row["followed_good"] / row["followed"] if row["followed"] else math.nan
        metric, wait = "share with the outcome, of all who meet it", lag
        # Who will be slow or come back is not known beforehand: all who meet it are tested.
        concerned = row["customers"] / row["met"] if row["kind"] in {"delay", "repeat"} else 1.0
        find *= min(float(concerned), 1.0)
    base = float(np.clip(base, 0.005, 0.995))
    spread = math.sqrt(base * (1 - base))
    return metric, Setting(spread, base, find, float(row["lately"]) / LOOK_AHEAD, given, wait)


def _spread_of_tone(row: pd.Series) -> float:
    """Standard deviation of customers' tones, from the width of the interval of the difference."""
    error = (float(row["high"]) - float(row["low"])) / (2 * 1.96)
    one, other = float(row["customers"]), float(row["n"]) - float(row["customers"])
    if not (one > 0 and other > 0):
        return 0.6
    return error / math.sqrt(1 / one + 1 / other)
