"""What was known of each customer before a moment: the features that foretell what they do next.

Every feature comes from events before the cut, or from the customers table; what a customer does
later changes none of them. Attributes that leaving itself makes are refused. Not for the features
of personas; see `features`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from journeylib.engine import summarise
from journeylib.features import NO_FEATURES, Known, describe_features
from journeylib.habits import clip_log
from journeylib.journeys import describe_customers
from journeylib.log import DAY, first_of
from journeylib.scaling import base_name
from journeylib.summaries import summarise_touches
from journeylib.windows import ORDERS, Windows, moments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeylib.log import Codes, Floats, Log, Part

MOST_TOUCHPOINTS, FEWEST_MET, RECENT, SHRINK = 40, 30, 4, 3.0
PLAIN = ("recency", "frequency", "money")
# Words in the name of an attribute that is written when a customer leaves.
_LEAVING = re.compile(
    r"\b(churn\w*|cancel\w*|left|leav\w*|exit\w*|reasons?|terminat\w*|closed|closure|win ?back|"
    r"ended|end date|lapsed|inactive|active|lost|unsubscri\w*)\b"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z0-9]+")
TELLS, MOST_OF, TOO_WELL, FEWEST_TOLD = 0.95, 0.5, 0.98, 30


@dataclass(frozen=True, slots=True)
class Attributes:
    """Attributes of the customers table that may serve, and those that may not.

    Attributes:
        table: Numbers and levels (0 or 1), indexed by customer; may be empty.
        signup: Microseconds of signup by customer; may be empty.
        refused: Name and reason of each attribute that is left out.
    """

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    signup: pd.Series = field(default_factory=lambda: pd.Series(dtype="int64"))
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """One row per customer: events by touchpoint and stage, late ones, and words of feeling."""

    rows: pd.DataFrame

    def __add__(self, other: Marks) -> Marks:
        return Marks(pd.concat([self.rows, other.rows], ignore_index=True))


def summarise_marks(part: Part, *, touchpoints: tuple[int, ...], late: int) -> Marks:
    """Count each customer's events by touchpoint and by stage.

    Args:
        part: A partition.
        touchpoints: Codes of the touchpoints to count one by one.
        late: Microsecond from which events count as recent.
    """
    log = part.load()
    group = np.cumsum(first_of(log.customer)) - 1
    starts = np.flatnonzero(first_of(log.customer))
    size, told = len(starts), ~np.isnan(log.sentiment)
    columns = {
        "customer": log.customer[starts],
        "recent": np.bincount(group[log.time >= late], minlength=size),
        "told": np.bincount(group[told], minlength=size),
        "felt": np.bincount(group[told], weights=log.sentiment[told], minlength=size),
    }
    for code in touchpoints:
        name = f"touchpoint:{log.codes.touchpoints[code]}"
        columns[name] = np.bincount(group[log.touchpoint == code], minlength=size)
    for code, stage in enumerate(log.codes.stages):
        columns[f"stage:{stage}"] = np.bincount(group[log.stage == code], minlength=size)
    return Marks(pd.DataFrame(columns))


def choose_touchpoints(log: Log, windows: Windows, *, aside: Sequence[str] = ()) -> tuple[int, ...]:
    """Choose the touchpoints that are counted one by one, before the first cut.

    Args:
        log: The event log.
        windows: From ``windows.lay_windows``.
        aside: Touchpoints that are the outcome, and no cause of it.

    Returns:
        Codes, at most 40: those that most customers met, 30 at least.
    """
    early = clip_log(log, start=windows.start, end=windows.cuts[0])
    touches = summarise(summarise_touches, early.readable)
    if touches is None or not log.codes.touchpoints:
        return ()
    met = touches.frame().groupby("touchpoint")["customers"].sum()
    ending = {log.codes.touchpoints[code] for code in log.codes.bad}
    met = met[(met >= FEWEST_MET) & ~met.index.isin([*aside, *ending])]
    names = met.sort_values(ascending=False, kind="stable").index[:MOST_TOUCHPOINTS]
    places = {name: code for code, name in enumerate(log.codes.touchpoints)}
    return tuple(sorted(places[str(name)] for name in names))


def describe_before(
    log: Log,
    windows: Windows,
    cut: int,
    people: pd.Index,
    *,
    touchpoints: tuple[int, ...],
    attributes: Attributes,
) -> pd.DataFrame:
    """Describe customers by what was known of them at a moment.

    Args:
        log: The event log.
        windows: Says how far is looked back.
        cut: The moment; nothing from then on is looked at.
        people: From ``windows.who_is_there``.
        touchpoints: From `choose_touchpoints`.
        attributes: From `screen_attributes`.

    Returns:
        Indexed by customer, no missing value. ``recency`` (days since the last order, or since the
        last event where leaving has a date), ``frequency`` (orders, or events without them) and
        ``money`` (mean order) come first; amounts and counts are logged.
    """
    start = cut - windows.lookback
    inner = clip_log(log, start=start, end=cut)
    late = cut - windows.lookback // RECENT
    marks = summarise(
        functools.partial(summarise_marks, touchpoints=touchpoints, late=late), inner.readable
    )
    seen = describe_customers(inner).set_index("customer").reindex(people)
    counts = pd.DataFrame() if marks is None else marks.rows.set_index("customer").reindex(people)
    table = _behaviour(seen, windows, cut, attributes.signup.reindex(people))
    table = table.join(_counts(seen, counts, log.codes))
    if len(attributes.table):
        told = attributes.table.reindex(people)
        told = told.fillna(attributes.table.median())
        table = table.join(told.rename(columns={n: f"{n} (told)" for n in told if n in table}))
    return table.fillna(0.0).astype(float)


def _behaviour(seen: pd.DataFrame, windows: Windows, cut: int, signup: pd.Series) -> pd.DataFrame:
    start = cut - windows.lookback
    orders = seen["orders"].fillna(0)
    bought = bool((orders > 0).any())
    last = seen["last"].fillna(start)
    ordered = seen["last_order"].where(seen["last_order"] >= 0).fillna(start)
    first = seen["first"].fillna(start)
    since = signup.where(signup < cut, first).fillna(first) if len(signup) else first
    known = np.maximum((cut - first) / DAY, 1.0)
    quiet = (cut - (ordered if windows.kind == ORDERS else last)) / DAY
    frequency = orders if bought else seen["events"].fillna(0)
    money = (seen["spent"].fillna(0) / orders.clip(lower=1)).clip(lower=0)
    table = {
        "recency": np.log1p(quiet),
        "frequency": np.log1p(frequency),
        "money": np.log1p(money),
        "tenure": (cut - since) / DAY,
        "silence": np.log1p((cut - last) / DAY),
        # Orders that would have come by now at the customer's own pace.
        "overdue": np.log1p(frequency * quiet / known),
        "events": np.log1p(seen["events"].fillna(0)),
        "breadth": seen["touchpoints"].fillna(0),
    }
    return pd.DataFrame(table, index=seen.index)


def _counts(seen: pd.DataFrame, counts: pd.DataFrame, codes: Codes) -> pd.DataFrame:
    named = [f"channel:{name}" for name in codes.channels if name]
    told = counts["told"].fillna(0)
    felt = counts["felt"].fillna(0)
    mean = float(felt.sum() / max(told.sum(), 1))
    table = {
        "recent": np.log1p(counts["recent"].fillna(0)),
        "told": np.log1p(told),
        "tone": (felt + SHRINK * mean) / (told + SHRINK),
    }
    plain = counts.drop(columns=["recent", "told", "felt"])
    table |= {str(name): np.log1p(plain[name].fillna(0)) for name in plain}
    table |= {name: np.log1p(seen[name].fillna(0)) for name in named if name in seen}
    return pd.DataFrame(table, index=seen.index)


# ---------------------------------------------------------------- the customers table


def read_attributes(attributes: pd.DataFrame) -> Attributes:
    """Take the attributes of the customers table, without those whose name speaks of leaving.

    Args:
        attributes: One row per customer with ``customer``; may be empty.

    Returns:
        Levels as 0 or 1 and numbers, a missing number as the median.
    """
    if "customer" not in attributes:
        return Attributes()
    names = [str(name) for name in attributes.columns.drop(NO_FEATURES, errors="ignore")]
    spoken = [name for name in names if _LEAVING.search(_words(name))]
    nobody = pd.DataFrame()
    known = Known(nobody, attributes.drop(columns=spoken), 0, nobody)
    table = describe_features(known)
    refused = tuple((name, "its name says that it is written when customers leave")
                    for name in spoken)  # fmt: skip
    return Attributes(table, _signup(attributes), refused)


def _words(name: str) -> str:
    return " ".join(_CAMEL.sub(" ", name).lower().split())


def _signup(attributes: pd.DataFrame) -> pd.Series:
    if "signup" not in attributes:
        return pd.Series(dtype="int64")
    return moments_of(attributes.set_index("customer")["signup"])


def screen_attributes(attributes: Attributes, left: pd.Series) -> Attributes:
    """Leave out attributes that tell who left too well to have been known before.

    Args:
        attributes: From `read_attributes`.
        left: 1 or 0 by customer, of the windows to learn from.

    Returns:
        Without those of which one level holds half or more of the leavers and hardly a stayer (5 %
        at most), or whose numbers part both nearly without fail (area of 0.98 or more).
    """
    own = attributes.table.reindex(left.index.unique())
    gone = left.groupby(level=0).max().reindex(own.index).to_numpy(float)
    told: dict[str, str] = {}
    for name in own:
        if tells_too_well(own[name].to_numpy(float), gone):
            told[base_name(str(name))] = "it tells who left too well to have been known before"
    kept = [name for name in own if base_name(str(name)) not in told]
    return Attributes(attributes.table[kept], attributes.signup,
                      (*attributes.refused, *told.items()))  # fmt: skip


def tells_too_well(values: Floats, left: Floats) -> bool:
    """Tell whether one column gives away who left.

    Args:
        values: Numbers, or 0 and 1 for a level.
        left: 1 for who left, 0 for who stayed.
    """
    known = ~np.isnan(values)
    values, left = values[known], left[known]
    gone = left.sum()
    if min(gone, len(left) - gone) < FEWEST_TOLD:
        return False
    if set(np.unique(values)) <= {0.0, 1.0}:
        return any(
            left[values == level].sum() >= MOST_OF * gone and left[values == level].mean() >= TELLS
            for level in np.unique(values)
        )
    ranks = rankdata(values)
    area = (ranks[left > 0].sum() - gone * (gone + 1) / 2) / (gone * (len(left) - gone))
    return bool(max(area, 1 - area) >= TOO_WELL)


def name_feature(name: str) -> str:
    """Write a feature as a reader says it.

    Example:
        >>> name_feature("touchpoint:card_payment_failed")
        '“card payment failed” met'
    """
    kind, _, rest = str(name).partition(":")
    rest = rest.replace("_", " ")
    texts = {"touchpoint": f"“{rest}” met", "stage": f"contacts in {rest}",
             "channel": f"contacts by {rest}"}  # fmt: skip
    return texts.get(kind, name.replace("_", " ").replace("=", ": "))
