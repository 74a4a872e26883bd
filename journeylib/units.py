"""Units measured again and again: shops, regions, teams. Their panel, and how they were chosen.

Not for effects; see `panels` and `changes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from journeylib.errors import DataError, did_you_mean
from journeylib.periods import leave_cut
from journeylib.phrases import gap_words
from journeylib.plans import FAIL, PASS, WARN, Check, as_time, as_times, need_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from journeylib.plans import Plan


@dataclass(frozen=True, slots=True)
class Panel:
    """Units by times.

    Attributes:
        grid: One row per unit, one column per time, sorted; missing cells are NaN.
        treated: Whether each unit got the change, in the order of the rows.
        start: First time with the change.
        starts: Every first time found in the ``treated`` column; one when nobody was late.
        checks: What was left out while reading, and whether a unit was with both groups.
    """

    grid: pd.DataFrame
    treated: NDArray[np.bool_]
    start: pd.Timestamp
    starts: tuple[pd.Timestamp, ...]
    checks: tuple[Check, ...] = ()

    def flat(self) -> pd.Series:
        """Every measured value, in no particular order."""
        return pd.Series(self.grid.to_numpy(dtype="float64").ravel())

    @property
    def before(self) -> NDArray[np.bool_]:
        """Which columns lie before the start."""
        return np.asarray(pd.DatetimeIndex(self.grid.columns) < self.start)


def read_measurements(data: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Take times and numbers from measurements; counts with a population become rates.

    Args:
        data: ``time, value``, optionally ``unit``, ``treated``, ``population`` and ``cut``.
        plan: What was decided before.

    Returns:
        Columns ``unit, time, value, weight`` and, where given, ``treated``, sorted by unit and
        time; rows without a value, and of a period that is cut, are left out.

    Raises:
        DataError: A column is missing or holds something else.
    """
    need_columns(data, ["time", "value"], name=plan.name)
    column = plan.unit if plan.unit in data else "unit"
    value = pd.to_numeric(data["value"], errors="coerce").astype("float64")
    unread = data.loc[value.isna() & data["value"].notna(), "value"].unique().tolist()
    if unread:
        raise DataError(f'The values of "{plan.name}" must be numbers, found {unread[:5]}.')
    weight = pd.Series(1.0, index=data.index)
    if "population" in data and data["population"].notna().any():
        weight = pd.to_numeric(data["population"]).astype("float64")
        value = value / weight.where(weight > 0)
    rows = pd.DataFrame({"time": as_times(data["time"]), "value": value, "weight": weight})
    rows.insert(0, "unit", data[column].astype("str") if column in data else "all")
    if "treated" in data:
        rows["treated"] = data["treated"].fillna(0).astype("bool")
    if "cut" in data:
        rows = rows[~data["cut"].fillna(value=False).astype("bool").to_numpy()]
    return rows.dropna(subset=["value"]).sort_values(["unit", "time"]).reset_index(drop=True)


def read_panel(data: pd.DataFrame, plan: Plan) -> Panel:
    """Lay measurements out as units by times.

    Args:
        data: The unit's column (`Plan.unit`, else ``unit``), ``time, value`` and, where the plan
            names no treated units, ``treated``; several rows of one unit and time are averaged.
        plan: What was decided before.

    Returns:
        The panel.

    Raises:
        DataError: A column or a treated unit is missing, there is no start, or more than half of
            the cells are empty because the times are no periods yet.
    """
    need_columns(data, [plan.unit if plan.unit in data else "unit"], name=plan.name)
    rows, left = leave_cut(read_measurements(data, plan), data, plan)
    names, starts = _treated(rows, plan)
    if len(starts):
        rows, more = _leave_always(rows, names)
        left += more
    values = rows.pivot_table(index="unit", columns="time", values="value", aggfunc="mean")
    if values.isna().to_numpy().mean() > 0.5:
        raise DataError(
            f'The units of "{plan.name}" share too few times: {len(values)} units, '
            f"{values.shape[1]} times, {len(rows)} rows.",
            ["sum the measurements up by month or week first: period_means"],
        )
    if plan.start is not None or not starts:
        start = as_time(plan.start, name=plan.name)
    else:
        start = starts[0]
    checks = [*left, *_switch_checks(rows, names)]
    return Panel(values, np.asarray(values.index.isin(names)), start, starts, tuple(checks))


def expected_regression(within: float, between: float, share: float) -> float:
    """How far the worst units drift back to the mean by themselves.

    Args:
        within: Variance of a unit's measured level around its own mean.
        between: Variance of the units' own means.
        share: Share of the units that was selected, between 0 and 1.

    Returns:
        Expected drift in the unit of the measure, at least 0.

    References:
        Barnett, van der Pols & Dobson (2005), Int. J. Epidemiology 34:215-220.

    Example:
        >>> round(expected_regression(64, 25, 0.2), 2)
        9.5
    """
    if within + between == 0:
        return 0.0
    cut = stats.norm.ppf(share)
    return float(within / math.sqrt(within + between) * stats.norm.pdf(cut) / share)


