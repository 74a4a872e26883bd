"""The words around a journey map: headline, legend, the client's figures and the note below.

They are HTML and not part of the drawing, so that they wrap on a phone. Not for statistics.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from journeylib import labels, theme
from journeylib.losses import find_largest_loss
from journeylib.map_ghosts import ghosts_of
from journeylib.map_lanes import JourneyMap, expected, number, plain
from journeylib.svg_parts import bars, channel_dot, star

if TYPE_CHECKING:
    import pandas as pd

ICON = 18


def headline(map_: JourneyMap) -> str:
    """Say the two findings of the map: where customers feel worst and where most are lost."""
    told = [*_worst_stage(map_), *_loss(map_)]
    reached = labels.count_text(number(map_.stages.iloc[0], "reached"), map_.min_cell)
    name = plain(map_.stages["stage"].iloc[0])
    told = told or [f"{len(map_.stages)} stages; {reached} customers reach {name}"]
    return ". ".join(told) + "."


def _worst_stage(map_: JourneyMap) -> list[str]:
    if not len(map_.curve):
        return []
    rows = map_.curve[map_.curve["persona"].astype(str) == "all"]
    known = rows["value"].notna()
    if "n" in rows:
        known &= rows["n"].isna() | (rows["n"] >= map_.min_cell)
    rows = rows[known].sort_values("value", kind="stable")
    if len(rows) < 2:
        return []
    low = rows.iloc[0]
    n = f", n = {labels.count_text(number(low, 'n'))}" if "n" in rows else ""
    value = labels.value_text(float(low["value"]), "sentiment")
    return [f"Customers feel worst in {plain(low['stage'])} ({value}{n})"]


def _loss(map_: JourneyMap) -> list[str]:
    loss = find_largest_loss(map_.stages, min_cell=map_.min_cell)
    if loss is None:
        return []
    here, there = plain(loss.stage), plain(loss.following)
    going, n = labels.share_text(loss.share), labels.count_text(loss.reached)
    if loss.is_last:
        return [f"{going} go on from {here} to {there} (n = {n})"]
    return [f"Most customers are lost between {here} and {there} ({going} go on, n = {n})"]


def head(map_: JourneyMap, *, ids: str) -> str:
    """Write the heading of the figure: whose map it is, when, and its title."""
    kind = "Current state, as measured"
    kind += ", and a future state, as imagined" if len(map_.outlook) else ""
    parts = [kind, map_.period]
    kicker = " · ".join(labels.escape_label(part) for part in parts if part)
    title = labels.escape_label(map_.title) or "Journey map"
    return (
        f'<figcaption class="jm-head"><p class="jm-kicker">{kicker}</p>'
        f'<p class="jm-title" id="{ids}-name">{title}</p></figcaption>'
    )


def said(map_: JourneyMap) -> str:
    """Write whose view it is and its two findings."""
    count = labels.count_text(map_.customers, map_.min_cell)
    who = plain(map_.group) or "All customers"
    who += "" if math.isnan(map_.customers) else f" ({count})"
    return (
        f'<p class="jm-said"><strong>{labels.escape_label(who)}.</strong> '
        f"{labels.escape_label(headline(map_))}</p>"
    )


def key(map_: JourneyMap) -> str:
    """Explain colours and signs, only those that the map bears."""
    entries = []
    if len(map_.touchpoints):
        for name, mark in theme.channel_marks(map_.touchpoints["channel"]).items():
            entries.append((channel_dot(9, 9, 7.5, mark=mark), plain(name)))
    if len(map_.moments):
        entries.append((star(9, 9, 8), "moment of truth: the outcome differs most here"))
    if "support" in map_.touchpoints and map_.touchpoints["support"].isin(["fair"]).any():
        entries.append((bars(3, 15, 2), "how well a tone is backed: strong, fair, thin"))
    if len(map_.before):
        tick = '<path d="M1 9h16" stroke="#9aa7b1" stroke-width="4"/>'
        tick += f'<path d="M9 2v14" stroke="{theme.INK}" stroke-width="2"/>'
        days = f" ({plain(map_.period_before)})" if map_.period_before else ""
        entries.append((tick, f"tick and dotted line: previous period{days}"))
    if len(map_.outlook):
        diamond = f'<path d="M9 2l7 7-7 7-7-7Z" fill="#fff" stroke="{theme.GOOD}" '
        name = plain(map_.outlook["scenario"].iloc[0])
        entries.append((f'{diamond}stroke-width="2"/>', f"imagined future state: {name}"))
    rows = "".join(
        f'<li><svg width="{ICON}" height="{ICON}" viewBox="0 0 18 18" aria-hidden="true">{shape}'
        f"</svg>{labels.escape_label(text)}</li>"
        for shape, text in entries
    )
    return f'<ul class="jm-key">{rows}</ul>' if rows else ""


def figures(map_: JourneyMap) -> str:
    """Write the group's metrics as tiles, with interval, target and forecast."""
    rows = map_.metrics
    if len(rows) and "segment" in rows:
        rows = rows[~rows["segment"].astype(str).isin(set(map_.stages["stage"].astype(str)))]
    tiles = "".join(_tile(row, map_) for _, row in rows.iterrows())
    return f'<dl class="jm-kpis">{tiles}</dl>' if tiles else ""


def _tile(row: pd.Series, map_: JourneyMap) -> str:
    unit = labels.clean_label(row.get("unit"))
    brief = "" if unit == "points" else unit  # the value above has said it
    target = number(row, "target")
    after = number(expected(map_, str(row["metric"])), "value")
    told = [
        labels.interval_text(number(row, "low"), number(row, "high"), brief) or "no interval",
        "" if math.isnan(target) else f"target {labels.value_text(target, brief)}",
        "" if math.isnan(after) else f"imagined {labels.value_text(after, brief)}",
    ]
    value = labels.value_text(number(row, "value"), unit)
    return (
        f'<div class="jm-fact"><dt>{labels.escape_label(labels.metric_name(row["metric"]))}</dt>'
        f'<dd class="jm-value">{labels.escape_label(value)}</dd>'
        f"<dd>{labels.escape_label(' · '.join(filter(None, told)))}</dd></div>"
    )


def note(map_: JourneyMap) -> str:
    """Say how to read what is drawn, and what is not drawn."""
    whose = plain(map_.group) or "all customers"
    told = [
        f"Band: confidence interval of the mean tone of {whose}. A gap in a line: no scores.",
        "Thin lines have intervals too, in the table below." if _has_more(map_) else "",
        f"Counts below {map_.min_cell} are written as <{map_.min_cell}."
        if map_.min_cell > 1
        else "",
    ]
    if len(map_.touchpoints):
        out = int((~map_.touchpoints["stage"].astype(str).isin(set(map_.stages["stage"]))).sum())
        if out:
            verb = "touchpoint belongs" if out == 1 else "touchpoints belong"
            told.append(f"{out} {verb} to no stage and {'is' if out == 1 else 'are'} not drawn.")
    text = labels.escape_label(" ".join(filter(None, told)))
    return f'<p class="jm-note">{text}</p>'


def _has_more(map_: JourneyMap) -> bool:
    stages = [str(stage) for stage in map_.stages["stage"]]
    others = len(map_.curve) and (map_.curve["persona"].astype(str) != "all").any()
    return bool(others or ghosts_of(map_, stages))
