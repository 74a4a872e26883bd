"""How a trouble goes along with the outcome, once customers are compared with their like.

Logistic regression with splines and g-computation, a weighted second opinion beside it, refusals,
and the false discovery rate over all that was asked. An association, not an effect: what cannot be
seen in the data may lie behind it, and the E-value says how strong that would have to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from journeylib.cases import FEWEST_EVENTS, count_events, ending, find_alike, make_case
from journeylib.estimates import ESTIMATE_COLUMNS
from journeylib.logits import Logit, chance, clustered, fit_logit
from journeylib.propensities import FEWEST_LIKE, weigh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeylib.cases import Case
    from journeylib.landmarks import Landmarked
    from journeylib.log import Floats
    from journeylib.propensities import Weighted

FEWEST_EXPOSED = 30  # a third of them is the ten events of `cases`
MOST_OUTSIDE = 0.10
SOURCE = "spline logistic g-computation among those who met it, customer-clustered delta method"
WORSE, BETTER, NONE, REFUSED = "worse", "better", "not told apart", "refused"
COLUMNS = [
    "exposure", "stage", "touchpoint", "channel", "persona", "kind", "phase", "way", "affected",
    "affected_per_year", "exposed", "events", "others", "naive", "naive_low", "naive_high", "aipw",
    "aipw_low", "aipw_high", "overlap", "e_value", "e_value_low", "e_sentence", "p_value",
    "p_adjusted", "family", "adjusted_by", "verdict", "reason", "warning", "evidence",
    *ESTIMATE_COLUMNS,
]  # fmt: skip


def associate(
    landmarked: Landmarked,
    *,
    fdr: float = 0.10,
    measured: Mapping[str, str] | None = None,
    fewest: int = FEWEST_EXPOSED,
    confidence: float = 0.95,
    seed: int = 7,
) -> pd.DataFrame:
    """Measure how each trouble goes along with the outcome.

    Args:
        landmarked: From ``landmarks.follow_exposures``.
        fdr: Share of the listed associations that may be false alarms.
        measured: Touchpoint: evidence grade (A or B) of an intervention that was measured on it.
        fewest: Fewest customers who must have met it, never fewer than ten; a third as many must
            have, or be expected to have, the rarer outcome (ten of thirty).
        confidence: Coverage of the intervals.
        seed: Seed of the draw of those compared, where there are very many.

    Returns:
        One row per trouble. ``value`` (a share): how much more, or less, often the outcome came to
        those who met it than it would have without, with ``low, high``; ``naive`` the plain
        difference beside it, ``aipw`` the weighted one, each with its interval. ``verdict`` is
        ``worse``, ``better``, ``not told apart`` (at the false discovery rate) or ``refused``, then
        with a ``reason``. ``warning`` says when both methods disagree. ``p_adjusted``
        (Benjamini-Hochberg) is over all rows not refused, ``family`` of them. ``evidence`` is C
        where it was adjusted, D where only the plain difference stands, A or B where an
        intervention was measured on the touchpoint.

    References:
        Hernán and Robins (2020), Causal Inference: What If, ch. 13; Benjamini and Hochberg (1995),
        JRSS B 57:289-300; VanderWeele and Ding (2017), Annals of Internal Medicine 167:268-274.
    """
    z = float(stats.norm.ppf((1 + confidence) / 2))
    rng = np.random.default_rng(seed)
    rows = []
    # Many small matrices: threads would spend their time waiting for each other.
    with threadpool_limits(limits=1):
        for number in range(len(landmarked.exposures)):
            row = _describe(landmarked, number, z)
            row["reason"] = _too_few(row, max(fewest, FEWEST_EVENTS))
            if not row["reason"]:
                row |= _measure(make_case(landmarked, number, rng=rng), z)
            rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    return _judge(table, fdr, measured or {})


def _describe(landmarked: Landmarked, number: int, z: float) -> dict[str, object]:
    """Count who met it, and take the plain difference of everybody else."""
    one = landmarked.exposures.iloc[number]
    met, could = landmarked.exposed[:, number], landmarked.eligible[:, number]
    y, share, _ = ending(landmarked.rows, met, one)
    own, other, alike = y[met], y[could & ~met], could & ~met & find_alike(landmarked, met)
    naive, error = np.nan, np.nan
    if len(own) and len(other):
        naive = share * float(own.mean() - other.mean())
        error = share * float(np.sqrt(own.var() / len(own) + other.var() / len(other)))
    return {
        **{str(name): one[name] for name in one.index},
        "exposure": number,
        "persona": "all",
        "exposed": len(own),
        "events": count_events(y, met, alike),
        "others": len(other),
        "naive": naive,
        "naive_low": naive - z * error,
        "naive_high": naive + z * error,
        "n": len(own),
        "unit": "share",
        "reason": "",
        "warning": "",
    }


def _too_few(row: dict[str, object], fewest: int) -> str:
    exposed, events, others = (int(str(row[name])) for name in ("exposed", "events", "others"))
    if row["way"] == "station" and (row["phase"] == "after" or others < fewest):
        return "Nearly everybody passes it, or passes it this way: there is nobody to compare with."
    if exposed < fewest:
        return f"{exposed} who met it can be followed; {fewest} are needed."
    if events < fewest // 3:
        return (
            f"The rarer outcome came to {events} of the {exposed} who met it; {fewest // 3} are "
            "needed."
        )
    if others < fewest:
        return f"{others} who did not meet it can be followed; {fewest} are needed."
    return ""


# ---------------------------------------------------------------- the comparison


def _measure(case: Case, z: float) -> dict[str, object]:
    x = np.column_stack([case.x, case.met])
    fit = fit_logit(x, case.y, firth=case.firth)
    value, error, shares = remove(x, fit, case)
    weighed = weigh(case.x, case.y, case.met, case.owner, share=case.share)
    found: dict[str, object] = {
        "value": value,
        "low": value - z * error,
        "high": value + z * error,
        "aipw": weighed.value,
        "aipw_low": weighed.value - z * weighed.error,
        "aipw_high": weighed.value + z * weighed.error,
        "overlap": 1 - weighed.outside,
        "p_value": float(2 * stats.norm.sf(abs(value) / max(error, 1e-12))),
        "adjusted_by": case.adjusted_by,
        "warning": _warn(value, weighed, case),
        "source": SOURCE,
        **_explain(shares, value, error, z),
    }
    reason = _too_different(weighed)
    if reason:
        blank = ("value", "low", "high", "aipw", "aipw_low", "aipw_high", "p_value", "e_value",
                 "e_value_low")  # fmt: skip
        found |= {"reason": reason, "warning": "", "e_sentence": ""} | dict.fromkeys(blank, np.nan)
    return found


def _too_different(weighed: Weighted) -> str:
    if weighed.outside > MOST_OUTSIDE:
        return (
            f"For {weighed.outside:.0%} of those who met it there is hardly anybody alike who was "
            f"spared; at most {MOST_OUTSIDE:.0%} may be so."
        )
    if weighed.like < FEWEST_LIKE:
        return (
            f"Those who were spared and are alike are worth {weighed.like:.0f} customers; "
            f"{FEWEST_LIKE} are needed."
        )
    return ""


def remove(x: Floats, fit: Logit, case: Case) -> tuple[float, float, tuple[float, float]]:
    """Take a trouble away from those who met it, by the model.

    Args:
        x: Columns of the model, the trouble last.
        fit: The fit.
        case: Whose rows.

    Returns:
        The difference in the share with the good outcome (with less without), its standard error
        (delta method, by customer), and both shares.
    """
    own = x[case.met]
    bare = own.copy()
    bare[:, -1] = 0
    here, there = chance(own @ fit.beta), chance(bare @ fit.beta)
    gap = float((here - there).mean())
    slope = ((here * (1 - here))[:, None] * own - (there * (1 - there))[:, None] * bare).mean(
        axis=0
    )
    push = fit.pushes @ slope
    push[case.met] += (here - there - gap) / len(own)
    # Who goes on is not there yet: only a share of them reaches the outcome.
    push = push * case.share + np.where(case.met, gap * case.share_push, 0.0)
    error = float(np.sqrt(clustered(case.owner, push)[0, 0]))
    return gap * case.share, error, (
        float(here.mean()) * case.share, float(there.mean()) * case.share,
    )  # fmt: skip


def _warn(value: float, weighed: Weighted, case: Case) -> str:
    if abs(value - weighed.value) > 2 * weighed.error:
        by_weight = f"{weighed.value:+.3f} by weighting."
        return f"The two methods disagree: {value:+.3f} by the model, {by_weight}"
    if case.firth:
        return "Few events: fitted with Firth's penalty."
    return ""


def _explain(
    shares: tuple[float, float], value: float, error: float, z: float
) -> dict[str, object]:
    """Say how strong a hidden cause would have to be; the ratio is that of the worse outcome."""
    here, there = shares
    bad = (1 - here, 1 - there) if value < 0 else (here, there)
    ratio = bad[0] / max(bad[1], 1e-9)
    nearest = max(1.0, (bad[1] + max(abs(value) - z * error, 0)) / max(bad[1], 1e-9))
    found, least = e_value(ratio), e_value(nearest)
    return {"e_value": found, "e_value_low": least, "e_sentence": e_sentence(found, least)}


def e_value(ratio: float) -> float:
    """Give the least risk ratio that a hidden cause needs with both sides to explain all of it.

    Args:
        ratio: A risk ratio, on either side of 1.

    References:
        VanderWeele and Ding (2017), Annals of Internal Medicine 167:268-274.

    Example:
        >>> round(e_value(3.9), 2), round(e_value(1.8), 2), e_value(1.0)
        (7.26, 3.0, 1.0)
    """
    above = ratio if ratio >= 1 else 1 / max(ratio, 1e-9)
    return float(above + np.sqrt(above * (above - 1)))


def e_sentence(found: float, least: float) -> str:
    """Say in plain words what a hidden cause would have to be like.

    Args:
        found: E-value of the estimate.
        least: E-value of the end of its interval that is nearest to no association.
    """
    if least <= 1:
        return "Chance alone could explain it; a hidden cause need not be looked for."
    return (
        f"To explain all of it, something not in the data would have to make both the trouble and "
        f"the outcome {found:.1f} times as likely; {least:.1f} times would bring the interval to "
        "zero."
    )


# ---------------------------------------------------------------- the family


def _judge(table: pd.DataFrame, fdr: float, measured: Mapping[str, str]) -> pd.DataFrame:
    asked = table["p_value"].notna()
    adjusted = pd.Series(np.nan, index=table.index)
    if asked.any():
        adjusted[asked] = adjust(table.loc[asked, "p_value"].to_numpy(dtype=float))
    value = table["value"].astype(float)
    clear = adjusted <= fdr
    verdict = np.select(
        [~asked, clear & (value < 0), clear & (value > 0)], [REFUSED, WORSE, BETTER], NONE
    )
    grade = pd.Series(np.where(asked, "C", "D"), index=table.index)
    known = table["touchpoint"].map(lambda name: measured.get(str(name), ""))
    evidence = np.where(known.isin(["A", "B"]) & asked, known, grade)
    return table.assign(
        p_adjusted=adjusted, family=int(asked.sum()), verdict=verdict, evidence=evidence
    )


def adjust(p_values: Floats) -> Floats:
    """Adjust p-values for having asked so often.

    References:
        Benjamini and Hochberg (1995), JRSS B 57:289-300.
    """
    return np.asarray(multipletests(p_values, method="fdr_bh")[1], dtype=np.float64)
