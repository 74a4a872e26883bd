"""Charts of loyalty and worth: segments, worth of a customer, hold-out tests, renewals.

A frame in, Axes out; every title is the finding, computed from the frame that is drawn. Not for
estimating anything. Cohorts and stays are drawn in `stay_charts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from journeylib import chart_parts as parts
from journeylib import labels, theme
from journeylib.arrivals import CHANNEL, EVERYONE, JOINED, PERSONA

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What tells loyalty best, first.
LOYALTY = ("retention_rate", "repeat_purchase_rate", "conversion_rate", "average_order_value")
KINDS = {CHANNEL: "the channel they came by", JOINED: "the month in which they came",
         PERSONA: "persona"}  # fmt: skip
WORTH = "clv"
ALL = "All customers"


def choose_loyalty(metrics: pd.DataFrame, by: str) -> str:
    """Choose the metric that tells loyalty best among those known of two segments or more.

    Args:
        metrics: The result table ``metrics``.
        by: ``channel``, ``joined`` or ``persona``.

    Returns:
        Its name; empty where there is none.
    """
    if metrics.empty or "by" not in metrics:
        return ""
    known = metrics[(metrics["by"] == by) & metrics["value"].notna()]
    counts = known.groupby("metric")["segment"].nunique()
    return next((name for name in LOYALTY if counts.get(name, 0) > 1), "")


def plot_loyalty(
    metrics: pd.DataFrame, *, by: str = CHANNEL, ax: Axes | None = None
) -> Axes | None:
    """Draw how loyal the customers of each segment are, with all customers beside them.

    Args:
        metrics: The result table ``metrics`` with ``by``.
        by: ``channel``, ``joined`` (month) or ``persona``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where fewer than two segments are known.
    """
    metric = choose_loyalty(metrics, by)
    if not metric:
        return None
    rows = metrics[(metrics["by"] == by) & (metrics["metric"] == metric)].dropna(subset=["value"])
    rows = rows.sort_values("segment" if by == JOINED else "value", kind="stable",
                            ascending=by == JOINED)  # fmt: skip
    rows = rows.tail(parts.MOST_ROWS) if by == JOINED else rows
    whole = metrics[(metrics["segment"] == EVERYONE) & (metrics["metric"] == metric)]
    # By month another rule is used, which gives all months the same time.
    base = float(whole["value"].iloc[0]) if len(whole) and by != JOINED else np.nan
    unit = str(rows["unit"].iloc[0])
    named = rows.assign(label=[_short(name) for name in rows["segment"]])
    what = _rule(rows) if by == JOINED else labels.metric_name(metric)
    ax = parts.interval_rows(named, unit=unit, ax=ax, what=what)
    if np.isfinite(base):
        ax.axvline(base, color=theme.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        ax.set_xlabel(f"{ax.get_xlabel()}\nDashed: all customers, {_told(base, unit)}")
    parts.set_finding(ax, _range_title(rows, f"{what}, by {KINDS[by]}", unit, base))
    return ax


def _short(name: object) -> str:
    return labels.clean_label(name).removeprefix("joined ")


def _rule(rows: pd.DataFrame) -> str:
    """Take the rule of the count from the source, such as ``bought again within 150 days``."""
    text = str(rows["source"].iloc[0]).split(" / ")[0].split(";")[0]
    return (
        labels.sentence_case(text) if "days" in text else labels.metric_name(rows["metric"].iloc[0])
    )


def _told(value: float, unit: str) -> str:
    text = labels.share_text(value) if unit == "share" else labels.value_text(value, unit)
    return labels.plot_label(text, 40)


def _range_title(rows: pd.DataFrame, what: str, unit: str, base: float) -> str:
    ordered = rows.sort_values("value", kind="stable")
    ends: list[Any] = [ordered.iloc[place] for place in (0, -1)]
    told = " to ".join(f"{_told(row['value'], unit)} in {_short(row['segment'])}" for row in ends)
    if np.isfinite(base) and bool(((rows["low"] <= base) & (rows["high"] >= base)).all()):
        return f"{what}: no group clearly differs from all customers ({told})"
    return f"{what}: from {told}"


# ---------------------------------------------------------------- worth


def plot_worth(metrics: pd.DataFrame, *, by: str = "", ax: Axes | None = None) -> Axes | None:
    """Draw what a customer is worth, for all and for each segment.

    Args:
        metrics: The result table ``metrics`` with ``by``.
        by: ``persona``, ``channel`` or ``joined``; by default the first of them that is known.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where worth is not known.
    """
    if metrics.empty or "by" not in metrics:
        return None
    rows = metrics[metrics["metric"] == WORTH].dropna(subset=["value"])
    if rows.empty:
        return None
    by = by or next((kind for kind in (PERSONA, CHANNEL, JOINED) if (rows["by"] == kind).any()), "")
    own = rows[rows["by"] == by].sort_values("value", ascending=False, kind="stable")
    own = own.sort_values("segment", kind="stable") if by == JOINED else own
    whole = rows[rows["segment"] == EVERYONE]
    shown = pd.concat([whole, own], ignore_index=True)
    names = [ALL if name == EVERYONE else _short(name) for name in shown["segment"]]
    unit = str(shown["unit"].iloc[0])
    hues = [theme.MUTED if name == EVERYONE else parts.accent() for name in shown["segment"]]
    ax = parts.interval_rows(shown.assign(label=names), unit=unit, colours=hues, ax=ax,
                             what=_worth_axis(shown))  # fmt: skip
    if own["n"].sum() < whole["n"].sum() and len(own):
        ax.set_xlabel(f"{ax.get_xlabel()}\nCustomers of no group count among all customers alone")
    parts.set_finding(ax, _worth_title(whole, own, unit, by))
    return ax


def _worth_axis(rows: pd.DataFrame) -> str:
    seen = str(rows["source"].iloc[0]).startswith("since the first purchase")
    return "Brought since the first purchase" if seen else "Worth of a customer"


def _worth_title(whole: pd.DataFrame, own: pd.DataFrame, unit: str, by: str) -> str:
    first = whole.iloc[0] if len(whole) else own.iloc[0]
    told = labels.plot_label(
        labels.estimate_text(first["value"], first["low"], first["high"], unit), 60
    )
    text = f"A customer is worth {told} on average ({parts.n_text(first['n'])})"
    if len(own) < 2 or by == JOINED:
        return text
    top, last = own.iloc[0], own.iloc[-1]
    return (
        f"{text}: most in {parts.words(top['segment'], 40)}, {_told(top['value'], unit)}, "
        f"least in {parts.words(last['segment'], 40)}, {_told(last['value'], unit)}"
    )


# ---------------------------------------------------------------- hold-out tests


def plot_holdout(held: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw what was forecast beside what came, and what the plain rule would have said.

    Args:
        held: From ``holdouts.backtest_purchases`` or ``holdouts.backtest_renewals``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None without a test.
    """
    if held.empty:
        return None
    return _plot_held_months(held, ax) if "period" in held else _plot_held_purchases(held, ax)


