"""Sentences on how feelings were told, and on what a team believed of them.

Like those of `prose`, they say what was measured and compute nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.exhibits import Sentence
from journeylib.labels import clean_label, count_text, estimate_text, is_missing, share_text

if TYPE_CHECKING:
    import pandas as pd

EVERYTHING = "all"
MOST_NAMED = 4
TRUSTED = "goes with the ratings"
GOOD_ENOUGH = "good enough to stand in for a missing rating"
TOO_LITTLE = "too little to be used"
NO_WORDS = "No source holds customers' words; feelings come from scores and ratings alone."


def tones_sentence(checks: pd.DataFrame) -> Sentence:
    """Say how well the tone of words goes with ratings, and how many words were left without one.

    Args:
        checks: From ``tones.add_tones``, small groups withheld.
    """
    if checks.empty:
        return Sentence(NO_WORDS)
    said = [
        f"{clean_label(row['source'])} ({clean_label(row['language'])}): tone and rating correlate "
        f"at {_plain(row)}, {count_text(row['n'])} customers, "
        f"{GOOD_ENOUGH if row['verdict'] == TRUSTED else TOO_LITTLE}"
        for row in checks[checks["value"].notna()].to_dict("records")
    ]
    texts, rated, used = (int(checks[name].sum()) for name in ("texts", "rated", "used"))
    parts = [
        f"**{count_text(texts)} texts, {count_text(rated)} of them beside a rating, which counts "
        "before any words.**",
        f"{'; '.join(said)}." if said else "No tone could be held against a rating.",
        f"The expected rating stands in for a missing one {used:,} times." if used else "",
        f"{count_text(texts - rated - used)} texts enter no mean." if texts > rated + used else "",
    ]
    return Sentence(" ".join(part for part in parts if part))


def beliefs_sentence(beliefs: pd.DataFrame) -> Sentence:
    """Say what the team was right about, what it feared in vain and what it missed.

    Args:
        beliefs: The result table ``beliefs``.
    """
    if beliefs.empty:
        return Sentence("No workshop map is named, so nothing believed can be scored.")
    own = beliefs[beliefs["touchpoint"] != EVERYTHING]
    parts = [
        _named(own, "pain", "confirmed", "believed pain(s) confirmed"),
        _named(own, "pain", "absent", "believed pain(s) absent from the data"),
        _named(own, "pain", "missed", "real pain(s) missed"),
        _named(own, "feeling", "feels worse", "touchpoint(s) feel worse than believed"),
        _named(own, "feeling", "feels better", "touchpoint(s) feel better than believed"),
        _named(own, "seen", "never seen", "believed touchpoint(s) never seen"),
        _named(own, "seen", "not thought of", "touchpoint(s) that nobody thought of"),
    ]
    shares = {row["aspect"]: row for row in beliefs.to_dict("records") if row["unit"] == "share"}
    opening = "The team's map against the data."
    if "pain" in shares:
        row = shares["pain"]
        opening = (
            f"On pains the team and the data agree at {row['believed']} touchpoints, {_plain(row)}."
        )
    unsure = int((own["verdict"] == "cannot tell").sum())
    ending = f" On {unsure} belief(s) the data cannot tell." if unsure else ""
    told = "; ".join(part for part in parts if part)
    return Sentence(f"**{opening}**" + (f" {told[:1].upper()}{told[1:]}." if told else "") + ending)


def _named(beliefs: pd.DataFrame, aspect: str, verdict: str, words: str) -> str:
    """Count what came out alike and name the first few."""
    rows = beliefs[(beliefs["aspect"] == aspect) & (beliefs["verdict"] == verdict)]
    if rows.empty:
        return ""
    names = [clean_label(name).replace("_", " ") for name in rows["touchpoint"]]
    more = ", …" if len(names) > MOST_NAMED else ""
    return f"{len(names)} {words} ({', '.join(names[:MOST_NAMED])}{more})"


def _plain(row: Any) -> str:
    unit = str(row["unit"]) if row["unit"] == "share" else ""
    if is_missing(row["low"]):
        return share_text(row["value"]) if unit else str(row["value"])
    return estimate_text(row["value"], row["low"], row["high"], unit)
