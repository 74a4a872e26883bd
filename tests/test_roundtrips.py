"""Any table of events, written in any format and dialect, gives the same event log."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import sqlite3
import zipfile
from xml.sax.saxutils import quoteattr

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import make_client, source

from journeylib.collect import collect

FEW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Names of any script, with signs that mean something in one format or another.
NAMES = st.text(
    st.one_of(
        st.sampled_from(""" ,;|"'&<>\\%$#{}[]=-_äßéñçøžşıŁ東京Кпعش"""),
        st.characters(codec="ascii", categories=["L", "N"]),
    ),
    min_size=1,
    max_size=14,
).map(lambda text: f"t{' '.join(text.split())}x")
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 9_999),
        st.datetimes(dt.datetime(2019, 1, 13), dt.datetime(2025, 12, 28)),
        NAMES,
        st.one_of(st.none(), st.integers(-99_999, 9_999_999)),
    ),
    min_size=2,
    max_size=15,
)


def frame_of(events) -> pd.DataFrame:
    """Ids keep their zeros, times have seconds, money has cents or is missing."""
    return pd.DataFrame(
        {
            "customer_id": [f"{who:05d}" for who, *_ in events],
            "timestamp": [f"{when.replace(microsecond=0)}" for _, when, *_ in events],
            "touchpoint": [what for _, _, what, _ in events],
            "value": [None if cents is None else cents / 100 for *_, cents in events],
        }
    ).astype({"value": "float64"})


def texts(told: pd.DataFrame, *, decimal: str = ".", thousands: str = "") -> list[list[str]]:
    """Write every cell as a person would who likes these marks."""
    written = told.copy()
    marked = [
        "" if pd.isna(value) else f"{value:,.2f}".translate({44: thousands, 46: decimal})
        for value in told["value"]
    ]
    return [list(told.columns), *written.assign(value=marked).to_numpy().tolist()]


def delimited(told: pd.DataFrame, *, sep: str = ",", end: str = "\n", **marks: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=sep, lineterminator=end).writerows(texts(told, **marks))
    return out.getvalue()


def zipped(content: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.csv", content)
    return packed.getvalue()


def fixed_width(told: pd.DataFrame) -> tuple[str, list[int]]:
    rows = texts(told)
    widths = [max(len(row[at]) for row in rows) + 2 for at in range(4)]
    cells = ("".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(cells) + "\n", widths


def records(told: pd.DataFrame) -> list[dict]:
    rows = told.astype(object).where(told.notna(), None).to_dict("records")
    return [
        {"who": {"id": row["customer_id"]}, **{k: row[k] for k in list(row)[1:]}} for row in rows
    ]


def xes(told: pd.DataFrame) -> str:
    traces = []
    for name, own in told.groupby("customer_id", sort=False):
        inner = "".join(
            f'<event><date key="time:timestamp" value="{row.timestamp.replace(" ", "T")}+00:00"/>'
            f'<string key="concept:name" value={quoteattr(row.touchpoint)}/>'
            + ("" if pd.isna(row.value) else f'<float key="value" value="{row.value}"/>')
            + "</event>"
            for row in own.itertuples()
        )
        traces.append(f'<trace><string key="concept:name" value="{name}"/>{inner}</trace>')
    return f'<?xml version="1.0" encoding="UTF-8"?><log>{"".join(traces)}</log>'


def database(told: pd.DataFrame, path) -> None:
    con = sqlite3.connect(path)
    with con:
        told.to_sql("events", con, index=False)
    con.close()


def packed(told: pd.DataFrame, path) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as out:
        out.write(delimited(told).encode())


def parted(told: pd.DataFrame, path) -> None:
    path.mkdir()
    half = len(told) // 2
    for number, part in enumerate((told[:half], told[half:])):
        (path / f"{number}.csv").write_text(delimited(part), encoding="utf-8")


def spread(told: pd.DataFrame, path) -> dict:
    content, widths = fixed_width(told)
    path.write_text(content, encoding="utf-8")
    return {"format": {"widths": widths}}


def nested(told: pd.DataFrame, path) -> dict:
    rows = records(told)
    lines = "\n".join(json.dumps(row) for row in rows)
    path.write_text(lines if path.suffix == ".jsonl" else json.dumps({"data": rows}))
    return {"columns": {"customer_id": "who.id"}}


def text(encoding: str, layout: dict, **dialect):
    def write(told: pd.DataFrame, path) -> dict:
        path.write_bytes(delimited(told, **dialect).encode(encoding))
        return {"format": layout}

    return write


def typed(told: pd.DataFrame) -> pd.DataFrame:
    return told.assign(timestamp=pd.to_datetime(told["timestamp"]))


# Writes the table; gives the keys of the client file that the reader cannot find by itself.
WRITERS = {
    "semicolon.csv": text("utf-8-sig", {"decimal": ","}, sep=";", decimal=",", end="\r\n"),
    "tab.tsv": text("utf-16", {}, sep="\t"),
    "pipe.txt": text("utf-8", {"decimal": "."}, sep="|", thousands=",", end="\r\n"),
    "german.csv": text(
        "utf-8", {"decimal": ",", "thousands": "."}, sep=";", decimal=",", thousands="."
    ),
    "swiss.csv": text("utf-8", {"decimal": ".", "thousands": "'"}, sep=";", thousands="'"),
    "fixed.txt": spread,
    "plain.csv.gz": lambda told, path: path.write_bytes(gzip.compress(delimited(told).encode())),
    "plain.zip": lambda told, path: path.write_bytes(zipped(delimited(told))),
    "plain.csv.zst": packed,
    "nested.json": nested,
    "nested.jsonl": nested,
    "log.xes.gz": lambda told, path: path.write_bytes(gzip.compress(xes(told).encode())),
    "book.xlsx": lambda told, path: told.to_excel(path, index=False, engine="xlsxwriter"),
    "typed.parquet": lambda told, path: typed(told).to_parquet(path),
    "data.sqlite": lambda told, path: database(told, path) or {"table": "events"},
    "parts": parted,
}


def log_of(folder, spec):
    params = make_client(folder, spec, report={"min_cell": 1})
    built = collect(params, folder / "log").built
    told = built.log.events()[["customer_id", "timestamp", "touchpoint", "value"]]
    order = ["customer_id", "timestamp", "touchpoint", "value"]
    return told.sort_values(order, ignore_index=True), built.facts


@pytest.mark.parametrize("form", WRITERS)
@FEW
@given(events=EVENTS)
def test_a_table_of_events_reads_back_the_same(tmp_path_factory, form, events):
    told, folder = frame_of(events), tmp_path_factory.mktemp("trip")
    (folder / "plain.csv").write_text(delimited(told), encoding="utf-8")
    expected, facts = log_of(folder, source("plain.csv"))
    assert facts["n_events"] == len(told)
    assert facts["n_customers"] == told["customer_id"].nunique()
    assert facts["first"] == told["timestamp"].min().replace(" ", "T") + "Z"
    keys = WRITERS[form](told, folder / form)
    found, same = log_of(folder, source(form, **(keys if isinstance(keys, dict) else {})))
    pd.testing.assert_frame_equal(found, expected)
    assert same == facts
