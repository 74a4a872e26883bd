"""Files of any format into the same rows, and every broken file into one message."""

import csv
import datetime as dt
import gzip
import io
import json
import random
import sqlite3
import zipfile

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import HEADER, codes, events, make_client, read_one, read_text, refusal, source

from journeylib.collect import collect
from journeylib.engine import open_connection
from journeylib.formats import count_rows, find_files, table_columns

ROWS = "c1,2024-01-01T10:00:00Z,visit\nc2,2024-01-02T10:00:00Z,till\n"
GOOD = f"{HEADER}\n{ROWS}"
SPOKEN = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12
)
VISITS = st.lists(
    st.tuples(
        st.integers(1, 20),
        st.datetimes(dt.datetime(2020, 1, 13), dt.datetime(2024, 12, 28)),
        st.sampled_from(["visit", "call", "till, paid", 'the "shop"']),
        st.integers(-99_999, 9_999_999),
        SPOKEN,
    ),
    min_size=1,
    max_size=12,
)


def frame_of(visits: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{who:03d}" for who, *_ in visits],
            "timestamp": [when.replace(microsecond=0) for _, when, *_ in visits],
            "touchpoint": [what for _, _, what, *_ in visits],
            "value": [cents / 100 for *_, cents, _ in visits],
            "text": [text for *_, text in visits],
        }
    )


def log_of(folder, spec):
    """Read one source up to the log; gives what every format must agree on."""
    params = make_client(folder, spec)
    collected = collect(params, folder / "log")
    told = collected.built.log.events()[["timestamp", "touchpoint", "value", "customer_id"]]
    return told, collected.built.facts


def write_csv(visits: pd.DataFrame, dialect: random.Random) -> tuple[bytes, dict]:
    """Write the visits in a random dialect; only what cannot be detected is declared."""
    separator = dialect.choice([",", ";", "\t", "|"])
    decimal = "," if separator != "," and dialect.random() < 0.5 else "."
    out = io.StringIO()
    quoting = dialect.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    writer = csv.writer(
        out, delimiter=separator, quoting=quoting, lineterminator=dialect.choice(["\n", "\r\n"])
    )
    writer.writerow(visits.columns)
    for row in visits.itertuples(index=False):
        value = f"{row.value:.2f}".replace(".", decimal)
        time = row.timestamp.isoformat(sep=dialect.choice("T "))
        writer.writerow([row.customer_id, time, row.touchpoint, value, row.text])
    encoding = dialect.choice(["utf-8", "utf-8-sig", "utf-16"])
    return out.getvalue().encode(encoding), {"decimal": decimal}


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize("name", ["data.csv.gz", "data.zip", "data.csv"])
def test_packed_files_read_like_plain_ones(tmp_path, name):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner.csv", GOOD)
        archive.writestr("__MACOSX/._inner.csv", "x")
    content = {".gz": gzip.compress(GOOD.encode()), ".zip": packed.getvalue()}
    _, rows = read_text(tmp_path, content.get(name[-4:].lstrip("v"), GOOD.encode()), name=name)
    assert rows["customer_id"].tolist() == ["c1", "c2"]


def test_blank_separated_and_fixed_width_files_read_alike(tmp_path):
    rows = [" customer_id  timestamp touchpoint", " 00001 20240113  visit", " 00002 20240114  till"]
    blank = "\r\n".join([*rows, "", ""])
    _, first = read_text(tmp_path, blank, format={"sep": "whitespace"})
    fixed = "0000120240113visit\n0000220240114till \n"
    columns = {"customer_id": 1, "timestamp": 2, "touchpoint": 3}
    layout = {"widths": [5, 8, 5], "header": "false"}
    _, second = read_text(tmp_path, fixed, format=layout, columns=columns)
    assert first.equals(second)
    assert first["customer_id"].tolist() == ["00001", "00002"]


def test_a_file_without_header_is_mapped_by_position(tmp_path):
    columns = {"customer_id": 1, "timestamp": 2, "touchpoint": 3}
    _, rows = read_text(tmp_path, ROWS, format={"header": "false"}, columns=columns)
    assert rows["touchpoint"].tolist() == ["visit", "till"]


