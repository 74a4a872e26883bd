"""How customers speak of a touchpoint beside how they speak of others asked about alike.

One customer counts once a side, however much they say. For the tone of each touchpoint as such see
`emotion`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.comparisons import COLUMNS
from journeylib.exposures import EVERYONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeylib.log import Codes

UNMAPPED = "unmapped"
WELCH = "Welch (1947) interval of a difference of means"


def compare_moods(
    said: pd.DataFrame, codes: Codes, *, fewest: int, confidence: float, group: str = EVERYONE
) -> pd.DataFrame:
    """Compare the mean tone at each touchpoint with that of the others asked about alike.

    Args:
        said: From ``centre_tones``.
        codes: Of the log, which say the stage of a touchpoint.
        fewest: Fewest customers who must have spoken of it, and of the others.
        confidence: Coverage of the intervals.
        group: Whose answers they are.

    Returns:
        Columns ``comparisons.COLUMNS``, kind ``sentiment``.
    """
    stage_of = place_stages(codes)
    rows = []
    for (touchpoint, channel), here in said.groupby(["touchpoint", "channel"], sort=True):
        alike = said["asked"].isin(here["asked"].unique())
        found = _tone_difference(here, said[alike], fewest, confidence)
        if found is not None:
            place = (stage_of.get(str(touchpoint), UNMAPPED), touchpoint, channel)
            rows.append((*place, *found))
    names = ["stage", "touchpoint", "channel", "customers", "value", "low", "high", "n", "p_value"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(kind="sentiment", persona=group, unit="sentiment", source=WELCH)
    return table.assign(hit=table["customers"] * table["value"].abs() / 2).reindex(columns=COLUMNS)


def place_stages(codes: Codes) -> dict[str, str]:
    """Give the stage of each touchpoint of a log."""
    stages = [*codes.stages, UNMAPPED]
    return {
        name: stages[stage] for name, stage in zip(codes.touchpoints, codes.stage_of, strict=True)
    }


def centre_tones(voices: pd.DataFrame) -> pd.DataFrame:
    """Number who spoke and how they were asked, and centre the tone on what was asked alike.

    Stars at the door and the willingness to recommend have different means whatever happened, so
    only answers from one source are compared. Sources that rate a single place are taken as one.
    """
    columns = ["customer", "touchpoint", "channel", "source", "sentiment"]
    said = voices.reindex(columns=columns).dropna(subset=["touchpoint", "sentiment"])
    said = said.reset_index(drop=True)
    channel, source = said["channel"].fillna("").astype("str"), said["source"].fillna("")
    known = said["customer"].astype("Int64")
    own = known.fillna(pd.Series(-1 - np.arange(len(said)), dtype="Int64"))
    place = said["touchpoint"].astype("str") + "\n" + channel
    alone = place.groupby(source).transform("nunique") == 1 if len(said) else place.eq("")
    asked = pd.factorize(source.astype("str").where(~alone, ""))[0]
    said = said.assign(channel=channel, own=pd.factorize(own)[0], asked=asked)
    said["tone"] = said["sentiment"].astype(float)
    said["tone"] -= said.groupby("asked")["tone"].transform("mean")
    return said


def _tone_difference(
    here: pd.DataFrame, alike: pd.DataFrame, fewest: int, confidence: float
) -> tuple[int, float, float, float, int, float] | None:
    """Welch's interval on customers' own means, or nothing where too few have spoken."""
    size = int(alike["own"].max()) + 1
    sums, counts = _by_customer(alike, size)
    own_sums, own_counts = _by_customer(here, size)
    one = own_sums[own_counts > 0] / own_counts[own_counts > 0]
    left = counts - own_counts
    two = (sums - own_sums)[left > 0] / left[left > 0]
    if min(len(one), len(two)) < max(fewest, 2):
        return None
    n, difference = len(one) + len(two), float(one.mean() - two.mean())
    parts = one.var(ddof=1) / len(one), two.var(ddof=1) / len(two)
    error = float(np.sqrt(sum(parts)))
    if error < 1e-12:
        return len(one), difference, difference, difference, n, 1.0
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(two) - 1))
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * error
    p_value = float(2 * stats.t.sf(abs(difference) / error, degrees))
    return len(one), difference, difference - half, difference + half, n, p_value


def _by_customer(said: pd.DataFrame, size: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    own = said["own"].to_numpy()
    sums = np.bincount(own, weights=said["tone"].to_numpy(), minlength=size)
    return sums.astype(np.float64), np.bincount(own, minlength=size)
