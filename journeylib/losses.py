"""Where most customers stay behind: one rule for the sentence, the funnel's title and the map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

NEARLY_ALL = 0.95


@dataclass(frozen=True, slots=True)
class Loss:
    """The move between two stages that loses most customers.

    Attributes:
        stage: Stage after which they stay behind.
        following: The stage after it.
        reached: Customers who reached the first of the two.
        share: Share of them that goes on, 0 to 1.
        low: Lower end of its interval, or NaN.
        high: Upper end.
        is_last: Whether it is the last move of a road of three stages or more. It counts only
            where nearly everyone makes all the others.
    """

    stage: str
    following: str
    reached: float
    share: float
    low: float = math.nan
    high: float = math.nan
    is_last: bool = False


def find_largest_loss(stages: pd.DataFrame, *, min_cell: int = 1) -> Loss | None:
    """Find the move that loses most customers, counted in customers and not in shares.

    The last move, to praise, is rare in every business; it counts only where no other loses any.

    Args:
        stages: One group's rows in journey order: ``stage, reached``, the share that goes on as
            ``value`` or ``to_next``, and, if known, ``low`` and ``high``.
        min_cell: Moves out of a stage that fewer customers reached are left out.

    Returns:
        The loss, or None where no share is known. An unknown count weighs as one customer.
    """
    column = "value" if "value" in stages else "to_next"
    if column not in stages or "reached" not in stages:
        return None
    stages = stages[stages["reached"].fillna(1) > 0]
    if len(stages) < 2:
        return None
    share = stages[column].to_numpy(float, na_value=np.nan)[:-1]
    reached = stages["reached"].to_numpy(float, na_value=np.nan)[:-1]
    share = np.where(np.nan_to_num(reached, nan=min_cell) >= max(min_cell, 1), share, np.nan)
    early = share[:-1]
    if bool((early[np.isfinite(early)] < NEARLY_ALL).any()):
        share = early
    if not np.isfinite(share).any():
        return None
    weight = np.nan_to_num(reached[: len(share)], nan=1.0)
    place = int(np.where(np.isfinite(share), (1 - share) * weight, -1.0).argmax())
    low, high = (float(stages[end].iloc[place]) if end in stages else math.nan
                 for end in ("low", "high"))  # fmt: skip
    return Loss(
        str(stages["stage"].iloc[place]),
        str(stages["stage"].iloc[place + 1]),
        float(reached[place]),
        float(share[place]),
        low,
        high,
        is_last=place == len(stages) - 2 and len(stages) > 2,
    )
