"""The client file: what is accepted, and how each mistake is reported."""

import hashlib
import json
import os
import pickle
import re
from datetime import date
from pathlib import Path
from typing import get_args

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from journeylib import handbook, inputs, settings
from journeylib.errors import ParamsError
from journeylib.params import find_client_file, read_params
from journeylib.sections import Section
from journeylib.tables import INPUTS
from journeylib.values import shown
from journeylib.yaml_tree import read_tree

ROOT = Path(__file__).parents[1]
LEAST = "sources: [{name: web, kind: events, path: web.csv}]\n"
WHOLE = """\
client: harbour-hotels            # slug [a-z0-9-], default the file's name; names the report folder
title: Harbour Hotels
currency: EUR
timezone: Europe/Lisbon           # how naive timestamps are read; everything is stored in UTC
period: {start: 2025-01-01, end: 2025-12-31}          # inclusive days
compare_to: {start: 2024-01-01, end: 2024-12-31}      # an earlier period, for drift
confidence: 0.95
seed: 7
engine: local                     # or dask=tcp://scheduler:8786, or spark=spark://master:7077
memory: 4GB                       # limit for building and reading the log

outcome:                          # what "it went well" means for this client
  kind: repeat_purchase           # repeat_purchase | retention | conversion
  within_days: 365
  touchpoint: [booking]           # conversion only; default any order, else touchpoints timed `purchase`
  value_per_customer: auto        # or a number, in currency, behind "money at risk"
  margin: 0.4                     # share of revenue that counts
  discount: 0.1                   # a year
  horizon_months: 12
  inactive_days: auto             # non-contractual churn
targets: {retention_rate: 0.55, nps: 40}              # goals, shown as goal lines

sources:
  - name: bookings
    kind: orders                  # see part 4
    path: sample_data/harbour-hotels/bookings.csv     # file, folder, glob; or url: (SQLAlchemy) + table:/query:
    preset: none                  # or ga4, shopify_orders, hubspot_contacts, zendesk_tickets, surveymonkey, mailchimp…
    columns: {customer_id: guest_no, timestamp: booked_at, value: total, email: e_mail}
    constants: {touchpoint: booking, channel: web}
    compute: {value: "nights * rate"}                 # arithmetic on source columns
    keep: ["nights > 0", "status not like 'C%'"]      # rows not kept are counted by rule
    format: {sep: ";", decimal: ",", encoding: cp1252, dates: day-first}
    missing: {value: ["n/a", "-"]}
    duplicates: keep              # keep (counted, reported) | drop; a duplicate equals in every source column
  - name: guest_survey
    kind: surveys
    path: sample_data/harbour-hotels/survey.xlsx
    columns: {customer_id: guest_no, timestamp: answered, score: recommend, text: comment, weight: w}
    constants: {metric: nps}
    scale: {low: 0, high: 10, best: high}             # on any source with score, rating or sentiment
    missing: {score: [11, 99]}
  - name: checkout_test
    kind: experiments
    path: sample_data/harbour-hotels/checkout_test.csv
    columns: {unit_id: visitor, variant: group}       # other columns keep their names
identity: {match_on: [customer_id, email, phone], unmerge: []}
journeys: {cut: none, gap_days: 30}                   # none | gap | outcome: where one journey ends
calendar: [{name: Easter, start: 2025-04-18, end: 2025-04-21, kind: holiday}]   # holiday | promotion | outage

stages:
  model: five                     # five | race | lifecycle | loop | custom (then order: [...] names the stages)
  rules: {decision: ["booking*", "payment*"], retention: ["check_in", "stay*"]}
personas: {k: auto, features: auto, min_share: 0.05, names: {1: Weekend couples}}
pains: {min_customers: 30, fdr: 0.10, exclude: []}
workshop_map: params/harbour-hotels.workshop.yml      # what the team believed, scored against the data

interventions:
  - name: Mobile check-in
    design: difference_in_differences      # ab_test | difference_in_differences | interrupted_time_series | before_after
    metric: csat
    direction: up
    touchpoint: check_in
    start: 2025-07-01
    unit: property
    treated: [Lisbon, Porto, Faro, Evora]
    chosen: convenience           # how units were picked: random | convenience | worst
    worthwhile: 0.1               # smallest effect worth having, in the metric's unit
    cost: 12000
  - name: Guest checkout
    design: ab_test
    source: checkout_test         # an `experiments` source
    control: A
    outcomes: [converted, revenue]         # the first is the primary metric
    guardrails: {returns: 0.01}            # metric: tolerated harm
    split: [0.5, 0.5]             # planned
    worthwhile: 0.01
    looks: 1                      # planned looks; more were taken: say so
    covariate: revenue_before     # CUPED
    segments: [device]            # predeclared, pre-treatment

report: {accent: "#0b6e99", logo: logo.svg, min_cell: 10, language: en, notes: params/harbour-hotels.notes.md}
"""  # noqa: E501


