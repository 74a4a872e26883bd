"""How the top pains move when the analysis is set up otherwise: some twenty reasonable choices.

Every choice runs the same comparison and the same ranking. A pain that stays does not rest on how
the analysis was set up; it may still rest on the data. Simonsohn, Simmons & Nelson (2020),
"Specification curve analysis", Nature Human Behaviour 4:1208-1214.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.log import DAY
from journeylib.pains import compare_touchpoints, rank_pains
from journeylib.recuts import HeldLog, hold_log
from journeylib.tables import is_everyone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

MOST_CUSTOMERS = 50_000
TOP = 5
BASE = "as analysed"
SHORTEST_FOLLOW, LONGEST_FOLLOW_SHARE = 14 * DAY, 0.5
BUSIEST = 0.99
OTHER_MODELS = {"five": ("awareness", "consideration", "decision", "retention", "advocacy"),
                "race": ("reach", "act", "convert", "engage")}  # fmt: skip
KEYS = ["touchpoint", "channel", "kind"]
COLUMNS = [
    "choice", "about", "touchpoint", "channel", "kind", "base_rank", "rank", "listed", "value",
    "low", "high", "n", "unit", "customers", "note",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Basis:
    """How the analysis itself was set up.

    Attributes:
        min_customers: Fewest customers in each group compared.
        fdr: False discovery rate that is accepted.
        exclude: Touchpoints that are left out.
        confidence: Coverage of the intervals.
        suspects: Codes of customers who act like machines.
        special: First and last microsecond of each holiday, promotion and outage.
        seed: Seed of the halves and of the sample.
    """

    min_customers: int = 30
    fdr: float = 0.10
    exclude: tuple[str, ...] = ()
    confidence: float = 0.95
    suspects: tuple[int, ...] = ()
    special: tuple[tuple[int, int], ...] = ()
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to set the analysis up.

    Attributes:
        name: What is done otherwise.
        about: What the choice is about, such as ``period``.
        log: The log as it is seen then.
        min_customers: Fewest customers in each group compared.
        period: Whether answers outside the log's period are left out.
        drop: Customers whose answers are left out.
    """

    name: str
    about: str
    log: HeldLog
    min_customers: int
    period: bool = False
    drop: NDArray[np.int64] | None = None


def check_robustness(
    log: object,
    voices: pd.DataFrame,
    basis: Basis,
    *,
    top: int = TOP,
    others: Mapping[str, tuple[object, pd.DataFrame]] | None = None,
) -> pd.DataFrame:
    """Rank the pains again under every choice, and follow those that lead as analysed.

    Args:
        log: The event log.
        voices: What customers said.
        basis: How the analysis was set up.
        top: How many pains are followed.
        others: Further logs with their voices, by what was done otherwise when they were built,
            such as identity by customer id alone.

    Returns:
        One row per choice and pain that leads as analysed: ``rank`` among the pains of that choice
        (missing where it is not listed), ``listed``, its effect with interval (missing where it
        could not be compared) and ``customers`` concerned. ``about`` groups the choices, ``note``
        tells of a sample. Empty where nothing hurts as analysed.
    """
    held = hold_log(log, most=MOST_CUSTOMERS, seed=basis.seed)  # type: ignore[arg-type]
    choices = list(list_choices(held, basis))
    for name, (other, _) in (others or {}).items():
        again = hold_log(other, most=MOST_CUSTOMERS, seed=basis.seed)  # type: ignore[arg-type]
        choices.append(Choice(name, "identity", again, basis.min_customers))
    spoken = {"identity": {name: said for name, (_, said) in (others or {}).items()}}
    first, *rest = choices
    base, compared = _run(first, voices, basis)
    leading = base.head(top)
    if leading.empty:
        return pd.DataFrame(columns=COLUMNS)
    parts = [_follow(first, leading, base, compared)]
    for choice in rest:
        said = spoken.get(choice.about, {}).get(choice.name, voices)
        ranked, every = _run(choice, said, basis)
        parts.append(_follow(choice, leading, ranked, every))
    people, kept = held.left
    note = "" if kept == people else f"a random {kept:,} of {people:,} customers"
    return pd.concat(parts, ignore_index=True).assign(note=note).reindex(columns=COLUMNS)


