"""Ratio metrics of a test: revenue per order, clicks per visit, from two columns per unit.

Not for shares of units or means; see `arms`. The unit that was assigned is the customer, so a
customer with many orders is one draw and not many.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from journeylib.arms import Arm
from journeylib.errors import DataError
from journeylib.scores import Mean

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_ratio_arm(name: str, numerator: pd.Series, denominator: pd.Series) -> Arm:
    """Sum up a ratio of totals in one arm, with its delta-method error.

    Args:
        name: Name of the arm.
        numerator: Amount of each unit, such as its revenue.
        denominator: Base of each unit, such as its orders, at least 0. Units that lack either
            are dropped; units with a base of 0 count, for they were assigned too.

    Returns:
        The ratio of both totals, its standard error (NaN below two units) and the units; ready
        for `arms.contrast_arms`. Without any base the ratio is NaN.

    Raises:
        DataError: A value is no number, or a base lies below 0.

    References:
        Deng, Knoblich & Lu (2018), KDD, "Applying the delta method in metric analytics".

    Example:
        >>> arm = read_ratio_arm("a", pd.Series([10.0, 30.0]), pd.Series([1, 3]))
        >>> arm.mean.value, arm.mean.error, arm.mean.n
        (10.0, 0.0, 2)
    """
    known = _numbers(name, numerator, denominator)
    n, base = len(known), math.fsum(known["base"])
    if not base > 0:
        return Arm(name, Mean(math.nan, math.nan, n))
    ratio = math.fsum(known["amount"]) / base
    if n < 2:
        return Arm(name, Mean(ratio, math.nan, n))
    # The parts sum to 0, so their mean square is their variance.
    parts = known["amount"] - ratio * known["base"]
    variance = math.fsum(parts.to_numpy() ** 2) / (n - 1)
    return Arm(name, Mean(ratio, math.sqrt(n * variance) / base, n))


def linearise_ratio(
    numerator: pd.Series, denominator: pd.Series, *, control: Sequence[bool] | pd.Series
) -> pd.Series:
    """Turn a ratio into one number per unit, so that means, CUPED and strata apply to it.

    Args:
        numerator: Amount of each unit.
        denominator: Base of each unit, at least 0.
        control: Whether each unit belongs to the control arm, in the order of the rows.

    Returns:
        The control's ratio plus each unit's excess over it, per mean base of the control, in the
        ratio's unit: its mean in the control is the ratio, and the sign of a difference of means
        is that of the ratios wherever a base exists. Missing where either column is.

    Raises:
        DataError: A value is no number, a base lies below 0, or the control has no base.

    References:
        Budylin, Drutsa, Katsev & Tsoy (2018), WSDM, "Consistent transformation of ratio metrics
        for efficient online controlled experiments".

    Example:
        >>> linearise_ratio(pd.Series([2.0, 6.0]), pd.Series([1, 2]), control=[True, False])
        0    2.0
        1    4.0
        dtype: float64
    """
    known = _numbers("control", numerator, denominator)
    theirs = known[pd.Series(list(control), index=numerator.index).loc[known.index]]
    base = math.fsum(theirs["base"])
    if not base > 0:
        raise DataError(
            "The control arm has no base to divide by.",
            ["check the denominator's column: its total in the control arm is 0"],
        )
    ratio = math.fsum(theirs["amount"]) / base
    linear = ratio + (known["amount"] - ratio * known["base"]) * len(theirs) / base
    return linear.reindex(numerator.index)


def _numbers(name: str, numerator: pd.Series, denominator: pd.Series) -> pd.DataFrame:
    columns = {"amount": numerator, "base": denominator}
    read = {word: pd.to_numeric(column, errors="coerce") for word, column in columns.items()}
    for word, column in columns.items():
        unread = column[read[word].isna() & column.notna()].unique().tolist()
        if unread:
            raise DataError(f'The {word} of "{name}" must be numbers, found {unread[:5]}.')
    known = pd.DataFrame(read).astype("float64").dropna()
    below = known.loc[known["base"] < 0, "base"].unique().tolist()
    if below:
        raise DataError(f'The base of "{name}" must be 0 or more, found {below[:5]}.')
    return known