def check_selection(panel: Panel, plan: Plan, *, compared: bool) -> list[Check]:
    """Print how much the worst units would have improved by themselves.

    Args:
        panel: Treated units and, for the figure, the others.
        plan: What was decided before.
        compared: Whether untreated units are the comparison; a group as bad as the treated one
            then turns the failure into a warning.

    Returns:
        Check ``regression_to_mean`` when the plan says that the worst were chosen, else nothing.
    """
    if plan.chosen != "worst":
        return []
    earlier = panel.grid.loc[:, panel.before]
    drift = _drift(earlier, panel.treated)
    figure = "which cannot be sized without the earlier values of the units not chosen"
    if not math.isnan(drift):
        size = gap_words(drift, plan.units.get(plan.metric, ""))
        figure = f"by about {size} with no change at all"
    message = f"The worst units were chosen, and those drift back to the mean anyway, {figure}."
    level = earlier.mean(axis=1).to_numpy()
    apart = level[panel.treated].mean() - level[~panel.treated].mean() if compared else math.inf
    spread = float(level.std()) or 1.0
    if abs(apart) <= 0.5 * spread:
        message += " The units without the change were as bad, so they drift alike."
        return [Check("regression_to_mean", WARN, drift, message)]
    message += " Units as bad without the change would tell: difference_in_differences."
    return [Check("regression_to_mean", FAIL, drift, message)]


def expected_drift(panel: Panel) -> float:
    """How far treated units drift to the mean of all by themselves, however they were picked.

    Args:
        panel: Treated units and the others.

    Returns:
        Expected change in the unit of the measure; NaN without others or with one earlier time.

    References:
        Barnett, van der Pols & Dobson (2005), Int. J. Epidemiology 34:215-220, equation 2.
    """
    earlier = panel.grid.loc[:, panel.before]
    within, total = _spreads(earlier, panel.treated)
    if math.isnan(total) or not panel.treated.any():
        return math.nan
    level = earlier.mean(axis=1)
    unreliable = min(1.0, within / total) if total > 0 else 0.0
    return unreliable * float(level.mean() - level[panel.treated].mean())


def _spreads(earlier: pd.DataFrame, treated: NDArray[np.bool_]) -> tuple[float, float]:
    """Variance of a level around its unit's own mean, and of all levels; NaN where unknown."""
    counts = earlier.notna().sum(axis=1)
    if treated.all() or counts.max() < 2 or len(earlier) < 4:
        return math.nan, math.nan
    within = float(earlier.var(axis=1).mean()) / float(counts.mean())
    return within, float(earlier.mean(axis=1).var())


def _drift(earlier: pd.DataFrame, treated: NDArray[np.bool_]) -> float:
    within, total = _spreads(earlier, treated)
    if math.isnan(total):
        return math.nan
    return expected_regression(within, max(0.0, total - within), float(treated.mean()))


def _treated(rows: pd.DataFrame, plan: Plan) -> tuple[Sequence[str], tuple[pd.Timestamp, ...]]:
    units = rows["unit"].unique().tolist()
    if plan.treated:
        names = [str(name) for name in plan.treated]
        wrong = [name for name in names if name not in units]
        if wrong:
            raise DataError(
                f'"{plan.name}" treats units that were not measured.',
                [f'no unit "{name}". {did_you_mean(name, units)}'.strip() for name in wrong],
            )
        return names, ()
    if "treated" not in rows or not rows["treated"].any():
        raise DataError(
            f'"{plan.name}" does not say which units got the change.',
            ["write treated: [unit, …], or give the measurements a column treated"],
        )
    flagged = rows[rows["treated"]].groupby("unit")["time"].min()
    began = rows.groupby("unit")["time"].min()
    late = flagged[flagged > began.reindex(flagged.index)]
    # Where some units switch on, those that were on all along have no time before: _leave_always.
    flagged = late if len(late) else flagged
    return flagged.index.tolist(), tuple(sorted(late.unique().tolist()))


def _leave_always(rows: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, list[Check]]:
    """Leave out units that had the change from their first time on, where others got it later."""
    on = set(rows.loc[rows["treated"], "unit"])
    always = sorted(on - set(names))
    if not always:
        return rows, []
    message = f"{len(always)} unit(s) had the change all along and are left out: "
    message += f"{', '.join(always[:5])}."
    return rows[~rows["unit"].isin(always)], [
        Check("always_treated", WARN, float(len(always)), message)
    ]


def _switch_checks(rows: pd.DataFrame, names: Sequence[str]) -> list[Check]:
    """Ask whether a unit was with and without the change in another order than the plan has."""
    if "treated" not in rows:
        return []
    off_again = [
        str(unit)
        for unit, flags in rows.groupby("unit")["treated"]
        if bool((flags.astype("int8").diff() < 0).any())
    ]
    on = rows.loc[rows["treated"], "unit"].unique().tolist()
    others = sorted(set(on) - {str(name) for name in names})
    wrong = sorted({*off_again, *others})
    if not wrong:
        message = "No unit was with both groups."
        return [Check("contamination", PASS, 0.0, message)]
    message = (
        f"{', '.join(wrong[:5])} had the change for a while, or all along, and serve neither group "
        "cleanly: leave them out of the measurements, or correct the column treated."
    )
    return [Check("contamination", FAIL, float(len(wrong)), message)]
