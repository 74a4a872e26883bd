"""Scenarios in a client file: what is accepted, and what each mistake is told."""

from __future__ import annotations

import pytest
from reading import make_client, source

from journeylib.errors import ParamsError

TEST = {"name": "Form test", "design": "before_after", "metric": "nps", "start": "2025-01-01"}


def client_with(folder, **change):
    scenarios = [{"name": "Shorter form", "changes": [{"touchpoint": "form", **change}]}]
    web = source("web.csv")
    return make_client(folder, web, scenarios=scenarios, interventions=[TEST])


def refused(folder, **change):
    with pytest.raises(ParamsError) as told:
        client_with(folder, **change)
    return " ".join(f"{one.message} {one.fix}" for one in told.value.problems)


@pytest.mark.parametrize(
    "change",
    [
        {"to": "order", "factor": "1.2"},
        {"to": "order", "factor": "1.2", "low": "1", "high": "1.5"},
        {"loss": "true", "reduce_by": "0.5", "low": "0.2", "high": "1"},
        {"loss": "true", "measured": "Form test"},
        {"to": "order", "measured": "Form test", "instead": "help"},
        {"delay": "true", "reduce_by": "0.3"},
    ],
)
def test_change_is_one_aim_and_one_size(tmp_path, change):
    (scenario,) = client_with(tmp_path, **change).scenarios
    assert scenario.changes[0].touchpoint == "form"


def test_without_scenarios_there_are_none(tmp_path):
    params = make_client(tmp_path, source("web.csv"))
    assert params.scenarios == []
    assert params.earlier_results is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"factor": "1.2"}, "one of to, loss, delay changes; here is none"),
        ({"loss": "true"}, "one of factor, reduce_by, measured says by how much; here is none"),
        ({"loss": "true", "to": "x", "factor": "1"}, "here is to, loss"),
        ({"loss": "false", "to": "x", "factor": "1", "reduce_by": "0.1"}, "factor, reduce_by"),
        ({"to": "x", "factor": "1", "low": "0.5"}, "high is missing"),
        ({"to": "x", "factor": "1", "low": "1.1", "high": "2"}, "1 is not between 1.1 and 2"),
        ({"loss": "true", "reduce_by": "0.5", "low": "0.1", "high": "1.2"}, "high is 1.2"),
        ({"loss": "true", "reduce_by": "1.5"}, "not between 0 and 1"),
        ({"to": "x", "measured": "Form test", "low": "1", "high": "2"}, "its own interval"),
        ({"to": "x", "measured": "Form tset"}, 'Did you mean "Form test"'),
        ({"delay": "true", "factor": "0.5"}, "Give reduce_by"),
        ({"delay": "true", "reduce_by": "0.5", "instead": "x"}, "sends nobody elsewhere"),
    ],
)
def test_change_that_cannot_be_meant_is_refused(tmp_path, change, said):
    assert said in refused(tmp_path, **change)


def test_names_of_scenarios_are_used_once(tmp_path):
    one = {"name": "A", "changes": [{"touchpoint": "form", "to": "order", "factor": "1.2"}]}
    with pytest.raises(ParamsError, match="also entry 1"):
        make_client(tmp_path, source("web.csv"), scenarios=[one, one])
