"""What a driver analysis asks: which outcome, which numbers beside it, and whose answers count.

Answers are complete cases; what was left out for that is counted and told. Not for the analysis
itself; `drivers` does that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from journeylib.outcomes import Followed

LEAST_ANSWERED = 0.5
FEWEST_ANSWERS, PER_DRIVER = 50, 10
FEWEST_RATERS = 30
TOGETHER = 1 - 1e-8
TOPS = (4, 5, 6, 7, 10, 100)
OWN = ("customer", "timestamp", "source", "touchpoint", "metric", "score")
# A yes or no under such a name is what the client wants to know; any other describes the answer.
RESULTS = re.compile(
    r"recommend|empfehl|satisf|zufrieden|again|wieder|return|rebook|renew|reorder|would|promoter"
    r"|loyal|churn|cancel|converted|bought",
    re.IGNORECASE,
)
# Small whole numbers that are counts or amounts, not ratings.
COUNTS = re.compile(
    r"(^|_|\b)(age|alter|nights?|party|guests?|adults|children|items?|quantity|qty|count|number|no"
    r"|nr|year|month|week|weekday|day|days|hour|hours|minutes?|seconds?|amount|price|total|value"
    r"|weight|id|seats?|size|visits?|orders?|tenure)(_|\b|$)",
    re.IGNORECASE,
)
RATED = re.compile(r"rating|score|stars|satisf|bewert|zufried|csat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """One outcome and the numbers that may drive it.

    Attributes:
        asked: Source in which it was asked, or what stands in for one.
        outcome: Name of the outcome.
        yes_no: Whether the outcome is yes or no; otherwise it is a score.
        y: The outcome of each complete answer.
        x: One column per driver, none missing.
        customer: Number of each answer's customer, from 0.
        notes: What was left out and why, a sentence each.
        reason: Why there is no analysis, or empty.
    """

    asked: str
    outcome: str
    yes_no: bool
    y: NDArray[np.float64]
    x: pd.DataFrame
    customer: NDArray[np.int64]
    notes: tuple[str, ...] = field(default=())
    reason: str = ""


def ask_ratings(
    ratings: pd.DataFrame, *, outcomes: Sequence[str] = (), drivers: Sequence[str] = ()
) -> list[Question]:
    """Ask which of the numbers given beside an answer go with it.

    Args:
        ratings: From ``subratings.read_ratings``.
        outcomes: Columns to explain; by default the score itself and every yes or no that is named
            like a result, such as *recommended*.
        drivers: Columns to explain them by; by default those that look like ratings: at least
            three different values, whole or half steps from 0 or 1 up to 4, 5, 6, 7, 10 or 100.

    Returns:
        One question per source, metric and outcome; none where nothing was asked beside.
    """
    found = []
    for (source, metric), rows in _parts(ratings):
        own = [name for name in map(str, rows) if name not in OWN and rows[name].notna().any()]
        asked = [name for name in own if name in drivers] if drivers else _like_ratings(rows, own)
        wanted = [name for name in outcomes if name in rows] or _results(rows, own)
        for outcome in wanted:
            x = rows[[name for name in asked if name != outcome]]
            if x.shape[1] < 2 and not drivers:
                continue
            named = (metric or "rating") if outcome == "score" else outcome
            found.append(_ask(rows, outcome, x, asked=source, named=named))
    return found


def ask_tones(voices: pd.DataFrame, followed: Followed) -> list[Question]:
    """Ask at which touchpoints the tone goes with what customers did later.

    Args:
        voices: What customers said: ``customer, timestamp, touchpoint, sentiment``.
        followed: From ``outcomes.follow_customers``; only what was said before its cut counts.

    Returns:
        At most one question. Nobody rates every touchpoint, so whoever did not rate one stands at
        its mean: that customer tells nothing of it, for or against.
    """
    if followed.window is None or "sentiment" not in voices:
        return []
    said = voices.dropna(subset=["customer", "touchpoint", "sentiment"])
    cut = pd.Timestamp(followed.window.cut, unit="us", tz="UTC")
    said = said[pd.to_datetime(said["timestamp"], utc=True) < cut]
    people = followed.people.dropna(subset=["hit"])
    said = said[said["customer"].isin(people["customer"])]
    if said.empty:
        return []
    tones = said.pivot_table(index="customer", columns="touchpoint", values="sentiment")
    raters = tones.notna().sum()
    kept = tones.loc[:, (raters >= FEWEST_RATERS).to_numpy()].dropna(how="all")
    if kept.shape[1] < 2:
        return []
    y = people.set_index("customer")["hit"].reindex(kept.index).astype(float)
    rows = kept.fillna(kept.mean()).assign(hit=y).reset_index()
    few = sorted(set(map(str, tones)) - set(map(str, kept)))
    notes = ["Whoever did not rate a touchpoint stands at its mean."]
    if few:
        notes.append(f"{_listed(few)}: rated by fewer than {FEWEST_RATERS} customers.")
    names = {"repeat_purchase": "ordered again", "retention": "stayed", "conversion": "converted"}
    return [
        _ask(rows, "hit", rows[list(kept)], asked="tone by touchpoint",
             named=names[followed.window.kind], notes=tuple(notes))
    ]  # fmt: skip


def _parts(ratings: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    if ratings.empty:
        return
    metric = ratings["metric"].astype("str").where(ratings["metric"].notna(), "")
    for (source, name), rows in ratings.groupby([ratings["source"], metric], sort=False):
        yield (str(source), str(name)), rows


def _like_ratings(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    named = [name for name in names if RATED.search(name) or not COUNTS.search(name)]
    return [name for name in named if _is_rating(rows[name])]


def _is_rating(column: pd.Series) -> bool:
    values = np.unique(column.dropna().to_numpy(float))
    if len(values) < 3 or values.min() not in {0, 0.5, 1} or values.max() not in TOPS:
        return False
    return bool(np.all(values * 2 == np.round(values * 2)))


def _results(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    yes_no = [name for name in names if set(pd.unique(rows[name].dropna())) == {0.0, 1.0}]
    told = [name for name in yes_no if RESULTS.search(name)]
    return ["score"] * bool(rows["score"].min() < rows["score"].max()) + told


def _ask(
    rows: pd.DataFrame,
    outcome: str,
    x: pd.DataFrame,
    *,
    asked: str,
    named: str,
    notes: tuple[str, ...] = (),
) -> Question:
    """Keep complete answers and drivers that can be told apart, and count what goes."""
    told = list(notes)
    known = rows[outcome].notna()
    y, x = rows.loc[known, outcome].astype(float), x[known].astype(float)
    rare = [name for name in map(str, x) if x[name].notna().mean() < LEAST_ANSWERED]
    if rare:
        told.append(f"{_listed(rare)}: answered by fewer than half and left out.")
        x = x.drop(columns=rare)
    complete = x.notna().all(axis=1)
    if not complete.all():
        left = int((~complete).sum())
        told.append(f"{left:,} of {len(x):,} answers lack a rating and are left out.")
    y, x = y[complete], x[complete]
    same = _doubles(x)
    if same:
        told.append(f"{_listed(same)}: never differ, or repeat another one, and are left out.")
        x = x.drop(columns=same)
    number = _customers(rows.loc[x.index, "customer"])
    yes_no = set(np.unique(y)) <= {0.0, 1.0}
    told_y: NDArray[np.float64] = np.asarray(y, dtype=np.float64)
    reason = _too_few(told_y, x.shape[1], yes_no=yes_no)
    return Question(asked, named, yes_no, told_y, x, number, tuple(told), reason)


def _listed(names: Sequence[str]) -> str:
    shown = [str(name).replace("_", " ") for name in names[:6]]
    return ", ".join(shown) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _doubles(x: pd.DataFrame) -> list[str]:
    """Name the columns that are constant or a weighted sum of those before them."""
    kept: list[str] = []
    gone = []
    for name in x:
        column = x[name].to_numpy(float)
        spread = column - column.mean() if len(column) else column
        if not (spread**2).sum() > 0:
            gone.append(str(name))
            continue
        before = x[kept].to_numpy(float)
        before = before - before.mean(axis=0) if kept else before
        if kept:
            fitted = before @ np.linalg.lstsq(before, spread, rcond=None)[0]
            if (fitted**2).sum() > TOGETHER * (spread**2).sum():
                gone.append(str(name))
                continue
        kept.append(str(name))
    return gone


def _customers(codes: pd.Series) -> NDArray[np.int64]:
    """Number the customers; whoever is not known is a customer of their own."""
    own = codes.astype("Int64").fillna(pd.Series(-1 - np.arange(len(codes)), codes.index))
    return np.asarray(pd.factorize(own)[0], dtype=np.int64)


def _too_few(y: NDArray[np.float64], drivers: int, *, yes_no: bool) -> str:
    if drivers < 2:
        return "Fewer than two ratings are left to compare."
    needed = max(FEWEST_ANSWERS, PER_DRIVER * drivers)
    if len(y) < needed:
        return f"{len(y):,} complete answers; {needed:,} are needed for {drivers} ratings."
    rarer = int(min(y.sum(), len(y) - y.sum())) if yes_no else needed
    if yes_no and rarer < PER_DRIVER * drivers:
        return (
            f"The rarer answer was given {rarer:,} times; {PER_DRIVER * drivers:,} are needed for "
            f"{drivers} ratings."
        )
    return "Every answer is the same." if np.ptp(y) == 0 else ""