def test_title_lines_can_be_passed_over(tmp_path):
    table, rows = read_text(tmp_path, "Export\n\n" + GOOD, format={"skip_rows": 2})
    assert (len(rows), table.rows_read) == (2, 2)


def test_a_wide_table_becomes_long(tmp_path):
    wide = {"wide": {"names_to": "unit", "values_to": "value"}}
    text = "Year,Ohio,New York\n1970,1.5,2\n1971,,4\n"
    _, rows = read_text(tmp_path, text, kind="measurements", columns={"time": "Year"}, format=wide)
    assert rows["unit"].tolist() == ["Ohio", "New York"] * 2
    assert rows["time"].dt.year.tolist() == [1970, 1970, 1971, 1971]
    assert rows["value"].isna().tolist() == [False, False, True, False]


def test_nested_json_is_flattened_and_long_ids_keep_every_digit(tmp_path):
    records = [
        {"who": {"id": 9007199254740993}, "timestamp": "2024-01-01T10:00:00Z", "touchpoint": "a"},
        {"who": {"id": None}, "timestamp": "2024-01-02T10:00:00Z", "touchpoint": "b"},
        {"who": None, "timestamp": "2024-01-02T10:00:00Z", "touchpoint": "b", "tags": ["x", 1]},
    ]
    text = json.dumps({"data": records})
    table, rows = read_text(tmp_path, text, name="d.json", columns={"customer_id": "who.id"})
    assert rows["customer_id"].tolist() == ["9007199254740993"]
    assert table.drops == {"no customer_id": 2}
    assert "who" not in rows


def test_sheets_hold_dates_and_are_chosen_by_name_or_position(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["note"])
    sheet = book.create_sheet("Visits")
    sheet.append(["customer_id", "day", "hour", "touchpoint"])
    sheet.append([12, dt.datetime(2024, 1, 13), dt.time(14, 30), "visit"])
    book.save(tmp_path / "book.xlsx")
    for sheet_name in ("Visits", 2):
        spec = source(
            "book.xlsx", columns={"timestamp": ["day", "hour"]}, format={"sheet": sheet_name}
        )
        _, rows = read_one(tmp_path, spec)
        assert rows["customer_id"].tolist() == ["12"]
        assert rows["timestamp"].tolist() == [pd.Timestamp("2024-01-13T14:30Z")]


def test_an_sqlite_file_is_read_by_path_and_table(tmp_path):
    with sqlite3.connect(tmp_path / "shop.sqlite") as base:
        base.execute("CREATE TABLE visits (customer_id, timestamp, touchpoint, value)")
        base.execute("INSERT INTO visits VALUES ('a', '2024-01-01 10:00:00', '12:30', 5)")
        base.execute("INSERT INTO visits VALUES ('b', '2024-01-02 10:00:00', 'x', 2.5)")
    base.close()
    table, rows = read_one(tmp_path, source("shop.sqlite", table="visits"))
    assert rows["value"].tolist() == [5, 2.5]
    assert {note.file for note in table.notes} == {"data"}
    query = "SELECT * FROM visits WHERE touchpoint = '12:30'"
    _, rows = read_one(tmp_path, source("shop.sqlite", query=query))
    assert rows["customer_id"].tolist() == ["a"]


def test_files_of_a_folder_are_joined_by_name_and_their_differences_noted(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.csv").write_text(
        "touchpoint;timestamp;customer_id;value\nx;2024-01-03;c3;5\n"
    )
    (tmp_path / "in" / "a.csv").write_text(f"{HEADER}\nc1,2024-01-01,visit\n")
    table, rows = read_one(tmp_path, source("in"))
    assert rows["customer_id"].tolist() == ["c1", "c3"]
    assert {"N-COLUMNS-DIFFER", "N-DIALECT"} <= codes(table)


def test_tables_are_counted_and_described(tmp_path):
    con = open_connection(memory="1GB", scratch=tmp_path)
    con.execute("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b")
    assert count_rows(con, "t") == 1
    assert table_columns(con, "t") == {"a": "INTEGER", "b": "VARCHAR"}


