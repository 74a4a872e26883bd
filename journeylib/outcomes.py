"""What became of customers after the time in which their persona was found.

Features end where the outcome window begins, so that a persona is not made of what it is to
explain. Where the data is too short for that there is no window, and the reader is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.estimates import ESTIMATE_COLUMNS, Estimate
from journeylib.features import FEWEST
from journeylib.habits import clip_log
from journeylib.journeys import describe_customers
from journeylib.log import DAY
from journeylib.ratios import plain_shares

if TYPE_CHECKING:
    from journeylib.log import Floats, Log, Truths

EVERYONE = "all"
SHORTEST = 14 * DAY
FEWEST_EACH = 10
FEWEST_VALUES = 30
FOLDS = 10
OUTCOMES = {
    "repeat_purchase": "bought before {day} and again in the {days} days from it / bought before",
    "retention": "still there {days} days after {day} / there on {day}",
    "conversion": "converted in the {days} days from {day} / had not before",
}
SAID = {
    "repeat_purchase": "ordered again within {days} days",
    "retention": "still a customer {days} days later",
    "conversion": "converted within {days} days",
}
MEAN = "mean per customer, t interval (Student 1908)"


@dataclass(frozen=True, slots=True)
class Window:
    """Where the time of the features ends and the outcome begins.

    Attributes:
        start: First microsecond of the features.
        cut: First microsecond of the outcome.
        end: First microsecond after it.
        kind: ``repeat_purchase``, ``retention`` or ``conversion``.
    """

    start: int
    cut: int
    end: int
    kind: str

    @property
    def days(self) -> int:
        """Length of the outcome window, in days."""
        return round((self.end - self.cut) / DAY)

    def words(self, texts: dict[str, str], zone: str = "UTC") -> str:
        """Fill a text about this outcome with the day and the length of the window."""
        day = pd.Timestamp(self.cut, unit="us", tz="UTC").tz_convert(zone)
        return texts[self.kind].format(day=f"{day:%-d %B %Y}", days=self.days)


@dataclass(frozen=True, slots=True)
class Followed:
    """Customers at the cut, and what became of them.

    Attributes:
        window: The window; None where the period cannot be parted.
        before: From ``journeys.describe_customers``, up to the cut, or of the whole period.
        people: One row per customer of ``before``: ``customer``, ``hit`` (whether the outcome came;
            missing for those to whom it could not), ``spent`` (money in the window).
        reason: Why there is no window, or empty.
    """

    window: Window | None
    before: pd.DataFrame
    people: pd.DataFrame
    reason: str = ""


def follow_customers(log: Log, attributes: pd.DataFrame) -> Followed:
    """Part the period where the outcome window begins, and follow every customer through it.

    Args:
        log: The event log; its codes say which outcome is followed for how long.
        attributes: One row per customer, ``customer`` and perhaps ``churned_at``; may be empty.

    Returns:
        What was before the cut, and what came after. There is no window where no outcome is
        declared, it is followed for less than 14 days, fewer than 200 customers were there before,
        or it came (or failed to come) for fewer than 10 of them.
    """
    whole = describe_customers(log)
    nobody = pd.DataFrame({"customer": [], "hit": [], "spent": []})
    window, reason = _place(log, whole)
    if window is None:
        return Followed(None, whole, nobody, reason)
    before = describe_customers(clip_log(log, start=window.start, end=window.cut))
    after = describe_customers(clip_log(log, start=window.cut, end=window.end))
    people = _outcome(before, after, attributes, window)
    told = people["hit"].dropna().astype(bool)
    if len(told) < FEWEST or min(told.sum(), (~told).sum()) < FEWEST_EACH:
        reason = (
            f"of {len(told):,} customers before the last {window.days} days, the outcome came for "
            f"{int(told.sum()):,}; {FEWEST} are needed, and {FEWEST_EACH} of either kind"
        )
        return Followed(None, whole, nobody, reason)
    return Followed(window, before, people)


def _place(log: Log, whole: pd.DataFrame) -> tuple[Window | None, str]:
    """Let the data, not the period, say where the window ends: exports may stop before it."""
    codes = log.codes
    if codes.outcome not in OUTCOMES or not codes.follow:
        return None, "the client file names no outcome that the data holds"
    if whole.empty:
        return None, "no source holds dated events"
    start = max(codes.start, int(whole["first"].min()))
    end = min(codes.end, int(whole["last"].max()) + 1)
    if codes.follow < SHORTEST or end - codes.follow - start < codes.follow:
        return None, "the period is too short to be parted"
    return Window(start, end - codes.follow, end, codes.outcome), ""


def _outcome(
    before: pd.DataFrame, after: pd.DataFrame, attributes: pd.DataFrame, window: Window
) -> pd.DataFrame:
    later = after.set_index("customer").reindex(before["customer"])
    left_before, left_after = _left(before, later, attributes, window)
    bought = (before["orders"] > 0).to_numpy()
    again = (later["orders"].fillna(0) > 0).to_numpy()
    asked, hit = {
        "repeat_purchase": (bought, again),
        "retention": (~left_before, ~left_after),
        "conversion": (~bought, again),
    }[window.kind]
    spent = later["spent"].fillna(0.0).to_numpy(float)
    return pd.DataFrame(
        {
            "customer": before["customer"].to_numpy(),
            "hit": pd.Series(hit, dtype="boolean").where(pd.Series(asked)),
            "spent": spent,
        }
    )


def _left(
    before: pd.DataFrame, later: pd.DataFrame, attributes: pd.DataFrame, window: Window
) -> tuple[Truths, Truths]:
    """Tell who had left before the cut and who left after it, by event or customers table."""
    was = before["cancelled"].to_numpy(bool, copy=True)
    went = (later["cancelled"] == True).to_numpy(bool, copy=True)  # noqa: E712
    if "churned_at" in attributes and "customer" in attributes:
        at = attributes.set_index("customer")["churned_at"].reindex(before["customer"])
        moment = pd.to_datetime(at, utc=True).dt.as_unit("us")
        micros = moment.astype("int64").where(moment.notna(), window.end).to_numpy()
        was |= micros < window.cut
        went |= (micros >= window.cut) & (micros < window.end)
    return was, went & ~was


def measure_outcomes(
    followed: Followed,
    personas: pd.DataFrame,
    *,
    currency: str,
    zone: str = "UTC",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Measure the outcome and the money of each persona in the window that its features left out.

    Args:
        followed: From ``follow_customers``.
        personas: Columns ``customer`` and ``persona``; customers without one count in ``all`` only.
        currency: ISO code, or empty.
        zone: Time zone in which the cut is told.
        confidence: Coverage of the intervals.

    Returns:
        Rows of the result table ``metrics``: ``outcome_rate`` and, where there is money,
        ``value_per_customer`` (in the window, those who spent nothing included), for all and for
        each persona. Empty without a window.
    """
    window = followed.window
    if window is None or personas.empty:
        return pd.DataFrame(columns=["metric", "segment", "target", *ESTIMATE_COLUMNS])
    people = followed.people.merge(personas, on="customer", how="inner", validate="1:1")
    segments = {EVERYONE: people, **{str(name): own for name, own in people.groupby("persona")}}
    names = list(segments)
    told = [own["hit"].dropna().astype(bool) for own in segments.values()]
    shares = plain_shares([own.sum() for own in told], [len(own) for own in told],
                          confidence=confidence)  # fmt: skip
    source = window.words(OUTCOMES, zone)
    shares["source"] = [f"{source}; {text}" for text in shares["source"]]
    rows = [shares.assign(metric="outcome_rate", segment=names)]
    if (people["spent"] > 0).any():
        money = [_mean(own["spent"], confidence) for own in segments.values()]
        values = pd.DataFrame(money, columns=["value", "low", "high", "n"])
        text = f"money in the {window.days} days after the features end; {MEAN}"
        rows.append(values.assign(metric="value_per_customer", segment=names, unit=currency,
                                  source=text))  # fmt: skip
    return pd.concat(rows, ignore_index=True).dropna(subset=["value"]).assign(target=np.nan)