@pytest.fixture
def read(tmp_path):
    """Write a client file and read it."""

    def _read(text, name="acme.yml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_params(file)

    return _read


@pytest.fixture
def refused(read):
    """Write a client file and hand back the one thing wrong with it."""

    def _refused(text, name="acme.yml"):
        with pytest.raises(ParamsError) as caught:
            read(text, name)
        (problem,) = caught.value.problems
        assert problem.file == name
        return problem

    return _refused


def source(text, name="web"):
    return f"sources:\n  - name: {name}\n    kind: events\n    path: web.csv\n    {text}\n"


def change(text):
    return f"{LEAST}interventions:\n  - {{name: x, worthwhile: 1, {text}}}\n"


# ------------------------------------------------------------------ golden


def test_every_key_of_the_design_is_read(read):
    params = read(WHOLE)
    bookings, survey, _ = params.sources
    assert (params.client, params.title, params.currency) == (
        "harbour-hotels", "Harbour Hotels", "EUR",
    )  # fmt: skip
    assert params.period == settings.Period(start=date(2025, 1, 1), end=date(2025, 12, 31))
    assert params.targets == {"retention_rate": 0.55, "nps": 40}
    assert bookings.format.sep == ";"
    assert bookings.keep == ["nights > 0", "status not like 'C%'"]
    assert (survey.missing, survey.scale.high) == ({"score": ["11", "99"]}, 10)
    assert params.stages.rules["decision"] == ["booking*", "payment*"]
    assert params.personas.names == {1: "Weekend couples"}
    assert params.interventions[0].start == date(2025, 7, 1)
    assert params.interventions[1].guardrails == {"returns": 0.01}


def test_only_sources_is_required_and_the_rest_has_the_defaults_of_the_design(read):
    params = read(LEAST, "Corner Shop.yml")
    assert (params.client, params.title, params.currency) == ("corner-shop", "corner-shop", None)
    assert (params.timezone, params.period, params.outcome.kind) == ("UTC", None, None)
    assert params.stages.names == (
        "awareness",
        "consideration",
        "decision",
        "retention",
        "advocacy",
    )
    assert params.report.min_cell == 10


def test_the_file_is_remembered_with_its_digest(tmp_path):
    (tmp_path / "params").mkdir()
    file = tmp_path / "params" / "acme.yml"
    file.write_text(LEAST)
    params = read_params(file)
    assert (params.path, params.root) == (file, tmp_path)
    assert params.digest == hashlib.sha256(LEAST.encode()).hexdigest()
    assert pickle.loads(pickle.dumps(params)) == params


@pytest.mark.parametrize(
    ("written", "size"),
    [("4GB", 4_000_000_000), ("512MB", 512_000_000), ("1.5 GiB", 1_610_612_736), ("64KB", 64_000)],
)
def test_memory_is_read_in_bytes(read, written, size):
    assert read(f"{LEAST}memory: {written}\n").memory_bytes == size


def test_texts_mean_what_they_look_like(read):
    params = read(
        source("constants: {a: NO, b: 007, c: 1.10, d: 12:30:00, e: 2025-01-01, f: null, g: 1_000}")
    )
    assert list(params.sources[0].constants.values()) == [
        "NO", "007", "1.10", "12:30:00", "2025-01-01", "null", "1_000",
    ]  # fmt: skip


def test_a_number_is_a_position_and_a_quoted_one_a_name(read):
    mapped = read(source('columns: {a: 3, b: "3", c: [date, 2]}')).sources[0].columns
    assert mapped == {"a": 3, "b": "3", "c": ["date", 2]}


def test_stage_names_may_hold_spaces(read):
    params = read(f"{LEAST}stages: {{model: loop, rules: {{loyalty loop: [club*]}}}}\n")
    assert params.stages.rules == {"loyalty loop": ["club*"]}


@pytest.mark.parametrize(
    ("written", "held"), [('"\\t"', "\t"), ("'\\t'", "\t"), ("tab", "\t"), ("whitespace",) * 2]
)
def test_separators_can_be_written_as_words(read, written, held):
    assert read(source(f"format: {{sep: {written}}}")).sources[0].format.sep == held


@pytest.mark.parametrize(
    "form",
    ["iso", "day-first", "quarter", "excel", "unix_ms", "days-since:1970-01-01", '"%d/%m/%Y"'],
)
def test_forms_of_dates_are_read_for_all_columns_or_for_one(read, form):
    text = f"format: {{dates: {{timestamp: {form}}}}}"
    assert read(source(text)).sources[0].format.dates == {"timestamp": form.strip('"')}
    assert read(source(f"format: {{dates: {form}}}")).sources[0].format.dates == form.strip('"')


def test_paths_are_looked_up_from_the_root_and_then_from_the_file(tmp_path):
    (tmp_path / "params").mkdir()
    (tmp_path / "both.csv").touch()
    for name in ("acme.yml", "both.csv", "near[1].csv"):
        (tmp_path / "params" / name).write_text(LEAST)
    params = read_params(tmp_path / "params" / "acme.yml")
    assert params.find_path("both.csv") == tmp_path / "both.csv"
    assert params.find_path("near[1].csv") == tmp_path / "params" / "near[1].csv"
    assert params.find_path("nea*.csv") == tmp_path / "params" / "nea*.csv"
    assert params.find_path("none.csv") == tmp_path / "none.csv"
    assert params.find_path(str(tmp_path / "x")) == tmp_path / "x"


def test_a_client_file_is_found_from_any_folder_below(tmp_path, monkeypatch):
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    file = tmp_path / "params" / "acme.yml"
    file.write_text(LEAST)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert find_client_file("params/acme.yml") == file
    assert find_client_file("params/acme.yml", start=tmp_path) == file
    assert find_client_file(str(file)) == file


def test_a_whole_file_fits_the_published_schema():
    jsonschema = pytest.importorskip("jsonschema")

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012
            sign: [pair for pair in pairs if "timestamp" not in pair[0]]
            for sign, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    schema = json.loads((ROOT / "params" / "schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(yaml.load(WHOLE, Loader)))
    assert list(validator.iter_errors({"sources": [], "confidense": 1}))


@pytest.mark.parametrize(
    ("name", "write"),
    [("schema.json", handbook.write_schema), ("README.md", handbook.write_handbook)],
)
def test_committed_pages_are_what_the_models_say(tmp_path, name, write):
    made = write(tmp_path / name).read_text("utf-8")
    assert made == (ROOT / "params" / name).read_text("utf-8"), f"write params/{name} again"


def sections():
    found = [settings.Params]
    for model in found:
        for field in model.model_fields.values():
            kinds = [field.annotation, *get_args(field.annotation)]
            found += [k for k in kinds if isinstance(k, type) and issubclass(k, Section)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("model", sections())
def test_every_key_is_explained_and_every_section_frozen(model):
    assert all(field.description for field in model.model_fields.values())
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"
    assert all(f"| `{key}` |" in handbook.handbook_text() for key in model.model_fields)


def test_kinds_and_metrics_are_those_of_the_tables():
    assert get_args(inputs.Kind) == tuple(INPUTS)
    assert get_args(settings.Metric) == tuple(settings.METRICS)


def test_the_example_of_the_handbook_is_read(read):
    example, _ = re.findall(r"```yaml\n(.*?)```", handbook.handbook_text(), re.DOTALL)
    assert read(example).sources[0].columns["timestamp"] == ["date", "time"]


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(
    "text",
    [
        "confidence: 0.0001", "confidence: 0.9999", "report: {min_cell: 1}", "seed: 0",
        "outcome: {margin: 0}", "outcome: {margin: 1}", "targets: {nps: -100}",
        "targets: {csat: 1}",
        "period: {start: 2024-02-29, end: 2024-02-29}", f"client: {'a' * 64}",
    ],
)  # fmt: skip
def test_values_on_the_edge_are_accepted(read, text):
    assert read(f"{LEAST}{text}\n").client


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("confidence: 1.5", "confidence", "1.5 is not between 0 and 1, both excluded."),
        ("confidence: 1", "confidence", "1 is not between 0 and 1, both excluded."),
        ("confidence: 0", "confidence", "0 is not between 0 and 1, both excluded."),
        ("confidence: nan", "confidence", "nan is not a number."),
        ("confidence: 0,95", "confidence", "0,95 is not a number."),
        ("confidence: [0.9]", "confidence", "a list stands where a number belongs."),
        ("confidence:", "confidence", "there is no value."),
        ("seed: 1.5", "seed", "1.5 is not a whole number."),
        ("seed: 1_000", "seed", "1_000 is not a whole number."),
        ("seed: 4294967296", "seed", "4294967296 is not a whole number between 0 and 4294967295."),
        ("report: {min_cell: 0}", "report.min_cell", "0 is not a whole number of 1 or more."),
        ("report: {accent: blue}", "report.accent", "blue is not a colour."),
        ("report: {language: english}", "report.language", "english is not a language code."),
        ("outcome: {margin: 1.01}", "outcome.margin", "1.01 is not between 0 and 1."),
        ("targets: {retention_rate: 55}", "targets.retention_rate", "55 is not between 0 and 1."),
        ("currency: eur", "currency", "eur is not a currency code."),
        ("memory: 4", "memory", "4 is not an amount of memory."),
        ("engine: ray", "engine", "ray is not an engine."),
        ("timezone: Europe/Lisbonne", "timezone", "Europe/Lisbonne is not a known timezone."),
        ("period: {start: 01/02/2025, end: 2025-12-31}", "period.start",
         "01/02/2025 is not a day."),
        ("period: {start: 2025-02-29, end: 2025-12-31}", "period.start",
         "2025-02-29 is not in the calendar."),
        ("period: {start: 2025-02-02, end: 2025-02-01}", "period.end",
         "2025-02-01 lies before the start, 2025-02-02."),
        ("period: 2025", "period", "2025 stands where a group of keys belongs."),
        ("period: {start: 2025-01-01}", "period.end",
         "it is needed: Last day, included, as YYYY-MM-DD."),
        ("pains: {exclude: checkout}", "pains.exclude", "checkout stands where a list belongs."),
        ("personas: {names: {one: Ann}}", "personas.names.one", "one is not a whole number."),
        ("stages: {model: custom}", "stages.order",
         "it is needed where model is custom: the stages in journey order."),
        ("stages: {model: custom, order: [a, a]}", "stages.order",
         "the stages must be two or more, each named once."),
        ("stages: {order: [a, b]}", "stages.order",
         "the stages of five are awareness, consideration, decision, retention, advocacy."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_is_right(refused, text, key, message):
    problem = refused(f"{LEAST}{text}\n")
    assert (problem.column, problem.line, problem.message) == (key, 2, message)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("format: {sep: ';;'}", "format.sep"),
        ("format: {encoding: klingon}", "format.encoding"),
        ("format: {encoding: rot13}", "format.encoding"),
        ("format: {dates: dd/mm/yyyy}", "format.dates"),
        ("format: {dates: days-since:1970}", "format.dates"),
        ("format: {decimal: ';'}", "format.decimal"),
        ("format: {decimal: ',', thousands: ','}", "format.thousands"),
        ("format: {header: yes}", "format.header"),
        ("format: {widths: [0]}", "format.widths[0]"),
        ("format: {wide: {names_to: unit}}", "format.wide.values_to"),
        ("columns: {a: 0}", "columns.a"),
        ("columns: {a: []}", "columns.a"),
        ("columns: [a]", "columns"),
        ("missing: {a: '-'}", "missing.a"),
        ("scale: {low: 5, high: 1}", "scale.high"),
        ("url: sqlite:///a.db\n    table: t", "url"),
        ("table: t", "table"),
        ("columns: {a: x}\n    constants: {a: y}", "constants.a"),
    ],
)
def test_a_fault_in_a_source_is_placed(refused, text, key):
    assert refused(source(text)).column == f"sources[0].{key}"


@pytest.mark.parametrize(
    ("text", "key", "code"),
    [
        ("name: a, kind: events", "path", "E-PARAMS-MISSING"),
        ("name: a, kind: events, url: 'sqlite:///a.db'", "url", "E-PARAMS-MISSING"),
        ("name: a, kind: events, path: a.db", "path", "E-PARAMS-MISSING"),
        ("name: a, kind: events, url: 'sqlite:///a.db', table: t, query: q", "query",
         "E-PARAMS-VALUE"),
        ("name: a, kind: events, path: 'https://example.org/a.csv'", "path", "E-PARAMS-VALUE"),
        ("name: A b, kind: events, path: a.csv", "name", "E-PARAMS-VALUE"),
        ("kind: events, path: a.csv", "name", "E-PARAMS-MISSING"),
        ("name: a, kind: event, path: a.csv", "kind", "E-PARAMS-VALUE"),
        ("name: a, kind: events, pth: a.csv", "pth", "E-PARAMS-UNKNOWN-KEY"),
    ],
)  # fmt: skip
def test_a_source_lies_in_exactly_one_place(refused, text, key, code):
    problem = refused(f"sources:\n  - {{{text}}}\n")
    assert (problem.column, problem.line, problem.code) == (f"sources[0].{key}", 2, code)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("design: ab_test", "source", "ab_test needs it"),
        ("design: ab_test, source: web", "source", "web is events"),
        ("design: ab_test, source: wbe", "source", "wbe is not a source; there are web"),
        ("design: before_after, metric: nps", "start", "before_after needs it"),
        ("design: interrupted_time_series, start: 2025-01-01", "metric", "_series needs it"),
        ("design: difference_in_differences, metric: nps, start: 2025-01-01, unit: shop", "treated",
         "difference_in_differences needs it"),
        ("design: before_after, metric: nps, start: 2025-02-01, end: 2025-01-01", "end", "before"),
        ("design: before_after, metric: nps, start: 2025-02-01, split: [0.5, 0.6]", "split", "1.1"),
        ("design: before_after, metric: nps, start: 2025-02-01, cost: -1", "cost", "0 or more"),
    ],
)  # fmt: skip
def test_an_intervention_has_what_its_design_needs(refused, text, key, message):
    problem = refused(change(text))
    assert (problem.column, problem.line) == (f"interventions[0].{key}", 3)
    assert message in problem.message


def test_the_smallest_worthwhile_effect_is_above_zero(refused):
    text = change("design: before_after, metric: nps, start: 2025-01-01")
    assert refused(text.replace("worthwhile: 1", "worthwhile: 0")).message == (
        "0 is not more than 0."
    )


def test_measurements_say_themselves_which_units_are_treated(read):
    text = change("design: difference_in_differences, metric: r, start: 2025-01-01, source: web")
    params = read(text.replace("kind: events", "kind: measurements"))
    assert params.interventions[0].treated is None


@pytest.mark.parametrize("key", ["sources", "interventions"])
def test_a_name_is_used_once(refused, key):
    one = "{name: a, kind: events, path: a.csv}"
    two = "{name: a, design: before_after, metric: nps, start: 2025-01-01}"
    text = f"sources: [{one}, {one}]\n" if key == "sources" else f"{LEAST}{key}: [{two}, {two}]\n"
    problem = refused(text)
    assert (problem.column, problem.message) == (f"{key}[1].name", "a is also entry 1.")


# ------------------------------------------------------------------ property


@hypothesis.settings(deadline=None, max_examples=80)
@given(st.sampled_from(sorted(settings.Params.model_fields)), st.data())
def test_a_slip_in_a_key_finds_the_key_that_was_meant(tmp_path_factory, key, data):
    at = data.draw(st.integers(0, len(key) - 1))
    again = data.draw(st.booleans())
    slip = key[:at] + key[at] * (2 if again else 0) + key[at + 1 :]
    file = tmp_path_factory.getbasetemp() / "slip.yml"
    file.write_text(f"{slip}: x\n{'' if key == 'sources' else LEAST}")
    with pytest.raises(ParamsError) as caught:
        read_params(file)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.column) == ("E-PARAMS-UNKNOWN-KEY", 1, slip)
    assert problem.fix == f'Did you mean "{key}"?'


