"""What a notebook asks of customers' words in one line, from the client's workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.feedback import find_themes
from journeylib.labels import clean_label
from journeylib.theme_search import ThemeRules
from journeylib.trends import Trends, follow_themes

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.feedback import Themes
    from journeylib.workspace import Workspace


def hear_customers(work: Workspace) -> Themes:
    """Find the themes of a client's comments, small groups withheld.

    Args:
        work: The workspace, after notebook 02.

    Returns:
        The themes, by the client file's ``feedback`` and ``report: min_cell``.
    """
    params = work.params
    themes = find_themes(
        work.recall("voices"),
        placed=work.recall("placed"),
        personas=work.recall("assignments"),
        rules=_rules(work),
        confidence=params.confidence,
    )
    return themes._replace(
        table=work.protect("themes", themes.table),
        cells=work.protect("theme_cells", themes.cells),
        stability=work.protect("theme_stability", themes.stability),
    )


def hear_changes(work: Workspace, themes: Themes) -> Trends:
    """Follow a client's themes through the period, small groups withheld.

    Args:
        work: The workspace.
        themes: From ``hear_customers``.
    """
    params = work.params
    trends = follow_themes(themes, fdr=params.pains.fdr, confidence=params.confidence)
    return trends._replace(periods=work.protect("theme_periods", trends.periods))


def hear_before(work: Workspace, voices: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Count the themes of the period that the client file compares with; the words go no further.

    Args:
        work: The workspace.
        voices: What customers said in that period, with its tone and text.
        placed: Columns ``touchpoint`` and ``stage``.

    Returns:
        ``metric`` (``theme:`` and its name), ``value, low, high, n, unit``; themes of the codebook
        alone, because those found in the words of one period have no twin in another.
    """
    confidence = work.params.confidence
    themes = find_themes(voices, placed=placed, rules=_rules(work), confidence=confidence)
    table = themes.table
    own = table[table["kind"] != "found"] if "kind" in table else table
    named = own.assign(metric=[f"theme:{clean_label(name)}" for name in own["theme"]])
    return named[["metric", "value", "low", "high", "n", "unit"]].reset_index(drop=True)


def _rules(work: Workspace) -> ThemeRules:
    params = work.params
    return ThemeRules(
        own=params.feedback.themes, min_comments=params.feedback.min_comments,
        min_cell=params.report.min_cell, seed=params.seed,
    )  # fmt: skip
