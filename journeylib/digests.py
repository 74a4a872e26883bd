"""What a run found in a few figures, and what moved since the run before: for the portfolio.

Moves are told as they are. Whether customers changed, or only the figures, is for `drift` to say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeylib.labels import (
    clean_label,
    estimate_text,
    is_missing,
    metric_name,
    money_text,
    place_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EVERYONE = frozenset({"all", "", None})
FIGURES = ("metric", "value", "low", "high", "n", "unit", "source", "target")
HALF_DAY = timedelta(hours=12)
_STILL = 1e-9


def digest_results(results: Mapping[str, Any]) -> dict[str, Any]:
    """Take out of a run's results what a page over many clients shows.

    Args:
        results: The contents of a ``results.json``; an empty one gives an empty digest.

    Returns:
        ``period`` (first moment, first moment after), ``days`` (the first and the last where the
        client is, or None), ``version``, ``metrics`` (of all customers,
        with value and interval), ``money`` (the dearest pain point whose price is clearly above
        nothing, and how many others are), ``pains`` (names in their order), ``verdicts`` (by
        intervention and metric) and ``generated``. Empty where there are no results.
    """
    if not results:
        return {}
    tables = results["tables"]
    pains = [row for row in tables.get("pains", []) if row.get("persona") in EVERYONE]
    period = results.get("period") or {}
    return {
        "generated": results.get("generated", ""),
        "version": results.get("version", ""),
        "period": [period.get("start"), period.get("end")],
        "days": _days(period),
        "metrics": [
            {name: row.get(name) for name in FIGURES}
            for row in tables.get("metrics", [])
            if row.get("segment") == "all" and not is_missing(row.get("value"))
        ],
        "money": _dearest(pains, str(results.get("currency") or "")),
        "pains": [_pain_name(row) for row in pains],
        "verdicts": _verdicts(tables.get("impacts", [])),
    }


def _pain_name(row: Mapping[str, Any]) -> str:
    kind = clean_label(row.get("kind"))
    return f"{place_text(row.get('touchpoint'), row.get('channel'))}, {kind}"


def _dearest(pains: list[Any], currency: str) -> dict[str, Any] | None:
    """Find the pain point that clearly costs most; a price that may be nothing is none."""
    clear = [row for row in pains if (row.get("money_low") or 0) > 0]
    if not clear:
        return None
    row = max(clear, key=lambda one: float(one["money_value"]))
    ends = {end: row[f"money_{end}"] for end in ("value", "low", "high")}
    return {"pain": _pain_name(row), **ends, "unit": currency, "others": len(clear) - 1}


def _verdicts(impacts: list[Any]) -> dict[str, str]:
    """Give the verdict on each intervention's metrics, all customers together."""
    return {
        f"{clean_label(row.get('intervention'))}, {metric_name(row.get('metric'))}": row["verdict"]
        for row in impacts
        if row.get("segment") in EVERYONE and row.get("verdict")
    }


def _days(period: Mapping[str, Any]) -> list[str] | None:
    """Give the days of a period as its report tells them; older results tell only moments."""
    told = [period.get("first_day"), period.get("last_day")]
    if all(told):
        return [str(day) for day in told]
    days = period_days([period.get("start"), period.get("end")])
    return [f"{day:%Y-%m-%d}" for day in days] if days else None


def shown_days(digest: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Give the first and the last day that a run covers.

    Args:
        digest: From `digest_results`.

    Returns:
        Two midnights, or None where no event has a date.
    """
    days = digest.get("days")
    if not days:
        return period_days(digest.get("period") or [])
    return datetime.fromisoformat(days[0]), datetime.fromisoformat(days[1])


def period_days(ends: Sequence[Any]) -> tuple[datetime, datetime] | None:
    """Give the first and the last day of a period in the client's own time zone.

    Args:
        ends: First moment, and first moment after it, ISO 8601 in UTC: midnights somewhere.

    Returns:
        Two moments whose dates are those days, or None where the moments are not known. The noon of
        a day has the same date in UTC as where it is noon, twelve hours from Greenwich at the most.
    """
    try:
        first, after = (datetime.fromisoformat(str(end)) for end in ends)
    except ValueError:
        return None
    return first + HALF_DAY, after - HALF_DAY


def tell_changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Say what moved from one run of a client to the next, what moved most first.

    Args:
        now: From `digest_results`.
        before: The run before, from `digest_results`; empty where there is none.

    Returns:
        Plain texts, not escaped; none where nothing moved.
    """
    if not now or not before:
        return []
    return [
        *_moved_pains(now["pains"], before["pains"]),
        *_moved_money(now["money"], before["money"]),
        *_moved_verdicts(now["verdicts"], before["verdicts"]),
        *_moved_metrics(now["metrics"], before["metrics"]),
        *_moved_ground(now, before),
    ]


def _moved_metrics(now: list[Any], before: list[Any]) -> list[str]:
    earlier = {(row["metric"], row["unit"]): row for row in before}
    moves = []
    for row in now:
        old = earlier.get((row["metric"], row["unit"]))
        if old is None:
            continue
        change = float(row["value"]) - float(old["value"])
        if abs(change) > _STILL * max(1.0, abs(float(old["value"]))):
            texts = [_figure(one) for one in (old, row)]
            told = " → ".join(texts) if texts[0] != texts[1] else f"{texts[0]}, barely moved"
            moves.append((abs(change) / _half_width(old), f"{metric_name(row['metric'])} {told}"))
    return [told for _, told in sorted(moves, key=lambda move: -move[0])]


def _figure(row: Mapping[str, Any]) -> str:
    missing = float("nan")  # its interval stands in the report
    return estimate_text(float(row["value"]), missing, missing, str(row["unit"]))


def _half_width(row: Mapping[str, Any]) -> float:
    """Half an interval: what a move is large or small beside."""
    if is_missing(row.get("low")) or is_missing(row.get("high")):
        return max(abs(float(row["value"])), _STILL)
    return max((float(row["high"]) - float(row["low"])) / 2, _STILL)


def _moved_pains(now: list[str], before: list[str]) -> list[str]:
    said = []
    if now[:1] != before[:1] and before:
        first = f"“{now[0]}”" if now else "none"
        said.append(f"first pain point now {first}, before “{before[0]}”")
    fresh, gone = len(set(now) - set(before)), len(set(before) - set(now))
    if fresh:
        said.append(f"{fresh} new pain point{'s' * (fresh > 1)}")
    if gone:
        said.append(f"{gone} pain point{'s' * (gone > 1)} no longer listed")
    return said


def _moved_money(now: Mapping[str, Any] | None, before: Mapping[str, Any] | None) -> list[str]:
    """Say what the dearest pain point costs now, and what it cost; a new price is told as such."""
    told = [
        money_text(float(one["value"]), str(one["unit"])) if one else "no clear price"
        for one in (before, now)
    ]
    return [f"at stake a year: {' → '.join(told)}"] if told[0] != told[1] else []


def _moved_verdicts(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {before[name]} → {verdict}"
        for name, verdict in now.items()
        if name in before and before[name] != verdict
    ]


def _moved_ground(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Say what else differs, so that a move is not laid at the customers' door."""
    said = []
    if now["period"] != before["period"]:
        told = [shown_days(one) for one in (before, now)]
        ends = [f"{days[1]:%-d %B %Y}" if days else "no dated events" for days in told]
        same_end = ends[0] == ends[1]
        said.append("another period" if same_end else f"data to {ends[1]}, before to {ends[0]}")
    if now["version"] != before["version"]:
        said.append(f"made by version {now['version']}, before {before['version']}")
    return said
