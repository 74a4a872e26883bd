"""What changed since another period: moves, feelings and figures, and what stayed the same.

"Same" is a finding: the change lies within a margin that was set beforehand, however many customers
there are. Not for why something changed; `impact` asks that of interventions.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.errors import DataError, Problem
from journeylib.estimates import Estimate, Refusal
from journeylib.footprints import count_footprints
from journeylib.homogeneity import exchange_customers
from journeylib.log import DAY
from journeylib.ratios import clustered_shares
from journeylib.tables import complete_result
from journeylib.verdicts import equivalence_interval

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from journeylib.footprints import Footprints
    from journeylib.homogeneity import Exchange
    from journeylib.log import Floats, Log

FEWEST_VISITS = 50
DRAWS = 999
MARGIN, LARGEST, UNEQUAL = 0.05, 3, 0.05
FALSE_SHARE = 0.05
ALL_MOVES, ARROW = "moves", " → "
# Change that matters to nobody, by metric; money has a twentieth of what it was.
MARGINS = {
    "retention_rate": 0.05, "repeat_purchase_rate": 0.05, "churn_rate": 0.05,
    "conversion_rate": 0.05, "outcome_rate": 0.05, "csat": 0.05, "nps": 5.0, "ces": 0.25,
    "to_next": 0.05, "sentiment": 0.1, "pain": 0.05, "theme": 0.05, "persona": 0.05, "move": 0.05,
}  # fmt: skip
MONEY_MARGIN = 0.05
G_SQUARE = "G² over all rows, whole customers exchanged; ends: what chance alone moves"
MOVES = "difference of shares, customer-clustered (Newcombe 1998, method 10); p of its row"
LEVELS = "difference of two estimates, interval by MOVER (Zou & Donner 2008)"


def compare_periods(
    log: Log,
    other: Log,
    *,
    silence: int,
    seed: int,
    level: str = "stage",
    margin: float = MARGIN,
) -> pd.DataFrame | Refusal:
    """Compare where customers went in two periods.

    Args:
        log: The event log of this period.
        other: The log of the earlier period, with the same codes.
        silence: From ``passages.find_silence``.
        seed: Seed of the permutations.
        level: ``stage``, ``touchpoint`` or ``channel``.
        margin: Change of a share that does not matter.

    Returns:
        As `compare_moves`; a refusal where the periods differ in length by more than 5%.

    Raises:
        DataError: The logs stand for different names: stages were mapped in another way.
    """
    now, then = (one.codes.end - one.codes.start for one in (log, other))
    if abs(now - then) > UNEQUAL * max(now, then):
        reason = f"The periods last {_days(then)} and {_days(now)} days."
        return Refusal(reason, "two periods of the same length, best of the same season")
    prints = [count_footprints(one, silence=silence, level=level) for one in (other, log)]
    return compare_moves(*prints, seed=seed, margin=margin)


def _days(length: int) -> int:
    return round(length / DAY)


def compare_moves(
    before: Footprints,
    after: Footprints,
    *,
    seed: int,
    margin: float = MARGIN,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> pd.DataFrame | Refusal:
    """Test whether customers move as they did, and name the moves that changed most.

    Whole customers are exchanged between the periods; one who was there in both keeps one period
    for each of the two, so that being one's own double is no evidence of anything.

    Args:
        before: Moves of each customer in the earlier period.
        after: The same in this one; codes of customers and states are those of `before`.
        seed: Seed of the permutations.
        margin: Change of a share that does not matter.
        confidence: Coverage of the intervals.
        draws: Number of permutations.

    Returns:
        Rows for `judge_drift`: first ``moves`` (share of moves that would have to go elsewhere for
        the periods to agree), then the three most changed moves of every row with 50 visits or
        more in both periods. A refusal where no row has so many.

    Raises:
        DataError: The states of the two differ.
    """
    _check_names(before, after)
    before, after = before.closed(), after.closed()
    old, new = before.counts(), after.counts()
    tested = np.flatnonzero(np.minimum(old.sum(axis=1), new.sum(axis=1)) >= FEWEST_VISITS)
    if not len(tested):
        most = int(np.minimum(old.sum(axis=1), new.sum(axis=1)).max(initial=0))
        reason = f"No row has {FEWEST_VISITS} visits in both periods; the most are {most}."
        return Refusal(reason, "more journeys in both periods, or longer ones")
    found = exchange_customers(before, after, tested, seed=seed, draws=draws)
    fewer = min(len(before.customers), len(after.customers))
    # All rows together are one more question, so they count in the correction as well.
    adjusted = stats.false_discovery_control(np.append(found.p, found.p_rows))
    rows = [_all_moves(found, fewer, confidence).assign(p_row=adjusted[0])]
    for place, p in zip(tested, adjusted[1:], strict=True):
        rows.append(_largest(before, after, int(place), confidence).assign(p_row=p))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(margin=margin, confidence=confidence)


def _check_names(before: Footprints, after: Footprints) -> None:
    if before.names == after.names:
        return
    odd = sorted(set(before.names) ^ set(after.names)) or ["the order of the states"]
    problem = Problem(
        "E-OTHER-STATES", f"Only one of the periods knows {', '.join(odd)}.",
        fix="Build both periods with the same client file.",
    )  # fmt: skip
    raise DataError("The two periods were not mapped in the same way.", [problem])


def _all_moves(found: Exchange, n: int, confidence: float) -> pd.DataFrame:
    """Say how much of what is done is done elsewhere; chance brings some of it in any case."""
    chance = float(np.quantile(found.noise, confidence))
    row = {
        "metric": ALL_MOVES, "change": found.moved, "value": found.moved,
        "low": max(found.moved - chance, 0.0), "high": found.moved + chance, "n": n,
        "unit": "share", "source": G_SQUARE, "before": np.nan, "after": np.nan,
    }  # fmt: skip
    return pd.DataFrame([row])


def _largest(before: Footprints, after: Footprints, place: int, confidence: float) -> pd.DataFrame:
    """Give the moves of one row that changed most, with intervals."""
    then, now = (_row_shares(one, place, confidence) for one in (before, after))
    change = (now["value"] - then["value"]).abs().sort_values(ascending=False, kind="stable")
    most = change[change > 0].index[:LARGEST]
    table = _differences(then.loc[most], now.loc[most])
    names = np.array(before.names, dtype=object)[most.to_numpy(dtype=int)]
    return table.assign(
        metric=[f"{before.names[place]}{ARROW}{name}" for name in names], source=MOVES
    )


def _row_shares(prints: Footprints, place: int, confidence: float) -> pd.DataFrame:
    """Give the shares of one row with their customer-clustered intervals, by state."""
    size = len(prints.names)
    own = prints.key // size == place
    goal, count = prints.key[own] % size, prints.count[own].astype(float)
    people, who = np.unique(prints.customer[own], return_inverse=True)
    left = np.bincount(who, weights=count, minlength=len(people))

    def total(weights: Floats) -> Floats:
        return np.bincount(goal, weights=weights, minlength=size).astype(np.float64)

    sums = {"count": total(count), "square": total(count**2), "cross": total(count * left[who])}
    whole = {"left": left.sum(), "left_square": (left**2).sum(), "left_customers": len(people)}
    table = pd.DataFrame(sums).assign(**whole)
    return clustered_shares(table, confidence=confidence)


def _differences(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Subtract estimates; the ends of both intervals give those of the difference."""
    change = now["value"] - then["value"]
    below = np.hypot(now["value"] - now["low"], then["high"] - then["value"])
    above = np.hypot(now["high"] - now["value"], then["value"] - then["low"])
    columns = {
        "before": then["value"], "after": now["value"], "change": change, "value": change,
        "low": change - below, "high": change + above, "n": np.minimum(then["n"], now["n"]),
        "unit": now["unit"],
    }  # fmt: skip
    return pd.DataFrame(columns).reset_index(drop=True)


