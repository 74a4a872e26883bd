"""This period against an earlier one, from a client's workspace: by its own log, or by results.

Not for the comparisons themselves; `drift` has those.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import journeylib
from journeylib.drift import MARGINS, UNEQUAL, compare_levels, compare_periods, judge_drift
from journeylib.emotion import mean_feelings
from journeylib.estimates import Refusal
from journeylib.journeys import describe_customers, measure_stages
from journeylib.log import DAY
from journeylib.logplans import days_of
from journeylib.loyalty import measure_metrics
from journeylib.mixes import compare_personas
from journeylib.omissions import leave_sources
from journeylib.pains import compare_touchpoints
from journeylib.passages import find_silence, follow_road
from journeylib.pastresults import level_results, pain_names, read_past
from journeylib.tables import complete_result, is_everyone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeylib.log import Log
    from journeylib.pastresults import Past
    from journeylib.workspace import Workspace

NOBODY = pd.DataFrame({"customer": pd.Series(dtype="int64"), "persona": pd.Series(dtype="str")})
FEWEST_VOICES = 10
SEASON = 31
EMPTY_EDGE = 0.10
# What does not grow with the time that is watched.
TIMELESS = ("average_order_value", "nps", "csat", "ces")
NOTES = ["assumption", "statement", "status", "consequence"]
NO_EARLIER = "the client file names neither compare_to nor earlier_results."
CARE = "Read the changes with that in mind."


@dataclass(frozen=True, slots=True)
class Revisited:
    """What changed since an earlier period.

    Attributes:
        drift: The result table ``drift``, small groups withheld.
        notes: What stands in the way of comparing: ``assumption, statement, status, consequence``.
        reason: Why nothing is compared, or empty.
        earlier: The earlier period in words, or empty.
        mix: How far the mix of personas moved, against chance: ``index, by_chance,
            most_by_chance, p, n_before, n``; empty where there are no personas of both periods.
    """

    drift: pd.DataFrame
    notes: pd.DataFrame
    reason: str = ""
    earlier: str = ""
    mix: pd.DataFrame = field(default_factory=pd.DataFrame)


def compare_with_earlier(work: Workspace) -> Revisited:
    """Compare this period with the one that the client file names.

    Args:
        work: The workspace, after notebook 04.

    Returns:
        The comparison with ``compare_to``, by the log itself; else with ``earlier_results``, by
        their intervals; else the reason why there is none.
    """
    params = work.params
    if params.compare_to is not None:
        return _by_log(work)
    if params.earlier_results is not None:
        return _by_results(work, read_past(params.find_path(params.earlier_results)))
    return _nothing(NO_EARLIER)


def _nothing(reason: str, earlier: str = "") -> Revisited:
    empty = complete_result("drift", pd.DataFrame())
    return Revisited(empty, pd.DataFrame(columns=NOTES), reason, earlier)


# ---------------------------------------------------------------- by the log


def _by_log(work: Workspace) -> Revisited:
    period = work.params.compare_to
    if period is None or not work.log.codes.touchpoints:
        return _nothing("no source holds dated events or orders.")
    start, end = days_of(period, work.params.timezone)
    earlier = f"{period.start:%-d %B %Y} to {period.end:%-d %B %Y}"
    now = work.log
    then = replace(now, codes=replace(now.codes, start=start, end=end))
    seen = {name: _cover(log) for name, log in (("then", then), ("now", now))}
    if seen["then"].empty or seen["now"].empty:
        return _nothing(f"no event lies in {earlier}.", earlier)
    unequal = _unequal(then, now, seen)
    partial = {} if unequal else _partial(then, now, seen)
    notes = [*unequal, *_season(then, now), *_sources(seen, partial)]
    parts = _compare_logs(work, then, now, partial=None if unequal else set(partial))
    mix = pd.DataFrame()
    if not unequal:
        logs = [leave_sources(log, set(partial)) for log in (then, now)]
        before, after, mix = compare_personas(work, *logs)
        if len(before):
            parts.append(_levels(before, after, work.params.confidence))
    drift = judge_drift(*[part for part in parts if len(part)])
    table = pd.DataFrame(notes, columns=NOTES)
    reason = "" if len(drift) else "nothing could be measured in both periods."
    return Revisited(_shown(work, drift), table, reason, earlier, mix)


def _shown(work: Workspace, drift: pd.DataFrame) -> pd.DataFrame:
    """Withhold small groups, and put what changed most first."""
    shown = work.protect("drift", drift)
    order = {"changed": 0, "cannot tell": 1, "same": 2}
    keys = pd.DataFrame(
        {
            "verdict": shown["verdict"].map(order),
            "size": -(shown["value"].abs() / shown.get("margin", np.nan)).astype(float),
        }
    )
    return shown.loc[keys.sort_values(["verdict", "size"], kind="stable").index].reset_index(
        drop=True
    )


def _cover(log: Log) -> pd.DataFrame:
    """Count the events of each source in a period, and say when the first and last came."""
    rows = []
    for partition in log.partitions():
        for code in np.unique(partition.source):
            own = partition.time[partition.source == code]
            rows.append((log.codes.sources[code], len(own), own.min(), own.max()))
    table = pd.DataFrame(rows, columns=["source", "events", "first", "last"])
    return table.groupby("source").agg(events=("events", "sum"), first=("first", "min"),
                                       last=("last", "max"))  # fmt: skip


def _unequal(then: Log, now: Log, seen: Mapping[str, pd.DataFrame]) -> list[tuple[str, ...]]:
    """Say when the periods are not of one length, or one of them is not covered by the data."""
    lengths = [(log.codes.end - log.codes.start) / DAY for log in (then, now)]
    only = "Only what does not grow with time is compared."
    rows: list[tuple[str, ...]] = []
    if abs(lengths[0] - lengths[1]) > UNEQUAL * max(lengths):
        text = f"The periods last {lengths[0]:.0f} and {lengths[1]:.0f} days."
        rows.append(("period_length", text, "warn", only))
    for name, log, length in zip(("earlier", "present"), (then, now), lengths, strict=True):
        cover = seen["then" if name == "earlier" else "now"]
        late = (cover["first"].min() - log.codes.start) / DAY
        early = (log.codes.end - cover["last"].max()) / DAY
        if max(late, early) > EMPTY_EDGE * length:
            text = f"The data covers {length - late - early:.0f} of {length:.0f} days of the "
            rows.append(("period_cover", f"{text}{name} period.", "warn", only))
    return rows


def _season(then: Log, now: Log) -> list[tuple[str, ...]]:
    """Say when the periods are of different seasons."""
    days = [int(pd.Timestamp(log.codes.start, unit="us").day_of_year) for log in (then, now)]
    apart = abs(days[0] - days[1])
    apart = min(apart, 365 - apart)
    length = (now.codes.end - now.codes.start) / DAY
    if apart <= SEASON or length >= 330:
        return []
    text = f"The periods begin {apart} days apart in the year."
    return [("season", text, "warn", "What changed may be the season.")]


def _partial(then: Log, now: Log, seen: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Name the sources that tell of another part of each period, and which part that is."""
    found = {}
    for name in sorted(set(seen["then"].index) | set(seen["now"].index)):
        shares = [_share_covered(log, cover, name)
                  for log, cover in ((then, seen["then"]), (now, seen["now"]))]  # fmt: skip
        if abs(shares[0] - shares[1]) > EMPTY_EDGE:
            told = [f"{share:.0%}".replace("%", " %") for share in shares]
            found[name] = f"{told[0]} of the earlier period and {told[1]} of the present one"
    return found


