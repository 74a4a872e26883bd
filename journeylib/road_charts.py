"""Charts of the road: moves between stages, ribbons, time in a stage, channels, places.

A frame in, Axes out; every title is the finding, computed from the frame that is drawn. Not for
estimating anything. Cohorts and stays are drawn in `stay_charts`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib import chart_parts as parts
from journeylib import labels, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    Slots = dict[tuple[int, str], float]

MOST_STATES = 12
ENDINGS = ("end", "open")
STATE_WORDS = {"start": "Start", "end": "Ended", "open": "Still open", "left": "Gone"}
NODE, LEAST_NAMED = 0.07, 0.045
NEARLY_ALL = 0.95


def state_name(state: object) -> str:
    """Write a state as a reader says it: a stage, or one of start, ended, still open, gone."""
    return STATE_WORDS.get(str(state), labels.sentence_case(state))


def stage_hues(stages: Sequence[str]) -> dict[str, str]:
    """Give each stage a colour by its place, and ended, open and gone journeys greys."""
    hues = [theme.CATEGORIES[place % len(theme.CATEGORIES)] for place in range(len(stages))]
    return {**dict(zip(stages, hues, strict=True)), "end": theme.OTHER, "left": theme.OTHER,
            "open": "#b9c3cb"}  # fmt: skip


def plot_flows(
    flows: pd.DataFrame, stages: Sequence[str], *, ax: Axes | None = None
) -> Axes | None:
    """Draw where customers go from each stage, with starts and ends.

    Args:
        flows: Columns ``from, to, count, share, low, high, n``; ``open`` rows have no share.
        stages: Stages in journey order; those without a move are left out.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where fewer than two stages were met.
    """
    known = flows.dropna(subset=["share"]) if len(flows) else flows
    if known.empty:
        return None
    moves = flows[flows["to"] != "open"]
    met = set(moves["from"]) | set(moves["to"])
    own = [stage for stage in stages if stage in met]
    if len(own) < 2:
        return None
    table = known.pivot_table(index="from", columns="to", values="share", aggfunc="sum")
    froms = [state for state in ["start", *own] if state in set(moves["from"])]
    table = table.reindex(index=froms, columns=[*own, "end"])
    wide, high = max(7.6, 2.6 + 1.1 * table.shape[1]), 2.0 + 0.55 * len(table)
    ax = parts.new_axes(ax, width=wide, height=high)
    named = table.rename(index=state_name, columns=state_name)
    parts.heat_map(ax, named, limits=(0.0, 1.0), text=lambda share: f"{100 * share:.0f}")
    still = flows.loc[flows["to"] == "open", "count"].sum()
    withheld = moves[moves["share"].isna()]
    for origin, goal in withheld[["from", "to"]].itertuples(index=False):
        place = list(table.columns).index(goal), froms.index(origin)
        ax.text(place[0] + 0.5, place[1] + 0.5, "–", ha="center", va="center", fontsize=9)
    note = "Where they go next, % of the moves out of the row"
    note += "; –: withheld, too few on one side" * bool(len(withheld))
    open_note = f"\n{labels.count_text(still)} journeys that are still open are not counted"
    ax.set_xlabel(note + open_note * bool(still))
    ax.set_ylabel("From")
    parts.set_finding(ax, _flows_title(known))
    return ax


def _flows_title(known: pd.DataFrame) -> str:
    inner = known[(known["from"] != "start") & (known["to"] != "end")]
    # What nearly all do tells nothing, where there is a choice.
    inner = inner if (inner["share"] >= NEARLY_ALL).all() else inner[inner["share"] < NEARLY_ALL]
    top = (inner if len(inner) else known).sort_values("count", kind="stable").iloc[-1]
    sure = labels.interval_text(top.get("low", math.nan), top.get("high", math.nan), "share")
    between = ", ".join(filter(None, [sure, parts.n_text(top["n"])]))
    origin, goal = (parts.words(state_name(top[side])).lower() for side in ("from", "to"))
    share = labels.share_text(top["share"])
    return f"{share} of the moves out of {origin} lead to {goal} ({between})"


# ---------------------------------------------------------------- ribbons


def plot_ribbons(
    ribbons: pd.DataFrame, stages: Sequence[str], *, ax: Axes | None = None
) -> Axes | None:
    """Draw journeys as ribbons from stage to stage, with those that ended or are still open.

    Args:
        ribbons: Columns ``place, from, to, count``.
        stages: Stages in journey order.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where fewer than two stages were met.
    """
    rows = ribbons.dropna(subset=["count"]) if len(ribbons) else ribbons
    if rows.empty:
        return None
    met = set(rows["from"]) | set(rows["to"])
    order = [*(stage for stage in stages if stage in met), *ENDINGS]
    if len(met - set(ENDINGS)) < 2:
        return None
    hues = stage_hues(list(stages))
    ax = parts.new_axes(ax, width=9.4, height=5.4)
    total = float(rows.loc[rows["place"] == 1, "count"].sum())
    sizes = _node_sizes(rows)
    tops = _stack(sizes, order, gap=0.012 * total)
    _draw_ribbons(ax, rows, tops, hues)
    for (place, state), size in sizes.items():
        top = tops[place, state]
        ax.bar(place, size, bottom=top, width=2 * NODE, color=hues[state], zorder=3)
        if size > LEAST_NAMED * total:
            _name_node(
                ax, place, top + size / 2, f"{state_name(state)} {labels.share_text(size / total)}"
            )
    last = max(place for place, _ in sizes)
    ax.set_xticks(range(1, last + 1), [_ordinal(place) for place in range(1, last + 1)])
    most = max(tops[node] + size for node, size in sizes.items())
    ax.set(xlim=(0.85, last + 0.95), ylim=(most * 1.01, -0.01 * most), yticks=[])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_xlabel(f"Stages of a journey in order; heights are journeys ({parts.n_text(total)})")
    parts.set_finding(ax, _ribbons_title(rows, total))
    return ax


def _ordinal(place: int) -> str:
    return {1: "First stage", 2: "Second", 3: "Third"}.get(place, f"{place}th")


def _node_sizes(rows: pd.DataFrame) -> Slots:
    """Give the journeys at each node: what flows in or out, whichever is more.

    The two differ only where a small ribbon is withheld.
    """
    sizes: Slots = {}
    for side, later in (("from", 0), ("to", 1)):
        summed = rows.groupby(["place", side])["count"].sum().reset_index()
        for row in summed.to_dict("records"):
            node = int(row["place"]) + later, str(row[side])
            sizes[node] = max(sizes.get(node, 0.0), float(row["count"]))
    return sizes


def _stack(sizes: Slots, order: Sequence[str], *, gap: float) -> Slots:
    tops: Slots = {}
    for place in sorted({place for place, _ in sizes}):
        height = 0.0
        for state in order:
            if (place, state) in sizes:
                tops[place, state] = height
                height += sizes[place, state] + gap
    return tops


def _draw_ribbons(ax: Axes, rows: pd.DataFrame, tops: Slots, hues: dict[str, str]) -> None:
    leaving, coming = dict(tops), dict(tops)
    ranked = {state: place for place, state in enumerate(hues)}
    ordered = rows.assign(a=rows["from"].map(ranked), b=rows["to"].map(ranked))
    curve = np.linspace(0, 1, 40)
    ease = curve**2 * (3 - 2 * curve)
    for row in ordered.sort_values(["place", "a", "b"]).to_dict("records"):
        start, goal = (int(row["place"]), row["from"]), (int(row["place"]) + 1, row["to"])
        low, high, size = leaving[start], coming[goal], float(row["count"])
        x = start[0] + NODE + curve * (1 - 2 * NODE)
        edge = low + ease * (high - low)
        hue = hues[row["to"]] if row["to"] in ENDINGS else hues[row["from"]]
        ax.fill_between(x, edge, edge + size, color=hue, alpha=0.32, linewidth=0, zorder=2)
        leaving[start] += size
        coming[goal] += size


def _name_node(ax: Axes, place: int, height: float, text: str) -> None:
    ax.annotate(
        parts.words(text, 26), xy=(place + NODE + 0.03, height), va="center", fontsize=8.5,
        color=theme.INK, zorder=4,
        bbox={"facecolor": theme.PAPER, "alpha": 0.7, "edgecolor": "none", "pad": 1.2},
    )  # fmt: skip


def _ribbons_title(rows: pd.DataFrame, total: float) -> str:
    first = rows[rows["place"] == 1]
    opening = first.groupby("from")["count"].sum()
    share = labels.share_text(opening.max() / total)
    ended = rows.loc[rows["to"] == "end", "count"].sum() / total
    last = int(rows["place"].max())
    return (
        f"{share} of {labels.count_text(total)} journeys begin in {parts.words(opening.idxmax())}; "
        f"{labels.share_text(ended)} have ended after {last} stages or fewer"
    )


# ---------------------------------------------------------------- time in a stage


def plot_passages(
    curves: pd.DataFrame, stages: Sequence[str], *, ax: Axes | None = None
) -> Axes | None:
    """Draw the share of customers who have gone on from each stage, day by day.

    Args:
        curves: Columns ``stage, days, value, low, high, n, customers``.
        stages: Stages in journey order.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None where nobody goes on.
    """
    known = curves.dropna(subset=["value"]) if len(curves) else curves
    if known.empty or not (known["value"] > 0).any():
        return None
    ax = parts.new_axes(ax, width=8.4, height=4.4)
    hues = stage_hues(list(stages))
    own = [stage for stage in stages if stage in set(known["stage"])]
    ends = []
    for place, stage in enumerate(own):
        rows = known[known["stage"] == stage]
        dash = (0, (6, 2)) if place % 2 else "-"
        ax.fill_between(rows["days"], rows["low"], rows["high"], color=hues[stage], alpha=0.16,
                        linewidth=0)  # fmt: skip
        ax.plot(rows["days"], rows["value"], color=hues[stage], linestyle=dash)
        ends.append(float(rows["value"].iloc[-1]))
    ax.set(xlim=(0, float(known["days"].max()) or 1.0), ylim=(0, 1.02))
    names = [parts.words(state_name(stage), 22) for stage in own]
    parts.end_labels(ax, names, ends, [hues[stage] for stage in own])
    parts.number_axis(ax.yaxis, "share")
    ax.set(xlabel="Days since the stage was reached", ylabel="Gone on to a later stage")
    ax.grid(axis="y")
    parts.set_finding(ax, _passages_title(known))
    return ax


def _passages_title(known: pd.DataFrame) -> str:
    last = known.groupby("stage", sort=False).tail(1)
    # The last move, to praise, is rare in every business: others that lose anybody come first.
    early = last.iloc[:-1]
    last = early if bool((early["value"] < NEARLY_ALL).any()) else last
    worst = last.iloc[int(((1 - last["value"]) * last["customers"]).to_numpy().argmax())]
    sure = labels.interval_text(worst["low"], worst["high"], "share")
    days = labels.count_text(worst["days"])
    return (
        f"{labels.share_text(worst['value'])} go on from {parts.words(worst['stage'])} within "
        f"{days} days ({sure}, {parts.n_text(worst['customers'])})"
    )


# ---------------------------------------------------------------- channels and places


def plot_cells(cells: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw for each stage and channel how many go on to a later stage.

    Args:
        cells: Columns ``place, stage, channel, customers, value, low, high``, in journey order.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None with fewer than two values.
    """
    known = cells.dropna(subset=["value"]) if len(cells) else cells
    if known.empty:
        return None
    weight = known.groupby("channel")["customers"].sum().sort_values(ascending=False)
    channels = list(weight.index[:MOST_STATES])
    stages = list(known.sort_values("place")["stage"].drop_duplicates())
    if len(known) < 2:
        return None
    table = known.pivot_table(index="channel", columns="stage", values="value", aggfunc="sum")
    table = table.reindex(index=channels, columns=stages)
    counts = known.pivot_table(index="channel", columns="stage", values="customers", aggfunc="sum")
    wide, high = max(7.6, 2.4 + 1.5 * len(stages)), 1.9 + 0.62 * len(channels)
    ax = parts.new_axes(ax, width=wide, height=high)
    named = table.rename(columns=state_name)
    parts.heat_map(ax, named, limits=(0.0, 1.0), text=lambda share: f"{100 * share:.0f} %")
    under = counts.reindex(index=channels, columns=stages).to_numpy(float)
    for text in ax.texts:
        column, row = (int(at) for at in text.get_position())
        text.set_text(f"{text.get_text()}\n{parts.n_text(under[row, column])}")
        text.set_fontsize(8.5)
    left = len(weight) - len(channels)
    more = f"; {left} other channels not shown" if left > 0 else ""
    ax.set(xlabel=f"Share that goes on to a later stage, by any channel{more}", ylabel="Channel")
    parts.set_finding(ax, _cells_title(known[known["channel"].isin(channels)]))
    return ax