trees = st.recursive(
    st.sampled_from(["", "a", "1", "-1", "auto", "custom", "2025-01-01", "ab_test", "${HOME}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "kind", "start", "order", "a"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
KEYS = [(k, "") for k in settings.Params.model_fields] + [
    (key, name)
    for key, field in settings.Params.model_fields.items()
    for kind in (field.annotation, *get_args(field.annotation))
    if isinstance(kind, type) and issubclass(kind, Section)
    for name in kind.model_fields
]


@hypothesis.settings(deadline=None, max_examples=150)
@given(st.sampled_from(KEYS), trees, st.booleans())
def test_no_value_of_the_wrong_shape_raises_anything_but_a_params_error(
    tmp_path_factory, place, tree, in_list
):
    key, name = place
    value = {name: tree} if name else tree
    file = tmp_path_factory.getbasetemp() / "shape.yml"
    sources = [{"name": "web", "kind": "events", "path": "web.csv"}]
    file.write_text(json.dumps({"sources": sources, key: [value] if in_list else value}))
    try:
        problems = [] if read_params(file).sources else ["no source"]
    except ParamsError as wrong:
        problems = [] if wrong.problems else ["no reason"]
    assert not problems


@hypothesis.settings(deadline=None, max_examples=80)
@given(st.text(max_size=60))
def test_no_text_at_all_raises_anything_but_a_params_error(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_bytes((f"{LEAST}title: {text}\n").encode("utf-8", "surrogatepass"))
    try:
        problems = [] if read_params(file).client == "any" else ["another client"]
    except ParamsError as wrong:
        problems = [] if wrong.problems else ["no reason"]
    assert not problems


# ------------------------------------------------------------------ refusal


def test_every_problem_in_a_file_is_reported_at_once_in_the_order_of_lines(read):
    text = """\
client: Acme Co
confidense: 0.9
period: {start: 2025-07-01, end: 2025-01-01}
sources:
  - name: web
    kind: evnts
    pth: web.csv
    format: {seperator: ";"}
    format: {}
stages: {model: five, rules: {desicion: [a]}}
interventions: [{name: x, design: ab_test, source: wob}]
report: {min_cell: 0}
"""
    with pytest.raises(ParamsError) as caught:
        read(text)
    found = [(p.line, p.code, p.column) for p in caught.value.problems]
    assert found == [
        (1, "E-PARAMS-VALUE", "client"),
        (2, "E-PARAMS-UNKNOWN-KEY", "confidense"),
        (3, "E-PARAMS-VALUE", "period.end"),
        (6, "E-PARAMS-VALUE", "sources[0].kind"),
        (7, "E-PARAMS-UNKNOWN-KEY", "sources[0].pth"),
        (8, "E-PARAMS-UNKNOWN-KEY", "sources[0].format.seperator"),
        (9, "E-PARAMS-YAML", "sources[0].format"),
        (10, "E-PARAMS-VALUE", "stages.rules.desicion"),
        (11, "E-PARAMS-VALUE", "interventions[0].source"),
        (12, "E-PARAMS-VALUE", "report.min_cell"),
    ]
    assert str(caught.value).startswith("acme.yml has 10 problem(s).\n  - line 1, client: ")
    assert 'Did you mean "decision"?' in str(caught.value)


def test_an_unknown_key_comes_with_those_allowed(refused):
    problem = refused(f"{LEAST}journeys: {{gap: 30}}\n")
    assert problem.message == "not a parameter; allowed here are cut, gap_days."


def test_a_wrong_word_comes_with_those_allowed(refused):
    problem = refused(f"{LEAST}stages: {{model: fife}}\n")
    assert problem.message == "fife is not one of five, race, lifecycle, loop, custom."
    assert problem.fix == 'Did you mean "five"?'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "the file is empty."),
        ("# nothing\n", None, "the file is empty."),
        ("- a\n- b\n", 1, "a list stands at the top."),
        ("hello\n", 1, "a text stands at the top."),
        (f"{LEAST}title: !!python/name:os.system x\n", 2,
         "a tag, tag:yaml.org,2002:python/name:os.system, stands here."),
        (f"{LEAST}title: &a x\n", 2, "an anchor, &a, stands here."),
        (f"{LEAST}title: *a\n", 2, "an alias, *a, stands here."),
        (f"{LEAST}seed: 1\nseed: 2\n", 3, "the key stands on line 2 already."),
        (f"{LEAST}report:\n\tmin_cell: 3\n", 3, "a tab stands before the text."),
        (f"{LEAST}title:\tx\n", 2, "a tab or another sign stands where a value belongs."),
        (f"{LEAST}title: a: b\n", 2, "a colon stands where a value belongs."),
        (f"{LEAST}title: 'x\n", 3, "a text is not closed."),
        (f"{LEAST}title: \x07\n", 2, "a control character stands here."),
        (f'{LEAST}title: "\\0"\n', 2, "a text holds a NUL character."),
        (f"{LEAST}? [a]\n: b\n", 2, "a list or group is used as a key."),
        (f"{LEAST}---\nseed: 1\n", 2, "a second document starts here."),
        (f"{LEAST}title: {'[' * 60}{']' * 60}\n", 2,
         "lists and groups are nested more than 20 deep."),
    ],
)  # fmt: skip
def test_what_is_not_strict_yaml_is_refused(refused, text, line, message):
    problem = refused(text)
    assert (problem.code, problem.line, problem.message) == ("E-PARAMS-YAML", line, message)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_another_encoding_is_named(refused, encoding):
    problem = refused(f"{LEAST}title: Café\n".encode(encoding))
    assert (problem.code, problem.fix) == ("E-PARAMS-ENCODING", "Save the file as UTF-8.")


def test_a_byte_order_mark_is_no_fault(read):
    assert read(b"\xef\xbb\xbf" + LEAST.encode()).client == "acme"


@pytest.mark.parametrize("client", ["con", "lpt1", "-rf", "a" * 65, "../etc", "Café", "NO", "{a}"])
def test_a_client_cannot_leave_or_break_its_folder(refused, client):
    assert refused(f"{LEAST}client: '{client}'\n").column == "client"


def test_a_client_with_capitals_and_spaces_is_told_what_to_write(refused):
    assert refused(f"{LEAST}client: Acme Co\n").fix == "Write acme-co."


def test_a_file_name_that_cannot_name_a_client_asks_for_one(refused):
    assert refused(LEAST, "Café.yml").column == "client"


def test_a_missing_file_comes_with_its_neighbours(tmp_path):
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "acme.yml").write_text(LEAST)
    with pytest.raises(ParamsError, match=r'Did you mean "acme\.yml"\?') as caught:
        read_params(tmp_path / "params" / "acne.yml")
    assert caught.value.problems[0].code == "E-NO-FILE"
    with pytest.raises(ParamsError, match=r'Did you mean "params/acme\.yml"\?'):
        find_client_file("params/acne.yml", start=tmp_path)
    with pytest.raises(ParamsError, match=r'Did you mean "params/acme\.yml"\?'):
        find_client_file("acme", start=tmp_path)
    with pytest.raises(ParamsError, match=r"There are: acme\.yml"):
        read_params(tmp_path / "params" / "zzz.yml")