def test_zstandard_is_unpacked_and_noted_where_the_name_does_not_say_so(tmp_path):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(GOOD.encode())
    packed = sink.getvalue().to_pybytes()
    table, rows = read_text(tmp_path, packed, name="data.csv.zst")
    assert "N-ZSTD" not in codes(table)
    other, same = read_text(tmp_path, packed, name="data.csv")
    assert "N-ZSTD" in codes(other)
    assert same.equals(rows)


def test_a_sheet_may_have_a_header_of_two_rows(tmp_path):
    book = openpyxl.Workbook()
    book.active.append([*HEADER.split(","), "Which apply?", None])
    book.active.append([None, None, None, "Web", "App"])
    book.active.append(["c1", "2024-01-13", "x", "yes", "no"])
    book.save(tmp_path / "b.xlsx")
    _, rows = read_one(tmp_path, source("b.xlsx", format={"header_rows": 2}))
    assert rows[["Which apply?", "Which apply?: App"]].to_numpy().tolist() == [["yes", "no"]]


# ------------------------------------------------------------------ boundary


def test_a_literal_file_name_wins_over_a_glob(tmp_path):
    for name in ("glob[1]*.csv", "glob1x.csv"):
        (tmp_path / name).write_text(GOOD)
    found = find_files("glob[1]*.csv", tmp_path / "glob[1]*.csv")
    assert [path.name for path in found] == ["glob[1]*.csv"]
    _, rows = read_one(tmp_path, source("glob[1]*.csv"))
    assert len(rows) == 2


def test_an_honest_archive_may_grow_a_hundredfold_only_when_small(tmp_path):
    small = f"{HEADER}\n" + ROWS * 5_000
    assert len(gzip.compress(small.encode())) * 100 < len(small) < 10_000_000
    table, _ = read_text(tmp_path, gzip.compress(small.encode()), name="a.csv.gz")
    assert table.rows_read == 10_000
    large = gzip.compress(f"{HEADER}\n".encode() + ROWS.encode() * 200_000)
    assert refusal(tmp_path, large, name="b.csv.gz").code == "E-ARCHIVE"


def test_lines_are_counted_over_quoted_breaks_and_blank_lines(tmp_path):
    text = f'{HEADER},value\nc1,2024-01-01,"a\nb",1\n\nc2,2024-01-02,x,oops\n'
    problem = refusal(tmp_path, text)
    assert (problem.code, problem.line, problem.column) == ("E-NUMBER-UNREADABLE", 5, "value")


def json_of(rows: list[dict], form: str) -> str:
    texts = [json.dumps(row) for row in rows]
    if form == "array":
        return json.dumps(rows)
    return "\n".join(texts) if form == "lines" else "[\n" + ",\n".join(texts) + "\n]"


@pytest.mark.parametrize("form", ["lines", "array", "spread"])
def test_json_is_read_in_batches_with_one_type_for_each_column(tmp_path, monkeypatch, form):
    monkeypatch.setattr("journeylib.spool.BATCH_ROWS", 100)
    monkeypatch.setattr("journeylib.records._CHUNK", 1000)
    rows = [
        {"customer_id": f"c{at}", "timestamp": "2024-01-13T10:00:00Z", "touchpoint": "é"}
        | ({"late": at} if at > 150 else {"late": None})
        | {"mixed": at if at < 150 else f"x{at}", "big": 2**53 + at}
        for at in range(250)
    ]
    _, found = read_text(tmp_path, json_of(rows, form), name="d.json")
    assert found["customer_id"].tolist() == [row["customer_id"] for row in rows]
    assert found["late"].dropna().tolist() == list(range(151, 250))
    assert found["mixed"].tolist() == [str(row["mixed"]) for row in rows]
    assert found["big"].tolist() == [row["big"] for row in rows]


