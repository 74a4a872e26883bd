"""Event logs of the XES standard: every attribute, each activity once, no entity."""

import gzip
from collections import Counter
from xml.sax.saxutils import quoteattr

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import CLIENTS, DATA, codes, make_client, read_text, refusal, source

from journeylib.collect import collect
from journeylib.params import read_params
from journeylib.xes import _Event, complete

DAY = "2024-01-0{}T10:00:00.000+01:00"
NAMESPACE = 'xmlns="http://www.xes-standard.org/"'


def xes(*traces: str, above: str = "", namespace: str = NAMESPACE) -> str:
    head = '<?xml version="1.0" encoding="UTF-8" ?>'
    top = f'<log xes.version="1849.2016" {namespace}>{above}'
    return f"{head}\n{top}\n{''.join(traces)}</log>"


def trace(name: str, *events: str, more: str = "") -> str:
    return f'<trace><string key="concept:name" value="{name}"/>{more}\n{"".join(events)}</trace>\n'


def event(day: int, name: str = "visit", **keys: str) -> str:
    written = "".join(
        f'<string key="{key.replace("_", ":")}" value="{value}"/>' for key, value in keys.items()
    )
    when = f'<date key="time:timestamp" value="{DAY.format(day)}"/>'
    return f'<event><string key="concept:name" value="{name}"/>{when}{written}</event>\n'


def stage(day: int, transition: str, name: str = "call", **keys: str) -> str:
    return event(day, name, lifecycle_transition=transition, **keys)


def read(folder, *traces: str, **keys):
    return read_text(folder, xes(*traces, **keys), name="log.xes")


# ------------------------------------------------------------------ golden


def test_the_standards_names_are_matched_without_a_mapping(tmp_path):
    table, rows = read(tmp_path, trace("007", event(1), event(2, "till")), trace("008", event(3)))
    assert rows["customer_id"].tolist() == ["007", "007", "008"]
    assert rows["touchpoint"].tolist() == ["visit", "till", "visit"]
    assert rows["timestamp"][0] == pd.Timestamp("2024-01-01T09:00Z")
    assert "N-COLUMN-MATCHED" in codes(table)


def test_times_keep_their_offset_whatever_was_imported_before(tmp_path):
    import pandera.pandas as pandera  # pyarrow forgets offsets from here on

    assert pandera.Column
    _, rows = read(tmp_path, trace("007", event(1)))
    assert rows["timestamp"][0] == pd.Timestamp("2024-01-01T09:00Z")


def test_columns_can_be_mapped_as_in_any_file(tmp_path):
    columns = {
        "customer_id": "case:concept:name", "timestamp": "time:timestamp",
        "touchpoint": "concept:name", "channel": "org:resource",
    }  # fmt: skip
    log = xes(trace("a", event(1, org_resource="web")))
    _, rows = read_text(tmp_path, log, name="log.xes", columns=columns)
    assert rows[["customer_id", "channel"]].to_numpy().tolist() == [["a", "web"]]


def test_every_type_of_attribute_is_read_and_nesting_is_joined_by_dots(tmp_path):
    own = (
        '<event><string key="concept:name" value="visit"><int key="weight" value="3"/></string>'
        f'<date key="time:timestamp" value="{DAY.format(1)}"/>'
        '<int key="big" value="9007199254740993"/><float key="cost" value="1.5"/>'
        '<boolean key="paid" value="true"/><id key="uid" value="00-1"/>'
        '<list key="tags"><values><string key="tag" value="a"/><string key="tag" value="b"/>'
        '</values></list><container key="place"><string key="city" value="Gent"/></container>'
        '<date key="due" value="2024-02-01T00:00:00Z"/></event>'
    )
    _, rows = read(tmp_path, trace("a", own, more='<string key="region" value="north"/>'))
    found = rows.iloc[0]
    assert found["concept:name.weight"] == 3
    assert found["big"] == 9007199254740993
    assert (found["cost"], found["paid"], found["uid"]) == (1.5, 1, "00-1")
    assert (found["tags.tag"], found["place.city"]) == ('["a", "b"]', "Gent")
    assert (found["case:region"], str(found["due"])[:10]) == ("north", "2024-02-01")


def test_a_completed_activity_counts_once_and_keeps_its_start(tmp_path):
    events = [stage(1, "schedule"), stage(2, "start"), stage(3, "suspend"), stage(5, "complete")]
    table, rows = read(tmp_path, trace("a", *events, event(6)))
    assert rows["timestamp"].dt.day.tolist() == [5, 6]
    assert rows["start_timestamp"].dt.day.tolist()[0] == 2
    (note,) = [note for note in table.notes if note.code == "N-XES-LIFECYCLE"]
    assert note.rows == 3


