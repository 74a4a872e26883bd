"""How far what a team believed agrees with what was measured: pains, feelings, stages, touchpoints.

A belief is contradicted only where the data can tell; what it cannot tell is named as such. Not for
reading beliefs (`beliefs`) nor for measuring (`emotion`, `pains`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.errors import did_you_mean
from journeylib.ratios import plain_shares
from journeylib.tables import complete_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EVERYTHING = "all"
BAND, WIDEST = 0.25, 0.75
FEWEST_VOICES, FEWEST_KAPPA, FEWEST_ORDERED = 10, 5, 5
KAPPA = "Cohen's kappa over touchpoints (Cohen 1960; Fleiss, Cohen & Everitt 1969)"
ORDER = "Spearman's rank correlation over touchpoints (Bonett & Wright 2000)"
WILSON = "Wilson (1927) score interval over touchpoints"
CANNOT = "cannot tell"
NEVER, UNTHOUGHT = "never seen", "not thought of"
CONFIRMED, ABSENT, MISSED, RIGHTLY = "confirmed", "absent", "missed", "none, as believed"
AGREES, ELSEWHERE, BETTER, WORSE = "agrees", "elsewhere", "feels better", "feels worse"
GOOD = frozenset({"seen", AGREES, CONFIRMED, RIGHTLY})
CONTRADICTED = (MISSED, ABSENT, WORSE, BETTER, NEVER, UNTHOUGHT, ELSEWHERE)
_WORDS = ("very bad", "bad", "neutral", "good", "very good")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, for comparison.

    Attributes:
        touchpoints: One row per touchpoint met: ``touchpoint, stage, customers``.
        feelings: One row per touchpoint: ``touchpoint, value, low, high, n``.
        stages: One row per stage: ``stage, value, low, high, n``.
        pains: Touchpoints with a pain: ``touchpoint, kind``.
        compared: Touchpoints of which a comparison could be made: ``touchpoint``.
    """

    touchpoints: pd.DataFrame
    feelings: pd.DataFrame
    stages: pd.DataFrame
    pains: pd.DataFrame
    compared: pd.DataFrame


