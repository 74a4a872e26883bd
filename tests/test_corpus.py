"""Broken and awkward files of every sort: read right, or refused with their place and cure."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from corpus import ABSENT, SCRIPT, Case, client_of, corpus_cases, corpus_folder, differences

from journeylib.checkup import Checkup, check_client

SECONDS = 60
ROOT = Path(__file__).parents[1]
HEADER = "customer_id,timestamp,touchpoint,channel,stage,revenue,sentiment,text"
# Where this kit's own contract says better than the manifest, and why.
DIFFERENT: dict[str, str] = {
    "binary_noise.csv": (
        "the file holds the letter D two thousand times, which is text: a header without a row; "
        "real noise is tested below"
    ),
    "header_blank_name.csv": (
        "the column that holds values has no name, so it is called by its place, column 4: that it "
        "is the channel only a reader can know"
    ),
}
ON_COMMAND_LINE = (
    "good.csv", "enc_cp1252.csv", "nul_bytes.csv", "truncated_last_row.csv", "fifo.csv",
    "zip_slip.zip", "symlink_loop.csv", "touch_xss.csv", "o'brien.csv", "-rf.csv",
    "wb_formula_no_cache.xlsx", "binary_noise.csv",
)  # fmt: skip
needs_corpus = pytest.mark.skipif(not SCRIPT.exists(), reason=ABSENT)


@pytest.fixture(autouse=True)
def _nothing_hangs():
    """Stop a test that waits for ever, as a named pipe would make it."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"the check took more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def check(folder: Path, path: Path | str, **options: object) -> Checkup:
    return check_client(client_of(folder, path, options))


def check_text(folder: Path, text: str, name: str = "data.csv", **options: object) -> Checkup:
    (folder / name).write_text(text, encoding="utf-8")
    return check(folder, name, **options)


def rows_of(count: int, *, name: str = "visit", text: str = "fine") -> str:
    """Write a file with one event of each customer a day."""
    lines = [
        f"C{at:04d},2024-01-{at % 28 + 1:02d}T10:00:00Z,{name},web,awareness,1.5,0.5,{text}"
        for at in range(count)
    ]
    return "\n".join([HEADER, *lines]) + "\n"


def assert_complete(found: Checkup) -> None:
    """Hold every error to its contract: a code, a sentence with the file, and what to do."""
    for problem in found.errors:
        assert re.fullmatch(r"E-[A-Z0-9-]+", problem.code)
        assert problem.message.strip().endswith((".", "?")), problem.message
        assert problem.file
        assert problem.fix.strip()
        assert "Traceback" not in str(problem)


# ------------------------------------------------------------------ golden


@needs_corpus
@pytest.mark.parametrize("case", corpus_cases(), ids=lambda case: case.name[:60])
def test_each_file_of_the_corpus_is_read_or_refused_as_its_manifest_says(tmp_path, case: Case):
    if case.name == "unreadable.csv" and os.geteuid() == 0:
        pytest.skip("nothing is unreadable for root")
    found = check(tmp_path, corpus_folder() / case.file, **case.options)
    assert_complete(found)
    wrong = differences(case, found)
    if case.name in DIFFERENT:
        assert wrong, f"{case.name} is as the manifest says: take it out of DIFFERENT"
        pytest.skip(DIFFERENT[case.name])
    assert not wrong, f"{case.defect}: {'; '.join(wrong)}"


@needs_corpus
def test_the_corpus_is_whole_and_every_difference_is_of_a_file_in_it():
    names = {case.name for case in corpus_cases()}
    assert len(names) == 208
    assert set(DIFFERENT) | set(ON_COMMAND_LINE) <= names