def _mean(amounts: pd.Series, confidence: float) -> tuple[float, float, float, int]:
    n = len(amounts)
    if n < FEWEST_VALUES:
        return np.nan, np.nan, np.nan, n
    mean = float(amounts.mean())
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * amounts.std() / np.sqrt(n))
    return mean, mean - half, mean + half, n


def judge_usefulness(
    followed: Followed, personas: pd.DataFrame, *, seed: int = 7, confidence: float = 0.95
) -> Estimate | None:
    """Say whether knowing the persona helps to foretell the outcome of customers not seen.

    Args:
        followed: From ``follow_customers``.
        personas: Columns ``customer`` and ``persona``.
        seed: Seed of the ten folds.
        confidence: Coverage of the interval.

    Returns:
        ``persona_gain``: log-loss of the average rate less that of the persona's rate, in bits a
        customer, both learnt from the nine other folds; useful where the interval lies above 0.
        None without a window or personas.
    """
    people = followed.people.merge(personas, on="customer", how="inner").dropna(subset=["hit"])
    if followed.window is None or len(people) < FEWEST:
        return None
    hit = people["hit"].astype(float).to_numpy()
    group = pd.factorize(people["persona"])[0]
    fold = np.random.default_rng(seed).permutation(len(people)) % FOLDS
    gain = np.zeros(len(people))
    for held in range(FOLDS):
        out, rest = fold == held, fold != held
        base = (hit[rest].sum() + 0.5) / (rest.sum() + 1)
        met = np.bincount(group[rest], minlength=group.max() + 1)
        good = np.bincount(group[rest], weights=hit[rest], minlength=group.max() + 1)
        own = ((good + base) / (met + 1))[group[out]]
        gain[out] = _loss(hit[out], np.full(out.sum(), base)) - _loss(hit[out], own)
    mean, error = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))
    half = float(stats.norm.ppf((1 + confidence) / 2)) * error
    source = "log-loss in ten-fold cross-validation against the average rate"
    return Estimate("persona_gain", mean, mean - half, mean + half, len(gain), "bits", source,
                    confidence)  # fmt: skip


def _loss(hit: Floats, rate: Floats) -> Floats:
    loss: Floats = -(hit * np.log2(rate) + (1 - hit) * np.log2(1 - rate))
    return loss
