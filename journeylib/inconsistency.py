"""Where one touchpoint goes worse in one channel than in the others: in outcome, and in feeling.

Who comes by one channel differs from who comes by another. What a channel's customers do everywhere
is therefore no inconsistency: only what they do at this touchpoint more than elsewhere. For a table
of how each touchpoint feels in every channel see `consistency`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.comparisons import COLUMNS, Comparison, count_onward, lay_out, stack
from journeylib.consistency import SOURCE as PAIRS
from journeylib.consistency import compare_channels
from journeylib.exposures import EVERYONE
from journeylib.moods import UNMAPPED, place_stages

if TYPE_CHECKING:
    from journeylib.log import Codes

KIND = "inconsistency"
GAPS = (
    "difference between channels at the touchpoint, or less that at other touchpoints, whichever "
    "is smaller; Newcombe (1998)"
)


def find_inconsistencies(
    cells: pd.DataFrame, outcome: str, *, fewest: int, confidence: float = 0.95
) -> pd.DataFrame:
    """Compare every touchpoint in each channel with the same touchpoint in the other channels.

    Args:
        cells: From ``exposures.Exposures.frame``.
        outcome: Of the log's codes.
        fewest: Fewest customers in each of the groups compared.
        confidence: Coverage of the intervals.

    Returns:
        Columns ``comparisons.COLUMNS``. Up to the purchase the share that goes on is compared,
        after it the share with the outcome. Two differences are made: that between the channel and
        the others at this touchpoint, and what is left of it once the same difference at all other
        touchpoints is taken off. The greater of the two is given, so that a row below zero is worse
        in both; its p-value is the greater of both.
    """
    kept = cells[~cells["outcome"].astype(bool) & (cells["stage"] != UNMAPPED)]
    late = kept["timing"] == "post_purchase"
    after = {"met": kept["followed"], "cases": kept["followed"], "hits": kept["followed_good"]}
    parts = [
        _compare(kept[~late], count_onward(kept[~late], outcome), fewest, confidence),
        _compare(kept[late], pd.DataFrame(after)[late], fewest, confidence),
    ]
    return stack(parts)


def _compare(
    cells: pd.DataFrame, counted: pd.DataFrame, fewest: int, confidence: float
) -> pd.DataFrame:
    counts = counted.astype(float)
    names = [cells[name] for name in ("group", "touchpoint", "channel")]
    place = counts.groupby(names[:2]).transform("sum") - counts
    channel = counts.groupby([names[0], names[2]]).transform("sum") - counts
    whole = counts.groupby(names[0]).transform("sum")
    elsewhere = whole - channel - place - counts
    here = Comparison(counts["hits"], counts["cases"], place["hits"], place["cases"])
    usual = Comparison(channel["hits"], channel["cases"], elsewhere["hits"], elsewhere["cases"])
    sizes = np.stack([part["met"].to_numpy(float) for part in (counts, place, channel, elsewhere)])
    enough = here.enough & usual.enough & (sizes.min(axis=0) >= max(fewest, 1))
    if not enough.any():
        return pd.DataFrame(columns=COLUMNS)
    plain, general = here.frame(confidence), usual.frame(confidence)
    rows = _cautious(plain[enough], _excess(plain, general, [here, usual])[enough])
    met = counts["met"][enough].astype(int)
    return lay_out(cells[enough], rows, kind=KIND, customers=met, source=GAPS)


def _excess(plain: pd.DataFrame, general: pd.DataFrame, parts: list[Comparison]) -> pd.DataFrame:
    """Take the usual difference off, with Newcombe's way of adding up intervals."""
    value = plain["value"] - general["value"]
    below = np.hypot(plain["value"] - plain["low"], general["high"] - general["value"])
    above = np.hypot(plain["high"] - plain["value"], general["value"] - general["low"])
    error = np.sqrt(np.sum([_variance(part) for part in parts], axis=0))
    z = np.divide(value, error, out=np.zeros(len(value)), where=error > 0)
    return pd.DataFrame(
        {
            "value": value, "low": value - below, "high": value + above, "n": plain["n"],
            "p_value": 2 * stats.norm.sf(np.abs(z)),
        }
    )  # fmt: skip


def _variance(part: Comparison) -> pd.Series:
    sides = ((part.hits, part.cases), (part.other_hits, part.other_cases))
    shares = [(hits / cases, cases) for hits, cases in sides]
    first, second = (share * (1 - share) / cases for share, cases in shares)
    return first + second


def _cautious(plain: pd.DataFrame, excess: pd.DataFrame) -> pd.DataFrame:
    """Keep of two differences the greater one, and the greater p-value."""
    smaller = excess["value"] >= plain["value"]
    kept = excess.where(smaller, plain)
    return kept.assign(
        p_value=np.maximum(plain["p_value"], excess["p_value"]), n=plain["n"].astype(int)
    )


def find_uneven_moods(
    said: pd.DataFrame, codes: Codes, *, fewest: int, confidence: float, group: str = EVERYONE
) -> pd.DataFrame:
    """Compare how customers speak of one touchpoint between the channels they met it in.

    Args:
        said: From ``moods.centre_tones``.
        codes: Of the log, which say the stage of a touchpoint.
        fewest: Fewest customers who must have spoken of it in a channel.
        confidence: Coverage of the intervals.
        group: Whose answers they are.

    Returns:
        Columns ``comparisons.COLUMNS``, one row for the channel that is spoken of worst where the
        difference is clearest. Customers heard in both channels are compared with themselves.
    """
    voices = said[["touchpoint", "channel"]].assign(customer=said["own"], sentiment=said["tone"])
    found = compare_channels(voices, fewest=fewest, confidence=confidence)
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    heard = said.groupby(["touchpoint", "channel"])["own"].nunique()
    places = list(zip(found["touchpoint"], found["worse"], strict=True))
    stage_of = place_stages(codes)
    table = pd.DataFrame(
        {
            "stage": [stage_of.get(str(name), UNMAPPED) for name in found["touchpoint"]],
            "touchpoint": found["touchpoint"], "channel": found["worse"], "persona": group,
            "kind": KIND, "customers": [int(heard[place]) for place in places],
            "value": -found["value"].astype(float), "low": -found["high"].astype(float),
            "high": -found["low"].astype(float), "n": found["customers"].astype(int),
            "p_value": found["p_adjusted"].astype(float), "unit": "sentiment", "source": PAIRS,
        }
    )  # fmt: skip
    return table.assign(hit=table["customers"] * table["value"].abs() / 2).reindex(columns=COLUMNS)
