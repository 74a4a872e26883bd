"""The data behind an intervention: a test's own table, measurements, or answers by unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.errors import DataError, did_you_mean
from journeylib.periods import period_means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeylib.plans import When

ENOUGH_MONTHS = 24
# Last words of a metric that is a share where its values can be one; `plans.fit_units` asks that.
SHARES = ("rate", "share", "activation", "conversion", "retention", "churn")


def gather_evidence(  # noqa: PLR0913
    design: str,
    *,
    trials: Mapping[str, pd.DataFrame],
    answers: pd.DataFrame,
    source: str = "",
    metric: str = "",
    touchpoint: str = "",
    unit: str = "",
    start: When | None = None,
    zone: str = "UTC",
    placebo_outcomes: Sequence[str] = (),
) -> pd.DataFrame:
    """Find the rows that a design measures.

    Args:
        design: ``ab_test``, ``difference_in_differences``, ``interrupted_time_series`` or
            ``before_after``.
        trials: Frames of `experiments` and `measurements` sources, by name.
        answers: Survey answers from ``voices.read_answers``.
        source: The source that the client file names, or empty.
        metric: A survey metric, or the name of what a measurements source holds.
        touchpoint: Only answers about this touchpoint are taken, where answers say so.
        unit: Column that names the units of a panel.
        start: First day with the change; a period that it cuts in two is left out.
        zone: The client's time zone; days and months begin there, as the start does.
        placebo_outcomes: Survey metrics that the change cannot move, whatever touchpoint they are
            about; each becomes a column beside ``value``.

    Returns:
        The test's table, or ``time, value`` and the unit's column by calendar period; periods
        measured in part only are marked ``cut``.

    Raises:
        DataError: Neither a source nor a survey holds what is asked for.
    """
    if source in trials:
        return _local(trials[source], zone)
    if design == "ab_test":
        hint = did_you_mean(source, trials)
        raise DataError(f'There is no experiments source "{source}".', [hint] if hint else [])
    said = _answers_about(answers, metric, source)
    if touchpoint and len(said) and said["touchpoint"].notna().any():
        said = said[said["touchpoint"].str.casefold() == touchpoint.casefold()]
    if said.empty:
        needs = f'add a measurements source that holds "{metric}", or a survey with that metric'
        raise DataError(f'No source holds the metric "{metric}".', [needs])
    if unit and unit not in said:
        near = did_you_mean(unit, said.columns) or f"The survey has: {', '.join(said.columns)}."
        raise DataError(f'The answers have no column "{unit}".', [near])
    rows = _placed(said, unit, zone)
    months = rows["time"].dt.to_period("M").nunique()
    every = "month" if design == "difference_in_differences" or months >= ENOUGH_MONTHS else "week"
    found = period_means(rows, every=every, unit=unit or "unit", start=start)
    others = {name: _answers_about(answers, name, source) for name in placebo_outcomes}
    for name, other in others.items():
        if len(other) and (not unit or unit in other):
            means = period_means(_placed(other, unit, zone), every=every, unit=unit or "unit")
            means = means.rename(columns={"value": name})[[unit or "unit", "time", name]]
            found = found.merge(means, on=[unit or "unit", "time"], how="left", validate="1:1")
    return found


def _placed(said: pd.DataFrame, unit: str, zone: str) -> pd.DataFrame:
    """Give answers their number, the client's own time and their unit."""
    rows = said.assign(value=answer_values(said), time=local_time(said["timestamp"], zone))
    rows = rows.dropna(subset=["time", *([unit] if unit else [])])
    return rows if unit else rows.assign(unit="all")


def _answers_about(answers: pd.DataFrame, metric: str, source: str) -> pd.DataFrame:
    """Take the answers of one metric, from one source where it is named."""
    said = answers[answers["metric"] == metric.lower()] if len(answers) else answers
    return said[said["source"] == source] if source else said


def _local(frame: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Give every time of a frame as the client's own clock showed it."""
    aware = frame.select_dtypes("datetimetz").columns
    return frame.assign(**{str(column): local_time(frame[column], zone) for column in aware})


def local_time(times: pd.Series, zone: str) -> pd.Series:
    """Turn UTC times into what the client's own clock showed, without a zone."""
    local: pd.Series = times.dt.tz_convert(zone).dt.tz_localize(None)
    return local


def answer_values(answers: pd.DataFrame) -> pd.Series:
    """Turn answers into numbers whose mean is the metric.

    Args:
        answers: Columns ``metric, score, scale_low, scale_high``.

    Returns:
        NPS: 100, 0 or -100 (9-10, 7-8, 0-6); CSAT: 1 for the two best answers, else 0 (upper
        two fifths of other scales); CES: the answer itself.
    """
    score = answers["score"].astype(float)
    nps = np.select([score >= 9, score >= 7], [100.0, 0.0], -100.0)
    share = (score - answers["scale_low"]) / (answers["scale_high"] - answers["scale_low"])
    csat = (share >= 0.75 - 1e-9).astype(float)
    values = np.select(
        [answers["metric"] == "nps", answers["metric"] == "csat"], [nps, csat], score
    )
    return pd.Series(values, index=answers.index).where(score.notna())


def unit_of(metric: str, currency: str) -> str:
    """Name the unit of a metric: points, share, money, or none.

    Example:
        >>> [unit_of(name, "EUR") for name in ("nps", "csat", "revenue", "minutes")]
        ['points', 'share', 'EUR', '']
    """
    known = {"nps": "points", "csat": "share"}
    if metric.lower() in known:
        return known[metric.lower()]
    if metric.lower().rpartition("_")[2] in SHARES:
        return "share"
    money = ("revenue", "spend", "value", "amount", "sales", "margin")
    return currency if any(word in metric.lower() for word in money) else ""
