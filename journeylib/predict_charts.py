"""Charts of foretelling: chances held against what came, models side by side, next touchpoints.

A frame in, Axes out; every title is the finding, computed from the frame that is drawn. Not for
estimating anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeylib import chart_parts as parts
from journeylib import labels, theme
from journeylib.arrivals import EVERYONE
from journeylib.prospects import LEFT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from journeylib.prospects import Predicted

MODELS = {
    "average": "The average for everybody",
    "plain": "Plain: how lately, often, much",
    "regression": "Regression on all known",
    "boosting": "Boosted trees",
}
SHORT = {"average": "the average", "plain": "the plain model", "regression": "the regression",
         "boosting": "boosted trees"}  # fmt: skip
VERBS = {"regression": "beats", "boosting": "beat"}
USED = {"regression": "is used", "boosting": "are used"}
PLAIN_SNAPSHOT = "Plain: how long a customer"
ORDERS = {0: "Always the most frequent", 1: "From the touchpoint before",
          2: "From the two before"}  # fmt: skip
MEASURES = {
    "auc": "Pairs in the right order", "log_loss": "Log-loss (less is better)",
    "brier": "Brier score (less is better)", "scaled_brier": "Brier score, scaled (1 is perfect)",
    "slope": "Calibration slope (1 is right)",
    "intercept": "Calibration in the large, log-odds (0 is right)",
    "ece": "Expected calibration error",
    "top_1": "Named by the first guess", "top_3": "Named by one of three guesses",
}  # fmt: skip
FIRST, THIRD = "top_1", "top_3"


def model_name(name: str, kind: str) -> str:
    """Write a model as a reader says it.

    Args:
        name: ``average``, ``plain``, ``regression`` or ``boosting``.
        kind: What leaving means: ``orders``, ``contract`` or ``snapshot``.
    """
    return PLAIN_SNAPSHOT if name == "plain" and kind == "snapshot" else MODELS[name]


def plot_calibration(predicted: Predicted, *, ax: Axes | None = None) -> Axes | None:
    """Draw what was said against what came, by groups of risk, with the customers of each chance.

    Args:
        predicted: From ``predicting.predict_customers``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where leaving cannot be foretold.
    """
    table = predicted.calibration
    known = table.dropna(subset=["value"]) if len(table) else table
    if known.empty:
        return None
    ax = parts.new_axes(ax, width=7.4, height=5.6)
    whole, groups = (known[(known["tenths"] == EVERYONE) == same] for same in (True, False))
    top = float(np.nanmax([*groups["predicted"], *groups["high"], 0.05])) * 1.06
    top = min(top, 1.02)
    ax.plot([0, top], [0, top], color=theme.MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    x, value, low, high = (parts.numbers(groups, n) for n in ("predicted", "value", "low", "high"))
    ax.vlines(x, low, high, color=parts.accent(), linewidth=5, alpha=0.32, zorder=2)
    ax.scatter(x, value, s=46, color=parts.accent(), edgecolor=theme.PAPER, zorder=3)
    ax.set(xlim=(0, top), ylim=(0, top))
    ax.grid(visible=True, axis="both")
    parts.number_axis(ax.xaxis, "share")
    parts.number_axis(ax.yaxis, "share")
    left = LEFT[predicted.rule.kind]
    ax.set_ylabel(f"Customers who {left}, with interval")
    ax.annotate("Dashed: as many as was said", xy=(0.98, 0.03), xycoords="axes fraction",
                ha="right", fontsize=9, color=theme.MUTED)  # fmt: skip
    _draw_spread(ax, predicted.spread, top)
    if len(whole):
        parts.set_finding(ax, _calibration_title(whole.iloc[0], left))
    return ax


def _draw_spread(ax: Axes, spread: pd.DataFrame, top: float) -> None:
    """Draw how many customers were given each chance, below the curve."""
    panel = ax.inset_axes((0, -0.34, 1, 0.17))
    width = spread["end"] - spread["start"]
    panel.bar(spread["start"], parts.numbers(spread, "customers"), width=0.92 * width, align="edge",
              color=theme.OTHER, alpha=0.6)  # fmt: skip
    panel.set(xlim=(0, top))
    panel.set_ylabel("Customers", fontsize=9)
    parts.number_axis(panel.yaxis, "count")
    parts.number_axis(panel.xaxis, "share")
    ax.set_xticklabels([])
    few = " (small groups withheld)" if spread["customers"].isna().any() else ""
    panel.set_xlabel(f"Chance that was told beforehand{few}")
    for side in ("right", "top"):
        panel.spines[side].set_visible(False)


def _calibration_title(row: pd.Series, left: str) -> str:
    said = labels.share_text(row["predicted"])
    came = labels.share_text(row["value"])
    sure = labels.interval_text(row["low"], row["high"], "share")
    return (
        f"{said} were expected, and {came} ({sure}) {left} "
        f"({parts.n_text(row['n'])} customers of the hold-out)"
    )


def plot_models(predicted: Predicted, *, ax: Axes | None = None) -> Axes | None:
    """Draw how well each model orders customers, and how far its chances are from what came.

    Args:
        predicted: From ``predicting.predict_customers``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where leaving cannot be foretold.
    """
    if predicted.leaving is None or predicted.models.empty:
        return None
    chosen, kind = predicted.leaving.chosen, predicted.rule.kind
    areas, losses = (
        predicted.models[predicted.models["measure"] == measure].reset_index(drop=True)
        for measure in ("auc", "log_loss")
    )
    ax = parts.new_axes(ax, width=9.6, height=parts.row_height(len(areas), each=0.5, frame=1.9))
    names = [model_name(name, kind) + (" (used)" if name == chosen else "")
             for name in areas["model"]]  # fmt: skip
    places = parts.list_rows(ax, names)
    hues = [parts.accent() if name == chosen else theme.OTHER for name in areas["model"]]
    parts.draw_intervals(ax, areas, colours=hues, places=places)
    for place, area in zip(places, parts.numbers(areas, "value"), strict=True):
        ax.annotate(f"{100 * area:.0f}", xy=(area, place), xytext=(0, 8), ha="center",
                    textcoords="offset points", fontsize=9, color=theme.MUTED)  # fmt: skip
    ax.axvline(0.5, color=theme.LINE, linewidth=1, zorder=1)
    ax.set_xlim(min(0.48, float(areas["low"].min()) - 0.01), float(areas["high"].max()) + 0.03)
    parts.number_axis(ax.xaxis, "share")
    ax.set_xlabel("Pairs put in the right order\n(50 % is chance; with interval)")
    _draw_losses(ax, losses, hues, places)
    parts.set_finding(ax, _models_title(predicted.gains, chosen))
    return ax


def _draw_losses(ax: Axes, losses: pd.DataFrame, hues: list[str], places: np.ndarray) -> None:
    panel = ax.inset_axes((1.05, 0, 0.45, 1))
    parts.draw_intervals(panel, losses, colours=hues, places=places)
    panel.set(ylim=ax.get_ylim(), yticks=[])
    panel.set_xlim(parts.share_limits([*losses["low"], *losses["high"]]))
    panel.set_xlabel("Log-loss, bits a customer\n(less is better; with interval)")
    parts.number_axis(panel.xaxis, "bits")
    for side in ("left", "right", "top"):
        panel.spines[side].set_visible(False)
    panel.grid(axis="x")


def _models_title(gains: pd.DataFrame, chosen: str) -> str:
    if chosen == "average":
        return "No model clearly tells who leaves better than the average does"
    if chosen == "plain":
        return "The plain model is as good as the others; it is used"
    own = gains[(gains["model"] == chosen) & (gains["low"] > 0) & (gains["against"] != "average")]
    beaten = " and ".join(SHORT[str(name)] for name in own["against"]) or SHORT["average"]
    name = labels.sentence_case(SHORT[chosen])
    return f"{name} clearly {VERBS[chosen]} {beaten}, and {USED[chosen]}"


def plot_next_touchpoints(measures: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw how often the next touchpoint is foretold, by how much of the past is looked at.

    Args:
        measures: ``next_touchpoints`` of ``predicting.predict_customers``.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where there is nothing to foretell.
    """
    if measures.empty:
        return None
    firsts, thirds = (measures[measures["measure"] == name].reset_index(drop=True)
                      for name in (FIRST, THIRD))  # fmt: skip
    asked = list(dict.fromkeys(firsts["asked"]))
    ax = parts.new_axes(ax, width=8.8, height=parts.row_height(len(firsts), each=0.42, frame=1.9))
    names = [ORDERS[int(order)] for order in firsts["order"]]
    parts.list_rows(ax, names)
    places = np.arange(len(names)) + 0.6 * firsts["asked"].map(asked.index).to_numpy(float)
    ax.set_yticks(places, names)
    ax.set_ylim(places[-1] + 0.6, -1.0)
    hues = [theme.OTHER if order == 0 else parts.accent() for order in firsts["order"]]
    parts.draw_intervals(ax, firsts, colours=hues, places=places)
    ax.scatter(thirds["value"], places, marker="|", s=120, color=hues, linewidth=2, zorder=3)
    for name in asked:
        first = places[(firsts["asked"] == name).to_numpy()][0]
        ax.annotate(labels.sentence_case(name), xy=(0, first - 0.62), fontweight="bold", fontsize=9,
                    xycoords=("axes fraction", "data"), va="center",
                    color=theme.MUTED)  # fmt: skip
    notes = [f"{labels.share_text(one)}, of three {labels.share_text(three)}"
             for one, three in zip(firsts["value"], thirds["value"], strict=True)]  # fmt: skip
    parts.side_notes(ax, notes, places)
    ax.set_xlim(0, 1)
    parts.number_axis(ax.xaxis, "share")
    ax.set_xlabel("Next touchpoints that the first guess names (dot, with interval),\n"
                  "or one of three guesses (bar)")  # fmt: skip
    parts.set_finding(ax, _next_title(firsts))
    return ax


def _next_title(firsts: pd.DataFrame) -> str:
    own = firsts[firsts["asked"] == firsts["asked"].iloc[0]].set_index("order")
    best = own["value"].idxmax()
    return (
        f"The first guess names {labels.share_text(own['value'][best])} of the next touchpoints "
        f"{own['asked'][best]}; always guessing the most frequent, "
        f"{labels.share_text(own['value'][0])} "
        f"({parts.n_text(own['n'][best])} customers)"
    )