@pytest.mark.parametrize(("form", "line"), [("lines", 201), ("array", 1), ("spread", 202)])
def test_a_value_in_json_is_named_with_its_own_line(tmp_path, monkeypatch, form, line):
    monkeypatch.setattr("journeylib.records._CHUNK", 1000)
    rows = [
        {"customer_id": "c", "timestamp": "2024-01-13T10:00:00Z", "touchpoint": "x", "value": "5.5"}
        for at in range(250)
    ]
    rows[200]["value"] = "oops"
    problem = refusal(tmp_path, json_of(rows, form), name="d.json")
    assert (problem.line, problem.column) == (line, "value")


def test_objects_that_hold_a_list_of_objects_are_rows_where_they_stand_on_lines(tmp_path):
    row = {"customer_id": "c", "timestamp": "2024-01-13T10:00:00Z", "touchpoint": "x"}
    lines = "\n".join(json.dumps(row | {"items": [{"a": at}]}) for at in range(3))
    _, rows = read_text(tmp_path, lines, name="d.jsonl")
    assert rows["items"].tolist() == ['[{"a": 0}]', '[{"a": 1}]', '[{"a": 2}]']


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_json_of_another_encoding_is_read_by_its_mark_or_declared(tmp_path, encoding):
    row = {"customer_id": "é", "timestamp": "2024-01-13T10:00:00Z", "touchpoint": "x"}
    declared = {} if encoding == "utf-16" else {"format": {"encoding": encoding}}
    content = json.dumps([row], ensure_ascii=False).encode(encoding)
    _, rows = read_text(tmp_path, content, name="d.json", **declared)
    assert rows["customer_id"].tolist() == ["é"]


def test_a_half_of_a_character_and_endless_digits_do_not_stop_the_reader(tmp_path):
    row = '{"customer_id": "c\\ud800", "timestamp": "2024-01-13T10:00:00Z", "touchpoint": "x"}'
    _, rows = read_text(tmp_path, row, name="d.jsonl")
    assert rows["customer_id"].tolist() == ["c?"]
    problem = refusal(tmp_path, '{"a": "b", "n": ' + "9" * 5000 + "}\n" + row, name="d.jsonl")
    assert (problem.code, problem.line) == ("E-JSON", 1)


def test_keys_that_hold_values_are_refused_before_they_fill_the_memory(tmp_path):
    rows = "\n".join(json.dumps({f"visitor {at}": 1}) for at in range(5_100))
    assert refusal(tmp_path, rows, name="d.jsonl").code == "E-TOO-WIDE"


# ------------------------------------------------------------------ property

FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FEW
@given(visits=VISITS, seed=st.integers(0, 10_000))
def test_every_dialect_and_format_gives_the_same_log(tmp_path_factory, visits, seed):
    folder = tmp_path_factory.mktemp("formats")
    told = frame_of(visits)
    told.to_parquet(folder / "a.parquet")
    told.to_excel(folder / "a.xlsx", index=False, engine="xlsxwriter")
    told.to_json(folder / "a.jsonl", orient="records", lines=True, date_format="iso")
    content, layout = write_csv(told, random.Random(seed))
    (folder / "a.csv").write_bytes(content)
    expected, facts = log_of(folder, source("a.parquet"))
    assert facts["n_events"] == len(told)
    assert facts["value_sum"] == pytest.approx(told["value"].sum())
    for name, format_ in (("a.csv", layout), ("a.xlsx", {}), ("a.jsonl", {})):
        found, same = log_of(folder, source(name, format=format_))
        pd.testing.assert_frame_equal(found, expected)
        assert same == facts, name


# ------------------------------------------------------------------ refusal


