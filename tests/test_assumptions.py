"""What is taken for granted is said from the data and the client file."""

from __future__ import annotations

import pandas as pd
from tiny import write_tiny_client

from journeylib.assumptions import assume_collection, list_caveats
from journeylib.params import read_params
from journeylib.workspace import Workspace, work_folder


def test_declared_outages_and_guessed_stages_are_caveats(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path / "work"))
    file = write_tiny_client(tmp_path, "anna")
    outage = "{name: Web tracking down, start: 2025-03-12, end: 2025-03-14, kind: outage}"
    holiday = "{name: Easter, start: 2025-04-18, kind: holiday}"
    file.write_text(f"{file.read_text()}calendar:\n  - {outage}\n  - {holiday}\n")
    params = read_params(file)
    work = Workspace(params, work_folder(params))
    collected = work.collect()
    table = assume_collection(work, collected).set_index("assumption")
    said = table.loc["outage", "statement"]
    assert said == "Web tracking down, 12 March 2025 to 14 March 2025."
    assert table.loc["stages_by_name", "status"] == "warn"
    assert "Europe/Berlin" in table.loc["time_zone", "statement"]
    work.hand_over("01", tables={"quality": collected.quality})
    caveats = list_caveats(work, table.reset_index())
    assert said in set(caveats["statement"])
    assert isinstance(caveats, pd.DataFrame)
    assert not caveats["statement"].str.contains("Easter").any()


def test_every_warning_of_the_checks_is_a_caveat_with_what_follows(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNEY_WORK", str(tmp_path / "work"))
    params = read_params(write_tiny_client(tmp_path, "anna"))
    work = Workspace(params, work_folder(params))
    quality = pd.DataFrame(
        [("bots", "log", "warn", 30, "Two are machines. They weigh little.", "They weigh little."),
         ("scale", "nps", "warn", 5, "Read on 1 to 5.", ""),
         ("volume", "web", "pass", 0, "Nothing.", "")],
        columns=["check", "source", "status", "affected", "message", "consequence"],
    )  # fmt: skip
    work.hand_over("01", tables={"quality": quality})
    caveats = list_caveats(
        work, pd.DataFrame(columns=["notebook", "statement", "status", "consequence"])
    )
    assert caveats["statement"].tolist() == ["log: Two are machines.", "nps: Read on 1 to 5."]
    assert caveats["consequence"].tolist() == [
        "They weigh little.", "Results that rest on it carry the same doubt.",
    ]  # fmt: skip
