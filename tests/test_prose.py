"""Sentences say what the frame says, with its interval, and never more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib import prose
from journeylib.identity import Facts
from journeylib.tables import RESULTS, complete_result

EMPTY = {name: complete_result(name, pd.DataFrame()) for name in RESULTS}
STAGES = pd.DataFrame(
    {
        "stage": ["awareness", "decision", "retention", "advocacy"],
        "persona": "all",
        "reached": [1000, 800, 300, 20],
        "value": [0.8, 0.375, 0.07, np.nan],
        "low": [0.77, 0.34, 0.05, np.nan],
        "high": [0.82, 0.41, 0.1, np.nan],
        "unit": "share",
    }
)
PAIN = {
    "rank": 1, "stage": "decision", "touchpoint": "check_out", "channel": "app", "kind": "loss",
    "customers": 263, "effect": -0.17, "value": -0.17, "low": -0.19, "high": -0.15, "n": 2000,
    "unit": "share", "p_adjusted": 1e-9, "evidence": "D",
}  # fmt: skip
IMPACT = {
    "intervention": "Guest checkout", "design": "ab_test", "metric": "converted", "segment": "all",
    "value": 0.04, "low": 0.02, "high": 0.061, "n": 8000, "unit": "share", "evidence": "A",
    "verdict": "works, worth it",
}  # fmt: skip


def test_the_stage_sentence_names_the_largest_loss_in_customers_but_not_the_move_to_praise():
    said = prose.stages_sentence(STAGES)
    assert "largest loss comes after decision" in said
    assert "37.5 % (34.0 to 41.0)" in said
    assert "800" in said


def test_a_pain_is_said_with_place_size_and_what_is_not_shown():
    said = prose.pains_sentence(pd.DataFrame([PAIN]))
    assert "“check out” (app)" in said
    assert "−17.0 percentage points (−19.0 to −15.0)" in said
    assert "what causes it is not shown" in said


@pytest.mark.parametrize(
    ("target", "said"), [(0.3, "above the goal"), (0.5, "below the goal"), (0.41, "within reach")]
)
def test_a_goal_is_compared_with_the_interval(target, said):
    row = {"metric": "retention_rate", "segment": "all", "value": 0.4, "low": 0.38, "high": 0.42,
           "n": 900, "unit": "share", "target": target}  # fmt: skip
    assert said in prose.metrics_sentence(pd.DataFrame([row]))


def test_the_quality_sentence_counts_checks_and_names_where_they_found_something():
    quality = pd.DataFrame(
        [("bots", "log", "warn"), ("volume_breaks", "web", "warn"),
         ("volume_breaks", "app", "warn"), ("volume_breaks", "crm", "pass"),
         ("duplicates", "all sources", "pass")],
        columns=["check", "source", "status"],
    )  # fmt: skip
    assert prose.quality_sentence(quality) == (
        "**1 of 3 checks found nothing to mend.** Worth knowing: bots (log); "
        "volume breaks (web, app)."
    )


def test_rows_outside_the_period_are_not_counted_as_lost():
    sources = pd.DataFrame(
        {
            "source": ["web", "till"], "rows_read": [1000, 100], "rows_used": [600, 90],
            "rows_dropped": [400, 10], "rows_outside": [400, 0],
        }
    )  # fmt: skip
    said = prose.sources_sentence(sources)
    assert "690 of 700 rows from 2 source(s)" in said
    assert "400 more lie outside the period" in said


def test_nothing_is_invented_from_empty_tables():
    assert prose.find_findings(EMPTY) == []
    for sentence in (prose.stages_sentence, prose.paths_sentence, prose.metrics_sentence):
        table = EMPTY[
            {"stages_sentence": "stages", "paths_sentence": "paths"}.get(
                sentence.__name__, "metrics"
            )
        ]
        assert sentence(table).startswith("Nothing can be said here")


def test_there_are_at_most_five_findings():
    full = {
        **EMPTY,
        "stages": STAGES,
        "pains": pd.DataFrame([PAIN]),
        "delights": pd.DataFrame([{**PAIN, "kind": "sentiment", "unit": "sentiment"}]),
        "impacts": pd.DataFrame(
            [IMPACT, {**IMPACT, "intervention": "Other"}, {**IMPACT, "intervention": "Third"}]
        ),
    }
    assert len(prose.find_findings(full)) == 5


def test_the_identity_sentence_tells_what_hangs_on_the_keys():
    facts = Facts(ids=1_300, customers=1_000, ids_only=1_100, unguarded=990, conflicts=3)
    assert prose.identity_sentence(facts) == (
        "**1,000 customers** stand behind 1,300 ids. If only equal ids joined, there would be "
        "1,100 (+10 %); if every shared key did, 990 (−1 %). 3 conflict(s) were left apart."
    )
    alone = Facts(ids=50, customers=50, ids_only=50, unguarded=50)
    assert "nothing rests on the choice of keys" in prose.identity_sentence(alone)
    assert "no source has ids" in prose.identity_sentence(Facts())
    few = Facts(ids=9, customers=9, ids_only=9, unguarded=9)
    assert "fewer than 10 customers" in prose.identity_sentence(few, min_cell=10)


def test_a_source_without_ids_speaks_of_no_customers():
    sources = pd.DataFrame({"rows_used": [1232]})
    said = prose.coverage_sentence(sources, pd.DataFrame(), period=("", ""))
    assert "1,232 rows" in said
    assert "No source says which customer" in said
