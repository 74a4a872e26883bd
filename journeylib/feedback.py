"""What customers talk about: themes of their comments, each with its size, tone, place and quotes.

Listed themes come first, then what comments that have none of them say alike. A theme is reported
where enough customers speak of it and two halves of them speak of it in the same words. Describes;
what a theme costs is not said here. Not for how themes change (`trends`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from journeylib.codebook import find_hits
from journeylib.comments import Comments, gather_comments
from journeylib.quotes import FEWEST_SHARING, choose_quotes, open_reading
from journeylib.theme_cells import count_cells, describe_themes
from journeylib.theme_search import (
    FOUND,
    REPORTED,
    Found,
    ThemeRules,
    common_words,
    judge_themes,
    search_themes,
    usable_words,
)
from journeylib.topics import telling_words
from journeylib.vocabulary import count_words, split_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.quotes import About

WORDS_SHOWN = 6


class Themes(NamedTuple):
    """What customers talk about.

    Attributes:
        table: The result table ``themes``, the most frequent first, and ``kind, comments, words,
            stability, sentiment_low, sentiment_high, sentiment_n, sentiment_others``.
        cells: One row per theme, stage and persona (``all`` stands for all of them): ``mentions``
            (customers) and the share of the customers who commented there.
        stability: One row per theme that was looked at: ``theme, kind, comments, customers,
            agreement, keywords, stability, verdict``, which says why one is not reported.
        comments: One row per comment that counts.
        members: Columns ``comment`` (place in ``comments``) and ``theme``; a comment can have
            several.
        census: How many comments count, and why others do not.
        reason: Why there is no theme; empty where there is one.
    """

    table: pd.DataFrame
    cells: pd.DataFrame
    stability: pd.DataFrame
    comments: pd.DataFrame
    members: pd.DataFrame
    census: pd.DataFrame
    reason: str

    @property
    def by_stage(self) -> pd.DataFrame:
        """The cells of all personas together, one row per theme and stage."""
        return self.cells[(self.cells["persona"] == "all") & (self.cells["stage"] != "all")]

    @property
    def by_persona(self) -> pd.DataFrame:
        """The cells of all stages together, one row per theme and persona."""
        return self.cells[(self.cells["stage"] == "all") & (self.cells["persona"] != "all")]


def find_themes(
    voices: pd.DataFrame,
    *,
    placed: pd.DataFrame | None = None,
    personas: pd.DataFrame | None = None,
    rules: ThemeRules | None = None,
    confidence: float = 0.95,
) -> Themes:
    """Find what customers talk about.

    Args:
        voices: One row per answer: ``text``, redacted, and where known ``customer, timestamp,
            touchpoint, channel, source, language, feeling`` (else ``sentiment``), -1 to 1.
        placed: Columns ``touchpoint`` and ``stage``.
        personas: Columns ``customer`` and ``persona``.
        rules: What makes a theme; the defaults if not given.
        confidence: Coverage of the intervals.

    Returns:
        The themes. Shares are of the customers who commented; a comment of an unknown customer
        counts as one of its own. The same input gives the same output.
    """
    rules = rules or ThemeRules()
    comments = gather_comments(voices)
    comments = comments._replace(table=_placed(comments.table, placed, personas))
    found = search_themes(comments, rules)
    stability = judge_themes(found, comments.table, rules)
    members = _members(found, stability)
    table = describe_themes(comments.table, members, confidence=confidence)
    table = table.merge(stability[["theme", "kind", "stability"]], on="theme", how="left")
    table = _worded(table, found, comments, rules)
    table = _quoted(table, found, comments, rules)
    cells = count_cells(comments.table, members, confidence=confidence)
    reason = _reason(comments, stability, rules) if table.empty else ""
    return Themes(table, cells, stability, comments.table, members, comments.census, reason)


def _placed(
    table: pd.DataFrame, placed: pd.DataFrame | None, personas: pd.DataFrame | None
) -> pd.DataFrame:
    """Give each comment the stage of its touchpoint and the persona of its customer."""
    stage = persona = pd.Series(None, index=table.index, dtype="object")
    if placed is not None and len(placed):
        stage_of = placed.drop_duplicates("touchpoint").set_index("touchpoint")["stage"]
        stage = table["touchpoint"].map(stage_of.astype("object"))
    if personas is not None and len(personas):
        named = personas.drop_duplicates("customer").set_index("customer")["persona"]
        named.index = named.index.astype("Int64")
        persona = table["customer"].astype("Int64").map(named.astype("object"))
    return table.assign(
        stage=stage.where(stage.notna(), "").astype("str"),
        persona=persona.where(persona.notna(), "").astype("str"),
    )


def _members(found: Found, stability: pd.DataFrame) -> pd.DataFrame:
    names = stability.loc[stability["verdict"] == REPORTED, "theme"]
    parts = [pd.DataFrame({"comment": found.places(name), "theme": name}) for name in names]
    empty = pd.DataFrame({"comment": pd.Series(dtype="int64"), "theme": pd.Series(dtype="object")})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _reason(comments: Comments, stability: pd.DataFrame, rules: ThemeRules) -> str:
    n = len(comments.table)
    if not n:
        return "no source holds customers' words"
    if n < rules.min_comments:
        return f"fewer than {rules.min_comments} comments count ({n})"
    if len(stability):
        return f"of {n:,} comments, no theme has enough that are worded alike"
    return f"in {n:,} comments, no theme could be found"


# ---------------------------------------------------------------- words and quotes


def _worded(
    table: pd.DataFrame, found: Found, comments: Comments, rules: ThemeRules
) -> pd.DataFrame:
    """Add the words that tell each theme from the rest, used by enough customers to name nobody."""
    counts, words = comments.words
    tongues = comments.table["tongue"].to_numpy(dtype=object)
    allowed = common_words(comments, rules.min_cell)
    told = []
    for theme in table["theme"]:
        inside = np.zeros(counts.shape[0], dtype=bool)
        inside[found.places(theme)] = True
        usual = pd.Series(tongues[inside]).value_counts().index[0]
        here = tongues == usual
        fit = allowed & usable_words(words, usual)
        places = telling_words(counts[here], inside[here], fit, most=WORDS_SHOWN)
        told.append(", ".join(words[place] for place in places))
    return table.assign(words=pd.Series(told, index=table.index, dtype="str"))


def _quoted(
    table: pd.DataFrame, found: Found, comments: Comments, rules: ThemeRules
) -> pd.DataFrame:
    """Add three quotes to each theme; rarer themes choose first, they have fewer to choose from."""
    words = comments.words.words
    known = common_words(comments, FEWEST_SHARING)
    shared = [word for word, often in zip(words, known, strict=True) if often]
    reading = open_reading(comments.table, shared, seed=rules.seed)
    quotes: dict[str, list[str]] = {}
    kinds = dict(zip(table["theme"], table["kind"], strict=True))
    for theme in reversed(table["theme"].tolist()):
        about = _about_found(found, theme, words) if kinds[theme] == FOUND else _about_listed(
            found, theme
        )  # fmt: skip
        quotes[theme] = choose_quotes(reading, found.places(theme), about, seed=rules.seed)
    columns = {
        f"quote_{place + 1}": pd.Series(
            [_at(quotes[theme], place) for theme in table["theme"]], index=table.index,
            dtype="object",
        )
        for place in range(3)
    }  # fmt: skip
    return table.assign(**columns)


def _at(quotes: list[str], place: int) -> str | None:
    return quotes[place] if place < len(quotes) else None


def _about_listed(found: Found, theme: str) -> About:
    """Tell pieces that use a word of a listed theme."""
    listed = [found.codebook[found.names.index(theme)]]

    def about(pieces: list[str], tongues: list[str]) -> NDArray[np.float64]:
        hits = find_hits(count_words(pieces), pieces, tongues, listed)
        return np.asarray(hits.members(1).todense(), dtype=float).ravel()

    return about


def _about_found(found: Found, theme: str, words: list[str]) -> About:
    """Weigh pieces by the words of a theme that was found."""
    own = found.weights[theme]
    weight_of = {words[place]: float(own[place]) for place in np.flatnonzero(own > 0)}

    def about(pieces: list[str], _tongues: list[str]) -> NDArray[np.float64]:
        return np.array([sum(weight_of.get(w, 0.0) for w in set(split_words(p))) for p in pieces])

    return about
