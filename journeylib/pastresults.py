"""The figures of an earlier run, from its ``results.json``. Not for comparing them; see `drift`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.labels import clean_label, place_text
from journeylib.tables import is_everyone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

LEVELS = ["metric", "value", "low", "high", "n", "unit"]
EVERYWHERE = "all"
LARGEST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier run found.

    Attributes:
        client: Its client.
        start: First moment of its period, ISO 8601, or empty.
        end: First moment after it, or empty.
        version: The kit's version.
        tables: Its result tables.
        reason: Why it cannot be used, or empty.
    """

    client: str = ""
    start: str = ""
    end: str = ""
    version: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    reason: str = ""


def read_past(path: Path) -> Past:
    """Read the results of an earlier run.

    Args:
        path: Its ``results.json``.

    Returns:
        The results, or the reason why they cannot be used.
    """
    name = path.name
    if not path.is_file():
        return Past(reason=f"the file {name} of earlier results is not there.")
    if path.stat().st_size > LARGEST_BYTES:
        return Past(reason=f"{name} is too large to be a run's results.")
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        period, tables = told["period"], told["tables"]
        frames = {str(key): pd.DataFrame(rows) for key, rows in tables.items()}
        return Past(str(told["client"]), str(period["start"] or ""), str(period["end"] or ""),
                    str(told["version"]), frames)  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return Past(reason=f"{name} is no results.json of a run.")


def level_results(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Lay the estimates of result tables out as figures that can be compared.

    Args:
        tables: Result tables by name; absent ones are left out.

    Returns:
        For each kind (metrics, road, feelings, pains, themes, personas): ``metric, value, low,
        high, n, unit``, one row per name; rows without an interval are left out.
    """
    makers = {
        "metrics": _metrics, "road": _road, "feelings": _feelings, "pains": _pains,
        "themes": _themes, "personas": _personas,
    }  # fmt: skip
    return {kind: _whole(make(tables)) for kind, make in makers.items()}


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    told = table.reindex(columns=LEVELS)
    for name in ("value", "low", "high", "n"):
        told[name] = pd.to_numeric(told[name], errors="coerce")
    told = told.dropna(subset=["metric", "value", "low", "high"])
    told = told[(told["high"] > told["low"]) & told["unit"].notna()]
    return told.drop_duplicates("metric").reset_index(drop=True)


def _get(tables: Mapping[str, pd.DataFrame], name: str, *columns: str) -> pd.DataFrame:
    """Give a table with at least the columns asked for."""
    table = tables.get(name, pd.DataFrame())
    wanted = [*columns, "value", "low", "high", "n", "unit"]
    return table.reindex(columns=list(dict.fromkeys([*table.columns, *wanted])))


def _metrics(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    table = _get(tables, "metrics", "metric", "segment")
    return table[table["segment"].astype(str) == EVERYWHERE]


def _road(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    stages = _get(tables, "stages", "stage", "persona")
    stages = stages[stages["persona"].astype(str) == EVERYWHERE]
    stages = stages.assign(metric="to_next:" + stages["stage"].astype(str))
    moves = _get(tables, "transitions", "from", "to")
    named = moves["from"].astype(str) + " → " + moves["to"].astype(str)
    moves = moves.assign(metric="move:" + named)
    return pd.concat([stages, moves], ignore_index=True)


def _feelings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    table = _get(tables, "touchpoints", "touchpoint", "channel")
    table = table[table["unit"].astype(str) == "sentiment"]
    places = [place_text(*pair) for pair in zip(table["touchpoint"], table["channel"], strict=True)]
    return table.assign(metric=[f"sentiment:{place}" for place in places])


def _pains(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    table = _get(tables, "pains", "touchpoint", "channel", "persona", "kind")
    table = table[is_everyone(table)]
    return table.assign(metric=pain_names(table))


def pain_names(table: pd.DataFrame) -> list[str]:
    """Name pain points as figures.

    Args:
        table: Columns ``touchpoint, channel, kind``.
    """
    rows = zip(table["touchpoint"], table["channel"], table["kind"], strict=True)
    return [f"pain:{place_text(where, channel)}, {kind}" for where, channel, kind in rows]


def _themes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    table = _get(tables, "themes", "theme")
    return table.assign(metric=[f"theme:{clean_label(name)}" for name in table["theme"]])


def _personas(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    table = _get(tables, "personas", "name")
    return table.assign(metric=[f"persona:{clean_label(name)}" for name in table["name"]])