@pytest.mark.parametrize(
    ("content", "name", "code", "line"),
    [
        (b"", "a.csv", "E-EMPTY", None),
        (f"{HEADER}\n".encode(), "a.csv", "E-NO-ROWS", 1),
        (GOOD.encode() + b"c3,2024-01-03T10:00:00Z,caf\xe9\n", "a.csv", "E-ENCODING", 4),
        (GOOD.encode() + b"c3,2024-01-03T10:00:00Z,caf\xc3", "a.csv", "E-TRUNCATED", 4),
        (GOOD.encode() + b"c3,2024", "a.csv", "E-TRUNCATED", 4),
        (GOOD.encode() + b"c3,2024-01-03,a\0b\n", "a.csv", "E-NUL", 4),
        (GOOD.encode("utf-16-le"), "a.csv", "E-ENCODING", 1),
        (GOOD.replace("visit", "visit,extra").encode(), "a.csv", "E-RAGGED", 2),
        (GOOD.replace("visit", '"visit').encode(), "a.csv", "E-QUOTE", 2),
        (f"My export\n{GOOD}".encode(), "a.csv", "E-NO-HEADER", 1),
        (ROWS.replace("visit", "1").encode(), "a.csv", "E-NO-HEADER", 1),
        (f"{HEADER},Touchpoint\n".encode(), "a.csv", "E-DUP-COLUMN", 1),
        (f"{HEADER},_row\nc1,2024-01-01,x,1\n".encode(), "a.csv", "E-COLUMN-NAME", 1),
        (b"%PDF-1.7\n", "a.csv", "E-NOT-CSV", None),
        (b"<!DOCTYPE html><html>", "a.csv", "E-NOT-CSV", None),
        (b'[{"a": 1}]', "a.csv", "E-NOT-CSV", 1),
        (b'{"a": 1}\n{"a": \n', "a.jsonl", "E-JSON", 2),
        (b"[1, 2]", "a.json", "E-JSON", 1),
        (b"[" * 100_000, "a.json", "E-JSON", 1),
        (b"PAR1 cut", "a.parquet", "E-NOT-PARQUET", None),
        (b"PK\x03\x04 cut", "a.xlsx", "E-NOT-WORKBOOK", None),
        (b"PK\x03\x04 cut", "a.zip", "E-ARCHIVE", None),
        (gzip.compress(GOOD.encode(), mtime=0)[:-9], "a.csv.gz", "E-ARCHIVE", None),
    ],
)
def test_a_broken_file_is_refused_with_code_line_and_fix(tmp_path, content, name, code, line):
    problem = refusal(tmp_path, content, name=name)
    assert (problem.code, problem.line) == (code, line)


def test_a_missing_file_names_a_near_one(tmp_path):
    (tmp_path / "data.csv").write_text(GOOD)
    with pytest.raises(Exception, match=r'Did you mean "data.csv"'):
        read_one(tmp_path, source("dat.csv"))


def test_an_archive_that_climbs_out_is_refused(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.csv", GOOD)
    assert "climbs" in refusal(tmp_path, packed.getvalue(), name="a.zip").message


def test_of_two_filled_sheets_one_must_be_chosen(tmp_path):
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("More")):
        sheet.append(HEADER.split(","))
        sheet.append(["c1", "2024-01-01", "x"])
    book.save(tmp_path / "b.xlsx")
    problem = refusal(tmp_path, (tmp_path / "b.xlsx").read_bytes(), name="b.xlsx")
    assert problem.fix == "Set sheet: Sheet or More."
    problem = refusal(
        tmp_path, (tmp_path / "b.xlsx").read_bytes(), name="b.xlsx", format={"sheet": "Mor"}
    )
    assert problem.fix == 'Did you mean "More"?'


def test_a_formula_that_was_never_calculated_is_refused(tmp_path):
    book = openpyxl.Workbook()
    book.active.append([*HEADER.split(","), "value"])
    book.active.append(["c1", "2024-01-01", "x", "=1+1"])
    book.save(tmp_path / "b.xlsx")
    problem = refusal(tmp_path, (tmp_path / "b.xlsx").read_bytes(), name="b.xlsx")
    assert (problem.code, problem.line, problem.column) == ("E-FORMULA", 2, "value")


def test_a_database_says_why_it_refuses_and_not_where_it_lies(tmp_path):
    sqlite3.connect(tmp_path / "shop.sqlite").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(Exception, match="no such table: visits") as refused:
        read_one(tmp_path, source("shop.sqlite", table="visits"))
    assert str(tmp_path) not in str(refused.value)


def test_no_message_shows_where_files_lie(tmp_path):
    problem = refusal(tmp_path, events("1", "x", column="value"))
    assert str(tmp_path) not in str(problem)
