"""What notebook 04 asks of a client's workspace in one line: groups, grades, terms, the whole list.

Not for comparing or pricing; `pains`, `association` and `money` do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.dating import date_pains
from journeylib.labels import place_text
from journeylib.pains import part_personas
from journeylib.pricelist import complete_pains
from journeylib.trying import measure_interventions
from journeylib.worth import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeylib.exposures import Groups
    from journeylib.money import Priced
    from journeylib.workspace import Workspace

MEASURED = ("A", "B")


def known_groups(work: Workspace) -> Groups | None:
    """Give the personas, where they were known before the outcomes that are compared.

    Args:
        work: The workspace, after notebook 02.
    """
    words = work.recall("persona_words")
    if words.empty or int(words["days"].iloc[0]) <= 0:
        return None
    return part_personas(work.log, work.recall("assignments"))


def grade_touchpoints(work: Workspace) -> dict[str, str]:
    """Name the touchpoints on which a change was measured well, with its grade of evidence.

    Args:
        work: The workspace, after notebook 01.

    Returns:
        Grade A or B by touchpoint; empty where no intervention names a touchpoint.
    """
    named = {one.name: one.touchpoint for one in work.params.interventions if one.touchpoint}
    if not named:
        return {}
    impacts = measure_interventions(work).impacts
    kept = impacts[
        impacts["evidence"].isin(MEASURED)
        & impacts["intervention"].isin(list(named))
        & (impacts["verdict"] != "not interpretable")
    ]
    graded = zip(kept["intervention"], kept["evidence"], strict=True)
    return {str(named[name]): str(grade) for name, grade in sorted(graded, reverse=True)}


def terms_of(work: Workspace) -> Terms:
    """Give the client file's terms of money.

    Args:
        work: The workspace.
    """
    outcome = work.params.outcome
    return Terms(
        value_per_customer=outcome.value_per_customer,
        margin=outcome.margin,
        discount=outcome.discount,
        horizon_months=outcome.horizon_months,
        currency=work.params.currency or "",
    )


def finish_pains(
    work: Workspace, listed: pd.DataFrame, associated: pd.DataFrame, priced: Priced
) -> pd.DataFrame:
    """Write money, evidence and dates into the list of pain points, small groups withheld.

    Args:
        work: The workspace.
        listed: From ``pains.rank_pains``.
        associated: From ``association.associate``.
        priced: From ``money.price_pains``.

    Returns:
        The result table ``pains``; ``place`` and ``when`` say in words where it hurts, and since
        when.
    """
    whole = complete_pains(listed, associated, priced)
    dated = date_pains(work.log, whole, voices=work.recall("voices"), seed=work.params.seed)
    when = pd.Series([_when(row) for row in dated.to_dict("records")], dated.index, dtype="str")
    return work.protect("pains", name_places(dated).assign(when=when))


def name_places(table: pd.DataFrame) -> pd.DataFrame:
    """Write where something happens in one column, ``place``, such as ``checkout (mobile)``.

    Args:
        table: Columns ``touchpoint`` and ``channel``.
    """
    pairs = zip(table["touchpoint"], table["channel"], strict=True)
    places = [place_text(touchpoint, channel) for touchpoint, channel in pairs]
    return table.assign(place=pd.Series(places, table.index, dtype="str"))


def _when(row: Mapping[object, object]) -> str:
    first, last = (
        f"{pd.Timestamp(str(row[end])):%-d %b %Y}" if row.get(end) else ""
        for end in ("since", "until")
    )
    words = {"since": f"since {first}", "until": f"until {last}",
             "for a time": f"{first} to {last}"}  # fmt: skip
    return words.get(str(row.get("dated")), str(row.get("dated") or ""))