def _cells_title(known: pd.DataFrame) -> str:
    spread = known.groupby("stage")["value"].agg(["min", "max", "size"])
    apart = (spread["max"] - spread["min"]).where(spread["size"] > 1)
    if apart.dropna().empty:
        first = known.iloc[0]
        share, n = labels.share_text(first["value"]), parts.n_text(first["customers"])
        return f"{share} go on from {parts.words(first['stage'])} in {first['channel']} ({n})"
    own = known[known["stage"] == apart.idxmax()].sort_values("value", kind="stable")
    low, high = own.iloc[0], own.iloc[-1]
    told = [
        f"{labels.share_text(row['value'])} by {parts.words(row['channel'])}"
        f" ({parts.n_text(row['customers'])})"
        for row in (low, high)
    ]
    return f"Channels differ most in {parts.words(low['stage'])}: {told[0]} go on, {told[1]}"


def plot_places(places: pd.DataFrame, *, ax: Axes | None = None) -> Axes | None:
    """Draw where journeys stand at their first, second, third … event.

    Args:
        places: Columns ``place, state, count, share``; ``end`` and ``open`` among the states.
        ax: Axes to draw on; fresh ones by default.

    Returns:
        The axes, or None without a share.
    """
    known = places.dropna(subset=["share"]) if len(places) else places
    if known.empty:
        return None
    table = known.pivot_table(index="state", columns="place", values="share", aggfunc="sum")
    events = table.drop(index=list(ENDINGS), errors="ignore")
    order = events.sum(axis=1).sort_values(ascending=False, kind="stable").index
    shown = table.loc[list(order[:MOST_STATES])]
    if len(order) > MOST_STATES:
        rest = (
            table.loc[list(order[MOST_STATES:])].sum().rename(f"{len(order) - MOST_STATES} others")
        )
        shown = pd.concat([shown, rest.to_frame().T])
    shown = pd.concat([shown, table.reindex([e for e in ENDINGS if e in table.index])])
    shown = shown.rename(index=lambda name: STATE_WORDS.get(str(name), name))
    shown = shown.where(shown > 0)
    ax = parts.new_axes(ax, width=9.0, height=1.9 + 0.4 * len(shown))
    parts.heat_map(ax, shown, limits=(0.0, float(np.nanmax(shown)) or 1.0),
                   text=lambda share: f"{100 * share:.0f}" if share >= 0.005 else "<1")  # fmt: skip
    ax.tick_params(axis="x", rotation=0)
    ax.set(xlabel="Place in the journey (% of journeys; a repeat is a place of its own)", ylabel="")
    parts.set_finding(ax, _places_title(known))
    return ax


def _places_title(known: pd.DataFrame) -> str:
    last = int(known["place"].max())
    whole = known.loc[known["place"] == 1, "count"].sum()
    first = known[known["place"] == 1].sort_values("share", kind="stable").iloc[-1]
    gone = known[(known["place"] == last) & (known["state"] == "end")]["share"].sum()
    return (
        f"{labels.share_text(first['share'])} of {labels.count_text(whole)} journeys begin with "
        f"{parts.words(first['state'])}; {labels.share_text(gone)} have ended before touchpoint "
        f"{last}"
    )