def test_what_is_not_a_file_is_not_opened(tmp_path):
    (tmp_path / "acme.yml").write_text(LEAST)
    with pytest.raises(ParamsError, match=r"it is a folder\. Name one client file\."):
        read_params(tmp_path)
    with pytest.raises(ParamsError, match="there is no such file"):
        read_params("a\0b.yml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yml")
    with pytest.raises(ParamsError, match="it is not a regular file"):
        read_params(tmp_path / "pipe.yml")


@given(st.dictionaries(st.sampled_from(["title", "seed", "x"]), st.integers(-9, 9), min_size=1))
def test_the_tree_holds_what_yaml_holds_as_text(values):
    tree, problems = read_tree(yaml.safe_dump(values), "a.yml")
    assert (tree, problems) == ({key: str(value) for key, value in values.items()}, [])


def test_an_alias_bomb_is_never_unrolled(read):
    bomb = "".join(f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    with pytest.raises(ParamsError, match="an alias, "):
        read(LEAST + bomb)


def test_a_problem_with_a_tag_is_told_once(refused):
    assert refused(f"{LEAST}seed: !!int x\n").column == "seed"


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2\n",
        "report: {apiKey: hunter2}\n",
        "report: {logo: a.svg, access-token: hunter2}\n",
    ],
)
def test_a_typed_secret_is_refused_and_not_repeated(refused, text):
    problem = refused(LEAST + text)
    assert (problem.code, problem.line) == ("E-PARAMS-SECRET", 2)
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    "url",
    ["postgresql://ann:hunter2@host/db", "postgresql://host/db?user=a&password=hunter2"],
)
def test_a_password_typed_into_an_address_is_refused_and_not_repeated(read, url):
    with pytest.raises(ParamsError) as caught:
        read(f"sources: [{{name: a, kind: events, url: '{url}', table: t}}]\n")
    assert [problem.code for problem in caught.value.problems] == ["E-PARAMS-SECRET"]
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in shown(url)


