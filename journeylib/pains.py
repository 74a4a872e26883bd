"""What hurts: losses, delays, returns, bad feelings and uneven channels, ranked; and what delights.

Associations between groups that are followed alike, each with an interval and adjusted for having
looked at many. Evidence is D throughout; nothing here says what caused what.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from journeylib.comparisons import Comparison, compare_cells, compare_rates, stack
from journeylib.engine import summarise
from journeylib.exposures import EVERYONE, Exposures, Groups, summarise_exposures, summarise_reach
from journeylib.hazards import summarise_hazards
from journeylib.inconsistency import find_inconsistencies, find_uneven_moods
from journeylib.moods import centre_tones, compare_moods
from journeylib.subgroups import pool_personas
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Codes, Log

__all__ = ["Comparison", "compare_touchpoints", "part_personas", "rank_delights", "rank_pains"]

LIKED = "liked, and the outcome comes more often"
UNMEASURED = "liked, no measured effect"
FOUND = "found"


def compare_touchpoints(
    log: Log,
    voices: pd.DataFrame,
    *,
    min_customers: int = 30,
    exclude: Sequence[str] = (),
    confidence: float = 0.95,
    personas: Groups | None = None,
) -> pd.DataFrame:
    """Compare every touchpoint in every channel with its like, in five ways.

    Args:
        log: The event log.
        voices: What customers said: ``customer, touchpoint, channel, sentiment``.
        min_customers: Fewest customers in each of the groups compared.
        exclude: Touchpoints that are left out.
        confidence: Coverage of the intervals.
        personas: From ``part_personas``; None compares all customers only.

    Returns:
        One row per touchpoint, channel, persona and kind: ``effect`` (negative is worse),
        ``customers`` concerned, ``hit`` (customers times size, for ranking), ``p_value``,
        ``p_adjusted`` (Benjamini-Hochberg over all rows) and the estimate's columns.

        *loss*, up to the purchase: share that goes on after the touchpoint (where the outcome is a
        conversion: that converts within the follow-up), less that of the other touchpoints of its
        stage. *loss*, after it (for retention: from it on): share with the
        outcome within the follow-up once the touchpoint was met, less that of customers as long in
        the stage who had not met it. *delay*: share with the outcome among the slowest quarter of
        those who waited since the purchase or the last usual stop after it, less that of the
        others. *repeat*: the same for those who came back within a week, from the purchase stage
        on, because to look again at what one may buy is no trouble. *sentiment*: mean tone less
        that of the other touchpoints rated in the same source. *inconsistency*: the same touchpoint
        in a worse channel, in outcome (beyond what sets the channels apart elsewhere) or in tone.

        Touchpoints that are the outcome, end it, undo it (refunds) or only measure it (surveys)
        are compared in sentiment alone. Rows where fewer than five outcomes of either kind would
        be expected are left out.

        Rows of a persona compare its customers with each other, and are drawn towards what all
        personas show there: ``plain, plain_low, plain_high`` are before that, ``kept`` is the share
        of the distance that was kept. ``differs_adjusted`` tests a persona against the others
        there, in the same family as all other p-values.
    """
    said = centre_tones(voices)
    options: dict[str, Any] = {"fewest": min_customers, "confidence": confidence}
    parts = [
        compare_moods(said, log.codes, **options),
        find_uneven_moods(said, log.codes, **options),
    ]
    whole = _expose(log)
    parts += _followed(log, whole, None, options)
    table = _without(stack(parts), exclude)
    if personas is not None:
        own = _voiced(said, log.codes, personas, options)
        own += _followed(log, whole, personas, options)
        pooled = pool_personas(_without(stack(own), exclude), confidence=confidence)
        table = pd.concat([table, pooled], ignore_index=True) if len(pooled) else table
    table = table.assign(effect=table["value"], evidence="D")
    return _adjust(table)


def part_personas(
    log: Log, assignments: pd.DataFrame, *, known_from: int | None = None
) -> Groups | None:
    """Part customers by persona, so that no outcome counts before the personas were known.

    Args:
        log: The event log.
        assignments: Columns ``customer, persona`` and perhaps ``basis``; those whose basis is not
            ``found`` were placed by what they did later, and are left out.
        known_from: Microsecond from which the personas are known. By default the last follow-up of
            the period: personas are found in what comes before it. 0 for groups that were there
            from the first, such as segments of the client's own.

    Returns:
        The groups, or None for fewer than two.
    """
    own = assignments
    if "basis" in own:
        own = own[own["basis"] == FOUND]
    if own.empty or len(own["persona"].unique()) < 2 or not log.codes.customers:
        return None
    since = log.codes.end - log.codes.follow if known_from is None else known_from
    return Groups.of(own, log.codes.customers, since)


def _without(table: pd.DataFrame, exclude: Sequence[str]) -> pd.DataFrame:
    return table[~table["touchpoint"].isin(list(exclude))].reset_index(drop=True)


def _expose(log: Log) -> tuple[Exposures | None, tuple[int, ...]]:
    reach = summarise(summarise_reach, log.readable)
    stations = reach.stations if reach is not None else ()
    return summarise(partial(summarise_exposures, stations=stations), log.readable), stations


def _followed(
    log: Log,
    whole: tuple[Exposures | None, tuple[int, ...]],
    groups: Groups | None,
    options: dict[str, Any],
) -> list[pd.DataFrame]:
    """Compare in what followed; groups are told slow by the same wait as everybody."""
    summary, stations = whole
    own = summary
    if groups is not None:
        function = partial(summarise_exposures, stations=stations, groups=groups)
        own = summarise(function, log.readable)
    rates = summarise(partial(summarise_hazards, groups=groups), log.readable)
    if own is None or rates is None:
        return []
    cells, codes = own.frame(like=summary), log.codes
    return [
        compare_cells(cells, codes.outcome, **options),
        compare_rates(rates.frame(), codes, **options),
        find_inconsistencies(cells, codes.outcome, **options),
    ]


def _voiced(
    said: pd.DataFrame, codes: Codes, groups: Groups, options: dict[str, Any]
) -> list[pd.DataFrame]:
    known = said["customer"].fillna(-1).astype("int64").to_numpy()
    inside = (known >= 0) & (known < len(groups.group_of))
    group = np.where(inside, groups.group_of[np.where(inside, known, 0)], -1)
    parts = []
    for code, name in enumerate(groups.names):
        own = said[group == code]
        if len(own):
            parts.append(compare_moods(own, codes, group=name, **options))
            parts.append(find_uneven_moods(own, codes, group=name, **options))
    return parts


def _adjust(table: pd.DataFrame) -> pd.DataFrame:
    """Adjust all p-values together: those of the rows, and those between personas."""
    if table.empty:
        return table.assign(p_adjusted=0.0)
    own = table["p_value"].to_numpy(float)
    if "p_differs" not in table:
        return table.assign(p_adjusted=multipletests(own, method="fdr_bh")[1])
    between = table["p_differs"].to_numpy(float)
    tested = ~np.isnan(between)
    adjusted = multipletests(np.append(own, between[tested]), method="fdr_bh")[1]
    differs = np.full(len(table), np.nan)
    differs[tested] = adjusted[len(own) :]
    return table.assign(p_adjusted=adjusted[: len(own)], differs_adjusted=differs)


def rank_pains(compared: pd.DataFrame, *, fdr: float = 0.10) -> pd.DataFrame:
    """Keep what is worse than its like and rank it by the customers it costs.

    Args:
        compared: From ``compare_touchpoints``.
        fdr: False discovery rate that is accepted.

    Returns:
        The result table ``pains``; no interval in it reaches zero. Rows of all customers come
        first. Rows of a persona follow: they are a closer look at the same customers, not more of
        them, and stand there where the persona's difference is clear by itself or differs from that
        of the other personas.
    """
    return _ranked("pains", compared, compared["high"].astype(float) < 0, fdr)


def rank_delights(
    compared: pd.DataFrame, *, fdr: float = 0.10, truths: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Keep what is liked more than its like and rank it by the customers it pleases.

    Only what customers say counts: to be quick, or to be met by those who stay, is no delight yet.

    Args:
        compared: From ``compare_touchpoints``.
        fdr: False discovery rate that is accepted.
        truths: From ``truths.measure_truths``: whether those who liked a touchpoint had the outcome
            more often than those who did not.

    Returns:
        The result table ``delights`` with a column ``note``: ``liked, and the outcome comes more
        often`` where those who met it, or liked it, had the outcome more often; else ``liked, no
        measured effect``.
    """
    better = (compared["low"].astype(float) > 0) & (compared["kind"] == "sentiment")
    ranked = _ranked("delights", compared, better, fdr)
    works = _with_outcome(compared, fdr)
    if truths is not None and len(truths):
        works |= _with_outcome(truths[truths["sign"] == "tone"], fdr)
    told = [
        LIKED if (place, who) in works else UNMEASURED
        for place, who in zip(ranked["touchpoint"], ranked["persona"], strict=True)
    ]
    return ranked.assign(note=pd.Series(told, index=ranked.index, dtype="str"))