def test_what_was_never_completed_is_kept(tmp_path):
    events = [stage(1, "start"), stage(2, "start", "visit"), stage(3, "ate_abort", "visit")]
    table, rows = read(tmp_path, trace("a", *events))
    assert rows["lifecycle:transition"].tolist() == ["start", "start", "ate_abort"]
    assert "start_timestamp" not in rows
    assert [note.rows for note in table.notes if note.code == "N-XES-LIFECYCLE"] == [1]


def test_parallel_activities_are_paired_by_instance_then_by_resource(tmp_path):
    by_resource = [
        stage(1, "start", org_resource="ann"), stage(2, "start", org_resource="bob"),
        stage(3, "complete", org_resource="bob"), stage(4, "complete", org_resource="ann"),
    ]  # fmt: skip
    by_instance = [
        stage(5, "start", concept_instance="x"), stage(6, "start", concept_instance="y"),
        stage(7, "complete", concept_instance="x"),
    ]  # fmt: skip
    _, rows = read(tmp_path, trace("a", *by_resource, *by_instance))
    pairs = list(zip(rows["start_timestamp"].dt.day, rows["timestamp"].dt.day, strict=True))
    assert pairs[:2] == [(2, 3), (1, 4)]
    assert (pairs[3], rows["lifecycle:transition"][2]) == ((5, 7), "start")


def test_defaults_fill_what_is_missing_but_never_a_time_or_a_case(tmp_path):
    above = (
        '<global scope="trace"><string key="concept:name" value="none"/>'
        '<string key="region" value="north"/></global>'
        '<global scope="event"><date key="time:timestamp" value="1970-01-01T00:00:00Z"/>'
        '<string key="org:resource" value="nobody"/></global>'
        '<classifier name="Activity" keys="concept:name"/>'
    )
    late = '<event><string key="concept:name" value="late"/></event>'
    traces = [trace("a", event(1), late), f"<trace>{event(2)}</trace>"]
    table, rows = read(tmp_path, *traces, above=above)
    assert table.drops == {"no customer_id": 1, "no timestamp": 1}
    assert rows[["case:region", "org:resource"]].to_numpy().tolist() == [["north", "nobody"]]
    noted = {note.column: note.rows for note in table.notes if note.code == "N-XES-DEFAULT"}
    assert noted == {"case:region": 2, "org:resource": 3}


def write_xes(frame: pd.DataFrame, path) -> None:
    """Write an event log of bupaR as XES, its case columns on the trace."""
    case, rest = ["case_id"], [c for c in frame.columns if c != "case_id"]
    names = {"case_id": "concept:name", "activity": "concept:name", "timestamp": "time:timestamp",
             "lifecycle": "lifecycle:transition", "resource": "org:resource"}  # fmt: skip

    def attribute(name, value):
        kind, written = "string", value
        if isinstance(value, pd.Timestamp):
            kind, written = "date", value.isoformat()
        elif isinstance(value, float):
            kind = "float"
        return f"<{kind} key={quoteattr(names.get(name, name))} value={quoteattr(str(written))}/>"

    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as out:
        out.write(f"<log {NAMESPACE}>\n")
        for name, events in frame.groupby("case_id", sort=False):
            out.write(f"<trace>{attribute(case[0], name)}\n")
            for row in events[rest].itertuples(index=False):
                cells = [attribute(n, v) for n, v in zip(rest, row, strict=True) if not pd.isna(v)]
                out.write(f"<event>{''.join(cells)}</event>\n")
            out.write("</trace>\n")
        out.write("</log>\n")


@pytest.mark.parametrize("name", ["traffic_fines", "sepsis"])
def test_a_public_log_gives_the_same_facts_as_xes_and_as_parquet(tmp_path, name):
    file = DATA / "eventdataR" / f"{name}.parquet"
    if not file.exists():
        pytest.skip("the public event logs are not beside this checkout")
    wanted = read_params(CLIENTS / "traffic-fines.yml").sources[0].columns
    keys = {"timezone": "Europe/Rome"}
    columns = {"columns": {own: wanted[own] for own in wanted}}
    spec = source(str(file), **columns)
    expected = collect(make_client(tmp_path, spec, **keys), tmp_path / "one").built
    write_xes(pd.read_parquet(file), tmp_path / "log.xes.gz")
    found = collect(make_client(tmp_path, source("log.xes.gz"), **keys), tmp_path / "two").built
    same = ["n_events", "n_customers", "first", "last"]
    assert [found.facts[key] for key in same] == [expected.facts[key] for key in same]
    visits = ["timestamp", "touchpoint"]
    one, two = (
        built.log.events()[visits].sort_values(visits, ignore_index=True)
        for built in (found, expected)
    )
    pd.testing.assert_frame_equal(one, two)


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize("namespace", ["", 'xmlns="http://www.xes-standard.org"', NAMESPACE])
def test_namespaces_make_no_difference(tmp_path, namespace):
    _, rows = read(tmp_path, trace("a", event(1)), namespace=namespace)
    assert rows["customer_id"].tolist() == ["a"]


