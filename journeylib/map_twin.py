"""The journey map as tables, for those who read by ear, by braille, or on a small screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeylib import labels
from journeylib.map_cards import DELIGHTS, OPPORTUNITIES, PAINS, card_texts, place_opportunities
from journeylib.map_dots import starred_names
from journeylib.map_ghosts import ghosts_of
from journeylib.map_lanes import JourneyMap, is_small, number, of_stage, plain, stage_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from journeylib.map_cards import Deck


def twin(map_: JourneyMap, *, ids: str) -> str:
    """Write everything on the map as two tables, folded away.

    Args:
        map_: The map.
        ids: What the ids of this view start with.
    """
    who = plain(map_.group) or "all customers"
    road = _table(f"{map_.title}: {who}", *_road(map_))
    heads, rows = _feelings(map_)
    feelings = _table(f"How they feel, −1 to 1: {who}", heads, rows) if len(heads) > 1 else ""
    return (
        f'<details class="jm-details" id="{ids}-table"><summary>The map as a table</summary>'
        f"{road}{feelings}</details>"
    )


def _table(caption: str, heads: Sequence[str], rows: list[list[str]]) -> str:
    top = "".join(f'<th scope="col">{labels.escape_label(name)}</th>' for name in heads)
    body = ""
    for first, *cells in rows:
        told = "".join(
            f'<td data-name="{labels.escape_label(name)}">{labels.escape_label(cell)}</td>'
            for name, cell in zip(heads[1:], cells, strict=True)
        )
        body += f'<tr><th scope="row">{labels.escape_label(first)}</th>{told}</tr>'
    return (
        f'<table class="jm-table"><caption>{labels.escape_label(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def _road(map_: JourneyMap) -> tuple[list[str], list[list[str]]]:
    heads = ["Stage", "Customers", "Share", "Go on", "Median days", "Touchpoints", "Pain points",
             "Delights"]  # fmt: skip
    heads += ["What to try"] * (not map_.opportunities.empty)
    heads += ["Previous period"] * (not map_.before.empty)
    return heads, [_stage_row(map_, row) for _, row in map_.stages.iterrows()]


def _stage_row(map_: JourneyMap, row: pd.Series) -> list[str]:
    stage, reached = str(row["stage"]), number(row, "reached")
    small = is_small(reached, map_)

    def told(column: str) -> float:
        return math.nan if small else number(row, column)

    going = labels.share_text(told("to_next"))
    between = labels.interval_text(told("low"), told("high"), "share")
    cells = [
        plain(stage),
        labels.count_text(reached, map_.min_cell),
        labels.share_text(told("share")),
        going + f" ({between})" * bool(between),
        labels.value_text(told("median_days")),
        _touchpoints(map_, stage),
        _cards(map_, of_stage(map_.pains, stage), PAINS),
        _cards(map_, of_stage(map_.delights, stage), DELIGHTS),
    ]
    if not map_.opportunities.empty:
        cells.append(_cards(map_, of_stage(place_opportunities(map_), stage), OPPORTUNITIES))
    if not map_.before.empty:
        cells.append(_earlier(map_, stage))
    return cells


def _touchpoints(map_: JourneyMap, stage: str) -> str:
    told = []
    for _, row in of_stage(map_.touchpoints, stage).iterrows():
        customers = number(row, "customers")
        parts = [labels.clean_label(row.get("channel")),
                 labels.count_text(customers, map_.min_cell)]  # fmt: skip
        if not is_small(customers, map_) and not math.isnan(number(row, "sentiment")):
            parts.append(f"tone {labels.value_text(number(row, 'sentiment'), 'sentiment')}")
        parts += ["moment of truth"] * (str(row["touchpoint"]) in starred_names(map_))
        told.append(f"{labels.clean_label(row['touchpoint'])} ({', '.join(filter(None, parts))})")
    return "; ".join(told) or "–"


def _cards(map_: JourneyMap, rows: pd.DataFrame, deck: Deck) -> str:
    told = []
    for place in range(len(rows)):
        first, *rest = (text for text, _, _, _ in card_texts(rows.iloc[[place]], map_, deck=deck))
        told.append(first + (": " + ", ".join(rest) if rest else ""))
    return "; ".join(told) or "–"


def _earlier(map_: JourneyMap, stage: str) -> str:
    row = stage_before(map_, stage)
    if row.empty or is_small(number(row, "reached"), map_):
        return "–"
    return (
        f"{labels.count_text(number(row, 'reached'), map_.min_cell)} customers, "
        f"{labels.share_text(number(row, 'share'))}; "
        f"{labels.share_text(number(row, 'to_next'))} went on"
    )


def _feelings(map_: JourneyMap) -> tuple[list[str], list[list[str]]]:
    """Lay the lines of the emotion curve out, one column each."""
    stages = [str(stage) for stage in map_.stages["stage"]]
    names = list(dict.fromkeys(str(name) for name in map_.curve["persona"])) if len(
        map_.curve) else []  # fmt: skip
    ghosts = ghosts_of(map_, stages)
    whole = plain(map_.group) or "All customers"
    heads = ["Stage", *(whole if name == "all" else plain(name) for name in names)]
    rows = []
    for place, stage in enumerate(stages):
        cells = [plain(stage), *(_feeling(map_, stage, name) for name in names)]
        cells += [labels.value_text(ghost.tones[place], "sentiment") for ghost in ghosts]
        rows.append(cells)
    return [*heads, *(ghost.name for ghost in ghosts)], rows


def _feeling(map_: JourneyMap, stage: str, persona: str) -> str:
    rows = map_.curve[(map_.curve["stage"] == stage) & (map_.curve["persona"] == persona)]
    if rows.empty:
        return "no scores"
    row = rows.iloc[0]
    value, n = number(row, "value"), number(row, "n")
    if n < map_.min_cell:
        return "too few scores"
    if math.isnan(value):
        return "no scores"
    between = labels.interval_text(number(row, "low"), number(row, "high"), "sentiment")
    told = [between, "" if math.isnan(n) else f"n = {labels.count_text(n)}"]
    more = ", ".join(filter(None, told))
    return labels.value_text(value, "sentiment") + (f" ({more})" if more else "")