def list_choices(held: HeldLog, basis: Basis) -> Iterator[Choice]:
    """Name the ways to set the analysis up, the one that was used first.

    Args:
        held: The log in memory.
        basis: How the analysis was set up.
    """
    fewest = basis.min_customers
    yield Choice(BASE, "base", held, fewest)
    yield from _windows(held, fewest)
    yield from _journeys(held, fewest)
    yield Choice("half as many customers are enough", "least", held, max(2, fewest // 2))
    yield Choice("twice as many customers are needed", "least", held, 2 * fewest)
    yield from _periods(held, fewest)
    yield from _stage_models(held, fewest)
    yield from _people(held, basis)
    yield from _days(held, basis)


def _windows(held: HeldLog, fewest: int) -> Iterator[Choice]:
    follow, span = held.codes.follow, held.codes.end - held.codes.start
    for factor, name in ((0.5, "half as long"), (0.75, "three quarters as long"),
                         (1.25, "a quarter longer")):  # fmt: skip
        other = int(follow * factor)
        if SHORTEST_FOLLOW <= other <= LONGEST_FOLLOW_SHARE * span:
            yield Choice(f"outcome followed {name}", "window", held.recode(follow=other), fewest)


def _journeys(held: HeldLog, fewest: int) -> Iterator[Choice]:
    own = (held.codes.cut, held.codes.gap if held.codes.cut == "gap" else 0)
    cuts = [("none", 0, "journeys not cut"), ("gap", 7 * DAY, "journeys cut after 7 silent days"),
            ("gap", 30 * DAY, "journeys cut after 30 silent days"),
            ("outcome", 0, "journeys cut at each outcome")]  # fmt: skip
    for cut, gap, name in cuts:
        if (cut, gap) != own:
            yield Choice(name, "journeys", held.recode(cut=cut, gap=gap or held.codes.gap), fewest)


def _periods(held: HeldLog, fewest: int) -> Iterator[Choice]:
    start, end = held.codes.start, held.codes.end
    middle = (start + end) // 2
    month = min(30 * DAY, (end - start) // 4)
    pieces = {
        "first half of the period": (start, middle), "second half of the period": (middle, end),
        "without the first month": (start + month, end),
        "without the last month": (start, end - month),
    }  # fmt: skip
    for name, (first, last) in pieces.items():
        follow = min(held.codes.follow, (last - first) // 3)
        seen = held.recode(start=first, end=last, follow=follow)
        yield Choice(name, "period", seen, fewest, period=True)


def _stage_models(held: HeldLog, fewest: int) -> Iterator[Choice]:
    for model, order in OTHER_MODELS.items():
        seen = held.restage(model, order)
        if seen.codes.stage_of != held.codes.stage_of:
            yield Choice(f"stages of {model}, by the names of touchpoints", "stages", seen, fewest)


def _people(held: HeldLog, basis: Basis) -> Iterator[Choice]:
    who, fewest = held.whole.customer, basis.min_customers
    counts = np.bincount(who, minlength=held.codes.customers)
    met = counts[counts > 0]
    busy = np.flatnonzero(counts > np.quantile(met, BUSIEST)) if len(met) else met
    dropped = {"customers like machines left out": np.array(basis.suspects, dtype=np.int64),
               "busiest 1 % of customers left out": busy}  # fmt: skip
    side = np.random.default_rng(basis.seed).random(held.codes.customers) < 0.5
    dropped["one random half of the customers"] = np.flatnonzero(side)
    dropped["other random half of the customers"] = np.flatnonzero(~side)
    for name, gone in dropped.items():
        if len(gone):
            yield Choice(name, "customers", held.keep(~np.isin(who, gone)), fewest, drop=gone)


def _days(held: HeldLog, basis: Basis) -> Iterator[Choice]:
    time, fewest = held.whole.time, basis.min_customers
    weekday = (time // DAY + 3) % 7  # 1 January 1970 was a Thursday
    yield Choice("Monday to Friday alone", "days", held.keep(weekday < 5), fewest)
    special = np.zeros(len(time), dtype=bool)
    for first, last in basis.special:
        special |= (time >= first) & (time < last)
    if special.any():
        name = "holidays, promotions and outages left out"
        yield Choice(name, "days", held.keep(~special), fewest)


def _run(choice: Choice, voices: pd.DataFrame, basis: Basis) -> tuple[pd.DataFrame, pd.DataFrame]:
    compared = compare_touchpoints(
        choice.log,  # type: ignore[arg-type]
        _spoken(choice, voices),
        min_customers=choice.min_customers,
        exclude=basis.exclude,
        confidence=basis.confidence,
    )
    ranked = rank_pains(compared, fdr=basis.fdr)
    return _keyed(ranked), _keyed(compared)


def _spoken(choice: Choice, voices: pd.DataFrame) -> pd.DataFrame:
    """Leave out what was said by whom, or when, a choice leaves out."""
    if voices.empty:
        return voices
    kept = np.ones(len(voices), dtype=bool)
    if choice.period:
        codes = choice.log.codes
        ends = [pd.Timestamp(at, unit="us", tz="UTC") for at in (codes.start, codes.end)]
        at = pd.to_datetime(voices["timestamp"], utc=True)
        kept &= (at.isna() | ((at >= ends[0]) & (at < ends[1]))).to_numpy()
    if choice.drop is not None:
        kept &= ~voices["customer"].fillna(-1).astype("int64").isin(choice.drop).to_numpy()
    return voices[kept]


def _keyed(rows: pd.DataFrame) -> pd.DataFrame:
    if rows.empty:
        return rows
    own = rows[is_everyone(rows)]
    return own.assign(channel=own["channel"].fillna("").astype(str))


def _follow(
    choice: Choice, leading: pd.DataFrame, ranked: pd.DataFrame, compared: pd.DataFrame
) -> pd.DataFrame:
    """Find the leading pains among those of one choice."""
    rows = leading[KEYS].assign(base_rank=np.arange(1, len(leading) + 1))
    found = compared.reindex(columns=[*KEYS, "value", "low", "high", "n", "unit", "customers"])
    rows = rows.merge(found.drop_duplicates(KEYS), on=KEYS, how="left")
    places = ranked.reindex(columns=[*KEYS, "rank"]).drop_duplicates(KEYS)
    rows = rows.merge(places.astype({"rank": "float64"}), on=KEYS, how="left")
    numbers = dict.fromkeys(["rank", "value", "low", "high", "n", "customers"], "float64")
    return rows.astype(numbers).assign(
        choice=choice.name, about=choice.about, listed=rows["rank"].notna()
    )


def count_steady(checked: pd.DataFrame) -> pd.DataFrame:
    """Say for each leading pain in how many choices it stays.

    Args:
        checked: From ``check_robustness``.

    Returns:
        One row per pain: ``choices`` in which it could be compared, ``listed`` in how many of them,
        ``worse`` in how many its difference was negative, ``best`` and ``worst`` rank, ``leads`` in
        how many it stood among the first as many as are followed, and ``lost``, the names of the
        choices in which it was not listed.
    """
    others = checked[checked["choice"] != BASE]
    rows: list[dict[str, object]] = []
    for rank, own in others.groupby("base_rank", sort=True):
        known = own[own["value"].notna()]
        pain = own.iloc[0]
        rows.append(
            {
                **{name: pain[name] for name in KEYS},
                "base_rank": int(float(str(rank))),
                "choices": len(known),
                "all_choices": len(own),
                "listed": int(known["listed"].sum()),
                "worse": int((known["value"] < 0).sum()),
                "best": own["rank"].min(),
                "worst": own["rank"].max(),
                "leads": int((own["rank"] <= checked["base_rank"].max()).sum()),
                "lost": _names(known.loc[~known["listed"].astype(bool), "choice"]),
            }
        )
    return pd.DataFrame(rows)


def _names(choices: Sequence[str] | pd.Series) -> str:
    return "; ".join(map(str, choices))