def test_a_prefix_and_another_encoding_make_no_difference(tmp_path):
    log = (
        '<?xml version="1.0" encoding="iso-8859-1"?><x:log xmlns:x="http://www.xes-standard.org/">'
        '<x:trace><x:string key="concept:name" value="é"/><x:event>'
        '<x:string key="concept:name" value="visit"/>'
        f'<x:date key="time:timestamp" value="{DAY.format(1)}"/></x:event></x:trace></x:log>'
    )
    _, rows = read_text(tmp_path, log.encode("latin-1"), name="log.xes")
    assert rows["customer_id"].tolist() == ["é"]


def test_a_packed_log_is_known_by_its_content(tmp_path):
    content = gzip.compress(xes(trace("a", event(1))).encode())
    _, rows = read_text(tmp_path, content, name="export.gz")
    assert rows["touchpoint"].tolist() == ["visit"]


def test_events_outside_of_traces_and_hollow_traces_are_counted(tmp_path):
    table, rows = read(tmp_path, trace("a", event(1)), trace("b"), event(2))
    assert len(rows) == 1
    assert table.drops == {"no customer_id": 1}
    assert len([note for note in table.notes if note.code == "N-XES-STRUCTURE"]) == 2


def test_transitions_of_no_standard_model_are_all_kept(tmp_path):
    _, rows = read(tmp_path, trace("a", stage(1, "Queued"), stage(2, "Closed")))
    assert len(rows) == 2


def test_a_value_that_does_not_fit_its_type_is_kept_as_it_is_written(tmp_path):
    own = '<event><string key="concept:name" value="x"/><int key="n" value="1_0"/>'
    own += f'<date key="time:timestamp" value="{DAY.format(1)}"/></event>'
    _, rows = read(tmp_path, trace("a", own))
    assert rows["n"].tolist() == ["1_0"]


# ------------------------------------------------------------------ property

TRANSITIONS = st.sampled_from(["schedule", "start", "suspend", "complete", "withdraw", ""])


@given(st.lists(st.tuples(TRANSITIONS, st.sampled_from("ab"), st.sampled_from([None, "r", "s"]))))
def test_no_completion_is_lost_and_each_ends_one_activity(steps):
    events = [
        _Event(at, {"lifecycle:transition": transition, "concept:name": name, "org:resource": who})
        for at, (transition, name, who) in enumerate(steps)
    ]
    counts = Counter()
    kept = complete(events, counts)
    completions = [event for event in events if event.own["lifecycle:transition"] == "complete"]
    assert [event for event in kept if event in completions] == completions
    assert len(kept) + counts["dropped"] == len(events)
    assert counts["paired"] <= len(completions)
    assert [event.line for event in kept] == sorted(event.line for event in kept)


# ------------------------------------------------------------------ refusal

BOMB = '<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (xes(trace("a", event(1))).replace("\n<log", f"\n{BOMB}\n<log"), "E-XES", 2),
        (xes(trace("a", event(1))).replace("</trace>", ""), "E-XES", 6),
        (xes(trace("a", event(1)))[:-30], "E-TRUNCATED", 4),
        ("<?xml version='1.0'?>\n<pnml></pnml>", "E-XES", 2),
        (xes(), "E-NO-ROWS", 1),
        (xes(trace("a")), "E-NO-ROWS", 1),
        (xes(trace("a", '<event>\n<string value="x"/></event>')), "E-XES", 5),
        ("<log>" + '<list key="a">' * 80, "E-XES", 1),
        ("not xml", "E-XES", 1),
    ],
    ids=["doctype", "unclosed", "cut", "other", "no trace", "no event", "no key", "deep", "text"],
)
def test_a_broken_log_is_refused_with_its_line(tmp_path, content, code, line):
    problem = refusal(tmp_path, content, name="log.xes")
    assert (problem.code, problem.line, problem.file) == (code, line, "log.xes")


def test_xml_that_is_no_log_is_refused_whatever_its_name(tmp_path):
    assert refusal(tmp_path, "<?xml version='1.0'?><a/>", name="a.csv").code == "E-NOT-CSV"


def test_a_time_that_is_none_is_named_with_its_line(tmp_path):
    log = xes(trace("a", event(1), event(2).replace("2024-01-02", "2024-13-02")))
    problem = refusal(tmp_path, log, name="log.xes")
    assert (problem.column, problem.line) == ("time:timestamp", 5)


def test_a_large_log_is_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("journeylib.spool.BATCH_ROWS", 100)
    traces = [trace(f"c{n}", *(event(day) for day in range(1, 8))) for n in range(100)]
    table, rows = read(tmp_path, *traces)
    assert table.rows_read == 700
    assert rows["customer_id"].tolist() == [f"c{n}" for n in range(100) for _ in range(7)]
    assert duckdb.sql("SELECT count(*) FROM rows").fetchall() == [(700,)]
