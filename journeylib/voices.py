"""What customers said, from every source that has words or scores; redacted at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.expressions import quote_name
from journeylib.logbook import TICKET, clean_name
from journeylib.masking import IDENTIFYING
from journeylib.raw import table_columns
from journeylib.sources import SCALES

if TYPE_CHECKING:
    import duckdb

    from journeylib.sources import SourceTable

SPOKEN = {"surveys", "feedback", "tickets", "events"}
_SHOWN = [
    "customer_id", "timestamp", "touchpoint", "channel", "sentiment", "text", "language", "measure",
]  # fmt: skip
# How a kind of source tells a feeling; surveys name their own question.
_MEASURES = {"feedback": "rating", "events": "mark", "tickets": "mark"}


def read_voices(
    con: duckdb.DuckDBPyConnection,
    sources: list[SourceTable],
    people: pd.DataFrame,
) -> pd.DataFrame:
    """Gather answers, ratings, comments and tickets as one frame.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        people: Columns ``customer_id`` and ``customer`` (code).

    Returns:
        Columns ``customer`` (code, missing where unknown), ``timestamp, touchpoint, channel,
        source, sentiment`` (-1 to 1) ``, text`` (redacted by `masking` before), ``language`` and
        ``measure``, how it was told: the survey's metric, ``rating`` or ``mark``.
    """
    parts = []
    for source in sources:
        has = table_columns(con, source.table)
        if source.kind not in SPOKEN or not {"sentiment", "text"} & set(has):
            continue
        said = " OR ".join(f"{name} IS NOT NULL" for name in ("sentiment", "text") if name in has)
        columns = ", ".join(
            quote_name(name) for name in _SHOWN if name in has and name != "measure"
        )
        if source.kind == "surveys":
            columns += ", lower(metric) AS measure"
        rows = con.execute(
            f"SELECT {columns} FROM {quote_name(source.table)} WHERE {said} ORDER BY _file, _row"
        ).df()
        rows = rows.reindex(columns=_SHOWN)
        if source.kind in _MEASURES:
            rows["measure"] = _MEASURES[source.kind]
        if source.kind in {"surveys", "feedback"}:
            # Where somebody answered is not where they met the touchpoint.
            rows["channel"] = None
        if source.kind == "tickets":
            rows["touchpoint"] = rows["touchpoint"].astype("str").fillna(TICKET)
        parts.append(rows.assign(source=source.name))
    if not parts:
        return pd.DataFrame(columns=["customer", *_SHOWN[1:], "source"])
    voices = pd.concat([part.dropna(axis=1, how="all") for part in parts], ignore_index=True)
    voices = voices.reindex(columns=[*_SHOWN, "source"])
    voices["timestamp"] = pd.to_datetime(voices["timestamp"].astype("Int64"), unit="us", utc=True)
    voices["touchpoint"] = voices["touchpoint"].map(clean_name, na_action="ignore")
    voices["channel"] = voices["channel"].map(clean_name, na_action="ignore")
    voices["sentiment"] = voices["sentiment"].astype("float64")
    # A column that no source fills would come out as missing numbers.
    words = ["touchpoint", "channel", "text", "language", "measure", "source"]
    voices = voices.astype(dict.fromkeys(words, "str"))
    return _known(voices, people)


def read_answers(
    con: duckdb.DuckDBPyConnection, sources: list[SourceTable], people: pd.DataFrame
) -> pd.DataFrame:
    """Gather survey answers as they were given, for the scores of `scores`.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.
        people: Columns ``customer_id`` and ``customer`` (code).

    Returns:
        Columns ``customer, timestamp, wave, metric, score, weight, touchpoint, source, scale_low,
        scale_high`` and the surveys' own attributes.
    """
    parts = []
    for source in sources:
        if source.kind == "surveys":
            rows = source.frame(con).dropna(subset=["score"])
            rows["metric"] = rows["metric"].str.lower()
            ends = rows["metric"].map(lambda metric: SCALES.get(metric, (0.0, 10.0)))
            rows["scale_low"] = source.scale[0] if source.scale else ends.str[0].astype(float)
            rows["scale_high"] = source.scale[1] if source.scale else ends.str[1].astype(float)
            parts.append(rows.assign(source=source.name))
    needed = ["customer_id", "timestamp", "wave", "metric", "score", "weight", "touchpoint"]
    if not parts:
        return pd.DataFrame(columns=["customer", *needed[1:], "source", "scale_low", "scale_high"])
    answers = pd.concat(parts, ignore_index=True)
    answers = answers.reindex(columns=[*needed, *(c for c in answers if c not in needed)])
    return _known(answers.drop(columns=["text", *IDENTIFYING], errors="ignore"), people)


def read_attributes(con: duckdb.DuckDBPyConnection, sources: list[SourceTable]) -> pd.DataFrame:
    """Gather what the customers tables know of each customer, the first record of each.

    Args:
        con: Connection that holds the sources' tables.
        sources: The sources that were read.

    Returns:
        One row per ``customer_id``; empty without a customers source.
    """
    frames = [source.frame(con) for source in sources if source.kind == "customers"]
    if not frames:
        return pd.DataFrame({"customer_id": []})
    every = pd.concat(frames, ignore_index=True)
    return every.groupby("customer_id", sort=True).first().reset_index()


def _known(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    code = people.drop_duplicates("customer_id").set_index("customer_id")["customer"]
    rows.insert(0, "customer", rows["customer_id"].map(code).astype("Int64"))
    return rows.drop(columns="customer_id")