def _plot_held_purchases(held: pd.DataFrame, ax: Axes | None) -> Axes | None:
    rows = held[held["group"] != EVERYONE].dropna(subset=["value"])
    whole = held[held["group"] == EVERYONE].iloc[0]
    if len(rows) < 2:
        return None
    ax = parts.new_axes(ax, width=8.4, height=4.4)
    at = np.arange(len(rows), dtype=float)
    ax.vlines(at, rows["low"], rows["high"], color=parts.accent(), linewidth=6, alpha=0.32)
    ax.plot(at, rows["value"], color=parts.accent(), marker="o", label="Forecast, with interval")
    ax.plot(at, rows["observed"], color=theme.INK, marker="D", linestyle="", label="What came")
    ax.plot(at, rows["plain_rule"], color=theme.OTHER, marker="s", linestyle=(0, (4, 3)),
            label="Plain rule: everybody goes on as before")  # fmt: skip
    names = [
        f"{group}\n{parts.n_text(n)}" for group, n in zip(rows["group"], rows["n"], strict=True)
    ]
    ax.set_xticks(at, names)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, loc="upper left", fontsize=9.5)
    ax.set(xlabel="Purchases after the first before the day of the forecast",
           ylabel="Purchases a customer after it")  # fmt: skip
    ax.grid(axis="y")
    parts.set_finding(ax, _held_title(whole))
    return ax


