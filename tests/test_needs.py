"""What a client's results rest on, and what stops it."""

import pandas as pd
import pytest
from reading import make_client, source

from journeylib.checkup import check_client
from journeylib.errors import DataError
from journeylib.needs import find_needed, stop_on_failures
from journeylib.sources import SourceTable

DAY = "2024-01-{:02d}T10:00:00Z"


def tables(**kinds: str) -> list[SourceTable]:
    return [SourceTable(name, kind, name, (), None) for name, kind in kinds.items()]


def needed_by(tmp_path, outcome: str, events: dict[str, int], **keys) -> dict[str, str]:
    params = make_client(tmp_path, source("x.csv"), **keys)
    sources = tables(web="events", orders="orders", crm="customers", nps="surveys", desk="tickets")
    return find_needed(params, sources, outcome=outcome, events=events, outcome_events=events)


def write_events(folder, bad: int, every: int = 10) -> None:
    """Write events of which some carry the zero of a clock."""
    rows = [
        f"c{at % 4},{'1970-01-01T00:00:00Z' if at < bad else DAY.format(at + 1)},order"
        for at in range(every)
    ]
    (folder / "data.csv").write_text("\n".join(["customer_id,timestamp,touchpoint", *rows]) + "\n")


# ------------------------------------------------------------------ golden


@pytest.mark.parametrize(
    ("outcome", "needed"),
    [("repeat_purchase", {"orders"}), ("retention", {"crm"}), ("none", set())],
)
def test_the_outcome_names_the_sources_it_is_read_from(tmp_path, outcome, needed):
    assert set(needed_by(tmp_path, outcome, {})) == needed


def test_half_of_the_log_is_needed_and_an_interventions_survey_too(tmp_path):
    change = {
        "name": "New desk", "design": "before_after", "metric": "nps", "start": "2025-01-01",
        "direction": "up",
    }  # fmt: skip
    events = {"web": 60, "desk": 40}
    found = needed_by(tmp_path, "none", events, interventions=[change])
    assert set(found) == {"web", "nps"}
    assert found["nps"] == "the intervention 'New desk' is measured on it"
    assert found["web"] == "it holds 60% of all events"


def test_a_failed_check_of_needed_data_stops_the_client_with_the_reasons(tmp_path):
    write_events(tmp_path, bad=3)
    params = make_client(tmp_path, source("data.csv"))
    found = check_client(params.path)
    assert not found.ok
    (problem,) = found.errors
    assert (problem.code, problem.file) == ("E-QUALITY", "data")
    assert problem.message.startswith("placeholder dates: 3 rows (30.0%) carry a placeholder date")
    assert "it holds 100% of all events" in problem.message
    assert problem.fix


# ------------------------------------------------------------------ boundary


@pytest.mark.parametrize(("bad", "ok"), [(2, True), (3, False)])
def test_a_fifth_of_the_dates_may_be_placeholders(tmp_path, bad, ok):
    write_events(tmp_path, bad=bad)
    params = make_client(tmp_path, source("data.csv"))
    assert check_client(params.path).ok == ok


def test_a_source_that_nothing_rests_on_only_warns(tmp_path):
    write_events(tmp_path, bad=3)
    rows = [f"c{at % 4},{DAY.format(at + 1)},visit" for at in range(28)]
    (tmp_path / "web.csv").write_text("\n".join(["customer_id,timestamp,touchpoint", *rows]))
    params = make_client(tmp_path, source("data.csv"), {**source("web.csv"), "name": "web"})
    found = check_client(params.path)
    assert found.ok
    quality = found.collected.quality.set_index(["check", "source"])
    row = quality.loc[("placeholder_dates", "data")]
    assert row["status"] == "warn"
    assert "No outcome or change is measured on this source." in row["message"]


# ------------------------------------------------------------------ refusal


def test_a_period_without_any_row_stops_the_client(tmp_path):
    write_events(tmp_path, bad=0)
    period = {"start": "2025-01-01", "end": "2025-12-31"}
    params = make_client(tmp_path, source("data.csv"), period=period)
    (problem,) = check_client(params.path).errors
    assert problem.message.startswith("period: All 10 usable rows lie outside the period")


def test_every_failure_is_told_at_once():
    quality = pd.DataFrame(
        [("usable_rows", "web", "fail", "Bad."), ("period", "web", "fail", "Worse."),
         ("bots", "log", "warn", "Odd.")],
        columns=["check", "source", "status", "message"],
    )  # fmt: skip
    with pytest.raises(DataError, match="2 failed check") as stopped:
        stop_on_failures("acme", quality, {"web": "it holds 60% of all events"})
    assert [problem.code for problem in stopped.value.problems] == ["E-QUALITY"] * 2
