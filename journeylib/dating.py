"""Since when something hurts: the weeks in which a touchpoint was met, or went badly, more often.

Not for what it costs, nor for naming the cause; a change of tracking looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.exposures import (
    FIRST_HOUR,
    GROWTH,
    OPEN_DAYS,
    Outcome,
    measure_waits,
    returned,
    summarise_reach,
)
from journeylib.log import DAY, first_of, last_of
from journeylib.summaries import Tally

if TYPE_CHECKING:
    from collections.abc import Hashable

    from journeylib.log import Codes, Floats, Integers, Log, Part, Partition, Truths

WEEK = 7 * DAY
MET, BADLY = "met", "went badly"
THROUGHOUT, SINCE, UNTIL, FOR_A_TIME = "throughout", "since", "until", "for a time"
FEWEST_WEEKS, FEWEST_BAD = 8, 5
# An episode leaves at least as many weeks outside it, and makes the share at least that much more.
FEWEST_OUTSIDE, WORTH = 3, 1.5
# Few weeks can be shuffled in few ways: three bad weeks running come by chance in one of a hundred.
SHUFFLES, ALPHA = 199, 0.05
_WORTH_A_TEST = 4.0
KINDS = ("loss", "delay", "repeat")
_UNDATED = {"dated": "", "since": "", "until": "", "series": ""}
COLUMNS = ["dated", "since", "until", "series", "usual_share", "episode_share", "dated_p"]


@dataclass(frozen=True, slots=True)
class Weeks:
    """Customers by week: all (key week), and by series, cell and week with those it befell."""

    active: Tally
    cells: Tally

    def __add__(self, other: Weeks) -> Weeks:
        return Weeks(self.active + other.active, self.cells + other.cells)


def count_weeks(codes: Codes) -> int:
    """Give the number of weeks of a period, begun ones too."""
    return max(1, int(-(-(codes.end - codes.start) // WEEK)))


def summarise_weeks(
    part: Part, *, wanted: Integers, waits: Floats, stations: tuple[int, ...]
) -> Weeks:
    """Count by week who met each cell, and for whom it went badly in each way.

    Args:
        part: The partition.
        wanted: Cells (touchpoint × channels + channel) to be dated.
        waits: Days from which a wait is long, by cell; missing where none is.
        stations: As in ``exposures.summarise_exposures``.

    Returns:
        Cells have the key (series × cells + cell) × weeks + week, where series 0 is met (column
        one) and 1 to 3 are loss, delay and repeat (columns cases, badly).
    """
    log = part.load()
    weeks, channels = count_weeks(log.codes), max(1, len(log.codes.channels))
    size = max(1, len(log.codes.touchpoints) * channels)
    week = (log.time - log.codes.start) // WEEK
    here = log.touchpoint * channels + log.channel
    asked = np.zeros(size, dtype=bool)
    asked[wanted] = True
    at = np.flatnonzero(asked[here])
    order = at[np.lexsort((at, here[at], log.customer[at]))]
    visits = log.customer[order] * size + here[order]
    # Sorted by customer and time, so a week opens where its key changes.
    met = order[first_of(visits * weeks + week[order])]
    people = week[first_of(log.customer * weeks + week)]
    keys, cases, bad = [here[met] * weeks + week[met]], [np.ones(len(met))], [np.ones(len(met))]
    turns = _turns(log, here, order, first_of(visits), waits, stations)
    for series, (own, badly) in enumerate(turns, start=1):
        keys.append((series * size + here[own]) * weeks + week[own])
        cases.append(np.ones(len(own)))
        bad.append(badly.astype(float))
    return Weeks(
        Tally.of(people, np.ones(len(people))),
        Tally.of(np.concatenate(keys), np.concatenate(cases), np.concatenate(bad)),
    )


def _turns(
    log: Partition, here: Integers, order: Integers, opens: Truths, waits: Floats,
    stations: tuple[int, ...],
) -> list[tuple[Integers, Truths]]:  # fmt: skip
    """Give the visits that can tell of losses, delays, repeats, and whether they went badly."""
    first = order[opens]
    ended = Outcome.of(log).after(log, first, 0)
    lost = (first[ended >= 0], ended[ended >= 0] == 0)
    if log.codes.follow <= 0:
        closes = np.append(opens[1:], True)[: len(order)]
        visit = order[closes]
        visit = visit[log.time[visit] < log.codes.end - OPEN_DAYS * DAY]
        lost = (visit, last_of(log.customer)[visit])
    at, bins = measure_waits(log, first, stations)
    days = FIRST_HOUR * np.exp(GROWTH * (bins + 0.5)) / 24
    limit = waits[here[at]]
    known = np.isfinite(limit)
    late = (at[known], days[known] > limit[known])
    return [lost, late, (first, returned(log, order, opens))]


def date_pains(
    log: Log, pains: pd.DataFrame, *, voices: pd.DataFrame | None = None, seed: int = 7
) -> pd.DataFrame:
    """Say since when each pain has been there, or that it was so throughout.

    Two shares are looked at week by week: customers who met the touchpoint, of all who were active;
    and those for whom it went badly, of those who met it (no outcome, a long wait, back within a
    week, words below zero). The run of weeks that stands out most is an episode where shuffled
    weeks seldom show one as clear, and the share in it is half as much again as outside.

    Args:
        log: The event log.
        pains: The result table ``pains``; ``wait_days`` where it is known.
        voices: What customers said, with ``timestamp``; needed to date what they said.
        seed: Of the shuffles.

    Returns:
        The pains with ``dated`` (``throughout``, ``since``, ``until``, ``for a time``, or empty
        where fewer than eight weeks can tell), ``since`` and ``until`` (first and last day, ISO, as
        the episode has them), ``series`` (``met`` or ``went badly``), ``usual_share`` and
        ``episode_share``, and ``dated_p`` (Bonferroni over the series).

    References:
        Kulldorff (1997), Communications in Statistics 26:1481-1496 (the scan statistic).
    """
    if pains.empty or not log.codes.touchpoints:
        return pains.assign(**dict.fromkeys(COLUMNS))
    found = _count(log, pains)
    rng = np.random.default_rng(seed)
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    rows = []
    for row in pains.to_dict("records"):
        key = (row["touchpoint"], row["channel"], row["kind"], row["unit"])
        if key not in known:
            series = _series_of(log.codes, found, row, voices)
            known[key] = _date(series, log.codes, rng)
        rows.append(known[key])
    dated = pd.DataFrame(rows, index=pains.index, columns=COLUMNS)
    return pd.concat([pains.drop(columns=COLUMNS, errors="ignore"), dated], axis=1)


def _cells_of(codes: Codes, rows: pd.DataFrame) -> Integers:
    channels = {name: place for place, name in enumerate(codes.channels)}
    places = {name: place for place, name in enumerate(codes.touchpoints)}
    touchpoint = rows["touchpoint"].map(places).fillna(-1).astype("int64").to_numpy()
    channel = rows["channel"].map(channels).fillna(-1).astype("int64").to_numpy()
    known = (touchpoint >= 0) & (channel >= 0)
    return np.where(known, touchpoint * max(1, len(codes.channels)) + channel, -1)


def _count(log: Log, pains: pd.DataFrame) -> Weeks | None:
    codes = log.codes
    cells = _cells_of(codes, pains)
    waits = np.full(max(1, len(codes.touchpoints) * max(1, len(codes.channels))), np.nan)
    if "wait_days" in pains:
        late = (pains["kind"] == "delay").to_numpy() & (cells >= 0)
        waits[cells[late]] = pains["wait_days"].to_numpy(float)[late]
    reach = summarise(summarise_reach, log.readable)
    stations = reach.stations if reach is not None else ()
    function = partial(
        summarise_weeks, wanted=np.unique(cells[cells >= 0]), waits=waits, stations=stations
    )
    return summarise(function, log.readable)


def _series_of(
    codes: Codes, found: Weeks | None, row: dict[Hashable, Any], voices: pd.DataFrame | None
) -> dict[str, tuple[Floats, Floats]]:
    """Give the weekly cases and how many went badly, by name of the series."""
    weeks = count_weeks(codes)
    size = max(1, len(codes.touchpoints) * max(1, len(codes.channels)))
    cell = int(_cells_of(codes, pd.DataFrame([row]))[0])
    series = {}
    if found is not None and cell >= 0:
        active = np.zeros(weeks)
        active[found.active.key] = found.active.sums[:, 0]
        series[MET] = (active, _lay(found.cells, cell, weeks)[1])
    if row["unit"] == "sentiment":
        if voices is not None and "timestamp" in voices:
            series[BADLY] = _spoken(codes, row, voices)
    elif found is not None and cell >= 0:
        kind = KINDS.index(str(row["kind"])) if row["kind"] in KINDS else 0
        series[BADLY] = _lay(found.cells, (kind + 1) * size + cell, weeks)
    return series


def _lay(tally: Tally, place: int, weeks: int) -> tuple[Floats, Floats]:
    first, last = np.searchsorted(tally.key, [place * weeks, (place + 1) * weeks])
    laid = np.zeros((weeks, 2))
    laid[tally.key[first:last] - place * weeks] = tally.sums[first:last]
    return laid[:, 0], laid[:, 1]


def _spoken(codes: Codes, row: dict[Hashable, Any], voices: pd.DataFrame) -> tuple[Floats, Floats]:
    own = voices[voices["touchpoint"] == row["touchpoint"]].dropna(
        subset=["sentiment", "timestamp"]
    )
    own = own[own["channel"].fillna("").astype("str") == str(row["channel"] or "")]
    time = pd.to_datetime(own["timestamp"], utc=True).dt.as_unit("us").astype("int64").to_numpy()
    inside = (time >= codes.start) & (time < codes.end)
    week = (time[inside] - codes.start) // WEEK
    bad = (own["sentiment"].to_numpy(float)[inside] < 0).astype(float)
    weeks = count_weeks(codes)
    cases = np.bincount(week, minlength=weeks).astype(float)
    return cases, np.bincount(week, weights=bad, minlength=weeks).astype(float)


def _date(
    series: dict[str, tuple[Floats, Floats]], codes: Codes, rng: np.random.Generator
) -> dict[str, Any]:
    """Take the series whose episode is the clearest."""
    found = []
    for name, (cases, bad) in series.items():
        episode = find_episode(cases, bad, rng)
        if episode is not None:
            found.append({**episode, "series": name})
    if not found:
        return dict(_UNDATED)
    clear = [one for one in found if one["episode_share"] >= WORTH * one["usual_share"]]
    best = max(clear or found, key=lambda one: (one["dated_p"] * len(found) <= ALPHA, one["score"]))
    p = min(1.0, best["dated_p"] * len(found))
    if not clear or p > ALPHA:
        return {**_UNDATED, "dated": THROUGHOUT, "dated_p": p}
    opens, closes = best["first"] > best["begin"], best["last"] < best["end"]
    word = FOR_A_TIME if opens and closes else SINCE if opens else UNTIL
    return {
        **{name: best[name] for name in ("series", "usual_share", "episode_share")},
        "dated": word,
        "since": _day(codes, best["first"]) if opens else "",
        "until": _day(codes, best["last"] + 1, before=1) if closes else "",
        "dated_p": p,
    }


def _day(codes: Codes, week: int, *, before: int = 0) -> str:
    at = pd.Timestamp(codes.start + week * WEEK - before, unit="us", tz="UTC")
    return f"{at:%Y-%m-%d}"


def find_episode(cases: Floats, bad: Floats, rng: np.random.Generator) -> dict[str, Any] | None:
    """Find the run of weeks in which it went badly more often than in all others.

    Args:
        cases: Customers by week; weeks without any are passed over.
        bad: Those for whom it went badly.
        rng: For the shuffles.

    Returns:
        ``first, last`` (weeks of the episode), ``begin, end`` (first and last week that tell),
        ``score`` (likelihood ratio), ``usual_share, episode_share`` and ``dated_p``; None where
        fewer than eight weeks, or five bad cases, can tell.
    """
    week = np.flatnonzero(cases > 0)
    n, b = cases[week], np.minimum(bad[week], cases[week])
    if len(week) < FEWEST_WEEKS or b.sum() < FEWEST_BAD or b.sum() == n.sum():
        return None
    scores, shares = _scan(n[None], b[None])
    at = int(scores[0].argmax())
    score, p = float(scores[0, at]), 1.0
    if score >= _WORTH_A_TEST:
        order = rng.permuted(np.tile(np.arange(len(n)), (SHUFFLES, 1)), axis=1)
        shuffled = _scan(n[order], b[order])[0].max(axis=1)
        p = float((1 + (shuffled >= score).sum()) / (1 + SHUFFLES))
    first, last = _runs(len(n))
    return {
        "first": int(week[first[at]]), "last": int(week[last[at] - 1]), "begin": int(week[0]),
        "end": int(week[-1]), "score": score, "dated_p": p,
        "episode_share": float(shares[0][at]), "usual_share": float(shares[1][at]),
    }  # fmt: skip


def _runs(weeks: int) -> tuple[Integers, Integers]:
    """List all runs of weeks that leave enough outside."""
    first, last = np.triu_indices(weeks + 1, 1)
    kept = last - first <= weeks - FEWEST_OUTSIDE
    return first[kept], last[kept]


def _scan(n: Floats, b: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
    """Score every run of weeks of every row: how much likelier two shares are than one."""
    first, last = _runs(n.shape[1])
    zero = np.zeros((len(n), 1))
    cases, bad = (np.concatenate([zero, np.cumsum(one, axis=1)], axis=1) for one in (n, b))
    inside, hit = cases[:, last] - cases[:, first], bad[:, last] - bad[:, first]
    outside, other = cases[:, -1:] - inside, bad[:, -1:] - hit
    share, rest = hit / inside, other / outside
    whole = bad[:, -1:] / cases[:, -1:]
    score = _entropy(hit, inside) + _entropy(other, outside) - _entropy(bad[:, -1:], cases[:, -1:])
    return np.where(share > whole, score, 0.0), (share[0], rest[0])


def _entropy(hits: Floats, cases: Floats) -> Floats:
    """Give the logarithm of the binomial likelihood at its own share."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = hits * np.log(hits / cases) + (cases - hits) * np.log1p(-hits / cases)
    edge = (hits <= 0) | (hits >= cases)
    found: Floats = np.where(edge, 0.0, parts)
    return found
