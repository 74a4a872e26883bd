"""How well customers' words tell a good rating from a bad one, measured on the client's ratings.

With 200 ratings or more beside words, a model of the client's own words; else the English lexicon,
which only describes. Not for the tone of single comments (`tones`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.tones import WORDS
from journeylib.wordings import FEWEST_TAUGHT, FOLDS, LEXICON, OWN_WORDS, compound_tones

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from journeylib.feedback import Themes

    Floats = NDArray[np.float64]

CLUSTERED_AUC = "area under the ROC curve, clustered by customer (Obuchowski 1997)"
FEWEST_EACH, MOST_TAUGHT = 20, 5000
USEFUL, WEAK, NO_LABELS = "usable", "weak: describes only", "not measured: too few ratings"
JUDGEMENTS = (
    "language", "reader", "labels", "bad_share", "value", "low", "high", "n", "unit", "source",
    "verdict",
)  # fmt: skip


def judge_words(themes: Themes, *, seed: int = 7, confidence: float = 0.95) -> pd.DataFrame:
    """Measure how well words tell good ratings from bad ones, by language.

    Args:
        themes: From ``feedback.find_themes``; ratings above 0 are good, below 0 bad.
        seed: Chooses the texts where more than 5,000 have a rating.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``JUDGEMENTS``: the estimate is the area under the curve, 0.5 for chance and 1 for
        no mistake, each fifth of the customers judged by what the others wrote. *usable* is what
        was learnt from the client's ratings and is better than chance; the lexicon is *weak*.

    References:
        Obuchowski (1997), "Nonparametric analysis of clustered ROC curve data", Biometrics
        53(2):567-578.
    """
    table = themes.comments
    rated = table["feeling"].notna() & (table["feeling"] != 0) & (table["told"] != WORDS)
    rows = []
    for tongue, texts in table.groupby("tongue", sort=True):
        labelled = texts[rated.reindex(texts.index)]
        if len(labelled) > MOST_TAUGHT:
            labelled = labelled.sample(MOST_TAUGHT, random_state=seed).sort_index()
        rows.append(_judge(str(tongue), labelled, confidence))
    return pd.DataFrame(rows, columns=list(JUDGEMENTS))


def _judge(tongue: str, labelled: pd.DataFrame, confidence: float) -> dict[str, object]:
    good = (labelled["feeling"] > 0).to_numpy()
    own = labelled["own"].to_numpy()
    row: dict[str, object] = {
        "language": tongue, "labels": len(labelled), "n": len(np.unique(own)),
        "bad_share": float((~good).mean()) if len(good) else np.nan, "reader": "",
        "unit": "auc", "source": CLUSTERED_AUC, "verdict": NO_LABELS,
    }  # fmt: skip
    if min(good.sum(), (~good).sum()) < FEWEST_EACH:
        return row
    scores = _learnt(labelled, good) if len(labelled) >= FEWEST_TAUGHT else None
    reader = OWN_WORDS
    if scores is None and tongue == "en":
        scores, reader = compound_tones(labelled["text"]).to_numpy(float), LEXICON
    if scores is None:
        return row
    value, low, high = clustered_auc(scores, good, own, confidence=confidence)
    verdict = USEFUL if reader == OWN_WORDS and low > 0.5 else WEAK
    return row | {"reader": reader, "value": value, "low": low, "high": high, "verdict": verdict}


def _learnt(labelled: pd.DataFrame, good: NDArray[np.bool_]) -> Floats | None:
    """Judge each fifth of the customers by a model of the others' words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    if labelled["own"].nunique() < 2 * FOLDS:
        return None
    spaced = labelled["text"].str.contains(" ").mean() > 0.5
    # Scripts without blanks are read by runs of signs.
    vectors = TfidfVectorizer(min_df=2, ngram_range=(1, 2), sublinear_tf=True) if spaced else (
        TfidfVectorizer(min_df=2, analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    )  # fmt: skip
    model = make_pipeline(vectors, LogisticRegression(C=10.0, max_iter=1000))
    try:
        told = cross_val_predict(
            model, labelled["text"].tolist(), good, groups=labelled["own"].to_numpy(),
            cv=StratifiedGroupKFold(FOLDS), method="decision_function",
        )  # fmt: skip
    except ValueError:  # no word stands in two texts, or a fifth holds one kind only
        return None
    return np.asarray(told, dtype=float)


def clustered_auc(
    scores: ArrayLike, good: ArrayLike, own: ArrayLike, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Chance that a good answer scores above a bad one, with the customer as the unit.

    Args:
        scores: Higher for better.
        good: Whether each answer is a good one; both kinds are needed.
        own: Whose answer it is.
        confidence: Coverage of the interval.

    Returns:
        The area and its interval on the logit scale; the ends are missing below four customers.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3):837-845, for single answers;
        Obuchowski (1997) for several of one customer.
    """
    value, kind = np.asarray(scores, dtype=float), np.asarray(good, dtype=bool)
    _, code = np.unique(np.asarray(own), return_inverse=True)
    high, low = value[kind], value[~kind]
    ranks = stats.rankdata(np.concatenate([high, low]))
    m, n = len(high), len(low)
    above = (ranks[:m] - stats.rankdata(high)) / n  # share of bad ones each good one beats
    beaten = 1 - (ranks[m:] - stats.rankdata(low)) / m
    area = float(above.mean())
    groups = int(code.max()) + 1
    pull = np.bincount(code[kind], weights=(above - area) / m, minlength=groups)
    pull += np.bincount(code[~kind], weights=(beaten - area) / n, minlength=groups)
    if groups < 4:
        return area, np.nan, np.nan
    if not 0 < area < 1:
        # Without a mistake there is no spread: the rule of three on the rarer kind.
        few = 3 / min(len(np.unique(code[kind])), len(np.unique(code[~kind])))
        return area, max(area - few, 0.0), min(area + few, 1.0)
    error = float(np.sqrt((pull**2).sum() * groups / (groups - 1)))
    middle = np.log(area / (1 - area))
    half = float(stats.t.ppf((1 + confidence) / 2, groups - 1)) * error / (area * (1 - area))
    ends = [float(1 / (1 + np.exp(-(middle + sign * half)))) for sign in (-1, 1)]
    return area, ends[0], ends[1]