@needs_corpus
def test_the_command_gives_one_object_and_an_exit_code_for_every_sort_of_file(tmp_path):
    """DESIGN, part 5: nothing else on stdout, no trace on stderr, 0 or 2."""
    from concurrent.futures import ThreadPoolExecutor

    signal.alarm(180)
    cases = {case.name: case for case in corpus_cases()}
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda name: run_check(tmp_path, cases[name]), ON_COMMAND_LINE))
    for name, done in zip(ON_COMMAND_LINE, said, strict=True):
        assert done.returncode == (2 if cases[name].outcome == "error" else 0), done.stderr
        assert "Traceback" not in done.stderr, name
        found = json.loads(done.stdout)
        assert set(found) == {"ok", "facts", "notes", "errors"}
        assert set(found["facts"]) == {"n_events", "n_customers", "value_sum", "first", "last"}
        assert found["ok"] is not bool(found["errors"])
        for problem in found["errors"]:
            assert set(problem) == {"code", "file", "line", "column", "message", "fix"}
            assert str(tmp_path) not in done.stdout
        for note in found["notes"]:
            assert set(note) == {"code", "file", "line", "column", "message", "rows"}


def run_check(folder: Path, case: Case) -> subprocess.CompletedProcess[str]:
    own = folder / str(ON_COMMAND_LINE.index(case.name))
    own.mkdir()
    file = client_of(own, corpus_folder() / case.file, case.options)
    code = "from journeylib.cli import main; main()"
    command = [sys.executable, "-c", code, "check", str(file), "--json"]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )


# ------------------------------------------------------------------ the same facts, other files


