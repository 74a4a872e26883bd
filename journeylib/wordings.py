"""Ways to read the tone of words, each measured against the ratings beside the same words.

Not for deciding where a reading is used; `tones` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LEXICON, OWN_WORDS = "VADER lexicon", "the client's own ratings"
FEWEST_TAUGHT = 200
FEWEST_CORRELATED = 4
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to read words, and how it goes with the ratings beside them.

    Attributes:
        reader: ``LEXICON`` or ``OWN_WORDS``.
        tones: What it reads in each rated text, out of sample; -1 to 1 for the lexicon.
        value: Correlation of tone and rating, missing where it cannot be told.
        low: Lower end of its interval.
        high: Upper end of its interval.
        n: Customers behind it.
        start: Rating expected at a tone of 0.
        slope: Rating expected more for each point of tone.
        blur: Variance of the ratings round what is expected.
        auc: Chance that a good rating's text reads better than a bad one's.
        wrong_side: Share of bad ratings whose text reads as good.
        model: The model of own words; None for the lexicon.
    """

    reader: str
    tones: pd.Series
    value: float
    low: float
    high: float
    n: int
    start: float
    slope: float
    blur: float
    auc: float
    wrong_side: float
    model: Any = None

    def expect(self, texts: pd.Series) -> Floats:
        """Give the rating that goes with texts, -1 to 1."""
        raw = compound_tones(texts) if self.model is None else self.model.predict(texts)
        return np.clip(self.start + self.slope * np.asarray(raw, dtype=float), -1.0, 1.0)


def compound_tones(texts: pd.Series) -> pd.Series:
    """Score English texts with the VADER lexicon.

    Args:
        texts: English texts.

    Returns:
        VADER's compound score of each, -1 to 1; its authors call what lies within 0.05 of 0
        neutral.

    References:
        Hutto & Gilbert (2014), "VADER: a parsimonious rule-based model for sentiment analysis of
        social media text", ICWSM.

    Example:
        >>> compound_tones(pd.Series(["VADER is smart, handsome, and funny."])).tolist()
        [0.8316]
    """
    # Imported here: the lexicon takes a moment to load, and many clients have no words at all.
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    scores = [analyser.polarity_scores(str(text))["compound"] for text in texts]
    return pd.Series(scores, index=texts.index, dtype="float64")


def read_by_lexicon(rated: pd.DataFrame, *, confidence: float = 0.95) -> Wording:
    """Read English texts by the lexicon and measure it against their ratings.

    Args:
        rated: Columns ``text``, ``rating`` (-1 to 1) and ``own`` (customer); may be empty.
        confidence: Coverage of the interval.
    """
    return _measured(LEXICON, compound_tones(rated["text"]), rated, None, confidence)


def read_by_own_words(rated: pd.DataFrame, *, confidence: float = 0.95) -> Wording | None:
    """Learn which words go with which ratings, each fifth of the customers read by the others'.

    Args:
        rated: Columns ``text``, ``rating`` (-1 to 1) and ``own`` (customer).
        confidence: Coverage of the interval.

    Returns:
        The reading; None below 200 rated texts, of fewer than five customers, or without words.
    """
    if len(rated) < FEWEST_TAUGHT or rated["own"].nunique() < FOLDS:
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(min_df=3, ngram_range=(1, 2), sublinear_tf=True), Ridge(alpha=1.0)
    )
    try:
        read = cross_val_predict(
            model, rated["text"], rated["rating"], groups=rated["own"], cv=GroupKFold(FOLDS)
        )
        model.fit(rated["text"], rated["rating"])
    except ValueError:  # no word stands in three texts
        return None
    tones = pd.Series(read, index=rated.index, dtype="float64")
    return _measured(OWN_WORDS, tones, rated, model, confidence)


def _measured(
    reader: str, tones: pd.Series, rated: pd.DataFrame, model: Any, confidence: float
) -> Wording:
    tone, rating = tones.to_numpy(float), rated["rating"].to_numpy(float)
    own = rated["own"].to_numpy()
    value, low, high = clustered_correlation(tone, rating, own, confidence=confidence)
    start, slope, blur = 0.0, 0.0, 0.0
    if np.isfinite(value):
        line = stats.linregress(tone, rating)
        start, slope = float(line.intercept), float(line.slope)
        blur = float((rating - start - slope * tone).var(ddof=2))
    good, bad = tone[rating > 0], tone[rating < 0]
    wrong = float((bad > 0).mean()) if len(bad) else np.nan
    n = len(np.unique(own))
    return Wording(
        reader, tones, value, low, high, n, start, slope, blur, _auc(good, bad), wrong, model
    )


def _auc(good: Floats, bad: Floats) -> float:
    if not len(good) or not len(bad):
        return np.nan
    return float(stats.mannwhitneyu(good, bad).statistic / (len(good) * len(bad)))


def clustered_correlation(
    first: ArrayLike, second: ArrayLike, own: ArrayLike, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Correlate two measures of the same answers, with the customer as the unit.

    Args:
        first: One measure of each answer.
        second: The other one.
        own: Whose answer it is.
        confidence: Coverage of the interval.

    Returns:
        Pearson's correlation and the ends of its interval, by Fisher's z and the spread of the
        customers' influence on it; missing below four customers or where a measure does not vary.
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    _, code = np.unique(np.asarray(own), return_inverse=True)
    groups = int(code.max()) + 1 if len(code) else 0
    if groups < FEWEST_CORRELATED or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan, np.nan
    u, v = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    value = float(np.clip((u * v).mean(), -1, 1))
    pull = np.bincount(code, weights=u * v - value * (u**2 + v**2) / 2, minlength=groups)
    error = float(np.sqrt((pull**2).sum() * groups / (groups - 1)) / len(x))
    inside = max(1 - value**2, 1e-9)
    half = float(stats.t.ppf((1 + confidence) / 2, groups - 1)) * error / inside
    z = float(np.arctanh(np.clip(value, -1 + 1e-9, 1 - 1e-9)))
    return value, float(np.tanh(z - half)), float(np.tanh(z + half))
