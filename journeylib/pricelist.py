"""The list of what hurts, with what the outcome and the money say of it. Computes no estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.landmarks import EVERY_CHANNEL
from journeylib.tables import complete_result, is_everyone

if TYPE_CHECKING:
    from typing import Any

    from journeylib.money import Priced

    Row = dict[Any, Any]
    Places = dict[tuple[str, ...], list[Row]]

PLACE = ["touchpoint", "channel", "kind"]
MONEY = [
    "money_value", "money_low", "money_high", "money_low80", "money_high80", "top3_probability",
    "affected_per_year", "lost_per_year",
]  # fmt: skip
TOLD = ["naive", "aipw", "e_sentence", "reason", "verdict"]


def complete_pains(pains: pd.DataFrame, associated: pd.DataFrame, priced: Priced) -> pd.DataFrame:
    """Write into the list of pain points how each goes along with the outcome, and what it costs.

    Args:
        pains: The result table ``pains`` from ``pains.rank_pains``.
        associated: From ``association.associate``.
        priced: From ``money.price_pains``.

    Returns:
        The table in its order of money, then as it was ranked before. Rows of all customers get
        ``effect`` (adjusted difference in the share with the outcome), ``p_adjusted``, ``evidence``
        and the money of the same touchpoint, channel and kind, or of the touchpoint in all
        channels; where it could not be adjusted they stay as they were, with the ``reason``. Priced
        troubles that were not in the list come in, with their adjusted difference as estimate.
    """
    if pains.empty and priced.pains.empty:
        return pains
    listed = pains.reset_index(drop=True)
    known = _by_place(associated)
    both = [part for part in (priced.pains, priced.doubtful) if len(part)]
    money = pd.concat(both or [priced.pains]).set_index("exposure")
    everyone = is_everyone(listed).tolist()
    rows: list[Row] = []
    taken: set[int] = set()
    for row, whole in zip(listed.to_dict("records"), everyone, strict=True):
        found = _find(known, row, set(money.index)) if whole else None
        if found is None:
            rows.append(row)
            continue
        own = dict(found)
        rows.append({**row, **_association(own), **_money(own, money, taken)})
    rows += [_added(own, money) for own in associated.to_dict("records")
             if own["exposure"] in set(priced.pains["exposure"]) - taken]  # fmt: skip
    return _ranked(pd.DataFrame(rows))


def _by_place(associated: pd.DataFrame) -> Places:
    places: Places = {}
    for row in associated.to_dict("records"):
        key = tuple(str(row[name]) for name in PLACE)
        places.setdefault(key, []).append(row)
    return places


def _find(known: Places, row: Row, priced: set[int]) -> Row | None:
    """Find what is known of a place: priced before measured before refused, all channels last."""
    channel = str(row["channel"]) if isinstance(row["channel"], str) else ""
    found: list[Row] = []
    for name in (channel, EVERY_CHANNEL):
        found += known.get((str(row["touchpoint"]), name, str(row["kind"])), [])
    if not found:
        return None
    return min(found, key=lambda one: (one["exposure"] not in priced, one["verdict"] == "refused"))


def _association(own: Row) -> Row:
    told = {name: own[name] for name in TOLD}
    if own["verdict"] == "refused":
        return told
    return {**told, "effect": own["value"], "p_adjusted": own["p_adjusted"],
            "evidence": own["evidence"]}  # fmt: skip


def _money(own: Row, money: pd.DataFrame, taken: set[int]) -> Row:
    """Give the money of a trouble to the first row that asks for it, so that it stands once."""
    exposure = own["exposure"]
    if exposure not in money.index or exposure in taken:
        return {}
    taken.add(exposure)
    return {**{name: money.loc[exposure, name] for name in MONEY},
            "money_unit": money.loc[exposure, "unit"]}  # fmt: skip


def _added(own: Row, money: pd.DataFrame) -> Row:
    estimate = {name: own[name] for name in ("value", "low", "high", "n", "unit", "source")}
    place = {name: own[name] for name in (*PLACE, "stage", "persona")}
    customers = round(float(own["affected"]))
    return {**place, **estimate, "customers": customers, **_association(own),
            **_money(own, money, set())}  # fmt: skip


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    blank = pd.Series(np.nan, table.index)
    # What is not clear has a price whose interval reaches below nothing: no reason to stand first.
    clear = table.get("verdict", blank) == "worse"
    cost = table.get("money_value", blank).where(clear)
    lost = table.get("lost_per_year", blank).where(clear)
    rank = table["rank"] if "rank" in table else pd.Series(np.nan, table.index)
    keys = pd.DataFrame({"cost": cost.astype(float), "lost": lost.astype(float), "rank": rank})
    order = keys.sort_values(["cost", "lost", "rank"], ascending=[False, False, True],
                             kind="stable", na_position="last").index  # fmt: skip
    ranked = table.loc[order].reset_index(drop=True)
    ranked["rank"] = np.arange(1, len(ranked) + 1)
    return complete_result("pains", ranked)