def _share_covered(log: Log, cover: pd.DataFrame, name: str) -> float:
    if name not in cover.index:
        return 0.0
    first, last = (int(cover[end].to_dict()[name]) for end in ("first", "last"))
    return (last - first) / max(log.codes.end - log.codes.start, 1)


def _sources(seen: Mapping[str, pd.DataFrame], partial: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Say which sources cannot tell the periods apart."""
    then = "Nothing that it tells is compared."
    rows: list[tuple[str, ...]] = [
        ("source_cover", f"The source {name} spans {told}.", "warn", then)
        for name, told in partial.items()
    ]
    alone = (set(seen["then"].index) ^ set(seen["now"].index)) - set(partial)
    text = "The source {} tells of one of the periods alone."
    return rows + [("source_cover", text.format(name), "warn", CARE) for name in sorted(alone)]


def _compare_logs(
    work: Workspace, then: Log, now: Log, *, partial: set[str] | None
) -> list[pd.DataFrame]:
    """Compare two periods; without ``partial`` only what does not grow with time."""
    params, confidence = work.params, work.params.confidence
    silence = find_silence(now, declared=work.settings["inactive_days"])
    parts: list[pd.DataFrame] = []
    pairs = [
        _metrics_of(work, (then, now), silence, partial),
        _feelings_of(work, partial or set()),
        _themes_of(work, partial or set()),
    ]  # fmt: skip
    if partial is not None:
        logs = [leave_sources(log, partial) for log in (now, then)]
        for level in ("stage", "touchpoint"):
            moved = compare_periods(*logs, silence=silence, seed=params.seed, level=level)
            if not isinstance(moved, Refusal):
                parts.append(moved.assign(metric=_level_names(moved["metric"], level)))
        pairs += [_road_of(work, logs[1], logs[0]), _pains_of(work, logs[1], logs[0])]
    for before, after in pairs:
        if len(before) and len(after):
            parts.append(_levels(before, after, confidence))
    return parts


def _level_names(names: pd.Series, level: str) -> list[str]:
    """Tell moves between stages from moves between touchpoints."""
    return [f"{name} of {level}s" if name == "moves" else f"move:{name}" for name in names]


def _levels(before: pd.DataFrame, after: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Compare figures that are there in one unit; the others cannot be."""
    units = dict(zip(before["metric"], before["unit"], strict=True))
    kept = after[[units.get(row.metric) == row.unit for row in after.itertuples()]]
    table = compare_levels(before, kept, margins=MARGINS, confidence=confidence)
    return table[table["high"] > table["low"]].reset_index(drop=True)


def _own_tables(work: Workspace) -> dict[str, pd.DataFrame]:
    names = ("metrics", "stages", "transitions", "touchpoints", "pains", "themes", "personas")
    return {name: work.read(name) for name in names}


def _metrics_of(
    work: Workspace, logs: tuple[Log, Log], silence: int, partial: set[str] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the client's metrics in both periods by the same rule and the same sources."""
    found = []
    for log, name in zip(logs, ("answers_before", "answers"), strict=True):
        answers = work.recall(name)
        if len(answers):
            answers = answers[~answers["source"].isin(partial or set())]
        settings = {
            **work.settings, "start": log.codes.start, "end": log.codes.end,
            "inactive_days": silence / DAY if silence else None,
        }  # fmt: skip
        table = measure_metrics(
            describe_customers(log), answers, settings=settings, groups=NOBODY, targets={},
            confidence=work.params.confidence,
        )  # fmt: skip
        kept = table if partial is not None else table[table["metric"].isin(TIMELESS)]
        found.append(kept.dropna(subset=["value", "low", "high"]))
    return found[0], found[1]


def _road_of(work: Workspace, then: Log, now: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = []
    for log in (then, now):
        road = follow_road(log, describe_customers(log))
        table = measure_stages(road, personas=NOBODY, feelings=pd.DataFrame(),
                               confidence=work.params.confidence)  # fmt: skip
        told = table.dropna(subset=["value", "low", "high"])
        found.append(told.assign(metric="to_next:" + told["stage"].astype(str)))
    return found[0], found[1]


def _feelings_of(work: Workspace, partial: set[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Average how touchpoints felt, by the sources that asked in both periods alike."""
    found = []
    for voices in (work.recall("voices_before"), work.recall("voices")):
        if voices.empty:
            return pd.DataFrame(), pd.DataFrame()
        said = voices[~voices["source"].isin(partial)]
        table = mean_feelings(said, ["touchpoint"], confidence=work.params.confidence)
        told = table[table["n"] >= FEWEST_VOICES].dropna(subset=["low", "high"])
        names = [f"sentiment:{name}" for name in told["touchpoint"].astype(str)]
        found.append(told.assign(metric=names))
    return found[0], found[1]


def _themes_of(work: Workspace, partial: set[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give how many spoke of each theme, unless a source of comments tells the periods apart."""
    voices = work.recall("voices")
    spoken = set(voices.loc[voices["text"].notna(), "source"]) if len(voices) else set()
    if spoken & partial:
        return pd.DataFrame(), pd.DataFrame()
    return work.recall("themes_before"), level_results({"themes": work.read("themes")})["themes"]


def _pains_of(work: Workspace, then: Log, now: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare touchpoints with their like in both periods; all of them, not the worst alone."""
    params, found = work.params, []
    for log, voices in ((then, work.recall("voices_before")), (now, work.recall("voices"))):
        table = compare_touchpoints(
            log, voices.reindex(columns=list(work.recall("voices").columns)),
            min_customers=params.pains.min_customers, exclude=params.pains.exclude,
            confidence=params.confidence,
        )  # fmt: skip
        own = table[is_everyone(table) & (table["unit"] == "share")] if len(table) else table
        names = pain_names(own) if len(own) else []
        found.append(own.assign(metric=names).drop_duplicates("metric"))
    return found[0], found[1]


# ---------------------------------------------------------------- by results


def _by_results(work: Workspace, past: Past) -> Revisited:
    if past.reason:
        return _nothing(past.reason)
    codes = work.log.codes
    start, end = (pd.Timestamp(at, unit="us", tz="UTC") for at in (codes.start, codes.end))
    ends = [pd.Timestamp(one) if one else None for one in (past.start, past.end)]
    shown = [ends[0], None if ends[1] is None else ends[1] - pd.Timedelta(1, "us")]
    earlier = " to ".join(f"{one:%-d %B %Y}" for one in shown if one is not None)
    if ends == [start, end]:
        return _nothing("the earlier results are of the same period.", earlier)
    now, then = level_results(_own_tables(work)), level_results(past.tables)
    parts = [_levels(then[kind], now[kind], work.params.confidence) for kind in now
             if len(then[kind]) and len(now[kind])]  # fmt: skip
    drift = judge_drift(*[part for part in parts if len(part)])
    reason = "" if len(drift) else "no figure stands in both results."
    notes = pd.DataFrame(_result_notes(work, past, ends), columns=NOTES)
    return Revisited(_shown(work, drift), notes, reason, earlier)


def _result_notes(
    work: Workspace, past: Past, ends: list[pd.Timestamp | None]
) -> list[tuple[str, ...]]:
    """Say what stands in the way of comparing two runs."""
    text = "Of the earlier period only intervals are known, not its customers."
    rows: list[tuple[str, ...]] = [
        ("earlier_results", text, "pass", "Customers of both periods count as different ones.")
    ]
    if past.client != work.params.client:
        text = f"The earlier results are of the client {past.client}."
        rows.append(("earlier_client", text, "warn", CARE))
    if past.version != journeylib.__version__:
        text = f"The earlier results come from version {past.version} of the kit."
        rows.append(("earlier_version", text, "warn", "A change of method may look like drift."))
    codes, (start, end) = work.log.codes, ends
    if start is not None and end is not None and codes.touchpoints:
        lengths = [(end - start).days, round((codes.end - codes.start) / DAY)]
        if abs(lengths[0] - lengths[1]) > UNEQUAL * max(lengths):
            text = f"The periods last {lengths[0]} and {lengths[1]} days."
            rows.append(("period_length", text, "warn", "Rates grow with the time watched."))
    return rows
