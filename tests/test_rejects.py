"""Rows left out: each with its file and line, and what they were worth."""

from __future__ import annotations

from reading import make_client, source

from journeylib.collect import collect
from journeylib.engine import open_connection
from journeylib.rejects import list_rejects
from journeylib.sources import read_sources

HEAD = "customer_id,timestamp,touchpoint,value,text\n"
FILES = {
    "a.csv": HEAD + 'c1,2024-01-02,visit,1,"two\nlines"\n,2024-01-03,visit,20,x\n'
    "c2,2024-01-03,visit,3,x\n",
    "b.csv": HEAD + "c3,,visit,400,x\nc4,2024-01-05,test,5,x\nc4,2024-01-06,visit,6,x\n",
}


def read(folder, **keys):
    for name, text in FILES.items():
        (folder / name).write_text(text)
    params = make_client(folder, source("?.csv", **keys))
    con = open_connection(memory="1GB", scratch=folder)
    return read_sources(params, con), con


def test_every_row_left_out_is_listed_with_file_line_and_reason(tmp_path):
    tables, con = read(tmp_path, keep=["touchpoint <> 'test'"])
    rows = list_rejects(con, tables).to_dict("records")
    assert [(row["file"], row["line"], row["reason"]) for row in rows] == [
        ("a.csv", 4, "no customer_id"),
        ("b.csv", 2, "no timestamp"),
        ("b.csv", 3, "not kept by touchpoint <> 'test'"),
    ]
    assert tables[0].rows_used == 3
    assert tables[0].lost == {
        "not kept by touchpoint <> 'test'": 5.0, "no customer_id": 20.0, "no timestamp": 400.0
    }  # fmt: skip


def test_the_list_ends_where_it_is_told_to(tmp_path):
    tables, con = read(tmp_path)
    assert len(list_rejects(con, tables, most=1)) == 1


def test_a_source_without_rows_left_out_lists_none(tmp_path):
    (tmp_path / "good.csv").write_text(HEAD + "c1,2024-01-02,visit,1,x\n")
    con = open_connection(memory="1GB", scratch=tmp_path)
    tables = read_sources(make_client(tmp_path, source("good.csv")), con)
    assert list_rejects(con, tables).empty
    assert tables[0].lost == {}


def test_a_row_whose_only_key_is_nobodys_is_listed_too(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "email,date,value\na@b.example,2024-01-02,5\nnoreply@shop.example,2024-01-03,7\n"
    )
    spec = source("orders.csv", "orders", columns={"email": "email", "timestamp": "date"})
    collected = collect(make_client(tmp_path, spec), tmp_path / "log")
    (row,) = collected.rejects.to_dict("records")
    assert (row["file"], row["line"], row["reason"]) == ("orders.csv", 3, "no usable key")
    assert collected.sources["reasons"].tolist() == ["no usable key: 1 (value 7.00)"]
