"""The tone of customers' words, checked against the ratings that stand beside them.

A rating says more than any reading of words, so it always comes first. Words count only where the
same source shows that they go with its ratings; elsewhere they stay a line of their own.
Not for telling languages (`languages`) or for reading words (`wordings`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from journeylib.languages import ENGLISH, OTHER, SHORT, tell_languages
from journeylib.wordings import Wording, compound_tones, read_by_lexicon, read_by_own_words

if TYPE_CHECKING:
    from collections.abc import Hashable

WORDS = "words"
FEWEST_CHECKED, FEWEST_UNRATED = 30, 10
LOWEST_CORRELATION = 0.3
MOST_READ = 5000
UNRATED = "no rating stands beside these words"
CHECKS = (
    "source", "language", "texts", "rated", "reader", "auc", "wrong_side", "used", "verdict",
    "value", "low", "high", "n", "unit",
)  # fmt: skip
_WHY = {OTHER: "not English", SHORT: "too short to tell the language"}


class Toned(NamedTuple):
    """What customers said, with a tone for their words, and how far that tone can be trusted.

    Attributes:
        voices: The rows given, and ``tone`` (the lexicon's, -1 to 1, of English words that were
            read), ``feeling`` (the rating, else the rating expected from the words where that was
            shown to hold), ``blur`` (variance round what was expected), ``told`` (the measure, or
            ``"words"``) and ``untold`` (why words have neither rating nor tone).
        checks: One row per source and language with words: columns ``CHECKS``; the estimate is the
            correlation of tone and rating.
    """

    voices: pd.DataFrame
    checks: pd.DataFrame


def add_tones(voices: pd.DataFrame, *, seed: int = 7, confidence: float = 0.95) -> Toned:
    """Give words a tone, and say how well it goes with ratings.

    Args:
        voices: One row per answer: ``customer, source, sentiment, measure, text, language``.
        seed: Chooses which texts are read for the check where more than 5,000 have a rating.
        confidence: Coverage of the intervals.

    Returns:
        The rows with their tones, and the checks. In one source and language, the rating expected
        from the words stands in for a missing one where the lower end of their correlation is 0.3
        or more over at least 30 customers. The lexicon reads English alone. From 200 rated texts
        on, a model of the client's own words is tried as well, in any language, where ten texts or
        more have no rating; what goes with the ratings better is used.
    """
    table = _prepared(voices)
    checks = []
    spoken = table[table["text"].notna()]
    for (source, language), rows in spoken.groupby(["source", "tongue"], sort=True):
        wordings, read = _read_words(rows, str(language), seed, confidence)
        best = max(wordings, key=lambda one: np.nan_to_num(one.low, nan=-2.0), default=None)
        told, used = _expect_ratings(read, best)
        table.loc[rows.index, list(told)] = told
        checks.append(_check(source, str(language), rows, best, used=used))
    table = table.drop(columns=["tongue", "own"])
    return Toned(table, pd.DataFrame(checks, columns=list(CHECKS)))


def own_customers(customer: pd.Series) -> pd.Series:
    """Number who spoke; an answer of an unknown customer counts as its own."""
    known = pd.Series(customer).reset_index(drop=True).astype("Int64")
    alone = pd.Series(-1 - np.arange(len(known)), dtype="Int64")
    return known.fillna(alone).astype("int64").set_axis(customer.index)


def _prepared(voices: pd.DataFrame) -> pd.DataFrame:
    known = ["customer", "source", "sentiment", "measure", "text", "language"]
    table = voices.reindex(columns=list(dict.fromkeys([*voices.columns, *known])))
    table = table.reset_index(drop=True)
    text = table["text"].astype("str").str.strip()
    text = text.where(table["text"].notna() & (text != ""), None).astype("object")
    feeling = table["sentiment"].astype("float64")
    measure = table["measure"].astype("object").fillna("score")
    return table.assign(
        text=text,
        source=table["source"].astype("object").fillna("").astype("str"),
        own=own_customers(table["customer"]),
        tongue=tell_languages(text, table["language"]),
        tone=np.nan,
        feeling=feeling,
        blur=0.0,
        told=measure.where(feeling.notna(), None),
        untold=pd.Series("", index=table.index, dtype="object"),
    )


def _read_words(
    rows: pd.DataFrame, language: str, seed: int, confidence: float
) -> tuple[list[Wording], pd.DataFrame]:
    """Read the words of one source in one language by all that can read them."""
    rated = rows[rows["feeling"].notna()].assign(rating=lambda own: own["feeling"])
    bare = rows.index[rows["feeling"].isna()]
    if len(rated) > MOST_READ:
        rated = rated.sample(MOST_READ, random_state=seed).sort_index()
    read = rows[["text", "tone", "feeling", "blur", "told", "untold"]].copy()
    wordings = []
    if language == ENGLISH:
        wordings.append(read_by_lexicon(rated, confidence=confidence))
        read.loc[rated.index, "tone"] = wordings[0].tones
        read.loc[bare, "tone"] = compound_tones(rows.loc[bare, "text"])
    # Learning takes seconds, so it is done only where texts have no rating of their own.
    learnt = None
    if len(bare) >= FEWEST_UNRATED:
        learnt = read_by_own_words(rated, confidence=confidence)
    if learnt is not None:
        wordings.append(learnt)
    if language != ENGLISH:
        read.loc[bare, "untold"] = _WHY.get(language, f"not English ({language})")
    return wordings, read


def _expect_ratings(read: pd.DataFrame, best: Wording | None) -> tuple[pd.DataFrame, bool]:
    """Put the rating expected from the words where there is none, if the words can be trusted."""
    told = read.drop(columns="text")
    bare = read.index[read["feeling"].isna()]
    if best is None or best.n < FEWEST_CHECKED or not best.low >= LOWEST_CORRELATION:
        return told, False
    if len(bare):
        told.loc[bare, "feeling"] = best.expect(read.loc[bare, "text"])
        told.loc[bare, "blur"] = best.blur
        told.loc[bare, "told"] = WORDS
        told.loc[bare, "untold"] = ""
    return told, True


def _check(
    source: Hashable, language: str, rows: pd.DataFrame, best: Wording | None, *, used: bool
) -> dict[str, object]:
    rated = int(rows["feeling"].notna().sum())
    check: dict[str, object] = {
        "source": source, "language": language, "texts": len(rows), "rated": rated,
        "used": len(rows) - rated if used else 0, "verdict": _verdict(language, best, used=used),
    }  # fmt: skip
    if best is not None:
        check |= {
            "reader": best.reader, "auc": best.auc, "wrong_side": best.wrong_side,
            "value": best.value, "low": best.low, "high": best.high, "n": best.n,
            "unit": "correlation",
        }  # fmt: skip
    return check


def _verdict(language: str, best: Wording | None, *, used: bool) -> str:
    if used:
        return "goes with the ratings"
    if best is None:
        return f"no tone: {_WHY.get(language, 'not English')}"
    if best.n == 0:
        return f"not checked: {UNRATED}"
    if best.n < FEWEST_CHECKED or np.isnan(best.value):
        return f"not checked: {best.n} customers gave both, it takes {FEWEST_CHECKED}"
    return "not used: goes too little with the ratings"