def as_zip(*members: tuple[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def as_zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(content)
    return sink.getvalue().to_pybytes()


def as_workbook(good: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    good.to_excel(out, index=False, engine="xlsxwriter")
    return out.getvalue()


def as_parquet(good: pd.DataFrame) -> bytes:
    return bytes(good.to_parquet(index=False))


def as_json(good: pd.DataFrame, *, lines: bool) -> bytes:
    return good.to_json(orient="records", lines=lines, force_ascii=False).encode()


def halves(good: pd.DataFrame) -> bytes:
    one, two = good.iloc[::2], good.iloc[1::2]
    return as_zip(("two.csv", two.to_csv(index=False)), ("one.csv", one.to_csv(index=False)))


# Each takes the good file's text and its rows, and gives the same events in another file.
SAME = {
    "shuffled.csv": lambda _, rows: rows.sample(frac=1, random_state=5).to_csv(index=False),
    "reversed.csv": lambda _, rows: rows.iloc[::-1].to_csv(index=False),
    "crlf.csv": lambda text, _: text.replace("\n", "\r\n"),
    "bom.csv": lambda text, _: "\ufeff" + text,
    "utf16.csv": lambda text, _: text.encode("utf-16"),
    "columns.csv": lambda _, rows: rows[rows.columns[::-1]].to_csv(index=False),
    "quoted.csv": lambda _, rows: rows.to_csv(index=False, quoting=1),
    "tabs.csv": lambda _, rows: rows.to_csv(index=False, sep="\t"),
    "good.parquet": lambda _, rows: as_parquet(rows),
    "good.csv.gz": lambda text, _: gzip.compress(text.encode()),
    "good.csv.zst": lambda text, _: as_zstd(text.encode()),
    "good.zip": lambda text, _: as_zip(("good.csv", text)),
    "halves.zip": lambda _, rows: halves(rows),
    "good.xlsx": lambda _, rows: as_workbook(rows),
    "good.jsonl": lambda _, rows: as_json(rows, lines=True),
    "good.json": lambda _, rows: as_json(rows, lines=False),
    "good.jsonl.zst": lambda _, rows: as_zstd(as_json(rows, lines=True)),
    "good.parquet.gz": lambda _, rows: gzip.compress(as_parquet(rows)),
}


@needs_corpus
@pytest.mark.parametrize("name", SAME)
def test_the_same_events_in_another_file_give_the_same_facts(tmp_path, name):
    text = (corpus_folder() / "data" / "good.csv").read_text(encoding="utf-8")
    rows = pd.read_csv(io.StringIO(text), keep_default_na=False)
    content = SAME[name](text, rows)
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    found = check(tmp_path, name)
    assert found.ok, found.errors
    (good,) = [case.facts for case in corpus_cases() if case.name == "good.csv"]
    assert found.facts["n_events"] == good["n_events"]
    assert found.facts["n_customers"] == good["n_customers"]
    assert found.facts["value_sum"] == pytest.approx(good["revenue_sum"])
    assert (found.facts["first"], found.facts["last"]) == (good["first"], good["last"])


# ------------------------------------------------------------------ what the corpus lacks


def refusal(found: Checkup):
    assert not found.ok
    assert_complete(found)
    return found.errors[0]


def write_and_check(folder: Path, name: str, content: bytes) -> Checkup:
    (folder / name).write_bytes(content)
    return check(folder, name)


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.csv.gz", "bomb.csv.zst"])
def test_a_small_file_that_grows_without_end_is_refused(tmp_path, name):
    text = rows_of(10).encode() + b" " * 40_000_000
    content = {
        "bomb.zip": lambda: as_zip(("bomb.csv", text)),
        "bomb.csv.gz": lambda: gzip.compress(text),
        "bomb.csv.zst": lambda: as_zstd(text),
    }[name]()
    assert len(content) * 100 < len(text)
    problem = refusal(write_and_check(tmp_path, name, content))
    assert (problem.code, problem.file) == ("E-ARCHIVE", name)
    assert "100 times" in problem.message


def test_many_members_may_not_grow_together_either(tmp_path):
    part = rows_of(10).encode() + b" " * 6_000_000
    packed = as_zip(*((f"part-{at}.csv", part) for at in range(4)))
    problem = refusal(write_and_check(tmp_path, "bomb.zip", packed))
    assert (problem.code, "100 times" in problem.message) == ("E-ARCHIVE", True)


@pytest.mark.parametrize("climbing", ["../../evil.csv", "/etc/evil.csv", "a\\..\\..\\evil.csv"])
def test_an_archive_with_a_climbing_member_is_refused_whole(tmp_path, climbing):
    packed = as_zip(("data.csv", rows_of(20)), (climbing, rows_of(20)))
    problem = refusal(write_and_check(tmp_path, "data.zip", packed))
    assert (problem.code, problem.file) == ("E-ARCHIVE", "data.zip")
    assert not list(tmp_path.rglob("evil.csv"))


def test_members_of_several_kinds_are_several_sources(tmp_path):
    packed = as_zip(("a.csv", rows_of(20)), ("b.json", '[{"a": 1}]'))
    problem = refusal(write_and_check(tmp_path, "data.zip", packed))
    assert "a.csv (csv), b.json (json)" in problem.message


def test_members_that_are_no_data_are_passed_over_and_named(tmp_path):
    packed = as_zip(
        ("__MACOSX/._a.csv", "x"), (".DS_Store", "x"), ("README.txt", "Read me."),
        ("b/a.csv", rows_of(20)), ("a/a.csv", rows_of(20, name="call")),
    )  # fmt: skip
    found = write_and_check(tmp_path, "data.zip", packed)
    assert found.facts["n_events"] == 40
    noted = [note.message for note in found.notes if note.code == "N-ARCHIVE"]
    assert any("README.txt" in message for message in noted)
    assert any("2 files" in message and "1 a a.csv" in message for message in noted)


def test_an_error_in_a_member_names_the_member_and_its_line(tmp_path):
    bad = rows_of(20).replace("C0003,2024-01-04", "C0003,2024-31-04")
    packed = as_zip(("good.csv", rows_of(20)), ("late.csv", bad))
    problem = refusal(write_and_check(tmp_path, "data.zip", packed))
    assert (problem.file, problem.line, problem.column) == ("late.csv", 5, "timestamp")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("noise.csv", bytes((at * 7919 + at // 7) % 251 + 1 for at in range(5000)), "E-ENCODING"),
        ("empty.zip", as_zip(), "E-ARCHIVE"),
        ("nested.zip", as_zip(("inner.zip", as_zip(("a.csv", "a")))), "E-ARCHIVE"),
        ("packed.zip", as_zip(("a.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0))), "E-ARCHIVE"),
        ("data.csv.zst", as_zstd(rows_of(200).encode())[:-9], "E-ARCHIVE"),
        ("data.csv.zst", b"\x28\xb5\x2f\xfd", "E-ARCHIVE"),
        ("data.tar", b"a.csv".ljust(257, b"\0") + b"ustar" + b"\0" * 250, "E-ARCHIVE"),
        ("data.csv.bz2", b"BZh91AY&SY" + bytes(range(200)), "E-ARCHIVE"),
    ],
    ids=["noise", "empty", "nested", "packed", "cut", "head", "tar", "bzip2"],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, name, content, code):
    found = write_and_check(tmp_path, name, content)
    assert len(found.errors) == 1
    assert refusal(found).code == code


def test_formulas_are_read_by_their_stored_results_and_refused_without(tmp_path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "stored.xlsx") as book:
        sheet = book.add_worksheet()
        for at, line in enumerate(rows_of(20).splitlines()):
            sheet.write_row(at, 0, line.split(","))
            if at:
                sheet.write_formula(at, 5, "=1+1", None, 2)
    found = check(tmp_path, "stored.xlsx")
    assert found.facts["value_sum"] == 40
    book = openpyxl.Workbook()
    for at, line in enumerate(rows_of(20).splitlines()):
        book.active.append([*line.split(",")[:5], "=1+1" if at else "revenue"])
    book.save(tmp_path / "never.xlsx")
    problem = refusal(check(tmp_path, "never.xlsx"))
    assert (problem.code, problem.line, problem.column) == ("E-FORMULA", 2, "revenue")
    assert "=1+1" in problem.message


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200b", "\x1b[31m"])
def test_marks_that_turn_or_colour_text_leave_names_and_are_noted(tmp_path, mark):
    found = check_text(tmp_path, rows_of(20, name=f"{mark}visit"))
    assert found.ok
    assert any(note.column == "touchpoint" for note in found.notes if note.code.startswith("N-C"))
    assert found.collected is not None
    assert found.collected.built.log.codes.touchpoints == ("visit",)


def test_scripts_in_names_and_texts_are_only_text(tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    found = check_text(tmp_path, rows_of(20, name=evil, text=evil))
    assert found.ok
    assert found.facts["n_events"] == 20


def source_file(folder: Path, **keys: object) -> Path:
    source = {"name": "shop", "kind": "events", **keys}
    file = folder / "acme.yml"
    file.write_text(json.dumps({"sources": [source]}), encoding="utf-8")
    return file


def test_a_password_typed_into_an_address_is_refused_and_not_repeated(tmp_path):
    url = "postgresql://me:hunter2secret@localhost/shop"
    found = check_client(source_file(tmp_path, url=url, table="visits"))
    assert refusal(found).code == "E-PARAMS-SECRET"
    assert "hunter2secret" not in found.to_json()


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("UNSET_PASSWORD", raising=False)
    url = "postgresql://me:${UNSET_PASSWORD}@localhost/shop"
    problem = refusal(check_client(source_file(tmp_path, url=url, table="visits")))
    assert "UNSET_PASSWORD" in problem.message + problem.fix


def test_a_folder_of_files_of_several_kinds_is_one_source(tmp_path):
    (tmp_path / "in").mkdir()
    text = rows_of(20)
    (tmp_path / "in" / "a.csv").write_text(text)
    rows = pd.read_csv(io.StringIO(text.replace("C00", "D00")))
    (tmp_path / "in" / "b.jsonl").write_bytes(as_json(rows, lines=True))
    (tmp_path / "in" / "c.parquet").write_bytes(as_parquet(rows.replace("D00", "E00", regex=True)))
    found = check(tmp_path, "in")
    assert (found.facts["n_events"], found.facts["n_customers"]) == (60, 60)
    (tmp_path / "in" / "notes.pdf").write_bytes(b"%PDF-1.7\n")
    problem = refusal(check(tmp_path, "in"))
    assert (problem.code, problem.file) == ("E-NOT-CSV", "notes.pdf")


def test_a_pattern_that_matches_nothing_is_named(tmp_path):
    problem = refusal(check(tmp_path, "exports/2024-*.csv"))
    assert (problem.code, problem.file) == ("E-NO-FILE", "exports/2024-*.csv")