def compare_levels(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    margins: Mapping[str, float],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare figures, or feelings by stage, of two periods.

    Args:
        before: Columns ``metric, value, low, high, n, unit``, one row per metric; a stage's is
            written after a colon: ``sentiment:decision``.
        after: The same of this period.
        margins: Change that does not matter, by metric (before the colon), in the metric's unit;
            money without one gets a twentieth of what it was; any other metric without one can be
            found changed, never the same.
        confidence: Coverage of the intervals that were given.

    Returns:
        Rows for `judge_drift`, one per metric that both periods have with an interval. The
        periods are taken as independent: customers seen in both make the interval wider than it
        need be, never narrower.

    Raises:
        DataError: A metric stands there twice, or in two units.
    """
    both = _paired(before, after)
    then, now = (
        both[[f"{name}_{side}" for name in ("value", "low", "high", "n", "unit")]].set_axis(
            ["value", "low", "high", "n", "unit"], axis=1
        )
        for side in ("then", "now")
    )
    table = _differences(then, now).assign(metric=both["metric"].to_numpy(), source=LEVELS)
    table["margin"] = table["metric"].str.partition(":")[0].map(dict(margins)).astype(float)
    money = table["unit"].astype(str).str.fullmatch("[A-Z]{3}") & table["margin"].isna()
    table["margin"] = table["margin"].where(~money, MONEY_MARGIN * table["before"].abs())
    z = float(stats.norm.ppf((1 + confidence) / 2))
    half = np.where(
        table["value"] > 0, table["value"] - table["low"], table["high"] - table["value"]
    )
    size = np.divide(table["value"].abs(), half, out=np.zeros(len(table)), where=half > 0)
    size = np.where((half == 0) & (table["value"] != 0), np.inf, size)
    return table.assign(p_row=2 * stats.norm.sf(size * z), confidence=confidence)


def _paired(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    columns = ["metric", "value", "low", "high", "n", "unit"]
    problems = [
        Problem("E-TWICE", f"The metric {name!r} stands there twice.", fix="Give one row for each.")
        for table in (before, after)
        for name in table["metric"][table["metric"].duplicated()]
    ]
    if not problems:
        both = before[columns].merge(after[columns], on="metric", suffixes=("_then", "_now"))
        odd = both[both["unit_then"] != both["unit_now"]]
        problems = [
            Problem(
                "E-UNIT", f"{row.metric} is in {row.unit_then}, then in {row.unit_now}.",
                fix="Give both periods in one unit.",
            )
            for row in odd.itertuples()
        ]  # fmt: skip
    if problems:
        raise DataError("The figures of the two periods cannot be compared.", problems)
    needed = [f"{name}_{side}" for name in ("value", "low", "high") for side in ("then", "now")]
    return both.dropna(subset=needed).reset_index(drop=True)


def judge_drift(*parts: pd.DataFrame) -> pd.DataFrame:
    """Say of each row whether it changed, stayed the same, or cannot be told.

    Args:
        parts: From `compare_moves` and `compare_levels`.

    Returns:
        The result table ``drift``, with the ``margin`` behind each verdict. ``same``: the interval
        of twice the error rate (90% for 95%) lies within the margin, whatever p says. ``changed``:
        p_adjusted (Benjamini-Hochberg over the figures; over the rows of moves and all of them
        together) is at most .05, and the own interval leaves 0 out.

    References:
        Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289-300; Schuirmann (1987), J.
        Pharmacokinet. Biopharm. 15:657-680 (two one-sided tests).
    """
    some = [_adjusted(part) for part in parts if len(part)]
    if not some:
        return complete_result("drift", pd.DataFrame())
    table = pd.concat(some, ignore_index=True)
    verdicts = [_verdict(row) for row in table.to_dict("records")]
    table = table.drop(columns=["p_row", "confidence"])
    return complete_result("drift", table.assign(verdict=verdicts))


def _adjusted(part: pd.DataFrame) -> pd.DataFrame:
    """Correct the figures for their number; rows of moves were corrected where they were made."""
    if part["source"].eq(LEVELS).all():
        return part.assign(p_adjusted=stats.false_discovery_control(part["p_row"].astype(float)))
    return part.assign(p_adjusted=part["p_row"])


def _verdict(row: Mapping[Any, Any]) -> str:
    told = Estimate(**{field.name: row[field.name] for field in fields(Estimate)})
    low, high = equivalence_interval(told)
    if -row["margin"] < low and high < row["margin"]:
        return "same"
    rarely = row["p_adjusted"] <= FALSE_SHARE
    return "changed" if rarely and not row["low"] < 0 < row["high"] else "cannot tell"
