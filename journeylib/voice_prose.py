"""Sentences about what customers talk about, computed from the frames that are shown beside them.

Nothing here computes a statistic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.exhibits import Sentence
from journeylib.labels import (
    clean_label,
    count_text,
    estimate_text,
    is_missing,
    share_text,
    value_text,
)

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.feedback import Themes
    from journeylib.trends import Trends

NOTHING = "Nothing can be said here: {}."
WORSE = 0.1


def themes_sentence(themes: Themes) -> Sentence:
    """Say what customers speak of most, and what of it feels worst.

    Args:
        themes: From ``feedback.find_themes``.
    """
    table = themes.table.dropna(subset=["value"]) if len(themes.table) else themes.table
    if table.empty:
        return Sentence(NOTHING.format(themes.reason or "every theme is withheld"))
    first = table.iloc[0]
    others = [_name(name) for name in table["theme"].iloc[1:3]]
    also = f", then of {' and '.join(others)}" if others else ""
    text = (
        f"**Customers speak most of {_name(first['theme'])}**: {_told(first)} of the "
        f"{count_text(first['n'])} who commented{also}."
    )
    rated = table.dropna(subset=["sentiment", "sentiment_others"])
    if len(rated):
        worst = rated.iloc[int(rated["sentiment"].to_numpy().argmin())]
        text += f" {_worst(worst)}"
    return Sentence(f"{text} {_census(themes)}")


def _worst(row: Any) -> str:
    tone = estimate_text(row["sentiment"], row["sentiment_low"], row["sentiment_high"], "sentiment")
    clearly = row["sentiment_high"] < row["sentiment_others"]
    word = "feel worst" if clearly else "feel worst, if any,"
    return (
        f"They {word} about {_name(row['theme'])}: {tone} on a scale of −1 to 1, "
        f"{value_text(row['sentiment_others'], 'sentiment')} where they speak of other things."
    )


def _census(themes: Themes) -> str:
    counts = dict(zip(themes.census["what"], themes.census["comments"], strict=True))
    counted = int(counts.pop("counted", 0))
    left = int(sum(counts.values()))
    text = f"{count_text(counted)} comments count"
    if left:
        named = ", ".join(f"{count_text(n)} {what}" for what, n in counts.items())
        text += f"; {count_text(left)} do not ({named})"
    unstable = int(themes.stability["verdict"].str.startswith("not stable").sum())
    if unstable:
        text += (
            f". {unstable} group(s) of words were not the same in two halves of the customers and "
            "are not reported"
        )
    return f"{text}."


def trends_sentence(trends: Trends) -> Sentence:
    """Say which themes rise and fall.

    Args:
        trends: From ``trends.follow_themes``.
    """
    if trends.changes.empty:
        return Sentence(f"How themes change cannot be said: {trends.reason}.")
    told = []
    for verdict, word in (("rising", "more"), ("falling", "less")):
        for row in trends.changes[trends.changes["verdict"] == verdict].to_dict("records"):
            text = _told(row, difference=True)
            told.append(f"{word} of {_name(row['theme'])} ({text})")
    looked = len(trends.changes)
    if not told:
        return Sentence(f"**No theme clearly rises or falls**, given that {looked} were looked at.")
    more = f", and {len(told) - 3} further changes" if len(told) > 3 else ""
    return Sentence(
        f"**As the period went by, customers spoke {'; '.join(told[:3])}{more}.** These are "
        f"changes in what is said, among {looked} themes looked at; what brought them about is not "
        "shown."
    )


def links_sentence(links: pd.DataFrame) -> Sentence:
    """Say which themes stand beside which pains.

    Args:
        links: From ``theme_links.link_themes``.
    """
    if links.empty:
        return Sentence(
            "No theme is spoken of more at the touchpoint of a pain than elsewhere, or too few "
            "customers commented there."
        )
    row = links.iloc[0]
    return Sentence(
        f"**At {clean_label(row['touchpoint']).replace('_', ' ')}, {share_text(row['here'])} of "
        f"those who commented speak of {_name(row['theme'])}**, elsewhere "
        f"{share_text(row['elsewhere'])} (a difference of {_told(row, difference=True)}, n = "
        f"{count_text(row['n'])}). It stands beside the pain; that it is its cause is not shown."
    )


def words_sentence(judgements: pd.DataFrame) -> Sentence:
    """Say how well words tell a good rating from a bad one.

    Args:
        judgements: From ``judgements.judge_words``.
    """
    known = judgements.dropna(subset=["value"]) if len(judgements) else judgements
    if known.empty:
        return Sentence(
            "How well words tell good from bad is not measured: too few comments have a rating "
            "beside them. Where a tone is shown, it is the ratings'."
        )
    told = [
        f"{clean_label(row['language'])} {estimate_text(row['value'], row['low'], row['high'])} "
        f"by {clean_label(row['reader'])} ({count_text(row['labels'])} ratings; {row['verdict']})"
        for row in known.to_dict("records")
    ]
    return Sentence(
        "**How well words tell a good rating from a bad one**, where 0.5 is chance and 1 is no "
        f"mistake: {'; '.join(told)}."
    )


def _told(row: Any, *, difference: bool = False) -> str:
    text = estimate_text(row["value"], row["low"], row["high"], str(row["unit"]),
                         difference=difference)  # fmt: skip
    return text.replace(" pp ", " percentage points ")


def _name(name: object) -> str:
    text = "" if is_missing(name) else clean_label(name).replace("*", "∗")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
