"""Themes as figures: how many customers speak of each, how it felt, where and which personas.

The customer is the unit everywhere. Not for finding themes (`theme_search`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.emotion import mean_feelings
from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "all"
CELL_COLUMNS = (
    "theme", "stage", "persona", "mentions", "value", "low", "high", "n", "unit", "source",
)  # fmt: skip


def describe_themes(
    table: pd.DataFrame, members: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Measure each theme: its share of the customers who commented, and how it felt.

    Args:
        table: One row per comment: ``own, customer, feeling, blur, stage``.
        members: Columns ``comment`` (place in ``table``) and ``theme``.
        confidence: Coverage of the intervals.

    Returns:
        One row per theme, the most frequent first: ``theme, mentions`` (customers), ``comments,
        share, stage`` (where most of those customers spoke of it), ``value, low, high, n, unit,
        source`` of the share; ``sentiment, sentiment_low, sentiment_high, sentiment_n`` (customers
        with a rating, or with words that were shown to go with ratings) and ``sentiment_others``
        (of all comments without the theme).
    """
    said = _said(table, members)
    customers = table["own"].nunique()
    counted = said.groupby("theme", sort=True)["own"].agg(mentions="nunique", comments="size")
    shares = plain_shares(counted["mentions"], np.full(len(counted), customers),
                          confidence=confidence).set_index(counted.index)  # fmt: skip
    out = pd.concat([counted, shares], axis=1).assign(share=shares["value"])
    out["stage"] = _usual_stage(said).reindex(out.index).fillna("")
    felt = mean_feelings(said, ["theme"], confidence=confidence).set_index("theme")
    names = {"value": "", "low": "_low", "high": "_high", "n": "_n"}
    for name, end in names.items():
        out[f"sentiment{end}"] = felt[name].reindex(out.index).astype("float64")
    out["sentiment_others"] = [_others(table, members, theme) for theme in out.index]
    order = ["mentions", "comments", "theme"]
    return out.reset_index().sort_values(
        order, ascending=[False, False, True], kind="stable", ignore_index=True
    )


def count_cells(
    table: pd.DataFrame, members: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Count who speaks of each theme by stage and persona.

    Args:
        table: One row per comment: ``own, stage, persona``, empty where unknown.
        members: Columns ``comment`` and ``theme``.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``CELL_COLUMNS``: ``mentions`` are customers, the share is of those who commented
        in the stage and persona; ``all`` stands for every stage or persona, also unknown ones.
        Cells in which nobody commented have no row.
    """
    said = _said(table, members)
    themes = pd.DataFrame({"theme": sorted(said["theme"].unique())}, dtype="object")
    parts = []
    for by in ([], ["stage"], ["persona"], ["stage", "persona"]):
        spoke = _distinct(table, by).rename("n")
        spoken = _distinct(said, ["theme", *by]).rename("mentions").reset_index()
        grid = themes.merge((spoke.reset_index() if by else spoke.to_frame()), how="cross")
        parts.append(grid.merge(spoken, how="left", on=["theme", *by]))
    cells = pd.concat(parts, ignore_index=True)
    cells = cells.reindex(columns=["theme", "stage", "persona", "mentions", "n"])
    cells = cells.assign(
        stage=cells["stage"].fillna(ALL),
        persona=cells["persona"].fillna(ALL),
        mentions=cells["mentions"].fillna(0).astype("int64"),
    )
    shares = plain_shares(cells["mentions"], cells["n"], confidence=confidence)
    cells = pd.concat([cells.drop(columns="n"), shares], axis=1)
    return cells[list(CELL_COLUMNS)]


def _said(table: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    rows = table.iloc[members["comment"].to_numpy(dtype=int)].reset_index(drop=True)
    named = pd.Series(members["theme"].to_numpy(dtype=object), index=rows.index, dtype="object")
    return rows.assign(theme=named)


def _usual_stage(said: pd.DataFrame) -> pd.Series:
    staged = said[said["stage"] != ""]
    counts = staged.groupby(["theme", "stage"], sort=True)["own"].nunique().reset_index()
    counts = counts.sort_values("own", ascending=False, kind="stable")
    return counts.drop_duplicates("theme").set_index("theme")["stage"]


def _others(table: pd.DataFrame, members: pd.DataFrame, theme: str) -> float:
    own = members.loc[members["theme"] == theme, "comment"].to_numpy(dtype=int)
    felt = table["feeling"].to_numpy(float).copy()
    felt[own] = np.nan
    return float(np.nanmean(felt)) if np.isfinite(felt).any() else float("nan")


def _distinct(rows: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Count customers by group; rows without a stage or persona form none."""
    known = rows
    for name in by:
        known = known[known[name] != ""]
    if not by:
        return pd.Series([known["own"].nunique()])
    return known.groupby(list(by), sort=True)["own"].nunique()
