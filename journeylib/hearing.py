"""What a notebook asks of customers' words in one line, from the client's workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.feedback import find_themes
from journeylib.theme_search import ThemeRules
from journeylib.trends import Trends, follow_themes

if TYPE_CHECKING:
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
    rules = ThemeRules(
        own=params.feedback.themes,
        min_comments=params.feedback.min_comments,
        min_cell=params.report.min_cell,
        seed=params.seed,
    )
    themes = find_themes(
        work.recall("voices"),
        placed=work.recall("placed"),
        personas=work.recall("assignments"),
        rules=rules,
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
