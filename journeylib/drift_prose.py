"""Sentences about what changed since an earlier period, computed from the frame beside them.

Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeylib.exhibits import Sentence
from journeylib.labels import clean_label, count_text, estimate_text, metric_name, value_text

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

MOST_TOLD = 3
KINDS = {
    "to_next": "{} · goes on", "sentiment": "{} · feeling", "pain": "{} · pain",
    "theme": "talk of {}", "persona": "{} · share", "move": "{}",
}  # fmt: skip
NOT_WHY = "That something changed says nothing of what changed it."


def drift_sentences(
    drift: pd.DataFrame, mix: pd.DataFrame, *, reason: str = "", earlier: str = ""
) -> list[Sentence]:
    """Say what changed, and, where there are personas of both periods, whether their mix did.

    Args:
        drift: The result table ``drift``, in the order in which it is told.
        mix: From ``revisiting.compare_with_earlier``; may be empty.
        reason: Why nothing is compared.
        earlier: The earlier period in words.
    """
    told = [drift_sentence(drift, reason, earlier)]
    return [*told, mix_sentence(mix)] if len(mix) else told


def drift_sentence(drift: pd.DataFrame, reason: str = "", earlier: str = "") -> Sentence:
    """Say what changed since the earlier period, what stayed the same, and what cannot be told.

    Args:
        drift: The result table ``drift``, in the order in which it is told.
        reason: Why nothing is compared.
        earlier: The earlier period in words.
    """
    known = drift.dropna(subset=["value"]) if len(drift) else drift
    if known.empty:
        return Sentence(f"What changed cannot be told: {reason or 'every figure is withheld.'}")
    since = f"Compared with {clean_label(earlier) or 'the earlier period'}"
    changed = known[known["verdict"] == "changed"]
    same = int((known["verdict"] == "same").sum())
    left = len(known) - len(changed) - same
    counted = (
        f"Of {len(known)} figures that were compared, {len(changed)} changed, {same} stayed the "
        f"same within what would matter, and of {left} the data cannot tell."
    )
    named = changed.dropna(subset=["before"])
    if named.empty:
        return Sentence(f"**{since}, no figure clearly changed.** {counted}")
    first = "; ".join(map(_told, _varied(named).to_dict("records")))
    more = f"; and {len(changed) - MOST_TOLD} more" if len(changed) > MOST_TOLD else ""
    return Sentence(f"**{since}, these changed most**: {first}{more}. {counted} {NOT_WHY}")


def _varied(named: pd.DataFrame) -> pd.DataFrame:
    """Choose the first of each kind before the second of any, in the order given."""
    kind = named["metric"].astype(str).str.partition(":")[0]
    turn = named.groupby(kind, sort=False).cumcount()
    return named.loc[turn.sort_values(kind="stable").index].head(MOST_TOLD)


def _told(row: Any) -> str:
    unit = str(row["unit"])
    before, after = (value_text(row[name], unit) for name in ("before", "after"))
    change = estimate_text(row["value"], row["low"], row["high"], unit, difference=True)
    change = change.replace(" pp ", " percentage points ")
    return f"{figure_name(row['metric'])}, from {before} to {after}, a change of {change}"


def figure_name(metric: object) -> str:
    """Write a compared or imagined figure as a reader says it.

    Args:
        metric: Such as ``nps``, ``to_next:decision`` or ``move:basket → checkout``.
    """
    kind, _, name = str(metric).partition(":")
    if name and kind in KINDS:
        return KINDS[kind].format(clean_label(name).replace("_", " "))
    return metric_name(metric)


def list_changes(drift: pd.DataFrame) -> pd.DataFrame:
    """Lay changes out for a page: figures named, levels written with their unit.

    Args:
        drift: The result table ``drift``.

    Returns:
        The same rows with ``figure``, ``was`` and ``now``.
    """
    units = drift["unit"].astype(str)
    was, now = (
        [value_text(level, unit) for level, unit in zip(drift[side], units, strict=True)]
        for side in ("before", "after")
    )
    return drift.assign(figure=[figure_name(name) for name in drift["metric"]], was=was, now=now)


def mix_sentence(mix: pd.DataFrame) -> Sentence:
    """Say whether the mix of personas moved further than chance moves it.

    Args:
        mix: From ``revisiting.compare_with_earlier``, not empty.
    """
    row = mix.iloc[0]
    how = "further" if row["index"] > row["most_by_chance"] else "no further"
    return Sentence(
        f"**The mix of personas moved {how} than chance moves it**: its stability index is "
        f"{row['index']:.3f}, where chance alone stays below {row['most_by_chance']:.3f} in 95 of "
        f"100 comparisons of {count_text(row['n_before'])} with {count_text(row['n'])} customers."
    )
