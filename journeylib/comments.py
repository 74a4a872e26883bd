"""Comments as they are counted: each once, with its customer, its language and its words.

Copies, form letters and automatic replies say nothing twice. Not for finding themes (`feedback`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from journeylib.codebook import read_fillers
from journeylib.languages import ENGLISH, OTHER, SHORT, tell_languages
from journeylib.redaction import redact
from journeylib.tones import own_customers
from journeylib.vocabulary import Words, count_words, fold, tell_script

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = (
    "customer", "timestamp", "touchpoint", "channel", "source", "feeling", "blur", "told", "tone",
    "language", "text",
)  # fmt: skip
FORM_WORDS, FORM_CUSTOMERS = 30, 3
FEWEST_FILLERS, FEWEST_WORDS = 2, 4
COUNTED, COPY, FORM, REPLY, EMPTY = "counted", "copy", "form letter", "automatic reply", "no words"
_REPLY = re.compile(
    r"out of (?:the )?office|auto(?:matic|mated)?[ -]?(?:reply|response|generated)|do not reply to "
    r"this|vacation reply|delivery status notification|undeliverable|mailer-daemon|abwesenheits"
    r"|nicht im (?:haus|buro)|automatische antwort|reponse automatique|absence du bureau"
    r"|respuesta automatica|fuera de la oficina|risposta automatica|fuori ufficio"
    r"|automatisch antwoord|afwezigheids|resposta automatica|fora do escritorio|رد تلقائي"
)
_NOTHING = (
    "na n a none no nil nothing nope comment comments to add see above x test nan nichts keine "
    "nein k kein kommentar rien aucun aucune non ras nada ninguno ninguna nessuno nessuna niente "
    "geen niets nee nenhum nenhuma nao sem comentarios لا يوجد"
)
_SILENT = frozenset(_NOTHING.split())
# Comments come redacted; where signs of a detail stand, they are redacted once more.
_SUSPECT = re.compile(
    r"@|\uff20|://|www\.|\d{5}|\b(?:dot|punkt|punto|ponto|point)\b", re.IGNORECASE
)
_GAPS = re.compile(r"[\W_]+")


class Comments(NamedTuple):
    """What is counted, and what is not.

    Attributes:
        table: One row per comment counted: ``COLUMNS``, ``own`` (who said it; a comment of an
            unknown customer counts as its own), ``tongue`` (language) and ``row`` (its place in
            the voices given).
        words: The words of each comment, in the same order.
        census: Columns ``what`` and ``comments``: how many were counted and why others were not.
    """

    table: pd.DataFrame
    words: Words
    census: pd.DataFrame


def gather_comments(voices: pd.DataFrame) -> Comments:
    """Count each comment once and tell its language.

    Args:
        voices: One row per answer; those without text are left aside. ``customer, timestamp,
            touchpoint, channel, source, feeling, language`` are used where they are there.

    Returns:
        The comments. The same words of the same customer count once, as do the same words of
        nobody in particular at the same place and time; a text of 30 words or more that three or
        more customers sent alike is a form letter and counts once; automatic replies and answers
        without words do not count.
    """
    table = _texts(voices)
    keys = pd.Series([_key(text) for text in table["text"]], index=table.index, dtype="object")
    what = _judged(table, keys)
    kept = table[what == COUNTED].reset_index(drop=True)
    words = count_words(kept["text"].tolist())
    kept["tongue"] = _tongues(kept, words)
    census = what.value_counts().rename_axis("what").rename("comments").reset_index()
    order = {name: at for at, name in enumerate((COUNTED, COPY, FORM, REPLY, EMPTY))}
    census = census.sort_values("what", key=lambda own: own.map(order), ignore_index=True)
    return Comments(kept, words, census)


def _texts(voices: pd.DataFrame) -> pd.DataFrame:
    table = voices.reindex(columns=list(dict.fromkeys([*COLUMNS, "sentiment"])))
    if "feeling" not in voices:
        table["feeling"] = table["sentiment"]
    table = table.drop(columns="sentiment").reset_index(drop=True)
    table["row"] = np.arange(len(table))
    table["own"] = own_customers(table["customer"])
    table["timestamp"] = pd.to_datetime(table["timestamp"], utc=True)
    for name in ("feeling", "blur", "tone"):
        table[name] = table[name].astype("float64")
    for name in ("touchpoint", "channel", "source"):
        table[name] = table[name].astype("object").where(table[name].notna(), "").astype("str")
    table = table[table["text"].notna()]
    texts = (str(text).strip() for text in table["text"])
    table = table.assign(text=[redact(one) if _SUSPECT.search(one) else one for one in texts])
    # A copy with a rating beside it tells more than one without.
    return table.sort_values("feeling", na_position="last", kind="stable", key=pd.isna)


def _key(text: str) -> str:
    return _GAPS.sub(" ", fold(text)).strip()


def _judged(table: pd.DataFrame, keys: pd.Series) -> pd.Series:
    """Say of each comment whether it counts; the first of alike ones does."""
    known = table["customer"].notna()
    moment = table["timestamp"].astype("str") + table["touchpoint"] + table["source"]
    who = table["own"].astype("str").where(known, moment)
    copied = pd.DataFrame({"who": who, "key": keys}).duplicated()
    # Without a customer and without a time, only a long text can be told to be a copy.
    copied &= known | table["timestamp"].notna()
    long = keys.str.count(" ") >= FORM_WORDS - 1
    senders = table.assign(key=keys)[long].groupby("key")["own"].nunique()
    form = long & (keys.map(senders).fillna(0) >= FORM_CUSTOMERS)
    what = pd.Series(COUNTED, index=table.index, dtype="object")
    what[form & keys.duplicated()] = FORM
    what[copied] = COPY
    what[[_REPLY.search(key) is not None for key in keys]] = REPLY
    what[[not any(sign.isalpha() for sign in key) or _is_silent(key) for key in keys]] = EMPTY
    return what


def _is_silent(key: str) -> bool:
    return len(key) < 24 and all(word in _SILENT for word in key.split())


def _tongues(table: pd.DataFrame, words: Words) -> NDArray[np.object_]:
    """Name each comment's language: as declared, by its script, or by its little words.

    What is too short to tell is taken to be in the language of most others of its source.
    """
    declared = tell_languages([""] * len(table), table["language"]).to_numpy(dtype=object)
    scripts = np.array([tell_script(text) for text in table["text"]], dtype=object)
    languages, shares = _filler_shares(words)
    told = np.array(languages, dtype=object)[shares.argmax(axis=1)]
    used = np.asarray(words.counts.sum(axis=1)).ravel()
    told[shares.max(axis=1) < FEWEST_FILLERS] = OTHER
    told[(shares.max(axis=1) < FEWEST_FILLERS) & (used < FEWEST_WORDS)] = SHORT
    found = np.where(scripts != "", scripts, told)
    found = np.where((declared != SHORT) & (declared != OTHER), declared, found)
    return _settled(found, table["source"].to_numpy(dtype=object))


def _filler_shares(words: Words) -> tuple[list[str], NDArray[np.float64]]:
    """Count the little words of each language; a tie goes to English, then as they are listed."""
    fillers = read_fillers()
    languages = list(fillers)
    folded = [fold(word) for word in words.words]
    rows, columns = [], []
    for place, language in enumerate(languages):
        own = [row for row, word in enumerate(folded) if word in fillers[language]]
        rows += own
        columns += [place] * len(own)
    ones = np.ones(len(rows), dtype=np.float32)
    owner = sparse.csr_matrix((ones, (rows, columns)), shape=(len(folded), len(languages)))
    return languages, np.asarray((words.counts @ owner).todense(), dtype=float)


def _settled(found: NDArray[np.object_], sources: NDArray[np.object_]) -> NDArray[np.object_]:
    """Take what cannot be told for the language of most others of its source."""
    known = (found != OTHER) & (found != SHORT)
    everywhere = pd.Series(found[known])
    usual = everywhere.value_counts().index[0] if len(everywhere) else ENGLISH
    out = found.copy()
    for source in dict.fromkeys(sources):
        here = sources == source
        own = pd.Series(found[here & known])
        out[here & ~known] = own.value_counts().index[0] if len(own) else usual
    return out