def _held_title(whole: pd.Series) -> str:
    value, observed = float(whole["value"]), float(whole["observed"])
    held = "inside" if bool(whole["covered"]) else "outside"
    return (
        f"{value:.2f} purchases a customer were forecast ({whole['low']:.2f} to "
        f"{whole['high']:.2f}), {observed:.2f} came: {held} the interval"
        f" ({parts.n_text(whole['n'])})"
    )


def _plot_held_months(held: pd.DataFrame, ax: Axes | None) -> Axes:
    ax = parts.new_axes(ax, width=8.4, height=4.4)
    months = held["period"].to_numpy(float)
    ax.fill_between(
        months, held["low"], held["high"], color=parts.accent(), alpha=0.16, linewidth=0
    )
    ax.plot(months, held["value"], color=parts.accent(), label="Model, with interval")
    ax.plot(months, held["plain_rule"], color=theme.OTHER, linestyle=(0, (4, 3)),
            label="Plain rule: the same chance in every month")  # fmt: skip
    ax.plot(months, held["observed"], color=theme.INK, marker="D", markersize=3.5, linestyle="",
            label="What came (Kaplan-Meier)")  # fmt: skip
    cut = float(held.loc[~held["held"].astype(bool), "period"].max())
    ax.axvline(cut, color=theme.MUTED, linewidth=1.2)
    ax.annotate("held out from here", xy=(cut, 1.0), xytext=(4, -4), textcoords="offset points",
                va="top", fontsize=9, color=theme.MUTED)  # fmt: skip
    ax.set(xlim=(0, months.max()), ylim=(0, 1.02), xlabel="Months as a customer",
           ylabel="Still a customer")  # fmt: skip
    ax.legend(frameon=False, loc="lower left", fontsize=9.5)
    parts.number_axis(ax.yaxis, "share")
    ax.grid(axis="y")
    last = held.iloc[-1]
    sure = labels.interval_text(last["low"], last["high"], "share")
    parts.set_finding(
        ax,
        f"After {int(last['period'])} months {labels.share_text(last['value'])} were expected "
        f"({sure}) and {labels.share_text(last['observed'])} were still there",
    )
    return ax


# ---------------------------------------------------------------- renewals


def plot_renewals(renewals: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how many customers with a contract will still be there, beyond what was seen.

    Args:
        renewals: From ``valuing.value_customers``: ``period, projected, observed, value, low,
            high, n``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None without a projection.
    """
    if renewals.empty:
        return None
    ax = parts.new_axes(ax, width=8.4, height=4.4)
    months = renewals["period"].to_numpy(float)
    ax.fill_between(months, renewals["low"], renewals["high"], color=parts.accent(), alpha=0.16,
                    linewidth=0)  # fmt: skip
    ax.plot(months, renewals["value"], color=parts.accent())
    seen = renewals.dropna(subset=["observed"])
    ax.plot(seen["period"], seen["observed"], color=theme.INK, marker="D", markersize=3.5,
            linestyle="")  # fmt: skip
    ends = [float(renewals["value"].iloc[-1])]
    parts.end_labels(ax, ["Projection"], ends, [parts.accent()])
    ax.set(xlim=(0, months.max()), ylim=(0, 1.02), ylabel="Still a customer")
    ax.set_xlabel("Months as a customer\nDots: what was seen (Kaplan-Meier)")
    parts.number_axis(ax.yaxis, "share")
    ax.grid(axis="y")
    parts.set_finding(ax, _renewals_title(renewals))
    return ax


def _renewals_title(renewals: pd.DataFrame) -> str:
    last = renewals.iloc[-1]
    sure = labels.interval_text(last["low"], last["high"], "share")
    return (
        f"{labels.share_text(last['value'])} of new customers are expected to be there after "
        f"{int(last['period'])} months ({sure}, {parts.n_text(last['n'])})"
    )
