"""Key drivers: which ratings go with an answer or an outcome, and how much each of them counts.

Each driver gets its share of what all together explain, averaged over every order in which they
could be brought in. A share has no sign, so the signed effect stands beside it. Associations
between answers of the same people: to be good at a driver need not move the outcome.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.fits import choose_fit, make_cases
from journeylib.questions import ask_ratings, ask_tones
from journeylib.shapley import MOST_EXACT, Shared, share_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from journeylib.fits import Cases
    from journeylib.outcomes import Followed
    from journeylib.questions import Question

    Floats = NDArray[np.float64]

LMG = "Shapley share of R² (Lindeman, Merenda & Gold 1980; Grömping 2006), customer bootstrap"
MCFADDEN = "Shapley share of McFadden's R² (1974), customer bootstrap"
DRAWS = 400
MOST_WORK = 10_000_000
CHANCE = 0.01
ENTWINED = 5.0
COLUMNS = [
    "asked", "outcome", "driver", "rank", "part", "r_squared", "effect", "effect_low",
    "effect_high", "correlation", "vif", "error", "note", "value", "low", "high", "n", "unit",
    "source",
]  # fmt: skip


def find_drivers(
    ratings: pd.DataFrame,
    *,
    voices: pd.DataFrame | None = None,
    followed: Followed | None = None,
    seed: int = 7,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Find what goes with a good answer: sub-ratings where they were asked, tones where not.

    Args:
        ratings: From ``subratings.read_ratings``; may be empty.
        voices: What customers said, for the tone at each touchpoint.
        followed: From ``outcomes.follow_customers``: what customers did after they had spoken.
        seed: Seed of the resamples.
        confidence: Coverage of the intervals.

    Returns:
        One row per question and driver, as ``measure_drivers`` gives them; empty where no source
        asked two numbers beside an answer and tones cannot be followed.
    """
    questions = ask_ratings(ratings)
    if voices is not None and followed is not None:
        questions += ask_tones(voices, followed)
    return measure_drivers(questions, seed=seed, confidence=confidence)


def measure_drivers(
    questions: Iterable[Question], *, seed: int = 7, confidence: float = 0.95
) -> pd.DataFrame:
    """Share out what the drivers of each question explain together.

    Args:
        questions: From ``questions.ask_ratings`` and ``questions.ask_tones``.
        seed: Seed of the resamples and of sampled orders.
        confidence: Coverage of the intervals.

    Returns:
        Rows by question, most important driver first. ``value`` is the share of what all explain,
        ``part`` the same as R², ``r_squared`` that of all drivers; ``effect`` is the change in the
        outcome (in its own unit, or in the chance of a yes) that goes with one more point of the
        driver at equal others; ``correlation`` takes no other driver into account; ``vif`` says how
        far it moves with the others; ``error`` is the sampling error of ``value`` beyond twelve
        drivers. ``note`` says what was left out. A question that the data cannot answer has one row
        without a driver, whose ``note`` says why.

    References:
        Grömping (2006), "Relative importance for linear regression in R", J. Stat. Softw. 17(1);
        McFadden (1974), in Zarembka (ed.), Frontiers in Econometrics.
    """
    parts = [_measure(one, seed, confidence) for one in questions]
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    numbers = [c for c in COLUMNS if c not in {"asked", "outcome", "driver", "note", "unit",
                                               "source"}]  # fmt: skip
    return rows.astype(dict.fromkeys(numbers, "float64")).reindex(columns=COLUMNS)


