"""What was found about what customers do next: the rule of leaving, the tests, and the table.

Frames and words that travel together. Not for finding anything; see `predict` and `continuations`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from journeylib.continuations import Onward
    from journeylib.estimates import Refusal
    from journeylib.predict import Foretold

SNAPSHOT = "snapshot"
# What those who left have done, by the kind of leaving.
LEFT = {"orders": "did not come back", "contract": "left", SNAPSHOT: "have left"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What leaving means for a client, and when it was tested.

    Attributes:
        kind: ``orders``, ``contract``, ``snapshot``, or empty.
        days: Days ahead that are foretold; 0 for a snapshot.
        inactive_days: Days without an order after which a customer counts as gone; 0 by contract.
        lookback_days: Days of what is known.
        windows: Windows to learn from.
        tested_from: First day of the window that is tested on, or empty.
        refused: Attributes that were left out, with the reason of each.
        flagged: Attributes that leaving itself changes, and that are looked at all the same.
    """

    kind: str = ""
    days: int = 0
    inactive_days: float = 0.0
    lookback_days: int = 0
    windows: int = 0
    tested_from: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    flagged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Predicted:
    """What customers do next, and how well that can be told.

    Attributes:
        predictions: The result table ``predictions``: one row per customer who is still there,
            the most at risk first.
        rule: What leaving means here.
        leaving: How well leaving can be foretold; None where it cannot.
        leaving_refused: Why it cannot.
        onward: How well the next touchpoint can be foretold; None where it cannot.
        onward_refused: Why it cannot.
        models: Measures of each model: ``model, measure, value, low, high, n, unit, source``.
        gains: Gains of one model over another.
        calibration: Groups by risk: ``tenths, predicted, value, low, high, n, unit, source``.
        lifts: Leavers among the customers most at risk.
        spread: Customers by the chance that was told.
        next_touchpoints: Measures of each order.
    """

    predictions: pd.DataFrame
    rule: Rule
    leaving: Foretold | None = None
    leaving_refused: Refusal | None = None
    onward: Onward | None = None
    onward_refused: Refusal | None = None
    models: pd.DataFrame = field(default_factory=pd.DataFrame)
    gains: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame)
    lifts: pd.DataFrame = field(default_factory=pd.DataFrame)
    spread: pd.DataFrame = field(default_factory=pd.DataFrame)
    next_touchpoints: pd.DataFrame = field(default_factory=pd.DataFrame)