def score_beliefs(
    touchpoints: pd.DataFrame,
    stages: pd.DataFrame,
    measured: Measured,
    *,
    same: Callable[[object], str] = str,
    min_customers: int = 30,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Score what a team believed against the data.

    Args:
        touchpoints: Columns ``touchpoint, stage, feeling`` (-2 to 2) ``, pain, line``; what was
            not discussed is missing.
        stages: Columns ``stage, feeling, line``.
        measured: What was measured.
        same: Writes two names of one touchpoint alike.
        min_customers: Fewest customers who met a touchpoint that nobody thought of.
        confidence: Coverage of the intervals.

    Returns:
        The result table ``beliefs``: a row for each belief and each oversight, and, where
        ``touchpoint`` is ``all``, the share of each aspect that agrees, the rank correlation of
        feelings and Cohen's kappa of pains, with intervals over touchpoints. A feeling agrees where
        its interval reaches the believed one, a quarter of a point either way; intervals wider than
        three quarters of a point cannot tell. A believed pain is absent where comparisons could be
        made and none found it.
    """
    names = {same(name): str(name) for name in measured.touchpoints["touchpoint"]}
    known = touchpoints["touchpoint"].map(same).map(names)
    believed = touchpoints.assign(known=known.astype("object"))
    seen = believed[believed["known"].notna()].assign(touchpoint=lambda own: own["known"])
    rows = [
        *_presence(believed, measured, min_customers),
        *_places(seen, measured),
        *_moods(seen, measured.feelings, "touchpoint"),
        *_moods(stages, measured.stages, "stage"),
        *_hurts(seen, measured, min_customers),
    ]
    table = pd.DataFrame(rows)
    whole = pd.DataFrame(_agreement(table, seen, measured, confidence))
    parts = [part for part in (whole, table) if len(part)]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return complete_result("beliefs", joined)


def feeling_word(feeling: float) -> str:
    """Name a feeling from -2 to 2 in words.

    Example:
        >>> feeling_word(-2), feeling_word(0.4)
        ('very bad', 'neutral')
    """
    return _WORDS[int(np.clip(np.floor(feeling + 0.5), -2, 2)) + 2]


def judge_feeling(feeling: float, low: float, high: float) -> str:
    """Judge a believed feeling by a measured interval.

    Args:
        feeling: Believed, -2 to 2; a whole step is half a point of the measured scale.
        low: Lower end of the measured mean, -1 to 1.
        high: Upper end.

    Returns:
        ``agrees``, ``feels better``, ``feels worse`` or ``cannot tell``.

    Example:
        >>> judge_feeling(1, 0.2, 0.3), judge_feeling(1, 0.1, 0.2), judge_feeling(1, -0.2, 0.6)
        ('agrees', 'feels worse', 'cannot tell')
    """
    middle = feeling / 2
    if not high - low <= WIDEST + 1e-12:
        return CANNOT
    if low > middle + BAND:
        return BETTER
    return WORSE if high < middle - BAND else AGREES


# ---------------------------------------------------------------- rows


def _row(
    owner: str, aspect: str, believed: str, measured: str, verdict: str, **more: Any
) -> dict[str, object]:
    counts = "touchpoints" if owner == EVERYTHING else "customers"
    told = {"aspect": aspect, "believed": believed, "measured": measured, "verdict": verdict}
    told["counts"] = counts
    return {"touchpoint": owner, **told, **more}


def _presence(
    believed: pd.DataFrame, measured: Measured, fewest: int
) -> Iterable[dict[str, object]]:
    met = measured.touchpoints.set_index("touchpoint")
    thought = set(believed["known"].dropna())
    free = [str(name) for name in met.index if name not in thought]
    for row in believed.to_dict("records"):
        place = {"line": row["line"], "stage": row["stage"]}
        if row["known"] in met.index:
            n = float(met.loc[row["known"], "customers"])
            yield _row(str(row["known"]), "seen", "yes", "yes", "seen", n=n, **place)
            continue
        hint = did_you_mean(str(row["touchpoint"]), free)
        yield _row(str(row["touchpoint"]), "seen", "yes", "no", NEVER, hint=hint, **place)
    for own in measured.touchpoints.to_dict("records"):
        if own["touchpoint"] not in thought and own["customers"] >= fewest:
            place = {"n": float(own["customers"]), "stage": own["stage"]}
            yield _row(str(own["touchpoint"]), "seen", "no", "yes", UNTHOUGHT, **place)


def _places(seen: pd.DataFrame, measured: Measured) -> Iterable[dict[str, object]]:
    stage_of = measured.touchpoints.set_index("touchpoint")["stage"]
    for row in seen[seen["stage"].notna()].to_dict("records"):
        own = str(stage_of[row["touchpoint"]])
        verdict = AGREES if own == row["stage"] else ELSEWHERE
        place = {"line": row["line"], "stage": own}
        yield _row(row["touchpoint"], "stage", row["stage"], own, verdict, **place)


def _moods(
    believed: pd.DataFrame, feelings: pd.DataFrame, owner: str
) -> Iterable[dict[str, object]]:
    """Judge the feelings of touchpoints, or of stages."""
    told = feelings[feelings["n"] >= FEWEST_VOICES].set_index(owner) if len(feelings) else feelings
    aspect = "feeling" if owner == "touchpoint" else "stage feeling"
    for row in believed[believed["feeling"].notna()].to_dict("records"):
        name, word = row[owner], feeling_word(row["feeling"])
        place = {"line": row["line"], "stage": row["stage"]}
        holder = str(name) if owner == "touchpoint" else ""
        if name not in told.index:
            yield _row(holder, aspect, word, "nobody was heard", CANNOT, **place)
            continue
        own = told.loc[name, ["value", "low", "high", "n"]].astype(float)
        estimate = {**own.to_dict(), "unit": "sentiment", "source": str(told.loc[name, "source"])}
        verdict = judge_feeling(row["feeling"], own["low"], own["high"])
        yield _row(
            holder, aspect, word, feeling_word(2 * own["value"]), verdict, **place, **estimate
        )


def _hurts(seen: pd.DataFrame, measured: Measured, fewest: int) -> Iterable[dict[str, object]]:
    kinds = measured.pains.groupby("touchpoint")["kind"].agg(
        lambda own: ", ".join(sorted(set(own)))
    )
    able = set(measured.compared["touchpoint"])
    thought = {row["touchpoint"]: row for row in seen.to_dict("records")}
    for row in measured.touchpoints.to_dict("records"):
        name, belief = row["touchpoint"], thought.get(row["touchpoint"])
        said = str(belief["pain"]) if belief else ""
        hurts = str(kinds.get(name, ""))
        verdict = _hurt(said, hurts, known=name in able)
        oversight = verdict == MISSED and row["customers"] >= fewest
        if (not belief and not oversight) or (verdict == CANNOT and not said):
            continue
        place = {"stage": row["stage"], "n": float(row["customers"])}
        told = hurts or ("no comparison can be made" if verdict == CANNOT else "no pain")
        place |= {"line": belief["line"]} if belief else {}
        yield _row(str(name), "pain", said or "no pain", told, verdict, **place)


def _hurt(said: str, hurts: str, *, known: bool) -> str:
    if not known:
        return CANNOT
    if said:
        return CONFIRMED if hurts else ABSENT
    return MISSED if hurts else RIGHTLY


# ---------------------------------------------------------------- agreement over all


def _agreement(
    table: pd.DataFrame, seen: pd.DataFrame, measured: Measured, confidence: float
) -> Iterable[dict[str, object]]:
    for aspect in ("seen", "stage", "feeling", "pain"):
        judged = table[(table["aspect"] == aspect) & (table["verdict"] != CANNOT)] if len(
            table
        ) else table  # fmt: skip
        if judged.empty:
            continue
        good = int(judged["verdict"].isin(GOOD).sum())
        share = plain_shares([good], [len(judged)], confidence=confidence).assign(source=WILSON)
        said = f"{good} of {len(judged)}"
        own: Any = share.iloc[0].to_dict()
        yield _row(EVERYTHING, aspect, said, "", "", **own)
        if aspect == "pain":
            yield from _kappa(judged, confidence)
        if aspect == "feeling":
            yield from _order(seen, measured.feelings, confidence)


def _kappa(judged: pd.DataFrame, confidence: float) -> Iterable[dict[str, object]]:
    """Agree beyond chance; undefined where either side names every touchpoint or none."""
    from statsmodels.stats.inter_rater import cohens_kappa

    verdict = judged["verdict"]
    cells = [[(verdict == one).sum() for one in row]
             for row in ((CONFIRMED, ABSENT), (MISSED, RIGHTLY))]  # fmt: skip
    counts = np.array(cells, dtype=float)
    total = counts.sum()
    one_sided = 0 in counts.sum(axis=0) or 0 in counts.sum(axis=1)
    if total < FEWEST_KAPPA or one_sided:
        return
    found = cohens_kappa(counts)
    half = float(stats.norm.ppf((1 + confidence) / 2)) * found.std_kappa
    ends = np.clip([found.kappa, found.kappa - half, found.kappa + half], -1, 1)
    estimate = dict(zip(("value", "low", "high"), map(float, ends), strict=True))
    yield _row(EVERYTHING, "pain beyond chance", "", "", "", **estimate, n=total, unit="kappa",
               source=KAPPA)  # fmt: skip


def _order(
    seen: pd.DataFrame, feelings: pd.DataFrame, confidence: float
) -> Iterable[dict[str, object]]:
    """Tell whether what was believed better is better, whatever the level."""
    told = feelings[feelings["n"] >= FEWEST_VOICES][["touchpoint", "value"]]
    both = seen.dropna(subset=["feeling"]).merge(told, on="touchpoint")
    if len(both) < FEWEST_ORDERED or both["feeling"].nunique() < 2 or both["value"].nunique() < 2:
        return
    value = float(stats.spearmanr(both["feeling"], both["value"]).statistic)
    inside = float(np.clip(value, -1 + 1e-9, 1 - 1e-9))
    half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt((1 + value**2 / 2) / (len(both) - 3))
    low, high = (float(np.tanh(np.arctanh(inside) + sign * half)) for sign in (-1, 1))
    estimate = {"value": value, "low": min(low, value), "high": max(high, value)}
    yield _row(EVERYTHING, "order of feelings", "", "", "", **estimate, n=float(len(both)),
               unit="correlation", source=ORDER)  # fmt: skip