def test_columns_may_be_called_like_secrets(read):
    assert read(source("columns: {customer_id: token, token: x}")).sources[0].columns["token"]


def test_an_undefined_variable_is_the_only_problem_of_its_key(refused, monkeypatch):
    monkeypatch.delenv("NO_SUCH_SEED", raising=False)
    problem = refused(f"{LEAST}seed: ${{NO_SUCH_SEED}}\n")
    assert (problem.code, problem.column, problem.line) == ("E-PARAMS-ENV", "seed", 2)
    assert "NO_SUCH_SEED is not set" in problem.message


SECRET = "canary-4711"


def test_the_environment_is_read_and_never_shown(read, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    params = read(
        "title: ${DB_PASSWORD}\npains: {exclude: ['${DB_PASSWORD}']}\nsources:\n"
        "  - {name: a, kind: events, url: 'postgresql://ann:${DB_PASSWORD}@h/d', table: t}\n"
        "  - {name: b, kind: events, path: '${DB_PASSWORD}.csv', "
        "constants: {x: '${DB_PASSWORD}'}}\n"
    )
    assert params.sources[0].database_url() == f"postgresql://ann:{SECRET}@h/d"
    assert (params.title, params.sources[1].path) == (SECRET, f"{SECRET}.csv")
    assert SECRET not in repr(params) + str(params) + repr(params.sources) + repr(params.pains)


@pytest.mark.parametrize(
    "text",
    [
        "seed: ${DB_PASSWORD}", "currency: ${DB_PASSWORD}", "timezone: ${DB_PASSWORD}",
        "stages: {model: '${DB_PASSWORD}'}", "period: {start: '${DB_PASSWORD}', end: 2025-01-01}",
        "pains: {exclude: '${DB_PASSWORD}'}", "outcome: '${DB_PASSWORD}'",
        "stages: {model: custom, order: ['${DB_PASSWORD}', b], rules: {c: [d]}}",
        "interventions: [{name: x, design: ab_test, source: '${DB_PASSWORD}'}]",
        "journeys: {cut: ['${DB_PASSWORD}']}", "journeys: {cut: {a: '${DB_PASSWORD}'}}",
    ],
)  # fmt: skip
def test_a_wrong_value_from_the_environment_is_not_repeated(read, monkeypatch, text):
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    with pytest.raises(ParamsError) as caught:
        read(f"{LEAST}{text}\n")
    assert SECRET not in str(caught.value) + repr(caught.value)
    assert SECRET not in str(caught.value.__cause__)
