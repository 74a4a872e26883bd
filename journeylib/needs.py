"""Which sources a client's results rest on, and what stops the client when one of them fails.

A source is needed when the outcome is read from it, when an intervention is measured on it, or when
it holds half of the log's events or more. A failed check of any other source is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.errors import DataError, Problem
from journeylib.findings import FAIL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from journeylib.interventions import Intervention
    from journeylib.params import Params
    from journeylib.sources import SourceTable

MOST_OF_LOG = 0.5
FIXES = {
    "placeholder_dates": "Export the column with the true dates, or map another one to it.",
    "usable_rows": "Export the source again with the values that are missing, or narrow `keep`.",
    "missing_ids": "Export the source with ids, or map the column that holds them.",
    "period": "Set `period` to days that the data has, or export those days.",
}


def find_needed(
    params: Params,
    sources: Sequence[SourceTable],
    *,
    outcome: str,
    events: Mapping[str, int],
    outcome_events: Mapping[str, int],
) -> dict[str, str]:
    """Say which sources the results rest on, and why.

    Args:
        params: The client file.
        sources: The sources that were read.
        outcome: What the outcome is, such as ``"repeat_purchase"``.
        events: Events of the log by source.
        outcome_events: Those of them that are the outcome's touchpoints.

    Returns:
        The reason by name of the source.
    """
    kinds = {source.name: source.kind for source in sources}
    needed: dict[str, str] = {}
    for name, kind in kinds.items():
        buys = outcome == "repeat_purchase" and kind == "orders"
        stays = outcome == "retention" and kind == "customers"
        reached = outcome == "conversion" and outcome_events.get(name, 0) > 0
        if buys or stays or reached:
            needed[name] = f"the outcome {outcome} is read from it"
    for intervention in params.interventions:
        for name in _measured_on(intervention, kinds):
            needed.setdefault(name, f"the intervention {intervention.name!r} is measured on it")
    total = sum(events.values())
    for name, count in events.items():
        if total and count >= MOST_OF_LOG * total:
            needed.setdefault(name, f"it holds {count / total:.0%} of all events")
    return needed


def _measured_on(intervention: Intervention, kinds: Mapping[str, str]) -> list[str]:
    if intervention.source:
        return [intervention.source] if intervention.source in kinds else []
    return [name for name, kind in kinds.items() if kind == "surveys"]


def stop_on_failures(client: str, quality: pd.DataFrame, needed: Mapping[str, str]) -> None:
    """Stop a client whose needed data failed a check.

    Args:
        client: Slug of the client.
        quality: The result table ``quality``.
        needed: The reason why a source is needed, by its name.

    Raises:
        DataError: A check of a needed source failed; holds every one of them.
    """
    failed = quality[quality["status"] == FAIL]
    problems = [
        Problem(
            "E-QUALITY",
            f"{row['check'].replace('_', ' ')}: {row['message']} The client stops here because "
            f"{needed[row['source']]}.",
            row["source"],
            fix=FIXES.get(row["check"], "Mend the source and run the client again."),
        )
        for row in failed.to_dict("records")
        if row["source"] in needed
    ]
    if problems:
        raise DataError(f"{client}: {len(problems)} failed check(s) of needed data.", problems)