def _measure(question: Question, seed: int, confidence: float) -> pd.DataFrame:
    if question.reason:
        return _refused(question, question.reason)
    question, thinned = _thin_out(question, seed)
    x, y = question.x.to_numpy(float), question.y
    cases = make_cases(x, y, question.customer, draws=DRAWS, seed=seed)
    fit = choose_fit(cases, yes_no=question.yes_no)
    every = float(fit.explained(tuple(range(x.shape[1])))[0])
    if _by_chance(question, every) > CHANCE:
        told = f"Together they explain {100 * every:.1f} % of it, no more than chance could."
        return _refused(question, told)
    shared = share_out(x.shape[1], fit.explained, seed=seed)
    table = _lay_out(question, cases, shared, confidence)
    slopes = fit.effects() / x.std(axis=0)
    table["effect"] = slopes[0]
    table["effect_low"], table["effect_high"] = _ends(slopes.T, confidence)
    table["note"] = " ".join([*question.notes, *thinned, *_remarks(table, shared)])
    table = table.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    return table.assign(rank=np.arange(1.0, len(table) + 1))


def _lay_out(question: Question, cases: Cases, shared: Shared, confidence: float) -> pd.DataFrame:
    total = shared.parts.sum(axis=0)
    shares = shared.parts / np.where(total > 0, total, np.nan)
    low, high = _ends(shares, confidence)
    own = np.corrcoef(cases.x.T)
    return pd.DataFrame(
        {
            "asked": question.asked,
            "outcome": question.outcome,
            "driver": [str(name) for name in question.x],
            "part": shared.parts[:, 0],
            "r_squared": total[0],
            "correlation": [float(np.corrcoef(one, cases.y)[0, 1]) for one in cases.x.T],
            "vif": np.diag(np.linalg.inv(own)),
            "error": shared.error / total[0],
            "value": shares[:, 0],
            "low": np.minimum(low, shares[:, 0]),
            "high": np.maximum(high, shares[:, 0]),
            "n": float(len(np.unique(question.customer))),
            "unit": "share",
            "source": MCFADDEN if question.yes_no else LMG,
        }
    )


def _ends(versions: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Percentiles over the resamples; the first column is the data itself."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(versions[:, 1:], [tail, 1 - tail], axis=1)
    return low, high


def _thin_out(question: Question, seed: int) -> tuple[Question, list[str]]:
    """Keep so many customers that every group of drivers can be fitted in good time."""
    groups = 2 ** min(question.x.shape[1], MOST_EXACT)
    most = MOST_WORK // groups
    if not question.yes_no or len(question.y) <= most:
        return question, []
    people = int(question.customer.max()) + 1
    order = np.random.default_rng(seed).permutation(people)
    kept = order[question.customer] < people * most / len(question.y)
    number = pd.factorize(question.customer[kept])[0].astype(np.int64)
    told = f"{int(kept.sum()):,} of {len(kept):,} answers were drawn at random for this."
    return replace(question, y=question.y[kept], x=question.x[kept], customer=number), [told]


def _by_chance(question: Question, r_squared: float) -> float:
    """How often chance alone would explain so much; several answers of one person count as one."""
    n, drivers = len(question.y), question.x.shape[1]
    people = len(np.unique(question.customer))
    if question.yes_no:
        share = float(question.y.mean())
        nothing = n * (share * np.log(share) + (1 - share) * np.log1p(-share))
        return float(stats.chi2.sf(-2 * nothing * r_squared * people / n, drivers))
    free = max(people - drivers - 1, 1)
    return float(
        stats.f.sf(r_squared / drivers / max((1 - r_squared) / free, 1e-12), drivers, free)
    )


def _remarks(table: pd.DataFrame, shared: Shared) -> list[str]:
    told = []
    close = table[table["vif"] >= ENTWINED]
    if len(close):
        named = ", ".join(str(name).replace("_", " ") for name in close["driver"])
        told.append(f"{named}: hard to tell apart from the others (VIF {ENTWINED:.0f} or more).")
    if not shared.exact:
        told.append(
            f"Shares rest on sampled orders; their error is at most {table['error'].max():.3f}."
        )
    return told


def _refused(question: Question, reason: str) -> pd.DataFrame:
    row = {
        "asked": question.asked, "outcome": question.outcome, "driver": None,
        "note": " ".join([reason, *question.notes]), "n": len(np.unique(question.customer)),
        "unit": "share", "source": MCFADDEN if question.yes_no else LMG,
    }  # fmt: skip
    return pd.DataFrame([row]).reindex(columns=COLUMNS)