def _with_outcome(rows: pd.DataFrame, fdr: float) -> set[tuple[str, str]]:
    """Name touchpoints and personas whose good side goes with the outcome."""
    clear = (rows["low"].astype(float) > 0) & (rows["p_adjusted"].astype(float) <= fdr)
    if "kind" in rows:
        clear &= rows["kind"] == "loss"
    kept = rows[clear]
    who = kept["persona"] if "persona" in kept else pd.Series(EVERYONE, index=kept.index)
    return set(zip(kept["touchpoint"].astype(str), who.astype(str), strict=True))


def _ranked(name: str, compared: pd.DataFrame, wanted: pd.Series, fdr: float) -> pd.DataFrame:
    clear = compared["p_adjusted"].astype(float) <= fdr
    if "differs_adjusted" in compared:
        clear |= compared["differs_adjusted"].astype(float) <= fdr
    kept = compared[wanted & clear]
    if kept.empty:
        return complete_result(name, pd.DataFrame())
    kept = kept.assign(own=kept["persona"] != EVERYONE)
    order = ["own", "hit", "touchpoint", "channel", "persona", "kind"]
    kept = kept.sort_values(
        order, ascending=[True, False, True, True, True, True], ignore_index=True
    )
    kept = kept.assign(rank=np.arange(1, len(kept) + 1))
    return complete_result(name, kept.drop(columns=["own", "hit", "p_value", "p_differs"],
                                           errors="ignore"))  # fmt: skip
